//! What several TCP attempts to one host amount to, and how a chain of certificates fares: judged
//! alike for the Entra hosts and for the server.

use crate::{
    evidence::Evidence,
    facts::{
        tcp::{TcpAttempt, TcpOutcome},
        tls::{RootVerdict, Tls, Trust, Validity},
    },
    support::{commands, server::openssl},
    text,
    verdict::{Actor, Fix},
};

/// What the attempts amount to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// Every address that matters connects.
    All,
    /// None answers.
    Dropped,
    /// The best answer of all is a refusal.
    Refused,
    /// The best answer of all is that there is no way.
    Unreachable,
    /// Some connect; these do not.
    Some(Vec<TcpAttempt>),
    /// IPv4 connects, and no IPv6 address does although this machine has a way to them.
    FamilyBroken(Vec<TcpAttempt>),
}

/// Whether every host that was tried, Microsoft Entra ID and the server, drops every connection: then
/// the cause is the path out of this computer's network, and not a rule for one of the hosts.
pub(crate) fn nothing_answers(seen: &Evidence) -> bool {
    let Some(outbound) = seen.outbound.seen() else { return false };
    let entra = outbound.hosts.iter().filter_map(|host| Some(&host.direct.seen()?.tcp));
    let server = seen.server.seen().map(|server| &server.tcp);
    let all: Vec<&Vec<TcpAttempt>> = entra.chain(server).collect();
    server.is_some()
        && all.len() > 2
        && all.iter().all(|attempts| matches!(reach(attempts), Reach::Dropped))
}

/// What to do if nothing answers.
pub(crate) fn path_fix() -> Fix {
    Fix::by(
        Actor::Network,
        "Give this computer's network a way out: a VPN that is connected, a NAT gateway, or the next \
            hop of its default route",
    )
}

/// Whether this machine's own firewall or routing table denies the connections.
pub(crate) fn is_denied_here(attempts: &[TcpAttempt]) -> bool {
    attempts.iter().any(|attempt| matches!(attempt.outcome, TcpOutcome::Denied { .. }))
}

/// What to do if this machine denies its own connections.
pub(crate) fn local_fix(seen: &Evidence) -> Fix {
    Fix::you(
        "Allow entra-pg and psql in the firewall or endpoint protection of this computer, and remove \
            blocking routes",
    )
    .run(commands::local_rules(&seen.vantage))
}

/// Sums the attempts up. An address family that this machine has no route for does not count.
#[must_use]
pub fn reach(attempts: &[TcpAttempt]) -> Reach {
    let connected = |attempt: &&TcpAttempt| attempt.outcome == TcpOutcome::Connected;
    let has_ipv4 = attempts.iter().any(|a| a.address.is_ipv4() && !without_route(a));
    let relevant =
        || attempts.iter().filter(|a| !without_route(a) || a.address.is_ipv4() && has_ipv4);
    if relevant().any(|attempt| connected(&attempt)) {
        let failed: Vec<TcpAttempt> =
            relevant().filter(|attempt| !connected(attempt)).cloned().collect();
        let works6 = relevant().any(|a| a.address.is_ipv6() && connected(&a));
        if failed.is_empty() {
            return Reach::All;
        }
        if !works6 && failed.iter().all(|attempt| attempt.address.is_ipv6()) {
            return Reach::FamilyBroken(failed);
        }
        return Reach::Some(failed);
    }
    let has = |wanted: fn(&TcpOutcome) -> bool| relevant().any(|attempt| wanted(&attempt.outcome));
    if has(|outcome| matches!(outcome, TcpOutcome::Refused { .. })) {
        Reach::Refused
    } else if has(|outcome| *outcome == TcpOutcome::Silent) {
        Reach::Dropped
    } else {
        Reach::Unreachable
    }
}

