//! What is done to customers' prefix lists: create, modify, restore, delete. Each takes a moment, in which nothing else
//! can be done, and can fail at its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, combination, invalid},
    kind,
    prefix_list::{Change, Entry, Family, Phase, PrefixList},
    security_group_rule::fit,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// How long AWS takes for a change.
const CHANGE: Duration = Duration::from_secs(5);
/// The most entries that a list may be made for.
const MOST: usize = 1000;
/// The most entries that one request may add, and that it may remove.
const MOST_AT_ONCE: usize = 100;
/// How many resources a state's message names.
const NAMED: usize = 10;

impl Store {
    /// Ends the changes whose time has come.
    pub(super) fn settle_prefix_lists(&mut self, now: Millis) {
        let is_due = |list: &PrefixList| matches!(list.phase, Phase::InProgress { until } if until <= now);
        let due = self.prefix_lists.values().filter(|list| is_due(list));
        for id in due.map(|list| list.prefix_list_id.clone()).collect::<Vec<_>>() {
            self.end_change(&id);
        }
    }

    fn end_change(&mut self, id: &str) {
        let Some(list) = self.prefix_lists.get_mut(id) else { return };
        let change = list.change.clone();
        let before = list.max_entries;
        if let Change::Resize(size) = change {
            list.max_entries = size;
        }
        let obstacle = match change {
            Change::Delete => told(self.prefix_list_users(id), "still name the prefix list"),
            Change::Resize(_) => told(self.overfull_groups(id), "do not support the new maximum size"),
            _ => None,
        };
        if change == Change::Delete && obstacle.is_none() {
            self.prefix_lists.remove(id);
            self.tags.remove(id);
            return;
        }
        let Some(list) = self.prefix_lists.get_mut(id) else { return };
        list.phase = match obstacle {
            Some(message) => {
                list.max_entries = before;
                Phase::Failed { message }
            }
            None => Phase::Complete,
        };
        if let Change::Modify(entries) | Change::Restore(entries) = change {
            list.versions.push(entries);
        }
    }

    /// The groups that name a list and whose rules are more than AWS lets a group have.
    fn overfull_groups<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a String> {
        self.prefix_list_users(id).filter(|user| {
            let rules = self.security_groups.get(*user).map(|group| group.rules.as_slice()).unwrap_or_default();
            [true, false].into_iter().any(|egress| {
                let rules = rules.iter().filter(|rule| rule.egress == egress);
                // Of AWS's lists it was looked at how much they count when the rule was made.
                !fit(self, "", rules.map(|rule| &rule.traffic))
            })
        })
    }
}

/// What a state's message says of the resources that are in the way of a change; none if there are none.
fn told<'a>(resources: impl Iterator<Item = &'a String>, what: &str) -> Option<String> {
    let first: Vec<&str> = resources.take(NAMED).map(String::as_str).collect();
    (!first.is_empty()).then(|| format!("These resources {what}: {}.", first.join(", ")))
}

impl PrefixList {
    /// The entries of a version.
    pub(super) fn at(&self, version: i64) -> Result<&[Entry], Fault> {
        let known = usize::try_from(version).ok().and_then(|version| self.versions.get(version.checked_sub(1)?));
        let message = || {
            let (id, last) = (&self.prefix_list_id, self.version());
            format!(
                "The specified value for version is not valid: {id} has the versions 1 to {last}, and not {version}."
            )
        };
        known.map(Vec::as_slice).ok_or_else(|| invalid(message()))
    }

    /// Refuses a change while another one is in progress, or from another version than the caller believes in.
    fn check(&self, current_version: Option<i64>) -> Result<(), Fault> {
        if matches!(self.phase, Phase::InProgress { .. }) {
            let (id, state) = (&self.prefix_list_id, self.state());
            let message = format!("The prefix list {id} cannot be changed in the current state ({state}).");
            return Err(Fault::new("IncorrectState", message));
        }
        match current_version {
            Some(version) if version < 1 => {
                Err(invalid("The specified value for version is not valid. The value must be greater than (1)."))
            }
            Some(version) if usize::try_from(version).ok() != Some(self.version()) => {
                let message = "The prefix list has the incorrect version number.";
                Err(Fault::new("PrefixListVersionMismatch", message))
            }
            _ => Ok(()),
        }
    }

