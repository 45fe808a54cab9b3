//! Functions as they are made, changed and deleted; what runs is tried in the tests that cross processes.

mod full_subnets;
mod refused;
mod shown;

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::local::{ec2, iam, members::testing::Cloud};

const TRUST: &str =
    r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const VPC_ACCESS: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole";

pub(super) fn zip(content: &str) -> String {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let (mut entry, config) = archive.new_file("bootstrap").unix_permissions(0o755).start().unwrap();
    let mut writer = config.wrap(&mut entry);
    writer.write_all(content.as_bytes()).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    STANDARD.encode(archive.finish().unwrap())
}

/// What goes on after an action has answered.
static AFTERWARDS: Service = Service {
    name: "lambda",
    actions: &[("unsaved", upload::tests::unsaved), ("saved", upload::tests::saved)],
    runs: &[],
};

/// An order with this request's id.
pub(super) fn an_order(request: &str) -> invoke::Order {
    let order = json!({"account": Cloud::ACCOUNT, "region": Cloud::REGION, "name": "one", "arn": "", "handler": "x", "runtime": "provided.al2023",
        "memory": 128, "timeout": 3, "sha256": "", "log_group": "", "variables": {},
        "payload": "", "context": null, "kind": "RequestResponse", "tail": false, "request": request});
    serde_json::from_value(order).unwrap()
}

impl Cloud {
    /// Calls an action to its end.
    pub(super) fn lambda(&mut self, action: &str, input: Value) -> Result<Value, Fault> {
        let answer = self.call(&SERVICE, action, input)?;
        match action {
            "CreateFunction" | "UpdateFunctionCode" => {
                let mut answer = self.call(&AFTERWARDS, "unsaved", answer)?;
                self.call(&AFTERWARDS, "saved", answer["place"].take())?;
                Ok(answer["output"].take())
            }
            "DeleteFunction" => self.call(&AFTERWARDS, "saved", answer),
            _ => Ok(answer),
        }
    }

    /// One with a role that Lambda can assume by now.
    fn with_role() -> (Self, String) {
        let mut cloud = Self::new();
        let role = cloud.role();
        cloud.wait(15);
        (cloud, role)
    }

    /// The same with a function [`one`], which is active.
    fn with_function() -> (Self, String) {
        let (mut cloud, role) = Self::with_role();
        cloud.lambda("CreateFunction", one(&role)).unwrap();
        cloud.wait(5);
        (cloud, role)
    }

    pub(super) fn role(&mut self) -> String {
        let input = json!({"RoleName": "runner", "AssumeRolePolicyDocument": TRUST});
        let role = self.call(&iam::SERVICE, "CreateRole", input).unwrap();
        role["Role"]["Arn"].as_str().unwrap().to_owned()
    }

    /// What a function's code starts with.
    fn code(&self, name: &str) -> std::path::PathBuf {
        let sha256 = &self.region.lambda.functions[name].sha256;
        code::folder(self.data(), &place(name), sha256).join("bootstrap")
    }

    fn network(&mut self) -> (String, String) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let vpc = self.call(&ec2::SERVICE, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"})).unwrap();
        let vpc = text(&vpc["Vpc"]["VpcId"]);
        let subnet = json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"});
        let subnet = self.call(&ec2::SERVICE, "CreateSubnet", subnet).unwrap();
        let group = json!({"GroupName": "app", "Description": "the app", "VpcId": vpc});
        let group = self.call(&ec2::SERVICE, "CreateSecurityGroup", group).unwrap();
        (text(&subnet["Subnet"]["SubnetId"]), text(&group["GroupId"]))
    }
}

fn place(name: &str) -> upload::Place {
    let name = name::Name::of(name).unwrap();
    upload::Place { account: Cloud::ACCOUNT.to_owned(), region: Cloud::REGION.to_owned(), name }
}

pub(super) fn one(role: &str) -> Value {
    json!({
        "FunctionName": "one", "Role": role, "Runtime": "provided.al2023", "Handler": "bootstrap",
        "Code": {"ZipFile": zip("#!/bin/sh\n")}, "Tags": {"a": "b"},
    })
}

fn state(cloud: &mut Cloud) -> (String, String) {
    let found = cloud.lambda("GetFunctionConfiguration", json!({"FunctionName": "one"})).unwrap();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("State"), text("LastUpdateStatus"))
}

