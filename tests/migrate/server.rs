//! A PostgreSQL 15 and a PgBouncer in transaction mode in front of it, started once for all tests of this process.
//!
//! A shell stands between: it holds the end of a pipe, and when this process ends in whatever way, the pipe closes and
//! the shell stops both servers and removes their files.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use infra::migrate::{Client, Roots, Secret, Target, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const BIN: &str = "/usr/lib/postgresql/15/bin";
pub(crate) const PASSWORD: &str = "it's \\ a secret";

const SUPERVISOR: &str = r#"
"$BIN/postgres" -D "$DIR/data" -c config_file="$DIR/postgresql.conf" >"$DIR/postgres.log" 2>&1 & postgres=$!
pgbouncer "$DIR/pgbouncer.ini" >"$DIR/pgbouncer.log" 2>&1 & bouncer=$!
read -r _
kill -TERM $bouncer; kill -QUIT $postgres; wait; rm -rf "$DIR"
"#;

/// Both servers.
pub(crate) struct Servers {
    pub(crate) postgres: u16,
    pub(crate) bouncer: u16,
    /// The authority that both servers' certificates come from.
    pub(crate) ca: PathBuf,
    _supervisor: Child,
}

/// How a test reaches its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    Pooled,
}

/// A database of its own for a test.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) way: Way,
}

pub(crate) fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(Servers::start)
}

impl Servers {
    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("infra-test-").tempdir().unwrap().keep();
        let (postgres, bouncer) = (free_port(), free_port());
        certificates(&directory);
        let files = [
            ("password", PASSWORD.to_owned()),
            ("postgresql.conf", postgresql_conf(&directory, postgres)),
            ("pgbouncer.ini", pgbouncer_ini(&directory, postgres, bouncer)),
            ("users", format!("\"postgres\" \"{PASSWORD}\"\n\"limited\" \"{PASSWORD}\"\n")),
        ];
        for (name, content) in files {
            std::fs::write(directory.join(name), content).unwrap();
        }
        if let Some((user, group)) = unprivileged() {
            let owned = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
            for path in owned.chain([directory.clone()]) {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let mut initdb = as_server_user(&format!("{BIN}/initdb"));
        initdb.args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]);
        succeed(initdb.arg("-D").arg(directory.join("data")).arg("--pwfile").arg(directory.join("password")));
        let mut supervisor = as_server_user("sh");
        supervisor.args(["-c", SUPERVISOR]).env("BIN", BIN).env("DIR", &directory).current_dir(&directory);
        let supervisor = supervisor.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        wait_for(postgres, &directory);
        wait_for(bouncer, &directory);
        // This process may be another user than the servers: the authority's certificate is all it needs of theirs.
        Servers { postgres, bouncer, ca: directory.join("ca.pem"), _supervisor: supervisor }
    }

    pub(crate) fn target(&self, way: Way, dbname: &str) -> Target {
        Target {
            host: "127.0.0.1".into(),
            port: if way == Way::Direct { self.postgres } else { self.bouncer },
            dbname: dbname.into(),
            user: "postgres".into(),
            password: Secret::new(PASSWORD),
            tls: Tls::Verify(Roots::Only(self.ca.clone())),
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// The same as a URL, for the tools of others.
    pub(crate) fn url(&self, way: Way, dbname: &str) -> String {
        let port = if way == Way::Direct { self.postgres } else { self.bouncer };
        format!("postgres://postgres:it%27s%20%5C%20a%20secret@127.0.0.1:{port}/{dbname}")
    }
}

impl Database {
    pub(crate) fn new(way: Way) -> Self {
        Self::from("template1", way)
    }

    /// Another one with the same in it. Ends what is connected to this one.
    pub(crate) fn copy(&self) -> Self {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname =";
        psql(servers(), "postgres", &format!("{sql} '{}'", self.name));
        Self::from(&self.name, self.way)
    }

    fn from(template: &str, way: Way) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        psql(servers(), "postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Database { name, way }
    }

    pub(crate) fn target(&self) -> Target {
        servers().target(self.way, &self.name)
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.target()).await.unwrap()
    }

    /// Runs SQL as an independent client would; its rows, columns separated by `|`.
    pub(crate) fn psql(&self, sql: &str) -> String {
        psql(servers(), &self.name, sql)
    }

    /// Runs every statement of the text, whatever becomes of the one before; the SQLSTATEs of those that fail.
    pub(crate) fn sqlstates(&self, sql: &str) -> Vec<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, sql.as_bytes()).unwrap();
        let mut command = Command::new(format!("{BIN}/psql"));
        let url = servers().url(Way::Direct, &self.name);
        command.args(["-XAtq", "-v", "VERBOSITY=sqlstate", "-f"]).arg(file.path()).arg(url);
        let output = succeed(command.env("PGSSLMODE", "require"));
        let said = String::from_utf8(output.stderr).unwrap();
        said.lines().filter_map(|line| line.split_once("ERROR:  ")).map(|(_, code)| code.to_owned()).collect()
    }

    /// The whole schema as pg_dump writes it.
    pub(crate) fn dump(&self) -> String {
        let mut command = Command::new(format!("{BIN}/pg_dump"));
        let url = servers().url(Way::Direct, &self.name);
        let output = succeed(command.args(["--schema-only", &url]).env("PGSSLMODE", "require"));
        let text = String::from_utf8(output.stdout).unwrap();
        // These lines hold a random key.
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).fold(
            String::new(),
            |mut all, line| {
                all.push_str(line);
                all.push('\n');
                all
            },
        )
    }
}

