//! Drivers: a connection that fetches a token for each login, and a name written as each language wants it.

use super::{Instruction, Target};
use crate::{
    connect::spellings::{json, npgsql as npgsql_value, terraform as hcl},
    settings::uri,
};

/// pgjdbc. Source: Microsoft Learn, `com.azure.identity.extensions.jdbc.postgresql`.
pub(super) fn jdbc(target: &Target<'_>) -> Instruction {
    let text = format!(
        "jdbc:postgresql://{}:{}/{}?user={}&sslmode={}&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory&authenticationPluginClassName=com.azure.identity.extensions.jdbc.postgresql.AzurePostgresqlAuthenticationPlugin{}",
        target.host,
        target.port,
        uri::encode(target.database),
        uri::encode(target.user),
        target.sslmode,
        tenant_of_plugin(target)
    );
    let notes = target.notes(
        &[
            "the plug-in is com.azure:azure-identity-extensions; without it the driver says that no password was provided by plugin null",
            "DefaultJavaSSLFactory takes the roots of the JVM; without it pgjdbc looks for ~/.postgresql/root.crt",
        ],
        "prepareThreshold=0 for pgjdbc",
    );
    Instruction { client: "jdbc", place: "Java", text, notes }
}

/// The plug-in's tenant, and its scope where that is not the public cloud's.
fn tenant_of_plugin(target: &Target<'_>) -> String {
    let tenant = target.tenant.as_deref().map(uri::encode);
    let mut text = tenant.map(|tenant| format!("&azure.tenantId={tenant}")).unwrap_or_default();
    if !target.scope.starts_with("https://ossrdbms-aad.database.windows.net/") {
        text.push_str(&format!("&azure.scopes={}", uri::encode(&target.scope)));
    }
    text
}

/// Npgsql. Source: Npgsql documentation, "Security and encryption", password providers.
pub(super) fn npgsql(target: &Target<'_>) -> Instruction {
    let roots = match target.roots.as_str() {
        "system" => String::new(),
        file => format!(";Root Certificate={}", npgsql_value(file)),
    };
    let text = format!(
        "// connectionString:\n\
         // Host={};Port={};Database={};Username={};SSL Mode={}{roots}\n\
         var credential = new DefaultAzureCredential();\n\
         var builder = new NpgsqlDataSourceBuilder(connectionString);\n\
         builder.UsePeriodicPasswordProvider(\n    \
             async (_, cancel) => (await credential.GetTokenAsync(\n        \
                 new TokenRequestContext(new[] {{ {} }}), cancel)).Token,\n    \
             TimeSpan.FromMinutes(20), TimeSpan.FromSeconds(5));\n\
         await using var dataSource = builder.Build();",
        npgsql_value(target.host),
        target.port,
        npgsql_value(target.database),
        npgsql_value(target.user),
        if target.sslmode == "verify-ca" { "VerifyCA" } else { "VerifyFull" },
        json(&target.scope)
    );
    let notes = target.notes(
        &["packages Npgsql and Azure.Identity"],
        "No Reset On Close=true and Max Auto Prepare=0 for Npgsql",
    );
    Instruction { client: "npgsql", place: "C#", text, notes }
}

/// SQLAlchemy. Source: SQLAlchemy documentation, "Generating dynamic authentication tokens".
pub(super) fn sqlalchemy(target: &Target<'_>) -> Instruction {
    let text = format!(
        "from azure.identity import DefaultAzureCredential\n\
         from sqlalchemy import URL, create_engine, event\n\n\
         credential = DefaultAzureCredential()\n\
         engine = create_engine(URL.create(\n    \
             \"postgresql+psycopg\", username={}, host={}, port={}, database={},\n    \
             query={{\"sslmode\": \"{}\", \"sslrootcert\": {}}}))\n\n\
         @event.listens_for(engine, \"do_connect\")\n\
         def provide_token(dialect, record, arguments, parameters):\n    \
             parameters[\"password\"] = credential.get_token({}).token",
        json(target.user),
        json(target.host),
        target.port,
        json(target.database),
        target.sslmode,
        json(&target.roots),
        json(&target.scope)
    );
    let notes = target.notes(
        &["packages sqlalchemy, psycopg[binary] and azure-identity"],
        "connect_args={\"prepare_threshold\": None} for psycopg",
    );
    Instruction { client: "sqlalchemy", place: "Python", text, notes }
}

/// node-postgres. Source: node-postgres documentation, `password` may be a function.
pub(super) fn node_postgres(target: &Target<'_>) -> Instruction {
    let text = format!(
        "import {{ DefaultAzureCredential }} from \"@azure/identity\";\n\
         import pg from \"pg\";\n\n\
         const credential = new DefaultAzureCredential();\n\
         const pool = new pg.Pool({{\n  \
           host: {},\n  port: {},\n  database: {},\n  user: {},\n  \
           ssl: {{ rejectUnauthorized: true }},\n  \
           password: async () => (await credential.getToken({})).token,\n\
         }});",
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
        json(&target.scope)
    );
    let notes = target.notes(
        &["packages pg and @azure/identity; NODE_EXTRA_CA_CERTS adds root certificates"],
        "no named statements",
    );
    Instruction { client: "node-postgres", place: "JavaScript", text, notes }
}

/// tokio-postgres.
pub(super) fn tokio_postgres(target: &Target<'_>) -> Instruction {
    let text = format!(
        "let mut config = tokio_postgres::Config::new();\n\
         config\n    \
             .host({:?})\n    .port({})\n    .dbname({:?})\n    .user({:?})\n    \
             .ssl_mode(tokio_postgres::config::SslMode::Require)\n    \
             .password(&token);  // of azure_identity, scope {}\n\
         let (client, connection) = config.connect(tls).await?;",
        target.host, target.port, target.database, target.user, target.scope
    );
    let notes = target.notes(
        &[
            "the TLS connector verifies the server: with tokio-postgres-rustls, rustls and this machine's roots do",
            "a pool asks for a token each time it opens a connection",
        ],
        "query_typed or simple_query in place of prepared statements",
    );
    Instruction { client: "tokio-postgres", place: "Rust", text, notes }
}

/// Terraform's provider cyrilgdn/postgresql, which fetches the token itself.
pub(super) fn terraform(target: &Target<'_>) -> Instruction {
    let mut text = format!(
        "provider \"postgresql\" {{\n  \
           host                = {}\n  port                = {}\n  database            = {}\n  \
           username            = {}\n  sslmode             = \"{}\"\n  superuser           = false\n  \
           azure_identity_auth = true\n",
        hcl(target.host),
        target.port,
        hcl(target.database),
        hcl(target.user),
        target.sslmode
    );
    if let Some(tenant) = &target.tenant {
        text.push_str(&format!("  azure_tenant_id     = {}\n", hcl(tenant)));
    }
    text.push('}');
    let notes = target.notes(
        &["provider cyrilgdn/postgresql; roles in Azure are not superusers, so superuser = false"],
        "use port 5432 for the provider",
    );
    Instruction { client: "terraform", place: "HCL", text, notes }
}
