//! Every reader of what comes from outside, by one door: property tests and the fuzz targets of
//! `tests/fuzz` drive them through here. Each takes raw bytes, must end, and keeps its result within
//! the bounds that the tests state.

use crate::{
    azure::read_document,
    bundle::names::Pseudonyms,
    diagnose::Report,
    diff,
    environment::Environment,
    fleet::Results,
    net::{endpoint, pem, proxies},
    probe::{credential::recorder, dns, graph, http, outbound, server, subnet, tls, token, tunnel},
    report::{Format, Style, fleet::FleetFormat, fleet::render as render_fleet, render},
    secret::Secrets,
    settings::{self, TargetArgs, options::Version, passfile::Wanted, request::Selection},
};
use entra_pg_checks::facts::{
    azure::Azure,
    credential::EntraError,
    dns::{AnswerOutcome, HostsEntry, RecordType, ResolverSettings},
    http::HttpAnswer,
    login::AuthRequest,
    outbound::Connect,
    server::PreambleOutcome,
    settings::{Origin, Setting},
    tls::Certificate,
    token::{Claims, Token},
};
use entra_pg_checks::{Evidence, Fact, judge, support::config::values};
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

/// A nameserver's answer to the question for the A records of `login.microsoftonline.com`. The
/// message id is made to fit, as a forger's would.
#[must_use]
pub fn dns_answer(bytes: &[u8]) -> AnswerOutcome {
    let mut query = dns::question::encode("login.microsoftonline.com", RecordType::A)
        .expect("the name can be asked for");
    if let [high, low, ..] = bytes {
        query.metadata.id = u16::from_be_bytes([*high, *low]);
    }
    dns::question::decode(bytes, &query)
}

/// An export of Azure's configuration in JSON or YAML, or an answer of Resource Manager.
///
/// # Errors
/// What is wrong with it.
pub fn azure_document(bytes: &[u8]) -> Result<Azure, String> {
    read_document(bytes)
}

/// The nameservers that the output of `scutil --dns`, and a file of systemd-resolved, name. Each list is
/// that of one route.
#[must_use]
pub fn nameserver_settings(text: &str) -> (ResolverSettings, [usize; 2]) {
    let texts = [text.to_owned()];
    let count = |link: Option<dns::routes::resolved::Link>| {
        link.map_or(0, |link| link.route.nameservers.len().max(link.route.domains.len()))
    };
    let link = count(dns::routes::resolved::link("eth0", &texts));
    let global = count(dns::routes::resolved::global(&texts));
    (dns::routes::macos::parse(text), [link, global])
}

/// The proxies that the output of `scutil --proxy`, and values of the Windows registry, name.
#[must_use]
pub fn proxy_settings(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let values = proxies::windows::Values {
        enabled: true,
        server: Some(text.to_string()),
        exceptions: Some(text.to_string()),
        script: Some(text.to_string()),
        winhttp: Some(bytes.to_vec()),
    };
    let of_winhttp =
        proxies::windows::Values { winhttp: Some(bytes.to_vec()), ..Default::default() };
    let all = [
        proxies::macos::parse(&text),
        proxies::windows::settings(&values),
        proxies::windows::settings(&of_winhttp),
    ];
    let named = |found: proxies::SystemSettings| {
        found.https.into_iter().chain(found.http).chain(found.not_followed)
    };
    all.into_iter().flat_map(named).collect()
}

/// What `token` prints about evidence.
#[must_use]
pub fn token_output(evidence: Evidence, verbose: u8, style: Style) -> Option<String> {
    let (_, rendered) = crate::cli::token::rendered(evidence, verbose, style);
    String::from_utf8(rendered.ok()?.into_bytes()).ok()
}

/// What `exec` prints if it has no token.
#[must_use]
pub fn exec_output(evidence: Evidence, style: &Style) -> Option<String> {
    let text = crate::cli::exec::without_token(evidence, style).ok()?;
    String::from_utf8(text.into_bytes()).ok()
}

/// The certificates in a file in PEM, or in DER.
#[must_use]
pub fn certificates(bytes: &[u8]) -> Vec<Certificate> {
    let (blocks, _) = pem::blocks(bytes);
    let inner = blocks.into_iter().take(8).map(|block| block.der);
    let all = inner.chain([bytes.to_vec()]);
    all.map(|der| tls::describe(&der.into())).collect()
}

