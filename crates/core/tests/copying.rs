//! Copying: what is at the destination, and what is not, whatever happens meanwhile.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pathvein_core::{Copied, Copy, FileStructurePattern, Outcome};

fn all() -> FileStructurePattern {
    let below = FileStructurePattern::builder("*").file("*").build().unwrap();
    let mut pattern = below;
    for _ in 0..3 {
        pattern = FileStructurePattern::builder("*")
            .optional_file("*")
            .optional_directory(pattern)
            .build()
            .unwrap();
    }
    pattern
}

/// A directory for a source and a destination.
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

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn a_match_is_copied_with_modes_and_times() {
    let place = Place::new();
    place.write("s/a.txt", b"a");
    place.write("s/empty", b"");
    place.write("s/sub/b.bin", &vec![7; 300_000]);
    fs::create_dir(place.path("s/sub/none")).unwrap();
    fs::set_permissions(place.path("s/a.txt"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(place.path("s/sub"), fs::Permissions::from_mode(0o1555)).unwrap();
    for (index, path) in ["s/a.txt", "s/sub/b.bin", "s/sub", "s"].into_iter().enumerate() {
        let time =
            std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000 + index as u64, 123_456_789);
        File::open(place.path(path)).unwrap().set_modified(time).unwrap();
    }
    let copied = run(place.copy());
    assert!(matches!(copied[0].outcome, Outcome::Copied), "{copied:?}");
    assert_eq!((copied[0].files, copied[0].bytes), (3, 300_001));
    for path in ["", "/a.txt", "/empty", "/sub", "/sub/b.bin"] {
        let of = |top: &str| place.path(&format!("{top}{path}")).metadata().unwrap();
        let (source, target) = (of("s"), of("d"));
        assert_eq!(source.mode(), target.mode(), "{path}");
        assert_eq!(source.modified().unwrap(), target.modified().unwrap(), "{path}");
    }
    assert_eq!(read(place.path("d/sub/b.bin")), vec![7; 300_000]);
    assert_eq!(place.names("."), ["d", "s"]);
    let _ = symlink("a", place.path("l"));
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
    for (planned, missing) in [(&planned[3], false), (&planned[4], true)] {
        let Err(Outcome::Failed { errors, .. }) = &planned.result else { panic!("{planned:?}") };
        let kind = errors[0].io_error().map(std::io::Error::kind);
        assert_eq!(kind == Some(std::io::ErrorKind::NotFound), missing, "{errors:?}");
    }
    assert_eq!(place.names(""), before);
    // The plan is what the copy then does.
    let copied = run(copy);
    let outcomes: Vec<bool> =
        copied.iter().map(|copied| matches!(copied.outcome, Outcome::Copied)).collect();
    assert_eq!(outcomes, planned.iter().map(|planned| planned.result.is_ok()).collect::<Vec<_>>());
    assert_eq!((copied[0].files, copied[0].bytes), (2, 5));
}
