# SPDX-License-Identifier: Apache-2.0
"""idp.py - an identity provider on loopback: keys (RFC 7517), introspection (RFC 7662), and tokens,
signed by the openssl program.

    with idp.Provider() as provider:
        provider.url + "/keys", provider.url + "/introspect"
        token = provider.token(email="alice@example.test")
        provider.rotate(); provider.down = True; provider.hang = 3.0; provider.opaque["t"] = {...}

provider.asked counts requests by path. With `tls=(certificate, key)` it speaks https.
"""

import base64
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

AUDIENCE = "postern"
ISSUER = "https://id.example.test/staff"
CLIENT = ("mail", "geheim:%/+")


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


class Key:
    """RS256 or ES256, with a kid."""

    def __init__(self, folder, kid, algorithm="RS256"):
        self.kid, self.algorithm = kid, algorithm
        self.file = os.path.join(folder, kid)
        kind = (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256"
                else ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        openssl("genpkey", *kind, "-out", self.file)

    def jwk(self):
        jwk = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").split(b"=")[1].strip()
            return dict(jwk, kty="RSA", n=base64url(bytes.fromhex(modulus.decode())), e="AQAB")
        point = openssl("ec", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
        return dict(jwk, kty="EC", crv="P-256", x=base64url(point[:32]), y=base64url(point[32:]))

    def sign(self, text):
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=text)
        return signature if self.algorithm == "RS256" else pair_of(signature)


def pair_of(der):
    """SEQUENCE { INTEGER r, INTEGER s } as r and s of 32 octets."""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers


class Provider:
    def __init__(self, tls=None):
        self.folder = tempfile.mkdtemp(prefix="postern-idp-")
        self.keys = [Key(self.folder, "k1")]
        self.down, self.hang, self.opaque = False, 0, {}
        self.refused = set()  # tokens that it finds malformed: HTTP 400
        self.asked = {"/keys": 0, "/introspect": 0}
        self.end = threading.Event()
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.http.daemon_threads = True
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % (self.scheme, self.http.server_address[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.end.set()
        self.http.shutdown()
        self.http.server_close()
        shutil.rmtree(self.folder)

    def rotate(self, algorithm="RS256"):
        """Another key in place of those there are."""
        self.keys = [Key(self.folder, "k%d" % time.monotonic_ns(), algorithm)]

    def key_set(self):
        return {"keys": [key.jwk() for key in self.keys]}

    def token(self, key=None, header=None, **claims):
        """Claims with None are left out."""
        key = key or self.keys[0]
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300,
                 "scope": "openid mail", "email": "alice@example.test"}
        whole.update(claims)
        whole = {name: value for name, value in whole.items() if value is not None}
        top = {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}
        top.update(header or {})
        text = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode())
                        for part in (top, whole)).encode()
        return (text + b"." + base64url(key.sign(text)).encode()).decode()


def handler(provider):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body at once, or the peer's delayed ACK costs 40 ms

        def log_message(self, *_):
            pass

        def reply(self, status, value=None):
            body = json.dumps(value).encode() if value is not None else b""
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):  # it did not wait so long
                self.close_connection = True

        def begin(self):
            provider.asked[self.path] = provider.asked.get(self.path, 0) + 1
            if provider.hang:
                provider.end.wait(provider.hang)
            if provider.down:
                self.reply(503)
            return not provider.down

        def do_GET(self):
            if self.begin():
                self.reply(*((200, provider.key_set()) if self.path == "/keys" else (404,)))

        def do_POST(self):
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if not self.begin():
                return
            scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
            client = tuple(map(urllib.parse.unquote, base64.b64decode(secret).decode().split(":")))
            if scheme != "Basic" or client != CLIENT:
                self.reply(401)
                return
            token = urllib.parse.parse_qs(form)["token"][0]
            if token in provider.refused:
                self.reply(400)
                return
            self.reply(200, provider.opaque.get(token, {"active": False}))

    return Handler
