//! The kind `proxy-target`: the cluster behind a proxy, and whether the proxy reaches it.

use std::{sync::Arc, time::Duration};

use aws_sdk_rds::types::{DbProxyTarget, TargetHealthReason, TargetRole, TargetState, TargetType};
use futures::future::try_join_all;
use serde::Serialize;

use super::{
    cluster::Cluster,
    proxy::{self, Ours, Proxy, TARGET_GROUP},
};
use crate::{
    aws::{Clients, Error, Result, tags, unless_gone},
    engine::{Address, Change, Live, Phase, Ref, Replace, Resource, Scope, Tags, Times, identity::Stamp},
};

/// The registration of a cluster with a proxy. It is ready when the proxy reaches the cluster's writer.
///
/// As the targets of CDK's `AWS::RDS::DBProxyTargetGroup`. APIs: DescribeDBProxyTargets, RegisterDBProxyTargets,
/// DeregisterDBProxyTargets. Its address has the proxy's name, its id is `<proxy>/<cluster>`.
#[derive(Debug, Clone, Serialize)]
pub struct ProxyTarget {
    /// The proxy, by name.
    pub proxy: Ref<Proxy>,
    /// The cluster, by identifier.
    pub cluster: Ref<Cluster>,
}

/// The tag of the proxy that says what was applied to its target.
const STAMP: Stamp = Stamp::of(ProxyTarget::KIND);

impl Resource for ProxyTarget {
    const KIND: &'static str = "proxy-target";
    const IMMUTABLE: &'static [&'static str] = &["proxy", "cluster"];
    const AFTER: &'static [&'static str] = &["instance", "secret-attachment"];
    const REPLACE: Replace = Replace::DeleteFirst;
    const TAGGED: bool = false;
    const STAMPED: bool = true;

    const TIMES: Times = Times::seconds(30, 30, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        Ok(ours(scope).await?.to_vec())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.register_db_proxy_targets().db_proxy_name(self.proxy.get(scope)?);
        let call = call.target_group_name(TARGET_GROUP).db_cluster_identifiers(self.cluster.get(scope)?);
        match call.send().await.map_err(Error::from) {
            Err(error) if !error.is("DBProxyTargetAlreadyRegisteredFault") => Err(error),
            _ => Ok(()),
        }
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal(format!("{} has nothing that can be updated.", live.address)))
    }

    async fn retag(live: &Live<Self>, set: &Tags, _unset: &[String], scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.describe_db_proxies().db_proxy_name(live.spec.proxy.get(scope)?);
        let found = call.send().await?;
        let arn = found.db_proxies().first().and_then(|proxy| proxy.db_proxy_arn());
        let arn =
            arn.ok_or_else(|| Error::other(format!("AWS does not tell the ARN of the proxy of {}.", live.address)))?;
        tags::retag_rds(scope.aws, arn, &STAMP.write(set), &[]).await
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let (proxy, cluster) = (live.spec.proxy.get(scope)?, live.spec.cluster.get(scope)?);
        let call = scope.aws.rds.deregister_db_proxy_targets().db_proxy_name(proxy);
        call.target_group_name(TARGET_GROUP).db_cluster_identifiers(cluster).send().await?;
        Ok(())
    }
}

/// The stack's registrations, shared with the kind that connects through them.
pub(super) async fn ours(scope: &Scope<'_>) -> Result<Arc<Vec<Live<ProxyTarget>>>> {
    scope.once("DescribeDBProxyTargets", || list(scope)).await
}

