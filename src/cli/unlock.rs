//! `infra unlock`: remove a lock that its holder cannot give back any more.

use super::{
    CLEAN, Failure, ask, print,
    survey::{StackArgs, Stage},
};
use crate::engine::lock::{self, Holder};

/// Remove the lock of a deploy that will never give it back.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A lock whose holder is dead is taken over by the next deploy anyway, after half a minute.\nOne that is alive is told so first, and the lock goes when it has stopped, within half a minute.\n\nExample:\n  infra unlock"
)]
pub(super) struct Args {
    #[command(flatten)]
    stack: StackArgs,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    args.stack.skip_migrations = true;
    let stage = Stage::open(&args.stack).await?;
    match lock::holder(&stage.aws, stage.name()).await {
        Ok(Some(holder)) => print(&format!("Locked by {holder}.")),
        Ok(None) => {
            print(&format!("{} is not locked.", stage.name()));
            return Ok(CLEAN);
        }
        // An error that no call made is about what the parameter holds.
        Err(error) if error.action.is_empty() => print(&error.message),
        Err(error) => return Err(error.into()),
    }
    if !args.yes {
        ask::yes("If it still runs, it will be stopped before its next call. Remove the lock?")?;
    }
    lock::remove(&stage.aws, stage.name(), Holder::this(&stage.account.caller, "unlock")).await?;
    print("The lock is removed.");
    Ok(CLEAN)
}
