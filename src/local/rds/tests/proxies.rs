//! Proxies and their targets.

use serde_json::{Value, json};

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
    cloud.make_real();
    cloud.pass(30);
    assert_eq!(cloud.proxy_status(), "available");
    cloud.ok("DeregisterDBProxyTargets", input.clone());
    assert_eq!(cloud.refusal("DeregisterDBProxyTargets", input), "DBProxyTargetNotFoundFault");
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

/// Every change of a proxy, of its target group and of its targets, with what refuses it in a wrong state.
fn changes(cloud: &Cloud) -> Vec<(&'static str, Value)> {
    let subnets = json!([cloud.subnets[0], cloud.subnets[1]]);
    let targets = json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]});
    vec![
        ("ModifyDBProxy", json!({"DBProxyName": "shop", "RequireTLS": true})),
        ("ModifyDBProxyTargetGroup", json!({"DBProxyName": "shop", "TargetGroupName": "default"})),
        ("RegisterDBProxyTargets", targets.clone()),
        ("DeregisterDBProxyTargets", targets),
        (
            "CreateDBProxyEndpoint",
            json!({"DBProxyName": "shop", "DBProxyEndpointName": "new", "VpcSubnetIds": subnets}),
        ),
        ("ModifyDBProxyEndpoint", json!({"DBProxyEndpointName": "reads"})),
        ("DeleteDBProxy", json!({"DBProxyName": "shop"})),
    ]
}

/// What becomes of every change in this state of the proxy: the codes and messages of those that are refused.
fn refused(cloud: &mut Cloud, status: &str) -> Vec<(&'static str, String)> {
    assert_eq!(cloud.proxy_status(), status);
    let mut refused = Vec::new();
    for (action, input) in changes(cloud) {
        let before = cloud.here.region.clone();
        if let Err(fault) = cloud.call(action, input) {
            refused.push((action, format!("{}: {}", fault.code, fault.message)));
        }
        cloud.here.region = before;
    }
    refused
}

#[test]
fn nothing_is_changed_while_something_else_is_under_way() {
    let mut cloud = Cloud::furnished();
    cloud.ok("RegisterDBProxyTargets", json!({"DBProxyName": "shop", "DBClusterIdentifiers": ["shop"]}));
    let subnets = json!([cloud.subnets[0], cloud.subnets[1]]);
    let endpoint = json!({"DBProxyName": "shop", "DBProxyEndpointName": "reads", "VpcSubnetIds": subnets});
    cloud.ok("CreateDBProxyEndpoint", endpoint);
    let named = json!({"DBProxyEndpointName": "reads"});
    for (action, needed) in [
        ("ModifyDBProxyEndpoint", "[AVAILABLE]"),
        ("DeleteDBProxyEndpoint", "[AVAILABLE, INCOMPATIBLE_NETWORK, INSUFFICIENT_RESOURCE_LIMITS]"),
    ] {
        let fault = cloud.call(action, named.clone()).unwrap_err();
        let message = format!("DB proxy endpoint reads is in an unsupported state - CREATING, needs to be in {needed}");
        assert_eq!((fault.code.as_str(), fault.message), ("InvalidDBProxyEndpointStateFault", message));
    }
    cloud.region.rds.proxy_endpoints.get_mut("reads").unwrap().progress.reached = 1;
    cloud.pass(600);
    let twice = ["RegisterDBProxyTargets"];
    let names = |refused: &[(&'static str, String)]| refused.iter().map(|(action, _)| *action).collect::<Vec<_>>();
    assert_eq!(names(&refused(&mut cloud, "available")), twice);

    // Nothing of a proxy that is being modified, made or deleted.
    cloud.ok("ModifyDBProxy", json!({"DBProxyName": "shop", "RequireTLS": true}));
    let all: Vec<_> = changes(&cloud).into_iter().map(|(action, _)| action).collect();
    for status in ["modifying", "creating", "deleting"] {
        cloud.region.rds.proxies.get_mut("shop").unwrap().phase.status = status.into();
        let refused = refused(&mut cloud, status);
        assert_eq!(names(&refused), all, "{status}");
        let state =
            format!("InvalidDBProxyStateFault: DB proxy shop is in an unsupported state - {}", status.to_uppercase());
        assert!(refused.iter().all(|(_, said)| said.starts_with(&state)), "{refused:?}");
    }

    // What has failed is taken apart, and not built upon.
    let proxy = cloud.region.rds.proxies.get_mut("shop").unwrap();
    proxy.phase.status = "creating".into();
    proxy.progress.fault = Some("PgBouncer is not installed".into());
    let still: Vec<_> =
        all.into_iter().filter(|action| !["DeregisterDBProxyTargets", "DeleteDBProxy"].contains(action)).collect();
    assert_eq!(names(&refused(&mut cloud, "insufficient-resource-limits")), still);
}
