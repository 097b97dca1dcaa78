#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Active Directory as directory, by LDAP alone: names, addresses and delegates as Exchange keeps them,
binds as the user and the sub-codes of refused ones, accounts that nobody opens, and an outage."""

import os
import smtplib
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import postern  # noqa: E402
import samba  # noqa: E402

FORMS = (
    # login                                    user     account
    ("alice",                                  "alice", "alice"),
    ("ALICE",                                  "alice", "alice"),
    ("alice@contoso.example",                  "alice", "alice"),
    ("a.liddell",                              "alice", "alice"),
    ("A.Liddell@Contoso.Example",              "alice", "alice"),
    ("CONTOSO\\alice",                         "alice", "alice"),
    ("contoso/alice",                          "alice", "alice"),
    ("contoso.example\\alice",                 "alice", "alice"),
    ("CONTOSO\\alice\\bob",                    "alice", "bob"),     # publicDelegates
    ("CONTOSO/a.liddell/bob@contoso.example",  "alice", "bob"),
    ("alice@contoso.example/bob",              "alice", "bob"),
    ("alice@contoso.example\\bob@contoso.example", "alice", "bob"),
)
# Whoever it is, the client gets one answer; the log knows.
REFUSED = (
    # login                   password of      reason
    ("alice",                 None,            "wrong password (52e)"),
    ("carol",                 "carol",         "account is disabled (533)"),
    ("carol",                 None,            "wrong password (52e)"),
    ("dave",                  "dave",          "account has expired (701)"),
    ("dave",                  None,            "wrong password (52e)"),
    ("erin",                  None,            "wrong password (52e)"),
    ("nobody",                None,            "unknown user"),
    ("Guest",                 None,            "name is always refused"),
    ("CONTOSO\\Guest",        None,            "name is always refused"),
    ("krbtgt",                None,            "unknown user"),
    ("DC1$",                  None,            "unknown user"),
    ("OTHER\\alice",          "alice",         "unknown domain"),
    ("CONTOSO\\bob\\alice",   "bob",           "no delegate of this mailbox"),
    ("CONTOSO\\alice\\carol", "alice",         "no delegate of this mailbox"),
    ("CONTOSO\\alice\\Guest", "alice",         "name is always refused"),
    ("*",                     "alice",         "unknown user"),
    ("alice)(cn=*",           "alice",         "unknown user"),
)


def settings(domain, **override):
    result = {"servers": domain.ldaps_uri, "ca_file": domain.ca_file, "preset": "active-directory",
              "base": domain.base, "domains": "contoso.example", "nt_domains": "CONTOSO",
              "bind_dn": "svc-mail@contoso.example", "bind_password": domain.users["svc-mail"],
              "timeout": "10s", "retry": "1s"}
    result.update(override)
    return result


def mail_server(domain, **override):
    return postern.mail_server(changes={
        "plugin directory-file": None, "plugin auth": {"cache_entries": "0"},
        "plugin directory-ldap": settings(domain, **override)})


def login(server, user, secret, protocol="imap"):
    """The answer, and the line of the log."""
    since = len(server.log)
    way = mechanisms.plain if protocol == "smtp" else mechanisms.password
    with dialogue.open(protocol, server) as client:
        answer = way(client, user, secret)
    if answer.good:
        return answer, server.wait_log("login.success", since=since)
    return answer, server.wait_log("login.failure", since=since, login=user)


def rcpt(server, address):
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        client.mail("sender@elsewhere.test")
        return client.rcpt(address)[0]


def change(ldif):
    """In the domain, as its administrator."""
    done = subprocess.run(["ldapmodify", "-x", "-H", domain.ldaps_uri, "-D",
                           "Administrator@contoso.example", "-w", domain.users["Administrator"]],
                          input=ldif, capture_output=True, text=True, check=False,
                          env=dict(os.environ, LDAPTLS_CACERT=domain.ca_file))
    assert done.returncode == 0, done.stderr


def set_policy(name, value):
    change(f"dn: {domain.base}\nchangetype: modify\nreplace: {name}\n{name}: {value}\n")


def every_form_logs_in():
    for protocol in dialogue.PROTOCOLS:
        for form, user, account in FORMS:
            answer, line = login(server, form, domain.users["alice"], protocol)
            assert answer.good, (protocol, form, line)
            assert (line["user"], line["account"]) == (user, account), (form, line)


def refusals_are_told_apart_in_the_log():
    answers = set()
    for name, whose, reason in REFUSED:
        answer, line = login(server, name, domain.users.get(whose, "wrong"))
        assert not answer.good and line["reason"] == reason, (name, whose, answer, line)
        answers.add(answer.text)
    assert len(answers) == 1, answers


def expired_passwords_say_so():
    """773: only to who knew it."""
    answer, line = login(server, "erin", domain.users["erin"])
    assert "[EXPIRED]" in answer.text and line["reason"] == "password must be changed (773)", (
        answer, line)


def an_empty_password_is_none():
    for user in ("alice", "svc-mail", "Administrator", "Guest"):
        for protocol in dialogue.PROTOCOLS:
            with dialogue.open(protocol, server) as client:
                assert not mechanisms.plain(client, user, "").good, user


def the_administrators_mailbox_is_closed():
    """Known by the identifier, whatever the account is called."""
    for protocol in ("pop", "imap"):
        answer, line = login(server, "Administrator", domain.users["Administrator"], protocol)
        assert not answer.good and "administrator" in line["reason"], line
    assert login(server, "Administrator", domain.users["Administrator"], "smtp")[0].good


def mail_reaches_every_proxy_address():
    for address, code in (("alice@contoso.example", 250), ("A.LIDDELL@contoso.example", 250),
                          ("alice+x@contoso.example", 250), ("bob@contoso.example", 250),
                          ("carol@contoso.example", 250),  # disabled: mail arrives all the same
                          ("nobody@contoso.example", 550), ("Guest@contoso.example", 550),
                          ("krbtgt@contoso.example", 550), ("a*@contoso.example", 550),
                          ("alice@elsewhere.test", 550)):
        assert rcpt(server, address) == code, address


def senders_are_checked():
    for user, address, good in (("alice", "alice@contoso.example", True),
                                ("alice", "a.liddell@contoso.example", True),
                                ("alice", "bob@contoso.example", True),  # publicDelegates
                                ("bob", "alice@contoso.example", False),
                                ("bob", "carol@contoso.example", False)):
        with dialogue.open("smtp", server) as client:
            assert mechanisms.plain(client, user, domain.users[user]).good
            client.send(b"MAIL FROM:<%s>" % address.encode())
            assert client.answer().good == good, (user, address)


def another_server_is_named():
    """msExchHomeServerName says MAIL, and this one is another."""
    with mail_server(domain, node="OTHER") as elsewhere:
        answer, line = login(elsewhere, "alice", domain.users["alice"])
        assert "REFERRAL" in answer.text and "MAIL" in answer.text, answer
        assert line["reason"] == "mailbox is on another server", line
        assert login(elsewhere, "svc-mail", domain.users["svc-mail"])[0].good  # nothing is said


def groups_give_rights():
    """Those that alice is in, and with nested_groups those that these are in."""
    change(f"dn: CN=Everybody,CN=Users,{domain.base}\nchangetype: add\nobjectClass: group\n"
           f"sAMAccountName: Everybody\nmember: CN=Staff,CN=Users,{domain.base}\n")
    for nested, seen in (("no", ["Staff"]), ("yes", ["Staff", "Everybody"])):
        with mail_server(domain, nested_groups=nested) as other:
            with dialogue.open("imap", other) as client:
                assert mechanisms.password(client, "bob", domain.users["bob"]).good
                for name in ("Staff", "Everybody", "Nobody"):
                    for command in ("CREATE " + name, f"SETACL {name} ${name.lower()} lr"):
                        client.send(client.tagged(command.encode()))
                        answer = client.answer()
                        assert answer.good, (command, answer)
            with dialogue.open("imap", other) as client:
                assert mechanisms.password(client, "alice", domain.users["alice"]).good
                for name in ("Staff", "Everybody", "Nobody"):
                    client.send(client.tagged(b'EXAMINE "Other Users/bob/%s"' % name.encode()))
                    assert client.answer().good == (name in seen), (nested, name)


def a_lockout_is_told_in_the_log():
    """775, whatever the password.  Changes the domain: the last one."""
    set_policy("lockoutThreshold", "3")
    for number in range(3):
        assert not login(server, "bob", "wrong %d" % number)[0].good
    for secret in (domain.users["bob"], "wrong"):
        answer, line = login(server, "bob", secret)
        assert not answer.good and line["reason"] == "account is locked (775)", (answer, line)


def start_tls_works_and_clear_text_is_refused():
    """By us, and where we are told to send passwords in clear, by the server (8)."""
    with mail_server(domain, servers=domain.ldap_uri) as other:
        assert login(other, "alice", domain.users["alice"])[0].good
    with mail_server(domain, servers=domain.ldap_uri, start_tls="no", cleartext="yes") as other:
        answer, line = login(other, "alice", domain.users["alice"])
        assert "[UNAVAILABLE]" in answer.text, answer
        assert "trong" in line["reason"], line


def a_wrong_service_account_locks_nobody_out():
    with mail_server(domain, bind_password="wrong") as other:
        for _ in range(10):
            answer, line = login(other, "alice", domain.users["alice"])
            assert "[UNAVAILABLE]" in answer.text, answer
        tries = len(other.logged("ldap.down")) + len(other.logged("ldap.trouble"))
        assert 1 <= tries <= 3, tries


if __name__ == "__main__":
    if not postern.built("directory-ldap"):
        postern.skip("directory-ldap is not built")
    with samba.Domain() as domain, mail_server(domain) as server:
        postern.run(every_form_logs_in, refusals_are_told_apart_in_the_log,
                    expired_passwords_say_so, an_empty_password_is_none,
                    the_administrators_mailbox_is_closed, mail_reaches_every_proxy_address,
                    senders_are_checked, another_server_is_named,
                    start_tls_works_and_clear_text_is_refused,
                    groups_give_rights, a_wrong_service_account_locks_nobody_out,
                    a_lockout_is_told_in_the_log)
