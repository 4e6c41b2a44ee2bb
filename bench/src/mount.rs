//! A FUSE file system whose operations take time, as those of a far server or of a rotating
//! disk do. It holds one of the trees of `tree.rs`, in memory; nobody can write to it.
//!
//! The kernel's requests are read from `/dev/fuse` without a library, by as many threads as
//! the file system does at a time. The tree is in the directory `tree` of the mount point, so
//! that the kernel can be made to forget it: `cold` invalidates that one name.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::tree::{self, Directory};

/// What takes how long.
#[derive(Clone, Copy)]
pub enum Mode {
    /// So many operations are done at a time.
    Parallel(usize),
    /// One is done at a time, and it takes [`SEEK`] times as long if the one before was in
    /// another directory: a disk's head.
    Head,
}

impl Mode {
    /// The mode of that name: `parallel` (64 at a time), `single` (one), or `head`.
    pub fn of(name: &str) -> Option<Mode> {
        match name {
            "parallel" => Some(Mode::Parallel(64)),
            "single" => Some(Mode::Parallel(1)),
            "head" => Some(Mode::Head),
            _ => None,
        }
    }
}

/// How much longer an operation takes if the head has to move.
const SEEK: u32 = 5;

/// What directories say of their link count.
#[derive(Clone, Copy)]
pub enum Links {
    /// Two, and one for each sub-directory.
    True,
    /// One, which says nothing.
    One,
}

impl Links {
    /// Those of that name: `true` or `one`.
    pub fn of(name: &str) -> Option<Links> {
        match name {
            "true" => Some(Links::True),
            "one" => Some(Links::One),
            _ => None,
        }
    }
}

/// A mounted file system; it is unmounted when this is dropped.
pub struct Mounted<'a> {
    path: &'a Path,
    device: Arc<File>,
    served: Arc<Served>,
}

impl Mounted<'_> {
    /// Mounts a tree at `path`, a directory that exists.
    pub fn new<'a>(
        kind: &str,
        size: usize,
        path: &'a Path,
        mode: Mode,
        links: Links,
        delay: Duration,
    ) -> io::Result<Mounted<'a>> {
        let nodes = in_memory(kind, size)?;
        let device = Arc::new(File::options().read(true).write(true).open("/dev/fuse")?);
        let fd = device.as_raw_fd();
        let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other");
        let options = CString::new(options)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("pathvein-bench", path, "fuse.pathvein-bench", flags, options.as_c_str())?;
        let served = Arc::new(Served {
            nodes,
            mode,
            links,
            delay,
            place: Mutex::default(),
            counts: Default::default(),
            moves: AtomicU64::default(),
        });
        let threads = match mode {
            Mode::Parallel(number) => number,
            Mode::Head => 1,
        };
        // They end when the file system is unmounted, or with this process.
        for _ in 0..threads {
            let (device, served) = (Arc::clone(&device), Arc::clone(&served));
            std::thread::spawn(move || served.serve(&device));
        }
        Ok(Mounted { path, device, served })
    }

    /// What was served since this was asked before, as JSON: the operations somebody waited
    /// for, all together and by their kinds, and how often the head moved.
    pub fn counts(&self) -> String {
        let counts = self.served.counts.each_ref().map(|count| count.swap(0, Ordering::Relaxed));
        let each: Vec<String> = COUNTED
            .iter()
            .zip(counts)
            .map(|((_, name), count)| format!(r#""{name}": {count}"#))
            .collect();
        let moves = self.served.moves.swap(0, Ordering::Relaxed);
        let operations = counts.iter().sum::<u64>();
        format!(r#"{{"operations": {operations}, {}, "moves": {moves}}}"#, each.join(", "))
    }

    /// Makes the kernel forget all that it knows of the tree.
    pub fn cold(&self) -> io::Result<()> {
        const INVALIDATE_ENTRY: i32 = 3;
        let mut message = Message::default();
        message.u64(ROOT as u64).u32(TREE.len() as u32).u32(0).bytes(TREE.as_bytes()).bytes(b"\0");
        match (&*self.device).write(&message.with_head(INVALIDATE_ENTRY, 0)) {
            // It did not know the name.
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(()),
            result => result.map(|_| ()),
        }
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        if let Err(error) = unmount(self.path, UnmountFlags::DETACH) {
            eprintln!("{} cannot be unmounted: {error}", self.path.display());
        }
    }
}

// The tree ----------------------------------------------------------------------------------

/// The name of the directory with the tree.
pub const TREE: &str = "tree";

/// The kernel's number of the root. A node's number is one more than its place among them.
const ROOT: usize = 1;

/// An entry; of files nothing is known.
#[derive(Default)]
struct Node {
    directory: Option<Entries>,
}

#[derive(Default)]
struct Entries {
    in_order: Vec<(Box<str>, usize)>,
    by_name: HashMap<Box<str>, usize>,
    sub_directories: u32,
}

/// A directory in memory, while the tree is made.
struct InMemory<'a> {
    nodes: &'a Mutex<Vec<Node>>,
    place: usize,
}

impl<'a> InMemory<'a> {
    fn add(&self, name: &str, directory: Option<Entries>) -> InMemory<'a> {
        let mut nodes = self.nodes.lock().expect("nothing panics while it is locked");
        let place = nodes.len();
        let is_directory = directory.is_some();
        nodes.push(Node { directory });
        let entries = nodes[self.place].directory.as_mut().expect("only directories are entered");
        entries.in_order.push((name.into(), place));
        entries.by_name.insert(name.into(), place);
        entries.sub_directories += u32::from(is_directory);
        InMemory { nodes: self.nodes, place }
    }

    fn below(&self, name: &str) -> Option<InMemory<'a>> {
        let nodes = self.nodes.lock().expect("nothing panics while it is locked");
        let place = *nodes[self.place].directory.as_ref()?.by_name.get(name)?;
        Some(InMemory { nodes: self.nodes, place })
    }
}

