//! Resources that AWS gives up on: the error names the address, AWS's reason, what was logged, and the next step; what does not
//! depend on it is completed; when the cause is gone, the same command succeeds.

use std::fmt;

use serde_json::{Value, json};

use super::{
    account::{Account, DELETE_DATA},
    all, conclude,
    plan::MIGRATIONS,
};
use crate::binary::Cloud;

struct Case {
    what: &'static str,
    /// Whether the stack is there before, and is changed.
    changed: bool,
    rule: Value,
    /// What fails.
    address: &'static str,
    /// What the error says.
    told: &'static [&'static str],
    /// What is done all the same.
    done: &'static [&'static str],
    /// What is not begun, because it depends on it.
    skipped: &'static [&'static str],
    /// What the run that mends it has to be given besides.
    named: &'static [&'static str],
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.what)
    }
}

fn fail(call: &str, why: &str) -> Value {
    json!({"call": call, "nth": 1, "effect": {"fail": {"why": why}}})
}

fn unavailable(reason: &str, why: &str) -> Value {
    let health = json!({"State": "UNAVAILABLE", "Reason": reason, "Description": why});
    json!({"call": "rds.DescribeDBProxyTargets", "effect": {"show": {"path": "Targets.*.TargetHealth", "value": health}}})
}

fn cases() -> Vec<Case> {
    const SAME_COMMAND: &str = "run the same command again";
    vec![
        Case {
            what: "a cluster",
            changed: false,
            rule: fail("rds.CreateDBCluster", "Storage quota exceeded."),
            address: "cluster/database",
            told: &[
                "`failed`",
                "Storage quota exceeded.",
                "holds nothing yet",
                "run the same command again with `--allow-replace cluster/database`",
            ],
            done: &["nat-gateway/1", "vpc-connector/main"],
            skipped: &["instance/1", "migrations/database", "service/main"],
            named: &["--allow-replace", "cluster/database"],
        },
        Case {
            what: "an instance",
            changed: false,
            rule: fail("rds.CreateDBInstance", "No capacity for db.serverless in this zone."),
            address: "instance/1",
            told: &["`failed`", "RDS reports", "No capacity for db.serverless in this zone.", SAME_COMMAND],
            done: &["nat-gateway/1", "proxy/database", "vpc-connector/main"],
            skipped: &["proxy-target/database", "migrations/database", "service/main"],
            named: &[],
        },
        Case {
            what: "a proxy",
            changed: false,
            rule: fail("rds.CreateDBProxy", "Not enough addresses in the subnets."),
            address: "proxy/database",
            told: &["`insufficient-resource-limits`", "Not enough addresses in the subnets.", SAME_COMMAND],
            done: &["nat-gateway/1", "instance/1"],
            skipped: &["proxy-target/database", "service/main"],
            named: &[],
        },
        Case {
            what: "a proxy's target that cannot log in",
            changed: false,
            rule: unavailable("AUTH_FAILURE", "Proxy does not have any registered credentials"),
            address: "proxy-target/database",
            told: &["AUTH_FAILURE", "Proxy does not have any registered credentials", "kms:Decrypt", SAME_COMMAND],
            done: &["nat-gateway/1", "instance/1", "proxy/database"],
            skipped: &["migrations/database", "service/main"],
            named: &[],
        },
        Case {
            what: "a proxy's target that does not come up",
            changed: false,
            rule: unavailable("PENDING_PROXY_CAPACITY", "DBProxy Target is waiting for capacity"),
            address: "proxy-target/database",
            told: &[
                "PENDING_PROXY_CAPACITY",
                "DBProxy Target is waiting for capacity",
                "cannot work as it is",
                "free addresses",
                SAME_COMMAND,
            ],
            done: &["nat-gateway/1", "instance/1", "proxy/database"],
            skipped: &["migrations/database", "service/main"],
            named: &[],
        },
        Case {
            what: "a proxy's target that does not reach the database",
            changed: false,
            rule: unavailable("UNREACHABLE", "No route."),
            address: "proxy-target/database",
            told: &["UNREACHABLE, No route.", "the security group of the database", SAME_COMMAND],
            done: &["nat-gateway/1", "instance/1", "proxy/database"],
            skipped: &["migrations/database", "service/main"],
            named: &[],
        },
        Case {
            what: "a NAT gateway",
            changed: false,
            rule: fail("ec2.CreateNatGateway", "Network interface limit exceeded."),
            address: "nat-gateway/1",
            told: &["Network interface limit exceeded. (InternalError)", SAME_COMMAND],
            done: &["cluster/database", "instance/1", "proxy-target/database"],
            skipped: &["route-table/private-1"],
            named: &[],
        },
        Case {
            what: "a service that is made",
            changed: false,
            rule: fail("apprunner.CreateService", "Health check failed on protocol HTTP."),
            address: "service/main",
            told: &["CREATE_FAILED", "Service creation failed. Health check failed on protocol HTTP.", SAME_COMMAND],
            done: &["nat-gateway/1", "proxy-target/database", "migrations/database"],
            skipped: &[],
            named: &[],
        },
        Case {
            what: "a service's update that is rolled back",
            changed: true,
            rule: fail("apprunner.UpdateService", "The container exited with 1."),
            address: "service/main",
            told: &[
                "AWS reverted the change of service/main",
                "ROLLBACK_SUCCEEDED",
                "Service update failed and was rolled back. The container exited with 1.",
                "Its former configuration is in effect again.",
                SAME_COMMAND,
            ],
            done: &["auto-scaling/main"],
            skipped: &[],
            named: &[],
        },
    ]
}

