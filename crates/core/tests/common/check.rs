//! Whole cases: they are made from choices, run, and compared with the reference.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use pathvein_core::{ErrorKind, ExcludeRules, Walk};
use pathvein_core::{ListingScan, Name, Scan};

#[cfg(unix)]
use super::disk;
use super::faults;
use super::generate::{self, Choices, Profile};
use super::reference::{self, Question, Sub, Tree};
use super::shown;

/// Scan and walk of a real tree, by both listers, with and without types.
#[cfg(unix)]
pub(crate) fn tree_on_disk(choices: &mut impl Choices, profile: Profile) {
    let flags = choices.below(256);
    let options = disk::Options {
        follow_links: flags & 1 != 0,
        one_file_system: flags & 2 != 0,
        exclude: if flags & 4 == 0 {
            Vec::new()
        } else {
            (0..=choices.below(2)).map(|_| choices.pick(&disk::RULES)).collect()
        },
    };
    let max_depth = [None, None, None, Some(0), Some(1), Some(2)][choices.below(6)];
    let threads = [1, 2, 8][(flags >> 4) % 3];
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);

    // In memory, where that is possible.
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(choices, &root);

    let mut loops = Vec::new();
    let tree = disk::read(&root, &options, &mut loops);
    let expected = reference::scan(&root, "a".as_ref(), &tree, &patterns, max_depth);
    let hidden = reference::hidden_by_links("a".as_ref(), &tree, &patterns, max_depth);
    let all = reference::walk(&root, &tree, None);
    let walked = reference::walk(&root, &tree, max_depth);
    let loops: BTreeSet<PathBuf> = loops.into_iter().collect();
    let depth = |path: &PathBuf| path.components().count() - root.components().count();
    let within = |path: &&PathBuf| max_depth.is_none_or(|max| depth(path) <= max);
    let loops_within: BTreeSet<PathBuf> = loops.iter().filter(within).cloned().collect();

    let listers = [(false, false), (false, true), (true, false), (true, true)];
    let listers = listers.map(|(portable, untyped)| (portable, untyped, false));
    // Where it is in memory, link counts tell that there are no directories.
    for (portable, untyped, skips) in [(false, choices.once_in(2), true)].into_iter().chain(listers)
    {
        let mut scan = Scan::new(&root, &patterns)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
            .untyped_lister(untyped)
            .leaf_skip(skips)
            .start()
            .unwrap();
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for result in &mut scan {
            match result {
                Ok(found_one) => {
                    found.push((found_one.path().to_path_buf(), found_one.pattern()));
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Loop, "{error}");
                    let path = error.path().unwrap();
                    assert!(path.starts_with(error.loop_ancestor().unwrap()));
                    errors.push(path.to_path_buf());
                }
            }
        }
        let stats = scan.stats();
        assert_eq!((stats.matches, stats.errors), (found.len(), errors.len()));
        let (count, error_count, told) = (found.len(), errors.len(), errors.clone());
        let found: reference::Matches = found.into_iter().collect();
        let errors: BTreeSet<PathBuf> = errors.into_iter().collect();
        let ways = format!("portable {portable} untyped {untyped} skips {skips}");
        assert_eq!(found, expected, "{shown} {options:?} {ways}");
        assert_eq!(
            (count, error_count),
            (found.len(), errors.len()),
            "something stands twice: {found:?} {errors:?} {told:?} {shown} {tree} {options:?} {max_depth:?} {threads} {ways}"
        );
        assert_eq!(stats.hidden_by_links, hidden, "{shown} {tree} {max_depth:?}");
        assert!(loops_within.is_subset(&errors) && errors.is_subset(&loops));
        if skips {
            let visited = stats.directories + stats.skipped;
            assert!(visited <= all.len() && (max_depth.is_some() || visited == all.len()));
            continue;
        }
        assert_eq!(stats.skipped, 0);
        if max_depth.is_none() {
            let entries: usize = all.iter().map(|(_, dirs, files)| dirs.len() + files.len()).sum();
            assert_eq!(stats.directories, all.len());
            // A link that a rule for directories might exclude is counted unless it is looked at.
            let may_be_more = options.exclude.iter().any(|rule| rule.ends_with('/'));
            assert!(entries == stats.entries || may_be_more && entries < stats.entries);
        } else {
            assert!(walked.len() <= stats.directories && stats.directories <= all.len());
        }

        let walk = Walk::new(&root)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
            .untyped_lister(untyped);
        let (mut listings, mut errors, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
        for result in walk {
            match result {
                Ok(mut listing) => {
                    listing.directories.sort();
                    listing.files.sort();
                    listings.insert((listing.path, listing.directories, listing.files));
                    count += 1;
                }
                Err(error) => {
                    errors.insert(error.path().unwrap().to_path_buf());
                }
            }
        }
        assert_eq!(listings, walked, "{options:?} portable {portable} untyped {untyped}");
        assert_eq!((count, errors), (walked.len(), loops_within.clone()));
    }
}

