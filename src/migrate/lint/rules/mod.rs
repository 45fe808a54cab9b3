//! The rules. One list; everything about a rule is in its entry.

mod comments;
mod data;
mod folder;
mod locks;
mod repeat;
mod text;
mod transaction;

use std::ops::Range;

use super::act::{Name, What};
use super::ground::{Ground, Script};
use super::hit::{Hit, Place};
pub(super) use super::rule::{Rule, Severity};
use super::statement::Statement;
use crate::migrate::mask::masked;

/// Every rule, in the order in which they are listed.
pub static RULES: &[&Rule] = &[
    &folder::MISSING_FILE,
    &folder::NOT_UTF8,
    &folder::BAD_NAME,
    &folder::DUPLICATE_ENTRY,
    &folder::NOT_IN_JOURNAL,
    &folder::JOURNAL_ORDER,
    &folder::FUTURE_TIME,
    &folder::OUT_OF_ORDER,
    &folder::EDITED,
    &folder::UNKNOWN_ROW,
    &text::BYTE_ORDER_MARK,
    &text::CONFLICT_MARKER,
    &text::BREAKPOINT_IN_STRING,
    &text::MISSING_BREAKPOINT,
    &text::EMPTY_MIGRATION,
    &text::NAME_TOO_LONG,
    &text::NOT_UNDERSTOOD,
    &transaction::TRANSACTION_CONTROL,
    &transaction::OUTSIDE_TRANSACTION,
    &transaction::READS_INPUT,
    &transaction::STOPS_DRIZZLE,
    &transaction::ENUM_VALUE_IN_USE,
    &transaction::LEAKING_SETTING,
    &transaction::LEAKING_TABLE,
    &repeat::CREATED_TWICE,
    &repeat::NOT_IDEMPOTENT,
    &repeat::REPEATED_INSERT,
    &data::DROP_TABLE,
    &data::DROP_COLUMN,
    &data::EMPTIES_TABLE,
    &data::RENAME,
    &locks::BLOCKING_INDEX,
    &locks::VALIDATING_CONSTRAINT,
    &locks::SET_NOT_NULL,
    &locks::REQUIRED_COLUMN,
    &locks::TABLE_REWRITE,
    &comments::UNKNOWN_RULE,
    UNUSED_ALLOW,
];

pub(super) static UNUSED_ALLOW: &Rule = &comments::UNUSED_ALLOW;
pub(super) use repeat::{CREATED_TWICE, NOT_IDEMPOTENT};

/// Statements that are looked at, each with its number in its migration.
fn numbered<'a, 'g>(ground: &'g Ground<'a>) -> impl Iterator<Item = (&'g Script<'a>, usize, &'g Statement)> {
    let scripts = ground.linted();
    scripts.flat_map(|script| script.statements.iter().enumerate().map(move |(number, it)| (script, number, it)))
}

/// Whether the table has no rows yet when the statement runs: its migration, or one that is pending as well, makes it.
fn is_new(ground: &Ground<'_>, script: &Script<'_>, number: usize, table: &Name) -> bool {
    let maker = ground.history.maker(table, (script.index, number));
    maker.is_some_and(|maker| maker == script.index || ground.scripts[maker].pending == Some(true))
}

/// A table (none: whatever table), what happens to it, and that in two words.
type Said<'a> = Option<(Option<&'a Name>, String, String)>;

/// What happens to tables that may have rows.
fn on_old_tables<'g>(ground: &'g Ground<'_>, judge: impl Fn(&'g What) -> Said<'g>) -> Vec<Hit> {
    let mut found = Vec::new();
    for (script, number, statement) in numbered(ground) {
        for act in &statement.acts {
            if let Some((table, message, label)) = judge(&act.what)
                && !table.is_some_and(|table| is_new(ground, script, number, table))
            {
                found.push(Hit::new(Place::within(script, act.span.clone()), message, label));
            }
        }
    }
    found
}

/// What a message quotes of a statement: its first words.
fn excerpt(sql: &str, span: &Range<usize>) -> String {
    const LONGEST: usize = 60;
    let shown = masked(&sql[span.clone()]);
    let words: Vec<&str> = shown.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", text[..end].trim_end()),
        None => text,
    }
}
