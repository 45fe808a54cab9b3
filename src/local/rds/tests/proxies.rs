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

#[test]
fn an_endpoint_whose_new_name_is_refused_keeps_its_groups() {
    let mut cloud = Cloud::furnished();
    let subnets = json!([cloud.subnets[0], cloud.subnets[1]]);
    let groups = json!([cloud.groups[1]]);
    let input = json!({"DBProxyName": "shop", "DBProxyEndpointName": "reads", "VpcSubnetIds": subnets,
        "VpcSecurityGroupIds": groups});
    cloud.ok("CreateDBProxyEndpoint", input);
    cloud.make_real();
    cloud.region.rds.proxy_endpoints.get_mut("reads").unwrap().progress.reached = 1;
    cloud.pass(600);
    let members = |cloud: &mut Cloud, group: usize| {
        let filter = json!({"Filters": [{"Name": "group-id", "Values": [cloud.groups[group]]}]});
        cloud.ok("ec2 DescribeNetworkInterfaces", filter)["NetworkInterfaces"].as_array().map(Vec::len)
    };
    let before = (members(&mut cloud, 0), members(&mut cloud, 1));
    let wrong = json!({"DBProxyEndpointName": "reads", "NewDBProxyEndpointName": "a--b", "VpcSecurityGroupIds": [cloud.groups[0]]});
    assert_eq!(cloud.refusal("ModifyDBProxyEndpoint", wrong), "InvalidParameterValue");
    assert_eq!((members(&mut cloud, 0), members(&mut cloud, 1)), before);
    let right = json!({"DBProxyEndpointName": "reads", "NewDBProxyEndpointName": "more", "VpcSecurityGroupIds": [cloud.groups[0]]});
    cloud.ok("ModifyDBProxyEndpoint", right);
    assert_eq!(members(&mut cloud, 0), before.0.map(|count| count + 2));
}
