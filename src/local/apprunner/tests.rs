//! Tables of refusals, states and endings.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::{ec2, iam, members::testing::Cloud, pace::Pace, secretsmanager};

const ACCESS: &str = "arn:aws:iam::000000000000:role/access";
const INSTANCE: &str = "arn:aws:iam::000000000000:role/instance";
const PRIVATE: &str = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/demo:1";

/// A region with roles, a secret and a network.
struct Fixture {
    cloud: Cloud,
    secret: String,
    subnet: String,
    group: String,
}

fn call(cloud: &mut Cloud, action: &str, input: Value) -> Value {
    cloud.call(&SERVICE, action, input).unwrap_or_else(|fault| panic!("{action}: {fault}"))
}

fn role(cloud: &mut Cloud, name: &str, principal: &str) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" }] });
    let input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    cloud.call(&iam::SERVICE, "CreateRole", input).unwrap();
}

fn allow(cloud: &mut Cloud, action: &str, resource: &str) {
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": action, "Resource": resource }] });
    let input = json!({ "RoleName": "instance", "PolicyName": "read", "PolicyDocument": document.to_string() });
    cloud.call(&iam::SERVICE, "PutRolePolicy", input).unwrap();
}

impl Fixture {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        role(&mut cloud, "access", "build.apprunner.amazonaws.com");
        let managed = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess";
        let attach = json!({ "RoleName": "access", "PolicyArn": managed });
        cloud.call(&iam::SERVICE, "AttachRolePolicy", attach).unwrap();
        role(&mut cloud, "instance", "tasks.apprunner.amazonaws.com");
        let made = json!({ "Name": "demo/db", "SecretString": "{\"password\":\"hidden\"}" });
        let made = cloud.call(&secretsmanager::SERVICE, "CreateSecret", made).unwrap();
        let secret = made["ARN"].as_str().unwrap().to_owned();
        let ec2 = |cloud: &mut Cloud, action: &str, input: Value| cloud.call(&ec2::SERVICE, action, input).unwrap();
        let vpc = ec2(&mut cloud, "CreateVpc", json!({ "CidrBlock": "10.0.0.0/16" }))["Vpc"]["VpcId"].clone();
        let subnet = json!({ "VpcId": vpc, "CidrBlock": "10.0.0.0/24" });
        let subnet = ec2(&mut cloud, "CreateSubnet", subnet)["Subnet"]["SubnetId"].as_str().unwrap().to_owned();
        let group = json!({ "VpcId": vpc, "GroupName": "app", "Description": "app" });
        let group = ec2(&mut cloud, "CreateSecurityGroup", group)["GroupId"].as_str().unwrap().to_owned();
        cloud.wait(10);
        Self { cloud, secret, subnet, group }
    }

    /// A service of a public image that runs.
    fn running(more: Value) -> (Self, String) {
        let mut fixture = Self::new();
        let mut input = service("demo");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = call(&mut fixture.cloud, "CreateService", input);
        assert_eq!(made["Service"]["Status"], "OPERATION_IN_PROGRESS");
        fixture.cloud.wait(300);
        let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
        assert_eq!(fixture.status(&arn), "RUNNING");
        (fixture, arn)
    }

    fn status(&mut self, arn: &str) -> String {
        let described = call(&mut self.cloud, "DescribeService", json!({ "ServiceArn": arn }));
        described["Service"]["Status"].as_str().unwrap().to_owned()
    }

    /// Type and status of the newest operation.
    fn operation(&mut self, arn: &str) -> (String, String) {
        let list = call(&mut self.cloud, "ListOperations", json!({ "ServiceArn": arn }));
        let newest = &list["OperationSummaryList"][0];
        (newest["Type"].as_str().unwrap().to_owned(), newest["Status"].as_str().unwrap().to_owned())
    }

    fn connector(&mut self, name: &str) -> String {
        let input = json!({ "VpcConnectorName": name, "Subnets": [self.subnet], "SecurityGroups": [self.group] });
        let made = call(&mut self.cloud, "CreateVpcConnector", input);
        made["VpcConnector"]["VpcConnectorArn"].as_str().unwrap().to_owned()
    }

    fn interfaces(&mut self) -> usize {
        let list = self.cloud.call(&ec2::SERVICE, "DescribeNetworkInterfaces", json!({})).unwrap();
        list["NetworkInterfaces"].as_array().unwrap().len()
    }
}

