//! What every verb on a stack begins with: the description, the account, what is wanted and what is there.

mod arguments;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arguments::endpoint_url;
use miette::{IntoDiagnostic as _, miette};

pub(super) use arguments::{CloudArgs, StackArgs};

use super::Failure;
use crate::{
    aws::{self, Account, Clients},
    engine::{
        Address, Desired, Kind, Scope, Seen,
        observe::{everything, patiently},
        plan::{self, Plan, Policy, Refusal, plan},
        scope::Stranger,
    },
    local::{Launch, absent, disk},
    migrate::{Folder, FolderError},
    render::output::tell,
    resources::{KINDS, expand::expand, facts::Facts, forbidden, leftovers, named, strangers},
    stack::{self, AccountId, Stack},
};

/// Where the local cloud of a folder answers. That it was started is said, since it stays.
async fn local_cloud(data: &Path) -> Result<String, Failure> {
    let is_new = !disk::is_saved(data);
    Ok(match crate::local::ensure_started(data).await.into_diagnostic()? {
        Launch::Ran(url) => url,
        Launch::Started(url) => {
            // In the wrong folder, that is what there is to see.
            let what =
                if is_new { format!("a new local cloud in {}", data.display()) } else { "the local cloud".to_owned() };
            tell(&format!("Started {what}, at {url}; it runs until `infra local stop{}`.", absent::option(data)));
            url
        }
    })
}

/// A description, read and checked, and the clients for its account.
pub(super) struct Stage {
    /// The description.
    pub(crate) description: Stack,
    /// The clients.
    pub(crate) aws: Clients,
    /// Whose account.
    pub(crate) account: Account,
    /// Where the local cloud answers, if this is it.
    pub(crate) local: Option<String>,
    /// What is known before AWS is asked for more.
    facts: Facts,
    /// For observing only: what is asked for as far as it does not depend on the account.
    intended: Vec<Desired>,
}

/// What is wanted and what is there.
pub(super) struct Survey {
    /// Every resource the description asks for.
    pub(crate) desired: Vec<Desired>,
    /// Every resource of the stack that exists.
    pub(crate) live: Vec<Seen>,
    /// What the same lists showed of others.
    strangers: Vec<Stranger>,
    /// What stands without the stack's tags where something is to be made.
    leftovers: Vec<Refusal>,
    /// What the description names and is not there.
    missing: Vec<Refusal>,
}

impl Stage {
    /// Reads the description and finds out whose account it goes to.
    ///
    /// # Errors
    /// Bad input (exit code 3), or what AWS said.
    pub(super) async fn open(args: &StackArgs) -> Result<Self, Failure> {
        let migrations = (!args.skip_migrations).then_some(stack::MIGRATIONS_FOLDER);
        let program = args.cloud.local.then_some(stack::PROGRAM_FOLDER);
        let needed: Vec<&str> = migrations.into_iter().chain(program).collect();
        let loaded = load_with(&args.file, &args.set, &needed)?;
        for warning in &loaded.warnings {
            tell(&warning.to_string());
        }
        Box::pin(Self::begin(args, loaded, None)).await
    }

    /// The same for verbs to which it does not matter what a deploy would lead to.
    ///
    /// # Errors
    /// As [`Stage::open`].
    pub(super) async fn quietly(args: &StackArgs) -> Result<Self, Failure> {
        let needed = (!args.skip_migrations).then_some(stack::MIGRATIONS_FOLDER);
        let loaded = load_with(&args.file, &args.set, needed.as_slice())?;
        Box::pin(Self::begin(args, loaded, None)).await
    }

    /// The same for verbs that only ask what the stack has: what the description is warned about is what a deploy would do.
    ///
    /// # Errors
    /// As [`Stage::open`].
    pub(super) async fn asked(args: &StackArgs) -> Result<Self, Failure> {
        Box::pin(Self::begin(args, load(&args.file, &args.set)?, None)).await
    }

    /// The same for verbs that call nothing: where the account is told, here or by the description, nobody is asked for it,
    /// and no credentials are needed.
    ///
    /// # Errors
    /// As [`Stage::open`].
    pub(super) async fn told(args: &StackArgs, account: Option<&AccountId>) -> Result<Self, Failure> {
        let loaded = load(&args.file, &args.set)?;
        let described = loaded.description.account.as_ref();
        if let (Some(told), Some(described)) = (account, described.filter(|described| Some(*described) != account)) {
            return Err(Failure::Input(miette!(
                help = "Leave `--account` out, or correct `account:` in the description.",
                "The description is for account {}, and `--account` says {}.",
                described.as_str(),
                told.as_str()
            )));
        }
        let account = account.or(described).cloned();
        Box::pin(Self::begin(args, loaded, account.as_ref())).await
    }

