//! What is told of a deployment that failed, at once and later.

use super::*;

/// Throws in its second line.
const BROKEN: &str = "console.log(\"about to fail\");\nnull.nothing();\n";

#[test]
fn the_cause_of_a_failure_is_what_this_one_said_and_nothing_else() {
    let cloud = stage();
    cloud.write("broken.mjs", BROKEN);
    cloud.infra(&DEPLOY).succeeds();
    let deploy = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
        cloud.infra(&[&DEPLOY[..], &sets].concat())
    };
    // One that says why, another one, and one that says nothing.
    let first = deploy(&["service.local.command=echo no such table; exit 3"]).ends_with(1).told();
    assert!(first.contains("no such table"), "{first}");
    let broken = deploy(&["service.local.command=node broken.mjs"]).ends_with(1).told();
    for words in ["about to fail", "broken.mjs:2", "null.nothing();", "TypeError"] {
        assert!(broken.contains(words), "{words}: {broken}");
    }
    for words in ["no such table", "ready for", "Application:", "creation completed"] {
        assert!(!broken.contains(words), "{words}: {broken}");
    }
    // Nothing was in flight when the run before ended, and this one has nothing to wait for.
    assert!(!broken.contains("The last run ended"), "{broken}");
    let silent = deploy(&["service.local.command=exit 7"]).ends_with(1).told();
    assert!(silent.contains("exit code 7"), "{silent}");
    for words in ["TypeError", "ready for", "no such table", "/application:"] {
        assert!(!silent.contains(words), "{words}: {silent}");
    }

    // What is as described runs, so there is nothing to be warned of; and another change is shown in a few lines.
    let same = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(same.contains("No changes") && !same.contains("took"), "{same}");
    let other = cloud.infra(&["diff", "--local", "--set", "service.env.GREETING=other"]).succeeds().stdout();
    assert!(other.contains("AWS took the last change back: its operation"), "{other}");
    assert!(!other.contains("by hand") && !other.contains("exit code 7"), "{other}");
}
