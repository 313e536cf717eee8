"""Generators of settings, with shrinking (hypothesis)."""
import json, sys
from hypothesis import HealthCheck, Phase, given, seed as with_seed, settings, strategies as st

KEYWORDS = """service user password passfile channel_binding connect_timeout dbname host hostaddr port
client_encoding options application_name fallback_application_name keepalives keepalives_idle
keepalives_interval keepalives_count tcp_user_timeout sslmode sslnegotiation sslcompression sslcert
sslkey sslcertmode sslpassword sslrootcert sslcrl sslcrldir sslsni requirepeer require_auth
min_protocol_version max_protocol_version ssl_min_protocol_version ssl_max_protocol_version gssencmode
krbsrvname gsslib gssdelegation replication target_session_attrs load_balance_hosts scram_client_key
scram_server_key oauth_issuer oauth_client_id oauth_client_secret oauth_scope sslkeylogfile""".split()
COMMON = ["host", "hostaddr", "port", "user", "dbname", "password", "sslmode", "service", "passfile"]
ODD = ["requiressl", "servicefile", "ssl", "Host", "HOST", "tty", "username", "database", "", " host",
       "authtype", "sslmod", "PGHOST", "schema", "sslcertmodes"]
VARIABLES = """PGSERVICE PGUSER PGPASSWORD PGPASSFILE PGCHANNELBINDING PGCONNECT_TIMEOUT PGDATABASE PGHOST
PGHOSTADDR PGPORT PGCLIENTENCODING PGOPTIONS PGAPPNAME PGSSLMODE PGSSLNEGOTIATION PGSSLCOMPRESSION
PGSSLCERT PGSSLKEY PGSSLCERTMODE PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI PGREQUIREPEER PGREQUIREAUTH
PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION PGGSSENCMODE
PGKRBSRVNAME PGGSSLIB PGGSSDELEGATION PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGREQUIRESSL
PGSERVICEFILE""".split()
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

