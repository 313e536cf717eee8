//! Drivers: a connection that gets a token for each login, with the name quoted by each language's rules.

use super::{Instruction, Target};
use crate::{
    connect::spellings::{json, npgsql as npgsql_value},
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
            "the plug-in is com.azure:azure-identity-extensions; without it the driver reports that no password was provided by plugin null",
            "DefaultJavaSSLFactory uses the root certificates of the JVM; without it pgjdbc reads ~/.postgresql/root.crt",
        ],
        "prepareThreshold=0 for pgjdbc",
    );
    Instruction { client: "jdbc", place: "Java", text, notes }
}

/// The plug-in's tenant, its scope and authority outside the public cloud, and the identity.
fn tenant_of_plugin(target: &Target<'_>) -> String {
    let tenant = target.tenant.as_deref().map(uri::encode);
    let mut text = tenant.map(|tenant| format!("&azure.tenantId={tenant}")).unwrap_or_default();
    if let Some(authority) = target.authority {
        let authority = uri::encode(&format!("https://{authority}/"));
        text.push_str(&format!(
            "&azure.scopes={}&azure.authorityHost={authority}",
            uri::encode(&target.scope)
        ));
    }
    if let Some(id) = target.managed_identity {
        text.push_str(&format!("&azure.clientId={id}&azure.managedIdentityEnabled=true"));
    }
    text
}

/// Npgsql. Source: Npgsql documentation, "Security and encryption", password providers.
pub(super) fn npgsql(target: &Target<'_>) -> Instruction {
    // Without it .NET uses the system's store.
    let roots =
        target.given_roots().map(|file| format!(";Root Certificate={}", npgsql_value(file)));
    let roots = roots.unwrap_or_default();
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
    let notes = target.notes_of_credential(
        &["packages Npgsql and Azure.Identity"],
        "No Reset On Close=true and Max Auto Prepare=0 for Npgsql",
    );
    Instruction { client: "npgsql", place: "C#", text, notes }
}

/// SQLAlchemy. Source: SQLAlchemy documentation, "Generating dynamic authentication tokens".
pub(super) fn sqlalchemy(target: &Target<'_>) -> Instruction {
    let (import, roots) = python_roots(target);
    let text = format!(
        "{import}from azure.identity import DefaultAzureCredential\n\
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
        roots,
        json(&target.scope)
    );
    let notes = target.notes_of_credential(
        &["packages sqlalchemy, psycopg[binary] and azure-identity"],
        "connect_args={\"prepare_threshold\": None} for psycopg",
    );
    Instruction { client: "sqlalchemy", place: "Python", text, notes }
}

/// The roots for psycopg: the OpenSSL of its wheel has no store of its own, so a file is named.
/// Returns an import and an expression.
pub(super) fn python_roots(target: &Target<'_>) -> (&'static str, String) {
    match target.given_roots() {
        Some(file) => ("", json(file)),
        None => ("import certifi\n", "certifi.where()".to_owned()),
    }
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
    let notes = target.notes_of_credential(
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
             .password(&token);  // from azure_identity, scope {}\n\
         let (client, connection) = config.connect(tls).await?;\n\
         tokio::spawn(connection);",
        target.host, target.port, target.database, target.user, target.scope
    );
    let notes = target.notes(
        &[
            "the TLS connector verifies the server, for example tokio-postgres-rustls with the system's roots",
            "a pool asks for a token each time it opens a connection",
        ],
        "query_typed or simple_query instead of prepared statements",
    );
    Instruction { client: "tokio-postgres", place: "Rust", text, notes }
}

/// asyncpg, which calls a function for the password of each connection.
/// Source: asyncpg documentation, `connect`, parameter `password`.
pub(super) fn asyncpg(target: &Target<'_>) -> Instruction {
    let text = format!(
        "import ssl\n\
         import asyncpg\n\
         from azure.identity.aio import DefaultAzureCredential\n\n\
         credential = DefaultAzureCredential()\n\n\
         async def password():\n    \
             return (await credential.get_token({})).token\n\n\
         # inside a coroutine:\n\
         pool = await asyncpg.create_pool(\n    \
             host={}, port={}, database={}, user={},\n    \
             password=password, ssl=ssl.create_default_context({}))",
        json(&target.scope),
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
        target.given_roots().map(|file| format!("cafile={}", json(file))).unwrap_or_default()
    );
    let notes = target.notes_of_credential(
        &["packages asyncpg, azure-identity and aiohttp"],
        "statement_cache_size=0 for asyncpg",
    );
    Instruction { client: "asyncpg", place: "Python", text, notes }
}

/// Django: a backend whose connection parameters hold a fresh token.
/// Source: Django documentation, "Databases", and `DatabaseWrapper.get_connection_params`.
pub(super) fn django(target: &Target<'_>) -> Instruction {
    let (import, roots) = python_roots(target);
    let text = format!(
        "# entra/base.py (with an empty entra/__init__.py)\n\
         from azure.identity import DefaultAzureCredential\n\
         from django.db.backends.postgresql import base\n\n\
         credential = DefaultAzureCredential()\n\n\
         class DatabaseWrapper(base.DatabaseWrapper):\n    \
             def get_connection_params(self):\n        \
                 parameters = super().get_connection_params()\n        \
                 parameters[\"password\"] = credential.get_token({}).token\n        \
                 return parameters\n\n\
         # settings.py\n\
         {import}DATABASES = {{\"default\": {{\n    \
             \"ENGINE\": \"entra\", \"HOST\": {}, \"PORT\": {}, \"NAME\": {}, \"USER\": {},\n    \
             \"OPTIONS\": {{\"sslmode\": \"{}\", \"sslrootcert\": {roots}}}}}}}",
        json(&target.scope),
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
        target.sslmode,
    );
    let notes = target.notes_of_credential(
        &["packages Django, psycopg[binary] and azure-identity"],
        "DISABLE_SERVER_SIDE_CURSORS = True for Django",
    );
    Instruction { client: "django", place: "Python", text, notes }
}

