//! The addresses of NAT gateways: a primary one for life, and secondary ones that come and go while the gateway works.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    address::Association,
    call::{combination, invalid},
    kind,
    nat_gateway::{LISTED_AFTERWARDS, NatGateway},
    subnet::Subnet,
    view::View,
};
use crate::local::{fault::Fault, pace::Millis};

/// How many elastic addresses AWS lets a public gateway have, and how many addresses a private one.
const MOST_PUBLIC: usize = 2;
const MOST_PRIVATE: usize = 8;

/// One address of a gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NatAddress {
    /// The elastic address of a public gateway's.
    pub(super) allocation_id: Option<String>,
    pub(super) private_ip: Ipv4Addr,
    pub(super) public_ip: Option<Ipv4Addr>,
    #[serde(default)]
    pub(super) stage: Stage,
}

/// Where an address is on its way to a gateway and away from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    Arriving {
        until: Millis,
    },
    #[default]
    There,
    Leaving {
        until: Millis,
    },
    Failed {
        message: String,
        forgotten_at: Millis,
    },
}

impl NatAddress {
    /// Of a gateway that gets none.
    pub(super) fn never(allocation_id: Option<&str>, until: Millis) -> Self {
        let allocation_id = allocation_id.map(str::to_owned);
        Self { allocation_id, private_ip: Ipv4Addr::UNSPECIFIED, public_ip: None, stage: Stage::Arriving { until } }
    }

    /// As a primary one is: there from the beginning.
    pub(super) fn primary(self) -> Self {
        Self { stage: Stage::There, ..self }
    }

    /// As the answers show it. What it is going to be, AWS tells only when it is there.
    pub(super) fn show(&self, gateway: &NatGateway, view: &View<'_>) -> Value {
        let is_public = self.allocation_id.is_some();
        let (status, failure) = match &self.stage {
            _ if gateway.has_failed() => ("failed", None),
            Stage::Arriving { .. } if is_public => ("associating", None),
            Stage::Arriving { .. } => ("assigning", None),
            Stage::There if gateway.is_pending() && is_public => ("associating", None),
            Stage::There if gateway.is_pending() => ("assigning", None),
            Stage::There => ("succeeded", None),
            Stage::Leaving { .. } if is_public => ("disassociating", None),
            Stage::Leaving { .. } => ("unassigning", None),
            Stage::Failed { message, .. } => ("failed", Some(message)),
        };
        let is_told = !matches!(self.stage, Stage::Arriving { .. });
        let association = view.store.association_at(&gateway.network_interface_id, self.private_ip);
        let own = association.filter(|(address, _)| Some(&address.allocation_id) == self.allocation_id.as_ref());
        json!({
            "AllocationId": self.allocation_id,
            "AssociationId": own.filter(|_| is_told).map(|(_, one)| &one.association_id),
            "NetworkInterfaceId": Some(&gateway.network_interface_id).filter(|id| !id.is_empty()),
            "PrivateIp": is_told.then(|| self.private_ip.to_string()),
            "PublicIp": self.public_ip.filter(|_| is_told).map(|ip| ip.to_string()),
            "IsPrimary": std::ptr::eq(self, &raw const gateway.primary),
            "Status": status,
            "FailureMessage": failure,
        })
    }
}

/// An address that a gateway is to get: the elastic one of a public gateway's, and the private one, where it is named.
pub(super) type Wanted<'a> = (Option<&'a str>, Option<Ipv4Addr>);

