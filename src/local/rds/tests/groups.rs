//! What everything shares: parameter groups, tags, the disk.

use serde_json::{Value, json};

use super::{Cloud, instance, merge};

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
fn default_groups_that_are_used_are_listed_among_the_others() {
    let mut cloud = Cloud::new();
    let family = "aurora-postgresql15";
    let listed = |cloud: &mut Cloud, kind: &str| {
        let answer = cloud.ok(&format!("Describe{kind}s"), json!({}));
        let groups = answer[format!("{kind}s")].as_array().unwrap().iter();
        groups.map(|group| group[format!("{kind}Name")].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for kind in ["DBClusterParameterGroup", "DBParameterGroup"] {
        for name in ["a", "z"] {
            let input = json!({format!("{kind}Name"): name, "DBParameterGroupFamily": family, "Description": "d"});
            cloud.ok(&format!("Create{kind}"), input);
        }
        assert_eq!(listed(&mut cloud, kind), ["a", "z"]);
    }
    let input = cloud.cluster_input(&json!({}));
    cloud.ok("CreateDBCluster", input);
    assert_eq!(listed(&mut cloud, "DBParameterGroup"), ["a", "z"]);
    cloud.ok("CreateDBInstance", instance("shop-1"));
    for kind in ["DBClusterParameterGroup", "DBParameterGroup"] {
        assert_eq!(listed(&mut cloud, kind), ["a", "default.aurora-postgresql15", "z"]);
        let arn = cloud.get(&format!("Describe{kind}s"), json!({}), &format!("/{kind}s/1/{kind}Arn"));
        assert_eq!(cloud.ok("ListTagsForResource", json!({"ResourceName": arn}))["TagList"], json!([]));
    }
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
        let read = store.parameters(&store.clusters["shop"], store.instances.get("shop-1"));
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
fn an_instance_s_group_has_the_last_word_on_its_own_server_after_a_reboot() {
    let mut cloud = Cloud::furnished();
    cloud.ok("CreateDBInstance", instance("shop-2"));
    cloud.make_real();
    cloud.pass(360);
    let family = json!({"DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"});
    let all = json!({"DBClusterParameterGroupName": "all"});
    let own = json!({"DBParameterGroupName": "own"});
    for (kind, name) in [("DBClusterParameterGroup", &all), ("DBParameterGroup", &own)] {
        let mut input = family.clone();
        merge(&mut input, name);
        cloud.ok(&format!("Create{kind}"), input);
    }
    let set = |cloud: &mut Cloud, kind: &str, group: &Value, work_mem: &str, connections: &str| {
        let mut input = group.clone();
        input["Parameters"] = json!([{"ParameterName": "work_mem", "ParameterValue": work_mem, "ApplyMethod": "immediate"},
            {"ParameterName": "max_connections", "ParameterValue": connections, "ApplyMethod": "pending-reboot"}]);
        cloud.ok(&format!("Modify{kind}"), input);
    };
    set(&mut cloud, "DBClusterParameterGroup", &all, "5000", "300");
    set(&mut cloud, "DBParameterGroup", &own, "9000", "150");
    let mut change = json!({"DBClusterIdentifier": "shop", "ApplyImmediately": true});
    merge(&mut change, &all);
    cloud.ok("ModifyDBCluster", change);
    cloud.make_real();
    cloud.pass(360);
    let read = |cloud: &mut Cloud| {
        let spec = cloud.wanted().servers[0].spec.clone();
        let told = |parameters: Vec<(String, String)>| {
            parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        [told(spec.parameters), told(spec.readers_parameters)]
    };
    let reboot = |cloud: &mut Cloud, name: &str| {
        cloud.ok("RebootDBInstance", json!({"DBInstanceIdentifier": name}));
        cloud.make_real();
        cloud.pass(360);
    };
    assert_eq!(read(&mut cloud), ["work_mem=5000", "work_mem=5000"]);
    let mut change = json!({"DBInstanceIdentifier": "shop-1"});
    merge(&mut change, &own);
    cloud.ok("ModifyDBInstance", change.clone());
    assert_eq!(read(&mut cloud), ["work_mem=5000", "work_mem=5000"], "another group waits for a reboot");
    reboot(&mut cloud, "shop-1");
    let of_own = "max_connections=150 work_mem=9000";
    assert_eq!(read(&mut cloud), [of_own, "work_mem=5000"]);
    reboot(&mut cloud, "shop-2");
    assert_eq!(read(&mut cloud), [of_own, "max_connections=300 work_mem=5000"]);
    change["DBInstanceIdentifier"] = json!("shop-2");
    cloud.ok("ModifyDBInstance", change);
    reboot(&mut cloud, "shop-2");
    assert_eq!(read(&mut cloud), [of_own, of_own]);
    set(&mut cloud, "DBParameterGroup", &own, "8000", "100");
    let waiting = "max_connections=150 work_mem=8000";
    assert_eq!(read(&mut cloud), [waiting, waiting], "a static one waits, a dynamic one does not");
    cloud.ok("FailoverDBCluster", json!({"DBClusterIdentifier": "shop"}));
    assert_eq!(read(&mut cloud), ["max_connections=100 work_mem=8000"; 2], "every instance starts anew");
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