fn without_route(attempt: &TcpAttempt) -> bool {
    match &attempt.outcome {
        TcpOutcome::Unreachable { icmp, routed, .. } => icmp.is_none() && !routed,
        TcpOutcome::Denied { .. } | TcpOutcome::Failed { .. } => true,
        TcpOutcome::Connected | TcpOutcome::Silent | TcpOutcome::Refused { .. } => false,
    }
}

/// One line for each attempt.
#[must_use]
pub fn lines(attempts: &[TcpAttempt]) -> Vec<String> {
    attempts
        .iter()
        .map(|attempt| {
            let address = attempt.address;
            let milliseconds = attempt.elapsed_ms;
            match &attempt.outcome {
                TcpOutcome::Connected => format!("{address}: connected in {milliseconds} ms"),
                TcpOutcome::Silent => format!("{address}: no answer in {milliseconds} ms"),
                TcpOutcome::Refused { icmp_from: None } => {
                    format!("{address}: connection reset after {milliseconds} ms")
                }
                TcpOutcome::Refused { icmp_from: Some(from) } => {
                    format!("{address}: {from} says that the port is unreachable (ICMP)")
                }
                TcpOutcome::Unreachable { icmp: Some(icmp), detail, .. } => {
                    let from = icmp.from.map_or("a router".to_owned(), |from| from.to_string());
                    let kind = match (attempt.address.is_ipv4(), icmp.code) {
                        (true, 9 | 10 | 13) | (false, 1) => "administratively prohibited",
                        _ => detail.as_str(),
                    };
                    format!("{address}: {from} says: {kind} (ICMP {}/{})", icmp.kind, icmp.code)
                }
                TcpOutcome::Denied { detail } => {
                    format!("{address}: this computer does not permit the connection: {detail}")
                }
                TcpOutcome::Unreachable { icmp: None, routed: true, detail } => {
                    format!(
                        "{address}: {detail}, reported by the network: this computer has a route"
                    )
                }
                TcpOutcome::Unreachable { icmp: None, detail, .. }
                | TcpOutcome::Failed { detail } => {
                    format!("{address}: {detail}")
                }
            }
        })
        .collect()
}

/// What is wrong with a chain, the first that matters.
#[derive(Clone, Debug, PartialEq)]
pub enum ChainFault {
    /// It is made out to other names.
    WrongName,
    /// It is out of date.
    Expired(String),
    /// A public root signed it, and this run does not go by that root.
    Untrusted,
    /// It signed itself.
    SelfSigned,
    /// Neither a public root nor this run's roots know who signed it.
    Intercepted,
    /// No public root signed it, but this run's roots know who did.
    InterceptedAndTrusted,
    /// A signature or key is too weak.
    Weak(String),
    /// The chain breaks a rule other than its issuer: a usage, a constraint.
    Rejected(String),
}

/// Everything that is wrong with a chain: first the chain itself, then the name.
#[must_use]
pub fn chain_faults(tls: &Tls) -> Vec<ChainFault> {
    let Some(trust) = &tls.trust else {
        return Vec::new();
    };
    let name = (!trust.name_matches).then_some(ChainFault::WrongName);
    chain_itself(tls, trust).into_iter().chain(name).collect()
}

/// What is wrong with a chain, the first that matters: a wrong name is most of all a wrong server.
#[must_use]
pub fn chain_fault(tls: &Tls) -> Option<ChainFault> {
    let faults = chain_faults(tls);
    let name = faults.iter().find(|fault| **fault == ChainFault::WrongName);
    name.or_else(|| faults.first()).cloned()
}

