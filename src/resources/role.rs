//! The kind `role`: what the proxy and the service may do.

mod policy;

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_iam::types::Role as Found;
use futures::future::try_join3;
use serde::Serialize;

use crate::{
    aws::{Class, Clients, Error, Result, each, tags, unless_gone},
    engine::{Anything, Change, Live, Ref, Resource, Scope, Tags, Times, attributes::touches},
};

/// A role that a service of AWS assumes, with one inline policy of the least that is needed.
///
/// As CDK's `AWS::IAM::Role` and `AWS::IAM::Policy`. APIs: ListRoles, GetRole, ListRolePolicies, GetRolePolicy,
/// ListAttachedRolePolicies, CreateRole, PutRolePermissionsBoundary, UpdateAssumeRolePolicy, PutRolePolicy,
/// DeleteRolePolicy, AttachRolePolicy, DetachRolePolicy, DeleteRole. IAM is global, so region and stack are in the path. Its id is its name.
#[derive(Debug, Clone, Serialize)]
pub struct Role {
    /// The name, unique in the account.
    pub name: String,
    /// `/infra/<stack>/<region>/`, by which a stack's roles are found.
    pub path: String,
    /// The services that may assume it, e.g. `rds.amazonaws.com`.
    pub trusts: Vec<String>,
    /// What it may do.
    pub statements: Vec<Statement>,
    /// Policies that others maintain, by ARN.
    pub managed_policies: Vec<String>,
    /// The policy beyond which nothing that it is allowed counts, by ARN. Left out, one that it has stays.
    pub permissions_boundary: Option<String>,
}

/// Allows actions on resources.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// E.g. `secretsmanager:GetSecretValue`.
    pub actions: Vec<String>,
    /// The resources, by ARN.
    pub resources: Vec<Ref<Anything>>,
    /// The services through which alone a KMS key may be used, e.g. `secretsmanager.eu-central-1.amazonaws.com`; none: in any way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

impl Statement {
    /// Allows actions on resources, in any way.
    pub fn new(actions: &[&str], resources: Vec<Ref<Anything>>) -> Self {
        Self { actions: actions.iter().map(|action| (*action).to_owned()).collect(), resources, via: Vec::new() }
    }

    /// Allows what a KMS key encrypts to be read, through `services` alone.
    pub fn decrypt(keys: Vec<Ref<Anything>>, services: Vec<String>) -> Self {
        Self { via: services, ..Self::new(&["kms:Decrypt"], keys) }
    }
}

impl Role {
    /// A role's name is unique in the account, but the stack's are found by their path, and no call changes that.
    fn held(&self, error: Error) -> Error {
        if error.class != Class::AlreadyExists {
            return error;
        }
        let Self { name, path, .. } = self;
        error.advise(format!(
            "A role outside {path} has the name {name}. It cannot be taken in, as AWS never moves a role to another path: delete it \
             (`aws iam get-role --role-name {name}` shows what it is for), or give the stack another name."
        ))
    }
}

/// The name of the one inline policy that is ours.
const POLICY: &str = "infra";