impl Store {
    /// The addresses that a gateway in `subnet` is to have at `until`; nothing is changed yet.
    pub(super) fn nat_addresses(
        &self,
        subnet: &Subnet,
        wanted: &[Wanted<'_>],
        until: Millis,
    ) -> Result<Vec<NatAddress>, Fault> {
        let named: Vec<Option<Ipv4Addr>> = wanted.iter().map(|(_, private_ip)| *private_ip).collect();
        let elastic: Vec<&str> = wanted.iter().filter_map(|(allocation_id, _)| *allocation_id).collect();
        if let Some(twice) = elastic.iter().enumerate().find(|(index, id)| elastic[..*index].contains(id)) {
            return Err(invalid(format!("The allocation ID {} is given more than once.", twice.1)));
        }
        for allocation_id in elastic {
            kind::ADDRESS.find(&self.addresses, allocation_id)?;
        }
        let address = |(&(allocation_id, _), private_ip): (&Wanted<'_>, Ipv4Addr)| NatAddress {
            allocation_id: allocation_id.map(str::to_owned),
            private_ip,
            public_ip: allocation_id.and_then(|id| self.addresses.get(id)).map(|address| address.public_ip),
            stage: Stage::Arriving { until },
        };
        Ok(wanted.iter().zip(self.chosen_addresses(subnet, &named)?).map(address).collect())
    }

    /// Lets those elastic addresses that are free lead to a gateway's interface. The others are looked at when the time has
    /// come.
    pub(super) fn map_nat_addresses(&mut self, network_interface_id: &str, addresses: &[NatAddress]) {
        for one in addresses {
            let elastic = one.allocation_id.as_ref().and_then(|id| self.addresses.get_mut(id));
            if let Some(address) = elastic.filter(|address| address.association.is_none()) {
                address.association = Some(Association::new(network_interface_id, one.private_ip));
            }
        }
    }

    /// Whether an address of a gateway is not its own, and what AWS says then.
    pub(super) fn lost_nat_address(&self, gateway: &NatGateway, address: &NatAddress) -> Option<String> {
        let allocation_id = address.allocation_id.as_ref()?;
        let found = self.association_at(&gateway.network_interface_id, address.private_ip);
        match found.is_some_and(|(elastic, _)| elastic.allocation_id == *allocation_id) {
            true => None,
            false => Some(format!("Elastic IP address [{allocation_id}] is already associated")),
        }
    }

    /// Moves the secondary addresses of a gateway on.
    pub(super) fn settle_nat_addresses(&mut self, id: &str, now: Millis) {
        let Some(gateway) = self.nat_gateways.get(id) else { return };
        if gateway.secondary.iter().all(|address| address.stage == Stage::There) {
            return;
        }
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for address in &gateway.secondary {
            match address.stage {
                Stage::Arriving { until } if until <= now => {
                    let stage = match self.lost_nat_address(gateway, address) {
                        None => Stage::There,
                        Some(message) => {
                            gone.push(address.private_ip);
                            Stage::Failed { message, forgotten_at: until + LISTED_AFTERWARDS }
                        }
                    };
                    kept.push(NatAddress { stage, ..address.clone() });
                }
                Stage::Leaving { until } if until <= now => gone.push(address.private_ip),
                Stage::Failed { forgotten_at, .. } if forgotten_at <= now => {}
                _ => kept.push(address.clone()),
            }
        }
        let interface_id = gateway.network_interface_id.clone();
        for address in &gone {
            self.unmap_at(&interface_id, *address);
        }
        if let Some(interface) = self.interfaces.get_mut(&interface_id) {
            interface.secondary.retain(|address| !gone.contains(address));
        }
        if let Some(gateway) = self.nat_gateways.get_mut(id) {
            gateway.secondary = kept;
        }
    }
}

/// Refuses more addresses than AWS lets a gateway have.
pub(super) fn check_number(connectivity: &str, number: usize) -> Result<(), Fault> {
    let (most, what) = match connectivity {
        "public" => (MOST_PUBLIC, "Elastic IP addresses"),
        _ => (MOST_PRIVATE, "private IPv4 addresses"),
    };
    if number <= most {
        return Ok(());
    }
    let message = format!(
        "The maximum number of addresses has been reached: a {connectivity} NAT gateway has at most {most} {what}."
    );
    Err(Fault::new("AddressLimitExceeded", message))
}

/// What is wanted, with the private addresses that are named.
pub(super) fn with_private<'a>(
    elastic: impl IntoIterator<Item = &'a String>,
    named: &[Ipv4Addr],
) -> Result<Vec<Wanted<'a>>, Fault> {
    let mut named = named.iter().copied();
    let wanted: Vec<Wanted<'_>> = elastic.into_iter().map(|id| (Some(id.as_str()), named.next())).collect();
    match named.next() {
        None => Ok(wanted),
        Some(_) => Err(combination("There are more private IP addresses than Elastic IP addresses in the request.")),
    }
}

/// As many private addresses as are named, or else as are asked for.
pub(super) fn private_only(named: &[Ipv4Addr], count: Option<usize>) -> Result<Vec<Wanted<'static>>, Fault> {
    match (named, count) {
        ([], count) => Ok(vec![(None, None); count.unwrap_or_default()]),
        (named, None) => Ok(named.iter().map(|address| (None, Some(*address))).collect()),
        _ => Err(combination("Private IP addresses and their number cannot be specified in the same request.")),
    }
}
