//! Copies of a running server's data, for a snapshot and for a server that is to follow it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    asking::ask,
    follower::{self, FOLLOWER},
    listener::Listener,
    postgres::{Outcome, Servers, Wanted, said, succeeded},
    programs::Programs,
};

/// Has the server keep its log until the session ends, from the beginning of the copy on: pg_basebackup's own slot comes only after
/// that, and by then a busy server may have removed it. A killed daemon's session may still be there for a moment.
const KEEP: &str = "SELECT pg_create_physical_replication_slot('rdsrepladmin_' || pg_backend_pid(), true, true)";

impl Servers {
    /// Whether a copy had been made, and the word of it was lost.
    pub(super) fn has_copied(&self, snapshot: &str) -> bool {
        self.folder.join(snapshot).join("data").exists()
    }

    /// Copies a running cluster's data, whole and consistent, as Aurora's snapshots of the storage are.
    pub(super) async fn copy(&self, wanted: &Wanted, snapshot: &str) -> Outcome<()> {
        let programs = Programs::find(&wanted.major).await?;
        let folder = self.folder.join(snapshot);
        if self.has_copied(snapshot) {
            return Ok(());
        }
        self.user.make_home(&folder).map_err(said("make the snapshot's folder"))?;
        let copied = self.backup(&wanted.listener, &programs, &folder, &[]).await;
        match fs::remove_file(folder.join("client.key")) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                copied.and(Err(said("remove the client's key")(cause)))
            }
            _ => copied,
        }
    }

    /// Copies the data of the server at `from` into `folder`/data.
    pub(super) async fn backup(
        &self,
        from: &Listener,
        programs: &Programs,
        folder: &Path,
        more: &[&str],
    ) -> Outcome<()> {
        let session = self.admit(from).await?;
        ask(&self.cloud, "have the server keep its log", session.batch_execute(KEEP)).await?;
        let (begun, data) = (self.begin(folder).await?, folder.join("data"));
        let mut backup = programs.command(self.user, "pg_basebackup", folder);
        let (certificate, key) = self.write_client(folder).map_err(said("write the client's key"))?;
        backup
            .env("PGOPTIONS", follower::options())
            .env("PGSSLMODE", "require")
            .env("PGSSLCERT", &certificate)
            .env("PGSSLKEY", &key);
        // What is written meanwhile is fetched meanwhile. The server would keep a manifest in a temporary file, and
        // `temp_file_limit` holds for who is no superuser.
        backup
            .args(["--checkpoint=fast", "--wal-method=stream", "--no-sync", "--no-manifest", "--no-password"])
            .args(more);
        backup.arg("--host").arg(&from.address).arg("--port").arg(from.port.to_string());
        backup.arg("--username").arg(FOLLOWER).arg("--pgdata").arg(&begun);
        let copied = succeeded("copy the cluster's data", self.finish(backup).await);
        drop(session);
        if copied.is_err() {
            // The next attempt begins anew, and there may be no room for both.
            let _ = tokio::fs::remove_dir_all(&begun).await;
        }
        copied?;
        fs::rename(&begun, &data).map_err(said("put the copied data in place"))
    }

    /// What lets a server or program of ours follow or copy another server; gives certificate and key.
    pub(super) fn write_client(&self, folder: &Path) -> io::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (folder.join("client.crt"), folder.join("client.key"));
        self.user.write(&certificate, &self.follower.certificate)?;
        self.user.write(&key, &self.follower.key)?;
        Ok((certificate, key))
    }
}
