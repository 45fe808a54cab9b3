//! What AWS would refuse only on the way, or in words that lead nowhere: regions, zones, tags and arguments.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{
    binary::{Cloud, Run},
    wire::{Answer, Call, Wire},
};

fn deploy(cloud: &Cloud, more: &[&str]) -> Run {
    cloud.infra(&[&["deploy", "--local", "--yes"], more].concat())
}

fn changing(cloud: &Cloud) -> Vec<String> {
    let reads = |call: &str| ["Describe", "List", "Get"].iter().any(|verb| call.contains(&format!(".{verb}")));
    cloud.calls().into_iter().map(|(call, _)| call).filter(|call| !reads(call) && !call.starts_with("ssm.")).collect()
}

#[test]
fn the_first_questions_are_repeated_when_they_are_throttled() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {protect: false}\n");
    for call in [
        "sts.GetCallerIdentity",
        "ec2.DescribeAvailabilityZones",
        "rds.DescribeDBEngineVersions",
        "ssm.GetParameter",
        "ssm.PutParameter",
    ] {
        cloud.infra(&["local", "fault", "refuse", call, "ThrottlingException", "--times", "2"]).succeeds();
    }
    cloud.infra(&["diff", "--local"]).succeeds();
    cloud.infra(&["status", "--local"]).succeeds();
    let hits = cloud.infra(&["local", "fault", "list", "--json"]).succeeds().json();
    let struck = |call: &str| {
        let rules = hits.as_array().expect("a list");
        rules.iter().find(|rule| rule["call"] == call).expect("the rule")["hits"].as_u64()
    };
    for call in
        ["sts.GetCallerIdentity", "ec2.DescribeAvailabilityZones", "rds.DescribeDBEngineVersions", "ssm.GetParameter"]
    {
        assert_eq!(struck(call), Some(2), "{call}");
    }
}

#[test]
fn a_question_that_is_throttled_for_long_is_not_repeated_in_silence() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    // Five pauses are longer than the silence, however they fall.
    let throttle = ["local", "fault", "refuse", "ec2.DescribeSubnets", "Throttling", "--times", "5"];
    cloud.infra(&throttle).succeeds();
    let told = cloud.infra(&["diff", "--local"]).succeeds().stderr();
    let (_, after) = told.split_once("DescribeSubnets: ").expect("the question is named");
    assert!(after.contains("It is asked again.") && after.contains("AWS answers again."), "{told}");
}

#[test]
fn a_region_without_app_runner_is_missed_only_by_a_service() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let run = |arguments: &[&str]| {
        let mut command = cloud.through(&cloud.url, arguments);
        command.env("AWS_ENDPOINT_URL_APPRUNNER", "http://no.such.host.invalid");
        Run::of(arguments, &mut command)
    };
    run(&["deploy", "--yes"]).succeeds();
    assert!(run(&["diff"]).succeeds().stdout().contains("No changes"));
    let told = run(&["diff", "--set", "service.image=public.ecr.aws/x/y:1"]).ends_with(1).stderr();
    assert!(told.contains("Listing") && told.contains("has no endpoint in us-east-1"), "{told}");
    run(&["destroy", "--yes"]).succeeds();
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}

