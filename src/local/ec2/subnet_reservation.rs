//! Parts of a subnet's addresses that are kept back: nothing gets one of them unless it asks for it by name.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::invalid,
    cidr, kind,
    listing::Listing,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// A reservation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SubnetReservation {
    reservation_id: String,
    pub(super) subnet_id: String,
    cidr: Ipv4Net,
    /// `prefix` or `explicit`.
    reservation_type: String,
    description: Option<String>,
}

impl SubnetReservation {
    fn show(&self, view: &View<'_>) -> Value {
        json!({
            "SubnetCidrReservationId": self.reservation_id,
            "SubnetId": self.subnet_id,
            "Cidr": self.cidr.to_string(),
            "ReservationType": self.reservation_type,
            "OwnerId": view.account,
            "Description": self.description,
            "Tags": view.tags(&self.reservation_id),
        })
    }
}

impl Store {
    /// Whether an address of a subnet is kept back.
    pub(super) fn is_reserved(&self, subnet_id: &str, address: Ipv4Addr) -> bool {
        self.subnet_reservations.values().any(|one| one.subnet_id == subnet_id && one.cidr.contains(&address))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    subnet_id: String,
    cidr: String,
    reservation_type: String,
    description: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateSubnetCidrReservation`
pub(super) fn create(ctx: &mut Ctx<'_>, input: Create) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let subnet = kind::SUBNET.find(&store.subnets, &input.subnet_id)?;
    let cidr = cidr::ipv4(&input.cidr)?;
    if !subnet.cidr.contains(&cidr) {
        return Err(invalid(format!("The CIDR '{cidr}' is not within the subnet's CIDR '{}'.", subnet.cidr)));
    }
    let mut others = store.subnet_reservations.values().filter(|one| one.subnet_id == input.subnet_id);
    if let Some(other) = others.find(|one| cidr::overlap(one.cidr, cidr)) {
        return Err(invalid(format!("The CIDR '{cidr}' overlaps the reservation {}.", other.reservation_id)));
    }
    let tags = tag::given(&input.tag_specifications, &kind::SUBNET_RESERVATION)?;
    let id = kind::SUBNET_RESERVATION.new_id();
    let reservation = SubnetReservation {
        reservation_id: id.clone(),
        subnet_id: input.subnet_id,
        cidr,
        reservation_type: input.reservation_type,
        description: input.description,
    };
    store.tag(&id, tags);
    store.subnet_reservations.insert(id.clone(), reservation);
    let view = View::of(ctx);
    let made = kind::SUBNET_RESERVATION.find(&view.store.subnet_reservations, &id)?;
    Ok(json!({"SubnetCidrReservation": made.show(&view)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    subnet_cidr_reservation_id: String,
}

/// `DeleteSubnetCidrReservation`
pub(super) fn delete(ctx: &mut Ctx<'_>, input: Delete) -> Result<Value, Fault> {
    let id = input.subnet_cidr_reservation_id;
    let view = View::of(ctx);
    let shown = kind::SUBNET_RESERVATION.find(&view.store.subnet_reservations, &id)?.show(&view);
    let store = &mut ctx.region.ec2;
    store.subnet_reservations.remove(&id);
    store.tags.remove(&id);
    Ok(json!({"DeletedSubnetCidrReservation": shown}))
}

static RESERVATIONS: Listing = Listing {
    kind: &kind::SUBNET_RESERVATION,
    items: "SubnetIpv4CidrReservations",
    ids: "",
    id: "SubnetCidrReservationId",
    filters: &[("reservationType", "ReservationType"), ("subnet-id", "SubnetId")],
};

/// `GetSubnetCidrReservations`
pub(super) fn list(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let subnet_id = input.as_object_mut().and_then(|members| members.shift_remove("SubnetId")).unwrap_or_default();
    let subnet_id = subnet_id.as_str().unwrap_or_default();
    kind::SUBNET.find(&view.store.subnets, subnet_id)?;
    let all = view.store.subnet_reservations.values().filter(|one| one.subnet_id == subnet_id);
    let mut answer = RESERVATIONS.answer(&view, input, all.map(|one| one.show(&view)))?;
    answer["SubnetIpv6CidrReservations"] = json!([]);
    Ok(answer)
}
