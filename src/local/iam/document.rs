//! Policy documents: checked as IAM checks them, evaluated as far as services' roles need it.

use serde_json::Value;

use super::{
    condition::{self, Context},
    grammar,
};
use crate::local::fault::Fault;

/// Whether a document says what a role may do, as a managed policy or as a part of the role, or who may assume it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Permissions,
    Inline,
    Trust,
}

/// Reads a policy document or refuses it with IAM's own sentence.
pub(super) fn parse(text: &str, purpose: Purpose) -> Result<Value, Fault> {
    let document: Value = serde_json::from_str(text).map_err(|_| {
        malformed(match purpose {
            Purpose::Trust => "This policy contains invalid Json",
            Purpose::Permissions | Purpose::Inline => "Syntax errors in policy.",
        })
    })?;
    grammar::check(&document, purpose)?;
    statements(&document).into_iter().try_for_each(|statement| check_purpose(statement, purpose))?;
    Ok(document)
}

/// What a policy of permissions and one of trust may and may not say.
fn check_purpose(statement: &Value, purpose: Purpose) -> Result<(), Fault> {
    let has = |key: &str| statement.get(key).is_some();
    let none = |key: &str, other: &str| texts(statement, key).is_empty() && texts(statement, other).is_empty();
    match purpose {
        Purpose::Permissions | Purpose::Inline if has("Principal") || has("NotPrincipal") => {
            Err(malformed("Policy document should not specify a principal."))
        }
        Purpose::Permissions | Purpose::Inline if none("Resource", "NotResource") => {
            Err(malformed("Policy statement must contain resources."))
        }
        Purpose::Permissions | Purpose::Inline => Ok(()),
        Purpose::Trust if has("Resource") || has("NotResource") => Err(malformed("Has prohibited field Resource")),
        Purpose::Trust if !has("Principal") && !has("NotPrincipal") => {
            Err(malformed("Missing required field Principal"))
        }
        Purpose::Trust => {
            let mut actions = ["Action", "NotAction"].iter().flat_map(|key| texts(statement, key));
            if actions.any(|action| !action.to_ascii_lowercase().starts_with("sts:")) {
                return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
            }
            check_principal(&statement["Principal"])
        }
    }
}

pub(super) fn check_principal(principal: &Value) -> Result<(), Fault> {
    let Some(kinds) = principal.as_object() else {
        return match principal {
            Value::Null => Ok(()),
            Value::String(everyone) if everyone == "*" => Ok(()),
            other => Err(malformed(format!("Invalid principal in policy: {other}"))),
        };
    };
    for kind in kinds.keys() {
        for name in texts(principal, kind) {
            let valid = match kind.as_str() {
                "Service" => is_service(name),
                "AWS" => name == "*" || is_account(name) || is_identity(name),
                "Federated" | "CanonicalUser" => true,
                _ => return Err(malformed("Syntax errors in policy.")),
            };
            if !valid {
                return Err(no_principal(kind, name));
            }
        }
    }
    Ok(())
}

/// Puts other names in the place of AWS principals of a trust policy, as IAM does where it knows better; whether it did.
pub(super) fn rename_principals(document: &mut Value, rename: impl Fn(&str) -> Option<String>) -> bool {
    let mut renamed = false;
    let mut put = |name: &mut Value| {
        if let Some(other) = name.as_str().and_then(&rename) {
            *name = Value::String(other);
            renamed = true;
        }
    };
    let statements = match document.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.as_mut_slice(),
        Some(statement) => std::slice::from_mut(statement),
        None => return false,
    };
    for statement in statements {
        for key in ["Principal", "NotPrincipal"] {
            match statement.get_mut(key).and_then(|principal| principal.get_mut("AWS")) {
                Some(Value::Array(names)) => names.iter_mut().for_each(&mut put),
                Some(name) => put(name),
                None => {}
            }
        }
    }
    renamed
}

/// The account's own name where a principal is its number.
pub(super) fn root_of(principal: &str) -> Option<String> {
    is_account(principal).then(|| format!("arn:aws:iam::{principal}:root"))
}

