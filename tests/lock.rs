//! One deploy at a time: two processes on one stack, one that is paused, one that is killed, one that is unlocked.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    binary::{Cloud, Run},
    wire::{Call, Wire},
};

const DEPLOY: &[&str] = &["deploy", "--yes"];

/// A cloud that takes a tenth of AWS's times: a NAT gateway nine seconds, so that nobody is done at once.
fn cloud() -> Cloud {
    let cloud = Cloud::paced("10");
    cloud.write("stack.yaml", "stack: shop\n");
    cloud
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
}

fn end(child: Child) -> Run {
    Run::ended(DEPLOY, child.wait_with_output().expect("the deploy ends"))
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process can be signalled");
}

/// Waits until a wire has seen what is looked for.
#[track_caller]
fn until(wire: &Wire, what: &str, seen: impl Fn(&Call) -> bool) -> Instant {
    let begun = Instant::now();
    loop {
        if let Some(call) = wire.calls().iter().find(|call| seen(call)) {
            return call.at;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The calls that change the stack: not the lock's own.
fn changes(call: &Call) -> bool {
    !call.reads() && call.service != "ssm"
}

/// What a run changed after a moment.
fn changed_after(wire: &Wire, at: Instant) -> Vec<String> {
    let calls = wire.calls();
    calls.iter().filter(|call| changes(call) && call.at > at).map(|call| call.action.clone()).collect()
}

#[test]
fn a_second_deploy_waits_for_the_first() {
    let cloud = cloud();
    let first = Wire::to(&cloud.url);
    let running = start(cloud.through(&first.url, DEPLOY));
    until(&first, "the first deploy's NAT gateway", |call| call.action == "CreateNatGateway");
    let second = Wire::to(&cloud.url);
    let waiting = [DEPLOY, &["--lock-wait", "120"]].concat();
    let run = Run::of(&waiting, &mut cloud.through(&second.url, &waiting)).succeeds();
    assert!(run.stderr().contains("Waiting for arn:aws"), "{}", run.stderr());
    assert!(run.stdout().contains("No changes"), "the first one had done it all: {}", run.stdout());
    end(running).succeeds();
    assert_eq!(second.calls().iter().filter(|call| changes(call)).count(), 0);
}

#[test]
fn a_paused_holder_is_replaced_and_stops_by_itself_when_it_wakes() {
    let cloud = cloud();
    let first = Wire::to(&cloud.url);
    let paused = start(cloud.through(&first.url, DEPLOY));
    // While the NAT gateway is being made there is nothing to change: a call that is on its way when the process is stopped
    // could not be called back.
    until(&first, "the first deploy's NAT gateway", |call| call.action == "CreateNatGateway");
    std::thread::sleep(Duration::from_secs(2));
    signal(&paused, Signal::STOP);
    std::thread::sleep(Duration::from_secs(1));
    let stopped = Instant::now();

    let second = Wire::to(&cloud.url);
    let waiting = [DEPLOY, &["--lock-wait", "120"]].concat();
    let working = start(cloud.through(&second.url, &waiting));
    let taken = until(&second, "the second deploy's first change", changes);
    assert!(taken.duration_since(stopped) > Duration::from_secs(20), "a lease was not waited for");
    signal(&paused, Signal::CONT);
    let woken = Instant::now();

    let run = end(paused).ends_with(1);
    assert!(run.stderr().contains("The lock was lost"), "{}", run.stderr());
    assert_eq!(changed_after(&first, stopped), [] as [&str; 0], "the first one went on");
    assert!(woken > taken);
    // It neither renews the lock nor takes it away from the one that has it.
    assert!(!first.calls().iter().any(|call| call.at > woken && call.service == "ssm" && !call.reads()));
    let run = end(working).succeeds();
    assert!(run.stderr().contains("has given no sign of life"), "{}", run.stderr());
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_killed_holder_is_not_waited_for() {
    let cloud = cloud();
    let wire = Wire::to(&cloud.url);
    let running = start(cloud.through(&wire.url, DEPLOY));
    until(&wire, "the NAT gateway", |call| call.action == "CreateNatGateway");
    signal(&running, Signal::KILL);
    assert_eq!(end(running).code(), None);
    let run = cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(run.stderr().contains("is no more"), "{}", run.stderr());
    let gateways = cloud.inventory().iter().filter(|item| item["kind"] == "nat-gateway").count();
    assert_eq!(gateways, 1);
}

#[test]
fn unlocking_asks_and_stops_whoever_holds_the_lock() {
    let cloud = cloud();
    let first = Wire::to(&cloud.url);
    let running = start(cloud.through(&first.url, DEPLOY));
    until(&first, "the NAT gateway", |call| call.action == "CreateNatGateway");
    let run = cloud.infra(&["unlock", "--local"]).ends_with(3);
    assert!(run.stdout().contains("Locked by arn:aws") && run.stderr().contains("--yes"), "{}", run.stderr());
    let run = cloud.infra(&["unlock", "--local", "--yes"]).succeeds();
    assert!(run.stdout().contains("The lock is removed"), "{}", run.stdout());
    // From here on somebody else may work.
    let free = Instant::now();
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let run = end(running).ends_with(1);
    assert!(run.stderr().contains("The lock was lost"), "{}", run.stderr());
    assert_eq!(changed_after(&first, free), [] as [&str; 0], "the first one went on");
    assert!(cloud.infra(&["unlock", "--local"]).succeeds().stdout().contains("is not locked"));
}

#[test]
fn what_is_no_lock_can_be_removed() {
    let cloud = cloud();
    let put = serde_json::json!({"Name": "/infra/shop/lock", "Value": "mine", "Type": "String"});
    cloud.ask("ssm", "AmazonSSM.PutParameter", &put);
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    assert!(run.stderr().contains("infra unlock"), "{}", run.stderr());
    cloud.infra(&["unlock", "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["status", "--local"]).succeeds().stdout().contains("Nothing of this stack exists"));
}
