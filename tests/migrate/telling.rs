//! What `infra migrate` says where nothing fails, and where a success would hide something.

use std::path::Path;

use super::command::{infra, json, shown};
use super::server::{Database, Way};
use super::{Written, fixture, tables};

fn run(database: &Database, folder: &Path, arguments: &[&str]) -> String {
    shown(&infra(database, folder, arguments).output().unwrap())
}

/// Drizzle records it; so do we, and say that nothing ran.
#[test]
fn a_migration_without_a_statement_is_told() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);"),
        ("0001_b", "-- Custom SQL migration file, put your code below! --CREATE TABLE b (id int);\n"),
        ("0002_c", "-- infra: no-transaction\n--> statement-breakpoint\n;"),
    ]);
    let lines = json(&infra(&database, written.path(), &["apply", "--json"]).output().unwrap());
    let empty: Vec<_> = lines.iter().filter(|line| line["event"] == "empty").collect();
    assert_eq!(empty.len(), 2, "{lines:?}");
    assert_eq!((&empty[0]["tag"], &empty[0]["swallowed"]), (&"0001_b".into(), &true.into()));
    assert_eq!((&empty[1]["tag"], &empty[1]["swallowed"]), (&"0002_c".into(), &false.into()));
    assert_eq!(tables(&database), "a");

    let other = Database::new(Way::Direct);
    let said = run(&other, written.path(), &["apply"]);
    assert!(
        said.contains("⚠ 0001_b has no statement: what is in it stands on the comment's line; nothing ran"),
        "{said}"
    );
}

/// What is appended to a new migration is a statement, and not a part of its comment.
#[test]
fn what_is_appended_to_a_new_migration_runs() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    for (name, option) in [("plain", None), ("outside", Some("--no-transaction"))] {
        let mut new = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        let new = new.args(["migrate", "new", name, "--json", "--folder"]).arg(written.path()).args(option);
        let added: serde_json::Value = serde_json::from_slice(&new.output().unwrap().stdout).unwrap();
        let path = added["path"].as_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, format!("{text}CREATE TABLE {name} (id int);\n")).unwrap();
    }
    let said = run(&database, written.path(), &["apply"]);
    assert!(!said.contains("no statement"), "{said}");
    assert_eq!(tables(&database), "a outside plain");
}

/// Seeds and base64 come in lines of megabytes; the place is shown all the same, and the rest of the line is not.
#[test]
fn a_failure_far_out_in_a_line_is_shown() {
    let database = Database::new(Way::Direct);
    let values = "('é'), ".repeat(20_000);
    let seed = format!("CREATE TABLE s (t text);\nINSERT INTO s VALUES {values}(oops);");
    let written = Written::new(&[("0000_seed", &seed)]);
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("0000_seed.sql:2:") && said.contains("(oops);"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() < 200), "{said}");

    let lint = format!("/* {} */ CREATE TABLE l (t text); CREATE TABLE l (t text);", "x".repeat(70_000));
    let written = Written::new(&[("0000_lint", &lint)]);
    for arguments in [&["lint", "--assume-pending"][..], &["lint", "--assume-pending", "--verbose"]] {
        let output = infra(&database, written.path(), arguments).env_remove("DATABASE_URL").output().unwrap();
        let said = shown(&output);
        assert_eq!(output.status.code(), Some(1), "{}", &said[said.len().saturating_sub(2_000)..]);
        assert!(said.lines().all(|line| line.chars().count() < 200), "too wide");
    }
}

/// What git left of a merge is found before anything runs, and rewritten by nobody.
#[test]
fn an_unfinished_merge_in_a_migration_is_refused() {
    let database = Database::new(Way::Direct);
    let merge = "CREATE TABLE b (id int);\n<<<<<<< HEAD\nALTER TABLE b ADD COLUMN c int;\n=======\nALTER TABLE b ADD COLUMN d int;\n\
                 >>>>>>> feature\n";
    let written = Written::new(&[
        ("0000_a", "CREATE TABLE a (id int);--> statement-breakpoint\nSELECT 1;"),
        ("0001_b", merge),
        ("0002_c", "CREATE TABLE c (t text);\nINSERT INTO c VALUES ('\n<<<<<<< data\n');"),
    ]);
    let output = infra(&database, written.path(), &["apply"]).output().unwrap();
    insta::assert_snapshot!("unfinished_merge", shown(&output));
    assert_eq!(tables(&database), "", "0000_a was applied");
    let lint = run(&database, written.path(), &["lint"]);
    assert!(lint.contains("conflict-marker") && !lint.contains("No breakpoint before ======="), "{lint}");
    run(&database, written.path(), &["lint", "--fix"]);
    assert_eq!(std::fs::read_to_string(written.file("0001_b")).unwrap(), merge);
}

