//! How a run ends that is told to: ctrl-C once and twice, SIGTERM, a closed terminal, a full disk, a closed pipe.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    binary::{Cloud, Run},
    wire::Wire,
};

const DEPLOY: &[&str] = &["deploy", "--yes"];

/// A deploy that is in the middle of its NAT gateway, and the cloud that it works in.
fn in_the_middle(cloud: &Cloud, wire: &Wire) -> Child {
    let mut command = cloud.through(&wire.url, DEPLOY);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let begun = Instant::now();
    while !wire.calls().iter().any(|call| call.action == "CreateNatGateway") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the deploy does not get to its NAT gateway");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn slow() -> Cloud {
    let cloud = Cloud::paced("20");
    cloud.write("stack.yaml", "stack: shop\n");
    cloud
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the deploy can be signalled");
}

/// The lock is free: it went, or holds word that AWS may not show yet what was begun moments before.
#[track_caller]
fn gave_the_lock_back(cloud: &Cloud, wire: &Wire) {
    let last = wire.calls().pop().expect("there were calls");
    let word = last.action == "PutParameter" && last.body.contains(r#"\"ended\":true"#);
    assert!(word || last.action == "DeleteParameter", "{last:?}");
    assert!(cloud.infra(&["unlock", "--local"]).succeeds().stdout().contains("is not locked"));
    assert_eq!(cloud.infra(&["status", "--local", "--json"]).succeeds().json()["lock"], serde_json::Value::Null);
}

/// The next run does what is left, and nothing is left of the lock.
#[track_caller]
fn goes_on(cloud: &Cloud) {
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(!cloud.inventory().iter().any(|item| item["kind"] == "parameter"), "{:?}", cloud.inventory());
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_signal_ends_the_run_in_order() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let cloud = slow();
        let wire = Wire::to(&cloud.url);
        let running = in_the_middle(&cloud, &wire);
        send(&running, signal);
        let run = Run::ended(DEPLOY, running.wait_with_output().expect("it ends")).ends_with(130);
        assert!(run.stderr().contains("Stopping: nothing new is started"), "{signal:?}: {}", run.stderr());
        let left =
            run.stdout().lines().any(|line| line.starts_with("Still under way: ") && line.contains("nat-gateway/1"));
        assert!(left, "{signal:?}: {}", run.stdout());
        gave_the_lock_back(&cloud, &wire);
        goes_on(&cloud);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let cloud = slow();
    // An answer that never comes keeps the first signal waiting.
    let wire = Wire::with(&cloud.url, |call, behind| {
        Box::pin(async move {
            if call.action == "CreateNatGateway" {
                let answer = behind.answer(&call).await;
                tokio::time::sleep(Duration::from_secs(30)).await;
                return answer;
            }
            behind.answer(&call).await
        })
    });
    let mut running = in_the_middle(&cloud, &wire);
    send(&running, Signal::INT);
    std::thread::sleep(Duration::from_millis(500));
    assert!(running.try_wait().expect("it can be asked").is_none(), "the call under way was not waited for");
    let begun = Instant::now();
    send(&running, Signal::INT);
    let code = running.wait().expect("it ends").code();
    assert_eq!(code, Some(130));
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
    goes_on(&cloud);
}

#[test]
fn a_closed_terminal_ends_it_in_order_too() {
    let cloud = slow();
    let wire = Wire::to(&cloud.url);
    let mut running = in_the_middle(&cloud, &wire);
    // Whoever read is gone, as a closed terminal is; writing fails from here on.
    drop((running.stdout.take(), running.stderr.take()));
    send(&running, Signal::HUP);
    assert_eq!(running.wait().expect("it ends").code(), Some(130));
    gave_the_lock_back(&cloud, &wire);
    goes_on(&cloud);
}

#[test]
fn a_full_disk_ends_the_output_and_not_the_work() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut command = cloud.command(&["deploy", "--local", "--yes"]);
    let run = Run::ended(DEPLOY, command.stdout(full()).output().expect("it runs")).ends_with(1);
    assert!(run.stderr().contains("A part of the output was lost: No space left on device"), "{}", run.stderr());
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"), "the work was done");
    // Nor does a full disk for standard error, where nobody is left to be told.
    let mut command = cloud.command(&["destroy", "--local", "--yes"]);
    let run = Run::ended(DEPLOY, command.stderr(full()).output().expect("it runs")).succeeds();
    assert!(run.stdout().contains("Nothing is left"), "{}", run.stdout());
    // What is made to be kept is not taken for whole.
    for verb in [&["schema"][..], &["outputs", "--local", "--json"], &["iam-policy", "--local"]] {
        let code = cloud.command(verb).stdout(full()).stderr(Stdio::null()).status().expect("it runs").code();
        assert_eq!(code, Some(1), "{verb:?}");
    }
}

#[test]
fn who_reads_only_the_beginning_is_no_failure() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let head = |arguments: &[&str]| {
        let mut command: Command = cloud.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        lines.read_line(&mut line).expect("a line");
        drop(lines);
        let mut errors = String::new();
        child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("text");
        (line, errors, child.wait().expect("it ends").code())
    };
    for arguments in
        [&["diff", "--local"][..], &["schema"], &["deploy", "--local", "--yes", "--json"], &["local", "logs"]]
    {
        let (line, errors, code) = head(arguments);
        assert!(!line.is_empty());
        assert_eq!(code, Some(0), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}
