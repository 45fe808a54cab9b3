//! Whose a listener is: a program is well only where it is the program itself that answers on its port.
//!
//! Linux tells, in /proc. Without it (macOS), and of what other users or other containers run, nothing can be known:
//! there whoever listens is believed.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The variable that marks the program's processes, also those that left its group (a daemon that works for it).
pub(super) const MARK: &str = "INFRA_LOCAL_INSTANCE";

/// Listen for the containers that a program starts without being of its processes; names as the kernel cuts them.
const CONTAINER_ENGINES: [&str; 8] =
    ["docker-proxy", "com.docker.back", "rootlessport", "rootlesskit", "conmon", "gvproxy", "pasta", "pasta.avx2"];

/// The state of a socket that listens, in /proc/net.
const LISTENS: &str = "0A";

/// How the processes of one start of a program are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    /// Their group.
    pub(super) group: Option<i32>,
    /// The value of [`MARK`].
    pub(super) mark: String,
}

impl Owner {
    /// Who listens on the port where it is somebody else: its name and its process.
    pub(super) async fn stranger(&self, port: u16) -> Option<String> {
        let owner = self.clone();
        // A panic has been reported on standard error.
        tokio::task::spawn_blocking(move || owner.look(port)).await.ok().flatten()
    }

    fn look(&self, port: u16) -> Option<String> {
        let holders = holders(&listeners(port));
        let name =
            |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned();
        if holders.iter().any(|pid| self.has(*pid) || CONTAINER_ENGINES.contains(&name(pid).as_str())) {
            return None;
        }
        holders.first().map(|pid| format!("{} (process {pid})", name(pid)))
    }

    /// Whether a process, or one that it comes from, is the program's.
    fn has(&self, mut pid: i32) -> bool {
        let mark = format!("{MARK}={}", self.mark);
        while pid > 1 {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let Some((parent, group)) = family(pid) else { return false };
            if Some(group) == self.group || environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()) {
                return true;
            }
            pid = parent;
        }
        false
    }
}

/// A process's parent and group.
fn family(pid: i32) -> Option<(i32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name comes before, in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The sockets that answer who connects to the port on this machine.
fn listeners(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines());
    let found: Vec<(u8, String)> = lines.filter_map(|line| listener(line, port)).collect();
    let first = found.iter().map(|(rank, _)| *rank).min();
    found.into_iter().filter(|(rank, _)| Some(*rank) == first).map(|(_, inode)| inode).collect()
}

/// The socket of a line of /proc/net, with its turn: the health check tries 127.0.0.1 first, and an address of its own
/// goes before all addresses.
fn listener(line: &str, port: u16) -> Option<(u8, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, at) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != LISTENS || u16::from_str_radix(at, 16).ok()? != port {
        return None;
    }
    let rank = match address_of(address)?.to_canonical() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => 0,
        address if address.is_unspecified() => 1,
        IpAddr::V6(Ipv6Addr::LOCALHOST) => 2,
        _ => return None,
    };
    Some((rank, (*fields.get(9)?).to_owned()))
}

/// An address as the kernel writes it: 32 bits at a time, in the machine's own order.
fn address_of(text: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let words: Vec<u8> = (0..text.len()).step_by(8).map(word).collect::<Option<Vec<_>>>()?.concat();
    match words.len() {
        4 => <[u8; 4]>::try_from(words).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(words).ok().map(IpAddr::from),
    }
}

/// The processes that hold one of the sockets, as far as they can be looked into.
fn holders(inodes: &[String]) -> Vec<i32> {
    if inodes.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let is_wanted = |file: fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|target| wanted.iter().any(|socket| target.as_os_str() == socket.as_str()))
    };
    let holds = |pid: &i32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"));
        files.is_ok_and(|files| files.flatten().any(is_wanted))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|one| one.file_name().to_str()?.parse().ok()).filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_answers_is_found() {
        let loopback =
            "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0";
        let everywhere =
            "1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4712 1";
        if cfg!(target_endian = "little") {
            assert_eq!(listener(loopback, 8080), Some((0, "4711".to_owned())));
        }
        assert_eq!(listener(everywhere, 8080), Some((1, "4712".to_owned())));
        assert_eq!(listener(loopback, 8081), None);
        // Connected, and not listening.
        assert_eq!(listener(&loopback.replace(" 0A ", " 01 "), 8080), None);
        assert_eq!(listener("  sl  local_address rem_address   st tx_queue rx_queue", 8080), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_this_process_holds_is_its_own_and_nobody_else_s() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let Ok(held) = std::net::TcpListener::bind(address) else { continue };
            let port = held.local_addr().unwrap().port();
            let me = i32::try_from(std::process::id()).unwrap();
            let (_, group) = family(me).unwrap();
            assert_eq!(Owner { group: Some(group), mark: "x".to_owned() }.look(port), None, "{address}");
            let stranger = Owner { group: Some(-1), mark: "x".to_owned() }.look(port).unwrap();
            assert!(stranger.ends_with(&format!("(process {me})")), "{stranger}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_left_the_group_is_known_by_its_mark() {
        use std::os::unix::process::CommandExt as _;
        let mut program = std::process::Command::new("sleep");
        let mut child = program.arg("60").env(MARK, "x").process_group(0).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        // A program that has just begun has nothing to show for a moment.
        let begun = || std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|said| !said.is_empty());
        let shows = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            begun()
        });
        assert!(shows);
        let is_of = |mark: &str| Owner { group: Some(-1), mark: mark.to_owned() }.has(pid);
        let known = (is_of("x"), is_of("y"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(known, (true, false));
    }
}
