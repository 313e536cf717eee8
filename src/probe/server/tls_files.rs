//! The files that libpq reads for TLS, and which certificate signed which.

use crate::{
    environment::Environment,
    input,
    net::pem,
    probe::tls::{self, fingerprint},
};
use data_encoding::HEXLOWER;
use entra_pg_checks::facts::{
    settings::{RootFileState, Settings},
    tls::{Certificate, Tls},
    tls_files::{ClientCertificate, Revocation, RevocationList, RootFile, TlsFiles},
};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// A bundle of all public roots has about 200 KB.
const LIMIT: u64 = 4 * 1024 * 1024;
/// Certificates and lists of one file that are kept.
const MAX_CERTIFICATES: usize = 512;
const MAX_LISTS: usize = 64;

/// Reads the files, and completes the certificates of the chain with who signed them.
pub(super) fn read(
    settings: &Settings,
    environment: &Environment,
    tls: &mut Tls,
    chain: &[CertificateDer<'static>],
) -> TlsFiles {
    let (roots, anchors) = roots(settings);
    let known: Vec<CertificateDer<'static>> = chain.iter().chain(&anchors).cloned().collect();
    for (certificate, der) in tls.chain.iter_mut().zip(chain) {
        set_signers(certificate, der, &known);
    }
    let roots = match roots {
        RootFile::Read { mut certificates } => {
            for (certificate, der) in certificates.iter_mut().zip(&anchors) {
                set_signers(certificate, der, &anchors);
            }
            RootFile::Read { certificates }
        }
        other => other,
    };
    TlsFiles {
        roots,
        revocation: revocation(settings, environment, &known),
        client: client(settings, environment),
    }
}

fn set_signers(
    certificate: &mut Certificate,
    der: &CertificateDer<'_>,
    known: &[CertificateDer<'static>],
) {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return;
    };
    let signers = known.iter().filter(|issuer| {
        X509Certificate::from_der(issuer).is_ok_and(|(_, issuer)| {
            parsed.issuer().as_raw() == issuer.subject().as_raw()
                && tls::is_signature(
                    &issuer,
                    &parsed.signature_algorithm,
                    &parsed.signature_value,
                    parsed.tbs_certificate.as_ref(),
                )
        })
    });
    let mut signed_by: Vec<String> = signers.map(|der| fingerprint(der)).collect();
    signed_by.dedup();
    if let Some(rules) = &mut certificate.rules {
        rules.signed_by = signed_by;
    }
}

/// The file of root certificates, with the certificates in it.
fn roots(settings: &Settings) -> (RootFile, Vec<CertificateDer<'static>>) {
    let Some(file) = &settings.sslrootcert else {
        return (RootFile::Missing, Vec::new());
    };
    if file.state == RootFileState::System {
        return (RootFile::System, Vec::new());
    }
    let bytes = match input::bytes(&file.path.value, LIMIT) {
        Ok(bytes) => bytes,
        Err(_) if !Path::new(&file.path.value).exists() => return (RootFile::Missing, Vec::new()),
        Err(error) => return (RootFile::Refused { detail: error.to_string() }, Vec::new()),
    };
    let (blocks, mut damage) = pem::blocks(&bytes);
    let mut anchors = Vec::new();
    for block in blocks.into_iter().filter(pem::Block::is_certificate).take(MAX_CERTIFICATES) {
        match X509Certificate::from_der(&block.der) {
            // What follows in a TRUSTED CERTIFICATE are OpenSSL's own trust settings.
            Ok((rest, _)) => {
                let length = block.der.len() - rest.len();
                anchors.push(CertificateDer::from(block.der[..length].to_vec()));
            }
            Err(_) => damage = Some("not a certificate".to_owned()),
        }
    }
    if anchors.is_empty() && damage.is_none() {
        damage = Some("no certificate or crl found".to_owned());
    }
    match damage {
        Some(detail) => (RootFile::Refused { detail }, anchors),
        None => {
            let certificates = anchors.iter().map(tls::describe).collect();
            (RootFile::Read { certificates }, anchors)
        }
    }
}

/// The revocation lists: `sslcrl` and `sslcrldir`, or libpq's own file if neither is set. A file that
/// OpenSSL cannot read is ignored, as libpq ignores it, and so is the folder then.
fn revocation(
    settings: &Settings,
    environment: &Environment,
    known: &[CertificateDer<'static>],
) -> Revocation {
    let file = value(settings, "sslcrl").map(PathBuf::from);
    let folder = value(settings, "sslcrldir").map(PathBuf::from);
    let own = || environment.libpq_file(".postgresql/root.crl", "root.crl");
    let file = if file.is_none() && folder.is_none() { own() } else { file };
    let mut found = Revocation::default();
    if let Some(path) = file {
        let blocks = input::bytes(&path, LIMIT).map(|bytes| pem::blocks(&bytes));
        match blocks {
            Ok((blocks, None))
                if blocks.iter().any(|b| b.is_certificate() || b.is_revocation_list()) =>
            {
                found.source = Some(path.display().to_string());
                let lists = blocks.iter().filter(|block| block.is_revocation_list());
                let lists = lists.filter_map(|block| list(&block.der, known));
                found.lists.extend(lists.take(MAX_LISTS));
            }
            // X509_STORE_load_locations stops at the file, and libpq ignores the folder as well.
            _ => return found,
        }
    }
    if let Some(path) = folder {
        found.source = Some(path.display().to_string());
        found.lists.extend(lists_in(&path, known));
    }
    found
}

/// The lists of a folder: OpenSSL finds them by the names that `openssl rehash` gives, such as
/// `1a2b3c4d.r0`.
fn lists_in(folder: &Path, known: &[CertificateDer<'static>]) -> Vec<RevocationList> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let hashed = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let number = path.extension().and_then(|ending| ending.to_str()?.strip_prefix('r'));
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    });
    hashed
        .take(MAX_LISTS)
        .filter_map(|path| input::bytes(&path, LIMIT).ok())
        .flat_map(|bytes| pem::blocks(&bytes).0)
        .filter_map(|block| list(&block.der, known))
        .collect()
}

fn list(der: &[u8], known: &[CertificateDer<'static>]) -> Option<RevocationList> {
    let (_, parsed) = CertificateRevocationList::from_der(der).ok()?;
    let mut signed_by = Vec::new();
    let mut revokes = Vec::new();
    for der in known {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            continue;
        };
        let signed = certificate.subject().as_raw() == parsed.issuer().as_raw()
            && tls::is_signature(
                &certificate,
                &parsed.signature_algorithm,
                &parsed.signature_value,
                parsed.tbs_cert_list.as_ref(),
            );
        if signed {
            signed_by.push(fingerprint(der));
        }
        let serial = certificate.raw_serial();
        if certificate.issuer().as_raw() == parsed.issuer().as_raw()
            && parsed.iter_revoked_certificates().any(|entry| entry.raw_serial() == serial)
        {
            revokes.push(HEXLOWER.encode(serial));
        }
    }
    let second = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(RevocationList {
        issuer: tls::bounded(&parsed.issuer().to_string()),
        this_update: second(parsed.last_update()),
        next_update: parsed.next_update().and_then(second),
        signed_by,
        revokes,
    })
}

/// The client certificate and key, with libpq's own message if it refuses them.
fn client(settings: &Settings, environment: &Environment) -> ClientCertificate {
    let own = |name: &str| {
        environment
            .libpq_file(&format!(".postgresql/{name}"), name)
            .map(|path| path.display().to_string())
    };
    if value(settings, "sslcertmode") == Some("disable") {
        return ClientCertificate::None;
    }
    let given = value(settings, "sslcert").map(str::to_owned);
    let Some(path) = given.or_else(|| own("postgresql.crt")) else {
        return ClientCertificate::None;
    };
    let refused =
        |message: String| ClientCertificate::Refused { certificate: path.clone(), message };
    let bytes = match input::bytes(&path, LIMIT) {
        Ok(bytes) => bytes,
        Err(_) if is_absent(Path::new(&path)) => return ClientCertificate::None,
        Err(error) => {
            return refused(format!("could not read certificate file \"{path}\": {error}"));
        }
    };
    let (blocks, damage) = pem::blocks(&bytes);
    let first = blocks.into_iter().find(pem::Block::is_certificate);
    let Some(certificate) = first.filter(|block| X509Certificate::from_der(&block.der).is_ok())
    else {
        let why = damage.unwrap_or_else(|| "no start line".to_owned());
        return refused(format!("could not read certificate file \"{path}\": {why}"));
    };
    let key = value(settings, "sslkey").map(str::to_owned).or_else(|| own("postgresql.key"));
    match key {
        // An OpenSSL engine or provider holds the key.
        Some(key) if !cfg!(windows) && key.contains(':') => {
            ClientCertificate::Ready { certificate: path }
        }
        Some(key) => {
            let has_password = settings.others.iter().any(|other| other.keyword == "sslpassword");
            match key_problem(&key, &certificate.der, has_password) {
                Some(message) => refused(message),
                None => ClientCertificate::Ready { certificate: path },
            }
        }
        None => refused("certificate present, but not private key file".to_owned()),
    }
}

/// A setting of libpq that is not empty.
fn value<'a>(settings: &'a Settings, keyword: &str) -> Option<&'a str> {
    settings.value_of(keyword).filter(|value| !value.is_empty())
}

