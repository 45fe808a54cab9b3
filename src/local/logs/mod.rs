//! CloudWatch Logs: groups, streams, events.

mod bounds;
mod event;
mod events;
mod files;
mod filter;
mod group;
mod never;
mod pattern;
mod policy;
mod stream;
mod tag;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    inventory::Item,
    members::{Page, page},
    pace::Millis,
    service::Service,
};
pub(crate) use files::is_own;
use group::Group;
use policy::ResourcePolicy;
use stream::{Event, Stream};

/// The log groups and resource policies of one region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    groups: BTreeMap<String, Group>,
    policies: BTreeMap<String, ResourcePolicy>,
    /// How many files there are with events; another number than the streams have, where some are to be removed.
    #[serde(skip)]
    files: usize,
}

/// Where lines go that a service of AWS writes by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) group: &'a str,
    pub(crate) stream: &'a str,
}

impl Store {
    /// Removes the events whose retention is over.
    pub(crate) fn settle(&mut self, now: Millis) {
        for group in self.groups.values_mut() {
            let Some(days) = group.retention_in_days else { continue };
            let since = now.saturating_sub(days * 24 * 60 * 60 * 1000);
            for stream in group.streams.values_mut() {
                stream.forget_before(since);
            }
        }
    }

    /// Every log group that somebody made; those that services make by themselves stay behind in AWS, too.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |group: &Group| Item {
            service: "logs",
            kind: "log-group",
            id: group.arn.clone(),
            name: group.name.clone(),
            state: "exists".to_owned(),
            tags: group.tags.clone(),
        };
        self.groups.values().filter(|group| !group.made_by_service).map(item).collect()
    }

    /// Writes one line on behalf of a service, which makes group and stream where they are missing.
    pub(crate) fn write(&mut self, to: Destination<'_>, at: Millis, message: &str) {
        self.write_all(to, at, &[message.to_owned()]);
    }

    /// Writes lines on behalf of a service.
    pub(crate) fn write_all(&mut self, to: Destination<'_>, at: Millis, messages: &[String]) {
        let group = self
            .groups
            .entry(to.group.to_owned())
            .or_insert_with(|| Group { made_by_service: true, ..Group::new(to.account, to.region, to.group, at) });
        let arn = format!("{}:log-stream:{}", group.arn, to.stream);
        let new = || Stream { made_by_service: true, ..Stream::new(to.stream, arn, at) };
        let stream = group.streams.entry(to.stream.to_owned()).or_insert_with(new);
        let event = |message: &String| Event { timestamp: at, message: message.clone(), ingested_at: at };
        stream.add(messages.iter().map(event).collect());
        group.bound(to.stream);
    }

    /// All that a stream has: when, and what was said.
    pub(crate) fn lines(&self, group: &str, stream: &str) -> impl ExactSizeIterator<Item = (Millis, &str)> + use<'_> {
        let stream = self.groups.get(group).and_then(|group| group.streams.get(stream));
        let events: &[Event] = stream.map(|stream| &*stream.events).unwrap_or_default();
        events.iter().map(|event| (event.timestamp, event.message.as_str()))
    }

    #[cfg(test)]
    /// What was said in a group, in any stream, that begins with this.
    pub(crate) fn messages(&self, group: &str, beginning: &str) -> Vec<&str> {
        let streams = self.groups.get(group).into_iter().flat_map(|group| group.streams.values());
        let events = streams.flat_map(|stream| stream.events.iter()).map(|event| event.message.as_str());
        events.filter(|message| message.starts_with(beginning)).collect()
    }

    #[cfg(test)]
    /// The newest `count` messages of a stream, oldest first.
    pub(crate) fn last_messages(&self, group: &str, stream: &str, count: usize) -> Vec<&str> {
        let lines = self.lines(group, stream);
        let skipped = lines.len().saturating_sub(count);
        lines.skip(skipped).map(|(_, message)| message).collect()
    }

    /// A group by its name, its ARN, or its ARN with `:*`.
    fn find(&mut self, name_or_arn: &str) -> Result<&mut Group, Fault> {
        let name = match name_or_arn.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*"),
            None => name_or_arn,
        };
        let missing = || Fault::new("ResourceNotFoundException", "The specified log group does not exist.");
        self.groups.get_mut(name).ok_or_else(missing)
    }
}

