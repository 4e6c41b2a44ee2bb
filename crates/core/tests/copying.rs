//! Copying: what is at the destination, and what is not, whatever happens meanwhile.
#![cfg(unix)]

use std::fs::{self, File, Permissions};
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use pathvein_core::{Copied, Copy, ErrorKind, FileStructurePattern, Links, Outcome};
use rustix::fs::{AtFlags, CWD, FlockOperation, RenameFlags, Timespec, Timestamps, XattrFlags};

/// All files down to the third level.
fn all() -> FileStructurePattern {
    let pattern = || FileStructurePattern::builder("*").optional_file("*");
    let below = pattern().optional_directory(pattern().build().unwrap()).build().unwrap();
    pattern().optional_directory(below).build().unwrap()
}

/// A directory for sources and destinations.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, contents: &[u8]) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn exists(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// From `s` to `d`.
    fn copy(&self) -> Copy {
        Copy::new(self.path("s"), self.path("d"), &all()).threads(2)
    }

    /// The names in a directory.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn run(copy: Copy) -> Vec<Copied> {
    let mut copied: Vec<Copied> = copy.into_iter().map(Result::unwrap).collect();
    copied.sort_by_key(|copied| copied.index);
    copied
}

fn one(copy: Copy) -> Copied {
    let mut copied = run(copy);
    assert_eq!(copied.len(), 1);
    copied.remove(0)
}

fn is_copied(copied: &Copied) -> bool {
    matches!(copied.outcome, Outcome::Copied)
}

/// Tells why a test tests nothing here.
#[allow(clippy::print_stderr)]
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// The number of the error, and the path that it names.
fn failure(copied: &Copied) -> (Option<i32>, PathBuf) {
    let Outcome::Failed { errors, .. } = &copied.outcome else { panic!("{copied:?}") };
    let error = &errors[0];
    (error.io_error().and_then(|io| io.raw_os_error()), error.path().unwrap().into())
}

#[test]
fn a_match_is_copied_with_modes_and_times() {
    let place = Place::new();
    place.write("s/a.txt", b"a");
    place.write("s/empty", b"");
    place.write("s/sub/b.bin", &vec![7; 300_000]);
    fs::create_dir(place.path("s/sub/none")).unwrap();
    for (path, mode) in [("s/a.txt", 0o4751), ("s/empty", 0o400), ("s/sub", 0o1555)] {
        fs::set_permissions(place.path(path), Permissions::from_mode(mode)).unwrap();
    }
    let paths = ["a.txt", "sub/b.bin", "sub/none", "sub", ""];
    for (index, path) in paths.into_iter().enumerate() {
        let time = UNIX_EPOCH + Duration::new(1_000_000 + index as u64, 123_456_789);
        File::open(place.path("s").join(path)).unwrap().set_modified(time).unwrap();
    }
    let copied = one(place.copy());
    assert!(is_copied(&copied), "{copied:?}");
    assert_eq!((copied.files, copied.bytes), (3, 300_001));
    for path in paths.into_iter().chain(["empty"]) {
        let of = |top: &str| place.path(top).join(path).metadata().unwrap();
        let (source, target) = (of("s"), of("d"));
        assert_eq!(source.mode(), target.mode(), "{path}");
        assert_eq!(source.modified().unwrap(), target.modified().unwrap(), "{path}");
        assert_eq!((source.uid(), source.gid()), (target.uid(), target.gid()), "{path}");
    }
    assert_eq!(fs::read(place.path("d/sub/b.bin")).unwrap(), vec![7; 300_000]);
    assert_eq!(place.names("."), ["d", "s"]);
}

#[test]
fn nothing_has_the_final_name_before_all_is_there() {
    let place = Place::new();
    let count = 3000;
    for index in 0..count {
        place.write(&format!("s/{index}"), b"x");
    }
    // It may be done before anybody looks.
    let mut was_seen_halfway = false;
    for _ in 0..50 {
        let mut copies = place.copy().start().unwrap();
        let progress = copies.progress();
        loop {
            let is_there = place.exists("d");
            let files = progress.stats().files;
            if is_there {
                assert_eq!(place.names("d").len(), count);
                break;
            }
            was_seen_halfway |= files > 0 && files < count as u64;
        }
        assert!(is_copied(&copies.next().unwrap().unwrap()));
        drop(copies);
        fs::remove_dir_all(place.path("d")).unwrap();
        if was_seen_halfway {
            break;
        }
    }
    assert!(was_seen_halfway);
}

