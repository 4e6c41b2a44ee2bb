//! A part of a tree, that a traversal begins in the midst of, or ends before the end of.
//!
//! It begins with some sub-directories of a directory that another traversal has listed. That
//! one and those above it are *phantoms*: they have names and states, and nobody lists them.
//! When its budget is out, each worker hands back its frames, and goes on to wait for work as
//! ever. So what others had queued is handed back by whoever takes it, and the end is the end
//! of the pool.
//!
//! # Invariant
//!
//! What is left to visit is in one place: in a frame of a stack or of the pool, or handed back.
//! A worker that has an allowance visits a directory before it looks for another, and the first
//! who asks for one gets it. So each part that is not stopped gets on, however small its budget.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::dir::Listed;
use super::handles::FdBackoff;
use super::later::Later;
use super::lister::{DISTINCT_ANSWERS, Identity, Lister, all_differ};
use super::opening::DirHandle;
use super::os_errors::is_out_of_handles;
use super::subdirs::{SubdirQueue, Subdirs};
use super::worker::{Frame, Worker};
use super::{Dir, Visitor};

/// A part of a tree.
pub(crate) struct Part<S> {
    /// `None`: it begins at the source.
    pub(crate) beginning: Option<Beginning<S>>,
    /// How long it may take, and how many directories it may visit.
    pub(crate) time: Option<Duration>,
    pub(crate) directories: Option<usize>,
    /// Where it is handed back what is left.
    pub(crate) left: Arc<LeftOver<S>>,
}

/// Where a part begins.
pub(crate) struct Beginning<S> {
    /// The state of the source.
    pub(crate) source: S,
    /// What is known of it.
    pub(crate) source_seen: Option<Seen>,
    /// The directories on the way from the source, the last of which is the one to begin in.
    pub(crate) way: Vec<Step<S>>,
    /// What is known of that one.
    pub(crate) seen: Option<Seen>,
    /// Those of its sub-directories that are to be visited.
    pub(crate) subdirs: Subdirs,
}

/// A directory on the way to where a part begins.
pub(crate) struct Step<S> {
    pub(crate) name: Box<OsStr>,
    /// Whether it was entered through a link.
    pub(crate) by_link: bool,
    pub(crate) state: S,
}

/// What is left of a part.
pub(crate) struct LeftOver<S> {
    /// The path of the source.
    source: OnceLock<PathBuf>,
    /// The directory that the part began in; none if it began at the source.
    above: OnceLock<Arc<Dir<S>>>,
    left: Mutex<Vec<LeftOf<S>>>,
}

/// What is left of a directory. There may be several for one.
pub(crate) struct LeftOf<S> {
    pub(crate) dir: Arc<Dir<S>>,
    pub(crate) subdirs: SubdirQueue,
    /// `None`: it is not known, or not to be known again.
    pub(crate) seen: Option<Seen>,
}

impl<S> LeftOver<S> {
    pub(crate) fn new() -> Arc<LeftOver<S>> {
        let (source, above, left) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Arc::new(LeftOver { source, above, left })
    }

    /// The path of the directory that the part began in, or of the source.
    pub(crate) fn base(&self) -> PathBuf {
        self.above
            .get()
            .map(|above| above.path())
            .or(self.source.get().cloned())
            .unwrap_or_default()
    }

    /// The directory that the part began in; none if it began at the source.
    pub(crate) fn above(&self) -> Option<&Arc<Dir<S>>> {
        self.above.get()
    }

    /// Takes what was handed back.
    pub(crate) fn take(&self) -> Vec<LeftOf<S>> {
        // Nothing panics while it is locked.
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, mut left: Vec<LeftOf<S>>) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).append(&mut left);
    }
}

/// An identity of a directory that another process may compare.
///
/// Numbers of devices, and on some file systems of inodes, are those of one machine. They are
/// compared where that is the same, and elsewhere the names have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Seen {
    machine: u64,
    device: u64,
    inode: u64,
}

impl Seen {
    pub(super) fn new(identity: &Identity) -> Option<Seen> {
        let machine = machine()?;
        Some(Seen { machine, device: identity.device, inode: identity.inode })
    }

    /// The identity, if it is one of this machine.
    fn identity(&self) -> Option<Identity> {
        let Seen { device, inode, .. } = *self;
        (machine() == Some(self.machine)).then_some(Identity { device, inode })
    }
}

/// A number of this machine, as long as it is up; `None`: it tells none.
fn machine() -> Option<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};

    static MACHINE: OnceLock<Option<u64>> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        Some(hasher.finish())
    })
}

/// What a part may still do, and where it hands back the rest.
pub(super) struct Budget<S> {
    /// When its time is out.
    until: Option<Instant>,
    /// How many directories it may still visit.
    directories: AtomicUsize,
    has_begun: AtomicBool,
    left: Arc<LeftOver<S>>,
}

