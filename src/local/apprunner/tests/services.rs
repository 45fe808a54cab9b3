//! Services: refusals, states, endings.

use serde_json::json;

use super::{ACCESS, Fixture, INSTANCE, SERVICE, allow, call, private, role, service, with_secret};
use crate::local::{apprunner::EVENTS, pace::Pace};

#[test]
fn creations_that_are_refused() {
    let table = [
        (json!({ "ServiceName": "taken" }), "already exists: taken"),
        (json!({ "SourceConfiguration": {} }), "Exactly one of"),
        (json!({ "SourceConfiguration": private(None) }), "AccessRoleArn"),
        (json!({ "SourceConfiguration": private(Some(INSTANCE)) }), "Error in assuming access role"),
        (json!({ "InstanceConfiguration": { "InstanceRoleArn": ACCESS } }), "Error in assuming instance role"),
        (json!({ "InstanceConfiguration": { "Cpu": "256", "Memory": "2048" } }), "does not go with"),
        (json!({ "InstanceConfiguration": { "Cpu": "4 vCPU", "Memory": "4 GB" } }), "does not go with"),
        (
            json!({ "SourceConfiguration": with_secret("arn:aws:secretsmanager:x") }),
            "Instance Role have to be provided",
        ),
        (
            json!({ "SourceConfiguration": with_secret("demo/db"), "InstanceConfiguration": { "InstanceRoleArn": INSTANCE } }),
            "has to be the ARN",
        ),
        (
            json!({ "AutoScalingConfigurationArn": "arn:aws:apprunner:eu-central-1:000000000000:autoscalingconfiguration/x" }),
            "Auto scaling configuration ARN is invalid",
        ),
        (
            json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC" } } }),
            "needs a VpcConnectorArn",
        ),
        (
            json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC", "VpcConnectorArn": "arn:aws:apprunner:eu-central-1:000000000000:vpcconnector/x/1/y" } } }),
            "does not exist or is INACTIVE",
        ),
        (json!({ "HealthCheckConfiguration": { "Path": "health" } }), "does not begin with a slash"),
        (json!({ "Tags": [{ "Key": "aws:x", "Value": "y" }] }), "reserved"),
    ];
    for (more, message) in table {
        let mut fixture = Fixture::new();
        call(&mut fixture.cloud, "CreateService", service("taken"));
        let mut input = service("demo");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let fault = fixture.cloud.call(&SERVICE, "CreateService", input).expect_err(message);
        assert_eq!(fault.code, "InvalidRequestException", "{message}");
        assert!(fault.message.contains(message), "{message}: {}", fault.message);
    }
}

#[test]
fn a_new_role_is_not_assumed_at_once() {
    let mut fixture = Fixture::new();
    role(&mut fixture.cloud, "fresh", "tasks.apprunner.amazonaws.com");
    let mut input = service("demo");
    input["InstanceConfiguration"] = json!({ "InstanceRoleArn": "arn:aws:iam::000000000000:role/fresh" });
    let fault = fixture.cloud.call(&SERVICE, "CreateService", input.clone()).unwrap_err();
    assert_eq!(fault.message, "Error in assuming instance role arn:aws:iam::000000000000:role/fresh");
    fixture.cloud.wait(10);
    call(&mut fixture.cloud, "CreateService", input);
}

#[test]
fn defaults_are_filled_in() {
    let (mut fixture, arn) =
        Fixture::running(json!({ "InstanceConfiguration": { "Cpu": "0.25 vCPU", "Memory": "0.5 GB" } }));
    let described = call(&mut fixture.cloud, "DescribeService", json!({ "ServiceArn": arn }))["Service"].clone();
    assert_eq!(described["InstanceConfiguration"], json!({ "Cpu": "256", "Memory": "512" }));
    assert_eq!(described["HealthCheckConfiguration"]["Protocol"], "TCP");
    assert_eq!(described["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"], "8080");
    assert_eq!(described["SourceConfiguration"]["AutoDeploymentsEnabled"], false);
    assert_eq!(described["AutoScalingConfigurationSummary"]["AutoScalingConfigurationName"], "DefaultConfiguration");
    assert_eq!(described["NetworkConfiguration"]["IngressConfiguration"]["IsPubliclyAccessible"], true);
    assert!(described["ServiceUrl"].as_str().unwrap().ends_with(".eu-central-1.awsapprunner.com"));
}

