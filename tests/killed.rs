//! The local cloud, killed while it is called: what it has answered is there.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::binary::Cloud;

/// Kills the daemon by what it cannot catch.
fn kill(cloud: &Cloud) {
    let status = cloud.infra(&["local", "status", "--json"]).succeeds().json();
    let pid = status["pid"].as_u64().expect("the status has the pid").to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill runs").success());
}

/// Writes one event, and says whether that was answered.
fn put(host: &str, at: i64, message: &str) -> bool {
    let events = json!([{ "timestamp": at, "message": message }]);
    let body = json!({ "logGroupName": "/a", "logStreamName": "one", "logEvents": events }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\nX-Amz-Target: \
         Logs_20140328.PutLogEvents\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=000000000000/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let exchange = || {
        let mut connection = TcpStream::connect(host)?;
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).map(|_| answer)
    };
    exchange().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[test]
fn events_that_were_taken_in_survive_a_kill() {
    let cloud = Cloud::serving("logs");
    let host = cloud.url.strip_prefix("http://").expect("the URL is plain HTTP").to_owned();
    let port = host.rsplit(':').next().expect("it has a port").to_owned();
    let logs = |action: &str, body: &Value| cloud.ask("logs", &format!("Logs_20140328.{action}"), body);
    logs("CreateLogGroup", &json!({ "logGroupName": "/a" }));
    logs("CreateLogStream", &json!({ "logGroupName": "/a", "logStreamName": "one" }));
    let begin = jiff::Timestamp::now().as_millisecond();
    let mut taken: Vec<String> = Vec::new();
    for round in 0..3 {
        let host = host.clone();
        let writer = thread::spawn(move || {
            let message = |number: i64| format!("{round} {number} {}", "x".repeat(500));
            let at = |number: i64| begin + round * 10_000 + number;
            (0..5000).take_while(|number| put(&host, at(*number), &message(*number))).map(message).collect::<Vec<_>>()
        });
        thread::sleep(Duration::from_millis(300 + 200 * round.unsigned_abs()));
        kill(&cloud);
        let answered = writer.join().expect("the writer ends when nobody answers");
        assert!(!answered.is_empty());
        taken.extend(answered);
        cloud.infra(&["local", "start", "--apis", "logs", "--port", &port]).succeeds();
        // What was written and not answered may be there as well: it is the last.
        let mut next = Value::Null;
        let mut found: Vec<String> = Vec::new();
        loop {
            let page = logs("FilterLogEvents", &json!({ "logGroupName": "/a", "nextToken": next }));
            let events = page["events"].as_array().expect("events").iter();
            found.extend(events.filter_map(|event| event["message"].as_str().map(str::to_owned)));
            next = page["nextToken"].clone();
            if next.is_null() {
                break;
            }
        }
        assert!(found.starts_with(&taken) && found.len() <= taken.len() + 1, "{} of {}", found.len(), taken.len());
        taken = found;
    }
}
