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

/// A client that checks certificates against the roots, and the host's name with them.
pub fn client_config(roots: &Roots) -> Result<ClientConfig, RootsError> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Roots::PublicAnd(path) = roots {
        let unreadable = |reason: String| RootsError::Unreadable { path: path.clone(), reason };
        let before = store.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        }
        if store.len() == before {
            return Err(RootsError::Empty(path.clone()));
        }
    }
    // The provider is named rather than taken from the process: another part of it may have installed none or another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// What a failed handshake says about the server's certificate, and what to do.
pub fn explain(error: &rustls::Error) -> (String, &'static str) {
    const UNKNOWN: &str = "Give the authority's certificate: sslrootcert=FILE in the URL, or PGSSLROOTCERT. For Aurora \
        without the proxy that is the RDS CA bundle (global-bundle.pem); for the local cloud, its own CA.";
    const NAME: &str = "Connect by a name the certificate is for: for RDS Proxy the endpoint that AWS shows, not a \
        CNAME or an address.";
    let rustls::Error::InvalidCertificate(reason) = error else {
        return (
            error.to_string(),
            "Something between here and the server may be interfering, or it speaks no TLS 1.2.",
        );
    };
    match reason {
        CertificateError::UnknownIssuer => {
            ("its certificate comes from an authority that is not trusted".into(), UNKNOWN)
        }
        CertificateError::NotValidForName => ("its certificate is for another host".into(), NAME),
        CertificateError::NotValidForNameContext { presented, .. } => {
            (format!("its certificate is for another host ({})", presented.join(", ")), NAME)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired".into(), "Renew it on the server, and check the clock here.")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet".into(), "Check the clock here and on the server.")
        }
        other => (format!("its certificate was refused ({other:?})"), UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(&Roots::PublicAnd(file.path().into())).unwrap_err();
        assert!(matches!(error, RootsError::Empty(_)), "{error:?}");
        let error = client_config(&Roots::PublicAnd("/nowhere/ca.pem".into())).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn public_roots_are_there() {
        assert!(client_config(&Roots::Public).is_ok());
    }
}