KNOWN = {
    "service": ["s", "t", "none", ""],
    "passfile": ["{home}/.pgpass", "/missing", "", "{home}", "/dev/null"],
    "channel_binding": ["disable", "prefer", "require", "Require", "foo"],
    "connect_timeout": ["1", "0", "-1", " 2 ", "abc", "1s", "2.5", "99999999999"],
    "keepalives": ["0", "1", "x", " 1", "2"],
    "keepalives_idle": ["10", "x", "1x", " 7 "],
    "keepalives_interval": ["10", "x", ""],
    "keepalives_count": ["3", "x", "3 3"],
    "tcp_user_timeout": ["0", "1000", "x", "-5"],
    "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "Require",
                "verify_full", "verify-all", " require", "require "],
    "sslnegotiation": ["postgres", "direct", "requiredirect", "foo"],
    "sslcertmode": ["disable", "allow", "require", "foo"],
    "sslrootcert": ["system", "/missing", "System"],
    "sslsni": ["0", "1", "x"],
    "require_auth": ["password", "PASSWORD", "md5,password", "md5, password", "!md5", "!password",
                     "password,!md5", "!md5,password", "password,password", "none", "none,none",
                     "!none", "!none,!none", "none,password", "oauth", "!oauth", "scram-sha-256",
                     "scram-sha-256,scram-sha-256", "gss,sspi", ",", "password,", "!", "!!md5",
                     "oauth,oauth", "!scram-sha-256,!oauth", "!md5,!md5"],
    "min_protocol_version": ["3.0", "3.2", "latest", "3.1", "3", "foo", "4.0", "Latest"],
    "max_protocol_version": ["3.0", "3.2", "latest", "3.1", "3.3", "foo"],
    "ssl_min_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "tlsv1.2", "1.2", "SSLv3"],
    "ssl_max_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "tlsv1.3", "1.3"],
    "gssencmode": ["disable", "prefer", "foo", "Prefer"],
    "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby",
                             "prefer-standby", "foo", "Primary", "slave"],
    "load_balance_hosts": ["disable", "random", "foo", "1"],
    "client_encoding": ["auto", "UTF8", "foo"],
    "scram_client_key": [KEY, "foo", "QUJD", KEY + "=", "====", KEY[:-1]],
    "scram_server_key": [KEY, "foo", "QUJD", KEY[:-4]],
    "host": ["h", "srv.postgres.database.azure.com", "a,b", "a,b,c", ",", "a,,b", "/var/run/postgresql",
             "/tmp/x", "10.0.0.5", "::1", "@x", "h ", " h"],
    "hostaddr": ["10.0.0.5", "127.0.0.1", "10.0.0.1,10.0.0.2", "::1", "fd00::4", ",", "10.0.0.1,"],
    "port": ["5432", "6432", "5432,6432", ",", "0", "65535", "65536", "-1", "x", " 5432", "05432",
             "+5432", "5432 ", "1,,3", "1,2,3", "5432x", "0x1538"],
    "user": ["me@contoso.com", "Prod DB", "O'Neil", "a\\b", "u", "a:b", "g#EXT#@t"],
    "dbname": ["d", "app db", "postgres", "a=b", "postgresql://x/y"],
    "password": ["pw", "p w", "p:w", "p\\w", "p'w", "p@w", "p%w", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"],
    "requiressl": ["0", "1", "", "10", "true"],
    "ssl": ["true", "false", "True", "%74rue", "1"],
    "sslkey": ["/missing"], "sslcert": ["/missing"], "sslcrl": ["/missing"],
    "replication": ["database", "true", "foo"], "options": ["-cx=1", "-c search_path=x"],
}
OF_VARIABLE = {
    "PGSERVICE": "service", "PGUSER": "user", "PGPASSWORD": "password", "PGPASSFILE": "passfile",
    "PGCHANNELBINDING": "channel_binding", "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGDATABASE": "dbname", "PGHOST": "host", "PGHOSTADDR": "hostaddr", "PGPORT": "port",
    "PGCLIENTENCODING": "client_encoding", "PGSSLMODE": "sslmode", "PGOPTIONS": "options",
    "PGSSLNEGOTIATION": "sslnegotiation", "PGSSLCERTMODE": "sslcertmode",
    "PGSSLROOTCERT": "sslrootcert", "PGREQUIREAUTH": "require_auth",
    "PGMINPROTOCOLVERSION": "min_protocol_version", "PGMAXPROTOCOLVERSION": "max_protocol_version",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version", "PGGSSENCMODE": "gssencmode",
    "PGTARGETSESSIONATTRS": "target_session_attrs", "PGLOADBALANCEHOSTS": "load_balance_hosts",
    "PGREQUIRESSL": "requiressl",
}

