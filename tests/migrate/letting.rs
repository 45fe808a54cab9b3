//! What is let through is told, what stands in the way is explained, and what a failed attempt left is taken for nothing.

use super::command::{infra, json, shown};
use super::outside::{index, outside};
use super::server::{Database, Way};
use super::{Written, ledger_rows, tables};

fn run(database: &Database, written: &Written, arguments: &[&str]) -> String {
    shown(&infra(database, written.path(), arguments).output().unwrap())
}

#[test]
fn what_is_let_through_is_told() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    written.add_at("0002_c", 1_900_000_000_000, "CREATE TABLE c (id int);");
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (id bigint);").unwrap();
    written.add("0003_late", "CREATE TABLE late (id int);");
    written.add_at("0004_index", 1_900_000_000_001, &outside("CREATE INDEX CONCURRENTLY a_id ON a (id);"));
    written.add_at("0005_z", 1_900_000_000_002, "CREATE TABLE z (id int);");
    let options = ["--accept-edited", "--allow-out-of-order", "--transaction", "all"];

    let other = Database::new(Way::Direct);
    other.psql(&database_copy(&database));
    let said = run(&database, &written, &[&["apply"], &options[..]].concat());
    for line in [
        "⚠ 0000_a: its hash in the ledger is now that of the edited file; nothing of it ran",
        "⚠ 0003_late runs although 0002_c after it is applied",
        "… 2 migrations in one transaction; on its own, as it has none: 0004_index",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(tables(&database), "a c late z");

    let output = infra(&other, written.path(), &[&["apply", "--json"], &options[..]].concat()).output().unwrap();
    let lines = json(&output);
    let of =
        |event: &str| lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("{event}: {lines:?}"));
    assert_eq!(of("accepted")["tag"], "0000_a");
    assert_eq!((&of("late")["tag"], &of("late")["after"]), (&"0003_late".into(), &"0002_c".into()));
    assert_eq!((of("together")["count"].as_u64(), &of("together")["apart"][0]), (Some(3), &"0004_index".into()));
    // A second run has nothing to tell.
    assert!(!run(&database, &written, &["apply"]).contains('⚠'));
}

/// SQL that makes the first two migrations' tables and rows.
fn database_copy(database: &Database) -> String {
    let rows: Vec<String> = ledger_rows(database)
        .lines()
        .map(|row| {
            let parts: Vec<&str> = row.split('|').collect();
            format!("({}, '{}', {})", parts[0], parts[1], parts[2])
        })
        .collect();
    format!(
        "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at \
         bigint); INSERT INTO drizzle.__drizzle_migrations VALUES {}; SELECT setval('drizzle.__drizzle_migrations_id_seq', 2); \
         CREATE TABLE a (id int); CREATE TABLE c (id int)",
        rows.join(", ")
    )
}

/// Two migrators without a common lock (drizzle-kit has none) leave the same row twice.
#[test]
fn a_migration_that_ran_twice_is_told() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[("0000_a", "SELECT 1;")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    database.psql(
        "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) SELECT hash, created_at FROM drizzle.__drizzle_migrations",
    );
    let twice = "⚠ 0000_a is recorded 2 times (rows 1 and 2)";
    let said = run(&database, &written, &["status"]);
    assert!(said.contains(twice) && said.contains("1 applied."), "{said}");
    let status = json(&infra(&database, written.path(), &["status", "--json"]).output().unwrap());
    assert_eq!(status[0]["duplicates"], serde_json::json!([{"tag": "0000_a", "rows": [1, 2]}]));
    written.add("0001_b", "SELECT 2;");
    let said = run(&database, &written, &["apply"]);
    assert!(said.contains(twice) && said.contains("✓ 0001_b"), "{said}");
}

