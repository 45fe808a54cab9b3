//! Why something is there already that a migration makes, and what to do about it.

use super::catalog::Class;
use super::failure::StatementFailure;
use super::folder::Migration;
use super::sql::statements;
use super::verify::named::{Named, named};

/// What a run knows when a statement of `migration` fails so.
pub(super) struct Known<'a> {
    /// Those that come before it in the folder.
    pub(super) before: Vec<&'a Migration>,
    /// The tags of those that are of this run.
    pub(super) run: Vec<String>,
    /// Whether nothing was recorded when the run began.
    pub(super) fresh: bool,
}

/// Advice on a statement that failed so.
pub(super) fn advice(failure: &StatementFailure, migration: &Migration, known: &Known<'_>) -> String {
    let guard = guard(&failure.statement);
    if let Some((tag, line)) = maker(failure, migration, known) {
        let when = match tag == migration.tag || known.run.contains(&tag) {
            true => "in this same run",
            false => "which was applied before",
        };
        return format!("It is made by {tag} in line {line}, {when}. Remove one of the two statements. {guard}");
    }
    if known.fresh {
        return format!(
            "It exists, and the ledger is empty. If the database was made by other means (drizzle-kit push, a dump, another \
             ledger), record what is there: `infra migrate baseline`. {guard}"
        );
    }
    format!(
        "It exists, though the ledger says this migration is not applied: made by hand, or by a migrator that was stopped \
         half-way. Compare what is there; then remove it, or guard the statement. {guard}"
    )
}

/// The statement that made it.
fn maker(failure: &StatementFailure, migration: &Migration, known: &Known<'_>) -> Option<(String, usize)> {
    let earlier = |it: &Named| it.tag != migration.tag || it.line < failure.position.line;
    let all = known.before.iter().copied().chain([migration]);
    let mut found = all.filter_map(|one| {
        let named = named(&[one]);
        named.into_iter().find(|it| is_meant(&failure.message, it) && earlier(it))
    });
    found.next_back().map(|it| (it.tag, it.line))
}

/// Whether PostgreSQL speaks of it: `relation "a" already exists`, `column "b" of relation "a" already exists`.
fn is_meant(message: &str, named: &Named) -> bool {
    use Class::{Column, Constraint, Policy, Trigger};
    let part = matches!(named.class, Column | Constraint | Policy | Trigger);
    let names: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    match names[..] {
        [name] => !part && named.name == name,
        [name, table] => part && named.name == name && named.table == table,
        _ => false,
    }
}

/// How the statement is written so that it can run again.
fn guard(statement: &str) -> &'static str {
    let parsed = statements(statement).next();
    let starts = |keywords: &[&str]| parsed.as_ref().is_some_and(|it| it.starts_with(statement, keywords));
    let mentions = |keyword: &str| parsed.as_ref().is_some_and(|it| it.mentions(statement, keyword));
    let block = starts(&["create", "type"])
        || starts(&["create", "domain"])
        || starts(&["create", "policy"])
        || starts(&["create", "trigger"])
        || (starts(&["alter", "table"]) && mentions("constraint"));
    if block {
        "It has no IF NOT EXISTS: `infra migrate lint --fix` writes the DO block that guards it, where there is one."
    } else if mentions("function") || starts(&["create", "view"]) {
        "CREATE OR REPLACE lets it run again."
    } else {
        "IF NOT EXISTS lets it run again; `infra migrate lint --fix` writes it."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn what_the_server_speaks_of() {
        let migration =
            migration("0000_a", 1, "CREATE TABLE a (id int, b int); CREATE INDEX c ON a (b); CREATE TYPE m AS ENUM ()");
        let meant = |message: &str| {
            let named = named(&[&migration]).into_iter().filter(|it| is_meant(message, it));
            named.map(|it| it.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(meant("relation \"a\" already exists"), ["table \"a\""]);
        assert_eq!(meant("relation \"c\" already exists"), ["index \"a\".\"c\""]);
        assert_eq!(meant("type \"m\" already exists"), ["type \"m\""]);
        assert_eq!(meant("column \"b\" of relation \"a\" already exists"), ["column \"a\".\"b\""]);
        assert!(meant("column \"b\" of relation \"z\" already exists").is_empty());
        assert!(meant("relation \"b\" already exists").is_empty());
    }

    #[test]
    fn guards_that_there_are() {
        let table = [
            ("CREATE TYPE t AS ENUM ('a')", "no IF NOT EXISTS"),
            ("ALTER TABLE a ADD CONSTRAINT k CHECK (id > 0)", "no IF NOT EXISTS"),
            ("ALTER TABLE a ADD COLUMN b int", "IF NOT EXISTS lets"),
            ("CREATE TABLE a (id int, CONSTRAINT k CHECK (id > 0))", "IF NOT EXISTS lets"),
            ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "OR REPLACE"),
        ];
        for (statement, expected) in table {
            assert!(guard(statement).contains(expected), "{statement}: {}", guard(statement));
        }
    }
}
