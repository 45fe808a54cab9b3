//! Killed at every call that changes something: before it is executed, after it, or without its answer.
//!
//! An undisturbed run tells which calls there are and what is to be there afterwards. Each case then disturbs one call of a run
//! in an account of its own, runs the same command again, and demands the same inventory, a plan with nothing to do, one
//! password, and the rows that were there before.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;

use super::{
    account::{Account, DELETE_DATA},
    all, conclude, number, seed,
};
use crate::binary::Cloud;

/// Everything that a stack can have, and nothing that stays after it.
const FULL: &str = concat!(
    "database: {readers: 1, protect: false, on_destroy: delete}\n",
    "secret: {on_destroy: purge}\n",
    "proxy: {}\n",
    "migrations: {folder: ",
    env!("CARGO_MANIFEST_DIR"),
    "/example/drizzle/migrations, runner: lambda}\n",
    "network: {endpoints: [s3]}\n",
    "service: {image: public.ecr.aws/aws-containers/hello-app-runner:latest}\n",
);

/// The same in three zones: subnets come, and with them another group and another connector, which cannot be moved; the auto
/// scaling configuration is another revision; the cluster is changed in place, and so is the function, whose program is another.
const CHANGED: &str = concat!(
    "database: {readers: 0, protect: false, on_destroy: delete, capacity: {max: 8}}\n",
    "secret: {on_destroy: purge, description: of the database}\n",
    "proxy: {max_connections: 80 %}\n",
    "migrations: {folder: ",
    env!("CARGO_MANIFEST_DIR"),
    "/example/drizzle/migrations, runner: lambda}\n",
    "network: {zones: 3, nat: per-zone}\n",
    "service: {image: \"public.ecr.aws/aws-containers/hello-app-runner:2\", scaling: {max: 10}, env: {A: b}}\n",
);

/// A run that is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Run {
    Deploy,
    Update,
    Destroy,
}

impl Run {
    pub(super) const ALL: [Self; 3] = [Self::Deploy, Self::Update, Self::Destroy];

    /// Brings the account to where the run begins.
    pub(super) fn prepare(self, account: &Account<'_>) {
        account.describe(FULL);
        if self != Self::Deploy {
            account.run("deploy", &["--yes"]).succeeds();
            account.psql("create table kept (word text)");
            account.psql("insert into kept values ('still here')");
        }
        if self == Self::Update {
            account.describe(CHANGED);
            account.program("of another version");
        }
    }

    pub(super) fn command(self) -> (&'static str, Vec<&'static str>) {
        match self {
            Self::Deploy | Self::Update => ("deploy", vec!["--yes"]),
            Self::Destroy => ("destroy", [&["--yes"], &DELETE_DATA[..]].concat()),
        }
    }

    /// What must hold after it, whatever happened on the way.
    pub(super) fn check(self, account: &Account<'_>) {
        account.check_password();
        match self {
            Self::Destroy => {}
            Self::Deploy | Self::Update => account.check_converged(),
        }
        if self == Self::Update {
            assert_eq!(account.psql("select word from kept"), "still here");
        }
    }
}

/// What is done to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// The client is killed before the call is executed.
    Before,
    /// The client is killed after the call was executed, before it is answered.
    After,
    /// The call is executed and never answered; the client lives.
    Unanswered,
}

impl Blow {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::After, Self::Unanswered];
}

/// One call of one run, and what is done to it.
#[derive(Debug, Clone)]
struct Case {
    run: Run,
    /// E.g. `ec2.CreateSubnet`.
    call: String,
    /// The n-th such call of the run.
    nth: u64,
    blow: Blow,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blow = match self.blow {
            Blow::Before => "killed before",
            Blow::After => "killed after",
            Blow::Unanswered => "no answer to",
        };
        write!(out, "{:?}, {blow} {} no. {}", self.run, self.call, self.nth)
    }
}

/// What an undisturbed run calls and leaves.
struct Reference {
    calls: BTreeMap<String, u64>,
    inventory: Vec<String>,
}

/// Whether a call changes something.
fn changes(call: &str) -> bool {
    let action = call.split_once('.').map_or(call, |(_, action)| action);
    !["Describe", "List", "Get"].iter().any(|verb| action.starts_with(verb))
}

/// Plays a run undisturbed. The cloud must serve nobody else, for it counts the calls of all accounts.
fn reference(cloud: &Cloud, run: Run) -> Reference {
    let account = Account::new(cloud);
    run.prepare(&account);
    let (verb, more) = run.command();
    cloud.forget_calls();
    account.run(verb, &more).succeeds();
    let mut calls: BTreeMap<String, u64> = cloud.calls().into_iter().filter(|(call, _)| changes(call)).collect();
    // How often the lock is renewed goes by the clock.
    calls.entry("ssm.PutParameter".to_owned()).and_modify(|count| *count = 1);
    run.check(&account);
    let inventory = account.inventory();
    if run == Run::Destroy {
        assert_eq!(inventory, [] as [&str; 0], "nothing is left");
    }
    clean(&account);
    Reference { calls, inventory }
}

