//! Network interfaces. Those of a user are made and removed here; those that gateways, endpoints, databases and connectors
//! keep in subnets, where they hold the subnet and the groups, are `network_interface_owner`'s.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, in_use},
    dhcp_options, kind,
    listing::Listing,
    network_interface_owner::OF_FUNCTION,
    private_address::check_number,
    subnet::Subnet,
    tag::{self, TagSpecification},
    view::{View, timestamp},
    zone,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// A network interface.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkInterface {
    pub(super) network_interface_id: String,
    pub(super) subnet_id: String,
    pub(super) vpc_id: String,
    pub(super) availability_zone: String,
    pub(super) private_ip: Ipv4Addr,
    /// Further addresses.
    #[serde(default)]
    pub(super) secondary: Vec<Ipv4Addr>,
    /// Whether it passes on what is not addressed to it.
    #[serde(default)]
    pub(super) unchecked: bool,
    pub(super) group_ids: Vec<String>,
    pub(super) description: String,
    /// `interface`, `nat_gateway`, `vpc_endpoint` or `lambda`.
    pub(super) interface_type: String,
    /// The service that made it for itself, e.g. `amazon-rds`; none where a user did.
    pub(super) requester: Option<String>,
    /// What it belongs to: an ARN or an id.
    pub(super) owner: Option<String>,
    pub(super) attached_at: Millis,
    /// When an interface whose owner has left is gone.
    pub(super) gone_at: Option<Millis>,
    /// How long it outlives its owner; AWS's can take an hour.
    #[serde(default)]
    pub(super) lingers: Millis,
    /// The role with which alone it is removed, where its service needs one for that.
    #[serde(default)]
    pub(super) removed_by: Option<String>,
}

impl NetworkInterface {
    /// A free-standing one at `private_ip`.
    pub(super) fn new(subnet: &Subnet, private_ip: Ipv4Addr, group_ids: Vec<String>, now: Millis) -> Self {
        Self {
            network_interface_id: kind::NETWORK_INTERFACE.new_id(),
            subnet_id: subnet.subnet_id.clone(),
            vpc_id: subnet.vpc_id.clone(),
            availability_zone: subnet.availability_zone.clone(),
            private_ip,
            secondary: Vec::new(),
            unchecked: false,
            group_ids,
            description: String::new(),
            interface_type: "interface".to_owned(),
            requester: None,
            owner: None,
            attached_at: now,
            gone_at: None,
            lingers: 0,
            removed_by: None,
        }
    }

