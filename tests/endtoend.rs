//! The whole circle with the real binary: the example stack is deployed, changed, drifts, fails in part, is destroyed.

use serde_json::{Value, json};

use crate::{
    binary::{Cloud, Run},
    circle::Circle,
};

/// The stack that README.md begins with.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stack.example.yaml");

fn deploy(cloud: &Cloud, more: &[&str]) -> Run {
    cloud.infra(&[&["deploy", "--local", "--yes", EXAMPLE], more].concat())
}

fn summary(cloud: &Cloud, more: &[&str]) -> Value {
    cloud.infra(&[&["diff", "--local", "--json", EXAMPLE], more].concat()).succeeds().json()["summary"].clone()
}

/// The addresses and actions of a diff.
fn steps(cloud: &Cloud, more: &[&str]) -> Vec<String> {
    let plan = cloud.infra(&[&["diff", "--local", "--json", EXAMPLE], more].concat()).succeeds().json();
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let mut list: Vec<String> =
        steps.iter().map(|step| format!("{} {}", text(step, "action"), text(step, "address"))).collect();
    list.sort();
    list
}

/// What exists of the stack `example`, by kind.
fn kinds(cloud: &Cloud) -> Vec<String> {
    let mut kinds: Vec<String> = cloud
        .inventory()
        .iter()
        .map(|item| format!("{} {}", item["service"].as_str().unwrap_or("?"), item["kind"].as_str().unwrap_or("?")))
        .collect();
    kinds.sort();
    kinds
}

#[test]
fn the_example_goes_the_whole_circle() {
    let cloud = Cloud::start();
    let infra = |verb: &str, more: &[&str]| cloud.infra(&[&[verb, "--local", EXAMPLE], more].concat());
    let changes =
        ["--set", "database.capacity.max=8", "--set", "service.scaling.max=10", "--set", "network.nat=per-zone"];
    let circle = Circle { infra: &infra, changes: &changes };

    // Deployed: everything is there, the migrations are in the database, the service runs.
    let run = circle.is_made();
    assert!(run.stdout().contains("service_url"), "{}", run.stdout());
    assert_eq!(cloud.psql("example", "select count(*) from drizzle.__drizzle_migrations"), "2");
    assert_eq!(cloud.psql("example", "select to_regclass('appointments') is not null"), "t");

    // Again: nothing to do, and nothing is called that changes anything but the lock.
    cloud.forget_calls();
    let run = deploy(&cloud, &[]).succeeds();
    assert!(run.stdout().contains("No changes"), "{}", run.stdout());
    let changing: Vec<_> = cloud.calls().into_iter().filter(|(call, _)| !is_reading(call)).collect();
    assert_eq!(changing, [("ssm.DeleteParameter".to_owned(), 1), ("ssm.PutParameter".to_owned(), 1)]);

    // Changed: in place what AWS changes in place, replaced what it does not.
    assert_eq!(
        steps(&cloud, &changes),
        [
            "create elastic-ip/nat-2",
            "create nat-gateway/2",
            "replace auto-scaling/main",
            "update cluster/database",
            "update route-table/private-2",
            "update service/main",
        ]
    );
    circle.is_changed();
    assert_eq!(summary(&cloud, &changes)["keep"], 33);
    assert_eq!(cloud.psql("example", "select count(*) from drizzle.__drizzle_migrations"), "2");

    // Protected: refused before anything is touched.
    let before = kinds(&cloud);
    circle.is_protected();
    assert_eq!(kinds(&cloud), before);

    // Drifted: somebody changes it at the console.
    circle.drifts("vpc/main", |vpc| {
        let form = format!("Action=ModifyVpcAttribute&Version=2016-11-15&VpcId={vpc}&EnableDnsHostnames.Value=false");
        cloud.call("ec2", &form);
    });

    // Destroyed: nothing is left but what the description says stays.
    let secret = circle.id("secret/database");
    circle.is_destroyed(&[]);
    assert_eq!(kinds(&cloud), ["rds db-cluster-snapshot", "secretsmanager secret"]);
    assert_eq!(summary(&cloud, &[])["create"], 31);

    // And made again: the secret is restored, not made a second time.
    circle.is_restored(&secret);
    let secrets = kinds(&cloud).into_iter().filter(|kind| kind == "secretsmanager secret").count();
    assert_eq!(secrets, 1);
    assert_eq!(cloud.psql("example", "select count(*) from drizzle.__drizzle_migrations"), "2");
}