#[test]
fn a_function_takes_its_time_and_its_code_is_known_by_its_digest() {
    let mut cloud = Cloud::new();
    let role = cloud.role();
    let refused = cloud.lambda("CreateFunction", one(&role)).unwrap_err();
    assert_eq!(
        refused.message, "The role defined for the function cannot be assumed by Lambda.",
        "a role is not known at once"
    );
    cloud.wait(15);
    let made = cloud.lambda("CreateFunction", one(&role)).unwrap();
    let digest = STANDARD.encode(Sha256::digest(STANDARD.decode(zip("#!/bin/sh\n")).unwrap()));
    assert_eq!((&made["State"], &made["CodeSha256"]), (&json!("Pending"), &json!(digest)));
    assert_eq!(cloud.lambda("Invoke", json!({"FunctionName": "one"})).unwrap_err().code, "ResourceConflictException");
    let again = cloud.lambda("CreateFunction", one(&role)).unwrap_err();
    assert_eq!(again.message, "Function already exist: one");
    cloud.wait(5);
    assert_eq!(state(&mut cloud), ("Active".to_owned(), "Successful".to_owned()));
    let code = json!({"FunctionName": "one", "ZipFile": zip("#!/bin/sh\nexit 1\n")});
    let changed = cloud.lambda("UpdateFunctionCode", code.clone()).unwrap();
    assert_ne!(changed["CodeSha256"], json!(digest));
    let busy = cloud.lambda("UpdateFunctionCode", code.clone()).unwrap_err();
    assert!(busy.message.contains("An update is in progress for resource: arn:aws:lambda:"), "{busy}");
    cloud.wait(5);
    cloud.doom = Some("no room".to_owned());
    cloud.lambda("UpdateFunctionCode", code).unwrap();
    cloud.wait(5);
    assert_eq!(state(&mut cloud), ("Active".to_owned(), "Failed".to_owned()));
    cloud.lambda("DeleteFunction", json!({"FunctionName": "one"})).unwrap();
    let gone = cloud.lambda("GetFunction", json!({"FunctionName": "one"})).unwrap_err();
    assert_eq!(
        (gone.code.as_str(), gone.message.as_str()),
        ("ResourceNotFoundException", "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:one")
    );
}

#[test]
fn in_a_vpc_it_holds_its_subnets_until_its_interfaces_are_gone() {
    let mut cloud = Cloud::new();
    let (role, (subnet, group)) = (cloud.role(), cloud.network());
    cloud.wait(15);
    let mut input = one(&role);
    input["VpcConfig"] = json!({"SubnetIds": [subnet], "SecurityGroupIds": [group]});
    let refused = cloud.lambda("CreateFunction", input.clone()).unwrap_err();
    assert!(refused.message.contains("does not have permissions to call CreateNetworkInterface on EC2"), "{refused}");
    let attach = json!({"RoleName": "runner", "PolicyArn": VPC_ACCESS});
    cloud.call(&iam::SERVICE, "AttachRolePolicy", attach).unwrap();
    cloud.lambda("CreateFunction", input).unwrap();
    cloud.wait(10);
    assert_eq!(state(&mut cloud).0, "Pending", "network interfaces take longer");
    cloud.wait(60);
    assert_eq!(state(&mut cloud).0, "Active");
    cloud
        .lambda("DeleteFunction", json!({"FunctionName": "arn:aws:lambda:eu-central-1:000000000000:function:one"}))
        .unwrap();
    let remove = |cloud: &mut Cloud| cloud.call(&ec2::SERVICE, "DeleteSubnet", json!({"SubnetId": subnet}));
    cloud.wait(10 * 60);
    assert_eq!(remove(&mut cloud).unwrap_err().code, "DependencyViolation");
    cloud.wait(11 * 60);
    remove(&mut cloud).unwrap();
}

#[test]
fn its_interfaces_stay_for_ever_where_its_role_goes_before_them() {
    let mut cloud = Cloud::new();
    let (role, (subnet, group)) = (cloud.role(), cloud.network());
    let policy = json!({"RoleName": "runner", "PolicyArn": VPC_ACCESS});
    cloud.call(&iam::SERVICE, "AttachRolePolicy", policy.clone()).unwrap();
    cloud.wait(15);
    let mut input = one(&role);
    input["VpcConfig"] = json!({"SubnetIds": [subnet], "SecurityGroupIds": [group]});
    cloud.lambda("CreateFunction", input).unwrap();
    let interfaces = |cloud: &mut Cloud| {
        let all = cloud.call(&ec2::SERVICE, "DescribeNetworkInterfaces", json!({})).unwrap();
        all["NetworkInterfaces"].as_array().unwrap().clone()
    };
    let interface = &interfaces(&mut cloud)[0];
    assert_eq!((&interface["InterfaceType"], &interface["RequesterManaged"]), (&json!("lambda"), &json!(false)));
    let requester = interface["RequesterId"].as_str().unwrap();
    assert!(requester.starts_with("AROA") && requester.ends_with(":000000000000"), "{requester}");
    cloud.lambda("DeleteFunction", json!({"FunctionName": "one"})).unwrap();
    cloud.call(&iam::SERVICE, "DetachRolePolicy", policy).unwrap();
    cloud.call(&iam::SERVICE, "DeleteRole", json!({"RoleName": "runner"})).unwrap();
    cloud.wait(24 * 60 * 60);
    assert_eq!(interfaces(&mut cloud).len(), 1);
}

