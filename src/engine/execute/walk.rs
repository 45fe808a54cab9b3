//! The walk over a plan's graph: what is ready, what is running, what is over. The longest chain goes first.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt};

use super::{Ended, Outcome, Run, converge};
use crate::{
    aws::{Class, telling},
    engine::{
        event::Event,
        plan::{Step, usual},
    },
};

/// What is ready, what is running, what is over.
pub(super) struct Walk<'r, 'a> {
    run: &'r Run<'a>,
    after: Vec<Vec<usize>>,
    /// By step: how many steps it still waits for.
    missing: Vec<usize>,
    /// By step: why it is not to be begun.
    blocked: Vec<Option<String>>,
    chains: Vec<Duration>,
    ready: BinaryHeap<(Duration, Reverse<usize>)>,
    /// Why nothing more is begun at all.
    halted: Option<String>,
    pub(super) outcome: Outcome,
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(super) fn new(run: &'r Run<'a>) -> Self {
        let steps = &run.plan.steps;
        let times: Vec<Duration> = steps.iter().map(|step| usual(step, run.kinds)).collect();
        // A plan's steps are sorted, so their own order is one that the chains can be computed in.
        let sorted: Vec<usize> = (0..steps.len()).collect();
        let chains = run.plan.graph.chains(&sorted, &times);
        let missing: Vec<usize> = sorted.iter().map(|&step| run.plan.graph.before(step).len()).collect();
        let ready = sorted.into_iter().filter(|&step| missing[step] == 0).map(|step| (chains[step], Reverse(step)));
        Self {
            run,
            after: run.plan.graph.after(),
            blocked: vec![None; steps.len()],
            ready: ready.collect(),
            missing,
            chains,
            halted: None,
            outcome: Outcome::default(),
        }
    }

    pub(super) async fn go(&mut self, parallel: usize) {
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < parallel.max(1) {
                let Some((_, Reverse(index))) = self.ready.pop() else { break };
                if let Some(ended) = self.hindrance(index) {
                    self.over(index, Err(ended));
                } else if works(&self.run.plan.steps[index]) {
                    let run = self.run;
                    running.push(async move { (index, begin(run, &run.plan.steps[index]).await) });
                } else {
                    self.over(index, Ok(None));
                }
            }
            match running.next().await {
                Some((index, result)) => self.over(index, result),
                None if self.ready.is_empty() => return,
                None => {}
            }
        }
    }

    /// Why a step that is ready is not begun.
    fn hindrance(&self, index: usize) -> Option<Ended> {
        let step = &self.run.plan.steps[index];
        match (&self.blocked[index], self.run.stopped().filter(|_| works(step))) {
            (_, Some(_)) if step.unsettled => Some(Ended::Left),
            (Some(reason), _) => Some(Ended::Skipped(reason.clone())),
            (None, Some(reason)) => Some(Ended::Skipped(reason.to_owned())),
            (None, None) => self.halted.clone().filter(|_| works(step)).map(Ended::Skipped),
        }
    }

    fn over(&mut self, index: usize, end: Result<Option<Duration>, Ended>) {
        let blocked = self.record(index, end);
        for &then in &self.after[index] {
            if let Some(reason) = &blocked {
                self.blocked[then].get_or_insert_with(|| reason.clone());
            }
            self.missing[then] -= 1;
            if self.missing[then] == 0 {
                self.ready.push((self.chains[then], Reverse(then)));
            }
        }
    }

    /// Tells and notes how a step ended, and says why what depends on it is not begun.
    fn record(&mut self, index: usize, end: Result<Option<Duration>, Ended>) -> Option<String> {
        let step = &self.run.plan.steps[index];
        let (address, action) = (step.address.clone(), step.action);
        match end {
            Ok(None) => None,
            Ok(Some(took)) => {
                self.run.tell(Event::Done { address: address.clone(), action, took });
                self.outcome.done.push((address, action, took));
                None
            }
            Err(Ended::Failed(error)) => {
                if error.class == Class::Unauthenticated {
                    self.halted.get_or_insert_with(|| "AWS no longer takes the credentials".to_owned());
                }
                let reason = format!("{address} failed");
                self.run.tell(Event::Failed { address: address.clone(), action, error: Box::new(error.clone()) });
                self.outcome.failed.push((address, action, error));
                // What is as described can be built on, also where that could not be noted.
                step.acts().then_some(reason)
            }
            Err(Ended::Left) => {
                self.outcome.left.push((address, action));
                Some(self.run.stopped().unwrap_or("interrupted").to_owned())
            }
            Err(Ended::Skipped(reason)) => {
                if step.acts() {
                    self.run.tell(Event::Skipped { address: address.clone(), action, reason: reason.clone() });
                    self.outcome.skipped.push((address, action, reason.clone()));
                }
                Some(reason)
            }
        }
    }
}

/// Whether a step makes any call.
fn works(step: &Step) -> bool {
    step.acts() || step.unstamped
}

/// Does what a step says; the time it took, where that is to be told.
async fn begin(run: &Run<'_>, step: &Step) -> Result<Option<Duration>, Ended> {
    let (events, address) = (run.events.clone(), step.address.clone());
    // Whoever listened may have gone; the work goes on.
    let tell = move |reason| drop(events.send(Event::Waiting { address: address.clone(), reason }));
    let work = async {
        if step.acts() {
            converge::step(run, step).await.map(Some)
        } else {
            converge::stamp(run, step).await.map(|()| None)
        }
    };
    telling(tell, work).await
}
