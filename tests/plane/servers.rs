//! What a cluster's servers do, writer's and readers', as their clients see it.

use std::{fs, process::Command, time::Duration};

use aws_sdk_rds::types::{ApplyMethod, DbCluster, Parameter};
use infra::aws::Clients;
use tokio_postgres::Client;

use super::{
    connect,
    copies::{snapshot, until_made},
    rights::said,
    start, until, value,
};
use crate::data_folder::DataFolder;

/// The status of an instance.
async fn instance(aws: &Clients, name: &str) -> String {
    let answer = aws.rds.describe_db_instances().db_instance_identifier(name).send().await.unwrap();
    answer.db_instances()[0].db_instance_status().unwrap().to_owned()
}

/// Makes a cluster of these instances.
pub(super) async fn make(aws: &Clients, names: &[&str]) -> DbCluster {
    aws.ec2.create_default_vpc().send().await.unwrap();
    let made = aws.rds.create_db_cluster().db_cluster_identifier("shop").engine("aurora-postgresql");
    let made = made.database_name("shop").master_username("app").master_user_password("first-99").send().await;
    for name in names {
        let instance = aws.rds.create_db_instance().db_instance_identifier(*name).db_cluster_identifier("shop");
        instance.engine("aurora-postgresql").db_instance_class("db.r6g.large").send().await.unwrap();
    }
    made.unwrap().db_cluster().unwrap().clone()
}

/// Gives the cluster a parameter group of its own with these values, and has its writer take them.
pub(super) async fn configure(aws: &Clients, values: &[(&str, &str)]) {
    let group = aws.rds.create_db_cluster_parameter_group().db_cluster_parameter_group_name("own").description("own");
    group.db_parameter_group_family("aurora-postgresql15").send().await.unwrap();
    let parameter = |(name, value): &(&str, &str)| {
        let parameter = Parameter::builder().parameter_name(*name).parameter_value(*value);
        parameter.apply_method(ApplyMethod::PendingReboot).build()
    };
    let set = aws.rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name("own");
    set.set_parameters(Some(values.iter().map(parameter).collect())).send().await.unwrap();
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").db_cluster_parameter_group_name("own");
    change.send().await.unwrap();
    until_available(aws, "shop-1").await;
    until("the cluster", "available", || super::cluster(aws)).await;
    reboot(aws, "shop-1").await;
}

/// Makes a cluster with a writer, and waits for it: where it answers, and its master user's session there.
pub(super) async fn make_writer(aws: &Clients) -> (String, Client) {
    let cluster = make(aws, &["shop-1"]).await;
    until_available(aws, "shop-1").await;
    let host = cluster.endpoint().unwrap().to_owned();
    let client = connect(&host, "first-99").await.unwrap();
    (host, client)
}

pub(super) async fn until_available(aws: &Clients, name: &str) {
    until(name, "available", || instance(aws, name)).await;
}

/// Makes a cluster of two instances, and gives the addresses of its writer and of its reader.
pub(super) async fn pair(aws: &Clients) -> (String, String) {
    let made = make(aws, &["shop-1", "shop-2"]).await;
    for name in ["shop-1", "shop-2"] {
        until_available(aws, name).await;
    }
    let reader = made.reader_endpoint().unwrap().to_owned();
    until("whether the readers' server is one of its own", "t", || answer(&reader, "SELECT pg_is_in_recovery()")).await;
    (made.endpoint().unwrap().to_owned(), reader)
}

/// What a new connection is answered, or that there is none.
pub(super) async fn answer(host: &str, query: &str) -> String {
    let Ok(client) = connect(host, "first-99").await else { return "no connection".into() };
    // It may end in between.
    let messages = client.simple_query(query).await.unwrap_or_default();
    let mut rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.next().unwrap_or("no answer").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_outlives_a_crash_and_reaches_the_reader_at_once() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (writer, reader) = pair(&aws).await;
    let client = connect(&writer, "first-99").await.unwrap();
    client.batch_execute("CREATE TABLE kept (id int)").await.unwrap();
    let other = connect(&writer, "first-99").await.unwrap();
    let pid = value(&other, "SELECT pg_backend_pid()").await;
    // What waits to be written is written after some 0.2 s in any case.
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.batch_execute("INSERT INTO kept VALUES (1)").await.unwrap();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    until("whether the crash was noticed", "true", || async { other.is_closed().to_string() }).await;
    let count = "SELECT count(*) FROM kept";
    until("what the writer has after the crash", "1", || async {
        // No answer is none; a wrong one does not become right.
        let told = answer(&writer, count).await;
        assert_ne!(told, "0", "what was committed is lost");
        told
    })
    .await;
    until("what the reader has after the crash", "1", || answer(&reader, count)).await;
    assert_eq!(answer(&reader, "SHOW wal_retrieve_retry_interval").await, "100ms");
    cloud.stop().await;
}

