//! What is RDS's own in a server, and what is its master user's.

use super::{
    connect,
    rights::said,
    servers::{make, reboot, until_available},
    start, until, value,
};
use crate::data_folder::DataFolder;

/// What a connection of the master user to a database is answered.
async fn entered(host: &str, database: &str) -> String {
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(5432).user("app").password("first-99").dbname(database);
    match config.connect(tokio_postgres::NoTls).await {
        Ok(_) => "let in".to_owned(),
        Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rds_has_a_database_of_its_own_and_needs_no_other() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let cluster = make(&aws, &["shop-1"]).await;
    until_available(&aws, "shop-1").await;
    let host = cluster.endpoint().unwrap();
    let client = connect(host, "first-99").await.unwrap();
    let owner = "SELECT concat(pg_get_userbyid(datdba), ' ', datacl) FROM pg_database WHERE datname = 'rdsadmin'";
    assert_eq!(value(&client, owner).await, "rdsadmin {rdsadmin=CTc/rdsadmin}");
    let told = entered(host, "rdsadmin").await;
    assert!(told.starts_with("pg_hba.conf rejects connection") && told.contains("database \"rdsadmin\""), "{told}");
    assert_eq!(said(&client, "DROP DATABASE rdsadmin").await, "must be owner of database rdsadmin");

    assert_eq!(said(&client, "DROP DATABASE postgres").await, "");
    let begun = value(&client, "SELECT pg_postmaster_start_time()").await;
    drop(client);
    reboot(&aws, "shop-1").await;
    let restarted = || async {
        let Ok(client) = connect(host, "first-99").await else { return "no connection".to_owned() };
        (value(&client, "SELECT pg_postmaster_start_time()").await != begun).to_string()
    };
    until("whether the server is another one", "true", restarted).await;
    until_available(&aws, "shop-1").await;

    // Another password is applied without that database, and does not bring it back.
    let change = aws.rds.modify_db_cluster().db_cluster_identifier("shop").master_user_password("second-99");
    change.apply_immediately(true).send().await.unwrap();
    until("whether the other password is accepted", "true", || async {
        connect(host, "second-99").await.is_ok().to_string()
    })
    .await;
    let client = connect(host, "second-99").await.unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM pg_database WHERE datname = 'postgres'").await, "0");
    cloud.stop().await;
}
