//! What is ours and what is not: names that others hold, stacks of others, resources that are taken in, databases
//! that somebody deleted.

use serde_json::{Value, json};

use crate::binary::Cloud;

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

/// Takes the stack's tags off a resource, as somebody might who tidies up.
fn untag(cloud: &Cloud, address: &str, id: &str) {
    let keys = ["infra:stack", "infra:address"];
    let kind = address.split('/').next().expect("a kind");
    match kind {
        "role" => {
            let form = format!(
                "Action=UntagRole&Version=2010-05-08&RoleName={id}&TagKeys.member.1={}&TagKeys.member.2={}",
                keys[0], keys[1]
            );
            cloud.call("iam", &form);
        }
        "secret" => {
            cloud.ask("secretsmanager", "secretsmanager.UntagResource", &json!({"SecretId": id, "TagKeys": keys}));
        }
        "service" | "vpc-connector" | "auto-scaling" => {
            cloud.ask("apprunner", "AppRunner.UntagResource", &json!({"ResourceArn": id, "TagKeys": keys}));
        }
        "cluster" | "instance" | "proxy" | "db-subnet-group" | "cluster-parameter-group" => {
            let arn = rds_arn(cloud, kind, id);
            let form = format!(
                "Action=RemoveTagsFromResource&Version=2014-10-31&ResourceName={arn}&TagKeys.member.1={}&TagKeys.member.2={}",
                keys[0], keys[1]
            );
            cloud.call("rds", &form);
        }
        _ => {
            let form = format!(
                "Action=DeleteTags&Version=2016-11-15&ResourceId.1={id}&Tag.1.Key={}&Tag.2.Key={}",
                keys[0], keys[1]
            );
            cloud.call("ec2", &form);
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
    parts.lines().filter(|line| !line.starts_with("Costs ")).map(str::to_owned).collect()
}

#[test]
fn every_kind_can_be_taken_into_the_stack() {
    let cloud = deployed();
    let all = resources(&cloud);
    let before = cloud.inventory().len();
    let mut kinds: Vec<&str> = all.iter().filter_map(|(address, _)| address.split('/').next()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let tagged = [
        "auto-scaling",
        "cluster",
        "cluster-parameter-group",
        "db-subnet-group",
        "elastic-ip",
        "instance",
        "internet-gateway",
        "nat-gateway",
        "proxy",
        "role",
        "route-table",
        "secret",
        "security-group",
        "service",
        "subnet",
        "vpc",
        "vpc-connector",
        "vpc-endpoint",
    ];
    assert_eq!(kinds, tagged);
    for (address, id) in &all {
        untag(&cloud, address, id);
    }
    assert_eq!(resources(&cloud), []);

    for (address, id) in &all {
        let import = ["import", address, id, "--local"];
        let run = cloud.infra(&import).ends_with(3);
        let shown = run.stdout();
        assert!(shown.contains("the next deploy would do this") && run.stderr().contains("--yes"), "{shown}");
        cloud.forget_calls();
        cloud.infra(&[&import[..], &["--yes"]].concat()).succeeds();
        let calls = changing(&cloud);
        assert_eq!(calls.len(), 3, "{address}: the lock, and tags: {calls:?}");
        // What was shown before is what a diff shows now.
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert_eq!(plan_lines(&shown), plan_lines(&diff), "{address}");
        assert!(cloud.infra(&import).succeeds().stdout().contains("already"));
    }
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("No changes"), "{diff}");
    assert_eq!(cloud.inventory().len(), before);
}

#[test]
fn what_is_not_to_be_taken_in_is_refused_and_not_touched() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    cloud.write("other.yaml", "stack: other\n");
    cloud.infra(&["deploy", "--local", "--yes", "other.yaml"]).succeeds();
    let status = cloud.infra(&["status", "--local", "--json", "other.yaml"]).succeeds().json();
    let find = |address: &str| {
        let all = status["resources"].as_array().expect("a list");
        let found = all.iter().find(|item| item["address"] == address).expect("it was made");
        found["id"].as_str().expect("an id").to_owned()
    };
    let (vpc, subnet) = (find("vpc/main"), find("subnet/public-1"));
    cloud.forget_calls();
    let cases: [(&[&str], &str); 6] = [
        (&["import", "vpc/main", &vpc], "belongs to the stack other, as vpc/main"),
        (&["import", "vpc/main", &subnet], "There is no vpc subnet-"),
        (&["import", "vpc/main", "vpc-00000000000000000"], "There is no vpc vpc-0000"),
        (&["import", "vpc/mian", &vpc], "Did you mean vpc/main?"),
        (&["import", "cluster/database", "shop-database"], "The description asks for no cluster/database"),
        (&["import", "nonsense", &vpc], "an address is a kind and a name"),
    ];
    for (arguments, told) in cases {
        let run = cloud.infra(&[arguments, &["--local", "--yes"]].concat()).ends_with(3);
        assert!(run.stderr().replace("\n  │ ", " ").contains(told), "{arguments:?}: {}", run.stderr());
    }
    assert_eq!(changing(&cloud), [] as [&str; 0]);
    // An address at which something stands, and something that stands at another address.
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let run = cloud.infra(&["import", "vpc/main", &vpc, "--local", "--yes"]).ends_with(3);
    assert!(run.stderr().contains("vpc/main is vpc-"), "{}", run.stderr());
    let ours = resources(&cloud);
    let mine = &ours.iter().find(|(address, _)| address == "subnet/public-1").expect("it was made").1;
    let third = ["import", "subnet/public-3", mine, "--local", "--yes", "--set", "network.zones=3"];
    let run = cloud.infra(&third).ends_with(3);
    let told = run.stderr().replace("\n  │ ", " ");
    assert!(told.contains("belongs to this stack, as subnet/public-1"), "{told}");
    // A subnet of somebody else's network: the next deploy would delete it.
    let foreign = cloud.call(
        "ec2",
        &format!(
            "Version=2016-11-15&Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.240.0/24&AvailabilityZone=us-east-1c"
        ),
    );
    let (_, foreign) = foreign.split_once("<subnetId>").expect("a subnet");
    let (foreign, _) = foreign.split_once('<').expect("its end");
    let third = ["import", "subnet/public-3", foreign, "--local", "--yes", "--set", "network.zones=3"];
    let told = cloud.infra(&third).ends_with(3).stderr().replace("\n  │ ", " ");
    assert!(told.contains(&format!("would delete {foreign} and make another one")), "{told}");
    assert_eq!(resources(&cloud), ours);
}

#[test]
fn a_cluster_that_is_taken_in_keeps_its_version_and_its_new_password_is_announced() {
    let cloud = Cloud::start();
    let stack = "stack: shop\nproxy: {}\ndatabase: {protect: false";
    cloud.write("stack.yaml", &format!("{stack}, engine_version: \"15.10\"}}\n"));
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.psql("shop", "create table kept (id int); insert into kept values (1)");
    // A cluster as somebody else has made it: nobody's tags, and no secret that knows its password.
    untag(&cloud, "cluster/database", "shop-database");
    let purge = json!({"SecretId": "shop-database", "ForceDeleteWithoutRecovery": true});
    cloud.ask("secretsmanager", "secretsmanager.DeleteSecret", &purge);
    cloud.write("stack.yaml", &format!("{stack}}}\n"));
    let import = ["import", "cluster/database", "shop-database", "--local"];
    let shown = cloud.infra(&import).ends_with(3).stdout();
    let remark = "the master user of cluster/database gets the password in secret/database";
    assert!(shown.contains(remark) && !shown.contains("engine_version"), "{shown}");
    cloud.infra(&[&import[..], &["--yes"]].concat()).succeeds();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains(remark), "{diff}");
    assert_eq!(plan_lines(&shown), plan_lines(&diff));
    let deployed = cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(deployed.stdout().contains(remark) || deployed.stderr().contains(remark));
    assert_eq!(cloud.psql("shop", "select count(*) from kept"), "1");
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_name_that_somebody_else_holds_is_refused_with_the_way_to_take_it_in() {
    let cloud = deployed();
    untag(&cloud, "cluster/database", "shop-database");
    cloud.forget_calls();
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    // Nothing says whether this is the stack's own database, so no second one is made beside it.
    assert!(run.stderr().contains("infra import cluster/database"), "{}", run.stderr());
    assert!(!changing(&cloud).iter().any(|call| call.starts_with("rds.")), "{:?}", changing(&cloud));
    cloud.infra(&["import", "cluster/database", "shop-database", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));

    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\nproxy: {}\n");
    let taken = json!({"Name": "shop-database", "SecretString": "{\"mine\": 1}"});
    cloud.ask("secretsmanager", "secretsmanager.CreateSecret", &taken);
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    assert!(run.stderr().contains("infra import secret/database"), "{}", run.stderr());
    let kept = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    assert_eq!(kept["SecretString"], "{\"mine\": 1}");
    cloud.infra(&["destroy", "--local", "--yes"]).succeeds();
    let kept = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    assert_eq!(kept["SecretString"], "{\"mine\": 1}", "what is not ours stays");
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
fn a_database_that_somebody_deleted_is_asked_about_and_never_made_anew_in_silence() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\nproxy: {}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.psql("shop", "create table kept (id int); insert into kept values (1), (2)");
    let rds = |form: &str| cloud.call("rds", &format!("Version=2014-10-31&{form}"));
    let lose = |snapshot: &str| {
        rds("Action=DeleteDBInstance&DBInstanceIdentifier=shop-database-1&SkipFinalSnapshot=true");
        let form = format!("DBClusterIdentifier=shop-database&FinalDBSnapshotIdentifier={snapshot}");
        rds(&format!("Action=DeleteDBCluster&SkipFinalSnapshot=false&{form}"));
        for _ in 0..200 {
            if !cloud.inventory().iter().any(|item| item["kind"] == "db-cluster") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the cluster does not go");
    };
    lose("shop-last");
    cloud.forget_calls();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("Deploy refuses this as it is"), "{diff}");
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    let told = run.stderr();
    for part in
        ["It was there and is gone", "secret-attachment/database", "infra import", "--allow-create cluster/database"]
    {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "{:?}", changing(&cloud));

    // Restored in AWS and taken in: the rows are there, through the proxy.
    let restore = "SnapshotIdentifier=shop-last&Engine=aurora-postgresql&DBClusterIdentifier=shop-database";
    rds(&format!("Action=RestoreDBClusterFromSnapshot&{restore}&DBSubnetGroupName=shop-database"));
    cloud.infra(&["import", "cluster/database", "shop-database", "--local", "--yes"]).succeeds();
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert_eq!(cloud.psql("shop", "select count(*) from kept"), "2");

    // Named: a new one, empty.
    cloud.infra(&["deploy", "--local", "--yes", "--set", "database.protect=false"]).succeeds();
    lose("shop-very-last");
    cloud.infra(&["deploy", "--local", "--yes", "--allow-create", "cluster/database"]).succeeds();
    assert_eq!(cloud.psql("shop", "select to_regclass('kept') is null"), "t");
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_database_that_is_new_to_a_service_is_no_lost_one() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\ndatabase: {}\nproxy: {}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
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
fn a_lost_database_is_known_by_all_that_came_after_it() {
    let cloud = with_a_service();
    rds(&cloud, "Action=DeleteDBInstance&DBInstanceIdentifier=shop-database-1&SkipFinalSnapshot=true");
    rds(&cloud, "Action=DeleteDBCluster&SkipFinalSnapshot=true&DBClusterIdentifier=shop-database");
    wait_for_clusters(&cloud, 0);
    // Somebody edits the secret in the console, and leaves out what infra wrote into it.
    let edited =
        json!({"SecretId": "shop-database", "SecretString": "{\"username\": \"app\", \"password\": \"x1-x1-x1\"}"});
    cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &edited);
    let refused = |witness: &str| {
        cloud.forget_calls();
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("Deploy refuses this as it is"), "{diff}");
        let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
        for part in ["It was there and is gone", witness, "--allow-create cluster/database"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "{:?}", changing(&cloud));
    };
    refused("secret-attachment/database still points at shop-database");
    // The secret goes as well: the service was told of the proxy only after there was a database behind it.
    let purge = json!({"SecretId": "shop-database", "ForceDeleteWithoutRecovery": true});
    cloud.ask("secretsmanager", "secretsmanager.DeleteSecret", &purge);
    refused("service/main uses ");
    cloud.infra(&["deploy", "--local", "--yes", "--allow-create", "cluster/database"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn of_two_databases_at_one_address_none_is_deleted_by_the_address() {
    let cloud = with_a_service();
    let snapshot = "DBClusterIdentifier=shop-database&DBClusterSnapshotIdentifier=shop-then";
    rds(&cloud, &format!("Action=CreateDBClusterSnapshot&{snapshot}"));
    let describe = "Action=DescribeDBClusterSnapshots&DBClusterSnapshotIdentifier=shop-then";
    while !rds(&cloud, describe).contains("<Status>available</Status>") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // RDS gives a snapshot the tags of its cluster, and whoever restores it may give them on.
    let tag =
        |number: u8, key: &str, value: &str| format!("&Tags.Tag.{number}.Key={key}&Tags.Tag.{number}.Value={value}");
    let tags = tag(1, "infra:stack", "shop") + &tag(2, "infra:address", "cluster/database");
    let restore = "SnapshotIdentifier=shop-then&Engine=aurora-postgresql&DBClusterIdentifier=shop-restored";
    rds(&cloud, &format!("Action=RestoreDBClusterFromSnapshot&{restore}&DBSubnetGroupName=shop-database{tags}"));
    wait_for_clusters(&cloud, 2);
    let named = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    for verb in ["destroy", "deploy"] {
        cloud.forget_calls();
        let told = cloud.infra(&[&[verb, "--local", "--yes"], &named[..]].concat()).ends_with(1).stderr();
        assert!(told.contains("--allow-delete cluster/database=shop-restored"), "{told}");
        assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "{:?}", changing(&cloud));
    }
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("- cluster/database  shop-restored"), "{diff}");
    let one = ["deploy", "--local", "--yes", "--allow-delete", "cluster/database=shop-restored"];
    cloud.infra(&one).succeeds();
    wait_for_clusters(&cloud, 1);
    assert_eq!(cloud.psql("shop", "select count(*) from kept"), "2");
    cloud.infra(&[&["destroy", "--local", "--yes"], &named[..]].concat()).succeeds();
    assert!(cloud.inventory().iter().all(|item| item["kind"] == "db-cluster-snapshot"), "{:?}", cloud.inventory());
}

#[test]
fn an_auto_scaling_configuration_of_somebody_else_gets_no_revision() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n");
    let theirs = json!({"AutoScalingConfigurationName": "shop-scaling", "MaxSize": 3});
    cloud.ask("apprunner", "AppRunner.CreateAutoScalingConfiguration", &theirs);
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
    assert!(told.contains("infra import auto-scaling/main"), "{told}");
    let named = json!({"AutoScalingConfigurationName": "shop-scaling"});
    let listed = cloud.ask("apprunner", "AppRunner.ListAutoScalingConfigurations", &named);
    assert_eq!(listed["AutoScalingConfigurationSummaryList"].as_array().map(Vec::len), Some(1), "{listed}");
}
