//! Initialized data folders, from which new servers' data is copied.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rand::Rng as _;

use super::{
    postgres::{Outcome, SUPERUSER, Servers, said, succeeded},
    programs::Programs,
};

/// Removes what killed daemons have begun of templates; none takes an hour.
fn remove_abandoned(templates: &Path) {
    for entry in fs::read_dir(templates).into_iter().flatten().flatten() {
        let begun = entry.file_name().to_string_lossy().starts_with("new-");
        let age = entry.metadata().and_then(|made| made.modified()).ok().and_then(|made| made.elapsed().ok());
        if begun && age.is_some_and(|age| age > Duration::from_secs(3600)) {
            // It is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Servers {
    /// An initialized data folder to copy from. initdb takes longer than everything else together, so it is run
    /// once for all local clouds of a user. There is nothing secret in it: nobody can log in by it.
    pub(super) async fn template(&self, programs: &Programs) -> Outcome<PathBuf> {
        let _one_at_a_time = self.making_template.lock().await;
        let version = programs.command(self.user, "postgres", &self.folder).arg("--version").output().await;
        let version = version.map_err(said("ask PostgreSQL for its version"))?;
        let version =
            String::from_utf8_lossy(&version.stdout).split_whitespace().nth(2).unwrap_or("unknown").to_owned();
        let templates = self.user.templates(&self.folder).map_err(said("make the folder of templates"))?;
        let data = templates.join(format!("postgres-{version}"));
        if data.exists() {
            return Ok(data);
        }
        remove_abandoned(&templates);
        let begun = templates.join(format!("new-{:016x}", rand::rng().random::<u64>()));
        self.user.make_folder(&begun).map_err(said("make the template's folder"))?;
        let locale = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };
        let mut initdb = programs.command(self.user, "initdb", &templates);
        initdb.args(["--encoding=UTF8", "--auth=reject", "--no-sync", "--wal-segsize=1", "--no-instructions"]);
        initdb.arg(format!("--locale={locale}")).arg(format!("--username={SUPERUSER}"));
        initdb.arg("--pgdata").arg(&begun);
        let made = succeeded("initialize PostgreSQL's data", self.finish(initdb).await);
        // Another daemon may have been faster; then its template is as good.
        let placed = fs::rename(&begun, &data);
        if made.is_err() || placed.is_err() {
            let _ = fs::remove_dir_all(&begun);
        }
        made?;
        if data.exists() { Ok(data) } else { placed.map(|()| data).map_err(said("put the template in place")) }
    }

    /// Begins the template before the first cluster is asked for.
    pub(super) async fn warm(&self, major: &str) {
        if let Ok(programs) = Programs::find(major).await {
            // A failure shows, with its reason, when a cluster needs it.
            let _ = self.template(&programs).await;
        }
    }
}
