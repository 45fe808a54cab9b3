//! `migrate baseline`: an existing database gets the ledger that Drizzle would have written.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use infra::migrate::{Client, Folder, Ledger, Options, Target, Tls, baseline};

use super::drizzle::{Line, migrate};
use super::server::{Database, Way, servers};
use super::{WAYS, Written, fixture, ledger_rows, run_with, tags};

fn infra(database: &Database, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "baseline"]).args(arguments).arg("--folder").arg(folder);
    let url = servers().url(database.way, &database.name);
    command.env("DATABASE_URL", url).env("PGSSLROOTCERT", &servers().ca).env("NO_COLOR", "1").output().unwrap()
}

/// What `drizzle-kit push` leaves: everything but the ledger.
fn pushed(way: Way, folder: &Path) -> Database {
    let database = Database::new(way);
    for migration in &Folder::read(folder).unwrap().migrations {
        migration
            .chunks()
            .filter(|chunk| !chunk.text.trim().is_empty())
            .for_each(|chunk| _ = database.psql(chunk.text));
    }
    database
}

/// A relay to PostgreSQL for one connection, which passes COMMIT on and lets nothing of what comes after it through.
fn relay_until_commit() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", servers().postgres)).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
        let mut buffer = [0; 65536];
        loop {
            let length = client.read(&mut buffer).unwrap_or(0);
            let commits = buffer[..length].windows(7).any(|window| window == b"COMMIT\0");
            if commits {
                client.shutdown(Shutdown::Both).unwrap();
            }
            server.write_all(&buffer[..length]).unwrap();
            if length == 0 || commits {
                return std::thread::sleep(Duration::from_secs(1));
            }
        }
    });
    port
}

/// What nobody saw is not called undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_saw() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let (folder, database) = (written.folder(), Database::new(Way::Direct));
    let target = Target { port: relay_until_commit(), tls: Tls::Disable, ..database.target() };
    let mut client = Client::connect(&target).await.unwrap();
    let expected: Vec<_> = folder.migrations.iter().collect();
    let (ledger, options) = (Ledger::default(), Options::default());
    let result = baseline::baseline(&mut client, &folder, &ledger, None, &expected, &options, &mut |_| {}).await;
    assert!(matches!(&result, Err(baseline::BaselineError::Uncertain { .. })), "{result:?}");
    while database.psql("SELECT to_regclass('drizzle.__drizzle_migrations') IS NULL") == "t" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ledger_rows(&database).lines().count(), 1);
}

#[tokio::test]
async fn rows_are_those_of_drizzle() {
    for (line, name) in [(Line::V0, "v0-shop"), (Line::V1, "v1-shop"), (Line::V1, "upgrade")] {
        let theirs = Database::new(Way::Direct);
        migrate(line, &fixture(name), &theirs);
        let expected = ledger_rows(&theirs);
        for way in WAYS {
            let database = pushed(way, &fixture(name));
            let output = infra(&database, &fixture(name), &[]);
            assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
            assert_eq!(ledger_rows(&database), expected, "{name}");
            if line == Line::V1 {
                let names = "SELECT string_agg(name, ' ' ORDER BY id), bool_and(applied_at IS NOT NULL) FROM \
                             drizzle.__drizzle_migrations";
                assert_eq!(database.psql(names), theirs.psql(names), "{name}");
            }
            // Nobody finds anything to do afterwards, a second baseline least of all.
            let again = infra(&database, &fixture(name), &[]);
            let said = String::from_utf8_lossy(&again.stdout).into_owned();
            assert!(said.contains("Nothing to do") && said.contains(&format!("/{}\n", database.name)), "{said}");
            migrate(line, &fixture(name), &database);
            assert_eq!(tags(&database, &Folder::read(&fixture(name)).unwrap()).await.unwrap(), Vec::<String>::new());
            assert_eq!(ledger_rows(&database), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_part_of_the_folder_and_the_rest_is_applied() {
    let folder = fixture("v0-abc");
    let database = Database::new(Way::Pooled);
    let all = Folder::read(&folder).unwrap();
    for migration in &all.migrations[..2] {
        database.psql(&migration.sql);
    }
    assert_eq!(infra(&database, &folder, &["--to", "0001_b"]).status.code(), Some(0));
    assert_eq!(tags(&database, &all).await.unwrap(), ["0002_c", "0003_d"]);
}

#[tokio::test]
async fn what_the_database_lacks_is_not_believed() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE a (id bigint); CREATE TABLE theirs (id int)");
    let output = infra(&database, written.path(), &[]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("table public.b  missing") && shown.contains("column public.a.id  different"), "{shown}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Nothing was recorded"), "{output:?}");
    assert_eq!(database.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'drizzle'"), "0");

    let unverified = infra(&database.copy(), written.path(), &["--without-verifying"]);
    let said = String::from_utf8_lossy(&unverified.stdout).into_owned();
    assert!(said.contains(&format!("→ postgres@127.0.0.1:{}/", servers().postgres)), "{said}");
    let output = infra(&database, written.path(), &["--without-verifying", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["migrations"], serde_json::json!(["0000_a", "0001_b"]));
    assert_eq!(infra(&database, written.path(), &["--to", "0007_x"]).status.code(), Some(3));
}

#[tokio::test]
async fn rows_that_stand_against_it() {
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    let database = Database::new(Way::Direct);
    let options = Options { to: Some("0000_a".into()), ..Options::default() };
    run_with(&mut database.client().await, &written.folder(), &options).await.0.unwrap();
    database.psql("INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 1800000005000)");
    let rows = ledger_rows(&database);
    let output = infra(&database, written.path(), &["--without-verifying"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    database.psql("DELETE FROM drizzle.__drizzle_migrations WHERE hash = 'x'");
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (id bigint);").unwrap();
    written.add("0002_c", "");
    let output = infra(&database, written.path(), &["--without-verifying"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("edited after it was applied"), "{output:?}");
    assert_eq!(rows.lines().count(), 2);
    assert_eq!(ledger_rows(&database).lines().count(), 1);
}

/// Two at once, and a migrator at work: one after the other, each row once.
#[tokio::test]
async fn under_the_lock_of_all_migrators() {
    let folder = Folder::read(&fixture("v0-abc")).unwrap();
    let database = pushed(Way::Pooled, &fixture("v0-abc"));
    let ledger = Ledger::default();
    let run = async || {
        let mut client = database.client().await;
        let all: Vec<_> = folder.migrations.iter().collect();
        baseline::baseline(&mut client, &folder, &ledger, None, &all, &Options::default(), &mut |_| {}).await
    };
    let (one, other) = tokio::join!(run(), run());
    // Whoever came second has waited, and found nothing to do.
    let (one, other) = (one.unwrap(), other.unwrap());
    let (first, second) = if one.migrations.is_empty() { (other, one) } else { (one, other) };
    assert_eq!((first.migrations.len(), first.before), (4, 0));
    assert_eq!((second.migrations.len(), second.before), (0, 4));
    assert_eq!(ledger_rows(&database).lines().count(), 4);
}
