//! What the master user may do.

use tokio_postgres::Client;

use super::{connect, servers::make_writer, start, value};
use crate::data_folder::DataFolder;

/// What a statement is answered: nothing, or PostgreSQL's words.
pub(super) async fn said(client: &Client, statement: &str) -> String {
    match client.batch_execute(statement).await {
        Ok(()) => String::new(),
        Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_user_may_what_rds_superuser_may() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    for statement in [
        "SET session_replication_role = replica",
        "SET session_replication_role = origin",
        "SET log_statement = 'all'",
        "ALTER ROLE app SET log_statement = 'ddl'",
        "ALTER DATABASE shop SET log_min_duration_statement = '1s'",
        "SELECT pg_stat_reset(), pg_stat_reset_shared('bgwriter')",
        "CREATE EXTENSION pg_stat_statements",
        "SELECT pg_stat_statements_reset()",
        "CREATE ROLE other LOGIN; GRANT other TO app",
    ] {
        assert_eq!(said(&client, statement).await, "", "{statement}");
    }
    // A database of its own has the same.
    client.batch_execute("CREATE DATABASE more").await.unwrap();
    let may = "SELECT has_function_privilege('rds_superuser', 'pg_stat_reset()', 'EXECUTE')";
    assert_eq!(value(&client, may).await, "t");
    let mut config = tokio_postgres::Config::new();
    config.host(&host).port(5432).user("app").password("first-99").dbname("more");
    let (more, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(said(&more, "SELECT pg_stat_reset()").await, "");

    // That is nobody else's, and it makes no superuser.
    for (statement, words) in [
        ("SELECT pg_create_logical_replication_slot('one', 'pgoutput')", "must be superuser or replication role"),
        ("SET ROLE rdsadmin", "permission denied"),
        ("SELECT pg_read_file('PG_VERSION')", "permission denied"),
        ("SET ROLE other; SET log_statement = 'all'", "permission denied to set parameter"),
        ("SELECT pg_stat_reset()", "permission denied for function"),
        ("SELECT pg_stat_statements_reset()", "permission denied for function"),
    ] {
        if statement.starts_with("SELECT pg_stat_") {
            client.batch_execute("SET ROLE other").await.unwrap();
        }
        let told = said(&client, statement).await;
        assert!(told.contains(words), "{statement}: {told}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_of_no_use_to_who_logs_in_by_iam() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let host = host.as_str();
    let enter = async || {
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(5432).user("clerk").password("second-99").dbname("shop");
        match config.connect(tokio_postgres::NoTls).await {
            Ok(_) => "let in".to_owned(),
            Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned()),
        }
    };
    client.batch_execute("CREATE ROLE clerk LOGIN PASSWORD 'second-99'").await.unwrap();
    assert_eq!(enter().await, "let in");
    client.batch_execute("CREATE ROLE clerks; GRANT rds_iam TO clerks; GRANT clerks TO clerk").await.unwrap();
    let told = enter().await;
    assert!(told.starts_with("pg_hba.conf rejects connection") && told.contains("\"clerk\""), "{told}");
    assert!(connect(host, "first-99").await.is_ok(), "who grants it does not have it");
    client.batch_execute("REVOKE rds_iam FROM clerks").await.unwrap();
    assert_eq!(enter().await, "let in");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_user_uses_the_extensions_that_it_creates() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let (host, client) = make_writer(&aws).await;
    let host = host.as_str();
    let options = format!("OPTIONS (host '{host}', port '5432', dbname 'shop')");
    let dblink =
        |more: &str| format!("dblink('host={host} port=5432 dbname=shop {more}', 'SELECT 1') AS one(number int)");
    for statement in [
        "CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink; CREATE EXTENSION amcheck",
        "CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1)",
        &format!("CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw {options}"),
        "CREATE USER MAPPING FOR app SERVER itself OPTIONS (user 'app', password 'first-99')",
        "CREATE FOREIGN TABLE far (id int) SERVER itself OPTIONS (table_name 'kept')",
        "SELECT * FROM far",
        &format!("CREATE SERVER other FOREIGN DATA WRAPPER dblink_fdw {options}"),
        &format!("SELECT * FROM {}", dblink("user=app password=first-99")),
        "SELECT bt_index_check('kept_pkey'), bt_index_parent_check('kept_pkey', true, true)",
        "SELECT * FROM verify_heapam('kept')",
        "CREATE ROLE other; GRANT other TO app; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO other",
    ] {
        assert_eq!(said(&client, statement).await, "", "{statement}");
    }

    // None of them is a way to another's rights, or past a password.
    for (statement, words) in [
        ("ALTER USER MAPPING FOR app SERVER itself OPTIONS (ADD password_required 'false')", "superuser"),
        ("ALTER USER MAPPING FOR app SERVER itself OPTIONS (ADD sslkey '/tmp/key')", "superuser"),
        ("SELECT dblink_connect_u('host=127.0.0.1')", "permission denied for function"),
        (&format!("SELECT * FROM {}", dblink("user=rdsadmin")), "password"),
        (&format!("SELECT * FROM {}", dblink("user=rdsadmin password=none")), "could not establish connection"),
        ("SET ROLE other; SELECT bt_index_check('kept_pkey')", "permission denied for function"),
    ] {
        let told = said(&client, statement).await;
        assert!(told.contains(words), "{statement}: {told}");
    }
    cloud.stop().await;
}
