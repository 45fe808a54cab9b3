//! `infra migrate status`: what each migration is in this database.

mod show;

use super::{
    ended, read_failed,
    source::{Source, SourceArgs},
};
use crate::{
    cli::{CHANGES, CLEAN, Failure, print},
    migrate,
};

/// Show the state of every migration: applied (and when), pending, edited, out of order, missing, not in the journal, unknown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra migrate status --folder drizzle\n  infra migrate status --exit-code && echo up to date\n  infra migrate status --json | jq -r '.migrations[] | \"\\(.tag) \\(.state)\"'"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    /// Show every migration, even where many in a row are applied.
    #[arg(long)]
    all: bool,

    /// Exit with 2 unless everything in the folder is applied as written.
    #[arg(long)]
    exit_code: bool,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let (mut source, missing) = Source::survey(&args.source).await?;
    let mut plan = migrate::status(&mut source.client, &source.folder, &source.ledger).await.map_err(read_failed)?;
    plan.account_for(missing, source.folder.layout);
    let current = plan.is_current() && source.folder.strays.is_empty();
    let code = if args.exit_code && !current { CHANGES } else { CLEAN };
    if args.source.json {
        return Ok(ended(show::json(&plan, &source.folder), code));
    }
    print(&show::text(&plan, &source, args.all));
    Ok(code)
}
