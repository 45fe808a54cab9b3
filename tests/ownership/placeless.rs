//! What is the stack's by its tags, and no longer says where in the stack it stands.

use serde_json::Value;

use super::{MIGRATIONS, changing, function_arn, resources, take_tag, untag};
use crate::binary::Cloud;

/// A stack of which these have lost the tag that says where they stand: addresses and ids.
fn placeless(stack: &str, lost: &[&str]) -> (Cloud, Vec<(String, String)>) {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", stack);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let mut all = resources(&cloud);
    all.retain(|(address, _)| lost.contains(&address.as_str()));
    assert_eq!(all.len(), lost.len(), "{all:?}");
    all.iter().for_each(|(address, id)| take_tag(&cloud, address, id, "infra:address"));
    (cloud, all)
}

#[test]
fn what_lost_its_place_is_given_it_back_and_no_second_one_is_made() {
    let (cloud, lost) = placeless(
        "stack: shop\nservice: {image: public.ecr.aws/x/y:1}\n",
        &[
            "elastic-ip/nat-1",
            "nat-gateway/1",
            "route-table/isolated",
            "route-table/private-1",
            "route-table/public",
            "security-group/app",
            "subnet/isolated-2",
            "role/service",
            "service/main",
            "vpc-connector/main",
        ],
    );
    let before = cloud.inventory().len();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    cloud.forget_calls();
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).stderr();
    assert!(changing(&cloud).iter().all(|call| call.starts_with("ssm.")), "only the lock: {:?}", changing(&cloud));
    assert_eq!(cloud.inventory().len(), before);
    for (address, id) in &lost {
        let remedy = format!("`infra import {address} {id} --local`");
        assert!(told.contains(&remedy), "{remedy} is not in {told}");
        assert!(diff.contains(&remedy), "{remedy} is not in {diff}");
        // Each is offered the one place that it had.
        assert_eq!(told.matches(&format!("{id} --local`")).count(), 1, "{told}");
    }
    assert!(!told.contains("of the stack shop"), "it is this very stack: {told}");
    for (address, id) in &lost {
        cloud.infra(&["import", address, id, "--local", "--yes"]).succeeds();
    }
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_destruction_says_before_anything_is_done_what_it_does_not_find() {
    let lost = ["nat-gateway/1", "route-table/isolated", "subnet/isolated-2"];
    let (cloud, lost) = placeless("stack: shop\n", &lost);
    let shown = cloud.infra(&["destroy", "--local", "--dry-run"]).succeeds();
    let plan = shown.stdout();
    let line = |address: &str| plan.lines().find(|line| line.contains(&format!("- {address}"))).expect("it is to go");
    for (address, id) in &lost {
        assert!(shown.stderr().contains(&format!("(`infra import {address} {id} --local`)")), "{}", shown.stderr());
        assert!(line("vpc/main").contains(id), "{plan}");
    }
    // What AWS keeps as long as the gateway is there.
    for address in ["elastic-ip/nat-1", "internet-gateway/main", "subnet/public-1"] {
        let gateway = format!("AWS will not: {} (NAT gateway, without its tag infra:address)", lost[0].1);
        assert!(line(address).contains(&gateway), "{gateway} is not in {plan}");
    }
    for (address, id) in &lost {
        cloud.infra(&["import", address, id, "--local", "--yes"]).succeeds();
    }
    cloud.infra(&["destroy", "--local", "--yes"]).succeeds();
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
}

#[test]
fn what_a_destruction_leaves_behind_without_a_place_is_not_called_nothing() {
    let (cloud, lost) =
        placeless("stack: shop\nnetwork: {nat: none}\nservice: {image: public.ecr.aws/x/y:1}\n", &["role/service"]);
    let told = cloud.infra(&["destroy", "--local", "--yes"]).succeeds().stdout();
    let (_, id) = &lost[0];
    assert!(told.contains(&format!("The role {id} stays: it is of this stack and has lost its tag")), "{told}");
    assert_eq!(cloud.inventory().len(), 1);
}

