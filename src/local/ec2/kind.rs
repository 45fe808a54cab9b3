//! The kinds of resources: how AWS forms their ids, and in which words it refuses wrong ones.

use std::collections::BTreeMap;

use rand::Rng;

use crate::local::{fault::Fault, members::is_hex};

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Kind {
    /// The name in tag specifications and ARNs, e.g. `security-group`.
    pub(super) resource_type: &'static str,
    /// What comes before the dash of an id.
    pub(super) prefix: &'static str,
    /// What AWS calls an id in messages, e.g. `subnet ID`.
    noun: &'static str,
    /// The error code for an id that does not exist.
    not_found: &'static str,
    /// The error code for what is no id at all.
    malformed: &'static str,
}

macro_rules! kinds {
    ($($name:ident: $resource_type:literal, $prefix:literal, $noun:literal, $not_found:literal, $malformed:literal;)*) => {
        $(pub(super) static $name: Kind = Kind {
            resource_type: $resource_type,
            prefix: $prefix,
            noun: $noun,
            not_found: $not_found,
            malformed: $malformed,
        };)*
        /// Every kind; what has an id is one of these.
        pub(super) static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    // Of these two AWS says that they do not exist, whatever their form.
    VPC: "vpc", "vpc", "vpc ID", "InvalidVpcID.NotFound", "InvalidVpcID.NotFound";
    SUBNET: "subnet", "subnet", "subnet ID", "InvalidSubnetID.NotFound", "InvalidSubnetID.NotFound";
    SUBNET_RESERVATION: "subnet-cidr-reservation", "scr", "subnet CIDR reservation ID",
        "InvalidSubnetCidrReservationID.NotFound", "InvalidSubnetCidrReservationID.Malformed";
    INTERNET_GATEWAY: "internet-gateway", "igw", "internetGateway ID", "InvalidInternetGatewayID.NotFound",
        "InvalidInternetGatewayID.Malformed";
    ADDRESS: "elastic-ip", "eipalloc", "allocation ID", "InvalidAllocationID.NotFound", "InvalidAllocationID.Malformed";
    NAT_GATEWAY: "natgateway", "nat", "Nat Gateway", "NatGatewayNotFound", "NatGatewayMalformed";
    ROUTE_TABLE: "route-table", "rtb", "routeTable ID", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed";
    SECURITY_GROUP: "security-group", "sg", "security group", "InvalidGroup.NotFound", "InvalidGroupId.Malformed";
    SECURITY_GROUP_RULE: "security-group-rule", "sgr", "security group rule ID",
        "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed";
    ENDPOINT: "vpc-endpoint", "vpce", "Vpc Endpoint Id", "InvalidVpcEndpointId.NotFound",
        "InvalidVpcEndpointId.Malformed";
    NETWORK_INTERFACE: "network-interface", "eni", "networkInterface ID", "InvalidNetworkInterfaceID.NotFound",
        "InvalidNetworkInterfaceId.Malformed";
    NETWORK_ACL: "network-acl", "acl", "networkAcl ID", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclID.Malformed";
    DHCP_OPTIONS: "dhcp-options", "dopt", "dhcpOption ID", "InvalidDhcpOptionID.NotFound",
        "InvalidDhcpOptionsId.Malformed";
    PREFIX_LIST: "prefix-list", "pl", "prefix list ID", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed";
    // To `DescribePrefixLists`, which knows those of AWS alone and has a word of its own for others.
    AWS_PREFIX_LIST: "prefix-list", "pl", "prefix list ID", "InvalidPrefixListId.NotFound",
        "InvalidPrefixListId.Malformed";
}

impl Kind {
    /// A fresh id.
    pub(super) fn new_id(&self) -> String {
        new_id(self.prefix)
    }

    /// What AWS calls the resource itself in messages, e.g. `subnet`.
    pub(super) fn thing(&self) -> &'static str {
        self.noun.trim_end_matches(" ID").trim_end_matches(" Id")
    }

    /// The refusal of `id`, which does not exist.
    pub(super) fn absent(&self, id: &str) -> Fault {
        if !self.owns(id) && self.malformed != self.not_found {
            let message = format!("Invalid id: \"{id}\" (expecting \"{}-...\")", self.prefix);
            return Fault::new(self.malformed, message);
        }
        let message = match self.prefix {
            "nat" => format!("{} {id} was not found", self.noun),
            _ => format!("The {} '{id}' does not exist", self.noun),
        };
        Fault::new(self.not_found, message)
    }

    /// The resource `id` among all of its kind.
    pub(super) fn find<'a, T>(&self, all: &'a BTreeMap<String, T>, id: &str) -> Result<&'a T, Fault> {
        all.get(id).ok_or_else(|| self.absent(id))
    }

    /// The resource `id` among all of its kind, to be changed.
    pub(super) fn find_mut<'a, T>(&self, all: &'a mut BTreeMap<String, T>, id: &str) -> Result<&'a mut T, Fault> {
        all.get_mut(id).ok_or_else(|| self.absent(id))
    }

    /// Whether `id` has the form of this kind's ids.
    fn owns(&self, id: &str) -> bool {
        has_form(self.prefix, id)
    }
}

/// Whether an id is the prefix and eight or seventeen hexadecimal digits.
pub(super) fn has_form(prefix: &str, id: &str) -> bool {
    let digits = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| is_hex(digits, 8) || is_hex(digits, 17))
}

/// The kind that `id` is of, by its form.
pub(super) fn of(id: &str) -> Result<&'static Kind, Fault> {
    let kind = KINDS.iter().find(|kind| kind.owns(id)).copied();
    kind.ok_or_else(|| Fault::new("InvalidID", format!("The ID '{id}' is not valid")))
}

/// A fresh id of the modern form: `prefix-0` and sixteen hexadecimal digits.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}-0{:016x}", rand::rng().random::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_refused_in_the_words_of_their_kind() {
        let code = |kind: &Kind, id: &str| kind.absent(id).code;
        assert_eq!(code(&VPC, "vpc-0123456789abcdef0"), "InvalidVpcID.NotFound");
        assert_eq!(code(&VPC, "vpc-xyz"), "InvalidVpcID.NotFound");
        assert_eq!(code(&ADDRESS, "eipalloc-xyz"), "InvalidAllocationID.Malformed");
        assert_eq!(code(&SECURITY_GROUP, "sg-12345678"), "InvalidGroup.NotFound");
        assert_eq!(code(&NAT_GATEWAY, "nat-1"), "NatGatewayMalformed");
        assert_eq!(VPC.absent("vpc-12345678").message, "The vpc ID 'vpc-12345678' does not exist");
    }

    #[test]
    fn fresh_ids_are_of_their_kind() {
        for kind in KINDS {
            assert_eq!(of(&kind.new_id()).unwrap().resource_type, kind.resource_type);
        }
        assert_eq!(of("i-whatever").unwrap_err().code, "InvalidID");
    }
}
