//! Conditions of policies, compared with what is known of a request.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::{cmp::Ordering, collections::BTreeMap, net::IpAddr};

use serde_json::Value;

use super::document::wildcard;

/// What is known of a request, by condition keys. A key is the same in capital letters; one that is unknown is not there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Notes a key with one value.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Notes a key with as many values as there are; without any it is not there.
    pub(crate) fn set_all(&mut self, key: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.0.insert(key.to_ascii_lowercase(), values);
        }
    }

    fn values(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// A policy's text with its variables (`${aws:username}`) replaced; none where one of them is unknown.
    fn expanded(&self, text: &str) -> Option<String> {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}')?;
            let (name, default) = name.split_once(',').map_or((name, None), |(name, default)| (name, Some(default)));
            match name.trim() {
                sign @ ("*" | "?" | "$") => whole.push_str(sign),
                key => match self.values(key) {
                    Some([value]) => whole.push_str(value),
                    _ => whole.push_str(default?.trim().trim_matches('\'')),
                },
            }
            whole.push_str(rest);
        }
        Some(whole)
    }
}

/// Whether a statement's `Condition` is met: every operator, for every one of its keys. One that is missing is always met.
pub(super) fn is_met(condition: &Value, context: &Context) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let mut pairs = operators.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, wanted)| (operator.as_str(), key, wanted))
    });
    pairs.all(|(operator, key, wanted)| holds(operator, context.values(key), &texts(wanted), context))
}

