//! In which zones clusters and their instances are, and what is offered there.

use serde_json::{Value, json};

use super::{Cloud, instance};

impl Cloud {
    /// Has an instance made, and answers its zone's last letter.
    fn zone_of_new(&mut self, name: &str, wish: Option<&str>) -> String {
        let mut input = instance(name);
        if let Some(letter) = wish {
            input["AvailabilityZone"] = json!(format!("eu-central-1{letter}"));
        }
        self.ok("CreateDBInstance", input);
        self.make_real();
        self.pass(360);
        let path = "/DBInstances/0/AvailabilityZone";
        let zone = self.get("DescribeDBInstances", json!({"DBInstanceIdentifier": name}), path);
        zone.trim_start_matches("eu-central-1").to_owned()
    }

    fn multi_az(&mut self) -> Value {
        self.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}))["DBClusters"][0]["MultiAZ"].clone()
    }

    /// A cluster without instances.
    fn with_cluster(group: &str) -> Self {
        let mut cloud = Self::new();
        let all = json!({"DBSubnetGroupName": "all", "DBSubnetGroupDescription": "d", "SubnetIds": cloud.subnets});
        cloud.ok("CreateDBSubnetGroup", all);
        let input = cloud.cluster_input(&json!({"DBSubnetGroupName": group}));
        cloud.ok("CreateDBCluster", input);
        cloud.make_real();
        cloud.pass(150);
        cloud
    }
}

#[test]
fn a_cluster_is_in_several_zones_if_its_instances_are() {
    let mut cloud = Cloud::with_cluster("shop");
    assert_eq!(cloud.multi_az(), false);
    for (name, wish, zone, several) in
        [("shop-1", Some("a"), "a", false), ("shop-2", Some("a"), "a", false), ("shop-3", None, "b", true)]
    {
        assert_eq!(cloud.zone_of_new(name, wish), zone, "{name}");
        assert_eq!(cloud.multi_az(), several, "{name}");
    }
}

#[test]
fn a_second_instance_is_in_another_zone_than_the_writer() {
    // The group's subnets are in the zones a, b and a.
    let mut cloud = Cloud::with_cluster("all");
    assert_eq!(cloud.zone_of_new("shop-1", Some("b")), "b");
    assert_eq!(cloud.zone_of_new("shop-2", None), "a");
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    assert_eq!(cloud.zone_of_new("shop-3", None), "b", "where nobody is but one that leaves");
}

#[test]
fn databases_are_made_only_where_two_zones_still_have_subnets() {
    let mut cloud = Cloud::with_cluster("all");
    let remove = |cloud: &mut Cloud, index: usize| {
        let id = cloud.subnets[index].clone();
        cloud.ok("ec2 DeleteSubnet", json!({"SubnetId": id}));
    };
    remove(&mut cloud, 0);
    assert_eq!(cloud.zone_of_new("shop-1", Some("a")), "a", "in the zone's other subnet");
    let taken = cloud.region.rds.instances["shop-1"].subnet_id.clone();
    assert_eq!(taken, cloud.subnets[2]);
    remove(&mut cloud, 1);
    assert_eq!(cloud.refusal("CreateDBInstance", instance("shop-2")), "InvalidVPCNetworkStateFault");
    let input = cloud.cluster_input(&json!({"DBClusterIdentifier": "other"}));
    let fault = cloud.call("CreateDBCluster", input).unwrap_err();
    assert_eq!(fault.code, "InvalidVPCNetworkStateFault");
    assert!(fault.message.contains("Current AZ coverage: . Add subnets"), "{}", fault.message);
}

#[test]
fn offers_are_of_one_license_and_in_vpcs() {
    let mut cloud = Cloud::new();
    let count = |cloud: &mut Cloud, member: &str, value: Value| {
        let input = json!({"Engine": "aurora-postgresql", "EngineVersion": "15.17", "DBInstanceClass": "db.serverless", member: value});
        cloud.ok("DescribeOrderableDBInstanceOptions", input)["OrderableDBInstanceOptions"].as_array().unwrap().len()
    };
    for (member, value, expected) in [
        ("LicenseModel", json!("postgresql-license"), 2),
        ("LicenseModel", json!("general-public-license"), 0),
        ("Vpc", json!(true), 2),
        ("Vpc", json!(false), 0),
    ] {
        assert_eq!(count(&mut cloud, member, value.clone()), expected, "{member} {value}");
    }
}
