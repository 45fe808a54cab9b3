//! Names that a stack goes by: its own, its account's and its region's, and that of a policy of the account.

use super::scalar::{Scalar, Wrong, scalar, wrong};

scalar!(StackName, AccountId, PolicyArn, KmsKeyArn, Region);

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
pub(super) use text;

text! {
    /// The name of a stack: 2–20 of a–z, 0–9 and '-', starting with a letter, ending with a letter or digit.
    /// Every AWS name of the stack starts with it.
    StackName
}

impl Scalar for StackName {
    const FORMAT: &'static str = "infra-stack-name";
    const EXAMPLES: &'static [&'static str] = &["shop", "shop-production"];
    const PATTERN: &'static str = "^[a-z](-?[a-z0-9])+$";

    fn read(text: &str) -> Result<Self, Wrong> {
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
            return Err(wrong(format!("`{text}` cannot be a stack's name"), format!("{rule}; `{better}` would do")));
        }
        Err(wrong(format!("`{text}` cannot be a stack's name"), rule))
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

    fn read(text: &str) -> Result<Self, Wrong> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(wrong(format!("`{text}` is not an AWS account"), "write its 12 digits in quotes, as in \"012345678901\""))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// Region and account of an ARN of a service; none where it is none, or names nothing of this kind in letters, digits and `also`.
fn arn<'t>(text: &'t str, service: &str, kind: &str, also: &str) -> Option<(&'t str, &'t str)> {
    let ["arn", partition, of, region, account, name] = text.split(':').collect::<Vec<_>>()[..] else { return None };
    let name = name.strip_prefix(kind)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    let is_one = partition.starts_with("aws") && of == service && !name.is_empty() && name.chars().all(allowed);
    is_one.then_some((region, account))
}

text! {
    /// A managed policy of IAM, by ARN: the account's own or one of AWS's.
    PolicyArn
}

impl Scalar for PolicyArn {
    const FORMAT: &'static str = "infra-policy-arn";
    const EXAMPLES: &'static [&'static str] = &["arn:aws:iam::012345678901:policy/boundary"];
    const PATTERN: &'static str = "^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$";

    fn read(text: &str) -> Result<Self, Wrong> {
        match arn(text, "iam", "policy/", "+=,.@_/-") {
            Some(("", account)) if account == "aws" || AccountId::read(account).is_ok() => Ok(Self(text.to_owned())),
            _ => Err(wrong(
                format!("`{text}` is not the ARN of an IAM policy"),
                "write it as `arn:aws:iam::<account>:policy/<name>`",
            )),
        }
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

text! {
    /// A key of KMS, by ARN. An alias is none: AWS answers with the key behind it.
    KmsKeyArn
}

impl KmsKeyArn {
    /// The region that the key is in.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl Scalar for KmsKeyArn {
    const FORMAT: &'static str = "infra-kms-key-arn";
    const EXAMPLES: &'static [&'static str] =
        &["arn:aws:kms:eu-central-1:012345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab"];
    const PATTERN: &'static str = "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$";

    fn read(text: &str) -> Result<Self, Wrong> {
        match arn(text, "kms", "key/", "-") {
            Some((region, account)) if Region::read(region).is_ok() && AccountId::read(account).is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(wrong(
                format!("`{text}` is not the ARN of a KMS key"),
                "write it as `arn:aws:kms:<region>:<account>:key/<id>`, as `aws kms describe-key` shows it",
            )),
        }
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

    fn read(text: &str) -> Result<Self, Wrong> {
        let parts: Vec<&str> = text.split('-').collect();
        let words = parts.len() >= 3
            && parts.iter().rev().skip(1).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()));
        let number = parts.last().is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        if words && number {
            return Ok(Self(text.to_owned()));
        }
        if let Some(region) = text.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|r| Self::read(r).is_ok()) {
            return Err(wrong(format!("`{text}` is a zone, not a region"), format!("write its region, `{region}`")));
        }
        Err(wrong(format!("`{text}` is not an AWS region"), "regions look like `eu-central-1`"))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}
