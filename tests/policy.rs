//! What `infra iam-policy` prints, decided as IAM decides: each call by the actions it needs, what it touches, and what it
//! says of tags. As far as that policy goes: allowing statements and three operators.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    binary::{Cloud, Run},
    wire::Call,
};

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

/// The actions of IAM that a call needs, by AWS's service authorization reference. The policy is not asked.
pub(crate) fn needed(call: &Call) -> Vec<String> {
    let Call { service, action, body, .. } = call;
    let mut needed = vec![format!("{service}:{action}")];
    let mut also = |name: &str| needed.push(name.to_owned());
    let tags = |parameter: &str| body.contains(parameter);
    match (service.as_str(), action.as_str()) {
        ("ec2", _) if action != "CreateTags" && tags("TagSpecification.1.") => also("ec2:CreateTags"),
        ("rds", _) if action.starts_with("Create") && tags("Tags.Tag.1.") => also("rds:AddTagsToResource"),
        ("iam", "CreateRole") => also("iam:TagRole"),
        ("secretsmanager", "CreateSecret") => also("secretsmanager:TagResource"),
        ("apprunner", _) if action.starts_with("Create") => also("apprunner:TagResource"),
        _ => {}
    }
    match (service.as_str(), action.as_str()) {
        ("rds", "CreateDBProxy") => {
            also("iam:PassRole");
            also("iam:CreateServiceLinkedRole");
        }
        ("rds", "CreateDBCluster") => also("iam:CreateServiceLinkedRole"),
        ("rds", "ModifyDBProxy") if call.parameter("RoleArn").is_some() => also("iam:PassRole"),
        ("rds", "DeleteDBCluster") if call.parameter("FinalDBSnapshotIdentifier").is_some() => {
            also("rds:CreateDBClusterSnapshot")
        }
        ("apprunner", "CreateService") => {
            also("iam:PassRole");
            also("iam:CreateServiceLinkedRole");
        }
        ("ec2", "CreateVpcEndpoint") if call.parameter("PrivateDnsEnabled").as_deref() == Some("true") => {
            also("route53:AssociateVPCWithHostedZone");
        }
        _ => {}
    }
    needed
}

const STACK_OF_RESOURCE: &str = "aws:ResourceTag/infra:stack";
const STACK_OF_REQUEST: &str = "aws:RequestTag/infra:stack";

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
}

/// Something that a call touches, and whether it carries the stack's tag: what is just being made does not.
type Touched = (String, bool);

/// All that AWS asks its policies about one call.
pub(crate) fn requests(call: &Call) -> Vec<Request> {
    let mut context = BTreeMap::from([("aws:RequestedRegion".to_owned(), "us-east-1".to_owned())]);
    context.extend(tag_in(call).map(|stack| (STACK_OF_REQUEST.to_owned(), stack)));
    let mut all = Vec::new();
    for action in needed(call) {
        let mut context = context.clone();
        let mut says = |key: &str, value: &str| context.insert(key.to_owned(), value.to_owned());
        let service = if call.service == "rds" { "rds.amazonaws.com" } else { "apprunner.amazonaws.com" };
        match action.as_str() {
            "iam:PassRole" => says("iam:PassedToService", service),
            "iam:CreateServiceLinkedRole" => says("iam:AWSServiceName", service),
            "ec2:CreateTags" if call.action != "CreateTags" => says("ec2:CreateAction", &call.action),
            _ => None,
        };
        let dependent = action != format!("{}:{}", call.service, call.action);
        for (resource, ours) in touched(call, &action, dependent) {
            let mut context = context.clone();
            if ours {
                context.insert(STACK_OF_RESOURCE.to_owned(), "shop".to_owned());
            }
            all.push(Request { action: action.clone(), resource, context });
        }
    }
    all
}

