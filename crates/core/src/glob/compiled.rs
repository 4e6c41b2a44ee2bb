//! A glob compiled for matching one name.

use std::ops::Range;

use super::token::{Token, parse};
use crate::name::{CodePoints, Name, Repr, encoded};

/// The tokens of a glob, and what makes matching them fast.
#[derive(Debug)]
pub(crate) struct CompiledGlob {
    pub(crate) tokens: Box<[Token]>,
    /// The positions of the first and the last star.
    stars: Option<(usize, usize)>,
    pub(crate) shape: Shape,
    /// The head, then the tail. They are in one box, since comparing the slice of an empty
    /// box can take 40 ns: it points to no memory, and glibc's `memcmp` for AVX-512 reads
    /// there under an empty mask.
    affixes: Box<[u8]>,
    head_len: usize,
    /// The tokens that are in neither head nor tail.
    inner: Range<usize>,
    /// The pieces between the first and the last star.
    pieces: Box<[Piece]>,
}

/// A piece of a glob between two stars, at least one token long.
#[derive(Debug)]
struct Piece {
    tokens: Range<usize>,
    literal: Option<Literal>,
}

/// A piece that consists of characters alone, prepared for a search of bytes.
#[derive(Debug)]
struct Literal {
    /// In UTF-8.
    bytes: Box<[u8]>,
    /// The last eight bytes, the last one lowest.
    end: u64,
    /// The bits that these bytes take.
    mask: u64,
}

/// The kinds of globs, from the cheapest to match to the most expensive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Matches nothing: some token accepts no code point.
    Never,
    /// A star alone.
    Everything,
    /// The head alone.
    Literal,
    /// Head, star, tail.
    Affixes,
    /// Anything else.
    Other,
}

/// Characters that every match of a glob holds, one after the other.
pub(crate) struct Word {
    pub(crate) text: String,
    /// Whether whatever holds them matches: the glob is `*word*`.
    pub(crate) is_all: bool,
}

impl CompiledGlob {
    pub(crate) fn new(glob: &[u32]) -> CompiledGlob {
        CompiledGlob::from_tokens(parse(glob).into())
    }

    pub(crate) fn from_tokens(tokens: Box<[Token]>) -> CompiledGlob {
        let first_star = tokens.iter().position(|token| *token == Token::Star);
        let last_star = tokens.iter().rposition(|token| *token == Token::Star);
        let head: Vec<char> = tokens.iter().map_while(character).collect();
        let mut tail: Vec<char> = tokens.iter().rev().map_while(character).collect();
        let literal = head.len() == tokens.len();
        if literal {
            tail.clear();
        }
        let shape = match first_star {
            _ if tokens.contains(&Token::Never) => Shape::Never,
            _ if literal => Shape::Literal,
            Some(_) if tokens.len() == 1 => Shape::Everything,
            Some(_) if tokens.len() == head.len() + 1 + tail.len() => Shape::Affixes,
            _ => Shape::Other,
        };
        let inner = head.len()..tokens.len() - tail.len();
        let stars = first_star.zip(last_star);
        let pieces = stars.map_or_else(Vec::new, |(first, last)| pieces(&tokens, first, last));
        let head: String = head.into_iter().collect();
        let head_len = head.len();
        let affixes: String = head.chars().chain(tail.into_iter().rev()).collect();
        CompiledGlob {
            tokens,
            stars,
            shape,
            affixes: affixes.into_bytes().into(),
            head_len,
            inner,
            pieces: pieces.into(),
        }
    }

    /// The characters that every match begins with, as UTF-8.
    pub(crate) fn head(&self) -> &[u8] {
        &self.affixes[..self.head_len]
    }

