//! A bit-parallel automaton that matches many globs at once, with one bit a token.
//!
//! A [`Chunk`] runs the non-deterministic automata of its globs side by side (the Shift-And
//! algorithm). Each glob owns a run of bits of one word: a first bit for "nothing read
//! yet", then one bit for each token other than a star, which is set if the name so far
//! matches the glob up to that token. A code point shifts every bit up by one, and keeps
//! the bits that arrive at a token that accepts it. A bit with a star behind it also stays
//! where it is.

use std::array::from_fn;
use std::ops::ControlFlow;

use super::Sink;
use crate::glob::{CompiledGlob, Token};
use crate::name::{CodePoints, encoded};

/// Globs that are each short enough for a chunk.
#[derive(Clone, Debug)]
pub(super) enum Automaton {
    /// The globs fit into one word.
    Small(Chunk<1>),
    /// Any number of globs. A step with four words takes only twice as long as with one,
    /// since each step has to wait for the one before.
    Large(Box<[Chunk<4>]>),
}

/// Globs that are matched together, in `N` words.
#[derive(Clone, Debug)]
pub(super) struct Chunk<const N: usize> {
    /// For each ASCII character, the tokens that accept it.
    ascii: Box<[[u64; N]; 128]>,
    /// For the other code points: the starts of ranges that no token tells apart, rising
    /// from 128, each with the tokens that accept the range.
    wide: Box<[(u32, [u64; N])]>,
    /// The bits for "nothing read yet".
    starts: [u64; N],
    /// The bits with a star behind them.
    stays: [u64; N],
    /// The bits of the last tokens.
    accepts: [u64; N],
    globs: Box<[Member]>,
}

/// One glob of a chunk.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// The index in the set.
    id: u32,
    word: usize,
    start: u64,
    accept: u64,
}

/// How many bits a glob takes: one more than the number of its tokens without stars.
fn width(tokens: &[Token]) -> usize {
    1 + tokens.iter().filter(|token| **token != Token::Star).count()
}

/// Whether globs fit together into one word.
pub(super) fn fit<'g>(globs: impl IntoIterator<Item = &'g CompiledGlob>) -> bool {
    globs.into_iter().map(|glob| width(&glob.tokens)).sum::<usize>() <= 64
}

impl Automaton {
    /// Packs globs, each of which [fits](fit), into as few words as their order allows.
    pub(super) fn new(globs: &[(u32, &CompiledGlob)]) -> Automaton {
        let mut words = Vec::new();
        let mut rest = globs;
        while !rest.is_empty() {
            let mut bits = 0;
            let taken = rest.iter().take_while(|(_, glob)| {
                bits += width(&glob.tokens);
                bits <= 64
            });
            let (these, others) = rest.split_at(taken.count());
            words.push(these);
            rest = others;
        }
        match words[..] {
            [word] => Automaton::Small(Chunk::new(&[word])),
            _ => Automaton::Large(words.chunks(4).map(Chunk::new).collect()),
        }
    }

    /// Tells the sink which of the globs that it wants match `name`.
    #[inline]
    pub(super) fn search<S: Sink>(&self, name: &[u8], sink: &mut S) -> ControlFlow<()> {
        match self {
            Automaton::Small(chunk) => chunk.search(name, sink),
            Automaton::Large(chunks) => chunks.iter().try_for_each(|c| c.search(name, sink)),
        }
    }
}

impl<const N: usize> Chunk<N> {
    /// A chunk of at most `N` words, each given as its globs.
    fn new(words: &[&[(u32, &CompiledGlob)]]) -> Chunk<N> {
        let mut ascii = Box::new([[0; N]; 128]);
        let mut wide_tokens = Vec::new();
        let mut members = Vec::new();
        let (mut starts, mut stays, mut accepts) = ([0; N], [0; N], [0; N]);
        for (word, globs) in words.iter().enumerate() {
            let mut next = 0;
            for &(id, glob) in *globs {
                let start = 1 << next;
                let mut bit: u64 = start;
                for token in &glob.tokens {
                    if *token == Token::Star {
                        stays[word] |= bit;
                        continue;
                    }
                    bit <<= 1;
                    for c in 0..128 {
                        ascii[c as usize][word] |= if token.accepts(c) { bit } else { 0 };
                    }
                    wide_tokens.push((token, word, bit));
                }
                starts[word] |= start;
                accepts[word] |= bit;
                members.push(Member { id, word, start, accept: bit });
                next += width(&glob.tokens);
            }
        }
        let wide = wide_table(&wide_tokens);
        Chunk { ascii, wide, starts, stays, accepts, globs: members.into() }
    }

    #[inline]
    fn search<S: Sink>(&self, name: &[u8], sink: &mut S) -> ControlFlow<()> {
        let mut state = self.starts;
        if !S::WANTS_ALL {
            for glob in &self.globs {
                if !sink.wants(glob.id) {
                    state[glob.word] ^= glob.start;
                }
            }
        }
        let mut rest = name;
        while !rest.is_empty() {
            // Asked once in 16 steps, since it takes as long as a step.
            if state == [0; N] {
                return ControlFlow::Continue(());
            }
            let ascii = rest.iter().take(16);
            let mut taken = 0;
            for &byte in ascii {
                let Some(arrivals) = self.ascii.get(usize::from(byte)) else { break };
                state = self.step(state, arrivals);
                taken += 1;
            }
            rest = &rest[taken..];
            if taken < 16 {
                let mut wide = encoded(rest);
                if let Some(c) = wide.next() {
                    state = self.step(state, self.accepting_wide(c));
                    rest = wide.0;
                }
            }
        }
        self.report(state, sink)
    }

    #[inline]
    fn step(&self, state: [u64; N], arrivals: &[u64; N]) -> [u64; N] {
        from_fn(|i| (state[i] << 1 & arrivals[i]) | (state[i] & self.stays[i]))
    }

    /// Tells the sink which globs match to their end.
    #[inline]
    fn report<S: Sink>(&self, state: [u64; N], sink: &mut S) -> ControlFlow<()> {
        let accepted: [u64; N] = from_fn(|i| state[i] & self.accepts[i]);
        if accepted != [0; N] {
            for glob in &self.globs {
                if accepted[glob.word] & glob.accept != 0 {
                    sink.found(glob.id)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn accepting_wide(&self, code_point: u32) -> &[u64; N] {
        // The first range begins at 128, so there is always one before.
        let after = self.wide.partition_point(|&(begin, _)| begin <= code_point);
        &self.wide[after - 1].1
    }
}

/// The table of a chunk for the code points from 128 on.
fn wide_table<const N: usize>(tokens: &[(&Token, usize, u64)]) -> Box<[(u32, [u64; N])]> {
    let mut begins = vec![128];
    for (token, ..) in tokens {
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
        let mut accepting = [0; N];
        for &(token, word, bit) in tokens {
            accepting[word] |= if token.accepts(c) { bit } else { 0 };
        }
        accepting
    };
    begins.into_iter().map(|begin| (begin, accepting(begin))).collect()
}
