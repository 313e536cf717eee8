//! One TLS handshake that always keeps the chain presented, and judges it three times: name, dates,
//! and roots.

use crate::sync::lock;
use crate::{
    net::tls::{Hello, provider},
    probe::context::Context,
    time::milliseconds,
};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use entra_pg_checks::{
    Topic,
    facts::tls::{Certificate, CertificateRules, RootVerdict, Tls, TlsOutcome, Trust, Validity},
};
use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::{
    asn1_rs::BitString,
    prelude::{FromDer, GeneralName, X509Certificate, X509Error, X509Name},
    public_key::PublicKey,
    verify::verify_signature,
    x509::AlgorithmIdentifier,
};

/// Certificates of a chain that are kept.
const MOST_CERTIFICATES: usize = 16;
/// Names of a certificate that are kept.
const MOST_NAMES: usize = 64;

/// A handshake: what was seen, the stream if the protocol completed, and the chain as presented.
pub(crate) struct Handshake<S> {
    /// What was seen.
    pub(crate) tls: Tls,
    /// The stream. Callers must check [`Tls::verified`] before they send secrets.
    pub(crate) stream: Option<TlsStream<S>>,
    /// The certificates as presented.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// Performs a TLS handshake. The stream is returned even if the verification failed.
///
/// `roots` replace this machine's as the trust anchors of this connection. `again` opens another
/// connection, on which a smaller ClientHello is tried if this one gets no answer.
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin, F: Future<Output = Option<S>>>(
    cx: &Context,
    topic: Topic,
    stream: S,
    address: SocketAddr,
    server_name: &str,
    roots: Option<Arc<RootCertStore>>,
    again: impl FnOnce() -> F,
) -> Handshake<S> {
    let began = Instant::now();
    let recorder = Recorder::new(Hello::Large);
    let label = format!("tls {address}");
    let ended = match ServerName::try_from(server_name.to_owned()) {
        Ok(name) => {
            let connector = TlsConnector::from(Arc::new(config(&recorder)));
            let work = timeout(cx.timeout(), connector.connect(name.clone(), stream));
            let work = with_side_probe(work, smaller_hello(cx, name, again));
            cx.step(topic, server_name, &label, work).await
        }
        Err(error) => (Ok(Err(io::Error::other(error))), None),
    };
    let (outcome, stream) = match ended {
        (Err(_), smaller_hello_answered) => (TlsOutcome::Silent { smaller_hello_answered }, None),
        (Ok(Ok(stream)), _) => (TlsOutcome::Completed, Some(stream)),
        (Ok(Err(error)), _) => (failure(&error), None),
    };
    let chain = recorder.chain();
    let session = stream.as_ref().map(|stream| stream.get_ref().1);
    let tls = Tls {
        address,
        server_name: server_name.to_owned(),
        outcome,
        trust: trust(cx, &chain, server_name, roots),
        chain: chain.iter().take(MOST_CERTIFICATES).map(describe).collect(),
        version: session.and_then(|session| session.protocol_version()).map(version),
        cipher: session
            .and_then(|session| session.negotiated_cipher_suite())
            .map(|suite| format!("{:?}", suite.suite()).trim_start_matches("TLS13_").to_owned()),
        alpn: None,
        elapsed_ms: milliseconds(began.elapsed()),
        client_certificate_requested: recorder.asked.load(Ordering::Relaxed),
        later_alert: None,
    };
    Handshake { tls, stream, chain }
}

/// The first to its end, and what the second has found by then.
async fn with_side_probe<T, U>(
    first: impl Future<Output = T>,
    second: impl Future<Output = U>,
) -> (T, Option<U>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut found = None;
    loop {
        tokio::select! {
            biased;
            value = &mut second, if found.is_none() => found = Some(value),
            value = &mut first => return (value, found),
        }
    }
}

/// After a third of the timeout: whether a ClientHello that fits into one packet gets any answer. It
/// ends before the timeout does, so that silence is paid for once.
async fn smaller_hello<S: AsyncRead + AsyncWrite + Unpin, F: Future<Output = Option<S>>>(
    cx: &Context,
    name: ServerName<'static>,
    again: impl FnOnce() -> F,
) -> bool {
    let third = cx.timeout() / 3;
    tokio::time::sleep(third).await;
    let recorder = Recorder::new(Hello::Small);
    let work = async {
        let stream = again().await?;
        TlsConnector::from(Arc::new(config(&recorder))).connect(name, stream).await.ok()
    };
    // Shorter by a little than what is left of the other's wait.
    matches!(timeout(third * 2 - third / 10, work).await, Ok(Some(_)))
}

fn config(recorder: &Arc<Recorder>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::clone(&recorder.provider))
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(recorder) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(recorder) as Arc<dyn ResolvesClientCert>)
}

