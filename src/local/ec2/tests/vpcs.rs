//! VPCs, subnets, tags, and what every call has in common.

use serde_json::{Value, json};

use super::{Cloud, missing};

#[test]
fn a_vpc_brings_its_own_things_along_and_takes_them_away() {
    let mut cloud = Cloud::new();
    let answer = cloud.done("CreateVpc", json!({"CidrBlock": "10.0.9.9/16"}));
    assert_eq!(answer["Vpc"]["State"], "pending");
    assert_eq!(answer["Vpc"]["CidrBlock"], "10.0.0.0/16");
    let vpc = answer["Vpc"]["VpcId"].as_str().unwrap();
    let of_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});
    for (action, items) in [
        ("DescribeRouteTables", "RouteTables"),
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeNetworkAcls", "NetworkAcls"),
    ] {
        assert_eq!(cloud.count(action, of_vpc.clone(), items), 1, "{action}");
    }
    assert_eq!(cloud.get("DescribeVpcs", json!({}), "/Vpcs/0/State"), "available");
    assert_eq!(cloud.inventory(), ["vpc"]);
    let table = cloud.get("DescribeRouteTables", of_vpc, "/RouteTables/0/RouteTableId");
    cloud.done("CreateTags", json!({"Resources": [table], "Tags": [{"Key": "a", "Value": "b"}]}));
    cloud.done("DeleteVpc", json!({"VpcId": vpc}));
    for (action, items) in [
        ("DescribeRouteTables", "RouteTables"),
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeNetworkAcls", "NetworkAcls"),
        ("DescribeTags", "Tags"),
    ] {
        assert_eq!(cloud.count(action, json!({}), items), 0, "{action}");
    }
}

#[test]
fn vpcs_and_subnets_are_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    cloud.subnet(&vpc, "10.0.0.0/24");
    let subnet = |cidr: &str| json!({"VpcId": vpc, "CidrBlock": cidr});
    cloud.refuses([
        ("CreateVpc", json!({"CidrBlock": "10.0.0.0/8"}), "InvalidVpc.Range"),
        ("CreateVpc", json!({"CidrBlock": "10.0.0.0/29"}), "InvalidVpc.Range"),
        ("CreateVpc", json!({"CidrBlock": "ten"}), "InvalidParameterValue"),
        ("CreateVpc", json!({}), "MissingParameter"),
        ("CreateVpc", json!({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "host"}), "InvalidParameterValue"),
        ("CreateVpc", json!({"CidrBlock": "10.0.0.0/16", "Ipv4IpamPoolId": "x"}), "UnsupportedOperation"),
        ("CreateVpc", json!({"AmazonProvidedIpv6CidrBlock": true, "CidrBlock": "10.0.0.0/16"}), "UnsupportedOperation"),
        ("CreateSubnet", subnet("10.0.0.128/25"), "InvalidSubnet.Conflict"),
        ("CreateSubnet", subnet("10.0.0.0/16"), "InvalidSubnet.Conflict"),
        ("CreateSubnet", subnet("10.1.0.0/24"), "InvalidSubnet.Range"),
        ("CreateSubnet", subnet("10.0.1.0/29"), "InvalidSubnet.Range"),
        ("CreateSubnet", json!({"VpcId": vpc}), "MissingParameter"),
        ("CreateSubnet", json!({"VpcId": missing("vpc"), "CidrBlock": "10.0.1.0/24"}), "InvalidVpcID.NotFound"),
        (
            "CreateSubnet",
            json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-central-1z"}),
            "InvalidParameterValue",
        ),
        ("DeleteVpc", json!({"VpcId": vpc}), "DependencyViolation"),
        ("DeleteVpc", json!({"VpcId": "vpc-1"}), "InvalidVpcID.NotFound"),
        ("DeleteSubnet", json!({"SubnetId": missing("subnet")}), "InvalidSubnetID.NotFound"),
        ("DescribeSubnets", json!({"Filters": [{"Name": "colour", "Values": ["red"]}]}), "InvalidParameterValue"),
        ("DescribeSubnets", json!({"SubnetIds": [missing("subnet")]}), "InvalidSubnetID.NotFound"),
    ]);
    assert_eq!(cloud.inventory(), ["vpc", "subnet"]);
}

#[test]
fn everything_a_vpc_may_hold_keeps_it() {
    let input = |vpc: &str| json!({"VpcId": vpc});
    let made: [fn(&mut Cloud, &str); 5] = [
        |cloud, vpc| drop(cloud.subnet(vpc, "10.0.0.0/24")),
        |cloud, vpc| drop(cloud.gateway(vpc)),
        |cloud, vpc| drop(cloud.group(vpc, "one")),
        |cloud, vpc| drop(cloud.done("CreateRouteTable", json!({"VpcId": vpc}))),
        |cloud, vpc| {
            let service = "com.amazonaws.eu-central-1.s3";
            cloud.done("CreateVpcEndpoint", json!({"VpcId": vpc, "ServiceName": service}));
        },
    ];
    for make in made {
        let mut cloud = Cloud::new();
        let vpc = cloud.vpc();
        make(&mut cloud, &vpc);
        assert_eq!(cloud.refusal("DeleteVpc", input(&vpc)), "DependencyViolation", "{:?}", cloud.inventory());
    }
}

