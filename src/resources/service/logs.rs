//! The last lines that App Runner and the application wrote, for the report of a failure.

use aws_sdk_cloudwatchlogs::types::OrderBy;
use futures::future::join_all;

use crate::aws::Clients;

/// How many lines of each log are told.
const LINES: i32 = 8;

/// The last lines of both logs of a service, each under its group's name; empty where none can be read.
pub(super) async fn last_lines(aws: &Clients, name: &str, id: &str) -> String {
    let groups = ["service", "application"].map(|log| format!("/aws/apprunner/{name}/{id}/{log}"));
    let told = join_all(groups.iter().map(|group| async move {
        let lines = tail(aws, group).await.unwrap_or_default();
        if lines.is_empty() { String::new() } else { format!("\n{group}:\n    {}", lines.join("\n    ")) }
    }));
    told.await.concat()
}

/// The last lines of a group's latest stream. Without them the failure itself is still to be told, so an error is none.
async fn tail(aws: &Clients, group: &str) -> Option<Vec<String>> {
    let latest = aws.logs.describe_log_streams().log_group_name(group).order_by(OrderBy::LastEventTime);
    let streams = latest.descending(true).limit(1).send().await.ok()?;
    let stream = streams.log_streams().first()?.log_stream_name()?;
    let events = aws.logs.get_log_events().log_group_name(group).log_stream_name(stream);
    let events = events.start_from_head(false).limit(LINES).send().await.ok()?;
    Some(events.events().iter().filter_map(|event| event.message().map(|line| line.trim_end().to_owned())).collect())
}
