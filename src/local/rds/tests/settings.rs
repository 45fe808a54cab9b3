//! Settings as AWS takes and shows them.

use serde_json::{Value, json};

use super::{Cloud, instance, merge};

fn with(mut input: Value, change: &Value) -> Value {
    merge(&mut input, change);
    input
}

impl Cloud {
    fn shown(&mut self) -> Value {
        self.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}))["DBClusters"][0].clone()
    }

    fn member(&mut self, name: &str) -> Value {
        self.ok("DescribeDBInstances", json!({"DBInstanceIdentifier": name}))["DBInstances"][0].clone()
    }

    fn change(&mut self, change: &Value) {
        let input = with(json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true}), change);
        self.ok("ModifyDBCluster", input);
    }
}

#[test]
fn a_default_of_aws_s_is_taken_where_nothing_else_is() {
    let mut cloud = Cloud::new();
    for (member, default, other) in [
        ("BacktrackWindow", json!(0), json!(60)),
        ("EnableLocalWriteForwarding", json!(false), json!(true)),
        ("EnableGlobalWriteForwarding", json!(false), json!(true)),
        ("PubliclyAccessible", json!(false), json!(true)),
    ] {
        let input = cloud.cluster_input(&json!({member: other}));
        assert_eq!(cloud.refusal("CreateDBCluster", input), "InvalidParameterCombination", "{member}");
        let input = cloud.cluster_input(&json!({member: default, "DBClusterIdentifier": member}));
        cloud.ok("CreateDBCluster", input);
    }
    let mut cloud = Cloud::furnished();
    for (member, default, other) in [
        ("MultiAZ", json!(false), json!(true)),
        ("StorageType", json!("aurora"), json!("gp3")),
        ("LicenseModel", json!("postgresql-license"), json!("license-included")),
        ("NetworkType", json!("IPV4"), json!("DUAL")),
        ("OptionGroupName", json!("default:aurora-postgresql-15"), json!("mine")),
    ] {
        let input = with(instance(member), &json!({member: other}));
        assert_eq!(cloud.refusal("CreateDBInstance", input), "InvalidParameterCombination", "{member}");
        cloud.ok("CreateDBInstance", with(instance(member), &json!({member: default})));
    }
    let input = cloud.proxy_input(&json!({"EndpointNetworkType": "DUAL", "DBProxyName": "other"}));
    assert_eq!(cloud.refusal("CreateDBProxy", input.clone()), "InvalidParameterCombination");
    cloud.ok(
        "CreateDBProxy",
        with(input, &json!({"EndpointNetworkType": "IPV4", "TargetConnectionNetworkType": "IPV4"})),
    );
    let own = with(instance("shop-9"), &json!({"ManageMasterUserPassword": true}));
    let refused = cloud.call("CreateDBInstance", own).unwrap_err();
    assert!(refused.message.ends_with("Set master user password for the DB Cluster."), "{}", refused.message);
}

#[test]
fn who_watches_has_to_trust_the_monitoring() {
    let mut cloud = Cloud::furnished();
    let watched = |role: &str| json!({"MonitoringInterval": 60, "MonitoringRoleArn": role});
    let rds = cloud.role.clone();
    for role in ["arn:aws:iam::000000000000:role/nope", "nope", rds.as_str()] {
        let refused = cloud.call("CreateDBInstance", with(instance("shop-2"), &watched(role))).unwrap_err();
        assert!(refused.message.ends_with("required permissions for: ENHANCED_MONITORING"), "{}", refused.message);
        let input = with(json!({"DBClusterIdentifier": "shop"}), &watched(role));
        assert_eq!(cloud.refusal("ModifyDBCluster", input), "InvalidParameterValue", "{role}");
    }
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "monitoring.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "watch", "AssumeRolePolicyDocument": trust.to_string()});
    let role = cloud.get("iam CreateRole", role, "/Role/Arn");
    cloud.ok("CreateDBInstance", with(instance("shop-2"), &watched(&role)));
    let seen = cloud.member("shop-2");
    let stream = format!(
        "arn:aws:logs:eu-central-1:000000000000:log-group:RDSOSMetrics:log-stream:{}",
        seen["DbiResourceId"].as_str().unwrap()
    );
    assert_eq!(seen["EnhancedMonitoringResourceArn"], json!(stream));
    assert_eq!(cloud.member("shop-1")["EnhancedMonitoringResourceArn"], json!(null));
}