impl<S> Budget<S> {
    pub(super) fn new(part: &Part<S>) -> Budget<S> {
        Budget {
            // A time beyond what the clock can tell is none.
            until: part.time.and_then(|time| Instant::now().checked_add(time)),
            directories: AtomicUsize::new(part.directories.unwrap_or(usize::MAX)),
            has_begun: AtomicBool::new(false),
            left: Arc::clone(&part.left),
        }
    }

    /// Takes leave to visit one more directory, which the first always gets.
    fn take(&self) -> bool {
        let is_first = !self.has_begun.swap(true, Ordering::Relaxed);
        let is_late = self.until.is_some_and(|until| Instant::now() >= until);
        let order = Ordering::Relaxed;
        let one_less = |left: usize| left.checked_sub(1);
        !is_late && self.directories.fetch_update(order, order, one_less).is_ok() || is_first
    }
}

impl<S> Part<S> {
    /// Whether another directory is in the place of the source that the part is of: what is
    /// missing there would pass for removed. It goes by identities as far as these last.
    pub(super) fn is_of_another<L: Lister>(&self, source: &L::Handle, path: &Path) -> bool {
        let seen = self.beginning.as_ref().and_then(|beginning| beginning.source_seen);
        let Some(expected) = seen.and_then(|seen| seen.identity()) else { return false };
        let Ok(now) = L::handle_identity(source) else { return false };
        if now == expected || !now.same_device(&expected) {
            return false;
        }
        let mut answers = vec![expected, now];
        while answers.len() < DISTINCT_ANSWERS {
            let opened = L::open_source(path).and_then(|(handle, _)| L::handle_identity(&handle));
            let Ok(answer) = opened else { break };
            answers.push(answer);
        }
        answers.len() < DISTINCT_ANSWERS || !all_differ(&answers)
    }

    /// The frame that it begins with; `None` if it begins at the source. The directories on the
    /// way are opened if identities are compared. As far as that fails there is nothing to
    /// compare, and whoever enters the last of them meets the error. But where no more files can
    /// be opened, that one may be entered a moment later, and then loops would not be seen: so it
    /// is waited for, and if that is in vain the part does not begin.
    pub(super) fn begin<V: Visitor<State = S>, L: Lister>(
        self,
        source: &L::Handle,
        (path, identity): (&Path, Option<&Identity>),
        backoff: &mut FdBackoff,
    ) -> io::Result<Option<Frame<V, L>>> {
        let _ = self.left.source.set(path.into());
        let Some(beginning) = self.beginning else { return Ok(None) };
        let mut opens = identity.is_some();
        let mut dir = Arc::new(Dir::from(Listed {
            parent: None,
            name: path.as_os_str().into(),
            depth: 0,
            by_link: false,
            links: 0,
            identity: identity.cloned(),
            state: beginning.source,
        }));
        let mut last: Option<L::Handle> = None;
        for Step { name, by_link, state } in beginning.way {
            let open = || {
                let (handle, _) = L::open(last.as_ref().unwrap_or(source), &name, by_link)?;
                io::Result::Ok((L::handle_identity(&handle)?, handle))
            };
            let opened = loop {
                match if opens { open().map(Some) } else { Ok(None) } {
                    Err(error) if !is_out_of_handles(&error) => break None,
                    Err(_) if backoff.wait() => {}
                    result => break result?,
                }
            };
            let (identity, handle) = opened.unzip();
            opens = identity.is_some();
            last = handle;
            let (depth, links) = (dir.depth + 1, dir.links.saturating_add(u8::from(by_link)));
            let parent = Some(dir);
            let listed = Listed { parent, name, depth, by_link, links, identity, state };
            dir = Arc::new(Dir::from(listed));
        }
        let _ = self.left.above.set(Arc::clone(&dir));
        let handle = DirHandle::of_another(beginning.seen.and_then(|seen| seen.identity()));
        let (subdirs, later) = (beginning.subdirs.to_queue(), Later::new());
        Ok(Some(Frame { dir, subdirs, handle, later }))
    }
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    /// Looks for leave to visit a directory; false if none are to be visited any more.
    pub(super) fn may_visit(&mut self) -> bool {
        self.allowance = match &self.traversal.budget {
            Some(budget) => usize::from(budget.take()),
            None => usize::MAX,
        };
        self.allowance > 0
    }

    /// Hands back the stack, since the budget is out.
    #[cold]
    pub(super) fn hand_back(&mut self) {
        let mut left = Vec::new();
        let mut frames = std::mem::take(&mut self.stack);
        while let Some(mut frame) = frames.pop() {
            frames.append(&mut frame.later);
            if frame.subdirs.len() > 0 {
                let seen = match frame.dir.depth {
                    // Its handle is that of the traversal.
                    0 => {
                        L::handle_identity(&self.traversal.source).ok().as_ref().and_then(Seen::new)
                    }
                    _ => frame.handle.identity().and_then(Seen::new),
                };
                left.push(LeftOf { dir: frame.dir, subdirs: frame.subdirs, seen });
            }
        }
        if let Some(budget) = &self.traversal.budget {
            budget.left.add(left);
        }
    }
}
