//! `--dry-run` prints what would run as things stand, and what a run says of what it leaves.

use super::command::{infra, json, shown};
use super::outside::{TABLE, index, leases, outside};
use super::server::{Database, Way, servers};
use super::{Written, tables};

fn run(database: &Database, written: &Written, arguments: &[&str]) -> String {
    shown(&infra(database, written.path(), arguments).output().unwrap())
}

/// The SQL that a dry run prints.
fn dry_run(database: &Database, written: &Written, arguments: &[&str]) -> String {
    let output = infra(database, written.path(), &[&["apply", "--dry-run"], arguments].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_half_done_goes_on_where_it_stopped() {
    let database = Database::new(Way::Pooled);
    let unique = "CREATE UNIQUE INDEX CONCURRENTLY t_email ON t (email)";
    let sql = outside(&format!("INSERT INTO log VALUES (1);\n{unique};\nINSERT INTO log VALUES (2);"));
    let written = Written::new(&[("0000_t", TABLE), ("0001_index", &sql)]);
    assert!(infra(&database, written.path(), &["apply", "--to", "0000_t"]).output().unwrap().status.success());
    let before = dry_run(&database, &written, &[]);
    assert!(before.contains(&sql) && !before.contains("done already") && !before.contains("DROP INDEX"), "{before}");

    database.psql("INSERT INTO t VALUES (1, 'x'), (2, 'x')");
    assert!(run(&database, &written, &["apply"]).contains("It left the INVALID index public.t_email"));
    let after = dry_run(&database, &written, &[]);
    let expected = format!(
        "-- Without a transaction: each statement is committed on its own.\n-- 1 of its 3 statements are done already.\n\
         DROP INDEX CONCURRENTLY public.t_email; -- INVALID: an attempt to build it failed\n{unique};\n\
         INSERT INTO log VALUES (2);\ninsert into "
    );
    assert!(after.contains(&expected) && !after.contains("VALUES (1)"), "{after}");
    let output = infra(&database, written.path(), &["apply", "--dry-run", "--json"]).output().unwrap();
    let planned = json(&output)[0]["migrations"][0].clone();
    assert_eq!(
        (planned["done"].as_u64(), &planned["statements"]),
        (Some(1), &serde_json::json!(["DROP INDEX CONCURRENTLY public.t_email", unique, "INSERT INTO log VALUES (2)"]))
    );
    // It is what runs; and looking has changed nothing.
    database.psql("DELETE FROM t WHERE id = 2");
    assert!(run(&database, &written, &["apply"]).contains("dropped the INVALID index public.t_email"));
    assert_eq!((index(&database, "t_email").as_str(), leases(&database).as_str()), ("valid", "0"));
    assert_eq!(database.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "1 2");
}

/// Also one that is put together from strings; and it is said that this is not quite what runs.
#[test]
fn passwords_are_hidden() {
    let database = Database::new(Way::Direct);
    let role = format!("hidden_{}", database.name);
    let sql = format!("DO $$ BEGIN EXECUTE format('CREATE ROLE {role} PASSWORD %L', 'hunter2'); END $$;");
    let written = Written::new(&[
        ("0000_role", &format!("{sql} CREATE TABLE a (id int);")),
        ("0001_alone", &outside("ALTER ROLE x PASSWORD 'hunter2';")),
    ]);
    let shown = dry_run(&database, &written, &[]);
    assert!(
        shown.starts_with("-- Passwords are shown as ***") || shown.contains("\n-- Passwords are shown as ***"),
        "{shown}"
    );
    assert!(shown.contains("PASSWORD %L', '*******')") && !shown.contains("hunter2"), "{shown}");
    let output = infra(&database, written.path(), &["apply", "--dry-run", "--json"]).output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("hunter2"));
    let output = infra(&database, written.path(), &["lint", "--fix", "--dry-run", "--json"]).output().unwrap();
    let fixed = String::from_utf8(output.stdout).unwrap();
    assert!(fixed.contains("CREATE TABLE IF NOT EXISTS a") && !fixed.contains("hunter2"), "{fixed}");
    // It runs as it is.
    assert!(infra(&database, written.path(), &["apply", "--to", "0000_role"]).output().unwrap().status.success());
    database.psql(&format!("DROP ROLE {role}"));
}

/// What was applied by other means while it was half done is no longer waited for.
#[test]
fn what_the_ledger_needs_comes_first() {
    let database = Database::new(Way::Direct);
    let sql = outside("INSERT INTO log VALUES (1);\nINSERT INTO nope VALUES (2);");
    let mut written = Written::new(&[("0000_t", TABLE), ("0001_x", &sql)]);
    run(&database, &written, &["apply"]);
    let hash = written.folder().migrations[1].hash.clone();
    database.psql(&format!(
        "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('{hash}', {})",
        written.folder().migrations[1].when_millis
    ));
    written.add("0002_c", "CREATE TABLE c (id int);");
    std::fs::write(written.file("0000_t"), format!("{TABLE} -- and more")).unwrap();
    let said = dry_run(&database, &written, &["--accept-edited"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "-- The ledger");
    assert!(lines[1].starts_with("UPDATE \"drizzle\".\"__drizzle_migrations\" SET \"hash\" = "), "{said}");
    assert!(lines[2].starts_with("DELETE FROM \"drizzle\".\"__drizzle_migrations\" WHERE id = -1"), "{said}");
    database.psql(&said);
    assert_eq!((tables(&database).as_str(), leases(&database).as_str()), ("c log t", "0"));
    assert!(run(&database, &written, &["status"]).contains("3 applied."));
}

#[test]
fn what_stays_pending_and_what_is_not_there_is_told() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "SELECT 2;"), ("0002_c", "SELECT 3;")]);
    let said = run(&database, &written, &["status"]);
    assert!(said.contains("The ledger drizzle.__drizzle_migrations does not exist yet."), "{said}");
    let url = servers().url(Way::Direct, &database.name);
    let said = run(&database, &written, &["apply", "--to", "0000_a", "--url", &url]);
    assert!(said.contains("1 migration applied in N ms. 2 are still pending."), "{said}");
    assert!(said.contains("migrations → postgres@127.0.0.1:PORT/NAME"), "{said}");
    assert!(!run(&database, &written, &["status"]).contains("does not exist"));
    assert!(
        run(&database, &written, &["apply"]).contains("2 migrations applied in N ms; 1 migration was applied before.")
    );
}

/// Who may not use the ledger, or make something, is told which right is missing.
#[test]
fn rights_that_are_missing_are_named() {
    let database = Database::new(Way::Direct);
    let written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "CREATE TABLE b (id int);")]);
    run(&database, &written, &["apply", "--to", "0000_a"]);
    let role = format!("poor_{}", database.name);
    database.psql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'"));
    let url = servers().url(Way::Direct, &database.name);
    let (_, place) = url.split_once('@').unwrap();
    let as_role = || {
        let mut command = infra(&database, written.path(), &["apply"]);
        shown(&command.env("DATABASE_URL", format!("postgres://{role}:x@{place}")).output().unwrap())
            .replace("\n        ", " ")
    };
    let said = as_role();
    assert!(said.contains("GRANT USAGE ON SCHEMA \"drizzle\" TO"), "{said}");
    database.psql(&format!(
        "GRANT USAGE ON SCHEMA drizzle TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA drizzle TO {role}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA drizzle TO {role}"
    ));
    let said = as_role();
    assert!(said.contains("GRANT CREATE ON SCHEMA public TO"), "{said}");
}
