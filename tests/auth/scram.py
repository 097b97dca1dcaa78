# SPDX-License-Identifier: Apache-2.0
"""SCRAM and CRAM-MD5 on every protocol: with keys and with passwords in clear, bound to certificates of
every signature, with real clients; and what a server must not give away."""

import base64
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

ALL = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5"
TLS = {"pop": "pop3s", "imap": "imaps", "smtp": "submissions"}
# Host name, key, hash of the signature, and the hash of RFC 5929 (None: there is no such binding).
CERTIFICATES = [
    ("ec256.example.test", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256"],
     hashlib.sha256),
    ("ec384.example.test", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"],
     hashlib.sha384),
    ("rsa512.example.test", ["-newkey", "rsa:2048", "-sha512"], hashlib.sha512),
    ("pss.example.test", ["-newkey", "rsa:2048", "-sha384", "-sigopt", "rsa_padding_mode:pss"],
     hashlib.sha384),
    ("old.example.test", ["-newkey", "rsa:2048", "-sha1"], hashlib.sha256),
    ("ed.example.test", ["-newkey", "ed25519"], None),
]


def server_of(**more):
    settings = people.listeners(sasl_mechanisms=ALL)
    changes = postern.merge(settings, {
        "plugin auth": {"failure_delay": "0"},
        "listener plain": {"protocol": "imap4", "address": "auto", "tls": "implicit",
                           "sasl_mechanisms": "SCRAM-SHA-256"}}, more.pop("changes", None))
    server = postern.mail_server(changes=changes, **more)
    people.write(server.users_file, {
        "alice": {"password": people.secrets("secret")[2:]},  # keys only
        "bob": {"password": "{PLAIN}" + people.PASSWORD, "delegates": "alice"},
        "nothing": {}})
    return server


def succeeded(server, mechanism):
    """The last login was by this mechanism."""
    server.wait_log("login.success", mechanism=mechanism)
    return server.logged("login.success", mechanism=mechanism)[-1]


def every_protocol(server):
    for protocol in dialogue.PROTOCOLS:
        for name in ALL.split():
            way = mechanisms.ways[name]
            for user, secret, keys in (("alice", "secret", True), ("bob", people.PASSWORD, False)):
                with dialogue.open(protocol, server, TLS[protocol], tls=True) as client:
                    answer = way(client, user, secret)
                    assert answer.good == (not keys or name != "CRAM-MD5"), (name, user, answer)
                    client.leave()
                with dialogue.open(protocol, server, TLS[protocol], tls=True) as client:
                    assert not way(client, user, secret + "x").good, (name, user)
                    assert client.serves()
            if name in mechanisms.with_authzid:
                with dialogue.open(protocol, server, TLS[protocol], tls=True) as client:
                    assert way(client, "alice", "secret", authzid="bob").good, name
                    client.leave()
        detail = succeeded(server, "SCRAM-SHA-256-PLUS")["detail"]
        assert detail == "tls-server-end-point", detail


def in_clear(server):
    """Without TLS there is nothing to bind to; the password does not cross the line."""
    with dialogue.open("imap", server) as client:
        assert client.mechanisms() == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
        assert mechanisms.ways["SCRAM-SHA-256"](client, "alice", "secret").good


# --- channel binding -------------------------------------------------------------------------


