#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real OpenLDAP server as directory: logins in every form over POP3, IMAP4 and submission, what the
password policy says, delivery, senders, names that are tries of injection, and TLS of each kind."""

import os
import smtplib
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import postern  # noqa: E402
import slapd  # noqa: E402

FORMS = (
    # login                                   user     account
    ("alice",                                 "alice", "alice"),
    ("ALICE",                                 "alice", "alice"),
    ("alice@example.test",                    "alice", "alice"),
    ("Alice@Example.Test",                    "alice", "alice"),
    ("a.liddell",                             "alice", "alice"),
    ("a.liddell@example.test",                "alice", "alice"),
    ("EXAMPLE\\alice",                        "alice", "alice"),
    ("example/Alice",                         "alice", "alice"),
    ("example.test\\alice",                   "alice", "alice"),
    ("EXAMPLE\\alice\\bob",                   "alice", "bob"),
    ("EXAMPLE/alice/bob",                     "alice", "bob"),
    ("EXAMPLE\\alice/bob",                    "alice", "bob"),
    ("EXAMPLE\\a.liddell/bob@example.test",   "alice", "bob"),
    ("alice@example.test/bob",                "alice", "bob"),
    ("alice@example.test\\bob@example.test",  "alice", "bob"),
    ("a.liddell@example.test/bob",            "alice", "bob"),
)
WRONG = ("nobody", "OTHER\\alice", "alice@elsewhere.test", "alice/bob", "EXAMPLE\\alice\\nobody",
         "EXAMPLE\\alice\\carol", "guest", "anonymous", "locked", "popless@elsewhere.test",
         "nopassword", "EXAMPLE\\alice\\", "staff", "reader", "admin")
# Names that a careless filter or DN would make something else of.
TRIES = ("*", "al*", "alice)(uid=*", "*)(uid=*))(|(uid=*", "alice)(|(objectClass=*", "\\2a",
         "alice\\2a", "alice)%00", "uid=alice,ou=people,dc=example,dc=test", "alice,ou=people",
         "alice+cn=alice", "alice\"", "alice;x", "alice#", " alice", "alice ", "al  ice", "(alice)",
         "alice)(userPassword=*", "alice@example.test)(mail=*", "EXAMPLE\\*", "*@example.test",
         "\u200balice", "alice\u00a0", "&(uid=alice)", "|", "!", "<alice>", "~alice", "al\u0131ce")


def password_way(protocol, server, user, secret):
    with dialogue.open(protocol, server) as client:
        return mechanisms.password(client, user, secret)


def last_line(server, event, seen, **fields):
    """The one line of this event since; waits for it."""
    server.wait_log(event, since=seen, **fields)
    return server.logged(event, since=seen, **fields)[-1]


def every_form_logs_in(server):
    for protocol in dialogue.PROTOCOLS:
        for login, user, account in FORMS:
            seen = len(server.log)
            way = mechanisms.plain if protocol == "smtp" else mechanisms.password
            with dialogue.open(protocol, server) as client:
                answer = way(client, login, "Al1ce-Pw")
            assert answer.good, (protocol, login, answer)
            line = last_line(server, "login.success", seen)
            assert (line["user"], line["account"]) == (user, account), (login, line)
            assert not password_way_fails(protocol, server, login).good, login


def password_way_fails(protocol, server, login):
    way = mechanisms.plain if protocol == "smtp" else mechanisms.password
    with dialogue.open(protocol, server) as client:
        return way(client, login, "wrong")


def failures_look_the_same(server):
    for protocol in dialogue.PROTOCOLS:
        way = mechanisms.plain if protocol == "smtp" else mechanisms.password
        answers = set()
        for login in WRONG + TRIES:
            for secret in ("Al1ce-Pw", "L0cked-Pw"):
                with dialogue.open(protocol, server) as client:
                    answer = way(client, login, secret)
                assert not answer.good, (protocol, login, answer)
                answers.add(answer.text)
        assert len(answers) == 1, answers
    assert not server.logged("ldap.trouble"), server.logged("ldap.trouble")


def empty_passwords_never_bind(server):
    """RFC 4513 section 5.1.2: a server says yes to a name with an empty password."""
    for protocol in dialogue.PROTOCOLS:
        with dialogue.open(protocol, server) as client:
            assert not mechanisms.plain(client, "alice", "").good
        with dialogue.open(protocol, server) as client:
            assert not client.authenticate("PLAIN", b"\0alice\0\0Al1ce-Pw").good


def the_policy_speaks(server):
    for login, secret, reason, expired in (
            ("expired", "Exp1red-Pw", "password has expired", True),
            ("expired", "wrong", "wrong password", False),
            ("reset", "Res3t-Pw", "password must be changed", True),
            ("reset", "wrong", "wrong password", False),
            ("locked", "L0cked-Pw", "account is locked", False)):
        seen = len(server.log)
        answer = password_way("imap", server, login, secret)
        assert not answer.good and ("[EXPIRED]" in answer.text) == expired, (login, answer)
        assert last_line(server, "login.failure", seen, login=login)["reason"] == reason, login
    for number in range(5):
        assert not password_way("imap", server, "u00100", "wrong %d" % number).good
    seen = len(server.log)
    assert not password_way("imap", server, "u00100", "pw-00100").good
    assert last_line(server, "login.failure", seen, login="u00100")["reason"] == (
        "account is locked")


def the_entry_decides(server):
    for protocol, login, secret, word in (
            ("pop", "moved", "M0ved-Pw", "another server"),
            ("imap", "moved", "M0ved-Pw", "REFERRAL"),
            ("pop", "popless", "P0p-Pw", "[AUTH]")):
        answer = password_way(protocol, server, login, secret)
        assert not answer.good and word in answer.text, (protocol, login, answer)
    assert password_way("imap", server, "popless", "P0p-Pw").good
    # A reader looks and changes nothing; a delegate does all.
    for login, secret, good in (("EXAMPLE\\alice\\bob", "Al1ce-Pw", True),
                                ("EXAMPLE\\carol\\bob", "Car0l-Pw", False)):
        with dialogue.open("imap", server) as client:
            assert mechanisms.password(client, login, secret).good
            client.send(client.tagged(b"CREATE Folder" + login[8:9].encode()))
            assert client.answer().good == good, login


def deliver(server, *addresses):
    """The reply codes to RCPT."""
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        client.mail("sender@elsewhere.test")
        codes = [client.rcpt(address)[0] for address in addresses]
        if any(code == 250 for code in codes):
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send("Subject: test\r\n\r\nHello.\r\n.\r\n")
            for code in codes:
                assert code != 250 or client.getreply()[0] == 250
        return codes


def count(server, login, secret):
    with dialogue.open("pop", server) as client:
        assert mechanisms.password(client, login, secret).good
        client.send(b"STAT")
        return int(client.line().split()[1])


def mail_reaches_everybody(server):
    for number, address in enumerate(("alice@example.test", "A.Liddell@example.test",
                                      "alice+x@example.test", "staff@example.test",
                                      "staff+x@example.test"), 1):
        assert deliver(server, address) == [250], address
        assert count(server, "alice", "Al1ce-Pw") == number, address
    assert count(server, "bob", "B0b-Pw") == 2
    assert deliver(server, "u01000@example.test", "nobody@example.test", "guest@example.test",
                   "*@example.test", "\"al)(uid=*\"@example.test") == [250] + [550] * 4
    assert count(server, "u01000", "pw-01000") == 1
    # mailQuota is in units of 1 KiB.
    with dialogue.open("imap", server) as client:
        assert mechanisms.password(client, "alice", "Al1ce-Pw").good
        client.send(client.tagged(b"GETQUOTAROOT INBOX"))
        assert client.answer().good and any(" 1000)" in line for line in client.untagged), \
            client.untagged


def senders_are_checked(server):
    for login, secret, address, good in (
            ("alice", "Al1ce-Pw", "alice@example.test", True),
            ("alice", "Al1ce-Pw", "A.Liddell@example.test", True),
            ("alice", "Al1ce-Pw", "alice+x@example.test", True),
            ("alice", "Al1ce-Pw", "bob@example.test", True),      # his delegate
            ("alice", "Al1ce-Pw", "carol@example.test", False),
            ("alice", "Al1ce-Pw", "staff@example.test", False),
            ("alice", "Al1ce-Pw", "nobody@example.test", False),
            ("alice", "Al1ce-Pw", "alice@elsewhere.test", False),
            ("bob", "B0b-Pw", "alice@example.test", False),
            ("carol", "Car0l-Pw", "bob@example.test", False),     # a reader
            ("EXAMPLE\\carol\\bob", "Car0l-Pw", "bob@example.test", False),
            ("EXAMPLE\\alice\\bob", "Al1ce-Pw", "bob@example.test", True)):
        with dialogue.open("smtp", server) as client:
            assert mechanisms.plain(client, login, secret).good, login
            client.send(b"MAIL FROM:<%s>" % address.encode())
            answer = client.answer()
            assert answer.good == good, (login, address, answer)


def changes_count(server, directory):
    """At once for a login; for delivery after the time of the cache, or a flush."""
    assert deliver(server, "new@example.test") == [550]
    directory.modify("uid=carol", "add: mailAlternateAddress\nmailAlternateAddress: "
                                  "new@example.test")
    assert password_way("imap", server, "new", "Car0l-Pw").good
    assert deliver(server, "new@example.test") == [550]
    server.posternctl("cache", "flush")
    assert deliver(server, "new@example.test") == [250]
    directory.modify("uid=carol", "replace: userPassword\nuserPassword: changed")
    server.posternctl("cache", "flush", "carol")
    assert not password_way("imap", server, "carol", "Car0l-Pw").good
    assert password_way("imap", server, "carol", "changed").good


def accounts_are_listed(directory):
    """All of them, sorted, in parts of a thousand, however small the server's pages are."""
    program = os.path.join(postern.BUILD, "plugins", "directory-ldap", "tests",
                           "directory-ldap-list")
    module = os.path.join(postern.BUILD, "plugins", "directory-ldap", "directory-ldap.so")
    settings = ["%s=%s" % pair for pair in directory.settings().items()]
    done = subprocess.run([program, module, *settings], capture_output=True, text=True, check=True)
    parts = [part.split("\n") for part in done.stdout.split("\n\n")[:-1]]
    names = [name for part in parts for name in part]
    assert [len(part) for part in parts] == [1000, len(names) - 1000], [len(p) for p in parts]
    people = set(directory.people) - {"guest"}
    assert names == sorted(names) and people <= set(names), names[:20]
    assert len(names) == 1000 + len(people), len(names)


