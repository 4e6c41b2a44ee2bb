use super::*;
use crate::FileStructurePattern;

#[path = "../../../tests/common/child.rs"]
mod child;

/// A directory that may be read and not be searched tells names, and nothing else.
#[test]
fn without_sizes_no_plain_file_is_looked_at() {
    if !child::is_child() {
        return child::run_without_rights(
            "copying::plan::tests::without_sizes_no_plain_file_is_looked_at",
        );
    }
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "text").unwrap();
    set_permissions(dir.path(), Permissions::from_mode(0o400)).unwrap();
    let program =
        SelectionProgram::new(&FileStructurePattern::builder("*").file("a").build().unwrap());
    let opened = std::fs::File::open(dir.path()).unwrap();
    let plan = |sizes| {
        let options = PlanOptions { sizes, ..PlanOptions::default() };
        plan_match(dir.path(), opened.as_fd(), &program, &options, &|| false)
    };
    let names = plan(false).unwrap().unwrap();
    let error = plan(true).unwrap_err();
    set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!((names.files, names.bytes, names.directories[0].len()), (1, 0, 1));
    assert_eq!(error.io_error().unwrap().raw_os_error(), Some(Errno::ACCESS.raw_os_error()));
    assert_eq!(error.operation(), Some(Operation::ReadMetadata));
    assert_eq!(error.path(), Some(&*dir.path().join("a")));
    let measured = plan(true).unwrap().unwrap();
    assert_eq!((measured.files, measured.bytes), (1, 4));
}

#[test]
fn a_plan_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "").unwrap();
    let program =
        SelectionProgram::new(&FileStructurePattern::builder("*").file("a").build().unwrap());
    let opened = std::fs::File::open(dir.path()).unwrap();
    for (sizes, calls) in [(false, 0), (false, 1), (true, 2)] {
        let left = std::cell::Cell::new(calls);
        let is_stopped = || left.replace(left.get() - 1) <= 0;
        let options = PlanOptions { sizes, ..PlanOptions::default() };
        assert!(
            plan_match(dir.path(), opened.as_fd(), &program, &options, &is_stopped)
                .unwrap()
                .is_none()
        );
    }
}
