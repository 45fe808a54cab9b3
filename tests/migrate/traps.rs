//! What Drizzle gets wrong in silence (facts in the fixtures' names): here it is refused, or it works, whichever way leads
//! to the database.

use infra::migrate::{Accept, Allow, Failure, Folder, Options, Refusal};

use super::drizzle::{Line, migrate};
use super::server::{Database, Way};
use super::{WAYS, Written, fixture, ledger_rows, run, run_with, tables, tags};

/// Applies the fixture to a database where the first `applied` migrations of v0-abc are applied already.
async fn stage(way: Way, name: &str, applied: &str) -> (Database, Result<Vec<String>, Failure>) {
    let database = Database::new(way);
    if !applied.is_empty() {
        let base = if name.starts_with("v0") { "v0-abc" } else { "v1-abc" };
        let folder = Folder::read(&fixture(base)).unwrap();
        let options = Options { to: Some(applied.into()), ..Options::default() };
        run_with(&mut database.client().await, &folder, &options).await.0.unwrap();
    }
    let folder = Folder::read(&fixture(name)).unwrap();
    let result = tags(&database, &folder).await;
    (database, result)
}

fn reasons(result: Result<Vec<String>, Failure>) -> Vec<Refusal> {
    match result {
        Err(Failure::Refused { refusals, .. }) => refusals,
        other => panic!("{other:?}"),
    }
}

/// fixture, applied before → tables and ledger rows after, and the SQLSTATE of the failure.
#[tokio::test]
async fn failures_keep_what_was_done_before() {
    let table = [
        ("v0-trap-fails-in-the-middle", "a b", 2, "42P01"),
        ("v0-trap-duplicate-object", "a b c", 3, "42710"),
        ("v0-trap-two-create-one-table", "a b c", 3, "42P07"),
        // The value is used in the same migration; Drizzle fails even where it is used in the next one.
        ("v0-trap-enum-value-used-same-tx", "a b c", 3, "55P04"),
    ];
    for way in WAYS {
        for (name, made, rows, code) in table {
            let (database, result) = stage(way, name, "").await;
            match result {
                Err(Failure::Statement(failure)) => assert_eq!(failure.code, code, "{name}: {failure:?}"),
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(
                (tables(&database).as_str(), ledger_rows(&database).lines().count()),
                (made, rows),
                "{name} {way:?}"
            );
        }
    }
}

#[tokio::test]
async fn refusals_leave_everything_as_it_was() {
    let table = [
        ("v0-trap-out-of-order", "0001_b", "OutOfOrder"),
        ("v0-trap-edited-after-apply", "0001_b", "Edited"),
        ("v0-trap-create-index-concurrently", "", "Statement"),
        ("v1-trap-out-of-order", "20261122075721_b", "OutOfOrder"),
        ("v1-trap-edited-after-apply", "20261122075721_b", "Edited"),
    ];
    for way in WAYS {
        for (name, applied, expected) in table {
            let (database, result) = stage(way, name, applied).await;
            let reasons = reasons(result);
            assert!(format!("{reasons:?}").starts_with(&format!("[{expected}")), "{name}: {reasons:?}");
            let after = if applied.is_empty() { "" } else { "a b" };
            assert_eq!(tables(&database), after, "{name} {way:?}");
        }
    }
}

#[tokio::test]
async fn the_journal_is_out_of_order_from_the_start() {
    for way in WAYS {
        let (database, result) = stage(way, "v0-trap-out-of-order", "").await;
        let reasons = reasons(result);
        assert!(matches!(&reasons[..], [Refusal::Misordered { .. }]), "{way:?}: {reasons:?}");
        assert_eq!(tables(&database), "", "{way:?}");
    }
}

/// A clock that was wrong, or a `when` that was typed: whatever comes after it is older than the newest row.
#[tokio::test]
async fn a_when_far_in_the_future() {
    for way in WAYS {
        let database = Database::new(way);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        written.add_at("0001_b", 4_102_444_800_000, "CREATE TABLE b (id int);");
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0000_a", "0001_b"], "{way:?}");
        written.add("0002_c", "CREATE TABLE c (id int);");

        // Drizzle says success, and has done nothing.
        migrate(Line::V0, written.path(), &database);
        assert_eq!((tables(&database).as_str(), ledger_rows(&database).lines().count()), ("a b", 2), "{way:?}");
        let reasons = reasons(tags(&database, &written.folder()).await);
        let late =
            |it: &Refusal| matches!(it, Refusal::OutOfOrder { tag, after, .. } if tag == "0002_c" && after == "0001_b");
        assert!(matches!(&reasons[..], [it] if late(it)), "{way:?}: {reasons:?}");
        assert_eq!((tables(&database).as_str(), ledger_rows(&database).lines().count()), ("a b", 2), "{way:?}");

        let options = Options { allow: Allow { out_of_order: true, ..Allow::default() }, ..Options::default() };
        let (result, _) = run_with(&mut database.client().await, &written.folder(), &options).await;
        assert_eq!(result.unwrap().migrations.len(), 1, "{way:?}");
        assert_eq!(tables(&database), "a b c", "{way:?}");
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn what_is_refused_can_be_let_through() {
    for way in WAYS {
        let database = Database::new(way);
        let folder = Folder::read(&fixture("v1-trap-out-of-order")).unwrap();
        let base = Folder::read(&fixture("v1-abc")).unwrap();
        let to = Options { to: Some("20261122075721_b".into()), ..Options::default() };
        run_with(&mut database.client().await, &base, &to).await.0.unwrap();
        let options = Options { allow: Allow { out_of_order: true, ..Allow::default() }, ..Options::default() };
        let (result, _) = run_with(&mut database.client().await, &folder, &options).await;
        assert_eq!(result.unwrap().migrations.len(), 2);
        assert_eq!(tags(&database, &folder).await.unwrap(), Vec::<String>::new());

        let database = Database::new(way);
        let to = Options { to: Some("0001_b".into()), ..Options::default() };
        let base = Folder::read(&fixture("v0-abc")).unwrap();
        run_with(&mut database.client().await, &base, &to).await.0.unwrap();
        let folder = Folder::read(&fixture("v0-trap-edited-after-apply")).unwrap();
        let options = Options { allow: Allow { edited: Accept::All, ..Allow::default() }, ..Options::default() };
        let (result, _) = run_with(&mut database.client().await, &folder, &options).await;
        assert_eq!(result.unwrap().migrations.len(), 2);
        // The edit was accepted for good, and not run.
        assert_eq!(tags(&database, &folder).await.unwrap(), Vec::<String>::new());
        assert_eq!(database.psql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'edited'"), "0");
    }
}

#[tokio::test]
async fn commit_inside_a_file_is_found_before_running() {
    for way in WAYS {
        let database = Database::new(way);
        let written =
            Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int); COMMIT; x")]);
        let reasons = reasons(tags(&database, &written.folder()).await);
        assert!(matches!(&reasons[..], [Refusal::Statement { tag, .. }] if tag == "0001_b"), "{reasons:?}");
        assert_eq!(tables(&database), "");
    }
}

#[tokio::test]
async fn a_new_enum_value_is_used_by_the_next_migration() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[
            ("0000_a", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE a (m mood);"),
            ("0001_b", "ALTER TYPE mood ADD VALUE 'ok';"),
            ("0002_c", "INSERT INTO a VALUES ('ok');"),
        ]);
        assert_eq!(tags(&database, &written.folder()).await.unwrap().len(), 3);
        assert_eq!(database.psql("SELECT m FROM a"), "ok");
    }
}

#[tokio::test]
async fn strays_and_unknown_rows() {
    for way in WAYS {
        let database = Database::new(way);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        std::fs::write(written.file("0001_stray"), "CREATE TABLE stray (id int);").unwrap();
        let stray = reasons(tags(&database, &written.folder()).await);
        assert!(matches!(&stray[..], [Refusal::Stray { .. }]), "{stray:?}");
        std::fs::remove_file(written.file("0001_stray")).unwrap();
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0000_a"]);

        // A row of a migration that this folder does not have: harmless until there is something to apply.
        let row = "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 5)";
        database.psql(row);
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new());
        written.add("0001_b", "CREATE TABLE b (id int);");
        let unknown = reasons(tags(&database, &written.folder()).await);
        assert!(matches!(&unknown[..], [Refusal::Unknown { .. }]), "{unknown:?}");
        let options = Options { allow: Allow { unknown_rows: true, ..Allow::default() }, ..Options::default() };
        let (result, _) = run_with(&mut database.client().await, &written.folder(), &options).await;
        assert_eq!(result.unwrap().migrations.len(), 1);
    }
}

