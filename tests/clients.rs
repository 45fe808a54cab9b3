//! Independent clients of AWS, boto3, the aws CLI and the SDK for JavaScript, against the local cloud: what AWS documents is what they must meet.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::binary::Cloud;

/// The folder of the scripts, one a service.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// What `scripts/install --tests` has put beside the build, below `<target>`.
pub(crate) fn installed(path: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_infra"));
    target
        .ancestors()
        .map(|folder| folder.join(path))
        .find(|found| found.exists())
        .expect("the clients are not installed: run `scripts/install --tests`, then the tests again")
}

/// Python with boto3 and botocore.
pub(crate) fn python() -> PathBuf {
    installed("python/bin/python")
}

/// Runs a script against a local cloud of its own.
#[track_caller]
fn walk(service: &str, pace: &str) {
    let python = python();
    let mut command = Command::new(&python);
    command.arg("-B").arg(Path::new(SCRIPTS).join(format!("{service}.py")));
    command.env("PATH", path(&python));
    tried(command, &Cloud::paced(pace));
}

/// Runs a client with the cloud's URL; it prints each check that is wrong, and fails if any is.
#[track_caller]
fn tried(mut command: Command, cloud: &Cloud) {
    command.arg(&cloud.url);
    // What this machine's user has set up for AWS must not reach the clients.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    // A file of their own, and not /dev/null: these may run as root, and a client may protect its files.
    let nothing = cloud.write("nothing", "");
    command.env("AWS_CONFIG_FILE", &nothing).env("AWS_SHARED_CREDENTIALS_FILE", &nothing);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().expect("the client runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains(" checks, 0 wrong"), "{said}{errors}");
}

/// The aws CLI beside that Python, before what else there is.
fn path(python: &Path) -> std::ffi::OsString {
    let mut folders = vec![python.parent().expect("a program is in a folder").to_owned()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).expect("the folders come from such a list")
}

#[test]
fn boto3_walks_through_ec2() {
    walk("ec2", "instant");
}

#[test]
fn boto3_walks_through_rds_with_its_databases() {
    walk("rds", "instant");
}

#[test]
fn boto3_walks_through_secrets_manager() {
    walk("secretsmanager", "instant");
}

#[test]
fn boto3_walks_through_lambda_with_functions_that_run() {
    walk("lambda", "instant");
}

#[test]
fn boto3_walks_through_iam_and_sts() {
    walk("iam", "instant");
}

#[test]
fn boto3_walks_through_ssm() {
    walk("ssm", "instant");
}

#[test]
fn boto3_walks_through_logs() {
    walk("logs", "instant");
}

#[test]
fn boto3_walks_through_app_runner() {
    // Slow enough that a second call comes while the first one's work goes on.
    walk("apprunner", "200");
}

#[test]
fn what_aws_documents_as_wrong_is_refused_as_documented() {
    walk("wrong", "instant");
}

#[test]
fn the_aws_cli_finds_its_way() {
    walk("aws_cli", "instant");
}

#[test]
fn the_sdk_for_javascript_finds_its_way() {
    let mut node = Command::new("node");
    node.arg(Path::new(SCRIPTS).join("javascript/walk.mjs")).env("SDK", installed("javascript/node_modules"));
    tried(node, &Cloud::start());
}
