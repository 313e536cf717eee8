//! The JSON, as a stream: what is known is kept and what is not is passed over, so that neither the
//! size nor the depth of a file costs memory. Everything has a limit.

use entra_pg_checks::support::service_tags::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// Azure's names and ids are shorter by far.
const LONGEST_TEXT: usize = 4096;
/// Azure's own limits on documents, rules and routes are lower by far.
const MOST_DOCUMENTS: usize = 5_000;
const MOST_PARTS: usize = 10_000;
/// The largest tag has some 10,000 prefixes.
const MOST_PREFIXES: usize = 100_000;

/// A text of reasonable length; `null` and an empty one count as absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(Option<String>);

impl Text {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.0.clone()
    }

    pub(crate) fn or_empty(&self) -> String {
        self.0.clone().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                if text.len() > LONGEST_TEXT {
                    return Err(E::custom(format!("a text of {} bytes", text.len())));
                }
                Ok(Text((!text.is_empty()).then(|| text.to_owned())))
            }

            fn visit_unit<E: Error>(self) -> Result<Text, E> {
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A list of at most so many; `null` counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct List<T, const MOST: usize>(pub(crate) Option<Vec<T>>);

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T, const MOST: usize> List<T, MOST> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(crate) fn given(&self) -> bool {
        self.0.is_some()
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reader<T, MOST> {
            type Value = List<T, MOST>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                limited(seq, MOST).map(|list| List(Some(list)))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(List(None))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

fn limited<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut seq: A,
    most: usize,
) -> Result<Vec<T>, A::Error> {
    let mut list = Vec::new();
    while let Some(item) = seq.next_element()? {
        if list.len() == most {
            return Err(A::Error::custom(format!("a list of more than {most}")));
        }
        list.push(item);
    }
    Ok(list)
}

/// `value`: the items of a list of REST, or the value of a parameter.
#[derive(Clone, Debug, Default)]
pub(crate) enum Payload {
    #[default]
    Absent,
    Items(Vec<Document>),
    Text(String),
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Payload;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list or a text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Payload, A::Error> {
                limited(seq, MOST_DOCUMENTS).map(Payload::Items)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Payload, E> {
                Ok(Payload::Text(text.chars().take(LONGEST_TEXT).collect()))
            }

            fn visit_unit<E: Error>(self) -> Result<Payload, E> {
                Ok(Payload::Absent)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A number, also where it is written as a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Number(pub(crate) Option<u64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                text.parse()
                    .map(|number| Number(Some(number)))
                    .map_err(|_| E::custom(format!("{text:.20} is no number")))
            }

            fn visit_unit<E: Error>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// True or false, also as a text; anything else counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flag(pub(crate) Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Flag;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true or false")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(Some(value)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
                Ok(Flag(text.to_ascii_lowercase().parse().ok()))
            }

            fn visit_unit<E: Error>(self) -> Result<Flag, E> {
                Ok(Flag(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// IPv4 prefixes of a service tag; IPv6 ones are passed over, since servers in networks have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes(pub(crate) Vec<IpNet>);

impl<'de> Deserialize<'de> for Prefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Prefixes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of address prefixes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Prefixes, A::Error> {
                let mut prefixes = Vec::new();
                let mut count = 0;
                while let Some(prefix) = seq.next_element::<IpNet>()? {
                    count += 1;
                    if count > MOST_PREFIXES {
                        return Err(A::Error::custom(format!(
                            "more than {MOST_PREFIXES} prefixes"
                        )));
                    }
                    if matches!(prefix, IpNet::V4(_)) {
                        prefixes.push(prefix.trunc());
                    }
                }
                Ok(Prefixes(prefixes))
            }

            fn visit_unit<E: Error>(self) -> Result<Prefixes, E> {
                Ok(Prefixes::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Any of the documents that are understood: the keys of all of them. Those that are there tell which
/// it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) properties: Option<Box<Document>>,
    pub(crate) id: Text,
    pub(crate) name: Text,
    #[serde(rename = "type")]
    pub(crate) kind: Text,
    pub(crate) value: Payload,
    pub(crate) next_link: Text,
    // A subscription.
    pub(crate) subscription_id: Text,
    // A published list of service tags.
    pub(crate) values: List<TagDocument, MOST_PARTS>,
    pub(crate) change_number: Number,
    pub(crate) cloud: Text,
    // A flexible server.
    pub(crate) fully_qualified_domain_name: Text,
    pub(crate) state: Text,
    pub(crate) auth_config: Option<AuthConfig>,
    pub(crate) network: Option<NetworkOfServer>,
    pub(crate) private_endpoint_connections: List<EndpointConnection, MOST_PARTS>,
    pub(crate) sku: Option<Sku>,
    // An administrator.
    pub(crate) principal_type: Text,
    pub(crate) principal_name: Text,
    pub(crate) object_id: Text,
    pub(crate) tenant_id: Text,
    // A firewall rule.
    pub(crate) start_ip_address: Text,
    pub(crate) end_ip_address: Text,
    // A security group.
    pub(crate) security_rules: List<RuleDocument, MOST_PARTS>,
    pub(crate) default_security_rules: List<RuleDocument, MOST_PARTS>,
    // A route table.
    pub(crate) routes: List<RouteDocument, MOST_PARTS>,
    pub(crate) disable_bgp_route_propagation: Flag,
    // A virtual network; groups and tables have subnets, too.
    pub(crate) subnets: List<SubnetDocument, MOST_PARTS>,
    pub(crate) address_space: Option<AddressSpace>,
    pub(crate) dhcp_options: Option<DhcpOptions>,
    pub(crate) virtual_network_peerings: List<Peering, MOST_PARTS>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TagDocument {
    pub(crate) properties: Option<Box<TagDocument>>,
    pub(crate) name: Text,
    pub(crate) address_prefixes: Prefixes,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AuthConfig {
    #[serde(alias = "microsoftEntraAuth")]
    pub(crate) active_directory_auth: Text,
    pub(crate) password_auth: Text,
    pub(crate) tenant_id: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NetworkOfServer {
    pub(crate) public_network_access: Text,
    pub(crate) delegated_subnet_resource_id: Text,
    pub(crate) private_dns_zone_arm_resource_id: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EndpointConnection {
    pub(crate) properties: Option<Box<EndpointConnection>>,
    pub(crate) id: Text,
    pub(crate) name: Text,
    pub(crate) private_endpoint: Option<Reference>,
    pub(crate) private_link_service_connection_state: Option<ConnectionState>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectionState {
    pub(crate) status: Text,
    pub(crate) description: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    pub(crate) id: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sku {
    pub(crate) tier: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleDocument {
    pub(crate) properties: Option<Box<RuleDocument>>,
    pub(crate) name: Text,
    pub(crate) priority: Number,
    pub(crate) direction: Text,
    pub(crate) access: Text,
    pub(crate) protocol: Text,
    pub(crate) source_port_range: Text,
    pub(crate) source_port_ranges: List<Text, MOST_PARTS>,
    pub(crate) destination_port_range: Text,
    pub(crate) destination_port_ranges: List<Text, MOST_PARTS>,
    pub(crate) source_address_prefix: Text,
    pub(crate) source_address_prefixes: List<Text, MOST_PARTS>,
    pub(crate) destination_address_prefix: Text,
    pub(crate) destination_address_prefixes: List<Text, MOST_PARTS>,
    pub(crate) source_application_security_groups: List<Reference, MOST_PARTS>,
    pub(crate) destination_application_security_groups: List<Reference, MOST_PARTS>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RouteDocument {
    pub(crate) properties: Option<Box<RouteDocument>>,
    pub(crate) name: Text,
    pub(crate) address_prefix: Text,
    pub(crate) next_hop_type: Text,
    pub(crate) next_hop_ip_address: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SubnetDocument {
    pub(crate) properties: Option<Box<SubnetDocument>>,
    pub(crate) id: Text,
    pub(crate) name: Text,
    pub(crate) address_prefix: Text,
    pub(crate) address_prefixes: List<Text, MOST_PARTS>,
    pub(crate) network_security_group: Option<Reference>,
    pub(crate) route_table: Option<Reference>,
    pub(crate) delegations: List<Delegation, MOST_PARTS>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Delegation {
    pub(crate) properties: Option<Box<Delegation>>,
    pub(crate) service_name: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddressSpace {
    pub(crate) address_prefixes: List<Text, MOST_PARTS>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DhcpOptions {
    pub(crate) dns_servers: List<Text, MOST_PARTS>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Peering {
    pub(crate) properties: Option<Box<Peering>>,
    pub(crate) remote_address_space: Option<AddressSpace>,
    pub(crate) use_remote_gateways: Flag,
}

/// One document at the top: an object, or a list of them.
struct Top(Vec<Document>);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Top;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object or a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Top, A::Error> {
                limited(seq, MOST_DOCUMENTS).map(Top)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Top, A::Error> {
                Document::deserialize(MapAccessDeserializer::new(map)).map(|one| Top(vec![one]))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Every document of a text, each list at the top as a list of its own.
///
/// # Errors
/// What is wrong, and where: line and column.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Vec<Document>>, String> {
    let mut documents = Vec::new();
    for top in serde_json::Deserializer::from_slice(bytes).into_iter::<Top>() {
        let Top(list) = top.map_err(|error| plain(&error))?;
        documents.push(list);
        if documents.len() > MOST_DOCUMENTS {
            return Err(format!("more than {MOST_DOCUMENTS} documents"));
        }
    }
    Ok(documents)
}

/// The library's words where they help, ours where they do not.
fn plain(error: &serde_json::Error) -> String {
    let text: String = error.to_string().chars().take(300).collect();
    if text.starts_with("recursion limit exceeded") {
        text.replace("recursion limit exceeded", "nested more deeply than any export")
    } else if error.is_data() {
        text
    } else {
        format!("not JSON: {text}")
    }
}
