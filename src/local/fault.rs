//! What a refused call answers: AWS's error code, HTTP status and a message that helps.

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

    /// The same refusal under another HTTP status (the RDS `…NotFoundFault`s are 404, for one).
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}
