//! The network interfaces that other resources keep: who makes them and what for, and how long they outlive it.

use std::net::Ipv4Addr;

use super::{Store, call::missing, kind, network_interface::NetworkInterface};
use crate::local::{fault::Fault, pace::Millis};

/// The type of the interfaces of functions.
pub(super) const OF_FUNCTION: &str = "lambda";

/// Who makes an interface, and what for.
pub(crate) struct Purpose<'a> {
    pub(super) owner: &'a str,
    pub(super) description: &'a str,
    pub(super) requester: &'a str,
    pub(super) interface_type: &'a str,
}

impl<'a> Purpose<'a> {
    /// For another service's resource `owner` (an ARN), by a requester such as `amazon-rds`.
    pub(crate) fn of_service(owner: &'a str, description: &'a str, requester: &'a str) -> Self {
        Self { owner, description, requester, interface_type: "interface" }
    }

    /// For a function; the requester is a session of the function's role.
    pub(crate) fn of_function(owner: &'a str, description: &'a str, requester: &'a str) -> Self {
        Self { interface_type: OF_FUNCTION, ..Self::of_service(owner, description, requester) }
    }
}

impl Store {
    /// Makes the interface of another service's resource. It holds its subnet and groups until it is detached. Refused where
    /// the subnet is full; without an id where it does not exist, which callers have checked: another cloud may know it.
    pub(crate) fn attach_interface(
        &mut self,
        purpose: &Purpose<'_>,
        subnet_id: &str,
        group_ids: &[String],
        now: Millis,
    ) -> Result<String, Fault> {
        match self.subnet(subnet_id) {
            Some(_) => self.make_interface(purpose, subnet_id, group_ids.to_vec(), now),
            None => Ok(String::new()),
        }
    }

    /// The same in each of these subnets, or in none of them where one is full.
    pub(crate) fn attach_interfaces(
        &mut self,
        purpose: &Purpose<'_>,
        subnet_ids: &[String],
        group_ids: &[String],
        now: Millis,
    ) -> Result<(), Fault> {
        self.check_room(subnet_ids)?;
        for subnet_id in subnet_ids {
            self.attach_interface(purpose, subnet_id, group_ids, now)?;
        }
        Ok(())
    }

    /// Whether `owner` has an interface that goes on, or can.
    pub(crate) fn has_interface(&self, owner: &str) -> bool {
        self.interfaces_of(owner).any(|interface| interface.gone_at != Some(Millis::MAX))
    }

    /// Keeps the interfaces of `owner`, also those that are on their way out; none that was left for ever. Answers whether
    /// there are any.
    pub(crate) fn keep_interface(&mut self, owner: &str) -> bool {
        let own = self.interfaces.values_mut().filter(|one| one.owner.as_deref() == Some(owner));
        let mut any = false;
        for interface in own.filter(|one| one.gone_at != Some(Millis::MAX)) {
            interface.gone_at = None;
            any = true;
        }
        any
    }

    /// Removes every interface of `owner`; those that linger go on holding their subnets and groups for a while, as AWS's do
    /// after some deletions.
    pub(crate) fn detach_interfaces(&mut self, owner: &str) {
        let now = self.settled;
        let mut gone = Vec::new();
        for interface in self.interfaces.values_mut().filter(|one| one.owner.as_deref() == Some(owner)) {
            match interface.lingers {
                0 => gone.push(interface.network_interface_id.clone()),
                while_longer => {
                    interface.gone_at.get_or_insert(now + while_longer);
                }
            }
        }
        self.remove_interfaces(&gone);
    }

    /// Removes the interfaces that have outlived their owners for long enough.
    pub(super) fn settle_interfaces(&mut self, now: Millis) {
        let over = self.interfaces.values().filter(|one| one.gone_at.is_some_and(|at| at <= now));
        let gone: Vec<String> = over.map(|one| one.network_interface_id.clone()).collect();
        self.remove_interfaces(&gone);
    }

    /// Leaves for ever what waits to be removed with a role that is gone.
    pub(crate) fn abandon_interfaces(&mut self, exists: impl Fn(&str) -> bool) {
        for interface in self.interfaces.values_mut().filter(|one| one.gone_at.is_some()) {
            if interface.removed_by.as_deref().is_some_and(|role| !exists(role)) {
                interface.gone_at = Some(Millis::MAX);
            }
        }
    }

    fn remove_interfaces(&mut self, ids: &[String]) {
        for id in ids {
            self.unmap(id);
            self.interfaces.remove(id);
            self.tags.remove(id);
        }
    }

    /// Lets every interface that there is outlive its owner by so many milliseconds.
    pub(crate) fn linger(&mut self, ms: Millis) {
        self.interfaces.values_mut().for_each(|interface| interface.lingers = ms);
    }

    /// Lets the interfaces of `owner` outlive it by so many milliseconds at least, and for ever where the role that removes
    /// them goes before.
    pub(crate) fn outlast(&mut self, owner: &str, ms: Millis, removed_by: Option<&str>) {
        for interface in self.interfaces.values_mut().filter(|one| one.owner.as_deref() == Some(owner)) {
            interface.lingers = interface.lingers.max(ms);
            interface.removed_by = removed_by.map(str::to_owned);
        }
    }

    /// Puts the interfaces of `owner` into other groups.
    pub(crate) fn regroup_interfaces(&mut self, owner: &str, group_ids: &[String]) {
        for interface in self.interfaces.values_mut().filter(|one| one.owner.as_deref() == Some(owner)) {
            interface.group_ids = group_ids.to_vec();
        }
    }

    /// Leaves the interfaces with their owner, whose ARN is another one now.
    pub(crate) fn hand_over_interfaces(&mut self, old: &str, new: &str) {
        for interface in self.interfaces.values_mut().filter(|one| one.owner.as_deref() == Some(old)) {
            interface.owner = Some(new.to_owned());
        }
    }

    /// The interfaces of `owner`.
    pub(super) fn interfaces_of(&self, owner: &str) -> impl Iterator<Item = &NetworkInterface> {
        self.interfaces.values().filter(move |interface| interface.owner.as_deref() == Some(owner))
    }

    /// Makes an interface for another resource.
    pub(super) fn make_interface(
        &mut self,
        purpose: &Purpose<'_>,
        subnet_id: &str,
        group_ids: Vec<String>,
        now: Millis,
    ) -> Result<String, Fault> {
        let private_ip = self.free_address(kind::SUBNET.find(&self.subnets, subnet_id)?)?;
        self.make_interface_at(purpose, subnet_id, &[private_ip], group_ids, now)
    }

    /// The same at these addresses, which are free and in the subnet; the first one is the primary.
    pub(super) fn make_interface_at(
        &mut self,
        purpose: &Purpose<'_>,
        subnet_id: &str,
        private_ips: &[Ipv4Addr],
        group_ids: Vec<String>,
        now: Millis,
    ) -> Result<String, Fault> {
        let subnet = kind::SUBNET.find(&self.subnets, subnet_id)?;
        let Some((private_ip, secondary)) = private_ips.split_first() else { return Err(missing("privateIpAddress")) };
        let interface = NetworkInterface {
            description: purpose.description.to_owned(),
            interface_type: purpose.interface_type.to_owned(),
            requester: Some(purpose.requester.to_owned()),
            owner: Some(purpose.owner.to_owned()),
            secondary: secondary.to_vec(),
            ..NetworkInterface::new(subnet, *private_ip, group_ids, now)
        };
        let id = interface.network_interface_id.clone();
        self.interfaces.insert(id.clone(), interface);
        Ok(id)
    }
}
