//! What is ours and what is not: names that others hold, stacks of others, resources that are taken in, databases
//! that somebody deleted.

mod import;
mod lost;
mod placeless;

use serde_json::{Value, json};

use crate::{
    binary::{Cloud, Run},
    wire::{Call, Wire},
};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");

/// Every kind of resource that the stack of these tests has.
const STACK: &str = "stack: shop\ndatabase: {protect: false, backups: {retention: 7 days}}\nproxy: {}\n\
                     network: {endpoints: [secretsmanager]}\n\
                     service: {image: 000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:1}\n";

fn deployed() -> Cloud {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", STACK);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud
}

/// Everything of the stack that carries tags: address and id.
fn resources(cloud: &Cloud) -> Vec<(String, String)> {
    let status = cloud.infra(&["status", "--local", "--json"]).succeeds().json();
    let text = |item: &Value, key: &str| item[key].as_str().expect("a text").to_owned();
    let all = status["resources"].as_array().expect("a list").iter();
    let all = all.map(|item| (text(item, "address"), text(item, "id")));
    all.filter(|(address, _)| !address.starts_with("secret-attachment/") && !address.starts_with("proxy-target/"))
        .collect()
}

/// The ARN under which RDS tags something.
fn rds_arn(cloud: &Cloud, kind: &str, id: &str) -> String {
    let arn = |kind: &str| format!("arn:aws:rds:us-east-1:000000000000:{kind}:{id}");
    match kind {
        "cluster" => arn("cluster"),
        "instance" => arn("db"),
        "db-subnet-group" => arn("subgrp"),
        "cluster-parameter-group" => arn("cluster-pg"),
        _ => {
            let told = cloud.call("rds", &format!("Action=DescribeDBProxies&Version=2014-10-31&DBProxyName={id}"));
            let after = told.split_once("<DBProxyArn>").expect("the proxy's ARN").1;
            after.split_once('<').expect("an end").0.to_owned()
        }
    }
}

/// The ARN under which Lambda tags a function.
fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

/// Takes the stack's tags off a resource, as somebody might who tidies up.
fn untag(cloud: &Cloud, address: &str, id: &str) {
    ["infra:stack", "infra:address"].iter().for_each(|key| take_tag(cloud, address, id, key));
}

/// Takes one tag off a resource.
fn take_tag(cloud: &Cloud, address: &str, id: &str, key: &str) {
    let kind = address.split('/').next().expect("a kind");
    match kind {
        "role" => {
            cloud.call("iam", &format!("Action=UntagRole&Version=2010-05-08&RoleName={id}&TagKeys.member.1={key}"));
        }
        "secret" => {
            cloud.ask("secretsmanager", "secretsmanager.UntagResource", &json!({"SecretId": id, "TagKeys": [key]}));
        }
        "service" | "vpc-connector" | "auto-scaling" => {
            cloud.ask("apprunner", "AppRunner.UntagResource", &json!({"ResourceArn": id, "TagKeys": [key]}));
        }
        "function" => {
            cloud.rest("lambda", "DELETE", &format!("/2017-03-31/tags/{}?tagKeys={key}", function_arn(id)), "");
        }
        "cluster" | "instance" | "proxy" | "db-subnet-group" | "cluster-parameter-group" => {
            let arn = rds_arn(cloud, kind, id);
            let form = format!("Version=2014-10-31&ResourceName={arn}&TagKeys.member.1={key}");
            cloud.call("rds", &format!("Action=RemoveTagsFromResource&{form}"));
        }
        _ => {
            cloud.call("ec2", &format!("Action=DeleteTags&Version=2016-11-15&ResourceId.1={id}&Tag.1.Key={key}"));
        }
    }
}

fn changing(cloud: &Cloud) -> Vec<String> {
    let reads = |call: &str| ["Describe", "List", "Get"].iter().any(|verb| call.contains(&format!(".{verb}")));
    cloud.calls().into_iter().map(|(call, _)| call).filter(|call| !reads(call)).collect()
}

/// The plan in what `import` and `diff` print, without what stands around it.
fn plan_lines(text: &str) -> Vec<String> {
    let parts = text.split("\n\n").skip(1).filter(|part| !part.starts_with("With "));
    let parts = parts.collect::<Vec<_>>().join("\n\n");
    parts.lines().filter(|line| !line.starts_with("In AWS, this costs ")).map(str::to_owned).collect()
}

