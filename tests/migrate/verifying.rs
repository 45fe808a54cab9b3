//! `migrate verify`: each class of objects changed behind the back, each way to replay, and nothing left behind.

use std::time::Duration;

use infra::migrate::verify::{How, Report, Unreplayed, Way as Compared, verify};
use infra::migrate::{Client, Folder, Ledger, Options, Target, apply};

use super::server::{Database, Way, servers};
use super::tampering::EVERYTHING;
use super::{WAYS, Written, fixture, run, run_with, tags};

/// The differences as in [`super::tampering::TAMPERING`].
pub(crate) fn short(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.differences.iter().map(|it| format!("{:?} {}", it.change, it.id)).collect();
    lines.sort();
    lines
}

pub(crate) async fn report(client: &Client, folder: &Folder, how: &How) -> Report {
    verify(client, folder, &Ledger::default(), how, &mut |_| {}).await.unwrap()
}

/// A database with everything applied.
pub(crate) async fn applied(way: Way, folder: &Folder) -> Database {
    let database = Database::new(way);
    tags(&database, folder).await.unwrap();
    database
}

/// The scratch databases beside this one.
fn scratch_databases(database: &Database) -> usize {
    let names = database.psql(
        "SELECT count(*) FROM pg_database WHERE datname LIKE 'infra_verify_' || substr(encode(sha256(('infra migrate verify ' \
         || current_database())::bytea), 'hex'), 1, 8) || '_%'",
    );
    names.parse().unwrap()
}

#[tokio::test]
async fn what_was_applied_verifies() {
    let everything = Written::new(EVERYTHING);
    let folders = ["example", "v0-shop", "v0-abc", "v0-nobreakpoints", "v1-shop", "v1-abc", "upgrade"];
    let folders = folders.map(|name| Folder::read(&fixture(name)).unwrap());
    for folder in folders.iter().chain([&everything.folder()]) {
        for way in WAYS {
            let database = applied(way, folder).await;
            let report = report(&database.client().await, folder, &How::default()).await;
            assert_eq!(report.way, Compared::SameServer);
            assert!(report.is_same(), "{way:?} {}: {:?}", folder.path.display(), short(&report));
            assert_eq!(report.migrations, folder.migrations.len());
            assert!(report.notes.is_empty(), "{:?}", report.notes);
            assert_eq!(scratch_databases(&database), 0);
        }
    }
}

/// The look that follows every apply misses nothing that the migrations themselves have taken away, renamed, or made for a
/// moment only: it would fail a deploy that went well.
#[tokio::test]
async fn what_went_by_design_is_not_missed() {
    let table = [
        "CREATE TABLE a (id int NOT NULL); CREATE UNIQUE INDEX i ON a (id); ALTER TABLE a ADD CONSTRAINT k PRIMARY KEY USING INDEX i",
        "ALTER TABLE IF EXISTS gone ADD COLUMN id int",
        "CREATE TABLE a (x int, y int); CREATE VIEW v AS SELECT x FROM a; ALTER TABLE a DROP COLUMN x CASCADE",
        "CREATE TEMP TABLE a (id int) ON COMMIT DROP; CREATE INDEX i ON a (id); ALTER TABLE a ADD COLUMN b int",
        "CREATE TABLE pg_temp.a (id int); CREATE INDEX i ON a (id)",
        "CREATE TABLE a (x int, y int); CREATE SEQUENCE s OWNED BY a.x; CREATE SEQUENCE t; ALTER SEQUENCE t OWNED BY a.x; \
         ALTER TABLE a DROP COLUMN x",
        "CREATE TABLE a (x int) PARTITION BY RANGE (x); CREATE TABLE b PARTITION OF a DEFAULT; DROP TABLE a",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE INDEX i ON m (x); DROP MATERIALIZED VIEW m",
        "SAVEPOINT s; CREATE TABLE a (x int); ROLLBACK TO s",
        "CREATE TABLE \"ÄB\" (x int); CREATE INDEX ÄÖÜ_I ON \"ÄB\" (x)",
    ];
    for sql in table {
        let applied = tags(&Database::new(Way::Direct), &Written::new(&[("0000_a", sql)]).folder()).await;
        assert_eq!(applied.map_err(|error| error.to_string()), Ok(vec!["0000_a".to_owned()]), "{sql}");
    }
}

