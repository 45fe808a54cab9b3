//! One PostgreSQL server per cluster: made from a template, configured by the parameter group, kept running.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tokio::process::Command;

use super::{
    certificates::{Authority, Signed},
    follower::FOLLOWER,
    following::Followers,
    holding::Holding,
    left_behind::end_at,
    listener::Listener,
    master_user::BY_TOKEN,
    member_endpoints::Member,
    own_database::OWN,
    process::{Kind, Process},
    programs::Programs,
    relay::Relays,
    replicas::{Source, replica_name},
    settings,
    system::{self, User},
};
use crate::local::cloud::Cloud;
use crate::local::rds::{
    instances::{boot::is_static, incompatible::not_started},
    phase::Password,
};

/// The superuser, which AWS keeps to itself as well.
pub(super) const SUPERUSER: &str = "rdsadmin";

/// What a cluster's server is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The cluster's resource id: the name of its folder.
    pub(crate) name: String,
    pub(super) major: String,
    pub(crate) listener: Listener,
    pub(super) username: String,
    pub(super) password: Password,
    /// How often it has been given.
    pub(super) passwords: u64,
    pub(super) database: Option<String>,
    /// What the parameter groups set.
    pub(crate) parameters: Vec<(String, String)>,
    /// The same for the readers' server: one stands behind all readers, so it is the first one's.
    pub(crate) readers_parameters: Vec<(String, String)>,
    /// Grows with every restart that was asked for.
    pub(super) restarts: u64,
    /// Whether its data has been made before: if it is gone then, it is lost, and not made anew in silence.
    pub(super) made: bool,
    /// The snapshot that a new one's data comes from.
    pub(super) origin: Option<String>,
    /// The address of the readers' endpoint.
    pub(super) reader: Option<Listener>,
    /// Whether a server of its own answers there, which the cluster has as soon as it has a reader.
    pub(crate) replicated: bool,
    /// The instances that are served.
    pub(crate) members: Vec<Member>,
    /// The poolers that lead to this server, and those that lead to its readers' endpoint.
    pub(super) poolers: Vec<String>,
    pub(super) reading_poolers: Vec<String>,
    /// The server that this one follows, read-only.
    pub(super) source: Option<Source>,
}

impl Wanted {
    /// Whether its users may replicate: as far as Aurora has it, that is a matter of this parameter.
    pub(super) fn replicates(&self) -> bool {
        self.parameters.iter().any(|(name, value)| name == "rds.logical_replication" && value == "1")
    }

    /// The server behind the readers' endpoint, where it is one of its own.
    fn replica(&self) -> Option<Self> {
        let listener = self.reader.clone().filter(|_| self.replicated)?;
        let parameters = self.parameters.clone();
        let source = Some(Source { name: self.name.clone(), listener: self.listener.clone(), parameters });
        let (reader, replicated, parameters) = (None, false, self.readers_parameters.clone());
        let (name, made) = (replica_name(&self.name), false);
        let (poolers, reading_poolers) = (self.reading_poolers.clone(), Vec::new());
        let own = Self { name, listener, made, reader, replicated, parameters, source, ..self.clone() };
        Some(Self { poolers, reading_poolers, ..own })
    }
}

/// What all servers of one local cloud share.
pub(super) struct Servers {
    pub(super) cloud: Arc<Cloud>,
    pub(super) user: User,
    /// The folder with one folder for each server, pooler and snapshot.
    pub(super) folder: PathBuf,
    pub(super) authority: Authority,
    /// What lets the daemon in as the superuser. Every daemon makes one for itself, in memory alone; those of former daemons, which
    /// nothing revokes, are valid as long as the authority is.
    pub(super) superuser: Signed,
    /// What lets a server follow another one, or a program copy it: the same, but in files.
    pub(super) follower: Signed,
    pub(super) making_template: tokio::sync::Mutex<()>,
    pub(super) relays: Relays,
    pub(super) followers: Followers,
    pub(super) holding: Holding,
}

/// How long a server may take to answer. It may have much to read back after a crash, on a machine with much else to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Why something was not waited for.
pub(super) const STOPPING: &str = "The local cloud is about to stop.";

/// Why a server does not run: a sentence.
pub(super) type Outcome<T> = Result<T, String>;

pub(super) fn said(what: &str) -> impl Fn(io::Error) -> String {
    move |cause| format!("Could not {what}: {cause}.")
}

