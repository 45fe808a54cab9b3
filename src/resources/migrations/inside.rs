//! The work done inside the VPC: both ends of it, the call of the function and what the function does.

use std::{sync::Arc, time::Duration};

use aws_sdk_lambda::{operation::invoke::InvokeOutput, types::LogType};
use aws_smithy_types::Blob;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{sync::watch, time::timeout};

use super::{
    Settings,
    told::{Whence, elsewhere},
    work::Ledgered,
};
use crate::{
    aws::{Class, Clients, Error, Result, say},
    engine::{Scope, clock},
    resources::function::lasting,
    runner::{
        self,
        bound::Bound,
        order::{self, Answer, Order, Outcome, Work},
    },
};

/// How long a call may take: Lambda's own limit is 15 minutes.
const APPLYING: Duration = Duration::from_secs(16 * 60);
const LOOKING: Duration = Duration::from_secs(100);
/// After how long it is told that a look is not answered.
const LONG: Duration = Duration::from_secs(5);
/// How long a function may take that is being made ready: one that was idle for weeks gets its interfaces anew.
const WAKING: Duration = Duration::from_secs(120);
/// How often such a one is asked.
const NUDGE: Duration = Duration::from_secs(3);

/// Does in the function what was ordered.
pub(crate) async fn inside(
    order: &Order,
    bound: &Bound,
    aws: &Clients,
    interrupt: watch::Receiver<bool>,
    tell: &mut (dyn FnMut(String) + Send + Sync),
) -> Outcome {
    // What trusts the authorities reads them from a file.
    let file = match bound.ca.as_deref().map(authorities).transpose() {
        Ok(file) => file,
        Err(error) => return Error::other(format!("The authorities cannot be written to a file: {error}.")).into(),
    };
    let settings = Settings {
        dbname: bound.dbname.clone(),
        port: bound.port,
        ca: file.as_ref().map(|file| file.path().to_owned()),
        ledger: order.ledger.clone(),
        ..Settings::default()
    };
    let (host, secret) = (bound.host.as_str(), bound.secret.as_str());
    match order.work.clone() {
        Work::Look => match settings.look(host, secret, aws).await {
            Ok(Ledgered::Contents(contents)) => Outcome::Ledger(contents),
            Ok(Ledgered::NoSecret) => Outcome::NoSecret,
            Ok(Ledgered::Unknown(why)) => Outcome::Unknown(why),
            Err(error) => error.into(),
        },
        Work::Apply { folder, lock_timeout, statement_timeout, together, command } => {
            let folder = Some(Arc::new(folder));
            let settings = Settings { folder, lock_timeout, statement_timeout, together, command, ..settings };
            match settings.apply(host, secret, aws, Some(interrupt), Whence::Function, tell).await {
                Ok(()) => Outcome::Applied,
                Err(error) => error.into(),
            }
        }
    }
}

fn authorities(pem: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut file, pem.as_bytes())?;
    Ok(file)
}

impl Settings {
    /// Reads the ledger through the function.
    ///
    /// # Errors
    /// Where it is worth asking again.
    pub(super) async fn look_inside(&self, function: &str, aws: &Clients) -> Result<Ledgered> {
        let order = self.order(Work::Look);
        let began = clock::now();
        let asking = async {
            loop {
                match call(function, &order, LOOKING, aws).await {
                    // The first call of one that was idle for weeks wakes it.
                    Err(error) if error.class == Class::Busy && clock::since(began) < WAKING => {
                        clock::sleep(NUDGE).await;
                    }
                    answer => break answer,
                }
            }
        };
        let answer = match heard(function, asking).await {
            Ok(answer) => answer,
            Err(error) if error.class == Class::Throttled => return Err(error),
            // What the function said last is for those who wait for its work.
            Err(error) => return Ok(Ledgered::Unknown(error.message.lines().next().unwrap_or_default().to_owned())),
        };
        Ok(match answer.outcome {
            Outcome::Ledger(contents) => Ledgered::Contents(contents),
            Outcome::NoSecret => Ledgered::NoSecret,
            Outcome::Unknown(why) | Outcome::Failed { message: why, .. } => Ledgered::Unknown(why),
            Outcome::Applied => Ledgered::Unknown("The function has done something else than it was asked.".to_owned()),
        })
    }