#[test]
fn a_zone_that_is_given_up_with_an_instance_in_it_is_refused_before_anything_is_done() {
    let cloud = Cloud::start();
    let stack = "stack: shop\nnetwork: {zones: 3}\ndatabase: {protect: false, on_destroy: delete, readers: 2}\n";
    cloud.write("stack.yaml", stack);
    deploy(&cloud, &[]).succeeds();
    let fewer = ["--set", "network.zones=2"];
    let diff = cloud.infra(&[&["diff", "--local"], &fewer[..]].concat()).succeeds().stdout();
    assert!(diff.contains("It stands in us-east-1c, where the description leaves no subnet"), "{diff}");
    cloud.forget_calls();
    let told = deploy(&cloud, &fewer).ends_with(1).stderr();
    let remedy = "aws rds delete-db-instance --db-instance-identifier ";
    let stranded = told.split_once(remedy).expect("the remedy").1.split('`').next().expect("an end").to_owned();
    assert_eq!(changing(&cloud), [] as [&str; 0]);
    // As it is told.
    let form = format!("Action=DeleteDBInstance&DBInstanceIdentifier={stranded}&SkipFinalSnapshot=true");
    cloud.call("rds", &format!("Version=2014-10-31&{form}"));
    deploy(&cloud, &fewer).succeeds();
    assert!(cloud.infra(&[&["diff", "--local"], &fewer[..]].concat()).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_network_that_lost_its_tags_is_taken_in_and_never_made_a_second_time() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    deploy(&cloud, &[]).succeeds();
    let status = cloud.infra(&["status", "--local", "--json"]).succeeds().json();
    let vpc = status["resources"].as_array().expect("a list").iter().find(|item| item["address"] == "vpc/main");
    let vpc = vpc.and_then(|item| item["id"].as_str()).expect("the VPC").to_owned();
    cloud.call("ec2", &format!("Action=DeleteTags&Version=2016-11-15&ResourceId.1={vpc}&Tag.1.Key=infra:address"));
    let remedy = format!("infra import vpc/main {vpc}");
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains(&remedy));
    cloud.forget_calls();
    let told = deploy(&cloud, &[]).ends_with(1).stderr();
    assert!(told.contains(&remedy) && told.contains("does not carry this stack's tags"), "{told}");
    assert_eq!(changing(&cloud), [] as [&str; 0]);
    cloud.infra(&["import", "vpc/main", &vpc, "--local", "--yes"]).succeeds();
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn addresses_that_are_none_are_told() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\n");
    let told = deploy(&cloud, &["--allow-delete", "nix/nix"]).ends_with(3).stderr();
    assert!(told.contains("there is no kind of resource `nix`"), "{told}");
    let told = deploy(&cloud, &["--allow-replace", "clutser/database"]).ends_with(3).stderr();
    assert!(told.contains("did you mean cluster/database?"), "{told}");
    let run = deploy(&cloud, &["--allow-delete", "cluster/mian"]).succeeds();
    assert!(run.stderr().contains("Nothing of this stack stands at cluster/mian"), "{}", run.stderr());
    let run = cloud.infra(&["destroy", "--local", "--yes", "--allow-delete", "cluster/mian"]).succeeds();
    assert!(run.stderr().contains("Nothing of this stack stands at cluster/mian"), "{}", run.stderr());
}

#[test]
fn an_endpoint_that_is_none_is_told_at_once() {
    let cloud = Cloud::absent();
    cloud.write("stack.yaml", "stack: shop\n");
    for url in ["localhost:4566", "127.0.0.1:4566", "http//x", "ftp://x", "http://", ""] {
        let told = cloud.infra(&["diff", "--endpoint-url", url]).ends_with(3).stderr();
        assert!(told.contains("--endpoint-url") && told.contains("http://"), "{url}: {told}");
    }
}

#[test]
fn a_description_may_come_from_standard_input() {
    let cloud = Cloud::absent();
    let given = |arguments: &[&str], text: &str| {
        let mut command: Command = cloud.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        std::io::Write::write_all(child.stdin.as_mut().expect("piped"), text.as_bytes()).expect("it is read");
        Run::ended(arguments, child.wait_with_output().expect("it ends"))
    };
    let run = given(&["validate", "-"], "stack: shop\n").succeeds();
    assert!(run.stdout().contains("the stack shop"), "{}", run.stdout());
    let run = given(&["validate", "-"], "stack: shop\nservce: {}\n").ends_with(3);
    assert!(run.stderr().contains("-:2:1"), "{}", run.stderr());
    assert!(given(&["graph", "-"], "stack: shop\n").succeeds().stdout().contains("vpc/main"));
}

#[test]
fn a_plan_names_the_variables_of_a_service_and_says_why_it_does_not_show_them() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1, env: {HELLO: world-of-its-own}}\n");
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("env: {HELLO: (hidden)}") && !diff.contains("world-of-its-own"), "{diff}");
    assert_eq!(diff.matches("a secret may be among them").count(), 1, "{diff}");
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n");
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(!diff.contains("(hidden)"), "{diff}");
}

