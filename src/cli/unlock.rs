//! `infra unlock`: remove a lock that its holder cannot give back any more.

use super::{
    CLEAN, Failure, ask, print,
    survey::{StackArgs, Stage},
};
use crate::engine::lock;

/// Remove the lock of a deploy that will never give it back.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A lock whose holder is dead is taken over by the next deploy anyway, after half a minute.\n\nExample:\n  infra unlock"
)]
pub(super) struct Args {
    #[command(flatten)]
    stack: StackArgs,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::open(&args.stack).await?;
    let Some(holder) = lock::holder(&stage.aws, stage.name()).await? else {
        print(&format!("{} is not locked.", stage.name()));
        return Ok(CLEAN);
    };
    print(&format!("Locked by {holder}."));
    if !args.yes {
        ask::yes("If it still runs, it stops before its next call. Remove the lock?")?;
    }
    lock::remove(&stage.aws, stage.name()).await?;
    print("The lock is removed.");
    Ok(CLEAN)
}
