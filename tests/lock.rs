//! One deploy at a time: two processes on one stack, one that is paused, one that is killed, one that is unlocked.

mod unlock;

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    binary::{Cloud, Run},
    wire::{Answer, Call, Wire},
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

/// A deploy in its middle, and its calls.
fn under_way(cloud: &Cloud) -> (Wire, Child) {
    let wire = Wire::to(&cloud.url);
    let running = start(cloud.through(&wire.url, DEPLOY));
    until(&wire, "the deploy's NAT gateway", |call| call.action == "CreateNatGateway");
    (wire, running)
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
    let (_first, running) = under_way(&cloud);
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
    // While the NAT gateway is being made there is nothing to change: a call that is on its way when the process is stopped
    // could not be called back.
    let (first, paused) = under_way(&cloud);
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
    assert!(
        run.told()
            .contains("The lock was lost, so nothing more was started: this process did not run for more than 20 s"),
        "{}",
        run.stderr()
    );
    assert_eq!(changed_after(&first, stopped), [] as [&str; 0], "the first one went on");
    assert!(woken > taken);
    // It neither renews the lock nor takes it away from the one that has it.
    assert!(!first.calls().iter().any(|call| call.at > woken && call.service == "ssm" && !call.reads()));
    let run = end(working).succeeds();
    assert!(run.stderr().contains("has given no sign of life"), "{}", run.stderr());
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_holder_that_is_just_ending_is_waited_for() {
    let cloud = cloud();
    let (_first, running) = under_way(&cloud);
    let second = Wire::to(&cloud.url);
    let next = start(cloud.through(&second.url, DEPLOY));
    // It has seen who holds the lock: that one gives it back only now.
    until(&second, "the second deploy's look at the lock", |call| call.action == "GetParameter");
    std::thread::sleep(Duration::from_millis(200));
    signal(&running, Signal::INT);
    end(running).ends_with(130);
    end(next).succeeds();
}

#[test]
fn a_killed_holder_is_not_waited_for() {
    let cloud = cloud();
    let (_wire, running) = under_way(&cloud);
    signal(&running, Signal::KILL);
    assert_eq!(end(running).code(), None);
    let status = cloud.infra(&["status", "--local"]).succeeds().stdout();
    assert!(status.contains("dead by now") && status.contains("`infra unlock --local` removes it"), "{status}");
    let run = cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert!(run.stderr().contains("is no more"), "{}", run.stderr());
    let gateways = cloud.inventory().iter().filter(|item| item["kind"] == "nat-gateway").count();
    assert_eq!(gateways, 1);
}

#[test]
fn a_local_cloud_that_is_killed_is_no_interruption() {
    let cloud = cloud();
    let running = start(cloud.command(&["deploy", "--local", "--yes"]));
    let begun = Instant::now();
    while !cloud.inventory().iter().any(|item| item["kind"] == "nat-gateway") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the deploy does not get to its NAT gateway");
        std::thread::sleep(Duration::from_millis(20));
    }
    let daemon = cloud.infra(&["local", "status", "--json"]).succeeds().json()["pid"].as_i64().expect("it runs");
    let daemon = Pid::from_raw(i32::try_from(daemon).expect("a process id")).expect("a process id");
    kill_process(daemon, Signal::KILL).expect("it can be killed");
    let run = end(running).ends_with(1);
    let said = format!("{}{}", run.stdout(), run.stderr());
    assert!(!said.contains("interrupted"), "{said}");
    assert!(said.contains("local cloud"), "{said}");
    assert!(said.contains("starts it again") || said.contains("it starts the local cloud"), "{said}");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
}

#[test]
fn of_two_that_take_over_at_once_one_works_and_the_other_waits() {
    let cloud = cloud();
    let (_wire, running) = under_way(&cloud);
    signal(&running, Signal::KILL);
    end(running);

    // Both are to have seen the dead one's lock before either takes it.
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let wires = [(); 2].map(|()| {
        let both = Arc::clone(&both);
        Wire::with(&cloud.url, move |call, behind| {
            let both = Arc::clone(&both);
            Box::pin(async move {
                if call.action == "GetParameter" && call.earlier == 0 {
                    both.wait().await;
                }
                behind.answer(&call).await
            })
        })
    });
    let waiting = [DEPLOY, &["--lock-wait", "120"]].concat();
    let runs = wires.each_ref().map(|wire| start(cloud.through(&wire.url, &waiting)));
    let runs = runs.map(|run| end(run).succeeds());
    let worked = wires.iter().filter(|wire| wire.calls().iter().any(changes)).count();
    assert_eq!(worked, 1, "{}\n{}", runs[0].stdout(), runs[1].stdout());
    assert!(runs.iter().any(|run| run.stdout().contains("No changes")));
    assert!(!cloud.inventory().iter().any(|item| item["kind"] == "parameter"), "{:?}", cloud.inventory());
}