/// Cuts a page, or refuses the token.
fn cut<T>(items: Vec<T>, token: Option<&str>, limit: usize, key: impl Fn(&T) -> String) -> Result<Page<T>, Fault> {
    page(items, token, limit, key).ok_or_else(|| invalid("The specified nextToken is invalid."))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "logs",
    actions: &[
        ("CreateLogGroup", group::create_log_group),
        ("DescribeLogGroups", group::describe_log_groups),
        ("DeleteLogGroup", group::delete_log_group),
        ("PutRetentionPolicy", group::put_retention_policy),
        ("DeleteRetentionPolicy", group::delete_retention_policy),
        ("ListLogGroups", group::list_log_groups),
        ("PutLogGroupDeletionProtection", group::put_deletion_protection),
        ("AssociateKmsKey", group::associate_key),
        ("DisassociateKmsKey", group::disassociate_key),
        ("PutMetricFilter", filter::put_metric_filter),
        ("DescribeMetricFilters", filter::describe_metric_filters),
        ("DeleteMetricFilter", filter::delete_metric_filter),
        ("TestMetricFilter", filter::test_metric_filter),
        ("PutSubscriptionFilter", filter::put_subscription_filter),
        ("DescribeSubscriptionFilters", filter::describe_subscription_filters),
        ("DeleteSubscriptionFilter", filter::delete_subscription_filter),
        ("PutResourcePolicy", policy::put),
        ("DescribeResourcePolicies", policy::describe),
        ("DeleteResourcePolicy", policy::delete),
        ("CreateLogStream", stream::create_log_stream),
        ("DescribeLogStreams", stream::describe_log_streams),
        ("DeleteLogStream", stream::delete_log_stream),
        ("PutLogEvents", event::put_log_events),
        ("GetLogEvents", event::get_log_events),
        ("FilterLogEvents", event::filter_log_events),
        ("TagResource", tag::tag_resource),
        ("UntagResource", tag::untag_resource),
        ("ListTagsForResource", tag::list_tags),
        ("TagLogGroup", tag::tag_resource),
        ("UntagLogGroup", tag::untag_log_group),
        ("ListTagsLogGroup", tag::list_tags),
        ("DescribeDestinations", never::destinations),
        ("DescribeExportTasks", never::exports),
        ("DescribeAccountPolicies", never::account_policies),
        ("DescribeIndexPolicies", never::index_policies),
        ("DescribeQueryDefinitions", never::query_definitions),
        ("DescribeQueries", never::queries),
        ("DescribeDeliveries", never::deliveries),
        ("DescribeDeliverySources", never::delivery_sources),
        ("DescribeDeliveryDestinations", never::delivery_destinations),
        ("ListLogAnomalyDetectors", never::anomaly_detectors),
        ("ListAnomalies", never::anomalies),
        ("DescribeFieldIndexes", never::field_indexes),
        ("CancelExportTask", never::no_export),
        ("DeleteDestination", never::no_destination),
        ("PutDestinationPolicy", never::no_destination),
        ("GetDelivery", never::no_delivery),
        ("DeleteDelivery", never::no_delivery),
        ("UpdateDeliveryConfiguration", never::no_delivery),
        ("GetDeliverySource", never::no_delivery_source),
        ("DeleteDeliverySource", never::no_delivery_source),
        ("GetDeliveryDestination", never::no_delivery_destination),
        ("DeleteDeliveryDestination", never::no_delivery_destination),
        ("GetDeliveryDestinationPolicy", never::no_delivery_destination_policy),
        ("DeleteDeliveryDestinationPolicy", never::no_delivery_destination_policy),
        ("GetLogAnomalyDetector", never::no_detector),
        ("UpdateLogAnomalyDetector", never::no_detector),
        ("DeleteLogAnomalyDetector", never::no_detector),
        ("DeleteQueryDefinition", never::no_query_definition),
    ],
    runs: &[],
};

#[cfg(test)]
mod tests;