#[test]
fn a_start_is_over_when_what_it_runs_answers() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\nproxy: {}\n");
    deploy(&cloud, &[]).succeeds();
    let answers = || {
        let status = cloud.infra(&["local", "status", "--json"]).succeeds().json();
        let ways = status["databases"].as_array().cloned().unwrap_or_default();
        ways.iter().map(|way| way["answers"] == true).collect::<Vec<_>>()
    };
    assert_eq!(answers(), [true, true]);
    cloud.infra(&["local", "stop"]).succeeds();
    cloud.infra(&["local", "start"]).succeeds();
    let direct = cloud.infra(&["local", "psql", "--direct", "--", "-Atc", "select 1"]).succeeds();
    assert_eq!(direct.stdout().trim(), "1");
    assert_eq!(answers(), [true, true]);
}

#[test]
fn databases_of_several_stacks_are_not_deleted_without_a_question() {
    let cloud = Cloud::start();
    for stack in ["one", "two"] {
        cloud.write("stack.yaml", &format!("stack: {stack}\ndatabase: {{}}\n"));
        deploy(&cloud, &[]).succeeds();
    }
    let run = cloud.infra(&["local", "reset", "--everything"]).ends_with(1);
    assert!(run.stderr().contains("no terminal to ask on"), "{}", run.stderr());
    assert!(run.told().contains("one-database of the stack one, two-database of the stack two"), "{}", run.stderr());
    assert!(!cloud.inventory().is_empty());
    // Root's servers are elsewhere, and a final snapshot stays behind its cluster.
    let data = cloud.folder().join("local/servers").canonicalize().expect("the servers' folder");
    cloud
        .infra(&[
            "destroy",
            "--local",
            "--yes",
            "--allow-delete",
            "cluster/database",
            "--allow-delete",
            "secret/database",
        ])
        .succeeds();
    assert!(std::fs::read_dir(&data).expect("it can be read").count() > 0);
    // By now it is one stack's database, and the snapshot of another one; also where the cloud does not run.
    cloud.infra(&["local", "stop"]).succeeds();
    let run = cloud.infra(&["local", "reset", "--everything"]).ends_with(1);
    assert!(run.told().contains("1 snapshot (two-"), "{}", run.stderr());
    cloud.infra(&["local", "reset", "--everything", "--yes"]).succeeds();
    assert!(!data.exists(), "the databases' files are left in {}", data.display());
}

#[test]
fn the_newest_operation_of_a_service_is_found_on_whatever_page_it_stands() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n");
    deploy(&cloud, &[]).succeeds();
    // Two old ones first, and the newest, which failed, behind them.
    let operation = |id: &str, status: &str, at: u32| {
        format!(r#"{{"Id":"{id}","Type":"UPDATE_SERVICE","Status":"{status}","StartedAt":{at},"EndedAt":{at}}}"#)
    };
    let pages = move |call: &Call| {
        let (one, two) = (operation("a", "SUCCEEDED", 1), operation("b", "SUCCEEDED", 2));
        match call.body.contains("further") {
            false => format!(r#"{{"OperationSummaryList":[{one},{two}],"NextToken":"further"}}"#),
            true => format!(r#"{{"OperationSummaryList":[{}]}}"#, operation("c", "ROLLBACK_SUCCEEDED", 2_000_000_000)),
        }
    };
    let wire = Wire::with(&cloud.url, move |call, behind| {
        Box::pin(async move {
            if call.action != "ListOperations" {
                return behind.answer(&call).await;
            }
            Answer {
                status: 200,
                content_type: "application/x-amz-json-1.0".into(),
                date: None,
                headers: Vec::new(),
                body: pages(&call),
            }
        })
    });
    let arguments = ["diff", "--set", "service.port=9000"];
    let told = Run::of(&arguments, &mut cloud.through(&wire.url, &arguments)).succeeds().stdout();
    assert!(told.contains("AWS took the last change back"), "{told}");
}