#[tokio::test]
async fn only_applied_migrations_count() {
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    let database = Database::new(Way::Pooled);
    let options = Options { to: Some("0000_a".into()), ..Options::default() };
    run_with(&mut database.client().await, &written.folder(), &options).await.0.unwrap();
    let client = database.client().await;
    let found = report(&client, &written.folder(), &How::default()).await;
    assert!(found.is_same());
    assert_eq!(found.notes, ["Not applied, so not looked for: 0001_b."]);
    // Edited after it was applied: the file as it is now is what the database should be.
    written.add_at("0002_c", 1_800_000_009_000, "");
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (id bigint);").unwrap();
    let found = report(&client, &written.folder(), &How::default()).await;
    assert_eq!(short(&found), ["Different column public.a.id"]);
    assert!(found.notes[1].contains("0000_a"), "{:?}", found.notes);
}

#[tokio::test]
async fn schemas_of_others_are_left_alone() {
    let written = Written::new(&[("0000_a", "CREATE SCHEMA app; CREATE TABLE app.a (id int);")]);
    let database = applied(Way::Direct, &written.folder()).await;
    database.psql("CREATE TABLE public.theirs (id int); CREATE SCHEMA other; CREATE TABLE other.x (id int)");
    let client = database.client().await;
    assert!(report(&client, &written.folder(), &How::default()).await.is_same());
    let how = How { schemas: vec!["app".into(), "public".into()], ..How::default() };
    assert_eq!(short(&report(&client, &written.folder(), &how).await), ["Extra table public.theirs"]);
}

/// What the database and the role in it are set to decides what the same statements make.
#[tokio::test]
async fn settings_of_the_database_hold_for_the_replay() {
    let written = Written::new(&[(
        "0000_a",
        "CREATE SCHEMA IF NOT EXISTS app; CREATE TABLE a (since timestamptz DEFAULT '2026-01-01 12:00', mode text); \
         DO $$ BEGIN EXECUTE format('ALTER TABLE a ALTER mode SET DEFAULT %L', current_setting('shop.mode') || current_setting('DateStyle')); END $$;",
    )]);
    let database = Database::new(Way::Direct);
    let name = &database.name;
    database.psql(&format!(
        "CREATE SCHEMA app; ALTER DATABASE {name} SET search_path TO \"$user\", app; ALTER DATABASE {name} SET timezone TO \
         'Asia/Tokyo'; ALTER DATABASE {name} SET shop.mode TO 'it''s'; ALTER ROLE postgres IN DATABASE {name} SET datestyle TO 'German'"
    ));
    tags(&database, &written.folder()).await.unwrap();
    assert!(
        database.psql("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adnum = 2").contains("it''sGerman")
    );
    for how in [How::default(), How { scratch: Some(servers().target(Way::Direct, "postgres")), ..How::default() }] {
        let found = report(&database.client().await, &written.folder(), &how).await;
        assert_eq!((found.notes.clone(), short(&found)), (Vec::new(), Vec::new()));
        assert!(found.objects > 2);
    }
}

#[tokio::test]
async fn extensions_that_somebody_else_made_are_there_for_the_replay() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int, name citext);")]);
    let database = Database::new(Way::Direct);
    database.psql("CREATE SCHEMA extensions; CREATE EXTENSION citext");
    tags(&database, &written.folder()).await.unwrap();
    let found = report(&database.client().await, &written.folder(), &How::default()).await;
    assert_eq!((found.way.clone(), short(&found)), (Compared::SameServer, Vec::new()));
}

/// Replaying must not reach beyond the scratch database.
#[tokio::test]
async fn statements_about_the_server_are_not_run_again() {
    let database = Database::new(Way::Direct);
    let role = format!("role_{}", database.name);
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; CREATE TABLE a (id int); GRANT SELECT ON a TO {role}; \
         ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a TO {role} USING (true)"
    );
    let written = Written::new(&[("0000_a", &sql)]);
    tags(&database, &written.folder()).await.unwrap();
    database.psql(&format!("ALTER ROLE {role} PASSWORD 'changed' NOLOGIN"));
    let found = report(&database.client().await, &written.folder(), &How::default()).await;
    assert!(found.is_same(), "{:?}", short(&found));
    assert!(found.notes[0].contains(&format!("0000_a, line 1: CREATE ROLE {role} …")), "{:?}", found.notes);
    assert!(!found.notes[0].contains("hunter2"));
    assert_eq!(database.psql(&format!("SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role}'")), "f");
    database.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// Nor what calls out of the database, also where it takes a trigger and a function to get there.
