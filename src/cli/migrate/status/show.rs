//! What each migration is, on the screen and as JSON.

use console::style;
use serde_json::{Value, json};

use crate::{
    cli::migrate::{
        advice,
        show::{ago, padded, twice, width},
        source::Source,
    },
    migrate::{
        Folder, Plan, State, Status,
        plan::{Duplicate, MissingStatus},
    },
    render::output::wrapped,
};

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
pub(super) fn text(plan: &Plan, source: &Source, all: bool) -> String {
    let mut lines = vec![source.heading(), String::new()];
    let missing = plan.missing.iter().map(|missing| missing.tag.as_str());
    let rows: Vec<String> = plan.unknown.iter().map(row_name).collect();
    let moved = plan.moved(&source.folder);
    let tags = plan.migrations.iter().map(|status| status.tag.as_str()).chain(missing);
    let strays: Vec<_> =
        plan.strays.iter().map(|stray| stray.file_name().unwrap_or_default().to_string_lossy()).collect();
    let width = width(tags.chain(rows.iter().map(String::as_str)).chain(strays.iter().map(AsRef::as_ref)));
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
        let ran = moved.iter().find(|(_, migration)| migration.tag == status.tag);
        let ran = ran.map(|(row, _)| format!("applied, it seems: {} of the ledger has its hash", row_name(row)));
        let (glyph, what) = match &status.state {
            _ if ran.is_some() => (style("✗").red(), ran.unwrap_or_default()),
            State::Applied { applied_at: Some(at), .. } => {
                (style("✓").green(), format!("applied {}, {}", date(*at), ago(*at)))
            }
            // The ledger of Drizzle 0.x does not say when; the migration says when it was made.
            State::Applied { applied_at: None, .. } => {
                (style("✓").green(), format!("applied (file of {})", date(status.when_millis)))
            }
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
    for name in &strays {
        lines.push(format!("  {} {}  not in the journal", style("✗").red(), padded(name, width)));
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
    let ran: Vec<&str> = moved.iter().map(|(_, migration)| migration.tag.as_str()).collect();
    lines.push(format!("\n{}", summary(plan, &ran)));
    lines.extend(advice::lines(plan, source).into_iter().map(|line| wrapped(&format!("  {line}"), "    ")));
    if !plan.ledger_exists {
        lines.push(style(format!("The ledger {} does not exist yet.", source.ledger)).dim().to_string());
    }
    lines.join("\n")
}

fn without_file(missing: &MissingStatus, width: usize) -> String {
    let applied = if missing.applied { "applied" } else { "not applied" };
    format!("  {} {}  missing file ({applied})", style("✗").red(), padded(&missing.tag, width))
}

/// How many there are of each; of those that have run by their hash, that alone.
fn summary(plan: &Plan, ran: &[&str]) -> String {
    let number = |wanted: fn(&State) -> bool| {
        let others = plan.migrations.iter().filter(|status| !ran.contains(&status.tag.as_str()));
        others.filter(|status| wanted(&status.state)).count()
    };
    let parts = [
        (number(|state| matches!(state, State::Applied { .. })), "applied"),
        (ran.len(), "applied by its hash"),
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

/// The same for programs: a migration that has run by its hash has a state of its own, and its row says which it is.
pub(super) fn json(plan: &Plan, folder: &Folder) -> Value {
    let mut object = json!(plan);
    for (row, migration) in plan.moved(folder) {
        let of_migration = plan.migrations.iter().position(|status| status.tag == migration.tag);
        let of_row = plan.unknown.iter().position(|unknown| unknown.id == row.id);
        if let (Some(index), Some(of_row)) = (of_migration, of_row) {
            let Status { tag, when_millis, .. } = &plan.migrations[index];
            object["migrations"][index] =
                json!({"tag": tag, "when_millis": when_millis, "state": "applied-by-hash", "row": row.id});
            object["unknown"][of_row]["by_hash"] = json!(tag);
        }
    }
    object["result"] = json!("status");
    object
}

/// What a row is called that no migration accounts for.
fn row_name(row: &crate::migrate::ledger::Row) -> String {
    row.name.clone().unwrap_or_else(|| format!("row {}", row.id))
}

/// A time as people read it.
fn date(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis);
    time.map_or_else(|_| millis.to_string(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