/// What a server takes over only when it starts.
fn begun(wanted: &Wanted) -> String {
    let statics = wanted.parameters.iter().filter(|(name, _)| is_static(name));
    let statics: String = statics.map(|(name, value)| format!(" {name}={value:?}")).collect();
    let follows = wanted.source.as_ref().map(|_| format!(" {FOLLOWER}")).unwrap_or_default();
    format!("{} {:?}{statics}{follows}", wanted.restarts, wanted.listener)
}

pub(super) fn succeeded(what: &str, output: io::Result<Output>) -> Outcome<()> {
    let output = output.map_err(said(what))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let text: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(format!("Could not {what}: {}.", text.join(" / ")))
}

impl Servers {
    pub(super) async fn finish(&self, command: Command) -> io::Result<Output> {
        User::finish(command, &self.cloud).await
    }

    fn home(&self, wanted: &Wanted) -> PathBuf {
        self.folder.join(&wanted.name)
    }

    fn process(&self, name: &str) -> Option<Process> {
        Process::find(Kind::Server, &self.folder.join(name))
    }

    pub(super) fn runs(&self, name: &str) -> bool {
        self.process(name).is_some()
    }

    /// Makes a cluster's servers run as wanted. Repeated calls cost next to nothing.
    pub(super) async fn ensure(&self, wanted: &Wanted) -> Outcome<()> {
        match self.ensure_server(wanted).await {
            // It runs, but for a setting or a password: that keeps nobody from reading.
            Err(why) if self.runs(&wanted.name) => self.ensure_readers(wanted).await.and(Err(why)),
            Err(why) => Err(why),
            Ok(()) => self.ensure_readers(wanted).await,
        }
    }

    async fn ensure_readers(&self, wanted: &Wanted) -> Outcome<()> {
        if let Some(replica) = wanted.replica() {
            self.forget_lost(wanted, &replica).await?;
            // Until all is ready for it, the endpoint leads to the writer.
            self.prepare(&replica).await?;
            if self.process(&replica.name).is_none() {
                self.hold(&replica.poolers);
            }
            self.relays.end(&wanted.name).await;
            return match self.ensure_server(&replica).await {
                Ok(()) => Ok(()),
                Err(why) => {
                    self.stop(&replica.name).await;
                    self.lead_readers(wanted).await?;
                    Err(why)
                }
            };
        }
        let replica = replica_name(&wanted.name);
        if self.process(&replica).is_some() {
            self.hold(&wanted.reading_poolers);
            self.stop(&replica).await;
        }
        self.lead_readers(wanted).await
    }

    /// Has the readers' endpoint lead to the writer.
    pub(super) async fn lead_readers(&self, wanted: &Wanted) -> Outcome<()> {
        let Some(reader) = &wanted.reader else { return Ok(()) };
        let led = self.relays.lead(&wanted.name, reader, &wanted.listener).await;
        // A proxy's endpoint for reading never leads to the writer: its clients wait for a reader.
        self.hold(&wanted.reading_poolers);
        led.map_err(said("listen at the readers' endpoint"))
    }

    /// Makes a cluster's data, for when it gets its first instance. Repeated calls cost next to nothing.
    pub(super) async fn prepare(&self, wanted: &Wanted) -> Outcome<()> {
        let home = self.home(wanted);
        self.user.make_home(&home).map_err(said("make the server's folder"))?;
        let data = home.join("data");
        if data.exists() {
            return Ok(());
        }
        if wanted.made {
            return Err(format!(
                "The cluster's data is gone: there is no {}. Put it back, or delete the cluster; its snapshots can be \
                 restored",
                data.display()
            ));
        }
        let programs = Programs::find(&wanted.major).await?;
        self.make_data(wanted, &programs, &home).await
    }

    async fn ensure_server(&self, wanted: &Wanted) -> Outcome<()> {
        self.prepare(wanted).await?;
        let programs = Programs::find(&wanted.major).await?;
        let home = self.home(wanted);
        self.user.shorten(&home).map_err(said("put the server's log aside"))?;
        self.write_extensions(&programs, &wanted.major, &home).await?;
        let changed = self.configure(wanted, &programs, &home).map_err(said("write the server's configuration"))?;
        let restart = fs::read_to_string(home.join("begun")).is_ok_and(|last| last != begun(wanted));
        if let Some(process) = self.process(&wanted.name) {
            if restart {
                self.hold_all(wanted);
                process.stop(Kind::Server.end()).await;
            } else if changed {
                process.signal(Signal::HUP);
            }
        }
        if self.process(&wanted.name).is_none() {
            self.hold_all(wanted);
            // One that a killed daemon had just started, and that has no pid file yet.
            end_at(Kind::Server, &home).await;
            if let Some(source) = &wanted.source {
                self.renew(wanted, source, &programs).await?;
            }
            self.start(wanted, &programs, &home).await?;
        }
        // What it follows has been prepared, and it repeats that.
        let applied = if wanted.source.is_some() { Ok(()) } else { self.apply(wanted, &home).await };
        self.let_in(&wanted.poolers);
        applied
    }

