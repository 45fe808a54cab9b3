//! The kind `cluster-parameter-group`: PostgreSQL's settings for the whole cluster.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{ApplyMethod, DbClusterParameterGroup as Found, Parameter};
use futures::future::try_join;
use serde::Serialize;

use crate::{
    aws::{Clients, Error, Result, each, tags, unless_gone},
    engine::{Change, Live, Resource, Scope, Tags, Times, attributes::touches},
};

/// The parameters that differ from the family's defaults; one taken out of the description is reset.
///
/// As CDK's `AWS::RDS::DBClusterParameterGroup`. APIs: DescribeDBClusterParameterGroups, DescribeDBClusterParameters,
/// CreateDBClusterParameterGroup, ModifyDBClusterParameterGroup, ResetDBClusterParameterGroup,
/// DeleteDBClusterParameterGroup. Its id is its name. A static parameter takes effect when the instances are rebooted.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterParameterGroup {
    /// The group's name, unique in account and region.
    pub name: String,
    /// `aurora-postgresql15`: that of the engine's major version.
    pub family: String,
    /// What the console shows beside the name.
    pub description: String,
    /// Values by PostgreSQL's names.
    pub parameters: BTreeMap<String, String>,
    /// Of a live group: which of these take effect only when an instance is rebooted.
    #[serde(skip)]
    pub static_ones: BTreeSet<String>,
}

/// How many parameters one call may set or reset.
const PER_CALL: usize = 20;

impl Resource for ClusterParameterGroup {
    const KIND: &'static str = "cluster-parameter-group";
    const IMMUTABLE: &'static [&'static str] = &["name", "family", "description"];

    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let call = scope.aws.rds.describe_db_cluster_parameter_groups();
        let groups = call.into_paginator().items().send().try_collect().await?;
        let named = groups.iter().filter(|group| scope.is_named(group.db_cluster_parameter_group_name()));
        // The list has neither tags nor parameters.
        let found = each(named.map(|group| observe_one(group, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.create_db_cluster_parameter_group().db_cluster_parameter_group_name(&self.name);
        let call = call.db_parameter_group_family(&self.family).description(&self.description);
        call.set_tags(Some(tags::rds(scope.tags()))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        if !touches(changes, "parameters") {
            return Ok(());
        }
        let known = Known::of(&self.family, parameters(scope.aws, &live.id, None).await?);
        let set = self.parameters.iter().filter(|(name, value)| live.spec.parameters.get(*name) != Some(value));
        let set = set.map(|(name, value)| known.setting(name, Some(value))).collect::<Result<Vec<_>>>()?;
        for some in set.chunks(PER_CALL) {
            let call = scope.aws.rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(&live.id);
            call.set_parameters(Some(some.to_vec()))
                .send()
                .await
                .map_err(|error| explained(error.into(), &self.family))?;
        }
        let reset = live.spec.parameters.keys().filter(|name| !self.parameters.contains_key(*name));
        let reset = reset.map(|name| known.setting(name, None)).collect::<Result<Vec<_>>>()?;
        for some in reset.chunks(PER_CALL) {
            let call = scope.aws.rds.reset_db_cluster_parameter_group().db_cluster_parameter_group_name(&live.id);
            call.set_parameters(Some(some.to_vec())).send().await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.rds.delete_db_cluster_parameter_group().db_cluster_parameter_group_name(&live.id).send().await?;
        Ok(())
    }

    fn remark(live: &Live<Self>, changes: &[Change]) -> Option<String> {
        let changed = changes.iter().filter_map(|change| change.path.strip_prefix("parameters."));
        let waiting: Vec<&str> = changed.filter(|name| live.spec.static_ones.contains(*name)).collect();
        let waiting = waiting.join(", ");
        (!waiting.is_empty()).then(|| format!("pending reboot: {waiting} takes effect when the instances are rebooted"))
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }
}

impl ClusterParameterGroup {
    /// The parameter that every stack sets.
    pub const OURS: &'static str = "rds.force_ssl";

    /// What is said of a parameter of which the family knows nothing.
    pub(super) fn unknown<'k>(&self, name: &str, known: impl Iterator<Item = &'k String>) -> Error {
        unknown(name, &self.family, known)
    }
}

async fn observe_one(group: &Found, scope: &Scope<'_>) -> Result<Option<Live<ClusterParameterGroup>>> {
    let (Some(name), Some(arn)) = (group.db_cluster_parameter_group_name(), group.db_cluster_parameter_group_arn())
    else {
        return Ok(None);
    };
    let (tags, mut set) = try_join(tags::of_rds(scope.aws, arn), parameters(scope.aws, name, Some("user"))).await?;
    let Some(address) = scope.address::<ClusterParameterGroup>(&tags, name) else { return Ok(None) };
    // RDS counts a parameter as set only where its value is not the family's own; what is described is to be seen anyhow.
    let described = scope.described::<ClusterParameterGroup>(&address).map(|group| &group.parameters);
    let is_set = |name: &str| set.iter().any(|one| one.parameter_name() == Some(name));
    let unseen: Vec<&String> = described.into_iter().flat_map(BTreeMap::keys).filter(|name| !is_set(name)).collect();
    if !unseen.is_empty() {
        let all = parameters(scope.aws, name, None).await?;
        set.extend(all.into_iter().filter(|one| unseen.iter().any(|name| one.parameter_name() == Some(name))));
    }
    let static_ones = set.iter().filter(|one| one.apply_type() == Some("static"));
    let static_ones = static_ones.filter_map(|one| one.parameter_name().map(str::to_owned)).collect();
    let spec = ClusterParameterGroup {
        static_ones,
        name: name.to_owned(),
        family: group.db_parameter_group_family().unwrap_or_default().to_owned(),
        description: group.description().unwrap_or_default().to_owned(),
        parameters: set.into_iter().filter_map(|one| Some((one.parameter_name?, one.parameter_value?))).collect(),
    };
    Ok(Some(Live::new(address, name, spec).output("arn", Some(arn)).tags(tags)))
}

/// The parameters of a group; with a source only those that were set there. None where the group is gone since.
async fn parameters(aws: &Clients, group: &str, source: Option<&str>) -> Result<Vec<Parameter>> {
    let call = aws.rds.describe_db_cluster_parameters().db_cluster_parameter_group_name(group);
    let call = call.set_source(source.map(str::to_owned));
    Ok(unless_gone(call.into_paginator().items().send().try_collect().await)?.unwrap_or_default())
}

/// What a family knows of its parameters.
struct Known<'a> {
    family: &'a str,
    dynamic: BTreeMap<String, bool>,
}

impl<'a> Known<'a> {
    fn of(family: &'a str, parameters: Vec<Parameter>) -> Self {
        let dynamic = parameters.into_iter().filter_map(|one| {
            let dynamic = one.apply_type() == Some("dynamic");
            Some((one.parameter_name?, dynamic))
        });
        Self { family, dynamic: dynamic.collect() }
    }

    /// A parameter to set, or without a value to reset: at once where PostgreSQL can, else with the next reboot.
    fn setting(&self, name: &str, value: Option<&String>) -> Result<Parameter> {
        let Some(dynamic) = self.dynamic.get(name) else { return Err(unknown(name, self.family, self.dynamic.keys())) };
        let method = if *dynamic { ApplyMethod::Immediate } else { ApplyMethod::PendingReboot };
        Ok(Parameter::builder().parameter_name(name).set_parameter_value(value.cloned()).apply_method(method).build())
    }
}

/// What is said of a parameter that is none of the family's.
fn unknown<'k>(name: &str, family: &str, known: impl Iterator<Item = &'k String>) -> Error {
    let like = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = like.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(likeness, _)| *likeness > 0.8);
    let error = Error::other(format!("`{name}` is no parameter of the family {family}."));
    match nearest {
        Some((_, nearest)) => error.advise(format!("Did you mean `{nearest}`? See `database.parameters`.")),
        None => error.advise("Take it out of `database.parameters`."),
    }
}

