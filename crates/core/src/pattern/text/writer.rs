//! From patterns to pattern text.

use std::fmt::Write;

use super::COLUMNS;
use super::names::{self, REGEX};
use crate::pattern::{Count, FileStructurePattern, NameAlternative, NameTest};

/// The blanks in front of a line, for each level.
const INDENT: usize = 4;

/// One entry of a directory's block.
enum Item<'p> {
    Files(String, &'p NameTest),
    Directory(&'static str, &'p FileStructurePattern),
    /// A requirement of directories, one pattern or several.
    Directories(String, &'p [FileStructurePattern]),
    NothingElse,
}

/// What a pattern asks for, in the order in which it is written.
fn items(pattern: &FileStructurePattern) -> impl Iterator<Item = Item<'_>> {
    let word = |word: &'static str| move |test| Item::Files(word.to_owned(), test);
    let files = pattern.files().iter().map(|file| Item::Files(number(file.count()), file.test()));
    let required = pattern.directories().iter();
    let required =
        required.map(|asked| Item::Directories(number(asked.count()), asked.alternatives()));
    let optional = pattern.optional_directories().iter();
    let forbidden = pattern.forbidden_directories().iter();
    files
        .chain(pattern.optional_files().iter().map(word("optional ")))
        .chain(pattern.forbidden_files().iter().map(word("no ")))
        .chain(required)
        .chain(optional.map(|directory| Item::Directory("optional ", directory)))
        .chain(forbidden.map(|directory| Item::Directory("no ", directory)))
        .chain(pattern.closed().then_some(Item::NothingElse))
}

/// How many are asked for, as it stands in front of a name.
fn number(count: Count) -> String {
    match (count.min(), count.max()) {
        _ if count.is_default() => String::new(),
        (min, None) => format!("{min}+ "),
        (min, Some(max)) if min == max => format!("{min} "),
        (min, Some(max)) => format!("{min}-{max} "),
    }
}

/// The pattern on several lines.
pub(super) fn indented(pattern: &FileStructurePattern) -> String {
    let mut out = String::new();
    write_directory(&mut out, pattern, 0);
    out
}

/// The pattern on one line, if that is not longer than [`COLUMNS`].
pub(super) fn on_one_line(pattern: &FileStructurePattern) -> Option<String> {
    let mut line = Line { out: String::new(), room: COLUMNS };
    line.directory(pattern, false).map(|()| line.out)
}

/// Writes a directory and its block below it, from the place of its name on.
fn write_directory(out: &mut String, pattern: &FileStructurePattern, level: usize) {
    write_directory_name(out, pattern);
    for item in items(pattern) {
        write_item(out, &item, level + 1);
    }
}

/// Writes an entry on a line of its own.
fn write_item(out: &mut String, item: &Item<'_>, level: usize) {
    let indent = level * INDENT;
    break_line(out, indent);
    match item {
        Item::Files(word, test) => {
            out.push_str(word);
            write_names(out, test, "");
        }
        Item::Directory(word, pattern) => {
            out.push_str(word);
            write_directory(out, pattern, level);
        }
        Item::Directories(word, alternatives) => {
            out.push_str(word);
            match alternatives {
                [pattern] => write_directory(out, pattern, level),
                _ => write_alternatives(out, alternatives, level, word.len()),
            }
        }
        Item::NothingElse => out.push_str("nothing else"),
    }
}

/// Writes alternatives with a block for each: on one line, or else with the blocks in lines
/// between their braces.
fn write_alternatives(
    out: &mut String,
    alternatives: &[FileStructurePattern],
    level: usize,
    used: usize,
) {
    let indent = level * INDENT;
    let mut line = Line { out: String::new(), room: COLUMNS.saturating_sub(indent + used) };
    if line.alternatives(alternatives).is_some() {
        out.push_str(&line.out);
        return;
    }
    for (index, pattern) in alternatives.iter().enumerate() {
        out.push_str(if index > 0 { " | " } else { "" });
        write_directory_name(out, pattern);
        out.push('{');
        let mut is_empty = true;
        for item in items(pattern) {
            write_item(out, &item, level + 1);
            is_empty = false;
        }
        if !is_empty {
            break_line(out, indent);
        }
        out.push('}');
    }
}

fn break_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A text on one line, and how many columns are left. To go beyond them is `None`.
struct Line {
    out: String,
    room: usize,
}

