"""Servers in a network namespace: PostgreSQL, HTTP, DNS and a proxy. Each attack replaces a part of their
behavior. Everything that they receive is recorded."""

import base64
import json
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

SERVER = "pg-prod.postgres.database.azure.com"
EVIL = "evil.example"
TENANT = "11111111-2222-3333-4444-555555555555"
ADDRESSES = {
    SERVER: "192.0.2.10",
    "login.microsoftonline.com": "192.0.2.20",
    "graph.microsoft.com": "192.0.2.21",
    "management.azure.com": "192.0.2.22",
    EVIL: "192.0.2.30",
    "proxy.example": "192.0.2.40",
}
NAMESERVER = "192.0.2.53"
METADATA = "169.254.169.254"


def run(*command, **options):
    subprocess.run(command, check=True, capture_output=True, **options)


class Authority:
    """A root and what it signs, made with the openssl command."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.root = self.folder / "root.crt"
        self._key = self.folder / "root.key"
        self._self_signed(self.root, self._key, "Hostile Test Root")
        self.token_key = self.folder / "token.key"
        run("openssl", "genrsa", "-out", self.token_key, "2048")

    @staticmethod
    def _self_signed(certificate, key, name, *more):
        # By default openssl makes the certificate of an authority (CA:TRUE).
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "30", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *more,
        )

    def context(self, name, names, usage="serverAuth"):
        """A TLS context of a server whose certificate has these names, for this use."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        run(
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=server", "-keyout", key, "-out", request,
        )
        listed = ",".join(f"DNS:{host}" for host in names)
        extensions.write_text(f"subjectAltName={listed}\nextendedKeyUsage={usage}\n")
        run(
            "openssl", "x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self._key,
            "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certificate,
        )
        return self._loaded(certificate, key)

    def unsigned_context(self, name, common_name, *more):
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self._self_signed(certificate, key, common_name, "-addext", f"subjectAltName=DNS:{SERVER}", *more)
        return self._loaded(certificate, key)

    @staticmethod
    def _loaded(certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def token(self, **claims):
        """A signed access token for Azure Database for PostgreSQL."""
        now = int(time.time())
        body = {
            "aud": "https://ossrdbms-aad.database.windows.net",
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now, "nbf": now, "exp": now + 3600, "tid": TENANT, "ver": "1.0",
            "oid": "aaaaaaaa-0000-0000-0000-000000000001", "idtyp": "user",
            "upn": "alice@contoso.com", "unique_name": "alice@contoso.com", "scp": "user_impersonation",
            "uti": "Xq3vT0mBPkS7aZ9cWd2fAA",
        } | claims
        head = {"typ": "JWT", "alg": "RS256", "kid": "hostile"}
        text = ".".join(encode(json.dumps(part).encode()) for part in (head, body))
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.token_key], input=text.encode(), check=True,
            capture_output=True,
        )
        return f"{text}.{encode(signed.stdout)}"

    def keys(self):
        printed = subprocess.run(
            ["openssl", "rsa", "-in", self.token_key, "-modulus", "-noout"], check=True, capture_output=True
        ).stdout.decode()
        modulus = bytes.fromhex(printed.strip().removeprefix("Modulus="))
        key = {"kty": "RSA", "use": "sig", "kid": "hostile", "n": encode(modulus), "e": "AQAB"}
        return {"keys": [key]}


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# What a server does with a connection.


def send(data):
    return lambda stream: stream.sendall(data)