#[test]
fn what_comes_to_the_destination_meanwhile_is_not_touched() {
    let place = Place::new();
    for index in 0..3000 {
        place.write(&format!("s/{index}"), b"x");
    }
    let mut copies = place.copy().start().unwrap();
    // Made while it is copied, or before: it is not replaced.
    fs::create_dir(place.path("d")).unwrap();
    let copied = copies.next().unwrap().unwrap();
    assert!(matches!(copied.outcome, Outcome::Exists), "{copied:?}");
    assert!(place.names("d").is_empty());
    drop(copies);
    assert_eq!(place.names("."), ["d", "s"]);
}

#[test]
fn whatever_is_at_the_destination_stays() {
    let place = Place::new();
    place.write("s/a", b"new");
    place.write("file", b"old");
    fs::create_dir(place.path("empty")).unwrap();
    symlink("nowhere", place.path("broken")).unwrap();
    symlink("empty", place.path("link")).unwrap();
    for name in ["file", "empty", "broken", "link"] {
        let copied = one(Copy::new(place.path("s"), place.path(name), &all()));
        assert!(matches!(copied.outcome, Outcome::Exists), "{name}: {copied:?}");
    }
    assert_eq!(place.read("file"), "old");
    assert!(place.names("empty").is_empty());
    // Nor is a link followed, or a file replaced, when what is there may be changed.
    for (name, kind) in
        [("broken", None), ("link", None), ("file", Some(IoErrorKind::NotADirectory))]
    {
        let copied = one(Copy::new(place.path("s"), place.path(name), &all()).overwrite(true));
        let Outcome::Failed { errors, .. } = &copied.outcome else { panic!("{name}: {copied:?}") };
        assert_eq!(errors[0].io_error().map(|io| io.kind()), kind, "{name}");
        assert_eq!(errors[0].kind() == ErrorKind::Refused, kind.is_none(), "{name}");
    }
    assert_eq!(place.names("."), ["broken", "empty", "file", "link", "s"]);
    assert!(place.names("empty").is_empty());
}

#[test]
fn a_directory_is_merged_into_file_by_file() {
    let place = Place::new();
    place.write("s/a", b"new");
    place.write("s/sub/b", b"new");
    place.write("s/more/c", b"new");
    fs::set_permissions(place.path("s/more"), Permissions::from_mode(0o750)).unwrap();
    place.write("d/a", b"old");
    place.write("d/sub/b", b"old");
    place.write("d/sub/other", b"old");
    fs::set_permissions(place.path("d/a"), Permissions::from_mode(0o777)).unwrap();
    // Who has it open goes on reading what he has opened: nothing is written into it.
    let opened = File::open(place.path("d/a")).unwrap();
    let copied = one(place.copy().overwrite(true));
    assert!(is_copied(&copied), "{copied:?}");
    assert_eq!(std::io::read_to_string(&opened).unwrap(), "old");
    for (path, text) in [("a", "new"), ("sub/b", "new"), ("more/c", "new"), ("sub/other", "old")] {
        assert_eq!(place.read(&format!("d/{path}")), text, "{path}");
    }
    for path in ["a", "more", "sub", ""] {
        let mode = |top: &str| place.path(top).join(path).metadata().unwrap().mode();
        assert_eq!(mode("s"), mode("d"), "{path}");
    }
    assert_eq!(place.names("d"), ["a", "more", "sub"]);
    assert_eq!(place.names("d/sub"), ["b", "other"]);
}

