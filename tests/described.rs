//! What `infra validate` says of a description, and that it says the same whatever else is wrong with it.

use serde_json::Value;

use crate::binary::Cloud;

const SERVICE: &str = "stack: shop\nservice:\n  image: public.ecr.aws/aws-containers/hello-app-runner:latest\n";
const DATABASE: &str = "stack: shop\ndatabase: {}\nproxy: {}\nmigrations: {folder: drizzle}\n";

/// The diagnostics of a description by the fields that they are about.
fn said(cloud: &Cloud, description: &str) -> Vec<(String, Value)> {
    cloud.write("stack.yaml", description);
    let run = cloud.infra(&["validate", "--json"]).ends_with(3);
    let about = |one: Value| Some((one["path"].as_str()?.to_owned(), one));
    run.lines().into_iter().filter_map(about).collect()
}

#[track_caller]
fn of<'a>(said: &'a [(String, Value)], path: &str) -> &'a Value {
    &said.iter().find(|(it, _)| it == path).unwrap_or_else(|| panic!("{path}: {said:?}")).1
}

#[test]
fn the_port_is_app_runner_s_to_set() {
    let cloud = Cloud::absent();
    for section in ["env", "secrets"] {
        let said = said(&cloud, &format!("{SERVICE}  {section}: {{PORT: \"3000\"}}\n"));
        let port = of(&said, &format!("service.{section}.PORT"));
        assert_eq!((&port["severity"], &port["line"]), (&"error".into(), &4.into()), "{port}");
        assert!(port["help"].as_str().unwrap().contains("service.port"), "{port}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error_also_beside_another_one() {
    let cloud = Cloud::absent();
    for more in ["", "nonsense: 1\n"] {
        let said = said(&cloud, &format!("{DATABASE}{more}"));
        let folder = of(&said, "migrations.folder");
        assert_eq!((&folder["severity"], &folder["line"]), (&"error".into(), &4.into()), "{folder}");
        assert!(folder["message"].as_str().unwrap().contains("does not exist"), "{folder}");
    }
    std::fs::create_dir(cloud.folder().join("drizzle")).unwrap();
    let bare = said(&cloud, DATABASE);
    let bare = of(&bare, "migrations.folder");
    assert_eq!((&bare["severity"], &bare["line"], &bare["column"]), (&"error".into(), &4.into(), &22.into()), "{bare}");
    assert!(bare["message"].as_str().unwrap().contains("holds no migrations"), "{bare}");
}

#[test]
fn the_folder_of_a_program_is_missed_by_the_local_cloud_alone() {
    let cloud = Cloud::absent();
    cloud.write("stack.yaml", &format!("{SERVICE}  local: {{command: node server.mjs, dir: nope}}\n"));
    let said = cloud.infra(&["validate", "--json"]).succeeds().lines();
    let program = said.iter().find(|one| one["path"] == "service.local.dir").expect("it is said");
    assert_eq!((&program["severity"], &program["line"]), (&"warning".into(), &4.into()), "{program}");
    let summary = said.last().expect("a summary");
    assert_eq!((&summary["valid"], &summary["warnings"]), (&true.into(), &1.into()), "{summary}");
    let told = cloud.infra(&["validate"]).succeeds().told();
    assert!(told.contains("stack.yaml:4:") && told.contains("nope"), "{told}");
    for verb in [&["deploy", "--local", "--yes"][..], &["diff", "--local"]] {
        let told = cloud.infra(verb).ends_with(3).told();
        assert!(told.contains("stack.yaml:4:") && told.contains("nope"), "{told}");
    }
}

#[test]
fn memory_that_goes_with_nothing_is_told_beside_a_wrong_cpu() {
    let cloud = Cloud::absent();
    for cpu in ["3", "3 vCPU"] {
        let said = said(&cloud, &format!("{SERVICE}  cpu: {cpu}\n  memory: 7 GB\n"));
        let (cpu, memory) = (of(&said, "service.cpu"), of(&said, "service.memory"));
        assert!(cpu.to_string().contains("0.25 vCPU") && cpu.to_string().contains("4 vCPU"), "{cpu}");
        assert!(memory["allowed"].as_array().unwrap().contains(&"12 GB".into()), "{memory}");
    }
}

#[test]
fn what_a_deploy_would_lead_to_is_no_matter_of_other_verbs() {
    let cloud = Cloud::start();
    cloud.write("stack.yaml", "stack: shop\nregion: us-east-1\ndatabase: {protect: false, on_destroy: delete}\n");
    let told = |arguments: &[&str]| cloud.infra(arguments).told().contains("would delete the data for good");
    assert!(told(&["validate"]) && told(&["diff", "--local"]));
    for verb in [&["status", "--local"][..], &["outputs", "--local", "--env"], &["unlock", "--local"], &["iam-policy"]]
    {
        assert!(!told(verb), "{verb:?}");
    }
}
