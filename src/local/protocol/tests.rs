//! The protocols as a client meets them: requests that botocore wrote, what the models forbid, and rubbish.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// One request of botocore's, and the parameters that it was made of; `scripts/aws-models` says which botocore.
#[derive(serde::Deserialize)]
struct Sample {
    service: String,
    op: String,
    target: Option<String>,
    body: String,
    input: Value,
}

fn targeted(target: Option<&str>) -> HeaderMap {
    let value = target.and_then(|target| hyper::header::HeaderValue::from_str(target).ok());
    value.into_iter().map(|value| (hyper::header::HeaderName::from_static("x-amz-target"), value)).collect()
}

fn request<'a>(headers: &'a HeaderMap, query: &'a str, body: &'a [u8]) -> Request<'a> {
    Request { method: "POST", path: "/", headers, query, body }
}

#[test]
fn botocores_requests_are_read_as_they_were_meant() {
    for line in include_str!("samples.jsonl").lines() {
        let Sample { service, op, target, body, input } = serde_json::from_str(line).unwrap();
        let model = Model::of(&service).unwrap();
        let headers = targeted(target.as_deref());
        let request = request(&headers, "", body.as_bytes());
        let call = read(model, &request).unwrap();
        assert_eq!(call.action, op);
        let operation = model.operation(&op).unwrap();
        let decoded = match call.parameters {
            Parameters::Form(node) => form::decode(model, operation, node),
            Parameters::Json(body) => json::decode(model, operation, body),
            Parameters::Rest(parts) => rest::decode(model, operation, &parts),
        };
        assert_eq!(decoded.unwrap(), input, "{op}");
    }
}

/// What a service makes of a form or of a JSON body for `target`.
fn input(service: &str, target: Option<&str>, body: &str) -> Result<Value, Fault> {
    let model = Model::of(service).unwrap();
    let headers = targeted(target);
    let call = read(model, &request(&headers, "", body.as_bytes()))?;
    let operation = model.operation(&call.action).ok_or_else(|| unknown_action(model, &call.action))?;
    call.input(service, model, operation)
}

#[track_caller]
fn refused(service: &str, target: Option<&str>, body: &str, code: &str, message: &str) {
    let fault = input(service, target, body).unwrap_err();
    assert_eq!(fault.code, code, "{}", fault.message);
    assert!(fault.message.contains(message), "{message:?} is not in {:?}", fault.message);
}

#[test]
fn ec2_refuses_in_its_own_words() {
    let ec2 = |body, code, message| refused("ec2", None, body, code, message);
    ec2("Version=2016-11-15", "MissingAction", "Action");
    ec2("Action=CreateUnicorn", "InvalidAction", "CreateUnicorn");
    ec2("Action=CreateSubnet&CidrBlock=10.0.0.0/24", "MissingParameter", "must contain the parameter VpcId");
    ec2("Action=CreateVpc&CidrBlok=10.0.0.0/16", "UnknownParameter", "CidrBlok");
    ec2("Action=CreateVpc&TagSpecification.1.Tagg.1.Key=a", "UnknownParameter", "TagSpecification.1.Tagg.1.Key");
    ec2("Action=DescribeVpcs&MaxResults=many", "InvalidParameterValue", "Value (many) for parameter MaxResults");
    ec2("Action=DescribeVpcs&MaxResults=99999999999", "InvalidParameterValue", "MaxResults");
    ec2("Action=DescribeVpcs&MaxResults=4", "InvalidParameterValue", "greater than or equal to 5");
    ec2("Action=DescribeVpcs&VpcId=vpc-1", "InvalidParameterValue", "write VpcId.1");
    ec2("Action=DescribeVpcs&VpcId.x=vpc-1", "UnknownParameter", "VpcId.x");
    ec2("Action=CreateVpc&InstanceTenancy=mine", "InvalidParameterValue", "default, dedicated, host");
    ec2("Action=CreateVpc&CidrBlock=a&CidrBlock=b", "MalformedQueryString", "twice");
    ec2("Action=CreateVpc&Action=DeleteVpc&CidrBlock=a", "MalformedQueryString", "Action is there twice");
    ec2(
        "Action=DescribeVpcs&Version=2036-11-15",
        "NoSuchVersion",
        "The requested version (2036-11-15) of service AmazonEC2",
    );
    ec2("Action=CreateVpc&CidrBlock.1=a", "UnknownParameter", "CidrBlock.1");
    ec2("Action=ModifyVpcAttribute&VpcId=v&EnableDnsSupport.Value=yes", "InvalidParameterValue", "true or false");
}

