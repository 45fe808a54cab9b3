//! Tags in the forms that the services want them: one map in, one SDK list out, and back.

use std::collections::BTreeMap;

use super::{Clients, Result, unless_gone};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// EC2's tag specification for a create call.
pub fn ec2(kind: aws_sdk_ec2::types::ResourceType, tags: &Tags) -> aws_sdk_ec2::types::TagSpecification {
    let tags = tags.iter().map(|(key, value)| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build());
    aws_sdk_ec2::types::TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

/// The tags that EC2 gives with a resource.
pub fn of_ec2(tags: &[aws_sdk_ec2::types::Tag]) -> Tags {
    collect(tags, |tag| (tag.key(), tag.value()))
}

/// Sets and removes tags of an EC2 resource.
///
/// # Errors
/// EC2's own.
pub async fn retag_ec2(aws: &Clients, id: &str, set: &Tags, unset: &[String]) -> Result<()> {
    use aws_sdk_ec2::types::Tag;
    if !set.is_empty() {
        let tags = set.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        aws.ec2.create_tags().resources(id).set_tags(Some(tags)).send().await?;
    }
    if !unset.is_empty() {
        let tags = unset.iter().map(|key| Tag::builder().key(key).build()).collect();
        aws.ec2.delete_tags().resources(id).set_tags(Some(tags)).send().await?;
    }
    Ok(())
}

/// RDS's list of tags.
pub fn rds(tags: &Tags) -> Vec<aws_sdk_rds::types::Tag> {
    tags.iter().map(|(key, value)| aws_sdk_rds::types::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags that RDS gives with a resource.
pub fn listed_by_rds(tags: &[aws_sdk_rds::types::Tag]) -> Tags {
    collect(tags, |tag| (tag.key(), tag.value()))
}

/// The tags of an RDS resource whose list does not tell them; none where it has gone since.
///
/// # Errors
/// RDS's own.
pub async fn of_rds(aws: &Clients, arn: &str) -> Result<Tags> {
    let answer = unless_gone(aws.rds.list_tags_for_resource().resource_name(arn).send().await)?;
    Ok(answer.map(|answer| listed_by_rds(answer.tag_list())).unwrap_or_default())
}

/// Sets and removes tags of an RDS resource by its ARN.
///
/// # Errors
/// RDS's own.
pub async fn retag_rds(aws: &Clients, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
    if !set.is_empty() {
        aws.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(rds(set))).send().await?;
    }
    if !unset.is_empty() {
        aws.rds.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(unset.to_vec())).send().await?;
    }
    Ok(())
}

/// App Runner's list of tags.
pub fn apprunner(tags: &Tags) -> Vec<aws_sdk_apprunner::types::Tag> {
    tags.iter().map(|(key, value)| aws_sdk_apprunner::types::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of an App Runner resource, whose lists do not tell them; none where it has gone since.
///
/// # Errors
/// App Runner's own.
pub async fn of_apprunner(aws: &Clients, arn: &str) -> Result<Tags> {
    let answer = unless_gone(aws.apprunner.list_tags_for_resource().resource_arn(arn).send().await)?;
    Ok(answer.map(|answer| collect(answer.tags(), |tag| (tag.key(), tag.value()))).unwrap_or_default())
}

/// Sets and removes tags of an App Runner resource by its ARN.
///
/// # Errors
/// App Runner's own.
pub async fn retag_apprunner(aws: &Clients, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
    if !set.is_empty() {
        aws.apprunner.tag_resource().resource_arn(arn).set_tags(Some(apprunner(set))).send().await?;
    }
    if !unset.is_empty() {
        aws.apprunner.untag_resource().resource_arn(arn).set_tag_keys(Some(unset.to_vec())).send().await?;
    }
    Ok(())
}

/// Secrets Manager's list of tags.
pub fn secretsmanager(tags: &Tags) -> Vec<aws_sdk_secretsmanager::types::Tag> {
    tags.iter()
        .map(|(key, value)| aws_sdk_secretsmanager::types::Tag::builder().key(key).value(value).build())
        .collect()
}

/// Sets and removes tags of a secret.
///
/// # Errors
/// Secrets Manager's own.
pub async fn retag_secretsmanager(aws: &Clients, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
    if !set.is_empty() {
        let tags = Some(secretsmanager(set));
        aws.secretsmanager.tag_resource().secret_id(arn).set_tags(tags).send().await?;
    }
    if !unset.is_empty() {
        aws.secretsmanager.untag_resource().secret_id(arn).set_tag_keys(Some(unset.to_vec())).send().await?;
    }
    Ok(())
}

/// Sets and removes tags of a function by its ARN.
///
/// # Errors
/// Lambda's own.
pub async fn retag_lambda(aws: &Clients, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
    if !set.is_empty() {
        aws.lambda.tag_resource().resource(arn).set_tags(Some(set.clone().into_iter().collect())).send().await?;
    }
    if !unset.is_empty() {
        aws.lambda.untag_resource().resource(arn).set_tag_keys(Some(unset.to_vec())).send().await?;
    }
    Ok(())
}

/// IAM's list of tags. Keys and values are never empty there; ours are not.
///
/// # Errors
/// Where the SDK's builder refuses a tag.
pub fn iam(tags: &Tags) -> Result<Vec<aws_sdk_iam::types::Tag>> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_iam::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
                .map_err(|error| crate::aws::Error::internal(error.to_string()))
        })
        .collect()
}

/// Sets and removes tags of a role.
///
/// # Errors
/// IAM's own.
pub async fn retag_role(aws: &Clients, name: &str, set: &Tags, unset: &[String]) -> Result<()> {
    if !set.is_empty() {
        aws.iam.tag_role().role_name(name).set_tags(Some(iam(set)?)).send().await?;
    }
    if !unset.is_empty() {
        aws.iam.untag_role().role_name(name).set_tag_keys(Some(unset.to_vec())).send().await?;
    }
    Ok(())
}

/// Any service's tags as one map: `collect(list, |tag| (tag.key(), tag.value()))`.
pub fn collect<'a, T: 'a>(
    list: impl IntoIterator<Item = &'a T>,
    pair: impl Fn(&'a T) -> (Option<&'a str>, Option<&'a str>),
) -> Tags {
    list.into_iter()
        .filter_map(|tag| {
            let (key, value) = pair(tag);
            Some((key?.to_owned(), value.unwrap_or_default().to_owned()))
        })
        .collect()
}
