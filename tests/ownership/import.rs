//! What can be taken into a stack and what not, and what the next deploy makes of it.

use serde_json::json;

use super::{changing, deployed, plan_lines, resources, untag};
use crate::binary::{Cloud, id_in};

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
    let find = |address: &str| id_in(&status, address);
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

/// The local cloud renames nothing; the options are those of the AWS CLI.
#[test]
fn a_database_of_another_name_is_told_the_command_that_renames_it() {
    let cloud = Cloud::start();
    let stack = |name: &str| format!("stack: {name}\ndatabase: {{protect: false}}\n");
    cloud.write("old.yaml", &stack("old"));
    cloud.infra(&["deploy", "--local", "--yes", "old.yaml"]).succeeds();
    untag(&cloud, "cluster/database", "old-database");
    untag(&cloud, "instance/1", "old-database-1");
    cloud.write("stack.yaml", &stack("shop"));
    for (address, id, command) in [
        (
            "cluster/database",
            "old-database",
            "aws rds modify-db-cluster --region us-east-1 --db-cluster-identifier old-database \
             --new-db-cluster-identifier shop-database --apply-immediately",
        ),
        (
            "instance/1",
            "old-database-1",
            "aws rds modify-db-instance --region us-east-1 --db-instance-identifier old-database-1 \
             --new-db-instance-identifier shop-database-1 --apply-immediately",
        ),
    ] {
        let run = cloud.infra(&["import", address, id, "--local", "--yes"]).ends_with(3);
        assert!(run.stdout().lines().any(|line| line.trim() == command), "{}\n{}", run.stdout(), run.stderr());
        let told = run.told();
        assert!(told.contains("for the sake of `identifier`") && told.contains("has to be told"), "{told}");
        assert!(told.contains("then import shop-database"), "{told}");
    }
    // What no command changes is told as before.
    let other = ["import", "cluster/database", "old-database", "--local", "--yes", "--set", "database.name=ours"];
    let run = cloud.infra(&other).ends_with(3);
    assert!(run.told().contains("for the sake of `identifier`, `database_name`"), "{}", run.stderr());
    assert!(run.told().contains("change the description") && !run.stdout().contains("aws rds"), "{}", run.stdout());
    assert_eq!(resources(&cloud), []);
}

#[test]
fn what_cloudformation_owns_is_taken_in_only_where_its_stack_is_named() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let made = cloud.call("ec2", "Version=2016-11-15&Action=CreateVpc&CidrBlock=10.0.0.0/16");
    let (_, vpc) = made.split_once("<vpcId>").expect("a VPC");
    let (vpc, _) = vpc.split_once('<').expect("its end");
    let tag = format!("Version=2016-11-15&Action=CreateTags&ResourceId.1={vpc}&Tag.1.Key=owner&Tag.1.Value=network");
    cloud.call("ec2", &tag);
    // Only AWS itself can set such a tag, and the local cloud refuses it to users as AWS does.
    cloud
        .infra(&["local", "fault", "show", "ec2.DescribeVpcs", "Vpcs.*.Tags.*.Key", "aws:cloudformation:stack-name"])
        .succeeds();

    let import = ["import", "vpc/main", vpc, "--local"];
    let more = |more: &[&str]| cloud.infra(&[&import[..], more].concat());
    let warned = more(&["--yes"]).ends_with(3);
    assert!(warned.stdout().contains("is owned by the CloudFormation stack network"), "{}", warned.stdout());
    assert!(warned.stdout().contains("DeletionPolicy: Retain"), "{}", warned.stdout());
    assert!(warned.told().contains("--from-cloudformation network"), "{}", warned.stderr());
    let wrong = more(&["--yes", "--from-cloudformation", "data"]).ends_with(3);
    assert!(wrong.told().contains("the CloudFormation stack network, and not by data"), "{}", wrong.stderr());
    assert_eq!(resources(&cloud), []);
    let taken = more(&["--yes", "--from-cloudformation", "network"]).succeeds();
    assert!(taken.stdout().contains("is owned by the CloudFormation stack network"), "{}", taken.stdout());
    cloud.infra(&["local", "fault", "clear"]).succeeds();
    assert_eq!(resources(&cloud), [("vpc/main".to_owned(), vpc.to_owned())]);
}

#[test]
fn a_stack_of_cloudformation_that_owns_nothing_of_it_is_not_to_be_named() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let made = cloud.call("ec2", "Version=2016-11-15&Action=CreateVpc&CidrBlock=10.0.0.0/16");
    let (_, vpc) = made.split_once("<vpcId>").expect("a VPC");
    let (vpc, _) = vpc.split_once('<').expect("its end");
    let run = cloud.infra(&["import", "vpc/main", vpc, "--local", "--yes", "--from-cloudformation", "network"]);
    assert!(run.ends_with(3).told().contains("is not owned by the CloudFormation stack network"));
    assert_eq!(resources(&cloud), []);
}
