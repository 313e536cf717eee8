//! Sets of IPv4 addresses: what remains of one when rules have taken their part. Servers in virtual
//! networks use only IPv4.

use crate::support::service_tags::IpNet;
use std::net::Ipv4Addr;

/// A set of IPv4 addresses: ranges from first to last, in order, apart from each other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addresses(Vec<(u32, u32)>);

impl Addresses {
    /// The IPv4 addresses of these prefixes.
    #[must_use]
    pub fn of<'a>(nets: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let ranges = nets
            .into_iter()
            .filter_map(|net| match net {
                IpNet::V4(net) => Some((net.network().into(), net.broadcast().into())),
                IpNet::V6(_) => None,
            })
            .collect();
        Self::joined(ranges)
    }

    /// Every IPv4 address.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![(0, u32::MAX)])
    }

    /// One address.
    #[must_use]
    pub fn one(address: Ipv4Addr) -> Self {
        Self(vec![(address.into(), address.into())])
    }

    /// The private address spaces. Source: RFC 1918.
    #[must_use]
    pub fn private() -> Self {
        Self(vec![
            (0x0a00_0000, 0x0aff_ffff),
            (0xac10_0000, 0xac1f_ffff),
            (0xc0a8_0000, 0xc0a8_ffff),
        ])
    }

    /// What is in any of these sets.
    #[must_use]
    pub fn union(sets: &[Self]) -> Self {
        Self::joined(sets.iter().flat_map(|set| set.0.iter().copied()).collect())
    }

    /// The lowest address.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|(first, _)| *first)
    }

    /// How many ranges the set has.
    #[must_use]
    pub const fn ranges(&self) -> usize {
        self.0.len()
    }

    /// The set as prefixes, at most so many.
    #[must_use]
    pub fn prefixes(&self, limit: usize) -> Vec<IpNet> {
        let subnets = self.0.iter().flat_map(|(first, last)| {
            ipnet::Ipv4Subnets::new(Ipv4Addr::from(*first), Ipv4Addr::from(*last), 0)
        });
        subnets.take(limit).map(IpNet::V4).collect()
    }

    fn joined(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(&&(first, last)), Some(&&(from, to))) = (mine.peek(), theirs.peek()) {
            if first.max(from) <= last.min(to) {
                common.push((first.max(from), last.min(to)));
            }
            if last <= to {
                mine.next();
            } else {
                theirs.next();
            }
        }
        Self(common)
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::joined(self.0.iter().chain(&other.0).copied().collect())
    }

    /// What is here and not there.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut holes = other.0.iter().peekable();
        for &(first, last) in &self.0 {
            // A whole range may be taken away up to the very last address: one more bit is needed.
            let mut from = u64::from(first);
            while let Some(&&(hole, end)) = holes.peek() {
                if u64::from(end) < from {
                    holes.next();
                    continue;
                }
                if hole > last {
                    break;
                }
                if u64::from(hole) > from {
                    left.push((narrow(from), hole - 1));
                }
                from = u64::from(end) + 1;
                if end > last {
                    break;
                }
                holes.next();
            }
            if from <= u64::from(last) {
                left.push((narrow(from), last));
            }
        }
        Self(left)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn holds(&self, address: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&address))
    }
}

fn narrow(address: u64) -> u32 {
    u32::try_from(address).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use crate::support::service_tags::IpNet;
    use proptest::prelude::*;

    fn set(text: &str) -> Addresses {
        let nets: Vec<IpNet> =
            text.split_whitespace().map(|net| net.parse().expect("a prefix")).collect();
        Addresses::of(&nets)
    }

    #[test]
    fn neighbors_are_one() {
        assert_eq!(set("10.0.0.0/25 10.0.0.128/25"), set("10.0.0.0/24"));
        assert_eq!(set("0.0.0.0/0").count(), 1 << 32);
        assert!(set("0.0.0.0/0").without(&set("0.0.0.0/1 128.0.0.0/1")).is_empty());
        assert_eq!(set("10.0.0.0/24").without(&set("10.0.0.0/25")), set("10.0.0.128/25"));
    }

    fn nets() -> impl Strategy<Value = Vec<IpNet>> {
        let net = (0_u32..64, 26_u8..=32).prop_map(|(host, bits)| {
            IpNet::new(std::net::Ipv4Addr::from(0x0a00_0000 + host).into(), bits)
                .expect("at most 32 bits")
        });
        proptest::collection::vec(net, 0..6)
    }

    proptest! {
        #[test]
        fn sets_are_what_their_addresses_are(one in nets(), other in nets()) {
            let (a, b) = (Addresses::of(&one), Addresses::of(&other));
            for host in 0x0a00_0000..0x0a00_0080 {
                let inside = |nets: &[IpNet]| {
                    nets.iter().any(|net| net.contains(&std::net::IpAddr::from(std::net::Ipv4Addr::from(host))))
                };
                let (in_one, in_other) = (inside(&one), inside(&other));
                prop_assert_eq!(a.holds(host), in_one);
                prop_assert_eq!(a.and(&b).holds(host), in_one && in_other);
                prop_assert_eq!(a.without(&b).holds(host), in_one && !in_other);
            }
            prop_assert_eq!(a.and(&b).count() + a.without(&b).count(), a.count());
        }
    }
}
