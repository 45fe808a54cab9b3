//! The service: App Runner behind a VPC connector, with the database's whereabouts in its environment.

use std::collections::BTreeMap;

use super::{Expansion, network};
use crate::{
    engine::{Anything, Ref},
    resources::{
        auto_scaling::AutoScaling,
        facts::Facts,
        proxy::{PROXY_PORT, Proxy},
        role::{Role, Statement},
        secret::Secret,
        service::{HealthCheck, Service},
        vpc_connector::VpcConnector,
    },
    stack::{self, HealthProtocol, SecretReference, Tier},
};

const NAME: &str = "main";

impl Expansion<'_> {
    pub(super) fn service(&mut self) {
        let Some(service) = &self.description.service else { return };
        self.instance_role(service);
        let access_role = service.image.private().map(|_| {
            self.add("image-access", self.image_access_role(&service.image));
            Ref::to("image-access").output("arn")
        });
        self.connector();
        let scaling = &service.scaling;
        let scaling = AutoScaling {
            name: self.named("scaling"),
            min: scaling.min.into(),
            max: scaling.max.into(),
            concurrency: scaling.concurrency.into(),
        };
        self.add(NAME, scaling);
        let spec = Service {
            name: self.named("service"),
            image: service.image.as_str().to_owned(),
            repository_type: if service.image.private().is_some() { "ECR" } else { "ECR_PUBLIC" }.to_owned(),
            access_role,
            // What runs is what a deploy put there.
            auto_deployments: false,
            port: service.port,
            command: service.command.clone(),
            cpu: service.cpu.as_units().to_string(),
            memory: service.memory.as_mb().to_string(),
            instance_role: Ref::to("service").output("arn"),
            connector: Some(Ref::to(NAME)),
            auto_scaling: Ref::to(NAME),
            env: self.environment(service),
            secrets: service.secrets.iter().map(|(name, secret)| (name.clone(), self.secret_arn(secret))).collect(),
            health_check: health_check(&service.health_check),
            public: service.public,
            ip_address_type: "IPV4".to_owned(),
            observability: false,
            running: true,
        };
        self.add(NAME, spec);
    }

    /// What the service may do: read its secrets, each by its own ARN.
    fn instance_role(&mut self, service: &stack::Service) {
        let mut secrets: Vec<Ref<Anything>> = Vec::new();
        let mut parameters: Vec<Ref<Anything>> = Vec::new();
        if self.description.database.is_some() {
            secrets.push(Ref::<Secret>::to("database").erase());
        }
        for reference in service.secrets.values() {
            let list = if reference.keeper() == "ssm" { &mut parameters } else { &mut secrets };
            list.push(self.secret_resource(reference));
        }
        secrets.sort();
        secrets.dedup();
        let mut statements = self.reading(secrets, &service.kms_keys, &["secretsmanager", "ssm"]);
        if !parameters.is_empty() {
            statements.push(Statement::new(&["ssm:GetParameters"], parameters));
        }
        let role = Role {
            name: self.role_name("service"),
            path: self.role_path(),
            trusts: vec!["tasks.apprunner.amazonaws.com".to_owned()],
            statements,
            managed_policies: vec![],
            permissions_boundary: self.permissions_boundary(),
        };
        self.add("service", role);
    }

    /// Only a private image needs a role to be pulled. It allows what AWSAppRunnerServicePolicyForECRAccess does, for the one
    /// repository; logging in to the registry cannot be allowed more narrowly.
    fn image_access_role(&self, image: &stack::Image) -> Role {
        let (account, region) = image.private().unwrap_or((&self.facts.account, &self.facts.region));
        let repository =
            format!("arn:{}:ecr:{region}:{account}:repository/{}", self.facts.partition, image.repository());
        let pulling = [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:DescribeImages",
            "ecr:GetDownloadUrlForLayer",
        ];
        Role {
            name: self.role_name("image-access"),
            path: self.role_path(),
            trusts: vec!["build.apprunner.amazonaws.com".to_owned()],
            statements: vec![
                Statement::new(&["ecr:GetAuthorizationToken"], vec![Ref::value("*")]),
                Statement::new(&pulling, vec![Ref::value(repository)]),
            ],
            managed_policies: vec![],
            permissions_boundary: self.permissions_boundary(),
        }
    }

    fn connector(&mut self) {
        let plans = self.description.network.subnets().unwrap_or_default();
        let connector = VpcConnector {
            name: self.named("connector"),
            subnets: network::subnets(&plans, Tier::Private),
            security_groups: vec![Ref::to("app")],
        };
        self.add(NAME, connector);
    }

    /// The service's own variables, and where the database is.
    fn environment(&self, service: &stack::Service) -> BTreeMap<String, Ref<Anything>> {
        let mut env: BTreeMap<String, Ref<Anything>> =
            service.env.iter().map(|(name, value)| (name.clone(), Ref::value(value))).collect();
        if let (Some(database), Some(_)) = (&self.description.database, &self.description.proxy) {
            env.insert("DB_HOST".to_owned(), Ref::<Proxy>::to("database").output("endpoint").erase());
            env.insert("DB_PORT".to_owned(), Ref::value(PROXY_PORT.to_string()));
            env.insert("DB_NAME".to_owned(), Ref::value(database.name.as_str()));
            env.insert("DB_SECRET_ARN".to_owned(), Ref::<Secret>::to("database").erase());
        }
        env
    }

    /// What the policy has to allow: the whole secret, also where App Runner is given one key of it. AWS adds six random
    /// characters to a secret's name.
    fn secret_resource(&self, reference: &SecretReference) -> Ref<Anything> {
        if reference.is_arn() {
            // arn:partition:service:region:account:secret:name, and perhaps :key:stage:version.
            let whole: Vec<&str> = reference.as_str().split(':').take(7).collect();
            return Ref::value(whole.join(":"));
        }
        let Facts { partition, region, account, .. } = self.facts;
        let name = reference.as_str();
        Ref::value(format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"))
    }

    /// The ARN of a secret that the description names; App Runner takes a name's ARN without the random end.
    fn secret_arn(&self, reference: &SecretReference) -> Ref<Anything> {
        if reference.is_arn() {
            return Ref::value(reference.as_str());
        }
        let Facts { partition, region, account, .. } = self.facts;
        Ref::value(format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{}", reference.as_str()))
    }
}

fn health_check(check: &stack::HealthCheck) -> HealthCheck {
    let seconds = |duration: stack::Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    let http = check.protocol == HealthProtocol::Http;
    HealthCheck {
        protocol: if http { "HTTP" } else { "TCP" }.to_owned(),
        path: http.then(|| check.path.clone()),
        interval_seconds: seconds(check.interval),
        timeout_seconds: seconds(check.timeout),
        healthy_threshold: check.healthy_after.into(),
        unhealthy_threshold: check.unhealthy_after.into(),
    }
}