fn is_reading(call: &str) -> bool {
    let action = call.split_once('.').map_or(call, |(_, action)| action);
    ["Describe", "List", "Get"].iter().any(|verb| action.starts_with(verb))
}

#[test]
fn a_diff_reads_and_never_writes() {
    let cloud = Cloud::start();
    deploy(&cloud, &[]).succeeds();
    cloud.forget_calls();
    summary(&cloud, &["--set", "database.readers=2", "--set", "network.cidr=10.1.0.0/16"]);
    let calls = cloud.calls();
    assert!(calls.iter().all(|(call, _)| is_reading(call)), "{calls:?}");
    // One list a kind: what is called more often is a question about one thing that no list answers.
    let lists: Vec<_> = calls.iter().filter(|(call, count)| *count > 1 && !PER_ITEM.contains(&call.as_str())).collect();
    assert_eq!(lists, [] as [&(String, u64); 0]);
}

/// Calls that AWS wants for each resource, because its lists do not tell: tags of RDS resources, policies of roles,
/// details of App Runner's resources, each DNS attribute of a VPC. A secret is read for what it says of its database, and
/// for logging in to that.
const PER_ITEM: &[&str] = &[
    "ec2.DescribeVpcAttribute",
    "rds.ListTagsForResource",
    "iam.GetRole",
    "iam.ListRolePolicies",
    "iam.GetRolePolicy",
    "iam.ListAttachedRolePolicies",
    "apprunner.ListTagsForResource",
    "apprunner.DescribeAutoScalingConfiguration",
    "secretsmanager.GetSecretValue",
];

#[test]
fn a_broken_migration_stops_the_service_and_nothing_else() {
    let cloud = Cloud::start();
    let folder = cloud.folder().join("drizzle");
    std::fs::create_dir_all(folder.join("meta")).expect("a folder");
    let journal = json!({"version": "7", "dialect": "postgresql", "entries": [
        {"idx": 0, "version": "7", "when": 1_700_000_000_000_u64, "tag": "0000_good", "breakpoints": true},
        {"idx": 1, "version": "7", "when": 1_700_000_001_000_u64, "tag": "0001_bad", "breakpoints": true},
    ]});
    std::fs::write(folder.join("meta/_journal.json"), journal.to_string()).expect("the journal");
    std::fs::write(folder.join("0000_good.sql"), "CREATE TABLE good (id int);").expect("a migration");
    std::fs::write(folder.join("0001_bad.sql"), "CREATE TABLE bad (\n  id int,\n  other nonsense\n);")
        .expect("a migration");
    cloud.write(
        "stack.yaml",
        "stack: broken\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\nservice: {image: public.ecr.aws/x/y:1}\n",
    );

    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    let told = run.stderr();
    for part in ["0001_bad.sql", "nonsense", "42704"] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let report = run.stdout();
    assert!(report.contains("service/main") && report.contains("migrations/database failed"), "{report}");
    assert!(!kinds(&cloud).contains(&"apprunner service".to_owned()));
    // What came before the failure stands.
    assert_eq!(cloud.psql("broken", "select count(*) from drizzle.__drizzle_migrations"), "1");

    std::fs::write(folder.join("0001_bad.sql"), "CREATE TABLE bad (id int, other text);")
        .expect("the mended migration");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert_eq!(cloud.psql("broken", "select count(*) from drizzle.__drizzle_migrations"), "2");
    assert!(kinds(&cloud).contains(&"apprunner service".to_owned()));
}

