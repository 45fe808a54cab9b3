//! Clusters made from what others hold or held.

use serde_json::{Value, json};

use super::{Cloud, merge};
use crate::local::{
    cloud::{self, Reach},
    members::testing,
    pace::Pace,
    rds::{looks_abroad, snapshots::sharing},
    world::{Account, World},
};

/// One with a cluster that has settings of its own, and a snapshot of it.
fn with_snapshot() -> Cloud {
    let mut cloud = Cloud::furnished();
    let own = json!({"DBClusterIdentifier": "shop", "BackupRetentionPeriod": 14, "CopyTagsToSnapshot": true,
        "ApplyImmediately": true});
    cloud.ok("ModifyDBCluster", own);
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    cloud.make_real();
    cloud.pass(600);
    assert_eq!(cloud.cluster_status(), "available");
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
fn a_restore_with_a_key_is_encrypted_with_it() {
    let mut cloud = with_snapshot();
    let plain = restore(&mut cloud, "plain", &json!({}));
    assert_eq!((&plain["StorageEncrypted"], &plain["StorageEncryptionType"]), (&json!(false), &json!("sse-rds")));
    let made = restore(&mut cloud, "again", &json!({"KmsKeyId": "alias/aws/rds"}));
    assert_eq!((&made["StorageEncrypted"], &made["StorageEncryptionType"]), (&json!(true), &json!("sse-kms")));
    assert!(made["KmsKeyId"].as_str().unwrap().contains(":key/"), "{made}");
}

#[test]
fn a_restore_has_the_database_of_its_snapshot() {
    let mut cloud = with_snapshot();
    let database =
        cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}))["DBClusters"][0]["DatabaseName"].clone();
    assert_eq!(restore(&mut cloud, "again", &json!({"DatabaseName": database}))["DatabaseName"], database);
    let input = json!({"DBClusterIdentifier": "other", "SnapshotIdentifier": "one", "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "shop", "DatabaseName": "another"});
    assert_eq!(cloud.refusal("RestoreDBClusterFromSnapshot", input), "InvalidParameterCombination");
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

/// What a place sees of a cloud's snapshots, when the cloud is another place.
fn abroad(cloud: &mut Cloud, account: &str, region: &str) -> Vec<String> {
    let mut world = World::default();
    let mut owner = Account::default();
    owner.regions.insert("eu-central-1".into(), std::mem::take(&mut cloud.region));
    world.accounts.insert(testing::Cloud::ACCOUNT.into(), owner);
    let seen = sharing::abroad(&world, account, region);
    let mut owner = world.accounts.remove(testing::Cloud::ACCOUNT).unwrap();
    cloud.region = owner.regions.remove("eu-central-1").unwrap();
    let names = seen.iter().map(|snapshot| snapshot.identifier.clone()).collect();
    cloud.region.rds.abroad = seen;
    names
}

#[test]
fn a_snapshot_is_seen_by_whom_it_is_shared_with_and_from_other_regions() {
    let mut cloud = with_snapshot();
    let own = testing::Cloud::ACCOUNT;
    assert_eq!(abroad(&mut cloud, own, "us-east-1"), ["one"]);
    assert!(abroad(&mut cloud, own, "eu-central-1").is_empty(), "that is where it is");
    assert!(abroad(&mut cloud, "444455556666", "eu-central-1").is_empty());
    let share = |member: &str, with: &str| json!({"DBClusterSnapshotIdentifier": "one", "AttributeName": "restore", member: [with]});
    cloud.ok("ModifyDBClusterSnapshotAttribute", share("ValuesToAdd", "444455556666"));
    assert_eq!(abroad(&mut cloud, "444455556666", "eu-central-1"), ["one"]);
    assert!(abroad(&mut cloud, "777788889999", "eu-central-1").is_empty());
    cloud.ok("ModifyDBClusterSnapshotAttribute", share("ValuesToRemove", "444455556666"));
    cloud.ok("ModifyDBClusterSnapshotAttribute", share("ValuesToAdd", "all"));
    assert_eq!(abroad(&mut cloud, "777788889999", "eu-central-1"), ["one"]);
    let list = |cloud: &mut Cloud, kind: &str| {
        let answer = cloud.ok("DescribeDBClusterSnapshots", json!({"SnapshotType": kind}));
        answer["DBClusterSnapshots"].as_array().map(Vec::len)
    };
    cloud.region.rds.abroad.clear();
    assert_eq!(
        (list(&mut cloud, "public"), list(&mut cloud, "shared"), list(&mut cloud, "manual")),
        (Some(1), Some(0), Some(1))
    );
}

#[test]
fn only_a_call_that_may_name_them_is_shown_what_others_have() {
    let mut source = with_snapshot();
    let mut owner = Account::default();
    owner.regions.insert("eu-central-1".into(), std::mem::take(&mut source.region));
    let folder = tempfile::tempdir().unwrap();
    let cloud = cloud::Cloud::open(folder.path(), Pace::Instant, Vec::new()).unwrap();
    cloud.world().accounts.insert(testing::Cloud::ACCOUNT.into(), owner);
    let seen = |action: &str| {
        let reach = if looks_abroad(action) { Reach::Everywhere } else { Reach::Here };
        cloud.region_reaching(reach, testing::Cloud::ACCOUNT, "us-east-1", |ctx| ctx.region.rds.abroad.len())
    };
    let actions = ["CopyDBClusterSnapshot", "DescribeDBClusters", "RestoreDBClusterFromSnapshot", "CreateDBCluster"];
    assert_eq!(actions.map(seen), [1, 0, 1, 0]);
}

#[test]
fn a_snapshot_of_another_region_is_copied_by_its_arn_and_not_restored() {
    let mut source = with_snapshot();
    let arn = source.region.rds.snapshots["one"].arn.clone();
    abroad(&mut source, testing::Cloud::ACCOUNT, "us-east-1");
    let seen = std::mem::take(&mut source.region.rds.abroad);
    let mut cloud = Cloud::new();
    cloud.here.region_name = "us-east-1";
    cloud.region.rds.abroad = seen;
    let copy =
        |source: &str| json!({"SourceDBClusterSnapshotIdentifier": source, "TargetDBClusterSnapshotIdentifier": "two"});
    assert_eq!(cloud.refusal("CopyDBClusterSnapshot", copy("one")), "DBClusterSnapshotNotFoundFault");
    let restored = json!({"DBClusterIdentifier": "again", "SnapshotIdentifier": arn, "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "shop"});
    assert_eq!(cloud.refusal("RestoreDBClusterFromSnapshot", restored), "DBClusterSnapshotNotFoundFault");
    assert_eq!(
        cloud.refusal("DeleteDBClusterSnapshot", json!({"DBClusterSnapshotIdentifier": arn})),
        "DBClusterSnapshotNotFoundFault"
    );
    let made = cloud.ok("CopyDBClusterSnapshot", copy(&arn));
    assert_eq!(made["DBClusterSnapshot"]["SourceDBClusterSnapshotArn"], arn.as_str());
    assert!(made["DBClusterSnapshot"]["DBClusterSnapshotArn"].as_str().unwrap().contains(":us-east-1:"));
}
