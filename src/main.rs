//! Arguments in, exit code out.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    infra::cli::Cli::parse().run()
}
