//! Errors that name the file, what the ledger has of it, and a way out that runs nothing twice.

use super::command::{infra, shown};
use super::server::{Database, Way};
use super::{Written, ledger_rows, tables, tags};

const THREE: [(&str, &str); 3] = [
    ("0000_a", "CREATE TABLE a (id int);"),
    ("0001_b", "CREATE TABLE b (id int);"),
    ("0002_c", "CREATE TABLE c (id int);"),
];

fn run(database: &Database, written: &Written, arguments: &[&str]) -> String {
    shown(&infra(database, written.path(), arguments).output().unwrap())
        .replace("\n  │ ", " ")
        .replace("\n        ", " ")
}

#[test]
fn of_a_missing_file_the_ledger_is_asked() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&THREE);
    assert!(run(&database, &written, &["apply", "--to", "0001_b"]).starts_with("exit 0"));
    std::fs::remove_file(written.file("0001_b")).unwrap();
    std::fs::remove_file(written.file("0002_c")).unwrap();
    for verb in ["apply", "verify", "baseline", "repair"] {
        let said = run(&database, &written, &[verb]);
        assert!(said.starts_with("exit 3"), "{verb}: {said}");
        for text in [
            "0001_b has no file: migrations/0001_b.sql does not exist. The ledger drizzle.__drizzle_migrations has its row.",
            "0002_c has no file: migrations/0002_c.sql does not exist. The ledger drizzle.__drizzle_migrations has no row of it.",
            "Restore the file from version control",
        ] {
            assert!(said.contains(text), "{verb}: {text}: {said}");
        }
    }
    let said = run(&database, &written, &["status"]);
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(place("0000_a") < place("0001_b  missing file (applied)"), "{said}");
    assert!(place("0001_b  missing") < place("0002_c  missing file (not applied)"), "{said}");
    // Without a database it is said all the same.
    let mut command = infra(&database, written.path(), &["apply"]);
    let said = shown(&command.env("DATABASE_URL", "postgres://a:b@127.0.0.1:1/c?sslmode=disable").output().unwrap());
    assert!(said.starts_with("exit 3") && said.contains("0001_b has no file"), "{said}");
}

#[test]
fn a_missing_file_stands_in_its_place() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&THREE);
    assert!(run(&database, &written, &["apply"]).starts_with("exit 0"));
    std::fs::remove_file(written.file("0001_b")).unwrap();
    let said = run(&database, &written, &["status"]);
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(place("0001_b  missing file") < place("0002_c  applied"), "{said}");
}

#[test]
fn what_is_out_of_order_is_named_by_its_file() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&THREE[..1]);
    assert!(run(&database, &written, &["apply"]).starts_with("exit 0"));
    written.add_at("0001_old", 5, "SELECT 1;");
    let said = run(&database, &written, &["apply"]);
    assert!(said.contains("The migration 0001_old (migrations/0001_old.sql) is not applied"), "{said}");
}

/// The row's time is lost: Drizzle, or --allow-unknown-rows, would run the migration again.
#[tokio::test]
async fn a_row_without_its_time_is_known_by_its_hash() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&THREE[..2]);
    tags(&database, &written.folder()).await.unwrap();
    let rows = ledger_rows(&database);
    written.add(THREE[2].0, THREE[2].1);
    for (lost, differs) in [("NULL", "but no created_at"), ("7", "but created_at 7 instead of 1800000001123")] {
        database.psql(&format!("UPDATE drizzle.__drizzle_migrations SET created_at = {lost} WHERE id = 2"));
        let update = "UPDATE \"drizzle\".\"__drizzle_migrations\" SET created_at = 1800000001123 WHERE id = 2;";
        let status = run(&database, &written, &["status"]);
        assert!(status.contains("by its hash it is 0001_b") && status.contains(update), "{status}");
        for arguments in [&["apply"][..], &["apply", "--allow-unknown-rows", "--allow-out-of-order"], &["baseline"]] {
            let said = run(&database, &written, arguments);
            assert!(said.starts_with("exit 1") && said.contains(differs), "{arguments:?}: {said}");
            assert!(!said.contains("apply with --allow-unknown-rows"), "{said}");
        }
        let said = run(&database, &written, &["apply"]);
        assert!(said.contains("0001_b is applied, it seems: the row 2") && said.contains(update), "{said}");
        assert_eq!(tables(&database), "a b");
        database.psql(update);
    }
    assert_eq!(ledger_rows(&database), rows);
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0002_c"]);
}

/// A folder of v1 that got another name: its migration is not a new one.
#[test]
fn a_renamed_folder_is_known_by_its_hash() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[]);
    let folder = written.path().parent().unwrap().join("v1");
    let put = |name: &str, sql: &str| {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("migration.sql"), sql).unwrap();
    };
    put("20260101000000_a", "CREATE TABLE a (id int);");
    put("20260102000000_b", "CREATE TABLE b (id int);");
    let run = |arguments: &[&str]| {
        shown(&infra(&database, &folder, arguments).output().unwrap()).replace("\n  │ ", " ").replace("\n        ", " ")
    };
    assert!(run(&["apply"]).starts_with("exit 0"));
    std::fs::rename(folder.join("20260102000000_b"), folder.join("20260103000000_books")).unwrap();
    for arguments in [&["apply"][..], &["apply", "--allow-unknown-rows"]] {
        let said = run(arguments);
        assert!(said.starts_with("exit 1") && said.contains("but the name 20260102000000_b"), "{said}");
        assert!(said.contains("name = '20260103000000_books' WHERE id = 2;"), "{said}");
    }
    database.psql(
        "UPDATE drizzle.__drizzle_migrations SET created_at = 1767398400000, name = '20260103000000_books' WHERE id = 2",
    );
    let said = run(&["apply"]);
    assert!(said.starts_with("exit 0") && said.contains("Nothing to do"), "{said}");
}

#[test]
fn equal_times_are_not_called_late() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[]);
    written.add_at("0000_a", 1_700_000_000_000, "SELECT 1;");
    written.add_at("0001_b", 1_700_000_000_000, "SELECT 2;");
    let said = run(&database, &written, &["apply", "--allow-out-of-order"]);
    assert!(said.starts_with("exit 0"), "{said}");
    assert!(said.contains("0001_b runs although its `when` is not greater than that of 0000_a"), "{said}");
}

#[test]
fn a_journal_of_another_dialect_has_a_way_out() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&THREE);
    let journal = written.path().join("meta/_journal.json");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replace("postgresql", "sqlite")).unwrap();
    let said = run(&database, &written, &["apply"]);
    assert!(said.contains("is for sqlite") && said.contains("drizzle.config whose dialect is"), "{said}");
    std::fs::write(&journal, format!("\u{feff}{text}")).unwrap();
    let said = run(&database, &written, &["apply"]);
    assert!(said.starts_with("exit 3") && said.contains("byte order mark (U+FEFF)"), "{said}");
}

#[test]
fn a_scratch_server_that_is_not_there() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&THREE);
    assert!(run(&database, &written, &["apply"]).starts_with("exit 0"));
    let away = "postgres://a:b@127.0.0.1:1/c?sslmode=disable";
    let said = run(&database, &written, &["verify", "--scratch-url", away]);
    assert!(said.contains("server of --scratch-url") && !said.contains(".."), "{said}");
}