impl Resource for Role {
    const KIND: &'static str = "role";
    const IMMUTABLE: &'static [&'static str] = &["name", "path"];

    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let roles = listed(scope).await?;
        // The list has neither tags nor policies nor boundaries, and GetAccountAuthorizationDetails would bring the whole account's.
        let found = each(roles.iter().map(|role| observe_one(role, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.iam.create_role().role_name(&self.name).path(&self.path);
        let call = call.assume_role_policy_document(policy::trust(&self.trusts));
        let call = call.set_permissions_boundary(self.permissions_boundary.clone());
        let call = call.set_tags(Some(tags::iam(scope.tags())?));
        call.send().await.map_err(|error| self.held(Error::from(error)))?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let iam = &scope.aws.iam;
        if let Some(boundary) = self.permissions_boundary.as_ref().filter(|_| touches(changes, "permissions_boundary"))
        {
            // First, and alone: who may change bounded roles only is refused the rest until this one is known to be.
            iam.put_role_permissions_boundary().role_name(&live.id).permissions_boundary(boundary).send().await?;
            return Ok(());
        }
        if touches(changes, "trusts") {
            let call = iam.update_assume_role_policy().role_name(&live.id);
            call.policy_document(policy::trust(&self.trusts)).send().await?;
        }
        if touches(changes, "statements") {
            self.allow(&live.id, scope).await?;
        }
        if touches(changes, "managed_policies") {
            let (wanted, there) = (&self.managed_policies, &live.spec.managed_policies);
            for arn in wanted.iter().filter(|arn| !there.contains(arn)) {
                iam.attach_role_policy().role_name(&live.id).policy_arn(arn).send().await?;
            }
            for arn in there.iter().filter(|arn| !wanted.contains(arn)) {
                unless_gone(iam.detach_role_policy().role_name(&live.id).policy_arn(arn).send().await)?;
            }
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let iam = &scope.aws.iam;
        for name in inline_names(scope.aws, &live.id).await? {
            unless_gone(iam.delete_role_policy().role_name(&live.id).policy_name(name).send().await)?;
        }
        for arn in &live.spec.managed_policies {
            unless_gone(iam.detach_role_policy().role_name(&live.id).policy_arn(arn).send().await)?;
        }
        iam.delete_role().role_name(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_role(scope.aws, &live.id, set, unset).await
    }
}

impl Role {
    /// Makes the inline policy say what is wanted, and removes those that others have put beside it.
    async fn allow(&self, name: &str, scope: &Scope<'_>) -> Result<()> {
        let iam = &scope.aws.iam;
        if !self.statements.is_empty() {
            let document = policy::document(&self.statements, scope)?;
            iam.put_role_policy().role_name(name).policy_name(POLICY).policy_document(document).send().await?;
        }
        let names = inline_names(scope.aws, name).await?;
        for other in names.iter().filter(|other| *other != POLICY || self.statements.is_empty()) {
            unless_gone(iam.delete_role_policy().role_name(name).policy_name(other).send().await)?;
        }
        Ok(())
    }
}

/// The stack's roles as they are listed, once a round.
async fn listed(scope: &Scope<'_>) -> Result<Arc<Vec<Found>>> {
    let prefix = format!("/infra/{}/{}/", scope.stack, scope.aws.region);
    let pages = scope.aws.iam.list_roles().path_prefix(prefix).into_paginator().items().send();
    scope.once("ListRoles", || async { Ok(pages.try_collect().await?) }).await
}

/// The ARNs of the stack's roles that may be assumed by a service of AWS.
pub(super) async fn trusting(service: &str, scope: &Scope<'_>) -> Result<Vec<String>> {
    let trusts = |role: &&Found| {
        let document = policy::decode(role.assume_role_policy_document().unwrap_or_default());
        policy::read_trust(&document).iter().any(|trusted| trusted == service)
    };
    Ok(listed(scope).await?.iter().filter(trusts).map(|role| role.arn().to_owned()).collect())
}

async fn inline_names(aws: &Clients, role: &str) -> Result<Vec<String>> {
    let pages = aws.iam.list_role_policies().role_name(role).into_paginator().items().send();
    Ok(unless_gone(pages.try_collect().await)?.unwrap_or_default())
}

/// The inline policies by name, as JSON text.
async fn inline(aws: &Clients, role: &str) -> Result<BTreeMap<String, String>> {
    let names = inline_names(aws, role).await?;
    let documents = names.into_iter().map(|name| async move {
        let call = aws.iam.get_role_policy().role_name(role).policy_name(&name);
        let found = unless_gone(call.send().await)?;
        Ok::<_, crate::aws::Error>(found.map(|found| (name, policy::decode(found.policy_document()))))
    });
    Ok(each(documents).await?.into_iter().flatten().collect())
}

async fn attached(aws: &Clients, role: &str) -> Result<Vec<String>> {
    let pages = aws.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let policies = unless_gone(pages.try_collect().await)?.unwrap_or_default();
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

/// The role with its tags and its boundary, unless it has gone.
async fn details(aws: &Clients, role: &str) -> Result<Option<Found>> {
    Ok(unless_gone(aws.iam.get_role().role_name(role).send().await)?.and_then(|answer| answer.role))
}

async fn observe_one(role: &Found, scope: &Scope<'_>) -> Result<Option<Live<Role>>> {
    let name = role.role_name();
    let calls = try_join3(details(scope.aws, name), inline(scope.aws, name), attached(scope.aws, name));
    let (details, documents, managed_policies) = calls.await?;
    let Some(role) = details else { return Ok(None) };
    let tags = tags::collect(role.tags(), |tag| (Some(tag.key()), Some(tag.value())));
    let Some(address) = scope.address::<Role>(&tags, name) else { return Ok(None) };
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    let spec = Role {
        name: name.to_owned(),
        path: role.path().to_owned(),
        trusts: policy::read_trust(&policy::decode(role.assume_role_policy_document().unwrap_or_default())),
        statements: documents.values().flat_map(|document| policy::read(document)).collect(),
        managed_policies,
        permissions_boundary: boundary.map(str::to_owned),
    };
    let live = Live::new(address, name, spec)
        .output("name", Some(name))
        .output("arn", Some(role.arn()))
        .tags(tags)
        .created(Some(role.create_date().secs()));
    Ok(Some(live))
}
