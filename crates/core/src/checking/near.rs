//! Names that all but pass a name test.
//!
//! A name is near if it passes in another case, in another Unicode normal form, or after one
//! edit: a code point put in, left out or replaced, or two neighbours swapped. It is held
//! against the language of the whole glob, so `scan_1.cvs` is one edit away from `*.csv`. A glob
//! that asks for less than three characters has no names that are an edit away: that would be
//! each name, for `b*`.

use std::array::from_fn;
use std::sync::OnceLock;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::glob::{CompiledGlob, Token};
use crate::name::{CodePoints, Repr, encoded};
use crate::pattern::with_text;
use crate::{Name, NameAlternative, NameGlob, NameRegex, NameTest};

/// In which way a name is near, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Nearness {
    /// It passes in another case.
    Case,
    /// It passes in another Unicode normal form: both in form C. So an accent belongs to its
    /// letter, and `é` is not near to `e*`.
    NormalForm,
    /// It passes after one edit.
    Edit,
}

/// A name test, prepared for telling which names are near.
#[derive(Debug)]
pub(crate) struct Near {
    test: NameTest,
    globs: Box<[NearGlob]>,
    regexes: Box<[NearRegex]>,
}

impl Near {
    pub(crate) fn new(test: &NameTest) -> Near {
        let (mut globs, mut regexes) = (Vec::new(), Vec::new());
        for alternative in test.alternatives() {
            match alternative {
                NameAlternative::Glob(glob) => globs.extend(NearGlob::new(glob)),
                NameAlternative::Regex(regex) => {
                    regexes.push(NearRegex { regex: regex.clone(), in_any_case: OnceLock::new() });
                }
            }
        }
        Near { test: test.clone(), globs: globs.into(), regexes: regexes.into() }
    }

    /// In which way a name is near; `None` if it is not, or passes the test.
    ///
    /// There may be a million names. Most differ from a glob in the first code points at one
    /// of its ends, and no more of them is looked at. Nothing is copied of a name in ASCII.
    pub(crate) fn nearness<'n>(&self, name: impl Into<Name<'n>>) -> Option<Nearness> {
        let name = name.into();
        let globs = self.globs.iter().filter_map(|glob| glob.nearness(name));
        let regexes = self.regexes.iter().filter_map(|regex| regex.nearness(name));
        let nearest = globs.chain(regexes).min()?;
        // Last, since few names come this far.
        (!self.test.is_match(name)).then_some(nearest)
    }
}

/// A glob that some entry may pass, but not every.
#[derive(Debug)]
struct NearGlob {
    /// Any case of what it matches; `None` if that is the glob itself.
    in_any_case: Option<CompiledGlob>,
    /// The glob in normal form C; `None` if it has none, as it holds a lone surrogate.
    composed: Option<NameGlob>,
    /// Whether that is another glob.
    is_recomposed: bool,
    edits: Option<Edits>,
}

impl NearGlob {
    fn new(glob: &NameGlob) -> Option<NearGlob> {
        let tokens = &glob.compiled().tokens;
        // An edit could make the empty name, or one with a slash, and no entry has these.
        let hopeless = tokens.is_empty() || glob.never_matches() || glob.needs_slash();
        if hopeless || glob.matches_everything() {
            return None;
        }
        let in_any_case: Box<[Token]> = tokens.iter().map(Token::in_any_case).collect();
        let in_any_case = (in_any_case != *tokens).then_some(in_any_case);
        let composed = glob.as_str().map(|text| NameGlob::new(&text.nfc().collect::<String>()));
        Some(NearGlob {
            in_any_case: in_any_case.map(CompiledGlob::from_tokens),
            is_recomposed: composed.as_ref().is_some_and(|composed| composed != glob),
            composed,
            edits: if asks_for_enough(tokens) { Edits::new(tokens) } else { None },
        })
    }

    fn nearness(&self, name: Name<'_>) -> Option<Nearness> {
        if self.in_any_case.as_ref().is_some_and(|glob| glob.is_match(name)) {
            Some(Nearness::Case)
        } else if self.passes_composed(name) {
            Some(Nearness::NormalForm)
        } else if self.edits.as_ref().is_some_and(|edits| edits.reach(name)) {
            Some(Nearness::Edit)
        } else {
            None
        }
    }

    fn passes_composed(&self, name: Name<'_>) -> bool {
        let Some(glob) = &self.composed else { return false };
        with_text(name, |name| {
            if name.is_ascii() || is_nfc(name) {
                return self.is_recomposed && glob.is_match(name);
            }
            glob.is_match(&name.nfc().collect::<String>())
        })
        .unwrap_or(false)
    }
}

/// A regular expression.
#[derive(Debug)]
struct NearRegex {
    regex: NameRegex,
    /// The same in any case, compiled when it is first asked for; `None` if it is too large.
    in_any_case: OnceLock<Option<NameRegex>>,
}

impl NearRegex {
    fn nearness(&self, name: Name<'_>) -> Option<Nearness> {
        let in_any_case = self.in_any_case.get_or_init(|| self.regex.in_any_case());
        if in_any_case.as_ref().is_some_and(|regex| regex.is_match(name)) {
            Some(Nearness::Case)
        } else if self.passes_in_other_form(name) {
            Some(Nearness::NormalForm)
        } else {
            None
        }
    }

    /// The name is brought to both forms, and not the expression, of which that could make
    /// another: in `e\u{301}+` the `+` is about the accent alone.
    fn passes_in_other_form(&self, name: Name<'_>) -> bool {
        with_text(name, |name| {
            !name.is_ascii()
                && (self.regex.is_match(&name.nfc().collect::<String>())
                    || self.regex.is_match(&name.nfd().collect::<String>()))
        })
        .unwrap_or(false)
    }
}

