//! The trees for the measurements. The same arguments make the same tree.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

/// Makes a tree of this kind at `path`, which must not exist. `size` is, depending on the kind,
///
/// - `lab`: the runs (15,000: 60,101 directories, 229,300 files, 10,700 complete
///   runs),
/// - `files`, `flat`: the files, or the directories, in one directory,
/// - `wide`: the directories, a hundred in each,
/// - `projects`: the projects, a thousand directories in each,
/// - `chain`: the depth.
pub fn make(kind: &str, path: &Path, size: usize) -> io::Result<()> {
    std::fs::create_dir(path)?;
    let root = open(CWD, path)?;
    match kind {
        "lab" => lab(&root, size),
        "files" => (0..size).try_for_each(|i| file(&root, &format!("f{i:07}.dat"))),
        "flat" => (0..size).try_for_each(|i| mkdir(&root, &format!("d{i:07}"))),
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

fn mkdir(parent: impl AsFd, name: &str) -> io::Result<()> {
    Ok(rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o777))?)
}

fn enter(parent: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    mkdir(&parent, name)?;
    open(parent, name)
}

fn file(parent: impl AsFd, name: &str) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o666))?;
    Ok(())
}

/// Makes runs in campaigns of 150, of which 43 are incomplete.
fn lab(root: &OwnedFd, runs: usize) -> io::Result<()> {
    for campaign in 0..runs.div_ceil(150) {
        let directory = enter(root, &format!("campaign_{campaign:04}"))?;
        for run in campaign * 150..runs.min((campaign + 1) * 150) {
            // 43 and 150 have no common divisor, so 43 runs of each campaign are incomplete.
            let incomplete = run * 43 % 150 < 43;
            make_run(directory.as_fd(), run, incomplete)?;
        }
    }
    Ok(())
}

/// Makes a run: four directories and 15 files. An incomplete run has one file more.
fn make_run(campaign: BorrowedFd<'_>, run: usize, incomplete: bool) -> io::Result<()> {
    let lacks = if incomplete { run % 3 + 1 } else { 0 };
    let directory = enter(campaign, &format!("run_{run:06}"))?;
    file(&directory, if lacks == 1 { "config.json.part" } else { "config.json" })?;
    for name in ["summary.csv", "notes.md", "environment.yaml"] {
        file(&directory, name)?;
    }
    if incomplete {
        file(&directory, "core.dump")?;
    }
    let data = enter(&directory, "data")?;
    let ending = if lacks == 2 { "parquet.part" } else { "parquet" };
    for part in 0..4 {
        file(&data, &format!("part-{part:04}.{ending}"))?;
    }
    let raw = enter(&data, "raw")?;
    let ending = if lacks == 3 { "tmp" } else { "bin" };
    for detector in 0..4 {
        file(&raw, &format!("detector_{detector}.{ending}"))?;
    }
    let logs = enter(&directory, "logs")?;
    for name in ["control.log", "daq.log", "daq.log.1"] {
        file(&logs, name)?;
    }
    Ok(())
}

/// Makes a hundred directories in each, level by level, until there are `size`.
fn wide(root: &OwnedFd, size: usize) -> io::Result<()> {
    for number in 1..size {
        let mut path = String::new();
        let mut above = number;
        while above > 0 {
            path = format!("d{:02}/{path}", (above - 1) % 100);
            above = (above - 1) / 100;
        }
        mkdir(root, &path)?;
    }
    Ok(())
}

/// Makes projects: a file, `src`, and 37 directories with 26 in each.
fn projects(root: &OwnedFd, size: usize) -> io::Result<()> {
    for number in 0..size {
        let project = enter(root, &format!("project_{number:05}"))?;
        file(&project, "pyproject.toml")?;
        for part in 0..37 {
            let directory = enter(&project, &format!("part{part:02}"))?;
            (0..26).try_for_each(|below| mkdir(&directory, &format!("d{below:02}")))?;
        }
        mkdir(&project, "src")?;
    }
    Ok(())
}

fn chain(root: OwnedFd, depth: usize) -> io::Result<()> {
    let mut directory = root;
    for _ in 0..depth {
        directory = enter(&directory, "down")?;
    }
    Ok(())
}
