//! What is RDS's own in a server, and what is its master user's.

use super::{
    connect,
    rights::said,
    servers::{configure, make, make_writer, reboot, until_available},
    start, until, value,
};
use crate::data_folder::DataFolder;

/// What a connection of the master user to a database is answered.
async fn entered(host: &str, database: &str) -> String {
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(5432).user("app").password("first-99").dbname(database);
    match config.connect(tokio_postgres::NoTls).await {
        Ok(_) => "let in".to_owned(),
        Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rds_has_a_database_of_its_own_and_needs_no_other() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let host = host.as_str();
    let owner = "SELECT concat(pg_get_userbyid(datdba), ' ', datacl) FROM pg_database WHERE datname = 'rdsadmin'";
    assert_eq!(value(&client, owner).await, "rdsadmin {rdsadmin=CTc/rdsadmin}");
    let told = entered(host, "rdsadmin").await;
    assert!(told.starts_with("pg_hba.conf rejects connection") && told.contains("database \"rdsadmin\""), "{told}");
    assert_eq!(said(&client, "DROP DATABASE rdsadmin").await, "must be owner of database rdsadmin");

    assert_eq!(said(&client, "DROP DATABASE postgres").await, "");
    let begun = value(&client, "SELECT pg_postmaster_start_time()").await;
    drop(client);
    reboot(&aws, "shop-1").await;
    let restarted = || async {
        let Ok(client) = connect(host, "first-99").await else { return "no connection".to_owned() };
        (value(&client, "SELECT pg_postmaster_start_time()").await != begun).to_string()
    };
    until("whether the server is another one", "true", restarted).await;
    until_available(&aws, "shop-1").await;

    // Another password is applied without that database, and does not bring it back.
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password("second-99");
    change.apply_immediately(true).send().await.unwrap();
    until_accepted(host, "second-99").await;
    let client = connect(host, "second-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM pg_database WHERE datname = 'postgres'").await, "0");
    assert_eq!(said(&client, "CREATE TABLE gone ()").await, "");
    super::said(data.path(), &["reset", "--empty"]);
    let client = connect(host, "second-99").await.unwrap();
    assert_eq!(value(&client, "SELECT to_regclass('gone') IS NULL").await, "t");
    cloud.stop().await;
}

