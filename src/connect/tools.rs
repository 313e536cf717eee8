//! Tools with forms or configuration of their own: Terraform, Visual Studio Code, DBeaver, Power BI.

use super::{Instruction, Target};
use crate::connect::spellings::terraform as hcl;

/// Terraform's provider cyrilgdn/postgresql, which fetches the token itself.
pub(super) fn terraform(target: &Target<'_>) -> Instruction {
    let mut text = format!(
        "provider \"postgresql\" {{\n  \
           host                = {}\n  port                = {}\n  database            = {}\n  \
           username            = {}\n  sslmode             = \"{}\"\n  superuser           = false\n  \
         ",
        hcl(target.host),
        target.port,
        hcl(target.database),
        hcl(target.user),
        target.sslmode
    );
    // The provider asks only the public cloud, and needs the tenant.
    match (&target.tenant, target.authority) {
        (Some(tenant), None) => {
            text.push_str("  azure_identity_auth = true\n");
            text.push_str(&format!("  azure_tenant_id     = {}\n", hcl(tenant)));
        }
        _ => text.push_str("  password            = var.token\n"),
    }
    text.push('}');
    let mut own = vec![
        "provider cyrilgdn/postgresql; roles in Azure are not superusers, so superuser = false",
    ];
    let token = format!("TF_VAR_token is the output of: {}", target.token.plain(target.shell));
    if target.authority.is_some() {
        own.push("azure_identity_auth of the provider works only in the public cloud, so a variable holds the token");
        own.push(&token);
    } else if target.tenant.is_none() {
        own.push("azure_identity_auth of the provider needs azure_tenant_id; without it a variable holds the token");
        own.push(&token);
    }
    let notes = target.notes(&own, "use port 5432 for the provider");
    Instruction { client: "terraform", place: "HCL", text, notes }
}

/// The PostgreSQL extension of Visual Studio Code.
/// Source: Microsoft Learn, "Connect to Azure Database for PostgreSQL with Visual Studio Code".
pub(super) fn vscode(target: &Target<'_>) -> Instruction {
    let text = fields(&[
        ("Server name", target.host),
        ("Authentication type", "Entra Auth"),
        ("Azure account", "the account that owns the role"),
        ("User name", target.user),
        ("Database name", target.database),
        ("Advanced: Port", &target.port.to_string()),
        ("Advanced: SSL mode", target.sslmode),
    ]);
    let notes = target.notes(
        &["the extension signs in by itself: PGPASSWORD and the Azure CLI are not used"],
        "",
    );
    Instruction { client: "vscode", place: "PostgreSQL: Add Connection", text, notes }
}

/// DBeaver, which takes the token as a password.
pub(super) fn dbeaver(target: &Target<'_>) -> Instruction {
    let text = fields(&[
        ("Host", target.host),
        ("Port", &target.port.to_string()),
        ("Database", target.database),
        ("Authentication", "Database Native"),
        ("Username", target.user),
        ("Password", "the token, without a line break"),
        ("SSL: Use SSL", "on"),
        ("SSL: SSL mode", target.sslmode),
    ]);
    let token = format!("get a token with: {}", target.token.plain(target.shell));
    let notes = target.notes(
        &[
            &token,
            "do not save the password: the token expires, and DBeaver would send the old one",
        ],
        "",
    );
    Instruction { client: "dbeaver", place: "Connection settings", text, notes }
}

/// Power BI Desktop. Source: Microsoft Learn, Power Query PostgreSQL connector.
pub(super) fn power_bi(target: &Target<'_>) -> Instruction {
    let server = format!("{}:{}", target.host, target.port);
    let text = fields(&[
        ("Server", &server),
        ("Database", target.database),
        ("Authentication", "Microsoft account"),
        ("Sign in as", target.user),
    ]);
    let notes = target.notes(
        &["the role must have the name of the account that signs in; a group's name cannot be entered"],
        "",
    );
    Instruction { client: "power-bi", place: "Get data: PostgreSQL database", text, notes }
}

fn fields(rows: &[(&str, &str)]) -> String {
    let rows = rows.iter().map(|(field, value)| format!("{field:<21} {value}"));
    rows.collect::<Vec<_>>().join("\n")
}
