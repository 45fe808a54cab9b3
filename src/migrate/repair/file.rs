//! A repair as the next migration of the folder.

use jiff::Timestamp;

use super::Repair;
use crate::migrate::catalog::Class;
use crate::migrate::compose::{self, ComposeError, Composed};
use crate::migrate::folder::{BREAKPOINT, Folder, Layout};
use crate::migrate::ledger::Contents;

/// The text of the migration.
pub fn text(repair: &Repair) -> String {
    let mut text =
        "-- Written by `infra migrate repair`: makes what the applied migrations make and the database did not have.\n\
                    -- Each statement can be run again; nothing is dropped, no row is changed.\n"
            .to_owned();
    for obstacle in &repair.obstacles {
        text.push_str(&comment(&format!("Not repaired: {}: {}.", obstacle.id, obstacle.reason)));
        for statement in &obstacle.statements {
            text.push_str(&comment(&format!("  {statement};").replace('\n', "\n  ")));
        }
    }
    let mut statements: Vec<String> = Vec::new();
    if repair.steps.iter().any(|step| step.id.class == Class::Function) {
        // A function may use what is made after it.
        statements.push("SET LOCAL check_function_bodies = off".to_owned());
    }
    let mut last = None;
    for step in &repair.steps {
        for statement in &step.statements {
            let heading = if last == Some(&step.id) { String::new() } else { comment(&step.id.to_string()) };
            last = Some(&step.id);
            statements.push(format!("{heading}{statement}"));
        }
    }
    text.push_str(&statements.join(&format!(";\n{BREAKPOINT}\n")));
    text.push_str(";\n");
    text
}

/// A comment of as many lines, at none of which Drizzle would split.
fn comment(text: &str) -> String {
    text.replace("--> ", "-- > ").lines().fold(String::new(), |all, line| format!("{all}-- {line}\n"))
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
