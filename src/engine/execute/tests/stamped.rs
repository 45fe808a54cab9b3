//! The fingerprint of what is kept: written without a word, so that a later plan tells drift from a change of the description.

use super::*;
use crate::engine::fake;

/// A deployed node whose fingerprint is of another description, as a run leaves it that is killed before it writes that.
async fn killed_before_the_tag() -> Stage {
    let stage = Stage::new();
    assert!(stage.deploy(&[stage.one("a", sized(1)), stage.one("b", using("a"))]).await.is_complete());
    stage.answer("retag node/a", &[(Class::Other, false)]);
    assert!(!stage.deploy(&[stage.one("a", sized(2)), stage.one("b", using("a"))]).await.is_complete());
    stage.calls();
    stage
}

#[test]
fn what_is_as_described_is_noted_once_and_is_no_drift_afterwards() {
    run(async {
        let stage = killed_before_the_tag().await;
        let stack = [stage.one("a", sized(2)), stage.one("b", using("a"))];
        let plan = stage.plan(&stack).await;
        assert!(plan.is_empty() && plan.stamps());
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        let scope = Scope::observing(&stage.aws, &stage.stack, &stack);
        let stop = watch::channel(false).1;
        let outcome = execute(&plan, &stack, fake::KINDS, &scope, &Options::default(), &events, stop).await;
        drop(events);
        assert!(outcome.is_complete() && outcome.done.is_empty(), "{outcome:?}");
        assert!(told.recv().await.is_none(), "it is no event");
        assert_eq!(stage.calls(), ["retag node/a"]);
        assert!(!stage.plan(&stack).await.stamps());
        assert!(stage.deploy(&stack).await.is_complete());
        assert_eq!(stage.calls(), [] as [&str; 0], "it is noted once");
        let back = stage.plan(&[stage.one("a", sized(1)), stage.one("b", using("a"))]).await;
        let step = back.steps.iter().find(|step| step.acts()).expect("it is changed back");
        assert!(!step.drift, "the description asked for both");
    });
}

#[test]
fn only_the_fingerprint_is_written_whatever_is_there_by_now() {
    run(async {
        let stage = killed_before_the_tag().await;
        let stack = [stage.one("a", sized(2)), stage.one("b", using("a"))];
        let plan = stage.plan(&stack).await;
        stage.with(|world| {
            let item = world.find("node/a");
            item.size = 7;
            item.tags.insert("team".into(), "other".into());
        });
        let outcome = stage.run(&plan, &stack, &Options::default(), watch::channel(false).1).await;
        assert!(outcome.is_complete());
        assert_eq!(stage.calls(), ["retag node/a"]);
        assert_eq!(
            stage.with(|world| (world.find("node/a").size, world.find("node/a").tags["team"].clone())),
            (7, "other".into())
        );
        let plan = stage.plan(&stack).await;
        assert!(plan.steps.iter().any(|step| step.drift), "the next plan tells what was changed in between");
    });
}

#[test]
fn where_it_cannot_be_noted_that_is_told_and_nothing_waits_for_it() {
    run(async {
        let stage = killed_before_the_tag().await;
        stage.answer("retag node/a", &[(Class::Denied, false)]);
        let user = Node { size: 5, ..using("a") };
        let outcome = stage.deploy(&[stage.one("a", sized(2)), stage.one("b", user)]).await;
        let (address, _, error) = &outcome.failed[0];
        assert_eq!(address.as_str(), "node/a");
        assert!(error.message.starts_with("node/a is as described, which could not be noted"), "{error:?}");
        assert!(outcome.skipped.is_empty(), "{outcome:?}");
        assert_eq!(stage.calls(), ["update node/b", "retag node/b"]);
    });
}
