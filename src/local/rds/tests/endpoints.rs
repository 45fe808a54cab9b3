//! Endpoints that a user makes, of clusters and of proxies.

use serde_json::{Value, json};

use super::{Cloud, instance};
use crate::local::rds::plane::wanted::{Place, Wanted};

impl Cloud {
    fn plan(&mut self) -> Wanted {
        let now = self.now;
        self.cluster_status();
        let place = Place { account: "0".into(), region: "eu-central-1".into() };
        let mut wanted = Wanted::default();
        wanted.add_region(&place, &self.here.account.iam, &self.here.region, now);
        wanted
    }

    /// Whether what connects to the address arrives at the writer's server; nowhere, if nobody listens there.
    fn writes_at(&mut self, address: &str) -> Option<bool> {
        let members = self.plan().servers[0].spec.members.clone();
        members.iter().find(|member| member.address == address).map(|member| member.writer)
    }

    /// Makes a custom endpoint and answers its address.
    fn custom(&mut self, name: &str, kind: &str, more: &Value) -> String {
        let mut input =
            json!({"DBClusterIdentifier": "shop", "DBClusterEndpointIdentifier": name, "EndpointType": kind});
        super::merge(&mut input, more);
        self.get("CreateDBClusterEndpoint", input, "/Endpoint")
    }

    fn add_reader(&mut self) {
        self.ok("CreateDBInstance", instance("shop-2"));
        self.make_real();
        self.pass(360);
        self.make_real();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_custom_endpoint_leads_to_its_members_only() {
    let mut cloud = Cloud::furnished();
    cloud.add_reader();
    let writer = cloud.custom("w", "ANY", &json!({"StaticMembers": ["shop-1"]}));
    assert_eq!(cloud.writes_at(&writer), None, "while it is created");
    let reader = cloud.custom("r", "READER", &json!({"ExcludedMembers": ["shop-1"]}));
    let none = cloud.custom("n", "READER", &json!({"StaticMembers": ["shop-1"]}));
    let all = cloud.custom("a", "ANY", &json!({}));
    let listed = cloud.ok("DescribeDBClusters", json!({"DBClusterIdentifier": "shop"}))["DBClusters"][0].clone();
    assert_eq!(listed["CustomEndpoints"], json!([all, none, reader, writer]));
    assert!(!listed["CustomEndpoints"].as_array().unwrap().contains(&listed["Endpoint"]));
    cloud.pass(60);
    assert_eq!((cloud.writes_at(&writer), cloud.writes_at(&reader)), (Some(true), Some(false)));
    assert_eq!((cloud.writes_at(&none), cloud.writes_at(&all)), (None, Some(false)));
    cloud.ok("FailoverDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!((cloud.writes_at(&writer), cloud.writes_at(&reader)), (Some(false), None));
    assert_eq!(cloud.writes_at(&none), Some(false), "its member has become a reader");
    cloud.ok("DeleteDBClusterEndpoint", json!({"DBClusterEndpointIdentifier": "w"}));
    assert_eq!(cloud.writes_at(&writer), None);
}

#[test]
fn an_empty_list_of_a_custom_endpoint_clears_its_own_alone() {
    let mut cloud = Cloud::furnished();
    cloud.custom("one", "ANY", &json!({}));
    cloud.pass(60);
    let mut changed = |more: Value| {
        let mut input = json!({"DBClusterEndpointIdentifier": "one", "EndpointType": "ANY"});
        super::merge(&mut input, &more);
        let made = cloud.ok("ModifyDBClusterEndpoint", input);
        cloud.pass(60);
        (made["StaticMembers"].clone(), made["ExcludedMembers"].clone())
    };
    let (none, first) = (json!([]), json!(["shop-1"]));
    let expected = (first.clone(), none.clone());
    assert_eq!(changed(json!({"StaticMembers": ["shop-1"], "ExcludedMembers": []})), expected);
    assert_eq!(changed(json!({"ExcludedMembers": []})), expected);
    assert_eq!(changed(json!({"ExcludedMembers": ["shop-1"]})), (none.clone(), first));
    assert_eq!(changed(json!({"ExcludedMembers": []})), (none.clone(), none));
}

#[test]
fn a_custom_endpoint_is_for_readers_or_for_any() {
    let mut cloud = Cloud::furnished();
    let input = json!({"DBClusterIdentifier": "shop", "DBClusterEndpointIdentifier": "w", "EndpointType": "WRITER"});
    assert_eq!(cloud.refusal("CreateDBClusterEndpoint", input), "InvalidParameterValue");
}

#[test]
fn a_proxy_s_endpoint_for_reading_wants_a_reader_and_never_leads_to_the_writer() {
    let mut cloud = Cloud::furnished();
    cloud.ok("RegisterDBProxyTargets", json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]}));
    let rule = json!({"GroupId": cloud.groups[0], "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
        "UserIdGroupPairs": [{"GroupId": cloud.groups[1]}]}]});
    cloud.ok("ec2 AuthorizeSecurityGroupIngress", rule);
    let reads = json!({"DBProxyName": "shop", "DBProxyEndpointName": "reads", "TargetRole": "READ_ONLY",
        "VpcSubnetIds": [cloud.subnets[0], cloud.subnets[1]], "VpcSecurityGroupIds": [cloud.groups[1]]});
    assert_eq!(cloud.refusal("CreateDBProxyEndpoint", reads.clone()), "InvalidDBProxyStateFault");
    cloud.add_reader();
    cloud.ok("CreateDBProxyEndpoint", reads);
    let led = |cloud: &mut Cloud, id: &str| {
        let wanted = cloud.plan();
        let endpoint = wanted.poolers.iter().find(|item| item.id == id).unwrap();
        endpoint.spec.server.as_ref().map(|(server, _)| server.clone())
    };
    let cluster = cloud.region.rds.clusters["shop"].clone();
    assert_eq!(led(&mut cloud, "reads").as_ref(), Some(cluster.endpoint(false)));
    cloud.ok("DeleteDBInstance", json!({"DBInstanceIdentifier": "shop-2"}));
    assert_eq!(led(&mut cloud, "reads"), None);
    assert_eq!(led(&mut cloud, "shop").as_ref(), Some(cluster.endpoint(true)));
}
