//! The file of `sslrootcert`.

use crate::{environment::Environment, input, net::pem};
use entra_pg_checks::facts::settings::{Origin, RootCertificates, RootFileState, Setting};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The file that libpq goes by: the one that is named, or its own where that is there. Without it the
/// modes that verify have nothing to verify by, and libpq refuses; the others do not verify.
/// Source: PostgreSQL documentation, libpq, "Client Verification of Server Certificates".
pub(super) fn named(
    given: Option<Setting<String>>,
    sslmode: &str,
    environment: &Environment,
) -> Option<RootCertificates> {
    if let Some(path) = given.filter(|path| !path.value.is_empty()) {
        let state = state(&path.value);
        return Some(RootCertificates { path, state });
    }
    let own = environment.libpq_file(".postgresql/root.crt", "root.crt")?.display().to_string();
    let state = state(&own);
    let wanted = sslmode.starts_with("verify-") || state != RootFileState::Missing;
    let path = Setting { value: own, origin: Origin::Default };
    wanted.then_some(RootCertificates { path, state })
}

/// All roots of a machine have about 250 KB.
const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// What a file of root certificates holds; `system` means this machine's own roots.
fn state(path: &str) -> RootFileState {
    if path == "system" {
        return RootFileState::System;
    }
    let file = match input::bytes(path, FILE_LIMIT).and_then(input::pem) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return RootFileState::Missing;
        }
        Err(error) => {
            return RootFileState::Unusable { detail: error.to_string() };
        }
    };
    let (mut roots, mut not_roots) = (Vec::new(), Vec::new());
    let blocks = pem::blocks(&file).0.into_iter().filter(pem::Block::is_certificate);
    for block in blocks {
        let Ok((_, parsed)) = X509Certificate::from_der(&block.der) else {
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
