//! No server outlives its cloud, however that ends and whatever has become of its files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use infra::aws::{Clients, Options};

use super::{Addresses, connect, daemon, furnish, said, servers::make_writer, start, until};
use crate::data_folder::DataFolder;

/// The pid file of the one pooler.
fn pooler(servers: &Path) -> PathBuf {
    let homes = fs::read_dir(servers).unwrap().map(|entry| entry.unwrap().path());
    homes.map(|home| home.join("run/pid")).find(|file| file.exists()).unwrap()
}

fn pid(file: &Path) -> String {
    fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned()
}

/// Whether it runs; one that has ended is there until its parent asks how.
pub(super) fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let is_unburied = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']));
    !is_unburied && Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success()
}

async fn until_gone(pids: &[String]) {
    until("those that still run", "[]", || async {
        format!("{:?}", pids.iter().filter(|pid| lives(pid)).collect::<Vec<_>>())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_no_pid_file_names_is_ended_all_the_same() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let proxy = furnish(&aws).await.proxy;
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let file = pooler(&servers);
    // As one that has only begun: it has not written down its number.
    let forget = || {
        let pid = pid(&file);
        fs::remove_file(&file).unwrap();
        pid
    };
    let unknown = forget();
    cloud.stop().await;
    assert!(!lives(&unknown), "the end of the cloud left it running");

    let kill = |mut daemon: std::process::Child| {
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    };
    let started = || async {
        let daemon = daemon(&data);
        until("whether the pooler answers", "true", || async {
            (file.exists() && connect(&proxy, "first-99").await.is_ok()).to_string()
        })
        .await;
        daemon
    };
    kill(started().await);
    let unknown = forget();
    let daemon = started().await;
    assert!(!lives(&unknown), "another one runs beside it");

    kill(daemon);
    let unknown = forget();
    let told = said(&data, &["stop"]);
    assert!(told.contains("2 database processes that it left running were stopped."), "{told}");
    assert!(!lives(&unknown), "`stop` left it running");

    // Somebody removes the folder: no cloud will ever be started there again.
    kill(started().await);
    let unknown = [pid(&file), super::server_pid(&data)];
    fs::remove_dir_all(&servers).unwrap();
    fs::remove_dir_all(&data).unwrap();
    let another = DataFolder::new();
    let (cloud, _) = start(another.path()).await;
    until_gone(&unknown).await;
    cloud.stop().await;
}

#[test]
fn a_cloud_that_is_dropped_with_its_runtime_leaves_no_server_running() {
    let folder = DataFolder::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (cloud, pids) = runtime.block_on(async {
        let (cloud, aws) = start(folder.path()).await;
        furnish(&aws).await;
        let file = pooler(&folder.path().join("servers"));
        (cloud, [pid(&file), super::server_pid(folder.path())])
    });
    assert!(pids.iter().all(|pid| lives(pid)));
    drop(cloud);
    runtime.shutdown_background();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(until_gone(&pids));
}

/// Has a session of the server be busy for ever, and kills the server: gives the session's process.
#[cfg(target_os = "linux")]
async fn orphan(data: &Path, host: &str) -> String {
    let client = connect(host, "first-99").await.unwrap();
    let session = super::value(&client, "SELECT pg_backend_pid()").await;
    tokio::spawn(async move { client.batch_execute("DO $$ BEGIN LOOP END LOOP; END $$").await });
    let watcher = connect(host, "first-99").await.unwrap();
    let query = format!("SELECT query LIKE 'DO %' FROM pg_stat_activity WHERE pid = {session}");
    until("whether the session is busy", "t", || super::value(&watcher, &query)).await;
    assert!(Command::new("kill").args(["-KILL", &super::server_pid(data)]).status().unwrap().success());
    session
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_outlives_its_server_is_ended_before_another_one_starts_and_by_stop() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let (host, _) = make_writer(&aws).await;
    let answers = || async { connect(&host, "first-99").await.is_ok().to_string() };
    let session = orphan(&data, &host).await;
    until("whether the database answers again", "true", answers).await;
    assert!(!lives(&session), "it was left running");
    cloud.stop().await;

    let mut daemon = daemon(&data);
    until("whether the database answers", "true", answers).await;
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let session = orphan(&data, &host).await;
    assert!(lives(&session));
    let told = said(&data, &["stop"]);
    assert!(!lives(&session), "`stop` left it running: {told}");
    assert!(told.contains("that it left running w"), "{told}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_is_ended_by_a_reset_of_a_folder_that_is_gone() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let proxy = furnish(&aws).await.proxy;
    cloud.stop().await;
    let Ok(servers) = fs::read_link(data.join("servers")) else {
        // They are in the folder itself, and go with it.
        eprintln!("NOT TESTED: only root's servers are outside of the data folder.");
        return;
    };
    let mut daemon = daemon(&data);
    until("whether the proxy answers", "true", || async { connect(&proxy, "first-99").await.is_ok().to_string() })
        .await;
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let pids = [pid(&pooler(&servers)), super::server_pid(&data)];
    fs::remove_dir_all(&data).unwrap();
    let told = said(&data, &["reset", "--everything", "--yes"]);
    assert!(told.contains("2 database processes that it left running were stopped."), "{told}");
    assert_eq!(pids.map(|pid| lives(&pid)), [false, false]);
    assert!(!servers.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_daemon_lives_are_left_alone_though_their_folder_has_moved() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let proxy = furnish(&aws).await.proxy;
    cloud.stop().await;
    let mut daemon = daemon(&data);
    until("whether the proxy answers", "true", || async { connect(&proxy, "first-99").await.is_ok().to_string() })
        .await;
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let pids = [pid(&pooler(&servers)), super::server_pid(&data)];
    // Its daemon would otherwise begin to put right what it misses.
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &daemon.id().to_string()]).status().unwrap().success());
    };
    signal("-STOP");
    let moved = servers.with_file_name("moved-while-it-ran");
    fs::rename(&servers, &moved).unwrap();
    let another = DataFolder::new();
    let (cloud, _) = start(another.path()).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let left = pids.each_ref().map(|pid| lives(pid));
    cloud.stop().await;
    fs::rename(&moved, &servers).unwrap();
    signal("-CONT");
    assert_eq!(left, [true, true], "the start of another cloud ended them");
    assert!(said(&data, &["stop"]).contains("stopped"));
    daemon.wait().unwrap();
}

