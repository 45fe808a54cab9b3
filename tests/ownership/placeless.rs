//! What is the stack's by its tags, and no longer says where in the stack it stands.

use serde_json::Value;

use super::{changing, resources, take_tag};
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
