//! The cases of the service's kinds, and of the roles.

use std::collections::BTreeMap;

use aws_sdk_apprunner::types::{IpAddressType, NetworkConfiguration, ServiceObservabilityConfiguration};
use futures::FutureExt;
use infra::{
    aws::Clients,
    engine::{
        Anything, Live, Ref,
        plan::Action::{Replace, Update},
    },
    resources::{
        auto_scaling::AutoScaling,
        role::{Role, Statement},
        secret::Secret,
        service::{HealthCheck, Service},
        vpc_connector::VpcConnector,
    },
};

use super::{Case, data, network};

const PATH: &str = "/infra/case/us-east-1/";

pub(super) fn named(name: &str, service: &str) -> Role {
    Role {
        name: format!("case-us-east-1-{name}"),
        path: PATH.into(),
        trusts: vec![service.into()],
        statements: vec![],
        managed_policies: vec![],
        permissions_boundary: None,
    }
}

/// A role that may read the secret `secret`, and that `service` assumes.
pub(super) fn reader(name: &str, service: &str, secret: &str) -> Role {
    let actions = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];
    let reads = Statement::new(&actions, vec![Ref::<Secret>::to(secret).erase()]);
    Role { statements: vec![reads], ..named(name, service) }
}

fn policy(action: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#)
}

pub(super) fn role() -> Case<Role> {
    const MANAGED: &str = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess";
    Case::new("proxy", reader("proxy", "rds.amazonaws.com", "database"))
        .around("database", data::credentials("database"))
        .leaves("secret")
        .change("trusts", Update, |role| role.trusts.push("tasks.apprunner.amazonaws.com".into()))
        .change("statements", Update, |role| role.statements[0].actions.truncate(1))
        .change("statements", Update, |role| {
            let through = vec!["secretsmanager.us-east-1.amazonaws.com".into()];
            role.statements.push(Statement::decrypt(vec![Ref::value(data::KEY)], through));
        })
        .change("statements", Update, |role| role.statements[1].via.clear())
        .change("statements", Update, |role| role.statements.clear())
        .change("managed_policies", Update, |role| role.managed_policies = vec![MANAGED.into()])
        // One that is there stays, where the description says nothing of it.
        .change("permissions_boundary", Update, |role| role.permissions_boundary = Some(MANAGED.into()))
        .one_way("permissions_boundary")
        .change("name", Replace, |role| role.name = "case-us-east-1-other".into())
        // Names are unique whatever the path.
        .change("path", Replace, |role| {
            role.name = "case-us-east-1-third".into();
            role.path = format!("{PATH}deeper/");
        })
        .drift(
            "its policy widened",
            Update,
            act!(|aws, live| {
                let call = aws.iam.put_role_policy().role_name(&live.id).policy_name("infra");
                call.policy_document(policy("secretsmanager:*")).send().await.unwrap()
            }),
        )
        .drift(
            "another policy put beside it, and one attached",
            Update,
            act!(|aws, live| {
                let call = aws.iam.put_role_policy().role_name(&live.id).policy_name("by-hand");
                call.policy_document(policy("s3:GetObject")).send().await.unwrap();
                aws.iam.attach_role_policy().role_name(&live.id).policy_arn(MANAGED).send().await.unwrap()
            }),
        )
        .drift(
            "anyone let in",
            Update,
            act!(|aws, live| {
                let anyone =
                    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
                let call = aws.iam.update_assume_role_policy().role_name(&live.id);
                call.policy_document(anyone).send().await.unwrap()
            }),
        )
        .drift(
            "its policy deleted",
            Update,
            act!(|aws, live| {
                aws.iam.delete_role_policy().role_name(&live.id).policy_name("infra").send().await.unwrap()
            }),
        )
}

fn connector(name: &str, subnets: &[&str], group: &str) -> VpcConnector {
    VpcConnector {
        name: format!("case-{name}"),
        subnets: subnets.iter().map(|subnet| Ref::to(subnet)).collect(),
        security_groups: vec![Ref::to(group)],
    }
}

pub(super) fn vpc_connector() -> Case<VpcConnector> {
    Case::new("main", connector("main", &["one", "two"], "app"))
        .around("main", network::network())
        .around("one", network::part(1, "a"))
        .around("two", network::part(2, "b"))
        .around("three", network::part(3, "b"))
        .around("app", network::group("app", vec![], vec![]))
        .around("other", network::group("other", vec![], vec![]))
        .around("third", network::group("third", vec![], vec![]))
        .around("fourth", network::group("fourth", vec![], vec![]))
        // App Runner takes no second connector with the groups of another, so a replacement comes with a group of its own.
        .change("name", Replace, |connector| {
            connector.name = "case-other".into();
            connector.security_groups = vec![Ref::to("third")];
        })
        .change("subnets", Replace, |connector| {
            connector.subnets = vec![Ref::to("one"), Ref::to("three")];
            connector.security_groups = vec![Ref::to("fourth")];
        })
        .change("security_groups", Replace, |connector| connector.security_groups = vec![Ref::to("other")])
}

fn scaling(name: &str) -> AutoScaling {
    AutoScaling { name: format!("case-{name}"), min: 1, max: 5, concurrency: 100 }
}

pub(super) fn auto_scaling() -> Case<AutoScaling> {
    Case::new("main", scaling("scaling"))
        .change("min", Replace, |scaling| scaling.min = 2)
        .change("max", Replace, |scaling| scaling.max = 25)
        .change("concurrency", Replace, |scaling| scaling.concurrency = 50)
        .change("name", Replace, |scaling| scaling.name = "case-other".into())
}

