//! Who holds the locks that a statement did not get.

use std::collections::BTreeSet;

use tokio_postgres::SimpleQueryRow;

use super::Run;
use crate::migrate::quote::literal;
use crate::migrate::sql::{Kind, name, tokens};

/// How many are told.
const TOLD: usize = 3;

impl Run<'_> {
    /// The sessions with a lock on something that the statement names, those of the oldest transactions first; none where
    /// that cannot be found out.
    pub(super) async fn blockers(&self, statement: &str) -> Vec<String> {
        let rows = self.conversation.client.rows(&query(statement)).await.unwrap_or_default();
        rows.iter().filter_map(told).collect()
    }
}

fn query(statement: &str) -> String {
    let tokens = tokens(statement);
    let names: BTreeSet<String> = (0..tokens.len())
        .filter(|index| matches!(tokens[*index].kind, Kind::Word | Kind::Quoted))
        .filter_map(|index| name(statement, &tokens[index..]))
        .map(|name| format!("pg_catalog.to_regclass({})::pg_catalog.oid", literal(&name)))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    format!(
        "SELECT a.pid, a.usename, a.application_name, a.state, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - \
         a.xact_start)::pg_catalog.int8 FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_catalog.pg_backend_pid() AND EXISTS \
         (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.relation = ANY \
         (ARRAY[{}]::pg_catalog.oid[])) ORDER BY a.xact_start LIMIT {TOLD}",
        names.join(", ")
    )
}

/// As `4711 (app, "web", idle in transaction for 12 s)`; of another role's session the server says less.
fn told(row: &SimpleQueryRow) -> Option<String> {
    let text = |column: usize| row.get(column).filter(|text| !text.is_empty());
    let since = text(4).map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
    let state = text(3).map(|state| format!("{state}{since}"));
    let program = text(2).map(|program| format!("{program:?}"));
    let parts: Vec<String> = [text(1).map(str::to_owned), program, state].into_iter().flatten().collect();
    Some(format!("{} ({})", text(0)?, parts.join(", ")))
}
