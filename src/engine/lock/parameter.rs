//! The lock's parameter in SSM, call by call. None takes long: whoever holds the lock has to know in time whether it still does.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::record::{Holder, Record};
use crate::aws::{Class, Clients, Error, Permit};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(4);

/// What is written beside the value, for whoever finds it in the console.
const DESCRIPTION: &str =
    "Held by infra while it works on the stack, and for the moments after it was stopped; removed at the end.";

/// A parameter: the lock, or one by which a successor is elected.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    aws: Clients,
    name: String,
}

/// What SSM shows, whatever it is.
pub(super) struct Text {
    name: String,
    value: String,
    pub(super) version: i64,
    modified: Option<Timestamp>,
}

impl Text {
    /// The lock in it.
    pub(super) fn read(self) -> Result<Sight, Error> {
        let record = serde_json::from_str(&self.value).map_err(|error| {
            Error::other(format!("The parameter {} holds something that is no lock: {error}.", self.name))
                .advise("If it is not yours to keep, remove it with `infra unlock`.")
        })?;
        Ok(Sight { record, version: self.version, modified: self.modified })
    }
}

/// The lock as SSM shows it.
pub(super) struct Sight {
    pub(super) record: Record,
    /// SSM counts the writes; a parameter that was deleted and made again begins at 1.
    pub(super) version: i64,
    /// When it was written last, by SSM's clock.
    pub(super) modified: Option<Timestamp>,
}

impl Sight {
    pub(super) fn holder(&self) -> &Holder {
        &self.record.holder
    }

    /// Whether nothing was written in between: the number alone begins anew with every lock.
    pub(super) fn is_still(&self, earlier: &Self) -> bool {
        self.version == earlier.version && self.record == earlier.record
    }

    /// For how long nothing was written before `later`, both by SSM's clock.
    pub(super) fn until(&self, later: &Self) -> Option<Duration> {
        Duration::try_from(later.modified?.duration_since(self.modified?)).ok()
    }

    /// For how long nothing was written, by SSM's clock and ours: a hint, as one of them may be wrong.
    pub(super) fn seems_silent_for(&self) -> Duration {
        let last = self.modified.unwrap_or(self.record.holder.beat);
        Duration::try_from(Timestamp::now().duration_since(last)).unwrap_or_default()
    }
}

impl Parameter {
    /// The lock of a stack.
    pub(super) fn lock(aws: &Clients, stack: &str) -> Self {
        Self { aws: aws.clone(), name: format!("/infra/{stack}/lock") }
    }

    /// The one that decides who takes over from `former`.
    pub(super) fn election(&self, former: &Record) -> Self {
        let Holder { nonce, since, pid, machine, .. } = &former.holder;
        let hash = Sha256::digest(format!("{nonce} {since} {pid} {machine} {}", former.ended));
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.beside(&hash)
    }

    /// The one with this last part of its name.
    pub(super) fn beside(&self, last: &str) -> Self {
        Self { aws: self.aws.clone(), name: format!("{}/{last}", self.name) }
    }

    /// The same, for a holder who may write only while `permit` holds.
    pub(super) fn guarded(&self, permit: Arc<dyn Permit>) -> Self {
        Self { aws: self.aws.guarded(permit), name: self.name.clone() }
    }

    /// The last part of its name.
    pub(super) fn last(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Makes it; refused as existing where it is there.
    pub(super) async fn create(&self, record: &Record) -> Result<i64, Error> {
        self.put(record, false).await
    }

    /// Writes it whatever is there; its number then.
    pub(super) async fn overwrite(&self, record: &Record) -> Result<i64, Error> {
        self.put(record, true).await
    }

    async fn put(&self, record: &Record, overwrite: bool) -> Result<i64, Error> {
        let text = serde_json::to_string(record).map_err(|error| Error::internal(error.to_string()))?;
        let call = self.aws.ssm.put_parameter().name(&self.name).r#type(aws_sdk_ssm::types::ParameterType::String);
        let call = call.description(DESCRIPTION).value(text).overwrite(overwrite);
        Ok(timely("PutParameter", call.send()).await?.version())
    }

    /// What is there.
    pub(super) async fn get(&self) -> Result<Option<Sight>, Error> {
        self.text().await?.map(Text::read).transpose()
    }

    /// What is there, be it a lock or not.
    pub(super) async fn text(&self) -> Result<Option<Text>, Error> {
        self.named(&self.name).await
    }

    /// What is said of one that cannot be made since it exists, and that is not shown.
    pub(super) fn hidden(&self) -> Error {
        let message = format!(
            "it says that the parameter {} exists, and shows none. One that was removed a moment ago can be made again after half \
             a minute.",
            self.name
        );
        let advice = "Run the same command again in a minute, or let it wait for longer (`--lock-wait SECONDS`).";
        Error { action: "PutParameter", ..Error::new(Class::NotYet, message) }.advise(advice)
    }

    /// Whether it was `holder` who wrote the version with this number.
    pub(super) async fn was_written_by(&self, holder: &Holder, version: i64) -> Result<bool, Error> {
        match self.writer_of(version).await? {
            Some(writer) => Ok(writer.is(holder)),
            None => Err(Error::new(Class::NotYet, format!("SSM does not show version {version} of {}.", self.name))),
        }
    }

    /// Who wrote the version with this number, where SSM shows it.
    pub(super) async fn writer_of(&self, version: i64) -> Result<Option<Holder>, Error> {
        let text = self.named(&format!("{}:{version}", self.name)).await?;
        Ok(text.map(Text::read).transpose()?.map(|seen| seen.record.holder))
    }

    async fn named(&self, name: &str) -> Result<Option<Text>, Error> {
        let answer = match timely("GetParameter", self.aws.ssm.get_parameter().name(name).send()).await {
            Ok(answer) => answer,
            Err(error) if error.class == Class::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(parameter) = answer.parameter() else { return Ok(None) };
        let modified = parameter
            .last_modified_date()
            .and_then(|date| Timestamp::new(date.secs(), i32::try_from(date.subsec_nanos()).unwrap_or_default()).ok());
        let value = parameter.value().unwrap_or_default().to_owned();
        Ok(Some(Text { name: self.name.clone(), value, version: parameter.version(), modified }))
    }

    /// Removes it; no matter if it is gone.
    pub(super) async fn delete(&self) -> Result<(), Error> {
        match timely("DeleteParameter", self.aws.ssm.delete_parameter().name(&self.name).send()).await {
            Err(error) if error.class != Class::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether it is what the parameter holds that is wrong, and no call.
pub(super) fn is_no_lock(error: &Error) -> bool {
    error.action.is_empty()
}

/// A call's answer, or that there was none in time.
async fn timely<T, E: Into<Error>>(action: &'static str, call: impl Future<Output = Result<T, E>>) -> Result<T, Error> {
    match timeout(CALL, call).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => {
            let message = format!("SSM has not answered {action} within {} s.", CALL.as_secs());
            Err(Error { action, ..Error::new(Class::Ambiguous, message) })
        }
    }
}
