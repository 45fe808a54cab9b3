//! Addresses that lead to a server without being its own: the readers' endpoint of a cluster without readers, which leads to the
//! writer, as Aurora's does, and the endpoints of instances.
//!
//! The daemon itself listens there, so that a reader can come and take the address, and go again, while the writer's server runs on
//! undisturbed. Bytes are passed on as they are, TLS included.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::listener::Listener;

/// By the name of the server that they lead to.
#[derive(Debug, Default)]
pub(super) struct Relays(Mutex<HashMap<String, Relay>>);

#[derive(Debug)]
struct Relay {
    from: Listener,
    to: Listener,
    listening: JoinHandle<()>,
}

impl Relay {
    /// Ends the listening, and returns when the address is free. Connections go on: they are the server's.
    async fn end(self) {
        self.listening.abort();
        let _ = self.listening.await;
    }
}

impl Relays {
    /// Has what connects to `from` arrive at `to`. Repeated calls cost nothing.
    pub(super) async fn lead(&self, name: &str, from: &Listener, to: &Listener) -> io::Result<()> {
        let leads = |relay: &Relay| relay.from == *from && relay.to == *to && !relay.listening.is_finished();
        if self.all().get(name).is_some_and(leads) {
            return Ok(());
        }
        self.end(name).await;
        let listener = TcpListener::bind((from.address.as_str(), from.port)).await?;
        let listening = tokio::spawn(serve(listener, to.clone()));
        self.all().insert(name.to_owned(), Relay { from: from.clone(), to: to.clone(), listening });
        Ok(())
    }

    /// Leads nothing to this server any more.
    pub(super) async fn end(&self, name: &str) {
        let relay = self.all().remove(name);
        if let Some(relay) = relay {
            relay.end().await;
        }
    }

    /// Of what begins like this, ends all but these.
    pub(super) async fn keep(&self, beginning: &str, names: &[String]) {
        let ended: Vec<String> =
            self.all().keys().filter(|name| name.starts_with(beginning) && !names.contains(name)).cloned().collect();
        for name in ended {
            self.end(&name).await;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Relay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: TcpListener, to: Listener) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else {
            // Too many open files, e.g.: that passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let to = to.clone();
        tokio::spawn(async move {
            // Where the server does not answer, neither does this.
            if let Ok(mut server) = TcpStream::connect((to.address.as_str(), to.port)).await {
                let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
