//! What a description names and no deploy makes: that it is not there is said before anything is made.

use serde_json::json;

use crate::binary::Cloud;

const SERVICE: &str =
    "stack: shop\nregion: us-east-1\nservice:\n  image: public.ecr.aws/aws-containers/hello-app-runner:latest\n";

#[test]
fn a_secret_or_parameter_of_the_service_that_is_not_there_is_refused() {
    let cloud = Cloud::start();
    let parameter = "arn:aws:ssm:us-east-1:000000000000:parameter/notes/nope";
    cloud.write("stack.yaml", &format!("{SERVICE}  secrets: {{X: nope, Y: {parameter}, Z: there}}\n"));
    let text = json!({"Name": "there", "SecretString": "x", "ClientRequestToken": "a".repeat(32)});
    cloud.ask("secretsmanager", "secretsmanager.CreateSecret", &text);
    let before = cloud.inventory().len();
    for (verb, code) in [(&["diff", "--local"][..], 0), (&["deploy", "--local", "--yes"][..], 1)] {
        let run = cloud.infra(verb).ends_with(code);
        let told = run.told() + &run.stdout();
        for words in [
            "`service.secrets.X` names the secret nope, which does not exist.",
            "Correct the name, or make it: `aws secretsmanager create-secret --name nope",
            "`service.secrets.Y` names the parameter /notes/nope, which does not exist.",
            "find the local cloud after `eval \"$(infra local env --shell)\"`",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("service.secrets.Z"), "{told}");
    }
    assert_eq!(cloud.inventory().len(), before);
    for (name, service, target, body) in [
        (
            "X",
            "secretsmanager",
            "secretsmanager.CreateSecret",
            json!({"Name": "nope", "SecretString": "x", "ClientRequestToken": "b".repeat(32)}),
        ),
        ("Y", "ssm", "AmazonSSM.PutParameter", json!({"Name": "/notes/nope", "Type": "String", "Value": "x"})),
    ] {
        cloud.ask(service, target, &body);
        let told = cloud.infra(&["diff", "--local"]).succeeds().stdout();
        assert!(!told.contains(&format!("service.secrets.{name}` names")), "{told}");
    }
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
}

#[test]
fn the_stack_s_own_secret_may_be_named_while_it_is_to_be_restored() {
    let cloud = Cloud::start();
    let data = "stack: shop\nregion: us-east-1\ndatabase: {}\nproxy: {}\n";
    cloud.write("stack.yaml", data);
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
    let id = json!({"SecretId": "shop-database"});
    let arn = cloud.ask("secretsmanager", "secretsmanager.DescribeSecret", &id)["ARN"].as_str().unwrap().to_owned();
    cloud.ask("secretsmanager", "secretsmanager.DeleteSecret", &id);
    let service = "service:\n  image: public.ecr.aws/aws-containers/hello-app-runner:latest\n";
    let naming = |arn: &str| {
        cloud.write("stack.yaml", &format!("{data}{service}  secrets: {{DBPASS: \"{arn}:password::\"}}\n"));
        cloud.infra(&["diff", "--local"]).succeeds().stdout()
    };
    let other = format!("{}Abcdef", arn.strip_suffix(&arn[arn.len() - 6..]).unwrap());
    assert!(naming(&other).contains("`service.secrets.DBPASS` names the secret shop-database-Abcdef"));
    let told = naming(&arn);
    assert!(told.contains("it is restored") && !told.contains("`service.secrets.DBPASS` names"), "{told}");
    cloud.infra(&["deploy", "--local", "--yes"]).succeeds();
}

#[test]
fn a_setting_that_the_database_does_not_have_is_refused() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nregion: us-east-1\ndatabase: {parameters: {log_min_duration: \"5\"}}\n");
    let told = cloud.infra(&["deploy", "--local", "--yes"]).ends_with(1).told();
    assert!(told.contains("`log_min_duration` is no parameter of the family aurora-postgresql15."), "{told}");
    assert!(told.contains("Did you mean `log_min_duration_s"), "{told}");
    let made = cloud.inventory();
    assert!(
        made.iter().all(|one| one["service"] != "rds" && one["service"] != "ec2" || one["default"] == true),
        "{made:?}"
    );
}
