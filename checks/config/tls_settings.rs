//! Whether the settings of TLS let a token be sent.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        settings::{Origin, RootFileState, Settings, SslMode},
    },
    support::config::values,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// sslmode and channel_binding fit a login with a token.
pub static CHECK: Check = Check {
    id: "config/tls-settings",
    asserts: "the TLS settings fit a login with a token",
    needs: &[Topic::Settings],
    problems: &[&INVALID_SSLMODE, &TLS_DISABLED, &CHANNEL_BINDING_REQUIRED],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

fn judge(settings: &Settings) -> Verdict {
    let mode = &settings.sslmode;
    // libpq refuses an invalid mode whatever the server is; everything else is about a server.
    if settings.host.is_none() && !matches!(mode.value, SslMode::Unknown(_)) {
        return Verdict::NotApplicable("no server was named".to_owned());
    }
    let found = sslmode(settings).into_iter().chain(password_forbidden(settings)).collect();
    Verdict::unless(found, || format!("sslmode={}", mode.value.as_str()))
}

fn sslmode(settings: &Settings) -> Option<Finding> {
    let mode = &settings.sslmode;
    let value = mode.value.as_str();
    let roots = settings.sslrootcert.as_ref().map(|roots| &roots.state);
    let by_system = roots == Some(&RootFileState::System);
    let because = format!("it is set in {}", mode.origin.phrase());
    let finding = if matches!(mode.value, SslMode::Unknown(_)) {
        let detail = match &mode.origin {
            Origin::Environment { variable } if value.is_empty() => {
                format!("libpq refuses {variable}, which is set but empty")
            }
            _ => format!("libpq has no sslmode \"{value}\""),
        };
        Finding::of(&INVALID_SSLMODE, value, detail).because(because)
    } else if by_system && mode.value != SslMode::VerifyFull {
        let detail = "with sslrootcert=system libpq takes no sslmode but verify-full";
        Finding::of(&INVALID_SSLMODE, value, detail)
            .because(format!("{value} is set in {}", mode.origin.phrase()))
            .because(format!(
                "psql says: weak sslmode \"{value}\" may not be used with sslrootcert=system (use \
                    \"verify-full\")"
            ))
    } else if mode.value == SslMode::Disable {
        let detail = "sslmode=disable: Azure refuses connections without TLS, and a token must not \
            travel in clear";
        Finding::of(&TLS_DISABLED, "sslmode", detail).because(because)
    } else if matches!(mode.value, SslMode::Allow | SslMode::Prefer)
        && mode.origin != Origin::Default
    {
        let detail = format!(
            "sslmode={value} tries without TLS as well, and shows that second, misleading error"
        );
        Finding::of(&TLS_DISABLED, "sslmode", detail).severity(Severity::Warning).because(because)
    } else {
        return None;
    };
    Some(finding.fix(Fix::you("Set it").run(Command::set("PGSSLMODE", "verify-full"))))
}

fn password_forbidden(settings: &Settings) -> Option<Finding> {
    let binding = &settings.channel_binding;
    let forbidding = settings
        .require_auth
        .as_ref()
        .filter(|auth| forbids_password(&auth.value, settings.libpq.reading()));
    let (name, what, setting) = match forbidding {
        Some(auth) => ("require_auth", "forbids passwords", auth),
        None if binding.value == "require" => ("channel_binding", "insists on SCRAM", binding),
        None => return None,
    };
    let detail = format!(
        "{name}={} {what}, and a token is sent as a cleartext password inside TLS",
        setting.value
    );
    let finding = Finding::of(&CHANNEL_BINDING_REQUIRED, name, detail)
        .because(format!("it is set in {}", setting.origin.phrase()));
    Some(finding.fix(take_back(&setting.origin)))
}

/// Whether a list of methods forbids a cleartext password. A list that libpq refuses is reported by
/// config/setting-values.
fn forbids_password(list: &str, version: u8) -> bool {
    let allowed = values::methods(list, version).is_none_or(values::Methods::allow_password);
    !list.is_empty() && !allowed
}

fn take_back(origin: &Origin) -> Fix {
    match origin {
        Origin::Environment { variable } => {
            Fix::you("Take it back").run(Command::unset(variable.as_str()))
        }
        other => Fix::you(format!("Take it out of {}", other.phrase())),
    }
}

/// Not a mode.
pub static INVALID_SSLMODE: Problem = Problem {
    id: "config/invalid-sslmode",
    title: "libpq does not take this sslmode",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("invalid sslmode value", 92),
        Fragment::new("weak sslmode", 92),
        Fragment::new("sslmode value … invalid when ssl support is not compiled in", 90),
        Fragment::new("unsupported sslmode", 90),
        Fragment::new("unrecognized sslmode", 90),
        Fragment::new("unknown sslmode", 90),
        Fragment::new("invalid sslmode", 90),
        Fragment::new("invalid value for parameter sslmode", 90),
        Fragment::new("couldn't set sslmode", 88),
        Fragment::new("is not a valid sslmode", 86),
        Fragment::new("please use verifyfull or verifyca instead of require", 88),
    ],
    page: Page {
        means: "libpq refuses to connect: it knows disable, allow, prefer, require, verify-ca and \
            verify-full, and with sslrootcert=system none but the last.",
        causes: &[
            "PGSSLROOTCERT=system together with an older PGSSLMODE=require",
            "verify-all, which a page of Microsoft's documentation names by mistake",
            "a slip of the pen",
        ],
        confirm: &["`psql` says: invalid sslmode value, or: weak sslmode"],
        fix: &[(Actor::You, "sslmode=verify-full")],
        mistaken_for: &["server/tls-untrusted: nothing has been contacted yet"],
        sources: &["PostgreSQL documentation: libpq, sslmode"],
    },
    ..Problem::DEFAULT
};

