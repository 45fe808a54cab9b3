//! What stands beside services: connectors, configurations, tags, domains, the disk.

use serde_json::json;

use super::{Cloud, Fixture, SERVICE, call, service};
use crate::local::ec2;

#[test]
fn a_connector_lives_with_its_first_service() {
    let mut fixture = Fixture::new();
    let before = fixture.interfaces();
    let connector = fixture.connector("vpc-one");
    assert_eq!(fixture.interfaces(), before);
    let mut input = service("demo");
    input["NetworkConfiguration"] =
        json!({ "EgressConfiguration": { "EgressType": "VPC", "VpcConnectorArn": connector } });
    let made = call(&mut fixture.cloud, "CreateService", input.clone());
    let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
    assert_eq!(fixture.interfaces(), before + 1);
    fixture.cloud.wait(300);
    assert_eq!(fixture.status(&arn), "OPERATION_IN_PROGRESS");
    fixture.cloud.wait(180);
    assert_eq!(fixture.status(&arn), "RUNNING");

    let delete = json!({ "VpcConnectorArn": connector });
    let fault = fixture.cloud.call(&SERVICE, "DeleteVpcConnector", delete.clone()).unwrap_err();
    assert_eq!(fault.message, format!("Provided VPC connector arn is being used by other services. ARN: {connector}"));
    let subnet = json!({ "SubnetId": fixture.subnet });
    assert_eq!(
        fixture.cloud.call(&ec2::SERVICE, "DeleteSubnet", subnet.clone()).unwrap_err().code,
        "DependencyViolation"
    );
    call(&mut fixture.cloud, "DeleteService", json!({ "ServiceArn": arn }));
    assert!(fixture.cloud.call(&SERVICE, "DeleteVpcConnector", delete.clone()).is_err());
    fixture.cloud.wait(120);
    assert_eq!(call(&mut fixture.cloud, "DeleteVpcConnector", delete.clone())["VpcConnector"]["Status"], "INACTIVE");
    assert_eq!(call(&mut fixture.cloud, "DescribeVpcConnector", delete)["VpcConnector"]["Status"], "INACTIVE");
    fixture.cloud.call(&ec2::SERVICE, "DeleteSubnet", subnet).unwrap();
    assert!(fixture.cloud.region.apprunner.inventory().is_empty());
}

#[test]
fn a_connector_without_an_address_fails_the_service_and_is_tried_again() {
    let mut fixture = Fixture::new();
    let connector = fixture.connector("vpc-one");
    let one = json!({ "SubnetId": fixture.subnet });
    let mut taken = Vec::new();
    while let Ok(made) = fixture.cloud.call(&ec2::SERVICE, "CreateNetworkInterface", one.clone()) {
        taken.push(made["NetworkInterface"]["NetworkInterfaceId"].clone());
    }
    assert_eq!(taken.len(), 251);
    let mut input = service("demo");
    input["NetworkConfiguration"] =
        json!({ "EgressConfiguration": { "EgressType": "VPC", "VpcConnectorArn": connector } });
    let arn = call(&mut fixture.cloud, "CreateService", input)["Service"]["ServiceArn"].as_str().unwrap().to_owned();
    fixture.cloud.wait(300);
    assert_eq!(fixture.status(&arn), "CREATE_FAILED");
    let group = fixture.cloud.region.apprunner.services[&arn].log_group("service");
    let log = fixture.cloud.region.logs.last_messages(&group, "events", 1).join("");
    assert!(log.contains(&connector) && log.contains("enough free addresses"), "{log}");

    let free = json!({ "NetworkInterfaceId": taken[0] });
    fixture.cloud.call(&ec2::SERVICE, "DeleteNetworkInterface", free).unwrap();
    let update = json!({ "ServiceArn": arn, "InstanceConfiguration": { "Cpu": "1024" } });
    call(&mut fixture.cloud, "UpdateService", update);
    fixture.cloud.wait(480);
    assert_eq!(fixture.status(&arn), "RUNNING");
    assert_eq!(fixture.interfaces(), 251);
}

#[test]
fn connectors_are_checked_and_numbered() {
    let mut fixture = Fixture::new();
    let first = fixture.connector("vpc-one");
    assert!(first.contains(":vpcconnector/vpc-one/1/"));
    for (input, message) in [
        (json!({ "VpcConnectorName": "vpc-one", "Subnets": [fixture.subnet] }), "already exists"),
        (json!({ "VpcConnectorName": "vpc-two", "Subnets": ["subnet-0"] }), "subnet-0 does not exist"),
        (
            json!({ "VpcConnectorName": "vpc-two", "Subnets": [fixture.subnet], "SecurityGroups": ["sg-0"] }),
            "sg-0 does not exist",
        ),
    ] {
        let fault = fixture.cloud.call(&SERVICE, "CreateVpcConnector", input).expect_err(message);
        assert_eq!(fault.code, "InvalidRequestException");
        assert!(fault.message.contains(message), "{}", fault.message);
    }
    call(&mut fixture.cloud, "DeleteVpcConnector", json!({ "VpcConnectorArn": first }));
    assert!(fixture.connector("vpc-one").contains(":vpcconnector/vpc-one/2/"));
}

