# SPDX-License-Identifier: Apache-2.0
"""kerberos_clients.py - mail programs that log in with a ticket, each as its user would.

    for client in kerberos_clients.ALL:
        if client.installed():
            done = client.run(place, environment)     # subprocess.CompletedProcess, text
            # and the server's log tells whether it was this mechanism

A place says where: the server, the ticket's user and realm, the host's name as tickets have it.
"""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

CYRUS = "/usr/lib/cyrus/bin/"


class Place:
    def __init__(self, server, user, realm, host="localhost"):
        self.server, self.user, self.realm, self.host = server, user, realm, host

    @property
    def ca_file(self):
        return self.server.ca_file

    def port(self, listener):
        return self.server.port(listener)

    def folder(self):
        """A new folder, for a program's files."""
        return tempfile.mkdtemp(prefix="client-", dir=self.server.directory)

    def write(self, text, folder, name):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o700 if text.startswith("#!") else 0o600)
        return path


def run(command, environment, text="", timeout=60):
    return subprocess.run(command, env=environment, input=text, text=True, errors="replace",
                          timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)


def run_on_terminal(command, environment, timeout=60):
    """For programs that draw; the exit code is 0 when they end by themselves."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment)
    wrote, ends, code = b"", time.monotonic() + timeout, 0
    try:
        while True:
            if time.monotonic() > ends:
                os.kill(pid, signal.SIGKILL)
                code = 1
                break
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    octets = os.read(terminal, 65536)
                except OSError:
                    break
                if not octets:
                    break
                wrote += octets
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return subprocess.CompletedProcess(command, code, wrote.decode("utf-8", "replace"))


# --- the programs ---------------------------------------------------------------------------


def curl(place, environment, url, *options):
    # Without a realm in the name curl does not think of Kerberos.
    return run(["curl", "--silent", "--show-error", "--verbose", "--max-time", "30", "--cacert",
                place.ca_file, "--user", f"{place.user}@{place.realm}:", "--login-options",
                "AUTH=GSSAPI", *options, url], environment)


def curl_pop3(place, environment):
    return curl(place, environment, f"pop3://{place.host}:{place.port('pop3')}/", "--ssl-reqd")


def curl_imap(place, environment):
    return curl(place, environment, f"imap://{place.host}:{place.port('imap')}/", "--ssl-reqd")


def curl_imaps_at_once(place, environment):
    return curl(place, environment, f"imaps://{place.host}:{place.port('imaps')}/", "--sasl-ir")


def curl_smtp(place, environment):
    mail = place.write("Subject: x\n\nx\n", place.folder(), "mail")
    return curl(place, environment, f"smtp://{place.host}:{place.port('submission')}/",
                "--ssl-reqd", "--mail-from", f"{place.user}@example.test", "--mail-rcpt",
                f"{place.user}@example.test", "--upload-file", mail)


def gsasl(place, environment, listener, kind, authzid=""):
    return run(["gsasl", kind, f"--connect={place.host}:{place.port(listener)}", "--mechanism=GSSAPI",
                f"--hostname={place.host}", "--authentication-id=" + place.user,
                "--authorization-id=" + authzid, "--starttls", f"--x509-ca-file={place.ca_file}"], environment)


def gsasl_imap(place, environment):
    return gsasl(place, environment, "imap", "--imap")


def gsasl_smtp(place, environment):
    return gsasl(place, environment, "submission", "--smtp")


def mbsync(place, environment, mechanism):
    folder = place.folder()
    os.mkdir(os.path.join(folder, "mail"))
    config = place.write(f"""IMAPAccount server
Host {place.host}
Port {place.port("imaps")}
User {place.user}
Pass none
SSLType IMAPS
CertificateFile {place.ca_file}
AuthMechs {mechanism}

IMAPStore far
Account server

MaildirStore near
Path {folder}/mail/
Inbox {folder}/INBOX

Channel all
Far :far:
Near :near:
Create Near
SyncState {folder}/state
""", folder, "mbsyncrc")
    return run(["mbsync", "-c", config, "-a"], dict(environment, HOME=folder))


def mbsync_gssapi(place, environment):
    return mbsync(place, environment, "GSSAPI")


def mbsync_spnego(place, environment):
    return mbsync(place, environment, "GSS-SPNEGO")


def fetchmail(place, environment, protocol, listener):
    folder = place.folder()
    agent = place.write("#!/bin/sh\nexec cat > /dev/null\n", folder, "agent")
    config = place.write(f"""set no bouncemail
poll {place.host} protocol {protocol} port {place.port(listener)} auth gssapi
  user "{place.user}" password "none" sslproto tls1.2+ sslcertfile {place.ca_file} sslcertck
  keep mda "{agent}"
