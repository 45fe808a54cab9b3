//! Elastic addresses: public, and at most one interface's at a time.

use std::net::Ipv4Addr;

use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{combination, invalid, missing},
    kind,
    listing::Listing,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// An elastic address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(super) allocation_id: String,
    pub(super) public_ip: Ipv4Addr,
    pub(super) association: Option<Association>,
    /// The name that a reverse look-up is to give.
    #[serde(default)]
    domain_name: Option<String>,
}

/// What an address leads to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Association {
    pub(super) association_id: String,
    pub(super) network_interface_id: String,
    /// Which of the interface's addresses; none for its primary one.
    #[serde(default)]
    private_ip: Option<Ipv4Addr>,
}

impl Association {
    pub(super) fn new(network_interface_id: &str, private_ip: Ipv4Addr) -> Self {
        Self {
            association_id: kind::new_id("eipassoc"),
            network_interface_id: network_interface_id.to_owned(),
            private_ip: Some(private_ip),
        }
    }

    /// The private address that it leads to.
    fn end(&self, store: &Store) -> Option<Ipv4Addr> {
        let primary = || store.interfaces.get(&self.network_interface_id).map(|interface| interface.private_ip);
        self.private_ip.or_else(primary)
    }
}

impl Address {
    fn show(&self, view: &View<'_>) -> Value {
        let association = self.association.as_ref();
        let private_ip = association.and_then(|one| one.end(view.store));
        json!({
            "AllocationId": self.allocation_id,
            "PublicIp": self.public_ip.to_string(),
            "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": view.region,
            "Domain": "vpc",
            "AssociationId": association.map(|one| &one.association_id),
            "NetworkInterfaceId": association.map(|one| &one.network_interface_id),
            "NetworkInterfaceOwnerId": association.map(|_| view.account),
            "PrivateIpAddress": private_ip.map(|ip| ip.to_string()),
            "Tags": view.tags_if_any(&self.allocation_id),
        })
    }

    /// What `DescribeAddressesAttribute` and the like tell; a name ends with its dot.
    fn show_attribute(&self) -> Value {
        let name = self.domain_name.as_ref().map(|name| format!("{}.", name.trim_end_matches('.')));
        json!({"AllocationId": self.allocation_id, "PublicIp": self.public_ip.to_string(), "PtrRecord": name})
    }

    /// The refusal to map an address that is mapped already.
    fn already_associated(&self, association: &Association) -> Fault {
        let message = format!(
            "resource {} is already associated with associate-id {}",
            self.allocation_id, association.association_id
        );
        Fault::new("Resource.AlreadyAssociated", message)
    }
}

impl Store {
    /// Whether a public address leads to an interface of the VPC.
    pub(super) fn has_mapped_addresses(&self, vpc_id: &str) -> bool {
        let mut mapped = self.addresses.values().filter_map(|address| address.association.as_ref());
        mapped.any(|one| self.interfaces.get(&one.network_interface_id).is_some_and(|found| found.vpc_id == vpc_id))
    }

    /// The elastic address that leads to one private address of an interface.
    pub(super) fn association_at(
        &self,
        network_interface_id: &str,
        private_ip: Ipv4Addr,
    ) -> Option<(&Address, &Association)> {
        self.addresses.values().find_map(|address| {
            let association = address.association.as_ref()?;
            let leads_there =
                association.network_interface_id == network_interface_id && association.end(self) == Some(private_ip);
            leads_there.then_some((address, association))
        })
    }

    /// Takes the elastic address away from one private address of an interface.
    pub(super) fn unmap_at(&mut self, network_interface_id: &str, private_ip: Ipv4Addr) {
        let found = self.association_at(network_interface_id, private_ip).map(|(one, _)| one.allocation_id.clone());
        if let Some(address) = found.and_then(|id| self.addresses.get_mut(&id)) {
            address.association = None;
        }
    }

    /// Lets the elastic address of a private one follow it to another interface.
    pub(super) fn remap(&mut self, from: &str, private_ip: Ipv4Addr, to: &str) {
        let found = self.association_at(from, private_ip).map(|(one, _)| one.allocation_id.clone());
        if let Some(address) = found.and_then(|id| self.addresses.get_mut(&id)) {
            address.association = Some(Association::new(to, private_ip));
        }
    }

    /// Takes the addresses away from an interface that goes.
    pub(super) fn unmap(&mut self, network_interface_id: &str) {
        for address in self.addresses.values_mut() {
            address.association.take_if(|one| one.network_interface_id == network_interface_id);
        }
    }

