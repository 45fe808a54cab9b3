//! Who is at work on a migration without a transaction, and how far it is: one row of the ledger, with the id -1.
//!
//! An advisory lock would have to be held by a transaction, or by a session that a pooler gives to others between two
//! statements. A row needs no right that recording a migration does not need. Drizzle takes the newest `created_at` (this
//! row's is 0) or looks for names (it has none), so it does not mind the row; and ids go on as if it were not there.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_postgres::SimpleQueryRow;

use super::ledger::Ledger;
use super::quote::literal;

/// What the row's `hash` begins with; no hash does.
pub(super) const MARK: &str = "infra lease ";

/// The row's id.
pub(super) const ID: i64 = -1;

/// SQL: whether a row of the ledger is the lease's.
pub(super) fn condition() -> String {
    let (mark, length) = (literal(MARK), MARK.len());
    format!("(id = {ID} AND coalesce(pg_catalog.left(hash, {length}) = {mark}, false))")
}

/// The row's content. Times are the server's, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Tells the holders apart; stands in a comment before each statement, so that the server shows whose it is.
    pub token: String,
    /// The migration.
    pub tag: String,
    /// How many of its statements are committed.
    pub done: usize,
    /// How many it has.
    pub of: usize,
    /// SHA-256 of the committed ones, in hexadecimal.
    pub digest: String,
    /// Who began it: user, host and process.
    pub holder: String,
    /// The role that it runs as, which the server fills in: what others see of its sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The index that was not there when the statement after those was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<String>,
    /// Whether the holder stopped and said so; what is done is still to be remembered.
    pub stopped: bool,
    /// When it was taken.
    #[serde(default)]
    pub since: i64,
    /// When its holder was last seen: before each statement.
    #[serde(default)]
    pub renewed: i64,
}

/// What a look at the server says about a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The server's time, in milliseconds.
    pub now: i64,
    /// Whether one of its statements is running, perhaps without anybody waiting for it any more, or waits for its commit.
    pub at_work: bool,
    /// Whether one may be: what other roles run is not shown to everybody, only that a session of its role holds locks.
    pub hidden: bool,
}

impl Lease {
    /// Of a migration that is begun.
    pub(super) fn new(tag: &str, of: usize) -> Self {
        let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Lease {
            token: format!("{:032x}", rand::random::<u128>()),
            tag: tag.to_owned(),
            done: 0,
            of,
            digest: Done::default().digest(),
            role: None,
            making: None,
            holder: format!("{user}@{host}, process {}", std::process::id()),
            stopped: false,
            since: 0,
            renewed: 0,
        }
    }

    /// From the `hash` of a row; none if it is not a lease's.
    pub(super) fn of_hash(hash: &str) -> Option<Self> {
        serde_json::from_str(hash.strip_prefix(MARK)?).ok()
    }

    /// Whether nobody holds it: its holder stopped, or was not seen for `patience` milliseconds and nothing runs.
    pub fn is_free(&self, pulse: Pulse, patience: i64) -> bool {
        self.stopped || (!pulse.at_work && !pulse.hidden && pulse.now - self.renewed > patience)
    }

    /// In how many seconds it is free unless its holder is seen again; none while something runs, or may.
    pub(super) fn left(&self, pulse: Pulse, patience: i64) -> Option<u64> {
        let left = (self.renewed + patience - pulse.now).max(0) / 1000 + 1;
        (!pulse.at_work && !pulse.hidden).then(|| left.unsigned_abs())
    }

    /// Who holds it, and until when; for those who wait.
    pub(super) fn held(&self, pulse: Pulse, patience: i64) -> String {
        let until = match (pulse, self.left(pulse, patience)) {
            (_, Some(left)) => format!("who runs nothing now; unless that changes, this one takes over in {left} s"),
            (Pulse { at_work: true, .. }, None) => "whose statement runs".to_owned(),
            (_, None) => "whose role is at work on something, perhaps on this".to_owned(),
        };
        format!("{self}, {until}")
    }

    /// Whether the statements that are done are the first ones of these.
    pub fn fits(&self, statements: &[&str]) -> bool {
        statements.get(..self.done).is_some_and(|done| Done::of(done).digest() == self.digest)
    }

    /// With these committed.
    pub(super) fn advance(&mut self, done: &Done) {
        self.done = done.count;
        self.digest = done.digest();
    }

    /// The comment before a statement of the holder's.
    pub(super) fn comment(&self) -> String {
        format!("/* {MARK}{} */ ", self.token)
    }

    /// SQL: whether a row of `pg_stat_activity` is a session that runs a statement of the holder's, or has not committed it.
    pub(super) fn runs(&self) -> String {
        let comment = self.comment();
        format!("state <> 'idle' AND pg_catalog.left(query, {}) = {}", comment.len(), literal(&comment))
    }

