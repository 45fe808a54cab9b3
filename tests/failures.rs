//! Credentials that expire, clocks that are wrong, networks that are none: each is told clearly and within seconds.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    binary::{Cloud, Run},
    wire::{Answer, Wire, refusing},
};

const DIFF: &[&str] = &["diff", "stack.yaml"];

/// Within this every such failure is told.
const SOON: Duration = Duration::from_secs(10);

/// A folder with a description, and no cloud.
fn nowhere() -> Cloud {
    let cloud = Cloud::absent();
    cloud.write("stack.yaml", "stack: shop\nregion: eu-central-1\n");
    cloud
}

/// Runs to a failure that is told soon.
#[track_caller]
fn fails_soon(command: &mut Command) -> String {
    let begun = Instant::now();
    let run = Run::of(DIFF, command).ends_with(1);
    assert!(begun.elapsed() < SOON, "it took {:?}: {}", begun.elapsed(), run.stderr());
    run.stderr()
}

/// A port at which somebody listens and never says a word.
fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    (listener, url)
}

#[test]
fn credentials_that_expire_in_the_middle_end_the_run_and_the_next_one_goes_on() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\nproxy: {}\n");
    for after in [0, 7, 19] {
        let expired = |call: &_| {
            Answer::refusal(call, 403, "ExpiredToken", "The security token included in the request is expired")
        };
        let changes = move |call: &crate::wire::Call| !call.reads() && call.service != "ssm";
        let met = std::sync::atomic::AtomicBool::new(false);
        // From the moment they expire on nothing works any more, the lock's own calls included.
        let count = std::sync::atomic::AtomicUsize::new(0);
        let from_then_on = move |call: &crate::wire::Call| {
            use std::sync::atomic::Ordering::SeqCst;
            if changes(call) && count.fetch_add(1, SeqCst) >= after {
                met.store(true, SeqCst);
            }
            met.load(SeqCst)
        };
        let wire = Wire::with(&cloud.url, refusing(from_then_on, 0, expired));
        let arguments = ["deploy", "--yes"];
        let run = Run::of(&arguments, &mut cloud.through(&wire.url, &arguments)).ends_with(1);
        assert!(run.stderr().contains("The credentials have expired. Sign in again"), "{}", run.stderr());
        assert!(run.stdout().contains("the same command continues from here"), "{}", run.stdout());
    }
    let run = cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(run.stderr().contains("is no more"), "the lock stayed: {}", run.stderr());
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    let vpcs = cloud.inventory().iter().filter(|item| item["kind"] == "vpc").count();
    assert_eq!(vpcs, 1, "nothing was made twice");
}

#[test]
fn a_wrong_clock_is_named_and_not_the_key() {
    let cloud = nowhere();
    let cases = [
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z"),
        ("RequestExpired", "Request has expired."),
        ("InvalidSignatureException", "Signature not yet current"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ];
    for (code, message) in cases {
        let wire = Wire::with("http://127.0.0.1:9", move |call, _| {
            let mut answer = Answer::refusal(&call, 403, code, message);
            answer.date = Some("Tue, 01 Jan 2036 01:00:00 GMT".to_owned());
            Box::pin(async move { answer })
        });
        let told = fails_soon(&mut cloud.through(&wire.url, DIFF));
        assert!(told.contains("minutes behind AWS's") && told.contains("timedatectl"), "{code}: {told}");
    }
    let wire = Wire::with("http://127.0.0.1:9", |call, _| {
        Box::pin(async move { Answer::refusal(&call, 403, "SignatureDoesNotMatch", "The signature does not match.") })
    });
    let told = fails_soon(&mut cloud.through(&wire.url, DIFF));
    assert!(told.contains("The secret key does not fit the access key"), "{told}");
}

#[test]
fn a_network_that_is_none_is_told_soon() {
    let cloud = nowhere();
    let told = fails_soon(&mut cloud.through("http://no.such.host.invalid", DIFF));
    assert!(told.contains("There is no answer from no.such.host.invalid: "), "{told}");
    let (_listener, url) = silence();
    let told = fails_soon(&mut cloud.through(&url, DIFF));
    assert!(told.contains("has not answered") && told.contains("Check the network"), "{told}");
    // A page of somebody who is not AWS: a captive portal, a wrong endpoint.
    let wire = Wire::with("http://127.0.0.1:9", |_, _| {
        let body = "<html>Please sign in</html>".to_owned();
        Box::pin(async move {
            Answer { status: 404, content_type: "text/html".into(), date: None, headers: Vec::new(), body }
        })
    });
    let told = fails_soon(&mut cloud.through(&wire.url, DIFF));
    assert!(told.contains("does not speak as AWS does"), "{told}");
}

#[test]
fn a_machine_without_credentials_in_a_network_without_answers_is_told_soon() {
    let cloud = nowhere();
    let (_listener, url) = silence();
    let mut command = cloud.command(DIFF);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"] {
        command.env_remove(name);
    }
    command.env("HOME", cloud.folder()).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
    let told = fails_soon(&mut command);
    assert!(told.contains("credentials") || told.contains("has not answered"), "{told}");
    // Without a region as well, which is looked for in the same place.
    cloud.write("stack.yaml", "stack: shop\n");
    let mut command = cloud.command(DIFF);
    command.env("HOME", cloud.folder()).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
    let told = fails_soon(&mut command);
    assert!(told.contains("No AWS region is configured"), "{told}");
}

