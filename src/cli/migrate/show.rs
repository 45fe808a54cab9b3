//! Migrations on the screen and as JSON.

use std::io::IsTerminal as _;
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{advice, source::Source};
use crate::{
    migrate::{
        Applied, Event, Failure, Plan, State, Status,
        plan::{Duplicate, MissingStatus},
        refusal::Refusal,
    },
    render::{
        output::wrapped,
        value::{count, duration},
    },
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
            Event::Empty { tag, swallowed } => {
                let why = if *swallowed { ": what is in it stands on the comment's line" } else { "" };
                self.line(&format!("{} {tag} has no statement{why}; nothing ran", style("⚠").yellow()));
            }
            Event::Accepted { tag } => {
                let text = "its hash in the ledger is now that of the edited file; nothing of it ran";
                self.line(&format!("{} {tag}: {text}", style("⚠").yellow()));
            }
            Event::Late { tag, after } => {
                self.line(&format!("{} {tag} runs although {after} after it is applied", style("⚠").yellow()))
            }
            Event::Misordered { tag, after } => self.line(&format!(
                "{} {tag} runs although its `when` is not greater than that of {after}",
                style("⚠").yellow()
            )),
            Event::Together { count: number, apart } => {
                let alone = apart.len();
                let apart = match &apart[..] {
                    [] => String::new(),
                    tags => format!("; on its own, as it has none: {}", tags.join(", ")),
                };
                self.line(&format!(
                    "{} {} in one transaction{apart}",
                    style("…").dim(),
                    count(number - alone, "migration")
                ));
            }
            Event::Twice { tag, rows } => self.line(&format!("{} {}", style("⚠").yellow(), twice(tag, rows))),
            Event::Statement { tag, number, of, text } => {
                self.now(format!("{tag} {number}/{of}  {}", style(text).dim()))
            }
            Event::Applied { tag, millis } => {
                let time = style(duration_text(*millis)).dim();
                self.line(&format!("{} {tag:width$}  {time}", style("✓").green()));
            }
            Event::Retrying { tag, attempt, of, message, held_by } => {
                let held =
                    if held_by.is_empty() { String::new() } else { format!(", held by {}", held_by.join(" and ")) };
                self.line(&format!("{} {tag}: {message}{held}; attempt {attempt} of {of}", style("↻").yellow()));
            }
            Event::Held { by } => self.line(&format!("{} waiting for {by}", style("…").yellow())),
            Event::Resumed { tag, done, of } => {
                self.line(&format!(
                    "{} {tag}: {done} of {of} statements are done; going on from there",
                    style("↻").yellow()
                ));
            }
            Event::Dropped { tag, index } => self.line(&format!(
                "{} {tag}: dropped the INVALID index {index}, left by an attempt that failed",
                style("−").yellow()
            )),
            Event::Notice { severity, message, detail, hint } => {
                self.line(&format!("  {} {message}", style(format!("{severity}:")).dim()));
                for (word, more) in [("DETAIL:", detail), ("HINT:", hint)] {
                    if let Some(more) = more {
                        self.line(&format!("    {} {more}", style(word).dim()));
                    }
                }
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
    let millis = applied.millis;
    let text = match (applied.migrations.len(), applied.before) {
        (0, before) => format!("Nothing to do: {} applied before.", were(before)),
        (new, 0) => format!("{} applied in {}.", count(new, "migration"), duration_text(millis)),
        (new, before) => format!(
            "{} applied in {}; {} applied before.",
            count(new, "migration"),
            duration_text(millis),
            were(before)
        ),
    };
    match applied.pending {
        0 => text,
        pending => {
            format!("{text} {} still pending.", if pending == 1 { "1 is".to_owned() } else { format!("{pending} are") })
        }
    }
}

fn were(before: usize) -> String {
    if before == 1 { "1 migration was".to_owned() } else { format!("{before} migrations were") }
}

pub(super) fn applied_json(applied: &Applied) -> String {
    json!({"result": "applied", "migrations": applied.migrations, "before": applied.before, "pending": applied.pending,
           "millis": applied.millis})
    .to_string()
}

/// From how many applied migrations in a row on only the first and the last ones are shown.
const ROW: usize = 20;
/// How many of them at either end.
const ENDS: usize = 3;

/// Which of the migrations stand in the middle of a long row of applied ones, as ranges.
fn middles(plan: &Plan) -> Vec<std::ops::Range<usize>> {
    let applied = |status: &Status| matches!(status.state, State::Applied { .. });
    let mut at = 0;
    let rows = plan.migrations.chunk_by(|one, other| applied(one) == applied(other)).map(|row| {
        at += row.len();
        (at - row.len()..at, applied(&row[0]))
    });
    let long = rows.filter(|(row, applied)| *applied && row.len() >= ROW);
    long.map(|(row, _)| row.start + ENDS..row.end - ENDS).collect()
}

/// Each migration on a line, and what else is in the folder or the ledger.
pub(super) fn plan(plan: &Plan, source: &Source, all: bool) -> String {
    let mut lines = vec![source.heading(), String::new()];
    let missing = plan.missing.iter().map(|missing| missing.tag.as_str());
    let rows: Vec<String> = plan.unknown.iter().map(row_name).collect();
    let moved = plan.moved(&source.folder);
    let tags = plan.migrations.iter().map(|status| status.tag.as_str()).chain(missing);
    let width = width(tags.chain(rows.iter().map(String::as_str)));
    let middles = if all { Vec::new() } else { middles(plan) };
    let mut missing = plan.missing.iter().peekable();
    for (index, status) in plan.migrations.iter().enumerate() {
        while let Some(before) = missing.next_if(|it| it.when_millis < status.when_millis) {
            lines.push(without_file(before, width));
        }
        if let Some(middle) = middles.iter().find(|middle| middle.contains(&index)) {
            if index == middle.start {
                let text = format!("{} {:width$}  {} more applied (--all)", style("✓").green(), "…", middle.len());
                lines.push(format!("  {text}"));
            }
            continue;
        }
        let (glyph, what) = match &status.state {
            State::Applied { applied_at, .. } => (
                style("✓").green(),
                applied_at.map_or("applied".to_owned(), |at| format!("applied {}, {}", date(at), ago(at))),
            ),
            State::Pending => (style("+").cyan(), "pending".to_owned()),
            State::Edited { line_ends: false, .. } => (style("✗").red(), "edited after it was applied".to_owned()),
            State::Edited { line_ends: true, .. } => {
                (style("✗").red(), "applied with other line ends; nothing else in it is changed".to_owned())
            }
            State::OutOfOrder { after } => (style("✗").red(), format!("out of order: {after} is applied")),
            State::Misordered { after } => {
                (style("✗").red(), format!("its `when` is not greater than that of {after}"))
            }
        };
        lines.push(format!("  {glyph} {}  {what}", padded(&status.tag, width)));
    }
    lines.extend(missing.map(|last| without_file(last, width)));
    for stray in &plan.strays {
        let name = stray.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("  {} {}  not in the journal", style("✗").red(), padded(&name, width)));
    }
    for Duplicate { tag, rows } in &plan.duplicates {
        lines.push(format!("  {} {}", style("⚠").yellow(), twice(tag, rows)));
    }
    for (row, name) in plan.unknown.iter().zip(&rows) {
        let when =
            row.created_at.map_or("without created_at".to_owned(), |at| format!("created_at {at}, {}", date(at)));
        let moved = moved.iter().find(|(it, _)| it.id == row.id);
        let of = moved.map_or(String::new(), |(_, migration)| format!("; by its hash it is {}", migration.tag));
        let when = when + &of;
        lines.push(format!("  {} {}  unknown row, {when}", style("?").yellow(), padded(name, width)));
    }
    if let Some(lease) = &plan.lease {
        let last = if lease.stopped { "stopped" } else { "last seen" };
        lines.push(format!("\n  {} {lease}, {last} {}", style("…").yellow(), ago(lease.renewed)));
    }
    let times = |status: &Status| match status.state {
        State::Applied { applied_at, .. } => Some(applied_at.is_some()),
        _ => None,
    };
    let known: Vec<bool> = plan.migrations.iter().filter_map(times).collect();
    lines.push(format!("\n{}", summary(plan)));
    lines.extend(advice::lines(plan, source).into_iter().map(|line| wrapped(&format!("  {line}"), "    ")));
    if !plan.ledger_exists {
        lines.push(style(format!("The ledger {} does not exist yet.", source.ledger)).dim().to_string());
    }
    if !known.is_empty() && !known.contains(&true) {
        let text = "When they were applied is not known: a ledger of Drizzle 0.x has no column for it.";
        lines.push(style(wrapped(text, "")).dim().to_string());
    }
    lines.join("\n")
}