ALPHABET = "abhu1 =':@/?&%,[]\\#!.-_+\t\v\n2340Ee\u00e9\u3000"
raw = st.text(alphabet=ALPHABET, max_size=24)
word = st.text(alphabet="abcxyzAZ019._-@#", min_size=1, max_size=10)
anything = st.text(
    alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


# gssencmode=require needs a Kerberos ticket before libpq goes on, and an LDAP line a server.
def usable(case):
    text = json.dumps(case)
    return "ldap" not in text


def value_of(keyword):
    known = st.sampled_from(KNOWN.get(keyword, ["x", "1", "some text"]))
    return st.one_of(known, known, known, st.just(""), word, raw, anything)


keyword = st.one_of(st.sampled_from(COMMON), st.sampled_from(KEYWORDS), st.sampled_from(KEYWORDS),
                    st.sampled_from(ODD), word)
pair = keyword.flatmap(lambda name: value_of(name).map(lambda value: (name, value)))
known_keyword = st.one_of(st.sampled_from(COMMON), st.sampled_from(KEYWORDS))
good_pair = known_keyword.flatmap(lambda name: value_of(name).map(lambda value: (name, value)))
blank = st.sampled_from(["", "", "", " ", "  ", "\t", "\n", "\v", "\f", "\r"])
separator = st.sampled_from([" ", " ", " ", "\n", "\t", "\v", "  "])


@st.composite
def written(draw, entry):
    """A pair in one of the spellings of a connection string."""
    name, value = entry
    form = draw(st.sampled_from(["quoted", "quoted", "escaped", "bare", "open"]))
    if form == "quoted":
        text = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    elif form == "escaped":
        text = "".join("\\" + c if c in " '\\\t\n\v\f\r" else c for c in value)
    elif form == "bare":
        text = value
    else:
        text = "'" + value
    return f"{name}{draw(blank)}={draw(blank)}{text}"


@st.composite
def conninfo(draw):
    entries = draw(st.lists(st.one_of(good_pair, good_pair, pair), min_size=1, max_size=5))
    parts = []
    for index, entry in enumerate(entries):
        # An unterminated quote ends the text, so it comes last only.
        text = draw(written(entry))
        parts.append(text if index == 0 else draw(separator) + text)
    return draw(blank) + "".join(parts) + draw(blank)


PERCENT = "".join(chr(c) for c in range(33, 127) if not chr(c).isalnum())


@st.composite
def encoded(draw, value):
    form = draw(st.sampled_from(["all", "all", "raw", "some"]))
    if form == "raw":
        return value
    out = []
    for byte in value.encode("utf-8"):
        char = chr(byte)
        plain = char.isalnum() and byte < 128
        if form == "some":
            plain = plain or draw(st.booleans())
        out.append(char if plain and byte < 128 else f"%{byte:02X}")
    return "".join(out)


@st.composite
def uri(draw):
    scheme = draw(st.sampled_from(["postgresql://", "postgresql://", "postgres://", "postgres:/",
                                   "Postgresql://"]))
    out = scheme
    if draw(st.booleans()):
        out += draw(value_of("user").flatmap(encoded))
        if draw(st.booleans()):
            out += ":" + draw(value_of("password").flatmap(encoded))
        out += "@"
    hosts = draw(st.lists(st.one_of(
        st.sampled_from(["h", "srv.postgres.database.azure.com", "[::1]", "[]", "[::1", "[::1]z", "",
                         " h ", "10.0.0.5", "%2Ftmp", "h%20x"]), word), max_size=3))
    out += ",".join(host + draw(st.one_of(st.just(""), st.just(""), st.just(":"),
                                          value_of("port").map(lambda p: ":" + p)))
                    for host in hosts)
    if draw(st.booleans()):
        out += "/" + draw(value_of("dbname").flatmap(encoded))
    if draw(st.booleans()):
        parameters = []
        for name, value in draw(st.lists(st.one_of(good_pair, pair), max_size=4)):
            parameters.append(draw(st.sampled_from([name, name, name, f"%{ord(name[0]):02X}{name[1:]}"
                                                    if name else ""])) + "="
                              + draw(encoded(value)))
        out += "?" + draw(st.sampled_from(["&", "&", "&", "&&", ";"])).join(parameters)
        out += draw(st.sampled_from(["", "", "", "&", "#x", "=", "&x"]))
    return out


raw_uri = raw.map(lambda text: "postgresql://" + text)
flag = lambda keyword: st.one_of(st.none(), st.none(), st.just(""), value_of(keyword))


@st.composite
def environment(draw, most=5):
    names = draw(st.lists(st.one_of(st.sampled_from(VARIABLES[:12]), st.sampled_from(VARIABLES)),
                          max_size=most, unique=True))
    env = {}
    for name in names:
        if name == "PGSERVICEFILE":
            env[name] = draw(st.sampled_from(
                ["", "/missing", "{home}/.pg_service.conf", "{home}/sys/pg_service.conf"]))
        else:
            env[name] = draw(value_of(OF_VARIABLE.get(name, name)))
    return env


@st.composite
def service_text(draw):
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(
            ["section", "section", "pair", "pair", "pair", "pair", "odd", "blank", "comment", "long",
             "raw"]))
        if kind == "section":
            lines.append(draw(st.sampled_from(["[s]", "[s]", "[t]", "[s] # x", "[s]x]", "[t", " [s] ",
                                               "[]", "[S]", "[s", "[ss]", "[s ]"])))
        elif kind == "pair":
            name, value = draw(good_pair)
            lines.append(f"{name}={value}".replace("\n", " "))
        elif kind == "odd":
            name, value = draw(pair)
            lines.append(draw(st.sampled_from(["{} = {}", "{}= {}", "{} ={}", "{}", ";{}={}", " {}={} ",
                                               "{}={}\t", "#{}={}", "service={}{}"]))
                         .format(name, value).replace("\n", " "))
        elif kind == "blank":
            lines.append(draw(st.sampled_from(["", " ", "\t", "\v"])))
        elif kind == "comment":
            lines.append("# " + draw(word))
        elif kind == "raw":
            lines.append(draw(raw))
        else:
            length = draw(st.integers(1000, 1040))
            lines.append(draw(st.sampled_from(["password=", "#", " ", "options="])) + "x" * length)
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n"]))


