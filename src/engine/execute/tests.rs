//! Execution against AWS's bad manners, in the cloud in memory and a time that jumps.

mod interruption;
mod misled;
mod occupied;
mod stamped;

use std::time::Duration;

use futures::future::join;
use tokio::sync::watch;

use super::*;
use crate::{
    aws::Class,
    engine::{
        clock::{now, run, since, sleep},
        fake::{Node, Slow, Stage, Unique, to},
    },
};

const SECOND: Duration = Duration::from_secs(1);

fn sized(size: u32) -> Node {
    Node { size, ..Node::default() }
}

fn using(name: &str) -> Node {
    Node { uses: vec![to("node", name)], ..Node::default() }
}

fn addresses(list: &[(Address, Action, String)]) -> Vec<String> {
    let mut list: Vec<String> = list.iter().map(|(address, _, reason)| format!("{address}: {reason}")).collect();
    list.sort();
    list
}

#[test]
fn a_lost_answer_makes_no_second_one() {
    run(async {
        for lag in [0, 1, 5, 15] {
            let stage = Stage::new();
            stage.with(|world| world.lag = Duration::from_secs(lag));
            stage.answer("create node/a", &[(Class::Ambiguous, true)]);
            assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
            assert_eq!(stage.calls(), ["create node/a"], "with a lag of {lag} s");
        }
    });
}

#[test]
fn a_lost_request_is_sent_again() {
    run(async {
        let stage = Stage::new();
        stage.answer("create node/a", &[(Class::Ambiguous, false)]);
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
        assert_eq!(stage.calls(), ["create node/a"]);
    });
}

#[test]
fn what_passes_is_waited_for_and_what_does_not_is_told() {
    run(async {
        let cases = [
            (Class::Throttled, 10, true),
            (Class::Throttled, 20, false),
            (Class::NotYet, 10, true),
            (Class::NotYet, 1000, false),
            (Class::Busy, 300, true),
            (Class::Unreachable, 3, true),
            (Class::Unreachable, 10, false),
            (Class::Denied, 1, false),
            (Class::Other, 1, false),
        ];
        for verb in ["create", "update", "retag"] {
            for (class, times, expected) in cases {
                let mut stage = Stage::new();
                if verb != "create" {
                    assert!(stage.deploy(&[stage.one("a", sized(0))]).await.is_complete());
                }
                if verb == "retag" {
                    stage.tags.insert("team".into(), "web".into());
                }
                stage.answer(&format!("{verb} node/a"), &vec![(class, false); times]);
                let outcome = stage.deploy(&[stage.one("a", sized(u32::from(verb != "retag")))]).await;
                assert_eq!(outcome.is_complete(), expected, "{verb} {class:?} {times} times");
            }
        }
    });
}

#[test]
fn patience_is_for_refusals_in_a_row() {
    run(async {
        let stage = Stage::new();
        let mut answers = vec![(Class::Busy, false); 20];
        answers.extend([(Class::Throttled, false); 3]);
        answers.extend([(Class::NotYet, false); 3]);
        stage.answer("create node/a", &answers);
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
    });
}

#[test]
fn the_new_one_under_the_former_ones_name_is_known_although_its_answer_was_lost() {
    run(async {
        for (same_moment, within) in [(false, 5 * SECOND), (true, 40 * SECOND)] {
            let stage = Stage::new();
            let zoned = |zone| [stage.one("a", Unique { zone, ..Unique::default() })];
            assert!(stage.deploy(&zoned(1)).await.is_complete());
            stage.calls();
            stage.with(|world| world.same_moment = same_moment);
            stage.answer("create unique/a", &[(Class::Ambiguous, true)]);
            let began = now();
            let outcome = stage.deploy(&zoned(2)).await;
            assert!(outcome.is_complete(), "{:?}", outcome.failed);
            assert!(since(began) < within, "{:?}", since(began));
            assert_eq!(stage.calls(), ["delete unique/a unique/a", "create unique/a"]);
        }
    });
}

