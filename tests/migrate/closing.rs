//! What a migration did and what the ledger says of it are one, even where a statement ends the transaction unseen.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use infra::migrate::{Failure, Options, Tls};
use tokio::sync::watch;

use super::server::{Database, Way, servers};
use super::{WAYS, Written, ledger_rows, run, run_with, tables, tags};

/// With this setting a backslash escapes the quote, so that the server sees statements where the rules of today see a string.
const HIDE: &str = "SET standard_conforming_strings = off;--> statement-breakpoint\n";

#[tokio::test]
async fn a_failure_after_a_hidden_commit_is_no_success() {
    for (way, end) in [(Way::Direct, "COMMIT"), (Way::Pooled, "COMMIT; BEGIN"), (Way::Direct, "COMMIT AND CHAIN")] {
        let database = Database::new(way);
        let sql = format!(
            "CREATE TABLE x (i int);{HIDE}SELECT 'a\\''; {end}; --';--> statement-breakpoint\nCREATE TABLE y (i int); SELECT nope();"
        );
        let written = Written::new(&[("0000_a", &sql), ("0001_b", "SELECT 1;")]);
        let (result, _) = run(&mut database.client().await, &written.folder()).await;
        let Err(Failure::Statement(failure)) = result else { panic!("{end}: {result:?}") };
        assert_eq!((failure.code.as_str(), failure.escaped, failure.applied.len()), ("42883", true, 0), "{end}");
        let help = miette::Diagnostic::help(&*failure).unwrap().to_string();
        assert!(help.contains("is in the database") && !help.contains("Nothing of"), "{help}");
        assert_eq!((ledger_rows(&database).as_str(), tables(&database).as_str()), ("", "x"), "{end}");
    }
}

#[tokio::test]
async fn a_hidden_commit_alone_is_found_before_the_migration_is_recorded() {
    for together in [false, true] {
        for (way, end) in [(Way::Direct, "COMMIT"), (Way::Pooled, "ROLLBACK; BEGIN")] {
            let database = Database::new(way);
            let sql = format!("CREATE TABLE x (i int);{HIDE}SELECT 'a\\''; {end}; --';");
            let written = Written::new(&[("0000_a", &sql), ("0001_b", "SELECT 1;")]);
            let options = Options { together, ..Options::default() };
            let (result, _) = run_with(&mut database.client().await, &written.folder(), &options).await;
            assert!(matches!(&result, Err(Failure::Escaped { tag, .. }) if tag == "0000_a"), "{end}: {result:?}");
            assert_eq!(ledger_rows(&database), "", "{end}");
        }
    }
}

/// What belongs to a migration itself does not look like it.
#[tokio::test]
async fn savepoints_and_settings_of_a_migration_are_its_own() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = "SAVEPOINT a; CREATE TABLE x (i int); ROLLBACK TO a; CREATE TABLE y (i int); RELEASE a; RESET ALL;";
        let written = Written::new(&[("0000_a", sql), ("0001_b", "SAVEPOINT b; CREATE TABLE z (i int);")]);
        run(&mut database.client().await, &written.folder()).await.0.unwrap();
        assert_eq!((ledger_rows(&database).lines().count(), tables(&database).as_str()), (2, "y z"), "{way:?}");
    }
}

/// A relay to PostgreSQL for one connection: asking to cancel, which takes another one, does not get through.
fn relay_without_cancelling() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        drop(listener);
        let server = TcpStream::connect(("127.0.0.1", servers().postgres)).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || io::copy(&mut from_server, &mut to_client));
        // Whatever happens to the client: what it has sent arrives.
        _ = io::copy(&mut &client, &mut &server);
        _ = server.shutdown(Shutdown::Write);
    });
    port
}

/// The server goes on with what it has got. COMMIT is not among it.
#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_is_said_only_of_what_cannot_commit_any_more() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int); SELECT pg_sleep(6.5);")]);
    let mut target = database.target();
    (target.port, target.tls) = (relay_without_cancelling(), Tls::Disable);
    let mut client = infra::migrate::Client::connect(&target).await.unwrap();
    let (raise, interrupt) = watch::channel(false);
    let options = Options { interrupt: Some(interrupt), ..Options::default() };
    let folder = written.folder();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        raise.send(true).unwrap();
    };
    let ((result, _), ()) = tokio::join!(run_with(&mut client, &folder, &options), stop);
    assert!(matches!(&result, Err(Failure::Interrupted { applied, .. }) if applied.is_empty()), "{result:?}");
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(database.psql(others), "1", "it was to go on after the client gave up");
    while database.psql(others) != "0" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((ledger_rows(&database).as_str(), tables(&database).as_str()), ("", ""));
}

/// Between two migrations it is looked at what came after the last row alone; whatever did is noticed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_record_meanwhile_is_noticed() {
    let ledger = "drizzle.__drizzle_migrations";
    let table = [
        // A row of somebody else's, before this run's own.
        (format!("INSERT INTO {ledger} (hash, created_at) VALUES ('x', 5)"), false),
        // Drizzle 1 upgrades the table: its rows need a name.
        (format!("ALTER TABLE {ledger} ADD COLUMN name text, ADD COLUMN applied_at timestamptz"), true),
        // A number that somebody may hold who has not committed yet.
        (format!("SELECT nextval('{ledger}_id_seq')"), true),
    ];
    for (sql, goes_on) in table {
        let database = Database::new(Way::Direct);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        tags(&database, &written.folder()).await.unwrap();
        written.add("0001_b", &sql);
        written.add("0002_c", "CREATE TABLE c (id int);");
        written.add("0003_d", "CREATE TABLE d (id int);");
        let result = tags(&database, &written.folder()).await;
        assert_eq!(result.is_ok(), goes_on, "{sql}: {result:?}");
        assert_eq!(tables(&database), if goes_on { "a c d" } else { "a" }, "{sql}");
        if goes_on && sql.starts_with("ALTER") {
            assert_eq!(database.psql(&format!("SELECT count(*) FROM {ledger} WHERE name IS NULL")), "0");
        }
    }
}