/// An answer of Microsoft Entra ID, of Microsoft Graph or of the metadata service. Returns the error of
/// Microsoft Entra ID, the link to the next page, and the number of network interfaces.
#[must_use]
pub fn service_answer(bytes: &[u8]) -> Option<(EntraError, Option<String>, usize)> {
    let document = crate::json::document(bytes, crate::json::MOST_VALUES).ok()?;
    let _ = recorder::is_usable(bytes);
    if let Ok(keys) = serde_json::from_slice::<jsonwebtoken::jwk::JwkSet>(bytes) {
        for key in keys.keys.iter().take(8) {
            let _ = jsonwebtoken::DecodingKey::from_jwk(key);
        }
    }
    let (_, next) = graph::understand(&document, "graph.microsoft.com");
    let headers = azure_core::http::headers::Headers::new();
    let error = recorder::entra_error(400, &headers, &document);
    Some((error, next, subnet::read(&document).len()))
}

/// The host of a URL to which a secret may be sent.
#[must_use]
pub fn endpoint(text: &str) -> Option<String> {
    endpoint::parse(text).ok()?.host_str().map(str::to_owned)
}

/// The lines of a hosts file about a name.
#[must_use]
pub fn hosts_file(text: &str, name: &str) -> Vec<HostsEntry> {
    dns::hosts::parse(text, name, "/etc/hosts")
}

/// A resolv.conf and the `hosts:` line of an nsswitch.conf.
#[must_use]
pub fn resolver_file(bytes: &[u8]) -> (ResolverSettings, Option<String>) {
    let order = dns::resolver::hosts_order(&String::from_utf8_lossy(bytes));
    (dns::resolver::read(bytes), order)
}

/// The judgment of an HTTP answer: its status, then headers in lines, an empty line, and the body.
/// The second value says whether it would pass for Entra's or Graph's own.
#[must_use]
pub fn http_answer(status: u16, bytes: &[u8]) -> (HttpAnswer, bool) {
    let middle = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = bytes.split_at(middle.map_or(0, |at| at + 2));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.insert(name, value);
        }
    }
    let body = &body[..body.len().min(http::BODY_LIMIT)];
    let answer = http::answer(status, &headers, body, false);
    let genuine =
        outbound::entra(&answer, &headers, body) || outbound::graph(&answer, &headers, body);
    (answer, genuine)
}

/// The head of a proxy's answer to CONNECT.
#[must_use]
pub fn proxy_answer(bytes: &[u8]) -> Connect {
    tunnel::answer(&String::from_utf8_lossy(bytes))
}

/// What a server says to SSLRequest in place of one byte.
#[must_use]
pub fn preamble(bytes: &[u8]) -> PreambleOutcome {
    server::preamble::understand(bytes)
}

/// The messages of a server up to its authentication request; `None`: more bytes are needed.
#[must_use]
pub fn authentication_request(bytes: &[u8]) -> Option<AuthRequest> {
    server::authentication::understand(bytes)
}

/// A text that should be a token.
#[must_use]
pub fn token(text: &str) -> Token {
    token::decode(text, Origin::Default)
}

/// The user of a connection string or URI; `None` where it cannot be understood, or names no user.
#[must_use]
pub fn connection_string(text: &str) -> Option<String> {
    match settings::parse(text, Version::V18) {
        Ok((pairs, _)) => {
            pairs.into_iter().rev().find(|(keyword, _)| keyword == "user").map(|(_, user)| user)
        }
        Err(_) => None,
    }
}

/// A connection string of another driver in libpq's form, and what the report shows of it.
#[must_use]
pub fn converted(text: &str) -> Option<(String, String)> {
    let conversion = settings::foreign::convert(text)?;
    Some((conversion.conninfo, serde_json::to_string(&conversion.converted).ok()?))
}

/// What is said of a connection string that cannot be understood.
#[must_use]
pub fn typed_error(text: &str) -> Option<String> {
    settings::parse(text, Version::V18).err().map(|error| error.to_string())
}

/// The password that a password file gives for a host and a user at port 5432 of database `db`.
#[must_use]
pub fn password_file(text: &str, host: &str, user: &str) -> Option<String> {
    let wanted = Wanted { host, port: "5432", database: "db", user };
    let found = settings::passfile::search(text.as_bytes(), &wanted);
    found.password.map(|secret| secret.expose().to_owned())
}

