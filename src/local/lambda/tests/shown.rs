//! How functions are shown, and by which names they are found.

use super::*;

fn described(cloud: &mut Cloud) -> Value {
    cloud.lambda("GetFunctionConfiguration", json!({"FunctionName": "one"})).unwrap()
}

#[test]
fn each_change_and_its_end_have_revisions_of_their_own() {
    let (mut cloud, role) = Cloud::with_role();
    let made = cloud.lambda("CreateFunction", one(&role)).unwrap();
    assert_eq!((&made["StateReasonCode"], made.get("LastUpdateStatus")), (&json!("Creating"), None));
    let mut revisions = vec![made["RevisionId"].clone()];
    cloud.wait(5);
    let shown = described(&mut cloud);
    assert_eq!(shown, described(&mut cloud), "looking changes nothing");
    revisions.push(shown["RevisionId"].clone());
    let changed = cloud.lambda("UpdateFunctionConfiguration", json!({"FunctionName": "one", "Timeout": 9})).unwrap();
    assert_eq!(
        (&changed["LastUpdateStatus"], &changed["LastUpdateStatusReasonCode"]),
        (&json!("InProgress"), &json!("Creating"))
    );
    revisions.push(changed["RevisionId"].clone());
    cloud.wait(5);
    let shown = described(&mut cloud);
    assert_eq!((&shown["LastUpdateStatus"], shown.get("LastUpdateStatusReason")), (&json!("Successful"), None));
    revisions.push(shown["RevisionId"].clone());
    cloud.lambda("TagResource", json!({"Resource": shown["FunctionArn"], "Tags": {"c": "d"}})).unwrap();
    revisions.push(described(&mut cloud)["RevisionId"].clone());
    let different: std::collections::BTreeSet<_> = revisions.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), 5, "{revisions:?}");
}

#[test]
fn what_a_function_has_none_of_is_not_shown() {
    let (mut cloud, role) = Cloud::with_role();
    let mut input = one(&role);
    input["Tags"] = json!({});
    let made = cloud.lambda("CreateFunction", input).unwrap();
    assert_eq!(made.get("VpcConfig"), None);
    assert_eq!(cloud.lambda("GetFunction", json!({"FunctionName": "one"})).unwrap()["Tags"], Value::Null);
    cloud.wait(5);
    let network = json!({"FunctionName": "one", "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
    let changed = cloud.lambda("UpdateFunctionConfiguration", network).unwrap();
    assert_eq!(
        changed["VpcConfig"],
        json!({"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": false})
    );
}

#[test]
fn who_names_a_version_is_told_of_it() {
    let mut cloud = Cloud::with_function().0;
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function";
    let newest = json!({"FunctionName": "one", "Qualifier": NEWEST});
    let shown = cloud.lambda("GetFunctionConfiguration", newest.clone()).unwrap();
    assert_eq!(shown["FunctionArn"], format!("{arn}:one:$LATEST"));
    assert_eq!(cloud.lambda("Invoke", newest).unwrap()["arn"], format!("{arn}:one:$LATEST"));
    assert_eq!(cloud.lambda("Invoke", json!({"FunctionName": "one"})).unwrap()["arn"], format!("{arn}:one"));
    for (action, name, expected) in [
        ("GetFunction", "two", format!("{arn}:two")),
        ("GetFunction", "two:$LATEST", format!("{arn}:two:$LATEST")),
        ("GetFunction", "one:7", format!("{arn}:one:7")),
        ("Invoke", "two", format!("{arn}:two:$LATEST")),
        ("Invoke", "one:live", format!("{arn}:one:live")),
    ] {
        let fault = cloud.lambda(action, json!({ "FunctionName": name })).unwrap_err();
        let message = format!("Function not found: {expected}");
        assert_eq!((fault.code, fault.message), ("ResourceNotFoundException".to_owned(), message));
    }
}

#[test]
fn nothing_is_made_or_found_elsewhere() {
    let (mut cloud, role) = Cloud::with_role();
    for (arn, code) in [
        ("arn:aws:lambda:us-east-1:000000000000:function:one", "ResourceNotFoundException"),
        ("arn:aws:lambda:eu-central-1:000000000001:function:one", "AccessDeniedException"),
    ] {
        let mut input = one(&role);
        input["FunctionName"] = json!(arn);
        assert_eq!(cloud.lambda("CreateFunction", input).unwrap_err().code, code);
        assert_eq!(cloud.lambda("GetFunction", json!({ "FunctionName": arn })).unwrap_err().code, code);
    }
}

#[test]
fn tags_have_a_limit() {
    let (mut cloud, role) = Cloud::with_role();
    let many = |from: usize, to: usize| {
        let tags: serde_json::Map<_, _> = (from..to).map(|number| (number.to_string(), json!("x"))).collect();
        Value::from(tags)
    };
    let mut input = one(&role);
    input["Tags"] = many(0, 51);
    let limit = "Number of tags exceeds resource tag limit.";
    assert_eq!(cloud.lambda("CreateFunction", input.clone()).unwrap_err().message, limit);
    input["Tags"] = many(0, 50);
    let arn = cloud.lambda("CreateFunction", input).unwrap()["FunctionArn"].clone();
    let mut tag = |tags: Value| cloud.lambda("TagResource", json!({"Resource": arn, "Tags": tags}));
    assert_eq!(tag(many(50, 51)).unwrap_err().message, limit);
    tag(many(0, 50)).unwrap();
    assert_eq!(tag(json!({})).unwrap_err().code, "InvalidParameterValueException");
}
