//! Drizzle's table of applied migrations: found, made, read and written exactly as Drizzle does.

mod error;
mod right;
mod version;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::error::DbError;

use super::connect::Client;
use super::folder::{Layout, Migration};
use super::lease::{self, Lease};
use super::quote::{identifier, literal};
use super::target::Target;
pub use error::LedgerError;
pub use right::{Lack, Right};
pub(super) use version::Look;
pub use version::Version;

/// Which table; Drizzle's `migrations.schema` and `migrations.table`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger { schema: "drizzle".into(), table: "__drizzle_migrations".into() }
    }
}

impl FromStr for Ledger {
    type Err = String;

    /// `schema.table`, as it is written in drizzle.config.ts: no quotes, upper case counts.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('.') {
            Some((schema, table)) if !schema.is_empty() && !table.is_empty() => {
                Ok(Ledger { schema: schema.into(), table: table.into() })
            }
            _ => Err(format!("{text:?} is not of the form schema.table, such as drizzle.__drizzle_migrations")),
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.table)
    }
}

/// What is in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Whether the schema exists.
    pub schema_exists: bool,
    /// Whether the table exists.
    pub table_exists: bool,
    /// Whether the table has v1's columns `name` and `applied_at`.
    pub has_name: bool,
    /// By id.
    pub rows: Vec<Row>,
    /// Who is at work on a migration without a transaction, or was.
    pub lease: Option<Lease>,
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Serial number.
    pub id: i64,
    /// SHA-256 of the file that was applied.
    pub hash: String,
    /// The migration's own time in milliseconds, not the time of applying.
    pub created_at: Option<i64>,
    /// v1 only.
    pub name: Option<String>,
    /// v1 only: when it was applied, in milliseconds.
    pub applied_at: Option<i64>,
}

/// How long reading waits for somebody who has locked the whole table, in milliseconds.
const LOCK_TIMEOUT: u32 = 5_000;

/// What the server says of an insertion that had no effect.
const NOTHING_KEPT: &str = "the ledger kept no row";

impl Ledger {
    /// Reads what is there; changes nothing. A ledger that does not exist is an empty one.
    pub async fn read(&self, client: &Client) -> Result<Contents, LedgerError> {
        let shape = client.rows(&self.shape_query()).await.map_err(|error| self.explain(&error, client.target()))?;
        let columns: Vec<&str> = shape.iter().filter_map(|row| row.get(0)).collect();
        let mut contents = Contents {
            schema_exists: !shape.is_empty(),
            table_exists: shape.iter().any(|row| row.get(1).is_some()),
            has_name: columns.contains(&"name"),
            ..Contents::default()
        };
        if contents.table_exists {
            let kind = shape.first().and_then(|row| row.get(1)).unwrap_or_default();
            let complete = ["id", "hash", "created_at"].iter().all(|needed| columns.contains(needed));
            if !complete || !["r", "p", "v"].contains(&kind) {
                return Err(LedgerError::NotALedger(self.clone()));
            }
            let rows =
                client.rows(&self.rows_query(&columns)).await.map_err(|error| self.explain(&error, client.target()))?;
            for row in &rows {
                let row = self.row(row)?;
                match row.id == lease::ID && row.hash.starts_with(lease::MARK) {
                    true => contents.lease = Some(self.lease(&row)?),
                    false => contents.rows.push(row),
                }
            }
        }
        Ok(contents)
    }

    /// No row: no schema. One row with NULL: no table. Else a row a column.
    fn shape_query(&self) -> String {
        format!(
            "SELECT a.attname, c.relkind FROM pg_catalog.pg_namespace n \
             LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = {} \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE n.nspname = {}",
            literal(&self.table),
            literal(&self.schema)
        )
    }

