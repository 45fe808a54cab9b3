//! The API by its calls, at a time that the test sets, with the data plane's answers given by the test.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::local::{fault::Fault, members::testing, service::SERVICES};

mod clusters;
mod copying;
mod endpoints;
mod events;
mod full_subnets;
mod groups;
mod moments;
mod places;
mod proxies;
mod restores;
mod settings;
mod wanted;

/// One account's region, with what a cluster and a proxy need.
struct Cloud {
    here: testing::Cloud,
    subnets: Vec<String>,
    groups: Vec<String>,
    role: String,
    secret: String,
}

impl Deref for Cloud {
    type Target = testing::Cloud;

    fn deref(&self) -> &Self::Target {
        &self.here
    }
}

impl DerefMut for Cloud {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.here
    }
}

impl Cloud {
    /// One with a VPC, three subnets in two zones, two groups, a secret and a role that RDS can assume.
    fn new() -> Self {
        let mut cloud = Self {
            here: testing::Cloud::new(),
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
        let service = SERVICES.iter().find(|known| known.name == service).expect("a known service");
        self.here.call(service, action, input)
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
        for instance in store.instances.values_mut() {
            instance.progress.reached = instance.progress.wanted;
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
