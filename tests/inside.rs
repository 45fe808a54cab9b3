//! `migrations.runner: lambda`: the migrations are applied by infra itself, as a function of the local cloud.

use std::time::Duration;

use serde_json::Value;

use crate::binary::Cloud;

const STACK: &str = "stack: shop
region: us-east-1
database: {protect: false, on_destroy: delete}
secret: {on_destroy: purge}
proxy: {}
migrations: {folder: drizzle, runner: lambda}
service: {image: public.ecr.aws/aws-containers/hello-app-runner:latest}
";

const DEPLOY: &[&str] = &["deploy", "--local", "--yes"];
const DESTROY: &[&str] =
    &["destroy", "--local", "--yes", "--allow-delete", "cluster/database", "--allow-delete", "secret/database"];

/// A cloud, and in its folder a description and migrations; each a name and its SQL.
fn stage(migrations: &[(&str, &str)]) -> Cloud {
    paced("instant", migrations)
}

/// The same at another pace.
fn paced(pace: &str, migrations: &[(&str, &str)]) -> Cloud {
    let cloud = Cloud::paced(pace);
    cloud.write("stack.yaml", STACK);
    folder(&cloud, migrations);
    cloud
}

fn folder(cloud: &Cloud, migrations: &[(&str, &str)]) {
    std::fs::create_dir_all(cloud.folder().join("drizzle/meta")).expect("a folder");
    let entries: Vec<Value> = (0_i64..)
        .zip(migrations)
        .map(|(idx, (tag, _))| {
            serde_json::json!({"idx": idx, "version": "7", "when": 1_700_000_000_000_i64 + idx, "tag": tag, "breakpoints": true})
        })
        .collect();
    let journal = serde_json::json!({"version": "7", "dialect": "postgresql", "entries": entries});
    cloud.write("drizzle/meta/_journal.json", &journal.to_string());
    for (tag, sql) in migrations {
        cloud.write(&format!("drizzle/{tag}.sql"), sql);
    }
}

/// Everything that the function has said.
fn log(cloud: &Cloud) -> String {
    let answer = cloud.ask(
        "logs",
        "Logs_20140328.FilterLogEvents",
        &serde_json::json!({"logGroupName": "/aws/lambda/shop-migrations"}),
    );
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    events.iter().map(|event| format!("{}\n", event["message"].as_str().unwrap_or_default())).collect()
}

fn has(cloud: &Cloud, kind: &str) -> bool {
    cloud.inventory().iter().any(|item| item["kind"] == kind)
}

const FIRST: (&str, &str) = ("0000_first", "create table one (id int primary key);\n");