/// No TLS.
pub static TLS_DISABLED: Problem = Problem {
    id: "config/tls-disabled",
    title: "TLS is off, or not insisted on",
    explains: &["login/tls-required"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("built without tls support", 90),
        Fragment::new("no tls implementation configured", 88),
        Fragment::new("tls support is not compiled", 84),
        Fragment::new("sslmode=disable", 70),
        Fragment::new("no pg_hba.conf entry … no encryption", 64),
        Fragment::new("no pg_hba.conf entry … ssl off", 64),
        Fragment::new("ssl connection is required", 62),
    ],
    page: Page {
        means: "With sslmode=disable the server answers \"no pg_hba.conf entry … no encryption\". \
            With allow or prefer (a warning) a failed first try is repeated without TLS, and that \
            second error hides the first.",
        causes: &[
            "a setting from a local development server",
            "a driver that does not use TLS by default",
        ],
        confirm: &["`psql` shows \"no encryption\" as its only or its last line"],
        fix: &[(Actor::You, "sslmode=verify-full (or require at the least)")],
        mistaken_for: &["login/client-address-refused: its text says \"SSL encryption\""],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, TLS",
            "Azure/azure-cli-extensions#8410",
        ],
    },
    ..Problem::DEFAULT
};

/// SCRAM insisted on.
pub static CHANNEL_BINDING_REQUIRED: Problem = Problem {
    id: "config/channel-binding-required",
    title: "the client insists on SCRAM",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("server requested a cleartext password", 92),
        Fragment::new("channel binding required", 90),
        Fragment::new("channel binding is required", 90),
    ],
    page: Page {
        means: "A token is sent as a cleartext password inside TLS. channel_binding=require or \
            require_auth=scram-sha-256 forbid that, so libpq gives up.",
        causes: &["hardening rules for password logins, applied to everybody"],
        confirm: &[
            "`psql` says: channel binding required but not supported by server's authentication \
                request",
        ],
        fix: &[(Actor::You, "channel_binding=prefer; rely on sslmode=verify-full instead")],
        mistaken_for: &["login/not-an-entra-role: there the server asks for SCRAM"],
        sources: &["PostgreSQL documentation: libpq, channel_binding and require_auth"],
    },
    ..Problem::DEFAULT
};