#[test]
fn a_merge_that_fails_tells_what_was_replaced() {
    let place = Place::new();
    for name in ["a", "b"] {
        place.write(&format!("s/{name}"), b"new");
        place.write(&format!("d/{name}"), b"old");
    }
    place.write("s/new", b"new");
    place.write("s/sub/c", b"new");
    place.write("outside", b"outside");
    fs::create_dir(place.path("elsewhere")).unwrap();
    // A link in a directory's place is not followed, nor replaced.
    symlink("../elsewhere", place.path("d/sub")).unwrap();
    // The files of a directory come before what is below.
    let copied = one(place.copy().overwrite(true).threads(1));
    let Outcome::Failed { errors, replaced } = &copied.outcome else { panic!("{copied:?}") };
    assert_eq!(errors[0].path().unwrap(), copied.destination.join("sub"));
    assert!(errors[0].to_string().contains("a link is where a directory goes"), "{}", errors[0]);
    let mut replaced = replaced.clone();
    replaced.sort();
    assert_eq!(replaced, ["a", "b"].map(|name| copied.destination.join(name)));
    assert!(place.names("elsewhere").is_empty());
    assert_eq!(place.names("d"), ["a", "b", "new", "sub"]);

    // One in a file's place is replaced, and not followed either.
    for link in ["d/b", "d/sub"] {
        fs::remove_file(place.path(link)).unwrap();
    }
    symlink("../outside", place.path("d/b")).unwrap();
    let copied = one(place.copy().overwrite(true));
    assert!(is_copied(&copied), "{copied:?}");
    assert!(place.path("d/b").symlink_metadata().unwrap().is_file());
    assert_eq!((place.read("d/b"), place.read("outside")), ("new".into(), "outside".into()));
}

/// A name of something that is being built.
fn temporary(name: &str) -> String {
    format!(".{name}.pathvein-0123456789abcdef")
}

#[test]
fn leftovers_of_processes_that_are_gone_are_removed_and_no_others() {
    let place = Place::new();
    place.write("s/a", b"a");
    place.write("outside/kept", b"kept");
    let (gone, other, held) = (temporary("d"), temporary("e"), temporary("d").replace('0', "f"));
    for name in [&gone, &other, &held] {
        place.write(&format!("{name}/sub/half"), b"half");
        fs::set_permissions(place.path(name).join("sub"), Permissions::from_mode(0o555)).unwrap();
        symlink("../outside", place.path(name).join("link")).unwrap();
    }
    // It looks like one and is a link.
    let link = temporary("d").replace('1', "e");
    symlink("outside", place.path(&link)).unwrap();
    let user = ".d.pathvein-mine".to_string();
    fs::create_dir(place.path(&user)).unwrap();
    let holder = File::open(place.path(&held)).unwrap();
    rustix::fs::flock(&holder, FlockOperation::LockExclusive).unwrap();

    let copied = one(place.copy());
    assert!(is_copied(&copied), "{copied:?}");
    let mut expected = vec!["d".into(), "s".into(), "outside".into(), other, held, link, user];
    expected.sort();
    assert_eq!(place.names("."), expected);
    assert_eq!(place.names("outside"), ["kept"]);

    // Also if the destination is there.
    fs::create_dir(place.path(&gone)).unwrap();
    assert!(matches!(one(place.copy().dry_run(true)).outcome, Outcome::Exists));
    assert!(place.exists(&gone));
    assert!(matches!(one(place.copy()).outcome, Outcome::Exists));
    assert!(!place.exists(&gone));
}

#[test]
fn leftover_files_are_removed_where_a_directory_is_merged_into() {
    let place = Place::new();
    place.write("s/sub/a", b"a");
    let (gone, held) = (temporary("a"), temporary("a").replace('0', "f"));
    place.write(&format!("d/sub/{gone}"), b"half");
    let holder = File::open(place.write(&format!("d/sub/{held}"), b"half")).unwrap();
    rustix::fs::flock(&holder, FlockOperation::LockExclusive).unwrap();
    place.write("outside", b"outside");
    // Links are made in directories.
    let gone = temporary("l");
    fs::create_dir(place.path("d/sub").join(&gone)).unwrap();
    symlink("a", place.path("d/sub").join(&gone).join("l")).unwrap();
    let link = temporary("a").replace('1', "e");
    symlink("../../outside", place.path("d/sub").join(&link)).unwrap();
    assert!(is_copied(&one(place.copy().overwrite(true))));
    let mut expected = vec!["a".into(), held, link];
    expected.sort();
    assert_eq!(place.names("d/sub"), expected);
    assert_eq!(place.read("outside"), "outside");
}

