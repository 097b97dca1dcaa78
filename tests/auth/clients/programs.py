# SPDX-License-Identifier: Apache-2.0
"""programs.py - mail clients and what makes each of them log in with one mechanism.

    how = programs.CLIENTS["curl"]
    output = how(Case(server, "imap", "NTLM", "alice", "secret", listener="imap"))

A client is a function of a case; it returns what the program said, whether it got in or not: whether
it did is what the server's log says. Cannot("why") is raised for what the client cannot do.
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dialogue  # noqa: E402
import postern  # noqa: E402

TIMEOUT = 10 * postern.SLOW
CYRUS = "/usr/lib/cyrus/bin/"  # not in the path


class Cannot(Exception):
    """The client does not know this mechanism, or not over this protocol."""


class Case:
    """One login; close() it."""

    def __init__(self, server, protocol, mechanism, user, password, listener, tls=False):
        self.server, self.protocol, self.mechanism = server, protocol, mechanism
        self.user, self.password, self.listener, self.tls = user, password, listener, tls
        self.port = server.port(listener)
        self.domain = "EXAMPLE"  # of Windows, for clients that will not go without one
        self.folder = tempfile.mkdtemp(prefix="postern-client-")
        self.environment = dict(os.environ, HOME=self.folder, LC_ALL="C.UTF-8")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def run(self, *command, stdin="", env=None):
        try:
            done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace",
                                  env=dict(self.environment, **(env or {})), timeout=TIMEOUT,
                                  check=False)
        except subprocess.TimeoutExpired as expired:
            return "no end within %g seconds: %r" % (TIMEOUT, expired.stdout)
        return "exit code %d\n%s" % (done.returncode, done.stdout)

    def run_on_terminal(self, *command):
        """For programs that want a screen; a minute at most."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, dict(self.environment, TERM="xterm"))
        wrote, ends = b"", time.monotonic() + TIMEOUT
        try:
            while time.monotonic() < ends:
                if select.select([terminal], [], [], 0.2)[0]:
                    try:
                        octets = os.read(terminal, 65536)
                    except OSError:
                        octets = b""
                    if not octets:
                        break
                    wrote += octets
                    if b"Press any key" in wrote:  # about an error in its settings
                        os.write(terminal, b"\n")
            else:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)
        return wrote.decode("utf-8", "replace")


def only(case, *mechanisms, protocols=dialogue.PROTOCOLS, why="does not know it"):
    if case.protocol not in protocols:
        raise Cannot("does not speak " + case.protocol)
    if case.mechanism not in mechanisms:
        raise Cannot(why)


def python(case):
    """imaplib, poplib and smtplib of the standard library."""
    import imaplib  # pylint: disable=import-outside-toplevel
    import poplib
    import smtplib
    only(case, "password", "PLAIN", "LOGIN", "CRAM-MD5")
    try:
        if case.protocol == "pop":
            only(case, "password")
            client = poplib.POP3("127.0.0.1", case.port, timeout=TIMEOUT)
            client.user(case.user)
            client.pass_(case.password)
            client.quit()
        elif case.protocol == "imap":
            only(case, "password", "CRAM-MD5")
            client = imaplib.IMAP4("127.0.0.1", case.port, timeout=TIMEOUT)
            if case.mechanism == "password":
                client.login(case.user, case.password)
            else:
                client.login_cram_md5(case.user, case.password)
            client.logout()
        else:
            only(case, "PLAIN", "LOGIN", "CRAM-MD5")
            with smtplib.SMTP("127.0.0.1", case.port, timeout=TIMEOUT) as client:
                client.user, client.password = case.user, case.password
                client.ehlo()
                client.auth(case.mechanism, {"PLAIN": client.auth_plain, "LOGIN": client.auth_login,
                                             "CRAM-MD5": client.auth_cram_md5}[case.mechanism])
    except (poplib.error_proto, imaplib.IMAP4.error, smtplib.SMTPException) as error:
        return str(error)
    return ""


def curl(case, *options):
    only(case, "password", "PLAIN", "LOGIN", "CRAM-MD5", "NTLM")
    scheme, path, more = {"pop": ("pop3", "", []), "imap": ("imap", "", []),
                          "smtp": ("smtp", "client.example.test", ["--request", "NOOP"])}[
                              case.protocol]
    if case.mechanism == "password":
        raise Cannot("sends it only where no SASL mechanism is offered")
    return case.run("curl", "--silent", "--show-error", "--max-time", str(int(TIMEOUT)),
                    "--login-options", "AUTH=" + case.mechanism, "--user", case.user + ":" + case.password,
                    *more, *options, "%s://127.0.0.1:%d/%s" % (scheme, case.port, path))


