//! How often each action was called: what a test asks to know that a run made no call too many.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Calls by service and action, refused ones included, since the start or the last reset.
#[derive(Default)]
pub(crate) struct Calls(Mutex<Counts>);

/// Service → action → number of calls.
pub(crate) type Counts = BTreeMap<String, BTreeMap<String, u64>>;

impl Calls {
    /// Counts one call.
    pub(crate) fn add(&self, service: &str, action: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(service.to_owned()).or_default().entry(action.to_owned()).or_default() += 1;
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts so far, and starts again at nothing.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
