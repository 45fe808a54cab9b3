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
    assert_eq!(shown["VpcConfig"]["SubnetIds"], json!([]), "it stays where it was");
}
