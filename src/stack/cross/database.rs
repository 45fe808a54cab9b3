//! The database and its secret.

use super::{Found, Ground, twice};
use crate::stack::{Acu, KmsKeyArn, OnDestroyDatabase};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found =
        vec![secret(ground), order(ground), smallest(ground), pause(ground), never_pauses(ground), unprotected(ground)];
    let (database, secret) = (ground.stack.database.as_ref(), &ground.stack.secret);
    found.push(elsewhere(ground, "database.kms_key", database.and_then(|database| database.kms_key.as_ref())));
    found.push(elsewhere(ground, "secret.kms_key", secret.kms_key.as_ref()));
    found.extend(database.into_iter().flat_map(|database| twice(ground, "database.logs", &database.logs)));
    found
}

/// A key works in its own region only.
fn elsewhere(ground: &Ground<'_>, field: &str, key: Option<&KmsKeyArn>) -> Found {
    let (key, region) = (key?.region(), ground.stack.region.as_ref()?.as_str());
    if key == region {
        return None;
    }
    let message = format!("the key is in {key}, and the stack in {region}, where it encrypts nothing");
    Some(ground.error(&[field, "region"], message)?.help("name a key of the stack's own region"))
}

fn secret(ground: &Ground<'_>) -> Found {
    if ground.stack.database.is_some() || !ground.is_written("secret") {
        return None;
    }
    let found = ground.error(
        &["secret", "database"],
        "there is a section `secret`, but no `database` whose credentials it would hold",
    )?;
    Some(found.help("add `database: {}`, or delete `secret`; other secrets of the service go into `service.secrets`"))
}

fn order(ground: &Ground<'_>) -> Found {
    let capacity = &ground.stack.database.as_ref()?.capacity;
    let about = match ground.root.locate(&["database", "capacity", "min"], true) {
        _ if capacity.min <= capacity.max => return None,
        _ => ["database.capacity.min", "database.capacity.max"],
    };
    let message = format!("the minimum capacity, {} ACU, is more than the maximum, {} ACU", capacity.min, capacity.max);
    Some(ground.error(&about, message)?.help("lower `min`, or raise `max` (4 if it is not written)"))
}

fn smallest(ground: &Ground<'_>) -> Found {
    let max = ground.stack.database.as_ref()?.capacity.max;
    if max >= Acu::from_halves(2) {
        return None;
    }
    let message = format!("the maximum capacity must be at least 1 ACU; here it is {max}");
    Some(ground.error(&["database.capacity.max"], message)?.help("write `max: 1` or more"))
}

fn pause(ground: &Ground<'_>) -> Found {
    let capacity = &ground.stack.database.as_ref()?.capacity;
    let after = capacity.pause_after.filter(|_| capacity.min > Acu::from_halves(0))?;
    let message = format!("the database can pause after {after} only with `min: 0`; here `min` is {}", capacity.min);
    let about = ["database.capacity.pause_after", "database.capacity.min"];
    Some(ground.error(&about, message)?.help("write `min: 0`, or delete `pause_after`"))
}

fn never_pauses(ground: &Ground<'_>) -> Found {
    let capacity = &ground.stack.database.as_ref()?.capacity;
    if capacity.min > Acu::from_halves(0) || ground.stack.proxy.is_none() {
        return None;
    }
    let message = "with a proxy the database never pauses, because the proxy keeps connections open, and the proxy bills 8 ACU at least";
    let about = ["database.capacity.min", "proxy"];
    Some(ground.warning(&about, message)?.help("write `min: 0.5`; without `proxy`, a database that pauses can be had"))
}

fn unprotected(ground: &Ground<'_>) -> Found {
    let database = ground.stack.database.as_ref()?;
    if database.protect || database.on_destroy != OnDestroyDatabase::Delete {
        return None;
    }
    let message = "`infra destroy` would delete the data for good: `protect` is off and no final snapshot is taken";
    let about = ["database.on_destroy", "database.protect"];
    Some(ground.warning(&about, message)?.help("for data that matters: `on_destroy: snapshot`, or `protect: true`"))
}
