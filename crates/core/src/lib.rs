//! Find directories by their structure: by their names, and by the files and directories
//! that they hold.
//!
//! A [`FileStructurePattern`] says what to look for. A [`Scan`] finds every directory of a
//! local tree that matches, in one parallel pass in which each directory is opened once,
//! however many patterns there are and however deep they nest. A [`ListingScan`] does the
//! same for any tree that the caller can list: a bucket, an archive, an index. Their parts
//! are useful alone: [`NameGlob`] and [`NameSet`] match names exactly as Python's `fnmatch`
//! does, and [`Walk`] lists a tree in parallel.
//!
//! What exactly a match is can be read in [`semantics`]. The crate is the core of the Python
//! package [pathvein](https://github.com/alexjbuck/pathvein) and knows nothing of Python.
//!
//! # Scanning
//!
//! All runs of a laboratory, which have a `config.json` and a directory `data`
//! with at least one Parquet file in it:
//!
//! ```
//! use pathvein_core::{FileStructurePattern, Scan};
//!
//! # let dir = tempfile::tempdir()?;
//! # let lab = dir.path().join("lab");
//! # for run in ["run_1", "run_2"] {
//! #     std::fs::create_dir_all(lab.join(run).join("data"))?;
//! #     std::fs::write(lab.join(run).join("config.json"), "")?;
//! # }
//! # std::fs::write(lab.join("run_1/data/a.parquet"), "")?;
//! let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
//! let run = FileStructurePattern::builder("run_*")
//!     .file("config.json")
//!     .directory(data)
//!     .build()?;
//!
//! let mut found = Vec::new();
//! for result in Scan::new(&lab, &[run]).threads(4).max_depth(3) {
//!     match result {
//!         Ok(found_one) => found.push(found_one.into_path()),
//!         // An error below the source does not end the scan.
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! assert_eq!(found, [lab.canonicalize()?.join("run_1")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Matches come as they are found, in no particular order. Dropping the iterator stops the
//! workers; a [`Stopper`] does so from another thread, and a [`Progress`] tells other threads
//! how far they have come. [`Scan`] and [`Walk`] have threads of their own, so they can be used from
//! anywhere, a pool of rayon's included.
//!
//! # Patterns for many scans
//!
//! A [`PatternSet`] holds patterns that are compiled already, for one scan after the other or
//! several at once.
//!
//! ```
//! use pathvein_core::{FileStructurePattern, PatternSet, Scan};
//!
//! # let dir = tempfile::tempdir()?;
//! # for lab in ["lab_1", "lab_2"] {
//! #     std::fs::create_dir_all(dir.path().join(lab).join("run_1"))?;
//! # }
//! # let (lab_1, lab_2) = (dir.path().join("lab_1"), dir.path().join("lab_2"));
//! let patterns = PatternSet::new(&[
//!     FileStructurePattern::builder("run_*").build()?,
//!     FileStructurePattern::builder("*").file("README*").build()?,
//! ]);
//! let mut count = 0;
//! for lab in [lab_1, lab_2] {
//!     count += Scan::new(lab, &patterns).into_iter().filter_map(Result::ok).count();
//! }
//! assert_eq!(count, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Patterns in files
//!
//! Patterns are read from JSON and written as JSON
//! ([`from_json`](FileStructurePattern::from_json),
//! [`to_json`](FileStructurePattern::to_json)), and in other formats through
//! [serde](https://serde.rs).
//!
//! ```
//! use pathvein_core::FileStructurePattern;
//!
//! let run = FileStructurePattern::from_json(
//!     r#"{
//!         "directory_name": "run_*",
//!         "files": ["config.json"],
//!         "directories": [{"directory_name": "data", "files": ["*.parquet"]}]
//!     }"#,
//! )?;
//! assert_eq!(run.directories()[0].alternatives()[0].files(), ["*.parquet".into()]);
//!
//! // A glob that can never match is legal, and `validate` reports it.
//! let odd = FileStructurePattern::from_json(r#"{"files": ["data/*.parquet"]}"#)?;
//! assert_eq!(odd.validate()[0].place(), "files[0]");
//! # Ok::<(), pathvein_core::Error>(())
//! ```
//!
//! # Walking
//!
//! ```
//! use pathvein_core::{ExcludeRules, Walk};
//!
//! # let dir = tempfile::tempdir()?;
//! # std::fs::create_dir_all(dir.path().join(".git/objects"))?;
//! # std::fs::write(dir.path().join("a.rs"), "")?;
//! # let source = dir.path();
//! let rules = ExcludeRules::new([".git/", "*.tmp"])?;
//! let mut files = 0;
//! for listing in Walk::new(source).exclude(rules) {
//!     files += listing?.files.len();
//! }
//! assert_eq!(files, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Trees that are not on a disk
//!
//! A [`ListingScan`] gets the listings from its caller, and names the directories whose
//! listings it wants next. Here the tree is in memory.
//!
//! ```
//! use std::collections::HashMap;
//! use pathvein_core::{FileStructurePattern, ListingScan, Name};
//!
//! // For each directory, its directories and its files.
//! let tree: HashMap<&str, (Vec<&str>, Vec<&str>)> = HashMap::from([
//!     ("lab", (vec!["run_1"], vec![])),
//!     ("lab/run_1", (vec!["data"], vec!["config.json"])),
//!     ("lab/run_1/data", (vec![], vec!["a.parquet"])),
//! ]);
//! let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
//! let run = FileStructurePattern::builder("run_*").directory(data).build()?;
//!
//! let mut scan = ListingScan::new(&[run], None);
//! let mut to_list = vec![(scan.source("lab"), "lab".to_string())];
//! while let Some((id, path)) = to_list.pop() {
//!     let Some((directories, files)) = tree.get(path.as_str()) else {
//!         scan.absent(id);
//!         continue;
//!     };
//!     // Each directory comes with whether it may be entered.
//!     let entries: Vec<_> = directories.iter().map(|&name| (Name::from(name), true)).collect();
//!     let files = files.iter().map(|&name| Name::from(name));
//!     for (index, wanted) in scan.listed(id, path.clone(), &entries, files) {
//!         to_list.push((wanted, format!("{path}/{}", directories[index])));
//!     }
//! }
//! assert_eq!(scan.take_matches(), [("lab/run_1".to_string(), 0)]);
//! # Ok::<(), pathvein_core::Error>(())
//! ```
//!
//! If all keys come in sorted order, as from an object store, a [`KeyScan`] takes them as
//! they are. A [`ListPage`] reads them from the answers of S3. A [`KeyStream`] takes paths that
//! programs print, which a [`KeySorter`] puts in order.
//!
//! # Copying
//!
//! On Unix, a [`Copy`][copy] copies what belongs to matches, each to a place of its own, where it
//! appears whole or not at all. ([`StagedCopy`][staged] does the same with contents of any other
//! origin.)
//!
#![cfg_attr(unix, doc = "[copy]: struct@Copy\n[staged]: StagedCopy\n")]
#![cfg_attr(not(unix), doc = "[copy]: #copying\n[staged]: #copying\n")] // neither is there
//!
//! ```
//! # #[cfg(unix)] {
//! use pathvein_core::{Copy, FileStructurePattern, Outcome, Scan};
//!
//! # let dir = tempfile::tempdir()?;
//! # let (lab, archive) = (dir.path().join("lab"), dir.path().join("archive"));
//! # for run in ["run_1", "run_2"] {
//! #     std::fs::create_dir_all(lab.join(run))?;
//! #     std::fs::write(lab.join(run).join("a.csv"), "1,2")?;
//! # }
//! let run = FileStructurePattern::builder("run_*").file("*.csv").build()?;
//! let mut copy = Copy::of_none().threads(2);
//! for found in Scan::new(&lab, &[run.clone()]) {
//!     let source = found?.into_path();
//!     let destination = archive.join(source.file_name().unwrap_or_default());
//!     copy = copy.add(source, destination, &run);
//! }
//! for copied in copy {
//!     match copied?.outcome {
//!         Outcome::Failed { errors, .. } => eprintln!("{}", errors[0]),
//!         outcome => assert!(matches!(outcome, Outcome::Copied)),
//!     }
//! }
//! assert_eq!(std::fs::read(archive.join("run_2/a.csv"))?, b"1,2");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Names alone
//!
//! ```
//! use pathvein_core::NameSet;
//!
//! let set = NameSet::new(["*.csv", "run_*"]);
//! assert!(set.is_match("run_7"));
//! assert_eq!(set.matching("run_7.csv"), [0, 1]);
//!
//! // Bit i of the mask: does any glob match names[i]?
//! let mask = set.match_many(["a.csv", "b.txt", "run_1"]);
//! assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 2]);
//! ```
//!
//! # Glob syntax
//!
//! A name glob matches the whole of one name, and has exactly the meaning of Python's
//! `fnmatch.fnmatchcase`:
//!
//! | | |
//! |---|---|
//! | `*` | any run of characters, the empty one too; leading dots and line breaks are nothing special |
//! | `?` | exactly one code point |
//! | `[abc]`, `[a-f]` | one code point of the set; ranges are by code point |
//! | `[!abc]` | one code point that is not in the set |
//!
//! Nothing else is special: `{`, `}`, `,`, `\` and `^` are themselves, and `**` is `*`. A
//! `/` is itself, too; as no name holds one, a glob that needs it matches no entry of any
//! tree. Upper and lower case differ on every platform. Every text is a glob: a `[` that is
//! not closed is itself. In a class, `]` at the start and `-` at either end are themselves,
//! and a range whose ends are reversed is empty: `[z-a]` never matches. To match `*`, `?` or
//! `[`, put it in brackets: `[*]`.
//!
//! Names are code points. In a name on disk, each byte that is not UTF-8 is one lone
//! surrogate: see [`Name`].
//!
//! Exclude rules are path globs, with another syntax, that of the `globset` crate: see
//! [`ExcludeRules`].
//!
//! # Links
//!
//! A symbolic link to a directory is listed among the directories. It is entered only with
//! [`Scan::follow_links`]. A link that leads back to one of its ancestors is never entered:
//! it is an [`Error`] of kind [`Loop`](ErrorKind::Loop). A link that is not entered is
//! present by its name: it satisfies a sub-pattern that asks for nothing inside, and is
//! never a match itself. Where that may hide matches, [`Stats::hidden_by_links`] says so.
//!
//! # Errors
//!
//! There is one type, [`Error`], with a [kind](ErrorKind) and accessors. An error of a
//! running scan or walk comes in the place of a result, and the iteration goes on after it.
//! Errors can only hide matches: a match that is reported is true.
//!
//! # Features
//!
//! - `serde`, on by default: `Serialize` and `Deserialize` for [`FileStructurePattern`].
//!
//! (`test-hooks` is for the tests of this crate. What it adds may change at any time.)
//!
//! # Platforms
//!
//! On Linux and Android directories are read with `getdents64` and opened
//! relative to their parents. Elsewhere `std::fs::read_dir` reads them. The results are the
//! same.

#![forbid(unsafe_code)]
// So that docs.rs tells what there is on Unix alone, or by a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bits;
#[cfg(feature = "serde")]
mod bytes;
mod check;
mod checking;
mod copying;
mod error;
mod exclude;
mod glob;
mod key_front;
mod key_scan;
mod key_sorter;
mod key_stream;
mod key_tree;
mod key_walk;
mod list_page;
mod listing_scan;
mod matching;
mod memo;
mod name;
mod name_buf;
mod name_set;
mod os_name;
mod outermost;
mod pattern;
mod pattern_set;
mod program;
mod scan;
mod scan_visitor;
mod stats;
mod subtree;
mod subtree_scan;
mod traversal;
mod validate;
mod walk;

pub use bits::Bitmask;
pub use check::{Check, Checked, Checks, Explain};
pub use checking::{Answer, Closest, Finding, Findings, Inside, Place, Reason};
#[cfg(unix)]
pub use copying::{
    Copied, Copies, Copy, CopyProgress, CopyStats, Links, MatchPlan, Outcome, Plan, PlannedCopy,
    SkipReason, Skipped, SourceTree, StagedCopy,
};
pub use copying::{Selected, Selection, SelectionProgram};
pub use error::{Error, ErrorKind, Operation};
pub use exclude::ExcludeRules;
pub use glob::NameGlob;
pub use key_front::KeyFront;
pub use key_scan::{KeyOutcome, KeyScan};
pub use key_sorter::KeySorter;
pub use key_stream::KeyStream;
pub use key_tree::{KeyCounts, RangeId};
pub use key_walk::{KeyListing, KeyWalk};
pub use list_page::ListPage;
pub use listing_scan::{DirectoryId, ListingScan};
pub use name::{Name, NameDecoder};
pub use name_buf::NameBuf;
pub use name_set::NameSet;
pub use pattern::{
    AlternativeSet, Count, DirectoryRequirement, FileRequirement, NameAlternative, NameRegex,
    NameTest,
};
pub use pattern::{FileStructurePattern, FileStructurePatternBuilder, MAX_LEVELS};
pub use pattern_set::PatternSet;
pub use scan::{Match, Matches, Scan};
pub use stats::{Progress, Stats};
pub use subtree::{Subtree, SubtreeOutcome};
pub use subtree_scan::{RunningSubtree, SubtreeScan};
#[cfg(feature = "test-hooks")]
#[doc(hidden)]
pub use traversal::made_up::{MadeUp, MadeUpEntry};
pub use traversal::{Next, Results, Stopper};
pub use validate::{Problem, Severity};
pub use walk::{Listing, Listings, Walk};

#[doc = include_str!("../docs/semantics.md")]
pub mod semantics {}

/// The example of the README, which is tested this way.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
