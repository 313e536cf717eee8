//! TLS client configurations.

use super::roots::Roots;
use rustls::{
    ClientConfig, Error,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, aws_lc_rs::kx_group},
};
use std::sync::Arc;

/// How large the ClientHello is.
#[derive(Clone, Copy)]
pub(crate) enum Hello {
    /// With a post-quantum key share, as OpenSSL 3.5, Go 1.24 and browsers send it: more than one
    /// packet of 1,500 bytes.
    Large,
    /// Without it: about 250 bytes.
    Small,
}

/// A configuration that verifies in the ordinary way, for connections that carry secrets.
///
/// # Errors
/// There are no roots to verify against.
pub(crate) fn verifying_config(roots: &Roots) -> Result<ClientConfig, Error> {
    let builder = || {
        ClientConfig::builder_with_provider(provider(Hello::Small))
            .with_safe_default_protocol_versions()
    };
    if let Some(verifier) = roots.platform(provider(Hello::Small)) {
        let builder = builder()?.dangerous().with_custom_certificate_verifier(verifier);
        return Ok(builder.with_no_client_auth());
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots.system(), provider(Hello::Small))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
    Ok(builder()?.with_webpki_verifier(verifier).with_no_client_auth())
}

/// The crypto provider with the key shares of that ClientHello.
pub(crate) fn provider(hello: Hello) -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let classic = [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    provider.kx_groups = match hello {
        Hello::Large => [kx_group::X25519MLKEM768].into_iter().chain(classic).collect(),
        Hello::Small => classic.to_vec(),
    };
    Arc::new(provider)
}
