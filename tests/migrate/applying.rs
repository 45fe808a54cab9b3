//! Applying: fixtures in order, a second run that does nothing, failures with their place, sessions put back.

use infra::migrate::ledger::Right;
use infra::migrate::{Event, Failure, Folder, Ledger, LedgerError, Options, Refusal, apply, status};

use super::server::Database;
use super::{WAYS, Written, fixture, ledger_rows, run, run_with, tables, tags};

#[tokio::test]
async fn every_good_fixture_is_applied_once() {
    for way in WAYS {
        for name in ["example", "v0-shop", "v0-abc", "v0-nobreakpoints", "v0-trap-crlf", "v1-shop", "upgrade"] {
            let database = Database::new(way);
            let folder = Folder::read(&fixture(name)).unwrap();
            let expected: Vec<String> = folder.migrations.iter().map(|migration| migration.tag.clone()).collect();
            assert_eq!(tags(&database, &folder).await.unwrap(), expected, "{name} {way:?}");
            let rows = ledger_rows(&database);
            assert_eq!(tags(&database, &folder).await.unwrap(), Vec::<String>::new(), "{name} {way:?}");
            assert_eq!(ledger_rows(&database), rows);
            let plan = status(&mut database.client().await, &folder, &Ledger::default()).await.unwrap();
            assert!(plan.is_current() && plan.unknown.is_empty());
        }
    }
}

#[tokio::test]
async fn status_changes_nothing() {
    let database = Database::new(super::Way::Direct);
    let folder = Folder::read(&fixture("v0-abc")).unwrap();
    let plan = status(&mut database.client().await, &folder, &Ledger::default()).await.unwrap();
    assert!(!plan.is_current());
    assert_eq!(database.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'drizzle'"), "0");
}

#[tokio::test]
async fn a_failing_statement_is_named_and_only_its_migration_is_undone() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[
            ("0000_a", "CREATE TABLE a (id int);"),
            (
                "0001_b",
                "CREATE TABLE b (id int);--> statement-breakpoint\n-- é\nSELECT 'ü';\n  INSERT INTO nope VALUES (1);",
            ),
            ("0002_c", "CREATE TABLE c (id int);"),
        ]);
        let (result, _) = run(&mut database.client().await, &written.folder()).await;
        let Err(Failure::Statement(failure)) = result else { panic!("{result:?}") };
        assert_eq!((failure.tag.as_str(), failure.code.as_str()), ("0001_b", "42P01"));
        assert_eq!((failure.position.line, failure.position.column), (4, 15));
        assert_eq!(failure.statement, "INSERT INTO nope VALUES (1)");
        assert_eq!((failure.applied.len(), failure.pending.len()), (1, 2));
        assert_eq!(tables(&database), "a");
        assert_eq!(ledger_rows(&database).lines().count(), 1);
        std::fs::write(written.file("0001_b"), "CREATE TABLE b (id int);").unwrap();
        assert_eq!(tags(&database, &written.folder()).await.unwrap(), ["0001_b", "0002_c"]);
    }
}

/// Errors without a position: the statement is found by counting those before it.
#[tokio::test]
async fn a_violated_constraint_is_found_in_its_statement() {
    let database = Database::new(super::Way::Direct);
    let sql = "CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, n int CHECK (n > 0));\nINSERT INTO a VALUES (1, 1);\n\
               INSERT INTO a VALUES (2, 0);\nSELECT 1;";
    let written = Written::new(&[("0000_a", sql)]);
    let (result, _) = run(&mut database.client().await, &written.folder()).await;
    let Err(Failure::Statement(failure)) = result else { panic!("{result:?}") };
    assert_eq!((failure.code.as_str(), failure.position.line), ("23514", 3));
    assert_eq!(failure.statement, "INSERT INTO a VALUES (2, 0)");
    // A deferred one shows at the end only.
    std::fs::write(written.file("0000_a"), sql.replace("(2, 0)", "(1, 1)")).unwrap();
    let (result, _) = run(&mut database.client().await, &written.folder()).await;
    let Err(Failure::Statement(failure)) = result else { panic!("{result:?}") };
    assert_eq!((failure.code.as_str(), failure.at_end, failure.escaped), ("23505", true, false));
    assert_eq!(ledger_rows(&database), "");
}

