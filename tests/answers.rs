//! What a program is told that asked for JSON: the last line says how it ended, whatever happened.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    binary::{Cloud, Run},
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
