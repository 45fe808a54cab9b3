//! What begins and ends when.

use serde_json::json;

use super::{Cloud, instance};
use crate::local::rds::rules::three_zones;

#[test]
fn the_role_of_rds_is_there_with_the_first_cluster_and_stays_as_long_as_there_is_one() {
    let mut cloud = Cloud::new();
    let name = json!({"RoleName": "AWSServiceRoleForRDS"});
    assert_eq!(cloud.refusal("iam GetRole", name.clone()), "NoSuchEntity");
    let input = cloud.cluster_input(&json!({}));
    let cluster = cloud.get("CreateDBCluster", input, "/DBCluster/DBClusterArn");
    cloud.make_real();
    assert_eq!(cloud.get("iam GetRole", name.clone(), "/Role/Path"), "/aws-service-role/rds.amazonaws.com/");
    let task = cloud.ok("iam DeleteServiceLinkedRole", name.clone());
    cloud.pass(150);
    let told = cloud.ok("iam GetServiceLinkedRoleDeletionStatus", task);
    assert_eq!(told["Status"], "FAILED");
    assert_eq!(told["Reason"]["RoleUsageList"], json!([{"Region": "eu-central-1", "Resources": [cluster]}]));
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true}));
    cloud.make_real();
    cloud.pass(600);
    cloud.ok("iam GetRole", name.clone());
    let task = cloud.ok("iam DeleteServiceLinkedRole", name.clone());
    cloud.pass(5);
    assert_eq!(cloud.ok("iam GetServiceLinkedRoleDeletionStatus", task)["Status"], "SUCCEEDED");
    assert_eq!(cloud.refusal("iam GetRole", name), "NoSuchEntity");
}

#[test]
fn an_instance_waits_for_a_cluster_that_is_being_made() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    let status = |cloud: &mut Cloud| {
        cloud.get("DescribeDBInstances", json!({"DBInstanceIdentifier": "shop-1"}), "/DBInstances/0/DBInstanceStatus")
    };
    cloud.ok("CreateDBInstance", instance("shop-1"));
    cloud.make_real();
    cloud.pass(150);
    assert_eq!((cloud.cluster_status().as_str(), status(&mut cloud).as_str()), ("available", "creating"));
    cloud.pass(359);
    assert_eq!(status(&mut cloud), "creating", "its own time begins with the cluster");
    cloud.make_real();
    cloud.pass(1);
    assert_eq!(status(&mut cloud), "available");
    cloud.ok("StopDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!(cloud.refusal("CreateDBInstance", instance("shop-2")), "InvalidDBClusterStateFault");
}

#[test]
fn storage_is_in_three_zones_whatever_the_subnets() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({"AvailabilityZones": ["eu-central-1c"]}));
    let answer = cloud.ok("CreateDBCluster", input);
    assert_eq!(answer["DBCluster"]["AvailabilityZones"], json!(["eu-central-1a", "eu-central-1b", "eu-central-1c"]));
}

#[test]
fn zones_are_those_of_the_region() {
    let mut cloud = Cloud::new();
    for (region, letters) in [("us-east-1", "abcdef"), ("us-west-1", "ac"), ("ap-northeast-1", "acd")] {
        cloud.here.region_name = region;
        let answer = cloud.ok("DescribeOrderableDBInstanceOptions", json!({"Engine": "aurora-postgresql"}));
        let expected: Vec<_> = letters.chars().map(|letter| json!({"Name": format!("{region}{letter}")})).collect();
        assert_eq!(answer["OrderableDBInstanceOptions"][0]["AvailabilityZones"], json!(expected));
    }
    let stored = |region: &str, named: &[&str]| {
        let zones = three_zones(named.iter().map(|letter| format!("{region}{letter}")).collect(), region);
        zones.iter().map(|zone| zone.replace(region, "")).collect::<String>()
    };
    assert_eq!(stored("us-east-1", &["f"]), "abf");
    assert_eq!(stored("us-east-1", &["a", "b", "c", "d"]), "abc");
    assert_eq!(stored("ap-northeast-1", &["d"]), "acd");
    assert_eq!(stored("us-west-1", &["c"]), "ac");
}

#[test]
fn a_maintenance_window_is_answered_in_small_letters() {
    let mut cloud = Cloud::furnished();
    let window = json!({"DBClusterIdentifier": "shop", "PreferredMaintenanceWindow": "Mon:06:00-Mon:07:00"});
    let answer = cloud.ok("ModifyDBCluster", window);
    assert_eq!(answer["DBCluster"]["PreferredMaintenanceWindow"], "mon:06:00-mon:07:00");
    let window = json!({"DBInstanceIdentifier": "shop-1", "PreferredMaintenanceWindow": "TUE:06:00-tue:07:00"});
    let answer = cloud.ok("ModifyDBInstance", window);
    assert_eq!(answer["DBInstance"]["PreferredMaintenanceWindow"], "tue:06:00-tue:07:00");
}

