//! What `infra iam-policy` prints, decided as IAM decides, as far as that policy goes: allowing statements and three operators.

mod asked;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::binary::{Cloud, Run};

pub(crate) use asked::{needed, requests};

/// An action on one resource, with the keys that conditions ask for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    action: String,
    resource: String,
    context: BTreeMap<String, String>,
}

/// Condition keys and their values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

impl Request {
    fn new(action: &str, resource: &str, context: Pairs<'_>) -> Self {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { action: action.to_owned(), resource: resource.to_owned(), context }
    }
}

/// A policy document.
pub(crate) struct Policy(Vec<Value>);

impl Policy {
    pub(crate) fn read(document: &Value) -> Self {
        Self(document["Statement"].as_array().expect("statements").clone())
    }

    pub(crate) fn allows(&self, request: &Request) -> bool {
        self.0.iter().any(|statement| {
            texts(&statement["Action"]).contains(&request.action.as_str())
                && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &request.resource))
                && holds(&statement["Condition"], &request.context)
        })
    }
}

fn holds(conditions: &Value, context: &BTreeMap<String, String>) -> bool {
    let operators = conditions.as_object().into_iter().flatten();
    operators.into_iter().all(|(operator, keys)| {
        keys.as_object().expect("keys").iter().all(|(key, wanted)| {
            let given = context.get(key).map(String::as_str);
            match operator.as_str() {
                "StringEquals" => given.is_some_and(|given| texts(wanted).contains(&given)),
                "StringEqualsIfExists" => given.is_none_or(|given| texts(wanted).contains(&given)),
                "Null" => given.is_none() == (wanted == "true"),
                other => panic!("{other} is not decided here"),
            }
        })
    })
}

/// One text or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Whether a text matches a pattern of `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut rest, mut pattern) = (text.as_bytes(), pattern.as_bytes());
    loop {
        match (pattern.first(), rest.first()) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                let after = std::str::from_utf8(&pattern[1..]).expect("a pattern is a text");
                return (0..=rest.len())
                    .any(|skipped| std::str::from_utf8(&rest[skipped..]).is_ok_and(|rest| matches(after, rest)));
            }
            (Some(one), Some(other)) if *one == b'?' || one == other => {
                (pattern, rest) = (&pattern[1..], &rest[1..]);
            }
            _ => return false,
        }
    }
}
const STACK_OF_RESOURCE: &str = "aws:ResourceTag/infra:stack";
const STACK_OF_REQUEST: &str = "aws:RequestTag/infra:stack";

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
}

const FULL: &str =
    "stack: shop\nregion: us-east-1\ndatabase: {protect: false}\nproxy: {}\nservice: {image: public.ecr.aws/x/y:1}\n";

fn printed(cloud: &Cloud, also: &[&str]) -> (Policy, String) {
    cloud.write("stack.yaml", FULL);
    let arguments = [&["iam-policy"], also].concat();
    let run = Run::of(&arguments, &mut cloud.through(&cloud.url, &arguments));
    let said = run.stderr();
    (Policy::read(&run.succeeds().json()), said)
}

