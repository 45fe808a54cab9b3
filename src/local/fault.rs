//! What a refused call answers: AWS's error code, HTTP status and a message that helps.

use super::disk::DiskError;

/// An error of an AWS API, in the service's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Fault {
    /// The code as it stands on the wire, e.g. `InvalidVpcID.NotFound` or `DBClusterNotFoundFault`.
    pub(crate) code: String,
    /// For a human: what was wrong with which value.
    pub(crate) message: String,
    /// The HTTP status; most AWS errors are 400.
    pub(crate) status: u16,
}

impl Fault {
    /// A refusal with HTTP status 400, as most of AWS's are.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// A failure that is not the caller's, under the code that the service has for it.
    pub(crate) fn internal(service: &str, message: impl Into<String>) -> Self {
        let code = match service {
            "lambda" => "ServiceException",
            _ => "InternalFailure",
        };
        Self::new(code, message).with_status(500)
    }

    /// What a call asked for was undone: the disk did not take it.
    pub(crate) fn unsaved(service: &str, error: &DiskError) -> Self {
        Self::internal(service, format!("Nothing was changed, for it could not be saved. {error}."))
    }

    /// The same refusal under another HTTP status (the RDS `…NotFoundFault`s are 404, for one).
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}