#[test]
fn attributes_are_changed_one_a_call() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let (on, off) = (json!({"Value": true}), json!({"Value": false}));
    let hostnames = json!({"VpcId": vpc, "Attribute": "enableDnsHostnames"});
    assert_eq!(cloud.get("DescribeVpcAttribute", hostnames.clone(), "/EnableDnsHostnames/Value"), "false");
    cloud.done("ModifyVpcAttribute", json!({"VpcId": vpc, "EnableDnsHostnames": on}));
    assert_eq!(cloud.get("DescribeVpcAttribute", hostnames, "/EnableDnsHostnames/Value"), "true");
    cloud.done("ModifyVpcAttribute", json!({"VpcId": vpc, "EnableDnsSupport": off}));
    cloud.done("ModifySubnetAttribute", json!({"SubnetId": subnet, "MapPublicIpOnLaunch": on}));
    assert_eq!(cloud.get("DescribeSubnets", json!({}), "/Subnets/0/MapPublicIpOnLaunch"), "true");
    cloud.refuses([
        (
            "ModifyVpcAttribute",
            json!({"VpcId": vpc, "EnableDnsSupport": on, "EnableDnsHostnames": on}),
            "InvalidParameterCombination",
        ),
        ("ModifyVpcAttribute", json!({"VpcId": vpc, "EnableDnsHostnames": on}), "InvalidParameterCombination"),
        ("ModifyVpcAttribute", json!({"VpcId": vpc}), "MissingParameter"),
        (
            "ModifySubnetAttribute",
            json!({"SubnetId": subnet, "MapPublicIpOnLaunch": on, "EnableDns64": on}),
            "InvalidParameterCombination",
        ),
        ("ModifySubnetAttribute", json!({"SubnetId": subnet, "EnableLniAtDeviceIndex": 1}), "UnsupportedOperation"),
    ]);
}

#[test]
fn further_blocks_come_and_go() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let primary = cloud.get("DescribeVpcs", json!({}), "/Vpcs/0/CidrBlockAssociationSet/0/AssociationId");
    let input = json!({"VpcId": vpc, "CidrBlock": "10.1.0.0/16"});
    let second = cloud.get("AssociateVpcCidrBlock", input.clone(), "/CidrBlockAssociation/AssociationId");
    let subnet = cloud.subnet(&vpc, "10.1.0.0/24");
    cloud.refuses([
        ("AssociateVpcCidrBlock", input, "InvalidVpc.Range"),
        ("DisassociateVpcCidrBlock", json!({"AssociationId": primary}), "OperationNotPermitted"),
        ("DisassociateVpcCidrBlock", json!({"AssociationId": second}), "DependencyViolation"),
        ("DisassociateVpcCidrBlock", json!({"AssociationId": "x"}), "InvalidVpcCidrBlockAssociationID.NotFound"),
    ]);
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
    cloud.done("DisassociateVpcCidrBlock", json!({"AssociationId": second}));
}

#[test]
fn pages_join_without_gap_or_repetition() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let mut made: Vec<String> = (0..12).map(|third| cloud.subnet(&vpc, &format!("10.0.{third}.0/24"))).collect();
    made.sort();
    let mut seen = Vec::new();
    let mut token = json!(null);
    loop {
        let mut input = json!({"MaxResults": 5});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = cloud.done("DescribeSubnets", input);
        let subnets = page["Subnets"].as_array().unwrap();
        seen.extend(subnets.iter().map(|subnet| subnet["SubnetId"].as_str().unwrap().to_owned()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, made);
    cloud.refuses([
        ("DescribeSubnets", json!({"MaxResults": 5, "SubnetIds": [made[0]]}), "InvalidParameterCombination"),
        ("DescribeSubnets", json!({"MaxResults": 4}), "InvalidParameterValue"),
        ("DescribeSubnets", json!({"MaxResults": 1001}), "InvalidParameterValue"),
        ("DescribeSubnets", json!({"NextToken": "%"}), "InvalidNextToken"),
    ]);
}

#[test]
fn tags_are_kept_filtered_and_limited() {
    let mut cloud = Cloud::new();
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let many: Vec<_> = (0..51).map(|number| tag(&format!("key{number}"), "")).collect();
    let specification = json!([{"ResourceType": "vpc", "Tags": [tag("Name", "one")]}]);
    let input = json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": specification});
    let vpc = cloud.get("CreateVpc", input, "/Vpc/VpcId");
    cloud.done("CreateTags", json!({"Resources": [vpc], "Tags": [tag("tier", "web")]}));
    for (name, value, expected) in [
        ("tag:Name", "one", 1),
        ("tag:Name", "two", 0),
        ("tag:Name", "o*", 1),
        ("tag-key", "tier", 1),
        ("tag-key", "Tier", 0),
    ] {
        let filter = json!({"Filters": [{"Name": name, "Values": [value]}]});
        assert_eq!(cloud.count("DescribeVpcs", filter, "Vpcs"), expected, "{name}={value}");
    }
    let wrong_type = json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "subnet", "Tags": []}]});
    cloud.refuses([
        ("CreateTags", json!({"Resources": [vpc], "Tags": [tag("aws:x", "")]}), "InvalidParameterValue"),
        ("CreateTags", json!({"Resources": [vpc], "Tags": [tag("", "")]}), "InvalidParameterValue"),
        ("CreateTags", json!({"Resources": [vpc], "Tags": [tag("a", ""), tag("a", "")]}), "InvalidParameterValue"),
        ("CreateTags", json!({"Resources": [vpc], "Tags": [tag(&"k".repeat(129), "")]}), "InvalidParameterValue"),
        ("CreateTags", json!({"Resources": [vpc], "Tags": many}), "TagLimitExceeded"),
        (
            "CreateTags",
            json!({"Resources": [missing("igw")], "Tags": [tag("a", "")]}),
            "InvalidInternetGatewayID.NotFound",
        ),
        ("CreateTags", json!({"Resources": ["nonsense"], "Tags": [tag("a", "")]}), "InvalidID"),
        ("CreateVpc", wrong_type, "InvalidParameterValue"),
    ]);
    cloud.done("DeleteTags", json!({"Resources": [vpc], "Tags": [tag("Name", "another")]}));
    assert_eq!(cloud.count("DescribeTags", json!({}), "Tags"), 2);
    cloud.done("DeleteTags", json!({"Resources": [vpc], "Tags": [{"Key": "Name"}]}));
    assert_eq!(cloud.get("DescribeTags", json!({}), "/Tags/0/Key"), "tier");
    cloud.done("DeleteTags", json!({"Resources": [vpc]}));
    assert_eq!(cloud.count("DescribeTags", json!({}), "Tags"), 0);
}