#[test]
fn the_policy_reaches_nothing_of_another_stack() {
    let cloud = Cloud::start();
    let (policy, said) = printed(&cloud, &[]);
    assert!(said.contains("administrator of the account") && said.contains("permissions_boundary"), "{said}");
    let (ours, theirs, gives) =
        ((STACK_OF_RESOURCE, "shop"), (STACK_OF_RESOURCE, "shop-two"), (STACK_OF_REQUEST, "shop"));
    let rds = |resource: &str| arn("rds", resource);
    let role = |path: &str| format!("arn:aws:iam::000000000000:role{path}");
    let service = |name: &str| arn("apprunner", &format!("service/{name}/1"));
    let secret = |name: &str| arn("secretsmanager", &format!("secret:{name}-AbCdEf"));
    let made = ("ec2:CreateAction", "CreateVpc");
    let cases: [(&str, String, Pairs<'_>, bool); _] = [
        // A stack whose name begins alike.
        ("rds:AddTagsToResource", rds("cluster:shop-two-database"), &[gives], false),
        ("rds:AddTagsToResource", rds("cluster:shop-two-database"), &[gives, theirs], false),
        ("rds:DeleteDBCluster", rds("cluster:shop-two-database"), &[theirs], false),
        ("rds:DeleteDBCluster", rds("cluster:shop-two-database"), &[ours], false),
        ("rds:ModifyDBInstance", rds("db:shop-two-database-1"), &[theirs], false),
        ("rds:AddTagsToResource", rds("cluster:shop-database"), &[gives, theirs], false),
        ("rds:AddTagsToResource", rds("cluster:shop-database"), &[gives], true),
        ("rds:DeleteDBCluster", rds("cluster:shop-database"), &[], false),
        ("rds:DeleteDBCluster", rds("cluster:shop-database"), &[ours], true),
        ("rds:ModifyDBInstance", rds("db:shop-database-12"), &[ours], true),
        ("apprunner:TagResource", service("shop-two-service"), &[gives], false),
        ("apprunner:TagResource", service("shop-service"), &[gives, theirs], false),
        ("apprunner:TagResource", service("shop-service"), &[gives], true),
        ("apprunner:DeleteService", service("shop-two-service"), &[theirs], false),
        ("apprunner:DeleteService", service("shop-service"), &[ours], true),
        ("secretsmanager:GetSecretValue", secret("shop-two-database"), &[theirs], false),
        ("secretsmanager:GetSecretValue", secret("shop-database"), &[ours], true),
        ("logs:GetLogEvents", arn("logs", "log-group:/aws/apprunner/shop-two-service/1:log-stream:x"), &[], false),
        // A proxy of somebody else.
        ("rds:AddTagsToResource", rds("db-proxy:prx-2"), &[gives, theirs], false),
        ("rds:DeleteDBProxy", rds("db-proxy:prx-2"), &[theirs], false),
        ("rds:DeleteDBProxy", rds("db-proxy:prx-2"), &[], false),
        ("rds:ModifyDBProxyTargetGroup", rds("target-group:prx-tg-2"), &[theirs], false),
        ("rds:DeleteDBProxy", rds("db-proxy:prx-1"), &[ours], true),
        // A network of somebody else.
        ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-2"), &[theirs], false),
        ("ec2:CreateTags", arn("ec2", "vpc/vpc-2"), &[gives], false),
        ("ec2:CreateTags", arn("ec2", "vpc/vpc-2"), &[gives, made], true),
        // Roles.
        ("iam:PutRolePolicy", role("/infra/shop-two/us-east-1/x"), &[], false),
        ("iam:CreateRole", role("/x"), &[gives], false),
        ("iam:AttachRolePolicy", role("/infra/shop/us-east-1/x"), &[ours], false),
        ("iam:DetachRolePolicy", role("/infra/shop/us-east-1/x"), &[ours], true),
        ("iam:PassRole", role("/infra/shop/us-east-1/x"), &[("iam:PassedToService", "ec2.amazonaws.com")], false),
        ("iam:PassRole", role("/infra/shop/us-east-1/x"), &[("iam:PassedToService", "rds.amazonaws.com")], true),
    ];
    for (action, resource, context, expected) in cases {
        let request = Request::new(action, &resource, context);
        assert_eq!(policy.allows(&request), expected, "{request:?}");
    }
}

#[test]
fn who_reads_what_a_key_encrypts_may_decrypt_with_it_and_nothing_more() {
    let cloud = Cloud::start();
    let key = |id: &str| {
        let number = ["storage", "secret", "other"].iter().position(|known| *known == id).expect("one of the keys");
        format!("arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-{number:012}")
    };
    let through = |service: &str| format!("{service}.us-east-1.amazonaws.com");
    let description = format!(
        "stack: shop\nnetwork: {{nat: none}}\ndatabase: {{kms_key: '{}'}}\nsecret: {{kms_key: '{}'}}\nproxy: {{}}\n\
         service:\n  image: public.ecr.aws/x/y:1\n  kms_keys: ['{}']\n",
        key("storage"),
        key("secret"),
        key("other")
    );
    cloud.write("stack.yaml", &description);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["deploy", "--local", "--yes"]).succeeds().stdout().contains("No changes"));
    let decrypts = |role: &str, id: &str, service: &str| {
        let form = format!("Version=2010-05-08&Action=GetRolePolicy&PolicyName=infra&RoleName=shop-us-east-1-{role}");
        let answer = cloud.call("iam", &form);
        let (_, rest) = answer.split_once("<PolicyDocument>").expect("a document");
        let (document, _) = rest.split_once("</").expect("its end");
        let document = percent_encoding::percent_decode_str(document).decode_utf8().expect("text");
        let policy = Policy::read(&serde_json::from_str(&document).expect("JSON"));
        policy.allows(&Request::new("kms:Decrypt", &key(id), &[("kms:ViaService", &through(service))]))
    };
    assert!(decrypts("proxy", "secret", "secretsmanager") && !decrypts("proxy", "secret", "ssm"));
    assert!(!decrypts("proxy", "other", "secretsmanager") && !decrypts("proxy", "storage", "secretsmanager"));
    assert!(decrypts("service", "secret", "secretsmanager") && decrypts("service", "other", "ssm"));
    assert!(!decrypts("service", "other", "s3"));

    let keys = [format!("database.kms_key={}", key("storage")), format!("secret.kms_key={}", key("secret"))];
    let (policy, _) = printed(&cloud, &["--set", &keys[0], "--set", &keys[1]]);
    let may = |action: &str, id: &str, service: &str| {
        policy.allows(&Request::new(action, &key(id), &[("kms:ViaService", &through(service))]))
    };
    assert!(may("kms:GenerateDataKey", "secret", "secretsmanager") && may("kms:CreateGrant", "storage", "rds"));
    assert!(!may("kms:CreateGrant", "secret", "rds") && !may("kms:Decrypt", "other", "secretsmanager"));
}

