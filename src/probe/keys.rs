//! The tenant's published signing keys, and the token's signature held against them.

use crate::{
    net::{client::Route, gateway},
    probe::context::Context,
    secret::Secret,
};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{cloud::Cloud, token::Signature, token::Token},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind, jwk::JwkSet};

/// Entra publishes about half a dozen keys, some 10 KB.
const KEYS_LIMIT: usize = 256 * 1024;

/// Fetches the keys and verifies the signature, nothing else: times and audience are judged by
/// checks, with a measured clock.
pub(crate) async fn verify(
    cx: &Context,
    token: &Token,
    secret: &Secret,
    cloud: &Cloud,
) -> Fact<Signature> {
    let (Some(header), Some(claims)) = (&token.header, &token.claims) else {
        return Fact::blocked(Topic::Token, String::new());
    };
    let not_verifiable =
        |detail: &str| Fact::Seen(Signature::NotVerifiable { detail: detail.to_owned() });
    if header.has_nonce {
        return not_verifiable("its header has a nonce: a token for Microsoft Graph");
    }
    if header.alg != "RS256" {
        return not_verifiable("its algorithm is not RS256");
    }
    let (Some(kid), Some(tenant)) = (&header.kid, &claims.tid) else {
        return not_verifiable("it names no key or no tenant");
    };
    if !tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return not_verifiable("its tenant is not an id");
    }
    let version = if claims.ver.as_deref() == Some("2.0") { "/v2.0" } else { "" };
    let host = &cloud.authority_host;
    let url = format!("https://{host}/{tenant}/discovery{version}/keys");
    let fetched = cx.step(Topic::Keys, host, "keys", fetch(cx, &url)).await;
    let keys = match fetched {
        Ok(keys) => keys,
        Err(Failure::NoAnswer) => return Fact::blocked(Topic::Outbound, host.clone()),
        Err(Failure::Unusable(detail)) => {
            return Fact::NotObserved(NotObserved::NotPermitted { detail });
        }
    };
    let Some(key) = keys.find(kid) else {
        return Fact::Seen(Signature::UnknownKey { kid: kid.clone(), published: keys.keys.len() });
    };
    match DecodingKey::from_jwk(key) {
        Ok(key) => Fact::Seen(hold_against(&key, secret, kid)),
        Err(error) => not_verifiable(&format!("the published key cannot be used: {error}")),
    }
}

fn hold_against(key: &DecodingKey, secret: &Secret, kid: &str) -> Signature {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let kid = kid.to_owned();
    match jsonwebtoken::decode::<serde_json::Value>(secret.expose().trim(), key, &validation) {
        Ok(_) => Signature::Verified { kid },
        Err(error) => match error.kind() {
            ErrorKind::InvalidSignature => Signature::Bad { kid },
            _ => Signature::NotVerifiable { detail: "the text is not a whole token".to_owned() },
        },
    }
}

enum Failure {
    NoAnswer,
    Unusable(String),
}

async fn fetch(cx: &Context, url: &str) -> Result<JwkSet, Failure> {
    let url = url.parse().map_err(|_| Failure::NoAnswer)?;
    let gateway = cx.gateway(Topic::Keys, Route::Configured);
    let sent = gateway.send(reqwest::Request::new(reqwest::Method::GET, url), KEYS_LIMIT).await;
    let answer = sent.map_err(|failure| match failure {
        gateway::Failure::TooLong { .. } => {
            let limit = KEYS_LIMIT / 1024;
            Failure::Unusable(format!("the key document is longer than {limit} KiB"))
        }
        gateway::Failure::Withheld(why) => Failure::Unusable(why),
        gateway::Failure::Silent | gateway::Failure::Transport(_) => Failure::NoAnswer,
    })?;
    if !answer.status.is_success() {
        let status = answer.status.as_u16();
        return Err(Failure::Unusable(format!("the key endpoint answers {status}")));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Unusable("the key document cannot be read".to_owned()))
}