class Named(dialogue.Imap):
    """A client that asks for one of the certificates."""

    def __init__(self, server, host, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version:
            context.maximum_version = version
        self.sock = context.wrap_socket(server.connect("imaps"), server_hostname=host)
        self.file = self.sock.makefile("rb")
        self.greet()


def bound_to(digest):
    def binding(client):
        certificate = client.sock.getpeercert(binary_form=True)
        return "tls-server-end-point", digest(certificate).digest()
    return mechanisms.scram("sha256", binding, "SCRAM-SHA-256-PLUS")


def make_certificates(folder):
    """Sections of the configuration, and which of CERTIFICATES this OpenSSL makes."""
    sections, made = {}, []
    for row in CERTIFICATES:
        path = os.path.join(folder, row[0])
        done = subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=" + row[0], *row[1],
             "-keyout", path + ".key", "-out", path + ".crt"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            sections["certificate " + row[0].partition(".")[0]] = {
                "names": row[0], "certificate": path + ".crt", "key": path + ".key"}
            made.append(row)
    return sections, made


def every_signature():
    with tempfile.TemporaryDirectory(prefix="postern-") as folder:
        sections, made = make_certificates(folder)
        with server_of(changes=sections) as server:
            for host, _, digest in made:
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                    way = bound_to(digest or hashlib.sha256)
                    with Named(server, host, version) as client:
                        good = way(client, "alice", "secret").good
                    assert good == (digest is not None), (host, version)
                    with Named(server, host, version) as client:
                        assert not bound_to(hashlib.md5)(client, "alice", "secret").good, host
            server.wait_log("login.failure", reason="channel-bindings-dont-match")
            server.wait_log("login.failure", reason="unsupported-channel-binding-type")
        print("   ", ", ".join(row[0].partition(".")[0] for row in made))


def first_message(server, listener, header, mechanism="SCRAM-SHA-256"):
    with dialogue.open("imap", server, listener, tls=True) as client:
        return client.authenticate(mechanism, header + b"n=alice,r=abc")


def bindings_are_negotiated(server):
    assert first_message(server, "plain", b"y,,").challenge  # has no -PLUS: the client is right
    assert first_message(server, "imaps", b"n,,").challenge
    for listener, header, mechanism, reason in (
            ("imaps", b"y,,", "SCRAM-SHA-256", "server-does-support-channel-binding"),
            ("imaps", b"p=tls-unique,,", "SCRAM-SHA-256-PLUS", "unsupported-channel-binding-type"),
            ("plain", b"p=tls-exporter,,", "SCRAM-SHA-256", "channel-binding-not-supported"),
            ("imaps", b"n,,", "SCRAM-SHA-256-PLUS", "other-error")):
        answer = first_message(server, listener, header, mechanism)
        assert answer.challenge is None and not answer.good, (header, answer)
        server.wait_log("login.failure", reason=reason)


# --- what is given away ------------------------------------------------------------------------


def told(server, user):
    with dialogue.open("imap", server, "imaps", tls=True) as client:
        answer = client.authenticate("SCRAM-SHA-256", b"n,,n=" + user.encode() + b",r=abc")
        return answer.challenge.split(b",")[1:]


def unknown_names_look_alike(server):
    names = ("alice", "bob", "nothing", "nobody", "nobody@example.test", "NOBODY", "other")
    before = {name: told(server, name) for name in names}
    for name, (salt, count) in before.items():
        assert len(base64.b64decode(salt[2:])) in (16, 17) and count == b"i=4096", (name, salt)
    assert before["nobody"] == before["nobody@example.test"] == before["NOBODY"]
    assert before["nobody"] != before["other"]
    server.restart()
    after = {name: told(server, name) for name in names}
    assert before == after, (before, after)
    failures = set()
    for user, secret in (("alice", "wrong"), ("bob", "wrong"), ("nothing", "x"), ("nobody", "x")):
        for protocol in dialogue.PROTOCOLS:
            with dialogue.open(protocol, server, TLS[protocol], tls=True) as client:
                answer = mechanisms.ways["SCRAM-SHA-256"](client, user, secret)
                failures.add((protocol, answer.text.partition(" ")[2]))
    assert len(failures) == 3, failures


def every_cut(server):
    """No part of a right message is right, and a session outlives it."""
    whole = b"n,a=alice,n=alice,r=abc,x=1"
    taken = []
    with dialogue.open("smtp", server, "submissions", tls=True) as client:
        for cut in range(len(whole)):
            answer = client.authenticate("SCRAM-SHA-256", whole[:cut])
            if answer.challenge is not None:
                taken.append(whole[:cut])
                answer = client.respond(b"c=biws,r=abc")
            assert not answer.good and answer.challenge is None, (cut, answer)
            if answer.text.startswith("421"):
                client = dialogue.open("smtp", server, "submissions", tls=True)
        assert client.serves()
    # All that is left of a message when its nonce or extension are shorter or missing.
    nonce = whole.index(b"r=") + 2
    assert set(taken) <= {whole[:cut] for cut in range(nonce + 1, len(whole))}, taken


# --- clients ----------------------------------------------------------------------------------


def run(server, what, *command):
    done = subprocess.run(command, env=dict(os.environ, HOME=server.directory), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    assert done.returncode == 0, (what, done.stdout[-2000:])


def gsasl(server):
    """Its -PLUS is bound by tls-exporter (TLS 1.3)."""
    for protocol, listener in (("imap", "imap"), ("smtp", "submission")):
        for mechanism in ALL.split():
            since = len(server.log)
            run(server, mechanism, "gsasl", "--" + protocol, "--quiet",
                "--connect=localhost:%d" % server.port(listener),
                "--x509-ca-file=" + server.ca_file, "--mechanism=" + mechanism,
                "--authentication-id=bob", "--password=" + people.PASSWORD,
                *([] if mechanism.endswith("-PLUS") else ["--no-cb"]))
            server.wait_log("login.success", mechanism=mechanism, since=since)
            line = server.logged("login.success", mechanism=mechanism)[-1]
            if mechanism.endswith("-PLUS"):
                assert line["detail"] == "tls-exporter", line


def msmtp_and_mpop(server):
    mail = os.path.join(server.directory, "mail")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(mail, part), exist_ok=True)
    for program, listener, more in (
            ("msmtp", "submission", ["--from=alice@example.test", "alice@example.test"]),
            ("mpop", "pop3", ["--delivery=maildir," + mail])):
        if not shutil.which(program):
            print("    without", program)
            continue
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
            since = len(server.log)
            run(server, program, program, "--host=localhost",
                "--port=%d" % server.port(listener), "--tls=on", "--tls-starttls=on",
                "--tls-trust-file=" + server.ca_file, "--auth=" + mechanism.lower(),
                "--user=alice", "--passwordeval=echo secret", *more)
            server.wait_log("login.success", mechanism=mechanism, since=since)


MBSYNC = """
IMAPAccount server
Host localhost
Port %(port)d
User alice
Pass secret
SSLType IMAPS
CertificateFile %(ca)s
AuthMechs %(mechanism)s

IMAPStore far
Account server

MaildirStore near
Path %(folder)s/
Inbox %(folder)s/INBOX

Channel all
Far :far:
Near :near:
Create Near
SyncState *
"""


def mbsync(server):
    """Through cyrus-sasl."""
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
        folder = os.path.join(server.directory, mechanism)
        os.mkdir(folder)
        path = os.path.join(folder, "mbsyncrc")
        with open(path, "w", encoding="ascii") as out:
            out.write(MBSYNC % {"port": server.port("imaps"), "ca": server.ca_file,
                                "mechanism": mechanism, "folder": folder})
        since = len(server.log)
        run(server, mechanism, "mbsync", "-c", path, "-a")
        server.wait_log("login.success", mechanism=mechanism, since=since)


def main():
    with server_of() as server:
        for test in (every_protocol, in_clear, bindings_are_negotiated, unknown_names_look_alike,
                     every_cut):
            postern.run(lambda_of(test, server))
        for test, program in ((gsasl, "gsasl"), (msmtp_and_mpop, "msmtp"), (mbsync, "mbsync")):
            if shutil.which(program):
                postern.run(lambda_of(test, server))
            else:
                print("without", program)
    postern.run(every_signature)


def lambda_of(test, server):
    def bound():
        test(server)
    bound.__name__ = test.__name__
    return bound


if __name__ == "__main__":
    main()
