//! `infra completions`: completions for a shell.

use clap::CommandFactory as _;

use super::{CLEAN, Cli};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  infra completions bash > ~/.local/share/bash-completion/completions/infra")]
pub(super) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "infra", &mut script);
    super::print(&String::from_utf8_lossy(&script));
    CLEAN
}
