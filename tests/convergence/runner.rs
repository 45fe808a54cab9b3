//! The case of the function.

use std::{collections::BTreeMap, io::Write as _, sync::Arc};

use futures::FutureExt;
use infra::{
    aws::Clients,
    engine::{
        Live, Ref,
        plan::Action::{Replace, Update},
    },
    resources::{
        function::Function,
        role::{Role, Statement},
    },
    runner::package::Package,
};

use super::{Case, network, service};

/// The code of a function that does nothing.
fn package(text: &str) -> Arc<Package> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "#!/bin/sh\n{text}").unwrap();
    Arc::new(Package::of(file.path()).unwrap())
}

fn role(name: &str) -> Role {
    let interfaces = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"];
    let statements = vec![Statement::new(&interfaces, vec![Ref::value("*")])];
    Role { statements, ..service::named(name, "lambda.amazonaws.com") }
}

fn runner() -> Function {
    let package = package("exit 0");
    Function {
        name: "case-migrations".into(),
        role: Ref::to("one").output("arn"),
        runtime: "provided.al2023".into(),
        architecture: "x86_64".into(),
        handler: "bootstrap".into(),
        memory_mb: 512,
        timeout_seconds: 900,
        subnets: vec![Ref::to("one"), Ref::to("two")],
        security_groups: vec![Ref::to("app")],
        environment: BTreeMap::new(),
        kms_key_arn: String::new(),
        layers: vec![],
        code: package.sha256.clone(),
        package: Some(package),
    }
}

pub(super) fn function() -> Case<Function> {
    Case::new("migrations", runner())
        .around("main", network::network())
        .around("one", network::part(1, "a"))
        .around("two", network::part(2, "b"))
        .around("three", network::part(3, "b"))
        .around("app", network::group("app", vec![], vec![]))
        .around("other", network::group("other", vec![], vec![]))
        .around("one", role("one"))
        .around("other", role("other"))
        .change("role", Update, |function| function.role = Ref::to("other").output("arn"))
        .change("runtime", Update, |function| function.runtime = "provided.al2".into())
        .change("architecture", Update, |function| function.architecture = "arm64".into())
        .change("handler", Update, |function| function.handler = "other".into())
        .change("memory_mb", Update, |function| function.memory_mb = 1024)
        .change("timeout_seconds", Update, |function| function.timeout_seconds = 60)
        .change("subnets", Update, |function| function.subnets = vec![Ref::to("one"), Ref::to("three")])
        .change("security_groups", Update, |function| function.security_groups = vec![Ref::to("other")])
        .change("environment", Update, |function| {
            function.environment = BTreeMap::from([("MODE".into(), Ref::value("a"))]);
        })
        .change("kms_key_arn", Update, |function| {
            function.kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001".into();
        })
        .change("layers", Update, |function| {
            function.layers = vec!["arn:aws:lambda:us-east-1:000000000000:layer:beside:1".into()];
        })
        .change("code", Update, |function| {
            let other = package("exit 1");
            function.code = other.sha256.clone();
            function.package = Some(other);
        })
        .change("name", Replace, |function| function.name = "case-other".into())
        .drift(
            "a variable set",
            Update,
            act!(|aws, live| {
                let variables = aws_sdk_lambda::types::Environment::builder().variables("AB", "c").build();
                let call = aws.lambda.update_function_configuration().function_name(&live.id);
                call.environment(variables).send().await.unwrap()
            }),
        )
        .drift(
            "other code put there",
            Update,
            act!(|aws, live| {
                let code = aws_smithy_types::Blob::new(package("exit 2").zip.clone());
                aws.lambda.update_function_code().function_name(&live.id).zip_file(code).send().await.unwrap()
            }),
        )
        .drift(
            "less time given, outside of the VPC",
            Update,
            act!(|aws, live| {
                let nowhere = aws_sdk_lambda::types::VpcConfig::builder();
                let nowhere = nowhere.set_subnet_ids(Some(vec![])).set_security_group_ids(Some(vec![])).build();
                let call = aws.lambda.update_function_configuration().function_name(&live.id).timeout(3);
                call.vpc_config(nowhere).send().await.unwrap()
            }),
        )
}
