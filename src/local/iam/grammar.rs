//! What a policy document has to look like, in IAM's words and in about IAM's order: its syntax first, then what its texts say.

use serde_json::{Map, Value};

use super::document::{Purpose, malformed, statements, texts};
use crate::local::fault::Fault;

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

const STATEMENT: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Without `ForAnyValue:`, `ForAllValues:` and `IfExists`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

const PARTITIONS: [&str; 9] =
    ["*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// How the names of IAM's own resources begin.
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// The resources of S3 that have a region; buckets and their objects have none.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
const S3_IN_REGIONS: [&str; 6] =
    ["accesspoint/", "job/", "storage-lens/", "storage-lens-group/", "access-grants/", "async-request/"];

/// Refuses what is no policy document.
pub(super) fn check(document: &Value, purpose: Purpose) -> Result<(), Fault> {
    let members = document.as_object().ok_or_else(|| malformed(SYNTAX))?;
    only(members, &["Version", "Id", "Statement"])?;
    let statements = statements(document);
    if statements.is_empty() || !members.get("Id").is_none_or(Value::is_string) {
        return Err(malformed(SYNTAX));
    }
    statements.iter().try_for_each(|statement| check_syntax(statement))?;
    match members.get("Version").map(Value::as_str) {
        Some(Some("2012-10-17")) => {}
        None | Some(Some("2008-10-17")) if purpose == Purpose::Permissions => {
            return Err(malformed("Policy document must be version 2012-10-17 or greater."));
        }
        None | Some(Some("2008-10-17")) => {}
        _ => return Err(malformed(SYNTAX)),
    }
    if !statements.iter().all(|statement| has_known_effect(statement) && has_valid_dates(statement)) {
        return Err(malformed(LEGACY));
    }
    check_ids(&statements)?;
    for statement in statements {
        check_actions(statement)?;
        ["Resource", "NotResource"].iter().flat_map(|key| texts(statement, key)).try_for_each(check_resource)?;
    }
    Ok(())
}

fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Fault> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(malformed(format!("Syntax errors in policy: the member {unknown} is not known."))),
        None => Ok(()),
    }
}

fn check_syntax(statement: &Value) -> Result<(), Fault> {
    let members = statement.as_object().ok_or_else(|| malformed(SYNTAX))?;
    only(members, &STATEMENT)?;
    let both = |key: &str, other: &str| members.contains_key(key) && members.contains_key(other);
    let is = |key: &str, valid: fn(&Value) -> bool| members.get(key).is_none_or(valid);
    let valid = !both("Action", "NotAction")
        && !both("Resource", "NotResource")
        && ["Action", "NotAction", "Resource", "NotResource"].iter().all(|key| is(key, is_texts))
        && statement["Effect"].as_str().is_some_and(|text| ["allow", "deny"].contains(&&*text.to_ascii_lowercase()))
        && is("Sid", Value::is_string)
        && is("Condition", is_condition);
    if valid { Ok(()) } else { Err(malformed(SYNTAX)) }
}

/// One text, or a list of them in which some may be missing.
fn is_texts(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().all(|element| element.is_string() || element.is_null()),
        other => other.is_string(),
    }
}

/// Operators with the keys that they compare, each with one value or with a list.
fn is_condition(condition: &Value) -> bool {
    let Some(operators) = condition.as_object() else { return false };
    operators.iter().all(|(operator, keys)| {
        let Some(keys) = keys.as_object() else { return false };
        let valued = keys.values().all(|value| !value.is_object() && !value.is_null());
        valued && (keys.is_empty() || OPERATORS.contains(&bare(operator)))
    })
}

/// An operator without what says how it takes several values, or none.
fn bare(operator: &str) -> &str {
    let prefixes = ["ForAnyValue:", "ForAllValues:"];
    let operator = prefixes.iter().find_map(|prefix| operator.strip_prefix(prefix)).unwrap_or(operator);
    operator.strip_suffix("IfExists").unwrap_or(operator)
}

fn has_known_effect(statement: &Value) -> bool {
    matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
}

fn has_valid_dates(statement: &Value) -> bool {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let keys =
        operators.filter(|(operator, _)| bare(operator).starts_with("Date")).filter_map(|(_, keys)| keys.as_object());
    keys.flat_map(Map::values).all(|value| match value {
        Value::Array(dates) => dates.iter().all(is_date),
        date => is_date(date),
    })
}

