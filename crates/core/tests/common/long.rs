//! More random cases in long runs.

use std::ops::Range;

/// The seeds of random cases, by their usual number: four times as many in the runs that
/// `scripts/test --long` makes.
pub(crate) fn seeds(usual: u64) -> Range<u64> {
    let is_long = std::env::var_os("PATHVEIN_LONG_TESTS").is_some();
    0..if is_long { 4 * usual } else { usual }
}