pub(crate) const ROOT: &str = "/root";

/// The reference's own answers: what is certain of a damaged tree holds in the whole one, and
/// what holds there is not denied.
pub(crate) fn answers(choices: &mut impl Choices, profile: Profile) {
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);
    let whole = generate::tree(choices);
    let damaged = generate::damaged(choices, &whole);
    let (root, name) = (Path::new(ROOT), generate::name(choices));
    let ask = |tree, question| reference::ask(question, root, &name, tree, &patterns, None);
    let all = ask(&whole, Question::Certain);
    assert_eq!(all, ask(&whole, Question::Possible), "{shown} {whole}");
    let certain = ask(&damaged, Question::Certain);
    assert!(certain.is_subset(&all), "{shown} {damaged} {whole}");
    let possible = ask(&damaged, Question::Might);
    assert!(possible.is_subset(&ask(&damaged, Question::Possible)), "{shown} {damaged}");
    let sure = ask(&damaged, Question::Surely);
    assert!(certain.is_subset(&sure) && sure.is_subset(&possible), "{shown} {damaged}");
    assert!(sure.is_subset(&all), "{shown} {damaged} {whole}");
    let read: BTreeSet<_> =
        reference::walk(root, &damaged, None).into_iter().map(|l| l.0).collect();
    let denied = all.difference(&possible).find(|(path, _)| read.contains(path));
    assert_eq!(denied, None, "{shown} {damaged} {whole}");
}

