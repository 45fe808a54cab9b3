//! The private addresses of a subnet: which are free, and which can be had by name.

use std::{collections::BTreeSet, net::Ipv4Addr};

use super::{Store, call::invalid, cidr, network_interface::NetworkInterface, subnet::Subnet};
use crate::local::fault::Fault;

impl NetworkInterface {
    /// All its addresses, the primary one first.
    pub(super) fn private_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        [self.private_ip].into_iter().chain(self.secondary.iter().copied())
    }
}

/// Refuses an address that does not lie in the subnet, or that AWS keeps.
pub(super) fn check_within(subnet: &Subnet, wanted: Ipv4Addr) -> Result<(), Fault> {
    match cidr::usable(subnet.cidr).any(|address| address == wanted) {
        true => Ok(()),
        false => Err(invalid(format!("Address {wanted} does not fall within the subnet's address range"))),
    }
}

/// What the refusal is called where a subnet has no address left.
pub(super) const FULL: &str = "InsufficientFreeAddressesInSubnet";

/// The refusal where a subnet has no address left.
fn full(subnet: &Subnet) -> Fault {
    let message = format!(
        "The specified subnet does not have enough free addresses to satisfy the request: {}.",
        subnet.subnet_id
    );
    Fault::new(FULL, message)
}

/// How many addresses an interface can have. In AWS that depends on the type of its instance; here it is as many as the largest
/// of the usual types have.
const LIMIT: usize = 50;

/// Refuses to give an interface more addresses than it can have.
pub(super) fn check_number(addresses: usize) -> Result<(), Fault> {
    match addresses <= LIMIT {
        true => Ok(()),
        false => Err(Fault::new("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")),
    }
}

impl Store {
    /// The addresses of a subnet that interfaces have.
    pub(super) fn addresses_in(&self, subnet_id: &str) -> BTreeSet<Ipv4Addr> {
        let neighbours = self.interfaces.values().filter(|one| one.subnet_id == subnet_id);
        neighbours.flat_map(NetworkInterface::private_addresses).collect()
    }

    /// The addresses of a subnet that no interface has and that are not kept back, the lowest first.
    fn free_addresses(&self, subnet: &Subnet) -> impl Iterator<Item = Ipv4Addr> {
        let taken = self.addresses_in(&subnet.subnet_id);
        let is_free =
            move |address: &Ipv4Addr| !taken.contains(address) && !self.is_reserved(&subnet.subnet_id, *address);
        cidr::usable(subnet.cidr).filter(is_free)
    }

    /// Refuses where one of these subnets has no address left; one that another cloud may know has room.
    pub(crate) fn check_room(&self, subnet_ids: &[String]) -> Result<(), Fault> {
        subnet_ids.iter().filter_map(|id| self.subnet(id)).try_for_each(|subnet| self.free_address(subnet).map(drop))
    }

    /// The lowest free address of a subnet.
    pub(super) fn free_address(&self, subnet: &Subnet) -> Result<Ipv4Addr, Fault> {
        self.free_addresses(subnet).next().ok_or_else(|| full(subnet))
    }

    /// Several addresses of a subnet: those that are named, and the lowest free ones for the rest.
    pub(super) fn chosen_addresses(
        &self,
        subnet: &Subnet,
        wanted: &[Option<Ipv4Addr>],
    ) -> Result<Vec<Ipv4Addr>, Fault> {
        let named: Vec<Ipv4Addr> = wanted.iter().copied().flatten().collect();
        for (index, address) in named.iter().enumerate() {
            self.untaken_address(subnet, *address)?;
            if named[..index].contains(address) {
                return Err(invalid(format!("Address {address} is given more than once.")));
            }
        }
        let mut free = self.free_addresses(subnet).filter(|address| !named.contains(address));
        wanted.iter().map(|address| address.or_else(|| free.next()).ok_or_else(|| full(subnet))).collect()
    }

    /// The address `wanted` of a subnet, refused where an interface has it.
    pub(super) fn untaken_address(&self, subnet: &Subnet, wanted: Ipv4Addr) -> Result<Ipv4Addr, Fault> {
        check_within(subnet, wanted)?;
        match self.is_taken(&subnet.vpc_id, wanted) {
            true => Err(Fault::new("InvalidIPAddress.InUse", format!("Address {wanted} is in use."))),
            false => Ok(wanted),
        }
    }

    /// Whether an interface in the VPC has this address.
    pub(super) fn is_taken(&self, vpc_id: &str, address: Ipv4Addr) -> bool {
        let mut neighbours = self.interfaces.values().filter(|one| one.vpc_id == vpc_id);
        neighbours.any(|one| one.private_addresses().any(|taken| taken == address))
    }
}
