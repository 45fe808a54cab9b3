//! Copies of a cluster's data while it is in use, as its snapshots and its readers' servers begin.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use infra::aws::Clients;
use tokio_postgres::Client;

use super::{
    connect, daemon,
    left::lives,
    rights::said,
    servers::{configure, make_writer, until_available},
    start, until, value,
};
use crate::data_folder::DataFolder;

pub(super) async fn snapshot(aws: &Clients, name: &str) {
    let snapshot = aws.rds.create_db_cluster_snapshot().db_cluster_identifier("shop");
    snapshot.db_cluster_snapshot_identifier(name).send().await.unwrap();
}

pub(super) async fn until_made(aws: &Clients, name: &str) {
    until(name, "available", || async {
        let answer = aws.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(name).send().await;
        let status = answer.unwrap().db_cluster_snapshots()[0].status().unwrap().to_owned();
        assert_ne!(status, "failed", "{:?}", events(aws).await);
        status
    })
    .await;
}

async fn events(aws: &Clients) -> Vec<String> {
    let answer = aws.rds.describe_events().send().await.unwrap();
    answer.events().iter().filter_map(|event| event.message()).map(str::to_owned).collect()
}

/// So much that it takes a moment to copy.
const MUCH: &str = "CREATE TABLE much AS SELECT repeat(md5(g::text), 30) AS text FROM generate_series(1, 150000) AS g";

/// What still keeps what is written.
const SLOTS: &str = "SELECT count(*) FROM pg_replication_slots WHERE temporary";

/// What is written has every older part of the log removed.
async fn write(client: Client) {
    let written =
        "TRUNCATE written; INSERT INTO written SELECT repeat(md5(g::text), 30) FROM generate_series(1, 2000) AS g";
    while client.batch_execute(written).await.is_ok() && client.batch_execute("CHECKPOINT").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_copied_while_it_is_written_to() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    client.batch_execute(MUCH).await.unwrap();
    client.batch_execute("CREATE TABLE written (text text)").await.unwrap();
    let writing = tokio::spawn(write(connect(&host, "first-99").await.unwrap()));
    snapshot(&aws, "busy").await;
    until_made(&aws, "busy").await;
    assert!(!writing.is_finished(), "nothing was written meanwhile");
    writing.abort();
    until("what still keeps the log", "0", || value(&client, SLOTS)).await;

    let restore = aws.rds.restore_db_cluster_from_snapshot().snapshot_identifier("busy").engine("aurora-postgresql");
    let restored = restore.db_cluster_identifier("again").send().await.unwrap();
    let instance = aws.rds.create_db_instance().db_instance_identifier("again-1").db_cluster_identifier("again");
    instance.engine("aurora-postgresql").db_instance_class("db.r6g.large").send().await.unwrap();
    until_available(&aws, "again-1").await;
    let client = connect(restored.db_cluster().unwrap().endpoint().unwrap(), "first-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM much").await, "150000");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_copied_though_its_users_have_taken_every_slot() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let shown = "SELECT concat_ws(' ', current_setting('max_wal_senders'), current_setting('max_replication_slots'))";
    assert_eq!(value(&client, shown).await, "25 25", "five more than Aurora's 20");
    let values = [("rds.logical_replication", "1"), ("max_wal_senders", "5"), ("max_replication_slots", "5")];
    configure(&aws, &values).await;
    until("wal_level", "logical", || async {
        let Ok(client) = connect(&host, "first-99").await else { return "no connection".to_owned() };
        value(&client, "SHOW wal_level").await
    })
    .await;
    until_available(&aws, "shop-1").await;
    let client = connect(&host, "first-99").await.unwrap();
    for number in 1..=5 {
        let slot = format!("SELECT pg_create_logical_replication_slot('own_{number}', 'pgoutput')");
        assert_eq!(said(&client, &slot).await, "");
    }
    snapshot(&aws, "own").await;
    until_made(&aws, "own").await;
    until("what still keeps the log", "0", || value(&client, SLOTS)).await;
    cloud.stop().await;
}

/// The processes that copy.
fn copying(data: &Path) -> Vec<String> {
    let servers = std::fs::canonicalize(data.join("servers")).unwrap().display().to_string();
    let processes = Command::new("ps").args(["-axww", "-o", "pid=,args="]).output().unwrap();
    let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
    let ours = processes.lines().filter(|line| line.contains("pg_basebackup ") && line.contains(&servers));
    ours.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// The same, as soon as there are two: one of them fetches what is written meanwhile.
async fn until_copying(data: &Path) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = copying(data);
        if found.len() == 2 {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no copy was seen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_under_way_ends_with_its_cloud_whole() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (_, client) = make_writer(&aws).await;
    client.batch_execute(MUCH).await.unwrap();
    snapshot(&aws, "begun").await;
    until_copying(data.path()).await;
    tokio::time::timeout(Duration::from_secs(30), cloud.stop()).await.unwrap();
    assert_eq!(copying(data.path()), [""; 0]);

    let (cloud, aws) = start(data.path()).await;
    until_made(&aws, "begun").await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_daemon_s_copy_still_writes_does_not_disturb_the_next_one() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    client.batch_execute(MUCH).await.unwrap();
    snapshot(&aws, "begun").await;
    until_copying(data.path()).await;
    cloud.stop().await;
    let mut killed = daemon(data.path());
    let before = until_copying(data.path()).await;
    // They are slow.
    let stopped = Command::new("kill").arg("-STOP").args(&before).status().unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(stopped.success(), "{before:?}");

    let (cloud, aws) = start(data.path()).await;
    until_made(&aws, "begun").await;
    assert_eq!(before.iter().filter(|pid| lives(pid)).count(), 0);
    let client = connect(&host, "first-99").await.unwrap();
    until("what still keeps the log", "0", || value(&client, SLOTS)).await;
    let failed = events(&aws).await.into_iter().find(|text| text.contains("Could not"));
    assert_eq!(failed, None);
    cloud.stop().await;
}
