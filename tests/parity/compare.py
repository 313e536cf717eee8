#!/usr/bin/env python3
"""Compares how the doctor reads settings with what real releases of libpq make of them.

Each generated case is a set of arguments as psql takes them, an environment, a service file and a
password file. libpq gets it through PQconnectdbParams, with the parameters that psql passes, in a
network namespace without a network: an error before the first contact is a refusal. The doctor gets it
through the example program `parity`. Both must agree on refusal and on every value.
"""
import argparse, ctypes, fcntl, json, os, random, re, shutil, socket, struct, subprocess, sys
import tempfile, threading
from pathlib import Path

# Errors of the network, after libpq has accepted the settings.
CONTACT = re.compile(
    r"connection to server|could not translate host name|could not connect|"
    r"Unix-domain socket path|could not look up local user ID|fe_sendauth")
# Errors of settings that libpq finds only when it opens the socket.
LATE = re.compile(
    r"invalid integer value|invalid port number|port must be a number|setsockopt|could not parse network address")
VALUES = ["sslmode", "channel_binding", "require_auth"]


class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in
                ("keyword", "envvar", "compiled", "val", "label", "dispchar")] + [
                    ("dispsize", ctypes.c_int)]


class Libpq:
    """The library, in a process of its own."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        for name in ("PQconninfo", "PQconndefaults"):
            getattr(self.lib, name).restype = ctypes.POINTER(Option)
        self.lib.PQconninfo.argtypes = [ctypes.c_void_p]
        self.lib.PQconninfoFree.argtypes = [ctypes.POINTER(Option)]
        self.lib.PQconnectdbParams.restype = ctypes.c_void_p
        for name in ("PQerrorMessage", "PQpass"):
            getattr(self.lib, name).restype = ctypes.c_char_p
            getattr(self.lib, name).argtypes = [ctypes.c_void_p]
        self.lib.PQfinish.argtypes = [ctypes.c_void_p]
        self.version = self.lib.PQlibVersion() // 10000

    def options(self, pointer):
        found, index = {}, 0
        while pointer and pointer[index].keyword:
            value = pointer[index].val
            if value is not None:
                found[pointer[index].keyword.decode()] = value.decode("utf-8", "replace")
            index += 1
        if pointer:
            self.lib.PQconninfoFree(pointer)
        return found

    def ask(self, case):
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]
        os.environ.update(case["env"])
        conninfo, dbname, user = case.get("conninfo"), case.get("dbname"), case.get("user")
        # psql: the first plain argument is the database, the second the user.
        if conninfo is not None:
            if dbname is None:
                dbname = conninfo
            elif user is None:
                user = conninfo
        given = [("host", case.get("host")), ("port", case.get("port")), ("user", user),
                 ("password", None), ("dbname", dbname), ("fallback_application_name", "psql")]
        keywords = (ctypes.c_char_p * (len(given) + 1))(*[k.encode() for k, _ in given], None)
        values = (ctypes.c_char_p * (len(given) + 1))(
            *[None if v is None else v.encode() for _, v in given], None)
        conn = self.lib.PQconnectdbParams(keywords, values, 1)
        message = self.lib.PQerrorMessage(conn).decode("utf-8", "replace")
        options = self.options(self.lib.PQconninfo(conn))
        password = self.lib.PQpass(conn)
        self.lib.PQfinish(conn)
        if LATE.search(message) or not CONTACT.search(message):
            hosts = [options.get("host", ""), options.get("hostaddr", "")]
            return {"refused": message.strip(), "hosts": hosts}
        hosts = [options.get("host", ""), options.get("hostaddr", "")]
        unresolved = "could not translate host name" in message
        return {"options": options, "hosts": hosts, "unresolved": unresolved, "password": (password or b"").decode("utf-8", "replace")}


def worker(path):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    libpq = Libpq(path)
    print(libpq.version, flush=True)
    for line in sys.stdin:
        print(json.dumps(libpq.ask(json.loads(line))), flush=True)


def hang_up():
    """A server that ends every connection. libpq reads connect_timeout only after it has begun to
    connect, so that cases about it need an address that answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        loopback = struct.pack("16sh", b"lo", 1 | 0x40)  # up and running
        fcntl.ioctl(control, 0x8914, loopback)  # SIOCSIFFLAGS
    listener = socket.create_server(("127.0.0.1", 5432), backlog=64)

    def serve():
        while True:
            listener.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()


