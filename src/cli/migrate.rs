//! `infra migrate`: Drizzle's migrations on any PostgreSQL, with or without a stack. One verb a file.

mod advice;
mod apply;
mod baseline;
mod differences;
mod lint;
mod new;
mod outline;
mod progress;
mod repair;
mod show;
mod source;
mod status;
mod unlock;
mod variables;
mod verify;

use clap::Subcommand;

use console::style;

use super::{BAD_INPUT, FAILED, Failure, INTERRUPTED, print};
use crate::{
    migrate::{
        self, LedgerError, Refusal,
        refusal::{MANY, groups},
    },
    render::{command::Given, output::tell},
};

/// Apply Drizzle migrations to any PostgreSQL, see which are applied, and prove that they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Apply(Box<apply::Args>),
    Status(status::Args),
    Verify(Box<verify::Args>),
    New(new::Args),
    Unlock(unlock::Args),
    Repair(Box<repair::Args>),
    Baseline(Box<baseline::Args>),
    Lint(Box<lint::Args>),
}

impl Verb {
    /// Where it finds its folder and its database; none for the one that asks no database.
    fn source(&self) -> Option<&source::SourceArgs> {
        match self {
            Verb::Apply(args) => Some(&args.source),
            Verb::Status(args) => Some(&args.source),
            Verb::Verify(args) => Some(&args.source),
            Verb::Unlock(args) => Some(&args.source),
            Verb::Repair(args) => Some(&args.source),
            Verb::Baseline(args) => Some(&args.source),
            Verb::Lint(args) => Some(&args.source),
            Verb::New(_) => None,
        }
    }
}

/// The verbs that take the arguments of a folder, a ledger and a database.
const WITH_SOURCE: [&str; 7] = [
    "migrate apply",
    "migrate status",
    "migrate verify",
    "migrate unlock",
    "migrate repair",
    "migrate baseline",
    "migrate lint",
];

impl Args {
    /// Whether it waits for the database alone. What replays has work of its own, during which a second ctrl-C has to be heard.
    pub(super) fn on_one_thread(&self) -> bool {
        matches!(self.verb, Verb::Apply(_) | Verb::Status(_))
    }

    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            Verb::New(args) => args.json,
            verb => verb.source().is_some_and(|source| source.json),
        }
    }

    /// What its verbs are to be given, where one is advised, for the same folder and database.
    pub(super) fn for_others(&self) -> Given {
        let (all, folder_alone) = match &self.verb {
            Verb::New(args) => (args.folder.for_others(), args.folder.for_others()),
            verb => verb.source().map(|it| (it.for_others(), it.folder_for_others())).unwrap_or_default(),
        };
        let mut arguments = vec![("migrate new", folder_alone)];
        arguments.extend(WITH_SOURCE.map(|verb| (verb, all.clone())));
        // What is printed may be SQL of the user's, word for word.
        let tools = self.verb.source().and_then(source::SourceArgs::tools);
        Given { arguments, everywhere: false, tools }
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    match args.verb {
        Verb::Apply(args) => Box::pin(apply::run(*args)).await,
        Verb::Status(args) => Box::pin(status::run(args)).await,
        Verb::Verify(args) => Box::pin(verify::run(*args)).await,
        Verb::New(args) => new::run(&args),
        Verb::Unlock(args) => Box::pin(unlock::run(args)).await,
        Verb::Repair(args) => Box::pin(repair::run(*args)).await,
        Verb::Baseline(args) => Box::pin(baseline::run(*args)).await,
        Verb::Lint(args) => Box::pin(lint::run(*args)).await,
    }
}

/// Says why migrations were not applied; the exit code.
fn failed(failure: migrate::Failure, json: bool) -> u8 {
    let code = match &failure {
        migrate::Failure::Interrupted { .. } => INTERRUPTED,
        migrate::Failure::Refused { refusals, .. } if matches!(&refusals[..], [Refusal::NoSuchTag { .. }]) => BAD_INPUT,
        _ => FAILED,
    };
    if json {
        return ended(show::failure_json(&failure), code);
    }
    let what = failure.to_string();
    match failure {
        migrate::Failure::Refused { refusals, .. } => {
            tell(&format!("{} {what}", style("Refused.").red().bold()));
            for group in groups(refusals, MANY) {
                tell(&format!("{:?}", miette::Report::new(group)));
            }
        }
        other => tell(&format!("{:?}", miette::Report::new(other))),
    }
    code
}

/// The last line for a program: how it ended, and with which code.
fn ended(mut end: serde_json::Value, code: u8) -> u8 {
    end["exit_code"] = code.into();
    print(&end.to_string());
    code
}

/// The ledger could not be read.
fn read_failed(error: LedgerError) -> Failure {
    Failure::Other(error.into())
}
