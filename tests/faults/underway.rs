//! Killed at any moment while AWS works: not at a call, but in between, with clusters, instances, proxies and services on their way.
//!
//! The cloud takes its time here, a part of AWS's; the same command afterwards meets everything in the states in which the killed one
//! left it.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    account::Account,
    all, conclude,
    matrix::{Run, clean},
    number, seed,
};
use crate::binary::Cloud;

/// A hundred and twentieth of AWS's times: a deploy takes some ten seconds.
const PACE: &str = "120";

/// A run that is killed after a part of the time that it takes, of a thousand.
#[derive(Debug)]
struct Case {
    run: Run,
    part: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}, killed after {} % of its time", self.run, f64::from(self.part) / 10.0)
    }
}

/// What an undisturbed run takes and leaves.
struct Reference {
    time: Duration,
    inventory: Vec<String>,
}

fn reference(cloud: &Cloud, run: Run) -> Reference {
    let account = Account::new(cloud);
    run.prepare(&account);
    let (verb, more) = run.command();
    let begun = Instant::now();
    account.run(verb, &more).succeeds();
    let time = begun.elapsed();
    run.check(&account);
    let inventory = account.inventory();
    clean(&account);
    Reference { time, inventory }
}

/// What AWS is at work on.
fn under_way(inventory: &[String]) -> Vec<&str> {
    let works = ["creating", "modifying", "deleting", "pending", "OPERATION_IN_PROGRESS", "configuring"];
    let busy = inventory.iter().filter(|item| item.split_whitespace().any(|word| works.contains(&word)));
    busy.filter_map(|item| item.split_whitespace().nth(1)).collect()
}

fn play(cloud: &Cloud, case: &Case, reference: &Reference) -> String {
    let account = Account::new(cloud);
    case.run.prepare(&account);
    let (verb, more) = case.run.command();
    let ended = account.kill_after(reference.time * case.part / 1000, verb, &more);
    let there = account.inventory();
    let busy = under_way(&there).join(", ");
    account.look(&[]);
    account.run(verb, &more).succeeds();
    assert_eq!(account.inventory(), reference.inventory, "{}", account.log());
    case.run.check(&account);
    clean(&account);
    match ended {
        None => busy,
        // The machine is faster by then than while the undisturbed run was measured.
        Some(0) => String::new(),
        Some(code) => panic!("it had ended with {code}"),
    }
}

fn moments(count: u64) -> Vec<Case> {
    let dice = &mut StdRng::seed_from_u64(seed());
    (0..count).flat_map(|_| Run::ALL).map(|run| Case { run, part: dice.random_range(20..850) }).collect()
}

fn killed_at(count: u64) -> Vec<String> {
    let cloud = Cloud::paced(PACE);
    let references: BTreeMap<Run, Reference> = std::thread::scope(|scope| {
        let runs = Run::ALL.map(|run| {
            (
                run,
                scope.spawn({
                    let cloud = &cloud;
                    move || reference(cloud, run)
                }),
            )
        });
        runs.into_iter().map(|(run, thread)| (run, thread.join().expect("an undisturbed run succeeds"))).collect()
    });
    let cases = moments(count);
    let results = all(&cases, |case| play(&cloud, case, &references[&case.run]));
    conclude(&cases, &results);
    let busy: Vec<String> = results.into_iter().flatten().filter(|busy| !busy.is_empty()).collect();
    // How many do so goes by how busy the machine is.
    assert!(!busy.is_empty(), "no kill fell into a moment at which something was under way");
    busy
}

#[test]
fn killed_while_aws_works_the_next_run_finishes_the_job() {
    killed_at(3);
}

/// Many moments, and what was under way.
#[test]
#[ignore = "takes long: scripts/matrix runs it"]
fn underway() {
    let count = number("INFRA_MOMENTS", 20);
    let begun = Instant::now();
    let busy = killed_at(count);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in busy.iter().flat_map(|busy| busy.split(", ")) {
        *kinds.entry(kind).or_default() += 1;
    }
    println!(
        "\nKilled at {} moments of a deploy, an update and a destruction each, with AWS's times by {PACE}: all converged. Something was under \
         way at {} of them: {}. Seed {}, {:.0?}.",
        count,
        busy.len(),
        kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", "),
        seed(),
        Duration::from_secs(begun.elapsed().as_secs())
    );
}