class Peer:
    """A process that answers a JSON line with a JSON line."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            **options)

    def line(self):
        return self.process.stdout.readline()

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())


def expected(answer):
    """What libpq read, in the terms of the doctor's settings."""
    options = answer["options"]
    hosts = options.get("host", "").split(",") if options.get("host") else []
    addresses = options.get("hostaddr", "").split(",") if options.get("hostaddr") else []
    ports = options.get("port", "").split(",")
    user = options.get("user") or os.environ.get("PARITY_USER", "")
    count = max(len(hosts), len(addresses), 1)
    number = lambda text: int(text) if text.strip() else 5432
    port = lambda index: number(ports[0] if len(ports) == 1 else ports[index])
    name = lambda index: (hosts[index] if hosts else "") or (addresses[index] if addresses else "")
    seen = {
        "host": name(0),
        "hostaddr": addresses[0] if addresses else "",
        "port": port(0),
        "next": [[name(index), port(index)] for index in range(1, count)],
        "user": user,
        "dbname": options.get("dbname") or user,
    }
    for keyword in VALUES:
        seen[keyword] = options.get(keyword)
    if count == 1:
        seen["password"] = answer["password"]
    return seen


def actual(answer, single):
    settings = answer["settings"]
    value = lambda key: (settings.get(key) or {}).get("value")
    seen = {
        "host": value("host") or "",
        "hostaddr": value("hostaddr") or "",
        "port": value("port"),
        "next": [[entry["host"], entry["port"]] for entry in settings["next_hosts"]],
        "user": value("user"),
        "dbname": value("database"),
        "sslmode": value("sslmode"),
        "channel_binding": value("channel_binding"),
        "require_auth": value("require_auth"),
    }
    if single:
        seen["password"] = answer["password"] or ""
    return seen


# The values that differ between builds, or that only the build knows.
BUILD = {"gssencmode", "krbsrvname", "options", "sslcompression", "sslsni", "gssdelegation",
         "target_session_attrs", "load_balance_hosts", "sslnegotiation", "ssl_min_protocol_version",
         "fallback_application_name", "sslcertmode"}


