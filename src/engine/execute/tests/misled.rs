//! What AWS says that does not hold: a list with a gap, a change that shows and was taken back, a cause that is another one now.

use super::*;

#[test]
fn patience_with_what_blocks_it_begins_anew_with_each_cause_and_not_with_each_text() {
    run(async {
        let stage = Stage::new();
        let stack = [stage.one("a", sized(1))];
        assert!(stage.deploy(&stack).await.is_complete());
        let block = |cause, text: String, patience| {
            stage.with(|world| world.find("node/a").blocked = Some((cause, text, SECOND * patience)));
        };
        // Ten minutes of one cause, in ever changing words, then another one that is borne for less than that.
        block("CAPACITY", "no room".into(), 900);
        let passing = async {
            for minute in 0..10 {
                sleep(60 * SECOND).await;
                block("CAPACITY", format!("no room for {minute} minutes"), 900);
            }
            block("LOGIN", "no login".into(), 45);
            sleep(30 * SECOND).await;
            stage.with(|world| world.find("node/a").blocked = None);
        };
        let (outcome, ()) = join(stage.deploy(&stack), passing).await;
        assert!(outcome.is_complete(), "{:?}", outcome.failed);
        // Words that change do not prolong it.
        block("LOGIN", "no login".into(), 45);
        let changing = async {
            for second in 0..12 {
                sleep(5 * SECOND).await;
                block("LOGIN", format!("no login for {second}"), 45);
            }
        };
        let (outcome, ()) = join(stage.deploy(&stack), changing).await;
        assert!(outcome.failed[0].2.message.contains("no login"), "{outcome:?}");
        // What works in between has been mended.
        block("LOGIN", "no login".into(), 45);
        let coming_and_going = async {
            sleep(40 * SECOND).await;
            stage.with(|world| {
                let item = world.find("node/a");
                (item.blocked, item.ready) = (None, now() + 15 * SECOND);
            });
            sleep(10 * SECOND).await;
            block("LOGIN", "no login".into(), 45);
            sleep(35 * SECOND).await;
            stage.with(|world| world.find("node/a").blocked = None);
        };
        let (outcome, ()) = join(stage.deploy(&stack), coming_and_going).await;
        assert!(outcome.is_complete(), "{:?}", outcome.failed);
    });
}

#[test]
fn a_change_that_shows_and_of_which_aws_says_that_it_took_it_back_is_no_success() {
    run(async {
        let stage = Stage::new();
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
        stage.with(|world| {
            world.find("node/a").setback = Some(
                "update 1 failed
  log: 1"
                    .into(),
            );
            world.deceptive.insert(
                Address::new("node", "a"),
                "update 2 failed
  log: 2"
                    .into(),
            );
        });
        stage.calls();
        let outcome = stage.deploy(&[stage.one("a", sized(2))]).await;
        let error = &outcome.failed[0].2;
        assert!(error.message.contains("reverted the change of node/a: update 2 failed"), "{error:?}");
        assert!(
            error.advice.as_ref().is_some_and(|advice| advice.contains("nevertheless shows it as described")),
            "{error:?}"
        );
        assert_eq!(stage.calls(), ["update node/a"], "nothing says that this was applied");
        // A further plan has nothing to change, and tells it.
        let plan = stage.plan(&[stage.one("a", sized(2))]).await;
        assert!(plan.is_empty());
        assert!(plan.steps[0].contradicted && !plan.steps[0].unstamped);
        // What was applied before it is as described again: there is nothing to be said.
        stage.with(|world| world.find("node/a").size = 1);
        let plan = stage.plan(&[stage.one("a", sized(1))]).await;
        assert!(plan.is_empty() && !plan.steps[0].contradicted && !plan.steps[0].unstamped);
        // What succeeds after it is a success, whatever came before.
        stage.with(|world| world.deceptive.clear());
        assert!(stage.deploy(&[stage.one("a", sized(3))]).await.is_complete());
        assert_eq!(
            stage.plan(&[stage.one("a", sized(3))]).await.steps[0].live.iter().flat_map(Seen::notices).count(),
            0
        );
    });
}

#[test]
fn what_an_earlier_run_has_sent_and_aws_takes_back_is_no_success_either() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("update", 60 * SECOND));
        let stack = [stage.one("a", sized(2))];
        assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
        let killed = stage.plan(&stack).await;
        let (stop, stopped) = watch::channel(false);
        let options = Options::default();
        let stopping = async {
            sleep(10 * SECOND).await;
            stop.send_replace(true);
        };
        assert_eq!(join(stage.run(&killed, &stack, &options, stopped), stopping).await.0.left.len(), 1);
        let failing = async {
            sleep(30 * SECOND).await;
            stage.with(|world| world.find("node/a").setback = Some("update 1 failed".into()));
        };
        let (outcome, ()) = join(stage.deploy(&stack), failing).await;
        assert!(outcome.failed[0].2.message.contains("update 1 failed"), "{outcome:?}");
    });
}

#[test]
fn one_list_that_does_not_show_a_resource_decides_nothing() {
    run(async {
        let node = Address::new("node", "a");
        // Minutes after it was made, and visible all the time.
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("create", 300 * SECOND));
        let missing = async {
            sleep(200 * SECOND).await;
            stage.with(|world| world.missed.push(node.clone()));
        };
        let stack = [stage.one("a", sized(1))];
        let (outcome, ()) = join(stage.deploy(&stack), missing).await;
        assert!(outcome.is_complete(), "{:?}", outcome.failed);
        assert_eq!(stage.calls(), ["create node/a"]);
        assert!(stage.with(|world| world.missed.is_empty()), "it was missed");
        // Now and then while it is changed.
        stage.with(|world| world.takes.insert("update", 300 * SECOND));
        let stack = [stage.one("a", sized(2))];
        let missing = async {
            for _ in 0..2 {
                sleep(110 * SECOND).await;
                stage.with(|world| world.missed.push(node.clone()));
            }
        };
        let (outcome, ()) = join(stage.deploy(&stack), missing).await;
        assert!(outcome.is_complete(), "{:?}", outcome.failed);
        assert!(stage.with(|world| world.missed.is_empty()), "it was missed");
        stage.calls();
        // While its deletion is refused.
        let delete = "delete node/a node-1";
        stage.answer(delete, &[(Class::Busy, false); 30]);
        let plan = stage.plan(&[]).await;
        stage.with(|world| world.missed.push(node.clone()));
        let outcome = stage.run(&plan, &[], &Options::default(), watch::channel(false).1).await;
        assert!(outcome.is_complete(), "{:?}", outcome.failed);
        assert_eq!(stage.calls(), [delete]);
        assert!(stage.with(|world| world.items.is_empty()), "it is gone");
    });
}
