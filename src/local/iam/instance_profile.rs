//! Instance profiles: a role for the instances of EC2, which no service here runs; other tools keep them beside their roles.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Store, exists, limit, marker, no_such, not_modifiable, role::random_id, tag};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, page, tag_list, time},
    pace::Millis,
    world::Ctx,
};

/// An instance profile.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct InstanceProfile {
    pub(super) arn: String,
    pub(super) name: String,
    id: String,
    path: String,
    created_at: Millis,
    /// The role's name.
    role: Option<String>,
    pub(super) tags: Tags,
}

impl InstanceProfile {
    fn summary(&self, store: &Store) -> Value {
        let roles: Vec<Value> =
            self.role.iter().filter_map(|name| store.roles.get(name)).map(super::Role::summary).collect();
        json!({
            "Path": self.path,
            "InstanceProfileName": self.name,
            "InstanceProfileId": self.id,
            "Arn": self.arn,
            "CreateDate": time(self.created_at),
            "Roles": roles,
        })
    }

    fn details(&self, store: &Store) -> Value {
        let mut members = self.summary(store);
        members["Tags"] = tag_list(&self.tags);
        members
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    instance_profile_name: String,
    role_name: String,
    path: Option<String>,
    path_prefix: Option<String>,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

impl Store {
    fn profile(&mut self, name: &str) -> Result<&mut InstanceProfile, Fault> {
        let unknown = || no_such(format!("Instance Profile {name} cannot be found."));
        self.instance_profiles.get_mut(name).ok_or_else(unknown)
    }

    /// The instance profiles that a role is in, as a list.
    pub(super) fn profiles_of(&self, role: &str) -> Value {
        let profiles = self.instance_profiles.values().filter(|profile| profile.role.as_deref() == Some(role));
        profiles.map(|profile| profile.summary(self)).collect()
    }

    /// Whether a role is in an instance profile, which keeps it.
    pub(super) fn is_in_profile(&self, role: &str) -> bool {
        self.instance_profiles.values().any(|profile| profile.role.as_deref() == Some(role))
    }
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let name = input.instance_profile_name;
    if ctx.iam.instance_profiles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(exists(format!("Instance Profile {name} already exists.")));
    }
    let mut tags = Tags::new();
    tag::add(&mut tags, input.tags)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    let profile = InstanceProfile {
        arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", ctx.account),
        id: format!("AIPA{}", random_id()),
        name: name.clone(),
        path,
        created_at: ctx.now,
        role: None,
        tags,
    };
    let answer = profile.details(ctx.iam);
    ctx.iam.instance_profiles.insert(name, profile);
    Ok(json!({ "InstanceProfile": answer }))
}

pub(super) fn get(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let profile = ctx.iam.profile(&input.instance_profile_name)?.clone();
    Ok(json!({ "InstanceProfile": profile.details(ctx.iam) }))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if ctx.iam.profile(&input.instance_profile_name)?.role.is_some() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(Fault::new("DeleteConflict", message).with_status(409));
    }
    ctx.iam.instance_profiles.remove(&input.instance_profile_name);
    Ok(json!({}))
}

/// One page of the profiles that are wanted.
fn listed(ctx: &Ctx<'_>, input: &Input, wanted: impl Fn(&InstanceProfile) -> bool) -> Result<Value, Fault> {
    let profiles = ctx.iam.instance_profiles.values().filter(|profile| wanted(profile)).collect();
    let page =
        page(profiles, input.marker.as_deref(), limit(input.max_items), |one: &&InstanceProfile| one.name.clone())
            .ok_or_else(marker)?;
    let profiles: Vec<Value> = page.items.into_iter().map(|profile| profile.summary(ctx.iam)).collect();
    Ok(json!({ "InstanceProfiles": profiles, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn list(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let prefix = input.path_prefix.clone().unwrap_or_else(|| "/".to_owned());
    listed(ctx, &input, |profile| profile.path.starts_with(&prefix))
}

pub(super) fn list_for_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.iam.find_role(&input.role_name)?;
    listed(ctx, &input, |profile| profile.role.as_ref() == Some(&input.role_name))
}

pub(super) fn add_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if ctx.iam.find_role(&input.role_name)?.is_service_linked() {
        return Err(not_modifiable(&input.role_name));
    }
    let profile = ctx.iam.profile(&input.instance_profile_name)?;
    if profile.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(Fault::new("LimitExceeded", message).with_status(409));
    }
    profile.role = Some(input.role_name);
    Ok(json!({}))
}

pub(super) fn remove_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.iam.find_role(&input.role_name)?;
    let profile = ctx.iam.profile(&input.instance_profile_name)?;
    if profile.role.as_ref() != Some(&input.role_name) {
        return Err(no_such(format!(
            "Role {} in Instance Profile {} cannot be found.",
            input.role_name, input.instance_profile_name
        )));
    }
    profile.role = None;
    Ok(json!({}))
}

pub(super) fn add_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::add(&mut ctx.iam.profile(&input.instance_profile_name)?.tags, input.tags)?;
    Ok(json!({}))
}

pub(super) fn remove_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::remove(&mut ctx.iam.profile(&input.instance_profile_name)?.tags, &input.tag_keys);
    Ok(json!({}))
}

pub(super) fn list_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::list(&ctx.iam.profile(&input.instance_profile_name)?.tags, input.marker.as_deref(), input.max_items)
}
