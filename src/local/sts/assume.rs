//! AssumeRole: a session of a role that trusts the caller, of this account or of another one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CHAINED, Session, check_device, packed_size};
use crate::local::{
    cloud::Cloud,
    fault::Fault,
    iam::{Context, Role},
    members::{Tag, Tags, decode, is_reserved, time},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<u64>,
    policy: Option<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    tags: Vec<Tag>,
    transitive_tag_keys: Vec<String>,
}

/// The account of a role that is another one than the caller's, with who calls: there the session is opened. An account that
/// nobody has called has no roles.
pub(crate) fn abroad(
    cloud: &Cloud,
    home: &str,
    region: &str,
    access_key: &str,
    input: &Value,
) -> Option<(String, Session)> {
    let account = input["RoleArn"].as_str()?.split(':').nth(4)?.to_owned();
    if account == home || !cloud.world().accounts.contains_key(&account) {
        return None;
    }
    let caller = cloud.region(home, region, |ctx| {
        access_key.clone_into(&mut ctx.access_key);
        Session::of(ctx)
    });
    caller.ok().map(|caller| (account, caller))
}

pub(super) fn assume_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let caller = Session::of(ctx)?;
    check_device(input.serial_number.as_deref(), input.token_code.as_deref())?;
    check_tags(&input, &caller)?;
    let role = ctx.iam.role(&input.role_arn).ok_or_else(|| denied(&caller, "sts:AssumeRole", &input.role_arn))?;
    check_trust(ctx, role, &caller, &input)?;
    if let Some(policy) = &input.policy {
        crate::local::iam::check_session_policy(policy)?;
    }
    let seconds = input.duration_seconds.unwrap_or(3600);
    let refused = |message: &str| Err(Fault::new("ValidationError", message));
    if caller.role.is_some() && seconds > CHAINED {
        return refused(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        );
    }
    if seconds > role.max_session_seconds() {
        return refused("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    let name = &input.role_session_name;
    let packed = packed_size(input.policy.as_deref(), &input.tags);
    let mut tags: Tags = caller.transitive_tags().map(|(key, value)| (key.clone(), value.clone())).collect();
    let transitive_tag_keys = tags.keys().cloned().chain(input.transitive_tag_keys).collect();
    tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
    let session = Session {
        arn: format!("arn:aws:sts::{}:assumed-role/{}/{name}", ctx.account, role.name),
        user_id: format!("{}:{name}", role.unique_id()),
        role: Some(role.arn.clone()),
        issued_at: ctx.now,
        expires_at: ctx.now + seconds * 1000,
        tags,
        transitive_tag_keys,
        source_identity: input.source_identity.or_else(|| caller.source_identity.clone()),
        ..Session::default()
    };
    Ok(json!({
        "AssumedRoleUser": { "AssumedRoleId": session.user_id, "Arn": session.arn },
        "SourceIdentity": session.source_identity,
        "PackedPolicySize": packed,
        "Credentials": session.open(ctx),
    }))
}

/// Refuses tags that a session cannot have.
fn check_tags(input: &Input, caller: &Session) -> Result<(), Fault> {
    let invalid = |message: String| Err(Fault::new("ValidationError", message));
    for (index, tag) in input.tags.iter().enumerate() {
        if is_reserved(&tag.key) {
            return invalid(format!("\"{}\" is not a valid tag key. Tag keys cannot begin with aws:", tag.key));
        }
        if input.tags[..index].iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned());
        }
        if caller.transitive_tags().any(|(key, _)| key.eq_ignore_ascii_case(&tag.key)) {
            return invalid("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.".to_owned());
        }
    }
    let given = |key: &&String| input.tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(key));
    match input.transitive_tag_keys.iter().find(|key| !given(key)) {
        Some(_) => invalid("The specified transitive tag key must be included in the requested tags.".to_owned()),
        None => Ok(()),
    }
}

/// Refuses whom the role does not trust, or not with what is asked for.
fn check_trust(ctx: &Ctx<'_>, role: &Role, caller: &Session, input: &Input) -> Result<(), Fault> {
    let mut principals = vec![caller.arn.as_str()];
    principals.extend(caller.role.as_deref());
    let request = context(ctx, role, caller, input);
    let is_tagged = !input.tags.is_empty() || caller.transitive_tags().next().is_some();
    let needed = [
        ("sts:AssumeRole", true),
        ("sts:TagSession", is_tagged),
        ("sts:SetSourceIdentity", input.source_identity.is_some() || caller.source_identity.is_some()),
    ];
    let home = caller.account();
    let refused = needed.iter().find(|(action, asked)| *asked && !role.trusts(action, home, &principals, &request));
    if let Some((action, _)) = refused {
        return Err(denied(caller, action, &input.role_arn));
    }
    // Who the first one was stays.
    let is_other = |identity: &String| input.source_identity.as_ref().is_some_and(|other| other != identity);
    if caller.source_identity.as_ref().is_some_and(is_other) {
        return Err(denied(caller, "sts:SetSourceIdentity", &input.role_arn));
    }
    if role.assumable_at > ctx.now { Err(denied(caller, "sts:AssumeRole", &input.role_arn)) } else { Ok(()) }
}

fn denied(caller: &Session, action: &str, role: &str) -> Fault {
    let message = format!("User: {} is not authorized to perform: {action} on resource: {role}", caller.arn);
    Fault::new("AccessDenied", message).with_status(403)
}

