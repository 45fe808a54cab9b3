//! The local cloud's databases, for real: PostgreSQL and PgBouncer run, and clients get through them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
use aws_sdk_rds::types::{EngineFamily, ServerlessV2ScalingConfiguration, UserAuthConfig};
use infra::{
    aws::{Clients, Options},
    local::{self, Pace, Running},
};
use tokio_postgres::{Client, NoTls};

use crate::data_folder::DataFolder;

mod closed;
mod copies;
mod following;
mod kept;
mod left;
mod logs;
mod own;
mod reach;
mod rights;
mod servers;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"rds.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(crate) async fn start(data: &Path) -> (Running, Clients) {
    let options =
        local::Options { port: 0, data: data.into(), pace: Pace::Instant, services: Vec::new(), other_users: false };
    let cloud = local::start(options).await.unwrap();
    let options = Options { region: Some("eu-central-1".into()), endpoint_url: Some(cloud.url.clone()), local: true };
    let clients = Clients::load(&options).await.unwrap();
    (cloud, clients)
}

/// Asks until the answer is `wanted`.
pub(crate) async fn until<F: Future<Output = String>>(what: &str, wanted: &str, ask: impl Fn() -> F) {
    let start = Instant::now();
    let mut last = ask().await;
    while last != wanted {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} is {last:?} and not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        last = ask().await;
    }
}

pub(crate) async fn cluster(aws: &Clients) -> String {
    let answer = aws.rds.describe_db_clusters().db_cluster_identifier("shop").send().await;
    answer.map_or("gone".into(), |answer| answer.db_clusters()[0].status().unwrap_or_default().to_owned())
}

async fn health(aws: &Clients) -> String {
    let answer = aws.rds.describe_db_proxy_targets().db_proxy_name("shop").send().await.unwrap();
    let health = answer.targets()[0].target_health().unwrap();
    let reason = health.reason().map(|reason| format!(" {}", reason.as_str())).unwrap_or_default();
    format!("{}{reason}", health.state().unwrap().as_str())
}

/// A connection without TLS.
pub(crate) async fn connect(host: &str, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(5432).user("app").password(password).dbname("shop");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) struct Addresses {
    pub(crate) cluster: String,
    pub(crate) proxy: String,
    secret: String,
}

pub(crate) async fn add_instance(aws: &Clients) {
    let instance = aws.rds.create_db_instance().db_instance_identifier("shop-1").db_cluster_identifier("shop");
    instance.engine("aurora-postgresql").db_instance_class("db.serverless").send().await.unwrap();
    until("the instance", "available", || async {
        let answer = aws.rds.describe_db_instances().db_instance_identifier("shop-1").send().await.unwrap();
        answer.db_instances()[0].db_instance_status().unwrap().to_owned()
    })
    .await;
}

