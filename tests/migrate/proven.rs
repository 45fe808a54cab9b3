//! What was shown to go wrong once, on a real server: what is recorded has happened, and what is half done is not forgotten.

use std::time::Duration;

use infra::migrate::{Accept, Allow, Client, Event, Failure, LedgerError, Options, Refusal, Secret};

use super::outside::{TABLE, index, leases, outside, psql, until};
use super::server::{Database, Way};
use super::{WAYS, Written, ledger_rows, run, run_with, tables, tags};

const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The lease of a holder that vanished, after nothing of its one statement is known to be done.
fn leave_lease(database: &Database, tag: &str, more: &str) {
    let lease = format!(
        "{{\"token\":\"gone\",\"tag\":\"{tag}\",\"done\":0,\"of\":1,\"digest\":\"{NOTHING}\",\"holder\":\"x\",\"stopped\":false{more}}}"
    );
    database.psql(&format!(
        "INSERT INTO drizzle.__drizzle_migrations (id, hash, created_at) VALUES (-1, 'infra lease {lease}', 0)"
    ));
}

/// A role that owns `t` and may write the ledger, and sees nothing of what other roles run.
async fn other_role(database: &Database) -> Client {
    let role = format!("other_{}", database.name);
    database.psql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; ALTER TABLE t OWNER TO {role}; GRANT ALL ON SCHEMA public, drizzle TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA drizzle TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA drizzle TO {role}"
    ));
    let mut target = database.target();
    (target.user, target.password) = (role, Secret::new("x"));
    Client::connect(&target).await.unwrap()
}

fn up_to(tag: &str) -> Options {
    Options { to: Some(tag.into()), patience: Duration::from_millis(100), ..Options::default() }
}

#[tokio::test]
async fn an_edited_migration_beyond_the_last_one_wanted_is_left_alone() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "SELECT 2;"), ("0002_c", "SELECT 3;")]);
    tags(&database, &written.folder()).await.unwrap();
    let rows = ledger_rows(&database);
    for tag in ["0000_a", "0002_c"] {
        std::fs::write(written.file(tag), "SELECT 4;").unwrap();
    }
    let allow = Allow { edited: Accept::All, ..Allow::default() };
    let (result, _) = run_with(&mut database.client().await, &written.folder(), &up_to("0001_b")).await;
    assert!(matches!(&result, Err(Failure::Refused { .. })), "{result:?}");
    assert_eq!(ledger_rows(&database), rows, "nobody has accepted it");
    let options = Options { allow, ..up_to("0001_b") };
    run_with(&mut database.client().await, &written.folder(), &options).await.0.unwrap();
    let hash = &written.folder().migrations[0].hash;
    let now = ledger_rows(&database);
    assert_eq!(now.lines().next().unwrap().split('|').nth(1), Some(hash.as_str()));
    assert_eq!(now.lines().nth(2), rows.lines().nth(2), "--to 0001_b is before it");
    let (result, _) = run(&mut database.client().await, &written.folder()).await;
    assert!(
        matches!(&result, Err(Failure::Refused { refusals, .. }) if matches!(&refusals[..], [Refusal::Edited { tag, .. }] if tag == "0002_c")),
        "{result:?}"
    );
}

#[tokio::test]
async fn what_is_half_done_beyond_the_last_one_wanted_is_not_forgotten() {
    let database = Database::new(Way::Pooled);
    let sql = outside("INSERT INTO log VALUES (1);\nINSERT INTO nope VALUES (2);");
    let mut written = Written::new(&[("0000_t", TABLE)]);
    tags(&database, &written.folder()).await.unwrap();
    written.add("0002_x", &sql);
    assert!(matches!(tags(&database, &written.folder()).await, Err(Failure::Statement(_))));
    // One that comes before it, as a merge may bring it.
    let written = Written::new(&[("0000_t", TABLE), ("0001_m", "SELECT 1;"), ("0002_x", &sql.replace("nope", "log"))]);
    database.psql("UPDATE drizzle.__drizzle_migrations SET created_at = 1800000000123 WHERE id > 0");
    let (result, _) = run_with(&mut database.client().await, &written.folder(), &up_to("0001_m")).await;
    assert!(
        matches!(&result, Err(Failure::Refused { refusals, .. }) if matches!(&refusals[..], [Refusal::HalfDone { .. }])),
        "{result:?}"
    );
    assert_eq!((leases(&database).as_str(), database.psql("SELECT count(*) FROM log").as_str()), ("1", "1"));
}

