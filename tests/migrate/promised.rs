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

/// Ordinary statements, after which nobody could tell by words what is still there.
const BESIDE: &[&str] = &[
    "DROP TABLE other CASCADE;",
    "DROP SCHEMA s CASCADE;",
    "DROP POLICY p ON other CASCADE;",
    "ALTER TABLE other RENAME TO another;",
    "ALTER TABLE IF EXISTS nope RENAME TO nobody;",
    "ALTER TABLE other ADD y int, DROP COLUMN x CASCADE;",
    "ALTER TYPE mood RENAME TO moods;",
    "SELECT pg_sleep(0);",
    "WITH one AS (SELECT 1 AS x) INSERT INTO other SELECT x FROM one;",
    "CALL p();",
    "PREPARE q AS SELECT 1; EXECUTE q;",
    "SET search_path TO s;",
    "SET ROLE postgres;",
    "DO $$ BEGIN PERFORM pg_sleep(0); END $$;",
    "SAVEPOINT a; ROLLBACK TO a;",
    "CREATE SEQUENCE q; ALTER SEQUENCE q OWNED BY other.x;",
];

const OTHERS: &str = "CREATE TABLE other (x int); CREATE SCHEMA s; CREATE POLICY p ON other; CREATE TYPE mood AS ENUM (); CREATE \
                      PROCEDURE p() LANGUAGE sql AS 'SELECT 1'; CREATE TABLE users (id int)";

#[test]
fn no_other_statement_hides_what_was_passed_over() {
    let passed_over = "CREATE TABLE IF NOT EXISTS users (id int, email text);";
    let database = Database::new(Way::Direct);
    database.psql(OTHERS);
    for beside in BESIDE {
        for between in ["\n", "--> statement-breakpoint\n"] {
            for sql in [format!("{passed_over}{between}{beside}"), format!("{beside}{between}{passed_over}")] {
                let path = beside.starts_with("SET search_path") && sql.starts_with(beside);
                let sql = if path { sql.replace("EXISTS users", "EXISTS public.users") } else { sql };
                let written = Written::new(&[("0000_a", &sql)]);
                let said = run(&database, &written, &["apply"]);
                assert!(said.starts_with("exit 1") && said.contains("\"users\".\"email\"."), "{sql}: {said}");
                assert_eq!((recorded(&database), tables(&database).as_str()), (0, "other users"), "{sql}");
            }
        }
    }
    // Without a transaction nothing that comes after it is run.
    let sql = outside("CREATE TABLE IF NOT EXISTS users (id int, email text); ALTER TABLE users RENAME TO people;");
    let written = Written::new(&[("0000_a", &sql)]);
    for _ in 0..2 {
        let said = run(&database, &written, &["apply"]);
        assert!(said.starts_with("exit 1") && said.contains("\"users\".\"email\"."), "{said}");
        assert_eq!((recorded(&database), tables(&database).as_str()), (0, "other users"));
    }
    database.psql("ALTER TABLE users ADD email text");
    let said = run(&database, &written, &["apply"]);
    assert!(said.starts_with("exit 0"), "{said}");
    assert_eq!((recorded(&database), tables(&database).as_str()), (1, "other people"));
}

/// Names lead where they lead when the statement runs, and what is made later under the same name is another thing.
#[test]
fn a_name_is_followed_as_postgresql_follows_it() {
    let users = "CREATE TABLE IF NOT EXISTS users (id int, email text);";
    let both = "CREATE SCHEMA s; CREATE TABLE s.users (id int); CREATE TABLE public.users (id int, email text)";
    let table: &[(&str, &str)] = &[
        (both, &format!("SET search_path TO s, public; {users}")),
        (both, &format!("SELECT set_config('search_path', 's, public', true); {users}")),
        (both, &format!("SET search_path TO s;\n{users} SET search_path TO public; {users}")),
        (
            "CREATE TABLE users (id int)",
            &format!("{users} ALTER TABLE users RENAME TO people; CREATE TABLE users (id int, email text);"),
        ),
        ("CREATE TABLE users (id int)", &format!("CREATE SCHEMA s; {users} ALTER TABLE users SET SCHEMA s; {users}")),
        (
            "CREATE TABLE users (id int)",
            &format!("CREATE TEMP TABLE users (id int, email text); DROP TABLE users; {users}"),
        ),
        ("CREATE TABLE users (id int)", &format!("CREATE TEMP TABLE users (id int, email text); {users}")),
        ("CREATE TABLE users (id int)", &format!("DO $$ BEGIN {users} RAISE NOTICE 'there'; END $$;")),
        (
            "CREATE TABLE users (id int, email text)",
            "CREATE TABLE IF NOT EXISTS users (id int, email text CONSTRAINT users_email_key UNIQUE);",
        ),
    ];
    for (before, sql) in table {
        let database = Database::new(Way::Direct);
        database.psql(before);
        let written = Written::new(&[("0000_a", sql)]);
        for _ in 0..2 {
            let said = run(&database, &written, &["apply"]);
            assert!(
                said.starts_with("exit 1") && said.contains("this is not in the database: the co"),
                "{sql}: {said}"
            );
            assert_eq!(recorded(&database), 0, "{sql}");
        }
    }
}

