//! What lies outside the stack and is named by it: secrets, images, AWS services.

use super::name::{AccountId, Region, text};
use super::scalar::{Scalar, Wrong, scalar, wrong};

scalar!(SecretName, SecretReference, Image, EndpointService);

text! {
    /// The name of a secret: 1–512 of letters, digits and `/_+=.@-`.
    SecretName
}

impl Scalar for SecretName {
    const FORMAT: &'static str = "infra-secret-name";
    const EXAMPLES: &'static [&'static str] = &["shop/database"];
    const PATTERN: &'static str = "^[A-Za-z0-9/_+=.@-]{1,512}$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
        if !(1..=512).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(wrong(
                format!("`{text}` cannot be a secret's name"),
                "1 to 512 letters, digits and the characters /_+=.@-",
            ));
        }
        // Secrets Manager cannot tell such a name from a partial ARN, which ends so.
        let suffix = text.rsplit_once('-').map(|(_, suffix)| suffix);
        if suffix.is_some_and(|suffix| suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err(wrong(
                format!(
                    "`{text}` ends with '-' and six characters, which Secrets Manager mistakes for the end of an ARN"
                ),
                "choose another name",
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

    fn read(text: &str) -> Result<Self, Wrong> {
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
        let forms = "write its ARN (`arn:aws:secretsmanager:…:secret:…` or `arn:aws:ssm:…:parameter/…`) or the name of a secret in the \
                     Secrets Manager, never the secret itself";
        Err(wrong("this is not the address of a secret", forms))
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

    /// Whether another push may come under this address: a digest names one image, a tag is taken to be given once, but not
    /// `latest`, which stands for every image without one.
    #[must_use]
    pub fn is_of_the_last_push(&self) -> bool {
        let repository = self.0.rsplit('/').next().unwrap_or_default();
        !repository.contains('@') && repository.split_once(':').is_none_or(|(_, tag)| tag == "latest")
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

    fn read(text: &str) -> Result<Self, Wrong> {
        const FORMS: &str = "`<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>` or `public.ecr.aws/<alias>/<repository>:<tag>`";
        let image = Self(text.to_owned());
        let host = text.split('/').next().unwrap_or_default();
        let in_ecr = image
            .private()
            .is_some_and(|(account, region)| AccountId::read(account).is_ok() && Region::read(region).is_ok());
        if !in_ecr && host != "public.ecr.aws" {
            let name = text.rsplit('/').next().unwrap_or(text);
            return Err(wrong(
                format!("`{text}` is not in ECR, the only registry App Runner pulls from"),
                mirror(text, name, FORMS),
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
            return Err(wrong(format!("`{text}` is not an image's address"), format!("write {FORMS}")));
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

    fn read(text: &str) -> Result<Self, Wrong> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        if text.starts_with("com.amazonaws.") {
            let short = text.splitn(4, '.').nth(3).unwrap_or("secretsmanager");
            return Err(wrong(
                format!("`{text}` is the full name of an endpoint service"),
                format!("write its last part, `{short}`"),
            ));
        }
        if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(allowed) && text.len() <= 64 {
            return Ok(Self(text.to_owned()));
        }
        Err(wrong(
            format!("`{text}` is not an AWS service"),
            "write the last part of the endpoint service's name, as in `secretsmanager` or `s3`",
        ))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// How an image gets into ECR, and what it is called then.
fn mirror(image: &str, name: &str, forms: &str) -> String {
    const REGISTRY: &str = "<account>.dkr.ecr.<region>.amazonaws.com";
    format!(
        "write {forms}\nto bring it there:\n  docker pull {image}\n  docker tag {image} {REGISTRY}/{name}\n  docker push {REGISTRY}/{name}"
    )
}
