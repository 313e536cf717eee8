//! Requests to Azure Resource Manager, or to Microsoft Graph, and to no other host: GET requests, and POST
//! requests for what Azure computes, which change nothing.

use crate::{
    net::gateway::{Answer, Failure, Gateway},
    probe::context::Context,
    secret::Secret,
};
use entra_pg_checks::{NotObserved, Topic};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER},
};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// A page of a list of servers stays far below this.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
const LONGEST_PATH: usize = 4096;
/// Pause after which a throttled request is sent once more; a longer one is reported.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Times that the result of a computed read is asked for.
const MOST_POLLS: usize = 20;
/// Timeouts that one read may take with its pauses.
const MOST_TIMEOUTS: u32 = 3;

/// What an id may hold in addition to letters and digits; everything else is encoded.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'(')
    .remove(b')')
    .remove(b'=')
    .remove(b'\'');

/// A client with the token, bound to one host.
pub(super) struct Reader<'a> {
    cx: &'a Context,
    gateway: Gateway,
    host: &'a str,
    token: &'a Secret,
    /// The name of the service in errors.
    service: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(
        cx: &'a Context,
        gateway: Gateway,
        host: &'a str,
        token: &'a Secret,
        service: &'static str,
    ) -> Self {
        Self { cx, gateway, host, token, service }
    }

    /// The path and the query of a link to the same host.
    pub(super) fn path_of(&self, link: &str) -> Option<String> {
        let rest = link.strip_prefix("https://")?.strip_prefix(self.host)?;
        let rest = rest.strip_prefix(":443").unwrap_or(rest);
        (rest.starts_with('/') && rest.len() < LONGEST_PATH).then(|| rest.to_owned())
    }

    /// The body of a resource; `what` names it in errors.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn get(&self, what: &str, path: &str) -> Result<Vec<u8>, NotObserved> {
        let url = self.url(path).ok_or_else(|| no(format!("the id of the {what} is not valid")))?;
        let work = async {
            let answer = self.patient(Method::GET, &url, what, "").await?;
            self.body(answer, what)
        };
        self.bounded(what, work).await
    }

    /// The result of a read that Azure computes: a POST request, and GET requests until it is done.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn computed(
        &self,
        what: &str,
        path: &str,
        asked: &'static str,
    ) -> Result<Vec<u8>, NotObserved> {
        let url = self.url(path).ok_or_else(|| no(format!("the id of the {what} is not valid")))?;
        let work = async {
            let mut answer = self.patient(Method::POST, &url, what, asked).await?;
            for _ in 0..MOST_POLLS {
                if answer.status.as_u16() != 202 {
                    return self.body(answer, what);
                }
                let link = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
                let next = link.and_then(|link| self.path_of(link)).ok_or_else(|| {
                    no(format!("the result of the {what} is on another host: it is not read"))
                })?;
                tokio::time::sleep(pause(&answer)).await;
                answer = self
                    .patient(Method::GET, &format!("https://{}{next}", self.host), what, "")
                    .await?;
            }
            Err(no(format!("Azure did not finish the {what}")))
        };
        self.bounded(what, work).await
    }

    async fn bounded(
        &self,
        what: &str,
        work: impl Future<Output = Result<Vec<u8>, NotObserved>>,
    ) -> Result<Vec<u8>, NotObserved> {
        let began = Instant::now();
        let label = format!("get {what}");
        let work = tokio::time::timeout(self.cx.timeout() * MOST_TIMEOUTS, work);
        self.cx.step(Topic::Azure, self.host, &label, work).await.unwrap_or_else(|_| {
            let after_ms = crate::time::milliseconds(began.elapsed());
            Err(NotObserved::OutOfTime { after_ms })
        })
    }

    /// A request, and once more after the pause that a throttled answer asks for.
    async fn patient(
        &self,
        method: Method,
        url: &str,
        what: &str,
        asked: &'static str,
    ) -> Result<Answer, NotObserved> {
        let answer = self.exchange(method.clone(), url, what, asked).await?;
        let wait = pause(&answer);
        if answer.status.as_u16() != 429 || wait > LONGEST_PAUSE.min(self.cx.timeout()) {
            return Ok(answer);
        }
        tokio::time::sleep(wait).await;
        self.exchange(method, url, what, asked).await
    }

    fn url(&self, path: &str) -> Option<String> {
        let (id, query) = path.split_once('?')?;
        let sound = id.starts_with('/') && !id.contains("..") && !id.contains("//");
        if !sound || path.len() > LONGEST_PATH || query.contains(char::is_whitespace) {
            return None;
        }
        // What a next link has encoded already stays as it is.
        let encoded = if id.contains('%') {
            id.to_owned()
        } else {
            utf8_percent_encode(id, PATH).to_string()
        };
        Some(format!("https://{}{encoded}?{query}", self.host))
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        what: &str,
        asked: &'static str,
    ) -> Result<Answer, NotObserved> {
        let url = url.parse().map_err(|_| no(format!("the id of the {what} is not a path")))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .map_err(|_| no(format!("the token for {} is not a header", self.service)))?;
        bearer.set_sensitive(true);
        let post = method == Method::POST;
        let mut request = reqwest::Request::new(method, url);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        if post && asked.is_empty() {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        } else if post {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(asked.into());
        }
        self.gateway.send(request, BODY_LIMIT).await.map_err(|failure| {
            no(match failure {
                Failure::TooLong { .. } => format!("the answer about the {what} is too long"),
                Failure::Withheld(why) => why,
                Failure::Silent | Failure::Transport(_) => {
                    format!("{} gives no answer", self.host)
                }
            })
        })
    }

    fn body(&self, answer: Answer, what: &str) -> Result<Vec<u8>, NotObserved> {
        let status = answer.status.as_u16();
        if status == 200 {
            return Ok(answer.body);
        }
        let refusal = serde_json::from_slice::<Refusal>(&answer.body).unwrap_or_default().error;
        let code: String = refusal.code.chars().filter(char::is_ascii_graphic).take(80).collect();
        let code = if code.is_empty() { String::new() } else { format!(" {code}") };
        let more = match status {
            403 => format!("; {} permits it", role(what)),
            429 => format!("; it is throttled, try again in {} s", pause(&answer).as_secs()),
            _ => String::new(),
        };
        Err(no(format!("{} answers {status}{code} about the {what}{more}", self.service)))
    }
}

