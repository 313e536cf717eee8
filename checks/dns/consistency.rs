//! Whether the nameservers of this machine say the same.

use super::{addresses_of, is_private, matrix, named, replies_of, subjects};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        dns::{Dns, Name, NameserverOrigin, Role},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::{IpAddr, SocketAddr};

/// All nameservers that programs on this machine ask give the same kind of answer.
pub static CHECK: Check = Check {
    id: "dns/consistency",
    asserts: "the nameservers agree",
    needs: &[Topic::Dns, Topic::Proxy],
    problems: &[&NAMESERVERS_DISAGREE],
    decisive: false,
    judge: Judge::Each { subjects, judge },
};

/// What one nameserver makes of a name.
#[derive(Clone, Debug, PartialEq)]
enum Opinion {
    /// It has public addresses.
    Public,
    /// It has private addresses: these, where the name is the server's.
    Private(Vec<IpAddr>),
    /// It exists without addresses, or does not exist: programs believe that.
    Nothing,
    /// It could not say: programs ask the next.
    Failed,
}

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let (dns, name) = named(seen, subject)?;
    let system = dns.resolver.nameservers.iter();
    let system = system.filter(|nameserver| nameserver.origin == NameserverOrigin::System);
    let opinions: Vec<(SocketAddr, Opinion)> = system
        .filter_map(|nameserver| Some((nameserver.address, opinion(name, nameserver.address)?)))
        .collect();
    let [(_, first), others @ ..] = opinions.as_slice() else {
        return Ok(Verdict::NotApplicable("no nameserver answers".to_owned()));
    };
    if others.is_empty() {
        return Ok(Verdict::NotApplicable("one nameserver answers".to_owned()));
    }
    if others.iter().all(|(_, other)| other == first) {
        return Ok(Verdict::Passed(format!("{} say the same", opinions.len())));
    }
    Ok(Verdict::found(disagree(dns, name, &opinions)))
}

fn opinion(name: &Name, nameserver: SocketAddr) -> Option<Opinion> {
    let mut failed = false;
    let mut answered = false;
    for (_, reply) in replies_of(name, nameserver) {
        answered = true;
        failed |= !matches!(reply.rcode.as_str(), "NOERROR" | "NXDOMAIN");
    }
    let mut addresses = addresses_of(name, nameserver);
    addresses.sort_unstable();
    if !answered {
        None
    } else if addresses.is_empty() {
        Some(if failed { Opinion::Failed } else { Opinion::Nothing })
    } else if addresses.iter().any(|ip| is_private(*ip) || ip.is_loopback()) {
        // The Entra hosts answer with changing addresses; a server has one.
        Some(Opinion::Private(if name.role == Role::Server { addresses } else { Vec::new() }))
    } else {
        Some(Opinion::Public)
    }
}

