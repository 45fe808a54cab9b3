//! What a resource carries besides its attributes: how AWS says that its last change ended, and the fingerprint of what was
//! applied to it.

use crate::binary::Cloud;

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
    assert!(told.contains("AWS took the change of service/main back: its operation UPDATE_SERVICE"), "{told}");
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
