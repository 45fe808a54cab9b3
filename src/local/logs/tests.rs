//! Tables of refusals and states.

use serde_json::{Value, json};

use super::{Destination, SERVICE};
use crate::local::members::testing::Cloud;

fn with_stream() -> Cloud {
    let mut cloud = Cloud::new();
    call(&mut cloud, "CreateLogGroup", json!({ "logGroupName": "/app", "tags": { "a": "b" } }));
    call(&mut cloud, "CreateLogStream", json!({ "logGroupName": "/app", "logStreamName": "one" }));
    let events: Vec<Value> =
        (0..5).map(|index| json!({ "timestamp": cloud.now + index, "message": format!("line {index}") })).collect();
    call(&mut cloud, "PutLogEvents", json!({ "logGroupName": "/app", "logStreamName": "one", "logEvents": events }));
    cloud
}

fn call(cloud: &mut Cloud, action: &str, input: Value) -> Value {
    cloud.call(&SERVICE, action, input).unwrap_or_else(|fault| panic!("{action}: {fault}"))
}

fn messages(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().unwrap();
    events.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn refusals() {
    let table = [
        ("CreateLogGroup", json!({ "logGroupName": "/app" }), "ResourceAlreadyExistsException"),
        (
            "CreateLogStream",
            json!({ "logGroupName": "/app", "logStreamName": "one" }),
            "ResourceAlreadyExistsException",
        ),
        ("CreateLogStream", json!({ "logGroupName": "/nope", "logStreamName": "x" }), "ResourceNotFoundException"),
        ("GetLogEvents", json!({ "logGroupName": "/app", "logStreamName": "x" }), "ResourceNotFoundException"),
        (
            "GetLogEvents",
            json!({ "logGroupName": "/app", "logStreamName": "one", "nextToken": "x" }),
            "InvalidParameterException",
        ),
        ("PutRetentionPolicy", json!({ "logGroupName": "/app", "retentionInDays": 2 }), "InvalidParameterException"),
        (
            "PutLogEvents",
            json!({ "logGroupName": "/app", "logStreamName": "one",
                "logEvents": [{ "timestamp": 2, "message": "a" }, { "timestamp": 1, "message": "b" }] }),
            "InvalidParameterException",
        ),
        (
            "FilterLogEvents",
            json!({ "logGroupName": "/app", "filterPattern": "{ $.a = 1 }" }),
            "InvalidParameterException",
        ),
        (
            "FilterLogEvents",
            json!({ "logGroupName": "/app", "logStreamNames": ["one", "x"] }),
            "ResourceNotFoundException",
        ),
        ("DeleteLogStream", json!({ "logGroupName": "/app", "logStreamName": "x" }), "ResourceNotFoundException"),
        (
            "DescribeLogStreams",
            json!({ "logGroupName": "/app", "orderBy": "LastEventTime", "logStreamNamePrefix": "x" }),
            "InvalidParameterException",
        ),
    ];
    for (action, input, code) in table {
        let fault = with_stream().call(&SERVICE, action, input.clone()).expect_err(&format!("{action} {input}"));
        assert_eq!(fault.code, code, "{action} {input}");
    }
}

#[test]
fn a_stream_is_read_in_both_directions() {
    let mut cloud = with_stream();
    let read = |cloud: &mut Cloud, more: Value| {
        let mut input = json!({ "logGroupName": "/app", "logStreamName": "one", "limit": 2 });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(cloud, "GetLogEvents", input)
    };
    let newest = read(&mut cloud, json!({}));
    assert_eq!(messages(&newest), ["line 3", "line 4"]);
    let before = read(&mut cloud, json!({ "nextToken": newest["nextBackwardToken"] }));
    assert_eq!(messages(&before), ["line 1", "line 2"]);
    let end = read(&mut cloud, json!({ "nextToken": newest["nextForwardToken"] }));
    assert_eq!((messages(&end).len(), &end["nextForwardToken"]), (0, &newest["nextForwardToken"]));
    assert_eq!(messages(&read(&mut cloud, json!({ "startFromHead": true }))), ["line 0", "line 1"]);
}

#[test]
fn a_page_has_a_megabyte_of_events_at_most() {
    let mut cloud = with_stream();
    let large = "x".repeat(400 << 10);
    for number in 0..4 {
        let events = json!([{ "timestamp": cloud.now + 10 + number, "message": format!("{number} {large}") }]);
        let input = json!({ "logGroupName": "/app", "logStreamName": "one", "logEvents": events });
        call(&mut cloud, "PutLogEvents", input);
    }
    let beginnings = |answer: &Value| -> Vec<String> {
        messages(answer).iter().map(|message| message.chars().take(6).collect()).collect()
    };
    let read = |cloud: &mut Cloud, more: Value| {
        let mut input = json!({ "logGroupName": "/app", "logStreamName": "one" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(cloud, "GetLogEvents", input)
    };
    let newest = read(&mut cloud, json!({}));
    assert_eq!(beginnings(&newest), ["2 xxxx", "3 xxxx"]);
    let before = read(&mut cloud, json!({ "nextToken": newest["nextBackwardToken"] }));
    assert_eq!(beginnings(&before), ["line 0", "line 1", "line 2", "line 3", "line 4", "0 xxxx", "1 xxxx"]);
    let first = read(&mut cloud, json!({ "startFromHead": true }));
    assert_eq!(beginnings(&first), beginnings(&before));
    let mut found = Vec::new();
    let mut token = Value::Null;
    let mut pages = 0;
    loop {
        let page = call(&mut cloud, "FilterLogEvents", json!({ "logGroupName": "/app", "nextToken": token }));
        found.extend(beginnings(&page));
        pages += 1;
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((found.len(), pages), (9, 2));
}

#[test]
fn groups_are_listed_by_their_tags_and_by_nothing_that_they_do_not_have() {
    let mut cloud = with_stream();
    call(&mut cloud, "CreateLogGroup", json!({ "logGroupName": "/other" }));
    let listed = |cloud: &mut Cloud, filter: Value| {
        let answer = call(cloud, "ListLogGroups", filter);
        let names = answer["logGroups"].as_array().unwrap().iter().map(|group| group["logGroupName"].clone());
        names.collect::<Vec<_>>()
    };
    for (filter, expected) in [
        (json!({}), vec!["/app", "/other"]),
        (json!({ "logGroupTags": [{ "key": "a" }] }), vec!["/app"]),
        (json!({ "logGroupTags": [{ "key": "a", "values": ["x", "b"] }] }), vec!["/app"]),
        (json!({ "logGroupTags": [{ "key": "a", "values": ["x"] }] }), vec![]),
        (json!({ "fieldIndexNames": ["x"] }), vec![]),
        (json!({ "dataSources": [{ "name": "x" }] }), vec![]),
    ] {
        assert_eq!(listed(&mut cloud, filter.clone()), expected, "{filter}");
    }
    let both = json!({ "logGroupIdentifiers": ["/app"], "logGroupNamePrefix": "/" });
    assert_eq!(cloud.call(&SERVICE, "DescribeLogGroups", both).unwrap_err().code, "InvalidParameterException");
}

#[test]
fn a_search_for_groups_heeds_the_case_and_tells_less() {
    let mut cloud = with_stream();
    let found = |cloud: &mut Cloud, pattern: &str| {
        call(cloud, "DescribeLogGroups", json!({ "logGroupNamePattern": pattern }))["logGroups"].clone()
    };
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:/app:*";
    let expected = json!([{ "logGroupName": "/app", "creationTime": cloud.now, "arn": arn }]);
    assert_eq!(found(&mut cloud, "pp"), expected);
    assert_eq!(found(&mut cloud, "PP"), json!([]));
}

#[test]
fn patterns_search_for_words() {
    let mut cloud = with_stream();
    for (pattern, found) in [("", 5), ("line", 5), ("line 3", 1), ("\"line 3\"", 1), ("?1 ?2", 2), ("line -3", 4)] {
        let input = json!({ "logGroupName": "/app", "filterPattern": pattern });
        assert_eq!(messages(&call(&mut cloud, "FilterLogEvents", input)).len(), found, "{pattern}");
    }
}

#[test]
fn what_is_too_old_or_too_new_is_rejected_and_retention_passes() {
    let mut cloud = with_stream();
    const DAY: u64 = 24 * 60 * 60;
    cloud.wait(20 * DAY);
    let now = cloud.now;
    let events = [0, now, now + 3 * 60 * 60 * 1000].map(|at| json!({ "timestamp": at, "message": "x" }));
    let input = json!({ "logGroupName": "/app", "logStreamName": "one", "logEvents": events });
    let rejected = call(&mut cloud, "PutLogEvents", input)["rejectedLogEventsInfo"].clone();
    assert_eq!((&rejected["tooOldLogEventEndIndex"], &rejected["tooNewLogEventStartIndex"]), (&json!(1), &json!(2)));
    call(&mut cloud, "PutRetentionPolicy", json!({ "logGroupName": "/app", "retentionInDays": 7 }));
    let left = call(&mut cloud, "FilterLogEvents", json!({ "logGroupName": "/app" }));
    assert_eq!(messages(&left), ["x"]);
}

#[test]
fn services_write_into_groups_of_their_own() {
    let mut cloud = Cloud::new();
    let to =
        Destination { account: Cloud::ACCOUNT, region: Cloud::REGION, group: "/aws/apprunner/x", stream: "events" };
    let now = cloud.now;
    cloud.region.logs.write(to, now, "hello");
    assert_eq!(cloud.region.logs.last_messages("/aws/apprunner/x", "events", 5), ["hello"]);
    assert!(cloud.region.logs.inventory().is_empty());
    let groups = call(&mut cloud, "DescribeLogGroups", json!({ "logGroupNamePrefix": "/aws" }));
    assert_eq!(
        groups["logGroups"][0]["logGroupArn"],
        "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/apprunner/x"
    );
}