""", folder, "fetchmailrc")
    done = run(["fetchmail", "-f", config, "-i", folder + "/ids", "--nosyslog", "-v"],
               dict(environment, HOME=folder, FETCHMAILHOME=folder, LC_ALL="C"))
    done.returncode = 0 if done.returncode in (0, 1) else done.returncode  # 1: there is no mail
    return done


def fetchmail_pop3(place, environment):
    return fetchmail(place, environment, "pop3", "pop3")


def fetchmail_imap(place, environment):
    return fetchmail(place, environment, "imap", "imap")


def mpop(place, environment):
    folder = place.folder()
    return run(["mpop", f"--host={place.host}", f"--port={place.port('pop3')}",
                f"--user={place.user}", "--auth=gssapi", "--tls=on", "--tls-starttls=on",
                f"--tls-trust-file={place.ca_file}", "--keep=on", f"--uidls-file={folder}/uidls",
                f"--delivery=mbox,{folder}/mbox"], dict(environment, HOME=folder))


def msmtp(place, environment):
    return run(["msmtp", f"--host={place.host}", f"--port={place.port('submission')}",
                f"--user={place.user}", "--auth=gssapi", "--tls=on", "--tls-starttls=on",
                f"--tls-trust-file={place.ca_file}", f"--from={place.user}@example.test",
                f"{place.user}@example.test"], dict(environment, HOME=place.folder()),
               text="Subject: x\n\nx\n")


def draw(program, place, environment, url, mechanisms):
    folder = place.folder()
    config = place.write(f"""set folder = "{folder}"
set imap_user = "{place.user}"
set imap_pass = "none"
set pop_user = "{place.user}"
set pop_pass = "none"
set {mechanisms}
set ssl_starttls = yes
set ssl_force_tls = yes
set certificate_file = "{place.ca_file}"
set mbox_type = Maildir
set record = ""
set header_cache = ""
set move = no
set quit = yes
set wait_key = no
set sleep_time = 0
""", folder, "rc")
    return run_on_terminal([program, "-n", "-F", config, "-f", url, "-e", "push q"],
                           dict(environment, HOME=folder, TERM="xterm", LC_ALL="C.UTF-8"))


def send(program, place, environment):
    """One mail, without a terminal."""
    folder = place.folder()
    config = place.write(f"""set smtp_url = "smtps://{place.user}@{place.host}:{place.port("submissions")}/"
set smtp_pass = "none"
set smtp_authenticators = "gssapi"
set ssl_force_tls = yes
set certificate_file = "{place.ca_file}"
set from = "{place.user}@example.test"
set use_from = yes
set use_envelope_from = yes
set record = ""
""", folder, "rc")
    return run([program, "-n", "-F", config, "-s", "x", f"{place.user}@example.test"],
               dict(environment, HOME=folder, LC_ALL="C.UTF-8"), text="x\n")


def mutt_smtp(place, environment):
    return send("mutt", place, environment)


def neomutt_smtp(place, environment):
    return send("neomutt", place, environment)


def mutt_imap(place, environment):
    return draw("mutt", place, environment, f"imaps://{place.host}:{place.port('imaps')}/INBOX",
                'imap_authenticators = "gssapi"')


def mutt_pop3(place, environment):
    return draw("mutt", place, environment, f"pops://{place.host}:{place.port('pop3s')}/",
                'pop_authenticators = "gssapi"')


def neomutt_imap(place, environment):
    return draw("neomutt", place, environment, f"imaps://{place.host}:{place.port('imaps')}/INBOX",
                'imap_authenticators = "gssapi"')


def cyrus(program, place, environment, listener, mechanism):
    # In clear: under TLS they bind themselves to "tls-unique", which TLS 1.3 does not have.
    return run([CYRUS + program, "-m", mechanism, "-l", "0", "-p", str(place.port(listener)), "-a",
                place.user, "-u", place.user, place.host], environment,
               text={"pop3test": "QUIT\r\n", "imtest": ". LOGOUT\r\n",
                     "smtptest": "QUIT\r\n"}[program])


class Client:
    """name: as the matrix has it; service and mechanism: as the server's log has them."""

    def __init__(self, name, program, service, mechanism, function):
        self.name, self.program, self.service = name, program, service
        self.mechanism, self.run = mechanism, function

    def installed(self):
        return shutil.which(self.program) is not None


def _cyrus(program, service, listener, mechanism):
    return Client("cyrus-clients", CYRUS + program, service, mechanism,
                  lambda place, environment: cyrus(program, place, environment, listener, mechanism))


