//! Proxies.

pub(super) mod endpoints;
pub(super) mod targets;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, arn,
    events::time,
    input::{Filters, Input, combination, invalid, missing, page},
    phase::{Phase, Progress},
    plane::listener::Listener,
    rules, subnet_groups,
    tags::{self, Tags},
    times,
};
use crate::local::{ec2::Purpose, fault::Fault, pace::Millis, world::Ctx};
use targets::{Pool, Target};

/// How many proxies a region may have.
const QUOTA: usize = 20;

/// A proxy with its one target group, `default`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Proxy {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) phase: Phase,
    pub(super) progress: Progress,
    pub(super) listener: Listener,
    /// As given: a list of `{AuthScheme, SecretArn, IAMAuth, …}`.
    auth: Vec<Value>,
    pub(super) role: String,
    pub(super) vpc_id: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) require_tls: bool,
    /// Seconds.
    pub(super) idle_timeout: i64,
    pub(super) debug_logging: bool,
    created: Millis,
    pub(super) updated: Millis,
    pub(super) tags: Tags,
    pub(super) target_group_arn: String,
    pub(super) target_group_tags: Tags,
    pub(super) pool: Pool,
    pub(super) targets: Vec<Target>,
}

impl Proxy {
    pub(super) fn created(&self) -> Millis {
        self.created
    }

    /// The secrets that it reads credentials from.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.auth.iter().filter_map(|entry| entry.get("SecretArn")?.as_str())
    }

    /// The status that a describe shows.
    pub(super) fn status(&self) -> &str {
        told(&self.phase, &self.progress)
    }

    fn view(&self) -> Value {
        json!({
            "DBProxyName": self.name, "DBProxyArn": self.arn, "Status": self.status(), "EngineFamily": "POSTGRESQL",
            "VpcId": self.vpc_id, "VpcSecurityGroupIds": self.security_groups, "VpcSubnetIds": self.subnets,
            "DefaultAuthScheme": "NONE", "Auth": self.auth, "RoleArn": self.role, "Endpoint": self.listener.address,
            "RequireTLS": self.require_tls, "IdleClientTimeout": self.idle_timeout, "DebugLogging": self.debug_logging,
            "CreatedDate": time(self.created), "UpdatedDate": time(self.updated), "EndpointNetworkType": "IPV4",
            "TargetConnectionNetworkType": "IPV4",
        })
    }

    /// Refuses unless the proxy is `available`.
    pub(super) fn check_available(&self) -> Result<(), Fault> {
        self.check_state(&["available"])
    }

    /// Refuses while something is under way, and lets what has failed be taken apart.
    pub(super) fn check_settled(&self) -> Result<(), Fault> {
        self.check_state(SETTLED)
    }

    fn check_state(&self, allowed: &[&str]) -> Result<(), Fault> {
        let refused = unsupported("DB proxy", &self.name, self.status(), allowed);
        refused.map_or(Ok(()), |message| Err(Fault::new("InvalidDBProxyStateFault", message)))
    }
}

/// The states of proxies and their endpoints in which nothing is under way.
pub(super) const SETTLED: &[&str] = &["available", "incompatible-network", "insufficient-resource-limits"];

/// The status that a describe shows of a proxy or an endpoint.
pub(super) fn told<'a>(phase: &'a Phase, progress: &Progress) -> &'a str {
    let making = phase.is("creating") || phase.is("modifying");
    if making && progress.fault.is_some() { "insufficient-resource-limits" } else { &phase.status }
}

/// What is said of something whose state is none of the `allowed` ones.
pub(super) fn unsupported(kind: &str, name: &str, status: &str, allowed: &[&str]) -> Option<String> {
    let shown = |status: &str| status.to_uppercase().replace('-', "_");
    let needed = || allowed.iter().map(|status| shown(status)).collect::<Vec<_>>().join(", ");
    (!allowed.contains(&status))
        .then(|| format!("{kind} {name} is in an unsupported state - {}, needs to be in [{}]", shown(status), needed()))
}

impl Store {
    pub(super) fn proxy(&self, name: &str) -> Result<&Proxy, Fault> {
        let absent = || missing("DBProxyNotFoundFault", format!("DBProxy {name} not found."));
        self.proxies.get(&name.to_ascii_lowercase()).ok_or_else(absent)
    }

    pub(super) fn proxy_mut(&mut self, name: &str) -> Result<&mut Proxy, Fault> {
        let absent = || missing("DBProxyNotFoundFault", format!("DBProxy {name} not found."));
        self.proxies.get_mut(&name.to_ascii_lowercase()).ok_or_else(absent)
    }
}

