//! Which server, which subnet, which security group and route table are meant.

use super::{security::Inside, tags::like, words::given};
use crate::{
    check::Missing,
    evidence::Evidence,
    facts::{
        Fact, NotObserved,
        azure::{Azure, FlexibleServer, Topology, id_part},
        azure_network::{RouteTable, SecurityGroup, Subnet, VirtualNetwork},
    },
};

/// The subnet of a server, or of one that is planned.
pub struct Place<'a> {
    azure: &'a Azure,
    /// Its resource id, where it is known.
    pub id: Option<&'a str>,
    /// What is known of it.
    pub subnet: Option<&'a Subnet>,
    /// Its network.
    pub network: Option<&'a VirtualNetwork>,
}

/// A rule set for a subnet.
pub enum Found<'a, T> {
    /// This one, and whether that is certain.
    This(&'a T, bool),
    /// The subnet has none.
    None,
}

/// The server that is meant.
///
/// # Errors
/// It was not given, or the export is of another server.
pub fn server(seen: &Evidence) -> Result<&FlexibleServer, Missing> {
    let server = given(&seen.azure.get()?.server, "the server's own document")?;
    match named(seen) {
        Some(wanted) if !server.name.is_empty() && !like(wanted, &server.name) => {
            let why = format!("the export is of another server, {}, than {wanted}", server.name);
            Err(Missing(NotObserved::NotApplicable { why }))
        }
        Some(_) | None => Ok(server),
    }
}

/// The entries of a list that are about the server that is meant.
///
/// # Errors
/// All of them are about another one.
pub fn of_server<'a, T>(
    seen: &Evidence,
    list: &'a [T],
    server: impl Fn(&T) -> Option<&str>,
) -> Result<Vec<&'a T>, Missing> {
    let wanted = seen
        .azure
        .seen()
        .and_then(|azure| azure.server.seen())
        .map(|known| known.name.as_str())
        .or_else(|| named(seen));
    let own: Vec<&T> = list
        .iter()
        .filter(|entry| match (server(entry), wanted) {
            (Some(name), Some(wanted)) => like(name, wanted),
            (None, _) | (_, None) => true,
        })
        .collect();
    if own.is_empty() && !list.is_empty() {
        let why = "the list that was given is another server's".to_owned();
        return Err(Missing(NotObserved::NotApplicable { why }));
    }
    Ok(own)
}

/// The first label of the host name, where it is the name of a flexible server.
fn named(seen: &Evidence) -> Option<&str> {
    let settings = seen.settings.seen()?;
    let host = settings.host.as_ref()?.value.trim_end_matches('.');
    let label = host.split('.').next()?;
    let suffix = &settings.cloud.value.server_suffix;
    let left = host.len().checked_sub(suffix.len() + 1)?;
    let of_azure = host.get(left + 1..).is_some_and(|end| like(end, suffix));
    of_azure.then_some(label)
}

