//! From a signed request to an answer: which service, account and region are meant, the action, and what follows
//! from it: faults on request, counting, saving, waking the data plane.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt as _;
use rand::Rng as _;
use serde_json::Value;

use super::{
    chaos::{Delivery, Fate, Site},
    cloud::{Cloud, Reach},
    fault::Fault,
    model::{Model, Operation},
    page_token::Seal,
    protocol::{self, Call, Request},
    rds,
    service::{Action, Run, Service},
    sts,
    world::Ctx,
};
use crate::aws::is_reading;

/// Who signed a request, for which service and region. The signature itself is not checked: the cloud is a
/// loopback address, and any key opens it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Twelve digits.
    account: String,
    /// The access key.
    key: String,
    region: String,
    service: String,
}

/// The account of every access key that is not an account's twelve digits itself.
const ACCOUNT: &str = "000000000000";

impl Scope {
    /// Reads the credential's scope, `KEY/DATE/REGION/SERVICE/aws4_request`, from the header `Authorization` or
    /// from `X-Amz-Credential` in the URL.
    pub(crate) fn read(authorization: Option<&str>, query: &str) -> Option<Self> {
        let in_header = authorization.and_then(|header| {
            let credential = header.split_once("Credential=")?.1;
            credential.split([',', ' ']).next().map(str::to_owned)
        });
        let in_url = || {
            let mut parameters = form_urlencoded::parse(query.as_bytes());
            parameters.find(|(name, _)| name == "X-Amz-Credential").map(|(_, value)| value.into_owned())
        };
        let credential = in_header.or_else(in_url)?;
        let mut parts = credential.split('/').rev();
        parts.next().filter(|end| *end == "aws4_request")?;
        let (service, region, _date, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_account = key.len() == ACCOUNT.len() && key.bytes().all(|digit| digit.is_ascii_digit());
        let account = if is_account { key } else { ACCOUNT };
        let [account, key, region, service] = [account, key, region, service].map(str::to_owned);
        Some(Self { account, key, region, service })
    }

    /// The service's signing name.
    pub(crate) fn service(&self) -> &str {
        &self.service
    }
}

/// Whether this is the form of a region's name; it becomes the name of a file.
pub(crate) fn is_region(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_lowercase());
    let is_number = |part: &&str| matches!(part.len(), 1 | 2) && part.bytes().all(|digit| digit.is_ascii_digit());
    (3..=5).contains(&parts.len())
        && parts.split_last().is_some_and(|(last, words)| is_number(last) && words.iter().all(is_word))
}

/// Answers a request.
pub(crate) async fn answer(cloud: &Arc<Cloud>, mut scope: Option<Scope>, request: &Request<'_>) -> (Delivery, String) {
    let request_id = request_id();
    if let Some(scope) = &mut scope
        && let Some(account) = cloud.account_of_session(&scope.key)
    {
        scope.account = account;
    }
    let named = scope.as_ref().map(|scope| scope.service.clone()).unwrap_or_default();
    let answer = match find(&cloud.services, scope.as_ref(), request) {
        Ok((service, model, scope)) => {
            let answer =
                AssertUnwindSafe(call(cloud, service, model, scope, request, &request_id)).catch_unwind().await;
            answer.unwrap_or_else(|_| {
                cloud.log.line(&format!("{} failed by a mistake of the local cloud's own; daemon.out tells it", service.name));
                let message = "The local cloud failed by a mistake of its own, and nothing was changed. Its file daemon.out \
                               tells where; please report it.";
                let fault = Fault::internal(service.name, message);
                Delivery::Whole(protocol::refusal(model, &fault, &request_id))
            })
        }
        Err(fault) => Delivery::Whole(protocol::homeless_refusal(&fault, &named, request, &request_id)),
    };
    (answer, request_id)
}

/// The service that is meant, its model, and who calls it.
pub(crate) fn find<'a>(
    services: &[&'static Service],
    scope: Option<&'a Scope>,
    request: &Request<'_>,
) -> Result<(&'static Service, &'static Model, &'a Scope), Fault> {
    let scope = scope.ok_or_else(|| {
        let message = "The request is not signed: it has neither a header Authorization nor X-Amz-Credential in its \
                       URL. Any access key will do here; twelve digits name an account.";
        Fault::new("MissingAuthenticationToken", message).with_status(403)
    })?;
    if !is_region(&scope.region) {
        let message =
            format!("The request is signed for {:?}, which is not the form of a region's name.", scope.region);
        return Err(Fault::new("SignatureDoesNotMatch", message).with_status(403));
    }
    let service = services.iter().find(|service| service.name == scope.service);
    match service.and_then(|service| Some((*service, Model::of(service.name)?))) {
        Some((service, model)) => Ok((service, model, scope)),
        None => {
            let names: Vec<_> = services.iter().map(|service| service.name).collect();
            let called = request.target().map(|target| format!(" ({target})")).unwrap_or_default();
            let message = format!(
                "The local cloud does not run the service {:?}{called}; it runs {}.",
                scope.service,
                names.join(", ")
            );
            Err(Fault::new("NotImplemented", message).with_status(501))
        }
    }
}