#[test]
fn holes_stay_holes() {
    let place = Place::new();
    place.write("s/a", b"");
    let size = 1 << 40;
    let file = File::create(place.path("s/a")).unwrap();
    if file.set_len(size).is_err() {
        skip(&format!("this file system has no files of {size} bytes"));
        return;
    }
    file.write_at(b"middle", 1 << 39).unwrap();
    File::create(place.path("s/hole")).unwrap().set_len(5000).unwrap();
    let copied = one(place.copy());
    assert!(is_copied(&copied), "{copied:?}");
    assert_eq!(copied.bytes, size + 5000);
    let copy = File::open(place.path("d/a")).unwrap();
    let mut middle = [0; 8];
    copy.read_exact_at(&mut middle, (1 << 39) - 1).unwrap();
    assert_eq!(&middle, b"\0middle\0");
    assert_eq!(copy.metadata().unwrap().len(), size);
    assert!(copy.metadata().unwrap().blocks() <= file.metadata().unwrap().blocks() + 8);
    assert_eq!(place.path("d/hole").metadata().unwrap().len(), 5000);
    assert_eq!(fs::read(place.path("d/hole")).unwrap(), [0; 5000]);
}

#[test]
fn extended_attributes_are_copied() {
    let place = Place::new();
    place.write("s/sub/a", b"a");
    fs::set_permissions(place.path("s/sub/a"), Permissions::from_mode(0o444)).unwrap();
    let long = vec![b'x'; 2000];
    for path in ["s", "s/sub", "s/sub/a"] {
        for (name, value) in [("user.short", &b"1"[..]), ("user.long", &long)] {
            let set = rustix::fs::setxattr(place.path(path), name, value, XattrFlags::empty());
            if let Err(error) = set {
                skip(&format!("this file system has no extended attributes ({error})"));
                return;
            }
        }
    }
    assert!(is_copied(&one(place.copy())));
    for path in ["d", "d/sub", "d/sub/a"] {
        for (name, value) in [("user.short", &b"1"[..]), ("user.long", &long)] {
            let mut buffer = vec![0; 4000];
            let length = rustix::fs::getxattr(place.path(path), name, &mut buffer).unwrap();
            assert_eq!(buffer[..length], *value, "{path} {name}");
        }
    }
}

#[test]
fn what_is_no_file_is_skipped_with_the_reason() {
    let place = Place::new();
    place.write("s/a", b"a");
    let mkfifo = std::process::Command::new("mkfifo").arg(place.path("s/fifo")).status();
    assert!(mkfifo.unwrap().success());
    symlink("nowhere", place.path("s/broken")).unwrap();
    symlink("a", place.path("s/link")).unwrap();
    let copied = one(place.copy());
    assert!(is_copied(&copied), "{copied:?}");
    let mut skipped: Vec<_> =
        copied.skipped.iter().map(|s| format!("{}: {}", s.path.display(), s.reason)).collect();
    skipped.sort();
    assert_eq!(skipped, ["broken: broken link", "fifo: fifo"]);
    assert!(place.path("d/link").symlink_metadata().unwrap().is_file());
    assert_eq!(place.names("d"), ["a", "link"]);
}

