//! Whose program is at the other end of a connection. On a machine of several users a loopback address is everybody's, and
//! the cloud holds its owner's secrets.
//!
//! Linux knows the user of each socket. It is asked once for a connection, by netlink (one look into a hash table), and
//! where netlink does not tell, in the tables of `/proc`. Other systems are not asked: there everyone is let in.

#[cfg(target_os = "linux")]
mod socket;

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::local::fault::Fault;

/// Who has the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody who is let in.
    Welcome,
    /// Another user of this machine, by the number.
    Other(u32),
    /// Nobody of whom this system knows: the program has gone, or is in another network namespace.
    Unknown,
}

impl Peer {
    /// Looks whose program has connected.
    pub(crate) fn of(stream: &TcpStream) -> Self {
        match (stream.peer_addr(), stream.local_addr()) {
            (Ok(SocketAddr::V4(there)), Ok(SocketAddr::V4(here))) => Self::at(there, here),
            _ => Self::Unknown,
        }
    }

    #[cfg(target_os = "linux")]
    fn at(there: std::net::SocketAddrV4, here: std::net::SocketAddrV4) -> Self {
        Self::judge(socket::owner(there, here), rustix::process::geteuid().as_raw())
    }

    #[cfg(not(target_os = "linux"))]
    fn at(_: std::net::SocketAddrV4, _: std::net::SocketAddrV4) -> Self {
        Self::Welcome
    }

    /// Root reads whatever it likes, with the cloud's help or without.
    #[cfg(any(target_os = "linux", test))]
    fn judge(owner: Option<u32>, ours: u32) -> Self {
        match owner {
            None => Self::Unknown,
            Some(user) if user == ours || user == 0 => Self::Welcome,
            Some(user) => Self::Other(user),
        }
    }

    /// Why its requests are refused.
    pub(crate) fn refusal(self) -> Option<Fault> {
        let who = match self {
            Self::Welcome => return None,
            Self::Other(user) => format!("the user with the number {user}"),
            Self::Unknown => "somebody of whom this machine does not tell who it is".to_owned(),
        };
        Some(super::denied(&format!(
            "The local cloud answers only the programs of the user who started it (number {}), and this connection is of \
             {who}. To let in everyone on this machine: `infra local stop`, then `infra local start --other-users`.",
            rustix::process::geteuid().as_raw()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_user_and_root_are_let_in() {
        for (owner, peer) in [
            (Some(1000), Peer::Welcome),
            (Some(0), Peer::Welcome),
            (Some(1001), Peer::Other(1001)),
            (None, Peer::Unknown),
        ] {
            assert_eq!(Peer::judge(owner, 1000), peer);
            assert_eq!(peer.refusal().is_none(), peer == Peer::Welcome);
        }
        let told = Peer::Other(1001).refusal().unwrap().message;
        assert!(told.contains("number 1001") && told.contains("--other-users"), "{told}");
    }
}
