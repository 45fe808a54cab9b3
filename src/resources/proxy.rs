//! The kind `proxy`: the RDS Proxy between service and database.

use std::sync::Arc;

use aws_sdk_rds::types::{
    AuthScheme, ClientPasswordAuthType, ConnectionPoolConfiguration, ConnectionPoolConfigurationInfo, DbProxy,
    DefaultAuthScheme, EngineFamily, IamAuthMode, SourceType, UserAuthConfig, UserAuthConfigInfo,
};
use futures::future::try_join;
use serde::Serialize;

use super::{rds, role::Role, secret::Secret, security_group::SecurityGroup, subnet::Subnet};
use crate::{
    aws::{Clients, Result, each, tags, unless_gone},
    engine::{Address, Change, Live, Ref, Replace, Resource, Scope, Tags, Times, attributes::touches},
};

/// Where an RDS Proxy listens for PostgreSQL, whatever the database's port is.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-connecting.html>
pub const PROXY_PORT: u16 = 5432;

/// An RDS Proxy with its one target group `default`, whose connection pool settings are part of it. It needs neither
/// cluster nor instances to be made.
///
/// As CDK's `AWS::RDS::DBProxy` and the pool of its `AWS::RDS::DBProxyTargetGroup`. APIs: DescribeDBProxies,
/// DescribeDBProxyTargetGroups, CreateDBProxy, ModifyDBProxy, ModifyDBProxyTargetGroup, DeleteDBProxy. Its id is its name.
#[derive(Debug, Clone, Serialize)]
pub struct Proxy {
    /// The name, unique in account and region.
    pub name: String,
    /// Lets the proxy read the secret, by ARN.
    pub role: Ref<Role>,
    /// Whose credentials it has, and what clients must present. RDS takes and tells them as a whole.
    pub auth: Vec<Auth>,
    /// How whoever has no credentials among these gets in: `NONE` does, or with `IAM_AUTH` by a token of IAM's that goes through to
    /// the database.
    #[serde(serialize_with = "rds::or_untold")]
    pub default_auth: Option<String>,
    /// Where it stands, in at least two zones.
    pub subnets: Vec<Ref<Subnet>>,
    /// Who reaches it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// Whether clients must use TLS.
    pub require_tls: bool,
    /// After how many seconds an idle client is cut off.
    pub idle_client_timeout_seconds: i32,
    /// Whether SQL texts go to its log.
    pub debug_logging: bool,
    /// How much of the database's `max_connections` it may use.
    pub max_connections_percent: i32,
    /// How much of it stays open while idle.
    pub max_idle_connections_percent: i32,
    /// How many seconds a client waits for a connection.
    pub connection_borrow_timeout_seconds: i32,
    /// What every connection to the database begins with, in SQL; empty for nothing.
    pub init_query: String,
    /// Which statements do not bind a client to its connection although they would.
    pub session_pinning_filters: Vec<String>,
}

/// Credentials for the database, and how clients prove that they are theirs.
#[derive(Debug, Clone, Serialize)]
pub struct Auth {
    /// `SECRETS`.
    #[serde(serialize_with = "rds::or_untold")]
    pub scheme: Option<String>,
    /// The secret that holds them, by ARN.
    pub secret: Ref<Secret>,
    /// Whether clients must present a token of IAM's: `DISABLED`, `REQUIRED`.
    #[serde(serialize_with = "rds::or_untold")]
    pub iam: Option<String>,
    /// How clients present the password.
    #[serde(serialize_with = "rds::or_untold")]
    pub client_password: Option<String>,
}

impl Auth {
    /// Clients present the password that is in `secret`, and no token.
    pub fn by_password(secret: Ref<Secret>) -> Self {
        Self {
            scheme: Some(AuthScheme::Secrets.as_str().to_owned()),
            secret,
            iam: Some(IamAuthMode::Disabled.as_str().to_owned()),
            client_password: Some(ClientPasswordAuthType::PostgresScramSha256.as_str().to_owned()),
        }
    }

    fn configuration(&self, scope: &Scope<'_>) -> Result<UserAuthConfig> {
        Ok(UserAuthConfig::builder()
            .set_auth_scheme(self.scheme.as_deref().map(AuthScheme::from))
            .secret_arn(self.secret.get(scope)?)
            .set_iam_auth(self.iam.as_deref().map(IamAuthMode::from))
            .set_client_password_auth_type(self.client_password.as_deref().map(ClientPasswordAuthType::from))
            .build())
    }
}