#[test]
fn links_that_lead_inside_the_match_are_kept_if_asked() {
    let place = Place::new();
    place.write("s/sub/a", b"a");
    place.write("outside", b"outside");
    symlink("sub/a", place.path("s/inside")).unwrap();
    symlink("../outside", place.path("s/out")).unwrap();
    let time = Timespec { tv_sec: 1_000_000, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(CWD, place.path("s/inside"), &times, flags).unwrap();
    for overwrite in [false, true] {
        let copied = one(place.copy().links(Links::Keep).overwrite(overwrite));
        assert!(is_copied(&copied), "{copied:?}");
        assert_eq!(fs::read_link(place.path("d/inside")).unwrap(), Path::new("sub/a"));
        // What it leads to has times of its own.
        let time = |path: &str| place.path(path).symlink_metadata().unwrap().modified().unwrap();
        for path in ["inside", "sub/a"] {
            assert_eq!(time(&format!("d/{path}")), time(&format!("s/{path}")), "{path}");
        }
        assert!(place.path("d/out").symlink_metadata().unwrap().is_file());
        assert_eq!(place.read("d/out"), "outside");
        assert_eq!(place.names("d"), ["inside", "out", "sub"]);
    }
    // What was kept gives way to a file.
    assert!(is_copied(&one(place.copy().overwrite(true))));
    assert!(place.path("d/inside").symlink_metadata().unwrap().is_file());
    assert_eq!((place.read("d/inside"), place.read("d/sub/a")), ("a".into(), "a".into()));
}

/// Nothing of a link that is kept has a name that a process which is gone would leave for ever.
#[test]
fn links_that_are_kept_take_the_place_of_others() {
    let place = Place::new();
    place.write("s/a", b"new");
    symlink("a", place.path("s/l")).unwrap();
    symlink("a", place.path("s/new")).unwrap();
    place.write("d/a", b"old");
    place.write("d/l", b"old");
    let copied = one(place.copy().links(Links::Keep).overwrite(true));
    assert!(is_copied(&copied), "{copied:?}");
    assert_eq!(place.names("d"), ["a", "l", "new"]);
    for name in ["d/l", "d/new"] {
        assert_eq!(fs::read_link(place.path(name)).unwrap(), Path::new("a"));
    }
    // A directory is in the way.
    fs::remove_file(place.path("d/l")).unwrap();
    fs::create_dir(place.path("d/l")).unwrap();
    let copied = one(place.copy().links(Links::Keep).overwrite(true));
    assert!(matches!(copied.outcome, Outcome::Failed { .. }));
    assert_eq!(place.names("d"), ["a", "l", "new"]);
}

#[test]
fn names_of_full_length() {
    let place = Place::new();
    for name in ["x".repeat(255), "é".repeat(127)] {
        let mut source = format!("s/{name}");
        place.write(&source, b"1");
        let destination = place.path(&name);
        for text in ["1", "2"] {
            fs::write(place.path(&source), text).unwrap();
            let copied = one(Copy::new(place.path("s"), &destination, &all()).overwrite(true));
            assert!(is_copied(&copied), "{copied:?}");
            assert_eq!(fs::read_to_string(destination.join(&name)).unwrap(), text);
            assert_eq!(fs::read_dir(&destination).unwrap().count(), 1);
        }
        fs::remove_dir_all(place.path("s")).unwrap();
        source.clear();
    }
    place.write("s/a", b"");
    let destination = place.path("new").join("x".repeat(256));
    let copied = one(Copy::new(place.path("s"), &destination, &all()));
    assert_eq!(failure(&copied).0, Some(rustix::io::Errno::NAMETOOLONG.raw_os_error()));
    assert!(!place.exists("new"));
}

#[test]
fn same_and_nested_destinations() {
    let place = Place::new();
    for name in ["1", "2", "3"] {
        place.write(&format!("s/{name}/{name}"), name.as_bytes());
    }
    let copy = |pairs: &[(&str, &str)]| {
        let add = |copy: Copy, (source, destination): &(&str, &str)| {
            copy.add(place.path(source), place.path(destination), &all())
        };
        pairs.iter().fold(Copy::of_none(), add).threads(2)
    };
    let same = copy(&[("s/2", "d"), ("s/1", "d")]);
    assert_eq!(same.conflicts(), [(0, 1)]);
    let copied = run(same);
    assert!(matches!(copied[0].outcome, Outcome::SameDestination { first: 1 }));
    assert!(is_copied(&copied[1]));
    assert_eq!(place.names("d"), ["1"]);

    // The outer one first, so that it does not find the inner one in its place.
    for _ in 0..20 {
        let copied = run(copy(&[("s/1", "n/a/b"), ("s/2", "n"), ("s/3", "n/a")]));
        assert!(copied.iter().all(is_copied), "{copied:?}");
        assert_eq!(place.names("n"), ["2", "a"]);
        assert_eq!(place.names("n/a"), ["3", "b"]);
        fs::remove_dir_all(place.path("n")).unwrap();
    }
    // What would be in the way is found out before anything is written.
    for (source, destination) in [("s/1", "s/1/new"), ("s/1/..", "s/new")] {
        let copied = run(copy(&[(source, destination), ("s/3", "m")]));
        let Outcome::Failed { errors, .. } = &copied[0].outcome else { panic!("{copied:?}") };
        assert_eq!(errors[0].kind(), ErrorKind::Refused);
        assert!(is_copied(&copied[1]));
        fs::remove_dir_all(place.path("m")).unwrap();
    }
    assert_eq!(
        (place.names("s"), place.names("s/1")),
        (vec!["1".into(), "2".into(), "3".into()], vec!["1".into()])
    );
}

/// A copy that is dropped leaves nothing.
#[test]
fn a_copy_that_is_stopped_leaves_nothing() {
    let place = Place::new();
    for index in 0..3000 {
        place.write(&format!("s/{index}"), b"x");
    }
    let mut was_stopped_halfway = false;
    for round in 0..50 {
        let mut copies = Copy::new(place.path("s"), place.path("new/d"), &all()).start().unwrap();
        let (progress, stopper) = (copies.progress(), copies.stopper());
        while progress.stats().files < 10 {
            std::hint::spin_loop();
        }
        match round % 3 {
            0 => drop(copies),
            1 => copies.close(),
            _ => {
                stopper.stop();
                assert!(copies.next().is_none());
            }
        }
        let files = progress.stats().files;
        if place.exists("new") {
            // It was whole by then.
            assert_eq!(place.names("new/d").len(), 3000);
            fs::remove_dir_all(place.path("new")).unwrap();
        } else {
            was_stopped_halfway |= files < 3000;
        }
        assert_eq!(place.names("."), ["s"]);
        if was_stopped_halfway && round > 3 {
            break;
        }
    }
    assert!(was_stopped_halfway);
}

/// A file that has no size has contents, and one that cannot be read fails its match alone.
#[cfg(target_os = "linux")]
#[test]
fn files_of_the_system() {
    let place = Place::new();
    let pattern = FileStructurePattern::builder("*").file("cmdline").build().unwrap();
    let copied = one(Copy::new("/proc/self", place.path("d"), &pattern));
    assert!(is_copied(&copied), "{copied:?}");
    assert_eq!(fs::read(place.path("d/cmdline")).unwrap(), fs::read("/proc/self/cmdline").unwrap());

    place.write("s/a", b"a");
    let pattern = FileStructurePattern::builder("*").files(["cmdline", "mem"]).build().unwrap();
    let copy = place.copy().add("/proc/self", place.path("e"), &pattern);
    fs::remove_dir_all(place.path("d")).unwrap();
    let copied = run(copy.add("/proc/self", place.path("new/deep/e"), &pattern));
    assert!(is_copied(&copied[0]), "{copied:?}");
    for copied in &copied[1..] {
        let expected = (Some(rustix::io::Errno::IO.raw_os_error()), "/proc/self/mem".into());
        assert_eq!(failure(copied), expected);
    }
    // Nor do the parents stay that were made for it.
    assert_eq!(place.names("."), ["d", "s"]);
}

/// What ends before its size may have been cut short.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_ends_too_early_is_not_copied() {
    let file = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    let (Ok(metadata), Ok(contents)) = (file.metadata(), fs::read(file)) else {
        return skip("no such file");
    };
    assert!(metadata.len() > contents.len() as u64);
    let place = Place::new();
    let pattern = FileStructurePattern::builder("*").file("enabled").build().unwrap();
    for overwrite in [false, true] {
        if overwrite {
            place.write("d/enabled", b"old");
        }
        let copy = Copy::new(file.parent().unwrap(), place.path("d"), &pattern);
        let copied = one(copy.overwrite(overwrite));
        let Outcome::Failed { errors, replaced } = &copied.outcome else { panic!("{copied:?}") };
        let expected = format!("it ended after {} of {} bytes", contents.len(), metadata.len());
        assert_eq!((errors[0].message(), errors[0].path()), (expected, Some(file)));
        assert!(replaced.is_empty());
        assert_eq!(place.exists("d"), overwrite);
    }
    assert_eq!((place.names("d"), place.read("d/enabled")), (vec!["enabled".into()], "old".into()));
}

