//! Tables of refusals and states.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::members::testing::Cloud;

const TOKEN: &str = "00000000-0000-4000-8000-000000000001";
const OTHER: &str = "00000000-0000-4000-8000-000000000002";

fn with_secret() -> (Cloud, String) {
    let mut cloud = Cloud::new();
    let input = json!({ "Name": "demo/db", "SecretString": "one", "ClientRequestToken": TOKEN,
        "Description": "The database", "Tags": [{ "Key": "team", "Value": "blue" }] });
    let made = cloud.call(&SERVICE, "CreateSecret", input).unwrap();
    assert_eq!(made["VersionId"], TOKEN);
    (cloud, made["ARN"].as_str().unwrap().to_owned())
}

fn text(cloud: &mut Cloud, input: Value) -> Value {
    cloud.call(&SERVICE, "GetSecretValue", input).unwrap()["SecretString"].clone()
}

#[test]
fn a_secret_is_found_by_name_arn_and_partial_arn() {
    let (mut cloud, arn) = with_secret();
    let partial = &arn[..arn.len() - 7];
    for id in ["demo/db", &arn, partial] {
        assert_eq!(text(&mut cloud, json!({ "SecretId": id })), "one");
        assert_eq!(cloud.region.secretsmanager.current_secret_string(id), Some("one"));
    }
    assert_eq!(cloud.region.secretsmanager.current_secret_string("demo"), None);
}

#[test]
fn refusals() {
    let table = [
        ("CreateSecret", json!({ "Name": "demo/db" }), "ResourceExistsException", "demo/db already exists"),
        (
            "CreateSecret",
            json!({ "Name": "demo/db", "SecretString": "two", "ClientRequestToken": TOKEN }),
            "ResourceExistsException",
            "already exists",
        ),
        ("CreateSecret", json!({ "Name": "with space" }), "ValidationException", "Invalid name"),
        (
            "CreateSecret",
            json!({ "Name": "x", "SecretString": "a", "SecretBinary": "YQ==" }),
            "InvalidParameterException",
            "both a binary",
        ),
        (
            "CreateSecret",
            json!({ "Name": "x", "Tags": [{ "Key": "aws:x", "Value": "y" }] }),
            "InvalidParameterException",
            "reserved",
        ),
        (
            "GetSecretValue",
            json!({ "SecretId": "nope" }),
            "ResourceNotFoundException",
            "can't find the specified secret.",
        ),
        (
            "GetSecretValue",
            json!({ "SecretId": "demo/db", "VersionStage": "AWSPREVIOUS" }),
            "ResourceNotFoundException",
            "staging label: AWSPREVIOUS",
        ),
        ("PutSecretValue", json!({ "SecretId": "demo/db" }), "InvalidRequestException", "either SecretString"),
        (
            "PutSecretValue",
            json!({ "SecretId": "demo/db", "SecretString": "two", "ClientRequestToken": TOKEN }),
            "ResourceExistsException",
            "already in use for a version",
        ),
        (
            "DeleteSecret",
            json!({ "SecretId": "demo/db", "RecoveryWindowInDays": 6 }),
            "InvalidParameterException",
            "between 7 and 30",
        ),
        (
            "DeleteSecret",
            json!({ "SecretId": "demo/db", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true }),
            "InvalidParameterException",
            "in conjunction with",
        ),
        (
            "UpdateSecretVersionStage",
            json!({ "SecretId": "demo/db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": TOKEN }),
            "InvalidParameterException",
            "can't be completely removed",
        ),
        (
            "PutResourcePolicy",
            json!({ "SecretId": "demo/db", "ResourcePolicy": "{}" }),
            "MalformedPolicyDocumentException",
            "syntax error",
        ),
        (
            "PutResourcePolicy",
            json!({ "SecretId": "demo/db", "ResourcePolicy": for_principal("arn:aws:iam::000000000000:role/nobody") }),
            "MalformedPolicyDocumentException",
            "This resource policy contains an unsupported principal",
        ),
        (
            "ValidateResourcePolicy",
            json!({ "ResourcePolicy": for_principal("nobody") }),
            "MalformedPolicyDocumentException",
            "unsupported principal",
        ),
        ("ListSecrets", json!({ "NextToken": "?" }), "InvalidNextTokenException", "NextToken"),
        (
            "GetRandomPassword",
            json!({ "PasswordLength": 3 }),
            "InvalidParameterException",
            "too short for the required types",
        ),
        ("BatchGetSecretValue", json!({}), "InvalidParameterException", "Filters or SecretIdList"),
    ];
    for (action, input, code, message) in table {
        let (mut cloud, _) = with_secret();
        let fault = cloud.call(&SERVICE, action, input.clone()).expect_err(&format!("{action} {input}"));
        assert_eq!(fault.code, code, "{action} {input}");
        assert!(fault.message.contains(message), "{action} {input}: {}", fault.message);
    }
}

