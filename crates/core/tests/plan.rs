//! Plans of copies: what is copied of a match, and what is told of the rest.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use common::disk::{self, Options, RULES, plant};
use common::generate::{Choices, Profile, Random, patterns};
use common::long;
use common::reference::{Belonging, belonging};
use pathvein_core::{ErrorKind as Kind, ExcludeRules, FileStructurePattern};
use pathvein_core::{FileStructurePatternBuilder, Links, MatchPlan};
use pathvein_core::{NameDecoder, NameTest, Operation, Plan, SkipReason};
use rustix::fs::Mode;
use tempfile::TempDir;

fn temp() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("run");
    fs::create_dir(&path).unwrap();
    (dir, path)
}

/// A directory with files that are required and optional, and directories likewise, to any
/// name and three levels deep.
fn everything() -> FileStructurePattern {
    let mut pattern = FileStructurePattern::builder("*").optional_file("*").build().unwrap();
    for _ in 0..3 {
        pattern = FileStructurePattern::builder("*")
            .optional_file("*")
            .optional_directory(pattern)
            .build()
            .unwrap();
    }
    pattern
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn files(plan: &MatchPlan) -> Vec<String> {
    let mut files: Vec<String> =
        plan.files().map(|(path, _)| path.to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

fn skipped(plan: &MatchPlan) -> Vec<(&str, SkipReason)> {
    let mut skipped: Vec<(&str, SkipReason)> = plan
        .skipped()
        .iter()
        .map(|skipped| (skipped.path.to_str().unwrap(), skipped.reason))
        .collect();
    skipped.sort_by_key(|&(path, _)| path);
    skipped
}

/// The plan by the naive reference: sizes of files, directories, what is skipped, and the
/// texts of the links that are kept.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    directories: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, u64>,
    skipped: BTreeMap<PathBuf, SkipReason>,
    kept: BTreeMap<PathBuf, PathBuf>,
}

impl Expected {
    fn new(
        root: &Path,
        pattern: &FileStructurePattern,
        exclude: &[&'static str],
        keep: bool,
    ) -> Self {
        let options = Options { exclude: exclude.to_vec(), ..Options::default() };
        let tree = disk::read(root, &options, &mut Vec::new());
        let mut found = Belonging::default();
        belonging(Path::new(""), &tree, pattern, &mut found);
        let mut expected = Expected { directories: found.directories, ..Expected::default() };
        expected.directories.insert(PathBuf::new());
        for path in found.files {
            match reason(&root.join(&path)) {
                Some(reason) => _ = expected.skipped.insert(path, reason),
                None => {
                    let size = root.join(&path).metadata().unwrap().len();
                    expected.files.insert(path, size);
                }
            }
        }
        let links = found.links.into_iter();
        expected.skipped.extend(links.map(|link| (link, SkipReason::LinkToDirectory)));
        let paths: Vec<PathBuf> = expected.files.keys().cloned().collect();
        for path in paths.into_iter().filter(|_| keep) {
            if let Ok(text) = root.join(&path).read_link()
                && expected.leads_to_copied(&path, &text)
            {
                expected.files.insert(path.clone(), 0);
                expected.kept.insert(path, text);
            }
        }
        expected
    }

    fn leads_to_copied(&self, link: &Path, text: &Path) -> bool {
        let mut at = link.parent().unwrap().to_path_buf();
        for component in text.components() {
            if !self.directories.contains(&at) {
                return false;
            }
            match component {
                Component::Normal(name) => at.push(name),
                Component::ParentDir if !at.pop() => return false,
                Component::ParentDir | Component::CurDir => {}
                _ => return false,
            }
        }
        self.files.contains_key(&at)
    }

    fn of(plan: &MatchPlan) -> Expected {
        let kept = plan.links().filter_map(|(path, text)| Some((path, text?.into())));
        let expected = Expected {
            directories: plan.directories().collect(),
            files: plan.files().collect(),
            skipped: plan.skipped().iter().map(|s| (s.path.clone(), s.reason)).collect(),
            kept: kept.collect(),
        };
        // Nothing is told twice, and parents come first.
        assert_eq!(expected.files.len() as u64, plan.file_count());
        assert_eq!(expected.files.len(), plan.files().count());
        assert_eq!(expected.skipped.len(), plan.skipped().len());
        assert_eq!(expected.directories.len(), plan.directories().count());
        assert_eq!(expected.files.values().sum::<u64>(), plan.bytes());
        let mut seen = BTreeSet::new();
        for directory in plan.directories() {
            assert!(directory.parent().is_none_or(|parent| seen.contains(parent)));
            seen.insert(directory);
        }
        expected
    }
}

/// Why a file is not copied, if it is not.
fn reason(path: &Path) -> Option<SkipReason> {
    let Ok(metadata) = path.metadata() else { return Some(SkipReason::BrokenLink) };
    match metadata.file_type() {
        kind if kind.is_file() => None,
        kind if kind.is_fifo() => Some(SkipReason::Fifo),
        kind if kind.is_socket() => Some(SkipReason::Socket),
        _ => Some(SkipReason::Device),
    }
}

/// Gives the files of a tree some content, and makes other things of some.
fn decorate(random: &mut Random, root: &Path) {
    let walk = walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name();
    let paths: Vec<walkdir::DirEntry> = walk.into_iter().map(Result::unwrap).collect();
    let directories: Vec<&walkdir::DirEntry> =
        paths.iter().filter(|entry| entry.file_type().is_dir()).collect();
    for entry in paths.iter().filter(|entry| entry.file_type().is_file()) {
        let path = entry.path();
        match random.below(8) {
            0 => {
                fs::remove_file(path).unwrap();
                fifo(path);
            }
            1 => {
                fs::remove_file(path).unwrap();
                drop(UnixListener::bind(path).unwrap());
            }
            2..=4 => {
                // A relative link, by a detour or not, to some other entry.
                fs::remove_file(path).unwrap();
                let target = &paths[random.below(paths.len())];
                let mut text = PathBuf::new();
                if random.once_in(3) && !directories.is_empty() {
                    let detour = directories[random.below(directories.len())];
                    text.extend((1..entry.depth()).map(|_| ".."));
                    text.push(detour.path().strip_prefix(root).unwrap());
                    text.extend((0..detour.depth()).map(|_| ".."));
                } else {
                    text.extend((1..entry.depth()).map(|_| ".."));
                }
                if random.once_in(8) {
                    text.push("../run");
                }
                symlink(text.join(target.path().strip_prefix(root).unwrap()), path).unwrap();
            }
            size => fs::write(path, vec![b'x'; size * 50]).unwrap(),
        }
    }
}

#[test]
fn random_trees_as_the_reference_says() {
    let mut total = Expected::default();
    for seed in long::seeds(300) {
        let mut random = Random(seed);
        let (_dir, root) = temp();
        disk::build(&mut random, &root);
        decorate(&mut random, &root);
        let mut pattern = patterns(&mut random, Profile::Small).remove(0);
        if random.once_in(2) {
            pattern = everything().into_builder().directory(pattern).build().unwrap();
        }
        let rules: Vec<&str> = (0..random.below(3)).map(|_| random.pick(&RULES)).collect();
        for (links, keep) in [(Links::Follow, false), (Links::Keep, true)] {
            let plan = Plan::new(&root, &pattern)
                .links(links)
                .exclude(ExcludeRules::new(&rules).unwrap(), None)
                .make()
                .unwrap();
            let expected = Expected::new(&root, &pattern, &rules, keep);
            assert_eq!(Expected::of(&plan), expected, "seed {seed}: {pattern:?} {rules:?}");
            total.directories.extend(expected.directories);
            total
                .kept
                .extend(expected.kept.into_iter().map(|(p, t)| (p.join(seed.to_string()), t)));
            total.skipped.extend(expected.skipped);
        }
    }
    // So that it is known to compare something.
    let reasons: BTreeSet<String> = total.skipped.values().map(ToString::to_string).collect();
    assert!(total.directories.len() > 20 && total.kept.len() > 8, "{total:?}");
    assert_eq!(reasons.len(), 4, "{reasons:?}");
}

#[test]
fn special_files_and_links_are_skipped_and_said_so() {
    let (dir, root) = temp();
    plant(&root, &["f", "d/", "to_f -> f", "to_d -> d", "broken -> nowhere", "loop -> loop"]);
    plant(&root, &["below -> f/x", "to_fifo -> fifo", "null -> /dev/null", "a/b/c/d/deep -> ."]);
    plant(&root, &["d/x -> ../to_d", "kept_out -> nowhere"]);
    fifo(&root.join("fifo"));
    drop(UnixListener::bind(root.join("socket")).unwrap());
    let pattern = everything();
    // A fifo is not opened: this would wait for ever.
    let plan = Plan::new(&root, &pattern)
        .exclude(ExcludeRules::new(["kept_out"]).unwrap(), None)
        .make()
        .unwrap();
    assert_eq!(files(&plan), ["f", "to_f"]);
    assert_eq!(plan.links().collect::<Vec<_>>(), [("to_f".into(), None)]);
    assert_eq!(
        skipped(&plan),
        [
            ("below", SkipReason::BrokenLink),
            ("broken", SkipReason::BrokenLink),
            ("d/x", SkipReason::LinkToDirectory),
            ("fifo", SkipReason::Fifo),
            ("loop", SkipReason::BrokenLink),
            ("null", SkipReason::Device),
            ("socket", SkipReason::Socket),
            ("to_d", SkipReason::LinkToDirectory),
            ("to_fifo", SkipReason::Fifo),
        ]
    );
    // What would not belong is not mentioned.
    let only = FileStructurePattern::builder("*").file("f").build().unwrap();
    let plan = Plan::new(&root, &only).make().unwrap();
    assert_eq!((files(&plan), skipped(&plan)), (vec!["f".into()], vec![]));
    drop(dir);
}

#[test]
fn links_that_are_kept() {
    let (dir, root) = temp();
    fs::write(dir.path().join("outside"), "outside").unwrap();
    // It has the name of one that is copied.
    fs::write(dir.path().join("f"), "outside").unwrap();
    plant(&root, &["f", "a/g", "hidden/h", "dir -> a"]);
    plant(&root, &["1 -> f", "2 -> ./a/../f", "3 -> a/g", "a/4 -> ../f", "a/5 -> 4", "a/6 -> g"]);
    let absolute = format!("n1 -> {}", root.join("f").display());
    plant(
        &root,
        &["n2 -> ../outside", "n3 -> ../run/f", "n4 -> hidden/h", "n5 -> dir/g", &absolute],
    );
    plant(&root, &["n6 -> hidden/../f", "a/n7 -> ../a/../../run/f", "n8 -> ../f"]);
    let sub = FileStructurePattern::builder("a").optional_file("*").build().unwrap();
    let pattern =
        FileStructurePattern::builder("*").file("*").optional_directory(sub).build().unwrap();
    fs::write(root.join("f"), "12345").unwrap();
    let plan = Plan::new(&root, &pattern).links(Links::Keep).make().unwrap();
    let mut kept: Vec<(PathBuf, bool)> =
        plan.links().map(|(path, text)| (path, text.is_some())).collect();
    kept.sort();
    let expected =
        ["1", "2", "3", "a/4", "a/5", "a/6", "a/n7", "n1", "n2", "n3", "n4", "n5", "n6", "n8"];
    let expected = expected.map(|name| (PathBuf::from(name), !name.contains('n')));
    assert_eq!(kept, expected);
    let texts: BTreeMap<PathBuf, &OsStr> =
        plan.links().filter_map(|(path, text)| Some((path, text?))).collect();
    assert_eq!(texts[Path::new("2")], "./a/../f");
    let sizes: BTreeMap<PathBuf, u64> = plan.files().collect();
    assert_eq!((sizes[Path::new("1")], sizes[Path::new("n3")]), (0, 5));
    assert_eq!(plan.bytes(), sizes.values().sum());
}

#[test]
fn what_decides_is_looked_at_and_not_copied() {
    let (_dir, root) = temp();
    // Those that begin with `n` hold something that is forbidden, or too much.
    plant(&root, &["a1/f", "a2/f", "a2/old/x.txt", "n3/f", "n3/old/x.log", "n4/f", "n4/bad/"]);
    plant(&root, &["n5/f", "n5/bad -> ../a1", "a6/f", "a6/bad", "a6/other/g", "n7/f", "n7/none"]);
    plant(&root, &["c1/f", "n8/f", "n8/g", "n9/f", "n9/d/", "n10/f", "n10/l -> ../a1"]);
    let leaf = |name: &str| FileStructurePattern::builder(name).build().unwrap();
    let old = FileStructurePattern::builder("old").file("*.log").build().unwrap();
    let clean = FileStructurePattern::builder("*")
        .file("f")
        .forbidden_file("none")
        .forbidden_directories([old, leaf("bad")])
        .closed(false);
    let clean = clean.directory_name(Some(NameTest::any_of(["a?", "n[3-7]"]).unwrap()));
    let closed = FileStructurePattern::builder("*").file("f").closed(true);
    let closed = closed.directory_name(Some(NameTest::any_of(["c?", "n[89]", "n10"]).unwrap()));
    let pattern = FileStructurePattern::builder("*")
        .optional_directories([clean.build().unwrap(), closed.build().unwrap()])
        .forbidden_directory(leaf("a1"))
        .build()
        .unwrap();
    let plan = Plan::new(&root, &pattern).make().unwrap();
    let mut directories: Vec<PathBuf> = plan.directories().collect();
    directories.sort();
    assert_eq!(directories, ["", "a1", "a2", "a6", "c1"].map(PathBuf::from));
    assert_eq!(files(&plan), ["a1/f", "a2/f", "a6/f", "c1/f"]);
    assert_eq!(skipped(&plan), []);
    // What is excluded is not there.
    let rules = ExcludeRules::new(["bad", "*.log", "none", "g", "d/", "l"]).unwrap();
    let plan = Plan::new(&root, &pattern).exclude(rules, None).make().unwrap();
    assert_eq!(plan.directories().count(), 1 + 11);
}

/// Of the root's directories some are mount points, and what follows them is not lost.
#[cfg(target_os = "linux")]
#[test]
fn mount_points_are_skipped_if_asked() {
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata("/").unwrap().dev();
    let (mut expected, mut mounted) = (BTreeSet::from([PathBuf::new()]), BTreeSet::new());
    for entry in fs::read_dir("/").unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            let is_mounted = entry.metadata().unwrap().dev() != device;
            let into = if is_mounted { &mut mounted } else { &mut expected };
            into.insert(PathBuf::from(entry.file_name()));
        }
    }
    assert!(mounted.contains(Path::new("proc")));
    let below = FileStructurePattern::builder("*").build().unwrap();
    let pattern = FileStructurePattern::builder("*").optional_directory(below).build().unwrap();
    let plan = Plan::new("/", &pattern).one_file_system(true).make().unwrap();
    let skipped = plan.skipped().iter().filter(|s| s.reason == SkipReason::MountPoint);
    assert_eq!(skipped.map(|skipped| skipped.path.clone()).collect::<BTreeSet<_>>(), mounted);
    assert_eq!(plan.directories().collect::<BTreeSet<_>>(), expected);

    // By its name it can be what is asked for, and no more than that. One that is not asked for
    // is not told either.
    let run = |below| FileStructurePattern::builder("*").directory(below).build().unwrap();
    let top = |name: &str, file: &str| {
        let below = FileStructurePattern::builder(name).optional_file(file).build().unwrap();
        Plan::new("/", &run(below)).one_file_system(true).make().unwrap()
    };
    let plan = top("proc", "version");
    assert_eq!((skipped_of(&plan), plan.file_count()), (vec!["proc"], 0));
    let everywhere = Plan::new(
        "/",
        &run(FileStructurePattern::builder("proc").file("version").build().unwrap()),
    );
    assert_eq!(everywhere.make().unwrap().file_count(), 1);
    assert!(top("no such name", "*").skipped().is_empty());
}

#[cfg(target_os = "linux")]
fn skipped_of(plan: &MatchPlan) -> Vec<&str> {
    skipped(plan).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn the_source_itself() {
    let (dir, root) = temp();
    plant(&root, &["f", "a/f"]);
    plant(
        dir.path(),
        &["link -> run", "link2 -> link", "broken -> nowhere", "file", "to_file -> file"],
    );
    let pattern = everything();
    for source in ["run", "run/", "link", "link2", "link/", "run/a/.."] {
        let plan = Plan::new(dir.path().join(source), &pattern).make().unwrap();
        assert_eq!(files(&plan), ["a/f", "f"], "{source}");
    }
    for (source, kind) in [
        ("gone", ErrorKind::NotFound),
        ("broken", ErrorKind::NotFound),
        ("file", ErrorKind::NotADirectory),
        ("to_file", ErrorKind::NotADirectory),
        ("file/x", ErrorKind::NotADirectory),
    ] {
        let source = dir.path().join(source);
        let error = Plan::new(&source, &pattern).make().unwrap_err();
        assert_eq!(error.io_error().unwrap().kind(), kind, "{source:?}");
        assert_eq!(error.operation(), Some(Operation::OpenDirectory));
        assert_eq!(error.path(), Some(&*source));
    }
}

#[test]
fn rules_are_relative_to_their_base() {
    let (dir, root) = temp();
    plant(&root, &["a/f", "a/g", "b/f", "b/g", "to_a -> a"]);
    symlink(&root, dir.path().join("link")).unwrap();
    let pattern = everything();
    let plan = |rules: &[&str], source: &Path, base: Option<&Path>| {
        let rules = ExcludeRules::new(rules).unwrap();
        let plan = Plan::new(source, &pattern).exclude(rules, base.map(Path::to_path_buf));
        let plan = plan.make().unwrap();
        (files(&plan), plan.skipped().len())
    };
    let above = root.parent().unwrap();
    assert_eq!(plan(&["/a/f", "b/"], &root, None), (vec!["a/g".into()], 1));
    assert_eq!(plan(&["/run/a/f", "b/", "to_*/"], &root, Some(above)), (vec!["a/g".into()], 0));
    assert_eq!(plan(&["/a/f"], &root, Some(above)).0.len(), 4);
    // By another way to the same place.
    assert_eq!(plan(&["/run/a/"], &above.join("link"), Some(above)).0.len(), 4);
    assert_eq!(
        plan(&["/run/a/"], &dir.path().join("run/../link"), Some(&above.join("."))).0.len(),
        2
    );
}

#[test]
fn names_in_another_encoding() {
    let (_dir, root) = temp();
    for name in [&b"caf\xE9"[..], b"th\xE9"] {
        fs::create_dir(root.join(OsStr::from_bytes(name))).unwrap();
        fs::write(root.join(OsStr::from_bytes(name)).join(OsStr::from_bytes(b"\xE9")), "").unwrap();
    }
    symlink(OsStr::from_bytes(b"caf\xE9"), root.join(OsStr::from_bytes(b"caf\xE9s"))).unwrap();
    let cafe = FileStructurePattern::builder("café*").file("é").build().unwrap();
    let pattern = FileStructurePattern::builder("*").directory(cafe).build().unwrap();
    let latin_1 = NameDecoder::new(|name| name.as_bytes().iter().map(|&b| u32::from(b)).collect());
    let plan = Plan::new(&root, &pattern);
    assert_eq!(plan.make().unwrap().file_count(), 0);
    let plan = plan.decode_names(latin_1).exclude(ExcludeRules::new(["thé"]).unwrap(), None);
    let made = plan.make().unwrap();
    assert_eq!(made.files().collect::<Vec<_>>(), [(OsStr::from_bytes(b"caf\xE9/\xE9").into(), 0)]);
    assert_eq!(made.skipped().len(), 1);
}

#[test]
fn what_cannot_be_looked_at_fails_the_plan() {
    if !child::is_child() {
        return child::run_without_rights("what_cannot_be_looked_at_fails_the_plan");
    }
    let (dir, root) = temp();
    plant(&root, &["f", "a/f", "b/f", "a/sub/f", "b/sub/f", "to_locked -> locked/f", "locked/f"]);
    let set = |path: &str, mode| {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("b", 0);
    set("locked", 0);
    let leaf = FileStructurePattern::builder("[ab]").file("f").build().unwrap();
    let plan = |name: &str, file: &str| {
        let sub = leaf.clone().into_builder().directory_name(Some(name.into())).build().unwrap();
        let pattern = FileStructurePattern::builder("*").file(file).optional_directory(sub);
        Plan::new(&root, &pattern.build().unwrap()).make()
    };
    let made = plan("a", "f").map(|plan| files(&plan));
    let (unlisted, link) = (plan("[ab]", "f"), plan("a", "to_*"));
    // What is forbidden in a directory that may belong has to be known.
    let without = |forbidden: FileStructurePatternBuilder| {
        let sub = leaf.clone().into_builder().directory_name(Some("a".into()));
        let sub = sub.forbidden_directory(forbidden.build().unwrap()).build().unwrap();
        let pattern = FileStructurePattern::builder("*").optional_directory(sub);
        Plan::new(&root, &pattern.build().unwrap()).make()
    };
    set("a/sub", 0);
    let forbidden = ["sub", "z*"].map(FileStructurePattern::builder);
    let [by_name, other] = forbidden.clone().map(without);
    let [inside, other_inside] = forbidden.map(|named| without(named.file("x")));
    set("a/sub", 0o700);
    let (source, searched) = (Plan::new(root.join("b"), &leaf).make(), {
        set("a", 0o400);
        plan("a", "f")
    });
    for path in ["a", "b", "locked"] {
        set(path, 0o700);
    }
    // What does not belong is not asked for.
    assert_eq!(made.unwrap(), ["a/f", "f"]);
    assert!(files(&by_name.unwrap()).is_empty());
    assert_eq!(files(&other.unwrap()), ["a/f"]);
    assert_eq!(files(&other_inside.unwrap()), ["a/f"]);
    for (result, path, operation) in [
        (unlisted, "b", Operation::OpenDirectory),
        (inside, "a/sub", Operation::OpenDirectory),
        (link, "to_locked", Operation::FollowLink),
        (source, "b", Operation::OpenDirectory),
        (searched, "a/f", Operation::ReadMetadata),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert_eq!(error.io_error().unwrap().kind(), ErrorKind::PermissionDenied, "{path}");
        assert_eq!((error.path(), error.operation()), (Some(&*root.join(path)), Some(operation)));
    }
    drop(dir);
}

#[test]
fn deeper_than_a_path_may_be() {
    let (_dir, root) = temp();
    let name = "x".repeat(250);
    // Paths of more than 4096 bytes, whose parts are made relative to each other.
    let mut at = rustix::fs::open(&root, rustix::fs::OFlags::RDONLY, Mode::empty()).unwrap();
    for _ in 0..20 {
        rustix::fs::mkdirat(&at, &*name, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, &*name, rustix::fs::OFlags::RDONLY, Mode::empty()).unwrap();
    }
    let mut pattern = FileStructurePattern::builder("*").optional_file("*").build().unwrap();
    for _ in 0..30 {
        pattern = FileStructurePattern::builder("*").optional_directory(pattern).build().unwrap();
    }
    // It is said, and nothing is left out.
    let error = Plan::new(&root, &pattern).make().unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), ErrorKind::InvalidFilename);
}

#[test]
fn files_that_are_open_elsewhere_are_waited_for() {
    if !child::is_child() {
        return child::run("files_that_are_open_elsewhere_are_waited_for", |test| {
            let mut command = Command::new("sh");
            command.args(["-c", r#"ulimit -n 64 && exec "$0" "$@""#]).arg(test.get_program());
            command
        });
    }
    let (_dir, root) = temp();
    plant(&root, &["a/b/f"]);
    let pattern = everything();
    let mut used: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    // One is left: for the first directory, and not for the next.
    used.pop();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(used);
    });
    let plan = Plan::new(&root, &pattern).make();
    holder.join().unwrap();
    assert_eq!(files(&plan.unwrap()), ["a/b/f"]);
}