    /// `in-use` while something is attached, also one whose owner is gone and that is removed some time later.
    pub(super) fn status(&self) -> &'static str {
        if self.owner.is_some() { "in-use" } else { "available" }
    }

    /// Whether Lambda made it, with the rights of somebody's role: EC2 does not call it managed then.
    fn is_of_function(&self) -> bool {
        self.interface_type == OF_FUNCTION
    }

    /// Refuses to change what another service keeps for itself.
    pub(super) fn refuse_if_managed(&self) -> Result<(), Fault> {
        let Some(requester) = &self.requester else { return Ok(()) };
        let message = format!(
            "You do not have permission to access the specified resource: {} is managed by {requester}.",
            self.network_interface_id
        );
        Err(Fault::new("AuthFailure", message))
    }

    /// An address of its own on the link, derived from the private one.
    fn mac_address(&self) -> String {
        let [a, b, c, d] = self.private_ip.octets();
        format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }

    /// The id of its attachment to the service that keeps it.
    pub(super) fn attachment_id(&self) -> Option<String> {
        self.owner.as_ref().map(|_| self.network_interface_id.replacen("eni", "ela-attach", 1))
    }

    pub(super) fn show(&self, view: &View<'_>) -> Value {
        let domain = dhcp_options::domain(view.region);
        let dns_name = |address: Ipv4Addr| format!("ip-{}.{domain}", address.to_string().replace('.', "-"));
        let association = |private_ip| {
            view.store.association_at(&self.network_interface_id, private_ip).map(|(address, association)| {
                json!({
                    "AllocationId": address.allocation_id,
                    "AssociationId": association.association_id,
                    "IpOwnerId": view.account,
                    "PublicIp": address.public_ip.to_string(),
                    "PublicDnsName": "",
                })
            })
        };
        let groups = self.group_ids.iter().map(|group_id| {
            let name = view.store.security_groups.get(group_id).map(|group| group.group_name.as_str());
            json!({"GroupId": group_id, "GroupName": name})
        });
        let attachment = self.attachment_id().map(|id| {
            json!({
                "AttachmentId": id,
                "AttachTime": timestamp(self.attached_at),
                "DeleteOnTermination": false,
                "DeviceIndex": 1,
                "InstanceOwnerId": match self.interface_type.as_str() {
                    "interface" => self.requester.as_deref(),
                    _ => Some("amazon-aws"),
                },
                "Status": "attached",
            })
        });
        let addresses = self.private_addresses().map(|address| {
            json!({
                "Primary": address == self.private_ip,
                "PrivateDnsName": dns_name(address),
                "PrivateIpAddress": address.to_string(),
                "Association": association(address),
            })
        });
        json!({
            "NetworkInterfaceId": self.network_interface_id,
            "InterfaceType": self.interface_type,
            "Description": self.description,
            "Status": self.status(),
            "OwnerId": view.account,
            "RequesterId": self.requester,
            "RequesterManaged": self.requester.is_some() && !self.is_of_function(),
            "VpcId": self.vpc_id,
            "SubnetId": self.subnet_id,
            "AvailabilityZone": self.availability_zone,
            "AvailabilityZoneId": zone::id(&self.availability_zone),
            "MacAddress": self.mac_address(),
            "PrivateIpAddress": self.private_ip.to_string(),
            "PrivateDnsName": dns_name(self.private_ip),
            "PrivateIpAddresses": addresses.collect::<Vec<_>>(),
            "Association": association(self.private_ip),
            "Attachment": attachment,
            "SourceDestCheck": self.interface_type != "nat_gateway" && !self.unchecked,
            "Groups": groups.collect::<Vec<_>>(),
            "Ipv6Addresses": [],
            "Operator": {"Managed": false},
            "TagSet": view.tags(&self.network_interface_id),
        })
    }
}

impl Store {
    /// Whether an interface is in this group.
    pub(super) fn is_group_in_use(&self, group_id: &str) -> bool {
        self.interfaces.values().any(|interface| interface.group_ids.iter().any(|id| id == group_id))
    }
}

/// One of several addresses that a call names.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct PrivateIpAddressSpecification {
    private_ip_address: Option<Ipv4Addr>,
    primary: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateNetworkInterface {
    client_token: Option<String>,
    subnet_id: String,
    description: String,
    groups: Vec<String>,
    private_ip_address: Option<Ipv4Addr>,
    private_ip_addresses: Vec<PrivateIpAddressSpecification>,
    secondary_private_ip_address_count: Option<usize>,
    interface_type: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

impl CreateNetworkInterface {
    /// The addresses that it asks for, the primary one first; none where any free one will do.
    fn addresses(&self) -> Result<Vec<Option<Ipv4Addr>>, Fault> {
        let primary = |one: &&PrivateIpAddressSpecification| one.primary;
        if self.private_ip_addresses.iter().filter(primary).count() + usize::from(self.private_ip_address.is_some()) > 1
        {
            return Err(call::combination("Only one private IP address can be the primary one."));
        }
        let others = self.private_ip_addresses.iter().filter(|one| !one.primary).map(|one| one.private_ip_address);
        let mut others: Vec<Option<Ipv4Addr>> = others.collect();
        let counted = self.secondary_private_ip_address_count.unwrap_or_default();
        check_number(others.len().saturating_add(counted).saturating_add(1))?;
        match self.secondary_private_ip_address_count {
            Some(_) if !others.is_empty() => {
                return Err(call::combination(
                    "The parameters privateIpAddresses and secondaryPrivateIpAddressCount exclude each other.",
                ));
            }
            _ => others.extend(std::iter::repeat_n(None, counted)),
        }
        let named = self.private_ip_addresses.iter().find(primary).and_then(|one| one.private_ip_address);
        others.insert(0, self.private_ip_address.or(named));
        Ok(others)
    }
}

/// `CreateNetworkInterface`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateNetworkInterface) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::NETWORK_INTERFACE, input.client_token.as_ref(), &input, |ctx| {
        make(&mut ctx.region.ec2, &input, ctx.now)
    })?;
    let view = View::of(ctx);
    let interface = kind::NETWORK_INTERFACE.find(&view.store.interfaces, &id)?;
    let mut shown = interface.show(&view);
    shown["Status"] = json!("pending");
    Ok(json!({"NetworkInterface": shown, "ClientToken": input.client_token}))
}

