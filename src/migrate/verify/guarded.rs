//! What statements make that succeed also where they make nothing, since something has the name already: IF NOT EXISTS, and the
//! guards of DO blocks. Told from their words, with the time at which it has to be looked for. Pure.

use super::effect::{Effect, identifiers};
use super::expected::Expected;
use super::named::Named;
use super::words::Words;
use crate::migrate::catalog::Class;
use crate::migrate::folder::{Chunk, Migration};
use crate::migrate::position::Lines;
use crate::migrate::sql::{Statement, statements};

/// Something to look for in the course of a migration.
#[derive(Debug)]
pub(super) struct Look {
    /// The byte of the file at which the statement begins that comes after it; none at the end.
    pub(super) before: Option<usize>,
    pub(super) expected: Vec<Named>,
}

/// Everything that is to be looked for, as late as can be: at the end, and before each statement of which it is not certain that it
/// hides nothing (by DROP or RENAME, by a change of the search_path, in a function …).
pub(super) fn looks(migration: &Migration) -> Vec<Look> {
    let (mut looks, mut pending) = (Vec::new(), Vec::new());
    let mut lines = Lines::of(&migration.sql);
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            let at = chunk.offset + statement.span().start;
            let effect = Effect::of(chunk.text, &statement);
            if !pending.is_empty() && !is_harmless(chunk.text, &statement, &effect) {
                looks.push(Look { before: Some(at), expected: std::mem::take(&mut pending) });
            }
            let mut expected = Expected::of_statement(&migration.tag, at);
            take(chunk.text, &statement, effect, &mut expected);
            if !expected.found.is_empty() {
                let line = lines.at(at);
                pending.extend(expected.found.into_iter().map(|it| Named { line, ..it }));
            }
        }
    }
    if !pending.is_empty() {
        looks.push(Look { before: None, expected: pending });
    }
    looks
}

/// What the one statement of a chunk makes.
pub(super) fn of_statement(migration: &Migration, chunk: Chunk<'_>) -> Vec<Named> {
    let mut expected = Expected::of_statement(&migration.tag, chunk.offset);
    for statement in statements(chunk.text).take(1) {
        take(chunk.text, &statement, Effect::of(chunk.text, &statement), &mut expected);
    }
    // The lines of the whole file are counted only where there is something to show.
    let line = if expected.found.is_empty() { 0 } else { Lines::of(&migration.sql).at(chunk.offset) };
    expected.found.into_iter().map(|it| Named { line, ..it }).collect()
}

fn take(sql: &str, statement: &Statement, effect: Effect<'_>, expected: &mut Expected) {
    match effect {
        Effect::Plain => {
            let words = Words { sql, tokens: &statement.tokens };
            if words.after(&["if", "not", "exists"]).is_some() {
                expected.take(words, statement);
            }
        }
        Effect::Runs { body, statements, asked } => expected.take_guarded(body, &statements, asked.as_deref()),
        Effect::Doubts(_) | Effect::Unknown => {}
    }
}

/// Whether all that was there before the statement is there after it, under the same name.
fn is_harmless(sql: &str, statement: &Statement, effect: &Effect<'_>) -> bool {
    match effect {
        Effect::Plain => is_plain_and_harmless(sql, statement),
        Effect::Runs { body, statements, .. } => statements.iter().all(|it| is_plain_and_harmless(body, it)),
        // A SELECT of functions that are known.
        Effect::Doubts(names) => names.is_empty() && statement.starts_with(sql, &["select"]),
        Effect::Unknown => false,
    }
}

fn is_plain_and_harmless(sql: &str, statement: &Statement) -> bool {
    let words = Words { sql, tokens: &statement.tokens };
    let mentions = |keywords: &[&str]| keywords.iter().any(|keyword| statement.mentions(sql, keyword));
    let starts = |keywords: &[&str]| statement.starts_with(sql, keywords);
    if words.starts(&["create"]) {
        // A schema may become the first of the search_path; a query may call anything.
        let asks = mentions(&["select", "execute", "materialized"]) && !starts(&["create", "policy"]);
        return !asks && !starts(&["create", "schema"]) && !mentions(&["temp", "temporary"]);
    }
    if starts(&["alter", "type"]) {
        return mentions(&["add"]) && !mentions(&["rename", "schema", "drop"]);
    }
    if starts(&["alter", "table"]) {
        return !mentions(&["rename", "schema", "drop", "attach", "detach", "inherit", "of", "index", "select"]);
    }
    let insertion = words.starts(&["insert"]) && !mentions(&["select", "with", "table", "execute"]);
    insertion || words.starts(&["comment", "grant", "revoke"])
}

/// What is said of a name in the statements after one.
pub(super) struct Later {
    /// It is named: whatever was passed over may be made good.
    pub(super) is_named: bool,
    /// It is named by a statement that removes or renames: it need not be there in the end.
    pub(super) is_removed: bool,
}

/// Looks through the statements that come after what is named.
pub(super) fn later(migration: &Migration, named: &Named) -> Later {
    // A policy, a column and their like are not removed without their table being named.
    let with_table = matches!(named.class, Class::Column | Class::Constraint | Class::Policy | Class::Trigger);
    let table = with_table.then_some(&named.table);
    later_of(migration, &named.name, table, named.at)
}