/// How many settings a section of a service file has.
#[must_use]
pub fn service_file(text: &str, section: &str) -> Option<usize> {
    let found = settings::service::section(text.as_bytes(), section, Version::V18);
    found.ok().flatten().map(|pairs| pairs.len())
}

/// A secret with the shape of a token, for [`redacted`].
pub const SECRET: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";

/// A text without [`SECRET`] and without anything that looks like a secret.
#[must_use]
pub fn redacted(text: &str) -> String {
    let environment = Environment::from_pairs([("PGPASSWORD", SECRET)]);
    let secrets = Secrets::of_environment(&environment);
    secrets.redacted(text).unwrap_or_else(|| text.to_owned())
}

/// How the fuzz targets lay out reports.
const STYLE: Style = Style { color: false, width: 80, verbose: 2, quiet: false, unicode: true };

/// The report on a bundle, report or evidence of an earlier run, in a format for people.
///
/// # Errors
/// What is wrong with it.
pub fn replayed(bytes: &[u8], format: u8) -> Result<String, String> {
    let evidence = crate::bundle::read(bytes)?;
    let report = Report::new(evidence, &Selection::default()).recorded();
    let formats = [
        Format::Text,
        Format::Short,
        Format::Markdown,
        Format::Json,
        Format::Jsonl,
        Format::Sarif,
        Format::Junit,
        Format::Html,
    ];
    let format = formats.into_iter().nth(usize::from(format)).unwrap_or(Format::Text);
    let output = render(&report, format, &STYLE).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.into_bytes()).into_owned())
}

/// The differences between two runs in text.
///
/// # Errors
/// What is wrong with one of them.
pub fn compared(before: &[u8], after: &[u8]) -> Result<String, String> {
    let report = |bytes: &[u8]| -> Result<Report, String> {
        Ok(Report::new(crate::bundle::read(bytes)?, &Selection::default()))
    };
    Ok(diff::text(&diff::compare(&report(before)?, &report(after)?)))
}

/// The matrix of reports, or of results of a fleet, in a file or log.
#[must_use]
pub fn merged(bytes: &[u8]) -> Option<String> {
    let mut results = Results::default();
    let found = crate::cli::merge::documents(bytes, "log", &mut results).ok()?;
    if results.is_empty() {
        return Some(found.len().to_string());
    }
    let output = render_fleet(&results.fleet().ok()?, FleetFormat::Text, &STYLE).ok()?;
    Some(String::from_utf8_lossy(&output.into_bytes()).into_owned())
}

/// The pseudonym of a user name, under a fixed key.
#[must_use]
pub fn pseudonym(user: &str) -> Option<String> {
    let evidence = Evidence {
        run_id: "run".to_owned(),
        settings: Fact::Seen(settings_of(user)?),
        ..Evidence::default()
    };
    let replaced = Pseudonyms::of([7; 32]).evidence(&evidence).ok()?;
    replaced.settings.seen()?.user.as_ref().map(|user| user.value.clone())
}

/// The number of targets in a list of a fleet.
#[must_use]
pub fn fleet_list(bytes: &[u8]) -> Option<usize> {
    let items = crate::fleet::parse(&String::from_utf8_lossy(bytes));
    items.ok().map(|items| items.len())
}

/// Whether a document is a workload that `manifest --like` understands.
#[must_use]
pub fn workload(bytes: &[u8]) -> bool {
    let object = crate::json::document(bytes, crate::json::MOST_VALUES);
    object.is_ok_and(|object| crate::manifest::Workload::read(&object, None).is_ok())
}

/// The number of pages that `explain` finds for a pasted text.
#[must_use]
pub fn explained(bytes: &[u8]) -> usize {
    crate::explain::reader::read(bytes).candidates.len()
}

