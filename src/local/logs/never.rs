//! What cannot be made here, and so never is: lists of it are empty. Tools ask for them while they look at an account.

use serde_json::{Value, json};

use super::invalid;
use crate::local::{fault::Fault, world::Ctx};

/// Lists that have nothing, each under its member's name.
macro_rules! none {
    ($($name:ident: $member:literal;)*) => {
        $(pub(super) fn $name(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            nothing(ctx, &input, $member)
        })*
    };
}

none! {
    destinations: "destinations";
    exports: "exportTasks";
    account_policies: "accountPolicies";
    index_policies: "indexPolicies";
    query_definitions: "queryDefinitions";
    queries: "queries";
    deliveries: "deliveries";
    delivery_sources: "deliverySources";
    delivery_destinations: "deliveryDestinations";
    anomaly_detectors: "anomalyDetectors";
    field_indexes: "fieldIndexes";
}

/// Calls about one that exists, by the member that names it.
macro_rules! unknown {
    ($($name:ident: $member:literal, $noun:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            Err(absent($noun, &input[$member]))
        })*
    };
}

unknown! {
    no_export: "taskId", "export task";
    no_destination: "destinationName", "destination";
    no_delivery: "id", "delivery";
    no_delivery_source: "name", "delivery source";
    no_delivery_destination: "name", "delivery destination";
    no_delivery_destination_policy: "deliveryDestinationName", "delivery destination";
    no_detector: "anomalyDetectorArn", "anomaly detector";
    no_query_definition: "queryDefinitionId", "query definition";
}

fn absent(noun: &str, given: &Value) -> Fault {
    let message = format!("The specified {noun} does not exist: {}", given.as_str().unwrap_or_default());
    Fault::new("ResourceNotFoundException", message)
}

/// `ListAnomalies`: of all detectors, or of one, of which there are none.
pub(super) fn anomalies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if input["anomalyDetectorArn"].is_string() {
        return no_detector(ctx, input);
    }
    nothing(ctx, &input, "anomalies")
}

/// Groups that are named have to exist, and a token was given by nobody.
fn nothing(ctx: &mut Ctx<'_>, input: &Value, member: &str) -> Result<Value, Fault> {
    let groups = input["logGroupIdentifiers"].as_array().into_iter().flatten();
    for group in groups.chain([&input["logGroupName"]]).filter_map(Value::as_str) {
        ctx.region.logs.find(group)?;
    }
    if input["nextToken"].is_string() {
        return Err(invalid("The specified nextToken is invalid."));
    }
    Ok(json!({member: []}))
}
