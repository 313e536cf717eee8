//! One TLS handshake that always keeps the chain presented, and judges it three times: name, dates,
//! and roots.

use crate::{
    net::tls::{Hello, provider},
    probe::context::Context,
    time::milliseconds,
};
use aws_lc_rs::digest::{SHA256, digest};
use entra_pg_checks::{
    Topic,
    facts::tls::{Certificate, RootVerdict, Tls, TlsOutcome, Trust, Validity},
};
use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

/// Certificates of a chain that are kept.
const MOST_CERTIFICATES: usize = 16;
/// Names of a certificate that are kept.
const MOST_NAMES: usize = 64;

/// Shakes hands. The stream is returned whenever the protocol completes, also when the certificate
/// is not good: whoever sends a secret asks [`Tls::verified`] first.
///
/// `roots` replace this machine's as the ones this connection goes by. `again` opens another
/// connection, on which a smaller ClientHello is tried when this one gets no answer.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin, F: Future<Output = Option<S>>>(
    cx: &Context,
    topic: Topic,
    stream: S,
    address: SocketAddr,
    server_name: &str,
    roots: Option<Arc<RootCertStore>>,
    again: impl FnOnce() -> F,
) -> (Tls, Option<TlsStream<S>>) {
    let began = Instant::now();
    let recorder = Arc::new(Recorder { provider: provider(Hello::Large), chain: Mutex::default() });
    let label = format!("tls {address}");
    let ended = match ServerName::try_from(server_name.to_owned()) {
        Ok(name) => {
            let connector = TlsConnector::from(Arc::new(config(&recorder)));
            let work = timeout(cx.timeout(), connector.connect(name.clone(), stream));
            let work = beside(work, smaller_hello(cx, name, again));
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
    };
    (tls, stream)
}

/// The first to its end, and what the second has found by then.
async fn beside<T, U>(
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
    let recorder = Arc::new(Recorder { provider: provider(Hello::Small), chain: Mutex::default() });
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
        .with_no_client_auth()
}

/// Keeps the chain and lets the handshake complete; the judgement comes after.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
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
    let system = against(cx.roots.system());
    Some(Trust {
        name_matches: name_matches(leaf, server_name),
        validity,
        effective: roots.map_or_else(|| system.clone(), against),
        system,
        public: against(cx.roots.public()),
    })
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

fn describe(der: &CertificateDer<'static>) -> Certificate {
    let sha256 = hex(digest(&SHA256, der).as_ref());
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
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(bounded(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
            16 => {
                <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string())
            }
            _ => None,
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).take(MOST_NAMES).collect()
}

fn short_name(name: &X509Name<'_>) -> String {
    let text = name
        .iter_common_name()
        .chain(name.iter_organization())
        .find_map(|attribute| attribute.as_str().ok());
    text.map_or_else(|| bounded(&name.to_string()), bounded)
}

fn bounded(text: &str) -> String {
    text.chars().take(256).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn version(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        other => format!("{:#06x}", u16::from(other)),
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
