//! Killed at any moment and run again: nothing runs twice, nothing is missing, and what a rebuild has left is cleared away.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use infra::migrate::{Client, Event, Folder, Ledger, Options, Target, apply};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::server::{Database, Way, servers};
use super::{WAYS, Written, ledger_rows, run, tags};

const BASE: &str = "CREATE TABLE t (id int, email text); INSERT INTO t SELECT n, n::text FROM generate_series(1, 2000) n; \
    CREATE TABLE log (n int); CREATE TYPE mood AS ENUM ('sad'); CREATE INDEX t_old ON t (email);";

/// Nothing keeps the rows of `log` apart, so what runs twice shows. The index of before is dropped without a guard.
const OUTSIDE: &str = "-- infra: no-transaction
INSERT INTO log VALUES (101);
CREATE INDEX CONCURRENTLY t_id ON t (id);
INSERT INTO log VALUES (102);
ALTER TYPE mood ADD VALUE 'ok';
CREATE UNIQUE INDEX CONCURRENTLY t_email ON t (email);
DO $$ BEGIN INSERT INTO log VALUES (103); END $$;
REINDEX TABLE CONCURRENTLY t;
INSERT INTO log SELECT 104 FROM pg_sleep(0.02);
DROP INDEX CONCURRENTLY t_old;
VACUUM t;
INSERT INTO log VALUES (105);";

const ROWS: &str = "1 2 3 4 5 6 101 102 103 104 105 201";

fn migrations() -> Written {
    let mut written = Written::new(&[("0000_base", BASE)]);
    for number in 1..=6 {
        let sql = format!("INSERT INTO log VALUES ({number});--> statement-breakpoint\nSELECT pg_sleep(0.01);");
        written.add(&format!("{number:04}_row"), &sql);
    }
    written.add("0007_outside", OUTSIDE);
    written.add("0008_last", "INSERT INTO log VALUES (201);");
    written
}

/// Not a test of its own: what `at_seeded_moments` kills. It waits less long than a user's for a holder that vanished.
#[tokio::test]
#[ignore = "the child process of at_seeded_moments"]
async fn child() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let target = Target::from_url(&variable("TEST_URL"), Some(variable("TEST_CA").into())).unwrap();
    let folder = Folder::read(variable("TEST_FOLDER").as_ref()).unwrap();
    let mut client = Client::connect(&target).await.unwrap();
    let options = Options { patience: Duration::from_millis(50), ..Options::default() };
    let mut events = |event| println!("{event:?}");
    apply(&mut client, &folder, &Ledger::default(), &options, &mut events).await.unwrap();
}

fn start(database: &Database, written: &Written) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["migrate::killing::child", "--exact", "--ignored", "--nocapture"]);
    command.env("TEST_URL", servers().url(database.way, &database.name)).env("TEST_CA", &servers().ca);
    command.env("TEST_FOLDER", written.path()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Runs until some events have happened and a moment more, and then no further; true if it was done before. A run that
/// failed by itself is none that was killed.
fn run_a_while(database: &Database, written: &Written, random: &mut StdRng) -> bool {
    let mut child = start(database, written);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..random.random_range(1..9) {
        lines.next();
    }
    std::thread::sleep(Duration::from_micros(random.random_range(0..15_000)));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "it failed by itself: {status}");
    status.success()
}

