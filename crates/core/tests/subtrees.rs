//! Sub-trees and their outcomes that are damaged on the way, or are of something else.

mod common;

use std::ffi::OsStr;
use std::path::PathBuf;

use common::generate::{self, Choices, Profile, Random};
use pathvein_core::{
    DirectoryId, ErrorKind, FileStructurePattern, ListingScan, Name, NameBuf, PatternSet, Subtree,
    SubtreeOutcome,
};

/// Makes a scan with all options.
type Make<'a> = &'a dyn Fn() -> ListingScan<PathBuf>;

fn tag(above: Option<&PathBuf>, name: Name<'_>) -> PathBuf {
    above.cloned().unwrap_or_default().join(NameBuf::from(name).to_os_string())
}

/// Lists any tree, for a while. Returns what is left.
fn work(choices: &mut impl Choices, make: Make<'_>, task: &Subtree) -> Option<SubtreeOutcome> {
    let mut scan = make();
    let roots = match scan.at(task, "a", PathBuf::new()) {
        Ok(roots) => roots,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Subtree);
            return None;
        }
    };
    let mut names: Vec<PathBuf> = task.names().map(|name| name.to_os_string().into()).collect();
    names.push(PathBuf::new());
    let mut wanted: Vec<_> = roots.into_iter().map(|(at, id)| (id, names[at].clone())).collect();
    for _ in 0..choices.below(6) {
        if wanted.is_empty() {
            break;
        }
        let (id, path) = wanted.swap_remove(choices.below(wanted.len()));
        wanted.extend(list(choices, &mut scan, id, path));
    }
    Some(scan.hand_back(|path| NameBuf::from(Name::from(path.as_os_str()))))
}

/// Makes up a listing. Returns what is wanted in it.
fn list(
    choices: &mut impl Choices,
    scan: &mut ListingScan<PathBuf>,
    id: DirectoryId,
    path: PathBuf,
) -> Vec<(DirectoryId, PathBuf)> {
    let deep = path.components().count() > 5;
    let names = ["a", "b", "ab", "c", "a.x"];
    let directories: Vec<(Name<'_>, bool)> = names
        .iter()
        .filter(|_| !deep && choices.once_in(2))
        .map(|&name| (name.into(), true))
        .collect();
    let files: Vec<&str> = names.into_iter().filter(|_| choices.once_in(2)).collect();
    let wanted = scan.listed(id, path.clone(), &directories, files.into_iter().map(Name::from));
    let child = |at: usize| path.join(NameBuf::from(directories[at].0).to_os_string());
    wanted.into_iter().map(|(at, id)| (id, child(at))).collect()
}

/// Bytes in which something is changed.
fn damaged(choices: &mut impl Choices, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=choices.below(3) {
        let at = choices.below(bytes.len());
        match choices.below(6) {
            0 => bytes.truncate(at + 1),
            1 => bytes.insert(at, choices.below(256) as u8),
            2 => bytes[at] ^= 1 << choices.below(8),
            3 => bytes[at] = [0, 1, 2, 0x7F, 0xFF][choices.below(5)],
            4 => bytes[at] = bytes[at].wrapping_add(1),
            _ => {
                let other = bytes[choices.below(bytes.len())];
                bytes[at] = other;
            }
        }
    }
    bytes
}

/// How many were refused, and how many were taken.
#[derive(Debug, Default)]
struct Counts {
    unreadable: usize,
    refused: usize,
    taken: usize,
}

fn case(seed: u64, counts: &mut Counts) {
    let choices = &mut Random(seed);
    // Compiled once.
    let patterns = PatternSet::new(&generate::patterns(choices, Profile::Small));
    let (outermost, checks) = (choices.once_in(2), choices.once_in(2));
    let make = || {
        let scan = ListingScan::new(&patterns, None).outermost(outermost);
        if checks { scan.checking() } else { scan }
    };
    let mut scan = make().dividing();
    let mut wanted = vec![scan.source(OsStr::new("a"))];
    // What is damaged may ask for more than there is.
    for _ in 0..60 {
        if wanted.is_empty() {
            break;
        }
        let id = wanted.swap_remove(choices.below(wanted.len()));
        let Some(task) = scan.subtree(id) else { continue };
        let sent = postcard::to_allocvec(&task).unwrap();
        if let Ok(task) = postcard::from_bytes::<Subtree>(&damaged(choices, &sent)) {
            // It is scanned all the same, or refused.
            let outcome = work(choices, &make, &task);
            if let Some(outcome) = outcome
                && let Err(error) = scan.scanned(id, &outcome, tag)
            {
                assert_eq!(error.kind(), ErrorKind::Subtree);
            }
        }
        let Some(outcome) = work(choices, &make, &task) else {
            panic!("a sub-tree as it was made is refused");
        };
        let sent = postcard::to_allocvec(&outcome).unwrap();
        for _ in 0..10 {
            let Ok(outcome) = postcard::from_bytes::<SubtreeOutcome>(&damaged(choices, &sent))
            else {
                counts.unreadable += 1;
                continue;
            };
            match scan.scanned(id, &outcome, tag) {
                Ok(left) => {
                    counts.taken += 1;
                    wanted.extend(left.into_iter().map(|(id, _)| id));
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Subtree);
                    counts.refused += 1;
                }
            }
        }
        if let Ok(left) = scan.scanned(id, &outcome, tag) {
            wanted.extend(left.into_iter().map(|(id, _)| id));
        }
    }
    // Whatever was taken, all can be ended.
    wanted.into_iter().for_each(|id| scan.not_listed(id));
}

