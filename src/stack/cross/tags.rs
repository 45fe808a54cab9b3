//! The tags, all together and one by one.

use super::{Found, Ground};
use crate::stack::finding::Finding;
use crate::stack::keys;

/// AWS allows 50 a resource; infra sets stack, address, fingerprint and Name.
const MOST: usize = 46;
const LONGEST: usize = 256;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found = vec![too_many(ground)];
    found.extend(ground.stack.tags.iter().map(|(key, value)| text(ground, key, value)));
    found
}

fn too_many(ground: &Ground<'_>) -> Found {
    let count = ground.stack.tags.len();
    if count <= MOST {
        return None;
    }
    let message = format!("there are {count} tags; AWS allows 50 a resource, and infra needs four of them");
    Some(ground.error(&["tags"], message)?.help(format!("keep at most {MOST}")))
}

fn text(ground: &Ground<'_>, key: &str, value: &str) -> Found {
    let place = ground.place_of(&["tags", key]);
    let path = format!("tags.{key}");
    let length = value.chars().count();
    if length > LONGEST {
        let message = format!("the value of the tag `{key}` has {length} characters; AWS allows {LONGEST}");
        return Some(Finding::error(place, &path, message).help("shorten it"));
    }
    let wrong = keys::tag_text(value).err()?;
    let message = format!("the value of the tag `{key}` cannot contain `{wrong}`");
    Some(Finding::error(place, &path, message).help("letters, digits, spaces and _ . : / = + - @ are allowed"))
}
