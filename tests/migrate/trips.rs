//! How often the client waits for the server: counted on the wire, through a relay that answers late.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use infra::migrate::{Client, Tls};

use super::server::{Database, Way, servers};
use super::{Written, run};

/// A relay to the server, and how often the client spoke after the server had.
struct Relay {
    port: u16,
    trips: Arc<AtomicU32>,
}

impl Relay {
    /// For one connection. What the server says is held back for a while, so that what the client sends at once is seen as one.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let trips = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&trips);
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", servers().postgres)).unwrap();
            let answered = Arc::new(AtomicBool::new(true));
            let (mut from_server, mut to_client, spoke) =
                (server.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut buffer = [0; 65536];
                while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                    std::thread::sleep(Duration::from_millis(8));
                    spoke.store(true, Ordering::SeqCst);
                    if to_client.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
            });
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                counted.fetch_add(u32::from(answered.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
                if server.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
        });
        Relay { port, trips }
    }
}

async fn trips(database: &Database, written: &Written) -> u32 {
    let relay = Relay::start();
    let mut target = database.target();
    (target.port, target.tls) = (relay.port, Tls::Disable);
    let mut client = Client::connect(&target).await.unwrap();
    let connected = relay.trips.load(Ordering::SeqCst);
    run(&mut client, &written.folder()).await.0.unwrap();
    relay.trips.load(Ordering::SeqCst) - connected
}

#[tokio::test(flavor = "multi_thread")]
async fn two_round_trips_a_migration() {
    let mut counts = Vec::new();
    for count in [5, 25] {
        let database = Database::new(Way::Direct);
        let sql = |number: usize| {
            format!("CREATE TABLE t{number} (id int);--> statement-breakpoint\nCREATE INDEX ON t{number} (id);")
        };
        let texts: Vec<(String, String)> = (0..count).map(|number| (format!("{number:04}_t"), sql(number))).collect();
        let pairs: Vec<(&str, &str)> = texts.iter().map(|(tag, sql)| (tag.as_str(), sql.as_str())).collect();
        let written = Written::new(&pairs);
        counts.push(trips(&database, &written).await);
        assert_eq!(trips(&database, &written).await, 2, "nothing to do: the ledger's shape, and its rows");
    }
    assert_eq!(counts[1] - counts[0], 40, "{counts:?}");
    assert!(counts[0] <= 2 * 5 + 10, "{counts:?}: making the ledger, looking, and looking again at the end");
}