/// How one release of libpq reads settings, for the differential test: a JSON object with `version`,
/// the arguments `conninfo`, `host`, `port`, `user`, `dbname`, and `env`.
#[must_use]
pub fn settings_by_libpq(case: &str) -> String {
    let case: serde_json::Value = serde_json::from_str(case).unwrap_or_default();
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    let args = TargetArgs {
        conninfo: text("conninfo"),
        host: text("host"),
        port: text("port"),
        username: text("user"),
        dbname: text("dbname"),
        ..TargetArgs::default()
    };
    let variables = case["env"].as_object().into_iter().flatten();
    let environment = Environment::from_pairs(
        variables.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())),
    );
    let version = Version::nearest(case["version"].as_u64().map_or(18, |number| number as u8));
    let answer = match settings::resolve_as(version, &args, &environment) {
        Err(refusal) => serde_json::json!({ "refused": refusal.message }),
        Ok((settings, password)) => match values::refusals(&settings).first() {
            Some(refusal) => serde_json::json!({ "refused": refusal.message }),
            None => serde_json::json!({
                "settings": settings,
                "password": password.map(|secret| secret.expose().to_owned()),
            }),
        },
    };
    answer.to_string()
}

/// A name as libpq's own formats hold it: `user=…`, a URI, and a line of the password file for host
/// `host`, database `db` and the password `secret`.
#[must_use]
pub fn spellings(name: &str) -> [String; 3] {
    let text = |place| {
        let all = crate::connect::spellings::spellings(name);
        all.into_iter().find(|spelling| spelling.place == place).map(|spelling| spelling.text)
    };
    let filled = |text: Option<String>| {
        // The places come before and after the name, never in it.
        let text = text.unwrap_or_default();
        let text = text.replacen("<host>", "host", 1);
        match text.strip_suffix("<token>") {
            Some(line) => line.replacen("<database>", "db", 1) + "secret",
            None => match text.strip_suffix("<host>/<database>") {
                Some(start) => format!("{start}host/db"),
                None => match text.strip_suffix("/<database>") {
                    Some(start) => format!("{start}/db"),
                    None => text,
                },
            },
        }
    };
    let conninfo = text("connection string").unwrap_or_default();
    [conninfo, filled(text("URI")), filled(text(".pgpass"))]
}

/// Settings of a server with a user name.
fn settings_of(user: &str) -> Option<entra_pg_checks::facts::settings::Settings> {
    let args = TargetArgs {
        host: Some("pg.postgres.database.azure.com".to_owned()),
        ..TargetArgs::default()
    };
    let (mut settings, _) = settings::resolve(&args, &Environment::default()).ok()?;
    settings.user = Some(Setting { value: user.to_owned(), origin: Origin::Conninfo });
    Some(settings)
}

