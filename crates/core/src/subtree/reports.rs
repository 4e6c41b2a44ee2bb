//! What is told of directories and patterns, in one row of bytes.

use super::packing::{PackedName, is_code_points, push_name, push_number, take_name, take_number};
use crate::Name;

/// A directory, by its path relative to that in which the roots are, the position of a pattern,
/// and if it was checked what is missing, by its number in the outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report<'a> {
    path: PackedName<'a>,
    pub(crate) pattern: usize,
    pub(crate) findings: Option<usize>,
}

impl Report<'_> {
    /// Calls `take` with the path, which has `/` between the names.
    pub(crate) fn with_path<R>(self, take: impl FnOnce(Name<'_>) -> R) -> R {
        self.path.with(take)
    }
}

/// The path is code points.
const CODE_POINTS: u8 = 1;
const FINDINGS: u8 = 2;

/// Reports that wait for others.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "Packed"))]
pub(crate) struct Reports {
    packed: Vec<u8>,
    len: usize,
}

impl Reports {
    pub(crate) fn push(&mut self, path: Name<'_>, pattern: usize, findings: Option<usize>) {
        let has_findings = findings.is_some();
        self.packed
            .push(u8::from(is_code_points(path)) * CODE_POINTS + u8::from(has_findings) * FINDINGS);
        push_name(&mut self.packed, path);
        push_number(&mut self.packed, pattern as u64);
        if let Some(findings) = findings {
            push_number(&mut self.packed, findings as u64);
        }
        self.len += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Report<'_>> {
        let mut rest = &self.packed[..];
        std::iter::from_fn(move || unpack(&mut rest))
    }
}

fn unpack<'a>(packed: &mut &'a [u8]) -> Option<Report<'a>> {
    let (&flags, mut rest) = packed.split_first()?;
    let path = take_name(&mut rest, flags & CODE_POINTS != 0)?;
    let pattern = usize::try_from(take_number(&mut rest)?).ok()?;
    let findings = match flags & FINDINGS {
        0 => None,
        _ => Some(usize::try_from(take_number(&mut rest)?).ok()?),
    };
    *packed = rest;
    Some(Report { path, pattern, findings })
}

/// How reports are written.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Packed(#[serde(with = "crate::bytes")] Vec<u8>);

#[cfg(feature = "serde")]
impl serde::Serialize for Reports {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.packed)
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Packed> for Reports {
    type Error = &'static str;

    fn try_from(Packed(packed): Packed) -> Result<Reports, &'static str> {
        let (mut rest, mut len) = (&packed[..], 0);
        while !rest.is_empty() {
            if unpack(&mut rest).is_none() {
                return Err("reports that are not packed as they should be");
            }
            len += 1;
        }
        Ok(Reports { packed, len })
    }
}
