//! What AWS asks its policies about a call: the actions that it needs, what it touches, and what it says of tags.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Request, STACK_OF_REQUEST, STACK_OF_RESOURCE, arn};
use crate::wire::Call;

/// The actions of IAM that a call needs, by AWS's service authorization reference. The policy is not asked.
pub(crate) fn needed(call: &Call) -> Vec<String> {
    let Call { service, action, body, .. } = call;
    // The one right that is called otherwise than its action.
    let named = if action == "Invoke" { "InvokeFunction" } else { action.as_str() };
    let mut needed = vec![format!("{service}:{named}")];
    let mut also = |name: &str| needed.push(name.to_owned());
    let tags = |parameter: &str| body.contains(parameter);
    match (service.as_str(), action.as_str()) {
        ("ec2", _) if action != "CreateTags" && tags("TagSpecification.1.") => also("ec2:CreateTags"),
        ("rds", _) if action.starts_with("Create") && tags("Tags.Tag.1.") => also("rds:AddTagsToResource"),
        ("iam", "CreateRole") => also("iam:TagRole"),
        ("secretsmanager", "CreateSecret") => also("secretsmanager:TagResource"),
        ("apprunner", _) if action.starts_with("Create") => also("apprunner:TagResource"),
        ("lambda", "CreateFunction") => also("lambda:TagResource"),
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
        ("lambda", "CreateFunction" | "UpdateFunctionConfiguration") => also("iam:PassRole"),
        ("ec2", "CreateVpcEndpoint") if call.parameter("PrivateDnsEnabled").as_deref() == Some("true") => {
            also("route53:AssociateVPCWithHostedZone");
        }
        _ => {}
    }
    needed
}

/// Something that a call touches, and whether it carries the stack's tag: what is just being made does not.
type Touched = (String, bool);

/// All that AWS asks its policies about one call.
pub(crate) fn requests(call: &Call) -> Vec<Request> {
    let mut context = BTreeMap::from([("aws:RequestedRegion".to_owned(), "us-east-1".to_owned())]);
    context.extend(tag_in(call).map(|stack| (STACK_OF_REQUEST.to_owned(), stack)));
    let mut all = Vec::new();
    for (place, action) in needed(call).into_iter().enumerate() {
        let mut context = context.clone();
        let mut says = |key: &str, value: &str| context.insert(key.to_owned(), value.to_owned());
        let service = format!("{}.amazonaws.com", call.service);
        let service = service.as_str();
        match action.as_str() {
            "iam:PassRole" => says("iam:PassedToService", service),
            "iam:CreateServiceLinkedRole" => says("iam:AWSServiceName", service),
            "ec2:CreateTags" if call.action != "CreateTags" => says("ec2:CreateAction", &call.action),
            _ => None,
        };
        let dependent = place > 0;
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
        if let Some(stack) = body["Tags"].get("infra:stack") {
            return stack.as_str().map(str::to_owned);
        }
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
        ("lambda", "ListFunctions") => vec![("*".to_owned(), false)],
        ("lambda", _) => {
            let path = percent_encoding::percent_decode_str(&call.path).decode_utf8_lossy().into_owned();
            let path = path.split('?').next().unwrap_or_default();
            let of_path = path.split('/').nth(3).filter(|name| !name.is_empty()).map(str::to_owned);
            let name = of_path.or_else(|| one("FunctionName")).expect("a function");
            let whole = if name.starts_with("arn:") { name } else { arn("lambda", &format!("function:{name}")) };
            vec![(whole, verb != "CreateFunction" && !dependent)]
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
