#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Administrators open the mailboxes on their list and no other, on every protocol and by every mechanism;
the log has both names each time; their own mailbox stays closed over POP3 and IMAP4."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402


def person(**keys):
    return {"password": people.secrets("secret"), **keys}


ACCOUNTS = {
    "alice": person(alias="sales"), "bob": person(), "carol": person(disabled="yes"),
    "group staff": {"members": "alice, carol"},
    "administrator": person(may_open="*"),      # closed by the default of `administrators`
    "helpdesk": person(may_open="$staff"),
}
REFUSED = {"pop": "-ERR [AUTH] ", "imap": "NO [AUTHENTICATIONFAILED] ", "smtp": "535 5.7.8 "}
# who           whose mailbox     opens
TABLE = (
    ("administrator", "alice",         "alice"),
    ("administrator", "bob",           "bob"),
    ("administrator", "carol",         None),  # disabled: for nobody
    ("administrator", "nobody",        None),
    ("helpdesk",      "alice",         "alice"),
    ("helpdesk",      "sales",         "alice"),
    ("helpdesk",      "bob",           None),
    ("helpdesk",      "carol",         None),
    ("helpdesk",      "administrator", None),
    ("helpdesk",      "helpdesk",      "helpdesk"),
    ("alice",         "helpdesk",      None),
    ("bob",           "alice",         None),
)


def ways(protocol):
    """(name, function of client, user, mailbox): a name that holds both, and an authzid."""
    with dialogue.open(protocol, server) as client:
        offered = [name for name in client.mechanisms() if name in mechanisms.ways]
    for name in offered + ([] if protocol == "smtp" else ["password"]):
        way = mechanisms.ways[name]
        yield name, lambda client, user, mailbox, way=way: way(
            client, "EXAMPLE\\%s/%s" % (user, mailbox), "secret")
        if name in mechanisms.with_authzid:
            yield name, lambda client, user, mailbox, way=way: way(client, user, "secret",
                                                                   authzid=mailbox)


def the_list_decides():
    for protocol in dialogue.PROTOCOLS:
        for mechanism, way in ways(protocol):
            for user, mailbox, account in TABLE:
                since = len(server.log)
                with dialogue.open(protocol, server) as client:
                    answer = way(client, user, mailbox)
                    client.leave()
                where = (protocol, mechanism, user, mailbox, answer)
                if account is None:
                    assert answer.text.startswith(REFUSED[protocol]), where
                    line = server.wait_log("login.failure", since=since)
                    assert user in line["login"], line  # who it was
                    continue
                assert answer.good, where
                if account == user:
                    continue
                line = server.wait_log("login.on_behalf", since=since)
                assert (line["user"], line["account"], line["access"], line["mechanism"]) == (
                    user, account, "full", mechanism), line


def their_own_mailbox_is_closed():
    for protocol in dialogue.PROTOCOLS:
        for mechanism, way in mechanisms.ways.items():
            with dialogue.open(protocol, server) as client:
                if (mechanism != "password" or protocol == "smtp") \
                        and mechanism not in client.mechanisms():
                    continue
                answer = way(client, "administrator", "secret")
                assert answer.good == (protocol == "smtp"), (protocol, mechanism, answer)


def a_changed_list_counts_at_once():
    server.posternctl("user", "set", "helpdesk", "may_open=bob")
    for mailbox, good in (("bob", True), ("alice", False)):
        with dialogue.open("imap", server) as client:
            assert mechanisms.plain(client, "helpdesk", "secret", authzid=mailbox).good == good


if __name__ == "__main__":
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True)
    server = postern.mail_server(changes=wide)
    try:
        people.write(server.users_file, ACCOUNTS)
        server.start()
        postern.run(the_list_decides, their_own_mailbox_is_closed, a_changed_list_counts_at_once)
    finally:
        server.close()
