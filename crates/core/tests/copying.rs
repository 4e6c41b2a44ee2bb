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
