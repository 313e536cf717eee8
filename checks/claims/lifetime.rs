//! Whether the token is in its time.

use super::{EVERYTHING_AFTER, claims, fresh};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, Waiting},
    evidence::Evidence,
    facts::{Topic, token::Claims},
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Seconds below which a token is about to expire.
const SOON: i64 = 300;

/// The token is in its time, by a clock that was compared with Entra's.
pub static CHECK: Check = Check {
    id: "claims/lifetime",
    asserts: "the token is in its time (nbf, exp)",
    needs: &[Topic::Token, Topic::Clock, Topic::Settings],
    problems: &[&EXPIRED, &NOT_YET_VALID, &EXPIRES_SOON, &NO_EXPIRY],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let claims = claims(seen)?;
    let now = seen.now().as_second();
    let Some(expires) = claims.exp else {
        let detail = "the token has no expiry time that can be read";
        return Ok(Verdict::found(
            Finding::of(&NO_EXPIRY, "exp", detail)
                .because("every token of Entra has a number of seconds in exp")
                .fix(fresh(seen)),
        ));
    };
    let left = expires - now;
    let clock = |finding: Finding| {
        let ahead = seen.clock.seen().map_or(0, |reading| reading.ahead_seconds());
        let corrected = (ahead.abs() > 1).then(|| {
            format!(
                "this machine's clock is off by {}; that is taken into account",
                text::duration(ahead)
            )
        });
        finding.because_all(corrected)
    };
    let finding = if left <= 0 {
        let detail = format!("the token expired {} ago", text::duration(left));
        let finding = Finding::of(&EXPIRED, "exp", detail).because_all(issued(claims, now));
        clock(finding).fix(fresh(seen))
    } else if let Some(starts) = claims.nbf.filter(|starts| *starts > now + SOON) {
        let detail = format!("the token becomes valid in {}", text::duration(starts - now));
        clock(Finding::of(&NOT_YET_VALID, "nbf", detail))
            .fix(Fix::you("Set this machine's clock, and get a token again"))
            .fix(fresh(seen))
    } else if left < SOON {
        let detail =
            format!("the token expires in {}; it is checked when connecting", text::duration(left));
        clock(Finding::of(&EXPIRES_SOON, "exp", detail)).fix(fresh(seen))
    } else {
        return Ok(Verdict::Passed(format!("{} left", text::duration(left))));
    };
    Ok(Verdict::found(finding))
}

fn issued(claims: &Claims, now: i64) -> Option<String> {
    claims.iat.map(|issued| format!("it was issued {} ago", text::duration(now - issued)))
}

/// The expiry time is missing or is not a number.
pub static NO_EXPIRY: Problem = Problem {
    id: "claims/no-expiry",
    title: "the token has no readable expiry time",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    page: Page {
        means: "The claim exp is missing, or it is not a number of seconds of this era. Entra never \
            issues such a token, so the server rejects it.",
        causes: &["a token of a test environment or of another issuer", "a token made by hand"],
        confirm: &["`entra-pg token --decode -` shows no expiry"],
        fix: &[(Actor::You, "get a token from Microsoft Entra ID")],
        mistaken_for: &["claims/expired, where the time is known"],
        sources: &["RFC 7519, section 4.1.4", "Microsoft Learn: Access token claims reference"],
    },
    ..Problem::DEFAULT
};

/// The token has expired.
pub static EXPIRED: Problem = Problem {
    id: "claims/expired",
    title: "the token has expired",
    explains: &[
        "claims/bad-signature",
        "login/token-expired",
        "login/token-refused",
        "login/refused",
        "access/*",
    ],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("access token has expired", 78),
        Fragment::new("entra token has expired", 78),
        Fragment::new("aad token has expired", 78),
        Fragment::new("password authentication failed", 62),
    ],
    page: Page {
        means: "The token's time is over by a clock that was compared with Entra's, so it was not \
            sent. Tokens of a person or an application are valid for 60 to 90 minutes, those of a \
            managed identity for up to 24 hours. Sessions that are open continue.",
        causes: &[
            "PGPASSWORD was exported an hour ago",
            "a pool keeps the first token",
            "a stale variable hides the fresh token of `az`",
        ],
        confirm: &["`entra-pg token --decode -` shows when it expired"],
        fix: &[(Actor::You, "export PGPASSWORD again, right before connecting")],
        mistaken_for: &["clock/skewed: a clock that is ahead makes good tokens seem old"],
        sources: &["Microsoft Learn: Access tokens, token lifetime"],
    },
    ..Problem::DEFAULT
};

/// Not begun.
pub static NOT_YET_VALID: Problem = Problem {
    id: "claims/not-yet-valid",
    title: "the token is not valid yet",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    page: Page {
        means: "The token's time has not begun.",
        causes: &["the clock of the machine that made it, or of this one, is wrong"],
        confirm: &["`date -u`; `entra-pg token --decode -` shows nbf"],
        fix: &[(Actor::You, "set the clock, and get a token again")],
        mistaken_for: &["claims/expired"],
        sources: &["RFC 7519, section 4.1.5"],
    },
    ..Problem::DEFAULT
};

/// Nearly over.
pub static EXPIRES_SOON: Problem = Problem {
    id: "claims/expires-soon",
    title: "the token expires within five minutes",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    page: Page {
        means: "The token is still good, and will not be for long. It is checked when a connection \
            begins, not after.",
        causes: &["it was fetched nearly an hour ago"],
        confirm: &["`entra-pg token --decode -`"],
        fix: &[(Actor::You, "get a fresh token for the next connection")],
        mistaken_for: &["claims/expired"],
        sources: &["Microsoft Learn: Access tokens, token lifetime"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use jiff::Timestamp;
    use serde_json::json;

    /// The moment of the healthy evidence, in seconds since 1970.
    fn noon() -> i64 {
        healthy_but(&[]).observed_at.as_second()
    }

    #[test]
    fn the_clock_is_corrected_before_a_token_is_called_expired() {
        let expires = ("/token/seen/claims/exp", json!(noon() - 60));
        assert_eq!(
            problems_of(&CHECK, &healthy_but(std::slice::from_ref(&expires))),
            ["claims/expired"]
        );
        // This machine is an hour ahead: by Entra's clock the token lives.
        let seen = healthy_but(&[
            expires,
            ("/token/seen/claims/nbf", json!(noon() - 7200)),
            ("/clock/seen/remote", json!(Timestamp::from_second(noon() - 3600).expect("a time"))),
        ]);
        assert_eq!(problems_of(&CHECK, &seen), Vec::<&str>::new());
    }

    #[test]
    fn minutes_decide_between_soon_and_well() {
        let soon = healthy_but(&[("/token/seen/claims/exp", json!(noon() + 240))]);
        assert_eq!(problems_of(&CHECK, &soon), ["claims/expires-soon"]);
        let well = healthy_but(&[("/token/seen/claims/exp", json!(noon() + 330))]);
        assert_eq!(problems_of(&CHECK, &well), Vec::<&str>::new());
    }
}