/// What a trust policy's conditions can ask about.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn context(ctx: &Ctx<'_>, role: &Role, caller: &Session, input: &Input) -> Context {
    let mut request = Context::default();
    caller.describe(&mut request);
    role.describe_tags(&mut request);
    request.set("sts:RoleSessionName", &input.role_session_name);
    for (key, value) in [("sts:ExternalId", &input.external_id), ("sts:SourceIdentity", &input.source_identity)] {
        if let Some(value) = value {
            request.set(key, value);
        }
    }
    for tag in &input.tags {
        request.set(&format!("aws:RequestTag/{}", tag.key), &tag.value);
    }
    request.set_all("aws:TagKeys", input.tags.iter().map(|tag| tag.key.clone()).collect());
    request.set_all("sts:TransitiveTagKeys", input.transitive_tag_keys.clone());
    request.set("aws:ResourceAccount", ctx.account);
    request.set("aws:RequestedRegion", ctx.region_name);
    request.set("aws:SourceIp", "127.0.0.1");
    // The loopback interface stands for TLS: who asks for it means that nobody listens in.
    request.set("aws:SecureTransport", "true");
    request.set("aws:ViaAWSService", "false");
    request.set("aws:PrincipalIsAWSService", "false");
    request.set("aws:EpochTime", (ctx.now / 1000).to_string());
    request.set("aws:CurrentTime", time(ctx.now).as_str().unwrap_or_default());
    request
}

#[cfg(test)]
mod tests {
    use super::super::SERVICE;
    use super::*;
    use crate::local::{iam, members::testing::Cloud};

    const ROLE: &str = "arn:aws:iam::000000000000:role/guarded";

    /// A cloud with a role of this trust policy's statements.
    fn with_role(statements: &Value) -> Cloud {
        let mut cloud = Cloud::new();
        let trust = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let input = json!({ "RoleName": "guarded", "AssumeRolePolicyDocument": trust });
        cloud.call(&iam::SERVICE, "CreateRole", input).unwrap();
        cloud.wait(10);
        cloud
    }

    fn assume(cloud: &mut Cloud, more: &Value) -> Result<Value, Fault> {
        let mut input = json!({ "RoleArn": ROLE, "RoleSessionName": "deploy" });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        cloud.call(&SERVICE, "AssumeRole", input)
    }

    #[test]
    fn a_role_is_assumed_on_its_conditions() {
        let principal = json!({ "AWS": "000000000000" });
        let mut cloud = with_role(&json!([
            { "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
              "Condition": { "StringEquals": { "sts:ExternalId": "one" } } },
            { "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
              "Condition": { "StringLike": { "sts:RoleSessionName": "evil*" } } },
        ]));
        for (more, refused) in [
            (json!({}), true),
            (json!({ "ExternalId": "two" }), true),
            (json!({ "ExternalId": "one" }), false),
            (json!({ "ExternalId": "one", "RoleSessionName": "evil-one" }), true),
        ] {
            let answer = assume(&mut cloud, &more);
            assert_eq!(
                answer.err().map(|fault| (fault.code, fault.status)),
                refused.then(|| ("AccessDenied".to_owned(), 403)),
                "{more}"
            );
        }
        let statement = json!([{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } } }]);
        assert_eq!(assume(&mut with_role(&statement), &json!({})).unwrap_err().code, "AccessDenied");
    }

    #[test]
    fn tags_and_an_identity_have_to_be_allowed_and_go_on_with_the_session() {
        let statement =
            |actions: Value| json!([{ "Effect": "Allow", "Principal": { "AWS": "000000000000" }, "Action": actions }]);
        let tagged = json!({ "Tags": [{ "Key": "team", "Value": "a" }], "TransitiveTagKeys": ["team"] });
        let identified = json!({ "SourceIdentity": "ann" });
        let mut cloud = with_role(&statement(json!("sts:AssumeRole")));
        for (more, action) in [(&tagged, "sts:TagSession"), (&identified, "sts:SetSourceIdentity")] {
            let fault = assume(&mut cloud, more).unwrap_err();
            assert!(fault.message.contains(&format!("to perform: {action} on resource: {ROLE}")), "{fault}");
        }
        let plain = assume(&mut cloud, &json!({})).unwrap();
        assert_eq!((&plain["SourceIdentity"], &plain["PackedPolicySize"]), (&Value::Null, &Value::Null));

        let mut cloud = with_role(&statement(json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])));
        let answer = assume(&mut cloud, &tagged).unwrap();
        assert!(answer["PackedPolicySize"].as_u64().is_some_and(|size| (1..=100).contains(&size)), "{answer}");
        let answer = assume(&mut cloud, &identified).unwrap();
        assert_eq!(answer["SourceIdentity"], "ann");
        let key = answer["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned();
        cloud.access_key.clone_from(&key);
        assert_eq!(assume(&mut cloud, &json!({})).unwrap()["SourceIdentity"], "ann");
        cloud.access_key = key;
        assert_eq!(assume(&mut cloud, &json!({ "SourceIdentity": "bob" })).unwrap_err().code, "AccessDenied");
    }

    #[test]
    fn no_device_tells_a_code() {
        let mut cloud = with_role(&json!([{ "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole" }]));
        let device = json!({ "SerialNumber": "arn:aws:iam::000000000000:mfa/local", "TokenCode": "123456" });
        assert_eq!(assume(&mut cloud, &device).unwrap_err().code, "AccessDenied");
    }
}
