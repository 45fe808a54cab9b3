//! The state of a resource as it changes over time, and text that must not be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instances::incompatible;
use crate::local::pace::Millis;

/// What has no address in a subnet of its own.
pub(super) const INCOMPATIBLE_NETWORK: &str = "incompatible-network";

/// A status in RDS's words, and the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phase {
    /// What a describe shows now.
    pub(crate) status: String,
    next: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Next {
    at: Millis,
    status: String,
}

/// A status that has come to its end.
pub(super) struct Over {
    pub(super) status: String,
    /// When its time was over; the data plane may have held it up beyond that.
    pub(super) due: Millis,
}

impl Over {
    pub(super) fn was(&self, status: &str) -> bool {
        self.status == status
    }
}

impl Phase {
    /// `status` until the moment `at`, then `then`.
    pub(super) fn until(status: &str, at: Millis, then: &str) -> Self {
        Self { status: status.to_owned(), next: Some(Next { at, status: then.to_owned() }) }
    }

    /// The same until then, and something else after it.
    pub(super) fn then(&mut self, then: &str) {
        if let Some(next) = &mut self.next {
            then.clone_into(&mut next.status);
        }
    }

    /// `status`, until something else changes it.
    pub(super) fn lasting(status: &str) -> Self {
        Self { status: status.to_owned(), next: None }
    }

    /// Whether the time of the present status is over, so that only the data plane can hold it up.
    pub(super) fn due(&self, now: Millis) -> bool {
        self.next.as_ref().is_some_and(|next| next.at <= now)
    }

    /// When the time of the present status is over; what does not change by itself has no such time.
    pub(super) fn end(&self) -> Option<Millis> {
        self.next.as_ref().map(|next| next.at)
    }

    /// Moves on if it is due and the data plane is `ready` for it, and answers what is over.
    pub(super) fn settle(&mut self, now: Millis, ready: bool) -> Option<Over> {
        if !ready || !self.due(now) {
            return None;
        }
        let next = self.next.take()?;
        Some(Over { status: std::mem::replace(&mut self.status, next.status), due: next.at })
    }

    pub(super) fn is(&self, status: &str) -> bool {
        self.status == status
    }
}

/// A password: stored, compared and handed to the server, never shown.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Password(pub(super) String);

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// What the API wants of the data plane, and how far that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// Grows with every change that has to be real before the resource is `available` again.
    pub(super) wanted: u64,
    /// The last `wanted` that was made real.
    pub(super) reached: u64,
    /// Why it cannot be made real.
    pub(super) fault: Option<String>,
}

impl Progress {
    /// Of a resource that is to be made.
    pub(super) fn begun() -> Self {
        Self { wanted: 1, reached: 0, fault: None }
    }

    /// One more change to make real.
    pub(super) fn want(&mut self) {
        self.wanted += 1;
    }

    /// Whether it is the parameters' values that keep it from being made real.
    pub(super) fn is_incompatible(&self) -> bool {
        self.fault.as_deref().is_some_and(incompatible::is_told_by)
    }

    pub(super) fn complete(&self) -> bool {
        self.reached >= self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_waits_for_its_time_and_for_the_data_plane() {
        let mut phase = Phase::until("creating", 100, "available");
        for (now, ready, status) in [(99, true, "creating"), (100, false, "creating"), (100, true, "available")] {
            phase.settle(now, ready);
            assert_eq!(phase.status, status);
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", Password("open sesame".into())), "(hidden)");
    }
}
