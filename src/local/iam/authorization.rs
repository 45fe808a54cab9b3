//! `GetAccountAuthorizationDetails`: everything that says who may do what, in one list.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Policy, Role, Store, account, aws_managed, encode, limit, marker};
use crate::local::{
    fault::Fault,
    members::{decode, page},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    filter: Vec<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

/// The lists of the answer; an entry of one is found again by its list and its ARN.
const LISTS: [&str; 3] = ["UserDetailList", "RoleDetailList", "Policies"];

/// `GetAccountAuthorizationDetails`
pub(super) fn details(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let store = &*ctx.iam;
    let wanted = |kind: &str| input.filter.is_empty() || input.filter.iter().any(|one| one == kind);
    let mut all: Vec<(usize, String, Value)> = Vec::new();
    let mut add = |list: usize, entry: Value| {
        all.push((list, format!("{list} {}", entry["Arn"].as_str().unwrap_or_default()), entry));
    };
    if wanted("User") {
        add(0, account::caller(ctx));
    }
    if wanted("Role") {
        store.roles.values().for_each(|role| add(1, role_details(store, role)));
    }
    if wanted("LocalManagedPolicy") {
        store.policies.values().for_each(|policy| add(2, policy_details(store, policy)));
    }
    if wanted("AWSManagedPolicy") {
        let attached = |policy: &Policy| store.roles.values().any(|role| role.attached.contains(&policy.arn));
        aws_managed::all().filter(attached).for_each(|policy| add(2, policy_details(store, &policy)));
    }
    all.sort_by(|one, other| one.1.cmp(&other.1));
    let page =
        page(all, input.marker.as_deref(), limit(input.max_items), |entry| entry.1.clone()).ok_or_else(marker)?;
    let mut answer = json!({ "GroupDetailList": [], "IsTruncated": page.next.is_some(), "Marker": page.next });
    for (number, name) in LISTS.iter().enumerate() {
        let entries = page.items.iter().filter(|(list, _, _)| *list == number).map(|(_, _, entry)| entry.clone());
        answer[*name] = entries.collect();
    }
    Ok(answer)
}

fn role_details(store: &Store, role: &Role) -> Value {
    let inline = role.inline.iter();
    let attached = role.attached.iter().filter_map(|arn| store.any_policy(arn).ok());
    let mut details = role.details();
    details["InstanceProfileList"] = store.profiles_of(&role.name);
    details["RolePolicyList"] =
        inline.map(|(name, text)| json!({ "PolicyName": name, "PolicyDocument": encode(text) })).collect();
    details["AttachedManagedPolicies"] =
        attached.map(|policy| json!({ "PolicyName": policy.name, "PolicyArn": policy.arn })).collect();
    if let Some(members) = details.as_object_mut() {
        // A role by itself tells these; here they are not part of it.
        members.retain(|name, _| !["Description", "MaxSessionDuration"].contains(&name.as_str()));
    }
    details
}

fn policy_details(store: &Store, policy: &Policy) -> Value {
    let mut details = policy.details(store);
    details["PolicyVersionList"] = policy.versions.keys().rev().filter_map(|number| policy.version(*number)).collect();
    if let Some(members) = details.as_object_mut() {
        members.remove("Tags");
    }
    details
}
