//! What to do about a refusal, as data with the places for the user's own values.

use crate::{
    command::Command,
    facts::{credential::CredentialAttempt, settings::Settings},
    verdict::{Actor, Fix},
};

/// One piece of advice. `{tenant}`, `{client}`, `{user}`, `{scope}` and `{cloud}` are replaced by the
/// user's values.
#[derive(Debug)]
pub struct Advice {
    /// Who must act.
    pub actor: Actor,
    /// What to do, in the imperative.
    pub text: &'static str,
    /// The command; empty for none.
    pub command: &'static str,
}

impl Advice {
    /// Text and command for a page, which knows no values of a user: `<tenant>` for `{tenant}`.
    #[must_use]
    pub fn shown(&self) -> (String, Option<Command>) {
        let place = |value: &str| value.to_owned();
        let values = Values {
            tenant: place("<tenant>"),
            client: place("<application-id>"),
            user: place("<user>"),
            scope: place("https://ossrdbms-aad.database.windows.net/.default"),
            cloud: "<cloud>",
        };
        let command = (!self.command.is_empty())
            .then(|| open(self.command).with("SCOPE", Some(&values.scope)));
        (values.fill(self.text), command)
    }
}

/// Advice as a list of `actor "text" "command";`.
macro_rules! advise {
    ([$($actor:ident $text:literal $command:literal;)*]) => {
        &[$($crate::token::advice::Advice { actor: $actor, text: $text, command: $command }),*]
    };
}
pub(crate) use advise;

/// A command with variables in place of the user's values.
fn open(template: &str) -> Command {
    let line = template
        .replace("{tenant}", "$TENANT")
        .replace("{client}", "$APP_ID")
        .replace("{user}", "$USER_NAME")
        .replace("{scope}", "$SCOPE")
        .replace("{cloud}", "$CLOUD");
    Command::template(&line)
}

/// The user's own values.
pub(crate) struct Values {
    tenant: String,
    client: String,
    user: String,
    scope: String,
    cloud: &'static str,
}

impl Values {
    pub(crate) fn of(settings: &Settings, attempt: &CredentialAttempt) -> Self {
        let named = settings.tenant.as_ref().map(|tenant| tenant.value.clone());
        let known = attempt.identity.clone();
        let (user, client) = match known {
            Some(name) if name.contains('@') => (Some(name), None),
            other => (None, other),
        };
        Self {
            tenant: attempt.tenant.clone().or(named).unwrap_or_else(|| "<tenant>".to_owned()),
            client: client.unwrap_or_else(|| "<application-id>".to_owned()),
            user: user.unwrap_or_else(|| "<user>".to_owned()),
            scope: settings.cloud.value.database_scope(),
            cloud: settings.cloud.value.az_name(),
        }
    }

    /// A text with the values in their places. What Entra or the user wrote is not searched again.
    fn fill(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        let places = [
            ("{tenant}", self.tenant.as_str()),
            ("{client}", &self.client),
            ("{user}", &self.user),
            ("{scope}", &self.scope),
            ("{cloud}", self.cloud),
        ];
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            match places.iter().find(|(place, _)| rest.starts_with(place)) {
                Some((place, value)) => {
                    out.push_str(value);
                    rest = &rest[place.len()..];
                }
                None => {
                    out.push('{');
                    rest = &rest[1..];
                }
            }
        }
        out + rest
    }

    pub(crate) fn fix(&self, advice: &Advice) -> Fix {
        let text = self.fill(advice.text);
        let fix = match advice.actor {
            Actor::You => Fix::you(text),
            actor => Fix::by(actor, text),
        };
        match advice.command {
            "" => fix,
            command => fix.run(self.fill_in(open(command))),
        }
    }

    /// The values that are known, in place of the variables.
    fn fill_in(&self, command: Command) -> Command {
        let known = |value: &'_ str| (!value.starts_with('<')).then(|| value.to_owned());
        command
            .with("TENANT", known(&self.tenant).as_deref())
            .with("APP_ID", known(&self.client).as_deref())
            .with("USER_NAME", known(&self.user).as_deref())
            .with("SCOPE", Some(&self.scope))
            .with("CLOUD", Some(self.cloud))
    }
}