fn chain_itself(tls: &Tls, trust: &Trust) -> Option<ChainFault> {
    let known = |verdict: &RootVerdict| *verdict == RootVerdict::Trusted;
    match &trust.validity {
        Validity::Expired { not_after } => {
            return Some(ChainFault::Expired(format!("expired on {not_after}")));
        }
        Validity::NotYet { not_before } => {
            return Some(ChainFault::Expired(format!("is valid only from {not_before}")));
        }
        Validity::Current => {}
    }
    let rejected = |verdict: &RootVerdict| match verdict {
        RootVerdict::Rejected { detail } => Some(detail.clone()),
        _ => None,
    };
    let self_signed = tls.chain.first().is_some_and(|leaf| leaf.self_signed);
    match (known(&trust.effective), known(&trust.public)) {
        (true, true) => None,
        (true, false) => Some(ChainFault::InterceptedAndTrusted),
        (false, true) => Some(ChainFault::Untrusted),
        (false, false) => {
            if let Some(why) = tls.chain.iter().find_map(|one| openssl::weakness(one, false)) {
                return Some(ChainFault::Weak(why));
            }
            let rule = rejected(&trust.effective).or_else(|| rejected(&trust.public));
            Some(match rule {
                // rustls refuses an authority as a server before it searches for the issuer. OpenSSL accepts
                // one, so what counts is that no other certificate signed it.
                Some(why) if self_signed && openssl::is_authority_as_server(&why) => {
                    ChainFault::SelfSigned
                }
                Some(why) => ChainFault::Rejected(why),
                None if self_signed => ChainFault::SelfSigned,
                None => ChainFault::Intercepted,
            })
        }
    }
}

/// The chain presented, one certificate per line.
#[must_use]
pub fn chain_lines(tls: &Tls) -> Vec<String> {
    tls.chain
        .iter()
        .map(|certificate| {
            let names = if certificate.names.is_empty() {
                String::new()
            } else {
                format!(" for {}", text::list(&certificate.names, 3))
            };
            format!(
                "certificate \"{}\"{names}, issued by \"{}\"",
                certificate.subject_name, certificate.issuer_name
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Reach, is_denied_here, lines, reach};
    use crate::facts::tcp::{TcpAttempt, TcpOutcome};

    fn attempt(address: &str, outcome: TcpOutcome) -> TcpAttempt {
        TcpAttempt { address: address.parse().expect("an address"), outcome, elapsed_ms: 1 }
    }

    #[test]
    fn a_family_without_a_route_does_not_count() {
        let unreachable = |routed| TcpOutcome::Unreachable {
            icmp: None,
            routed,
            detail: "Network is unreachable".to_owned(),
        };
        let attempts = |routed| {
            let other = attempt("[2001:db8::1]:443", unreachable(routed));
            [attempt("1.2.3.4:443", TcpOutcome::Connected), other]
        };
        assert_eq!(reach(&attempts(false)), Reach::All);
        // Windows and macOS do not say who reported the error, but the routing table does.
        assert!(matches!(reach(&attempts(true)), Reach::FamilyBroken(_)));
        assert!(lines(&attempts(true))[1].contains("reported by the network"));
    }

    #[test]
    fn silence_on_ipv6_alone_is_a_broken_family() {
        let attempts = [
            attempt("1.2.3.4:443", TcpOutcome::Connected),
            attempt("[2001:db8::1]:443", TcpOutcome::Silent),
        ];
        assert!(matches!(reach(&attempts), Reach::FamilyBroken(_)));
    }

    #[test]
    fn what_this_machine_denies_is_not_the_networks_doing() {
        let denied = || TcpOutcome::Denied { detail: "Permission denied".to_owned() };
        let attempts = [attempt("1.2.3.4:443", denied()), attempt("[2001:db8::1]:443", denied())];
        assert_eq!(reach(&attempts), Reach::Unreachable);
        assert!(is_denied_here(&attempts));
        assert!(lines(&attempts)[0].contains("this computer does not permit"));
        let silent = [attempt("1.2.3.4:443", TcpOutcome::Silent)];
        assert!(!is_denied_here(&silent));
    }

    #[test]
    fn a_reset_says_more_than_silence() {
        let attempts = [
            attempt("1.2.3.4:443", TcpOutcome::Silent),
            attempt("1.2.3.5:443", TcpOutcome::Refused { icmp_from: None }),
        ];
        assert_eq!(reach(&attempts), Reach::Refused);
        assert_eq!(reach(&attempts[..1]), Reach::Dropped);
    }
}
