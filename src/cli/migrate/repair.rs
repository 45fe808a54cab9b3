//! `infra migrate repair`: the next migration, which makes what verify found missing.

use console::style;
use serde_json::json;

use super::{
    differences, ended, new, read_failed,
    source::{Source, SourceArgs},
    verify::{ReplayArgs, failed, report},
};
use crate::{
    cli::{CLEAN, FAILED, Failure, print, stop},
    migrate::{
        Allow, Plan, Refusal, State, Status,
        compose::Composed,
        failure::list,
        ledger::Contents,
        plan::plan,
        refusal,
        repair::{self, Obstacle, Repair},
        verify::{How, Report, Way, compare::Change},
    },
    render::{output::wrapped, value::count},
};

/// Write the next migration, which makes what verify found missing; never touches rows, never drops.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The migration is written as drizzle-kit writes a custom one, with its journal entry and snapshot, and shown; apply it with `infra migrate apply` or `drizzle-kit migrate`. Each statement can be run again. What could lose data, or would fail on the rows that are there (another type, NOT NULL where there are NULLs, a key that is not unique), is listed and left for somebody to decide; so are objects that no migration makes. The database itself is only read.\n\nExamples:\n  infra migrate repair --folder drizzle --dry-run    show it, write nothing\n  infra migrate repair && infra migrate apply && infra migrate verify\n\nExit codes: 0 everything missing is made by it, or nothing is missing; 1 something is left for somebody to decide, others have to be applied first, or it failed; 3 bad input, 130 interrupted."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,

    #[command(flatten)]
    replay: ReplayArgs,

    /// Show what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let json = args.source.json;
    let how = How { interrupt: Some(stop::announced()), ..args.replay.how()? };
    let source = Source::open(&args.source).await?;
    let report = match report(&source, &how, json).await {
        Ok(report) => report,
        Err(error) => return failed(error, json),
    };
    if let Way::Statements { because } = &report.way
        && report.migrations > 0
    {
        let help = format!("A repair is made of what a replay makes. {}", because.remedy().unwrap_or_default());
        return Err(Failure::Other(miette::miette!(help = help, "Nothing can be repaired: {because}.")));
    }
    let repair = repair::repair(&source.client, &report).await;
    let outcome = Outcome::of(&source, &repair, args.dry_run).await?;
    let refused = matches!(outcome, Outcome::Refused { .. });
    let code = if repair.obstacles.is_empty() && !refused { CLEAN } else { FAILED };
    if json {
        return Ok(ended(as_json(&outcome, &repair), code));
    }
    print(&as_text(&outcome, &repair, &report, &source));
    Ok(code)
}

/// The command that applies the repair, with what it takes to let through that stands against it.
fn applying(source: &Source, contents: &Contents, plan: &Plan) -> String {
    let Source { folder, ledger, .. } = source;
    let found = refusal::refusals(plan, folder, ledger, contents.has_name, &Allow::default(), None);
    let mut options: Vec<String> = found.iter().filter_map(Refusal::option).collect();
    options.sort_unstable();
    options.dedup();
    let why = if options.is_empty() { "" } else { "   (`infra migrate status` shows why it takes that)" };
    let options: String = options.iter().map(|option| format!(" {option}")).collect();
    format!("{}{options}{why}", source.command("apply"))
}

/// What became of the migration.
enum Outcome {
    /// Nothing can be made.
    Nothing,
    /// It is in the folder, and waits to be applied.
    Waiting { tag: String, apply: String },
    /// What is not applied yet would run before it, on a database that is as the applied ones make it and on one that is not.
    Refused { pending: Vec<String>, apply: String },
    /// It would be written, or refused if these are not applied before.
    Shown { sql: String, pending: Vec<String> },
    /// It was written.
    Written { sql: String, composed: Composed, apply: String },
}

impl Outcome {
    async fn of(source: &Source, repair: &Repair, dry_run: bool) -> Result<Self, Failure> {
        if repair.steps.is_empty() {
            return Ok(Outcome::Nothing);
        }
        let Source { client, folder, ledger, .. } = source;
        let contents = ledger.read(client).await.map_err(read_failed)?;
        let plan = plan(folder, &contents);
        let sql = repair::text(repair);
        let apply = applying(source, &contents, &plan);
        let pairs = folder.migrations.iter().zip(&plan.migrations);
        let unapplied = |status: &Status| !matches!(status.state, State::Applied { .. } | State::Edited { .. });
        let unapplied: Vec<_> = pairs.filter(|(_, status)| unapplied(status)).map(|(migration, _)| migration).collect();
        if let Some(migration) = unapplied.iter().find(|migration| migration.sql == sql) {
            return Ok(Outcome::Waiting { tag: migration.tag.clone(), apply });
        }
        let pending: Vec<String> = unapplied.iter().map(|migration| migration.tag.clone()).collect();
        if dry_run {
            return Ok(Outcome::Shown { sql, pending });
        }
        if !pending.is_empty() {
            return Ok(Outcome::Refused { pending, apply });
        }
        let composed = repair::write(folder, &contents, &sql).map_err(|error| Failure::Other(error.into()))?;
        Ok(Outcome::Written { sql, composed, apply })
    }

