//! `infra migrate lint` on real folders, with and without a database; what `--fix` writes makes the same catalog.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::command::{infra, json, shown};
use super::server::{Database, Way};
use super::{Written, fixture};

/// Without a database, and without what depends on the day: the fixtures were made on one that may be still to come.
fn offline(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args(["migrate", "lint", "--allow", "future-time", "--folder"]).arg(folder.file_name().unwrap());
    command.args(arguments).env("NO_COLOR", "1").env_remove("DATABASE_URL").env_remove("DB_HOST");
    command.current_dir(folder.parent().unwrap()).output().unwrap()
}

/// A copy of a folder that may be written to.
fn copy(from: &Path) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("migrations");
    let mut command = Command::new("cp");
    assert!(command.arg("-r").arg(from).arg(&to).status().unwrap().success());
    (directory, to)
}

fn succeed(output: &Output) {
    assert!(output.status.success(), "{}", shown(output));
}

#[test]
fn what_drizzle_kit_generates() {
    for name in ["v0-shop", "example"] {
        insta::assert_snapshot!(format!("lint_{name}"), shown(&offline(&fixture(name), &[])));
    }
    // The same statements in the other layout.
    let places = |name| {
        let findings = json(&offline(&fixture(name), &["--json"]));
        let place = |finding: &serde_json::Value| {
            [&finding["rule"], &finding["line"], &finding["column"], &finding["text"]]
                .map(ToString::to_string)
                .join(" ")
        };
        findings.iter().filter(|finding| finding["rule"].is_string()).map(place).collect::<Vec<_>>()
    };
    assert_eq!(places("v0-shop"), places("upgrade"));
}

#[test]
fn every_trap_is_seen() {
    let mut folders: Vec<_> =
        std::fs::read_dir(fixture("v0-abc").join("../..")).unwrap().map(|it| it.unwrap()).collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    let mut seen = String::new();
    for folder in folders.iter().filter(|folder| folder.file_type().unwrap().is_dir()) {
        let name = folder.file_name().into_string().unwrap();
        let output = offline(&fixture(&name), &["--json", "--allow", "not-idempotent"]);
        seen.push_str(&format!("{name}: exit {}\n", output.status.code().unwrap()));
        for finding in json(&output).iter().filter(|finding| finding["rule"].is_string()) {
            let part = |key: &str| finding[key].to_string().replace('"', "");
            seen.push_str(&format!("  {} {}:{} {}\n", part("rule"), part("file"), part("line"), part("message")));
        }
        for failure in json(&output).iter().filter(|it| it["result"] == "failed") {
            seen.push_str(&format!("  {}\n", failure["message"].as_str().unwrap()));
        }
    }
    insta::assert_snapshot!("lint_traps", seen);
}

#[test]
fn one_of_each() {
    let mut written = Written::new(&[]);
    // Times that are past, and one that nobody here will see.
    let past = [
        ("0000_users", "CREATE TABLE users (id int, name varchar(20), mail text);"),
        (
            "0001_many",
            "-- infra: allow drop-column, rename\nALTER TABLE users DROP COLUMN mail;--> statement-breakpoint\n\
                       -- infra: allow renam\nALTER TABLE users RENAME name TO label;--> statement-breakpoint\n\
                       CREATE INDEX users_label ON users (label);\n\
                       ALTER TABLE users ADD COLUMN born date NOT NULL, ALTER COLUMN label TYPE int USING label::int;\n\
                       SELEKT 1;",
        ),
    ];
    for (when, (tag, sql)) in (1_700_000_000_000..).zip(past) {
        written.add_at(tag, when, sql);
    }
    written.add_at("0002_late", 4_102_444_800_000, "CREATE TABLE users (id int);");
    std::fs::write(written.path().join("0003_stray.sql"), "SELECT 1").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_infra"))
        .args(["migrate", "lint", "--offline", "--folder", "migrations"])
        .env("NO_COLOR", "1")
        .current_dir(written.path().parent().unwrap())
        .output()
        .unwrap();
    insta::assert_snapshot!("lint_one_of_each", shown(&output));
}

