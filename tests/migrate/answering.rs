//! What a user is told where there is nothing good to tell: a schema that is nowhere, many refusals, failures as JSON.

use std::process::Output;

use super::Written;
use super::command::{infra, json, shown};
use super::server::{Database, Way};

const TABLE: &[(&str, &str)] = &[("0000_a", "CREATE TABLE a (id int);")];

fn applied(written: &Written) -> Database {
    let database = Database::new(Way::Direct);
    run(&database, written, &["apply"], 0);
    database
}

#[track_caller]
fn run(database: &Database, written: &Written, arguments: &[&str], code: i32) -> String {
    let output = infra(database, written.path(), arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", shown(&output));
    shown(&output)
}

#[track_caller]
fn says(text: &str, expected: &str) {
    let text = text.replace("\n  │ ", " ").replace("\n        ", " ");
    assert!(text.contains(expected), "{expected:?} is not in: {text}");
}

#[test]
fn a_schema_that_is_nowhere_proves_nothing() {
    let written = Written::new(TABLE);
    let database = applied(&written);
    for arguments in [
        &["verify", "--schema", "pubic"][..],
        &["verify", "--schema", "public", "--schema", "pubic"],
        &["verify", "--no-replay", "--schema", "pubic"],
        &["repair", "--schema", "pubic"],
    ] {
        let said = run(&database, &written, arguments, 3);
        says(&said, "There is no schema pubic");
        says(&said, "Did you mean public?");
    }
    let other = Database::new(Way::Direct);
    other.psql("CREATE TABLE a (id int)");
    run(&other, &written, &["baseline", "--schema", "pubic"], 3);
    assert_eq!(other.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'drizzle'"), "0");
    run(&other, &written, &["baseline", "--schema", "public"], 0);
}

#[test]
fn one_schema_is_not_the_database() {
    let written =
        Written::new(&[("0000_a", "CREATE SCHEMA audit; CREATE TABLE audit.t (id int); CREATE TABLE a (id int);")]);
    let database = applied(&written);
    database.psql("DROP TABLE a");
    says(
        &run(&database, &written, &["verify", "--schema", "audit"], 0),
        "✓ The schema audit is what its migrations make.",
    );
    run(&database, &written, &["verify"], 1);
}

#[test]
fn nothing_compared_is_nothing_proved() {
    let written = Written::new(&[("0000_a", "SELECT 1;")]);
    let database = Database::new(Way::Direct);
    says(&run(&database, &written, &["baseline"], 1), "there was nothing to compare");
    run(&database, &written, &["baseline", "--without-verifying"], 0);
    for arguments in [&["verify"][..], &["verify", "--no-replay"]] {
        let said = run(&database, &written, arguments, 1);
        says(&said, "Nothing was compared, so nothing is proved.");
        assert!(!said.contains('✓'), "{said}");
    }
}

#[test]
fn a_view_over_another_type_says_which() {
    let written = Written::new(&[("0000_a", "CREATE TABLE a (x int); CREATE VIEW v AS SELECT x FROM a;")]);
    let database = applied(&written);
    database.psql("DROP VIEW v; ALTER TABLE a ALTER x TYPE bigint; CREATE VIEW v AS SELECT x FROM a");
    let said = run(&database, &written, &["verify"], 1);
    says(&said, "- -- columns: x integer");
    says(&said, "+ -- columns: x bigint");
}

/// The one object of a failure.
#[track_caller]
fn failure(output: &Output, code: i32) -> serde_json::Value {
    assert_eq!((output.status.code(), json(output).len()), (Some(code), 1), "{output:?}");
    let object = json(output).remove(0);
    assert_eq!(object["exit_code"], code, "{object}");
    assert!(object["result"] == "failed" && object["message"].as_str().is_some_and(|it| !it.is_empty()), "{object}");
    object
}

#[test]
fn every_failure_is_json_where_json_is_asked_for() {
    let database = Database::new(Way::Direct);
    let written = Written::new(TABLE);
    let run = |mut command: std::process::Command| command.output().unwrap();
    for verb in ["apply", "status", "verify", "repair", "baseline", "lint", "new"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(["migrate", verb]).args((verb == "new").then_some("name")).args(["--json", "--folder", "nowhere"]);
        failure(&run(command), 3);
    }
    let journal = written.path().join("meta/_journal.json");
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, "{\n  \"entries\": [\n<<<<<<< HEAD\n").unwrap();
    let conflict = failure(&run(infra(&database, written.path(), &["status", "--json"])), 3);
    assert_eq!(
        (conflict["line"].as_u64(), conflict["file"].as_str()),
        (Some(3), Some("migrations/meta/_journal.json"))
    );
    std::fs::write(&journal, whole).unwrap();
    let mut command = infra(&database, written.path(), &["status", "--json"]);
    let elsewhere = super::server::servers().url(Way::Direct, "no_such_database");
    command.env("DATABASE_URL", elsewhere);
    assert!(failure(&run(command), 1)["message"].as_str().unwrap().contains("no_such_database"));
    let mut command = infra(&database, written.path(), &["status", "--json"]);
    command.env_remove("DATABASE_URL");
    assert!(failure(&run(command), 3)["help"].as_str().unwrap().contains("DATABASE_URL"));
}

#[test]
fn unlock_asks_no_program() {
    let sql = "-- infra: no-transaction\nCREATE TABLE b (id int);--> statement-breakpoint\nSELECT 1 / 0;";
    let written = Written::new(&[("0000_b", sql)]);
    let database = Database::new(Way::Direct);
    run(&database, &written, &["apply"], 1);
    let unlock = |arguments: &[&str]| infra(&database, written.path(), arguments).output().unwrap();
    let looked = unlock(&["unlock", "--json"]);
    assert_eq!((looked.status.code(), json(&looked).len()), (Some(0), 1), "{looked:?}");
    assert_eq!(json(&looked)[0]["lease"]["tag"], "0000_b", "{looked:?}");
    let forgot = unlock(&["unlock", "--json", "--yes"]);
    assert_eq!(json(&forgot).last().unwrap()["result"], "forgotten", "{forgot:?}");
    assert_eq!(unlock(&["unlock", "--json", "--terminate", "1"]).status.code(), Some(3));
}

#[test]
fn many_refusals_are_few_lines_and_the_cause_comes_first() {
    let written = Written::many(30);
    let database = applied(&written);
    database.psql(
        "DELETE FROM drizzle.__drizzle_migrations WHERE id < 26; \
         INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('of another folder', 1900000000000)",
    );
    let said = run(&database, &written, &["apply"], 1);
    says(&said, "25 migrations are not applied, but later ones are");
    assert!(said.lines().count() < 20, "{said}");
    let (cause, rest) = (said.find("has rows that no").unwrap(), said.find("25 migrations").unwrap());
    assert!(cause < rest, "{said}");
    let output = infra(&database, written.path(), &["apply", "--json"]).output().unwrap();
    assert_eq!(json(&output).pop().unwrap()["reasons"].as_array().unwrap().len(), 26);
}

#[test]
fn a_password_that_was_not_given_is_missed() {
    let written = Written::new(TABLE);
    let database = Database::new(Way::Direct);
    let url = super::server::servers().url(Way::Direct, &database.name);
    let (before, host) =
        url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))).unwrap();
    let mut command = infra(&database, written.path(), &["status"]);
    let output = command.env("DATABASE_URL", format!("{before}://postgres@{host}")).output().unwrap();
    let said = shown(&output);
    says(&said, "No password was given");
    assert!(!said.contains("RDS"), "{said}");
}

