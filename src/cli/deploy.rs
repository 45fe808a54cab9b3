//! `infra deploy`: show the plan, ask, make it so.

use tokio::time::Instant;

use super::{
    CLEAN, Failure, ask, outputs, program,
    run::{self, Deletion, RunArgs, address, carry_out, deletion, end, lock, lock_and_look, release, show},
    survey::{StackArgs, Stage, Survey, tell_unmet},
};
use crate::engine::{
    Address,
    plan::{Plan, Policy, Step},
};

/// Create or update the stack as described, migrate its database, then put the service live.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What already exists as described is left alone. A deploy that was stopped at any point is finished by the next one.\n\nExamples:\n  infra deploy\n  infra deploy --local stack.example.yaml\n  infra deploy production.yaml --yes --set service.image=$IMAGE\n  infra deploy --allow-replace cluster/database   if the plan requires it"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    #[command(flatten)]
    run: RunArgs,

    /// Show the plan and change nothing, like `infra diff`.
    #[arg(long)]
    dry_run: bool,

    /// Allow this resource, which holds data, to be replaced. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    allow_replace: Vec<Address>,

    /// Allow this resource, which somebody deleted, to be created anew, without the data that it held. May be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    allow_create: Vec<Address>,

    /// Allow this resource, which holds data or is protected, to be deleted; if several have the same address, the one with
    /// this id. May be repeated.
    #[arg(long, value_name = "ADDRESS[=ID]", value_parser = deletion)]
    allow_delete: Vec<Deletion>,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.run.json
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::open(&args.stack).await?;
    let mut began = Instant::now();
    let policy = Policy {
        replace: args.allow_replace.iter().cloned().collect(),
        create: args.allow_create.iter().cloned().collect(),
        delete: Deletion::whole(&args.allow_delete).collect(),
        one_of: Deletion::one_of(&args.allow_delete),
        unprotect: args.allow_delete.iter().map(|one| &one.address).chain(&args.allow_replace).cloned().collect(),
        ..Policy::default()
    };
    let look = async || {
        let survey = Box::pin(stage.survey()).await?;
        let plan = decide(&stage, &survey, &policy, args.run.json)?;
        Ok::<_, Failure>((survey, plan))
    };
    // Without a question there is nothing to wait for between looking and acting.
    let mut early =
        if args.run.yes && !args.dry_run { Some(lock(&stage, "deploy", args.run.lock_wait()).await?) } else { None };
    let (mut survey, mut plan) = match run::look(early.as_ref(), look()).await {
        Ok(found) => found,
        Err(failure) => {
            release(early, true).await;
            return Err(failure);
        }
    };
    let named = args.allow_replace.iter().chain(&args.allow_create);
    let named = named.chain(args.allow_delete.iter().map(|one| &one.address));
    tell_unmet(named, &survey.live, survey.desired.iter());
    show(&stage, &plan, &survey.desired, args.run.json);
    let nothing_to_do = !plan.steps.iter().any(Step::acts);
    if nothing_to_do && plan.stamps() && !args.dry_run {
        let held;
        (held, survey, plan) = match early.take() {
            Some(held) => (held, survey, plan),
            None => Box::pin(lock_and_look(&stage, "deploy", &args.run, &plan, look())).await?,
        };
        let outcome = carry_out(&stage, &plan, &survey.desired, &args.run, &held).await;
        if !outcome.is_complete() {
            held.release(!outcome.hidden).await;
            return end(&stage, &outcome, "The deploy", began.elapsed(), args.run.json, true);
        }
        early = Some(held);
    }
    if args.dry_run || nothing_to_do {
        let known = if args.dry_run {
            Ok(plan.known)
        } else {
            run::look(early.as_ref(), program::deploy_alone(&stage, &args.stack, &survey.desired, plan.known)).await
        };
        release(early, true).await;
        let known = known?;
        match (nothing_to_do, args.run.json) {
            (true, false) => outputs::show(&stage, &outputs::of(&stage, &known)),
            (true, true) if !args.dry_run => return run::end_as_it_was(known, &stage, true),
            _ => {}
        }
        return Ok(CLEAN);
    }
    let held = match early {
        Some(held) => held,
        None => {
            let asked = Instant::now();
            ask::yes("Deploy this?")?;
            began += asked.elapsed();
            let held;
            (held, survey, plan) = Box::pin(lock_and_look(&stage, "deploy", &args.run, &plan, look())).await?;
            held
        }
    };
    let (outcome, deploys) = match program::offer(&stage, &args.stack, &survey.desired).await {
        Ok(deploys) => (Ok(carry_out(&stage, &plan, &survey.desired, &args.run, &held).await), deploys),
        Err(failure) => (Err(failure), false),
    };
    held.release(outcome.as_ref().is_ok_and(|outcome| !outcome.hidden)).await;
    let outcome = outcome?;
    if deploys && outcome.is_complete() {
        // No step of the plan waits for what the local cloud does by itself.
        program::settled(&stage).await?;
    }
    end(&stage, &outcome, "The deploy", began.elapsed(), args.run.json, true)
}

fn decide(stage: &Stage, survey: &Survey, policy: &Policy, json: bool) -> Result<Plan, Failure> {
    survey.plan(policy).map_err(|refused| {
        // What was refused is easier to judge beside the whole plan.
        if let Ok(all) = survey.plan_of_everything() {
            show(stage, &all, &survey.desired, json);
        }
        refused.into()
    })
}
