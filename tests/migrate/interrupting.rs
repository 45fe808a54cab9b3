//! Two at once, interrupted, connection lost: nothing runs twice and nothing is half there.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use infra::migrate::{Event, Failure, Folder, Ledger, Options, apply};
use tokio::sync::watch;

use super::command::infra;
use super::server::{Database, Way, servers};
use super::{WAYS, Written, fixture, ledger_rows, run_with, tables, tags};

/// Each migration adds a row to a table that nothing keeps unique, so running one twice would show.
fn counting(count: usize, pause: &str) -> Written {
    let mut written = Written::new(&[("0000_log", "CREATE TABLE log (n int);")]);
    for number in 1..count {
        let sql = format!("INSERT INTO log VALUES ({number});--> statement-breakpoint\nSELECT pg_sleep({pause});");
        written.add(&format!("{number:04}_row"), &sql);
    }
    written
}

#[tokio::test]
async fn two_at_once() {
    for way in WAYS {
        let database = Database::new(way);
        let written = counting(20, "0.01");
        let folder = written.folder();
        let (a, b, c) = tokio::join!(tags(&database, &folder), tags(&database, &folder), tags(&database, &folder));
        // One does it all, and the others have nothing to do, though it gives up the lock after each.
        let mut applied: Vec<usize> = [a, b, c].into_iter().map(|result| result.unwrap().len()).collect();
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, 20], "{way:?}");
        assert_eq!(database.psql("SELECT count(*), count(DISTINCT n) FROM log"), "19|19");
        assert_eq!(ledger_rows(&database).lines().count(), 20);
    }
}

#[tokio::test]
async fn what_another_migrator_takes_away_is_not_missed() {
    for way in WAYS {
        let database = Database::new(way);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (n int); CREATE INDEX i ON a (n);")]);
        let mut client = database.client().await;
        written.add("0001_b", "DROP INDEX i; ALTER TABLE a RENAME n TO m;");
        let folder = written.folder();
        // As soon as the first one has applied its first migration, another one applies the rest.
        let mut go_on = |event| {
            if matches!(&event, Event::Applied { tag, .. } if tag == "0000_a") {
                let other = infra(&database, written.path(), &["apply"]).output().expect("the binary runs");
                assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
            }
        };
        let options = Options { to: Some("0000_a".to_owned()), ..Options::default() };
        let applied = apply(&mut client, &folder, &Ledger::default(), &options, &mut go_on).await;
        let applied: Vec<String> =
            applied.expect("nothing is missing").migrations.into_iter().map(|it| it.tag).collect();
        assert_eq!(applied, ["0000_a"], "{way:?}");
        assert_eq!(ledger_rows(&database).lines().count(), 2);
    }
}

/// Waits until a migration of the database sleeps.
async fn is_at_work(database: &Database) {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname";
    while database.psql(&format!("{asked} = '{}'", database.name)) == "0" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_second_says_that_it_waits() {
    let database = Database::new(Way::Pooled);
    let slow =
        Written::new(&[("0000_slow", "CREATE TABLE slow (id int);--> statement-breakpoint\nSELECT pg_sleep(2.5);")]);
    let folder = slow.folder();
    let second = async {
        is_at_work(&database).await;
        run_with(&mut database.client().await, &folder, &Options::default()).await
    };
    let (first, (second, events)) = tokio::join!(tags(&database, &folder), second);
    assert_eq!(first.unwrap().len(), 1);
    assert_eq!(second.unwrap().migrations.len(), 0);
    assert!(events.contains(&Event::Waiting), "{events:?}");

    let impatient = Options { wait: Duration::from_millis(200), ..Options::default() };
    let slower = Written::new(&[
        ("0000_slow", "CREATE TABLE slow (id int);--> statement-breakpoint\nSELECT pg_sleep(2.5);"),
        ("0001_b", "SELECT pg_sleep(1.5);"),
    ]);
    let folder = slower.folder();
    let second = async {
        is_at_work(&database).await;
        run_with(&mut database.client().await, &folder, &impatient).await.0
    };
    let (first, second) = tokio::join!(tags(&database, &folder), second);
    assert_eq!(first.unwrap().len(), 1);
    assert!(matches!(second, Err(Failure::Busy { .. })), "{second:?}");
}

#[tokio::test]
async fn interrupted_by_the_user() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[
            ("0000_a", "CREATE TABLE a (id int);"),
            ("0001_b", "CREATE TABLE b (id int);--> statement-breakpoint\nSELECT pg_sleep(30);"),
        ]);
        let (raise, interrupt) = watch::channel(false);
        let options = Options { interrupt: Some(interrupt), ..Options::default() };
        let started = Instant::now();
        let (mut client, folder) = (database.client().await, written.folder());
        let stop = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            raise.send(true).unwrap();
        };
        let ((result, _), ()) = tokio::join!(run_with(&mut client, &folder, &options), stop);
        match result {
            Err(Failure::Interrupted { applied, pending, half: None }) => {
                assert_eq!((applied.len(), pending.len()), (1, 1))
            }
            other => panic!("{way:?} {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{way:?}: the statement was not cancelled");
        assert_eq!(tables(&database), "a");
        // The connection is still good, and nothing is left locked.
        let again = run_with(&mut client, &Folder::read(&fixture("v0-abc")).unwrap(), &Options::default()).await.0;
        assert!(matches!(again, Err(Failure::Refused { .. })), "{again:?}");
    }
}

