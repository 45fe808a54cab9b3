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

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    aws::{Clients, Error, Result},
    engine::observe::patiently,
};
use contest::{Contest, Won, unless_stopped};
use lease::{Heart, LEASE};
use parameter::{Parameter, Sight, is_no_lock};
use record::Record;

pub use lease::Lease;
pub use record::Holder;

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
        let Won { record, version, at, former } =
            Contest::new(parameter.clone(), holder, wait, stop.clone(), tell).win().await?;
        let hidden = match &former {
            Some(former) if former.record.ended => Some(hidden_since(&parameter, former, &record).await),
            _ => None,
        };
        let lease = Lease::new(at, hidden);
        let enough = Arc::new(Notify::new());
        let elections: Vec<String> =
            former.iter().filter_map(|former| former.record.election.clone()).chain(record.election.clone()).collect();
        let heart = Heart { parameter: parameter.clone(), record, version, doubts: 0 };
        let beating = tokio::spawn(heart.beat(Arc::clone(&lease), Arc::clone(&enough)));
        let lock = Self { parameter, former: former.map(|former| former.record.holder), lease, enough, beating };
        let rest = hidden.map_or(Duration::ZERO, |since| SHOWN.saturating_sub(since.elapsed()));
        let stopped = if rest.is_zero() {
            None
        } else {
            tell("The last run was stopped in the middle; AWS may take some seconds to show all that it did.");
            unless_stopped(stop, sleep(rest)).await.err()
        };
        for election in elections {
            // What is left of it, the next one removes.
            let _ = patiently(0, async || lock.parameter.beside(&election).delete().await).await;
        }
        match stopped {
            None => Ok(lock),
            Some(refused) => {
                lock.release(false).await;
                Err(refused)
            }
        }
    }

    /// What everything that calls AWS has to look at.
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// Gives the lock back, unless it was lost. `seen` says that AWS was seen to show everything that was done; else the next
    /// one is told to wait for that.
    pub async fn release(mut self, seen: bool) {
        // A write that is under way is waited for: arriving after the deletion, it would make the lock anew.
        self.enough.notify_one();
        let heart = match timeout(LEASE, &mut self.beating).await {
            Ok(Ok(heart)) => heart,
            _ => return self.beating.abort(),
        };
        use crate::aws::Permit as _;
        if !self.lease.holds() {
            return;
        }
        let hidden = !seen && self.lease.since_acted().is_some_and(|age| age < SHOWN);
        // Whatever hinders this, the lease ends by itself.
        let _ = if hidden {
            let ended = Record { ended: true, ..heart.record };
            patiently(0, async || self.parameter.overwrite(&ended).await).await.map(|_| ())
        } else {
            self.remove(&heart).await
        };
    }

    /// Removes the parameter, unless it has become somebody else's. What is shown may be what we took over.
    async fn remove(&self, heart: &Heart) -> Result<()> {
        let shown = patiently(0, async || self.parameter.get().await).await?;
        let is_ours = |seen: &Sight| {
            seen.holder().is(&heart.record.holder)
                || self.former.as_ref().is_some_and(|former| seen.holder().is(former))
        };
        if shown.as_ref().is_none_or(is_ours) {
            patiently(0, async || self.parameter.delete().await).await?;
        }
        Ok(())
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

/// Takes the lock of a stack from whoever holds it, and returns when that one cannot work any more and AWS shows what it
/// did: it has met `me` where it expected itself, or its lease is over.
///
/// # Errors
/// SSM's own.
pub async fn remove(aws: &Clients, stack: &str, me: Holder) -> Result<()> {
    let parameter = Parameter::lock(aws, stack);
    let seen = match patiently(0, async || parameter.get().await).await {
        // What is no lock has no holder who could still work.
        Err(error) if is_no_lock(&error) => return parameter.delete().await,
        seen => seen?,
    };
    let Some(seen) = seen else { return Ok(()) };
    if !seen.record.ended && !seen.holder().is_gone() {
        let me = Record::of(me);
        let version = patiently(0, async || parameter.overwrite(&me).await).await?;
        let until = Instant::now() + LEASE;
        let unmet = async || Ok(parameter.get().await?.is_some_and(|seen| seen.version == version));
        while Instant::now() < until && patiently(0, unmet).await? {
            sleep(Duration::from_millis(500)).await;
        }
    }
    sleep(SHOWN).await;
    if let Some(election) = &seen.record.election {
        parameter.beside(election).delete().await?;
    }
    patiently(0, async || parameter.delete().await).await
}
