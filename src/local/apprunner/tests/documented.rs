//! What the API's documentation says of single members.

use serde_json::{Value, json};

use super::{Cloud, Fixture, INSTANCE, SERVICE, allow, call, service, with_secret};
use crate::local::{ec2, iam, ssm};

const CONFIGURATION: &str = "arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration";

fn create(cloud: &mut Cloud, name: &str) -> String {
    let input = json!({ "AutoScalingConfigurationName": name });
    let made = call(cloud, "CreateAutoScalingConfiguration", input)["AutoScalingConfiguration"].clone();
    made["AutoScalingConfigurationArn"].as_str().unwrap().to_owned()
}

fn listed(cloud: &mut Cloud, input: Value) -> Vec<(String, u64, bool)> {
    let list = call(cloud, "ListAutoScalingConfigurations", input)["AutoScalingConfigurationSummaryList"].clone();
    let one = |one: &Value| {
        let name = one["AutoScalingConfigurationName"].as_str().unwrap().to_owned();
        (name, one["AutoScalingConfigurationRevision"].as_u64().unwrap(), one["IsDefault"] == true)
    };
    list.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn the_configuration_that_aws_provides_is_one_like_any_other() {
    let mut cloud = Cloud::new();
    let second = create(&mut cloud, "DefaultConfiguration");
    assert!(second.starts_with(&format!("{CONFIGURATION}/DefaultConfiguration/2/")), "{second}");
    let first = format!("{CONFIGURATION}/DefaultConfiguration/1");
    let delete = json!({ "AutoScalingConfigurationArn": first });
    let fault = cloud.call(&SERVICE, "DeleteAutoScalingConfiguration", delete.clone()).unwrap_err();
    assert!(fault.message.contains("default"), "{fault}");
    let change = json!({ "AutoScalingConfigurationArn": second });
    call(&mut cloud, "UpdateDefaultAutoScalingConfiguration", change);
    call(&mut cloud, "DeleteAutoScalingConfiguration", delete);
    let left = vec![("DefaultConfiguration".to_owned(), 2, true)];
    assert_eq!(listed(&mut cloud, json!({ "LatestOnly": false })), left);
    cloud.wait(3601);
    assert_eq!(listed(&mut cloud, json!({ "LatestOnly": false })), left, "it does not come back");
    assert_eq!(cloud.region.apprunner.inventory().len(), 1, "what somebody made counts");
}

#[test]
fn lists_tell_the_latest_revisions_alone_and_all_of_them_at_once() {
    let mut cloud = Cloud::new();
    for name in ["shop", "shop", "blog"] {
        create(&mut cloud, name);
    }
    let shop = json!({ "AutoScalingConfigurationName": "shop" });
    assert_eq!(listed(&mut cloud, shop.clone()), [("shop".to_owned(), 2, false)]);
    let mut every = shop;
    every["LatestOnly"] = json!(false);
    assert_eq!(listed(&mut cloud, every).len(), 2);
    assert_eq!(listed(&mut cloud, json!({})).len(), 3);
    for number in 0..25 {
        call(&mut cloud, "CreateService", service(&format!("service-{number}")));
    }
    let all = call(&mut cloud, "ListServices", json!({}));
    assert_eq!((all["ServiceSummaryList"].as_array().unwrap().len(), &all["NextToken"]), (25, &Value::Null));
    let some = call(&mut cloud, "ListServices", json!({ "MaxResults": 20 }));
    assert!(some["ServiceSummaryList"].as_array().unwrap().len() == 20 && some["NextToken"].is_string());
}

#[test]
fn all_revisions_are_deleted_by_the_name_alone() {
    let mut cloud = Cloud::new();
    let arns = ["shop", "shop"].map(|name| create(&mut cloud, name));
    let delete = |arn: &str| json!({ "AutoScalingConfigurationArn": arn, "DeleteAllRevisions": true });
    for arn in [arns[1].clone(), format!("{CONFIGURATION}/shop/1")] {
        let fault = cloud.call(&SERVICE, "DeleteAutoScalingConfiguration", delete(&arn)).unwrap_err();
        assert_eq!(fault.code, "InvalidRequestException", "{arn}");
    }
    let family = format!("{CONFIGURATION}/shop");
    call(&mut cloud, "DeleteAutoScalingConfiguration", delete(&family));
    assert_eq!(listed(&mut cloud, json!({ "AutoScalingConfigurationName": "shop", "LatestOnly": false })), []);
}

#[test]
fn an_observability_configuration_is_not_called_as_the_reserved_one() {
    let mut cloud = Cloud::new();
    let input = json!({ "ObservabilityConfigurationName": "DefaultConfiguration" });
    let fault = cloud.call(&SERVICE, "CreateObservabilityConfiguration", input).unwrap_err();
    assert_eq!(fault.code, "InvalidRequestException");
}

#[test]
fn a_connector_without_groups_has_the_default_one() {
    let mut fixture = Fixture::new();
    let input = json!({ "VpcConnectorName": "plain", "Subnets": [fixture.subnet] });
    let made = call(&mut fixture.cloud, "CreateVpcConnector", input);
    let groups = fixture.cloud.call(&ec2::SERVICE, "DescribeSecurityGroups", json!({})).unwrap();
    let groups = groups["SecurityGroups"].as_array().unwrap();
    let default = groups.iter().find(|group| group["GroupName"] == "default").unwrap();
    assert_eq!(made["VpcConnector"]["SecurityGroups"], json!([default["GroupId"]]));
}

#[test]
fn a_parameter_of_the_region_is_named_by_its_name() {
    for (parameter, named, status) in [
        ("/top", "/top", "RUNNING"),
        ("plain", "plain", "RUNNING"),
        ("/a/b", "/a/b", "RUNNING"),
        ("x", "y", "CREATE_FAILED"),
        ("/top", "arn:aws:ssm:eu-central-1:000000000000:parameter/top", "RUNNING"),
        ("/top", "arn:aws:ssm:us-west-2:000000000000:parameter/top", "CREATE_FAILED"),
        ("/top", "arn:aws:ssm:eu-central-1:999999999999:parameter/top", "CREATE_FAILED"),
    ] {
        let mut fixture = Fixture::new();
        let put = json!({ "Name": parameter, "Value": "1", "Type": "String" });
        fixture.cloud.call(&ssm::SERVICE, "PutParameter", put).unwrap();
        allow(&mut fixture.cloud, "ssm:GetParameters", "arn:aws:ssm:*:*:parameter/*");
        let mut input = service("demo");
        input["SourceConfiguration"] = with_secret(named);
        input["InstanceConfiguration"] = json!({ "InstanceRoleArn": INSTANCE });
        let made = call(&mut fixture.cloud, "CreateService", input);
        fixture.cloud.wait(300);
        assert_eq!(fixture.status(made["Service"]["ServiceArn"].as_str().unwrap()), status, "{named}");
    }
    let mut fixture = Fixture::new();
    let mut input = service("demo");
    input["SourceConfiguration"] = with_secret("arn:aws:s3:::bucket");
    input["InstanceConfiguration"] = json!({ "InstanceRoleArn": INSTANCE });
    assert!(fixture.cloud.call(&SERVICE, "CreateService", input).is_err());
}

#[test]
fn names_that_app_runner_keeps_for_itself_are_refused() {
    let mut cloud = Cloud::new();
    for (name, taken) in [("PORT", true), ("AWSAPPRUNNER_X", true), ("DB_PORT", false), ("port", false)] {
        let mut input = service(&format!("service-{}", name.to_lowercase().replace('_', "-")));
        let configuration = json!({ "RuntimeEnvironmentVariables": { name: "1" } });
        input["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"] = configuration;
        let fault = cloud.call(&SERVICE, "CreateService", input).err();
        assert_eq!(
            fault.as_ref().map(|fault| fault.code.as_str()),
            taken.then_some("InvalidRequestException"),
            "{name}"
        );
        assert!(fault.is_none_or(|fault| fault.message.contains("reserved")), "{name}");
    }
}

#[test]
fn app_runner_has_roles_of_its_own_while_it_needs_them() {
    let mut fixture = Fixture::new();
    let roles = |fixture: &mut Fixture| {
        let listed = fixture.cloud.call(&iam::SERVICE, "ListRoles", json!({ "PathPrefix": "/aws-service-role/" }));
        let listed = listed.unwrap();
        listed["Roles"].as_array().unwrap().iter().map(|role| role["RoleName"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(roles(&mut fixture), [] as [Value; 0]);
    let connector = fixture.connector("demo");
    assert_eq!(roles(&mut fixture), ["AWSServiceRoleForAppRunnerNetworking"]);
    call(&mut fixture.cloud, "CreateService", service("demo"));
    assert_eq!(roles(&mut fixture), ["AWSServiceRoleForAppRunner", "AWSServiceRoleForAppRunnerNetworking"]);
    let used = |fixture: &Fixture, role: &str| fixture.cloud.region.usage("eu-central-1", role).is_some();
    assert!(used(&fixture, "AWSServiceRoleForAppRunner") && used(&fixture, "AWSServiceRoleForAppRunnerNetworking"));
    call(&mut fixture.cloud, "DeleteVpcConnector", json!({ "VpcConnectorArn": connector }));
    assert!(used(&fixture, "AWSServiceRoleForAppRunner") && !used(&fixture, "AWSServiceRoleForAppRunnerNetworking"));
}