/// What an action on a service needs.
fn asked(action: &str, arn: &str) -> serde_json::Value {
    match action {
        "UpdateService" => json!({ "ServiceArn": arn, "InstanceConfiguration": { "Cpu": "1024" } }),
        _ => json!({ "ServiceArn": arn }),
    }
}

#[test]
fn the_states_of_a_life() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    assert_eq!(fixture.operation(&arn), ("CREATE_SERVICE".into(), "SUCCEEDED".into()));
    for (action, seconds, operation, status) in [
        ("UpdateService", 300, "UPDATE_SERVICE", "RUNNING"),
        ("StartDeployment", 300, "START_DEPLOYMENT", "RUNNING"),
        ("PauseService", 60, "PAUSE_SERVICE", "PAUSED"),
        ("UpdateService", 300, "UPDATE_SERVICE", "PAUSED"),
        ("ResumeService", 120, "RESUME_SERVICE", "RUNNING"),
        ("DeleteService", 120, "DELETE_SERVICE", "DELETED"),
    ] {
        call(&mut fixture.cloud, action, asked(action, &arn));
        assert_eq!(fixture.operation(&arn), (operation.into(), "IN_PROGRESS".into()));
        for other in ["UpdateService", "DeleteService", "PauseService", "ResumeService", "StartDeployment"] {
            let fault = fixture.cloud.call(&SERVICE, other, json!({ "ServiceArn": arn })).expect_err(other);
            assert_eq!(fault.code, "InvalidStateException");
            assert!(fault.message.contains("OPERATION_IN_PROGRESS"), "{}", fault.message);
        }
        fixture.cloud.wait(seconds - 1);
        assert_eq!(fixture.status(&arn), "OPERATION_IN_PROGRESS");
        fixture.cloud.wait(1);
        assert_eq!(fixture.status(&arn), status, "{action}");
        assert_eq!(fixture.operation(&arn), (operation.into(), "SUCCEEDED".into()));
    }
    let listed = call(&mut fixture.cloud, "ListServices", json!({}));
    assert_eq!(listed["ServiceSummaryList"], json!([]));
    assert!(fixture.cloud.region.apprunner.inventory().is_empty());
    call(&mut fixture.cloud, "CreateService", service("demo"));
    fixture.cloud.wait(3601);
    let fault = fixture.cloud.call(&SERVICE, "DescribeService", json!({ "ServiceArn": arn })).unwrap_err();
    assert_eq!(fault.code, "ResourceNotFoundException");
}

#[test]
fn at_instant_pace_the_answer_still_says_under_way() {
    let mut fixture = Fixture::new();
    fixture.cloud.pace = Pace::Instant;
    let made = call(&mut fixture.cloud, "CreateService", service("demo"));
    assert_eq!(made["Service"]["Status"], "OPERATION_IN_PROGRESS");
    assert_eq!(fixture.status(made["Service"]["ServiceArn"].as_str().unwrap()), "RUNNING");
}

#[test]
fn an_update_of_nothing_is_refused() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    let fault = fixture.cloud.call(&SERVICE, "UpdateService", json!({ "ServiceArn": arn })).unwrap_err();
    assert_eq!(fault.message, "No configurations provided in the UpdateService request.");
    assert_eq!(fixture.status(&arn), "RUNNING");
}

