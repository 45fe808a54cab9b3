//! What belongs to the account itself: its one user, its numbers, and what it has none of.

use serde_json::{Value, json};

use super::no_such;
use crate::local::{
    fault::Fault,
    members::{decode, time},
    sts,
    world::Ctx,
};

/// The one who signs every request, and who was there before all else.
pub(super) fn caller(ctx: &Ctx<'_>) -> Value {
    let (account, arn) = (ctx.account, sts::caller(ctx.account));
    let created_at = time(ctx.iam.created_at.unwrap_or(ctx.now));
    let name = arn.rsplit('/').next().unwrap_or_default();
    json!({ "Path": "/", "UserName": name, "UserId": sts::caller_id(account), "Arn": arn, "CreateDate": created_at })
}

/// `GetUser`: without a name, the caller.
pub(super) fn get_user(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let user = caller(ctx);
    match input["UserName"].as_str() {
        Some(name) if user["UserName"] != name => Err(no_such(format!("The user with name {name} cannot be found."))),
        _ => Ok(json!({ "User": user })),
    }
}

/// `ListUsers`
pub(super) fn list_users(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let below = input["PathPrefix"].as_str().is_none_or(|prefix| prefix == "/");
    let users: Vec<Value> = below.then(|| caller(ctx)).into_iter().collect();
    Ok(json!({ "Users": users, "IsTruncated": false }))
}

/// `ListOpenIDConnectProviders`
pub(super) fn list_providers(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    Ok(json!({ "OpenIDConnectProviderList": [] }))
}

/// Lists of what the account has none of, each under its member's name.
macro_rules! none {
    ($($name:ident: $member:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            decode::<Value>(input)?;
            Ok(json!({ $member: [], "IsTruncated": false }))
        })*
    };
}

none! {
    list_aliases: "AccountAliases";
    list_groups: "Groups";
    list_certificates: "ServerCertificateMetadataList";
    list_devices: "VirtualMFADevices";
}

/// Lists of what a user has none of: the account's one user, who is meant where none is named.
macro_rules! none_of_user {
    ($($name:ident: $member:literal;)*) => {
        $(pub(super) fn $name(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            get_user(ctx, input)?;
            Ok(json!({ $member: [], "IsTruncated": false }))
        })*
    };
}

none_of_user! {
    list_access_keys: "AccessKeyMetadata";
    list_mfa_devices: "MFADevices";
    list_signing_certificates: "Certificates";
    list_service_credentials: "ServiceSpecificCredentials";
    list_ssh_keys: "SSHPublicKeys";
    list_user_policies: "PolicyNames";
    list_attached_user_policies: "AttachedPolicies";
    list_groups_for_user: "Groups";
    list_user_tags: "Tags";
}

/// `AcquireRole` and `GetRoleTemplateVersion`: of templates, which services of AWS have.
pub(super) fn no_template(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let arn = input["TemplateArn"].as_str().unwrap_or_default();
    Err(no_such(format!("The role template with ARN {arn} cannot be found.")))
}

/// `ListSAMLProviders`
pub(super) fn list_saml_providers(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    Ok(json!({ "SAMLProviderList": [] }))
}

/// `GetAccountPasswordPolicy`: nobody has a password here.
pub(super) fn password_policy(ctx: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    Err(no_such(format!("The Password Policy with domain name {} cannot be found.", ctx.account)))
}

/// `GetAccountSummary`: what there is, beside AWS's quotas of a new account.
pub(super) fn summary(ctx: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    let versions: usize = ctx.iam.policies.values().map(super::Policy::version_count).sum();
    Ok(json!({ "SummaryMap": {
        "Users": 1, "UsersQuota": 5000, "Groups": 0, "GroupsQuota": 300,
        "Roles": ctx.iam.roles.len(), "RolesQuota": 1000,
        "InstanceProfiles": ctx.iam.instance_profiles.len(), "InstanceProfilesQuota": 1000,
        "Policies": ctx.iam.policies.len(), "PoliciesQuota": 1500,
        "PolicyVersionsInUse": versions, "PolicyVersionsInUseQuota": 10000,
        "VersionsPerPolicyQuota": 5, "AttachedPoliciesPerRoleQuota": 10, "PolicySizeQuota": 6144,
        "RolePolicySizeQuota": 10240, "AssumeRolePolicySizeQuota": 2048,
        "Providers": 0, "ServerCertificates": 0, "MFADevices": 0, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0,
    } }))
}