field = st.sampled_from(["*", "h", "d", "u", "5432", "localhost", "::1", "\\:\\:1", "a\\:b", "a:b", "H",
                         "10.0.0.5", "\\*", "**", "", "me@contoso.com", "a\\\\b", "a\\b", "05432",
                         "6432", "Prod DB", "/var/run/postgresql", "srv"])
secret = st.sampled_from(["pw", "pa:ss", "pa\\:ss", "pw\\", "p\\\\w", "", "p w", " pw ", "pw:", "x\\y"])


@st.composite
def password_text(draw):
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["line", "line", "line", "comment", "short", "raw"]))
        if kind == "line":
            lines.append(":".join([draw(field) for _ in range(4)] + [draw(secret)]))
        elif kind == "comment":
            lines.append("#" + draw(word))
        elif kind == "short":
            lines.append(":".join(draw(field) for _ in range(draw(st.integers(0, 4)))))
        else:
            lines.append(draw(raw))
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n"]))


@st.composite
def with_connection_string(draw):
    text = draw(st.one_of(conninfo(), conninfo(), raw.filter(lambda text: text)))
    return {"conninfo": text, "env": draw(environment(2))}


@st.composite
def with_uri(draw):
    return {"conninfo": draw(st.one_of(uri(), uri(), raw_uri)), "env": draw(environment(2))}


@st.composite
def with_options(draw):
    where = draw(st.sampled_from(["conninfo", "dbname", "both", "none"]))
    text = draw(st.one_of(conninfo(), uri(), value_of("dbname")))
    case = {"host": draw(flag("host")), "port": draw(flag("port")), "user": draw(flag("user")),
            "env": draw(environment(4))}
    if where in ("conninfo", "dbname"):
        case[where] = text
    elif where == "both":
        # A connection string after -d would be the user's name in psql.
        case["dbname"], case["conninfo"] = draw(word), draw(word)
    return case


@st.composite
def with_environment(draw):
    return {"conninfo": draw(st.one_of(st.none(), st.just(""), st.just("user=u"))),
            "env": draw(environment(8))}


@st.composite
def with_service(draw):
    case = {"env": draw(environment(3)), "service_file": {"text": draw(service_text())}}
    if draw(st.booleans()):
        case["system_service_file"] = {"text": draw(service_text())}
    named = draw(st.sampled_from(["conninfo", "env", "uri"]))
    name = draw(st.sampled_from(["s", "s", "s", "t", "S", ""]))
    if named == "conninfo":
        case["conninfo"] = f"service={name}" if name else "service=''"
    elif named == "uri":
        case["conninfo"] = f"postgresql://?service={name}"
    else:
        case["env"]["PGSERVICE"] = name
    return case


