//! One question to one nameserver, over a socket that is connected, so that a closed port is seen at
//! once, and parsed by hickory-proto, so that truncation and dangling aliases stay visible.

use crate::sync::lock;
use crate::{
    probe::{context::Context, tcp::wait_for_refusal},
    random,
    time::milliseconds,
};
use entra_pg_checks::{
    ContactProtocol, Topic,
    facts::dns::{
        Address, Alias, Answer, AnswerOutcome, RecordType, Reply, ResponseCode as Rcode, Soa,
        Transport,
    },
};
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, RecordType as Kind},
};
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// The payload size that glibc offers (RESOLV_EDNS_BUFFER_SIZE).
const EDNS_PAYLOAD: u16 = 1200;

/// Addresses of one answer that are kept; a name with more is not one of ours.
const MAX_ADDRESSES: usize = 64;

/// One query to one nameserver.
#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) nameserver: SocketAddr,
    pub(super) record: RecordType,
    pub(super) transport: Transport,
    /// Whether the query has an EDNS record.
    pub(super) edns: bool,
}

/// The nameservers that accepted a TCP connection.
#[derive(Default)]
pub(super) struct Alive(Mutex<BTreeSet<SocketAddr>>);

impl Alive {
    pub(super) fn is(&self, nameserver: SocketAddr) -> bool {
        lock(&self.0).contains(&nameserver)
    }

    fn note(&self, nameserver: SocketAddr) {
        lock(&self.0).insert(nameserver);
    }
}

/// Sends the query and records what happened.
pub(super) async fn ask(cx: &Context, name: &str, asked: Question, alive: &Alive) -> Answer {
    let began = Instant::now();
    let kind = match asked.record {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
    };
    let label = format!("{kind} @{}", asked.nameserver.ip());
    let work = exchange(cx, name, asked, alive);
    let (transport, outcome) = cx.step(Topic::Dns, name, &label, work).await;
    let Question { nameserver, record, edns, .. } = asked;
    let elapsed_ms = milliseconds(began.elapsed());
    Answer { nameserver, transport, record, edns, outcome, elapsed_ms }
}

/// The addresses of an answer.
pub(super) fn addresses(answer: &Answer) -> Vec<IpAddr> {
    match &answer.outcome {
        AnswerOutcome::Answered(reply) => {
            reply.addresses.iter().map(|address| address.ip).collect()
        }
        _ => Vec::new(),
    }
}

async fn exchange(
    cx: &Context,
    name: &str,
    Question { nameserver, record, transport, edns }: Question,
    alive: &Alive,
) -> (Transport, AnswerOutcome) {
    let query = match cx.withheld_host(name) {
        None => encode(name, record),
        Some(_) => None,
    };
    let Some(mut query) = query else {
        let detail = "the name cannot be asked for".to_owned();
        return (transport, AnswerOutcome::Malformed { detail });
    };
    if edns {
        let mut record = Edns::new();
        record.set_max_payload(EDNS_PAYLOAD).set_version(0);
        query.set_edns(record);
    }
    let wait = cx.timeout();
    if transport == Transport::Udp {
        cx.contacted(&nameserver.ip().to_string(), nameserver, ContactProtocol::Udp, "dns");
        let outcome = udp(cx, nameserver, &query, wait).await;
        let truncated = matches!(&outcome, AnswerOutcome::Answered(reply) if reply.truncated);
        if !truncated {
            return (Transport::Udp, outcome);
        }
    }
    cx.contacted(&nameserver.ip().to_string(), nameserver, ContactProtocol::Tcp, "dns");
    let over_tcp = tcp(cx, nameserver, &query, wait, alive).await;
    let outcome = match (transport, over_tcp) {
        (Transport::Udp, AnswerOutcome::Answered(mut reply)) => {
            reply.truncated = true;
            AnswerOutcome::Answered(reply)
        }
        (Transport::Udp, failed) => {
            AnswerOutcome::TruncatedTcpFailed { detail: words(&failed).to_owned() }
        }
        (Transport::Tcp, outcome) => outcome,
    };
    (Transport::Tcp, outcome)
}