/// What exists already is explained by what is known: made in this run, an empty ledger, or neither.
#[test]
fn why_something_exists() {
    let said = |database: &Database, written: &Written| run(database, written, &["apply"]).replace("\n        ", " ");
    let database = Database::new(Way::Direct);
    let twice = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);\nCREATE TYPE mood AS ENUM ('x');"),
        ("0001_b", "CREATE TYPE mood AS ENUM ('x');"),
    ]);
    let first = said(&database, &twice);
    assert!(first.contains("It is made by 0000_a in line 2, in this same run."), "{first}");
    assert!(first.contains("no IF NOT EXISTS"), "CREATE TYPE has none: {first}");

    // 0000_a is applied now, so the run that made it is not this one.
    let second = said(&database, &twice);
    assert!(second.contains("It is made by 0000_a in line 2, which was applied before."), "{second}");
    let by_hand = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);\nCREATE TYPE mood AS ENUM ('x');"),
        ("0001_b", "CREATE TABLE h ();"),
    ]);
    database.psql("CREATE TABLE h ()");
    let third = said(&database, &by_hand);
    assert!(third.contains("though the ledger says this migration is not applied"), "{third}");

    let pushed = Database::new(Way::Direct);
    pushed.psql("CREATE TABLE a (id int)");
    let fresh = said(&pushed, &twice);
    assert!(
        fresh.contains("the ledger is empty") && fresh.contains("`infra migrate baseline --folder migrations`"),
        "{fresh}"
    );
    let last = json(&infra(&pushed, twice.path(), &["apply", "--json"]).output().unwrap()).pop().unwrap();
    assert!(last["remedy"].as_str().unwrap().contains("`infra migrate baseline --folder migrations`"), "{last}");
    assert_eq!((&last["escaped"], &last["context"]), (&serde_json::json!(false), &serde_json::Value::Null));
}

/// IF NOT EXISTS passes over an index that stayed INVALID: it would be none, and called made.
#[test]
fn an_invalid_index_is_not_passed_over() {
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE t (email text); INSERT INTO t VALUES ('x'), ('x')");
    let failed = super::outside::psql(&database, "CREATE UNIQUE INDEX CONCURRENTLY \"t Email\" ON t (email)").wait();
    assert!(!failed.unwrap().success());
    assert_eq!(index(&database, "t Email"), "INVALID");
    database.psql("DELETE FROM t");
    let written = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);"),
        ("0001_index", "CREATE UNIQUE INDEX IF NOT EXISTS \"t Email\" ON \"t\" (email);"),
    ]);
    for arguments in [&["apply"][..], &["apply", "--dry-run"]] {
        let output = infra(&database, written.path(), arguments).output().unwrap();
        let said = shown(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("DROP INDEX CONCURRENTLY public.\"t Email\";"), "{said}");
    }
    assert_eq!(tables(&database), "t", "0000_a was applied");
    database.psql("DROP INDEX \"t Email\"");
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    assert_eq!(index(&database, "t Email"), "valid");
}

/// Nor an index of another table, or whatever else has the name; a migration before it that changes that is a way on.
#[test]
fn a_name_that_is_taken_is_not_passed_over() {
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE a (email text); CREATE TABLE b (email text); CREATE INDEX email_idx ON a (email)");
    let mut written = Written::new(&[
        ("0000_c", "CREATE TABLE c (email text);"),
        ("0001_index", "CREATE INDEX IF NOT EXISTS email_idx ON b (email);"),
    ]);
    for arguments in [&["apply"][..], &["apply", "--dry-run"]] {
        let output = infra(&database, written.path(), arguments).output().unwrap();
        let said = shown(&output).replace("\n  │ ", " ");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("its name belongs to an index of the table a."), "{said}");
    }
    assert_eq!(tables(&database), "a b", "0000_c was applied");
    std::fs::write(written.file("0001_index"), "CREATE INDEX IF NOT EXISTS b ON c (email);").unwrap();
    let said = run(&database, &written, &["apply"]).replace("\n  │ ", " ");
    assert!(said.contains("belongs to public.b, which is no index."), "{said}");

    written = Written::new(&[
        ("0000_c", "CREATE TABLE c (email text);"),
        ("0001_rename", "DO $$ BEGIN ALTER INDEX email_idx RENAME TO a_email_idx; END $$;"),
        ("0002_index", "CREATE INDEX IF NOT EXISTS email_idx ON b (email);"),
    ]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    assert_eq!(database.psql("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = 'email_idx'::regclass"), "b");
}

/// What only the run itself brings about is found in it.
#[test]
fn an_index_that_was_not_made_is_missed() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[
        ("0000_t", "CREATE TABLE a (email text); CREATE TABLE b (email text);"),
        ("0001_a", "CREATE INDEX IF NOT EXISTS email_idx ON a (email);"),
    ]);
    written.add("0002_b", &outside("CREATE INDEX CONCURRENTLY IF NOT EXISTS email_idx ON b (email);"));
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the index email_idx is not on b"), "{said}");
    assert!(said.contains("this run has committed nothing of it"), "{said}");
    assert_eq!(ledger_rows(&database).lines().filter(|row| !row.starts_with('-')).count(), 2, "0002_b is recorded");
}

