//! The time until which the holder may work: renewed by writing the parameter anew, and over for the holder before anybody else
//! takes over.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{parameter::Parameter, record::Record};
use crate::{
    aws::{Class, Permit},
    engine::clock::sleep,
};

/// How often the holder writes.
pub(super) const BEAT: Duration = Duration::from_secs(5);
/// How soon it writes again where that failed.
const SOON: Duration = Duration::from_secs(1);
/// How long after its last write the holder still works. Others wait for longer than that.
pub(super) const LEASE: Duration = Duration::from_secs(20);

/// A moment by both clocks: the steady one stands still while the machine sleeps, the one on the wall can be set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    fn is_fresh(self) -> bool {
        self.steady.elapsed() < LEASE && self.wall.elapsed().map_or(true, |age| age < LEASE)
    }
}

/// The lease of one holder; shared with everything that calls AWS.
#[derive(Debug)]
pub struct Lease {
    /// When it was last renewed.
    renewed: Mutex<Option<Moment>>,
    /// When a call was made last that AWS may not show yet: by us, or by the one whose lock we took.
    acted: Mutex<Option<Instant>>,
}

impl Lease {
    /// A lease taken at `at`, which is before the call that took it.
    pub(super) fn new(at: Moment, acted: Option<Instant>) -> Arc<Self> {
        Arc::new(Self { renewed: Mutex::new(Some(at)), acted: Mutex::new(acted) })
    }

    #[cfg(test)]
    pub(crate) fn fresh() -> Arc<Self> {
        Self::new(Moment::now(), None)
    }

    /// Returns when the lease is over. Looks now and then: that it is over is nothing that happens.
    pub async fn over(&self) {
        while self.holds() {
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// How long ago something was done last that AWS may not show yet.
    pub(super) fn since_acted(&self) -> Option<Duration> {
        self.acted.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// Prolongs the lease, unless it has ended in the meantime: then nothing brings it back.
    fn renew(&self, at: Moment) {
        let mut renewed = self.renewed();
        *renewed = renewed.filter(|last| last.is_fresh()).map(|_| at);
    }

    pub(crate) fn lose(&self) {
        *self.renewed() = None;
    }

    fn renewed(&self) -> MutexGuard<'_, Option<Moment>> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit for Lease {
    /// Whether we still hold the lock. False for ever once it was lost.
    fn holds(&self) -> bool {
        self.renewed().is_some_and(Moment::is_fresh)
    }

    fn acted(&self) {
        *self.acted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// What the holder knows of its parameter.
#[derive(Debug)]
pub(super) struct Heart {
    pub(super) parameter: Parameter,
    pub(super) record: Record,
    /// The number of the last write that was answered.
    pub(super) version: i64,
    /// How many writes since then were not answered: they may have been done.
    pub(super) doubts: i64,
}

impl Heart {
    /// Renews the lease until it is lost, or it is enough; gives itself back.
    pub(super) async fn beat(mut self, lease: Arc<Lease>, enough: Arc<Notify>) -> Self {
        let mut pause = BEAT;
        while timeout(pause, enough.notified()).await.is_err() {
            if !lease.holds() {
                lease.lose();
                break;
            }
            let at = Moment::now();
            pause = match self.write().await {
                Some(true) => {
                    lease.renew(at);
                    BEAT
                }
                Some(false) => {
                    lease.lose();
                    break;
                }
                None => SOON,
            };
        }
        self
    }

    /// Writes once more. Whether it is still ours: nobody has written since our last write, or only we have; none where that
    /// cannot be told.
    async fn write(&mut self) -> Option<bool> {
        self.record.holder.beat = Timestamp::now();
        let version = match self.parameter.overwrite(&self.record).await {
            Ok(version) => version,
            // Not done, for sure.
            Err(error) if matches!(error.class, Class::Throttled | Class::Unreachable) => return None,
            Err(_) => {
                self.doubts += 1;
                return None;
            }
        };
        let between = version - self.version - 1;
        if between < 0 || between > self.doubts {
            return Some(false);
        }
        for earlier in self.version + 1..version {
            match self.parameter.was_written_by(&self.record.holder, earlier).await {
                Ok(true) => {}
                Ok(false) => return Some(false),
                Err(_) => {
                    self.doubts += 1;
                    return None;
                }
            }
        }
        self.doubts -= between;
        self.version = version;
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(renewed: Moment) -> Lease {
        Lease { renewed: Mutex::new(Some(renewed)), acted: Mutex::new(None) }
    }

    #[test]
    fn a_lease_that_ended_is_not_renewed() {
        let now = Moment::now();
        let asleep = lease(Moment { wall: now.wall - 2 * LEASE, ..now });
        assert!(!asleep.holds(), "the machine slept");
        asleep.renew(now);
        assert!(!asleep.holds());
        let set_back = lease(Moment { wall: now.wall + 2 * LEASE, ..now });
        assert!(set_back.holds(), "somebody set the clock back");
        let lease = lease(now);
        assert!(lease.holds());
        lease.lose();
        lease.renew(now);
        assert!(!lease.holds());
    }
}
