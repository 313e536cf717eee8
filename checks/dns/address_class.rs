//! Whether the server's address is of the kind that it has to be: private or public.

use super::{addresses_of, cannot_be, is_private, matrix};
use crate::{
    azure::{place, private_endpoint},
    check::{Check, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        azure::Topology,
        dns::{Dns, Name, Role},
        login::AuthRequest,
        settings::AddressClass,
        tcp::TcpOutcome,
    },
    support::commands,
    support::server::names::is_loopback,
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::IpAddr;

/// The server's address is private or public, as it must be from here.
pub static CHECK: Check = Check {
    id: "dns/address-class",
    asserts: "the server's address is of the expected kind",
    needs: &[Topic::Dns, Topic::Settings, Topic::Server, Topic::AuthRequest, Topic::Azure],
    problems: &[&PUBLIC_ANSWER, &PRIVATE_ANSWER],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let dns = seen.dns.get()?;
    let expect = seen.settings.get()?.expect;
    let Some(name) = dns.names.iter().find(|name| name.role == Role::Server) else {
        return Ok(Verdict::NotApplicable("no server was named by a name".to_owned()));
    };
    if is_loopback(&name.name) {
        let why = "the name means this machine itself, as with a tunnel".to_owned();
        return Ok(Verdict::NotApplicable(why));
    }
    let addresses = name.usable();
    if addresses.is_empty() {
        let subject = name.name.clone();
        return Err(Missing(NotObserved::Blocked { by: Topic::Dns, subject }));
    }
    if addresses.iter().any(|ip| cannot_be(*ip, name)) {
        return Ok(Verdict::NotApplicable("dns/resolution reports the address".to_owned()));
    }
    let private = addresses.iter().any(|ip| is_private(*ip));
    let listed = text::list(&addresses, 2);
    Ok(match (expect, private) {
        (Some(AddressClass::Public), true) => Verdict::found(private_answer(dns, name, &listed)),
        (_, true) => Verdict::Passed(format!("private: {listed}")),
        (Some(AddressClass::Public), false) => Verdict::Passed(format!("public: {listed}")),
        (expect, false) => match suspicion(seen, dns, name, expect) {
            Some(why) => Verdict::found(public_answer(seen, dns, name, &listed, &why)),
            None => Verdict::Passed(format!("public: {listed}")),
        },
    })
}

/// Why a private address is expected.
enum Suspicion {
    /// `--expect private` says so.
    Told,
    /// Azure says that the server has no other; how it is attached.
    Attached(&'static str),
    /// Another nameserver gives one.
    Sibling(IpAddr, Vec<IpAddr>),
    /// The name's chain passes the zone of private endpoints.
    Chain(String),
}

fn suspicion(
    seen: &Evidence,
    dns: &Dns,
    name: &Name,
    expect: Option<AddressClass>,
) -> Option<Suspicion> {
    if expect == Some(AddressClass::Private) {
        return Some(Suspicion::Told);
    }
    if let Some(attached) = attached(seen) {
        return Some(Suspicion::Attached(attached));
    }
    for nameserver in &dns.resolver.nameservers {
        let addresses = addresses_of(name, nameserver.address);
        if addresses.iter().any(|ip| is_private(*ip)) {
            return Some(Suspicion::Sibling(nameserver.address.ip(), addresses));
        }
    }
    let mut aliases = name.replies().flat_map(|(_, reply)| &reply.chain);
    let passing = aliases.find(|alias| alias.target.contains(".privatelink."));
    passing.map(|alias| Suspicion::Chain(alias.target.clone()))
}

/// How a server that has only private addresses is attached, as Azure's configuration says. One
/// without any approved endpoint has no address at all, which is another problem.
fn attached(seen: &Evidence) -> Option<&'static str> {
    let server = place::server(seen).ok()?;
    match server.topology() {
        Topology::VirtualNetwork => Some("Azure says that the server is in a virtual network"),
        Topology::PrivateEndpoints if !private_endpoint::approved(server).is_empty() => {
            Some("Azure says that public access is off and that the server has a private endpoint")
        }
        Topology::PrivateEndpoints | Topology::Public | Topology::Unknown => None,
    }
}

fn public_answer(
    seen: &Evidence,
    dns: &Dns,
    name: &Name,
    listed: &str,
    why: &Suspicion,
) -> Finding {
    let asked = &name.name;
    let (reason, evidence) = match why {
        Suspicion::Told => ("--expect private says otherwise".to_owned(), None),
        Suspicion::Attached(attached) => {
            ((*attached).to_owned(), Some(format!("azure-config: {attached}")))
        }
        Suspicion::Sibling(nameserver, addresses) => (
            format!("{nameserver} knows a private address"),
            Some(format!("{nameserver} says {}", text::list(addresses, 2))),
        ),
        Suspicion::Chain(alias) => (
            "the server has a private endpoint".to_owned(),
            Some(format!("its name is an alias of {alias}, and no private zone answers for that")),
        ),
    };
    let detail = format!("{asked} resolves to the public address {listed}, and {reason}");
    // A server may have a private endpoint and be open to the public: then this way works as well.
    let (severity, confidence) = match why {
        Suspicion::Told => (Severity::Error, Confidence::Certain),
        Suspicion::Attached(_) if refused(seen) => (Severity::Error, Confidence::Certain),
        _ if refused(seen) => (Severity::Error, Confidence::Likely),
        Suspicion::Attached(_) | Suspicion::Sibling(..) => (Severity::Warning, Confidence::Likely),
        Suspicion::Chain(_) => (Severity::Info, Confidence::Possible),
    };
    let zone = zone(name);
    Finding::of(&PUBLIC_ANSWER, asked.clone(), detail)
        .severity(severity)
        .sure(confidence)
        .because_all(evidence)
        .because_all(matrix(dns, name))
        .fix(
            Fix::by(
                Actor::Network,
                format!(
                    "Link the private DNS zone {zone} to this machine's virtual network, or let \
                        its nameserver forward {zone} to 168.63.129.16 in a network that is \
                        linked"
                ),
            )
            .run(
                Command::new("az network private-dns link vnet create -g $RG -z")
                    .value(zone.to_string())
                    .words("-n client-network -v $VNET -e false"),
            ),
        )
        .fix(Fix::confirm("ask from inside the virtual network").run(commands::look_up(
            &seen.vantage,
            asked,
            Some(std::net::IpAddr::from([168, 63, 129, 16])),
        )))
}

/// Whether the public way is closed to this machine.
fn refused(seen: &Evidence) -> bool {
    let Some(server) = seen.server.seen() else {
        return false;
    };
    let open = server.tcp.iter().any(|attempt| attempt.outcome == TcpOutcome::Connected);
    let turned_away = matches!(seen.auth_request.seen(),
        Some(AuthRequest::Error(error)) if error.message.contains("no pg_hba.conf entry"));
    !open || turned_away
}

/// The zone of private endpoints for the server's suffix.
fn zone(name: &Name) -> String {
    let suffix = name.name.split_once('.').map_or(name.name.as_str(), |(_, suffix)| suffix);
    if suffix.starts_with("privatelink.") {
        suffix.to_owned()
    } else {
        format!("privatelink.{suffix}")
    }
}

fn private_answer(dns: &Dns, name: &Name, listed: &str) -> Finding {
    let asked = &name.name;
    let detail = format!(
        "{asked} resolves to the private address {listed}, and --expect public says otherwise"
    );
    Finding::of(&PRIVATE_ANSWER, asked.clone(), detail).because_all(matrix(dns, name)).fix(Fix::by(
        Actor::Network,
        format!("Remove {asked} from the private zone that answers here, or unlink that zone"),
    ))
}

/// Public in place of private.
pub static PUBLIC_ANSWER: Problem = Problem {
    id: "dns/public-answer",
    title: "the server resolves to its public address where a private one is expected",
    explains: &[
        "server/dropped",
        "server/refused",
        "server/unreachable",
        "server/closed",
        "server/silent",
        "login/client-address-refused",
    ],
    page: Page {
        means: "The server has a private endpoint or lives in a virtual network, and this \
            machine's nameservers give its public address. Connections leave the virtual network \
            and end at a closed door. A guess (from the alias into privatelink) is an error only \
            where the public way is closed, and a mere note where it works.",
        causes: &[
            "the private DNS zone privatelink.postgres.database.azure.com is not linked to this \
                virtual network",
            "a custom DNS server does not forward the zone to 168.63.129.16",
            "this machine is outside of the virtual network, and its VPN does not bring the \
                nameserver along",
        ],
        confirm: &[
            "`dig $SERVER_HOST` shows an alias into privatelink and then a public address",
            "`dig @168.63.129.16 $SERVER_HOST` from inside the virtual network shows the private one",
        ],
        fix: &[(
            Actor::Network,
            "link the private zone to the virtual network of the client, or forward it from the \
                custom DNS server",
        )],
        mistaken_for: &[
            "server/dropped: the firewall rules of the server are not to blame when the way is \
                wrong",
            "login/client-address-refused: adding a firewall rule does not help where public \
                access is off",
        ],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, networking with Private Link",
            "Microsoft Learn: Azure Private Endpoint private DNS zone values",
        ],
    },
    ..Problem::DEFAULT
};