#[tokio::test]
async fn settings_do_not_leak_into_the_next_migration() {
    for way in WAYS {
        let database = Database::new(way);
        let written = Written::new(&[
            ("0000_a", "CREATE SCHEMA s; SET search_path TO s; CREATE TABLE in_s (id int); SET lock_timeout = '1h';"),
            ("0001_b", "CREATE ROLE other_role; SET ROLE other_role;"),
            ("0002_c", "CREATE TABLE in_public (id int);"),
        ]);
        // Roles belong to the whole server.
        database.psql("DROP ROLE IF EXISTS other_role");
        tags(&database, &written.folder()).await.unwrap();
        let owners = "SELECT tablename, schemaname, tableowner FROM pg_tables WHERE tablename LIKE 'in_%' ORDER BY 1";
        assert_eq!(database.psql(owners), "in_public|public|postgres\nin_s|s|postgres", "{way:?}");
    }
}

/// Neither into the next migration nor, behind a pooler, to whoever gets the connection next.
#[tokio::test]
async fn temporary_tables_do_not_leak() {
    for together in [false, true] {
        for way in WAYS {
            let database = Database::new(way);
            let written = Written::new(&[
                ("0000_users", "CREATE TABLE users (id int);"),
                ("0001_copy", "CREATE TEMP TABLE users AS SELECT * FROM public.users; SELECT * FROM users;"),
                ("0002_phone", "ALTER TABLE users ADD COLUMN phone text;"),
            ]);
            let options = Options { together, ..Options::default() };
            let mut client = database.client().await;
            run_with(&mut client, &written.folder(), &options).await.0.unwrap();
            let columns = "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attnum > 0";
            assert_eq!(database.psql(columns), "id phone", "{way:?}");
            assert_eq!(database.psql("SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), "0", "{way:?}");
        }
    }
}

#[tokio::test]
async fn what_the_server_says_is_passed_on() {
    let database = Database::new(super::Way::Pooled);
    let written =
        Written::new(&[("0000_a", "DROP TABLE IF EXISTS nothing; DO $$ BEGIN RAISE WARNING 'look out'; END $$;")]);
    let (result, events) = run(&mut database.client().await, &written.folder()).await;
    result.unwrap();
    let said: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Notice { severity, message, .. } => Some(format!("{severity}: {message}")),
            _ => None,
        })
        .collect();
    assert!(said.contains(&"WARNING: look out".to_owned()), "{said:?}");
    assert!(said.iter().any(|line| line.contains("\"nothing\" does not exist")), "{said:?}");
}

#[tokio::test]
async fn up_to_a_tag_and_then_the_rest() {
    let database = Database::new(super::Way::Direct);
    let folder = Folder::read(&fixture("v0-abc")).unwrap();
    let to = |tag: &str| Options { to: Some(tag.into()), ..Options::default() };
    let (result, _) = run_with(&mut database.client().await, &folder, &to("0001_x")).await;
    match result {
        Err(Failure::Refused { refusals, .. }) => {
            assert!(matches!(&refusals[..], [Refusal::NoSuchTag { suggestion: Some(tag), .. }] if tag == "0001_b"));
        }
        other => panic!("{other:?}"),
    }
    let (result, _) = run_with(&mut database.client().await, &folder, &to("0001_b")).await;
    assert_eq!(result.unwrap().migrations.len(), 2);
    assert_eq!(tags(&database, &folder).await.unwrap(), ["0002_c", "0003_d"]);
}

#[tokio::test]
async fn a_ledger_of_another_name() {
    let database = Database::new(super::Way::Pooled);
    let folder = Folder::read(&fixture("v0-prefix-timestamp")).unwrap();
    let ledger: Ledger = "public.my_migrations".parse().unwrap();
    for expected in [2, 0] {
        let client = &mut database.client().await;
        let applied = apply(client, &folder, &ledger, &Options::default(), &mut |_| {}).await.unwrap();
        assert_eq!(applied.migrations.len(), expected);
    }
    assert_eq!(database.psql("SELECT count(*) FROM public.my_migrations"), "2");
}

