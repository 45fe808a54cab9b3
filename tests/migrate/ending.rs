//! What fails once all statements of a migration ran is not blamed on one of them; how long it took; what the server said.

use std::time::Duration;

use infra::migrate::{Event, Options};

use super::command::{infra, shown};
use super::server::{Database, Way, servers};
use super::{Written, run_with, tables};

/// The ledger's row may not be written: that is the ledger's matter, with the same advice as everywhere.
#[tokio::test]
async fn a_ledger_that_may_only_be_read() {
    for (rights, about) in [("SELECT", "table __drizzle_migrations"), ("SELECT, INSERT", "sequence __drizzle")] {
        let database = Database::new(Way::Direct);
        let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
        let up_to = Options { to: Some("0000_a".into()), ..Options::default() };
        run_with(&mut database.client().await, &written.folder(), &up_to).await.0.unwrap();
        let user = format!("reader_{}", database.name);
        database.psql(&format!(
            "CREATE ROLE {user} LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO {user}; GRANT USAGE ON SCHEMA drizzle TO {user}; \
             GRANT {rights} ON drizzle.__drizzle_migrations TO {user}"
        ));
        let url = servers().url(Way::Direct, &database.name);
        let url = url.replacen("postgres:it%27s%20%5C%20a%20secret", &format!("{user}:x"), 1);
        let run = |arguments: &[&str]| {
            let mut command = infra(&database, written.path(), arguments);
            shown(&command.env("DATABASE_URL", &url).output().unwrap())
        };
        let said = run(&["apply"]);
        assert!(
            said.starts_with("exit 1") && said.contains(&format!("The role {user} may not use the ledger")),
            "{said}"
        );
        assert!(said.contains(about) && said.contains("GRANT USAGE ON SCHEMA"), "{said}");
        assert!(!said.contains("line 1") && !said.contains("─ here") && !said.contains("CREATE ON SCHEMA"), "{said}");
        let said = run(&["apply", "--json"]);
        let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert!(last.get("line").is_none() && last["help"].as_str().unwrap().contains("GRANT"), "{last}");
        assert_eq!(tables(&database), "a");
        database.psql(&format!("DROP OWNED BY {user}; DROP ROLE {user}"));
    }
}

#[test]
fn a_deferred_constraint_is_nobodys_line() {
    let database = Database::new(Way::Direct);
    let sql = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n\
               INSERT INTO c VALUES (7);\nCREATE TABLE last (id int);";
    for end in ["", "SELECT 1;"] {
        let mut written = Written::new(&[("0000_a", sql)]);
        if !end.is_empty() {
            written.add("0001_b", end);
        }
        let run = |arguments: &[&str]| shown(&infra(&database, written.path(), arguments).output().unwrap());
        let said = run(&["apply"]).replace("\n  │ ", " ");
        assert!(said.contains("failed at its end, when deferred constraints were checked"), "{said}");
        assert!(said.contains("0000_a.sql)") && said.contains("Key (p)=(7) is not present"), "{said}");
        assert!(!said.contains("─ here") && !said.contains("CREATE TABLE last"), "{said}");
        let all = run(&["apply", "--transaction", "all", "--json"]);
        let last: serde_json::Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
        assert_eq!((&last["at_end"], &last["sqlstate"]), (&true.into(), &"23503".into()), "{last}");
        assert!(last.get("line").is_none(), "{last}");
    }
    assert_eq!(tables(&database), "");
}

/// What a migration waits for is a part of its time, and of the whole.
#[tokio::test]
async fn waiting_is_a_part_of_the_time() {
    let database = Database::new(Way::Direct);
    database.psql("CREATE TABLE busy (id int)");
    let written = Written::new(&[("0000_a", "ALTER TABLE busy ADD COLUMN b int;")]);
    let (limit, name) = (Duration::from_millis(200), database.name.clone());
    let holder = std::thread::spawn(move || {
        let held = Database { name, way: Way::Direct };
        held.psql("BEGIN; LOCK TABLE busy; SELECT pg_sleep(1); COMMIT");
    });
    while database.psql("SELECT count(*) FROM pg_locks WHERE relation = 'busy'::regclass AND pid <> pg_backend_pid()")
        == "0"
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let options = Options { lock_timeout: limit, ..Options::default() };
    let (result, events) = run_with(&mut database.client().await, &written.folder(), &options).await;
    holder.join().unwrap();
    let applied = result.unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Retrying { .. })), "{events:?}");
    assert!(applied.migrations[0].millis >= 200 && applied.millis >= applied.migrations[0].millis, "{applied:?}");
}

#[test]
fn what_the_server_says_is_said_whole() {
    let database = Database::new(Way::Direct);
    let sql = "-- what follows is only said\nDO $$ BEGIN RAISE WARNING 'mind' USING DETAIL = 'the gap', HINT = 'step over it'; END $$;";
    let written = Written::new(&[("0000_a", sql)]);
    let said = shown(&infra(&database, written.path(), &["apply"]).output().unwrap());
    for line in ["WARNING: mind", "DETAIL: the gap", "HINT: step over it"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let database = Database::new(Way::Direct);
    let said = shown(&infra(&database, written.path(), &["apply", "--json"]).output().unwrap());
    assert!(said.contains(r#""detail":"the gap","hint":"step over it""#), "{said}");
    assert!(said.contains(r#""text":"DO $$"#), "{said}");
}
