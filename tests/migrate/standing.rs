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

    let mut unapplied = Written::new(TWO);
    unapplied.add("0002_c", "");
    std::fs::write(unapplied.file("0000_a"), String::from_utf8_lossy(bad).as_bytes()).unwrap();
    std::fs::write(unapplied.file("0002_c"), b"SELECT '\xff';").unwrap();
    let said = told(&database, &unapplied);
    says(
        &said,
        &["0002_c is not applied: the ledger drizzle.__drizzle_migrations has no row", "Save the file as UTF-8."],
    );
}

/// What was applied stays applied when its file is spoilt: the ledger is asked for more than the hash of what is there now.
#[test]
fn an_applied_file_that_is_spoilt() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    let applied = format!("0000_a is applied (row 1 of the ledger drizzle.__drizzle_migrations, created_at {WHEN})");
    let sql = TWO[0].1.as_bytes();
    let not_what_ran = format!("{applied}, and the file is not what ran.");
    let beginning = format!("{applied}, and what stands before that place is what ran.");
    let restore = "Restore the file from version control: of what ran the ledger has the hash alone.";
    let cut = "Delete what comes from there on; or restore the file from version control.";
    let table: [(Vec<u8>, [&str; 3]); 4] = [
        ([sql, b"\xff"].concat(), ["is not valid UTF-8, from line 1 column 25 on.", &beginning, cut]),
        ([sql, b"\0"].concat(), ["has a NUL byte in it (byte number 25).", &beginning, cut]),
        (b"CREATE TABLE \xff".to_vec(), ["is not valid UTF-8, from line 1 column 14 on.", &not_what_ran, restore]),
        (b"C\0R\0".to_vec(), ["has a NUL byte", &not_what_ran, restore]),
    ];
    for (bytes, expected) in table {
        std::fs::write(written.file("0000_a"), bytes).unwrap();
        says(&told(&database, &written), &expected);
        // What is linted is told the same.
        let output = infra(&database, written.path(), &["lint", "--json"]).output().unwrap();
        let lines = json(&output);
        assert!(lines.iter().all(|it| it["rule"] != "unknown-row"), "its row is known: {lines:?}");
        let found = lines.into_iter().find(|it| it["rule"] == "not-utf8").unwrap();
        says(found["message"].as_str().unwrap(), &[expected[1]]);
        assert_eq!(found["fix"].as_str().map(|fix| fix.starts_with(expected[2])), Some(true), "{found}");
    }
    std::fs::remove_file(written.file("0000_a")).unwrap();
    std::fs::create_dir(written.file("0000_a")).unwrap();
    says(&told(&database, &written), &["cannot be read", &format!("{applied}."), "Make the file readable"]);

    // The journal is not a migration.
    std::fs::remove_dir(written.file("0000_a")).unwrap();
    std::fs::write(written.file("0000_a"), sql).unwrap();
    std::fs::write(written.path().join("meta/_journal.json"), b"{\"entries\": \"\xff\"}").unwrap();
    let of_files = "Of the files here the ledger drizzle.__drizzle_migrations has 0000_a; not 0001_b.";
    says(
        &told(&database, &written),
        &["_journal.json is not valid UTF-8", of_files, "Restore the file from version control"],
    );
    std::fs::remove_file(written.path().join("meta/_journal.json")).unwrap();
    says(
        &told(&database, &written),
        &["holds no migrations", of_files, "Restore meta/_journal.json from version control"],
    );
}

