//! IAM: roles and policies; global in an account.

mod account;
mod attach;
mod authorization;
mod aws_managed;
mod aws_services;
mod condition;
mod document;
mod grammar;
mod inline;
mod instance_profile;
mod policy;
mod references;
mod role;
pub(crate) mod service_linked;
mod simulate;
mod tag;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{fault::Fault, inventory::Item, pace::Millis, service::Service, sts::Session};
pub(crate) use condition::Context;
pub(crate) use document::wildcard;
use instance_profile::InstanceProfile;
use policy::Policy;
pub(crate) use role::Role;

/// How long a new role takes to be known to the services that are to assume it.
const PROPAGATION: Duration = Duration::from_secs(10);

/// What uses a role in a region, by ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) region: String,
    pub(crate) resources: Vec<String>,
}

/// The roles and policies of one account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// By name.
    roles: BTreeMap<String, Role>,
    /// The account's own managed policies, by ARN.
    policies: BTreeMap<String, Policy>,
    /// By name.
    instance_profiles: BTreeMap<String, InstanceProfile>,
    /// Deletions of service-linked roles: the role's name and when it is gone, by the task's id.
    deletions: BTreeMap<String, (String, Millis)>,
    /// Those that did not come about, and what uses the role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    refused_deletions: BTreeMap<String, Vec<Usage>>,
    /// The sessions that STS opened, by access key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sessions: BTreeMap<String, Session>,
    /// When the account was first called, as far as that is known.
    created_at: Option<Millis>,
}

impl Store {
    /// Removes the service-linked roles whose deletion is over, unless something uses them, and forgets old sessions.
    pub(crate) fn settle(&mut self, now: Millis, users: impl Fn(&str) -> Vec<Usage>) {
        self.created_at.get_or_insert_with(|| {
            // What an older version has kept has been there since its first role, or longer.
            let roles = self.roles.values().map(|role| role.created_at);
            roles.chain(self.policies.values().map(|policy| policy.created_at)).fold(now, Millis::min)
        });
        for (task, (role, done_at)) in &self.deletions {
            let is_there = self.roles.get(role).is_some_and(|role| role.created_at < *done_at);
            if *done_at > now || !is_there || self.refused_deletions.contains_key(task) {
                continue;
            }
            match users(role) {
                users if users.is_empty() => drop(self.roles.remove(role)),
                users => drop(self.refused_deletions.insert(task.clone(), users)),
            }
        }
        self.sessions.retain(|_, session| !session.is_forgotten(now));
    }

    /// Notes who signs with an access key.
    pub(crate) fn open_session(&mut self, access_key: String, session: Session) {
        self.sessions.insert(access_key, session);
    }

    /// The session that an access key belongs to.
    pub(crate) fn session(&self, access_key: &str) -> Option<&Session> {
        self.sessions.get(access_key)
    }