#[test]
fn a_function_applies_them_and_goes_with_the_stack() {
    let cloud = stage(&[FIRST]);
    // Where the function does nothing, nothing is done: nobody else applies.
    cloud.write("bootstrap", "#!/bin/sh\necho no such library >&2\nexit 127\n");
    let run = cloud.infra(DEPLOY).ends_with(1);
    let said = run.stderr();
    assert!(
        said.contains("The function shop-migrations ended without an answer") && said.contains("no such library"),
        "{said}"
    );
    assert!(said.contains("/aws/lambda/shop-migrations"), "{said}");
    assert_eq!(cloud.psql("shop", "select to_regclass('one') is null"), "t");
    assert!(!has(&cloud, "service"), "what depends on the migrations is not begun");
    // Another program is a change of the function, and goes before the migrations.
    cloud.program("bootstrap", "works");
    cloud.infra(DEPLOY).succeeds();
    assert_eq!(cloud.psql("shop", "select count(*) from drizzle.__drizzle_migrations"), "1");
    let log = log(&cloud);
    assert!(log.contains("applying 0000_first") && log.contains("applied 0000_first in"), "{log}");
    // Again: nothing to do, and nothing is called that changes anything: the function is asked what the ledger says.
    cloud.forget_calls();
    let again = cloud.infra(DEPLOY).succeeds();
    assert!(again.stdout().contains("No changes"), "{}", again.stdout());
    let changing: Vec<(String, u64)> = cloud
        .calls()
        .into_iter()
        .filter(|(call, _)| !["Describe", "List", "Get"].iter().any(|verb| call.contains(&format!(".{verb}"))))
        .filter(|(call, _)| !call.starts_with("ssm."))
        .collect();
    assert!(matches!(&*changing, [(call, 1..=2)] if call == "lambda.Invoke"), "{changing:?}");
    // The function reads the password itself, and says it to nobody.
    let secret =
        cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &serde_json::json!({"SecretId": "shop-database"}));
    let secret: Value = serde_json::from_str(secret["SecretString"].as_str().expect("a text")).expect("JSON");
    let password = secret["password"].as_str().expect("a password");
    assert!(!log.contains(password) && !again.told().contains(password));
    // Applied from elsewhere again: the function goes, with its role and group.
    let here = ["--set", "migrations.runner=here"];
    cloud.infra(&[DEPLOY, &here].concat()).succeeds();
    assert!(!has(&cloud, "function"), "{:?}", cloud.inventory());
    cloud.infra(DEPLOY).succeeds();
    assert!(has(&cloud, "function"));
    let destroyed = cloud.infra(DESTROY).succeeds();
    let said = destroyed.stdout() + &destroyed.stderr();
    assert!(said.contains("/aws/lambda/shop-migrations"), "{said}");
    assert_eq!(cloud.inventory(), Vec::<Value>::new(), "nothing is left");
}

#[test]
fn a_failure_is_reported_as_from_here_and_mended_by_the_next_run() {
    let bad = ("0001_bad", "create table two (\n  id int,\n  other nonsense\n);\n");
    let cloud = stage(&[FIRST, bad]);
    let run = cloud.infra(DEPLOY).ends_with(1);
    let there = report(&run.stderr());
    for part in ["The migration 0001_bad failed in line 3", "drizzle/0001_bad.sql:3:9", "SQLSTATE 42704", "╰── here"]
    {
        assert!(there.contains(part), "{part} is missing: {there}");
    }
    assert!(!has(&cloud, "service"));
    assert_eq!(cloud.psql("shop", "select count(*) from drizzle.__drizzle_migrations"), "1");
    let run = cloud.infra(&[DEPLOY, &["--set", "migrations.runner=here"]].concat()).ends_with(1);
    let is_of_both = |line: &&str| !line.contains("Applied: 0000_first; still");
    let there: String = there.lines().filter(is_of_both).map(|line| format!("{line}\n")).collect();
    assert_eq!(there, report(&run.stderr()));
    folder(&cloud, &[FIRST, ("0001_bad", "create table two (id int);\n")]);
    cloud.infra(DEPLOY).succeeds();
    assert_eq!(cloud.psql("shop", "select to_regclass('two') is null"), "f");
    assert!(has(&cloud, "service"));
}

/// `infra migrate` connects by itself; where it cannot, it says what does the same from here.
#[test]
fn a_migrator_outside_says_who_works_inside() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    // As from a laptop: in the VPC alone the name leads anywhere.
    cloud
        .infra(&["local", "fault", "show", "rds.DescribeDBProxies", "DBProxies.*.Endpoint", "proxy.invalid"])
        .succeeds();
    let said = |more: &[&str]| {
        let arguments = [&["migrate", "status", "--stack", "stack.yaml", "--local"], more].concat();
        cloud.infra(&arguments).ends_with(1).told()
    };
    let lambda = said(&[]);
    for part in
        ["its name does not resolve", "`migrations.runner: lambda`", "`infra deploy` applies it", "proxy.allow_from"]
    {
        assert!(lambda.contains(part), "{part} is missing: {lambda}");
    }
    let here = said(&["--set", "migrations.runner=here"]);
    assert!(here.contains("from inside its VPC only") && !here.contains("infra deploy"), "{here}");
}