/// The stack's tag, if the call gives it.
fn tag_in(call: &Call) -> Option<String> {
    if let Ok(body) = serde_json::from_str::<Value>(&call.body) {
        let tags = body["Tags"].as_array()?.iter().find(|tag| tag["Key"] == "infra:stack")?;
        return tags["Value"].as_str().map(str::to_owned);
    }
    let key = parameters(call).find(|(key, value)| key.ends_with(".Key") && value == "infra:stack")?.0;
    call.parameter(&key.replace(".Key", ".Value"))
}

fn parameters(call: &Call) -> impl Iterator<Item = (String, String)> + '_ {
    form_urlencoded::parse(call.body.as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned()))
}

/// Every text in a JSON body, with the member that it stands in.
fn members(value: &Value, name: &str) -> Vec<(String, String)> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| members(value, key)).collect(),
        Value::Array(items) => items.iter().flat_map(|item| members(item, name)).collect(),
        Value::String(text) => vec![(name.to_owned(), text.clone())],
        _ => Vec::new(),
    }
}

fn values(call: &Call) -> Vec<(String, String)> {
    match serde_json::from_str::<Value>(&call.body) {
        Ok(body) => members(&body, ""),
        Err(_) => parameters(call).collect(),
    }
}

/// What an action touches, by AWS's service authorization reference.
fn touched(call: &Call, action: &str, dependent: bool) -> Vec<Touched> {
    let (service, verb) = action.split_once(':').expect("an action has a service");
    let values = values(call);
    let one = |name: &str| values.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let looks = verb.starts_with("Describe") || (verb.starts_with("List") && !verb.ends_with("RolePolicies"));
    match (service, verb) {
        ("iam", "PassRole") => {
            values.iter().filter(|(_, value)| value.contains(":role/")).map(|(_, role)| (role.clone(), true)).collect()
        }
        ("iam", "CreateServiceLinkedRole") => {
            let name = if call.service == "rds" { "rds" } else { "apprunner" };
            vec![(
                format!("arn:aws:iam::000000000000:role/aws-service-role/{name}.amazonaws.com/AWSServiceRole"),
                false,
            )]
        }
        ("logs", _) => {
            let stream = one("logStreamName").unwrap_or_default();
            let group = one("logGroupName").expect("a log group");
            vec![(arn("logs", &format!("log-group:{group}:log-stream:{stream}")), false)]
        }
        ("sts" | "route53", _) => vec![("*".to_owned(), false)],
        _ if looks => vec![("*".to_owned(), false)],
        ("iam", _) => {
            let role = one("RoleName").expect("a role");
            vec![(
                format!("arn:aws:iam::000000000000:role/infra/shop/us-east-1/{role}"),
                verb != "CreateRole" && !dependent,
            )]
        }
        ("ssm", _) => {
            let name = one("Name").expect("a parameter");
            vec![(arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))), false)]
        }
        ("secretsmanager", _) => {
            let id = one("SecretId").or_else(|| one("Name")).expect("a secret");
            let whole = if id.starts_with("arn:") { id } else { arn(service, &format!("secret:{id}-AbCdEf")) };
            vec![(whole, verb != "CreateSecret" && !dependent)]
        }
        ("ec2", _) => network(call, verb, dependent, &values),
        ("rds", _) => database(call, verb, dependent, &one),
        ("apprunner", _) => {
            let made = [
                ("ServiceName", "service/", "/new"),
                ("VpcConnectorName", "vpcconnector/", "/1/new"),
                ("AutoScalingConfigurationName", "autoscalingconfiguration/", "/1/new"),
            ];
            let made =
                made.into_iter().filter(|_| call.action.starts_with("Create")).filter_map(|(key, before, after)| {
                    Some((arn("apprunner", &format!("{before}{}{after}", one(key)?)), false))
                });
            let there = values.iter().filter(|(_, value)| value.starts_with("arn:aws:apprunner:"));
            let there = there.filter(|_| !dependent).map(|(_, value)| (value.clone(), true));
            made.chain(there).collect()
        }
        _ => panic!("{action}: what it touches is not told here"),
    }
}