#[test]
fn lists_come_in_pages_and_tags_are_kept() {
    let (mut cloud, role) = Cloud::with_role();
    for name in ["one", "two", "three"] {
        let mut input = one(&role);
        input["FunctionName"] = json!(name);
        cloud.lambda("CreateFunction", input).unwrap();
    }
    let mut names = Vec::new();
    let mut marker = Value::Null;
    loop {
        let page = cloud.lambda("ListFunctions", json!({"MaxItems": 2, "Marker": marker})).unwrap();
        for function in page["Functions"].as_array().unwrap() {
            assert!(function.get("State").is_none(), "a list tells no states");
            names.push(function["FunctionName"].as_str().unwrap().to_owned());
        }
        marker = page["NextMarker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(names, ["one", "three", "two"]);
    let versions = cloud.lambda("ListFunctions", json!({"FunctionVersion": "ALL", "MaxItems": 1})).unwrap();
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:one:$LATEST";
    assert_eq!(versions["Functions"][0]["FunctionArn"], arn);
    let replicas =
        cloud.lambda("ListFunctions", json!({"FunctionVersion": "ALL", "MasterRegion": "us-east-1"})).unwrap();
    assert_eq!(replicas["Functions"], json!([]));
    assert!(cloud.lambda("ListFunctions", json!({"MasterRegion": "us-east-1"})).is_err());
    let nowhere = json!({"FunctionName": "one", "Marker": "nonsense"});
    assert_eq!(cloud.lambda("ListVersionsByFunction", nowhere).unwrap_err().message, "Invalid marker");
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:one";
    cloud.lambda("TagResource", json!({"Resource": arn, "Tags": {"c": "d"}})).unwrap();
    cloud.lambda("UntagResource", json!({"Resource": arn, "TagKeys": ["a"]})).unwrap();
    assert_eq!(cloud.lambda("ListTags", json!({"Resource": arn})).unwrap(), json!({"Tags": {"c": "d"}}));
    let reserved = cloud.lambda("TagResource", json!({"Resource": arn, "Tags": {"aws:x": ""}})).unwrap_err();
    assert_eq!(reserved.code, "InvalidParameterValueException");
}

#[test]
fn a_function_may_be_called_function() {
    let (mut cloud, role) = Cloud::with_role();
    cloud.lambda("CreateFunction", one(&role)).unwrap();
    let mut input = one(&role);
    input["FunctionName"] = json!("function");
    let made = cloud.lambda("CreateFunction", input).unwrap();
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:function";
    assert_eq!((&made["FunctionName"], &made["FunctionArn"]), (&json!("function"), &json!(arn)));
    assert!(cloud.code("one").is_file(), "the code of its neighbour stays");
    cloud.wait(5);
    cloud.lambda("DeleteFunction", json!({"FunctionName": arn})).unwrap();
    assert!(cloud.code("one").is_file());
    for (name, why) in [
        ("function:".to_owned(), "the name of a function"),
        ("x".repeat(65), "length less than or equal to 64"),
        ("one:7".to_owned(), "without a version"),
    ] {
        let mut other = one(&role);
        other["FunctionName"] = json!(name);
        let refused = cloud.lambda("CreateFunction", other).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterValueException");
        assert!(refused.message.contains(why), "{refused}");
    }
    let elsewhere = "arn:aws:lambda:us-east-1:000000000000:function:one";
    let refused = cloud.lambda("GetFunction", json!({"FunctionName": elsewhere})).unwrap_err();
    assert_eq!(refused.message, "Functions from 'us-east-1' are not reachable in this region ('eu-central-1')");
}

#[test]
fn what_is_deleted_is_a_function_and_none_of_its_versions() {
    let (mut cloud, role) = Cloud::with_role();
    cloud.lambda("CreateFunction", one(&role)).unwrap();
    for (input, why) in [
        (json!({"FunctionName": "one", "Qualifier": NEWEST}), "$LATEST version cannot be deleted"),
        (json!({"FunctionName": "one:$LATEST"}), "$LATEST version cannot be deleted"),
        (json!({"FunctionName": "one", "Qualifier": "live"}), "Deletion of aliases is not"),
        (json!({"FunctionName": "one:7", "Qualifier": "8"}), "derived qualifier"),
    ] {
        let refused = cloud.lambda("DeleteFunction", input).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterValueException");
        assert!(refused.message.contains(why), "{refused}");
    }
    cloud.lambda("DeleteFunction", json!({"FunctionName": "one", "Qualifier": "7"})).unwrap();
    assert!(cloud.code("one").is_file());
    let nobody = json!({"FunctionName": "two", "Qualifier": "7"});
    assert_eq!(cloud.lambda("DeleteFunction", nobody).unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn no_code_goes_before_it_was_saved_that_it_is_not_needed() {
    let mut cloud = Cloud::with_function().0;
    let first = cloud.code("one");
    // The folder of the function, in which others may have something as well.
    let home = first.parent().and_then(std::path::Path::parent).unwrap().to_owned();
    let theirs = [home.join("notes.txt"), home.join("drafts/handler.js")];
    std::fs::create_dir(home.join("drafts")).unwrap();
    theirs.iter().for_each(|file| std::fs::write(file, "text").unwrap());
    std::fs::create_dir(home.join(".tmpA1b2C3")).unwrap();
    let other = json!({"FunctionName": "one", "ZipFile": zip("#!/bin/sh\nexit 1\n")});
    let order = cloud.call(&SERVICE, "UpdateFunctionCode", other).unwrap();
    assert!(cloud.code("one") == first, "nothing has changed where the code is only checked");
    let answer = cloud.call(&AFTERWARDS, "unsaved", order).unwrap();
    let second = cloud.code("one");
    assert!(first.is_file() && second.is_file() && first != second, "a state that is not saved is the one before");
    cloud.call(&AFTERWARDS, "saved", answer["place"].clone()).unwrap();
    assert!(!first.exists() && second.is_file());
    let work = cloud.data().join("functions/work");
    for name in ["1-a1B2c3", "queue"] {
        std::fs::create_dir_all(work.join(name)).unwrap();
    }
    let place = cloud.call(&SERVICE, "DeleteFunction", json!({"FunctionName": "one"})).unwrap();
    assert!(second.is_file());
    cloud.call(&AFTERWARDS, "saved", place).unwrap();
    assert!(!second.exists() && !home.join(".tmpA1b2C3").exists());
    assert!(theirs.iter().all(|file| file.is_file()));
    // What a killed daemon has left goes with the next start; what others have put there does not.
    for name in ["1-a1B2c3", "queue"] {
        std::fs::remove_dir(work.join(name)).unwrap();
    }
    let left = std::fs::read_dir(work).unwrap().count();
    assert_eq!(left, 0, "and nothing is left of what was put aside");
}

#[test]
fn of_two_that_make_the_same_function_at_once_one_is_told_that_it_exists() {
    let (mut cloud, role) = Cloud::with_role();
    let order = cloud.call(&SERVICE, "CreateFunction", one(&role)).unwrap();
    cloud.lambda("CreateFunction", one(&role)).unwrap();
    assert_eq!(cloud.call(&AFTERWARDS, "unsaved", order).unwrap_err().code, "ResourceConflictException");
    assert!(cloud.code("one").is_file());
}

#[test]
fn what_may_be_secret_is_not_shown() {
    let (mut cloud, role) = Cloud::with_role();
    let mut input = one(&role);
    input["Environment"] = json!({"Variables": {"PASSWORD": "hunter2"}});
    cloud.lambda("CreateFunction", input).unwrap();
    assert!(!format!("{:?}", cloud.region.lambda).contains("hunter2"));
    cloud.wait(5);
    let call = json!({"FunctionName": "one", "Payload": STANDARD.encode("{\"token\": \"hunter2\"}")});
    let order = cloud.lambda("Invoke", call).unwrap();
    let order: invoke::Order = serde_json::from_value(order).unwrap();
    assert!(order.variables.0["PASSWORD"] == "hunter2" && STANDARD.decode(&order.payload.0).is_ok());
    let shown = format!("{order:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(&order.payload.0), "{shown}");
}

#[test]
fn code_stays_for_as_long_as_a_call_runs_it() {
    let mut cloud = Cloud::with_function().0;
    let first = cloud.code("one");
    let held = code::hold(first.parent().unwrap()).unwrap();
    let also = code::hold(first.parent().unwrap()).unwrap();
    cloud.lambda("UpdateFunctionCode", json!({"FunctionName": "one", "ZipFile": zip("#!/bin/sh\nexit 1\n")})).unwrap();
    let second = cloud.code("one");
    cloud.lambda("DeleteFunction", json!({"FunctionName": "one"})).unwrap();
    assert!(first.is_file() && !second.exists());
    drop(held);
    let sweep = |cloud: &mut Cloud| cloud.call(&AFTERWARDS, "saved", json!(place("one"))).unwrap();
    sweep(&mut cloud);
    assert!(first.is_file(), "there is another one");
    drop(also);
    sweep(&mut cloud);
    assert!(!first.parent().unwrap().parent().unwrap().exists());
    assert!(code::hold(first.parent().unwrap()).is_none());
}