#[test]
fn a_name_held_by_our_own_lost_call_is_ours() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.lag = 40 * SECOND);
        stage.answer("create unique/a", &[(Class::Ambiguous, true)]);
        assert!(stage.deploy(&[stage.one("a", Unique::default())]).await.is_complete());
        assert_eq!(stage.calls(), ["create unique/a"]);
    });
}

#[test]
fn a_name_held_by_a_stranger_is_refused_soon_with_a_way_to_adopt_it() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.taken.push(Address::new("unique", "a")));
        let began = now();
        let outcome = stage.deploy(&[stage.one("a", Unique::default())]).await;
        let (_, _, error) = &outcome.failed[0];
        assert_eq!(error.class, Class::AlreadyExists);
        assert!(error.advice.as_ref().unwrap().contains("infra import unique/a ID"), "{error:?}");
        assert!(since(began) < 20 * SECOND, "{:?}", since(began));
    });
}

#[test]
fn a_change_that_never_takes_effect_is_sent_once_and_told() {
    run(async {
        for (setback, text) in
            [(None, "`size` stays as it was"), (Some("no room".to_owned()), "reverted the change of node/a: no room")]
        {
            let stage = Stage::new();
            assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
            stage.with(|world| world.stubborn.insert(Address::new("node", "a"), setback));
            stage.calls();
            let outcome = stage.deploy(&[stage.one("a", sized(2))]).await;
            assert!(outcome.failed[0].2.message.contains(text), "{:?}", outcome.failed);
            assert_eq!(stage.calls(), ["update node/a"]);
        }
    });
}

#[test]
fn what_vanishes_while_it_is_changed_is_not_made_anew() {
    run(async {
        let stage = Stage::new();
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
        let desired = [stage.one("a", sized(2))];
        let plan = stage.plan(&desired).await;
        stage.with(|world| world.items.clear());
        stage.calls();
        let outcome = stage.run(&plan, &desired, &Options::default(), watch::channel(false).1).await;
        assert!(outcome.failed[0].2.message.contains("is gone"), "{:?}", outcome.failed);
        assert_eq!(stage.calls(), Vec::<String>::new());
    });
}

#[test]
fn what_aws_gave_up_on_is_told_and_replaced_by_the_next_run() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("create", 60 * SECOND));
        let desired = [stage.one("a", sized(1))];
        let plan = stage.plan(&desired).await;
        let options = Options::default();
        let failing = async {
            sleep(30 * SECOND).await;
            stage.with(|world| world.find("node/a").failed = Some("no room".into()));
        };
        let (outcome, ()) = join(stage.run(&plan, &desired, &options, watch::channel(false).1), failing).await;
        assert!(outcome.failed[0].2.message.contains("no room"), "{:?}", outcome.failed);
        assert!(stage.deploy(&desired).await.is_complete());
        assert!(stage.plan(&desired).await.is_empty());
        assert_eq!(stage.with(|world| world.items.len()), 1);
    });
}

#[test]
fn a_deletion_is_sent_once_and_waited_for() {
    run(async {
        for (call, answers) in [
            ("delete node/a node-1", vec![]),
            ("delete node/a node-1", vec![(Class::Ambiguous, true)]),
            ("delete node/a node-1", vec![(Class::Busy, false); 50]),
            ("delete node/a node-1", vec![(Class::Throttled, false); 5]),
        ] {
            let stage = Stage::new();
            assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
            stage.calls();
            stage.with(|world| world.takes.insert("delete", 300 * SECOND));
            stage.answer(call, &answers);
            let outcome = stage.deploy(&[]).await;
            assert!(outcome.is_complete(), "{answers:?}: {:?}", outcome.failed);
            assert!(outcome.known.is_empty() && outcome.done[0].2 >= 300 * SECOND);
            assert_eq!(stage.calls(), [call]);
        }
    });
}