/// Refuses a trust policy that names a role or user of the `account` that there is not.
pub(super) fn check_own_principals(
    document: &Value,
    account: &str,
    exists: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    let (roles, users) = (format!("arn:aws:iam::{account}:role/"), format!("arn:aws:iam::{account}:user/"));
    let own = |arn: &&str| arn.starts_with(&roles) || arn.starts_with(&users);
    let statements = statements(document);
    let principals = statements.iter().flat_map(|one| [&one["Principal"], &one["NotPrincipal"]]);
    match principals.flat_map(|principal| texts(principal, "AWS")).filter(own).find(|arn| !exists(arn)) {
        Some(arn) => Err(no_principal("AWS", arn)),
        None => Ok(()),
    }
}

fn no_principal(kind: &str, name: &str) -> Fault {
    malformed(format!("Invalid principal in policy: \"{}\":\"{name}\"", kind.to_uppercase()))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether this has the form of a service's name, e.g. `tasks.apprunner.amazonaws.com`. IAM knows them all; AWS publishes no
/// list of them, so that a name of this form is taken here.
fn is_service(name: &str) -> bool {
    let begin = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"));
    let allowed = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    begin.is_some_and(|begin| begin.split('.').all(|part| !part.is_empty() && part.bytes().all(allowed)))
}

/// Whether this is the ARN of an account, a user, a role or a session: a group, a pattern, or a resource trusts nobody.
fn is_identity(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws" | "aws-cn" | "aws-us-gov", service, "", account, resource] = parts[..] else { return false };
    let kinds: &[&str] = match service {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => return false,
    };
    let of_a_kind = kinds.iter().any(|kind| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    is_account(account) && !resource.contains(['*', '?']) && (of_a_kind || (service, resource) == ("iam", "root"))
}

/// What statements say about one action on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Decision {
    ImplicitDeny,
    Allowed,
    ExplicitDeny,
}

/// What a document of permissions decides. Conditions are taken as met in an Allow and as not met in a Deny:
/// the callers are AWS's own services, and their requests carry no context here.
pub(super) fn decide(document: &Value, action: &str, resource: &str) -> Decision {
    let decisions = statements(document).into_iter().filter_map(|statement| {
        let denies = statement["Effect"] == "Deny";
        if denies && statement.get("Condition").is_some() {
            return None;
        }
        let matches = covers(statement, "Action", "NotAction", &action.to_ascii_lowercase(), true)
            && covers(statement, "Resource", "NotResource", resource, false);
        matches.then_some(if denies { Decision::ExplicitDeny } else { Decision::Allowed })
    });
    decisions.max().unwrap_or(Decision::ImplicitDeny)
}

/// Whether a trust policy lets a principal of `kind` (`Service`, `AWS`) with this name assume the role. Conditions are taken
/// as `decide` takes them.
pub(super) fn trusts(document: &Value, kind: &str, matches: impl Fn(&str) -> bool) -> bool {
    let meets = |statement: &Value| statement["Effect"] == "Allow" || statement.get("Condition").is_none();
    allows(document, "sts:AssumeRole", kind, matches, meets)
}

/// Whether a trust policy lets an AWS principal with this name do something with the role, and its request meets the conditions.
pub(super) fn trusts_request(
    document: &Value,
    action: &str,
    matches: impl Fn(&str) -> bool,
    context: &Context,
) -> bool {
    allows(document, action, "AWS", matches, |statement| condition::is_met(&statement["Condition"], context))
}

/// Whether a statement that counts allows an action to a principal, and none refuses it.
fn allows(
    document: &Value,
    action: &str,
    kind: &str,
    matches: impl Fn(&str) -> bool,
    counts: impl Fn(&Value) -> bool,
) -> bool {
    let mut allowed = false;
    for statement in statements(document) {
        let names = |principal: &Value| {
            principal == "*" || texts(principal, kind).into_iter().any(|name| name == "*" || matches(name))
        };
        let named = match statement.get("NotPrincipal") {
            Some(others) => !names(others),
            None => names(&statement["Principal"]),
        };
        if named && covers(statement, "Action", "NotAction", &action.to_ascii_lowercase(), true) && counts(statement) {
            match statement["Effect"].as_str() {
                Some("Allow") => allowed = true,
                _ => return false,
            }
        }
    }
    allowed
}

/// A document's statements; one alone may stand without its list.
pub(super) fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        statement @ Value::Object(_) => vec![statement],
        _ => Vec::new(),
    }
}