const FUNCTION: (&str, &str) = ("function/migrations", "shop-migrations");

/// A stack of which the migrations are applied by a function.
fn with_a_function() -> Cloud {
    let cloud = Cloud::start();
    let stack = format!(
        "stack: shop\nnetwork: {{nat: none, endpoints: [secretsmanager]}}\n\
         database: {{protect: false, on_destroy: delete}}\nsecret: {{on_destroy: purge}}\nproxy: {{}}\n\
         migrations: {{folder: {MIGRATIONS}, runner: lambda}}\n"
    );
    cloud.write("stack.yaml", &stack);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud
}

/// A deploy refuses, before anything is done, and says this of the function; a diff says it as well.
#[track_caller]
fn refused(cloud: &Cloud, words: &str) {
    cloud.forget_calls();
    let run = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1);
    let told = run.told().replace("→ ", "");
    assert!(told.contains(words), "{words} is not in {told}");
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    let diff = diff.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(diff.contains("A deploy would refuse this") && diff.contains(words), "{words} is not in {diff}");
    // A look at what is applied calls the function; the lock is the deploy's own.
    let is_known = |call: &String| call.starts_with("ssm.") || call == "lambda.Invoke";
    assert!(changing(cloud).iter().all(is_known), "{:?}", changing(cloud));
}

/// A destruction says beforehand that the function keeps its group, and does not mistake it for one that goes.
#[track_caller]
fn stands_in_the_way(cloud: &Cloud, words: &str) {
    let plan = cloud.infra(&["destroy", "--local", "--dry-run"]).succeeds().stdout();
    assert!(!plan.contains("- function/migrations"), "{plan}");
    let group = plan.lines().find(|line| line.contains("- security-group/migrations")).expect("it is to go");
    assert!(group.contains("AWS will not: eni-") && group.contains(words), "{words} is not in {plan}");
}

#[test]
fn a_function_that_is_not_the_stacks_any_more_is_not_taken_for_one_that_goes() {
    let cloud = with_a_function();
    let (address, id) = FUNCTION;
    let import = format!("`infra import {address} {id} --local`");
    let taken_in = || {
        cloud.infra(&["import", address, id, "--local", "--yes"]).succeeds();
        // Which spec was applied last, the tags that were lost said.
        cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
        assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    };
    // Nobody's.
    ["Name", "infra:fingerprint"].iter().for_each(|key| take_tag(&cloud, address, id, key));
    untag(&cloud, address, id);
    refused(
        &cloud,
        &format!(
            "shop-migrations holds the name shop-migrations and does not carry this stack's tags. Delete or rename it; or, if it is yours to adopt, {import}"
        ),
    );
    stands_in_the_way(&cloud, "(of the function shop-migrations)");
    taken_in();
    // Another stack's.
    let tags = format!("/2017-03-31/tags/{}", function_arn(id));
    let give =
        |stack: &str| cloud.rest("lambda", "POST", &tags, &format!(r#"{{"Tags": {{"infra:stack": "{stack}"}}}}"#));
    give("other");
    refused(
        &cloud,
        "shop-migrations holds the name shop-migrations and is of the stack other. Give one of the two another name.",
    );
    stands_in_the_way(&cloud, "(of the function shop-migrations)");
    let told = cloud.infra(&["import", address, id, "--local", "--yes"]).ends_with(3).told();
    assert!(told.contains("shop-migrations belongs to the stack other, as function/migrations."), "{told}");
    give("shop");
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    // The stack's, at no place.
    take_tag(&cloud, address, id, "infra:address");
    refused(
        &cloud,
        &format!(
            "{id} holds the name {id} and is of this stack and has lost its tag infra:address. Give it its place back: {import}"
        ),
    );
    stands_in_the_way(&cloud, "(of the function shop-migrations, without its tag infra:address)");
    taken_in();
}
