#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real mail clients with certificates: EXTERNAL over implicit TLS and after STARTTLS. What is measured
is compared with the table in tests/auth/README.md; `certificates.py --write` writes it there. A login
counts only if the server's log says so; clients that are not installed are left out."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import dialogue  # noqa: E402
import external  # noqa: E402
import matrix  # noqa: E402
import postern  # noqa: E402
import programs  # noqa: E402

BEGIN, END = "<!-- certificates -->\n", "<!-- end of certificates -->\n"
ADDRESS = "alice@example.test"
CURL = {"pop": "pop3%s://localhost:%d/", "imap": "imap%s://localhost:%d/INBOX",
        "smtp": "smtp%s://localhost:%d/"}


def curl(case):
    mail = ["--mail-from", ADDRESS, "--mail-rcpt", ADDRESS, "-T", case.file("mail", "S: x\r\n\r\n")]
    return case.run("curl", "-sS", "--ssl-reqd", "--cacert", case.ca, "--cert", case.certificate,
                    "--key", case.key, "--user", "alice:", "--login-options", "AUTH=EXTERNAL",
                    *(mail if case.protocol == "smtp" else []),
                    CURL[case.protocol] % ("s" if case.implicit else "", case.port))


def _marlam(case, program, *more):
    return case.run(program, "--host=localhost", "--port=%d" % case.port, "--tls=on",
                    "--tls-starttls=" + ("off" if case.implicit else "on"),
                    "--tls-trust-file=" + case.ca, "--tls-cert-file=" + case.certificate,
                    "--tls-key-file=" + case.key, "--auth=external", "--user=alice", *more)


def msmtp(case):
    programs.only(case, "EXTERNAL", protocols=("smtp",))
    return _marlam(case, "msmtp", "--from=" + ADDRESS, ADDRESS)


def mpop(case):
    programs.only(case, "EXTERNAL", protocols=("pop",))
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(case.folder, "mail", part))
    return _marlam(case, "mpop", "--delivery=maildir," + os.path.join(case.folder, "mail"))


def gsasl(case):
    programs.only(case, "EXTERNAL", protocols=("imap", "smtp"))
    if case.implicit:
        raise programs.Cannot("knows STARTTLS alone")
    return case.run("gsasl", "--" + case.protocol, "--quiet", "--connect=localhost:%d" % case.port,
                    "--x509-ca-file=" + case.ca, "--x509-cert-file=" + case.certificate,
                    "--x509-key-file=" + case.key, "--mechanism=EXTERNAL", "--authorization-id=",
                    "--no-cb")


def mbsync(case):
    programs.only(case, "EXTERNAL", protocols=("imap",))
    rc = case.file("rc", """
IMAPAccount server
Host localhost
Port %d
User alice
Pass x
SSLType %s
CertificateFile %s
ClientCertificate %s
ClientKey %s
AuthMechs EXTERNAL

IMAPStore far
Account server

MaildirStore near
Path %s/
Inbox %s/INBOX

Channel all
Far :far:
Near :near:
Create Near
SyncState *
""" % (case.port, "IMAPS" if case.implicit else "STARTTLS", case.ca, case.certificate, case.key,
       case.folder, case.folder))
    return case.run("mbsync", "-c", rc, "-a")


def fetchmail(case):
    programs.only(case, "EXTERNAL", protocols=("pop", "imap"))
    if case.protocol == "pop":
        raise programs.Cannot("knows it over IMAP alone")
    rc = case.file("rc", 'poll localhost proto imap port %d auth external user alice password x %s '
                   'sslcertck sslcertfile %s sslcert %s sslkey %s mda "cat >/dev/null"\n' % (
                       case.port, "ssl" if case.implicit else 'sslproto "tls1.2+"', case.ca,
                       case.certificate, case.key))
    return case.run("fetchmail", "-f", rc, "--nodetach", "--nosyslog")


MUTT = """
set imap_user = alice
set pop_user = alice
set %(kind)s_authenticators = external
set ssl_ca_certificates_file = %(ca)s
set certificate_file = %(ca)s
set ssl_client_cert = %(pem)s
set ssl_force_tls = yes
set folder = "%(folder)s"
set record = ""
set smtp_url = "smtp%(s)s://alice@localhost:%(port)d"
set from = alice@example.test
set use_envelope_from = yes
set sleep_time = 0
set quit = yes
"""


