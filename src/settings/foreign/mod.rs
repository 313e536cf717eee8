//! Connection strings in the form of other drivers: what people have at hand is often not libpq's.

mod fields;
mod shells;
mod suggest;
mod urls;

use super::{
    keywords::Pairs,
    options::{self, Version},
    uri,
};
use entra_pg_checks::{facts::settings::Converted, text::conninfo_value};
pub(super) use suggest::{doctor_line, misread};

/// A connection string in libpq's form, and what to say of it.
pub(crate) struct Conversion {
    /// The whole string, with its password.
    pub(crate) conninfo: String,
    /// The same without its password, for the report.
    pub(crate) converted: Converted,
}

/// A form by its name, and the pairs that were read.
type Read = (&'static str, Pairs);

/// Keywords of drivers, in lower case and without blanks, `_`, `-` and `.`, and libpq's.
const KEYWORDS: [(&str, &str); 49] = [
    ("host", "host"),
    ("hostname", "host"),
    ("server", "host"),
    ("servername", "host"),
    ("endpoint", "host"),
    ("datasource", "host"),
    ("address", "host"),
    ("addr", "host"),
    ("hostaddr", "hostaddr"),
    ("port", "port"),
    ("user", "user"),
    ("username", "user"),
    ("userid", "user"),
    ("uid", "user"),
    ("login", "user"),
    ("adminlogin", "user"),
    ("administratorlogin", "user"),
    ("serveradminlogin", "user"),
    ("serveradminloginname", "user"),
    ("password", "password"),
    ("pwd", "password"),
    ("pass", "password"),
    ("database", "dbname"),
    ("databasename", "dbname"),
    ("dbname", "dbname"),
    ("db", "dbname"),
    ("initialcatalog", "dbname"),
    ("sslmode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("rootcertificate", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("sslcertificate", "sslcert"),
    ("sslkey", "sslkey"),
    ("sslpassword", "sslpassword"),
    ("timeout", "connect_timeout"),
    ("connecttimeout", "connect_timeout"),
    ("connectiontimeout", "connect_timeout"),
    ("applicationname", "application_name"),
    ("appname", "application_name"),
    ("options", "options"),
    ("channelbinding", "channel_binding"),
    ("gssencmode", "gssencmode"),
    ("requireauth", "require_auth"),
    ("sslnegotiation", "sslnegotiation"),
    ("replication", "replication"),
    ("targetservertype", "target_session_attrs"),
    ("targetsessionattrs", "target_session_attrs"),
    ("targetsessionattributes", "target_session_attrs"),
    ("service", "service"),
];

/// The beginning of a variable or a property before the keyword.
const PREFIXES: [&str; 7] =
    ["springdatasource", "azurepostgresql", "postgresql", "postgres", "database", "db", "pg"];

/// libpq's keyword for that of a driver, of a variable such as `DB_HOST`, or of a label.
fn keyword(name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace([' ', '_', '-', '.'], "");
    let of =
        |name: &str| KEYWORDS.iter().find(|(known, _)| *known == name).map(|(_, keyword)| *keyword);
    of(&plain).or_else(|| {
        PREFIXES
            .iter()
            .filter_map(|prefix| plain.strip_prefix(prefix))
            .find_map(|rest| if rest == "name" { Some("dbname") } else { of(rest) })
    })
}

/// Reads a text that is not in a form of libpq; `None` if libpq's own rules apply.
pub(crate) fn convert(text: &str) -> Option<Conversion> {
    let text = text.trim();
    conversion(connection(text).or_else(|| urls::server_name(text))?)
}

/// The same for `--dbname`, in which the name of a server is the name of a database.
pub(super) fn convert_database(text: &str) -> Option<Conversion> {
    conversion(connection(text.trim())?)
}

fn connection(text: &str) -> Option<Read> {
    let known = urls::jdbc(text)
        .or_else(|| urls::of_library(text))
        .or_else(|| fields::semicolons(text))
        .or_else(|| fields::call(text));
    if known.is_some() || is_of_libpq(text) {
        return known;
    }
    shells::assignment(text)
        .and_then(|value| connection(value).or_else(|| Some(("a variable", libpq_pairs(value)?))))
        .or_else(|| shells::command(text))
        .or_else(|| shells::variables(text))
        .or_else(|| urls::without_scheme(text))
        .or_else(|| urls::with_driver_parameters(text))
        .or_else(|| fields::with_driver_parameters(text))
        .or_else(|| fields::passfile_line(text))
        .or_else(|| fields::labels(text))
}

/// Whether a release of libpq reads a text as a connection string.
fn is_of_libpq(text: &str) -> bool {
    let accepts = |version: &Version| super::parse(text, *version).is_ok();
    is_connection_string(text) && Version::NEWEST_FIRST.iter().any(accepts)
}

/// Whether libpq tries to read a text as a connection string; others are names of databases.
fn is_connection_string(text: &str) -> bool {
    uri::is_uri(text) || text.contains('=')
}

/// The pairs of a connection string or URI that libpq 18 accepts.
fn libpq_pairs(text: &str) -> Option<Pairs> {
    let pairs = || super::parse(text, Version::V18).ok();
    is_connection_string(text).then(pairs)?.map(|(pairs, _)| pairs)
}

fn conversion((form, raw): Read) -> Option<Conversion> {
    let mut found = Found::default();
    raw.into_iter().for_each(|(keyword, value)| found.add(&keyword, value));
    let named = |(keyword, _): &(String, String)| {
        ["host", "hostaddr", "service"].contains(&keyword.as_str())
    };
    found.pairs.iter().any(named).then(|| found.conversion(form))
}

#[derive(Default)]
struct Found {
    pairs: Pairs,
    left_out: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str, value: String) {
        let placeholder = value.starts_with(['{', '<']) && value.ends_with(['}', '>']);
        let own = options::find(name, Version::V18).map(|option| option.keyword);
        match keyword(name).or(own) {
            Some("host") if !placeholder => self.add_host(&value),
            Some(keyword) if !placeholder => {
                self.pairs.push((keyword.to_owned(), translated(keyword, value)));
            }
            None if name.eq_ignore_ascii_case("ssl") => match value.to_ascii_lowercase().as_str() {
                "true" | "require" => self.pairs.push(("sslmode".into(), "require".into())),
                _ => self.left_out.push("ssl".to_owned()),
            },
            _ => self.left_out.push(name.trim().chars().take(40).collect()),
        }
    }

    /// A host; Npgsql allows `host:port`, SQL Server's drivers write `tcp:host,port`.
    fn add_host(&mut self, value: &str) {
        let plain = value.strip_prefix("tcp:").unwrap_or(value);
        let sql_server = plain.split_once(',').filter(|(_, port)| is_number(port));
        let one_colon = |host: &str| host.matches(':').count() <= 1;
        if let Some((host, port)) = sql_server {
            self.pairs.push(("host".to_owned(), host.to_owned()));
            self.pairs.push(("port".to_owned(), port.to_owned()));
        } else if plain.contains(':') && plain.split(',').all(one_colon) && !plain.contains('/') {
            urls::location(plain, &mut self.pairs);
        } else {
            self.pairs.push(("host".to_owned(), plain.to_owned()));
        }
    }

    fn conversion(self, form: &str) -> Conversion {
        let write =
            |(keyword, value): &(String, String)| format!("{keyword}={}", conninfo_value(value));
        let is_secret = |keyword: &str| {
            options::find(keyword, Version::V18).is_some_and(|option| option.secret)
        };
        let shown = self.pairs.iter().filter(|(keyword, _)| !is_secret(keyword)).map(write);
        let converted = Converted {
            form: form.to_owned(),
            conninfo: shown.collect::<Vec<_>>().join(" "),
            left_out: self.left_out,
        };
        let conninfo = self.pairs.iter().map(write).collect::<Vec<_>>().join(" ");
        Conversion { conninfo, converted }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Values that drivers write differently.
fn translated(keyword: &str, value: String) -> String {
    let lower = value.to_ascii_lowercase();
    let known = match (keyword, lower.as_str()) {
        ("sslmode", "verifyfull") => "verify-full",
        ("sslmode", "verifyca") => "verify-ca",
        ("sslmode", "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full") => {
            return lower;
        }
        ("target_session_attrs", "master") => "primary",
        ("target_session_attrs", "secondary" | "slave") => "standby",
        ("target_session_attrs", "prefersecondary" | "preferslave") => "prefer-standby",
        _ => return value,
    };
    known.to_owned()
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text)
}

/// Parameters of drivers that libpq refuses, in lower case and without `_` and `-`.
const OF_DRIVERS: [&str; 53] = [
    "timezone",
    "searchpath",
    "schema",
    "currentschema",
    "encoding",
    "charset",
    "serverversion",
    "driver",
    "adapter",
    "pool",
    "poolsize",
    "maxoverflow",
    "pooltimeout",
    "poolrecycle",
    "poolmaxconns",
    "poolminconns",
    "poolminidleconns",
    "poolmaxconnlifetime",
    "poolmaxconnlifetimejitter",
    "poolmaxconnidletime",
    "poolhealthcheckperiod",
    "defaultqueryexecmode",
    "statementcachecapacity",
    "statementcachemode",
    "descriptioncachecapacity",
    "preparedstatements",
    "preparedstatementcachesize",
    "preparethreshold",
    "prefersimpleprotocol",
    "binaryparameters",
    "minreadbuffersize",
    "pgbouncer",
    "connectionlimit",
    "sockettimeout",
    "querytimeout",
    "commandtimeout",
    "sslaccept",
    "sslidentity",
    "sslfactory",
    "uselibpqcompat",
    "rewritebatchedinserts",
    "stringtype",
    "loggerlevel",
    "tcpkeepalive",
    "statementtimeout",
    "locktimeout",
    "idleintransactionsessiontimeout",
    "clientminmessages",
    "reconnect",
    "trustservercertificate",
    "persistsecurityinfo",
    "dialtimeout",
    "authenticationpluginclassname",
];

/// Whether a parameter belongs to a driver and not to libpq. Migration tools start theirs with `x-`.
fn is_of_driver(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.replace(['_', '-'], "");
    // `ssl-mode` and the like are spellings of libpq's own keywords.
    lower.starts_with("x-") || OF_DRIVERS.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::{convert, convert_database};

    fn read(text: &str) -> String {
        convert(text).map(|read| read.converted.conninfo).unwrap_or_default()
    }

    #[test]
    fn reads_what_people_have() {
        const HOST: &str = "pg.postgres.database.azure.com";
        for (text, conninfo) in [
            (HOST.to_owned(), format!("host='{HOST}'")),
            (format!("{HOST}:6432"), format!("host='{HOST}' port='6432'")),
            (format!("https://{HOST}/"), format!("host='{HOST}'")),
            (
                format!(
                    "jdbc:postgresql://{HOST}:5432/{{your_database}}?user=me%40c.com&password=Geheim&sslmode=require"
                ),
                format!("host='{HOST}' port='5432' user='me@c.com' sslmode='require'"),
            ),
            (
                format!("postgresql+psycopg://me@c.com:Geheim@{HOST}/app?sslmode=verify-full"),
                format!("user='me@c.com' host='{HOST}' dbname='app' sslmode='verify-full'"),
            ),
            (
                format!(
                    "Server={HOST};Database=app;Port=5432;User Id=me@c.com;Password='Ge;heim';Ssl Mode=VerifyFull;"
                ),
                format!(
                    "host='{HOST}' dbname='app' port='5432' user='me@c.com' sslmode='verify-full'"
                ),
            ),
            (
                format!(
                    "psql \"host={HOST} user=me dbname={{your_database}} password={{your_password}} sslmode=require\""
                ),
                format!("host='{HOST}' user='me' sslmode='require'"),
            ),
            (
                format!(
                    "cnx = psycopg2.connect(user=\"me\", password=\"{{your_password}}\", host=\"{HOST}\", port=5432, database=\"app\")"
                ),
                format!("user='me' host='{HOST}' port='5432' dbname='app'"),
            ),
            (
                format!(
                    "var config={{host:\"{HOST}\",user:\"me\",password:\"Geheim\",port:5432}};"
                ),
                format!("host='{HOST}' user='me' port='5432'"),
            ),
            (
                format!("pg_connect(\"host={HOST} port=5432 user=me password=Geheim\");"),
                format!("host='{HOST}' port='5432' user='me'"),
            ),
        ] {
            assert_eq!(read(&text), conninfo, "{text}");
        }
    }

    #[test]
    fn reads_what_is_in_files_and_shells() {
        const HOST: &str = "pg.postgres.database.azure.com";
        let mut wrong = Vec::new();
        let whole = "host='SRV' port='5432' user='me' dbname='app'";
        for (text, conninfo) in [
            ("jdbc:pgsql://SRV/app?user=me", "host='SRV' dbname='app' user='me'"),
            ("jdbc:aws-wrapper:postgresql://SRV:5432/app", "host='SRV' port='5432' dbname='app'"),
            ("r2dbc:pool:postgresql://me:Ge@SRV/app", "user='me' host='SRV' dbname='app'"),
            ("ecto://me:Ge/h#e?im@SRV/app", "user='me' host='SRV' dbname='app'"),
            ("me@c.com@SRV:5432/app", "user='me@c.com' host='SRV' port='5432' dbname='app'"),
            ("SRV,5432", "host='SRV' port='5432'"),
            ("SRV 5432", "host='SRV' port='5432'"),
            ("tcp:SRV,5432", "host='SRV' port='5432'"),
            (
                "Server=tcp:SRV,5432;Initial Catalog=app;User ID=me;Password=Ge",
                "host='SRV' port='5432' dbname='app' user='me'",
            ),
            ("Host=SRV:6432;Username=me", "host='SRV' port='6432' user='me'"),
            (
                "postgresql://me:Ge@SRV/app?schema=public&sslmode=require",
                "user='me' host='SRV' dbname='app' sslmode='require'",
            ),
            ("host=SRV user=me TimeZone=Asia/Shanghai pool_max_conns=5", "host='SRV' user='me'"),
            (
                "psql -h SRV -p 5432 -U me -d app -c 'select 1'",
                "host='SRV' port='5432' user='me' dbname='app'",
            ),
            (
                "PGPASSWORD=Ge psql --host=SRV --username me app",
                "host='SRV' user='me' dbname='app'",
            ),
            ("psql 'postgresql://me:Ge@SRV/app'", "user='me' host='SRV' dbname='app'"),
            ("SRV -U me -d app", "host='SRV' user='me' dbname='app'"),
            ("PGHOST=SRV PGPORT=5432 PGUSER=me PGDATABASE=app", whole),
            (
                "export DB_HOST=SRV\nexport DB_PORT=5432\nexport DB_USER='me'\nexport DB_NAME=app",
                whole,
            ),
            ("$env:PGHOST='SRV'; $env:PGUSER = 'me'", "host='SRV' user='me'"),
            ("set \"PGHOST=SRV\" & set \"PGUSER=me\"", "host='SRV' user='me'"),
            ("DATABASE_URL=postgresql://me:Ge@SRV/app", "user='me' host='SRV' dbname='app'"),
            ("spring.datasource.url=jdbc:postgresql://SRV/app", "host='SRV' dbname='app'"),
            ("\"Default\": \"Host=SRV;Username=me;Password=Ge\",", "host='SRV' user='me'"),
            ("SRV:5432:*:me:Ge:heim", "host='SRV' port='5432' user='me'"),
            ("host: SRV\nuser: me\ndatabase: app", "host='SRV' user='me' dbname='app'"),
            ("Server name: SRV, Login: me", "host='SRV' user='me'"),
            ("pgsql:host=SRV;port=5432;user=me;password=Ge", "host='SRV' port='5432' user='me'"),
            ("dbi:Pg:dbname=app;host=SRV", "dbname='app' host='SRV'"),
            (
                "Driver={PostgreSQL Unicode};Server=SRV;Port=5432;Uid=me;Pwd=Ge;",
                "host='SRV' port='5432' user='me'",
            ),
        ] {
            let (text, conninfo) = (text.replace("SRV", HOST), conninfo.replace("SRV", HOST));
            if read(&text) != conninfo {
                wrong.push(format!("{text}\n    is {}\n  not {conninfo}", read(&text)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_database_that_is_called_like_a_server_stays_a_database() {
        let host = "pg.postgres.database.azure.com";
        assert!(convert(host).is_some() && convert_database(host).is_none());
        let url = format!("jdbc:postgresql://{host}/app?user=me");
        assert!(convert_database(&url).is_some());
    }

    #[test]
    fn leaves_to_libpq_what_libpq_reads() {
        for text in [
            "appdb",
            "db.example",
            "host=h user=u",
            "host=a;b user=c",
            "postgresql://u:p@h/db?sslmode=require",
            "user='f(x)'",
            "",
        ] {
            assert!(convert(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_has_no_password() {
        assert!(convert("host=h port=5432 dbname=; user=a sslmode=verify-full").is_none());
        let read = convert("Host=h;Username=u;Password=Geheim;Pooling=true").expect("converted");
        assert!(read.conninfo.contains("Geheim"));
        assert!(!read.converted.conninfo.contains("Geheim"));
        assert_eq!(read.converted.left_out, ["Pooling"]);
    }
}
