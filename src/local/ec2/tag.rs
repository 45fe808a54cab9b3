//! Tags of everything, given in create calls or by `CreateTags`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::invalid,
    kind::{self, Kind},
    listing::Listing,
    never,
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// The tags of one resource.
pub(super) type Tags = BTreeMap<String, String>;

/// AWS's limit a resource.
const MOST: usize = 50;

/// A tag as it stands in requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Tag {
    key: String,
    value: Option<String>,
}

/// The tags of a create call for one type of resource.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TagSpecification {
    resource_type: Option<String>,
    tags: Vec<Tag>,
}

/// The tags that a create call gives to the `kind` that it makes.
pub(super) fn given(specifications: &[TagSpecification], kind: &Kind) -> Result<Tags, Fault> {
    let mut all = Vec::new();
    for (index, specification) in specifications.iter().enumerate() {
        match specification.resource_type.as_deref() {
            None => return Err(super::call::missing("ResourceType")),
            Some(wanted) if wanted != kind.resource_type => {
                return Err(invalid(format!("'{wanted}' is not a valid taggable resource type for this operation.")));
            }
            Some(_) if specification.tags.is_empty() => {
                return Err(invalid("Tag specification must have at least one tag"));
            }
            Some(wanted) if index > 0 => {
                return Err(invalid(format!("Duplicate resource type '{wanted}' in tag specifications")));
            }
            Some(_) => all.extend(specification.tags.iter().cloned()),
        }
    }
    let tags = checked(&all)?;
    within_limit(tags.len())?;
    Ok(tags)
}

/// The tags as a map, if AWS would take them.
fn checked(tags: &[Tag]) -> Result<Tags, Fault> {
    let mut map = Tags::new();
    for Tag { key, value } in tags {
        let value = value.clone().unwrap_or_default();
        let problem = if key.is_empty() {
            "Tag key cannot be null or empty.".to_owned()
        } else if key.to_ascii_lowercase().starts_with("aws:") {
            format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            )
        } else if key.chars().count() > 128 {
            format!("Tag key exceeds the maximum length of 128 characters: {key}")
        } else if value.chars().count() > 256 {
            format!("Tag value exceeds the maximum length of 256 characters: the one of {key}")
        } else if map.insert(key.clone(), value).is_some() {
            format!("Duplicate tag key '{key}' specified.")
        } else {
            continue;
        };
        return Err(invalid(problem));
    }
    Ok(map)
}

fn within_limit(count: usize) -> Result<(), Fault> {
    if count <= MOST {
        return Ok(());
    }
    Err(Fault::new("TagLimitExceeded", "The maximum number of Tags for a resource has been reached."))
}

impl Store {
    /// Gives a new resource its tags.
    pub(super) fn tag(&mut self, id: &str, tags: Tags) {
        if !tags.is_empty() {
            self.tags.insert(id.to_owned(), tags);
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Tagging {
    resources: Vec<String>,
    tags: Vec<Tag>,
}

/// Refuses ids that nothing has.
fn existing(store: &Store, resources: &[String]) -> Result<(), Fault> {
    for id in resources {
        never::refuse_id(id)?;
        let kind = kind::of(id)?;
        if !store.exists(id) {
            return Err(kind.absent(id));
        }
    }
    Ok(())
}

/// `CreateTags`
pub(super) fn create(ctx: &mut Ctx<'_>, input: Tagging) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let tags = checked(&input.tags)?;
    existing(store, &input.resources)?;
    for id in &input.resources {
        let present: BTreeSet<&String> = store.tags.get(id).into_iter().flat_map(Tags::keys).collect();
        within_limit(present.union(&tags.keys().collect()).count())?;
    }
    for id in input.resources {
        store.tags.entry(id).or_default().extend(tags.clone());
    }
    Ok(json!({}))
}

/// `DeleteTags`: those named, with the value named if one is; all without names.
pub(super) fn delete(ctx: &mut Ctx<'_>, input: Tagging) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if let Some(tag) = input.tags.iter().find(|tag| tag.key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid(format!("Tag keys starting with 'aws:' are reserved for internal use: {}", tag.key)));
    }
    existing(store, &input.resources)?;
    let doomed = |key: &String, value: &String| {
        let named = |tag: &Tag| tag.key == *key && tag.value.as_ref().is_none_or(|wanted| wanted == value);
        input.tags.is_empty() || input.tags.iter().any(named)
    };
    for id in &input.resources {
        if let Some(tags) = store.tags.get_mut(id) {
            tags.retain(|key, value| !doomed(key, value));
        }
    }
    store.tags.retain(|_, tags| !tags.is_empty());
    Ok(json!({}))
}

static TAGS: Listing = Listing {
    kind: &kind::VPC,
    items: "Tags",
    ids: "",
    id: "Page",
    filters: &[("key", "Key"), ("resource-id", "ResourceId"), ("resource-type", "ResourceType"), ("value", "Value")],
};

/// `DescribeTags`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let all = view.store.tags.iter().flat_map(|(id, tags)| {
        let resource_type = kind::of(id).map(|kind| kind.resource_type).unwrap_or_default();
        tags.iter().map(move |(key, value)| {
            // Page is only what pages are counted by: a tag has no id of its own.
            json!({"Page": format!("{id} {key}"), "Key": key, "ResourceId": id, "ResourceType": resource_type, "Value": value})
        })
    });
    let mut answer = TAGS.answer(&view, input, all)?;
    for tag in answer["Tags"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        tag.shift_remove("Page");
    }
    Ok(answer)
}
