//! What a service uses cannot be deleted until the service is DELETED, or no longer uses it.

use serde_json::json;

use super::{Fixture, SERVICE, call, service};

/// Each kind: what makes one, the member that it comes in, what deletes it, and the member of its ARN.
const KINDS: [[&str; 4]; 3] = [
    ["CreateVpcConnector", "VpcConnector", "DeleteVpcConnector", "VpcConnectorArn"],
    [
        "CreateAutoScalingConfiguration",
        "AutoScalingConfiguration",
        "DeleteAutoScalingConfiguration",
        "AutoScalingConfigurationArn",
    ],
    [
        "CreateObservabilityConfiguration",
        "ObservabilityConfiguration",
        "DeleteObservabilityConfiguration",
        "ObservabilityConfigurationArn",
    ],
];

impl Fixture {
    /// One of each kind: their ARNs.
    fn companions(&mut self, name: &str, groups: &[String]) -> [String; 3] {
        KINDS.map(|[create, member, _, arn]| {
            let mut input = json!({ format!("{member}Name"): name });
            if member == "VpcConnector" {
                input["Subnets"] = json!([self.subnet]);
                input["SecurityGroups"] = json!(groups);
            }
            call(&mut self.cloud, create, input)[member][arn].as_str().unwrap().to_owned()
        })
    }

    /// Which of these would be deleted now, each as the only one that is tried.
    fn deletable(&self, arns: &[String; 3]) -> Vec<&'static str> {
        let deleted = |(index, arn): (usize, &String)| {
            let mut cloud = super::Cloud::new();
            (cloud.region, cloud.now) = (self.cloud.region.clone(), self.cloud.now);
            let [.., delete, member] = KINDS[index];
            match cloud.call(&SERVICE, delete, json!({ member: arn })) {
                Ok(_) => Some(delete),
                Err(fault) => {
                    assert_eq!(fault.code, "InvalidRequestException", "{delete}: {fault}");
                    assert!(fault.message.contains("being used by"), "{delete}: {fault}");
                    None
                }
            }
        };
        arns.iter().enumerate().filter_map(deleted).collect()
    }
}

fn using([connector, scaling, observability]: &[String; 3]) -> serde_json::Value {
    json!({
        "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC", "VpcConnectorArn": connector } },
        "AutoScalingConfigurationArn": scaling,
        "ObservabilityConfiguration":
            { "ObservabilityEnabled": true, "ObservabilityConfigurationArn": observability },
    })
}

#[test]
fn what_a_service_uses_stays_until_the_service_is_deleted() {
    let mut fixture = Fixture::new();
    let group = [fixture.group.clone()];
    let arns = fixture.companions("first", &group);
    let mut input = service("demo");
    input.as_object_mut().unwrap().extend(using(&arns).as_object().unwrap().clone());
    let made = call(&mut fixture.cloud, "CreateService", input);
    let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
    let this = json!({ "ServiceArn": arn });
    assert!(fixture.deletable(&arns).is_empty());
    fixture.cloud.wait(480);
    for (action, seconds) in [("PauseService", 60), ("ResumeService", 120), ("DeleteService", 120)] {
        call(&mut fixture.cloud, action, this.clone());
        fixture.cloud.wait(seconds - 1);
        assert_eq!(fixture.status(&arn), "OPERATION_IN_PROGRESS");
        assert!(fixture.deletable(&arns).is_empty(), "{action}");
        fixture.cloud.wait(1);
        assert_ne!(fixture.status(&arn), "OPERATION_IN_PROGRESS");
        assert_eq!(fixture.deletable(&arns).len(), if action == "DeleteService" { 3 } else { 0 }, "{action}");
    }
}

#[test]
fn a_failed_deletion_keeps_what_the_service_uses() {
    let mut fixture = Fixture::new();
    let group = [fixture.group.clone()];
    let arns = fixture.companions("first", &group);
    let mut input = service("demo");
    input.as_object_mut().unwrap().extend(using(&arns).as_object().unwrap().clone());
    let made = call(&mut fixture.cloud, "CreateService", input);
    let arn = made["Service"]["ServiceArn"].as_str().unwrap().to_owned();
    fixture.cloud.wait(480);
    fixture.cloud.doom = Some("App Runner could not.".to_owned());
    call(&mut fixture.cloud, "DeleteService", json!({ "ServiceArn": arn }));
    fixture.cloud.wait(120);
    assert_eq!(fixture.status(&arn), "DELETE_FAILED");
    assert!(fixture.deletable(&arns).is_empty());
}

#[test]
fn what_did_not_come_up_is_in_use_until_it_is_rolled_back() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    let group = [fixture.group.clone()];
    let arns = fixture.companions("first", &group);
    // As where a program stands in the image's place: the operation waits for it.
    let program = super::super::program::Program::default();
    fixture.cloud.region.apprunner.programs.insert("demo".to_owned(), program);
    let mut update = using(&arns);
    update["ServiceArn"] = json!(arn);
    call(&mut fixture.cloud, "UpdateService", update);
    assert!(fixture.deletable(&arns).is_empty());
    let now = fixture.cloud.now;
    let service = fixture.cloud.region.apprunner.services.get_mut(&arn).unwrap();
    assert!(service.fail(now, "Nothing answered."));
    assert!(fixture.deletable(&arns).is_empty(), "while it is being rolled back");
    fixture.cloud.region.apprunner.services.get_mut(&arn).unwrap().go_on(now);
    fixture.cloud.wait(480);
    assert_eq!(fixture.operation(&arn).1, "ROLLBACK_SUCCEEDED");
    assert_eq!(fixture.deletable(&arns).len(), 3);
}

#[test]
fn what_is_inactive_cannot_be_used() {
    let (mut fixture, arn) = Fixture::running(json!({}));
    let group = [fixture.group.clone()];
    let arns = fixture.companions("first", &group);
    for (index, [.., delete, member]) in KINDS.into_iter().enumerate() {
        call(&mut fixture.cloud, delete, json!({ member: arns[index] }));
    }
    let wanted = using(&arns);
    for (member, value) in wanted.as_object().unwrap() {
        let input = json!({ "ServiceArn": arn, member.clone(): value });
        let fault = fixture.cloud.call(&SERVICE, "UpdateService", input).expect_err(member);
        assert!(fault.message.contains("INACTIVE"), "{member}: {fault}");
    }
}