/// Nothing that is applied is in a snapshot, but drizzle-kit generates the next migration from it.
#[test]
fn an_unfinished_merge_in_a_snapshot_is_found() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let snapshot = written.path().join("meta/0000_snapshot.json");
    std::fs::write(&snapshot, "{\n<<<<<<< HEAD\n  \"id\": \"1\"\n=======\n  \"id\": \"2\"\n>>>>>>> feature\n}")
        .unwrap();
    let database = Database::new(Way::Direct);
    let output = infra(&database, written.path(), &["lint"]).output().unwrap();
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in ["conflict-marker", "0000_snapshot.json:2:1", "drizzle-kit generate"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert_eq!(infra(&database, written.path(), &["apply"]).output().unwrap().status.code(), Some(0));
}

/// A password that is not percent-encoded is taken apart by nobody: a part of it would be shown as the host.
#[test]
fn no_part_of_a_password_is_shown() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    for password in ["ab@cdsecret#ef", "ab/cdsecret", "ab?cdsecret=ef"] {
        let url = format!("postgres://u:{password}@127.0.0.1:5/db");
        for arguments in [&["status"][..], &["apply", "--json"]] {
            let output = infra(&database, written.path(), arguments).env("DATABASE_URL", &url).output().unwrap();
            let said = shown(&output).replace("\n  │ ", " ");
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains("percent-encoded") && !said.contains("secret"), "{said}");
        }
    }
}

/// Of a statement with a password the rest is shown: while it runs, where it fails, and where lint finds something.
#[test]
fn passwords_of_roles_are_shown_nowhere() {
    let database = Database::new(Way::Direct);
    let role = format!("role_{}", database.name);
    let written = Written::new(&[(
        "0000_role",
        &format!(
            "CREATE ROLE {role} PASSWORD 'hunter2';--> statement-breakpoint\nALTER ROLE nobody PASSWORD 'hunter2';"
        ),
    )]);
    for arguments in [&["apply"][..], &["apply", "--json"], &["lint", "--json"], &["lint", "--verbose"]] {
        let said = run(&database, written.path(), arguments);
        assert!(said.contains("ROLE") && !said.contains("hunter2"), "{said}");
    }
    let lines = json(&infra(&database, written.path(), &["apply", "--json"]).output().unwrap());
    let statement = format!("CREATE ROLE {role} PASSWORD '*******'");
    assert!(lines.iter().any(|line| line["text"] == statement.as_str()), "{lines:?}");
    let fixed = Written::new(&[("0000_a", "CREATE TABLE a (id int); ALTER ROLE nobody PASSWORD 'hunter2';")]);
    let said = run(&database, fixed.path(), &["lint", "--fix", "--dry-run"]);
    assert!(said.contains("+CREATE TABLE IF NOT EXISTS a") && !said.contains("hunter2"), "{said}");
    let half = Written::new(&[(
        "0000_half",
        &format!("-- infra: no-transaction\nCREATE ROLE half_{role} PASSWORD 'hunter2';\nSELECT nope;"),
    )]);
    run(&database, half.path(), &["apply"]);
    let said = run(&database, half.path(), &["unlock", "--yes"]);
    assert!(said.contains(&format!("CREATE ROLE half_{role} PASSWORD '*******'")), "{said}");
}

