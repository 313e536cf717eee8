//! What libpq and OpenSSL make of the server's certificate: a prediction by their rules, which differ
//! from those of the TLS library in this tool.
//!
//! Sources: PostgreSQL's fe-secure-openssl.c and fe-secure-common.c, OpenSSL 3's x509_vfy.c, and the
//! man pages openssl-verification-options(1) and SSL_CTX_set_security_level(3). `tests/parity-tls`
//! compares the prediction with the real psql.

use crate::facts::{
    tls::{Certificate, CertificateRules, RootVerdict, Tls},
    tls_files::{ClientCertificate, RevocationList, RootFile, TlsFiles},
};
use jiff::Timestamp;

/// What psql does after the TLS handshake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prediction {
    /// It goes on and sends the token.
    Connects {
        /// Whether it verified the chain.
        verified: bool,
    },
    /// It refuses the connection.
    Refuses(Refusal),
}

/// Why psql refuses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// A file of root certificates is required, and does not exist.
    RootFileMissing,
    /// OpenSSL cannot read the file of root certificates.
    RootFileRefused(String),
    /// The client certificate or its key cannot be used.
    ClientCertificate(String),
    /// The chain does not end at a self-signed certificate of the file.
    NoRoot(Vec<String>),
    /// A certificate is out of its validity period.
    OutOfDate(OutOfDate),
    /// A signature or key is too weak for OpenSSL's security level.
    Weak(String),
    /// A certificate may not be used in this place.
    Unsuitable(String),
    /// A revocation list revokes a certificate, is missing, or is out of date.
    Revocation(String),
    /// The certificate does not name the host (verify-full only).
    WrongName,
}

/// A certificate that is out of its validity period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OutOfDate {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is the server's own certificate.
    pub(crate) is_leaf: bool,
    /// Whether it is in the file of root certificates.
    pub(crate) in_file: bool,
    /// Since or from when.
    pub(crate) phrase: String,
}

/// The security that level 2 of OpenSSL demands, which Debian, Ubuntu, Fedora and OpenSSL 3.2 set.
const SECURITY_BITS: u16 = 112;
/// Longer chains are refused.
const DEPTH: usize = 100;

/// Whether rustls refuses a chain since the server's certificate is that of an authority (CA:TRUE).
pub(crate) fn is_authority_as_server(detail: &str) -> bool {
    detail.contains("CaUsedAsEndEntity")
}

/// Predicts what psql does with a chain, by the user's own `sslmode`.
pub(crate) fn predict(
    mode: &str,
    host: &str,
    tls: &Tls,
    files: &TlsFiles,
    now: Timestamp,
) -> Prediction {
    let roots = match &files.roots {
        RootFile::Missing if mode.starts_with("verify-") => {
            return Prediction::Refuses(Refusal::RootFileMissing);
        }
        RootFile::Missing => None,
        RootFile::System => None,
        RootFile::Refused { detail } => {
            return Prediction::Refuses(Refusal::RootFileRefused(detail.clone()));
        }
        RootFile::Read { certificates } => Some(certificates.as_slice()),
    };
    if let ClientCertificate::Refused { message, .. } = &files.client {
        return Prediction::Refuses(Refusal::ClientCertificate(message.clone()));
    }
    let system = files.roots == RootFile::System;
    let refused = match roots {
        Some(roots) => chain(tls, roots, files, now),
        None if system => by_the_system(tls, now),
        None => return Prediction::Connects { verified: false },
    };
    if let Err(refusal) = refused {
        return Prediction::Refuses(refusal);
    }
    let names = mode == "verify-full" || system;
    if names && !tls.chain.first().is_some_and(|leaf| leaf.names_host(host)) {
        return Prediction::Refuses(Refusal::WrongName);
    }
    Prediction::Connects { verified: true }
}

/// Whether OpenSSL's default roots accept the chain: the roots are not in the evidence, so the judgment
/// of this tool's TLS library by this machine's roots is taken, with OpenSSL's rules for the rest.
fn by_the_system(tls: &Tls, now: Timestamp) -> Result<(), Refusal> {
    let path: Vec<&Certificate> = tls.chain.iter().collect();
    dates(&path, &[], now)?;
    weak(&path)?;
    match tls.trust.as_ref().map(|trust| &trust.system) {
        Some(RootVerdict::Trusted) => Ok(()),
        // The issuer was not searched for.
        Some(RootVerdict::Rejected { detail }) if is_authority_as_server(detail) => {
            Err(Refusal::NoRoot(Vec::new()))
        }
        Some(RootVerdict::Rejected { .. }) => suitable(&path),
        _ => Err(Refusal::NoRoot(Vec::new())),
    }
}

