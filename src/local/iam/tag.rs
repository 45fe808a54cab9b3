//! Tags of roles and policies.

use serde_json::{Value, json};

use super::{limit, marker};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, is_reserved, merge_tags, page},
};

/// Takes tags in, or refuses AWS's own keys, keys given twice, and more than fifty.
pub(super) fn add(tags: &mut Tags, given: Vec<Tag>) -> Result<(), Fault> {
    let invalid = |message: String| Err(Fault::new("InvalidInput", message));
    if let Some(tag) = given.iter().find(|tag| is_reserved(&tag.key)) {
        return invalid(format!("The tag key {} is invalid: keys that begin with aws: are reserved for AWS.", tag.key));
    }
    for (index, tag) in given.iter().enumerate() {
        if given[..index].iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned());
        }
    }
    let mut all = tags.clone();
    remove(&mut all, &given.iter().map(|tag| tag.key.clone()).collect::<Vec<_>>());
    merge_tags(&mut all, given);
    if all.len() > 50 {
        return Err(Fault::new("LimitExceeded", "The number of tags has reached the maximum limit.").with_status(409));
    }
    *tags = all;
    Ok(())
}

/// Takes tags away. A key is the same in capital letters, so one that is given anew is spelled as it was given last.
pub(super) fn remove(tags: &mut Tags, keys: &[String]) {
    tags.retain(|key, _| !keys.iter().any(|other| other.eq_ignore_ascii_case(key)));
}

/// One page of tags.
pub(super) fn list(tags: &Tags, token: Option<&str>, max_items: Option<usize>) -> Result<Value, Fault> {
    let page = page(tags.iter().collect(), token, limit(max_items), |(key, _)| (*key).clone()).ok_or_else(marker)?;
    let tags: Vec<Value> = page.items.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": tags, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}