/// Private in place of public.
pub static PRIVATE_ANSWER: Problem = Problem {
    id: "dns/private-answer",
    title: "the server resolves to a private address where a public one is expected",
    explains: &["server/*"],
    page: Page {
        means: "`--expect public` was given, and the nameservers give a private address for the \
            server.",
        causes: &[
            "a private zone that is linked to this network answers for the server",
            "a split-horizon nameserver of a VPN",
        ],
        confirm: &["compare `dig $SERVER_HOST` with `dig @1.1.1.1 $SERVER_HOST`"],
        fix: &[
            (Actor::Network, "unlink the private zone, or remove the record"),
            (Actor::You, "leave --expect public out where the private way is meant"),
        ],
        mistaken_for: &[
            "dns/sinkholed: no host on a network has a loopback or unspecified address",
        ],
        sources: &["Microsoft Learn: Azure Private Endpoint DNS integration"],
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
    use serde_json::json;

    #[test]
    fn what_is_expected_decides() {
        let private = ("/settings/seen/expect", json!("private"));
        let public = ("/settings/seen/expect", json!("public"));
        let inside = ("/dns/seen/names/2/system/seen/addresses", json!(["10.1.2.5"]));
        assert_eq!(
            problems_of(&CHECK, &healthy_but(std::slice::from_ref(&private))),
            ["dns/public-answer"]
        );
        assert_eq!(
            problems_of(&CHECK, &healthy_but(std::slice::from_ref(&public))),
            Vec::<&str>::new()
        );
        let seen = healthy_but(&[public, inside.clone()]);
        assert_eq!(problems_of(&CHECK, &seen), ["dns/private-answer"]);
        assert_eq!(problems_of(&CHECK, &healthy_but(&[private, inside])), Vec::<&str>::new());
    }

    #[test]
    fn an_alias_into_privatelink_is_an_error_only_where_the_public_way_is_closed() {
        let chain = (
            "/dns/seen/names/2/answers/0/outcome/chain/0/target",
            json!("pg-prod.privatelink.postgres.database.azure.com"),
        );
        let severity = |seen: &crate::Evidence| {
            judged(&CHECK, seen).findings.first().map(|judged| judged.finding.severity)
        };
        assert_eq!(severity(&healthy_but(std::slice::from_ref(&chain))), Some(Severity::Info));
        let closed = ("/server/seen/tcp/0/outcome", json!({"kind": "silent"}));
        assert_eq!(severity(&healthy_but(&[chain, closed])), Some(Severity::Error));
    }
}
