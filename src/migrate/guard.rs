//! Finds, before anything runs, the statements that would break a migration out of its transaction or cannot be in one.
//!
//! A file that begins with [`NO_TRANSACTION`] has no transaction: there each statement is committed on its own.

use std::ops::Range;

use super::concurrent::Concurrent;
use super::folder::Migration;
use super::journal::conflict_marker;
use super::sql::{Kind, Statement, Token, statements, tokens};

/// What a file begins with whose statements are each committed on their own.
pub const NO_TRANSACTION: &str = "-- infra: no-transaction";

/// What some editors put at the beginning of a file.
const BOM: char = '\u{feff}';

/// Whether one of the comments that the file begins with is [`NO_TRANSACTION`].
pub fn without_transaction(sql: &str) -> bool {
    let lines = sql.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with("--"));
    let word = NO_TRANSACTION.trim_start_matches('-').trim();
    lines.map(|line| line.trim_matches('-').trim()).any(|line| line.eq_ignore_ascii_case(word))
}

/// A statement that a migration cannot hold.
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
    /// COPY … FROM STDIN, TO STDOUT: there is no input to read from, and nobody who reads.
    ReadsInput,
    /// BEGIN and its like where each statement is committed on its own.
    NoTransaction,
    /// SET outside of a transaction: the session is shared with others, and the next statement may get another one.
    Session,
    /// U+FEFF at the beginning of the file, which PostgreSQL takes for a part of the first word.
    ByteOrderMark,
    /// A line that git left where a merge was not finished.
    Conflict,
    /// CREATE TEMPORARY TABLE where each statement is committed on its own: the next one may get another session.
    Temporary,
    /// CREATE INDEX CONCURRENTLY without a name: what a failed one leaves behind could not be told from other indexes.
    Nameless,
}

impl Reason {
    /// What of a migration it is about, as the beginning of a sentence.
    pub fn subject(self) -> &'static str {
        match self {
            Reason::ByteOrderMark => "The file of",
            Reason::Conflict => "A line of",
            _ => "A statement of",
        }
    }

    /// What is wrong, as the end of a sentence about the statement.
    pub fn explanation(self) -> &'static str {
        match self {
            Reason::EndsTransaction => "starts or ends a transaction, but a migration runs inside one of its own",
            Reason::OutsideOnly => "cannot run inside a transaction, but every migration runs in one",
            Reason::ReadsInput => "exchanges rows with the client, and a migration neither has nor takes any",
            Reason::NoTransaction => "starts or ends a transaction, but each statement of this migration is on its own",
            Reason::Session => {
                "changes the session, which outside of a transaction is shared with others through a pooler"
            }
            Reason::ByteOrderMark => {
                "begins with a byte order mark, which PostgreSQL takes for a part of the first word"
            }
            Reason::Conflict => "is a conflict marker: git has not finished a merge in this file",
            Reason::Temporary => {
                "makes a temporary table, which outside of a transaction is gone, or another session's, at the next statement"
            }
            Reason::Nameless => "makes an index without a name, so what a failed attempt leaves behind cannot be found",
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
                "Put it in a migration of its own whose first line is `-- infra: no-transaction` (`infra migrate new NAME \
                 --no-transaction`): its statements are then committed one by one. Where it says CONCURRENTLY, that can also be \
                 left out: it works inside a transaction then, but locks the table while it runs."
            }
            Reason::ReadsInput => {
                "Write rows that are to be read as INSERT statements; COPY … TO STDOUT is for psql alone."
            }
            Reason::NoTransaction => {
                "Remove it; or remove the line `-- infra: no-transaction`, if all can be in one transaction."
            }
            Reason::Session => {
                "Remove it, and write names with their schema. Roles have settings too: ALTER ROLE … SET …."
            }
            Reason::ByteOrderMark => "Save the file as UTF-8 without BOM.",
            Reason::Conflict => {
                "Keep the other branch's side of everything in the folder, delete the migration of your own branch, and run \
                 `drizzle-kit generate` again: it then comes after theirs."
            }
            Reason::Temporary => {
                "Make an ordinary table and drop it at the end; or do what needs the temporary one in a migration with a \
                 transaction, or in one DO block."
            }
            Reason::Nameless => "Give the index a name: CREATE INDEX CONCURRENTLY IF NOT EXISTS name ON ….",
        }
    }
}