/// What is said of a table after this byte of the file.
pub(super) fn later_of(migration: &Migration, name: &str, table: Option<&String>, at: usize) -> Later {
    let mut later = Later { is_named: false, is_removed: false };
    for chunk in migration.chunks().filter(|chunk| chunk.offset + chunk.text.len() > at) {
        for statement in statements(chunk.text).filter(|it| chunk.offset + it.span().start > at) {
            let words = identifiers(chunk.text, &statement.tokens);
            if words.contains(name) {
                later.is_named = true;
                // A constraint gives the index that it is made of its own name.
                let takes = words.contains("using") && words.contains("index");
                let removes = takes || words.contains("drop") || words.contains("rename");
                later.is_removed |= removes && table.is_none_or(|table| words.contains(table));
            }
        }
    }
    later
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    /// What is looked for, after the statement that it is looked for before.
    fn looked_for(sql: &str) -> Vec<String> {
        let names = |found: Vec<Named>| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let statement = |at: usize| sql[at..].split(';').next().unwrap_or_default().to_owned();
        let place = |before: Option<usize>| before.map_or("end".to_owned(), statement);
        let looks = looks(&migration("0000_a", 1, sql));
        looks.into_iter().map(|look| format!("{}: {}", place(look.before), names(look.expected))).collect()
    }

    #[test]
    fn what_is_guarded_is_looked_for_in_time() {
        let table: &[(&str, &[&str])] = &[
            ("CREATE TABLE a (id int); SELECT f()", &[]),
            ("CREATE VIEW v AS SELECT EXISTS (SELECT 1); DROP TABLE IF EXISTS a", &[]),
            (
                "CREATE TABLE IF NOT EXISTS a (id int); CREATE INDEX i ON a (id); ALTER TABLE a ADD CHECK (id > 0); INSERT INTO a \
                 VALUES (1); COMMENT ON TABLE a IS 'x'; SELECT setval('s', 1)",
                &["end: table \"a\", column \"a\".\"id\""],
            ),
            (
                "CREATE INDEX IF NOT EXISTS i ON a (x); DROP TABLE b CASCADE; CREATE INDEX IF NOT EXISTS j ON a (x); SELECT f()",
                &["DROP TABLE b CASCADE: index \"a\".\"i\"", "SELECT f(): index \"a\".\"j\""],
            ),
            // What names mean may change.
            ("ALTER TABLE a ADD COLUMN IF NOT EXISTS x int; SET ROLE r", &["SET ROLE r: column \"a\".\"x\""]),
            ("ALTER TABLE a ADD COLUMN IF NOT EXISTS x int; CREATE SCHEMA s", &["CREATE SCHEMA s: column \"a\".\"x\""]),
            (
                "ALTER TABLE a ADD COLUMN IF NOT EXISTS x int; CREATE TABLE b AS SELECT f()",
                &["CREATE TABLE b AS SELECT f(): column \"a\".\"x\""],
            ),
            ("ALTER TABLE a ADD COLUMN IF NOT EXISTS x int, DROP y CASCADE", &["end: column \"a\".\"x\""]),
            (
                "CREATE TABLE IF NOT EXISTS a (x int NOT NULL CONSTRAINT n NOT NULL CONSTRAINT u UNIQUE CONSTRAINT c CHECK (x > 0))",
                &["end: table \"a\", column \"a\".\"x\", constraint \"a\".\"u\", constraint \"a\".\"c\""],
            ),
            // Guards in blocks do not stand in each other's way.
            (
                "DO $$ BEGIN CREATE TYPE t AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$; DO $$ BEGIN IF NOT EXISTS \
                 (SELECT FROM pg_class WHERE relname = 'b') THEN CREATE TABLE b (id int); END IF; END $$",
                &["end: type \"t\" with the values 'a', table \"b\", column \"b\".\"id\""],
            ),
            ("CREATE TEMP TABLE IF NOT EXISTS a (id int)", &[]),
        ];
        for (sql, expected) in table {
            assert_eq!(&looked_for(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_later_statements_say_of_a_name() {
        let table = [
            ("SELECT 1; SELECT b_ FROM c", "--"),
            (
                "SELECT 1; DO $$ BEGIN IF EXISTS (SELECT FROM pg_class WHERE relname = 'b') THEN NULL; END IF; END $$",
                "named",
            ),
            ("SELECT 1; ALTER TABLE a ADD COLUMN b int", "named"),
            ("ALTER TABLE a DROP COLUMN b; SELECT 1", "--"),
            ("SELECT 1; ALTER TABLE a DROP COLUMN IF EXISTS \"b\" CASCADE", "removed"),
            ("SELECT 1; DO $$ BEGIN EXECUTE 'ALTER TABLE a RENAME b TO c'; END $$", "removed"),
            ("SELECT 1; ALTER TABLE a RENAME TO c", "--"),
            ("SELECT 1; DROP POLICY b ON c", "named"),
        ];
        for (sql, expected) in table {
            let said = match later_of(&migration("0000_a", 1, sql), "b", Some(&"a".to_owned()), 0) {
                Later { is_removed: true, .. } => "removed",
                Later { is_named: true, .. } => "named",
                Later { .. } => "--",
            };
            assert_eq!(said, expected, "{sql}");
        }
    }
}
