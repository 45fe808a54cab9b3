//! The migrator against a real PostgreSQL 15, directly and through PgBouncer in transaction mode.

mod answering;
mod applying;
mod baselining;
mod closing;
mod command;
mod comparing;
mod composing;
mod connecting;
mod drizzle;
mod ending;
mod folders;
mod granting;
mod interrupting;
mod killing;
mod letting;
mod linting;
mod locking;
mod outlining;
mod outside;
mod own_server;
mod parity;
mod promised;
mod proven;
mod repairing;
mod server;
pub(crate) mod shapes;
mod splitting;
mod standing;
mod tampering;
mod telling;
mod tracing;
mod traps;
mod trips;
mod unlocking;
mod verifying;
mod waiting;

use std::path::{Path, PathBuf};

use infra::migrate::{Applied, Client, Event, Failure, Folder, Ledger, Options, apply};
use server::{Database, Way};

/// A folder of migrations in the v0 layout, made for a test.
pub(crate) struct Written {
    _directory: tempfile::TempDir,
    path: PathBuf,
    entries: Vec<(String, i64)>,
}

impl Written {
    /// Migrations as (tag, SQL), one a second.
    pub(crate) fn new(migrations: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("migrations");
        std::fs::create_dir(&path).unwrap();
        let mut written = Written { _directory: directory, path, entries: Vec::new() };
        for (tag, sql) in migrations {
            written.add(tag, sql);
        }
        written
    }

    /// As many as that, of which none does anything.
    pub(crate) fn many(count: usize) -> Self {
        let mut written = Written::new(&[]);
        for number in 0..count {
            let tag = format!("{number:04}_m");
            std::fs::write(written.file(&tag), format!("SELECT {number};")).unwrap();
            written.entries.push((tag, 1_800_000_000_123 + 1000 * i64::try_from(number).unwrap()));
        }
        written.write_journal();
        written
    }

    pub(crate) fn add(&mut self, tag: &str, sql: &str) {
        let when = 1_800_000_000_123 + 1000 * i64::try_from(self.entries.len()).unwrap();
        self.add_at(tag, when, sql);
    }

    pub(crate) fn add_at(&mut self, tag: &str, when: i64, sql: &str) {
        self.entries.push((tag.to_owned(), when));
        std::fs::write(self.file(tag), sql).unwrap();
        self.write_journal();
    }

    pub(crate) fn file(&self, tag: &str) -> PathBuf {
        self.path().join(format!("{tag}.sql"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::read(self.path()).unwrap()
    }

    fn write_journal(&self) {
        let entries: Vec<serde_json::Value> = (0..)
            .zip(&self.entries)
            .map(|(idx, (tag, when))| {
                serde_json::json!({"idx": idx, "version": "7", "when": when, "tag": tag, "breakpoints": true})
            })
            .collect();
        let journal = serde_json::json!({"version": "7", "dialect": "postgresql", "entries": entries});
        std::fs::create_dir_all(self.path().join("meta")).unwrap();
        std::fs::write(self.path().join("meta/_journal.json"), journal.to_string()).unwrap();
    }
}

/// A folder of tests/fixtures/drizzle.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/drizzle").join(name);
    if path.join("migrations").is_dir() { path.join("migrations") } else { path.join("drizzle/migrations") }
}

/// Applies with everything at its default; the events as well.
pub(crate) async fn run(client: &mut Client, folder: &Folder) -> (Result<Applied, Failure>, Vec<Event>) {
    run_with(client, folder, &Options::default()).await
}

pub(crate) async fn run_with(
    client: &mut Client,
    folder: &Folder,
    options: &Options,
) -> (Result<Applied, Failure>, Vec<Event>) {
    let mut events = Vec::new();
    let result = apply(client, folder, &Ledger::default(), options, &mut |event| events.push(event)).await;
    (result, events)
}

/// Connects and applies; the tags that were applied.
pub(crate) async fn tags(database: &Database, folder: &Folder) -> Result<Vec<String>, Failure> {
    let (result, _) = run(&mut database.client().await, folder).await;
    Ok(result?.migrations.into_iter().map(|migration| migration.tag).collect())
}

/// The tables of the database, without the ledger.
pub(crate) fn tables(database: &Database) -> String {
    database.psql(
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE relkind = 'r' AND nspname NOT IN ('drizzle', 'pg_catalog', 'information_schema')",
    )
}

/// The ledger's rows as `id hash created_at`.
pub(crate) fn ledger_rows(database: &Database) -> String {
    database.psql("SELECT id, hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id")
}

pub(crate) const WAYS: [Way; 2] = [Way::Direct, Way::Pooled];
