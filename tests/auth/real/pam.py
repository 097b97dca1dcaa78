#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Users of a system over every protocol: pam_unix with a private service file, and a passwd file
that nss_wrapper puts in the place of the machine's (Debian: libnss-wrapper). The hashes stand in it,
because the wrapper does not know the function by which pam_unix reads shadow. What pam_unix tells of
shadow only (an expired password) is told by the module of the plugin's own tests."""

import glob
import imaplib
import os
import poplib
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

SERVICE = ("auth required pam_unix.so\naccount required pam_unix.so\n"
           "account required pam_succeed_if.so quiet user != carol\n")
PARROT = os.path.join(postern.BUILD, "plugins", "directory-pam", "tests", "pam_parrot.so")
# name, uid, whether there is a password
USERS = [("root", 0, True), ("daemon", 1, True), ("alice", 2001, True), ("bob", 2002, True),
         ("carol", 2003, True), ("erin", 2005, False)]
MESSAGE = b"From: x@example.org\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nhello\r\n"


def pop3(server, user, password):
    """None, or what the server said to a failed login."""
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    try:
        client.user(user)
        client.pass_(password)
        return None
    except poplib.error_proto as error:
        return error.args[0].decode()
    finally:
        client.quit()


def imap(server, user, password):
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=postern.TIMEOUT)
    try:
        client.login('"%s"' % user.replace("\\", "\\\\"), password)
        return None
    except imaplib.IMAP4.error as error:
        return str(error.args[0])
    finally:
        client.shutdown()


def smtp(server, user, password):
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        try:
            client.login(user, password)
            return None
        except smtplib.SMTPAuthenticationError as error:
            return str(error.smtp_code)


PROTOCOLS = (pop3, imap, smtp)


