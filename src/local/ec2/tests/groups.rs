//! Security groups and their rules.

use serde_json::{Value, json};

use super::{Cloud, missing};

/// A permission on one TCP port.
fn tcp(port: u16, peers: (&str, Value)) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, peers.0: [peers.1]})
}

fn from_group(port: u16, group: &str) -> Value {
    tcp(port, ("UserIdGroupPairs", json!({"GroupId": group})))
}

fn from_cidr(port: u16, cidr: &str) -> Value {
    tcp(port, ("IpRanges", json!({"CidrIp": cidr})))
}

#[test]
fn a_new_group_lets_everything_out() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "web");
    let shown = cloud.done("DescribeSecurityGroups", json!({"GroupIds": [group]}))["SecurityGroups"][0].clone();
    assert_eq!(shown["IpPermissions"], json!([]));
    assert_eq!(shown["IpPermissionsEgress"][0]["IpProtocol"], "-1");
    assert_eq!(shown["IpPermissionsEgress"][0]["IpRanges"][0]["CidrIp"], "0.0.0.0/0");
}

#[test]
fn rules_are_authorized_once_and_revoked_once() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let (app, db) = (cloud.group(&vpc, "app"), cloud.group(&vpc, "db"));
    let rules = json!({"GroupId": db, "IpPermissions": [from_group(5432, &app), from_cidr(5432, "10.0.3.9/16")]});
    let answer = cloud.done("AuthorizeSecurityGroupIngress", rules.clone());
    assert_eq!(answer["SecurityGroupRules"].as_array().unwrap().len(), 2);
    // The flat form says the same as the nested one, and 10.0.0.0/16 is the canonical form.
    let flat = json!({"GroupId": db, "IpProtocol": "6", "FromPort": 5432, "ToPort": 5432, "CidrIp": "10.0.0.0/16"});
    assert_eq!(cloud.refusal("AuthorizeSecurityGroupIngress", rules.clone()), "InvalidPermission.Duplicate");
    assert_eq!(cloud.refusal("AuthorizeSecurityGroupIngress", flat.clone()), "InvalidPermission.Duplicate");
    assert_eq!(cloud.refusal("DeleteSecurityGroup", json!({"GroupId": app})), "DependencyViolation");
    cloud.done("RevokeSecurityGroupIngress", flat.clone());
    assert_eq!(cloud.refusal("RevokeSecurityGroupIngress", flat), "InvalidPermission.NotFound");
    assert_eq!(cloud.refusal("RevokeSecurityGroupIngress", rules), "InvalidPermission.NotFound");
    let by_id =
        json!({"GroupId": db, "SecurityGroupRuleIds": [answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]]});
    let revoked = cloud.done("RevokeSecurityGroupIngress", by_id.clone());
    assert_eq!(revoked["RevokedSecurityGroupRules"][0]["ReferencedGroupId"], json!(app));
    assert_eq!(cloud.refusal("RevokeSecurityGroupIngress", by_id), "InvalidSecurityGroupRuleId.NotFound");
    cloud.done("DeleteSecurityGroup", json!({"GroupId": app}));
}

