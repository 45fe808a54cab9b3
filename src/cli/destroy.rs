//! `infra destroy`: the plan with nothing desired.

mod remains;

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{
    CLEAN, Failure, ask, print,
    run::{self, Deletion, RunArgs, carry_out, deletion, end, lock, lock_and_look, release, show},
    survey::{StackArgs, Stage, tell_unmet},
};
use crate::{
    engine::{
        Address, Resource as _,
        identity::Stray,
        observe::obstructions,
        plan::{self, Action, Plan, Policy, Step, plan},
        scope::Stranger,
    },
    render::{output::tell, value::count},
    resources::{
        KINDS, cluster::Cluster, forbidden, instance::Instance, secret::Secret, secret_attachment::SecretAttachment,
        strangers,
    },
    stack::{OnDestroyDatabase, OnDestroySecret},
};

/// Delete the whole stack; `on_destroy` in the description says what becomes of its data.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra destroy\n  infra destroy --allow-delete cluster/database   lift its deletion protection\n  infra destroy --yes --allow-delete cluster/database --allow-delete secret/database"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    #[command(flatten)]
    run: RunArgs,

    /// Allow this resource, which holds data or is protected, to be deleted; if several have the same address, the one with
    /// this id. May be repeated.
    #[arg(long, value_name = "ADDRESS[=ID]", value_parser = deletion)]
    allow_delete: Vec<Deletion>,

    /// Show the plan and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.run.json
    }
}

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    // What is in the database goes with the database.
    args.stack.skip_migrations = true;
    let stage = Stage::quietly(&args.stack).await?;
    let mut began = Instant::now();
    let named = std::mem::take(&mut args.allow_delete);
    // Where nobody can be asked, everything that has to be named is said at once.
    let asks = args.dry_run || (!args.run.yes && ask::is_possible());
    let look = async || decide(&stage, &named, asks).await;
    // Without a question there is nothing to wait for between looking and acting.
    let early =
        if args.run.yes && !args.dry_run { Some(lock(&stage, "destroy", args.run.lock_wait()).await?) } else { None };
    let (unplaced, shown) = match run::look(early.as_ref(), look()).await {
        Ok(looked) => looked,
        Err(failure) => {
            release(early, true).await;
            if matches!(failure, Failure::Plan(_)) && !asks && !args.run.yes {
                tell("There is no terminal to ask on: add `--yes`, and the options named here.");
            }
            return Err(failure);
        }
    };
    show(&stage, &shown, &[], args.run.json);
    tell_unplaced(&unplaced);
    tell_obstructed(&shown);
    if !shown.steps.iter().any(Step::acts) {
        release(early, true).await;
        match args.run.json {
            false => print(&remains::told(&stage, &shown, &unplaced).await),
            true if !args.dry_run => return run::end_as_it_was(shown.known, &stage, false),
            true => {}
        }
        return Ok(CLEAN);
    }
    if args.dry_run {
        return Ok(CLEAN);
    }
    let (held, unplaced, decided) = if let Some(held) = early {
        (held, unplaced, shown)
    } else {
        let asked = Instant::now();
        if shown.steps.iter().any(|step| step.acts() && holds_data(&step.address) && !is_named(step, &named)) {
            let otherwise = "Add `--yes`, and `--allow-delete ADDRESS` for each resource that holds data.";
            ask::word("This deletes data.", stage.name(), otherwise)?;
        } else {
            ask::yes("Delete this?")?;
        }
        began += asked.elapsed();
        lock_and_look(&stage, "destroy", &args.run, &shown, look()).await?
    };
    let outcome = carry_out(&stage, &decided, &[], &args.run, &held).await;
    held.release(!outcome.hidden).await;
    let code = end(&stage, &outcome, "The destruction", began.elapsed(), args.run.json, false)?;
    if outcome.is_complete() && !args.run.json {
        print(&remains::told(&stage, &decided, &unplaced).await);
    }
    Ok(code)
}

