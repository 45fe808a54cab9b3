//! What policies speak of, read out of them: the keys of a request's context, and services.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Store, document, limit, marker, no_such, policy::Policy, role::Role};
use crate::local::{
    fault::Fault,
    members::{decode, page},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    policy_source_arn: String,
    policy_input_list: Vec<String>,
    arn: String,
    service_namespaces: Vec<String>,
    marker: Option<String>,
}

/// The role of this ARN; of users, there is one without policies.
fn role<'a>(store: &'a Store, arn: &str) -> Result<&'a Role, Fault> {
    store.role(arn).ok_or_else(|| no_such(format!("The entity {arn} cannot be found.")))
}

/// `GetContextKeysForCustomPolicy`
pub(super) fn context_keys_of_policies(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    context_keys(&input, Vec::new())
}

/// `GetContextKeysForPrincipalPolicy`
pub(super) fn context_keys_of_principal(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    context_keys(&input, ctx.iam.documents(role(ctx.iam, &input.policy_source_arn)?))
}

fn context_keys(input: &Input, mut documents: Vec<Value>) -> Result<Value, Fault> {
    documents.extend(super::simulate::parsed(&input.policy_input_list)?);
    let mut keys: Vec<String> = Vec::new();
    let mut add = |key: &str| {
        if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            keys.push(key.to_owned());
        }
    };
    for statement in documents.iter().flat_map(document::statements) {
        for (key, values) in
            statement["Condition"].as_object().into_iter().flatten().filter_map(|(_, keys)| keys.as_object()).flatten()
        {
            add(key);
            variables(values, &mut add);
        }
        for member in ["Resource", "NotResource"] {
            variables(&statement[member], &mut add);
        }
    }
    Ok(json!({ "ContextKeyNames": keys }))
}

/// The keys of the variables in a text or a list of them, as in `${aws:username}`; `${*}` and the like stand for themselves.
fn variables(texts: &Value, add: &mut impl FnMut(&str)) {
    let all = texts.as_array().map_or_else(|| std::slice::from_ref(texts), Vec::as_slice);
    for text in all.iter().filter_map(Value::as_str) {
        for part in text.split("${").skip(1) {
            // A default may follow the key.
            let name =
                part.split_once('}').map_or("", |(inside, _)| inside.split(',').next().unwrap_or_default().trim());
            if name.contains(':') {
                add(name);
            }
        }
    }
}

/// `ListPoliciesGrantingServiceAccess`: of a role, by what its policies allow alone.
pub(super) fn policies_granting_access(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = role(ctx.iam, &input.arn)?;
    let managed: Vec<Policy> = role.attached.iter().filter_map(|arn| ctx.iam.any_policy(arn).ok()).collect();
    let inline: Vec<(&String, Value)> =
        role.inline.iter().filter_map(|(name, text)| Some((name, serde_json::from_str(text).ok()?))).collect();
    let granting = |namespace: &String| {
        let of_role = inline.iter().filter(|(_, document)| grants(document, namespace)).map(|(name, _)| {
            json!({ "PolicyName": name, "PolicyType": "INLINE", "EntityType": "ROLE", "EntityName": role.name })
        });
        let attached = managed
            .iter()
            .filter(|policy| ctx.iam.policy_document(&policy.arn).is_some_and(|document| grants(&document, namespace)))
            .map(|policy| json!({ "PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn }));
        let policies: Vec<Value> = of_role.chain(attached).collect();
        json!({ "ServiceNamespace": namespace, "Policies": policies })
    };
    let namespaces = input.service_namespaces.iter().collect();
    let page =
        page(namespaces, input.marker.as_deref(), limit(None), |name: &&String| (*name).clone()).ok_or_else(marker)?;
    let told: Vec<Value> = page.items.into_iter().map(granting).collect();
    Ok(json!({ "PoliciesGrantingServiceAccess": told, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

/// Whether a document allows anything of a service.
fn grants(document: &Value, namespace: &str) -> bool {
    let of_service = |pattern: &&str| {
        let service = pattern.split_once(':').map_or(*pattern, |(service, _)| service);
        document::wildcard(&service.to_ascii_lowercase(), &namespace.to_ascii_lowercase())
    };
    let whole = |pattern: &&str| of_service(pattern) && (*pattern == "*" || pattern.ends_with(":*"));
    document::statements(document).into_iter().filter(|statement| statement["Effect"] == "Allow").any(|statement| {
        match statement.get("NotAction") {
            Some(_) => !document::texts(statement, "NotAction").iter().any(whole),
            None => document::texts(statement, "Action").iter().any(of_service),
        }
    })
}