fn service(name: &str) -> Value {
    json!({ "ServiceName": name, "SourceConfiguration": public() })
}

fn public() -> Value {
    json!({ "ImageRepository": { "ImageIdentifier": "public.ecr.aws/demo/demo:1", "ImageRepositoryType": "ECR_PUBLIC" } })
}

fn private(access: Option<&str>) -> Value {
    let mut source = json!({ "ImageRepository": { "ImageIdentifier": PRIVATE, "ImageRepositoryType": "ECR" } });
    if let Some(access) = access {
        source["AuthenticationConfiguration"] = json!({ "AccessRoleArn": access });
    }
    source
}

fn with_secret(arn: &str) -> Value {
    let mut source = public();
    source["ImageRepository"]["ImageConfiguration"] = json!({ "RuntimeEnvironmentSecrets": { "DB": arn } });
    source
}

#[test]
fn creations_that_are_refused() {
    let table = [
        (json!({ "ServiceName": "taken" }), "already exists: taken"),
        (json!({ "SourceConfiguration": {} }), "Exactly one of"),
        (json!({ "SourceConfiguration": private(None) }), "AccessRoleArn"),
        (json!({ "SourceConfiguration": private(Some(INSTANCE)) }), "Error in assuming access role"),
        (json!({ "InstanceConfiguration": { "InstanceRoleArn": ACCESS } }), "Error in assuming instance role"),
        (json!({ "InstanceConfiguration": { "Cpu": "256", "Memory": "2048" } }), "does not go with"),
        (json!({ "InstanceConfiguration": { "Cpu": "4 vCPU", "Memory": "4 GB" } }), "does not go with"),
        (
            json!({ "SourceConfiguration": with_secret("arn:aws:secretsmanager:x") }),
            "Instance Role have to be provided",
        ),
        (
            json!({ "SourceConfiguration": with_secret("demo/db"), "InstanceConfiguration": { "InstanceRoleArn": INSTANCE } }),
            "has to be the ARN",
        ),
        (
            json!({ "AutoScalingConfigurationArn": "arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration/x" }),
            "Auto scaling configuration ARN is invalid",
        ),
        (
            json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC" } } }),
            "needs a VpcConnectorArn",
        ),
        (
            json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC", "VpcConnectorArn": "arn:aws:apprunner:eu-central-1:000000000000:vpcconnector/x/1/y" } } }),
            "does not exist or is INACTIVE",
        ),
        (json!({ "HealthCheckConfiguration": { "Path": "health" } }), "does not begin with a slash"),
        (json!({ "Tags": [{ "Key": "aws:x", "Value": "y" }] }), "reserved"),
    ];
    for (more, message) in table {
        let mut fixture = Fixture::new();
        call(&mut fixture.cloud, "CreateService", service("taken"));
        let mut input = service("demo");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let fault = fixture.cloud.call(&SERVICE, "CreateService", input).expect_err(message);
        assert_eq!(fault.code, "InvalidRequestException", "{message}");
        assert!(fault.message.contains(message), "{message}: {}", fault.message);
    }
}

#[test]
fn a_new_role_is_not_assumed_at_once() {
    let mut fixture = Fixture::new();
    role(&mut fixture.cloud, "fresh", "tasks.apprunner.amazonaws.com");
    let mut input = service("demo");
    input["InstanceConfiguration"] = json!({ "InstanceRoleArn": "arn:aws:iam::000000000000:role/fresh" });
    let fault = fixture.cloud.call(&SERVICE, "CreateService", input.clone()).unwrap_err();
    assert_eq!(fault.message, "Error in assuming instance role arn:aws:iam::000000000000:role/fresh");
    fixture.cloud.wait(10);
    call(&mut fixture.cloud, "CreateService", input);
}