fn chain(
    tls: &Tls,
    roots: &[Certificate],
    files: &TlsFiles,
    now: Timestamp,
) -> Result<(), Refusal> {
    let path = path(&tls.chain, roots, now)?;
    suitable(&path)?;
    weak(&path)?;
    revocation(&path, files, now)?;
    dates(&path, roots, now)?;
    // OpenSSL and this tool's TLS library agree about name constraints.
    match tls.trust.as_ref().map(|trust| &trust.effective) {
        Some(RootVerdict::Rejected { detail }) if detail.contains("NameConstraint") => {
            Err(Refusal::Unsuitable(detail.clone()))
        }
        _ => Ok(()),
    }
}

/// The chain that OpenSSL builds: it prefers issuers from the file, and must end at a self-signed
/// certificate of the file (no X509_V_FLAG_PARTIAL_CHAIN).
fn path<'a>(
    presented: &'a [Certificate],
    roots: &'a [Certificate],
    now: Timestamp,
) -> Result<Vec<&'a Certificate>, Refusal> {
    let Some(leaf) = presented.first() else {
        return Err(Refusal::NoRoot(Vec::new()));
    };
    let mut path = vec![leaf];
    let mut from_file = false;
    while let Some(&last) = path.last() {
        let is_trusted = roots.iter().any(|root| root.sha256 == last.sha256);
        if is_self_signed(last) && is_trusted {
            return Ok(path);
        }
        let unused = |other: &&Certificate| path.iter().all(|known| known.sha256 != other.sha256);
        let signed = |other: &&Certificate| is_signed_by(last, other) && unused(other);
        let mut issuers: Vec<&Certificate> = roots.iter().filter(signed).collect();
        issuers.sort_by_key(|issuer| out_of_date(issuer, now).is_some());
        let next = match issuers.first() {
            Some(&issuer) => {
                from_file = true;
                Some(issuer)
            }
            None if from_file || is_self_signed(last) => None,
            None => presented.iter().find(signed),
        };
        match next {
            Some(issuer) if path.len() < DEPTH => path.push(issuer),
            _ => break,
        }
    }
    let not_roots = roots.iter().filter(|root| !is_self_signed(root));
    Err(Refusal::NoRoot(not_roots.map(|root| root.subject_name.clone()).collect()))
}

fn rules(certificate: &Certificate) -> Option<&CertificateRules> {
    certificate.rules.as_ref()
}

fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    match rules(certificate) {
        Some(rules) => rules.signed_by.contains(&issuer.sha256),
        // Evidence of an earlier version has names only.
        None => certificate.issuer == issuer.subject,
    }
}

fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.self_signed && is_signed_by(certificate, certificate)
}

/// Checks who may sign what: X509_check_purpose for a TLS server, and path lengths.
fn suitable(path: &[&Certificate]) -> Result<(), Refusal> {
    let mut intermediates = 0;
    for (index, certificate) in path.iter().enumerate() {
        let Some(rules) = rules(certificate) else {
            continue;
        };
        let name = &certificate.subject_name;
        let refuse = |why: &str| Err(Refusal::Unsuitable(format!("certificate \"{name}\" {why}")));
        if rules.server_auth == Some(false) {
            return refuse("is not for TLS servers (extended key usage)");
        }
        if index == 0 {
            if rules.tls_usage == Some(false) {
                return refuse("is not for TLS servers (key usage)");
            }
            continue;
        }
        if rules.cert_sign == Some(false) {
            return refuse("may not sign certificates (key usage)");
        }
        let is_ca = match rules.ca {
            Some(ca) => ca,
            None => {
                rules.cert_sign == Some(true) || (rules.version == 1 && certificate.self_signed)
            }
        };
        if !is_ca {
            return refuse("is not a certificate authority (basic constraints)");
        }
        if rules.path_length.is_some_and(|most| intermediates > most) {
            return refuse("allows fewer intermediate certificates (path length)");
        }
        if certificate.subject != certificate.issuer {
            intermediates += 1;
        }
    }
    Ok(())
}

