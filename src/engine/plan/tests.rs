//! What is decided, and in which order, against worlds made by really deploying to the cloud in memory.

mod any;

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::engine::{
    Phase,
    clock::run,
    fake::{KINDS, Late, Node, Stage, Store, Unique, to},
    identity,
};

fn node(size: u32, zone: u32) -> Node {
    Node { size, zone, ..Node::default() }
}

/// The steps that do anything, in order, e.g. `± node/a`.
fn acting(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.acts());
    steps.map(|step| format!("{} {}", step.action.glyph(), step.address)).collect()
}

fn refused(desired: &[Desired], live: &[Seen], policy: &Policy) -> Vec<String> {
    match plan(desired, live, KINDS, policy) {
        Err(Error::Refused(refusals)) => refusals.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_difference_has_its_action() {
    run(async {
        type Case = (&'static str, Option<Node>, Option<Node>, &'static [&'static str]);
        let cases: [Case; 6] = [
            ("nothing", None, None, &[]),
            ("new", None, Some(node(1, 1)), &["+ node/a"]),
            ("the same", Some(node(1, 1)), Some(node(1, 1)), &[]),
            ("in place", Some(node(1, 1)), Some(node(2, 1)), &["~ node/a"]),
            ("immutable", Some(node(1, 1)), Some(node(2, 2)), &["± node/a", "- node/a"]),
            ("unwanted", Some(node(1, 1)), None, &["- node/a"]),
        ];
        for (what, before, after, expected) in cases {
            let stage = Stage::new();
            let before: Vec<Desired> = before.into_iter().map(|spec| stage.one("a", spec)).collect();
            assert!(stage.deploy(&before).await.is_complete(), "{what}");
            let after: Vec<Desired> = after.into_iter().map(|spec| stage.one("a", spec)).collect();
            let plan = stage.plan(&after).await;
            assert_eq!(acting(&plan), expected, "{what}");
            assert_eq!(plan.is_empty(), expected.is_empty(), "{what}");
        }
    });
}

#[test]
fn what_a_kind_knows_to_stand_in_the_way_is_refused_before_anything_is_done() {
    run(async {
        let stage = Stage::new();
        let new = [stage.one("a", node(2000, 1)), stage.one("b", node(1, 1))];
        let policy = Policy::default();
        assert_eq!(refused(&new, &[], &policy), ["node/a: Too large, from nothing. Take less."]);
        // It is shown all the same, and what stays as it is has nothing in its way.
        assert!(stage.deploy(&new).await.is_complete());
        let live = stage.live().await;
        assert!(plan(&new, &live, KINDS, &policy).is_ok());
        let larger = [stage.one("a", node(2001, 1)), stage.one("b", node(1, 1))];
        assert_eq!(refused(&larger, &live, &policy), ["node/a: Too large, from 2000. Take less."]);
        // What is found by looking at several resources comes before that; who only shows goes on.
        let found = |reason: &str, remedy: &str| {
            let (address, reason, remedy) = (Address::new("node", "b"), reason.to_owned(), remedy.to_owned());
            Refusal { address, reason, remedy }
        };
        let policy = Policy { forbidden: vec![found("In the way.", "Move it.")], ..policy };
        assert_eq!(
            refused(&larger, &live, &policy),
            ["node/b: In the way. Move it.", "node/a: Too large, from 2000. Take less."]
        );
        assert_eq!(refused(&new, &live, &policy), ["node/b: In the way. Move it."]);
        assert!(plan(&larger, &live, KINDS, &Policy { despite_obstacles: true, ..policy }).is_ok());
        // What must not be deleted is no hindrance as long as it is not.
        let bound = (live[1].id.clone(), found("Others need it.", "Ask them."));
        let policy =
            Policy { undeletable: vec![bound, ("node-9".to_owned(), found("Gone.", ""))], ..Policy::default() };
        assert!(plan(&new, &live, KINDS, &policy).is_ok());
        assert_eq!(refused(&new[..1], &live, &policy), ["node/b: Others need it. Ask them."]);
    });
}

#[test]
fn what_is_replaced_takes_along_what_lives_in_it_and_the_order_is_the_kinds() {
    run(async {
        let stage = Stage::new();
        let stack = |zone| {
            [
                stage.one("base", node(1, zone)),
                stage.one("inside", Node { lives_in: vec![to("node", "base")], ..node(1, 1) }),
                stage.one("user", Node { uses: vec![to("node", "base")], ..node(1, 1) }),
                stage.one("name", Unique { lives_in: vec![to("node", "base")], ..Unique::default() }),
            ]
        };
        assert!(stage.deploy(&stack(1)).await.is_complete());
        let plan = stage.plan(&stack(2)).await;
        let steps = acting(&plan);
        let place =
            |what: &str| steps.iter().position(|step| step == what).unwrap_or_else(|| panic!("{what}: {steps:?}"));
        assert_eq!(steps.len(), 7, "{steps:?}");
        assert!(place("± node/base") < place("± node/inside"));
        assert!(place("± node/inside") < place("- node/inside"));
        assert!(place("- unique/name") < place("± unique/name"));
        for user in ["- node/inside", "~ node/user", "± unique/name"] {
            assert!(place(user) < place("- node/base"), "{user}: {steps:?}");
        }
        assert_eq!((plan.count(Action::Replace), plan.count(Action::Delete), plan.count(Action::Update)), (3, 0, 1));
        let change = &plan.steps.iter().find(|step| step.address.as_str() == "node/user").unwrap().changes;
        assert!(crate::engine::attributes::references(&change[0].after).contains(&Address::new("node", "base")));
        assert!(!plan.steps.iter().any(|step| step.drift), "nothing was changed behind our back");
    });
}

#[test]
fn what_uses_something_that_goes_first_goes_first_too() {
    run(async {
        let stage = Stage::new();
        let stack = |zone| {
            [
                stage.one("name", Unique { zone, ..Unique::default() }),
                stage.one("inside", Node { lives_in: vec![to("unique", "name")], ..node(1, 1) }),
            ]
        };
        assert!(stage.deploy(&stack(1)).await.is_complete());
        let plan = stage.plan(&stack(2)).await;
        assert_eq!(acting(&plan), ["- node/inside", "- unique/name", "± unique/name", "± node/inside"]);
        assert!(stage.deploy(&stack(2)).await.is_complete());
        assert!(stage.with(|world| world.busy.is_empty()));
    });
}

#[test]
fn of_two_at_one_address_the_one_in_use_stays() {
    run(async {
        let stage = Stage::new();
        let stack = [stage.one("a", node(1, 1)), stage.one("user", Node { uses: vec![to("node", "a")], ..node(1, 1) })];
        assert!(stage.deploy(&stack).await.is_complete());
        stage.with(|world| {
            let mut second = world.find("node/a").clone();
            second.id = "node-0".to_owned();
            world.items.insert(0, second);
        });
        let plan = stage.plan(&stack).await;
        assert_eq!(acting(&plan), ["- node/a"]);
        let step = plan.steps.iter().find(|step| step.acts()).unwrap();
        assert_eq!(step.live.as_ref().unwrap().id, "node-0");
        assert_eq!(plan.count(Action::Delete), 1);
        assert!(stage.deploy(&stack).await.is_complete());
        assert!(stage.plan(&stack).await.is_empty());
    });
}

#[test]
fn drift_is_what_the_description_did_not_ask_for() {
    run(async {
        let stage = Stage::new();
        let old = [stage.one("a", node(1, 1))];
        assert!(stage.deploy(&old).await.is_complete());
        let drift = |plan: &Plan| plan.steps[0].drift;
        assert!(!drift(&stage.plan(&[stage.one("a", node(2, 1))]).await), "the description changed");
        stage.with(|world| world.find("node/a").size = 3);
        let plan = stage.plan(&old).await;
        assert!(drift(&plan) && plan.steps[0].action == Action::Update);
        assert!(stage.deploy(&old).await.is_complete());
        stage.with(|world| {
            let tags = &mut world.find("node/a").tags;
            tags.insert("stranger".into(), "1".into());
            tags.insert("Name".into(), "other".into());
            tags.insert("aws:managed".into(), "AWS's own".into());
        });
        let plan = stage.plan(&old).await;
        let paths: Vec<&str> = plan.steps[0].changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!((drift(&plan), paths), (true, vec!["tags.Name", "tags.stranger"]));
        assert!(stage.deploy(&old).await.is_complete());
        assert!(stage.plan(&old).await.is_empty());
        stage.with(|world| world.find("node/a").tags.insert(identity::FINGERPRINT.into(), "1-old".into()));
        let plan = stage.plan(&old).await;
        assert!(plan.is_empty() && acting(&plan).is_empty(), "a fingerprint is a record, not a wish");
        assert!(plan.stamps());
    });
}

#[test]
fn tags_of_the_description_follow_it() {
    run(async {
        let mut stage = Stage::new();
        assert!(stage.deploy(&[stage.one("a", node(1, 1)), stage.one("b", Late::default())]).await.is_complete());
        stage.tags.insert("team".into(), "web".into());
        let tagged = [stage.one("a", node(1, 1)), stage.one("b", Late::default())];
        let plan = stage.plan(&tagged).await;
        assert_eq!(acting(&plan), ["~ node/a"], "a kind without tags has none to change");
        assert_eq!(plan.steps[0].changes[0].path, "tags.team");
        assert!(!plan.steps[0].drift);
        stage.calls();
        assert!(stage.deploy(&tagged).await.is_complete());
        assert_eq!(stage.calls(), ["retag node/a"]);
    });
}

#[test]
fn data_is_neither_replaced_nor_deleted_unless_named() {
    run(async {
        let stage = Stage::new();
        let store = |zone, protected| stage.one("data", Store { zone, protected, ..Store::default() });
        assert!(stage.deploy(&[store(1, true)]).await.is_complete());
        let live = stage.live().await;
        let address = Address::new("store", "data");
        let only = BTreeSet::from([address]);
        let nothing = Policy::default();
        let named = Policy { replace: only.clone(), delete: only.clone(), ..Policy::default() };
        for (desired, remedy) in [(vec![], "--allow-delete"), (vec![store(2, true)], "--allow-replace")] {
            assert!(refused(&desired, &live, &nothing)[0].contains(remedy));
            assert!(refused(&desired, &live, &named)[0].contains("protected"));
            assert!(plan(&desired, &live, KINDS, &Policy { unprotect: only.clone(), ..named.clone() }).is_ok());
        }
        assert!(plan(&[store(1, false)], &live, KINDS, &nothing).is_ok(), "what is changed in place is not refused");
    });
}

#[test]
fn what_is_kept_keeps_what_it_needs() {
    run(async {
        let stage = Stage::new();
        let stack = [
            stage.one("base", node(1, 1)),
            stage.one("group", Node { lives_in: vec![to("node", "base")], ..node(1, 1) }),
            stage.one("other", Node { lives_in: vec![to("node", "base")], ..node(1, 1) }),
            stage.one("data", Store { uses: vec![to("node", "group")], ..Store::default() }),
        ];
        assert!(stage.deploy(&stack).await.is_complete());
        let keep = Policy {
            keep: BTreeMap::from([(Address::new("store", "data"), "it is wanted".to_owned())]),
            ..Policy::default()
        };
        let plan = plan(&[], &stage.live().await, KINDS, &keep).unwrap();
        assert_eq!(acting(&plan), ["- node/other"]);
        let kept: BTreeSet<&str> = plan.kept.iter().map(|(address, _)| address.as_str()).collect();
        assert_eq!(kept, BTreeSet::from(["node/base", "node/group", "store/data"]));
    });
}

#[test]
fn the_phase_decides_where_the_attributes_do_not() {
    run(async {
        let stage = Stage::new();
        let stack = [stage.one("a", node(1, 1))];
        assert!(stage.deploy(&stack).await.is_complete());
        let live = stage.live().await;
        let decide = |phase: Phase| {
            let mut live = live.clone();
            live[0].phase = phase;
            plan(&stack, &live, KINDS, &Policy::default()).unwrap()
        };
        let changing = decide(Phase::Changing("modifying".into()));
        assert!(changing.is_empty() && changing.steps[0].acts(), "it is waited for");
        assert_eq!(acting(&decide(Phase::Failed("no room".into()))), ["± node/a", "- node/a"]);
        let deleting = decide(Phase::Deleting("deleting".into()));
        assert_eq!(acting(&deleting), ["+ node/a"]);
        assert!(deleting.steps[0].unsettled && deleting.steps[0].reason.is_some());
        let mut leaving = live.clone();
        leaving[0].phase = Phase::Deleting("deleting".into());
        let kinds = [Kind { beside_deleted: true, ..Kind::of::<Node>() }];
        let beside = plan(&stack, &leaving, &kinds, &Policy::default()).unwrap();
        assert_eq!(acting(&beside), ["+ node/a"]);
        assert!(!beside.steps[0].unsettled && beside.steps[0].live.is_none(), "it is not waited for");
    });
}

#[test]
fn what_failed_makes_room_at_once_unless_it_holds_data() {
    run(async {
        // The name is needed by the user, which needs the other one as well: what serves waits for that before it goes.
        let stage = Stage::new();
        let stack = |size| {
            [
                stage.one("name", Unique::default()),
                stage.one("other", node(size, 1)),
                stage.one("user", Node { uses: vec![to("unique", "name"), to("node", "other")], ..node(1, 1) }),
            ]
        };
        assert!(stage.deploy(&stack(1)).await.is_complete());
        let waits = |phase: Phase, zone: u32, mut live: Vec<Seen>| {
            let mut desired = stack(2);
            desired[0] = stage.one("name", Unique { zone, ..Unique::default() });
            live.iter_mut().filter(|seen| seen.address.name() == "name").for_each(|seen| seen.phase = phase.clone());
            let plan = plan(&desired, &live, KINDS, &Policy::everything(&desired, &live)).unwrap();
            let place = |what: &str| {
                let is = |step: &Step| format!("{} {}", step.action.glyph(), step.address) == what;
                plan.steps.iter().position(is).unwrap_or_else(|| panic!("{what}: {:?}", acting(&plan)))
            };
            plan.graph.before(place("- unique/name")).contains(&place("~ node/other"))
        };
        let live = stage.live().await;
        assert!(waits(Phase::Ready, 1, live.clone()), "nothing is taken away before all is there that is needed");
        assert!(!waits(Phase::Failed("no room".into()), 0, live), "what failed serves nobody");
        let store = [stage.one("data", Store::default())];
        assert!(stage.deploy(&store).await.is_complete());
        let mut live = stage.live().await;
        live[0].phase = Phase::Failed("no room".into());
        assert!(refused(&store, &live, &Policy::default())[0].contains("--allow-replace store/data"));
    });
}

#[test]
fn an_output_that_is_not_there_yet_replaces_nothing() {
    run(async {
        let stage = Stage::new();
        let stack = [
            stage.one("base", node(1, 1)),
            stage.one("inside", Node { lives_in: vec![to("node", "base")], ..node(1, 1) }),
        ];
        assert!(stage.deploy(&stack).await.is_complete());
        let mut live = stage.live().await;
        for seen in live.iter_mut().filter(|seen| seen.address.name() == "base") {
            seen.outputs.clear();
            seen.phase = Phase::Changing("modifying".into());
        }
        let plan = plan(&stack, &live, KINDS, &Policy::default()).unwrap();
        assert_eq!(acting(&plan), ["= node/base", "~ node/inside"]);
    });
}

#[test]
fn references_that_lead_nowhere_or_round_are_told() {
    let stage = Stage::new();
    let uses = |name: &str, other: &str| stage.one(name, Node { uses: vec![to("node", other)], ..Node::default() });
    let error = plan(&[uses("a", "b")], &[], KINDS, &Policy::default()).unwrap_err();
    assert_eq!(error.to_string(), "node/a refers to node/b, which is not part of the stack.");
    let error = plan(&[uses("a", "b"), uses("b", "a")], &[], KINDS, &Policy::default()).unwrap_err();
    assert!(matches!(&error, Error::Circle(of) if of.len() == 2), "{error}");
    let error = plan(&[uses("a", "a")], &[], &[], &Policy::default()).unwrap_err();
    assert!(matches!(error, Error::Circle(_) | Error::UnknownKind(_)), "{error}");
}

#[test]
fn what_something_stands_in_is_not_made_a_second_time() {
    run(async {
        let stage = Stage::new();
        let inside = Node { lives_in: vec![to("node", "base")], ..node(1, 1) };
        let stack = [stage.one("base", node(1, 1)), stage.one("inside", inside)];
        assert!(stage.deploy(&stack).await.is_complete());
        let id = stage.with(|world| {
            let base = world.find("node/base");
            base.address = Address::new("stranger", "base");
            base.id.clone()
        });
        let live = stage.live().await;
        let told = refused(&stack, &live, &Policy::default());
        assert!(told[0].contains(&format!("infra import node/base {id}")), "{told:?}");
        let named = Policy { create: BTreeSet::from([Address::new("node", "base")]), ..Policy::default() };
        assert!(plan(&stack, &live, KINDS, &named).is_ok());
    });
}

#[test]
fn what_was_to_be_known_later_is_what_was_shown() {
    let address = Address::new("node", "a");
    let to = |after| [Change { path: "host".into(), before: json!("old"), after }];
    let (later, known, other) = (to(json!({"$ref": "node/b", "output": "id"})), to(json!("b")), to(json!("c")));
    let deed = |changes| Deed { address: &address, action: Action::Update, id: Some("1"), changes };
    assert!(deed(&known[..]).is(&deed(&later)) && deed(&known).is(&deed(&known)));
    assert!(!deed(&other).is(&deed(&known)), "it is another value than the one that was shown");
    assert!(!deed(&later).is(&deed(&known)), "what was shown is not known any more");
    assert!(!deed(&known).is(&deed(&[])));
}
