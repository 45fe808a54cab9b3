//! `-- infra: no-transaction`: one statement after the other, gone on with after a failure, a crash or an interruption.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use infra::migrate::guard::Reason;
use infra::migrate::{Event, Failure, Folder, Options, Refusal};

use super::drizzle::{Line, migrate};
use super::server::{Database, Way, servers};
use super::{WAYS, Written, ledger_rows, run, run_with, tables, tags};

pub(super) const TABLE: &str = "CREATE TABLE t (id int, email text); CREATE TABLE log (n int);";
const INDEX: &str = "CREATE INDEX CONCURRENTLY t_email ON t (email);";

pub(super) fn outside(statements: &str) -> String {
    format!("-- infra: no-transaction\n{statements}")
}

/// An index as `valid` or `INVALID`.
pub(super) fn index(database: &Database, name: &str) -> String {
    database.psql(&format!(
        "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'INVALID' END FROM pg_index i JOIN pg_class c ON c.oid = indexrelid \
         WHERE relname = '{name}'"
    ))
}

pub(super) fn leases(database: &Database) -> String {
    database.psql("SELECT count(*) FROM drizzle.__drizzle_migrations WHERE id < 0")
}

/// Waits until the database answers so.
pub(super) fn until(database: &Database, sql: &str, expected: &str) {
    let started = Instant::now();
    while database.psql(sql) != expected {
        assert!(started.elapsed().as_secs() < 20, "never: {sql} = {expected}, but {}", database.psql(sql));
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// A transaction of somebody else's on `t`: CREATE INDEX CONCURRENTLY waits for its end.
pub(super) fn reader(database: &Database) -> Child {
    let mut psql = Command::new("psql");
    psql.args(["-Xqt", &servers().url(Way::Direct, &database.name)]).env("PGSSLMODE", "require");
    let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(psql.stdin.as_mut().unwrap(), b"BEGIN; UPDATE t SET id = id;\n").unwrap();
    until(
        database,
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'UPDATE t%'",
        "1",
    );
    psql
}

fn binary(database: &Database, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "apply", "--json", "--folder"]).arg(folder);
    command.env("DATABASE_URL", servers().url(database.way, &database.name)).env("PGSSLROOTCERT", &servers().ca);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A session of somebody else's that runs this.
pub(super) fn psql(database: &Database, sql: &str) -> Child {
    let mut psql = Command::new("psql");
    psql.args(["-Xqtc", sql, &servers().url(Way::Direct, &database.name)]).env("PGSSLMODE", "require");
    psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

const BUILDING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%CREATE INDEX CONCURRENTLY t_email%' \
     AND pid <> pg_backend_pid()";

#[tokio::test]
async fn statements_are_committed_one_by_one_and_recorded() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = outside(&format!("{INDEX}--> statement-breakpoint\nVACUUM t; INSERT INTO log VALUES (1);"));
        let written = Written::new(&[("0000_t", TABLE), ("0001_index", &sql), ("0002_c", "CREATE TABLE c (id int);")]);
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0000_t", "0001_index", "0002_c"], "{way:?}");
        assert_eq!((index(&database, "t_email").as_str(), leases(&database).as_str()), ("valid", "0"));
        // As if it were not there: ids without a gap, and nothing to do for Drizzle.
        assert_eq!(
            database.psql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM drizzle.__drizzle_migrations"),
            "1 2 3"
        );
        migrate(Line::V0, written.path(), &database);
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new());
        assert_eq!(database.psql("SELECT count(*) FROM log"), "1");
    }
}

