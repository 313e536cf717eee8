//! Which prefixes of the service tag AzureActiveDirectory the addresses are in, and where the line runs
//! between those that connect and those that do not.

use crate::{
    evidence::Evidence,
    facts::{
        cloud::CloudKind,
        tcp::{TcpAttempt, TcpOutcome},
    },
    support::service_tags::{BUILT_IN_DATE, ENTRA, IpNet, ServiceTag, built_in},
    text,
};

/// The list to go by, and what to call it: that of `--azure-config` where one was given, else the
/// built-in one, which is of the public cloud.
fn list(seen: &Evidence) -> Option<(&ServiceTag, String)> {
    let published = seen.azure.seen().and_then(|azure| azure.service_tags.seen());
    if let Some(published) = published
        && let Some(tag) = published.tag(ENTRA).filter(|tag| !tag.prefixes.is_empty())
    {
        return Some((tag, format!("the given list, edition {}", published.change_number)));
    }
    let cloud = seen.settings.seen().map(|settings| settings.cloud.value.kind);
    (cloud == Some(CloudKind::Public))
        .then(|| (built_in(), format!("the built-in list of {BUILT_IN_DATE}")))
}

/// What the prefixes tell of these attempts, one sentence a line. Advisory: an address outside of the
/// list is mentioned, and never a fault.
pub(crate) fn lines(seen: &Evidence, attempts: &[TcpAttempt]) -> Vec<String> {
    let Some((tag, list)) = list(seen) else {
        return Vec::new();
    };
    let connected = |attempt: &&TcpAttempt| attempt.outcome == TcpOutcome::Connected;
    let of = |attempts: Vec<&TcpAttempt>| {
        let mut prefixes: Vec<IpNet> = Vec::new();
        for attempt in attempts {
            if let Some(prefix) = tag.holding(attempt.address.ip())
                && !prefixes.contains(&prefix)
            {
                prefixes.push(prefix);
            }
        }
        prefixes
    };
    let open = of(attempts.iter().filter(connected).collect());
    let closed = of(attempts.iter().filter(|attempt| !connected(attempt)).collect());
    let only = |one: &[IpNet], other: &[IpNet]| {
        one.iter().filter(|prefix| !other.contains(prefix)).copied().collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    let (lost, kept) = (only(&closed, &open), only(&open, &closed));
    if !lost.is_empty() && !kept.is_empty() {
        lines.push(format!(
            "{} is blocked, {} passes (prefixes of {ENTRA}, {list})",
            text::list(&lost, 4),
            text::list(&kept, 4)
        ));
    } else if !closed.is_empty() {
        lines.push(format!("{} is in {ENTRA} ({list})", text::list(&closed, 4)));
    }
    let outside: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt.address.ip())
        .filter(|ip| tag.holding(*ip).is_none())
        .collect();
    if !outside.is_empty() {
        lines.push(format!("not in {ENTRA} ({list}): {}", text::list(&outside, 4)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::{
        facts::tcp::{TcpAttempt, TcpOutcome},
        support::testing::healthy_but,
    };

    fn attempt(address: &str, outcome: TcpOutcome) -> TcpAttempt {
        TcpAttempt { address: address.parse().expect("an address"), outcome, elapsed_ms: 1 }
    }

    #[test]
    fn tells_the_blocked_prefix_from_the_open_one() {
        let attempts = [
            attempt("20.190.151.7:443", TcpOutcome::Connected),
            attempt("40.126.31.67:443", TcpOutcome::Silent),
        ];
        let lines = lines(&healthy_but(&[]), &attempts);
        assert!(
            lines[0].starts_with("40.126.0.0/18 is blocked, 20.190.128.0/18 passes"),
            "{lines:?}"
        );
    }

    #[test]
    fn an_address_outside_of_the_list_is_mentioned() {
        let attempts = [attempt("192.0.2.1:443", TcpOutcome::Silent)];
        let lines = lines(&healthy_but(&[]), &attempts);
        assert!(lines.iter().any(|line| line.starts_with("not in ")), "{lines:?}");
    }
}