/// The `Auth` entries with their defaults, checked.
fn auth(input: &Input) -> Result<Option<Vec<Value>>, Fault> {
    if let Some(scheme) = input.text("DefaultAuthScheme").filter(|scheme| *scheme != "NONE") {
        return Err(combination(format!("DefaultAuthScheme {scheme} is not supported by the local cloud.")));
    }
    if !input.has("Auth") {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for entry in input.list("Auth") {
        let given = Input(entry.clone());
        given.only(
            "Auth",
            &["Description", "UserName", "AuthScheme", "SecretArn", "IAMAuth", "ClientPasswordAuthType"],
        )?;
        let Some(secret) = given.text("SecretArn") else {
            return Err(invalid("Auth needs a SecretArn: the local cloud's proxies read credentials from secrets."));
        };
        if !secret.starts_with("arn:aws:secretsmanager:") {
            return Err(invalid(format!("The SecretArn is not the ARN of a secret: {secret}")));
        }
        let iam = given.text("IAMAuth").unwrap_or("DISABLED");
        if iam == "REQUIRED" {
            return Err(combination("IAMAuth REQUIRED is not supported by the local cloud."));
        }
        let password = given.text("ClientPasswordAuthType").unwrap_or("POSTGRES_SCRAM_SHA_256");
        if !password.starts_with("POSTGRES_") {
            return Err(combination(format!(
                "ClientPasswordAuthType {password} is not supported for the engine family POSTGRESQL."
            )));
        }
        let again = |other: &Value| other["SecretArn"] == *secret && other["ClientPasswordAuthType"] == password;
        if entries.iter().any(again) {
            return Err(invalid(format!("The secret {secret} is in Auth twice: each secret may be given once.")));
        }
        entries.push(json!({"Description": given.text("Description"), "UserName": given.text("UserName"),
            "AuthScheme": given.text("AuthScheme").unwrap_or("SECRETS"), "SecretArn": secret, "IAMAuth": iam,
            "ClientPasswordAuthType": password}));
    }
    if entries.is_empty() {
        return Err(invalid("At least one Auth entry is required."));
    }
    Ok(Some(entries))
}

/// The role has to exist, be assumable by now, and trust RDS.
fn check_role(ctx: &Ctx<'_>, role: &str) -> Result<(), Fault> {
    let found = ctx.iam.role(role).filter(|found| found.assumable_at <= ctx.now);
    if !ctx.serves("iam") || found.is_some_and(|found| found.trusts_service("rds.amazonaws.com")) {
        return Ok(());
    }
    Err(invalid(format!(
        "RDS is not authorized to assume service-linked role {role}. Check your RDS service-linked role and try again: it \
         has to exist, and its trust policy has to allow sts:AssumeRole to rds.amazonaws.com."
    )))
}

fn check_idle(seconds: i64) -> Result<i64, Fault> {
    if (1..=28_800).contains(&seconds) {
        return Ok(seconds);
    }
    Err(invalid(format!("IdleClientTimeout {seconds} is not valid. It must be between 1 and 28800 seconds.")))
}

/// Names of proxies and of their endpoints.
pub(super) fn check_name(member: &str, name: &str) -> Result<String, Fault> {
    super::input::identifier(member, name, 63)
}

const CREATE: &[&str] = &[
    "DBProxyName",
    "EngineFamily",
    "Auth",
    "DefaultAuthScheme",
    "RoleArn",
    "VpcSubnetIds",
    "VpcSecurityGroupIds",
    "RequireTLS",
    "IdleClientTimeout",
    "DebugLogging",
    "Tags",
];

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("CreateDBProxy", CREATE)?;
    let name = check_name("DBProxyName", input.required("DBProxyName")?)?;
    if ctx.region.rds.proxies.contains_key(&name) {
        return Err(Fault::new("DBProxyAlreadyExistsFault", format!("Proxy {name} already exists.")));
    }
    if ctx.region.rds.proxies.len() >= QUOTA {
        return Err(Fault::new(
            "DBProxyQuotaExceededFault",
            format!("You can have at most {QUOTA} proxies in a region."),
        ));
    }
    if let Some(family) = input.text("EngineFamily").filter(|family| *family != "POSTGRESQL") {
        return Err(invalid(format!(
            "The local cloud has proxies of the engine family POSTGRESQL only, not {family}."
        )));
    }
    let auth = auth(&input)?.ok_or_else(|| invalid("At least one Auth entry is required."))?;
    let role = input.required("RoleArn")?.to_owned();
    check_role(ctx, &role)?;
    let subnets = subnet_groups::given(&input, "VpcSubnetIds");
    let (vpc_id, _) = subnet_groups::place(ctx, &subnets).map_err(|fault| match fault.code.as_str() {
        "DBSubnetGroupDoesNotCoverEnoughAZs" => {
            invalid("DB Proxy requires at least two subnets in different Availability Zones.")
        }
        _ => fault,
    })?;
    let security_groups = rules::security_groups(ctx, input.texts("VpcSecurityGroupIds"), &vpc_id)?;
    let idle_timeout = check_idle(input.number("IdleClientTimeout").unwrap_or(1800))?;
    let tags = tags::given(&input)?;
    let mut proxy = Proxy {
        arn: ctx.rds_arn("db-proxy", &arn::hex_id("prx-")),
        target_group_arn: ctx.rds_arn("target-group", &arn::hex_id("prx-tg-")),
        phase: Phase::until(
            "creating",
            ctx.pace.after(ctx.now, times::PROXY),
            ctx.ending("insufficient-resource-limits"),
        ),
        progress: Progress::begun(),
        // A proxy always listens on its engine's usual port.
        listener: ctx.region.rds.listener(5432),
        auth,
        role,
        vpc_id,
        subnets,
        security_groups,
        require_tls: input.flag("RequireTLS").unwrap_or(false),
        idle_timeout,
        debug_logging: input.flag("DebugLogging").unwrap_or(false),
        created: ctx.now,
        updated: ctx.now,
        tags,
        target_group_tags: Tags::new(),
        pool: Pool::default(),
        targets: Vec::new(),
        name: name.clone(),
    };
    attach(ctx, &mut proxy);
    let answer = json!({"DBProxy": proxy.view()});
    let arn = proxy.arn.clone();
    ctx.region.rds.proxies.insert(name, proxy);
    ctx.note_doom("db-proxy", &arn);
    Ok(answer)
}

