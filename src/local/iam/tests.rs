//! Tables of refusals and states.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::members::testing::Cloud;

const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-central-1:000000000000:secret:demo-*"}]}"#;
const ECR: &str = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess";
const OWN: &str = "arn:aws:iam::000000000000:policy/own";
const ARN: &str = "arn:aws:iam::000000000000:role/infra/demo/reader";

fn trust(service: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }] })
    .to_string()
}

fn with_role() -> Cloud {
    let mut cloud = Cloud::new();
    let input = json!({ "RoleName": "reader", "Path": "/infra/demo/",
        "AssumeRolePolicyDocument": trust("tasks.apprunner.amazonaws.com"), "Tags": [{ "Key": "a", "Value": "b" }] });
    let made = call(&mut cloud, "CreateRole", input);
    assert_eq!(made["Role"]["Arn"], ARN);
    cloud
}

fn call(cloud: &mut Cloud, action: &str, input: Value) -> Value {
    cloud.call(&SERVICE, action, input).unwrap_or_else(|fault| panic!("{action}: {fault}"))
}

#[test]
fn refusals() {
    let table = [
        (
            "CreateRole",
            json!({ "RoleName": "Reader", "AssumeRolePolicyDocument": trust("ec2.amazonaws.com") }),
            ("EntityAlreadyExists", 409, "Role with name Reader already exists."),
        ),
        (
            "CreateRole",
            json!({ "RoleName": "x", "AssumeRolePolicyDocument": "{" }),
            ("MalformedPolicyDocument", 400, "invalid Json"),
        ),
        ("GetRole", json!({ "RoleName": "x" }), ("NoSuchEntity", 404, "The role with name x cannot be found.")),
        (
            "GetRolePolicy",
            json!({ "RoleName": "reader", "PolicyName": "p" }),
            ("NoSuchEntity", 404, "The role policy with name p cannot be found."),
        ),
        (
            "PutRolePolicy",
            json!({ "RoleName": "reader", "PolicyName": "p", "PolicyDocument": "{}" }),
            ("MalformedPolicyDocument", 400, "Syntax errors in policy."),
        ),
        (
            "AttachRolePolicy",
            json!({ "RoleName": "reader", "PolicyArn": "arn:aws:iam::aws:policy/Nope" }),
            ("NoSuchEntity", 404, "does not exist or is not attachable"),
        ),
        (
            "AttachRolePolicy",
            json!({ "RoleName": "reader", "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AppRunnerServiceRolePolicy" }),
            ("PolicyNotAttachable", 400, "Service Role Policy"),
        ),
        ("DetachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": ECR }), ("NoSuchEntity", 404, "was not found")),
        ("DeletePolicy", json!({ "PolicyArn": ECR }), ("AccessDenied", 403, "managed by AWS")),
        (
            "TagRole",
            json!({ "RoleName": "reader", "Tags": [{ "Key": "aws:x", "Value": "" }] }),
            ("InvalidInput", 400, "reserved"),
        ),
        ("ListRoles", json!({ "Marker": "?" }), ("ValidationError", 400, "Marker")),
        (
            "CreateServiceLinkedRole",
            json!({ "AWSServiceName": "nope.amazonaws.com" }),
            ("InvalidInput", 400, "not supported for nope.amazonaws.com"),
        ),
    ];
    for (action, input, (code, status, message)) in table {
        let mut cloud = with_role();
        let fault = cloud.call(&SERVICE, action, input.clone()).expect_err(&format!("{action} {input}"));
        assert_eq!((fault.code.as_str(), fault.status), (code, status), "{action} {input}");
        assert!(fault.message.contains(message), "{action} {input}: {}", fault.message);
    }
}

#[test]
fn a_role_with_policies_is_not_deleted() {
    let mut cloud = with_role();
    call(&mut cloud, "PutRolePolicy", json!({ "RoleName": "reader", "PolicyName": "p", "PolicyDocument": READ }));
    call(&mut cloud, "AttachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": ECR }));
    let refused = |cloud: &mut Cloud, message: &str| {
        let fault = cloud.call(&SERVICE, "DeleteRole", json!({ "RoleName": "reader" })).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("DeleteConflict", message));
    };
    refused(&mut cloud, "Cannot delete entity, must detach all policies first.");
    call(&mut cloud, "DetachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": ECR }));
    refused(&mut cloud, "Cannot delete entity, must delete policies first.");
    call(&mut cloud, "DeleteRolePolicy", json!({ "RoleName": "reader", "PolicyName": "p" }));
    call(&mut cloud, "DeleteRole", json!({ "RoleName": "reader" }));
    assert!(cloud.account.iam.inventory().is_empty());
}

