//! What the stack's roles have in common: names, path, boundary, and the reading of secrets.

use std::collections::BTreeSet;

use super::Expansion;
use crate::{
    engine::{Anything, Ref},
    resources::role::Statement,
    stack::KmsKeyArn,
};

impl Expansion<'_> {
    /// IAM is global in an account, so the region is in the name.
    pub(super) fn role_name(&self, suffix: &str) -> String {
        format!("{}-{}-{suffix}", self.name, self.facts.region)
    }

    pub(super) fn role_path(&self) -> String {
        format!("/infra/{}/{}/", self.name, self.facts.region)
    }

    pub(super) fn permissions_boundary(&self) -> Option<String> {
        self.description.permissions_boundary.as_ref().map(|arn| arn.as_str().to_owned())
    }

    /// Reading `secrets` of the Secrets Manager, and decrypting, through `services` alone, what the stack's key for its
    /// secret or one of `keys` encrypts.
    pub(super) fn reading(&self, secrets: Vec<Ref<Anything>>, keys: &[KmsKeyArn], services: &[&str]) -> Vec<Statement> {
        let mut statements = Vec::new();
        if !secrets.is_empty() {
            let actions = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];
            statements.push(Statement::new(&actions, secrets));
        }
        let own = self.description.database.as_ref().and(self.description.secret.kms_key.as_ref());
        let keys: BTreeSet<&str> = own.into_iter().chain(keys).map(KmsKeyArn::as_str).collect();
        if !keys.is_empty() {
            let through = services.iter().map(|service| self.facts.endpoint_of(service));
            statements.push(Statement::decrypt(keys.into_iter().map(Ref::value).collect(), through.collect()));
        }
        statements
    }
}