#[test]
fn calls_go_through_the_proxy_that_the_environment_names() {
    let cloud = nowhere();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let proxy = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut head = [0; 1024];
        let length = client.read(&mut head).unwrap_or_default();
        let _ = sender.send(String::from_utf8_lossy(&head[..length]).into_owned());
        let _ = client.write_all(b"HTTP/1.1 503 Closed\r\nContent-Length: 0\r\n\r\n");
    });
    let mut command = cloud.through("unused", DIFF);
    command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy).env_remove("NO_PROXY").env_remove("no_proxy");
    let told = fails_soon(&mut command);
    assert!(told.contains("HTTPS_PROXY"), "{told}");
    let head = asked.recv_timeout(SOON).expect("the proxy was asked");
    assert!(head.starts_with("CONNECT sts.eu-central-1.amazonaws.com:443 "), "{head}");

    // One that is not there is named, without what it is to know us by.
    let cloud = nowhere();
    let mut command = cloud.through("unused", DIFF);
    command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", "http://me:pass-of-mine@127.0.0.1:1");
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let told = fails_soon(&mut command);
    let way = "sts.eu-central-1.amazonaws.com was not reached through the proxy http://127.0.0.1:1: ";
    assert!(told.contains(way) && !told.contains("pass-of-mine"), "{told}");

    // The local cloud is this machine: no proxy leads to it.
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let mut command = cloud.command(&["diff", "--local"]);
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("ALL_PROXY", "http://127.0.0.1:9");
    Run::of(DIFF, &mut command).succeeds();
}

#[test]
fn a_call_that_is_not_answered_is_named_while_it_is_waited_for() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let delay = |call: &str| cloud.infra(&["local", "fault", "delay", call, "6", "--nth", "1"]).succeeds();
    delay("ec2.DescribeVpcs");
    let told = cloud.infra(&["diff", "--local"]).succeeds().stderr();
    assert!(told.contains("AWS has not answered DescribeVpcs since "), "{told}");
    assert!(told.contains("AWS has answered DescribeVpcs."), "{told}");
    // While it works it stands with the resource, in every form.
    delay("ec2.CreateVpc");
    let run = cloud.infra(&["deploy", "--local", "--yes", "--json"]).succeeds();
    let waits = |line: &serde_json::Value| {
        let reason = line["reason"].as_str().unwrap_or_default();
        line["address"] == "vpc/main" && reason.starts_with("AWS has not answered CreateVpc since ")
    };
    assert!(run.lines().iter().any(waits), "{}", run.stdout());
}

#[test]
fn a_lock_that_is_not_answered_is_told_before_it_is_asked_for_again() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nnetwork: {nat: none}\n");
    // Longer than it is waited for; once, so that only the first word could be this one.
    cloud.infra(&["local", "fault", "delay", "ssm.PutParameter", "5", "--nth", "1"]).succeeds();
    let told = cloud.infra(&["deploy", "--local", "--yes"]).succeeds().told();
    assert!(told.contains("is asked again: SSM has not answered PutParameter within 4 s."), "{told}");
}

#[test]
fn too_few_open_files_are_told_and_no_panic() {
    let cloud = nowhere();
    for limit in ["6", "7", "20"] {
        let limited = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_infra"), "diff"]).current_dir(cloud.folder());
        let told = Run::of(DIFF, &mut command).ends_with(1).stderr();
        assert!(told.contains(&format!("may have {limit} files open")) && told.contains("ulimit -n 1024"), "{told}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_again_and_told_as_that() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let garbling = |action: &'static str, times: usize| {
        Wire::with(&cloud.url, move |call, behind| {
            Box::pin(async move {
                let mut answer = behind.answer(&call).await;
                if call.action == action && call.earlier < times {
                    answer.body.truncate(answer.body.len() / 2);
                }
                answer
            })
        })
    };
    let wire = garbling("ListSecrets", 2);
    let told = Run::of(DIFF, &mut cloud.through(&wire.url, DIFF)).succeeds().stdout();
    assert!(told.contains("No changes"), "{told}");
    let asked = wire.calls().iter().filter(|call| call.action == "ListSecrets").count();
    assert_eq!(asked, 3, "until it can be read");
}
