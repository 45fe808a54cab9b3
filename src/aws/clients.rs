//! The AWS clients: one HTTPS connector for all, and no retries of the SDK's own.

use std::{sync::Arc, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::Credentials;
use aws_smithy_http_client::{
    Builder, Connector,
    pool::{self, ConnectionPool},
    proxy::ProxyConfig,
    tls,
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, interceptors::Intercept};
use tokio::time::timeout;

use super::{Class, Error, Permit, Result, guard::Guard, reach::Reach, unanswered::Unanswered, whole::Whole};

/// How long the very first call may take, finding credentials included: a network that swallows everything is to be
/// told at once.
const FIRST_ANSWER: Duration = Duration::from_secs(8);

/// How long any other one may: AWS answers within seconds, or not at all.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// Where the clients call, and in whose name.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The region; `None` asks the SDK's own chain (environment, profile, instance metadata).
    pub region: Option<String>,
    /// An endpoint for all services in place of AWS's.
    pub endpoint_url: Option<String>,
    /// The local cloud asks for no credentials: the access key is the account's number.
    pub local: bool,
}

const TLS: tls::Provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);

/// How often a connection on which nothing is said shows that it is alive: a NAT gateway forgets it after 350 s, other networks
/// sooner.
const ALIVE: Duration = Duration::from_secs(30);

/// The proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name, as the aws CLI takes it; never one to the local cloud,
/// which is this machine.
fn proxy(local: bool) -> ProxyConfig {
    if local { ProxyConfig::disabled() } else { ProxyConfig::from_env() }
}

/// The HTTPS client of all services.
fn http_client(local: bool) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy(local));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(TLS).build()
    })
}

/// The HTTPS client of Lambda, which says nothing for as long as a function works: up to 15 minutes.
fn patient_client(local: bool) -> Result<SharedHttpClient> {
    let strange = |error: &dyn std::fmt::Display| Error::internal(format!("There is no client for Lambda: {error}."));
    let pool = ConnectionPool::builder().proxy_config(proxy(local)).tcp_keepalive(ALIVE).tls_provider(TLS);
    let pool = pool.build_https().map_err(|error| strange(&error))?;
    Ok(SharedHttpClient::new(pool::Client::new(&pool).map_err(|error| strange(&error))?))
}

/// The region in which the local cloud is meant, found as AWS's tools find it, but for the last question of theirs: an
/// instance's metadata, which is asked over the network. It has every region, so that without any it does not matter which.
async fn local_region() -> Region {
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
    let found = chain.or_else(ProfileFileRegionProvider::new()).region().await;
    found.unwrap_or(Region::from_static("us-east-1"))
}

/// A client a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Networks.
    pub ec2: aws_sdk_ec2::Client,
    /// Clusters, instances and proxies.
    pub rds: aws_sdk_rds::Client,
    /// Services and connectors.
    pub apprunner: aws_sdk_apprunner::Client,
    /// Secrets.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    /// Roles.
    pub iam: aws_sdk_iam::Client,
    /// Parameters: the lock.
    pub ssm: aws_sdk_ssm::Client,
    /// Functions.
    pub lambda: aws_sdk_lambda::Client,
    /// What services wrote about a failure.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Who we are.
    pub sts: aws_sdk_sts::Client,
    /// The region that all but IAM are called in.
    pub region: String,
    /// The endpoint of all services in place of AWS's, whoever named it: an option, the environment or a profile.
    pub endpoint: Option<String>,
}

/// Whose account it is.
#[derive(Debug, Clone)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The caller's ARN.
    pub caller: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
}

