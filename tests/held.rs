//! What a proxy's clients meet while its cluster is stopped, starts or reboots: they wait, as behind RDS Proxy.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use aws_sdk_rds::types::ConnectionPoolConfiguration;
use infra::aws::Clients;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    data_folder::DataFolder,
    plane::{cluster, connect, furnish, start, until, value},
};

/// What a new client of the proxy gets for its query: the answer, or why there is none.
async fn ask(proxy: &str) -> String {
    let answer = async {
        let client = connect(proxy, "first-99").await?;
        client.simple_query("SELECT 1").await
    };
    let Err(error) = answer.await else { return "answered".into() };
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

async fn let_wait(aws: &Clients, seconds: i32) {
    let pool = ConnectionPoolConfiguration::builder().connection_borrow_timeout(seconds).build();
    let modify = aws.rds.modify_db_proxy_target_group().db_proxy_name("shop").target_group_name("default");
    modify.connection_pool_config(pool).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_wait_while_their_cluster_is_stopped_or_reboots_and_the_first_after_it_gets_in() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    let proxy = places.proxy.as_str();

    // While it is stopped nobody waits for ever, and nobody is sent away before his time.
    let_wait(&aws, 2).await;
    aws.rds.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    until("the cluster", "stopped", || cluster(&aws)).await;
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(ask(proxy).await, "query_wait_timeout");
        let waited = begun.elapsed();
        assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(10), "{waited:?}");
    }

    // Who waits when it starts gets in, however long he has waited.
    let_wait(&aws, 60).await;
    let (first, second) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ask(proxy).await
        },
        async {
            let waiting = [ask(proxy), ask(proxy), ask(proxy)];
            let started = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                aws.rds.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
            };
            let (answers, ()) = tokio::join!(futures::future::join_all(waiting), started);
            answers
        }
    );
    assert_eq!((first.as_str(), second), ("answered", vec!["answered".to_owned(); 3]));
    until("the cluster", "available", || cluster(&aws)).await;

    // Nobody waited this time, and the first one to come gets in.
    aws.rds.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    until("the cluster", "stopped", || cluster(&aws)).await;
    aws.rds.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    until("the cluster", "available", || cluster(&aws)).await;
    assert_eq!(ask(proxy).await, "answered");

    // A reboot ends sessions, and turns away nobody who comes.
    let before = connect(&places.cluster, "first-99").await.unwrap();
    let started = "SELECT pg_postmaster_start_time()";
    let old = value(&before, started).await;
    aws.rds.reboot_db_instance().db_instance_identifier("shop-1").send().await.unwrap();
    let mut now = old.clone();
    while now == old {
        let said = ask(proxy).await;
        assert!(said == "answered" || said.contains("administrator command"), "{said}");
        if let Ok(client) = connect(&places.cluster, "first-99").await
            && let Ok(messages) = client.simple_query(started).await
            && let Some(tokio_postgres::SimpleQueryMessage::Row(row)) = messages.get(1)
        {
            now = row.get(0).unwrap().to_owned();
        }
    }
    cloud.stop().await;
}

/// The one server of a data folder, as soon as it begins to start, halted.
fn halted(data: &Path) -> Pid {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        for home in fs::read_dir(data.join("servers")).unwrap().flatten() {
            let number = fs::read_to_string(home.path().join("data/postmaster.pid")).unwrap_or_default();
            if let Some(server) = number.lines().next().and_then(|number| Pid::from_raw(number.parse().ok()?)) {
                kill_process(server, Signal::STOP).unwrap();
                return server;
            }
        }
    }
    panic!("no server starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_to_start_is_waited_for_by_the_cluster_and_by_its_clients() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    aws.rds.stop_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    until("the cluster", "stopped", || cluster(&aws)).await;
    let folder = data.path().to_owned();
    let server = tokio::task::spawn_blocking(move || halted(&folder));
    aws.rds.start_db_cluster().db_cluster_identifier("shop").send().await.unwrap();
    let server = server.await.unwrap();
    let waiting = tokio::spawn(async move { ask(&places.proxy).await });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((cluster(&aws).await, waiting.is_finished()), ("starting".into(), false));
    kill_process(server, Signal::CONT).unwrap();
    until("the cluster", "available", || cluster(&aws)).await;
    assert_eq!(waiting.await.unwrap(), "answered");
    cloud.stop().await;
}