fn web() -> Service {
    let text = |value: &str| Ref::<Anything>::value(value);
    Service {
        name: "case-service".into(),
        image: "public.ecr.aws/aws-containers/hello-app-runner:latest".into(),
        repository_type: "ECR_PUBLIC".into(),
        access_role: None,
        auto_deployments: false,
        port: 8080,
        command: Some("node server.js".into()),
        cpu: "1024".into(),
        memory: "2048".into(),
        instance_role: Ref::to("service").output("arn"),
        connector: Some(Ref::to("main")),
        auto_scaling: Ref::to("main"),
        env: BTreeMap::from([("DB_PORT".into(), text("5432")), ("DB_NAME".into(), text("app"))]),
        secrets: BTreeMap::new(),
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            path: Some("/".into()),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_threshold: 1,
            unhealthy_threshold: 5,
        },
        public: true,
        ip_address_type: "IPV4".into(),
        observability: false,
        running: true,
    }
}

pub(super) fn service() -> Case<Service> {
    let tasks = "tasks.apprunner.amazonaws.com";
    let mut puller = named("image-access", "build.apprunner.amazonaws.com");
    puller.managed_policies = vec!["arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess".into()];
    Case::new("main", web())
        .leaves("secret")
        .around("main", network::network())
        .around("one", network::part(1, "a"))
        .around("two", network::part(2, "b"))
        .around("app", network::group("app", vec![], vec![]))
        .around("database", data::credentials("database"))
        .around("service", reader("service", tasks, "database"))
        .around("other", reader("other", tasks, "database"))
        .around("image-access", puller)
        .around("main", connector("main", &["one", "two"], "app"))
        .around("second", network::group("second", vec![], vec![]))
        .around("other", connector("other", &["two"], "second"))
        .around("main", scaling("scaling"))
        .around("other", scaling("other"))
        .change("image", Update, |service| service.image = "public.ecr.aws/nginx/nginx:1.27".into())
        // A public image needs no role, and one too many does no harm.
        .one_way("access_role")
        .change("access_role", Update, |service| service.access_role = Some(Ref::to("image-access").output("arn")))
        .change("repository_type", Update, |service| {
            service.image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:1".into();
            service.repository_type = "ECR".into();
        })
        .change("auto_deployments", Update, |service| service.auto_deployments = true)
        .change("port", Update, |service| service.port = 3000)
        .change("command", Update, |service| service.command = None)
        // Not every amount of memory goes with every processor.
        .change("cpu", Update, |service| {
            service.cpu = "2048".into();
            service.memory = "4096".into();
        })
        .change("memory", Update, |service| service.memory = "6144".into())
        .change("instance_role", Update, |service| service.instance_role = Ref::to("other").output("arn"))
        .change("connector", Update, |service| service.connector = Some(Ref::to("other")))
        .change("connector", Update, |service| service.connector = None)
        .change("auto_scaling", Update, |service| service.auto_scaling = Ref::to("other"))
        .change("env", Update, |service| {
            service.env.remove("DB_NAME");
            service.env.insert("DB_PORT".into(), Ref::value("5433"));
        })
        .change("secrets", Update, |service| {
            service.secrets.insert("DB_SECRET".into(), Ref::<Secret>::to("database").erase());
        })
        .change("health_check", Update, |service| service.health_check.interval_seconds = 10)
        .change("health_check", Update, |service| {
            service.health_check.protocol = "TCP".into();
            service.health_check.path = None;
        })
        .change("public", Update, |service| service.public = false)
        .change("running", Update, |service| service.running = false)
        .change("running", Update, |service| service.running = true)
        .change("name", Replace, |service| service.name = "case-another".into())
        .drift(
            "paused",
            Update,
            act!(|aws, live| {
                aws.apprunner.pause_service().service_arn(&live.id).send().await.unwrap();
                settle(aws, &live.id).await
            }),
        )
        .fixed("ip_address_type")
        .fixed("observability")
        .drift(
            "reached by IPv6 as well",
            Update,
            act!(|aws, live| {
                let network = NetworkConfiguration::builder().ip_address_type(IpAddressType::DualStack).build();
                let call = aws.apprunner.update_service().service_arn(&live.id).network_configuration(network);
                call.send().await.unwrap();
                settle(aws, &live.id).await
            }),
        )
        .drift(
            "traced",
            Update,
            act!(|aws, live| {
                let traces = aws.apprunner.create_observability_configuration();
                let traces = traces.observability_configuration_name("traces").send().await.unwrap();
                let arn = traces.observability_configuration().unwrap().observability_configuration_arn();
                let on = ServiceObservabilityConfiguration::builder().observability_enabled(true);
                let on = on.set_observability_configuration_arn(arn.map(str::to_owned)).build();
                let call = aws.apprunner.update_service().service_arn(&live.id).observability_configuration(on);
                call.send().await.unwrap();
                settle(aws, &live.id).await
            }),
        )
        .leaves("observability-configuration")
        .drift(
            "health checks loosened",
            Update,
            act!(|aws, live| {
                let check =
                    aws_sdk_apprunner::types::HealthCheckConfiguration::builder().unhealthy_threshold(20).build();
                let call = aws.apprunner.update_service().service_arn(&live.id).health_check_configuration(check);
                call.send().await.unwrap();
                settle(aws, &live.id).await
            }),
        )
}

/// Waits until the service's operation is over.
async fn settle(aws: &Clients, arn: &str) -> aws_sdk_apprunner::types::Service {
    for _ in 0..200 {
        let answer = aws.apprunner.describe_service().service_arn(arn).send().await.unwrap();
        let service = answer.service.unwrap();
        if service.status().as_str() != "OPERATION_IN_PROGRESS" {
            return service;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the operation does not end");
}
