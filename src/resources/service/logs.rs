//! What App Runner and the application wrote during one operation, for the report of its failure.

use aws_sdk_apprunner::types::{OperationSummary, Service};
use aws_sdk_cloudwatchlogs::types::{LogStream, OrderBy, OutputLogEvent};
use futures::future::{join, join_all};

use crate::aws::Clients;

/// How many lines are told of what App Runner says, and of what the application does.
const EVENTS: usize = 15;
const OUTPUT: usize = 60;
/// How many are read of a stream: one more than are told says that there are more.
const READ: i32 = 61;
/// How long after its end App Runner may write that an operation is over.
const LATE: i64 = 15_000;
/// How many streams are looked at; more, CloudWatch does not list at once.
const STREAMS: i32 = 50;

/// Milliseconds since the Unix epoch, as CloudWatch Logs counts.
struct Window {
    from: i64,
    to: i64,
}

/// What both logs say of the operation, each under its group's name; empty where none can be read.
pub(super) async fn of(aws: &Clients, service: &Service, operation: &OperationSummary) -> String {
    let millis = |at: &aws_smithy_types::DateTime| at.to_millis().ok();
    // Fractions of a second come as floating point numbers: the last digit is not to be relied upon.
    let Some(from) = operation.started_at().and_then(millis).map(|at| at - 1) else { return String::new() };
    let window = Window { from, to: operation.ended_at().and_then(millis).map_or(i64::MAX, |at| at + LATE) };
    let group = |log| format!("/aws/apprunner/{}/{}/{log}", service.service_name(), service.service_id());
    let (events, output) = (group("service"), group("application"));
    let (told, said) = join(told(aws, &events, &window), said(aws, &output, &window)).await;
    let text = shown(&events, told, EVENTS) + &shown(&output, said, OUTPUT);
    let question = if is_unreadable(&text) { QUESTION } else { "" };
    text + question
}

const QUESTION: &str = "\nDoes it exist? Of a secret that is not there, too, AWS says that it may not be read.";

/// Whether App Runner says that the service's role may not read a secret or parameter.
fn is_unreadable(text: &str) -> bool {
    text.contains("AccessDenied")
        && ["secretsmanager:GetSecretValue", "ssm:GetParameter"].iter().any(|it| text.contains(it))
}

/// What App Runner wrote meanwhile. Without it the failure itself is still to be told, so an error is nothing.
async fn told(aws: &Clients, group: &str, window: &Window) -> Vec<OutputLogEvent> {
    let streams = streams(aws, group).await;
    let read = streams.iter().map(|stream| events(aws, group, stream, window));
    let mut all: Vec<OutputLogEvent> = join_all(read).await.concat();
    all.sort_by_key(|event| event.timestamp());
    all
}

/// What the instance said that did not come up. Each has a stream of its own, and those that ran before had theirs before; the first
/// new one is it, as the last may be of what is running again.
async fn said(aws: &Clients, group: &str, window: &Window) -> Vec<OutputLogEvent> {
    let streams = streams(aws, group).await;
    let made = |stream: &&LogStream| stream.creation_time().filter(|at| (window.from..window.to).contains(at));
    let first = streams.iter().filter(|stream| made(stream).is_some()).min_by_key(made);
    match first {
        Some(stream) => events(aws, group, stream, &Window { from: window.from, to: i64::MAX }).await,
        None => Vec::new(),
    }
}

async fn streams(aws: &Clients, group: &str) -> Vec<LogStream> {
    let latest = aws.logs.describe_log_streams().log_group_name(group).order_by(OrderBy::LastEventTime);
    let found = latest.descending(true).limit(STREAMS).send().await;
    found.ok().and_then(|found| found.log_streams).unwrap_or_default()
}

/// The last events of a stream.
async fn events(aws: &Clients, group: &str, stream: &LogStream, window: &Window) -> Vec<OutputLogEvent> {
    let Some(name) = stream.log_stream_name() else { return Vec::new() };
    let call = aws.logs.get_log_events().log_group_name(group).log_stream_name(name);
    let call = call.start_time(window.from).set_end_time(Some(window.to).filter(|to| *to != i64::MAX));
    let found = call.start_from_head(false).limit(READ).send().await;
    found.ok().and_then(|found| found.events).unwrap_or_default()
}

/// The last `most` lines under the name of their group, and whether there are more.
fn shown(group: &str, events: Vec<OutputLogEvent>, most: usize) -> String {
    let lines: Vec<&str> = events.iter().filter_map(|event| event.message()).map(str::trim_end).collect();
    if lines.is_empty() {
        return String::new();
    }
    let (which, lines) = match lines.len().checked_sub(most) {
        None | Some(0) => (String::new(), &lines[..]),
        Some(surplus) => (format!(", the last {most} lines"), &lines[surplus..]),
    };
    format!("\n{group}{which}:\n    {}", lines.join("\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: std::ops::Range<usize>) -> Vec<OutputLogEvent> {
        lines.map(|line| OutputLogEvent::builder().message(format!("line {line}\n")).build()).collect()
    }

    #[test]
    fn of_many_lines_the_last_are_told_and_that_they_are() {
        assert_eq!(shown("/g", said(0..0), 2), "");
        assert_eq!(shown("/g", said(0..2), 2), "\n/g:\n    line 0\n    line 1");
        assert_eq!(shown("/g", said(0..3), 2), "\n/g, the last 2 lines:\n    line 1\n    line 2");
    }

    #[test]
    fn what_may_not_be_read_may_not_be_there() {
        let refused = "AccessDeniedException: not allowed secretsmanager:GetSecretValue on arn:aws:secretsmanager:x";
        assert!(is_unreadable(refused) && !is_unreadable("ECONNREFUSED 10.0.0.1:5432"));
    }
}
