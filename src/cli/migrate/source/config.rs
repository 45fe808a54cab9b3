//! What drizzle.config.* here seems to set otherwise than what infra goes by: then the two keep two books.

use std::path::Path;

use console::style;

use crate::{
    migrate::{
        Ledger,
        config::{Config, NAMES},
    },
    render::output::{tell, wrapped_to_tell},
};

/// The configuration that lies here, and what it seems to set.
pub(super) fn beside() -> Option<(&'static str, Option<Config>)> {
    let name = NAMES.into_iter().find(|name| Path::new(name).is_file())?;
    Some((name, std::fs::read_to_string(name).ok().as_deref().and_then(Config::of)))
}

/// Says what does not go together. Of another folder's configuration nothing is known: `named` tells that the command line, which
/// knows what it is doing, says the folder.
pub(super) fn compare(folder: &Path, named: bool, ledger: &Ledger) {
    let Some((name, Some(config))) = beside() else { return };
    let Some(out) = config.out.as_ref().map(Path::new) else { return };
    let text = match (is_same(out, folder), config.ledger()) {
        (true, Some(theirs)) if theirs != *ledger => format!(
            "{name} seems to set the ledger {theirs}, and infra goes by {ledger}: what one applies, the other does not know of. If it \
             is that one: --ledger {theirs}, or migrations.ledger in stack.yaml."
        ),
        (false, _) if !named && out.is_dir() => format!(
            "{name} seems to write to {}, and infra reads {}. If it is that one: --folder, or migrations.folder in stack.yaml.",
            out.display(),
            folder.display()
        ),
        _ => return,
    };
    tell(&wrapped_to_tell(&format!("{} {text}", style("⚠").yellow()), "  "));
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
