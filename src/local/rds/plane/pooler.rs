//! One PgBouncer per endpoint of a proxy.
//!
//! RDS Proxy shares server connections between clients transaction by transaction, and pins a client to one
//! as soon as it leaves something behind in the session: SET, a prepared statement, a temporary table, an
//! advisory lock. PgBouncer cannot pin. In its transaction mode all of these leak into other clients'
//! sessions, which RDS Proxy never lets happen; so the mode here is `session`: every client is pinned from
//! its beginning, and what it leaves behind is discarded before another one gets the connection. A client
//! sees RDS Proxy's guarantees; the difference is that idle clients hold their connections, so that more
//! clients than the pool has connections wait for one, and get an error after ConnectionBorrowTimeout.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    left_behind::end_at,
    listener::Listener,
    postgres::{PATIENCE, STOPPING, Servers},
    process::{Kind, Process},
    system,
};
use crate::local::rds::{phase::Password, proxies::targets::Pool};

/// What a pooler is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The last part of the proxy's or endpoint's ARN: the name of its folder.
    pub(crate) name: String,
    /// The proxy's name, also for an endpoint of it.
    pub(super) proxy: String,
    /// Whether it tells who comes and goes (DebugLogging).
    pub(super) debug: bool,
    pub(crate) listener: Listener,
    pub(super) require_tls: bool,
    /// Seconds.
    pub(super) idle_timeout: i64,
    pub(super) pool: Pool,
    /// The credentials that the secrets hold.
    pub(crate) users: Vec<(String, Password)>,
    /// The server, and how many connections it takes; none where there is no target that the proxy reaches.
    pub(crate) server: Option<(Listener, u64)>,
}

/// What takes back all that a client can leave in a session: DISCARD ALL in its parts, for as a whole it has to be the only
/// statement, and another one follows it. <https://www.postgresql.org/docs/15/sql-discard.html>
const RESET: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; \
                     SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES";

/// How many clients a pooler takes; PgBouncer needs a file descriptor for each.
const CLIENTS: u64 = 900;

fn program() -> Result<PathBuf, String> {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from);
    system::find_program("pgbouncer", &folders).ok_or_else(|| {
        "PgBouncer is not installed on this machine. Install it (Debian and Ubuntu: `apt install pgbouncer`; macOS: `brew \
         install pgbouncer`); the proxy starts as soon as it is there."
            .to_owned()
    })
}

impl Servers {
    pub(super) fn pooler(&self, name: &str) -> Option<Process> {
        Process::find(Kind::Pooler, &self.folder.join(name))
    }

