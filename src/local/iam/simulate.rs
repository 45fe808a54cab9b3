//! What policies would allow, asked beforehand: SimulatePrincipalPolicy and SimulateCustomPolicy.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    attach::decide,
    document::{self, Decision},
    limit, marker, no_such,
};
use crate::local::{
    fault::Fault,
    members::{decode, page},
    sts,
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    policy_source_arn: String,
    policy_input_list: Vec<String>,
    permissions_boundary_policy_input_list: Vec<String>,
    action_names: Vec<String>,
    resource_arns: Vec<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

/// What would make another answer, and is not looked at here.
const BEYOND: [&str; 7] = [
    "ResourcePolicy",
    "ResourceOwner",
    "CallerArn",
    "ContextEntries",
    "ResourceHandlingOption",
    "PolicyExclusionList",
    "OrderedOrganizationPolicyInputList",
];

/// Of a role, with its permissions boundary or with the one that is given in its place; or of the account's user, who may do
/// everything.
pub(super) fn principal(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = read(input)?;
    let source = &input.policy_source_arn;
    if *source == sts::caller(ctx.account) {
        let everything = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
        return simulate(&input, vec![everything], None);
    }
    if source.split(':').nth(2).is_some_and(|service| service != "iam") {
        let message = format!("Invalid Entity Arn: {source} does not clearly define entity type and name.");
        return Err(Fault::new("InvalidInput", message));
    }
    let role = ctx.iam.role(source).ok_or_else(|| no_such(format!("The entity {source} cannot be found.")))?;
    let own = role.permissions_boundary.as_ref().and_then(|boundary| ctx.iam.policy_document(boundary));
    simulate(&input, ctx.iam.documents(role), own)
}

/// Of the given policies alone.
pub(super) fn custom(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    simulate(&read(input)?, Vec::new(), None)
}

fn read(input: Value) -> Result<Input, Fault> {
    if let Some(member) = BEYOND.iter().find(|member| !input[**member].is_null()) {
        let message = format!("The local cloud does not support the parameter {member} of simulations.");
        return Err(Fault::new("InvalidInput", message));
    }
    decode(input)
}

/// Policies that a call brings along.
pub(super) fn parsed(texts: &[String]) -> Result<Vec<Value>, Fault> {
    let parse = |text: &String| document::parse(text, document::Purpose::Inline);
    texts.iter().map(|text| parse(text).map_err(|fault| Fault::new("InvalidInput", fault.message))).collect()
}

fn simulate(input: &Input, mut documents: Vec<Value>, boundary: Option<Value>) -> Result<Value, Fault> {
    documents.extend(parsed(&input.policy_input_list)?);
    let given = parsed(&input.permissions_boundary_policy_input_list)?;
    let boundaries = if given.is_empty() { boundary.into_iter().collect() } else { given };
    let everything = ["*".to_owned()];
    let resources = if input.resource_arns.is_empty() { &everything[..] } else { &input.resource_arns };
    let cases = input.action_names.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let page = page(cases.collect(), input.marker.as_deref(), limit(input.max_items), |(action, resource)| {
        format!("{action} {resource}")
    })
    .ok_or_else(marker)?;
    let result = |(action, resource): (&String, &String)| {
        let mut decision = decide(&documents, action, resource);
        let mut result = json!({
            "EvalActionName": action, "EvalResourceName": resource, "MatchedStatements": [], "MissingContextValues": [],
        });
        if !boundaries.is_empty() {
            let within = decide(&boundaries, action, resource);
            result["PermissionsBoundaryDecisionDetail"] =
                json!({ "AllowedByPermissionsBoundary": within == Decision::Allowed });
            decision = match (decision, within) {
                (Decision::ExplicitDeny, _) | (_, Decision::ExplicitDeny) => Decision::ExplicitDeny,
                (Decision::Allowed, Decision::Allowed) => Decision::Allowed,
                _ => Decision::ImplicitDeny,
            };
        }
        result["EvalDecision"] = json!(match decision {
            Decision::Allowed => "allowed",
            Decision::ImplicitDeny => "implicitDeny",
            Decision::ExplicitDeny => "explicitDeny",
        });
        result
    };
    let results: Vec<Value> = page.items.into_iter().map(result).collect();
    Ok(json!({ "EvaluationResults": results, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}
