//! `migrate verify` where the database's server lends no scratch database: a PostgreSQL of this machine, gone afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use infra::migrate::verify::{How, Way as Compared};
use infra::migrate::{Client, Secret, Target};
use serde_json::Value;

use super::server::{Database, Pooler, Way, servers};
use super::tampering::EVERYTHING;
use super::verifying::{applied, report};
use super::{Written, run};

/// A database whose user may not create others.
struct Limited {
    database: Database,
    user: String,
    /// Where temporary files go; the user that runs PostgreSQL has to get there as well.
    temporary: tempfile::TempDir,
}

impl Limited {
    async fn with(written: &Written) -> Self {
        let database = Database::new(Way::Direct);
        let user = format!("limited_{}", database.name);
        database.psql(&format!(
            "CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE {0} TO {user}; GRANT CREATE ON SCHEMA public TO \
             {user}",
            database.name
        ));
        let target = Target { user: user.clone(), password: Secret::new("x"), ..database.target() };
        run(&mut Client::connect(&target).await.unwrap(), &written.folder()).await.0.unwrap();
        let temporary = tempfile::tempdir().unwrap();
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        Limited { database, user, temporary }
    }

    fn verify(&self, written: &Written, temporary: &Path) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(["migrate", "verify", "--json", "--folder"]).arg(written.path()).env("TMPDIR", temporary);
        let url = format!("postgres://{}:x@127.0.0.1:{}/{}", self.user, servers().postgres, self.database.name);
        command.env("DATABASE_URL", url).env("PGSSLROOTCERT", &servers().ca);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn verified(&self, written: &Written, temporary: &Path) -> (Option<i32>, Value) {
        let output = self.verify(written, temporary).wait_with_output().unwrap();
        (output.status.code(), said(&output))
    }

    fn leftovers(&self) -> usize {
        std::fs::read_dir(self.temporary.path()).unwrap().count()
    }
}

fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn wait(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Everything is compared, and with the roles that only the database's server has.
#[tokio::test]
async fn everything_is_compared() {
    let mut written = Written::new(EVERYTHING);
    let roles = r#"CREATE POLICY "mine" ON "app"."users" TO CURRENT_USER USING (true); ALTER TABLE "app"."events" OWNER TO CURRENT_USER;"#;
    written.add("0002_roles", roles);
    let limited = Limited::with(&written).await;
    let (code, found) = limited.verified(&written, limited.temporary.path());
    assert_eq!((code, &found["result"], &found["way"]), (Some(0), &"same".into(), &"own-server".into()), "{found}");
    assert_eq!((&found["major"], limited.leftovers()), (&"15".into(), 0));
    let because = found["because"].as_str().unwrap();
    assert_eq!(because, format!("{} may not create a database there", limited.user));

    limited.database.psql("ALTER TABLE app.users DROP COLUMN note CASCADE; CREATE TABLE app.extra ()");
    let (code, found) = limited.verified(&written, limited.temporary.path());
    let differences: Vec<String> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["change"], it["object"]))
        .collect();
    assert_eq!(code, Some(1));
    assert!(differences.contains(&"\"missing\" \"column app.users.note\"".to_owned()), "{differences:?}");
    assert!(differences.contains(&"\"extra\" \"table app.extra\"".to_owned()), "{differences:?}");
    assert_eq!(limited.leftovers(), 0);
}

/// In whatever way the command ends, its server ends too, and its files are removed.
#[tokio::test]
async fn interrupted_and_killed() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "SELECT pg_sleep(2);")]);
    let limited = Limited::with(&written).await;
    // While the server is made, and while the migrations run in it.
    for moment in ["log", "data/postmaster.pid"] {
        for signal in [rustix::process::Signal::INT, rustix::process::Signal::KILL] {
            let child = limited.verify(&written, limited.temporary.path());
            let there = || {
                let folders = std::fs::read_dir(limited.temporary.path()).unwrap().flatten();
                folders.map(|folder| folder.path().join(moment)).any(|file| file.exists())
            };
            wait("the server", there);
            let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            rustix::process::kill_process(pid, signal).unwrap();
            let output = child.wait_with_output().unwrap();
            if signal == rustix::process::Signal::INT {
                assert_eq!((output.status.code(), &said(&output)["result"]), (Some(130), &"interrupted".into()));
            }
            wait("the files are gone", || limited.leftovers() == 0);
            wait("the server is gone", || !runs_in(limited.temporary.path()));
        }
    }
}

/// Whether a process has the folder among its arguments.
fn runs_in(folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    let output = Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().any(|line| line.contains(&*folder))
}

/// No place for a server: looked for by name, and both reasons are said.
#[tokio::test]
async fn where_no_server_can_be_started() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let limited = Limited::with(&written).await;
    let (code, found) = limited.verified(&written, Path::new("/nonexistent"));
    assert_eq!((code, &found["way"]), (Some(0), &"statements".into()), "{found}");
    let because = found["because"].as_str().unwrap();
    assert!(because.contains("may not create a database there, and no PostgreSQL can be started"), "{because}");
}

#[tokio::test]
async fn behind_a_pooler_that_knows_its_databases() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let database = applied(Way::Direct, &written.folder()).await;
    let pooler = Pooler::start(&format!("{} = host=127.0.0.1 port={}", database.name, servers().postgres));
    let client = Client::connect(&Target { port: pooler.port, ..database.target() }).await.unwrap();
    let found = report(&client, &written.folder(), &How { own_server: true, ..How::default() }).await;
    assert!(
        matches!(&found.way, Compared::OwnServer { because, .. } if because.contains("cannot be reached")),
        "{:?}",
        found.way
    );
    assert!(found.is_same());
}
