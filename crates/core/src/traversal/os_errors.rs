//! The errors of the operating system that a traversal tells apart, and those that it says in
//! its place.

use std::io;

/// The numbers of the errors.
#[cfg(unix)]
mod numbers {
    use rustix::io::Errno;

    pub(super) const NOT_A_DIRECTORY: i32 = Errno::NOTDIR.raw_os_error();
    pub(super) const TOO_MANY_LINKS: i32 = Errno::LOOP.raw_os_error();
    pub(super) const NOT_THE_SAME: i32 = Errno::STALE.raw_os_error();
    pub(super) const OUT_OF_HANDLES: [i32; 2] =
        [Errno::MFILE.raw_os_error(), Errno::NFILE.raw_os_error()];
    /// What belonged to a process that has ended.
    pub(super) const GONE: i32 = Errno::SRCH.raw_os_error();
}

/// Those of Windows, by their names there.
#[cfg(not(unix))]
mod numbers {
    pub(super) const NOT_A_DIRECTORY: i32 = 267; // ERROR_DIRECTORY
    pub(super) const TOO_MANY_LINKS: i32 = 1921; // ERROR_CANT_RESOLVE_FILENAME
    pub(super) const NOT_THE_SAME: i32 = 1006; // ERROR_FILE_INVALID
    /// ERROR_TOO_MANY_OPEN_FILES, ERROR_NO_SYSTEM_RESOURCES
    pub(super) const OUT_OF_HANDLES: [i32; 2] = [4, 1450];
    pub(super) const GONE: i32 = 303; // ERROR_DELETE_PENDING
}

/// The error for what is no directory.
#[cfg_attr(any(target_os = "linux", target_os = "android"), allow(dead_code))] // says it itself
pub(super) fn not_a_directory() -> io::Error {
    io::Error::from_raw_os_error(numbers::NOT_A_DIRECTORY)
}

/// The error for a directory that is there and cannot be told to be the same as before.
pub(super) fn not_the_same() -> io::Error {
    io::Error::from_raw_os_error(numbers::NOT_THE_SAME)
}

/// The error for a way that leads through too many links.
pub(super) fn too_many_links() -> io::Error {
    io::Error::from_raw_os_error(numbers::TOO_MANY_LINKS)
}

/// Whether an error says that a path leads nowhere: ENOENT, ENOTDIR or ELOOP. A link that
/// gives it is broken.
pub(crate) fn leads_nowhere(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::TOO_MANY_LINKS)
        || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether an error says that an entry that was listed does not exist any more, or that
/// something else took its place.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::GONE) || leads_nowhere(error)
}

/// Whether an error says that no more files can be opened at present: EMFILE or ENFILE.
pub(super) fn is_out_of_handles(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::OUT_OF_HANDLES.contains(&number))
}

/// The error for no more files, as the system has it.
#[cfg(test)]
pub(super) fn out_of_handles() -> io::Error {
    io::Error::from_raw_os_error(numbers::OUT_OF_HANDLES[0])
}

/// The error for what was there a moment ago, as the system has it.
#[cfg(test)]
pub(super) fn gone() -> io::Error {
    io::Error::from_raw_os_error(numbers::GONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_again() {
        assert_eq!(not_a_directory().kind(), io::ErrorKind::NotADirectory);
        assert!(leads_nowhere(&not_a_directory()) && leads_nowhere(&too_many_links()));
        assert!(is_gone(&gone()));
        assert!(!is_gone(&not_the_same()) && !is_out_of_handles(&not_the_same()));
        for number in numbers::OUT_OF_HANDLES {
            let error = io::Error::from_raw_os_error(number);
            assert!(is_out_of_handles(&error) && !is_gone(&error));
        }
        // Who may not look does not know.
        assert!(!leads_nowhere(&io::ErrorKind::PermissionDenied.into()));
    }
}
