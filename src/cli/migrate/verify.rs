//! `infra migrate verify`: is what the applied migrations make really in the database, and nothing else?

use super::{
    differences, ended,
    progress::Quiet,
    source::{Source, SourceArgs},
};
use crate::{
    cli::{CLEAN, FAILED, Failure, INTERRUPTED, print, stop},
    migrate::{
        Target,
        verify::{How, Report, VerifyError, verify},
    },
};

/// Prove that the database is what its applied migrations create; shows what is missing, different or extra.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The applied migrations are run again in a scratch database, which is dropped afterwards, and the two catalogs are compared: schemas, tables, columns, constraints, indexes, enums and other types, sequences, views, functions, aggregates, triggers, rules, policies, row level security, replica identities, statistics, collations, operators, casts, text search, comments; extensions, foreign servers and user mappings (not their passwords), publications, event triggers. Not compared: owners, grants, data, the order of columns, and rare kinds of objects (operator classes, foreign tables, languages …); a note says how many of those the migrations create. Schemas in which they create nothing are named, not compared. The database itself is only read. If the user may not create a database (CREATEDB), or a pooler does not lead to a new one, a PostgreSQL of the same version is started on this machine for it, and removed afterwards; if none is installed, the names in the migrations' statements are looked for instead. The output says which way was taken.\n\nExamples:\n  infra migrate verify --folder drizzle --url 'postgres://me@127.0.0.1/shop?sslmode=disable'\n  infra migrate verify --stack stack.yaml        through the stack's proxy\n  infra migrate verify --schema app              only this schema\n  infra migrate verify --scratch-url 'postgres://postgres@127.0.0.1/postgres?sslmode=disable'\n  infra migrate verify --json | jq -r '.differences[] | \"\\(.change) \\(.object)\"'\n\nExit codes: 0 the same, 1 different, nothing to compare, or failed; 3 bad input, 130 interrupted."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    #[command(flatten)]
    replay: ReplayArgs,

    /// Create no scratch database: only look for the names in the migrations' statements. Finds only what is missing.
    #[arg(long, conflicts_with = "scratch_url")]
    no_replay: bool,
}

/// How migrations are replayed and compared; for every verb that does so.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Compare only this schema. May be repeated. Default: the schemas that the migrations touch.
    #[arg(long, value_name = "NAME")]
    schema: Vec<String>,

    /// Create the scratch database on this server instead of the database's own, e.g. a local PostgreSQL of the same version.
    #[arg(long, value_name = "URL", env = "SCRATCH_DATABASE_URL", hide_env_values = true)]
    scratch_url: Option<String>,
}

impl ReplayArgs {
    /// Checked; before anything is connected to.
    pub(super) fn how(&self) -> Result<How, Failure> {
        let roots = std::env::var_os("PGSSLROOTCERT").map(Into::into);
        let scratch = self.scratch_url.as_deref().map(|url| Target::from_url(url, roots)).transpose();
        Ok(How {
            schemas: self.schema.clone(),
            scratch: scratch.map_err(|error| Failure::Input(miette::miette!("--scratch-url: {error}")))?,
            own_server: true,
            without_replay: false,
            interrupt: None,
        })
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let how = How { without_replay: args.no_replay, interrupt: Some(stop::announced()), ..args.replay.how()? };
    let source = Source::open(&args.source).await?;
    let report = match report(&source, &how, args.source.json).await {
        Ok(report) => report,
        Err(error) => return failed(error, args.source.json),
    };
    // Where nothing could be compared, nothing is proved: it may be another database than the one that is meant.
    let code = if report.is_same() && !report.is_empty() { CLEAN } else { FAILED };
    if args.source.json {
        return Ok(ended(differences::json(&report), code));
    }
    print(&format!("{}{}", differences::text(&report, &source), differences::hint(&report, &source)));
    Ok(code)
}

/// Verifies, showing which migration is being replayed.
pub(super) async fn report(source: &Source, how: &How, json: bool) -> Result<Report, VerifyError> {
    let spinner = Quiet::new(json, "replaying");
    let Source { client, folder, ledger, .. } = source;
    let report = verify(client, folder, ledger, how, &mut |event| spinner.take(&event)).await;
    spinner.end();
    report
}

/// Says why nothing can be said.
pub(super) fn failed(error: VerifyError, json: bool) -> Result<u8, Failure> {
    match error {
        VerifyError::Interrupted if json => {
            Ok(ended(serde_json::json!({"result": "interrupted", "message": error.to_string()}), INTERRUPTED))
        }
        VerifyError::Interrupted => {
            crate::render::output::tell(&error.to_string());
            Ok(INTERRUPTED)
        }
        VerifyError::NoSchema { .. } => Err(Failure::Input(error.into())),
        other => Err(Failure::Other(other.into())),
    }
}
