//! A lease that is removed while its holder lives: what is committed is not run a second time, and nothing is removed under a
//! statement that runs.

use std::time::Duration;

use infra::migrate::holders::Forgotten;
use infra::migrate::{Failure, Ledger, Options};

use super::outside::{TABLE, index, leases, outside, psql, reader, unlock, until};
use super::server::{Database, Way};
use super::{WAYS, Written, ledger_rows, run_with, tags};

const INDEX: &str = "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_email ON t (email);";

async fn first_applied(way: Way, statements: &str) -> (Database, Written) {
    let database = Database::new(way);
    let written = Written::new(&[("0000_t", TABLE), ("0001_x", &outside(statements))]);
    let first = Options { to: Some("0000_t".into()), ..Options::default() };
    run_with(&mut database.client().await, &written.folder(), &first).await.0.unwrap();
    (database, written)
}

/// While it waits for an index that another session builds, no statement of the holder's runs.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_not_begun_anew() {
    for way in WAYS {
        let (database, written) = first_applied(way, &format!("INSERT INTO log VALUES (1);\n{INDEX}")).await;
        let mut blocker = reader(&database);
        let mut building = psql(&database, "CREATE INDEX CONCURRENTLY t_email ON t (email)");
        until(&database, "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()", "1");

        let (mut client, folder) = (database.client().await, written.folder());
        let holder = tokio::spawn(async move { run_with(&mut client, &folder, &Options::default()).await });
        until(&database, "SELECT count(*) FROM log", "1");
        // A pulse shows its statements; it has sent the last one before the wait when the lease counts it.
        until(
            &database,
            "SELECT count(*) FROM drizzle.__drizzle_migrations WHERE id = -1 AND hash LIKE '%\"done\": 1%'",
            "1",
        );
        let (code, said) = unlock(&database, &["--yes"]);
        assert!(code == Some(0) && said.contains("0001_x counts as not started"), "{said}");

        let (result, events) = tokio::time::timeout(Duration::from_secs(20), holder).await.unwrap().unwrap();
        let Err(Failure::TakenAway { half, pending, .. }) = &result else { panic!("{way:?}: {result:?} {events:?}") };
        assert_eq!((half.done, half.of, half.tag.as_str()), (1, 2, "0001_x"));
        assert_eq!(*pending, ["0001_x"]);
        assert_eq!(database.psql("SELECT count(*) FROM log"), "1", "a statement ran twice");
        assert_eq!((leases(&database).as_str(), ledger_rows(&database).lines().count()), ("0", 1));

        drop(blocker.stdin.take());
        blocker.wait().unwrap();
        building.wait().unwrap();
        // The next run begins at its first statement, as `unlock` says.
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0001_x"]);
        assert_eq!(database.psql("SELECT count(*) FROM log"), "2");
        assert_eq!(index(&database, "t_email"), "valid");
    }
}

/// Somebody agreed to forget it when nothing ran; meanwhile a statement has begun.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_under_a_statement() {
    let (database, written) = first_applied(Way::Direct, "INSERT INTO log VALUES (1);\nSELECT pg_sleep(2);").await;
    let (mut client, folder) = (database.client().await, written.folder());
    let holder = tokio::spawn(async move { run_with(&mut client, &folder, &Options::default()).await });
    until(
        &database,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '/* infra%pg_sleep(2)' AND state = 'active'",
        "1",
    );
    let (client, ledger) = (database.client().await, Ledger::default());
    let lease = ledger.read(&client).await.unwrap().lease.unwrap();
    assert_eq!(ledger.forget(&client, &lease).await.unwrap(), Forgotten::Runs);
    holder.await.unwrap().0.unwrap();
    assert_eq!(ledger.forget(&client, &lease).await.unwrap(), Forgotten::Gone);
    assert_eq!((leases(&database).as_str(), database.psql("SELECT count(*) FROM log").as_str()), ("0", "1"));
}

/// Another row in the ledger when all is done: the lease is still this run's, and nobody waits until it is old.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_changes_meanwhile() {
    let (database, written) = first_applied(Way::Pooled, "INSERT INTO log VALUES (1);\nSELECT pg_sleep(1);").await;
    let (mut client, folder) = (database.client().await, written.folder());
    let holder = tokio::spawn(async move { run_with(&mut client, &folder, &Options::default()).await });
    until(&database, "SELECT count(*) FROM log", "1");
    database.psql(
        "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) SELECT hash, created_at FROM \
                   drizzle.__drizzle_migrations WHERE id > 0",
    );
    let (result, _) = tokio::time::timeout(Duration::from_secs(20), holder).await.unwrap().unwrap();
    assert_eq!(result.unwrap().migrations.len(), 1);
    assert_eq!((leases(&database).as_str(), database.psql("SELECT count(*) FROM log").as_str()), ("0", "1"));
}
