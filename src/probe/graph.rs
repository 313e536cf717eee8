//! What Microsoft Graph says of the identity of the token: its names and its groups. Only
//! with `--graph`, and with a token of its own; the database's token never goes there.

use super::{credential, token};
use crate::{
    net::{client::Route, gateway},
    probe::context::Context,
    secret::Secret,
    settings::request::Request,
};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{
        cloud::Cloud,
        graph::{Directory, Group},
        settings::Origin,
        token::{Claims, PrincipalKind},
    },
    token::acquisition,
};
use futures::join;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

/// A page of 999 groups, the most that Graph gives at once, is about 200 KB.
/// Source: Microsoft Learn, Microsoft Graph, "List a user's direct memberships".
const BODY_LIMIT: usize = 1024 * 1024;
/// Pages that are asked for, and groups that are kept.
const MOST_PAGES: usize = 4;
const MOST_GROUPS: usize = 2000;
/// Characters of a name that are kept.
const MOST_CHARACTERS: usize = 512;

/// The directory's names of the principal of the credential.
pub(crate) async fn directory(cx: &Context, request: &Request, cloud: &Cloud) -> Fact<Directory> {
    let host = &cloud.graph_host;
    let scope = format!("https://{host}/.default");
    let (trace, secret) = credential::acquire_other(cx, request, cloud, &scope).await;
    let Some(secret) = secret else {
        let said =
            trace.seen().and_then(|trace| trace.attempts.iter().rev().find_map(acquisition::said));
        let detail = format!("no token for Microsoft Graph: {}", said.unwrap_or_default());
        return Fact::NotObserved(NotObserved::NotPermitted { detail });
    };
    let decoded = token::decode(secret.expose(), Origin::Default);
    let Some(about) = decoded.claims.as_deref().and_then(path) else {
        let detail = "the token for Microsoft Graph does not name its principal".to_owned();
        return Fact::NotObserved(NotObserved::NotPermitted { detail });
    };
    let base = format!("https://{host}/v1.0/{about}");
    let named = format!("{base}?$select=id,displayName,userPrincipalName,mail");
    let listed = format!("{base}/memberOf?$select=id,displayName&$top=999");
    let asked = async { join!(get(cx, &named, &secret), groups(cx, host, listed, &secret)) };
    let (named, groups) = cx.step(Topic::Graph, host, "graph", asked).await;
    match named {
        Ok(document) => Fact::Seen(read(&document, groups)),
        Err(Failure::NoAnswer) => Fact::blocked(Topic::Outbound, host.clone()),
        Err(Failure::Refused(detail)) => Fact::NotObserved(NotObserved::NotPermitted { detail }),
    }
}

/// The path of the token's principal in Microsoft Graph.
fn path(claims: &Claims) -> Option<String> {
    match claims.principal() {
        PrincipalKind::User | PrincipalKind::Guest => Some("me".to_owned()),
        PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity => {
            let id = claims.client()?;
            let plain = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            plain.then(|| format!("servicePrincipals(appId='{id}')"))
        }
    }
}

/// Group memberships, as far as they could be read.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    refused: bool,
    incomplete: bool,
}

/// Page after page, only from this host: a link to another one would take the token there.
async fn groups(cx: &Context, host: &str, first: String, secret: &Secret) -> Groups {
    let mut all = Groups::default();
    let mut next = Some(first);
    for page in 0..MOST_PAGES {
        let Some(url) = next.take() else { break };
        let Ok(document) = get(cx, &url, secret).await else {
            all.refused = page == 0;
            all.incomplete = page > 0;
            return all;
        };
        next = all.add(&document, host);
    }
    all.incomplete |= next.is_some();
    all
}

impl Groups {
    /// Takes a page in, and says where the next one is.
    fn add(&mut self, page: &Value, host: &str) -> Option<String> {
        let Some(listed) = page["value"].as_array() else {
            self.refused = self.groups.is_empty();
            self.incomplete = !self.refused;
            return None;
        };
        let groups = listed.iter().filter_map(|group| {
            let (id, display_name) = (text(group, "id")?, text(group, "displayName")?);
            Some(Group { id, display_name })
        });
        self.groups.extend(groups);
        let next = page["@odata.nextLink"].as_str();
        let (own, more) = (format!("https://{host}/"), self.groups.len() > MOST_GROUPS);
        self.groups.truncate(MOST_GROUPS);
        let next_here = next.filter(|link| link.starts_with(&own) && !more);
        self.incomplete |= more || next.is_some() != next_here.is_some();
        next_here.map(str::to_owned)
    }
}

