//! GET requests to Azure Resource Manager and to no other host.

use crate::{
    net::gateway::{Failure, Gateway},
    probe::context::Context,
    secret::Secret,
};
use entra_pg_checks::{NotObserved, Topic};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use std::time::Instant;

/// A page of a list of servers stays far below this.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
const LONGEST_PATH: usize = 4096;

/// What an id may hold in addition to letters and digits; everything else is encoded.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// A client with the token, bound to one host.
pub(super) struct Reader<'a> {
    cx: &'a Context,
    gateway: Gateway,
    host: &'a str,
    token: &'a Secret,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(
        cx: &'a Context,
        gateway: Gateway,
        host: &'a str,
        token: &'a Secret,
    ) -> Self {
        Self { cx, gateway, host, token }
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
        let url = self.url(path).ok_or_else(|| no(format!("the id of the {what} is none")))?;
        let began = Instant::now();
        let work = tokio::time::timeout(self.cx.timeout(), self.exchange(&url, what));
        let label = format!("get {what}");
        self.cx.step(Topic::Azure, self.host, &label, work).await.unwrap_or_else(|_| {
            let after_ms = crate::time::milliseconds(began.elapsed());
            Err(NotObserved::OutOfTime { after_ms })
        })
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

    async fn exchange(&self, url: &str, what: &str) -> Result<Vec<u8>, NotObserved> {
        let url = url.parse().map_err(|_| no(format!("the id of the {what} is not a path")))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .map_err(|_| no("the token for Azure Resource Manager is not a header".to_owned()))?;
        bearer.set_sensitive(true);
        let mut request = reqwest::Request::new(reqwest::Method::GET, url);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let answer = self.gateway.send(request, BODY_LIMIT).await.map_err(|failure| {
            no(match failure {
                Failure::TooLong { .. } => format!("the answer about the {what} is too long"),
                Failure::Withheld(why) => why,
                Failure::Silent | Failure::Transport(_) => {
                    format!("{} gives no answer", self.host)
                }
            })
        })?;
        let (status, body) = (answer.status.as_u16(), answer.body);
        if status == 200 {
            return Ok(body);
        }
        let said = serde_json::from_slice::<Refusal>(&body).unwrap_or_default().error;
        let code: String = said.code.chars().filter(char::is_ascii_graphic).take(80).collect();
        let code = if code.is_empty() { String::new() } else { format!(" {code}") };
        let role = if status == 403 { "; the role Reader on the resource permits it" } else { "" };
        Err(no(format!("Azure Resource Manager answers {status}{code} about the {what}{role}")))
    }
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
        let reader = Reader::new(&cx, gateway, "management.azure.com", &token);
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
