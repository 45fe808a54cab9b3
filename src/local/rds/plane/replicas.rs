//! A server that follows another: whom it follows, and when it has to be made anew from it.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    listener::Listener,
    postgres::{Outcome, Servers, Wanted, succeeded},
    programs::Programs,
};

/// The server that another one follows.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) listener: Listener,
    /// What the parameter groups set there.
    pub(super) parameters: Vec<(String, String)>,
}

/// The name of the folder of the server behind a cluster's readers.
pub(crate) fn replica_name(name: &str) -> String {
    format!("{name}-reader")
}

/// The name of the folder of the cluster's first server, for that of either.
pub(super) fn primary_name(name: &str) -> &str {
    name.strip_suffix("-reader").unwrap_or(name)
}

impl Servers {
    /// Copies a server's data anew if it would not start with it. One that follows refuses to start with less (connections,
    /// locks, processes …) than the server that it follows once had, until it has read in the log that this one has less by
    /// now; and it reads the log only when it has started. See "Administrator Overview" of Hot Standby in PostgreSQL's manual.
    pub(super) async fn renew(&self, wanted: &Wanted, source: &Source, programs: &Programs) -> Outcome<()> {
        let home = self.folder.join(&wanted.name);
        self.admit(&source.listener).await?;
        let demanded = self.capacities(programs, &home).await?;
        let source = self.capacities(programs, &self.folder.join(&source.name)).await?;
        if exceeds(&demanded, &source) {
            self.put_away(&home).await?;
            self.make_data(wanted, programs, &home).await?;
        }
        self.forget_way(&home).await
    }

    /// Empties the file, which comes before the configuration's, where the program that made the copy has written down whom to follow,
    /// and by which files.
    async fn forget_way(&self, home: &Path) -> Outcome<()> {
        let file = home.join("data/postgresql.auto.conf");
        if !fs::read_to_string(&file).unwrap_or_default().contains("primary_conninfo") {
            return Ok(());
        }
        // As the user, to whom the file belongs, and who may have put anything in its place.
        let mut empty = self.user.command(Path::new("cp"), home);
        empty.arg("/dev/null").arg(&file);
        succeeded("empty the server's own settings", self.finish(empty).await)
    }

    /// What was last noted in a server's data of how much it takes at once.
    async fn capacities(&self, programs: &Programs, home: &Path) -> Outcome<Capacities> {
        let mut command = programs.command(self.user, "pg_controldata", home);
        let output = command.arg(home.join("data")).output().await;
        let text = output.as_ref().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let text = text.unwrap_or_default();
        succeeded("read the server's control data", output).map(|()| capacities(&text))
    }
}

/// By the name of the setting, as `pg_controldata` says it.
type Capacities = BTreeMap<String, u64>;

/// The settings that are numbers; those of another kind (`wal_level`) are nothing that one server demands of another.
fn capacities(text: &str) -> Capacities {
    let settings = text.lines().filter_map(|line| line.split_once(" setting:"));
    settings.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect()
}

fn exceeds(one: &Capacities, other: &Capacities) -> bool {
    one.iter().any(|(name, value)| other.get(name).is_some_and(|there| value > there))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of PostgreSQL 15.
    const TOLD: &str = "Database cluster state:               in archive recovery
Backup start location:                0/0
wal_level setting:                    replica
wal_log_hints setting:                off
max_connections setting:              300
max_worker_processes setting:         8
max_wal_senders setting:              10
max_prepared_xacts setting:           0
max_locks_per_xact setting:           64
track_commit_timestamp setting:       off
Maximum data alignment:               8
";

    #[test]
    fn what_a_server_demands_is_read_off_its_control_data() {
        let told = capacities(TOLD);
        let names = [
            ("max_connections", 300),
            ("max_locks_per_xact", 64),
            ("max_prepared_xacts", 0),
            ("max_wal_senders", 10),
            ("max_worker_processes", 8),
        ];
        assert_eq!(told, names.map(|(name, value)| (name.to_owned(), value)).into());
        for (line, other, renewed) in [
            ("max_connections setting:              300", "max_connections setting: 100", true),
            ("max_connections setting:              300", "max_connections setting: 400", false),
            ("max_locks_per_xact setting:           64", "max_locks_per_xact setting: 32", true),
            ("wal_level setting:                    replica", "wal_level setting: logical", false),
        ] {
            let source = capacities(&TOLD.replace(line, other));
            assert_ne!(TOLD, TOLD.replace(line, other), "{line}");
            assert_eq!(exceeds(&told, &source), renewed, "{other}");
        }
        assert!(!exceeds(&told, &told));
    }
}
