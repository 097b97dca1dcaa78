#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternctl user ... with and without a running server, and logins in every form over POP3 and
submission with Python's own clients."""

import base64
import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

PEOPLE = {"plugin directory-file": {"nt_domains": "EXAMPLE", "argon2_memory": "1 MiB",
                                    "argon2_passes": "1"},
          "plugin auth": {"failure_delay": "0"}}
FORMS = ["alice", "ALICE", "al", "alice@example.test", "EXAMPLE\\alice", "EXAMPLE/alice",
         "example.test\\alice", "EXAMPLE\\alice\\bob", "EXAMPLE/alice/bob", "EXAMPLE\\alice/bob",
         "alice@example.test/bob", "alice@example.test\\bob", "alice@example.test/bob@example.test"]
WRONG = ["", "nobody", "OTHER\\alice", "EXAMPLE\\alice\\", "/alice", "alice@elsewhere.test", "guest",
         "EXAMPLE\\bob\\alice", "alice/bob/carol/dave"]


def pop3(server, user, password):
    """None, or what the server said to a failed login."""
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    try:
        client.user(user)
        client.pass_(password)
        return None
    except poplib.error_proto as error:
        return error.args[0]
    finally:
        client.quit()


def smtp(server, user, password, authzid=""):
    """The reply code of AUTH PLAIN."""
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        message = "\0".join([authzid, user, password]).encode()
        return client.docmd("AUTH", "PLAIN " + base64.b64encode(message).decode())[0]


def posternctl_edits_offline():
    server = postern.mail_server(users={}, changes=PEOPLE)
    os.unlink(server.users_file)
    none = server.posternctl("user", "list", check=False)
    assert none.returncode == 1 and "posternctl user add makes it" in none.stderr, none
    server.posternctl("user", "add", "alice", "--alias", "al", input="geheim\n")
    server.posternctl("user", "add", "bob", "--no-password")
    server.posternctl("user", "delegate", "bob", "alice")
    rows = server.posternctl("user", "list", json=True)
    assert [row["account"] for row in rows] == ["alice", "bob"], rows
    assert rows[1]["state"] == "no password", rows
    shown = {row["key"]: row["value"] for row in server.posternctl("user", "show", "alice", json=True)}
    assert shown["password"] in ("argon2", "crypt"), shown
    with open(server.users_file, encoding="utf-8") as users:
        assert "geheim" not in users.read()
    mistakes_are_told(server)
    with server:
        every_form_logs_in(server)
        failures_look_the_same(server)
        posternctl_edits_online(server)


def mistakes_are_told(server):
    """What to type instead, and before a password is asked for."""
    for arguments, word in (
            (("user", "add"), "arguments are missing"),
            (("user", "add", "bad name"), "'bad name' is no account name: it has a character"),
            (("user", "add", "dave", "--protocls", "imap"), "'--protocls' is not understood"),
            (("user", "add", "dave", "--alias"), "'--alias' is unknown, or its value is missing"),
            (("user", "add", "dave", "--hash", "md5"), "'md5' is not one of: argon2id"),
            (("user", "add", "dave", "--alias", "al"), "would not do: the alias 'al' is"),
            (("user", "passwd", "bob", "now"), "'now' is not understood"),
            (("users", "list"), "did you mean user list?"),
            (("user", "frobnicate"), "user list [PREFIX]")):
        done = server.posternctl(*arguments, check=False, input="x\n")
        assert done.returncode == 2 and word in done.stderr, (arguments, done)


def every_form_logs_in(server):
    for form in FORMS:
        assert pop3(server, form, "geheim") is None, form
        assert smtp(server, form, "geheim") == 235, form
        assert pop3(server, form, "falsch") is not None, form
        assert smtp(server, form, "falsch") == 535, form
    assert smtp(server, "alice", "geheim", "bob") == 235
    assert smtp(server, "alice", "geheim", "nobody") == 535
    found = server.logged("login.success", account="bob")
    assert found and all(line["user"] == "alice" and line["peer"] == "127.0.0.1"
                         for line in found), found[:1]


def failures_look_the_same(server):
    answers = {pop3(server, name, "geheim") for name in WRONG if name}
    answers |= {pop3(server, "alice", "falsch"), pop3(server, "bob", "geheim")}
    assert len(answers) == 1, answers
    assert {smtp(server, name, "geheim") for name in WRONG if name} == {535}
    assert smtp(server, "", "geheim") == 501
    server.wait_log("login.failure", reason="unknown domain", login="OTHER\\alice")
    assert not any("geheim" in line or "falsch" in line for line in server.raw_log)


def posternctl_edits_online(server):
    with open(server.users_file, "a", encoding="utf-8") as users:
        users.write("# a comment at the end\n")
    server.posternctl("user", "add", "carol", "--name", "Carol C", input="neu\n")
    assert pop3(server, "carol", "neu") is None
    server.posternctl("user", "passwd", "carol", input="neuer\n")
    assert pop3(server, "carol", "neu") is not None
    assert pop3(server, "carol", "neuer") is None
    server.posternctl("user", "set", "carol", "protocols=smtp")
    assert pop3(server, "carol", "neuer") is not None
    assert smtp(server, "carol", "neuer") == 235
    refused = server.posternctl("user", "add", "carol", input="x\n", check=False)
    assert refused.returncode != 0 and "carol" in refused.stderr, refused
    server.posternctl("user", "remove", "carol")
    assert smtp(server, "carol", "neuer") == 535
    with open(server.users_file, encoding="utf-8") as users:
        assert "# a comment at the end\n" in users.read()


if __name__ == "__main__":
    postern.run(posternctl_edits_offline)
