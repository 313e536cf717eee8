//! Name resolution: what every nameserver answers, and what the system's own lookup gives a program.

pub(crate) mod hosts;
pub(crate) mod question;
pub(crate) mod resolver;
pub(crate) mod routes;
mod system;

use crate::{
    environment::Environment, environment::vantage, probe::context::Context, time::milliseconds,
};
use entra_pg_checks::{
    Fact,
    facts::dns::{
        Answer, AnswerOutcome, Name, Nameserver, NameserverOrigin, RecordType, ResolverSettings,
        Role, SearchCapture, SystemLookup, Transport,
    },
};
use futures::{StreamExt, join, stream::FuturesUnordered};
use question::{Alive, Question};
pub(crate) use resolver::are_of_azure;
use resolver::{add_azure, resolver_settings};
use std::{
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};
pub(crate) use system::system_lookup;

/// The nameservers to query: this machine's, those of `--nameserver` and, inside Azure, Azure's own.
#[must_use]
pub(crate) fn nameservers(environment: &Environment, extra: &[SocketAddr]) -> ResolverSettings {
    let mut settings = resolver_settings(environment, extra);
    if vantage::in_azure(environment, are_of_azure(&settings)) == Some(true) {
        add_azure(&mut settings);
    }
    settings
}

/// How long a nameserver may still take after another has answered for both families and the system's
/// lookup has ended, in addition to ten times what that answer took.
const FOLLOW_UP: Duration = Duration::from_millis(400);

/// Asks every nameserver for a name, both families over both transports at once, during the system's
/// own lookup. A nameserver that does not answer delays nothing once another has answered.
pub(crate) async fn name_facts(
    cx: &Context,
    name: &str,
    role: Role,
    resolver: &ResolverSettings,
    lookup: impl Future<Output = Fact<SystemLookup>> + Clone,
) -> Name {
    let (answers, suffixes, system) = join!(
        answers(cx, name, resolver, lookup.clone()),
        suffixes(cx, name, resolver, lookup.clone()),
        lookup
    );
    let captured_by_search = capture(&suffixes, &system);
    Name {
        name: name.to_owned(),
        role,
        hosts_file: hosts::entries(name),
        system,
        answers,
        captured_by_search,
        search_unanswered: suffixes.unanswered,
    }
}

async fn answers(
    cx: &Context,
    name: &str,
    resolver: &ResolverSettings,
    lookup: impl Future<Output = Fact<SystemLookup>>,
) -> Vec<Answer> {
    let began = Instant::now();
    let questions = questions(name, resolver);
    let alive = Alive::default();
    let mut pending: FuturesUnordered<_> = questions
        .iter()
        .enumerate()
        .map(|(index, &question)| {
            let asking = question::ask(cx, name, question, &alive);
            async move { (index, asking.await) }
        })
        .collect();
    let mut answers: Vec<Option<Answer>> = vec![None; questions.len()];
    let certain = certain_nameserver(name, resolver);
    let mut lookup = pin!(lookup);
    let mut looked_up = false;
    let mut answered = None;
    while !pending.is_empty() {
        let end = answered.filter(|_| looked_up);
        let cut = async {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((index, answer)) = pending.next() => {
                note(cx, name, resolver, certain, &answer);
                answers[index] = Some(answer);
                if none_reached(resolver, &answers) {
                    cx.lookups.note(name, |hint| hint.unreachable = true);
                }
            }
            _ = &mut lookup, if !looked_up => {
                looked_up = true;
            }
            () = cut => break,
        }
        if answered.is_none() && both_families(&answers) {
            answered = Some(tokio::time::Instant::now() + FOLLOW_UP + 10 * began.elapsed());
        }
    }
    let cut = |question: &Question| Answer {
        nameserver: question.nameserver,
        transport: question.transport,
        record: question.record,
        edns: question.edns,
        outcome: if alive.is(question.nameserver) {
            AnswerOutcome::Slow
        } else {
            AnswerOutcome::Silent
        },
        elapsed_ms: milliseconds(began.elapsed()),
    };
    let all = questions.iter().zip(answers);
    all.map(|(question, answer)| answer.unwrap_or_else(|| cut(question))).collect()
}

/// The nameserver whose answer the C library is certain to get first: the first in the list, if the
/// hosts file and the search list do not answer before it.
fn certain_nameserver(name: &str, resolver: &ResolverSettings) -> Option<SocketAddr> {
    if !cfg!(target_os = "linux") || searched_first(name, resolver) {
        return None;
    }
    resolver.first_certain().filter(|_| hosts::entries(name).is_empty())
}

