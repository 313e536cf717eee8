//! The roots that sign the certificates of flexible servers, and the file that a client takes them from.

use crate::server::EVERYTHING_AFTER;
use crate::{
    check::{Fragment, Page, Problem, Severity, Waiting},
    command::Command,
    facts::{
        cloud::CloudKind,
        settings::{Origin, RootCertificates, RootFileState, Settings},
        tls::Tls,
        vantage::Vantage,
    },
    support::{commands::System, reach::chain_fault},
    verdict::{Actor, Finding, Fix},
};

/// The roots that a client needs. Both of the first are in use at once: certificates are signed
/// twice, and read replicas may be ahead of their primary. China also used the older DigiCert root
/// until its change in 2026.
/// Source: Microsoft Learn, "TLS in Azure Database for PostgreSQL", root certificates.
pub(crate) fn needed(settings: &Settings) -> Vec<&'static str> {
    let mut roots =
        vec!["DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"];
    if settings.cloud.value.kind == CloudKind::China {
        roots.push("DigiCert Global Root CA");
    }
    roots
}

/// Those that the file of `sslrootcert` lacks, where it holds one of them at least: a file without
/// any is of another world, such as a lab.
pub(crate) fn lacking(settings: &Settings) -> Vec<&'static str> {
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
pub(crate) fn evidence(settings: &Settings) -> Option<String> {
    let file = settings.sslrootcert.as_ref()?;
    let RootFileState::Read { roots, not_roots, .. } = &file.state else {
        return None;
    };
    let path = &file.path.value;
    if roots.is_empty() {
        return Some(format!(
            "{path} holds no root but {}, which changes without notice: pin only roots",
            crate::text::list(not_roots, 3)
        ));
    }
    Some(format!("{path} holds {}", crate::text::list(roots, 4)))
}

/// The finding where the file of roots is of no use.
pub(crate) fn unusable(
    settings: &Settings,
    file: &RootCertificates,
    damage: Option<&str>,
    tls: &Tls,
    vantage: &Vantage,
) -> Option<Finding> {
    let path = &file.path.value;
    let mode = settings.sslmode.value.as_str();
    let ignored = file.state == RootFileState::Missing && !mode.starts_with("verify-");
    let (why, says) = match (&file.state, damage) {
        (RootFileState::Missing, _) => (
            "does not exist".to_owned(),
            format!("root certificate file \"{path}\" does not exist"),
        ),
        (RootFileState::Unusable { detail }, _) => (
            format!("cannot be used: {detail}"),
            format!("could not read root certificate file \"{path}\""),
        ),
        (RootFileState::Read { .. }, Some(detail)) => (
            format!("has a damaged block: {detail}"),
            format!("could not read root certificate file \"{path}\": {detail}"),
        ),
        (RootFileState::System, _) => return of_the_system(vantage),
        (RootFileState::Read { .. }, _) => return None,
    };
    let nobody_named_it = file.path.origin == Origin::Default;
    let detail = if nobody_named_it {
        let mode = &settings.sslmode.value;
        format!("no sslrootcert is set; with sslmode={mode} libpq goes by {path}, which {why}")
    } else {
        format!("the root certificates {path} ({}) {why}", file.path.origin.phrase())
    };
    let ca = tls.authority().unwrap_or("an unknown authority");
    // Then the certificate was held against this machine's roots.
    let by_the_machine = nobody_named_it && file.state == RootFileState::Missing;
    let by_the_machine = (by_the_machine && chain_fault(tls).is_none()).then(|| {
        format!(
            "by this machine's own roots the certificate is good, issued by {ca}: clients that use \
                those, as Npgsql does, log in"
        )
    });
    let psql = if ignored {
        format!("psql with sslmode={mode} ignores the missing file and does not verify the server")
    } else {
        format!("psql reports: {says}")
    };
    let severity = if ignored { Severity::Warning } else { Severity::Error };
    Some(
        Finding::of(&FILE_MISSING, path.clone(), detail)
            .severity(severity)
            .because(psql)
            .because_all(by_the_machine)
            .because_all(
                path.starts_with('~')
                    .then(|| "libpq does not expand ~: write the whole path".to_owned()),
            )
            .fix(name(vantage, "Name this machine's own roots".to_owned())),
    )
}

/// The finding where sslrootcert=system means this system's store for this tool, and for psql the folder of
/// its own OpenSSL: on Windows, unless a variable names a file.
fn of_the_system(vantage: &Vantage) -> Option<Finding> {
    if vantage.root_bundle.is_some() || System::of(vantage) == System::Linux {
        return None;
    }
    let detail = "sslrootcert=system: psql looks for roots where its own OpenSSL keeps them, not in \
        this system's store";
    Some(
        Finding::of(&FILE_MISSING, "system", detail.to_owned())
            .severity(Severity::Warning)
            .because("this run verified the server by the system's store")
            .because(
                "likely, psql then fails: EDB's psql 16 and 17 for Windows report \
                    \"SSL error: unregistered scheme\"",
            )
            .fix(name(vantage, "Name a file of root certificates".to_owned())),
    )
}

