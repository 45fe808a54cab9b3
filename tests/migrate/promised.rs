//! What is recorded as applied is in the database: a migration over which the database passed is neither committed nor recorded, however
//! often it is run.

use super::command::{infra, json, shown};
use super::outside::outside;
use super::server::{Database, Way};
use super::{WAYS, Written, ledger_rows, tables};

fn run(database: &Database, written: &Written, arguments: &[&str]) -> String {
    shown(&infra(database, written.path(), arguments).output().unwrap()).replace("\n  │ ", " ")
}

fn recorded(database: &Database) -> usize {
    ledger_rows(database).lines().filter(|row| !row.starts_with('-')).count()
}

#[test]
fn a_table_of_another_form_stays_refused_until_it_is_mended() {
    for way in WAYS {
        let database = Database::new(way);
        database.psql("CREATE TABLE users (id int)");
        let written = Written::new(&[
            ("0000_a", "CREATE TABLE a (id int);"),
            (
                "0001_users",
                "CREATE TABLE b (id int);--> statement-breakpoint\nCREATE TABLE IF NOT EXISTS \"users\" (\"id\" int, \"email\" text);",
            ),
            ("0002_c", "CREATE TABLE c (id int);"),
        ]);
        // The second time says the same as the first: no run is green by what the one before it left.
        for _ in 0..2 {
            let said = run(&database, &written, &["apply"]);
            assert!(said.starts_with("exit 1"), "{way:?}: {said}");
            for part in [
                "The migration 0001_users failed in line 2",
                "but this is not in the database: the column \"users\".\"email\".",
                "0001_users.sql:2:1",
                "Nothing of 0001_users is in the database.",
                "baseline --to 0001_users --without-verifying",
            ] {
                assert!(said.contains(part), "{way:?}: {part} is missing: {said}");
            }
            assert_eq!((recorded(&database), tables(&database).as_str()), (1, "a users"), "{way:?}");
        }
        let status = run(&database, &written, &["status", "--exit-code"]);
        assert!(status.starts_with("exit 2") && status.contains("2 pending"), "{way:?}: {status}");
        database.psql("ALTER TABLE users ADD email text");
        let said = run(&database, &written, &["apply"]);
        assert!(said.starts_with("exit 0"), "{way:?}: {said}");
        assert_eq!((recorded(&database), tables(&database).as_str()), (3, "a b c users"), "{way:?}");
    }
}

#[test]
fn a_later_failure_hides_nothing() {
    let database = Database::new(Way::Pooled);
    database.psql("CREATE TABLE users (id int)");
    let written = Written::new(&[
        ("0000_users", "CREATE TABLE IF NOT EXISTS users (id int, email text);"),
        ("0001_bad", "INSERT INTO nope VALUES (1);"),
    ]);
    for together in [&[][..], &["--transaction", "all"]] {
        let said = run(&database, &written, &[&["apply"], together].concat());
        assert!(said.starts_with("exit 1") && said.contains("users\".\"email"), "{said}");
        assert_eq!(recorded(&database), 0, "{said}");
    }
}

#[test]
fn what_passes_over_in_silence_is_seen() {
    let table: &[(&str, &str, &str)] = &[
        (
            "CREATE TABLE a (id int)",
            "SET LOCAL lock_timeout = '2s'; CREATE TABLE IF NOT EXISTS a (id int, email text);",
            "the column \"a\".\"email\"",
        ),
        (
            "CREATE TYPE mood AS ENUM ('ok')",
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
            "the type \"mood\" with the values 'sad', 'it''s ok'",
        ),
        (
            "CREATE TABLE a (email text); CREATE TABLE b (email text)",
            "CREATE INDEX i ON a (email); CREATE INDEX IF NOT EXISTS i ON b (email);",
            "the index \"b\".\"i\"",
        ),
        ("CREATE SEQUENCE s", "CREATE TABLE IF NOT EXISTS s (id int);", "the table \"s\""),
    ];
    for (before, sql, absent) in table {
        let database = Database::new(Way::Direct);
        database.psql(before);
        // SET is refused where there is no transaction.
        let ways = if sql.starts_with("SET") { vec![(*sql).to_owned()] } else { vec![(*sql).to_owned(), outside(sql)] };
        for sql in ways {
            let written = Written::new(&[("0000_a", sql.as_str())]);
            let output = infra(&database, written.path(), &["apply", "--json"]).output().unwrap();
            let last = json(&output).pop().unwrap();
            let message = last["message"].as_str().unwrap();
            assert!(message.contains(&format!("not in the database: {absent}")), "{last}");
            assert_eq!((recorded(&database), output.status.code()), (0, Some(1)), "{last}");
            // Without a transaction, too, the next run is no better as long as nothing is mended.
            let said = run(&database, &written, &["apply"]);
            assert!(said.starts_with("exit 1"), "{said}");
            database.psql("DROP SCHEMA IF EXISTS drizzle CASCADE");
        }
    }
}

/// What goes with the session or is cut by PostgreSQL is no reason to refuse.
#[test]
fn what_is_not_to_stay_is_not_missed() {
    let database = Database::new(Way::Direct);
    let long = "a".repeat(80);
    let written = Written::new(&[
        (
            "0000_temporary",
            "CREATE TEMP TABLE t (id int); CREATE INDEX i ON t (id); CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS \
             'SELECT 1'; CREATE VIEW pg_temp.v AS SELECT 1;",
        ),
        ("0001_long", &format!("CREATE TABLE {long} (id int, CONSTRAINT {long}_check CHECK (id > 0));")),
        ("0002_enum", "CREATE TYPE m AS ENUM ('a', 'b'); ALTER TYPE m ADD VALUE IF NOT EXISTS 'c' BEFORE 'b';"),
        ("0003_drop", "CREATE TABLE gone (id int); DROP TABLE gone; CREATE TYPE n AS ENUM (); CREATE TYPE shell;"),
        (
            "0004_other",
            "CREATE TABLE users (nick text); DO $$ BEGIN IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_name = \
             'users' AND column_name = 'nick') THEN ALTER TABLE users ADD COLUMN handle text; END IF; END $$;",
        ),
        ("0005_path", "CREATE SCHEMA s; SET search_path TO s; CREATE TABLE there (id int);"),
    ]);
    let said = run(&database, &written, &["apply"]);
    assert!(said.starts_with("exit 0"), "{said}");
    assert_eq!(recorded(&database), 6);
}
