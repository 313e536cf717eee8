//! Microsoft's own libraries: azure-postgresql-auth for Python, @azure/postgresql-auth for JavaScript.
//!
//! The Python library derives the user name from the token even if a user name is given, and fails
//! if it finds none. Source: azure-postgresql-auth 1.1.0, `core.get_entra_conninfo`.

use super::{Instruction, Target, drivers::python_roots};
use crate::connect::spellings::json;
use entra_pg_checks::facts::token::Claims;

/// The user name that the libraries derive from a token, if any.
#[must_use]
pub(super) fn derived_user(claims: &Claims) -> Option<&str> {
    const USER_ASSIGNED: &str = "providers/microsoft.managedidentity/userassignedidentities";
    match &claims.xms_mirid {
        // A resource ID of another kind ends the search: the other claims are not read.
        Some(resource) => {
            let (kind, name) = resource.rsplit_once('/')?;
            let known = kind.to_ascii_lowercase().ends_with(USER_ASSIGNED);
            Some(name).filter(|name| known && !name.is_empty())
        }
        None => [&claims.upn, &claims.preferred_username, &claims.unique_name]
            .into_iter()
            .find_map(|claim| claim.as_deref().filter(|name| !name.is_empty())),
    }
}

/// What the library does with this token's name.
fn prediction(target: &Target<'_>) -> Option<String> {
    let claims = target.claims?;
    Some(match derived_user(claims) {
        None => "this library cannot derive a user name from this token, and fails with \"Could not retrieve Entra credentials\" even if a user is given: use --connect-with sqlalchemy or asyncpg for this identity".to_owned(),
        Some(name) if name == target.user => {
            format!("the library derives the user name \"{name}\" from the token, which is the role's name")
        }
        Some(name) => format!(
            "without user= the library would log in as \"{name}\", the name in the token, and not as \"{}\"",
            target.user
        ),
    })
}

/// psycopg and SQLAlchemy with azure-postgresql-auth.
pub(super) fn python(target: &Target<'_>) -> Vec<Instruction> {
    vec![psycopg(target), sqlalchemy(target)]
}

fn psycopg(target: &Target<'_>) -> Instruction {
    let (import, roots) = python_roots(target);
    let text = format!(
        "{import}from azure.identity import DefaultAzureCredential\n\
         from azure_postgresql_auth.psycopg3 import EntraConnection\n\n\
         connection = EntraConnection.connect(\n    \
             host={}, port={}, dbname={}, user={},\n    \
             sslmode=\"{}\", sslrootcert={roots}, credential=DefaultAzureCredential())",
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
        target.sslmode,
    );
    let notes = target.notes_of_credential(
        &["packages azure-postgresql-auth[psycopg3] and azure-identity"],
        "prepare_threshold=None for psycopg",
    );
    Instruction {
        client: "azure-postgresql-auth",
        place: "Python, psycopg",
        text,
        notes: with_prediction(notes, target),
    }
}

fn sqlalchemy(target: &Target<'_>) -> Instruction {
    let (import, roots) = python_roots(target);
    let text = format!(
        "{import}from azure.identity import DefaultAzureCredential\n\
         from azure_postgresql_auth.sqlalchemy import enable_entra_authentication\n\
         from sqlalchemy import URL, create_engine\n\n\
         engine = create_engine(\n    \
             URL.create(\n        \
                 \"postgresql+psycopg\", username={}, host={}, port={}, database={},\n        \
                 query={{\"sslmode\": \"{}\", \"sslrootcert\": {roots}}}),\n    \
             connect_args={{\"credential\": DefaultAzureCredential()}})\n\
         enable_entra_authentication(engine)",
        json(target.user),
        json(target.host),
        target.port,
        json(target.database),
        target.sslmode,
    );
    let notes = target.notes_of_credential(
        &["packages azure-postgresql-auth[sqlalchemy], sqlalchemy[asyncio] (the library imports it), psycopg[binary] and azure-identity"],
        "connect_args with \"prepare_threshold\": None for psycopg",
    );
    Instruction {
        client: "azure-postgresql-auth",
        place: "Python, SQLAlchemy",
        text,
        notes: with_prediction(notes, target),
    }
}

/// The notes, then what the library derives from the token and which clouds it knows.
fn with_prediction(notes: Vec<String>, target: &Target<'_>) -> Vec<String> {
    let cloud = target.authority.map(|_| {
        "the library asks only for tokens of the public cloud: use --connect-with sqlalchemy in this cloud".to_owned()
    });
    notes.into_iter().chain(prediction(target)).chain(cloud).collect()
}

/// node-postgres with @azure/postgresql-auth.
pub(super) fn javascript(target: &Target<'_>) -> Instruction {
    let scope = match target.authority {
        Some(_) => format!(", {{ scope: {} }}", json(&target.scope)),
        None => String::new(),
    };
    let text = format!(
        "import {{ DefaultAzureCredential }} from \"@azure/identity\";\n\
         import {{ entraTokenProvider }} from \"@azure/postgresql-auth\";\n\
         import pg from \"pg\";\n\n\
         const pool = new pg.Pool({{\n  \
           host: {},\n  port: {},\n  database: {},\n  user: {},\n  \
           ssl: {{ rejectUnauthorized: true }},\n  \
           password: entraTokenProvider(new DefaultAzureCredential(){scope}),\n\
         }});",
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
    );
    let notes = target.notes_of_credential(
        &["packages pg, @azure/identity and @azure/postgresql-auth (a beta release)"],
        "no named statements",
    );
    Instruction { client: "azure-postgresql-auth-js", place: "JavaScript", text, notes }
}

#[cfg(test)]
mod tests {
    use super::derived_user;
    use entra_pg_checks::facts::token::Claims;

    #[test]
    fn names_are_derived_as_the_library_does() {
        let identity = |resource: &str| Claims {
            xms_mirid: Some(resource.to_owned()),
            upn: Some("alice@contoso.com".to_owned()),
            ..Claims::default()
        };
        let path = "/subscriptions/s/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-app";
        assert_eq!(derived_user(&identity(path)), Some("id-app"));
        // A system-assigned identity: the library does not fall back to the other claims.
        let machine =
            "/subscriptions/s/resourcegroups/rg/providers/Microsoft.Compute/virtualMachines/vm";
        assert_eq!(derived_user(&identity(machine)), None);
        let person =
            Claims { unique_name: Some("alice@contoso.com".to_owned()), ..Claims::default() };
        assert_eq!(derived_user(&person), Some("alice@contoso.com"));
        assert_eq!(derived_user(&Claims::default()), None);
    }
}
