//! A proxy's target group, its connection pool, and its targets with their health.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Proxy;
use crate::local::rds::{
    Store,
    clusters::key,
    events::time,
    input::{Filters, Input, combination, invalid, missing, page},
    instances::Instance,
    times,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// The settings of the connection pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Pool {
    /// Per cent of the database's `max_connections`.
    pub(crate) max_percent: i64,
    pub(crate) max_idle_percent: i64,
    /// Seconds that a client waits for a connection.
    pub(crate) borrow_timeout: i64,
    pub(crate) pinning_filters: Vec<String>,
    /// Run on every new connection.
    pub(crate) init_query: Option<String>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            max_percent: 100,
            max_idle_percent: 50,
            borrow_timeout: 120,
            pinning_filters: Vec::new(),
            init_query: None,
        }
    }
}

/// A cluster that a proxy leads to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) cluster: String,
    /// Until then it says `REGISTERING`.
    pub(crate) ready_at: Millis,
    /// What the data plane found; nothing yet.
    pub(crate) health: Option<Health>,
}

/// The outcome of a real attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Health {
    /// A connection through the proxy worked.
    Available,
    /// It did not: AWS's reason, and what happened.
    Unavailable(String, String),
}

impl Target {
    pub(super) fn health_view(&self, now: Millis) -> Value {
        match &self.health {
            Some(health) if now >= self.ready_at => match health {
                Health::Available => json!({"State": "AVAILABLE"}),
                Health::Unavailable(reason, why) => {
                    json!({"State": "UNAVAILABLE", "Reason": reason, "Description": why})
                }
            },
            _ => json!({"State": "REGISTERING"}),
        }
    }

    /// The cluster's entry, and one for each of its members.
    fn views(&self, store: &Store, now: Millis) -> Vec<Value> {
        let cluster = store.clusters.get(&self.cluster);
        let endpoint = cluster.map(|cluster| cluster.listener.address.as_str());
        let port = cluster.map(|cluster| cluster.port);
        let own = |member: &Instance| {
            member.address.clone().or_else(|| Some(cluster?.endpoint(member.writer).address.clone()))
        };
        let health = self.health_view(now);
        let mut views = vec![json!({"RdsResourceId": self.cluster, "Endpoint": endpoint, "Port": port,
            "Type": "TRACKED_CLUSTER", "TargetHealth": health})];
        for member in store.members(&self.cluster).filter(|member| !member.phase.is("deleting")) {
            let health = if member.phase.is("creating") {
                json!({"State": "UNAVAILABLE", "Reason": "UNREACHABLE", "Description": "The DB instance is being created."})
            } else {
                health.clone()
            };
            let role = if member.writer { "READ_WRITE" } else { "READ_ONLY" };
            views.push(
                json!({"TargetArn": member.arn, "TrackedClusterId": self.cluster, "RdsResourceId": member.identifier,
                "Endpoint": own(member), "Port": port, "Type": "RDS_INSTANCE", "Role": role, "TargetHealth": health}),
            );
        }
        views
    }
}

fn group_view(proxy: &Proxy, created: &Value) -> Value {
    let pool = &proxy.pool;
    json!({
        "DBProxyName": proxy.name, "TargetGroupName": "default", "TargetGroupArn": proxy.target_group_arn,
        "IsDefault": true, "Status": proxy.status(), "CreatedDate": created, "UpdatedDate": time(proxy.updated),
        "ConnectionPoolConfig": {
            "MaxConnectionsPercent": pool.max_percent, "MaxIdleConnectionsPercent": pool.max_idle_percent,
            "ConnectionBorrowTimeout": pool.borrow_timeout, "SessionPinningFilters": pool.pinning_filters,
            "InitQuery": pool.init_query,
        },
    })
}

/// Refuses a target group other than the only one.
fn check_group(input: &Input) -> Result<(), Fault> {
    match input.text("TargetGroupName").filter(|name| *name != "default") {
        Some(name) => {
            let proxy = input.text("DBProxyName").unwrap_or_default();
            let message = format!("Target group {name} of DB proxy {proxy} not found.");
            Err(missing("DBProxyTargetGroupNotFoundFault", message))
        }
        None => Ok(()),
    }
}

pub(crate) fn describe_groups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let proxy = ctx.region.rds.proxy(input.required("DBProxyName")?)?;
    check_group(&input)?;
    page(&input, "TargetGroups", vec![group_view(proxy, &json!(time(proxy.created())))])
}

