//! Nothing is taken away before what comes in its place can be had: what fails on the way there costs nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::binary::{Cloud, Run, id_in};

const STACK: &str = "stack: shop
database: {protect: false, on_destroy: delete}
secret: {on_destroy: purge}
proxy: {}
service: {image: public.ecr.aws/x/y:1}
";

fn deployed() -> Cloud {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", STACK);
    deploy(&cloud, &[]).succeeds();
    cloud
}

fn deploy(cloud: &Cloud, more: &[&str]) -> Run {
    cloud.infra(&[&["deploy", "--local", "--yes"], more].concat())
}

fn refuse(cloud: &Cloud, call: &str, code: &str) {
    cloud.infra(&["local", "fault", "refuse", call, code, "--status", "400"]).succeeds();
}

fn clear(cloud: &Cloud) {
    cloud.infra(&["local", "fault", "clear"]).succeeds();
}

fn id(cloud: &Cloud, address: &str) -> String {
    id_in(&cloud.infra(&["status", "--local", "--json"]).succeeds().json(), address)
}

fn deletions(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.calls().into_iter().map(|(call, _)| call);
    calls.filter(|call| call.contains(".Delete") && !call.starts_with("ssm.")).collect()
}

fn has_no_changes(cloud: &Cloud, more: &[&str]) {
    let diff = cloud.infra(&[&["diff", "--local"], more].concat()).succeeds().stdout();
    assert!(diff.contains("No changes"), "{diff}");
}

#[test]
fn a_network_that_cannot_be_had_costs_no_database() {
    let cloud = deployed();
    cloud.psql("shop", "create table kept (id int); insert into kept values (1)");
    refuse(&cloud, "ec2.CreateVpc", "VpcLimitExceeded");
    cloud.forget_calls();
    let other = ["--set", "network.cidr=10.40.0.0/16", "--allow-replace", "cluster/database"];
    let told = deploy(&cloud, &other).ends_with(1).stderr();
    assert!(told.contains("VpcLimitExceeded"), "{told}");
    assert_eq!(deletions(&cloud), [] as [&str; 0]);
    assert_eq!(cloud.psql("shop", "select count(*) from kept"), "1");
    has_no_changes(&cloud, &[]);
    clear(&cloud);
    deploy(&cloud, &other).succeeds();
    has_no_changes(&cloud, &["--set", "network.cidr=10.40.0.0/16"]);
}

/// In the middle of a run as well: how the aws CLI finds the local cloud is said once, however many failures name it.
#[test]
fn commands_of_aws_are_said_to_need_the_way_to_the_local_cloud_once() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    refuse(&cloud, "ec2.CreateSubnet", "InvalidSubnet.Conflict");
    let run = deploy(&cloud, &[]).ends_with(1);
    assert_eq!(run.stderr().matches("`aws ec2 describe-subnets").count(), 6, "{}", run.stderr());
    assert_eq!(run.stderr().matches("The `aws` commands find the local cloud after `").count(), 1, "{}", run.stderr());
    clear(&cloud);
    // What names none needs none.
    assert!(!deploy(&cloud, &[]).succeeds().stderr().contains("`aws` commands"));
}

#[test]
fn a_subnet_that_lost_its_tags_costs_no_proxy() {
    let cloud = deployed();
    let subnet = id(&cloud, "subnet/private-1");
    let tags = "Tag.1.Key=infra:stack&Tag.2.Key=infra:address";
    cloud.call("ec2", &format!("Version=2016-11-15&Action=DeleteTags&ResourceId.1={subnet}&{tags}"));
    cloud.forget_calls();
    let told = deploy(&cloud, &[]).ends_with(1).stderr();
    assert!(told.contains(&format!("infra import subnet/private-1 {subnet}")), "{told}");
    assert_eq!(deletions(&cloud), [] as [&str; 0]);
    cloud.infra(&["import", "subnet/private-1", &subnet, "--local", "--yes"]).succeeds();
    deploy(&cloud, &[]).succeeds();
    has_no_changes(&cloud, &[]);
}

