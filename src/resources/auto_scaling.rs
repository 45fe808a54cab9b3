//! The kind `auto-scaling`: how many instances of the service run.

use aws_sdk_apprunner::types::{AutoScalingConfiguration, AutoScalingConfigurationStatus};
use futures::future::try_join;
use serde::Serialize;

use super::apprunner;
use crate::{
    aws::{Class, Error, Result, each, tags, unless_gone},
    engine::{Change, Live, Resource, Scope, Tags, Times},
};

/// One revision of an auto scaling configuration. Nothing about it can be changed: a change makes the next revision, to
/// which the service is switched before this one goes.
///
/// As CDK's `AWS::AppRunner::AutoScalingConfiguration`. APIs: ListAutoScalingConfigurations,
/// DescribeAutoScalingConfiguration, CreateAutoScalingConfiguration, DeleteAutoScalingConfiguration. Its id is the
/// revision's ARN.
#[derive(Debug, Clone, Serialize)]
pub struct AutoScaling {
    /// The name that all revisions have, of 4 to 32 characters.
    pub name: String,
    /// The least instances.
    pub min: i32,
    /// The most instances.
    pub max: i32,
    /// Requests at once in one instance before another is started.
    pub concurrency: i32,
}

impl Resource for AutoScaling {
    const KIND: &'static str = "auto-scaling";
    const IMMUTABLE: &'static [&'static str] = &["name", "min", "max", "concurrency"];

    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        // Old revisions too: the one that was replaced is to be deleted, also by a later run.
        let call = scope.aws.apprunner.list_auto_scaling_configurations().latest_only(false);
        let pages = call.into_paginator().send().try_collect().await?;
        let summaries = pages.into_iter().flat_map(|page| page.auto_scaling_configuration_summary_list);
        let ours = summaries.filter(|summary| scope.is_named(summary.auto_scaling_configuration_name()));
        // The list has neither a filter nor tags nor the numbers.
        let found = ours.filter_map(|summary| summary.auto_scaling_configuration_arn);
        let found = each(found.map(|arn| observe_one(arn, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        self.refuse_a_stranger(scope).await?;
        let call = scope.aws.apprunner.create_auto_scaling_configuration();
        let call = call.auto_scaling_configuration_name(&self.name).min_size(self.min).max_size(self.max);
        let call = call.max_concurrency(self.concurrency);
        call.set_tags(Some(tags::apprunner(scope.tags()))).send().await.map_err(apprunner::refused)?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal(format!("{} has nothing that can be updated.", live.address)))
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.apprunner.delete_auto_scaling_configuration();
        call.auto_scaling_configuration_arn(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_apprunner(scope.aws, &live.id, set, unset).await
    }
}

impl AutoScaling {
    /// App Runner makes the next revision of a name whoever holds it, and that one is the latest from then on.
    async fn refuse_a_stranger(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.apprunner.list_auto_scaling_configurations().auto_scaling_configuration_name(&self.name);
        let pages = call.latest_only(false).into_paginator().send().try_collect().await?;
        let revisions = pages.into_iter().flat_map(|page| page.auto_scaling_configuration_summary_list);
        let active = revisions.filter(|one| !is_gone(one.status()));
        let arns: Vec<String> = active.filter_map(|one| one.auto_scaling_configuration_arn).collect();
        let tags = each(arns.iter().map(|arn| tags::of_apprunner(scope.aws, arn))).await?;
        let is_ours = arns.iter().zip(&tags).any(|(arn, tags)| scope.address::<Self>(tags, arn).is_some());
        match arns.first().filter(|_| !is_ours) {
            None => Ok(()),
            Some(arn) => Err(Error::new(
                Class::AlreadyExists,
                format!(
                    "The auto scaling configuration {arn} exists; a new revision of it would be made under its name."
                ),
            )),
        }
    }
}

async fn observe_one(arn: String, scope: &Scope<'_>) -> Result<Option<Live<AutoScaling>>> {
    let describe = async {
        let call = scope.aws.apprunner.describe_auto_scaling_configuration().auto_scaling_configuration_arn(&arn);
        unless_gone(call.send().await)
    };
    let (found, tags) = try_join(describe, tags::of_apprunner(scope.aws, &arn)).await?;
    let Some(found) = found.and_then(|answer| answer.auto_scaling_configuration) else { return Ok(None) };
    // What is gone holds no name.
    if is_gone(found.status()) {
        return Ok(None);
    }
    let Some(address) = scope.address::<AutoScaling>(&tags, &arn) else { return Ok(None) };
    let created = found.created_at().map(aws_smithy_types::DateTime::secs);
    Ok(Some(Live::new(address, &arn, spec(&found)).output("arn", Some(&arn)).tags(tags).created(created)))
}

/// App Runner says `inactive`, where its model has `INACTIVE`.
fn is_gone(status: Option<&AutoScalingConfigurationStatus>) -> bool {
    status.is_some_and(|status| status.as_str().eq_ignore_ascii_case("inactive"))
}

fn spec(found: &AutoScalingConfiguration) -> AutoScaling {
    AutoScaling {
        name: found.auto_scaling_configuration_name().unwrap_or_default().to_owned(),
        min: found.min_size().unwrap_or_default(),
        max: found.max_size().unwrap_or_default(),
        concurrency: found.max_concurrency().unwrap_or_default(),
    }
}
