//! Azure's service tags: the prefixes that network rules name in one word.
//!
//! The built-in list is dated and advisory: an address outside it is never a fault by itself. A
//! ServiceTags file (`--azure-config`) replaces it.

pub use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::LazyLock};

/// The tag that holds the sign-in hosts and Microsoft Graph.
pub const ENTRA: &str = "AzureActiveDirectory";

/// Day of the built-in list.
pub const BUILT_IN_DATE: &str = "2025-07-22";

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
        let holding = self.prefixes.iter().filter(|prefix| prefix.contains(&address));
        holding.max_by_key(|prefix| prefix.prefix_len()).copied()
    }
}

impl ServiceTags {
    /// A tag by its name, letter case aside.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&ServiceTag> {
        self.tags.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{IpNet, SIGN_IN_RANGES, built_in};

    #[test]
    fn the_built_in_list_is_whole() {
        let tag = built_in();
        assert_eq!(tag.prefixes.len(), 216);
        for range in SIGN_IN_RANGES {
            let range: IpNet = range.parse().expect("a prefix");
            assert!(tag.prefixes.iter().any(|prefix| prefix.contains(&range)), "{range}");
        }
        let holding = tag.holding("20.190.151.7".parse().expect("an address"));
        assert_eq!(holding.map(|net| net.to_string()).as_deref(), Some("20.190.128.0/18"));
        assert_eq!(tag.holding("10.0.0.1".parse().expect("an address")), None);
    }
}