#[test]
fn documents_come_back_encoded() {
    let mut cloud = with_role();
    call(&mut cloud, "PutRolePolicy", json!({ "RoleName": "reader", "PolicyName": "p", "PolicyDocument": READ }));
    let answer = call(&mut cloud, "GetRolePolicy", json!({ "RoleName": "reader", "PolicyName": "p" }));
    let text = answer["PolicyDocument"].as_str().unwrap();
    assert!(text.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{text}");
    let (decoded, _) = form_urlencoded::parse(text.as_bytes()).next().unwrap();
    assert_eq!(decoded, READ);
}

#[test]
fn roles_are_listed_by_path_page_by_page() {
    let mut cloud = with_role();
    for name in ["a", "b", "c"] {
        let input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust("ec2.amazonaws.com") });
        call(&mut cloud, "CreateRole", input);
    }
    let names = |answer: &Value| -> Vec<String> {
        answer["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap().to_owned()).collect()
    };
    let listed = call(&mut cloud, "ListRoles", json!({ "PathPrefix": "/infra/" }));
    assert_eq!(names(&listed), ["reader"]);
    let first = call(&mut cloud, "ListRoles", json!({ "MaxItems": 3 }));
    assert_eq!((names(&first).len(), &first["IsTruncated"]), (3, &json!(true)));
    let second = call(&mut cloud, "ListRoles", json!({ "MaxItems": 3, "Marker": first["Marker"] }));
    assert_eq!((names(&second), &second["IsTruncated"]), (vec!["reader".to_owned()], &json!(false)));
}

#[test]
fn a_tag_key_is_the_same_in_capital_letters() {
    let mut cloud = with_role();
    for (key, value) in [("Env", "one"), ("env", "two")] {
        call(&mut cloud, "TagRole", json!({ "RoleName": "reader", "Tags": [{ "Key": key, "Value": value }] }));
    }
    let tags = |cloud: &mut Cloud| call(cloud, "ListRoleTags", json!({ "RoleName": "reader" }))["Tags"].clone();
    assert_eq!(tags(&mut cloud), json!([{ "Key": "a", "Value": "b" }, { "Key": "env", "Value": "two" }]));
    call(&mut cloud, "UntagRole", json!({ "RoleName": "reader", "TagKeys": ["ENV", "A"] }));
    assert_eq!(tags(&mut cloud), json!([]));
}

#[test]
fn a_role_allows_what_its_policies_say() {
    let mut cloud = with_role();
    let secret = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:demo-db-AbCdEf";
    let allows = |cloud: &Cloud, action: &str| cloud.account.iam.role_allows(ARN, action, secret);
    assert!(!allows(&cloud, "secretsmanager:GetSecretValue"));
    call(&mut cloud, "PutRolePolicy", json!({ "RoleName": "reader", "PolicyName": "p", "PolicyDocument": READ }));
    assert!(allows(&cloud, "secretsmanager:GetSecretValue"));
    assert!(!allows(&cloud, "secretsmanager:PutSecretValue"));
    call(&mut cloud, "AttachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": ECR }));
    assert!(cloud.account.iam.role_allows(ARN, "ecr:BatchGetImage", "*"));
    let role = cloud.account.iam.role(ARN).unwrap();
    assert!(role.trusts_service("tasks.apprunner.amazonaws.com"));
    assert!(!role.trusts_service("build.apprunner.amazonaws.com"));
    assert_eq!(role.assumable_at, cloud.now + 10_000);
    let limit = json!({ "RoleName": "reader", "PermissionsBoundary": ECR });
    call(&mut cloud, "PutRolePermissionsBoundary", limit);
    assert!(!allows(&cloud, "secretsmanager:GetSecretValue"));
}

