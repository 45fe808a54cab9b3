//! The one place that acts: walks a plan's graph in parallel, the longest chain first.

mod converge;
mod occupied;
#[cfg(test)]
mod tests;
mod told;
mod walk;
mod way;

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::select;
use tokio::sync::watch;

use super::{
    Address, Desired, Kind, Scope, Seen,
    event::{Event, Sink},
    lock::{Lease, Loss},
    observe::Observer,
    plan::{Action, Plan},
    scope::Known,
};
use crate::aws::Error;

/// How to execute.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many resources are worked on at a time.
    pub parallel: usize,
    /// How long one resource may take. A call under way is not abandoned for it.
    pub timeout: Duration,
    /// The lease without which no call is made.
    pub lease: Option<Arc<Lease>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { parallel: 16, timeout: Duration::from_secs(90 * 60), lease: None }
    }
}

/// What came of an execution.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done, in the order in which it was over, with the time it took.
    pub done: Vec<(Address, Action, Duration)>,
    /// What failed, and why.
    pub failed: Vec<(Address, Action, Error)>,
    /// What AWS is still working on, or may be, because we were told to stop before it was over.
    pub left: Vec<(Address, Action)>,
    /// What was not tried, and why.
    pub skipped: Vec<(Address, Action, String)>,
    /// The outputs of everything that is there now.
    pub known: Known,
    /// Whether AWS may not show yet all that was made and deleted.
    pub hidden: bool,
    /// Whether somebody stopped it.
    pub interrupted: bool,
    /// Why the lock was lost, where that stopped it.
    pub lock_lost: Option<Loss>,
}

impl Outcome {
    /// Whether everything in the plan was done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty() && self.skipped.is_empty()
    }
}

/// What all steps of an execution share.
struct Run<'a> {
    plan: &'a Plan,
    desired: BTreeMap<&'a Address, &'a Desired>,
    kinds: &'a [Kind],
    scope: &'a Scope<'a>,
    observer: Observer<'a>,
    known: Mutex<Arc<Known>>,
    events: &'a Sink,
    stop: watch::Receiver<bool>,
    /// For verbs that take long: true when they are to stop, for whatever reason.
    halt: watch::Receiver<bool>,
    lease: Option<Arc<Lease>>,
    timeout: Duration,
    /// Whether a step failed before AWS showed what it had made or deleted.
    hidden: AtomicBool,
}

impl Run<'_> {
    fn tell(&self, event: Event) {
        // Whoever listened may have gone; the work goes on.
        let _ = self.events.send(event);
    }

    /// Why no further call may be made: we were told to stop, or somebody else holds the lock.
    fn stopped(&self) -> Option<&'static str> {
        if *self.stop.borrow() {
            return Some("interrupted");
        }
        self.lock_lost().map(|_| "the lock was lost")
    }

    fn lock_lost(&self) -> Option<Loss> {
        self.lease.as_ref().and_then(|lease| lease.loss())
    }

    /// Whether any call that may have changed something was made in the last `time`, by any step.
    fn acted_within(&self, time: Duration) -> bool {
        self.lease.as_ref().and_then(|lease| lease.since_acted()).is_some_and(|age| age <= time)
    }

    /// Returns when we are told to stop.
    async fn told_to_stop(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could tell.
            std::future::pending::<()>().await;
        }
    }

    fn lock_known(&self) -> MutexGuard<'_, Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.lock_known())
    }

    /// Returns when the lock is lost.
    async fn lease_over(&self) {
        match &self.lease {
            Some(lease) => lease.over().await,
            None => std::future::pending().await,
        }
    }

    /// A resource is ready: others may refer to it.
    fn learn(&self, seen: &Seen) {
        Arc::make_mut(&mut self.lock_known()).insert(seen.address.clone(), seen.outputs.clone());
    }

    /// A resource is gone, unless another one has taken its place.
    fn forget(&self, gone: &Seen) {
        let mut known = self.lock_known();
        if known.get(&gone.address) == Some(&gone.outputs) {
            Arc::make_mut(&mut known).remove(&gone.address);
        }
    }
}

/// Does what `plan` says. A failure skips what depends on it; everything else is completed.
/// When `stop` turns true, no new call is made.
pub async fn execute(
    plan: &Plan,
    desired: &[Desired],
    kinds: &[Kind],
    scope: &Scope<'_>,
    options: &Options,
    events: &Sink,
    stop: watch::Receiver<bool>,
) -> Outcome {
    let (halting, halt) = watch::channel(false);
    let run = Run {
        plan,
        desired: desired.iter().map(|one| (&one.address, one)).collect(),
        kinds,
        scope,
        observer: Observer::new(kinds, scope),
        known: Mutex::new(Arc::new(plan.known.clone())),
        events,
        stop,
        halt,
        lease: options.lease.clone(),
        timeout: options.timeout,
        hidden: AtomicBool::new(false),
    };
    let mut walk = walk::Walk::new(&run);
    let halts = async {
        select(pin!(run.told_to_stop()), pin!(run.lease_over())).await;
        halting.send_replace(true);
        std::future::pending::<()>().await;
    };
    select(pin!(walk.go(options.parallel)), pin!(halts)).await;
    let mut outcome = walk.outcome;
    outcome.known = Arc::unwrap_or_clone(run.known());
    outcome.interrupted = *run.stop.borrow();
    outcome.hidden = !outcome.is_complete() && (run.stopped().is_some() || run.hidden.load(Ordering::Relaxed));
    outcome.lock_lost = run.lock_lost().filter(|_| !*run.stop.borrow() && !outcome.is_complete());
    outcome
}

/// How a step ends that does not succeed.
enum Ended {
    Failed(Error),
    /// We were told to stop; what was asked of AWS goes on there.
    Left,
    /// Nothing was asked of AWS.
    Skipped(String),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
