//! What happens during an execution, as it happens. Progress bars, plain lines and JSON all read the same events.

use std::time::Duration;

use serde::Serialize;

use super::{Address, plan::Action};
use crate::aws::Error;

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work on a resource begins.
    Started {
        /// Which resource.
        address: Address,
        /// What is done with it.
        action: Action,
        /// How long this usually takes in AWS, in seconds.
        #[serde(serialize_with = "seconds")]
        usual: Duration,
    },
    /// What the work waits for now, in a few words.
    Waiting {
        /// Which resource.
        address: Address,
        /// E.g. `creating`, or why a call is made again.
        reason: String,
    },
    /// Something worth telling that is neither progress nor failure.
    Note {
        /// Which resource.
        address: Address,
        /// A sentence.
        text: String,
    },
    /// The work is done.
    Done {
        /// Which resource.
        address: Address,
        /// What was done with it.
        action: Action,
        /// How long it took, in seconds.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// The work failed; what depends on it is skipped.
    Failed {
        /// Which resource.
        address: Address,
        /// What was tried.
        action: Action,
        /// What AWS said.
        #[serde(serialize_with = "text")]
        error: Box<Error>,
    },
    /// Not tried, because something that it needs failed, or because of an interruption.
    Skipped {
        /// Which resource.
        address: Address,
        /// What would have been done.
        action: Action,
        /// Why not.
        reason: String,
    },
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn text<S: serde::Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// Where events go.
pub type Sink = tokio::sync::mpsc::UnboundedSender<Event>;