/// The whole database part of the stack, up to a healthy target.
pub(crate) async fn furnish(aws: &Clients) -> Addresses {
    let vpc = aws.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap();
    let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
    let mut subnets = Vec::new();
    for (number, zone) in ["a", "b"].iter().enumerate() {
        let subnet = aws.ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("10.0.{number}.0/24"));
        let subnet = subnet.availability_zone(format!("eu-central-1{zone}")).send().await.unwrap();
        subnets.push(subnet.subnet().unwrap().subnet_id().unwrap().to_owned());
    }
    let mut groups = Vec::new();
    for name in ["database", "proxy"] {
        let group = aws.ec2.create_security_group().vpc_id(&vpc).group_name(name).description(name).send().await;
        groups.push(group.unwrap().group_id().unwrap().to_owned());
    }
    let rds = &aws.rds;
    let group = rds.create_db_subnet_group().db_subnet_group_name("shop").db_subnet_group_description("shop");
    group.set_subnet_ids(Some(subnets.clone())).send().await.unwrap();
    let capacity = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(4.0).build();
    let made = rds.create_db_cluster().db_cluster_identifier("shop").engine("aurora-postgresql").database_name("shop");
    let made = made.master_username("app").master_user_password("first-99").db_subnet_group_name("shop");
    let made = made.vpc_security_group_ids(&groups[0]).serverless_v2_scaling_configuration(capacity).send().await;
    let made = made.unwrap().db_cluster().unwrap().clone();
    assert_eq!(made.status(), Some("creating"));
    until("the cluster", "available", || cluster(aws)).await;
    assert!(connect(made.endpoint().unwrap(), "first-99").await.is_err(), "a cluster answers without an instance");
    add_instance(aws).await;
    let role = aws.iam.create_role().role_name("proxy").assume_role_policy_document(TRUST).send().await.unwrap();
    let role = role.role().unwrap().arn().to_owned();
    let secret = aws.secretsmanager.create_secret().name("shop");
    let secret = secret.secret_string(r#"{"username":"app","password":"first-99"}"#).send().await.unwrap();
    let secret = secret.arn().unwrap().to_owned();
    let auth = UserAuthConfig::builder().secret_arn(&secret).build();
    let proxy = rds.create_db_proxy().db_proxy_name("shop").engine_family(EngineFamily::Postgresql).role_arn(&role);
    let proxy = proxy.auth(auth).set_vpc_subnet_ids(Some(subnets)).vpc_security_group_ids(&groups[1]).send().await;
    let proxy = proxy.unwrap().db_proxy().unwrap().endpoint().unwrap().to_owned();
    until("the proxy", "available", || async {
        let answer = rds.describe_db_proxies().db_proxy_name("shop").send().await.unwrap();
        answer.db_proxies()[0].status().unwrap().as_str().to_owned()
    })
    .await;
    rds.register_db_proxy_targets().db_proxy_name("shop").db_cluster_identifiers("shop").send().await.unwrap();
    until("the target without a role that may read", "UNAVAILABLE AUTH_FAILURE", || health(aws)).await;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"{secret}"}}]}}"#
    );
    aws.iam.put_role_policy().role_name("proxy").policy_name("read").policy_document(policy).send().await.unwrap();
    until("the target without a path", "UNAVAILABLE UNREACHABLE", || health(aws)).await;
    let peer = UserIdGroupPair::builder().group_id(&groups[1]).build();
    let rule =
        IpPermission::builder().ip_protocol("tcp").from_port(5432).to_port(5432).user_id_group_pairs(peer).build();
    aws.ec2.authorize_security_group_ingress().group_id(&groups[0]).ip_permissions(rule).send().await.unwrap();
    until("the target", "AVAILABLE", || health(aws)).await;
    Addresses { cluster: made.endpoint().unwrap().to_owned(), proxy, secret }
}

/// The one value of the one row that a query answers, as text.
pub(crate) async fn value(client: &Client, query: &str) -> String {
    let messages = client.simple_query(query).await.unwrap();
    let mut rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.next().unwrap_or_default().to_owned()
}