/// Every proxy has this one, and can have no other.
pub(super) const TARGET_GROUP: &str = "default";

impl Resource for Proxy {
    const KIND: &'static str = "proxy";
    const IMMUTABLE: &'static [&'static str] = &["name", "subnets"];
    const REPLACE: Replace = Replace::DeleteFirst;
    const TIMES: Times = Times::seconds(240, 60, 180);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let proxies = ours(scope).await?;
        // The pool settings are told proxy by proxy only.
        let found = each(proxies.iter().map(|proxy| observe_one(proxy, scope.aws))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.create_db_proxy().db_proxy_name(&self.name).engine_family(EngineFamily::Postgresql);
        let call = call
            .set_auth(Some(self.auth(scope)?))
            .set_default_auth_scheme(self.default_auth())
            .role_arn(self.role.get(scope)?);
        let call = call.set_vpc_subnet_ids(Some(Ref::get_all(&self.subnets, scope)?));
        let call = call.set_vpc_security_group_ids(Some(Ref::get_all(&self.security_groups, scope)?));
        let call = call.require_tls(self.require_tls).debug_logging(self.debug_logging);
        let call = call.idle_client_timeout(self.idle_client_timeout_seconds);
        call.set_tags(Some(tags::rds(scope.tags()))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        // The pool first: changing the proxy itself makes it `modifying`, which forbids the other call.
        if changes.iter().any(|change| is_of_pool(change.top())) {
            let call = scope.aws.rds.modify_db_proxy_target_group().db_proxy_name(&live.id);
            let call = call.target_group_name(TARGET_GROUP).connection_pool_config(self.pool(changes));
            call.send().await?;
        }
        if changes.iter().any(|change| !is_of_pool(change.top())) {
            self.modify(live, changes, scope).await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.rds.delete_db_proxy().db_proxy_name(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }
}

impl Proxy {
    fn auth(&self, scope: &Scope<'_>) -> Result<Vec<UserAuthConfig>> {
        self.auth.iter().map(|auth| auth.configuration(scope)).collect()
    }

    fn default_auth(&self) -> Option<DefaultAuthScheme> {
        self.default_auth.as_deref().map(DefaultAuthScheme::from)
    }

    async fn modify(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let mut call = scope.aws.rds.modify_db_proxy().db_proxy_name(&live.id);
        if touches(changes, "role") {
            call = call.role_arn(self.role.get(scope)?);
        }
        if touches(changes, "auth") {
            call = call.set_auth(Some(self.auth(scope)?));
        }
        if touches(changes, "default_auth") {
            call = call.set_default_auth_scheme(self.default_auth());
        }
        if touches(changes, "security_groups") {
            call = call.set_security_groups(Some(Ref::get_all(&self.security_groups, scope)?));
        }
        if touches(changes, "require_tls") {
            call = call.require_tls(self.require_tls);
        }
        if touches(changes, "idle_client_timeout_seconds") {
            call = call.idle_client_timeout(self.idle_client_timeout_seconds);
        }
        if touches(changes, "debug_logging") {
            call = call.debug_logging(self.debug_logging);
        }
        call.send().await?;
        Ok(())
    }

    fn pool(&self, changes: &[Change]) -> ConnectionPoolConfiguration {
        let mut pool = ConnectionPoolConfiguration::builder()
            .max_connections_percent(self.max_connections_percent)
            .max_idle_connections_percent(self.max_idle_connections_percent)
            .connection_borrow_timeout(self.connection_borrow_timeout_seconds);
        if touches(changes, "init_query") {
            pool = pool.init_query(&self.init_query);
        }
        if touches(changes, "session_pinning_filters") {
            pool = pool.set_session_pinning_filters(Some(self.session_pinning_filters.clone()));
        }
        pool.build()
    }
}

/// Whether an attribute belongs to the target group.
fn is_of_pool(attribute: &str) -> bool {
    matches!(
        attribute,
        "max_connections_percent"
            | "max_idle_connections_percent"
            | "connection_borrow_timeout_seconds"
            | "init_query"
            | "session_pinning_filters"
    )
}

/// A proxy of the stack, as RDS lists it.
pub(super) struct Ours {
    pub(super) address: Address,
    pub(super) name: String,
    pub(super) tags: Tags,
    pub(super) proxy: DbProxy,
}

/// The stack's proxies, shared with the kind that looks at their targets.
pub(super) async fn ours(scope: &Scope<'_>) -> Result<Arc<Vec<Ours>>> {
    scope.once("DescribeDBProxies", || list(scope)).await
}

async fn list(scope: &Scope<'_>) -> Result<Vec<Ours>> {
    let proxies = scope.aws.rds.describe_db_proxies().into_paginator().items().send().try_collect().await?;
    let named = proxies.into_iter().filter(|proxy| scope.is_named(proxy.db_proxy_name()));
    // The list has neither a filter nor tags.
    let found = named.map(|proxy| async move {
        let (Some(name), Some(arn)) = (proxy.db_proxy_name(), proxy.db_proxy_arn()) else { return Ok(None) };
        let tags = tags::of_rds(scope.aws, arn).await?;
        let Some(address) = scope.address::<Proxy>(&tags, name) else { return Ok(None) };
        Ok::<_, crate::aws::Error>(Some(Ours { address, name: name.to_owned(), tags, proxy }))
    });
    Ok(each(found).await?.into_iter().flatten().collect())
}

async fn observe_one(found: &Ours, aws: &Clients) -> Result<Option<Live<Proxy>>> {
    let proxy = &found.proxy;
    let status = proxy.status().map_or("", |status| status.as_str());
    let explained = async { Ok(rds::explained(aws, SourceType::DbProxy, &found.name, status).await) };
    let (pool, phase) = try_join(pool(aws, &found.name), explained).await?;
    let spec = Proxy {
        name: found.name.clone(),
        role: Ref::value(proxy.role_arn().unwrap_or_default()),
        auth: proxy.auth().iter().map(auth).collect(),
        default_auth: proxy.default_auth_scheme().map(str::to_owned),
        subnets: proxy.vpc_subnet_ids().iter().map(Ref::value).collect(),
        security_groups: proxy.vpc_security_group_ids().iter().map(Ref::value).collect(),
        require_tls: proxy.require_tls().unwrap_or_default(),
        idle_client_timeout_seconds: proxy.idle_client_timeout().unwrap_or_default(),
        debug_logging: proxy.debug_logging().unwrap_or_default(),
        max_connections_percent: pool.max_connections_percent().unwrap_or_default(),
        max_idle_connections_percent: pool.max_idle_connections_percent().unwrap_or_default(),
        connection_borrow_timeout_seconds: pool.connection_borrow_timeout().unwrap_or_default(),
        init_query: pool.init_query().unwrap_or_default().to_owned(),
        session_pinning_filters: pool.session_pinning_filters().to_vec(),
    };
    let live = Live::new(found.address.clone(), &found.name, spec)
        .output("name", Some(&found.name))
        .output("arn", proxy.db_proxy_arn())
        .output("endpoint", proxy.endpoint())
        .tags(found.tags.clone())
        .created(proxy.created_date().map(aws_smithy_types::DateTime::secs))
        .phase(phase);
    Ok(Some(live))
}

fn auth(found: &UserAuthConfigInfo) -> Auth {
    Auth {
        scheme: found.auth_scheme().map(|scheme| scheme.as_str().to_owned()),
        secret: Ref::value(found.secret_arn().unwrap_or_default()),
        iam: found.iam_auth().map(|mode| mode.as_str().to_owned()),
        client_password: found.client_password_auth_type().map(|kind| kind.as_str().to_owned()),
    }
}

/// The pool settings; none while the proxy does not have its target group yet, or no longer.
async fn pool(aws: &Clients, proxy: &str) -> Result<ConnectionPoolConfigurationInfo> {
    let call = aws.rds.describe_db_proxy_target_groups().db_proxy_name(proxy).target_group_name(TARGET_GROUP);
    let group = unless_gone(call.send().await)?.and_then(|answer| answer.target_groups?.into_iter().next());
    Ok(group
        .and_then(|group| group.connection_pool_config)
        .unwrap_or_else(|| ConnectionPoolConfigurationInfo::builder().build()))
}
