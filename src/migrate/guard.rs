//! Finds, before anything runs, the statements that would break a migration out of its transaction or cannot be in one.

use std::ops::Range;

use super::folder::Migration;
use super::sql::{Statement, statements};

/// A statement that a migration's transaction cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// Why it cannot.
    pub reason: Reason,
    /// Its bytes in the migration's file.
    pub span: Range<usize>,
}

/// Why a statement cannot be part of a migration's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// BEGIN, COMMIT, ROLLBACK and their like: what follows would be applied without its ledger row.
    EndsTransaction,
    /// PostgreSQL refuses it inside a transaction block (25001).
    OutsideOnly,
    /// COPY … FROM STDIN: there is no input to read from.
    ReadsInput,
}

impl Reason {
    /// What is wrong, as the end of a sentence about the statement.
    pub fn explanation(self) -> &'static str {
        match self {
            Reason::EndsTransaction => "starts or ends a transaction, but a migration runs inside one of its own",
            Reason::OutsideOnly => "cannot run inside a transaction, but every migration runs in one",
            Reason::ReadsInput => "reads rows from the client, and a migration has none to send",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Reason::EndsTransaction => {
                "Remove the statement: the migration and its ledger row are committed together, or not at all. Where \
                 something has to be committed first, put it in a migration of its own."
            }
            Reason::OutsideOnly => {
                "Without CONCURRENTLY the statement works inside a transaction, but locks the table while it runs. For \
                 a large table, run it by hand first and make the migration CREATE INDEX IF NOT EXISTS (or DROP INDEX \
                 IF EXISTS) without CONCURRENTLY."
            }
            Reason::ReadsInput => "Write the rows as INSERT statements.",
        }
    }
}

/// Every such statement of the migration, in order.
pub fn offences(migration: &Migration) -> Vec<Offence> {
    let mut found = Vec::new();
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            if let Some(reason) = judge(chunk.text, &statement) {
                let span = statement.span();
                found.push(Offence { reason, span: chunk.offset + span.start..chunk.offset + span.end });
            }
        }
    }
    found
}

fn judge(sql: &str, statement: &Statement) -> Option<Reason> {
    let starts = |keywords: &[&str]| statement.starts_with(sql, keywords);
    let mentions = |keyword: &str| statement.mentions(sql, keyword);

    let to_savepoint = (starts(&["rollback"]) || starts(&["abort"])) && mentions("to");
    let control: &[&[&str]] = &[
        &["begin"],
        &["start", "transaction"],
        &["commit"],
        &["end"],
        &["rollback"],
        &["abort"],
        &["prepare", "transaction"],
    ];
    if control.iter().any(|keywords| starts(keywords)) && !to_savepoint {
        return Some(Reason::EndsTransaction);
    }

    let index = starts(&["create", "index"]) || starts(&["create", "unique", "index"]) || starts(&["drop", "index"]);
    let concurrently = mentions("concurrently")
        && (index || starts(&["reindex"]) || (starts(&["alter", "table"]) && mentions("detach")));
    let never: &[&[&str]] = &[
        &["vacuum"],
        &["create", "database"],
        &["drop", "database"],
        &["create", "tablespace"],
        &["drop", "tablespace"],
        &["alter", "system"],
        &["reindex", "database"],
        &["reindex", "system"],
    ];
    if concurrently || never.iter().any(|keywords| starts(keywords)) {
        return Some(Reason::OutsideOnly);
    }

    (starts(&["copy"]) && mentions("stdin")).then_some(Reason::ReadsInput)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn offences_and_look_alikes() {
        use Reason::{EndsTransaction, OutsideOnly, ReadsInput};
        let table: &[(&str, &[(Reason, &str)])] = &[
            ("SELECT 1; commit; SELECT 2", &[(EndsTransaction, "commit")]),
            ("-- c\nROLLBACK WORK;", &[(EndsTransaction, "ROLLBACK WORK")]),
            ("BEGIN; x; END;", &[(EndsTransaction, "BEGIN"), (EndsTransaction, "END")]),
            ("SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a", &[]),
            ("DO $$ BEGIN COMMIT; END $$;", &[]),
            ("INSERT INTO t VALUES ('; COMMIT;'); /* COMMIT; */ -- COMMIT;", &[]),
            ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;", &[]),
            ("CREATE TABLE \"commit\" (\"end\" int)", &[]),
            ("COMMENT ON TABLE t IS 'x'", &[]),
            (
                "CREATE INDEX CONCURRENTLY \"a\" ON \"t\" (x)",
                &[(OutsideOnly, "CREATE INDEX CONCURRENTLY \"a\" ON \"t\" (x)")],
            ),
            (
                "create unique index concurrently on t (x);",
                &[(OutsideOnly, "create unique index concurrently on t (x)")],
            ),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", &[]),
            ("CREATE INDEX \"concurrently\" ON t (x)", &[]),
            ("VACUUM t", &[(OutsideOnly, "VACUUM t")]),
            ("COPY t FROM STDIN", &[(ReadsInput, "COPY t FROM STDIN")]),
            ("SELECT 1;--> statement-breakpoint\nCOMMIT", &[(EndsTransaction, "COMMIT")]),
        ];
        for (sql, expected) in table {
            let migration = migration("0000_a", 1, sql);
            let found = offences(&migration);
            let found: Vec<_> = found.iter().map(|offence| (offence.reason, &sql[offence.span.clone()])).collect();
            assert_eq!(&found, expected, "{sql}");
        }
    }
}