#[test]
fn a_name_that_somebody_else_holds_is_refused_with_the_way_to_take_it_in() {
    let cloud = deployed();
    untag(&cloud, "cluster/database", "shop-database");
    // It is there, and nobody is told that it is gone or how to make another one.
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("+ cluster/database  shop-database is there and does not carry this stack's tags"), "{diff}");
    assert!(!diff.contains("is gone") && !diff.contains("--allow-create"), "{diff}");
    cloud.forget_calls();
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    // Nothing says whether this is the stack's own database, so no second one is made beside it.
    assert!(run.stderr().contains("infra import cluster/database shop-database"), "{}", run.stderr());
    // Its instance, its proxy and the password that it has do not go without it either.
    let run = cloud.infra(&["destroy", "--local", "--yes", "--allow-delete", "secret/database"]).ends_with(1);
    let told = run.stderr();
    assert!(
        told.contains("instance/1 would be taken from it") && told.contains("infra import cluster/database"),
        "{told}"
    );
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    cloud.infra(&["import", "cluster/database", "shop-database", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));

    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\nproxy: {}\n");
    let taken = json!({"Name": "shop-database", "SecretString": "{\"mine\": 1}"});
    cloud.ask("secretsmanager", "secretsmanager.CreateSecret", &taken);
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("holds the name shop-database and does not carry this stack's tags"), "{diff}");
    cloud.forget_calls();
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    assert!(run.stderr().contains("infra import secret/database arn:aws:secretsmanager:"), "{}", run.stderr());
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    let kept = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    assert_eq!(kept["SecretString"], "{\"mine\": 1}");
    cloud.infra(&["destroy", "--local", "--yes"]).succeeds();
    let kept = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    assert_eq!(kept["SecretString"], "{\"mine\": 1}", "what is not ours stays");
}

#[test]
fn a_name_that_another_stack_gave_is_told_as_its() {
    let cloud = Cloud::start();
    let stack = |name: &str| {
        format!("stack: {name}\nnetwork: {{nat: none}}\ndatabase: {{protect: false}}\nsecret: {{name: shared}}\n")
    };
    cloud.write("stack.yaml", &stack("shop"));
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.write("stack.yaml", &stack("store"));
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    assert!(run.stderr().contains("holds the name shared and is of the stack shop."), "{}", run.stderr());
}

