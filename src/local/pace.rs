//! How fast time passes in the local cloud: at once, scaled, or as in AWS.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch; the one form of time in the local cloud's state.
pub(crate) type Millis = u64;

/// The pace of changes that take AWS minutes. `real` is a scale of 1, `instant` is an infinite one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// Every change is over when the next call asks; the answer to the call itself still shows it under way.
    Instant,
    /// AWS's times divided by this number.
    Scaled(f64),
}

impl Pace {
    /// The time that a change of AWS's duration `real` takes here.
    pub(crate) fn scale(self, real: Duration) -> Duration {
        match self {
            Self::Instant => Duration::ZERO,
            Self::Scaled(by) => real.div_f64(by),
        }
    }

    /// The moment at which a change that begins at `now` and takes AWS `real` is over.
    pub(crate) fn after(self, now: Millis, real: Duration) -> Millis {
        now + u64::try_from(self.scale(real).as_millis()).unwrap_or(u64::MAX - now)
    }
}