    /// An address nobody has, out of the range kept for benchmarks (RFC 2544): it leads nowhere.
    fn unused_public_ip(&self) -> Ipv4Addr {
        loop {
            let random: u32 = rand::rng().random_range(0x0001..0x1_ffff);
            let candidate = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + random);
            if !self.addresses.values().any(|address| address.public_ip == candidate) {
                return candidate;
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Allocate {
    domain: Option<String>,
    network_border_group: Option<String>,
    public_ipv4_pool: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// How many elastic addresses an account has in a region: AWS gives five, and more to who asks; several stacks need more.
pub(super) const MOST_ADDRESSES: usize = 50;

/// `AllocateAddress`
pub(super) fn allocate(ctx: &mut Ctx<'_>, input: Allocate) -> Result<Value, Fault> {
    if input.domain.as_deref() == Some("standard") {
        return Err(invalid("Value (standard) for parameter domain is invalid. EC2-Classic is not available."));
    }
    if let Some(group) = input.network_border_group.filter(|group| group != ctx.region_name) {
        return Err(invalid(format!("Value ({group}) for parameter networkBorderGroup is invalid.")));
    }
    if let Some(pool) = input.public_ipv4_pool.filter(|pool| pool != "amazon") {
        let message = format!("The public IPv4 pool ID '{pool}' does not exist.");
        return Err(Fault::new("InvalidPublicIpv4PoolID.NotFound", message));
    }
    let tags = tag::given(&input.tag_specifications, &kind::ADDRESS)?;
    let store = &mut ctx.region.ec2;
    if store.addresses.len() >= MOST_ADDRESSES {
        return Err(Fault::new("AddressLimitExceeded", "The maximum number of addresses has been reached."));
    }
    let address = Address {
        allocation_id: kind::ADDRESS.new_id(),
        public_ip: store.unused_public_ip(),
        association: None,
        domain_name: None,
    };
    let answer = json!({
        "AllocationId": address.allocation_id,
        "PublicIp": address.public_ip.to_string(),
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": ctx.region_name,
        "Domain": "vpc",
    });
    store.tag(&address.allocation_id, tags);
    store.addresses.insert(address.allocation_id.clone(), address);
    Ok(answer)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Release {
    allocation_id: Option<String>,
    public_ip: Option<String>,
    network_border_group: Option<String>,
}

/// `ReleaseAddress`: refused while it leads to an interface.
pub(super) fn release(ctx: &mut Ctx<'_>, input: Release) -> Result<Value, Fault> {
    if let Some(group) = input.network_border_group.filter(|group| group != ctx.region_name) {
        return Err(invalid(format!("Value ({group}) for parameter networkBorderGroup is invalid.")));
    }
    let store = &mut ctx.region.ec2;
    let address = match (input.allocation_id, input.public_ip) {
        (Some(id), None) => kind::ADDRESS.find(&store.addresses, &id)?,
        (None, Some(ip)) => by_public_ip(store, &ip)?,
        (Some(_), Some(_)) => return Err(combination("You may specify public IP or allocation id, but not both")),
        (None, None) => return Err(missing("allocationId")),
    };
    if address.association.is_some() {
        return Err(Fault::new("InvalidIPAddress.InUse", format!("Address {} is in use.", address.public_ip)));
    }
    let id = address.allocation_id.clone();
    store.addresses.remove(&id);
    store.tags.remove(&id);
    Ok(json!({}))
}

fn by_public_ip<'a>(store: &'a Store, ip: &str) -> Result<&'a Address, Fault> {
    let found = store.addresses.values().find(|address| address.public_ip.to_string() == ip);
    found.ok_or_else(|| Fault::new("InvalidAddress.NotFound", format!("Address '{ip}' not found.")))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Associate {
    allocation_id: Option<String>,
    public_ip: Option<String>,
    instance_id: Option<String>,
    network_interface_id: Option<String>,
    private_ip_address: Option<Ipv4Addr>,
    /// To move an address that leads elsewhere is what AWS does unless it is told not to.
    allow_reassociation: Option<bool>,
}

/// `AssociateAddress`, with a network interface: there are no instances here.
pub(super) fn associate(ctx: &mut Ctx<'_>, input: Associate) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    if let Some(id) = input.instance_id {
        return Err(Fault::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")));
    }
    let id = match (input.allocation_id, input.public_ip) {
        (Some(_), Some(_)) => {
            return Err(combination("You may specify public IP or allocation id, but not both in the same call"));
        }
        (Some(id), None) => id,
        (None, Some(ip)) => by_public_ip(store, &ip)?.allocation_id.clone(),
        (None, None) => return Err(missing("allocationId")),
    };
    let interface_id = input.network_interface_id.ok_or_else(|| missing("networkInterfaceId"))?;
    let address = kind::ADDRESS.find(&store.addresses, &id)?;
    let interface = kind::NETWORK_INTERFACE.find(&store.interfaces, &interface_id)?;
    interface.refuse_if_managed()?;
    if !store.has_internet_gateway(&interface.vpc_id) {
        let message = format!("Network {} is not attached to any internet gateway", interface.vpc_id);
        return Err(Fault::new("Gateway.NotAttached", message));
    }
    let private_ip = input.private_ip_address.unwrap_or(interface.private_ip);
    if !interface.private_addresses().any(|address| address == private_ip) {
        return Err(invalid(format!("Some of [{private_ip}] are not assigned to interface {interface_id}")));
    }
    if let Some(association) = &address.association {
        if association.network_interface_id == interface_id && association.end(store) == Some(private_ip) {
            return Ok(json!({"AssociationId": association.association_id}));
        }
        if let Some(present) = store.interfaces.get(&association.network_interface_id) {
            present.refuse_if_managed()?;
        }
    }
    if input.allow_reassociation == Some(false) {
        if let Some(association) = &address.association {
            return Err(address.already_associated(association));
        }
        if let Some((other, _)) = store.association_at(&interface_id, private_ip) {
            let message = format!("resource {interface_id} is already associated with {}", other.allocation_id);
            return Err(Fault::new("Resource.AlreadyAssociated", message));
        }
    }
    store.unmap_at(&interface_id, private_ip);
    let association = Association::new(&interface_id, private_ip);
    let answer = json!({"AssociationId": association.association_id});
    kind::ADDRESS.find_mut(&mut store.addresses, &id)?.association = Some(association);
    Ok(answer)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Disassociate {
    association_id: Option<String>,
    public_ip: Option<String>,
}

/// `DisassociateAddress`: not from the interfaces of gateways, which keep theirs.
pub(super) fn disassociate(ctx: &mut Ctx<'_>, input: Disassociate) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let address = match (input.association_id, input.public_ip) {
        (Some(id), _) => {
            let mut all = store.addresses.values();
            let found = all.find(|one| one.association.as_ref().is_some_and(|one| one.association_id == id));
            let message = || format!("The association ID '{id}' does not exist");
            found.ok_or_else(|| Fault::new("InvalidAssociationID.NotFound", message()))?
        }
        (None, Some(ip)) => by_public_ip(store, &ip)?,
        (None, None) => return Err(missing("associationId")),
    };
    let id = address.allocation_id.clone();
    let interface = address.association.as_ref().and_then(|one| store.interfaces.get(&one.network_interface_id));
    if let Some(interface) = interface {
        interface.refuse_if_managed()?;
    }
    kind::ADDRESS.find_mut(&mut store.addresses, &id)?.association = None;
    Ok(json!({}))
}

static ADDRESSES: Listing = Listing {
    kind: &kind::ADDRESS,
    items: "Addresses",
    ids: "AllocationIds",
    id: "AllocationId",
    filters: &[
        ("allocation-id", "AllocationId"),
        ("association-id", "AssociationId"),
        ("domain", "Domain"),
        ("instance-id", "InstanceId"),
        ("network-border-group", "NetworkBorderGroup"),
        ("network-interface-id", "NetworkInterfaceId"),
        ("network-interface-owner-id", "NetworkInterfaceOwnerId"),
        ("private-ip-address", "PrivateIpAddress"),
        ("public-ip", "PublicIp"),
    ],
};

/// `DescribeAddresses`
pub(super) fn describe(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let given = input.as_object_mut().and_then(|members| members.shift_remove("PublicIps")).unwrap_or_default();
    let public_ips: Vec<&str> = given.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for ip in &public_ips {
        by_public_ip(view.store, ip)?;
    }
    let all = view
        .store
        .addresses
        .values()
        .filter(|address| public_ips.is_empty() || public_ips.contains(&address.public_ip.to_string().as_str()));
    ADDRESSES.answer(&view, input, all.map(|address| address.show(&view)))
}

static ATTRIBUTES: Listing =
    Listing { kind: &kind::ADDRESS, items: "Addresses", ids: "AllocationIds", id: "AllocationId", filters: &[] };

/// `DescribeAddressesAttribute`
pub(super) fn describe_attribute(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let attribute = input.as_object_mut().and_then(|members| members.shift_remove("Attribute")).unwrap_or_default();
    if let Some(other) = attribute.as_str().filter(|attribute| *attribute != "domain-name") {
        return Err(invalid(format!("Value ({other}) for parameter attribute is invalid.")));
    }
    let view = View::of(ctx);
    ATTRIBUTES.answer_pages_of(1..=1000, &view, input, view.store.addresses.values().map(Address::show_attribute))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct ChangeAttribute {
    allocation_id: String,
    domain_name: Option<String>,
    attribute: Option<String>,
}

/// `ModifyAddressAttribute`: in AWS the name has to lead to the address; here no name does, for the address leads nowhere.
pub(super) fn modify_attribute(ctx: &mut Ctx<'_>, input: ChangeAttribute) -> Result<Value, Fault> {
    let address = kind::ADDRESS.find_mut(&mut ctx.region.ec2.addresses, &input.allocation_id)?;
    address.domain_name = Some(input.domain_name.filter(|name| !name.is_empty()).ok_or_else(|| missing("domainName"))?);
    Ok(json!({"Address": address.show_attribute()}))
}

/// `ResetAddressAttribute`
pub(super) fn reset_attribute(ctx: &mut Ctx<'_>, input: ChangeAttribute) -> Result<Value, Fault> {
    if let Some(other) = input.attribute.filter(|attribute| attribute != "domain-name") {
        return Err(invalid(format!("Value ({other}) for parameter attribute is invalid.")));
    }
    let address = kind::ADDRESS.find_mut(&mut ctx.region.ec2.addresses, &input.allocation_id)?;
    address.domain_name = None;
    Ok(json!({"Address": address.show_attribute()}))
}
