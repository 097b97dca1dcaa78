# SPDX-License-Identifier: Apache-2.0
"""EXTERNAL: clients with certificates, on every protocol; who is believed, front ends, revocation,
and authorities that change while the server runs. With curl, msmtp and mpop."""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

TLS = {"pop": "pop3s", "imap": "imaps", "smtp": "submissions"}


def openssl(*arguments, text=None):
    done = subprocess.run(["openssl", *arguments], input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


class Authority:
    """Signs certificates of clients, and takes them back."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.path = os.path.join(folder, name)
        os.mkdir(self.path)
        self.certificate, self.key = self.path + ".crt", self.path + ".key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "30", "-subj", "/CN=" + name, "-keyout", self.key, "-out",
                self.certificate)
        self.config = os.path.join(self.path, "ca.conf")
        for part, text in (("index", ""), ("serial", "1000\n"), ("ca.conf", (
                "[ca]\ndefault_ca = us\n[us]\ndatabase = %s/index\nserial = %s/serial\n"
                "default_md = sha256\ndefault_days = 20\ndefault_crl_days = 7\npolicy = any\n"
                "copy_extensions = copy\nunique_subject = no\nnew_certs_dir = %s\n"
                "[any]\ncommonName = optional\norganizationName = optional\n") % (
                    (self.path,) * 3))):
            with open(os.path.join(self.path, part), "w", encoding="ascii") as out:
                out.write(text)

    def issue(self, name, subject, *alternatives):
        """A file with certificate and key."""
        base = os.path.join(self.folder, name)
        more = ["-addext", "subjectAltName=" + ",".join(alternatives)] if alternatives else []
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                subject, "-keyout", base + ".key", "-out", base + ".csr", *more)
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.certificate,
                "-keyfile", self.key, "-in", base + ".csr", "-out", base + ".crt")
        with open(base + ".pem", "w", encoding="ascii") as out:
            for part in (base + ".crt", base + ".key"):
                with open(part, encoding="ascii") as text:
                    out.write(text.read())
        return base + ".pem"

    def revoke(self, path):
        openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key,
                "-revoke", path)

    def lists(self, path):
        """Writes the revocation list, as an administrator would: in one go."""
        openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key,
                "-gencrl", "-out", path + ".new")
        os.rename(path + ".new", path)


class World:
    """Two authorities, of which the server trusts one, and their clients."""

    def __init__(self, folder):
        self.ours, self.theirs = Authority(folder, "ours"), Authority(folder, "theirs")
        self.alice = self.ours.issue("alice", "/O=Example, Inc./CN=Alice",
                                     "email:alice@example.test")
        self.bob = self.ours.issue("bob", "/CN=Bob", "otherName:msUPN;UTF8:bob@example.test",
                                   "email:alice@example.test")
        self.two = self.ours.issue("two", "/CN=Two", "email:alice@example.test",
                                   "email:bob@example.test")
        self.ruled = self.ours.issue("ruled", "/CN=Ruled")
        self.front = self.ours.issue("front", "/O=Example/CN=front")
        self.foreign = self.theirs.issue("foreign", "/CN=Alice", "email:alice@example.test")
        self.rules = os.path.join(folder, "certificates")
        self.crl = os.path.join(folder, "crl.pem")
        self.ca = os.path.join(folder, "trusted.pem")
        shutil.copy(self.ours.certificate, self.ca)
        self.ours.lists(self.crl)
        self.write_rules()

    def write_rules(self):
        print_of = openssl("x509", "-in", self.ruled, "-noout", "-fingerprint", "-sha256")
        subject = openssl("x509", "-in", self.front, "-noout", "-subject", "-nameopt",
                          "RFC2253,utf8")
        with open(self.rules, "w", encoding="utf-8") as out:
            out.write("# whose is it\nbob fingerprint %s\n* subject %s\n" % (
                print_of.strip().partition("=")[2], subject.strip().partition("=")[2].strip()))

    def server(self, mode="request"):
        changes = people.listeners(
            tls_client_certificates=mode, tls_client_ca=self.ca, tls_client_crl=self.crl)
        changes["plugin auth"] = {"failure_delay": "0", "external_users": self.rules}
        server = postern.mail_server(changes=changes)
        people.write(server.users_file, {"alice": {"password": "{PLAIN}secret"},
                                         "bob": {"delegates": "alice"}, "carol": {}})
        return server


def context(server, shown=None):
    made = server.tls_context()
    if shown:
        made.load_cert_chain(shown)
    return made


class Shown:
    """dialogue.open() with a certificate."""

    def __init__(self, protocol, server, shown):
        base = {"pop": dialogue.Pop, "imap": dialogue.Imap, "smtp": dialogue.Smtp}[protocol]

        class Client(base):
            def __init__(self):
                sock = server.connect(TLS[protocol])
                self.sock = context(server, shown).wrap_socket(sock, server_hostname="localhost")
                self.file = self.sock.makefile("rb")
                self.greet()
        self.client = Client()

    def __enter__(self):
        return self.client

    def __exit__(self, kind, *_):
        if kind is None:
            self.client.leave()  # the mailbox of POP3 is closed when the next one comes
        self.client.__exit__()


def offered(server, shown, protocol="imap"):
    with Shown(protocol, server, shown) as client:
        return "EXTERNAL" in client.mechanisms()


def log_in(server, shown, authzid, protocol="imap", initial=True):
    """The answer."""
    with Shown(protocol, server, shown) as client:
        if initial:
            return client.authenticate("EXTERNAL", authzid.encode())
        answer = client.authenticate("EXTERNAL")
        assert answer.challenge == b"", answer
        return client.respond(authzid.encode())


def who_is_who(world, server):
    for protocol in dialogue.PROTOCOLS:
        for initial in (True, False):
            for shown, authzid, good in (
                    (world.alice, "", True), (world.alice, "alice", True),
                    (world.alice, "bob", True), (world.alice, "carol", False),
                    (world.alice, "nobody", False), (world.bob, "", True),
                    (world.bob, "alice", False), (world.ruled, "", True),
                    (world.front, "alice", True), (world.front, "EXAMPLE.TEST\\alice\\bob", True),
                    (world.front, "carol\\alice", False), (world.front, "", False)):
                answer = log_in(server, shown, authzid, protocol, initial)
                assert answer.good == good, (protocol, shown, authzid, answer)
        for shown in (world.two, world.foreign, None):
            assert not offered(server, shown, protocol), (protocol, shown)
            assert not log_in(server, shown, "alice", protocol).good, (protocol, shown)
    log = server.logged("login.success", mechanism="EXTERNAL")
    assert any(line["detail"] == "O=Example\\, Inc.,CN=Alice" and line["account"] == "bob"
               for line in log), {line["detail"] for line in log}
    assert any(line["detail"] == "front end O=Example,CN=front" and line["user"] == "alice"
               and line["account"] == "bob" for line in log)
    server.wait_log("tls.client-refused", error="unable to get local issuer certificate")


def password_still_does(world, server):
    """Who has no certificate, or one that is not believed, logs in as ever."""
    for shown in (None, world.foreign):
        with Shown("imap", server, shown) as client:
            assert client.authenticate("PLAIN", b"\0alice\0secret").good


def until(what, condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def changes_on_disk(world, server):
    """Revoked, trusted anew, and ruled by another line, without a reload."""
    assert offered(server, world.bob)
    world.ours.revoke(world.bob)
    world.ours.lists(world.crl)
    until("bob is revoked", lambda: not offered(server, world.bob))
    server.wait_log("tls.client-refused", error="certificate revoked")
    assert offered(server, world.alice)
    with open(world.ca, "a", encoding="ascii") as out:
        with open(world.theirs.certificate, encoding="ascii") as more:
            out.write(more.read())
    world.theirs.lists(world.crl + ".theirs")
    with open(world.crl + ".theirs", encoding="ascii") as more:
        text = more.read()
    with open(world.crl, "a", encoding="ascii") as out:
        out.write(text)
    until("theirs are trusted", lambda: offered(server, world.foreign))
    with open(world.ca, "w", encoding="ascii") as out:
        out.write("no certificate\n")  # a mistake: what was good stays
    server.wait_log("certificate.refused")
    assert offered(server, world.alice)
    shutil.copy(world.ours.certificate, world.ca)
    until("theirs are not trusted", lambda: not offered(server, world.foreign))

    with open(world.rules, "a", encoding="utf-8") as out:
        out.write("carol email alice@example.test\n")
    until("the rules are new", lambda: log_in(server, world.alice, "carol").good)
    assert not log_in(server, world.alice, "alice").good
    with open(world.rules, "a", encoding="utf-8") as out:
        out.write("carol\n")
    until("the mistake is found", lambda: offered(server, world.alice)
          and server.logged("login.settings"))
    assert log_in(server, world.alice, "carol").good
    world.write_rules()


def required(world):
    with world.server("require") as server:
        assert log_in(server, world.front, "alice").good
        for shown in (None, world.foreign):
            try:
                with Shown("imap", server, shown) as client:
                    assert not client.greeting
            except (ssl.SSLError, ConnectionError, AssertionError):
                continue
            raise AssertionError("served without a certificate")
        server.wait_log("tls.failed")


def asked_after_a_reload(world):
    """The listener begins to ask, and ends, without a restart."""
    given = people.listeners(tls_client_certificates="request", tls_client_ca=world.ca,
                             tls_client_crl=world.crl)
    nothing = people.listeners(tls_client_certificates=None, tls_client_ca=None,
                               tls_client_crl=None)
    server = world.server()
    server.configure(nothing)
    with server:
        worker = server.worker_pid
        assert not offered(server, world.alice)
        server.configure(given)
        server.reload()
        assert log_in(server, world.alice, "").good
        server.configure(nothing)
        server.reload()
        assert not offered(server, world.alice)
        assert server.worker_pid == worker


def settings_are_checked(world):
    def problems(**settings):
        listener = dict({"protocol": "echo", "address": "auto", "tls": "implicit"}, **settings)
        server = postern.Server(postern.merge(postern.ECHO, {"listener echo": listener}), tls=True)
        done = subprocess.run([postern.POSTERND, "--check", "--config", server.config],
                              env=server.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        server.close()
        return done.returncode, done.stdout

    for word, settings in (
            ("needs tls_client_ca", {"tls_client_certificates": "request"}),
            ("there are none without TLS", {"tls_client_certificates": "request", "tls": "none"}),
            ("No such file", {"tls_client_certificates": "request", "tls_client_ca": "missing"})):
        code, text = problems(**settings)
        assert code != 0 and word in text, (settings, text)
    code, text = problems(tls_client_ca=world.ca)
    assert code == 0 and "did you mean request" in text, text
    code, text = problems(tls_client_ca=world.ca, tls_client_certificates="request")
    assert code == 0, text


# --- clients ----------------------------------------------------------------------------------


def succeeds(server, what, *command):
    since = len(server.log)
    done = subprocess.run(command, env=dict(os.environ, HOME=server.directory), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    assert done.returncode == 0, (what, done.stdout[-2000:])
    server.wait_log("login.success", mechanism="EXTERNAL", since=since)


def clients(world, server):
    key, certificate = world.alice[:-4] + ".key", world.alice[:-4] + ".crt"
    if shutil.which("curl"):
        for url in ("imaps://localhost:%d/INBOX" % server.port("imaps"),
                    "pop3s://localhost:%d/" % server.port("pop3s")):
            succeeds(server, url, "curl", "-sS", "--cacert", server.ca_file, "--cert", certificate,
                     "--key", key, "--user", "alice:", "--login-options", "AUTH=EXTERNAL", url)
    mail = os.path.join(server.directory, "mail")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(mail, part), exist_ok=True)
    for program, listener, more in (
            ("msmtp", "submission", ["--from=alice@example.test", "alice@example.test"]),
            ("msmtp", "submissions", ["--from=alice@example.test", "alice@example.test"]),
            ("mpop", "pop3", ["--delivery=maildir," + mail]),
            ("mpop", "pop3s", ["--delivery=maildir," + mail])):
        if shutil.which(program):
            starttls = "off" if listener.endswith("s") else "on"
            succeeds(server, program, program, "--host=localhost",
                     "--port=%d" % server.port(listener), "--tls=on",
                     "--tls-starttls=" + starttls,
                     "--tls-trust-file=" + server.ca_file, "--tls-cert-file=" + certificate,
                     "--tls-key-file=" + key, "--auth=external", "--user=alice", *more)


def main():
    with tempfile.TemporaryDirectory(prefix="postern-") as folder:
        os.chmod(folder, 0o755)
        world = World(folder)
        with world.server() as server:
            for test in (who_is_who, password_still_does, clients, changes_on_disk):
                begin = time.monotonic()
                test(world, server)
                print("ok  %-40s %.2f s" % (test.__name__, time.monotonic() - begin), flush=True)
        required(world)
        asked_after_a_reload(world)
        settings_are_checked(world)


if __name__ == "__main__":
    main()
