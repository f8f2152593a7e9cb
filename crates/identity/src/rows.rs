//! The blocks of the batch, kept up to date row by row.
//!
//! A row is a registration or a view of a newborn ([`crate::newborn`]). A block that outgrows [`BLOCK_MAX`] is split by a further
//! field, one that no field splits is compared with its neighbours in a fixed order: both exactly as [`crate::blocks::run`] does
//! with the whole set, so that which rows are compared is a function of the set and not of the order of arrival.
//!
//! Every change says which registrations it **touched**: both ends of every pair that is compared no longer, and one end of
//! every pair that is compared from now on. Whoever clusters again what hangs on the touched ones has clustered everything.

use crate::blocks::{self, BLOCK_MAX, PASSES, REAL_TIME, WINDOW, fingerprint};
use crate::packed::Packed;
use crate::pages::Pages;
use crate::text::NumberMap;

/// Rows from here on are views.
pub(crate) const VIEW: u32 = 1 << 31;

/// A newborn as if it lived where its mother lives.
#[derive(Debug, Clone, Copy)]
struct View {
    packed: Packed,
    base: u32,
}

/// Registrations that a change touched.
pub(crate) type Touched = Vec<u32>;

/// Registrations, views, and the blocks in which they stand.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    registrations: Vec<Packed>,
    views: Vec<View>,
    free_views: Vec<u32>,
    views_of: NumberMap<u32, Vec<u32>>,
    pub(crate) pages: Pages,
    /// The fixed order of blocks that are compared by neighbourhood: fingerprint and row. Who arrives in such a crowd would
    /// otherwise have it sorted once for every neighbour.
    orders: NumberMap<u32, Vec<(u64, u32)>>,
    /// While many are put in at once nobody asks what was touched.
    pub(crate) is_filling: bool,
}

impl Rows {
    pub(crate) fn new() -> Rows {
        Rows {
            registrations: Vec::new(),
            views: Vec::new(),
            free_views: Vec::new(),
            views_of: NumberMap::default(),
            pages: Pages::new(),
            orders: NumberMap::default(),
            is_filling: false,
        }
    }

    pub(crate) fn registrations(&self) -> &[Packed] {
        &self.registrations
    }

    /// A place for a registration, in no block yet.
    pub(crate) fn reserve(&mut self) -> u32 {
        let place = u32::try_from(self.registrations.len()).unwrap_or(VIEW - 1);
        if self.registrations.len() == self.registrations.capacity() {
            // Doubling would leave half of the memory empty for a long time.
            self.registrations.reserve_exact((self.registrations.len() / 16).max(1024));
        }
        self.registrations.push(Packed::default());
        place
    }

    pub(crate) fn packed(&self, row: u32) -> &Packed {
        if row < VIEW { &self.registrations[row as usize] } else { &self.views[(row - VIEW) as usize].packed }
    }

    /// The registration that a row stands for.
    pub(crate) fn base_of(&self, row: u32) -> u32 {
        if row < VIEW { row } else { self.views[(row - VIEW) as usize].base }
    }

    /// A registration and its views.
    pub(crate) fn rows_of(&self, place: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(place).chain(self.views_of.get(&place).into_iter().flatten().copied())
    }

    /// The views of a registration.
    pub(crate) fn views_of(&self, place: u32) -> Vec<Packed> {
        self.views_of.get(&place).into_iter().flatten().map(|row| *self.packed(*row)).collect()
    }

    /// Puts a registration into its place and its blocks.
    pub(crate) fn put(&mut self, place: u32, packed: Packed, touched: &mut Touched) {
        self.registrations[place as usize] = packed;
        self.enter(place, touched);
    }

    /// Takes a registration out of its blocks; its place stays empty.
    pub(crate) fn take(&mut self, place: u32, touched: &mut Touched) {
        self.leave(place, touched);
        self.registrations[place as usize] = Packed::default();
    }

    /// Gives a registration other views.
    pub(crate) fn set_views(&mut self, place: u32, views: &[Packed], touched: &mut Touched) {
        for row in self.views_of.remove(&place).unwrap_or_default() {
            self.leave(row, touched);
            self.free_views.push(row);
        }
        let mut rows = Vec::with_capacity(views.len());
        for packed in views {
            let view = View { packed: *packed, base: place };
            let row = match self.free_views.pop() {
                Some(row) => {
                    self.views[(row - VIEW) as usize] = view;
                    row
                }
                None => {
                    self.views.push(view);
                    VIEW + u32::try_from(self.views.len() - 1).unwrap_or(0)
                }
            };
            self.enter(row, touched);
            rows.push(row);
        }
        if !rows.is_empty() {
            self.views_of.insert(place, rows);
        }
    }

    fn enter(&mut self, row: u32, touched: &mut Touched) {
        let keys = blocks::keys(self.packed(row));
        for pass in REAL_TIME {
            self.add(pass, 0, keys[pass], row, touched);
        }
    }

    fn leave(&mut self, row: u32, touched: &mut Touched) {
        let keys = blocks::keys(self.packed(row));
        for pass in REAL_TIME {
            self.drop(pass, 0, keys[pass], row, touched);
        }
    }