pub(crate) fn modify_group(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let now = ctx.now;
    let proxy = ctx.region.rds.proxy_mut(input.required("DBProxyName")?)?;
    check_group(&input)?;
    if input.has("NewName") {
        return Err(invalid("The target group default cannot be renamed."));
    }
    proxy.check_available()?;
    if let Some(config) = input.part("ConnectionPoolConfig") {
        proxy.pool = pool(&config, &proxy.pool)?;
    }
    proxy.updated = now;
    Ok(json!({"DBProxyTargetGroup": group_view(proxy, &json!(time(proxy.created())))}))
}

fn pool(config: &Input, before: &Pool) -> Result<Pool, Fault> {
    let within = |member: &str, range: std::ops::RangeInclusive<i64>, old: i64| {
        let value = config.number(member).unwrap_or(old);
        if range.contains(&value) {
            return Ok(value);
        }
        Err(invalid(format!(
            "{member} {value} is not valid. It must be between {} and {}.",
            range.start(),
            range.end()
        )))
    };
    let max_percent = within("MaxConnectionsPercent", 1..=100, before.max_percent)?;
    if config.has("MaxIdleConnectionsPercent") && !config.has("MaxConnectionsPercent") {
        return Err(combination(
            "If you specify MaxIdleConnectionsPercent, then you must also include a value for MaxConnectionsPercent.",
        ));
    }
    let idle = if config.has("MaxConnectionsPercent") { max_percent / 2 } else { before.max_idle_percent };
    let max_idle_percent = within("MaxIdleConnectionsPercent", 0..=100, idle)?;
    if max_idle_percent > max_percent {
        return Err(combination(format!(
            "MaxIdleConnectionsPercent {max_idle_percent} must not exceed MaxConnectionsPercent {max_percent}."
        )));
    }
    let borrow_timeout = within("ConnectionBorrowTimeout", 0..=300, before.borrow_timeout)?;
    let filters = config.texts("SessionPinningFilters").unwrap_or_else(|| before.pinning_filters.clone());
    if let Some(filter) = filters.iter().find(|filter| *filter != "EXCLUDE_VARIABLE_SETS") {
        return Err(invalid(format!("Invalid session pinning filter: {filter}. Valid values: EXCLUDE_VARIABLE_SETS")));
    }
    let init_query = config.text("InitQuery").map(str::to_owned).or_else(|| before.init_query.clone());
    let init_query = init_query.filter(|query| !query.is_empty());
    if init_query.as_ref().is_some_and(|query| query.contains(char::is_control)) {
        return Err(invalid("InitQuery must be one line without control characters in the local cloud."));
    }
    Ok(Pool { max_percent, max_idle_percent, borrow_timeout, pinning_filters: filters, init_query })
}

pub(crate) fn register(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let (now, ready_at) = (ctx.now, ctx.pace.after(ctx.now, times::TARGET));
    let store = &mut ctx.region.rds;
    let proxy = store.proxy(input.required("DBProxyName")?)?;
    check_group(&input)?;
    let cluster = the_cluster(store, &input)?;
    proxy.check_available()?;
    if proxy.targets.iter().any(|target| target.cluster == cluster) {
        let message = format!("DB cluster {cluster} is already registered with DB proxy {}.", proxy.name);
        return Err(Fault::new("DBProxyTargetAlreadyRegisteredFault", message));
    }
    if let Some(other) = proxy.targets.first() {
        let message = format!("DB proxy {} has a target already: {}. Deregister it first.", proxy.name, other.cluster);
        return Err(Fault::new("DBProxyTargetAlreadyRegisteredFault", message));
    }
    check_cluster(store, &cluster, proxy)?;
    let name = proxy.name.clone();
    let target = Target { cluster, ready_at, health: None };
    let mut views = target.views(store, now);
    for view in &mut views {
        view["TargetHealth"] = json!({"State": "REGISTERING"});
    }
    store.proxy_mut(&name)?.targets.push(target);
    Ok(json!({"DBProxyTargets": views}))
}

