//! Numbers and names in a row of bytes.

use crate::Name;
use crate::name::Repr;

/// A name in a row of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedName<'a> {
    /// Whether the bytes are code points, four each.
    is_code_points: bool,
    bytes: &'a [u8],
}

impl PackedName<'_> {
    /// Calls `take` with the name.
    pub(super) fn with<R>(self, take: impl FnOnce(Name<'_>) -> R) -> R {
        if !self.is_code_points {
            return take(Name(Repr::Bytes(self.bytes)));
        }
        let fours = self.bytes.chunks_exact(4);
        let code_points: Vec<u32> =
            fours.map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        take(Name(Repr::CodePoints(&code_points)))
    }
}

/// Whether [`push_name`] writes a name as code points. [`take_name`] has to know.
pub(super) fn is_code_points(name: Name<'_>) -> bool {
    matches!(name.0, Repr::CodePoints(_))
}

/// Adds a name.
pub(super) fn push_name(to: &mut Vec<u8>, name: Name<'_>) {
    match name.0 {
        Repr::Bytes(bytes) => {
            push_number(to, bytes.len() as u64);
            to.extend_from_slice(bytes);
        }
        Repr::CodePoints(code_points) => {
            push_number(to, code_points.len() as u64 * 4);
            to.extend(code_points.iter().flat_map(|point| point.to_le_bytes()));
        }
    }
}

/// Takes a name off the start. `None` if there is none.
pub(super) fn take_name<'a>(from: &mut &'a [u8], is_code_points: bool) -> Option<PackedName<'a>> {
    let length = usize::try_from(take_number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    let is_whole = !is_code_points || length % 4 == 0;
    is_whole.then_some(PackedName { is_code_points, bytes })
}

/// Adds a number: seven bits a byte, the lowest first.
pub(super) fn push_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Takes a number off the start. `None` if there is none.
pub(super) fn take_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
