//! Checks of the family `outbound`: the way from this machine to the Entra hosts.

pub mod http;
pub mod proxy;
pub mod proxy_rules;
pub mod tcp;
pub mod tls;

pub(crate) use crate::support::outbound::prefixes;
use crate::{
    check::{Area, Family, Missing, NeededBy, Service, Station},
    evidence::Evidence,
    facts::{NotObserved, Topic, http::Http, outbound::Host, outbound::Route, tls::Tls},
};

/// The family.
pub static FAMILY: Family = Family {
    name: "outbound",
    title: "network",
    summary: "Microsoft Entra ID and Microsoft Graph are reachable without TLS interception",
    checks: &[&proxy_rules::CHECK, &proxy::CHECK, &tcp::CHECK, &tls::CHECK, &http::CHECK],
    pages: &[],
    station: Station::Entra,
    service: Some(Service::Outbound),
    about_resources: true,
    reasons: &[Area::Machine, Area::Proxy, Area::Dns, Area::Outbound],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[
        Topic::Proxy,
        Topic::Outbound,
        Topic::Clock,
        Topic::Credential,
        Topic::Token,
        Topic::Keys,
        Topic::Graph,
        Topic::Azure,
    ],
    needed: NeededBy::LoginToHost,
    ..Family::DEFAULT
};

/// The hosts probed.
fn hosts(seen: &Evidence) -> Vec<String> {
    let hosts = seen.outbound.seen().map(|outbound| outbound.hosts.as_slice()).unwrap_or_default();
    hosts.iter().map(|host| host.host.clone()).collect()
}

fn host<'a>(seen: &'a Evidence, name: &str) -> Result<&'a Host, Missing> {
    let outbound = seen.outbound.get()?;
    outbound.hosts.iter().find(|host| host.host == name).ok_or(Missing(NotObserved::NotAsked))
}

/// The handshake on the path that requests take, or why there was none.
fn tls(host: &Host) -> Result<&Tls, Missing> {
    Ok(match host.route {
        Route::Direct => host.direct.get()?.tls.get()?,
        Route::Proxy => host.proxied.get()?.tls.get()?,
    })
}

/// The answer on the path that requests take, or why there was none.
fn http(host: &Host) -> Result<&Http, Missing> {
    Ok(match host.route {
        Route::Direct => host.direct.get()?.http.get()?,
        Route::Proxy => host.proxied.get()?.http.get()?,
    })
}
