#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Active Directory and nothing else: names, mailboxes and delegates by LDAP, passwords by a bind, NTLM
by winbindd."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import ldap_ad  # noqa: E402
import ntlm_client  # noqa: E402
import postern  # noqa: E402
import samba  # noqa: E402

IWA = {"integrated_windows_authentication": "yes", "cleartext_login": "yes", "ntlm_domain": "CONTOSO"}
GOOD = (
    # user, domain               account
    ("alice", "CONTOSO",         "alice"),
    ("ALICE", "contoso",         "alice"),
    ("alice", "",                "alice"),
    ("alice", "contoso.example", "alice"),
    ("alice@contoso.example", "", "alice"),
)
REFUSED = (
    # user, domain, password of, reason
    ("alice", "CONTOSO", None, "wrong password"),
    ("carol", "CONTOSO", "carol", "account is disabled"),
    ("dave", "CONTOSO", "dave", "account has expired"),
    ("Guest", "CONTOSO", None, "name is always refused"),
    ("nobody", "CONTOSO", None, "unknown user"),
    ("DC1$", "CONTOSO", None, "unknown user"),
    # NTLMv2 is computed over these names, and no account has them.
    ("a.liddell", "CONTOSO", "alice", "unknown user"),
    ("alice/bob", "CONTOSO", "alice", "unknown user"),
)


def ntlm(user, nt_domain, password, protocol):
    since = len(server.log)
    with dialogue.open(protocol, server) as connection:
        client = ntlm_client.Client(user, password, domain=nt_domain, mic=True)
        answer = ntlm_client.login(connection, client)
        connection.leave()
    return answer, server.wait_log("login.success" if answer.good else "login.failure", since=since)


def logins():
    for protocol in dialogue.PROTOCOLS:
        for user, nt_domain, account in GOOD:
            answer, line = ntlm(user, nt_domain, domain.users["alice"], protocol)
            assert answer.good, (protocol, user, nt_domain, line)
            assert (line["account"], line["detail"]) == (account, "NTLMv2"), line


def refusals():
    for protocol in dialogue.PROTOCOLS:
        texts = set()
        for user, nt_domain, whose, reason in REFUSED:
            answer, line = ntlm(user, nt_domain, domain.users.get(whose, "wrong"), protocol)
            assert not answer.good and line["reason"] == reason, (user, line)
            texts.add(answer.text)
        assert len(texts) == 1, texts
        answer, line = ntlm("erin", "CONTOSO", domain.users["erin"], protocol)
        assert not answer.good and line["reason"] == "password must be changed", line


def passwords():
    for protocol in dialogue.PROTOCOLS:
        for user in ("alice", "a.liddell", "CONTOSO\\alice\\bob"):
            since = len(server.log)
            with dialogue.open(protocol, server) as connection:
                said = f"\0{user}\0{domain.users['alice']}".encode()
                assert connection.authenticate("PLAIN", said).good, user
                connection.leave()
            assert server.wait_log("login.success", since=since)["user"] == "alice"


def main():
    global domain, server
    for name in ("auth-winbind", "directory-ldap"):
        if not postern.built(name):
            postern.skip(name + " is not built")
    with samba.Domain() as domain:
        with postern.mail_server(changes={
                "plugin directory-file": None, "plugin auth-winbind": {},
                "plugin auth": {"failure_delay": "0",
                                "credentials": "directory-ldap:directory-ldap+auth-winbind"},
                "plugin directory-ldap": ldap_ad.settings(domain),
                "listener pop3": IWA, "listener imap": IWA, "listener submission": IWA}) as server:
            for test in (logins, refusals, passwords):
                test()
                print(test.__name__)


if __name__ == "__main__":
    main()
