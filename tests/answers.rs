//! What a program is told that asked for JSON: the last line says how it ended, whatever happened.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    binary::{Cloud, Run},
    migrate::shapes::hold,
    wire::Wire,
};

const DEPLOY: &[&str] = &["deploy", "--local", "--yes", "--json"];

/// The last line of a run that did not do what it was asked; people are told on standard error all the same.
#[track_caller]
fn end(run: &Run, result: &str) -> Value {
    let last = run.lines().pop().expect("there is a line");
    assert_eq!((&last["event"], &last["result"]), (&"finished".into(), &result.into()), "{last}");
    assert_eq!((&last["complete"], last["exit_code"].as_i64()), (&false.into(), run.code().map(i64::from)), "{last}");
    assert!(last["message"].as_str().is_some_and(|message| !message.is_empty()), "{last}");
    assert!(!run.stderr().is_empty(), "nothing was said");
    last
}

#[test]
fn bad_input_and_failed_calls() {
    let cloud = Cloud::absent();
    for verb in ["diff", "deploy", "destroy", "status", "outputs"] {
        let none = end(&cloud.infra(&[verb, "--json"]).ends_with(3), "failed");
        assert!(none["help"].as_str().is_some_and(|help| help.contains("stack.example.yaml")), "{none}");
        let wrong = end(&cloud.infra(&[verb, "--json", "--no-such-option"]).ends_with(3), "failed");
        assert!(wrong["message"].as_str().is_some_and(|message| message.contains("--no-such-option")), "{wrong}");
    }
    cloud.write("stack.yaml", "stack: shop\nregion: us-east-1\nbad: 1\n");
    let invalid = end(&cloud.infra(&["diff", "--json"]).ends_with(3), "failed");
    assert_eq!(invalid["diagnostics"][0]["line"], 3, "{invalid}");
    let summary = cloud.infra(&["validate", "--json"]).ends_with(3).lines().pop().expect("a summary");
    assert_eq!((&summary["valid"], &summary["errors"]), (&false.into(), &1.into()), "{summary}");
    cloud.write("stack.yaml", "stack: shop\nregion: us-east-1\n");
    let closed = ["status", "--json", "--endpoint-url", "http://127.0.0.1:1"];
    let run = Run::of(&closed, &mut cloud.through("", &closed)).ends_with(1);
    assert!(end(&run, "failed")["message"].as_str().is_some_and(|message| message.contains("There is no answer from")));
}

#[test]
fn refusals_one_by_one() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n");
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    cloud.write("drizzle/meta/_journal.json", r#"{"version": "7", "dialect": "postgresql", "entries": []}"#);
    cloud.write("drizzle/0000_stray.sql", "CREATE TABLE a (id int);");
    let run = cloud.infra(DEPLOY).ends_with(1);
    assert_eq!(run.lines()[0]["event"], "plan");
    let refused = end(&run, "refused")["refused"].take();
    assert_eq!(refused[0]["address"], "migrations/database", "{refused}");
    assert!(refused[0]["reason"].as_str().is_some_and(|reason| reason.contains("0000_stray")), "{refused}");
    assert!(refused[0]["remedy"].as_str().is_some_and(|remedy| remedy.contains("--ignore-strays")), "{refused}");
    assert_eq!(cloud.infra(&["diff", "--local", "--json"]).succeeds().json()["refused"], refused);
}