#[test]
fn a_source_that_is_gone_fails_alone() {
    let place = Place::new();
    place.write("s/a", b"a");
    let copied = run(place.copy().add(place.path("gone"), place.path("new/e"), &all()));
    assert!(is_copied(&copied[0]));
    assert_eq!(failure(&copied[1]), (Some(2), place.path("gone")));
    assert_eq!(place.names("."), ["d", "s"]);
}

#[test]
fn nothing_outside_is_read_through_what_is_exchanged_for_a_link() {
    let place = Place::new();
    place.write("s/sub/secret", b"inside");
    place.write("outside/secret", b"outside");
    symlink("../outside", place.path("s/link")).unwrap();
    let (a, b) = (place.path("s/sub"), place.path("s/link"));
    let pattern = FileStructurePattern::builder("*")
        .optional_directory(FileStructurePattern::builder("sub").file("secret").build().unwrap())
        .build()
        .unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        // Until both have happened some times; on a machine with other work that may take long.
        let (mut outcomes, end) = ([0; 2], Instant::now() + Duration::from_secs(20));
        while outcomes.iter().any(|&count| count < 20) && Instant::now() < end {
            let copied = one(Copy::new(place.path("s"), place.path("d"), &pattern).threads(1));
            outcomes[usize::from(is_copied(&copied))] += 1;
            if place.exists("d/sub/secret") {
                assert_eq!(place.read("d/sub/secret"), "inside");
            }
            let _ = fs::remove_dir_all(place.path("d"));
        }
        is_done.store(true, Ordering::Relaxed);
    });
    assert_eq!(place.names("."), ["outside", "s"]);
}