    fn word(&self) -> &'static str {
        match self {
            Outcome::Nothing => "nothing-to-do",
            Outcome::Waiting { .. } => "waiting",
            Outcome::Refused { .. } => "refused",
            Outcome::Shown { .. } => "dry-run",
            Outcome::Written { .. } => "written",
        }
    }
}

fn as_text(outcome: &Outcome, repair: &Repair, report: &Report, source: &Source) -> String {
    let mut lines = vec![source.heading(), differences::way(report)];
    lines.extend(differences::notes(report));
    lines.push(String::new());
    if let Outcome::Shown { sql, .. } | Outcome::Written { sql, .. } = outcome {
        lines.extend(
            sql.lines().map(|line| {
                if line.starts_with("--") { format!("  {}", style(line).dim()) } else { format!("  {line}") }
            }),
        );
        lines.push(String::new());
    }
    // What is written has them as comments.
    let unwritten = matches!(outcome, Outcome::Nothing | Outcome::Waiting { .. } | Outcome::Refused { .. });
    for Obstacle { id, reason, statements, .. } in &repair.obstacles {
        lines.push(wrapped(&format!("{} {id} is not repaired: {reason}.", style("✗").red()), "  "));
        let statements = statements.iter().filter(|_| unwritten).flat_map(|statement| statement.lines());
        lines.extend(statements.map(|line| format!("      {}", style(line).dim())));
    }
    let extra = report.differences.iter().filter(|it| it.change == Change::Extra).count();
    if extra > 0 {
        let verb = if extra == 1 { "is" } else { "are" };
        lines.push(wrapped(&format!("{} {verb} extra. {}", count(extra, "object"), differences::EXTRA), "  "));
    }
    lines.push(match outcome {
        Outcome::Nothing if report.migrations == 0 => {
            "Nothing was repaired: what should be there is known from applied migrations alone.".to_owned()
        }
        Outcome::Nothing if repair.obstacles.is_empty() => {
            format!("{} Nothing is missing{}.", style("✓").green(), differences::as_far(report))
        }
        Outcome::Nothing => wrapped(
            "Nothing was written: each of these is for somebody to decide. What is decided goes into a migration of its own: \
             `infra migrate new NAME`, the statements above as a beginning; then `infra migrate apply`, and `infra migrate verify`.",
            "",
        ),
        Outcome::Waiting { tag, apply } => {
            format!("{} {tag} is there already and makes it. Apply it: {apply}", style("✓").green())
        }
        Outcome::Refused { pending, apply } => format!(
            "{}\n{}\n{}",
            wrapped(&format!("{} Nothing was written: {}", style("✗").red(), before_it(pending)), "  "),
            wrapped(&format!("  Apply what is pending first, then see what is missing still: {apply}"), "    "),
            wrapped(
                &format!(
                    "  Where that fails for want of what is missing: `{}` shows the statements that make it. Run them yourself (each \
                     can run twice), and apply then.",
                    source.command("repair --dry-run")
                ),
                "    ",
            ),
        ),
        Outcome::Shown { pending, .. } if pending.is_empty() => "Nothing was written (--dry-run).".to_owned(),
        Outcome::Shown { pending, .. } => {
            wrapped(&format!("Nothing was written (--dry-run), nor would it be without: {}", before_it(pending)), "")
        }
        Outcome::Written { composed, apply, .. } => {
            let files: Vec<String> = new::files(composed).collect();
            format!("{}\n  Apply it: {apply}", files.join("\n"))
        }
    });
    lines.join("\n")
}

/// Why there is no repair beside what is not applied yet.
fn before_it(pending: &[String]) -> String {
    let (are, them, they) = if pending.len() == 1 { ("is", "it", "it") } else { ("are", "them", "they") };
    format!(
        "{} {are} not applied yet, and a repair would come after {them}: a new database would get back what {they} may have dropped.",
        list(pending)
    )
}

fn as_json(outcome: &Outcome, repair: &Repair) -> serde_json::Value {
    let mut object = json!({"result": outcome.word()});
    match outcome {
        Outcome::Nothing => {}
        Outcome::Waiting { tag, .. } => object["tag"] = json!(tag),
        Outcome::Refused { pending, .. } => object["pending"] = json!(pending),
        Outcome::Shown { sql, pending } => {
            object["sql"] = json!(sql);
            object["pending"] = json!(pending);
        }
        Outcome::Written { sql, composed, .. } => {
            object["tag"] = json!(composed.tag);
            object["path"] = json!(composed.path);
            object["snapshot"] = json!(composed.snapshot);
            object["files"] = json!(composed.files);
            object["sql"] = json!(sql);
        }
    }
    let mut repaired: Vec<String> = repair.steps.iter().map(|step| step.id.to_string()).collect();
    repaired.dedup();
    object["repaired"] = json!(repaired);
    let obstacle =
        |it: &Obstacle| json!({"object": it.id.to_string(), "reason": it.reason, "statements": it.statements});
    object["not_repaired"] = repair.obstacles.iter().map(obstacle).collect();
    object
}
