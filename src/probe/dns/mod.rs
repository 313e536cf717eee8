//! Name resolution: what every nameserver says, and what the system's own lookup gives a program.

pub(crate) mod hosts;
pub(crate) mod question;
pub(crate) mod resolver;
mod system;

use crate::context::Context;
use entra_pg_checks::{
    Fact,
    facts::dns::{
        Name, RecordType, ResolverSettings, Role, SearchCapture, SystemLookup, Transport,
    },
};
use futures::{future::join_all, join};
pub use resolver::{add_azure, are_of_azure, resolver_settings};
pub use system::{Lookups, system_lookup};

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
    let asked = resolver.search.iter().take(6).map(|suffix| async move {
        let extended = format!("{name}.{suffix}");
        let answer = question::ask(cx, &extended, nameserver, RecordType::A, Transport::Udp).await;
        (extended, question::addresses(&answer))
    });
    // At once, and the first that is used counts.
    join_all(asked).await.into_iter().find_map(|(name, addresses)| {
        let used = system.seen().is_some_and(|lookup| {
            addresses.iter().any(|address| lookup.addresses.contains(address))
        });
        used.then_some(SearchCapture { name, addresses })
    })
}
