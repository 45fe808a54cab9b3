//! The command line: one verb a file.

pub mod local;

use clap::{Parser, Subcommand};

/// Deploys one well-known web architecture on AWS by direct calls
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The local cloud: an AWS endpoint on this machine, with a real PostgreSQL behind it
    #[command(subcommand)]
    Local(local::Local),
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> std::process::ExitCode {
        match self.verb {
            Verb::Local(verb) => verb.run(),
        }
    }
}