    /// The same for verbs that apply nothing: where the folder of migrations cannot be read, they are left out.
    ///
    /// # Errors
    /// Bad input (exit code 3), or what AWS said.
    pub(super) async fn look(mut args: StackArgs) -> Result<Self, Failure> {
        let loaded = load(&args.file, &args.set)?;
        let migrations = loaded.description.migrations.as_ref().filter(|_| !args.skip_migrations);
        if let Some(Err(error)) = migrations.map(|migrations| Folder::read(&migrations.folder)) {
            args.skip_migrations = true;
            tell(&format!("{error} The migrations are left out here."));
        }
        Box::pin(Self::begin(&args, loaded, None)).await
    }

    async fn begin(args: &StackArgs, loaded: stack::Loaded, told: Option<&AccountId>) -> Result<Self, Failure> {
        let description = loaded.description;
        // A broken folder is bad input, and is said before anything is called.
        let folder = match description.migrations.as_ref().filter(|_| !args.skip_migrations) {
            Some(migrations) => {
                let told = |error: FolderError| Failure::Input(error.to_ask(&args.migrate("status")).into());
                Some(Arc::new(Folder::read(&migrations.folder).map_err(told)?))
            }
            None => None,
        };
        let local = match args.cloud.local {
            true => Some(local_cloud(&args.cloud.local_data).await?),
            false => None,
        };
        if let (None, None, Ok(url)) = (&local, &args.cloud.endpoint_url, std::env::var("AWS_ENDPOINT_URL")) {
            endpoint_url(&url).map_err(|why| Failure::Input(miette!("AWS_ENDPOINT_URL is `{url}`: {why}.")))?;
        }
        let options = aws::Options {
            region: description.region.as_ref().map(ToString::to_string),
            endpoint_url: local.clone().or_else(|| args.cloud.endpoint_url.clone()),
            local: args.cloud.local,
        };
        let aws = Clients::load(&options).await?;
        let account = match told {
            Some(id) => Account::numbered(id.as_str(), &aws.region),
            None => patiently(0, async || aws.account().await).await?,
        };
        if let Some(wanted) = description.account.as_ref().filter(|wanted| wanted.as_str() != account.id) {
            return Err(miette!(
                help = "Switch the profile (AWS_PROFILE), or correct `account:` in the description.",
                "The description is for account {}, and the credentials are for {} ({}). No call was made except GetCallerIdentity.",
                wanted.as_str(),
                account.id,
                account.caller,
            )
            .into());
        }
        let mut facts = Facts::of(&account, &aws.region);
        facts.migrations = folder;
        facts.migrate = args.migrate("apply");
        facts.ca = match local {
            Some(_) => Some(crate::local::ca_path(&args.cloud.local_data)),
            None => match (std::env::var_os("PGSSLROOTCERT"), &aws.endpoint) {
                (Some(file), _) => Some(PathBuf::from(file)),
                (None, Some(url)) => crate::local::client::ca_at(url).await,
                (None, None) => None,
            },
        };
        let intended = expand(&description, &facts).into_diagnostic()?;
        Ok(Self { description, aws, account, local, facts, intended })
    }

    /// The stack's name.
    pub(super) fn name(&self) -> &str {
        self.description.stack.as_str()
    }

    /// The surroundings for verbs, with what the description asks for.
    pub(super) fn scope<'a>(&'a self, described: &'a [Desired]) -> Scope<'a> {
        Scope::observing(&self.aws, self.name(), described).ignoring(&self.description.ignore_tags)
    }

    /// Everything of the stack that exists. Makes no mutating call.
    ///
    /// # Errors
    /// What AWS said, for every kind that could not be listed.
    pub(super) async fn live(&self) -> Result<Vec<Seen>, Failure> {
        self.of(|_| true).await
    }

    /// The same, with what its lists showed besides and stands nowhere in the stack.
    ///
    /// # Errors
    /// As [`Stage::live`].
    pub(super) async fn met(&self) -> Result<(Vec<Seen>, Vec<Stranger>), Failure> {
        let scope = self.scope(&self.intended);
        let live = self.around(&scope, |_| true).await?;
        Ok((live, scope.strangers()))
    }

    /// The same as far as no secret has to be read for it: enough for telling how the stack stands.
    ///
    /// # Errors
    /// As [`Stage::live`].
    pub(super) async fn in_sight(&self) -> Result<Vec<Seen>, Failure> {
        self.of(|kind| !kind.reads_secrets).await
    }

    async fn of(&self, meant: impl Fn(&&Kind) -> bool) -> Result<Vec<Seen>, Failure> {
        self.around(&self.scope(&self.intended), meant).await
    }

    async fn around(&self, scope: &Scope<'_>, meant: impl Fn(&&Kind) -> bool) -> Result<Vec<Seen>, Failure> {
        everything(KINDS.iter().filter(meant), scope).await.map_err(Failure::Unseen)
    }

    /// What is wanted and what is there.
    ///
    /// # Errors
    /// What AWS said.
    pub(super) async fn survey(&self) -> Result<Survey, Failure> {
        let scope = self.scope(&self.intended);
        let live = self.around(&scope, |_| true).await?;
        let desired = self.desired(&live).await?;
        let place = named::Place { account: &self.account.id, region: &self.aws.region };
        let missing = Box::pin(named::missing(&self.aws, place, &desired, &live));
        let leftovers = patiently(0, async || leftovers::beside(&scope, &desired, &live).await);
        let (leftovers, missing) = futures::future::join(leftovers, missing).await;
        Ok(Survey { desired, live, strangers: scope.strangers(), leftovers: leftovers?, missing })
    }