/// The line that names this machine's own roots: their file, or the word that libpq has for them. On
/// Windows and macOS psql cannot use the system's store, so a file is needed.
/// Source: <https://learn.microsoft.com/azure/postgresql/security/security-tls>
pub(crate) fn name(vantage: &Vantage, text: String) -> Fix {
    if vantage.root_bundle.is_none() && System::of(vantage) != System::Linux {
        let exec = match System::of(vantage) {
            System::Windows => "; `entra-pg exec -- psql` writes the system's roots to such a file",
            _ => "",
        };
        return Fix::you(format!(
            "{text}: save the certificates that Azure Database for PostgreSQL documents as a PEM \
                file; psql on this system cannot use the system's store{exec}"
        ))
        .run(Command::set("PGSSLROOTCERT", "azure-roots.pem"));
    }
    let (value, note) = match vantage.root_bundle.as_deref() {
        Some(file) => (file, ""),
        None => ("system", " (libpq 16 and later; before that, name a file)"),
    };
    Fix::you(text + note).run(Command::set("PGSSLROOTCERT", value))
}

/// The file of roots is not there.
pub(crate) static FILE_MISSING: Problem = Problem {
    id: "server/root-file-missing",
    title: "the file of root certificates is missing or unusable",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("root certificate file … does not exist", 93),
        Fragment::new("could not read root certificate file", 92),
        Fragment::new("could not open certificate file", 90),
        Fragment::new("ssl error: unregistered scheme", 90),
        Fragment::new("root.crt: no such file", 90),
        Fragment::new("root.crt does not exist", 90),
        Fragment::new("could not open ssl root certificate file", 88),
        Fragment::new("no such file or directory … .pem", 86),
        Fragment::new("enoent … .pem", 86),
        Fragment::new("enoent … .crt", 86),
    ],
    page: Page {
        means: "sslrootcert (PGSSLROOTCERT) names a file that does not exist or holds no \
            certificate, so the server's identity cannot be verified. Where it is not set, libpq \
            goes by ~/.postgresql/root.crt (on Windows %APPDATA%\\postgresql\\root.crt), and with verify-ca and verify-full it refuses without \
            that file.",
        causes: &[
            "a path of another machine or container",
            "a download that failed",
            "sslmode=verify-full without sslrootcert",
            "sslrootcert=system on Windows: psql does not read the store of Windows",
        ],
        confirm: &["`ls -l \"$PGSSLROOTCERT\"` and `grep -c BEGIN \"$PGSSLROOTCERT\"`"],
        fix: &[(Actor::You, "name the system's bundle, or download the roots again")],
        mistaken_for: &["server/tls-untrusted: there the file is fine, and lacks the right root"],
        sources: &["PostgreSQL documentation: libpq, sslrootcert"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::{evidence, lacking};
    use crate::{facts::settings::Settings, support::testing::healthy_but};
    use serde_json::json;

    #[test]
    fn psql_on_windows_and_macos_needs_a_file_of_roots() {
        let command = |os: &str| {
            let system = [("/vantage/os", json!(os)), ("/vantage/root_bundle", json!(null))];
            let fix = super::name(&healthy_but(&system).vantage, "Name the roots".to_owned());
            fix.command.expect("a command")
        };
        assert_eq!(command("Linux 6.1 x86_64"), "export PGSSLROOTCERT='system'");
        for os in ["Windows 11 Pro 23H2 22631 x86_64", "Darwin 24.0 arm64"] {
            assert_eq!(command(os), "export PGSSLROOTCERT='azure-roots.pem'");
        }
    }

    #[test]
    fn the_word_system_is_of_no_use_to_psql_on_windows() {
        let warned = |os: &str, bundle: Option<&str>| {
            let place = [("/vantage/os", json!(os)), ("/vantage/root_bundle", json!(bundle))];
            super::of_the_system(&healthy_but(&place).vantage).is_some()
        };
        assert!(warned("Windows 11 Pro 23H2 22631 x86_64", None));
        assert!(!warned("Windows 11 Pro 23H2 22631 x86_64", Some("C:/roots.pem")));
        assert!(!warned("Linux 6.1 x86_64", None));
    }

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
        assert!(evidence(&pinned).is_some_and(|line| line.contains("pin only roots")));
    }
}