#[test]
fn a_failure_skips_only_what_depends_on_it() {
    run(async {
        let stage = Stage::new();
        stage.answer("create node/a", &[(Class::Other, false)]);
        let desired = [
            stage.one("a", sized(1)),
            stage.one("b", using("a")),
            stage.one("c", using("b")),
            stage.one("other", sized(1)),
            stage.one("another", using("other")),
        ];
        let outcome = stage.deploy(&desired).await;
        assert_eq!(addresses(&outcome.skipped), ["node/b: node/a failed", "node/c: node/a failed"]);
        assert_eq!(outcome.done.len(), 2);
        assert!(!outcome.interrupted);
        assert!(stage.deploy(&desired).await.is_complete());
    });
}

#[test]
fn without_credentials_nothing_more_is_tried() {
    run(async {
        let stage = Stage::new();
        stage.answer("create node/a", &[(Class::Unauthenticated, false)]);
        let desired = [stage.one("a", sized(1)), stage.one("b", sized(1))];
        let plan = stage.plan(&desired).await;
        let options = Options { parallel: 1, ..Options::default() };
        let outcome = stage.run(&plan, &desired, &options, watch::channel(false).1).await;
        assert_eq!(addresses(&outcome.skipped), ["node/b: AWS no longer takes the credentials"]);
        assert_eq!(stage.calls(), Vec::<String>::new());
    });
}

#[test]
fn no_more_at_a_time_than_allowed_and_the_longest_chain_first() {
    run(async {
        let stage = Stage::new();
        let mut desired: Vec<Desired> = (0..10).map(|n| stage.one(&format!("n{n}"), sized(1))).collect();
        desired.push(stage.one("slow", Slow::default()));
        let plan = stage.plan(&desired).await;
        let options = Options { parallel: 3, ..Options::default() };
        let outcome = stage.run(&plan, &desired, &options, watch::channel(false).1).await;
        assert!(outcome.is_complete());
        assert_eq!(stage.with(|world| world.at_work.1), 3);
        let begun = stage.calls();
        assert!(begun[..3].contains(&"create slow/slow".to_owned()), "{begun:?}");
    });
}

#[test]
fn what_takes_too_long_is_told_with_what_it_waited_for() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("create", 3600 * SECOND));
        let desired = [stage.one("a", sized(1))];
        let plan = stage.plan(&desired).await;
        let options = Options { timeout: 60 * SECOND, ..Options::default() };
        let outcome = stage.run(&plan, &desired, &options, watch::channel(false).1).await;
        assert_eq!(outcome.failed[0].2.message, "node/a was not finished after 1 minute. It waited for: changing");
    });
}

#[test]
fn many_of_one_kind_share_their_lists() {
    run(async {
        let mut lists = Vec::new();
        for number in [1, 16] {
            let stage = Stage::new();
            stage.with(|world| world.takes.insert("create", 360 * SECOND));
            let desired: Vec<Desired> = (0..number).map(|n| stage.one(&format!("n{n}"), Slow::default())).collect();
            assert!(stage.deploy(&desired).await.is_complete());
            lists.push(stage.with(|world| world.lists["slow"]));
        }
        assert!(lists[0] < 100, "one that takes six minutes is asked for {} times", lists[0]);
        assert!(lists[1] < 2 * lists[0], "{lists:?}");
    });
}

#[test]
fn waiting_adds_less_than_a_tenth() {
    run(async {
        // What takes AWS six minutes, in real time and sixty times faster.
        for takes in [360 * SECOND, 6 * SECOND] {
            let stage = Stage::new();
            stage.with(|world| world.takes.insert("create", takes));
            let chain = |n: u32| match n {
                0 => Slow::default(),
                n => Slow { uses: vec![to("slow", &format!("n{}", n - 1))], ..Slow::default() },
            };
            let desired: Vec<Desired> = (0..5).map(|n| stage.one(&format!("n{n}"), chain(n))).collect();
            let began = now();
            assert!(stage.deploy(&desired).await.is_complete());
            let ratio = since(began).as_secs_f64() / (5.0 * takes.as_secs_f64());
            assert!(ratio < 1.10, "{takes:?}: {ratio}");
        }
    });
}