/// A resource's policy that lets somebody read.
fn for_principal(arn: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": { "AWS": arn },
        "Action": "secretsmanager:GetSecretValue", "Resource": "*" } })
    .to_string()
}

#[test]
fn a_policy_names_those_that_there_are_and_anybody_elsewhere() {
    let (mut cloud, _) = with_secret();
    for arn in ["arn:aws:iam::000000000000:user/local", "arn:aws:iam::111122223333:role/any", "000000000000"] {
        let input = json!({ "SecretId": "demo/db", "ResourcePolicy": for_principal(arn) });
        cloud.call(&SERVICE, "PutResourcePolicy", input).unwrap();
    }
}

#[test]
fn the_same_create_again_is_the_same_secret() {
    let (mut cloud, arn) = with_secret();
    let input = json!({ "Name": "demo/db", "SecretString": "one", "ClientRequestToken": TOKEN });
    assert_eq!(cloud.call(&SERVICE, "CreateSecret", input).unwrap()["ARN"], json!(arn));
}

#[test]
fn stages_follow_the_versions() {
    let (mut cloud, _) = with_secret();
    let put = json!({ "SecretId": "demo/db", "SecretString": "two", "ClientRequestToken": OTHER });
    cloud.call(&SERVICE, "PutSecretValue", put.clone()).unwrap();
    assert_eq!(cloud.call(&SERVICE, "PutSecretValue", put).unwrap()["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db" })), "two");
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db", "VersionStage": "AWSPREVIOUS" })), "one");

    let back = json!({ "SecretId": "demo/db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": OTHER,
        "MoveToVersionId": TOKEN });
    cloud.call(&SERVICE, "UpdateSecretVersionStage", back).unwrap();
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db" })), "one");
    let described = cloud.call(&SERVICE, "DescribeSecret", json!({ "SecretId": "demo/db" })).unwrap();
    assert_eq!(described["VersionIdsToStages"], json!({ TOKEN: ["AWSCURRENT"], OTHER: ["AWSPREVIOUS"] }));

    let third = json!({ "SecretId": "demo/db", "SecretString": "three", "VersionStages": ["TRIAL"] });
    cloud.call(&SERVICE, "PutSecretValue", third).unwrap();
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db" })), "one");
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db", "VersionStage": "TRIAL" })), "three");
}

#[test]
fn a_scheduled_deletion_keeps_the_name_and_can_be_taken_back() {
    let (mut cloud, arn) = with_secret();
    let delete = json!({ "SecretId": "demo/db", "RecoveryWindowInDays": 7 });
    cloud.call(&SERVICE, "DeleteSecret", delete.clone()).unwrap();
    for (action, input) in [
        ("GetSecretValue", json!({ "SecretId": "demo/db" })),
        ("PutSecretValue", json!({ "SecretId": "demo/db", "SecretString": "x" })),
        ("UpdateSecret", json!({ "SecretId": "demo/db" })),
        ("DeleteSecret", delete.clone()),
        ("CreateSecret", json!({ "Name": "demo/db" })),
        ("TagResource", json!({ "SecretId": "demo/db", "Tags": [] })),
    ] {
        let fault = cloud.call(&SERVICE, action, input).expect_err(action);
        assert_eq!(fault.code, "InvalidRequestException", "{action}");
    }
    assert_eq!(cloud.region.secretsmanager.current_secret_string("demo/db"), None);
    assert_eq!(cloud.region.secretsmanager.inventory()[0].state, "scheduled for deletion");
    let listed = |cloud: &mut Cloud, planned: bool| {
        let list = cloud.call(&SERVICE, "ListSecrets", json!({ "IncludePlannedDeletion": planned })).unwrap();
        list["SecretList"].as_array().unwrap().len()
    };
    assert_eq!((listed(&mut cloud, false), listed(&mut cloud, true)), (0, 1));

    let restored = cloud.call(&SERVICE, "RestoreSecret", json!({ "SecretId": "demo/db" })).unwrap();
    assert_eq!(restored["ARN"], json!(arn));
    assert_eq!(text(&mut cloud, json!({ "SecretId": "demo/db" })), "one");

    cloud.call(&SERVICE, "DeleteSecret", delete).unwrap();
    cloud.wait(7 * 24 * 60 * 60);
    let made = cloud.call(&SERVICE, "CreateSecret", json!({ "Name": "demo/db" })).unwrap();
    assert_ne!(made["ARN"], json!(arn));
}

