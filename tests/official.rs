//! What goes over the wire in the life of a stack: held against AWS's own models, and against the policy that
//! `infra iam-policy` prints.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    binary::{Cloud, Run, id_in},
    clients::python,
    policy::{Policy, needed, requests},
    wire::Wire,
};

/// A stack that has everything, and what becomes of it.
const FIRST: &str = "stack: shop
tags: {team: web}
network: {nat: one, endpoints: [s3, secretsmanager]}
database: {protect: false, parameters: {log_min_duration_statement: \"500\"}, data_api: true}
proxy: {}
service:
  image: 000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:1
  env: {MODE: a}
";
const SECOND: &str = "stack: shop
network: {nat: per-zone, zones: 3, endpoints: [s3, secretsmanager]}
database: {protect: true, readers: 1, capacity: {max: 8}}
proxy: {require_tls: false, max_connections: 50 %}
service:
  image: 000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:2
  env: {MODE: b}
  scaling: {max: 3}
";
const THIRD: &str = "stack: shop
network: {nat: none, zones: 3, endpoints: [s3, secretsmanager]}
database: {protect: true, capacity: {max: 8}, data_api: true}
proxy: {require_tls: false, max_connections: 50 %}
service:
  image: 000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:2
  env: {MODE: b}
  scaling: {max: 3}
";

/// Runs the whole life of the stack over a wire: made, changed, drifted, destroyed, made again, failed. Every call.
fn life(cloud: &Cloud) -> Wire {
    let wire = Wire::to(&cloud.url);
    let infra = |arguments: &[&str]| Run::of(arguments, &mut cloud.through(&wire.url, arguments));
    let data = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    cloud.write("stack.yaml", FIRST);
    infra(&["deploy", "--yes"]).succeeds();
    let table = behind_its_back(cloud);
    infra(&["deploy", "--yes"]).succeeds();
    cloud.call("ec2", &format!("Action=DeleteRouteTable&Version=2016-11-15&RouteTableId={table}"));
    let rds = |action: &str| {
        cloud.call("rds", &format!("Action={action}&Version=2014-10-31&DBClusterIdentifier=shop-database"))
    };
    for description in [SECOND, THIRD, FIRST] {
        cloud.write("stack.yaml", description);
        infra(&["deploy", "--yes"]).succeeds();
        if description == SECOND {
            // The reader, which goes next, is the writer by then.
            rds("FailoverDBCluster");
        }
    }
    // A cluster that was stopped is started.
    rds("StopDBCluster");
    infra(&["deploy", "--yes"]).succeeds();
    // An instance that does not run is explained by its events.
    let fault = |arguments: &[&str]| cloud.infra(&[&["local", "fault"], arguments].concat()).succeeds();
    fault(&["show", "rds.DescribeDBInstances", "DBInstances.*.DBInstanceStatus", "storage-full"]);
    infra(&["status"]).succeeds();
    fault(&["clear"]);
    destroyed_around_something_of_others(cloud, &wire, &data);
    // A service that does not start is explained by its logs; the secret is restored before that.
    fault(&["fail", "apprunner.CreateService", "The container exited with 1."]);
    infra(&["deploy", "--yes"]).ends_with(1);
    fault(&["clear"]);
    infra(&[&["destroy", "--yes"], &data[..]].concat()).succeeds();
    wire
}

/// Destroys the stack while somebody's network interface stands in one of its subnets, which then is named; and goes.
fn destroyed_around_something_of_others(cloud: &Cloud, wire: &Wire, data: &[&str]) {
    let status = cloud.infra(&["status", "--local", "--json"]).succeeds().json();
    let ec2 = |form: &str| cloud.call("ec2", &format!("Version=2016-11-15&{form}"));
    let made = ec2(&format!(
        "Action=CreateNetworkInterface&Description=mine&SubnetId={}",
        id_in(&status, "subnet/isolated-1")
    ));
    let (_, rest) = made.split_once("<networkInterfaceId>").expect("an interface");
    let (interface, _) = rest.split_once('<').expect("its end");
    let arguments = [&["destroy", "--yes"], data].concat();
    // The plan asks too, before anything is deleted.
    let before = wire.calls().len();
    let looks = || {
        let calls = wire.calls();
        let acting = calls.iter().skip(before).skip_while(|call| !call.action.starts_with("Delete"));
        acting.filter(|call| call.action == "DescribeNetworkInterfaces").count()
    };
    let run = std::thread::scope(|scope| {
        let destroying = scope.spawn(|| Run::of(&arguments, &mut cloud.through(&wire.url, &arguments)));
        while looks() == 0 && !destroying.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        ec2(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={interface}"));
        destroying.join().expect("the run ends")
    });
    let run = run.succeeds();
    assert!(run.stderr().contains(&format!("Still there: {interface} (mine)")), "{}", run.stderr());
}

/// What somebody does by hand, for which the next deploy has an action of its own to mend it; the id of a route table
/// that is left over.
fn behind_its_back(cloud: &Cloud) -> String {
    let status = cloud.infra(&["status", "--local", "--json"]).succeeds().json();
    let id = |address: &str| id_in(&status, address);
    let ec2 = |form: &str| cloud.call("ec2", &format!("Version=2016-11-15&{form}"));
    // A subnet moved to another table, a rule described otherwise, a route added.
    let tables = ec2(&format!("Action=DescribeRouteTables&RouteTableId.1={}", id("route-table/private-1")));
    let association = tables
        .split_once("<routeTableAssociationId>")
        .expect("an association")
        .1
        .split_once('<')
        .expect("an end")
        .0
        .to_owned();
    let isolated = id("route-table/isolated");
    let made = ec2(&format!("Action=CreateRouteTable&VpcId={}", id("vpc/main")));
    let mine = made.split_once("<routeTableId>").expect("a table").1.split_once('<').expect("an end").0.to_owned();
    ec2(&format!("Action=ReplaceRouteTableAssociation&AssociationId={association}&RouteTableId={mine}"));
    let gateway = id("internet-gateway/main");
    ec2(&format!(
        "Action=CreateRoute&RouteTableId={isolated}&DestinationCidrBlock=198.51.100.0/24&GatewayId={gateway}"
    ));
    let (group, peer) = (id("security-group/database"), id("security-group/proxy"));
    ec2(&format!(
        "Action=UpdateSecurityGroupRuleDescriptionsIngress&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=5432&\
         IpPermissions.1.ToPort=5432&IpPermissions.1.Groups.1.GroupId={peer}&IpPermissions.1.Groups.1.Description=mine"
    ));
    ec2(&format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&\
         IpPermissions.1.ToPort=2&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24"
    ));
    let rds = |form: &str| cloud.call("rds", &format!("Version=2014-10-31&{form}"));
    rds("Action=ModifyDBProxy&DBProxyName=shop-proxy&RequireTLS=false");
    rds("Action=ModifyDBInstance&DBInstanceIdentifier=shop-database-1&PromotionTier=9&ApplyImmediately=true");
    cloud.ask(
        "secretsmanager",
        "secretsmanager.UpdateSecret",
        &json!({"SecretId": "shop-database", "Description": "mine"}),
    );
    // Another password and back again, by hand: what a database is reached by is not in it any more.
    let value = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    let held: Value = serde_json::from_str(value["SecretString"].as_str().expect("a text")).expect("JSON");
    for password in [json!("another-99"), held["password"].clone()] {
        let text = json!({"username": held["username"], "password": password}).to_string();
        let put = json!({"SecretId": "shop-database", "SecretString": text});
        cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &put);
    }
    let shared = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#;
    cloud.ask(
        "secretsmanager",
        "secretsmanager.PutResourcePolicy",
        &json!({"SecretId": "shop-database", "ResourcePolicy": shared}),
    );
    let anyone = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let policy: String = form_urlencoded::byte_serialize(anyone.as_bytes()).collect();
    cloud.call(
        "iam",
        &format!(
            "Version=2010-05-08&Action=UpdateAssumeRolePolicy&RoleName={}&PolicyDocument={policy}",
            id("role/proxy")
        ),
    );
    let policy: String = form_urlencoded::byte_serialize(
        br#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#,
    )
    .collect();
    cloud.call(
        "iam",
        &format!(
            "Version=2010-05-08&Action=PutRolePolicy&RoleName={}&PolicyName=mine&PolicyDocument={policy}",
            id("role/service")
        ),
    );
    // A policy that somebody attached.
    let attached = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess";
    cloud.call(
        "iam",
        &format!("Version=2010-05-08&Action=AttachRolePolicy&RoleName={}&PolicyArn={attached}", id("role/service")),
    );
    let arn = id("service/main");
    cloud.ask("apprunner", "AppRunner.PauseService", &json!({"ServiceArn": arn}));
    std::thread::sleep(std::time::Duration::from_millis(500));
    mine
}

/// Checks recorded requests with the models that botocore ships.
fn check(folder: &Path, record: &str) -> (bool, String) {
    let file = folder.join("requests.jsonl");
    fs::write(&file, record).expect("the folder can be written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/requests.py");
    let output = Command::new(python()).arg("-B").arg(script).arg(&file).output().expect("Python runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// What may stand on `*`: what AWS scopes by nothing, or what only looks.
fn may_be_anywhere(action: &str) -> bool {
    let verb = action.split_once(':').map_or("", |(_, verb)| verb);
    ["Describe", "List"].iter().any(|read| verb.starts_with(read))
        || ["sts:GetCallerIdentity", "route53:AssociateVPCWithHostedZone", "rds:CreateDBProxy"].contains(&action)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn every_request_is_as_aws_describes_it_and_the_policy_allows_just_these() {
    let cloud = Cloud::start();
    let wire = life(&cloud);
    let record = wire.record();
    let (well, said) = check(cloud.folder(), &record);
    assert!(well && said.contains(", 0 violations"), "{said}");
    assert!(wire.calls().len() > 500, "{said}");

    let policy = Run::of(&["iam-policy"], &mut cloud.through(&cloud.url, &["iam-policy"])).succeeds().json();
    let statements = policy["Statement"].as_array().expect("statements");
    let allowed: BTreeSet<String> = statements.iter().flat_map(|statement| texts(&statement["Action"])).collect();
    let called: BTreeSet<String> = wire.calls().iter().flat_map(needed).collect();
    let (missing, idle): (Vec<_>, Vec<_>) =
        (called.difference(&allowed).collect(), allowed.difference(&called).collect());
    assert!(missing.is_empty() && idle.is_empty(), "the policy lacks {missing:?} and allows {idle:?} for nothing");

    // Not only by name: each call, by what it touches and says.
    let rules = Policy::read(&policy);
    let refused: BTreeSet<String> = wire
        .calls()
        .iter()
        .flat_map(requests)
        .filter(|request| !rules.allows(request))
        .map(|request| format!("{request:?}"))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");

    for statement in statements {
        let anywhere = texts(&statement["Resource"]).contains(&"*".to_owned());
        let actions = texts(&statement["Action"]);
        assert!(!anywhere || actions.iter().all(|action| may_be_anywhere(action)), "{statement}");
        let scoped =
            texts(&statement["Resource"]).iter().all(|arn| arn.contains("shop") || arn.contains("aws-service-role"));
        let by_nothing = ["NetworkRules", "DatabaseDefaults"].iter().any(|sid| statement["Sid"] == *sid);
        assert!(anywhere || scoped || by_nothing || statement["Condition"].is_object(), "{statement}");
    }
    let sids: BTreeSet<&str> = statements.iter().filter_map(|statement| statement["Sid"].as_str()).collect();
    assert_eq!(sids.len(), statements.len(), "a statement's name is its own");
    // It fits into two managed policies, which together are the whole.
    let part = |number: &str| {
        let arguments = ["iam-policy", "--part", number];
        Run::of(&arguments, &mut cloud.through(&cloud.url, &arguments)).succeeds().json()
    };
    let parts = [part("1"), part("2")];
    assert!(parts.iter().all(|part| part.to_string().len() <= 6_144));
    let together = parts.iter().flat_map(|part| part["Statement"].as_array().expect("statements").clone());
    assert_eq!(together.collect::<Vec<_>>(), *statements);
}

#[test]
fn a_function_s_requests_are_as_aws_describes_them_and_the_policy_allows_just_these() {
    let cloud = Cloud::start();
    let wire = Wire::to(&cloud.url);
    let infra = |arguments: &[&str]| Run::of(arguments, &mut cloud.through(&wire.url, arguments)).succeeds();
    let description =
        "stack: shop\nregion: us-east-1\ndatabase: {protect: false}\nproxy: {}\nmigrations: {runner: lambda}\n";
    cloud.write("stack.yaml", &format!("{description}tags: {{team: web}}\n"));
    fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    cloud.write("drizzle/meta/_journal.json", r#"{"version":"7","dialect":"postgresql","entries":[{"idx":0,"version":"7","when":1,"tag":"0000_a","breakpoints":true}]}"#);
    cloud.write("drizzle/0000_a.sql", "create table a (id int);\n");
    infra(&["deploy", "--yes"]);
    // Other code, another tag and none, and what somebody changed by hand.
    cloud.program("bootstrap", "two");
    cloud.write("stack.yaml", &format!("{description}tags: {{squad: web}}\n"));
    cloud.rest("lambda", "PUT", "/2015-03-31/functions/shop-migrations/configuration", r#"{"Timeout": 3}"#);
    infra(&["deploy", "--yes"]);
    let policy = infra(&["iam-policy"]).json();
    infra(&["destroy", "--yes", "--allow-delete", "cluster/database", "--allow-delete", "secret/database"]);
    let (well, said) = check(cloud.folder(), &wire.record());
    assert!(well && said.contains(", 0 violations"), "{said}");

    let of_functions = |actions: BTreeSet<String>| -> BTreeSet<String> {
        actions.into_iter().filter(|action| action.starts_with("lambda:")).collect()
    };
    let statements = policy["Statement"].as_array().expect("statements");
    let allowed = of_functions(statements.iter().flat_map(|statement| texts(&statement["Action"])).collect());
    assert_eq!(of_functions(wire.calls().iter().flat_map(needed).collect()), allowed);
    let rules = Policy::read(&policy);
    let calls = wire.calls();
    let asked = calls.iter().filter(|call| ["lambda", "iam"].contains(&call.service.as_str())).flat_map(requests);
    let refused: Vec<String> = asked.filter(|request| !rules.allows(request)).map(|one| format!("{one:?}")).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn the_policy_of_a_network_has_nothing_of_a_database() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let policy = cloud.infra(&["iam-policy", "--local"]).succeeds().stdout();
    for action in ["rds:CreateDBCluster", "apprunner:CreateService", "iam:PassRole", "ec2:CreateVpcEndpoint"] {
        assert!(!policy.contains(action), "{action}");
    }
    assert!(policy.contains("ec2:CreateNatGateway") && policy.contains("rds:DescribeDBClusters"));
}

#[test]
fn a_planted_violation_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let form = |service: &str, action: &str, body: &str| json!({"service": service, "action": action, "target": null, "body": format!("Action={action}&{body}")});
    let asked = |service: &str, action: &str, target: &str, body: Value| json!({"service": service, "action": action, "target": target, "body": body.to_string()});
    let secret = |body| asked("secretsmanager", "CreateSecret", "secretsmanager.CreateSecret", body);
    let service =
        |body| asked("apprunner", "CreateAutoScalingConfiguration", "AppRunner.CreateAutoScalingConfiguration", body);
    let cases = [
        (form("ec2", "CreateVpcs", "Version=2016-11-15"), "no such action"),
        (form("ec2", "CreateVpc", "Version=2016-11-15&Cidr=10.0.0.0/16"), "Cidr is no parameter"),
        (form("ec2", "CreateSubnet", "Version=2016-11-15&CidrBlock=10.0.0.0/24"), "VpcId is required"),
        (form("ec2", "CreateVpc", "Version=2014-10-31&CidrBlock=10.0.0.0/16"), "the version is not"),
        (form("ec2", "CreateVpc", "Version=2016-11-15&TagSpecification.2.ResourceType=vpc"), "not counted from 1"),
        (form("rds", "ModifyDBCluster", "Version=2014-10-31&DBClusterIdentifier=a&Port=many"), "no integer"),
        (form("rds", "ModifyDBCluster", "Version=2014-10-31&DBClusterIdentifier=a&ApplyImmediately=yes"), "no boolean"),
        (
            form(
                "rds",
                "CreateDBProxy",
                "Version=2014-10-31&DBProxyName=a&EngineFamily=ORACLE&RoleArn=r&VpcSubnetIds.member.1=s",
            ),
            "none of",
        ),
        (form("iam", "CreateRole", "Version=2010-05-08&RoleName=a%20b&AssumeRolePolicyDocument=x"), "does not match"),
        (secret(json!({"SecretString": "x"})), "Name is required"),
        (secret(json!({"Name": "x".repeat(513)})), "outside of 1 to 512"),
        (secret(json!({"Name": 5})), "of type int"),
        (service(json!({"AutoScalingConfigurationName": "four", "MaxSize": "3"})), "of type str"),
        (service(json!({"AutoScalingConfigurationName": "abc"})), "outside of 4 to 32"),
        (asked("ssm", "PutParameter", "AmazonSSM.GetParameter", json!({})), "the target is"),
    ];
    for (request, told) in cases {
        let (well, said) = check(folder.path(), &request.to_string());
        assert!(!well && said.contains(told), "{request}: {told} is not in {said}");
    }
}
