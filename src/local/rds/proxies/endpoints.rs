//! Further endpoints of a proxy; its default one is not listed among them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Proxy, SETTLED, check_name, told, unsupported};
use crate::local::rds::{
    Store, arn,
    events::time,
    input::{Filters, Input, missing, page},
    phase::{Phase, Progress},
    plane::listener::Listener,
    rules, subnet_groups,
    tags::{self, Tags},
    times,
};
use crate::local::{ec2::Purpose, fault::Fault, pace::Millis, world::Ctx};

/// A proxy's endpoint that a user made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProxyEndpoint {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) proxy: String,
    pub(crate) phase: Phase,
    pub(crate) progress: Progress,
    pub(crate) listener: Listener,
    vpc_id: String,
    subnets: Vec<String>,
    security_groups: Vec<String>,
    /// `READ_WRITE` or `READ_ONLY`.
    role: String,
    created: Millis,
    pub(crate) tags: Tags,
}

impl ProxyEndpoint {
    /// Whether it leads to the readers.
    pub(crate) fn is_read_only(&self) -> bool {
        self.role == "READ_ONLY"
    }

    /// The status that a describe shows.
    pub(crate) fn status(&self) -> &str {
        told(&self.phase, &self.progress)
    }

    fn check_state(&self, allowed: &[&str]) -> Result<(), Fault> {
        let refused = unsupported("DB proxy endpoint", &self.name, self.status(), allowed);
        refused.map_or(Ok(()), |message| Err(Fault::new("InvalidDBProxyEndpointStateFault", message)))
    }

    fn view(&self) -> Value {
        json!({
            "DBProxyEndpointName": self.name, "DBProxyEndpointArn": self.arn, "DBProxyName": self.proxy,
            "Status": self.status(), "VpcId": self.vpc_id, "VpcSecurityGroupIds": self.security_groups,
            "VpcSubnetIds": self.subnets, "Endpoint": self.listener.address, "CreatedDate": time(self.created),
            "TargetRole": self.role, "IsDefault": false, "EndpointNetworkType": "IPV4",
        })
    }
}

impl Store {
    fn endpoint_mut(&mut self, name: &str) -> Result<&mut ProxyEndpoint, Fault> {
        let absent = || missing("DBProxyEndpointNotFoundFault", format!("DBProxyEndpoint {name} not found."));
        self.proxy_endpoints.get_mut(&name.to_ascii_lowercase()).ok_or_else(absent)
    }
}

fn exists(name: &str) -> Fault {
    Fault::new("DBProxyEndpointAlreadyExistsFault", format!("DB proxy endpoint {name} already exists."))
}

fn attach(ctx: &mut Ctx<'_>, endpoint: &mut ProxyEndpoint) {
    let purpose = Purpose::of_service(&endpoint.arn, "Network interface for DBProxy", "amazon-rds");
    let attached = ctx.region.ec2.attach_interfaces(&purpose, &endpoint.subnets, &endpoint.security_groups, ctx.now);
    ctx.end_without_room(attached, &mut endpoint.phase);
}

/// An endpoint for reading wants a reader in the cluster that its proxy leads to; one that leads nowhere yet may get it later.
fn check_readers(store: &Store, proxy: &Proxy) -> Result<(), Fault> {
    let Some(target) = proxy.targets.first() else { return Ok(()) };
    if store.members(&target.cluster).any(|member| !member.writer && member.is_sound()) {
        return Ok(());
    }
    let message = format!(
        "DB cluster {} has no reader instances: a READ_ONLY endpoint of DB proxy {} requires one or more.",
        target.cluster, proxy.name
    );
    Err(Fault::new("InvalidDBProxyStateFault", message))
}