/// Checks the parameters and makes the interface.
fn make(store: &mut Store, input: &CreateNetworkInterface, now: Millis) -> Result<String, Fault> {
    if input.interface_type.as_ref().is_some_and(|wanted| wanted != "interface") {
        return Err(call::unsupported("InterfaceType"));
    }
    let subnet = kind::SUBNET.find(&store.subnets, &input.subnet_id)?;
    let group_ids = store.groups_of_vpc(&subnet.vpc_id, input.groups.clone())?;
    let mut addresses = store.chosen_addresses(subnet, &input.addresses()?)?;
    let private_ip = addresses.remove(0);
    let tags = tag::given(&input.tag_specifications, &kind::NETWORK_INTERFACE)?;
    let interface = NetworkInterface {
        description: input.description.clone(),
        secondary: addresses,
        ..NetworkInterface::new(subnet, private_ip, group_ids, now)
    };
    let id = interface.network_interface_id.clone();
    store.tag(&id, tags);
    store.interfaces.insert(id.clone(), interface);
    Ok(id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteNetworkInterface {
    network_interface_id: String,
}

/// `DeleteNetworkInterface`: refused while it is in use.
pub(super) fn delete(ctx: &mut Ctx<'_>, input: DeleteNetworkInterface) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = input.network_interface_id;
    let interface = kind::NETWORK_INTERFACE.find(&store.interfaces, &id)?;
    if interface.owner.is_some() {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(Fault::new("InvalidParameterValue", message));
    }
    if store.routes_lead_to(&id) {
        return Err(in_use(&kind::NETWORK_INTERFACE, &id));
    }
    store.unmap(&id);
    store.interfaces.remove(&id);
    store.tags.remove(&id);
    Ok(json!({}))
}

static INTERFACES: Listing = Listing {
    kind: &kind::NETWORK_INTERFACE,
    items: "NetworkInterfaces",
    ids: "NetworkInterfaceIds",
    id: "NetworkInterfaceId",
    filters: &[
        ("addresses.association.owner-id", "PrivateIpAddresses.Association.IpOwnerId"),
        ("addresses.association.public-ip", "PrivateIpAddresses.Association.PublicIp"),
        ("addresses.primary", "PrivateIpAddresses.Primary"),
        ("addresses.private-ip-address", "PrivateIpAddresses.PrivateIpAddress"),
        ("association.allocation-id", "Association.AllocationId"),
        ("association.association-id", "Association.AssociationId"),
        ("association.ip-owner-id", "Association.IpOwnerId"),
        ("association.public-dns-name", "Association.PublicDnsName"),
        ("association.public-ip", "Association.PublicIp"),
        ("attachment.attach-time", "Attachment.AttachTime"),
        ("attachment.attachment-id", "Attachment.AttachmentId"),
        ("attachment.delete-on-termination", "Attachment.DeleteOnTermination"),
        ("attachment.device-index", "Attachment.DeviceIndex"),
        ("attachment.instance-id", "Attachment.InstanceId"),
        ("attachment.instance-owner-id", "Attachment.InstanceOwnerId"),
        ("attachment.status", "Attachment.Status"),
        ("availability-zone", "AvailabilityZone"),
        ("availability-zone-id", "AvailabilityZoneId"),
        ("description", "Description"),
        ("group-id", "Groups.GroupId"),
        ("group-name", "Groups.GroupName"),
        ("interface-type", "InterfaceType"),
        ("ipv6-addresses.ipv6-address", "Ipv6Addresses.Ipv6Address"),
        ("mac-address", "MacAddress"),
        ("network-interface-id", "NetworkInterfaceId"),
        ("operator.managed", "Operator.Managed"),
        ("operator.principal", "Operator.Principal"),
        ("owner-id", "OwnerId"),
        ("private-dns-name", "PrivateDnsName"),
        ("private-ip-address", "PrivateIpAddress"),
        ("requester-id", "RequesterId"),
        ("requester-managed", "RequesterManaged"),
        ("source-dest-check", "SourceDestCheck"),
        ("status", "Status"),
        ("subnet-id", "SubnetId"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeNetworkInterfaces`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    INTERFACES.answer(&view, input, view.store.interfaces.values().map(|interface| interface.show(&view)))
}