#[test]
fn a_creation_is_told_when_it_is_over() {
    let mut cloud = Cloud::new();
    let told = |cloud: &mut Cloud| {
        let answer = cloud.ok("DescribeEvents", json!({"EventCategories": ["creation"]}));
        let messages = answer["Events"].as_array().unwrap().iter().map(|event| event["Message"].as_str().unwrap());
        messages.map(str::to_owned).collect::<Vec<_>>()
    };
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    cloud.make_real();
    assert!(told(&mut cloud).is_empty());
    cloud.pass(150);
    assert_eq!(told(&mut cloud), ["DB cluster created"]);
    cloud.ok("CreateDBInstance", instance("shop-1"));
    let input = cloud.proxy_input(&json!({}));
    cloud.ok("CreateDBProxy", input);
    cloud.make_real();
    assert_eq!(told(&mut cloud), ["DB cluster created"]);
    cloud.pass(360);
    assert_eq!(told(&mut cloud), ["DB cluster created", "RDS created DB proxy shop.", "DB instance created"]);
}

#[test]
fn what_waits_is_applied_with_the_next_immediate_change_and_checked_again() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({"EngineVersion": "15.10"}));
    cloud.ok("CreateDBCluster", input);
    cloud.make_real();
    cloud.pass(150);
    let shown = |cloud: &mut Cloud| {
        let answer = cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}));
        let cluster = &answer["DBClusters"][0];
        (cluster["EngineVersion"].clone(), cluster["PendingModifiedValues"].clone())
    };
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "EngineVersion": "15.12"}));
    assert_eq!(shown(&mut cloud), (json!("15.10"), json!({"EngineVersion": "15.12"})));
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "EngineVersion": "15.10"}));
    assert_eq!(shown(&mut cloud), (json!("15.10"), json!(null)), "what it has waits for nothing");
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "EngineVersion": "15.12"}));
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true}));
    assert_eq!(shown(&mut cloud), (json!("15.10"), json!({"EngineVersion": "15.12"})), "until it is upgraded");
    cloud.make_real();
    cloud.pass(1200);
    assert_eq!(shown(&mut cloud), (json!("15.12"), json!(null)));
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "NewDBClusterIdentifier": "store"}));
    let input = cloud.cluster_input(&json!({"DBClusterIdentifier": "store"}));
    cloud.ok("CreateDBCluster", input);
    let now = json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true});
    assert_eq!(cloud.refusal("ModifyDBCluster", now), "DBClusterAlreadyExistsFault");
}

#[test]
fn an_upgrade_is_one_of_the_cluster_and_its_instances_and_shows_when_it_is_over() {
    let mut cloud = Cloud::furnished();
    cloud.region.rds.cluster_mut("shop").unwrap().version = "15.10".to_owned();
    let shown = |cloud: &mut Cloud| {
        let cluster = cloud.ok("DescribeDBClusters", json!({}))["DBClusters"][0].clone();
        let member = cloud.ok("DescribeDBInstances", json!({}))["DBInstances"][0].clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let versions = [text(&cluster["EngineVersion"]), text(&member["EngineVersion"])];
        (versions, [text(&cluster["Status"]), text(&member["DBInstanceStatus"])])
    };
    let upgrade = json!({"DBClusterIdentifier": "shop", "EngineVersion": "15.17", "ApplyImmediately": true});
    cloud.ok("ModifyDBCluster", upgrade);
    cloud.make_real();
    for (seconds, version, status) in
        [(0, "15.10", "upgrading"), (299, "15.10", "upgrading"), (1, "15.17", "available")]
    {
        cloud.pass(seconds);
        assert_eq!(shown(&mut cloud), ([version; 2].map(str::to_owned), [status; 2].map(str::to_owned)), "{seconds}");
    }
}

#[test]
fn an_upgrade_goes_with_a_renaming() {
    let mut cloud = Cloud::furnished();
    cloud.region.rds.cluster_mut("shop").unwrap().version = "15.10".to_owned();
    let both = json!({"DBClusterIdentifier": "shop", "EngineVersion": "15.17", "NewDBClusterIdentifier": "store",
        "ApplyImmediately": true});
    cloud.ok("ModifyDBCluster", both);
    cloud.make_real();
    cloud.pass(300);
    let version =
        cloud.get("DescribeDBClusters", json!({"DBClusterIdentifier": "store"}), "/DBClusters/0/EngineVersion");
    assert_eq!(version, "15.17");
    let member = cloud.ok("DescribeDBInstances", json!({}))["DBInstances"][0].clone();
    assert_eq!((&member["EngineVersion"], &member["DBInstanceStatus"]), (&json!("15.17"), &json!("available")));
}

#[test]
fn an_instance_keeps_its_endpoint_when_another_one_becomes_the_writer() {
    let mut cloud = Cloud::furnished();
    cloud.ok("CreateDBInstance", instance("shop-2"));
    cloud.make_real();
    cloud.pass(360);
    let endpoints = |cloud: &mut Cloud| {
        let answer = cloud.ok("DescribeDBInstances", json!({}));
        let of = |index: usize| answer["DBInstances"][index]["Endpoint"]["Address"].clone();
        (of(0), of(1))
    };
    let before = endpoints(&mut cloud);
    assert_ne!(before.0, before.1);
    let answer = cloud.ok("FailoverDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!(answer["DBCluster"]["DBClusterMembers"][1]["IsClusterWriter"], true);
    assert_eq!(endpoints(&mut cloud), before);
    if cfg!(target_os = "linux") {
        let own = [&before.0, &before.1];
        assert!(
            !own.contains(&&answer["DBCluster"]["Endpoint"]) && !own.contains(&&answer["DBCluster"]["ReaderEndpoint"])
        );
    }
}
