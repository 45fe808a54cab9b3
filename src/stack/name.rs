//! Names with rules of their own: the stack's, the database's, its user's, and those of AWS accounts, regions and images.

use super::scalar::{Scalar, scalar};

scalar!(
    StackName,
    AccountId,
    Region,
    DatabaseName,
    UserName,
    SqlName,
    EngineVersion,
    BackupWindow,
    SecretName,
    SecretReference,
    Image,
    EndpointService
);

/// Declares a scalar that is its own text, with the documentation of its rule.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text! {
    /// The name of a stack: 2–20 of a–z, 0–9 and '-', starting with a letter, ending with a letter or digit.
    /// Every AWS name of the stack starts with it.
    StackName
}

impl Scalar for StackName {
    const FORMAT: &'static str = "infra-stack-name";
    const EXAMPLES: &'static [&'static str] = &["shop", "shop-production"];
    const PATTERN: &'static str = "^[a-z](-?[a-z0-9])+$";

    fn read(text: &str) -> Result<Self, String> {
        let rule = "a stack's name has 2 to 20 of a–z, 0–9 and '-', starts with a letter, and has no '-' at the end or twice in a row";
        let characters = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && !text.contains("--");
        if characters && ends && (2..=20).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        let mut better: String = text.to_lowercase().replace(['_', ' ', '.'], "-");
        better.retain(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        while better.contains("--") {
            better = better.replace("--", "-");
        }
        better.truncate(20);
        let better = better.trim_matches('-');
        if better != text && Self::read_exact(better) {
            return Err(format!("`{text}` cannot be a stack's name: {rule}; `{better}` would do"));
        }
        Err(format!("`{text}` cannot be a stack's name: {rule}"))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

impl StackName {
    fn read_exact(text: &str) -> bool {
        (2..=20).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_lowercase())
    }
}

text! {
    /// An AWS account: 12 digits.
    AccountId
}

impl Scalar for AccountId {
    const FORMAT: &'static str = "infra-account";
    const EXAMPLES: &'static [&'static str] = &["012345678901"];
    const PATTERN: &'static str = "^[0-9]{12}$";

    fn read(text: &str) -> Result<Self, String> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is not an AWS account: an account is 12 digits, in quotes: \"012345678901\""))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// An AWS region, `eu-central-1`.
    Region
}

