//! `infra schema`: the JSON schema of a description, for editors.

use super::CLEAN;
use crate::stack;

/// Print the JSON schema of stack descriptions, for editors.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  infra schema > stack.schema.json\n  and, as the first line of stack.yaml:\n  # yaml-language-server: $schema=stack.schema.json"
)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> u8 {
    super::print(&format!("{:#}", stack::json_schema()));
    CLEAN
}