@st.composite
def with_password_file(draw):
    login = {"host": st.sampled_from(["h", "H", "localhost", "::1", "10.0.0.5", "srv", ""]),
             "port": st.sampled_from(["5432", "05432", " 5432", "6432", ""]),
             "user": st.sampled_from(["u", "a:b", "me@contoso.com", "a\\b", "Prod DB"]),
             "dbname": st.sampled_from(["d", "a:b", "app db"])}
    case = {key: draw(st.one_of(st.none(), value, value)) for key, value in login.items()}
    case["env"] = draw(environment(2))
    if draw(st.booleans()):
        case["env"]["PGHOSTADDR"] = draw(st.sampled_from(["10.0.0.5", "::1"]))
        case["host"] = draw(st.sampled_from([None, "h"]))
    case["password_file"] = {"text": draw(password_text()),
                             "mode": draw(st.sampled_from([0o600, 0o600, 0o600, 0o640, 0o604]))}
    return case


@st.composite
def with_timeout(draw):
    return {"host": "127.0.0.1", "answers": True,
            "env": {"PGSSLMODE": "disable", "PGCONNECT_TIMEOUT": draw(value_of("connect_timeout"))}}


# Lists of hosts, addresses and ports, whose lengths must fit, from several sources.
host_list = st.lists(st.sampled_from(["h", "a", "", "::1", "10.0.0.5", "/tmp", "srv.postgres.database.azure.com", " h"]),
                     min_size=1, max_size=4).map(",".join)
address_list = st.lists(st.sampled_from(["10.0.0.1", "", "::1", "fd00::4", "10.0.0", "x", "127.1"]),
                        min_size=1, max_size=4).map(",".join)
port_list = st.lists(st.sampled_from(["5432", "", "6432", "0", " 1", "x", "65536", "05432"]),
                     min_size=1, max_size=4).map(",".join)


@st.composite
def with_lists(draw):
    lists = {"host": host_list, "hostaddr": address_list, "port": port_list}
    places = draw(st.lists(st.tuples(st.sampled_from(list(lists)), st.sampled_from(
        ["conninfo", "conninfo", "env", "flag"])), min_size=1, max_size=5, unique=True))
    case, parts = {"env": {}}, ["user=u"]
    for keyword, where in places:
        value = draw(lists[keyword])
        if where == "env":
            case["env"]["PG" + keyword.upper()] = value
        elif where == "flag" and keyword != "hostaddr":
            case[keyword] = value
        else:
            parts.append(f"{keyword}='{value}'")
    if draw(st.booleans()):
        ports = draw(st.lists(port_list.map(lambda text: text.replace(",", "")), min_size=1, max_size=4))
        hosts = [draw(st.sampled_from(["h", "", "[::1]", "[fe80::1%25lo]", "a"])) + draw(st.sampled_from(
            ["", ":" + port])) for port in ports]
        case["conninfo"] = "postgresql://" + ",".join(hosts) + draw(st.sampled_from(["", "/", "/d", "?port=1,2", "/?host=x"]))
    else:
        case["conninfo"] = " ".join(parts)
    if draw(st.booleans()):
        case["env"]["PGLOADBALANCEHOSTS"] = draw(st.sampled_from(["random", "disable", "x"]))
    return case


# Names and values in Unicode, and long ones.
wide = st.text(alphabet="\u00a0\u0085\u2028\u200b\ufeff\u00fcA'\\ =%@", min_size=1, max_size=8)
long_text = st.integers(300, 5000).map(lambda length: "x" * length)


