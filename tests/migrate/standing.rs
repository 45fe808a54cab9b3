//! A folder that cannot be used: what the ledger has of it is said, and the way out is the one that follows from that.

use super::command::{infra, json, shown};
use super::drizzle::{Line, migrate};
use super::server::{Database, Way};
use super::{Written, ledger_rows};

const TWO: &[(&str, &str)] = &[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")];
const WHEN: i64 = 1_800_000_000_123;

/// The database after the first `applied` migrations.
fn stage(written: &Written, applied: usize) -> Database {
    let database = Database::new(Way::Direct);
    if applied > 0 {
        let tag = &written.folder().migrations[applied - 1].tag;
        let output = infra(&database, written.path(), &["apply", "--to", tag]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    database
}

/// What is said, on one line; bad input for either verb.
#[track_caller]
fn told(database: &Database, written: &Written) -> String {
    let [apply, status] = ["apply", "status"].map(|verb| {
        let output = infra(database, written.path(), &[verb]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{verb}: {output:?}");
        shown(&output).replace("\n  │ ", " ").replace("\n        ", " ")
    });
    assert_eq!(apply, status);
    apply
}

#[track_caller]
fn says(said: &str, expected: &[&str]) {
    for text in expected {
        assert!(said.contains(text), "{text:?} is not in: {said}");
    }
}

fn journal(written: &Written, entries: &[(u32, i64, &str)]) {
    let entries: Vec<_> = entries
        .iter()
        .map(|(idx, when, tag)| serde_json::json!({"idx": idx, "version": "7", "when": when, "tag": tag, "breakpoints": true}))
        .collect();
    let text = serde_json::json!({"version": "7", "dialect": "postgresql", "entries": entries}).to_string();
    std::fs::write(written.path().join("meta/_journal.json"), text).unwrap();
}

/// Which of two is applied → what is said of them, and which one may go.
#[test]
fn two_of_one_number() {
    let table: &[(usize, &[&str])] = &[
        (
            0,
            &[
                "The ledger drizzle.__drizzle_migrations does not exist yet: nothing of it is applied",
                "the one that no database",
            ],
        ),
        (
            1,
            &[
                "has 0000_a, and not 0001_b.",
                "Delete 0001_b (its entry, its .sql file and its snapshot)",
                "it then comes after 0000_a",
            ],
        ),
        (2, &["has both.", "Neither can be deleted", "give the second an idx of its own"]),
    ];
    for (applied, expected) in table {
        let written = Written::new(TWO);
        let database = stage(&written, *applied);
        journal(&written, &[(0, WHEN, "0000_a"), (0, WHEN + 1000, "0001_b")]);
        let said = told(&database, &written);
        says(&said, expected);
        says(&said, &["has the idx 0 twice: 0000_a and 0001_b.", "the second one"]);
    }
    // The way out where both are applied.
    let written = Written::new(TWO);
    let database = stage(&written, 2);
    journal(&written, &[(0, WHEN, "0000_a"), (1, WHEN + 1000, "0001_b")]);
    let output = infra(&database, written.path(), &["status", "--exit-code"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn one_file_twice() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    journal(&written, &[(0, WHEN - 5000, "0000_a"), (1, WHEN, "0000_a"), (2, WHEN + 1000, "0001_b")]);
    let (first, second) = (WHEN - 5000, WHEN);
    let has = format!("has the one of `when` {second}, and not the one of `when` {first}.");
    let keep = format!("Keep the one of `when` {second}, which is applied, and delete the other entry.");
    says(&told(&database, &written), &["has the tag 0000_a twice.", &has, &keep]);
    journal(&written, &[(0, WHEN, "0000_a"), (1, WHEN, "0000_a"), (2, WHEN + 1000, "0001_b")]);
    says(&told(&database, &written), &["The ledger drizzle.__drizzle_migrations has it.", "delete either entry"]);
    // That was the way out.
    journal(&written, &[(0, WHEN, "0000_a"), (2, WHEN + 1000, "0001_b")]);
    let output = infra(&database, written.path(), &["apply", "--json"]).output().unwrap();
    assert_eq!(json(&output).pop().unwrap()["migrations"][0]["tag"], "0001_b", "{output:?}");
}

/// The real Drizzle applies a file that is not UTF-8, with U+FFFD in it.
#[test]
fn bytes_that_drizzle_has_applied() {
    let written = Written::new(TWO);
    let database = Database::new(Way::Direct);
    let bad = b"CREATE TABLE a (t text); INSERT INTO a VALUES ('Gr\xf6\xdfe \xe2\x82');";
    std::fs::write(written.file("0000_a"), bad).unwrap();
    says(&told(&database, &written), &["does not exist yet", "Save the file as UTF-8. Drizzle would put U+FFFD"]);
    migrate(Line::V0, written.path(), &database);
    let said = told(&database, &written);
    says(
        &said,
        &[
            "is not valid UTF-8, from line 1 column 51 on. Drizzle has applied it so: the row 1 of the ledger",
            "Save it as UTF-8 with U+FFFD (�)",
        ],
    );
    // That is what ran.
    std::fs::write(written.file("0000_a"), String::from_utf8_lossy(bad).as_bytes()).unwrap();
    let output = infra(&database, written.path(), &["status", "--exit-code"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(ledger_rows(&database).lines().count(), 2);

    std::fs::write(written.file("0001_b"), b"SELECT '\xff';").unwrap();
    says(
        &told(&database, &written),
        &["No row of the ledger drizzle.__drizzle_migrations has its hash", "Save the file as UTF-8."],
    );
}

#[test]
fn a_journal_that_says_nothing() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    std::fs::write(written.path().join("meta/_journal.json"), "[]").unwrap();
    let has = "Of the files here the ledger drizzle.__drizzle_migrations has 0000_a; not 0001_b.";
    says(
        &told(&database, &written),
        &["is broken: an object has to be here", has, "Take the file from version control again"],
    );
    std::fs::write(written.path().join("meta/_journal.json"), "{\n<<<<<<< HEAD\n").unwrap();
    says(&told(&database, &written), &["a merge was not finished", has, "Delete none that the ledger has."]);
    // As JSON it keeps its place.
    let output = infra(&database, written.path(), &["status", "--json"]).output().unwrap();
    let end = json(&output).pop().unwrap();
    assert!(end["line"] == 2 && end["message"].as_str().is_some_and(|it| it.contains("not 0001_b")), "{end}");
    // Without a database it is said all the same.
    let mut command = infra(&database, written.path(), &["status"]);
    let output = command.env("DATABASE_URL", "postgres://me:x@127.0.0.1:1/none").output().unwrap();
    let said = shown(&output).replace("\n  │ ", " ");
    assert!(
        output.status.code() == Some(3) && said.contains("a merge was not finished") && !said.contains("ledger"),
        "{said}"
    );
}

/// An entry that a merge has dropped from the journal: its file ran.
#[test]
fn a_stray_that_was_applied() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    journal(&written, &[(1, WHEN + 1000, "0001_b")]);
    std::fs::write(written.file("0002_c"), "SELECT 'c';").unwrap();
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    let said = shown(&output).replace("\n  │ ", " ").replace("\n        ", " ");
    assert_eq!(output.status.code(), Some(1), "{said}");
    says(
        &said,
        &[
            "0000_a.sql is not in the journal. It was applied all the same: the row 1 of the ledger",
            "Its entry was lost",
        ],
    );
    says(
        &said,
        &[
            "0002_c.sql is not in the journal. Drizzle would never run it, and the ledger drizzle.__drizzle_migrations has no row",
        ],
    );
}
