//! Why the migrations were not run again to compare with what they make.

use serde::{Serialize, Serializer};
use thiserror::Error;

/// Why nothing was replayed, as the rest of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreplayed {
    /// There is nothing to run.
    #[error("no migration is applied")]
    Nothing,
    /// The user did not want it.
    #[error("--no-replay was given")]
    Asked,
    /// A statement that what is in the database comes from would change more than the scratch database.
    #[error("the migrations reach beyond the database to make what is in it ({0})")]
    Beyond(String),
    /// No server lends a database for it.
    #[error("{0}")]
    NoScratch(String),
    /// They were run, and failed.
    #[error("the migrations do not run again in an empty database: {0}")]
    NotAgain(String),
}

impl Unreplayed {
    /// What it takes to be able to replay, where something can be done about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Unreplayed::Nothing | Unreplayed::Asked => None,
            Unreplayed::Beyond(_) => Some(
                "Nothing is run that reaches further than a scratch database. Write what is missing by hand: `infra migrate new NAME`.",
            ),
            Unreplayed::NoScratch(_) => Some(
                "Install PostgreSQL of the same version on this machine, or name a server that may be used for it with --scratch-url.",
            ),
            Unreplayed::NotAgain(_) => Some(
                "Every new environment begins with an empty database: see to it that they run in one. If it is something of the server \
                 that they lack (an extension, a role), name one that has it with --scratch-url. Or write what is missing by hand: \
                 `infra migrate new NAME`.",
            ),
        }
    }
}

impl Serialize for Unreplayed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
