//! `infra migrate new`: an empty migration for SQL that drizzle-kit does not write.

use console::style;
use serde_json::json;

use super::source::FolderArgs;
use crate::{
    cli::{CLEAN, Failure, print},
    migrate::{
        compose::{self, CUSTOM, ComposeError},
        guard::NO_TRANSACTION,
    },
};

/// Add an empty migration for SQL of your own, as `drizzle-kit generate --custom` does.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file, its entry in the journal (later than every other) and its snapshot are written as drizzle-kit writes them,\nso `drizzle-kit generate` goes on from there.\n\nExamples:\n  infra migrate new seed_roles --folder drizzle\n  infra migrate new users_email_index --no-transaction    for CREATE INDEX CONCURRENTLY"
)]
pub(super) struct Args {
    /// What it does, as part of its file's name: letters, digits, `_` and `-`.
    name: String,

    /// Begin the file with `-- infra: no-transaction`: each statement is committed on its own.
    #[arg(long)]
    no_transaction: bool,

    #[command(flatten)]
    folder: FolderArgs,

    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.json
    }
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let folder = args.folder.read()?;
    let first = if args.no_transaction { format!("{NO_TRANSACTION}\n") } else { String::new() };
    let sql = format!("{first}{CUSTOM}\n");
    match compose::add(&folder, &args.name, &sql, jiff::Timestamp::now()) {
        Ok(composed) => {
            if args.json {
                let (path, snapshot) = (&composed.path, &composed.snapshot);
                print(&json!({"result": "added", "tag": composed.tag, "path": path, "snapshot": snapshot}).to_string());
                return Ok(CLEAN);
            }
            print(&format!("{} {}", style("+").green(), composed.path.display()));
            if composed.snapshot.is_none() {
                print("  Without a snapshot: the migrations before it have none either.");
            }
            print("  Write the SQL into it: `infra migrate lint` looks at it, `infra migrate apply` runs it.");
            Ok(CLEAN)
        }
        Err(error @ (ComposeError::BadName { .. } | ComposeError::Exists { .. })) => Err(Failure::Input(error.into())),
        Err(error) => Err(Failure::Other(error.into())),
    }
}
