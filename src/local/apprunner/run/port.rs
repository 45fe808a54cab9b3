//! A port on this machine for a program.

use std::net::{Ipv4Addr, TcpListener};

/// The first of the wished ports that is free, or any that is.
pub(super) fn choose(wished: &[u16]) -> std::io::Result<u16> {
    match wished.iter().find(|port| is_free(**port)) {
        Some(port) => Ok(*port),
        None => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()),
    }
}

/// Whether nobody listens there, neither on loopback addresses only nor on all.
pub(super) fn is_free(port: u16) -> bool {
    let answered = || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && !answered()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_not_chosen() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let chosen = choose(&[port]).unwrap();
        assert_ne!(chosen, port);
        assert_eq!(choose(&[port, chosen]).unwrap(), chosen);
    }
}