#[test]
fn a_key_is_shown_by_its_arn_however_it_is_named() {
    const ID: &str = "12345678-1234-1234-1234-123456789012";
    let arn = format!("arn:aws:kms:eu-central-1:000000000000:key/{ID}");
    let mut cloud = Cloud::new();
    let shown = |cloud: &mut Cloud, change: Value| {
        let input = cloud.cluster_input(&change);
        cloud.ok("CreateDBCluster", input)["DBCluster"].clone()
    };
    let plain = shown(&mut cloud, json!({"DBClusterIdentifier": "a", "StorageEncrypted": true}))["KmsKeyId"].clone();
    assert!(plain.as_str().unwrap().contains(":key/"));
    let named = json!({"DBClusterIdentifier": "b", "StorageEncrypted": true, "KmsKeyId": "alias/aws/rds"});
    assert_eq!(shown(&mut cloud, named)["KmsKeyId"], plain);
    let id = json!({"DBClusterIdentifier": "c", "StorageEncrypted": true, "KmsKeyId": ID});
    assert_eq!(shown(&mut cloud, id)["KmsKeyId"], json!(arn));
    let whole = json!({"DBClusterIdentifier": "d", "StorageEncrypted": true, "KmsKeyId": arn});
    assert_eq!(shown(&mut cloud, whole)["KmsKeyId"], json!(arn));
    let managed = json!({"DBClusterIdentifier": "e", "ManageMasterUserPassword": true, "MasterUserPassword": null});
    let key = shown(&mut cloud, managed)["MasterUserSecret"]["KmsKeyId"].clone();
    assert!(key.as_str().unwrap().starts_with("arn:aws:kms:eu-central-1:000000000000:key/") && key != plain, "{key}");
}

#[test]
fn insights_of_a_cluster_are_those_of_its_instances() {
    let mut cloud = Cloud::furnished();
    let off = cloud.shown();
    assert_eq!(
        (&off["PerformanceInsightsRetentionPeriod"], &off["PerformanceInsightsKMSKeyId"]),
        (&json!(null), &json!(null))
    );
    cloud.change(&json!({"EnablePerformanceInsights": true, "DatabaseInsightsMode": "advanced"}));
    cloud.ok("CreateDBInstance", instance("shop-2"));
    for seen in [cloud.shown(), cloud.member("shop-1"), cloud.member("shop-2")] {
        assert_eq!(seen["PerformanceInsightsEnabled"], json!(true));
        assert_eq!(seen["PerformanceInsightsRetentionPeriod"], json!(7));
        assert!(seen["PerformanceInsightsKMSKeyId"].as_str().unwrap().contains(":key/"));
        assert_eq!(seen["DatabaseInsightsMode"], "advanced");
    }
    cloud.make_real();
    cloud.pass(60);
    cloud.change(&json!({"EnablePerformanceInsights": false}));
    for seen in [cloud.shown(), cloud.member("shop-1")] {
        assert_eq!(seen["PerformanceInsightsEnabled"], json!(false));
        assert_eq!(seen["PerformanceInsightsRetentionPeriod"], json!(null));
    }
}

#[test]
fn a_target_has_the_endpoint_of_its_instance() {
    let mut cloud = Cloud::furnished();
    let input = json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]});
    let targets = cloud.ok("RegisterDBProxyTargets", input)["DBProxyTargets"].clone();
    let (cluster, member) = (cloud.shown(), cloud.member("shop-1"));
    assert_eq!(targets[0]["Endpoint"], cluster["Endpoint"]);
    assert_eq!(targets[1]["Endpoint"], member["Endpoint"]["Address"]);
}