/// Names are what Drizzle 1 goes by.
#[test]
fn spoilt_folders_of_drizzle_1() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("migrations");
    let name = "20260101000000_a";
    let file = path.join(name).join("migration.sql");
    std::fs::create_dir_all(path.join(name)).unwrap();
    std::fs::write(&file, "CREATE TABLE a (id int);").unwrap();
    let database = Database::new(Way::Direct);
    assert!(infra(&database, &path, &["apply"]).output().unwrap().status.success());
    let told = |code: i32, verb: &str| {
        let output = infra(&database, &path, &[verb]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        shown(&output).replace("\n  │ ", " ").replace("\n        ", " ")
    };
    std::fs::write(&file, b"CREATE TABLE a (id bigint);\xff").unwrap();
    let applied = "20260101000000_a is applied (row 1 of the ledger drizzle.__drizzle_migrations, 20";
    says(&told(3, "apply"), &[applied, "UTC), and the file is not what ran."]);
    std::fs::remove_file(&file).unwrap();
    says(&told(3, "apply"), &["The ledger drizzle.__drizzle_migrations has its row."]);
    says(&told(0, "status"), &["✗ 20260101000000_a  missing file (applied)"]);
    std::fs::write(&file, "CREATE TABLE a (id int);").unwrap();
    std::fs::rename(path.join(name), path.join("a")).unwrap();
    says(
        &told(3, "status"),
        &["It is applied: its file has the hash of a row (row 1", "Give the folder its name again: 20260101000000_a."],
    );
}

/// A file edited since is of no journal that says nothing: it is counted.
#[test]
fn rows_of_files_that_were_edited() {
    let written = Written::new(TWO);
    let database = stage(&written, 2);
    std::fs::write(written.file("0000_a"), "SELECT 1;").unwrap();
    std::fs::write(written.path().join("meta/_journal.json"), "[]").unwrap();
    says(
        &told(&database, &written),
        &["has 0001_b; not 0000_a. 1 of its rows is of another file, or of one that was edited"],
    );
    // Nor does the hash tell which of two of one time it was.
    journal(&written, &[(0, WHEN, "0000_a"), (0, WHEN, "0002_c")]);
    std::fs::rename(written.file("0001_b"), written.file("0002_c")).unwrap();
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    let said = shown(&output).replace("\n  │ ", " ").replace("\n        ", " ");
    says(&said, &["has 0002_c, and not 0000_a."]);
    std::fs::write(written.file("0002_c"), "SELECT 2;").unwrap();
    says(
        &told(&database, &written),
        &["has a row of that time, with the hash of neither", "Restore both files from version control"],
    );
}

/// Where no database is asked, the command that asks one is named, with what this run was given.
#[test]
fn without_a_database_the_way_to_one_is_named() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    std::fs::write(written.path().join("meta/_journal.json"), "[]").unwrap();
    let ask = "`infra migrate status --folder migrations --ledger other.done` says what of it is applied";
    let lint = |arguments: &[&str]| {
        let output =
            infra(&database, written.path(), &[&["lint", "--ledger", "other.done"], arguments].concat()).output();
        shown(&output.unwrap()).replace("\n  │ ", " ").replace("\n        ", " ")
    };
    says(&lint(&["--offline"]), &["is broken", "Restore the file from version control", ask]);
    says(&lint(&[]), &["is broken", "The ledger other.done does not exist yet"]);
    journal(&written, &[(0, WHEN, "0000_a"), (0, WHEN + 1000, "0001_b")]);
    says(&lint(&["--offline"]), &["duplicate-entry", ask]);

    let here = written.path().parent().unwrap();
    std::fs::write(here.join("shop.yaml"), "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: migrations}\n")
        .unwrap();
    for verb in ["diff", "deploy"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        let output =
            command.args([verb, "shop.yaml", "--endpoint-url", "http://127.0.0.1:1"]).current_dir(here).output();
        let said = shown(&output.unwrap()).replace("\n  │ ", " ").replace("\n        ", " ");
        let ask =
            "`infra migrate status --stack shop.yaml --endpoint-url http://127.0.0.1:1` says what of it is applied";
        says(&said, &["exit 3", "has the idx 0 twice", "the one that no database has applied", ask]);
    }
}

#[test]
fn a_journal_that_says_nothing() {
    let written = Written::new(TWO);
    let database = stage(&written, 1);
    std::fs::write(written.path().join("meta/_journal.json"), "[]").unwrap();
    let has = "Of the files here the ledger drizzle.__drizzle_migrations has 0000_a; not 0001_b.";
    says(
        &told(&database, &written),
        &["is broken: an object has to be here", has, "Restore the file from version control"],
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