    /// The entries without those to be removed and with those to be added.
    fn changed(&self, remove: &[Removed], add: &[Added]) -> Result<Vec<Entry>, Fault> {
        let removed: Vec<String> = remove.iter().map(|one| self.family.read(&one.cidr)).collect::<Result<_, _>>()?;
        let added = read(self.family, add)?;
        if let Some(Entry { cidr, .. }) = added.iter().find(|one| removed.contains(&one.cidr)) {
            let message =
                format!("Request cannot contain Cidr {cidr} in both AddPrefixListEntries and RemovePrefixListEntries");
            return Err(invalid(message));
        }
        let refused = |message| Fault::new("InvalidPrefixListModification", message);
        let has = |cidr: &String| self.entries().iter().find(|one| one.cidr == *cidr);
        if let Some(cidr) = removed.iter().find(|cidr| has(cidr).is_none()) {
            return Err(refused(format!("The entry with the CIDR ({cidr}) does not exist.")));
        }
        if let Some(present) = added.iter().find_map(|one| has(&one.cidr)) {
            let (cidr, description) = (&present.cidr, present.description.as_deref().unwrap_or_default());
            let message = format!("An entry with the CIDR ({cidr}) and description ({description}) already exists.");
            return Err(refused(message));
        }
        let kept = self.entries().iter().filter(|one| !removed.contains(&one.cidr)).cloned();
        let entries: Vec<Entry> = kept.chain(added).collect();
        within(entries.len(), self.max_entries)?;
        Ok(entries)
    }
}

/// Refuses more entries than the list is made for.
fn within(count: usize, max_entries: usize) -> Result<(), Fault> {
    if count <= max_entries {
        return Ok(());
    }
    let message = format!("The prefix list has room for {max_entries} entries, and would have {count}.");
    Err(Fault::new("PrefixListMaxEntriesExceeded", message))
}

/// The entries as they are kept.
fn read(family: Family, given: &[Added]) -> Result<Vec<Entry>, Fault> {
    if given.len() > MOST_AT_ONCE {
        return Err(invalid(format!("The number of entries per request cannot exceeds limit ({MOST_AT_ONCE}).")));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for Added { cidr, description } in given {
        if description.as_ref().is_some_and(|text| text.chars().count() > 255) {
            return Err(invalid(format!("The description of the entry {cidr} is longer than 255 characters.")));
        }
        let cidr = family.read(cidr)?;
        if entries.iter().any(|one| one.cidr == cidr) {
            return Err(invalid(format!("The CIDR {cidr} is given more than once.")));
        }
        entries.push(Entry { cidr, description: description.clone().filter(|text| !text.is_empty()) });
    }
    Ok(entries)
}

fn check_name(name: &str) -> Result<(), Fault> {
    let problem = match name.chars().count() {
        0 => "must not be empty",
        256.. => "is longer than 255 characters",
        _ if name.starts_with("com.amazonaws") => "cannot start with com.amazonaws",
        _ => return Ok(()),
    };
    Err(invalid(format!("Value ({name}) for parameter prefixListName is invalid. The name {problem}.")))
}

fn check_size(size: i64) -> Result<usize, Fault> {
    let known = usize::try_from(size).ok().filter(|size| (1..=MOST).contains(size));
    known.ok_or_else(|| invalid(format!("Must specify a max size between 1 and {MOST}")))
}

/// An entry to be added.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Added {
    cidr: String,
    description: Option<String>,
}