/// What there is to be deleted now, and what of the stack is not, because nothing says any more where it stands. On a terminal the
/// stack's name is typed in place of naming each resource that holds data; protection has to be named.
async fn decide(stage: &Stage, named: &[Deletion], asks: bool) -> Result<(Vec<Stranger>, Plan), Failure> {
    let (live, strangers) = stage.met().await?;
    let abandoned = strangers::abandoned(&live, &strangers);
    if !abandoned.is_empty() {
        return Err(plan::Error::Refused(abandoned).into());
    }
    let addresses = || named.iter().map(|one| &one.address);
    tell_unmet(addresses(), &live, stage.intended().iter());
    let data = live.iter().map(|seen| &seen.address).filter(|address| asks && holds_data(address));
    let policy = Policy {
        delete: Deletion::whole(named).chain(data.cloned()).collect(),
        one_of: Deletion::one_of(named),
        unprotect: addresses().cloned().collect(),
        keep: kept(stage),
        undeletable: forbidden::bound(stage.intended(), &live),
        ..Policy::default()
    };
    let mut plan = plan(&[], &live, KINDS, &policy)?;
    for step in plan.steps.iter_mut().filter(|step| step.action == Action::Delete) {
        step.reason = step.reason.take().or_else(|| fate(stage, step.kind()));
        if live.iter().any(|seen| seen.address == step.address && seen.guard.is_some()) {
            let fate = step.reason.take().map(|fate| format!("; {fate}")).unwrap_or_default();
            step.reason = Some(format!("its deletion protection is lifted{fate}"));
        }
    }
    obstructions(&mut plan, KINDS, &stage.scope(stage.intended())).await;
    let unplaced = strangers.into_iter().filter(|stranger| matches!(stranger.why, Stray::Unplaced(_)));
    Ok((unplaced.collect(), plan))
}

/// Says what the stack has made and a destruction does not find at any address, and how it does.
fn tell_unplaced(unplaced: &[Stranger]) {
    for Stranger { kind, id, why } in unplaced {
        let named = match why {
            Stray::Unplaced(Some(name)) => Address::new(kind, name),
            _ => Address::new(kind, "NAME"),
        };
        tell(&format!(
            "{id} {why}: it is not deleted, and what it stands in cannot be. Take it in first (`infra import {named} {id}`), or \
             delete it yourself.",
        ));
    }
}

/// Says of what will not go as things are, and stays with all that it needs.
fn tell_obstructed(plan: &Plan) {
    let (number, first) = (plan.obstructed().count(), plan.obstructed().next());
    if let Some(first) = first {
        let by = &first.occupants[0].what;
        let (are, them) = if number == 1 { ("is", "it") } else { ("are", "them") };
        tell(&format!(
            "{} {are} not deleted as things are: something that is not of this stack keeps {them} ({by} …). Remove that first; \
             or go on, and what can be deleted is: a further `infra destroy` does the rest.",
            count(number, "resource")
        ));
    }
}

/// Whether a cluster that goes leaves a snapshot: unless the description says otherwise, also where it says nothing any more.
fn leaves_snapshot(stage: &Stage) -> bool {
    stage.description.database.as_ref().is_none_or(|database| database.on_destroy != OnDestroyDatabase::Delete)
}

/// What becomes of the data, as the description says.
fn fate(stage: &Stage, kind: &str) -> Option<String> {
    let (secret, days) = (&stage.description.secret.on_destroy, stage.description.secret.recovery.as_days());
    let told = match (kind == Cluster::KIND, kind == Secret::KIND) {
        (true, _) if !leaves_snapshot(stage) => "its data is gone with it".to_owned(),
        (true, _) => "a final snapshot is taken first, and stays".to_owned(),
        (_, true) if *secret == OnDestroySecret::Purge => "gone at once".to_owned(),
        (_, true) => format!("it can be restored for {days} days"),
        _ => return None,
    };
    Some(told)
}

fn is_named(step: &Step, named: &[Deletion]) -> bool {
    named.iter().any(|one| one.address == step.address)
}

fn holds_data(address: &Address) -> bool {
    KINDS.iter().any(|kind| kind.name == address.kind() && kind.holds_data)
}

/// What the description says is to stay, each with the reason.
fn kept(stage: &Stage) -> BTreeMap<Address, String> {
    let mut keep = BTreeMap::new();
    let database = stage.description.database.as_ref();
    let mut keep_kinds = |kinds: &[&str], why: &str| {
        let intended = stage.intended().iter().filter(|desired| kinds.contains(&desired.kind));
        keep.extend(intended.map(|desired| (desired.address.clone(), why.to_owned())));
    };
    if database.is_some_and(|database| database.on_destroy == OnDestroyDatabase::Keep) {
        // The cluster without its instances and its password would be data that nobody can read.
        keep_kinds(&[Cluster::KIND, Instance::KIND], "the description says `database.on_destroy: keep`");
        keep_kinds(&[Secret::KIND, SecretAttachment::KIND], "the database stays, and this is its password");
    }
    if stage.description.secret.on_destroy == OnDestroySecret::Keep {
        // What it says of a cluster that goes is taken out of it.
        keep_kinds(&[Secret::KIND], "the description says `secret.on_destroy: keep`");
    }
    keep
}
