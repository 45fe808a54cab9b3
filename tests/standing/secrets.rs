//! Secrets that somebody else changed: none of ours, closed to the reader, or on their way out.

use serde_json::{Value, json};

use super::{NAMED, STACK, clear, count, deploy, deployed, steps};
use crate::binary::Cloud;

#[test]
fn a_secret_that_is_none_is_refused_before_anything_is_done() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");
    let cloud = deployed(&format!("{STACK}migrations: {{folder: {folder}}}\n"));
    let value = cloud.ask("secretsmanager", "secretsmanager.GetSecretValue", &json!({"SecretId": "shop-database"}));
    for broken in [r#"{"user": "app"}"#, "not JSON"] {
        let put = json!({"SecretId": "shop-database", "SecretString": broken});
        cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &put);
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("secret-attachment/database") && !diff.contains(broken), "{diff}");
    }
    // That cannot be mended without losing what else it holds, so nothing is begun.
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("A deploy would refuse this") && diff.contains("Store {"), "{diff}");
    cloud.forget_calls();
    let told = deploy(&cloud, &["--set", "tags.team=web"]).ends_with(1).stderr();
    assert!(told.contains("does not hold a JSON object") && told.contains("Store {"), "{told}");
    assert_eq!(count(&cloud, "ec2.CreateTags"), 0);
    let whole = json!({"SecretId": "shop-database", "SecretString": value["SecretString"]});
    cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &whole);
    deploy(&cloud, &[]).succeeds();
}

#[test]
fn who_may_not_read_the_secret_still_sees_the_stack() {
    let cloud = deployed(STACK);
    cloud.forget_calls();
    cloud.infra(&["status", "--local"]).succeeds();
    cloud.infra(&["outputs", "--local"]).succeeds();
    assert_eq!(count(&cloud, "secretsmanager.GetSecretValue"), 0, "nobody asked for the password");
    let refuse = ["local", "fault", "refuse", "secretsmanager.GetSecretValue", "AccessDeniedException"];
    cloud.infra(&[&refuse[..], &["--message", "User is not authorized"]].concat()).succeeds();
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    assert!(diff.contains("No changes"), "{diff}");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/example/drizzle/migrations");
    cloud.write("migrated.yaml", &format!("{STACK}migrations: {{folder: {folder}}}\n"));
    let diff = cloud.infra(&["diff", "--local", "migrated.yaml"]).succeeds().stdout();
    assert!(diff.contains("? migrations/database") && diff.contains("unknown: User is not authorized"), "{diff}");
    // That nobody knows is said, and is no change; but nobody is told that all is as described.
    assert!(diff.contains("No changes, as far as can be known"), "{diff}");
    cloud.infra(&["diff", "--local", "--exit-code", "migrated.yaml"]).ends_with(2);
    cloud.infra(&["diff", "--local", "--exit-code", "--skip-migrations", "migrated.yaml"]).succeeds();
    let plan = cloud.infra(&["diff", "--local", "--json", "migrated.yaml"]).succeeds().json();
    assert_eq!(
        (&plan["changes"], &plan["summary"]["update"], &plan["summary"]["unknown"]),
        (&json!(false), &json!(0), &json!(1))
    );
    assert_eq!(steps(&cloud, &["migrated.yaml"]), ["unknown migrations/database"]);
    // A deploy tries all the same.
    clear(&cloud);
    let refuse = ["local", "fault", "refuse", "secretsmanager.GetSecretValue", "AccessDeniedException", "--nth", "1"];
    cloud.infra(&refuse).succeeds();
    deploy(&cloud, &["migrated.yaml"]).succeeds();
    let after = cloud.infra(&["diff", "--local", "migrated.yaml"]).succeeds().stdout();
    assert!(after.contains("No changes: "), "{after}");
}

#[test]
fn a_secret_that_cannot_be_read_keeps_nothing_from_being_destroyed() {
    let destroy =
        |cloud: &Cloud| cloud.infra(&[&["destroy", "--local", "--yes", "--timeout", "1"], &NAMED[..]].concat());
    // Somebody put a text into it.
    let cloud = deployed(STACK);
    let put = json!({"SecretId": "shop-database", "SecretString": "not JSON"});
    cloud.ask("secretsmanager", "secretsmanager.PutSecretValue", &put);
    destroy(&cloud).succeeds();
    assert_eq!(cloud.inventory(), [] as [Value; 0]);
    // We may not, or its key does not.
    for code in ["AccessDeniedException", "DecryptionFailure", "KMSAccessDeniedException"] {
        deploy(&cloud, &[]).succeeds();
        let refuse =
            ["local", "fault", "refuse", "secretsmanager.GetSecretValue", code, "--message", "The key is disabled."];
        cloud.infra(&refuse).succeeds();
        let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(diff.contains("No changes"), "{diff}");
        assert_eq!(diff.contains("cannot be decrypted"), code != "AccessDeniedException", "{diff}");
        deploy(&cloud, &["--set", "tags.team=web"]).succeeds();
        destroy(&cloud).succeeds();
        assert_eq!(cloud.inventory(), [] as [Value; 0]);
        clear(&cloud);
    }
}

#[test]
fn a_secret_that_is_scheduled_for_deletion_is_said_to_be_restored() {
    let cloud = deployed(STACK);
    let delete = json!({"SecretId": "shop-database", "RecoveryWindowInDays": 7});
    cloud.ask("secretsmanager", "secretsmanager.DeleteSecret", &delete);
    let diff = cloud.infra(&["diff", "--local"]).succeeds().stdout();
    let line = diff.lines().find(|line| line.contains("+ secret/database")).expect("it is made again");
    assert!(line.contains("it is restored, with what it holds"), "{line}");
    // Its ARN is known, so that nothing changes of what refers to it.
    assert!(!diff.contains("role/proxy") && !diff.contains("proxy/database"), "{diff}");
    // It is older than the cluster, which has its password already.
    assert!(!diff.contains("gets the password"), "{diff}");
    deploy(&cloud, &[]).succeeds();
    assert_eq!(count(&cloud, "secretsmanager.RestoreSecret"), 1);
    assert_eq!(cloud.psql("shop", "select 1"), "1");
    assert!(cloud.infra(&["diff", "--local"]).succeeds().stdout().contains("No changes"));
}