/// Without breakpoints all statements of a file go out together, and are counted all the same.
#[test]
fn what_runs_is_counted_in_statements() {
    let database = Database::new(Way::Pooled);
    let lines = json(&infra(&database, &fixture("v0-nobreakpoints"), &["apply", "--json"]).output().unwrap());
    let told = lines.iter().filter(|line| line["event"] == "statement" && line["tag"] == "0001_d");
    let told: Vec<String> =
        told.map(|it| format!("{}/{} {}", it["number"], it["of"], it["text"].as_str().unwrap())).collect();
    let expected = [
        r#"1/4 CREATE TYPE "public"."mood" AS ENUM('sad', 'ok')"#,
        r#"2/4 CREATE TABLE "b" ("#,
        r#"3/4 CREATE TABLE "c" ("#,
        r#"4/4 CREATE TABLE "d" ("#,
    ];
    assert_eq!(told, expected);
    // What fails is the one that was told last.
    let written = Written::new(&[("0000_a", "SELECT 1;\nSELECT nope;\nSELECT 3;")]);
    let lines = json(&infra(&database, written.path(), &["apply", "--allow-unknown-rows", "--json"]).output().unwrap());
    let last = lines.iter().rfind(|line| line["event"] == "statement").unwrap();
    assert_eq!((last["number"].as_u64(), last["of"].as_u64()), (Some(2), Some(3)), "{lines:?}");
}

/// Nothing is wrong with it: the same command is run again, or on another database. But it is said.
#[test]
fn an_edit_that_is_not_accepted_is_told() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "SELECT 2;")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    std::fs::write(written.file("0001_b"), "SELECT 22;").unwrap();
    written.add("0002_c", "SELECT 3;");

    let arguments = ["apply", "--to", "0000_a", "--accept-edited", "0000_a,0001_b,0002_c"];
    let dry = run(&database, written.path(), &[&arguments[..], &["--dry-run"]].concat());
    let said = run(&database, written.path(), &arguments);
    for (tag, why) in [
        ("0000_a", "its file is what was applied"),
        ("0001_b", "it was edited, and comes after the migration of --to"),
        ("0002_c", "it is not applied"),
    ] {
        assert!(said.contains(&format!("⚠ {tag}: {why}")), "{said}");
        assert!(dry.contains(&format!("-- {tag}: {why}")), "{dry}");
    }
    let accept = ["apply", "--to", "0001_b", "--json", "--accept-edited", "0001_b"];
    let events = |event: &str| {
        let lines = json(&infra(&database, written.path(), &accept).output().unwrap());
        lines.into_iter().filter(|line| line["event"] == event).collect::<Vec<_>>()
    };
    // What this very run has accepted is not told to be so already; the next one has nothing to do.
    let copy = database.copy();
    assert_eq!(events("not-accepted"), Vec::<serde_json::Value>::new());
    assert_eq!(events("not-accepted")[0]["why"], "as-applied");
    assert_eq!(json(&infra(&copy, written.path(), &accept).output().unwrap())[0]["event"], "accepted");
    assert_eq!(
        infra(&copy, written.path(), &["apply", "--accept-edited", "0009_x"]).output().unwrap().status.code(),
        Some(3)
    );
}

/// What a deploy is warned about is nothing to somebody who only migrates.
#[test]
fn a_description_warns_of_what_is_about_migrations() {
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    let here = written.path().parent().unwrap();
    let stack = "stack: shop\nregion: eu-central-1\ndatabase: {protect: false, on_destroy: delete}\nproxy: {}\n\
                 migrations: {folder: migrations}\n";
    std::fs::write(here.join("stack.yaml"), stack).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(arguments).args(["--endpoint-url", "http://127.0.0.1:1"]).current_dir(here).env("NO_COLOR", "1");
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        shown(&output)
    };
    let warning = "would delete the data for good";
    let said = run(&["diff"]);
    assert!(said.contains(warning), "{said}");
    let said = run(&["migrate", "status", "--stack", "stack.yaml"]);
    assert!(!said.contains(warning) && said.contains("127.0.0.1"), "{said}");
}

/// What has run by its hash is not called pending: apply would refuse it.
#[test]
fn the_status_of_a_migration_whose_time_was_changed() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    assert!(infra(&database, written.path(), &["apply"]).output().unwrap().status.success());
    database.psql("UPDATE drizzle.__drizzle_migrations SET created_at = 5");
    let said = run(&database, written.path(), &["status"]);
    assert!(said.contains("✗ 0000_a  applied, it seems: row 1 of the ledger has its hash"), "{said}");
    assert!(said.contains("1 applied by its hash, 1 unknown in the ledger."), "{said}");
    assert!(!said.contains("pending"), "{said}");
    assert_eq!(infra(&database, written.path(), &["apply"]).output().unwrap().status.code(), Some(1));
    let end = json(&infra(&database, written.path(), &["status", "--json"]).output().unwrap()).pop().unwrap();
    assert_eq!((&end["migrations"][0]["state"], &end["migrations"][0]["row"]), (&"applied-by-hash".into(), &1.into()));
    assert_eq!(end["unknown"][0]["by_hash"], "0000_a", "{end}");
}

