//! The readers' server follows the writer's wherever both are, and is made anew where it never could again.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio_postgres::Client;

use super::{
    connect, daemon,
    servers::{answer, pair, reboot, until_available},
    start, until,
};
use crate::data_folder::DataFolder;

/// The folder of the readers' server, or of the writer's.
fn home(data: &Path, reader: bool) -> PathBuf {
    let servers = fs::canonicalize(data.join("servers")).unwrap();
    let mut homes = fs::read_dir(&servers).unwrap().map(|entry| entry.unwrap().path());
    homes.find(|home| home.join("data").exists() && home.to_string_lossy().ends_with("-reader") == reader).unwrap()
}

fn pid(home: &Path) -> String {
    fs::read_to_string(home.join("data/postmaster.pid")).unwrap().lines().next().unwrap().to_owned()
}

fn signal(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

/// Marks its data; what is made anew has no mark.
fn mark(home: &Path) -> PathBuf {
    let mark = home.join("data/mark");
    fs::write(&mark, "").unwrap();
    mark
}

const COUNT: &str = "SELECT count(*) FROM kept";

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_follows_also_where_the_folder_has_moved() {
    let folder = DataFolder::new();
    let first = folder.parent().join("first's");
    let (cloud, aws) = start(&first).await;
    let (writer, reader) = pair(&aws).await;
    connect(&writer, "first-99").await.unwrap().batch_execute("CREATE TABLE kept (id int)").await.unwrap();
    until("what the reader has", "0", || answer(&reader, COUNT)).await;
    cloud.stop().await;

    fs::rename(&first, folder.path()).unwrap();
    let link = folder.path().join("servers");
    if let Ok(servers) = fs::read_link(&link) {
        // Root's are elsewhere.
        let moved = servers.with_file_name(format!("{}-moved", servers.file_name().unwrap().to_string_lossy()));
        fs::rename(&servers, &moved).unwrap();
        fs::remove_file(&link).unwrap();
        symlink(&moved, &link).unwrap();
    }
    let mark = mark(&home(folder.path(), true));
    let (cloud, _) = start(folder.path()).await;
    until("the writer", "0", || answer(&writer, COUNT)).await;
    connect(&writer, "first-99").await.unwrap().batch_execute("INSERT INTO kept VALUES (1)").await.unwrap();
    until("what the reader has", "1", || answer(&reader, COUNT)).await;
    assert!(mark.exists(), "its data was made anew");
    cloud.stop().await;
}

/// Writes so many MB, and has what is older than need be removed from the log.
async fn write(client: &Client, megabytes: u32) {
    let rows = megabytes * 1000;
    let write = format!("INSERT INTO kept SELECT g, repeat('x', 1000) FROM generate_series(1, {rows}) AS g");
    for statement in [&write, "DELETE FROM kept", "CHECKPOINT", "INSERT INTO kept VALUES (1, '')", "CHECKPOINT"] {
        client.batch_execute(statement).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_made_anew_where_the_writer_has_no_more_what_it_lacks_and_only_there() {
    let folder = DataFolder::new();
    let data = folder.path();
    let (cloud, aws) = start(data).await;
    let (writer, reader) = pair(&aws).await;
    connect(&writer, "first-99").await.unwrap().batch_execute("CREATE TABLE kept (id int, text text)").await.unwrap();
    until("what the reader has", "0", || answer(&reader, COUNT)).await;

    // The writer's restart is no reason, nor its silence for a time: what it is asked for is still there.
    let home_of_reader = home(data, true);
    let mark = mark(&home_of_reader);
    reboot(&aws, "shop-1").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    until_available(&aws, "shop-1").await;
    until("what the reader has", "0", || answer(&reader, COUNT)).await;
    let silent = pid(&home(data, false));
    signal("-STOP", &silent);
    let following = "SELECT pid FROM pg_stat_wal_receiver";
    let receiver = answer(&reader, following).await;
    signal("-TERM", &receiver);
    tokio::time::sleep(Duration::from_secs(12)).await;
    signal("-CONT", &silent);
    until("whether it follows again", "true", || async {
        answer(&reader, following).await.parse::<u32>().is_ok().to_string()
    })
    .await;
    assert!(mark.exists(), "its data was made anew");
    cloud.stop().await;

    // Nor is it one that it lacks much, as long as the writer has it.
    for (megabytes, anew) in [(15, false), (90, true)] {
        let mut killed = daemon(data);
        until("what the reader has", if anew { "1" } else { "0" }, || answer(&reader, COUNT)).await;
        let client = connect(&writer, "first-99").await.unwrap();
        killed.kill().unwrap();
        killed.wait().unwrap();
        signal("-KILL", &pid(&home_of_reader));
        until("the reader", "no connection", || answer(&reader, COUNT)).await;
        write(&client, megabytes).await;
        client.batch_execute("TRUNCATE kept; INSERT INTO kept VALUES (1)").await.unwrap();
        if anew {
            client.batch_execute("INSERT INTO kept VALUES (2)").await.unwrap();
        }
        let (cloud, _) = start(data).await;
        until("what the reader has", if anew { "2 t" } else { "1 t" }, || {
            answer(&reader, "SELECT concat_ws(' ', count(*), pg_is_in_recovery()) FROM kept")
        })
        .await;
        assert_eq!(mark.exists(), !anew, "after {megabytes} MB");
        cloud.stop().await;
    }
}
