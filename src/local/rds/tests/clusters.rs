//! Clusters and their instances: refusals, states, endings.

use serde_json::{Value, json};

use super::{Cloud, instance, merge};

#[test]
fn what_a_cluster_cannot_be_watched_by_or_placed_in_is_refused() {
    let mut cloud = Cloud::new();
    for (change, code) in [
        (json!({"MonitoringInterval": 7}), "InvalidParameterValue"),
        (json!({"MonitoringInterval": 60}), "InvalidParameterCombination"),
        (json!({"PerformanceInsightsRetentionPeriod": 94}), "InvalidParameterValue"),
        (json!({"PerformanceInsightsRetentionPeriod": 744}), "InvalidParameterValue"),
        (json!({"AvailabilityZones": ["us-east-1a"]}), "InvalidParameterValue"),
        (json!({"NetworkType": "DUAL"}), "NetworkTypeNotSupported"),
    ] {
        let input = cloud.cluster_input(&change);
        assert_eq!(cloud.refusal("CreateDBCluster", input), code, "{change}");
    }
    for days in [7, 31, 713, 731] {
        let name = format!("kept-{days}");
        let change = json!({"DBClusterIdentifier": name, "PerformanceInsightsRetentionPeriod": days});
        let input = cloud.cluster_input(&change);
        cloud.ok("CreateDBCluster", input);
    }
}

#[test]
fn a_default_group_is_not_copied() {
    let mut cloud = Cloud::new();
    let copy = json!({"SourceDBClusterParameterGroupIdentifier": "default.aurora-postgresql15",
        "TargetDBClusterParameterGroupIdentifier": "copy", "TargetDBClusterParameterGroupDescription": "d"});
    assert_eq!(cloud.refusal("CopyDBClusterParameterGroup", copy), "InvalidParameterValue");
}

#[test]
fn a_cluster_that_aws_would_refuse_is_refused() {
    let mut cloud = Cloud::new();
    for (change, code) in [
        (json!({"Engine": "mysql"}), "InvalidParameterValue"),
        (json!({"EngineVersion": "15.4"}), "InvalidParameterCombination"),
        (json!({"MasterUserPassword": "short"}), "InvalidParameterValue"),
        (json!({"MasterUserPassword": null}), "InvalidParameterValue"),
        (json!({"MasterUsername": "rdsadmin"}), "InvalidParameterValue"),
        (json!({"DatabaseName": "1st"}), "InvalidParameterValue"),
        (json!({"Port": 80}), "InvalidParameterValue"),
        (json!({"DBSubnetGroupName": "other"}), "DBSubnetGroupNotFoundFault"),
        (json!({"DBClusterParameterGroupName": "other"}), "DBClusterParameterGroupNotFound"),
        (json!({"VpcSecurityGroupIds": ["sg-0123"]}), "InvalidParameterValue"),
        (json!({"BackupRetentionPeriod": 0}), "InvalidParameterValue"),
        (json!({"EnableCloudwatchLogsExports": ["audit"]}), "InvalidParameterCombination"),
        (json!({"EngineLifecycleSupport": "forever"}), "InvalidParameterValue"),
        (
            json!({"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.3, "MaxCapacity": 4.0}}),
            "InvalidParameterValue",
        ),
        (
            json!({"ServerlessV2ScalingConfiguration": {"MinCapacity": 8.0, "MaxCapacity": 4.0}}),
            "InvalidParameterValue",
        ),
        (json!({"ManageMasterUserPassword": true}), "InvalidParameterCombination"),
        (json!({"GlobalClusterIdentifier": "world"}), "InvalidParameterCombination"),
    ] {
        let input = cloud.cluster_input(&change);
        assert_eq!(cloud.refusal("CreateDBCluster", input), code, "{change}");
    }
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input.clone());
    assert_eq!(cloud.refusal("CreateDBCluster", input), "DBClusterAlreadyExistsFault");
}

#[test]
fn a_cluster_is_available_when_its_time_has_come_and_its_server_answers() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    assert_eq!(cloud.get("CreateDBCluster", input, "/DBCluster/Status"), "creating");
    let copy = json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "early"});
    assert_eq!(cloud.refusal("CreateDBClusterSnapshot", copy), "InvalidDBClusterStateFault");
    cloud.pass(151);
    assert_eq!(cloud.cluster_status(), "creating", "without a server");
    cloud.make_real();
    assert_eq!(cloud.cluster_status(), "available");
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = Some("PostgreSQL is not installed".into());
    assert_eq!(cloud.cluster_status(), "available", "a fault takes nothing away from what runs");
}

#[test]
fn a_server_that_cannot_be_made_is_a_failed_cluster_that_can_be_deleted() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = Some("PostgreSQL is not installed".into());
    assert_eq!(cloud.cluster_status(), "failed");
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true}));
    cloud.make_real();
    cloud.pass(360);
    assert_eq!(cloud.refusal("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"})), "DBClusterNotFoundFault");
}