/// Whatever is listed stands in one column.
#[test]
fn the_status_is_aligned() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    std::fs::write(written.path().join("0001_a_long_name.sql"), "SELECT 1;").unwrap();
    let said = run(&database, written.path(), &["status"]);
    assert!(
        said.contains("  + 0000_a                pending\n  ✗ 0001_a_long_name.sql  not in the journal\n"),
        "{said}"
    );
}

/// A command in a help text is to be copied as well; a URL, which may hold a password, is left to the reader.
#[test]
fn commands_in_helps_carry_the_arguments() {
    let database = Database::new(Way::Direct);
    let mut written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let flat = |output: std::process::Output| shown(&output).replace("\n  │ ", " ").replace("\n        ", " ");
    let url = super::server::servers().url(Way::Direct, &database.name);
    let given = ["--ledger", "other.done", "--url", &url];
    let whole = "--folder migrations --ledger other.done --url …";
    let said =
        |arguments: &[&str]| flat(infra(&database, written.path(), &[arguments, &given].concat()).output().unwrap());
    database.psql("CREATE TABLE a (id int)");
    let apply = said(&["apply"]);
    assert!(apply.contains(&format!("`infra migrate baseline {whole}`")), "{apply}");
    let no_tag = said(&["apply", "--to", "nothing_like_it"]);
    assert!(no_tag.contains(&format!("See `infra migrate status {whole}`.")), "{no_tag}");
    let json = said(&["apply", "--json"]);
    assert!(json.contains(&format!("`infra migrate baseline {whole}`")), "{json}");
    let lint = said(&["lint"]);
    assert!(lint.contains(&format!("`infra migrate lint --fix {whole}` writes the guards")), "{lint}");
    database.psql("DROP TABLE a; CREATE TABLE a (id int, extra int)");
    let refused = said(&["baseline"]);
    assert!(refused.contains("extra") || refused.contains("recorded as applied"), "{refused}");
    std::fs::write(written.file("0001_stray"), "SELECT 1;").unwrap();
    let stray = said(&["apply"]);
    assert!(stray.contains("Add it with `infra migrate new NAME --folder migrations`"), "{stray}");
    assert!(!format!("{apply}{no_tag}{lint}{refused}{stray}").contains(&url), "the URL is shown");
    // What is the user's own text stays as it is.
    std::fs::remove_file(written.file("0001_stray")).unwrap();
    written.add("0001_b", "-- see `infra migrate apply`\nSELECT 1;");
    let dry =
        flat(infra(&database, written.path(), &["apply", "--dry-run", "--ledger", "other.done"]).output().unwrap());
    assert!(dry.contains("-- see `infra migrate apply`"), "{dry}");
}

/// What is said to run next runs as it stands, in the folder where this one ran.
#[test]
fn the_next_command_can_be_copied() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    let said = run(&database, written.path(), &["status", "--ledger", "other.done"]);
    let next = "infra migrate apply --folder migrations --ledger other.done";
    assert!(said.contains(&format!("pending: {next} (--dry-run")), "{said}");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
    let here = written.path().parent().unwrap();
    command.args(next.split(' ').skip(1)).current_dir(here).env("PGSSLROOTCERT", &super::server::servers().ca);
    let output =
        command.env("DATABASE_URL", super::server::servers().url(Way::Direct, &database.name)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(database.psql("SELECT count(*) FROM other.done"), "1");
}

/// A database that does not answer is told with what to do about it.
#[test]
fn a_port_on_which_nothing_listens() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    let mut command = infra(&database, written.path(), &["status"]);
    let output = command.env("DATABASE_URL", "postgres://me:x@127.0.0.1:1/none").output().unwrap();
    let said = shown(&output).replace("\n  │ ", " ").replace("\n        ", " ");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("nothing listens on that port.")
            && said.contains("help: Start the server, or correct host and port")
    );
}