#[test]
fn a_folder_above_the_right_one() {
    let database = Database::new(Way::Direct);
    let written = Written::new(TABLE);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "status", "--folder", "."]).current_dir(written.path().parent().unwrap());
    let output =
        command.env("DATABASE_URL", super::server::servers().url(Way::Direct, &database.name)).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    says(&shown(&output), "Did you mean ./migrations?");
}

#[test]
fn values_of_the_description_can_be_set() {
    let written = Written::new(TABLE);
    let here = written.path().parent().unwrap();
    std::fs::write(here.join("shop.yaml"), "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: nowhere}\n")
        .unwrap();
    let lint = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(["migrate", "lint", "--offline"]).args(arguments).current_dir(here).env("NO_COLOR", "1");
        command.output().unwrap()
    };
    let set = lint(&["--stack", "shop.yaml", "--set", "migrations.folder=migrations"]);
    says(&shown(&set), "1 warning in 1 migration");
    assert_eq!(lint(&["--stack", "shop.yaml"]).status.code(), Some(3));
    let nothing = lint(&["--folder", "migrations", "--set", "stack=x"]);
    assert_eq!(nothing.status.code(), Some(3));
    says(&shown(&nothing), "--set changes a stack description");
}

/// Who deploys by other means has a description of the migrations and of nothing else; and what is wrong with another section is no
/// matter for them.
#[test]
fn a_description_of_migrations_alone_is_enough() {
    let written = Written::new(TABLE);
    let database = Database::new(Way::Direct);
    let here = written.path().parent().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_infra"));
        command.arg("migrate").args(arguments).current_dir(here).env("NO_COLOR", "1").env_remove("SHOP_IMAGE");
        let url = super::server::servers().url(Way::Direct, &database.name);
        command.env("DATABASE_URL", url).env("PGSSLROOTCERT", &super::server::servers().ca).output().unwrap()
    };
    let describe = |text: &str| std::fs::write(here.join("stack.yaml"), text).unwrap();
    describe("stack: shop\nmigrations: {folder: migrations, ledger: {schema: kept, table: rows}}\n");
    assert_eq!(run(&["lint", "--offline", "--allow", "future-time"]).status.code(), Some(0));
    assert_eq!(run(&["apply"]).status.code(), Some(0));
    assert_eq!(database.psql("SELECT count(*) FROM kept.rows"), "1");
    assert_eq!(run(&["new", "more"]).status.code(), Some(0));
    describe(
        "migrations: {folder: migrations, ledger: {schema: kept, table: rows}}\nservice: {image: '${env:SHOP_IMAGE}', cpu: 7}\n",
    );
    let status = run(&["status"]);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    says(&shown(&status), "1 applied, 1 pending.");

    // What is wrong with the section itself is told, and what may have been meant for it.
    for (text, expected) in [
        ("stack: shop\nmigratons: {folder: migrations}\n", "did you mean `migrations`?"),
        ("stack: shop\nmigrations: {folder: migrations, ledgr: x}\n", "ledgr"),
        ("stack: shop\nmigrations: {folder: '${env:SHOP_IMAGE}'}\n", "SHOP_IMAGE"),
    ] {
        describe(text);
        let output = run(&["lint", "--offline"]);
        assert_eq!(output.status.code(), Some(3), "{text}: {output:?}");
        says(&shown(&output), expected);
    }
    // Whose database it is, only a whole description can say.
    describe("stack: shop\nmigrations: {folder: migrations}\n");
    let output = run(&["status", "--stack", "stack.yaml"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    says(&shown(&output), "no `database`");
}

#[test]
fn a_repair_is_applied_with_what_it_takes() {
    let mut written = Written::new(TABLE);
    let database = applied(&written);
    written.add("0001_b", "CREATE TABLE b (id int);");
    run(&database, &written, &["apply"], 0);
    database.psql("DROP TABLE b");
    std::fs::write(written.file("0000_a"), "CREATE TABLE a (id int); -- edited").unwrap();
    let said = run(&database, &written, &["repair"], 0);
    says(&said, "Apply it: infra migrate apply --folder migrations --accept-edited ");
    run(&database, &written, &["apply", "--accept-edited"], 0);
    run(&database, &written, &["verify"], 0);
}

#[test]
fn a_bad_byte_has_its_place() {
    let written = Written::new(TABLE);
    std::fs::write(written.file("0000_a"), b"SELECT 1;\nSELECT '\xff';\n").unwrap();
    let database = Database::new(Way::Direct);
    says(&run(&database, &written, &["status"], 3), "is not valid UTF-8, from line 2 column 9 on");
}