#[tokio::test]
async fn at_seeded_moments() {
    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let way = WAYS[usize::try_from(seed % 2).unwrap()];
        let (database, written) = (Database::new(way), migrations());
        let mut kills = 0;
        while !run_a_while(&database, &written, &mut random) {
            kills += 1;
            assert!(kills < 60, "seed {seed}: never done");
        }
        assert!(kills > 2, "seed {seed}: done after {kills} kills");
        let said = format!("seed {seed}, {way:?}, {kills} kills");
        // Whatever order rows came back in: each once.
        assert_eq!(database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), ROWS, "{said}");
        assert_eq!(
            database.psql("SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum"),
            "sad ok",
            "{said}"
        );
        let indexes = "SELECT string_agg(c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END, ', ' ORDER BY c.relname) \
                       FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 't'::regclass";
        assert_eq!(database.psql(indexes), "t_email, t_id", "{said}");
        assert_eq!(database.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0", "{said}");
        let expected: Vec<String> = (1..)
            .zip(written.folder().migrations)
            .map(|(id, it)| format!("{id}|{}|{}", it.hash, it.when_millis))
            .collect();
        let rows = ledger_rows(&database);
        // Ids are a sequence's: what was rolled back leaves a gap.
        let without_ids =
            |text: &str| text.lines().map(|line| line.split_once('|').unwrap().1.to_owned()).collect::<Vec<_>>();
        assert_eq!(without_ids(&rows), without_ids(&expected.join("\n")), "{said}");
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), Vec::<String>::new(), "{said}");
    }
}

/// What a REINDEX CONCURRENTLY leaves that is stopped: an INVALID index with a suffix, which the next one would leave alone.
#[tokio::test]
async fn what_a_rebuild_has_left_is_dropped() {
    for (way, statement) in [
        (Way::Direct, "REINDEX TABLE CONCURRENTLY t"),
        (Way::Pooled, "reindex (verbose, concurrently) index public.t_old"),
    ] {
        let database = Database::new(way);
        database.psql(BASE);
        leave(&database, "t_old_ccnew");
        leave(&database, "t_old_ccnew");
        database.psql("ALTER INDEX t_old_ccnew1 RENAME TO t_old_ccold");
        // One that only looks like it, and one of another table.
        database
            .psql("CREATE INDEX t_mine_ccnew ON t (id); CREATE TABLE u (email text); CREATE INDEX u_old ON u (email)");
        leave_on(&database, "u", "u_old", "u_old_ccnew");

        let written = Written::new(&[("0000_x", &format!("-- infra: no-transaction\n{statement};"))]);
        let (result, events) = run(&mut database.client().await, &written.folder()).await;
        assert_eq!(result.unwrap().migrations.len(), 1);
        let mut dropped: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                Event::Dropped { index, .. } => Some(index.as_str()),
                _ => None,
            })
            .collect();
        dropped.sort_unstable();
        assert_eq!(dropped, ["public.t_old_ccnew", "public.t_old_ccold"], "{statement}");
        let left = "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c WHERE relkind = 'i' AND relname ~ '_cc'";
        assert_eq!(database.psql(left), "t_mine_ccnew u_old_ccnew", "{statement}");
    }
}

fn leave(database: &Database, name: &str) {
    leave_on(database, "t", "t_old", name);
}

/// Stops a rebuild in its middle: it waits for a transaction that writes to the table.
fn leave_on(database: &Database, table: &str, index: &str, name: &str) {
    let writes = format!("BEGIN; INSERT INTO {table} (email) VALUES ('x'); SELECT pg_sleep(60); ROLLBACK");
    let psql = |sql: &str| {
        let mut command = Command::new("psql");
        command.args(["-Xqc", sql, &servers().url(Way::Direct, &database.name)]).env("PGSSLMODE", "require");
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let active = |text: &str| {
        format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '{text}%' AND pid <> pg_backend_pid()"
        )
    };
    let (mut writer, mut rebuild) = (psql(&writes), None);
    wait(|| database.psql(&active("BEGIN; INSERT")) == "1");
    let rebuild: &mut Child = rebuild.insert(psql(&format!("REINDEX INDEX CONCURRENTLY {index}")));
    wait(|| {
        database.psql(&format!("SELECT count(*) FROM pg_class WHERE relname LIKE '{name}%'")) != "0"
            && database.psql(&active("REINDEX")) == "1"
    });
    std::thread::sleep(Duration::from_millis(100));
    database.psql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'REINDEX%'");
    assert!(!rebuild.wait().unwrap().success());
    database.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'BEGIN; INSERT%'");
    writer.wait().unwrap();
}

fn wait(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
}