#[tokio::test]
async fn what_calls_out_of_the_database_is_not_run_again() {
    let database = Database::new(Way::Direct);
    let (port, name) = (servers().postgres, &database.name);
    let connection = format!(r"host=127.0.0.1 port={port} user=postgres password='it\'s \\ a secret' dbname={name}");
    let calling = format!(
        "CREATE TABLE a (id int);
         CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           PERFORM dblink_exec($c${connection}$c$, 'INSERT INTO told VALUES (1)'); RETURN NEW; END $$;
         CREATE TRIGGER tell BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION tell();
         INSERT INTO a VALUES (1);
         SELECT pg_create_physical_replication_slot('slot_{name}');
         CREATE TABLE b (id int);"
    );
    let mut written =
        Written::new(&[("0000_a", "CREATE EXTENSION dblink; CREATE TABLE told (id int);"), ("0001_b", &calling)]);
    tags(&database, &written.folder()).await.unwrap();
    let dropped = format!("SELECT pg_drop_replication_slot('slot_{name}')");
    database.psql(&dropped);
    let outside = format!(
        "SELECT count(*), (SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'slot_{name}') FROM told"
    );
    assert_eq!(database.psql(&outside), "1|0");
    let client = database.client().await;
    let found = report(&client, &written.folder(), &How::default()).await;
    assert_eq!((found.way.clone(), short(&found)), (Compared::SameServer, Vec::new()));
    assert_eq!(database.psql(&outside), "1|0");
    let said = "Not run again, because it reaches beyond the database: 0001_b, line 5: INSERT INTO a …; 0001_b, line 6: SELECT \
                pg_create_physical_replication_slot('slot_";
    assert!(found.notes[0].starts_with(said), "{:?}", found.notes);

    // What others build on cannot be left out.
    let query = format!(
        "CREATE TABLE c AS SELECT * FROM dblink($c${connection}$c$, 'INSERT INTO told VALUES (1) RETURNING *') r (id int);"
    );
    written.add("0002_c", &query);
    tags(&database, &written.folder()).await.unwrap();
    let found = report(&client, &written.folder(), &How::default()).await;
    let Compared::Statements { because } = &found.way else { panic!("{:?}", found.way) };
    assert!(because.to_string().ends_with("to make what is in it (0002_c, line 1: CREATE TABLE c …)"), "{because}");
    assert_eq!(database.psql(&outside), "2|0");
}

/// A user without CREATEDB: told, and looked for by name.
#[tokio::test]
async fn without_createdb() {
    let database = Database::new(Way::Direct);
    let user = format!("limited_{}", database.name);
    database
        .psql(&format!("CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE {} TO {user}", database.name));
    database.psql(&format!("GRANT CREATE ON SCHEMA public TO {user}"));
    let target = Target { user: user.clone(), password: infra::migrate::Secret::new("x"), ..database.target() };
    let written = Written::new(EVERYTHING);
    let mut client = Client::connect(&target).await.unwrap();
    run(&mut client, &written.folder()).await.0.unwrap();

    let found = report(&client, &written.folder(), &How::default()).await;
    assert_eq!(
        found.way,
        Compared::Statements { because: Unreplayed::NoScratch(format!("{user} may not create a database there")) }
    );
    assert!(found.is_same() && found.objects > 20, "{:?}", found.absent);
    client = Client::connect(&target).await.unwrap();
    database.psql("DROP TABLE app.posts CASCADE; ALTER TABLE app.users DROP COLUMN note CASCADE; DROP TYPE app.pair");
    let found = report(&client, &written.folder(), &How::default()).await;
    let absent: Vec<String> = found.absent.iter().map(ToString::to_string).collect();
    for expected in ["table \"app\".\"posts\"", "column \"app\".\"users\".\"note\"", "type \"app\".\"pair\""] {
        assert!(absent.iter().any(|it| it == expected), "{expected}: {absent:?}");
    }
    assert!(!absent.iter().any(|it| it.contains("\"email\"")), "{absent:?}");

    // With a server that may be used for it, everything is compared.
    let how = How { scratch: Some(servers().target(Way::Direct, "postgres")), ..How::default() };
    let found = report(&client, &written.folder(), &how).await;
    assert_eq!(found.way, Compared::NamedServer);
    assert!(short(&found).contains(&"Missing column app.users.note".to_owned()), "{:?}", short(&found));
}