async fn udp(
    cx: &Context,
    nameserver: SocketAddr,
    query: &Message,
    wait: Duration,
) -> AnswerOutcome {
    let any: IpAddr = match nameserver {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let work = async {
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(nameserver).await?;
        socket.send(&query.to_vec().map_err(io::Error::other)?).await?;
        let mut buffer = vec![0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await?;
            // A datagram with another id is not an answer to us: it may be forged. Wait on.
            if length >= 2 && buffer[..2] == query.metadata.id.to_be_bytes() {
                buffer.truncate(length);
                return Ok(decode(&buffer, query));
            }
        }
    };
    settle(cx, timeout(wait, work).await, Transport::Udp)
}

async fn tcp(
    cx: &Context,
    nameserver: SocketAddr,
    query: &Message,
    wait: Duration,
    alive: &Alive,
) -> AnswerOutcome {
    let wait = wait_for_refusal(wait, cfg!(windows));
    let work = async {
        let mut stream = TcpStream::connect(nameserver).await?;
        alive.note(nameserver);
        let bytes = query.to_vec().map_err(io::Error::other)?;
        let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), bytes.as_slice()].concat()).await?;
        // The length field bounds the answer to 64 KiB.
        let length = stream.read_u16().await?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        Ok(decode(&buffer, query))
    };
    settle(cx, timeout(wait, work).await, Transport::Tcp)
}

fn settle(
    cx: &Context,
    ended: Result<io::Result<AnswerOutcome>, tokio::time::error::Elapsed>,
    transport: Transport,
) -> AnswerOutcome {
    if let Ok(Err(error)) = &ended {
        cx.note_exhaustion(error);
    }
    match ended {
        Err(_) => AnswerOutcome::Silent,
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => failed(&error, transport),
    }
}

fn failed(error: &io::Error, transport: Transport) -> AnswerOutcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => AnswerOutcome::PortClosed,
        // Windows reports ICMP "port unreachable" on a UDP socket as a reset connection.
        io::ErrorKind::ConnectionReset if transport == Transport::Udp => AnswerOutcome::PortClosed,
        io::ErrorKind::TimedOut => AnswerOutcome::Silent,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => AnswerOutcome::Closed,
        _ => AnswerOutcome::Unreachable { detail: error.to_string() },
    }
}

/// The message that asks for a name.
pub(crate) fn encode(name: &str, record: RecordType) -> Option<Message> {
    let mut query = Message::new(random_id(), MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    query.add_query(Query::query(name, kind(record)));
    Some(query)
}

/// What a nameserver's bytes say to a question.
pub(crate) fn decode(bytes: &[u8], query: &Message) -> AnswerOutcome {
    let malformed = |detail: &str| AnswerOutcome::Malformed { detail: detail.to_owned() };
    let message = match Message::from_vec(bytes) {
        Ok(message) => message,
        Err(error) => return malformed(&error.to_string().chars().take(120).collect::<String>()),
    };
    if message.metadata.message_type != MessageType::Response {
        return malformed("it is not a response");
    }
    let same = |asked: &Query, answered: &Query| {
        asked.name == answered.name && asked.query_type == answered.query_type
    };
    // The C library ignores an answer that does not repeat the question. Some nameservers leave it out of
    // an error, which is worth a report.
    let error = message.metadata.response_code != ResponseCode::NoError;
    if message.queries.len() != query.queries.len() && !(error && message.queries.is_empty()) {
        return malformed("the answer does not repeat the question");
    }
    let matches = query.queries.iter().zip(&message.queries).all(|(q, a)| same(q, a));
    if message.metadata.id != query.metadata.id || !matches {
        return malformed("it answers another question");
    }
    AnswerOutcome::Answered(reply(&message))
}

fn reply(message: &Message) -> Reply {
    let mut reply = Reply {
        rcode: rcode(message.metadata.response_code),
        truncated: message.metadata.truncation,
        authoritative: message.metadata.authoritative,
        recursion_available: message.metadata.recursion_available,
        ..Reply::default()
    };
    // As in the C library, a record counts only if its owner is the name asked for, or what the
    // aliases so far have made of it.
    let mut owner = message.queries.first().map(|query| query.name.clone());
    for record in message.answers.iter().take(10 * MAX_ADDRESSES) {
        if owner.as_ref().is_some_and(|owner| *owner != record.name) {
            continue;
        }
        let ip = match &record.data {
            RData::A(address) => IpAddr::V4(address.0),
            RData::AAAA(address) => IpAddr::V6(address.0),
            RData::CNAME(target) => {
                let alias =
                    Alias { name: plain(&record.name), target: plain(&target.0), ttl: record.ttl };
                if reply.chain.len() < MAX_ADDRESSES {
                    reply.chain.push(alias);
                }
                owner = Some(target.0.clone());
                continue;
            }
            _ => continue,
        };
        if reply.addresses.len() < MAX_ADDRESSES {
            reply.addresses.push(Address { ip, ttl: record.ttl });
        }
    }
    reply.soa = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(Soa { zone: plain(&record.name), primary: plain(&soa.mname) }),
        _ => None,
    });
    reply
}