#[test]
fn a_managed_policy_has_versions() {
    let mut cloud = with_role();
    call(&mut cloud, "CreatePolicy", json!({ "PolicyName": "own", "PolicyDocument": READ }));
    call(&mut cloud, "AttachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": OWN }));
    let second = json!({ "PolicyArn": OWN, "PolicyDocument": READ, "SetAsDefault": true });
    call(&mut cloud, "CreatePolicyVersion", second);
    let policy = call(&mut cloud, "GetPolicy", json!({ "PolicyArn": OWN }));
    assert_eq!(
        (&policy["Policy"]["DefaultVersionId"], &policy["Policy"]["AttachmentCount"]),
        (&json!("v2"), &json!(1))
    );
    for (action, input, message) in [
        ("DeletePolicyVersion", json!({ "PolicyArn": OWN, "VersionId": "v2" }), "Cannot delete the default version"),
        ("DeletePolicy", json!({ "PolicyArn": OWN }), "Cannot delete a policy attached"),
    ] {
        let fault = cloud.call(&SERVICE, action, input).unwrap_err();
        assert_eq!(fault.code, "DeleteConflict");
        assert!(fault.message.contains(message), "{}", fault.message);
    }
    call(&mut cloud, "DetachRolePolicy", json!({ "RoleName": "reader", "PolicyArn": OWN }));
    let fault = cloud.call(&SERVICE, "DeletePolicy", json!({ "PolicyArn": OWN })).unwrap_err();
    assert!(fault.message.contains("more than one version"));
    call(&mut cloud, "DeletePolicyVersion", json!({ "PolicyArn": OWN, "VersionId": "v1" }));
    call(&mut cloud, "DeletePolicy", json!({ "PolicyArn": OWN }));
}

#[test]
fn a_service_linked_role_is_not_the_users() {
    let mut cloud = Cloud::new();
    let input = json!({ "AWSServiceName": "apprunner.amazonaws.com" });
    let made = call(&mut cloud, "CreateServiceLinkedRole", input.clone());
    assert_eq!(made["Role"]["Path"], "/aws-service-role/apprunner.amazonaws.com/");
    assert_eq!(cloud.call(&SERVICE, "CreateServiceLinkedRole", input).unwrap_err().code, "InvalidInput");
    let name = json!({ "RoleName": "AWSServiceRoleForAppRunner" });
    assert_eq!(cloud.call(&SERVICE, "DeleteRole", name.clone()).unwrap_err().code, "UnmodifiableEntity");
    // Its tags and its description are.
    call(
        &mut cloud,
        "TagRole",
        json!({ "RoleName": "AWSServiceRoleForAppRunner", "Tags": [{ "Key": "a", "Value": "b" }] }),
    );
    call(&mut cloud, "UpdateRole", json!({ "RoleName": "AWSServiceRoleForAppRunner", "Description": "ours" }));
    let longer = json!({ "RoleName": "AWSServiceRoleForAppRunner", "MaxSessionDuration": 7200 });
    assert_eq!(cloud.call(&SERVICE, "UpdateRole", longer).unwrap_err().code, "UnmodifiableEntity");
    let role = call(&mut cloud, "GetRole", name.clone())["Role"].clone();
    assert_eq!((&role["Tags"][0]["Value"], &role["Description"]), (&json!("b"), &json!("ours")));
    let task = call(&mut cloud, "DeleteServiceLinkedRole", name.clone());
    let status = call(&mut cloud, "GetServiceLinkedRoleDeletionStatus", task.clone());
    assert_eq!(status["Status"], "IN_PROGRESS");
    cloud.wait(5);
    assert_eq!(call(&mut cloud, "GetServiceLinkedRoleDeletionStatus", task)["Status"], "SUCCEEDED");
    assert_eq!(cloud.call(&SERVICE, "GetRole", name).unwrap_err().code, "NoSuchEntity");
}