#[test]
fn groups_and_rules_are_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let other_vpc = cloud.get("CreateVpc", json!({"CidrBlock": "10.7.0.0/16"}), "/Vpc/VpcId");
    let (group, stranger) = (cloud.group(&vpc, "web"), cloud.group(&other_vpc, "web"));
    let of_vpc =
        json!({"Filters": [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [vpc]}]});
    let default = cloud.get("DescribeSecurityGroups", of_vpc, "/SecurityGroups/0/GroupId");
    let named = |name: &str, description: &str| json!({"VpcId": vpc, "GroupName": name, "Description": description});
    let rule = |permission: Value| json!({"GroupId": group, "IpPermissions": [permission]});
    cloud.refuses([
        ("CreateSecurityGroup", named("web", "x"), "InvalidGroup.Duplicate"),
        ("CreateSecurityGroup", named("default", "x"), "InvalidParameterValue"),
        ("CreateSecurityGroup", named("sg-web", "x"), "InvalidParameterValue"),
        ("CreateSecurityGroup", named("wäb", "x"), "InvalidParameterValue"),
        ("CreateSecurityGroup", named("api", "what's this"), "InvalidParameterValue"),
        ("CreateSecurityGroup", named(&"x".repeat(256), "x"), "InvalidParameterValue"),
        ("CreateSecurityGroup", json!({"GroupName": "api", "Description": "x"}), "VPCIdNotSpecified"),
        ("DeleteSecurityGroup", json!({"GroupId": default}), "CannotDelete"),
        ("DeleteSecurityGroup", json!({"GroupId": missing("sg")}), "InvalidGroup.NotFound"),
        ("DeleteSecurityGroup", json!({"GroupName": "web"}), "InvalidGroup.NotFound"),
        ("DeleteSecurityGroup", json!({}), "MissingParameter"),
        ("AuthorizeSecurityGroupIngress", rule(from_group(1, &missing("sg"))), "InvalidGroup.NotFound"),
        ("AuthorizeSecurityGroupIngress", rule(from_group(1, &stranger)), "InvalidGroup.NotFound"),
        ("AuthorizeSecurityGroupIngress", rule(from_cidr(1, "10.0.0.0/33")), "InvalidParameterValue"),
        ("AuthorizeSecurityGroupIngress", rule(json!({"IpProtocol": "tcp"})), "InvalidParameterValue"),
        ("AuthorizeSecurityGroupIngress", rule(json!({"IpProtocol": "-1"})), "MissingParameter"),
        ("AuthorizeSecurityGroupIngress", json!({"GroupId": group}), "MissingParameter"),
        (
            "AuthorizeSecurityGroupIngress",
            rule(tcp(1, ("PrefixListIds", json!({"PrefixListId": "pl-00000000"})))),
            "InvalidPrefixListID.NotFound",
        ),
        (
            "AuthorizeSecurityGroupEgress",
            json!({"GroupId": group, "IpPermissions": [from_cidr(1, "10.0.0.0/8"), from_cidr(1, "10.0.0.0/8")]}),
            "InvalidParameterValue",
        ),
        ("RevokeSecurityGroupEgress", json!({"GroupId": group}), "MissingParameter"),
    ]);
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "web");
    let one = json!({"GroupId": group, "IpPermissions": [from_cidr(80, "10.0.0.0/8")]});
    cloud.done("AuthorizeSecurityGroupIngress", one);
    let before = cloud.done("DescribeSecurityGroupRules", json!({}));
    let both = json!({"GroupId": group, "IpPermissions": [from_cidr(443, "10.0.0.0/8"), from_cidr(80, "10.0.0.0/8")]});
    assert_eq!(cloud.refusal("AuthorizeSecurityGroupIngress", both.clone()), "InvalidPermission.Duplicate");
    assert_eq!(cloud.refusal("RevokeSecurityGroupIngress", both), "InvalidPermission.NotFound");
    assert_eq!(cloud.done("DescribeSecurityGroupRules", json!({})), before);
}

