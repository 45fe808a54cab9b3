//! Snapshots whose copying takes long: whatever stops meanwhile, they are whole in the end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use aws_sdk_rds::types::ServerlessV2ScalingConfiguration;
use infra::aws::Clients;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    data_folder::DataFolder,
    plane::{add_instance, cluster, connect, furnish, start, until, value},
};

/// The program that copies something of this data folder, as soon as it runs, halted.
fn halted(data: &Path) -> Pid {
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let numbers = fs::read_dir("/proc").unwrap().flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        for number in numbers {
            let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command);
            if command.contains("pg_basebackup") && command.contains(servers.to_str().unwrap()) {
                let copying = Pid::from_raw(number).unwrap();
                kill_process(copying, Signal::STOP).unwrap();
                return copying;
            }
        }
    }
    panic!("nothing is copied");
}

async fn snapshot(aws: &Clients, name: &str) -> String {
    let answer = aws.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(name).send().await.unwrap();
    answer.db_cluster_snapshots()[0].status().unwrap().to_owned()
}

/// Begins a snapshot, whose copying is halted.
async fn begin(aws: &Clients, data: &Path, name: &str) -> Pid {
    let data = data.to_owned();
    let copying = tokio::task::spawn_blocking(move || halted(&data));
    let create = aws.rds.create_db_cluster_snapshot().db_cluster_identifier("shop");
    create.db_cluster_snapshot_identifier(name).send().await.unwrap();
    copying.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_outlives_the_stop_of_its_cluster_and_begins_anew_after_that_of_the_cloud() {
    let folder = DataFolder::new();
    let data = folder.path();
    let (cloud, aws) = start(data).await;
    let places = furnish(&aws).await;
    let client = connect(&places.cluster, "first-99").await.unwrap();
    let fill = "CREATE TABLE kept AS SELECT id, repeat(md5(id::text), 30) AS text FROM generate_series(1, 30000) id";
    client.batch_execute(fill).await.unwrap();
    drop(client);

    // The server goes on until it is copied.
    let copying = begin(&aws, data, "one").await;
    aws.rds.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((cluster(&aws).await, snapshot(&aws, "one").await), ("stopping".into(), "creating".into()));
    kill_process(copying, Signal::CONT).unwrap();
    until("the snapshot", "available", || snapshot(&aws, "one")).await;
    until("the cluster", "stopped", || cluster(&aws)).await;
    aws.rds.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    until("the cluster", "available", || cluster(&aws)).await;

    // A program that does not even end when it is told to keeps nobody from stopping.
    begin(&aws, data, "two").await;
    let begun = Instant::now();
    cloud.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let (cloud, aws) = start(data).await;
    until("the snapshot", "available", || snapshot(&aws, "two")).await;

    aws.rds.delete_db_instance().db_instance_identifier("shop-1").send().await.unwrap();
    until("the instances", "0", || async {
        aws.rds.describe_db_instances().send().await.unwrap().db_instances().len().to_string()
    })
    .await;
    for name in ["one", "two"] {
        aws.rds.delete_db_cluster().db_cluster_identifier("shop").skip_final_snapshot(true).send().await.unwrap();
        until("the cluster", "gone", || cluster(&aws)).await;
        let restore = aws.rds.restore_db_cluster_from_snapshot().snapshot_identifier(name).engine("aurora-postgresql");
        let capacity = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(4.0).build();
        let restore = restore.db_cluster_identifier("shop").db_subnet_group_name("shop");
        let restored = restore.serverless_v2_scaling_configuration(capacity).send().await.unwrap();
        until("the restored cluster", "available", || cluster(&aws)).await;
        add_instance(&aws).await;
        let endpoint = restored.db_cluster().unwrap().endpoint().unwrap();
        let client = connect(endpoint, "first-99").await.unwrap();
        assert_eq!(value(&client, "SELECT count(*) FROM kept").await, "30000", "{name}");
        drop(client);
        aws.rds.delete_db_instance().db_instance_identifier("shop-1").send().await.unwrap();
        until("the instances", "0", || async {
            aws.rds.describe_db_instances().send().await.unwrap().db_instances().len().to_string()
        })
        .await;
    }
    cloud.stop().await;
}
