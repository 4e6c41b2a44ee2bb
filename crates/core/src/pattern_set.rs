//! Patterns that are ready for scans.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::FileStructurePattern;
use crate::checking::Purpose;
use crate::program::Program;

/// Patterns that are compiled for matching.
///
/// [`Scan`](crate::Scan), [`ListingScan`](crate::ListingScan) and [`KeyScan`](crate::KeyScan)
/// take one, or the patterns themselves, of which they make one. Who scans with the same
/// patterns again makes it once: of many patterns that takes a while. Clones share the
/// contents, so cloning is cheap.
///
/// Of equal patterns the first stands for all.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, PatternSet, Scan};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("run_1"))?;
/// # let source = dir.path();
/// let run = FileStructurePattern::builder("run_*").build()?;
/// let done = FileStructurePattern::builder("run_*").file("DONE").build()?;
/// let patterns = PatternSet::new(&[run, done]);
///
/// let before = Scan::new(source, &patterns).into_iter().count();
/// std::fs::write(source.join("run_1/DONE"), "")?;
/// for found in Scan::new(source, &patterns) {
///     println!("{:?}", patterns.patterns()[found?.pattern()]);
/// }
/// # assert_eq!((before, Scan::new(source, patterns).into_iter().count()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PatternSet {
    patterns: Arc<[FileStructurePattern]>,
    program: Arc<Program>,
    /// The same for checks, compiled when it is first asked for.
    checking: Arc<OnceLock<Arc<Program>>>,
}

impl PatternSet {
    /// Compiles patterns. There may be none, then nothing matches.
    pub fn new(patterns: &[FileStructurePattern]) -> PatternSet {
        let (program, checking) = (Arc::new(Program::new(patterns)), Arc::default());
        PatternSet { patterns: patterns.into(), program, checking }
    }

    /// The patterns as they were given. A match names its pattern by the position here.
    pub fn patterns(&self) -> &[FileStructurePattern] {
        &self.patterns
    }

    pub(crate) fn into_program(self) -> Arc<Program> {
        self.program
    }

    pub(crate) fn checking_program(&self) -> Arc<Program> {
        let compile = || Arc::new(Program::checking(&self.patterns, Purpose::Check));
        Arc::clone(self.checking.get_or_init(compile))
    }
}

impl fmt::Debug for PatternSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PatternSet").field(&self.patterns).finish()
    }
}

impl From<&PatternSet> for PatternSet {
    fn from(patterns: &PatternSet) -> PatternSet {
        patterns.clone()
    }
}

impl From<&[FileStructurePattern]> for PatternSet {
    fn from(patterns: &[FileStructurePattern]) -> PatternSet {
        PatternSet::new(patterns)
    }
}

impl<const N: usize> From<&[FileStructurePattern; N]> for PatternSet {
    fn from(patterns: &[FileStructurePattern; N]) -> PatternSet {
        PatternSet::new(patterns)
    }
}

impl From<&Vec<FileStructurePattern>> for PatternSet {
    fn from(patterns: &Vec<FileStructurePattern>) -> PatternSet {
        PatternSet::new(patterns)
    }
}

impl From<&FileStructurePattern> for PatternSet {
    fn from(pattern: &FileStructurePattern) -> PatternSet {
        PatternSet::new(std::slice::from_ref(pattern))
    }
}