#[test]
fn a_permissions_boundary_is_set_kept_and_demanded() {
    let cloud = Cloud::start();
    let boundary = "arn:aws:iam::000000000000:policy/boundary";
    let (policy, said) = printed(&cloud, &["--set", &format!("permissions_boundary={boundary}")]);
    assert!(!said.contains("administrator"), "{said}");
    let role = "arn:aws:iam::000000000000:role/infra/shop/us-east-1/x";
    let bounded = ("iam:PermissionsBoundary", boundary);
    for action in ["CreateRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary"] {
        let action = format!("iam:{action}");
        assert!(policy.allows(&Request::new(&action, role, &[bounded])), "{action}");
        for other in [&[][..], &[("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")]] {
            assert!(!policy.allows(&Request::new(&action, role, other)), "{action}");
        }
    }
    assert!(!policy.allows(&Request::new("iam:DeleteRolePermissionsBoundary", role, &[bounded])));

    let iam = |form: &str| cloud.call("iam", &format!("Version=2010-05-08&{form}"));
    let document =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let document: String = form_urlencoded::byte_serialize(document.to_string().as_bytes()).collect();
    iam(&format!("Action=CreatePolicy&PolicyName=boundary&PolicyDocument={document}"));
    let service = "stack: shop\nnetwork: {nat: none}\nservice: {image: public.ecr.aws/x/y:1}\n";
    cloud.write("stack.yaml", service);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let has = || iam("Action=GetRole&RoleName=shop-us-east-1-service").contains(boundary);
    assert!(!has());
    // Roles that were made without one get it, and what somebody takes away is given back.
    cloud.write("stack.yaml", &format!("{service}permissions_boundary: {boundary}\n"));
    for _ in 0..2 {
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("permissions_boundary") && diff.contains("role/service"), "{diff}");
        cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
        assert!(has());
        assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
        iam("Action=DeleteRolePermissionsBoundary&RoleName=shop-us-east-1-service");
    }
    cloud.infra(&["destroy", "--local", "--yes"]).succeeds();
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(has(), "a new role has it from the first");
    // Taken out of the description, it stays: nothing widens what a role may do.
    cloud.write("stack.yaml", service);
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    cloud.write("stack.yaml", &format!("{service}permissions_boundary: boundary\n"));
    let run = cloud.infra(&["validate"]).ends_with(3);
    assert!(run.stderr().contains("is not the ARN of an IAM policy"), "{}", run.stderr());
}

/// Whoever is to grant the rights prints the policy before anybody has them.
#[test]
fn without_credentials_it_is_the_same_policy() {
    let cloud = Cloud::start();
    let stack = "stack: shop\nregion: us-gov-west-1\ndatabase: {}\nproxy: {}\n\
                 service: {image: \"000000000000.dkr.ecr.us-gov-west-1.amazonaws.com/shop:1\"}\n";
    cloud.write("stack.yaml", stack);
    let without = |arguments: &[&str]| {
        let arguments = [&["iam-policy"], arguments].concat();
        let mut command = cloud.command(&arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        // Nothing may be called.
        let nowhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_EC2_METADATA_DISABLED", "true")];
        Run::of(&arguments, command.env("HOME", cloud.folder()).envs(nowhere))
    };
    let asked = cloud.infra(&["iam-policy", "--local"]).succeeds().stdout();
    let told = without(&["--account", "000000000000"]).succeeds().stdout();
    // The local cloud is of the partition `aws` in every region.
    assert_eq!(told.replace("arn:aws-us-gov:", "arn:aws:"), asked);
    assert!(told.contains("arn:aws-us-gov:rds:us-gov-west-1:000000000000:cluster:shop-database"), "{told}");
    let described = without(&["--set", "account=\"000000000000\""]).succeeds().stdout();
    assert_eq!(described, told);
    let run = without(&["--set", "account=\"000000000000\"", "--account", "111122223333"]).ends_with(3);
    assert!(run.told().contains("for account 000000000000, and `--account` says 111122223333"), "{}", run.stderr());
    assert!(without(&["--account", "12"]).ends_with(3).stderr().contains("`12` is not an AWS account"));
    without(&[]).ends_with(1);
}
