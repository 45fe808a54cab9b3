//! What a proxy says of itself in CloudWatch Logs.

use super::{connect, furnish, start, until};
use crate::data_folder::DataFolder;

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_has_a_log_group_and_tells_who_comes_where_it_is_to() {
    let data = DataFolder::new();
    let (cloud, aws) = start(data.path()).await;
    let proxy = furnish(&aws).await.proxy;
    let said = async |part: &str| {
        let answer = aws.logs.filter_log_events().log_group_name("/aws/rds/proxy/shop").send().await.unwrap();
        answer.events().iter().any(|event| event.message().is_some_and(|message| message.contains(part))).to_string()
    };
    until("whether its start is told", "true", || said("process up")).await;
    let comes = "login attempt: db=shop user=app";
    drop(connect(&proxy, "first-99").await.unwrap());
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(said(comes).await, "false", "nobody has asked for it");
    aws.rds.modify_db_proxy().db_proxy_name("shop").debug_logging(true).send().await.unwrap();
    until("whether a client is told of", "true", || async {
        drop(connect(&proxy, "first-99").await);
        said(comes).await
    })
    .await;
    cloud.stop().await;
}