def flood(data, first=b""):
    """Sends the same again and again, as fast as it is accepted."""
    many = data * max(1, 65536 // len(data))

    def behave(stream):
        if first:
            stream.sendall(first)
        while True:
            stream.sendall(many)

    return behave


def drip(data, first=b""):
    def behave(stream):
        stream.sendall(first)
        while True:
            for byte in data:
                stream.sendall(bytes([byte]))
                time.sleep(0.15)

    return behave


def silent(stream):
    time.sleep(30)


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# PostgreSQL.


def message(kind, body):
    return kind + struct.pack(">I", len(body) + 4) + body


def error(text, severity="FATAL", code="28P01", kind=b"E", **more):
    if isinstance(text, str):
        text = text.encode()
    fields = {b"S": severity, b"V": severity, b"C": code, b"M": text}
    fields |= {name.encode(): value for name, value in more.items()}
    encoded = b"".join(
        name + (value if isinstance(value, bytes) else value.encode()) + b"\0"
        for name, value in fields.items()
    )
    return message(kind, encoded + b"\0")


CLEARTEXT = message(b"R", struct.pack(">I", 3))
ACCEPTED = message(b"R", struct.pack(">I", 0))
READY = message(b"Z", b"I")


def parameter(name, value):
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


class Postgres:
    """An honest server that accepts every token; an attack replaces a step."""

    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        self.before_tls = None
        self.certificate = "server"
        self.first = None
        self.after_password = None
        self.answer = None

    def serve(self, stream):
        received = self.world.received
        first = stream.recv(8)
        received("postgres", first)
        if self.before_tls:
            self.before_tls(stream)
            received("postgres", drain(stream))
            return
        stream.sendall(b"S")
        place = "postgres" if self.certificate == "server" else "unverified postgres"
        with self.world.contexts[self.certificate].wrap_socket(stream, server_side=True) as tls:
            received(place + " in clear", read_startup(tls))
            if self.first:
                self.first(tls)
                received(place + " in clear", drain(tls))
                return
            tls.sendall(CLEARTEXT)
            received(place, tls.recv(65536))
            if self.after_password:
                self.after_password(tls)
                drain(tls)
                return
            tls.sendall(ACCEPTED + parameter("server_version", "17.5") + READY)
            self._answer_queries(tls)

    def _answer_queries(self, tls):
        while True:
            head = exactly(tls, 5)
            if not head or head[:1] == b"X":
                return
            exactly(tls, struct.unpack(">I", head[1:])[0] - 4)
            if head[:1] == b"Q" and self.answer:
                self.answer(tls)
            elif head[:1] in b"QS":
                tls.sendall(error("permission denied", "ERROR", "42501") + READY)


def exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(min(65536, count - len(data)))
        if not more:
            return data
        data += more
    return data


def read_startup(stream):
    head = exactly(stream, 4)
    return head + exactly(stream, struct.unpack(">I", head)[0] - 4) if len(head) == 4 else head


def drain(stream):
    """What else the client sends; a client that waits is left waiting."""
    data = b""
    try:
        while len(data) < 1 << 20:
            more = stream.recv(65536)
            if not more:
                break
            data += more
    except OSError:
        pass
    return data


# HTTP.


def response(body=b"", status="200 OK", headers=(), kind="application/json"):
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\nConnection: close\r\n\r\n" + body


def endless_body(kind="application/json", start=b"[", unit=b"0,"):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()
    return flood(unit, head + start)


class Http:
    """Microsoft Entra ID, Graph, Resource Manager, the metadata service, and a host of an attacker."""

    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        # A function of a stream, or of (stream, host, path) if it decides by itself.
        self.replaced = {}

    def serve(self, stream, host, tls):
        before = self.replaced.get((host, "before TLS"))
        if before:
            before(stream)
            drain(stream)
            return
        if tls:
            stream = self.world.contexts["web"].wrap_socket(stream, server_side=True)
        with stream:
            head, body = self._read(stream)
            place = f"{host} over TLS" if tls else f"{host} in clear"
            self.world.received(place, head + body)
            path = head.split(b" ")[1].decode(errors="replace") if b" " in head else ""
            self._answer(stream, host, path)

    @staticmethod
    def _read(stream):
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 65536:
            more = stream.recv(65536)
            if not more:
                return head, b""
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                body += exactly(stream, int(line.split(b":")[1]) - len(body))
        return head, body

    def _answer(self, stream, host, path):
        for (of, part), behave in self.replaced.items():
            if of == host and part in path:
                behave(stream)
                time.sleep(0.05)
                return
        stream.sendall(self._honest(host, path))

    def _honest(self, host, path):
        if host == "graph.microsoft.com":
            body = {"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty."}}
            headers = ["request-id: 00000000-0000-0000-0000-000000000001"]
            return response(body, "401 Unauthorized", headers)
        if "openid-configuration" in path:
            base = "https://login.microsoftonline.com"
            return response({
                "issuer": f"https://sts.windows.net/{TENANT}/", "tenant_region_scope": "EU",
                "jwks_uri": f"{base}/{TENANT}/discovery/keys",
                "token_endpoint": f"{base}/{TENANT}/oauth2/token",
                "authorization_endpoint": f"{base}/{TENANT}/oauth2/authorize",
            })
        if "discovery" in path and "keys" in path:
            return response(self.world.keys)
        if "token" in path:
            now = int(time.time())
            return response({
                "token_type": "Bearer", "expires_in": 3600, "expires_on": str(now + 3600),
                "access_token": self.world.token, "resource": "https://ossrdbms-aad.database.windows.net",
            })
        return response({}, "404 Not Found")


# DNS.


class Nameserver:
    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        self.addresses = dict(ADDRESSES)
        # (query, name, is_tcp) → bytes, or None for the honest answer
        self.replaced = None
        self.asked = []

    def answer(self, query, over_tcp):
        name, end = self._name(query)
        self.asked.append(name)
        self.world.received("nameserver", name.encode())
        if self.replaced:
            replaced = self.replaced(query, name, over_tcp)
            if replaced is not None:
                return replaced
        kind = struct.unpack(">H", query[end : end + 2])[0]
        known = self.addresses.get(name.lower())
        records = known if isinstance(known, list) else [known] if known else []
        if kind != 1:
            records = []
        data = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
            for address in records
        )
        code = 0 if known else 3
        return reply(query, end, len(records), data, code)

    @staticmethod
    def _name(query):
        labels, at = [], 12
        while at < len(query) and query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]])
            at += 1 + query[at]
        return b".".join(labels).decode("latin-1"), at + 1


