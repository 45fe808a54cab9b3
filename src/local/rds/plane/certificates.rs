//! The local certificate authority, and the certificates that it gives servers and poolers.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::local::disk;

/// The authority's certificate, in PEM: what a client of this cloud's databases has to trust.
pub(crate) fn ca_path(data: &Path) -> PathBuf {
    data.join("ca.pem")
}

/// A certificate and its key, in PEM.
pub(super) struct Signed {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// The authority of one local cloud.
pub(super) struct Authority {
    /// Its certificate, in PEM.
    pub(super) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

fn wrong(cause: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("Could not make a certificate: {cause}"))
}

impl Authority {
    /// The authority kept in `data`; a new one where there is none.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let key_path = data.join("ca.key");
        let key = match fs::read_to_string(&key_path) {
            Ok(text) => KeyPair::from_pem(&text).map_err(wrong)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(wrong)?;
                let store = |path: &Path, text: &str| disk::write(path, text.as_bytes()).map_err(io::Error::other);
                store(&ca_path(data), &Self::params()?.self_signed(&key).map_err(wrong)?.pem())?;
                store(&key_path, &key.serialize_pem())?;
                key
            }
            Err(cause) => return Err(cause),
        };
        let certificate = fs::read_to_string(ca_path(data))?;
        Ok(Self { certificate, issuer: Issuer::new(Self::params()?, key) })
    }

    /// The same every time, so that what is signed later names the same issuer.
    fn params() -> io::Result<CertificateParams> {
        let mut params = CertificateParams::new(Vec::new()).map_err(wrong)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "infra local cloud");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(params)
    }

    /// A certificate for a server that listens on these addresses.
    pub(super) fn sign(&self, addresses: &[String]) -> io::Result<Signed> {
        let first = addresses.first().map_or("localhost", String::as_str);
        self.issue(first, addresses.to_vec(), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate that lets a client in as the database's user `name`.
    pub(super) fn sign_client(&self, name: &str) -> io::Result<Signed> {
        self.issue(name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, name: &str, addresses: Vec<String>, usage: ExtendedKeyUsagePurpose) -> io::Result<Signed> {
        let mut params = CertificateParams::new(addresses).map_err(wrong)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(wrong)?;
        Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path()).unwrap().certificate;
        assert_eq!(Authority::open(folder.path()).unwrap().certificate, first);
        assert!(
            Authority::open(folder.path())
                .unwrap()
                .sign(&["127.1.2.3".to_owned()])
                .unwrap()
                .key
                .contains("PRIVATE KEY")
        );
    }
}