    /// The characters that every match ends with, as UTF-8. Empty for a literal, which is
    /// all head.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.affixes[self.head_len..]
    }

    /// The longest word, if there is one. It can be looked for as bytes, for the same reason
    /// as [head and tail](CompiledGlob::is_match_bytes).
    pub(crate) fn word(&self) -> Option<Word> {
        let words = self.tokens.split(|token| character(token).is_none());
        let longest = words.rev().max_by_key(|word| word.len()).filter(|word| !word.is_empty())?;
        Some(Word {
            text: longest.iter().filter_map(character).collect(),
            is_all: matches!(&self.tokens[..], [Token::Star, word @ .., Token::Star]
                if word.len() == longest.len()),
        })
    }

    /// Whether the glob consists of characters and stars alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.tokens.iter().all(|token| *token == Token::Star || character(token).is_some())
    }

    pub(crate) fn is_match(&self, name: Name<'_>) -> bool {
        match name.0 {
            Repr::Bytes(name) => self.is_match_bytes(name),
            Repr::CodePoints(name) => self.fits(0..self.tokens.len(), name),
        }
    }

    /// Matches a name given as [`Repr::Bytes`].
    ///
    /// Head and tail can be compared as bytes: they are whole characters in UTF-8, and no
    /// valid sequence in the name reaches across their ends.
    pub(crate) fn is_match_bytes(&self, name: &[u8]) -> bool {
        match self.shape {
            Shape::Never => false,
            Shape::Everything => true,
            Shape::Literal => *name == *self.affixes,
            Shape::Affixes => self.inside(name).is_some(),
            Shape::Other => {
                self.inside(name).is_some_and(|name| self.fits(self.inner.clone(), encoded(name)))
            }
        }
    }

    /// The part of a name between head and tail, if it has both.
    #[inline]
    fn inside<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        if self.affixes.is_empty() {
            return Some(name);
        }
        let fits = name.len() >= self.affixes.len()
            && name.ends_with(self.tail())
            && name.starts_with(self.head());
        fits.then(|| &name[self.head_len..name.len() - self.tail().len()])
    }

    /// Whether a name matches these tokens: all tokens, or those between head and tail.
    ///
    /// The tokens before the first star are fixed at the start of the name, and those after
    /// the last star at its end. Each piece in between takes the first position where it
    /// fits. A later position could only leave less for the pieces that follow.
    fn fits(&self, tokens: Range<usize>, mut name: impl CodePoints) -> bool {
        let Some((first_star, last_star)) = self.stars else {
            return fits_start(&self.tokens[tokens], &mut name) && name.next().is_none();
        };
        if !fits_start(&self.tokens[tokens.start..first_star], &mut name) {
            return false;
        }
        for token in self.tokens[last_star + 1..tokens.end].iter().rev() {
            if !name.next_back().is_some_and(|c| token.accepts(c)) {
                return false;
            }
        }
        self.pieces.iter().all(|piece| {
            if let (Some(literal), Some(bytes)) = (&piece.literal, name.as_bytes()) {
                return literal.end_in(bytes).is_some_and(|end| {
                    name.skip_bytes(end);
                    true
                });
            }
            let tokens = &self.tokens[piece.tokens.clone()];
            loop {
                let mut after = name;
                if fits_start(tokens, &mut after) {
                    name = after;
                    return true;
                }
                if name.next().is_none() {
                    return false;
                }
            }
        })
    }
}

/// The pieces between the stars at `first` and `last`.
fn pieces(tokens: &[Token], first: usize, last: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut begin = first + 1;
    for end in first + 1..=last {
        if tokens[end] == Token::Star {
            let literal: Option<String> = tokens[begin..end].iter().map(character).collect();
            pieces.push(Piece { tokens: begin..end, literal: literal.map(Literal::new) });
            begin = end + 1;
        }
    }
    pieces
}

impl Literal {
    fn new(text: String) -> Literal {
        let end = text.bytes().fold(0, |end, byte| end << 8 | u64::from(byte));
        let mask = u64::MAX >> (64 - 8 * text.len().min(8));
        Literal { bytes: text.into_bytes().into(), end, mask }
    }

    /// Where the first occurrence in `name` ends. Bytes can be compared, for the same
    /// reason as with [head and tail](CompiledGlob::is_match_bytes).
    #[inline]
    fn end_in(&self, name: &[u8]) -> Option<usize> {
        let mut last_eight = 0;
        for (end, &byte) in (1..).zip(name) {
            last_eight = last_eight << 8 | u64::from(byte);
            if last_eight & self.mask == self.end && name[..end].ends_with(&self.bytes) {
                return Some(end);
            }
        }
        None
    }
}

/// Takes one code point off the name for each token. False if one does not fit.
#[inline]
fn fits_start(tokens: &[Token], name: &mut impl CodePoints) -> bool {
    tokens.iter().all(|token| name.next().is_some_and(|c| token.accepts(c)))
}

/// The character of a token, if the token is one and no lone surrogate.
fn character(token: &Token) -> Option<char> {
    match *token {
        Token::Char(code_point) => char::from_u32(code_point),
        _ => None,
    }
}