/// A moment in one of the forms of ISO 8601 that W3C has chosen, or in seconds since 1970.
fn is_date(value: &Value) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_ascii_lowercase);
    if !text.contains(['t', '-']) {
        return text.parse::<u64>().is_ok_and(|seconds| i64::try_from(seconds).is_ok());
    }
    let (date, time) = text.split_once('t').unwrap_or((&text, ""));
    let (time, zone) = time.split_at(time.find(['z', '+', '-']).unwrap_or(time.len()));
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let within = |text: &str, limits: &[(u64, u64)], separator| {
        let parts: Vec<Option<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
        parts.len() <= limits.len()
            && parts.iter().zip(limits).all(|(part, (min, max))| part.is_some_and(|part| (*min..=*max).contains(&part)))
    };
    let zone = zone.trim_start_matches(['z', '+', '-']);
    within(date.strip_prefix('-').unwrap_or(date), &[(0, 292_278_993), (1, 12), (1, 31)], '-')
        && (time.is_empty() || within(time, &[(0, 23), (0, 59), (0, 59)], ':'))
        && (zone.is_empty() || within(zone, &[(0, 23), (0, 59)], ':'))
}

fn check_ids(statements: &[&Value]) -> Result<(), Fault> {
    let ids: Vec<&str> = statements.iter().filter_map(|statement| statement["Sid"].as_str()).collect();
    if ids.iter().any(|id| !id.bytes().all(|letter| letter.is_ascii_alphanumeric())) {
        return Err(malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ));
    }
    let twice = |(index, id): (usize, &&str)| !id.is_empty() && ids[..index].contains(id);
    if ids.iter().enumerate().any(twice) {
        return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
    }
    Ok(())
}

