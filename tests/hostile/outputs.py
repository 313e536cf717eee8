"""Attacks on what is written: commands that a person pastes, pseudonyms, files, and secrets that are planted
in the input of every command."""

import base64
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

from attacks import (
    ACTIVE, CLIENT_SECRET, OFFLINE, PRINCIPAL, REFRESH_TOKEN, VERIFIED, ENTRA, OVER_TLS, Attack, write,
)
from servers import SERVER, TENANT, error, response, send

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = ROOT / "fixtures" / "evidence"
ANY_EXIT = frozenset({0, 1, 2, 3, 4})
OFFLINE_RUN = dict(live=False, reports=False, hides=lambda world: {}, deadline=OFFLINE)


def patched(name):
    """The healthy evidence with the changes of a fixture."""
    document = json.loads((ROOT / "checks/support/healthy.json").read_text())
    changes = json.loads((EVIDENCE / f"{name}.json").read_text()).get("set", {}) if name else {}
    for pointer, value in changes.items():
        place, keys = document, pointer.split("/")[1:]
        for key in keys[:-1]:
            place = place[int(key)] if isinstance(place, list) else place[key]
        if not isinstance(place, list):
            place[keys[-1]] = value
        elif keys[-1] == "-":
            place.append(value)
        else:
            place[int(keys[-1])] = value
    return document


