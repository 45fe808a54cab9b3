//! Migrations on the screen and as JSON.

use std::io::IsTerminal as _;
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::source::Source;
use crate::{
    migrate::{Applied, Event, Failure, Ledger, Migration, Plan, State, folder::BREAKPOINT, refusal::Refusal},
    render::value::{count, duration},
};

/// Events while they happen.
pub(super) struct Progress {
    json: bool,
    bar: Option<ProgressBar>,
    width: usize,
}

impl Progress {
    pub(super) fn new(source: &Source, json: bool) -> Self {
        let bar = spinner(json);
        Progress { json, bar, width: width(source.folder.migrations.iter().map(|migration| migration.tag.as_str())) }
    }

    pub(super) fn take(&mut self, event: &Event) {
        if self.json {
            if let Ok(text) = serde_json::to_string(event) {
                super::print(&text);
            }
            return;
        }
        let width = self.width;
        match event {
            Event::Waiting => {
                self.line(&format!("{} another migrator is at work; waiting for it", style("…").yellow()))
            }
            Event::Started { tag } => self.now(tag.clone()),
            Event::Statement { tag, number, of, text } => {
                self.now(format!("{tag} {number}/{of}  {}", style(text).dim()))
            }
            Event::Applied { tag, millis } => {
                let time = style(duration_text(*millis)).dim();
                self.line(&format!("{} {tag:width$}  {time}", style("✓").green()));
            }
            Event::Retrying { tag, attempt, message } => {
                self.line(&format!("{} {tag}: {message}; attempt {attempt}", style("↻").yellow()));
            }
            Event::Notice { severity, message } => {
                self.line(&format!("  {} {message}", style(format!("{severity}:")).dim()))
            }
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn now(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("  {text}")),
            None => crate::render::output::tell(&format!("  {text}")),
        }
    }
}