/// Where the migrations do not run again, nothing is claimed that was not compared.
#[tokio::test]
async fn migrations_that_do_not_run_again() {
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE settings (id int); INSERT INTO settings VALUES (1)");
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int); UPDATE settings SET id = 2;")]);
    tags(&database, &written.folder()).await.unwrap();
    let found = report(&database.client().await, &written.folder(), &How::default()).await;
    let Compared::Statements { because } = &found.way else { panic!("{:?}", found.way) };
    assert!(because.to_string().contains("0000_a failed in line 1: relation \"settings\" does not exist"), "{because}");
    assert!(found.is_same());
    assert_eq!(scratch_databases(&database), 0);
}

/// A pooler that leads every name to one database: nothing may be replayed there.
#[tokio::test]
async fn a_pooler_without_new_databases() {
    for line in ["* = host=127.0.0.1 port={port} dbname={name}", "{name} = host=127.0.0.1 port={port}"] {
        let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        let database = applied(Way::Direct, &written.folder()).await;
        let line = line.replace("{port}", &servers().postgres.to_string()).replace("{name}", &database.name);
        let pooler = super::server::Pooler::start(&line);
        let target = Target { port: pooler.port, ..database.target() };
        let found = report(&Client::connect(&target).await.unwrap(), &written.folder(), &How::default()).await;
        let Compared::Statements { because } = &found.way else { panic!("{:?}", found.way) };
        assert!(because.to_string().contains("cannot be reached"), "{because}");
        assert!(found.is_same());
        assert_eq!((super::tables(&database), scratch_databases(&database)), ("a".to_owned(), 0));
        assert_eq!(database.psql("SELECT count(*) FROM drizzle.__drizzle_migrations"), "1");
    }
}

/// Killed in the middle, a run leaves a scratch database; the next run takes it away, but not one that is in use.
#[tokio::test]
async fn killed_and_interrupted() {
    for way in WAYS {
        let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "SELECT pg_sleep(1);")]);
        let database = applied(way, &written.folder()).await;
        let start = || {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
            command.args(["migrate", "verify", "--folder"]).arg(written.path());
            command.env("DATABASE_URL", servers().url(way, &database.name)).env("PGSSLROOTCERT", &servers().ca);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            let child = command.spawn().unwrap();
            wait(|| {
                database.psql("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'infra_verify_%' AND query LIKE '%pg_sleep(1)%' AND pid <> pg_backend_pid()") != "0"
            });
            child
        };
        let mut killed = start();
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(scratch_databases(&database), 1);
        let running = start();
        wait(|| scratch_databases(&database) == 1);
        let other = report(&database.client().await, &written.folder(), &How::default()).await;
        assert!(other.is_same());
        let output = running.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");

        let interrupted = start();
        let pid = rustix::process::Pid::from_raw(i32::try_from(interrupted.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let output = interrupted.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert_eq!(scratch_databases(&database), 0);
    }
}

fn wait(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed().as_secs() < 20);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_ledger_in_public_is_not_compared() {
    let ledger: Ledger = "public.my_migrations".parse().unwrap();
    let folder = Folder::read(&fixture("v0-prefix-timestamp")).unwrap();
    let database = Database::new(Way::Direct);
    apply(&mut database.client().await, &folder, &ledger, &Options::default(), &mut |_| {}).await.unwrap();
    let found = verify(&database.client().await, &folder, &ledger, &How::default(), &mut |_| {}).await.unwrap();
    assert!(found.is_same(), "{:?}", short(&found));
}
