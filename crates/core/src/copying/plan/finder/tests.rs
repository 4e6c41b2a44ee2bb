use super::*;
use crate::{ExcludeRules, FileStructurePattern};

/// Some file systems list an entry twice.
#[test]
fn what_is_listed_twice_is_planned_once() {
    // Few, and so many that they are hashed in parts.
    for (count, distinct) in [(500, 400), (150_000, 149_990)] {
        let mut entries = Entries::default();
        let names: Vec<String> = (0..count).map(|n| (n % distinct).to_string()).collect();
        names.iter().for_each(|name| entries.push(Entry::new(name.as_ref(), EntryKind::File)));
        let mut twice = Twice::of(&entries);
        entries.retain(|entry| twice.is_first(entry.name));
        let expected = names[..distinct].iter().map(OsStr::new);
        assert!(entries.iter().map(|entry| entry.name).eq(expected));
    }

    let directory = |parent, name: &str, takers| Found {
        parent,
        name: name.into(),
        takers,
        entries: Entries::default(),
    };
    let leaf = FileStructurePattern::builder("a").build().unwrap();
    let program =
        SelectionProgram::new(&FileStructurePattern::builder("*").directory(leaf).build().unwrap());
    let found: Vec<Found> = [(0, ""), (0, "a"), (0, "b"), (0, "a")]
        .map(|(parent, name)| directory(parent, name, Takers::TOP))
        .into();
    let (selected, numbers) = decide(&found, &program, None);
    let belongs = |number: &Option<usize>| number.is_some_and(|n| selected.has_directory(n));
    assert_eq!(numbers.iter().filter(|number| belongs(number)).count(), 2);
    assert!(!belongs(&numbers[2]));
}

/// Where listings do not tell what an entry is, that is asked for, and may fail.
#[test]
fn an_entry_that_nobody_asks_for_may_fail() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("b")).unwrap();
    // An error about an entry.
    let error = || {
        let walk = WalkDir::new(dir.path()).follow_links(true);
        walk.into_iter().find_map(Result::err).unwrap()
    };
    let leaf = FileStructurePattern::builder("b").build().unwrap();
    let builder = || FileStructurePattern::builder("*");
    for (pattern, rule, fails) in [
        (builder().optional_file("b"), "c", true),
        (builder().optional_file("c"), "c", false),
        (builder().optional_file("b"), "b", false),
        (builder().optional_directory(leaf), "c", true),
    ] {
        let program = SelectionProgram::new(&pattern.build().unwrap());
        let exclude = Some((ExcludeRules::new([rule]).unwrap(), PathBuf::new()));
        let options = PlanOptions { exclude, ..PlanOptions::default() };
        let mut finder = Finder::new(dir.path(), &program, &options);
        finder.add_directory(0, OsString::new(), Takers::TOP);
        match finder.failed(error()) {
            Ok(()) => assert!(!fails),
            Err(error) => {
                assert!(fails);
                assert_eq!(error.operation(), Some(Operation::ReadMetadata));
                assert_eq!(error.path(), Some(&*dir.path().join("b")));
            }
        }
    }
}