def texts(value, path=()):
    """Every string of a document with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from texts(inner, (*path, at))
    elif isinstance(value, str):
        yield path, value


def put(document, path, value):
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


# The keys of texts that others choose. Closed words, times and addresses would not be read.
NAMES = {
    "value", "upn", "unique_name", "preferred_username", "email", "name", "oid", "tid", "aud", "iss", "appid", "host",
    "server_name", "subject_name", "issuer_name", "subject", "issuer", "id", "display_name", "user_principal_name",
    "mail", "current_user", "session_user", "database", "label", "authority_host", "graph_host", "target",
    "resource_manager_host", "resource_manager_audience", "database_audience", "server_suffix", "resource_group",
    "subscription", "location", "tenant", "principal", "object_id", "path", "url", "detail", "description", "hostname",
    "os_user", "sub", "client_id", "azp", "message", "why", "run_id", "title", "server_version",
}


def with_payload(document, payload, whole=False):
    """Puts a text after, or in place of, every text that others choose."""
    for path, value in list(texts(document)):
        key = next((key for key in reversed(path) if isinstance(key, str)), "")
        if key in NAMES and value and path[-1] != "kind":
            put(document, path, payload if whole else value + payload)
    return document


# Pasting.

PAYLOADS = [
    " $(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", '"; touch PWNED; "', "'); touch PWNED; --",
    '" & touch PWNED & "', "\ntouch PWNED\n", "';touch PWNED;$(touch PWNED)`touch PWNED`\"&touch PWNED|touch PWNED",
    "\\'; touch PWNED; #", '\\"; touch PWNED; "', "%0atouch PWNED", "\u2019; touch PWNED; \u2019", "${x:-$(touch PWNED)}",
    "\u201c; touch PWNED; \u201d", "^& touch PWNED", "%COMSPEC% & touch PWNED", "\r\ntouch PWNED\r\n", "<(touch PWNED)",
]
SHELLS = ("posix", "power_shell", "cmd")
STATEMENT = re.compile(r"(select|security label|grant|alter|create|drop|begin|commit|revoke|insert|update|delete)\b", re.I)


def stub_folder(folder):
    """Programs that do nothing, under every name that a printed command has, and a real `touch`."""
    stubs = folder / "stubs"
    stubs.mkdir()
    for name in ("az", "azd", "psql", "openssl", "dig", "curl", "entra-pg", "sudo", "kubectl", "nslookup", "systemctl",
                 "chronyc", "timedatectl", "ping", "getent", "resolvectl", "azcmagent", "usermod", "chmod", "date", "ssh",
                 "sh", "bash", "update-ca-certificates", "select", "security", "grant", "alter", "host", "group"):
        write(stubs / name, "#!/bin/sh\nexit 0\n")
        (stubs / name).chmod(0o755)
    (stubs / "touch").symlink_to(shutil.which("touch"))
    return stubs


def outside_quotes(text, quotes, escape=None):
    """What is left of a text without its quoted parts. A doubled quotation mark is a part of the text."""
    out, at, opened = [], 0, None
    while at < len(text):
        letter = text[at]
        if opened:
            if escape and letter == escape and opened == '"':
                at += 1
            elif letter in quotes[opened]:
                if at + 1 < len(text) and text[at + 1] in quotes[opened]:
                    at += 1
                else:
                    opened = None
        elif letter in "".join(quotes.values()):
            opened = next(first for first, letters in quotes.items() if letter in letters)
        else:
            out.append(letter)
        at += 1
    return "".join(out)


POWER_SHELL = {"'": "'\u2018\u2019\u201a\u201b", '"': '"\u201c\u201d\u201e'}


def pasted(world, folder, report):
    """Pastes every command of a report into its shell."""
    shell = report["evidence"]["vantage"]["shell"]
    fixes = [fix for finding in report["findings"] for fix in finding.get("fixes", []) if fix.get("command")]
    commands = {(fix["command"], fix["text"].endswith("in PowerShell")) for fix in fixes}
    stubs = stub_folder(folder)
    empty = folder / "pasted"
    empty.mkdir()
    for command, in_power_shell in sorted(commands):
        if STATEMENT.match(command):
            rest = outside_quotes(command, {"'": "'", '"': '"'})
            if "touch" in rest:
                yield f"SQL with the payload outside of quotes: {command!r}"
        if shell == "posix" or STATEMENT.match(command):
            for name in ("bash", "sh"):
                subprocess.run([shutil.which(name), "-c", command], cwd=empty, env={"PATH": str(stubs)}, timeout=10,
                               stdin=subprocess.DEVNULL, capture_output=True)
            if any("PWNED" in name for name in os.listdir(empty)):
                yield f"pasted into a shell, this acts: {command!r}"
                return
        elif shell == "power_shell" or in_power_shell:
            if "touch" in outside_quotes(command, POWER_SHELL, "`"):
                yield f"PowerShell reads the payload as code: {command!r}"
        elif re.search(r'["%&|<>^!\n].*touch|touch.*["&|<>^]', command.replace('"&touch', "")) and "touch" in outside_quotes(command, {'"': '"'}):
            yield f"cmd reads the payload as code: {command!r}"


def pasting():
    names = sorted(str(path.relative_to(EVIDENCE).with_suffix("")) for path in EVIDENCE.rglob("*.json"))
    for number, name in enumerate(names):
        payload, shell = PAYLOADS[number % len(PAYLOADS)], SHELLS[number // len(PAYLOADS) % len(SHELLS)]

        def setup(world, folder, name=name, payload=payload, shell=shell):
            document = patched(name)
            with_payload(document, payload)
            document["vantage"]["shell"] = shell
            write(folder / "input", json.dumps(document))

        def check(world, texts):
            with tempfile.TemporaryDirectory(dir=world.folder) as folder:
                yield from pasted(world, Path(folder), json.loads(texts["stdout"]))

        yield Attack("pasted command", f"{name}: {payload!r} for {shell}", setup, argv=["replay", "input", "--format", "json"],
                     verify=check, exits=frozenset({0, 1, 3}), sample=number % 90 == 0, **OFFLINE_RUN)


# Evidence from elsewhere in every output.


def foreign():
    """Every text of foreign evidence is hostile; every command and format shows it."""
    formats = ["text", "short", "json", "json-line", "jsonl", "junit", "sarif", "github", "azure-pipelines", "html", "markdown"]
    cases = ["", "name/wrong-case", "outbound/tls-intercepted", "server/tls-expired", "claims/expired", "dns/nxdomain",
             "login/not-understood", "azure/nsg-blocks-entra"]

    def hostile(name):
        def setup(world, folder):
            path = EVIDENCE / f"{name}.json"
            document = with_payload(patched(name if path.exists() else ""), ACTIVE.replace("\0", ""))
            write(folder / "input", json.dumps(document))
            write(folder / "other", json.dumps(patched("")))

        return setup

    commands = {f"replay --format {format}": ["replay", "input", "--format", format, "-v"] for format in formats}
    commands |= {
        "diff": ["diff", "input", "other"], "diff the other way": ["diff", "other", "input"], "merge": ["merge", "input", "other"],
        "merge --format json": ["merge", "input", "other", "--format", "json"], "preflight --from": ["preflight", "--from", "input"],
        "merge --sibling": ["merge", "other", "--sibling", "input"], "a bundle of it": ["replay", "input", "--bundle", "b.zip"],
        "a bundle with pseudonyms": ["replay", "input", "--bundle", "b.zip", "--pseudonymize"],
    }
    for format in ("github", "azure-pipelines"):
        # These consist of commands, so they are not searched for commands.
        commands[f"replay --format {format}"] += ["-o", f"report.{format}"]
    for what, argv in commands.items():
        for name in cases:
            yield Attack("foreign evidence", f"{what} of {name or 'a healthy run'}", hostile(name), argv=argv,
                         exits=frozenset({0, 1, 3}), sample=(what, name) in {("diff", "name/wrong-case"), ("replay --format markdown", "claims/expired")},
                         **OFFLINE_RUN)
    marked = {"a byte order mark": lambda text: b"\xef\xbb\xbf" + text, "UTF-16": lambda text: b"\xff\xfe" + text.decode().encode("utf-16-le"),
              "UTF-16 in big endian": lambda text: b"\xfe\xff" + text.decode().encode("utf-16-be")}
    for what, change in marked.items():
        for command in (["replay", "input"], ["diff", "input", "input"], ["merge", "input"], ["preflight", "--from", "input"]):
            def setup(world, folder, change=change):
                write(folder / "input", change(json.dumps(patched("")).encode()))

            yield Attack("foreign evidence", f"{command[0]} of a report with {what}", setup, argv=command, exits=frozenset({0, 1, 3}),
                         sample=(what, command[0]) == ("UTF-16", "replay"), **OFFLINE_RUN)


# Pseudonyms and their key.

PEOPLE = {
    "Chinese": "王小明", "Japanese": "田中太郎", "Korean": "김민준", "Arabic": "محمد", "Hindi": "राहुल", "Russian": "Дмитрий.Жуков",
    "Polish": "Żółć.Gęślą", "combined marks": "Zoe\u0308.Muller\u0308", "Greek": "Ελένη.Παππά", "Hebrew": "שלמה", "Thai": "สมชาย",
    "Georgian": "გიორგი", "Armenian": "Արամ", "Amharic": "አበበ", "Cherokee": "ᏣᎳᎩ", "Deseret": "𐐈𐑊𐐮𐑅", "Latin": "Wilhelmina.Quixote",
    "digits": "svc4711993", "full width": "ｔａｎａｋａ", "Tamil": "முருகன்", "Burmese": "အောင်",
}


def parts_of(name):
    """The parts of a name that must not be left."""
    return [part for part in re.split(r"[.@ ]", name) if len(part) > 1]


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}


def pseudonyms():
    def hidden(names, places=("b.zip",)):
        def check(world, texts):
            folder = world.runs[-1]
            for place in places:
                if not (folder / place).exists():
                    yield f"no {place}: {texts['stderr'][-300:]!r}"
                    continue
                for file, text in unpacked((folder / place).read_bytes()).items():
                    text = json.dumps(text, ensure_ascii=False)
                    for name in names:
                        if name.lower() in text.lower():
                            at = text.lower().index(name.lower())
                            yield f"{name} is left in {file}: {text[max(0, at - 60):at + 60]!r}"
                            break

        return check

    for script, person in PEOPLE.items():
        def setup(world, folder, person=person):
            document = patched("name/wrong-case")
            user = f"{person}@{person.split('.')[-1]}-werke.example"
            seen = document["settings"]["seen"]
            seen["user"]["value"] = user
            document["token"]["seen"]["claims"] |= {"upn": user, "unique_name": user, "name": person.replace(".", " ")}
            seen["sslrootcert"]["state"]["roots"] = [f"{person} Inspection CA"]
            document["outbound"]["seen"]["hosts"][0]["direct"]["seen"]["tls"]["seen"]["chain"][0]["issuer_name"] = f"{person} CA"
            document["vantage"]["hostname"] = person
            document["vantage"]["os_user"] = person
            write(folder / "input", json.dumps(document))

        yield Attack("pseudonym", f"a name in {script}", setup, argv=["replay", "input", "--bundle", "b.zip", "--pseudonymize"],
                     verify=hidden(parts_of(person)), exits=frozenset({0, 1, 3}), sample=script == "Chinese", **OFFLINE_RUN)

    def public_words(world, folder):
        document = patched("")
        document["settings"]["seen"]["user"]["value"] = "admin.mail@network.com"
        document["token"]["seen"]["claims"] |= {"upn": "admin.mail@network.com", "unique_name": "admin.mail@network.com"}
        write(folder / "input", json.dumps(document))

    yield Attack("pseudonym", "a name of words that public hosts have", public_words, verify=hidden(["admin.mail", "@network"]),
                 argv=["replay", "input", "--bundle", "b.zip", "--pseudonymize"], exits=frozenset({0, 1, 3}), **OFFLINE_RUN)
    texts_of_servers = {
        "not valid for a role": f"the token is not valid for role Globex-Payroll of wilhelmina.quixote@globex.example",
        "no entry": "no pg_hba.conf entry for host \"203.0.113.9\", user \"globexpayroll\", database \"payrollglobex\", SSL encryption",
        "free text": "Contact Wilhelmina Quixote at Globex, wilhelmina.quixote@globex.example, room Quarkdorf",
        "a name that is a word": "role \"quixotesmith\" does not exist, ask globexpayroll",
    }
    for what, text in texts_of_servers.items():
        def live(world, folder, text=text):
            world.postgres.after_password = send(error(text, D=text, H=text))

        yield Attack("pseudonym", f"server text: {what}", live, argv=["bundle", "-o", "b.zip", "--pseudonymize"], reports=False,
                     trusted=VERIFIED, hides=lambda world: {}, exits=frozenset({0, 1, 3}), deadline=6,
                     verify=hidden(["globex", "payroll", "wilhelmina", "quixote", "quarkdorf"]), sample=what == "free text")
    answers = {
        "AADSTS700016": "AADSTS700016: Application with identifier 'x' was not found in the directory 'Globex Payroll GmbH'.",
        "AADSTS50105": "AADSTS50105: The signed in user 'wilhelmina.quixote@globex.example' is not assigned to a role for the application 'x'(Globex Payroll).",
        "AADSTS50020": "AADSTS50020: User account 'wilhelmina.quixote@globex.example' from identity provider 'live.com' does not exist in tenant 'Globex Payroll'",
        "AADSTS7000112": "AADSTS7000112: Application 'x'(Globex Payroll) is disabled.",
    }
    for what, text in answers.items():
        def entra(world, folder, text=text, what=what):
            world.http.replaced[ENTRA, "token"] = send(response(
                {"error": "invalid_client", "error_description": text, "error_codes": [int(what[6:])]}, "401 Unauthorized"))

        yield Attack("pseudonym", what, entra, env=PRINCIPAL, argv=["bundle", "-o", "b.zip", "--pseudonymize"], reports=False, deadline=6,
                     trusted=OVER_TLS, hides=lambda world: {}, exits=frozenset({0, 1, 3}),
                     verify=hidden(["globex", "payroll", "wilhelmina", "quixote"]), sample=what == "AADSTS50105")

    def block_page(world, folder):
        page = "<html><title>Globex Payroll: blocked for wilhelmina.quixote</title></html>"
        for host in (ENTRA, "graph.microsoft.com"):
            world.http.replaced[host, ""] = send(response(page, "403 Forbidden", kind="text/html", headers=["Server: globexgate"]))

    yield Attack("pseudonym", "a block page", block_page, argv=["bundle", "-o", "b.zip", "--pseudonymize"], reports=False, deadline=6,
                 trusted=VERIFIED, hides=lambda world: {}, exits=frozenset({0, 1, 3}),
                 verify=hidden(["globex", "payroll", "wilhelmina", "quixote"]), sample=True)

    def fingerprints(world, texts):
        folder = world.runs[-1]
        der = subprocess.run(["openssl", "x509", "-in", world.folder / "server.crt", "-outform", "DER"], capture_output=True).stdout
        digest = __import__("hashlib").sha256(der).hexdigest()
        for file, text in unpacked((folder / "b.zip").read_bytes()).items():
            if digest in text.lower().replace(":", ""):
                yield f"the SHA-256 of the certificate is in {file}"

    yield Attack("pseudonym", "fingerprints of certificates", argv=["bundle", "-o", "b.zip", "--pseudonymize"], reports=False, deadline=6,
                 trusted=VERIFIED, hides=lambda world: {}, exits=frozenset({0, 1, 3}), verify=fingerprints, sample=True)

    # The key file.
    key = json.dumps({"key": "00" * 32, "names": {}})

    def planted(name, prepare, refused=True):
        def setup(world, folder):
            write(folder / "input", json.dumps(patched("name/wrong-case")))
            prepare(folder, folder / ".pseudonym-key-b.zip")

        def check(world, texts):
            folder = world.runs[-1]
            path = folder / ".pseudonym-key-b.zip"
            if refused:
                if (folder / "b.zip").exists():
                    yield "the planted key was used"
                for file in folder.iterdir():
                    if file.name not in ("input", "stdout") and file.is_file() and b"Alice" in file.read_bytes():
                        yield f"real names are in {file.name}"
            else:
                data = path.lstat()
                if stat.S_IMODE(data.st_mode) != 0o600 or not stat.S_ISREG(data.st_mode):
                    yield f"the key file has mode {stat.S_IMODE(data.st_mode):o}"
                if [file.name for file in folder.glob("b.zip*")] != ["b.zip"] or list(folder.glob("entra-pg.*")):
                    yield "the key is in the glob of the bundle"
                if path.name not in texts["stderr"]:
                    yield "the key file is not announced"

        return Attack("pseudonym", f"key file: {name}", setup, argv=["replay", "input", "--bundle", "b.zip", "--pseudonymize"], verify=check,
                      exits=ANY_EXIT, sample=name == "open to others", **OFFLINE_RUN)

    def mode(bits):
        def prepare(folder, path):
            write(path, key)
            path.chmod(bits)

        return prepare

    def owned(folder, path):
        write(path, key)
        path.chmod(0o600)
        os.chown(path, 65534, 65534)

    def linked(folder, path):
        write(folder / "target", key)
        (folder / "target").chmod(0o600)
        path.symlink_to("target")

    def twice(folder, path):
        linked(folder, folder / "unused")
        os.link(folder / "target", path)

    yield planted("a new one", lambda folder, path: None, refused=False)
    yield planted("open to others", mode(0o666))
    yield planted("readable by a group", mode(0o640))
    if os.geteuid() == 0 and (os.stat("/proc/self/uid_map").st_size or len(Path("/proc/self/uid_map").read_text().split()) and
                             int(Path("/proc/self/uid_map").read_text().split()[2]) > 65534):
        yield planted("of another user", owned)
    yield planted("a symbolic link", linked)
    yield planted("a link that leads nowhere", lambda folder, path: path.symlink_to("none"))
    yield planted("a second name", twice)
    yield planted("a folder", lambda folder, path: path.mkdir())
    yield planted("a pipe", lambda folder, path: os.mkfifo(path, 0o600))
    yield planted("empty", lambda folder, path: mode(0o600)(folder, path) or path.write_bytes(b""))


# Files.


def written():
    """Files are written completely or not at all, only for their owner, and through no link."""
    def run(name, setup, argv, check, **options):
        options = OFFLINE_RUN | dict(exits=ANY_EXIT) | options
        return Attack("written file", name, setup, argv=argv, verify=check, **options)

    outputs = {"b.zip": ["--bundle", "full/b.zip"], "r.html": ["--report", "html=full/r.html"], "r.json": ["-o", "full/r.json", "--format", "json"],
               "r.md": ["--report", "markdown=full/r.md"]}

    def full(size):
        def setup(world, folder):
            write(folder / "input", json.dumps(patched("name/wrong-case")))
            (folder / "full").mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder / "full"], check=True)
            for name in outputs:
                write(folder / "full" / name, "yesterday")

        return setup

    for name, argv in outputs.items():
        for size in ("16k", "24k", "48k"):
            def check(world, texts, name=name, argv=argv):
                place = world.runs[-1] / "full"
                data = (place / name).read_bytes()
                others = sorted(file.name for file in place.iterdir() if file.name not in outputs)
                subprocess.run(["umount", place], check=True)
                if others:
                    yield f"left behind: {others}"
                whole = data == b"yesterday" or (
                    data.rstrip().endswith((b"</html>", b"}")) or b"PK\x05\x06" in data[-64:] or name == "r.md" and len(data) > 600)
                if not whole:
                    yield f"{name} is cut: {len(data)} bytes"
                if data == b"yesterday" and "could not be written" not in texts["stderr"] and "cannot be written" not in texts["stderr"]:
                    yield f"no word on what was not written: {texts['stderr'][-300:]!r}"

            yield run(f"{name} on a full disk ({size})", full(size), ["replay", "input", *argv], check, sample=(name, size) == ("b.zip", "24k"))

    def modes(world, texts):
        for file in world.runs[-1].iterdir():
            bits = stat.S_IMODE(file.lstat().st_mode)
            if file.name.startswith((".pseudonym", "b.", "r.")) and bits & 0o077:
                yield f"{file.name} has mode {bits:o}"

    def prepare(world, folder):
        write(folder / "input", json.dumps(patched("name/wrong-case")))

    everything = ["replay", "input", "--bundle", "b.zip", "--pseudonymize", "--report", "html=r.html", "--report", "json=r.json", "-o", "r.txt"]
    for mask in (0o022, 0o000, 0o077):
        yield run(f"modes under umask {mask:03o}", prepare, everything, modes, umask=mask, sample=mask == 0)

    def links(world, folder):
        prepare(world, folder)
        for name in ("b.zip", "r.html", "r.json", "r.txt"):
            write(folder / f"precious-{name}", "precious")
            (folder / name).symlink_to(f"precious-{name}")

    def precious(world, texts):
        for file in world.runs[-1].glob("precious-*"):
            if file.read_text() != "precious":
                yield f"a link led to {file.name}"

    yield run("links at the paths of outputs", links, [word for word in everything if word != "--pseudonymize"], precious, sample=True)
    for what, path in {"a folder": "folder", "a missing folder": "none/b.zip", "a read-only device": "/dev/full"}.items():
        def setup(world, folder):
            prepare(world, folder)
            (folder / "folder").mkdir()

        yield run(f"a bundle to {what}", setup, ["replay", "input", "--bundle", path], lambda world, texts: ())

    # Names of targets become names of files.
    names = {"CJK": "数据库服务器" * 20, "a dash": "-rf", "dots": "..", "nothing": "", "a device of Windows": "CON", "a path": "../../etc/x",
             "an absolute path": "/tmp/pwned", "a stream": "a:b", "active": ACTIVE.replace("\0", "")[:200], "long": "x" * 300, "blanks": "   ",
             "a dot at the end": "x.", "combining": "e\u0301" * 150, "surrogate pairs": "😀" * 100}
    for what, name in names.items():
        def fleet(world, folder, name=name):
            targets = [{"name": name, "host": "a.postgres.database.azure.com"}, {"name": name + "2", "host": "b.postgres.database.azure.com"},
                       {"name": name.upper(), "host": "c.postgres.database.azure.com"}]
            write(folder / "fleet.json", json.dumps({"targets": targets}))
            (folder / "out").mkdir()

        def check(world, texts):
            for file in (world.runs[-1] / "out").rglob("*"):
                if file.is_dir():
                    continue
                if len(file.name.encode()) > 255 or file.name.startswith(("-", ".")) or re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", file.name, re.I):
                    yield f"a report is called {file.name!r}"
                if re.search(r'[<>:"|?*\\\x00-\x1f]', file.name):
                    yield f"Windows refuses the name {file.name!r}"
            outside = [file.name for file in world.runs[-1].iterdir() if file.name not in ("fleet.json", "out", "empty", "stdout", "stderr")]
            if outside or "File name too long" in texts["stderr"]:
                yield f"{outside} {texts['stderr'][-200:]!r}"

        yield Attack("written file", f"fleet --reports with a target called {what}", fleet, argv=["fleet", "fleet.json", "--reports", "out"], reports=False,
                     hides=lambda world: {}, trusted=VERIFIED, exits=ANY_EXIT, verify=check, deadline=8, sample=what == "CJK")


# Secrets in the input of every command.


def forms(secret):
    """How a secret can be written."""
    raw = secret.encode()
    part = secret[len(secret) // 3:][:48]
    return {
        "as it is": secret, "with blanks": " ".join(secret), "with zero-width characters": "\u200b".join(secret),
        "in groups of 15": " ".join(secret[at:at + 15] for at in range(0, len(secret), 15)),
        "in base64": base64.b64encode(raw).decode(), "in base64 after a byte": base64.b64encode(b"u" + raw).decode(),
        "a part in base64": base64.b64encode(part.encode()).decode(), "in hex": raw.hex(), "a part in hex": part.encode().hex(),
        "in percent escapes": "".join(f"%{byte:02X}" for byte in raw), "reversed": secret[::-1], "a part": part,
        "key=value": f"password={secret}", "with dashes": "-".join(secret[at:at + 12] for at in range(0, len(secret), 12)),
    }


SHAPED = {
    "sig=": "https://x.blob.core.windows.net/c?sv=2024-11-04&sig=aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2eF4hJ6kL8nP0r%3D",
    "AccountKey=": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + base64.b64encode(bytes(range(64))).decode(),
    "Authorization": "Authorization: Basic YWxpY2U6U3VwZXItR2VoZWltLTEyMw==", "a refresh token": f"refresh_token={REFRESH_TOKEN}",
    "a bare refresh token": REFRESH_TOKEN, "a GitHub token": "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "an Azure DevOps token": "7Xq3vT0mBPkS7aZ9cWd2fAAXq3vT0mBPkS7aZ9cWd2fAAXq3vT0mBPkS7aZ9cWd2fAAXq3vT0mBPAZDO4Q1z",
    "password=": "password=Super-Geheim-987", "a client secret": f"client_secret={CLIENT_SECRET}",
    "a URL with a password": "postgresql://alice:Super-Geheim-987@host/db",
}
SHAPE = {
    "sig=": "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2eF4hJ6kL8nP0r", "AccountKey=": base64.b64encode(bytes(range(64))).decode(),
    "Authorization": "YWxpY2U6U3VwZXItR2VoZWltLTEyMw", "a refresh token": REFRESH_TOKEN, "a bare refresh token": REFRESH_TOKEN,
    "a GitHub token": "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "an Azure DevOps token": SHAPED["an Azure DevOps token"], "password=": "Super-Geheim-987", "a client secret": CLIENT_SECRET,
    "a URL with a password": "Super-Geheim-987",
}


def planted():
    """The token and shapes of secrets in the input of every command; no output, and no member of a bundle, shows them."""
    def members(secret_of):
        def check(world, texts):
            import scan
            bundle = world.runs[-1] / "b.zip"
            if not bundle.exists():
                return
            secret = scan.Secret("the secret", secret_of(world))
            for file, text in unpacked(bundle.read_bytes()).items():
                part = secret.found_in(scan.squeeze(text))
                if part:
                    yield f"the secret is in {file} of the bundle ({part})"

        return check

    def evidence(text):
        """Evidence in which a server, a proxy and Entra said the text."""
        document = patched("")
        document["login"]["seen"]["outcome"] = {
            "kind": "refused", "severity": "FATAL", "sqlstate": "28000", "message": f"no: {text}", "detail": text, "hint": text,
            "routine": text}
        document["session"] = {"not_observed": {"reason": "blocked", "by": "login", "subject": ""}}
        document["tool_errors"] = [text]
        document["vantage"]["hostname"] = text
        return document

    # The token is known: it is in PGPASSWORD.
    known = {"PGPASSWORD": lambda world, folder: world.token}
    offline = OFFLINE_RUN | dict(exits=ANY_EXIT, hides=lambda world: {"the token": world.token})
    commands = {
        "replay": ["replay", "input", "-v"], "replay --format json": ["replay", "input", "--format", "json"],
        "replay with a bundle": ["replay", "input", "--bundle", "b.zip"], "replay --format html": ["replay", "input", "--format", "html"],
        "diff": ["diff", "input", "other"], "merge": ["merge", "input"], "merge --format json": ["merge", "input", "--format", "json"],
        "preflight --from": ["preflight", "--from", "input"], "explain --file": ["explain", "--file", "text"],
        "explain --format json": ["explain", "--format", "json", "--file", "text"], "token --decode": ["token", "--decode", "text"],
        "a bad token": ["token", "--show-token", "--decode", "text"], "fleet --plan": ["fleet", "list", "--plan"],
        "a bad list": ["fleet", "text", "--plan"], "a bad workload": ["manifest", "kubernetes", "job", "--like", "text"],
        "bad configuration": ["doctor", "--azure-config", "text"], "a bad report": ["replay", "text"],
        "a bad cloud": ["doctor", "--plan", "--cloud-file", "text"],
    }
    for what, argv in commands.items():
        names = list(forms("x" * 60)) if what in ("replay", "replay with a bundle", "explain --file", "diff", "merge", "preflight --from") else \
            ["as it is", "with zero-width characters", "a part in base64", "in groups of 15"]
        for form in names:
            def setup(world, folder, form=form):
                text = forms(world.token)[form]
                write(folder / "input", json.dumps(evidence(text)))
                write(folder / "other", json.dumps(patched("")))
                write(folder / "text", f"FATAL: password authentication failed {text}\n")
                write(folder / "list", json.dumps({"targets": [{"host": SERVER, "user": text[:900], "name": text[:900]}]}))

            yield Attack("planted secret", f"{what}: the token {form}", setup, argv=argv, env=known, verify=members(lambda world: world.token),
                         sample=(what, form) in {("replay with a bundle", "with zero-width characters"), ("explain --file", "a part in base64")},
                         **offline)
    typed = {
        "name": lambda token: ["name", token], "explain": lambda token: ["explain", token], "an option": lambda token: ["doctor", "--" + token],
        "a command": lambda token: [token], "a port": lambda token: ["doctor", "-p", token], "a timeout": lambda token: ["doctor", "--timeout", token],
        "a check": lambda token: ["doctor", "--only", token], "a nameserver": lambda token: ["doctor", "--plan", "--nameserver", token],
        "the plan": lambda token: ["doctor", "--plan", "-U", token], "a keyword": lambda token: ["doctor", "--plan", f"host={SERVER} pasword={token}"],
        "exec": lambda token: ["exec", "--plan", token], "preflight": lambda token: ["preflight", "--plan", "-U", token],
        "a file": lambda token: ["replay", token[:200]], "manifest": lambda token: ["manifest", "kubernetes", "job", "--name", token],
        "manifest -U": lambda token: ["manifest", "kubernetes", "--image", "x", "-h", SERVER, "-U", token],
        "checks": lambda token: ["checks", token], "a shell": lambda token: ["completions", token], "a page": lambda token: ["man", token],
        "a shard": lambda token: ["fleet", "list", "--shard", token], "a client": lambda token: ["doctor", "--plan", "--connect-with", token],
        "a tenant": lambda token: ["doctor", "--plan", "--tenant", token], "a format": lambda token: ["doctor", "--format", token],
    }
    for what, argv in typed.items():
        for form in ("as it is", "with zero-width characters", "a part"):
            for env in ({}, {"PGPASSWORD": lambda world, folder: world.token}):
                if form == "a part" and not env:
                    continue
                arguments = lambda world, folder, argv=argv, form=form: [word.replace("\0", "") for word in argv(forms(world.token)[form])]
                yield Attack("planted secret", f"{what}: the token {form}{', known' if env else ''}", argv=arguments, env=env,
                             sample=(what, form) == ("name", "as it is") and not env, **offline)
    for what, text in SHAPED.items():
        for name in ("replay", "replay with a bundle", "explain --file", "diff", "merge", "a bad report", "a bad list"):
            def setup(world, folder, text=text):
                write(folder / "input", json.dumps(evidence(text)))
                write(folder / "other", json.dumps(patched("")))
                write(folder / "text", f"FATAL: password authentication failed\n{text}\n")

            options = offline | dict(hides=lambda world, what=what: {what: SHAPE[what]})
            yield Attack("planted secret", f"{name}: {what}", setup, argv=commands[name], verify=members(lambda world, what=what: SHAPE[what]),
                         sample=(name, what) == ("replay", "AccountKey="), **options)

    # Live, with a server that gives the token back, in each command that logs in.
    def echo(form):
        def setup(world, folder):
            world.postgres.after_password = send(error(forms(world.token)[form], D=forms(world.token)[form]))
            write(folder / "list", json.dumps({"targets": [{"host": SERVER, "user": "alice@contoso.com", "database": "appdb"}]}))

        return setup

    live = {
        "bundle": ["bundle", "-o", "b.zip"], "bundle --pseudonymize": ["bundle", "-o", "b.zip", "--pseudonymize"],
        "exec --diagnose": ["exec", "--diagnose", "--", "sh", "-c", "exit 2"], "preflight": ["preflight"],
    } | {f"fleet --format {format}": ["fleet", "list", "--format", format] for format in (
        "text", "json", "jsonl", "junit", "prometheus")}
    for what, argv in live.items():
        for form in ("as it is", "with zero-width characters", "a part in hex", "in groups of 15"):
            yield Attack("planted secret", f"{what}: the server echoes the token {form}", echo(form), argv=argv, trusted=VERIFIED, reports=False,
                         exits=ANY_EXIT, verify=members(lambda world: world.token), deadline=6,
                         sample=(what, form) == ("fleet --format json", "a part in hex"))


def outputs():
    for group in (pasting, foreign, pseudonyms, written, planted):
        yield from group()
