//! Whether this machine's clock agrees with Entra's.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity},
    facts::{Topic, clock::ClockReading, vantage::Vantage},
    support::commands,
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Seconds from which a difference is an error; Entra tolerates five minutes.
const ERROR: i64 = 300;
/// Seconds from which a difference is worth a warning.
const WARNING: i64 = 60;

/// The clocks agree.
pub static CHECK: Check = Check {
    id: "clock/accuracy",
    asserts: "this machine's clock agrees with Entra's",
    needs: &[Topic::Clock],
    problems: &[&SKEWED],
    decisive: false,
    judge: Judge::Once(|seen| Ok(judge(seen.clock.get()?, &seen.vantage))),
};

fn judge(reading: &ClockReading, vantage: &Vantage) -> Verdict {
    if !reading.authenticated {
        return Verdict::NotApplicable("no authenticated answer has a date".to_owned());
    }
    let ahead = reading.ahead_seconds();
    if ahead.abs() < WARNING {
        return Verdict::Passed(format!("within {} s", ahead.abs().max(1)));
    }
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    let detail = format!("this machine's clock is {} {direction} Entra's", text::duration(ahead));
    let severity = if ahead.abs() > ERROR { Severity::Error } else { Severity::Warning };
    Verdict::found(
        Finding::of(&SKEWED, &reading.host, detail)
            .severity(severity)
            .compare([
                (reading.host.as_str(), utc(reading.remote)),
                ("this machine", utc(reading.local)),
            ])
            .because(format!(
                "the answer took {} ms, and half of that is allowed for",
                reading.round_trip_ms
            ))
            .fix(Fix::you("Synchronize the clock").run(commands::synchronize_clock(vantage))),
    )
}

fn utc(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The clock is off.
pub static SKEWED: Problem = Problem {
    id: "clock/skewed",
    title: "this machine's clock is wrong",
    explains: &["outbound/tls-expired", "server/tls-expired", "token/assertion-expired"],
    fragments: &[
        Fragment::new("clock skew", 78),
        Fragment::new("check your system clock", 78),
        Fragment::new("clock … not synchronized", 78),
        Fragment::new("token used before issued", 74),
        Fragment::new("certificatenotyetvalid", 72),
        Fragment::new("certificate is not yet valid", 70),
        Fragment::new("certificate not yet valid", 70),
        Fragment::new("certificate has expired or is not yet valid", 56),
        Fragment::new("certificate has expired", 46),
    ],
    page: Page {
        means: "This machine's clock differs from Entra's by more than a minute (a warning) or \
            five (an error). Client assertions and certificates are refused, and tools take fresh \
            tokens for expired ones.",
        causes: &[
            "a virtual machine or WSL that slept",
            "no time synchronization, or UDP 123 blocked",
        ],
        confirm: &["`curl -sI https://login.microsoftonline.com | grep -i ^date` and `date -u`"],
        fix: &[
            (Actor::You, "synchronize the clock (timedatectl, chrony, w32tm)"),
            (Actor::Network, "allow UDP 123 to a time server"),
        ],
        mistaken_for: &["claims/expired: there the token is old by any clock"],
        sources: &[
            "RFC 9110, section 6.6.1 (Date)",
            "AADSTS700024 in Microsoft Learn, \"Microsoft Entra authentication error codes\"",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    #[test]
    fn the_round_trip_and_the_header_s_whole_seconds_are_allowed_for() {
        let reading = |local: &str, round_trip_ms| crate::facts::clock::ClockReading {
            host: String::new(),
            remote: "2026-11-24T12:00:00Z".parse().expect("a time"),
            local: local.parse().expect("a time"),
            round_trip_ms,
            authenticated: true,
        };
        assert_eq!(reading("2026-11-24T12:00:00.9Z", 10).ahead_seconds(), 0);
        assert_eq!(reading("2026-11-24T12:00:03Z", 4000).ahead_seconds(), 0);
        assert_eq!(reading("2026-11-24T12:05:01.5Z", 1000).ahead_seconds(), 300);
        assert_eq!(reading("2026-11-24T11:58:59Z", 0).ahead_seconds(), -61);
    }

    #[test]
    fn only_an_authenticated_clock_counts() {
        let changes = [("/clock/seen/remote", json!("2026-11-24T13:00:00Z"))];
        assert_eq!(problems_of(&CHECK, &healthy_but(&changes)), ["clock/skewed"]);
        let changes = [changes[0].clone(), ("/clock/seen/authenticated", json!(false))];
        assert_eq!(problems_of(&CHECK, &healthy_but(&changes)), Vec::<&str>::new());
    }
}