/// The facts in an object of Microsoft Graph, with its page of groups and the link to the next one.
pub(crate) fn understand(document: &Value, host: &str) -> (Directory, Option<String>) {
    let mut groups = Groups::default();
    let next = groups.add(document, host);
    (read(document, groups), next)
}

fn read(document: &Value, groups: Groups) -> Directory {
    Directory {
        id: text(document, "id"),
        user_principal_name: text(document, "userPrincipalName"),
        display_name: text(document, "displayName"),
        mail: text(document, "mail"),
        groups_refused: groups.refused,
        groups_incomplete: groups.incomplete,
        groups: groups.groups,
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object[key].as_str().map(|text| text.chars().take(MOST_CHARACTERS).collect())
}

enum Failure {
    NoAnswer,
    Refused(String),
}

async fn get(cx: &Context, url: &str, secret: &Secret) -> Result<Value, Failure> {
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", secret.expose())).map_err(|_| {
            Failure::Refused("the token for Microsoft Graph is not a valid header value".to_owned())
        })?;
    bearer.set_sensitive(true);
    let url = url.parse().map_err(|_| Failure::NoAnswer)?;
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let gateway = cx.gateway(Topic::Graph, Route::Configured);
    let answer = gateway.send(request, BODY_LIMIT).await.map_err(|failure| match failure {
        gateway::Failure::TooLong { .. } => {
            let limit = BODY_LIMIT / 1024;
            Failure::Refused(format!("the answer of Microsoft Graph is longer than {limit} KiB"))
        }
        gateway::Failure::Withheld(why) => Failure::Refused(why),
        gateway::Failure::Silent | gateway::Failure::Transport(_) => Failure::NoAnswer,
    })?;
    let status = answer.status;
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if status.is_success() && document.is_object() {
        return Ok(document);
    }
    let code: String =
        document["error"]["code"].as_str().unwrap_or_default().chars().take(100).collect();
    Err(Failure::Refused(format!("Graph answers {} {code}", status.as_u16()).trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Groups, MOST_GROUPS, path};
    use entra_pg_checks::facts::token::Claims;
    use serde_json::{Value, json};

    #[test]
    fn an_application_is_looked_up_by_its_id_alone() {
        let app = |id: &str| Claims {
            idtyp: Some("app".to_owned()),
            appid: Some(id.to_owned()),
            ..Claims::default()
        };
        assert_eq!(
            path(&app("04b07795-8ddb-461a-bbee-02f9e1bf7b46")).as_deref(),
            Some("servicePrincipals(appId='04b07795-8ddb-461a-bbee-02f9e1bf7b46')")
        );
        assert_eq!(path(&app("x')/owners?")), None);
    }

    #[test]
    fn groups_that_were_not_read_are_not_no_groups() {
        let page = |next: Option<&str>, count: usize| {
            let group = json!({"id": "g", "displayName": "Readers"});
            let role = json!({"id": "role"});
            let listed: Vec<Value> = std::iter::repeat_n(group, count).chain([role]).collect();
            json!({"value": listed, "@odata.nextLink": next})
        };
        let host = "graph.microsoft.com";
        let mut whole = Groups::default();
        assert_eq!(whole.add(&page(None, 1), host), None);
        assert!(!whole.refused && !whole.incomplete && whole.groups.len() == 1);

        let mut refused = Groups::default();
        assert_eq!(refused.add(&json!({}), host), None);
        assert!(refused.refused && !refused.incomplete);

        let here = "https://graph.microsoft.com/v1.0/me/memberOf?$skiptoken=x";
        let mut more = Groups::default();
        assert_eq!(more.add(&page(Some(here), 1), host).as_deref(), Some(here));
        assert_eq!(more.add(&page(Some(here), MOST_GROUPS), host), None);
        assert!(more.incomplete && more.groups.len() == MOST_GROUPS);

        for elsewhere in
            ["https://graph.microsoft.com.evil.example/x", "http://graph.microsoft.com/x"]
        {
            let mut led = Groups::default();
            assert_eq!(led.add(&page(Some(elsewhere), 1), host), None);
            assert!(led.incomplete);
        }
    }
}