#[test]
fn a_rule_keeps_its_id_when_it_is_modified() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "web");
    let rules = json!({"GroupId": group, "IpPermissions": [from_cidr(80, "10.0.0.0/8"), from_cidr(443, "10.0.0.0/8")]});
    let id = cloud.get("AuthorizeSecurityGroupIngress", rules, "/SecurityGroupRules/0/SecurityGroupRuleId");
    let modify = |port: u16| {
        let rule = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": "10.0.0.0/8", "Description": "new"});
        json!({"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}]})
    };
    cloud.done("ModifySecurityGroupRules", modify(8080));
    assert_eq!(cloud.refusal("ModifySecurityGroupRules", modify(443)), "InvalidPermission.Duplicate");
    let other_type = json!({"SecurityGroupRuleId": id, "SecurityGroupRule":
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIpv6": "::/0"}});
    let input = json!({"GroupId": group, "SecurityGroupRules": [other_type]});
    assert_eq!(cloud.refusal("ModifySecurityGroupRules", input), "InvalidParameterValue");
    let text = json!([{"SecurityGroupRuleId": id, "Description": "newer"}]);
    let input = json!({"GroupId": group, "SecurityGroupRuleDescriptions": text});
    cloud.done("UpdateSecurityGroupRuleDescriptionsIngress", input.clone());
    assert_eq!(
        cloud.refusal("UpdateSecurityGroupRuleDescriptionsEgress", input),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    let shown = cloud.done("DescribeSecurityGroupRules", json!({"SecurityGroupRuleIds": [id]}));
    assert_eq!(shown["SecurityGroupRules"][0]["FromPort"], 8080);
    assert_eq!(shown["SecurityGroupRules"][0]["Description"], "newer");
}

#[test]
fn a_group_has_sixty_rules_a_direction() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "web");
    let permissions: Vec<Value> = (1..=60).map(|port| from_cidr(port, "10.0.0.0/8")).collect();
    cloud.done("AuthorizeSecurityGroupIngress", json!({"GroupId": group, "IpPermissions": permissions}));
    let more = json!({"GroupId": group, "IpPermissions": [from_cidr(61, "10.0.0.0/8")]});
    assert_eq!(cloud.refusal("AuthorizeSecurityGroupIngress", more.clone()), "RulesPerSecurityGroupLimitExceeded");
    cloud.done("AuthorizeSecurityGroupEgress", more);
}

#[test]
fn groups_are_found_by_their_rules() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let (app, db) = (cloud.group(&vpc, "app"), cloud.group(&vpc, "db"));
    let rules = json!({"GroupId": db, "IpPermissions": [from_group(5432, &app)]});
    cloud.done("AuthorizeSecurityGroupIngress", rules);
    for (name, value, expected) in [
        ("ip-permission.group-id", app.as_str(), 1),
        ("ip-permission.from-port", "5432", 1),
        ("ip-permission.to-port", "5433", 0),
        ("egress.ip-permission.cidr", "0.0.0.0/0", 3),
        ("group-name", "db", 1),
        ("description", "for a*", 2),
    ] {
        let filter = json!({"Filters": [{"Name": name, "Values": [value]}]});
        assert_eq!(cloud.count("DescribeSecurityGroups", filter, "SecurityGroups"), expected, "{name}={value}");
    }
}

#[test]
fn a_group_is_of_use_in_another_vpc_only_while_it_is_associated() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let other = cloud.get("CreateVpc", json!({"CidrBlock": "10.1.0.0/16"}), "/Vpc/VpcId");
    let (subnet, group) = (cloud.subnet(&other, "10.1.0.0/24"), cloud.group(&vpc, "app"));
    let pair = json!({"GroupId": group, "VpcId": other});
    let interface = json!({"SubnetId": subnet, "Groups": [group]});
    let state = |cloud: &mut Cloud| {
        let all = cloud.done("DescribeSecurityGroupVpcAssociations", json!({}))["SecurityGroupVpcAssociations"].clone();
        all[0]["State"].as_str().map(str::to_owned)
    };
    cloud.done("AssociateSecurityGroupVpc", pair.clone());
    assert_eq!(cloud.refusal("CreateNetworkInterface", interface.clone()), "InvalidGroup.NotFound");
    cloud.pass(9);
    assert_eq!(state(&mut cloud).as_deref(), Some("associating"));
    cloud.pass(1);
    assert_eq!(state(&mut cloud).as_deref(), Some("associated"));
    let user = cloud.get("CreateNetworkInterface", interface.clone(), "/NetworkInterface/NetworkInterfaceId");
    cloud.done("DisassociateSecurityGroupVpc", pair.clone());
    assert_eq!(state(&mut cloud).as_deref(), Some("disassociating"));
    assert_eq!(cloud.refusal("CreateNetworkInterface", interface.clone()), "InvalidGroup.NotFound");
    cloud.pass(10);
    assert_eq!(state(&mut cloud).as_deref(), Some("disassociation-failed"));
    cloud.done("DeleteNetworkInterface", json!({"NetworkInterfaceId": user}));
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
    assert_eq!(cloud.refusal("DeleteVpc", json!({"VpcId": other})), "DependencyViolation");
    cloud.done("DisassociateSecurityGroupVpc", pair);
    cloud.pass(10);
    assert_eq!(state(&mut cloud), None);
    cloud.done("DeleteVpc", json!({"VpcId": other}));
}

#[test]
fn the_default_vpc_takes_no_group_of_another() {
    let mut cloud = Cloud::new();
    let default = cloud.get("CreateDefaultVpc", json!({}), "/Vpc/VpcId");
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "app");
    let input = json!({"GroupId": group, "VpcId": default});
    assert_eq!(cloud.refusal("AssociateSecurityGroupVpc", input), "OperationNotPermitted");
}

#[test]
fn an_interface_has_no_more_groups_than_aws_lets_it() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let groups: Vec<String> = (0..6).map(|number| cloud.group(&vpc, &format!("group-{number}"))).collect();
    let input = json!({"SubnetId": subnet, "Groups": groups[..5]});
    let interface = cloud.get("CreateNetworkInterface", input, "/NetworkInterface/NetworkInterfaceId");
    let code = "SecurityGroupsPerInterfaceLimitExceeded";
    cloud.refuses([
        ("CreateNetworkInterface", json!({"SubnetId": subnet, "Groups": groups}), code),
        ("ModifyNetworkInterfaceAttribute", json!({"NetworkInterfaceId": interface, "Groups": groups}), code),
    ]);
}
