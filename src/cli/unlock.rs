//! `infra unlock`: remove a lock that its holder cannot give back any more.

use super::{
    CLEAN, Failure, ask, print,
    survey::{StackArgs, Stage},
};
use crate::{aws::Class, engine::lock};

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

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    args.stack.skip_migrations = true;
    let stage = Stage::open(&args.stack).await?;
    match lock::holder(&stage.aws, stage.name()).await {
        Ok(Some(holder)) => print(&format!("Locked by {holder}.")),
        Ok(None) => {
            print(&format!("{} is not locked.", stage.name()));
            return Ok(CLEAN);
        }
        // Something that is no lock stands in the lock's place.
        Err(error) if error.class == Class::Other => print(&error.message),
        Err(error) => return Err(error.into()),
    }
    if !args.yes {
        ask::yes("If it still runs, it stops before its next call. Remove the lock?")?;
    }
    lock::remove(&stage.aws, stage.name()).await?;
    print("The lock is removed.");
    Ok(CLEAN)
}
