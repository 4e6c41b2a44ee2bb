//! What only Windows has: verbatim paths, junctions, lone surrogates, files that nobody else may
//! open.
#![cfg(windows)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pathvein_core::{Error, ErrorKind, ExcludeRules, FileStructurePattern, Name, Scan, Walk};
use tempfile::TempDir;

/// A directory `lab`, by the verbatim path that can name whatever is in it.
fn lab() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let lab = dir.path().canonicalize().unwrap().join("lab");
    fs::create_dir(&lab).unwrap();
    (dir, lab)
}

fn make(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

fn run(name: &str) -> FileStructurePattern {
    FileStructurePattern::builder(name).file("ok").build().unwrap()
}

fn found(scan: Scan) -> (BTreeSet<PathBuf>, Vec<Error>) {
    let (mut found, mut errors) = (BTreeSet::new(), Vec::new());
    for result in scan {
        match result {
            Ok(one) => _ = found.insert(one.into_path()),
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

/// The names of the matches.
#[track_caller]
fn names(scan: Scan) -> BTreeSet<OsString> {
    let (found, errors) = found(scan);
    assert!(errors.is_empty(), "{errors:?}");
    found.iter().map(|path| path.file_name().unwrap().to_owned()).collect()
}

fn junction(link: &Path, target: &Path) {
    let plain = |path: &Path| path.to_str().unwrap().replace(r"\\?\", "");
    let made = Command::new("cmd").args(["/c", "mklink", "/J", &plain(link), &plain(target)]);
    let made = { made }.output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn results_are_named_as_people_write_paths() {
    let (dir, lab) = lab();
    make(&lab.join("run_1").join("ok"));
    let written = dir.path().join("lab");
    let slashes = written.to_str().unwrap().replace('\\', "/");
    for source in [written.clone(), slashes.into(), lab.clone(), written.join("run_1/..")] {
        let (found, errors) = found(Scan::new(&source, &[run("run_*")]));
        assert!(errors.is_empty(), "{errors:?}");
        let [path] = &Vec::from_iter(found)[..] else { panic!("{source:?}") };
        assert!(!path.to_str().unwrap().starts_with(r"\\?\"), "{path:?}");
        assert!(path.ends_with(r"lab\run_1"), "{path:?}");
        assert_eq!(path.canonicalize().unwrap(), lab.join("run_1"));
    }
}

#[test]
fn case_matters_in_patterns_and_not_in_sources() {
    let (dir, lab) = lab();
    make(&lab.join("run_1").join("ok"));
    let source = dir.path().join("LAB");
    assert_eq!(names(Scan::new(&source, &[run("RUN_*")])).len(), 0);
    let (found, _) = found(Scan::new(&source, &[run("run_*")]));
    assert_eq!(found.len(), 1);
    // The source is resolved, and has the name that it has.
    assert!(found.first().unwrap().parent().unwrap().ends_with("lab"), "{found:?}");
}

#[test]
fn paths_may_be_longer_than_260_characters() {
    let (dir, lab) = lab();
    let mut deep = lab.clone();
    for _ in 0..8 {
        deep.push("x".repeat(60));
    }
    make(&deep.join("run_1").join("ok"));
    let (found, errors) = found(Scan::new(dir.path().join("lab"), &[run("run_*")]));
    assert!(errors.is_empty(), "{errors:?}");
    let path = found.first().expect("a match");
    assert!(path.as_os_str().len() > 480 && path.join("ok").is_file());
}

#[test]
fn names_that_other_paths_cannot_name_are_read() {
    let (dir, lab) = lab();
    for name in ["run_dot.", "run_blank ", "run_1", "nul"] {
        make(&lab.join(name).join("ok"));
    }
    // A path that is not verbatim leads to these instead.
    fs::create_dir(lab.join("run_dot")).unwrap();
    fs::create_dir(lab.join("run_blank")).unwrap();
    let scan = Scan::new(dir.path().join("lab"), &[run("run_*"), run("nul")]);
    let expected = ["run_dot.", "run_blank ", "run_1", "nul"].map(OsString::from);
    assert_eq!(names(scan), BTreeSet::from(expected));
}

#[test]
fn a_lone_surrogate_is_a_character_of_a_name() {
    let (dir, lab) = lab();
    let odd = OsString::from_wide(&[0x72, 0xD800]);
    make(&lab.join(&odd).join("ok"));
    make(&lab.join("r\u{1F600}").join("ok"));
    let scan = |name: &str| Scan::new(dir.path().join("lab"), &[run(name)]);
    assert_eq!(names(scan("r?")), BTreeSet::from([odd.clone(), "r\u{1F600}".into()]));
    assert_eq!(names(scan("r[!\u{1F600}]")), BTreeSet::from([odd]));
    let listed = Walk::new(dir.path().join("lab")).max_depth(0).into_iter().next().unwrap();
    let points = |name: &OsString| Name::from(&**name).code_points().collect::<Vec<_>>();
    let listed: BTreeSet<_> = listed.unwrap().directories.iter().map(points).collect();
    assert_eq!(listed, BTreeSet::from([vec![0x72, 0xD800], vec![0x72, 0x1_F600]]));
}

#[test]
fn a_junction_is_a_link() {
    let (dir, lab) = lab();
    make(&lab.join("run_1").join("ok"));
    make(&dir.path().join("elsewhere").join("run_2").join("ok"));
    junction(&lab.join("run_up"), &lab);
    junction(&lab.join("away"), &dir.path().join("elsewhere"));
    let scan = || Scan::new(dir.path().join("lab"), &[run("run_*")]);
    assert_eq!(names(scan()), BTreeSet::from(["run_1".into()]));
    // It is present by its name.
    let by_name = FileStructurePattern::builder("run_up").build().unwrap();
    let outer = FileStructurePattern::builder("lab").directory(by_name).build().unwrap();
    assert_eq!(names(Scan::new(dir.path().join("lab"), &[outer])).len(), 1);

    let (found, errors) = found(scan().follow_links(true));
    let found: Vec<_> = found.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(found, ["run_2", "run_1"]);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!(error.kind(), ErrorKind::Loop);
    assert!(error.path().unwrap().ends_with(r"lab\run_up"));
    assert!(error.loop_ancestor().unwrap().ends_with("lab"));
}

#[test]
fn a_broken_junction_is_a_file() {
    let (dir, lab) = lab();
    fs::create_dir(lab.join("target")).unwrap();
    junction(&lab.join("ok"), &lab.join("target"));
    fs::remove_dir(lab.join("target")).unwrap();
    let scan = Scan::new(dir.path().join("lab"), &[run("lab")]).follow_links(true);
    assert_eq!(names(scan), BTreeSet::from(["lab".into()]));
}

#[test]
fn files_that_nobody_else_may_open_are_listed() {
    let (dir, lab) = lab();
    make(&lab.join("run_1").join("ok"));
    let file = lab.join("run_1").join("ok");
    let _open = OpenOptions::new().read(true).share_mode(0).open(&file).unwrap();
    const SHARING_VIOLATION: i32 = 32;
    assert_eq!(fs::read(&file).unwrap_err().raw_os_error(), Some(SHARING_VIOLATION));
    let scan = Scan::new(dir.path().join("lab"), &[run("run_*")]);
    assert_eq!(names(scan), BTreeSet::from(["run_1".into()]));
}

#[test]
fn what_is_no_directory_is_said_to_be_none() {
    let (dir, lab) = lab();
    make(&lab.join("ok"));
    for (source, kind) in [
        (dir.path().join("lab").join("ok"), std::io::ErrorKind::NotADirectory),
        (dir.path().join("none"), std::io::ErrorKind::NotFound),
    ] {
        let error = Scan::new(&source, &[run("*")]).start().unwrap_err();
        let io = error.io_error().unwrap();
        assert_eq!(io.kind(), kind, "{error}");
        // Python makes its exception of the number.
        assert!(io.raw_os_error().is_some(), "{error}");
    }
}

#[test]
fn rules_take_either_separator() {
    let (dir, lab) = lab();
    make(&lab.join("raw").join("run_1").join("ok"));
    make(&lab.join("run_2").join("ok"));
    for rule in ["/raw", r"\raw", "raw/run_*", r"raw\run_*", r"raw\"] {
        let rules = ExcludeRules::new([rule]).unwrap();
        let scan = Scan::new(dir.path().join("lab"), &[run("run_*")]).exclude(rules);
        assert_eq!(names(scan), BTreeSet::from(["run_2".into()]), "{rule}");
    }
}

#[test]
fn one_file_system_is_that_of_the_source() {
    let (dir, lab) = lab();
    make(&lab.join("run_1").join("ok"));
    let scan = Scan::new(dir.path().join("lab"), &[run("run_*")]).one_file_system(true);
    assert_eq!(names(scan), BTreeSet::from(["run_1".into()]));
}