#[test]
fn tags_are_found_by_every_filter_together_and_with_wildcards() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    cloud.done("CreateTags", json!({"Resources": [vpc, subnet], "Tags": [tag("Owner", "TeamA"), tag("Name", "a*b")]}));
    cloud.done("CreateTags", json!({"Resources": [subnet], "Tags": [tag("Owner", "TeamB"), tag("empty", "")]}));
    let table = [
        (json!([["tag:Owner", "TeamA"]]), vec![(&vpc, "Owner")]),
        (json!([["tag:Owner", "Team?"]]), vec![(&subnet, "Owner"), (&vpc, "Owner")]),
        (json!([["tag:Owner", "*", "TeamA"], ["resource-type", "subnet"]]), vec![(&subnet, "Owner")]),
        (json!([["tag:owner", "TeamA"]]), vec![]),
        (json!([["tag:Owner", "teama"]]), vec![]),
        (json!([["tag:empty", ""]]), vec![(&subnet, "empty")]),
        (json!([["tag:Owner", "TeamA"], ["tag:Name", "*"]]), vec![]),
        (json!([["key", "*m*"], ["resource-id", subnet]]), vec![(&subnet, "Name"), (&subnet, "empty")]),
        (json!([["value", r"a\*b"], ["resource-type", "vpc"]]), vec![(&vpc, "Name")]),
        (json!([["value", "TeamA", "TeamB"], ["key", "Owner"]]), vec![(&subnet, "Owner"), (&vpc, "Owner")]),
        (json!([["resource-type", "vpc-*"]]), vec![]),
    ];
    for (filters, expected) in table {
        let filter = |filter: &Value| json!({"Name": filter[0], "Values": filter.as_array().unwrap()[1..]});
        let given: Vec<Value> = filters.as_array().unwrap().iter().map(filter).collect();
        let answer = cloud.done("DescribeTags", json!({"Filters": given}));
        let text = |tag: &Value, member: &str| tag[member].as_str().unwrap().to_owned();
        let found: Vec<(String, String)> =
            answer["Tags"].as_array().unwrap().iter().map(|one| (text(one, "ResourceId"), text(one, "Key"))).collect();
        let mut expected: Vec<(String, String)> =
            expected.into_iter().map(|(id, key)| (id.clone(), key.to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{filters}");
    }
    let unknown = json!({"Filters": [{"Name": "tag-key", "Values": ["Owner"]}]});
    cloud.refuses([("DescribeTags", unknown, "InvalidParameterValue")]);
}

#[test]
fn the_store_survives_being_written_and_read() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    cloud.gateway(&vpc);
    let address = cloud.address();
    cloud.nat_gateway(&subnet, &address);
    cloud.group(&vpc, "web");
    let text = serde_json::to_string(&cloud.region.ec2).unwrap();
    let describe = |cloud: &mut Cloud| {
        [
            "DescribeVpcs",
            "DescribeSubnets",
            "DescribeNatGateways",
            "DescribeSecurityGroupRules",
            "DescribeNetworkInterfaces",
        ]
        .map(|action| cloud.done(action, json!({})))
    };
    let before = describe(&mut cloud);
    cloud.region.ec2 = serde_json::from_str(&text).unwrap();
    assert_eq!(describe(&mut cloud), before);
}