async fn list(scope: &Scope<'_>) -> Result<Vec<Live<ProxyTarget>>> {
    let proxies = proxy::ours(scope).await?;
    // Targets are listed proxy by proxy only.
    let found = try_join_all(proxies.iter().map(|proxy| observe_one(proxy, scope.aws))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn observe_one(proxy: &Ours, aws: &Clients) -> Result<Vec<Live<ProxyTarget>>> {
    let call = aws.rds.describe_db_proxy_targets().db_proxy_name(&proxy.name).target_group_name(TARGET_GROUP);
    let targets = unless_gone(call.into_paginator().items().send().try_collect().await)?.unwrap_or_default();
    let secret = proxy.proxy.auth().first().and_then(|auth| auth.secret_arn()).unwrap_or("of the proxy");
    let clusters = targets.iter().filter(|target| target.r#type() == Some(&TargetType::TrackedCluster));
    let found = clusters.filter_map(|target| target.rds_resource_id()).map(|cluster| {
        let spec = ProxyTarget { proxy: Ref::value(&proxy.name), cluster: Ref::value(cluster) };
        let address = Address::new(ProxyTarget::KIND, proxy.address.name());
        let members = targets.iter().filter(|target| target.tracked_cluster_id() == Some(cluster));
        let live = Live::new(address, format!("{}/{cluster}", proxy.name), spec);
        live.phase(phase(members, secret, cluster)).tags(STAMP.read(&proxy.tags))
    });
    Ok(found.collect())
}

/// What the health of a cluster's instances, as the proxy sees them, means for the cluster.
fn phase<'a>(instances: impl Iterator<Item = &'a DbProxyTarget>, secret: &str, cluster: &str) -> Phase {
    let mut instances: Vec<&DbProxyTarget> = instances.collect();
    // The writer decides; as long as the proxy has not found out which one it is, any instance may be it.
    let writes = |target: &DbProxyTarget| target.role() == Some(&TargetRole::ReadWrite);
    if instances.iter().any(|target| writes(target)) {
        instances.retain(|target| writes(target));
    }
    let is_available = |target: &DbProxyTarget| {
        target.target_health().and_then(|health| health.state()) == Some(&TargetState::Available)
    };
    if instances.iter().any(|target| writes(target) && is_available(target)) {
        return Phase::Ready;
    }
    let healths = || instances.iter().filter_map(|target| target.target_health());
    let Some(health) = healths().find(|health| health.reason().is_some()).or_else(|| healths().next()) else {
        let what = match instances.is_empty() {
            true => "the proxy has no instance of the database behind it yet",
            false => "the proxy does not tell yet whether it reaches the database",
        };
        return Phase::Awaited(what.to_owned());
    };
    let state = health.state().map_or("REGISTERING", |state| state.as_str());
    let description = health.description().map(|text| text.trim_end_matches('.'));
    let told = [health.reason().map(TargetHealthReason::as_str), description];
    let told = told.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let told = if told.is_empty() { state.to_owned() } else { format!("{state}: {told}") };
    let blocked = health.reason().and_then(|reason| Some((reason.as_str(), obstacle(reason, secret, cluster)?)));
    match blocked {
        Some((reason, (next, patience))) => Phase::blocked(reason, format!("{told}. {next}"), patience),
        None => Phase::Changing(told),
    }
}

/// What has to be mended for a proxy to reach its database, and how long the same is told of one that is only coming up.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-troubleshooting.html>
fn obstacle(reason: &TargetHealthReason, secret: &str, cluster: &str) -> Option<(String, Duration)> {
    let (next, minutes) = match reason {
        TargetHealthReason::AuthFailure => {
            let next = format!(
                "The proxy cannot log in to the database. Either the password in the secret {secret} is not the master \
                 user's: put the right one into the secret, or give the cluster the secret's (it appears in no list of processes):\n    \
                 umask 077\n    \
                 aws secretsmanager get-secret-value --secret-id {secret} --query SecretString --output text |\n      \
                 jq '{{DBClusterIdentifier: \"{cluster}\", ApplyImmediately: true, MasterUserPassword: .password}}' > cluster.json\n    \
                 aws rds modify-db-cluster --cli-input-json file://cluster.json --query DBCluster.Status\n    \
                 rm cluster.json\n\
                 Or the proxy's role may not read it: it needs secretsmanager:GetSecretValue on that secret, and kms:Decrypt \
                 where the secret is encrypted with a key of your own."
            );
            return Some((next, LOGGED_IN));
        }
        TargetHealthReason::Unreachable => (
            "The proxy does not reach the database: the security group of the database must let the proxy's in on the \
             database's port, and the proxy's must let it out.",
            5,
        ),
        TargetHealthReason::ConnectionFailed => (
            "The proxy reaches the database and gets no connection: see that it runs, and has connections left \
             (`max_connections`).",
            5,
        ),
        TargetHealthReason::InvalidReplicationState => {
            ("The instance has no part in the cluster's replication: see its events in RDS.", 5)
        }
        TargetHealthReason::PendingProxyCapacity => (
            "The proxy waits for capacity of its own: see that its subnets have free addresses, and the quotas of RDS Proxy.",
            15,
        ),
        _ => return None,
    };
    Some((next.to_owned(), Duration::from_secs(60 * minutes)))
}

/// For how long a login may fail that was right: the secret and the role reach the proxy by and by.
const LOGGED_IN: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::TargetHealth;

    use super::*;

    fn target(role: TargetRole, state: TargetState, reason: Option<TargetHealthReason>) -> DbProxyTarget {
        let health = TargetHealth::builder().state(state).set_reason(reason).description("told so").build();
        DbProxyTarget::builder().role(role).target_health(health).build()
    }

    #[track_caller]
    fn blocked(phase: &Phase) -> &str {
        let Phase::Blocked { why, .. } = phase else { panic!("{phase:?} is not blocked") };
        why
    }

    fn of(targets: &[DbProxyTarget]) -> Phase {
        phase(targets.iter(), "arn:secret", "shop-database")
    }

    #[test]
    fn the_writer_decides() {
        use {TargetRole::*, TargetState::*};
        let writer = target(ReadWrite, Available, None);
        let reader = target(ReadOnly, Unavailable, Some(TargetHealthReason::PendingProxyCapacity));
        assert_eq!(of(&[reader.clone(), writer]), Phase::Ready);
        let late = target(ReadWrite, Unavailable, Some(TargetHealthReason::PendingProxyCapacity));
        assert!(
            blocked(&of(&[late, reader])).starts_with("UNAVAILABLE: PENDING_PROXY_CAPACITY, told so. The proxy waits")
        );
        // A reader alone cannot serve, however well it is.
        assert!(matches!(of(&[target(ReadOnly, Available, None)]), Phase::Changing(_)));
    }

    #[test]
    fn before_anything_is_known_it_is_waited_for() {
        // That there is no instance AWS does not say: it lists none.
        assert!(matches!(of(&[]), Phase::Awaited(_)));
        let unknown = DbProxyTarget::builder().build();
        assert!(matches!(of(&[unknown]), Phase::Awaited(_)));
        let registering = target(TargetRole::UnknownValue, TargetState::Registering, None);
        assert_eq!(of(&[registering]), Phase::Changing("REGISTERING: told so".into()));
    }

    #[test]
    fn a_refused_login_names_what_may_be_wrong() {
        let refused = target(TargetRole::UnknownValue, TargetState::Unavailable, Some(TargetHealthReason::AuthFailure));
        let phase = of(&[refused]);
        let why = blocked(&phase);
        for word in [
            "AUTH_FAILURE, told so",
            "arn:secret",
            "kms:Decrypt",
            "put the right one",
            "DBClusterIdentifier: \"shop-database\"",
            "\n    umask 077\n",
        ] {
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn an_unreachable_database_names_the_way() {
        let lost = target(TargetRole::UnknownValue, TargetState::Unavailable, Some(TargetHealthReason::Unreachable));
        assert!(blocked(&of(&[lost])).contains("security group"));
    }

    #[test]
    fn no_reason_is_waited_for_without_an_end_or_cured_by_another_one() {
        use TargetHealthReason::*;
        for reason in [AuthFailure, Unreachable, ConnectionFailed, InvalidReplicationState, PendingProxyCapacity] {
            let Phase::Blocked { patience, .. } =
                of(&[target(TargetRole::ReadWrite, TargetState::Unavailable, Some(reason))])
            else {
                panic!("it is waited for as if AWS were at work on it");
            };
            assert!(patience <= Duration::from_secs(15 * 60));
        }
    }
}
