//! Azure's service tags: the prefixes that network rules name in one word.
//!
//! The built-in list is dated and advisory: an address outside it is never a fault by itself. A
//! ServiceTags file (`--azure-config`) replaces it.

pub use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{net::IpAddr, sync::LazyLock};

/// The tag that holds the sign-in hosts and Microsoft Graph.
pub const ENTRA: &str = "AzureActiveDirectory";

/// Day of the built-in list.
pub const BUILT_IN_DATE: &str = "2025-07-22";

/// Prefixes of a tag that are read; the largest published tag has some 10,000.
const MOST: usize = 100_000;

/// The addresses behind login.microsoftonline.com and graph.microsoft.com in the public cloud.
/// Source: Microsoft 365 URLs and IP address ranges, ID 56; all are in the tag.
pub const SIGN_IN_RANGES: [&str; 4] =
    ["20.190.128.0/18", "40.126.0.0/18", "20.20.32.0/19", "20.231.128.0/19"];

/// One tag and its prefixes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServiceTag {
    /// Its name, such as `AzureActiveDirectory` or `AzureCloud.westeurope`.
    pub name: String,
    /// Its prefixes of both families.
    pub prefixes: Vec<IpNet>,
}

/// The tags of one published file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServiceTags {
    /// The cloud, in Microsoft's words: `Public`, `AzureGovernment`, `China`.
    pub cloud: String,
    /// The number of the edition.
    pub change_number: u64,
    /// The tags that were read.
    pub tags: Vec<ServiceTag>,
}

/// How much of a set of addresses another set holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coverage {
    /// Every address.
    All,
    /// A part, in percent of the addresses (at least 1, at most 99).
    Part(u8),
    /// None.
    None,
}

static BUILT_IN: LazyLock<ServiceTag> = LazyLock::new(|| ServiceTag {
    name: ENTRA.to_owned(),
    prefixes: include_str!("azure_active_directory.txt")
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect(),
});

/// The built-in AzureActiveDirectory of the public cloud, as of [`BUILT_IN_DATE`].
#[must_use]
pub fn built_in() -> &'static ServiceTag {
    &BUILT_IN
}

impl ServiceTag {
    /// The longest prefix that holds the address.
    #[must_use]
    pub fn holding(&self, address: IpAddr) -> Option<IpNet> {
        longest(&self.prefixes, address)
    }
}

impl ServiceTags {
    /// Reads a published ServiceTags file, or what `az network list-service-tags` prints. Only tags
    /// that `wanted` names are kept. `None`: the document is something else.
    #[must_use]
    pub fn read(document: &Value, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let values = document.get("values")?.as_array()?;
        let tags = values.iter().filter_map(|value| {
            let name = value.get("name")?.as_str()?;
            let prefixes = value.pointer("/properties/addressPrefixes")?.as_array()?;
            let prefixes = prefixes.iter().filter_map(|prefix| prefix.as_str()?.parse().ok());
            Some(ServiceTag { name: name.to_owned(), prefixes: prefixes.take(MOST).collect() })
        });
        let tags: Vec<ServiceTag> = tags.collect();
        if tags.is_empty() {
            return None;
        }
        Some(Self {
            cloud: document.get("cloud").and_then(Value::as_str).unwrap_or_default().to_owned(),
            change_number: document
                .get("changeNumber")
                .and_then(|number| number.as_u64().or_else(|| number.as_str()?.parse().ok()))
                .unwrap_or_default(),
            tags: tags.into_iter().filter(|tag| wanted(&tag.name)).collect(),
        })
    }

    /// A tag by its name, letter case aside.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&ServiceTag> {
        self.tags.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))
    }
}

/// The longest of these prefixes that holds the address.
#[must_use]
pub fn longest(prefixes: &[IpNet], address: IpAddr) -> Option<IpNet> {
    let holding = prefixes.iter().filter(|prefix| prefix.contains(&address));
    holding.max_by_key(|prefix| prefix.prefix_len()).copied()
}