def curl_initial(case):
    return curl(case, "--sasl-ir")


def fetchmail(case):
    only(case, "password", "CRAM-MD5", "NTLM", protocols=("pop", "imap"))
    word = {"password": "password", "CRAM-MD5": "cram-md5", "NTLM": "ntlm"}[case.mechanism]
    if case.protocol == "pop" and case.mechanism == "CRAM-MD5":
        raise Cannot("knows it over IMAP alone")
    rc = case.file("fetchmailrc", (
        "poll 127.0.0.1 service %d protocol %s auth %s user \"%s\" password \"%s\" sslproto '' "
        "no rewrite mda \"cat >/dev/null\"\n") % (
            case.port, {"pop": "POP3", "imap": "IMAP"}[case.protocol], word,
            case.user.replace("\\", "\\\\"), case.password))
    return case.run("fetchmail", "-v", "--nosyslog", "--check", "-f", rc,
                    "--pidfile", os.path.join(case.folder, "pid"))


def _marlam(case, program, words, *more):
    only(case, *words)
    return [program, "--host=127.0.0.1", "--port=%d" % case.port, "--tls=off",
            "--auth=" + words[case.mechanism], "--user=" + case.user,
            "--passwordeval=echo " + case.password, "--debug", *more]


_GSASL = {"PLAIN": "plain", "LOGIN": "login", "CRAM-MD5": "cram-md5", "NTLM": "ntlm",
          "SCRAM-SHA-1": "scram-sha-1", "SCRAM-SHA-256": "scram-sha-256"}


def mpop(case):
    only(case, "password", *_GSASL, protocols=("pop",))
    return case.run(*_marlam(case, "mpop", dict(_GSASL, password="user"),
                             "--uidls-file=" + os.path.join(case.folder, "uidls"),
                             "--delivery=mbox," + os.path.join(case.folder, "mbox")))


def msmtp(case):
    only(case, *_GSASL, protocols=("smtp",))
    return case.run(*_marlam(case, "msmtp", _GSASL, "--from=%s@example.test" % case.user,
                             "--domain=client.example.test", "alice@example.test"),
                    stdin="Subject: x\n\nx\n")


def gsasl(case):
    only(case, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
         "SCRAM-SHA-256-PLUS", "NTLM", protocols=("imap", "smtp"))
    tls = (["--starttls", "--x509-ca-file=" + case.server.ca_file] if case.tls
           else ["--no-starttls"])
    return case.run("gsasl", "--verbose", "--connect", "localhost:%d" % case.port,
                    "--" + case.protocol, "--mechanism", case.mechanism,
                    "--authentication-id", case.user, "--password", case.password, *tls)


MUTT = """
set imap_user = "%(user)s"
set imap_pass = "%(password)s"
set pop_user = "%(user)s"
set pop_pass = "%(password)s"
set smtp_pass = "%(password)s"
set smtp_url = "smtp://%(user)s@127.0.0.1:%(port)d"
set %(protocol)s_authenticators = "%(word)s"
set ssl_force_tls = no
set ssl_starttls = no
set folder = "%(folder)s"
set tmpdir = "%(folder)s"
set record = ""
set from = "%(user)s@example.test"
set use_envelope_from = yes
set hostname = client.example.test
set sleep_time = 0
set quit = yes
set timeout = 1
set pop_checkinterval = 1
"""


def _understood(said):
    if "not a valid authenticator" in said:
        raise Cannot("its settings have no such word")
    return said


def _mutt(case, program):
    only(case, "password", *_GSASL)
    if case.mechanism == "password" and case.protocol != "pop":
        raise Cannot("sends it only where no SASL mechanism is offered")
    word = "user" if case.mechanism == "password" else case.mechanism
    rc = case.file("rc", MUTT % {"user": case.user, "password": case.password, "port": case.port,
                                 "folder": case.folder, "word": word,
                                 "protocol": case.protocol})
    if case.protocol == "smtp":
        return _understood(case.run(program, "-n", "-F", rc, "-s", "x", "--", "alice@example.test",
                                    stdin="x\n"))
    box = {"pop": "pop://%s@127.0.0.1:%d/", "imap": "imap://%s@127.0.0.1:%d/INBOX"}[case.protocol]
    return _understood(case.run_on_terminal(program, "-n", "-F", rc, "-f",
                                            box % (case.user, case.port), "-e", "push '<exit>'"))


def mutt(case):
    return _mutt(case, "mutt")


def neomutt(case):
    return _mutt(case, "neomutt")


