//! Which sign-in addresses of Microsoft Entra ID a rule's source or destination holds, as far as that
//! is known.

use super::addresses::Addresses;
use crate::{
    evidence::Evidence,
    facts::{azure_network::Endpoint, cloud::CloudKind},
    support::service_tags::{
        BUILT_IN_DATE, ENTRA, IpNet, SIGN_IN_RANGES, ServiceTags, built_in_list,
    },
};
use std::net::Ipv4Addr;

/// Tags of the platform itself: addresses inside the host, never those of Entra.
/// Source: Microsoft Learn, "Virtual network service tags".
const PLATFORM: [&str; 4] =
    ["AzureLoadBalancer", "AzurePlatformDNS", "AzurePlatformIMDS", "AzurePlatformLKM"];

/// The command that decides what a service tag holds.
pub const LIST_COMMAND: &str = "the current ServiceTags file, or `az network list-service-tags -l $REGION -o json` (--azure-config)";

/// The address in place of Entra's when those of the cloud are not known. Source: RFC 5737.
const PLACEHOLDER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What is known about service tags in this run.
pub struct Tags<'a> {
    given: Option<&'a ServiceTags>,
    built_in: Option<&'static ServiceTags>,
    placeholder: bool,
    public: bool,
    origin: String,
    /// The addresses of the sign-in hosts and of Microsoft Graph.
    pub entra: Addresses,
    /// Those of them that the names nearly always resolve to.
    pub main: Addresses,
}

/// The part of a set of addresses that an endpoint holds.
pub enum Part {
    /// Exactly these.
    Exactly(Addresses),
    /// Any of them, and which is not known; the name identifies the unknown.
    Unknown(String),
    /// Those that Azure counts as part of the virtual network, or (`false`) those that it does not.
    Network(bool),
}

/// The cloud of the server in the documents, by its host name.
fn of_document(seen: &Evidence) -> Option<CloudKind> {
    let host = seen.azure.seen()?.server.seen()?.host.as_deref()?.to_ascii_lowercase();
    if host.ends_with(".database.usgovcloudapi.net") {
        Some(CloudKind::UsGov)
    } else if host.ends_with(".database.chinacloudapi.cn") {
        Some(CloudKind::China)
    } else {
        None
    }
}

impl<'a> Tags<'a> {
    /// What is known in this run: a given list, and the built-in one while it is current.
    #[must_use]
    pub fn of(seen: &'a Evidence) -> Self {
        let kind = of_document(seen).unwrap_or_else(|| {
            seen.settings.seen().map_or(CloudKind::Public, |settings| settings.cloud.value.kind)
        });
        let cloud = match kind {
            CloudKind::Public => "Public",
            CloudKind::UsGov => "AzureGovernment",
            CloudKind::China => "AzureChina",
            CloudKind::Custom => "",
        };
        let given =
            seen.azure.seen().and_then(|azure| azure.service_tags.seen()).filter(|tags| {
                cloud.is_empty() || tags.cloud.is_empty() || like(&tags.cloud, cloud)
            });
        let public = kind == CloudKind::Public;
        let current = built_in_list().is_current(seen.observed_at) == Some(true);
        let built_in = (public && current).then(built_in_list);
        let (entra, main, placeholder) = if public {
            (ranges(SIGN_IN_RANGES.len()), ranges(2), false)
        } else if let Some(tag) = given.and_then(|tags| tags.tag(ENTRA)) {
            let all = Addresses::of(&tag.prefixes);
            (all.clone(), all, false)
        } else {
            let one = Addresses::of(&[IpNet::from(std::net::IpAddr::V4(PLACEHOLDER))]);
            (one.clone(), one, true)
        };
        let origin = origin(given, seen, placeholder);
        Self { given, built_in, placeholder, public, origin, entra, main }
    }

    /// Whether the addresses of Entra in this cloud are not known.
    #[must_use]
    pub const fn is_placeholder(&self) -> bool {
        self.placeholder
    }

