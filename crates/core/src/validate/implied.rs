//! What follows from what: which of two name tests passes more names, and which of two patterns
//! more directories. A yes is certain; no means that it is not plain to see.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::names::{self, Kind};
use crate::glob::Token;
use crate::{Count, FileRequirement, FileStructurePattern, NameAlternative, NameTest};

/// How many steps are taken for one pattern, so that no pattern takes long. When they are used
/// up, nothing more is found out.
const STEPS: usize = 4_000_000;

/// With how many other items of a list one is compared.
pub(super) const COMPARED: usize = 256;

pub(super) struct Implied {
    left: Cell<usize>,
    patterns: HashMap<(FileStructurePattern, FileStructurePattern), bool>,
}

impl Implied {
    pub(super) fn new() -> Implied {
        Implied { left: Cell::new(STEPS), patterns: HashMap::new() }
    }

    /// Whether there are so many steps left, which are then taken.
    fn take(&self, steps: usize) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether every name that passes `less` passes `more`.
    pub(super) fn alternative(
        &self,
        less: &NameAlternative,
        more: &NameAlternative,
        kind: Kind,
    ) -> bool {
        // An expression is parsed for it.
        let steps = match less {
            NameAlternative::Glob(_) => 1,
            NameAlternative::Regex(regex) => 64 * regex.as_str().len(),
        };
        if !self.take(steps) {
            return false;
        }
        if less == more || names::never(less, kind).is_some() {
            return true;
        }
        let is_empty = |one: &NameAlternative| {
            kind == Kind::Directory && one.as_glob().is_some_and(|glob| glob.as_str() == Some(""))
        };
        if more.as_glob().is_some_and(|glob| glob.matches_everything()) || is_empty(more) {
            return true;
        }
        if is_empty(less) {
            return false;
        }
        if let Some(name) = names::only_name(less) {
            return self.take(name.len()) && more.is_match(&name[..]);
        }
        match (less, more) {
            (NameAlternative::Glob(less), NameAlternative::Glob(more)) => {
                let (less, more) = (&less.compiled().tokens, &more.compiled().tokens);
                self.take(less.len() * more.len()) && covers(more, less)
            }
            _ => false,
        }
    }

    /// Whether every name that passes `less` passes `more`.
    pub(super) fn test(&self, less: &NameTest, more: &NameTest, kind: Kind) -> bool {
        self.tests(less, std::slice::from_ref(more), kind)
    }

    /// Whether every name that passes `less` passes one of `more`.
    pub(super) fn tests(&self, less: &NameTest, more: &[NameTest], kind: Kind) -> bool {
        self.left.get() > 0
            && less.alternatives().iter().all(|less| {
                let mut more = more.iter().flat_map(NameTest::alternatives).take(COMPARED);
                more.any(|more| self.alternative(less, more, kind))
            })
    }

    /// The same for names of directories, for which nothing means every name.
    pub(super) fn name(&self, less: &FileStructurePattern, more: &FileStructurePattern) -> bool {
        let any: NameTest = "*".into();
        let name = |pattern: &FileStructurePattern| pattern.directory_name().cloned();
        let (less, more) = (name(less).unwrap_or(any.clone()), name(more).unwrap_or(any));
        self.test(&less, &more, Kind::Directory)
    }

    /// Whether every directory that matches `less` matches `more`.
    pub(super) fn pattern(
        &mut self,
        less: &FileStructurePattern,
        more: &FileStructurePattern,
    ) -> bool {
        if less == more {
            return true;
        }
        let pairs = less.files().len() * more.files().len()
            + less.directories().len() * more.directories().len()
            + less.forbidden_directories().len() * more.forbidden_directories().len();
        if !self.take(1 + pairs) {
            return false;
        }
        let pair = (less.clone(), more.clone());
        if let Some(&known) = self.patterns.get(&pair) {
            return known;
        }
        let answer = self.name(less, more)
            && more.files().iter().all(|more| self.file(less, more))
            && more
                .forbidden_files()
                .iter()
                .all(|more| self.tests(more, less.forbidden_files(), Kind::File))
            && more.directories().iter().all(|more| {
                more.count().asks_for_nothing()
                    || less.directories().iter().any(|less| {
                        is_count_implied(less.count(), more.count())
                        // More of them might be more than the max.
                        && (more.count().max().is_none() || less == more)
                        && less.alternatives().iter().all(|less| {
                            more.alternatives().iter().any(|more| self.pattern(less, more))
                        })
                    })
            })
            && more.forbidden_directories().iter().all(|more| {
                less.forbidden_directories().iter().any(|less| self.pattern(more, less))
            })
            && (!more.closed() || self.is_as_closed(less, more));
        self.patterns.insert(pair, answer);
        answer
    }

