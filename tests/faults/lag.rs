//! Lists and descriptions that are behind: nothing is ever made twice, also by a run at once after one that was killed, told to stop, or failed.

use std::{collections::BTreeMap, fmt, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{
    account::{Account, DELETE_DATA},
    all, conclude,
    plan::MIGRATIONS,
};
use crate::binary::Cloud;

const BEHIND: u64 = 5000;

/// How the first run ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Undisturbed,
    /// Killed while a call is held after it was executed, and run again at once.
    Killed(&'static str),
    /// Told to stop while a call is held after it was executed, and run again at once.
    Interrupted(&'static str),
    /// Without credentials from the moment on at which a call was executed, and run again with them at once.
    Failed(&'static str),
    /// An answer is lost besides.
    Unanswered(&'static str),
}

/// What is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stack {
    Network,
    Whole,
}

impl Stack {
    fn description(self) -> String {
        match self {
            Self::Network => "network: {endpoints: [s3]}\n".to_owned(),
            Self::Whole => format!(
                "database: {{protect: false, on_destroy: delete}}\nsecret: {{on_destroy: purge}}\nproxy: {{}}\n\
                 migrations: {{folder: {MIGRATIONS}}}\nservice: {{image: \"public.ecr.aws/x/y:1\"}}\n"
            ),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Case(Stack, End);

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}, {:?}, with everything {BEHIND} ms behind", self.0, self.1)
    }
}

/// Everything that is made by a call without a name that AWS holds unique, or by any; and what App Runner gives revisions.
const CASES: [Case; 18] = [
    Case(Stack::Whole, End::Undisturbed),
    Case(Stack::Whole, End::Killed("apprunner.CreateAutoScalingConfiguration")),
    Case(Stack::Whole, End::Killed("rds.CreateDBCluster")),
    Case(Stack::Network, End::Undisturbed),
    Case(Stack::Network, End::Killed("ec2.CreateVpc")),
    Case(Stack::Network, End::Killed("ec2.CreateSubnet")),
    Case(Stack::Network, End::Killed("ec2.CreateInternetGateway")),
    Case(Stack::Network, End::Killed("ec2.AllocateAddress")),
    Case(Stack::Network, End::Killed("ec2.CreateRouteTable")),
    Case(Stack::Network, End::Killed("ec2.CreateNatGateway")),
    Case(Stack::Network, End::Interrupted("ec2.CreateVpc")),
    Case(Stack::Network, End::Interrupted("ec2.AllocateAddress")),
    Case(Stack::Network, End::Interrupted("ec2.CreateNatGateway")),
    Case(Stack::Network, End::Failed("ec2.CreateVpc")),
    Case(Stack::Network, End::Failed("ec2.CreateInternetGateway")),
    Case(Stack::Network, End::Failed("ec2.AllocateAddress")),
    Case(Stack::Network, End::Unanswered("ec2.CreateVpc")),
    Case(Stack::Network, End::Unanswered("ec2.AllocateAddress")),
];

/// How often each call has made something.
fn made(account: &Account<'_>) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for line in account.log().lines().filter(|line| line.contains(" 200")) {
        let making = |word: &&str| word.starts_with("Create") || *word == "AllocateAddress";
        if let Some(call) = line.split_whitespace().find(making) {
            *made.entry(call.to_owned()).or_default() += 1;
        }
    }
    made
}

/// What an undisturbed run makes, and leaves.
fn reference(cloud: &Cloud, stack: Stack) -> (BTreeMap<String, usize>, Vec<String>) {
    let account = Account::new(cloud);
    account.describe(&stack.description());
    account.run("deploy", &["--yes"]).succeeds();
    let (made, inventory) = (made(&account), account.inventory());
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    account.forget();
    assert!(made.contains_key("CreateVpc") && !inventory.is_empty(), "{made:?}");
    (made, inventory)
}

fn play(cloud: &Cloud, Case(stack, end): Case, reference: &(BTreeMap<String, usize>, Vec<String>)) -> String {
    let account = Account::new(cloud);
    account.describe(&stack.description());
    let lag = |account: &Account<'_>| account.fault(json!({"call": "*", "effect": {"lag": {"ms": BEHIND}}}));
    lag(&account);
    let held = |call| account.fault(json!({"call": call, "nth": 1, "effect": {"hold": {"at": "after"}}}));
    match end {
        End::Undisturbed => {}
        End::Killed(call) => {
            assert!(account.kill_at(held(call), "deploy", &["--yes"]).is_none(), "{call} was not called");
        }
        End::Interrupted(call) => {
            let run = account.run_with(held(call), "deploy", &["--yes"], |child| {
                kill_process(Pid::from_child(child), Signal::INT).expect("the process can be signalled");
                // The signal is to be heard before the answer is.
                std::thread::sleep(Duration::from_millis(300));
            });
            run.ends_with(130);
        }
        End::Failed(call) => {
            let mut expired = None;
            let run = account.run_with(held(call), "deploy", &["--yes"], |_| {
                let refuse = json!({"refuse": {"code": "ExpiredToken", "status": 403}});
                expired = Some(account.fault(json!({"call": "ec2.*", "effect": refuse})));
            });
            run.ends_with(1);
            account.withdraw(expired.expect("the call was held"));
        }
        End::Unanswered(call) => {
            account.fault(json!({"call": call, "nth": 1, "effect": "drop"}));
        }
    }
    account.run("deploy", &["--yes"]).succeeds();
    assert_eq!(made(&account), reference.0, "something was made twice\n{}", account.log());
    assert_eq!(account.inventory(), reference.1);
    account.clear();
    std::thread::sleep(Duration::from_millis(10));
    account.check_password();
    account.check_converged();
    lag(&account);
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    assert_eq!(account.inventory(), [] as [&str; 0], "destroyed, and yet there is something left");
    account.clear();
    account.forget();
    "nothing twice".to_owned()
}

#[test]
fn nothing_is_made_twice_because_a_list_is_behind() {
    let cloud = Cloud::start();
    let references = [Stack::Network, Stack::Whole].map(|stack| (stack, reference(&cloud, stack)));
    let references = BTreeMap::from(references);
    let results = all(&CASES, |case| play(&cloud, *case, &references[&case.0]));
    conclude(&CASES, &results);
}