/// Drizzle says CREATE SCHEMA IF NOT EXISTS all the same, and fails.
#[tokio::test]
async fn a_role_that_may_not_create_schemas() {
    let database = Database::new(super::Way::Direct);
    let folder = Written::new(&[("0000_a", "CREATE TABLE a (id int);")]);
    database.psql(
        "DO $$ BEGIN CREATE ROLE limited LOGIN PASSWORD 'limited'; EXCEPTION WHEN duplicate_object THEN NULL; END $$; \
         GRANT CREATE ON SCHEMA public TO limited",
    );
    let mut target = database.target();
    target.user = "limited".into();
    target.password = infra::migrate::Secret::new("limited");
    let mut client = infra::migrate::Client::connect(&target).await.unwrap();
    let (result, _) = run(&mut client, &folder.folder()).await;
    let Err(Failure::Ledger(LedgerError::Denied { lack, .. })) = &result else { panic!("{result:?}") };
    assert_eq!(lack.right, Right::MakeSchema);
    database.psql(
        "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, \
         created_at bigint); GRANT USAGE ON SCHEMA drizzle TO limited; GRANT ALL ON ALL TABLES IN SCHEMA drizzle TO \
         limited; GRANT ALL ON ALL SEQUENCES IN SCHEMA drizzle TO limited",
    );
    let (result, _) = run(&mut client, &folder.folder()).await;
    assert_eq!(result.unwrap().migrations.len(), 1);
}

#[tokio::test]
async fn a_table_that_is_no_ledger() {
    let database = Database::new(super::Way::Direct);
    database.psql("CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (version text)");
    let (result, _) = run(&mut database.client().await, &Folder::read(&fixture("v0-abc")).unwrap()).await;
    assert!(matches!(&result, Err(Failure::Ledger(LedgerError::NotALedger(_)))), "{result:?}");
}

#[tokio::test]
async fn all_together_or_nothing() {
    for way in WAYS {
        let database = Database::new(way);
        let together = Options { together: true, ..Options::default() };
        let written = Written::new(&[
            ("0000_a", "CREATE TABLE a (id int); SET search_path TO nowhere;"),
            ("0001_b", "CREATE TABLE public.b (id int); CREATE TABLE c (id int);"),
            ("0002_d", "INSERT INTO nope VALUES (1);"),
        ]);
        let (result, events) = run_with(&mut database.client().await, &written.folder(), &together).await;
        let Err(Failure::Statement(failure)) = result else { panic!("{result:?}") };
        assert_eq!((failure.tag.as_str(), failure.applied.len(), failure.pending.len()), ("0002_d", 0, 3));
        assert!(!events.iter().any(|event| matches!(event, Event::Applied { .. })), "{events:?}");
        assert_eq!((tables(&database).as_str(), ledger_rows(&database).as_str()), ("", ""), "{way:?}");
        std::fs::write(written.file("0002_d"), "CREATE TABLE d (id int);").unwrap();
        let (result, _) = run_with(&mut database.client().await, &written.folder(), &together).await;
        assert_eq!(result.unwrap().migrations.len(), 3);
        assert_eq!((tables(&database).as_str(), ledger_rows(&database).lines().count()), ("a b c d", 3));
    }
}

/// A database that is not UTF-8 gets what the files say, also where a pooler's own connection began with its encoding.
#[tokio::test(flavor = "multi_thread")]
async fn text_arrives_as_it_is_written() {
    for way in WAYS {
        let name = format!("{}_latin1", Database::new(way).name);
        Database::new(way)
            .psql(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"));
        let database = Database { name, way };
        let mut written = Written::new(&[("0000_a", "CREATE TABLE a (t text);\nINSERT INTO a VALUES ('é');")]);
        tags(&database, &written.folder()).await.unwrap();
        written
            .add("0001_b", "INSERT INTO a VALUES ('ü'), ('ß');--> statement-breakpoint\nINSERT INTO a VALUES ('ñ');");
        written.add("0002_c", "-- infra: no-transaction\nINSERT INTO a VALUES ('ö');\nINSERT INTO a VALUES ('å');");
        tags(&database, &written.folder()).await.unwrap();
        let found = database.psql("SELECT string_agg(ascii(t)::text, ' '), max(length(t)) FROM a");
        assert_eq!(found, "233 252 223 241 246 229|1", "{way:?}");
    }
}
