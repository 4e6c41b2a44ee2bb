//! A search for files as it travels to another process, and how what was found in parts of one
//! directory's keys is put together.

use super::{Counting, FileSearch};

/// What a search has found so far. There are no entries among keys whose kind cannot be told.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedFiles {
    missing_few: u64,
    missing: Box<[u64]>,
    counts: Box<[u32]>,
    has_others: Box<[u64]>,
}

impl FileSearch {
    pub(crate) fn pack(&self) -> PackedFiles {
        let counting = self.counting.as_deref();
        let (counts, has_others) = counting
            .map(|Counting { counts, has_others, .. }| (counts.clone(), has_others.clone()))
            .unwrap_or_default();
        PackedFiles {
            missing_few: self.missing_few,
            missing: self.missing.clone(),
            counts,
            has_others,
        }
    }

    /// Whether something may have been found by a search for the same.
    pub(crate) fn fits(&self, packed: &PackedFiles) -> bool {
        let counting = self.counting.as_deref();
        let (counts, others) =
            counting.map_or((0, 0), |counting| (counting.counts.len(), counting.has_others.len()));
        packed.missing.len() == self.missing.len()
            && packed.counts.len() == counts
            && packed.has_others.len() == others
    }

    /// Adds what was found among other files of the same directory, which [fits](Self::fits).
    pub(crate) fn merge(&mut self, packed: &PackedFiles) {
        self.missing_few &= packed.missing_few;
        self.missing.iter_mut().zip(&packed.missing).for_each(|(ours, theirs)| *ours &= theirs);
        self.is_active = self.missing_few != 0 || self.missing.iter().any(|&word| word != 0);
        if let (Some(counting), Some(set)) = (&mut self.counting, &self.set)
            && let Some(questions) = &set.questions
        {
            let ours = counting.counts.iter_mut().zip(&questions.counts);
            for ((ours, question), theirs) in ours.zip(&packed.counts) {
                *ours = ours.saturating_add(*theirs).min(question.cap);
            }
            let others = counting.has_others.iter_mut().zip(&packed.has_others);
            others.for_each(|(ours, theirs)| *ours |= theirs);
            counting.update(questions);
            self.is_active |= counting.is_active;
        }
    }
}