/// The source itself, after it was planned or before: all of the one or of the other.
#[cfg(target_os = "linux")]
#[test]
fn a_source_that_is_exchanged_is_copied_as_one_of_the_two() {
    let place = Place::new();
    for (path, contents) in [
        ("s/id", "few"),
        ("s/sub/a", "few"),
        ("other/id", "many"),
        ("other/more", "many"),
        ("other/sub/a", "many"),
        ("other/sub/more", "many"),
    ] {
        place.write(path, contents.as_bytes());
    }
    let (a, b) = (place.path("s"), place.path("other"));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let mut failures = Vec::new();
        for _ in 0..300 {
            let copied = one(place.copy());
            let expected = match (is_copied(&copied), copied.files) {
                (true, 2) => [("d/id", "few"), ("d/sub/a", "few")],
                (true, 4) => [("d/more", "many"), ("d/sub/more", "many")],
                _ => {
                    failures.push(format!("{copied:?}"));
                    break;
                }
            };
            if expected.iter().any(|(path, contents)| place.read(path) != *contents) {
                failures.push(format!("{copied:?}"));
                break;
            }
            fs::remove_dir_all(place.path("d")).unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(failures.is_empty(), "{failures:?}");
    });
}

#[test]
fn two_copies_to_one_place_at_once() {
    let place = Place::new();
    let (matches, files) = (20, 20);
    for source in ["s", "t"] {
        for (index, file) in (0..matches).flat_map(|i| (0..files).map(move |f| (i, f))) {
            place.write(&format!("{source}/{index}/{file}"), source.as_bytes());
        }
    }
    let copy = |source: &str| {
        let add = |copy: Copy, index| {
            let (source, name) = (format!("{source}/{index}"), format!("d/new/{index}"));
            copy.add(place.path(&source), place.path(&name), &all())
        };
        (0..matches).fold(Copy::of_none(), add).threads(2)
    };
    for _ in 0..10 {
        let [one, two] = std::thread::scope(|scope| {
            let both = ["s", "t"].map(|source| scope.spawn(move || run(copy(source))));
            both.map(|thread| thread.join().unwrap())
        });
        for (index, (one, two)) in one.iter().zip(&two).enumerate() {
            let winner = match (&one.outcome, &two.outcome) {
                (Outcome::Copied, Outcome::Exists) => "s",
                (Outcome::Exists, Outcome::Copied) => "t",
                outcomes => panic!("{outcomes:?}"),
            };
            for file in 0..files {
                assert_eq!(place.read(&format!("d/new/{index}/{file}")), winner);
            }
        }
        assert_eq!(place.names("d/new").len(), matches);
        fs::remove_dir_all(place.path("d")).unwrap();
    }
}

/// More matches than results may wait, and nobody who takes them for a while.
#[test]
fn a_slow_receiver_gets_all() {
    let place = Place::new();
    place.write("s/a", b"a");
    let count = 300;
    let add = |copy: Copy, i| copy.add(place.path("s"), place.path(&format!("d/{i}")), &all());
    let copy = (0..count).fold(Copy::of_none(), add).threads(2).totals(true);
    let mut copies = copy.start().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let mut indices: Vec<usize> = copies.by_ref().map(|c| c.unwrap().index).collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..count));
    let stats = copies.progress().stats();
    let planned = (stats.files_planned, stats.bytes_planned);
    assert_eq!(((stats.files, stats.bytes), planned), ((300, 300), (300, 300)));
}