    fn rows_query(&self, columns: &[&str]) -> String {
        let name = if columns.contains(&"name") { "name" } else { "NULL" };
        let applied_at = if columns.contains(&"applied_at") {
            "(pg_catalog.date_part('epoch', applied_at) * 1000)::pg_catalog.int8"
        } else {
            "NULL"
        };
        format!(
            "SET LOCAL lock_timeout = {LOCK_TIMEOUT}; SELECT id, hash, created_at, {name}, {applied_at} FROM {} ORDER BY id",
            self.quoted()
        )
    }

    fn row(&self, row: &SimpleQueryRow) -> Result<Row, LedgerError> {
        let number = |column: usize| {
            row.get(column).map(|text| {
                text.parse::<i64>().map_err(|_| LedgerError::BadRow(self.clone(), format!("{text:?} is not a number")))
            })
        };
        Ok(Row {
            id: number(0).transpose()?.ok_or_else(|| LedgerError::BadRow(self.clone(), "its id is NULL".into()))?,
            hash: row.get(1).unwrap_or_default().to_owned(),
            created_at: number(2).transpose()?,
            name: row.get(3).map(str::to_owned),
            applied_at: number(4).transpose()?,
        })
    }

    fn lease(&self, row: &Row) -> Result<Lease, LedgerError> {
        let broken =
            || LedgerError::BadRow(self.clone(), format!("the row {} is a lease, but not a whole one", row.id));
        Lease::of_hash(&row.hash).ok_or_else(broken)
    }

    /// The table's name as SQL.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }

    /// The advisory lock that migrators of this ledger take in turn; derived from its name, so that others agree.
    pub(super) fn lock_key(&self) -> i64 {
        let digest = Sha256::digest(format!("infra migrate {}", self.quoted()));
        digest.iter().take(8).fold(0_i64, |key, byte| (key << 8) | i64::from(*byte))
    }

