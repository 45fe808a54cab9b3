//! One deploy at a time per stack: a lease kept in an SSM parameter, which needs no bootstrap.
//!
//! The parameter is created with Overwrite=false, so only one can make it. Its holder writes it anew every
//! few seconds; SSM counts the versions, so a holder whose write gets another number than the next one knows
//! that somebody else has written. A lease that its holder could not renew in time is over for the holder
//! first: no call that changes anything leaves it any more, before anybody may take over.
//!
//! A holder that ends in order removes the parameter. One that was interrupted, or failed, moments after a call whose
//! effect AWS may not show yet leaves word of that instead, and the next one waits until it is shown.

mod contest;
mod lease;
mod parameter;
mod record;
mod removal;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    aws::{Clients, Error, Permit as _, Result},
    engine::observe::patiently,
};
use contest::{Contest, Won, unless_stopped};
use lease::{Heart, LEASE};
use parameter::{Parameter, Sight};
use record::Record;

pub use lease::{Lease, Loss};
pub use record::Holder;
pub use removal::{Found, Removed, find, remove};

/// How long AWS may take to show what was done: whoever looked earlier could make for a second time what has no name that
/// AWS holds unique.
const SHOWN: Duration = Duration::from_secs(6);
/// For how long a lock must not change until it is taken over, by the steady clock of whoever watches: a lease that began
/// just before is over by then, and what its holder did last is shown.
const WATCH: Duration = Duration::from_secs(LEASE.as_secs() + SHOWN.as_secs());

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else works on the stack.
    #[error("The stack is being worked on by {0}.")]
    Held(Box<Holder>),
    /// We were told to stop.
    #[error("Interrupted.")]
    Interrupted,
    /// SSM did not answer as it should.
    #[error(transparent)]
    Aws(#[from] Error),
}

/// The lock of one stack, held until it is released or lost.
#[derive(Debug)]
pub struct Lock {
    parameter: Parameter,
    /// Whose lock it was that we took over.
    former: Option<Holder>,
    /// The parameters that elected us and who was before us, as far as they may still be there.
    elections: Vec<String>,
    lease: Arc<Lease>,
    enough: Arc<Notify>,
    beating: JoinHandle<Heart>,
}

impl Lock {
    /// Takes the lock, waiting at most `wait` for whoever holds it, and until AWS shows what the former holder did.
    ///
    /// # Errors
    /// [`Refused::Held`] when somebody alive still holds it then.
    pub async fn acquire(
        aws: &Clients,
        stack: &str,
        holder: Holder,
        wait: Duration,
        stop: &watch::Receiver<bool>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Refused> {
        let parameter = Parameter::lock(aws, stack);
        let won = Contest::new(parameter.clone(), holder, wait, stop.clone(), tell).win().await?;
        let hidden = match &won.former {
            Some(former) if former.record.ended => Some(hidden_since(&parameter, former, &won.record).await),
            _ => None,
        };
        let lock = Self::hold(&parameter, won, hidden);
        let rest = hidden.map_or(Duration::ZERO, |since| SHOWN.saturating_sub(since.elapsed()));
        let stopped = if rest.is_zero() {
            None
        } else {
            tell("The last run ended before AWS showed all that it did; that may take some seconds.");
            unless_stopped(stop, sleep(rest)).await.err()
        };
        lock.forget_elections().await;
        match stopped {
            None => Ok(lock),
            Some(refused) => {
                lock.release(false).await;
                Err(refused)
            }
        }
    }

    /// Keeps a lock that was won. `hidden` says since when nothing was done that AWS may not show yet.
    fn hold(parameter: &Parameter, won: Won, hidden: Option<Instant>) -> Self {
        let Won { record, version, at, former } = won;
        let lease = Lease::new(at, hidden);
        let enough = Arc::new(Notify::new());
        let elections =
            former.iter().filter_map(|former| former.record.election.clone()).chain(record.election.clone()).collect();
        let former = former.map(|former| former.record.holder);
        let heart = Heart { parameter: parameter.clone(), record, version, doubts: 0 };
        let beating = tokio::spawn(heart.beat(Arc::clone(&lease), Arc::clone(&enough)));
        Self { parameter: parameter.clone(), former, elections, lease, enough, beating }
    }

    /// Removes what is left of the elections; what then is still left of them, the next one removes.
    async fn forget_elections(&self) {
        for election in &self.elections {
            let _ = patiently(0, async || self.parameter.beside(election).delete().await).await;
        }
    }

    /// What everything that calls AWS has to look at.
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// Gives the lock back, unless it was lost. `seen` says that AWS was seen to show everything that was done; else the next
    /// one is told to wait for that.
    pub async fn release(self, seen: bool) {
        // Whatever hinders this, the lease ends by itself.
        let _ = self.give_back(seen).await;
    }

    /// The same; whether it was ours until then.
    async fn give_back(mut self, seen: bool) -> Result<bool> {
        // A write that is under way is waited for: arriving after the deletion, it would make the lock anew.
        self.enough.notify_one();
        let heart = match timeout(LEASE, &mut self.beating).await {
            Ok(Ok(heart)) => heart,
            _ => {
                self.beating.abort();
                return Ok(false);
            }
        };
        // Nobody renews the lease any more: nothing leaves after its end, when the lock may be somebody else's.
        let parameter = self.parameter.guarded(self.lease());
        if !self.lease.holds() {
            return Ok(false);
        }
        let hidden = !seen && self.lease.since_acted().is_some_and(|age| age < SHOWN);
        if hidden {
            let ended = Record { ended: true, ..heart.record };
            patiently(0, async || parameter.overwrite(&ended).await).await?;
            return Ok(true);
        }
        let shown = patiently(0, async || parameter.get().await).await?;
        if shown.is_some_and(|seen| !self.is_ours(&seen, &heart)) {
            return Ok(false);
        }
        patiently(0, async || parameter.delete().await).await?;
        Ok(true)
    }

    /// Whether the parameter has not become somebody else's. What is shown may be what we took over.
    fn is_ours(&self, seen: &Sight, heart: &Heart) -> bool {
        let holder = seen.holder();
        holder.is(&heart.record.holder) || self.former.as_ref().is_some_and(|former| holder.is(former))
    }
}

/// Since when nothing was done that may not be shown yet, where the former holder ended at `former`: by SSM's clock alone,
/// which dated its last write and the one with which we took over.
async fn hidden_since(parameter: &Parameter, former: &Sight, ours: &Record) -> Instant {
    let now = Instant::now();
    let shown = parameter.get().await.ok().flatten().filter(|seen| seen.holder().is(&ours.holder));
    let age = shown.and_then(|seen| former.until(&seen)).unwrap_or_default();
    now.checked_sub(age).unwrap_or(now)
}

/// Who holds the lock of a stack, if anybody.
///
/// # Errors
/// SSM's own.
pub async fn holder(aws: &Clients, stack: &str) -> Result<Option<Holder>> {
    let seen = patiently(0, async || Parameter::lock(aws, stack).get().await).await?;
    Ok(seen.filter(|seen| !seen.record.ended).map(|seen| seen.record.holder))
}