#[test]
fn a_list_that_fails_for_a_moment_fails_nothing() {
    run(async {
        for class in [Class::Throttled, Class::Ambiguous, Class::Unreachable] {
            let stage = Stage::new();
            let desired = [stage.one("a", sized(1))];
            let plan = stage.plan(&desired).await;
            stage.answer("list node", &[(class, false); 4]);
            let outcome = stage.run(&plan, &desired, &Options::default(), watch::channel(false).1).await;
            assert!(outcome.is_complete(), "{class:?}: {:?}", outcome.failed);
        }
    });
}

#[test]
fn what_is_refused_for_too_long_is_told_with_what_to_do() {
    run(async {
        for class in [Class::Throttled, Class::Unreachable] {
            let stage = Stage::new();
            stage.answer("create node/a", &[(class, false); 100]);
            let outcome = stage.deploy(&[stage.one("a", sized(1))]).await;
            let (_, _, error) = &outcome.failed[0];
            let advice = error.advice.clone().unwrap_or_default();
            assert!(error.class == class && advice.contains("run the same command again"), "{error:?}");
        }
    });
}

#[test]
fn what_is_blocked_is_borne_for_a_while_and_then_told() {
    run(async {
        let block = |stage: &Stage, patience: u64| {
            let blocked = ("WAY", "no way to it".to_owned(), SECOND * patience as u32);
            stage.with(|world| world.find("node/a").blocked = Some(blocked));
        };
        let stage = Stage::new();
        let stack = [stage.one("a", sized(1)), stage.one("user", using("a"))];
        assert!(stage.deploy(&stack).await.is_complete());
        stage.calls();
        block(&stage, 60);
        let plan = stage.plan(&stack).await;
        let step = plan.steps.iter().find(|step| step.acts()).expect("it is waited for");
        assert_eq!((step.action, step.reason.as_deref()), (Action::Keep, Some("no way to it")));
        // It passes in time.
        let mended = async {
            sleep(30 * SECOND).await;
            stage.with(|world| world.find("node/a").blocked = None);
        };
        assert!(join(stage.deploy(&stack), mended).await.0.is_complete());
        // It does not.
        block(&stage, 60);
        let begun = now();
        let outcome = stage.deploy(&stack).await;
        assert!(outcome.failed[0].2.message.contains("cannot work as it is: no way to it"));
        assert!((60..80).contains(&since(begun).as_secs()));
        assert_eq!(stage.calls(), [] as [&str; 0], "it is neither replaced nor touched");
        // A change is tried, and it can be deleted.
        assert!(!stage.deploy(&[stage.one("a", sized(2)), stage.one("user", using("a"))]).await.is_complete());
        assert_eq!(stage.calls(), ["update node/a", "retag node/a"]);
        assert!(stage.deploy(&[]).await.is_complete());
    });
}

#[test]
fn a_deletion_that_aws_refuses_for_a_state_that_does_not_end_is_told() {
    run(async {
        let stage = Stage::new();
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
        stage.with(|world| world.find("node/a").blocked = Some(("KEY", "its key is gone".to_owned(), SECOND)));
        let id = stage.with(|world| world.find("node/a").id.clone());
        stage.answer(&format!("delete node/a {id}"), &[(Class::Busy, false); 1000]);
        let begun = now();
        let outcome = stage.deploy(&[]).await;
        assert!(outcome.failed[0].2.message.contains("its key is gone"), "{:?}", outcome.failed);
        assert!(since(begun) < 200 * SECOND);
    });
}
