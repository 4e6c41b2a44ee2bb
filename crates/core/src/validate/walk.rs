//! The walk through a pattern that finds its problems.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::mem;

use super::implied::{COMPARED, Implied, allowed_directories, allowed_files, is_count_implied};
use super::names::{self, Kind};
use super::{Problem, Severity};
use crate::pattern::Place;
use crate::{
    DirectoryRequirement, FileRequirement, FileStructurePattern, NameAlternative, NameTest,
};

/// How many problems are reported: a pattern that has one may stand in many places, too.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// The problems of a pattern.
pub(super) fn problems(pattern: &FileStructurePattern) -> Vec<Problem> {
    let mut validator = Validator {
        place: Place::default(),
        role: Role::Required,
        without_problems: HashSet::new(),
        dead: HashMap::new(),
        implied: Implied::new(),
        problems: Vec::new(),
    };
    validator.pattern(pattern);
    validator.problems
}

/// What it means that something at a place can never match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The whole pattern matches nothing.
    Required,
    /// It is optional, or one of several alternatives.
    Optional,
    /// It is forbidden.
    Forbidden,
}

struct Validator {
    place: Place,
    /// That of the pattern at this place.
    role: Role,
    /// Patterns that were looked at. One may stand in many places.
    without_problems: HashSet<FileStructurePattern>,
    /// Whether a pattern matches nothing, of those that were asked.
    dead: HashMap<FileStructurePattern, bool>,
    implied: Implied,
    problems: Vec<Problem>,
}

impl Validator {
    fn pattern(&mut self, pattern: &FileStructurePattern) {
        if self.problems.len() >= MAX_PROBLEMS || self.without_problems.contains(pattern) {
            return;
        }
        let before = self.problems.len();
        self.parts(pattern);
        if self.problems.len() == before {
            self.without_problems.insert(pattern.clone());
        }
    }

    fn parts(&mut self, pattern: &FileStructurePattern) {
        if let Some(test) = pattern.directory_name() {
            self.at("directory_name", |this| {
                this.test(test, Kind::Directory, this.role);
            });
        }
        self.files(pattern);
        self.directories(pattern);

        let files: Vec<&NameTest> = pattern.files().iter().map(FileRequirement::test).collect();
        let files = First::of("files", &files);
        let optional: Vec<_> = pattern.optional_files().iter().collect();
        let optional = First::of("optional_files", &optional);
        self.each("optional_files", pattern.optional_files(), |this, index, test| {
            let repeated = files.required(&test).or_else(|| optional.before(&test, index));
            if this.is_dead(test, Kind::File) {
                this.test(test, Kind::File, Role::Optional);
            } else if let Some(repeated) = repeated {
                this.idle(repeated);
            } else if this.implied.tests(test, pattern.forbidden_files(), Kind::File) {
                this.idle(
                    "never there in a match, since it is forbidden: remove one of them".into(),
                );
            } else {
                this.test(test, Kind::File, Role::Optional);
            }
        });

        let directories: Vec<Option<&FileStructurePattern>> =
            pattern.directories().iter().map(only_pattern).collect();
        let directories = First::of("directories", &directories);
        let optional: Vec<_> = pattern.optional_directories().iter().collect();
        let optional = First::of("optional_directories", &optional);
        self.each("optional_directories", pattern.optional_directories(), |this, index, sub| {
            let repeated =
                directories.required(&Some(sub)).or_else(|| optional.before(&sub, index));
            if let Some(repeated) = repeated {
                this.idle(repeated);
            // A closed directory allows its name, whatever else it asks for.
            } else if !pattern.closed() && this.is_forbidden_directory(pattern, sub) {
                this.idle(
                    "never there in a match, since it is forbidden: remove one of them".into(),
                );
            } else {
                this.sub_pattern(sub, Role::Optional);
            }
        });

        self.forbidden(pattern);
        self.closed(pattern);
    }

