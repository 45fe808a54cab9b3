//! STS: who is calling, and sessions of roles.
//!
//! Whoever calls is one user of the account, with every right: the local cloud checks what AWS's services may
//! do on behalf of roles, not what its users may do.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fault::Fault,
    members::{decode, random_text, time},
    service::Service,
    world::Ctx,
};

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "sts",
    actions: &[
        ("GetCallerIdentity", get_caller_identity),
        ("AssumeRole", assume_role),
        ("GetSessionToken", get_session_token),
        ("GetAccessKeyInfo", get_access_key_info),
    ],
    runs: &[],
};

/// The ARN of the user that everyone is.
pub(crate) fn caller(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/local")
}

fn get_caller_identity(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    Ok(json!({ "UserId": "AIDALOCALLOCALLOCALLO", "Account": ctx.account, "Arn": caller(ctx.account) }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<u64>,
    policy: Option<String>,
    source_identity: Option<String>,
}

fn assume_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let caller = caller(ctx.account);
    let denied = || {
        let message =
            format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {}", input.role_arn);
        Fault::new("AccessDenied", message).with_status(403)
    };
    let role = ctx.iam.role(&input.role_arn).ok_or_else(denied)?;
    if !role.trusts_account(ctx.account) || role.assumable_at > ctx.now {
        return Err(denied());
    }
    if let Some(policy) = &input.policy {
        super::iam::check_session_policy(policy)?;
    }
    let seconds = input.duration_seconds.unwrap_or(3600);
    if seconds > role.max_session_seconds() {
        return Err(Fault::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let session = &input.role_session_name;
    Ok(json!({
        "Credentials": credentials(ctx, seconds),
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{}:{session}", role.unique_id()),
            "Arn": format!("arn:aws:sts::{}:assumed-role/{}/{session}", ctx.account, role.name),
        },
        "SourceIdentity": input.source_identity,
    }))
}

/// Credentials for so many seconds. Any key opens the local cloud; these have AWS's form.
fn credentials(ctx: &Ctx<'_>, seconds: u64) -> Value {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    json!({
        "AccessKeyId": format!("ASIA{}", random_text(16, BASE32)),
        "SecretAccessKey": random_text(40, BASE64),
        "SessionToken": random_text(200, BASE64),
        "Expiration": time(ctx.now + seconds * 1000),
    })
}

fn get_session_token(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Ok(json!({ "Credentials": credentials(ctx, input.duration_seconds.unwrap_or(43_200)) }))
}

/// The account that a key belongs to is the caller's: a key says nothing about it here, unless it is the account's number.
fn get_access_key_info(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    Ok(json!({ "Account": ctx.account }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{iam, members::testing::Cloud};

    #[test]
    fn the_caller_is_a_user_of_the_account() {
        let identity = Cloud::new().call(&SERVICE, "GetCallerIdentity", json!({})).unwrap();
        assert_eq!(identity["Account"], Cloud::ACCOUNT);
        assert_eq!(identity["Arn"], "arn:aws:iam::000000000000:user/local");
    }

    #[test]
    fn a_role_is_assumed_when_it_trusts_the_account_and_is_known() {
        let mut cloud = Cloud::new();
        for (name, principal) in [
            ("mine", json!({ "AWS": "arn:aws:iam::000000000000:root" })),
            ("other", json!({ "Service": "ec2.amazonaws.com" })),
        ] {
            let trust = json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }] });
            let input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
            cloud.call(&iam::SERVICE, "CreateRole", input).unwrap();
        }
        let assume = |cloud: &mut Cloud, name: &str, seconds: u64| {
            let arn = format!("arn:aws:iam::000000000000:role/{name}");
            let input = json!({ "RoleArn": arn, "RoleSessionName": "deploy", "DurationSeconds": seconds });
            cloud.call(&SERVICE, "AssumeRole", input)
        };
        assert_eq!(assume(&mut cloud, "mine", 900).unwrap_err().code, "AccessDenied");
        cloud.wait(10);
        for (name, seconds, code) in
            [("other", 900, "AccessDenied"), ("missing", 900, "AccessDenied"), ("mine", 7200, "ValidationError")]
        {
            assert_eq!(assume(&mut cloud, name, seconds).unwrap_err().code, code, "{name}");
        }
        let session = assume(&mut cloud, "mine", 900).unwrap();
        assert_eq!(session["AssumedRoleUser"]["Arn"], "arn:aws:sts::000000000000:assumed-role/mine/deploy");
    }
}