@st.composite
def with_wide_values(draw):
    value = draw(st.one_of(wide, long_text, st.tuples(wide, long_text).map("".join)))
    name = draw(st.sampled_from(["user", "dbname", "password", "application_name", "options", "sslmode", "host"]))
    form = draw(st.sampled_from(["conninfo", "uri", "env", "flag", "passfile", "service"]))
    case = {"env": draw(environment(1))}
    if form == "conninfo":
        case["conninfo"] = draw(written((name, value)))
    elif form == "uri":
        case["conninfo"] = f"postgresql://{draw(encoded(value))}@h/{draw(encoded(value))}?application_name={draw(encoded(value))}"
    elif form == "env":
        variable = {keyword: variable for variable, keyword in OF_VARIABLE.items()}.get(name)
        case["env"][variable or "PGAPPNAME"] = value
    elif form == "flag":
        case["user"] = value
    elif form == "passfile":
        case |= {"host": "h", "user": "u", "dbname": "d"}
        case["password_file"] = {"text": f"h:5432:d:u:{value}\n{value}:*:*:*:second\n*:*:*:*:third"}
    else:
        case["conninfo"] = "service=s"
        case["service_file"] = {"text": f"[s]\n{name}={value}\nhost=h\n"}
    return case


@st.composite
def with_two_arguments(draw):
    """psql -d A B: the first is the database or a connection string, the second the user."""
    return {"dbname": draw(st.one_of(word, conninfo(), uri())), "conninfo": draw(word),
            "user": draw(flag("user")), "host": draw(flag("host")), "env": draw(environment(3))}


@st.composite
def with_every_keyword(draw):
    """One or two settings, each with a value that libpq may refuse, from any source."""
    case, parts, lines = {"env": {}}, [], ["[s]"]
    names = {keyword: variable for variable, keyword in OF_VARIABLE.items() if keyword != "requiressl"}
    for keyword in draw(st.lists(st.sampled_from(sorted(set(KNOWN) - {"service", "ssl"})), min_size=1, max_size=3, unique=True)):
        value = draw(st.one_of(st.sampled_from(KNOWN[keyword]), st.sampled_from(
            ["", " ", "0", "1", "on", "off", "true", "x", "disable", "prefer", "require", "any", "-1", "3.0"])))
        if (keyword, value) == ("gssencmode", "require"):
            continue
        where = draw(st.sampled_from(["conninfo", "env", "service"]))
        if where == "env" and keyword in names:
            case["env"][names[keyword]] = value
        elif where == "service" and "\n" not in value and keyword != "requiressl":
            lines.append(f"{keyword}={value}")
        else:
            parts.append(f"{keyword}='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'")
    case["conninfo"] = " ".join(parts)
    if len(lines) > 1:
        case["conninfo"] = (case["conninfo"] + " service=s").strip()
        case["service_file"] = {"text": "\n".join(lines) + "\n"}
    return case


GENERATORS = {
    "lists": with_lists(),
    "wide-values": with_wide_values(),
    "two-arguments": with_two_arguments(),
    "every-keyword": with_every_keyword(),
    "connection-strings": with_connection_string(),
    "uris": with_uri(),
    "options": with_options(),
    "environment": with_environment(),
    "service-files": with_service(),
    "password-files": with_password_file(),
    "timeouts": with_timeout(),
}


def run(bench, count, seed, only, survey):
    """Runs every generator; the number of disagreements by version."""
    failed = {}
    for name, strategy in GENERATORS.items():
        if only and name != only:
            continue
        seen = {}

        @with_seed(seed)
        @settings(max_examples=count, deadline=None, database=None, print_blob=False,
                  suppress_health_check=list(HealthCheck),
                  phases=[Phase.generate] if survey else [Phase.generate, Phase.shrink])
        @given(strategy.filter(usable))
        def compare(case):
            found = bench.check(case)
            if survey:
                for version, difference in found.items():
                    failed[version] = failed.get(version, 0) + 1
                    if len(seen) < 400:
                        seen.setdefault(json.dumps(difference, sort_keys=True)[:160], (version, case))
            else:
                assert not found, json.dumps({"case": case, "found": found}, ensure_ascii=False)

        try:
            compare()
        except AssertionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            for version in json.loads(str(error).splitlines()[0])["found"]:
                failed[int(version)] = failed.get(int(version), 0) + 1
        for difference, (version, case) in seen.items():
            print(f"{name} libpq {version}: {difference}\n    {json.dumps(case)[:600]}")
    return failed