async fn call(
    cloud: &Arc<Cloud>,
    service: &Service,
    model: &Model,
    scope: &Scope,
    request: &Request<'_>,
    request_id: &str,
) -> Delivery {
    let begun = Instant::now();
    let Scope { account, region, .. } = scope;
    let admitted = sts::admit(cloud, model.metadata.protocol, &scope.key, request.session_token().as_deref());
    let read = admitted.and_then(|()| protocol::read(model, request));
    let action = read.as_ref().map(|call| call.action.clone()).unwrap_or_default();
    let shown = shown(&action);
    let name = service.name;
    let fate = cloud.chaos.decide(Site::new(account, region, name, &action));
    let suffered = fate.describe().map(|what| format!(" [{what}]")).unwrap_or_default();
    if !fate.arrives().await {
        cloud.log.line(&format!("{account} {region} {name} {shown} -{suffered} {:.1?}", begun.elapsed()));
        return Delivery::Nothing;
    }
    let outcome = match read {
        Ok(call) => perform(cloud, service, model, scope, call, &fate).await,
        Err(fault) => Err(fault),
    };
    let answer = match &outcome {
        Ok((operation, output)) => protocol::answer(model, operation, output, request_id),
        Err(fault) => protocol::refusal(model, fault, request_id),
    };
    let code = outcome.err().map(|fault| format!(" {}", fault.code)).unwrap_or_default();
    let status = answer.status;
    cloud.log.line(&format!("{account} {region} {name} {shown} {status}{code}{suffered} {:.1?}", begun.elapsed()));
    fate.deliver(answer).await
}

async fn perform<'a>(
    cloud: &Arc<Cloud>,
    service: &Service,
    model: &'a Model,
    scope: &Scope,
    call: Call<'_>,
    fate: &Fate<'_>,
) -> Result<(&'a Operation, Value), Fault> {
    let Some((operation, action)) = model.operation(&call.action).zip(provided(service, &call.action)) else {
        return Err(protocol::unknown_action(model, &call.action));
    };
    cloud.calls.add(service.name, &operation.name);
    if let Some(fault) = fate.refusal() {
        return Err(fault);
    }
    let mut input = call.input(service.name, model, operation)?;
    let seal = Seal::of([&scope.account, &scope.region, service.name], model, operation, &input);
    seal.open(&mut input);
    let outcome = act(cloud, service, scope, operation, action, input, fate);
    if fate.drifts() {
        drift(cloud, scope, fate)?;
    }
    let mut output = outcome.map_err(|fault| protocol::in_words_of(service.name, model, fault))?;
    if let Some(run) = running(service, &operation.name) {
        // A task of its own: it goes on where whoever called has gone.
        let ended = tokio::spawn(run(Arc::clone(cloud), output)).await;
        output = ended.map_err(|error| Fault::internal(service.name, error.to_string()))??;
    }
    seal.close(&mut output);
    fate.retell(&mut output);
    Ok((operation, output))
}

fn provided(service: &Service, action: &str) -> Option<Action> {
    service.actions.iter().find(|(name, _)| *name == action).map(|(_, action)| *action)
}

fn running(service: &Service, action: &str) -> Option<Run> {
    service.runs.iter().find(|(name, _)| *name == action).map(|(_, run)| *run)
}

fn act(
    cloud: &Cloud,
    service: &Service,
    scope: &Scope,
    operation: &Operation,
    action: Action,
    mut input: Value,
    fate: &Fate<'_>,
) -> Result<Value, Fault> {
    let Scope { account, region, .. } = scope;
    if service.name == "ec2"
        && let Some(Value::Bool(true)) = input.as_object_mut().and_then(|members| members.shift_remove("DryRun"))
    {
        cloud.rehearse(account, region, |ctx| action(ctx, input))?;
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fault::new("DryRunOperation", message).with_status(412));
    }
    let abroad = (operation.name == "AssumeRole").then(|| sts::abroad(cloud, account, region, &scope.key, &input));
    let (account, visitor) = match abroad.flatten() {
        Some((account, visitor)) => (&account.clone(), Some(visitor)),
        None => (account, None),
    };
    if let Some(ago) = fate.lag() {
        return cloud.past_region(account, region, ago, |ctx| {
            ctx.access_key.clone_from(&scope.key);
            action(ctx, input)
        });
    }
    let work = |ctx: &mut Ctx<'_>| {
        fate.prepare(ctx);
        ctx.access_key.clone_from(&scope.key);
        ctx.visitor = visitor;
        action(ctx, input)
    };
    if is_reading(&operation.name) {
        return cloud.region_reaching(reach(service.name, &operation.name), account, region, work);
    }
    // Saved also after a refusal: an action may have changed something before it refused.
    change(cloud, service.name, reach(service.name, &operation.name), (account, region), work)?
}

/// What somebody else does right after a call, behind its client's back.
fn drift(cloud: &Cloud, scope: &Scope, fate: &Fate<'_>) -> Result<(), Fault> {
    let Scope { account, region, service, .. } = scope;
    let calls = change(cloud, service, Reach::Everywhere, (account, region), |ctx| fate.drift(ctx))?;
    for (call, outcome) in calls {
        let call = call.replace('.', " ");
        let ended = outcome.err().map_or_else(|| "200".to_owned(), |fault| format!("{} {fault}", fault.status));
        cloud.log.line(&format!("{account} {region} {call} behind the client's back {ended}"));
    }
    Ok(())
}

/// How far a call sees.
fn reach(service: &str, action: &str) -> Reach {
    if service == "rds" && rds::looks_abroad(action) { Reach::Everywhere } else { Reach::Here }
}

/// Changes an account's region for a service.
fn change<T>(
    cloud: &Cloud,
    service: &str,
    reach: Reach,
    (account, region): (&str, &str),
    work: impl FnOnce(&mut Ctx<'_>) -> T,
) -> Result<T, Fault> {
    let outcome =
        cloud.change_reaching(reach, account, region, work).map_err(|error| Fault::unsaved(service, &error))?;
    cloud.wake();
    Ok(outcome)
}

/// An action as it stands in the log, where its name is anybody's.
pub(crate) fn shown(action: &str) -> String {
    action.chars().filter(char::is_ascii_alphanumeric).take(80).collect()
}

/// A new id in the form of AWS's request ids.
pub(crate) fn request_id() -> String {
    let bits: u128 = rand::rng().random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests;