#[test]
fn a_dry_run_touches_nothing() {
    let place = Place::new();
    place.write("s/sub/a", b"abc");
    place.write("e/b", b"");
    symlink("nowhere", place.path("s/broken")).unwrap();
    let copy = place.copy().add(place.path("s"), place.path("e"), &all());
    let copied = run(copy.add(place.path("s"), place.path("d"), &all()).dry_run(true));
    assert!(is_copied(&copied[0]));
    assert_eq!((copied[0].files, copied[0].bytes, copied[0].skipped.len()), (1, 3, 1));
    assert!(matches!(copied[1].outcome, Outcome::Exists));
    assert!(matches!(copied[2].outcome, Outcome::SameDestination { first: 0 }));
    assert_eq!(place.names("."), ["e", "s"]);
}

#[test]
fn with_fsync_the_result_is_the_same() {
    let place = Place::new();
    for index in 0..50 {
        place.write(&format!("s/{}/{index}", index % 3), b"x");
    }
    for (destination, overwrite) in [("new/d", false), ("new/d", true)] {
        let copy = Copy::new(place.path("s"), place.path(destination), &all());
        let copied = one(copy.fsync(true).overwrite(overwrite));
        assert!(is_copied(&copied), "{copied:?}");
        assert_eq!(copied.files, 50);
        assert_eq!(place.names("new/d/1").len(), 17);
    }
    place.write("t/a", b"x");
    assert!(is_copied(&one(Copy::new(place.path("t"), place.path("u"), &all()).fsync(true))));
}

#[test]
fn a_plan_tells_what_would_be_done_and_writes_nothing() {
    let place = Place::new();
    place.write("s/a", b"12");
    place.write("s/b/c", b"345");
    symlink("nowhere", place.path("s/broken")).unwrap();
    place.write("there/x", b"");
    let (s, path) = (place.path("s"), |path: &str| place.path(path));
    let before = place.names("");
    let copy = Copy::new(&s, path("d"), &all())
        .add(&s, path("there"), &all())
        .add(path("t"), path("d"), &all())
        .add(&s, path("s/inside"), &all())
        .add(path("gone"), path("e"), &all())
        .threads(2);
    let planned = copy.plan().unwrap();
    let told: Vec<(usize, &Path)> = planned.iter().map(|p| (p.index, &*p.source)).collect();
    let sources = [s.clone(), s.clone(), path("t"), s.clone(), path("gone")];
    assert_eq!(told, sources.iter().enumerate().map(|(i, s)| (i, &**s)).collect::<Vec<_>>());

    let plan = planned[0].result.as_ref().unwrap();
    let mut files: Vec<_> = plan.files().collect();
    files.sort();
    assert_eq!(files, [("a".into(), 2), ("b/c".into(), 3)]);
    assert_eq!(plan.directories().collect::<Vec<_>>(), [Path::new(""), Path::new("b")]);
    assert_eq!((plan.file_count(), plan.bytes(), plan.skipped().len()), (2, 5, 1));
    assert!(matches!(planned[1].result, Err(Outcome::Exists)));
    assert!(matches!(planned[2].result, Err(Outcome::SameDestination { first: 0 })));
    for (planned, kind) in [(&planned[3], ErrorKind::Refused), (&planned[4], ErrorKind::Io)] {
        let Err(Outcome::Failed { errors, .. }) = &planned.result else { panic!("{planned:?}") };
        assert_eq!(errors[0].kind(), kind, "{errors:?}");
    }
    assert_eq!(place.names(""), before);
    // The plan is what the copy then does.
    let copied = run(copy);
    let outcomes: Vec<bool> =
        copied.iter().map(|copied| matches!(copied.outcome, Outcome::Copied)).collect();
    assert_eq!(outcomes, planned.iter().map(|planned| planned.result.is_ok()).collect::<Vec<_>>());
    assert_eq!((copied[0].files, copied[0].bytes), (2, 5));
}
