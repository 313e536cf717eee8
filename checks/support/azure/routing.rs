//! Route tables, evaluated over yes, no and unknown: the longest prefix wins, whatever the order; a route
//! to a service tag is a route to each of its prefixes, and yields to a route to a prefix of the same
//! length. A tag whose prefixes are not known may hold any address, with any length.
//! Source: Microsoft Learn, "Virtual network traffic routing".

use super::{
    addresses::Addresses,
    tags::{Tags, like, unreadable},
};
use crate::{
    facts::azure_network::{Endpoint, NextHop, Route, RouteTable},
    support::service_tags::IpNet,
};

/// Where some of the addresses are sent.
pub struct Way<'a> {
    /// The route; `None`: the system route to the internet.
    pub route: Option<&'a Route>,
    /// The addresses that it takes under some assignment of the unknown.
    pub addresses: Addresses,
}

/// Where packets to Entra go.
pub struct Ways<'a> {
    /// The routes that may take some of them, and the system route.
    pub ways: Vec<Way<'a>>,
    /// Addresses for which an unknown decides.
    pub undecided: Addresses,
    /// Service tags whose prefixes are not known and matter.
    pub unknown: Vec<String>,
    /// Whether routes learned by a gateway may matter.
    pub learned: bool,
}

struct Candidate<'a> {
    length: u8,
    rank: u8,
    route: &'a Route,
    addresses: Addresses,
}

/// A route of which the destination, or the next hop to a prefix that `takes` what is asked about, is not
/// understood.
#[must_use]
pub fn unread(table: &RouteTable, takes: impl Fn(&IpNet) -> bool) -> Option<&Route> {
    table.routes.iter().find(|route| match &route.destination {
        Endpoint::Prefix(net) => route.next_hop == NextHop::Unknown && takes(net),
        Endpoint::Tag(name) => unreadable(name),
        Endpoint::Any | Endpoint::Group(_) => false,
    })
}

/// Where packets to the sign-in addresses go. `gateway`: the network has one, whose learned routes are
/// not known.
#[must_use]
pub fn ways<'a>(table: &'a RouteTable, gateway: bool, tags: &Tags<'_>) -> Ways<'a> {
    let to = &tags.entra;
    let mut open: Vec<&Route> = Vec::new();
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for route in &table.routes {
        let Some(nets) = prefixes(&route.destination, tags) else {
            open.push(route);
            continue;
        };
        let rank = rank(&route.destination);
        for net in nets {
            let addresses = to.and(&Addresses::of([&net]));
            if !addresses.is_empty() {
                candidates.push(Candidate { length: net.prefix_len(), rank, route, addresses });
            }
        }
    }
    // The longest first; the sort is stable, so equal ones keep the order of the table.
    candidates.sort_by_key(|one| (std::cmp::Reverse(one.length), one.rank));
    let mut found = Ways {
        ways: Vec::new(),
        undecided: Addresses::default(),
        unknown: Vec::new(),
        learned: false,
    };
    let mut left = to.clone();
    for Candidate { length, rank, route, addresses } in candidates {
        let taken = left.and(&addresses);
        if taken.is_empty() {
            continue;
        }
        left = left.without(&taken);
        found.take(Some(route), &taken);
        found.rivals(&open, route, (length, rank), &taken);
    }
    if !left.is_empty() {
        let rest = left.clone();
        found.take(None, &rest);
        for route in &open {
            found.rival(route, &rest);
        }
        if gateway && table.bgp_propagation != Some(false) {
            found.learned = true;
            found.undecided = found.undecided.or(&rest);
        }
    }
    found
}

impl<'a> Ways<'a> {
    fn take(&mut self, route: Option<&'a Route>, addresses: &Addresses) {
        if route.is_some_and(|route| route.next_hop == NextHop::Unknown) {
            self.undecided = self.undecided.or(addresses);
        }
        let same = |way: &Way<'_>| match (way.route, route) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            (None, None) => true,
            _ => false,
        };
        match self.ways.iter_mut().find(|way| same(way)) {
            Some(way) => way.addresses = way.addresses.or(addresses),
            None => self.ways.push(Way { route, addresses: addresses.clone() }),
        }
    }

    /// Routes to tags of unknown prefixes that may take addresses from a known route.
    fn rivals(&mut self, open: &[&'a Route], known: &Route, by: (u8, u8), taken: &Addresses) {
        for rival in open {
            let longer = by.0 < 32;
            let same_length = rank(&rival.destination) < by.1;
            let same_way = (rival.next_hop, rival.next_hop_address)
                == (known.next_hop, known.next_hop_address);
            if (longer || same_length) && !same_way {
                self.rival(rival, taken);
            }
        }
    }

    fn rival(&mut self, route: &'a Route, addresses: &Addresses) {
        self.take(Some(route), addresses);
        self.undecided = self.undecided.or(addresses);
        if let Endpoint::Tag(name) = &route.destination
            && !self.unknown.contains(name)
        {
            self.unknown.push(name.clone());
        }
    }
}

/// The prefixes of a destination; `None` if they are not known.
fn prefixes(destination: &Endpoint, tags: &Tags<'_>) -> Option<Vec<IpNet>> {
    match destination {
        Endpoint::Prefix(net @ IpNet::V4(inner))
            if tags.is_placeholder() && inner.prefix_len() > 0 && !inner.network().is_private() =>
        {
            let _ = net;
            None
        }
        Endpoint::Prefix(net) => Some(vec![*net]),
        Endpoint::Tag(name) => tags.prefixes(name),
        Endpoint::Any | Endpoint::Group(_) => Some(Vec::new()),
    }
}

/// The prefixes of all user-defined routes, as far as they are known; `None` if a tag is not known.
#[must_use]
pub fn routed(table: &RouteTable, tags: &Tags<'_>) -> Option<Addresses> {
    let nets: Option<Vec<Vec<IpNet>>> =
        table.routes.iter().map(|route| prefixes(&route.destination, tags)).collect();
    Some(Addresses::of(nets?.iter().flatten()))
}

/// Among routes of one length: explicit ones, then tags, the more specific first.
fn rank(destination: &Endpoint) -> u8 {
    match destination {
        Endpoint::Tag(name) if like(name, "AzureCloud") => 4,
        Endpoint::Tag(name) if name.get(..11).is_some_and(|head| like(head, "AzureCloud.")) => 3,
        Endpoint::Tag(name) if !name.contains('.') => 2,
        Endpoint::Tag(_) => 1,
        Endpoint::Prefix(_) | Endpoint::Any | Endpoint::Group(_) => 0,
    }
}