/// Records the chain, and whether the server asks for a client certificate, and lets the handshake
/// complete. The chain is judged afterwards.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Recorder {
    fn new(hello: Hello) -> Arc<Self> {
        Arc::new(Self {
            provider: provider(hello),
            chain: Mutex::default(),
            asked: AtomicBool::new(false),
        })
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        lock(&self.chain).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut chain = lock(&self.chain);
        chain.push(end_entity.clone().into_owned());
        chain.extend(intermediates.iter().map(|certificate| certificate.clone().into_owned()));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn trust(
    cx: &Context,
    chain: &[CertificateDer<'static>],
    server_name: &str,
    roots: Option<Arc<RootCertStore>>,
) -> Option<Trust> {
    let (leaf, intermediates) = chain.split_first()?;
    let parsed = X509Certificate::from_der(leaf).ok().map(|(_, parsed)| parsed);
    let validity = parsed.as_ref().map_or(Validity::Current, |parsed| validity(parsed, cx.now()));
    // At a moment when the certificate is valid, so that an expired one is not called untrusted.
    let moment = match &validity {
        Validity::Current => cx.now(),
        Validity::Expired { not_after } => *not_after,
        Validity::NotYet { not_before } => *not_before,
    };
    let against = |store: Arc<RootCertStore>| root(leaf, intermediates, store, moment);
    let name_matches = name_matches(leaf, server_name);
    let mut system = against(cx.roots.system());
    if let Some(verifier) = cx.roots.platform(provider(Hello::Small))
        && let Ok(name) = ServerName::try_from(server_name)
        && name_matches
        && validity == Validity::Current
    {
        let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let judged = verifier.verify_server_cert(leaf, intermediates, &name, &[], now);
        system = decided(judged.map(drop), system);
    }
    Some(Trust {
        name_matches,
        validity,
        effective: roots.map_or_else(|| system.clone(), against),
        system,
        public: against(cx.roots.public()),
    })
}

/// What the system's own verifier decides, in the words of the verdict from the list of roots if they
/// agree.
fn decided(by_the_system: Result<(), Error>, explained: RootVerdict) -> RootVerdict {
    match by_the_system {
        Ok(()) => RootVerdict::Trusted,
        Err(_) if explained != RootVerdict::Trusted => explained,
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            RootVerdict::UnknownIssuer
        }
        Err(error) => RootVerdict::Rejected { detail: bounded(&error.to_string()) },
    }
}

fn root(
    leaf: &CertificateDer<'static>,
    intermediates: &[CertificateDer<'static>],
    store: Arc<RootCertStore>,
    moment: Timestamp,
) -> RootVerdict {
    if store.is_empty() {
        return RootVerdict::NoRoots { detail: "there are no root certificates".to_owned() };
    }
    let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let judged = ParsedCertificate::try_from(leaf).and_then(|parsed| {
        let algorithms = provider(Hello::Small).signature_verification_algorithms;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &store,
            intermediates,
            now,
            algorithms.all,
        )
    });
    match judged {
        Ok(()) => RootVerdict::Trusted,
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            RootVerdict::UnknownIssuer
        }
        Err(error) => RootVerdict::Rejected { detail: error.to_string() },
    }
}

