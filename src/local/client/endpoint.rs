//! A local cloud that is known by its endpoint alone, as AWS_ENDPOINT_URL or a profile names it.

use std::{net::IpAddr, path::PathBuf};

use hyper::{Method, Uri};
use serde_json::Value;

use super::{Note, request};
use crate::local::ca_path;

/// The certificate authority of the databases behind the endpoint `url`, where a local cloud of this machine answers there
/// and lets us read it.
pub(crate) async fn ca_at(url: &str) -> Option<PathBuf> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let port = uri.port_u16().filter(|_| is_here && uri.scheme_str() == Some("http"))?;
    let ca = ca_path(&data_at(port).await?);
    ca.is_file().then_some(ca)
}

/// The data folder of the local cloud that answers on this port, if one does.
pub(crate) async fn data_at(port: u16) -> Option<PathBuf> {
    let note = Note { pid: 0, port, url: format!("http://127.0.0.1:{port}"), token: String::new() };
    let status = request(&note, &Method::GET, "status", &Value::Null).await.ok()?;
    status["data"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{Options, start};

    #[tokio::test]
    async fn the_authority_is_found_by_the_endpoint_of_a_local_cloud_alone() {
        let data = tempfile::tempdir().unwrap();
        let running = start(Options::in_test(data.path())).await.unwrap();
        let expected = ca_path(&data.path().canonicalize().unwrap());
        while !expected.is_file() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let port = running.url.rsplit(':').next().unwrap();
        for url in [running.url.clone(), format!("http://localhost:{port}/")] {
            assert_eq!(ca_at(&url).await.as_ref(), Some(&expected), "{url}");
        }
        for url in [format!("https://127.0.0.1:{port}"), format!("http://10.0.0.1:{port}"), "http://127.0.0.1:9".into()]
        {
            assert_eq!(ca_at(&url).await, None, "{url}");
        }
        let taken = tempfile::tempdir().unwrap();
        let again = start(Options { port: port.parse().unwrap(), ..Options::in_test(taken.path()) }).await;
        let why = again.err().map(|why| why.to_string()).unwrap_or_default();
        let folder = data.path().canonicalize().unwrap();
        assert!(why.contains(&format!("the local cloud of {} listens there", folder.display())), "{why}");
        running.stop().await;
    }
}
