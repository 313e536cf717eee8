//! Which roots sign the certificates of flexible servers, and which of them a file lacks.

use crate::facts::{
    cloud::CloudKind,
    settings::{RootFileState, Settings},
};

/// The roots that a client needs. Both of the first are in use at once: certificates are signed
/// twice, and read replicas may be ahead of their primary. China also used the older DigiCert root
/// until its change in 2026.
/// Source: Microsoft Learn, "TLS in Azure Database for PostgreSQL", root certificates.
pub(super) fn needed(settings: &Settings) -> Vec<&'static str> {
    let mut roots =
        vec!["DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"];
    if settings.cloud.value.kind == CloudKind::China {
        roots.push("DigiCert Global Root CA");
    }
    roots
}

/// Those that the file of `sslrootcert` lacks, where it holds one of them at least: a file without
/// any is of another world, such as a lab.
pub(super) fn lacking(settings: &Settings) -> Vec<&'static str> {
    let Some(RootFileState::Read { roots, .. }) =
        settings.sslrootcert.as_ref().map(|file| &file.state)
    else {
        return Vec::new();
    };
    let holds = |name: &&str| roots.iter().any(|root| root == *name);
    let needed = needed(settings);
    if needed.iter().any(holds) {
        needed.into_iter().filter(|name| !holds(name)).collect()
    } else {
        Vec::new()
    }
}

/// What the file holds, in a sentence.
pub(super) fn evidence(settings: &Settings) -> Option<String> {
    let file = settings.sslrootcert.as_ref()?;
    let RootFileState::Read { roots, not_roots, .. } = &file.state else {
        return None;
    };
    let path = &file.path.value;
    if roots.is_empty() {
        return Some(format!(
            "{path} holds no root but {}, which changes without notice: pin roots alone",
            crate::text::list(not_roots, 3)
        ));
    }
    Some(format!("{path} holds {}", crate::text::list(roots, 4)))
}

#[cfg(test)]
mod tests {
    use super::{evidence, lacking};
    use crate::{facts::settings::Settings, testing::healthy_but};
    use serde_json::json;

    fn with(roots: &[&str], not_roots: &[&str]) -> Settings {
        let state = json!({"state": "read", "certificates": roots.len() + not_roots.len(),
                           "roots": roots, "not_roots": not_roots});
        let seen = healthy_but(&[("/settings/seen/sslrootcert/state", state)]);
        seen.settings.seen().expect("settings").clone()
    }

    #[test]
    fn one_of_two_roots_is_not_enough() {
        let one = with(&["DigiCert Global Root G2"], &[]);
        assert_eq!(lacking(&one), ["Microsoft RSA Root Certificate Authority 2017"]);
        let both = with(
            &["DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"],
            &[],
        );
        assert!(lacking(&both).is_empty());
        assert!(lacking(&with(&["A root of a lab"], &[])).is_empty());
    }

    #[test]
    fn a_pinned_intermediate_is_called_one() {
        let pinned = with(&[], &["Microsoft Azure RSA TLS Issuing CA 03"]);
        assert!(evidence(&pinned).is_some_and(|line| line.contains("pin roots alone")));
    }
}