impl Directory for InMemory<'_> {
    fn enter(&self, name: &str) -> io::Result<Self> {
        Ok(self.add(name, Some(Entries::default())))
    }

    fn mkdir(&self, path: &str) -> io::Result<()> {
        let path = path.trim_end_matches('/');
        match path.split_once('/') {
            None => self.enter(path).map(|_| ()),
            Some((name, rest)) => self.below(name).ok_or(io::ErrorKind::NotFound)?.mkdir(rest),
        }
    }

    fn file(&self, name: &str) -> io::Result<()> {
        self.add(name, None);
        Ok(())
    }
}

fn in_memory(kind: &str, size: usize) -> io::Result<Vec<Node>> {
    let root = Node { directory: Some(Entries::default()) };
    let nodes = Mutex::new(vec![root]);
    let top = InMemory { nodes: &nodes, place: 0 }.enter(TREE)?;
    tree::fill(kind, top, size)?;
    Ok(nodes.into_inner().expect("nothing panics while it is locked"))
}

// The server --------------------------------------------------------------------------------

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;
const BATCH_FORGET: u32 = 42;

/// The operations that are counted, and take time. For the others nobody waits, or they do not
/// occur while a tree is listed.
const COUNTED: [(u32, &str); 4] =
    [(LOOKUP, "lookups"), (GETATTR, "getattrs"), (OPENDIR, "opendirs"), (READDIR, "readdirs")];

/// How long the kernel may remember names and attributes: an hour.
const VALID: u64 = 3600;

/// Look-ups in one directory, and listings of it, need not wait for each other.
const PARALLEL_DIROPS: u32 = 1 << 18;

struct Served {
    nodes: Vec<Node>,
    mode: Mode,
    links: Links,
    delay: Duration,
    /// The directory that the head is in.
    place: Mutex<u64>,
    counts: [AtomicU64; COUNTED.len()],
    moves: AtomicU64,
}

