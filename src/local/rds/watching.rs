//! How clusters and instances are watched: Performance Insights, Database Insights and Enhanced Monitoring. Nobody measures here; the
//! settings are checked, kept and shown.

use serde_json::{Map, Value, json};

use super::{
    input::{Input, combination, invalid},
    rules,
};
use crate::local::{fault::Fault, world::Ctx};

/// What a cluster has of it, and its instances with it: as a call names it, as an answer does.
const OF_ALL: [(&str, &str); 4] = [
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"),
    ("PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"),
    ("DatabaseInsightsMode", "DatabaseInsightsMode"),
];

/// What each has for itself.
const OF_ONE: [(&str, &str); 2] =
    [("MonitoringInterval", "MonitoringInterval"), ("MonitoringRoleArn", "MonitoringRoleArn")];

/// These members of a call, and those by which it says how to watch.
pub(super) fn and_watching(members: &[&'static str]) -> Vec<&'static str> {
    members.iter().copied().chain(OF_ALL.into_iter().chain(OF_ONE).map(|(given, _)| given)).collect()
}

/// What is shown where nothing is said of it.
pub(super) fn defaults() -> Map<String, Value> {
    let shown =
        json!({"PerformanceInsightsEnabled": false, "DatabaseInsightsMode": "standard", "MonitoringInterval": 0});
    shown.as_object().cloned().unwrap_or_default()
}

/// Keeps what a call says, and completes it: Performance Insights, where it is on, has a key and a week.
pub(super) fn keep(ctx: &Ctx<'_>, input: &Input, kept: &mut Map<String, Value>) {
    input.keep(&OF_ALL, kept);
    input.keep(&OF_ONE, kept);
    rules::complete_keys(ctx, kept);
    if kept.get("PerformanceInsightsEnabled") == Some(&json!(true)) {
        kept.entry("PerformanceInsightsRetentionPeriod").or_insert(json!(7));
        kept.entry("PerformanceInsightsKMSKeyId").or_insert_with(|| json!(ctx.default_key()));
    } else if input.flag("EnablePerformanceInsights") == Some(false) {
        kept.remove("PerformanceInsightsRetentionPeriod");
        kept.remove("PerformanceInsightsKMSKeyId");
    }
}

/// What of a cluster's settings its instances have as well.
pub(super) fn of_all(kept: &Map<String, Value>) -> Map<String, Value> {
    let shown = OF_ALL.into_iter().map(|(_, shown)| shown);
    shown.filter_map(|member| Some((member.to_owned(), kept.get(member)?.clone()))).collect()
}

/// Gives them to a cluster's members.
pub(super) fn hand_on(ctx: &mut Ctx<'_>, cluster: &str, settings: &Map<String, Value>) {
    for instance in ctx.region.rds.instances.values_mut().filter(|instance| instance.cluster == cluster) {
        instance.kept.retain(|member, _| !OF_ALL.iter().any(|(_, shown)| shown == member));
        instance.kept.extend(settings.clone());
    }
}

/// Refuses intervals and periods that neither a cluster nor an instance can be watched by.
pub(super) fn check(ctx: &Ctx<'_>, input: &Input) -> Result<(), Fault> {
    let interval = input.number("MonitoringInterval");
    if let Some(seconds) = interval.filter(|seconds| ![0, 1, 5, 10, 15, 30, 60].contains(seconds)) {
        return Err(invalid(format!("Invalid monitoring interval: {seconds}. Valid values: 0, 1, 5, 10, 15, 30, 60")));
    }
    if interval.is_some_and(|seconds| seconds > 0) && !input.has("MonitoringRoleArn") {
        return Err(combination(
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
        ));
    }
    let role = input.text("MonitoringRoleArn").filter(|role| !role.is_empty() && ctx.serves("iam"));
    let is_trusting =
        |role: &str| ctx.iam.role(role).is_some_and(|role| role.trusts_service("monitoring.rds.amazonaws.com"));
    if role.is_some_and(|role| !is_trusting(role)) {
        return Err(invalid(
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
        ));
    }
    // A week, whole months, or two years.
    let is_kept = |days: i64| days == 7 || days == 731 || days % 31 == 0 && (1..=23).contains(&(days / 31));
    match input.number("PerformanceInsightsRetentionPeriod").filter(|days| !is_kept(*days)) {
        Some(days) => Err(invalid(format!(
            "Invalid Performance Insights retention period: {days}. Valid values: 7, 731, and 31 times 1 to 23"
        ))),
        None => Ok(()),
    }
}
