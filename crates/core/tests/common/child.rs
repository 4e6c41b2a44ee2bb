//! Tests that need a process of their own: to have few file handles or no rights, or to
//! count its threads.

// No test file uses all of this module.
#![allow(dead_code)]

use std::process::Command;

const CHILD: &str = "PATHVEIN_TEST_CHILD";

/// Whether this process was started for one test.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test of this name alone, in a process that `prepare` may change.
pub(crate) fn run(test: &str, prepare: impl FnOnce(Command) -> Command) {
    let mut command = prepare(Command::new(std::env::current_exe().unwrap()));
    let output = command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}{stderr}");
}

/// Runs the test of this name alone, as a user who is not the superuser.
pub(crate) fn run_without_rights(test: &str) {
    run_as(test, 65534);
}

/// Runs the test of this name alone; if the superuser runs it, as this user.
pub(crate) fn run_as(test: &str, user: u32) {
    run_as_with(test, user, &[]);
}

/// The same, with these environment variables.
pub(crate) fn run_as_with(test: &str, user: u32, variables: &[(&str, &str)]) {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    if !rustix::process::geteuid().is_root() {
        return run(test, |mut command| {
            command.envs(variables.iter().copied());
            command
        });
    }
    // The other user may have no access to the directory of the program.
    let dir = tempfile::tempdir().unwrap();
    set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let program = dir.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    run(test, |_| {
        let mut command = Command::new(&program);
        command.uid(user).gid(user).current_dir(dir.path()).env("TMPDIR", dir.path());
        command.envs(variables.iter().copied());
        command
    });
}
