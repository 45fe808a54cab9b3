//! Events: writing, reading a stream in both directions, searching a group.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cut, invalid,
    pattern::Pattern,
    stream::{Event, Stream, group_of, missing},
};
use crate::local::{fault::Fault, members::decode, pace::Millis, world::Ctx};

/// Sequence tokens are accepted and ignored since 2023; the answers still have one.
pub(super) const SEQUENCE_TOKEN: &str = "49590302913277564829371164534537853726421853674938262018";

/// How many bytes of events a page has.
const PAGE: usize = 1 << 20;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    log_events: Vec<Line>,
    start_time: Option<Millis>,
    end_time: Option<Millis>,
    start_from_head: bool,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Line {
    timestamp: Millis,
    message: String,
}

impl Input {
    fn covers(&self, at: Millis) -> bool {
        self.start_time.is_none_or(|start| at >= start) && self.end_time.is_none_or(|end| at < end)
    }
}

pub(super) fn put_log_events(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    const HOUR: Millis = 60 * 60 * 1000;
    let input: Input = decode(input)?;
    let now = ctx.now;
    let group = ctx.region.logs.find(&group_of(input.log_group_name, None)?)?;
    let expired_before = now.saturating_sub(group.retention_in_days.map_or(now, |days| days * 24 * HOUR));
    let stream = group.streams.get_mut(&input.log_stream_name).ok_or_else(missing)?;
    let lines = input.log_events;
    if !lines.is_sorted_by_key(|line| line.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let size: usize = lines.iter().map(|line| line.message.len() + 26).sum();
    if lines.len() > 1 && size > 1_048_576 {
        return Err(invalid(format!("Upload too large: {size} bytes exceeds limit of 1048576")));
    }
    if lines.iter().any(|line| line.message.len() > 1_048_576 - 26) {
        return Err(invalid("Log event too large: an event's message may have at most 1048550 bytes."));
    }
    // Indexes in the sorted request: what comes before `first` is too old, what comes from `end` on too new.
    let expired = lines.partition_point(|line| line.timestamp < expired_before);
    let old = lines.partition_point(|line| line.timestamp + 14 * 24 * HOUR < now);
    let end = lines.partition_point(|line| line.timestamp <= now + 2 * HOUR);
    let first = expired.max(old).min(end);
    if let [earliest, .., latest] = &lines[first..end]
        && latest.timestamp - earliest.timestamp > 24 * HOUR
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    let rejected = json!({
        "tooNewLogEventStartIndex": (end < lines.len()).then_some(end),
        "tooOldLogEventEndIndex": (old > 0).then_some(old),
        "expiredLogEventEndIndex": (expired > 0).then_some(expired),
    });
    let any_rejected = first > 0 || end < lines.len();
    let accepted = lines.into_iter().take(end).skip(first);
    stream.add(
        accepted.map(|line| Event { timestamp: line.timestamp, message: line.message, ingested_at: now }).collect(),
    );
    group.bound(&input.log_stream_name);
    Ok(json!({
        "nextSequenceToken": SEQUENCE_TOKEN,
        "rejectedLogEventsInfo": if any_rejected { rejected } else { Value::Null },
    }))
}

/// A token's letter is the direction, its number the place in the stream; at the end it stays the same.
pub(super) fn get_log_events(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let mut input: Input = decode(input)?;
    let group = group_of(input.log_group_name.take(), input.log_group_identifier.take())?;
    let stream = ctx.region.logs.find(&group)?.streams.get(&input.log_stream_name).ok_or_else(missing)?;
    let events: Vec<&Event> = stream.events.iter().filter(|event| input.covers(event.timestamp)).collect();
    let limit = input.limit.unwrap_or(10_000);
    let forward = |start: usize| {
        let start = start.min(events.len());
        (start, start + fitting(events[start..].iter().copied(), limit))
    };
    let backward = |end: usize| {
        let end = end.min(events.len());
        (end - fitting(events[..end].iter().rev().copied(), limit), end)
    };
    let (start, end) = match input.next_token.as_deref().map(|token| (token, read_token(token))) {
        None if input.start_from_head => forward(0),
        None => backward(events.len()),
        Some((token, Some(place))) if token.starts_with('f') => forward(place),
        Some((_, Some(place))) => backward(place),
        Some((_, None)) => return Err(invalid("The specified nextToken is invalid.")),
    };
    let lines: Vec<Value> = events[start..end]
        .iter()
        .map(|event| {
            json!({ "timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested_at })
        })
        .collect();
    Ok(json!({
        "events": lines,
        "nextForwardToken": format!("f/{end:056}/s"),
        "nextBackwardToken": format!("b/{start:056}/s"),
    }))
}

/// How many of these events a page takes.
fn fitting<'a>(events: impl Iterator<Item = &'a Event>, limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |(number, event): &(usize, &Event)| {
        bytes += event.size();
        // One that is too large comes alone.
        *number == 0 || bytes <= PAGE
    };
    events.take(limit).enumerate().take_while(fits).count()
}

fn read_token(token: &str) -> Option<usize> {
    let digits = token.strip_prefix("f/").or_else(|| token.strip_prefix("b/"))?.strip_suffix("/s")?;
    digits.parse().ok()
}

pub(super) fn filter_log_events(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let mut input: Input = decode(input)?;
    let group = group_of(input.log_group_name.take(), input.log_group_identifier.take())?;
    if input.log_stream_name_prefix.is_some() && !input.log_stream_names.is_empty() {
        return Err(invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters."));
    }
    let pattern = Pattern::read(input.filter_pattern.as_deref().unwrap_or_default())?;
    let group = ctx.region.logs.find(&group)?;
    if input.log_stream_names.iter().any(|name| !group.streams.contains_key(name)) {
        return Err(missing());
    }
    let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
    let searched = |stream: &&Stream| {
        stream.name.starts_with(prefix)
            && (input.log_stream_names.is_empty() || input.log_stream_names.contains(&stream.name))
    };
    let mut found: Vec<(&Stream, usize, &Event)> = group
        .streams
        .values()
        .filter(searched)
        .flat_map(|stream| stream.events.iter().enumerate().map(move |(index, event)| (stream, index, event)))
        .filter(|(_, _, event)| input.covers(event.timestamp) && pattern.matches(&event.message))
        .collect();
    found.sort_by_key(|(_, _, event)| event.timestamp);
    let id = |(stream, index, event): &(&Stream, usize, &Event)| {
        format!("{:020}{:016}{index:020}", event.timestamp, stream.created_at)
    };
    let key = |event: &(&Stream, usize, &Event)| format!("{} {}", id(event), event.0.name);
    let token = input.next_token.as_deref();
    let mut page = cut(found.clone(), token, input.limit.unwrap_or(10_000), key)?;
    let fits = fitting(page.items.iter().map(|(_, _, event)| *event), usize::MAX);
    if fits < page.items.len() {
        page = cut(found, token, fits, key)?;
    }
    let events: Vec<Value> = page
        .items
        .iter()
        .map(|found| {
            let (stream, _, event) = found;
            json!({
                "logStreamName": stream.name,
                "timestamp": event.timestamp,
                "message": event.message,
                "ingestionTime": event.ingested_at,
                "eventId": id(found),
            })
        })
        .collect();
    Ok(json!({ "events": events, "searchedLogStreams": [], "nextToken": page.next }))
}
