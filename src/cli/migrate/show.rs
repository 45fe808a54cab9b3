//! How applying ended, on the screen and as JSON; and the words that several verbs have for the same.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    migrate::{Applied, Failure, refusal::Refusal},
    render::{
        command::whole,
        report::help,
        value::{count, duration},
    },
};

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

pub(super) fn applied_json(applied: &Applied) -> Value {
    json!({"result": "applied", "migrations": applied.migrations, "before": applied.before, "pending": applied.pending,
           "millis": applied.millis})
}

/// What two migrators without a common lock leave behind.
pub(super) fn twice(tag: &str, rows: &[i64]) -> String {
    let ids: Vec<String> = rows.iter().map(i64::to_string).collect();
    format!(
        "{tag} is recorded {} times (rows {}): two migrators ran it at the same time. Look at what it did twice.",
        rows.len(),
        ids.join(" and ")
    )
}

/// One object with everything a program wants to know of a failure.
pub(super) fn failure_json(failure: &Failure) -> Value {
    let mut object = json!({"result": "failed", "message": failure.to_string()});
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
            object["remedy"] = json!(failed.remedy.as_deref().map(whole));
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
    object
}

pub(super) fn width<'a>(tags: impl Iterator<Item = &'a str>) -> usize {
    tags.map(console::measure_text_width).max().unwrap_or(0)
}

/// As many columns wide as a terminal shows it, wide characters included.
pub(super) fn padded(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    console::pad_str(text, width, console::Alignment::Left, None)
}

pub(super) fn duration_text(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { duration(Duration::from_millis(millis)) }
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