def write_system(folder, text):
    hashed = subprocess.run(["openssl", "passwd", "-6", "geheim"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.strip()
    service = os.path.join(folder, "pam.d")
    os.mkdir(service)
    with open(os.path.join(service, "mail"), "w", encoding="utf-8") as out:
        out.write(text)
    with open(os.path.join(folder, "passwd"), "w", encoding="utf-8") as out:
        for name, uid, known in USERS:
            out.write("%s:%s:%d:100::/nonexistent:/bin/false\n" % (
                name, hashed if known else "!", uid))
    with open(os.path.join(folder, "group"), "w", encoding="utf-8") as out:
        out.write("users:x:100:\n")


def preloaded(wrapper):
    """Before it AddressSanitizer's library, if the server is built with it: that wants to be the
    first, and to find the crypt that pam_unix brings when it is loaded itself."""
    if postern.SLOW <= 1:
        return wrapper
    done = subprocess.run(["gcc", "-print-file-name=libasan.so"], stdout=subprocess.PIPE, check=True)
    return ":".join([done.stdout.decode().strip(), "libcrypt.so.1", wrapper])


def wrapped_server(service=SERVICE):
    wrapper = glob.glob("/usr/lib/*/libnss_wrapper.so")
    if not wrapper or not glob.glob("/usr/lib/*/security/pam_unix.so") + \
            glob.glob("/lib/*/security/pam_unix.so"):
        postern.skip("libnss-wrapper or pam_unix is not installed")
    server = postern.mail_server(users=None, changes={
        "plugin directory-file": None,
        "plugin directory-pam": {"domains": "example.test", "nt_domains": "EXAMPLE",
                                 "service": "mail", "service_directory": "pam.d"}})
    write_system(server.directory, service)
    server.environment.update(
        LD_PRELOAD=preloaded(wrapper[0]), NSS_WRAPPER_PASSWD=os.path.join(server.directory, "passwd"),
        NSS_WRAPPER_GROUP=os.path.join(server.directory, "group"))
    return server


def users_log_in():
    with wrapped_server() as server:
        for login in PROTOCOLS:
            for form in ("alice", "ALICE", "alice@example.test", "EXAMPLE\\alice"):
                assert login(server, form, "geheim") is None, (login, form)
            refused = {login(server, *pair) for pair in (
                ("alice", "falsch"), ("nobody", "geheim"), ("root", "geheim"), ("erin", "geheim"),
                ("daemon", "geheim"), ("carol", "geheim"),
                ("EXAMPLE\\bob\\alice", "geheim"), ("OTHER\\alice", "geheim"))}
            assert len(refused) == 1 and None not in refused, refused
        server.wait_log("login.failure", login="carol", reason="account is refused by PAM")
        server.wait_log("login.failure", login="root", reason="a user of the system, who has no "
                        "mailbox")
        mail_arrives(server)
        assert not any("geheim" in line for line in server.raw_log)


def mail_arrives(server):
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=postern.TIMEOUT) as client:
        client.sendmail("x@example.org", ["alice+news@example.test"], MESSAGE)
        client.docmd("MAIL", "FROM:<x@example.org>")
        assert client.docmd("RCPT", "TO:<root@example.test>")[0] == 550
        assert client.docmd("RCPT", "TO:<nobody@example.test>")[0] == 550
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    client.user("alice")
    client.pass_("geheim")
    assert client.stat()[0] == 1
    client.quit()


def codes_reach_the_client():
    if not os.path.exists(PARROT):
        postern.skip("pam_parrot.so is not built")
    with wrapped_server("auth required %s\naccount required %s\n" % (PARROT, PARROT)) as server:
        for login, expired, wrong, trouble in ((pop3, "-ERR [AUTH]", "-ERR [AUTH]", "[SYS/TEMP]"),
                                               (imap, "[EXPIRED]", "[AUTHENTICATIONFAILED]",
                                                "[UNAVAILABLE]"),
                                               (smtp, "535", "535", "454")):
            assert login(server, "alice", "right") is None
            for password, word in (("acct:12", expired), ("acct:27", expired), ("acct:13", wrong),
                                   ("auth:7", wrong), ("auth:6", wrong), ("auth:11", wrong),
                                   ("auth:8", trouble), ("auth:9", trouble), ("twice", trouble)):
                answer = login(server, "alice", password)
                assert answer and word in answer, (login, password, answer)
        server.wait_log("login.failure", reason="wrong password: from 127.0.0.1 over imap")
        server.wait_log("login.failure", reason="password has expired")
        server.wait_log("pam.trouble")


def contract_is_kept():
    """The conformance kit, unkindly."""
    kit = os.path.join(postern.BUILD, "tests", "conformance", "postern-conformance")
    server = wrapped_server()  # for its files and environment; it is not started
    try:
        command = [kit, "directory", "directory-pam", "--seed", "1", "--domain", "example.test",
                   "--nt-domain", "EXAMPLE", "--account", "alice", "--password", "geheim",
                   "--account", "bob", "--password", "geheim"]
        for setting in ("domains=example.test", "nt_domains=EXAMPLE", "service=mail",
                        "service_directory=" + os.path.join(server.directory, "pam.d")):
            command += ["--set", setting]
        done = subprocess.run(command, env=server.environment, text=True,
                              stdout=subprocess.PIPE, timeout=300)
        assert done.returncode == 0, done.stdout
        print(done.stdout.splitlines()[-1])
    finally:
        server.close()


def failures_hold_nobody_up():
    """pam_unix wishes for two seconds of delay after a wrong password; we have our own ways."""
    with wrapped_server() as server:
        took = []
        for _ in range(5):
            began = time.monotonic()
            assert imap(server, "alice", "falsch") is not None
            took.append(time.monotonic() - began)
        assert min(took) < 1, took  # the best: others use the machine too


if __name__ == "__main__":
    if not postern.built("directory-pam"):
        postern.skip("directory-pam is not built")
    postern.run(users_log_in, codes_reach_the_client, contract_is_kept,
                failures_hold_nobody_up)
