//! Whether the settings of TLS let a token be sent.

use crate::{
    check::{Check, Judge, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        settings::{Origin, Settings},
        vantage::Shell,
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The modes that libpq knows.
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// sslmode and channel_binding fit a login with a token.
pub static CHECK: Check = Check {
    id: "config/tls-settings",
    asserts: "the TLS settings fit a login with a token",
    needs: &[Topic::Settings],
    problems: &[&INVALID_SSLMODE, &TLS_DISABLED, &CHANNEL_BINDING_REQUIRED],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?, seen.vantage.shell))),
};

fn judge(settings: &Settings, shell: Shell) -> Verdict {
    if settings.host.is_none() {
        return Verdict::NotApplicable("no server was named".to_owned());
    }
    let mode = &settings.sslmode;
    let (value, origin) = (mode.value.as_str(), mode.origin.phrase());
    let set = || Fix::you("Set it").run(text::set_variable(shell, "PGSSLMODE", "verify-full"));
    let mut found = Vec::new();
    if !MODES.contains(&value) {
        let detail = format!("libpq has no sslmode \"{value}\"");
        let finding = Finding::of(&INVALID_SSLMODE, value, detail);
        found.push(finding.because(format!("it stands in {origin}")).fix(set()));
    } else if value == "disable" {
        let detail = "sslmode=disable: Azure refuses connections without TLS, and a token must not travel in clear";
        let finding = Finding::of(&TLS_DISABLED, "sslmode", detail);
        found.push(finding.because(format!("it stands in {origin}")).fix(set()));
    } else if matches!(value, "allow" | "prefer") && mode.origin != Origin::Default {
        let detail = format!(
            "sslmode={value} tries without TLS as well, and shows that second, misleading error"
        );
        let finding = Finding::of(&TLS_DISABLED, "sslmode", detail).severity(Severity::Warning);
        found.push(finding.because(format!("it stands in {origin}")).fix(set()));
    }
    let binding = &settings.channel_binding;
    let scram = settings.require_auth.as_ref().filter(|auth| {
        let allowed = auth.value.as_str();
        !allowed.is_empty() && !allowed.contains("password") && !allowed.starts_with('!')
    });
    if binding.value == "require" || scram.is_some() {
        let (name, setting) = match scram {
            Some(auth) => ("require_auth", auth),
            None => ("channel_binding", binding),
        };
        let detail = format!(
            "{name}={} insists on SCRAM, and a token is sent as a cleartext password inside TLS",
            setting.value
        );
        found.push(
            Finding::of(&CHANNEL_BINDING_REQUIRED, name, detail)
                .because(format!("it stands in {}", setting.origin.phrase()))
                .fix(Fix::you("Take it back").run("unset PGCHANNELBINDING PGREQUIREAUTH")),
        );
    }
    Verdict::unless(found, || format!("sslmode={value}"))
}

/// Not a mode.
pub static INVALID_SSLMODE: Problem = Problem {
    id: "config/invalid-sslmode",
    title: "the sslmode does not exist",
    severity: Severity::Error,
    explains: &[],
    page: Page {
        means: "libpq refuses to connect: it knows disable, allow, prefer, require, verify-ca and verify-full.",
        causes: &[
            "verify-all, which a page of Microsoft's documentation names by mistake",
            "a slip of the pen",
        ],
        confirm: &["`psql` says: invalid sslmode value"],
        fix: &[(Actor::You, "sslmode=verify-full")],
        mistaken_for: &["server/tls-untrusted: nothing has been contacted yet"],
        sources: &["PostgreSQL documentation: libpq, sslmode"],
    },
};

/// No TLS.
pub static TLS_DISABLED: Problem = Problem {
    id: "config/tls-disabled",
    title: "TLS is off, or not insisted on",
    severity: Severity::Error,
    explains: &["login/tls-required"],
    page: Page {
        means: "With sslmode=disable the server answers \"no pg_hba.conf entry … no encryption\". With allow or prefer (a warning) a failed first try is repeated without TLS, and that second error hides the first.",
        causes: &["a setting from a local development server", "a driver whose default is no TLS"],
        confirm: &["`psql` shows \"no encryption\" as its only or its last line"],
        fix: &[(Actor::You, "sslmode=verify-full (or require at the least)")],
        mistaken_for: &["login/client-address-refused: its text says \"SSL encryption\""],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, TLS",
            "Azure/azure-cli-extensions#8410",
        ],
    },
};

/// SCRAM insisted on.
pub static CHANNEL_BINDING_REQUIRED: Problem = Problem {
    id: "config/channel-binding-required",
    title: "the client insists on SCRAM",
    severity: Severity::Error,
    explains: &[],
    page: Page {
        means: "A token is sent as a cleartext password inside TLS. channel_binding=require or require_auth=scram-sha-256 forbid that, so libpq gives up.",
        causes: &["hardening rules for password logins, applied to everybody"],
        confirm: &[
            "`psql` says: channel binding required but not supported by server's authentication request",
        ],
        fix: &[(Actor::You, "channel_binding=prefer; rely on sslmode=verify-full instead")],
        mistaken_for: &["login/not-an-entra-role: there the server asks for SCRAM"],
        sources: &["PostgreSQL documentation: libpq, channel_binding and require_auth"],
    },
};