/// Clients of the cloud that has just been started on this folder.
async fn clients(data: &Path) -> Clients {
    let url = || async {
        let mut status = Command::new(env!("CARGO_BIN_EXE_infra"));
        let told = status.args(["local", "status", "--json", "--data"]).arg(data).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        status["endpoint"].as_str().map(str::to_owned)
    };
    until("whether it runs", "true", || async { url().await.is_some().to_string() }).await;
    let options = Options { region: Some("eu-central-1".into()), endpoint_url: url().await, local: true };
    Clients::load(&options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_whose_folder_is_replaced_leaves_the_next_one_alone() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let first = Mutex::new(daemon(&data));
    let old = clients(&data).await;
    furnish(&old).await;
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let pids = [pid(&pooler(&servers)), super::server_pid(&data)];
    fs::remove_dir_all(&data).unwrap();
    if servers.exists() {
        // Root's are elsewhere.
        fs::remove_dir_all(&servers).unwrap();
    }
    let mut second = daemon(&data);
    let new = clients(&data).await;
    // Who calls the first one is told, and it ends.
    assert!(old.ec2.create_vpc().cidr_block("10.1.0.0/16").send().await.is_err());
    let Addresses { cluster, proxy, .. } = furnish(&new).await;
    let has_ended = || async { first.lock().unwrap().try_wait().unwrap().is_some().to_string() };
    until("whether the first one has ended", "true", has_ended).await;
    until_gone(&pids).await;
    for place in [&cluster, &proxy] {
        let client = connect(place, "first-99").await.unwrap();
        assert_eq!(super::value(&client, "SELECT 1").await, "1");
    }
    assert!(new.rds.describe_db_clusters().db_cluster_identifier("shop").send().await.is_ok());
    assert!(said(&data, &["stop"]).contains("The local cloud has stopped."));
    second.wait().unwrap();
    let mut third = daemon(&data);
    assert_eq!(clients(&data).await.rds.describe_db_clusters().send().await.unwrap().db_clusters().len(), 1);
    said(&data, &["stop"]);
    third.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_copy_of_a_folder_leaves_the_originals_servers_alone() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let (cloud, aws) = start(&data).await;
    let places = furnish(&aws).await;
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let pids = [pid(&pooler(&servers)), super::server_pid(&data)];
    let client = connect(&places.proxy, "first-99").await.unwrap();
    let copy = folder.parent().join("copy");
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&copy).status().unwrap().success());
    let told = said(&copy, &["stop"]);
    assert!(told.contains("No local cloud is running in "), "{told}");
    let told = said(&copy, &["reset", "--everything", "--yes"]);
    assert!(told.contains("have been deleted") && !told.contains("killed") && !copy.exists(), "{told}");
    assert_eq!(pids.map(|pid| lives(&pid)), [true, true]);
    assert_eq!(super::value(&client, "SELECT 1").await, "1", "a session was broken");
    drop(client);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_cloud_left_in_the_same_place_is_told_of_and_deleted_by_another_reset() {
    let folder = DataFolder::new();
    let data = folder.path().to_owned();
    let mut first = daemon(&data);
    until("whether it has a folder for servers", "true", || async { data.join("servers").exists().to_string() }).await;
    let servers = fs::read_link(data.join("servers"));
    let unknown = "cluster-AAAAAAAAAAAAAAAAAAAAAAAAAA";
    if let Ok(servers) = &servers {
        // A database of which no state knows, all at once.
        fs::create_dir_all(servers.join("new/data")).unwrap();
        fs::write(servers.join("new/unknown"), "").unwrap();
        fs::rename(servers.join("new"), servers.join(unknown)).unwrap();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    // Elsewhere than with root they are in the folder itself, and go with it.
    let Ok(servers) = servers else { return };
    fs::remove_dir_all(&data).unwrap();
    let mut second = daemon(&data);
    clients(&data).await;
    let reset = ["reset", "--everything", "--yes"];
    let told = said(&data, &reset);
    assert!(
        told.contains(&format!("An earlier local cloud in this place has left databases or snapshots ({unknown})")),
        "{told}"
    );
    assert!(servers.exists());
    second.wait().unwrap();
    let told = said(&data, &reset);
    assert!(!told.contains("earlier") && !servers.exists(), "{told}");
}
