//! What is told of, and when; and what is kept for later.

use serde_json::{Value, json};

use super::{Cloud, instance};

impl Cloud {
    /// What was told of a kind, with the moments in seconds from the beginning of the test's time.
    fn told(&mut self, kind: &str) -> Vec<(u64, String)> {
        let answer = self.ok("DescribeEvents", json!({"SourceType": kind, "Duration": 1000}));
        let second = |event: &Value| {
            let at = event["Date"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            u64::try_from(at.as_second()).unwrap()
        };
        let events = answer["Events"].as_array().unwrap();
        events.iter().map(|event| (second(event), event["Message"].as_str().unwrap().to_owned())).collect()
    }
}

#[test]
fn a_failover_is_told_of_when_it_begins_and_when_it_ends() {
    let mut cloud = Cloud::furnished();
    cloud.ok("CreateDBInstance", instance("shop-2"));
    cloud.make_real();
    cloud.pass(360);
    let began = cloud.now / 1000;
    cloud.ok("FailoverDBCluster", json!({"DBClusterIdentifier": "shop"}));
    let failover = |cloud: &mut Cloud| {
        let told = cloud.told("db-cluster").into_iter();
        told.filter(|(_, said)| said.contains("failover")).collect::<Vec<_>>()
    };
    let started = (began, "Started cross AZ failover to DB instance: shop-2".to_owned());
    assert_eq!(failover(&mut cloud), std::slice::from_ref(&started));
    cloud.make_real();
    cloud.pass(30);
    let completed = (began + 30, "Completed failover to DB instance: shop-2".to_owned());
    assert_eq!(failover(&mut cloud), [started, completed]);
}

#[test]
fn a_snapshot_is_told_of_when_it_begins_and_when_it_ends() {
    let mut cloud = Cloud::furnished();
    let began = cloud.now / 1000;
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    cloud.make_real();
    cloud.pass(60);
    let told = cloud.told("db-cluster-snapshot");
    let said = [(began, "Creating manual cluster snapshot"), (began + 60, "Manual cluster snapshot created")];
    assert_eq!(told, said.map(|(at, said)| (at, said.to_owned())));
}

#[test]
fn a_restore_leaves_no_trace_among_snapshots() {
    let mut cloud = Cloud::furnished();
    let input = json!({"DBClusterIdentifier": "again", "SourceDBClusterIdentifier": "shop", "DBSubnetGroupName": "shop",
        "UseLatestRestorableTime": true});
    cloud.ok("RestoreDBClusterToPointInTime", input);
    assert_eq!(cloud.ok("DescribeDBClusterSnapshots", json!({}))["DBClusterSnapshots"], json!([]));
    cloud.make_real();
    cloud.pass(600);
    assert_eq!(cloud.told("db-cluster-snapshot"), []);
    assert_eq!(cloud.refusal("DescribeDBClusterSnapshots", json!({"SnapshotType": "foo"})), "InvalidParameterValue");
}

#[test]
fn backups_are_filtered_and_reach_back_to_the_beginning() {
    let mut cloud = Cloud::furnished();
    cloud.pass(1000);
    let list = |cloud: &mut Cloud, name: &str, value: &str| {
        let input = json!({"Filters": [{"Name": name, "Values": [value]}]});
        cloud.ok("DescribeDBClusterAutomatedBackups", input)["DBClusterAutomatedBackups"].as_array().unwrap().clone()
    };
    let id = cloud.region.rds.clusters["shop"].resource_id.clone();
    for (name, value, count) in [
        ("status", "active", 1),
        ("status", "retained", 0),
        ("db-cluster-id", "shop", 1),
        ("db-cluster-id", "other", 0),
        ("db-cluster-resource-id", id.as_str(), 1),
        ("db-cluster-resource-id", "cluster-X", 0),
    ] {
        assert_eq!(list(&mut cloud, name, value).len(), count, "{name} {value}");
    }
    let window = list(&mut cloud, "status", "active")[0]["RestoreWindow"].clone();
    let cluster = cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}))["DBClusters"][0].clone();
    assert_eq!(
        window,
        json!({"EarliestTime": cluster["EarliestRestorableTime"], "LatestTime": cluster["LatestRestorableTime"]})
    );
    assert_ne!(window["EarliestTime"], window["LatestTime"]);
    let unknown = json!({"Filters": [{"Name": "colour", "Values": ["red"]}]});
    assert_eq!(cloud.refusal("DescribeDBClusterAutomatedBackups", unknown), "InvalidParameterValue");
    let kept = json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true, "DeleteAutomatedBackups": false});
    assert_eq!(cloud.refusal("DeleteDBCluster", kept), "InvalidParameterCombination");
}
