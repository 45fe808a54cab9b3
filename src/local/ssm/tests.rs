//! Tables of refusals and states.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::members::testing::Cloud;

fn with_parameter() -> Cloud {
    let mut cloud = Cloud::new();
    let input =
        json!({ "Name": "/app/db/host", "Type": "String", "Value": "one", "Tags": [{ "Key": "a", "Value": "b" }] });
    assert_eq!(call(&mut cloud, "PutParameter", input)["Version"], 1);
    call(&mut cloud, "PutParameter", json!({ "Name": "/app/db/password", "Type": "SecureString", "Value": "hidden" }));
    call(&mut cloud, "PutParameter", json!({ "Name": "plain", "Type": "StringList", "Value": "a,b" }));
    cloud
}

fn call(cloud: &mut Cloud, action: &str, input: Value) -> Value {
    cloud.call(&SERVICE, action, input).unwrap_or_else(|fault| panic!("{action}: {fault}"))
}

#[test]
fn a_value_is_of_its_data_type() {
    let mut cloud = with_parameter();
    let image = "ami-0123456789abcdef0";
    for (number, (kind, data, value, taken)) in [
        ("String", "text", "x", true),
        ("String", "aws:ec2:image", image, true),
        ("String", "aws:ec2:image", "ami-x", false),
        ("StringList", "aws:ec2:image", image, false),
        ("SecureString", "aws:ssm:integration", r#"{"url":"https://example.com"}"#, true),
        ("SecureString", "aws:ssm:integration", "x", false),
        ("String", "aws:ssm:integration", "{}", false),
        ("String", "Text", "x", false),
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({ "Name": format!("of-type-{number}"), "Type": kind, "DataType": data, "Value": value });
        let answer = cloud.call(&SERVICE, "PutParameter", input);
        assert_eq!(
            answer.err().map(|fault| fault.code),
            (!taken).then(|| "ValidationException".to_owned()),
            "{kind} {data}"
        );
    }
    let told = call(&mut cloud, "GetParameter", json!({ "Name": "of-type-1" }));
    assert_eq!(told["Parameter"]["DataType"], "aws:ec2:image");
}

#[test]
fn spaces_around_a_name_are_dropped() {
    let mut cloud = with_parameter();
    call(&mut cloud, "PutParameter", json!({ "Name": " /app/port ", "Type": "String", "Value": "1" }));
    for name in ["/app/port", " /app/port"] {
        assert_eq!(call(&mut cloud, "GetParameter", json!({ "Name": name }))["Parameter"]["Name"], "/app/port");
    }
}

#[test]
fn refusals() {
    let put = |more: Value| {
        let mut input = json!({ "Name": "/app/db/host", "Value": "two", "Type": "String" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let table = [
        ("PutParameter", put(json!({})), "ParameterAlreadyExists", "set the overwrite option"),
        (
            "PutParameter",
            put(json!({ "Overwrite": true, "Tags": [{ "Key": "a", "Value": "b" }] })),
            "ValidationException",
            "tags and overwrite can't be used together",
        ),
        (
            "PutParameter",
            put(json!({ "Overwrite": true, "Type": "SecureString" })),
            "HierarchyTypeMismatchException",
            "from String to SecureString",
        ),
        ("PutParameter", json!({ "Name": "new", "Value": "x" }), "ValidationException", "type is required"),
        ("PutParameter", put(json!({ "Name": "/aws/x" })), "AccessDeniedException", "reserved parameter name: /aws/x."),
        ("PutParameter", put(json!({ "Name": "awsx" })), "ValidationException", "can't be prefixed"),
        ("PutParameter", put(json!({ "Name": "/ssm/x" })), "ValidationException", "can't be prefixed"),
        ("PutParameter", put(json!({ "Name": "a/b" })), "ValidationException", "fully qualified"),
        ("PutParameter", put(json!({ "Name": "/a".repeat(16) })), "HierarchyLevelLimitExceededException", "15 levels"),
        ("PutParameter", put(json!({ "Name": "new", "Value": "x".repeat(4097) })), "ValidationException", "4096"),
        (
            "PutParameter",
            json!({ "Name": "new", "Value": "x", "Type": "String", "AllowedPattern": "^[0-9]+$" }),
            "ParameterPatternMismatchException",
            "^[0-9]+$",
        ),
        (
            "PutParameter",
            json!({ "Name": "new", "Value": "x", "Type": "String", "AllowedPattern": "(" }),
            "InvalidAllowedPatternException",
            "not a valid",
        ),
        ("GetParameter", json!({ "Name": "nope" }), "ParameterNotFound", "nope"),
        ("GetParameter", json!({ "Name": "plain:9" }), "ParameterVersionNotFound", "version 9"),
        ("DeleteParameter", json!({ "Name": "nope" }), "ParameterNotFound", "nope"),
        ("GetParametersByPath", json!({ "Path": "app" }), "ValidationException", "forward slash"),
        (
            "DescribeParameters",
            json!({ "ParameterFilters": [{ "Key": "Label", "Values": ["x"] }] }),
            "InvalidFilterKey",
            "Label",
        ),
        (
            "DescribeParameters",
            json!({ "ParameterFilters": [{ "Key": "Name", "Option": "Near", "Values": ["x"] }] }),
            "InvalidFilterOption",
            "Near",
        ),
        (
            "AddTagsToResource",
            json!({ "ResourceType": "Parameter", "ResourceId": "nope", "Tags": [] }),
            "InvalidResourceId",
            "nope",
        ),
    ];
    for (action, input, code, message) in table {
        let mut cloud = with_parameter();
        let fault = cloud.call(&SERVICE, action, input.clone()).expect_err(&format!("{action} {input}"));
        assert_eq!(fault.code, code, "{action} {input}");
        assert!(fault.message.contains(message), "{action} {input}: {}", fault.message);
    }
}

#[test]
fn versions_and_labels_select() {
    let mut cloud = with_parameter();
    let second = json!({ "Name": "/app/db/host", "Value": "two", "Overwrite": true });
    assert_eq!(call(&mut cloud, "PutParameter", second)["Version"], 2);
    let label = json!({ "Name": "/app/db/host", "ParameterVersion": 1, "Labels": ["old", "aws-x"] });
    assert_eq!(call(&mut cloud, "LabelParameterVersion", label)["InvalidLabels"], json!(["aws-x"]));
    let arn = "arn:aws:ssm:eu-central-1:000000000000:parameter/app/db/host";
    for (name, value) in [
        ("/app/db/host", "two"),
        ("/app/db/host:1", "one"),
        ("/app/db/host:old", "one"),
        (arn, "two"),
        ("arn:aws:ssm:eu-central-1:000000000000:parameter/plain", "a,b"),
    ] {
        assert_eq!(call(&mut cloud, "GetParameter", json!({ "Name": name }))["Parameter"]["Value"], value, "{name}");
    }
    assert_eq!(cloud.region.ssm.parameter_value(arn), Some("two"));
    let history = call(&mut cloud, "GetParameterHistory", json!({ "Name": "/app/db/host" }));
    assert_eq!(history["Parameters"].as_array().unwrap().len(), 2);
}

#[test]
fn labels_are_moved_only_where_all_of_them_fit() {
    let mut cloud = with_parameter();
    let second = json!({ "Name": "plain", "Value": "b", "Overwrite": true });
    call(&mut cloud, "PutParameter", second);
    let label = |version: u64, labels: Value| json!({ "Name": "plain", "ParameterVersion": version, "Labels": labels });
    let nine: Vec<String> = (0..9).map(|number| format!("l{number}")).collect();
    call(&mut cloud, "LabelParameterVersion", label(2, json!(nine)));
    let answer = call(&mut cloud, "LabelParameterVersion", label(1, json!(["a", "b", "c d"])));
    assert_eq!(answer["InvalidLabels"], json!(["c d"]));
    let fault = cloud.call(&SERVICE, "LabelParameterVersion", label(2, json!(["a", "b"]))).unwrap_err();
    assert_eq!(fault.code, "ParameterVersionLabelLimitExceeded");
    for name in ["plain:a", "plain:b"] {
        assert_eq!(call(&mut cloud, "GetParameter", json!({ "Name": name }))["Parameter"]["Version"], 1, "{name}");
    }
    call(&mut cloud, "LabelParameterVersion", label(2, json!(["a", "l0"])));
    assert_eq!(call(&mut cloud, "GetParameter", json!({ "Name": "plain:a" }))["Parameter"]["Version"], 2);
}

#[test]
fn names_come_in_order_and_without_the_spaces_around_them() {
    let mut cloud = with_parameter();
    let names = json!({ "Names": ["plain", " /app/db/host ", "no"] });
    let several = call(&mut cloud, "GetParameters", names);
    let found: Vec<&Value> = several["Parameters"].as_array().unwrap().iter().map(|one| &one["Name"]).collect();
    assert_eq!(found, ["/app/db/host", "plain"]);
    call(&mut cloud, "PutParameter", json!({ "Name": " spaced ", "Value": "x", "Type": "String" }));
    assert_eq!(cloud.region.ssm.parameter_value("spaced"), Some("x"));
    let nested = json!({ "Name": "nested", "Value": "a {{ssm:plain}}", "Type": "String" });
    let fault = cloud.call(&SERVICE, "PutParameter", nested).unwrap_err();
    assert!(fault.code == "ValidationException" && fault.message.contains("can't nest"), "{fault}");
}

#[test]
fn the_arn_of_a_parameter_at_the_top_means_it() {
    let mut cloud = with_parameter();
    let made = json!({ "Name": "/top", "Type": "String", "Value": "one" });
    call(&mut cloud, "PutParameter", made);
    let arn = "arn:aws:ssm:eu-central-1:000000000000:parameter/top";
    for name in [arn.to_owned(), format!("{arn}:1"), "/top:1".to_owned()] {
        let found = call(&mut cloud, "GetParameter", json!({ "Name": name }));
        assert_eq!(found["Parameter"]["Name"], "/top", "{name}");
    }
    assert_eq!(cloud.region.ssm.parameter_value(arn), Some("one"));
    let fault = cloud.call(&SERVICE, "GetParameter", json!({ "Name": format!("{arn}:2") })).unwrap_err();
    assert_eq!(fault.code, "ParameterVersionNotFound");
    assert!(cloud.call(&SERVICE, "GetParameter", json!({ "Name": format!("{arn}s") })).is_err());
    assert_eq!(call(&mut cloud, "DeleteParameters", json!({ "Names": [arn] }))["DeletedParameters"], json!([arn]));
    assert_eq!(cloud.region.ssm.parameter_value("/top"), None);
}

#[test]
fn a_secure_string_is_shown_to_those_who_decrypt() {
    let mut cloud = with_parameter();
    let sealed = call(&mut cloud, "GetParameter", json!({ "Name": "/app/db/password" }));
    assert_ne!(sealed["Parameter"]["Value"], "hidden");
    let open = call(&mut cloud, "GetParameter", json!({ "Name": "/app/db/password", "WithDecryption": true }));
    assert_eq!(open["Parameter"]["Value"], "hidden");
    assert!(!format!("{:?}", cloud.region.ssm).contains("hidden"));
}

#[test]
fn paths_and_filters_choose() {
    let mut cloud = with_parameter();
    let names = |answer: Value| -> Vec<String> {
        let list = answer["Parameters"].as_array().unwrap().clone();
        list.iter().map(|parameter| parameter["Name"].as_str().unwrap().to_owned()).collect()
    };
    for (input, expected) in [
        (json!({ "Path": "/app" }), vec![]),
        (json!({ "Path": "/app", "Recursive": true }), vec!["/app/db/host", "/app/db/password"]),
        (json!({ "Path": "/app/db", "MaxResults": 1 }), vec!["/app/db/host"]),
    ] {
        assert_eq!(names(call(&mut cloud, "GetParametersByPath", input.clone())), expected, "{input}");
    }
    for (filter, expected) in [
        (
            json!({ "Key": "Name", "Option": "BeginsWith", "Values": ["/app"] }),
            vec!["/app/db/host", "/app/db/password"],
        ),
        (json!({ "Key": "Type", "Values": ["SecureString"] }), vec!["/app/db/password"]),
        (json!({ "Key": "tag:a" }), vec!["/app/db/host"]),
        (json!({ "Key": "Path", "Option": "OneLevel", "Values": ["/"] }), vec![]),
    ] {
        let input = json!({ "ParameterFilters": [filter] });
        assert_eq!(names(call(&mut cloud, "DescribeParameters", input.clone())), expected, "{input}");
    }
    let gone = call(&mut cloud, "DeleteParameters", json!({ "Names": ["plain", "nope"] }));
    assert_eq!(gone, json!({ "DeletedParameters": ["plain"], "InvalidParameters": ["nope"] }));
}

#[test]
fn a_secret_is_read_by_its_reference_and_only_decrypted() {
    let mut cloud = with_parameter();
    let secret = json!({ "Name": "shop/db", "SecretString": "hidden" });
    let made = cloud.call(&crate::local::secretsmanager::SERVICE, "CreateSecret", secret).unwrap();
    let name = "/aws/reference/secretsmanager/shop/db";
    let get = |cloud: &mut Cloud, name: &str, decrypt: bool| {
        cloud.call(&SERVICE, "GetParameter", json!({ "Name": name, "WithDecryption": decrypt }))
    };
    for name in
        [name.to_owned(), format!("{name}:AWSCURRENT"), format!("{name}:{}", made["VersionId"].as_str().unwrap())]
    {
        let parameter = get(&mut cloud, &name, true).unwrap()["Parameter"].clone();
        assert_eq!((&parameter["Value"], &parameter["Type"]), (&json!("hidden"), &json!("SecureString")), "{name}");
        assert_eq!((&parameter["ARN"], &parameter["Version"]), (&made["ARN"], &json!(0)));
        let source: Value = serde_json::from_str(parameter["SourceResult"].as_str().unwrap()).unwrap();
        assert_eq!((&source["name"], &source["secretString"]), (&json!("shop/db"), &json!("hidden")));
    }
    assert_eq!(get(&mut cloud, name, false).unwrap_err().code, "ValidationException");
    let missing = get(&mut cloud, "/aws/reference/secretsmanager/nope", true).unwrap_err();
    assert_eq!(missing.code, "ParameterNotFound");
    assert!(missing.message.contains("(ResourceNotFoundException)"), "{}", missing.message);
    let names = json!({ "Names": [name, "plain", "plain", "/aws/reference/secretsmanager/nope", "no", "no"], "WithDecryption": true });
    let several = call(&mut cloud, "GetParameters", names);
    assert_eq!(several["Parameters"].as_array().unwrap().len(), 2, "{several}");
    assert_eq!(several["InvalidParameters"], json!(["/aws/reference/secretsmanager/nope", "no"]));
}