#[tokio::test]
async fn a_failure_keeps_what_is_done_and_the_invalid_index_is_dropped_before_the_retry() {
    for way in WAYS {
        let database = Database::new(way);
        let unique = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"T_email\" ON public.\"t\" (email);";
        let sql = outside(&format!("INSERT INTO log VALUES (1);\n{unique}\nINSERT INTO log VALUES (2);"));
        let written = Written::new(&[("0000_t", TABLE), ("0001_index", &sql), ("0002_c", "CREATE TABLE c (id int);")]);
        let first = Options { to: Some("0000_t".into()), ..Options::default() };
        run_with(&mut database.client().await, &written.folder(), &first).await.0.unwrap();
        database.psql("INSERT INTO t VALUES (1, 'x'), (2, 'x')");

        let (result, _) = run(&mut database.client().await, &written.folder()).await;
        let Err(Failure::Statement(failure)) = result else { panic!("{result:?}") };
        assert_eq!((failure.code.as_str(), failure.position.line, failure.position.column), ("23505", 3, 1), "{way:?}");
        assert_eq!(failure.statement, unique.trim_end_matches(';'));
        assert_eq!(failure.left.as_deref(), Some("public.\"T_email\""));
        let half = failure.half.unwrap();
        assert_eq!((half.done, half.of, half.uncertain), (1, 3, false));
        assert_eq!((index(&database, "T_email").as_str(), tables(&database).as_str()), ("INVALID", "log t"));

        // Another index of another table has the same trouble, and is none of this migration's.
        database.psql("CREATE TABLE u (x int); INSERT INTO u VALUES (1), (1)");
        let mut other = Command::new("psql");
        other.args([
            "-Xqc",
            "CREATE UNIQUE INDEX CONCURRENTLY other ON u (x)",
            &servers().url(Way::Direct, &database.name),
        ]);
        assert!(!other.env("PGSSLMODE", "require").output().unwrap().status.success());

        database.psql("DELETE FROM t WHERE id = 2");
        let (result, events) = run(&mut database.client().await, &written.folder()).await;
        assert_eq!(result.unwrap().migrations.len(), 2);
        let dropped = Event::Dropped { tag: "0001_index".into(), index: "public.\"T_email\"".into() };
        assert!(events.contains(&dropped), "{events:?}");
        assert!(events.contains(&Event::Resumed { tag: "0001_index".into(), done: 1, of: 3 }), "{events:?}");
        assert_eq!((index(&database, "T_email").as_str(), index(&database, "other").as_str()), ("valid", "INVALID"));
        assert_eq!(
            database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
            "1 2",
            "a statement ran twice"
        );
        assert_eq!((leases(&database).as_str(), ledger_rows(&database).lines().count()), ("0", 3));
    }
}

#[tokio::test]
async fn what_is_done_may_not_change_and_nothing_goes_past_it() {
    let database = Database::new(Way::Pooled);
    let sql = outside("INSERT INTO log VALUES (1);\nINSERT INTO nope VALUES (2);");
    let mut written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
    assert!(matches!(tags(&database, &written.folder()).await, Err(Failure::Statement(_))));

    std::fs::write(written.file("0001_x"), sql.replace("(1)", "(10)")).unwrap();
    let refused = tags(&database, &written.folder()).await;
    let Err(Failure::Refused { refusals, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(&refusals[..], [Refusal::DoneEdited { .. }]), "{refusals:?}");

    let other = Written::new(&[("0000_t", TABLE)]);
    assert_eq!(tags(&database, &other.folder()).await.unwrap(), Vec::<String>::new());
    std::fs::write(written.file("0001_x"), "SELECT 1;").unwrap();
    std::fs::rename(written.file("0001_x"), written.file("0001_y")).unwrap();
    written = Written::new(&[("0000_t", TABLE), ("0001_y", "SELECT 1;")]);
    let refused = tags(&database, &written.folder()).await;
    let Err(Failure::Refused { refusals, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(&refusals[..], [Refusal::HalfDone { .. }]), "{refusals:?}");

    // Mending what is not done yet is the way on.
    let mended = Written::new(&[("0000_t", TABLE), ("0001_x", &sql.replace("nope", "log"))]);
    assert_eq!(tags(&database, &mended.folder()).await.unwrap(), ["0001_x"]);
    assert_eq!(database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "1 2");
}

/// Killed while the server builds the index: the server goes on alone, and the next run waits for it and counts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = outside(&format!("INSERT INTO log VALUES (1);\n{INDEX}\nINSERT INTO log VALUES (2);"));
        let written = Written::new(&[("0000_t", TABLE), ("0001_index", &sql)]);
        let first = Options { to: Some("0000_t".into()), ..Options::default() };
        run_with(&mut database.client().await, &written.folder(), &first).await.0.unwrap();
        let mut blocker = reader(&database);
        let mut killed = binary(&database, written.path()).spawn().unwrap();
        until(&database, BUILDING, "1");
        killed.kill().unwrap();
        killed.wait().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(database.psql(BUILDING), "1", "the server stopped with its client");

        let options = Options { patience: Duration::from_millis(100), ..Options::default() };
        let (mut client, folder) = (database.client().await, written.folder());
        let next = tokio::spawn(async move { run_with(&mut client, &folder, &options).await });
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert!(!next.is_finished(), "nobody waited for the statement that still runs");
        drop(blocker.stdin.take());
        blocker.wait().unwrap();
        let (result, events) = next.await.unwrap();
        assert_eq!(result.unwrap().migrations.len(), 1, "{way:?}");
        assert!(
            events.iter().any(|event| matches!(event, Event::Held { by, .. } if by.contains("0001_index"))),
            "{events:?}"
        );
        assert_eq!((index(&database, "t_email").as_str(), leases(&database).as_str()), ("valid", "0"));
        assert_eq!(
            database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
            "1 2",
            "a statement ran twice"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = outside("INSERT INTO log VALUES (1);\nSELECT pg_sleep(0.7);\nINSERT INTO log VALUES (2);");
        let written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql), ("0002_c", "INSERT INTO log VALUES (3);")]);
        let folder = written.folder();
        let (a, b, c) = tokio::join!(tags(&database, &folder), tags(&database, &folder), tags(&database, &folder));
        let applied: usize = [a, b, c].into_iter().map(|result| result.unwrap().len()).sum();
        assert_eq!(applied, 3, "{way:?}");
        assert_eq!(database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "1 2 3");
        assert_eq!((leases(&database).as_str(), ledger_rows(&database).lines().count()), ("0", 3));
    }
}

