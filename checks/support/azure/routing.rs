//! Route tables, evaluated as Azure does: the longest prefix wins, whatever the order; a route to a
//! service tag stands for a route to each of its prefixes, and yields to an explicit route of the same
//! length. Source: Microsoft Learn, "Virtual network traffic routing".

use super::{
    addresses::Addresses,
    tags::{Tags, like},
};
use crate::{
    facts::azure_network::{Endpoint, Route, RouteTable},
    support::service_tags::IpNet,
};

/// Where some of the addresses are sent.
pub struct Way<'a> {
    /// The route; `None`: Azure's own, to the internet.
    pub route: Option<&'a Route>,
    /// The addresses.
    pub addresses: Addresses,
}

/// Where packets to these public addresses go.
#[must_use]
pub fn ways<'a>(table: &'a RouteTable, to: &Addresses, tags: &Tags<'_>) -> Vec<Way<'a>> {
    let mut candidates: Vec<(u8, u8, &Route, Addresses)> = Vec::new();
    for route in &table.routes {
        let nets: &[IpNet] = match &route.destination {
            Endpoint::Prefix(net) => &[*net],
            Endpoint::Tag(name) => tags.prefixes(name),
            Endpoint::Any | Endpoint::Group(_) => &[],
        };
        let rank = rank(&route.destination);
        for net in nets {
            let addresses = to.and(&Addresses::of([net]));
            if !addresses.is_empty() {
                candidates.push((net.prefix_len(), rank, route, addresses));
            }
        }
        if let (Endpoint::Tag(name), []) = (&route.destination, nets)
            && like(name, "AzureCloud")
        {
            // Its prefixes are not known here, only that they hold Entra's main ranges whole.
            candidates.push((17, rank, route, to.and(&tags.main)));
        }
    }
    // The longest first; the sort is stable, so equals stay in the table's order.
    candidates.sort_by_key(|(length, rank, _, _)| (std::cmp::Reverse(*length), *rank));
    let mut left = to.clone();
    let mut ways: Vec<Way<'a>> = Vec::new();
    for (_, _, route, addresses) in candidates {
        let taken = left.and(&addresses);
        if taken.is_empty() {
            continue;
        }
        left = left.without(&taken);
        match ways.iter_mut().find(|way| way.route.is_some_and(|known| std::ptr::eq(known, route)))
        {
            Some(way) => way.addresses = way.addresses.or(&taken),
            None => ways.push(Way { route: Some(route), addresses: taken }),
        }
    }
    if !left.is_empty() {
        ways.push(Way { route: None, addresses: left });
    }
    ways
}

/// Among routes of one length: explicit ones, then tags, the more particular first.
fn rank(destination: &Endpoint) -> u8 {
    match destination {
        Endpoint::Tag(name) if like(name, "AzureCloud") => 4,
        Endpoint::Tag(name) if name.get(..11).is_some_and(|head| like(head, "AzureCloud.")) => 3,
        Endpoint::Tag(name) if !name.contains('.') => 2,
        Endpoint::Tag(_) => 1,
        Endpoint::Prefix(_) | Endpoint::Any | Endpoint::Group(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{rank, ways};
    use crate::{
        azure::tags::Tags,
        facts::azure_network::{Endpoint, NextHop, Route, RouteTable},
        support::service_tags::{IpNet, built_in},
        support::testing::healthy_but,
    };
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn route() -> impl Strategy<Value = Endpoint> {
        let address =
            prop::sample::select(vec!["20.190.128.0", "40.126.0.0", "20.0.0.0", "40.126.31.67"]);
        let bits = prop::sample::select(vec![0_u8, 8, 17, 18, 19, 24, 32]);
        prop_oneof![
            4 => (address, bits).prop_map(|(address, bits)| Endpoint::Prefix(
                IpNet::new(address.parse().expect("an address"), bits).expect("bits").trunc()
            )),
            1 => Just(Endpoint::Tag("AzureActiveDirectory".to_owned())),
            1 => Just(Endpoint::Tag("Storage".to_owned())),
        ]
    }

    /// The second implementation: one address, every route.
    fn naive(routes: &[Route], address: Ipv4Addr) -> Option<&str> {
        let mut best: Option<(u8, u8, &str)> = None;
        for route in routes {
            let nets: Vec<IpNet> = match &route.destination {
                Endpoint::Prefix(net) => vec![*net],
                Endpoint::Tag(name) if name == "AzureActiveDirectory" => {
                    built_in().prefixes.clone()
                }
                _ => Vec::new(),
            };
            let rank = rank(&route.destination);
            for net in nets.iter().filter(|net| net.contains(&IpAddr::V4(address))) {
                let better = best.is_none_or(|(length, other, _)| {
                    net.prefix_len() > length || (net.prefix_len() == length && rank < other)
                });
                if better {
                    best = Some((net.prefix_len(), rank, &route.name));
                }
            }
        }
        best.map(|(_, _, name)| name)
    }

    proptest! {
        #[test]
        fn both_implementations_agree(destinations in prop::collection::vec(route(), 0..8)) {
            let seen = healthy_but(&[]);
            let tags = Tags::of(&seen).expect("the public cloud");
            let routes: Vec<Route> = destinations.into_iter().enumerate().map(|(index, destination)| Route {
                name: format!("r{index}"), destination, next_hop: NextHop::None, next_hop_address: None,
            }).collect();
            let table = RouteTable { routes, ..RouteTable::default() };
            let ways = ways(&table, &tags.entra, &tags);
            prop_assert_eq!(ways.iter().map(|way| way.addresses.count()).sum::<u64>(), tags.entra.count());
            for address in [[20, 190, 128, 0], [20, 190, 151, 7], [20, 190, 191, 255], [40, 126, 31, 67], [40, 126, 63, 255], [20, 20, 32, 1], [20, 231, 159, 255]] {
                let address = Ipv4Addr::from(address);
                let way = ways.iter().find(|way| way.addresses.holds(address.into())).and_then(|way| way.route);
                prop_assert_eq!(way.map(|route| route.name.as_str()), naive(&table.routes, address), "{}", address);
            }
        }
    }
}
