//! Beside the real Drizzle: the same rows, the same catalogs, and either tool after the other.

use std::path::{Path, PathBuf};

use infra::migrate::{Folder, Ledger, Migration, Options, apply};

use super::composing::{generated, schema, succeeded};
use super::drizzle::{Line, kit, kit_migrate, migrate, migrate_to};
use super::server::{Database, Way};
use super::{Written, fixture, tables, tags};

const NONE: Vec<String> = Vec::new();

/// Everything in the ledger that does not depend on when it was written.
fn rows(database: &Database) -> String {
    let columns = database.psql(
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = \
         'drizzle.__drizzle_migrations'::regclass AND attnum > 0 AND NOT attisdropped",
    );
    let name = if columns.contains("name") { ", name, applied_at IS NULL" } else { "" };
    let rows =
        database.psql(&format!("SELECT id, hash, created_at{name} FROM drizzle.__drizzle_migrations ORDER BY id"));
    format!("{columns}\n{rows}")
}

async fn infra(path: &Path, database: &Database) -> Vec<String> {
    tags(database, &Folder::read(path).unwrap()).await.unwrap()
}

/// The folder with its first migrations only.
fn first(name: &str, count: usize) -> Written {
    let folder = Folder::read(&fixture(name)).unwrap();
    let mut written = Written::new(&[]);
    for migration in &folder.migrations[..count] {
        written.add_at(&migration.tag, migration.when_millis, &migration.sql);
    }
    written
}

#[tokio::test]
async fn rows_and_catalogs_are_equal() {
    let table = [
        (Line::V0, "example"),
        (Line::V0, "v0-shop"),
        (Line::V0, "v0-abc"),
        (Line::V0, "v0-nobreakpoints"),
        (Line::V0, "v0-trap-crlf"),
        (Line::V1, "v1-shop"),
        (Line::V1, "v1-abc"),
        (Line::V1, "upgrade"),
        (Line::V1, "v1-branches-commutative"),
    ];
    for (line, name) in table {
        let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Pooled));
        migrate(line, &fixture(name), &theirs);
        infra(&fixture(name), &ours).await;
        let expected = rows(&theirs);
        assert_eq!(rows(&ours), expected, "{name}");
        assert_eq!(ours.dump(), theirs.dump(), "{name}");
        // Either tool finds nothing to do after the other.
        assert_eq!(infra(&fixture(name), &theirs).await, NONE, "{name}");
        migrate(line, &fixture(name), &ours);
        assert_eq!((rows(&ours), rows(&theirs)), (expected.clone(), expected), "{name}");
    }
}

#[tokio::test]
async fn a_thousand_migrations() {
    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Pooled));
    let written = Written::many(1000);
    migrate(Line::V0, written.path(), &theirs);
    assert_eq!(infra(written.path(), &ours).await.len(), 1000);
    assert_eq!(rows(&ours), rows(&theirs));
    assert_eq!(infra(written.path(), &theirs).await, NONE);
    migrate(Line::V0, written.path(), &ours);
    assert_eq!(rows(&ours), rows(&theirs));
}

#[tokio::test]
async fn a_ledger_of_another_name() {
    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Direct));
    let path = fixture("v0-prefix-timestamp");
    migrate_to(Line::V0, &path, &theirs, "public", "my_migrations");
    let ledger: Ledger = "public.my_migrations".parse().unwrap();
    let folder = Folder::read(&path).unwrap();
    apply(&mut ours.client().await, &folder, &ledger, &Options::default(), &mut |_| {}).await.unwrap();
    let rows = "SELECT * FROM public.my_migrations ORDER BY id";
    assert_eq!(ours.psql(rows), theirs.psql(rows));
    assert_eq!(ours.dump(), theirs.dump());
}

#[tokio::test]
async fn drizzle_kit_itself() {
    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Direct));
    let output = kit_migrate(&fixture("example"), &theirs);
    assert!(output.status.success(), "{output:?}");
    infra(&fixture("example"), &ours).await;
    assert_eq!(rows(&ours), rows(&theirs));
    assert!(kit_migrate(&fixture("example"), &ours).status.success());
    assert_eq!(rows(&ours), rows(&theirs));
}

