//! Proxies and their targets.

use serde_json::json;

use super::Cloud;

#[test]
fn a_proxy_that_aws_would_refuse_is_refused() {
    let mut cloud = Cloud::new();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let input = json!({"RoleName": "stranger", "AssumeRolePolicyDocument": trust.to_string()});
    let stranger = cloud.get("iam CreateRole", input, "/Role/Arn");
    cloud.pass(60);
    let one_zone = json!([cloud.subnets[0], cloud.subnets[2]]);
    for (change, code) in [
        (json!({"VpcSubnetIds": one_zone}), "InvalidParameterValue"),
        (json!({"VpcSubnetIds": ["subnet-1", "subnet-2"]}), "InvalidSubnet"),
        (json!({"RoleArn": "arn:aws:iam::123456789012:role/none"}), "InvalidParameterValue"),
        (json!({"RoleArn": stranger}), "InvalidParameterValue"),
        (json!({"Auth": []}), "InvalidParameterValue"),
        (json!({"EngineFamily": "MYSQL"}), "InvalidParameterValue"),
        (json!({"IdleClientTimeout": 0}), "InvalidParameterValue"),
        (json!({"DBProxyName": "1st"}), "InvalidParameterValue"),
    ] {
        let input = cloud.proxy_input(&change);
        assert_eq!(cloud.refusal("CreateDBProxy", input), code, "{change}");
    }
    for number in 0..20 {
        let input = cloud.proxy_input(&json!({"DBProxyName": format!("p{number}")}));
        cloud.ok("CreateDBProxy", input);
    }
    let input = cloud.proxy_input(&json!({}));
    assert_eq!(cloud.refusal("CreateDBProxy", input), "DBProxyQuotaExceededFault");
    let input = cloud.proxy_input(&json!({"DBProxyName": "p0"}));
    assert_eq!(cloud.refusal("CreateDBProxy", input), "DBProxyAlreadyExistsFault");
}

#[test]
fn targets_are_registered_once_with_a_proxy_that_is_available() {
    let mut cloud = Cloud::furnished();
    let input = json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]});
    let state = cloud.get("RegisterDBProxyTargets", input.clone(), "/DBProxyTargets/0/TargetHealth/State");
    assert_eq!(state, "REGISTERING");
    assert_eq!(cloud.refusal("RegisterDBProxyTargets", input.clone()), "DBProxyTargetAlreadyRegisteredFault");
    let group = json!({"DBProxyName": "shop", "TargetGroupName": "other"});
    assert_eq!(cloud.refusal("DescribeDBProxyTargets", group), "DBProxyTargetGroupNotFoundFault");
    cloud.ok("ModifyDBProxy", json!({"DBProxyName": "shop", "RequireTLS": true}));
    assert_eq!(cloud.refusal("DeregisterDBProxyTargets", json!({"DBProxyName": "none"})), "DBProxyNotFoundFault");
    cloud.ok("DeregisterDBProxyTargets", input.clone());
    assert_eq!(cloud.refusal("DeregisterDBProxyTargets", input.clone()), "DBProxyTargetNotFoundFault");
    assert_eq!(cloud.refusal("RegisterDBProxyTargets", input), "InvalidDBProxyStateFault", "while it is modified");
    cloud.make_real();
    cloud.pass(30);
    assert_eq!(cloud.proxy_status(), "available");
    cloud.ok("DeleteDBProxy", json!({"DBProxyName": "shop"}));
    assert_eq!(cloud.proxy_status(), "deleting");
    cloud.make_real();
    cloud.pass(180);
    assert_eq!(cloud.refusal("DescribeDBProxies", json!({"DBProxyName": "shop"})), "DBProxyNotFoundFault");
    let group = cloud.groups[1].clone();
    cloud.ok("ec2 DeleteSecurityGroup", json!({"GroupId": group}));
}
