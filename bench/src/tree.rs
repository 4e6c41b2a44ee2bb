//! The trees for the measurements. The same arguments make the same tree.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

/// A directory of a tree that is being made.
pub trait Directory: Sized {
    /// Makes a directory in it.
    fn enter(&self, name: &str) -> io::Result<Self>;
    /// The same, if nothing will be in it. `name` may be a path through what was made before.
    fn mkdir(&self, name: &str) -> io::Result<()>;
    /// Makes an empty file in it.
    fn file(&self, name: &str) -> io::Result<()>;
}

/// Makes a tree of this kind in a new directory at `path`, which must not exist.
pub fn make(kind: &str, path: &Path, size: usize) -> io::Result<()> {
    std::fs::create_dir(path)?;
    fill(kind, open(CWD, path)?, size)
}

/// Makes a tree of this kind in `root`. `size` is, depending on the kind,
///
/// - `lab`: the runs (15,000: 60,101 directories, 229,300 files, 10,700 complete
///   runs),
/// - `files`, `flat`: the files, or the directories, in one directory,
/// - `wide`: the directories, a hundred in each,
/// - `projects`: the projects, a thousand directories in each,
/// - `chain`: the depth.
pub fn fill<D: Directory>(kind: &str, root: D, size: usize) -> io::Result<()> {
    match kind {
        "lab" => lab(&root, size),
        "files" => (0..size).try_for_each(|i| root.file(&format!("f{i:07}.dat"))),
        "flat" => (0..size).try_for_each(|i| root.mkdir(&format!("d{i:07}"))),
        "wide" => wide(&root, size),
        "projects" => projects(&root, size),
        "chain" => chain(root, size),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "no such kind of tree")),
    }
}

fn open(parent: impl AsFd, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

impl Directory for OwnedFd {
    fn enter(&self, name: &str) -> io::Result<OwnedFd> {
        self.mkdir(name)?;
        open(self, name)
    }

    fn mkdir(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(self, name, Mode::from_raw_mode(0o777))?)
    }

    fn file(&self, name: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        rustix::fs::openat(self, name, flags, Mode::from_raw_mode(0o666))?;
        Ok(())
    }
}

/// Makes runs in campaigns of 150, of which 43 are incomplete.
fn lab(root: &impl Directory, runs: usize) -> io::Result<()> {
    for campaign in 0..runs.div_ceil(150) {
        let directory = root.enter(&format!("campaign_{campaign:04}"))?;
        for run in campaign * 150..runs.min((campaign + 1) * 150) {
            // 43 and 150 have no common divisor, so 43 runs of each campaign are incomplete.
            let incomplete = run * 43 % 150 < 43;
            make_run(&directory, run, incomplete)?;
        }
    }
    Ok(())
}

/// Makes a run: four directories and 15 files. An incomplete run has one file more.
fn make_run(campaign: &impl Directory, run: usize, incomplete: bool) -> io::Result<()> {
    let lacks = if incomplete { run % 3 + 1 } else { 0 };
    let directory = campaign.enter(&format!("run_{run:06}"))?;
    directory.file(if lacks == 1 { "config.json.part" } else { "config.json" })?;
    for name in ["summary.csv", "notes.md", "environment.yaml"] {
        directory.file(name)?;
    }
    if incomplete {
        directory.file("core.dump")?;
    }
    let data = directory.enter("data")?;
    let ending = if lacks == 2 { "parquet.part" } else { "parquet" };
    for part in 0..4 {
        data.file(&format!("part-{part:04}.{ending}"))?;
    }
    let raw = data.enter("raw")?;
    let ending = if lacks == 3 { "tmp" } else { "bin" };
    for detector in 0..4 {
        raw.file(&format!("detector_{detector}.{ending}"))?;
    }
    let logs = directory.enter("logs")?;
    for name in ["control.log", "daq.log", "daq.log.1"] {
        logs.file(name)?;
    }
    Ok(())
}

/// Makes a hundred directories in each, level by level, until there are `size`.
fn wide(root: &impl Directory, size: usize) -> io::Result<()> {
    for number in 1..size {
        let mut path = String::new();
        let mut above = number;
        while above > 0 {
            path = format!("d{:02}/{path}", (above - 1) % 100);
            above = (above - 1) / 100;
        }
        root.mkdir(&path)?;
    }
    Ok(())
}

/// Makes projects: a file, `src`, and 37 directories with 26 in each.
fn projects(root: &impl Directory, size: usize) -> io::Result<()> {
    for number in 0..size {
        let project = root.enter(&format!("project_{number:05}"))?;
        project.file("pyproject.toml")?;
        for part in 0..37 {
            let directory = project.enter(&format!("part{part:02}"))?;
            (0..26).try_for_each(|below| directory.mkdir(&format!("d{below:02}")))?;
        }
        project.mkdir("src")?;
    }
    Ok(())
}

fn chain(root: impl Directory, depth: usize) -> io::Result<()> {
    let mut directory = root;
    for _ in 0..depth {
        directory = directory.enter("down")?;
    }
    Ok(())
}
