"""The attacks. Each is a value of `Attack`; `all_attacks` lists them by class."""

import base64
import io
import itertools
import json
import os
import resource
import stat
import shutil
import struct
import subprocess
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import scan
from servers import (
    ACCEPTED, ADDRESSES, EVIL, METADATA, NAMESERVER, READY, SERVER, TENANT, drip, endless_body, error, flood,
    message, parameter, reply, reset, response, send, silent,
)

PIPELINE = "##vso[task.setvariable variable=NODE_OPTIONS]--require=/tmp/x"
# Everything that acts somewhere: terminals, CI logs, markup, shells.
ACTIVE = (
    "\x1b]0;owned\x07\x1b[31m\u009b31m\u202e\u2066\u200b\u00ad\u061c\u180e\u2028\U000e0041"
    f"{PIPELINE}\n::stop-commands::x\n ::set-env name=A::b\n##[command]x\r::error::y"
    "</title><script>alert(1)</script><img src=x onerror=alert(1)> |x| `x` $(touch PWNED) [a](javascript:x)"
)
CLIENT_SECRET = "kQ87Q~vN3mXr0ZtYcB5aWq2Lp9DfHjKsEuGx1"
# Commands without --deadline, with a debug build on a busy machine.
OFFLINE = 10
REFRESH_TOKEN = "M.C547_BAY.0.U.-CqZ0v3TnXfWmKjR8sLbYdHgPaQeUc5tV1iOoNz7xM2wE4yA6lB9kF"


@dataclass
class Attack:
    kind: str
    name: str
    # Changes the servers and writes files: a function of the world and the folder of the run.
    setup: object = None
    argv: object = ()
    env: dict = field(default_factory=dict)
    stdin: object = None
    timeout: float = 1
    deadline: float = 3
    live: bool = True
    reports: bool = True
    exits: frozenset = frozenset({0, 1, 2, 3})
    # Places that may receive the secrets.
    trusted: frozenset = frozenset()
    hides: object = None
    shows_token: bool = False
    limits: dict = field(default_factory=dict)
    verify: object = None
    umask: int = 0o022
    marker: str = "task.setvariable"
    sample: bool = False

    def environment(self, world, folder):
        base = {
            "PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
            "SSL_CERT_FILE": str(world.authority.root), "SSL_CERT_DIR": str(folder / "empty"),
            "ENTRA_PG_PUBLIC_ROOTS": str(world.authority.root), "RUST_BACKTRACE": "0",
        }
        if self.live:
            base |= {
                "PGHOST": SERVER, "PGUSER": "alice@contoso.com", "PGDATABASE": "appdb",
                "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(world.authority.root),
                "PGPASSWORD": world.token,
            }
        for name, value in self.env.items():
            value = value(world, folder) if callable(value) else value
            if value is None:
                base.pop(name, None)
            else:
                base[name] = value
        return base

    def arguments(self, world, folder):
        argv = self.argv(world, folder) if callable(self.argv) else self.argv
        if self.live and (not argv or argv[0] not in ("token", "fleet", "exec", "bundle", "preflight")):
            argv = ["doctor", *argv]
        if self.live:
            argv = [*argv, "--timeout", f"{self.timeout}s", "--deadline", f"{self.deadline}s"]
        return [str(argument) for argument in argv]

    def prepare(self, world, folder):
        (folder / "empty").mkdir()
        if self.setup:
            self.setup(world, folder)

    def secrets(self, world):
        named = self.hides(world) if callable(self.hides) else {}
        if self.live and self.hides is None:
            named = {"the token": world.token}
        return [scan.Secret(name, text) for name, text in named.items()]

    def check(self, world, texts):
        return self.verify(world, texts) if self.verify else ()


VERIFIED = frozenset({"postgres"})


