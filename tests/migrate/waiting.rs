//! Who waits is told for whom and how long, and finds in the end that nothing is left to do.

use std::process::{Output, Stdio};

use super::command::{infra, json, shown};
use super::outside::outside;
use super::server::{Database, Way};
use super::{Written, ledger_rows};

/// A lease of the migration as a holder leaves it that vanished so many seconds ago.
fn vanished(database: &Database, tag: &str, seconds: u32) {
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    database.psql(&format!(
        "INSERT INTO drizzle.__drizzle_migrations (id, hash, created_at) SELECT -1, 'infra lease ' || jsonb_build_object('token', \
         'gone', 'tag', '{tag}', 'done', 0, 'of', 2, 'digest', '{nothing}', 'holder', 'me@elsewhere, process 1', 'stopped', false, \
         'since', t, 'renewed', t)::text, 0 FROM (SELECT (extract(epoch FROM now()) * 1000)::int8 - {seconds} * 1000 AS t) AS it"
    ));
}

#[test]
fn a_holder_that_vanished_is_counted_down() {
    let written = Written::new(&[("0000_t", "CREATE TABLE t (n int);"), ("0001_x", &outside("SELECT 1;\nSELECT 2;"))]);
    let database = Database::new(Way::Direct);
    let run = |arguments: &[&str]| infra(&database, written.path(), arguments).output().unwrap();
    assert!(run(&["apply", "--to", "0000_t"]).status.success());
    // Taken over after 60 s.
    vanished(&database, "0001_x", 58);
    let dry = run(&["apply", "--dry-run"]);
    assert!(shown(&dry).contains("this one takes over in "), "{dry:?}");
    let output = run(&["apply", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let lines = json(&output);
    let held: Vec<_> = lines.iter().filter(|line| line["event"] == "held").collect();
    let left = held[0]["takes_over_in"].as_u64();
    assert!(held.len() == 1 && left.is_some_and(|left| (1..=2).contains(&left)), "{lines:?}");
    assert!(held[0]["by"].as_str().unwrap().contains("me@elsewhere, process 1"), "{lines:?}");
    assert_eq!(lines.last().unwrap()["migrations"][0]["tag"], "0001_x");
}

/// Both are at work at once; whoever comes second waits, and says that nothing is to be done.
#[test]
fn two_baselines_at_once() {
    let written = Written::many(50);
    let database = Database::new(Way::Pooled);
    let spawn = || {
        let mut command = infra(&database, written.path(), &["baseline", "--without-verifying", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs = [(); 4].map(|()| spawn());
    let ends: Vec<Output> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
    let mut recorded = 0;
    for end in &ends {
        let last = json(end).pop().unwrap();
        assert_eq!((end.status.code(), &last["result"]), (Some(0), &"recorded".into()), "{end:?}");
        let (ours, before) = (last["migrations"].as_array().unwrap().len(), last["before"].as_u64().unwrap());
        assert!(matches!((ours, before), (50, 0) | (0, 50)), "{last}");
        recorded += ours;
    }
    assert_eq!((recorded, ledger_rows(&database).lines().count()), (50, 50));
}
