//! `infra migrate baseline`: record migrations as applied that an existing database has already.

use console::style;
use serde_json::json;

use super::{
    differences, ended,
    progress::{Progress, Quiet},
    read_failed,
    source::{Source, SourceArgs},
    verify::{ReplayArgs, failed},
};
use crate::{
    cli::{BAD_INPUT, CLEAN, FAILED, Failure, INTERRUPTED, print, stop},
    migrate::{
        Event, Migration, Options,
        baseline::{BaselineError, Marked, Rows, baseline, rows, unrecorded},
        verify::{How, Report, VerifyError, compare::Change, of_migrations, replay},
    },
    render::{
        output::{tell, wrapped_to_tell},
        value::count,
    },
};

/// Record migrations as applied without running them, for a database that has what they make; verifies that first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For a database that was created by `drizzle-kit push`, by hand, or from a dump. It writes the rows that drizzle-kit would write. It refuses if the database lacks something that the migrations create, or has it in another form; `infra migrate verify` shows the same, and what is extra.\n\nExamples:\n  infra migrate baseline --folder drizzle            everything in the folder\n  infra migrate baseline --to 0004_extras            up to this one; apply runs the rest\n  infra migrate baseline --without-verifying         skip the check\n\nExit codes: 0 recorded or nothing to do, 1 refused or failed, 3 bad input, 130 interrupted."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    #[command(flatten)]
    replay: ReplayArgs,

    /// Record up to and including this migration.
    #[arg(long, value_name = "TAG")]
    to: Option<String>,

    /// Record them without looking whether the database has what they make.
    #[arg(long)]
    without_verifying: bool,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let (json, to) = (args.source.json, args.to.as_deref());
    let how = How { interrupt: Some(stop::announced()), ..args.replay.how()? };
    let mut source = Source::open(&args.source).await?;
    let contents = source.ledger.read(&source.client).await.map_err(read_failed)?;
    let (folder, ledger) = (source.folder.clone(), source.ledger.clone());
    let (plan, wanted) = match unrecorded(&folder, &ledger, &contents, to) {
        Ok(found) => found,
        Err(error) => return refused(error, json),
    };
    // What is verified is told with it.
    if !json && (wanted.is_empty() || args.without_verifying) {
        print(&source.heading());
    }
    if wanted.is_empty() {
        let marked = Marked { migrations: Vec::new(), before: plan.applied() };
        return Ok(recorded(&marked, &[], json));
    }
    if !args.without_verifying {
        let mut all = replay::applied(&folder, &plan);
        all.extend(&wanted);
        let report = match verified(&source, &all, &how, json).await {
            Ok(report) => report,
            Err(error) => return failed(error, json),
        };
        if lacks(&report) {
            return Ok(lacking(&report, &source, json));
        }
        if !json {
            let lines = [source.heading(), differences::way(&report)].into_iter().chain(differences::notes(&report));
            print(&lines.collect::<Vec<_>>().join("\n"));
        }
    }
    let options = Options { interrupt: how.interrupt.clone(), ..Options::default() };
    let mut progress = Progress::new(&source, json);
    let mut take = |event: Event| progress.take(&event);
    let result = baseline(&mut source.client, &folder, &ledger, to, &wanted, &options, &mut take).await;
    progress.end();
    match result {
        Ok(marked) => {
            let ours = wanted.iter().filter(|migration| marked.migrations.contains(&migration.tag));
            let rows: Vec<Rows> = ours.flat_map(|migration| rows(migration)).collect();
            Ok(recorded(&marked, &rows, json))
        }
        Err(error) => refused(error, json),
    }
}

async fn verified(source: &Source, all: &[&Migration], how: &How, json: bool) -> Result<Report, VerifyError> {
    let spinner = Quiet::new(json, "replaying");
    let Source { client, folder, ledger, .. } = source;
    let report = of_migrations(client, folder, all, ledger, how, &mut |event| spinner.take(&event)).await;
    spinner.end();
    report
}

/// What is extra does no harm; where nothing was compared, nothing is known.
fn lacks(report: &Report) -> bool {
    report.is_empty()
        || !report.absent.is_empty()
        || report.differences.iter().any(|difference| difference.change != Change::Extra)
}

fn lacking(report: &Report, source: &Source, json: bool) -> u8 {
    if json {
        let mut object = differences::json(report);
        object["result"] = json!("refused");
        return ended(object, FAILED);
    } else {
        print(&differences::text(report, source));
        let why = match report.is_empty() {
            true => "there was nothing to compare with what these migrations make",
            false => "the database is not what these migrations make",
        };
        tell(&wrapped_to_tell(&format!("{} Nothing was recorded: {why}.", style("Refused.").red().bold()), "  "));
        let way = "Record fewer with --to. Or create what is missing: record anyway with --without-verifying, then \
                   `infra migrate repair` writes a migration that creates it.";
        tell(&wrapped_to_tell(&format!("  {} {way}", style("→").cyan()), "    "));
    }
    FAILED
}

fn refused(error: BaselineError, json: bool) -> Result<u8, Failure> {
    let code = match error {
        BaselineError::NoSuchTag(_) => BAD_INPUT,
        BaselineError::Interrupted => INTERRUPTED,
        _ => FAILED,
    };
    if json {
        let result = match error {
            BaselineError::Interrupted => "interrupted",
            BaselineError::Uncertain { .. } => "unknown",
            _ => "refused",
        };
        let help = crate::render::report::help(&error);
        return Ok(ended(json!({"result": result, "message": error.to_string(), "help": help}), code));
    }
    match error {
        BaselineError::NoSuchTag(refusal) => Err(Failure::Input((*refusal).into())),
        BaselineError::Interrupted => {
            tell(&error.to_string());
            Ok(code)
        }
        other => Err(Failure::Other(other.into())),
    }
}

fn recorded(marked: &Marked, rows: &[Rows], json: bool) -> u8 {
    if json {
        return ended(as_json(marked, rows), CLEAN);
    }
    print(&match marked.migrations.is_empty() {
        true => format!("Nothing to do: {} recorded before.", count(marked.before, "migration")),
        false => as_text(marked, rows),
    });
    CLEAN
}

fn as_text(marked: &Marked, rows: &[Rows]) -> String {
    let width = marked.migrations.iter().map(|tag| console::measure_text_width(tag)).max().unwrap_or(0);
    let tags = marked.migrations.iter().map(|tag| console::pad_str(tag, width, console::Alignment::Left, None));
    let mut lines: Vec<String> = tags.map(|tag| format!("  {} {tag}  recorded, not run", style("✓").green())).collect();
    let before = match marked.before {
        0 => String::new(),
        before => format!("; {} recorded before", count(before, "migration")),
    };
    lines.push(format!("{} recorded as applied{before}.", count(marked.migrations.len(), "migration")));
    for Rows { tag, line, statement } in rows {
        lines.push(format!(
            "  {} {tag}:{line}  {statement} …  not run, and its rows were not looked for",
            style("⚠").yellow()
        ));
    }
    lines.join("\n")
}

fn as_json(marked: &Marked, rows: &[Rows]) -> serde_json::Value {
    json!({"result": "recorded", "migrations": marked.migrations, "before": marked.before, "rows_not_compared": rows})
}