#[test]
fn observability_is_shown_where_it_was_given() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    let mut shown = |input: Option<serde_json::Value>| {
        if let Some(given) = input {
            let update = json!({ "ServiceArn": arn, "ObservabilityConfiguration": given });
            call(&mut fixture.cloud, "UpdateService", update);
            fixture.cloud.wait(300);
        }
        call(&mut fixture.cloud, "DescribeService", json!({ "ServiceArn": arn }))["Service"]["ObservabilityConfiguration"].clone()
    };
    assert_eq!(shown(None), serde_json::Value::Null);
    let off = json!({ "ObservabilityEnabled": false });
    assert_eq!(shown(Some(off.clone())), off);
}

#[test]
fn a_failed_update_is_rolled_back() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    fixture.cloud.doom = Some("Health check failed.".to_owned());
    let update = json!({ "ServiceArn": arn, "InstanceConfiguration": { "Cpu": "2048", "Memory": "4096" } });
    call(&mut fixture.cloud, "UpdateService", update);
    fixture.cloud.wait(200);
    assert_eq!(fixture.operation(&arn).1, "ROLLBACK_IN_PROGRESS");
    fixture.cloud.wait(100);
    assert_eq!(fixture.status(&arn), "RUNNING");
    assert_eq!(fixture.operation(&arn), ("UPDATE_SERVICE".into(), "ROLLBACK_SUCCEEDED".into()));
    let described = call(&mut fixture.cloud, "DescribeService", json!({ "ServiceArn": arn }));
    assert_eq!(described["Service"]["InstanceConfiguration"]["Cpu"], "1024");
    let group = fixture.cloud.region.apprunner.services[&arn].log_group("service");
    let log = fixture.cloud.region.logs.last_messages(&group, "events", 9);
    assert!(log.last().unwrap().contains("Health check failed."), "{log:?}");
}

#[test]
fn what_the_roles_may_not_read_fails_the_creation() {
    let table: [(&str, &str, &str, &str); 4] = [
        ("", "", "", "AccessDeniedException"),
        ("secretsmanager:GetSecretValue", "", ":missing::", "no JSON key missing"),
        ("secretsmanager:GetSecretValue", "-gone", "", "ResourceNotFoundException"),
        ("secretsmanager:GetSecretValue", "", ":password::", ""),
    ];
    for (action, extra, key, failure) in table {
        let mut fixture = Fixture::new();
        if !action.is_empty() {
            allow(&mut fixture.cloud, action, "*");
        }
        let mut input = service("demo");
        input["SourceConfiguration"] = with_secret(&format!("{}{extra}{key}", fixture.secret));
        input["InstanceConfiguration"] = json!({ "InstanceRoleArn": INSTANCE });
        let made = call(&mut fixture.cloud, "CreateService", input);
        let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
        fixture.cloud.wait(300);
        let expected = if failure.is_empty() { "RUNNING" } else { "CREATE_FAILED" };
        assert_eq!(fixture.status(&arn), expected, "{failure}");
        let group = fixture.cloud.region.apprunner.services[&arn].log_group("service");
        let log = fixture.cloud.region.logs.last_messages(&group, EVENTS, 1).join("");
        assert!(log.contains(failure) && !log.contains("hidden"), "{log}");
    }
}

#[test]
fn a_failed_creation_can_be_updated_or_deleted() {
    for (action, seconds, status) in [("UpdateService", 300, "RUNNING"), ("DeleteService", 120, "DELETED")] {
        let mut fixture = Fixture::new();
        fixture.cloud.doom = Some("The container exited.".to_owned());
        let made = call(&mut fixture.cloud, "CreateService", service("demo"));
        let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
        fixture.cloud.wait(300);
        assert_eq!(fixture.status(&arn), "CREATE_FAILED");
        assert_eq!(fixture.operation(&arn), ("CREATE_SERVICE".into(), "FAILED".into()));
        call(&mut fixture.cloud, action, asked(action, &arn));
        fixture.cloud.wait(seconds);
        assert_eq!(fixture.status(&arn), status);
    }
}
