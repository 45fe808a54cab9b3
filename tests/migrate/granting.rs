//! A role that lacks a right on the ledger: what it is told to have run is enough, and can be pasted as it is.

use infra::migrate::ledger::Right;
use infra::migrate::{Client, Failure, Folder, LedgerError, Secret};
use miette::Diagnostic as _;

use super::server::{Database, Way};
use super::{Written, fixture, run};

/// A role whose name needs quoting, and a connection as it.
async fn connected(database: &Database) -> Client {
    let role = format!("We\"ird {}", database.name);
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    database.psql(&format!("CREATE ROLE {quoted} LOGIN PASSWORD 'limited'"));
    let mut target = database.target();
    (target.user, target.password) = (role, Secret::new("limited"));
    Client::connect(&target).await.unwrap()
}

/// Refused for want of a right, applied once what the error says was run.
async fn mended(database: &Database, folder: &Folder, expected: Right, lines: usize) {
    let mut client = connected(database).await;
    let (result, _) = run(&mut client, folder).await;
    let Err(Failure::Ledger(error)) = &result else { panic!("{result:?}") };
    let LedgerError::Denied { lack, .. } = error else { panic!("{error:?}") };
    assert_eq!((lack.right, &lack.role), (expected, &client.target().user));
    assert!(error.to_string().contains(&lack.role), "{error}");
    let help = error.help().unwrap().to_string();
    let statements: Vec<&str> = help.lines().filter(|line| line.ends_with(';')).collect();
    assert_eq!(statements.len(), lines, "{help}");
    statements.iter().for_each(|statement| _ = database.psql(statement));
    let (result, _) = run(&mut client, folder).await;
    assert_eq!(result.unwrap().migrations.len(), folder.migrations.len(), "{help}");
}

const LEDGER: &str = "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, \
     created_at bigint)";

#[tokio::test]
async fn each_right_is_given_by_what_the_error_says() {
    let written = Written::new(&[("0000_a", "SELECT 1;"), ("0001_b", "SELECT 2;")]);
    let folder = written.folder();
    mended(&Database::new(Way::Direct), &folder, Right::MakeSchema, 1).await;

    let schema = Database::new(Way::Direct);
    schema.psql("CREATE SCHEMA drizzle");
    mended(&schema, &folder, Right::MakeTable, 1).await;

    let table = Database::new(Way::Direct);
    table.psql(LEDGER);
    mended(&table, &folder, Right::Use, 3).await;

    // A ledger of Drizzle 0.x, and a folder of 1.0: its columns are for its owner to add.
    let older = Database::new(Way::Direct);
    older.psql(LEDGER);
    older.psql(
        "GRANT USAGE ON SCHEMA drizzle TO public; GRANT ALL ON ALL TABLES IN SCHEMA drizzle TO public; GRANT CREATE ON SCHEMA public \
         TO public",
    );
    mended(&older, &Folder::read(&fixture("v1-abc")).unwrap(), Right::Upgrade, 1).await;
}

/// Who may not end a connection is not told to ask for the ledger.
#[tokio::test]
async fn ending_a_connection_is_another_right() {
    let database = Database::new(Way::Direct);
    let theirs = database.client().await;
    let asked = "SELECT pid FROM pg_stat_activity WHERE application_name <> 'psql' AND datname";
    let pid = database.psql(&format!("{asked} = '{}'", database.name));
    let client = connected(&database).await;
    let ledger = infra::migrate::Ledger::default();
    let error = ledger.terminate(&client, pid.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotEnded { .. }), "{error:?}");
    let help = error.help().unwrap().to_string();
    database.psql(help.lines().last().unwrap());
    // Its own role's: what pg_signal_backend does not reach is a superuser's.
    drop(theirs);
    let error = ledger.terminate(&client, pid.parse().unwrap()).await;
    assert!(!matches!(error, Err(LedgerError::Denied { .. })), "{error:?}");
}
