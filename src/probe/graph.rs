//! What Microsoft Graph says of the identity that the token stands for: its names and its groups. Only
//! with `--graph`, and with a token of its own; the database's token never goes there.

use super::{credential, token};
use crate::{context::Context, request::Request, secret::Secret};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{
        cloud::Cloud,
        graph::{Directory, Group},
        settings::Origin,
        token::{Claims, PrincipalKind},
    },
    token::obtained,
};
use futures::join;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

/// A page of 100 groups is some 10 KB.
const BODY_LIMIT: usize = 256 * 1024;
/// Groups that are kept.
const MOST_GROUPS: usize = 256;
/// Characters of a name that are kept.
const MOST_CHARACTERS: usize = 512;

/// The directory's names of whoever the credential stands for.
pub async fn directory(cx: &Context, request: &Request, cloud: &Cloud) -> Fact<Directory> {
    let host = &cloud.graph_host;
    let scope = format!("https://{host}/.default");
    let (trace, secret) = credential::acquire_other(cx, request, cloud, &scope).await;
    let Some(secret) = secret else {
        let said =
            trace.seen().and_then(|trace| trace.attempts.iter().rev().find_map(obtained::said));
        let detail = format!("no token for Microsoft Graph: {}", said.unwrap_or_default());
        return Fact::NotObserved(NotObserved::NotPermitted { detail });
    };
    let decoded = token::decode(secret.expose(), Origin::Default);
    let Some(about) = decoded.claims.as_deref().and_then(path) else {
        let detail = "the token for Microsoft Graph does not say whom it stands for".to_owned();
        return Fact::NotObserved(NotObserved::NotPermitted { detail });
    };
    let base = format!("https://{host}/v1.0/{about}");
    let named = format!("{base}?$select=id,displayName,userPrincipalName,mail");
    let listed = format!("{base}/memberOf?$select=id,displayName&$top=100");
    let asked = async { join!(get(cx, &named, &secret), get(cx, &listed, &secret)) };
    let (named, listed) = cx.step(Topic::Graph, host, "graph", asked).await;
    match named {
        Ok(document) => Fact::Seen(read(&document, listed.ok().as_ref())),
        Err(Failure::NoAnswer) => Fact::blocked(Topic::Outbound, host.clone()),
        Err(Failure::Refused(detail)) => Fact::NotObserved(NotObserved::NotPermitted { detail }),
    }
}

/// Where Graph keeps what the token stands for.
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

fn read(document: &Value, listed: Option<&Value>) -> Directory {
    let text = |object: &Value, key: &str| {
        object[key].as_str().map(|text| text.chars().take(MOST_CHARACTERS).collect::<String>())
    };
    let groups = listed.and_then(|listed| listed["value"].as_array());
    Directory {
        id: text(document, "id"),
        user_principal_name: text(document, "userPrincipalName"),
        display_name: text(document, "displayName"),
        mail: text(document, "mail"),
        groups_refused: groups.is_none(),
        groups: groups
            .into_iter()
            .flatten()
            .filter_map(|group| {
                let (id, display_name) = (text(group, "id")?, text(group, "displayName")?);
                Some(Group { id, display_name })
            })
            .take(MOST_GROUPS)
            .collect(),
    }
}

enum Failure {
    NoAnswer,
    Refused(String),
}

async fn get(cx: &Context, url: &str, secret: &Secret) -> Result<Value, Failure> {
    let client = cx.http().ok_or(Failure::NoAnswer)?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
        .map_err(|_| Failure::Refused("the token for Microsoft Graph is no header".to_owned()))?;
    bearer.set_sensitive(true);
    let request = client.get(url).header(AUTHORIZATION, bearer).timeout(cx.timeout());
    let mut response = request.send().await.map_err(|_| Failure::NoAnswer)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::NoAnswer)? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return Err(Failure::Refused("Graph's answer has no end".to_owned()));
        }
    }
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() && document.is_object() {
        return Ok(document);
    }
    let code: String =
        document["error"]["code"].as_str().unwrap_or_default().chars().take(100).collect();
    Err(Failure::Refused(format!("Graph answers {} {code}", status.as_u16()).trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{path, read};
    use entra_pg_checks::facts::token::Claims;
    use serde_json::json;

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
    fn groups_that_were_refused_are_not_no_groups() {
        let person = json!({"id": "1", "userPrincipalName": "a@b.c"});
        assert!(read(&person, None).groups_refused);
        let groups = json!({"value": [{"id": "g", "displayName": "Readers"}, {"id": "role"}]});
        let seen = read(&person, Some(&groups));
        assert!(!seen.groups_refused && seen.groups.len() == 1);
    }
}
