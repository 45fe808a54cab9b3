//! Names of KMS keys. The local cloud has no KMS and encrypts nothing with a key, so that it cannot know which keys there are;
//! what cannot be the name of a key at all is refused, by each service in its own words.

/// Whether this can be the name of a key: an alias of AWS's own (`alias/aws/rds`), a key's id, its ARN, or an alias' ARN.
/// An alias of one's own without an ARN is not: it would have to be in this account, where nobody can have made it.
pub(crate) fn is_key(name: &str) -> bool {
    is_id(name) || name.strip_prefix("alias/aws/").is_some_and(is_alias) || is_key_arn(name)
}

/// Whether this can be the ARN of a key or of an alias.
pub(crate) fn is_key_arn(name: &str) -> bool {
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", partition, "kms", region, account, resource] = parts[..] else { return false };
    let of_a_key = resource.strip_prefix("key/").is_some_and(is_id);
    let of_an_alias = resource.strip_prefix("alias/").is_some_and(is_alias);
    ["aws", "aws-cn", "aws-us-gov"].contains(&partition)
        && super::dispatch::is_region(region)
        && account.len() == 12
        && account.bytes().all(|digit| digit.is_ascii_digit())
        && (of_a_key || of_an_alias)
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
fn is_id(text: &str) -> bool {
    let is_hexadecimal = |part: &str| part.bytes().all(|digit: u8| digit.is_ascii_hexdigit());
    let of_lengths = |lengths: &[usize]| {
        let parts: Vec<&str> = text.split('-').collect();
        parts.len() == lengths.len()
            && parts.iter().zip(lengths).all(|(part, length)| part.len() == *length && is_hexadecimal(part))
    };
    match text.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && is_hexadecimal(digits),
        None => of_lengths(&[8, 4, 4, 4, 12]),
    }
}

fn is_alias(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_-".contains(letter);
    !name.is_empty() && name.len() <= 250 && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_key_is_one() {
        const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = |resource: &str| format!("arn:aws:kms:eu-central-1:111122223333:{resource}");
        for (name, possible) in [
            (ID.to_owned(), true),
            (format!("mrk-{}", "0123456789abcdef".repeat(2)), true),
            ("alias/aws/rds".to_owned(), true),
            (arn(&format!("key/{ID}")), true),
            (arn("alias/shop"), true),
            ("alias/shop".to_owned(), false),
            ("alias/aws/".to_owned(), false),
            ("mrk-1".to_owned(), false),
            ("nonsense".to_owned(), false),
            (format!("{ID}0"), false),
            (arn("key/1"), false),
            (arn("alias/"), false),
            (format!("arn:aws:kms:eu-central-1:1:key/{ID}"), false),
            (format!("arn:aws:rds:eu-central-1:111122223333:key/{ID}"), false),
            (format!("arn:aws:kms::111122223333:key/{ID}"), false),
        ] {
            assert_eq!(is_key(&name), possible, "{name}");
        }
        assert!(!is_key_arn(ID));
    }
}