/// A spinner on a terminal; nothing elsewhere.
fn spinner(json: bool) -> Option<ProgressBar> {
    (!json && std::io::stderr().is_terminal()).then(|| {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let style = ProgressStyle::with_template("  {spinner} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    })
}

/// Which migration is at hand, on a terminal only: for what leaves nothing behind.
pub(super) struct Quiet {
    bar: Option<ProgressBar>,
    doing: &'static str,
}

impl Quiet {
    pub(super) fn new(json: bool, doing: &'static str) -> Self {
        Quiet { bar: spinner(json), doing }
    }

    pub(super) fn take(&self, event: &Event) {
        if let (Some(bar), Event::Started { tag }) = (&self.bar, event) {
            bar.set_message(format!("{} {tag}", self.doing));
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What was applied, in one line.
pub(super) fn applied(applied: &Applied) -> String {
    let millis: u64 = applied.migrations.iter().map(|migration| migration.millis).sum();
    match (applied.migrations.len(), applied.before) {
        (0, before) => format!("Nothing to do: {} applied before.", were(before)),
        (new, 0) => format!("{} applied in {}.", count(new, "migration"), duration_text(millis)),
        (new, before) => format!(
            "{} applied in {}; {} applied before.",
            count(new, "migration"),
            duration_text(millis),
            were(before)
        ),
    }
}

fn were(before: usize) -> String {
    if before == 1 { "1 migration was".to_owned() } else { format!("{before} migrations were") }
}

pub(super) fn applied_json(applied: &Applied) -> String {
    json!({"result": "applied", "migrations": applied.migrations, "before": applied.before}).to_string()
}

/// Each migration on a line, and what else is in the folder or the ledger.
pub(super) fn plan(plan: &Plan, source: &Source) -> String {
    let mut lines = vec![source.heading(), String::new()];
    let width = width(plan.migrations.iter().map(|status| status.tag.as_str()));
    for status in &plan.migrations {
        let (glyph, what) = match &status.state {
            State::Applied { applied_at, .. } => {
                (style("✓").green(), applied_at.map_or("applied".to_owned(), |at| format!("applied {}", ago(at))))
            }
            State::Pending => (style("+").cyan(), "pending".to_owned()),
            State::Edited { .. } => (style("✗").red(), "edited after it was applied".to_owned()),
            State::OutOfOrder { after } => (style("✗").red(), format!("out of order: {after} is applied")),
            State::Misordered { after } => {
                (style("✗").red(), format!("its `when` is not greater than that of {after}"))
            }
        };
        lines.push(format!("  {glyph} {:width$}  {what}", status.tag));
    }
    for stray in &plan.strays {
        let name = stray.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("  {} {name:width$}  not in the journal", style("✗").red()));
    }
    for row in &plan.unknown {
        let name = row.name.clone().unwrap_or_else(|| format!("row {}", row.id));
        let when = row.created_at.map_or("without created_at".to_owned(), |at| format!("created_at {at}"));
        lines.push(format!("  {} {name:width$}  unknown row, {when}", style("?").yellow()));
    }
    lines.push(format!("\n{}", summary(plan)));
    lines.join("\n")
}

fn summary(plan: &Plan) -> String {
    let number = |wanted: fn(&State) -> bool| plan.migrations.iter().filter(|status| wanted(&status.state)).count();
    let parts = [
        (number(|state| matches!(state, State::Applied { .. })), "applied"),
        (number(|state| matches!(state, State::Pending)), "pending"),
        (number(|state| matches!(state, State::Edited { .. })), "edited"),
        (number(|state| matches!(state, State::OutOfOrder { .. } | State::Misordered { .. })), "out of order"),
        (plan.strays.len(), "not in the journal"),
        (plan.unknown.len(), "unknown in the ledger"),
    ];
    let shown: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    if shown.is_empty() { "No migrations.".to_owned() } else { format!("{}.", shown.join(", ")) }
}

pub(super) fn plan_json(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap_or_default()
}

/// The SQL of the pending migrations, each with its ledger row.
pub(super) fn dry_run(pending: &[&Migration], ledger: &Ledger) -> String {
    if pending.is_empty() {
        return "-- Nothing to do.".to_owned();
    }
    let texts: Vec<String> = pending
        .iter()
        .map(|migration| {
            let sql = migration.sql.trim_end();
            let row = format!("-- {ledger}: hash {}, created_at {}", migration.hash, migration.when_millis);
            format!("-- {} ({})\nBEGIN;\n{sql}\n{row}\nCOMMIT;\n", migration.tag, migration.path.display())
        })
        .collect();
    texts.join("\n")
}

pub(super) fn dry_run_json(pending: &[&Migration]) -> String {
    let migrations: Vec<_> = pending
        .iter()
        .map(|migration| {
            let statements: Vec<&str> = migration.sql.split(BREAKPOINT).collect();
            json!({"tag": migration.tag, "hash": migration.hash, "path": migration.path, "statements": statements})
        })
        .collect();
    json!({"result": "dry-run", "migrations": migrations}).to_string()
}

/// One object with everything a program wants to know of a failure.
pub(super) fn failure_json(failure: &Failure) -> String {
    let mut object = json!({"result": "failed", "message": failure.to_string()});
    let help = |diagnostic: &dyn miette::Diagnostic| diagnostic.help().map(|help| help.to_string());
    match failure {
        Failure::Statement(failed) => {
            object["tag"] = json!(failed.tag);
            object["file"] = json!(failed.path);
            object["line"] = json!(failed.position.line);
            object["column"] = json!(failed.position.column);
            object["statement"] = json!(failed.statement);
            object["sqlstate"] = json!(failed.code);
            object["message"] = json!(failed.message);
            object["detail"] = json!(failed.detail);
            object["hint"] = json!(failed.hint);
            object["applied"] = json!(failed.applied);
            object["pending"] = json!(failed.pending);
        }
        Failure::Refused { refusals, .. } => {
            let reason = |refusal: &Refusal| json!({"message": refusal.to_string(), "help": help(refusal)});
            object["reasons"] = refusals.iter().map(reason).collect();
        }
        Failure::Interrupted { applied, pending } => {
            object["result"] = json!("interrupted");
            object["applied"] = json!(applied);
            object["pending"] = json!(pending);
        }
        other => object["help"] = json!(help(other)),
    }
    object.to_string()
}

fn width<'a>(tags: impl Iterator<Item = &'a str>) -> usize {
    tags.map(|tag| tag.chars().count()).max().unwrap_or(0)
}

pub(super) fn duration_text(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { duration(Duration::from_millis(millis)) }
}

fn ago(millis: i64) -> String {
    let passed = jiff::Timestamp::now().as_millisecond().saturating_sub(millis);
    format!("{} ago", duration_text(u64::try_from(passed).unwrap_or(0)))
}