/// Checks keys and signatures against the security level. The signature of the trust anchor does not
/// count, and the key of the server is checked in the handshake.
fn weak(path: &[&Certificate]) -> Result<(), Refusal> {
    for (index, certificate) in path.iter().enumerate() {
        if let Some(why) = weakness(certificate, index + 1 == path.len()) {
            return Err(Refusal::Weak(why));
        }
    }
    Ok(())
}

/// Why a certificate is too weak for OpenSSL's security level.
pub(crate) fn weakness(certificate: &Certificate, is_anchor: bool) -> Option<String> {
    let rules = rules(certificate)?;
    let name = &certificate.subject_name;
    let self_signed = certificate.self_signed;
    if rules.key_bits < SECURITY_BITS {
        return Some(format!("the key of \"{name}\" is too small ({})", rules.key));
    }
    (!is_anchor && !self_signed && rules.signature_bits < SECURITY_BITS).then(|| {
        format!(
            "the signature of \"{name}\" by \"{}\" uses {}",
            certificate.issuer_name, rules.signature
        )
    })
}

/// Checks that every certificate of the chain, the root included, is in its validity period.
fn dates(path: &[&Certificate], roots: &[Certificate], now: Timestamp) -> Result<(), Refusal> {
    for (index, certificate) in path.iter().enumerate() {
        if let Some(phrase) = out_of_date(certificate, now) {
            return Err(Refusal::OutOfDate(OutOfDate {
                name: certificate.subject_name.clone(),
                is_leaf: index == 0,
                in_file: roots.iter().any(|root| root.sha256 == certificate.sha256),
                phrase,
            }));
        }
    }
    Ok(())
}

fn out_of_date(certificate: &Certificate, now: Timestamp) -> Option<String> {
    match (certificate.not_before, certificate.not_after) {
        (_, Some(end)) if end < now => Some(format!("expired on {end}")),
        (Some(start), _) if start > now => Some(format!("is valid only from {start}")),
        _ => None,
    }
}

