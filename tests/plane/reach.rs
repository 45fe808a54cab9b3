//! What lies behind a database is nobody's who only has a password to it.

use super::{
    connect,
    rights::said,
    servers::{make, until_available},
    start, value,
};
use crate::data_folder::DataFolder;

#[tokio::test(flavor = "multi_thread")]
async fn no_way_leads_from_the_database_to_the_machine() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let cluster = make(&aws, &["shop-1"]).await;
    until_available(&aws, "shop-1").await;
    let client = connect(cluster.endpoint().unwrap(), "first-99").await.unwrap();
    client
        .batch_execute("CREATE TABLE told (line text); CREATE ROLE other LOGIN CREATEROLE; GRANT other TO app")
        .await
        .unwrap();
    let denied = "permission denied";
    for (statement, words) in [
        ("GRANT pg_execute_server_program TO app", "must be superuser to alter superusers"),
        ("GRANT pg_read_server_files TO app", "must be superuser to alter superusers"),
        ("GRANT pg_write_server_files TO app", "must be superuser to alter superusers"),
        ("CREATE ROLE third ROLE app IN ROLE pg_execute_server_program", "must be superuser to alter superusers"),
        ("GRANT rdsadmin TO app", "must be superuser to alter superusers"),
        ("ALTER ROLE app SUPERUSER", "must be superuser"),
        ("SET ROLE pg_execute_server_program", denied),
        ("SET SESSION AUTHORIZATION rdsadmin", denied),
        ("COPY told FROM PROGRAM 'id'", "must be superuser"),
        ("COPY told TO PROGRAM 'cat'", "must be superuser"),
        ("COPY told FROM '/etc/hostname'", "must be superuser"),
        ("COPY told TO '/tmp/told'", "must be superuser"),
        ("SELECT pg_read_file('/etc/hostname')", denied),
        ("SELECT pg_read_binary_file('/etc/hostname')", denied),
        ("SELECT pg_ls_dir('/')", denied),
        ("SELECT pg_stat_file('/etc/hostname')", denied),
        ("SELECT lo_import('/etc/hostname')", denied),
        ("SELECT lo_export(1, '/tmp/told')", denied),
        ("ALTER SYSTEM SET archive_command = 'id'", denied),
        ("SET dynamic_library_path = '/tmp'", denied),
        ("SET session_preload_libraries = 'mine'", denied),
        ("LOAD '/tmp/mine.so'", "access to library"),
        ("CREATE TABLESPACE mine LOCATION '/tmp'", denied),
        ("CREATE FUNCTION mine() RETURNS int LANGUAGE c AS '/tmp/mine', 'mine'", denied),
        ("CREATE LANGUAGE mine HANDLER plpgsql_call_handler", "must be superuser"),
        ("CREATE EXTENSION adminpack", denied),
        ("CREATE EXTENSION file_fdw", denied),
        ("CREATE FOREIGN DATA WRAPPER mine", denied),
        ("CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", denied),
        ("UPDATE pg_authid SET rolsuper = true", denied),
    ] {
        for role in ["app", "other"] {
            client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            let told = said(&client, statement).await;
            assert!(told.contains(words), "{role}: {statement}: {told}");
        }
        client.batch_execute("RESET ROLE").await.unwrap();
    }
    // Nor is there one for who owns the database and everything in it.
    let defined = "SELECT count(*) FROM pg_proc WHERE prosecdef AND proowner = 'rdsadmin'::regrole";
    assert_eq!(value(&client, defined).await, "0");
    cloud.stop().await;
}