#[test]
fn a_subnet_that_lost_its_tags_is_told_before_another_one_is_tried_in_its_place() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let all = resources(&cloud);
    let lost = ["subnet/public-2", "subnet/private-1"];
    let lost: Vec<_> = all.iter().filter(|(address, _)| lost.contains(&address.as_str())).collect();
    lost.iter().for_each(|(address, id)| untag(&cloud, address, id));
    cloud.forget_calls();
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    for (address, id) in lost {
        assert!(run.stderr().contains(&format!("`infra import {address} {id} --local`")), "{}", run.stderr());
        cloud.infra(&["import", address, id, "--local", "--yes"]).succeeds();
    }
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_nat_gateway_and_a_route_table_that_lost_their_tags_get_no_second_one_in_silence() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let all = resources(&cloud);
    let id = |address: &str| all.iter().find(|(other, _)| other == address).expect("it was made").1.as_str();
    let lost = ["elastic-ip/nat-1", "nat-gateway/1", "route-table/private-1", "route-table/public"];
    lost.iter().for_each(|address| untag(&cloud, address, id(address)));
    cloud.forget_calls();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("A deploy would refuse this"), "{diff}");
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    for address in lost {
        assert!(told.contains(&format!("`infra import {address} {} --local`", id(address))), "{told}");
        cloud.infra(&["import", address, id(address), "--local", "--yes"]).succeeds();
    }
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));

    // Somebody else's may stand there, where that is said.
    untag(&cloud, lost[2], id(lost[2]));
    cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    cloud.infra(&["deploy", "--local", "--yes", "--allow-create", lost[2]]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn migrations_are_looked_up_with_the_secret_that_is_ours_whatever_its_name() {
    let cloud = Cloud::start();
    let stack = format!("stack: shop\ndatabase: {{}}\nproxy: {{}}\nmigrations: {{folder: {MIGRATIONS}}}\n");
    cloud.write("stack.yaml", &stack);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    // Somebody else's, under the name that ours is to have: it would log in nowhere.
    let theirs = json!({"Name": "renamed", "SecretString": r#"{"username": "app", "password": "theirs"}"#});
    cloud.ask("secretsmanager", "secretsmanager.CreateSecret", &theirs);
    let wire = Wire::to(&cloud.url);
    let diff = ["diff", "--set", "secret.name=renamed"];
    let plan = Run::of(&diff, &mut cloud.through(&wire.url, &diff)).succeeds().stdout();
    assert!(plan.contains("± secret/database") && !plan.contains("migrations/database"), "{plan}");
    let asked = |call: &Call| call.action == "GetSecretValue" && call.body.contains("renamed");
    assert!(!wire.calls().iter().any(asked), "somebody else's secret was read");
    assert_eq!(wire.calls().iter().filter(|call| call.action == "DescribeDBProxies").count(), 1);
}

#[test]
fn tags_that_others_put_there_stay_where_the_description_says_so() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nignore_tags: [CreatedBy, \"cost:*\"]\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let (_, vpc) = resources(&cloud).into_iter().find(|(address, _)| address == "vpc/main").expect("it was made");
    let tags = "Tag.1.Key=CreatedBy&Tag.1.Value=x&Tag.2.Key=cost:center&Tag.2.Value=7&Tag.3.Key=stray&Tag.3.Value=y";
    cloud.call("ec2", &format!("Version=2016-11-15&Action=CreateTags&ResourceId.1={vpc}&{tags}"));
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("tags.stray") && !diff.contains("CreatedBy") && !diff.contains("cost:center"), "{diff}");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    let told = cloud.call(
        "ec2",
        &format!("Version=2016-11-15&Action=DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={vpc}"),
    );
    assert!(told.contains("CreatedBy") && told.contains("cost:center") && !told.contains("stray"), "{told}");
}

#[test]
fn stacks_with_names_that_begin_alike_and_in_two_regions_do_not_meet() {
    let cloud = Cloud::start();
    let rest = "database: {protect: false, on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\nservice: {image: public.ecr.aws/x/y:1}\n";
    cloud.write("shop.yaml", &format!("stack: shop\nregion: us-east-1\n{rest}"));
    cloud.write("longer.yaml", &format!("stack: shop-two\nregion: us-east-1\n{rest}"));
    cloud.write("abroad.yaml", &format!("stack: shop\nregion: eu-central-1\n{rest}"));
    for file in ["shop.yaml", "longer.yaml", "abroad.yaml"] {
        cloud.infra(&["deploy", "--local", "--yes", file]).succeeds();
    }
    // The service of the other stack in the region is asked for its tags, and for nothing more.
    cloud.forget_calls();
    cloud.infra(&["diff", "--local", "shop.yaml"]).succeeds();
    let asked = |call: &str| cloud.calls().into_iter().find(|(name, _)| name == call).map_or(0, |(_, count)| count);
    assert_eq!((asked("apprunner.DescribeService"), asked("apprunner.ListOperations")), (1, 1));
    // A stack that is renamed is another stack: the former one stands as it was.
    let plan = cloud.infra(&["diff", "--local", "--json", "shop.yaml", "--set", "stack=store"]).succeeds().json();
    assert_eq!((plan["summary"]["keep"].as_u64(), plan["summary"]["delete"].as_u64()), (Some(0), Some(0)));
    let named = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    cloud.infra(&[&["destroy", "--local", "--yes", "shop.yaml"], &named[..]].concat()).succeeds();
    for file in ["longer.yaml", "abroad.yaml"] {
        let diff = cloud.infra(&["diff", "--local", file]).succeeds().stdout();
        assert!(diff.contains("No changes"), "{file}: {diff}");
        cloud.infra(&[&["destroy", "--local", "--yes", file], &named[..]].concat()).succeeds();
    }
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}

#[test]
fn what_somebody_deleted_is_made_again_with_all_that_needs_it() {
    let cloud = deployed();
    let ids = resources(&cloud);
    let id = |address: &str| ids.iter().find(|(other, _)| other == address).expect("it was made").1.clone();
    // The proxy has another endpoint afterwards, which the service has to hear of.
    cloud.call("rds", "Action=DeleteDBProxy&Version=2014-10-31&DBProxyName=shop-proxy");
    cloud.call("ec2", &format!("Action=DeleteNatGateway&Version=2016-11-15&NatGatewayId={}", id("nat-gateway/1")));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let plan = cloud.infra(&["diff", "--local", "--json"]).succeeds().json();
    let steps: Vec<String> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| {
            format!("{} {}", step["action"].as_str().unwrap_or_default(), step["address"].as_str().unwrap_or_default())
        })
        .collect();
    for step in [
        "create proxy/database",
        "create proxy-target/database",
        "create nat-gateway/1",
        "update route-table/private-1",
        "update service/main",
    ] {
        assert!(steps.contains(&step.to_owned()), "{step} is not in {steps:?}");
    }
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    assert_eq!(cloud.psql("shop", "select 1"), "1");
}

/// The stack `shop` with all that knows of its database, and rows in it.
fn with_a_service() -> Cloud {
    let cloud = Cloud::start();
    cloud.write(
        "stack.yaml",
        "stack: shop\ndatabase: {protect: false, on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\n\
         service: {image: public.ecr.aws/x/y:1}\n",
    );
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.psql("shop", "create table kept (id int); insert into kept values (1), (2)");
    cloud
}

fn rds(cloud: &Cloud, form: &str) -> String {
    cloud.call("rds", &format!("Version=2014-10-31&{form}"))
}

fn wait_for_clusters(cloud: &Cloud, number: usize) {
    for _ in 0..200 {
        let clusters = cloud.inventory().iter().filter(|item| item["kind"] == "db-cluster").count();
        if clusters == number {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("there are not {number} clusters");
}

#[test]
fn an_auto_scaling_configuration_of_somebody_else_gets_no_revision() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n");
    let theirs = json!({"AutoScalingConfigurationName": "shop-scaling", "MaxSize": 3});
    cloud.ask("apprunner", "AppRunner.CreateAutoScalingConfiguration", &theirs);
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("holds the name shop-scaling and does not"));
    cloud.forget_calls();
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
    assert!(told.contains("infra import auto-scaling/main arn:"), "{told}");
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    let named = json!({"AutoScalingConfigurationName": "shop-scaling"});
    let listed = cloud.ask("apprunner", "AppRunner.ListAutoScalingConfigurations", &named);
    assert_eq!(listed["AutoScalingConfigurationSummaryList"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[test]
fn what_stands_in_the_way_of_a_destruction_is_told_before_anything_is_deleted() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nnetwork: {nat: none}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let all = resources(&cloud);
    let subnet = &all.iter().find(|(address, _)| address == "subnet/private-1").expect("it was made").1;
    let ec2 = |form: &str| cloud.call("ec2", &format!("Version=2016-11-15&{form}"));
    let made = ec2(&format!("Action=CreateNetworkInterface&Description=mine&SubnetId={subnet}"));
    let (_, rest) = made.split_once("<networkInterfaceId>").expect("an interface");
    let (interface, _) = rest.split_once('<').expect("its end");
    let run = cloud.infra(&["destroy", "--local", "--dry-run"]).succeeds();
    for address in ["vpc/main", "subnet/private-1"] {
        let plan = run.stdout();
        let line = plan.lines().find(|line| line.contains(&format!("- {address}"))).expect("it is to go").to_owned();
        assert!(line.contains(&format!("{interface} (mine) is not of this stack")), "{line}");
    }
    assert!(run.stderr().contains("2 resources are not deleted as things are"), "{}", run.stderr());
    let plan = cloud.infra(&["destroy", "--local", "--dry-run", "--json"]).succeeds().json();
    assert!(plan["steps"].to_string().contains("is not of this stack and stands in it"), "{plan:#}");
    ec2(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={interface}"));
    let run = cloud.infra(&["destroy", "--local", "--yes"]).succeeds();
    assert!(!run.stderr().contains("as things are"), "{}", run.stderr());
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}
