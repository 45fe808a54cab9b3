//! Prefix lists of customers: versions, states, and what rules and routes that name them hold them to.

use serde_json::{Value, json};

use super::{Cloud, missing};

/// A list of IPv4 blocks that is ready.
fn list(cloud: &mut Cloud, max_entries: usize, cidrs: &[&str]) -> String {
    let entries: Vec<Value> = cidrs.iter().map(|cidr| json!({"Cidr": cidr})).collect();
    let input =
        json!({"PrefixListName": "offices", "AddressFamily": "IPv4", "MaxEntries": max_entries, "Entries": entries});
    let id = cloud.get("CreateManagedPrefixList", input, "/PrefixList/PrefixListId");
    cloud.pass(5);
    id
}

/// One of a list's members.
fn told(cloud: &mut Cloud, id: &str, member: &str) -> Value {
    cloud.done("DescribeManagedPrefixLists", json!({"PrefixListIds": [id]}))["PrefixLists"][0][member].clone()
}

/// The blocks of a list, of one version or of the one in force.
fn cidrs(cloud: &mut Cloud, id: &str, version: Option<u32>) -> Vec<String> {
    let mut input = json!({"PrefixListId": id});
    if let Some(version) = version {
        input["TargetVersion"] = json!(version);
    }
    let entries = cloud.done("GetManagedPrefixListEntries", input)["Entries"].clone();
    entries.as_array().unwrap().iter().map(|entry| entry["Cidr"].as_str().unwrap().to_owned()).collect()
}

fn rule(group: &str, port: u16, list: &str) -> Value {
    let permission =
        json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": list}]});
    json!({"GroupId": group, "IpPermissions": [permission]})
}

#[test]
fn each_change_takes_a_moment_and_other_entries_are_another_version() {
    let mut cloud = Cloud::new();
    let input = json!({"PrefixListName": "a", "AddressFamily": "IPv4", "MaxEntries": 3, "ClientToken": "once",
        "Entries": [{"Cidr": "10.0.0.7/8", "Description": "all"}]});
    let id = cloud.get("CreateManagedPrefixList", input.clone(), "/PrefixList/PrefixListId");
    assert_eq!(cloud.get("CreateManagedPrefixList", input.clone(), "/PrefixList/PrefixListId"), id);
    assert_eq!(told(&mut cloud, &id, "State"), "create-in-progress");
    let add =
        |version| json!({"PrefixListId": id, "CurrentVersion": version, "AddEntries": [{"Cidr": "192.0.2.0/24"}]});
    assert_eq!(cloud.refusal("ModifyManagedPrefixList", add(1)), "IncorrectState");
    cloud.pass(5);
    assert_eq!(told(&mut cloud, &id, "State"), "create-complete");
    assert_eq!(cloud.refusal("ModifyManagedPrefixList", add(2)), "PrefixListVersionMismatch");
    assert_eq!(cloud.get("ModifyManagedPrefixList", add(1), "/PrefixList/Version"), "1");
    assert_eq!(told(&mut cloud, &id, "State"), "modify-in-progress");
    cloud.pass(5);
    assert_eq!(
        (told(&mut cloud, &id, "State"), told(&mut cloud, &id, "Version")),
        (json!("modify-complete"), json!(2))
    );
    assert_eq!(cidrs(&mut cloud, &id, None), ["10.0.0.0/8", "192.0.2.0/24"]);
    assert_eq!(cidrs(&mut cloud, &id, Some(1)), ["10.0.0.0/8"]);
    let back = json!({"PrefixListId": id, "PreviousVersion": 1, "CurrentVersion": 2});
    assert_eq!(cloud.get("RestoreManagedPrefixListVersion", back, "/PrefixList/State"), "restore-in-progress");
    cloud.pass(5);
    assert_eq!(
        (told(&mut cloud, &id, "State"), told(&mut cloud, &id, "Version")),
        (json!("restore-complete"), json!(3))
    );
    assert_eq!(cidrs(&mut cloud, &id, None), ["10.0.0.0/8"]);
    let rename = json!({"PrefixListId": id, "PrefixListName": "b"});
    assert_eq!(cloud.get("ModifyManagedPrefixList", rename, "/PrefixList/State"), "restore-complete");
    assert_eq!((told(&mut cloud, &id, "PrefixListName"), told(&mut cloud, &id, "Version")), (json!("b"), json!(3)));
    assert_eq!(cloud.inventory(), ["prefix-list"]);
    let delete = json!({"PrefixListId": id});
    assert_eq!(cloud.get("DeleteManagedPrefixList", delete.clone(), "/PrefixList/State"), "delete-in-progress");
    cloud.pass(5);
    assert_eq!(cloud.refusal("DeleteManagedPrefixList", delete), "InvalidPrefixListID.NotFound");
    assert_ne!(cloud.get("CreateManagedPrefixList", input, "/PrefixList/PrefixListId"), id);
}

