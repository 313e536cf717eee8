//! What the words of a rule mean in addresses: service tags, and the ranges of Entra that are asked
//! about.

use super::addresses::Addresses;
use crate::{
    check::Missing,
    evidence::Evidence,
    facts::{NotObserved, azure_network::Endpoint, cloud::CloudKind},
    support::service_tags::{BUILT_IN_DATE, ENTRA, IpNet, SIGN_IN_RANGES, ServiceTags, built_in},
};

/// The tag of every public address of Azure.
const AZURE: &str = "AzureCloud";

/// Addresses that any rule may be held against.
pub struct Tags<'a> {
    published: Option<&'a ServiceTags>,
    /// The addresses of the sign-in hosts and of Microsoft Graph.
    pub entra: Addresses,
    /// Those of them that their names resolve to nearly always.
    pub main: Addresses,
}

/// A part of a set of addresses.
pub struct Part {
    /// The addresses.
    pub addresses: Addresses,
    /// Whether it may be more than that: a tag whose prefixes are not known here.
    pub perhaps_more: bool,
}

impl<'a> Tags<'a> {
    /// What is known in this run: a published list, or the built-in one for the public cloud.
    ///
    /// # Errors
    /// Entra's addresses in this cloud are not known.
    pub fn of(seen: &'a Evidence) -> Result<Self, Missing> {
        let kind =
            seen.settings.seen().map_or(CloudKind::Public, |settings| settings.cloud.value.kind);
        let cloud = match kind {
            CloudKind::Public => "Public",
            CloudKind::UsGov => "AzureGovernment",
            CloudKind::China => "AzureChina",
            CloudKind::Custom => "",
        };
        let published = seen
            .azure
            .seen()
            .and_then(|azure| azure.service_tags.seen())
            .filter(|tags| cloud.is_empty() || tags.cloud.is_empty() || like(&tags.cloud, cloud))
            .filter(|tags| tags.tag(ENTRA).is_some());
        let ranges = |count| {
            let nets: Vec<IpNet> =
                SIGN_IN_RANGES.iter().take(count).filter_map(|net| net.parse().ok()).collect();
            Addresses::of(&nets)
        };
        if kind == CloudKind::Public {
            return Ok(Self { published, entra: ranges(SIGN_IN_RANGES.len()), main: ranges(2) });
        }
        let Some(tag) = published.and_then(|tags| tags.tag(ENTRA)) else {
            let detail = "Entra's addresses in this cloud are not built in; give its ServiceTags \
                file with --azure-config";
            return Err(Missing(NotObserved::NotPermitted { detail: detail.to_owned() }));
        };
        let entra = Addresses::of(&tag.prefixes);
        Ok(Self { published, main: entra.clone(), entra })
    }

    /// Where the addresses are from.
    #[must_use]
    pub fn origin(&self) -> String {
        match self.published {
            Some(tags) => format!(
                "Entra's addresses are those of the published list of service tags no. {}",
                tags.change_number
            ),
            None => format!("Entra's addresses are those of the built-in list of {BUILT_IN_DATE}"),
        }
    }

    /// Which of these public addresses a rule's source or destination holds.
    #[must_use]
    pub fn part(&self, endpoint: &Endpoint, of: &Addresses) -> Part {
        let exactly = |addresses| Part { addresses, perhaps_more: false };
        match endpoint {
            Endpoint::Any => exactly(of.clone()),
            Endpoint::Prefix(net) => exactly(of.and(&Addresses::of([net]))),
            // Application security groups hold machines of the network, never Entra.
            Endpoint::Group(_) => exactly(Addresses::default()),
            Endpoint::Tag(name) => self.part_of_tag(name, of),
        }
    }

    /// The prefixes of a tag as far as they are known, for routes.
    #[must_use]
    pub fn prefixes(&self, name: &str) -> &[IpNet] {
        match self.published.and_then(|tags| tags.tag(name)) {
            Some(tag) => &tag.prefixes,
            None if like(name, ENTRA) => &built_in().prefixes,
            None => &[],
        }
    }

    fn part_of_tag(&self, name: &str, of: &Addresses) -> Part {
        let exactly = |addresses| Part { addresses, perhaps_more: false };
        if like(name, "Internet") {
            return exactly(of.clone());
        }
        if let Some(tag) = self.published.and_then(|tags| tags.tag(name)) {
            return exactly(of.and(&Addresses::of(&tag.prefixes)));
        }
        if like(name, ENTRA) {
            return exactly(of.and(&self.entra));
        }
        if like(name, AZURE) {
            // Of the public cloud's list of 2025-07-22, it held the whole of the main ranges and
            // three quarters of the others.
            return Part { addresses: of.and(&self.main), perhaps_more: true };
        }
        let kin = [AZURE, ENTRA]
            .iter()
            .any(|tag| name.get(..=tag.len()).is_some_and(|head| like(head, &format!("{tag}."))));
        Part { addresses: Addresses::default(), perhaps_more: kin }
    }
}

/// Azure's names are compared without letter case.
#[must_use]
pub fn like(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::Tags;
    use crate::{
        facts::{NotObserved, azure_network::Endpoint},
        support::testing::healthy_but,
    };
    use serde_json::json;

    #[test]
    fn another_cloud_needs_its_own_list() {
        let usgov = ("/settings/seen/cloud/value/kind", json!("us_gov"));
        let without = healthy_but(std::slice::from_ref(&usgov));
        let missing = Tags::of(&without).err().expect("nothing is built in");
        assert!(matches!(missing.0, NotObserved::NotPermitted { .. }));
        let list = |cloud: &str| {
            json!({"seen": {"service_tags": {"seen": {"cloud": cloud, "change_number": 7, "tags": [
                {"name": "AzureActiveDirectory", "prefixes": ["52.227.0.0/24"]}]}}}})
        };
        let seen = healthy_but(&[usgov.clone(), ("/azure", list("AzureGovernment"))]);
        let tags = Tags::of(&seen).expect("a list");
        assert_eq!(tags.entra.count(), 256);
        let half = Endpoint::Prefix("52.227.0.0/25".parse().expect("a prefix"));
        assert_eq!(tags.part(&half, &tags.entra).addresses.count(), 128);
        let seen = healthy_but(&[usgov, ("/azure", list("Public"))]);
        assert!(Tags::of(&seen).is_err(), "the list of another cloud");
    }

    #[test]
    fn a_tag_of_unknown_size_may_hold_more() {
        let seen = healthy_but(&[]);
        let tags = Tags::of(&seen).expect("the public cloud");
        let part = |name: &str| tags.part(&Endpoint::Tag(name.to_owned()), &tags.entra);
        assert!(part("AzureCloud.westeurope").perhaps_more);
        assert!(part("AzureCloud").perhaps_more);
        assert!(!part("Storage").perhaps_more);
        assert_eq!(part("azureactivedirectory").addresses, tags.entra);
        assert!(part("VirtualNetwork").addresses.is_empty());
    }
}
