//! Filters of log groups. Metric filters are kept and listed; CloudWatch's metrics, which they fill, do not run here. A
//! subscription filter is tried out by AWS when it is made, and no service that could take the events runs here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{cut, invalid, pattern::Pattern};
use crate::local::{fault::Fault, members::decode, pace::Millis, world::Ctx};

/// As many as AWS allows for a group.
const MOST: usize = 100;

/// A metric filter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MetricFilter {
    filter_name: String,
    filter_pattern: String,
    metric_transformations: Vec<Value>,
    creation_time: Millis,
    log_group_name: String,
}

impl MetricFilter {
    /// Whether one of its metrics has this member.
    fn fills(&self, member: &str, wanted: Option<&String>) -> bool {
        wanted.is_none_or(|wanted| self.metric_transformations.iter().any(|metric| metric[member] == **wanted))
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    log_group_name: Option<String>,
    filter_name: String,
    filter_pattern: String,
    filter_name_prefix: String,
    metric_transformations: Vec<Value>,
    metric_name: Option<String>,
    metric_namespace: Option<String>,
    destination_arn: String,
    log_event_messages: Vec<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

impl Input {
    fn group(&self) -> &str {
        self.log_group_name.as_deref().unwrap_or_default()
    }
}

pub(super) fn put_metric_filter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let group = ctx.region.logs.find(input.group())?;
    for metric in &input.metric_transformations {
        let dimensions = metric["dimensions"].as_object().map_or(0, serde_json::Map::len);
        if dimensions > 3 {
            return Err(invalid("A metric transformation can have at most 3 dimensions."));
        }
        if dimensions > 0 && !metric["defaultValue"].is_null() {
            return Err(invalid("A metric transformation cannot have dimensions and a default value at once."));
        }
    }
    if group.metric_filters.len() >= MOST && !group.metric_filters.contains_key(&input.filter_name) {
        return Err(Fault::new("LimitExceededException", "Resource limit exceeded."));
    }
    let filter = MetricFilter {
        filter_name: input.filter_name.clone(),
        filter_pattern: input.filter_pattern,
        metric_transformations: input.metric_transformations,
        creation_time: now,
        log_group_name: group.name.clone(),
    };
    group.metric_filters.insert(input.filter_name, filter);
    Ok(json!({}))
}

/// `DescribeMetricFilters`: of one group, or of all.
pub(super) fn describe_metric_filters(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        return Err(invalid("metricName and metricNamespace have to be given together."));
    }
    let logs = &mut ctx.region.logs;
    let only =
        input.log_group_name.as_deref().map(|name| logs.find(name).map(|group| group.name.clone())).transpose()?;
    let groups = logs.groups.values().filter(|group| only.as_ref().is_none_or(|name| *name == group.name));
    let filters = groups.flat_map(|group| group.metric_filters.values()).filter(|filter| {
        filter.filter_name.starts_with(&input.filter_name_prefix)
            && filter.fills("metricName", input.metric_name.as_ref())
            && filter.fills("metricNamespace", input.metric_namespace.as_ref())
    });
    let key = |filter: &&MetricFilter| format!("{}:{}", filter.log_group_name, filter.filter_name);
    let page = cut(filters.collect(), input.next_token.as_deref(), input.limit.unwrap_or(50), key)?;
    Ok(json!({ "metricFilters": page.items, "nextToken": page.next }))
}

pub(super) fn delete_metric_filter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let removed = ctx.region.logs.find(input.group())?.metric_filters.remove(&input.filter_name);
    removed.map(|_| json!({})).ok_or_else(|| absent("metric filter"))
}

/// `TestMetricFilter`: which of the messages a pattern means. Words take no values out of a message.
pub(super) fn test_metric_filter(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let pattern = Pattern::read(&input.filter_pattern)?;
    let messages = (1_u64..).zip(&input.log_event_messages).filter(|(_, message)| pattern.matches(message));
    let told = |(number, message): (u64, &String)| json!({ "eventNumber": number, "eventMessage": message, "extractedValues": {} });
    Ok(json!({ "matches": messages.map(told).collect::<Vec<_>>() }))
}

pub(super) fn put_subscription_filter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.logs.find(input.group())?;
    Err(invalid(format!(
        "Could not deliver test message to specified destination. Check if the destination is valid. (The local cloud \
         delivers no log events to anything, nor to {})",
        input.destination_arn
    )))
}

pub(super) fn describe_subscription_filters(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.logs.find(input.group())?;
    Ok(json!({ "subscriptionFilters": [] }))
}

pub(super) fn delete_subscription_filter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.logs.find(input.group())?;
    Err(absent("subscription filter"))
}

fn absent(what: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("The specified {what} does not exist."))
}
