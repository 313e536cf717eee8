//! The content security policy of HTML that the program writes.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};

/// A policy that allows no request and no script except the one that is given, by its hash.
pub(crate) fn content_security_policy(script: &str) -> String {
    let hash = digest::digest(&digest::SHA256, script.as_bytes());
    let hash = STANDARD.encode(hash.as_ref());
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}
