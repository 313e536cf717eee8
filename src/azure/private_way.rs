//! The private endpoints of a server that only other documents show: the list of its connections, and
//! the documents of the endpoints.

use entra_pg_checks::{
    facts::azure::{Azure, FlexibleServer, PrivateEndpoint},
    support::azure::tags::like,
};

/// Adds what the server's own document lacks: it can be older, and not every API version has the list.
pub(super) fn complete(server: &mut FlexibleServer, azure: &Azure) {
    for one in azure.connections.seen().into_iter().flatten() {
        let Some(owner) = owner(&one.connection) else { continue };
        let known =
            server.private_endpoints.iter().any(|known| like(&known.connection, &one.connection));
        if is_of(server, owner) && !known {
            server.private_endpoints.push(one.clone());
        }
    }
    for one in azure.endpoints.seen().into_iter().flatten() {
        let target = one.target.as_deref().unwrap_or_default();
        let is =
            |known: &PrivateEndpoint| known.endpoint.as_deref().is_some_and(|id| like(id, &one.id));
        let Some(status) = &one.status else { continue };
        if is_of(server, target) && !server.private_endpoints.iter().any(is) {
            server.private_endpoints.push(PrivateEndpoint {
                name: one.name.clone(),
                endpoint: Some(one.id.clone()),
                status: status.clone(),
                ..PrivateEndpoint::default()
            });
        }
    }
}

/// The server of a connection.
fn owner(connection: &str) -> Option<&str> {
    let (path, _) = connection.rsplit_once('/')?;
    let (owner, kind) = path.rsplit_once('/')?;
    like(kind, "privateEndpointConnections").then_some(owner)
}

/// Whether a resource id is this server's; by its name if its document has no id.
fn is_of(server: &FlexibleServer, id: &str) -> bool {
    if !server.id.is_empty() {
        return like(&server.id, id);
    }
    let mut parts = id.rsplit('/');
    let name = parts.next().unwrap_or_default();
    parts.next().is_some_and(|kind| like(kind, "flexibleServers")) && like(name, &server.name)
}

#[cfg(test)]
mod tests {
    use super::complete;
    use entra_pg_checks::facts::{
        Fact,
        azure::{Azure, Endpoint, FlexibleServer, PrivateEndpoint},
    };

    const ID: &str = "/subscriptions/s/resourceGroups/rg/providers/\
        Microsoft.DBforPostgreSQL/flexibleServers/pg";

    fn server() -> FlexibleServer {
        FlexibleServer { id: ID.to_owned(), name: "pg".to_owned(), ..FlexibleServer::default() }
    }

    fn connection(server: &str) -> Azure {
        let one = PrivateEndpoint {
            connection: format!("{server}/PrivateEndpointConnections/pe.1"),
            status: "Approved".to_owned(),
            ..PrivateEndpoint::default()
        };
        Azure { connections: Fact::Seen(vec![one]), ..Azure::default() }
    }

    fn endpoint(target: &str) -> Azure {
        let one = Endpoint {
            id: "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/privateEndpoints/pe"
                .to_owned(),
            target: Some(target.to_owned()),
            status: Some("Pending".to_owned()),
            ..Endpoint::default()
        };
        Azure { endpoints: Fact::Seen(vec![one]), ..Azure::default() }
    }

    #[test]
    fn other_documents_show_the_private_way() {
        for azure in [connection(&ID.to_uppercase()), endpoint(ID)] {
            let mut server = server();
            complete(&mut server, &azure);
            complete(&mut server, &azure);
            assert_eq!(server.private_endpoints.len(), 1, "{:?}", server.private_endpoints);
        }
    }

    #[test]
    fn those_of_another_server_do_not_count() {
        let other = ID.replace("/pg", "/pg2");
        for azure in [connection(&other), endpoint(&other), endpoint("/x/storageAccounts/pg")] {
            let mut server = server();
            complete(&mut server, &azure);
            assert!(server.private_endpoints.is_empty());
        }
    }
}
