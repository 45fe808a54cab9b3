//! States that somebody else brought a resource into: a stopped cluster, a blocked target. Each is told
//! for what it is, and nothing is replaced that a new one would not cure.

use serde_json::Value;

use crate::binary::{Cloud, Run};

mod secrets;

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
    assert!(told.contains("cannot work as it is") && told.contains("AUTH_FAILURE, No."), "{told}");
    // What to do about it stands in the plan, and is said once.
    let all = run.stdout() + &told;
    assert_eq!(all.matches("The proxy cannot log in").count(), 1, "{all}");
    assert_eq!(count(&cloud, "rds.DeregisterDBProxyTargets") + count(&cloud, "rds.RegisterDBProxyTargets"), 0);
    clear(&cloud);
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_database_without_an_instance_is_not_asked_what_is_applied() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");
    let cloud = deployed(&format!("{STACK}migrations: {{folder: {folder}}}\n"));
    rds(&cloud, "Action=DeleteDBInstance&DBInstanceIdentifier=shop-database-1&SkipFinalSnapshot=true");
    let gone = || rds(&cloud, "Action=DescribeDBInstances");
    while gone().contains("shop-database-1") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let began = std::time::Instant::now();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
    let line = diff.lines().find(|line| line.contains("migrations/database")).expect("they are shown");
    assert!(line.contains("not asked, since the proxy has no instance of the database behind it yet"), "{diff}");
    assert!(diff.contains("Plan: 1 to create, 1 not known,"), "{diff}");
    // In AWS's name only what AWS said.
    let line = diff.lines().find(|line| line.contains("proxy-target/database")).expect("it is waited for");
    assert!(line.contains("no instance of the database behind it yet; deploy waits for it"), "{diff}");
    assert!(!line.contains("AWS says"), "{diff}");
    told_at_once(&cloud, "The cluster shop-database has no instance, so its database does not answer.");
    deploy(&cloud, &[]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes: "));
    cloud.infra(&["migrate", "status", "--stack", "stack.yaml", "--local"]).succeeds();
    show(&cloud, "rds.DescribeDBProxyTargets", "Targets.*.TargetHealth.State", "UNAVAILABLE");
    show(&cloud, "rds.DescribeDBInstances", "DBInstances.*.DBInstanceStatus", "rebooting");
    told_at_once(&cloud, "does not answer: shop-database-1 is rebooting.");
    clear(&cloud);
    stop(&cloud);
    told_at_once(&cloud, "The cluster shop-database is stopped, so its database does not answer.");
    deploy(&cloud, &[]).succeeds();
    cloud.infra(&["migrate", "verify", "--stack", "stack.yaml", "--local"]).succeeds();
}