    /// Stops it if it runs.
    pub(super) async fn stop(&self, name: &str) {
        self.relays.end(name).await;
        self.relays.keep(&format!("{name}/"), &[]).await;
        if let Some(process) = self.process(name) {
            process.stop(Kind::Server.end()).await;
        }
    }

    /// A new server's data: that of the server it follows, a snapshot's, or the template's.
    pub(super) async fn make_data(&self, wanted: &Wanted, programs: &Programs, home: &Path) -> Outcome<()> {
        if let Some(source) = &wanted.source {
            return self.backup(&source.listener, programs, home, &["--write-recovery-conf"]).await;
        }
        let source = match &wanted.origin {
            Some(snapshot) => self.folder.join(snapshot).join("data"),
            None => self.template(programs).await?,
        };
        let (begun, data) = (self.begin(home).await?, home.join("data"));
        let mut copy = self.user.command(Path::new("cp"), home);
        copy.arg("-Rp").arg(source.join(".")).arg(&begun);
        succeeded("copy the server's data", self.finish(copy).await)?;
        fs::rename(&begun, &data).map_err(said("put the server's data in place"))
    }

    fn configure(&self, wanted: &Wanted, programs: &Programs, home: &Path) -> io::Result<bool> {
        let certified = self.certify(home, &wanted.addresses())?;
        if wanted.source.is_some() {
            self.write_client(home)?;
        }
        let forced = wanted.parameters.iter().any(|(name, value)| name == "rds.force_ssl" && value == "1");
        let kind = if forced { "hostssl" } else { "host" };
        // As in RDS, a password is of no use to who has been granted `rds_iam`; and there are no tokens here.
        let access = format!(
            "hostssl all {SUPERUSER} 127.0.0.0/8 cert\nhostssl replication {FOLLOWER} 127.0.0.0/8 cert\n\
             host all {FOLLOWER} 127.0.0.0/8 reject\nhost {OWN} all 127.0.0.0/8 reject\n\
             host all +{BY_TOKEN} 127.0.0.0/8 reject\n{kind} all all 127.0.0.0/8 scram-sha-256\n"
        );
        let access = self.user.write(&home.join("pg_hba.conf"), &access)?;
        let settings = settings::of(wanted, programs, home);
        let text: String = settings
            .iter()
            .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''")))
            .collect();
        Ok(self.user.write(&home.join("postgresql.conf"), &text)? || access || certified)
    }

    /// Puts the certificate of a listener into a server's or pooler's folder. Answers whether it is a new one.
    pub(super) fn certify(&self, home: &Path, addresses: &[String]) -> io::Result<bool> {
        let stamp = home.join("server.address");
        let addressed = addresses.join(" ");
        if fs::read_to_string(&stamp).is_ok_and(|last| last == addressed) {
            return Ok(false);
        }
        let signed = self.authority.sign(addresses)?;
        self.user.write(&home.join("ca.pem"), &self.authority.certificate)?;
        self.user.write(&home.join("server.crt"), &signed.certificate)?;
        self.user.write(&home.join("server.key"), &signed.key)?;
        self.user.write(&stamp, &addressed)
    }

    async fn start(&self, wanted: &Wanted, programs: &Programs, home: &Path) -> Outcome<()> {
        // A server that was killed leaves it behind, and its number may be another process's by now.
        let _ = fs::remove_file(Kind::Server.pid_file_in(home));
        let mut command = programs.command(self.user, "postgres", home);
        command.arg("-D").arg(home.join("data"));
        command.arg("-c").arg(format!("config_file={}", home.join("postgresql.conf").display()));
        let server = self.user.start(command, home, &self.cloud).map_err(said("start PostgreSQL"))?;
        self.user.write(&home.join("begun"), &begun(wanted)).map_err(said("note the server's start"))?;
        let until = Instant::now() + PATIENCE;
        while server.runs() && Instant::now() < until {
            if self.answers(wanted).await {
                return Ok(());
            }
            if self.cloud.is_closed() {
                server.stop(Kind::Server.end()).await;
                return Err(STOPPING.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        Err(format!("{} {}.", not_started(&wanted.listener), system::tail(home)))
    }
}