def others(options, settings):
    """Every setting without a field of its own: what libpq has beyond its defaults must be there."""
    known = {entry["keyword"]: entry["value"] for entry in settings["others"]}
    fields = {"service", "user", "password", "passfile", "channel_binding", "dbname", "host",
              "hostaddr", "port", "sslmode", "sslrootcert", "require_auth"}
    secrets = {"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
    missing = []
    for keyword, value in options.items():
        if keyword in fields or (keyword in BUILD and keyword not in known):
            continue
        if keyword == "fallback_application_name":
            continue  # psql sets it after the connection string.
        if keyword == "client_encoding" and known.get(keyword) == "auto":
            continue  # libpq replaces it by the encoding of the locale.
        if keyword not in known or (keyword not in secrets and known[keyword] != value):
            missing.append((keyword, value, known.get(keyword)))
    return missing


def disagreement(case, libpq, doctor):
    """What the two do not agree on; None where they agree."""
    several = any("," in text for text in (libpq.get("hosts") or []))
    if several and LATE.search(libpq.get("refused", "") + doctor.get("refused", "")):
        return None  # libpq goes on to the next host.
    if libpq.get("unresolved") and LATE.search(doctor.get("refused", "")):
        return None  # libpq has opened no socket, and so not read these options.
    if ("refused" in libpq) != ("refused" in doctor):
        return {"libpq": libpq.get("refused", "accepts"), "doctor": doctor.get("refused", "accepts")}
    if "refused" in libpq:
        return None
    want = expected(libpq)
    got = actual(doctor, "password" in want)
    wrong = {key: {"libpq": want[key], "doctor": got[key]} for key in want if want[key] != got[key]}
    # A password in a host is masked.
    if "***" in json.dumps([got["host"], got["next"]]):
        wrong = {key: value for key, value in wrong.items() if key not in ("host", "next")}
    for keyword, value, known in others(libpq["options"], doctor["settings"]):
        wrong[keyword] = {"libpq": value, "doctor": known}
    return wrong or None


class Bench:
    """The doctor and the libraries, over one folder of files."""

    def __init__(self, driver, libraries):
        self.folder = Path(tempfile.mkdtemp(prefix="parity-"))
        (self.folder / "sys").mkdir()
        self.driver = Peer([driver])
        self.libraries = []
        for path in libraries:
            environment = dict(os.environ, LD_LIBRARY_PATH=str(Path(path).parent))
            peer = Peer([sys.executable, __file__, "--worker", path], env=environment)
            self.libraries.append((int(peer.line()), peer))
        self.counted = {version: 0 for version, _ in self.libraries}

    def write(self, name, entry):
        path = self.folder / name
        if path.exists() or path.is_symlink():
            path.unlink()
        if entry is not None:
            path.write_bytes(entry["text"].encode("utf-8"))
            path.chmod(entry.get("mode", 0o600))

    def check(self, case):
        """The disagreements by version."""
        self.write(".pg_service.conf", case.get("service_file"))
        self.write("sys/pg_service.conf", case.get("system_service_file"))
        self.write(".pgpass", case.get("password_file"))
        place = lambda text: text.replace("{home}", str(self.folder))
        env = {name: place(value) for name, value in case.get("env", {}).items()}
        env = {"HOME": str(self.folder), "PGSYSCONFDIR": str(self.folder / "sys"), **env}
        asked = {key: case.get(key) for key in ("conninfo", "host", "port", "user", "dbname")}
        found = {}
        for version, peer in self.libraries:
            libpq = peer.ask({**asked, "env": env})
            doctor = self.driver.ask({**asked, "env": env, "version": version})
            self.counted[version] += 1
            difference = disagreement(case, libpq, doctor)
            if difference and not deliberate(case, doctor):
                found[version] = difference
        return found

    def close(self):
        for peer in [self.driver, *(peer for _, peer in self.libraries)]:
            peer.process.stdin.close()
            peer.process.wait()
        shutil.rmtree(self.folder)


def deliberate(case, doctor):
    """Where the doctor differs on purpose: libpq would take a piece of a password for the host, or ask
    an LDAP server for settings."""
    refused = doctor.get("refused", "")
    if "connect_timeout" in refused and case.get("answers") is None:
        return True  # libpq has not come that far.
    return "an @ that is not encoded" in refused or "LDAP" in refused


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker")
    parser.add_argument("--driver")
    parser.add_argument("--libpq", action="append", default=[])
    parser.add_argument("--count", type=int, default=2000, help="cases per generator and release")
    parser.add_argument("--seed", type=int, default=None, help="a fixed seed; by default a random one")
    parser.add_argument("--only", help="one generator")
    parser.add_argument("--survey", action="store_true", help="list disagreements instead of stopping")
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker)
    import generators
    import getpass
    os.environ["PARITY_USER"] = getpass.getuser()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", file=sys.stderr)
    hang_up()
    bench = Bench(args.driver, args.libpq)
    failed = generators.run(bench, args.count, seed, args.only, args.survey)
    for version, count in bench.counted.items():
        print(f"libpq {version}: {count} inputs, {failed.get(version, 0)} disagreements")
    bench.close()
    return 1 if any(failed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