#[test]
fn its_role_stays_until_lambda_has_removed_its_interfaces() {
    // Fast, but not so fast that the interfaces go with the function.
    let cloud = paced("300", &[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    let destroyed = cloud.infra(DESTROY).succeeds();
    let said = destroyed.stdout() + &destroyed.stderr();
    assert!(said.contains("Lambda still holds its network interfaces"), "{said}");
    assert_eq!(cloud.inventory(), Vec::<Value>::new(), "without the role they would be there for ever");
}

#[test]
fn a_function_whose_role_somebody_deleted_is_found_and_goes() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    let iam = |form: &str| cloud.call("iam", &format!("Version=2010-05-08&RoleName=shop-us-east-1-migrations&{form}"));
    iam("Action=DeleteRolePolicy&PolicyName=infra");
    iam("Action=DeleteRole");
    cloud.infra(&[DEPLOY, &["--set", "migrations.runner=here"]].concat()).succeeds();
    assert!(!has(&cloud, "function"), "{:?}", cloud.inventory());
}

/// The migrator's own report in what a run says.
fn report(said: &str) -> String {
    let lines = said.lines().skip_while(|line| !line.contains("SQLSTATE"));
    lines.take_while(|line| !line.contains("→")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_run_that_is_killed_leaves_the_function_at_work_and_the_next_one_goes_on() {
    let slow = ("0001_slow", "select pg_sleep(4);\n--> statement-breakpoint\ncreate table two (id int);\n");
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    folder(&cloud, &[FIRST, slow]);
    let mut killed = cloud
        .command(DEPLOY)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !log(&cloud).contains("applying 0001_slow") {
        assert!(std::time::Instant::now() < end, "{}", log(&cloud));
        std::thread::sleep(Duration::from_millis(50));
    }
    killed.kill().expect("it is killed");
    killed.wait().expect("it has ended");
    cloud.infra(&[DEPLOY, &["--lock-wait", "120"]].concat()).succeeds();
    assert_eq!(cloud.psql("shop", "select count(*) from drizzle.__drizzle_migrations"), "2");
    assert_eq!(cloud.psql("shop", "select to_regclass('two') is null"), "f");
    assert_eq!(log(&cloud).matches("applied 0001_slow").count(), 1, "{}", log(&cloud));
}

#[test]
fn without_a_program_for_lambda_nothing_is_begun() {
    let cloud = stage(&[FIRST]);
    cloud.write("bootstrap", "not a program");
    let run = cloud.infra(&["diff", "--local"]).ends_with(1);
    let said = run.stderr();
    assert!(said.contains("is no program for 64-bit Linux") && said.contains("INFRA_LAMBDA_BINARY"), "{said}");
    cloud.infra(DEPLOY).ends_with(1);
    assert_eq!(cloud.inventory(), Vec::<Value>::new());
}

/// One rule about the calls of functions.
fn fault(cloud: &Cloud, rule: &[&str]) {
    cloud.infra(&[&["local", "fault"], rule].concat()).succeeds();
}

const SECOND: (&str, &str) = ("0001_second", "create table two (id int);\n");

#[test]
fn where_the_answer_is_lost_the_ledger_says_what_became_of_it() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    folder(&cloud, &[FIRST, SECOND]);
    // The first two only read the ledger, before and under the lock. Nothing comes of this one, and it is not asked for ever.
    fault(&cloud, &["lose", "lambda.Invoke", "--nth", "3"]);
    let said = cloud.infra(DEPLOY).ends_with(1).told();
    assert!(said.contains("Nothing more is in the ledger than before"), "{said}");
    assert!(said.contains("/aws/lambda/shop-migrations"), "{said}");
    assert_eq!(cloud.psql("shop", "select to_regclass('two') is null"), "t");
    // This one was carried out: that is found, and nothing is applied twice.
    fault(&cloud, &["clear"]);
    fault(&cloud, &["drop", "lambda.Invoke", "--nth", "3"]);
    cloud.infra(DEPLOY).succeeds();
    fault(&cloud, &["clear"]);
    assert_eq!(cloud.psql("shop", "select count(*) from drizzle.__drizzle_migrations"), "2");
    assert_eq!(log(&cloud).matches("applied 0001_second").count(), 1, "{}", log(&cloud));
}

#[test]
fn a_function_that_was_idle_for_weeks_is_woken_and_waited_for_aloud() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    // As AWS refuses the calls of one that gets its network interfaces anew.
    fault(&cloud, &["refuse", "lambda.Invoke", "ResourceConflictException", "--status", "409", "--nth", "1"]);
    let said = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(said.contains("No changes"), "{said}");
    fault(&cloud, &["clear"]);
    fault(&cloud, &["delay", "lambda.Invoke", "6", "--nth", "1"]);
    let run = cloud.infra(&["diff", "--local"]).succeeds();
    assert!(run.stdout().contains("No changes"), "{}", run.stdout());
    assert!(run.told().contains("The function shop-migrations has not answered yet"), "{}", run.told());
}

#[test]
fn code_that_lambda_could_not_take_over_is_sent_again() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    cloud.program("bootstrap", "newer");
    folder(&cloud, &[FIRST, SECOND]);
    fault(&cloud, &["fail", "lambda.UpdateFunctionCode", "The artifact could not be read."]);
    let said = cloud.infra(DEPLOY).ends_with(1).told();
    assert!(said.contains("function/migrations") && said.contains("The artifact could not be read."), "{said}");
    assert_eq!(cloud.psql("shop", "select to_regclass('two') is null"), "t", "nothing is applied by the former code");
    fault(&cloud, &["clear"]);
    cloud.infra(DEPLOY).succeeds();
    assert_eq!(cloud.psql("shop", "select to_regclass('two') is null"), "f");
    let said = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(said.contains("No changes"), "{said}");
}

