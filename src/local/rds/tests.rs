//! The API by its calls, at a time that the test sets, with the data plane's answers given by the test.

use serde_json::{Value, json};

use crate::local::{
    fault::Fault,
    iam,
    pace::{Millis, Pace},
    service::SERVICES,
    world::{Ctx, Region},
};

struct Cloud {
    region: Region,
    iam: iam::Store,
    now: Millis,
    subnets: Vec<String>,
    groups: Vec<String>,
    role: String,
    secret: String,
}

impl Cloud {
    /// One with a VPC, three subnets in two zones, two groups, a secret and a role that RDS can assume.
    fn new() -> Self {
        let mut cloud = Self {
            region: Region::default(),
            iam: iam::Store::default(),
            now: 1_700_000_000_000,
            subnets: Vec::new(),
            groups: Vec::new(),
            role: String::new(),
            secret: String::new(),
        };
        let vpc = cloud.get("ec2 CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}), "/Vpc/VpcId");
        for (number, zone) in ["a", "b", "a"].iter().enumerate() {
            let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{number}.0/24"),
                "AvailabilityZone": format!("eu-central-1{zone}")});
            let id = cloud.get("ec2 CreateSubnet", input, "/Subnet/SubnetId");
            cloud.subnets.push(id);
        }
        for name in ["db", "proxy"] {
            let input = json!({"VpcId": vpc, "GroupName": name, "Description": name});
            let id = cloud.get("ec2 CreateSecurityGroup", input, "/GroupId");
            cloud.groups.push(id);
        }
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
        let input = json!({"RoleName": "proxy", "AssumeRolePolicyDocument": trust.to_string()});
        cloud.role = cloud.get("iam CreateRole", input, "/Role/Arn");
        let input = json!({"Name": "db", "SecretString": r#"{"username":"app","password":"secret-99"}"#});
        cloud.secret = cloud.get("secretsmanager CreateSecret", input, "/ARN");
        cloud.pass(60);
        let both = json!([cloud.subnets[0], cloud.subnets[1]]);
        cloud.ok(
            "CreateDBSubnetGroup",
            json!({"DBSubnetGroupName": "shop", "DBSubnetGroupDescription": "d", "SubnetIds": both}),
        );
        cloud
    }

    /// Calls an action, `rds`'s unless another service stands before it.
    fn call(&mut self, action: &str, input: Value) -> Result<Value, Fault> {
        let (service, action) = action.split_once(' ').unwrap_or(("rds", action));
        self.region.settle(self.now);
        let service = SERVICES.iter().find(|known| known.name == service).expect("a known service");
        let (_, answer) = service.actions.iter().find(|(name, _)| *name == action).expect("a known action");
        let mut ctx = Ctx {
            account: "123456789012",
            region_name: "eu-central-1",
            iam: &mut self.iam,
            region: &mut self.region,
            now: self.now,
            pace: Pace::Scaled(1.0),
            doom: None,
            services: SERVICES,
        };
        answer(&mut ctx, input)
    }

    fn ok(&mut self, action: &str, input: Value) -> Value {
        self.call(action, input).unwrap_or_else(|fault| panic!("{action}: {fault}"))
    }

    fn get(&mut self, action: &str, input: Value, path: &str) -> String {
        let answer = self.ok(action, input);
        answer.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {answer}")).to_owned()
    }

    fn refusal(&mut self, action: &str, input: Value) -> String {
        match self.call(action, input) {
            Ok(answer) => panic!("{action} was not refused: {answer}"),
            Err(fault) => fault.code,
        }
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    /// What the data plane does when all goes well.
    fn make_real(&mut self) {
        let store = &mut self.region.rds;
        let clusters = store.clusters.values_mut().map(|cluster| &mut cluster.progress);
        for progress in clusters.chain(store.proxies.values_mut().map(|proxy| &mut proxy.progress)) {
            progress.reached = progress.wanted;
        }
        for snapshot in store.snapshots.values_mut() {
            snapshot.copied = true;
        }
    }

    fn cluster_input(&self, change: &Value) -> Value {
        let mut input = json!({"DBClusterIdentifier": "shop", "Engine": "aurora-postgresql", "MasterUsername": "app",
            "MasterUserPassword": "secret-99", "DBSubnetGroupName": "shop", "VpcSecurityGroupIds": [self.groups[0]],
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4.0}});
        merge(&mut input, change);
        input
    }

    fn proxy_input(&self, change: &Value) -> Value {
        let mut input = json!({"DBProxyName": "shop", "EngineFamily": "POSTGRESQL", "RoleArn": self.role,
            "Auth": [{"SecretArn": self.secret}], "VpcSubnetIds": [self.subnets[0], self.subnets[1]],
            "VpcSecurityGroupIds": [self.groups[1]]});
        merge(&mut input, change);
        input
    }

    /// A cluster with one instance, and a proxy; all available.
    fn furnished() -> Self {
        let mut cloud = Self::new();
        let input = cloud.cluster_input(&json!({}));
        cloud.ok("CreateDBCluster", input);
        cloud.make_real();
        cloud.pass(150);
        cloud.ok("CreateDBInstance", instance("shop-1"));
        let input = cloud.proxy_input(&json!({}));
        cloud.ok("CreateDBProxy", input);
        cloud.make_real();
        cloud.pass(360);
        cloud
    }

    fn cluster_status(&mut self) -> String {
        self.get("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}), "/DBClusters/0/Status")
    }

    fn proxy_status(&mut self) -> String {
        self.get("DescribeDBProxies", json!({"DBProxyName": "shop"}), "/DBProxies/0/Status")
    }
}

fn merge(input: &mut Value, change: &Value) {
    for (member, value) in change.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
}

fn instance(name: &str) -> Value {
    json!({"DBInstanceIdentifier": name, "DBInstanceClass": "db.serverless", "Engine": "aurora-postgresql",
        "DBClusterIdentifier": "shop"})
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
    assert_eq!(cloud.refusal("CreateDBInstance", instance("shop-1")), "InvalidDBClusterStateFault");
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
fn a_proxy_that_aws_would_refuse_is_refused() {
    let mut cloud = Cloud::new();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let input = json!({"RoleName": "stranger", "AssumeRolePolicyDocument": trust.to_string()});
    let stranger = cloud.get("iam CreateRole", input, "/Role/Arn");
    cloud.pass(60);
    let one_zone = json!([cloud.subnets[0], cloud.subnets[2]]);
    for (change, code) in [
        (json!({"VpcSubnetIds": one_zone}), "InvalidParameterValue"),
        (json!({"VpcSubnetIds": ["subnet-1", "subnet-2"]}), "InvalidSubnet"),
        (json!({"RoleArn": "arn:aws:iam::123456789012:role/none"}), "InvalidParameterValue"),
        (json!({"RoleArn": stranger}), "InvalidParameterValue"),
        (json!({"Auth": []}), "InvalidParameterValue"),
        (json!({"EngineFamily": "MYSQL"}), "InvalidParameterValue"),
        (json!({"IdleClientTimeout": 0}), "InvalidParameterValue"),
        (json!({"DBProxyName": "1st"}), "InvalidParameterValue"),
    ] {
        let input = cloud.proxy_input(&change);
        assert_eq!(cloud.refusal("CreateDBProxy", input), code, "{change}");
    }
    for number in 0..20 {
        let input = cloud.proxy_input(&json!({"DBProxyName": format!("p{number}")}));
        cloud.ok("CreateDBProxy", input);
    }
    let input = cloud.proxy_input(&json!({}));
    assert_eq!(cloud.refusal("CreateDBProxy", input), "DBProxyQuotaExceededFault");
    let input = cloud.proxy_input(&json!({"DBProxyName": "p0"}));
    assert_eq!(cloud.refusal("CreateDBProxy", input), "DBProxyAlreadyExistsFault");
}

#[test]
fn targets_are_registered_once_with_a_proxy_that_is_available() {
    let mut cloud = Cloud::furnished();
    let input = json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]});
    let state = cloud.get("RegisterDBProxyTargets", input.clone(), "/DBProxyTargets/0/TargetHealth/State");
    assert_eq!(state, "REGISTERING");
    assert_eq!(cloud.refusal("RegisterDBProxyTargets", input.clone()), "DBProxyTargetAlreadyRegisteredFault");
    let group = json!({"DBProxyName": "shop", "TargetGroupName": "other"});
    assert_eq!(cloud.refusal("DescribeDBProxyTargets", group), "DBProxyTargetGroupNotFoundFault");
    cloud.ok("ModifyDBProxy", json!({"DBProxyName": "shop", "RequireTLS": true}));
    assert_eq!(cloud.refusal("DeregisterDBProxyTargets", json!({"DBProxyName": "none"})), "DBProxyNotFoundFault");
    cloud.ok("DeregisterDBProxyTargets", input.clone());
    assert_eq!(cloud.refusal("DeregisterDBProxyTargets", input.clone()), "DBProxyTargetNotFoundFault");
    assert_eq!(cloud.refusal("RegisterDBProxyTargets", input), "InvalidDBProxyStateFault", "while it is modified");
    cloud.make_real();
    cloud.pass(30);
    assert_eq!(cloud.proxy_status(), "available");
    cloud.ok("DeleteDBProxy", json!({"DBProxyName": "shop"}));
    assert_eq!(cloud.proxy_status(), "deleting");
    cloud.make_real();
    cloud.pass(180);
    assert_eq!(cloud.refusal("DescribeDBProxies", json!({"DBProxyName": "shop"})), "DBProxyNotFoundFault");
    let group = cloud.groups[1].clone();
    cloud.ok("ec2 DeleteSecurityGroup", json!({"GroupId": group}));
}