#[test]
fn wrong_changes_are_refused() {
    let mut cloud = Cloud::new();
    let id = list(&mut cloud, 2, &["10.0.0.0/8"]);
    let new = |members: Value| {
        let mut input = json!({"PrefixListName": "a", "AddressFamily": "IPv4", "MaxEntries": 2});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input
    };
    let change = |members: Value| {
        let mut input = json!({"PrefixListId": id, "CurrentVersion": 1});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input
    };
    let entry = |cidr: &str| json!([{"Cidr": cidr}]);
    let of_aws = cloud.get("DescribePrefixLists", json!({}), "/PrefixLists/0/PrefixListId");
    let gone = missing("pl");
    cloud.refuses([
        ("CreateManagedPrefixList", new(json!({"PrefixListName": "com.amazonaws.x"})), "InvalidParameterValue"),
        ("CreateManagedPrefixList", new(json!({"PrefixListName": "x".repeat(256)})), "InvalidParameterValue"),
        ("CreateManagedPrefixList", new(json!({"AddressFamily": "ipv4"})), "InvalidParameterValue"),
        ("CreateManagedPrefixList", new(json!({"MaxEntries": 0})), "InvalidParameterValue"),
        ("CreateManagedPrefixList", new(json!({"MaxEntries": 1001})), "InvalidParameterValue"),
        ("CreateManagedPrefixList", new(json!({"Entries": entry("::/0")})), "InvalidParameterValue"),
        (
            "CreateManagedPrefixList",
            new(json!({"MaxEntries": 1, "Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]})),
            "PrefixListMaxEntriesExceeded",
        ),
        ("ModifyManagedPrefixList", change(json!({})), "InvalidRequest"),
        ("ModifyManagedPrefixList", change(json!({"CurrentVersion": 0, "MaxEntries": 3})), "InvalidParameterValue"),
        (
            "ModifyManagedPrefixList",
            change(json!({"AddEntries": entry("10.0.0.0/8")})),
            "InvalidPrefixListModification",
        ),
        (
            "ModifyManagedPrefixList",
            change(json!({"RemoveEntries": entry("11.0.0.0/8")})),
            "InvalidPrefixListModification",
        ),
        (
            "ModifyManagedPrefixList",
            change(json!({"AddEntries": entry("10.0.0.0/8"), "RemoveEntries": entry("10.0.0.0/8")})),
            "InvalidParameterValue",
        ),
        (
            "ModifyManagedPrefixList",
            change(json!({"AddEntries": [{"Cidr": "11.0.0.0/8"}, {"Cidr": "12.0.0.0/8"}]})),
            "PrefixListMaxEntriesExceeded",
        ),
        (
            "ModifyManagedPrefixList",
            change(json!({"AddEntries": entry("11.0.0.0/8"), "MaxEntries": 3})),
            "InvalidParameterCombination",
        ),
        ("ModifyManagedPrefixList", json!({"PrefixListId": of_aws, "PrefixListName": "mine"}), "UnsupportedOperation"),
        (
            "ModifyManagedPrefixList",
            json!({"PrefixListId": gone, "PrefixListName": "mine"}),
            "InvalidPrefixListID.NotFound",
        ),
        ("GetManagedPrefixListEntries", json!({"PrefixListId": id, "TargetVersion": 2}), "InvalidParameterValue"),
        (
            "RestoreManagedPrefixListVersion",
            json!({"PrefixListId": id, "PreviousVersion": 2, "CurrentVersion": 1}),
            "InvalidParameterValue",
        ),
        ("GetManagedPrefixListAssociations", json!({"PrefixListId": "pl-x"}), "InvalidPrefixListId.Malformed"),
    ]);
    assert_eq!(
        (told(&mut cloud, &id, "State"), told(&mut cloud, &id, "Version")),
        (json!("create-complete"), json!(1))
    );
}

#[test]
fn rules_and_routes_name_a_list_and_keep_it() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let gateway = cloud.gateway(&vpc);
    let group = cloud.group(&vpc, "app");
    let table = cloud.get("CreateRouteTable", json!({"VpcId": vpc}), "/RouteTable/RouteTableId");
    let id = list(&mut cloud, 40, &["10.0.0.0/8"]);
    cloud.done("AuthorizeSecurityGroupIngress", rule(&group, 80, &id));
    let second = rule(&group, 81, &id);
    assert_eq!(cloud.refusal("AuthorizeSecurityGroupIngress", second), "RulesPerSecurityGroupLimitExceeded");
    let route = json!({"RouteTableId": table, "DestinationPrefixListId": id, "GatewayId": gateway});
    cloud.done("CreateRoute", route.clone());
    let users = cloud.done("GetManagedPrefixListAssociations", json!({"PrefixListId": id}));
    let mut expected = [group.clone(), table.clone()];
    expected.sort();
    let found: Vec<_> =
        users["PrefixListAssociations"].as_array().unwrap().iter().map(|one| &one["ResourceId"]).collect();
    assert_eq!(found, expected.each_ref());
    assert!(!cloud.region.ec2.admits(std::slice::from_ref(&group), &[], &[], 80));
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    assert!(cloud.region.ec2.admits(std::slice::from_ref(&group), &[], &[subnet], 80));

    cloud.done("ModifyManagedPrefixList", json!({"PrefixListId": id, "MaxEntries": 61}));
    cloud.pass(5);
    assert_eq!(
        (told(&mut cloud, &id, "State"), told(&mut cloud, &id, "MaxEntries")),
        (json!("modify-failed"), json!(40))
    );
    let message = told(&mut cloud, &id, "StateMessage");
    assert!(message.as_str().unwrap().contains(&group), "{message}");

    cloud.done("DeleteManagedPrefixList", json!({"PrefixListId": id}));
    cloud.pass(5);
    assert_eq!(told(&mut cloud, &id, "State"), "delete-failed");
    cloud.done("RevokeSecurityGroupIngress", rule(&group, 80, &id));
    cloud.done("DeleteRoute", json!({"RouteTableId": table, "DestinationPrefixListId": id}));
    cloud.done("DeleteManagedPrefixList", json!({"PrefixListId": id}));
    cloud.pass(5);
    assert_eq!(cloud.refusal("CreateRoute", route), "InvalidPrefixListID.NotFound");
}