impl Scalar for Region {
    const FORMAT: &'static str = "infra-region";
    const EXAMPLES: &'static [&'static str] = &["eu-central-1", "us-east-1"];
    const PATTERN: &'static str = "^[a-z]{2,}(-[a-z]+)+-[0-9]+$";

    fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('-').collect();
        let words = parts.len() >= 3
            && parts.iter().rev().skip(1).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()));
        let number = parts.last().is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        if words && number {
            return Ok(Self(text.to_owned()));
        }
        if let Some(region) = text.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|r| Self::read(r).is_ok()) {
            return Err(format!("`{text}` is a zone, not a region; its region is `{region}`"));
        }
        Err(format!("`{text}` is not an AWS region: regions look like `eu-central-1`"))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

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

    fn read(text: &str) -> Result<Self, String> {
        if !is_word(text, 63) {
            return Err(format!(
                "`{text}` cannot be a database's name: RDS takes 1 to 63 letters, digits and '_', starting with a letter"
            ));
        }
        let lower = text.to_ascii_lowercase();
        if matches!(lower.as_str(), "rdsadmin" | "template0" | "template1") {
            return Err(format!(
                "`{text}` is a database that Aurora makes for itself: choose another name, such as `app`"
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

    fn read(text: &str) -> Result<Self, String> {
        if !is_word(text, 63) {
            return Err(format!(
                "`{text}` cannot be the master user's name: RDS takes 1 to 63 letters, digits and '_', starting with a letter"
            ));
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("pg_") || lower.starts_with("rds_") || RESERVED_USERS.contains(&lower.as_str()) {
            return Err(format!(
                "`{text}` is reserved by Aurora PostgreSQL and cannot be the master user's name: choose another, such as `app`"
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

    fn read(text: &str) -> Result<Self, String> {
        if (1..=63).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c == '"') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{text}` cannot be a name in PostgreSQL: 1 to 63 bytes, without double quotes and control characters"
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

    fn read(text: &str) -> Result<Self, String> {
        let (major, minor) = text.split_once('.').map_or((text, None), |(major, minor)| (major, Some(minor)));
        let whole = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !whole(major) || minor.is_some_and(|minor| !whole(minor) || minor.starts_with('0')) {
            return Err(format!(
                "`{text}` is not a version of PostgreSQL: write \"15\" for the newest 15.x, or an exact one: \"15.10\""
            ));
        }
        if major != "15" {
            return Err(format!(
                "PostgreSQL {major} is not supported, only 15: write \"15\" for the newest 15.x, or an exact one: \"15.10\""
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

    fn read(text: &str) -> Result<Self, String> {
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
        let Some((start, end)) = both else { return Err(format!("`{text}` is not a backup window: {FORM}")) };
        let length = (end + 1440 - start) % 1440;
        if length < 30 {
            return Err(format!("the backup window `{text}` has {length} minutes; RDS wants at least 30: {FORM}"));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// The name of a secret: 1–512 of letters, digits and `/_+=.@-`.
    SecretName
}

impl Scalar for SecretName {
    const FORMAT: &'static str = "infra-secret-name";
    const EXAMPLES: &'static [&'static str] = &["shop/database"];
    const PATTERN: &'static str = "^[A-Za-z0-9/_+=.@-]{1,512}$";

    fn read(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
        if !(1..=512).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(format!(
                "`{text}` cannot be a secret's name: 1 to 512 letters, digits and the characters /_+=.@-"
            ));
        }
        // Secrets Manager cannot tell such a name from a partial ARN, which ends so.
        let suffix = text.rsplit_once('-').map(|(_, suffix)| suffix);
        if suffix.is_some_and(|suffix| suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err(format!(
                "`{text}` ends with '-' and six characters, which Secrets Manager mistakes for the end of an ARN: choose another name"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// Where a service's secret comes from: the ARN of a secret or of an SSM parameter, or the name of a secret in the stack's region.
    SecretReference
}

impl SecretReference {
    /// Whether it is a whole ARN; else it is a name, to be looked up.
    #[must_use]
    pub fn is_arn(&self) -> bool {
        self.0.starts_with("arn:")
    }

    /// The AWS service that keeps it: `secretsmanager` or `ssm`.
    #[must_use]
    pub fn keeper(&self) -> &str {
        self.0.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(1)).unwrap_or("secretsmanager")
    }
}

impl Scalar for SecretReference {
    const FORMAT: &'static str = "infra-secret-reference";
    const EXAMPLES: &'static [&'static str] =
        &["shop/stripe-key", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/stripe-key-AbCdEf"];
    const PATTERN: &'static str = "^(arn:aws[a-z-]*:(secretsmanager|ssm):.+|[A-Za-z0-9/_+=.@-]{1,512})$";

    fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let resource = match parts.as_slice() {
            ["arn", partition, keeper, region, account, rest @ ..]
                if partition.starts_with("aws") && Region::read(region).is_ok() && AccountId::read(account).is_ok() =>
            {
                Some((*keeper, rest))
            }
            _ => None,
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
        let valid = match resource {
            Some(("secretsmanager", ["secret", name, ..])) => !name.is_empty(),
            Some(("ssm", [parameter])) => parameter.starts_with("parameter/"),
            Some(_) => false,
            None => (1..=512).contains(&text.len()) && text.bytes().all(allowed),
        };
        if valid {
            return Ok(Self(text.to_owned()));
        }
        // What was written may be the secret itself, put here by mistake: it is not repeated.
        Err("this is not the address of a secret: write its ARN (arn:aws:secretsmanager:…:secret:… or arn:aws:ssm:…:parameter/…) or the \
             name of a secret in the Secrets Manager, never the secret itself"
            .to_owned())
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// A container image in ECR, private (`<account>.dkr.ecr.<region>.amazonaws.com/name:tag`) or public (`public.ecr.aws/…`).
    Image
}

impl Image {
    /// Account and region where the image lies in a private ECR; its use needs an access role.
    #[must_use]
    pub fn private(&self) -> Option<(&str, &str)> {
        let (host, _) = self.0.split_once('/')?;
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
        Some((account, region))
    }

    /// The repository in a private ECR, without registry, tag and digest: `shop/web`.
    #[must_use]
    pub fn repository(&self) -> &str {
        let path = self.0.split_once('/').map_or("", |(_, path)| path);
        let path = path.split_once('@').map_or(path, |(path, _)| path);
        path.split_once(':').map_or(path, |(path, _)| path)
    }
}

impl Scalar for Image {
    const FORMAT: &'static str = "infra-image";
    const EXAMPLES: &'static [&'static str] = &[
        "public.ecr.aws/aws-containers/hello-app-runner:latest",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1.4.2",
    ];
    const PATTERN: &'static str = r"^(public\.ecr\.aws|[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?)/.+$";

    fn read(text: &str) -> Result<Self, String> {
        const FORMS: &str = "`<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>` or `public.ecr.aws/<alias>/<repository>:<tag>`";
        let image = Self(text.to_owned());
        let host = text.split('/').next().unwrap_or_default();
        let in_ecr = image
            .private()
            .is_some_and(|(account, region)| AccountId::read(account).is_ok() && Region::read(region).is_ok());
        if !in_ecr && host != "public.ecr.aws" {
            let name = text.rsplit('/').next().unwrap_or(text);
            return Err(format!(
                "`{text}` is not in ECR, the only registry App Runner pulls from: use {FORMS}; to mirror it: \
                 `docker pull {text} && docker tag {text} <account>.dkr.ecr.<region>.amazonaws.com/{name} && docker push \
                 <account>.dkr.ecr.<region>.amazonaws.com/{name}`"
            ));
        }
        let repository = image.repository();
        let path = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b);
        let segments = repository.split('/').all(|s| s.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let rest = &text[host.len() + 1 + repository.len()..];
        let rest_is_valid = match rest.split_at_checked(1) {
            None => true,
            Some((":", tag)) => {
                (1..=128).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            }
            Some((_, digest)) => digest
                .strip_prefix("sha256:")
                .is_some_and(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit())),
        };
        if !segments || !repository.bytes().all(path) || !rest_is_valid {
            return Err(format!("`{text}` is not an image's address: write {FORMS}"));
        }
        Ok(image)
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// The AWS service of a VPC endpoint, by the last part of its name: `secretsmanager`, `ecr.api`; `s3` and `dynamodb` become gateways.
    EndpointService
}

impl EndpointService {
    /// Whether the endpoint is a gateway in the route tables (free) instead of interfaces in the subnets.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        matches!(self.as_str(), "s3" | "dynamodb")
    }
}

impl Scalar for EndpointService {
    const FORMAT: &'static str = "infra-endpoint-service";
    const EXAMPLES: &'static [&'static str] = &["secretsmanager", "s3"];
    const PATTERN: &'static str = "^[a-z][a-z0-9.-]*$";

    fn read(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        if text.starts_with("com.amazonaws.") {
            let short = text.splitn(4, '.').nth(3).unwrap_or("secretsmanager");
            return Err(format!(
                "`{text}` is the full name of an endpoint service; its last part is wanted here: `{short}`"
            ));
        }
        if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(allowed) && text.len() <= 64 {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{text}` is not an AWS service: write the last part of the endpoint service's name, as in `secretsmanager` or `s3`"
        ))
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