/// What the ledger itself refuses is not the fault of a statement that ended the transaction; and a row that it drops in silence
/// is none.
#[tokio::test]
async fn a_ledger_that_does_not_take_the_row() {
    for together in [false, true] {
        let database = Database::new(Way::Pooled);
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
        tags(&database, &written.folder()).await.unwrap();
        written.add("0001_b", "CREATE TABLE b (id int);");
        written.add("0002_c", "CREATE TABLE c (id int);");
        let options = Options { together, ..Options::default() };
        for (body, code) in [("RAISE 'not today';", Some("P0001")), ("RETURN NULL;", None)] {
            database.psql(&format!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$; CREATE OR REPLACE \
                 TRIGGER refuse BEFORE INSERT ON drizzle.__drizzle_migrations FOR EACH ROW EXECUTE FUNCTION refuse()"
            ));
            let (result, events) = run_with(&mut database.client().await, &written.folder(), &options).await;
            match (code, &result) {
                (Some(expected), Err(Failure::Ledger(LedgerError::Database { code, .. }))) => {
                    assert_eq!(code, expected)
                }
                (None, Err(Failure::Ledger(LedgerError::Unsteady(_)))) => {}
                _ => panic!("{body}: {result:?}"),
            }
            assert!(!events.iter().any(|event| matches!(event, Event::Applied { .. })), "{events:?}");
            assert_eq!((tables(&database).as_str(), ledger_rows(&database).lines().count()), ("a", 1), "{body}");
        }
    }
}

/// A table that somebody has locked as a whole is not waited for without end, nor taken for another migrator.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_locked() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    tags(&database, &written.folder()).await.unwrap();
    let mut other = psql(&database, "BEGIN; LOCK TABLE drizzle.__drizzle_migrations; SELECT pg_sleep(60)");
    until(
        &database,
        "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = \
                      'drizzle.__drizzle_migrations'::regclass",
        "1",
    );
    let (result, _) = run(&mut database.client().await, &written.folder()).await;
    assert!(matches!(&result, Err(Failure::Ledger(LedgerError::Locked(_)))), "{result:?}");
    database.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE%'");
    other.wait().unwrap();
}

/// An index that stayed INVALID is none, whatever others build meanwhile where this role cannot see what.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_is_not_taken_for_one_that_is_being_built() {
    let database = Database::new(Way::Direct);
    let unique = outside("CREATE UNIQUE INDEX CONCURRENTLY t_email ON t (email);");
    let written = Written::new(&[("0000_t", TABLE), ("0001_index", &unique)]);
    run_with(&mut database.client().await, &written.folder(), &up_to("0000_t")).await.0.unwrap();
    database.psql("INSERT INTO t VALUES (1, 'x'), (2, 'x')");
    assert!(matches!(tags(&database, &written.folder()).await, Err(Failure::Statement(_))));
    assert_eq!(index(&database, "t_email"), "INVALID");
    database.psql("DELETE FROM drizzle.__drizzle_migrations WHERE id = -1; CREATE TABLE u (x int)");
    let mut client = other_role(&database).await;
    leave_lease(&database, "0001_index", &format!(",\"making\":\"t_email\",\"role\":\"other_{}\"", database.name));

    let mut blocker = psql(&database, "INSERT INTO u VALUES (1); SELECT pg_sleep(3)");
    until(
        &database,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO u%' AND state = 'active'",
        "1",
    );
    let mut building = psql(&database, "CREATE INDEX CONCURRENTLY u_x ON u (x)");
    until(&database, "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()", "1");
    let folder = written.folder();
    let applying = tokio::spawn(async move { run_with(&mut client, &folder, &up_to("0001_index")).await });
    tokio::time::sleep(Duration::from_millis(900)).await;
    let rows = ledger_rows(&database);
    assert!(!rows.contains(&written.folder().migrations[1].hash), "recorded, though the index is INVALID");
    blocker.wait().unwrap();
    building.wait().unwrap();
    let (result, events) = applying.await.unwrap();
    assert!(matches!(&result, Err(Failure::Statement(failure)) if failure.code == "23505"), "{result:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Dropped { .. })), "{events:?}");
}

