//! Whether the nameservers of this machine say the same.

use super::{addresses_of, is_private, matrix, named, replies_of, subjects};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        dns::{Dns, Name, NameserverOrigin, ResponseCode, Role},
        login::LoginOutcome,
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::{IpAddr, SocketAddr};

/// All nameservers that programs on this machine ask give the same kind of answer.
pub static CHECK: Check = Check {
    id: "dns/consistency",
    asserts: "the nameservers agree",
    needs: &[Topic::Dns, Topic::Proxy, Topic::Login],
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
    match opinions.as_slice() {
        [] => return Ok(Verdict::NotApplicable("no nameserver answers".to_owned())),
        [_] => return Ok(Verdict::NotApplicable("one nameserver answers".to_owned())),
        _ => {}
    }
    let groups = groups(dns, subject, &opinions);
    let Some(opinions) = groups.iter().find(|group| !agree(group)) else {
        let count = opinions.len();
        return Ok(Verdict::Passed(if agree(&opinions) {
            format!("{count} say the same")
        } else {
            // The nameservers of a VPN know other names than those of the network around it.
            format!("{count} nameservers of {} network interfaces", groups.len())
        }));
    };
    let logged_in = matches!(
        seen.login.seen().map(|login| &login.outcome),
        Some(LoginOutcome::Accepted { .. })
    );
    let finding = disagree(dns, name, opinions);
    // The system's own lookup decides. After a successful login the difference is information.
    let harmless = logged_in && !name.usable().is_empty();
    Ok(Verdict::found(if harmless { finding.severity(Severity::Info) } else { finding }))
}

/// The nameservers that must agree: those of one network interface, or of one rule for a domain. Without
/// routes, all of them.
fn groups(
    dns: &Dns,
    name: &str,
    opinions: &[(SocketAddr, Opinion)],
) -> Vec<Vec<(SocketAddr, Opinion)>> {
    let routes = dns.resolver.routes_for(name);
    let of = |wanted: &dyn Fn(SocketAddr) -> bool| -> Vec<(SocketAddr, Opinion)> {
        opinions.iter().filter(|(at, _)| wanted(*at)).cloned().collect()
    };
    let in_a_route = |at: SocketAddr| routes.iter().any(|route| route.nameservers.contains(&at));
    let mut groups: Vec<Vec<(SocketAddr, Opinion)>> =
        routes.iter().map(|route| of(&|at| route.nameservers.contains(&at))).collect();
    groups.push(of(&|at| !in_a_route(at)));
    groups.retain(|group| !group.is_empty());
    groups
}

fn agree(opinions: &[(SocketAddr, Opinion)]) -> bool {
    opinions.windows(2).all(|pair| pair[0].1 == pair[1].1)
}

