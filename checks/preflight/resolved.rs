//! Whether the name of a server without a public endpoint led a client to one of its private addresses.

use super::{Answer, State};
use crate::{
    azure::private_zone,
    check::Check,
    evidence::Evidence,
    facts::{
        azure::{FlexibleServer, Topology},
        dns::Role,
    },
    support::azure::{place, security::private, tags::like},
    text,
    verdict::{Actor, Fix},
};
use std::net::IpAddr;

/// Addresses in one sentence.
const NAMED: usize = 3;

/// The name resolved to an address that is not the server's.
pub(super) struct Elsewhere {
    detail: String,
    evidence: Vec<String>,
    fix: Fix,
}

/// What is wrong with the addresses that the client resolved; `None` if they can be the server's.
pub(super) fn elsewhere(client: &Evidence, server: &FlexibleServer) -> Option<Elsewhere> {
    let settings = client.settings.seen()?;
    let host = settings.host.as_ref()?.value.trim_end_matches('.');
    // With hostaddr, the name is not resolved; a name of one's own may lead to a proxy.
    if settings.hostaddr.is_some() || !place::of_azure(host) {
        return None;
    }
    let topology = server.topology();
    if topology == Topology::Public {
        return None;
    }
    let names = &client.dns.seen()?.names;
    let own = |name: &&crate::facts::dns::Name| {
        name.role == Role::Server && like(name.name.trim_end_matches('.'), host)
    };
    let lookup = names.iter().find(own)?.system.seen()?;
    let all = &lookup.addresses;
    // A tunnel on this machine.
    if all.iter().any(|ip| ip.to_canonical().is_loopback()) {
        return None;
    }
    let (known, subnet) = private_zone::private_addresses(client, server);
    let of_subnet = |ip: &IpAddr| {
        topology == Topology::VirtualNetwork && subnet.iter().any(|net| net.contains(ip))
    };
    let has_subnet = topology == Topology::VirtualNetwork && !subnet.is_empty();
    let is_known = !known.is_empty() || has_subnet;
    let is_wrong =
        |ip: &&IpAddr| !private(**ip) || (is_known && !known.contains(ip) && !of_subnet(ip));
    let wrong: Vec<IpAddr> = all.iter().filter(is_wrong).copied().collect();
    let first = *wrong.first()?;
    let public = !private(first);
    let kind = if public { "the public address" } else { "the address" };
    let right = match topology {
        _ if !known.is_empty() => format!("the server has {}", text::list(&known, NAMED)),
        Topology::VirtualNetwork if !subnet.is_empty() => {
            format!("the server is in {}", text::list(subnet, NAMED))
        }
        _ => "the server has only private addresses".to_owned(),
    };
    let why = if public {
        "the client's nameserver does not use the private DNS zone"
    } else {
        "the client's nameserver has another record"
    };
    let fix = if public {
        private_zone::link_to_clients(client, server)
    } else {
        let text = "Remove the old record from the client's nameserver, or forward the zone on it to \
            168.63.129.16";
        Fix::by(Actor::Network, text)
    };
    Some(Elsewhere {
        detail: format!(
            "{host} resolves to {kind} {}, and {right}: {why}",
            text::list(&wrong, NAMED)
        ),
        evidence: vec![format!("client: {host} is {}", text::list(all, NAMED))],
        fix,
    })
}

impl Elsewhere {
    /// The answer with this observation. What was reached at another address is not the server that the
    /// documents describe.
    pub(super) fn answer(self, answer: Answer, checks: &[&Check]) -> Answer {
        let resolves = checks.iter().any(|check| check.id == crate::dns::resolution::CHECK.id);
        if resolves && answer.state == State::NoGo {
            return answer;
        }
        let reached = !resolves && answer.state == State::Go;
        let evidence = [answer.evidence, self.evidence].concat();
        if reached {
            let detail = format!("what the client reached is not this server: {}", self.detail);
            return Answer { evidence, contradicted: true, ..Answer::open(detail) };
        }
        Answer {
            state: State::NoGo,
            detail: self.detail,
            evidence,
            fixes: vec![self.fix],
            contradicted: false,
        }
    }
}
