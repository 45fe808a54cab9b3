//! The proxy, and the migrations that go through it.

use super::{Found, Ground, twice};
use crate::{migrate::Folder, stack::finding::Finding};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found = vec![
        without_database(ground),
        idle(ground),
        plain_text(ground),
        logging(ground),
        migrations(ground),
        folder(ground),
    ];
    found.extend(ground.stack.proxy.iter().flat_map(|proxy| twice(ground, "proxy.allow_from", &proxy.allow_from)));
    found
}

fn without_database(ground: &Ground<'_>) -> Found {
    if ground.stack.proxy.is_none() || ground.stack.database.is_some() {
        return None;
    }
    let found = ground
        .error(&["proxy", "database"], "there is a `proxy`, but no `database` that it could stand in front of")?;
    Some(found.help("add `database: {}`, or delete `proxy`"))
}

fn idle(ground: &Ground<'_>) -> Found {
    let proxy = ground.stack.proxy.as_ref()?;
    let idle = proxy.max_idle.filter(|idle| *idle > proxy.max_connections)?;
    let message =
        format!("the idle connections, {idle}, cannot be more than all connections, {}", proxy.max_connections);
    let about = ["proxy.max_idle", "proxy.max_connections"];
    Some(ground.error(&about, message)?.help(format!("write at most {}", proxy.max_connections)))
}

fn plain_text(ground: &Ground<'_>) -> Found {
    let proxy = ground.stack.proxy.as_ref().filter(|proxy| !proxy.require_tls)?;
    let _ = proxy;
    let found = ground.warning(
        &["proxy.require_tls"],
        "the proxy also takes connections without TLS: passwords and data can be read on the way",
    )?;
    Some(found.help("write `require_tls: true`, or delete the line"))
}

fn logging(ground: &Ground<'_>) -> Found {
    ground.stack.proxy.as_ref().filter(|proxy| proxy.debug_logging)?;
    let message = "the proxy writes SQL texts, and the data in them, to CloudWatch";
    Some(
        ground
            .warning(&["proxy.debug_logging"], message)?
            .help("AWS turns it off after 24 hours; delete the line when done"),
    )
}

fn migrations(ground: &Ground<'_>) -> Found {
    ground.stack.migrations.as_ref()?;
    if ground.stack.database.is_none() {
        let found =
            ground.error(&["migrations", "database"], "there are `migrations`, but no `database` to apply them to")?;
        return Some(found.help("add `database: {}` and `proxy: {}`, or delete `migrations`"));
    }
    if ground.stack.proxy.is_some() {
        return None;
    }
    let found = ground.error(&["migrations", "proxy"], "the migrations go through the proxy, and there is none")?;
    Some(found.help("add `proxy: {}`"))
}

/// The field that names the migrations' folder.
pub(crate) const FOLDER: &str = "migrations.folder";

fn folder(ground: &Ground<'_>) -> Found {
    let folder = &ground.stack.migrations.as_ref()?.folder;
    ground.stack.database.as_ref()?;
    if folder.is_dir() {
        let bare = Folder::bare(folder)?;
        let found =
            ground.warning(&[FOLDER], format!("the migrations folder {} holds no migrations", folder.display()))?;
        return Some(Finding { help: miette::Diagnostic::help(&bare).map(|help| help.to_string()), ..found });
    }
    let what = if folder.exists() { "is not a folder" } else { "does not exist" };
    // Not every verb needs it: a stack can be destroyed where its migrations are not.
    let found = ground.warning(&[FOLDER], format!("the migrations folder {} {what}", folder.display()))?;
    Some(found.help(
        "write the folder that drizzle-kit writes to (`out`), relative to the file it is in; `drizzle-kit generate` creates it",
    ))
}
