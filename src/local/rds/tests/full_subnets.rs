//! Subnets without a free address: what is made there becomes `incompatible-network`.

use serde_json::json;

use super::{Cloud, instance};

impl Cloud {
    /// Takes every address of a subnet.
    fn fill(&mut self, subnet: usize) {
        let input = json!({"SubnetId": self.subnets[subnet]});
        while self.call("ec2 CreateNetworkInterface", input.clone()).is_ok() {}
        let described = self.ok("ec2 DescribeSubnets", json!({"SubnetIds": [self.subnets[subnet]]}));
        assert_eq!(described["Subnets"][0]["AvailableIpAddressCount"], 0);
    }

    /// Whether an event of this source says that addresses are missing.
    fn says_so(&mut self, kind: &str, source: &str) -> bool {
        let events = self.ok("DescribeEvents", json!({"SourceType": kind, "SourceIdentifier": source}));
        events["Events"].to_string().contains("enough free addresses")
    }
}

#[test]
fn an_instance_goes_where_there_is_an_address_and_else_has_no_network() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    cloud.make_real();
    cloud.pass(150);
    cloud.fill(0);
    cloud.ok("CreateDBInstance", instance("shop-1"));
    cloud.make_real();
    cloud.pass(600);
    let which = json!({"DBInstanceIdentifier": "shop-1"});
    let zone = cloud.get("DescribeDBInstances", which, "/DBInstances/0/AvailabilityZone");
    assert_eq!(zone, "eu-central-1b", "in the other zone there are addresses");
    let mut wished = instance("shop-2");
    wished["AvailabilityZone"] = json!("eu-central-1a");
    let made = cloud.ok("CreateDBInstance", wished);
    assert_eq!(made["DBInstance"]["DBInstanceStatus"], "creating");
    cloud.make_real();
    cloud.pass(600);
    let which = json!({"DBInstanceIdentifier": "shop-2"});
    let status = cloud.get("DescribeDBInstances", which.clone(), "/DBInstances/0/DBInstanceStatus");
    assert_eq!(status, "incompatible-network");
    assert!(cloud.says_so("db-instance", "shop-2"));
    assert!(!cloud.says_so("db-instance", "shop-1"));
    assert_eq!(cloud.refusal("RebootDBInstance", which.clone()), "InvalidDBInstanceState");
    cloud.make_real();
    cloud.ok("DeleteDBInstance", which.clone());
    cloud.make_real();
    cloud.pass(600);
    assert_eq!(cloud.refusal("DescribeDBInstances", which), "DBInstanceNotFound");
}

#[test]
fn a_proxy_and_its_endpoints_need_an_address_in_each_subnet() {
    let mut cloud = Cloud::furnished();
    cloud.fill(1);
    let subnets = json!([cloud.subnets[0], cloud.subnets[1]]);
    let input = json!({"DBProxyName": "shop", "DBProxyEndpointName": "reads", "VpcSubnetIds": subnets});
    assert_eq!(cloud.get("CreateDBProxyEndpoint", input, "/DBProxyEndpoint/Status"), "creating");
    assert!(cloud.says_so("db-proxy", "shop"));
    let input = cloud.proxy_input(&json!({"DBProxyName": "other"}));
    assert_eq!(cloud.get("CreateDBProxy", input, "/DBProxy/Status"), "creating");
    cloud.make_real();
    cloud.region.rds.proxy_endpoints.get_mut("reads").unwrap().progress.reached = 1;
    cloud.pass(600);
    let which = json!({"DBProxyEndpointName": "reads"});
    let status = cloud.get("DescribeDBProxyEndpoints", which, "/DBProxyEndpoints/0/Status");
    assert_eq!(status, "incompatible-network");
    let which = json!({"DBProxyName": "other"});
    assert_eq!(cloud.get("DescribeDBProxies", which.clone(), "/DBProxies/0/Status"), "incompatible-network");
    assert!(cloud.says_so("db-proxy", "other"));
    assert_eq!(cloud.proxy_status(), "available", "the one that is there goes on");
    let register = json!({"DBProxyName": "other", "DBClusterIdentifiers": ["shop"]});
    assert_eq!(cloud.refusal("RegisterDBProxyTargets", register), "InvalidDBProxyStateFault");
    cloud.ok("DeleteDBProxy", which.clone());
    cloud.make_real();
    cloud.pass(600);
    assert_eq!(cloud.refusal("DescribeDBProxies", which), "DBProxyNotFoundFault");
}