impl Account {
    /// What is known of an account by its number and the region alone: enough for names, and nothing is called.
    pub fn numbered(id: &str, region: &str) -> Self {
        let partitions =
            [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b"), ("us-iso-", "aws-iso")];
        let partition = partitions.iter().find(|(prefix, _)| region.starts_with(prefix));
        let partition = partition.map_or("aws", |(_, partition)| partition).to_owned();
        Self { id: id.to_owned(), caller: String::new(), partition }
    }
}

impl Clients {
    /// Loads region and credentials as every AWS tool does.
    ///
    /// # Errors
    /// Where no region is configured.
    pub async fn load(options: &Options) -> Result<Self> {
        let region = match &options.region {
            None if options.local => Some(local_region().await),
            region => region.clone().map(Region::new),
        };
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(options.local))
            // Retries are the engine's: it knows which calls may be repeated and which must be looked for first.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(ANSWER)
                    .build(),
            );
        if let Some(region) = region {
            loader = loader.region(region);
        }
        if let Ok(name) = AppName::new("infra") {
            loader = loader.app_name(name);
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if options.local {
            loader = loader.credentials_provider(Credentials::new("000000000000", "local", None, None, "local cloud"));
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            Error::other("No AWS region is configured.").advise(
                "Set `region:` in the description, the environment variable AWS_REGION, or a region in your AWS profile.",
            )
        })?;
        let mut clients = Self::new(&config, region).through(&Reach { by_proxy: !options.local });
        let lambda = clients.lambda.config().to_builder().http_client(patient_client(options.local)?);
        clients.lambda = aws_sdk_lambda::Client::from_conf(lambda.build());
        Ok(clients)
    }

    fn new(config: &SdkConfig, region: String) -> Self {
        let clients = Self {
            ec2: aws_sdk_ec2::Client::new(config),
            rds: aws_sdk_rds::Client::new(config),
            apprunner: aws_sdk_apprunner::Client::new(config),
            secretsmanager: aws_sdk_secretsmanager::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            region,
            endpoint: config.endpoint_url().map(str::to_owned),
        };
        clients.through(&Whole).through(&Unanswered)
    }

    /// The same clients, of which no call that may change anything leaves without `permit`.
    #[must_use]
    pub fn guarded(&self, permit: Arc<dyn Permit>) -> Self {
        self.through(&Guard(permit))
    }

    /// The same clients, whose calls pass one thing more.
    fn through(&self, interceptor: &(impl Intercept + Clone + 'static)) -> Self {
        macro_rules! through {
            ($service:ident, $client:ty) => {
                <$client>::from_conf(self.$service.config().to_builder().interceptor(interceptor.clone()).build())
            };
        }
        Self {
            ec2: through!(ec2, aws_sdk_ec2::Client),
            rds: through!(rds, aws_sdk_rds::Client),
            apprunner: through!(apprunner, aws_sdk_apprunner::Client),
            secretsmanager: through!(secretsmanager, aws_sdk_secretsmanager::Client),
            iam: through!(iam, aws_sdk_iam::Client),
            ssm: through!(ssm, aws_sdk_ssm::Client),
            lambda: through!(lambda, aws_sdk_lambda::Client),
            logs: through!(logs, aws_sdk_cloudwatchlogs::Client),
            sts: through!(sts, aws_sdk_sts::Client),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// Clients that reach nothing, for tests of what does not call.
    #[cfg(test)]
    pub(crate) fn unreachable() -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://127.0.0.1:9")
            .build();
        Self::new(&config, "us-east-1".to_owned())
    }

    /// Asks whose account the credentials belong to.
    ///
    /// # Errors
    /// Where there are no credentials, or AWS does not take them.
    pub async fn account(&self) -> Result<Account> {
        let answer = timeout(FIRST_ANSWER, self.sts.get_caller_identity().send()).await.map_err(|_| {
            let seconds = FIRST_ANSWER.as_secs();
            Error::new(Class::Unreachable, format!("AWS has not answered the first question within {seconds} s."))
        })?;
        let identity = answer.map_err(|error| {
            let error = Error::from(error);
            match (error.class, &error.advice) {
                (Class::Unauthenticated, None) => error.advise(
                    "Sign in (`aws sso login`, `aws configure`) or set AWS_PROFILE, and check with `aws sts get-caller-identity`.",
                ),
                _ => error,
            }
        })?;
        let caller = identity.arn().unwrap_or_default().to_owned();
        Ok(Account {
            id: identity.account().unwrap_or_default().to_owned(),
            partition: caller.split(':').nth(1).unwrap_or("aws").to_owned(),
            caller,
        })
    }
}
