//! `infra migrate apply`: apply what is pending.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    ended, failed, outline,
    progress::Progress,
    show,
    source::{Source, SourceArgs},
};
use crate::{
    cli::{CLEAN, Failure, print, stop},
    migrate::{self, Accept, Allow, Event, Options},
    stack::{self, Migrations, TransactionScope},
};

/// Apply pending migrations, each in a transaction of its own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Drizzle's ledger is kept exactly as drizzle-kit keeps it, so you can alternate between the two. What drizzle-kit would silently skip (out of order, edited, not in the journal) is refused before anything runs.\n\nExamples:\n  infra migrate apply --folder drizzle --url 'postgres://me@127.0.0.1/shop?sslmode=disable'\n  infra migrate apply --dry-run             print the SQL that would run\n  infra migrate apply --to 0004_extras      no further than that\n  infra migrate apply --stack stack.yaml    through the stack's proxy, with its secret\n\nA file whose first line is `-- infra: no-transaction` runs outside of a transaction, for CREATE INDEX CONCURRENTLY and the like: its statements are committed one by one, and a run that was stopped between two of them is continued by the next.\n\nExit codes: 0 applied or nothing to do, 1 failed, 3 bad input, 130 interrupted."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    /// Print what would run, and run nothing.
    #[arg(long)]
    dry_run: bool,

    /// Apply up to and including this migration.
    #[arg(long, value_name = "TAG")]
    to: Option<String>,

    /// What shares a transaction. Default: `migrations.transaction` in the folder's stack description, or each.
    #[arg(long, value_name = "SCOPE")]
    transaction: Option<Scope>,

    /// How many seconds a statement waits for a lock before it is retried. Default: as in the description, or 5.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    lock_timeout: Option<Duration>,

    /// How many seconds a statement may run. Default: as in the description, or unlimited, whatever the role's default is.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    statement_timeout: Option<Duration>,

    /// Apply migrations that are older than an applied one.
    #[arg(long)]
    allow_out_of_order: bool,

    /// Accept files that were edited after they were applied: nothing in them runs, but the ledger gets their hash. Only these
    /// migrations, or all if none is named. Pending migrations are applied as usual.
    #[arg(long, value_name = "TAG", num_args = 0.., value_delimiter = ',')]
    accept_edited: Option<Vec<String>>,

    /// Continue even if the ledger has rows that the folder does not account for.
    #[arg(long)]
    allow_unknown_rows: bool,

    /// Ignore `.sql` files that are not in the journal.
    #[arg(long)]
    ignore_strays: bool,
}

/// What shares a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scope {
    /// Each migration with its ledger row: a failure keeps the migrations before it
    Each,
    /// Everything pending, as in Drizzle: a failure rolls everything back
    All,
}

impl Args {
    /// What the command line says, else the description, else what is right for a deploy.
    fn options(&self, described: Option<&Migrations>, interrupt: watch::Receiver<bool>) -> Options {
        let all = described.map(|it| it.transaction == TransactionScope::All).unwrap_or_default();
        let standard = Options::default();
        let statement_timeout = described.and_then(|it| it.statement_timeout.map(stack::Duration::get));
        Options {
            to: self.to.clone(),
            allow: Allow {
                out_of_order: self.allow_out_of_order,
                edited: match &self.accept_edited {
                    None => Accept::Nothing,
                    Some(tags) if tags.is_empty() => Accept::All,
                    Some(tags) => Accept::Only(tags.clone()),
                },
                unknown_rows: self.allow_unknown_rows,
                strays: self.ignore_strays,
            },
            together: self.transaction.map_or(all, |scope| scope == Scope::All),
            lock_timeout: self
                .lock_timeout
                .or(described.map(|it| it.lock_timeout.get()))
                .unwrap_or(standard.lock_timeout),
            statement_timeout: self.statement_timeout.or(statement_timeout),
            interrupt: Some(interrupt),
            ..standard
        }
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let interrupt = stop::announced();
    let mut source = Source::open(&args.source).await?;
    let options = args.options(source.described.as_ref(), interrupt);
    if args.dry_run {
        return Ok(dry_run(&source, &options, args.source.json).await);
    }
    // Where it is told by other means, that was said already.
    if !args.source.json && args.source.says_database() {
        crate::render::output::tell(&console::style(source.heading()).dim().to_string());
    }
    let mut progress = Progress::new(&source, args.source.json);
    let Source { client, folder, ledger, .. } = &mut source;
    let result = migrate::apply(client, folder, ledger, &options, &mut |event: Event| progress.take(&event)).await;
    progress.end();
    match result {
        Ok(applied) if args.source.json => Ok(ended(show::applied_json(&applied), CLEAN)),
        Ok(applied) => {
            print(&show::applied(&applied));
            Ok(CLEAN)
        }
        Err(failure) => Ok(failed(failure, args.source.json)),
    }
}

/// Exactly what would run.
async fn dry_run(source: &Source, options: &Options, json: bool) -> u8 {
    match migrate::outline::outline(&source.client, &source.folder, &source.ledger, options).await {
        Ok(outline) if json => ended(outline::json(&outline), CLEAN),
        Ok(outline) => {
            print(&outline::text(&outline));
            CLEAN
        }
        Err(failure) => failed(failure, json),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds < 1e9 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("{text} is not a number of seconds greater than 0")),
    }
}