/// The one cluster that a call names.
fn the_cluster(store: &Store, input: &Input) -> Result<String, Fault> {
    let clusters = input.texts("DBClusterIdentifiers").unwrap_or_default();
    let instances = input.texts("DBInstanceIdentifiers").unwrap_or_default();
    match (clusters.as_slice(), instances.as_slice()) {
        ([cluster], []) => Ok(store.cluster(cluster)?.identifier.clone()),
        ([], [instance]) => {
            let instance = store.instance(instance)?;
            Err(combination(format!(
                "DB instance {} is a member of DB cluster {}: register the cluster.",
                instance.identifier, instance.cluster
            )))
        }
        _ => Err(combination("Exactly one DB cluster must be given as the target.")),
    }
}

/// The cluster has to be in the proxy's VPC, and it and its members have to be ready to be registered.
fn check_cluster(store: &Store, name: &str, proxy: &Proxy) -> Result<(), Fault> {
    let cluster = store.cluster(name)?;
    if cluster.vpc_id != proxy.vpc_id {
        let message =
            format!("DB cluster {name} is in {}, and DB proxy {} is in {}.", cluster.vpc_id, proxy.name, proxy.vpc_id);
        return Err(Fault::new("InvalidVPCNetworkStateFault", message));
    }
    let ready = ["available", "modifying", "backing-up"];
    let state = |status: &str| status.to_uppercase().replace('-', "_");
    if !ready.contains(&cluster.status()) {
        let message = format!(
            "DB Cluster {name} is in an unsupported state - {}, needs to be in [AVAILABLE, MODIFYING, BACKING_UP]",
            state(cluster.status())
        );
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    let Some(writer) = store.members(name).find(|member| member.writer) else {
        let message =
            format!("DB cluster {name} has no instances: create one before registering the cluster with a proxy.");
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    };
    if !ready.contains(&writer.phase.status.as_str()) {
        let message = format!(
            "DB Instance {} is in an unsupported state - {}, needs to be in [AVAILABLE, MODIFYING, BACKING_UP]",
            writer.identifier,
            state(&writer.phase.status)
        );
        return Err(Fault::new("InvalidDBInstanceState", message));
    }
    Ok(())
}

pub(crate) fn deregister(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    check_group(&input)?;
    let proxy = ctx.region.rds.proxy_mut(input.required("DBProxyName")?)?;
    proxy.check_settled()?;
    let given = ["DBClusterIdentifiers", "DBInstanceIdentifiers"]
        .map(|member| input.texts(member).unwrap_or_default())
        .concat();
    if given.is_empty() {
        return Err(combination("At least one DB cluster must be given."));
    }
    for name in given {
        let count = proxy.targets.len();
        proxy.targets.retain(|target| target.cluster != key(&name));
        if proxy.targets.len() == count {
            let message = format!("{name} is not registered with DB proxy {}.", proxy.name);
            return Err(missing("DBProxyTargetNotFoundFault", message));
        }
    }
    Ok(json!({}))
}

pub(crate) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let store = &ctx.region.rds;
    let proxy = store.proxy(input.required("DBProxyName")?)?;
    check_group(&input)?;
    page(&input, "Targets", proxy.targets.iter().flat_map(|target| target.views(store, ctx.now)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_keeps_what_is_not_given_and_refuses_what_is_out_of_range() {
        let before = Pool { borrow_timeout: 60, ..Pool::default() };
        let after = pool(&Input(json!({"MaxConnectionsPercent": 90})), &before).unwrap();
        assert_eq!((after.max_percent, after.max_idle_percent, after.borrow_timeout), (90, 45, 60));
        let later = pool(&Input(json!({"ConnectionBorrowTimeout": 70})), &after).unwrap();
        assert_eq!((later.max_percent, later.max_idle_percent), (90, 45));
        for config in [
            json!({"MaxConnectionsPercent": 0}),
            json!({"MaxIdleConnectionsPercent": 10}),
            json!({"MaxConnectionsPercent": 20, "MaxIdleConnectionsPercent": 50}),
            json!({"ConnectionBorrowTimeout": 301}),
            json!({"SessionPinningFilters": ["ALL"]}),
        ] {
            assert!(pool(&Input(config.clone()), &before).is_err(), "{config}");
        }
    }

    #[test]
    fn a_target_is_registering_until_its_time_has_come_and_a_connection_was_tried() {
        let mut target = Target { cluster: "shop".into(), ready_at: 100, health: None };
        assert_eq!(target.health_view(200)["State"], "REGISTERING");
        target.health = Some(Health::Available);
        assert_eq!(target.health_view(99)["State"], "REGISTERING");
        assert_eq!(target.health_view(100)["State"], "AVAILABLE");
    }
}
