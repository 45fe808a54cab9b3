//! Being stopped: at once, telling the truth about what goes on in AWS, and without harm to the next run.

use futures::future::join;
use proptest::prelude::*;

use super::*;
use crate::engine::plan::Plan;

/// Executes and is told to stop after a while.
async fn stopped_after(stage: &Stage, plan: &Plan, desired: &[Desired], after: Duration) -> (Outcome, Duration) {
    let (tell, stop) = watch::channel(false);
    let options = Options::default();
    let work = async {
        let outcome = stage.run(plan, desired, &options, stop).await;
        (outcome, now())
    };
    let teller = async {
        sleep(after).await;
        let at = now();
        // The work may be over already.
        let _ = tell.send(true);
        at
    };
    let ((outcome, end), told) = join(work, teller).await;
    (outcome, end.saturating_duration_since(told))
}

#[test]
fn an_interruption_tells_what_goes_on_in_aws_and_ends_at_once() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("create", 300 * SECOND));
        stage.answer("create node/busy", &[(Class::Busy, false); 2000]);
        let desired = [
            stage.one("a", sized(1)),
            stage.one("busy", sized(1)),
            stage.one("b", using("a")),
            stage.one("c", using("b")),
        ];
        let plan = stage.plan(&desired).await;
        let (outcome, late) = stopped_after(&stage, &plan, &desired, 100 * SECOND).await;
        assert!(late < SECOND, "{late:?}");
        assert!(outcome.interrupted && outcome.lock_lost.is_none() && !outcome.is_complete());
        assert_eq!(outcome.left, [(Address::new("node", "a"), Action::Create)]);
        let skipped = ["node/b: interrupted", "node/busy: interrupted", "node/c: interrupted"];
        assert_eq!(addresses(&outcome.skipped), skipped);
        // What AWS is still at work on is told again by a run that is stopped before it begins.
        let plan = stage.plan(&desired).await;
        let (outcome, _) = stopped_after(&stage, &plan, &desired, Duration::ZERO).await;
        assert_eq!(outcome.left, [(Address::new("node", "a"), Action::Keep)]);
        // The next run goes on, and makes nothing twice.
        stage.answer("create node/busy", &[]);
        assert!(stage.deploy(&desired).await.is_complete());
        assert_eq!(stage.with(|world| world.items.len()), 4);
    });
}

#[test]
fn without_the_lock_nothing_more_is_done() {
    run(async {
        let stage = Stage::new();
        stage.with(|world| world.takes.insert("create", 60 * SECOND));
        let desired = [stage.one("a", sized(1)), stage.one("b", using("a"))];
        let plan = stage.plan(&desired).await;
        let lease = Lease::fresh();
        let options = Options { lease: Some(Arc::clone(&lease)), ..Options::default() };
        let losing = async {
            sleep(10 * SECOND).await;
            lease.lose(Loss::Taken(None));
        };
        let (outcome, ()) = join(stage.run(&plan, &desired, &options, watch::channel(false).1), losing).await;
        assert!(!outcome.interrupted, "nobody told it to stop");
        assert_eq!(outcome.lock_lost, Some(Loss::Taken(None)));
        assert_eq!(stage.calls(), ["create node/a"]);
        assert_eq!(outcome.left.len(), 1);
        assert_eq!(addresses(&outcome.skipped), ["node/b: the lock was lost"]);
    });
}

/// A random answer to a call.
fn answers() -> impl Strategy<Value = Vec<(Class, bool)>> {
    let class = prop::sample::select(vec![Class::Ambiguous, Class::Throttled, Class::Busy, Class::NotYet]);
    let one = (class, any::<bool>()).prop_map(|(class, done)| (class, done && class == Class::Ambiguous));
    prop::collection::vec(one, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever AWS answers and whenever we are stopped, the next run finishes the job and nothing is there twice.
    #[test]
    fn a_run_that_was_stopped_anywhere_is_finished_by_the_next(
        links in prop::collection::vec(prop::collection::vec(0usize..8, 0..3), 1..8),
        faults in prop::collection::vec(answers(), 8),
        after in 0u64..40_000,
        lag in 0u64..5_000,
    ) {
        run(async {
            let stage = Stage::new();
            stage.with(|world| {
                world.takes = BTreeMap::from([("create", 10 * SECOND), ("delete", 5 * SECOND)]);
                world.lag = Duration::from_millis(lag);
            });
            let mut desired = Vec::new();
            for (place, links) in links.iter().enumerate() {
                let uses = links.iter().filter(|&&other| other < place).map(|other| to("node", &format!("n{other}")));
                desired.push(stage.one(&format!("n{place}"), Node { uses: uses.collect(), ..Node::default() }));
                stage.answer(&format!("create node/n{place}"), &faults[place]);
            }
            let plan = stage.plan(&desired).await;
            let (outcome, late) = stopped_after(&stage, &plan, &desired, Duration::from_millis(after)).await;
            assert!(late < SECOND || !outcome.interrupted, "it went on for {late:?}");
            let told = outcome.done.len() + outcome.left.len() + outcome.skipped.len();
            assert_eq!((told, outcome.failed.len()), (desired.len(), 0), "each is told of once");
            // The lock lets nobody begin before AWS shows what it has.
            sleep(5 * SECOND).await;
            let outcome = stage.deploy(&desired).await;
            assert!(outcome.is_complete(), "{:?}", outcome.failed);
            assert!(stage.plan(&desired).await.is_empty());
            assert_eq!(stage.with(|world| world.items.len()), desired.len());
            assert!(stage.deploy(&[]).await.is_complete());
            assert!(stage.with(|world| world.items.is_empty()));
        });
    }
}
