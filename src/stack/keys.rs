//! Rules for the keys that a writer chooses: tags, environment variables, database parameters.

/// What the service is told by infra itself.
pub(crate) const RESERVED_ENV: &[&str] = &["DB_HOST", "DB_PORT", "DB_NAME", "DB_SECRET_ARN"];

/// Whether a key may stand in the map whose `x-keys` is `rule`, or what is wrong and what to do.
pub(super) fn check(rule: &str, key: &str) -> Result<(), (String, String)> {
    match rule {
        "infra-tag-key" => tag(key),
        "infra-env-name" => env(key),
        _ => parameter(key),
    }
}

fn tag(key: &str) -> Result<(), (String, String)> {
    let lower = key.to_lowercase();
    for (prefix, owner) in [("infra:", "infra, which finds a stack's resources by them"), ("aws:", "AWS")] {
        if lower.starts_with(prefix) {
            return Err((
                format!("the tag `{key}` cannot be set: tags that start with `{prefix}` belong to {owner}"),
                "choose a name with another beginning".to_owned(),
            ));
        }
    }
    let length = key.chars().count();
    if !(1..=128).contains(&length) {
        return Err((format!("a tag's name has 1 to 128 characters; this one has {length}"), "shorten it".to_owned()));
    }
    tag_text(key).map_err(|c| {
        (
            format!("a tag's name cannot contain `{c}`"),
            "letters, digits, spaces and _ . : / = + - @ are allowed".to_owned(),
        )
    })
}

/// The first character that AWS takes in no tag, neither in its name nor in its value.
pub(super) fn tag_text(text: &str) -> Result<(), char> {
    text.chars().find(|c| !(c.is_alphanumeric() || *c == ' ' || "_.:/=+-@".contains(*c))).map_or(Ok(()), Err)
}

fn env(key: &str) -> Result<(), (String, String)> {
    if RESERVED_ENV.contains(&key) {
        return Err((
            format!("`{key}` is set by infra, from the stack's own proxy, database and secret"),
            "delete it; the service gets DB_HOST, DB_PORT, DB_NAME and DB_SECRET_ARN by itself".to_owned(),
        ));
    }
    if key == "PORT" {
        return Err((
            "`PORT` cannot be set: App Runner sets it itself, to the port that the container is to listen on"
                .to_owned(),
            "delete it; that port is written as `service.port`".to_owned(),
        ));
    }
    if key.to_ascii_uppercase().starts_with("AWSAPPRUNNER") {
        let message = format!("`{key}` cannot be set: App Runner keeps names that start with AWSAPPRUNNER for itself");
        return Err((message, "choose a name with another beginning".to_owned()));
    }
    let letters = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if letters && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Ok(());
    }
    let message = format!("`{key}` cannot be the name of an environment variable");
    Err((message, "use letters, digits and '_', starting with a letter: DATABASE_POOL_SIZE".to_owned()))
}

fn parameter(key: &str) -> Result<(), (String, String)> {
    let letters = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b));
    if letters && key.starts_with(|c: char| c.is_ascii_lowercase()) && key.len() <= 255 {
        return Ok(());
    }
    let message = format!("`{key}` cannot be the name of a PostgreSQL parameter");
    Err((message, "parameters are written in lower case with '_', such as log_min_duration_statement".to_owned()))
}
