//! `infra migrate apply --dry-run`: the SQL that would run, as SQL and as JSON.

use std::borrow::Cow;

use serde_json::json;

use crate::{
    migrate::{
        folder::BREAKPOINT,
        mask::masked,
        outline::{Course, Line, Outline, Planned},
    },
    render::value::count,
};

/// The SQL of the pending migrations, each with its ledger row, in the transactions it would run in; and before them what
/// the ledger itself needs. Passwords are hidden.
pub(super) fn text(outline: &Outline<'_>) -> String {
    let mut texts = Vec::new();
    if let Some(held) = &outline.held {
        texts.push(format!("-- First another migrator is waited for: {held}\n"));
    }
    texts.extend(outline.not_accepted.iter().map(|(tag, why)| format!("-- {tag}: {why}\n")));
    if !outline.ledger.is_empty() {
        texts.push(format!("-- The ledger\n{};\n", outline.ledger.join(";\n")));
    }
    if outline.migrations.iter().any(|planned| matches!(masked(&planned.migration.sql), Cow::Owned(_))) {
        texts.push("-- Passwords are shown as ***; the files themselves run.\n".to_owned());
    }
    texts.extend(outline.migrations.iter().map(migration));
    if texts.is_empty() { "-- Nothing to do.".to_owned() } else { texts.join("\n") }
}

fn migration(planned: &Planned<'_>) -> String {
    let Planned { migration, record, course } = planned;
    let (begin, commit) = match course {
        Course::Transaction { begins, commits } => {
            (if *begins { "BEGIN;\n".to_owned() } else { String::new() }, if *commits { "COMMIT;\n" } else { "" })
        }
        Course::Alone { done, of, .. } => {
            let done = match done {
                0 => String::new(),
                done => format!("-- {done} of its {} are done already.\n", count(*of, "statement")),
            };
            (format!("-- Without a transaction: each statement is committed on its own.\n{done}"), "")
        }
    };
    let sql = body(planned);
    let sql = masked(&sql);
    let end = if sql.is_empty() || sql.ends_with(';') { "" } else { "\n;" };
    format!("-- {} ({})\n{begin}{sql}{end}\n{record};\n{commit}", migration.tag, migration.path.display())
}

/// The file as it is; or what is left of it, with what has to be done besides.
fn body<'a>(planned: &Planned<'a>) -> Cow<'a, str> {
    let whole = || Cow::Borrowed(planned.migration.sql.trim_end());
    let Course::Alone { done, lines, .. } = &planned.course else { return whole() };
    if *done == 0 && lines.iter().all(|line| matches!(line, Line::Statement(_))) {
        return whole();
    }
    let lines = lines.iter().map(|line| match line {
        Line::Statement(text) => format!("{text};"),
        Line::Done(text) => format!("-- Done already: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Line::Drop(index) => format!("DROP INDEX CONCURRENTLY {index}; -- INVALID: an attempt to build it failed"),
        Line::Wait(index) => format!("-- Another session builds {index} at the moment: it is waited for."),
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

pub(super) fn json(outline: &Outline<'_>) -> serde_json::Value {
    let migrations: Vec<_> = outline
        .migrations
        .iter()
        .map(|Planned { migration, course, .. }| {
            let (transaction, done, statements) = match course {
                Course::Transaction { .. } => {
                    (true, 0, masked(&migration.sql).split(BREAKPOINT).map(str::to_owned).collect::<Vec<_>>())
                }
                Course::Alone { done, lines, .. } => {
                    let runs = lines.iter().filter_map(|line| match line {
                        Line::Statement(text) => Some(masked(text).into_owned()),
                        Line::Drop(index) => Some(format!("DROP INDEX CONCURRENTLY {index}")),
                        Line::Done(_) | Line::Wait(_) => None,
                    });
                    (false, *done, runs.collect())
                }
            };
            json!({
                "tag": migration.tag, "hash": migration.hash, "created_at": migration.when_millis, "path": migration.path,
                "transaction": transaction, "done": done, "statements": statements,
            })
        })
        .collect();
    let not_accepted: Vec<_> = outline.not_accepted.iter().map(|(tag, why)| json!({"tag": tag, "why": why})).collect();
    json!({
        "result": "dry-run", "ledger": outline.ledger, "held": outline.held, "not_accepted": not_accepted,
        "migrations": migrations,
    })
}