def mbsync(case):
    only(case, "password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
         "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "NTLM", protocols=("imap",))
    if case.tls:
        raise Cannot("knows no channel binding")  # of the words it is given, it tries none
    if case.mechanism == "LOGIN":
        raise Cannot("means the command by this word")
    rc = case.file("mbsyncrc", (
        "IMAPAccount a\nHost localhost\nPort %d\nUser %s\nPass %s\nSSLType %s\n%sAuthMechs %s\n\n"
        "IMAPStore far\nAccount a\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\n\n"
        "Channel c\nFar :far:\nNear :near:\n") % (
            case.port, case.user, case.password, "STARTTLS" if case.tls else "None",
            "CertificateFile %s\n" % case.server.ca_file if case.tls else "",
            "LOGIN" if case.mechanism == "password" else case.mechanism,
            case.folder, case.folder))
    return case.run("mbsync", "-c", rc, "-D", "-l", "c")


def swaks(case):
    only(case, "PLAIN", "LOGIN", "CRAM-MD5", "NTLM", protocols=("smtp",))
    return case.run("swaks", "--server", "127.0.0.1", "--port", str(case.port), "--auth",
                    case.mechanism, "--auth-user", case.user, "--auth-password", case.password,
                    "--quit-after", "AUTH", "--from", "alice@example.test", "--to",
                    "alice@example.test", "--helo", "client.example.test")


def cyrus(case):
    """imtest, pop3test and smtptest of cyrus-clients: the mechanisms of Cyrus SASL."""
    only(case, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM")
    if (case.protocol, case.mechanism) == ("imap", "LOGIN"):
        raise Cannot("means the command by this word")
    program = {"pop": "pop3test", "imap": "imtest", "smtp": "smtptest"}[case.protocol]
    return case.run(CYRUS + program, "-p", str(case.port), "-m", case.mechanism, "-u", case.user, "-a",
                    case.user, "-w", case.password, "127.0.0.1",
                    stdin={"pop": "QUIT\r\n", "imap": ". LOGOUT\r\n", "smtp": "QUIT\r\n"}[
                        case.protocol])


def _by_messages(case, command, env=None):
    """A program that turns challenges into answers, one a line, in the words of Samba's helpers;
    the protocol is spoken here."""
    only(case, "NTLM", why="does not speak of anything else")
    if not shutil.which(command[0]) and not os.path.exists(command[0]):
        raise FileNotFoundError(command[0])
    helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True,
                              env=dict(case.environment, **(env or {})))
    try:
        def ask(line):
            helper.stdin.write(line + "\n")
            helper.stdin.flush()
            answer = helper.stdout.readline().split()
            return answer[1].encode() if len(answer) > 1 else b"*"

        with dialogue.open(case.protocol, case.server, case.listener) as client:
            answer = client.authenticate("NTLM")
            answer = client.respond_raw(ask("YR"))
            if answer.challenge:
                text = answer.text.split()[1]
                answer = client.respond_raw(ask("TT " + text))
            client.leave()
            return answer.text
    finally:
        helper.stdin.close()
        helper.terminate()
        helper.wait()


def samba(case):
    return _by_messages(case, ["ntlm_auth", "--helper-protocol=ntlmssp-client-1", "--domain=" + case.domain,
                               "--username=" + case.user, "--password=" + case.password])


def gss_ntlmssp(case):
    """The NTLM mechanism of libgssapi, by tests/auth/clients/gss_ntlm.c."""
    users = case.file("users", "%s:%s:%s\n" % (case.domain, case.user, case.password))
    return _by_messages(case, [os.path.join(postern.BUILD, "tests/auth/clients/gss-ntlm"),
                               case.domain, case.user], {"NTLM_USER_FILE": users})


CLIENTS = {
    "Python's library": python, "curl": curl, "curl --sasl-ir": curl_initial, "fetchmail": fetchmail,
    "mpop": mpop, "msmtp": msmtp, "gsasl": gsasl, "mutt": mutt, "neomutt": neomutt, "mbsync": mbsync,
    "cyrus-clients": cyrus, "swaks": swaks, "Samba's ntlm_auth": samba, "gss-ntlmssp": gss_ntlmssp,
}
PROGRAMS = {"Python's library": "python3", "curl --sasl-ir": "curl", "cyrus-clients": CYRUS + "imtest",
            "Samba's ntlm_auth": "ntlm_auth", "gss-ntlmssp": None}


def installed(name):
    program = PROGRAMS.get(name, name)
    if program is None:
        return (os.path.exists(os.path.join(postern.BUILD, "tests/auth/clients/gss-ntlm"))
                and os.path.exists("/etc/gss/mech.d/mech.ntlmssp.conf"))
    return shutil.which(program) is not None
