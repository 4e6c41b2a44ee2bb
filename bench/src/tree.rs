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
/// - `home`: the projects of a home directory (80: 78,570 directories, 353,680 files), with
///   packages of node, git's objects and two runs each,
/// - `archive`: the measurements (10,000: 40,060 directories), of which a twentieth are runs,
/// - `python`: the packages of a Python installation (2,500: 41,000 directories), of which every
///   tenth brings a run,
/// - `chains`: the chains of 50 directories, which have nearly no directory without others in it,
/// - `files`, `flat`: the files, or the directories, in one directory,
/// - `wide`: the directories, a hundred in each,
/// - `projects`: the projects, a thousand directories in each,
/// - `chain`: the depth.
pub fn fill<D: Directory>(kind: &str, root: D, size: usize) -> io::Result<()> {
    match kind {
        "lab" => lab(&root, size),
        "home" => home(&root, size),
        "archive" => archive(&root, size),
        "python" => python(&root, size),
        "chains" => (0..size).try_for_each(|i| chain(root.enter(&format!("c{i:05}"))?, 50)),
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

/// Makes projects of about 800 directories each: the packages that node has installed, a
/// repository, some sources, and two runs.
fn home(root: &impl Directory, projects: usize) -> io::Result<()> {
    root.file(".bashrc")?;
    for number in 0..projects {
        let project = root.enter(&format!("project-{number:03}"))?;
        files(&project, &["package.json", "package-lock.json", "README.md", ".gitignore"])?;
        repository(&project, number)?;
        let packages = project.enter("node_modules")?;
        for package in 0..120 {
            make_node_package(&packages, package, package % 6 == 0)?;
        }
        let sources = project.enter("src")?;
        for part in ["components", "hooks", "pages", "styles", "utils"] {
            let part = sources.enter(part)?;
            (0..12).try_for_each(|i| part.file(&format!("part{i:02}.ts")))?;
        }
        let results = project.enter("results")?;
        for run in number * 2..number * 2 + 2 {
            make_run(&results, run, run % 7 == 3)?;
        }
    }
    Ok(())
}

/// Makes a `.git`: the 256 directories of loose objects, with some in each.
fn repository(project: &impl Directory, number: usize) -> io::Result<()> {
    let git = project.enter(".git")?;
    files(&git, &["HEAD", "config", "description", "index", "packed-refs"])?;
    let objects = git.enter("objects")?;
    for first in 0..256 {
        let directory = objects.enter(&format!("{first:02x}"))?;
        for object in 0..2 + (first + number) % 5 {
            directory.file(&format!("{:038x}", object * 7919 + first))?;
        }
    }
    let pack = objects.enter("pack")?;
    files(&pack, &["pack-0.idx", "pack-0.pack"])?;
    objects.mkdir("info")?;
    for below in ["refs", "logs"] {
        let heads = git.enter(below)?.enter("heads")?;
        files(&heads, &["main", "next"])?;
    }
    let hooks = git.enter("hooks")?;
    (0..12).try_for_each(|i| hooks.file(&format!("hook-{i}.sample")))
}

/// Makes a package with its builds; some have packages of their own.
fn make_node_package(parent: &impl Directory, number: usize, nested: bool) -> io::Result<()> {
    let package = parent.enter(&format!("package-{number:03}"))?;
    files(&package, &["package.json", "LICENSE", "README.md", "index.js", "index.d.ts"])?;
    let dist = package.enter("dist")?;
    for format in ["cjs", "esm"] {
        let format = dist.enter(format)?;
        (0..4 + number % 8).try_for_each(|i| format.file(&format!("module{i}.js")))?;
    }
    if number % 3 == 0 {
        let tests = package.enter("test")?;
        files(&tests, &["index.test.js", "fixtures.json"])?;
    }
    if nested {
        let below = package.enter("node_modules")?;
        (0..2).try_for_each(|i| make_node_package(&below, number * 2 + 1 + i, false))?;
    }
    Ok(())
}

/// Makes campaigns of 200 measurements: ten runs, and others with pictures in them.
fn archive(root: &impl Directory, measurements: usize) -> io::Result<()> {
    for campaign in 0..measurements.div_ceil(200) {
        let directory = root.enter(&format!("campaign_{campaign:04}"))?;
        for number in campaign * 200..measurements.min((campaign + 1) * 200) {
            if number % 20 == 7 {
                make_run(&directory, number, number % 60 == 27)?;
                continue;
            }
            let measurement = directory.enter(&format!("scan_{number:06}"))?;
            files(&measurement, &["protocol.json", "operator.txt"])?;
            for kind in ["frames", "previews", "calibration"] {
                let pictures = measurement.enter(kind)?;
                (0..4 + number % 9).try_for_each(|i| pictures.file(&format!("{i:04}.tif")))?;
            }
        }
    }
    Ok(())
}

/// Makes the library of a Python: packages, with sub-packages, their tests and caches.
fn python(root: &impl Directory, packages: usize) -> io::Result<()> {
    let site = root.enter("lib")?.enter("python3.13")?.enter("site-packages")?;
    for number in 0..packages {
        let name = format!("package_{number:04}");
        let metadata = site.enter(&format!("{name}-1.0.dist-info"))?;
        files(&metadata, &["METADATA", "RECORD", "WHEEL", "INSTALLER"])?;
        metadata.enter("licenses")?.file("LICENSE")?;
        let package = site.enter(&name)?;
        modules(&package, 6 + number % 10)?;
        for part in 0..2 + number % 6 {
            let below = package.enter(&format!("part{part}"))?;
            modules(&below, 3 + (number + part) % 8)?;
        }
        let tests = package.enter("tests")?;
        modules(&tests, 8)?;
        let data = tests.enter("data")?;
        files(&data, &["a.csv", "b.csv", "c.json"])?;
        if number % 10 == 3 {
            make_run(&data, number, number % 30 == 13)?;
        }
    }
    Ok(())
}

/// Makes modules, and what Python has compiled of them.
fn modules(package: &impl Directory, number: usize) -> io::Result<()> {
    package.file("__init__.py")?;
    let cache = package.enter("__pycache__")?;
    for module in 0..number {
        package.file(&format!("module{module}.py"))?;
        cache.file(&format!("module{module}.cpython-313.pyc"))?;
    }
    Ok(())
}

fn files(directory: &impl Directory, names: &[&str]) -> io::Result<()> {
    names.iter().try_for_each(|name| directory.file(name))
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