/// Each migration of the other one is waited for anew; that is no news.
#[test]
fn that_it_waits_is_said_once() {
    let database = Database::new(Way::Direct);
    let sql = "SELECT pg_sleep(1.5);";
    let slow = Written::new(&[("0000_a", sql), ("0001_b", sql), ("0002_c", sql)]);
    let mut command = infra(&database, slow.path(), &["apply"]);
    let mut working = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let started = Instant::now();
    while database.psql(asleep) != "1" {
        assert!(started.elapsed() < Duration::from_secs(20), "never at work");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = infra(&database, slow.path(), &["apply"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && working.wait().unwrap().success(), "{output:?}");
    assert_eq!(said.matches("another migrator is at work").count(), 1, "{said}");
}

/// Who waits has nothing that could be rolled back.
#[test]
fn interrupted_while_it_waits() {
    let database = Database::new(Way::Direct);
    let slow = Written::new(&[("0000_slow", "CREATE TABLE slow (id int);"), ("0001_slow", "SELECT pg_sleep(30);")]);
    let start = || {
        let mut command = infra(&database, slow.path(), &["apply"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let stop = |child: Child| {
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        child.wait_with_output().unwrap()
    };
    let until = |what: &str, sql: &str| {
        let started = Instant::now();
        while database.psql(sql) != "1" {
            assert!(started.elapsed() < Duration::from_secs(20), "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let working = start();
    let asleep = "query LIKE '%pg_sleep(30)%' AND wait_event = 'PgSleep'";
    until("at work", &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {asleep}"));
    let waiting = start();
    until(
        "waiting",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let waited = stop(waiting);
    let said = String::from_utf8_lossy(&waited.stderr).replace("\n  │ ", " ").replace("\n        ", " ");
    assert_eq!(waited.status.code(), Some(130), "{said}");
    assert!(said.contains("No migration is half done.") && !said.contains("rolled back"), "{said}");
    assert!(said.contains("still to be applied: 0001_slow"), "{said}");
    assert_eq!(stop(working).status.code(), Some(130));
}

#[tokio::test]
async fn a_lost_connection_is_said() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "SELECT pg_sleep(30);")]);
    let (mut client, folder) = (database.client().await, written.folder());
    let cut = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        database.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> \
             pg_backend_pid()",
        )
    };
    let options = Options::default();
    let ((result, _), _) = tokio::join!(run_with(&mut client, &folder, &options), cut);
    assert!(
        matches!(&result, Err(Failure::Lost { tag, applied, .. }) if tag == "0001_b" && applied.len() == 1),
        "{result:?}"
    );
    std::fs::write(written.file("0001_b"), "SELECT 1;").unwrap();
    assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0001_b"]);
}

#[tokio::test]
async fn a_lock_conflict_is_tried_again() {
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE busy (id int)");
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int); ALTER TABLE busy ADD COLUMN n int;")]);
    let blocker = database.client().await;
    let name = database.name.clone();
    let holder = std::thread::spawn(move || {
        let url = servers().url(Way::Direct, &name);
        let sql = "BEGIN; SELECT * FROM busy; SELECT pg_sleep(2.5); COMMIT";
        Command::new("psql").args(["-Xqc", sql, &url]).env("PGSSLMODE", "require").output().unwrap()
    });
    std::thread::sleep(Duration::from_millis(400));
    drop(blocker);
    let options = Options { lock_timeout: Duration::from_millis(200), ..Options::default() };
    let once = Options { attempts: 0, ..options.clone() };
    let (result, _) = run_with(&mut database.client().await, &written.folder(), &once).await;
    let help = miette::Diagnostic::help(&result.unwrap_err()).unwrap().to_string();
    assert!(help.contains("It is held by ") && help.contains("(postgres, \"psql\", active for "), "{help}");
    let (result, events) = run_with(&mut database.client().await, &written.folder(), &options).await;
    assert_eq!(result.unwrap().migrations.len(), 1);
    let held = |event: &Event| matches!(event, Event::Retrying { held_by, .. } if held_by.len() == 1);
    assert!(events.iter().any(held), "{events:?}");
    assert!(holder.join().unwrap().status.success());
}
