//! What the kinds of App Runner share: what to do where an account may not make anything in it.

use crate::aws::{Class, Error};

/// App Runner is closed to accounts that did not use it before; they should hear that, and where to go, with whatever of it
/// is refused first.
pub(super) fn refused(error: impl Into<Error>) -> Error {
    let error = error.into();
    let closed = ["OptInRequired", "SubscriptionRequiredException"].iter().any(|code| error.is(code));
    if error.class != Class::Denied && !closed {
        return error;
    }
    let role = if error.action == "CreateService" { " (and iam:PassRole for the service's roles)" } else { "" };
    let advice = format!(
        "Either the credentials lack apprunner:{}{role}, or this account never used App Runner, which takes no new customers \
         since 2026-04-30; Amazon ECS Express Mode is AWS's alternative.",
        error.action
    );
    error.advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_closed_out_is_told_so() {
        for (action, code) in [
            ("CreateService", "AccessDeniedException"),
            ("CreateVpcConnector", "SubscriptionRequiredException"),
            ("CreateAutoScalingConfiguration", "OptInRequired"),
        ] {
            let advice = refused(Error::refusal(action, code, "No.")).advice.expect("advice");
            assert!(
                advice.contains(&format!("lack apprunner:{action}")) && advice.contains("no new customers"),
                "{advice}"
            );
            assert_eq!(advice.contains("iam:PassRole"), action == "CreateService");
        }
        let full = Error::refusal("CreateService", "ServiceQuotaExceededException", "Too many.");
        assert_eq!(refused(full.clone()), full);
    }
}