impl<'a> Place<'a> {
    /// The subnet whose rules count for the server's way to Entra.
    ///
    /// # Errors
    /// The server is in no virtual network: its way to Entra is Microsoft's; or nothing was given.
    pub fn of(seen: &'a Evidence) -> Result<Self, Missing> {
        let azure = seen.azure.get()?;
        let id = match server(seen) {
            Ok(server) => match (server.topology(), &server.delegated_subnet) {
                (Topology::VirtualNetwork, Some(subnet)) => Some(subnet.as_str()),
                (Topology::Public, _) => return Err(elsewhere("has a public endpoint")),
                (_, _) => return Err(elsewhere("has private endpoints alone")),
            },
            // Nothing of a server was given, or nothing could be read: the files are of a subnet.
            Err(Missing(_)) if azure.server.seen().is_none() => None,
            Err(other) => return Err(other),
        };
        let networks = azure.networks.seen().map(Vec::as_slice).unwrap_or_default();
        let mut subnets = networks
            .iter()
            .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)));
        let found = match id {
            Some(id) => subnets.find(|(_, subnet)| like(&subnet.id, id)),
            None => {
                let mut delegated = subnets
                    .filter(|(_, subnet)| subnet.delegations.iter().any(|to| like(to, DELEGATION)));
                let first = delegated.next();
                if delegated.next().is_some() { None } else { first }
            }
        };
        Ok(Self {
            azure,
            id: id.or(found.map(|(_, subnet)| subnet.id.as_str())),
            subnet: found.map(|(_, subnet)| subnet),
            network: found.map(|(network, _)| network),
        })
    }

    /// The security group on the subnet.
    ///
    /// # Errors
    /// It was not given, or which of several it is cannot be told.
    pub fn security_group(&self) -> Result<Found<'a, SecurityGroup>, Missing> {
        let on_subnet = self.subnet.map(|subnet| subnet.security_group.as_deref());
        self.choose(&self.azure.security_groups, on_subnet, "security group", |group| {
            (&group.id, &group.subnets)
        })
    }

    /// The route table on the subnet.
    ///
    /// # Errors
    /// It was not given, or which of several it is cannot be told.
    pub fn route_table(&self) -> Result<Found<'a, RouteTable>, Missing> {
        let on_subnet = self.subnet.map(|subnet| subnet.route_table.as_deref());
        self.choose(&self.azure.route_tables, on_subnet, "route table", |table| {
            (&table.id, &table.subnets)
        })
    }

    /// The addresses inside.
    #[must_use]
    pub fn inside(&self) -> Inside<'a> {
        Inside {
            subnet: self.subnet.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default(),
            network: self
                .network
                .map(|network| network.address_space.as_slice())
                .unwrap_or_default(),
        }
    }

    fn choose<T>(
        &self,
        list: &'a Fact<Vec<T>>,
        on_subnet: Option<Option<&str>>,
        kind: &str,
        about: impl Fn(&T) -> (&String, &Vec<String>),
    ) -> Result<Found<'a, T>, Missing> {
        match on_subnet {
            Some(None) => return Ok(Found::None),
            Some(Some(id)) => {
                let name = id.rsplit('/').next().unwrap_or(id);
                let why = || not_given(&format!("the {kind} {name} of the server's subnet"));
                let all = match list.get() {
                    Ok(all) => all,
                    // It is known that there is one: not to have it is not to know.
                    Err(NotObserved::NotAsked) => return Err(why()),
                    Err(other) => return Err(other.into()),
                };
                let this = all.iter().find(|one| like(about(one).0, id));
                return this.map(|one| Found::This(one, true)).ok_or_else(why);
            }
            None => {}
        }
        let all = given(list, &format!("the {kind}"))?;
        let on_it = |one: &&T| {
            let (_, subnets) = about(one);
            self.id.is_some_and(|id| subnets.iter().any(|subnet| like(subnet, id)))
        };
        if let Some(one) = all.iter().find(on_it) {
            return Ok(Found::This(one, true));
        }
        // One that is put on other subnets, and not on this one, is not meant.
        let mut rest = all.iter().filter(|one| self.id.is_none() || about(one).1.is_empty());
        match (rest.next(), rest.next()) {
            (Some(one), None) => Ok(Found::This(one, self.id.is_none())),
            (Some(_), Some(_)) => Err(not_given(&format!(
                "which {kind} is on the server's subnet (`az network vnet show` tells)"
            ))),
            (None, _) => Err(not_given(&format!("the {kind} of the server's subnet"))),
        }
    }
}

/// Source: Microsoft Learn, "Network with private access" of Azure Database for PostgreSQL.
const DELEGATION: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

fn elsewhere(how: &str) -> Missing {
    let why = format!("the server {how}: its own way to Entra is Microsoft's, and open");
    Missing(NotObserved::NotApplicable { why })
}

fn not_given(what: &str) -> Missing {
    Missing(NotObserved::NotPermitted { detail: format!("{what} was not given") })
}

/// The name of a resource by its id.
#[must_use]
pub fn server_in(id: &str) -> Option<&str> {
    id_part(id, "flexibleServers")
}
