//! Names of parameters: their rules, their ARNs, and the selector that may follow them.

use crate::local::{fault::Fault, world::Ctx};

/// The ARN of a parameter; a name in a hierarchy brings its slash along.
pub(super) fn arn(ctx: &Ctx<'_>, name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", ctx.region_name, ctx.account)
}

/// The name in an ARN, or the name itself. A hierarchy has a second slash; a plain name has none. Spaces around a name are
/// dropped.
pub(super) fn without_arn(name: &str) -> &str {
    let name = name.trim();
    match name.split_once(":parameter/") {
        Some((start, rest)) if start.starts_with("arn:") && !rest.contains('/') => rest,
        Some((start, rest)) if start.starts_with("arn:") => &name[name.len() - rest.len() - 1..],
        _ => name,
    }
}

/// A name and the version or label after its colon.
pub(super) fn split_selector(text: &str) -> (&str, Option<&str>) {
    let name = without_arn(text);
    match name.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (name, None),
    }
}

/// Refuses names that Parameter Store does not take.
pub(super) fn check(name: &str) -> Result<(), Fault> {
    let invalid = |message: &str| Err(Fault::new("ValidationException", message));
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    let lowercase = name.trim_start_matches('/').to_ascii_lowercase();
    if name.starts_with('/') && lowercase.starts_with("aws") {
        let message = format!("No access to reserved parameter name: {name}.");
        return Err(Fault::new("AccessDeniedException", message));
    }
    if lowercase.starts_with("aws") || lowercase.starts_with("ssm") || !name.chars().all(allowed) {
        return invalid(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can \
             consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and \
             the following 3 symbols .-_",
        );
    }
    if name.contains('/') && !name.starts_with('/') {
        return invalid("Parameter name must be a fully qualified name.");
    }
    if name.ends_with('/') || name.contains("//") || name.len() > 1011 {
        return invalid("Parameter name is not valid: it has an empty sub-path, or is longer than 1011 characters.");
    }
    if name.matches('/').count() > 15 {
        return Err(Fault::new(
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels. You've exceeded this limit.",
        ));
    }
    Ok(())
}