/// drizzle-kit 1.0 itself and infra, a migration a turn, on a folder that drizzle-kit 1.0 has generated.
#[tokio::test]
async fn drizzle_kit_1_in_turn() {
    let made = tempfile::tempdir().unwrap();
    let folder = generated(Line::V1, made.path());
    for (name, columns) in [("phone", ", phone: text('phone')"), ("mail", ", phone: text('phone'), mail: text('mail')")]
    {
        schema(made.path(), columns);
        succeeded(&kit(Line::V1, made.path(), Path::new("./migrations"), None, &["generate", "--name", name]));
    }
    let all = Folder::read(&folder).unwrap().migrations;
    assert_eq!(all.len(), 3);
    let whole = Database::new(Way::Direct);
    let mut wanted = Vec::new();
    let by_kit = Grown::new();
    for migration in &all {
        by_kit.add(migration);
        by_kit.kit_migrate(&whole);
        wanted.push((rows(&whole), whole.dump()));
    }
    for order in ["ki", "ik", "kik", "iki"] {
        let (database, part) = (Database::new(Way::Pooled), Grown::new());
        for ((migration, who), (rows_then, dump_then)) in all.iter().zip(order.chars()).zip(&wanted) {
            part.add(migration);
            if who == 'i' {
                assert_eq!(infra(&part.folder(), &database).await, std::slice::from_ref(&migration.tag), "{order}");
            } else {
                part.kit_migrate(&database);
            }
            assert_eq!((&rows(&database), &database.dump()), (rows_then, dump_then), "{order} {}", migration.tag);
        }
        // Whoever was not the last finds nothing to do.
        part.kit_migrate(&database);
        assert_eq!(infra(&part.folder(), &database).await, NONE, "{order}");
        assert_eq!(rows(&database), wanted[order.len() - 1].0, "{order}");
    }
}

/// A folder of the v1 layout that gets its migrations one by one, with their snapshots.
struct Grown(tempfile::TempDir);

impl Grown {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("migrations")).unwrap();
        Grown(directory)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("migrations")
    }

    fn add(&self, migration: &Migration) {
        let to = self.folder().join(&migration.tag);
        std::fs::create_dir(&to).unwrap();
        for file in ["migration.sql", "snapshot.json"] {
            std::fs::copy(migration.path.with_file_name(file), to.join(file)).unwrap();
        }
    }

    fn kit_migrate(&self, database: &Database) {
        succeeded(&kit(Line::V1, self.0.path(), Path::new("./migrations"), Some(database), &["migrate"]));
    }
}

#[tokio::test]
async fn in_turn_on_one_database() {
    let whole = Database::new(Way::Direct);
    migrate(Line::V0, &fixture("v0-shop"), &whole);
    for turn in 1..5 {
        let database = Database::new(Way::Direct);
        let part = first("v0-shop", turn);
        if turn % 2 == 0 {
            migrate(Line::V0, part.path(), &database);
            assert_eq!(infra(&fixture("v0-shop"), &database).await.len(), 5 - turn);
        } else {
            assert_eq!(infra(part.path(), &database).await.len(), turn);
            migrate(Line::V0, &fixture("v0-shop"), &database);
        }
        assert_eq!(rows(&database), rows(&whole));
        assert_eq!(database.dump(), whole.dump());
    }
}

/// One migration a turn, by either tool, and then the change to the v1 layout by one and a look by the other.
#[tokio::test]
async fn in_any_order_and_then_v1() {
    let whole = Database::new(Way::Direct);
    migrate(Line::V0, &fixture("v0-shop"), &whole);
    migrate(Line::V1, &fixture("upgrade"), &whole);
    for order in ["ikiki", "kikik", "iikki", "kkiik"] {
        let database = Database::new(Way::Pooled);
        for (turn, who) in (1..).zip(order.chars()) {
            let part = first("v0-shop", turn);
            if who == 'i' {
                assert_eq!(infra(part.path(), &database).await.len(), 1, "{order} {turn}");
            } else {
                migrate(Line::V0, part.path(), &database);
            }
            assert_eq!(database.psql("SELECT count(*) FROM drizzle.__drizzle_migrations"), turn.to_string(), "{order}");
        }
        if order.starts_with('i') {
            assert_eq!(infra(&fixture("upgrade"), &database).await, NONE, "{order}");
            migrate(Line::V1, &fixture("upgrade"), &database);
        } else {
            migrate(Line::V1, &fixture("upgrade"), &database);
            assert_eq!(infra(&fixture("upgrade"), &database).await, NONE, "{order}");
        }
        assert_eq!(rows(&database), rows(&whole), "{order}");
        assert_eq!(database.dump(), whole.dump(), "{order}");
    }
}

