//! STS: who is calling, and sessions of roles.
//!
//! Whoever calls is one user of the account, or a session that this user opened, with every right: the local cloud
//! checks what AWS's services may do on behalf of roles, not what its users may do.

mod assume;
mod session;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fault::Fault,
    members::{Tag, decode},
    service::Service,
    world::Ctx,
};
pub(crate) use assume::abroad;
pub(crate) use session::{Session, admit, is_of_no_user};

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "sts",
    actions: &[
        ("GetCallerIdentity", get_caller_identity),
        ("AssumeRole", assume::assume_role),
        ("GetSessionToken", get_session_token),
        ("GetFederationToken", get_federation_token),
        ("DecodeAuthorizationMessage", decode_authorization_message),
        ("GetAccessKeyInfo", get_access_key_info),
    ],
    runs: &[],
};

/// The ARN of the account's one user, which everyone is without a session.
pub(crate) fn caller(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/local")
}

/// The user's id.
pub(crate) fn caller_id(account: &str) -> String {
    format!("AIDA{account}LOCAL")
}

fn get_caller_identity(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    let caller = Session::of(ctx)?;
    Ok(json!({ "UserId": caller.user_id, "Account": ctx.account, "Arn": caller.arn }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    duration_seconds: Option<u64>,
    policy: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    tags: Vec<Tag>,
}

/// How long a session may last that a session opens.
const CHAINED: u64 = 3600;

/// Refuses a device's code: the account's user has no device.
fn check_device(serial_number: Option<&str>, code: Option<&str>) -> Result<(), Fault> {
    if serial_number.or(code).is_none() {
        return Ok(());
    }
    let message = "MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number \
                   is valid and associated with this user.";
    Err(Fault::new("AccessDenied", message).with_status(403))
}

/// How much of the room for a session's policy and tags is taken, in percent. AWS packs them in a way that it does not tell.
fn packed_size(policy: Option<&str>, tags: &[Tag]) -> Option<usize> {
    const ROOM: usize = 8192;
    let size = policy.map_or(0, str::len) + tags.iter().map(|tag| tag.key.len() + tag.value.len()).sum::<usize>();
    (policy.is_some() || !tags.is_empty()).then(|| (size * 100).div_ceil(ROOM).clamp(1, 100))
}

/// How long the credentials of a user's own session last when nothing else is said.
const TWELVE_HOURS: u64 = 43_200;

/// Refuses to open a session from a session, as AWS does for these two calls.
fn user_alone(ctx: &Ctx<'_>, action: &str) -> Result<(), Fault> {
    let caller = Session::of(ctx)?;
    if ctx.iam.session(&ctx.access_key).is_none() {
        return Ok(());
    }
    let message = format!("Cannot call {action} with session credentials (the caller is {})", caller.arn);
    Err(Fault::new("AccessDenied", message).with_status(403))
}

fn get_session_token(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    user_alone(ctx, "GetSessionToken")?;
    check_device(input.serial_number.as_deref(), input.token_code.as_deref())?;
    let expires_at = ctx.now + input.duration_seconds.unwrap_or(TWELVE_HOURS) * 1000;
    let session = Session::of_the_user(ctx, expires_at);
    Ok(json!({ "Credentials": session.open(ctx) }))
}

fn get_federation_token(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    user_alone(ctx, "GetFederationToken")?;
    if let Some(policy) = &input.policy {
        super::iam::check_session_policy(policy)?;
    }
    let (account, name) = (ctx.account, &input.name);
    let session = Session {
        arn: format!("arn:aws:sts::{account}:federated-user/{name}"),
        user_id: format!("{account}:{name}"),
        issued_at: ctx.now,
        expires_at: ctx.now + input.duration_seconds.unwrap_or(TWELVE_HOURS) * 1000,
        tags: input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        ..Session::default()
    };
    Ok(json!({
        "FederatedUser": { "FederatedUserId": session.user_id, "Arn": session.arn },
        "Credentials": session.open(ctx),
        "PackedPolicySize": packed_size(input.policy.as_deref(), &input.tags),
    }))
}

/// Nothing here is refused with an encoded message, so that none can be decoded.
fn decode_authorization_message(_: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    Err(Fault::new("InvalidAuthorizationMessageException", "Message is not valid."))
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
        let arn = "arn:aws:sts::000000000000:assumed-role/mine/deploy";
        assert_eq!(session["AssumedRoleUser"]["Arn"], arn);

        // Its credentials are the session, until they expire.
        let key = session["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned();
        let identity = |cloud: &mut Cloud| {
            cloud.access_key.clone_from(&key);
            cloud.call(&SERVICE, "GetCallerIdentity", json!({}))
        };
        let told = identity(&mut cloud).unwrap();
        assert_eq!((&told["Arn"], &told["UserId"]), (&json!(arn), &session["AssumedRoleUser"]["AssumedRoleId"]));
        assert_eq!(cloud.call(&SERVICE, "GetCallerIdentity", json!({})).unwrap()["Arn"], caller(Cloud::ACCOUNT));
        cloud.wait(900);
        assert_eq!(identity(&mut cloud).unwrap_err().code, "ExpiredToken");
        cloud.wait(2 * 86_400);
        assert_eq!(identity(&mut cloud).unwrap()["Arn"], caller(Cloud::ACCOUNT));
    }
}