    fn add(&mut self, pass: usize, depth: usize, key: u32, row: u32, touched: &mut Touched) {
        if key == 0 || !self.pages.insert(key, row) {
            return;
        }
        let size = self.pages.count(key);
        let part = blocks::refined(pass, depth, key, self.packed(row));
        self.enter_order(key, row, part.is_none() && size > 2 * BLOCK_MAX);
        match part {
            None => self.touch_neighbours(key, row, size, 2 * BLOCK_MAX + 1, touched),
            Some(_) if size == BLOCK_MAX + 1 => {
                // The block has just become too big: all its members move to its parts; later ones go there one by one.
                let members: Vec<u32> = self.pages.rows(key).collect();
                touched.extend(members.iter().map(|member| self.base_of(*member)));
                for member in members {
                    if let Some(part) = blocks::refined(pass, depth, key, self.packed(member)) {
                        self.add(pass, depth + 1, part, member, touched);
                    }
                }
            }
            Some(part) if size > BLOCK_MAX => self.add(pass, depth + 1, part, row, touched),
            Some(_) => {}
        }
    }

    fn drop(&mut self, pass: usize, depth: usize, key: u32, row: u32, touched: &mut Touched) {
        if key == 0 || !self.pages.remove(key, row) {
            return;
        }
        let size = self.pages.count(key);
        self.leave_order(key, row, size <= 2 * BLOCK_MAX);
        match blocks::refined(pass, depth, key, self.packed(row)) {
            None => self.touch_neighbours(key, row, size, 2 * BLOCK_MAX, touched),
            Some(part) => {
                if size == BLOCK_MAX {
                    // One block again: its parts are compared with each other. Their entries stay for the next split.
                    touched.extend(self.pages.rows(key).map(|member| self.base_of(member)));
                }
                self.drop(pass, depth + 1, part, row, touched);
            }
        }
    }

    /// In a block that no field splits, who comes or goes changes who stands next to whom. `turn`: the size at which the block
    /// begins to be compared by neighbourhood, or ceases.
    fn touch_neighbours(&self, key: u32, row: u32, size: usize, turn: usize, touched: &mut Touched) {
        if size < turn || self.is_filling {
            return;
        }
        if size == turn {
            touched.extend(self.pages.rows(key).map(|member| self.base_of(member)));
        } else {
            self.window(key, self.packed(row), |member| touched.push(self.base_of(member)));
        }
    }

    fn enter_order(&mut self, key: u32, row: u32, is_wanted: bool) {
        if self.orders.contains_key(&key) {
            let entry = (fingerprint(self.packed(row)), row);
            let order = self.orders.entry(key).or_default();
            if let Err(at) = order.binary_search(&entry) {
                order.insert(at, entry);
            }
        } else if is_wanted {
            let order = self.sorted(key);
            self.orders.insert(key, order);
        }
    }

    fn leave_order(&mut self, key: u32, row: u32, is_over: bool) {
        if is_over {
            self.orders.remove(&key);
            return;
        }
        if !self.orders.contains_key(&key) {
            return;
        }
        let entry = (fingerprint(self.packed(row)), row);
        if let Some(order) = self.orders.get_mut(&key)
            && let Ok(at) = order.binary_search(&entry)
        {
            order.remove(at);
        }
    }

    fn sorted(&self, key: u32) -> Vec<(u64, u32)> {
        let mut order: Vec<(u64, u32)> =
            self.pages.rows(key).map(|member| (fingerprint(self.packed(member)), member)).collect();
        order.sort_unstable();
        order
    }

    /// The members of a block that stand within [`WINDOW`] of a row in the fixed order.
    fn window(&self, key: u32, packed: &Packed, mut visit: impl FnMut(u32)) {
        let sorted;
        let order = match self.orders.get(&key) {
            Some(order) => order,
            None => {
                sorted = self.sorted(key);
                &sorted
            }
        };
        let own = fingerprint(packed);
        let first = order.partition_point(|(print, _)| *print < own);
        let behind = order.partition_point(|(print, _)| *print <= own);
        let (from, to) = (first.saturating_sub(WINDOW), (behind + WINDOW).min(order.len()));
        order[from..to].iter().for_each(|(_, member)| visit(*member));
    }

    /// The rows that the batch compares with this one, each at least once; the row itself may be among them.
    pub(crate) fn mates(&self, packed: &Packed, into: &mut Vec<u32>) {
        let keys: [u32; PASSES] = blocks::keys(packed);
        for pass in REAL_TIME {
            let (mut key, mut depth) = (keys[pass], 0);
            if key == 0 {
                continue;
            }
            let mut size = self.pages.count(key);
            let mut part = blocks::refined(pass, depth, key, packed);
            while let (true, Some(next)) = (size > BLOCK_MAX, part) {
                depth += 1;
                key = next;
                size = self.pages.count(key);
                part = blocks::refined(pass, depth, key, packed);
            }
            if size <= 2 * BLOCK_MAX {
                into.extend(self.pages.rows(key));
            } else {
                self.window(key, packed, |member| into.push(member));
            }
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.registrations.capacity() * size_of::<Packed>()
            + self.views.capacity() * size_of::<View>()
            + self.views_of.capacity() * 40
            + self.pages.bytes()
            + self.orders.values().map(|order| order.capacity() * size_of::<(u64, u32)>()).sum::<usize>()
    }
}
