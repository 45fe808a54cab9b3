//! The endpoints of instances, and the custom ones of a cluster: each has an address that stays its own, whichever server it stands
//! for. The daemon listens there, and leads what connects to the writer's server or to the readers', as the instance is one or the
//! other, or the endpoint's members are.

use super::{
    listener::Listener,
    postgres::{Outcome, Servers, Wanted, said},
};

/// An instance that is served, or a custom endpoint that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) address: String,
    pub(crate) writer: bool,
}

impl Wanted {
    /// The addresses that lead to it, at times.
    pub(super) fn addresses(&self) -> Vec<String> {
        let own = std::iter::once(&self.listener).chain(&self.reader).map(|listener| &listener.address);
        own.chain(self.members.iter().map(|member| &member.address)).cloned().collect()
    }
}

impl Servers {
    /// Has the instances' addresses lead to where they stand for. Repeated calls cost nothing.
    pub(super) async fn lead_members(&self, wanted: &Wanted) -> Outcome<()> {
        let name = |member: &Member| format!("{}/{}", wanted.name, member.address);
        let names: Vec<String> = wanted.members.iter().map(name).collect();
        self.relays.keep(&format!("{}/", wanted.name), &names).await;
        for member in &wanted.members {
            let from = Listener { address: member.address.clone(), port: wanted.listener.port };
            let to = wanted.reader.as_ref().filter(|_| !member.writer).unwrap_or(&wanted.listener);
            let led = self.relays.lead(&name(member), &from, to).await;
            led.map_err(said("listen at an instance's endpoint"))?;
        }
        Ok(())
    }
}