fn network(call: &Call, verb: &str, dependent: bool, values: &[(String, String)]) -> Vec<Touched> {
    const KINDS: [(&str, &str); 9] = [
        ("vpc-", "vpc"),
        ("subnet-", "subnet"),
        ("igw-", "internet-gateway"),
        ("rtb-", "route-table"),
        ("rtbassoc-", "route-table"),
        ("sg-", "security-group"),
        ("eipalloc-", "elastic-ip"),
        ("nat-", "natgateway"),
        ("vpce-", "vpc-endpoint"),
    ];
    let made = match call.action.as_str() {
        "CreateVpc" => Some("vpc"),
        "CreateSubnet" => Some("subnet"),
        "CreateInternetGateway" => Some("internet-gateway"),
        "CreateRouteTable" => Some("route-table"),
        "CreateSecurityGroup" => Some("security-group"),
        "AllocateAddress" => Some("elastic-ip"),
        "CreateNatGateway" => Some("natgateway"),
        "CreateVpcEndpoint" => Some("vpc-endpoint"),
        _ => None,
    };
    let mut touched: Vec<Touched> = made.into_iter().map(|kind| (arn("ec2", &format!("{kind}/new")), false)).collect();
    if !dependent {
        // Names and tags are no ids, whatever they begin with.
        let ids = values.iter().filter(|(key, _)| key.split('.').any(|part| part.ends_with("Id")));
        touched.extend(ids.filter_map(|(_, id)| {
            let (_, kind) = KINDS.iter().find(|(prefix, _)| id.starts_with(prefix))?;
            Some((arn("ec2", &format!("{kind}/{id}")), true))
        }));
    }
    if verb.contains("SecurityGroup") && (verb.ends_with("gress") || verb.contains("Rule")) {
        touched.push((arn("ec2", "security-group-rule/sgr-1"), false));
    }
    touched
}

fn database(call: &Call, verb: &str, dependent: bool, one: &dyn Fn(&str) -> Option<String>) -> Vec<Touched> {
    const NAMES: [(&str, &str, &str); 6] = [
        ("DBClusterIdentifier", "cluster", "CreateDBCluster"),
        ("DBClusterIdentifiers.member.1", "cluster", ""),
        ("DBInstanceIdentifier", "db", "CreateDBInstance"),
        ("DBSubnetGroupName", "subgrp", "CreateDBSubnetGroup"),
        ("DBClusterParameterGroupName", "cluster-pg", "CreateDBClusterParameterGroup"),
        ("FinalDBSnapshotIdentifier", "cluster-snapshot", "DeleteDBCluster"),
    ];
    let makes = verb == "AddTagsToResource" && dependent;
    if call.action == "CreateDBProxy" {
        return vec![(if makes { arn("rds", "db-proxy:prx-new") } else { "*".to_owned() }, false)];
    }
    let named = NAMES.iter().filter(|(.., maker)| !makes || call.action == *maker);
    let mut touched: Vec<Touched> = named
        .filter_map(|(key, kind, maker)| Some((arn("rds", &format!("{kind}:{}", one(key)?)), call.action != *maker)))
        .collect();
    touched.extend(one("ResourceName").or_else(|| one("ResourceArn")).map(|arn| (arn, true)));
    if ["CreateDBCluster", "CreateDBInstance"].contains(&verb) {
        touched.extend([(arn("rds", "og:default:aurora-postgresql-15"), false)]);
        touched.extend([(arn("rds", "pg:default.aurora-postgresql15"), false)]);
    }
    if call.parameter("DBProxyName").is_some() {
        let group = verb.contains("Target");
        touched.extend(group.then(|| (arn("rds", "target-group:prx-tg-1"), false)));
        let proxy = !group || verb.starts_with("Deregister");
        touched.extend(proxy.then(|| (arn("rds", "db-proxy:prx-1"), true)));
    }
    touched
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
    let key = |id: &str| format!("arn:aws:kms:us-east-1:000000000000:key/{id}");
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