fn disagree(dns: &Dns, name: &Name, opinions: &[(SocketAddr, Opinion)]) -> Finding {
    let asked = &name.name;
    let with = |wanted: fn(&Opinion) -> bool| {
        let those = opinions.iter().filter(|(_, opinion)| wanted(opinion));
        those.map(|(nameserver, _)| nameserver.ip()).collect::<Vec<_>>()
    };
    let public = with(|opinion| *opinion == Opinion::Public);
    let private = with(|opinion| matches!(opinion, Opinion::Private(_)));
    let nothing = with(|opinion| *opinion == Opinion::Nothing);
    let failed = with(|opinion| *opinion == Opinion::Failed);
    let say = |who: &[IpAddr], what: &str| {
        let verb = if who.len() == 1 { "gives" } else { "give" };
        (!who.is_empty()).then(|| format!("{} {verb} {what}", text::list(who, 3)))
    };
    let clauses: Vec<String> = [
        say(&public, "public addresses"),
        say(&private, "private addresses"),
        say(&nothing, "no address"),
        say(&failed, "an error"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let detail = format!("the nameservers disagree on {asked}: {}", clauses.join(", "));
    // After an error programs ask the next nameserver; any other answer they believe.
    let kinds = [&public, &private, &nothing].into_iter().filter(|who| !who.is_empty()).count();
    let believed = kinds > 1 || private.len() > 1;
    let wrong = if nothing.is_empty() { &failed } else { &nothing };
    let fix = if wrong.is_empty() {
        format!("Let all nameservers in {} answer for {asked} alike", dns.resolver.source)
    } else {
        format!(
            "On {}, forward {asked} as the others do, or take it out of {}",
            text::list(wrong, 3),
            dns.resolver.source
        )
    };
    let severity = if believed { Severity::Error } else { Severity::Warning };
    Finding::of(&NAMESERVERS_DISAGREE, asked.clone(), detail)
        .severity(severity)
        .because_all(matrix(dns, name))
        .fix(Fix::by(Actor::Network, fix))
}

/// Answers that differ in kind.
pub static NAMESERVERS_DISAGREE: Problem = Problem {
    id: "dns/nameservers-disagree",
    title: "the nameservers disagree",
    explains: &[
        "dns/nxdomain",
        "dns/servfail",
        "dns/refused",
        "dns/no-address",
        "dns/private-record-missing",
        "dns/privatelink-captured",
        "dns/public-answer",
        "dns/sinkholed",
        "token/*",
        "outbound/*",
        "server/*",
    ],
    page: Page {
        means: "This machine has several nameservers, and they give answers of different kinds for \
            the same name. Programs believe the first that answers, some (with musl, as in Alpine) \
            the fastest: the login works or fails by chance. Where one only reports an error, \
            programs ask the next one, and this is a warning.",
        causes: &[
            "a company nameserver and a public one beside each other: only one of them knows the \
                private zone",
            "one of a pair of DNS servers lacks a forwarder or a conditional rule",
            "a private DNS zone is linked to one virtual network and not to that of the other DNS \
                server",
        ],
        confirm: &[
            "`for s in $(awk '/^nameserver/{print $2}' /etc/resolv.conf); do dig +short @$s \
                <name>; done`",
        ],
        fix: &[(
            Actor::Network,
            "give all nameservers the same forwarders and zones, or list only those that know all \
                names",
        )],
        mistaken_for: &[
            "a flaky network: only lookups differ, and each nameserver always says the same",
            "dns/nameserver-down: there one of them says nothing",
        ],
        sources: &["resolv.conf(5)", "Microsoft Learn: Azure Private Endpoint DNS integration"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        Severity,
        support::testing::{healthy_but, judged, problems_of},
    };
    use serde_json::{Value, json};

    fn two(rcode: &str, addresses: &Value) -> crate::Evidence {
        let second = |record: &str| {
            json!({"nameserver": "10.0.0.5:53", "transport": "udp", "record": record, "elapsed_ms": 1,
                   "outcome": {"kind": "answered", "rcode": rcode, "addresses": addresses}})
        };
        let first = json!({"nameserver": "10.0.0.4:53", "transport": "udp", "record": "A", "elapsed_ms": 1,
                   "outcome": {"kind": "answered", "rcode": "NOERROR", "addresses": [{"ip": "20.50.1.10", "ttl": 60}]}});
        let servers = json!([{"address": "10.0.0.4:53", "origin": "system"},
                             {"address": "10.0.0.5:53", "origin": "system"}]);
        healthy_but(&[
            ("/dns/seen/resolver/nameservers", servers),
            ("/dns/seen/names/2/answers", json!([first, second("A"), second("AAAA")])),
        ])
    }

    #[test]
    fn what_programs_believe_is_an_error_and_what_they_pass_over_a_warning() {
        let severity = |seen: &crate::Evidence| {
            judged(&CHECK, seen).findings.first().map(|judged| judged.finding.severity)
        };
        assert_eq!(severity(&two("NXDOMAIN", &json!([]))), Some(Severity::Error));
        assert_eq!(severity(&two("SERVFAIL", &json!([]))), Some(Severity::Warning));
        let private = json!([{"ip": "10.1.2.5", "ttl": 60}]);
        assert_eq!(severity(&two("NOERROR", &private)), Some(Severity::Error));
    }

    #[test]
    fn other_public_addresses_are_no_disagreement() {
        let other = json!([{"ip": "20.50.1.11", "ttl": 60}]);
        assert_eq!(problems_of(&CHECK, &two("NOERROR", &other)), Vec::<&str>::new());
    }
}
