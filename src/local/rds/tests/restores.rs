//! Clusters made from what others hold or held.

use serde_json::{Value, json};

use super::{Cloud, merge};

/// One with a cluster that has settings of its own, and a snapshot of it.
fn with_snapshot() -> Cloud {
    let mut cloud = Cloud::furnished();
    let own = json!({"DBClusterIdentifier": "shop", "BackupRetentionPeriod": 14, "CopyTagsToSnapshot": true,
        "ApplyImmediately": true});
    cloud.ok("ModifyDBCluster", own);
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    cloud.make_real();
    cloud.pass(600);
    cloud
}

fn restore(cloud: &mut Cloud, name: &str, more: &Value) -> Value {
    let mut input = json!({"DBClusterIdentifier": name, "SnapshotIdentifier": "one", "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "shop"});
    merge(&mut input, more);
    cloud.ok("RestoreDBClusterFromSnapshot", input)["DBCluster"].clone()
}

fn back_in_time(cloud: &mut Cloud, name: &str, more: &Value) -> Value {
    let mut input = json!({"DBClusterIdentifier": name, "SourceDBClusterIdentifier": "shop", "DBSubnetGroupName": "shop",
        "UseLatestRestorableTime": true});
    merge(&mut input, more);
    let made = cloud.ok("RestoreDBClusterToPointInTime", input)["DBCluster"].clone();
    cloud.make_real();
    cloud.pass(600);
    made
}

#[test]
fn backups_are_kept_as_long_as_the_source_s() {
    let mut cloud = with_snapshot();
    let made = restore(&mut cloud, "again", &json!({}));
    assert_eq!((&made["BackupRetentionPeriod"], &made["CopyTagsToSnapshot"]), (&json!(14), &json!(false)));
    assert_eq!(made["ServerlessV2ScalingConfiguration"], json!(null), "of capacity a snapshot knows nothing");
    assert_eq!(restore(&mut cloud, "other", &json!({"BackupRetentionPeriod": 3}))["BackupRetentionPeriod"], 3);
    let made = back_in_time(&mut cloud, "third", &json!({}));
    assert_eq!(made["BackupRetentionPeriod"], 14);
    assert_eq!(made["ServerlessV2ScalingConfiguration"]["MaxCapacity"], 4.0);
    let wider = json!({"ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 8.0}});
    assert_eq!(back_in_time(&mut cloud, "fourth", &wider)["ServerlessV2ScalingConfiguration"]["MaxCapacity"], 8.0);
}

#[test]
fn clones_are_of_one_group_with_their_source() {
    let mut cloud = with_snapshot();
    let group = |cloud: &mut Cloud, name: &str| {
        cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": name}))["DBClusters"][0]["CloneGroupId"].clone()
    };
    back_in_time(&mut cloud, "copied", &json!({"RestoreType": "full-copy"}));
    assert_eq!((group(&mut cloud, "shop"), group(&mut cloud, "copied")), (json!(null), json!(null)));
    back_in_time(&mut cloud, "clone", &json!({"RestoreType": "copy-on-write"}));
    let id = group(&mut cloud, "shop");
    assert!(id.is_string(), "{id}");
    assert_eq!(group(&mut cloud, "clone"), id);
    back_in_time(&mut cloud, "later", &json!({}));
    assert_eq!(group(&mut cloud, "later"), id, "inherited");
    restore(&mut cloud, "again", &json!({}));
    assert_eq!(group(&mut cloud, "again"), json!(null), "a snapshot hands nothing on");
    let of_group = json!({"Filters": [{"Name": "clone-group-id", "Values": [id]}]});
    let answer = cloud.ok("DescribeDBClusters", of_group);
    let found = answer["DBClusters"].as_array().unwrap().iter().map(|one| one["DBClusterIdentifier"].as_str().unwrap());
    assert_eq!(found.collect::<Vec<_>>(), ["clone", "later", "shop"]);
}