#[test]
fn defaults_are_filled_in() {
    let (mut fixture, arn) =
        Fixture::running(json!({ "InstanceConfiguration": { "Cpu": "0.25 vCPU", "Memory": "0.5 GB" } }));
    let described = call(&mut fixture.cloud, "DescribeService", json!({ "ServiceArn": arn }))["Service"].clone();
    assert_eq!(described["InstanceConfiguration"], json!({ "Cpu": "256", "Memory": "512" }));
    assert_eq!(described["HealthCheckConfiguration"]["Protocol"], "TCP");
    assert_eq!(described["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"], "8080");
    assert_eq!(described["SourceConfiguration"]["AutoDeploymentsEnabled"], false);
    assert_eq!(described["AutoScalingConfigurationSummary"]["AutoScalingConfigurationName"], "DefaultConfiguration");
    assert_eq!(described["NetworkConfiguration"]["IngressConfiguration"]["IsPubliclyAccessible"], true);
    assert!(described["ServiceUrl"].as_str().unwrap().ends_with(".eu-central-1.awsapprunner.com"));
}

#[test]
fn the_states_of_a_life() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    assert_eq!(fixture.operation(&arn), ("CREATE_SERVICE".into(), "SUCCEEDED".into()));
    for (action, seconds, operation, status) in [
        ("UpdateService", 300, "UPDATE_SERVICE", "RUNNING"),
        ("StartDeployment", 300, "START_DEPLOYMENT", "RUNNING"),
        ("PauseService", 60, "PAUSE_SERVICE", "PAUSED"),
        ("UpdateService", 300, "UPDATE_SERVICE", "PAUSED"),
        ("ResumeService", 120, "RESUME_SERVICE", "RUNNING"),
        ("DeleteService", 120, "DELETE_SERVICE", "DELETED"),
    ] {
        call(&mut fixture.cloud, action, json!({ "ServiceArn": arn }));
        assert_eq!(fixture.operation(&arn), (operation.into(), "IN_PROGRESS".into()));
        for other in ["UpdateService", "DeleteService", "PauseService", "ResumeService", "StartDeployment"] {
            let fault = fixture.cloud.call(&SERVICE, other, json!({ "ServiceArn": arn })).expect_err(other);
            assert_eq!(fault.code, "InvalidStateException");
            assert!(fault.message.contains("OPERATION_IN_PROGRESS"), "{}", fault.message);
        }
        fixture.cloud.wait(seconds - 1);
        assert_eq!(fixture.status(&arn), "OPERATION_IN_PROGRESS");
        fixture.cloud.wait(1);
        assert_eq!(fixture.status(&arn), status, "{action}");
        assert_eq!(fixture.operation(&arn), (operation.into(), "SUCCEEDED".into()));
    }
    let listed = call(&mut fixture.cloud, "ListServices", json!({}));
    assert_eq!(listed["ServiceSummaryList"], json!([]));
    assert!(fixture.cloud.region.apprunner.inventory().is_empty());
    call(&mut fixture.cloud, "CreateService", service("demo"));
    fixture.cloud.wait(3601);
    let fault = fixture.cloud.call(&SERVICE, "DescribeService", json!({ "ServiceArn": arn })).unwrap_err();
    assert_eq!(fault.code, "ResourceNotFoundException");
}

#[test]
fn at_instant_pace_the_answer_still_says_under_way() {
    let mut fixture = Fixture::new();
    fixture.cloud.pace = Pace::Instant;
    let made = call(&mut fixture.cloud, "CreateService", service("demo"));
    assert_eq!(made["Service"]["Status"], "OPERATION_IN_PROGRESS");
    assert_eq!(fixture.status(made["Service"]["ServiceArn"].as_str().unwrap()), "RUNNING");
}

#[test]
fn a_failed_update_is_rolled_back() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    fixture.cloud.doom = Some("Health check failed.".to_owned());
    let update = json!({ "ServiceArn": arn, "InstanceConfiguration": { "Cpu": "2048", "Memory": "4096" } });
    call(&mut fixture.cloud, "UpdateService", update);
    fixture.cloud.wait(200);
    assert_eq!(fixture.operation(&arn).1, "ROLLBACK_IN_PROGRESS");
    fixture.cloud.wait(100);
    assert_eq!(fixture.status(&arn), "RUNNING");
    assert_eq!(fixture.operation(&arn), ("UPDATE_SERVICE".into(), "ROLLBACK_SUCCEEDED".into()));
    let described = call(&mut fixture.cloud, "DescribeService", json!({ "ServiceArn": arn }));
    assert_eq!(described["Service"]["InstanceConfiguration"]["Cpu"], "1024");
    let group = fixture.cloud.region.apprunner.services[&arn].log_group("service");
    let log = fixture.cloud.region.logs.last_messages(&group, "events", 9);
    assert!(log.last().unwrap().contains("Health check failed."), "{log:?}");
}