/// The process id of the one PostgreSQL server that runs on a data folder.
fn server_pid(data: &Path) -> String {
    let files =
        fs::read_dir(data.join("servers")).unwrap().map(|entry| entry.unwrap().path().join("data/postmaster.pid"));
    let files: Vec<String> = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_proxy_do_not_meet_what_others_leave_behind() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    let first = connect(&places.proxy, "first-99").await.unwrap();
    first.batch_execute("SET statement_timeout = 4711; SELECT pg_advisory_lock(7)").await.unwrap();
    let second = connect(&places.proxy, "first-99").await.unwrap();
    assert_eq!(value(&second, "SHOW statement_timeout").await, "0");
    assert_eq!(value(&second, "SELECT pg_try_advisory_lock(7)").await, "f");
    drop(first);
    until("the lock of a client that has gone", "t", || value(&second, "SELECT pg_try_advisory_lock(7)")).await;
    drop(second);
    for _ in 0..3 {
        let next = connect(&places.proxy, "first-99").await.unwrap();
        assert_eq!(value(&next, "SHOW statement_timeout").await, "0");
    }

    // It is the same connection that one client gets after the other, and nothing of the first one is left in it.
    let last = std::sync::Mutex::new(String::new());
    until("whose connection it is, and what is left in it", "the last one's, 0", || async {
        let Ok(client) = connect(&places.proxy, "first-99").await else { return "nobody's".into() };
        let left = value(&client, "SHOW statement_timeout").await;
        let pid = value(&client, "SELECT pg_backend_pid()").await;
        client.batch_execute("SET statement_timeout = 4711").await.unwrap();
        drop(client);
        let before = std::mem::replace(&mut *last.lock().unwrap(), pid.clone());
        format!("{}, {left}", if before == pid { "the last one's" } else { "another's" })
    })
    .await;

    // An idle client is sent away also after it has asked something.
    let idle = |seconds| aws.rds.modify_db_proxy().db_proxy_name("shop").idle_client_timeout(seconds).send();
    idle(1).await.unwrap();
    until("an idle client", "sent away", || async {
        let Ok(client) = connect(&places.proxy, "first-99").await else { return "refused".into() };
        if client.simple_query("SELECT 1").await.is_err() {
            return "refused".into();
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        client.simple_query("SELECT 2").await.map_or("sent away".into(), |_| "kept".into())
    })
    .await;
    idle(1800).await.unwrap();

    // A secret that is wrong for the database is told, and one that is right again is used.
    let secret = |password: &str| {
        let text = format!(r#"{{"username":"app","password":"{password}"}}"#);
        aws.secretsmanager.put_secret_value().secret_id(&places.secret).secret_string(text).send()
    };
    secret("second-99").await.unwrap();
    until("the target", "UNAVAILABLE AUTH_FAILURE", || health(&aws)).await;
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password("second-99");
    change.apply_immediately(true).send().await.unwrap();
    until("the target", "AVAILABLE", || health(&aws)).await;
    assert!(connect(&places.proxy, "first-99").await.is_err());
    assert!(connect(&places.cluster, "first-99").await.is_err());
    assert!(connect(&places.proxy, "second-99").await.is_ok());

    // TLS is demanded as soon as the proxy is told to.
    aws.rds.modify_db_proxy().db_proxy_name("shop").require_tls(true).send().await.unwrap();
    until("a client without TLS", "refused", || async {
        connect(&places.proxy, "second-99").await.map_or("refused".into(), |_| "accepted".into())
    })
    .await;
    cloud.stop().await;
    assert!(connect(&places.cluster, "second-99").await.is_err(), "a server goes on after the cloud was stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_the_daemon_and_its_snapshot_the_cluster() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    let client = connect(&places.cluster, "first-99").await.unwrap();
    client.batch_execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)").await.unwrap();
    cloud.stop().await;

    // The same servers are there again under another daemon, and stay when that one is killed.
    let mut daemon = daemon(data.path());
    let reachable = || async { connect(&places.proxy, "first-99").await.map_or("no".into(), |_| "yes".into()) };
    until("whether the database answers", "yes", reachable).await;
    let pid = server_pid(data.path());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let client = connect(&places.proxy, "first-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM kept").await, "2");
    drop(client);

    let (cloud, aws) = start(data.path()).await;
    aws.rds.delete_db_proxy().db_proxy_name("shop").send().await.unwrap();
    until("the proxy", "0", || async {
        aws.rds.describe_db_proxies().send().await.unwrap().db_proxies().len().to_string()
    })
    .await;
    assert!(connect(&places.proxy, "first-99").await.is_err(), "the proxy was deleted");
    assert_eq!(server_pid(data.path()), pid, "the server was started a second time");
    aws.rds.delete_db_instance().db_instance_identifier("shop-1").send().await.unwrap();
    until("the instances", "0", || async {
        aws.rds.describe_db_instances().send().await.unwrap().db_instances().len().to_string()
    })
    .await;
    let delete = aws.rds.delete_db_cluster().db_cluster_identifier("shop").final_db_snapshot_identifier("last");
    delete.send().await.unwrap();
    until("the cluster", "gone", || cluster(&aws)).await;
    assert!(connect(&places.cluster, "first-99").await.is_err(), "the cluster was deleted");
    let restore = aws.rds.restore_db_cluster_from_snapshot().snapshot_identifier("last").engine("aurora-postgresql");
    let capacity = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(4.0).build();
    let restore = restore.db_cluster_identifier("shop").db_subnet_group_name("shop");
    let restore = restore.serverless_v2_scaling_configuration(capacity).send().await.unwrap();
    until("the restored cluster", "available", || cluster(&aws)).await;
    let endpoint = restore.db_cluster().unwrap().endpoint().unwrap();
    assert!(connect(endpoint, "first-99").await.is_err(), "a restored cluster answers without an instance");
    add_instance(&aws).await;
    let client = connect(endpoint, "first-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM kept").await, "2");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_move_with_their_folder_and_are_never_made_anew_in_silence() {
    let folder = DataFolder::new();
    let first = folder.parent().join("first");
    let (cloud, aws) = start(&first).await;
    let places = furnish(&aws).await;
    let client = connect(&places.cluster, "first-99").await.unwrap();
    client.batch_execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)").await.unwrap();
    drop(client);
    cloud.stop().await;

    fs::rename(&first, folder.path()).unwrap();
    let another = DataFolder::new();
    start(another.path()).await.0.stop().await;
    let (cloud, _) = start(folder.path()).await;
    let reachable = || async { connect(&places.cluster, "first-99").await.map_or("no".into(), |_| "yes".into()) };
    until("whether the database answers", "yes", reachable).await;
    let client = connect(&places.cluster, "first-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM kept").await, "2");
    drop(client);
    cloud.stop().await;

    let homes = fs::read_dir(folder.path().join("servers")).unwrap().map(|entry| entry.unwrap().path());
    let data = homes.map(|home| home.join("data")).find(|data| data.exists()).unwrap();
    let away = data.with_file_name("away");
    fs::rename(&data, &away).unwrap();
    let (cloud, aws) = start(folder.path()).await;
    let told = || async {
        let events = aws.rds.describe_events().send().await.unwrap();
        let gone = |event: &aws_sdk_rds::types::Event| event.message().is_some_and(|text| text.contains("is gone"));
        events.events().iter().any(gone).to_string()
    };
    until("whether an event tells that the data is gone", "true", told).await;
    assert!(!data.exists(), "the data was made anew");
    fs::rename(&away, &data).unwrap();
    until("whether the database answers again", "yes", reachable).await;
    cloud.stop().await;
}