def a_real_directory_serves():
    with slapd.Server() as directory:
        changes = {"plugin directory-file": None, "plugin directory-ldap": directory.settings()}
        with postern.mail_server(changes=changes) as server:
            for part in (every_form_logs_in, failures_look_the_same, empty_passwords_never_bind,
                         the_policy_speaks, the_entry_decides, mail_reaches_everybody,
                         senders_are_checked):
                begin = time.monotonic()
                part(server)
                print("    %-36s %.2f s" % (part.__name__, time.monotonic() - begin), flush=True)
            changes_count(server, directory)
            accounts_are_listed(directory)
            assert not any(secret in line for line in server.raw_log
                           for secret in ("Al1ce-Pw", "reader-pw", "L0cked-Pw"))


def every_kind_of_tls_works():
    with slapd.Server(users=0, security=128) as directory:
        other, _ = postern.make_certificate(directory.folder, "other")
        changes = {"plugin directory-file": None, "plugin directory-ldap": directory.settings()}
        with postern.mail_server(changes=changes) as server:
            for override, good, word in (
                    ({}, True, None),
                    ({"servers": directory.ldaps_uri}, True, None),
                    ({"servers": directory.ldaps_uri, "ca_file": other}, False, "TLS"),
                    ({"ca_file": other}, False, "StartTLS"),
                    # The name in the certificate is another.
                    ({"servers": "ldaps://127.0.0.2:%d" % directory.tls_port}, False, ""),
                    ({"servers": directory.ldapi_uri, "bind_dn": None, "bind_password": None},
                     False, "TLS"),
                    ({"start_tls": "no", "cleartext": "yes"}, False, "onfidentiality")):
                server.configure({"plugin directory-ldap": None})
                server.configure({"plugin directory-ldap": {
                    key: value for key, value in directory.settings(**override).items()
                    if value is not None}})
                server.reload()
                seen = len(server.log)
                answer = password_way("imap", server, "alice", "Al1ce-Pw")
                assert answer.good == good, (override, answer)
                server.posternctl("cache", "flush")
                if not good:
                    assert "[UNAVAILABLE]" in answer.text, (override, answer)
                    last_line(server, "login.failure", seen)


def passwords_in_clear_are_refused():
    """By the check of the settings, unless somebody means it."""
    with slapd.Server(users=0) as directory:
        for override, good in (({"start_tls": "no"}, False), ({"bind_password": None}, False),
                               ({"servers": "http://127.0.0.1"}, False),
                               ({"filter": "uid=x"}, False),
                               ({"login_attributes": "uid)(x"}, False),
                               ({"start_tls": "no", "cleartext": "yes"}, True)):
            settings = {key: value for key, value in directory.settings(**override).items()
                        if value is not None}
            server = postern.mail_server(changes={"plugin directory-file": None,
                                                  "plugin directory-ldap": settings})
            try:
                done = subprocess.run([postern.POSTERND, "--config", server.config, "--check"],
                                      env=server.environment, capture_output=True, text=True,
                                      check=False)
                assert (done.returncode == 0) == good, (override, done.stderr)
                if good:
                    server.start()
                    assert password_way("imap", server, "alice", "Al1ce-Pw").good
            finally:
                server.close()


if __name__ == "__main__":
    postern.run(a_real_directory_serves, every_kind_of_tls_works, passwords_in_clear_are_refused)
