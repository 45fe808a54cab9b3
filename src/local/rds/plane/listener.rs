//! Where servers listen: on Linux an address of 127.0.0.0/8 for each, so that all have the usual port.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::local::rds::Store;

/// An address of the loopback network and a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Listener {
    /// An IPv4 address in 127.0.0.0/8.
    pub(crate) address: String,
    /// The port; elsewhere than on Linux, where there is only 127.0.0.1, a port of its own.
    pub(crate) port: u16,
}

impl Store {
    /// A new listener. The region's seed keeps the addresses of two local clouds on one machine apart, and a
    /// counter those of one region.
    pub(crate) fn listener(&mut self, port: u16) -> Listener {
        while self.seed == 0 {
            self.seed = rand::rng().random();
        }
        self.listeners += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, self.listeners).hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
        if cfg!(target_os = "linux") {
            // Low networks are used by others (127.0.0.1, 127.0.1.1, 127.0.0.53); host parts 0 and 255 confuse some.
            let [second, third, last] = [16 + a % 224, b, 1 + c % 254];
            Listener { address: format!("127.{second}.{third}.{last}"), port }
        } else {
            Listener { address: "127.0.0.1".to_owned(), port: 20_000 + u16::from_be_bytes([a, d]) % 29_000 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_on_the_loopback_network_and_apart() {
        let mut store = Store::default();
        let (first, second) = (store.listener(5432), store.listener(5432));
        assert_ne!(first, second);
        assert!(first.address.parse::<std::net::Ipv4Addr>().unwrap().is_loopback());
    }
}
