//! What psql would do with the user's own `sslmode` about a certificate that is not good.

use super::openssl::Prediction;
use crate::{
    facts::settings::{RootFileState, Settings, SslMode},
    support::reach::ChainFault,
};

/// One sentence. Source: PostgreSQL documentation, libpq, "SSL Support", "Client Verification of Server
/// Certificates".
pub(crate) fn would(settings: &Settings, fault: &ChainFault) -> String {
    let mode = &settings.sslmode.value;
    let file = settings.sslrootcert.as_ref().map(|file| &file.state);
    // A file of roots makes every mode verify the chain; `require` does so for backward compatibility.
    let pinned = !matches!(mode, SslMode::Disable | SslMode::VerifyCa | SslMode::VerifyFull)
        && matches!(file, Some(RootFileState::Read { .. }));
    let checks_name = *mode == SslMode::VerifyFull || file == Some(&RootFileState::System);
    let checks_chain = checks_name || *mode == SslMode::VerifyCa || pinned;
    let refuses = match fault {
        ChainFault::WrongName => checks_name,
        _ => checks_chain,
    };
    match (refuses, mode) {
        (true, SslMode::Prefer | SslMode::Allow) if pinned => format!(
            "psql with sslmode={mode} and a root certificate file would give TLS up and try \
                without it, which the server refuses"
        ),
        (true, _) if pinned => {
            format!("psql with sslmode={mode} and a root certificate file would refuse, too")
        }
        (true, _) => format!("psql with sslmode={mode} would refuse, too"),
        (false, SslMode::Disable) => {
            "psql with sslmode=disable would not even ask for a certificate; the server refuses it"
                .to_owned()
        }
        (false, _) => {
            format!("psql with sslmode={mode} would not notice, and send the token")
        }
    }
}

/// What psql does, by a prediction with its own rules.
pub(crate) fn does(
    settings: &Settings,
    prediction: &Prediction,
    fault: Option<&ChainFault>,
) -> String {
    let mode = settings.sslmode.value.as_str();
    let by_file = !mode.starts_with("verify-");
    let file = if by_file { " and a root certificate file" } else { "" };
    match (prediction, fault) {
        (Prediction::Connects { verified: false }, _) => {
            format!("psql with sslmode={mode} does not verify the server and sends the token")
        }
        (Prediction::Connects { verified: true }, Some(ChainFault::WrongName)) => format!(
            "psql with sslmode={mode} verifies the chain and not the name, and sends the token"
        ),
        (Prediction::Connects { verified: true }, _) => {
            format!("psql with sslmode={mode} accepts the certificate")
        }
        (Prediction::Refuses(_), _) if matches!(mode, "prefer" | "allow") => format!(
            "psql with sslmode={mode}{file} gives TLS up and tries without it, which the server \
                refuses"
        ),
        (Prediction::Refuses(_), _) => {
            format!("psql with sslmode={mode}{file} refuses the connection")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::would;
    use crate::{support::reach::ChainFault, support::testing::healthy_but};
    use serde_json::json;

    #[test]
    fn a_root_file_makes_require_verify_the_chain() {
        let with = |mode: &str, file: bool| {
            let mut changes = vec![("/settings/seen/sslmode/value", json!(mode))];
            if !file {
                changes.push(("/settings/seen/sslrootcert", json!(null)));
            }
            healthy_but(&changes).settings.seen().expect("settings").clone()
        };
        let refuses = |mode, file, fault| would(&with(mode, file), &fault).contains("refuse, too");
        assert!(refuses("require", true, ChainFault::Intercepted));
        assert!(!refuses("require", true, ChainFault::WrongName));
        assert!(!refuses("require", false, ChainFault::Intercepted));
        let given_up = would(&with("prefer", true), &ChainFault::Untrusted);
        assert!(given_up.contains("try without it"), "{given_up}");
        assert!(refuses("verify-ca", true, ChainFault::Untrusted));
        assert!(!refuses("verify-ca", true, ChainFault::WrongName));
        assert!(refuses("verify-full", true, ChainFault::WrongName));
    }
}