def postgres():
    def before(name, behave, **options):
        def setup(world, folder):
            world.postgres.before_tls = behave

        return Attack("postgres", f"before TLS: {name}", setup, **options)

    def first(name, behave, **options):
        def setup(world, folder):
            world.postgres.first = behave

        return Attack("postgres", f"before the request for a password: {name}", setup, trusted=VERIFIED, **options)

    def later(name, behave, **options):
        def setup(world, folder):
            world.postgres.after_password = behave

        return Attack("postgres", f"after the password: {name}", setup, trusted=VERIFIED, **options)

    def query(name, behave, **options):
        def setup(world, folder):
            world.postgres.answer = behave

        return Attack("postgres", f"answer to a query: {name}", setup, trusted=VERIFIED, **options)

    yield before("an error that is a CI command", send(error(ACTIVE, "M" + PIPELINE, "\x1b[1m0")), sample=True)
    yield before("an error without end", flood(b"x", b"EFATAL: "))
    yield before("an error of version 2", send(b"EFATAL:  " + ACTIVE.encode() + b"\n\0"))
    yield before("plain text after S", send(b"S" + error(ACTIVE)))
    yield before("a cleartext request after S", send(b"S" + message(b"R", struct.pack(">I", 3))))
    yield before("an HTTP server", send(b"HTTP/1.1 400 " + ACTIVE.encode() + b"\r\n\r\n"))
    yield before("an SSH server", send(b"SSH-2.0-" + ACTIVE.encode() + b"\r\n"))
    yield before("byte by byte", drip(b"E" + ACTIVE.encode()))
    yield before("silence", silent)
    yield before("a reset", reset)
    yield before("N without end", flood(b"N"))
    yield before("a TLS record without end", drip(b"\x16\x03\x03\x3f\xff\x02", b"S"))
    yield before("an endless TLS record", flood(b"\x16\x03\x03\x40\x00" + b"\0" * 16384, b"S"))
    yield before("TLS alerts without end", flood(b"\x15\x03\x03\x00\x02\x01\x00", b"S"))
    hostile = error(ACTIVE, ACTIVE[:20], "28P01", D=ACTIVE, H=ACTIVE, W=ACTIVE, F=ACTIVE, R=ACTIVE)
    yield first("a hostile error", send(hostile), sample=True)
    yield first("notices without end", flood(error(ACTIVE, "NOTICE", kind=b"N")))
    for length in (0, 3, 2**31 - 1, 2**32 - 1):
        yield first(f"a message of length {length}", send(b"R" + struct.pack(">I", length)))
    yield first("an error of 2 GB", flood(b"x", b"E" + struct.pack(">I", 2**31 - 1) + b"M"))
    yield first("GSS", send(message(b"R", struct.pack(">I", 7))))
    yield first("MD5", send(message(b"R", struct.pack(">I", 5) + b"salt")))
    mechanisms = b"SCRAM-SHA-256\0" + ACTIVE.encode().replace(b"\0", b"") + b"\0\0"
    yield first("SASL with a hostile mechanism", send(message(b"R", struct.pack(">I", 10) + mechanisms)))
    yield first("a request of an unknown kind", send(message(b"R", struct.pack(">I", 999))))
    yield first("negotiation with hostile options", send(
        message(b"v", struct.pack(">II", 3, 1) + ACTIVE.encode() + b"\0") + hostile))
    yield later("a hostile error", send(hostile), sample=True)
    yield later("an error of 2 GB", flood(b"x", b"E" + struct.pack(">I", 2**31 - 1) + b"M"), sample=True)
    yield later("parameters without end", flood(parameter("name", "x" * 900), ACCEPTED))
    yield later("new parameters without end", lambda stream: [
        stream.sendall(b"".join(parameter(f"n{number}_{at}", "x" * 900) for at in range(64)))
        for number in itertools.count()])
    yield later("notices without end", flood(error(ACTIVE, "NOTICE", kind=b"N"), ACCEPTED + READY))
    yield later("notifications without end", flood(
        message(b"A", struct.pack(">I", 1) + b"channel\0" + b"x" * 900 + b"\0"), ACCEPTED + READY))
    yield later("a second request for the password", send(message(b"R", struct.pack(">I", 3)) * 100))
    yield later("SASL after the token", send(message(b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0")))
    yield later("hostile parameters", send(
        ACCEPTED + parameter("server_version", ACTIVE) + parameter(ACTIVE[:30], ACTIVE) + READY + hostile))
    yield later("silence", silent)
    yield later("byte by byte", drip(hostile))
    column = message(b"T", struct.pack(">H", 1) + b"c\0" + struct.pack(">IHIHIH", 0, 0, 25, 0xFFFF, 0, 0))
    row = message(b"D", struct.pack(">HI", 1, 4096) + b"x" * 4096)
    yield query("rows without end", flood(row, column), sample=True)
    yield query("columns without end", flood(b"c\0" + bytes(18), b"T" + struct.pack(">IH", 2**31 - 1, 65535)))
    yield query("hostile rows", send(
        column + message(b"D", struct.pack(">HI", 1, len(ACTIVE.encode())) + ACTIVE.encode())
        + message(b"C", b"SELECT 1\0") + READY))
    yield query("hostile errors", send(hostile + READY))


def certificates():
    """A token in any setting, and a server of another identity: nothing of it may be sent."""
    settings = {
        "PGPASSWORD": {}, "PGUSER": {"PGPASSWORD": None}, "PGDATABASE": {"PGPASSWORD": None},
        "PGAPPNAME": {}, "PGOPTIONS": {}, "PGHOST": {"PGPASSWORD": None}, "PGTZ": {}, "PGDATESTYLE": {},
        "PGCLIENTENCODING": {}, "AZURE_CLIENT_ID": {}, "AZURE_TENANT_ID": {}, "PGSERVICE": {},
        "PGTARGETSESSIONATTRS": {}, "PGPORT": {}, "PGSSLSNI": {}, "PGCHANNELBINDING": {},
    }
    forms = {
        "whole": lambda token: token,
        "a quarter": lambda token: token[200:260],
        "spaced": lambda token: " ".join(token[:400]),
        "base64": lambda token: base64.b64encode(token.encode()).decode()[:900],
        "hex": lambda token: token.encode().hex()[:900],
        "reversed": lambda token: token[::-1],
    }
    for certificate in ("self-signed", "wrong name", "server"):
        def misplaced(world, folder, certificate=certificate):
            world.postgres.certificate = certificate

        for setting, more in settings.items():
            for form, change in forms.items():
                short = form in ("whole", "a quarter") or setting in ("PGUSER", "PGDATABASE")
                if not short or certificate != "self-signed" and setting not in ("PGUSER", "PGDATABASE"):
                    continue
                if form != "whole" and setting in ("PGPASSWORD",):
                    continue
                value = lambda world, folder, change=change: change(world.token)
                # What is not known to be a token is found by its shape only.
                known = more if form == "whole" else {}
                trusted = VERIFIED if certificate == "server" else frozenset()
                yield Attack(
                    "misplaced token", f"{setting} holds the token ({form}), certificate {certificate}",
                    misplaced, env={**known, setting: value}, trusted=trusted,
                    hides=(lambda world: {"the token": world.token}),
                    sample=(setting, form, certificate) in {
                        ("PGUSER", "whole", "self-signed"), ("PGHOST", "a quarter", "self-signed")},
                )


    problems = {
        "self-signed": "server/tls-untrusted", "self-signed server": "server/tls-untrusted", "wrong name": "server/tls-wrong-name",
        "for clients": "server/tls-invalid-chain", "for mail": "server/tls-invalid-chain",
    }
    for certificate, problem in problems.items():
        def presented(world, folder, certificate=certificate):
            world.postgres.certificate = certificate

        yield Attack("certificate", f"the server's certificate is {certificate}", presented, verify=names_problem(problem),
                     sample=certificate in ("self-signed", "for clients"))


def problem_of(texts):
    """The problem that the JSON report names as the cause."""
    return (json.loads(texts["report.json"]).get("verdict") or {}).get("problem")


def names_problem(*wanted):
    def check(world, texts):
        if problem_of(texts) not in wanted:
            yield f"the cause is {problem_of(texts)}, not {' or '.join(map(str, wanted))}"

    return check


def is_explained(world, texts):
    if problem_of(texts) is None:
        yield "no cause is named"


def echoes():
    """The server gives the token back in every encoding; no output may show it."""
    def spread(token, between):
        return between.join(token)

    encodings = {
        "whole": lambda token: token,
        "spaced": lambda token: spread(token, " "),
        "zero width": lambda token: spread(token, "\u200b"),
        "tag characters": lambda token: spread(token, "\U000e0041"),
        "groups of 15": lambda token: " ".join(token[at : at + 15] for at in range(0, len(token), 15)),
        "groups of 15 with dashes": lambda token: "-".join(token[at : at + 15] for at in range(0, len(token), 15)),
        "lines of 8": lambda token: "\n".join(token[at : at + 8] for at in range(0, len(token), 8)),
        "reversed": lambda token: token[::-1],
        "upper case": lambda token: token.upper(),
        "base64": lambda token: base64.b64encode(token.encode()).decode(),
        "base64 from the second byte": lambda token: base64.b64encode(b"x" + token.encode()).decode(),
        "base64url of a part": lambda token: base64.urlsafe_b64encode(token[100:160].encode()).decode(),
        "base64 of base64": lambda token: base64.b64encode(base64.b64encode(token.encode())).decode(),
        "hex": lambda token: token.encode().hex(),
        "hex in upper case": lambda token: token.encode().hex().upper(),
        "hex with colons": lambda token: token.encode().hex(":"),
        "a part in hex": lambda token: token[90:130].encode().hex(),
        "percent": lambda token: "".join(f"%{byte:02X}" for byte in token.encode()),
        "percent twice": lambda token: "".join(f"%25{byte:02X}" for byte in token.encode()),
        "\\u escapes": lambda token: "".join(f"\\u{ord(letter):04x}" for letter in token),
        "HTML references": lambda token: "".join(f"&#{ord(letter)};" for letter in token),
        "the middle": lambda token: token[150:190],
        "the signature": lambda token: token.rsplit(".", 1)[1],
        "a refresh token": lambda token: f"refresh_token={REFRESH_TOKEN}",
    }
    def pieces(text):
        return {"message": dict(text=text), "detail": dict(text="no", D=text), "SQLSTATE": dict(text="no", code=text),
                "routine and severity": dict(text="no", severity=text, R=text)}

    fields = ["message", "detail", "SQLSTATE", "routine and severity"]
    for name, change in encodings.items():
        for place in fields if name in ("whole", "zero width", "base64", "a part in hex") else fields[:1]:
            def setup(world, folder, change=change, place=place):
                parts = dict(pieces(change(world.token))[place])
                world.postgres.after_password = send(error(parts.pop("text"), **parts))

            yield Attack(
                "echoed token", f"{name} in the {place}", setup, trusted=VERIFIED, argv=["-vv"],
                hides=(lambda world: {"the token": world.token, "a refresh token": REFRESH_TOKEN}),
                sample=(name, place) in {("zero width", "message"), ("a part in hex", "detail")},
            )

    def halves(world, folder):
        middle = len(world.token) // 2
        text, rest = world.token[:middle], world.token[middle:]
        world.postgres.after_password = send(error(text, D=rest))

    yield Attack("echoed token", "halves in two fields", halves, trusted=VERIFIED)

    def bundled(world, folder):
        spaced = "\u200b".join(world.token)
        world.postgres.after_password = send(error(spaced))

    def no_bundle_with_it(world, texts):
        return ()

    yield Attack(
        "echoed token", "zero width, with a bundle", bundled, trusted=VERIFIED,
        argv=["--bundle", "bundle.zip"], exits=frozenset({0, 1, 2, 3, 4}),
    )


ENTRA = "login.microsoftonline.com"
PRINCIPAL = {
    "PGPASSWORD": None, "AZURE_CLIENT_ID": "cccccccc-0000-0000-0000-0000000000a1",
    "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_SECRET": CLIENT_SECRET,
}
HIDES_SECRET = lambda world: {"the client secret": CLIENT_SECRET, "the token": world.token}
OVER_TLS = frozenset({f"{ENTRA} over TLS", "postgres"})


def http():
    answers = {
        "a block page": send(response(
            f"<html><title>{ACTIVE}</title>blocked</html>", "403 " + "x", kind="text/html")),
        "a body without end": endless_body(),
        "a JSON text without end": endless_body(start=b'{"error":"', unit=b"x"),
        "nesting without end": endless_body(start=b"", unit=b"["),
        "headers without end": flood(b"X-More: and more\r\n", b"HTTP/1.1 200 OK\r\n"),
        "one header without end": flood(b"x", b"HTTP/1.1 200 OK\r\nX-More: "),
        "interim answers without end": flood(b"HTTP/1.1 100 Continue\r\n\r\n"),
        "chunks without end": flood(b"1\r\n \r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "byte by byte": drip(b"HTTP/1.1 200 OK\r\nContent-Type: x\r\n"),
        "a drip after the head": drip(b" ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"),
        "silence": silent,
        "a reset": reset,
        "a redirect to http": send(response(status="302 Found", headers=[f"Location: http://{EVIL}/"])),
        "a redirect to https": send(response(status="307 Found", headers=[f"Location: https://{EVIL}/"])),
        "a redirect to itself": send(response(status="301 Moved", headers=["Location: /again"])),
        "rubbish": send(b"\0\xff" * 500),
        "a hostile reason": send(b"HTTP/1.1 503 " + PIPELINE.encode() + b"\r\nContent-Length: 0\r\n\r\n"),
        "a hostile header": send(response(
            {}, headers=["Via: " + PIPELINE, "Server: \u009b31m" + PIPELINE, "X-Squid-Error: " + PIPELINE])),
        "AADSTS with a hostile text": send(response(
            {"error": "invalid_client", "error_description": "AADSTS7000215: " + ACTIVE,
             "error_codes": [7000215], "trace_id": ACTIVE, "correlation_id": ACTIVE, "suberror": ACTIVE},
            "401 Unauthorized")),
        "AADSTS that echoes the secret": send(response(
            {"error": "invalid_client", "error_codes": [7000215],
             "error_description": f"AADSTS7000215: {CLIENT_SECRET} {base64.b64encode(CLIENT_SECRET.encode()).decode()}"},
            "401 Unauthorized")),
        "a token for ever": send(response(
            {"access_token": "eyJ0eXAiOiJKV1QifQ.eyJhIjoxfQ.x", "expires_in": 2**62, "token_type": "Bearer"})),
        "a negative time": send(response(
            {"access_token": "eyJ0eXAiOiJKV1QifQ.eyJhIjoxfQ.x", "expires_in": -(2**62), "token_type": "Bearer"})),
        "a token that is none": send(response(
            {"access_token": ACTIVE, "expires_in": 3600, "token_type": "Bearer"})),
        "a token of 8 MB": send(response(
            {"access_token": "eyJ" + "a" * 8_000_000, "expires_in": 3600, "token_type": "Bearer"})),
        "TLS bytes one by one": None,
    }
    for name, behave in answers.items():
        for part, what in (("token", "token endpoint"), ("", "every page of Entra")):
            def setup(world, folder, behave=behave, part=part):
                if behave is None:
                    world.http.replaced[ENTRA, "before TLS"] = drip(b"\x16\x03\x03\x3f\xff\x02")
                else:
                    world.http.replaced[ENTRA, part] = behave

            yield Attack(
                "http", f"{what}: {name}", setup, env=PRINCIPAL, trusted=OVER_TLS, hides=HIDES_SECRET, verify=is_explained,
                sample=(name, part) in {
                    ("AADSTS with a hostile text", "token"), ("a body without end", ""), ("a token for ever", "token")},
            )
    for name in ("a block page", "a body without end", "nesting without end", "headers without end", "byte by byte",
                 "a redirect to https", "a hostile header"):
        def graph(world, folder, behave=answers[name]):
            world.http.replaced["graph.microsoft.com", ""] = behave

        yield Attack("http", f"Microsoft Graph: {name}", graph, trusted=VERIFIED)

        def live_azure(world, folder, behave=answers[name]):
            world.http.replaced["management.azure.com", ""] = behave

        yield Attack(
            "http", f"Resource Manager: {name}", live_azure, argv=["--azure"], env=PRINCIPAL, hides=HIDES_SECRET,
            trusted=OVER_TLS | {"management.azure.com over TLS"})
    page = {"value": [{"name": "x" * 1000}] * 4000, "nextLink": "https://management.azure.com/next"}

    def pages(world, folder):
        world.http.replaced["management.azure.com", ""] = send(response(page))

    yield Attack("http", "Resource Manager: pages of 4 MB without end", pages, argv=["--azure"], env=PRINCIPAL,
                 hides=HIDES_SECRET, trusted=OVER_TLS | {"management.azure.com over TLS"}, sample=True)
    for link in (f"https://{EVIL}/", f"https://management.azure.com@{EVIL}/", f"//{EVIL}/", "https://management.azure.com:444/"):
        def leads(world, folder, link=link):
            world.http.replaced["management.azure.com", ""] = send(response({"value": [], "nextLink": link}))

        yield Attack("http", f"Resource Manager: next page at {link}", leads, argv=["--azure"], env=PRINCIPAL,
                     hides=HIDES_SECRET, trusted=OVER_TLS | {"management.azure.com over TLS"})

    managed = {"PGPASSWORD": None}
    for name in ("a block page", "a body without end", "headers without end", "byte by byte", "a redirect to http",
                 "AADSTS with a hostile text", "a token for ever", "rubbish", "nesting without end"):
        def metadata(world, folder, behave=answers[name]):
            world.http.replaced[METADATA, ""] = behave

        yield Attack("http", f"metadata service: {name}", metadata, argv=["--credential", "managed-identity"],
                     env=managed, hides=lambda world: {}, sample=name == "a token for ever")


def endpoints():
    """Secrets of identity endpoints go to this machine or over https only."""
    header = "f0E1d2C3b4A5968778695A4b3C2d1E0f-Zz19"
    hides = lambda world: {"IDENTITY_HEADER": header}
    for url in (f"http://{EVIL}/msi/token", f"http://{EVIL}:80/msi/token", f"http://127.0.0.1@{EVIL}/token",
                f"HTTP://{EVIL}/token", "http://192.0.2.30/token", f"http://{EVIL}#@localhost/", f"http:\\\\{EVIL}\\token"):
        for credential in ("managed-identity", "auto"):
            yield Attack(
                "endpoint", f"IDENTITY_ENDPOINT={url} ({credential})", argv=["--credential", credential], hides=hides,
                env={"PGPASSWORD": None, "IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": header})
        yield Attack(
            "endpoint", f"MSI_ENDPOINT={url}", argv=["--credential", "managed-identity"], hides=hides,
            env={"PGPASSWORD": None, "MSI_ENDPOINT": url, "MSI_SECRET": header})
        oidc = {"PGPASSWORD": None, "SYSTEM_OIDCREQUESTURI": url, "SYSTEM_ACCESSTOKEN": header,
                "AZURESUBSCRIPTION_CLIENT_ID": PRINCIPAL["AZURE_CLIENT_ID"],
                "AZURESUBSCRIPTION_TENANT_ID": TENANT, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": TENANT}
        yield Attack("endpoint", f"SYSTEM_OIDCREQUESTURI={url}", argv=["--credential", "azure-pipelines"],
                     hides=hides, env=oidc, sample=url == f"http://{EVIL}/msi/token")
    # The agent of Azure Arc names a file, of which the content is sent back.
    proof = "Proof-of-Arc-9f8e7d6c5b4a3f2e1d0c-" + "x7Yz" * 20

    def agent(place):
        def setup(world, folder):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/opt"], check=True)
            tokens = Path("/var/opt/azcmagent/tokens")
            tokens.mkdir(parents=True)
            write(folder / "secret", proof)
            path = tokens / "x.key"
            if place == "a link":
                path.symlink_to(folder / "secret")
            elif place == "a hard link to a longer file":
                write(tokens / "longer", proof * 200)
                os.link(tokens / "longer", path)
            elif place == "a pipe":
                os.mkfifo(path)
            elif place == "a folder above":
                write(tokens.parent / "x.key", proof)
                path = tokens / ".." / "x.key"
            else:
                write(tokens / "y.txt", proof)
                path = tokens / "y.txt"
            answer = response({}, "401 Unauthorized", headers=[f"WWW-Authenticate: Basic realm={path}"])
            world.http.replaced[METADATA, ""] = send(answer)

        return setup

    def unmounted(world, texts):
        subprocess.run(["umount", "/var/opt"], check=True)
        return ()

    arc = {"PGPASSWORD": None, "IDENTITY_ENDPOINT": "http://127.0.0.1:40342/metadata/identity/oauth2/token",
           "IMDS_ENDPOINT": "http://127.0.0.1:40342"}
    for place in ("a link", "a hard link to a longer file", "a pipe", "a folder above", "another ending"):
        yield Attack("arc", f"the proof is {place}", agent(place), argv=["--credential", "managed-identity"], env=arc,
                     hides=lambda world: {"the file": proof}, verify=unmounted, sample=place == "a link")
    for authority in (f"https://{EVIL}/", f"https://{ENTRA}@{EVIL}/", f"https://{EVIL}#.microsoftonline.com",
                      f"https://{EVIL}\\.microsoftonline.com/", f"https://{EVIL}?.microsoftonline.com"):
        yield Attack("endpoint", f"AZURE_AUTHORITY_HOST={authority}", env={**PRINCIPAL, "AZURE_AUTHORITY_HOST": authority},
                     hides=HIDES_SECRET, trusted=OVER_TLS)
        if authority != f"https://{EVIL}/":
            def cloud(world, folder, authority=authority):
                write(folder / "cloud.json", json.dumps({
                    "name": "Own", "endpoints": {"activeDirectory": authority,
                    "activeDirectoryResourceId": "https://x.example/", "ossrdbmsResourceId": "https://x.example"},
                    "suffixes": {}}))

            yield Attack("endpoint", f"--cloud-file with {authority}", cloud, argv=["--cloud-file", "cloud.json"],
                         env=PRINCIPAL, hides=HIDES_SECRET, trusted=OVER_TLS, sample="@" in authority)


def write(path, data):
    Path(path).write_bytes(data if isinstance(data, bytes) else data.encode())


def dns():
    def replaced(name, function, **options):
        def setup(world, folder):
            world.nameserver.replaced = function

        return Attack("dns", name, setup, trusted=VERIFIED | {"unverified postgres"}, **options)

    def question_end(query):
        at = 12
        while query[at]:
            at += 1 + query[at]
        return at + 1

    def a(query, count, owner=b"\xc0\x0c", first=(198, 51, 100, 0)):
        records = b"".join(
            owner + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([*first[:3], number % 250 + 1]) for number in range(count))
        return reply(query, question_end(query), count, records)

    def alias(query, name):
        data = b"".join(bytes([len(label)]) + label for label in name) + b"\0"
        record = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, len(data)) + data
        return reply(query, question_end(query), 1, record)

    loop = lambda query, name, tcp: reply(
        query, question_end(query), 1,
        struct.pack(">H", 0xC000 | len(query[: question_end(query) + 4])) + struct.pack(">HHIH", 1, 1, 60, 4) + b"\1\2\3\4")
    yield replaced("sixty-four addresses", lambda query, name, tcp: a(query, 64), sample=True)
    yield replaced("four thousand addresses", lambda query, name, tcp: a(query, 4000) if tcp else
                   reply(query, question_end(query), 0, b"", flags=0x8380))
    yield replaced("a compression loop", loop)
    yield replaced("rubbish from the nameserver", lambda query, name, tcp: query[:2] + b"\x81" * 300)
    yield replaced("an empty answer", lambda query, name, tcp: b"")
    yield replaced("a cut answer", lambda query, name, tcp: query[:13])
    yield replaced("a hostile alias", lambda query, name, tcp: alias(
        query, [PIPELINE.encode()[:60], b"\x1b[31m\x9b\xe2\x80\xae", b"::error::x", b"example"]))
    yield replaced("an alias to itself", lambda query, name, tcp: alias(query, [b"a" * 63] * 3))
    yield replaced("loopback for every name", lambda query, name, tcp: a(query, 1, first=(127, 0, 0)))
    yield replaced("SERVFAIL", lambda query, name, tcp: reply(query, question_end(query), 0, b"", 2))
    yield replaced("an unknown code", lambda query, name, tcp: reply(query, question_end(query), 0, b"", 11))
    yield replaced("truncated over TCP as well", lambda query, name, tcp:
                   reply(query, question_end(query), 0, b"", flags=0x8380))

    # No nameserver is asked for a host that is a part of a token.
    token_parts = {
        "the middle of the known token": lambda token: token[150:200],
        "the first part of the known token": lambda token: token.split(".")[0][:60],
        "twelve characters of the known token": lambda token: token[150:162],
        "the end of an unknown token": lambda token: token[-50:],
        "parts of an unknown token as labels": lambda token: ".".join(token[at : at + 40] for at in range(100, 220, 40)),
        "the known token in lower case": lambda token: token.lower()[100:160],
    }
    for name, change in token_parts.items():
        for place in ("PGHOST", "--host", "URI", "--nameserver", "PGHOSTADDR"):
            if place == "--nameserver" or place == "PGHOSTADDR" and "known" not in name:
                continue
            env, argv = {}, []
            if "unknown" in name:
                env["PGPASSWORD"] = None
            if place in ("PGHOST", "PGHOSTADDR"):
                env[place] = lambda world, folder, change=change: change(world.token)
            elif place == "--host":
                argv = lambda world, folder, change=change: [f"--host={change(world.token)}"]
            else:
                argv = lambda world, folder, change=change: [f"postgresql://alice@{change(world.token)}/appdb"]

            def asked(world, texts, change=change):
                part = change(world.token).lower()
                for asked in world.nameserver.asked:
                    if part[:10] in asked.lower():
                        yield f"the nameserver was asked for {asked}"

            yield Attack("dns", f"host is {name} ({place})", env=env, argv=argv, verify=asked, hides=lambda world: {},
                         sample=(name, place) == ("the middle of the known token", "PGHOST"))


def proxies():
    through = {"HTTPS_PROXY": "http://proxy.example:3128", "HTTP_PROXY": "http://proxy.example:3128"}
    answers = {
        "a hostile reason": send(b"HTTP/1.1 407 " + ACTIVE.encode() + b"\r\nProxy-Authenticate: Basic realm=\""
                                 + PIPELINE.encode() + b"\"\r\n\r\n"),
        "headers without end": flood(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n"),
        "one header without end": flood(b"x", b"HTTP/1.1 200 OK\r\nX: "),
        "byte by byte": drip(b"HTTP/1.1 200 OK\r\nX: y\r\n"),
        "plain text in place of TLS": send(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + ACTIVE.encode()),
        "rubbish": send(b"\0\xff" * 400),
        "silence": silent,
        "a reset": reset,
        "a body without end": flood(b"x", b"HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n<title>"),
    }
    for name, behave in answers.items():
        def setup(world, folder, behave=behave):
            world.proxy.behave = behave

        yield Attack("proxy", name, setup, env=through, trusted=VERIFIED, sample=name == "a hostile reason")
        yield Attack("proxy", f"{name} (client secret)", setup, env={**through, **PRINCIPAL}, hides=HIDES_SECRET,
                     trusted=OVER_TLS)

    def not_asked(world, texts):
        for place, data in world.log():
            if place.startswith("proxy") and b"169.254" in data:
                yield "the metadata service was asked through the proxy"

    yield Attack("proxy", "metadata service and a proxy", argv=["--credential", "managed-identity"],
                 env={**through, "PGPASSWORD": None}, trusted=VERIFIED | {f"{METADATA} in clear"}, verify=not_asked)
    yield Attack("proxy", "a password in the address of the proxy", env={
        "HTTPS_PROXY": "http://svc:Geheim-Pa55-w0rt@proxy.example:3128"}, trusted=VERIFIED | {"proxy in clear"},
        hides=lambda world: {"the password of the proxy": "Geheim-Pa55-w0rt"}, argv=["-vv"])


def commands():
    """Programs that the command starts."""
    leaks = {
        "a refresh token": f"ERROR: cache {REFRESH_TOKEN} is damaged",
        "a client secret over two lines": f"{CLIENT_SECRET[:20]}\n{CLIENT_SECRET[20:]}",
        "sig": "https://x.blob.core.windows.net/?sv=2024&sig=aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2eF4hJ6kL8nP0r%3D",
        "AccountKey": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + base64.b64encode(bytes(range(64))).decode(),
        "Authorization": "Authorization: Basic YWxpY2U6U3VwZXItR2VoZWltLTEyMw==",
        "a GitHub token": "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        "a password": "password=Super-Geheim-987",
        "a cookie": "Cookie: ESTSAUTH=0.AXkAq3vT0mBPkS7aZ9cWd2fAAXq3vT0mBPkS7aZ9cWd2fAA",
    }
    planted = {
        "a refresh token": REFRESH_TOKEN, "a client secret over two lines": CLIENT_SECRET,
        "sig": "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2eF4hJ6kL8nP0r", "AccountKey": base64.b64encode(bytes(range(64))).decode(),
        "Authorization": "YWxpY2U6U3VwZXItR2VoZWltLTEyMw", "a GitHub token": "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        "a password": "Super-Geheim-987", "a cookie": "AXkAq3vT0mBPkS7aZ9cWd2fAAXq3vT0mBPkS7aZ9cWd2fAA",
    }

    def program(name, script):
        def setup(world, folder):
            (folder / "bin").mkdir()
            path = folder / "bin" / name
            write(path, "#!/bin/sh\n" + script)
            path.chmod(0o755)

        return setup

    def quoted(text):
        return "printf '%s\\n' '" + text.replace("'", "'\\''") + "' >&2\nexit 1\n"

    for what, text in leaks.items():
        yield Attack("process", f"az prints {what}", program("az", quoted(text)), env={"PGPASSWORD": None},
                     argv=["--credential", "azure-cli", "-vv"], hides=lambda world, what=what: {what: planted[what]},
                     sample=what == "sig")
    scripts = {
        "hostile text": quoted(ACTIVE), "output without end": "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
        "errors without end": "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2\n", "no end": "sleep 60\n",
        "a child of its own session": "setsid sleep 61 &\nsleep 60\n", "a signal": "kill -9 $$\n",
        "a token that is none": "printf '{\"accessToken\": \"\\033[31m\", \"expiresOn\": \"##vso[a]\"}'\n",
        "an answer nested without end": "yes '[' | tr -d '\\n'\n",
    }
    for what, script in scripts.items():
        for name, credential in (("az", "azure-cli"), ("azd", "azure-developer-cli")):
            yield Attack("process", f"{name}: {what}", program(name, script), env={"PGPASSWORD": None}, deadline=5,
                         argv=["--credential", credential, "-vv"], hides=lambda world: {}, verify=is_not_signed_out,
                         sample=(name, what) == ("az", "a child of its own session"))


def is_not_signed_out(world, texts):
    """A program that fails in another way than by its sign-in is not called signed out."""
    yield from no_child(world, texts)
    if problem_of(texts) == "token/cli-signed-out":
        yield "this failure is called signed out"


def no_child(world, texts):
    time.sleep(0.2)
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes()
            same = os.readlink(process / "ns/net") == os.readlink("/proc/self/ns/net")
        except OSError:
            continue
        if same and words.startswith((b"sleep\0", b"yes\0")):
            yield f"process {process.name} lives on: {words!r}"


def bomb(entries):
    """A zip whose entries are long and compress well."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (start, unit, size) in entries.items():
            with archive.open(name, "w") as file:
                file.write(start)
                many = unit * (65536 // len(unit))
                for _ in range(size // len(many)):
                    file.write(many)
    return data.getvalue()


BOMBS = {
    "evidence.json of zeros": {"manifest.json": (b'{"schema_version":"1"}', b" ", 0), "evidence.json": (b"[", b"0,", 62 << 20)},
    "manifest.json of zeros": {"manifest.json": (b"[", b"0,", 62 << 20)},
    "a text of 62 MB": {"manifest.json": (b'"', b"x", 62 << 20), "evidence.json": (b'{"x":"', b"x", 62 << 20)},
    "nesting": {"evidence.json": (b"", b"[", 30 << 20), "manifest.json": (b"", b'{"a":', 30 << 20)},
    "many objects": {"report.json": (b"[", b"{},", 62 << 20), "evidence.json": (b"[", b"{},", 62 << 20)},
    "256 MB of blanks": {"evidence.json": (b"", b" ", 256 << 20)},
}
REPORTS = {
    "62 MB of zeros": lambda: b"[" + b"0," * (31 << 20),
    "62 MB of empty objects": lambda: b"[" + b"{}," * (20 << 20),
    "evidence of 62 MB": lambda: b'{"schema_version":"1","evidence":{"dns":[' + b"0," * (31 << 20),
    "one text of 62 MB": lambda: b'{"schema_version":"' + b"x" * (62 << 20) + b'"}',
    "nesting": lambda: b"[" * (10 << 20),
    "unknown keys": lambda: b"{" + b",".join(b'"k%d":0' % at for at in range(400_000)) + b"}",
    "rubbish": lambda: bytes(range(256)) * 4000,
    "a number without end": lambda: b"[1" + b"0" * (8 << 20) + b"]",
    "UTF-16 without end": lambda: b"\xff\xfe" + b"\0\xd8" * 100_000,
}


def files():
    offline = dict(live=False, hides=lambda world: {}, deadline=OFFLINE, reports=False, exits=frozenset({0, 1, 2, 3, 4}))

    def given(name, data):
        return lambda world, folder: write(folder / name, data())

    readers = {
        "replay": ["replay", "FILE"], "diff": ["diff", "FILE", "FILE"], "merge": ["merge", "FILE", "FILE"],
        "fleet": ["fleet", "FILE"], "azure-config": ["doctor", "--azure-config", "FILE"],
        "explain": ["explain", "--file", "FILE"], "token": ["token", "--decode", "FILE"],
        "preflight": ["preflight", "--from", "FILE"],
        "manifest": ["manifest", "kubernetes", "job", "--like", "FILE"],
    }
    documents = {f"a bundle with {name}": (lambda entries=entries: bomb(entries)) for name, entries in BOMBS.items()}
    documents |= {f"a document of {name}": data for name, data in REPORTS.items()}
    for reader, argv in readers.items():
        for what, data in documents.items():
            if what.startswith("a bundle") and reader in ("token", "manifest", "explain"):
                continue
            yield Attack("file", f"{reader}: {what}", given("input", data), env={"PGHOST": None},
                         argv=[word.replace("FILE", "input") for word in argv],
                         sample=(reader, what) in {
                             ("replay", "a bundle with evidence.json of zeros"), ("fleet", "a document of 62 MB of empty objects"),
                             ("azure-config", "a document of 62 MB of zeros"), ("merge", "a document of 62 MB of zeros")},
                         **offline)
        for device in ("pipe", "/dev/zero", "folder"):
            def special(world, folder, device=device):
                if device == "pipe":
                    os.mkfifo(folder / "input", 0o600)
                elif device == "folder":
                    (folder / "input").mkdir()

            path = device if device.startswith("/") else "input"
            yield Attack("file", f"{reader}: {device}", special, argv=[word.replace("FILE", path) for word in argv],
                         sample=(reader, device) == ("replay", "pipe"), **offline)
    variables = [
        "PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR", "SSL_CERT_FILE",
        "SSL_CERT_DIR", "ENTRA_PG_PUBLIC_ROOTS", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH",
        "KUBECONFIG", "NETRC", "HOSTALIASES", "PGSYSCONFDIR", "AZURE_CONFIG_DIR", "HOME",
    ]
    def special(device):
        def setup(world, folder):
            os.mkfifo(folder / "pipe", 0o600)
            (folder / "long").write_bytes(b"x" * (70 << 20))
            (folder / "link").symlink_to("/dev/zero")

        return setup

    for variable in variables:
        for device in ("pipe", "/dev/zero", "long", "link"):
            yield Attack(
                "file", f"{variable}={device}", special(device), trusted=VERIFIED, env={
                    variable: lambda world, folder, device=device: str(folder / device),
                    **({"PGSERVICE": "x"} if variable == "PGSERVICEFILE" else {}),
                    **({"PGPASSWORD": None} if variable in ("PGPASSFILE", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH") else {}),
                },
                hides=lambda world: {}, sample=(variable, device) in {("PGPASSFILE", "pipe"), ("PGSSLROOTCERT", "/dev/zero")})
    for option in ("--token-file", "--azure-config", "--cloud-file", "--pseudonymize"):
        for device in ("pipe", "/dev/zero", "long", "link"):
            argv = (lambda world, folder, option=option, device=device:
                    [f"{option}={folder / device}", *(["--bundle", "b.zip"] if option == "--pseudonymize" else [])])
            yield Attack("file", f"{option}={device}", special(device), argv=argv, hides=lambda world: {}, trusted=VERIFIED,
                         exits=frozenset({0, 1, 2, 3, 4}))


def contacts():
    """`contacted` of the report is what the servers saw, no more and no less."""
    def complete(world, texts):
        report = json.loads(texts["report.json"])
        listed = {(contact["address"], contact["port"], contact["protocol"]) for contact in report["contacted"]}
        processes = {contact["host"] for contact in report["contacted"] if contact["protocol"] == "process"}
        listed = {contact for contact in listed if contact[2] != "process"}
        listening = {*ADDRESSES.values(), NAMESERVER, METADATA}
        for contact in sorted(world.seen - listed):
            yield f"{contact} is not in contacted"
        for contact in sorted(listed - world.seen):
            if contact[0] in listening:
                yield f"{contact} is in contacted, and no server saw it"
        started = (world.folder / "az-was-started").exists()
        (world.folder / "az-was-started").unlink(missing_ok=True)
        if started != ("az" in processes):
            yield f"az was {'' if started else 'not '}started, and contacted has the processes {processes}"

    def cli(world, folder):
        (folder / "bin").mkdir()
        path = folder / "bin" / "az"
        answer = json.dumps({"accessToken": world.token, "expiresOn": "2030-01-01 00:00:00.000000", "tenant": TENANT})
        write(path, f"#!/bin/sh\ntouch {world.folder}/az-was-started\necho '{answer}'\n")
        path.chmod(0o755)

    proxy = {"HTTPS_PROXY": "http://proxy.example:3128", "HTTP_PROXY": "http://proxy.example:3128"}
    azure = OVER_TLS | {"management.azure.com over TLS", "graph.microsoft.com over TLS"}
    anywhere = azure | {"unverified postgres", f"{METADATA} in clear"}
    runs = {
        "a token": {}, "a client secret": dict(env=PRINCIPAL),
        "a client secret, Graph and Resource Manager": dict(env=PRINCIPAL, argv=["--azure", "--graph"]),
        "a managed identity": dict(env={"PGPASSWORD": None}, argv=["--credential", "managed-identity"]),
        "the first credential that applies": dict(env={"PGPASSWORD": None}, setup=cli),
        "the Azure CLI": dict(env={"PGPASSWORD": None}, argv=["--credential", "azure-cli"], setup=cli),
        "a proxy": dict(env=proxy), "a proxy and a client secret": dict(env=proxy | PRINCIPAL),
        "a proxy and a managed identity": dict(env=proxy | {"PGPASSWORD": None}, argv=["--credential", "managed-identity"]),
        "another nameserver": dict(argv=["--nameserver", "192.0.2.53"]),
        "a server by its address": dict(env={"PGHOST": ADDRESSES[SERVER]}),
        "no server": dict(env={"PGHOST": None}), "one family": dict(argv=["--only", "dns"]),
        "a self-signed server": dict(setup=lambda world, folder: setattr(world.postgres, "certificate", "self-signed")),
        "a redirect": dict(env=PRINCIPAL, setup=lambda world, folder: world.http.replaced.update({
            (ENTRA, "token"): send(response(status="302 Found", headers=[f"Location: https://{EVIL}/"]))})),
    }
    for name, options in runs.items():
        yield Attack("contacted", name, options.pop("setup", None), hides=HIDES_SECRET, trusted=anywhere, verify=complete,
                     sample=name in ("a client secret, Graph and Resource Manager", "the Azure CLI"), **options)


def resources():
    """Few descriptors, a small stack, little memory: our own failures are not those of the network."""
    def no_blame(world, texts):
        text = texts["stdout"]
        for problem in ("server/unreachable", "dns/no-nameserver", "dns/nxdomain", "outbound/unreachable", "server/refused"):
            if problem in text:
                yield f"{problem} is blamed for missing descriptors"

    for count in (*range(7, 24), 32, 48):
        yield Attack("limits", f"{count} descriptors", limits={resource.RLIMIT_NOFILE: (count, count)}, reports=False,
                     argv=["-vv"], trusted=VERIFIED, verify=no_blame, exits=frozenset({0, 1, 2, 3, 4}), sample=count == 12)
    for soft, hard in ((64, 4096), (256, 256), (64, 64)):
        def fleet(world, folder):
            for number in range(100):
                world.nameserver.addresses[f"s{number}.postgres.database.azure.com"] = ADDRESSES[SERVER]
            world.postgres.certificate = "wrong name"
            targets = [{"host": f"s{number}.postgres.database.azure.com"} for number in range(100)]
            write(folder / "fleet.json", json.dumps({"targets": targets}))

        # Each target that runs at the same time needs about half a megabyte.
        yield Attack("limits", f"a fleet of 100 with {soft} of {hard} descriptors", fleet, deadline=60, timeout=5,
                     argv=["fleet", "fleet.json", "-j", "40"], limits={resource.RLIMIT_NOFILE: (soft, hard)}, reports=False,
                     hides=lambda world: {}, verify=no_blame, sample=False)
    ranges = lambda count: [f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}/32" for at in range(count)]
    rule = lambda number: {"name": f"r{number}", "properties": {
        "priority": 100 + number, "direction": "Outbound", "access": "Deny", "protocol": "*", "sourceAddressPrefix": "*",
        "sourcePortRange": "*", "destinationAddressPrefixes": ranges(200), "destinationPortRange": "443"}}
    tag = lambda number: {"name": f"Service{number}.Region{number % 60}", "id": f"Service{number}", "properties": {
        "changeNumber": number, "region": "westeurope", "regionId": 18, "platform": "Azure", "systemService": "x",
        "addressPrefixes": ranges(35), "networkFeatures": ["API", "NSG", "UDR", "FW"]}}
    group = {"id": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/networkSecurityGroups/n", "name": "n",
             "type": "Microsoft.Network/networkSecurityGroups", "location": "x"}
    documents = {
        "a group of 3,000 rules with 200 prefixes each": lambda: group | {"properties": {"securityRules": [rule(at) for at in range(3000)]}},
        "a group of 1,000 rules with 200 prefixes each": lambda: group | {"properties": {"securityRules": [rule(at) for at in range(1000)]}},
        "a published list of 3,000 service tags with 105,000 prefixes": lambda: {
            "changeNumber": 400, "cloud": "Public", "values": [tag(at) for at in range(3000)]},
    }
    for what, document in documents.items():
        def configuration(world, folder, document=document):
            write(folder / "input.json", json.dumps(document(), indent=2))

        # A list that Microsoft publishes is accepted.
        accepted = frozenset({0, 1, 3}) if "published" in what else frozenset({0, 1, 2, 3})
        yield Attack("limits", what, configuration, argv=["doctor", "--azure-config", "input.json"], live=False, reports=False,
                     hides=lambda world: {}, deadline=OFFLINE, exits=accepted, sample="published" in what)

    def clock(world, folder):
        write(folder / "clock.c", """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <stdlib.h>
            #include <time.h>
            int clock_gettime(clockid_t id, struct timespec *now) {
                int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
                int code = real(id, now);
                if (id == CLOCK_REALTIME) now->tv_sec = atoll(getenv("FAKE_TIME"));
                return code;
            }""")
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler:
            subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "clock.so", folder / "clock.c", "-ldl"], check=True)

    for what, seconds in {"1969": -3600, "1901": -2**31, "year 1": -62135596800, "9998": 253370764800, "2262": 9223372037}.items():
        for argv in ([], ["--credential", "client-secret"]):
            env = {"LD_PRELOAD": lambda world, folder: str(folder / "clock.so"), "FAKE_TIME": str(seconds)}
            yield Attack("limits", f"the clock is in {what} {' '.join(argv)}".strip(), clock, argv=argv, env=env | (PRINCIPAL if argv else {}),
                         trusted=OVER_TLS, hides=HIDES_SECRET, sample=what == "1969" and not argv)
    yield Attack("limits", "a stack of 1 MiB", limits={resource.RLIMIT_STACK: (1 << 20, 1 << 20)}, trusted=VERIFIED, sample=True)
    yield Attack("limits", "files of at most 0 bytes", limits={resource.RLIMIT_FSIZE: (0, 0)}, trusted=VERIFIED, reports=False,
                 exits=frozenset({0, 1, 2, 3, 4, -25}))


def values():
    """Hostile values that a person types or a bundle holds."""
    offline = dict(live=False, reports=False, hides=lambda world: {}, exits=frozenset({0, 1, 2, 3, 4}))
    for argv in (["name", ACTIVE], ["name", "--json", ACTIVE], ["explain", ACTIVE], ["explain", "--format", "json", ACTIVE],
                 ["explain", "AADSTS50076 " + ACTIVE], ["explain", "FATAL: password authentication failed for user \"" + ACTIVE + "\""],
                 ["replay", ACTIVE.replace("/", "")], ["diff", PIPELINE, "\n::error::x"], ["checks", PIPELINE], [PIPELINE], ["--" + PIPELINE],
                 ["doctor", "--plan", "-h", ACTIVE], ["doctor", "--plan", f"host=a user='{PIPELINE}' x={PIPELINE}"],
                 ["doctor", "--only", PIPELINE], ["fleet", PIPELINE], ["token", "--decode", PIPELINE],
                 ["doctor", "--azure-config", "\n::error::x"], ["doctor", "-p", PIPELINE], ["doctor", "--timeout", PIPELINE],
                 ["manifest", "kubernetes", "job", "--name", PIPELINE], ["doctor", "--nameserver", PIPELINE]):
        argv = [word.replace("\0", "") for word in argv]
        shown = " ".join(word[:20] for word in argv)
        yield Attack("value", f"{shown!r} ({len(argv)} words)", argv=argv, sample=argv[0] == "name", **offline)
    for token in (ACTIVE, "eyJ0eXAi\u202eJ9." + "x", "eyJ" + "\r\nSet-Cookie: x"):
        yield Attack("value", f"token --show-token of {token[:8]!r} with {len(token)} characters", argv=["token", "--show-token", "--decode", "-"],
                     stdin=token.encode(), **offline)
    claims = {"aud": ACTIVE, "iss": ACTIVE, "upn": ACTIVE, "oid": "x,type=user'; alter role postgres superuser; --", "tid": ACTIVE}

    def decoded(world, folder):
        write(folder / "token", world.authority.token(**claims))

    yield Attack("value", "a token with hostile claims", decoded, argv=["token", "--decode", "token"], **offline)
    yield Attack("value", "a login with hostile claims", trusted=VERIFIED,
                 hides=lambda world: {}, env={"PGPASSWORD": lambda world, folder: world.authority.token(**claims)}, sample=True)
    secret = "Super-Geheim-Pa55-987"
    planted = {
        "a misspelled keyword": [f"host={SERVER} pasword={secret}"],
        "a URI": [f"postgresql://alice:{secret}@{SERVER}/appdb"],
        "a URI with a password in its query": [f"postgresql://alice@{SERVER}/appdb?password={secret}&x=1"],
        "a host with a user": [f"--host=alice:{secret}@{SERVER}"], "a port": [f"--port={secret}"],
        "two passwords": [f"host={SERVER} password={secret} password="], "an ADO.NET string": [f"Server={SERVER};User Id=a;Password={secret};X=1"],
        "a JDBC URL": [f"jdbc:postgresql://{SERVER}/db?user=a&password={secret}&x"],
        "a SQLAlchemy URL": [f"postgresql+psycopg://a:{secret}@{SERVER}/db"],
        "a quoted value without end": [f"host={SERVER} password='{secret}"],
        "a port in a URI": [f"postgresql://a@{SERVER}:{secret}/db"],
    }
    for what, argv in planted.items():
        for command in ([], ["--plan"], ["-vv"]):
            yield Attack("value", f"a password in {what} {' '.join(command)}".strip(), argv=[*command, *argv], trusted=VERIFIED | {"unverified postgres"},
                         hides=lambda world: {"the password": secret}, reports="--plan" not in command,
                         env={"PGPASSWORD": None}, sample=what == "a misspelled keyword" and not command)


def manifests():
    """`manifest --like` copies no secret of the workload, in any variable, and says so."""
    secret = "Super-Geheim-Pa55-987"
    variables = {
        "HTTPS_PROXY": f"http://user:{secret}@proxy.example:3128", "http_proxy": f"http://user:{secret}@proxy.example",
        "ALL_PROXY": f"socks5://user:{secret}@proxy.example", "PGPASSWORD": secret, "DATABASE_URL": f"postgresql://a:{secret}@h/db",
        "AZURE_CLIENT_SECRET": CLIENT_SECRET, "CONNECTION": f"AccountName=x;AccountKey={base64.b64encode(bytes(range(64))).decode()}",
        "PGUSER": f"alice password={secret}", "PGSERVICE": f"password={secret}", "SOME_API_KEY": secret,
    }
    for name, value in variables.items():
        def workload(world, folder, name=name, value=value):
            pod = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {
                "metadata": {"labels": {"x": "y"}}, "spec": {"serviceAccountName": "s", "containers": [{
                    "name": "x", "image": "i", "env": [{"name": name, "value": value}, {"name": "PGHOST", "value": SERVER}]}]}}}}
            write(folder / "input", json.dumps(pod))

        hides = lambda world: {"the password": secret, "a client secret": CLIENT_SECRET,
                               "a key": base64.b64encode(bytes(range(64))).decode()}
        yield Attack("manifest", f"--like with a secret in {name}", workload, live=False, reports=False, hides=hides, deadline=OFFLINE,
                     argv=["manifest", "kubernetes", "--image", "i", "--like", "input"], exits=frozenset({0, 1, 2, 3, 4}),
                     sample=name == "HTTPS_PROXY")


def all_attacks():
    from outputs import outputs

    groups = (postgres, certificates, echoes, http, endpoints, dns, proxies, commands, files, contacts, resources, values,
              manifests, outputs)
    return [attack for group in groups for attack in group()]