/// The texts under `key`, which may be one or a list.
pub(super) fn texts<'a>(owner: &'a Value, key: &str) -> Vec<&'a str> {
    match owner.get(key) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn covers(statement: &Value, key: &str, not_key: &str, subject: &str, lowercase: bool) -> bool {
    let any = |key: &str| {
        texts(statement, key).into_iter().any(|pattern| match lowercase {
            true => wildcard(&pattern.to_ascii_lowercase(), subject),
            false => wildcard(pattern, subject),
        })
    };
    if statement.get(not_key).is_some() { !any(not_key) } else { any(key) }
}

/// Whether `text` fits a pattern in which `*` stands for anything and `?` for one character.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut position, mut star) = (0, 0, None);
    while position < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, position));
            at += 1;
        } else if pattern.get(at).is_some_and(|character| *character == '?' || *character == text[position]) {
            at += 1;
            position += 1;
        } else if let Some((star_at, from)) = star {
            star = Some((star_at, from + 1));
            at = star_at + 1;
            position = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

pub(super) fn malformed(message: impl Into<String>) -> Fault {
    Fault::new("MalformedPolicyDocument", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*-db-*", "x-db-y", true),
            ("secret:demo*", "secret:demo/db-AbCdEf", true),
            ("secret:demo", "secret:demo/db", false),
        ] {
            assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn malformed_documents_are_refused() {
        let permissions = [
            ("{", "Syntax errors in policy."),
            ("[]", "Syntax errors in policy."),
            (r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#, "2012-10-17"),
            (r#"{"Version":"2012-10-17","Statement":[]}"#, "Syntax errors"),
            (r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}"#, "must contain actions"),
            (r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b"}}"#, "must contain resources"),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}}"#,
                "should not specify a principal",
            ),
        ];
        for (text, message) in permissions {
            let fault = parse(text, Purpose::Permissions).expect_err(text);
            assert_eq!(fault.code, "MalformedPolicyDocument");
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
        let trust = [
            ("{", "invalid Json"),
            (r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#, "Missing required field Principal"),
            (r#"{"Statement":{"Effect":"Allow","Action":"s3:Get","Principal":"*"}}"#, "only specify STS"),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Sid":"a b"}}"#,
                "alpha-numeric",
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Condition":{"Nope":{"a":"b"}}}}"#,
                "Syntax errors in policy.",
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"nope"}}}"#,
                "Invalid principal in policy: \"SERVICE\":\"nope\"",
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}"#,
                "prohibited field Resource",
            ),
        ];
        for (text, message) in trust {
            let fault = parse(text, Purpose::Trust).expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn an_explicit_deny_wins() {
        let document = json!({ "Statement": [
            { "Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "arn:a:*" },
            { "Effect": "Deny", "Action": "*", "Resource": "arn:a:b" },
            { "Effect": "Deny", "Action": "*", "Resource": "arn:a:c", "Condition": { "Bool": {} } },
        ] });
        for (action, resource, decision) in [
            ("SecretsManager:getsecretvalue", "arn:a:x", Decision::Allowed),
            ("secretsmanager:GetSecretValue", "arn:a:b", Decision::ExplicitDeny),
            ("secretsmanager:GetSecretValue", "arn:a:c", Decision::Allowed),
            ("secretsmanager:PutSecretValue", "arn:a:x", Decision::ImplicitDeny),
        ] {
            assert_eq!(decide(&document, action, resource), decision, "{action} {resource}");
        }
    }
}