impl Line {
    fn push(&mut self, text: &str) -> Option<()> {
        self.room = self.room.checked_sub(text.chars().count())?;
        self.out.push_str(text);
        Some(())
    }

    fn directory(&mut self, pattern: &FileStructurePattern, with_block: bool) -> Option<()> {
        let mut name = String::new();
        write_directory_name(&mut name, pattern);
        self.push(&name)?;
        let mut items = items(pattern).peekable();
        if !with_block && items.peek().is_none() {
            return Some(());
        }
        self.push("{")?;
        for (index, item) in items.enumerate() {
            self.push(if index > 0 { ", " } else { "" })?;
            self.item(&item)?;
        }
        self.push("}")
    }

    fn item(&mut self, item: &Item<'_>) -> Option<()> {
        match item {
            Item::Files(word, test) => {
                let mut names = word.clone();
                write_names(&mut names, test, "");
                self.push(&names)
            }
            Item::Directory(word, pattern) => {
                self.push(word)?;
                self.directory(pattern, false)
            }
            Item::Directories(word, alternatives) => {
                self.push(word)?;
                self.alternatives(alternatives)
            }
            Item::NothingElse => self.push("nothing else"),
        }
    }

    fn alternatives(&mut self, alternatives: &[FileStructurePattern]) -> Option<()> {
        let several = alternatives.len() > 1;
        for (index, pattern) in alternatives.iter().enumerate() {
            self.push(if index > 0 { " | " } else { "" })?;
            self.directory(pattern, several)?;
        }
        Some(())
    }
}

fn write_directory_name(out: &mut String, pattern: &FileStructurePattern) {
    match pattern.directory_name() {
        Some(test) if test.as_glob().is_none_or(|glob| glob.as_str() != Some("")) => {
            write_names(out, test, "/");
        }
        _ => out.push_str("*/"),
    }
}

/// Writes the names of a test, with something behind each.
fn write_names(out: &mut String, test: &NameTest, behind: &str) {
    for (index, alternative) in test.alternatives().iter().enumerate() {
        out.push_str(if index > 0 { " | " } else { "" });
        write_name(out, alternative);
        out.push_str(behind);
    }
}

/// Writes a name, in quotes if it would be read otherwise without.
fn write_name(out: &mut String, name: &NameAlternative) {
    match name {
        NameAlternative::Glob(glob) => {
            let code_points: Vec<u32> = glob.code_points().collect();
            match glob.as_str() {
                Some(text) if names::reads_bare(&code_points) => out.push_str(text),
                // Backslashes and quotes are easier to read if they stand for themselves.
                _ => write_quoted(out, &code_points, &['\\', '"']),
            }
        }
        NameAlternative::Regex(regex) => {
            let text: Vec<u32> = regex.as_str().chars().map(u32::from).collect();
            out.push_str(REGEX);
            match names::regex_reads_bare(&text) {
                true => out.push_str(regex.as_str()),
                false => write_quoted(out, &text, &['\\', '"', '{', '|', '[', '(', '/', ',', ' ']),
            }
        }
    }
}

/// Writes a name in quotes: in single ones if they can hold it and it has one of `plain`, which
/// are easier to read so.
fn write_quoted(out: &mut String, name: &[u32], plain: &[char]) {
    let characters = || name.iter().map(|&c| char::from_u32(c));
    let holds = |c: char| !(c == '\'' || c.is_control() || needs_escape(c));
    let single = characters().flatten().any(|c| plain.contains(&c));
    if single && characters().all(|c| c.is_some_and(holds)) {
        out.push('\'');
        out.extend(characters().flatten());
        out.push('\'');
        return;
    }
    out.push('"');
    let mut last = 0;
    for &code_point in name {
        match char::from_u32(code_point) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c.is_control() || needs_escape(c) => escape(out, code_point, 'u', 4),
            Some(c) => out.push(c),
            // Behind a high surrogate the short escape would make one character of both.
            None if (0xD800..0xDC00).contains(&last) && code_point >= 0xDC00 => {
                escape(out, code_point, 'U', 8);
            }
            None => escape(out, code_point, 'u', 4),
        }
        last = code_point;
    }
    out.push('"');
}

/// What would not be seen as it is, besides control characters.
fn needs_escape(c: char) -> bool {
    c == '\u{feff}' || names::is_separator(c)
}

fn escape(out: &mut String, code_point: u32, letter: char, digits: usize) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\{letter}{code_point:0digits$x}");
}
