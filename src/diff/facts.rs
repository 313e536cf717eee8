//! What one run saw, as named values that can be held against another's. Times and ids of the run are no
//! part of it.

use entra_pg_checks::{
    Area, Evidence, Fact,
    facts::{
        dns::{Answer, AnswerOutcome, Dns, RecordType},
        http::HttpOutcome,
        login::{AuthRequest, LoginOutcome},
        outbound::{Host, Route},
        server::{PreambleOutcome, Server},
        settings::Settings,
        tcp::{TcpAttempt, TcpOutcome},
        tls::{Tls, TlsOutcome},
    },
};

/// One fact.
#[derive(Debug, PartialEq)]
pub(super) struct Known {
    pub(super) area: Area,
    pub(super) name: String,
    pub(super) value: String,
}

struct Facts(Vec<Known>);

impl Facts {
    fn add(&mut self, area: Area, name: impl Into<String>, value: impl ToString) {
        self.0.push(Known { area, name: name.into(), value: value.to_string() });
    }
}

pub(super) fn facts(evidence: &Evidence) -> Vec<Known> {
    let mut facts = Facts(Vec::new());
    facts.add(Area::Machine, "machine", &evidence.vantage.hostname);
    facts.add(Area::Machine, "operating system", &evidence.vantage.os);
    if let Some(settings) = evidence.settings.seen() {
        typed(&mut facts, settings);
    }
    if let Some(rules) = evidence.proxy.seen() {
        let proxy = rules.https.as_ref();
        let proxy = proxy.map_or_else(
            || "none".to_owned(),
            |proxy| format!("{}://{}:{}", proxy.scheme, proxy.host, proxy.port),
        );
        facts.add(Area::Proxy, "proxy for https", proxy);
        facts.add(Area::Proxy, "NO_PROXY", rules.no_proxy.as_deref().unwrap_or("not set"));
    }
    if let Some(dns) = evidence.dns.seen() {
        names(&mut facts, dns);
    }
    for host in evidence.outbound.seen().iter().flat_map(|outbound| &outbound.hosts) {
        entra(&mut facts, host);
    }
    if let Some(reading) = evidence.clock.seen() {
        // A difference of seconds does not matter.
        let off = reading.ahead_seconds();
        let off = if off.abs() < 60 {
            "right to a minute".to_owned()
        } else {
            format!("{off} seconds ahead")
        };
        facts.add(Area::Clock, "clock", off);
    }
    token(&mut facts, evidence);
    if let Some(server) = evidence.server.seen() {
        way_to(&mut facts, server);
    }
    login(&mut facts, evidence);
    facts.0
}

fn typed(facts: &mut Facts, settings: &Settings) {
    let text = |setting: &Option<entra_pg_checks::facts::settings::Setting<String>>| {
        setting.as_ref().map_or_else(|| "not set".to_owned(), |setting| setting.value.clone())
    };
    facts.add(Area::Settings, "host", text(&settings.host));
    facts.add(Area::Settings, "port", settings.port.value);
    facts.add(Area::Settings, "database", &settings.database.value);
    facts.add(Area::Settings, "user", text(&settings.user));
    facts.add(Area::Settings, "sslmode", &settings.sslmode.value);
    facts.add(Area::Settings, "tenant", text(&settings.tenant));
    facts.add(Area::Settings, "cloud", &settings.cloud.value.authority_host);
    let password = settings.password.as_ref();
    facts.add(
        Area::Settings,
        "where the password is from",
        password.map_or_else(|| "nowhere".to_owned(), |origin| origin.phrase()),
    );
}

fn names(facts: &mut Facts, dns: &Dns) {
    let servers: Vec<String> =
        dns.resolver.nameservers.iter().map(|server| server.address.to_string()).collect();
    facts.add(Area::Dns, "nameservers", list(servers));
    facts.add(Area::Dns, "search suffixes", list(dns.resolver.search.clone()));
    for name in &dns.names {
        let host = &name.name;
        if let Fact::Seen(lookup) = &name.system {
            let addresses = sorted(lookup.addresses.iter().map(ToString::to_string));
            let found =
                if lookup.addresses.is_empty() { "no address".to_owned() } else { addresses };
            facts.add(Area::Dns, format!("addresses of {host}"), found);
        }
        if !name.hosts_file.is_empty() {
            facts.add(Area::Dns, format!("{host} in the hosts file"), "yes");
        }
        let mut told: Vec<&Answer> = name.answers.iter().collect();
        told.sort_by_key(|answer| (answer.nameserver, answer.record == RecordType::Aaaa));
        told.dedup_by_key(|answer| (answer.nameserver, answer.record == RecordType::Aaaa));
        for answer in told {
            let record = if answer.record == RecordType::A { "A" } else { "AAAA" };
            facts.add(
                Area::Dns,
                format!("nameserver {} about {host} {record}", answer.nameserver.ip()),
                said(&answer.outcome),
            );
        }
    }
}

