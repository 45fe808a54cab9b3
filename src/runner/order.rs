//! What the function is asked and what it answers. An order says what is to be done and not where: see [`super::bound`].

use std::{io::Read as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    aws::{Class, Error},
    migrate::{Folder, Ledger, ledger::Contents},
};

/// The largest payload that Lambda takes and gives back, in bytes.
const LARGEST: usize = 6 << 20;
/// More than any folder of migrations: what a few bytes unpack to is not to fill the function's memory.
const LARGEST_UNPACKED: u64 = 64 << 20;
/// The version of orders and answers; another one where the members of either, or what they mean, are changed.
const VERSION: u32 = 2;

/// What the function is asked to do. What it does not know it refuses, so that nothing is thought to be heeded that is not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What is to be done.
    pub work: Work,
    /// Where the ledger is.
    pub ledger: Ledger,
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Work {
    /// Read the ledger.
    Look,
    /// Apply what is pending.
    Apply {
        /// The migrations.
        folder: Folder,
        /// How long a statement waits for a lock.
        lock_timeout: Duration,
        /// How long a statement may run.
        statement_timeout: Option<Duration>,
        /// All that is pending in one transaction.
        together: bool,
        /// The command that applies them alone, for reports.
        command: String,
    },
}

/// What the function answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// What was told on the way, in order.
    pub told: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an order ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Outcome {
    /// The ledger was read.
    Ledger(Contents),
    /// There is no secret (yet), and so no database.
    NoSecret,
    /// The ledger cannot be read: why.
    Unknown(String),
    /// All was applied.
    Applied,
    /// It was not.
    Failed {
        /// What that means for what happens next.
        class: Class,
        /// The report, as it is shown.
        message: String,
        /// What to do.
        advice: Option<String>,
    },
}

impl From<Error> for Outcome {
    fn from(Error { class, message, advice, .. }: Error) -> Self {
        Self::Failed { class, message, advice }
    }
}

/// How orders and answers are wrapped: Lambda wants JSON, and takes 6 MB of it.
#[derive(Serialize, Deserialize)]
struct Envelope {
    /// Read before anything else. The first version told none.
    #[serde(default)]
    version: u32,
    gzip: String,
}

/// Why something cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Lambda would not take it.
    #[error("it is {} MB large when it is compressed, and Lambda takes 6 MB", .0.div_ceil(1 << 20))]
    TooLarge(usize),
    /// It is of another infra, older or newer.
    #[error("it is of version {0}, and this infra speaks version {VERSION}")]
    OtherVersion(u32),
    /// It is none of ours.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Writes an order or an answer.
///
/// # Errors
/// Where it is too large.
pub fn write(value: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let broken = |error: &dyn std::fmt::Display| WireError::Unreadable(error.to_string());
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut packed, value).map_err(|error| broken(&error))?;
    let packed = packed.finish().map_err(|error| broken(&error))?;
    let text = serde_json::to_vec(&Envelope { version: VERSION, gzip: STANDARD.encode(packed) });
    let text = text.map_err(|error| broken(&error))?;
    if text.len() > LARGEST { Err(WireError::TooLarge(text.len())) } else { Ok(text) }
}

/// Reads an order or an answer.
///
/// # Errors
/// Where it is none.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, WireError> {
    let broken = |error: &dyn std::fmt::Display| WireError::Unreadable(error.to_string());
    let envelope: Envelope = serde_json::from_slice(text).map_err(|error| broken(&error))?;
    if envelope.version != VERSION {
        return Err(WireError::OtherVersion(envelope.version));
    }
    let packed = STANDARD.decode(envelope.gzip).map_err(|error| broken(&error))?;
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(&*packed).take(LARGEST_UNPACKED).read_to_end(&mut unpacked);
    read.map_err(|error| broken(&error))?;
    serde_json::from_slice(&unpacked).map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::folder::tests::migration;

    fn order(sql: &str) -> Order {
        let mut folder = Folder::empty("drizzle".into(), crate::migrate::Layout::V0);
        folder.migrations.push(migration("0000_a", 1, sql));
        let (lock_timeout, statement_timeout) = (Duration::from_secs(10), None);
        Order {
            work: Work::Apply { folder, lock_timeout, statement_timeout, together: false, command: "infra".to_owned() },
            ledger: Ledger::default(),
        }
    }

    #[test]
    fn an_order_arrives_as_it_was_given() {
        let given = order("select 'é';\r\n--> statement-breakpoint\n\u{feff}");
        let read: Order = read(&write(&given).unwrap()).unwrap();
        let (Work::Apply { folder: given, .. }, Work::Apply { folder: read, .. }) = (given.work, read.work) else {
            panic!("another work")
        };
        assert_eq!(read, given);
    }

    #[test]
    fn what_is_too_large_or_not_ours_is_told() {
        // What does not compress: digits of a chain of digests.
        let mut noise = String::new();
        let mut digest = vec![0_u8];
        while noise.len() < 7 << 20 {
            digest = <sha2::Sha256 as sha2::Digest>::digest(&digest).to_vec();
            noise += &STANDARD.encode(&digest);
        }
        let error = write(&order(&noise)).unwrap_err().to_string();
        assert!(error.contains("MB large") && error.contains("Lambda takes 6 MB"), "{error}");
        for text in [&b"{}"[..], b"{\"version\":2,\"gzip\":\"?\"}", b"{\"version\":2,\"gzip\":\"AAAA\"}", b""] {
            assert!(matches!(read::<Order>(text), Err(WireError::Unreadable(_))));
        }
        assert!(matches!(read::<Order>(b"{\"gzip\":\"\"}"), Err(WireError::OtherVersion(0))));
    }

    #[test]
    fn an_order_that_says_where_is_refused() {
        let mut order = serde_json::to_value(order("select 1")).unwrap();
        order["host"] = "elsewhere".into();
        let error = read::<Order>(&write(&order).unwrap()).unwrap_err().to_string();
        assert!(error.contains("unknown field `host`"), "{error}");
    }
}
