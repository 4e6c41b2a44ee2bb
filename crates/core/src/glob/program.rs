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
    /// The characters that every match begins with, as UTF-8.
    pub(crate) head: Box<[u8]>,
    /// The characters that every match ends with, as UTF-8; empty for a
    /// literal, which is all head.
    pub(crate) tail: Box<[u8]>,
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
        let first = tokens.iter().position(|token| *token == Token::Star);
        let last = tokens.iter().rposition(|token| *token == Token::Star);
        let head: String = tokens.iter().map_while(character).collect();
        let literal = head.chars().count() == tokens.len();
        // A literal's tail would be its head once more.
        let backwards = tokens.iter().rev().map_while(character);
        let mut tail: Vec<char> = if literal { Vec::new() } else { backwards.collect() };
        tail.reverse();
        let affixes = head.chars().count() + tail.len();
        let shape = match first {
            _ if tokens.contains(&Token::Never) => Shape::Never,
            Some(_) if tokens.len() == 1 => Shape::Everything,
            Some(_) if tokens.len() == affixes + 1 => Shape::Affixes,
            _ if literal => Shape::Literal,
            _ => Shape::Other,
        };
        Program {
            tokens,
            stars: first.zip(last),
            shape,
            head: head.into_bytes().into(),
            tail: tail.into_iter().collect::<String>().into_bytes().into(),
        }
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
            Shape::Literal => *name == *self.head,
            Shape::Affixes => {
                name.len() >= self.head.len() + self.tail.len()
                    && name.starts_with(&self.head)
                    && name.ends_with(&self.tail)
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
