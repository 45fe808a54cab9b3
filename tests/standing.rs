//! States that somebody else brought a resource into: a stopped cluster, a blocked target, a secret that is none. Each is told
//! for what it is, and nothing is replaced that a new one would not cure.

use serde_json::{Value, json};

use crate::binary::{Cloud, Run};

const STACK: &str =
    "stack: shop\ndatabase: {protect: false, on_destroy: delete}\nsecret: {on_destroy: purge}\nproxy: {}\n";
const NAMED: [&str; 4] = ["--allow-delete", "cluster/database", "--allow-delete", "secret/database"];

fn deployed(stack: &str) -> Cloud {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", stack);
    deploy(&cloud, &[]).succeeds();
    cloud
}

fn deploy(cloud: &Cloud, more: &[&str]) -> Run {
    cloud.infra(&[&["deploy", "--local", "--yes"], more].concat())
}

fn rds(cloud: &Cloud, form: &str) -> String {
    cloud.call("rds", &format!("Version=2014-10-31&{form}"))
}

fn cluster_becomes(cloud: &Cloud, status: &str) {
    let shown = format!("<Status>{status}</Status>");
    for _ in 0..400 {
        if rds(cloud, "Action=DescribeDBClusters&DBClusterIdentifier=shop-database").contains(&shown) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the cluster does not become {status}");
}

fn stop(cloud: &Cloud) {
    rds(cloud, "Action=StopDBCluster&DBClusterIdentifier=shop-database");
    cluster_becomes(cloud, "stopped");
}

/// Action and address of everything that a diff shows.
fn steps(cloud: &Cloud, more: &[&str]) -> Vec<String> {
    let plan = cloud.infra(&[&["diff", "--local", "--json"], more].concat()).succeeds().json();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| format!("{} {}", text(step, "action"), text(step, "address"))).collect()
}

fn show(cloud: &Cloud, call: &str, path: &str, value: &str) {
    cloud.infra(&["local", "fault", "show", call, path, value]).succeeds();
}

fn clear(cloud: &Cloud) {
    cloud.infra(&["local", "fault", "clear"]).succeeds();
}

fn count(cloud: &Cloud, call: &str) -> u64 {
    cloud.calls().into_iter().find(|(name, _)| name == call).map_or(0, |(_, count)| count)
}

#[test]
fn a_stopped_cluster_is_started_by_a_deploy_and_for_a_destruction() {
    let cloud = deployed(STACK);
    stop(&cloud);
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("running: false → true"), "{diff}");
    let steps = steps(&cloud, &[]);
    assert!(steps.contains(&"update cluster/database".to_owned()), "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("replace") || step.starts_with("delete")), "{steps:?}");
    let status = cloud.infra(&["status", "--local"]).succeeds().stdout();
    assert!(status.lines().any(|line| line.contains("cluster/database") && line.contains("stopped")), "{status}");
    // Beside the start, what else was asked for.
    deploy(&cloud, &["--set", "database.capacity.max=8"]).succeeds();
    assert_eq!(cloud.psql("shop", "select 1"), "1");
    assert!(
        cloud
            .infra(&["diff", "--local", "--set", "database.capacity.max=8"])
            .succeeds()
            .stdout()
            .contains("No changes")
    );

    stop(&cloud);
    cloud.infra(&[&["destroy", "--local", "--yes", "--timeout", "3"], &NAMED[..]].concat()).succeeds();
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}

#[test]
fn what_a_new_one_would_not_cure_is_not_replaced() {
    let cloud = deployed(STACK);
    let cases = [
        (
            "rds.DescribeDBInstances",
            "DBInstances.*.DBInstanceStatus",
            "incompatible-parameters",
            "instance/1",
            "reboot-db-instance",
        ),
        ("rds.DescribeDBInstances", "DBInstances.*.DBInstanceStatus", "storage-full", "instance/1", "storage is full"),
        (
            "rds.DescribeDBClusters",
            "DBClusters.*.Status",
            "inaccessible-encryption-credentials-recoverable",
            "cluster/database",
            "aws kms enable-key",
        ),
        (
            "rds.DescribeDBProxyTargets",
            "Targets.*.TargetHealth",
            r#"{"State":"UNAVAILABLE","Reason":"UNREACHABLE"}"#,
            "proxy-target/database",
            "security group",
        ),
        (
            "rds.DescribeDBProxyTargets",
            "Targets.*.TargetHealth",
            r#"{"State":"UNAVAILABLE","Reason":"AUTH_FAILURE"}"#,
            "proxy-target/database",
            "kms:Decrypt",
        ),
    ];
    for (call, path, value, address, told) in cases {
        show(&cloud, call, path, value);
        assert_eq!(steps(&cloud, &[]), [format!("keep {address}")], "{value}");
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains(told) && diff.contains("AWS cannot bring up 1 resource"), "{value}: {diff}");
        let status = cloud.infra(&["status", "--local"]).succeeds().stdout();
        assert!(status.contains("blocked") && status.contains(told), "{value}: {status}");
        clear(&cloud);
    }
    // What RDS reported stands on lines of its own.
    show(&cloud, "rds.DescribeDBInstances", "DBInstances.*.DBInstanceStatus", "storage-full");
    let status = cloud.infra(&["status", "--local"]).succeeds().stdout();
    assert!(status.contains("RDS reports:\n") && status.contains("\n          DB instance created"), "{status}");
    clear(&cloud);

    // A deploy ends in time, says what is wrong, and leaves it as it is.
    show(
        &cloud,
        "rds.DescribeDBProxyTargets",
        "Targets.*.TargetHealth",
        r#"{"State":"UNAVAILABLE","Reason":"AUTH_FAILURE","Description":"No."}"#,
    );
    cloud.forget_calls();
    let run = deploy(&cloud, &[]).ends_with(1);
    let told = run.stderr();
    assert!(told.contains("cannot work as things are") && told.contains("AUTH_FAILURE, No."), "{told}");
    assert_eq!(count(&cloud, "rds.DeregisterDBProxyTargets") + count(&cloud, "rds.RegisterDBProxyTargets"), 0);
    clear(&cloud);
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_secret_that_is_none_counts_against_what_needs_it_and_nothing_else() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");
    let cloud = deployed(&format!("{STACK}migrations: {{folder: {folder}}}\n"));
    let value = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    for broken in [r#"{"user": "app"}"#, "not JSON"] {
        let put = json!({"SecretId": "shop-database", "SecretString": broken});
        cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &put);
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("secret-attachment/database") && !diff.contains(broken), "{diff}");
    }
    // What does not need it is done.
    let run = deploy(&cloud, &["--timeout", "1", "--set", "tags.team=web", "--json"]).ends_with(1);
    let lines = run.lines();
    let end = lines.iter().find(|line| line["event"] == "finished").expect("a run tells how it ended");
    let done: Vec<_> = end["done"].as_array().into_iter().flatten().filter_map(|one| one["address"].as_str()).collect();
    assert!(done.contains(&"vpc/main") && done.contains(&"cluster/database"), "{end:#}");
    assert!(end["failed"].to_string().contains("Store {"), "{end:#}");
    let whole = json!({"SecretId": "shop-database", "SecretString": value["SecretString"]});
    cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &whole);
    deploy(&cloud, &[]).succeeds();
}

