//! `infra migrate` as a user runs it: what it prints, and its exit codes.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::server::{Database, Way, servers};
use super::{Written, fixture, tables};

/// Runs beside the folder, so that what is printed has no path of this machine.
pub(super) fn infra(database: &Database, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.arg("migrate").args(arguments).arg("--folder").arg(folder.file_name().unwrap());
    let url = servers().url(database.way, &database.name);
    command.env("DATABASE_URL", url).env("PGSSLROOTCERT", &servers().ca).env("NO_COLOR", "1");
    command.current_dir(folder.parent().unwrap());
    command
}

/// Exit code, standard output and standard error, without what differs from run to run.
pub(super) fn shown(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let text = format!("exit {}\n{out}{error}", output.status.code().unwrap_or(-1));
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let shown = words.iter().enumerate().map(|(index, word)| match words.get(index + 1) {
            Some(unit) if unit.starts_with("ms") => "N",
            _ if word.starts_with("postgres@127.0.0.1:") => "postgres@127.0.0.1:PORT/NAME",
            _ => word,
        });
        shown.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a run has printed for a program; the last line of each says with which code it ended.
#[track_caller]
pub(super) fn json(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    if let (Some(code), Some(last)) = (output.status.code(), lines.last()) {
        assert_eq!(last["exit_code"].as_i64(), Some(code.into()), "{last}");
        assert!(last["result"].is_string(), "{last}");
    }
    lines
}

#[test]
fn from_nothing_to_applied() {
    let database = Database::new(Way::Pooled);
    let folder = fixture("example");
    let run = |arguments: &[&str]| shown(&infra(&database, &folder, arguments).output().unwrap());
    insta::assert_snapshot!("status_before", run(&["status"]));
    insta::assert_snapshot!("apply", run(&["apply"]));
    insta::assert_snapshot!("apply_again", run(&["apply"]));
    insta::assert_snapshot!("status_after", run(&["status"]));
}

#[test]
fn dry_runs_run_nothing() {
    let database = Database::new(Way::Direct);
    let folder = fixture("v0-abc");
    let output = infra(&database, &folder, &["apply", "--dry-run", "--to", "0001_b"]).output().unwrap();
    insta::assert_snapshot!("dry_run", shown(&output));
    assert_eq!(database.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'drizzle'"), "0");
    // Where every statement ends in a semicolon, what is printed is SQL that does the same.
    database.psql(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(tables(&database), "a b");
    let again = infra(&database, &folder, &["apply", "--dry-run", "--transaction", "all"]).output().unwrap();
    let text = String::from_utf8(again.stdout).unwrap();
    assert_eq!(
        (text.matches("BEGIN;").count(), text.matches("COMMIT;").count(), text.matches("insert into").count()),
        (1, 1, 2)
    );
    database.psql(&text);
    let current = infra(&database, &folder, &["status", "--exit-code"]).output().unwrap();
    assert_eq!(current.status.code(), Some(0), "{}", shown(&current));
}

#[test]
fn failures_are_shown_with_their_place() {
    let database = Database::new(Way::Pooled);
    let folder = fixture("v0-trap-fails-in-the-middle");
    let output = infra(&database, &folder, &["apply"]).output().unwrap();
    insta::assert_snapshot!("failure", shown(&output));
    let output = infra(&database, &folder, &["apply", "--json"]).output().unwrap();
    let last = json(&output).pop().unwrap();
    assert_eq!((last["result"].as_str(), last["sqlstate"].as_str()), (Some("failed"), Some("42P01")));
    assert_eq!((last["tag"].as_str(), last["line"].as_u64()), (Some("0002_c"), Some(2)));
}

#[test]
fn refusals_name_every_reason() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (id bigint);").unwrap();
    std::fs::write(written.file("0002_stray"), "").unwrap();
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    insta::assert_snapshot!("refusals", shown(&output));
    let output = infra(&database, written.path(), &["status", "--exit-code"]).output().unwrap();
    insta::assert_snapshot!("status_refused", shown(&output));
}

/// A long history is told by its ends; what is not in order is always shown.
#[test]
fn the_status_of_a_thousand() {
    let database = Database::new(Way::Direct);
    let mut written = Written::many(1000);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    std::fs::write(written.file("0700_m"), "SELECT 7;").unwrap();
    written.add("1000_next", "SELECT 1;");
    let run = |arguments: &[&str]| shown(&infra(&database, written.path(), arguments).output().unwrap());
    insta::assert_snapshot!("status_of_a_thousand", run(&["status"]));
    assert_eq!(run(&["status", "--all"]).lines().filter(|line| line.contains("  applied (file of 2027-")).count(), 999);
}

/// Where a cloud is named, the database is a stack's.
#[test]
fn a_cloud_without_a_stack() {
    let here = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "verify", "--local"]).current_dir(here.path()).env("NO_COLOR", "1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(shown(&output).contains("Give --stack FILE with it"), "{output:?}");
    // What the environment names does not stand against what the command line does.
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command
        .args(["migrate", "status", "--stack", "none.yaml"])
        .current_dir(here.path())
        .env("DATABASE_URL", "postgres://a@b/c");
    let output = command.output().unwrap();
    assert!(shown(&output).contains("none.yaml cannot be read"), "{output:?}");
}

#[test]
fn bad_input_is_3_and_names_the_place() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "")]);
    let journal = written.path().join("meta/_journal.json");
    std::fs::write(&journal, "{\n  \"entries\": [\n<<<<<<< HEAD\n").unwrap();
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    insta::assert_snapshot!("conflict", shown(&output));
    let mut command = infra(&database, &fixture("v0-abc"), &["apply"]);
    let output = command.env("DATABASE_URL", "postgres://me:hunter2@:x/").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    let output = infra(&database, &fixture("v0-abc"), &["apply", "--lock-timeout", "-1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn variables_in_place_of_a_url() {
    let database = Database::new(Way::Direct);
    let mut command = infra(&database, &fixture("v0-abc"), &["apply", "--json"]);
    command.env_remove("DATABASE_URL").env("DB_HOST", "127.0.0.1").env("DB_PORT", servers().postgres.to_string());
    command.env("DB_NAME", &database.name).env("DB_USERNAME", "postgres").env("DB_PASSWORD", super::server::PASSWORD);
    let lines = json(&command.output().unwrap());
    let applied = lines.iter().filter(|line| line["event"] == "applied").count();
    assert_eq!((applied, lines.last().unwrap()["migrations"].as_array().unwrap().len()), (4, 4), "{lines:?}");
}

#[test]
fn interrupted_is_130_and_leaves_no_half() {
    let database = Database::new(Way::Pooled);
    let written = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);"),
        ("0001_b", "CREATE TABLE b (id int);--> statement-breakpoint\nSELECT pg_sleep(30);"),
    ]);
    let mut command = infra(&database, written.path(), &["apply", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = std::time::Instant::now();
    while tables(&database) != "a" {
        assert!(started.elapsed().as_secs() < 10);
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(200));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(json(&output).pop().unwrap()["result"], "interrupted");
    assert!(started.elapsed().as_secs() < 15);
    assert_eq!(tables(&database), "a");
}

#[test]
fn a_missing_file_is_shown_and_refused() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);"), ("0001_b", "CREATE TABLE b (id int);")]);
    assert!(infra(&database, written.path(), &["apply", "--to", "0000_a"]).output().unwrap().status.success());
    for tag in ["0000_a", "0001_b"] {
        std::fs::remove_file(written.file(tag)).unwrap();
    }
    insta::assert_snapshot!(
        "status_missing",
        shown(&infra(&database, written.path(), &["status", "--exit-code"]).output().unwrap())
    );
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(shown(&output).contains("The migration 0000_a has no file"), "{output:?}");
}