fn without_file(missing: &MissingStatus, width: usize) -> String {
    let applied = if missing.applied { "applied" } else { "not applied" };
    format!("  {} {}  missing file ({applied})", style("✗").red(), padded(&missing.tag, width))
}

/// What two migrators without a common lock leave behind.
fn twice(tag: &str, rows: &[i64]) -> String {
    let ids: Vec<String> = rows.iter().map(i64::to_string).collect();
    format!(
        "{tag} is recorded {} times (rows {}): two migrators ran it at the same time. Look at what it did twice.",
        rows.len(),
        ids.join(" and ")
    )
}

fn summary(plan: &Plan) -> String {
    let number = |wanted: fn(&State) -> bool| plan.migrations.iter().filter(|status| wanted(&status.state)).count();
    let parts = [
        (number(|state| matches!(state, State::Applied { .. })), "applied"),
        (number(|state| matches!(state, State::Pending)), "pending"),
        (number(|state| matches!(state, State::Edited { .. })), "edited"),
        (number(|state| matches!(state, State::OutOfOrder { .. } | State::Misordered { .. })), "out of order"),
        (plan.missing.len(), "without a file"),
        (plan.strays.len(), "not in the journal"),
        (plan.unknown.len(), "unknown in the ledger"),
    ];
    let shown: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    if shown.is_empty() { "No migrations.".to_owned() } else { format!("{}.", shown.join(", ")) }
}

