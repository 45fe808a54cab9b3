//! The command line: one verb a file. Here are the arguments' types and the way to an exit code.

mod ask;
mod completions;
mod deploy;
mod destroy;
mod diff;
mod failure;
mod files;
mod graph;
mod iam_policy;
mod import;
pub mod local;
mod migrate;
mod outputs;
mod program;
mod run;
mod schema;
mod status;
mod stop;
mod survey;
mod unlock;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use miette::miette;

pub use failure::Failure;

use crate::{
    aws::telling,
    render::{
        command,
        output::{self, print},
        report,
    },
};

/// Everything is well.
pub const CLEAN: u8 = 0;
/// Something failed; running the same command again goes on from there.
pub const FAILED: u8 = 1;
/// `diff --exit-code` found changes, or could not find out whether there are any.
pub const CHANGES: u8 = 2;
/// The arguments or the description are wrong; nothing was called that changes anything.
pub const BAD_INPUT: u8 = 3;
/// Stopped by a signal.
pub const INTERRUPTED: u8 = 130;

/// One command, one YAML file: VPC, Aurora Serverless v2, RDS Proxy, App Runner and Drizzle migrations on AWS.
#[derive(Debug, Parser)]
#[command(
    name = "infra",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  infra deploy --local stack.example.yaml   try everything on this machine, without an AWS account\n  infra diff                                show what would change\n  infra deploy                              do it\n\nExit codes: 0 clean, 1 failed, 2 changes found (diff --exit-code), 3 bad input, 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Diff(diff::Args),
    Deploy(deploy::Args),
    Destroy(destroy::Args),
    Status(status::Args),
    Outputs(outputs::Args),
    Validate(validate::Args),
    Schema(schema::Args),
    Graph(graph::Args),
    Migrate(migrate::Args),
    /// Run the local cloud: AWS on this machine, with a real PostgreSQL behind it.
    #[command(subcommand, after_help = local::WHO_STARTS)]
    Local(local::Local),
    Import(import::Args),
    IamPolicy(iam_policy::Args),
    Unlock(unlock::Args),
    Completions(completions::Args),
}

/// Runs what the arguments say.
pub fn run() -> ExitCode {
    // There is one already only where this is called twice in a process.
    let _ = miette::set_hook(Box::new(report::reporter));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { BAD_INPUT } else { CLEAN };
            if code == BAD_INPUT && std::env::args_os().any(|argument| argument == "--json") {
                let message = error.render().to_string();
                print(&Failure::Input(miette!("{}", message.trim())).json().to_string());
            }
            // A closed pipe is nothing to complain about.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if let Err(failure) = files::make_room() {
        return ExitCode::from(failure.tell(cli.verb.json()));
    }
    if let Verb::Local(local) = cli.verb {
        let code = local.run();
        return if code == ExitCode::SUCCESS { told(CLEAN) } else { code };
    }
    let mut runtime = match cli.verb.on_one_thread() {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match runtime.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(&format!("The asynchronous runtime cannot be started: {error}."));
            return ExitCode::from(FAILED);
        }
    };
    let json = cli.verb.json();
    if let Some(given) = cli.verb.for_others() {
        command::take(given);
    }
    let end = runtime.block_on(Box::pin(telling(|text| output::tell(&text), verb(cli.verb))));
    runtime.shutdown_background();
    let code = match end {
        Ok(code) => told(code),
        Err(failure) => ExitCode::from(failure.tell(json)),
    };
    command::tools().into_iter().for_each(output::tell);
    code
}

impl Verb {
    /// What other verbs are to be given, where one is advised, to be asked about the same.
    fn for_others(&self) -> Option<command::Given> {
        let stack = match self {
            Verb::Diff(args) => &args.stack,
            Verb::Deploy(args) => &args.stack,
            Verb::Destroy(args) => &args.stack,
            Verb::Status(args) => &args.stack,
            Verb::Outputs(args) => &args.stack,
            Verb::Import(args) => &args.stack,
            Verb::IamPolicy(args) => &args.stack,
            Verb::Unlock(args) => &args.stack,
            Verb::Migrate(args) => return Some(args.for_others()),
            Verb::Validate(_) | Verb::Schema(_) | Verb::Graph(_) | Verb::Completions(_) | Verb::Local(_) => {
                return None;
            }
        };
        Some(stack.commands())
    }

    /// Whether it waits for one connection and nothing else: then a second thread would only be one to be woken.
    fn on_one_thread(&self) -> bool {
        matches!(self, Verb::Migrate(args) if args.on_one_thread())
    }

    /// Whether the answer is for a program: then it ends with an object that says how it ended, whatever happens.
    fn json(&self) -> bool {
        match self {
            Verb::Diff(args) => args.json(),
            Verb::Deploy(args) => args.json(),
            Verb::Destroy(args) => args.json(),
            Verb::Status(args) => args.json(),
            Verb::Outputs(args) => args.json(),
            Verb::Migrate(args) => args.json(),
            // It counts its own findings to the end.
            Verb::Validate(_) | Verb::Local(_) => false,
            Verb::Schema(_) | Verb::Graph(_) | Verb::Completions(_) => false,
            Verb::Import(_) | Verb::IamPolicy(_) | Verb::Unlock(_) => false,
        }
    }
}

async fn verb(verb: Verb) -> Result<u8, Failure> {
    match verb {
        Verb::Diff(args) => diff::run(args).await,
        Verb::Deploy(args) => Box::pin(deploy::run(args)).await,
        Verb::Destroy(args) => Box::pin(destroy::run(args)).await,
        Verb::Status(args) => status::run(args).await,
        Verb::Outputs(args) => outputs::run(args).await,
        Verb::Validate(args) => Ok(validate::run(&args)),
        Verb::Schema(args) => Ok(schema::run(&args)),
        Verb::Graph(args) => graph::run(&args),
        Verb::Migrate(args) => migrate::run(args).await,
        // The local cloud brings a runtime of its own.
        Verb::Local(_) => Ok(CLEAN),
        Verb::Import(args) => Box::pin(import::run(args)).await,
        Verb::IamPolicy(args) => iam_policy::run(args).await,
        Verb::Unlock(args) => unlock::run(args).await,
        Verb::Completions(args) => Ok(completions::run(&args)),
    }
}

/// The exit code, unless a part of what was to be printed is lost: then whoever reads it must not take it for whole.
fn told(code: u8) -> ExitCode {
    match output::lost() {
        Some(error) if code == CLEAN || code == CHANGES => {
            output::tell(&format!("A part of the output was lost: {error}. What was to be done is done."));
            ExitCode::from(FAILED)
        }
        _ => ExitCode::from(code),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Help is fitted to the terminal: a paragraph that is broken by hand in a longer line would be broken twice.
    #[test]
    fn no_help_is_broken_by_hand_where_it_is_broken_anyway() {
        let mut commands = vec![Cli::command()];
        let mut looked_at = 0;
        while let Some(command) = commands.pop() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for (line, next) in text.lines().zip(text.lines().skip(1)) {
                let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
                let is_broken = is_prose(line) && is_prose(next) && line.chars().count() > 96;
                assert!(!is_broken, "infra {}: {line}", command.get_name());
                looked_at += 1;
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(looked_at > 50, "{looked_at}");
    }
}
