//! The walk of a local tree: what every directory lists.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use crate::Error;
use crate::traversal::{
    Dir, Options, Outlet, Place, Stream, Visitor, option_methods, stream_iterator,
};

/// A directory and what it lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// The directory: the walk's source as given, and the names below it.
    pub path: PathBuf,
    /// The names of its directories and links to directories.
    pub directories: Vec<OsString>,
    /// The names of all its other entries.
    pub files: Vec<OsString>,
}

/// A walk to be: a source and options.
///
/// It lists the source and every directory below it, in parallel: what Python's
/// `os.walk` gives, in no particular order. What goes wrong below the source is
/// an error in place of a listing, after which the iteration goes on. Of a
/// listing that fails part-way, what was read is given, and an error.
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
/// for listing in Walk::new(source).max_depth(Some(2)) {
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
}

impl Walk {
    /// A walk of `source` with default options: no exclude rules, no depth
    /// limit, links not followed, file systems crossed, as many threads as
    /// there are processors.
    pub fn new(source: impl Into<PathBuf>) -> Walk {
        Walk { source: source.into(), options: Options::default() }
    }

    option_methods!();

    /// The depth of the deepest directories to be listed: 0 is the source
    /// alone. Default, and with `None`: no limit.
    pub fn max_depth(mut self, depth: Option<usize>) -> Self {
        self.options.max_depth = depth;
        self
    }

    /// Starts the walk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source does not exist, is
    /// no directory or cannot be read, with the path as it was given; or if the
    /// worker threads cannot be started.
    pub fn start(self) -> Result<Listings, Error> {
        let Walk { source, options } = self;
        let visitor = Collector { max_depth: options.max_depth.unwrap_or(usize::MAX) };
        Ok(Listings { stream: Stream::start(visitor, options, &source, OsStr::new(""))? })
    }
}

impl IntoIterator for Walk {
    type Item = Result<Listing, Error>;
    type IntoIter = Listings;

    /// [Starts](Walk::start) the walk; an error in that is the only result.
    fn into_iter(self) -> Listings {
        self.start().unwrap_or_else(|error| Listings { stream: Stream::failed(error) })
    }
}

/// A running walk: an iterator over the listings. Dropping it stops the
/// workers.
pub struct Listings {
    stream: Stream<Listing>,
}

stream_iterator!(Listings, Listing);

/// The visitor that collects names.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) max_depth: usize,
}

impl Visitor for Collector {
    type Item = Listing;
    type Prospect = ();
    type Listing = (Vec<OsString>, Vec<OsString>);
    type Listed = ();
    type State = ();

    fn source(&mut self, _: &OsStr) {}

    fn prospect(&mut self, _: &Dir<()>, _: &OsStr, _: bool) {}

    fn reaches(&self, depth: usize) -> bool {
        depth <= self.max_depth
    }

    fn insists(&self, (): &()) -> bool {
        false
    }

    fn listing(&mut self, (): &()) -> Self::Listing {
        Default::default()
    }

    fn directory(&self, (directories, _): &mut Self::Listing, name: &OsStr) {
        directories.push(name.into());
    }

    fn file(&self, (_, files): &mut Self::Listing, name: &OsStr) {
        files.push(name.into());
    }

    fn listed(
        &mut self,
        place: Place<'_, ()>,
        (): (),
        (directories, files): Self::Listing,
        out: &mut Outlet<Listing>,
    ) {
        let weight = 1 + (directories.len() + files.len()) / 16;
        out.found(Listing { path: place.path(), directories, files }, weight);
    }

    fn awaits_any(&self, (): &()) -> bool {
        false
    }

    fn awaits(&mut self, (): &(), _: &OsStr) -> bool {
        false
    }

    fn state(&self, (): (), _: usize) {}

    fn ended(&self, _: Option<&Arc<Dir<()>>>, (): &(), _: &mut Outlet<Listing>) {}

    fn absent(&self, _: &Arc<Dir<()>>, (): (), _: &mut Outlet<Listing>) {}

    fn not_entered(&self, _: &Arc<Dir<()>>, (): (), _: &mut Outlet<Listing>) {}
}
