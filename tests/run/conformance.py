#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternctl conformance: what each listener can do, what the configuration hides and why, for one
account too; the same as a page; and that a hidden capability is really away."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

USERS = {"alice": {"password": "{PLAIN}secret", "imap.hide": "LITERAL+",
                   "imap.hide_why": "her client goes wrong"},
         "bob": "secret"}
CHANGES = {
    "listener imap": {"hide": "children", "hide_why": "Outlook 2003 | it draws no tree"},
    "listener imap-quiet": {"protocol": "imap4", "address": "auto", "hide": "CHILDREN, uidplus idle",
                            "cleartext_login": True},
    "listener pop3": {"utf8": "no"},
}


def rows(server, *arguments):
    """{(listener, document, feature): row}"""
    return {(row["listener"], row["document"], row["feature"]): row
            for row in server.posternctl("conformance", *arguments, json=True)}


def check_rows(server):
    found = rows(server)
    hidden = found["imap", "RFC 3348", "CHILDREN"]
    assert hidden["state"] == "off" and "Outlook 2003" in hidden["why"], hidden
    hidden = found["imap-quiet", "RFC 3348", "CHILDREN"]
    assert hidden["state"] == "off" and "does not say why" in hidden["why"], hidden
    assert found["imap", "RFC 3501", "IMAP4rev1"]["state"] == "on"
    assert found["imap", "RFC 7888", "LITERAL+"]["state"] == "on"
    jmap = found["imap", "RFC 9698", "JMAPACCESS"]
    assert jmap["state"] == "missing" and jmap["why"], jmap
    assert found["imap-quiet", "RFC 9051", "STARTTLS"]["why"] == "the listener has tls = none"
    assert found["imap", "RFC 9051", "STARTTLS"]["state"] == "on"
    assert found["pop3", "RFC 1939", "UIDL"]["state"] == "on"
    assert "utf8" in found["pop3", "RFC 6856", "UTF8"]["why"]
    assert found["lmtp", "RFC 2033", ""]["state"] == "on"
    assert found["lmtp", "RFC 5321", ""]["why"] == "the listener has kind = lmtp"
    assert {key[0] for key in rows(server, "pop3")} == {"pop3"}
    for row in found.values():
        assert row["state"] in ("on", "off", "missing") and (row["why"] or row["state"] == "on"), row


def check_account(server):
    found = rows(server, "imap", "--account", "alice@example.test")
    hidden = found["imap", "RFC 7888", "LITERAL+"]
    assert hidden["state"] == "off" and "her client goes wrong" in hidden["why"], hidden
    found = rows(server, "imap", "--account", "bob@example.test")
    assert found["imap", "RFC 7888", "LITERAL+"]["state"] == "on"
    for arguments, word in ((("nowhere",), "no such listener"), (("--account",), "needs an address"),
                            (("a", "b"), "are all it takes"),
                            (("--account", "eve@example.test"), "does not know")):
        done = server.posternctl("conformance", *arguments, check=False)
        assert done.returncode in (1, 2) and word in done.stderr, (arguments, done)


def check_page(server):
    page = server.posternctl("conformance", "page", "imap").stdout
    lines = page.splitlines()
    assert lines[0].startswith("# What Postern "), lines[0]
    assert "## Listener imap (imap4, in clear, with STARTTLS)" in lines, page
    row = [line for line in lines if "| CHILDREN |" in line]
    assert len(row) == 1 and "Outlook 2003 \\| it draws" in row[0], row
    table = [line for line in lines if line.startswith("|")]
    assert len(table) > 60 and {line.replace("\\|", "").count("|") for line in table} == {6}, page


def talk(port, *lines):
    """What the server answers to commands, all in one."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        text = "".join(line + "\r\n" for line in (*lines, "z LOGOUT"))
        connection.sendall(text.encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer.decode()


def check_session(server):
    greeting, _, rest = talk(server.port("imap"), "a LOGIN alice secret", "b CAPABILITY").partition(
        "\r\n")
    assert " LITERAL+" in greeting and " CHILDREN" not in greeting, greeting
    assert "a OK" in rest and "LITERAL+" not in rest and "CHILDREN" not in rest, rest
    _, _, rest = talk(server.port("imap"), "a LOGIN bob secret", "b CAPABILITY").partition("\r\n")
    assert "LITERAL+" in rest and " IDLE" in rest, rest
    # What is hidden cannot be used; with UNAUTHENTICATE the next user has other eyes.
    rest = talk(server.port("imap-quiet"), "a LOGIN alice secret", "b IDLE", "c UNAUTHENTICATE",
                "d CAPABILITY", "e LOGIN bob secret")
    assert "b BAD unknown command" in rest and "c OK" in rest, rest
    seen = rest.partition("c OK")[2]
    assert seen.count("LITERAL+") == 2 and " IDLE" not in seen and "UIDPLUS" not in seen, seen


def main():
    with postern.mail_server(users=USERS, changes=CHANGES) as server:
        check_rows(server)
        check_account(server)
        check_page(server)
        check_session(server)


if __name__ == "__main__":
    main()
