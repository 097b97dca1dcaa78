#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens shown by real clients: curl over POP3, IMAP and SMTP, mpop, msmtp and neomutt. A login
counts when the server's log names the mechanism."""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import idp  # noqa: E402
import postern  # noqa: E402

MAIL = b"From: alice@example.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nhello\r\n"
NEOMUTTRC = """
set %(scheme)s_user = "alice@example.test"
set %(scheme)s_authenticators = "%(mechanism)s"
set %(scheme)s_oauth_refresh_command = "%(script)s"
set certificate_file = "%(ca)s"
set folder = ""
set spoolfile = /dev/null
set record = ""
set header_cache = ""
push "<exit>"
"""
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
LISTENERS = {"pop3": "pop", "imap": "imap", "submission": "smtp"}


def mail_server(provider, mechanism):
    """With one mechanism: where there are both curl takes OAUTHBEARER, whatever it is told."""
    changes = {"listener " + name: {"sasl_mechanisms": mechanism} for name in LISTENERS}
    changes["plugin auth-oauth"] = {"issuer": idp.ISSUER, "audience": idp.AUDIENCE,
                                    "keys_url": provider.url + "/keys", "scope": "mail"}
    return postern.mail_server(users={"alice": "geheim"}, changes=changes)


def run(*command, data=b"", **more):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=postern.TIMEOUT, check=False, **more)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def curl(server, listener, mechanism, token):
    url = "%s://127.0.0.1:%d/" % (LISTENERS[listener] + ("3" if listener == "pop3" else ""),
                                  server.port(listener))
    command = ["curl", "-sv", "--user", "alice@example.test", "--oauth2-bearer", token]
    if listener == "submission":
        command += ["--mail-from", "alice@example.test", "--mail-rcpt", "alice@example.test",
                    "--upload-file", "-"]
    return run(*command, url, data=MAIL)


def msmtp(server, listener, mechanism, token):
    return run("msmtp", "--file=/dev/null", "--host=127.0.0.1", "--port=%d" % server.port(listener),
               "--auth=" + mechanism.lower(), "--user=alice@example.test", "--tls=off",
               "--passwordeval=echo " + token, "--from=alice@example.test", "alice@example.test",
               data=MAIL)


def mpop(server, listener, mechanism, token):
    return run("mpop", "--file=/dev/null", "--host=127.0.0.1", "--port=%d" % server.port(listener),
               "--auth=" + mechanism.lower(), "--user=alice@example.test", "--tls=off",
               "--passwordeval=echo " + token, "--auth-only", "--delivery=mda,cat")


def read_all(terminal):
    """What comes until the other end is closed, or for five seconds: a neomutt that may not log in
    asks for another password."""
    wrote = b""
    deadline = time.monotonic() + 5 * postern.SLOW
    try:
        while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            wrote += os.read(terminal, 65536)
    except OSError:  # it is closed
        pass
    os.close(terminal)  # and ends it
    return wrote


def compose(program, server, mechanism, token):
    """neomutt or mutt sends a mail."""
    settings = ("smtp_url = smtp://alice@example.test@localhost:%d/" % server.port("submission"),
                "smtp_authenticators = " + mechanism.lower(),
                "smtp_oauth_refresh_command = 'echo %s'" % token,
                "certificate_file = " + server.ca_file, "from = alice@example.test",
                "record = ''")
    command = [program, "-n", "-F", "/dev/null"]
    for setting in settings:
        command += ["-e", "set " + setting]
    return run(*command, "-s", "hello", "alice@example.test", data=b"hello\n",
               env=dict(os.environ, HOME=server.directory))


def neomutt(server, listener, mechanism, token, program="neomutt"):
    """Opens the mailbox on a terminal of its own, and ends; or sends a mail."""
    if listener == "submission":
        return compose(program, server, mechanism, token)
    folder = tempfile.mkdtemp(prefix="postern-neomutt-")
    scheme = "imap" if listener == "imap" else "pop"
    try:
        script = os.path.join(folder, "token")
        with open(script, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\necho %s\n" % token)
        os.chmod(script, 0o700)
        with open(os.path.join(folder, "neomuttrc"), "w", encoding="ascii") as out:
            out.write(NEOMUTTRC % {"scheme": scheme, "mechanism": mechanism.lower(),
                                   "script": script, "ca": server.ca_file})
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(HOME=folder, TERM="vt100")
            os.execvp(program, [program, "-n", "-F", os.path.join(folder, "neomuttrc"), "-f",
                                  "%s://localhost:%d/" % (scheme, server.port(listener))])
        wrote = read_all(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), wrote.decode("utf-8", "replace")
    finally:
        shutil.rmtree(folder)


def mutt(server, listener, mechanism, token):
    return neomutt(server, listener, mechanism, token, "mutt")


CLIENTS = ((curl, ("pop3", "imap", "submission")), (msmtp, ("submission",)), (mpop, ("pop3",)),
           (neomutt, ("imap", "pop3", "submission")), (mutt, ("imap", "pop3", "submission")))


def log_in(server, provider, client, listener, mechanism):
    since = len(server.log)
    code, output = client(server, listener, mechanism, provider.token())
    assert code == 0, (client.__name__, listener, mechanism, code, output[-3000:])
    server.wait_log("login.success", since=since, mechanism=mechanism,
                    service=LISTENERS[listener], user="alice")
    since = len(server.log)
    client(server, listener, mechanism, provider.token(exp=1))
    # Also of neomutt, and curl with XOAUTH2, which go away instead of answering what was wrong.
    line = server.wait_log("login.failure", since=since, mechanism=mechanism)
    assert line["reason"] == "the token has expired" and line["peer"] == "127.0.0.1", line
    print("    %-8s %-11s %s" % (client.__name__, mechanism, listener))


def clients_log_in():
    with idp.Provider() as provider:
        # neomutt takes no token of more than 512 octets: too few for RSA.
        provider.keys = [idp.Key(provider.folder, "e1", "ES256")]
        for mechanism in MECHANISMS:
            with mail_server(provider, mechanism) as server:
                for client, listeners in CLIENTS:
                    if not shutil.which(client.__name__):
                        print("    %s is not installed" % client.__name__)
                        continue
                    for listener in listeners:
                        if (client, listener, mechanism) == (neomutt, "pop3", "XOAUTH2"):
                            continue  # it does not know it there
                        log_in(server, provider, client, listener, mechanism)


if __name__ == "__main__":
    if not postern.built("auth-oauth"):
        postern.skip("auth-oauth is not built")
    postern.run(clients_log_in)
