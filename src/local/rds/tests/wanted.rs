//! What the data plane is to do, by what the API was told.

use serde_json::json;

use super::{Cloud, instance};
use crate::local::rds::{
    instances::incompatible::not_started,
    plane::{
        listener::Listener,
        wanted::{Aim, Place, Wanted},
    },
};

impl Cloud {
    pub(super) fn wanted(&mut self) -> Wanted {
        let now = self.now;
        self.cluster_status();
        let place = Place { account: "0".into(), region: "eu-central-1".into() };
        let mut wanted = Wanted::default();
        wanted.add_region(&place, &self.here.account.iam, &self.here.region, now);
        wanted
    }

    /// What is to become of the one cluster's server, whether another one follows it, and how many instances it then serves.
    fn server(&mut self) -> (Aim, bool, usize) {
        let wanted = self.wanted();
        let item = &wanted.servers[0];
        (item.aim, item.spec.replicated, item.members.len())
    }

    fn instance_status(&mut self, name: &str) -> String {
        self.get("DescribeDBInstances", json!({"DBInstanceIdentifier": name}), "/DBInstances/0/DBInstanceStatus")
    }
}

#[test]
fn a_server_runs_while_an_instance_is_served_or_its_data_is_copied() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    assert_eq!(cloud.server(), (Aim::Rest, false, 0), "storage alone");
    cloud.make_real();
    cloud.pass(150);
    assert_eq!(cloud.server(), (Aim::Rest, false, 0), "still");
    cloud.ok("CreateDBInstance", instance("shop-1"));
    cloud.pass(359);
    assert_eq!(cloud.server(), (Aim::Rest, false, 0), "the instance's time is not over");
    // The cluster's own changes do not wait for it.
    let change = json!({"DBClusterIdentifier": "shop", "DBClusterParameterGroupName": "default.aurora-postgresql15",
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 8.0}});
    cloud.ok("ModifyDBCluster", change);
    assert_eq!(cloud.wanted().servers[0].wanted, cloud.region.rds.clusters["shop"].progress.wanted);
    cloud.pass(1);
    assert_eq!(cloud.server(), (Aim::Run, false, 1));
    assert_eq!(cloud.instance_status("shop-1"), "creating", "until somebody answers");
    cloud.make_real();
    cloud.pass(15);
    assert_eq!(cloud.instance_status("shop-1"), "available");

    cloud.ok("CreateDBInstance", instance("shop-2"));
    cloud.pass(359);
    assert_eq!(cloud.server(), (Aim::Run, false, 1), "the readers' endpoint leads to the writer");
    cloud.pass(1);
    assert_eq!(cloud.server(), (Aim::Run, true, 2));
    cloud.make_real();
    for (name, left) in [("shop-2", (Aim::Run, false, 1)), ("shop-1", (Aim::Rest, false, 0))] {
        cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": name}));
        cloud.pass(400);
        assert_eq!(cloud.server(), left);
        assert_eq!(cloud.instance_status(name), "deleting", "until its server has ended");
        cloud.make_real();
    }
    cloud.ok("CreateDBClusterSnapshot", json!({"DBClusterIdentifier": "shop", "DBClusterSnapshotIdentifier": "one"}));
    assert_eq!(cloud.server(), (Aim::Run, false, 0), "to be copied");
    cloud.make_real();
    cloud.pass(60);
    assert_eq!(cloud.server(), (Aim::Rest, false, 0));
    cloud.ok("DeleteDBCluster", json!({"DBClusterIdentifier": "shop", "FinalDBSnapshotIdentifier": "two"}));
    let last = cloud.wanted();
    let progress = &cloud.region.rds.clusters["shop"].progress;
    assert_eq!((last.servers[0].aim, last.servers[0].wanted), (Aim::Run, progress.reached), "this is not its end");
    cloud.region.rds.snapshots.get_mut("two").unwrap().copied = true;
    assert_eq!(cloud.server(), (Aim::End, false, 0));
}

#[test]
fn a_stopped_cluster_rests_with_all_that_it_has() {
    let mut cloud = Cloud::furnished();
    cloud.ok("StopDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!(cloud.server(), (Aim::Rest, false, 0));
    cloud.make_real();
    cloud.pass(240);
    cloud.ok("StartDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!(cloud.server(), (Aim::Run, false, 1));
}

#[test]
fn an_instance_that_has_failed_is_nobody_s_writer() {
    let mut cloud = Cloud::furnished();
    assert_eq!(cloud.instance_status("shop-1"), "available");
    cloud.region.rds.instances.get_mut("shop-1").unwrap().phase.status = "failed".into();
    cloud.ok("CreateDBInstance", instance("shop-2"));
    let answer = cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}));
    let members = answer["DBClusters"][0]["DBClusterMembers"].as_array().unwrap();
    let writers: Vec<_> = members.iter().filter(|member| member["IsClusterWriter"] == true).collect();
    assert_eq!((writers.len(), &writers[0]["DBInstanceIdentifier"]), (1, &json!("shop-2")));
}

