//! Lists and descriptions that are behind: nothing is ever made twice, also by a run after one that was killed or stopped.

use std::{fmt, time::Duration};

use serde_json::json;

use super::{
    account::{Account, DELETE_DATA},
    all, conclude,
};
use crate::binary::Cloud;

const BEHIND: u64 = 5000;

/// How the first run ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Undisturbed,
    /// Killed while a call is held after it was executed, and run again at once.
    Killed(&'static str),
    /// An answer is lost besides.
    Unanswered(&'static str),
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?} with everything {BEHIND} ms behind")
    }
}

/// Everything that is made by a call without a name that AWS holds unique, or by any.
const ENDS: [End; 9] = [
    End::Undisturbed,
    End::Killed("ec2.CreateVpc"),
    End::Killed("ec2.CreateSubnet"),
    End::Killed("ec2.CreateInternetGateway"),
    End::Killed("ec2.AllocateAddress"),
    End::Killed("ec2.CreateRouteTable"),
    End::Killed("ec2.CreateNatGateway"),
    End::Unanswered("ec2.CreateVpc"),
    End::Unanswered("ec2.AllocateAddress"),
];

fn play(cloud: &Cloud, end: End) -> String {
    let account = Account::new(cloud);
    account.describe("network: {endpoints: [s3]}\n");
    let lag = |account: &Account<'_>| account.fault(json!({"call": "*", "effect": {"lag": {"ms": BEHIND}}}));
    lag(&account);
    match end {
        End::Undisturbed => {}
        End::Killed(call) => {
            let rule = account.fault(json!({"call": call, "nth": 1, "effect": {"hold": {"at": "after"}}}));
            assert!(account.kill_at(rule, "deploy", &["--yes"]).is_none(), "{call} was not called");
        }
        End::Unanswered(call) => {
            account.fault(json!({"call": call, "nth": 1, "effect": "drop"}));
        }
    }
    account.run("deploy", &["--yes"]).succeeds();
    let made = account.log();
    let count = |call: &str| made.lines().filter(|line| line.contains(call)).count();
    let times = [
        count(" CreateVpc 200"),
        count(" CreateSubnet 200"),
        count(" AllocateAddress 200"),
        count(" CreateNatGateway 200"),
    ];
    assert_eq!(times, [1, 6, 1, 1], "something was made twice\n{made}");
    account.clear();
    std::thread::sleep(Duration::from_millis(10));
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
    let results = all(&ENDS, |end| play(&cloud, *end));
    conclude(&ENDS, &results);
}