    /// What is wanted where this is live: what there is decides where the description leaves a choice.
    ///
    /// # Errors
    /// What AWS said.
    pub(super) async fn desired(&self, live: &[Seen]) -> Result<Vec<Desired>, Failure> {
        let facts = self.facts.clone().complete(&self.description, live, &self.aws).await?;
        Ok(expand(&self.description, &facts).into_diagnostic()?)
    }

    /// What is known of the account before anything was looked at.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A certificate authority that the database's certificate may come from, besides the public ones.
    pub(super) fn ca(&self) -> Option<&Path> {
        self.facts.ca.as_deref()
    }

    /// One line that says what is about to be looked at or changed.
    pub(super) fn title(&self) -> String {
        let place = match &self.local {
            Some(url) => format!("the local cloud at {url}"),
            None => format!("account {}", self.account.id),
        };
        format!("{} in {}, {place}", self.name(), self.aws.region)
    }

    /// What was intended, for verbs that delete.
    pub(super) fn intended(&self) -> &[Desired] {
        &self.intended
    }
}

impl Survey {
    /// What leads from what is there to what is wanted, unless it must not be or cannot be.
    ///
    /// # Errors
    /// [`plan::Error::Refused`] with all that stands in the way.
    pub(super) fn plan(&self, policy: &Policy) -> Result<Plan, plan::Error> {
        let mut forbidden = forbidden::stranded(&self.desired, &self.live);
        forbidden.extend(strangers::taken(&self.desired, &self.live, &self.strangers));
        // What is known of it best is said of it alone.
        for found in [
            strangers::unplaced(&self.desired, &self.live, &self.strangers, &policy.create),
            strangers::untagged(&self.desired, &self.live, &policy.create),
        ] {
            let is_new = |one: &Refusal| forbidden.iter().all(|other| other.address != one.address);
            let news: Vec<Refusal> = found.into_iter().filter(is_new).collect();
            forbidden.extend(news);
        }
        let is_live = |address: &Address| self.live.iter().any(|seen| seen.address == *address);
        let leftovers = self.leftovers.iter().filter(|one| !policy.create.contains(&one.address));
        forbidden.extend(leftovers.filter(|one| !is_live(&one.address)).cloned());
        forbidden.extend(self.missing.iter().cloned());
        let undeletable = forbidden::bound(&self.desired, &self.live);
        let policy = Policy { forbidden, undeletable, strays: strangers::strays(&self.strangers), ..policy.clone() };
        plan(&self.desired, &self.live, KINDS, &policy)
    }

    /// What would be done if nothing were refused: for showing it.
    ///
    /// # Errors
    /// Where there is no order for it.
    pub(super) fn plan_of_everything(&self) -> Result<Plan, plan::Error> {
        let strays = strangers::strays(&self.strangers);
        plan(&self.desired, &self.live, KINDS, &Policy { strays, ..Policy::everything(&self.desired, &self.live) })
    }

    /// What a deploy without more words refuses.
    pub(super) fn refused(&self) -> Vec<Refusal> {
        match self.plan(&Policy::default()) {
            Err(plan::Error::Refused(refused)) => refused,
            // Where there is no order at all, there is none for everything either, and that was said.
            _ => Vec::new(),
        }
    }
}

/// That a deploy refuses something, if it does.
pub(super) fn refusal(refused: &[Refusal]) -> Option<String> {
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    (!lines.is_empty()).then(|| format!("\nA deploy would refuse this:\n{}", lines.join("\n")))
}

/// Says which of the addresses named on the command line are none of this stack's: another one may be meant.
pub(super) fn tell_unmet<'a>(
    named: impl Iterator<Item = &'a Address>,
    live: &[Seen],
    desired: impl Iterator<Item = &'a Desired>,
) {
    let mut there: Vec<&Address> = desired.map(|one| &one.address).collect();
    there.extend(live.iter().map(|seen| &seen.address));
    for address in named.filter(|address| !there.contains(address)) {
        tell(&format!("Nothing of this stack stands at {address}, so naming it allows nothing."));
    }
}

/// Reads a description; says how to begin where there is none.
fn load(file: &Path, set: &[String]) -> Result<stack::Loaded, Failure> {
    load_with(file, set, &[])
}

/// The same where folders are needed that the description names.
fn load_with(file: &Path, set: &[String], needed: &[&str]) -> Result<stack::Loaded, Failure> {
    if !file.exists() && !stack::is_standard_input(file) {
        let help = "Copy stack.example.yaml, which shows every field, to stack.yaml; or name the file.";
        return Err(Failure::Input(miette!(help = help, "There is no stack description at {}.", file.display())));
    }
    stack::load_with(&stack::Sources::new(file, set), needed).map_err(Failure::Invalid)
}
