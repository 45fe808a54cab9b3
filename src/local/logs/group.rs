//! Log groups and their retention.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{cut, filter::MetricFilter, invalid, stream::Stream};
use crate::local::{
    fault::Fault,
    kms,
    members::{Tags, decode},
    pace::Millis,
    world::Ctx,
};

/// A log group with its streams.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created_at: Millis,
    pub(super) retention_in_days: Option<u64>,
    pub(super) kms_key_id: Option<String>,
    pub(super) class: Option<String>,
    pub(super) deletion_protection: bool,
    pub(super) tags: Tags,
    pub(super) streams: BTreeMap<String, Stream>,
    pub(super) metric_filters: BTreeMap<String, MetricFilter>,
    /// Made by a service of AWS that writes into it, e.g. App Runner.
    pub(super) made_by_service: bool,
}

impl Group {
    pub(super) fn new(account: &str, region: &str, name: &str, now: Millis) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:logs:{region}:{account}:log-group:{name}"),
            created_at: now,
            ..Self::default()
        }
    }

    fn describe(&self) -> Value {
        json!({
            "logGroupName": self.name,
            "creationTime": self.created_at,
            "retentionInDays": self.retention_in_days,
            "metricFilterCount": self.metric_filters.len(),
            "arn": format!("{}:*", self.arn),
            "logGroupArn": self.arn,
            "storedBytes": self.streams.values().map(Stream::size).sum::<usize>(),
            "kmsKeyId": self.kms_key_id,
            "logGroupClass": self.class.as_deref().unwrap_or("STANDARD"),
            "deletionProtectionEnabled": self.deletion_protection,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    log_group_name: String,
    kms_key_id: Option<String>,
    tags: Tags,
    log_group_class: Option<String>,
    deletion_protection_enabled: bool,
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_identifiers: Vec<String>,
    log_group_tags: Vec<TagFilter>,
    data_sources: Vec<Value>,
    field_index_names: Vec<String>,
    retention_in_days: i64,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// A tag that a group has; where values are given, with one of them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct TagFilter {
    key: String,
    values: Vec<String>,
}

impl TagFilter {
    fn chooses(&self, group: &Group) -> bool {
        let value = group.tags.get(&self.key);
        value.is_some_and(|value| self.values.is_empty() || self.values.contains(value))
    }
}

pub(super) fn create_log_group(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    super::tag::check(&input.tags)?;
    check_key(input.kms_key_id.as_deref())?;
    if input.log_group_name.starts_with("aws/") {
        return Err(invalid("Log groups starting with AWS/ are reserved for AWS."));
    }
    if ctx.region.logs.groups.contains_key(&input.log_group_name) {
        return Err(Fault::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let group = Group {
        kms_key_id: input.kms_key_id,
        class: input.log_group_class,
        deletion_protection: input.deletion_protection_enabled,
        tags: input.tags,
        ..Group::new(ctx.account, ctx.region_name, &input.log_group_name, ctx.now)
    };
    ctx.region.logs.groups.insert(input.log_group_name, group);
    Ok(json!({}))
}

/// Refuses what cannot be a key's ARN, the one name that CloudWatch Logs takes.
fn check_key(key: Option<&str>) -> Result<(), Fault> {
    match key.filter(|key| !kms::is_key_arn(key)) {
        None => Ok(()),
        Some(key) => Err(invalid(format!("The specified KMS key is not the ARN of a key: {key}."))),
    }
}

pub(super) fn describe_log_groups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let others = [&input.log_group_name_prefix, &input.log_group_name_pattern, &input.log_group_class];
    if !input.log_group_identifiers.is_empty() && others.iter().any(|other| other.is_some()) {
        return Err(invalid("logGroupIdentifiers goes with no other filter but includeLinkedAccounts."));
    }
    let prefix = input.log_group_name_prefix.as_deref().unwrap_or_default();
    let pattern = input.log_group_name_pattern.as_deref().unwrap_or_default();
    let named = |group: &Group| {
        input.log_group_identifiers.is_empty()
            || input.log_group_identifiers.iter().any(|id| *id == group.name || id.trim_end_matches(":*") == group.arn)
    };
    let groups = ctx.region.logs.groups.values().filter(|group| {
        group.name.starts_with(prefix)
            && group.name.contains(pattern)
            && input
                .log_group_class
                .as_deref()
                .is_none_or(|class| class == group.class.as_deref().unwrap_or("STANDARD"))
            && named(group)
    });
    let page = cut(groups.collect(), input.next_token.as_deref(), input.limit.unwrap_or(50), |group: &&Group| {
        group.name.clone()
    })?;
    // A search tells less of what it finds.
    let view = |group: &Group| match input.log_group_name_pattern {
        Some(_) => {
            json!({ "logGroupName": group.name, "creationTime": group.created_at, "arn": format!("{}:*", group.arn) })
        }
        None => group.describe(),
    };
    let groups: Vec<Value> = page.items.into_iter().map(view).collect();
    Ok(json!({ "logGroups": groups, "nextToken": page.next }))
}

/// `ListLogGroups`: names and ARNs only.
pub(super) fn list_log_groups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let source = input.log_group_name_pattern.as_deref().unwrap_or_default();
    let pattern =
        regex::Regex::new(source).map_err(|_| invalid(format!("logGroupNamePattern is invalid: {source}")))?;
    let class = |group: &Group| group.class.clone().unwrap_or_else(|| "STANDARD".to_owned());
    let wanted = |group: &&Group| {
        pattern.is_match(&group.name)
            // No group has either.
            && input.data_sources.is_empty()
            && input.field_index_names.is_empty()
            && input.log_group_tags.iter().all(|tag| tag.chooses(group))
            && input.log_group_class.as_ref().is_none_or(|wanted| *wanted == class(group))
    };
    let groups = ctx.region.logs.groups.values().filter(wanted).collect();
    let limit = input.limit.unwrap_or(50);
    let page = cut(groups, input.next_token.as_deref(), limit, |group: &&Group| group.name.clone())?;
    let view =
        |group: &Group| json!({ "logGroupName": group.name, "logGroupArn": group.arn, "logGroupClass": class(group) });
    let groups: Vec<Value> = page.items.into_iter().map(view).collect();
    Ok(json!({ "logGroups": groups, "nextToken": page.next }))
}

pub(super) fn delete_log_group(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if ctx.region.logs.find(&input.log_group_name)?.deletion_protection {
        return Err(Fault::new(
            "ValidationException",
            format!(
                "The log group {} is protected from deletion; disable its deletion protection first.",
                input.log_group_name
            ),
        ));
    }
    ctx.region.logs.groups.remove(&input.log_group_name);
    Ok(json!({}))
}

/// The numbers of days that AWS offers.
const RETENTIONS: [u64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) fn put_retention_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let group = ctx.region.logs.find(&input.log_group_name)?;
    let wanted = input.retention_in_days;
    let days = RETENTIONS.into_iter().find(|days| i64::try_from(*days) == Ok(wanted)).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{wanted}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: {RETENTIONS:?}"
        ))
    })?;
    group.retention_in_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention_policy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.logs.find(&input.log_group_name)?.retention_in_days = None;
    Ok(json!({}))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ChangeInput {
    log_group_identifier: String,
    log_group_name: String,
    /// A group's ARN; of a region's query results, which have a key as well, there are none.
    resource_identifier: String,
    kms_key_id: String,
    deletion_protection_enabled: bool,
}

impl ChangeInput {
    /// The group, under whichever of its names.
    fn group<'a>(&self, ctx: &'a mut Ctx<'_>) -> Result<&'a mut Group, Fault> {
        let names = [&self.log_group_identifier, &self.log_group_name, &self.resource_identifier];
        let given = names.into_iter().find(|name| !name.is_empty());
        ctx.region
            .logs
            .find(given.ok_or_else(|| invalid("Either logGroupName or resourceIdentifier has to be given."))?)
    }
}

pub(super) fn put_deletion_protection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: ChangeInput = decode(input)?;
    input.group(ctx)?.deletion_protection = input.deletion_protection_enabled;
    Ok(json!({}))
}

pub(super) fn associate_key(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: ChangeInput = decode(input)?;
    check_key(Some(&input.kms_key_id))?;
    input.group(ctx)?.kms_key_id = Some(input.kms_key_id.clone());
    Ok(json!({}))
}

pub(super) fn disassociate_key(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: ChangeInput = decode(input)?;
    input.group(ctx)?.kms_key_id = None;
    Ok(json!({}))
}
