//! A database that somebody deleted, and one of which there are two.

use serde_json::json;

use super::{changing, rds, wait_for_clusters, with_a_service};
use crate::binary::Cloud;

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
    assert!(diff.contains("A deploy would refuse this"), "{diff}");
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    let told = run.stderr();
    for part in [
        "It existed before and is gone",
        "secret-attachment/database",
        "infra import",
        "--allow-create cluster/database",
    ] {
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
        assert!(diff.contains("A deploy would refuse this"), "{diff}");
        let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
        for part in ["It existed before and is gone", witness, "--allow-create cluster/database"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "{:?}", changing(&cloud));
    };
    refused("secret-attachment/database still refers to shop-database");
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