#[test]
fn one_that_could_not_be_made_is_made_anew() {
    let cloud = stage(&[FIRST]);
    fault(&cloud, &["refuse", "lambda.CreateFunction", "AccessDeniedException", "--status", "403"]);
    let said = cloud.infra(DEPLOY).ends_with(1).told();
    assert!(said.contains("(CreateFunction answered AccessDeniedException"), "{said}");
    assert!(said.contains("→ The credentials may not do this: `infra iam-policy` prints"), "{said}");
    fault(&cloud, &["clear"]);
    fault(&cloud, &["fail", "lambda.CreateFunction", "No capacity for network interfaces.", "--nth", "1"]);
    let said = cloud.infra(DEPLOY).ends_with(1).told();
    assert!(said.contains("function/migrations") && said.contains("No capacity for network interfaces."), "{said}");
    assert!(!has(&cloud, "service"));
    fault(&cloud, &["clear"]);
    cloud.infra(DEPLOY).succeeds();
    assert_eq!(cloud.psql("shop", "select to_regclass('one') is null"), "f");
}

/// Whether a connection to a port of this machine is open whose peer is asked now and then whether it is alive.
#[cfg(target_os = "linux")]
fn is_kept_alive(port: u16) -> bool {
    // Columns as in the kernel's documentation of /proc/net/tcp: remote address, state (01: established), timer (02: keepalive).
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|columns| {
        let [_, _, remote, state, _, timer, ..] = columns[..] else { return false };
        remote.ends_with(&format!(":{port:04X}")) && state == "01" && timer.starts_with("02:")
    })
}

#[cfg(target_os = "linux")]
#[test]
fn the_connection_is_kept_alive_while_the_function_works() {
    let cloud = stage(&[FIRST]);
    cloud.infra(DEPLOY).succeeds();
    fault(&cloud, &["delay", "lambda.Invoke", "3", "--nth", "1"]);
    let port = cloud.url.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok()).expect("a port");
    let mut waiting =
        cloud.command(&["diff", "--local"]).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    let mut seen = false;
    while waiting.try_wait().expect("it is ours").is_none() {
        seen |= is_kept_alive(port);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(seen, "a NAT gateway would forget the connection");
}
