//! What was there some time ago: AWS's lists and descriptions may be behind.
//!
//! While a rule asks for it, a copy of a region is kept of every change; an answer that lags is
//! given by a copy. So every service lags without knowing it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::local::{
    iam,
    pace::Millis,
    world::{Account, Region, World},
};

/// The copies are kept for so long.
const KEPT: Millis = 61_000;

/// The copies, by account and region; none while nobody asks.
#[derive(Default)]
pub(super) struct Past(Mutex<Option<Copies>>);

type Copies = BTreeMap<(String, String), VecDeque<Copy>>;

/// A region, and what is global in its account.
struct Copy {
    at: Millis,
    iam: iam::Store,
    region: Region,
}

impl Copy {
    fn of(at: Millis, account: &Account, region: &Region) -> Self {
        Self { at, iam: account.iam.clone(), region: region.clone() }
    }
}

impl Past {
    fn copies(&self) -> MutexGuard<'_, Option<Copies>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to remember, unless it does already: what is there now has always been there.
    pub(super) fn begin(&self, world: &World) {
        let mut copies = self.copies();
        if copies.is_some() {
            return;
        }
        let mut all = Copies::new();
        for (name, account) in &world.accounts {
            for (region_name, region) in &account.regions {
                let copy = Copy::of(0, account, region);
                all.insert((name.clone(), region_name.clone()), [copy].into());
            }
        }
        *copies = Some(all);
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        *self.copies() = None;
    }

    /// Notes what a region is at `now`.
    pub(super) fn note(&self, world: &World, account: &str, region: &str, now: Millis) {
        let mut copies = self.copies();
        let Some(copies) = copies.as_mut() else { return };
        let Some(content) = world.accounts.get(account) else { return };
        let copy = content.regions.get(region).map(|place| Copy::of(now, content, place));
        let kept = copies.entry((account.to_owned(), region.to_owned())).or_default();
        kept.extend(copy);
        // The newest of the old ones still tells what was there at the end of the time that is remembered.
        while kept.get(1).is_some_and(|second| second.at + KEPT < now) {
            kept.pop_front();
        }
    }

    /// A region as it was at `then`: empty if nothing was in it.
    pub(super) fn at(&self, account: &str, region: &str, then: Millis) -> (iam::Store, Region) {
        let copies = self.copies();
        let kept = copies.as_ref().and_then(|copies| copies.get(&(account.to_owned(), region.to_owned())));
        let copy = kept.and_then(|kept| kept.iter().rev().find(|copy| copy.at <= then));
        copy.map(|copy| (copy.iam.clone(), copy.region.clone())).unwrap_or_default()
    }
}