/// Records for the system's lookup what a nameserver answered over UDP to a query like the C library's.
fn note(
    cx: &Context,
    name: &str,
    resolver: &ResolverSettings,
    certain: Option<SocketAddr>,
    answer: &Answer,
) {
    let AnswerOutcome::Answered(reply) = &answer.outcome else {
        return;
    };
    let as_asked = answer.edns == resolver.has("edns0") && answer.transport == Transport::Udp;
    let system = resolver.system().any(|address| address == answer.nameserver);
    if !as_asked || !system {
        return;
    }
    let addresses = question::addresses(answer);
    let first = certain == Some(answer.nameserver);
    let truncated = reply.truncated;
    cx.lookups.note(name, |hint| {
        hint.address |= !addresses.is_empty();
        match answer.record {
            RecordType::A if first && !addresses.is_empty() && !truncated => {
                hint.first_ipv4 = Some(addresses);
            }
            RecordType::Aaaa if first => hint.first_ipv6_answered = true,
            RecordType::A | RecordType::Aaaa => {}
        }
    });
}

/// Whether a query over UDP has reached none of the system's nameservers.
fn none_reached(resolver: &ResolverSettings, answers: &[Option<Answer>]) -> bool {
    let unreached = |at: SocketAddr| {
        answers.iter().flatten().any(|answer| {
            answer.nameserver == at
                && answer.transport == Transport::Udp
                && matches!(
                    answer.outcome,
                    AnswerOutcome::Unreachable { .. } | AnswerOutcome::PortClosed
                )
        })
    };
    resolver.system().next().is_some() && resolver.system().all(unreached)
}

/// True once the queries for both families have an answer from any nameserver.
fn both_families(answers: &[Option<Answer>]) -> bool {
    [RecordType::A, RecordType::Aaaa].into_iter().all(|record| {
        let mut given = answers.iter().flatten().filter(|answer| answer.record == record);
        given.any(|answer| matches!(answer.outcome, AnswerOutcome::Answered(_)))
    })
}

/// Every query: with EDNS as the system does it, and over UDP also without, so that a network that
/// drops EDNS is recognized. Nameservers that the system asks for other names only are left out.
fn questions(name: &str, resolver: &ResolverSettings) -> Vec<Question> {
    let edns0 = resolver.has("edns0");
    let mut questions = Vec::new();
    let asked = |nameserver: &&Nameserver| {
        nameserver.origin != NameserverOrigin::System || resolver.asks(nameserver.address, name)
    };
    for nameserver in resolver.nameservers.iter().filter(asked) {
        let edns = edns0 && nameserver.origin == NameserverOrigin::System;
        let mut ways = vec![(Transport::Udp, edns), (Transport::Tcp, edns)];
        if edns {
            ways.push((Transport::Udp, false));
        }
        for (transport, edns) in ways {
            for record in [RecordType::A, RecordType::Aaaa] {
                questions.push(Question {
                    nameserver: nameserver.address,
                    record,
                    transport,
                    edns,
                });
            }
        }
    }
    questions
}

/// How many queries one name costs: the doctor's own, and those of the system's lookup.
#[must_use]
pub(crate) fn queries_per_name(name: &str, resolver: &ResolverSettings) -> usize {
    const FAMILIES: usize = 2;
    let suffixes = if searched_first(name, resolver) { resolver.search.len() } else { 0 };
    let own = questions(name, resolver).len() + FAMILIES * suffixes * resolver.system().count();
    own + FAMILIES * (1 + suffixes)
}

/// Whether the system asks for the name with its search suffixes before it asks for the name itself.
fn searched_first(name: &str, resolver: &ResolverSettings) -> bool {
    let dots = u32::try_from(name.matches('.').count()).unwrap_or(u32::MAX);
    dots < resolver.ndots && !resolver.search.is_empty()
}

/// What the nameservers answer to the names with a search suffix.
#[derive(Default)]
struct Suffixes {
    answered: Vec<SearchCapture>,
    unanswered: Vec<String>,
}

/// Asks for the name with every search suffix, if the system does so before it asks for the name
/// itself. The wait ends shortly after the system's lookup has ended.
async fn suffixes(
    cx: &Context,
    name: &str,
    resolver: &ResolverSettings,
    lookup: impl Future<Output = Fact<SystemLookup>>,
) -> Suffixes {
    let mut found = Suffixes::default();
    if !searched_first(name, resolver) {
        return found;
    }
    let alive = Alive::default();
    let edns = resolver.has("edns0");
    let mut asked: FuturesUnordered<_> = resolver
        .system()
        .flat_map(|nameserver| resolver.search.iter().map(move |suffix| (nameserver, suffix)))
        .flat_map(|asked| [RecordType::A, RecordType::Aaaa].map(|record| (asked, record)))
        .map(|((nameserver, suffix), record)| {
            let extended = format!("{name}.{suffix}");
            let question = Question { nameserver, record, transport: Transport::Udp, edns };
            let alive = &alive;
            async move {
                let answer = question::ask(cx, &extended, question, alive).await;
                (extended, answer)
            }
        })
        .collect();
    let ended = async {
        lookup.await;
        tokio::time::sleep(FOLLOW_UP).await;
    };
    let mut ended = pin!(ended);
    let mut silent: Vec<String> = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            next = asked.next() => next,
            () = &mut ended => None,
        };
        let Some((name, answer)) = next else {
            break;
        };
        let addresses = question::addresses(&answer);
        if !addresses.is_empty() {
            found.answered.push(SearchCapture { name, addresses });
        } else if answer.outcome == AnswerOutcome::Silent && !silent.contains(&name) {
            silent.push(name);
        }
    }
    let has_answer = |name: &String| found.answered.iter().any(|answer| answer.name == *name);
    silent.retain(|name| !has_answer(name));
    found.unanswered = silent;
    found
}