fn rcode(code: ResponseCode) -> Rcode {
    match code {
        ResponseCode::NoError => Rcode::NoError,
        ResponseCode::NXDomain => Rcode::NxDomain,
        ResponseCode::ServFail => Rcode::ServFail,
        ResponseCode::Refused => Rcode::Refused,
        ResponseCode::FormErr => Rcode::FormErr,
        ResponseCode::NotImp => Rcode::NotImp,
        ResponseCode::NotAuth => Rcode::NotAuth,
        other => Rcode::Unknown(format!("RCODE{}", u16::from(other))),
    }
}

const fn words(outcome: &AnswerOutcome) -> &str {
    match outcome {
        AnswerOutcome::Answered(_) => "an answer",
        AnswerOutcome::Silent | AnswerOutcome::Slow => "no answer over TCP",
        AnswerOutcome::PortClosed => "TCP port 53 is closed",
        AnswerOutcome::Closed => "the TCP connection is closed without an answer",
        AnswerOutcome::Unreachable { .. } => "no way to it over TCP",
        AnswerOutcome::Malformed { .. } => "the TCP answer cannot be read",
        AnswerOutcome::TruncatedTcpFailed { .. } => "TCP failed",
    }
}

const fn kind(record: RecordType) -> Kind {
    match record {
        RecordType::A => Kind::A,
        RecordType::Aaaa => Kind::AAAA,
    }
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

fn random_id() -> u16 {
    // Without randomness the id is guessable; the answer still has to come from the right address.
    u16::from_be_bytes(random::bytes())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, failed, reply};
    use entra_pg_checks::facts::dns::{
        AnswerOutcome, RecordType, ResponseCode as Rcode, Transport,
    };
    use hickory_proto::{
        op::{MessageType, ResponseCode},
        rr::{
            Name, RData, Record,
            rdata::{A, CNAME},
        },
    };
    use proptest::prelude::{any, prop};

    #[test]
    fn a_reset_over_udp_is_a_closed_port() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(failed(&reset, Transport::Udp), AnswerOutcome::PortClosed);
        assert_eq!(failed(&reset, Transport::Tcp), AnswerOutcome::Closed);
    }

    #[test]
    fn an_alias_that_dangles_stays_visible() {
        let mut message = encode("a.example", RecordType::A).expect("a name");
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code = ResponseCode::NXDomain;
        let target = Name::from_ascii("b.privatelink.example.").expect("a name");
        message.add_answer(Record::from_rdata(
            Name::from_ascii("a.example.").expect("a name"),
            30,
            RData::CNAME(CNAME(target)),
        ));
        let reply = reply(&message);
        assert_eq!((&reply.rcode, reply.chain.len()), (&Rcode::NxDomain, 1));
        assert_eq!(reply.chain[0].target, "b.privatelink.example");
    }

    #[test]
    fn an_address_of_another_owner_does_not_count() {
        let mut message = encode("a.example", RecordType::A).expect("a name");
        for (owner, last) in [("other.example.", 1), ("a.example.", 2)] {
            let owner = Name::from_ascii(owner).expect("a name");
            let data = RData::A(A::new(10, 0, 0, last));
            message.add_answer(Record::from_rdata(owner, 30, data));
        }
        let addresses = reply(&message).addresses;
        assert_eq!(addresses.len(), 1);
        assert_eq!(addresses[0].ip.to_string(), "10.0.0.2");
    }

    #[test]
    fn an_answer_without_the_question_is_ignored() {
        let asked = encode("a.example", RecordType::A).expect("a name");
        let mut answer = asked.clone();
        answer.queries.clear();
        answer.metadata.message_type = MessageType::Response;
        let bytes = answer.to_vec().expect("a message");
        assert!(matches!(decode(&bytes, &asked), AnswerOutcome::Malformed { .. }));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let asked = encode("a.example", RecordType::A).expect("a name");
        let mut other = encode("b.example", RecordType::A).expect("a name");
        other.metadata.id = asked.metadata.id;
        other.metadata.message_type = MessageType::Response;
        let bytes = other.to_vec().expect("a message");
        assert!(matches!(decode(&bytes, &asked), AnswerOutcome::Malformed { .. }));
    }

    proptest::proptest! {
        #[test]
        fn rubbish_is_never_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let asked = encode("a.example", RecordType::A).expect("a name");
            let answered = matches!(decode(&bytes, &asked), AnswerOutcome::Answered(_));
            proptest::prop_assert!(!answered || bytes.starts_with(&asked.metadata.id.to_be_bytes()));
        }
    }
}