def reply(query, end, count, data, code=0, flags=0x8180):
    head = query[:2] + struct.pack(">HHHHH", flags | code, 1, count, 0, 0)
    return head + query[12 : end + 4] + data


class Proxy:
    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        self.behave = None

    def serve(self, stream):
        head = stream.recv(65536)
        self.world.received("proxy in clear", head)
        if self.behave:
            self.behave(stream)
            drain(stream)
            return
        stream.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


class World:
    """All servers of one namespace."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.authority = Authority(self.folder)
        self.contexts = {
            "server": self.authority.context("server", [SERVER]),
            "wrong name": self.authority.context("wrong", ["other.example"]),
            "self-signed": self.authority.unsigned_context("self", SERVER),
            "self-signed server": self.authority.unsigned_context("leaf", SERVER, "-addext", "basicConstraints=CA:FALSE"),
            "for clients": self.authority.context("clients", [SERVER], "clientAuth"),
            "for mail": self.authority.context("mail", [SERVER], "emailProtection"),
            "web": self.authority.context("web", [name for name in ADDRESSES if name != SERVER]),
        }
        self.token = self.authority.token()
        self.keys = self.authority.keys()
        self._log = []
        # The folders of the runs; the last one is that of this run.
        self.runs = []
        # Every address, port and protocol that was contacted.
        self.seen = set()
        self._open = set()
        self.postgres, self.http = Postgres(self), Http(self)
        self.nameserver, self.proxy = Nameserver(self), Proxy(self)
        self._network()
        self._listen()

    def _network(self):
        run("ip", "link", "set", "lo", "up")
        for address in [*ADDRESSES.values(), NAMESERVER, METADATA]:
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        # Addresses without a listener refuse at once; others than these have no route.
        run("ip", "route", "add", "local", "198.51.100.0/24", "dev", "lo")
        for name, text in [("resolv.conf", f"nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n"),
                           ("hosts", "127.0.0.1 localhost\n")]:
            path = self.folder / name
            path.write_text(text)
            run("mount", "--bind", path, Path("/etc", name).resolve())

    def _listen(self):
        web = [host for host in ADDRESSES if host not in (SERVER, "proxy.example")]
        for host in web:
            self._serve(ADDRESSES[host], 443, lambda stream, host=host: self.http.serve(stream, host, True))
            self._serve(ADDRESSES[host], 80, lambda stream, host=host: self.http.serve(stream, host, False))
        self._serve(METADATA, 80, lambda stream: self.http.serve(stream, METADATA, False))
        self._serve("127.0.0.1", 40342, lambda stream: self.http.serve(stream, METADATA, False))
        for port in (5432, 6432):
            self._serve(ADDRESSES[SERVER], port, lambda stream: self.postgres.serve(stream))
        self._serve(ADDRESSES["proxy.example"], 3128, lambda stream: self.proxy.serve(stream))
        self._serve(NAMESERVER, 53, self._dns_over_tcp)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((NAMESERVER, 53))
        threading.Thread(target=self._dns_over_udp, args=(datagrams,), daemon=True).start()

    def _serve(self, address, port, behave):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(256)
        threading.Thread(target=self._accept, args=(listener, behave), daemon=True).start()

    def _accept(self, listener, behave):
        while True:
            stream, _ = listener.accept()
            self.seen.add((*listener.getsockname(), "tcp"))
            stream.settimeout(10)
            threading.Thread(target=self._handle, args=(stream, behave), daemon=True).start()

    def _handle(self, stream, behave):
        self._open.add(stream)
        try:
            with stream:
                behave(stream)
        except (OSError, ValueError, struct.error, IndexError):
            pass
        finally:
            self._open.discard(stream)

    def _dns_over_tcp(self, stream):
        length = struct.unpack(">H", exactly(stream, 2))[0]
        answer = self.nameserver.answer(exactly(stream, length), True)
        stream.sendall(struct.pack(">H", min(len(answer), 65535)) + answer[:65535])

    def _dns_over_udp(self, datagrams):
        while True:
            query, sender = datagrams.recvfrom(4096)
            self.seen.add((NAMESERVER, 53, "udp"))
            try:
                datagrams.sendto(self.nameserver.answer(query, False)[:65000], sender)
            except (OSError, struct.error, IndexError):
                pass

    def received(self, place, data):
        if data:
            self._log.append((place, bytes(data)))

    def log(self):
        return list(self._log)

    def reset(self):
        for server in (self.postgres, self.http, self.nameserver, self.proxy):
            server.reset()
        for stream in list(self._open):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._log.clear()
        self.seen.clear()