/// What asks a stack's database says that none can answer instead of waiting for its login, and what to do.
fn told_at_once(cloud: &Cloud, why: &str) {
    for verb in [&["apply"][..], &["status"], &["verify", "--json"]] {
        let began = std::time::Instant::now();
        let run = cloud.infra(&[&["migrate"], verb, &["--stack", "stack.yaml", "--local"]].concat()).ends_with(1);
        assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
        assert!(run.told().contains(why), "{}", run.stderr());
        let next = if why.contains("rebooting") { "`infra status` shows that" } else { "`infra deploy --local`" };
        assert!(run.told().contains(next), "{}", run.stderr());
    }
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
        let run = cloud.infra(&[verb, "--local"]).succeeds();
        let told = run.stdout();
        assert!(told.contains("wait for a reboot of shop-database-1: `aws rds "), "{told}");
        assert!(run.stderr().contains("The `aws` commands find the local cloud after"), "{}", run.stderr());
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
    let writes = |instance: &str| {
        let told = rds(&cloud, "Action=DescribeDBClusters&DBClusterIdentifier=shop-database");
        let members = told.split("<DBClusterMember>").skip(1);
        let mut own = members.filter(|member| member.contains(&format!("<DBInstanceIdentifier>{instance}</")));
        own.any(|member| member.contains("<IsClusterWriter>true</"))
    };
    // Whichever was made first may write.
    if writes("shop-database-1") {
        let target = "TargetDBInstanceIdentifier=shop-database-2";
        rds(&cloud, &format!("Action=FailoverDBCluster&DBClusterIdentifier=shop-database&{target}"));
        cluster_becomes(&cloud, "available");
    }
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

#[test]
fn a_cluster_that_aws_would_not_delete_keeps_its_instances() {
    let cloud = deployed(STACK);
    cloud.psql("shop", "create table kept (id int)");
    let replaced = ["--set", "database.name=other", "--allow-replace", "cluster/database"];
    let destroy = || cloud.infra(&[&["destroy", "--local", "--yes"], &NAMED[..]].concat());
    let refused = |told: &str| {
        cloud.forget_calls();
        for run in [destroy(), deploy(&cloud, &replaced)] {
            let stderr = run.ends_with(1).stderr();
            assert!(stderr.contains("Nothing was changed") && stderr.contains(told), "{stderr}");
        }
        assert_eq!(count(&cloud, "rds.DeleteDBInstance") + count(&cloud, "rds.DeregisterDBProxyTargets"), 0);
        assert_eq!(cloud.psql("shop", "select count(*) from kept"), "0");
    };
    show(&cloud, "rds.DescribeDBClusters", "DBClusters.*.GlobalClusterIdentifier", "world");
    refused("remove-from-global-cluster --global-cluster-identifier world --db-cluster-identifier arn:");
    clear(&cloud);

    let reader = "DBInstanceIdentifier=by-hand&DBClusterIdentifier=shop-database&Engine=aurora-postgresql";
    rds(&cloud, &format!("Action=CreateDBInstance&{reader}&DBInstanceClass=db.serverless"));
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    refused("by-hand is not this stack's");
    // What keeps the cluster is not disturbed by it.
    let kept = STACK.replace("on_destroy: delete", "on_destroy: keep");
    cloud.write("kept.yaml", &kept);
    let dry = cloud.infra(&["destroy", "kept.yaml", "--local", "--dry-run"]).succeeds().stdout();
    assert!(dry.contains("= cluster/database"), "{dry}");

    rds(&cloud, "Action=DeleteDBInstance&DBInstanceIdentifier=by-hand&SkipFinalSnapshot=true");
    destroy().succeeds();
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}

#[test]
fn a_cluster_whose_database_is_not_told_is_not_replaced() {
    let cloud = deployed(STACK);
    show(&cloud, "rds.DescribeDBClusters", "DBClusters.*.DatabaseName", "null");
    assert_eq!(steps(&cloud, &[]), [] as [&str; 0]);
}

#[test]
fn a_cluster_that_aws_upgraded_to_another_major_version_is_gone_on_with() {
    let cloud = deployed(STACK);
    show(&cloud, "rds.DescribeDBClusters", "DBClusters.*.EngineVersion", "\"16.13\"");
    for floor in ["15", "15.10"] {
        let version = format!("database.engine_version=\"{floor}\"");
        let diff = cloud.infra(&["diff", "--local", "--set", &version]).succeeds().stdout();
        assert!(!diff.contains("engine_version"), "{diff}");
        // Its parameters are of the version that it has, in a group of their own.
        assert!(diff.contains("name: shop-aurora-postgresql15 → shop-aurora-postgresql16"), "{diff}");
        assert!(diff.contains("~ cluster/database"), "{diff}");
    }
}

#[test]
fn a_cluster_of_an_older_major_version_is_refused_before_anything_is_done() {
    let cloud = deployed(STACK);
    show(&cloud, "rds.DescribeDBClusters", "DBClusters.*.EngineVersion", "\"14.9\"");
    let told = deploy(&cloud, &[]).ends_with(1).stderr();
    assert!(told.contains("PostgreSQL 14.9") && told.contains("--allow-major-version-upgrade"), "{told}");
}

#[test]
fn a_proxy_that_asks_its_clients_for_more_is_told() {
    let cloud = deployed(STACK);
    show(&cloud, "rds.DescribeDBProxies", "DBProxies.*.Auth.*.IAMAuth", "REQUIRED");
    assert!(steps(&cloud, &[]).contains(&"update proxy/database".to_owned()));
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("iam: REQUIRED") && diff.contains("iam: DISABLED"), "{diff}");
    clear(&cloud);
    // Who has no credentials of its own is let in by IAM: taken back, and seen as taken back.
    let shown = ["rds.DescribeDBProxies", "DBProxies.*.DefaultAuthScheme", "IAM_AUTH", "--times", "2"];
    cloud.infra(&[&["local", "fault", "show"], &shown[..]].concat()).succeeds();
    cloud.forget_calls();
    let told = deploy(&cloud, &[]).succeeds().stdout();
    assert!(told.contains("default_auth: IAM_AUTH → NONE"), "{told}");
    assert_eq!(count(&cloud, "rds.ModifyDBProxy"), 1);
}

#[test]
fn another_parameter_group_is_said_to_wait_for_a_reboot() {
    let cloud = deployed(STACK);
    let group = "DBClusterParameterGroupName=default.aurora-postgresql15&ApplyImmediately=true";
    rds(&cloud, &format!("Action=ModifyDBCluster&DBClusterIdentifier=shop-database&{group}"));
    cluster_becomes(&cloud, "available");
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    let line = diff.lines().find(|line| line.contains("~ cluster/database")).expect("it is changed");
    assert!(line.contains("pending reboot: the static ones"), "{line}");
}
