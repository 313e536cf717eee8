//! Name resolution: what every nameserver says, and what the system's own lookup gives a program.

mod hosts;
mod question;
mod system;

use crate::context::Context;
use entra_pg_checks::{
    Fact,
    facts::dns::{
        Name, Nameserver, NameserverOrigin, RecordType, ResolverSettings, Role, SearchCapture,
        SystemLookup, Transport,
    },
};
use futures::{future::join_all, join};
use std::net::SocketAddr;
pub use system::system_lookup;

const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How this machine resolves names, and who is asked besides.
#[must_use]
pub fn resolver_settings(_cx: &Context, extra: &[SocketAddr]) -> ResolverSettings {
    let mut settings = match hickory_resolver::system_conf::read_system_conf() {
        Ok((config, options)) => ResolverSettings {
            nameservers: config
                .name_servers()
                .iter()
                .map(|server| (server.ip, server.connections.first().map_or(53, |c| c.port)))
                .map(|address| Nameserver {
                    address: address.into(),
                    origin: NameserverOrigin::System,
                })
                .collect(),
            search: config.search().iter().map(plain).filter(|name| !name.is_empty()).collect(),
            ndots: u32::try_from(options.ndots).unwrap_or(u32::MAX),
            source: RESOLV_CONF.to_owned(),
            unreadable: None,
        },
        Err(error) => ResolverSettings {
            source: RESOLV_CONF.to_owned(),
            unreadable: Some(error.to_string()),
            ..ResolverSettings::default()
        },
    };
    for &address in extra {
        settings.nameservers.push(Nameserver { address, origin: NameserverOrigin::Option });
    }
    let mut seen = Vec::new();
    settings.nameservers.retain(|nameserver| {
        let new = !seen.contains(&nameserver.address);
        seen.push(nameserver.address);
        new
    });
    settings
}

/// One name over every nameserver, both families at once, while the system's lookup is under way.
/// The authority's name is asked over TCP, too, to see whether large answers get through.
pub async fn name_facts(
    cx: &Context,
    name: &str,
    role: Role,
    resolver: &ResolverSettings,
    lookup: impl Future<Output = Fact<SystemLookup>>,
) -> Name {
    let mut questions = Vec::new();
    for nameserver in &resolver.nameservers {
        let address = nameserver.address;
        for record in [RecordType::A, RecordType::Aaaa] {
            questions.push((address, record, Transport::Udp));
        }
        if role == Role::Authority {
            questions.push((address, RecordType::A, Transport::Tcp));
        }
    }
    let asked = questions
        .into_iter()
        .map(|(address, record, transport)| question::ask(cx, name, address, record, transport));
    let system = async {
        let system = lookup.await;
        let captured = capture(cx, name, resolver, &system).await;
        (system, captured)
    };
    let (answers, (system, captured_by_search)) = join!(join_all(asked), system);
    Name {
        name: name.to_owned(),
        role,
        hosts_file: hosts::entries(name),
        system,
        answers,
        captured_by_search,
    }
}

/// Whether a search suffix answers for a name that has fewer dots than `ndots`: then the system's
/// lookup takes that answer before it asks for the name itself.
async fn capture(
    cx: &Context,
    name: &str,
    resolver: &ResolverSettings,
    system: &Fact<SystemLookup>,
) -> Option<SearchCapture> {
    let dots = u32::try_from(name.matches('.').count()).unwrap_or(u32::MAX);
    if dots >= resolver.ndots {
        return None;
    }
    let nameserver = resolver.nameservers.first()?.address;
    for suffix in resolver.search.iter().take(6) {
        let extended = format!("{name}.{suffix}");
        let answer = question::ask(cx, &extended, nameserver, RecordType::A, Transport::Udp).await;
        let addresses = question::addresses(&answer);
        let used = system.seen().is_some_and(|lookup| {
            addresses.iter().any(|address| lookup.addresses.contains(address))
        });
        if used {
            return Some(SearchCapture { name: extended, addresses });
        }
    }
    None
}

fn plain(name: &impl ToString) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}
