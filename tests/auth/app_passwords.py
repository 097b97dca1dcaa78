#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""App passwords of directory-file: made by posternctl, good by every mechanism they have a secret for,
bound to protocols, networks and dates, told when they were last used, and taken back at once."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

ACCOUNTS = {
    "alice": {"password": people.secrets("own")},
    "bob": {"password": "{PLAIN}bob's", "expired": "2020-01-01"},
    "carol": {},  # nothing but app passwords
}
EVERY = ("password", "PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM")
CLEAR = ("password", "PLAIN")


def add(account, label, *options):
    rows = server.posternctl("user", "app-password", "add", account, label, *options, json=True)
    assert len(rows) == 1 and rows[0]["label"] == label, rows
    assert re.fullmatch("(?:[a-km-np-z2-9]{4}-){6}[a-km-np-z2-9]{4}", rows[0]["password"]), rows
    return rows[0]["password"]


def listed(account, label):
    rows = server.posternctl("user", "app-password", "list", account, json=True)
    found = [row for row in rows if row["label"] == label]
    assert all(row["password"] == "" for row in rows), rows
    return found[0] if found else None


def log_in(protocol, way, user, password):
    with dialogue.open(protocol, server) as client:
        if way == "password" and protocol == "smtp":
            way = "PLAIN"
        answer = mechanisms.ways[way](client, user, password)
        if protocol == "imap" and not answer.good:  # whatever was wrong, and never "later"
            assert "[AUTHENTICATIONFAILED]" in answer.text or "[EXPIRED]" in answer.text, answer
        client.leave()  # else POP3 may still have the mailbox in use
        return answer.good


def every_mechanism_takes_them():
    """Beside the account's own, whose SCRAM keys have the same salt."""
    one = add("alice", "one", "--ntlm", "--scram")
    two = add("alice", "two", "--ntlm", "--scram")
    for protocol in ("pop", "imap", "smtp"):
        for way in EVERY:
            for password in ("own", one, two):
                assert log_in(protocol, way, "alice", password), (protocol, way, password)
            assert not log_in(protocol, way, "alice", one[:-1]), (protocol, way)


def without_other_keys_they_need_the_password():
    password = add("alice", "plain")
    assert log_in("imap", "PLAIN", "alice", password)
    assert not log_in("imap", "NTLM", "alice", password)
    assert not log_in("imap", "SCRAM-SHA-256", "alice", password)


def an_account_may_have_nothing_else():
    password = add("carol", "only", "--scram")
    for way in ("PLAIN", "SCRAM-SHA-256"):
        assert log_in("imap", way, "carol", password)
        assert not log_in("imap", way, "carol", "guess")


def they_are_bound():
    imap = add("alice", "imap", "--protocols", "imap smtp", "--scram")
    far = add("alice", "far", "--networks", "10.0.0.0/8,2001:db8::/32", "--ntlm")
    near = add("alice", "near", "--networks=10.0.0.0/8 127.0.0.0/8", "--ntlm")
    old = add("alice", "old", "--expires", "2026-01-01")
    for way in ("PLAIN", "SCRAM-SHA-256"):
        assert log_in("imap", way, "alice", imap)
        assert log_in("smtp", way, "alice", imap)
        assert not log_in("pop", way, "alice", imap)
    for way in ("PLAIN", "NTLM"):
        assert log_in("imap", way, "alice", near)
        assert not log_in("imap", way, "alice", far)
    assert server.wait_log("login.failure", reason="app password is not for this network")
    assert server.wait_log("login.failure", reason="app password is not for this protocol")
    with dialogue.open("imap", server) as client:
        answer = mechanisms.ways["PLAIN"](client, "alice", old)
        assert not answer.good and "EXPIRED" in answer.text, answer


def the_own_ones_end_is_not_theirs():
    password = add("bob", "stays")
    assert log_in("imap", "PLAIN", "bob", password)
    assert not log_in("imap", "PLAIN", "bob", "bob's")


def the_last_use_is_told():
    assert listed("alice", "far")["used"] == ""  # tried, and turned away
    row = listed("alice", "near")
    assert row["used"].endswith("Z imap 127.0.0.1"), row
    assert row["used"].startswith(time.strftime("%Y-%m-", time.gmtime())), row
    assert row["networks"] == "10.0.0.0/8 127.0.0.0/8" and row["expires"] == "", row
    server.restart()
    assert listed("alice", "near")["used"] == row["used"], row


def what_is_taken_back_is_gone():
    one, two = add("alice", "phone"), add("alice", "desk")
    assert log_in("imap", "PLAIN", "alice", one)
    server.posternctl("user", "app-password", "revoke", "alice", "Phone")
    assert not log_in("imap", "PLAIN", "alice", one)
    assert log_in("imap", "PLAIN", "alice", two)
    assert listed("alice", "phone") is None
    done = server.posternctl("user", "app-password", "revoke", "alice", "phone", check=False)
    assert done.returncode == 1 and "has no app password" in done.stderr, done
    with open(server.users_file, encoding="utf-8") as users:
        text = users.read()
    assert one not in text and two not in text
    add("alice", "phone")
    assert listed("alice", "phone")["used"] == ""  # that was the old one


def a_new_password_leaves_them():
    """With the salt that their SCRAM keys have."""
    password = add("carol", "second", "--scram")
    server.posternctl("user", "passwd", "carol", input="changed\n")
    for way in ("PLAIN", "SCRAM-SHA-256"):
        assert log_in("imap", way, "carol", password), way
        assert log_in("imap", way, "carol", "changed"), way


if __name__ == "__main__":
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True)
    with postern.mail_server(changes=postern.merge({
            "plugin directory-file": {"argon2_memory": "1 MiB", "argon2_passes": "1",
                                      "extra_keys": "scram-sha-256"},
            "plugin auth": {"failure_delay": "0"}}, wide)) as server:
        people.write(server.users_file, ACCOUNTS)
        server.restart()
        postern.run(every_mechanism_takes_them, without_other_keys_they_need_the_password,
                    an_account_may_have_nothing_else, they_are_bound,
                    the_own_ones_end_is_not_theirs, the_last_use_is_told,
                    what_is_taken_back_is_gone, a_new_password_leaves_them)