    /// The source and the date of the addresses.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Which of the sign-in addresses a rule's source or destination holds.
    #[must_use]
    pub fn part(&self, endpoint: &Endpoint) -> Part {
        match endpoint {
            Endpoint::Any => Part::Exactly(self.entra.clone()),
            Endpoint::Prefix(net) => self.part_of_prefix(*net),
            // Application security groups hold machines of the network, never Entra.
            Endpoint::Group(_) => Part::Exactly(Addresses::default()),
            Endpoint::Tag(name) => self.part_of_tag(name),
        }
    }

    fn part_of_prefix(&self, net: IpNet) -> Part {
        let IpNet::V4(inner) = net else { return Part::Exactly(Addresses::default()) };
        if inner.prefix_len() == 0 {
            return Part::Exactly(self.entra.clone());
        }
        let local = inner.network().is_private() || inner.network().is_link_local();
        if self.placeholder && !local {
            return Part::Unknown(net.to_string());
        }
        Part::Exactly(self.entra.and(&Addresses::of([&net])))
    }

    fn part_of_tag(&self, name: &str) -> Part {
        if like(name, "Internet") || like(name, "VirtualNetwork") {
            return Part::Network(like(name, "VirtualNetwork"));
        }
        // A rule that names the tag covers Entra, whatever the age of the list.
        if like(name, ENTRA) {
            return Part::Exactly(self.entra.clone());
        }
        match self.known(name) {
            Some(nets) => Part::Exactly(self.entra.and(&Addresses::of(nets))),
            None => Part::Unknown(name.to_owned()),
        }
    }

    /// The prefixes of a tag within the sign-in ranges, if they are known. Of AzureActiveDirectory,
    /// the sign-in ranges are part in any edition.
    #[must_use]
    pub fn prefixes(&self, name: &str) -> Option<Vec<IpNet>> {
        if !like(name, ENTRA) {
            return self.known(name).map(<[IpNet]>::to_vec);
        }
        let mut nets = self.known(name).map(<[IpNet]>::to_vec).unwrap_or_default();
        if self.placeholder {
            nets.push(IpNet::from(std::net::IpAddr::V4(PLACEHOLDER)));
        } else if !self.entra.without(&Addresses::of(&nets)).is_empty() {
            nets.extend(SIGN_IN_RANGES.iter().filter_map(|net| net.parse::<IpNet>().ok()));
        }
        Some(nets)
    }

    /// Whether which sign-in addresses a tag holds changes from one edition of the list to the next.
    #[must_use]
    pub fn depends_on_the_list(&self, name: &str) -> bool {
        let own = ["Internet", "VirtualNetwork", ENTRA].iter().any(|tag| like(tag, name));
        let built_in = built_in_list();
        !own && (built_in.tag(name).is_some()
            || name.get(..10).is_some_and(|head| like(head, "AzureCloud")))
    }

    /// The list that decides, if it is older than six months.
    #[must_use]
    pub fn outdated(&self, seen: &Evidence) -> Option<String> {
        let (name, list) = match self.given {
            Some(list) => (format!("the given list (edition {})", list.change_number), list),
            None if self.public => {
                (format!("the built-in list of {BUILT_IN_DATE}"), built_in_list())
            }
            None => return None,
        };
        (list.is_current(seen.observed_at) == Some(false)).then_some(name)
    }

    fn known(&self, name: &str) -> Option<&[IpNet]> {
        if unreadable(name) {
            return None;
        }
        let lists = || self.given.into_iter().chain(self.built_in);
        if let Some(tag) = lists().find_map(|list| list.tag(name)) {
            return Some(&tag.prefixes);
        }
        let unrelated = PLATFORM.iter().any(|tag| like(tag, name))
            || lists().any(|list| list.excludes(name))
            // Which services share Entra's ranges does not change from one edition to the next.
            || built_in_list().excludes(name);
        unrelated.then_some(&[])
    }
}

