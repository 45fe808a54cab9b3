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

impl Cloud {
    /// Has the state written and read again, as a cloud does that ends and starts.
    fn restart(&mut self) {
        let text = serde_json::to_string(&self.region.rds).unwrap();
        self.region.rds = serde_json::from_str(&text).unwrap();
    }
}

#[test]
fn an_operation_is_told_of_once_when_it_is_over() {
    let cluster = json!({"DBClusterIdentifier": "shop"});
    let change =
        |member: &str, value: &str| json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true, member: value});
    let delete = json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true});
    let first = json!({"DBInstanceIdentifier": "shop-1"});
    let proxy = json!({"DBProxyName": "shop", "IdleClientTimeout": 60});
    let resize = json!({"DBInstanceIdentifier": "shop-1", "DBInstanceClass": "db.r6g.large", "ApplyImmediately": true});
    let mut cloud = Cloud::furnished();
    cloud.region.rds.cluster_mut("shop").unwrap().version = "15.10".to_owned();
    for (action, input, kind, at_once, seconds, message) in [
        ("StopDBCluster", cluster.clone(), "db-cluster", None, 240, "DB cluster stopped"),
        ("StartDBCluster", cluster, "db-cluster", None, 240, "DB cluster started"),
        (
            "ModifyDBCluster",
            change("MasterUserPassword", "another-99"),
            "db-cluster",
            None,
            20,
            "Reset master credentials",
        ),
        (
            "ModifyDBCluster",
            change("EngineVersion", "15.17"),
            "db-cluster",
            None,
            300,
            "Database cluster engine version has been upgraded",
        ),
        (
            "ModifyDBCluster",
            change("NewDBClusterIdentifier", "store"),
            "db-cluster",
            None,
            60,
            "Renamed cluster from shop to store",
        ),
        (
            "ModifyDBCluster",
            json!({"DBClusterIdentifier": "store", "NewDBClusterIdentifier": "shop", "ApplyImmediately": true}),
            "db-cluster",
            None,
            60,
            "Renamed cluster from store to shop",
        ),
        ("RebootDBInstance", first.clone(), "db-instance", Some("DB instance shutdown"), 30, "DB instance restarted"),
        (
            "ModifyDBInstance",
            resize,
            "db-instance",
            Some("Applying modification to database instance class"),
            15,
            "Finished applying modification to DB instance class",
        ),
        ("ModifyDBProxy", proxy, "db-proxy", None, 30, "RDS modified DB proxy shop."),
        ("DeleteDBInstance", first, "db-instance", None, 360, "DB instance deleted"),
        ("DeleteDBCluster", delete, "db-cluster", None, 360, "DB cluster deleted"),
    ] {
        let before = cloud.told(kind).len();
        let new = |cloud: &mut Cloud| cloud.told(kind).split_off(before);
        let began = cloud.now / 1000;
        cloud.ok(action, input);
        let mut expected: Vec<_> = at_once.map(|said| (began, said.to_owned())).into_iter().collect();
        cloud.make_real();
        cloud.pass(seconds - 1);
        assert_eq!(new(&mut cloud), expected, "{action}");
        cloud.restart();
        // Nobody looks for a while.
        cloud.pass(500);
        expected.push((began + seconds, message.to_owned()));
        assert_eq!(new(&mut cloud), expected, "{action}");
        cloud.restart();
        cloud.pass(1);
        assert_eq!(new(&mut cloud), expected, "{action}");
    }
}

#[test]
fn what_the_servers_hold_up_is_told_of_when_they_are_there() {
    let mut cloud = Cloud::furnished();
    let began = cloud.now / 1000;
    cloud.ok("StopDBCluster", json!({"DBClusterIdentifier": "shop"}));
    cloud.pass(300);
    let before = cloud.told("db-cluster").len();
    cloud.make_real();
    cloud.pass(10);
    let told = cloud.told("db-cluster").split_off(before);
    assert_eq!(told, [(began + 310, "DB cluster stopped".to_owned())]);
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