#[test]
fn a_held_lock_an_interruption_and_nothing_to_do() {
    let cloud = Cloud::paced("10");
    cloud.write("stack.yaml", "stack: shop\n");
    let wire = Wire::to(&cloud.url);
    let deploy = &["deploy", "--yes", "--json"][..];
    let mut command = cloud.through(&wire.url, deploy);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let begun = std::time::Instant::now();
    while !wire.calls().iter().any(|call| call.action == "CreateNatGateway") {
        assert!(begun.elapsed().as_secs() < 60, "the deploy does not get to its NAT gateway");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let locked = end(&cloud.infra(DEPLOY).ends_with(1), "locked");
    let lock = &locked["lock"];
    assert_eq!((lock["pid"].as_u64(), &lock["verb"]), (Some(running.id().into()), &"deploy".into()), "{locked}");
    assert!(lock["owner"].as_str().is_some_and(|owner| owner.starts_with("arn:aws:")) && lock["since"].is_string());
    assert!(locked["help"].as_str().is_some_and(|help| help.contains("infra unlock")), "{locked}");

    kill_process(Pid::from_child(&running), Signal::INT).expect("the deploy can be signalled");
    let run = Run::ended(deploy, running.wait_with_output().expect("it ends")).ends_with(130);
    let last = run.lines().pop().expect("the last line");
    assert_eq!((&last["event"], &last["result"]), (&"finished".into(), &"interrupted".into()), "{last}");

    cloud.infra(DEPLOY).succeeds();
    let last = cloud.infra(DEPLOY).succeeds().lines().pop().expect("the last line");
    assert_eq!((&last["result"], &last["done"]), (&"complete".into(), &Value::Array(Vec::new())), "{last}");
    assert!(last["outputs"]["vpc_id"].is_string(), "what the stack offers is told again: {last}");
}

#[test]
fn what_a_plan_and_a_run_print_is_documented() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nregion: us-east-1\nnetwork: {nat: one}\n");
    let json = |arguments: &[&str]| cloud.infra(&[arguments, &["--local", "--json"]].concat());
    let mut plans = json(&["diff"]).succeeds().lines();
    let (mut events, mut ends) = (Vec::new(), Vec::new());
    let mut sort = |lines: Vec<Value>| {
        for line in lines {
            match line["event"].as_str().expect("every line says what it is") {
                "plan" => plans.push(line),
                "finished" => ends.push(line),
                _ => events.push(line),
            }
        }
    };
    cloud.infra(&["local", "fault", "refuse", "ec2.CreateNatGateway", "NatGatewayLimitExceeded"]).succeeds();
    sort(json(&["deploy", "--yes"]).ends_with(1).lines());
    cloud.infra(&["local", "fault", "clear"]).succeeds();
    sort(json(&["deploy", "--yes"]).succeeds().lines());
    sort(json(&["deploy", "--yes", "--set", "network.nat=none"]).succeeds().lines());
    sort(json(&["deploy", "--dry-run"]).succeeds().lines());
    sort(json(&["destroy", "--yes"]).succeeds().lines());
    hold("infra diff", &plans);
    hold("infra deploy and infra destroy", &events);
    hold("The end of infra deploy and infra destroy", &ends);
    let with =
        |ends: &[Value], list: &str| ends.iter().any(|end| end[list].as_array().is_some_and(|it| !it.is_empty()));
    assert!(["done", "failed", "skipped"].iter().all(|list| with(&ends, list)), "{ends:?}");

    cloud.write("bad.yaml", "stack: shop\nregion: us-east-1\nbad: 1\n");
    let data = "stack: shop\nregion: us-east-1\ndatabase: {engine_version: \"15.1\"}\n";
    cloud.write("data.yaml", data);
    let secret = "service: {image: public.ecr.aws/a/b:1, secrets: {X: nope}}\n";
    cloud.write("secret.yaml", &format!("stack: shop\nregion: us-east-1\n{secret}"));
    let failures = [
        json(&["deploy", "--yes", "bad.yaml"]).ends_with(3),
        json(&["deploy", "--yes", "data.yaml"]).ends_with(1),
        json(&["deploy", "--yes", "nowhere.yaml"]).ends_with(3),
        json(&["deploy", "--yes", "secret.yaml"]).ends_with(1),
    ];
    let failures: Vec<Value> = failures.iter().filter_map(|run| run.lines().pop()).collect();
    assert_eq!(failures[3]["result"], "refused");
    hold("infra diff, deploy or destroy that did nothing", &failures);
}
