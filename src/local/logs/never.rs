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
