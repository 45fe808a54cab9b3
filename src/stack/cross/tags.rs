//! The tags, all together and one by one.

use super::{Found, Ground};
use crate::engine::identity::is_meant;
use crate::stack::finding::Finding;
use crate::stack::keys;

/// AWS allows 50 a resource; infra sets stack, address, fingerprint and Name, and on a secret two for its connection.
const MOST: usize = 44;
const LONGEST: usize = 256;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found = vec![too_many(ground)];
    found.extend(ground.stack.tags.keys().map(|key| alike(ground, key)));
    found.extend(ground.stack.tags.keys().map(|key| ignored(ground, key)));
    found.extend(ground.stack.tags.iter().map(|(key, value)| text(ground, key, value)));
    found
}

fn too_many(ground: &Ground<'_>) -> Found {
    let count = ground.stack.tags.len();
    if count <= MOST {
        return None;
    }
    let message = format!("there are {count} tags; AWS allows 50 a resource, and infra needs six of them");
    Some(ground.error(&["tags"], message)?.help(format!("keep at most {MOST}")))
}

/// IAM takes two keys that differ only by case for one, and infra names every resource by the tag `Name`.
fn alike(ground: &Ground<'_>, key: &str) -> Found {
    let others = ground.stack.tags.keys().map(String::as_str).take_while(|other| *other != key).chain(["Name"]);
    let other = others.into_iter().find(|other| *other != key && other.eq_ignore_ascii_case(key))?;
    let message = format!("the tags `{key}` and `{other}` differ only by case, and IAM takes them for one");
    Some(Finding::error(ground.place_of(&["tags", key]), &format!("tags.{key}"), message).help("keep one of them"))
}

/// What is not looked at would be set anew by every deploy.
fn ignored(ground: &Ground<'_>, key: &str) -> Found {
    let pattern = ground.stack.ignore_tags.iter().find(|pattern| is_meant(pattern, key))?;
    let message = format!("the tag `{key}` is to be set, and to be ignored by `{pattern}` in `ignore_tags`");
    Some(
        Finding::error(ground.place_of(&["tags", key]), &format!("tags.{key}"), message).help("decide for one of both"),
    )
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