/// Judges a user name against a token of Alice's, where the server knows no such role.
#[must_use]
pub fn judge_name(name: &str) -> Vec<(&'static str, String)> {
    let Some(settings) = settings_of(name) else { return Vec::new() };
    let claims = Claims {
        upn: Some("Alice.Smith@contoso.onmicrosoft.com".to_owned()),
        scp: Some("user_impersonation".to_owned()),
        ..Claims::default()
    };
    let mut token = token::decode("", Origin::Default);
    token.claims = Some(Box::new(claims));
    let evidence = Evidence {
        settings: Fact::Seen(settings),
        token: Fact::Seen(token),
        auth_request: Fact::Seen(AuthRequest::Sasl { mechanisms: Vec::new() }),
        ..Evidence::default()
    };
    let judgment = judge(entra_pg_checks::name::FAMILY.checks, &evidence, |_| true);
    let found = judgment.findings.into_iter();
    found.map(|judged| (judged.finding.problem.id, judged.finding.detail)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        authentication_request, dns_answer, hosts_file, http_answer, preamble, proxy_answer,
        resolver_file,
    };
    use entra_pg_checks::facts::{
        dns::AnswerOutcome, login::AuthRequest, outbound::Connect, server::PreambleOutcome,
    };
    use hickory_proto::{
        op::{Message, MessageType, OpCode, Query},
        rr::{Name, RData, Record, RecordType, rdata::A, rdata::CNAME},
    };
    use proptest::prelude::{any, prop, prop_assert};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn response(records: impl Iterator<Item = Record>) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        message.add_query(Query::query(name("login.microsoftonline.com."), RecordType::A));
        records.for_each(|record| {
            message.add_answer(record);
        });
        message.to_vec().expect("a message")
    }

    #[test]
    fn ten_thousand_records_leave_a_few() {
        // 65,535 bytes is all that an answer can have; compressed names make 4,000 records of it.
        let owner = name("login.microsoftonline.com.");
        let records = (0..4000_u32).map(|number| {
            Record::from_rdata(owner.clone(), 1, RData::A(A(number.to_be_bytes().into())))
        });
        let AnswerOutcome::Answered(reply) = dns_answer(&response(records)) else {
            panic!("it is an answer");
        };
        assert_eq!(reply.addresses.len(), 64);
    }

    #[test]
    fn aliases_in_a_circle_end() {
        let circle = ["login.microsoftonline.com.", "a.example.", "b.example."];
        let records = (0..500).map(|step| {
            let (from, to) = (circle[step % 3], circle[(step + 1) % 3]);
            Record::from_rdata(name(from), 1, RData::CNAME(CNAME(name(to))))
        });
        let AnswerOutcome::Answered(reply) = dns_answer(&response(records)) else {
            panic!("it is an answer");
        };
        assert!(reply.addresses.is_empty() && reply.chain.len() <= 64);
    }

    #[test]
    fn a_compression_loop_is_malformed() {
        let mut bytes = response(std::iter::empty());
        // One answer whose name is a pointer to itself.
        bytes[7] = 1;
        let here = u16::try_from(bytes.len()).expect("short") | 0xc000;
        bytes.extend(here.to_be_bytes());
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]);
        assert!(matches!(dns_answer(&bytes), AnswerOutcome::Malformed { .. }));
    }

    #[test]
    fn thousands_of_notices_do_not_exhaust_the_stack() {
        let notice = [b'N', 0, 0, 0, 4];
        let mut bytes = notice.repeat(13_000);
        assert_eq!(authentication_request(&bytes), None);
        bytes.extend([b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
        assert_eq!(authentication_request(&bytes), Some(AuthRequest::Cleartext));
    }

    proptest::proptest! {
        #[test]
        fn a_dns_answer_is_bounded(mut bytes in prop::collection::vec(any::<u8>(), 0..1200), plausible: bool) {
            if plausible && bytes.len() > 12 {
                // A response with one question and a few records, so that the reader gets further.
                bytes[2] |= 0x80;
                let (answers, authorities) = (bytes[7] % 8, bytes[9] % 4);
                bytes[4..12].copy_from_slice(&[0, 1, 0, answers, 0, authorities, 0, 0]);
            }
            if let AnswerOutcome::Answered(reply) = dns_answer(&bytes) {
                prop_assert!(reply.addresses.len() <= 64 && reply.chain.len() <= 64);
            }
        }

        #[test]
        fn files_are_survived(text: String, name: String, bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(hosts_file(&text, &name).len() <= 64);
            let (settings, order) = resolver_file(&bytes);
            prop_assert!(settings.nameservers.len() <= 3 && settings.search.len() <= 16);
            prop_assert!(order.is_none_or(|order| order.len() <= 800));
        }

        #[test]
        fn an_http_answer_is_bounded(status: u16, bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let (answer, genuine) = http_answer(status, &bytes);
            prop_assert!(answer.title.is_none_or(|title| title.chars().count() <= 120));
            prop_assert!(!genuine);
            if let Connect::Refused { reason, authenticate, .. } = proxy_answer(&bytes) {
                prop_assert!(reason.chars().count() <= 120 && authenticate.len() <= 16);
            }
        }

        #[test]
        fn what_a_server_says_is_bounded(bytes in prop::collection::vec(any::<u8>(), 0..3000), kind in 0..5_usize) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = *b"RENvS".get(kind).expect("one of five");
            }
            if let Some(AuthRequest::Sasl { mechanisms }) = authentication_request(&bytes) {
                prop_assert!(mechanisms.len() <= 8);
            }
            if let PreambleOutcome::Other { starts_with } = preamble(&bytes) {
                let plain = starts_with.chars().all(|character| !character.is_control());
                prop_assert!(plain && starts_with.len() <= 64);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn password_file_gives_the_name_back(name in "[^\\x00\r\n]{1,63}", other in "[^\\x00\r\n]{1,63}") {
            let [_, _, line] = super::spellings(&name);
            let found = super::password_file(&line, "host", &name);
            proptest::prop_assert_eq!(found.as_deref(), Some("secret"));
            // And to no other user.
            if other != name {
                proptest::prop_assert_eq!(super::password_file(&line, "host", &other), None);
            }
        }
    }
}