/// The variables of the file, as `infra local env` writes them; those of the environment go before, all or none.
#[test]
fn the_database_of_env_local() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let here = written.path().parent().unwrap();
    let file = here.join(".env.local");
    let (port, ca) = (servers().postgres, servers().ca.display());
    let text = format!(
        "# the database\nDB_HOST=127.0.0.1\nexport DB_PORT={port}\nDB_NAME={}\nDB_USERNAME=postgres\n\
         DB_PASSWORD=\"it's \\\\ a secret\"\nDB_CA_FILE='{ca}'\n",
        database.name
    );
    let run = |arguments: &[&str]| {
        let mut command = infra(&database, written.path(), arguments);
        command.env_remove("DATABASE_URL").env_remove("PGSSLROOTCERT");
        command
    };
    std::fs::write(&file, &text).unwrap();
    let output = run(&["apply"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = shown(&output);
    assert!(
        said.contains("The database of DB_HOST in .env.local: postgres@127.0.0.1:") && !said.contains("secret"),
        "{said}"
    );
    // `lint` finds it as well, however it is written.
    let url = servers().url(Way::Direct, &database.name);
    for text in [text.replace("DB_HOST=", "export DB_HOST="), format!("DATABASE_URL={url}\nPGSSLROOTCERT='{ca}'\n")] {
        std::fs::write(&file, &text).unwrap();
        let output = run(&["lint", "--json"]).output().unwrap();
        assert_eq!(json(&output).pop().unwrap()["applied"], 1, "{text}\n{output:?}");
    }
    std::fs::write(&file, &text).unwrap();
    let elsewhere = run(&["status"]).env("DB_HOST", "127.0.0.1").output().unwrap();
    assert!(shown(&elsewhere).contains("DB_NAME is not set"), "{elsewhere:?}");
    std::fs::write(&file, "DB_HOST=127.0.0.1\nDB_PASSWORD=\"hunter2\n").unwrap();
    let output = run(&["status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = shown(&output);
    assert!(said.contains("line 2") && !said.contains("hunter2"), "{said}");
}

#[test]
fn sslmode_disable_is_for_this_machine() {
    let database = Database::new(Way::Direct);
    let mut command = infra(&database, &fixture("v0-abc"), &["status"]);
    let output = command.env("DATABASE_URL", "postgres://me:hunter2@db.example/x?sslmode=disable").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = shown(&output).replace("\n  │ ", " ");
    assert!(said.contains("in the clear to db.example") && !said.contains("hunter2"), "{said}");
}

/// The configuration of Drizzle is a program: it is not run, but said what to take from it.
#[test]
fn drizzle_config_is_pointed_at() {
    let database = Database::new(Way::Direct);
    let folder = fixture("example");
    let here = folder.parent().unwrap().parent().unwrap();
    assert!(here.join("drizzle.config.ts").is_file());
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "status"]).current_dir(here).env("NO_COLOR", "1");
    let output = command.env("DATABASE_URL", servers().url(Way::Direct, &database.name)).output().unwrap();
    insta::assert_snapshot!("drizzle_config", shown(&output));
}

/// Where it says in so many words that it keeps another book, that is told; and nothing where it does not.
#[test]
fn another_ledger_in_drizzle_config_is_told() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    let here = written.path().parent().unwrap();
    let run = |config: &str, arguments: &[&str]| {
        std::fs::write(here.join("drizzle.config.ts"), format!("export default defineConfig({{ {config} }});"))
            .unwrap();
        let output = infra(&database, written.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        shown(&output).lines().find(|line| line.contains("drizzle.config.ts")).unwrap_or_default().to_owned()
    };
    let said = run("out: './migrations', migrations: { schema: 'app', table: 'log' }", &["status"]);
    assert!(said.contains("the ledger app.log, and infra goes by drizzle.__drizzle_migrations"), "{said}");
    assert!(said.contains("--ledger app.log"), "{said}");
    for (config, arguments) in [
        ("out: './migrations', migrations: { schema: 'app', table: 'log' }", &["status", "--ledger", "app.log"][..]),
        ("out: './migrations', migrations: { schema: 'drizzle' }", &["status"]),
        ("out: './migrations' /* migrations: { table: 'log' } */", &["apply"]),
        ("out: './elsewhere', migrations: { table: 'log' }", &["status"]),
        ("out: process.env.OUT, migrations: { table: 'log' }", &["status"]),
        ("out: './migrations', migrations: { table: 'log' }", &["status", "--json"]),
    ] {
        assert_eq!(run(config, arguments), "", "{config} {arguments:?}");
    }
}