fn is_absent(path: &Path) -> bool {
    let absent = |error: &std::io::Error| {
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
    };
    fs::metadata(path).err().as_ref().is_some_and(absent)
}

/// What libpq says about a key that it does not use.
fn key_problem(path: &str, certificate: &[u8], has_password: bool) -> Option<String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Some(format!("certificate present, but not private key file \"{path}\""));
        }
        Err(error) => return Some(format!("could not stat private key file \"{path}\": {error}")),
    };
    if !metadata.is_file() {
        return Some(format!("private key file \"{path}\" is not a regular file"));
    }
    if is_exposed(&metadata) {
        return Some(format!("private key file \"{path}\" has group or world access"));
    }
    let unusable = |why: &str| Some(format!("could not load private key file \"{path}\": {why}"));
    let Ok(bytes) = input::bytes(path, LIMIT) else {
        return unusable("it cannot be read");
    };
    let encrypted = String::from_utf8_lossy(&bytes).contains("ENCRYPTED");
    if encrypted && has_password {
        return None;
    }
    if encrypted {
        return unusable("it is encrypted, and sslpassword is not set");
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes).or_else(|_| {
        PrivateKeyDer::try_from(bytes).map_err(|_| rustls::pki_types::pem::Error::NoItemsFound)
    });
    let Ok(key) = key else {
        return unusable("it is not a private key");
    };
    // A key of a kind that this tool cannot read is left to OpenSSL.
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok()?;
    let public = key.public_key()?;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    (public.as_ref() != certificate.public_key().raw)
        .then(|| format!("certificate does not match private key file \"{path}\""))
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &fs::Metadata) -> bool {
    false
}