impl Served {
    /// Answers requests until the file system is unmounted.
    fn serve(&self, device: &File) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = match (&*device).read(&mut buffer) {
                Ok(length) => length,
                Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                    // The request was interrupted, or this call was.
                    Some(Errno::NOENT | Errno::INTR | Errno::AGAIN) => continue,
                    _ => return,
                },
            };
            let request = Request(&buffer[..length]);
            if matches!(request.code(), FORGET | BATCH_FORGET) {
                continue;
            }
            self.take_time(&request);
            let (error, body) = match self.answer(&request) {
                Ok(body) => (0, body),
                Err(error) => (-error.raw_os_error(), Message::default()),
            };
            // An error means that the request was interrupted: nobody waits any more.
            let _ = (&*device).write(&body.with_head(error, request.unique()));
        }
    }

    fn take_time(&self, request: &Request<'_>) {
        let Some(kind) = COUNTED.iter().position(|&(code, _)| code == request.code()) else {
            return;
        };
        self.counts[kind].fetch_add(1, Ordering::Relaxed);
        match self.mode {
            Mode::Parallel(_) => std::thread::sleep(self.delay),
            Mode::Head => {
                let mut place = self.place.lock().expect("nothing panics while it is locked");
                let moves = std::mem::replace(&mut *place, request.node()) != request.node();
                self.moves.fetch_add(u64::from(moves), Ordering::Relaxed);
                std::thread::sleep(if moves { self.delay * SEEK } else { self.delay });
            }
        }
    }

    fn answer(&self, request: &Request<'_>) -> Result<Message, Errno> {
        let mut out = Message::default();
        match request.code() {
            INIT => {
                let (major, minor, readahead, max_write) = (7, 31, 65536, 4096);
                out.u32(major).u32(minor).u32(readahead).u32(PARALLEL_DIROPS);
                out.u16(12).u16(10).u32(max_write).u32(1).u16(16).u16(0).bytes(&[0; 32]);
            }
            LOOKUP => {
                let entries = self.entries(request.node())?;
                let name = request.body().strip_suffix(b"\0").unwrap_or_default();
                let name = std::str::from_utf8(name).map_err(|_| Errno::NOENT)?;
                let number = entries.by_name.get(name).ok_or(Errno::NOENT)? + ROOT;
                out.u64(number as u64).u64(0).u64(VALID).u64(VALID).u32(0).u32(0);
                self.attributes(number as u64, &mut out)?;
            }
            GETATTR => {
                out.u64(VALID).u32(0).u32(0);
                self.attributes(request.node(), &mut out)?;
            }
            OPENDIR => {
                self.entries(request.node())?;
                out.u64(0).u32(0).u32(0);
            }
            READDIR => {
                let size = request.u32(56) as usize;
                self.list(request.node(), request.u64(48) as usize, size, &mut out)?;
            }
            OPEN => {
                out.u64(0).u32(0).u32(0);
            }
            STATFS => {
                out.bytes(&[0; 40]).u32(4096).u32(255).u32(4096).bytes(&[0; 28]);
            }
            // Of these only the answer counts; and files are empty.
            READ | RELEASE | FLUSH | RELEASEDIR => {}
            _ => return Err(Errno::NOSYS),
        }
        Ok(out)
    }

    fn node(&self, number: u64) -> Result<&Node, Errno> {
        self.nodes.get((number as usize).wrapping_sub(ROOT)).ok_or(Errno::STALE)
    }

    fn entries(&self, number: u64) -> Result<&Entries, Errno> {
        self.node(number)?.directory.as_ref().ok_or(Errno::NOTDIR)
    }

    fn attributes(&self, number: u64, out: &mut Message) -> Result<(), Errno> {
        let (mode, links) = match (&self.node(number)?.directory, self.links) {
            (None, _) => (0o100_644, 1),
            (Some(entries), Links::True) => (0o040_755, 2 + entries.sub_directories),
            (Some(_), Links::One) => (0o040_755, 1),
        };
        // The inode number, then size, blocks and times.
        out.u64(number).bytes(&[0; 52]).u32(mode).u32(links).bytes(&[0; 12]).u32(4096).u32(0);
        Ok(())
    }

    /// The entries from this offset, as many as fit into `size` bytes.
    fn list(
        &self,
        number: u64,
        offset: usize,
        size: usize,
        out: &mut Message,
    ) -> Result<(), Errno> {
        let entries = self.entries(number)?;
        let dots = [(".", number), ("..", ROOT as u64)];
        let rest = entries.in_order.get(offset.saturating_sub(dots.len())..).unwrap_or_default();
        let names = rest.iter().map(|(name, place)| (&**name, (place + ROOT) as u64));
        let dots = dots.into_iter().skip(offset);
        for (at, (name, number)) in (offset as u64 + 1..).zip(dots.chain(names)) {
            let length = (24 + name.len()).next_multiple_of(8);
            if out.0.len() + length > size {
                break;
            }
            let (directory, file) = (4, 8);
            let is_directory = self.node(number)?.directory.is_some();
            out.u64(number).u64(at).u32(name.len() as u32);
            out.u32(if is_directory { directory } else { file });
            out.bytes(name.as_bytes()).bytes(&[0; 8][..length - 24 - name.len()]);
        }
        Ok(())
    }
}

/// A request as it was read: a head of 40 bytes, then what depends on its code.
struct Request<'a>(&'a [u8]);

impl Request<'_> {
    fn u32(&self, at: usize) -> u32 {
        self.0.get(at..at + 4).map_or(0, |four| u32::from_ne_bytes(four.try_into().expect("four")))
    }

    fn u64(&self, at: usize) -> u64 {
        self.0
            .get(at..at + 8)
            .map_or(0, |eight| u64::from_ne_bytes(eight.try_into().expect("eight")))
    }

    fn code(&self) -> u32 {
        self.u32(4)
    }

    fn unique(&self) -> u64 {
        self.u64(8)
    }

    fn node(&self) -> u64 {
        self.u64(16)
    }

    fn body(&self) -> &[u8] {
        self.0.get(40..).unwrap_or_default()
    }
}

/// What is written to the kernel.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn u16(&mut self, value: u16) -> &mut Message {
        self.bytes(&value.to_ne_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Message {
        self.bytes(&value.to_ne_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Message {
        self.bytes(&value.to_ne_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Message {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The whole of it: the answer to a request, or, without one, a notice.
    fn with_head(&self, error: i32, unique: u64) -> Vec<u8> {
        let mut whole = Message::default();
        whole.u32(16 + self.0.len() as u32).bytes(&error.to_ne_bytes()).u64(unique);
        whole.bytes(&self.0);
        whole.0
    }
}
