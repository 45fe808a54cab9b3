//! Who holds a ledger's lock or lease, and what can be done about one that does not give it back.

use serde::Serialize;
use tokio_postgres::SimpleQueryRow;

use super::connect::Client;
use super::lease::{Lease, Pulse};
use super::ledger::{Ledger, LedgerError};

/// Everybody who keeps migrators of a ledger waiting, or waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holders {
    /// The lease of a migration without a transaction.
    pub lease: Option<Lease>,
    /// What the server says of that lease's holder.
    #[serde(skip)]
    pub pulse: Option<Pulse>,
    /// Connections with the advisory lock, or waiting for it, or running a statement of the lease's.
    pub connections: Vec<Connection>,
}

/// A connection as the server sees it; through a pooler, address and program are the pooler's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Its server process.
    pub pid: i32,
    /// What it has to do with the ledger.
    pub part: Part,
    /// Its role.
    pub user: String,
    /// What it calls itself.
    pub application: String,
    /// Where it comes from.
    pub address: String,
    /// Since when it is in its transaction or statement, in milliseconds since 1970.
    pub since: Option<i64>,
    /// `active`, `idle in transaction` …
    pub state: String,
}

/// What a connection has to do with a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It has the advisory lock, until its transaction ends.
    Holds,
    /// It waits for the advisory lock.
    Waits,
    /// It runs a statement of a migration without a transaction.
    Runs,
}

/// What became of a lease that was to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// It is; what it said at last.
    Yes(Box<Lease>),
    /// A statement of its holder's runs.
    Runs,
    /// It was not there any more: given back, or somebody else's.
    Gone,
}

impl Ledger {
    /// Who holds the lock and the lease.
    pub async fn holders(&self, client: &Client) -> Result<Holders, LedgerError> {
        let lease = self.read(client).await?.lease;
        let explain = |error| self.explain(&error, client.target());
        let pulse = match &lease {
            Some(lease) => {
                client.rows(&Ledger::pulse_query(lease)).await.map_err(explain)?.first().and_then(Pulse::of_row)
            }
            None => None,
        };
        let rows = client.rows(&self.holders_query(lease.as_ref())).await.map_err(explain)?;
        Ok(Holders { lease, pulse, connections: rows.iter().filter_map(Connection::of_row).collect() })
    }

    /// Forgets the lease, unless its holder runs a statement at this moment: what is done of its migration stays done, and the
    /// next run begins at its first statement.
    pub async fn forget(&self, client: &Client, lease: &Lease) -> Result<Forgotten, LedgerError> {
        let removed = client.rows(&self.lease_forgetting(lease)).await;
        let removed = removed.map_err(|error| self.explain(&error, client.target()))?;
        if let Some(row) = removed.first() {
            let last = row.get(0).and_then(Lease::of_hash).unwrap_or_else(|| lease.clone());
            return Ok(Forgotten::Yes(Box::new(last)));
        }
        let now = self.read(client).await?.lease;
        Ok(if now.is_some_and(|now| now.token == lease.token) { Forgotten::Runs } else { Forgotten::Gone })
    }

    /// Ends a connection, and with it its transaction; false if it was gone already.
    pub async fn terminate(&self, client: &Client, pid: i32) -> Result<bool, LedgerError> {
        let sql = format!("SELECT pg_catalog.pg_terminate_backend({pid})");
        let rows = client.rows(&sql).await.map_err(|error| match error.as_db_error() {
            Some(said) if said.code().code() == "42501" => {
                LedgerError::NotEnded { role: client.target().user.clone(), pid, message: said.message().to_owned() }
            }
            _ => self.explain(&error, client.target()),
        })?;
        Ok(rows.first().and_then(|row| row.get(0)) == Some("t"))
    }

    fn holders_query(&self, lease: Option<&Lease>) -> String {
        let key = self.lock_key();
        // pg_locks shows the two halves of the key, each as an unsigned number.
        let (high, low) = ((key >> 32) & 0xffff_ffff, key & 0xffff_ffff);
        let runs = lease.map_or("false".to_owned(), Lease::runs);
        format!(
            "SELECT a.pid, CASE WHEN l.granted THEN 'holds' WHEN l.granted IS NULL THEN 'runs' ELSE 'waits' END, \
             a.usename, a.application_name, pg_catalog.host(a.client_addr), \
             (pg_catalog.date_part('epoch', coalesce(a.xact_start, a.query_start)) * 1000)::pg_catalog.int8, a.state \
             FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' \
             AND l.classid = {high} AND l.objid = {low} AND l.objsubid = 1 \
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
             WHERE a.pid <> pg_catalog.pg_backend_pid() AND (l.pid IS NOT NULL OR ({runs})) ORDER BY l.granted DESC NULLS FIRST, 6"
        )
    }
}

impl Connection {
    fn of_row(row: &SimpleQueryRow) -> Option<Self> {
        let text = |column: usize| row.get(column).unwrap_or_default().to_owned();
        Some(Connection {
            pid: row.get(0)?.parse().ok()?,
            part: match row.get(1)? {
                "holds" => Part::Holds,
                "runs" => Part::Runs,
                _ => Part::Waits,
            },
            user: text(2),
            application: text(3),
            address: text(4),
            since: row.get(5).and_then(|since| since.parse().ok()),
            state: text(6),
        })
    }
}