/// Waits until a password is accepted.
async fn until_accepted(host: &str, password: &str) {
    until(password, "accepted", || async {
        connect(host, password).await.map_or("refused", |_| "accepted").to_owned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_its_user_chooses_stands_until_a_call_gives_another() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let host = host.as_str();
    for own in ["PASSWORD 'own-99'", "VALID UNTIL '2099-01-01'", "CONNECTION LIMIT 50"] {
        assert_eq!(said(&client, &format!("ALTER ROLE app {own}")).await, "", "{own}");
    }
    assert_eq!(said(&client, "DROP DATABASE postgres").await, "");
    drop(client);
    let snapshot = aws.rds.create_db_cluster_snapshot().db_cluster_identifier("shop");
    snapshot.db_cluster_snapshot_identifier("own").send().await.unwrap();
    until("the snapshot", "available", || async {
        let answer = aws.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier("own").send().await;
        answer.unwrap().db_cluster_snapshots()[0].status().unwrap().to_owned()
    })
    .await;

    // Parameters are applied anew, and the server is another one; who has replication cannot change oneself.
    configure(&aws, &[("rds.logical_replication", "1")]).await;
    until("wal_level", "logical", || async {
        let Ok(client) = connect(host, "own-99").await else { return "no connection".to_owned() };
        value(&client, "SHOW wal_level").await
    })
    .await;
    until_available(&aws, "shop-1").await;
    assert!(connect(host, "first-99").await.is_err(), "the password was silently set back");
    let client = connect(host, "own-99").await.unwrap();
    let slot = "SELECT pg_create_logical_replication_slot('own', 'pgoutput'); SELECT pg_drop_replication_slot('own')";
    assert_eq!(said(&client, slot).await, "");
    assert!(said(&client, "ALTER ROLE app PASSWORD 'third-99'").await.contains("replication"));
    drop(client);

    // The one that the API knows already is given anew.
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password("first-99");
    change.apply_immediately(true).send().await.unwrap();
    until_accepted(host, "first-99").await;
    assert!(connect(host, "own-99").await.is_err());

    // A snapshot holds the one that was valid, and its server needs no database but its own.
    let restore = aws.rds.restore_db_cluster_from_snapshot().snapshot_identifier("own").engine("aurora-postgresql");
    let restored = restore.db_cluster_identifier("again").send().await.unwrap();
    let instance = aws.rds.create_db_instance().db_instance_identifier("again-1").db_cluster_identifier("again");
    instance.engine("aurora-postgresql").db_instance_class("db.r6g.large").send().await.unwrap();
    until_available(&aws, "again-1").await;
    let host = restored.db_cluster().unwrap().endpoint().unwrap();
    let client = connect(host, "own-99").await.unwrap();
    assert!(connect(host, "first-99").await.is_err(), "the password was silently set back");
    let closed = "SELECT count(*) FROM pg_roles WHERE rolsuper AND rolname LIKE 'pg\\_%server%'";
    assert_eq!(value(&client, closed).await, "3");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lets_nobody_in_holds_up_nothing() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let cluster = make(&aws, &["shop-1"]).await;
    until_available(&aws, "shop-1").await;
    until("the cluster", "available", || super::cluster(&aws)).await;
    let host = cluster.endpoint().unwrap();
    let client = connect(host, "first-99").await.unwrap();
    for statement in [
        "CREATE DATABASE closed TEMPLATE template0",
        "ALTER DATABASE closed SET local_preload_libraries = 'nope'",
        "CREATE DATABASE other ENCODING 'MULE_INTERNAL' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    ] {
        assert_eq!(said(&client, statement).await, "", "{statement}");
    }
    for database in ["closed", "other"] {
        assert_ne!(entered(host, database).await, "let in", "{database}");
    }
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password("second-99");
    change.apply_immediately(true).send().await.unwrap();
    until_accepted(host, "second-99").await;
    until("the cluster", "available", || super::cluster(&aws)).await;
    until("whether it is told which database was left out", "true", || async {
        let log = std::fs::read_to_string(data.path().join("daemon.log")).unwrap_or_default();
        log.contains("The database other of cluster-").to_string()
    })
    .await;

    // What its owner has set there does not keep RDS out.
    let client = connect(host, "second-99").await.unwrap();
    assert_eq!(said(&client, "ALTER DATABASE closed RESET local_preload_libraries").await, "");
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(5432).user("app").password("second-99").dbname("closed");
    let (closed, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(said(&closed, "SELECT pg_stat_reset()").await, "");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_holds_a_password_up_and_not_the_end_of_the_cloud() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let host = host.as_str();
    until("the cluster", "available", || super::cluster(&aws)).await;
    let hold = "BEGIN; ALTER ROLE app CONNECTION LIMIT 50";
    let change = async |password: &str| {
        let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password(password);
        change.apply_immediately(true).send().await.unwrap();
    };
    assert_eq!(said(&client, hold).await, "");
    change("second-99").await;
    until("whether it is told why the password is not changed", "true", || async {
        let answer = aws.rds.describe_events().send().await.unwrap();
        let told = "Could not prepare the database: canceling statement due to lock timeout.";
        answer.events().iter().any(|event| event.message() == Some(told)).to_string()
    })
    .await;
    assert_eq!(said(&client, "COMMIT").await, "");
    until_accepted(host, "second-99").await;
    until("the cluster", "available", || super::cluster(&aws)).await;

    assert_eq!(said(&client, hold).await, "");
    change("third-99").await;
    let monitor = connect(host, "second-99").await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rdsadmin' AND wait_event_type = 'Lock'";
    until("how many wait", "1", || value(&monitor, waiting)).await;
    tokio::time::timeout(std::time::Duration::from_secs(4), cloud.stop()).await.expect("the end waits for a user");
}