/// `upgrade` is v0-shop after `drizzle-kit up`.
#[tokio::test]
async fn a_v0_ledger_is_upgraded_by_a_v1_folder_only() {
    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Pooled));
    migrate(Line::V0, first("v0-shop", 3).path(), &theirs);
    infra(first("v0-shop", 3).path(), &ours).await;
    assert_eq!(rows(&ours), rows(&theirs));
    migrate(Line::V1, &fixture("upgrade"), &theirs);
    assert_eq!(infra(&fixture("upgrade"), &ours).await.len(), 2);
    assert_eq!(rows(&ours), rows(&theirs));
    assert_eq!(ours.dump(), theirs.dump());
    migrate(Line::V1, &fixture("upgrade"), &ours);
    assert_eq!(infra(&fixture("upgrade"), &theirs).await, NONE);
    assert_eq!(rows(&ours), rows(&theirs));
    // And a v0 folder on it afterwards: somebody's old checkout.
    assert_eq!(infra(&fixture("v0-shop"), &ours).await, NONE);
    assert_eq!(rows(&ours), rows(&theirs));
}

/// A `when` that was edited before `drizzle-kit up`: the upgrade goes by the hash where no folder has the row's second.
#[tokio::test]
async fn a_v0_ledger_of_other_times_is_upgraded_as_well() {
    let (theirs, ours) = (Database::new(Way::Direct), Database::new(Way::Pooled));
    for database in [&theirs, &ours] {
        migrate(Line::V0, &fixture("v0-shop"), database);
        database.psql("UPDATE drizzle.__drizzle_migrations SET created_at = created_at - 86400000 WHERE id IN (2, 4)");
    }
    migrate(Line::V1, &fixture("upgrade"), &theirs);
    assert_eq!(infra(&fixture("upgrade"), &ours).await, NONE);
    assert_eq!(rows(&ours), rows(&theirs));
    assert_eq!(ours.psql("SELECT count(name) FROM drizzle.__drizzle_migrations"), "5");
}

/// The mixing trap: what Drizzle 0.x records in an upgraded ledger, Drizzle 1 runs again.
#[tokio::test]
async fn a_v0_folder_on_an_upgraded_ledger() {
    // Recorded by infra: with the name, so Drizzle 1 finds nothing to do.
    let database = Database::new(Way::Direct);
    infra(first("v0-shop", 3).path(), &database).await;
    database.psql(
        "ALTER TABLE drizzle.__drizzle_migrations ADD COLUMN name text, ADD COLUMN applied_at timestamptz DEFAULT now()",
    );
    assert_eq!(infra(&fixture("v0-shop"), &database).await.len(), 2);
    migrate(Line::V1, &fixture("upgrade"), &database);
    assert_eq!(database.psql("SELECT count(*), count(name) FROM drizzle.__drizzle_migrations"), "5|5");

    // Recorded by Drizzle 0.x without a name: infra gives the rows their names before Drizzle 1 sees them.
    let database = Database::new(Way::Direct);
    migrate(Line::V0, first("v0-shop", 3).path(), &database);
    database.psql(
        "ALTER TABLE drizzle.__drizzle_migrations ADD COLUMN name text, ADD COLUMN applied_at timestamptz DEFAULT now()",
    );
    migrate(Line::V0, &fixture("v0-shop"), &database);
    assert_eq!(infra(&fixture("upgrade"), &database).await, NONE);
    migrate(Line::V1, &fixture("upgrade"), &database);
    assert_eq!(database.psql("SELECT count(*), count(name) FROM drizzle.__drizzle_migrations"), "5|5");
}

/// What the traps are about: the same folder, the same database, and Drizzle says success for what did not happen.
#[tokio::test]
async fn drizzle_really_skips_in_silence() {
    let database = Database::new(Way::Direct);
    migrate(Line::V0, first("v0-abc", 2).path(), &database);
    migrate(Line::V0, &fixture("v0-trap-out-of-order"), &database);
    assert!(!tables(&database).contains('c'), "Drizzle became better: {}", tables(&database));
}
