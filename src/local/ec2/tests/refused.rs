//! What is refused in AWS's words, whatever exists.

use serde_json::json;

use super::{Cloud, missing};

#[test]
fn what_nothing_here_can_make_is_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let gone = "0123456789abcdef0";
    for (action, input, code, message) in [
        (
            "DescribeInstances",
            json!({"InstanceIds": ["foo"]}),
            "InvalidInstanceID.Malformed",
            "Invalid id: \"foo\"".to_owned(),
        ),
        (
            "DescribeInstances",
            json!({"InstanceIds": [missing("i")]}),
            "InvalidInstanceID.NotFound",
            format!("The instance ID 'i-{gone}' does not exist"),
        ),
        (
            "DescribeKeyPairs",
            json!({"KeyNames": ["k"]}),
            "InvalidKeyPair.NotFound",
            "The key pair 'k' does not exist".to_owned(),
        ),
        (
            "DescribeVolumes",
            json!({"VolumeIds": [missing("vol")]}),
            "InvalidVolume.NotFound",
            format!("The volume 'vol-{gone}' does not exist."),
        ),
        (
            "CreateTags",
            json!({"Resources": [missing("i")], "Tags": [{"Key": "a", "Value": ""}]}),
            "InvalidInstanceID.NotFound",
            format!("The instance ID 'i-{gone}' does not exist"),
        ),
        (
            "DescribeInstances",
            json!({"Filters": [{"Name": "foo", "Values": ["x"]}]}),
            "InvalidParameterValue",
            "The filter 'foo' is invalid".to_owned(),
        ),
    ] {
        let fault = cloud.call(action, input.clone()).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.message), (code, message), "{action} of {input}");
    }
    for (action, name) in [
        ("DescribeInstances", "network-interface.vpc-id"),
        ("DescribeInstances", "tag:Name"),
        ("DescribeVpnGateways", "attachment.vpc-id"),
        ("DescribeIpams", "anything"),
    ] {
        cloud.done(action, json!({"Filters": [{"Name": name, "Values": ["x"]}]}));
    }
    cloud.refuses([
        ("DescribeInstances", json!({"MaxResults": 4}), "InvalidParameterValue"),
        ("DescribeInstances", json!({"MaxResults": 1001}), "InvalidParameterValue"),
        ("DescribeVolumes", json!({"MaxResults": 4}), "InvalidParameterValue"),
    ]);
    cloud.done("DescribeVolumes", json!({"MaxResults": 2000}));
    assert_eq!(cloud.count("DescribeVpcEndpoints", json!({"MaxResults": 2000}), "VpcEndpoints"), 0);
}

#[test]
fn filters_are_as_many_and_as_long_as_in_ec2() {
    let mut cloud = Cloud::new();
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|number| format!("vpc-{number}")).collect();
        json!({"Filters": [{"Name": "vpc-id", "Values": values}]})
    };
    let long = |length: usize| json!({"Filters": [{"Name": "tag:a", "Values": ["x".repeat(length)]}]});
    cloud.done("DescribeVpcs", values(200));
    cloud.done("DescribeVpcs", long(255));
    cloud.refuses([
        ("DescribeVpcs", values(201), "FilterLimitExceeded"),
        ("DescribeInstances", values(201), "FilterLimitExceeded"),
        ("DescribeVpcs", long(256), "InvalidParameterValue"),
    ]);
}

#[test]
fn tags_of_a_new_resource_are_given_once_and_are_some() {
    let mut cloud = Cloud::new();
    let tagged = |specifications| json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": specifications});
    let one = json!({"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]});
    let other = json!({"ResourceType": "vpc", "Tags": [{"Key": "c", "Value": "d"}]});
    cloud.refuses([
        ("CreateVpc", tagged(json!([{"ResourceType": "vpc", "Tags": []}])), "InvalidParameterValue"),
        ("CreateVpc", tagged(json!([{"ResourceType": "vpc"}])), "InvalidParameterValue"),
        ("CreateVpc", tagged(json!([one, other])), "InvalidParameterValue"),
    ]);
}

#[test]
fn a_client_token_has_sixty_four_letters() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let with = |length: usize| json!({"SubnetId": subnet, "ClientToken": "t".repeat(length)});
    cloud.done("CreateNetworkInterface", with(64));
    assert_eq!(cloud.refusal("CreateNetworkInterface", with(65)), "InvalidParameterValue");
}
