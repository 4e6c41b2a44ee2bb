//! `Plan`: what is copied of a local match, for copies whose data goes through Python.

use std::collections::HashSet;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;

use pathvein_core::{MatchPlan, Plan as CorePlan, SourceTree};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::raise;
use crate::copy::links_from;
use crate::encoding::{decoder, os_text};
use crate::matcher::ExcludeRules;
use crate::pattern::FileStructurePattern;

/// The plan of a copy of a local match.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Plan {
    tree: SourceTree,
    plan: MatchPlan,
    /// The links among the files.
    links: HashSet<PathBuf>,
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (
        source,
        pattern,
        *,
        links = "follow",
        exclude = None,
        exclude_base = None,
        one_file_system = false,
    ))]
    fn new(
        py: Python<'_>,
        source: PathBuf,
        pattern: &Bound<'_, FileStructurePattern>,
        links: &str,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        exclude_base: Option<PathBuf>,
        one_file_system: bool,
    ) -> PyResult<Plan> {
        let links = links_from(links)?;
        let program = pattern.get().selection_program();
        let mut plan = CorePlan::new(&source, program)
            .links(links)
            .one_file_system(one_file_system)
            .decode_names(decoder(py)?.cloned());
        if let Some(exclude) = exclude {
            plan = plan.exclude(exclude.get().rules(), exclude_base);
        }
        let made = py.detach(|| {
            // Opened first: what is planned is read from there.
            let tree = SourceTree::open(source)?;
            let plan = plan.make_in(&tree)?;
            Ok((tree, plan))
        });
        let (tree, plan) = made.map_err(|error| raise(py, error))?;
        let links = plan.links().map(|(path, _)| path).collect();
        Ok(Plan { tree, plan, links })
    }

    /// The directories, each after its parent. The first is the match itself, `""`.
    #[getter]
    fn directories<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.plan.directories().map(|path| os_text(py, path.as_os_str())).collect()
    }

    /// What would belong and is not copied, each as path and reason.
    #[getter]
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, String)>> {
        let skipped = self.plan.skipped().iter();
        skipped.map(|s| Ok((os_text(py, s.path.as_os_str())?, s.reason.to_string()))).collect()
    }

    /// The files, each as path and size.
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, u64)>> {
        self.plan.files().map(|(path, size)| Ok((os_text(py, path.as_os_str())?, size))).collect()
    }

    /// Opens a file for reading, and returns its descriptor.
    fn open(&self, py: Python<'_>, path: PathBuf) -> PyResult<i32> {
        let follow = self.links.contains(&path);
        let file = py.detach(|| self.tree.open_file(path, follow));
        Ok(file.map_err(|error| raise(py, error))?.into_raw_fd())
    }
}