fn attach(ctx: &mut Ctx<'_>, proxy: &mut Proxy) {
    let purpose = Purpose::of_service(&proxy.arn, "Network interface for DBProxy", "amazon-rds");
    let attached = ctx.region.ec2.attach_interfaces(&purpose, &proxy.subnets, &proxy.security_groups, ctx.now);
    ctx.end_without_room(attached, &mut proxy.phase);
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    Filters::of(&input, &[])?;
    let store = &ctx.region.rds;
    let proxies = match input.text("DBProxyName") {
        Some(name) => vec![store.proxy(name)?.view()],
        None => store.proxies.values().map(Proxy::view).collect(),
    };
    page(&input, "DBProxies", proxies)
}

const MODIFY: &[&str] = &[
    "DBProxyName",
    "Auth",
    "DefaultAuthScheme",
    "RequireTLS",
    "IdleClientTimeout",
    "DebugLogging",
    "RoleArn",
    "SecurityGroups",
    "NewDBProxyName",
];

pub(super) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("ModifyDBProxy", MODIFY)?;
    let before = ctx.region.rds.proxy(input.required("DBProxyName")?)?.clone();
    before.check_available()?;
    let mut proxy = before.clone();
    if let Some(auth) = auth(&input)? {
        proxy.auth = auth;
    }
    if let Some(role) = input.text("RoleArn") {
        check_role(ctx, role)?;
        proxy.role = role.to_owned();
    }
    if let Some(groups) = input.texts("SecurityGroups") {
        proxy.security_groups = rules::security_groups(ctx, Some(groups), &proxy.vpc_id)?;
    }
    proxy.require_tls = input.flag("RequireTLS").unwrap_or(proxy.require_tls);
    proxy.debug_logging = input.flag("DebugLogging").unwrap_or(proxy.debug_logging);
    proxy.idle_timeout = input.number("IdleClientTimeout").map_or(Ok(proxy.idle_timeout), check_idle)?;
    if let Some(name) = input.text("NewDBProxyName") {
        let name = check_name("NewDBProxyName", name)?;
        if name != proxy.name && ctx.region.rds.proxies.contains_key(&name) {
            return Err(Fault::new("DBProxyAlreadyExistsFault", format!("Proxy {name} already exists.")));
        }
        for endpoint in ctx.region.rds.proxy_endpoints.values_mut().filter(|endpoint| endpoint.proxy == proxy.name) {
            endpoint.proxy.clone_from(&name);
        }
        proxy.name = name;
    }
    proxy.updated = ctx.now;
    proxy.phase = Phase::until("modifying", ctx.pace.after(ctx.now, times::PROXY_MODIFICATION), "available");
    proxy.progress.want();
    if proxy.security_groups != before.security_groups {
        ctx.region.ec2.regroup_interfaces(&proxy.arn, &proxy.security_groups);
    }
    let answer = json!({"DBProxy": proxy.view()});
    ctx.region.rds.proxies.remove(&before.name);
    ctx.region.rds.proxies.insert(proxy.name.clone(), proxy);
    Ok(answer)
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBProxyName")?.to_ascii_lowercase();
    let until = ctx.pace.after(ctx.now, times::PROXY_DELETION);
    let proxy = ctx.region.rds.proxy_mut(&name)?;
    proxy.check_settled()?;
    proxy.phase = Phase::until("deleting", until, "deleted");
    proxy.progress.want();
    let answer = json!({"DBProxy": proxy.view()});
    for endpoint in ctx.region.rds.proxy_endpoints.values_mut().filter(|endpoint| endpoint.proxy == name) {
        endpoint.phase = Phase::until("deleting", until, "deleted");
        endpoint.progress.want();
    }
    Ok(answer)
}