#[test]
fn auto_scaling_configurations_are_revisions() {
    let mut cloud = Cloud::new();
    let create = |cloud: &mut Cloud, max: u64| {
        let input = json!({ "AutoScalingConfigurationName": "small", "MaxSize": max });
        call(cloud, "CreateAutoScalingConfiguration", input)["AutoScalingConfiguration"].clone()
    };
    let (first, second) = (create(&mut cloud, 2), create(&mut cloud, 3));
    assert_eq!((&second["AutoScalingConfigurationRevision"], &second["Latest"]), (&json!(2), &json!(true)));
    let describe = |cloud: &mut Cloud, arn: &str| {
        let input = json!({ "AutoScalingConfigurationArn": arn });
        call(cloud, "DescribeAutoScalingConfiguration", input)["AutoScalingConfiguration"].clone()
    };
    let first_arn = first["AutoScalingConfigurationArn"].as_str().unwrap();
    assert_eq!(describe(&mut cloud, first_arn)["Latest"], false);
    let family = "arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration/small";
    assert_eq!(describe(&mut cloud, family)["MaxSize"], 3);
    assert_eq!(describe(&mut cloud, &format!("{family}/1"))["MaxSize"], 2);
    let list = call(&mut cloud, "ListAutoScalingConfigurations", json!({ "LatestOnly": true }));
    assert_eq!(list["AutoScalingConfigurationSummaryList"].as_array().unwrap().len(), 2);

    let mut input = service("demo");
    input["AutoScalingConfigurationArn"] = second["AutoScalingConfigurationArn"].clone();
    call(&mut cloud, "CreateService", input);
    for (arn, message) in [
        (second["AutoScalingConfigurationArn"].as_str().unwrap(), "being used"),
        ("arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration/DefaultConfiguration", "default"),
    ] {
        let fault =
            cloud.call(&SERVICE, "DeleteAutoScalingConfiguration", json!({ "AutoScalingConfigurationArn": arn }));
        assert!(fault.unwrap_err().message.contains(message));
    }
    call(&mut cloud, "DeleteAutoScalingConfiguration", json!({ "AutoScalingConfigurationArn": first_arn }));
    assert_eq!(describe(&mut cloud, first_arn)["Status"], "inactive", "small, as AWS has it");
    for (input, code) in [
        (json!({ "AutoScalingConfigurationName": "other", "MinSize": 3, "MaxSize": 2 }), "InvalidRequestException"),
        (json!({ "AutoScalingConfigurationName": "other", "MaxSize": 26 }), "InvalidRequestException"),
    ] {
        assert_eq!(cloud.call(&SERVICE, "CreateAutoScalingConfiguration", input).unwrap_err().code, code);
    }
}

#[test]
fn what_has_an_arn_has_tags() {
    let (mut fixture, arn) = Fixture::running(json!({ "Tags": [{ "Key": "a", "Value": "b" }] }));
    call(&mut fixture.cloud, "TagResource", json!({ "ResourceArn": arn, "Tags": [{ "Key": "c", "Value": "d" }] }));
    call(&mut fixture.cloud, "UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["a"] }));
    let tags = call(&mut fixture.cloud, "ListTagsForResource", json!({ "ResourceArn": arn }));
    assert_eq!(tags["Tags"], json!([{ "Key": "c", "Value": "d" }]));
    let connection = json!({ "ConnectionName": "github", "ProviderType": "GITHUB" });
    let made = call(&mut fixture.cloud, "CreateConnection", connection);
    assert_eq!(made["Connection"]["Status"], "PENDING_HANDSHAKE");
    let unknown = json!({ "ResourceArn": format!("{arn}0") });
    let fault = fixture.cloud.call(&SERVICE, "ListTagsForResource", unknown).unwrap_err();
    assert_eq!(fault.code, "ResourceNotFoundException");
}

#[test]
fn custom_domains_wait_for_their_certificate() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    let input = json!({ "ServiceArn": arn, "DomainName": "example.com" });
    let made = call(&mut fixture.cloud, "AssociateCustomDomain", input.clone());
    assert_eq!(made["CustomDomain"]["CertificateValidationRecords"].as_array().unwrap().len(), 2);
    assert!(fixture.cloud.call(&SERVICE, "AssociateCustomDomain", input.clone()).is_err());
    let mut in_capitals = input.clone();
    in_capitals["DomainName"] = json!(input["DomainName"].as_str().unwrap().to_uppercase());
    assert!(fixture.cloud.call(&SERVICE, "AssociateCustomDomain", in_capitals).is_err());
    for wrong in ["nodot", "-x.com", "x-.com", "a..com", "*.*.com"] {
        let input = json!({ "ServiceArn": arn, "DomainName": wrong });
        assert!(fixture.cloud.call(&SERVICE, "AssociateCustomDomain", input).is_err(), "{wrong}");
    }
    let mut other = fixture.cloud.region.apprunner.services[&arn].clone();
    other.arn.push('0');
    let elsewhere = json!({ "ServiceArn": other.arn, "DomainName": "example.com" });
    fixture.cloud.region.apprunner.services.insert(other.arn.clone(), other);
    let fault = fixture.cloud.call(&SERVICE, "AssociateCustomDomain", elsewhere).unwrap_err();
    assert!(fault.message.ends_with("with another service."), "{}", fault.message);
    let described = call(&mut fixture.cloud, "DescribeCustomDomains", json!({ "ServiceArn": arn }));
    assert_eq!(described["CustomDomains"][0]["Status"], "pending_certificate_dns_validation");
    call(&mut fixture.cloud, "DisassociateCustomDomain", input);
    let described = call(&mut fixture.cloud, "DescribeCustomDomains", json!({ "ServiceArn": arn }));
    assert_eq!(described["CustomDomains"], json!([]));
}

#[test]
fn the_state_survives_the_disk() {
    let (fixture, arn) = Fixture::running(json!({}));
    let saved = serde_json::to_string(&fixture.cloud.region.apprunner).unwrap();
    let loaded: crate::local::apprunner::Store = serde_json::from_str(&saved).unwrap();
    assert_eq!(loaded.services[&arn].status_text(), "RUNNING");
}
