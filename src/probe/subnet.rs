//! The subnet of this machine, as the metadata service of Azure reports it. The request is not on the
//! critical path, and it is not made outside Azure.
//!
//! Source: Microsoft Learn, "Azure Instance Metadata Service", network metadata.

use crate::{environment::Environment, json, net::client::Route, probe::context::Context};
use entra_pg_checks::{Topic, facts::vantage::Interface};
use ipnet::IpNet;
use reqwest::{Method, Request, Url};
use serde_json::Value;
use std::{net::IpAddr, time::Duration};

const ADDRESS: &str = "http://169.254.169.254/metadata/instance/network?api-version=2021-02-01";
/// The service answers from the host below within milliseconds.
const WAIT: Duration = Duration::from_secs(1);
/// A machine has a few interfaces.
const BODY_LIMIT: usize = 64 * 1024;
const MOST_VALUES: usize = 2000;
const MOST_INTERFACES: usize = 16;

/// Whether to ask: on virtual machines in Azure. App Service, Container Apps and Azure Arc have an
/// identity endpoint of their own and no network metadata.
#[must_use]
pub(crate) fn is_asked(environment: &Environment, in_azure: Option<bool>) -> bool {
    in_azure == Some(true) && environment.get("IDENTITY_ENDPOINT").is_none()
}

/// The interfaces; none if there is no answer.
pub(crate) async fn interfaces(cx: &Context) -> Vec<Interface> {
    let asked = tokio::time::timeout(WAIT.min(cx.timeout()), ask(cx)).await;
    asked.ok().flatten().unwrap_or_default()
}

async fn ask(cx: &Context) -> Option<Vec<Interface>> {
    let mut request = Request::new(Method::GET, Url::parse(ADDRESS).ok()?);
    request.headers_mut().insert("metadata", reqwest::header::HeaderValue::from_static("true"));
    let gateway = cx.gateway(Topic::Outbound, Route::Direct);
    let send = gateway.send(request, BODY_LIMIT);
    let answer = cx.step(Topic::Outbound, "metadata service", "subnet", send).await.ok()?;
    if !answer.status.is_success() {
        return None;
    }
    Some(read(&json::document(&answer.body, MOST_VALUES).ok()?))
}

pub(crate) fn read(document: &Value) -> Vec<Interface> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let interfaces = list(&document["interface"]).into_iter().take(MOST_INTERFACES);
    interfaces
        .map(|interface| {
            let mut found = Interface::default();
            for family in ["ipv4", "ipv6"] {
                let family = &interface[family];
                for address in list(&family["ipAddress"]).iter().take(MOST_INTERFACES) {
                    let private = address["privateIpAddress"].as_str();
                    found.addresses.extend(private.and_then(|text| text.parse::<IpAddr>().ok()));
                }
                for subnet in list(&family["subnet"]).iter().take(MOST_INTERFACES) {
                    found.subnets.extend(prefix(subnet));
                }
            }
            found
        })
        .filter(|interface| *interface != Interface::default())
        .collect()
}

fn prefix(subnet: &Value) -> Option<IpNet> {
    let address: IpAddr = subnet["address"].as_str()?.parse().ok()?;
    let length: u8 = subnet["prefix"].as_str()?.parse().ok()?;
    Some(IpNet::new(address, length).ok()?.trunc())
}

#[cfg(test)]
mod tests {
    use super::{is_asked, read};
    use crate::environment::Environment;
    use serde_json::json;

    #[test]
    fn reads_addresses_and_subnets_and_survives_anything_else() {
        let document = json!({"interface": [
            {"ipv4": {"ipAddress": [{"privateIpAddress": "10.1.0.4", "publicIpAddress": "20.1.2.3"}],
                "subnet": [{"address": "10.1.0.0", "prefix": "24"}]},
             "ipv6": {"ipAddress": []}, "macAddress": "000D3AF806EC"},
            {"ipv4": {"subnet": [{"address": "10.1.0.0", "prefix": "240"}, 7]}}]});
        let found = read(&document);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].addresses, ["10.1.0.4".parse::<std::net::IpAddr>().expect("valid")]);
        assert_eq!(found[0].subnets[0].to_string(), "10.1.0.0/24");
        for other in [json!([]), json!({"interface": 1}), json!("x"), json!(null)] {
            assert!(read(&other).is_empty());
        }
    }

    #[test]
    fn nothing_is_asked_outside_azure() {
        let environment = Environment::default();
        assert!(is_asked(&environment, Some(true)));
        assert!(!is_asked(&environment, Some(false)) && !is_asked(&environment, None));
    }
}
