//! The cases of the network's kinds.

use aws_sdk_ec2::types::AttributeBooleanValue;
use futures::FutureExt;
use infra::{
    engine::plan::Action::{Replace, Update},
    resources::vpc::Vpc,
};

use super::Case;

fn network(cidr: &str) -> Vpc {
    Vpc { cidr: cidr.into(), dns_hostnames: true, dns_support: true }
}

pub(super) fn vpc() -> Case<Vpc> {
    Case::new("main", network("10.0.0.0/16"))
        .change("dns_hostnames", Update, |vpc| vpc.dns_hostnames = false)
        .change("dns_support", Update, |vpc| vpc.dns_support = false)
        .change("cidr", Replace, |vpc| vpc.cidr = "10.1.0.0/16".into())
        .drift("host names switched off", Update, |aws, live| {
            async move {
                let off = AttributeBooleanValue::builder().value(false).build();
                aws.ec2.modify_vpc_attribute().vpc_id(&live.id).enable_dns_hostnames(off).send().await.unwrap();
            }
            .boxed()
        })
}
