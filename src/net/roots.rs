//! The root certificates that this run goes by.

use crate::environment::Environment;
use rustls::{RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Root certificates, read when first needed.
#[derive(Debug)]
pub struct Roots {
    public_file: Option<PathBuf>,
    system: OnceLock<(Arc<RootCertStore>, Vec<String>)>,
    public: OnceLock<(Arc<RootCertStore>, Vec<String>)>,
    files: Mutex<BTreeMap<PathBuf, Arc<RootCertStore>>>,
}

impl Roots {
    /// Roots as the environment asks for: `SSL_CERT_FILE` and `SSL_CERT_DIR` for this machine's,
    /// `ENTRA_PG_PUBLIC_ROOTS` for the public ones of an air-gapped cloud.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        Self {
            public_file: environment.get("ENTRA_PG_PUBLIC_ROOTS").map(PathBuf::from),
            system: OnceLock::new(),
            public: OnceLock::new(),
            files: Mutex::default(),
        }
    }

    /// The roots that this machine trusts.
    pub fn system(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.system.get_or_init(read_system).0)
    }

    /// The roots that the genuine services are known to use: Mozilla's list, or the file named by
    /// `ENTRA_PG_PUBLIC_ROOTS`.
    pub fn public(&self) -> Arc<RootCertStore> {
        let read = || match &self.public_file {
            None => (Arc::new(mozilla()), Vec::new()),
            Some(path) => read_file(path),
        };
        Arc::clone(&self.public.get_or_init(read).0)
    }

    /// The roots of an `sslrootcert`; an empty store where the file is of no use, so that nothing
    /// verifies.
    pub fn of_file(&self, path: &Path) -> Arc<RootCertStore> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || read_file(path).0;
        Arc::clone(files.entry(path.to_owned()).or_insert_with(read))
    }

    /// What could not be read, one line each. Only stores that were used are mentioned.
    pub fn problems(&self) -> Vec<String> {
        let stores = [self.system.get(), self.public.get()];
        stores.into_iter().flatten().flat_map(|(_, problems)| problems.clone()).collect()
    }
}

fn read_system() -> (Arc<RootCertStore>, Vec<String>) {
    let found = rustls_native_certs::load_native_certs();
    let mut problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let mut store = RootCertStore::empty();
    let (_, ignored) = store.add_parsable_certificates(found.certs);
    if ignored > 0 {
        problems.push(format!("{ignored} root certificates of this machine cannot be parsed"));
    }
    (Arc::new(store), problems)
}

fn read_file(path: &Path) -> (Arc<RootCertStore>, Vec<String>) {
    let mut store = RootCertStore::empty();
    let mut problems = Vec::new();
    match CertificateDer::pem_file_iter(path) {
        Ok(certificates) => {
            store.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
        Err(error) => problems.push(format!("{}: {error}", path.display())),
    }
    if store.is_empty() {
        problems.push(format!("{} holds no certificate", path.display()));
    }
    (Arc::new(store), problems)
}

fn mozilla() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}