#[test]
fn a_cluster_that_has_failed_has_nothing_for_a_final_snapshot() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = Some("PostgreSQL is not installed".into());
    let last = json!({"DBClusterIdentifier": "shop", "FinalDBSnapshotIdentifier": "last"});
    assert_eq!(cloud.refusal("DeleteDBCluster", last), "InvalidDBClusterStateFault");
    assert!(cloud.region.rds.snapshots.is_empty());
}

#[test]
fn an_instance_whose_server_does_not_start_with_its_parameters_says_so_and_can_be_rebooted() {
    let mut cloud = Cloud::furnished();
    let fault = "PostgreSQL did not start on 127.0.0.2:5432: FATAL:  invalid value for parameter \"TimeZone\".";
    let arn = cloud.region.rds.clusters["shop"].arn.clone();
    let now = cloud.now;
    cloud.ok("RebootDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = Some(fault.into());
    cloud.region.rds.note_incompatible(now, &arn, fault);
    cloud.pass(360);
    assert_eq!(cloud.instance_status("shop-1"), "incompatible-parameters");
    assert_eq!(cloud.cluster_status(), "available");
    let events = cloud.ok("DescribeEvents", json!({"SourceType": "db-instance", "SourceIdentifier": "shop-1"}));
    let told = events["Events"].as_array().unwrap().iter().filter_map(|event| event["Message"].as_str());
    assert_eq!(told.filter(|said| said.starts_with("Database instance put into incompatible-parameters.")).count(), 1);
    cloud.ok("RebootDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = None;
    cloud.make_real();
    cloud.pass(360);
    assert_eq!(cloud.instance_status("shop-1"), "available");
}

#[test]
fn a_reader_s_parameters_make_no_other_instance_incompatible() {
    let mut cloud = Cloud::furnished();
    cloud.ok("CreateDBInstance", instance("shop-2"));
    cloud.make_real();
    cloud.pass(360);
    let cluster = cloud.region.rds.clusters.get_mut("shop").unwrap();
    let reader = Listener { address: "127.20.0.9".into(), port: 5432 };
    cluster.reader = Some(reader.clone());
    let (arn, now) = (cluster.arn.clone(), cloud.now);
    let fault = format!("{} FATAL:  invalid value for parameter \"max_connections\".", not_started(&reader));
    cloud.region.rds.clusters.get_mut("shop").unwrap().progress.fault = Some(fault.clone());
    cloud.region.rds.note_incompatible(now, &arn, &fault);
    assert_eq!(cloud.instance_status("shop-1"), "available");
    assert_eq!(cloud.instance_status("shop-2"), "incompatible-parameters");
    for (name, count) in [("shop-1", 0), ("shop-2", 1)] {
        let events = cloud.ok("DescribeEvents", json!({"SourceType": "db-instance", "SourceIdentifier": name}));
        let told = events["Events"].as_array().unwrap().iter().filter_map(|event| event["Message"].as_str());
        assert_eq!(told.filter(|said| said.contains("incompatible-parameters")).count(), count, "{name}");
    }
}

#[test]
fn a_secret_that_no_list_of_users_can_hold_keeps_no_other_from_being_listed() {
    let mut cloud = Cloud::furnished();
    let text = json!({"username": "other", "password": "two\nlines"}).to_string();
    let other = cloud.get("secretsmanager CreateSecret", json!({"Name": "other", "SecretString": text}), "/ARN");
    let may_read = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
        "Action": "secretsmanager:GetSecretValue"}]});
    let policy = json!({"RoleName": "proxy", "PolicyName": "read", "PolicyDocument": may_read.to_string()});
    cloud.ok("iam PutRolePolicy", policy);
    let auth = json!([{"SecretArn": other}, {"SecretArn": cloud.secret}]);
    cloud.ok("ModifyDBProxy", json!({"DBProxyName": "shop", "Auth": auth}));
    let users = cloud.wanted().poolers[0].spec.users.clone();
    assert_eq!(users.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["app"]);
}
