//! What a resource carries besides its attributes: how AWS says that its last change ended, and the fingerprint of what was
//! applied to it.

use crate::binary::{Cloud, id_in};

fn deployed(stack: &str) -> Cloud {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", stack);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud
}

#[test]
fn an_update_that_shows_and_that_app_runner_says_it_took_back_is_told_by_every_verb() {
    let image = "image: public.ecr.aws/aws-containers/hello-app-runner:latest";
    let cloud = deployed(&format!("stack: shop\nservice: {{{image}}}\n"));
    cloud.write("stack.yaml", &format!("stack: shop\nservice: {{{image}, env: {{A: b}}}}\n"));
    let shown = ["apprunner.ListOperations", "OperationSummaryList.*.Status", "ROLLBACK_SUCCEEDED"];
    cloud.infra(&[&["local", "fault", "show"], &shown[..]].concat()).succeeds();
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).told();
    assert!(told.contains("AWS reverted the change of service/main: its operation UPDATE_SERVICE"), "{told}");
    let notice = "AWS took its last change back: its operation UPDATE_SERVICE";
    for verb in ["diff", "status"] {
        let told = cloud.infra(&[verb, "--local"]).succeeds().stdout();
        assert!(told.contains(notice), "{told}");
    }
    cloud.infra(&["diff", "--local", "--exit-code"]).succeeds();
    cloud.infra(&["local", "fault", "clear"]).succeeds();
    let told = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(!told.contains(notice), "{told}");
}

#[test]
fn what_is_as_described_and_does_not_say_so_is_noted_without_a_word_and_once() {
    let cloud = deployed("stack: shop\n");
    let status = cloud.infra(&["status", "--local", "--json"]).succeeds().json();
    let vpc = id_in(&status, "vpc/main");
    let made = |call: &str| cloud.calls().into_iter().find(|(name, _)| name == call).map_or(0, |(_, count)| count);
    let take_away = || {
        let form = "Action=DeleteTags&Version=2016-11-15&Tag.1.Key=infra:fingerprint&ResourceId.1=";
        cloud.call("ec2", &format!("{form}{vpc}"));
        cloud.forget_calls();
    };
    take_away();
    cloud.infra(&["diff", "--local", "--exit-code"]).succeeds();
    cloud.infra(&["deploy", "--local", "--dry-run"]).succeeds();
    assert_eq!((made("ec2.CreateTags"), made("ssm.PutParameter")), (0, 0), "who only looks writes nothing");
    // Nobody is asked, as nothing is changed.
    for more in [&[][..], &["--yes"]] {
        take_away();
        let told = cloud.infra(&[&["deploy", "--local"], more].concat()).succeeds();
        assert!(told.stdout().contains("No changes"), "{}", told.told());
        assert!(!told.told().contains("vpc/main"), "{}", told.told());
        assert_eq!(made("ec2.CreateTags"), 1);
        assert!(made("ssm.PutParameter") > 0, "the lock is held meanwhile");
        cloud.forget_calls();
        cloud.infra(&[&["deploy", "--local"], more].concat()).succeeds();
        assert_eq!(made("ec2.CreateTags"), 0, "it is noted once");
    }
}