/// The events of a run with `--json`; the last one tells how it ended.
fn finished(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["event"] == "finished").expect("a run tells how it ended")
}

fn addresses<'v>(end: &'v Value, list: &str) -> Vec<&'v str> {
    end[list].as_array().into_iter().flatten().filter_map(|one| one["address"].as_str()).collect()
}

fn description(version: u32) -> String {
    format!(
        "database: {{protect: false, on_destroy: delete}}\nsecret: {{on_destroy: purge}}\nproxy: {{}}\n\
         migrations: {{folder: {MIGRATIONS}}}\n\
         service: {{image: \"public.ecr.aws/x/y:{version}\", scaling: {{max: {version}}}}}\n"
    )
}

fn play(cloud: &Cloud, case: &Case) -> String {
    let account = Account::new(cloud);
    account.describe(&description(1));
    if case.changed {
        account.run("deploy", &["--yes"]).succeeds();
        account.describe(&description(2));
    }
    account.fault(case.rule.clone());
    let run = account.run("deploy", &["--yes", "--json", "--timeout", "1"]).ends_with(1);
    let lines = run.lines();
    let end = finished(&lines);
    assert_eq!(addresses(end, "failed"), [case.address], "{end:#}");
    let error = &end["failed"][0]["error"];
    let text =
        format!("{} {}", error["message"].as_str().unwrap_or_default(), error["advice"].as_str().unwrap_or_default());
    for part in case.told {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    let (done, skipped) = (addresses(end, "done"), addresses(end, "skipped"));
    for address in case.done {
        assert!(done.contains(address), "{address} is not in {done:?}");
    }
    for address in case.skipped {
        assert!(skipped.contains(address), "{address} is not in {skipped:?}");
    }
    // A plan tells of it as well, before anything is done about it.
    let plan = account.look(&[]).succeeds().stdout();
    assert!(plan.contains(case.address), "{} is not in the plan: {plan}", case.address);
    let recipes = plan.matches("umask 077").count();
    assert_eq!(recipes, usize::from(case.told.contains(&"AUTH_FAILURE")), "what to do is said once: {plan}");
    account.clear();
    if !case.named.is_empty() {
        let refused = account.run("deploy", &["--yes"]).ends_with(1).told();
        assert!(refused.contains(&case.named.join(" ")), "{refused}");
    }
    account.run("deploy", &[&["--yes"], case.named].concat()).succeeds();
    account.check_password();
    account.check_converged();
    account.run("destroy", &[&["--yes"], &DELETE_DATA[..]].concat()).succeeds();
    assert_eq!(account.inventory(), [] as [&str; 0], "destroyed, and yet there is something left");
    account.forget();
    "told and mended".to_owned()
}

#[test]
fn what_aws_gives_up_on_is_told_and_the_rest_is_completed() {
    let cloud = Cloud::start();
    let cases = cases();
    let results = all(&cases, |case| play(&cloud, case));
    conclude(&cases, &results);
}

/// Two failures that have nothing to do with each other: what mends the one does not wait for the other.
#[test]
fn what_failed_before_is_mended_while_something_else_fails() {
    let cloud = Cloud::start();
    let account = Account::new(&cloud);
    let folder = cloud.folder().join("migrations");
    std::fs::create_dir_all(folder.join("meta")).expect("a folder");
    let entry =
        json!({"idx": 0, "version": "7", "when": 1_700_000_000_000_u64, "tag": "0000_bad", "breakpoints": true});
    let journal = json!({"version": "7", "dialect": "postgresql", "entries": [entry]});
    std::fs::write(folder.join("meta/_journal.json"), journal.to_string()).expect("the journal");
    std::fs::write(folder.join("0000_bad.sql"), "CREATE TABLE bad (id nonsense);").expect("a migration");
    account.describe(
        "network: {nat: per-zone}\ndatabase: {protect: false, on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\n\
         migrations: {folder: migrations}\nservice: {image: \"public.ecr.aws/x/y:1\"}\n",
    );
    account.fault(json!({"call": "ec2.CreateNatGateway", "nth": 2, "effect": {"fail": {"why": "NAT quota"}}}));
    let lines = account.run("deploy", &["--yes", "--json"]).ends_with(1).lines();
    let failed = addresses(finished(&lines), "failed");
    assert!(failed.len() == 2 && failed.contains(&"migrations/database"), "{failed:?}");
    let gateway = failed.into_iter().find(|address| address.starts_with("nat-gateway/")).expect("a gateway failed");
    let table = gateway.replace("nat-gateway/", "route-table/private-");
    account.clear();

    let lines = account.run("deploy", &["--yes", "--json"]).ends_with(1).lines();
    let end = finished(&lines);
    assert_eq!(addresses(end, "failed"), ["migrations/database"], "{end:#}");
    assert_eq!(addresses(end, "skipped"), ["service/main"], "{end:#}");
    let done = addresses(end, "done");
    assert!(done.contains(&gateway) && done.contains(&table.as_str()), "{done:?}");

    std::fs::write(folder.join("0000_bad.sql"), "CREATE TABLE good (id int);").expect("the mended migration");
    account.run("deploy", &["--yes"]).succeeds();
    account.check_converged();
}