#[test]
fn policies_tell_of_which_services_and_keys_they_speak() {
    let mut cloud = with_role();
    let put = |cloud: &mut Cloud, name: &str, statement: Value| {
        let document = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        call(cloud, "PutRolePolicy", json!({ "RoleName": "reader", "PolicyName": name, "PolicyDocument": document }));
    };
    put(&mut cloud, "all-but", json!({ "Effect": "Allow", "NotAction": ["iam:*", "s3:Get*"], "Resource": "*" }));
    put(&mut cloud, "denied", json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }));
    put(
        &mut cloud,
        "some",
        json!({ "Effect": "Allow", "Action": "IAM:Get*", "Resource": ["arn:aws:s3:::${aws:userid, 'x'}", "arn:aws:s3:::${?}"] }),
    );
    let ask = json!({ "Arn": ARN, "ServiceNamespaces": ["iam", "s3"] });
    let told = call(&mut cloud, "ListPoliciesGrantingServiceAccess", ask);
    let names = |index: usize| -> Vec<&str> {
        let policies = told["PoliciesGrantingServiceAccess"][index]["Policies"].as_array().unwrap();
        policies.iter().map(|policy| policy["PolicyName"].as_str().unwrap()).collect()
    };
    assert_eq!((names(0), names(1)), (vec!["some"], vec!["all-but"]));
    let keys = call(&mut cloud, "GetContextKeysForPrincipalPolicy", json!({ "PolicySourceArn": ARN }));
    assert_eq!(keys["ContextKeyNames"], json!(["aws:userid"]));
    for (action, input) in [
        ("GetContextKeysForPrincipalPolicy", json!({ "PolicySourceArn": "arn:aws:iam::000000000000:role/none" })),
        (
            "ListPoliciesGrantingServiceAccess",
            json!({ "Arn": "arn:aws:iam::000000000000:user/local", "ServiceNamespaces": ["s3"] }),
        ),
        ("AcquireRole", json!({ "TemplateArn": "arn:aws:iam::aws:role-template/none" })),
        ("ListAccessKeys", json!({ "UserName": "nobody" })),
    ] {
        assert_eq!(cloud.call(&SERVICE, action, input).unwrap_err().code, "NoSuchEntity", "{action}");
    }
}

#[test]
fn whom_a_role_trusts_is_told_by_the_names_that_iam_has_for_them() {
    let mut cloud = with_role();
    let document = |cloud: &mut Cloud| {
        let role = call(cloud, "GetRole", json!({ "RoleName": "trusting" }))["Role"].clone();
        let text = role["AssumeRolePolicyDocument"].as_str().unwrap().to_owned();
        let decoded = form_urlencoded::parse(text.as_bytes()).next().unwrap().0.into_owned();
        serde_json::from_str::<Value>(&decoded).unwrap()["Statement"][0]["Principal"]["AWS"].clone()
    };
    let arn = call(&mut cloud, "GetRole", json!({ "RoleName": "reader" }))["Role"]["Arn"].clone();
    let id = call(&mut cloud, "GetRole", json!({ "RoleName": "reader" }))["Role"]["RoleId"].clone();
    let trust = |principals: &Value| {
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": principals }, "Action": "sts:AssumeRole" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let input = json!({ "RoleName": "trusting", "AssumeRolePolicyDocument": trust(&json!("111122223333")) });
    call(&mut cloud, "CreateRole", input);
    assert_eq!(document(&mut cloud), "arn:aws:iam::111122223333:root");
    let policy = trust(&json!(["444455556666", arn]));
    call(&mut cloud, "UpdateAssumeRolePolicy", json!({ "RoleName": "trusting", "PolicyDocument": policy }));
    assert_eq!(document(&mut cloud), json!(["arn:aws:iam::444455556666:root", arn]));
    call(&mut cloud, "DeleteRole", json!({ "RoleName": "reader" }));
    assert_eq!(document(&mut cloud), json!(["arn:aws:iam::444455556666:root", id]));
}

#[test]
fn the_user_is_as_old_as_the_account() {
    let created = |cloud: &mut Cloud| call(cloud, "GetUser", json!({}))["User"]["CreateDate"].clone();
    let mut cloud = Cloud::new();
    let first = created(&mut cloud);
    assert_eq!(first, crate::local::members::time(cloud.now));
    cloud.wait(100);
    assert_eq!(created(&mut cloud), first);
    // What was kept without that moment is as old as the oldest thing in it.
    let mut cloud = with_role();
    let role = call(&mut cloud, "GetRole", json!({ "RoleName": "reader" }))["Role"]["CreateDate"].clone();
    cloud.account.iam.created_at = None;
    cloud.wait(100);
    assert_eq!(created(&mut cloud), role);
}
