//! The servers that run where no daemon is to go on with them: those that a killed one left running, and those that nobody knows.

mod orphans;

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::future::join_all;
use rustix::process::Signal;

use super::{
    process::{Kind, Process, Running},
    system_folder::{copied_from, is_abandoned},
};
use crate::local::cloud::Cloud;

/// Ends the servers and poolers of a data folder, which the caller has locked; answers how many there were. `data` is the
/// folder's canonical path, as their arguments have it. What a copy's link leads to is the original's, which has its own lock.
pub(crate) async fn end_left_behind(data: &Path) -> usize {
    if copied_from(data).is_some() {
        return 0;
    }
    end_in(&servers_of(data)).await
}

/// Ends the servers and poolers of the cloud of this process; answers how many there were.
pub(crate) async fn end_own(cloud: &Cloud) -> usize {
    end(|kind| own(cloud, kind), || own_orphans(cloud)).await
}

/// Tells them to end, and does not wait for it.
pub(crate) fn signal_own(cloud: &Cloud) {
    for kind in [Kind::Pooler, Kind::Server] {
        own(cloud, kind).into_iter().for_each(|process| process.signal(kind.end()));
    }
    own_orphans(cloud).into_iter().for_each(|process| process.signal(Signal::TERM));
}

/// Those of the cloud of this process. Where another cloud has come in its folder's place, what that one runs is not: it has its
/// own daemon, and its folders are there. Root's folders always are: those that no data folder leads to any more are this cloud's
/// as long as no other one has signed them.
fn own(cloud: &Cloud, kind: Kind) -> Vec<Process> {
    let folder = cloud.servers.get().cloned();
    if cloud.is_there() {
        return find(kind, &folder.unwrap_or_else(|| servers_of(&cloud.data)));
    }
    let is_abandoned = folder.as_ref().is_some_and(|folder| is_abandoned(folder, &cloud.data));
    let is_ours =
        |one: &Running| one.is_child() || (!one.is_led() && (is_abandoned || !one.home.exists()) && one.is_here());
    let running = folder.iter().flat_map(|folder| running(kind, folder));
    running.filter(is_ours).map(|one| one.process).collect()
}

/// What has outlived the servers of the cloud of this process, where no other cloud can have come in its folder's place.
fn own_orphans(cloud: &Cloud) -> Vec<Process> {
    let folder = || cloud.servers.get().cloned().unwrap_or_else(|| servers_of(&cloud.data));
    if cloud.is_there() { orphans::of(homes(&folder())) } else { Vec::new() }
}

/// Where the servers of a data folder are: root's are elsewhere.
fn servers_of(data: &Path) -> PathBuf {
    let place = data.join("servers");
    fs::read_link(&place).unwrap_or(place)
}

/// Ends what runs from the homes in this folder, which may be gone; answers how many there were.
pub(super) async fn end_in(folder: &Path) -> usize {
    end(|kind| find(kind, folder), || orphans::of(homes(folder))).await
}

async fn end(find: impl Fn(Kind) -> Vec<Process>, orphans: impl Fn() -> Vec<Process>) -> usize {
    let mut ended = 0;
    // Poolers first: a server waits for nobody then.
    for kind in [Kind::Pooler, Kind::Server] {
        let found = find(kind);
        ended += found.len();
        join_all(found.into_iter().map(|process| process.stop(kind.end()))).await;
    }
    let orphans = orphans();
    ended += orphans.len();
    join_all(orphans.into_iter().map(|process| process.stop(Signal::TERM))).await;
    ended
}

/// The folders in which servers and poolers are.
fn homes(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Those that their pid files name, and those of which there is none: one that has only begun, and one whose folder is gone.
fn find(kind: Kind, folder: &Path) -> Vec<Process> {
    let mut found: Vec<Process> = homes(folder).filter_map(|home| Process::find(kind, &home)).collect();
    for one in running(kind, folder).filter(Running::is_here) {
        if !found.contains(&one.process) {
            found.push(one.process);
        }
    }
    found
}

/// Those whose home is, or was, in this folder.
fn running(kind: Kind, folder: &Path) -> impl Iterator<Item = Running> {
    Running::all().into_iter().filter(move |one| one.kind == kind && one.home.parent() == Some(folder))
}

/// Ends what runs from this home, whatever its pid file says, and what has outlived a server there.
pub(super) async fn end_at(kind: Kind, home: &Path) {
    let running = Running::all().into_iter().filter(|one| one.kind == kind && one.home == home);
    join_all(running.filter(Running::is_here).map(|one| one.process.stop(kind.end()))).await;
    if kind == Kind::Server {
        join_all(orphans::of([home.to_owned()]).into_iter().map(|process| process.stop(Signal::TERM))).await;
    }
}

/// Ends those whose folder has been removed or moved, whichever cloud they belonged to: no other would find them. PostgreSQL ends
/// by itself after a while, PgBouncer never does. Those whose daemon lives are its own to end.
pub(super) async fn end_strays() {
    let strays = Running::all().into_iter().filter(|one| {
        let name = one.home.file_name().unwrap_or_default().to_string_lossy();
        ["prx-", "cluster-"].iter().any(|prefix| name.starts_with(prefix)) && one.is_stray() && !one.is_led()
    });
    join_all(strays.map(|one| one.process.stop(one.kind.end()))).await;
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        os::unix::process::CommandExt as _,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::local::{daemon::folder::Lock, pace::Pace, rds::plane::system::User};

    #[tokio::test]
    async fn what_root_runs_elsewhere_ends_with_its_cloud_unless_another_cloud_has_it() {
        let scratch = tempfile::tempdir().unwrap();
        let scratch = scratch.path().canonicalize().unwrap();
        let (data, folder) = (scratch.join("local"), scratch.join("system"));
        let home = folder.join("prx-0c");
        for made in [&data, &home] {
            fs::create_dir_all(made).unwrap();
        }
        // Where it is gone, whichever cloud begins ends what ran there.
        fs::write(home.join("pgbouncer.ini"), "").unwrap();
        let sign = |owner: &Path| fs::write(folder.join("data-folder"), owner.display().to_string()).unwrap();
        sign(&data);
        let mut cloud = Cloud::open(&data, Pace::Instant, Vec::new()).unwrap();
        cloud.lock = Some(Lock::take(&data).await.unwrap());
        cloud.servers.set(folder.clone()).unwrap();

        // As one that was adopted: its parent has ended.
        let Ok(user) = User::choose() else { return };
        let (user, group) = user.numbers();
        let called = format!("/usr/sbin/pgbouncer {}/pgbouncer.ini", home.display());
        let script = r#"exec 3<&0; /bin/sh -c "echo; read line" "$0" <&3 &"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, &called]).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        if rustix::process::geteuid().is_root() {
            command.uid(user).gid(group);
        }
        let mut shell = command.spawn().unwrap();
        let _waits = shell.stdin.take();
        shell.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        shell.wait().unwrap();

        fs::remove_dir_all(&data).unwrap();
        assert!(!cloud.is_there());
        sign(&scratch.join("moved"));
        assert!(own(&cloud, Kind::Pooler).is_empty(), "a cloud on the folder that was moved has taken it over");
        sign(&data);
        fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&folder, data.join("servers")).unwrap();
        assert!(own(&cloud, Kind::Pooler).is_empty(), "a cloud on the folder that was put back has it");
        fs::remove_dir_all(&data).unwrap();
        assert_eq!(end_own(&cloud).await, 1);
        assert_eq!(running(Kind::Pooler, &folder).count(), 0);
    }
}