fn ranges(count: usize) -> Addresses {
    let nets: Vec<IpNet> =
        SIGN_IN_RANGES.iter().take(count).filter_map(|net| net.parse().ok()).collect();
    Addresses::of(&nets)
}

fn origin(given: Option<&ServiceTags>, seen: &Evidence, placeholder: bool) -> String {
    let Some(list) = given else {
        return if placeholder {
            "the addresses of Entra in this cloud are not built in".to_owned()
        } else {
            let list = built_in_list();
            format!("service tags by {}", described("the built-in list", list, seen))
        };
    };
    let name = format!("the given list, edition {}", list.change_number);
    format!("service tags by {}", described(&name, list, seen))
}

/// A list with its date and its age.
#[must_use]
pub fn described(name: &str, list: &ServiceTags, seen: &Evidence) -> String {
    let date = list.published().map(|date| match list.date {
        Some(_) => format!(", published on {date}"),
        None => format!(", published by {date}"),
    });
    let age = match list.is_current(seen.observed_at) {
        Some(true) => "",
        Some(false) => " (older than six months)",
        None => " (date unknown)",
    };
    format!("{name}{}{age}", date.unwrap_or_default())
}

/// Whether a name is not that of a service tag, but what a document has in place of an address that is
/// not understood: it may hold any address.
#[must_use]
pub fn unreadable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Compares without letter case, as Azure compares names.
#[must_use]
pub fn like(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::{Part, Tags};
    use crate::{facts::azure_network::Endpoint, support::testing::healthy_but};
    use serde_json::json;

    fn count(tags: &Tags<'_>, endpoint: &Endpoint) -> Option<u64> {
        match tags.part(endpoint) {
            Part::Exactly(addresses) => Some(addresses.count()),
            Part::Unknown(_) | Part::Network(_) => None,
        }
    }

    #[test]
    fn another_cloud_needs_its_own_list() {
        let usgov = ("/settings/seen/cloud/value/kind", json!("us_gov"));
        let half = Endpoint::Prefix("52.227.0.0/25".parse().expect("a prefix"));
        let without = healthy_but(std::slice::from_ref(&usgov));
        let tags = Tags::of(&without);
        assert_eq!(count(&tags, &half), None);
        assert_eq!(count(&tags, &Endpoint::Tag("AzureActiveDirectory".to_owned())), Some(1));
        let list = |cloud: &str| {
            json!({"seen": {"service_tags": {"seen": {"cloud": cloud, "change_number": 7, "tags": [
                {"name": "AzureActiveDirectory", "prefixes": ["52.227.0.0/24"]}]}}}})
        };
        let seen = healthy_but(&[usgov.clone(), ("/azure", list("AzureGovernment"))]);
        let tags = Tags::of(&seen);
        assert_eq!((tags.entra.count(), count(&tags, &half)), (256, Some(128)));
        let seen = healthy_but(&[usgov, ("/azure", list("Public"))]);
        assert_eq!(count(&Tags::of(&seen), &half), None, "the list of another cloud");
    }

    #[test]
    fn the_built_in_list_decides_only_while_it_is_current() {
        let tag = |name: &str| Endpoint::Tag(name.to_owned());
        let old = healthy_but(&[]);
        let tags = Tags::of(&old);
        assert_eq!(count(&tags, &tag("AzureCloud")), None);
        assert_eq!(count(&tags, &tag("Storage.westeurope")), Some(0));
        assert_eq!(count(&tags, &tag("azureactivedirectory")), Some(tags.entra.count()));
        let current = healthy_but(&[("/observed_at", json!("2025-09-01T00:00:00Z"))]);
        let tags = Tags::of(&current);
        assert_eq!(count(&tags, &tag("AzureCloud")), Some(44_928));
        assert_eq!(count(&tags, &tag("AzureCloud.nowhere")), None);
    }
}