    /// Applies what is pending in the function; `has_moved` tells of a ledger whether it is another than before.
    ///
    /// # Errors
    /// What the function reports, as it would be reported here.
    pub(super) async fn apply_inside(
        &self,
        function: &str,
        secret: &str,
        scope: &Scope<'_>,
        has_moved: impl Fn(&Ledgered) -> bool,
    ) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let work = Work::Apply {
            folder: folder.as_ref().clone(),
            lock_timeout: self.lock_timeout,
            statement_timeout: self.statement_timeout,
            together: self.together,
            command: self.command.clone(),
        };
        let order = self.order(work);
        scope.tell(format!("applying in {function}"));
        let answer = tokio::select! {
            answer = self.asked(function, &order, scope.aws, has_moved) => answer?,
            () = interrupted(scope.interrupt()) => return Err(left(function)),
        };
        for text in answer.told {
            scope.tell(text);
        }
        match answer.outcome {
            Outcome::Applied => Ok(()),
            Outcome::Failed { class, message, advice } => Err(Error { advice, ..Error::new(class, message) }),
            Outcome::NoSecret => Err(Error::new(Class::NotYet, format!("The secret {secret} cannot be read yet."))),
            Outcome::Unknown(why) => Err(Error::other(why)),
            Outcome::Ledger(_) => Err(Error::internal("The function has done something else than it was asked.")),
        }
    }

    /// Has the function apply. Where its answer is lost, it is asked again only where the ledger has moved since: what loses one
    /// answer loses the next one, too, and each of them would be waited for.
    async fn asked(
        &self,
        function: &str,
        order: &Order,
        aws: &Clients,
        has_moved: impl Fn(&Ledgered) -> bool,
    ) -> Result<Answer> {
        let lost = match call(function, order, APPLYING, aws).await {
            Err(error) if error.class == Class::Ambiguous => error,
            answer => return answer,
        };
        match self.look_inside(function, aws).await {
            Ok(found) if has_moved(&found) => Err(lost),
            _ => Err(Error {
                class: Class::Other,
                message: format!("{} Nothing more is in the ledger than before.", lost.message),
                ..lost
            }),
        }
    }

    fn order(&self, work: Work) -> Order {
        Order { work, ledger: self.ledger.clone() }
    }
}

/// What is asked of a function, and that it has not answered where that takes long.
async fn heard<T>(function: &str, asking: impl Future<Output = T>) -> T {
    tokio::pin!(asking);
    if let Ok(answer) = timeout(LONG, &mut asking).await {
        return answer;
    }
    say(format!(
        "The function {function} has not answered yet; it is waited for, for {} s at most.",
        LOOKING.as_secs()
    ));
    asking.await
}

/// Waits until the verb is to stop; for ever where nobody can tell it to.
async fn interrupted(stop: Option<watch::Receiver<bool>>) {
    if let Some(mut stop) = stop
        && stop.wait_for(|stop| *stop).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Nobody waits any more, and the function goes on.
fn left(function: &str) -> Error {
    Error::other(format!(
        "Interrupted: nobody is waiting for the function {function} any more, but it continues with the migrations, for at most 15 minutes."
    ))
    .advise(format!(
        "Run the same command again: it waits for what is still running, and continues from what the ledger says. The function's \
         output is in the log group /aws/lambda/{function}."
    ))
}

/// Calls the function and waits for its answer.
async fn call(function: &str, order: &Order, time: Duration, aws: &Clients) -> Result<Answer> {
    let payload = order::write(order).map_err(|error| {
        Error::other(format!("The migrations cannot be given to the function {function}: {error}.")).advise(elsewhere())
    })?;
    let call = aws.lambda.invoke().function_name(function).payload(Blob::new(payload)).log_type(LogType::Tail);
    let answer = call.customize().config_override(lasting(time)).send().await.map_err(|error| {
        let error = Error::from(error);
        match error.class {
            Class::Ambiguous => Error {
                message: format!("The function {function} did not answer in time, or its answer was lost."),
                ..error
            }
            .advise(format!(
                "The function continues, and what it commits is in the ledger. Run the same command again: it continues from there. \
                 The function's output is in the log group /aws/lambda/{function}."
            )),
            _ => error,
        }
    })?;
    let bytes: &[u8] = answer.payload().map(AsRef::as_ref).unwrap_or_default();
    if answer.function_error().is_some() {
        return Err(broken(function, bytes, &answer));
    }
    order::read(bytes).map_err(|error| strange(function, &error))
}

/// The function and this program do not understand each other.
fn strange(function: &str, why: &dyn std::fmt::Display) -> Error {
    let why = why.to_string();
    Error::other(format!(
        "The function {function} is of another version of infra than this one: {}.",
        why.trim_end_matches('.')
    ))
    .advise("Run `infra deploy`: it gives the function its own code before it calls it.")
}

/// The function did not come to an answer: why, and the last it said.
fn broken(function: &str, payload: &[u8], answer: &InvokeOutput) -> Error {
    let said: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let why = said["errorMessage"].as_str().unwrap_or("AWS does not say why.").trim_end_matches('.').to_owned();
    if said["errorType"] == runner::ORDER {
        return strange(function, &why);
    }
    let log = answer.log_result().and_then(|log| STANDARD.decode(log).ok()).unwrap_or_default();
    let log = String::from_utf8_lossy(&log).into_owned();
    let lines: Vec<&str> = log.lines().filter(|line| !is_frame(line)).collect();
    let last = lines[lines.len().saturating_sub(5)..].iter().map(|line| format!("\n    {line}")).collect::<String>();
    let advice = if log.contains("GLIBC_") {
        "The binary wants a newer C library than the function has. Build infra on a system with glibc 2.34 or older, or for \
         x86_64-unknown-linux-musl, and name it in INFRA_LAMBDA_BINARY."
            .to_owned()
    } else {
        format!(
            "What was committed is in the ledger: run the same command again. What the function says is in the log group \
             /aws/lambda/{function}; one that ends without a word cannot reach the Secrets Manager (`network.nat`, \
             `network.endpoints`)."
        )
    };
    Error::other(format!("The function {function} ended without an answer: {why}.{last}")).advise(advice)
}

/// What Lambda itself writes around a call.
fn is_frame(line: &str) -> bool {
    line.trim().is_empty() || ["START ", "END ", "REPORT "].iter().any(|word| line.starts_with(word))
}