/// What another role runs is not shown; that it holds locks is. So it is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_of_another_role_that_is_at_work_keeps_its_lease() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = outside("INSERT INTO log SELECT 1 FROM pg_sleep(1.5);");
        let written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
        run_with(&mut database.client().await, &written.folder(), &up_to("0000_t")).await.0.unwrap();
        let direct = Database { name: database.name.clone(), way: Way::Direct };
        let mut other = other_role(&direct).await;
        database.psql(&format!("GRANT ALL ON log TO other_{}", database.name));
        let (mut client, folder) = (database.client().await, written.folder());
        let first = tokio::spawn(async move { run_with(&mut client, &folder, &Options::default()).await.0 });
        until(&database, "SELECT count(*) FROM drizzle.__drizzle_migrations WHERE id = -1", "1");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (second, events) = run_with(&mut other, &written.folder(), &up_to("0001_x")).await;
        assert_eq!(first.await.unwrap().unwrap().migrations.len(), 1, "{way:?}");
        assert_eq!(second.unwrap().migrations.len(), 0, "{way:?}");
        assert!(events.iter().any(|event| matches!(event, Event::Held { .. })), "{events:?}");
        assert_eq!(database.psql("SELECT count(*) FROM log"), "1", "a statement ran twice");
    }
}

#[tokio::test]
async fn the_session_is_put_back_without_a_transaction_too() {
    for way in WAYS {
        let database = Database::new(way);
        let sql = outside("CREATE SCHEMA s; SELECT set_config('search_path', 's', false); CREATE TABLE b (i int);");
        let written = Written::new(&[("0000_x", &sql), ("0001_y", "CREATE TABLE y (i int);")]);
        run(&mut database.client().await, &written.folder()).await.0.unwrap();
        let schemas = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE tablename IN ('b', 'y')";
        assert_eq!(database.psql(schemas), "public.b public.y", "{way:?}");
    }
}

/// A DO block with a COMMIT of its own: what it has committed when the connection is lost is there.
#[tokio::test]
async fn what_may_run_twice_is_said_when_the_connection_is_lost() {
    let database = Database::new(Way::Direct);
    let sql = outside("DO $$ BEGIN INSERT INTO log VALUES (1); COMMIT; PERFORM pg_sleep(30); END $$;");
    let written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
    let (mut client, folder) = (database.client().await, written.folder());
    let cut = async {
        while !tables(&database).contains("log") || database.psql("SELECT count(*) FROM log") == "0" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        database.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> \
             pg_backend_pid()",
        )
    };
    let options = Options::default();
    let ((result, _), _) = tokio::join!(run_with(&mut client, &folder, &options), cut);
    let Err(Failure::Lost { half: Some(half), applied, .. }) = &result else { panic!("{result:?}") };
    assert_eq!((half.done, half.uncertain, applied.len()), (0, true, 1));
    let help = miette::Diagnostic::help(result.as_ref().unwrap_err()).unwrap().to_string();
    assert!(help.contains("number 1 may be") && !help.contains("nothing runs twice"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_too_long_says_what_it_has_applied() {
    let database = Database::new(Way::Direct);
    let written =
        Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "SELECT pg_sleep(1.5);"), ("0002_c", "SELECT 1;")]);
    let options = Options { wait: Duration::from_millis(300), ..Options::default() };
    let (mut client, folder) = (database.client().await, written.folder());
    let applying = tokio::spawn(async move { run_with(&mut client, &folder, &options).await.0 });
    let active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(1.5)%' AND state = 'active'";
    until(&database, active, "1");
    // It is next in the queue, before the migrator's own third transaction.
    let key = "SELECT pg_advisory_xact_lock((classid::bigint << 32) | objid::bigint) FROM pg_locks WHERE locktype = 'advisory' \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut holder = psql(&database, &format!("{key}; SELECT pg_sleep(3)"));
    let failure = applying.await.unwrap().unwrap_err();
    holder.wait().unwrap();
    assert!(matches!(&failure, Failure::Busy { applied, .. } if applied.len() == 2), "{failure:?}");
    assert!(failure.to_string().ends_with("Applied before it: 0000_a, 0001_b."), "{failure}");
}