/// PostgreSQL's own files take units; RDS does not.
fn explained(error: Error, family: &str) -> Error {
    if !error.is("InvalidParameterValue") {
        return error;
    }
    error.advise(format!(
        "RDS takes a number in the parameter's own unit, without it (work_mem: \"8192\", in kB). `aws rds \
         describe-engine-default-cluster-parameters --db-parameter-group-family {family}` tells each one's values."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known<'static> {
        let one = |name: &str, kind: &str| Parameter::builder().parameter_name(name).apply_type(kind).build();
        Known::of(
            "aurora-postgresql15",
            vec![one("log_min_duration_statement", "dynamic"), one("max_connections", "static")],
        )
    }

    #[test]
    fn static_parameters_wait_for_a_reboot() {
        let method = |name| known().setting(name, Some(&"1".to_owned())).unwrap().apply_method;
        assert_eq!(method("log_min_duration_statement"), Some(ApplyMethod::Immediate));
        assert_eq!(method("max_connections"), Some(ApplyMethod::PendingReboot));
        assert_eq!(known().setting("max_connections", None).unwrap().parameter_value, None);
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_nearest() {
        let error = known().setting("max_conections", None).unwrap_err();
        assert_eq!(error.message, "`max_conections` is no parameter of the family aurora-postgresql15.");
        assert_eq!(error.advice.as_deref(), Some("Did you mean `max_connections`? See `database.parameters`."));
        assert_eq!(
            known().setting("zzz", None).unwrap_err().advice.as_deref(),
            Some("Take it out of `database.parameters`.")
        );
    }
}