/// How much of `wanted` is in `allowed`. Each family counts by itself, and the lesser one decides:
/// the few IPv4 addresses would vanish beside those of IPv6.
#[must_use]
pub fn coverage(wanted: &[IpNet], allowed: &[IpNet]) -> Coverage {
    let families = [true, false].map(|four| {
        let of = |nets: &[IpNet]| {
            let nets: Vec<IpNet> =
                nets.iter().filter(|net| net.addr().is_ipv4() == four).copied().collect();
            IpNet::aggregate(&nets)
        };
        let (wanted, allowed) = (of(wanted), of(allowed));
        let all: f64 = wanted.iter().map(size).sum();
        let held: f64 = wanted
            .iter()
            .flat_map(|one| allowed.iter().filter_map(|other| common(one, other)))
            .map(|net| size(&net))
            .sum();
        (all > 0.0).then_some(held / all)
    });
    let shares: Vec<f64> = families.into_iter().flatten().collect();
    let least = shares.iter().copied().fold(1.0, f64::min);
    let most = shares.iter().copied().fold(0.0, f64::max);
    if least >= 1.0 {
        Coverage::All
    } else if most <= 0.0 {
        Coverage::None
    } else {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 99")]
        Coverage::Part((least * 100.0).floor().clamp(1.0, 99.0) as u8)
    }
}

/// Of two prefixes either one holds the other, or they have nothing in common.
fn common(one: &IpNet, other: &IpNet) -> Option<IpNet> {
    if one.contains(other) { Some(*other) } else { other.contains(one).then_some(*one) }
}

fn size(net: &IpNet) -> f64 {
    f64::from(net.max_prefix_len() - net.prefix_len()).exp2()
}

#[cfg(test)]
mod tests {
    use super::{Coverage, IpNet, SIGN_IN_RANGES, ServiceTags, built_in, coverage};
    use serde_json::json;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split(' ').map(|net| net.parse().expect("a prefix")).collect()
    }

    #[test]
    fn the_built_in_list_is_whole() {
        let tag = built_in();
        assert_eq!(tag.prefixes.len(), 216);
        let ranges = nets(&SIGN_IN_RANGES.join(" "));
        assert_eq!(coverage(&ranges, &tag.prefixes), Coverage::All);
        let holding = tag.holding("20.190.151.7".parse().expect("an address"));
        assert_eq!(holding.map(|net| net.to_string()).as_deref(), Some("20.190.128.0/18"));
        assert_eq!(tag.holding("10.0.0.1".parse().expect("an address")), None);
    }

    #[test]
    fn a_part_is_no_whole() {
        let wanted = nets("10.0.0.0/24 10.0.1.0/24");
        assert_eq!(coverage(&wanted, &nets("10.0.0.0/23")), Coverage::All);
        assert_eq!(coverage(&wanted, &nets("10.0.0.0/24 10.0.0.0/25")), Coverage::Part(50));
        assert_eq!(coverage(&wanted, &nets("11.0.0.0/8")), Coverage::None);
        let both = nets("10.0.0.0/24 2001:db8::/32");
        assert_eq!(coverage(&both, &nets("2001:db8::/32")), Coverage::Part(1));
    }

    #[test]
    fn reads_a_published_file() {
        let file = json!({"changeNumber": 363, "cloud": "Public", "values": [
            {"name": "AzureActiveDirectory", "properties": {"addressPrefixes": ["20.190.128.0/18", "rubbish"]}},
            {"name": "Storage", "properties": {"addressPrefixes": ["20.0.0.0/8"]}}]});
        let read = ServiceTags::read(&file, |name| name != "Storage").expect("a file of tags");
        assert_eq!((read.change_number, read.tags.len()), (363, 1));
        assert_eq!(read.tag("azureactivedirectory").map(|tag| tag.prefixes.len()), Some(1));
        assert_eq!(ServiceTags::read(&json!({"values": [1]}), |_| true), None);
        assert_eq!(ServiceTags::read(&json!([]), |_| true), None);
    }
}