#[test]
fn query_services_refuse_in_their_own_words() {
    let expected = "Could not find operation GetCallerIdentity for version 2011-06-16";
    refused("sts", None, "Action=GetCallerIdentity&Version=2011-06-16", "InvalidAction", expected);
    refused("rds", None, "Action=DeleteDBCluster", "MissingParameter", "DBClusterIdentifier");
    refused("rds", None, "Action=DescribeDBClusters&MaxRecords=x", "MalformedInput", "MaxRecords");
    refused("rds", None, "Action=DescribeDBClusters&Max=1", "InvalidQueryParameter", "Max");
    let expected = "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not \
                    be null";
    refused("iam", None, "Action=GetRole", "ValidationError", expected);
    let expected = "Value '/a' at 'path' failed to satisfy constraint: Member must satisfy regular expression pattern";
    refused(
        "iam",
        None,
        "Action=CreateRole&Path=/a&RoleName=r&AssumeRolePolicyDocument=d",
        "ValidationError",
        expected,
    );
    let body = "Action=CreateRole&RoleName=a%20b&AssumeRolePolicyDocument=%E2%82%AC";
    refused("iam", None, body, "ValidationError", "2 validation errors detected");
}

#[test]
fn what_an_action_cannot_read_is_the_clients_mistake_in_each_services_words() {
    let unreadable = crate::local::members::decode::<u64>(json!(-1)).unwrap_err();
    for (service, code) in [
        ("ec2", "InvalidParameterValue"),
        ("rds", "InvalidParameterValue"),
        ("iam", "ValidationError"),
        ("ssm", "ValidationException"),
        ("logs", "InvalidParameterException"),
    ] {
        let fault = in_words_of(service, Model::of(service).unwrap(), unreadable.clone());
        assert_eq!((fault.code.as_str(), fault.status), (code, 400));
        assert!(!fault.message.contains("-1"), "{}", fault.message);
    }
}

#[test]
fn json_services_refuse_in_their_own_words() {
    let secrets = |action: &str, body, code, message| {
        refused("secretsmanager", Some(&format!("secretsmanager.{action}")), body, code, message);
    };
    secrets("GetUnicorn", "{}", "UnknownOperationException", "GetUnicorn");
    secrets("GetSecretValue", "{", "SerializationException", "not JSON");
    secrets("GetSecretValue", "[]", "SerializationException", "JSON object");
    secrets("GetSecretValue", "{\"SecretId\": 1}", "SerializationException", "SecretId must be a string");
    secrets("GetSecretValue", "{\"SecretID\": \"a\"}", "SerializationException", "SecretID is not recognized");
    secrets("GetSecretValue", "", "ValidationException", "Value null at 'secretId'");
    secrets("DeleteSecret", "{\"SecretId\": \"a\", \"RecoveryWindowInDays\": 1.5}", "SerializationException", "whole");
    refused("secretsmanager", None, "{}", "UnknownOperationException", "X-Amz-Target is missing");
    refused("secretsmanager", Some("AppRunner.ListServices"), "{}", "UnknownOperationException", "must begin with");
    let target = Some("Logs_20140328.CreateLogGroup");
    refused("logs", target, "{\"logGroupName\": \"a b\"}", "InvalidParameterException", "at 'logGroupName'");
    let service = r#"{"ServiceName": "abc", "SourceConfiguration": {}}"#;
    refused("apprunner", Some("AppRunner.CreateService"), service, "ValidationException", "at 'serviceName'");
}