#[test]
fn what_the_roles_may_not_read_fails_the_creation() {
    let table: [(&str, &str, &str, &str); 4] = [
        ("", "", "", "AccessDeniedException"),
        ("secretsmanager:GetSecretValue", "", ":missing::", "no JSON key missing"),
        ("secretsmanager:GetSecretValue", "-gone", "", "ResourceNotFoundException"),
        ("secretsmanager:GetSecretValue", "", ":password::", ""),
    ];
    for (action, extra, key, failure) in table {
        let mut fixture = Fixture::new();
        if !action.is_empty() {
            allow(&mut fixture.cloud, action, "*");
        }
        let mut input = service("demo");
        input["SourceConfiguration"] = with_secret(&format!("{}{extra}{key}", fixture.secret));
        input["InstanceConfiguration"] = json!({ "InstanceRoleArn": INSTANCE });
        let made = call(&mut fixture.cloud, "CreateService", input);
        let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
        fixture.cloud.wait(300);
        let expected = if failure.is_empty() { "RUNNING" } else { "CREATE_FAILED" };
        assert_eq!(fixture.status(&arn), expected, "{failure}");
        let group = fixture.cloud.region.apprunner.services[&arn].log_group("application");
        let log = fixture.cloud.region.logs.last_messages(&group, "instance", 1).join("");
        assert!(log.contains(failure) && !log.contains("hidden"), "{log}");
    }
}

#[test]
fn a_failed_creation_can_be_updated_or_deleted() {
    for (action, seconds, status) in [("UpdateService", 300, "RUNNING"), ("DeleteService", 120, "DELETED")] {
        let mut fixture = Fixture::new();
        fixture.cloud.doom = Some("The container exited.".to_owned());
        let made = call(&mut fixture.cloud, "CreateService", service("demo"));
        let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
        fixture.cloud.wait(300);
        assert_eq!(fixture.status(&arn), "CREATE_FAILED");
        assert_eq!(fixture.operation(&arn), ("CREATE_SERVICE".into(), "FAILED".into()));
        call(&mut fixture.cloud, action, json!({ "ServiceArn": arn }));
        fixture.cloud.wait(seconds);
        assert_eq!(fixture.status(&arn), status);
    }
}

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
    assert_eq!(describe(&mut cloud, first_arn)["Status"], "INACTIVE");
    for (input, code) in [
        (json!({ "AutoScalingConfigurationName": "other", "MinSize": 3, "MaxSize": 2 }), "InvalidRequestException"),
        (json!({ "AutoScalingConfigurationName": "other", "MaxSize": 26 }), "InvalidRequestException"),
        (json!({ "AutoScalingConfigurationName": "DefaultConfiguration" }), "InvalidRequestException"),
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
    let described = call(&mut fixture.cloud, "DescribeCustomDomains", json!({ "ServiceArn": arn }));
    assert_eq!(described["CustomDomains"][0]["Status"], "PENDING_CERTIFICATE_DNS_VALIDATION");
    call(&mut fixture.cloud, "DisassociateCustomDomain", input);
    let described = call(&mut fixture.cloud, "DescribeCustomDomains", json!({ "ServiceArn": arn }));
    assert_eq!(described["CustomDomains"], json!([]));
}

#[test]
fn the_state_survives_the_disk() {
    let (fixture, arn) = Fixture::running(json!({}));
    let saved = serde_json::to_string(&fixture.cloud.region.apprunner).unwrap();
    let loaded: super::Store = serde_json::from_str(&saved).unwrap();
    assert_eq!(loaded.services[&arn].status_text(), "RUNNING");
}
