//! Snapshots whose data cannot be copied.

use serde_json::json;

use super::Cloud;
use crate::local::rds::{
    plane::wanted::{Place, Wanted},
    snapshots::copying::ATTEMPTS,
};

const WHY: &str = "Could not copy the cluster's data: No space left on device.";

/// What the data plane does when a copy fails, so many times. Answers the lines that the log has of it.
fn fail(cloud: &mut Cloud, id: &str, times: u32) -> Vec<String> {
    let now = cloud.now;
    (0..times).flat_map(|_| cloud.region.rds.note_copy(now, id, Err(WHY.into()))).collect()
}

fn status(cloud: &mut Cloud, id: &str) -> String {
    let input = json!({"DBClusterSnapshotIdentifier": id});
    cloud.get("DescribeDBClusterSnapshots", input, "/DBClusterSnapshots/0/Status")
}

fn told(cloud: &mut Cloud, kind: &str, name: &str) -> Vec<String> {
    let answer = cloud.ok("DescribeEvents", json!({"SourceType": kind, "SourceIdentifier": name}));
    let events = answer["Events"].as_array().unwrap().iter();
    events.map(|event| event["Message"].as_str().unwrap().to_owned()).collect()
}

/// How many copies the data plane is asked for, and how many servers.
fn wanted(cloud: &Cloud) -> (usize, usize) {
    let place = Place { account: "000000000000".into(), region: "eu-central-1".into() };
    let mut wanted = Wanted::default();
    wanted.add_region(&place, &cloud.here.account.iam, &cloud.here.region, cloud.here.now);
    (wanted.copies.len(), wanted.servers.len())
}

#[test]
fn a_snapshot_whose_copy_fails_again_and_again_has_failed_and_can_be_deleted() {
    let mut cloud = Cloud::furnished();
    let named = json!({"DBClusterSnapshotIdentifier": "one"});
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    cloud.pass(3600);
    assert_eq!(fail(&mut cloud, "one", ATTEMPTS - 1).len(), 1, "the same trouble is told once");
    assert_eq!((status(&mut cloud, "one").as_str(), wanted(&cloud)), ("creating", (1, 1)));
    assert_eq!(cloud.refusal("DeleteDBClusterSnapshot", named.clone()), "InvalidDBClusterSnapshotStateFault");
    let lines = fail(&mut cloud, "one", 2);
    assert!(lines.len() == 1 && lines[0].contains(":cluster-snapshot:one: Cluster snapshot failed after"), "{lines:?}");
    assert_eq!((status(&mut cloud, "one").as_str(), wanted(&cloud)), ("failed", (0, 1)));
    assert!(told(&mut cloud, "db-cluster-snapshot", "one").last().unwrap().contains(WHY));
    let restore = json!({"DBClusterIdentifier": "again", "SnapshotIdentifier": "one", "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "shop"});
    assert_eq!(cloud.refusal("RestoreDBClusterFromSnapshot", restore), "InvalidDBClusterSnapshotStateFault");
    cloud.ok("DeleteDBClusterSnapshot", named.clone());
    assert_eq!(cloud.refusal("DescribeDBClusterSnapshots", named), "DBClusterSnapshotNotFoundFault");
}

/// One whose cluster has lost its instance, and whose password RDS keeps.
fn without_instance() -> Cloud {
    let mut cloud = Cloud::furnished();
    let managed = json!({"DBClusterIdentifier": "shop", "ManageMasterUserPassword": true, "ApplyImmediately": true});
    cloud.ok("ModifyDBCluster", managed);
    cloud.make_real();
    cloud.pass(600);
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    cloud.make_real();
    cloud.pass(3600);
    assert_eq!(cloud.cluster_status(), "available");
    cloud
}

#[test]
fn a_cluster_stays_with_its_password_if_its_final_snapshot_fails() {
    let mut cloud = without_instance();
    let secret = "/DBClusters/0/MasterUserSecret/SecretArn";
    let named = json!({"DBClusterIdentifier": "shop"});
    let secret = json!({"SecretId": cloud.get("DescribeDBClusters", named.clone(), secret)});
    let password = cloud.get("secretsmanager GetSecretValue", secret.clone(), "/SecretString");
    let delete = |snapshot: &str| json!({"DBClusterIdentifier": "shop", "FinalDBSnapshotIdentifier": snapshot});
    cloud.ok("DeleteDBCluster", delete("last"));
    cloud.pass(3600);
    assert_eq!(cloud.cluster_status(), "deleting");
    assert_eq!(fail(&mut cloud, "last", ATTEMPTS).len(), 3);
    cloud.pass(3600);
    assert_eq!((cloud.cluster_status().as_str(), status(&mut cloud, "last").as_str()), ("available", "failed"));
    let said = told(&mut cloud, "db-cluster", "shop");
    assert!(
        said.last().unwrap().contains("Unable to delete the DB cluster: its final snapshot last failed"),
        "{said:?}"
    );
    assert_eq!(cloud.get("secretsmanager GetSecretValue", secret.clone(), "/SecretString"), password);

    // It is asked for again, by another name.
    cloud.ok("DeleteDBCluster", delete("very-last"));
    cloud.make_real();
    cloud.pass(3600);
    assert_eq!(cloud.refusal("DescribeDBClusters", named), "DBClusterNotFoundFault");
    assert_eq!(cloud.refusal("secretsmanager GetSecretValue", secret), "ResourceNotFoundException");
    assert_eq!(status(&mut cloud, "very-last"), "available");
}

#[test]
fn a_cluster_that_needs_no_snapshot_goes_though_another_one_fails() {
    let mut cloud = without_instance();
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true}));
    fail(&mut cloud, "one", ATTEMPTS);
    cloud.make_real();
    cloud.pass(3600);
    assert_eq!(cloud.refusal("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"})), "DBClusterNotFoundFault");
}

#[test]
fn a_cluster_whose_source_cannot_be_copied_has_failed_and_can_be_deleted() {
    let mut cloud = Cloud::furnished();
    cloud.ok(
        "RestoreDBClusterToPointInTime",
        json!({"DBClusterIdentifier": "again", "SourceDBClusterIdentifier": "shop", "DBSubnetGroupName": "shop",
            "UseLatestRestorableTime": true}),
    );
    let id = cloud.region.rds.snapshots.keys().next().unwrap().clone();
    assert_eq!(wanted(&cloud), (1, 1), "the new one waits for its data");
    fail(&mut cloud, &id, ATTEMPTS);
    assert_eq!(wanted(&cloud), (0, 1), "and does not wait for ever");
    let named = json!({"DBClusterIdentifier": "again"});
    assert_eq!(cloud.get("DescribeDBClusters", named.clone(), "/DBClusters/0/Status"), "failed");
    assert!(told(&mut cloud, "db-cluster", "again").last().unwrap().contains(WHY));
    assert_eq!(cloud.ok("DescribeEvents", json!({"SourceType": "db-cluster-snapshot"}))["Events"], json!([]));
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "again", "SkipFinalSnapshot": true}));
    assert_eq!(wanted(&cloud), (0, 2));
    cloud.make_real();
    cloud.pass(3600);
    assert_eq!(cloud.refusal("DescribeDBClusters", named), "DBClusterNotFoundFault");
    cloud.pass(1);
    cloud.ok("DescribeDBClusters", json!({}));
    assert!(cloud.region.rds.snapshots.is_empty(), "what was made to restore from has gone with it");
}