/// The least role that may read something.
/// Source: Microsoft Learn, "Azure built-in roles" and "Microsoft Entra built-in roles".
fn role(what: &str) -> &'static str {
    if what.starts_with("effective security admin") {
        "the role Network Contributor on the virtual network"
    } else if what.starts_with("effective") {
        "the role Network Contributor on the network interface"
    } else if what.ends_with("of the subscription") || what == "servers of a subscription" {
        "the role Reader on the subscription"
    } else if what.ends_with("of the network manager") {
        "the role Reader on the network manager"
    } else if what.ends_with("of the server") || what.starts_with("parameter ") {
        "the role Reader on the server"
    } else if what.starts_with("service principal") {
        "the role Directory Readers in Microsoft Entra ID, or Application.Read.All,"
    } else {
        "the role Reader on the resource"
    }
}

/// The pause that an answer asks for.
fn pause(answer: &Answer) -> Duration {
    let header = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Duration::from_secs(header.and_then(|text| text.trim().parse().ok()).unwrap_or(1))
}

/// The shape of every refusal of Resource Manager.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Said,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    code: String,
}

fn no(detail: String) -> NotObserved {
    NotObserved::NotPermitted { detail }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::{
        environment::Environment, net::client::Route, probe::context::Context,
        process::progress::Progress, secret::Secret,
    };
    use entra_pg_checks::Topic;
    use std::time::Duration;

    #[test]
    fn every_read_names_a_role() {
        let roles = [
            ("virtual endpoints of the server", "Reader on the server"),
            ("parameter pgbouncer.enabled", "Reader on the server"),
            ("servers of a subscription", "Reader on the subscription"),
            ("DNS forwarding rulesets of the subscription", "Reader on the subscription"),
            ("security admin rules of the network manager", "Reader on the network manager"),
            ("effective security admin rules", "Network Contributor on the virtual network"),
            ("effective routes", "Network Contributor on the network interface"),
            ("service principal of the Graph client of PostgreSQL", "Directory Readers"),
            ("private DNS zone", "Reader on the resource"),
        ];
        for (what, role) in roles {
            assert!(super::role(what).contains(role), "{what}: {}", super::role(what));
        }
    }

    #[test]
    fn no_link_leads_elsewhere() {
        let cx = Context::new(
            Environment::default(),
            Duration::from_secs(1),
            Duration::from_secs(1),
            tokio_util::sync::CancellationToken::new(),
            Progress::none(),
        );
        let token = Secret::new("t".to_owned());
        let gateway = cx.gateway(Topic::Azure, Route::Configured);
        let reader =
            Reader::new(&cx, gateway, "management.azure.com", &token, "Azure Resource Manager");
        let same = "https://management.azure.com/subscriptions?api-version=1&$skiptoken=a";
        assert_eq!(
            reader.path_of(same).as_deref(),
            Some("/subscriptions?api-version=1&$skiptoken=a")
        );
        for elsewhere in [
            "https://evil.example/subscriptions",
            "https://management.azure.com.evil.example/x",
            "https://management.azure.com@evil.example/x",
            "http://management.azure.com/x",
            "//evil.example/x",
        ] {
            assert_eq!(reader.path_of(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(reader.url("/subscriptions/../x?v=1"), None);
        assert_eq!(reader.url("@evil.example/x?v=1"), None);
        assert_eq!(
            reader.url("/subscriptions/a/resourceGroups/rg data?v=1").as_deref(),
            Some("https://management.azure.com/subscriptions/a/resourceGroups/rg%20data?v=1")
        );
    }
}
