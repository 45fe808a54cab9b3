//! Deletions that AWS refuses because something stands in what is to go.

use super::*;
use crate::engine::Occupant;

/// A node that AWS does not delete for so many times, and who stands in it.
async fn occupied(refusals: usize, by: &[(&str, bool)]) -> (Outcome, Duration) {
    occupied_within(Options::default().timeout, refusals, by).await
}

/// The same where a step may take so long.
async fn occupied_within(timeout: Duration, refusals: usize, by: &[(&str, bool)]) -> (Outcome, Duration) {
    let stage = Stage::new();
    assert!(stage.deploy(&[stage.one("a", sized(1))]).await.is_complete());
    let id = stage.with(|world| world.find("node/a").id.clone());
    stage.answer(&format!("delete node/a {id}"), &vec![(Class::Busy, false); refusals]);
    let by = by.iter().map(|(what, stays)| Occupant { what: (*what).to_owned(), stays: *stays }).collect();
    stage.with(|world| world.occupants.insert(Address::new("node", "a"), by));
    let begun = now();
    let options = Options { timeout, ..Options::default() };
    let outcome = stage.run(&stage.plan(&[]).await, &[], &options, watch::channel(false).1).await;
    (outcome, since(begun))
}

#[test]
fn what_stays_is_named_and_not_waited_for() {
    run(async {
        let (outcome, took) = occupied(10_000, &[("eni-1", false), ("eni-2 of the instance i-1", true)]).await;
        let error = &outcome.failed[0].2;
        let told = "Something that is not of this stack keeps it: eni-2 of the instance i-1.";
        assert!(error.message.ends_with(told), "{error:?}");
        assert!(error.advice.as_ref().is_some_and(|advice| advice.contains("Delete that")), "{error:?}");
        assert!((90 * SECOND..150 * SECOND).contains(&took), "{took:?}");
    });
}

#[test]
fn what_stays_is_named_also_where_the_time_is_over_before() {
    run(async {
        let (outcome, took) = occupied_within(60 * SECOND, 10_000, &[("eni-2 of the instance i-1", true)]).await;
        let error = &outcome.failed[0].2;
        assert!(error.message.ends_with("keeps it: eni-2 of the instance i-1."), "{error:?}");
        assert!((60 * SECOND..80 * SECOND).contains(&took), "{took:?}");
    });
}

#[test]
fn what_goes_by_itself_is_waited_for_and_named() {
    run(async {
        let going: Vec<(String, bool)> = (1..=5).map(|number| (format!("eni-{number}"), false)).collect();
        let going: Vec<(&str, bool)> = going.iter().map(|(what, stays)| (what.as_str(), *stays)).collect();
        let (outcome, took) = occupied(100, &going).await;
        assert!(outcome.is_complete() && took > 100 * SECOND, "{took:?} {:?}", outcome.failed);
        let (outcome, _) = occupied(100_000, &going).await;
        let told = &outcome.failed[0].2.message;
        assert!(told.contains("Still there: eni-1, eni-2, eni-3 and 2 more."), "{told}");
    });
}

#[test]
fn where_nobody_is_seen_it_is_waited_for() {
    run(async {
        let (outcome, took) = occupied(100, &[]).await;
        assert!(outcome.is_complete() && took > 100 * SECOND, "{took:?} {:?}", outcome.failed);
    });
}
