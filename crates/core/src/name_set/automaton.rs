//! Many globs at once, one bit a token.
//!
//! A [`Chunk`] runs the non-deterministic automata of the globs that fit into
//! one word side by side (the Shift-And algorithm). Each glob owns a run of
//! bits: one that says "nothing read yet", then one for each token other than a
//! star, which is set while everything up to that token has been read. A code
//! point moves every bit one place up, and keeps those that arrive at a token
//! that accepts it; a bit with a star behind it also stays where it is.

use std::ops::ControlFlow;

use super::Sink;
use crate::glob::Token;
use crate::name::{CodePoints, Utf8};

/// Globs that share one word.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// For each ASCII character the tokens that accept it.
    ascii: Box<[u64; 128]>,
    /// The same for all others: where ranges of code points begin that no token
    /// tells apart, rising from 128, and the tokens that accept them.
    wide: Box<[(u32, u64)]>,
    /// The bits with a star behind them.
    stays: u64,
    /// The bits of the last tokens.
    accepts: u64,
    globs: Box<[Member]>,
}

/// One glob of a chunk.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// The index in the set.
    id: u32,
    start: u64,
    accept: u64,
}

/// How many bits a glob takes: one more than it has tokens other than stars.
fn width(tokens: &[Token]) -> usize {
    1 + tokens.iter().filter(|token| **token != Token::Star).count()
}

/// Whether a glob is short enough to be in a chunk.
pub(super) fn fits(tokens: &[Token]) -> bool {
    width(tokens) <= 64
}

/// Packs globs, each of which [`fits`], into as few chunks as their order allows.
pub(super) fn pack(globs: &[(u32, &[Token])]) -> Box<[Chunk]> {
    let mut chunks = Vec::new();
    let mut rest = globs;
    while !rest.is_empty() {
        let mut bits = 0;
        let taken = rest.iter().take_while(|(_, tokens)| {
            bits += width(tokens);
            bits <= 64
        });
        let (these, others) = rest.split_at(taken.count());
        chunks.push(Chunk::new(these));
        rest = others;
    }
    chunks.into()
}

impl Chunk {
    fn new(globs: &[(u32, &[Token])]) -> Chunk {
        let mut ascii = Box::new([0; 128]);
        let mut wide_tokens = Vec::new();
        let mut members = Vec::with_capacity(globs.len());
        let (mut stays, mut accepts) = (0, 0);
        let mut next = 0;
        for &(id, tokens) in globs {
            let start = 1 << next;
            let mut bit: u64 = start;
            for token in tokens {
                if *token == Token::Star {
                    stays |= bit;
                    continue;
                }
                bit <<= 1;
                for c in 0..128 {
                    ascii[c as usize] |= if token.accepts(c) { bit } else { 0 };
                }
                wide_tokens.push((token, bit));
            }
            accepts |= bit;
            members.push(Member { id, start, accept: bit });
            next += width(tokens);
        }
        Chunk { ascii, wide: wide_table(&wide_tokens), stays, accepts, globs: members.into() }
    }

    /// Tells the sink which of the globs that it wants match `name`.
    #[inline]
    pub(super) fn search<S: Sink>(&self, name: &[u8], sink: &mut S) -> ControlFlow<()> {
        let mut state = 0;
        for glob in &self.globs {
            if sink.wants(glob.id) {
                state |= glob.start;
            }
        }
        let mut rest = Utf8(name);
        while let Some(c) = rest.next() {
            if state == 0 {
                return ControlFlow::Continue(());
            }
            let arrivals = match self.ascii.get(c as usize) {
                Some(&accepting) => accepting,
                None => self.accepting_wide(c),
            };
            state = (state << 1 & arrivals) | (state & self.stays);
        }
        if state & self.accepts != 0 {
            for glob in &self.globs {
                if state & glob.accept != 0 {
                    sink.found(glob.id)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn accepting_wide(&self, code_point: u32) -> u64 {
        // The first range begins at 128, so there is always one before.
        let after = self.wide.partition_point(|&(begin, _)| begin <= code_point);
        self.wide[after - 1].1
    }
}

/// The table of a chunk for the code points from 128 on.
fn wide_table(tokens: &[(&Token, u64)]) -> Box<[(u32, u64)]> {
    let mut begins = vec![128];
    for (token, _) in tokens {
        match token {
            Token::Char(c) if *c >= 128 => begins.extend([*c, c + 1]),
            Token::Class(class) => {
                begins.extend(class.wide.iter().flat_map(|&(low, high)| [low, high + 1]));
            }
            _ => {}
        }
    }
    begins.sort_unstable();
    begins.dedup();
    let accepting = |c| {
        let accepting = tokens.iter().filter(|(token, _)| token.accepts(c));
        accepting.fold(0, |bits, (_, bit)| bits | bit)
    };
    begins.into_iter().map(|begin| (begin, accepting(begin))).collect()
}
