//! What the description names and no deploy makes: secrets and parameters of the service, settings of the database. AWS would
//! miss one only on the way, after all that comes before it was made. Who may not look is told nothing.

use std::collections::BTreeSet;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_ssm::types::ParameterStringFilter;
use futures::future::{join, join_all};
use serde_json::Value;

use super::{cluster_parameter_group::ClusterParameterGroup, secret::Secret, service::Service};
use crate::{
    aws::{Class, Clients, Error, Result},
    engine::{Desired, Resource, Seen, plan::Refusal},
};

/// Whose account it is, and where.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The account's twelve digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
}

/// What is named newly and is not there.
pub async fn missing(aws: &Clients, place: Place<'_>, desired: &[Desired], live: &[Seen]) -> Vec<Refusal> {
    let (service, database) = join(of_service(aws, place, desired, live), of_database(aws, desired, live)).await;
    [service, database].concat()
}

/// The one that is wanted of a kind, and what there is of it.
fn one<'a, R: Resource>(desired: &'a [Desired], live: &'a [Seen]) -> Option<(&'a Desired, Option<&'a Value>)> {
    let wanted = desired.iter().find(|one| one.kind == R::KIND)?;
    Some((wanted, live.iter().find(|seen| seen.address == wanted.address).map(|seen| &seen.attributes)))
}

async fn of_service(aws: &Clients, place: Place<'_>, desired: &[Desired], live: &[Seen]) -> Vec<Refusal> {
    let Some((service, there)) = one::<Service>(desired, live) else { return Vec::new() };
    let secrets = service.attributes["secrets"].as_object().into_iter().flatten();
    let named = secrets.filter_map(|(name, arn)| Some((name, arn.as_str()?)));
    // What runs has read it.
    let new = named.filter(|(name, arn)| there.is_none_or(|there| there["secrets"][name.as_str()] != **arn));
    // The stack's own secret may be still to be made.
    let own = desired.iter().find(|one| one.kind == Secret::KIND);
    let is_own =
        |named: &Named<'_>| matches!(named, Named::Secret(name) if own.is_some_and(|own| is_called(own, name)));
    let looked = new.filter_map(|(name, arn)| Some((name, Named::of(arn, place).filter(|named| !is_own(named))?)));
    let found = looked.map(|(name, named)| async move {
        let state = named.look(aws).await?;
        let reason = format!("`service.secrets.{name}` names {}, {}.", named.text(), state.text());
        Some(Refusal { address: service.address.clone(), reason, remedy: named.remedy(state) })
    });
    join_all(found).await.into_iter().flatten().collect()
}

/// Whether the stack's own secret is the one with this name: one that is to be restored also by its whole ARN, which it keeps. What
/// a new one's ARN ends with, nobody knows.
fn is_called(own: &Desired, name: &str) -> bool {
    let restored = own.spec::<Secret>().and_then(|secret| secret.scheduled.as_ref());
    own.attributes["name"] == name || restored.is_some_and(|secret| secret.arn.ends_with(&format!(":secret:{name}")))
}

/// Something that an ARN names in the stack's own account and region.
enum Named<'a> {
    Secret(&'a str),
    Parameter(String),
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Scheduled,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::Absent => "which does not exist",
            Self::Scheduled => "which is scheduled for deletion",
        }
    }
}

impl<'a> Named<'a> {
    fn of(arn: &'a str, place: Place<'_>) -> Option<Self> {
        // arn:partition:service:region:account:secret:name, perhaps with :key:stage:version; or parameter/name.
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, region, account, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if (region, account) != (place.region, place.account) {
            return None;
        }
        match service {
            "secretsmanager" => Some(Self::Secret(rest.strip_prefix("secret:")?.split(':').next()?)),
            "ssm" => {
                let name = rest.strip_prefix("parameter/")?;
                Some(Self::Parameter(if name.contains('/') { format!("/{name}") } else { name.to_owned() }))
            }
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Secret(name) => format!("the secret {name}"),
            Self::Parameter(name) => format!("the parameter {name}"),
        }
    }

    async fn look(&self, aws: &Clients) -> Option<State> {
        match self {
            Self::Secret(name) => match secret(aws, name).await {
                Ok(secret) => secret.deleted_date().map(|_| State::Scheduled),
                Err(error) if error.class == Class::NotFound => self.by_suffix(aws, name).await,
                Err(_) => None,
            },
            Self::Parameter(name) => {
                let names = ParameterStringFilter::builder().key("Name").option("Equals");
                let names = names.values(name);
                // An ARN does not tell whether the name of a parameter at the top has a slash.
                let names = if name.starts_with('/') { names } else { names.values(format!("/{name}")) };
                let call = aws.ssm.describe_parameters().parameter_filters(names.build().ok()?);
                let page = async |token: Option<String>| {
                    let page = call.clone().set_next_token(token).send().await.ok()?;
                    Some((!page.parameters().is_empty(), page.next_token))
                };
                (!is_on_a_page(page).await?).then_some(State::Absent)
            }
        }
    }