#[test]
fn a_holder_that_is_paused_before_an_answer_makes_no_call_after_it() {
    let cloud = cloud();
    // The first call of a VPC is executed; its answer comes when the process sleeps, and others have the lock.
    let go = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&go);
    let first = Wire::with(&cloud.url, move |call, behind| {
        let may = Arc::clone(&may);
        Box::pin(async move {
            let answer = behind.answer(&call).await;
            while call.action == "CreateVpc" && !may.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer
        })
    });
    let paused = start(cloud.through(&first.url, DEPLOY));
    until(&first, "the VPC", |call| call.action == "CreateVpc");
    std::thread::sleep(Duration::from_secs(1));
    signal(&paused, Signal::STOP);
    let stopped = Instant::now();
    go.store(true, Ordering::SeqCst);

    let second = Wire::to(&cloud.url);
    let waiting = [DEPLOY, &["--lock-wait", "120"]].concat();
    let working = start(cloud.through(&second.url, &waiting));
    until(&second, "what the first one had left of its VPC", |call| call.action == "ModifyVpcAttribute");
    signal(&paused, Signal::CONT);
    let run = end(paused).ends_with(1);
    assert!(
        run.told()
            .contains("The lock was lost, so nothing more was started: this process did not run for more than 20 s"),
        "{}",
        run.stderr()
    );
    assert_eq!(changed_after(&first, stopped), [] as [&str; 0], "the first one went on");
    end(working).succeeds();
    let networks = cloud.inventory().iter().filter(|item| item["kind"] == "vpc").count();
    assert_eq!(networks, 1);
}

#[test]
fn a_clock_that_is_wrong_does_not_make_a_living_holder_dead() {
    let cloud = cloud();
    let (_first, running) = under_way(&cloud);
    // By the clock of the second one, the first has been silent for an hour.
    let skewed = Wire::with(&cloud.url, |call, behind| {
        Box::pin(async move {
            let mut answer = behind.answer(&call).await;
            if call.action == "GetParameter" {
                let mut body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
                let modified = body["Parameter"]["LastModifiedDate"].as_f64().expect("a lock has a date");
                body["Parameter"]["LastModifiedDate"] = (modified - 3600.0).into();
                answer.body = body.to_string();
            }
            answer
        })
    });
    let run = Run::of(DEPLOY, &mut cloud.through(&skewed.url, DEPLOY)).ends_with(1);
    assert!(run.stderr().contains("is being worked on by"), "{}", run.stderr());
    assert!(
        !skewed.calls().iter().any(|call| call.body.contains(r#""Overwrite":true"#)),
        "it wrote over a living one's"
    );
    end(running).succeeds();
}

#[test]
fn a_busy_ssm_is_waited_for_and_a_lost_beat_is_found_again() {
    let cloud = cloud();
    // Refused at first; later each second beat is done and not answered in time, and none can be read in the meantime.
    let wire = Wire::with(&cloud.url, |call, behind| {
        Box::pin(async move {
            match (call.action.as_str(), call.earlier) {
                ("PutParameter", 0..2) => {
                    Answer::refusal(&call, 400, "TooManyUpdates", "There are concurrent updates for this resource.")
                }
                ("PutParameter", earlier) if earlier % 2 == 1 => {
                    behind.answer(&call).await;
                    Answer::refusal(&call, 500, "InternalServerError", "")
                }
                _ => behind.answer(&call).await,
            }
        })
    });
    Run::of(DEPLOY, &mut cloud.through(&wire.url, DEPLOY)).succeeds();
    let beats = wire.calls().iter().filter(|call| call.action == "PutParameter").count();
    assert!(beats > 3, "it was over before a beat was lost");
    assert!(!cloud.inventory().iter().any(|item| item["kind"] == "parameter"), "{:?}", cloud.inventory());
}

/// SSM says that the lock exists and does not show it, so many times.
fn hiding(cloud: &Cloud, times: usize) -> Wire {
    Wire::with(&cloud.url, move |call, behind| {
        Box::pin(async move {
            match call.action.as_str() {
                "PutParameter" if call.earlier < times => {
                    Answer::refusal(&call, 400, "ParameterAlreadyExists", "The parameter already exists.")
                }
                "GetParameter" if call.earlier < times => Answer::refusal(&call, 400, "ParameterNotFound", ""),
                _ => behind.answer(&call).await,
            }
        })
    })
}

#[test]
fn a_lock_that_ssm_does_not_let_be_made_again_yet_is_waited_for() {
    let cloud = cloud();
    let destroy = ["destroy", "--yes"];
    let wire = hiding(&cloud, 4);
    let run = Run::of(&destroy, &mut cloud.through(&wire.url, &destroy)).succeeds();
    assert!(run.stderr().contains("SSM, in which the lock is written, is asked again"), "{}", run.stderr());
    // Not for ever, and not in silence.
    let wire = hiding(&cloud, usize::MAX);
    let run = Run::of(&destroy, &mut cloud.through(&wire.url, &destroy)).ends_with(1);
    assert!(run.stderr().contains("SSM, in which the lock is written, is asked again"), "{}", run.stderr());
    assert!(
        run.stderr().contains("/infra/shop/lock exists") && run.stderr().contains("--lock-wait"),
        "{}",
        run.stderr()
    );
    let asked = wire.calls().iter().filter(|call| call.action == "PutParameter").count();
    assert!((5..40).contains(&asked), "{asked} times");
}

#[test]
fn a_signal_before_anything_is_done_gives_the_lock_back() {
    let cloud = cloud();
    let wire = Wire::with(&cloud.url, |call, behind| {
        Box::pin(async move {
            if call.action == "DescribeVpcs" {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            behind.answer(&call).await
        })
    });
    let running = start(cloud.through(&wire.url, DEPLOY));
    until(&wire, "the look at what is there", |call| call.action == "DescribeVpcs");
    signal(&running, Signal::INT);
    let run = end(running).ends_with(130);
    assert!(run.stderr().contains("Interrupted before anything was changed"), "{}", run.stderr());
    assert!(cloud.inventory().is_empty(), "{:?}", cloud.inventory());
}
