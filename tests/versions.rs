//! What a deploy makes of the versions of the secret: none that is not needed, and no password gets out of reach by one.

use serde_json::{Value, json};

use crate::binary::Cloud;

const SECRET: &str = "shop-database";

fn deployed() -> Cloud {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\ndatabase: {}\n");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    cloud
}

fn ask(cloud: &Cloud, call: &str, input: &Value) -> Value {
    cloud.ask("secretsmanager", &format!("secretsmanager.{call}"), input)
}

fn password(cloud: &Cloud, stage: &str) -> Value {
    let held = ask(cloud, "GetSecretValue", &json!({"SecretId": SECRET, "VersionStage": stage}));
    let held: Value = serde_json::from_str(held["SecretString"].as_str().unwrap()).unwrap();
    held["password"].clone()
}

fn versions(cloud: &Cloud) -> Value {
    ask(cloud, "DescribeSecret", &json!({"SecretId": SECRET}))["VersionIdsToStages"].clone()
}

#[test]
fn a_secret_that_holds_what_it_should_gets_no_further_version() {
    let cloud = deployed();
    let before = versions(&cloud);
    // Somebody set another password, or nothing says from which secret it is: it is set, and that is all.
    let cluster = "arn:aws:rds:us-east-1:000000000000:cluster:shop-database";
    let tag = format!(
        "Version=2014-10-31&Action=AddTagsToResource&ResourceName={cluster}&Tags.Tag.1.Key=infra:password-of&\
         Tags.Tag.1.Value=another"
    );
    cloud.call("rds", &tag);
    cloud.forget_calls();
    let told = cloud.infra(&["deploy", "--local", "--yes"]).succeeds().stdout();
    assert!(told.contains("secret-attachment/database"), "{told}");
    assert!(cloud.calls().iter().any(|(call, _)| call == "rds.ModifyDBCluster"), "{:?}", cloud.calls());
    assert_eq!(versions(&cloud), before);
}

#[test]
fn where_somebody_put_another_password_the_former_one_stays_within_reach() {
    let cloud = deployed();
    let right = password(&cloud, "AWSCURRENT");
    let put = |text: &str| ask(&cloud, "PutSecretValue", &json!({"SecretId": SECRET, "SecretString": text}));
    put(r#"{"username": "app", "password": "made-by-hand"}"#);
    let told = cloud.infra(&["deploy", "--local", "--yes"]).succeeds().stdout();
    assert!(told.contains("secret-attachment/database"), "{told}");
    // The connection is written into it again.
    let held = ask(&cloud, "GetSecretValue", &json!({"SecretId": SECRET}));
    assert!(held["SecretString"].as_str().unwrap().contains("\"dbname\":\"app\""), "{}", held["Name"]);
    assert_eq!(password(&cloud, "AWSCURRENT"), "made-by-hand");
    assert_eq!(password(&cloud, "AWSPREVIOUS"), right);
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}

#[test]
fn a_run_that_is_interrupted_while_it_writes_a_version_loses_no_password() {
    const MOVE: &str = "secretsmanager.UpdateSecretVersionStage";
    let cloud = deployed();
    let deploy = || cloud.infra(&["deploy", "--local", "--yes"]);
    for (nth, after) in [("1", "right"), ("2", "by-hand-2"), ("3", "right")] {
        let put = |password: &str| {
            let text = json!({"username": "app", "password": password}).to_string();
            ask(&cloud, "PutSecretValue", &json!({"SecretId": SECRET, "SecretString": text}));
        };
        put("right");
        put(&format!("by-hand-{nth}"));
        cloud.infra(&["local", "fault", "refuse", MOVE, "AccessDeniedException", "--nth", nth]).succeeds();
        let told = deploy().ends_with(1).stderr();
        assert!(told.contains("UpdateSecretVersionStage"), "{told}");
        assert_eq!(password(&cloud, "AWSPREVIOUS"), after, "{nth}");
        cloud.infra(&["local", "fault", "clear"]).succeeds();
        // What was interrupted is told, and finished.
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("secret-attachment/database"), "{diff}");
        assert_eq!(diff.contains("displaced_version"), nth != "1", "{diff}");
        deploy().succeeds();
        assert_eq!(password(&cloud, "AWSCURRENT"), format!("by-hand-{nth}"));
        assert_eq!(password(&cloud, "AWSPREVIOUS"), "right", "{nth}");
        assert!(!versions(&cloud).to_string().contains("infra"), "{}", versions(&cloud));
        assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
    }
}