#[test]
fn a_stopped_cluster_says_when_aws_would_start_it() {
    let mut cloud = Cloud::furnished();
    assert_eq!(cloud.shown()["AutomaticRestartTime"], json!(null));
    let stop = json!({"DBClusterIdentifier": "shop"});
    cloud.ok("StopDBCluster", stop.clone());
    let end = cloud.now + 240_000 + 7 * 86_400_000;
    cloud.make_real();
    cloud.pass(240);
    let told = cloud.shown()["AutomaticRestartTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(u64::try_from(told.as_millisecond()).unwrap(), end);
    let refused = cloud.call("StopDBCluster", stop.clone()).unwrap_err();
    assert_eq!(refused.message, "DbCluster shop is in stopped state but expected it to be one of available.");
    cloud.ok("StartDBCluster", stop);
    assert_eq!(cloud.shown()["AutomaticRestartTime"], json!(null));
}

#[test]
fn what_aws_always_shows_is_shown() {
    let mut cloud = Cloud::furnished();
    cloud.change(&json!({"CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"]}, "StorageType": "aurora-iopt1"}));
    let (cluster, member) = (cloud.shown(), cloud.member("shop-1"));
    assert_eq!(member["EnabledCloudwatchLogsExports"], json!(["postgresql"]));
    assert_eq!((&cluster["UpgradeRolloutOrder"], &member["UpgradeRolloutOrder"]), (&json!("second"), &json!("second")));
    assert_eq!(cluster["ServerlessV2PlatformVersion"], "3");
    assert!(cluster["IOOptimizedNextAllowedModificationTime"].is_string());
    assert_eq!(
        (&cluster["StorageEncryptionType"], &member["StorageEncryptionType"]),
        (&json!("sse-rds"), &json!("sse-rds"))
    );
    let input = cloud.cluster_input(&json!({"DBClusterIdentifier": "other", "StorageEncrypted": true}));
    let other = cloud.ok("CreateDBCluster", input)["DBCluster"].clone();
    assert_eq!(other["StorageEncryptionType"], "sse-kms");
    assert_eq!(other["IOOptimizedNextAllowedModificationTime"], json!(null));
}

#[test]
fn what_is_named_twice_is_one() {
    let mut cloud = Cloud::new();
    let ids = json!([cloud.subnets[0], cloud.subnets[1], cloud.subnets[0]]);
    let group = json!({"DBSubnetGroupName": "twice", "DBSubnetGroupDescription": "d", "SubnetIds": ids});
    let made = cloud.ok("CreateDBSubnetGroup", group);
    assert_eq!(made["DBSubnetGroup"]["Subnets"].as_array().unwrap().len(), 2);
    let auth = json!([{"SecretArn": cloud.secret}, {"SecretArn": cloud.secret}]);
    let input = cloud.proxy_input(&json!({"Auth": auth}));
    assert_eq!(cloud.refusal("CreateDBProxy", input), "InvalidParameterValue");
}

#[test]
fn tags_have_the_letters_that_aws_takes() {
    let mut cloud = Cloud::furnished();
    let arn = cloud.region.rds.clusters["shop"].arn.clone();
    let tag = |key: &str, value: &str| json!({"ResourceName": arn, "Tags": [{"Key": key, "Value": value}]});
    for (key, value) in [("k#", "v"), ("a<b>#*", "v"), ("k", "a;b"), ("a\nb", "v")] {
        assert_eq!(cloud.refusal("AddTagsToResource", tag(key, value)), "InvalidParameterValue", "{key} {value}");
    }
    cloud.ok("AddTagsToResource", tag("größe 1_.:/=+-@", "ä ö"));
    let own = json!({"ResourceName": arn, "TagKeys": ["aws:x"]});
    assert_eq!(cloud.refusal("RemoveTagsFromResource", own), "InvalidParameterValue");
}

#[test]
fn a_class_of_other_engines_is_refused_otherwise_than_one_that_is_none() {
    let mut cloud = Cloud::furnished();
    let elsewhere = |verb: &str| {
        format!(
            "RDS does not support {verb} a DB instance with the following combination: DBInstanceClass=db.t3.micro, \
             Engine=aurora-postgresql, EngineVersion=15.17, LicenseModel=postgresql-license. For supported combinations of \
             instance class and database engine version, see the documentation."
        )
    };
    for (action, name, verb) in
        [("CreateDBInstance", "shop-2", "creating"), ("ModifyDBInstance", "shop-1", "modifying")]
    {
        let mut told = |class: &str| {
            let mut input = json!({"DBInstanceIdentifier": name, "DBInstanceClass": class});
            if action.starts_with("Create") {
                merge(&mut input, &json!({"Engine": "aurora-postgresql", "DBClusterIdentifier": "shop"}));
            }
            let fault = cloud.call(action, input).unwrap_err();
            (fault.code, fault.message)
        };
        assert_eq!(told("db.t3.micro"), ("InvalidParameterCombination".to_owned(), elsewhere(verb)));
        let unknown = ("InvalidParameterValue".to_owned(), "Invalid DB Instance class: db.foo".to_owned());
        assert_eq!(told("db.foo"), unknown);
    }
}
