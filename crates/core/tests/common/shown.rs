//! Patterns and trees as short texts, to read in the message of a test that fails.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use pathvein_core::{Count, FileStructurePattern, NameAlternative, NameTest};

use super::reference::{Matches, Sub, Tree};

/// The patterns, one a line: of many, those of some matches.
pub(crate) struct Patterns<'a>(pub(crate) &'a [FileStructurePattern]);

impl Patterns<'_> {
    /// What is in one of two sets of matches, and the patterns that are concerned.
    pub(crate) fn difference(&self, one: &Matches, other: &Matches) -> String {
        let differ: Matches = one ^ other;
        let positions: BTreeSet<usize> = differ.iter().map(|&(_, position)| position).collect();
        let patterns = positions.iter().map(|&i| format!("\n{i}: {}", shown(&self.0[i])));
        format!("{differ:?}{}", patterns.collect::<String>())
    }
}

impl Display for Patterns<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.len() > 10 {
            return Ok(());
        }
        let mut numbered = self.0.iter().enumerate();
        numbered.try_for_each(|(i, pattern)| write!(f, "\n{i}: {}", shown(pattern)))
    }
}

fn shown(pattern: &FileStructurePattern) -> String {
    let mut items = Vec::new();
    let number = |count: Count| match (count.is_default(), count.max()) {
        (true, _) => String::new(),
        (false, None) => format!("{}+ ", count.min()),
        (false, Some(max)) => format!("{}-{max} ", count.min()),
    };
    let tests = |tests: &[NameTest], word| {
        tests.iter().map(|it| format!("{word} {}", test(it))).collect::<Vec<_>>()
    };
    let subs = |subs: &[FileStructurePattern], word| {
        subs.iter().map(|it| format!("{word} {}", shown(it))).collect::<Vec<_>>()
    };
    items.extend(pattern.files().iter().map(|it| number(it.count()) + &test(it.test())));
    for item in pattern.directories() {
        let alternatives: Vec<_> = item.alternatives().iter().map(shown).collect();
        items.push(number(item.count()) + &alternatives.join(" | "));
    }
    items.extend(tests(pattern.optional_files(), "optional"));
    items.extend(subs(pattern.optional_directories(), "optional"));
    items.extend(tests(pattern.forbidden_files(), "no"));
    items.extend(subs(pattern.forbidden_directories(), "no"));
    items.extend(pattern.closed().then(|| "nothing else".to_owned()));
    let name = pattern.directory_name().map_or("(any)".into(), test);
    format!("{name}/{{{}}}", items.join(", "))
}

fn test(test: &NameTest) -> String {
    let one = |alternative: &NameAlternative| match alternative {
        NameAlternative::Glob(glob) => glob.as_str().unwrap_or("(not UTF-8)").to_owned(),
        NameAlternative::Regex(regex) => format!("regex:{regex}"),
    };
    test.alternatives().iter().map(one).collect::<Vec<_>>().join("|")
}

/// The tree, one entry a line.
impl Display for Tree {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        add(f, self, 1)
    }
}

fn add(f: &mut Formatter<'_>, tree: &Tree, level: usize) -> fmt::Result {
    let indent = "    ".repeat(level);
    for file in &tree.files {
        let untold = if tree.untold.contains(file) { " (or not)" } else { "" };
        write!(f, "\n{indent}{}{untold}", file.display())?;
    }
    for (name, sub) in &tree.directories {
        let what = match sub {
            Sub::Entered(_) => "",
            Sub::NotEntered => " (not entered)",
            Sub::Link => " (link)",
            Sub::Unlisted => " (unlisted)",
            Sub::Gone => " (gone)",
        };
        write!(f, "\n{indent}{}/{what}", name.display())?;
        if let Sub::Entered(below) = sub {
            add(f, below, level + 1)?;
        }
    }
    if tree.broke_off { write!(f, "\n{indent}...") } else { Ok(()) }
}
