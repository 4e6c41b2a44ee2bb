//! Findings that travel to another process.
//!
//! What is told of nested patterns is shared. So findings travel as a table in which each stands
//! once, behind those that it has inside; whoever holds some has their index.

use std::collections::HashMap;
use std::sync::Arc;

use super::checklist::{Checklists, Item, ListId};
use super::record::{Answer, Closest, Finding, Findings, Inside, Reason};
use crate::NameBuf;

/// Findings that travel.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct FindingsTable(Vec<Packed>);

/// The findings on a list.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Packed {
    list: ListId,
    findings: Vec<PackedFinding>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedFinding {
    /// The index of the item in its list.
    item: u32,
    answer: Answer,
    found: Box<[NameBuf]>,
    count: usize,
    closest: Option<(Reason, NameBuf, Option<PackedInside>)>,
}

/// What became of a sub-directory.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedInside {
    alternative: u32,
    is_empty: bool,
    /// The index of what is told of it.
    findings: u32,
}

/// Makes a table of findings.
#[derive(Debug)]
pub(crate) struct Packer<'c> {
    checklists: &'c Checklists,
    table: FindingsTable,
    /// The indices of those that are in the table, by address and list. They are kept alive, so
    /// that no others have the address of one.
    known: HashMap<(usize, ListId), (u32, Findings)>,
}

impl<'c> Packer<'c> {
    pub(crate) fn new(checklists: &'c Checklists) -> Packer<'c> {
        Packer { checklists, table: FindingsTable::default(), known: HashMap::new() }
    }

    pub(crate) fn finish(self) -> FindingsTable {
        self.table
    }

    /// The index of the findings on a list. The recursion is as deep as patterns nest.
    pub(crate) fn findings(&mut self, list: ListId, findings: &Findings) -> u32 {
        let key = (findings.address(), list);
        if let Some(&(index, _)) = self.known.get(&key) {
            return index;
        }
        let items = &self.checklists.list(list).items;
        let mut packed = Vec::with_capacity(findings.len());
        for Finding { item: number, answer, found, count, closest, .. } in findings.iter() {
            // Their numbers rise.
            let Ok(index) = items.binary_search_by_key(number, |item| item.number) else {
                continue;
            };
            let closest = closest.as_ref().map(|Closest { reason, path, inside }| {
                let inside = inside.as_ref();
                let inside = inside.and_then(|inside| self.inside(&items[index], inside));
                (*reason, path.clone(), inside)
            });
            packed.push(PackedFinding {
                item: index as u32,
                answer: *answer,
                found: found.clone(),
                count: *count,
                closest,
            });
        }
        let index = self.table.0.len() as u32;
        self.table.0.push(Packed { list, findings: packed });
        self.known.insert(key, (index, findings.clone()));
        index
    }

    /// What became of a sub-directory that is held against an item. `None`: the item has no
    /// such alternative.
    pub(super) fn inside(&mut self, item: &Item, inside: &Inside) -> Option<PackedInside> {
        let list = item.alternatives().get(inside.alternative)?.list;
        Some(PackedInside {
            alternative: inside.alternative as u32,
            is_empty: inside.is_empty,
            findings: self.findings(list, &inside.findings),
        })
    }
}

impl FindingsTable {
    /// The findings, if they fit these lists.
    pub(crate) fn unpack(&self, checklists: &Checklists) -> Option<Unpacked> {
        let mut unpacked = Unpacked(Vec::with_capacity(self.0.len()));
        for Packed { list, findings } in &self.0 {
            let items = &checklists.get(*list)?.items;
            let findings = findings.iter().map(|packed| {
                let item = items.get(packed.item as usize)?;
                let closest = match &packed.closest {
                    None => None,
                    Some((reason, path, inside)) => {
                        let inside = match inside {
                            Some(inside) => Some(unpacked.inside(item, inside)?),
                            None => None,
                        };
                        Some(Closest { reason: *reason, path: path.clone(), inside })
                    }
                };
                Some(Finding {
                    place: item.place,
                    item: item.number,
                    answer: packed.answer,
                    found: packed.found.clone(),
                    count: packed.count,
                    closest,
                })
            });
            let findings = findings.collect::<Option<Findings>>()?;
            unpacked.0.push((*list, findings));
        }
        Some(unpacked)
    }
}

/// The findings of a table, which are shared again.
#[derive(Debug, Default)]
pub(crate) struct Unpacked(Vec<(ListId, Findings)>);

impl Unpacked {
    /// Those at an index; `None` if there are none, or if they are on another list.
    pub(crate) fn get(&self, list: ListId, index: u32) -> Option<&Findings> {
        let (of, findings) = self.0.get(index as usize)?;
        (*of == list).then_some(findings)
    }

    pub(super) fn inside(&self, item: &Item, packed: &PackedInside) -> Option<Arc<Inside>> {
        let PackedInside { alternative, is_empty, findings } = *packed;
        let list = item.alternatives().get(alternative as usize)?.list;
        let findings = self.get(list, findings)?.clone();
        Some(Arc::new(Inside { alternative: alternative as usize, is_empty, findings }))
    }
}
