//! A glob made ready to match one name.

use super::token::{Token, parse};
use crate::name::{CodePoints, Name, Repr, Utf8};

/// The tokens of a glob, and what they come down to.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) tokens: Box<[Token]>,
    /// Where the first and the last star are.
    stars: Option<(usize, usize)>,
    pub(crate) shape: Shape,
    /// The head, then the tail. (In one piece because comparing an empty slice
    /// that points into nothing, as that of an empty box does, can take 40 ns:
    /// glibc's `memcmp` for AVX-512 reads there under an empty mask.)
    affixes: Box<[u8]>,
    head_len: usize,
}

/// The kinds of globs, from the cheapest to match to the dearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Matches nothing: some token has no code point that it could be.
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

impl Program {
    pub(crate) fn new(glob: &[u32]) -> Program {
        let tokens = parse(glob).into_boxed_slice();
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
        let head: String = head.into_iter().collect();
        let head_len = head.len();
        let affixes: String = head.chars().chain(tail.into_iter().rev()).collect();
        Program {
            tokens,
            stars: first_star.zip(last_star),
            shape,
            affixes: affixes.into_bytes().into(),
            head_len,
        }
    }

    /// The characters that every match begins with, as UTF-8.
    pub(crate) fn head(&self) -> &[u8] {
        &self.affixes[..self.head_len]
    }

    /// The characters that every match ends with, as UTF-8; empty for a
    /// literal, which is all head.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.affixes[self.head_len..]
    }

    pub(crate) fn is_match(&self, name: Name<'_>) -> bool {
        match name.0 {
            Repr::Bytes(name) => self.is_match_bytes(name),
            Repr::CodePoints(name) => self.is_match_code_points(name),
        }
    }

    /// Matches a name given as [`Repr::Bytes`].
    ///
    /// Head and tail can be compared as bytes: they are whole characters in
    /// UTF-8, and no valid sequence in the name reaches across their ends.
    pub(crate) fn is_match_bytes(&self, name: &[u8]) -> bool {
        match self.shape {
            Shape::Never => false,
            Shape::Everything => true,
            Shape::Literal => *name == *self.affixes,
            Shape::Affixes => {
                name.len() >= self.affixes.len()
                    && name.ends_with(self.tail())
                    && name.starts_with(self.head())
            }
            Shape::Other => self.is_match_code_points(Utf8(name)),
        }
    }

    /// Matches token by token: what comes before the first star is fixed at
    /// the start of the name and what follows the last one at its end. Of the
    /// pieces between, each takes the first place where it fits; taking a later
    /// one could only leave less for those that follow.
    fn is_match_code_points(&self, mut name: impl CodePoints) -> bool {
        let Some((first_star, last_star)) = self.stars else {
            return fits_start(&self.tokens, &mut name) && name.next().is_none();
        };
        if !fits_start(&self.tokens[..first_star], &mut name) {
            return false;
        }
        for token in self.tokens[last_star + 1..].iter().rev() {
            if !name.next_back().is_some_and(|c| token.accepts(c)) {
                return false;
            }
        }
        if first_star == last_star {
            return true;
        }
        let mut pieces = self.tokens[first_star + 1..last_star].split(|t| *t == Token::Star);
        pieces.all(|piece| {
            loop {
                let mut after = name;
                if fits_start(piece, &mut after) {
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

/// Takes one code point off for each token, while they fit.
#[inline]
fn fits_start(tokens: &[Token], name: &mut impl CodePoints) -> bool {
    tokens.iter().all(|token| name.next().is_some_and(|c| token.accepts(c)))
}

/// The character that a token is, if it is one and no lone surrogate.
fn character(token: &Token) -> Option<char> {
    match *token {
        Token::Char(code_point) => char::from_u32(code_point),
        _ => None,
    }
}