pub(super) fn plan_json(plan: &Plan) -> String {
    #[derive(serde::Serialize)]
    struct Printed<'a> {
        result: &'static str,
        #[serde(flatten)]
        plan: &'a Plan,
    }
    serde_json::to_string(&Printed { result: "status", plan }).unwrap_or_default()
}

/// One object with everything a program wants to know of a failure.
pub(super) fn failure_json(failure: &Failure) -> String {
    let mut object = json!({"result": "failed", "message": failure.to_string()});
    let help = |diagnostic: &dyn miette::Diagnostic| diagnostic.help().map(|help| help.to_string());
    match failure {
        Failure::Statement(failed) => {
            object["tag"] = json!(failed.tag);
            object["file"] = json!(failed.path);
            object["at_end"] = json!(failed.at_end);
            if !failed.at_end {
                object["line"] = json!(failed.position.line);
                object["column"] = json!(failed.position.column);
                object["statement"] = json!(failed.statement);
            }
            object["sqlstate"] = json!(failed.code);
            object["message"] = json!(failed.message);
            object["detail"] = json!(failed.detail);
            object["hint"] = json!(failed.hint);
            object["context"] = json!(failed.context);
            object["remedy"] = json!(failed.remedy);
            object["escaped"] = json!(failed.escaped);
            object["half"] = json!(failed.half);
            object["invalid_index"] = json!(failed.left);
            object["applied"] = json!(failed.applied);
            object["pending"] = json!(failed.pending);
        }
        Failure::Refused { refusals, .. } => {
            let reason = |refusal: &Refusal| json!({"message": refusal.to_string(), "help": help(refusal)});
            object["reasons"] = refusals.iter().map(reason).collect();
            object["applied"] = json!(failure.applied());
        }
        Failure::Interrupted { applied, pending, half } => {
            object["result"] = json!("interrupted");
            object["half"] = json!(half);
            object["applied"] = json!(applied);
            object["pending"] = json!(pending);
        }
        Failure::TakenAway { half, applied, pending } => {
            object["help"] = json!(help(failure));
            object["half"] = json!(half);
            object["applied"] = json!(applied);
            object["pending"] = json!(pending);
        }
        other => {
            object["help"] = json!(help(other));
            object["applied"] = json!(other.applied());
        }
    }
    object.to_string()
}

fn width<'a>(tags: impl Iterator<Item = &'a str>) -> usize {
    tags.map(console::measure_text_width).max().unwrap_or(0)
}

/// As many columns wide as a terminal shows it, wide characters included.
fn padded(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    console::pad_str(text, width, console::Alignment::Left, None)
}

/// What a row is called that no migration accounts for.
fn row_name(row: &crate::migrate::ledger::Row) -> String {
    row.name.clone().unwrap_or_else(|| format!("row {}", row.id))
}

pub(super) fn duration_text(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { duration(Duration::from_millis(millis)) }
}

/// A time as people read it.
fn date(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis);
    time.map_or_else(|_| millis.to_string(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// How long ago, as roughly as people say it.
pub(super) fn ago(millis: i64) -> String {
    let passed = jiff::Timestamp::now().as_millisecond().saturating_sub(millis);
    let seconds = u64::try_from(passed).unwrap_or(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
