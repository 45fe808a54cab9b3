//! How fast time passes in the local cloud: at once, scaled, or as in AWS.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch; the one form of time in the local cloud's state.
pub(crate) type Millis = u64;

/// The pace of changes that take AWS minutes. `real` is a scale of 1, `instant` is an infinite one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// Every change is over when the next call asks; the answer to the call itself still shows it under way.
    Instant,
    /// AWS's times divided by this number.
    Scaled(f64),
}

/// A thousand times slower than AWS; below this a change would not end in anybody's life.
const SLOWEST: f64 = 0.001;

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
        now.saturating_add(u64::try_from(self.scale(real).as_millis()).unwrap_or(u64::MAX))
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "instant" => Ok(Self::Instant),
            "real" => Ok(Self::Scaled(1.0)),
            _ => match text.parse() {
                Ok(by) if f64::is_normal(by) && by >= SLOWEST => Ok(Self::Scaled(by)),
                _ => Err(format!(
                    "{text} is not a pace: write instant, real, or how many times faster than AWS, e.g. 60 (at least 0.001)"
                )),
            },
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant => out.write_str("instant"),
            Self::Scaled(1.0) => out.write_str("real"),
            Self::Scaled(by) => write!(out, "{by}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_as_it_is_written() {
        for (text, pace) in [("instant", Pace::Instant), ("real", Pace::Scaled(1.0)), ("60", Pace::Scaled(60.0))] {
            assert_eq!(text.parse(), Ok(pace));
            assert_eq!(pace.to_string(), text);
        }
        for text in ["", "fast", "0", "-1", "NaN", "inf", "1e-300", "0.0009"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }
}