    /// A whole ARN ends with six characters that AWS has added to the name.
    async fn by_suffix(&self, aws: &Clients, name: &str) -> Option<State> {
        let Some((short, end)) = name.rsplit_once('-').filter(|(_, end)| end.len() == 6) else {
            return Some(State::Absent);
        };
        match secret(aws, short).await {
            Ok(secret) if secret.arn().is_some_and(|arn| arn.ends_with(&format!("-{end}"))) => {
                secret.deleted_date().map(|_| State::Scheduled)
            }
            Ok(_) => Some(State::Absent),
            Err(error) => (error.class == Class::NotFound).then_some(State::Absent),
        }
    }

    fn remedy(&self, state: State) -> String {
        match (self, state) {
            (Self::Secret(name), State::Scheduled) => {
                format!("Bring it back (`aws secretsmanager restore-secret --secret-id {name}`), or name another one.")
            }
            (Self::Secret(name), State::Absent) => {
                format!(
                    "Correct the name, or make it: `aws secretsmanager create-secret --name {name} --secret-string …`."
                )
            }
            (Self::Parameter(name), _) => {
                format!(
                    "Correct the name, or make it: `aws ssm put-parameter --name {name} --type SecureString --value …`."
                )
            }
        }
    }
}

/// Whether what is filtered for is on any page; none where one of them cannot be had. A page may be empty although it is on a
/// later one.
async fn is_on_a_page(page: impl AsyncFn(Option<String>) -> Option<(bool, Option<String>)>) -> Option<bool> {
    let mut token = None;
    loop {
        let (is_here, next) = page(token).await?;
        token = next.filter(|token| !token.is_empty());
        if is_here || token.is_none() {
            return Some(is_here);
        }
    }
}

async fn secret(aws: &Clients, name: &str) -> Result<DescribeSecretOutput> {
    Ok(aws.secretsmanager.describe_secret().secret_id(name).send().await?)
}

/// Settings that the family does not have.
async fn of_database(aws: &Clients, desired: &[Desired], live: &[Seen]) -> Vec<Refusal> {
    let Some((wanted, there)) = one::<ClusterParameterGroup>(desired, live) else { return Vec::new() };
    let Some(group) = wanted.spec::<ClusterParameterGroup>() else { return Vec::new() };
    let is_set = |name: &str| there.is_some_and(|there| there["parameters"].get(name).is_some());
    // What every stack sets is known.
    let new: Vec<&String> =
        group.parameters.keys().filter(|name| *name != ClusterParameterGroup::OURS && !is_set(name)).collect();
    if new.is_empty() {
        return Vec::new();
    }
    let Some(known) = family(aws, &group.family).await else { return Vec::new() };
    let unknown = new.into_iter().filter(|name| !known.contains(*name));
    let errors = unknown.map(|name| group.unknown(name, known.iter()));
    let refusal = |Error { message, advice, .. }| Refusal {
        address: wanted.address.clone(),
        reason: message,
        remedy: advice.unwrap_or_default(),
    };
    errors.map(refusal).collect()
}

/// The names of a family's parameters; none where they cannot be had.
async fn family(aws: &Clients, family: &str) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut marker = None;
    loop {
        let call = aws.rds.describe_engine_default_cluster_parameters().db_parameter_group_family(family);
        let page = call.set_marker(marker).send().await.ok()?.engine_defaults?;
        names.extend(page.parameters.unwrap_or_default().into_iter().filter_map(|one| one.parameter_name));
        marker = page.marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return (!names.is_empty()).then_some(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_on_a_later_page_is_there_and_what_is_on_a_page_that_fails_is_not_known() {
        let on = |pages: &'static [Option<bool>]| async move {
            is_on_a_page(async |token: Option<String>| {
                let number = token.map_or(0, |token| token.parse().unwrap());
                let next = (number + 1 < pages.len()).then(|| (number + 1).to_string());
                pages[number].map(|is_here| (is_here, next))
            })
            .await
        };
        assert_eq!(on(&[Some(false), Some(false), Some(true)]).await, Some(true));
        assert_eq!(on(&[Some(false), Some(false)]).await, Some(false));
        assert_eq!(on(&[Some(true), None]).await, Some(true), "nobody looks further");
        assert_eq!(on(&[Some(false), None, Some(true)]).await, None);
    }
}