    /// Makes it run as wanted. Repeated calls cost next to nothing.
    pub(super) async fn ensure_pooler(&self, wanted: &Wanted) -> Result<(), String> {
        let program = program()?;
        let home = self.folder.join(&wanted.name);
        let said = |cause: std::io::Error| format!("Could not write the pooler's configuration: {cause}.");
        self.user.make_home(&home).map_err(said)?;
        self.user.make_folder(&home.join("run")).map_err(said)?;
        self.user.shorten(&home).map_err(|cause| format!("Could not put the pooler's log aside: {cause}."))?;
        self.certify(&home, std::slice::from_ref(&wanted.listener.address)).map_err(said)?;
        let users = self.user.write(&home.join("users"), &credentials(&wanted.users)).map_err(said)?;
        let settings = self.configure_pooler(wanted).map_err(said)?;
        let restart = self.user.write(&home.join("begun"), &fixed(wanted)).map_err(said)?;
        if let Some(process) = self.pooler(&wanted.name) {
            if restart {
                process.stop(Kind::Pooler.end()).await;
            } else if users || settings {
                process.signal(Signal::HUP);
            }
        }
        if self.pooler(&wanted.name).is_some() {
            return Ok(());
        }
        // One that a killed daemon had just started: nobody would know it once this one has the pid file.
        end_at(Kind::Pooler, &home).await;
        // A pooler that was killed leaves it behind, and the next one would refuse to start.
        let _ = fs::remove_file(Kind::Pooler.pid_file_in(&home));
        let mut command = self.user.closed_command(&program, &home);
        command.arg(home.join("pgbouncer.ini"));
        let pooler = self.user.start(command, &home, &self.cloud);
        let pooler = pooler.map_err(|cause| format!("Could not start PgBouncer: {cause}."))?;
        let place = (wanted.listener.address.as_str(), wanted.listener.port);
        let until = Instant::now() + PATIENCE;
        while pooler.runs() && Instant::now() < until {
            if self.cloud.is_closed() {
                pooler.stop(Kind::Pooler.end()).await;
                return Err(STOPPING.to_owned());
            }
            if self.pooler(&wanted.name).is_some() && tokio::net::TcpStream::connect(place).await.is_ok() {
                self.tell_new_pooler(&wanted.name);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        Err(format!("PgBouncer did not start on {}:{}: {}.", place.0, place.1, system::tail(&home)))
    }

    /// Writes PgBouncer's configuration for a server that has come back so many times. Answers whether that changed it.
    pub(super) fn write_settings(&self, wanted: &Wanted, returns: u64) -> std::io::Result<bool> {
        let home = self.folder.join(&wanted.name);
        self.user.write(&home.join("pgbouncer.ini"), &configuration(wanted, &home, returns))
    }

    /// Stops it if it runs.
    pub(super) async fn stop_pooler(&self, name: &str) {
        if let Some(process) = self.pooler(name) {
            process.stop(Kind::Pooler.end()).await;
        }
    }
}

/// What PgBouncer takes over only when it starts.
fn fixed(wanted: &Wanted) -> String {
    format!("{:?} {}", wanted.listener, wanted.require_tls)
}

/// Whether a name and its password can stand in PgBouncer's list, which has a line for each user and ends at one that is none.
pub(super) fn can_list(name: &str, password: &str) -> bool {
    name.len() < 128 && password.len() < 2048 && ![name, password].iter().any(|text| text.contains(char::is_control))
}

/// PgBouncer's list of users: it needs the passwords themselves, to prove them to the server.
fn credentials(users: &[(String, Password)]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    users.iter().map(|(name, password)| format!("{} {}\n", quote(name), quote(&password.0))).collect()
}

/// What is said on each connection to the server before a client gets it. PgBouncer ends idle clients only as long as they hold
/// no connection, and from its first query on a client holds one: from there on PostgreSQL ends them.
fn beginning(wanted: &Wanted) -> String {
    let own = wanted.pool.init_query.as_ref().map(|query| format!("; {query}")).unwrap_or_default();
    format!("SET idle_session_timeout = {}{own}", wanted.idle_timeout.saturating_mul(1000))
}

fn configuration(wanted: &Wanted, home: &std::path::Path, returns: u64) -> String {
    let file = |name: &str| home.join(name).display().to_string();
    let mut text = "[databases]\n".to_owned();
    let size = wanted.server.as_ref().map_or(1, |(_, connections)| {
        (connections * u64::try_from(wanted.pool.max_percent).unwrap_or(100) / 100).max(1)
    });
    // Writing to a String cannot fail.
    let _ = match &wanted.server {
        Some((server, _)) => writeln!(
            text,
            "* = host={} port={} pool_size={size} connect_query='/* {returns} */ {}'",
            server.address,
            server.port,
            beginning(wanted).replace('\'', "''")
        ),
        // No connection is ever tried: clients wait for one, as those of RDS Proxy do.
        None => writeln!(text, "* = host={} port=1 pool_size=0", wanted.listener.address),
    };
    let borrow_timeout = wanted.pool.borrow_timeout.max(1);
    let tls = if wanted.require_tls { "require" } else { "prefer" };
    let settings: &[(&str, String)] = &[
        ("listen_addr", wanted.listener.address.clone()),
        ("listen_port", wanted.listener.port.to_string()),
        ("unix_socket_dir", String::new()),
        ("pidfile", Kind::Pooler.pid_file_in(home).display().to_string()),
        ("auth_type", "scram-sha-256".into()),
        ("auth_file", file("users")),
        ("pool_mode", "session".into()),
        // What a connection starts with, it starts with again for the next client.
        ("server_reset_query", format!("{RESET}; {}", beginning(wanted))),
        ("max_client_conn", CLIENTS.to_string()),
        ("default_pool_size", size.to_string()),
        ("max_db_connections", size.to_string()),
        ("query_wait_timeout", borrow_timeout.to_string()),
        // Longer, so that it never cuts the waiting short; a new pooler counts it as well until it has seen its server.
        ("client_login_timeout", (borrow_timeout + 60).to_string()),
        ("client_idle_timeout", wanted.idle_timeout.to_string()),
        ("server_login_retry", "1".into()),
        ("server_connect_timeout", "5".into()),
        ("ignore_startup_parameters", "extra_float_digits".into()),
        ("client_tls_sslmode", tls.into()),
        ("client_tls_key_file", file("server.key")),
        ("client_tls_cert_file", file("server.crt")),
        ("server_tls_sslmode", "verify-full".into()),
        ("server_tls_ca_file", file("ca.pem")),
        ("log_connections", u8::from(wanted.debug).to_string()),
        ("log_disconnections", u8::from(wanted.debug).to_string()),
        ("log_stats", "0".into()),
    ];
    text.push_str("\n[pgbouncer]\n");
    for (name, value) in settings {
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_a_share_of_the_servers_connections_and_never_none() {
        let listener = Listener { address: "127.20.0.1".into(), port: 5432 };
        let wanted = |max_percent| Wanted {
            name: "prx-1".into(),
            proxy: "shop".into(),
            debug: false,
            listener: listener.clone(),
            require_tls: true,
            idle_timeout: 1800,
            pool: Pool { max_percent, ..Pool::default() },
            users: vec![("app".into(), Password("quo\"te".into()))],
            server: Some((listener.clone(), 200)),
        };
        let home = std::path::Path::new("/home");
        assert!(configuration(&wanted(90), home, 0).contains(" pool_size=180 "));
        assert!(configuration(&wanted(1), home, 0).contains(" pool_size=2 "));
        assert!(
            configuration(&wanted(90), home, 0)
                .contains(" connect_query='/* 0 */ SET idle_session_timeout = 1800000'\n")
        );
        assert!(
            configuration(&wanted(90), home, 0).contains("DISCARD SEQUENCES; SET idle_session_timeout = 1800000\n")
        );
        assert!(configuration(&wanted(90), home, 0).contains("client_tls_sslmode = require\n"));
        let mut quoting = wanted(90);
        quoting.pool.init_query = Some("SET application_name = 'shop'".into());
        let text = configuration(&quoting, home, 0);
        assert!(text.contains("; SET application_name = ''shop'''\n"), "{text}");
        assert!(text.contains("; SET application_name = 'shop'\n"), "{text}");
        let without = Wanted { server: None, ..wanted(90) };
        assert!(configuration(&without, home, 0).contains("\n* = host=127.20.0.1 port=1 pool_size=0\n"));
        assert_eq!(fixed(&without), fixed(&wanted(90)), "its clients wait for another server, or the same");
        assert_eq!(credentials(&wanted(90).users), "\"app\" \"quo\"\"te\"\n");
    }
}