#[test]
fn of_many_mistakes_the_first_are_told_and_none_of_what_is_too_much() {
    let put = |count: usize| {
        let events = vec![json!({ "timestamp": -1, "message": "" }); count];
        let body = json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events }).to_string();
        input("logs", Some("Logs_20140328.PutLogEvents"), &body).unwrap_err().message
    };
    let many = put(10_000);
    assert!(many.starts_with("10 validation errors detected: "), "{many}");
    let too_many = put(10_001);
    assert!(too_many.starts_with("1 validation error detected: "), "{too_many}");
    assert!(too_many.contains("'[10001 elements]' at 'logEvents'"), "{too_many}");
}

#[test]
fn a_secret_is_never_repeated() {
    let long = "hunter2".repeat(20_000);
    let body = json!({ "Name": "a", "SecretString": long }).to_string();
    let fault = input("secretsmanager", Some("secretsmanager.CreateSecret"), &body).unwrap_err();
    assert_eq!(fault.code, "ValidationException");
    assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    let fault =
        input("secretsmanager", Some("secretsmanager.CreateSecret"), r#"{"SecretString": "hunter2}"#).unwrap_err();
    assert!(!fault.message.contains("hunter2"), "{}", fault.message);
}

#[test]
fn a_request_signed_in_its_url_has_no_parameters_too_many() {
    let model = Model::of("sts").unwrap();
    let query =
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0&Expires=1";
    let headers = targeted(None);
    let call = read(model, &request(&headers, query, b"")).unwrap();
    let operation = model.operation(&call.action).unwrap();
    assert_eq!(call.input("sts", model, operation).unwrap(), json!({}));
}

/// Names that occur in models, numbers, and letters: forms that come close.
fn key() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "(Filter|Name|Value|Tag|TagSpecification|Key|member|entry|key|DBClusterIdentifier|MaxResults|Auth|Parameters)",
        "[0-9]{1,10}",
        "\\PC{0,6}",
    ];
    proptest::collection::vec(part, 0..30).prop_map(|parts| parts.join("."))
}

proptest! {
    #[test]
    fn no_form_is_too_strange(
        pairs in proptest::collection::vec((key(), "\\PC{0,12}"), 0..12),
        action in 0_usize..6,
    ) {
        let (service, action) = [
            ("ec2", "DescribeVpcs"), ("ec2", "CreateVpcEndpoint"), ("rds", "CreateDBProxy"), ("iam", "CreateRole"),
            ("rds", "DescribeDBClusters"), ("sts", "AssumeRole"),
        ][action];
        let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
        let mut form = form_urlencoded::Serializer::new(String::new());
        let body = form.append_pair("Action", action).extend_pairs(pairs).finish();
        // Whatever it says, it says it without a panic, and a refusal can be written.
        if let Err(fault) = input(service, None, &body) {
            let answer = refusal(Model::of(service).unwrap(), &fault, "ID");
            prop_assert!((400..600).contains(&answer.status));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (service, target) in [("ec2", None), ("rds", None), ("apprunner", Some("AppRunner.CreateService"))] {
            let model = Model::of(service).unwrap();
            let query = String::from_utf8_lossy(&bytes);
            let headers = targeted(target);
            let request = request(&headers, &query, &bytes);
            if let Ok(call) = read(model, &request)
                && let Some(operation) = model.operation(&call.action)
            {
                let _ = call.input(service, model, operation);
            }
        }
    }

    #[test]
    fn no_json_is_too_strange(value in json_value(), action in 0_usize..4) {
        let (service, target) = [
            ("apprunner", "AppRunner.CreateService"), ("secretsmanager", "secretsmanager.CreateSecret"),
            ("ssm", "AmazonSSM.PutParameter"), ("logs", "Logs_20140328.PutLogEvents"),
        ][action];
        if let Err(fault) = input(service, Some(target), &value.to_string()) {
            let answer = refusal(Model::of(service).unwrap(), &fault, "ID");
            prop_assert!(serde_json::from_str::<Value>(&answer.body).is_ok());
        }
    }
}

/// JSON with the members of models in it.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        "(ServiceName|SourceConfiguration|Tags|Key|Value|SecretBinary|SecretString|Name|Type|logEvents|timestamp)",
        "\\PC{0,6}",
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
