//! A cheap look at the database after applying: are the ledger rows there, and the tables that were made?
//!
//! Only what can be told from the statements with certainty is looked for; comparing whole catalogs is another matter.

use super::connect::Client;
use super::folder::Migration;
use super::ledger::{Ledger, LedgerError, literal};
use super::sql::{Kind, Statement, statements};

/// What should be there after these migrations and is not: ledger rows and tables, as a reader would name them.
pub async fn missing(client: &Client, ledger: &Ledger, migrations: &[&Migration]) -> Result<Vec<String>, LedgerError> {
    if migrations.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ledger.read(client).await?.rows;
    let mut missing: Vec<String> = migrations
        .iter()
        .filter(|it| !rows.iter().any(|row| row.hash == it.hash && row.created_at == Some(it.when_millis)))
        .map(|migration| format!("the ledger row of {}", migration.tag))
        .collect();
    let tables = tables_left(migrations);
    if !tables.is_empty() {
        let names: Vec<String> = tables.iter().map(|name| literal(name)).collect();
        let sql = format!(
            "SELECT name FROM unnest(ARRAY[{}]::text[]) AS name WHERE pg_catalog.to_regclass(name) IS NULL",
            names.join(", ")
        );
        let absent = client.rows(&sql).await.map_err(|error| ledger.explain(&error))?;
        missing.extend(absent.iter().filter_map(|row| row.get(0)).map(|name| format!("the table {name}")));
    }
    Ok(missing)
}

/// The tables that plain CREATE TABLE statements made and nothing afterwards may have removed or renamed.
fn tables_left(migrations: &[&Migration]) -> Vec<String> {
    let mut made = Vec::new();
    for migration in migrations {
        let before = made.len();
        // Where a name without a schema leads depends on the search_path and the role, which these may change.
        let mut settled = true;
        for chunk in migration.chunks() {
            let sql = chunk.text;
            for statement in statements(sql) {
                let starts = |keywords: &[&str]| keywords.iter().any(|keyword| statement.starts_with(sql, &[keyword]));
                let mentions = |keywords: &[&str]| keywords.iter().any(|keyword| statement.mentions(sql, keyword));
                settled &= !starts(&["set", "reset", "do", "select", "call"]);
                if statement.starts_with(sql, &["create", "table"]) {
                    made.extend(created_name(sql, &statement));
                } else if starts(&["drop", "do", "select", "call"]) || mentions(&["rename", "schema"]) {
                    // A DO block, a function or a CASCADE may remove anything.
                    made.clear();
                }
            }
        }
        if !settled {
            let kept = made.split_off(before.min(made.len()));
            made.extend(kept.into_iter().filter(|name| name.contains('.')));
        }
    }
    made
}

/// `[IF NOT EXISTS] name` or `schema.name` after CREATE TABLE, as written.
fn created_name(sql: &str, statement: &Statement) -> Option<String> {
    let mut rest = &statement.tokens[2..];
    if rest.len() > 3 && rest[0].is(sql, "if") && rest[1].is(sql, "not") && rest[2].is(sql, "exists") {
        rest = &rest[3..];
    }
    let mut name = String::new();
    for (index, token) in rest.iter().enumerate() {
        let is_name = matches!(token.kind, Kind::Word | Kind::Quoted);
        match token.text(sql) {
            "." if index % 2 == 1 => name.push('.'),
            // U&"…" would have to be decoded.
            text if index % 2 == 0 && is_name && !text.contains('&') => name.push_str(text),
            _ => break,
        }
    }
    (!name.is_empty() && !name.ends_with('.')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn only_what_is_certain_is_looked_for() {
        let table: &[(&str, &[&str])] = &[
            ("CREATE TABLE \"a\" (id int); create table if not exists s.\"B c\" (x int)", &["\"a\"", "s.\"B c\""]),
            ("CREATE TEMP TABLE a (id int)", &[]),
            ("CREATE TABLE a (id int); ALTER TABLE a RENAME TO b", &[]),
            ("CREATE TABLE a (id int); DROP TABLE a; CREATE TABLE b (id int)", &["b"]),
            ("CREATE TABLE a (id int); INSERT INTO a VALUES (1)", &["a"]),
            ("SET search_path TO s; CREATE TABLE a (id int); CREATE TABLE s.b (id int)", &["s.b"]),
            ("CREATE TABLE a (id int); SELECT set_config('search_path', 's', true)", &[]),
            ("INSERT INTO t VALUES ('CREATE TABLE a (id int)')", &[]),
            ("CREATE TABLE a AS SELECT 1", &["a"]),
        ];
        for (sql, expected) in table {
            assert_eq!(&tables_left(&[&migration("0000_a", 1, sql)]), expected, "{sql}");
        }
    }
}
