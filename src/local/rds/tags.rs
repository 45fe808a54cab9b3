//! Tags: given in create calls, and by the tagging calls for a resource named by its ARN.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Store,
    input::{Input, invalid, missing},
    parameters::groups::is_default,
};
use crate::local::{fault::Fault, world::Ctx};

/// Key → value.
pub(crate) type Tags = BTreeMap<String, String>;

/// The tags of a create call.
pub(super) fn given(input: &Input) -> Result<Tags, Fault> {
    let mut tags = Tags::new();
    for tag in input.list("Tags") {
        let tag = Input(tag.clone());
        let key = tag.required("Key").map_err(|_| invalid("Tag keys cannot be empty."))?;
        let value = tag.text("Value").unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("The aws: prefix is reserved: tag keys cannot begin with it."));
        }
        let allowed = |letter: char| {
            letter.is_alphanumeric() || letter.is_whitespace() && !letter.is_control() || "_.:/=+-@".contains(letter)
        };
        if let Some(text) = [key, value].into_iter().find(|text| !text.chars().all(allowed)) {
            return Err(invalid(format!(
                "The tag text {text} has characters that are not allowed: letters, digits, blanks and _ . : / = + - @ are."
            )));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(format!("The tag {key} is too long: 128 characters for a key, 256 for a value.")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("Duplicate tag key found: {key}")));
        }
    }
    if tags.len() > 50 {
        return Err(invalid("The resource cannot have more than 50 tags."));
    }
    Ok(tags)
}

/// Tags as an answer lists them.
pub(super) fn listed(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

impl Store {
    /// The tags of the resource with this ARN.
    fn tags_mut(&mut self, arn: &str) -> Result<&mut Tags, Fault> {
        let [kind, name] = match arn.splitn(7, ':').collect::<Vec<_>>()[..] {
            ["arn", "aws", "rds", _, _, kind, name] => [kind, name],
            _ => return Err(invalid(format!("The specified resource name does not match an RDS resource: {arn}"))),
        };
        let found = match kind {
            "cluster" => self.clusters.get_mut(name).map(|cluster| &mut cluster.tags),
            "db" => self.instances.get_mut(name).map(|instance| &mut instance.tags),
            "subgrp" => self.subnet_groups.get_mut(name).map(|group| &mut group.tags),
            "cluster-pg" => self.cluster_parameter_groups.get_mut(name).map(|group| &mut group.tags),
            "pg" => self.parameter_groups.get_mut(name).map(|group| &mut group.tags),
            "cluster-endpoint" => self.custom_endpoints.get_mut(name).map(|endpoint| &mut endpoint.tags),
            "cluster-snapshot" => self.snapshots.get_mut(name).map(|snapshot| &mut snapshot.tags),
            "db-proxy" => self.proxies.values_mut().find(|proxy| proxy.arn == arn).map(|proxy| &mut proxy.tags),
            "target-group" => self
                .proxies
                .values_mut()
                .find(|proxy| proxy.target_group_arn == arn)
                .map(|proxy| &mut proxy.target_group_tags),
            "db-proxy-endpoint" => self
                .proxy_endpoints
                .values_mut()
                .find(|endpoint| endpoint.arn == arn)
                .map(|endpoint| &mut endpoint.tags),
            _ => None,
        };
        found.ok_or_else(|| {
            let code = match kind {
                "cluster" => "DBClusterNotFoundFault",
                "db" => "DBInstanceNotFound",
                "subgrp" => "DBSubnetGroupNotFoundFault",
                "cluster-pg" | "pg" => "DBParameterGroupNotFound",
                "cluster-snapshot" => "DBClusterSnapshotNotFoundFault",
                "db-proxy" => "DBProxyNotFoundFault",
                "target-group" => "DBProxyTargetGroupNotFoundFault",
                "db-proxy-endpoint" => "DBProxyEndpointNotFoundFault",
                _ => return invalid(format!("The specified resource name does not match an RDS resource: {arn}")),
            };
            missing(code, format!("The resource {arn} does not exist."))
        })
    }
}

pub(super) fn add(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let new = given(&input)?;
    let tags = ctx.region.rds.tags_mut(input.required("ResourceName")?)?;
    let mut all = tags.clone();
    all.extend(new);
    if all.len() > 50 {
        return Err(invalid("The resource cannot have more than 50 tags."));
    }
    *tags = all;
    Ok(json!({}))
}

pub(super) fn remove(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let tags = ctx.region.rds.tags_mut(input.required("ResourceName")?)?;
    let keys = input.texts("TagKeys").unwrap_or_default();
    if keys.iter().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid("The aws: prefix is reserved: tags whose keys begin with it cannot be removed."));
    }
    for key in keys {
        tags.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn list(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let arn = input.required("ResourceName")?;
    // AWS's own groups are nowhere but have ARNs.
    let is_default =
        matches!(arn.rsplitn(3, ':').collect::<Vec<_>>()[..], [name, "cluster-pg" | "pg", _] if is_default(name));
    if is_default {
        return Ok(json!({"TagList": []}));
    }
    Ok(json!({"TagList": listed(ctx.region.rds.tags_mut(arn)?)}))
}
