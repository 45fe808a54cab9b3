//! `infra import`: take a resource that somebody made into the stack.

mod cloudformation;
mod rename;

use std::time::Duration;

use console::style;
use miette::miette;
use tokio::time::sleep;

use rename::{Rename, rename};

use super::{
    CLEAN, Failure, ask, print,
    run::{Held, address, lock},
    survey::{self, StackArgs, Stage, Survey},
};
use crate::{
    engine::{
        Address, Change, Kind, Phase, Scope, Seen, Tags,
        attributes::references,
        identity,
        observe::list,
        plan::{Action, Plan, Refusal},
    },
    render::{self, output::wrapped},
    resources::KINDS,
};

/// Take an existing resource into the stack by tagging it; nothing else about it is changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "First shows what the next deploy would do to it. The id is what `infra status` shows for such a resource: vpc-…, subnet-… and the like, an RDS identifier or name, the name of a role, the ARN of a secret or an App Runner resource. To release it again, remove its tags infra:stack and infra:address.\n\nExamples:\n  infra import vpc/main vpc-0123456789abcdef0\n  infra import cluster/database shop-database   after restoring a snapshot under that name\n  infra import vpc/main vpc-0123456789abcdef0 --yes --from-cloudformation network\n  infra import secret/database arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-database-AbCdEf production.yaml"
)]
pub(super) struct Args {
    /// Its place in the stack, e.g. `vpc/main`: an address that `infra diff` wants to create.
    #[arg(value_name = "ADDRESS", value_parser = address)]
    address: Address,

    /// Its id, name or ARN in AWS.
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,

    /// With --yes: take it in although this CloudFormation stack owns it.
    #[arg(long, value_name = "STACK")]
    from_cloudformation: Option<String>,

    /// How many seconds to wait for a deploy of the same stack.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    lock_wait: u64,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::look(args.stack).await?;
    let adoption = Adoption { stage: &stage, address: &args.address, id: &args.id };
    let Some(Look { found, plan, refused }) = adoption.look().await? else {
        print(&format!("{} is {} already.", args.id, args.address));
        return Ok(CLEAN);
    };
    let what = format!("With {} as {}, the next deploy would do this:", args.id, args.address);
    print(&format!("{}\n\n{what}\n\n{}", stage.title(), render::plan::text(&plan)));
    let changes = adoption.replacing(&plan)?;
    if !changes.is_empty() {
        return Err(adoption.would_be_replaced(&changes));
    }
    if let Some(refused) = survey::refusal(&refused) {
        print(&refused);
    }
    let owner = cloudformation::owner(&found.tags);
    if let Some(owner) = owner {
        print(&wrapped(&format!("{} {}", style("!").yellow(), cloudformation::warning(&args.id, owner)), "  "));
    }
    cloudformation::check(&args.id, owner, args.from_cloudformation.as_deref(), !args.yes)?;
    if !args.yes {
        ask::yes(&format!("Tag {} as {} of {}?", args.id, args.address, stage.name()))?;
    }
    let held = lock(&stage, "import", Duration::from_secs(args.lock_wait)).await?;
    let tagged = adoption.tag(&found, &plan, &held).await;
    let done = tagged.map_err(|failure| held.lost().unwrap_or(failure));
    // Lists may still show it without its tags: the next deploy would make another one.
    let shown = done.is_ok() && adoption.is_shown().await;
    held.release_after_a_change(shown).await;
    done?;
    print(&format!("{} is {} now; `infra diff` shows what is above.", args.id, args.address));
    Ok(CLEAN)
}

/// A resource, and what comes of its standing at the address.
struct Look {
    found: Seen,
    plan: Plan,
    /// What a deploy refuses of it.
    refused: Vec<Refusal>,
}

/// One resource that is to stand at one address.
struct Adoption<'a> {
    stage: &'a Stage,
    address: &'a Address,
    id: &'a str,
}

