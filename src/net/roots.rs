//! The root certificates that this run goes by.

use super::pem;
use crate::sync::lock;
use crate::{environment::Environment, input};
use rustls::{RootCertStore, pki_types::CertificateDer};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A store, and what could not be read for it.
type Read = (Arc<RootCertStore>, Vec<String>);

/// All roots of a machine have about 250 KB.
const FILE_LIMIT: u64 = 8 * 1024 * 1024;
/// A folder of hashed roots has about 300 entries.
const FOLDER_LIMIT: usize = 4096;

/// Root certificates, read when first needed.
#[derive(Debug)]
pub(crate) struct Roots {
    public_file: Option<PathBuf>,
    /// `SSL_CERT_FILE`.
    system_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`.
    system_folders: Vec<PathBuf>,
    system: OnceLock<(Arc<RootCertStore>, Vec<String>)>,
    public: OnceLock<(Arc<RootCertStore>, Vec<String>)>,
    files: Mutex<BTreeMap<PathBuf, Arc<RootCertStore>>>,
}

impl Roots {
    /// Roots as the environment asks for: `SSL_CERT_FILE` and `SSL_CERT_DIR` for this machine's,
    /// `ENTRA_PG_PUBLIC_ROOTS` for the public ones of an air-gapped cloud.
    #[must_use]
    pub(crate) fn new(environment: &Environment) -> Self {
        Self {
            public_file: environment.get("ENTRA_PG_PUBLIC_ROOTS").map(PathBuf::from),
            system_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
            system_folders: environment
                .get("SSL_CERT_DIR")
                .map(|folders| std::env::split_paths(folders).collect())
                .unwrap_or_default(),
            system: OnceLock::new(),
            public: OnceLock::new(),
            files: Mutex::default(),
        }
    }

    /// The roots that this machine trusts.
    pub(crate) fn system(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.system.get_or_init(|| self.read_system()).0)
    }

    /// The system's own verifier, which decides on Windows and macOS unless the environment names roots.
    /// Windows fetches a root when a chain first needs it: the list of roots is not all that it trusts.
    #[cfg(any(windows, target_os = "macos"))]
    pub(crate) fn platform(
        &self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Option<Arc<dyn rustls::client::danger::ServerCertVerifier>> {
        if self.system_file.is_some() || !self.system_folders.is_empty() {
            return None;
        }
        let verifier = rustls_platform_verifier::Verifier::new(provider).ok()?;
        Some(Arc::new(verifier))
    }

    /// Elsewhere the system's roots are files.
    #[cfg(not(any(windows, target_os = "macos")))]
    #[allow(clippy::unused_self, reason = "as on the other systems")]
    pub(crate) fn platform(
        &self,
        _: Arc<rustls::crypto::CryptoProvider>,
    ) -> Option<Arc<dyn rustls::client::danger::ServerCertVerifier>> {
        None
    }

    /// The roots that the genuine services are known to use: Mozilla's list, or the file named by
    /// `ENTRA_PG_PUBLIC_ROOTS`.
    pub(crate) fn public(&self) -> Arc<RootCertStore> {
        let read = || match &self.public_file {
            None => (Arc::new(mozilla()), Vec::new()),
            Some(path) => read_file("ENTRA_PG_PUBLIC_ROOTS=", path),
        };
        Arc::clone(&self.public.get_or_init(read).0)
    }

    /// The roots of an `sslrootcert`; an empty store where the file is of no use, so that nothing
    /// verifies.
    pub(crate) fn of_file(&self, path: &Path) -> Arc<RootCertStore> {
        let mut files = lock(&self.files);
        let read = || read_file("", path).0;
        Arc::clone(files.entry(path.to_owned()).or_insert_with(read))
    }

    /// The variables win over the system's own store, as in every program that goes by OpenSSL.
    fn read_system(&self) -> Read {
        if self.system_file.is_none() && self.system_folders.is_empty() {
            return read_native();
        }
        let (mut store, mut problems) = (RootCertStore::empty(), Vec::new());
        if let Some(file) = &self.system_file {
            add_file("SSL_CERT_FILE=", file, &mut store, &mut problems);
        }
        for folder in &self.system_folders {
            add_folder("SSL_CERT_DIR=", folder, &mut store, &mut problems);
        }
        (Arc::new(store), problems)
    }

    /// What could not be read, one line each. Only stores that were used are mentioned.
    pub(crate) fn problems(&self) -> Vec<String> {
        let stores = [self.system.get(), self.public.get()];
        stores.into_iter().flatten().flat_map(|(_, problems)| problems.clone()).collect()
    }
}

fn read_native() -> Read {
    let found = rustls_native_certs::load_native_certs();
    let mut problems: Vec<String> = found
        .errors
        .iter()
        .map(|error| format!("the system's root certificates: {error}"))
        .collect();
    let mut store = RootCertStore::empty();
    let (_, ignored) = store.add_parsable_certificates(found.certs);
    if ignored > 0 {
        problems
            .push(format!("{ignored} root certificates of this machine: they cannot be parsed"));
    }
    (Arc::new(store), problems)
}

fn read_file(setting: &str, path: &Path) -> Read {
    let mut store = RootCertStore::empty();
    let mut problems = Vec::new();
    add_file(setting, path, &mut store, &mut problems);
    if store.is_empty() && problems.is_empty() {
        problems.push(format!("{setting}{}: it holds no certificate", path.display()));
    }
    (Arc::new(store), problems)
}

/// Adds the certificates of a file that a setting names, such as `SSL_CERT_FILE=`.
fn add_file(setting: &str, path: &Path, store: &mut RootCertStore, problems: &mut Vec<String>) {
    match input::bytes(path, FILE_LIMIT).and_then(input::pem) {
        Ok(bytes) => {
            let blocks = pem::blocks(&bytes).0.into_iter().filter(pem::Block::is_certificate);
            let certificates = blocks.filter_map(|block| {
                // What follows in a TRUSTED CERTIFICATE are OpenSSL's own trust settings.
                let rest = X509Certificate::from_der(&block.der).ok()?.0.len();
                Some(CertificateDer::from(block.der[..block.der.len() - rest].to_vec()))
            });
            store.add_parsable_certificates(certificates);
        }
        Err(error) => problems.push(format!("{setting}{}: {error}", path.display())),
    }
}

/// The certificates in a folder, one or more in each file.
fn add_folder(setting: &str, path: &Path, store: &mut RootCertStore, problems: &mut Vec<String>) {
    match std::fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.take(FOLDER_LIMIT).filter_map(Result::ok) {
                // A folder of hashed names holds other files, too.
                add_file("", &entry.path(), store, &mut Vec::new());
            }
        }
        Err(error) => problems.push(format!("{setting}{}: {error}", path.display())),
    }
}

fn mozilla() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(all(test, any(windows, target_os = "macos")))]
mod tests {
    use super::Roots;
    use crate::{
        environment::Environment,
        net::tls::{Hello, provider},
    };

    #[test]
    fn the_system_decides_unless_the_environment_names_roots() {
        let decides = |pairs: &[(&str, &str)]| {
            let roots = Roots::new(&Environment::from_pairs(pairs.iter().copied()));
            roots.platform(provider(Hello::Small)).is_some()
        };
        assert!(decides(&[]));
        assert!(!decides(&[("SSL_CERT_FILE", "roots.pem")]));
        assert!(!decides(&[("SSL_CERT_DIR", "roots")]));
    }
}