/// Whether a glob asks for so many characters that what is an edit away tells something.
fn asks_for_enough(tokens: &[Token]) -> bool {
    tokens.iter().filter(|&token| *token != Token::Star).count() >= 3
}

/// The names that are one edit away from what a glob matches.
#[derive(Debug)]
enum Edits {
    /// Up to 63 tokens.
    Short(EditAutomaton<1>),
    /// Up to 1,023, which is more than any name of a file system or a store can have.
    Long(Box<EditAutomaton<16>>),
}

impl Edits {
    fn new(tokens: &[Token]) -> Option<Edits> {
        let length = tokens.iter().filter(|&token| *token != Token::Star).count();
        match length {
            ..64 => Some(Edits::Short(EditAutomaton::new(tokens))),
            64..1024 => Some(Edits::Long(Box::new(EditAutomaton::new(tokens)))),
            _ => None,
        }
    }

    fn reach(&self, name: Name<'_>) -> bool {
        match (self, name.0) {
            (Edits::Short(edits), Repr::Bytes(name)) => edits.reach(encoded(name), name.len(), 4),
            (Edits::Long(edits), Repr::Bytes(name)) => edits.reach(encoded(name), name.len(), 4),
            (Edits::Short(edits), Repr::CodePoints(name)) => edits.reach(name, name.len(), 1),
            (Edits::Long(edits), Repr::CodePoints(name)) => edits.reach(name, name.len(), 1),
        }
    }
}

/// A bit-parallel automaton over the tokens other than stars, in `N` words. Bit `i` of a state
/// is set if the name so far fits the first `i` of them; a state with a star behind it also
/// stays.
#[derive(Debug)]
struct EditAutomaton<const N: usize> {
    /// The tokens, from the end of the glob if it is read backwards.
    tokens: Box<[Token]>,
    /// For each ASCII character, the tokens that accept it.
    ascii: Box<[[u64; N]; 128]>,
    /// The bits with a star behind them.
    stays: [u64; N],
    has_star: bool,
    /// Whether names are read from their end, as the glob has more after its last star than
    /// before the first: most names fail there.
    backwards: bool,
}

impl<const N: usize> EditAutomaton<N> {
    fn new(glob: &[Token]) -> EditAutomaton<N> {
        let is_star = |token: &Token| *token == Token::Star;
        let head = glob.iter().position(is_star);
        let tail = glob.iter().rev().position(is_star);
        let backwards = tail > head;
        let mut glob = glob.to_vec();
        if backwards {
            glob.reverse();
        }
        let (mut tokens, mut stays) = (Vec::new(), [0; N]);
        for token in glob {
            match token {
                Token::Star => set(&mut stays, tokens.len()),
                token => tokens.push(token),
            }
        }
        let mut automaton = EditAutomaton {
            ascii: Box::new([[0; N]; 128]),
            tokens: tokens.into(),
            stays,
            has_star: head.is_some(),
            backwards,
        };
        for c in 0..128 {
            automaton.ascii[c as usize] = automaton.accepting(c);
        }
        automaton
    }

    /// The tokens that accept a code point.
    fn accepting(&self, code_point: u32) -> [u64; N] {
        let mut bits = [0; N];
        for (index, token) in self.tokens.iter().enumerate() {
            if token.accepts(code_point) {
                set(&mut bits, index);
            }
        }
        bits
    }

    /// The state after one more code point.
    #[inline]
    fn step(&self, state: [u64; N], code_point: u32) -> [u64; N] {
        let accepting = match self.ascii.get(code_point as usize) {
            Some(accepting) => *accepting,
            None => self.accepting(code_point),
        };
        let moved: [u64; N] = shifted(from_fn(|i| state[i] & accepting[i]));
        from_fn(|i| moved[i] | state[i] & self.stays[i])
    }

    /// Whether the name fits after one edit, or, unless it is empty, as it is. It has so many
    /// `units`, of which at most `widest` make a code point.
    fn reach(&self, mut name: impl CodePoints, units: usize, widest: usize) -> bool {
        let length = self.tokens.len();
        if units + 1 < length || !self.has_star && units > widest * (length + 1) {
            return false;
        }
        // What fits without an edit, and with one. Bits beyond the last token mean nothing,
        // and reach no lower ones.
        let mut exact = [0; N];
        set(&mut exact, 0);
        let mut edited = shifted(exact);
        let mut before = [0; N];
        let mut last = 0;
        while let Some(c) = if self.backwards { name.next_back() } else { name.next() } {
            let next = self.step(exact, c);
            let kept = self.step(edited, c);
            let replaced = shifted(exact);
            let left_out = shifted(next);
            let swapped = self.step(self.step(before, c), last);
            // One too many: what fitted before it still does.
            let too_many = exact;
            edited = from_fn(|i| kept[i] | replaced[i] | left_out[i] | swapped[i] | too_many[i]);
            if edited == [0; N] && exact == [0; N] {
                return false;
            }
            (before, exact, last) = (exact, next, c);
        }
        edited[length / 64] >> (length % 64) & 1 == 1
    }
}

fn set<const N: usize>(bits: &mut [u64; N], index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

/// Each bit moved up by one.
#[inline]
fn shifted<const N: usize>(bits: [u64; N]) -> [u64; N] {
    from_fn(|i| bits[i] << 1 | if i == 0 { 0 } else { bits[i - 1] >> 63 })
}

#[cfg(test)]
mod tests;