/// Spring Boot. Source: Spring Cloud Azure documentation, "PostgreSQL support".
pub(super) fn spring_boot(target: &Target<'_>) -> Instruction {
    let mut text = format!(
        "spring.datasource.url=jdbc:postgresql://{}:{}/{}?sslmode={}&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory\n\
         spring.datasource.username={}\n\
         spring.datasource.azure.passwordless-enabled=true",
        target.host,
        target.port,
        uri::encode(target.database),
        target.sslmode,
        properties(target.user),
    );
    if let Some(id) = target.managed_identity {
        text.push_str(&format!(
            "\nspring.cloud.azure.credential.client-id={id}\n\
             spring.cloud.azure.credential.managed-identity-enabled=true"
        ));
    }
    if let Some(tenant) = &target.tenant {
        text.push_str(&format!("\nspring.cloud.azure.profile.tenant-id={}", properties(tenant)));
    }
    let cloud = target.authority.map(|host| match host {
        "login.microsoftonline.us" => "azure_us_government",
        "login.chinacloudapi.cn" => "azure_china",
        _ => "other",
    });
    if let Some(cloud) = cloud {
        text.push_str(&format!("\nspring.cloud.azure.profile.cloud-type={cloud}"));
    }
    let notes = target.notes(
        &["dependency com.azure.spring:spring-cloud-azure-starter-jdbc-postgresql"],
        "prepareThreshold=0 for pgjdbc",
    );
    Instruction { client: "spring-boot", place: "application.properties", text, notes }
}

/// A value in a Java properties file. Source: `java.util.Properties.load`.
fn properties(value: &str) -> String {
    let mut out = String::new();
    for (index, character) in value.chars().enumerate() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if index == 0 => out.push_str("\\ "),
            other if other.is_ascii() => out.push(other),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

/// Rails, whose database.yml is a template that is read once for each process.
/// Source: Rails guides, "Configuring a Database".
pub(super) fn rails(target: &Target<'_>) -> Instruction {
    let text = format!(
        "# config/database.yml\n\
         production:\n  \
           adapter: postgresql\n  host: {}\n  port: {}\n  database: {}\n  username: {}\n  \
           password: <%= ENV[\"PGPASSWORD\"].to_json %>\n  sslmode: {}\n  sslrootcert: {}",
        json(target.host),
        target.port,
        json(target.database),
        json(target.user),
        target.sslmode,
        json(&target.roots)
    );
    let command = target.token.plain(target.shell);
    let note = format!(
        "the token is read when the process starts, and new connections fail after it expires: get it in PGPASSWORD ({command}) and restart the process before it expires"
    );
    let notes = target.notes(&[note.as_str()], "prepared_statements: false for Rails");
    Instruction { client: "rails", place: "YAML", text, notes }
}

/// pgx. Source: pgx documentation, `pgxpool.Config.BeforeConnect`.
pub(super) fn pgx(target: &Target<'_>) -> Instruction {
    let dsn = super::libpq::conninfo(target);
    let text = format!(
        "credential, err := azidentity.NewDefaultAzureCredential(nil)\n\
         if err != nil {{\n\treturn err\n}}\n\
         config, err := pgxpool.ParseConfig({})\n\
         if err != nil {{\n\treturn err\n}}\n\
         config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {{\n\t\
             token, err := credential.GetToken(ctx, policy.TokenRequestOptions{{Scopes: []string{{{}}}}})\n\t\
             if err != nil {{\n\t\treturn err\n\t}}\n\t\
             c.Password = token.Token\n\t\
             return nil\n\
         }}\n\
         pool, err := pgxpool.NewWithConfig(ctx, config)",
        json(&dsn),
        json(&target.scope)
    );
    let notes = target.notes_of_credential(
        &[
            "modules github.com/jackc/pgx/v5 and github.com/Azure/azure-sdk-for-go/sdk/azidentity",
            "pgx reads root certificates only from a file or, without sslrootcert, from the system",
        ],
        "default_query_exec_mode=exec for pgx",
    );
    Instruction { client: "pgx", place: "Go", text, notes }
}

/// sqlx. Source: sqlx documentation, `PgConnectOptions`, `Pool::set_connect_options`.
pub(super) fn sqlx(target: &Target<'_>) -> Instruction {
    let roots = target.given_roots().map(|file| format!("\n    .ssl_root_cert({file:?})"));
    let text = format!(
        "let options = sqlx::postgres::PgConnectOptions::new()\n    \
             .host({:?})\n    .port({})\n    .database({:?})\n    .username({:?})\n    \
             .ssl_mode(sqlx::postgres::PgSslMode::{}){}\n    \
             .password(&token);  // from azure_identity, scope {}\n\
         let pool = sqlx::PgPool::connect_with(options.clone()).await?;\n\
         // before the token expires:\n\
         pool.set_connect_options(options.password(&next_token));",
        target.host,
        target.port,
        target.database,
        target.user,
        if target.sslmode == "verify-ca" { "VerifyCa" } else { "VerifyFull" },
        roots.unwrap_or_default(),
        target.scope
    );
    let notes = target.notes(
        &["crate sqlx with the features postgres, runtime-tokio and tls-rustls"],
        "statement_cache_capacity(0) for sqlx",
    );
    Instruction { client: "sqlx", place: "Rust", text, notes }
}