#[test]
fn filters_choose() {
    let (mut cloud, _) = with_secret();
    cloud.call(&SERVICE, "CreateSecret", json!({ "Name": "other" })).unwrap();
    for (key, values, names) in [
        ("name", json!(["demo"]), vec!["demo/db"]),
        ("name", json!(["Demo"]), vec![]),
        ("name", json!(["!demo"]), vec!["other"]),
        ("tag-key", json!(["te"]), vec!["demo/db"]),
        ("tag-value", json!(["red", "blue"]), vec!["demo/db"]),
        ("description", json!(["the data"]), vec!["demo/db"]),
        ("all", json!(["OTHER"]), vec!["other"]),
        ("owning-service", json!(["rds"]), vec![]),
    ] {
        let input = json!({ "Filters": [{ "Key": key, "Values": values }] });
        let list = cloud.call(&SERVICE, "ListSecrets", input).unwrap()["SecretList"].clone();
        let found: Vec<&str> = list.as_array().unwrap().iter().map(|secret| secret["Name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{key}");
    }
}

#[test]
fn random_passwords_keep_their_rules() {
    let mut cloud = Cloud::new();
    for _ in 0..200 {
        let input = json!({ "PasswordLength": 4, "ExcludeCharacters": "/@\" '\\" });
        let answer = cloud.call(&SERVICE, "GetRandomPassword", input).unwrap();
        let password = answer["RandomPassword"].as_str().unwrap();
        assert_eq!(password.len(), 4);
        assert!(!password.contains(['/', '@', '"', ' ', '\'', '\\']), "{password}");
        assert!(password.contains(|c: char| c.is_ascii_lowercase()), "{password}");
        assert!(password.contains(|c: char| c.is_ascii_uppercase()), "{password}");
        assert!(password.contains(|c: char| c.is_ascii_digit()), "{password}");
        assert!(password.contains(|c: char| c.is_ascii_punctuation()), "{password}");
    }
    let spaces = json!({ "ExcludeNumbers": true, "ExcludePunctuation": true, "ExcludeUppercase": true,
        "ExcludeLowercase": true, "IncludeSpace": true, "PasswordLength": 2 });
    assert_eq!(cloud.call(&SERVICE, "GetRandomPassword", spaces).unwrap()["RandomPassword"], "  ");
}

#[test]
fn secret_text_is_in_the_saved_state_and_nowhere_else() {
    let (cloud, _) = with_secret();
    let store = &cloud.region.secretsmanager;
    let saved = serde_json::to_string(store).unwrap();
    assert!(!format!("{store:?}").contains("one\""));
    let loaded: super::Store = serde_json::from_str(&saved).unwrap();
    assert_eq!(loaded.current_secret_string("demo/db"), Some("one"));
}

#[test]
fn the_one_policy_of_a_secret_is_listed_by_its_name() {
    let (mut cloud, arn) = with_secret();
    let listed = |cloud: &mut Cloud| {
        cloud.call(&SERVICE, "ListResourcePolicies", json!({ "SecretId": arn })).unwrap()["ResourcePolicies"].clone()
    };
    assert_eq!(listed(&mut cloud), json!([]));
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*",
        "Action": "secretsmanager:DeleteSecret", "Resource": "*" }] });
    let put = json!({ "SecretId": arn, "ResourcePolicy": policy.to_string() });
    cloud.call(&SERVICE, "PutResourcePolicy", put).unwrap();
    assert_eq!(listed(&mut cloud), json!([{ "PolicyName": "default" }]));
    for (input, code) in [
        (json!({ "SecretId": "none" }), "ResourceNotFoundException"),
        (json!({ "SecretId": arn, "NextToken": "?" }), "InvalidNextTokenException"),
    ] {
        assert_eq!(cloud.call(&SERVICE, "ListResourcePolicies", input).unwrap_err().code, code);
    }
}
