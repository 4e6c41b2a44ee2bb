//! The table of cases that the tests of Rust and Python share, and helpers for tests of
//! globs.
//!
//! `tests/data/name_globs.jsonl` holds one case on each line, with names that match its glob
//! and names that do not. Blank lines separate sections. A lone surrogate is written as a
//! JSON escape, which Python's `json` reads as it is. Two that make a pair are one astral
//! character for both readers.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use crate::name::{Name, Repr};

/// Code points.
pub(crate) type Text = Vec<u32>;

pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) glob: Text,
    pub(crate) matches: Vec<Text>,
    pub(crate) rejects: Vec<Text>,
}

/// All cases of the table.
pub(crate) fn table() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/name_globs.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut fields: BTreeMap<String, Texts> =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            let mut take = |key| fields.remove(key).unwrap_or_else(|| panic!("{line}: {key}")).0;
            let what = take("case").remove(0).into_iter().map(|c| char::from_u32(c).unwrap());
            Case {
                what: what.collect(),
                glob: take("glob").remove(0),
                matches: take("matches"),
                rejects: take("rejects"),
            }
        })
        .collect()
}

/// A string or a list of strings.
struct Texts(Vec<Text>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        // As bytes, since serde_json gives a lone surrogate only so: encoded in the way of
        // UTF-8.
        deserializer.deserialize_bytes(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Texts, E> {
        let mut text = Text::new();
        for &byte in bytes {
            match byte {
                0x00..=0x7F => text.push(byte.into()),
                0x80..=0xBF => {
                    let last = text.last_mut().unwrap();
                    *last = *last << 6 | u32::from(byte & 0x3F);
                }
                0xC0..=0xDF => text.push((byte & 0x1F).into()),
                0xE0..=0xEF => text.push((byte & 0x0F).into()),
                0xF0..=0xFF => text.push((byte & 0x07).into()),
            }
        }
        Ok(Texts(vec![text]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(mut element) = list.next_element::<Texts>()? {
            texts.append(&mut element.0);
        }
        Ok(Texts(texts))
    }
}

/// The bytes that are read as these code points, if there are any.
pub(crate) fn encode(text: &[u32]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for &code_point in text {
        match char::from_u32(code_point) {
            Some(c) => bytes.extend(c.to_string().bytes()),
            None => bytes.push(u8::try_from(code_point.checked_sub(0xDC00)?).ok()?),
        }
    }
    // Escaped bytes side by side can make a character.
    let read_back = Name(Repr::Bytes(&bytes)).code_points().eq(text.iter().copied());
    read_back.then_some(bytes)
}

/// A name in all the forms that it can be given in.
pub(crate) fn names<'a>(text: &'a [u32], encoded: &'a Option<Vec<u8>>) -> Vec<Name<'a>> {
    let bytes = encoded.as_deref().map(|bytes| Name(Repr::Bytes(bytes)));
    bytes.into_iter().chain([Name::from(text)]).collect()
}

/// Whether a glob matches, straight by the definition and in any time.
pub(crate) fn reference(glob: &[u32], name: &[u32]) -> bool {
    let is = |code_point: u32, c: char| code_point == u32::from(c);
    let Some((&first, rest)) = glob.split_first() else { return name.is_empty() };
    if is(first, '*') {
        return (0..=name.len()).any(|skipped| reference(rest, &name[skipped..]));
    }
    let Some((&c, name)) = name.split_first() else { return false };
    if is(first, '?') {
        return reference(rest, name);
    }
    if is(first, '[') {
        let close =
            (0..rest.len()).find(|&i| is(rest[i], ']') && i > 0 && !(i == 1 && is(rest[0], '!')));
        if let Some(close) = close {
            return in_class(&rest[..close], c) && reference(&rest[close + 1..], name);
        }
    }
    first == c && reference(rest, name)
}

/// Whether a class has `c`, in the steps that CPython takes: the body is split at hyphens,
/// some pieces are merged, and the result is read as a class of the `re` module.
fn in_class(body: &[u32], c: u32) -> bool {
    let hyphen = u32::from('-');
    let bang = u32::from('!');
    let mut pieces: Vec<Vec<u32>> = Vec::new();
    let (mut begin, mut from) = (0, if body[0] == bang { 2 } else { 1 });
    while let Some(k) = (from..body.len()).find(|&k| body[k] == hyphen) {
        pieces.push(body[begin..k].to_vec());
        begin = k + 1;
        from = k + 3;
    }
    if begin < body.len() {
        pieces.push(body[begin..].to_vec());
    } else {
        pieces.last_mut().unwrap().push(hyphen);
    }
    for k in (1..pieces.len()).rev() {
        if pieces[k - 1].last().unwrap() > &pieces[k][0] {
            let right = pieces.remove(k);
            pieces[k - 1].pop();
            pieces[k - 1].extend(&right[1..]);
        }
    }
    let negated = pieces[0].first() == Some(&bang);
    if negated {
        pieces[0].remove(0);
        // To `re`, a hyphen right after the negation is a member.
        if pieces[0].is_empty() && pieces.len() > 1 {
            pieces[1].insert(0, hyphen);
        }
    }
    let single = pieces.iter().flatten().any(|&member| member == c);
    let ranged = pieces.windows(2).any(|pair| {
        let (left, right) = (pair[0].last(), pair[1].first());
        left.zip(right).is_some_and(|(low, high)| (low..=high).contains(&&c))
    });
    (single || ranged) != negated
}
