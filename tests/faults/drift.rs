//! Drift on request: somebody changes or deletes a resource behind the tool's back, in the middle of a run.

use serde_json::json;

use super::account::{Account, DELETE_DATA};
use crate::binary::Cloud;

const DESCRIPTION: &str = "network: {endpoints: [s3]}\n\
                           database: {protect: false, on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\n";

/// What is done at which call of a deploy, and the resource that the next diff names.
#[test]
fn what_somebody_does_in_the_middle_is_found_and_mended() {
    let cloud = Cloud::start();
    let account = Account::new(&cloud);
    account.describe(DESCRIPTION);
    let no_names = json!({"VpcId": "${vpc/main}", "EnableDnsHostnames": {"Value": false}});
    let no_way_out = json!({"RouteTableId": "${route-table/public}", "DestinationCidrBlock": "0.0.0.0/0"});
    let capacity = json!({"DBClusterIdentifier": "${cluster/database}", "ApplyImmediately": true,
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 32.0}});
    let cases = [
        ("ec2.ModifyVpcAttribute", no_names, "vpc/main"),
        ("ec2.DeleteRoute", no_way_out, "route-table/public"),
        ("rds.ModifyDBCluster", capacity, "cluster/database"),
    ];
    for (call, input, _) in &cases {
        account.fault(json!({"call": "rds.RegisterDBProxyTargets", "nth": 1, "effect": {"drift": {"call": call, "input": input}}}));
    }
    let vanishing = ["nat-gateway/1", "vpc-endpoint/s3"];
    for what in vanishing {
        account.fault(json!({"call": "rds.RegisterDBProxyTargets", "nth": 1, "effect": {"vanish": {"what": what}}}));
    }
    account.run("deploy", &["--yes"]).succeeds();
    assert_eq!(account.clear(), [1; 5], "each was done once");
    let plan = account.look(&["--exit-code", "--json"]).ends_with(2).json();
    let steps = plan["steps"].as_array().expect("steps");
    let step = |address: &str| {
        let found = steps.iter().find(|step| step["address"] == address && step["action"] != "keep");
        found.unwrap_or_else(|| panic!("{address} is no step of {steps:#?}"))
    };
    for (call, _, address) in &cases {
        assert!(step(address)["action"] == "update" && step(address)["drift"] == true, "{call}: {}", step(address));
    }
    for address in vanishing {
        assert_eq!(step(address)["action"], "create", "{address}");
    }
    account.run("deploy", &["--yes"]).succeeds();
    account.check_converged();
    account.check_password();
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    assert_eq!(account.inventory(), [] as [&str; 0]);
}

/// On the command line and in a file.
#[test]
fn drift_is_asked_for_at_a_terminal_and_in_a_file() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nnetwork: {nat: one}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let fault = |arguments: &[&str]| cloud.infra(&[&["local", "fault"], arguments].concat());
    fault(&["vanish", "ec2.DescribeNatGateways", "nat-gateway/1", "--nth", "1"]).succeeds();
    let input = r#"{"VpcId": "${vpc/main}", "EnableDnsHostnames": {"Value": false}}"#;
    fault(&["drift", "ec2.DescribeVpcs", "ec2.ModifyVpcAttribute", input, "--probability", "1", "--times", "1"])
        .succeeds();
    let rules = fault(&["list"]).succeeds().stdout();
    assert!(rules.contains("vanish ec2.DescribeNatGateways, nat-gateway/1, nth 1"), "{rules}");
    assert!(rules.contains("drift ec2.DescribeVpcs, ec2.ModifyVpcAttribute {"), "{rules}");
    // The rules as they were listed are a file's as well.
    let listed = fault(&["list", "--json"]).succeeds().stdout();
    cloud.write("rules.json", &listed);
    fault(&["clear"]).succeeds();
    let told = fault(&["load", "rules.json"]).succeeds().stdout();
    assert_eq!(told.lines().count(), 2, "{told}");
    // What a diff asks about drifts under its hands; the next one sees all of it.
    cloud.infra(&["diff", "--local"]).succeeds();
    let seen = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(seen.contains("nat-gateway/1") && seen.contains("vpc/main"), "{seen}");
    let log = cloud.infra(&["local", "logs", "-n", "1000"]).succeeds().stdout();
    assert!(log.contains("ec2 DeleteNatGateway behind the client's back"), "{log}");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));

    for (arguments, part) in [
        (&["drift", "ec2.CreateVpc", "ec2.DescribeVpcs", "{}"][..], "changes nothing"),
        (&["drift", "ec2.CreateVpc", "ec2.DeleteVpc", "{"], "JSON"),
        (&["drift", "ec2.CreateVpc", "ec2.DeleteVpc", r#"{"Id": "1"}"#], "no parameter Id"),
        (&["load", "nowhere.json"], "nowhere.json"),
    ] {
        let told = fault(arguments).ends_with(1).told();
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
}
