//! What to do about a refusal where its code alone tells it: credentials, the clock, and answers that are none of AWS's.

use std::time::{Duration, SystemTime};

use aws_smithy_types::{DateTime, date_time::Format};

use super::Class;

/// By how many seconds this machine's clock is ahead of what AWS's answer is dated; behind where negative.
pub(super) fn clock_ahead(date: Option<&str>, now: SystemTime) -> Option<i64> {
    let theirs = DateTime::from_str(date?, Format::HttpDate).ok()?;
    Some(DateTime::from(now).secs() - theirs.secs())
}

/// AWS takes no request that is signed for a time further off than this.
const SKEW: i64 = 5 * 60;

/// What to do where the code alone tells it: about credentials, the clock, and answers that are none of AWS's.
pub(super) fn remedy(class: Class, code: Option<&str>, ahead: Option<i64>) -> Option<String> {
    let Some(code) = code else {
        return Some(
            "What answered does not speak as AWS does: check the endpoint (`--endpoint-url`, AWS_ENDPOINT_URL) and the \
             proxy variables (HTTPS_PROXY, NO_PROXY)."
                .to_owned(),
        );
    };
    if class != Class::Unauthenticated {
        return None;
    }
    // Of whatever the signature is accused, a clock that is wrong explains it.
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > SKEW) {
        let minutes = Duration::from_secs(ahead.unsigned_abs()).as_secs() / 60;
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        return Some(format!(
            "The clock of this machine is {minutes} minutes {way} AWS's, and AWS takes no request that is signed more \
             than 5 minutes off. Set the clock (`timedatectl set-ntp true`) and run the same command again."
        ));
    }
    let remedy = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "The credentials have expired. Sign in again (`aws sso login`, or new keys) and run the same command again: \
             it goes on from where this one ended."
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "The secret key does not fit the access key: check AWS_SECRET_ACCESS_KEY, or the profile."
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "AuthFailure" => {
            "AWS does not know the access key: it was deleted or deactivated, or is of another partition. Check with \
             `aws sts get-caller-identity`."
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let date = Some("Thu, 01 Jan 1970 01:00:00 GMT");
        assert_eq!(clock_ahead(date, at(3600 + 1020)), Some(1020));
        assert_eq!(clock_ahead(None, at(0)), None);
        let told = |code, ahead| remedy(Class::Unauthenticated, Some(code), ahead).unwrap();
        assert!(told("SignatureDoesNotMatch", Some(1020)).contains("17 minutes ahead of AWS's"));
        assert!(told("RequestExpired", Some(-7200)).contains("120 minutes behind AWS's"));
        assert!(told("SignatureDoesNotMatch", Some(3)).contains("does not fit"));
        assert!(told("ExpiredToken", None).contains("expired"));
        assert!(remedy(Class::Other, None, None).unwrap().contains("--endpoint-url"));
        assert_eq!(remedy(Class::Busy, Some("DependencyViolation"), Some(9999)), None);
    }
}
