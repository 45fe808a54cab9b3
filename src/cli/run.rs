//! Carrying a plan out, for deploy and destroy alike: the lock, the second look under it, the progress, the report.

use std::{collections::BTreeSet, time::Duration};

use miette::miette;
use tokio::sync::watch;

use super::{CLEAN, FAILED, Failure, INTERRUPTED, outputs, print, stop, survey::Stage};
use crate::{
    aws::{Clients, Permit as _},
    engine::{
        Address, Desired, Scope,
        execute::{self, Outcome},
        lock::{Holder, Lock, Loss, Refused},
        plan::Plan,
        scope::Known,
    },
    render::{self, output::wrapped, progress::Mode},
    resources::{KINDS, cost},
};

/// How a plan is carried out.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArgs {
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,

    /// Print one JSON object per line: the plan, every event, the result.
    #[arg(long)]
    pub(crate) json: bool,

    /// How many resources to work on at a time.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: u16,

    /// How many minutes one resource may take.
    #[arg(long, value_name = "MINUTES", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,

    /// How many seconds to wait for another deploy of the same stack.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) lock_wait: u64,
}

impl RunArgs {
    pub(super) fn lock_wait(&self) -> Duration {
        Duration::from_secs(self.lock_wait)
    }
}

pub(super) fn address(text: &str) -> Result<Address, String> {
    let address = Address::parse(text).ok_or("an address is a kind and a name, e.g. cluster/database")?;
    if KINDS.iter().any(|kind| kind.name == address.kind()) {
        return Ok(address);
    }
    let likeness = |name: &str| strsim::jaro_winkler(name, address.kind());
    let nearest = KINDS.iter().map(|kind| kind.name).max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let meant =
        nearest.filter(|name| likeness(name) > 0.7).map(|name| format!("; did you mean {name}/{}?", address.name()));
    Err(format!("there is no kind of resource `{}`{}", address.kind(), meant.unwrap_or_default()))
}

/// What `--allow-delete` names: an address, or one of several that claim it.
#[derive(Debug, Clone)]
pub(super) struct Deletion {
    pub(super) address: Address,
    id: Option<String>,
}

pub(super) fn deletion(text: &str) -> Result<Deletion, String> {
    let (place, id) = text.split_once('=').map_or((text, None), |(place, id)| (place, Some(id.to_owned())));
    if id.as_ref().is_some_and(String::is_empty) {
        return Err("after `=` comes the id that the plan shows, e.g. cluster/database=shop-database".to_owned());
    }
    Ok(Deletion { address: address(place)?, id })
}

impl Deletion {
    /// The addresses that are named alone.
    pub(super) fn whole(named: &[Self]) -> impl Iterator<Item = Address> {
        named.iter().filter(|one| one.id.is_none()).map(|one| one.address.clone())
    }

    /// Those that are named by their id.
    pub(super) fn one_of(named: &[Self]) -> BTreeSet<(Address, String)> {
        named.iter().filter_map(|one| Some((one.address.clone(), one.id.clone()?))).collect()
    }
}

/// Shows a plan before it is carried out.
pub(super) fn show(stage: &Stage, plan: &Plan, desired: &[Desired], json: bool) {
    if json {
        let mut object = render::plan::json(plan);
        object["event"] = "plan".into();
        object["stack"] = stage.name().into();
        print(&object.to_string());
        return;
    }
    print(&format!("{}\n\n{}", stage.title(), render::plan::text(plan)));
    if !plan.is_empty() && !desired.is_empty() && stage.local.is_none() {
        print(&wrapped(&cost::sentence(desired.iter()), ""));
    }
}

/// The stack's lock, held by a run that gives it back also when it is told to stop.
pub(super) struct Held {
    lock: Lock,
    stop: watch::Receiver<bool>,
    /// Whether it is the local cloud's.
    is_local: bool,
}

impl Held {
    /// Ends work that only looks when the run is told to stop.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => Err(Failure::Interrupted),
            done = work => done,
        }
    }

    /// Clients that change nothing once the lock is lost.
    pub(super) fn guarded(&self, aws: &Clients) -> Clients {
        aws.guarded(self.lock.lease())
    }

    /// The failure that it is where the lock is lost.
    pub(super) fn lost(&self) -> Option<Failure> {
        self.lock.lease().loss().map(|why| lock_lost(&why, self.is_local))
    }

    /// Gives the lock back at once after something was changed past the engine; `seen` as with [`Self::release`].
    pub(super) async fn release_after_a_change(self, seen: bool) {
        self.lock.lease().acted();
        self.release(seen).await;
    }

    /// Gives the lock back; `seen` says that AWS was seen to show everything that was done.
    pub(super) async fn release(self, seen: bool) {
        self.lock.release(seen).await;
    }
}

/// Takes the stack's lock. From here on a signal ends the run in order.
pub(super) async fn lock(stage: &Stage, verb: &str, wait: Duration) -> Result<Held, Failure> {
    let holder = Holder::this(&stage.account.caller, verb);
    let stop = stop::requested();
    let taking = Lock::acquire(&stage.aws, stage.name(), holder, wait, &stop, &render::output::tell);
    let taken = Box::pin(taking).await;
    let lock = taken.map_err(|refused| match refused {
        Refused::Held(holder) => Failure::Locked(stage.name().to_owned(), holder),
        Refused::Interrupted => Failure::Interrupted,
        Refused::Aws(error) => Failure::Aws(error),
    })?;
    Ok(Held { lock, stop, is_local: stage.local.is_some() })
}