fn opinion(name: &Name, nameserver: SocketAddr) -> Option<Opinion> {
    let mut failed = false;
    let mut answered = false;
    for (_, reply) in replies_of(name, nameserver) {
        answered = true;
        failed |= !matches!(reply.rcode, ResponseCode::NoError | ResponseCode::NxDomain);
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
    // glibc uses the answer of the first nameserver that gives one; after an error it asks the next.
    let first = opinions.iter().find(|(_, opinion)| *opinion != Opinion::Failed);
    let first_has_nothing = first.is_some_and(|(_, opinion)| *opinion == Opinion::Nothing);
    let others_have = !public.is_empty() || !private.is_empty();
    // With `rotate` any of them may be the first.
    let any = dns.resolver.has("rotate") && (!nothing.is_empty() || private.len() > 1);
    let fails = others_have && (first_has_nothing && name.usable().is_empty() || any);
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
    let severity = if fails { Severity::Error } else { Severity::Warning };
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
        means: "This machine has several nameservers for one network interface or domain, and they give answers of different kinds for the same name. With glibc the first nameserver in the list that answers decides; with musl (Alpine) the fastest. This is an error if the answer that counts has no address, a warning if the system's own lookup found an address, and information after a successful login.",
        causes: &[
            "a company nameserver and a public one in the same list: only one of them knows the \
                private zone",
            "one of a pair of DNS servers lacks a forwarder or a conditional rule",
            "a private DNS zone is linked to one virtual network and not to that of the other DNS \
                server",
        ],
        confirm: &[
            "`dig +short @$NAME_SERVER $NAME` for each nameserver",
            "Windows: `ipconfig /all` and `Get-DnsClientNrptRule`; macOS: `scutil --dns`; systemd-resolved: `resolvectl status`",
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
        healthy_but(&changes(rcode, addresses))
    }

    fn changes(rcode: &str, addresses: &Value) -> Vec<(&'static str, Value)> {
        let second = |record: &str| {
            json!({"nameserver": "10.0.0.5:53", "transport": "udp", "record": record, "elapsed_ms": 1,
                   "outcome": {"kind": "answered", "rcode": rcode, "addresses": addresses}})
        };
        let first = json!({"nameserver": "10.0.0.4:53", "transport": "udp", "record": "A", "elapsed_ms": 1,
                   "outcome": {"kind": "answered", "rcode": "NOERROR", "addresses": [{"ip": "20.50.1.10", "ttl": 60}]}});
        let servers = json!([{"address": "10.0.0.4:53", "origin": "system"},
                             {"address": "10.0.0.5:53", "origin": "system"}]);
        vec![
            ("/dns/seen/resolver/nameservers", servers),
            ("/dns/seen/names/2/answers", json!([first, second("A"), second("AAAA")])),
        ]
    }

    fn severity(seen: &crate::Evidence) -> Option<Severity> {
        judged(&CHECK, seen).findings.first().map(|judged| judged.finding.severity)
    }

    fn before_login(changes: &[(&str, Value)]) -> crate::Evidence {
        let silent = json!({"kind": "silent", "after": "startup"});
        let login = ("/login/seen/outcome", silent);
        healthy_but(&[&[login], changes].concat())
    }

    #[test]
    fn an_answer_that_the_system_does_not_use_is_a_warning_and_after_a_login_information() {
        let private = json!([{"ip": "10.1.2.5", "ttl": 60}]);
        for (rcode, addresses) in
            [("NXDOMAIN", json!([])), ("SERVFAIL", json!([])), ("NOERROR", private)]
        {
            assert_eq!(severity(&two(rcode, &addresses)), Some(Severity::Info), "{rcode}");
            let seen = before_login(&changes(rcode, &addresses));
            assert_eq!(severity(&seen), Some(Severity::Warning), "{rcode}");
        }
    }

    #[test]
    fn an_error_only_if_the_first_answer_that_counts_has_no_address() {
        let mut changes = changes("NXDOMAIN", &json!([]));
        changes[0].1.as_array_mut().expect("nameservers").reverse();
        changes.push(("/dns/seen/names/2/system/seen/addresses", json!([])));
        assert_eq!(severity(&before_login(&changes)), Some(Severity::Error));
    }

    #[test]
    fn nameservers_of_two_network_interfaces_never_disagree() {
        let route = |interface: &str, at: &str| {
            json!({"interface": interface, "domains": [], "default": true, "nameservers": [at],
                   "source": "network adapter, metric 1"})
        };
        let mut changes = changes("NXDOMAIN", &json!([]));
        let both = json!([route("Wi-Fi", "10.0.0.4:53"), route("VPN", "10.0.0.5:53")]);
        changes.push(("/dns/seen/resolver/routes", both));
        assert_eq!(problems_of(&CHECK, &before_login(&changes)), Vec::<&str>::new());
        let mut same = route("Wi-Fi", "10.0.0.4:53");
        same["nameservers"] = json!(["10.0.0.4:53", "10.0.0.5:53"]);
        changes.last_mut().expect("routes").1 = json!([same]);
        assert_eq!(problems_of(&CHECK, &before_login(&changes)), ["dns/nameservers-disagree"]);
    }

    #[test]
    fn other_public_addresses_are_no_disagreement() {
        let other = json!([{"ip": "20.50.1.11", "ttl": 60}]);
        assert_eq!(problems_of(&CHECK, &two("NOERROR", &other)), Vec::<&str>::new());
    }
}