#[test]
fn rds_keeps_the_password_of_the_master_user_in_a_secret_of_its_own() {
    let mut cloud = Cloud::furnished();
    let mut input = cloud.cluster_input(&json!({"DBClusterIdentifier": "kept", "ManageMasterUserPassword": true}));
    input.as_object_mut().unwrap().remove("MasterUserPassword");
    let made = cloud.ok("CreateDBCluster", input);
    let secret = made.pointer("/DBCluster/MasterUserSecret/SecretArn").unwrap().clone();
    assert_eq!(made.pointer("/DBCluster/MasterUserSecret/SecretStatus").unwrap(), "creating");
    let named = json!({"SecretId": secret});
    let described = cloud.ok("secretsmanager DescribeSecret", named.clone());
    assert_eq!((&described["OwningService"], &described["RotationEnabled"]), (&json!("rds"), &json!(true)));
    let read = |cloud: &mut Cloud| {
        let text = cloud.get("secretsmanager GetSecretValue", named.clone(), "/SecretString");
        let held: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(held["username"], "app");
        held["password"].as_str().unwrap().to_owned()
    };
    let servers = |cloud: &Cloud| cloud.region.rds.clusters["kept"].password.0.clone();
    let first = read(&mut cloud);
    for (action, more) in [
        ("DeleteSecret", json!({})),
        ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
        ("PutSecretValue", json!({"SecretString": "mine"})),
        ("UpdateSecret", json!({"SecretString": "mine"})),
    ] {
        let mut input = named.clone();
        merge(&mut input, &more);
        assert_eq!(cloud.refusal(&format!("secretsmanager {action}"), input), "InvalidRequestException", "{action}");
    }
    cloud.make_real();
    cloud.pass(150);
    let change = |more: Value| {
        let mut input = json!({"DBClusterIdentifier": "kept"});
        merge(&mut input, &more);
        input
    };
    for wrong in [
        json!({"MasterUserPassword": "another-99"}),
        json!({"ManageMasterUserPassword": false}),
        json!({"RotateMasterUserPassword": true}),
        json!({"MasterUserSecretKmsKeyId": "alias/aws/secretsmanager"}),
    ] {
        assert_eq!(cloud.refusal("ModifyDBCluster", change(wrong.clone())), "InvalidParameterCombination", "{wrong}");
    }
    assert_eq!(read(&mut cloud), first, "nothing that was refused has happened");
    let rotation = json!({"RotateMasterUserPassword": true, "ApplyImmediately": true});
    let rotated = cloud.ok("ModifyDBCluster", change(rotation));
    assert_eq!(rotated.pointer("/DBCluster/MasterUserSecret/SecretStatus").unwrap(), "rotating");
    assert_ne!(servers(&cloud), first);
    assert_eq!(read(&mut cloud), first, "which the server has until it has the next one");
    let mut pending = named.clone();
    merge(&mut pending, &json!({"VersionStage": "AWSPENDING"}));
    assert!(cloud.get("secretsmanager GetSecretValue", pending.clone(), "/SecretString").contains("app"));
    assert_eq!(
        cloud.refusal("secretsmanager RotateSecret", named.clone()),
        "InvalidRequestException",
        "it is being rotated"
    );
    cloud.make_real();
    cloud.pass(20);
    let second = read(&mut cloud);
    assert_eq!(second, servers(&cloud), "the server has it");
    assert_eq!(cloud.refusal("secretsmanager GetSecretValue", pending), "ResourceNotFoundException");
    let rules = json!({"AutomaticallyAfterDays": 30});
    let mut scheduled = named.clone();
    merge(&mut scheduled, &json!({"RotationRules": rules, "RotateImmediately": false}));
    cloud.ok("secretsmanager RotateSecret", scheduled);
    assert_eq!(cloud.ok("secretsmanager DescribeSecret", named.clone())["RotationRules"], rules);
    let mut untagged = named.clone();
    merge(&mut untagged, &json!({"TagKeys": ["aws:rds:primaryDBClusterArn"]}));
    assert_eq!(cloud.refusal("secretsmanager UntagResource", untagged), "InvalidParameterException");
    cloud.ok("secretsmanager RotateSecret", named.clone());
    cloud.make_real();
    cloud.pass(20);
    assert_ne!(read(&mut cloud), second);
    let own = json!({"ManageMasterUserPassword": false, "MasterUserPassword": "another-99", "ApplyImmediately": true});
    let ended = cloud.ok("ModifyDBCluster", change(own));
    assert!(ended["DBCluster"]["MasterUserSecret"].is_null(), "{ended}");
    assert_eq!(cloud.refusal("secretsmanager DescribeSecret", named), "ResourceNotFoundException");

    cloud.make_real();
    cloud.pass(20);
    let begun = cloud.ok("ModifyDBCluster", change(json!({"ManageMasterUserPassword": true})));
    let secret = begun.pointer("/DBCluster/MasterUserSecret/SecretArn").unwrap().clone();
    cloud.make_real();
    cloud.pass(20);
    cloud.ok("DeleteDBCluster", change(json!({"SkipFinalSnapshot": true})));
    cloud.make_real();
    cloud.pass(600);
    let gone = json!({"SecretId": secret});
    assert_eq!(
        cloud.refusal("secretsmanager DescribeSecret", gone),
        "ResourceNotFoundException",
        "it goes with its cluster"
    );
}

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let mut cloud = Cloud::furnished();
    let group = cloud.groups[0].clone();
    let subnet = cloud.subnets[0].clone();
    for (action, input, code) in [
        ("DeleteDBSubnetGroup", json!({"DBSubnetGroupName": "shop"}), "InvalidDBSubnetGroupStateFault"),
        (
            "DeleteDBCluster",
            json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true}),
            "InvalidDBClusterStateFault",
        ),
        ("ec2 DeleteSecurityGroup", json!({"GroupId": group}), "DependencyViolation"),
        ("ec2 DeleteSubnet", json!({"SubnetId": subnet}), "DependencyViolation"),
    ] {
        assert_eq!(cloud.refusal(action, input), code, "{action}");
    }
}