fn name_matches(leaf: &CertificateDer<'static>, server_name: &str) -> bool {
    let Ok(name) = ServerName::try_from(server_name) else {
        return false;
    };
    ParsedCertificate::try_from(leaf).and_then(|parsed| verify_server_name(&parsed, &name)).is_ok()
}

fn validity(certificate: &X509Certificate<'_>, now: Timestamp) -> Validity {
    let period = certificate.validity();
    let second = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let (not_before, not_after) = (second(period.not_before), second(period.not_after));
    if now > not_after {
        Validity::Expired { not_after }
    } else if now < not_before {
        Validity::NotYet { not_before }
    } else {
        Validity::Current
    }
}

/// The SHA-256 of a certificate.
pub(super) fn fingerprint(der: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, der).as_ref())
}

/// What a certificate says.
pub(crate) fn describe(der: &CertificateDer<'static>) -> Certificate {
    let sha256 = fingerprint(der);
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return Certificate {
            subject: "(not a certificate)".to_owned(),
            subject_name: "(not a certificate)".to_owned(),
            issuer: String::new(),
            issuer_name: String::new(),
            names: Vec::new(),
            not_before: None,
            not_after: None,
            sha256,
            self_signed: false,
            rules: None,
        };
    };
    let second = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Certificate {
        subject: bounded(&parsed.subject().to_string()),
        subject_name: short_name(parsed.subject()),
        issuer: bounded(&parsed.issuer().to_string()),
        issuer_name: short_name(parsed.issuer()),
        names: names(&parsed),
        not_before: second(parsed.validity().not_before),
        not_after: second(parsed.validity().not_after),
        sha256,
        self_signed: parsed.subject() == parsed.issuer(),
        rules: Some(rules(&parsed)),
    }
}

fn rules(certificate: &X509Certificate<'_>) -> CertificateRules {
    let subject = certificate.subject();
    let common_name = subject.iter_common_name().find_map(|name| name.as_str().ok());
    let mut rules = CertificateRules {
        version: certificate.version().0 + 1,
        serial: HEXLOWER.encode(certificate.raw_serial()),
        common_name: common_name.map(bounded),
        ..CertificateRules::default()
    };
    for name in general_names(certificate).into_iter().take(MOST_NAMES) {
        match name {
            SubjectName::Dns(name) => rules.dns_names.push(name),
            SubjectName::Address(address) => rules.addresses.push(address),
        }
    }
    if let Ok(Some(constraints)) = certificate.basic_constraints() {
        rules.ca = Some(constraints.value.ca);
        rules.path_length = constraints.value.path_len_constraint;
    }
    if let Ok(Some(usage)) = certificate.key_usage() {
        let usage = usage.value;
        rules.cert_sign = Some(usage.key_cert_sign());
        rules.crl_sign = Some(usage.crl_sign());
        rules.tls_usage =
            Some(usage.digital_signature() || usage.key_encipherment() || usage.key_agreement());
    }
    if let Ok(Some(usage)) = certificate.extended_key_usage() {
        // OpenSSL does not count anyExtendedKeyUsage for a server.
        rules.server_auth = Some(usage.value.server_auth);
    }
    (rules.signature, rules.signature_bits) = signature(certificate);
    (rules.key, rules.key_bits) = key(certificate);
    rules
}

/// The digest of a signature, and OpenSSL's estimate of its strength.
/// Source: OpenSSL, SSL_CTX_set_security_level(3).
fn signature(certificate: &X509Certificate<'_>) -> (String, u16) {
    let (name, bits) = match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => ("MD5", 39),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.29" => ("SHA-1", 63),
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => ("SHA-224", 112),
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => ("SHA-256", 128),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => ("SHA-384", 192),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => ("SHA-512", 256),
        "1.3.101.112" => ("Ed25519", 128),
        _ => ("another algorithm", 128),
    };
    (name.to_owned(), bits)
}

