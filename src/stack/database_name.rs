//! What the database is made of, in PostgreSQL's and RDS's terms: names, versions, the backup window.

use super::name::text;
use super::scalar::{Scalar, Wrong, scalar, wrong};

scalar!(DatabaseName, UserName, SqlName, EngineVersion, BackupWindow);

text! {
    /// The name of a PostgreSQL database: 1–63 of a–z, A–Z, 0–9 and '_', starting with a letter (RDS's rule for `DatabaseName`).
    DatabaseName
}

impl DatabaseName {
    /// The default.
    pub(super) fn app() -> Self {
        Self("app".to_owned())
    }
}

impl Scalar for DatabaseName {
    const FORMAT: &'static str = "infra-database-name";
    const EXAMPLES: &'static [&'static str] = &["app"];
    const PATTERN: &'static str = "^[A-Za-z][A-Za-z0-9_]{0,62}$";

    fn read(text: &str) -> Result<Self, Wrong> {
        if !is_word(text, 63) {
            return Err(wrong(
                format!("`{text}` cannot be a database's name"),
                "RDS takes 1 to 63 letters, digits and '_', starting with a letter",
            ));
        }
        let lower = text.to_ascii_lowercase();
        if matches!(lower.as_str(), "rdsadmin" | "template0" | "template1") {
            return Err(wrong(
                format!("`{text}` is a database that Aurora makes for itself"),
                "choose another name, such as `app`",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// The master user of the database: 1–63 letters, digits and '_', starting with a letter, not a name reserved by Aurora or PostgreSQL.
    UserName
}

impl UserName {
    /// The default.
    pub(super) fn app() -> Self {
        Self("app".to_owned())
    }
}

impl Scalar for UserName {
    const FORMAT: &'static str = "infra-user-name";
    const EXAMPLES: &'static [&'static str] = &["app"];
    const PATTERN: &'static str = "^[A-Za-z][A-Za-z0-9_]{0,62}$";

    fn read(text: &str) -> Result<Self, Wrong> {
        if !is_word(text, 63) {
            return Err(wrong(
                format!("`{text}` cannot be the master user's name"),
                "RDS takes 1 to 63 letters, digits and '_', starting with a letter",
            ));
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("pg_") || lower.starts_with("rds_") || RESERVED_USERS.contains(&lower.as_str()) {
            return Err(wrong(
                format!("`{text}` is reserved by Aurora PostgreSQL and cannot be the master user's name"),
                "choose another, such as `app`",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// Names that CreateDBCluster refuses as a master user: Aurora's own, and words that PostgreSQL reserves for roles.
const RESERVED_USERS: &[&str] = &[
    "admin",
    "aurora",
    "aws",
    "azure",
    "current_role",
    "current_user",
    "none",
    "public",
    "rdsadmin",
    "rdsproxyadmin",
    "rdsrepladmin",
    "replication",
    "session_user",
    "user",
];

text! {
    /// The name of a PostgreSQL schema or table: 1–63 bytes without control characters; quoted where it is used, so any other will do.
    SqlName
}

impl SqlName {
    /// The schema that Drizzle uses unless it is told another.
    pub(super) fn drizzle_schema() -> Self {
        Self("drizzle".to_owned())
    }

    /// The table that Drizzle uses unless it is told another.
    pub(super) fn drizzle_table() -> Self {
        Self("__drizzle_migrations".to_owned())
    }
}

impl Scalar for SqlName {
    const FORMAT: &'static str = "infra-sql-name";
    const EXAMPLES: &'static [&'static str] = &["drizzle"];
    const PATTERN: &'static str = r#"^[^"\u0000-\u001f]{1,63}$"#;

    fn read(text: &str) -> Result<Self, Wrong> {
        if (1..=63).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c == '"') {
            return Ok(Self(text.to_owned()));
        }
        Err(wrong(
            format!("`{text}` cannot be a name in PostgreSQL"),
            "1 to 63 bytes, without double quotes and control characters",
        ))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// A version of Aurora PostgreSQL: `15`, the newest 15.x that AWS offers, or an exact one, `15.10`.
    EngineVersion
}

impl EngineVersion {
    /// The newest version of PostgreSQL 15.
    #[must_use]
    pub fn newest() -> Self {
        Self("15".to_owned())
    }

    /// The minor version if one was asked for: 10 for "15.10".
    #[must_use]
    pub fn minor(&self) -> Option<u16> {
        self.0.split_once('.').and_then(|(_, minor)| minor.parse().ok())
    }
}

impl Scalar for EngineVersion {
    const FORMAT: &'static str = "infra-engine-version";
    const EXAMPLES: &'static [&'static str] = &["15", "15.10"];
    const PATTERN: &'static str = r"^15(\.[1-9][0-9]?)?$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let (major, minor) = text.split_once('.').map_or((text, None), |(major, minor)| (major, Some(minor)));
        let whole = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !whole(major) || minor.is_some_and(|minor| !whole(minor) || minor.starts_with('0')) {
            return Err(wrong(
                format!("`{text}` is not a version of PostgreSQL"),
                "write \"15\" for the newest 15.x, or an exact one: \"15.10\"",
            ));
        }
        if major != "15" {
            return Err(wrong(
                format!("PostgreSQL {major} is not supported, only 15"),
                "write \"15\" for the newest 15.x, or an exact one: \"15.10\"",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// A daily window in UTC, `hh:mm-hh:mm`, of at least 30 minutes.
    BackupWindow
}

impl Scalar for BackupWindow {
    const FORMAT: &'static str = "infra-backup-window";
    const EXAMPLES: &'static [&'static str] = &["02:00-02:30"];
    const PATTERN: &'static str = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$";

    fn read(text: &str) -> Result<Self, Wrong> {
        const FORM: &str = "write start and end in UTC, as in `02:00-02:30`";
        let minutes = |part: &str| {
            let (hours, minutes) = part.split_once(':')?;
            let two = |digits: &str| {
                (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse::<u16>().ok())
            };
            let (hours, minutes) = (two(hours)??, two(minutes)??);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let both = text.split_once('-').and_then(|(start, end)| Some((minutes(start)?, minutes(end)?)));
        let Some((start, end)) = both else { return Err(wrong(format!("`{text}` is not a backup window"), FORM)) };
        let length = (end + 1440 - start) % 1440;
        if length < 30 {
            return Err(wrong(format!("the backup window `{text}` has {length} minutes; RDS wants at least 30"), FORM));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// Letters, digits and '_', starting with a letter, of at most `longest` bytes.
fn is_word(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