#[test]
fn a_cluster_goes_only_unprotected_empty_and_with_a_word_on_its_snapshot() {
    let mut cloud = Cloud::furnished();
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "DeletionProtection": true}));
    let skip = json!({"DBClusterIdentifier": "shop", "SkipFinalSnapshot": true});
    assert_eq!(cloud.refusal("DeleteDBCluster", skip), "InvalidParameterCombination");
    cloud.ok("ModifyDBCluster", json!({"DBClusterIdentifier": "shop", "DeletionProtection": false}));
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    assert_eq!(cloud.refusal("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-1"})), "InvalidDBInstanceState");
    assert_eq!(cloud.refusal("DeleteDBCluster", json!({"DBClusterIdentifier": "shop"})), "InvalidParameterCombination");
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "shop", "FinalDBSnapshotIdentifier": "last"}));
    cloud.pass(720);
    assert_eq!(cloud.cluster_status(), "deleting", "until the snapshot is made and the server stopped");
    cloud.make_real();
    let status = cloud.get("DescribeDBClusterSnapshots", json!({}), "/DBClusterSnapshots/0/Status");
    assert_eq!((status.as_str(), cloud.region.rds.clusters.len()), ("available", 0));
    let group = cloud.groups[0].clone();
    cloud.ok("ec2 DeleteSecurityGroup", json!({"GroupId": group}));
    let taken = json!({"DBClusterIdentifier": "back", "SnapshotIdentifier": "last", "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "shop"});
    assert_eq!(cloud.get("RestoreDBClusterFromSnapshot", taken, "/DBCluster/MasterUsername"), "app");
}

#[test]
fn a_change_shows_in_the_state_and_a_second_one_waits() {
    let mut cloud = Cloud::furnished();
    let change = |member: &str, value: Value| {
        let mut input = json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true});
        input[member] = value;
        input
    };
    for (member, value, status, seconds) in [
        ("MasterUserPassword", json!("another-99"), "resetting-master-credentials", 20),
        ("ServerlessV2ScalingConfiguration", json!({"MinCapacity": 1.0, "MaxCapacity": 8.0}), "modifying", 15),
        ("BackupRetentionPeriod", json!(7), "available", 0),
    ] {
        let input = change(member, value);
        assert_eq!(cloud.get("ModifyDBCluster", input.clone(), "/DBCluster/Status"), status, "{member}");
        if seconds > 0 {
            assert_eq!(cloud.refusal("ModifyDBCluster", input), "InvalidDBClusterStateFault", "{member}");
        }
        cloud.make_real();
        cloud.pass(seconds);
        assert_eq!(cloud.cluster_status(), "available");
    }
    let down = change("EngineVersion", json!("15.10"));
    assert_eq!(cloud.refusal("ModifyDBCluster", down), "InvalidParameterCombination");
}

#[test]
fn a_stopped_cluster_is_started_before_anything_else() {
    let mut cloud = Cloud::furnished();
    let name = json!({"DBClusterIdentifier": "shop"});
    cloud.ok("StopDBCluster", name.clone());
    cloud.pass(240);
    assert_eq!(cloud.cluster_status(), "stopping", "while its server runs");
    cloud.make_real();
    assert_eq!(cloud.cluster_status(), "stopped");
    assert_eq!(cloud.refusal("StopDBCluster", name.clone()), "InvalidDBClusterStateFault");
    assert_eq!(cloud.refusal("RebootDBInstance", json!({"DBInstanceIdentifier": "shop-1"})), "InvalidDBInstanceState");
    cloud.ok("StartDBCluster", name);
    cloud.make_real();
    cloud.pass(240);
    assert_eq!(cloud.cluster_status(), "available");
}