/// Checks every certificate of the chain, the root included, against the revocation lists
/// (X509_V_FLAG_CRL_CHECK_ALL).
fn revocation(path: &[&Certificate], files: &TlsFiles, now: Timestamp) -> Result<(), Refusal> {
    let Some(source) = &files.revocation.source else {
        return Ok(());
    };
    for (index, certificate) in path.iter().enumerate() {
        let issuer = path.get(index + 1).unwrap_or(certificate);
        let signed = |list: &&RevocationList| {
            list.issuer == certificate.issuer && list.signed_by.contains(&issuer.sha256)
        };
        let lists: Vec<&RevocationList> = files.revocation.lists.iter().filter(signed).collect();
        let name = &certificate.subject_name;
        if lists.is_empty() {
            let issuer = &certificate.issuer_name;
            return Err(Refusal::Revocation(format!(
                "{source} has no revocation list of \"{issuer}\", which psql needs for \"{name}\""
            )));
        }
        let current = |list: &&RevocationList| {
            list.this_update.is_none_or(|start| start <= now)
                && list.next_update.is_none_or(|end| end >= now)
        };
        // Of several current lists the newest decides, and of equally old ones the first.
        let newer = |best: &'_ RevocationList, list: &'_ RevocationList| {
            list.this_update > best.this_update
        };
        let newest = lists
            .iter()
            .copied()
            .filter(current)
            .reduce(|best, list| if newer(best, list) { list } else { best });
        let Some(list) = newest else {
            return Err(Refusal::Revocation(format!(
                "the revocation list of \"{}\" in {source} is out of date",
                certificate.issuer_name
            )));
        };
        if rules(issuer).is_some_and(|rules| rules.crl_sign == Some(false)) {
            return Err(Refusal::Revocation(format!(
                "\"{}\" may not sign revocation lists (key usage)",
                issuer.subject_name
            )));
        }
        let serial = rules(certificate).map(|rules| rules.serial.as_str());
        if serial.is_some_and(|serial| list.revokes.iter().any(|revoked| revoked == serial)) {
            return Err(Refusal::Revocation(format!(
                "{source} revokes the certificate \"{name}\""
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Prediction, Refusal, predict};
    use crate::{
        facts::tls::{Certificate, CertificateRules, Tls},
        facts::tls_files::{Revocation, RootFile, TlsFiles},
        support::testing::healthy_but,
    };
    use serde_json::json;

    fn healthy() -> (Tls, jiff::Timestamp) {
        let ids = [
            ("/server/seen/tls/seen/chain/0/sha256", json!("a0")),
            ("/server/seen/tls/seen/chain/1/sha256", json!("a1")),
        ];
        let seen = healthy_but(&ids);
        let tls = seen.server.seen().and_then(|server| server.tls.seen()).expect("TLS");
        (tls.clone(), seen.observed_at)
    }

    fn root(tls: &Tls) -> Certificate {
        let issuing = tls.chain.last().expect("a chain");
        Certificate {
            subject: issuing.issuer.clone(),
            subject_name: issuing.issuer_name.clone(),
            self_signed: true,
            sha256: "a2".to_owned(),
            ..issuing.clone()
        }
    }

    fn files(certificates: Vec<Certificate>) -> TlsFiles {
        TlsFiles { roots: RootFile::Read { certificates }, ..TlsFiles::default() }
    }

    const HOST: &str = "pg-prod.postgres.database.azure.com";

    #[test]
    fn the_chain_must_end_at_a_self_signed_root_of_the_file() {
        let (tls, now) = healthy();
        let go = |mode, files: &TlsFiles| predict(mode, HOST, &tls, files, now);
        let verified = Prediction::Connects { verified: true };
        assert_eq!(go("require", &files(vec![root(&tls)])), verified);
        let issuing = tls.chain[1].clone();
        let refused = go("require", &files(vec![issuing.clone()]));
        let only = vec![issuing.subject_name.clone()];
        assert_eq!(refused, Prediction::Refuses(Refusal::NoRoot(only)));
        assert_eq!(go("require", &files(vec![issuing, root(&tls)])), verified);
        let none = TlsFiles::default();
        assert_eq!(go("require", &none), Prediction::Connects { verified: false });
        let missing = Prediction::Refuses(Refusal::RootFileMissing);
        assert_eq!(go("verify-full", &none), missing);
    }

    #[test]
    fn an_expired_root_and_a_missing_revocation_list_are_refused() {
        let (tls, now) = healthy();
        let expired = Certificate { not_after: Some(jiff::Timestamp::UNIX_EPOCH), ..root(&tls) };
        let refused = predict("verify-ca", HOST, &tls, &files(vec![expired]), now);
        assert!(matches!(refused, Prediction::Refuses(Refusal::OutOfDate(_))), "{refused:?}");
        let source = Some("root.crl".to_owned());
        let revocation = Revocation { source, ..Revocation::default() };
        let files = TlsFiles { revocation, ..files(vec![root(&tls)]) };
        let refused = predict("verify-ca", HOST, &tls, &files, now);
        assert!(matches!(refused, Prediction::Refuses(Refusal::Revocation(_))), "{refused:?}");
    }

    #[test]
    fn only_verify_full_compares_the_name_and_the_common_name_is_the_last_resort() {
        let (mut tls, now) = healthy();
        let files = files(vec![root(&tls)]);
        let mut leaf = |common: Option<&str>, dns: &[&str]| {
            tls.chain[0].rules = Some(CertificateRules {
                version: 3,
                common_name: common.map(str::to_owned),
                dns_names: dns.iter().map(ToString::to_string).collect(),
                signature_bits: 128,
                key_bits: 128,
                signed_by: vec!["a1".to_owned()],
                ..CertificateRules::default()
            });
            ["verify-ca", "verify-full"].map(|mode| {
                predict(mode, HOST, &tls, &files, now) == Prediction::Connects { verified: true }
            })
        };
        assert_eq!(leaf(None, &["*.postgres.database.azure.com"]), [true, true]);
        assert_eq!(leaf(Some(HOST), &[]), [true, true]);
        assert_eq!(leaf(Some(HOST), &["other.example.com"]), [true, false]);
        assert_eq!(leaf(None, &["*.database.azure.com"]), [true, false]);
        assert_eq!(leaf(None, &["p*.postgres.database.azure.com"]), [true, false]);
    }
}