ALL = [
    Client("curl", "curl", "pop", "GSSAPI", curl_pop3),
    Client("curl", "curl", "imap", "GSSAPI", curl_imap),
    Client("curl --sasl-ir", "curl", "imap", "GSSAPI", curl_imaps_at_once),
    Client("curl", "curl", "smtp", "GSSAPI", curl_smtp),
    Client("gsasl", "gsasl", "imap", "GSSAPI", gsasl_imap),
    Client("gsasl", "gsasl", "smtp", "GSSAPI", gsasl_smtp),
    Client("mbsync", "mbsync", "imap", "GSSAPI", mbsync_gssapi),
    Client("mbsync", "mbsync", "imap", "GSS-SPNEGO", mbsync_spnego),
    Client("fetchmail", "fetchmail", "pop", "GSSAPI", fetchmail_pop3),
    Client("fetchmail", "fetchmail", "imap", "GSSAPI", fetchmail_imap),
    Client("mpop", "mpop", "pop", "GSSAPI", mpop),
    Client("msmtp", "msmtp", "smtp", "GSSAPI", msmtp),
    Client("mutt", "mutt", "imap", "GSSAPI", mutt_imap),
    Client("mutt", "mutt", "pop", "GSSAPI", mutt_pop3),
    Client("mutt", "mutt", "smtp", "GSSAPI", mutt_smtp),
    Client("neomutt", "neomutt", "smtp", "GSSAPI", neomutt_smtp),
    Client("neomutt", "neomutt", "imap", "GSSAPI", neomutt_imap),
    _cyrus("imtest", "imap", "imap", "GSSAPI"),
    _cyrus("imtest", "imap", "imap", "GSS-SPNEGO"),
    _cyrus("pop3test", "pop", "pop3", "GSSAPI"),
    _cyrus("pop3test", "pop", "pop3", "GSS-SPNEGO"),
    _cyrus("smtptest", "smtp", "submission", "GSSAPI"),
    _cyrus("smtptest", "smtp", "submission", "GSS-SPNEGO"),
]


def server_for(keytab, config, realms=None, users=None, **auth_gssapi):
    """A mail server with GSSAPI and GSS-SPNEGO on every listener."""
    if not postern.built("auth-gssapi"):
        postern.skip("auth-gssapi is not built")
    listeners = ("pop3", "pop3s", "imap", "imaps", "submission", "submissions")
    server = postern.mail_server(users=users or {"alice": "secret"}, changes={
        "plugin auth-gssapi": {"keytab": keytab, "realms": realms, **auth_gssapi},
        **{"listener " + name: {"integrated_windows_authentication": True} for name in listeners}})
    server.environment["KRB5_CONFIG"] = config
    return server


def try_all(place, environment, clients=None):
    """Every client logs in, or it is an error; what they did is printed.  Returns [client]."""
    failed, logged_in = [], []
    for client in clients or ALL:
        label = f"{client.name:24} {client.service:5} {client.mechanism:11}"
        if not client.installed():
            print(label, "not installed", flush=True)
            continue
        since, begin = len(place.server.log), time.monotonic()
        done = client.run(place, environment)
        try:
            place.server.wait_log("login.success", timeout=5 * postern.SLOW, since=since,
                                  user=place.user, mechanism=client.mechanism,
                                  service=client.service)
            logged_in.append(client)
        except postern.Failed:
            failed.append((label, done))
        print(label, "FAILED" if failed and failed[-1][1] is done else "ok",
              f"{time.monotonic() - begin:.2f} s", flush=True)
    for label, done in failed:
        print(f"--- {label}: exit code {done.returncode}\n{done.stdout[-2500:]}")
    assert not failed, [label for label, _ in failed]
    assert logged_in, "no client is installed"
    return logged_in


PROTOCOLS = {"pop": "POP3", "imap": "IMAP4", "smtp": "SMTP"}


def table():
    """The table of tests/auth/README.md: {client: {column: cell}}."""
    path = os.path.join(postern.ROOT, "tests", "auth", "README.md")
    with open(path, encoding="utf-8") as readme:
        text = readme.read().partition("<!-- tickets -->")[2].partition("<!-- end of tickets -->")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")]
            for line in text.strip().splitlines()]
    return {row[0]: dict(zip(rows[0], row)) for row in rows[2:]}


def check_table(column, logged_in, mechanism=None):
    """What was measured stands there, for every client that is installed."""
    rows = table()
    for name in sorted({client.name for client in logged_in}):
        of_name = [client for client in ALL if client.name == name]
        measured = [PROTOCOLS[service] for service in ("pop", "imap", "smtp")
                    if any(client.service == service and client in logged_in
                           and mechanism in (None, client.mechanism) for client in of_name)]
        told = rows.get(name, {}).get(column)
        assert told == (" ".join(measured) or "-"), (name, column, told, measured)
