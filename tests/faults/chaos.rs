//! Random faults over random stacks that are made, changed and destroyed: each run ends well, or with an error that the same
//! command without faults mends.

use super::{
    account::{Account, DELETE_DATA},
    all, conclude, number,
    plan::{Plan, Trouble},
    seed,
};
use crate::binary::Cloud;

/// Plays a plan; how the three runs ended.
fn play(cloud: &Cloud, plan: &Plan) -> String {
    let account = Account::new(cloud);
    let delete = [&["--yes"], &DELETE_DATA[..]].concat();
    // A cluster that failed before it was ever there is replaced only when it is named.
    let deploy = ["--yes", "--allow-replace", "cluster/database"];
    let change = if plan.keeps_data { delete.clone() } else { [&deploy[..], &DELETE_DATA[..]].concat() };
    let mut words = Vec::new();
    account.describe(&plan.before);
    words.push(disturbed(&account, &plan.deploy, "deploy", &deploy));
    let has_data = !account.databases().is_empty();
    if has_data {
        account.psql("create table kept (word text)");
        account.psql("insert into kept values ('still here')");
    }
    account.describe(&plan.after);
    words.push(disturbed(&account, &plan.change, "deploy", &change));
    if has_data && plan.keeps_data {
        assert_eq!(account.psql("select word from kept"), "still here");
    }
    words.push(disturbed(&account, &plan.destroy, "destroy", &delete));
    // What the description no longer has goes as nothing else is said: with a snapshot, and a secret that can be restored.
    let stays = |item: &String| {
        plan.drops_data
            && (item.starts_with("rds db-cluster-snapshot ") || item.contains("-database scheduled for deletion "))
    };
    let left: Vec<String> = account.inventory().into_iter().filter(|item| !stays(item)).collect();
    assert_eq!(left, [] as [&str; 0], "destroyed, and yet there is something left");
    account.forget();
    words.join(", ")
}

/// A run under faults, and then the same without: that one has to succeed.
fn disturbed(account: &Account<'_>, trouble: &Trouble, verb: &str, more: &[&str]) -> &'static str {
    for rule in &trouble.rules {
        account.fault(rule.clone());
    }
    // What a list that is behind does not show can keep a deletion waiting: for so many minutes, and not for an hour.
    let bounded = [more, &["--timeout", "2"]].concat();
    let word = match trouble.killed {
        Some(after) => ended(account.kill_after(after, verb, &bounded)),
        None => ended(account.run(verb, &bounded).code()),
    };
    // The passwords that there are now are gone when everything is destroyed.
    account.check_secrecy();
    account.clear();
    // Half-way, too, looking changes nothing.
    account.look(&[]);
    // What lags shows by then; nobody runs the same command again within moments of a kill.
    account.run(verb, more).succeeds();
    account.check_password();
    if verb == "deploy" {
        account.check_converged();
    }
    word
}

fn ended(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => "done",
        Some(1) => "failed",
        Some(other) => panic!("exit code {other}"),
        None => "killed",
    }
}

fn plans(count: u64) -> Vec<Plan> {
    (0..count).map(|number| Plan::draw(seed() * 1000 + number)).collect()
}

#[test]
fn whatever_goes_wrong_the_same_command_mends_it() {
    let cloud = Cloud::start();
    let plans = plans(10);
    let results = all(&plans, |plan| play(&cloud, plan));
    conclude(&plans, &results);
}

/// All of them, with a table of how they ended.
#[test]
#[ignore = "takes long: scripts/matrix runs it"]
fn chaos() {
    let cloud = Cloud::start();
    let plans = plans(number("INFRA_PLANS", 200));
    let results = all(&plans, |plan| play(&cloud, plan));
    let ends: Vec<&str> = results.iter().flatten().flat_map(|words| words.split(", ")).collect();
    let count = |word: &str| ends.iter().filter(|end| **end == word).count();
    let rules: usize =
        plans.iter().map(|plan| plan.deploy.rules.len() + plan.change.rules.len() + plan.destroy.rules.len()).sum();
    println!(
        "\nChaos: {} plans with {rules} rules over deploy, change, destroy: {} runs were done in spite of them, {} failed and {} were \
         killed; {} plans converged by the same command without faults. Seed {}.",
        plans.len(),
        count("done"),
        count("failed"),
        count("killed"),
        results.iter().filter(|result| result.is_ok()).count(),
        seed()
    );
    conclude(&plans, &results);
}