/// Sets parameters in the instance parameter group `own`.
async fn set(aws: &Clients, values: &[(&str, &str)]) {
    let parameters = values.iter().map(|(name, value)| {
        Parameter::builder()
            .parameter_name(*name)
            .parameter_value(*value)
            .apply_method(ApplyMethod::PendingReboot)
            .build()
    });
    let change = aws.rds.modify_db_parameter_group().db_parameter_group_name("own");
    change.set_parameters(Some(parameters.collect())).send().await.unwrap();
}

pub(super) async fn reboot(aws: &Clients, name: &str) {
    aws.rds.reboot_db_instance().db_instance_identifier(name).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_s_parameter_group_reaches_its_server() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (writer, reader) = pair(&aws).await;
    let group = aws.rds.create_db_parameter_group().db_parameter_group_name("own").description("own");
    group.db_parameter_group_family("aurora-postgresql15").send().await.unwrap();
    set(&aws, &[("work_mem", "9000"), ("max_connections", "150")]).await;
    let read = "SELECT concat_ws(' ', current_setting('work_mem'), current_setting('max_connections'))";
    for (name, host) in [("shop-1", &writer), ("shop-2", &reader)] {
        let change = aws.rds.modify_db_instance().db_instance_identifier(name).db_parameter_group_name("own");
        change.apply_immediately(true).send().await.unwrap();
        until("what it has read before its reboot", "4MB 200", || answer(host, read)).await;
        reboot(&aws, name).await;
        until(name, "9000kB 150", || answer(host, read)).await;
    }

    until_available(&aws, "shop-2").await;
    set(&aws, &[("max_connections", "262143")]).await;
    reboot(&aws, "shop-2").await;
    until("shop-2", "incompatible-parameters", || instance(&aws, "shop-2")).await;
    assert_eq!(instance(&aws, "shop-1").await, "available");
    assert_eq!(answer(&writer, read).await, "9000kB 150");
    // The writer's data can be copied all the same.
    snapshot(&aws, "meanwhile").await;
    until_made(&aws, "meanwhile").await;
    set(&aws, &[("max_connections", "160")]).await;
    reboot(&aws, "shop-2").await;
    until_available(&aws, "shop-2").await;
    until("the readers' server", "9000kB 160", || answer(&reader, read)).await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_a_reader_follows_by_opens_no_database() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (writer, reader) = pair(&aws).await;
    let servers = fs::canonicalize(data.path().join("servers")).unwrap();
    let homes = fs::read_dir(&servers).unwrap().map(|entry| entry.unwrap().path());
    let home = homes.into_iter().find(|home| home.to_string_lossy().ends_with("-reader")).unwrap();
    let client = connect(&writer, "first-99").await.unwrap();
    assert_eq!(said(&client, "CREATE EXTENSION dblink; CREATE TABLE kept (id int)").await, "");
    for user in ["rdsadmin", "rdsrepladmin"] {
        for database in ["shop", "rdsadmin"] {
            let open = format!(
                "SELECT dblink_connect('host={writer} dbname={database} user={user} sslmode=require \
                 sslcert={0}/client.crt sslkey={0}/client.key password=none')",
                home.display()
            );
            let told = said(&client, &open).await;
            assert_eq!(told, "could not establish connection", "{user} was let in to {database}");
        }
    }
    let rights = "SELECT concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication) FROM pg_roles
        WHERE rolname = 'rdsrepladmin'";
    assert_eq!(value(&client, rights).await, "f f f t");
    let dropped = said(&client, "DROP ROLE rdsrepladmin").await;
    assert!(dropped.contains("cannot be dropped because some objects depend on it"), "{dropped}");
    let followers = "SELECT string_agg(usename, ' ') FROM pg_stat_replication";
    assert_eq!(value(&client, followers).await, "rdsrepladmin");
    drop(client);
    cloud.stop().await;

    // One that followed as the superuser does so no more.
    let former = format!("primary_conninfo = 'host={writer} user=rdsadmin sslmode=require'\n");
    fs::write(home.join("data/postgresql.auto.conf"), former).unwrap();
    let (cloud, _) = start(data.path()).await;
    until("who follows", "rdsrepladmin", || answer(&writer, followers)).await;
    let client = connect(&writer, "first-99").await.unwrap();
    client.batch_execute("INSERT INTO kept VALUES (1)").await.unwrap();
    until("what the reader has", "1", || answer(&reader, "SELECT count(*) FROM kept")).await;
    cloud.stop().await;
}
