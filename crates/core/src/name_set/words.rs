//! Globs that are found by a word that every match of theirs holds.
//!
//! The words of all globs are looked for in one pass over the bytes of a name, by an
//! Aho-Corasick automaton. Whatever their number, that is one step a byte, where the
//! [automaton of the globs](super::automaton) has so many steps as its bits take words.

use std::ops::ControlFlow;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, StartKind};

use super::Sink;
use crate::glob::{CompiledGlob, Token, Word};

/// Words found more often than this are no help, for each time the glob has to be matched.
const LEAST_BYTES: usize = 3;
/// How many globs are noted that were matched, for each name on the stack.
const NOTED: usize = 512;
/// How large a table of all transitions may be, in bytes.
const LARGEST_TABLE: usize = 1 << 20;

/// Globs by their words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// `None` without globs.
    searcher: Option<Searcher>,
    /// The glob of each word, in the order of the words.
    globs: Box<[Member]>,
}

/// The same automaton in two forms, each with its first state.
#[derive(Clone, Debug)]
enum Searcher {
    /// A table of all transitions.
    Table(DFA, StateID),
    /// A state has only some transitions: twice as slow, and small whatever the words.
    Sparse(NFA, StateID),
}

/// One glob.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// The index in the set.
    id: u32,
    /// `None` if a name that holds the word matches. Otherwise, the glob has to be matched:
    /// once a name, however often the word occurs, which is noted at this index.
    note: Option<u16>,
}

impl Words {
    /// Takes the globs that can be found by a word, and hands back the others.
    pub(super) fn new(globs: Vec<(u32, &CompiledGlob)>) -> (Words, Vec<(u32, &CompiledGlob)>) {
        let (mut words, mut members, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let mut noted = 0;
        for &(id, glob) in &globs {
            // What does not begin with a star is soon told by the automaton.
            let word = glob.word().filter(|_| glob.tokens.first() == Some(&Token::Star));
            match word {
                Some(Word { text, is_all: true }) => {
                    words.push(text);
                    members.push(Member { id, note: None });
                }
                Some(Word { text, .. }) if text.len() >= LEAST_BYTES && noted < NOTED => {
                    words.push(text);
                    members.push(Member { id, note: Some(noted as u16) });
                    noted += 1;
                }
                _ => left.push((id, glob)),
            }
        }
        if words.is_empty() {
            return (Words::default(), left);
        }
        match Searcher::new(&words) {
            Ok(searcher) => (Words { searcher: Some(searcher), globs: members.into() }, left),
            // More states than fit in 31 bits.
            Err(_) => (Words::default(), globs),
        }
    }

    /// Tells the sink which of the globs that it wants match `name`. A glob can be told more
    /// than once. `decide` matches one glob.
    #[inline]
    pub(super) fn search<S: Sink>(
        &self,
        name: &[u8],
        sink: &mut S,
        decide: impl Fn(u32) -> bool,
    ) -> ControlFlow<()> {
        if !S::WANTS_ALL && !self.globs.iter().any(|glob| sink.wants(glob.id)) {
            return ControlFlow::Continue(());
        }
        match &self.searcher {
            None => ControlFlow::Continue(()),
            Some(Searcher::Table(table, start)) => self.walk(table, *start, name, sink, decide),
            Some(Searcher::Sparse(nfa, start)) => self.walk(nfa, *start, name, sink, decide),
        }
    }

    #[inline]
    fn walk<S: Sink>(
        &self,
        automaton: &impl Automaton,
        start: StateID,
        name: &[u8],
        sink: &mut S,
        decide: impl Fn(u32) -> bool,
    ) -> ControlFlow<()> {
        let Some((mut state, mut rest)) = next_word(automaton, start, name) else {
            return ControlFlow::Continue(());
        };
        let mut noted = [0_u64; NOTED / 64];
        loop {
            for index in 0..automaton.match_len(state) {
                let Member { id, note } = self.globs[automaton.match_pattern(state, index)];
                if !sink.wants(id) {
                    continue;
                }
                if let Some(note) = note {
                    let (noted, bit) = (&mut noted[usize::from(note / 64)], 1 << (note % 64));
                    if *noted & bit != 0 {
                        continue;
                    }
                    *noted |= bit;
                    if !decide(id) {
                        continue;
                    }
                }
                sink.found(id)?;
            }
            match next_word(automaton, state, rest) {
                Some(found) => (state, rest) = found,
                None => return ControlFlow::Continue(()),
            }
        }
    }
}

/// Reads on to the end of a word, and gives the state there with what is left.
///
/// Not inlined: alone, the loop keeps all that it needs in registers, which is twice as fast.
#[inline(never)]
fn next_word<'n, A: Automaton>(
    automaton: &A,
    mut state: StateID,
    name: &'n [u8],
) -> Option<(StateID, &'n [u8])> {
    let mut rest = name.iter();
    while let Some(&byte) = rest.next() {
        state = automaton.next_state(Anchored::No, state, byte);
        // Without a prefilter, few states are special but those at the end of a word.
        if automaton.is_special(state) && automaton.is_match(state) {
            return Some((state, rest.as_slice()));
        }
    }
    None
}

impl Searcher {
    fn new(words: &[String]) -> Result<Searcher, BuildError> {
        let mut occurs = [false; 256];
        words
            .iter()
            .flat_map(|word| word.bytes())
            .for_each(|byte| occurs[usize::from(byte)] = true);
        let states = words.iter().map(String::len).sum::<usize>();
        // Bytes that do not occur are one class. The row of a state has four bytes a class.
        let classes = occurs.iter().filter(|&&occurs| occurs).count() + 1;
        if states.saturating_mul(4 * classes.next_power_of_two()) <= LARGEST_TABLE {
            let mut builder = DFA::builder();
            let dfa = builder.start_kind(StartKind::Unanchored).prefilter(false).build(words)?;
            let start = dfa.start_state(Anchored::No).expect("it has the one that was asked for");
            Ok(Searcher::Table(dfa, start))
        } else {
            let nfa = NFA::builder().prefilter(false).build(words)?;
            let start = nfa.start_state(Anchored::No).expect("it has both");
            Ok(Searcher::Sparse(nfa, start))
        }
    }
}
