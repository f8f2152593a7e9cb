//! Sorted pages of entries (key above, row below) under linear hashing: the table grows one page at a time, so that no insertion
//! waits for a rebuild.

use crate::text::mix;

/// Entries of a page on average.
const PAGE_ENTRIES: usize = 64;

/// Keys and the rows that stand under them.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pages: Vec<Vec<u64>>,
    /// Pages of the last whole round; a power of two.
    round: usize,
    entries: usize,
}

fn entry(key: u32, row: u32) -> u64 {
    u64::from(key) << 32 | u64::from(row)
}

impl Pages {
    pub(crate) fn new() -> Pages {
        Pages { pages: vec![Vec::new()], round: 1, entries: 0 }
    }

    fn page_of(&self, key: u32) -> usize {
        let spread = mix(u64::from(key), 5) as usize;
        let page = spread & (2 * self.round - 1);
        if page < self.pages.len() { page } else { spread & (self.round - 1) }
    }

    fn range(&self, key: u32) -> &[u64] {
        let page = &self.pages[self.page_of(key)];
        let start = page.partition_point(|entry| (entry >> 32) < u64::from(key));
        let length = page[start..].partition_point(|entry| (entry >> 32) == u64::from(key));
        &page[start..start + length]
    }

    /// The rows under a key, in the order of their numbers.
    pub(crate) fn rows(&self, key: u32) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.range(key).iter().map(|entry| *entry as u32)
    }

    /// How many rows stand under a key.
    pub(crate) fn count(&self, key: u32) -> usize {
        self.range(key).len()
    }

    /// Puts a row under a key; `false` when it stood there already.
    pub(crate) fn insert(&mut self, key: u32, row: u32) -> bool {
        let entry = entry(key, row);
        let at = self.page_of(key);
        let page = &mut self.pages[at];
        let Err(slot) = page.binary_search(&entry) else { return false };
        if page.len() == page.capacity() {
            page.reserve_exact(page.len() / 8 + 4);
        }
        page.insert(slot, entry);
        self.entries += 1;
        if self.entries > self.pages.len() * PAGE_ENTRIES {
            self.split();
        }
        true
    }

    /// Takes a row from under a key; `false` when it did not stand there. Pages that empty stay: the table does not shrink.
    pub(crate) fn remove(&mut self, key: u32, row: u32) -> bool {
        let at = self.page_of(key);
        let page = &mut self.pages[at];
        let Ok(slot) = page.binary_search(&entry(key, row)) else { return false };
        page.remove(slot);
        self.entries -= 1;
        true
    }

    /// Divides the next page of the round.
    fn split(&mut self) {
        let next = self.pages.len() - self.round;
        if self.pages.len() == self.pages.capacity() {
            self.pages.reserve_exact(self.pages.len() / 16 + 16);
        }
        self.pages.push(Vec::new());
        let all = std::mem::take(&mut self.pages[next]);
        let stays = |entry: &u64| mix(entry >> 32, 5) as usize & (2 * self.round - 1) == next;
        let (kept, moved): (Vec<u64>, Vec<u64>) = all.into_iter().partition(stays);
        let last = self.pages.len() - 1;
        (self.pages[next], self.pages[last]) = (kept, moved);
        self.pages[next].shrink_to_fit();
        self.pages[last].shrink_to_fit();
        if self.pages.len() == 2 * self.round {
            self.round *= 2;
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let entries: usize = self.pages.iter().map(|page| page.capacity() * size_of::<u64>()).sum();
        entries + self.pages.capacity() * size_of::<Vec<u64>>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_and_go_as_in_a_set(steps in prop::collection::vec((any::<bool>(), 0..40_u32, 0..60_u32), 0..2000)) {
            let (mut pages, mut model) = (Pages::new(), BTreeSet::new());
            for (is_added, key, row) in steps {
                if is_added {
                    prop_assert_eq!(pages.insert(key, row), model.insert((key, row)));
                } else {
                    prop_assert_eq!(pages.remove(key, row), model.remove(&(key, row)));
                }
            }
            for key in 0..40 {
                let expected: Vec<u32> = model.iter().filter(|(known, _)| *known == key).map(|(_, row)| *row).collect();
                prop_assert_eq!(pages.count(key), expected.len());
                prop_assert_eq!(pages.rows(key).collect::<Vec<_>>(), expected);
            }
        }
    }
}