/// The values of a policy, of which numbers and truths may stand without quotation marks.
fn texts(wanted: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match wanted {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

fn holds(operator: &str, found: Option<&[String]>, wanted: &[String], context: &Context) -> bool {
    let (any, operator) = operator.strip_prefix("ForAnyValue:").map_or((false, operator), |bare| (true, bare));
    let (all, operator) = operator.strip_prefix("ForAllValues:").map_or((false, operator), |bare| (true, bare));
    if operator == "Null" {
        return wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case("true") == found.is_none());
    }
    let (optional, operator) = operator.strip_suffix("IfExists").map_or((false, operator), |bare| (true, bare));
    let (negated, operator) = positive(operator);
    let Some(found) = found else { return optional || all || (negated && !any) };
    let wanted: Vec<String> = wanted.iter().filter_map(|text| context.expanded(text)).collect();
    // A negated operator holds of a value that none of the policy's fits.
    let fits = |value: &String| wanted.iter().any(|wanted| compare(&operator, value, wanted)) != negated;
    if any { found.iter().any(fits) } else { found.iter().all(fits) }
}

/// Whether an operator negates another one, and which.
fn positive(operator: &str) -> (bool, String) {
    match operator.find("Not") {
        Some(at) => (true, format!("{}{}", &operator[..at], &operator[at + 3..])),
        None => (false, operator.to_owned()),
    }
}

fn compare(operator: &str, value: &str, wanted: &str) -> bool {
    let ordered = |orders: &[Ordering], order: Option<Ordering>| order.is_some_and(|order| orders.contains(&order));
    match operator {
        "StringEquals" | "BinaryEquals" => value == wanted,
        "StringEqualsIgnoreCase" | "Bool" => value.eq_ignore_ascii_case(wanted),
        "StringLike" => wildcard(wanted, value),
        "ArnEquals" | "ArnLike" => arn_fits(wanted, value),
        "IpAddress" => in_network(value, wanted).unwrap_or(false),
        _ => {
            let orders: &[Ordering] = match operator.trim_start_matches("Numeric").trim_start_matches("Date") {
                "Equals" => &[Ordering::Equal],
                "LessThan" => &[Ordering::Less],
                "LessThanEquals" => &[Ordering::Less, Ordering::Equal],
                "GreaterThan" => &[Ordering::Greater],
                "GreaterThanEquals" => &[Ordering::Greater, Ordering::Equal],
                _ => &[],
            };
            let read = if operator.starts_with("Date") { moment } else { number };
            ordered(orders, read(value).zip(read(wanted)).and_then(|(value, wanted)| value.partial_cmp(&wanted)))
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Seconds since 1970, of a moment or of a day's beginning.
fn moment(text: &str) -> Option<f64> {
    let seconds = || text.parse::<jiff::Timestamp>().ok().map(|moment| moment.as_duration().as_secs_f64());
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok().map(|day| day.as_duration().as_secs_f64());
    number(text).or_else(seconds).or_else(day)
}

/// Whether an ARN fits a pattern, each of its six parts for itself.
fn arn_fits(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| wildcard(pattern, part))
}

/// Whether an address is in a network, or is the address that stands in its place.
fn in_network(address: &str, network: &str) -> Option<bool> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let (begin, length) = network.split_once('/').unwrap_or((network, "128"));
    let (address, begin): (IpAddr, IpAddr) = (address.parse().ok()?, begin.parse().ok()?);
    let length: u32 = length.parse().ok()?;
    let mask = u128::MAX.checked_shl(128_u32.checked_sub(length)?).unwrap_or_default();
    Some(address.is_ipv4() == begin.is_ipv4() && bits(address) & mask == bits(begin) & mask)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_met_as_in_iams_guide() {
        let mut context = Context::default();
        context.set("sts:ExternalId", "one");
        context.set("aws:username", "ann");
        context.set("sts:RoleSessionName", "ann");
        context.set("aws:SecureTransport", "true");
        context.set("aws:EpochTime", "1780000000");
        context.set("aws:CurrentTime", "2026-05-28T20:26:40Z");
        context.set("aws:SourceIp", "203.0.113.7");
        context.set("aws:PrincipalArn", "arn:aws:iam::111122223333:role/infra/demo");
        context.set_all("aws:TagKeys", vec!["team".to_owned(), "cost".to_owned()]);
        for (condition, met) in [
            (json!(null), true),
            (json!({}), true),
            (json!({ "StringEquals": { "STS:externalid": "one" } }), true),
            (json!({ "StringEquals": { "sts:ExternalId": ["two", "one"] } }), true),
            (json!({ "StringEquals": { "sts:ExternalId": "One" } }), false),
            (json!({ "StringEqualsIgnoreCase": { "sts:ExternalId": "One" } }), true),
            (json!({ "StringEquals": { "sts:ExternalId": "one", "sts:RoleSessionName": "bob" } }), false),
            (json!({ "StringEquals": { "sts:RoleSessionName": "${aws:username}" } }), true),
            (json!({ "StringEquals": { "sts:RoleSessionName": "${aws:nobody}" } }), false),
            (json!({ "StringLike": { "sts:ExternalId": "o?*" } }), true),
            (json!({ "StringNotEquals": { "sts:ExternalId": ["two", "one"] } }), false),
            (json!({ "StringNotLike": { "sts:ExternalId": "t*" } }), true),
            // What is not there is equal to nothing.
            (json!({ "StringEquals": { "sts:SourceIdentity": "x" } }), false),
            (json!({ "StringNotEquals": { "sts:SourceIdentity": "x" } }), true),
            (json!({ "StringEqualsIfExists": { "sts:SourceIdentity": "x" } }), true),
            (json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), false),
            (json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": true } }), true),
            (json!({ "Bool": { "aws:SecureTransport": true } }), true),
            (json!({ "Null": { "sts:ExternalId": "false" } }), true),
            (json!({ "Null": { "sts:ExternalId": true } }), false),
            (json!({ "Null": { "aws:TokenIssueTime": "true" } }), true),
            (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["team", "cost", "x"] } }), true),
            (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": "team" } }), false),
            (json!({ "ForAllValues:StringEquals": { "sts:TransitiveTagKeys": "team" } }), true),
            (json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": "team" } }), true),
            (json!({ "ForAnyValue:StringEquals": { "sts:TransitiveTagKeys": "team" } }), false),
            (json!({ "NumericLessThan": { "aws:EpochTime": 1_780_000_001 } }), true),
            (json!({ "NumericGreaterThanEquals": { "aws:EpochTime": "1780000001" } }), false),
            (json!({ "DateLessThan": { "aws:CurrentTime": "2026-05-29" } }), true),
            (json!({ "DateGreaterThan": { "aws:CurrentTime": "2026-05-28T20:26:40Z" } }), false),
            (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"] } }), true),
            (json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.7" } }), false),
            (json!({ "IpAddress": { "aws:SourceIp": "2001:db8::/32" } }), false),
            (json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/infra/*" } }), true),
            (json!({ "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/infra/*" } }), false),
        ] {
            assert_eq!(is_met(&condition, &context), met, "{condition}");
        }
    }
}
