//! The default VPC, its subnets, and what is found by name in it.

use serde_json::json;

use super::Cloud;

#[test]
fn the_default_vpc_is_made_once_with_all_that_belongs_to_it() {
    let mut cloud = Cloud::new();
    let named = json!({"GroupName": "app", "Description": "for a test"});
    cloud.refuses([
        ("CreateSecurityGroup", named.clone(), "VPCIdNotSpecified"),
        ("CreateDefaultSubnet", json!({"AvailabilityZone": "eu-central-1a"}), "DefaultVpcDoesNotExist"),
        ("DescribeSecurityGroups", json!({"GroupNames": ["default"]}), "InvalidGroup.NotFound"),
    ]);
    let vpc = cloud.get("CreateDefaultVpc", json!({}), "/Vpc/VpcId");
    let of_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});
    assert_eq!(cloud.get("DescribeVpcs", json!({}), "/Vpcs/0/IsDefault"), "true");
    let subnets = cloud.done("DescribeSubnets", of_vpc.clone())["Subnets"].clone();
    let mut blocks: Vec<_> = subnets.as_array().unwrap().iter().map(|one| one["CidrBlock"].as_str().unwrap()).collect();
    blocks.sort_unstable();
    assert_eq!(blocks[..2], ["172.31.0.0/20", "172.31.16.0/20"]);
    assert!(
        subnets.as_array().unwrap().iter().all(|one| one["DefaultForAz"] == true && one["MapPublicIpOnLaunch"] == true)
    );
    assert_eq!(cloud.get("DescribeRouteTables", of_vpc, "/RouteTables/0/Routes/1/DestinationCidrBlock"), "0.0.0.0/0");
    let attribute = json!({"AttributeNames": ["default-vpc"]});
    let told = "/AccountAttributes/0/AttributeValues/0/AttributeValue";
    assert_eq!(cloud.get("DescribeAccountAttributes", attribute, told), vpc);

    let group = cloud.get("CreateSecurityGroup", named, "/GroupId");
    let rule = json!({"GroupName": "app", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"});
    cloud.done("AuthorizeSecurityGroupIngress", rule);
    let found = cloud.done("DescribeSecurityGroups", json!({"GroupNames": ["app"]}))["SecurityGroups"].clone();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!((&found[0]["GroupId"], &found[0]["VpcId"]), (&json!(group), &json!(vpc)));
    cloud.done("DeleteSecurityGroup", json!({"GroupName": "app"}));

    let (subnet, zone) = (subnets[0]["SubnetId"].clone(), subnets[0]["AvailabilityZone"].clone());
    cloud.refuses([
        ("CreateDefaultVpc", json!({}), "DefaultVpcAlreadyExists"),
        ("CreateDefaultSubnet", json!({"AvailabilityZone": zone}), "DefaultSubnetAlreadyExistsInAvailabilityZone"),
        ("CreateDefaultSubnet", json!({}), "MissingParameter"),
        ("DeleteVpc", json!({"VpcId": vpc}), "DependencyViolation"),
    ]);
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
    let again = cloud.get("CreateDefaultSubnet", json!({"AvailabilityZone": zone}), "/Subnet/CidrBlock");
    assert_eq!(json!(again), subnets[0]["CidrBlock"]);
}