impl Adoption<'_> {
    /// The resource, and what a deploy would do if it stood at the address; none where it stands there already.
    async fn look(&self) -> Result<Option<Look>, Failure> {
        let mut survey = self.stage.survey().await?;
        let Survey { desired, live, .. } = &mut survey;
        if desired.iter().all(|one| one.address != *self.address) {
            return Err(self.no_such_address(desired.iter().map(|one| &one.address)));
        }
        let kind = self.kind()?;
        if let Some(there) = live.iter().find(|seen| seen.address == *self.address) {
            if there.id == self.id {
                return Ok(None);
            }
            return Err(Failure::Input(miette!(
                help = "Only an address at which nothing stands can be given to something.",
                "{} is {} already. Nothing was changed.",
                self.address,
                there.id
            )));
        }
        let mut found = self.find(kind).await?;
        found.tags.extend(self.tags());
        live.push(found.clone());
        let parts = self.parts().await?;
        live.extend(
            parts.into_iter().filter(|part| !live.iter().any(|seen| seen.address == part.address)).collect::<Vec<_>>(),
        );
        live.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        // The one that is taken in has its say in it: its version, its zone.
        survey.desired = self.stage.desired(&survey.live).await?;
        let (plan, refused) = (survey.plan_of_everything()?, survey.refused());
        Ok(Some(Look { found, plan, refused }))
    }

    /// The kind, which has to be one that carries tags.
    fn kind(&self) -> Result<&'static Kind, Failure> {
        let kind = KINDS.iter().find(|kind| kind.name == self.address.kind() && kind.tagged);
        kind.ok_or_else(|| {
            Failure::Input(miette!(
                help = "Import what carries it; it is then seen there, or made.",
                "{} is a part of another resource and carries no tags of its own. Nothing was changed.",
                self.address
            ))
        })
    }

    /// The resource as it is, unless it is somebody else's.
    async fn find(&self, kind: &Kind) -> Result<Seen, Failure> {
        let mut found = match list(kind, &self.scope(), 0).await {
            Ok(found) => found,
            // EC2 says of an id of another form that it is malformed.
            Err(error) if error.code.as_ref().is_some_and(|code| code.contains("Malformed")) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        // Some lists show what the stack has already besides.
        found.retain(|seen| seen.id == self.id && seen.address == *self.address);
        let Some(found) = found.pop() else { return Err(self.not_found(kind)) };
        if let Phase::Deleting(_) = found.phase {
            return Err(Failure::Input(miette!("AWS is deleting {}. Nothing was changed.", self.id)));
        }
        let claimed = |tag: &str| found.tags.get(tag).map(String::as_str);
        match (claimed(identity::STACK), claimed(identity::ADDRESS)) {
            (Some(stack), place)
                if stack != self.stage.name() || place.is_some_and(|place| place != self.address.as_str()) =>
            {
                Err(self.belongs_to(stack, place))
            }
            _ => Ok(found),
        }
    }

    fn belongs_to(&self, stack: &str, place: Option<&str>) -> Failure {
        let whose = if stack == self.stage.name() { "this stack".to_owned() } else { format!("the stack {stack}") };
        Failure::Input(miette!(
            help =
                format!("Take it out of there first: remove its tags {} and {}.", identity::STACK, identity::ADDRESS),
            "{} belongs to {whose}, as {}. Nothing was changed.",
            self.id,
            place.unwrap_or("nothing that is known")
        ))
    }

    /// What it carries without tags of its own, and what so comes with it: a proxy's target, a secret's connection.
    async fn parts(&self) -> Result<Vec<Seen>, Failure> {
        let scope = self.scope();
        let mut parts = Vec::new();
        for kind in KINDS.iter().filter(|kind| !kind.tagged) {
            parts.extend((kind.observe)(&scope).await?);
        }
        Ok(parts)
    }

    /// Where the resource that is to be adopted is seen as if it were already.
    fn scope(&self) -> Scope<'_> {
        self.stage.scope(self.stage.intended()).adopting(self.address.clone(), self.id.to_owned())
    }

    /// Tags the resource, unless what was shown is not true any more.
    async fn tag(&self, shown: &Seen, plan: &Plan, held: &Held) -> Result<(), Failure> {
        let Some(Look { found, plan: now, .. }) = self.look().await? else { return Ok(()) };
        if !now.does_no_more_than(plan) || found.id != shown.id {
            return Err(miette!(
                help = "Run the same command again to see how it is now.",
                "The stack was changed while this command waited for your answer. Nothing was done."
            )
            .into());
        }
        let aws = held.guarded(&self.stage.aws);
        let scope = Scope::observing(&aws, self.stage.name(), self.stage.intended());
        let kind = self.kind()?;
        Ok((kind.retag)(&found, &self.tags(), &[], &scope).await?)
    }

    /// Whether AWS shows within moments that the resource stands at the address.
    async fn is_shown(&self) -> bool {
        let scope = self.stage.scope(self.stage.intended());
        let is_there = |seen: &Seen| seen.address == *self.address && seen.id == self.id;
        let looked = async || Ok::<_, Failure>((self.kind()?.observe)(&scope.fresh()).await?.iter().any(is_there));
        for pause in [0, 1, 2] {
            sleep(Duration::from_secs(pause)).await;
            if looked().await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    fn tags(&self) -> Tags {
        Tags::from([
            (identity::STACK.to_owned(), self.stage.name().to_owned()),
            (identity::ADDRESS.to_owned(), self.address.to_string()),
        ])
    }

    /// For what it would be replaced whatever else is taken in: what has to be otherwise is known already.
    fn replacing<'p>(&self, plan: &'p Plan) -> Result<Vec<&'p Change>, Failure> {
        let immutable = self.kind()?.immutable;
        let known = |change: &&Change| immutable.contains(&change.top()) && references(&change.after).is_empty();
        let steps = plan.steps.iter().filter(|step| step.address == *self.address && step.action == Action::Replace);
        Ok(steps.flat_map(|step| &step.changes).filter(known).collect())
    }

    /// Where all that is wrong is a name that AWS changes in place, says how.
    fn would_be_replaced(&self, changes: &[&Change]) -> Failure {
        let mut attributes: Vec<String> = changes.iter().map(|change| format!("`{}`", change.top())).collect();
        attributes.dedup();
        let help = match changes {
            [change] => rename(self.address.kind(), self.id, change, &self.stage.aws.region),
            _ => None,
        };
        let help = help.map_or_else(
            || {
                "What cannot be changed in place has to be as described before it is taken in: change the description where it is \
                 to stay as it is, or give the resource that fits."
                    .to_owned()
            },
            |Rename { to, command, consequence }| {
                // A command stands on a line of its own, unbroken, for copying.
                print(&format!("AWS can rename it:\n\n  {command}\n"));
                format!("Rename it by the command above, then import {to}. {consequence}")
            },
        );
        Failure::Input(miette!(
            help = help,
            "The next deploy would delete {} and make another one in its place, for the sake of {}. Nothing was changed.",
            self.id,
            attributes.join(", ")
        ))
    }

    fn not_found(&self, kind: &Kind) -> Failure {
        let stack = self.stage.name();
        Failure::Input(miette!(
            help = format!(
                "Give the id that `infra status` would show of it. What AWS lists without tags (proxies, groups of RDS, \
                 App Runner) is found by a name that begins with `{stack}-`, and a role by its path, /infra/{stack}/{}/.",
                self.stage.aws.region
            ),
            "There is no {} {} in {} that could be {}. Nothing was changed.",
            kind.name,
            self.id,
            self.stage.aws.region,
            self.address
        ))
    }

    fn no_such_address<'a>(&self, there: impl Iterator<Item = &'a Address>) -> Failure {
        let likeness = |other: &Address| strsim::jaro_winkler(other.as_str(), self.address.as_str());
        let nearest = there.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        let help = nearest.map_or_else(String::new, |nearest| format!("Did you mean {nearest}? See `infra diff`."));
        Failure::Input(miette!(help = help, "The description asks for no {}. Nothing was changed.", self.address))
    }
}
