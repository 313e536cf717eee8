//! A client certificate and its key, and the assertion that they sign. azure_identity's own
//! certificate credential would bring a second TLS library, OpenSSL.

use crate::{input, probe::context::Context, secret::Secret};
use aws_lc_rs::{digest, rand, rsa::KeyPair, signature::KeyPair as _};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use data_encoding::HEXLOWER;
use entra_pg_checks::facts::credential::ClientCertificate;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use std::path::Path;
use x509_parser::{parse_x509_certificate, pem::Pem};
use zeroize::Zeroizing;

/// A chain of certificates with a key is some 10 KB.
const FILE_LIMIT: u64 = 256 * 1024;
/// Seconds that an assertion is good for. Source: Microsoft Learn, "Certificate credentials for
/// application authentication": five to ten minutes.
const LIFETIME: i64 = 600;

/// A certificate that can sign, and what may be said of it.
pub(super) struct Signer {
    pub(super) facts: ClientCertificate,
    pub(super) assertion: Assertion,
}

/// Signs a new assertion whenever the credential asks for one.
pub(super) struct Assertion {
    key: EncodingKey,
    header: Header,
    audience: String,
    client: String,
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(a signing key)")
    }
}

impl Signer {
    /// Reads certificate and key from one PEM file. `chain` says whether the certificates are sent
    /// along (subject name and issuer authentication).
    ///
    /// # Errors
    /// Why they cannot sign, without any of the file's text.
    pub(super) fn read(path: &Path, chain: bool) -> Result<Self, String> {
        let bytes =
            Zeroizing::new(input::bytes(path, FILE_LIMIT).map_err(|error| error.to_string())?);
        if input::is_marked(&bytes) {
            return Err("it is in UTF-16 or begins with a byte order mark, and PEM is plain text"
                .to_owned());
        }
        let text = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
        if text.expose().contains('\u{fffd}') {
            return Err("it is not PEM; a PFX is converted with openssl pkcs12 -in FILE -out cert.pem -nodes"
                .to_owned());
        }
        if text.expose().contains("ENCRYPTED") {
            return Err("its key is encrypted, and this tool takes plain keys only".to_owned());
        }
        let (mut certificates, mut key) = (Vec::new(), None);
        for block in Pem::iter_from_buffer(text.expose().as_bytes()) {
            let block = block.map_err(|_| "its PEM is damaged".to_owned())?;
            match block.label.as_str() {
                "CERTIFICATE" => certificates.push(block.contents),
                "PRIVATE KEY" => {
                    key = KeyPair::from_pkcs8(&block.contents).ok().map(|pair| (pair, block))
                }
                "RSA PRIVATE KEY" => {
                    key = KeyPair::from_der(&block.contents).ok().map(|pair| (pair, block))
                }
                _ => {}
            }
        }
        let Some(leaf) = certificates.first() else {
            return Err("it holds no certificate".to_owned());
        };
        let Some((pair, block)) = key else {
            return Err(
                "it holds no RSA key in plain PEM; certificate and key belong into one file"
                    .to_owned(),
            );
        };
        let (_, parsed) =
            parse_x509_certificate(leaf).map_err(|_| "its certificate is damaged".to_owned())?;
        let fits = |der: &[u8]| {
            parse_x509_certificate(der).is_ok_and(|(_, certificate)| {
                certificate.public_key().subject_public_key.data.as_ref()
                    == pair.public_key().as_ref()
            })
        };
        if let Some(place) =
            certificates.iter().position(|der| fits(der)).filter(|place| *place > 0)
        {
            return Err(format!(
                "its key is that of certificate {}, which must stand first",
                place + 1
            ));
        }
        if !fits(leaf) {
            return Err("its key is not that of the certificate".to_owned());
        }
        let facts = ClientCertificate {
            file: path.display().to_string(),
            subject: parsed.subject().to_string().chars().take(200).collect(),
            thumbprint: HEXLOWER
                .encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, leaf).as_ref()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        };
        let mut header = Header::new(Algorithm::RS256);
        let fingerprint =
            |algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, leaf).as_ref());
        header.x5t = Some(fingerprint(&digest::SHA1_FOR_LEGACY_USE_ONLY));
        header.x5t_s256 = Some(fingerprint(&digest::SHA256));
        header.x5c = chain.then(|| certificates.iter().map(|der| STANDARD.encode(der)).collect());
        let key = Secret::new(format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(&block.contents),
            label = block.label
        ));
        let key = EncodingKey::from_rsa_pem(key.expose().as_bytes())
            .map_err(|_| "its key cannot be used".to_owned())?;
        let assertion = Assertion { key, header, audience: String::new(), client: String::new() };
        Ok(Self { facts, assertion })
    }
}

impl Assertion {
    /// For one application, at one token endpoint.
    pub(super) fn of(mut self, client: &str, authority: &str, tenant: &str) -> Self {
        self.audience = format!("https://{authority}/{tenant}/oauth2/v2.0/token");
        client.clone_into(&mut self.client);
        self
    }

    fn sign(&self, now: Timestamp) -> Option<String> {
        let mut id = [0; 16];
        rand::fill(&mut id).ok()?;
        let now = now.as_second();
        let claims = json!({
            "aud": self.audience, "iss": self.client, "sub": self.client,
            "jti": HEXLOWER.encode(&id), "iat": now, "nbf": now, "exp": now + LIFETIME,
        });
        jsonwebtoken::encode(&self.header, &claims, &self.key).ok()
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign(Context::clock()).ok_or_else(|| {
            azure_core::Error::with_message(
                azure_core::error::ErrorKind::Credential,
                "the certificate's key cannot sign",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Signer;
    use std::path::Path;

    #[test]
    fn a_file_that_cannot_sign_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            Signer::read(&path, false).err().expect("refused")
        };
        assert!(said("a.pfx", &[0x30, 0x82, 0xff, 0xfe]).contains("openssl pkcs12"));
        assert!(said("b.pem", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n").contains("encrypted"));
        assert!(said("c.pem", b"hello").contains("no certificate"));
        assert!(Signer::read(Path::new("/nowhere/x.pem"), false).is_err());
    }
}