    /// The role with this ARN.
    pub(crate) fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.get(arn.rsplit('/').next()?).filter(|role| role.arn == arn)
    }

    /// Whether those can be whom a resource's policy names as a `Principal`: of the account's own they have to exist.
    pub(crate) fn knows(&self, account: &str, principal: &Value) -> bool {
        let user = super::sts::caller(account);
        let statement = json!({ "Statement": { "Principal": principal } });
        document::check_principal(principal).is_ok()
            && document::check_own_principals(&statement, account, |arn| arn == user || self.role(arn).is_some())
                .is_ok()
    }

    /// Every role and every managed policy that somebody made.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |kind, id: &str, name: &str, tags: &BTreeMap<String, String>| Item {
            service: "iam",
            kind,
            id: id.to_owned(),
            name: name.to_owned(),
            state: "exists".to_owned(),
            tags: tags.clone(),
        };
        let roles = self.roles.values().filter(|role| !role.is_service_linked());
        let roles = roles.map(|role| item("role", &role.arn, &role.name, &role.tags));
        roles
            .chain(self.policies.values().map(|policy| item("policy", &policy.arn, &policy.name, &policy.tags)))
            .chain(self.instance_profiles.values().map(|it| item("instance-profile", &it.arn, &it.name, &it.tags)))
            .collect()
    }
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "iam",
    actions: &[
        ("CreateRole", role::create_role),
        ("GetRole", role::get_role),
        ("ListRoles", role::list_roles),
        ("DeleteRole", role::delete_role),
        ("UpdateAssumeRolePolicy", role::update_assume_role_policy),
        ("UpdateRole", role::update_role),
        ("UpdateRoleDescription", role::update_role_description),
        ("PutRolePermissionsBoundary", role::put_role_permissions_boundary),
        ("DeleteRolePermissionsBoundary", role::delete_role_permissions_boundary),
        ("TagRole", role::tag_role),
        ("UntagRole", role::untag_role),
        ("ListRoleTags", role::list_role_tags),
        ("CreateInstanceProfile", instance_profile::create),
        ("GetInstanceProfile", instance_profile::get),
        ("ListInstanceProfiles", instance_profile::list),
        ("ListInstanceProfilesForRole", instance_profile::list_for_role),
        ("DeleteInstanceProfile", instance_profile::delete),
        ("AddRoleToInstanceProfile", instance_profile::add_role),
        ("RemoveRoleFromInstanceProfile", instance_profile::remove_role),
        ("TagInstanceProfile", instance_profile::add_tags),
        ("UntagInstanceProfile", instance_profile::remove_tags),
        ("ListInstanceProfileTags", instance_profile::list_tags),
        ("PutRolePolicy", inline::put_role_policy),
        ("GetRolePolicy", inline::get_role_policy),
        ("ListRolePolicies", inline::list_role_policies),
        ("DeleteRolePolicy", inline::delete_role_policy),
        ("CreatePolicy", policy::create_policy),
        ("GetPolicy", policy::get_policy),
        ("ListPolicies", policy::list_policies),
        ("DeletePolicy", policy::delete_policy),
        ("CreatePolicyVersion", policy::create_policy_version),
        ("GetPolicyVersion", policy::get_policy_version),
        ("ListPolicyVersions", policy::list_policy_versions),
        ("DeletePolicyVersion", policy::delete_policy_version),
        ("SetDefaultPolicyVersion", policy::set_default_policy_version),
        ("TagPolicy", policy::tag_policy),
        ("UntagPolicy", policy::untag_policy),
        ("ListPolicyTags", policy::list_policy_tags),
        ("AttachRolePolicy", attach::attach_role_policy),
        ("DetachRolePolicy", attach::detach_role_policy),
        ("ListAttachedRolePolicies", attach::list_attached_role_policies),
        ("ListEntitiesForPolicy", attach::list_entities_for_policy),
        ("SimulatePrincipalPolicy", simulate::principal),
        ("SimulateCustomPolicy", simulate::custom),
        ("GetContextKeysForCustomPolicy", references::context_keys_of_policies),
        ("GetContextKeysForPrincipalPolicy", references::context_keys_of_principal),
        ("ListPoliciesGrantingServiceAccess", references::policies_granting_access),
        ("AcquireRole", account::no_template),
        ("GetRoleTemplateVersion", account::no_template),
        ("CreateServiceLinkedRole", service_linked::create_service_linked_role),
        ("DeleteServiceLinkedRole", service_linked::delete_service_linked_role),
        ("GetServiceLinkedRoleDeletionStatus", service_linked::get_service_linked_role_deletion_status),
        ("ListAccountAliases", account::list_aliases),
        ("GetUser", account::get_user),
        ("ListUsers", account::list_users),
        ("ListAccessKeys", account::list_access_keys),
        ("ListMFADevices", account::list_mfa_devices),
        ("ListSigningCertificates", account::list_signing_certificates),
        ("ListServiceSpecificCredentials", account::list_service_credentials),
        ("ListSSHPublicKeys", account::list_ssh_keys),
        ("ListUserPolicies", account::list_user_policies),
        ("ListAttachedUserPolicies", account::list_attached_user_policies),
        ("ListGroupsForUser", account::list_groups_for_user),
        ("ListUserTags", account::list_user_tags),
        ("ListOpenIDConnectProviders", account::list_providers),
        ("ListSAMLProviders", account::list_saml_providers),
        ("ListGroups", account::list_groups),
        ("ListServerCertificates", account::list_certificates),
        ("ListVirtualMFADevices", account::list_devices),
        ("GetAccountPasswordPolicy", account::password_policy),
        ("GetAccountSummary", account::summary),
        ("GetAccountAuthorizationDetails", authorization::details),
    ],
    runs: &[],
};

/// Refuses a session's policy that IAM would not take.
pub(crate) fn check_session_policy(text: &str) -> Result<(), Fault> {
    document::parse(text, document::Purpose::Permissions).map(drop)
}

/// A document as IAM gives it back: percent-encoded as RFC 3986 has it.
fn encode(document: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
    encoded.replace('+', "%20").replace('*', "%2A")
}

/// A page's length; IAM's own default is 100.
fn limit(max_items: Option<usize>) -> usize {
    max_items.unwrap_or(100)
}

/// A `Marker` that no answer gave.
fn marker() -> Fault {
    Fault::new("ValidationError", "Invalid Marker.")
}

fn no_such(message: impl Into<String>) -> Fault {
    Fault::new("NoSuchEntity", message).with_status(404)
}

fn exists(message: impl Into<String>) -> Fault {
    Fault::new("EntityAlreadyExists", message).with_status(409)
}

fn not_modifiable(role: &str) -> Fault {
    Fault::new(
        "UnmodifiableEntity",
        format!("Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"),
    )
}

#[cfg(test)]
mod tests;
