//! Name resolution: what every nameserver says, and what the system's own lookup gives a program.

pub(crate) mod hosts;
pub(crate) mod question;
pub(crate) mod resolver;
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
pub use resolver::are_of_azure;
use resolver::{add_azure, resolver_settings};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
pub use system::system_lookup;

/// Everybody who is asked from here: this machine's nameservers, those of `--nameserver` and, inside
/// Azure, Azure's own.
#[must_use]
pub fn nameservers(environment: &Environment, extra: &[SocketAddr]) -> ResolverSettings {
    let mut settings = resolver_settings(extra);
    if vantage::in_azure(environment, are_of_azure(&settings)) == Some(true) {
        add_azure(&mut settings);
    }
    settings
}

/// How long a nameserver may still take after both families have been answered by another, beside
/// ten times what that took.
const PATIENCE: Duration = Duration::from_millis(400);

/// One name over every nameserver, both families and both transports at once, while the system's
/// lookup is under way. A nameserver that does not answer holds nobody up once another has.
pub async fn name_facts(
    cx: &Context,
    name: &str,
    role: Role,
    resolver: &ResolverSettings,
    lookup: impl Future<Output = Fact<SystemLookup>>,
) -> Name {
    let system = async {
        let system = lookup.await;
        let captured = capture(cx, name, resolver, &system).await;
        (system, captured)
    };
    let (answers, (system, captured_by_search)) = join!(answers(cx, name, resolver), system);
    Name {
        name: name.to_owned(),
        role,
        hosts_file: hosts::entries(name),
        system,
        answers,
        captured_by_search,
    }
}

async fn answers(cx: &Context, name: &str, resolver: &ResolverSettings) -> Vec<Answer> {
    let began = Instant::now();
    let questions = questions(&resolver.nameservers);
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
    let mut hinted = false;
    let mut patience = None;
    loop {
        let (index, answer) = match patience {
            None => match pending.next().await {
                Some(answered) => answered,
                None => break,
            },
            Some(end) => match tokio::time::timeout_at(end, pending.next()).await {
                Ok(Some(answered)) => answered,
                Ok(None) | Err(_) => break,
            },
        };
        answers[index] = Some(answer);
        if patience.is_none() && both_families(&answers) {
            patience = Some(tokio::time::Instant::now() + PATIENCE + 10 * began.elapsed());
        }
        if !hinted && let Some(addresses) = foreseen(&resolver.nameservers, &answers) {
            cx.lookups.hint(name, addresses);
            hinted = true;
        }
    }
    let cut = |question: &Question| Answer {
        nameserver: question.nameserver,
        transport: question.transport,
        record: question.record,
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

/// Whether the questions for both families have been answered, by whomsoever.
fn both_families(answers: &[Option<Answer>]) -> bool {
    [RecordType::A, RecordType::Aaaa].into_iter().all(|record| {
        let mut given = answers.iter().flatten().filter(|answer| answer.record == record);
        given.any(|answer| matches!(answer.outcome, AnswerOutcome::Answered(_)))
    })
}

fn questions(nameservers: &[Nameserver]) -> Vec<Question> {
    let mut questions = Vec::new();
    for nameserver in nameservers {
        for transport in [Transport::Udp, Transport::Tcp] {
            for record in [RecordType::A, RecordType::Aaaa] {
                questions.push(Question { nameserver: nameserver.address, record, transport });
            }
        }
    }
    questions
}

/// The addresses that the system is going to find: those of the first of its nameservers that
/// answers, once it has answered for both families.
fn foreseen(nameservers: &[Nameserver], answers: &[Option<Answer>]) -> Option<Vec<IpAddr>> {
    let system = nameservers.iter().filter(|server| server.origin == NameserverOrigin::System);
    for nameserver in system {
        let replied = |record| {
            answers.iter().flatten().find(|answer| {
                answer.nameserver == nameserver.address
                    && answer.record == record
                    && matches!(answer.outcome, AnswerOutcome::Answered(_))
            })
        };
        match (replied(RecordType::A), replied(RecordType::Aaaa)) {
            (None, None) => {}
            (Some(four), Some(six)) => {
                let addresses = [question::addresses(four), question::addresses(six)].concat();
                return (!addresses.is_empty()).then_some(addresses);
            }
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
    None
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
    let used = |addresses: &[IpAddr]| {
        let found = system.seen().map(|lookup| lookup.addresses.as_slice()).unwrap_or_default();
        addresses.iter().any(|address| found.contains(address))
    };
    let servers = resolver.nameservers.iter();
    let servers = servers.filter(|server| server.origin == NameserverOrigin::System);
    let alive = Alive::default();
    let mut asked: FuturesUnordered<_> = servers
        .flat_map(|server| resolver.search.iter().map(move |suffix| (server.address, suffix)))
        .flat_map(|asked| [RecordType::A, RecordType::Aaaa].map(|record| (asked, record)))
        .map(|((nameserver, suffix), record)| {
            let extended = format!("{name}.{suffix}");
            let question = Question { nameserver, record, transport: Transport::Udp };
            let alive = &alive;
            async move {
                let answer = question::ask(cx, &extended, question, alive).await;
                (extended, question::addresses(&answer))
            }
        })
        .collect();
    let mut end = tokio::time::Instant::now() + cx.timeout();
    while let Ok(Some((name, addresses))) = tokio::time::timeout_at(end, asked.next()).await {
        if used(&addresses) {
            return Some(SearchCapture { name, addresses });
        }
        end = end.min(tokio::time::Instant::now() + PATIENCE);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::foreseen;
    use entra_pg_checks::facts::dns::{
        Address, Answer, AnswerOutcome, Nameserver, NameserverOrigin, RecordType, Reply, Transport,
    };
    use std::net::SocketAddr;

    fn answer(nameserver: SocketAddr, record: RecordType, address: Option<&str>) -> Option<Answer> {
        let ip = address.map(|address| address.parse().expect("an address"));
        let addresses = ip.into_iter().map(|ip| Address { ip, ttl: 1 }).collect();
        let outcome = AnswerOutcome::Answered(Reply { addresses, ..Reply::default() });
        Some(Answer { nameserver, transport: Transport::Udp, record, outcome, elapsed_ms: 1 })
    }

    #[test]
    fn the_first_nameserver_that_answers_decides() {
        let at = ["10.0.0.4:53", "10.0.0.5:53"].map(|at| at.parse().expect("an address"));
        let servers = at.map(|address| Nameserver { address, origin: NameserverOrigin::System });
        let second = || {
            [answer(at[1], RecordType::A, Some("1.2.3.4")), answer(at[1], RecordType::Aaaa, None)]
        };
        // The first is silent: the second's answer is what the system arrives at.
        let addresses = foreseen(&servers, &second()).expect("foreseen");
        assert_eq!(addresses, ["1.2.3.4".parse::<std::net::IpAddr>().expect("an address")]);
        // The first says that there is nothing: the system believes it.
        let first = [answer(at[0], RecordType::A, None), answer(at[0], RecordType::Aaaa, None)];
        assert_eq!(foreseen(&servers, &[first, second()].concat()), None);
        // One family alone is not enough.
        assert_eq!(foreseen(&servers, &second()[..1]), None);
    }
}
