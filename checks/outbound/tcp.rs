//! Whether the Entra hosts accept TCP connections.

use super::{host, hosts, prefixes};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{Topic, outbound::Route, tcp::TcpAttempt},
    support::reach::{Reach, is_denied_here, lines, local_fix, nothing_answers, path_fix, reach},
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Each address of each host accepts connections.
pub static CHECK: Check = Check {
    id: "outbound/tcp",
    asserts: "the Entra hosts accept connections on port 443",
    needs: &[Topic::Outbound, Topic::Settings, Topic::Azure],
    problems: &[&DROPPED, &REFUSED, &UNREACHABLE, &SOME_ADDRESSES_BLOCKED, &ADDRESS_FAMILY_BROKEN],
    decisive: false,
    judge: Judge::Each { subjects: hosts, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let host = host(seen, subject)?;
    if host.route == Route::Proxy {
        return Ok(Verdict::NotApplicable("requests go through the proxy".to_owned()));
    }
    let attempts = &host.direct.get()?.tcp;
    let (problem, detail) = match reach(attempts) {
        Reach::All => {
            return Ok(Verdict::Passed(format!("{} addresses connect", attempts.len())));
        }
        Reach::Dropped if nothing_answers(seen) => (
            &DROPPED,
            "this computer has no outbound path: no connection to Microsoft Entra ID, Microsoft Graph \
                or the server is answered"
                .to_owned(),
        ),
        Reach::Dropped => (
            &DROPPED,
            format!("nothing comes back from {subject} port 443: a firewall drops the packets"),
        ),
        Reach::Refused => (&REFUSED, format!("connections to {subject} port 443 are refused")),
        Reach::Unreachable if is_denied_here(attempts) => (
            &UNREACHABLE,
            format!("this computer's firewall or routes block {subject} port 443"),
        ),
        Reach::Unreachable => (&UNREACHABLE, format!("there is no way to {subject} port 443")),
        Reach::Some(failed) => (
            &SOME_ADDRESSES_BLOCKED,
            format!(
                "{} of {} addresses of {subject} do not connect: {}",
                failed.len(),
                attempts.len(),
                addresses(&failed)
            ),
        ),
        Reach::FamilyBroken(failed) => (
            &ADDRESS_FAMILY_BROKEN,
            format!(
                "no IPv6 address of {subject} connects, the IPv4 ones do: {}",
                addresses(&failed)
            ),
        ),
    };
    let finding = Finding::of(problem, subject, detail).because_all(lines(attempts));
    let finding = finding.because_all(prefixes::lines(seen, attempts));
    if problem == &UNREACHABLE && is_denied_here(attempts) {
        return Ok(Verdict::found(finding.fix(local_fix(seen))));
    }
    let finding = match problem == &DROPPED && nothing_answers(seen) {
        true => finding.fix(path_fix()),
        false => finding,
    };
    Ok(Verdict::found(finding.fix(network_fix(subject)).fix(route_fix())))
}

fn addresses(attempts: &[TcpAttempt]) -> String {
    let addresses: Vec<_> = attempts.iter().map(|attempt| attempt.address.ip()).collect();
    text::list(&addresses, 3)
}

fn network_fix(host: &str) -> Fix {
    Fix::by(
        Actor::Network,
        format!(
            "Allow outbound TCP 443 from this machine's subnet to the service tag \
                AzureActiveDirectory ({host} is in it)"
        ),
    )
    .run(Command::new(
        "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowEntra \
        --priority 200 --direction Outbound --access Allow --protocol Tcp \
        --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443",
    ))
}

fn route_fix() -> Fix {
    Fix::by(
        Actor::Network,
        "If a route table sends 0.0.0.0/0 to an appliance, let the appliance pass it, or add a \
            route for AzureActiveDirectory with next hop Internet",
    )
}

/// No answer of any kind.
pub static DROPPED: Problem = Problem {
    id: "outbound/dropped",
    title: "a firewall drops connections to an Entra host",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("connection timed out", 56),
        Fragment::new("connect timed out", 56),
        Fragment::new("connect timeout", 55),
        Fragment::new("connecttimeout", 55),
        Fragment::new("operation timed out", 56),
        Fragment::new("timed out", 54),
        Fragment::new("etimedout", 54),
        Fragment::new("i/o timeout", 54),
        Fragment::new("context deadline exceeded", 54),
        Fragment::new("sockettimeoutexception", 54),
        Fragment::new("winerror 10060", 54),
        Fragment::new("/10060)", 54),
        Fragment::new("(10060)", 54),
    ],
    page: Page {
        means: "The name resolves, and packets to every address vanish without an answer. That is \
            how a network security group, a route into nowhere, or a firewall that drops behaves.",
        causes: &[
            "a network security group denies outbound internet and does not allow the service tag \
                AzureActiveDirectory",
            "a route table sends everything to a firewall appliance without a rule for Entra",
            "a new subnet without NAT gateway, public address or load balancer has no way out",
            "only a proxy may talk to the internet, and HTTPS_PROXY is not set",
        ],
        confirm: &[
            "`curl -m 5 https://login.microsoftonline.com` times out",
            "`az network watcher test-ip-flow -g $RG --vm $VM --direction Outbound --protocol TCP --local $ADDRESS:60000 --remote $ENTRA_ADDRESS:443` names the deciding rule",
        ],
        fix: &[
            (
                Actor::Network,
                "allow outbound TCP 443 to the service tag AzureActiveDirectory (not AzureCloud, \
                    which holds only a part of it)",
            ),
            (Actor::You, "set HTTPS_PROXY where a proxy is the only way out"),
        ],
        mistaken_for: &[
            "dns/sinkholed: the name leads to a wrong address",
            "outbound/refused: something answers and says no",
        ],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, Microsoft Entra authentication, \
                network requirements",
            "Microsoft Learn: Virtual network service tags",
        ],
    },
    ..Problem::DEFAULT
};