fn said(outcome: &AnswerOutcome) -> String {
    match outcome {
        AnswerOutcome::Answered(reply) if reply.addresses.is_empty() => {
            let zone =
                reply.soa.as_ref().map(|soa| format!(" (zone {})", soa.zone)).unwrap_or_default();
            format!("{}, no address{zone}", reply.rcode)
        }
        AnswerOutcome::Answered(reply) => {
            sorted(reply.addresses.iter().map(|address| address.ip.to_string()))
        }
        AnswerOutcome::Silent => "silent".to_owned(),
        AnswerOutcome::Slow => "slow".to_owned(),
        AnswerOutcome::PortClosed => "the port is closed".to_owned(),
        AnswerOutcome::Closed => "the connection is closed".to_owned(),
        AnswerOutcome::Unreachable { .. } => "unreachable".to_owned(),
        AnswerOutcome::Malformed { .. } => "no proper answer".to_owned(),
        AnswerOutcome::TruncatedTcpFailed { .. } => "cut, and nothing over TCP".to_owned(),
    }
}

fn entra(facts: &mut Facts, host: &Host) {
    let name = &host.host;
    facts.add(
        Area::Outbound,
        format!("route to {name}"),
        if host.route == Route::Proxy { "through the proxy" } else { "direct" },
    );
    for attempt in host.direct.seen().iter().flat_map(|path| &path.tcp) {
        facts.add(Area::Outbound, format!("TCP to {} ({name})", attempt.address), tcp(attempt));
    }
    if let Some(handshake) = host.tls() {
        facts.add(Area::Outbound, format!("TLS to {name}"), tls(handshake));
    }
    if let Some(http) = host.http() {
        let said = match &http.outcome {
            HttpOutcome::Answered(answer) if answer.genuine => "genuine".to_owned(),
            HttpOutcome::Answered(answer) => format!("status {}, not genuine", answer.status),
            HttpOutcome::Silent => "silent".to_owned(),
            HttpOutcome::Closed => "closed".to_owned(),
            HttpOutcome::Reset => "reset".to_owned(),
            HttpOutcome::Malformed { .. } => "not HTTP".to_owned(),
        };
        facts.add(Area::Outbound, format!("answer of {name}"), said);
    }
}