#[tokio::test]
async fn interrupted_it_says_what_is_done() {
    let database = Database::new(Way::Pooled);
    let sql = outside("INSERT INTO log VALUES (1);\nSELECT pg_sleep(30);");
    let written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
    let child = binary(&database, written.path()).spawn().unwrap();
    until(
        &database,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '/* infra%pg_sleep(30)' AND state = 'active'",
        "1",
    );
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!((last["half"]["done"].as_u64(), last["half"]["of"].as_u64()), (Some(1), Some(2)), "{last}");
    std::fs::write(written.file("0001_x"), sql.replace("30", "0")).unwrap();
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0001_x"]);
    assert_eq!(database.psql("SELECT count(*) FROM log"), "1");
}

/// A role's own limit is what it is; one of ours ends the statement from here.
#[tokio::test]
async fn statements_are_limited_in_time_without_a_transaction() {
    let database = Database::new(Way::Pooled);
    let written = Written::new(&[("0000_x", &outside("SELECT pg_sleep(30);"))]);
    let options = Options { statement_timeout: Some(Duration::from_millis(300)), ..Options::default() };
    let (result, _) = run_with(&mut database.client().await, &written.folder(), &options).await;
    assert!(matches!(&result, Err(Failure::Statement(failure)) if failure.code == "57014"), "{result:?}");
}

#[tokio::test]
async fn refused_before_anything_runs() {
    let table = [
        ("BEGIN; VACUUM t;", "NoTransaction"),
        ("SET search_path TO s;", "Session"),
        ("CREATE INDEX CONCURRENTLY ON t (id);", "Nameless"),
    ];
    for (statement, reason) in table {
        let database = Database::new(Way::Direct);
        let written = Written::new(&[("0000_t", TABLE), ("0001_x", &outside(statement))]);
        let refused = tags(&database, &written.folder()).await;
        let Err(Failure::Refused { refusals, .. }) = refused else { panic!("{refused:?}") };
        let expected = match reason {
            "NoTransaction" => Reason::NoTransaction,
            "Session" => Reason::Session,
            _ => Reason::Nameless,
        };
        assert!(
            matches!(&refusals[..], [Refusal::Statement { explanation, .. }] if *explanation == expected.explanation())
        );
        assert_eq!(tables(&database), "");
    }
}

/// Neither line of Drizzle minds the row that a stopped run leaves.
#[tokio::test]
async fn drizzle_does_not_mind_the_lease() {
    for line in [Line::V0, Line::V1] {
        let database = Database::new(Way::Direct);
        let name = if line == Line::V0 { "v0-abc" } else { "v1-abc" };
        let folder = Folder::read(&super::fixture(name)).unwrap();
        tags(&database, &folder).await.unwrap();
        let rows = ledger_rows(&database);
        database
            .psql("INSERT INTO drizzle.__drizzle_migrations (id, hash, created_at) VALUES (-1, 'infra lease {}', 0)");
        migrate(line, &folder.path, &database);
        database.psql("DELETE FROM drizzle.__drizzle_migrations WHERE id = -1");
        assert_eq!(ledger_rows(&database), rows, "{line:?}");
    }
}