/// A cloud whose daemon is a process of its own.
fn daemon(data: &Path) -> std::process::Child {
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_infra"));
    daemon.args(["local", "start", "--foreground", "--port", "0", "--data"]).arg(data);
    daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What `infra local` says, and that it says so with success.
#[track_caller]
fn said(data: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_infra")).arg("local").args(arguments).arg("--data").arg(data).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_daemon_left_running_is_ended_by_stop_and_by_reset() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let places = furnish(&aws).await;
    cloud.stop().await;
    let answers = || async {
        let ways = [connect(&places.proxy, "first-99").await, connect(&places.cluster, "first-99").await];
        ways.iter().filter(|way| way.is_ok()).count().to_string()
    };
    for arguments in [&["stop"][..], &["reset", "--everything", "--yes"]] {
        let mut killed = daemon(&data);
        until("the ways into the database", "2", answers).await;
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(answers().await, "2", "the servers ended with their daemon");
        let servers = fs::canonicalize(data.join("servers")).unwrap();
        let told = said(&data, arguments);
        assert!(told.contains("had been killed; 2 database processes that it left running were stopped."), "{told}");
        assert_eq!(answers().await, "0", "{arguments:?} left servers running");
        let gone = arguments[0] == "reset";
        assert_eq!((data.exists(), servers.exists()), (!gone, !gone), "{arguments:?}");
        assert!(said(&data, &["stop"]).contains("No local cloud is running in"));
    }
    // Somebody's own folder is none of ours.
    for name in ["kept", "lock"] {
        fs::write(folder.parent().join(name), "").unwrap();
    }
    for arguments in [&["reset", "--everything", "--yes"][..], &["start", "--port", "0"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
        let refused = command.arg("local").args(arguments).arg("--data").arg(folder.parent()).output().unwrap();
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && why.contains("it holds kept and lock."), "{why}");
        assert_eq!(fs::read_dir(folder.parent()).unwrap().count(), 2);
    }
}
