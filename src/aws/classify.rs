//! What a refusal means, by its code and its words: the lists that the classes of errors are read off.

use super::error::Class;

const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "SlowDown",
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "TransactionInProgressException",
    "TooManyUpdates",
];

const NOT_YET: &[&str] = &[
    "cannot be assumed",
    // The first use in an account makes the role of the service, which takes a moment to be seen.
    "service linked role",
    "ServiceLinkedRole",
    "unable to assume",
    "Error in assuming",
    "assume the role",
    "trust policy",
    "role defined for the function",
    "execution role",
    "Invalid principal in policy",
    "does not have required permissions",
];

const BUSY_CODES: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ConcurrentModification",
    "ConcurrentModificationException",
    // A function that is being made or changed, or was idle for weeks.
    "ResourceConflictException",
    "ResourceNotReadyException",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidDBProxyStateFault",
    "InvalidDBSubnetGroupStateFault",
    "InvalidDBParameterGroupState",
    "InvalidResourceStateFault",
    "InvalidStateException",
    "ResourceInUse",
    "IncorrectState",
    "IncorrectInstanceState",
    "SubnetAlreadyInUse",
];

const BUSY_TEXTS: &[&str] = &[
    "has dependencies",
    "is in use",
    "being used by",
    "used by one or more services",
    "concurrent update operation",
    "currently in the following state: Pending",
    "OPERATION_IN_PROGRESS",
    "scheduled for deletion",
];

/// What says "already exists" of something else than the name that was asked for.
const NOT_THE_NAME: &[&str] = &["security groups combination"];

const UNAUTHENTICATED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
];

const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "UnauthorizedException"];

/// Sorts a refusal by its code first, then by what tools that run against AWS every day learned of its text.
pub(super) fn classify(code: &str, message: &str, status: u16) -> Class {
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if THROTTLED.contains(&code) || message.contains("Rate exceeded") || status == 429 {
        Class::Throttled
    } else if UNAUTHENTICATED.contains(&code) {
        Class::Unauthenticated
    } else if DENIED.contains(&code) {
        Class::Denied
    } else if code.contains("NotFound") || code.contains("NoSuch") || code == "ParameterNotFound" {
        Class::NotFound
    } else if code.contains("AlreadyExist")
        || code.ends_with(".Duplicate")
        || matches!(
            code,
            "ResourceExistsException" | "RouteAlreadyExists" | "EntityAlreadyExists" | "ParameterAlreadyExists"
        )
        || (message.contains("already exists") && !says(NOT_THE_NAME))
        || message.contains("Function already exist")
        || code == "Resource.AlreadyAssociated"
    {
        Class::AlreadyExists
    } else if says(NOT_YET) {
        Class::NotYet
    } else if BUSY_CODES.contains(&code) || says(BUSY_TEXTS) {
        Class::Busy
    } else if status >= 500 {
        // An internal error may come after the deed.
        Class::Ambiguous
    } else {
        Class::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sorted() {
        let cases = [
            ("Throttling", "Rate exceeded", 400, Class::Throttled),
            ("TooManyUpdates", "There are concurrent updates for a resource.", 400, Class::Throttled),
            ("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", 400, Class::NotFound),
            ("NoSuchEntity", "The role with name x cannot be found.", 404, Class::NotFound),
            ("DBClusterAlreadyExistsFault", "DB cluster already exists", 400, Class::AlreadyExists),
            ("InvalidPermission.Duplicate", "the specified rule already exists", 400, Class::AlreadyExists),
            ("DependencyViolation", "The subnet has dependencies and cannot be deleted.", 400, Class::Busy),
            ("InvalidRequestException", "Error in assuming access role arn:aws:iam::1:role/x", 400, Class::NotYet),
            ("InvalidStateException", "Service is in OPERATION_IN_PROGRESS", 400, Class::Busy),
            ("InvalidRequestException", "Provided VPC connector arn is being used by other services", 400, Class::Busy),
            ("InvalidRequestException", "It's used by one or more services", 400, Class::Busy),
            ("InvalidParameterValue", "The subnet cannot be deleted because it is in use", 400, Class::Busy),
            (
                "InvalidRequestException",
                "The security groups combination provided in the request already exists on existing vpc connector",
                400,
                Class::Other,
            ),
            ("ResourceConflictException", "Function already exist: shop-migrations", 409, Class::AlreadyExists),
            ("ResourceConflictException", "An update is in progress for resource: arn", 409, Class::Busy),
            (
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
                400,
                Class::NotYet,
            ),
            ("UnauthorizedOperation", "You are not authorized to perform this operation.", 403, Class::Denied),
            ("ExpiredToken", "The security token included in the request is expired", 403, Class::Unauthenticated),
            ("InternalFailure", "", 500, Class::Ambiguous),
            ("InvalidParameterValue", "Invalid master password", 400, Class::Other),
        ];
        for (code, message, status, expected) in cases {
            assert_eq!(classify(code, message, status), expected, "{code}: {message}");
        }
    }
}
