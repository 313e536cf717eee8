//! Whether everything that names a cloud names the server's.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        cloud::{Cloud, CloudKind},
        settings::{Origin, Settings},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// One cloud is meant.
pub static CHECK: Check = Check {
    id: "config/cloud",
    asserts: "server and token authority are of one cloud",
    needs: &[Topic::Settings],
    problems: &[&CLOUD_MISMATCH],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

fn judge(settings: &Settings) -> Verdict {
    let chosen = &settings.cloud.value;
    let of_server = settings.host.as_ref().and_then(|host| Cloud::of_server(&host.value));
    let mut found = Vec::new();
    if let (Some(host), Some(server)) = (&settings.host, &of_server)
        && named(&settings.cloud.origin)
        && server.authority_host != chosen.authority_host
    {
        let detail = format!(
            "{} is a server of {}, and {} chooses {}",
            host.value,
            server.az_name(),
            settings.cloud.origin.phrase(),
            chosen.az_name()
        );
        found.push(
            Finding::of(&CLOUD_MISMATCH, &host.value, detail)
                .because(format!("tokens would come from {}", chosen.authority_host))
                .because(format!("that server trusts {}", server.authority_host))
                .fix(Fix::you("Leave the choice to the server's suffix, or correct the host")),
        );
    }
    if let Some(authority) = &settings.authority
        && found.is_empty()
        && let Some(other) = other_cloud(&authority.value, chosen)
    {
        let from = authority.origin.phrase();
        let detail = format!(
            "{from} names the authority of {other}, and the server is in {}",
            chosen.az_name()
        );
        found.push(
            Finding::of(&CLOUD_MISMATCH, &from, detail)
                .because(format!("{from} is \"{}\"", authority.value))
                .because(format!("that server trusts {}", chosen.authority_host))
                .because(
                    "this run asked the server's own authority; an application with the Azure SDK \
                        would not",
                )
                .severity(Severity::Warning)
                .fix(Fix::you("Name the server's authority").run(Command::set(
                    "AZURE_AUTHORITY_HOST",
                    format!("https://{}", chosen.authority_host),
                ))),
        );
    }
    Verdict::unless(found, || format!("{} ({})", chosen.az_name(), chosen.authority_host))
}

const fn named(origin: &Origin) -> bool {
    !matches!(origin, Origin::Default | Origin::Derived { .. })
}

/// The built-in cloud that another authority belongs to.
fn other_cloud(authority: &str, chosen: &Cloud) -> Option<&'static str> {
    let host = authority.trim().trim_start_matches("https://").trim_end_matches('/');
    let host = host.to_ascii_lowercase();
    let known = Cloud::built_in().iter().find(|cloud| cloud.authority_host == host)?;
    (chosen.kind != CloudKind::Custom && known.kind != chosen.kind).then(|| known.az_name())
}

/// Two clouds.
pub static CLOUD_MISMATCH: Problem = Problem {
    id: "config/cloud-mismatch",
    title: "server and token authority are of different clouds",
    explains: &[
        "claims/other-cloud-audience",
        "token/tenant-unknown",
        "token/resource-unknown",
        "token/app-unknown",
        "login/audience-refused",
        "access/*",
    ],
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("login.microsoftonline.de", 60)],
    page: Page {
        means: "Azure's clouds (public, US Government, China) share nothing: a token of one opens \
            no server of another. The server's suffix tells its cloud, and something else was \
            chosen.",
        causes: &[
            "--cloud or --cloud-file of another cloud than the server's",
            "AZURE_AUTHORITY_HOST left over from another environment (a warning)",
            "a host name copied with the wrong suffix",
        ],
        confirm: &["`az cloud show --query name`, and the host's suffix"],
        fix: &[
            (Actor::You, "leave --cloud out: it follows the server's suffix"),
            (Actor::You, "`az cloud set --name $CLOUD`, then sign in again"),
        ],
        mistaken_for: &["claims/other-cloud-audience: there a token of another cloud was given"],
        sources: &["Microsoft Learn: Azure national clouds, endpoints"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::{Value, json};

    fn authority(url: &str) -> Value {
        json!({"value": url, "origin": {"kind": "environment", "variable": "AZURE_AUTHORITY_HOST"}})
    }

    #[test]
    fn another_clouds_authority_in_the_environment() {
        let of = |url: &str| {
            problems_of(&CHECK, &healthy_but(&[("/settings/seen/authority", authority(url))]))
        };
        assert_eq!(of("https://login.microsoftonline.us"), ["config/cloud-mismatch"]);
        assert_eq!(of("https://login.microsoftonline.com/"), Vec::<&str>::new());
        assert_eq!(of("https://login.corp.example"), Vec::<&str>::new());
    }
}