/// Each would have made the migrator look again for ever.
#[tokio::test]
async fn a_ledger_that_is_none_ends_in_a_refusal() {
    const TABLE: &str = "CREATE TABLE drizzle.x (id serial, hash text, created_at bigint)";
    let folder = Written::new(&[("0000_a", "SELECT 1;")]).folder();
    for made in [
        "CREATE MATERIALIZED VIEW drizzle.__drizzle_migrations AS SELECT * FROM drizzle.x",
        "CREATE INDEX __drizzle_migrations ON drizzle.x (id, hash, created_at)",
        "CREATE SEQUENCE drizzle.__drizzle_migrations",
    ] {
        let database = Database::new(Way::Direct);
        database.psql(&format!("CREATE SCHEMA drizzle; {TABLE}; {made}"));
        let result = tokio::time::timeout(Duration::from_secs(20), tags(&database, &folder)).await.expect(made);
        assert!(matches!(result, Err(Failure::Ledger(LedgerError::NotALedger(_)))), "{made}: {result:?}");
    }
    let database = Database::new(Way::Direct);
    database.psql(&format!(
        "CREATE SCHEMA drizzle; {TABLE}; ALTER TABLE drizzle.x RENAME TO __drizzle_migrations; \
         INSERT INTO drizzle.__drizzle_migrations VALUES (-5, 'abc', 5)"
    ));
    let options = Options { allow: Allow { unknown_rows: true, ..Allow::default() }, ..Options::default() };
    let mut client = database.client().await;
    let applying = run_with(&mut client, &folder, &options);
    let (result, _) = tokio::time::timeout(Duration::from_secs(20), applying).await.expect("a negative id");
    assert_eq!(result.unwrap().migrations.len(), 1);

    // A ledger that shows nothing of what is written to it.
    let database = Database::new(Way::Direct);
    database.psql(&format!("CREATE SCHEMA drizzle; {TABLE}; CREATE TABLE drizzle.y (n int)"));
    database.psql(
        "CREATE VIEW drizzle.__drizzle_migrations AS SELECT id, hash, created_at FROM drizzle.x WHERE random() < 0.0000001 \
         OR EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()); INSERT INTO drizzle.x VALUES (1, 'abc', 5)",
    );
    let mut client = database.client().await;
    let applying = run_with(&mut client, &folder, &options);
    let (result, _) = tokio::time::timeout(Duration::from_secs(20), applying).await.expect("a view that changes");
    assert!(matches!(result, Err(Failure::Ledger(LedgerError::Unsteady(_)))), "{result:?}");
}

/// In one transaction for all, who breaks a deferred constraint is blamed; and what the next one defers is deferred still.
#[tokio::test]
async fn a_deferred_constraint_is_the_failure_of_the_migration_that_breaks_it() {
    const KEYS: &str =
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);";
    let options = Options { together: true, ..Options::default() };
    let broken = [("0000_k", KEYS), ("0001_broken", "INSERT INTO c VALUES (1);"), ("0002_z", "SELECT 1;")];
    let fine = [
        ("0000_k", KEYS),
        ("0001_y", "SELECT 1;"),
        ("0002_late", "INSERT INTO c VALUES (1); INSERT INTO p VALUES (1);"),
    ];
    let database = Database::new(Way::Direct);
    let (result, _) = run_with(&mut database.client().await, &Written::new(&broken).folder(), &options).await;
    let Err(Failure::Statement(failure)) = &result else { panic!("{result:?}") };
    assert_eq!((failure.tag.as_str(), failure.code.as_str()), ("0001_broken", "23503"));
    assert_eq!(tables(&database), "");
    run_with(&mut database.client().await, &Written::new(&fine).folder(), &options).await.0.unwrap();
    assert_eq!(database.psql("SELECT count(*) FROM c"), "1");
}
