//! What every verb on a stack begins with: the description, the account, what is wanted and what is there.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use miette::{IntoDiagnostic as _, miette};

use super::Failure;
use crate::{
    aws::{self, Account, Clients},
    engine::{Desired, Scope, Seen, observe},
    migrate::Folder,
    render::output::tell,
    resources::{KINDS, expand::expand, facts::Facts},
    stack::{self, Stack},
};

/// Which stack, in which cloud.
#[derive(Debug, Clone, Args)]
pub(super) struct StackArgs {
    /// The stack description.
    #[arg(value_name = "FILE", default_value = "stack.yaml", hide_default_value = false)]
    pub(crate) file: PathBuf,

    /// Set a value of the description, e.g. `--set service.image=public.ecr.aws/x/y:1`. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,

    /// Leave the migrations out: they are applied elsewhere, with `infra migrate apply`.
    #[arg(long)]
    pub(crate) skip_migrations: bool,

    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}

/// Which cloud.
#[derive(Debug, Clone, Args)]
pub(super) struct CloudArgs {
    /// Use the local cloud on this machine, and start it when it does not run.
    #[arg(long, conflicts_with = "endpoint_url")]
    pub(crate) local: bool,

    /// The folder of the local cloud.
    #[arg(long, value_name = "DIR", env = "INFRA_LOCAL_DATA", default_value = crate::local::client::DATA, hide = true)]
    pub(crate) local_data: PathBuf,

    /// Call this endpoint in place of AWS (LocalStack-compatible endpoints work; AWS_ENDPOINT_URL does the same).
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

impl StackArgs {
    /// The command that applies the stack's migrations alone.
    fn migrate_command(&self) -> String {
        let cloud = match (&self.cloud.endpoint_url, self.cloud.local) {
            (Some(url), _) => format!(" --endpoint-url {url}"),
            (None, true) => " --local".to_owned(),
            (None, false) => String::new(),
        };
        format!("infra migrate apply --stack {}{cloud}", self.file.display())
    }
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
}

impl Stage {
    /// Reads the description and finds out whose account it goes to.
    ///
    /// # Errors
    /// Bad input (exit code 3), or what AWS said.
    pub(super) async fn open(args: &StackArgs) -> Result<Self, Failure> {
        let mut loaded = load(&args.file, &args.set)?;
        if !args.skip_migrations {
            loaded = loaded.with_migrations().map_err(Failure::Invalid)?;
        }
        for warning in &loaded.warnings {
            tell(&warning.to_string());
        }
        let description = loaded.description;
        // A broken folder is bad input, and is said before anything is called.
        let folder = match description.migrations.as_ref().filter(|_| !args.skip_migrations) {
            Some(migrations) => {
                Some(Arc::new(Folder::read(&migrations.folder).map_err(|error| Failure::Input(error.into()))?))
            }
            None => None,
        };
        let local = match args.cloud.local {
            true => Some(crate::local::ensure_started(&args.cloud.local_data).await.into_diagnostic()?),
            false => None,
        };
        let options = aws::Options {
            region: description.region.as_ref().map(ToString::to_string),
            endpoint_url: local.clone().or_else(|| args.cloud.endpoint_url.clone()),
            local: args.cloud.local,
        };
        let aws = Clients::load(&options).await?;
        let account = aws.account().await?;
        if let Some(wanted) = description.account.as_ref().filter(|wanted| wanted.as_str() != account.id) {
            return Err(miette!(
                help = "Switch the profile (AWS_PROFILE), or correct `account:` in the description.",
                "The description is for account {}, and the credentials are for {} ({}). Nothing was called but GetCallerIdentity.",
                wanted.as_str(),
                account.id,
                account.caller,
            )
            .into());
        }
        let mut facts = Facts::of(&account, &aws.region);
        facts.migrations = folder;
        facts.migrate = args.migrate_command();
        facts.ca = match local {
            Some(_) => Some(crate::local::ca_path(&args.cloud.local_data)),
            None => std::env::var_os("PGSSLROOTCERT").map(PathBuf::from),
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
        Scope::observing(&self.aws, self.name(), described)
    }

    /// Everything of the stack that exists. Makes no mutating call.
    ///
    /// # Errors
    /// What AWS said, for every kind that could not be listed.
    pub(super) async fn live(&self) -> Result<Vec<Seen>, Failure> {
        let scope = self.scope(&self.intended);
        observe::everything(KINDS, &scope).await.map_err(Failure::Unseen)
    }

    /// What is wanted and what is there.
    ///
    /// # Errors
    /// What AWS said.
    pub(super) async fn survey(&self) -> Result<Survey, Failure> {
        let live = self.live().await?;
        let facts = self.facts.clone().complete(&self.description, &live, &self.aws).await?;
        let desired = expand(&self.description, &facts).into_diagnostic()?;
        Ok(Survey { desired, live })
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

/// Reads a description; says how to begin where there is none.
fn load(file: &Path, set: &[String]) -> Result<stack::Loaded, Failure> {
    if !file.exists() {
        let help = "Copy stack.example.yaml, which shows every field, to stack.yaml; or name the file.";
        return Err(Failure::Input(miette!(help = help, "There is no stack description at {}.", file.display())));
    }
    stack::load(&stack::Sources::new(file, set)).map_err(Failure::Invalid)
}