    /// Whether what belongs to a match of `less` belongs to one of `more`.
    pub(super) fn belongs(&self, less: &FileStructurePattern, more: &FileStructurePattern) -> bool {
        let files = |pattern: &FileStructurePattern| -> HashSet<NameAlternative> {
            allowed_files(pattern).iter().flat_map(NameTest::alternatives).cloned().collect()
        };
        let size = |pattern| allowed_files(pattern).len() + allowed_directories(pattern).count();
        if !self.take(10 * (size(less) + size(more))) {
            return false;
        }
        let directories: HashSet<_> = allowed_directories(more).collect();
        files(less).is_subset(&files(more))
            && allowed_directories(less).all(|sub| directories.contains(sub))
    }

    /// Whether the files of each directory that matches `pattern` satisfy this.
    fn file(&self, pattern: &FileStructurePattern, more: &FileRequirement) -> bool {
        more.count().asks_for_nothing()
            || pattern.files().iter().any(|less| {
                is_count_implied(less.count(), more.count())
                    && self.test(less.test(), more.test(), Kind::File)
                    && (more.count().max().is_none()
                        || self.test(more.test(), less.test(), Kind::File))
            })
    }

    /// Whether what is in a directory of `less` is allowed in one of `more`, which is closed.
    fn is_as_closed(&self, less: &FileStructurePattern, more: &FileStructurePattern) -> bool {
        let allowed = allowed_files(more);
        less.closed()
            && allowed_files(less).iter().all(|less| self.tests(less, &allowed, Kind::File))
            && allowed_directories(less)
                .all(|less| allowed_directories(more).any(|more| self.name(less, more)))
    }
}

/// The tests of the files that are allowed in a closed directory.
pub(super) fn allowed_files(pattern: &FileStructurePattern) -> Vec<NameTest> {
    let required = pattern.files().iter().map(FileRequirement::test);
    required.chain(pattern.optional_files()).cloned().collect()
}

/// The patterns whose names sub-directories of a closed directory may have.
pub(super) fn allowed_directories(
    pattern: &FileStructurePattern,
) -> impl Iterator<Item = &FileStructurePattern> {
    let required = pattern.directories().iter().flat_map(|required| required.alternatives());
    required.chain(pattern.optional_directories())
}

/// Whether any number that holds for `less` holds for `more`.
pub(super) fn is_count_implied(less: Count, more: Count) -> bool {
    let within = |max| less.max().is_some_and(|less| less <= max);
    less.min() >= more.min() && more.max().is_none_or(within)
}

/// Whether the tokens of `more` match whatever those of `less` do: token by token, where a star
/// takes any number of them.
fn covers(more: &[Token], less: &[Token]) -> bool {
    // For each number of tokens of `less`: whether the tokens of `more` so far cover these.
    let mut covered = vec![false; less.len() + 1];
    covered[0] = true;
    for token in more {
        if *token == Token::Star {
            let first = covered.iter().position(|&covered| covered).unwrap_or(covered.len());
            covered[first..].fill(true);
            continue;
        }
        for taken in (0..less.len()).rev() {
            covered[taken + 1] = covered[taken] && takes(token, &less[taken]);
        }
        covered[0] = false;
    }
    covered[less.len()]
}

/// Whether a token that is no star accepts every character that the other does, which is one.
fn takes(more: &Token, less: &Token) -> bool {
    match (more, less) {
        (_, Token::Star) => false,
        (Token::Any, _) => true,
        (more, Token::Char(c)) => more.accepts(*c),
        (more, less) => more == less,
    }
}
