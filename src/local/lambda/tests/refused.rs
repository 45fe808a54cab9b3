//! What is not made, changed or called.

use super::*;

fn layers(names: &[&str]) -> Value {
    names.iter().map(|name| format!("arn:aws:lambda:eu-central-1:000000000000:layer:{name}")).collect()
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut cloud, role) = Cloud::with_role();
    type Spoil = fn(&mut Value);
    let cases: [(Spoil, &str); 21] = [
        (|input| input["Code"]["ZipFile"] = json!(STANDARD.encode("no zip")), "Could not unzip uploaded file"),
        (|input| input["Code"] = json!({}), "Please provide a source for function code"),
        (|input| input["Code"] = json!({"S3Bucket": "b", "S3Key": "k"}), "The specified bucket does not exist"),
        (|input| input["Code"]["S3Key"] = json!("k"), "do not provide other FunctionCode parameters"),
        (|input| input["Code"]["SourceKMSKeyArn"] = json!("arn:aws:kms:x"), "the KMS key is invalid"),
        (|input| input["KMSKeyArn"] = json!("arn:aws:kms:x"), "the KMS key is invalid"),
        (|input| input["Publish"] = json!(true), "publishes no versions"),
        (|input| input["PublishTo"] = json!("LATEST_PUBLISHED"), "publishes no versions"),
        (
            |input| input["TenancyConfig"] = json!({"TenantIsolationMode": "PER_TENANT"}),
            "TenancyConfig is not supported",
        ),
        (|input| input["SnapStart"] = json!({"ApplyOn": "PublishedVersions"}), "is not supported for SnapStart"),
        (|input| input["VpcConfig"] = json!({"Ipv6AllowedForDualStack": true}), "Ipv6AllowedForDualStack needs"),
        (|input| input["MemorySize"] = json!(10_241), "less than or equal to 10240"),
        (|input| input["Layers"] = json!(["arn:aws:lambda:eu-central-1:1:layer:x"]), "at 'layers' failed"),
        (|input| input["Environment"] = json!({"Variables": {"AWS_REGION": "x"}}), "reserved keys"),
        (|input| input["Environment"] = json!({"Variables": {"X": "x".repeat(4096)}}), "exceeded the 4KB limit"),
        (|input| input["Layers"] = layers(&["a:1", "b:1", "c:1", "d:1", "e:1", "f:1"]), "more than 5 layers"),
        (|input| input["Layers"] = layers(&["a:1", "a:2"]), "are versions of the same layer"),
        (|input| input["Runtime"] = json!("go1.x"), "go1.x is no longer supported for creating or updating"),
        (|input| input["Runtime"] = json!("nodejs22.x"), "has none of AWS's managed runtimes"),
        (|input| input["Runtime"] = json!(""), "Runtime is mandatory"),
        (
            |input| input["VpcConfig"] = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
            "The subnet ID 'subnet-1' does not exist",
        ),
    ];
    for (change, expected) in cases {
        let mut input = one(&role);
        change(&mut input);
        let fault = cloud.lambda("CreateFunction", input).unwrap_err();
        assert_eq!(fault.code, "InvalidParameterValueException");
        assert!(fault.message.contains(expected), "{fault}");
    }
    let mut signed = one(&role);
    signed["CodeSigningConfigArn"] = json!("arn:aws:lambda:eu-central-1:1:code-signing-config:csc-1");
    assert_eq!(cloud.lambda("CreateFunction", signed).unwrap_err().code, "CodeSigningConfigNotFoundException");
    assert_eq!(cloud.region.inventory().len(), 0);
}

#[test]
fn a_change_is_tried_or_refused_where_it_is_not_to_be_made() {
    let mut cloud = Cloud::with_function().0;
    let looked = |cloud: &mut Cloud| cloud.lambda("GetFunctionConfiguration", json!({"FunctionName": "one"})).unwrap();
    let before = looked(&mut cloud);
    let other = zip("#!/bin/sh\nexit 1\n");
    for (action, mut input) in [
        ("UpdateFunctionCode", json!({"FunctionName": "one", "ZipFile": &other})),
        ("UpdateFunctionConfiguration", json!({"FunctionName": "one", "Timeout": 9})),
    ] {
        input["RevisionId"] = json!("another");
        let refused = cloud.lambda(action, input).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.status), ("PreconditionFailedException", 412));
    }
    let publish = json!({"FunctionName": "one", "ZipFile": &other, "Publish": true});
    assert!(cloud.lambda("UpdateFunctionCode", publish).unwrap_err().message.contains("publishes no versions"));
    let trial = json!({"FunctionName": "one", "ZipFile": &other, "DryRun": true});
    let tried = cloud.lambda("UpdateFunctionCode", trial).unwrap();
    assert_ne!(tried["CodeSha256"], before["CodeSha256"]);
    assert_eq!(looked(&mut cloud), before);
    assert!(cloud.code("one").is_file());
    let broken = json!({"FunctionName": "one", "ZipFile": STANDARD.encode("no zip"), "DryRun": true});
    assert_eq!(cloud.lambda("UpdateFunctionCode", broken).unwrap_err().code, "InvalidParameterValueException");
    let key = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let input = json!({"FunctionName": "one", "ZipFile": &other, "RevisionId": before["RevisionId"], "SourceKMSKeyArn": key,
        "Architectures": ["arm64"]});
    let changed = cloud.lambda("UpdateFunctionCode", input).unwrap();
    assert_eq!((&changed["CodeSha256"], &changed["Architectures"]), (&tried["CodeSha256"], &json!(["arm64"])));
    let found = cloud.lambda("GetFunction", json!({"FunctionName": "one"})).unwrap();
    assert_eq!(found["Code"]["SourceKMSKeyArn"], key);
}

#[test]
fn what_a_client_tells_of_itself_is_an_object() {
    let mut cloud = Cloud::with_function().0;
    let mut order = |context: &str, kind: &str| {
        let call = json!({"FunctionName": "one", "ClientContext": context, "InvocationType": kind});
        let order: invoke::Order = serde_json::from_value(cloud.lambda("Invoke", call)?).unwrap();
        Ok::<_, Fault>(order.context.0)
    };
    let context = STANDARD.encode("{\"custom\": \n{}}");
    assert_eq!(order(&context, "RequestResponse").unwrap().unwrap(), "{\"custom\":{}}");
    assert_eq!(order(&context, "Event").unwrap(), None, "as in AWS");
    for wrong in ["no base64!", &STANDARD.encode("[]")] {
        assert_eq!(order(wrong, "RequestResponse").unwrap_err().code, "InvalidRequestContentException");
    }
    for name in ["TenantId", "DurableExecutionName"] {
        let refused = cloud.lambda("Invoke", json!({"FunctionName": "one", name: "x"})).unwrap_err();
        assert!(refused.message.starts_with(name), "{refused}");
    }
}