/// Takes everything away for the next one, which must leave nothing.
pub(super) fn clean(account: &Account<'_>) {
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    assert_eq!(account.inventory(), [] as [&str; 0], "destroyed, and yet there is something left");
    account.forget();
}

/// Every call of every run, with every blow.
fn cases(references: &BTreeMap<Run, Reference>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (&run, reference) in references {
        for (call, &count) in &reference.calls {
            for nth in 1..=count {
                cases.extend(Blow::ALL.map(|blow| Case { run, call: call.clone(), nth, blow }));
            }
        }
    }
    cases
}

/// Plays a case; a word for the table.
fn play(cloud: &Cloud, case: &Case, reference: &Reference) -> String {
    let account = Account::new(cloud);
    case.run.prepare(&account);
    let (verb, more) = case.run.command();
    let rule = |effect| json!({"call": case.call, "nth": case.nth, "effect": effect});
    let disturbed = match case.blow {
        Blow::Before => account.kill_at(account.fault(rule(json!({"hold": {"at": "before"}}))), verb, &more),
        Blow::After => account.kill_at(account.fault(rule(json!({"hold": {"at": "after"}}))), verb, &more),
        Blow::Unanswered => {
            account.fault(rule(json!("drop")));
            Some(account.run(verb, &more))
        }
    };
    let struck = account.clear();
    assert_eq!(struck, [1], "{case}: the call was not made\n{}", account.log());
    let word = match disturbed {
        None => "killed",
        Some(run) if run.code() == Some(0) => "mended at once",
        Some(_) => "mended by the next run",
    };
    account.run(verb, &more).succeeds();
    let (left, wanted) = (account.inventory(), &reference.inventory);
    let too_many: Vec<_> = left.iter().filter(|item| !wanted.contains(item)).collect();
    let missing: Vec<_> = wanted.iter().filter(|item| !left.contains(item)).collect();
    assert!(left == *wanted, "too many: {too_many:#?}\nmissing: {missing:#?}\n{}", account.log());
    case.run.check(&account);
    clean(&account);
    word.to_owned()
}

fn references(cloud: &Cloud) -> BTreeMap<Run, Reference> {
    Run::ALL.into_iter().map(|run| (run, reference(cloud, run))).collect()
}

#[test]
fn killed_anywhere_the_next_run_finishes_the_job() {
    let cloud = Cloud::start();
    let references = references(&cloud);
    let mut cases = cases(&references);
    cases.shuffle(&mut StdRng::seed_from_u64(seed()));
    cases.truncate(60);
    let results = all(&cases, |case| play(&cloud, case, &references[&case.run]));
    conclude(&cases, &results);
}

/// The whole matrix, as a table.
#[test]
#[ignore = "takes long: scripts/matrix runs it"]
fn matrix() {
    let cloud = Cloud::start();
    let begun = Instant::now();
    let references = references(&cloud);
    let mut cases = cases(&references);
    let wanted = std::env::var("INFRA_CALLS").unwrap_or_default();
    cases.retain(|case| case.call.starts_with(&wanted));
    let all_cases = cases.len();
    cases.shuffle(&mut StdRng::seed_from_u64(seed()));
    cases.truncate(usize::try_from(number("INFRA_CASES", u64::MAX)).unwrap_or(usize::MAX));
    let results = all(&cases, |case| play(&cloud, case, &references[&case.run]));
    let mut lines: BTreeMap<(Run, &str), [String; 3]> = BTreeMap::new();
    for (case, result) in cases.iter().zip(&results) {
        let line = lines.entry((case.run, &case.call)).or_default();
        let cell = &mut line[Blow::ALL.iter().position(|blow| *blow == case.blow).expect("one of them")];
        cell.push(match result.as_deref() {
            Ok("killed" | "mended at once") => '✓',
            Ok(_) => '↻',
            Err(_) => '✗',
        });
    }
    println!("\n| run | call | killed before | killed after | not answered |\n|---|---|---|---|---|");
    for ((run, call), [before, after, unanswered]) in &lines {
        println!("| {run:?} | {call} | {before} | {after} | {unanswered} |");
    }
    println!(
        "\n✓ converged by one plain run afterwards (without an answer: by itself); ↻ failed without the answer, and the next run mended it; ✗ not converged."
    );
    for run in Run::ALL {
        let own = cases.iter().zip(&results).filter(|(case, _)| case.run == run);
        let (count, good) =
            own.fold((0, 0), |(count, good), (_, result)| (count + 1, good + usize::from(result.is_ok())));
        let calls: u64 = references[&run].calls.values().sum();
        println!("{run:?}: {calls} calls × {} cases, {count} played, {good} converged.", Blow::ALL.len());
    }
    println!(
        "{} of {all_cases} cases, seed {}, {:.0?}.",
        cases.len(),
        seed(),
        Duration::from_secs(begun.elapsed().as_secs())
    );
    conclude(&cases, &results);
}
