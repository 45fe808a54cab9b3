//! Cycles of deploy, change and destroy on one local cloud: it keeps nothing that it does not need.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    account::{Account, DELETE_DATA},
    number,
    plan::MIGRATIONS,
};
use crate::binary::Cloud;

/// What a cloud holds of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Burden {
    /// Memory of the daemon, in kilobytes.
    memory: u64,
    /// Its open files.
    files: usize,
    /// Its processes: PostgreSQL servers, poolers, and what they start.
    processes: usize,
    /// Folders of servers and poolers.
    folders: usize,
    /// Everything on the disk but the log, in kilobytes.
    disk: u64,
    /// Resources in the inventory.
    resources: usize,
}

impl Burden {
    fn of(cloud: &Cloud) -> Self {
        let data = cloud.folder().join("local").canonicalize().expect("the data folder");
        let status = cloud.infra(&["local", "status", "--json"]).succeeds().json();
        let daemon = Path::new("/proc").join(status["pid"].to_string());
        let memory = fs::read_to_string(daemon.join("status")).unwrap_or_default();
        let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let memory = resident.trim().trim_end_matches(" kB").parse().expect("kilobytes");
        let files = fs::read_dir(daemon.join("fd")).expect("the daemon runs").count();
        // Root's servers stand elsewhere, where their user can read; a link leads there.
        let servers = data.join("servers").canonicalize().expect("the servers' folder");
        let folders = fs::read_dir(&servers).expect("the servers' folder").count();
        let place = servers.display().to_string();
        let of_ours = |entry: &fs::DirEntry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&place)
        };
        let processes = fs::read_dir("/proc").expect("/proc").flatten().filter(of_ours).count();
        let elsewhere = if servers.starts_with(&data) { 0 } else { size(&servers) };
        let disk = (size(&data) + elsewhere) / 1024;
        Self { memory, files, processes, folders, disk, resources: cloud.inventory().len() }
    }
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        // The log is one line a call, and is put aside when the daemon starts.
        Ok(found) if entry.file_name() != "daemon.log" => found.len(),
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

/// A cycle; afterwards nothing is left.
fn cycle(account: &Account<'_>) {
    let description = |more: &str| {
        format!(
            "database: {{protect: false, on_destroy: delete}}\nsecret: {{on_destroy: purge}}\nproxy: {{}}\n\
             migrations: {{folder: {MIGRATIONS}, runner: lambda}}\nservice: {{image: \"public.ecr.aws/x/y:1\"}}\n{more}"
        )
    };
    account.describe(&description(""));
    account.run("deploy", &["--yes"]).succeeds();
    account.describe(&description("network: {zones: 3}\n"));
    account.run("deploy", &["--yes"]).succeeds();
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    assert_eq!(account.inventory(), [] as [&str; 0], "destroyed, and yet there is something left");
}

/// The burden when what was deleted has been cleared away behind the API.
fn settled(cloud: &Cloud, expected: Option<Burden>) -> Burden {
    let begun = Instant::now();
    loop {
        let burden = Burden::of(cloud);
        let settled = expected.map_or(burden.processes == 0, |first| {
            (burden.processes, burden.folders, burden.files) == (first.processes, first.folders, first.files)
        });
        if settled || begun.elapsed() > Duration::from_secs(20) {
            return burden;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn cycles_leave_nothing_behind() {
    let cloud = Cloud::start();
    let account = Account::new(&cloud);
    cycle(&account);
    let first = settled(&cloud, None);
    for _ in 0..2 {
        cycle(&account);
    }
    let last = settled(&cloud, Some(first));
    let counts = |burden: Burden| (burden.files, burden.processes, burden.folders, burden.resources);
    assert_eq!(counts(last), counts(first), "files, processes, folders, resources");
}

/// As many as the README says, with a table.
#[test]
#[ignore = "takes long: scripts/matrix runs it"]
fn soak() {
    let cloud = Cloud::start();
    let account = Account::new(&cloud);
    let cycles = number("INFRA_CYCLES", 100);
    let every = (cycles / 10).max(1);
    println!(
        "\n| cycles | memory kB | files | processes | folders | disk kB | resources |\n|---|---|---|---|---|---|---|"
    );
    let mut burdens = Vec::new();
    for number in 1..=cycles {
        cycle(&account);
        if number % every == 0 {
            let burden = settled(&cloud, burdens.first().copied());
            let Burden { memory, files, processes, folders, disk, resources } = burden;
            println!("| {number} | {memory} | {files} | {processes} | {folders} | {disk} | {resources} |");
            burdens.push(burden);
        }
    }
    let (Some(first), Some(last)) = (burdens.first(), burdens.last()) else { panic!("no cycle was played") };
    let counts = |burden: &Burden| (burden.files, burden.processes, burden.folders, burden.resources);
    assert_eq!(counts(last), counts(first), "files, processes, folders, resources");
    println!("Memory {} kB → {} kB, disk {} kB → {} kB.", first.memory, last.memory, first.disk, last.disk);
    // By the first measure all that is made once has been made; what grew by each cycle would show at the end.
    assert!(last.memory <= first.memory + first.memory / 5, "memory grows");
    let between = cycles - every;
    assert!(last.disk <= first.disk + between * REMEMBERED, "the disk fills");
}

/// Kilobytes that a cycle may leave in the state. What is deleted is remembered for as long as AWS does: a service, a connector
/// and a NAT gateway for an hour, a client token for some, an event for two weeks, the log group of a service for good.
/// A server's folder that stayed would be tens of thousands.
const REMEMBERED: u64 = 16;
