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