#[test]
fn parameter_groups_tell_what_was_set() {
    let mut cloud = Cloud::new();
    let name = json!({"DBClusterParameterGroupName": "shop"});
    let mut input = json!({"DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"});
    merge(&mut input, &name);
    cloud.ok("CreateDBClusterParameterGroup", input.clone());
    assert_eq!(cloud.refusal("CreateDBClusterParameterGroup", input), "DBParameterGroupAlreadyExists");
    let set = json!([{"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}]);
    cloud.ok("ModifyDBClusterParameterGroup", json!({"DBClusterParameterGroupName": "shop", "Parameters": set}));
    let user = json!({"DBClusterParameterGroupName": "shop", "Source": "user"});
    let answer = cloud.ok("DescribeDBClusterParameters", user.clone());
    assert_eq!(answer["Parameters"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["Parameters"][0]["ParameterValue"], "1");
    let unknown = json!([{"ParameterName": "no_such", "ParameterValue": "1"}]);
    let input = json!({"DBClusterParameterGroupName": "shop", "Parameters": unknown});
    assert_eq!(cloud.refusal("ModifyDBClusterParameterGroup", input), "InvalidParameterValue");
    let input = cloud.cluster_input(&json!({"DBClusterParameterGroupName": "shop"}));
    cloud.ok("CreateDBCluster", input);
    assert_eq!(cloud.refusal("DeleteDBClusterParameterGroup", name.clone()), "InvalidDBParameterGroupState");
    let mut all = name;
    all["ResetAllParameters"] = json!(true);
    cloud.ok("ResetDBClusterParameterGroup", all);
    assert_eq!(cloud.ok("DescribeDBClusterParameters", user)["Parameters"], json!([]));
}

#[test]
fn tags_are_kept_changed_and_listed_by_arn() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({"Tags": [{"Key": "infra:stack", "Value": "shop"}]}));
    let arn = cloud.get("CreateDBCluster", input, "/DBCluster/DBClusterArn");
    cloud.ok("AddTagsToResource", json!({"ResourceName": arn, "Tags": [{"Key": "team", "Value": "a"}]}));
    cloud.ok("RemoveTagsFromResource", json!({"ResourceName": arn, "TagKeys": ["infra:stack"]}));
    let answer = cloud.ok("ListTagsForResource", json!({"ResourceName": arn}));
    assert_eq!(answer["TagList"], json!([{"Key": "team", "Value": "a"}]));
    let reserved = json!({"ResourceName": arn, "Tags": [{"Key": "aws:x", "Value": "a"}]});
    assert_eq!(cloud.refusal("AddTagsToResource", reserved), "InvalidParameterValue");
    let gone = json!({"ResourceName": format!("{arn}x")});
    assert_eq!(cloud.refusal("ListTagsForResource", gone), "DBClusterNotFoundFault");
}

#[test]
fn the_state_never_shows_a_password_in_debug_output_and_survives_the_disk() {
    let mut cloud = Cloud::furnished();
    assert!(!format!("{:?}", cloud.region.rds).contains("secret-99"));
    let text = serde_json::to_string(&cloud.region.rds).unwrap();
    cloud.region.rds = serde_json::from_str(&text).unwrap();
    assert_eq!(cloud.cluster_status(), "available");
}