/// Under Drizzle such a row makes everything run again.
#[tokio::test]
async fn a_row_without_a_time() {
    for way in WAYS {
        let database = Database::new(way);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        tags(&database, &written.folder()).await.unwrap();
        database.psql("INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', NULL)");
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new());
        written.add("0001_b", "CREATE TABLE b (id int);");
        let unknown = reasons(tags(&database, &written.folder()).await);
        assert!(
            matches!(&unknown[..], [Refusal::Unknown { rows, .. }] if rows.contains("no created_at")),
            "{unknown:?}"
        );
    }
}

#[tokio::test]
async fn a_breakpoint_inside_a_string_is_explained() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[("0000_a", "SELECT 'a --> statement-breakpoint b';")]);
        let (result, _) = run(&mut database.client().await, &written.folder()).await;
        match result {
            Err(Failure::Statement(failure)) => {
                assert_eq!(failure.code, "42601");
                assert!(
                    failure.remedy.as_ref().is_some_and(|remedy| remedy.contains("inside a string")),
                    "{failure:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn empty_and_comment_only_files_are_recorded() {
    for way in WAYS {
        let database = Database::new(way);
        let written =
            Written::new(&[("0000_a", ""), ("0001_b", "-- nothing"), ("0002_c", "--> statement-breakpoint\n")]);
        assert_eq!(tags(&database, &written.folder()).await.unwrap().len(), 3);
        assert_eq!(ledger_rows(&database).lines().count(), 3);
    }
}
