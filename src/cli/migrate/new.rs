//! `infra migrate new`: an empty migration for SQL that drizzle-kit does not write.

use console::style;
use serde_json::json;

use super::{ended, source::FolderArgs};
use crate::{
    cli::{CLEAN, Failure, print},
    migrate::{
        Folder, Layout,
        compose::{self, CUSTOM, Change, ComposeError, Composed},
        guard::NO_TRANSACTION,
    },
    render::output::wrapped,
};

/// Add an empty migration for SQL of your own, as `drizzle-kit generate --custom` does.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file, its entry in the journal (later than every other) and its snapshot are written as drizzle-kit writes them, so `drizzle-kit generate` continues from there.\n\nExamples:\n  infra migrate new seed_roles --folder drizzle\n  infra migrate new users_email_index --no-transaction    for CREATE INDEX CONCURRENTLY\n  infra migrate new init --folder migrations --layout v0  start a folder, without drizzle-kit"
)]
pub(super) struct Args {
    /// What it does, as part of its file's name: letters, digits, `_` and `-`.
    name: String,

    /// Start the file with `-- infra: no-transaction`: each statement is committed on its own.
    #[arg(long)]
    no_transaction: bool,

    /// Start an empty or new folder, in the layout of this version of drizzle-kit.
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<LayoutArg>,

    #[command(flatten)]
    pub(super) folder: FolderArgs,

    /// Print the result as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// How a folder is laid out.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LayoutArg {
    /// drizzle-kit up to 0.31: meta/_journal.json and a file for each migration
    V0,
    /// drizzle-kit 1.0: a folder for each migration
    V1,
}

/// The folder; a new one where a layout is asked for and nothing is there yet.
fn folder(args: &Args) -> Result<Folder, Failure> {
    let Some(layout) = args.layout else { return args.folder.read() };
    let layout = match layout {
        LayoutArg::V0 => Layout::V0,
        LayoutArg::V1 => Layout::V1,
    };
    let path = args.folder.path()?;
    if std::fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_none()) {
        return Ok(Folder::empty(path, layout));
    }
    let folder = args.folder.read()?;
    if folder.layout == layout {
        return Ok(folder);
    }
    let other = if folder.layout == Layout::V0 { "v0" } else { "v1" };
    Err(Failure::Input(miette::miette!(
        help = "Leave --layout out: a migration goes into the layout that is there. `drizzle-kit up` turns v0 into v1.",
        "{} holds migrations in the layout {other}.",
        path.display()
    )))
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let folder = folder(args)?;
    let first = if args.no_transaction { format!("{NO_TRANSACTION}\n") } else { String::new() };
    let sql = format!("{first}{CUSTOM}\n");
    match compose::add(&folder, &args.name, &sql, jiff::Timestamp::now()) {
        Ok(composed) => {
            if args.json {
                let Composed { tag, path, snapshot, files } = &composed;
                let end = json!({"result": "added", "tag": tag, "path": path, "snapshot": snapshot, "files": files});
                return Ok(ended(end, CLEAN));
            }
            files(&composed).for_each(|line| print(&line));
            if composed.snapshot.is_none() {
                print("  Without a snapshot: the migrations before it have none either.");
            }
            print(&wrapped(
                &format!(
                    "  Write the SQL into {}: `infra migrate lint` looks at it, `infra migrate apply` runs it.",
                    composed.path.display()
                ),
                "  ",
            ));
            Ok(CLEAN)
        }
        Err(error @ (ComposeError::BadName { .. } | ComposeError::Exists { .. })) => Err(Failure::Input(error.into())),
        Err(error) => Err(Failure::Other(error.into())),
    }
}

/// Every file that was written, a line each.
pub(super) fn files(composed: &Composed) -> impl Iterator<Item = String> {
    composed.files.iter().map(|file| {
        let glyph = match file.change {
            Change::Added => style("+").green(),
            Change::Changed => style("~").yellow(),
        };
        format!("{glyph} {}", file.path.display())
    })
}