/// The cure is no reason to refuse: an INVALID index that a statement before it drops, or drops with its table; and that of a
/// partitioned table is INVALID by right until its partitions have theirs.
#[test]
fn what_cures_an_invalid_index_runs() {
    let database = Database::new(Way::Direct);
    database.psql(
        "CREATE TABLE t (email text); INSERT INTO t VALUES ('x'), ('x'); CREATE TABLE p (x int) PARTITION BY RANGE (x); CREATE \
         TABLE p1 PARTITION OF p DEFAULT; CREATE INDEX p_x ON ONLY p (x)",
    );
    let failed = super::outside::psql(&database, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (email)").wait();
    assert!(!failed.unwrap().success());
    assert_eq!((index(&database, "i").as_str(), index(&database, "p_x").as_str()), ("INVALID", "INVALID"));
    let again = "CREATE INDEX IF NOT EXISTS i ON t (email);";
    let late = Written::new(&[("0000_a", &format!("{again} DROP INDEX i;"))]);
    assert!(run(&database, &late, &["apply"]).contains("DROP INDEX CONCURRENTLY public.i;"), "it comes too late");
    let written = Written::new(&[
        ("0000_drop", &format!("DROP INDEX IF EXISTS i; {again}")),
        ("0001_part", "CREATE INDEX IF NOT EXISTS p_x ON ONLY p (x);"),
    ]);
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(index(&database, "i"), "valid");
}

/// The guards of `lint --fix`, of `repair` and of drizzle-kit are looked into.
#[test]
fn names_in_guards_are_looked_for() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[(
        "0000_a",
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('x'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n\
         CREATE TABLE IF NOT EXISTS a (id int, mood mood);\n\
         DO $infra0$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = 'a_id') THEN\n    \
         ALTER TABLE a ADD CONSTRAINT a_id CHECK (id > 0);\n  END IF;\nEND $infra0$;",
    )]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    let verify = || infra(&database, written.path(), &["verify", "--no-replay"]).output().unwrap();
    assert_eq!(verify().status.code(), Some(0), "{}", shown(&verify()));
    database.psql("ALTER TABLE a DROP CONSTRAINT a_id");
    let output = verify();
    let said = shown(&output);
    assert!(output.status.code() == Some(1) && said.contains("a_id"), "{said}");
}

/// Of several edited files those that are named are taken as they are, and a name that is none is refused.
#[test]
fn edited_files_are_accepted_by_name() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    for tag in ["0000_a", "0001_b"] {
        std::fs::write(written.file(tag), "SELECT 'edited';").unwrap();
    }
    let said = run(&database, &written, &["apply", "--accept-edited", "0001_x"]);
    assert!(said.starts_with("exit 3") && said.contains("Did you mean 0001_b?"), "{said}");
    let said = run(&database, &written, &["apply", "--accept-edited", "0001_b"]);
    assert!(said.starts_with("exit 1") && said.contains("0000_a was edited") && !said.contains("0001_b"), "{said}");
    let said = run(&database, &written, &["status"]);
    assert!(
        said.contains("2 edited.") && said.contains("apply --folder migrations --accept-edited 0000_a 0001_b"),
        "{said}"
    );
    let said = run(&database, &written, &["apply", "--accept-edited", "0000_a,0001_b"]);
    assert!(
        said.starts_with("exit 0") && said.contains("⚠ 0000_a: its hash") && said.contains("⚠ 0001_b: its hash"),
        "{said}"
    );
    assert!(run(&database, &written, &["status", "--exit-code"]).starts_with("exit 0"));
}

/// A checkout on another system may change the line ends, and with them the hash: that is told from an edit.
#[test]
fn other_line_ends_are_told_from_an_edit() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (\n  id int\n);\n"), ("0001_b", "SELECT 1;\n")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (\r\n  id int\r\n);\r\n").unwrap();
    let status = run(&database, &written, &["status"]);
    assert!(status.contains("✗ 0000_a  applied with other line ends; nothing else in it is changed"), "{status}");
    let refused = run(&database, &written, &["apply"]);
    for said in [&status, &refused] {
        assert!(said.contains("*.sql text eol=lf") && said.contains("--accept-edited 0000_a"), "{said}");
        assert!(!said.contains("was edited"), "{said}");
    }
    let lint = run(&database, &written, &["lint"]);
    assert!(lint.contains("has other line ends"), "{lint}");
    assert!(run(&database, &written, &["apply", "--accept-edited"]).contains("⚠ 0000_a: its hash"));
    assert!(run(&database, &written, &["status", "--exit-code"]).starts_with("exit 0"));
}