/// The name with a search suffix whose address the system's lookup gave.
fn capture(suffixes: &Suffixes, system: &Fact<SystemLookup>) -> Option<SearchCapture> {
    let found = system.seen().map(|lookup| lookup.addresses.as_slice()).unwrap_or_default();
    let used = |capture: &&SearchCapture| capture.addresses.iter().any(|ip| found.contains(ip));
    suffixes.answered.iter().find(used).cloned()
}

#[cfg(test)]
mod tests {
    use super::{Suffixes, capture, certain_nameserver, questions};
    use entra_pg_checks::{
        Fact,
        facts::dns::{
            DnsRoute, Nameserver, NameserverOrigin, ResolverSettings, SearchCapture, SystemLookup,
            Transport,
        },
    };

    fn resolver(options: &[&str]) -> ResolverSettings {
        let at = ["10.0.0.4:53", "10.0.0.5:53"].map(|at| at.parse().expect("an address"));
        let servers = at.map(|address| Nameserver { address, origin: NameserverOrigin::System });
        ResolverSettings {
            nameservers: servers.to_vec(),
            options: options.iter().map(ToString::to_string).collect(),
            lookup_order: Some("files dns".to_owned()),
            ndots: 1,
            ..ResolverSettings::default()
        }
    }

    #[test]
    fn only_the_first_nameserver_of_a_plain_setup_is_certain() {
        let name = "a.b.invalid";
        let first = certain_nameserver(name, &resolver(&[]));
        assert_eq!(first.is_some(), cfg!(target_os = "linux"));
        assert_eq!(certain_nameserver(name, &resolver(&["rotate"])), None);
        assert_eq!(certain_nameserver(name, &resolver(&["use-vc"])), None);
        let resolved =
            ResolverSettings { lookup_order: Some("files resolve".to_owned()), ..resolver(&[]) };
        assert_eq!(certain_nameserver(name, &resolved), None);
        let searched = ResolverSettings { ndots: 5, search: vec!["c".to_owned()], ..resolver(&[]) };
        assert_eq!(certain_nameserver(name, &searched), None);
    }

    #[test]
    fn with_edns0_a_plain_query_is_asked_as_well() {
        assert_eq!(questions("a.example", &resolver(&[])).len(), 8);
        let with = questions("a.example", &resolver(&["edns0"]));
        assert_eq!(with.len(), 12);
        assert_eq!(with.iter().filter(|q| q.edns && q.transport == Transport::Udp).count(), 4);
    }

    #[test]
    fn a_nameserver_is_asked_only_for_the_names_that_the_system_sends_to_it() {
        let route = |at: &str, domains: &[&str]| DnsRoute {
            interface: "tun0".to_owned(),
            domains: domains.iter().map(ToString::to_string).collect(),
            names: Vec::new(),
            default: domains.is_empty(),
            nameservers: vec![at.parse().expect("an address")],
            source: String::new(),
        };
        let routes = vec![route("10.0.0.4:53", &[]), route("10.0.0.5:53", &["corp.example"])];
        let resolver = ResolverSettings { routes, ..resolver(&[]) };
        assert_eq!(questions("pg.corp.example", &resolver).len(), 4);
        assert_eq!(
            questions("corp.example.org", &resolver)[0].nameserver.ip().to_string(),
            "10.0.0.4"
        );
    }

    #[test]
    fn a_suffix_captures_only_if_the_system_uses_its_address() {
        let address = "10.6.6.6".parse().expect("an address");
        let answered = vec![SearchCapture { name: "a.c".to_owned(), addresses: vec![address] }];
        let suffixes = Suffixes { answered, unanswered: Vec::new() };
        let lookup = |addresses| Fact::Seen(SystemLookup { addresses, ..SystemLookup::default() });
        assert!(capture(&suffixes, &lookup(vec![address])).is_some());
        assert!(capture(&suffixes, &lookup(Vec::new())).is_none());
    }
}
