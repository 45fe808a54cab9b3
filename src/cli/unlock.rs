//! `infra unlock`: remove a lock that its holder cannot give back any more.

use miette::miette;

use super::{
    CLEAN, Failure, ask, print,
    survey::{StackArgs, Stage},
};
use crate::{
    engine::lock::{self, Holder, Refused, Removed},
    render::output::tell,
};

/// Remove a lock whose holder will never release it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "If the holder is dead, the next deploy takes the lock over anyway, after half a minute. If it is alive, it is told to stop first, and the lock is removed once it has, within half a minute.\n\nExample:\n  infra unlock"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    args.stack.skip_migrations = true;
    let stage = Stage::quietly(&args.stack).await?;
    let Some(found) = lock::find(&stage.aws, stage.name()).await? else {
        print(&format!("{} is not locked.", stage.name()));
        return Ok(CLEAN);
    };
    print(&found.to_string());
    if !args.yes {
        ask::yes("If that run is still going, it will be stopped before its next call. Remove the lock?")?;
    }
    let me = Holder::this(&stage.account.caller, "unlock");
    let removing = lock::remove(&stage.aws, stage.name(), me, &found, &tell);
    let removed = Box::pin(removing).await.map_err(|refused| match refused {
        Refused::Aws(error) => Failure::Aws(error),
        refused => miette!("{refused}").into(),
    })?;
    print(&match removed {
        Removed::Gone => "The lock has been removed.".to_owned(),
        Removed::Ended => format!("That run has ended by itself; {} is no longer locked.", stage.name()),
        Removed::Taken(found) => {
            format!("That lock has been removed. By now there is another one, which is kept. {found}")
        }
        Removed::Another(found) => {
            return Err(miette!(
                help = "Run the same command again if that is the one to remove.",
                "By now there is another lock, so nothing was changed. {found}"
            )
            .into());
        }
    });
    Ok(CLEAN)
}