/// What is about a file has a line of it, or of what names it.
#[test]
fn findings_about_files_have_a_place() {
    let mut written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_gone", ""), ("0002_bad", "")]);
    written.add("0003_d", "SELECT 2;");
    std::fs::remove_file(written.file("0001_gone")).unwrap();
    std::fs::write(written.file("0002_bad"), b"SELECT 1;\nSELECT 'caf\xe9';\n").unwrap();
    std::fs::write(written.file("0004_stray"), "\n-- theirs\nALTER ROLE me PASSWORD 'hunter2';\n").unwrap();
    std::fs::write(written.file("0005_stray"), "").unwrap();
    let output = offline(written.path(), &["--json"]);
    let place = |finding: &serde_json::Value| {
        let part = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (part("rule"), format!("{}:{}:{}", part("file"), finding["line"], finding["column"]), part("text"))
    };
    let mut found: Vec<_> = json(&output).iter().filter(|it| it["rule"].is_string()).map(place).collect();
    found.sort();
    let journal = std::fs::read_to_string(written.path().join("meta/_journal.json")).unwrap();
    let column = journal.find("\"0001_gone\"").unwrap() + 1;
    let expected = [
        ("missing-file", format!("migrations/meta/_journal.json:1:{column}"), "\"0001_gone\""),
        ("not-in-journal", "migrations/0004_stray.sql:2:1".to_owned(), "-- theirs"),
        ("not-in-journal", "migrations/0005_stray.sql:1:1".to_owned(), ""),
        ("not-utf8", "migrations/0002_bad.sql:2:12".to_owned(), "\u{fffd}"),
    ];
    assert_eq!(found, expected.map(|(rule, place, text)| (rule.to_owned(), place, text.to_owned())));
    let said = shown(&offline(written.path(), &[]));
    assert!(said.contains("─ has no file") && !said.contains("hunter2"), "{said}");
}

