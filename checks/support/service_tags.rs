//! Azure's service tags: named sets of prefixes that network rules and routes refer to.
//!
//! The built-in list is dated. It decides only while it is current; a ServiceTags file
//! (`--azure-config`) or Azure Resource Manager replaces it.

use crate::facts::class;
pub use ipnet::IpNet;
use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::LazyLock};

/// The tag that holds the sign-in hosts and Microsoft Graph.
pub const ENTRA: &str = "AzureActiveDirectory";

/// Date of the built-in list.
pub const BUILT_IN_DATE: &str = "2025-07-22";

/// Edition of the built-in list. Editions of the public cloud are numbered in order of time.
const BUILT_IN_EDITION: u64 = 363;

/// Days after which a list is out of date: Microsoft publishes one per week, and new ranges are used
/// a week later at the earliest; half a year is a convention of this tool.
const CURRENT_DAYS: i32 = 183;

/// The addresses of login.microsoftonline.com and graph.microsoft.com in the public cloud.
/// Source: Microsoft 365 URLs and IP address ranges, ID 56; all are in the tag.
pub const SIGN_IN_RANGES: [&str; 4] =
    ["20.190.128.0/18", "40.126.0.0/18", "20.20.32.0/19", "20.231.128.0/19"];

/// One tag and its prefixes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServiceTag {
    /// The name, such as `AzureActiveDirectory` or `AzureCloud.westeurope`.
    #[serde(serialize_with = "class::word")]
    pub name: String,
    /// The prefixes of both families.
    pub prefixes: Vec<IpNet>,
}

/// The tags of one published file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServiceTags {
    /// The cloud, as Microsoft names it in the file: `Public`, `AzureGovernment`, `AzureChina`.
    #[serde(serialize_with = "class::word")]
    pub cloud: String,
    /// The number of the edition.
    pub change_number: u64,
    /// The day of publication, `YYYY-MM-DD`, if the file's name contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::word")]
    pub date: Option<String>,
    /// The tags that hold sign-in addresses.
    pub tags: Vec<ServiceTag>,
    /// The names of tags that hold no sign-in address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::word")]
    pub unrelated: Vec<String>,
}

static BUILT_IN: LazyLock<ServiceTags> = LazyLock::new(|| {
    let mut list = ServiceTags {
        cloud: "Public".to_owned(),
        change_number: BUILT_IN_EDITION,
        date: Some(BUILT_IN_DATE.to_owned()),
        tags: vec![entra()],
        unrelated: Vec::new(),
    };
    for line in include_str!("service_tags.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        match words.next() {
            Some("-") => list.unrelated = words.map(str::to_owned).collect(),
            Some(name) => list.tags.push(ServiceTag {
                name: name.to_owned(),
                prefixes: words.flat_map(expanded).collect(),
            }),
            None => {}
        }
    }
    list
});

fn entra() -> ServiceTag {
    let lines = include_str!("azure_active_directory.txt").lines();
    ServiceTag {
        name: ENTRA.to_owned(),
        prefixes: lines.filter_map(|line| line.parse().ok()).collect(),
    }
}

/// `40.126:0.0/24,1.0/26` as prefixes.
fn expanded(group: &str) -> Vec<IpNet> {
    let Some((head, rest)) = group.split_once(':') else { return Vec::new() };
    rest.split(',').filter_map(|tail| format!("{head}.{tail}").parse().ok()).collect()
}

/// The built-in AzureActiveDirectory of the public cloud, as of [`BUILT_IN_DATE`].
#[must_use]
pub fn built_in() -> &'static ServiceTag {
    &BUILT_IN.tags[0]
}

/// The built-in list of the public cloud, reduced to the sign-in ranges, as of [`BUILT_IN_DATE`].
#[must_use]
pub fn built_in_list() -> &'static ServiceTags {
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
    /// A tag by its name, compared without letter case.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&ServiceTag> {
        self.tags.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))
    }

    /// Whether the tag, or the tag of which it is a region, holds no sign-in address.
    #[must_use]
    pub fn excludes(&self, name: &str) -> bool {
        let base = name.split('.').next().unwrap_or(name);
        let is = |other: &String, name: &str| other.eq_ignore_ascii_case(name);
        self.unrelated.iter().any(|other| is(other, base) || is(other, name))
    }

    /// The day of publication; for an edition of the public cloud that is not newer than the built-in
    /// one, at the latest that day.
    #[must_use]
    pub fn published(&self) -> Option<Date> {
        let public = self.cloud.is_empty() || self.cloud.eq_ignore_ascii_case("Public");
        let by_edition = || {
            let known = public && (1..=BUILT_IN_EDITION).contains(&self.change_number);
            known.then_some(BUILT_IN_DATE)
        };
        self.date.as_deref().or_else(by_edition)?.parse().ok()
    }

    /// Whether the list is at most six months old; `None` if its date is unknown.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> Option<bool> {
        let published = self.published()?;
        let today = Offset::UTC.to_datetime(now).date();
        let age = published.until(today).ok()?.get_days();
        Some(age <= CURRENT_DAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::{IpNet, SIGN_IN_RANGES, ServiceTags, built_in, built_in_list};

    #[test]
    fn the_built_in_list_is_complete() {
        let tag = built_in();
        assert_eq!(tag.prefixes.len(), 216);
        for range in SIGN_IN_RANGES {
            let range: IpNet = range.parse().expect("a prefix");
            assert!(tag.prefixes.iter().any(|prefix| prefix.contains(&range)), "{range}");
        }
        let holding = tag.holding("20.190.151.7".parse().expect("an address"));
        assert_eq!(holding.map(|net| net.to_string()).as_deref(), Some("20.190.128.0/18"));
        assert_eq!(tag.holding("10.0.0.1".parse().expect("an address")), None);
        let list = built_in_list();
        assert_eq!(list.tag("azurecloud").map(|tag| tag.prefixes.len()), Some(272));
        assert_eq!(list.tags.len(), 70);
        assert!(list.excludes("Storage.WestEurope"));
        assert!(!list.excludes("AzureCloud.somewhere"));
    }

    #[test]
    fn a_list_has_an_age() {
        let at = |text: &str| text.parse().expect("a time");
        let list = built_in_list();
        assert_eq!(list.is_current(at("2025-12-01T00:00:00Z")), Some(true));
        assert_eq!(list.is_current(at("2026-03-01T00:00:00Z")), Some(false));
        let edition = |change_number| ServiceTags { change_number, ..ServiceTags::default() };
        assert_eq!(edition(193).is_current(at("2026-03-01T00:00:00Z")), Some(false));
        assert_eq!(edition(900).is_current(at("2026-03-01T00:00:00Z")), None);
    }
}