/// A scan of a tree that is made up, in which much goes wrong.
pub(crate) fn made_up(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let threads = [1, 1, 2, 4][choices.below(4)];
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);
    let mut whole = faults::without_twins(generate::tree(choices));
    if max_depth.is_some() {
        faults::nothing_is_gone(&mut whole);
    }
    let mut damaged =
        if choices.once_in(4) { whole.clone() } else { generate::damaged(choices, &whole) };
    faults::nothing_read_is_unlisted(&mut damaged);
    if damaged.broke_off && damaged.files.is_empty() && damaged.directories.is_empty() {
        // A source of which nothing can be read has no matches, and nothing more to say.
        damaged = whole.clone();
    }
    let name = generate::name(choices);
    let source = Path::new("/made-up").join(faults::number()).join(&name);

    let mut scan = Scan::new(&source, &patterns)
        .made_up(faults::made_up(choices, &damaged))
        .one_file_system(true)
        .max_depth(max_depth)
        .threads(threads)
        .leaf_skip(choices.once_in(2))
        .start()
        .unwrap();
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in &mut scan {
        match result {
            Ok(result) => found.push((result.path().to_path_buf(), result.pattern())),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let stats = scan.stats();
    assert_eq!((stats.matches, stats.errors), (found.len(), errors.len()));
    let count = found.len();
    let found: reference::Matches = found.into_iter().collect();
    assert_eq!(count, found.len(), "a match stands twice");

    let case = || format!("{shown} {damaged} {max_depth:?} {errors:?}");
    let all = reference::scan(&source, &name, &whole, &patterns, max_depth);
    assert!(found.is_subset(&all), "{} {}", shown.difference(&found, &all), case());
    assert!(!errors.is_empty() || found == all, "{} {}", shown.difference(&found, &all), case());
    let expected = reference::scan(&source, &name, &damaged, &patterns, max_depth);
    assert_eq!(found, expected, "{} {}", shown.difference(&found, &expected), case());
    let hidden = reference::hidden_by_links(&name, &damaged, &patterns, max_depth);
    assert_eq!(stats.hidden_by_links, hidden, "{}", case());
}

/// The compiled program, fed with listings in any order.
pub(crate) fn listings(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);
    let mut whole = generate::tree(choices);
    let mut tree =
        if choices.once_in(4) { whole.clone() } else { generate::damaged(choices, &whole) };
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(choices) };

    let mut scan = ListingScan::new(&patterns, max_depth);
    let tells_unknown = choices.once_in(2);
    if tells_unknown {
        scan = scan.telling_unknown();
    }
    let source = scan.source(&*name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut asked = BTreeSet::new();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        let first = asked.insert(path.clone());
        assert!(first, "asked twice for {}", path.display());
        match sub {
            Sub::NotEntered => scan.not_entered(id),
            Sub::Unlisted => scan.not_listed(id),
            Sub::Link => unreachable!("may not be entered"),
            Sub::Gone => scan.absent(id),
            Sub::Entered(Tree { directories, files, broke_off, untold }) => {
                let names: Vec<(Name, bool)> = directories
                    .iter()
                    .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                let wanted_below = if broke_off || !untold.is_empty() {
                    scan.listed_in_part(id, path.clone(), &names, files)
                } else {
                    scan.listed(id, path.clone(), &names, files)
                };
                for (index, id) in wanted_below {
                    assert!(names[index].1, "asked for what cannot be entered");
                    let (name, sub) = directories[index].clone();
                    wanted.push((id, path.join(name), sub));
                }
            }
        }
        // Each id is answered once. A second answer changes nothing.
        scan.absent(id);
        assert!(scan.listed(id, PathBuf::new(), &[("a".into(), true)], []).is_empty());
        if choices.once_in(2) {
            found.append(&mut scan.take_matches());
        }
    }
    assert!(scan.is_done());
    found.append(&mut scan.take_matches());

    close_unasked(&mut whole, Path::new(ROOT), &asked);
    let all = reference::scan(Path::new(ROOT), &name, &whole, &patterns, max_depth);
    faults::tell_of_whole_directories(&mut tree);
    close_unasked(&mut tree, Path::new(ROOT), &asked);
    let ask =
        |question| reference::ask(question, Path::new(ROOT), &name, &tree, &patterns, max_depth);
    let expected = ask(Question::Certain);
    let count = found.len();
    let found: reference::Matches = found.into_iter().collect();
    assert_eq!(found, expected, "{} {shown} {tree}", shown.difference(&found, &expected));
    assert_eq!(count, found.len(), "a match stands twice");
    assert!(found.is_subset(&all), "{} {tree} {whole}", shown.difference(&found, &all));
    let unknown = scan.take_unknown();
    if tells_unknown {
        let count = unknown.len();
        let unknown: reference::Matches = unknown.into_iter().collect();
        let expected = &ask(Question::Might) - &expected;
        assert_eq!(unknown, expected, "{shown} {tree}");
        assert_eq!(count, unknown.len(), "what is unknown stands twice");
    }
    let hidden = reference::hidden_by_links(&name, &tree, &patterns, max_depth);
    assert_eq!(scan.hidden_by_links(), hidden, "{shown} {tree} {max_depth:?}");

    // Down to the depth all directories are opened, below it only those that have to be.
    if let Some(max_depth) = max_depth {
        let root = Path::new(ROOT);
        let inside = reference::asked_inside(root, &name, &tree, &patterns, max_depth);
        for path in &asked {
            let depth = path.components().count() - root.components().count();
            assert!(depth <= max_depth || inside.contains(path), "{} asked for", path.display());
        }
    }
}

/// Directories that were not wanted are present by name, whatever they are on disk.
pub(crate) fn close_unasked(tree: &mut Tree, path: &Path, asked: &BTreeSet<PathBuf>) {
    for (name, sub) in &mut tree.directories {
        let path = path.join(name);
        if !asked.contains(&path) && !matches!(sub, Sub::Entered(_) | Sub::Link) {
            *sub = Sub::NotEntered;
        }
        if let Sub::Entered(below) = sub {
            close_unasked(below, &path, asked);
        }
    }
}
