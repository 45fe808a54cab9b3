//! Carrying a plan out, for deploy and destroy alike: the lock, the second look under it, the progress, the report.

use std::{collections::BTreeSet, time::Duration};

use miette::miette;

use super::{CLEAN, FAILED, Failure, INTERRUPTED, outputs, print, stop, survey::Stage};
use crate::{
    engine::{
        Address, Desired,
        execute::{self, Outcome},
        lock::{Holder, Lock, Refused},
        plan::Plan,
    },
    render::{self, progress::Mode},
    resources::{KINDS, cost},
};

/// How a plan is carried out.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArgs {
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,

    /// One JSON object a line: the plan, every event, the end.
    #[arg(long)]
    pub(crate) json: bool,

    /// How many resources are worked on at a time.
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
    if !plan.is_empty() && !desired.is_empty() {
        print(&cost::sentence(desired));
    }
}

/// Takes the stack's lock.
pub(super) async fn lock(stage: &Stage, verb: &str, wait: Duration) -> Result<Lock, Failure> {
    let holder = Holder::this(&stage.account.caller, verb);
    Lock::acquire(&stage.aws, stage.name(), holder, wait, render::output::tell).await.map_err(|refused| match refused {
        Refused::Held(holder) => miette!(
            help = "Wait for it (`--lock-wait SECONDS`); or, if that process is gone for good, `infra unlock`.",
            "The stack {} is being worked on by {holder}. Nothing was changed.",
            stage.name()
        )
        .into(),
        Refused::Aws(error) => Failure::Aws(error),
    })
}

pub(super) async fn release(lock: Option<Lock>) {
    if let Some(lock) = lock {
        lock.release().await;
    }
}

/// Takes the lock and looks again: what is done is what was shown and agreed to, or nothing.
pub(super) async fn lock_and_look<T>(
    stage: &Stage,
    verb: &str,
    args: &RunArgs,
    shown: &Plan,
    look: impl Future<Output = Result<(T, Plan), Failure>>,
) -> Result<(Lock, T, Plan), Failure> {
    let held = lock(stage, verb, args.lock_wait()).await?;
    let changed = || {
        miette!(
            help = "Run the same command again to see the plan as it is now.",
            "The stack was changed while this command waited. Nothing was done."
        )
    };
    match look.await {
        Ok((seen, plan)) if plan.does_the_same_as(shown) => Ok((held, seen, plan)),
        looked => {
            held.release().await;
            Err(looked.err().unwrap_or_else(|| changed().into()))
        }
    }
}

/// Executes a plan and shows how it goes.
pub(super) async fn carry_out(stage: &Stage, plan: &Plan, desired: &[Desired], args: &RunArgs, lock: &Lock) -> Outcome {
    let options = execute::Options {
        parallel: usize::from(args.parallel),
        timeout: Duration::from_secs(args.timeout * 60),
        lease: Some(lock.lease()),
    };
    let (sender, events) = tokio::sync::mpsc::unbounded_channel();
    let total = plan.steps.iter().filter(|step| step.acts()).count();
    let stop = stop::requested();
    let told = render::progress::Stop { asked: stop.clone(), text: stop::STOPPING };
    let shown = tokio::spawn(render::progress::show(events, Mode::fitting(args.json), total, told));
    let described = if desired.is_empty() { stage.intended() } else { desired };
    let scope = stage.scope(described);
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
    if json {
        let mut object = render::outcome::json(outcome, took);
        object["outputs"] = serde_json::to_value(&outputs).unwrap_or_default();
        print(&object.to_string());
    } else {
        print(&render::outcome::text(outcome, what, took));
        if outcome.is_complete() && !outputs.is_empty() {
            outputs::show(stage, &outputs);
        }
    }
    if outcome.lock_lost {
        return Err(miette!(
            help = "See who works on the stack, then run the same command again.",
            "The lock was lost (this process was suspended, or SSM could not be reached), so nothing more was begun."
        )
        .into());
    }
    Ok(match (outcome.interrupted, outcome.is_complete()) {
        (_, true) => CLEAN,
        (true, false) => INTERRUPTED,
        (false, false) => FAILED,
    })
}
