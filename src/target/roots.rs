//! The file of `sslrootcert`.

use entra_pg_checks::facts::settings::RootFileState;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a file of root certificates holds; `system` means this machine's own roots.
pub(super) fn state(path: &str) -> RootFileState {
    if path == "system" {
        return RootFileState::System;
    }
    let file = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return RootFileState::Missing;
        }
        Err(error) => {
            return RootFileState::Unusable { detail: error.to_string() };
        }
    };
    let (mut roots, mut not_roots) = (Vec::new(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(&file).filter_map(Result::ok) {
        let Ok((_, parsed)) = X509Certificate::from_der(&certificate) else {
            continue;
        };
        let subject = parsed.subject();
        let name = subject.iter_common_name().find_map(|name| name.as_str().ok());
        let name = name.map_or_else(|| subject.to_string(), str::to_owned);
        let list = if parsed.issuer() == subject { &mut roots } else { &mut not_roots };
        list.push(name);
    }
    if roots.is_empty() && not_roots.is_empty() {
        let detail = "it holds no certificate in PEM form".to_owned();
        return RootFileState::Unusable { detail };
    }
    RootFileState::Read { certificates: roots.len() + not_roots.len(), roots, not_roots }
}