    /// The statements that make what is missing, as Drizzle of this layout makes it.
    pub fn creation(&self, contents: &Contents, layout: Layout) -> Vec<String> {
        let mut statements = Vec::new();
        if !contents.schema_exists {
            statements.push(format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(&self.schema)));
        }
        if !contents.table_exists {
            let more = match layout {
                Layout::V0 => "",
                Layout::V1 => ", name text, applied_at timestamp with time zone DEFAULT now()",
            };
            statements.push(format!(
                "CREATE TABLE IF NOT EXISTS {} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint{more})",
                self.quoted()
            ));
        }
        statements
    }

    /// The statements that give a v0 table v1's columns, and names to rows that have none.
    pub(super) fn upgrade(&self, contents: &Contents, names: &[(i64, String)]) -> Vec<String> {
        let table = self.quoted();
        let mut statements = Vec::new();
        if !contents.has_name {
            statements.push(format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS \"name\" text"));
            statements.push(format!(
                "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS \"applied_at\" timestamp with time zone DEFAULT now()"
            ));
        }
        // A time of applying that ADD COLUMN filled in is not one; Drizzle says NULL as well.
        let applied_at = if contents.has_name { "" } else { ", \"applied_at\" = NULL" };
        for (id, name) in names {
            statements.push(format!("UPDATE {table} SET \"name\" = {}{applied_at} WHERE \"id\" = {id}", literal(name)));
        }
        statements
    }

    /// The statement that records a migration.
    pub fn record(&self, migration: &Migration, has_name: bool) -> String {
        let (table, hash, when) = (self.quoted(), literal(&migration.hash), migration.when_millis);
        if has_name {
            let name = literal(&migration.name);
            format!(r#"insert into {table} ("hash", "created_at", "name") values({hash}, {when}, {name})"#)
        } else {
            format!(r#"insert into {table} ("hash", "created_at") values({hash}, {when})"#)
        }
    }

    /// The same; its one row is the new id. It fails where a trigger, or a rule, has it insert nothing.
    pub(super) fn insertion(&self, migration: &Migration, has_name: bool) -> String {
        let record = self.record(migration, has_name);
        format!(
            "WITH it AS ({record} RETURNING id) SELECT coalesce(pg_catalog.max(id)::pg_catalog.text, \
             '{NOTHING_KEPT}')::pg_catalog.int8 FROM it"
        )
    }

    /// Whether that is why a statement failed. No other word of the message is the same in every language.
    pub(super) fn kept_nothing(said: &DbError) -> bool {
        said.code().code() == "22P02" && said.message().contains(NOTHING_KEPT)
    }

    /// The statement that makes a row the migration's again, whose hash it has.
    pub fn correction(&self, row: &Row, migration: &Migration) -> String {
        let name = row.name.as_ref().map_or(String::new(), |_| format!(", name = {}", literal(&migration.name)));
        format!("UPDATE {} SET created_at = {}{name} WHERE id = {};", self.quoted(), migration.when_millis, row.id)
    }

    /// The statement that takes an edited file's hash as the applied one.
    pub(super) fn acceptance(&self, row: i64, migration: &Migration) -> String {
        format!("UPDATE {} SET \"hash\" = {} WHERE \"id\" = {row}", self.quoted(), literal(&migration.hash))
    }

    /// What a failed statement about it says, on a connection to that database.
    pub fn explain(&self, error: &tokio_postgres::Error, target: &Target) -> LedgerError {
        let lost = || LedgerError::Lost(self.clone());
        error.as_db_error().map_or_else(lost, |said| self.refused(said, Right::Use, target))
    }

    /// The same, of what PostgreSQL said; `right` is what the statement takes.
    pub(super) fn refused(&self, said: &DbError, right: Right, target: &Target) -> LedgerError {
        let (ledger, message) = (self.clone(), said.message().to_owned());
        match said.code().code() {
            "42501" => LedgerError::Denied { ledger, lack: Lack::of(target, right, self), message },
            "55P03" => LedgerError::Locked(ledger),
            _ if Ledger::kept_nothing(said) => LedgerError::Unsteady(ledger),
            code => LedgerError::Database { ledger, message, code: code.to_owned() },
        }
    }

    /// The right that the ledger's own upkeep takes, for a folder of this layout.
    pub(super) fn right_for_upkeep(contents: &Contents, layout: Layout) -> Right {
        match contents {
            Contents { schema_exists: false, .. } => Right::MakeSchema,
            Contents { table_exists: false, .. } => Right::MakeTable,
            Contents { has_name: false, .. } if layout == Layout::V1 => Right::Upgrade,
            _ => Right::Use,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn names_from_the_command_line() {
        assert_eq!("drizzle.__drizzle_migrations".parse(), Ok(Ledger::default()));
        for text in ["drizzle", ".a", "a.", ""] {
            assert!(text.parse::<Ledger>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_cannot_break_out() {
        let ledger = Ledger { schema: "My \"S".into(), table: "t".into() };
        assert_eq!(ledger.quoted(), "\"My \"\"S\".\"t\"");
    }

    #[test]
    fn rows_are_those_of_drizzle() {
        let (ledger, migration) = (Ledger::default(), migration("0000_a", 7, "abc"));
        let hash = &migration.hash;
        assert_eq!(
            ledger.record(&migration, false),
            format!(r#"insert into "drizzle"."__drizzle_migrations" ("hash", "created_at") values('{hash}', 7)"#)
        );
        assert!(ledger.insertion(&migration, true).contains(r#""name") values("#));
    }

    #[test]
    fn locks_differ_by_ledger() {
        let other = Ledger { schema: "public".into(), ..Ledger::default() };
        assert_ne!(Ledger::default().lock_key(), other.lock_key());
    }

    #[test]
    fn only_what_is_missing_is_made() {
        let ledger = Ledger::default();
        let there = Contents { schema_exists: true, table_exists: true, ..Contents::default() };
        assert!(ledger.creation(&there, Layout::V0).is_empty());
        let no_table = Contents { schema_exists: true, ..Contents::default() };
        assert_eq!(ledger.creation(&no_table, Layout::V1).len(), 1);
        assert_eq!(ledger.creation(&Contents::default(), Layout::V0).len(), 2);
    }
}