    fn files(&mut self, pattern: &FileStructurePattern) {
        let files = pattern.files();
        let live = |file: &FileRequirement| {
            file.count().min() > 0 && self.dead_file(pattern, file).is_none()
        };
        // What makes a glob of stars alone idle: a requirement that asks for more, if there is
        // any, otherwise the first glob of stars.
        let implying = files
            .iter()
            .position(|file| live(file) && !is_stars(file))
            .or_else(|| files.iter().position(is_stars));
        let all: Vec<_> = files.iter().collect();
        let first = First::of("files", &all);
        let mut same_test: HashMap<&NameTest, Vec<usize>> = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            same_test.entry(file.test()).or_default().push(index);
        }
        self.each("files", files, |this, index, file| {
            let count = file.count();
            if this.is_dead(file.test(), Kind::File) {
                return this.counted_test(file);
            }
            if let Some(reason) = this.dead_file(pattern, file) {
                return this.never(&reason, this.role);
            }
            if count.asks_for_nothing() {
                return this.idle(ask_nothing("optional_files"));
            }
            if let Some(repeated) = first.before(&file, index) {
                return this.idle(repeated);
            }
            let mut same = same_test[file.test()].iter().take(COMPARED);
            let more = same.find(|&&other| {
                files[other].count() != count && is_count_implied(files[other].count(), count)
            });
            if let Some(other) = more {
                return this.idle(format!(
                    "files[{other}] asks for the same and for more of it: remove this"
                ));
            }
            if is_stars(file)
                && let Some(implying) = implying
                && implying != index
            {
                // In a closed directory it allows all files, wherever it stands.
                let mend = match pattern.closed() {
                    true => "move it to optional_files",
                    false => {
                        "remove it, or move it to optional_files if all files are to belong to a \
                         match"
                    }
                };
                return this.idle(format!(
                    "any file that satisfies files[{implying}] satisfies this too: {mend}"
                ));
            }
            this.counted_test(file);
        });
    }

    /// The name test of a requirement of files.
    fn counted_test(&mut self, file: &FileRequirement) {
        let role = match file.count() {
            count if count.min() > 0 => self.role,
            count if count.max().is_some() => Role::Forbidden,
            _ => Role::Optional,
        };
        match file.count().is_default() {
            true => self.test(file.test(), Kind::File, role),
            false => self.at("name", |this| this.test(file.test(), Kind::File, role)),
        }
    }

    fn directories(&mut self, pattern: &FileStructurePattern) {
        let all: Vec<_> = pattern.directories().iter().collect();
        let first = First::of("directories", &all);
        self.each("directories", pattern.directories(), |this, index, required| {
            if let Some(repeated) = first.before(&required, index) {
                return this.idle(repeated);
            }
            let count = required.count();
            if count.asks_for_nothing() {
                return this.idle(ask_nothing("optional_directories"));
            }
            if let Some(reason) = this.dead_directory(pattern, required) {
                return this.never(&reason, this.role);
            }
            let alternatives = required.alternatives();
            let dead: Vec<bool> =
                alternatives.iter().map(|sub| this.is_dead_pattern(sub)).collect();
            let all_dead = dead.iter().all(|&dead| dead);
            let role = if count.min() > 0 { this.role } else { Role::Forbidden };
            let visit = |this: &mut Self| match alternatives {
                [one] => this.sub_pattern(one, role),
                several => {
                    for (index, sub) in several.iter().enumerate() {
                        this.place.enter_index(index);
                        match dead[index] {
                            false => this.alternative(several, index),
                            true if all_dead => this.sub_pattern(sub, role),
                            true => this.sub_pattern(sub, Role::Optional),
                        }
                        this.place.leave();
                    }
                }
            };
            match count.is_default() {
                true => visit(this),
                false => this.at("directory", |this| visit(this)),
            }
        });
    }

    /// One of several patterns of a requirement, which can match.
    fn alternative(&mut self, several: &[FileStructurePattern], index: usize) {
        let own = &several[index];
        let swallows = |this: &mut Self, other: usize| {
            let more = &several[other];
            // Of two that match the same the second is reported.
            this.implied.pattern(own, more)
                && this.implied.belongs(own, more)
                && (other < index
                    || !(this.implied.pattern(more, own) && this.implied.belongs(more, own)))
        };
        let other =
            (0..several.len().min(COMPARED)).find(|&other| other != index && swallows(self, other));
        match other {
            Some(other) => self.idle(format!(
                "the alternative {other} matches every directory that this one does, and takes \
                 all that belongs to it: remove this one"
            )),
            None => self.sub_pattern(own, self.role),
        }
    }

    fn forbidden(&mut self, pattern: &FileStructurePattern) {
        let tests = pattern.forbidden_files();
        let allowed = pattern.closed().then(|| allowed_files(pattern));
        let allowed = allowed.filter(|allowed| allowed.len() <= COMPARED);
        self.each("forbidden_files", tests, |this, index, test| {
            let swallows = |other: usize| {
                this.implied.test(test, &tests[other], Kind::File)
                    && (other < index || !this.implied.test(&tests[other], test, Kind::File))
            };
            if this.is_dead(test, Kind::File) {
                this.test(test, Kind::File, Role::Forbidden);
            } else if let Some(other) =
                (0..tests.len().min(COMPARED)).find(|&o| o != index && swallows(o))
            {
                this.idle(already_forbidden("forbidden_files", other));
            } else if allowed.as_ref().is_some_and(|allowed| is_never_allowed(test, allowed)) {
                this.idle(
                    "the pattern is closed, so this may not be there anyway: remove it".into(),
                );
            } else {
                this.test(test, Kind::File, Role::Forbidden);
            }
        });
        let subs = pattern.forbidden_directories();
        self.each("forbidden_directories", subs, |this, index, sub| {
            let swallows = |this: &mut Self, other: usize| {
                this.implied.pattern(sub, &subs[other])
                    && (other < index || !this.implied.pattern(&subs[other], sub))
            };
            if this.is_dead_pattern(sub) {
                this.sub_pattern(sub, Role::Forbidden);
            } else if let Some(other) =
                (0..subs.len().min(COMPARED)).find(|&o| o != index && swallows(this, o))
            {
                this.idle(already_forbidden("forbidden_directories", other));
            } else {
                this.sub_pattern(sub, Role::Forbidden);
            }
        });
    }

    fn closed(&mut self, pattern: &FileStructurePattern) {
        let any_file = |test: &NameTest| {
            let mut globs = test.alternatives().iter().filter_map(NameAlternative::as_glob);
            globs.any(|glob| glob.matches_everything())
        };
        let any_directory = |sub: &FileStructurePattern| {
            sub.directory_name().is_none_or(NameTest::takes_every_directory)
        };
        if pattern.closed()
            && allowed_files(pattern).iter().any(any_file)
            && allowed_directories(pattern).any(any_directory)
        {
            self.at("closed", |this| {
                this.idle(
                    "every file and every directory has a name that is allowed: remove it".into(),
                );
            });
        }
    }

    /// A nested pattern, of which it is known what it means if it can never match.
    fn sub_pattern(&mut self, sub: &FileStructurePattern, role: Role) {
        let role = self.inner(role);
        let around = mem::replace(&mut self.role, role);
        self.pattern(sub);
        self.role = around;
    }

    /// Looks at each alternative of a name test.
    fn test(&mut self, test: &NameTest, kind: Kind, role: Role) {
        let several = test.alternatives();
        let dead = |one: &NameAlternative| names::never(one, kind);
        let all_dead = several.iter().all(|one| dead(one).is_some());
        for (index, own) in several.iter().enumerate() {
            let swallows = |other: usize| {
                self.implied.alternative(own, &several[other], kind)
                    && (other < index || !self.implied.alternative(&several[other], own, kind))
            };
            let problem = match dead(own) {
                Some(reason) => Some(Err(reason)),
                None => (0..several.len().min(COMPARED))
                    .find(|&other| other != index && swallows(other))
                    .map(|other| {
                        format!("the alternative {other} passes every name that this one does: remove this one")
                    })
                    .or_else(|| names::idle(own))
                    .map(Ok),
            };
            let Some(problem) = problem else { continue };
            if several.len() > 1 {
                self.place.enter_index(index);
            }
            match problem {
                Ok(message) => self.idle(message),
                Err(reason) => self.never(&reason, if all_dead { role } else { Role::Optional }),
            }
            if several.len() > 1 {
                self.place.leave();
            }
        }
    }

    /// Whether no name passes.
    fn is_dead(&self, test: &NameTest, kind: Kind) -> bool {
        test.alternatives().iter().all(|one| names::never(one, kind).is_some())
    }

    /// Whether no directory matches.
    fn is_dead_pattern(&mut self, pattern: &FileStructurePattern) -> bool {
        if let Some(&known) = self.dead.get(pattern) {
            return known;
        }
        let dead = pattern.directory_name().is_some_and(|test| self.is_dead(test, Kind::Directory))
            || pattern.files().iter().any(|file| self.dead_file(pattern, file).is_some())
            || pattern.directories().iter().any(|required| {
                required.count().min() > 0
                    && (required.alternatives().iter().all(|sub| self.is_dead_pattern(sub))
                        || self.dead_directory(pattern, required).is_some())
            });
        self.dead.insert(pattern.clone(), dead);
        dead
    }

    /// Why a requirement of files can never be satisfied.
    fn dead_file(&self, pattern: &FileStructurePattern, file: &FileRequirement) -> Option<String> {
        let (test, min) = (file.test(), file.count().min());
        if min == 0 {
            return None;
        }
        if self.is_dead(test, Kind::File) {
            return Some("no file passes".into());
        }
        if let Some(reason) = too_many(test.alternatives().iter(), Kind::File, min) {
            return Some(reason);
        }
        let forbidden = pattern.forbidden_files();
        if !forbidden.is_empty() && self.implied.tests(test, forbidden, Kind::File) {
            return Some(
                "every file that passes is forbidden by forbidden_files: remove one of them".into(),
            );
        }
        let less = pattern.files().iter().take(COMPARED).position(|other| {
            other.count().max().is_some_and(|max| max < min)
                && self.implied.test(test, other.test(), Kind::File)
        })?;
        Some(format!(
            "files[{less}] has a max below this min, and all that passes here passes there"
        ))
    }

    /// Why a requirement of sub-directories can never be satisfied, for another reason than that
    /// no directory matches one of its patterns.
    fn dead_directory(
        &mut self,
        pattern: &FileStructurePattern,
        required: &DirectoryRequirement,
    ) -> Option<String> {
        let min = required.count().min();
        if min == 0 {
            return None;
        }
        let alternatives = required.alternatives();
        let any: NameAlternative = "*".into();
        let names = alternatives.iter().flat_map(|sub| match sub.directory_name() {
            Some(test) => test.alternatives(),
            None => std::slice::from_ref(&any),
        });
        if let Some(reason) = too_many(names, Kind::Directory, min) {
            return Some(reason);
        }
        if alternatives.iter().all(|sub| self.is_forbidden_directory(pattern, sub)) {
            return Some(
                "every directory that matches is forbidden by forbidden_directories: remove one \
                 of them"
                    .into(),
            );
        }
        let less = pattern.directories().iter().take(COMPARED).position(|other| {
            other.count().max().is_some_and(|max| max < min)
                && alternatives.iter().all(|sub| {
                    other.alternatives().iter().any(|other| self.implied.pattern(sub, other))
                })
        })?;
        Some(format!(
            "directories[{less}] has a max below this min, and all that matches here matches there"
        ))
    }

    fn is_forbidden_directory(
        &mut self,
        pattern: &FileStructurePattern,
        sub: &FileStructurePattern,
    ) -> bool {
        let mut forbidden = pattern.forbidden_directories().iter().take(COMPARED);
        forbidden.any(|forbidden| self.implied.pattern(sub, forbidden))
    }

    fn at(&mut self, key: &str, visit: impl FnOnce(&mut Self)) {
        self.place.enter_key(key);
        visit(self);
        self.place.leave();
    }

    /// Visits each item of a list with its place entered.
    fn each<T>(&mut self, key: &str, items: &[T], mut visit: impl FnMut(&mut Self, usize, &T)) {
        self.place.enter_key(key);
        for (index, item) in items.iter().enumerate() {
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
            self.place.enter_index(index);
            visit(self, index, item);
            self.place.leave();
        }
        self.place.leave();
    }

    /// What a role means here: below what is no requirement nothing is one.
    fn inner(&self, role: Role) -> Role {
        if role == Role::Required { self.role } else { role }
    }

    /// Reports what can never match.
    fn never(&mut self, reason: &str, role: Role) {
        match self.inner(role) {
            Role::Required => self.report(Severity::Never, format!("never matches: {reason}")),
            Role::Optional => self.idle(format!("never matches, so it adds nothing: {reason}")),
            Role::Forbidden => self.idle(format!("never matches, so it forbids nothing: {reason}")),
        }
    }

    fn idle(&mut self, message: String) {
        self.report(Severity::Idle, message);
    }

    fn report(&mut self, severity: Severity, message: String) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        self.problems.push(Problem { place: self.place.as_str().to_owned(), message, severity });
    }
}

