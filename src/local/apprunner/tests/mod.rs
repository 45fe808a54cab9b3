//! Tables of refusals, states and endings.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::{ec2, iam, members::testing::Cloud, secretsmanager};

mod companions;
mod documented;
mod in_use;
mod services;

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