#[test]
fn what_an_answer_lacks_that_is_cut_off_is_not_made_again() {
    let cloud = deployed();
    let before = cloud.inventory().len();
    let calls = ["NatGateways", "RouteTables", "InternetGateways", "Addresses", "SecurityGroups", "Subnets", "Vpcs"];
    let calls = calls.map(|what| format!("ec2.Describe{what}")).into_iter();
    let calls = calls.chain(["DBProxies", "DBInstances", "DBClusters"].map(|what| format!("rds.Describe{what}")));
    for call in calls.chain(["iam.ListRoles".to_owned()]) {
        cloud.infra(&["local", "fault", "garble", &call, "--times", "1"]).succeeds();
    }
    let told = deploy(&cloud, &[]).succeeds().stdout();
    assert!(told.contains("No changes"), "{told}");
    assert_eq!(cloud.inventory().len(), before);
    let rules = cloud.infra(&["local", "fault", "list", "--json"]).succeeds().json();
    assert!(rules.as_array().expect("a list").iter().all(|rule| rule["hits"] == 1), "{rules}");
}

#[test]
fn a_gateway_that_lost_its_tags_gets_no_second_one_beside_it() {
    let cloud = deployed();
    let gateway = id(&cloud, "internet-gateway/main");
    let tags = "Tag.1.Key=infra:stack&Tag.2.Key=infra:address";
    cloud.call("ec2", &format!("Version=2016-11-15&Action=DeleteTags&ResourceId.1={gateway}&{tags}"));
    let run = deploy(&cloud, &[]).ends_with(1);
    assert!(run.told().contains(&format!("infra import internet-gateway/main {gateway}")), "{}", run.stderr());
    let gateways = cloud.inventory().iter().filter(|item| item["kind"] == "internet-gateway").count();
    assert_eq!(gateways, 1);
    cloud.infra(&["import", "internet-gateway/main", &gateway, "--local", "--yes"]).succeeds();
    deploy(&cloud, &[]).succeeds();
    has_no_changes(&cloud, &[]);
}

#[test]
fn a_secret_that_comes_back_gives_its_password_again() {
    let cloud = deployed();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false, on_destroy: delete}\nproxy: {}\n");
    deploy(&cloud, &[]).succeeds();
    cloud.psql("shop", "create table if not exists kept (id int); insert into kept values (1)");
    let replaced = ["--allow-replace", "secret/database", "--allow-delete", "secret/database"];
    let renamed = [&["--set", "secret.name=shop/other"], &replaced[..]].concat();
    // The first one is scheduled for deletion, and comes back with the password that it had.
    for options in [&renamed[..], &replaced[..], &renamed[..]] {
        let told = deploy(&cloud, options).succeeds().stdout();
        assert!(told.contains("gets the password in secret/database"), "{told}");
        assert_ne!(cloud.psql("shop", "select count(*) from kept"), "0");
    }
    has_no_changes(&cloud, &["--set", "secret.name=shop/other"]);
}

/// The groups that a group lets in.
fn let_in(cloud: &Cloud, group: &str) -> Vec<String> {
    let form = format!("Version=2016-11-15&Action=DescribeSecurityGroups&GroupId.1={group}");
    let told = cloud.call("ec2", &form);
    let (_, rules) = told.split_once("<ipPermissions>").expect("rules");
    let (rules, _) = rules.split_once("</ipPermissions>").expect("their end");
    let peers = rules.split("<groups>").skip(1).flat_map(|groups| groups.split("<groupId>").skip(1));
    peers.filter_map(|peer| Some(peer.split_once('<')?.0.to_owned())).collect()
}

