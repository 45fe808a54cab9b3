//! Proxies that lead nowhere.

use aws_sdk_ec2::types::{Filter, IpPermission};
use aws_sdk_rds::types::ConnectionPoolConfiguration;

use super::{connect, furnish, health, start, until};
use crate::data_folder::DataFolder;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_for_a_connection_that_security_groups_forbid() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let places = furnish(&aws).await;
    let pool = ConnectionPoolConfiguration::builder().connection_borrow_timeout(1).build();
    let change = aws.rds.modify_db_proxy_target_group().db_proxy_name("shop").target_group_name("default");
    change.connection_pool_config(pool).send().await.unwrap();
    let named = Filter::builder().name("group-name").values("database").build();
    let groups = aws.ec2.describe_security_groups().filters(named).send().await.unwrap();
    let group = &groups.security_groups()[0];
    let rules: Vec<IpPermission> = group.ip_permissions().to_vec();
    let close = aws.ec2.revoke_security_group_ingress().group_id(group.group_id().unwrap());
    close.set_ip_permissions(Some(rules.clone())).send().await.unwrap();
    until("the target", "UNAVAILABLE UNREACHABLE", || health(&aws)).await;
    let told = |password: &'static str| {
        let proxy = &places.proxy;
        async move {
            let Err(error) = connect(proxy, password).await else { return "a connection".to_owned() };
            error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
        }
    };
    until("what a client is told", "query_wait_timeout", || told("first-99")).await;
    assert_eq!(told("wrong-99").await, "SASL authentication failed");
    let open = aws.ec2.authorize_security_group_ingress().group_id(group.group_id().unwrap());
    open.set_ip_permissions(Some(rules)).send().await.unwrap();
    until("what a client is told", "a connection", || told("first-99")).await;
    cloud.stop().await;
}
