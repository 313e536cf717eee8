//! Evidence without secrets that a server, a file or a user put into it.

use super::Secrets;
use entra_pg_checks::{
    Evidence,
    facts::settings::{Origin, SentSetting},
};
use serde_json::Value;

/// Removes every secret of the run, and everything that looks like one, from every text of the evidence.
#[must_use]
pub fn evidence(evidence: Evidence, secrets: &Secrets) -> Evidence {
    let Ok(mut document) = serde_json::to_value(&evidence) else { return evidence };
    let settings = evidence.settings.seen();
    let spared: Vec<String> = settings
        .into_iter()
        .flat_map(|settings| {
            let user = settings.user.as_ref().map(|user| (SentSetting::User, &user.value));
            let host = settings.host.as_ref().map(|host| (SentSetting::Host, &host.value));
            // By default the database is the user name.
            let setting = match settings.database.origin {
                Origin::Default => SentSetting::User,
                _ => SentSetting::Database,
            };
            let database = Some((setting, &settings.database.value));
            // A name that turned out to be a secret is not spared.
            [user, host, database].map(|named| {
                let (setting, value) = named?;
                settings.misplaced_secret(setting).is_none().then(|| value.clone())
            })
        })
        .flatten()
        .collect();
    secrets.spare(spared);
    if !walk(&mut document, &mut |text| secrets.redacted(text)) {
        return evidence;
    }
    // A text stays a text, so that the shape is kept; if not, nothing is shown rather than a secret.
    serde_json::from_value(document).unwrap_or_else(|_| Evidence {
        run_id: evidence.run_id.clone(),
        observed_at: evidence.observed_at,
        tool_errors: vec![
            "the evidence held a secret that could not be taken out; all of it is withheld"
                .to_owned(),
        ],
        ..Evidence::default()
    })
}

/// Changes every text in a document; says whether there was anything to change.
fn walk(value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) -> bool {
    match value {
        Value::String(text) => match change(text) {
            Some(changed) => {
                *text = changed;
                true
            }
            None => false,
        },
        Value::Array(list) => list.iter_mut().fold(false, |any, item| walk(item, change) | any),
        Value::Object(map) => map.values_mut().fold(false, |any, item| walk(item, change) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