/// Every such statement of the migration, in order.
pub fn offences(migration: &Migration) -> Vec<Offence> {
    // What is on either side of it is no migration yet.
    if let Some(span) = conflict(&migration.sql) {
        return vec![Offence { reason: Reason::Conflict, span }];
    }
    let mut found = Vec::new();
    if migration.sql.starts_with(BOM) {
        found.push(Offence { reason: Reason::ByteOrderMark, span: 0..BOM.len_utf8() });
    }
    let judge = if without_transaction(&migration.sql) { judge_alone } else { judge };
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

/// The first line that git left in the file where a merge was not finished; one inside of a quoted string may be data.
pub(super) fn conflict(sql: &str) -> Option<Range<usize>> {
    let marker = conflict_marker(sql)?;
    let data = |token: &Token| {
        let quoted = token.kind == Kind::Literal && token.closed && !token.text(sql).starts_with('$');
        quoted && token.span.contains(&marker.offset())
    };
    (!tokens(sql).iter().any(data)).then(|| marker.offset()..marker.offset() + marker.len())
}

/// A statement that is committed on its own.
fn judge_alone(sql: &str, statement: &Statement) -> Option<Reason> {
    match judge(sql, statement) {
        Some(Reason::Session) => Some(Reason::Session),
        Some(Reason::EndsTransaction) => Some(Reason::NoTransaction),
        Some(Reason::OutsideOnly) => is_nameless(sql, statement).then_some(Reason::Nameless),
        None if ["set", "reset", "discard"].iter().any(|keyword| statement.starts_with(sql, &[keyword])) => {
            Some(Reason::Session)
        }
        None if is_temporary(sql, statement) => Some(Reason::Temporary),
        other => other,
    }
}

/// CREATE TEMPORARY TABLE and its like.
pub(super) fn is_temporary(sql: &str, statement: &Statement) -> bool {
    let is = |token: &Token, words: &[&str]| words.iter().any(|word| token.is(sql, word));
    let mut words = statement.tokens.iter().skip(1).skip_while(|it| is(it, &["or", "replace", "local", "global"]));
    statement.starts_with(sql, &["create"]) && words.next().is_some_and(|word| is(word, &["temp", "temporary"]))
}

fn is_nameless(sql: &str, statement: &Statement) -> bool {
    statement.starts_with(sql, &["create"])
        && statement.mentions(sql, "index")
        && Concurrent::of(sql, statement).is_none()
}

/// Whether PostgreSQL refuses the statement inside a transaction block.
pub(super) fn is_outside_only(sql: &str, statement: &Statement) -> bool {
    judge(sql, statement) == Some(Reason::OutsideOnly)
}

/// A statement in a migration's transaction.
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
        &["reindex", "schema"],
        &["drop", "subscription"],
    ];
    if starts(&["discard", "all"]) {
        return Some(Reason::Session);
    }
    if is_of_all_tables(sql, statement) || changes_slots(sql, statement) {
        return Some(Reason::OutsideOnly);
    }
    if concurrently || never.iter().any(|keywords| starts(keywords)) {
        return Some(Reason::OutsideOnly);
    }

    let to_client = || {
        let mut pairs = statement.tokens.windows(2);
        pairs.any(|pair| {
            [("from", "stdin"), ("to", "stdout")].iter().any(|it| pair[0].is(sql, it.0) && pair[1].is(sql, it.1))
        })
    };
    (starts(&["copy"]) && to_client()).then_some(Reason::ReadsInput)
}

/// CLUSTER of every table that has been clustered; and REINDEX in its notation with options, of more than a table.
fn is_of_all_tables(sql: &str, statement: &Statement) -> bool {
    let mut rest = &statement.tokens[1..];
    if rest.first().is_some_and(|token| token.text(sql) == "(") {
        let end = rest.iter().position(|token| token.text(sql) == ")");
        rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
    }
    let next = |words: &[&str]| rest.first().is_some_and(|token| words.iter().any(|word| token.is(sql, word)));
    if statement.starts_with(sql, &["reindex"]) {
        return next(&["schema", "database", "system"]);
    }
    statement.starts_with(sql, &["cluster"]) && (rest.is_empty() || (next(&["verbose"]) && rest.len() == 1))
}

