//! What a stack costs a month while nobody uses it: the floor, from list prices.
//!
//! Prices are those of us-east-1 as of June 2026, in USD; other regions differ by up to a third. Storage,
//! traffic and requests come on top, so the sentence says "at least".

use crate::{
    engine::{Desired, Resource as _},
    resources::{
        cluster::Cluster, elastic_ip::ElasticIp, instance::Instance, nat_gateway::NatGateway, proxy::Proxy,
        secret::Secret, service::Service, vpc_endpoint::VpcEndpoint,
    },
};

const HOURS: f64 = 730.0;
const ACU_HOUR: f64 = 0.12;
const PROXY_ACU_HOUR: f64 = 0.015;
/// A proxy bills at least this many ACUs.
const PROXY_LEAST_ACU: f64 = 8.0;
const NAT_HOUR: f64 = 0.045;
const ADDRESS_HOUR: f64 = 0.005;
const ENDPOINT_ZONE_HOUR: f64 = 0.01;
const SERVICE_GB_HOUR: f64 = 0.007;
const SECRET_MONTH: f64 = 0.40;

/// What one resource costs a month while idle, in USD, and under which heading it is told.
fn monthly(desired: &Desired, instances: f64) -> Option<(&'static str, f64)> {
    let number = |path: &str| desired.attributes.get(path).and_then(serde_json::Value::as_f64);
    match desired.kind {
        kind if kind == Cluster::KIND => Some(("database", number("min_capacity")? * ACU_HOUR * HOURS * instances)),
        kind if kind == Proxy::KIND => Some(("proxy", PROXY_LEAST_ACU * PROXY_ACU_HOUR * HOURS)),
        kind if kind == NatGateway::KIND => Some(("NAT", NAT_HOUR * HOURS)),
        kind if kind == ElasticIp::KIND => Some(("NAT", ADDRESS_HOUR * HOURS)),
        kind if kind == Secret::KIND => Some(("secret", SECRET_MONTH)),
        kind if kind == VpcEndpoint::KIND => {
            let zones = desired.spec::<VpcEndpoint>()?.subnets.len();
            Some(("endpoints", ENDPOINT_ZONE_HOUR * HOURS * f64::from(u32::try_from(zones).ok()?)))
        }
        kind if kind == Service::KIND => {
            let megabytes: f64 = desired.spec::<Service>()?.memory.parse().ok()?;
            Some(("service", megabytes / 1024.0 * SERVICE_GB_HOUR * HOURS))
        }
        _ => None,
    }
}

/// The parts of the floor, the dearest first.
pub fn floor<'a>(desired: impl Iterator<Item = &'a Desired> + Clone) -> Vec<(&'static str, f64)> {
    let instances = desired.clone().filter(|one| one.kind == Instance::KIND).count();
    let instances = f64::from(u32::try_from(instances).unwrap_or(u32::MAX));
    let mut parts: Vec<(&'static str, f64)> = Vec::new();
    for (heading, price) in desired.filter_map(|one| monthly(one, instances)).filter(|(_, price)| *price > 0.0) {
        match parts.iter_mut().find(|(other, _)| *other == heading) {
            Some((_, sum)) => *sum += price,
            None => parts.push((heading, price)),
        }
    }
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts
}

/// The floor in a sentence.
pub fn sentence<'a>(desired: impl Iterator<Item = &'a Desired> + Clone) -> String {
    let parts = floor(desired);
    if parts.is_empty() {
        return "In AWS, none of this costs anything while it is idle.".to_owned();
    }
    let total: f64 = parts.iter().map(|(_, price)| price).sum();
    let list: Vec<String> = parts.iter().map(|(heading, price)| format!("{heading} {price:.0}")).collect();
    format!(
        "In AWS, this costs at least {total:.0} USD a month when idle ({}; list prices of us-east-1, June 2026).",
        list.join(", ")
    )
}
