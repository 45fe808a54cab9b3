//! Log streams.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{cut, events::Events, invalid};
use crate::local::{fault::Fault, members::decode, pace::Millis, world::Ctx};

/// A stream with its events in the order of their time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created_at: Millis,
    pub(super) events: Events,
    /// Made by a service of AWS that writes into it.
    pub(super) made_by_service: bool,
}

/// One line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    pub(super) timestamp: Millis,
    pub(super) message: String,
    pub(super) ingested_at: Millis,
}

impl Event {
    /// Bytes as CloudWatch counts them: 26 for each event besides its text.
    pub(super) fn size(&self) -> usize {
        self.message.len() + 26
    }
}

impl Stream {
    pub(super) fn new(name: &str, arn: String, now: Millis) -> Self {
        Self { name: name.to_owned(), arn, created_at: now, ..Self::default() }
    }

    /// Takes in events; the group has to be bounded afterwards.
    pub(super) fn add(&mut self, events: Vec<Event>) {
        self.events.add(events);
    }

    pub(super) fn forget_before(&mut self, since: Millis) {
        let first = self.events.partition_point(|event| event.timestamp < since);
        self.events.let_go(first);
    }

    pub(super) fn size(&self) -> usize {
        self.events.iter().map(Event::size).sum()
    }

    fn describe(&self) -> Value {
        json!({
            "logStreamName": self.name,
            "creationTime": self.created_at,
            "firstEventTimestamp": self.events.first().map(|event| event.timestamp),
            "lastEventTimestamp": self.events.last().map(|event| event.timestamp),
            "lastIngestionTime": self.events.iter().map(|event| event.ingested_at).max(),
            "uploadSequenceToken": super::event::SEQUENCE_TOKEN,
            "arn": self.arn,
            "storedBytes": 0,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// The one of the two ways to name a group that a call uses.
pub(super) fn group_of(name: Option<String>, identifier: Option<String>) -> Result<String, Fault> {
    match (name, identifier) {
        (Some(group), None) | (None, Some(group)) => Ok(group),
        _ => Err(invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")),
    }
}

/// No stream of that name.
pub(super) fn missing() -> Fault {
    Fault::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

pub(super) fn create_log_stream(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let group = ctx.region.logs.find(&group_of(input.log_group_name, None)?)?;
    let name = input.log_stream_name;
    if group.streams.contains_key(&name) {
        return Err(Fault::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    let arn = format!("{}:log-stream:{name}", group.arn);
    group.streams.insert(name.clone(), Stream::new(&name, arn, now));
    Ok(json!({}))
}

pub(super) fn describe_log_streams(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let group = ctx.region.logs.find(&group_of(input.log_group_name, input.log_group_identifier)?)?;
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    let mut streams: Vec<&Stream> = group.streams.values().filter(|stream| stream.name.starts_with(&prefix)).collect();
    if by_time {
        streams.sort_by_key(|stream| stream.events.last().map(|event| event.timestamp));
    }
    if input.descending {
        streams.reverse();
    }
    let limit = input.limit.unwrap_or(50);
    let page = cut(streams, input.next_token.as_deref(), limit, |stream| stream.name.clone())?;
    let streams: Vec<Value> = page.items.into_iter().map(Stream::describe).collect();
    Ok(json!({ "logStreams": streams, "nextToken": page.next }))
}

pub(super) fn delete_log_stream(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let group = ctx.region.logs.find(&group_of(input.log_group_name, None)?)?;
    group.streams.remove(&input.log_stream_name).ok_or_else(missing)?;
    Ok(json!({}))
}
