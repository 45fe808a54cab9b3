//! `infra deploy`: show the plan, ask, make it so.

use std::{collections::BTreeSet, time::Duration};

use miette::miette;
use tokio::time::Instant;

use super::{
    CLEAN, FAILED, Failure, INTERRUPTED, ask, outputs, print, stop,
    survey::{StackArgs, Stage, Survey},
};
use crate::{
    engine::{
        Address, Desired,
        execute::{self, Outcome},
        lock::{Holder, Lock, Refused},
        plan::{Plan, Policy, plan},
    },
    render::{self, progress::Mode},
    resources::{KINDS, cost},
};

/// Make the stack as described, then migrate its database, then put the service live.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What is there already is left alone; a deploy that was stopped anywhere is finished by the next one.\n\nExamples:\n  infra deploy\n  infra deploy --local stack.example.yaml\n  infra deploy production.yaml --yes --set service.image=$IMAGE\n  infra deploy --allow-replace cluster/database   when the plan says that it has to be"
)]
pub(super) struct Args {
    #[command(flatten)]
    stack: StackArgs,

    #[command(flatten)]
    run: RunArgs,

    /// Show the plan and change nothing, as `infra diff` does.
    #[arg(long)]
    dry_run: bool,

    /// Allow this resource, which holds data, to be replaced. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    allow_replace: Vec<Address>,

    /// Allow this resource, which holds data or is protected, to be deleted. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    allow_delete: Vec<Address>,
}

/// How a plan is carried out; deploy and destroy share it.
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

pub(super) fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| "an address is a kind and a name, e.g. cluster/database".to_owned())
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::open(&args.stack).await?;
    let began = Instant::now();
    let policy = Policy {
        replace: args.allow_replace.iter().cloned().collect(),
        delete: args.allow_delete.iter().cloned().collect(),
        unprotect: args.allow_delete.iter().chain(&args.allow_replace).cloned().collect(),
        keep: BTreeSet::new(),
    };
    let decide = |survey: &Survey| plan(&survey.desired, &survey.live, KINDS, &policy);
    // Without a question there is nothing to wait for between looking and acting.
    let early = if args.run.yes && !args.dry_run { Some(lock(&stage, "deploy", &args.run).await?) } else { None };
    let work = async {
        let survey = stage.survey().await?;
        let plan = match decide(&survey) {
            Ok(plan) => plan,
            Err(refused) => {
                // What was refused is easier to judge beside the whole plan.
                if let Ok(all) = plan(&survey.desired, &survey.live, KINDS, &Policy::everything(&survey.live)) {
                    show(&stage, &all, &survey.desired, args.run.json);
                }
                return Err(refused.into());
            }
        };
        show(&stage, &plan, &survey.desired, args.run.json);
        Ok::<_, Failure>((survey, plan))
    };
    let (mut survey, mut plan) = match work.await {
        Ok(found) => found,
        Err(failure) => {
            release(early).await;
            return Err(failure);
        }
    };
    let nothing_to_do = !plan.steps.iter().any(crate::engine::plan::Step::acts);
    if args.dry_run || nothing_to_do {
        release(early).await;
        if nothing_to_do && !args.run.json {
            print(&outputs::text(&outputs::of(&stage, &plan.known)));
        }
        return Ok(CLEAN);
    }
    let held = match early {
        Some(held) => held,
        None => {
            ask::yes("Deploy this?")?;
            let held = lock(&stage, "deploy", &args.run).await?;
            let again = stage.survey().await?;
            let after = decide(&again)?;
            if !after.does_the_same_as(&plan) {
                release(Some(held)).await;
                return Err(miette!(
                    help = "Run the same command again to see the plan as it is now.",
                    "The stack was changed while this command waited for your answer. Nothing was done."
                )
                .into());
            }
            (survey, plan) = (again, after);
            held
        }
    };
    let outcome = carry_out(&stage, &plan, &survey.desired, &args.run, &held).await;
    release(Some(held)).await;
    end(&stage, &outcome, "The deploy", began.elapsed(), args.run.json, true)
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
pub(super) async fn lock(stage: &Stage, verb: &str, args: &RunArgs) -> Result<Lock, Failure> {
    let holder = Holder::this(&stage.account.caller, verb);
    let wait = Duration::from_secs(args.lock_wait);
    let tell = |text: &str| eprintln!("{text}");
    Lock::acquire(&stage.aws, stage.name(), holder, wait, tell).await.map_err(|refused| match refused {
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
            print(&outputs::text(&outputs));
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
