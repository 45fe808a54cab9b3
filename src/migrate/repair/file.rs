//! A repair as the next migration of the folder.

use jiff::Timestamp;

use super::Repair;
use crate::excerpt::printable;
use crate::migrate::catalog::Class;
use crate::migrate::compose::{self, ComposeError, Composed};
use crate::migrate::folder::{BREAKPOINT, Folder, Layout};
use crate::migrate::ledger::Contents;
use crate::migrate::sql::{statements, tokens};

/// The text of the migration.
///
/// # Panics
/// If it were read as other statements than those of the steps: names in a database can hold anything.
pub fn text(repair: &Repair) -> String {
    let mut text =
        "-- Written by `infra migrate repair`: makes what the applied migrations make and the database did not have.\n\
                    -- Each statement can be run again; nothing is dropped, no row is changed.\n\
                    -- It makes again what an earlier migration made, on purpose.\n\
                    -- infra: allow-file created-twice\n"
            .to_owned();
    for obstacle in &repair.obstacles {
        text.push_str(&comment(&format!("Not repaired: {}: {}.", obstacle.id, obstacle.reason)));
        for statement in &obstacle.statements {
            text.push_str(&comment(&format!("  {statement};").replace('\n', "\n  ")));
        }
    }
    let mut parts: Vec<(String, &str)> = Vec::new();
    if repair.steps.iter().any(|step| step.id.class == Class::Function) {
        // A function may use what is made after it.
        parts.push((String::new(), "SET LOCAL check_function_bodies = off"));
    }
    let mut last = None;
    for step in &repair.steps {
        for statement in &step.statements {
            let heading = if last == Some(&step.id) { String::new() } else { comment(&step.id.to_string()) };
            last = Some(&step.id);
            parts.push((heading, statement));
        }
    }
    let statements: Vec<String> = parts.iter().map(|(heading, statement)| format!("{heading}{statement};\n")).collect();
    text.push_str(&statements.join(&format!("{BREAKPOINT}\n")));
    let read: Vec<Vec<&str>> = text.split(BREAKPOINT).flat_map(in_words).collect();
    let meant: Vec<Vec<&str>> = parts.iter().flat_map(|(_, statement)| in_words(statement)).collect();
    assert!(read == meant && meant.len() == parts.len(), "a repair is read as its steps' statements, and as no other");
    text
}

/// Each statement of the text, as its words.
fn in_words(text: &str) -> Vec<Vec<&str>> {
    statements(text).map(|it| it.tokens.iter().map(|token| token.text(text)).collect()).collect()
}

/// Whether the text is read as one statement, of all of its words.
pub(super) fn is_one(statement: &str) -> bool {
    statements(statement).count() == 1 && tokens(statement).iter().all(|token| token.closed)
}

/// A comment of as many lines, at none of which Drizzle would split, and which nothing in the text ends before.
fn comment(text: &str) -> String {
    let lines = text.split('\n').map(|line| printable(line).replace("--> ", "-- > "));
    lines.fold(String::new(), |all, line| format!("{all}-- {line}\n"))
}

/// Adds the migration to the folder: after all others, and later than every row of the ledger.
pub fn write(folder: &Folder, contents: &Contents, sql: &str) -> Result<Composed, ComposeError> {
    let step = if folder.layout == Layout::V1 { 1000 } else { 1 };
    let newest = contents.rows.iter().filter_map(|row| row.created_at).max();
    let now = Timestamp::now();
    let later = newest.and_then(|newest| Timestamp::from_millisecond(newest.saturating_add(step)).ok());
    compose::add(folder, &free_name(folder), sql, later.map_or(now, |later| later.max(now)))
}

/// `repair`, or `repair_2` and so on where that is taken.
fn free_name(folder: &Folder) -> String {
    let taken =
        |name: &String| folder.migrations.iter().any(|it| it.tag.split_once('_').is_some_and(|(_, rest)| rest == name));
    let mut names = std::iter::once("repair".to_owned()).chain((2..).map(|number| format!("repair_{number}")));
    names.find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{Obstacle, Step};
    use super::*;
    use crate::migrate::catalog::{Id, Object};
    use crate::migrate::repair::step::Phase;

    /// A name or a label in a database can hold whatever ends a comment to PostgreSQL.
    #[test]
    fn no_name_becomes_a_statement() {
        for end in ["\r", "\n", "\r\n", "\u{b}", "\u{85}", "\u{2028}", "\u{1b}[2J", "\n--> statement-breakpoint\n"] {
            let name = format!("a{end}DROP TABLE victim; --");
            let id = Id { class: Class::Table, schema: name.clone(), table: String::new(), name: name.clone() };
            let object = Object { id, position: 0, attributes: serde_json::Map::new(), facts: serde_json::Map::new() };
            let step = Step::new(Phase::Table, &object, "SELECT 1".to_owned());
            let statement = format!("DROP TABLE \"{name}\"");
            let obstacle = Obstacle::different(&object.id, &format!("it has {name}"), statement);
            let text = text(&Repair { steps: vec![step], obstacles: vec![*obstacle] });
            let found: Vec<&str> = statements(&text).map(|it| &text[it.span()]).collect();
            assert_eq!(found, ["SELECT 1"], "{text}");
            assert!(!text.contains(BREAKPOINT) && !text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
        }
    }
}