/// Whether a requirement of files asks for any file at all, and nothing more.
fn is_stars(file: &FileRequirement) -> bool {
    file.as_glob().is_some_and(|glob| glob.matches_everything())
}

/// The pattern of a requirement that has only one.
fn only_pattern(required: &DirectoryRequirement) -> Option<&FileStructurePattern> {
    match required.alternatives() {
        [one] => Some(one),
        _ => None,
    }
}

/// Whether there are fewer names that pass than there must be.
fn too_many<'p>(
    mut alternatives: impl Iterator<Item = &'p NameAlternative>,
    kind: Kind,
    min: u32,
) -> Option<String> {
    let mut names = HashSet::new();
    // A glob of a directory that is empty passes any name.
    let every = alternatives.all(|one| {
        names::never(one, kind).is_some()
            || names::only_name(one).is_some_and(|name| {
                let any = kind == Kind::Directory && name.is_empty();
                names.insert(name);
                !any && names.len() < min as usize
            })
    });
    (every && !names.is_empty()).then(|| {
        let number = match names.len() {
            1 => "1 name passes".to_owned(),
            number => format!("{number} names pass"),
        };
        format!("only {number}, without a wildcard, and min is {min}")
    })
}

/// Whether none of the names that pass are allowed in a closed directory. Told of names without
/// wildcards alone.
fn is_never_allowed(test: &NameTest, allowed: &[NameTest]) -> bool {
    test.alternatives().iter().all(|one| {
        names::only_name(one)
            .is_some_and(|name| !allowed.iter().any(|allowed| allowed.is_match(&name[..])))
    })
}

fn ask_nothing(list: &str) -> String {
    format!("min is 0 and there is no max, so this asks for nothing: put it into {list}")
}

fn already_forbidden(list: &str, other: usize) -> String {
    format!("{list}[{other}] forbids all that this does: remove this")
}

/// The first index of each item of a list.
struct First<'p, T> {
    key: &'static str,
    indices: HashMap<&'p T, usize>,
}

impl<'p, T: Eq + Hash> First<'p, T> {
    fn of(key: &'static str, items: &'p [T]) -> Self {
        let mut indices = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            indices.entry(item).or_insert(index);
        }
        First { key, indices }
    }

    /// The message about an item that is in this list at a lower index, too.
    fn before(&self, item: &T, index: usize) -> Option<String> {
        let first = *self.indices.get(item)?;
        (first < index).then(|| format!("the same as {}[{first}]: remove one of them", self.key))
    }

    /// The message about an optional item that is in this list of required items, too.
    fn required(&self, item: &T) -> Option<String> {
        let first = self.indices.get(item)?;
        Some(format!("the same as {}[{first}], which is required: remove one of them", self.key))
    }
}
