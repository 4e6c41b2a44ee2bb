//! The names of what is being built beside its final place: `.NAME.pathvein-RANDOM`.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicU64, Ordering};

/// What stands between the name and the random part.
const INFIX: &[u8] = b".pathvein-";

/// How many hexadecimal digits the random part has.
const DIGITS: usize = 16;

/// How long a name may be on almost every file system.
pub(super) const MAX_NAME: usize = 255;

/// How long one may be on those that take less, such as eCryptfs.
pub(super) const SHORT_NAME: usize = 140;

/// A new temporary name for what will be called `name`, of at most `longest` bytes.
pub(super) fn temporary_name(name: &OsStr, longest: usize) -> OsString {
    let kept = cut(name.as_bytes(), longest);
    let random = format!("{:016x}", random());
    OsString::from_vec([b".", kept, INFIX, random.as_bytes()].concat())
}

/// Whether this is the name of what was being built, and should have been called `name`; with
/// `None`, anything.
pub(super) fn is_temporary_name(candidate: &OsStr, name: Option<&OsStr>) -> bool {
    let Some(rest) = candidate.as_bytes().strip_prefix(b".") else { return false };
    let Some(at) = rest.len().checked_sub(INFIX.len() + DIGITS) else { return false };
    let (kept, rest) = rest.split_at(at);
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    !kept.is_empty()
        && rest.strip_prefix(INFIX).is_some_and(|random| random.iter().all(is_digit))
        && name.is_none_or(|name| {
            let name = name.as_bytes();
            [MAX_NAME, SHORT_NAME].iter().any(|&longest| cut(name, longest) == kept)
        })
}

/// As much of a name as leaves room for the rest. What is UTF-8 stays UTF-8, since some file
/// systems take no other names.
fn cut(name: &[u8], longest: usize) -> &[u8] {
    let room = longest - 1 - INFIX.len() - DIGITS;
    if name.len() <= room {
        return name;
    }
    let is_inside = |&at: &usize| name[at] & 0xC0 == 0x80;
    // No character has more than three bytes behind its first.
    let at = (room - 3..=room).rev().find(|at| !is_inside(at)).unwrap_or(room);
    &name[..at]
}

/// A number that no other process or thread gets, but by accident.
fn random() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // The keys of the hash are random. Those of a fork are its parent's.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    RandomState::new().hash_one((std::process::id(), now, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(bytes: &[u8]) -> &OsStr {
        OsStr::from_bytes(bytes)
    }

    #[test]
    fn temporary_names_fit_and_are_known_again() {
        let long_utf8 = "é".repeat(127);
        let names: [&[u8]; 6] =
            [b"a", b".hidden", &[b'x'; 255], &[0xE9; 255], long_utf8.as_bytes(), b"a.pathvein-b"];
        for name in names {
            let name = os(name);
            for longest in [MAX_NAME, SHORT_NAME] {
                let temporary = temporary_name(name, longest);
                assert!(temporary.len() <= longest, "{temporary:?}");
                assert!(is_temporary_name(&temporary, Some(name)), "{temporary:?}");
                assert!(is_temporary_name(&temporary, None));
                assert!(!is_temporary_name(&temporary, Some(os(b"other"))));
                assert_eq!(name.to_str().is_some(), temporary.to_str().is_some());
                assert_ne!(temporary_name(name, longest), temporary);
            }
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for other in [
            "",
            ".",
            "..",
            ".pathvein-0123456789abcdef",
            "..pathvein-0123456789abcdef",
            "a.pathvein-0123456789abcdef",
            ".a.pathvein-0123456789abcde",
            ".a.pathvein-0123456789abcdeff",
            ".a.pathvein-0123456789ABCDEF",
            ".a.pathvein_0123456789abcdef",
            ".a.pathvein-0123456789abcdef.txt",
        ] {
            assert!(!is_temporary_name(other.as_ref(), None), "{other:?}");
        }
        assert!(is_temporary_name(".a.pathvein-0123456789abcdef".as_ref(), Some("a".as_ref())));
    }
}
