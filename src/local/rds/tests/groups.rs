//! What everything shares: parameter groups, tags, the disk.

use serde_json::json;

use super::{Cloud, merge};

#[test]
fn parameter_groups_tell_what_was_set() {
    let mut cloud = Cloud::new();
    let name = json!({"DBClusterParameterGroupName": "shop"});
    let mut input = json!({"DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"});
    merge(&mut input, &name);
    cloud.ok("CreateDBClusterParameterGroup", input.clone());
    assert_eq!(cloud.refusal("CreateDBClusterParameterGroup", input), "DBParameterGroupAlreadyExists");
    let set = json!([{"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}]);
    cloud.ok("ModifyDBClusterParameterGroup", json!({"DBClusterParameterGroupName": "shop", "Parameters": set}));
    let user = json!({"DBClusterParameterGroupName": "shop", "Source": "user"});
    let answer = cloud.ok("DescribeDBClusterParameters", user.clone());
    assert_eq!(answer["Parameters"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["Parameters"][0]["ParameterValue"], "1");
    let unknown = json!([{"ParameterName": "no_such", "ParameterValue": "1"}]);
    let input = json!({"DBClusterParameterGroupName": "shop", "Parameters": unknown});
    assert_eq!(cloud.refusal("ModifyDBClusterParameterGroup", input), "InvalidParameterValue");
    let input = cloud.cluster_input(&json!({"DBClusterParameterGroupName": "shop"}));
    cloud.ok("CreateDBCluster", input);
    assert_eq!(cloud.refusal("DeleteDBClusterParameterGroup", name.clone()), "InvalidDBParameterGroupState");
    let mut all = name;
    all["ResetAllParameters"] = json!(true);
    cloud.ok("ResetDBClusterParameterGroup", all);
    assert_eq!(cloud.ok("DescribeDBClusterParameters", user)["Parameters"], json!([]));
}

#[test]
fn a_static_parameter_waits_until_the_writer_is_rebooted() {
    let mut cloud = Cloud::furnished();
    let named = json!({"DBClusterParameterGroupName": "shop"});
    let mut group = json!({"DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"});
    merge(&mut group, &named);
    cloud.ok("CreateDBClusterParameterGroup", group);
    let mut change = json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true});
    merge(&mut change, &named);
    cloud.ok("ModifyDBCluster", change);
    let set = |cloud: &mut Cloud, connections: &str| {
        let set = json!([{"ParameterName": "work_mem", "ParameterValue": connections, "ApplyMethod": "immediate"},
            {"ParameterName": "max_connections", "ParameterValue": connections, "ApplyMethod": "pending-reboot"}]);
        cloud.ok("ModifyDBClusterParameterGroup", json!({"DBClusterParameterGroupName": "shop", "Parameters": set}));
    };
    let read = |cloud: &Cloud| {
        let store = &cloud.region.rds;
        let mut read = store.parameters(&store.clusters["shop"]);
        read.sort();
        read.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    set(&mut cloud, "300");
    assert_eq!(read(&cloud), "work_mem=300");
    cloud.make_real();
    cloud.pass(360);
    cloud.ok("RebootDBInstance", json!({"DBInstanceIdentifier": "shop-1"}));
    assert_eq!(read(&cloud), "max_connections=300 work_mem=300");
    set(&mut cloud, "100");
    assert_eq!(read(&cloud), "max_connections=300 work_mem=100", "a lower one waits as well");
}

#[test]
fn a_default_vpc_has_a_default_subnet_group() {
    let mut cloud = Cloud::new();
    let mut input = cloud.cluster_input(&json!({}));
    for member in ["DBSubnetGroupName", "VpcSecurityGroupIds"] {
        input.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(cloud.refusal("CreateDBCluster", input.clone()), "DBSubnetGroupNotFoundFault");
    let vpc = cloud.get("ec2 CreateDefaultVpc", json!({}), "/Vpc/VpcId");
    assert_eq!(cloud.get("CreateDBCluster", input, "/DBCluster/DBSubnetGroup"), "default");
    let group = json!({"DBSubnetGroupName": "default"});
    assert_eq!(cloud.get("DescribeDBSubnetGroups", group, "/DBSubnetGroups/0/VpcId"), vpc);
}

#[test]
fn tags_are_kept_changed_and_listed_by_arn() {
    let mut cloud = Cloud::new();
    let input = cloud.cluster_input(&json!({"Tags": [{"Key": "infra:stack", "Value": "shop"}]}));
    let arn = cloud.get("CreateDBCluster", input, "/DBCluster/DBClusterArn");
    cloud.ok("AddTagsToResource", json!({"ResourceName": arn, "Tags": [{"Key": "team", "Value": "a"}]}));
    cloud.ok("RemoveTagsFromResource", json!({"ResourceName": arn, "TagKeys": ["infra:stack"]}));
    let answer = cloud.ok("ListTagsForResource", json!({"ResourceName": arn}));
    assert_eq!(answer["TagList"], json!([{"Key": "team", "Value": "a"}]));
    let reserved = json!({"ResourceName": arn, "Tags": [{"Key": "aws:x", "Value": "a"}]});
    assert_eq!(cloud.refusal("AddTagsToResource", reserved), "InvalidParameterValue");
    let gone = json!({"ResourceName": format!("{arn}x")});
    assert_eq!(cloud.refusal("ListTagsForResource", gone), "DBClusterNotFoundFault");
}

#[test]
fn the_state_never_shows_a_password_in_debug_output_and_survives_the_disk() {
    let mut cloud = Cloud::furnished();
    assert!(!format!("{:?}", cloud.region.rds).contains("secret-99"));
    let text = serde_json::to_string(&cloud.region.rds).unwrap();
    cloud.region.rds = serde_json::from_str(&text).unwrap();
    assert_eq!(cloud.cluster_status(), "available");
}
