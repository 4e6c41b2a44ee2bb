//! Trees on disk: made from choices, and read in the naive way.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::generate::{self, Choices};
use super::reference::{Sub, Tree};

/// Rules that match some of the generated names.
pub(crate) const RULES: [&str; 14] = [
    "a", "b/", "*.x", "/a", "a/b", "**/b", "a/**", "/a/*", "{a,b}.x", "*/a/", "[!a]", "c*/", "?",
    "/**/c/",
];

/// The options of a scan or a walk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) exclude: Vec<&'static str>,
    pub(crate) follow_links: bool,
    pub(crate) one_file_system: bool,
}

/// Makes a tree in the empty directory `root`.
pub(crate) fn build(choices: &mut impl Choices, root: &Path) {
    let mut directories = vec![root.to_path_buf()];
    let mut entries = Vec::new();
    let mut links = 0;
    for _ in 0..choices.below(24) {
        let parent = &directories[choices.below(directories.len())];
        let path = parent.join(generate::name(choices));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match choices.below(8) {
            0..4 => {
                fs::create_dir(&path).unwrap();
                directories.push(path.clone());
            }
            // There are few links, as each one doubles the paths if links are followed.
            7 if links < 4 => {
                links += 1;
                let target = match choices.below(4) {
                    0 => "nowhere".into(),
                    1 if !entries.is_empty() => {
                        let other: &PathBuf = &entries[choices.below(entries.len())];
                        other.clone()
                    }
                    2 => "..".into(),
                    _ => directories[choices.below(directories.len())].clone(),
                };
                symlink(target, &path).unwrap();
            }
            _ => fs::write(&path, "").unwrap(),
        }
        entries.push(path);
    }
}

/// Reads the tree at `root`. Paths that are loops of links go to `loops`.
pub(crate) fn read(root: &Path, options: &Options, loops: &mut Vec<PathBuf>) -> Tree {
    let root_data = fs::metadata(root).unwrap();
    let reader = Reader {
        options,
        rules: options.exclude.iter().map(|rule| Rule::new(rule)).collect(),
        device: root_data.dev(),
    };
    reader.read(root, Path::new(""), &mut vec![(root_data.dev(), root_data.ino())], loops)
}

struct Reader<'a> {
    options: &'a Options,
    rules: Vec<Rule>,
    device: u64,
}

impl Reader<'_> {
    fn read(
        &self,
        path: &Path,
        relative: &Path,
        ancestors: &mut Vec<(u64, u64)>,
        loops: &mut Vec<PathBuf>,
    ) -> Tree {
        let mut tree = Tree::default();
        for entry in fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name();
            let path = path.join(&name);
            let relative = relative.join(&name);
            let is_link = path.symlink_metadata().unwrap().is_symlink();
            let data = match fs::metadata(&path) {
                Ok(data) => Some(data),
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        || error.kind() == ErrorKind::NotADirectory
                        || error.raw_os_error() == Some(eloop()) =>
                {
                    None
                }
                Err(error) => panic!("{}: {error}", path.display()),
            };
            let directory = data.filter(fs::Metadata::is_dir);
            if self.rules.iter().any(|rule| rule.excludes(&relative, &name, directory.is_some())) {
                continue;
            }
            let Some(data) = directory else {
                tree.files.push(name);
                continue;
            };
            let identity = (data.dev(), data.ino());
            let sub = if is_link && !self.options.follow_links {
                Sub::Link
            } else if self.options.one_file_system && data.dev() != self.device {
                Sub::NotEntered
            } else if is_link && ancestors.contains(&identity) {
                loops.push(path);
                Sub::NotEntered
            } else {
                ancestors.push(identity);
                let below = self.read(&path, &relative, ancestors, loops);
                ancestors.pop();
                Sub::Entered(below)
            };
            tree.directories.push((name, sub));
        }
        tree
    }
}

fn eloop() -> i32 {
    // A link to itself gives the standard library's error.
    static ELOOP: std::sync::OnceLock<i32> = std::sync::OnceLock::new();
    *ELOOP.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loop");
        symlink(&path, &path).unwrap();
        fs::metadata(&path).unwrap_err().raw_os_error().unwrap()
    })
}

/// An exclude rule, read by a second implementation.
struct Rule {
    glob: GlobMatcher,
    by_path: bool,
    directories_only: bool,
}

impl Rule {
    fn new(rule: &str) -> Rule {
        let body = rule.strip_suffix('/').unwrap_or(rule);
        Rule {
            glob: GlobBuilder::new(body.trim_start_matches('/'))
                .literal_separator(true)
                .build()
                .unwrap()
                .compile_matcher(),
            by_path: body.contains('/'),
            directories_only: rule.ends_with('/'),
        }
    }

    fn excludes(&self, relative: &Path, name: &OsStr, is_directory: bool) -> bool {
        (is_directory || !self.directories_only)
            && if self.by_path { self.glob.is_match(relative) } else { self.glob.is_match(name) }
    }
}

/// Makes entries below `root`, and their ancestors: `a/b/` is a directory, `a/c` a file,
/// `a/d -> e` a link.
pub(crate) fn plant(root: &Path, entries: &[&str]) {
    for entry in entries {
        let (path, target) = match entry.split_once(" -> ") {
            Some((path, target)) => (path, Some(target)),
            None => (*entry, None),
        };
        let is_directory = path.ends_with('/');
        let path = root.join(path);
        fs::create_dir_all(if is_directory { &path } else { path.parent().unwrap() }).unwrap();
        match target {
            Some(target) => symlink(target, &path).unwrap(),
            None if is_directory => {}
            None => fs::write(&path, "").unwrap(),
        }
    }
}
