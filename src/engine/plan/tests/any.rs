//! From any stack to any other: what holds of random ones.

use proptest::prelude::*;

use super::*;
use crate::engine::fake::Fake;

/// One resource of a random stack, in two versions of it.
#[derive(Debug, Clone)]
struct Sketch {
    kind: usize,
    versions: [Version; 2],
}

#[derive(Debug, Clone)]
struct Version {
    there: bool,
    size: u32,
    zone: u32,
    uses: Vec<usize>,
    lives_in: Vec<usize>,
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let links = || (prop::collection::vec(0usize..10, 0..3), prop::collection::vec(0usize..10, 0..2));
    let version = (prop::bool::weighted(0.85), 0u32..2, 0u32..2);
    let moved = prop::option::weighted(0.3, links());
    let one = (0usize..4, links(), moved, version.clone(), version);
    let one = one.prop_map(|(kind, links, moved, before, after)| {
        let new = moved.unwrap_or_else(|| links.clone());
        let version = |((there, size, zone), (uses, lives_in))| Version { there, size, zone, uses, lives_in };
        Sketch { kind, versions: [version((before, links)), version((after, new))] }
    });
    prop::collection::vec(one, 0..10)
}

/// The resources of a sketch in one version, each pointing only at earlier ones that are there.
fn draw(stage: &Stage, sketches: &[Sketch], version: usize) -> Vec<Desired> {
    const NAMES: [&str; 4] = ["node", "unique", "store", "late"];
    let mut desired = Vec::new();
    for (place, sketch) in sketches.iter().enumerate().filter(|(_, sketch)| sketch.versions[version].there) {
        let Version { size, zone, uses, lives_in, .. } = sketch.versions[version].clone();
        // A node comes before everything that is late, so it cannot use that.
        let points = |places: Vec<usize>| -> Vec<_> {
            let earlier = places.into_iter().filter(|&other| other < place);
            let others = earlier.map(|other| (other, &sketches[other]));
            let there =
                others.filter(|(_, other)| other.versions[version].there && (other.kind != 3 || sketch.kind == 3));
            there.map(|(other, sketch)| to(NAMES[sketch.kind], &format!("n{other}"))).collect()
        };
        // As among AWS's kinds: what lives in something that goes first is itself of a kind that goes first.
        let houses: Vec<usize> = lives_in
            .into_iter()
            .filter(|&other| sketch.kind == 1 || sketches[other % sketches.len()].kind != 1)
            .collect();
        let (uses, lives_in, name) = (points(uses), points(houses), format!("n{place}"));
        desired.push(match sketch.kind {
            0 => stage.one(&name, Fake::<0> { size, zone, uses, lives_in, ..Fake::default() }),
            1 => stage.one(&name, Fake::<1> { size, zone, uses, lives_in, ..Fake::default() }),
            2 => stage.one(&name, Fake::<2> { size, zone, uses, lives_in, ..Fake::default() }),
            _ => stage.one(&name, Fake::<3> { size, zone, uses, lives_in, ..Fake::default() }),
        });
    }
    desired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_deployed_needs_nothing_more(sketch in sketches()) {
        run(async {
            let stage = Stage::new();
            let desired = draw(&stage, &sketch, 0);
            let outcome = stage.deploy(&desired).await;
            assert!(outcome.is_complete(), "{:?}", outcome.failed);
            assert!(stage.plan(&desired).await.is_empty());
            stage.calls();
            assert!(stage.deploy(&desired).await.is_complete());
            assert_eq!(stage.calls(), Vec::<String>::new());
            assert!(stage.deploy(&[]).await.is_complete());
            assert!(stage.with(|world| world.items.is_empty() && world.busy.is_empty()));
        });
    }

    /// From any stack to any other there is a plan, in whose order nothing is in the way, and one run of it is enough.
    #[test]
    fn any_stack_becomes_any_other(sketch in sketches()) {
        run(async {
            let stage = Stage::new();
            assert!(stage.deploy(&draw(&stage, &sketch, 0)).await.is_complete());
            let desired = draw(&stage, &sketch, 1);
            let plan = stage.plan(&desired).await;
            for (place, step) in plan.steps.iter().enumerate() {
                assert!(plan.graph.before(place).iter().all(|&first| first < place), "{}", step.address);
            }
            let outcome = stage.deploy(&desired).await;
            assert!(outcome.is_complete(), "{:?}", outcome.failed);
            assert_eq!(stage.with(|world| world.busy.clone()), Vec::<String>::new());
            assert!(stage.plan(&desired).await.is_empty());
            assert_eq!(stage.with(|world| world.items.len()), desired.len());
        });
    }
}
