//! What stands in the configuration of a cluster's server.

use std::path::Path;

use super::{extensions, follower, postgres::Wanted, programs::Programs};
use crate::local::rds::parameters;

/// How many connections a server takes when the parameter group leaves AWS's formula: enough for one machine.
const CONNECTIONS: u64 = 200;

/// How many connections a server takes.
pub(super) fn max_connections(parameters: &[(String, String)]) -> u64 {
    capacity("max_connections", CONNECTIONS, parameters)
}

/// What a server that follows another has to take at least as much of at once, with what a server takes where no group says it.
const CAPACITIES: [(&str, u64); 5] = [
    ("max_connections", CONNECTIONS),
    ("max_locks_per_transaction", 64),
    ("max_prepared_transactions", 0),
    (SHARED[0], OTHERS),
    ("max_worker_processes", 8),
];

/// What the cloud itself has a part of: its readers follow and its copies are made by them. Users may take up all that the parameter
/// group gives them, and a server has these on top.
const SHARED: [&str; 2] = ["max_wal_senders", "max_replication_slots"];

/// A reader, a copy (two senders and two slots), and one that a killed daemon began.
const RESERVED: u64 = 5;

/// What users have of each where no group says it, as in Aurora.
const OTHERS: u64 = 20;

fn capacity(name: &str, least: u64, parameters: &[(String, String)]) -> u64 {
    let set = parameters.iter().find(|(set, _)| set == name);
    let set = set.and_then(|(name, value)| parameters::find(name, true).ok()?.resolve(value));
    let own = set.and_then(|value| value.parse().ok()).unwrap_or(least);
    if SHARED.contains(&name) { own.saturating_add(RESERVED).min(MOST) } else { own }
}

/// More than this PostgreSQL does not take of what is shared.
const MOST: u64 = 262_143;

/// How long a server that follows another waits before it asks again, where PostgreSQL would wait for 5 s: Aurora's readers have
/// nothing to catch up with after the writer's crash.
const RETRY: &str = "100ms";

/// The configuration: ours, made for speed (losing a local database in a power cut is no loss), then the
/// parameter groups'. Formulas over an instance's machine mean nothing here and are left out.
///
/// A commit is handed to the operating system before it is answered, as in Aurora: what ends a server ends nothing committed.
pub(super) fn of(wanted: &Wanted, programs: &Programs, home: &Path) -> Vec<(String, String)> {
    let file = |name: &str| home.join(name).display().to_string();
    let mut settings: Vec<(String, String)> = [
        ("listen_addresses", wanted.listener.address.clone()),
        ("port", wanted.listener.port.to_string()),
        ("unix_socket_directories", String::new()),
        ("hba_file", file("pg_hba.conf")),
        ("ssl", "on".into()),
        ("ssl_cert_file", file("server.crt")),
        ("ssl_key_file", file("server.key")),
        ("ssl_ca_file", file("ca.pem")),
        ("password_encryption", "scram-sha-256".into()),
        ("fsync", "off".into()),
        ("full_page_writes", "off".into()),
        ("max_connections", CONNECTIONS.to_string()),
        ("shared_buffers", "32MB".into()),
        ("max_wal_size", "128MB".into()),
        ("min_wal_size", "4MB".into()),
        ("wal_retrieve_retry_interval", RETRY.into()),
        ("timezone", "UTC".into()),
        ("log_timezone", "UTC".into()),
        ("log_line_prefix", "%t:%r:%u@%d:[%p]:".into()),
        ("jit", "off".into()),
        ("default_text_search_config", "pg_catalog.english".into()),
        ("idle_in_transaction_session_timeout", "86400000".into()),
        ("shared_preload_libraries", loadable("pg_stat_statements", programs)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(folder) = extensions::destination(home) {
        settings.push(("extension_destdir".into(), folder.display().to_string()));
    }
    for parameter in parameters::PARAMETERS.iter().filter(|parameter| parameter.is_placeholder()) {
        let set = wanted.parameters.iter().find(|(name, _)| name == parameter.name).map(|(_, value)| value.as_str());
        let value = set.or(parameter.default).and_then(|value| parameter.resolve(value));
        settings.extend(value.map(|value| (parameter.name.to_owned(), value)));
    }
    if wanted.replicated {
        // As far as the readers' server may fall behind.
        settings.push(("wal_keep_size".into(), "64MB".into()));
    }
    for (name, value) in &wanted.parameters {
        let known = parameters::find(name, true).ok().filter(|parameter| parameter.is_of_postgres());
        match name.as_str() {
            "rds.logical_replication" if value == "1" => settings.push(("wal_level".into(), "logical".into())),
            "shared_preload_libraries" => settings.push((name.clone(), loadable(value, programs))),
            // The sizes of AWS's machines, not of this one; a part of the loaded libraries is not there.
            "shared_buffers" | "effective_cache_size" | "huge_pages" => {}
            "lc_messages" | "lc_monetary" | "lc_numeric" | "lc_time" => {}
            _ => settings.extend(known.and_then(|known| Some((name.clone(), known.resolve(value)?)))),
        }
    }
    settings.extend(SHARED.map(|name| (name.to_owned(), capacity(name, OTHERS, &wanted.parameters).to_string())));
    if let Some(source) = &wanted.source {
        settings.push(("primary_conninfo".into(), follower::way_to(&source.listener, home)));
        // PostgreSQL does not follow with less, as Aurora's readers do.
        settings.extend(CAPACITIES.map(|(name, least)| {
            let both = [&wanted.parameters, &source.parameters].map(|parameters| capacity(name, least, parameters));
            (name.to_owned(), both[0].max(both[1]).to_string())
        }));
    }
    settings
}

/// The libraries that come with every PostgreSQL, and that RDS lets be loaded.
const OWN: [&str; 3] = ["auto_explain", "pg_prewarm", "pg_stat_statements"];

/// Of these libraries those that are installed; the server would not start with others.
fn loadable(libraries: &str, programs: &Programs) -> String {
    // The image has PostgreSQL's own, and of others nothing is known.
    let there = |name: &&str| {
        let Some(programs) = programs.folder() else { return OWN.contains(name) };
        let places = ["../lib", "../lib/postgresql"].map(|place| programs.join(place));
        places.iter().any(|place| ["so", "dylib"].iter().any(|kind| place.join(format!("{name}.{kind}")).exists()))
    };
    libraries.split(',').map(str::trim).filter(there).collect::<Vec<_>>().join(",")
}
