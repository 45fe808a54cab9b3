//! Services and operations, described and listed.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AppService, Status, Store, cut, not_found};
use crate::local::{fault::Fault, members::decode, world::Ctx};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    service_arn: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Store {
    /// The service that an ARN means: in full, or without the random end while there is one of that name.
    pub(super) fn find(&mut self, arn: &str) -> Result<&mut AppService, Fault> {
        let named = |service: &&AppService| {
            let start = service.arn.rsplit_once('/').map(|(start, _)| start);
            start == Some(arn) && service.status != Status::Deleted
        };
        let found = match self.services.contains_key(arn) {
            true => arn.to_owned(),
            false => {
                self.services.values().find(named).map(|it| it.arn.clone()).ok_or_else(|| not_found("service", arn))?
            }
        };
        self.services.get_mut(&found).ok_or_else(|| not_found("service", arn))
    }
}

pub(super) fn describe_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let store = &mut ctx.region.apprunner;
    let service = store.find(&input.service_arn)?.clone();
    Ok(json!({ "Service": service.describe(store.scaling_summary(&service.settings.scaling)) }))
}

pub(super) fn list_services(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let listed = ctx.region.apprunner.services.values().filter(|service| service.status != Status::Deleted);
    let page = cut(listed.collect(), input.next_token.as_deref(), input.max_results, |service| service.arn.clone())?;
    let list: Vec<Value> = page.items.into_iter().map(AppService::summary).collect();
    Ok(json!({ "ServiceSummaryList": list, "NextToken": page.next }))
}

/// The newest operation comes first, as in AWS.
pub(super) fn list_operations(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let service = ctx.region.apprunner.find(&input.service_arn)?;
    let newest_first = service.operations.iter().rev().collect();
    let page = cut(newest_first, input.next_token.as_deref(), input.max_results, |operation| operation.id.clone())?;
    let list: Vec<Value> = page.items.into_iter().map(|operation| operation.describe(&service.arn, now)).collect();
    Ok(json!({ "OperationSummaryList": list, "NextToken": page.next }))
}
