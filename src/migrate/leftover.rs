//! INVALID indexes that a failed attempt has left, and that IF NOT EXISTS would take for the index for good.

use super::concurrent::{Concurrent, Standing};
use super::connect::Client;
use super::folder::Migration;
use super::refusal::Refusal;
use super::sql::statements;
use crate::excerpt::pointed;

/// What stands against applying these: a CREATE INDEX IF NOT EXISTS that would find an INVALID one of its name, and leave
/// it so. Asks the database only where there is such a statement.
pub async fn leftovers(client: &Client, pending: &[&Migration]) -> Result<Vec<Refusal>, tokio_postgres::Error> {
    let guarded: Vec<(&Migration, std::ops::Range<usize>, Concurrent)> =
        pending.iter().flat_map(|migration| guarded(migration)).collect();
    let mut found = Vec::new();
    if guarded.is_empty() || client.rows(ANY).await?.is_empty() {
        return Ok(found);
    }
    for (migration, span, index) in guarded {
        let row = client.rows(&index.query()).await?.pop();
        if let Some(Standing::Invalid(index)) = row.as_ref().map(Standing::of_row) {
            let (tag, text) = (migration.tag.clone(), migration.source());
            found.push(Refusal::Leftover { tag, index, text, span: pointed(&migration.sql, span).into() });
        }
    }
    Ok(found)
}

/// SQL: a row if any index is INVALID.
const ANY: &str = "SELECT indexrelid FROM pg_catalog.pg_index WHERE NOT indisvalid LIMIT 1";

/// The statements that pass over an index that exists. Those that work CONCURRENTLY are looked at when they run.
fn guarded(migration: &Migration) -> Vec<(&Migration, std::ops::Range<usize>, Concurrent)> {
    let text = migration.sql.to_ascii_lowercase();
    if !text.contains("index") || !text.contains("exists") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            if let Some(index) = Concurrent::guarded(chunk.text, &statement) {
                let span = statement.span();
                found.push((migration, chunk.offset + span.start..chunk.offset + span.end, index));
            }
        }
    }
    found
}
