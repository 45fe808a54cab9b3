//! A subnet without a free address keeps a function from being made, or from coming there.

use super::*;

fn free(cloud: &mut Cloud, subnet: &str) -> Value {
    let described = cloud.call(&ec2::SERVICE, "DescribeSubnets", json!({"SubnetIds": [subnet]})).unwrap();
    described["Subnets"][0]["AvailableIpAddressCount"].clone()
}

fn described(cloud: &mut Cloud) -> Value {
    cloud.lambda("GetFunctionConfiguration", json!({"FunctionName": "one"})).unwrap()
}

#[test]
fn functions_share_an_interface_in_a_subnet_and_groups() {
    let mut cloud = Cloud::new();
    let (role, (subnet, group)) = (cloud.role(), cloud.network());
    let policy = json!({"RoleName": "runner", "PolicyArn": VPC_ACCESS});
    cloud.call(&iam::SERVICE, "AttachRolePolicy", policy).unwrap();
    cloud.wait(15);
    let there = json!({"SubnetIds": [subnet], "SecurityGroupIds": [group]});
    let create = |cloud: &mut Cloud, name: &str| {
        let mut input = one(&role);
        input["FunctionName"] = json!(name);
        input["VpcConfig"] = there.clone();
        cloud.lambda("CreateFunction", input).unwrap();
    };
    for name in ["one", "two"] {
        create(&mut cloud, name);
        assert_eq!(free(&mut cloud, &subnet), 250, "{name}");
    }
    cloud.wait(60);
    cloud.lambda("DeleteFunction", json!({"FunctionName": "one"})).unwrap();
    cloud.wait(60 * 60);
    assert_eq!(free(&mut cloud, &subnet), 250, "the other one is there");
    cloud.lambda("DeleteFunction", json!({"FunctionName": "two"})).unwrap();
    cloud.wait(10 * 60);
    // The next one takes over what is on its way out.
    create(&mut cloud, "three");
    cloud.wait(60 * 60);
    assert_eq!(free(&mut cloud, &subnet), 250);
    let other = cloud.call(
        &ec2::SERVICE,
        "DescribeSecurityGroups",
        json!({"Filters": [{"Name": "group-name",
        "Values": ["default"]}]}),
    );
    let other = json!({"SubnetIds": [subnet], "SecurityGroupIds": [other.unwrap()["SecurityGroups"][0]["GroupId"]]});
    cloud.lambda("UpdateFunctionConfiguration", json!({"FunctionName": "three", "VpcConfig": other})).unwrap();
    assert_eq!(free(&mut cloud, &subnet), 249, "other groups, another interface; the former one stays for a while");
    cloud.wait(60 * 60);
    assert_eq!(free(&mut cloud, &subnet), 250);
}

#[test]
fn a_function_fails_where_no_address_is_free_until_it_goes_elsewhere() {
    let mut cloud = Cloud::new();
    let (role, (subnet, group)) = (cloud.role(), cloud.network());
    let policy = json!({"RoleName": "runner", "PolicyArn": VPC_ACCESS});
    cloud.call(&iam::SERVICE, "AttachRolePolicy", policy).unwrap();
    cloud.wait(15);
    while cloud.call(&ec2::SERVICE, "CreateNetworkInterface", json!({"SubnetId": subnet})).is_ok() {}
    assert_eq!(free(&mut cloud, &subnet), 0);
    let mut input = one(&role);
    input["VpcConfig"] = json!({"SubnetIds": [subnet], "SecurityGroupIds": [group]});
    assert_eq!(cloud.lambda("CreateFunction", input).unwrap()["State"], "Pending");
    cloud.wait(60);
    let shown = described(&mut cloud);
    assert_eq!((&shown["State"], &shown["StateReasonCode"]), (&json!("Failed"), &json!("SubnetOutOfIPAddresses")));
    let refused = cloud.lambda("Invoke", json!({"FunctionName": "one"})).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("SubnetIPAddressLimitReachedException", 502));

    for (action, input) in [
        ("UpdateFunctionConfiguration", json!({"FunctionName": "one", "Timeout": 9})),
        ("UpdateFunctionCode", json!({"FunctionName": "one", "ZipFile": zip("#!/bin/sh\nexit 1\n")})),
    ] {
        cloud.lambda(action, input).unwrap();
        cloud.wait(60);
        let shown = described(&mut cloud);
        assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Failed"), &json!("Failed")), "{action}");
    }
    let nowhere = json!({"FunctionName": "one", "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
    cloud.lambda("UpdateFunctionConfiguration", nowhere).unwrap();
    cloud.wait(60);
    let shown = described(&mut cloud);
    assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    let there = json!({"FunctionName": "one", "VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]}});
    cloud.lambda("UpdateFunctionConfiguration", there).unwrap();
    cloud.wait(60);
    let shown = described(&mut cloud);
    assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Active"), &json!("Failed")));
    assert_eq!(shown["LastUpdateStatusReasonCode"], "SubnetOutOfIPAddresses");
    let nowhere = (json!([]), json!(""));
    assert_eq!((&shown["VpcConfig"]["SubnetIds"], &shown["VpcConfig"]["VpcId"]), (&nowhere.0, &nowhere.1), "it stays");
}