/// An entry to be removed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Removed {
    cidr: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Create {
    prefix_list_name: String,
    address_family: String,
    max_entries: i64,
    entries: Vec<Added>,
    client_token: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateManagedPrefixList`
pub(super) fn create(ctx: &mut Ctx<'_>, input: Create) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::PREFIX_LIST, input.client_token.as_ref(), &input, |ctx| {
        check_name(&input.prefix_list_name)?;
        let family = match input.address_family.as_str() {
            "IPv4" => Family::IPv4,
            "IPv6" => Family::IPv6,
            other => return Err(invalid(format!("Value ({other}) for parameter addressFamily is invalid."))),
        };
        let max_entries = check_size(input.max_entries)?;
        let entries = read(family, &input.entries)?;
        within(entries.len(), max_entries)?;
        let tags = tag::given(&input.tag_specifications, &kind::PREFIX_LIST)?;
        let id = kind::PREFIX_LIST.new_id();
        let phase = Phase::InProgress { until: ctx.pace.after(ctx.now, CHANGE) };
        let list = PrefixList {
            prefix_list_id: id.clone(),
            name: input.prefix_list_name.clone(),
            family,
            max_entries,
            versions: vec![entries],
            change: Change::Create,
            phase,
        };
        ctx.region.ec2.tag(&id, tags);
        ctx.region.ec2.prefix_lists.insert(id.clone(), list);
        Ok(id)
    })?;
    shown(ctx, &id)
}

/// The answer of each of these calls.
fn shown(ctx: &Ctx<'_>, id: &str) -> Result<Value, Fault> {
    let view = View::of(ctx);
    Ok(json!({"PrefixList": kind::PREFIX_LIST.find(&view.store.prefix_lists, id)?.show(&view)}))
}

/// The list that a request names, to be changed.
fn own<'a>(ctx: &'a mut Ctx<'_>, id: &str) -> Result<&'a mut PrefixList, Fault> {
    let store = &mut ctx.region.ec2;
    if !store.prefix_lists.contains_key(id) && store.check_prefix_list(ctx.region_name, id).is_ok() {
        let message = format!("The prefix list {id} is managed by AWS and cannot be changed.");
        return Err(Fault::new("UnsupportedOperation", message));
    }
    kind::PREFIX_LIST.find_mut(&mut store.prefix_lists, id)
}

/// Begins a change.
fn begin(ctx: &mut Ctx<'_>, id: &str, change: Change) -> Result<(), Fault> {
    let phase = Phase::InProgress { until: ctx.pace.after(ctx.now, CHANGE) };
    let list = own(ctx, id)?;
    (list.change, list.phase) = (change, phase);
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Modify {
    prefix_list_id: String,
    current_version: Option<i64>,
    prefix_list_name: Option<String>,
    add_entries: Vec<Added>,
    remove_entries: Vec<Removed>,
    max_entries: Option<i64>,
}

/// `ModifyManagedPrefixList`: other entries are another version; a name and a size are none, and a name takes no time.
pub(super) fn modify(ctx: &mut Ctx<'_>, input: Modify) -> Result<Value, Fault> {
    let id = input.prefix_list_id;
    let list = own(ctx, &id)?;
    list.check(input.current_version)?;
    let has_entries = !input.add_entries.is_empty() || !input.remove_entries.is_empty();
    if has_entries && input.max_entries.is_some() {
        return Err(combination(
            "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
        ));
    }
    input.prefix_list_name.as_deref().map(check_name).transpose()?;
    if input.remove_entries.len() > MOST_AT_ONCE {
        return Err(invalid(format!("The number of entries per request cannot exceeds limit ({MOST_AT_ONCE}).")));
    }
    let change = match input.max_entries.map(check_size).transpose()? {
        Some(size) => {
            within(list.entries().len(), size)?;
            Some(Change::Resize(size))
        }
        None if has_entries => Some(Change::Modify(list.changed(&input.remove_entries, &input.add_entries)?)),
        None if input.prefix_list_name.is_none() => {
            return Err(Fault::new("InvalidRequest", "The request received was invalid."));
        }
        None => None,
    };
    if let Some(name) = input.prefix_list_name {
        list.name = name;
    }
    if let Some(change) = change {
        begin(ctx, &id, change)?;
    }
    shown(ctx, &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Restore {
    prefix_list_id: String,
    previous_version: i64,
    current_version: i64,
}

/// `RestoreManagedPrefixListVersion`: the entries of an earlier version, as a new one.
pub(super) fn restore(ctx: &mut Ctx<'_>, input: Restore) -> Result<Value, Fault> {
    let id = input.prefix_list_id;
    let list = own(ctx, &id)?;
    list.check(Some(input.current_version))?;
    let entries = list.at(input.previous_version)?.to_vec();
    within(entries.len(), list.max_entries)?;
    begin(ctx, &id, Change::Restore(entries))?;
    shown(ctx, &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    prefix_list_id: String,
}

/// `DeleteManagedPrefixList`: begins at once, and fails at its end where something still names the list.
pub(super) fn delete(ctx: &mut Ctx<'_>, Delete { prefix_list_id: id }: Delete) -> Result<Value, Fault> {
    own(ctx, &id)?.check(None)?;
    begin(ctx, &id, Change::Delete)?;
    shown(ctx, &id)
}