/// A PgBouncer of its own for a test, with another list of databases.
pub(crate) struct Pooler {
    pub(crate) port: u16,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Pooler {
    pub(crate) fn start(databases: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("infra-test-").tempdir().unwrap();
        let (path, port) = (directory.path(), free_port());
        // The certificates stay the servers'.
        let shared = servers().ca.parent().unwrap().to_path_buf();
        let configuration = pgbouncer_ini(&shared, servers().postgres, port);
        let (_, rest) = configuration.split_once("[pgbouncer]").unwrap();
        std::fs::write(path.join("pgbouncer.ini"), format!("[databases]\n{databases}\n[pgbouncer]{rest}")).unwrap();
        if let Some((user, group)) = unprivileged() {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
        let mut command = as_server_user("pgbouncer");
        command.args(["-q"]).arg(path.join("pgbouncer.ini")).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        wait_for(port, path);
        Pooler { port, process, _directory: directory }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn psql(servers: &Servers, dbname: &str, sql: &str) -> String {
    let mut command = Command::new(format!("{BIN}/psql"));
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, &servers.url(Way::Direct, dbname)]);
    let output = succeed(command.env("PGSSLMODE", "require"));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// PostgreSQL and PgBouncer refuse to run as root.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| -> u32 {
        let output = succeed(Command::new("id").args(arguments));
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    (number(&["-u"]) == 0).then(|| (number(&["-u", "postgres"]), number(&["-g", "postgres"])))
}

fn as_server_user(program: &str) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

fn certificates(directory: &Path) {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).unwrap();
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = names.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
    std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(directory.join("server.pem"), server.pem()).unwrap();
    let path = directory.join("server.key");
    std::fs::write(&path, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn postgresql_conf(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nssl = on\n\
         ssl_cert_file = '{directory}/server.pem'\nssl_key_file = '{directory}/server.key'\nmax_connections = 400\n\
         hba_file = '{directory}/data/pg_hba.conf'\nident_file = '{directory}/data/pg_ident.conf'\n"
    )
}

fn pgbouncer_ini(directory: &Path, postgres: u16, port: u16) -> String {
    let directory = directory.display();
    format!(
        "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {directory}/users\npool_mode = transaction\n\
         default_pool_size = 3\nclient_tls_sslmode = require\nclient_tls_cert_file = {directory}/server.pem\n\
         client_tls_key_file = {directory}/server.key\nserver_tls_sslmode = prefer\nlogfile =\n"
    )
}

/// Waits until the server answers; a listening PostgreSQL may still be starting up.
fn wait_for(port: u16, directory: &Path) {
    let started = Instant::now();
    let port = port.to_string();
    let answers = || Command::new(format!("{BIN}/pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
    while !answers().unwrap().success() {
        let log = |name| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        assert!(started.elapsed().as_secs() < 20, "{}\n{}", log("postgres.log"), log("pgbouncer.log"));
        std::thread::sleep(Duration::from_millis(20));
    }
}