/// CREATE and ALTER SUBSCRIPTION where they make or drop replication slots on the publisher, which cannot be rolled back.
fn changes_slots(sql: &str, statement: &Statement) -> bool {
    let off = |option: &str| {
        let at = statement.tokens.iter().position(|token| token.is(sql, option));
        at.and_then(|at| statement.tokens.get(at + 2)).is_some_and(|value| {
            ["false", "off", "0"].contains(&value.text(sql).trim_matches('\'').to_ascii_lowercase().as_str())
        })
    };
    let mentions = |keyword: &str| statement.mentions(sql, keyword);
    match statement.starts_with(sql, &["create", "subscription"]) {
        true => !off("connect") && !off("create_slot"),
        false => statement.starts_with(sql, &["alter", "subscription"]) && mentions("publication") && !off("refresh"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    #[test]
    fn offences_and_look_alikes() {
        use Reason::{
            ByteOrderMark, Conflict, EndsTransaction, Nameless, NoTransaction, OutsideOnly, ReadsInput, Session,
            Temporary,
        };
        let table: &[(&str, &[(Reason, &str)])] = &[
            ("SELECT 1;\n<<<<<<< HEAD\nCOMMIT;\n=======\n>>>>>>> x\n", &[(Conflict, "<<<<<<< HEAD")]),
            ("CREATE FUNCTION f() RETURNS int AS $$\n<<<<<<< HEAD\n$$", &[(Conflict, "<<<<<<< HEAD")]),
            ("INSERT INTO t VALUES ('\n<<<<<<< HEAD\n')", &[]),
            ("SELECT 1; commit; SELECT 2", &[(EndsTransaction, "commit")]),
            ("-- c\nROLLBACK WORK;", &[(EndsTransaction, "ROLLBACK WORK")]),
            ("BEGIN; x; END;", &[(EndsTransaction, "BEGIN"), (EndsTransaction, "END")]),
            ("SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a", &[]),
            (
                "create function f(begin int) returns int language sql as $$select 1$$; commit;",
                &[(EndsTransaction, "commit")],
            ),
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
            ("COPY (SELECT 1) TO STDOUT", &[(ReadsInput, "COPY (SELECT 1) TO STDOUT")]),
            ("-- infra: no-transaction\nCOPY t TO stdout", &[(ReadsInput, "COPY t TO stdout")]),
            ("COPY stdout FROM '/tmp/x'; COPY t TO '/tmp/stdin'", &[]),
            ("REINDEX SCHEMA s", &[(OutsideOnly, "REINDEX SCHEMA s")]),
            ("REINDEX (VERBOSE) SCHEMA s", &[(OutsideOnly, "REINDEX (VERBOSE) SCHEMA s")]),
            ("REINDEX (VERBOSE) TABLE schema; REINDEX TABLE t", &[]),
            ("CLUSTER", &[(OutsideOnly, "CLUSTER")]),
            ("cluster verbose", &[(OutsideOnly, "cluster verbose")]),
            ("CLUSTER (VERBOSE)", &[(OutsideOnly, "CLUSTER (VERBOSE)")]),
            ("CLUSTER VERBOSE t; CLUSTER t USING i; CLUSTER (VERBOSE) t", &[]),
            ("DISCARD ALL", &[(Session, "DISCARD ALL")]),
            ("DISCARD TEMP", &[]),
            ("-- infra: no-transaction\nDISCARD ALL", &[(Session, "DISCARD ALL")]),
            ("DROP SUBSCRIPTION s", &[(OutsideOnly, "DROP SUBSCRIPTION s")]),
            (
                "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
                &[(OutsideOnly, "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p")],
            ),
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", &[]),
            ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", &[(OutsideOnly, "ALTER SUBSCRIPTION s REFRESH PUBLICATION")]),
            ("ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = off); ALTER SUBSCRIPTION s DISABLE", &[]),
            ("SELECT 1;--> statement-breakpoint\nCOMMIT", &[(EndsTransaction, "COMMIT")]),
            ("-- infra: no-transaction\nCREATE INDEX CONCURRENTLY a ON t (x); VACUUM t", &[]),
            ("\u{feff}SELECT 1", &[(ByteOrderMark, "\u{feff}")]),
            ("-- infra: no-transaction\nBEGIN", &[(NoTransaction, "BEGIN")]),
            ("-- infra: no-transaction\nSET search_path TO a", &[(Session, "SET search_path TO a")]),
            ("CREATE TEMP TABLE a (x int); CREATE LOCAL TEMPORARY VIEW v AS SELECT 1", &[]),
            (
                "-- infra: no-transaction\nCREATE TABLE temporary (temp int); CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
                &[(Temporary, "CREATE OR REPLACE TEMP VIEW v AS SELECT 1")],
            ),
            (
                "-- infra: no-transaction\nCREATE INDEX CONCURRENTLY ON t (x)",
                &[(Nameless, "CREATE INDEX CONCURRENTLY ON t (x)")],
            ),
        ];
        for (sql, expected) in table {
            let migration = migration("0000_a", 1, sql);
            let found = offences(&migration);
            let found: Vec<_> = found.iter().map(|offence| (offence.reason, &sql[offence.span.clone()])).collect();
            assert_eq!(&found, expected, "{sql}");
        }
    }

    #[test]
    fn the_line_counts_at_the_top_only() {
        let table = [
            ("-- infra: no-transaction\nVACUUM t", true),
            ("\n-- why\n--infra: NO-transaction\r\nVACUUM t", true),
            ("-- infra: no-transaction --", true),
            ("VACUUM t;\n-- infra: no-transaction", false),
            ("-- infra: no-transactions\n", false),
            ("/* -- infra: no-transaction */", false),
            ("", false),
        ];
        for (sql, expected) in table {
            assert_eq!(without_transaction(sql), expected, "{sql}");
        }
    }
}