fn check_actions(statement: &Value) -> Result<(), Fault> {
    let actions: Vec<&str> = ["Action", "NotAction"].iter().flat_map(|key| texts(statement, key)).collect();
    if actions.is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    for action in actions.into_iter().filter(|action| *action != "*") {
        let (vendor, rest) = action
            .split_once(':')
            .ok_or_else(|| malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."))?;
        if rest.contains(':') {
            return Err(malformed("Actions/Condition can contain only one colon."));
        }
        let known = |letter: u8| letter.is_ascii_alphanumeric() || b"-.".contains(&letter);
        if vendor != "*" && !vendor.bytes().all(known) {
            return Err(malformed(format!("Vendor {vendor} is not valid")));
        }
    }
    Ok(())
}

/// Refuses what is neither `*` nor an ARN, and what the ARNs of IAM and S3 cannot be.
fn check_resource(resource: &str) -> Result<(), Fault> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", partition, ..] = parts[..] else {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    };
    if !PARTITIONS.contains(&partition) {
        let rest: Vec<&str> = (2..6).map(|index| parts.get(index).copied().unwrap_or("*")).collect();
        let meant = format!("arn:{partition}:{}", rest.join(":"));
        return Err(malformed(format!("Partition \"{partition}\" is not valid for resource \"{meant}\".")));
    }
    let Some(service) = parts.get(2) else {
        return Err(malformed("Resource vendor must be fully qualified and cannot contain regexes."));
    };
    let name = parts.get(5).copied().unwrap_or_default();
    let regional = parts.get(3).is_none_or(|region| !region.is_empty());
    match *service {
        "s3" if regional && !S3_IN_REGIONS.iter().any(|kind| name.starts_with(kind)) => {
            return Err(malformed(format!("Resource {resource} can not contain region information.")));
        }
        "iam" if regional => {
            return Err(malformed(format!("IAM resource {resource} cannot contain region information.")));
        }
        "iam" if name != "*" && !IAM_PATHS.iter().any(|path| name.starts_with(path)) => {
            let paths = IAM_PATHS.join(", ");
            return Err(malformed(format!("IAM resource path must either be \"*\" or start with {paths}.")));
        }
        _ => {}
    }
    // An ARN without an end may leave out its last parts, but not some in between.
    let complete = parts.len() == 6 || !resource.contains("::");
    if service.is_empty() || !complete { Err(malformed(LEGACY)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document whose one statement has these members in place of or beside the usual ones.
    fn with(members: &Value) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
        for (name, value) in members.as_object().unwrap() {
            statement[name] = value.clone();
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    #[test]
    fn each_mistake_has_iams_sentence() {
        let paths = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/";
        let vendor = "Resource vendor must be fully qualified and cannot contain regexes.";
        for (members, sentence) in [
            (json!({ "Sid": "a b" }), "Statement IDs (SID) must be alpha-numeric"),
            (json!({ "Sid": 3 }), SYNTAX),
            (json!({ "Effect": "allow" }), LEGACY),
            (json!({ "Effect": "Maybe" }), SYNTAX),
            (json!({ "NotAction": "s3:Get*" }), SYNTAX),
            (json!({ "NotResource": "*" }), SYNTAX),
            (json!({ "Action": { "a": 1 } }), SYNTAX),
            (json!({ "Resource": [1] }), SYNTAX),
            (json!({ "Resource": null }), SYNTAX),
            (json!({ "Condition": "x" }), SYNTAX),
            (json!({ "Condition": [] }), SYNTAX),
            (json!({ "Condition": { "StringEquals": "x" } }), SYNTAX),
            (json!({ "Condition": { "Foo": { "aws:x": "y" } } }), SYNTAX),
            (json!({ "Condition": { "DateGreaterThan": { "aws:CurrentTime": "banana" } } }), LEGACY),
            (json!({ "Condition": { "DateLessThan": { "aws:CurrentTime": "2026-13-01" } } }), LEGACY),
            (json!({ "Action": [] }), "Policy statement must contain actions."),
            (json!({ "Action": "ab" }), "Actions/Conditions must be prefaced by a vendor"),
            (json!({ "Action": "s3:a:b" }), "Actions/Condition can contain only one colon."),
            (json!({ "Action": "s 3:Get" }), "Vendor s 3 is not valid"),
            (json!({ "Resource": "x" }), "Resource x must be in ARN format or \"*\"."),
            (
                json!({ "Resource": "arn:foo:s3:::x" }),
                "Partition \"foo\" is not valid for resource \"arn:foo:s3:::x\".",
            ),
            (json!({ "Resource": "arn:aws" }), vendor),
            (json!({ "Resource": "arn:aws::::x" }), LEGACY),
            (json!({ "Resource": "arn:aws:rds::x" }), LEGACY),
            (json!({ "Resource": "arn:aws:s3" }), "Resource arn:aws:s3 can not contain region information."),
            (json!({ "Resource": "arn:aws:s3:us-east-1::x" }), "x can not contain region information."),
            (json!({ "Resource": "arn:aws:iam:us-east-1:000000000000:role/x" }), "cannot contain region information."),
            (json!({ "Resource": ["*", "arn:aws:iam::000000000000:foo/x"] }), paths),
        ] {
            let fault = check(&with(&members), Purpose::Permissions).expect_err(&members.to_string());
            assert_eq!(fault.code, "MalformedPolicyDocument");
            assert!(fault.message.contains(sentence), "{members}: {}", fault.message);
        }
        let twice = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Sid": "A" });
        let fault = check(&json!({ "Version": "2012-10-17", "Statement": [twice, twice] }), Purpose::Permissions);
        assert!(fault.unwrap_err().message.contains("must be unique"));
    }

    #[test]
    fn only_managed_policies_must_have_the_new_version() {
        let check = |version: Value, purpose| {
            let mut document = with(&json!({}));
            document["Version"] = version;
            check(&document, purpose).map_err(|fault| fault.message)
        };
        let old = Err("Policy document must be version 2012-10-17 or greater.".to_owned());
        assert_eq!(check(json!("2008-10-17"), Purpose::Permissions), old);
        assert_eq!(check(json!("2008-10-17"), Purpose::Inline), Ok(()));
        for purpose in [Purpose::Permissions, Purpose::Inline, Purpose::Trust] {
            assert_eq!(check(json!("2012-10-18"), purpose), Err(SYNTAX.to_owned()));
        }
    }

    #[test]
    fn what_policies_really_say_is_taken() {
        for members in [
            json!({}),
            json!({ "Sid": "Read1", "Action": ["s3:Get*", "secretsmanager:GetSecretValue", "*"] }),
            json!({ "Resource": ["arn:aws:s3:::bucket/*", "arn:aws:s3:eu-central-1:111122223333:accesspoint/a"] }),
            json!({ "Resource": ["arn:aws:iam::aws:policy/A", "arn:*:iam::*:role/aws-service-role/*", "arn:aws:iam::1:*"] }),
            json!({ "Resource": ["arn:aws:secretsmanager:*:*:secret:x-??????", "arn:aws:rds-db:eu-central-1:1:dbuser:*/app"] }),
            json!({ "Condition": { "ForAnyValue:StringLikeIfExists": { "aws:x": ["y"] }, "Bool": { "aws:y": true } } }),
            json!({ "Condition": { "DateLessThan": { "aws:CurrentTime": ["2026-11-28T10:00:00.5Z", "2026-11-28", "1780000000"] } } }),
            json!({ "Condition": { "DateLessThan": { "aws:CurrentTime": "2026-11-28T10:00:00+01:00" }, "NumericLessThan": { "a:b": 3 } } }),
        ] {
            assert_eq!(check(&with(&members), Purpose::Permissions), Ok(()), "{members}");
        }
    }
}