    /// SQL for the row's `hash`, with the server's time.
    ///
    /// A renewal keeps the time of taking that the row has.
    fn hash(&self, taking: bool) -> String {
        const NOW: &str = "(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8";
        let since = match taking {
            true => NOW.to_owned(),
            false => format!("pg_catalog.substr(hash, {})::pg_catalog.jsonb -> 'since'", MARK.len() + 1),
        };
        let times = format!("'since', {since}, 'renewed', {NOW}, 'role', session_user");
        let content = serde_json::to_string(self).unwrap_or_default();
        format!(
            "{} || ({}::pg_catalog.jsonb || pg_catalog.jsonb_build_object({times}))::pg_catalog.text",
            literal(MARK),
            literal(&content)
        )
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} of {} statements are done), by {}", self.tag, self.done, self.of, self.holder)
    }
}

/// The statements that are committed, by a hash that grows with them.
#[derive(Clone, Default)]
pub(super) struct Done {
    count: usize,
    hash: Sha256,
}

impl Done {
    pub(super) fn of(statements: &[&str]) -> Self {
        let mut done = Done::default();
        statements.iter().for_each(|statement| done.push(statement));
        done
    }

    pub(super) fn push(&mut self, statement: &str) {
        self.count += 1;
        self.hash.update(statement.as_bytes());
        self.hash.update([0]);
    }

    fn digest(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Ledger {
    /// Takes the lease, under the lock.
    pub(super) fn lease_taking(&self, lease: &Lease) -> String {
        let (table, hash) = (self.quoted(), lease.hash(true));
        format!("INSERT INTO {table} (id, hash, created_at) VALUES (-1, {hash}, 0)")
    }

    /// Writes down how far it is; no row if somebody else has taken it.
    pub(super) fn lease_renewal(&self, lease: &Lease) -> String {
        format!(
            "UPDATE {} SET hash = {} WHERE id = -1 AND pg_catalog.strpos(hash, {}) > 0 RETURNING hash",
            self.quoted(),
            lease.hash(false),
            literal(&lease.token)
        )
    }

    /// Removes it; no row if it was not there any more.
    pub(super) fn lease_removal(&self, token: &str) -> String {
        let token = literal(token);
        format!("DELETE FROM {} WHERE id = -1 AND pg_catalog.strpos(hash, {token}) > 0 RETURNING id", self.quoted())
    }

    /// Removes it unless one of its statements runs at this moment; its one row is the lease as it was at last.
    pub(super) fn lease_forgetting(&self, lease: &Lease) -> String {
        format!(
            "DELETE FROM {} WHERE id = -1 AND pg_catalog.strpos(hash, {}) > 0 AND NOT EXISTS (SELECT FROM \
             pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() AND {}) RETURNING hash",
            self.quoted(),
            literal(&lease.token),
            lease.runs()
        )
    }

    /// SQL whose row is a [`Pulse`].
    ///
    /// Of the sessions of other roles the server shows neither statement nor state, unless the role may read all of them. Who
    /// runs something holds a lock, and those are shown to everybody.
    pub(super) fn pulse_query(lease: &Lease) -> String {
        let role = lease.role.as_ref().map_or("usename".to_owned(), |role| literal(role));
        format!(
            "SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8, count(*) FILTER \
             (WHERE shown AND {}), count(*) FILTER (WHERE NOT shown AND \
             datname = pg_catalog.current_database() AND usename = {role} AND EXISTS (SELECT FROM pg_catalog.pg_locks l \
             WHERE l.pid = a.pid)) FROM (SELECT *, coalesce(state, 'disabled') <> 'disabled' AS shown FROM \
             pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid()) a",
            lease.runs()
        )
    }
}

impl Pulse {
    /// From the row of [`Ledger::pulse_query`].
    pub(super) fn of_row(row: &SimpleQueryRow) -> Option<Self> {
        let some = |column: usize| row.get(column).map(|count| count != "0");
        Some(Pulse { now: row.get(0)?.parse().ok()?, at_work: some(1)?, hidden: some(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_when_its_holder_stopped_or_vanished() {
        let mut lease = Lease { renewed: 1_000, ..Lease::new("0000_a", 3) };
        let pulse = |now, at_work| Pulse { now, at_work, hidden: false };
        assert!(!lease.is_free(pulse(1_500, false), 1_000));
        assert!(lease.is_free(pulse(2_500, false), 1_000));
        // The client is gone, but the server still builds the index.
        assert!(!lease.is_free(pulse(2_500, true), 1_000));
        assert!(!lease.is_free(Pulse { hidden: true, ..pulse(2_500, false) }, 1_000));
        lease.stopped = true;
        assert!(lease.is_free(pulse(1_500, false), 1_000));
    }

    #[test]
    fn what_is_done_must_not_have_changed() {
        let mut lease = Lease::new("0000_a", 3);
        assert!(lease.fits(&["a", "b"]) && lease.fits(&[]));
        lease.advance(&Done::of(&["a", "b"]));
        assert!(lease.fits(&["a", "b", "d", "e"]));
        assert!(!lease.fits(&["a", "x", "c"]) && !lease.fits(&["a"]) && !lease.fits(&["ab", ""]));
    }

    #[test]
    fn only_leases_are_leases() {
        let lease = Lease::new("it's \\ 0000_a", 3);
        let text = format!("{MARK}{}", serde_json::to_string(&lease).unwrap());
        assert_eq!(Lease::of_hash(&text), Some(lease));
        assert_eq!(Lease::of_hash("ba7816bf"), None);
    }
}
