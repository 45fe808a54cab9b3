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

use super::{
    parameter::Parameter,
    record::{Holder, Record},
};
use crate::{
    aws::{Class, Error, Permit, Result},
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

/// Why a lock was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Somebody has written over it: who, where SSM tells.
    #[error("{}", .0.as_ref().map_or("somebody else has written over it".to_owned(), |who| format!("it was taken by {who}")))]
    Taken(Option<Box<Holder>>),
    /// We did not run.
    #[error("this process did not run for more than {} s: it was suspended, or the machine was asleep", LEASE.as_secs())]
    Suspended,
    /// It could not be renewed: SSM's last word.
    #[error("SSM, which keeps it, did not take its renewal for {} s: {_0}", LEASE.as_secs())]
    Unreachable(String),
}

/// The lease of one holder; shared with everything that calls AWS.
#[derive(Debug)]
pub struct Lease {
    renewal: Mutex<Renewal>,
    /// When a call was made last that AWS may not show yet: by us, or by the one whose lock we took.
    acted: Mutex<Option<Instant>>,
}

/// How it stands with a lease.
#[derive(Debug)]
struct Renewal {
    /// When it was renewed last.
    last: Moment,
    /// Why it could not be renewed since.
    trouble: Option<String>,
    /// Set once, and for ever.
    lost: Option<Loss>,
}

impl Renewal {
    fn loss(&self) -> Option<Loss> {
        let over = || self.trouble.clone().map_or(Loss::Suspended, Loss::Unreachable);
        self.lost.clone().or_else(|| (!self.last.is_fresh()).then(over))
    }
}

impl Lease {
    /// A lease taken at `at`, which is before the call that took it.
    pub(super) fn new(at: Moment, acted: Option<Instant>) -> Arc<Self> {
        let renewal = Renewal { last: at, trouble: None, lost: None };
        Arc::new(Self { renewal: Mutex::new(renewal), acted: Mutex::new(acted) })
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

    /// Why we do not hold the lock any more; none while we do.
    pub fn loss(&self) -> Option<Loss> {
        self.renewal().loss()
    }

    /// How long ago something was done last that AWS may not show yet.
    pub(in crate::engine) fn since_acted(&self) -> Option<Duration> {
        self.acted.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// Prolongs the lease, unless it has ended in the meantime: then nothing brings it back.
    fn renew(&self, at: Moment) {
        let mut renewal = self.renewal();
        renewal.lost = renewal.loss();
        if renewal.lost.is_none() {
            (renewal.last, renewal.trouble) = (at, None);
        }
    }

    /// It could not be renewed this time.
    fn trouble(&self, why: Error) {
        self.renewal().trouble = Some(why.message);
    }

    pub(crate) fn lose(&self, why: Loss) {
        self.renewal().lost = Some(why);
    }

    fn renewal(&self) -> MutexGuard<'_, Renewal> {
        self.renewal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit for Lease {
    /// Whether we still hold the lock. False for ever once it was lost.
    fn holds(&self) -> bool {
        self.loss().is_none()
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
            if let Some(why) = lease.loss() {
                lease.lose(why);
                break;
            }
            let at = Moment::now();
            pause = match self.write().await {
                Ok(true) => {
                    lease.renew(at);
                    BEAT
                }
                Ok(false) => {
                    lease.lose(Loss::Taken(None));
                    lease.lose(Loss::Taken(self.other().await));
                    break;
                }
                Err(why) => {
                    lease.trouble(why);
                    SOON
                }
            };
        }
        self
    }

    /// Writes once more. Whether it is still ours: nobody has written since our last write, or only we have.
    ///
    /// # Errors
    /// It was not written, or that cannot be told.
    async fn write(&mut self) -> Result<bool> {
        self.record.holder.beat = Timestamp::now();
        let version = match self.parameter.overwrite(&self.record).await {
            Ok(version) => version,
            Err(error) => {
                let not_done = matches!(error.class, Class::Throttled | Class::Unreachable);
                self.doubts += i64::from(!not_done);
                return Err(error);
            }
        };
        let between = version - self.version - 1;
        if between < 0 || between > self.doubts {
            return Ok(false);
        }
        for earlier in self.version + 1..version {
            match self.parameter.was_written_by(&self.record.holder, earlier).await {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    self.doubts += 1;
                    return Err(error);
                }
            }
        }
        self.doubts -= between;
        self.version = version;
        Ok(true)
    }

    /// Who has written since our last write that was answered, where SSM tells.
    async fn other(&self) -> Option<Box<Holder>> {
        for version in self.version + 1..=self.version + self.doubts + 1 {
            let writer = self.parameter.writer_of(version).await.ok().flatten();
            if let Some(other) = writer.filter(|writer| !writer.is(&self.record.holder)) {
                return Some(Box::new(other));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(last: Moment) -> Lease {
        Lease { renewal: Mutex::new(Renewal { last, trouble: None, lost: None }), acted: Mutex::new(None) }
    }

    #[test]
    fn a_lease_that_ended_is_not_renewed() {
        let now = Moment::now();
        let asleep = lease(Moment { wall: now.wall - 2 * LEASE, ..now });
        assert!(!asleep.holds(), "the machine slept");
        asleep.renew(now);
        assert_eq!(asleep.loss(), Some(Loss::Suspended));
        let set_back = lease(Moment { wall: now.wall + 2 * LEASE, ..now });
        assert!(set_back.holds(), "somebody set the clock back");
        let lease = lease(now);
        assert!(lease.holds());
        lease.lose(Loss::Taken(None));
        lease.renew(now);
        assert_eq!(lease.loss(), Some(Loss::Taken(None)));
    }

    #[test]
    fn a_lease_that_could_not_be_renewed_says_why_unless_it_was_renewed_after_that() {
        let long_ago = Moment { wall: SystemTime::now() - 2 * LEASE, ..Moment::now() };
        let unreachable = lease(Moment::now());
        unreachable.trouble(Error::other("no route"));
        assert!(unreachable.holds());
        unreachable.renewal().last = long_ago;
        let told = unreachable.loss().expect("it is over").to_string();
        assert_eq!(told, "SSM, which keeps it, did not take its renewal for 20 s: no route");
        let renewed = lease(Moment::now());
        renewed.trouble(Error::other("no route"));
        renewed.renew(long_ago);
        assert_eq!(renewed.loss(), Some(Loss::Suspended));
    }
}