/// The kind of key, and OpenSSL's estimate of its strength.
fn key(certificate: &X509Certificate<'_>) -> (String, u16) {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => {
            let size = key.key_size();
            let bits = match size {
                0..=1023 => 0,
                1024..=2047 => 80,
                2048..=3071 => 112,
                _ => 128,
            };
            (format!("RSA {size}"), bits)
        }
        Ok(PublicKey::EC(point)) => {
            let size = point.key_size();
            (format!("EC {size}"), u16::try_from(size / 2).unwrap_or(u16::MAX))
        }
        _ => ("another kind of key".to_owned(), 128),
    }
}

/// Whether the certificate's key made the signature. A signature that this tool's crypto library
/// cannot check counts as made by it, since names and OpenSSL's security level decide then.
pub(super) fn is_signature(
    issuer: &X509Certificate<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    signed: &[u8],
) -> bool {
    match verify_signature(issuer.public_key(), algorithm, signature, signed) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        Err(_) => key(issuer).1 < 112,
    }
}

enum SubjectName {
    Dns(String),
    Address(IpAddr),
}

fn general_names(certificate: &X509Certificate<'_>) -> Vec<SubjectName> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(SubjectName::Dns(bounded(name))),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| SubjectName::Address(b.into())),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| SubjectName::Address(b.into())),
            _ => None,
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let text = |name: SubjectName| match name {
        SubjectName::Dns(name) => name,
        SubjectName::Address(address) => address.to_string(),
    };
    general_names(certificate).into_iter().map(text).take(MOST_NAMES).collect()
}

fn short_name(name: &X509Name<'_>) -> String {
    let text = name
        .iter_common_name()
        .chain(name.iter_organization())
        .find_map(|attribute| attribute.as_str().ok());
    text.map_or_else(|| bounded(&name.to_string()), bounded)
}

/// A text from a certificate, cut to what is kept.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(256).collect()
}

fn version(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        other => format!("{:#06x}", u16::from(other)),
    }
}

/// The name of the TLS alert that ended a connection.
pub(super) fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(snake(alert.as_str().unwrap_or("unknown"))),
        _ => None,
    }
}

fn failure(error: &io::Error) -> TlsOutcome {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return match error {
            Error::AlertReceived(alert) => {
                TlsOutcome::Alert { description: snake(alert.as_str().unwrap_or("unknown")) }
            }
            Error::InvalidMessage(_) => TlsOutcome::NotTls { starts_with: String::new() },
            other => TlsOutcome::Failed { detail: bounded(&other.to_string()) },
        };
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => TlsOutcome::Reset,
        io::ErrorKind::UnexpectedEof => TlsOutcome::Closed,
        _ => TlsOutcome::Failed { detail: bounded(&error.to_string()) },
    }
}

/// `ProtocolVersion` → `protocol_version`, the name in RFC 8446.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::decided;
    use entra_pg_checks::facts::tls::RootVerdict;
    use rustls::{CertificateError, Error};

    #[test]
    fn the_systems_verifier_decides() {
        let unknown = || Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let revoked = || Err(Error::InvalidCertificate(CertificateError::Revoked));
        // Windows fetches a root that its list does not hold yet.
        assert_eq!(decided(Ok(()), RootVerdict::UnknownIssuer), RootVerdict::Trusted);
        assert_eq!(decided(unknown(), RootVerdict::Trusted), RootVerdict::UnknownIssuer);
        assert!(matches!(decided(revoked(), RootVerdict::Trusted), RootVerdict::Rejected { .. }));
        assert_eq!(decided(revoked(), RootVerdict::UnknownIssuer), RootVerdict::UnknownIssuer);
    }
}