fn lock_lost(why: &Loss, is_local: bool) -> Failure {
    if let (Loss::Unreachable(said), true) = (why, is_local) {
        let help =
            "Run the same command again: it starts the local cloud where it does not run, and continues from here.";
        let said = said.trim_end_matches('.');
        return miette!(help = help, "The local cloud no longer answers, so nothing more was started: {said}.").into();
    }
    let help = match why {
        Loss::Taken(_) | Loss::Suspended => "Find out who is working on the stack, then run the same command again.",
        Loss::Unreachable(_) => {
            "Make sure that AWS can be reached, then run the same command again: it waits until the lock has expired, and continues \
             from here."
        }
    };
    miette!(help = help, "The lock was lost, so nothing more was started: {}.", why.to_string().trim_end_matches('.'))
        .into()
}

/// Looks, also under the lock where it is held already.
pub(super) async fn look<T>(
    held: Option<&Held>,
    looking: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match held {
        Some(held) => held.unless_stopped(looking).await,
        None => looking.await,
    }
}

pub(super) async fn release(held: Option<Held>, seen: bool) {
    if let Some(held) = held {
        held.release(seen).await;
    }
}

/// Takes the lock and looks again: what is done is what was shown and agreed to, or nothing.
pub(super) async fn lock_and_look<T>(
    stage: &Stage,
    verb: &str,
    args: &RunArgs,
    shown: &Plan,
    look: impl Future<Output = Result<(T, Plan), Failure>>,
) -> Result<(Held, T, Plan), Failure> {
    let held = lock(stage, verb, args.lock_wait()).await?;
    let changed = || {
        miette!(
            help = "Run the same command again to see the plan as it is now.",
            "The stack was changed while this command waited. Nothing was done."
        )
    };
    match held.unless_stopped(look).await {
        Ok((seen, plan)) if plan.does_the_same_as(shown) => Ok((held, seen, plan)),
        looked => {
            held.release(true).await;
            Err(looked.err().unwrap_or_else(|| changed().into()))
        }
    }
}

/// Executes a plan and shows how it goes.
pub(super) async fn carry_out(stage: &Stage, plan: &Plan, desired: &[Desired], args: &RunArgs, held: &Held) -> Outcome {
    let options = execute::Options {
        parallel: usize::from(args.parallel),
        timeout: Duration::from_secs(args.timeout * 60),
        lease: Some(held.lock.lease()),
    };
    let (sender, events) = tokio::sync::mpsc::unbounded_channel();
    let total = plan.steps.iter().filter(|step| step.acts()).count();
    let stop = held.stop.clone();
    let told = render::progress::Stop { asked: stop.clone(), text: stop::STOPPING };
    let shown = tokio::spawn(render::progress::show(events, Mode::fitting(args.json), total, told));
    let described = if desired.is_empty() { stage.intended() } else { desired };
    let aws = held.guarded(&stage.aws);
    let scope = Scope::observing(&aws, stage.name(), described).ignoring(&stage.description.ignore_tags);
    let outcome = execute::execute(plan, desired, KINDS, &scope, &options, &sender, stop).await;
    drop(sender);
    let _ = shown.await;
    outcome
}

/// Reports how it ended; `offers` says whether the stack is there to offer anything afterwards.
pub(super) fn end(
    stage: &Stage,
    outcome: &Outcome,
    what: &str,
    took: Duration,
    json: bool,
    offers: bool,
) -> Result<u8, Failure> {
    let outputs = if offers { outputs::of(stage, &outcome.known) } else { outputs::Outputs::new() };
    let lost = outcome.lock_lost.as_ref().map(|why| lock_lost(why, stage.local.is_some()));
    if json {
        let mut object = render::outcome::json(outcome, took);
        object["outputs"] = serde_json::to_value(&outputs).unwrap_or_default();
        if let Some(lost) = &lost {
            object["message"] = lost.json()["message"].take();
        }
        print(&object.to_string());
    } else {
        print(&render::outcome::text(outcome, what, took));
        if outcome.is_complete() && !outputs.is_empty() {
            outputs::show(stage, &outputs);
        }
    }
    if let Some(lost) = lost {
        // The one object that tells a program how it ended is the report.
        return Ok(lost.tell(false));
    }
    Ok(match (outcome.interrupted, outcome.is_complete()) {
        (_, true) => CLEAN,
        (true, false) => INTERRUPTED,
        (false, false) => FAILED,
    })
}

/// The same where there was nothing to do.
pub(super) fn end_as_it_was(known: Known, stage: &Stage, offers: bool) -> Result<u8, Failure> {
    let outcome = Outcome { known, ..Outcome::default() };
    end(stage, &outcome, "", Duration::ZERO, true, offers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lost_the_lock_with_the_network_is_not_sent_to_look_for_somebody_else() {
        let help = |why: &Loss| lock_lost(why, false).json()["help"].as_str().unwrap_or_default().to_owned();
        let silent = Loss::Unreachable("Nobody answers.".to_owned());
        assert!(help(&silent).starts_with("Make sure that AWS can be reached"));
        let local = lock_lost(&silent, true).json()["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(local, "The local cloud no longer answers, so nothing more was started: Nobody answers.");
        assert!(help(&Loss::Taken(None)).starts_with("Find out who is working on the stack"));
    }
}