/// A reset.
pub static REFUSED: Problem = Problem {
    id: "outbound/refused",
    title: "connections to an Entra host are refused",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("connection refused", 56),
        Fragment::new("econnrefused", 56),
        Fragment::new("actively refused", 55),
        Fragment::new("winerror 10061", 54),
        Fragment::new("/10061)", 54),
        Fragment::new("(10061)", 54),
    ],
    page: Page {
        means: "Something answers connections to port 443 with a reset. Entra itself never does; a \
            firewall that rejects, or a wrong machine, does.",
        causes: &[
            "a firewall on the way or on this machine rejects instead of dropping",
            "the name resolves to a machine that is not Entra's",
        ],
        confirm: &[
            "`curl -v https://login.microsoftonline.com` says connection refused",
            "compare the address with `dig @168.63.129.16 login.microsoftonline.com`",
        ],
        fix: &[(Actor::Network, "allow outbound TCP 443 to the service tag AzureActiveDirectory")],
        mistaken_for: &[
            "outbound/tls-reset: there the connection is established, and is reset when TLS begins",
        ],
        sources: &["RFC 9293, section 3.10.7.1"],
    },
    ..Problem::DEFAULT
};

/// No way.
pub static UNREACHABLE: Problem = Problem {
    id: "outbound/unreachable",
    title: "there is no way to an Entra host",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("no route to host", 56),
        Fragment::new("network is unreachable", 56),
        Fragment::new("host is unreachable", 56),
        Fragment::new("enetunreach", 56),
        Fragment::new("ehostunreach", 56),
    ],
    page: Page {
        means: "This machine's routing table, or a router by ICMP, says that the address cannot be \
            reached. \"Administratively prohibited\" is a firewall that says so openly.",
        causes: &[
            "no default route",
            "a router or firewall that answers with ICMP",
            "a VPN that went down",
            "a firewall on this computer that blocks programs (WSAEACCES on Windows, EPERM on Linux)",
        ],
        confirm: &["`ip route get $DESTINATION`", "`traceroute -T -p 443 $DESTINATION`"],
        fix: &[(
            Actor::Network,
            "give this subnet a way to the service tag AzureActiveDirectory on TCP 443",
        )],
        mistaken_for: &["outbound/dropped: there nothing answers"],
        sources: &["RFC 792", "RFC 1812, section 5.2.7.1"],
    },
    ..Problem::DEFAULT
};

/// A part of the addresses.
pub static SOME_ADDRESSES_BLOCKED: Problem = Problem {
    id: "outbound/some-addresses-blocked",
    title: "some addresses of an Entra host are blocked",
    page: Page {
        means: "Some addresses of the host connect and some do not. Sign-in works or fails \
            depending on which address DNS gives: the failures seem random.",
        causes: &[
            "a firewall holds a list of addresses that is out of date",
            "the service tag AzureCloud was allowed in place of AzureActiveDirectory: it lacks a \
                part of the ranges",
        ],
        confirm: &[
            "`curl --resolve login.microsoftonline.com:443:$ENTRA_ADDRESS https://login.microsoftonline.com` for each address",
        ],
        fix: &[(
            Actor::Network,
            "allow the whole service tag AzureActiveDirectory, and drop hand-made lists",
        )],
        mistaken_for: &[
            "outbound/address-family-broken: there the line runs between IPv4 and IPv6",
        ],
        sources: &["Microsoft Learn: Virtual network service tags"],
    },
    ..Problem::DEFAULT
};

/// Only IPv6 fails.
pub static ADDRESS_FAMILY_BROKEN: Problem = Problem {
    id: "outbound/address-family-broken",
    title: "IPv6 to an Entra host is broken",
    severity: Severity::Warning,
    fragments: &[Fragment::new("network is unreachable", 50), Fragment::new("enetunreach", 50)],
    page: Page {
        means: "This machine has an IPv6 route, and no IPv6 connection to the host succeeds. \
            Programs that try IPv6 first wait before they fall back.",
        causes: &["IPv6 is announced on the local network and not carried further"],
        confirm: &["`curl -6 -m 5 https://login.microsoftonline.com` fails, with -4 it works"],
        fix: &[(Actor::Network, "carry IPv6, or stop announcing it")],
        mistaken_for: &["outbound/some-addresses-blocked: there IPv4 addresses fail, too"],
        sources: &["RFC 8305"],
    },
    ..Problem::DEFAULT
};