#[test]
fn a_failover_takes_the_reader_of_the_lowest_tier() {
    let mut cloud = Cloud::furnished();
    let name = json!({"DBClusterIdentifier": "shop"});
    assert_eq!(cloud.refusal("FailoverDBCluster", name.clone()), "InvalidDBClusterStateFault", "without a reader");
    for (reader, tier) in [("shop-2", 2), ("shop-3", 0)] {
        let mut input = instance(reader);
        input["PromotionTier"] = json!(tier);
        cloud.ok("CreateDBInstance", input);
    }
    cloud.make_real();
    cloud.pass(360);
    cloud.ok("FailoverDBCluster", name.clone());
    let answer = cloud.ok("DescribeDBClusters", name);
    let members = answer["DBClusters"][0]["DBClusterMembers"].as_array().unwrap();
    let writers: Vec<_> = members.iter().filter(|member| member["IsClusterWriter"] == true).collect();
    assert_eq!((writers.len(), &writers[0]["DBInstanceIdentifier"]), (1, &json!("shop-3")));
}

#[test]
fn a_cluster_stays_reachable_while_a_reader_comes_and_goes() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    let reachable = |cloud: &Cloud| cloud.region.rds.clusters["shop"].is_reachable(&cloud.region.rds);
    cloud.make_real();
    cloud.pass(150);
    assert_eq!(cloud.cluster_status(), "available");
    assert!(!reachable(&cloud), "it has no instance");
    cloud.ok("CreateDBInstance", instance("shop-1"));
    assert!(!reachable(&cloud), "its instance is being created");
    cloud.pass(360);
    cloud.cluster_status();
    assert!(!reachable(&cloud), "the server of its instance is not there yet");
    cloud.make_real();
    cloud.pass(1);
    cloud.cluster_status();
    for change in ["CreateDBInstance", "DeleteDBInstance"] {
        let input =
            if change.starts_with("Create") { instance("shop-2") } else { json!({"DBInstanceIdentifier": "shop-2"}) };
        cloud.ok(change, input);
        assert!(reachable(&cloud), "{change}");
        cloud.make_real();
        cloud.pass(360);
    }
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    assert!(!reachable(&cloud), "its last instance leaves");
}

#[test]
fn what_is_renamed_is_known_by_its_new_name_when_that_is_over() {
    let mut cloud = Cloud::furnished();
    let rename = json!({"DBClusterIdentifier": "shop", "NewDBClusterIdentifier": "Store"});
    let at_once = |mut input: Value| {
        input["ApplyImmediately"] = json!(true);
        input
    };
    cloud.ok("ModifyDBCluster", rename.clone());
    assert_eq!(cloud.cluster_status(), "available", "it waits for its window");
    cloud.ok("ModifyDBCluster", at_once(rename));
    assert_eq!(cloud.cluster_status(), "renaming");
    let promised = cloud.cluster_input(&json!({"DBClusterIdentifier": "store"}));
    assert_eq!(cloud.refusal("CreateDBCluster", promised), "DBClusterAlreadyExistsFault");
    assert_eq!(cloud.refusal("StopDBCluster", json!({"DBClusterIdentifier": "shop"})), "InvalidDBClusterStateFault");
    cloud.make_real();
    cloud.pass(60);
    assert_eq!(cloud.refusal("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"})), "DBClusterNotFoundFault");
    let named = json!({"DBClusterIdentifier": "store"});
    let arn = cloud.get("DescribeDBClusters", named.clone(), "/DBClusters/0/DBClusterArn");
    assert!(arn.ends_with(":cluster:store"), "{arn}");
    let member = cloud.get("DescribeDBClusters", named, "/DBClusters/0/DBClusterMembers/0/DBInstanceIdentifier");
    assert_eq!(member, "shop-1");

    let rename = json!({"DBInstanceIdentifier": "shop-1", "NewDBInstanceIdentifier": "store-1"});
    cloud.ok("ModifyDBInstance", at_once(rename));
    cloud.make_real();
    cloud.pass(60);
    // Its network interface is still its own, and goes with it.
    let interfaces = |cloud: &mut Cloud| {
        let all = cloud.ok("ec2 DescribeNetworkInterfaces", json!({}))["NetworkInterfaces"].to_string();
        all.matches("RDSNetworkInterface").count()
    };
    assert_eq!(interfaces(&mut cloud), 1);
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "store-1"}));
    cloud.make_real();
    cloud.pass(7200);
    assert_eq!(interfaces(&mut cloud), 0);
}