/// What a stopped replacement left stands twice in a status: each row says what becomes of it.
fn status_tells_what_diff_deletes(cloud: &Cloud, description: &[&str], former: &str) {
    let asked = |verb: &str| cloud.infra(&[&[verb, "--local", "--json"], description].concat()).succeeds().json();
    let named = |list: &Value, key: &str, word: &str| {
        let list = list.as_array().expect("a list").iter().filter(|one| one[key] == word);
        list.map(|one| one["id"].as_str().expect("an id").to_owned()).collect::<BTreeSet<_>>()
    };
    let going = named(&asked("status")["resources"], "next_deploy", "delete");
    assert!(going.contains(former), "{going:?}");
    assert_eq!(going, named(&asked("diff")["steps"], "action", "delete"));
    let told = cloud.infra(&[&["status", "--local"], description].concat()).succeeds().stdout();
    let rows: Vec<&str> = told.lines().filter(|line| line.contains("security-group/app ")).collect();
    let ends = |row: &&str| row.ends_with(if row.contains(former) { "the next deploy deletes it" } else { "  stays" });
    assert!(rows.len() == 2 && rows.iter().all(ends), "{told}");
    assert!(told.contains("Where an address is shown more than once"), "{told}");
    let wanted = told.lines().find(|line| line.contains("vpc/main ")).expect("a VPC");
    assert!(!wanted.contains("stays"), "what stands once says nothing of that: {wanted}");
}

#[test]
fn a_service_that_moves_is_let_in_until_it_has_moved() {
    let cloud = deployed();
    let (app, proxy) = (id(&cloud, "security-group/app"), id(&cloud, "security-group/proxy"));
    assert_eq!(let_in(&cloud, &proxy), std::slice::from_ref(&app));
    refuse(&cloud, "apprunner.UpdateService", "InvalidRequestException");
    let third = ["--set", "network.zones=3"];
    cloud.forget_calls();
    deploy(&cloud, &third).ends_with(1);
    // It runs where it ran, and reaches what it reached.
    assert_eq!(deletions(&cloud), [] as [&str; 0]);
    let both = let_in(&cloud, &proxy);
    assert!(both.len() == 2 && both.contains(&app), "{app} is let in beside its successor: {both:?}");
    status_tells_what_diff_deletes(&cloud, &third, &app);
    clear(&cloud);
    deploy(&cloud, &third).succeeds();
    let successor = let_in(&cloud, &proxy);
    assert!(successor.len() == 1 && successor[0] != app, "{successor:?}");
    has_no_changes(&cloud, &third);
    // Back again: what the third zone had goes when the service has left it.
    refuse(&cloud, "apprunner.UpdateService", "InvalidRequestException");
    cloud.forget_calls();
    deploy(&cloud, &["--set", "network.nat=per-zone"]).ends_with(1);
    assert_eq!(deletions(&cloud), [] as [&str; 0]);
    let told = cloud.infra(&["status", "--local"]).succeeds().stdout();
    let third = told.lines().find(|line| line.contains("subnet/private-3 ")).expect("it is still there");
    assert!(third.ends_with("not in the description: the next deploy deletes it"), "{told}");
    clear(&cloud);
    deploy(&cloud, &[]).succeeds();
    has_no_changes(&cloud, &[]);
    let left: Vec<Value> = cloud.inventory().into_iter().filter(|item| item["kind"] == "subnet").collect();
    assert_eq!(left.len(), 6, "{left:?}");
}

#[test]
fn a_new_database_gets_the_migrations_before_the_service_is_told_done() {
    let cloud = Cloud::start();
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    cloud.write("drizzle/meta/_journal.json", JOURNAL);
    cloud.write("drizzle/0000_users.sql", "CREATE TABLE \"users\" (\"id\" serial PRIMARY KEY);\n");
    cloud.write("stack.yaml", &format!("{STACK}migrations: {{folder: drizzle}}\n"));
    deploy(&cloud, &[]).succeeds();
    let mut settings = Vec::new();
    for other in ["database.username=owner", "network.cidr=10.40.0.0/16"] {
        settings.extend(["--set", other]);
        let plan = cloud.infra(&[&["diff", "--local"], &settings[..]].concat()).succeeds().stdout();
        assert!(plan.contains("~ migrations/database"), "{plan}");
        deploy(&cloud, &[&settings[..], &["--allow-replace", "cluster/database"]].concat()).succeeds();
        assert_eq!(cloud.psql("shop", "select count(*) from users"), "0");
        has_no_changes(&cloud, &settings);
    }
}

const JOURNAL: &str = r#"{"version":"7","dialect":"postgresql","entries":[
    {"idx":0,"version":"7","when":1700000000000,"tag":"0000_users","breakpoints":true}]}"#;