#[test]
fn what_is_damaged_is_an_error_or_is_taken_and_never_more() {
    let mut counts = Counts::default();
    (0..40).for_each(|seed| case(seed, &mut counts));
    let Counts { unreadable, refused, taken } = counts;
    assert!(unreadable > 100 && refused > 100 && taken > 100, "{counts:?}");
}

fn run() -> FileStructurePattern {
    let data = FileStructurePattern::builder("data").file("*.csv").build().unwrap();
    FileStructurePattern::builder("run_*").directory(data).build().unwrap()
}

/// A scan in which `run_1` and its `data` wait to be scanned, and the outcome that led there.
fn divided() -> (ListingScan<PathBuf>, DirectoryId, SubtreeOutcome) {
    let mut scan = ListingScan::new(&[run()], None);
    let source = scan.source("run_1");
    let mut part = ListingScan::new(&[run()], None);
    let roots = part.at(&scan.subtree(source).unwrap(), "run_1", PathBuf::new()).unwrap();
    part.listed(roots[0].1, PathBuf::new(), &[("data".into(), true), ("x".into(), true)], []);
    let outcome = part.hand_back(|path| NameBuf::from(Name::from(path.as_os_str())));
    let left = scan.scanned(source, &outcome, tag).unwrap();
    assert_eq!(left.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2]);
    (scan, left[0].0, outcome)
}

#[test]
fn an_outcome_is_of_the_sub_tree_that_it_was_made_of() {
    let (mut scan, id, of_source) = divided();
    let task = scan.subtree(id).unwrap();
    assert_eq!((task.len(), task.path().to_string()), (2, String::new()));
    let error = scan.scanned(id, &of_source, tag).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Subtree);
    assert_eq!(
        error.to_string(),
        "what another process sent does not fit: the outcome of another sub-tree"
    );

    // With other patterns.
    let other = FileStructurePattern::builder("*").file("a").build().unwrap();
    let mut part = ListingScan::new(&[other], None);
    let error = part.at(&task, "run_1", PathBuf::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Subtree);

    // Of what it was split into.
    let mut part = ListingScan::new(&[run()], None);
    let roots = part.at(&task, "run_1", PathBuf::new()).unwrap();
    part.listed(roots[0].1, PathBuf::from("data"), &[], ["a.csv".into()]);
    let outcome = part.hand_back(|path| NameBuf::from(Name::from(path.as_os_str())));
    assert_eq!((outcome.left(), outcome.open(), outcome.found()), (1, 0, 0));
    let rest = scan.split(id, 1).unwrap();
    for id in [id, rest] {
        assert_eq!(scan.scanned(id, &outcome, tag).unwrap_err().kind(), ErrorKind::Subtree);
    }
    assert!(scan.split(id, 1).is_none() && scan.split(id, 0).is_none());
    assert_eq!(scan.take_matches(), []);

    // And nothing was changed by all that.
    let mut part = ListingScan::new(&[run()], None);
    let roots = part.at(&scan.subtree(id).unwrap(), "run_1", PathBuf::new()).unwrap();
    part.listed(roots[0].1, PathBuf::from("data"), &[], ["a.csv".into()]);
    let outcome = part.hand_back(|path| NameBuf::from(Name::from(path.as_os_str())));
    assert_eq!(scan.scanned(id, &outcome, tag).unwrap(), []);
    assert_eq!(scan.take_matches(), [(PathBuf::new(), 0)]);
    // The second time it counts for nothing.
    assert_eq!(scan.scanned(id, &outcome, tag).unwrap(), []);
    assert!(scan.take_matches().is_empty() && !scan.is_done());
    scan.absent(rest);
    assert!(scan.is_done());
}

#[test]
fn several_directories_are_answered_for_at_once() {
    let (mut scan, id, _) = divided();
    let mut scan_2 = divided().0;
    assert!(scan.is_wanted(id) && scan.feeds_another(id));
    scan.not_listed(id);
    assert!(!scan.is_wanted(id) && scan.is_done() && scan.take_matches().is_empty());
    // Several are not listed as one.
    assert!(scan_2.listed(id, PathBuf::new(), &[], ["a.csv".into()]).is_empty());
    assert!(scan_2.is_wanted(id));
    let rest = scan_2.split(id, 1).unwrap();
    scan_2.listed(id, PathBuf::from("data"), &[], ["a.csv".into()]);
    assert_eq!(scan_2.take_matches(), [(PathBuf::new(), 0)]);
    scan_2.not_entered(rest);
    assert!(scan_2.is_done());
}

#[test]
#[cfg(unix)]
fn names_in_another_encoding_are_read_by_the_caller_too() {
    use std::os::unix::ffi::OsStrExt;

    use pathvein_core::{NameDecoder, Scan};

    let latin_1 = NameDecoder::new(|name| {
        name.as_encoded_bytes().iter().map(|&byte| u32::from(byte)).collect()
    });
    let cafe = FileStructurePattern::builder("café").file("x").build().unwrap();
    let run = [FileStructurePattern::builder("*").directory(cafe).build().unwrap()];
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(OsStr::from_bytes(b"caf\xE9"))).unwrap();

    for (decoder, found) in [(None, 0), (Some(latin_1.clone()), 1)] {
        let mut scan = ListingScan::new(&run, None).decode_names(decoder);
        let source = scan.source("lab");
        let part = Scan::new(dir.path(), &run).decode_names(latin_1.clone());
        let part = part.subtree(scan.subtree(source).unwrap()).budget(None, 1);
        let (outcome, _) = part.run(|error| panic!("{error}")).unwrap();
        let left = scan.scanned(source, &outcome, tag).unwrap();
        scan.listed(left[0].0, PathBuf::new(), &[], ["x".into()]);
        assert_eq!(scan.take_matches().len(), found);
    }
}
