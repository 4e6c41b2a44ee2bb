//! The walk of a local tree: it gives the listing of every directory.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::traversal::{Dir, Location, Naming, Options, ResultSender, Results, Visitor};
use crate::{Error, ExcludeRules, NameDecoder};

/// A directory and what it lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Listing {
    /// The directory's path: the walk's source as it was given, and the names below it.
    pub path: PathBuf,
    /// The names of its directories and links to directories.
    pub directories: Vec<OsString>,
    /// The names of all its other entries.
    pub files: Vec<OsString>,
}

/// A walk that is not started yet: a source and options.
///
/// A walk lists the source and every directory below it, in parallel. It gives what
/// Python's `os.walk` gives, in no particular order. Whatever goes wrong below the source
/// is an error in the place of a listing, and the iteration goes on after it. A listing
/// that fails part-way gives the entries that were read, and an error.
///
/// # Example
///
/// ```
/// use pathvein_core::Walk;
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("a/b/c"))?;
/// # std::fs::write(dir.path().join("a/notes.txt"), "")?;
/// # let source = dir.path();
/// let mut files = 0;
/// for listing in Walk::new(source).threads(4).max_depth(2) {
///     files += listing?.files.len();
/// }
/// assert_eq!(files, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a walk does nothing until it is iterated over"]
pub struct Walk {
    source: PathBuf,
    options: Options,
    decoder: Option<NameDecoder>,
}

impl Walk {
    /// A walk of `source` with default options: no exclude rules, no depth limit, links
    /// are not followed, file systems are crossed, as many threads as the disk wants.
    pub fn new(source: impl Into<PathBuf>) -> Walk {
        Walk { source: source.into(), options: Options::default(), decoder: None }
    }

    /// Leaves out what the rules exclude. Earlier rules are replaced. Default: nothing is
    /// excluded.
    pub fn exclude(mut self, rules: ExcludeRules) -> Self {
        self.options.exclude = rules;
        self
    }

    /// Whether to enter links to directories. Default: no.
    ///
    /// A link that leads back to an ancestor is not entered; it gives a
    /// [`Loop`](crate::ErrorKind::Loop) error. Two links to one directory are two visits,
    /// with two paths. A way leads through 40 links at most; the next is an
    /// [`Io`](crate::ErrorKind::Io) error (`ELOOP`). Links that are not entered are still listed, among the
    /// directories.
    pub fn follow_links(mut self, yes: bool) -> Self {
        self.options.follow_links = yes;
        self
    }

    /// Whether to stay on the file system of the source. Mount points are then listed but
    /// not entered. Default: no.
    pub fn one_file_system(mut self, yes: bool) -> Self {
        self.options.one_file_system = yes;
        self
    }

    /// How many threads to use at most, up to 1,024. Default, and with `None` or 0: found
    /// while it runs. It begins with as many as there are processors, or one if the disk says
    /// that it rotates. Threads that wait more than they compute get company, up to 64, as
    /// long as more directories a second come of it, and lose it again if not.
    /// [`Stats::threads`](crate::Stats::threads) tells how many there were.
    ///
    /// Threads are started when there is work for them, no more than the limit of open files
    /// allows, and end with this one traversal.
    pub fn threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.options.threads = threads.into().and_then(NonZeroUsize::new);
        self
    }

    /// How to read names on disk that are not UTF-8. Default, and with `None`: as
    /// [`Name`](crate::Name) says.
    ///
    /// Exclude rules then match the text that it makes of them; listings hold the bytes as
    /// before.
    pub fn decode_names(mut self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        self.decoder = decoder.into();
        self
    }

    /// Whether to use the portable lister.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn portable_lister(mut self, yes: bool) -> Self {
        self.options.portable = yes;
        self
    }

    /// Whether to ignore the types that listings tell.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn untyped_lister(mut self, yes: bool) -> Self {
        self.options.untyped = yes;
        self
    }

    /// The depth of the deepest directories to list; 0 is the source alone. Default, and
    /// with `None`: no limit.
    pub fn max_depth(mut self, depth: impl Into<Option<usize>>) -> Self {
        self.options.max_depth = depth.into();
        self
    }

    /// Starts the walk. The source is opened by this call, which waits as
    /// long as that takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source does not exist, is
    /// no directory or cannot be read, with the path as it was given; or if the
    /// first worker thread cannot be started.
    /// [`ErrorKind::ExcludeRule`](crate::ErrorKind::ExcludeRule) for an exclude rule that
    /// begins with the path of the source and so can match nothing.
    pub fn start(self) -> Result<Listings, Error> {
        let Walk { source, mut options, decoder } = self;
        options.exclude.decoder = decoder;
        options.leaf_skip = false;
        let visitor = WalkVisitor { max_depth: options.max_depth.unwrap_or(usize::MAX) };
        let exclude = options.exclude.clone();
        let listings = Results::start(visitor, options, &source, Naming::AsGiven, None)?;
        exclude.check_source(&source)?;
        Ok(listings)
    }
}

/// A running walk: an iterator over the listings. Dropping it stops the workers.
pub type Listings = Results<Listing>;

impl IntoIterator for Walk {
    type Item = Result<Listing, Error>;
    type IntoIter = Listings;

    /// [Starts](Walk::start) the walk. If that fails, the error is the only result.
    fn into_iter(self) -> Listings {
        self.start().unwrap_or_else(Results::only_error)
    }
}

/// The visitor of a walk.
#[derive(Clone)]
pub(crate) struct WalkVisitor {
    pub(crate) max_depth: usize,
}

/// The names that a directory lists.
#[derive(Default)]
pub(crate) struct Names {
    directories: Vec<OsString>,
    files: Vec<OsString>,
}

impl Visitor for WalkVisitor {
    type Item = Listing;
    type NameVerdict = ();
    type Accumulator = Names;
    type State = ();

    fn judge(&mut self, _: Option<&Dir<()>>, _: &OsStr, _: bool) {}

    fn visits_depth(&self, depth: usize) -> bool {
        depth <= self.max_depth
    }

    fn begin(&mut self, (): &()) -> Names {
        Names::default()
    }

    fn add_directory(&self, names: &mut Names, name: &OsStr) {
        names.directories.push(name.into());
    }

    fn add_file(&self, names: &mut Names, name: &OsStr) {
        names.files.push(name.into());
    }

    fn listed(
        &mut self,
        location: Location<'_, ()>,
        (): (),
        Names { directories, files }: Names,
        _: bool,
        results: &mut ResultSender<Listing>,
    ) {
        let weight = 1 + (directories.len() + files.len()) / 16;
        results.send(Listing { path: location.path(), directories, files }, weight);
    }
}