pub(super) fn unlock(database: &Database, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "unlock"]).args(arguments).env("PGSSLROOTCERT", &servers().ca).env("NO_COLOR", "1");
    let output = command.env("DATABASE_URL", servers().url(database.way, &database.name)).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let error: String = error.split_inclusive('\n').filter(|line| !line.starts_with("The database of ")).collect();
    (output.status.code(), format!("{}{error}", String::from_utf8_lossy(&output.stdout)))
}

#[tokio::test]
async fn a_begun_migration_is_forgotten_by_unlock() {
    let database = Database::new(Way::Pooled);
    assert_eq!(
        unlock(&database, &[]),
        (Some(0), "Nobody holds the lock of drizzle.__drizzle_migrations.\n".to_owned())
    );
    let sql = outside("INSERT INTO log VALUES (1);\nINSERT INTO nope VALUES (2);");
    let written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
    assert!(matches!(tags(&database, &written.folder()).await, Err(Failure::Statement(_))));
    let (mut client, ledger) = (database.client().await, infra::migrate::Ledger::default());
    let plan = infra::migrate::status(&mut client, &written.folder(), &ledger).await.unwrap();
    let lease = plan.lease.unwrap();
    assert_eq!((lease.tag.as_str(), lease.done, lease.of, lease.stopped), ("0001_x", 1, 2, true));

    // Without a terminal nothing is removed.
    let (code, said) = unlock(&database, &[]);
    assert!(code == Some(3) && said.contains("0001_x (1 of 2 statements are done)"), "{said}");
    assert_eq!(leases(&database), "1");
    let (code, said) = unlock(&database, &["--yes"]);
    assert!(code == Some(0) && said.contains("0001_x counts as not started"), "{said}");
    assert!(said.contains("What its first statement did stays in the database"), "{said}");
    std::fs::write(written.file("0001_x"), sql.replace("nope", "log")).unwrap();
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0001_x"]);
    // From its first statement, as was said.
    assert_eq!(database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "1 1 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_lock_is_shown_and_can_be_ended() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[("0000_t", TABLE), ("0001_x", "SELECT pg_sleep(60);")]);
        let mut hanging = binary(&database, written.path()).spawn().unwrap();
        until(
            &database,
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'",
            "1",
        );
        let (code, said) = unlock(&database, &["--json"]);
        let holders: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        let connections = holders["connections"].as_array().unwrap();
        assert_eq!((code, connections.len(), connections[0]["part"].as_str()), (Some(0), 1, Some("holds")), "{said}");
        assert!(connections[0]["since"].as_i64().is_some());
        let pid = connections[0]["pid"].to_string();

        assert_eq!(unlock(&database, &["--yes", "--terminate", "1"]).0, Some(3));
        let (code, said) = unlock(&database, &["--yes", "--terminate", &pid]);
        assert!(code == Some(0) && said.contains(&format!("{pid} is ended.")), "{said}");
        assert_eq!(hanging.wait().unwrap().code(), Some(1), "{way:?}");
        assert_eq!(unlock(&database, &[]).1, "Nobody holds the lock of drizzle.__drizzle_migrations.\n");
    }
}

/// What the role needs is what recording a migration needs: no CREATE on the database or the ledger's schema.
#[tokio::test]
async fn a_role_that_may_not_create_in_the_ledgers_schema() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_t", TABLE), ("0001_index", &outside(INDEX))]);
    let first = Options { to: Some("0000_t".into()), ..Options::default() };
    run_with(&mut database.client().await, &written.folder(), &first).await.0.unwrap();
    let role = format!("no_create_{}", database.name);
    database.psql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; ALTER TABLE t OWNER TO {role}; GRANT USAGE, CREATE ON SCHEMA public TO {role}; \
         GRANT USAGE ON SCHEMA drizzle TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA drizzle TO {role}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA drizzle TO {role}"
    ));
    let mut target = database.target();
    (target.user, target.password) = (role, infra::migrate::Secret::new("x"));
    let mut client = infra::migrate::Client::connect(&target).await.unwrap();
    let (result, _) = run(&mut client, &written.folder()).await;
    assert_eq!(result.unwrap().migrations.len(), 1);
    assert_eq!((index(&database, "t_email").as_str(), leases(&database).as_str()), ("valid", "0"));
}
