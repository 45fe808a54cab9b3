//! What IF NOT EXISTS would take for the index that a migration makes, though it is none: an INVALID one that a failed attempt
//! has left, and whatever else has its name.

use std::ops::Range;

use super::concurrent::{AT_WORK, Concurrent};
use super::connect::{Client, UNCOMPILED};
use super::folder::Migration;
use super::quote::literal;
use super::refusal::Refusal;
use super::sql::statements;
use crate::excerpt::pointed;

/// A `CREATE INDEX IF NOT EXISTS` of a pending migration.
struct Guarded<'m> {
    migration: &'m Migration,
    /// The statement, in the file.
    span: Range<usize>,
    name: String,
    /// As written.
    table: String,
}

/// What stands against applying these: a CREATE INDEX IF NOT EXISTS that would be passed over, and nothing before it changes
/// that. Asks the database only where there is such a statement.
pub async fn leftovers(client: &Client, pending: &[&Migration]) -> Result<Vec<Refusal>, tokio_postgres::Error> {
    let guarded: Vec<Guarded<'_>> = pending.iter().flat_map(|migration| guarded(migration)).collect();
    let mut found = Vec::new();
    if guarded.is_empty() {
        return Ok(found);
    }
    for row in client.rows(&query(&guarded)).await? {
        let text = |column: usize| row.get(column).unwrap_or_default().to_owned();
        let Some(it) = row.get(0).and_then(|number| guarded.get(number.parse::<usize>().ok()?)) else { continue };
        let (index, holder) = (text(1), text(2));
        if changed_before(pending, it, &holder) {
            continue;
        }
        let (tag, source) = (it.migration.tag.clone(), it.migration.source());
        let span = pointed(&it.migration.sql, it.span.clone()).into();
        found.push(match row.get(3) {
            Some("taken") => {
                let (name, table) = (it.name.clone(), it.table.clone());
                Refusal::NameTaken { tag, name, table, holder: described(&index, &holder), text: source, span }
            }
            _ => Refusal::Leftover { tag, index, text: source, span },
        });
    }
    Ok(found)
}

/// What has the name: `the index public.i of t`.
fn described(relation: &str, table: &str) -> String {
    match table {
        "" => format!("{relation}, which is no index"),
        table => format!("an index of the table {table}"),
    }
}

/// The statements that pass over an index that exists. Those that work CONCURRENTLY are looked at when they run.
fn guarded(migration: &Migration) -> Vec<Guarded<'_>> {
    let text = migration.sql.to_ascii_lowercase();
    if !text.contains("index") || !text.contains("exists") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            if let Some(Concurrent::Create { name, table }) = Concurrent::guarded(chunk.text, &statement) {
                let span = statement.span();
                found.push(Guarded {
                    migration,
                    span: chunk.offset + span.start..chunk.offset + span.end,
                    name,
                    table,
                });
            }
        }
    }
    found
}

/// SQL: whether a relation that has the name is no index of the table, which may not be there yet.
const OTHER: &str = "coalesce(i.indrelid <> it.owner, true)";

/// SQL with a row for each that would be passed over: its number, the relation that has its name, that one's table if it is an
/// index, and why. An index lives in its table's schema; where the table is not there yet, in the one that tables are made in.
fn query(guarded: &[Guarded<'_>]) -> String {
    let values: Vec<String> = guarded
        .iter()
        .enumerate()
        .map(|(number, it)| format!("({number}, {}, {})", literal(&it.name), literal(&it.table)))
        .collect();
    // That of a partitioned table is INVALID until each partition has its own attached.
    let invalid = format!("c.relkind = 'i' AND NOT i.indisvalid AND NOT {AT_WORK}");
    format!(
        "{UNCOMPILED}SELECT it.number, pg_catalog.format('%I.%I', n.nspname, c.relname), o.relname, CASE WHEN \
         {OTHER} THEN 'taken' ELSE 'invalid' END FROM (SELECT *, pg_catalog.to_regclass(written)::pg_catalog.oid AS owner, \
         pg_catalog.parse_ident(written, false) AS parts FROM (VALUES {}) v (number, name, written)) it JOIN \
         pg_catalog.pg_class c ON c.relname = it.name JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN \
         pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class o ON o.oid = i.indrelid WHERE CASE WHEN \
         it.owner IS NOT NULL THEN c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = it.owner) WHEN \
         pg_catalog.cardinality(it.parts) > 1 THEN n.nspname = it.parts[1] ELSE n.nspname = pg_catalog.current_schema() END AND \
         ({OTHER} OR {invalid}) ORDER BY 1",
        values.join(", ")
    )
}

/// Whether a pending statement before it may remove, rename or rebuild what has the name, so that nothing certain can be said.
/// What is wrong all the same is found after it has run.
fn changed_before(pending: &[&Migration], it: &Guarded<'_>, holder: &str) -> bool {
    const CHANGES: [&str; 7] = ["drop", "alter", "reindex", "do", "call", "select", "execute"];
    let names: Vec<String> =
        [&it.name, holder].into_iter().filter(|name| !name.is_empty()).map(|name| name.to_ascii_lowercase()).collect();
    for migration in pending {
        let is_last = migration.tag == it.migration.tag;
        for chunk in migration.chunks() {
            for statement in statements(chunk.text) {
                let span = statement.span();
                if is_last && chunk.offset + span.start >= it.span.start {
                    return false;
                }
                let starts = |keywords: &[&str]| statement.starts_with(chunk.text, keywords);
                let text = chunk.text[span.clone()].to_ascii_lowercase();
                let named = || names.iter().any(|name| text.contains(name.as_str()));
                let leads_elsewhere = is_last
                    && (["set", "reset", "select", "call", "do", "execute", "with"].iter().any(|it| starts(&[it]))
                        || starts(&["create", "temp"])
                        || starts(&["create", "temporary"]));
                let wide = leads_elsewhere || starts(&["drop", "schema"]) || starts(&["drop", "owned"]);
                if wide || (CHANGES.iter().any(|keyword| starts(&[keyword])) && named()) {
                    return true;
                }
            }
        }
        if is_last {
            return false;
        }
    }
    false
}
