#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real mail clients x mechanisms x protocols: a login counts only if the server's log names the
mechanism (and the version of NTLM). What is measured is compared with the table in
tests/auth/README.md; `matrix.py --write` writes it there. Clients that are not installed are left out.

The clients of NTLMv1 need the listener's and the account's word; here they are refused without."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import dialogue  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402
import programs  # noqa: E402

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
BEGIN, END = "<!-- clients: written by clients/matrix.py --write -->\n", "<!-- end of clients -->\n"
MECHANISMS = ("password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
              "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "NTLM")
WORDS = {"pop": "POP3", "imap": "IMAP4", "smtp": "SMTP"}
VERSIONS = {"NTLMv2": "v2", "NTLMv1": "v1", "NTLM2 session": "session", "": "?"}
PASSWORD = "secret7"


def attempt(client, protocol, mechanism, user="alice", strict=False):
    """(the line of success or None, what the program said)."""
    since = len(server.log)
    tls = mechanism.endswith("-PLUS")
    listener = ("strict-" if strict else "") + dialogue.LISTENERS[protocol]
    case = programs.Case(server, protocol, mechanism, user, PASSWORD, listener, tls)
    try:
        said = programs.CLIENTS[client](case)
    finally:
        case.close()
    # The program has ended: soon its session will have, too.
    try:
        opened = server.wait_log("session.open", timeout=2 * postern.SLOW, since=since)
    except postern.Failed:
        return None, said
    server.wait_log("session.close", since=since, session=opened["session"])
    lines = [line for line in server.logged("login.success", since=since)
             if line["mechanism"] == mechanism and line["service"] == protocol
             and line["user"] == user]
    return (lines[0] if lines else None), said


def versions_are_guarded(client, protocol, detail):
    """Without the word of the listener, or of the account, old responses are refused."""
    for user, strict in (("alice", True), ("newer", False)):
        since = len(server.log)
        line, said = attempt(client, protocol, "NTLM", user, strict)
        if detail == "NTLMv2":
            assert line and line["detail"] == detail, (client, protocol, user, strict, said)
        else:
            assert not line, (client, protocol, user, strict, said)
            assert server.logged("login.failure", since=since, mechanism="NTLM"), said


def cell(client, mechanism, why):
    """What a client can do with a mechanism: "POP3 IMAP4", "v1: IMAP4 SMTP", or ""."""
    found = {}
    for protocol in dialogue.PROTOCOLS:
        if (mechanism, protocol) == ("password", "smtp"):
            continue  # there is no such command
        try:
            line, said = attempt(client, protocol, mechanism)
        except programs.Cannot as reason:
            why.setdefault((client, mechanism), {})[protocol] = str(reason)
            continue
        if not line:
            print("--- %s, %s, %s:\n%s" % (client, mechanism, protocol, said[-3000:]))
            why.setdefault((client, mechanism), {})[protocol] = "fails"
            continue
        version = VERSIONS.get(line.get("detail", ""), "?") if mechanism == "NTLM" else ""
        found.setdefault(version, []).append(WORDS[protocol])
        if mechanism == "NTLM":
            versions_are_guarded(client, protocol, line["detail"])
    return "; ".join((version + ": " if version else "") + " ".join(names)
                     for version, names in sorted(found.items()))


def offered():
    names = {"password"}
    for protocol in dialogue.PROTOCOLS:
        for tls in (False, True):
            listener = dialogue.LISTENERS[protocol] + ("s" if tls else "")
            with dialogue.open(protocol, server, listener, tls) as client:
                names.update(client.mechanisms())
    return [name for name in MECHANISMS if name in names]


def reasons(client, why):
    """What the client could not do, in words; protocols that it does not speak are not told."""
    found = {}
    for (name, mechanism), by in why.items():
        rest = {protocol: text for protocol, text in by.items() if not text.startswith("does not sp")}
        for text in sorted(set(rest.values())) if name == client else ():
            where = [WORDS[protocol] for protocol in dialogue.PROTOCOLS if rest.get(protocol) == text]
            all_of_them = len(where) == len(rest) and len(rest) == len(
                [p for p in dialogue.PROTOCOLS if p not in by or p in rest])
            found.setdefault(text, []).append(
                mechanism + ("" if all_of_them else " (%s)" % " ".join(where)))
    return "; ".join("%s: %s" % (", ".join(names), text) for text, names in found.items())


def measure():
    """Rows of the table: {client: {mechanism: cell}}."""
    columns = offered()
    assert columns == list(MECHANISMS), "not offered: %s" % (set(MECHANISMS) - set(columns))
    rows, why = {}, {}
    for client in programs.CLIENTS:
        if len(sys.argv) > 1 and sys.argv[-1][0] != "-" and sys.argv[-1] not in client:
            continue
        if not programs.installed(client):
            print("not installed:", client)
            continue
        rows[client] = {name: cell(client, name, why) for name in columns}
        rows[client]["cannot"] = reasons(client, why)
        print("%-18s %s" % (client, ", ".join("%s=%s" % item for item in rows[client].items()
                                              if item[1] and item[0] != "cannot")), flush=True)
    return rows


COLUMNS = MECHANISMS + ("cannot",)


def as_line(client, row):
    return "| %s | %s |\n" % (client, " | ".join(row.get(name, "") for name in COLUMNS))


def table(rows):
    return ("| client | %s |\n" % " | ".join(COLUMNS) + "|---" * (len(COLUMNS) + 1) + "|\n"
            + "".join(as_line(*item) for item in rows.items()))


def debian_12():
    try:
        with open("/etc/debian_version", encoding="ascii") as file:
            return file.read().startswith("12")
    except OSError:
        return False


def main():
    rows = measure()
    with open(README, encoding="utf-8") as file:
        text = file.read()
    head, _, rest = text.partition(BEGIN)
    body, _, tail = rest.partition(END)
    if "--write" in sys.argv:
        with open(README, "w", encoding="utf-8") as file:
            file.write(head + BEGIN + table(rows) + END + tail)
        return
    written = {re.split(r" *\| *", line)[1]: line for line in body.splitlines(keepends=True)[2:]}
    if not debian_12():
        print("not compared: the table is of Debian 12")
        return
    wrong = [as_line(client, row) for client, row in rows.items()
             if written.get(client) != as_line(client, row)]
    assert not wrong, "tests/auth/README.md says otherwise; measured now:\n" + "".join(wrong)


if __name__ == "__main__":
    settings = {"sasl_mechanisms": people.MECHANISMS, "integrated_windows_authentication": True}
    changes = people.listeners(**settings, ntlmv1=True)
    usual = postern.mail_configuration()
    for name in dialogue.LISTENERS.values():
        changes["listener strict-" + name] = dict(usual["listener " + name], **settings)
    with postern.mail_server(changes=changes) as server:
        secrets = people.secrets(PASSWORD)
        people.write(server.users_file, {"alice": {"password": secrets, "auth.ntlmv1": "yes"},
                                         "newer": {"password": secrets}})
        server.restart()
        main()
