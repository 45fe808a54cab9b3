//! Removing a lock: of one that lives, of one that is dead, and of one that is not there any more when it comes to it.

use std::{
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{DEPLOY, changed_after, changes, cloud, end, signal, start, under_way, until};
use crate::{
    binary::{Cloud, Run},
    wire::{Answer, Call, Wire, refusing},
};

/// A deploy that was killed in its middle, so that its lock is left.
fn killed(cloud: &Cloud) {
    let (_wire, running) = under_way(cloud);
    signal(&running, Signal::KILL);
    end(running);
}

/// The calls that change a lock.
fn writes(wire: &Wire) -> Vec<Call> {
    wire.calls().into_iter().filter(|call| call.service == "ssm" && !call.reads()).collect()
}

/// A wire whose calls on the lock wait for `go`, but for the first looks at it.
fn waiting_after(looks: usize, cloud: &Cloud, go: &Arc<AtomicBool>) -> Wire {
    let go = Arc::clone(go);
    Wire::with(&cloud.url, move |call, behind| {
        let go = Arc::clone(&go);
        Box::pin(async move {
            let looks = if call.reads() { looks } else { 0 };
            while call.service == "ssm" && call.earlier >= looks && !go.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            behind.answer(&call).await
        })
    })
}

/// An unlock of a killed deploy's lock; another deploy takes that over when the unlock has looked so often. How the unlock
/// ended, and the other deploy, which goes on; the wires of both.
fn overtaken(cloud: &Cloud, looks: usize) -> (Run, Child, [Wire; 2]) {
    killed(cloud);
    let go = Arc::new(AtomicBool::new(false));
    let wire = waiting_after(looks, cloud, &go);
    let unlocking = start(cloud.through(&wire.url, &["unlock", "--yes"]));
    until(&wire, "the unlock's first look", |call| call.action == "GetParameter");
    let second = Wire::to(&cloud.url);
    let working = start(cloud.through(&second.url, DEPLOY));
    until(&second, "the second deploy's first change", changes);
    go.store(true, Ordering::SeqCst);
    (end(unlocking), working, [wire, second])
}

#[test]
fn a_lock_that_somebody_took_over_meanwhile_is_kept() {
    let cloud = cloud();
    // It has looked for asking, and again for removing what it asked about.
    let (run, working, [wire, _second]) = overtaken(&cloud, 2);
    let run = run.succeeds();
    let living = format!("process {} on", working.id());
    assert!(run.stdout().contains("By now there is another one") && run.stdout().contains(&living), "{}", run.stdout());
    assert_eq!(writes(&wire).len(), 0, "it was written or removed: {:?}", writes(&wire));
    end(working).succeeds();
}

#[test]
fn nobody_is_stopped_but_whom_the_question_named() {
    let cloud = cloud();
    let (run, working, [wire, _second]) = overtaken(&cloud, 1);
    let run = run.ends_with(1);
    let living = format!("(process {}", working.id());
    assert!(run.stderr().contains("By now there is another lock, so nothing was changed"), "{}", run.stderr());
    assert!(run.stderr().contains(&living), "{}", run.stderr());
    assert_eq!(writes(&wire).len(), 0, "it was written or removed: {:?}", writes(&wire));
    end(working).succeeds();
}

#[test]
fn a_busy_ssm_does_not_end_a_removal_in_its_middle() {
    let cloud = cloud();
    killed(&cloud);
    // One that took over leaves word of its election, which goes with the lock.
    let second = Wire::to(&cloud.url);
    let working = start(cloud.through(&second.url, DEPLOY));
    until(&second, "the second deploy's first change", changes);
    signal(&working, Signal::KILL);
    end(working);
    let wire = Wire::with(&cloud.url, |call, behind| {
        Box::pin(async move {
            match (call.action.as_str(), call.earlier % 2) {
                ("DeleteParameter", 0) => Answer::refusal(&call, 400, "ThrottlingException", "Rate exceeded"),
                _ => behind.answer(&call).await,
            }
        })
    });
    let run = Run::of(&["unlock"], &mut cloud.through(&wire.url, &["unlock", "--yes"])).succeeds();
    assert!(run.stdout().contains("The lock has been removed"), "{}", run.stdout());
    assert!(!cloud.inventory().iter().any(|item| item["kind"] == "parameter"), "{:?}", cloud.inventory());
}

#[test]
fn an_import_whose_lock_was_taken_away_tags_nothing() {
    let cloud = cloud();
    let made = cloud.call("ec2", "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16");
    let vpc = made.split("<vpcId>").nth(1).and_then(|rest| rest.split('<').next()).expect("a VPC was made").to_owned();
    // What it looks at under the lock is answered when the lock is another's.
    let (held, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let may = Arc::clone(&go);
    let wire = Wire::with(&cloud.url, move |call, behind| {
        let (held, may) = (Arc::clone(&held), Arc::clone(&may));
        Box::pin(async move {
            let answer = behind.answer(&call).await;
            if call.action == "PutParameter" {
                held.store(true, Ordering::SeqCst);
            }
            while call.action == "DescribeVpcs" && held.load(Ordering::SeqCst) && !may.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer
        })
    });
    let import = ["import", "vpc/main", &vpc, "--yes"];
    let importing = start(cloud.through(&wire.url, &import));
    until(&wire, "the import's lock", |call| call.action == "PutParameter");
    let run = cloud.infra(&["unlock", "--local", "--yes"]).succeeds();
    assert!(run.stdout().contains("infra import"), "{}", run.stdout());
    go.store(true, Ordering::SeqCst);
    let run = end(importing).ends_with(1);
    assert!(
        run.told().contains("The lock was lost, so nothing more was started: it was taken by arn:aws"),
        "{}",
        run.stderr()
    );
    assert!(!wire.calls().iter().any(changes), "it tagged what is not its any more");
}

#[test]
fn unlocking_takes_no_error_for_no_lock() {
    let cloud = cloud();
    let (_first, running) = under_way(&cloud);
    // The first look names the holder; the second is refused.
    let denied = refusing(
        |call| call.action == "GetParameter",
        1,
        |call| Answer::refusal(call, 400, "AccessDeniedException", "You may not."),
    );
    let wire = Wire::with(&cloud.url, denied);
    let run = Run::of(&["unlock"], &mut cloud.through(&wire.url, &["unlock", "--yes"])).ends_with(1);
    assert!(run.stderr().contains("You may not"), "{}", run.stderr());
    end(running).succeeds();
}

#[test]
fn unlocking_asks_and_stops_whoever_holds_the_lock() {
    let cloud = cloud();
    let (first, running) = under_way(&cloud);
    let run = cloud.infra(&["unlock", "--local"]).ends_with(3);
    assert!(run.stdout().contains("Locked by arn:aws") && run.stderr().contains("--yes"), "{}", run.stderr());
    let run = cloud.infra(&["unlock", "--local", "--yes"]).succeeds();
    assert!(run.stdout().contains("The lock has been removed"), "{}", run.stdout());
    // From here on somebody else may work.
    let free = Instant::now();
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let run = end(running).ends_with(1);
    assert!(
        run.told().contains("The lock was lost, so nothing more was started: it was taken by arn:aws"),
        "{}",
        run.stderr()
    );
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
