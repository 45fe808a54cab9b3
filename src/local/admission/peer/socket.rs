//! The user of a TCP socket of this machine, as Linux tells it.

use std::net::SocketAddrV4;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
    netlink::{self, SocketAddrNetlink},
    recv, sendto, socket_with,
};

/// The user of the socket at `local` that is connected to `remote`; none where no program has it (any more).
pub(super) fn owner(local: SocketAddrV4, remote: SocketAddrV4) -> Option<u32> {
    let found = by_netlink(local, remote).or_else(|| by_tables(local, remote))?;
    // A socket whose program has closed it belongs to nobody, and Linux shows root in its place.
    (found.inode != 0).then_some(found.user)
}

/// What is known of a socket.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    user: u32,
    inode: u32,
}

/// The numbers of linux/inet_diag.h, netlink.h, socket.h and tcp_states.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const LISTENING: u8 = 10;

/// Asks by netlink: `struct nlmsghdr` and `struct inet_diag_req_v2`. None where there is no such socket, or no answer: in
/// some containers, and in kernels without the module tcp_diag.
fn by_netlink(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Socket> {
    let mut request = Vec::with_capacity(72);
    request.extend(72_u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Its number, and whose it is: the kernel's answer needs neither.
    request.extend([0; 8]);
    // No extensions; sockets in every state.
    request.extend([AF_INET, IPPROTO_TCP, 0, 0]);
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(remote.port().to_be_bytes());
    for address in [local, remote] {
        request.extend(address.ip().octets());
        request.extend([0; 12]);
    }
    // Any interface, and no cookie.
    request.extend([0; 4]);
    request.extend([u8::MAX; 8]);
    let asked =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG)).ok()?;
    sendto(&asked, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    let mut answer = [0; 512];
    // The kernel has answered before `sendto` returns.
    let (_, length) = recv(&asked, &mut answer, RecvFlags::DONTWAIT).ok()?;
    read(answer.get(..length)?, remote)
}

/// Reads `struct nlmsghdr` and `struct inet_diag_msg`.
fn read(answer: &[u8], remote: SocketAddrV4) -> Option<Socket> {
    let word = |at: usize| Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let is_answer = answer.get(4..6)? == SOCK_DIAG_BY_FAMILY.to_ne_bytes();
    // Where nobody is connected, one that listens at the address would be found.
    let is_connected = *answer.get(17)? != LISTENING && answer.get(22..24)? == remote.port().to_be_bytes();
    (is_answer && is_connected).then_some(())?;
    Some(Socket { user: word(80)?, inode: word(84)? })
}

/// Looks into the tables of all sockets, those of IPv6 as well: some programs call IPv4 by mapped addresses.
fn by_tables(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Socket> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| find(&std::fs::read_to_string(table).ok()?, local, remote))
}

/// The row of a socket: `sl local remote state queues timer retransmits uid timeout inode …`.
fn find(table: &str, local: SocketAddrV4, remote: SocketAddrV4) -> Option<Socket> {
    let (local, remote) = (Written::of(local), Written::of(remote));
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let is_it = local.is(columns.nth(1)?) && remote.is(columns.next()?);
        is_it.then_some(())?;
        let user = columns.nth(4)?.parse().ok()?;
        Some(Socket { user, inode: columns.nth(1)?.parse().ok()? })
    })
}

/// An address as these tables write it: the four bytes as one number of this machine, and mapped into IPv6.
struct Written {
    plain: String,
    mapped: String,
}

impl Written {
    fn of(address: SocketAddrV4) -> Self {
        let plain = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
        let mapped = format!("{:08X}{:08X}{:08X}{plain}", 0, 0, 0xffff_u32.to_be());
        Self { plain, mapped }
    }

    fn is(&self, column: &str) -> bool {
        column == self.plain || column == self.mapped
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener, TcpStream},
        time::Duration,
    };

    use super::*;

    fn address(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(address) => SocketAddrV4::new(address.ip().to_ipv4_mapped().unwrap(), address.port()),
        }
    }

    #[test]
    fn a_connected_socket_is_ours_and_one_that_is_gone_is_nobodys() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = address(listener.local_addr().unwrap());
        let mapped = format!("[::ffff:127.0.0.1]:{}", here.port());
        for to in [here.to_string(), mapped] {
            let client = TcpStream::connect(&to).unwrap();
            let there = address(client.local_addr().unwrap());
            let (server, _) = listener.accept().unwrap();
            let ours = rustix::process::getuid().as_raw();
            assert_eq!(owner(there, here), Some(ours), "{to}");
            assert_eq!(by_tables(there, here).map(|socket| socket.user), Some(ours), "{to}");
            drop(client);
            // A process that another test has just forked holds it until it becomes its own program.
            let gone = (0..500).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                owner(there, here).is_none()
            });
            assert!(gone, "{to}");
            drop(server);
        }
        // The listener itself is connected to nobody.
        assert_eq!(owner(here, SocketAddrV4::new(*here.ip(), 9)), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_row_is_found_by_both_addresses() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 588 1 0 100\n   \
                     1: 0100007F:A2C4 0100007F:11D6 01 00000000:00000000 00:00000000 00000000  1001        0 7141 1 0 20\n   \
                     2: 0000000000000000FFFF00000100007F:A2C5 0000000000000000FFFF00000100007F:11D6 01 \
                     00000000:00000000 00:00000000 00000000  1002        0 7142 1 0 20\n";
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        let user = |port| find(table, at(port), at(4566)).map(|socket| socket.user);
        assert_eq!((user(0xa2c4), user(0xa2c5), user(0xa2c6), user(4566)), (Some(1001), Some(1002), None, None));
    }
}
