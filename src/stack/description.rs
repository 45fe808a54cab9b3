//! The whole description: the stack's name and its sections.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, Database, Migrations, Network, PolicyArn, Proxy, Region, Secret, Service, StackName};

/// A stack of infra: a network, a database, its secret, a proxy, migrations and a service, each in a section.
/// Every section but `stack` can be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The stack's name: 2 to 20 of a–z, 0–9 and '-', starting with a letter. The names of all its AWS resources start with it.
    /// Changing it means another stack.
    pub stack: StackName,

    /// The AWS region. Left out: found as by every AWS tool (AWS_REGION, AWS_DEFAULT_REGION, the profile).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,

    /// The AWS account, 12 digits in quotes. If set, credentials of any other account are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,

    /// Tags for every resource of the stack, as in `{team: web}`: at most 44 (AWS has 50; six are infra's), none starting with `infra:` or `aws:`.
    #[serde(default)]
    #[schemars(extend("x-keys" = "infra-tag-key"))]
    pub tags: BTreeMap<String, String>,

    /// Keys of tags that others put on the stack's resources, and that are to stay: in full, or a prefix with `*`, as in
    /// `[CreatedBy, "cost:*"]`. Any other tag that is not described is drift, and is removed.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 128)))]
    pub ignore_tags: Vec<String>,

    /// The permissions boundary of every role of the stack: an IAM policy, by ARN, that limits what they may do. With it, the policy
    /// of `infra iam-policy` lets nobody gain more permissions. Left out: none; a boundary that a role already has stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PolicyArn>,

    /// The VPC and its subnets. Left out: all defaults.
    #[serde(default)]
    pub network: Network,

    /// The Aurora PostgreSQL cluster. Left out: the stack has no database; `database: {}` means all defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,

    /// The secret with the database's credentials. It exists wherever there is a `database`, and only there.
    #[serde(default)]
    pub secret: Secret,

    /// The RDS Proxy in front of the database. Left out: no proxy; `proxy: {}` means all defaults.
    /// A `service` and `migrations` reach the database through it, so it is required if there is a `database` with either of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,

    /// The Drizzle migrations that define the database's schema. Left out: none are applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrations: Option<Migrations>,

    /// The web service. Left out: the stack has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
}