#[test]
fn bad_input() {
    let folder = fixture("v0-abc");
    for arguments in [
        &["--allow", "drop-colum"][..],
        &["--after", "0009_none"],
        &["--fix"],
        &["--dry-run"],
        &["--folder", "nowhere"],
    ] {
        let output = offline(&folder, arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", shown(&output));
    }
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    assert_eq!(offline(&folder, &["--deny", "warnings"]).status.code(), Some(1));
    assert_eq!(offline(&folder, &["--deny", "not-idempotent", "--after", "0003_d"]).status.code(), Some(0));
}

#[test]
fn the_stack_file_switches_rules_off() {
    let (directory, folder) = copy(&fixture("v0-trap-two-create-one-table"));
    assert_eq!(offline(&folder, &[]).status.code(), Some(1));
    let describe = |lint: &str| {
        let text =
            format!("stack: shop\ndatabase: {{}}\nproxy: {{}}\nmigrations:\n  folder: migrations\n  lint: {lint}\n");
        std::fs::write(directory.path().join("stack.yaml"), text).unwrap();
        offline(&folder, &[])
    };
    succeed(&describe("{allow: [created-twice]}"));
    succeed(&describe("{after: 0003_d}"));
    let wrong = describe("{allow: [created-twise]}");
    assert_eq!(wrong.status.code(), Some(3));
    assert!(shown(&wrong).contains("did you mean `created-twice`?"), "{}", shown(&wrong));
}

/// Original, fixed, and fixed and run twice: one catalog.
#[test]
fn fixed_files_make_the_same_catalog() {
    let guards = include_str!("../fixtures/lint/guards.sql");
    let (plain, windows) =
        (Written::new(&[("0000_guards", guards)]), Written::new(&[("0000_guards", &guards.replace('\n', "\r\n"))]));
    let folders =
        [fixture("v0-shop"), fixture("v1-shop"), fixture("example"), plain.path().into(), windows.path().into()];
    for original in folders {
        let (_directory, fixed) = copy(&original);
        // What --fix leaves to a person, done as it says.
        for seed in ["0003_seed_roles.sql", "20261122075117_seed_roles/migration.sql"].map(|file| fixed.join(file)) {
            if let Ok(sql) = std::fs::read_to_string(&seed) {
                std::fs::write(&seed, sql.replace("'a''b');", "'a''b') ON CONFLICT DO NOTHING;")).unwrap();
            }
        }
        let run = |database: &Database, folder: &Path| succeed(&infra(database, folder, &["apply"]).output().unwrap());
        let (as_it_was, once, twice) =
            (Database::new(Way::Direct), Database::new(Way::Direct), Database::new(Way::Direct));
        run(&as_it_was, &original);
        let fix = offline(&fixed, &["--assume-pending", "--fix", "--allow", "drop-table", "--allow", "drop-column"]);
        succeed(&fix);
        let rest = json(&offline(&fixed, &["--json", "--assume-pending"]));
        let fixable: Vec<_> = rest.iter().filter(|finding| finding["fixable"] == true).collect();
        assert!(fixable.is_empty(), "{fixable:?}");
        run(&once, &fixed);
        assert_eq!(as_it_was.dump(), once.dump(), "{}", original.display());
        run(&twice, &fixed);
        twice.psql("TRUNCATE drizzle.__drizzle_migrations");
        run(&twice, &fixed);
        assert_eq!(as_it_was.dump(), twice.dump(), "{}", original.display());
    }
}

/// One of each CREATE, DROP and ALTER that a guard can be thought of for; each is SQL, and whether its objects are there
/// does not matter.
const STATEMENTS: &[&str] = &[
    "create schema s1 create table t (id int)",
    "create schema s1 authorization postgres",
    "create schema authorization postgres",
    "create unlogged table t (id int)",
    "create table t as select 1",
    "create materialized view m as select 1",
    "create recursive view r (a) as select 1",
    "create sequence s",
    "create type shell",
    "create type pair as (a int)",
    "create domain d as int",
    "create extension nothing",
    "create collation c from \"C\"",
    "create statistics st on a, b from t",
    "create foreign data wrapper w",
    "create server sv foreign data wrapper w",
    "create user mapping for public server sv",
    "create foreign table ft (id int) server sv",
    "create aggregate total(int) (sfunc = int4pl, stype = int)",
    "create cast (text as int) with inout",
    "create operator === (leftarg = int, rightarg = int, function = int4eq)",
    "create event trigger e on ddl_command_end execute function f()",
    "create publication p",
    "create constraint trigger ct after insert on t for each row execute function f()",
    "create policy p on t",
    "create text search dictionary ts (template = simple)",
    "alter table t add a int, add constraint u unique (a), drop constraint k, alter a drop expression",
    "alter table only t add constraint u unique (a)",
    "alter foreign table ft add a int",
    "alter type pair add attribute b int",
    "alter type shell add value 'x'",
    "drop table t, s1.t",
    "drop foreign table ft",
    "drop view v",
    "drop materialized view m",
    "drop index concurrently i",
    "drop sequence s",
    "drop type pair cascade",
    "drop domain d",
    "drop schema s1",
    "drop policy p on t",
    "drop trigger ct on t",
    "drop rule r on t",
    "drop function f(int), g",
    "drop procedure f",
    "drop routine f",
    "drop aggregate total(int)",
    "drop extension nothing",
    "drop collation c",
    "drop conversion c",
    "drop event trigger e",
    "drop user mapping for public server sv",
    "drop server sv",
    "drop foreign data wrapper w",
    "drop procedural language nothing",
    "drop cast (text as int)",
    "drop transform for int language sql",
    "drop operator === (int, int)",
    "drop operator class oc using btree",
    "drop operator family oc using btree",
    "drop publication p",
    "drop role nobody_at_all",
    "drop user nobody_at_all",
    "drop statistics st",
    "drop text search dictionary ts",
    "drop text search configuration ts",
    "drop access method nothing",
    "drop owned by nobody_at_all",
];

/// PostgreSQL reads what `--fix` writes, also where the breakpoints are comments to it.
#[test]
fn fixed_files_are_sql() {
    const SYNTAX: &str = "42601";
    // What makes a thing twice would not be guarded.
    let start = "-- infra: allow-file created-twice\nselect 1;--> statement-breakpoint\n";
    let written = Written::new(&[("0000_a", &format!("{start}{}", STATEMENTS.join(";")))]);
    let sql = || std::fs::read_to_string(written.file("0000_a")).unwrap();
    let database = Database::new(Way::Direct);
    assert!(!database.sqlstates(&sql()).contains(&SYNTAX.to_owned()));
    let output = offline(written.path(), &["--assume-pending", "--fix"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let fixed = sql();
    assert!(!Database::new(Way::Direct).sqlstates(&fixed).contains(&SYNTAX.to_owned()), "{fixed}");
    let guards = |text: &str| fixed.matches(text).count();
    assert_eq!(
        (guards(" IF EXISTS"), guards(" IF NOT EXISTS"), guards(" OR REPLACE"), guards("DO $$")),
        (38, 15, 2, 6),
        "{fixed}"
    );
    let breakpoints = fixed.lines().filter(|line| line.contains("statement-breakpoint"));
    assert!(breakpoints.clone().all(|line| line.ends_with("--> statement-breakpoint")), "{fixed}");
    assert_eq!(breakpoints.count(), fixed.matches("statement-breakpoint").count(), "each ends its line");
}

#[test]
fn what_is_applied_is_not_rewritten() {
    let database = Database::new(Way::Pooled);
    let (_directory, folder) = copy(&fixture("v0-shop"));
    let lint = |arguments: &[&str]| {
        let mut command = infra(&database, &folder, &["lint", "--allow", "future-time"]);
        command.args(arguments).output().unwrap()
    };
    succeed(&infra(&database, &folder, &["apply", "--to", "0001_shop"]).output().unwrap());
    let before = ["0000_init", "0001_shop"].map(|tag| std::fs::read(folder.join(format!("{tag}.sql"))).unwrap());
    insta::assert_snapshot!("lint_fix_dry_run", shown(&lint(&["--fix", "--dry-run"])));
    succeed(&lint(&["--fix"]));
    let after = ["0000_init", "0001_shop"].map(|tag| std::fs::read(folder.join(format!("{tag}.sql"))).unwrap());
    assert_eq!(before, after);
    assert!(std::fs::read_to_string(folder.join("0004_extras.sql")).unwrap().contains("CREATE SCHEMA IF NOT EXISTS"));
    // The tables that are there are not new, whatever the folder says of them.
    let rules = |output: &Output| {
        json(output).iter().filter_map(|it| it["rule"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(rules(&lint(&["--json"])), ["repeated-insert", "blocking-index", "set-not-null"]);
    succeed(&infra(&database, &folder, &["apply"]).output().unwrap());
    let current = lint(&["--json"]);
    assert_eq!(json(&current)[0]["linted"], 0);
    // Edited afterwards: an error, and never anything to rewrite.
    std::fs::write(folder.join("0000_init.sql"), "CREATE TABLE x ();").unwrap();
    let edited = lint(&["--all", "--fix", "--json"]);
    assert_eq!(edited.status.code(), Some(1));
    assert!(rules(&edited).contains(&"edited".to_owned()));
    assert_eq!(std::fs::read_to_string(folder.join("0000_init.sql")).unwrap(), "CREATE TABLE x ();");
}