/// A look leaves the limits of the migration as they are, also for what is checked at its end.
#[test]
fn a_look_lifts_no_limit() {
    for exists in ["", "IF NOT EXISTS "] {
        let database = Database::new(Way::Direct);
        let sql = format!(
            "CREATE TABLE {exists}a (id int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN \
             NULL; END'; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); \
             INSERT INTO a VALUES (1);"
        );
        let said = run(&database, &Written::new(&[("0000_a", &sql)]), &["apply", "--statement-timeout", "1"]);
        assert!(said.starts_with("exit 1") && said.contains("57014"), "{said}");
    }
}

/// What was passed over and is made good by the same file is no reason to refuse, whatever comes in between.
#[test]
fn what_the_file_makes_good_is_not_missed() {
    let rename = "DO $$ BEGIN IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'mail') THEN \
                  ALTER TABLE users RENAME COLUMN mail TO email; END IF; END $$;";
    let table: &[(&str, &str)] = &[
        ("", "SELECT pg_sleep(0); ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;"),
        ("", "SELECT pg_sleep(0); ALTER TABLE users ADD email text; ALTER TABLE users RENAME TO people;"),
        ("", "CALL p(); ALTER TABLE users ADD COLUMN IF NOT EXISTS email text; ALTER TABLE users RENAME TO people;"),
        ("ALTER TABLE users ADD mail text", rename),
        ("DROP TABLE users", "DROP TABLE IF EXISTS other CASCADE; ALTER TABLE users RENAME TO other;"),
        (
            "DROP TABLE users",
            "SET search_path TO s; CREATE TABLE IF NOT EXISTS there (id int); SET search_path TO public;",
        ),
        ("DROP TABLE users", "DROP TABLE users; SELECT pg_sleep(0); CREATE TABLE IF NOT EXISTS users (id int);"),
        // Run once more after the ledger was emptied.
        (
            "ALTER TABLE users ADD full_name text",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text; DO $$ BEGIN IF EXISTS (SELECT FROM information_schema.columns WHERE \
             table_name = 'users' AND column_name = 'mail') THEN ALTER TABLE users RENAME COLUMN mail TO email; END IF; END $$;",
        ),
        ("", "DROP TABLE other CASCADE; ALTER TABLE users DROP COLUMN IF EXISTS email CASCADE;"),
        ("", "DROP TABLE IF EXISTS users CASCADE; CREATE TABLE users (id int, email text);"),
        // An index that a constraint takes over has the constraint's name.
        (
            "",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text; CREATE UNIQUE INDEX IF NOT EXISTS i ON users (id); ALTER TABLE users ADD CONSTRAINT pk PRIMARY KEY USING INDEX i;",
        ),
        // Settings stay as the file has set them.
        (
            "DROP TABLE users",
            "SET LOCAL statement_timeout = '7s'; SELECT pg_sleep(0); DO $$ BEGIN IF current_setting('statement_timeout') <> '7s' \
             THEN RAISE 'lost'; END IF; END $$;",
        ),
    ];
    for (before, sql) in table {
        for without in [false, true] {
            let sql = format!("CREATE TABLE IF NOT EXISTS users (id int, email text);\n{sql}");
            // SET is refused where there is no transaction.
            if without && sql.contains("SET ") {
                continue;
            }
            let database = Database::new(Way::Direct);
            database.psql(&format!("{OTHERS}; {before}"));
            let sql = if without { outside(&sql) } else { sql };
            let said = run(&database, &Written::new(&[("0000_a", &sql)]), &["apply"]);
            assert!(said.starts_with("exit 0"), "{sql}: {said}");
            assert_eq!(recorded(&database), 1, "{sql}");
        }
    }
}

/// A file that is sent in pieces is still told by its own lines.
#[test]
fn a_failure_after_a_look_is_shown_where_it_is() {
    let database = Database::new(Way::Pooled);
    let sql = "CREATE TABLE IF NOT EXISTS a (id int);\nSELECT pg_sleep(0);\nSELECT 1; SELECT nope();\n";
    let said = run(&database, &Written::new(&[("0000_a", sql)]), &["apply"]);
    assert!(said.starts_with("exit 1") && said.contains("0000_a.sql:3:18"), "{said}");
    assert_eq!(tables(&database), "");
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
