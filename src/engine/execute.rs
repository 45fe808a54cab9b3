//! The one place that acts: walks a plan's graph in parallel, the longest chain first.

mod converge;

use std::{
    collections::{BTreeMap, BinaryHeap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::{sync::watch, time::Instant};

use super::{
    Address, Desired, Kind, Scope,
    event::{Event, Sink},
    lock::Lease,
    observe::Observer,
    plan::{Action, Plan, usual},
    scope::Known,
};
use crate::aws::Error;

/// How to execute.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many resources are worked on at a time.
    pub parallel: usize,
    /// How long one resource may take.
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
    /// What AWS is still working on, because we were told to stop before it was over.
    pub left: Vec<(Address, Action)>,
    /// What was not tried, and why.
    pub skipped: Vec<(Address, Action, String)>,
    /// The outputs of everything that is there now.
    pub known: Known,
    /// Whether it was stopped from outside.
    pub interrupted: bool,
    /// Whether it was stopped because the lock was lost.
    pub lock_lost: bool,
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
    known: Mutex<Known>,
    events: &'a Sink,
    stop: watch::Receiver<bool>,
    lease: Option<Arc<Lease>>,
    timeout: Duration,
}

impl Run<'_> {
    fn tell(&self, event: Event) {
        // Whoever listened may have gone; the work goes on.
        let _ = self.events.send(event);
    }

    /// Whether no further call may be made: we were told to stop, or somebody else holds the lock.
    fn is_stopped(&self) -> bool {
        *self.stop.borrow() || self.lease.as_ref().is_some_and(|lease| !lease.holds())
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    let run = Run {
        plan,
        desired: desired.iter().map(|one| (&one.address, one)).collect(),
        kinds,
        scope,
        observer: Observer::new(kinds, scope),
        known: Mutex::new(plan.known.clone()),
        events,
        stop,
        lease: options.lease.clone(),
        timeout: options.timeout,
    };
    let mut walk = Walk::new(&run);
    walk.go(options.parallel).await;
    let mut outcome = walk.outcome;
    outcome.known = run.known();
    outcome.interrupted = run.is_stopped();
    outcome.lock_lost = !*run.stop.borrow() && outcome.interrupted;
    outcome
}

/// The walk over the graph: what is ready, what is running, what is over.
struct Walk<'r, 'a> {
    run: &'r Run<'a>,
    after: Vec<Vec<usize>>,
    missing: Vec<usize>,
    blocked: Vec<Option<Address>>,
    chains: Vec<Duration>,
    ready: BinaryHeap<(Duration, std::cmp::Reverse<usize>)>,
    outcome: Outcome,
}

impl<'r, 'a> Walk<'r, 'a> {
    fn new(run: &'r Run<'a>) -> Self {
        let steps = &run.plan.steps;
        let times: Vec<Duration> = steps.iter().map(|step| usual(step, run.kinds)).collect();
        // A plan's steps are sorted, so their own order is one that the chains can be computed in.
        let sorted: Vec<usize> = (0..steps.len()).collect();
        let chains = run.plan.graph.chains(&sorted, &times);
        let missing: Vec<usize> = (0..steps.len()).map(|step| run.plan.graph.before(step).len()).collect();
        let ready =
            sorted.into_iter().filter(|&step| missing[step] == 0).map(|step| (chains[step], std::cmp::Reverse(step)));
        Self {
            run,
            after: run.plan.graph.after(),
            blocked: vec![None; steps.len()],
            ready: ready.collect(),
            missing,
            chains,
            outcome: Outcome::default(),
        }
    }

    async fn go(&mut self, parallel: usize) {
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < parallel.max(1) {
                let Some((_, std::cmp::Reverse(index))) = self.ready.pop() else { break };
                match self.skip(index) {
                    Some(reason) => self.over(index, Err(Ended::Skipped(reason))),
                    None if !self.run.plan.steps[index].acts() => self.over(index, Ok(None)),
                    None => {
                        let run = self.run;
                        running.push(async move { (index, step(run, index).await) });
                    }
                }
            }
            match running.next().await {
                Some((index, Ok(took))) => self.over(index, Ok(Some(took))),
                Some((index, Err(ended))) => self.over(index, Err(ended)),
                None if self.ready.is_empty() => return,
                None => {}
            }
        }
    }

    /// Why a step that is ready is not begun.
    fn skip(&self, index: usize) -> Option<String> {
        if let Some(cause) = &self.blocked[index] {
            let failed = self.outcome.failed.iter().any(|(address, ..)| address == cause);
            return Some(format!("{cause} {}", if failed { "failed" } else { "is not finished" }));
        }
        let acts = self.run.plan.steps[index].acts();
        (acts && self.run.is_stopped()).then(|| "interrupted".to_owned())
    }

    fn over(&mut self, index: usize, end: Result<Option<Duration>, Ended>) {
        let step = &self.run.plan.steps[index];
        let (address, action) = (step.address.clone(), step.action);
        let cause = match end {
            Ok(took) => {
                if let Some(took) = took {
                    self.run.tell(Event::Done { address: address.clone(), action, took });
                    self.outcome.done.push((address, action, took));
                }
                None
            }
            Err(Ended::Failed(error)) => {
                let boxed = Box::new(error.clone());
                self.run.tell(Event::Failed { address: address.clone(), action, error: boxed });
                self.outcome.failed.push((address.clone(), action, error));
                Some(address)
            }
            Err(Ended::Left) => {
                self.outcome.left.push((address.clone(), action));
                Some(address)
            }
            Err(Ended::Skipped(reason)) => {
                if step.acts() {
                    self.run.tell(Event::Skipped { address: address.clone(), action, reason: reason.clone() });
                    self.outcome.skipped.push((address.clone(), action, reason));
                }
                Some(self.blocked[index].clone().unwrap_or(address))
            }
        };
        for &then in &self.after[index] {
            if let Some(cause) = &cause {
                self.blocked[then].get_or_insert_with(|| cause.clone());
            }
            self.missing[then] -= 1;
            if self.missing[then] == 0 {
                self.ready.push((self.chains[then], std::cmp::Reverse(then)));
            }
        }
    }
}

/// How a step ends that does not succeed.
enum Ended {
    Failed(Error),
    /// We were told to stop; what was asked of AWS goes on there.
    Left,
    Skipped(String),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// One step, from the event that it started to the time it took.
async fn step(run: &Run<'_>, index: usize) -> Result<Duration, Ended> {
    let step = &run.plan.steps[index];
    let began = Instant::now();
    run.tell(Event::Started { address: step.address.clone(), action: step.action, usual: usual(step, run.kinds) });
    let work = async {
        match step.action {
            Action::Delete => converge::gone(run, step).await,
            _ => converge::there(run, step).await,
        }
    };
    match tokio::time::timeout(run.timeout, work).await {
        Ok(result) => result?,
        Err(_) => {
            return Err(Error::other(format!(
                "{} was not finished after {} minutes.",
                step.address,
                run.timeout.as_secs() / 60
            ))
            .advise("AWS goes on with it. Run the same command again to go on waiting, or give `--timeout`.")
            .into());
        }
    }
    Ok(began.elapsed())
}
