//! Custom domains: certificates stay unvalidated here, as no DNS record is ever seen.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AppService, Status, cut, invalid};
use crate::local::{
    fault::Fault,
    members::{decode, random_hex},
    world::Ctx,
};

/// A domain of a service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Domain {
    name: String,
    www: bool,
    records: Vec<Value>,
}

impl Domain {
    fn new(name: &str, www: bool) -> Self {
        let mut names = vec![name.to_owned()];
        if www {
            names.push(format!("www.{name}"));
        }
        let record = |name: &String| {
            json!({
                "Name": format!("_{}.{}.", random_hex(32), name.trim_start_matches("*.")),
                "Type": "CNAME",
                "Value": format!("_{}.{}.acm-validations.aws.", random_hex(32), random_hex(10)),
                "Status": "PENDING_VALIDATION",
            })
        };
        Self { name: name.to_owned(), www, records: names.iter().map(record).collect() }
    }

    /// Whether this is its name, in which capital letters do not count.
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// AWS writes these states small, whatever its model says.
    fn describe(&self, status: &str) -> Value {
        json!({
            "DomainName": self.name,
            "EnableWWWSubdomain": self.www,
            "CertificateValidationRecords": self.records,
            "Status": status,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    service_arn: String,
    domain_name: String,
    #[serde(rename = "EnableWWWSubdomain")]
    enable_www_subdomain: Option<bool>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// Whether this can be a domain, or all those below one (`*.example.com`).
fn is_domain(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.contains('.') && name.split('.').all(is_label)
}

pub(super) fn associate_custom_domain(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if !is_domain(&input.domain_name) {
        return Err(invalid(format!("The domain name {} is invalid.", input.domain_name)));
    }
    let mut others = ctx.region.apprunner.services.values().filter(|other| other.arn != input.service_arn);
    if others.any(|other| other.domains.iter().any(|domain| domain.is(&input.domain_name))) {
        return Err(invalid(format!("The domain {} is already associated with another service.", input.domain_name)));
    }
    let service = ready(ctx, &input.service_arn)?;
    if service.domains.iter().any(|domain| domain.is(&input.domain_name)) {
        return Err(invalid(format!("The domain {} is already associated with the service.", input.domain_name)));
    }
    if service.domains.len() >= 5 {
        return Err(invalid("A service can have at most 5 custom domains."));
    }
    let domain = Domain::new(&input.domain_name, input.enable_www_subdomain.unwrap_or(true));
    let output = answer(service, domain.describe("creating"));
    service.domains.push(domain);
    Ok(output)
}

pub(super) fn disassociate_custom_domain(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let service = ready(ctx, &input.service_arn)?;
    let place = service.domains.iter().position(|domain| domain.is(&input.domain_name));
    let place = place.ok_or_else(|| super::not_found("custom domain", &input.domain_name))?;
    let domain = service.domains.remove(place);
    Ok(answer(service, domain.describe("deleting")))
}

pub(super) fn describe_custom_domains(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let service = ctx.region.apprunner.find(&input.service_arn)?;
    let page = cut(service.domains.iter().collect(), input.next_token.as_deref(), input.max_results, |domain| {
        domain.name.clone()
    })?;
    let domains: Vec<Value> =
        page.items.into_iter().map(|domain| domain.describe("pending_certificate_dns_validation")).collect();
    Ok(json!({
        "DNSTarget": service.url, "ServiceArn": service.arn, "CustomDomains": domains, "VpcDNSTargets": [],
        "NextToken": page.next,
    }))
}

fn answer(service: &AppService, domain: Value) -> Value {
    json!({ "DNSTarget": service.url, "ServiceArn": service.arn, "CustomDomain": domain, "VpcDNSTargets": [] })
}

/// The service, if no operation runs on it.
fn ready<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut AppService, Fault> {
    let service = ctx.region.apprunner.find(arn)?;
    if service.running_operation().is_none() && service.status == Status::Running {
        return Ok(service);
    }
    Err(Fault::new(
        "InvalidStateException",
        format!("Service status must be RUNNING. The current status is {}. ARN: {arn}", service.status_text()),
    ))
}
