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

/// `GetUser`: without a name, the caller, who has to be the user and not a role's session.
pub(super) fn get_user(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let user = caller(ctx);
    match input["UserName"].as_str() {
        None if sts::is_of_no_user(ctx)? => {
            let message = "Must specify userName when calling with non-User credentials";
            Err(Fault::new("ValidationError", message))
        }
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
        "UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120, "GroupsPerUserQuota": 10,
        "AttachedPoliciesPerUserQuota": 10, "AttachedPoliciesPerGroupQuota": 10,
        "AccessKeysPerUserQuota": 2, "SigningCertificatesPerUserQuota": 2, "ServerCertificatesQuota": 20,
        "Providers": 0, "ServerCertificates": 0, "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
        "GlobalEndpointTokenVersion": 1,
    } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{
        iam::SERVICE,
        members::testing::Cloud,
        model::{Kind, Model},
    };

    /// A key of a session of a role that the account trusts.
    fn session(cloud: &mut Cloud) -> String {
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": Cloud::ACCOUNT }, "Action": "sts:AssumeRole" }] });
        let input = json!({ "RoleName": "mine", "AssumeRolePolicyDocument": trust.to_string() });
        cloud.call(&SERVICE, "CreateRole", input).unwrap();
        cloud.wait(10);
        let input = json!({ "RoleArn": "arn:aws:iam::000000000000:role/mine", "RoleSessionName": "deploy" });
        let session = cloud.call(&sts::SERVICE, "AssumeRole", input).unwrap();
        session["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_session_of_a_role_has_no_user() {
        let mut cloud = Cloud::new();
        assert_eq!(cloud.call(&SERVICE, "GetUser", json!({})).unwrap()["User"]["UserName"], "local");
        let key = session(&mut cloud);
        for (action, input, code) in [
            ("GetUser", json!({}), Some("ValidationError")),
            ("ListAccessKeys", json!({}), Some("ValidationError")),
            ("GetUser", json!({ "UserName": "local" }), None),
            ("GetUser", json!({ "UserName": "nobody" }), Some("NoSuchEntity")),
        ] {
            cloud.access_key.clone_from(&key);
            let fault = cloud.call(&SERVICE, action, input.clone()).err();
            assert_eq!(fault.map(|fault| fault.code).as_deref(), code, "{action} {input}");
        }
    }

    #[test]
    fn whom_a_simulation_is_of_is_a_role_or_the_user_who_may_do_everything() {
        let mut cloud = Cloud::new();
        session(&mut cloud);
        let mut simulated = |arn: &str, more: Value| {
            let mut input = json!({ "PolicySourceArn": arn, "ActionNames": ["s3:GetObject"] });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = cloud.call(&SERVICE, "SimulatePrincipalPolicy", input);
            answer
                .map_or_else(|fault| json!(fault.code), |answer| answer["EvaluationResults"][0]["EvalDecision"].clone())
        };
        let boundary = json!({ "Version": "2012-10-17",
            "Statement": { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" } });
        let bounded = json!({ "PermissionsBoundaryPolicyInputList": [boundary.to_string()] });
        for (arn, more, expected) in [
            ("arn:aws:iam::000000000000:user/local", json!({}), "allowed"),
            ("arn:aws:iam::000000000000:user/local", bounded, "implicitDeny"),
            ("arn:aws:iam::000000000000:role/mine", json!({}), "implicitDeny"),
            ("arn:aws:iam::000000000000:user/nobody", json!({}), "NoSuchEntity"),
            ("arn:aws:sts::000000000000:assumed-role/mine/deploy", json!({}), "InvalidInput"),
        ] {
            assert_eq!(simulated(arn, more), expected, "{arn}");
        }
    }

    #[test]
    fn the_summary_has_every_number_that_iam_knows() {
        let model = Model::of("iam").unwrap();
        let shape = |id| &model.shape(id).kind;
        let output = model.operation("GetAccountSummary").unwrap().output.unwrap();
        let Kind::Structure(members) = shape(output) else { panic!("no structure") };
        let Kind::Map(key, _) = shape(members[0].shape) else { panic!("no map") };
        let answer = Cloud::new().call(&SERVICE, "GetAccountSummary", json!({})).unwrap();
        let mut told: Vec<&String> = answer["SummaryMap"].as_object().unwrap().keys().collect();
        let mut known: Vec<&String> = model.shape(key.shape).choices.iter().collect();
        told.sort();
        known.sort();
        assert!(known.len() > 30);
        assert_eq!(told, known);
    }
}
