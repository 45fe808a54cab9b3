//! The certificate authorities a database's certificate may come from, and what it means when it does not.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;

use super::target::Roots;

/// Why the roots cannot be used.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The PEM file cannot be read.
    #[error("The certificate authorities in {} cannot be read: {reason}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file has no certificate in it.
    #[error("{} holds no certificate in PEM form.", .0.display())]
    Empty(PathBuf),
    /// rustls refused its own defaults.
    #[error("TLS cannot be set up: {0}.")]
    Setup(#[from] rustls::Error),
}

/// The authorities of Amazon RDS, which Aurora's own certificates lead to; RDS Proxy's lead to the public ones.
const RDS: &str = include_str!("rds.pem");

/// What the names of RDS's servers end with.
pub const RDS_DOMAIN: &str = ".rds.amazonaws.com";

/// A client that checks certificates against the roots, and the host's name with them.
///
/// RDS's authorities are trusted for RDS's names, and for no other; a file that is given, alone.
pub fn client_config(roots: &Roots, host: &str) -> Result<ClientConfig, RootsError> {
    // The provider is named rather than taken from the process: another part of it may have installed none or another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(authorities(roots, host)?).with_no_client_auth())
}

fn authorities(roots: &Roots, host: &str) -> Result<RootCertStore, RootsError> {
    let Roots::Only(path) = roots else {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if host.to_ascii_lowercase().ends_with(RDS_DOMAIN) {
            store.add_parsable_certificates(rds());
        }
        return Ok(store);
    };
    let unreadable = |reason: String| RootsError::Unreadable { path: path.clone(), reason };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(said(&error)))? {
        let certificate = certificate.map_err(|error| unreadable(said(&error)))?;
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() { Err(RootsError::Empty(path.clone())) } else { Ok(store) }
}

fn rds() -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(RDS.as_bytes()).filter_map(Result::ok)
}

/// What a failed handshake says about the server's certificate, and what to do.
pub fn explain(error: &rustls::Error) -> (String, &'static str) {
    const UNKNOWN: &str = "Give the authority's certificate: sslrootcert=FILE in the URL, or PGSSLROOTCERT. RDS's \
        are known, except those of China, of GovCloud and of regions newer than this version: for these it is AWS's \
        global-bundle.pem; for the local cloud, its own CA. Where a file is given, nothing else is trusted: for RDS Proxy \
        leave it out, or say sslrootcert=system.";
    const NAME: &str = "Connect by a name the certificate is for: for RDS Proxy the endpoint that AWS shows, not a \
        CNAME or an address.";
    let rustls::Error::InvalidCertificate(reason) = error else {
        return (
            error.to_string(),
            "Something between here and the server may be interfering, or it speaks no TLS 1.2.",
        );
    };
    if is_authority(reason) {
        return (
            "its certificate is an authority's own, which no server may show as its own".to_owned(),
            "One that is signed by itself has to be made for a server (basicConstraints CA:FALSE); better: sign the server's with \
             the authority's, and give the authority's as sslrootcert.",
        );
    }
    match reason {
        CertificateError::UnknownIssuer => {
            ("its certificate comes from an authority that is not trusted".into(), UNKNOWN)
        }
        CertificateError::NotValidForName => ("its certificate is for another host".into(), NAME),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            (format!("its certificate is for another host ({})", names.join(", ")), NAME)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired".into(), "Renew it on the server, and check the clock here.")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet".into(), "Check the clock here and on the server.")
        }
        CertificateError::BadSignature => ("its certificate is not signed by the authority it names".into(), UNKNOWN),
        CertificateError::BadEncoding => ("its certificate cannot be read".into(), UNKNOWN),
        CertificateError::Revoked => ("its certificate was revoked".into(), "Renew it on the server."),
        other => (format!("its certificate was refused ({})", other.to_string().trim_end_matches('.')), UNKNOWN),
    }
}

/// Whether the server shows the certificate of an authority: rustls has no word of its own for it.
fn is_authority(reason: &CertificateError) -> bool {
    matches!(reason, CertificateError::Other(_)) && format!("{reason:?}").contains("CaUsedAsEndEntity")
}

/// A name of a certificate as rustls writes it, `DnsName("db.example")`, without what is rustls's.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inside.trim_matches('"')
}

/// What the operating system or the parser said, as a reader would.
fn said(error: &rustls_pki_types::pem::Error) -> String {
    match error {
        rustls_pki_types::pem::Error::Io(error) => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_their_types() {
        let table = [("DnsName(\"localhost\")", "localhost"), ("IpAddress(127.0.0.1)", "127.0.0.1"), ("x", "x")];
        for (name, expected) in table {
            assert_eq!(bare(name), expected);
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(&Roots::Only(file.path().into()), "db.example").unwrap_err();
        assert!(matches!(error, RootsError::Empty(_)), "{error:?}");
        let error = client_config(&Roots::Only("/nowhere/ca.pem".into()), "db.example").unwrap_err();
        let expected = "The certificate authorities in /nowhere/ca.pem cannot be read: no such file or directory.";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_file_pins() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let first = RDS.find("-----END CERTIFICATE-----").unwrap() + "-----END CERTIFICATE-----".len();
        std::fs::write(file.path(), &RDS[..first]).unwrap();
        assert_eq!(authorities(&Roots::Only(file.path().into()), "a.rds.amazonaws.com").unwrap().len(), 1);
    }

    #[test]
    fn public_roots_are_there() {
        assert!(client_config(&Roots::Public, "db.example").is_ok());
    }

    /// The end of a certificate's validity: in DER two times follow each other, the first of the form YYMMDDhhmmssZ.
    fn valid_until(certificate: &[u8]) -> i64 {
        let year_at = |at: usize, digits: usize| -> i64 {
            std::str::from_utf8(&certificate[at..at + digits]).unwrap().parse().unwrap()
        };
        let before = certificate.windows(2).position(|window| window == [0x17, 0x0d]).unwrap();
        let after = before + 15;
        match certificate[after] {
            0x17 => 2000 + year_at(after + 2, 2),
            0x18 => year_at(after + 2, 4),
            other => panic!("{other:#x} is no time"),
        }
    }

    #[test]
    fn the_authorities_of_rds_are_whole_and_current() {
        let mut store = RootCertStore::empty();
        let (added, refused) = store.add_parsable_certificates(rds());
        // One for each of three kinds of key, in 27 regions.
        assert_eq!((added, refused, RDS.matches("BEGIN CERTIFICATE").count()), (81, 0, 81));
        assert_eq!(RDS.matches("eu-central-1").count(), 3);
        let this_year = i64::from(jiff::Zoned::now().year());
        for certificate in rds() {
            assert!(valid_until(&certificate) > this_year + 1);
        }
    }

    #[test]
    fn they_are_trusted_for_rds_alone() {
        let table = [
            ("app.cluster-x.eu-central-1.rds.amazonaws.com", 81),
            ("APP.cluster-x.eu-central-1.RDS.amazonaws.com", 81),
            ("db.example", 0),
            ("rds.amazonaws.com.evil.example", 0),
        ];
        for (host, more) in table {
            assert_eq!(
                authorities(&Roots::Public, host).unwrap().len(),
                webpki_roots::TLS_SERVER_ROOTS.len() + more,
                "{host}"
            );
        }
    }
}
