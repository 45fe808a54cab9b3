//! A database goes where the API deletes it, and never for want of a state that knows it.

use std::{fs, path::Path, process::Command};

use infra::aws::{Clients, Options};

use super::{
    cluster, connect,
    copies::{snapshot, until_made},
    said,
    servers::make_writer,
    start, until, value,
};
use crate::data_folder::DataFolder;

/// The folders of databases, or of snapshots.
fn homes(data: &Path, kind: &str) -> Vec<String> {
    let homes = fs::read_dir(data.join("servers")).into_iter().flatten().flatten();
    let names = homes.map(|home| home.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(kind)).collect()
}

fn databases(data: &Path) -> Vec<String> {
    homes(data, "cluster-")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_state_does_not_know_stays_until_a_newer_one_deletes_it() {
    let folder = DataFolder::new();
    let data = folder.path();
    let [state, older, newer] = ["state", "older", "newer"].map(|name| data.join(name));
    let (cloud, aws) = start(data).await;
    aws.secretsmanager.create_secret().name("key").secret_string("sesame").send().await.unwrap();
    cloud.stop().await;
    assert!(Command::new("cp").arg("-a").args([&state, &older]).status().unwrap().success());

    let (cloud, aws) = start(data).await;
    let (host, client) = make_writer(&aws).await;
    client.batch_execute("CREATE TABLE orders AS SELECT 7 AS id").await.unwrap();
    cloud.stop().await;
    let made = databases(data);
    assert_eq!(made.len(), 1);

    fs::rename(&state, &newer).unwrap();
    fs::rename(&older, &state).unwrap();
    let mut started = Command::new(env!("CARGO_BIN_EXE_infra"));
    let started = started.args(["local", "start", "--port", "0", "--data"]).arg(data).output().unwrap();
    let told = String::from_utf8_lossy(&started.stderr);
    assert!(told.contains(&format!("no state; they are kept ({})", made[0])), "{told}");
    assert!(said(data, &["status"]).contains(&format!("unknown    {}", made[0])));
    said(data, &["stop"]);
    assert_eq!(databases(data), made);

    fs::remove_dir_all(&state).unwrap();
    fs::rename(&newer, &state).unwrap();
    let (cloud, aws) = start(data).await;
    until("whether the server answers", "true", || async { connect(&host, "first-99").await.is_ok().to_string() })
        .await;
    let client = connect(&host, "first-99").await.unwrap();
    assert_eq!(value(&client, "SELECT id FROM orders").await, "7");
    drop(client);
    aws.rds.delete_db_instance().db_instance_identifier("shop-1").send().await.unwrap();
    aws.rds.delete_db_cluster().db_cluster_identifier("shop").skip_final_snapshot(true).send().await.unwrap();
    until("the cluster", "gone", || cluster(&aws)).await;
    // Whether it was removed by then or not.
    cloud.stop().await;
    let (cloud, _) = start(data).await;
    until("the databases", "[]", || async { format!("{:?}", databases(data)) }).await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_s_data_is_there_as_long_as_a_copy_shares_it_even_if_that_one_s_state_is_missing() {
    let folder = DataFolder::new();
    let data = folder.path();
    let (cloud, aws) = start(data).await;
    let there = Options { region: Some("us-west-2".into()), endpoint_url: Some(cloud.url.clone()), local: true };
    let there = Clients::load(&there).await.unwrap();
    make_writer(&aws).await;
    snapshot(&aws, "first").await;
    until_made(&aws, "first").await;
    let arn = "arn:aws:rds:eu-central-1:000000000000:cluster-snapshot:first";
    let copy = there.rds.copy_db_cluster_snapshot().source_db_cluster_snapshot_identifier(arn);
    copy.target_db_cluster_snapshot_identifier("second").send().await.unwrap();
    until_made(&there, "second").await;
    let shared = homes(data, "snapshot-");
    let delete = |aws: &Clients, name: &str| aws.rds.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(name);
    delete(&aws, "first").send().await.unwrap();
    cloud.stop().await;

    let [state, away] = ["state/000000000000/us-west-2.json", "away"].map(|name| data.join(name));
    fs::rename(&state, &away).unwrap();
    let (cloud, _) = start(data).await;
    assert!(said(data, &["status"]).contains(&format!("unknown    {}", shared[0])));
    // The next look at what is to go.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(homes(data, "snapshot-"), shared);
    cloud.stop().await;

    fs::rename(&away, &state).unwrap();
    let (cloud, _) = start(data).await;
    let there = Options { region: Some("us-west-2".into()), endpoint_url: Some(cloud.url.clone()), local: true };
    delete(&Clients::load(&there).await.unwrap(), "second").send().await.unwrap();
    until("the snapshots", "[]", || async { format!("{:?}", homes(data, "snapshot-")) }).await;
    cloud.stop().await;
}
