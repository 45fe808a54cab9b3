//! Proxies that lead nowhere.

use std::time::Duration;

use aws_sdk_ec2::types::{Filter, IpPermission};
use aws_sdk_rds::types::{ConnectionPoolConfiguration, DbProxyEndpointTargetRole};

use super::{connect, furnish, health, servers::until_available, start, until, value};
use crate::data_folder::DataFolder;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_for_a_connection_that_security_groups_forbid() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    let pool = ConnectionPoolConfiguration::builder().connection_borrow_timeout(1).build();
    let change = aws.rds.modify_db_proxy_target_group().db_proxy_name("shop").target_group_name("default");
    change.connection_pool_config(pool).send().await.unwrap();
    let kept = connect(&places.proxy, "first-99").await.unwrap();
    let session = value(&kept, "SELECT pg_backend_pid()").await;
    let named = Filter::builder().name("group-name").values("database").build();
    let groups = aws.ec2.describe_security_groups().filters(named).send().await.unwrap();
    let group = &groups.security_groups()[0];
    let rules: Vec<IpPermission> = group.ip_permissions().to_vec();
    let close = aws.ec2.revoke_security_group_ingress().group_id(group.group_id().unwrap());
    close.set_ip_permissions(Some(rules.clone())).send().await.unwrap();
    until("the target", "UNAVAILABLE UNREACHABLE", || health(&aws)).await;
    let told = |password: &'static str| {
        let proxy = places.proxy.clone();
        async move {
            let Err(error) = connect(&proxy, password).await else { return "a connection".to_owned() };
            error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
        }
    };
    until("what a client is told", "query_wait_timeout", || told("first-99")).await;
    assert_eq!(told("wrong-99").await, "SASL authentication failed");
    let pool = ConnectionPoolConfiguration::builder().connection_borrow_timeout(60).build();
    let change = aws.rds.modify_db_proxy_target_group().db_proxy_name("shop").target_group_name("default");
    change.connection_pool_config(pool).send().await.unwrap();
    // Until the pooler has read it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let waiting = tokio::spawn(told("first-99"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!waiting.is_finished(), "a client does not wait for the target");
    let open = aws.ec2.authorize_security_group_ingress().group_id(group.group_id().unwrap());
    open.set_ip_permissions(Some(rules)).send().await.unwrap();
    assert_eq!(waiting.await.unwrap(), "a connection", "who waits is not sent away");
    assert_eq!(told("first-99").await, "a connection");
    assert_eq!(value(&kept, "SELECT pg_backend_pid()").await, session, "who has a connection keeps it");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_reading_endpoint_waits_for_a_reader() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    furnish(&aws).await;
    let add_reader = async || {
        let instance = aws.rds.create_db_instance().db_instance_identifier("shop-2").db_cluster_identifier("shop");
        instance.engine("aurora-postgresql").db_instance_class("db.serverless").send().await.unwrap();
    };
    add_reader().await;
    until_available(&aws, "shop-2").await;
    let proxies = aws.rds.describe_db_proxies().db_proxy_name("shop").send().await.unwrap();
    let made = aws.rds.create_db_proxy_endpoint().db_proxy_name("shop").db_proxy_endpoint_name("reads");
    let made = made.target_role(DbProxyEndpointTargetRole::ReadOnly);
    let made = made.set_vpc_subnet_ids(Some(proxies.db_proxies()[0].vpc_subnet_ids().to_vec())).send().await.unwrap();
    until("the endpoint", "available", || async {
        let answer = aws.rds.describe_db_proxy_endpoints().db_proxy_endpoint_name("reads").send().await.unwrap();
        answer.db_proxy_endpoints()[0].status().unwrap().as_str().to_owned()
    })
    .await;
    let endpoint = made.db_proxy_endpoint().unwrap().endpoint().unwrap().to_owned();
    aws.rds.delete_db_instance().db_instance_identifier("shop-2").send().await.unwrap();
    until("the instances", "1", || async {
        aws.rds.describe_db_instances().send().await.unwrap().db_instances().len().to_string()
    })
    .await;
    let waiting = tokio::spawn(async move {
        let client = connect(&endpoint, "first-99").await.map_err(|error| error.to_string())?;
        Ok::<_, String>(value(&client, "SELECT pg_is_in_recovery()").await)
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!waiting.is_finished(), "a client does not wait for a reader");
    add_reader().await;
    assert_eq!(waiting.await.unwrap(), Ok("t".to_owned()), "whom a waiting client gets");
    cloud.stop().await;
}