#[test]
fn who_may_not_read_the_secret_still_sees_the_stack() {
    let cloud = deployed(STACK);
    cloud.forget_calls();
    cloud.infra(&["status", "--local"]).succeeds();
    cloud.infra(&["outputs", "--local"]).succeeds();
    assert_eq!(count(&cloud, "secretsmanager.GetSecretValue"), 0, "nobody asked for the password");
    let refuse = ["local", "fault", "refuse", "secretsmanager.GetSecretValue", "AccessDeniedException"];
    cloud.infra(&[&refuse[..], &["--message", "User is not authorized"]].concat()).succeeds();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("No changes"), "{diff}");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");
    cloud.write("migrated.yaml", &format!("{STACK}migrations: {{folder: {folder}}}\n"));
    let diff = cloud.infra(&["diff", "--local", "migrated.yaml"]).succeeds().stdout();
    assert!(diff.contains("unknown: User is not authorized"), "{diff}");
}

#[test]
fn parameters_that_wait_for_a_reboot_are_told_before_and_after() {
    let cloud = deployed(STACK);
    let change = ["--set", "database.parameters={max_connections: '200', log_min_duration_statement: '500'}"];
    let diff = cloud.infra(&[&["diff", "--local"], &change[..]].concat()).succeeds().stdout();
    let line = diff.lines().find(|line| line.contains("cluster-parameter-group/")).expect("it is changed");
    assert!(line.contains("pending reboot: max_connections takes effect"), "{line}");
    assert!(!line.contains("log_min_duration_statement"), "{line}");
    show(
        &cloud,
        "rds.DescribeDBClusters",
        "DBClusters.*.DBClusterMembers.*.DBClusterParameterGroupStatus",
        "pending-reboot",
    );
    for verb in ["status", "diff"] {
        let told = cloud.infra(&[verb, "--local"]).succeeds().stdout();
        assert!(told.contains("wait for a reboot of shop-database-1"), "{told}");
    }
    clear(&cloud);
    let port = cloud.infra(&["diff", "--local", "--set", "database.port=6543"]).succeeds().stdout();
    assert!(port.contains("its instances restart"), "{port}");
}

#[test]
fn a_cluster_that_fails_over_in_between_is_asked_again() {
    let cloud = deployed(STACK);
    let refused = ["rds.EnableHttpEndpoint", "InvalidResourceStateFault", "--nth", "1"];
    cloud.infra(&[&["local", "fault", "refuse"], &refused[..]].concat()).succeeds();
    cloud.forget_calls();
    deploy(&cloud, &["--set", "database.data_api=true"]).succeeds();
    assert_eq!(count(&cloud, "rds.EnableHttpEndpoint"), 2, "the second call follows the first one's refusal");
}

#[test]
fn taking_readers_away_never_takes_the_writer() {
    let cloud = deployed(&STACK.replace("database: {", "database: {readers: 1, "));
    rds(
        &cloud,
        "Action=FailoverDBCluster&DBClusterIdentifier=shop-database&TargetDBInstanceIdentifier=shop-database-2",
    );
    cluster_becomes(&cloud, "available");
    let writes = |instance: &str| {
        let told = rds(&cloud, "Action=DescribeDBClusters&DBClusterIdentifier=shop-database");
        let members = told.split("<DBClusterMember>").skip(1);
        let mut own = members.filter(|member| member.contains(&format!("<DBInstanceIdentifier>{instance}</")));
        own.any(|member| member.contains("<IsClusterWriter>true</"))
    };
    assert!(writes("shop-database-2"));
    cloud.forget_calls();
    deploy(&cloud, &["--set", "database.readers=0"]).succeeds();
    assert_eq!(count(&cloud, "rds.FailoverDBCluster"), 1, "the one that stays is made the writer first");
    assert!(writes("shop-database-1"));
    cloud.forget_calls();
    cloud.infra(&[&["destroy", "--local", "--yes"], &NAMED[..]].concat()).succeeds();
    assert_eq!(count(&cloud, "rds.FailoverDBCluster"), 0);
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}