#[test]
fn events_are_one_json_object_a_line() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: net\n");
    let lines = cloud.infra(&["deploy", "--local", "--yes", "--json"]).succeeds().lines();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events.first(), Some(&"plan"));
    assert_eq!(events.last(), Some(&"finished"));
    assert_eq!(events.iter().filter(|event| **event == "done").count(), 14);
    let last = lines.last().expect("the last line");
    assert_eq!(last["complete"], true);
    assert!(last["outputs"]["vpc_id"].as_str().is_some_and(|id| id.starts_with("vpc-")), "{last}");
}

#[test]
fn nothing_is_done_where_nobody_can_be_asked() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: net\n");
    let run = cloud.infra(&["deploy", "--local"]).ends_with(3);
    assert!(run.stderr().contains("--yes"), "{}", run.stderr());
    assert_eq!(kinds(&cloud), [] as [&str; 0]);
}

#[test]
fn the_password_is_shown_nowhere() {
    let cloud = Cloud::start();
    let deployed = deploy(&cloud, &["--json"]).succeeds();
    let env = cloud.infra(&["local", "env", "--stack", "example"]).succeeds().stdout();
    let password = env.lines().find_map(|line| line.strip_prefix("DB_PASSWORD=")).expect("the password").to_owned();
    assert!(password.len() >= 30, "the password has {} characters", password.len());
    let again = deploy(&cloud, &["--set", "database.capacity.max=6"]).succeeds();
    let status = cloud.infra(&["status", "--local", EXAMPLE]).succeeds();
    let outputs = cloud.infra(&["outputs", "--local", EXAMPLE]).succeeds();
    let calls = cloud.infra(&["local", "logs", "-n", "10000"]).succeeds();
    for run in [&deployed, &again, &status, &outputs, &calls] {
        assert!(!run.stdout().contains(&password) && !run.stderr().contains(&password), "the password was shown");
    }
}

#[test]
fn a_database_that_is_to_be_kept_outlives_its_stack_and_serves_the_next() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false, on_destroy: keep}\nproxy: {}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.psql("shop", "create table kept (id int); insert into kept values (1), (2)");
    let told = cloud.infra(&["destroy", "--local", "--yes"]).succeeds().stdout();
    for kept in ["cluster/database stays: the description says", "secret/database stays: the database stays"] {
        assert!(told.contains(kept), "{told}");
    }
    assert!(!told.contains("USD") && told.contains("vpc/main stays: "), "{told}");
    let (left, has) = (kinds(&cloud), |kind: &str| kinds(&cloud).iter().any(|one| one.ends_with(kind)));
    assert!(has("db-cluster") && !has("db-proxy") && !has("nat-gateway"), "{left:?}");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    assert_eq!(cloud.psql("shop", "select count(*) from kept"), "2");
}

#[test]
fn a_snapshot_that_was_taken_is_told_also_where_nothing_is_said_of_the_database() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud.write("stack.yaml", "stack: shop\n");
    let named = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];
    let run = cloud.infra(&[&["destroy", "--local", "--yes"], &named[..]].concat()).succeeds();
    let told = run.stdout();
    assert!(told.contains("a final snapshot is taken first, and stays"), "{told}");
    let made = cloud.inventory();
    let snapshot = made.iter().find(|one| one["kind"] == "db-cluster-snapshot").unwrap_or_else(|| panic!("{made:?}"));
    let name = snapshot["name"].as_str().unwrap();
    assert!(told.contains(&format!("The final snapshot {name} of the cluster stays until you delete it")), "{told}");
    assert!(
        told.contains(&format!(
            "restore-db-cluster-from-snapshot --engine aurora-postgresql --snapshot-identifier {name}"
        )),
        "{told}"
    );
    assert!(!told.contains("USD"), "{told}");
    assert!(run.told().contains("infra local env --shell"), "{}", run.told());
}