fn token(facts: &mut Facts, evidence: &Evidence) {
    if let Some(trace) = evidence.credential.seen() {
        let chosen = trace.chosen();
        facts.add(
            Area::Token,
            "source of the token",
            chosen.map_or("none gave one", |attempt| attempt.kind.name()),
        );
    }
    let Some(token) = evidence.token.seen() else { return };
    facts.add(Area::Token, "where the token is from", token.origin.phrase());
    let Some(claims) = &token.claims else {
        facts.add(Area::Token, "token", "cannot be decoded");
        return;
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
    facts.add(Area::Token, "token", text(&claims.uti));
    facts.add(Area::Token, "principal (oid)", text(&claims.oid));
    facts.add(Area::Token, "tenant of the token (tid)", text(&claims.tid));
    facts.add(Area::Token, "audience (aud)", text(&claims.aud));
    facts.add(
        Area::Token,
        "name in the token",
        text(
            &claims
                .upn
                .clone()
                .or_else(|| claims.preferred_username.clone())
                .or_else(|| claims.unique_name.clone()),
        ),
    );
    let left = claims.exp.map(|end| end - evidence.now().as_second());
    facts.add(
        Area::Token,
        "lifetime",
        match left {
            Some(left) if left <= 0 => "expired",
            Some(_) => "running",
            None => "unknown",
        },
    );
    facts.add(Area::Token, "groups in the token", claims.groups.len());
}

fn way_to(facts: &mut Facts, server: &Server) {
    for attempt in server.tcp.iter().chain(&server.sibling) {
        facts.add(Area::Server, format!("TCP to {}", attempt.address), tcp(attempt));
    }
    if let Some(preamble) = server.preamble.seen() {
        let said = match &preamble.outcome {
            PreambleOutcome::TlsAccepted => "yes".to_owned(),
            PreambleOutcome::TlsRefused => "no".to_owned(),
            PreambleOutcome::Error(error) => format!("an error {}", error.sqlstate),
            PreambleOutcome::Http { .. } => "a web server answers".to_owned(),
            PreambleOutcome::Other { .. } => "something else answers".to_owned(),
            PreambleOutcome::Closed => "closed".to_owned(),
            PreambleOutcome::Reset => "reset".to_owned(),
            PreambleOutcome::Silent => "silent".to_owned(),
        };
        facts.add(Area::Server, "the server offers TLS", said);
    }
    if let Some(handshake) = server.tls.seen() {
        facts.add(Area::Server, "TLS to the server", tls(handshake));
    }
}

fn login(facts: &mut Facts, evidence: &Evidence) {
    if let Some(asked) = evidence.auth_request.seen() {
        let said = match asked {
            AuthRequest::Cleartext => "a token (an Entra role of this name)".to_owned(),
            AuthRequest::Sasl { .. } => "SASL (no Entra role of this name)".to_owned(),
            AuthRequest::Md5 => "MD5 (no Entra role of this name)".to_owned(),
            AuthRequest::Trusted => "nothing".to_owned(),
            AuthRequest::Error(error) => format!("{} {}", error.sqlstate, error.message),
            AuthRequest::Other { code } => format!("method {code}"),
            AuthRequest::Closed => "closed".to_owned(),
            AuthRequest::Silent => "silent".to_owned(),
            AuthRequest::Malformed { .. } => "no proper answer".to_owned(),
        };
        facts.add(Area::Login, "what the server asks for", said);
    }
    if let Some(login) = evidence.login.seen() {
        let said = match &login.outcome {
            LoginOutcome::Accepted { server_version } => {
                format!("accepted by {server_version}")
            }
            LoginOutcome::Refused(error) | LoginOutcome::RefusedAfterAuthentication(error) => {
                format!("refused: {} {}", error.sqlstate, error.message)
            }
            LoginOutcome::Silent { after } => format!("silent after {after}"),
            LoginOutcome::Closed { after } => format!("closed after {after}"),
            LoginOutcome::TokenWithheld { .. } => "the token was withheld".to_owned(),
            LoginOutcome::Malformed { .. } => "no proper answer".to_owned(),
        };
        facts.add(Area::Login, "login", said);
    }
    if let Some(session) = evidence.session.seen() {
        facts.add(Area::Access, "session user", &session.session_user);
        facts.add(Area::Access, "read only", session.read_only);
        facts.add(Area::Access, "member of", sorted(session.member_of.iter().cloned()));
        facts.add(Area::Access, "administrator", session.is_administrator);
    }
}

fn tcp(attempt: &TcpAttempt) -> &'static str {
    match attempt.outcome {
        TcpOutcome::Connected => "connects",
        TcpOutcome::Silent => "silent",
        TcpOutcome::Refused { .. } => "refused",
        TcpOutcome::Denied { .. } => "denied by this machine",
        TcpOutcome::Unreachable { .. } => "unreachable",
        TcpOutcome::Failed { .. } => "failed",
    }
}

fn tls(handshake: &Tls) -> String {
    let by = handshake
        .authority()
        .map(|authority| format!(", issued by {authority}"))
        .unwrap_or_default();
    match &handshake.outcome {
        TlsOutcome::Completed if handshake.verified() => format!("verified{by}"),
        TlsOutcome::Completed => format!("not verified{by}"),
        TlsOutcome::Reset => "reset".to_owned(),
        TlsOutcome::Closed => "closed".to_owned(),
        TlsOutcome::Silent { .. } => "silent".to_owned(),
        TlsOutcome::NotTls { .. } => "not TLS".to_owned(),
        TlsOutcome::Alert { description } => format!("alert {description}"),
        TlsOutcome::Failed { detail } => format!("failed: {detail}"),
    }
}

fn sorted(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items.dedup();
    list(items)
}

fn list(items: Vec<String>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}