pub(crate) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let known = ["DBProxyName", "DBProxyEndpointName", "VpcSubnetIds", "VpcSecurityGroupIds", "TargetRole", "Tags"];
    input.only("CreateDBProxyEndpoint", &known)?;
    let name = check_name("DBProxyEndpointName", input.required("DBProxyEndpointName")?)?;
    if ctx.region.rds.proxy_endpoints.contains_key(&name) {
        return Err(exists(&name));
    }
    let proxy = ctx.region.rds.proxy(input.required("DBProxyName")?)?.clone();
    proxy.check_available()?;
    let role = input.text("TargetRole").unwrap_or("READ_WRITE").to_owned();
    if role == "READ_ONLY" {
        check_readers(&ctx.region.rds, &proxy)?;
    }
    let subnets = subnet_groups::given(&input, "VpcSubnetIds");
    let (vpc_id, _) = subnet_groups::place(ctx, &subnets)?;
    let security_groups = rules::security_groups(ctx, input.texts("VpcSecurityGroupIds"), &vpc_id)?;
    let mut endpoint = ProxyEndpoint {
        arn: ctx.rds_arn("db-proxy-endpoint", &arn::hex_id("prx-endpoint-")),
        proxy: proxy.name,
        phase: Phase::until(
            "creating",
            ctx.pace.after(ctx.now, times::PROXY_ENDPOINT),
            ctx.ending("insufficient-resource-limits"),
        ),
        progress: Progress::begun(),
        listener: ctx.region.rds.listener(5432),
        vpc_id,
        subnets,
        security_groups,
        role,
        created: ctx.now,
        tags: tags::given(&input)?,
        name: name.clone(),
    };
    attach(ctx, &mut endpoint);
    let answer = json!({"DBProxyEndpoint": endpoint.view()});
    // Its proxy tells why it fails, if it does: endpoints have no events of their own.
    let proxy = ctx.region.rds.proxy(&endpoint.proxy)?.arn.clone();
    ctx.note_doom("db-proxy", &proxy);
    ctx.region.rds.proxy_endpoints.insert(name, endpoint);
    Ok(answer)
}

pub(crate) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let store = &mut ctx.region.rds;
    if let Some(proxy) = input.text("DBProxyName") {
        store.proxy(proxy)?;
    }
    let endpoints = match input.text("DBProxyEndpointName") {
        Some(name) => vec![store.endpoint_mut(name)?.clone()],
        None => store.proxy_endpoints.values().cloned().collect(),
    };
    let wanted = |endpoint: &&ProxyEndpoint| {
        input.text("DBProxyName").is_none_or(|proxy| endpoint.proxy.eq_ignore_ascii_case(proxy))
    };
    page(&input, "DBProxyEndpoints", endpoints.iter().filter(wanted).map(ProxyEndpoint::view).collect())
}

pub(crate) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("ModifyDBProxyEndpoint", &["DBProxyEndpointName", "NewDBProxyEndpointName", "VpcSecurityGroupIds"])?;
    let mut endpoint = ctx.region.rds.endpoint_mut(input.required("DBProxyEndpointName")?)?.clone();
    endpoint.check_state(&["available"])?;
    ctx.region.rds.proxy(&endpoint.proxy)?.check_available()?;
    let before = endpoint.name.clone();
    if let Some(name) = input.text("NewDBProxyEndpointName") {
        endpoint.name = check_name("NewDBProxyEndpointName", name)?;
        if endpoint.name != before && ctx.region.rds.proxy_endpoints.contains_key(&endpoint.name) {
            return Err(exists(&endpoint.name));
        }
    }
    if let Some(groups) = input.texts("VpcSecurityGroupIds") {
        endpoint.security_groups = rules::security_groups(ctx, Some(groups), &endpoint.vpc_id)?;
        ctx.region.ec2.regroup_interfaces(&endpoint.arn, &endpoint.security_groups);
    }
    endpoint.phase = Phase::until("modifying", ctx.pace.after(ctx.now, times::PROXY_MODIFICATION), "available");
    let answer = json!({"DBProxyEndpoint": endpoint.view()});
    ctx.region.rds.proxy_endpoints.remove(&before);
    ctx.region.rds.proxy_endpoints.insert(endpoint.name.clone(), endpoint);
    Ok(answer)
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let until = ctx.pace.after(ctx.now, times::PROXY_ENDPOINT);
    let endpoint = ctx.region.rds.endpoint_mut(input.required("DBProxyEndpointName")?)?;
    endpoint.check_state(SETTLED)?;
    endpoint.phase = Phase::until("deleting", until, "deleted");
    endpoint.progress.want();
    Ok(json!({"DBProxyEndpoint": endpoint.view()}))
}
