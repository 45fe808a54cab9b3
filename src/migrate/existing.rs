//! Why something is there already that a migration makes, and what to do about it.

use super::failure::StatementFailure;
use super::folder::Migration;
use super::sql::statements;
use super::verify::named::named;

/// Advice on a statement that failed so in `migration`, after the migrations `before` it in the same run; `fresh`: nothing
/// was recorded when the run began.
pub(super) fn advice(failure: &StatementFailure, before: &[&Migration], migration: &Migration, fresh: bool) -> String {
    let guard = guard(&failure.statement);
    if let Some((tag, line)) = maker(failure, before, migration) {
        return format!(
            "It is made by {tag} in line {line}, in this same run. Remove one of the two statements. {guard}"
        );
    }
    if fresh {
        return format!(
            "It exists, and the ledger is empty. If the database was made by other means (drizzle-kit push, a dump, another \
             ledger), record what is there: `infra migrate baseline`. {guard}"
        );
    }
    format!(
        "It exists, though the ledger says this migration is not applied: made by hand, or by a migrator that was stopped \
         half-way. Compare what is there; then remove it, or let the statement take it well. {guard}"
    )
}

/// The statement that made it in this run.
fn maker(failure: &StatementFailure, before: &[&Migration], migration: &Migration) -> Option<(String, usize)> {
    // `relation "a" already exists`, `column "b" of relation "a" already exists`.
    let name = failure.message.split('"').nth(1)?;
    let earlier = |it: &super::verify::named::Named| it.tag != migration.tag || it.line < failure.position.line;
    let all = before.iter().copied().chain([migration]);
    let mut found = all.filter_map(|one| named(&[one]).into_iter().find(|it| it.name == name && earlier(it)));
    found.next_back().map(|it| (it.tag, it.line))
}

/// How the statement is written so that it can run again.
fn guard(statement: &str) -> &'static str {
    let parsed = statements(statement);
    let starts = |keywords: &[&str]| parsed.first().is_some_and(|it| it.starts_with(statement, keywords));
    let mentions = |keyword: &str| parsed.first().is_some_and(|it| it.mentions(statement, keyword));
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