def _mutt(case, program):
    secure = "s" if case.implicit else ""
    rc = case.file("rc", MUTT % {"kind": case.protocol, "ca": case.ca, "pem": case.pem,
                                 "folder": case.folder, "s": secure, "port": case.port})
    if case.protocol == "smtp":
        said = case.run(program, "-n", "-F", rc, "-s", "x", "--", ADDRESS, stdin="x\n")
    else:
        box = {"pop": "pop%s://alice@localhost:%d/",
               "imap": "imap%s://alice@localhost:%d/INBOX"}[case.protocol]
        said = case.run_on_terminal(program, "-n", "-F", rc, "-f", box % (secure, case.port), "-e",
                                    "push '<exit>'")
    if "not a valid authenticator" in said:
        raise programs.Cannot("its settings have no such word")
    return said


def mutt(case):
    return _mutt(case, "mutt")


def neomutt(case):
    return _mutt(case, "neomutt")


def cyrus(case):
    program = {"pop": "pop3test", "imap": "imtest", "smtp": "smtptest"}[case.protocol]
    if case.implicit:
        raise programs.Cannot("shows a certificate only after STARTTLS")
    return case.run(programs.CYRUS + program, "-t", case.pem, "-p", str(case.port), "-m", "EXTERNAL",
                    "-u", "alice", "-a", "alice", "localhost", stdin={
                        "pop": "QUIT\r\n", "imap": ". LOGOUT\r\n", "smtp": "QUIT\r\n"}[
                            case.protocol])


CLIENTS = {"curl": curl, "fetchmail": fetchmail, "mpop": mpop, "msmtp": msmtp, "gsasl": gsasl,
           "mutt": mutt, "neomutt": neomutt, "mbsync": mbsync, "cyrus-clients": cyrus}


def attempt(world, server, client, protocol, implicit):
    """(logged in?, what the program said)."""
    since = len(server.log)
    listener = dialogue.LISTENERS[protocol] + ("s" if implicit else "")
    case = programs.Case(server, protocol, "EXTERNAL", "alice", "", listener, True)
    case.implicit, case.ca, case.pem = implicit, server.ca_file, world.alice
    case.certificate, case.key = world.alice[:-4] + ".crt", world.alice[:-4] + ".key"
    try:
        said = CLIENTS[client](case)
    finally:
        case.close()
    try:
        opened = server.wait_log("session.open", timeout=2 * postern.SLOW, since=since)
    except postern.Failed:
        return False, said
    server.wait_log("session.close", since=since, session=opened["session"])
    lines = server.logged("login.success", since=since, mechanism="EXTERNAL", service=protocol)
    return bool(lines), said


def row_of(world, server, client):
    can, cannot = {}, {}
    for protocol in dialogue.PROTOCOLS:
        for implicit in (True, False):
            word = "TLS" if implicit else "STARTTLS"
            name = matrix.WORDS[protocol] + " " + word
            try:
                good, said = attempt(world, server, client, protocol, implicit)
            except programs.Cannot as why:
                if "EXTERNAL" not in str(why) and "does not speak" not in str(why):
                    cannot.setdefault(str(why), []).append(name)
                continue
            if good:
                can.setdefault(protocol, []).append(word)
            else:
                print("--- %s, %s:\n%s" % (client, name, said[-2000:]))
                cannot.setdefault("fails", []).append(name)
    return "| %s | %s | %s |\n" % (
        client, " | ".join(", ".join(can.get(protocol, [])) for protocol in dialogue.PROTOCOLS),
        "; ".join("%s: %s" % (", ".join(names), why) for why, names in cannot.items()))


def main():
    with tempfile.TemporaryDirectory(prefix="postern-") as folder:
        os.chmod(folder, 0o755)
        world = external.World(folder)
        with world.server() as server:
            rows = {client: row_of(world, server, client) for client in CLIENTS
                    if programs.installed(client)}
    print("".join(rows.values()), end="")
    with open(matrix.README, encoding="utf-8") as file:
        text = file.read()
    head, _, rest = text.partition(BEGIN)
    body, _, tail = rest.partition(END)
    if "--write" in sys.argv:
        table = ("| client | POP3 | IMAP4 | SMTP | cannot |\n|---|---|---|---|---|\n"
                 + "".join(rows.values()))
        with open(matrix.README, "w", encoding="utf-8") as file:
            file.write(head + BEGIN + table + END + tail)
    elif matrix.debian_12():
        wrong = [row for row in rows.values() if row not in body]
        assert not wrong, "tests/auth/README.md says otherwise; measured now:\n" + "".join(wrong)


if __name__ == "__main__":
    main()
