#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which mechanisms work with which source: what is stored or told decides. Compared with the table in
README.md; `sources.py --write` writes it. A mechanism that no source can verify must not be offered."""

import base64
import hashlib
import json
import os
import shutil
import socketserver
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import ntlm_client  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- sources: written by sources.py --write -->\n", "<!-- end of sources -->\n"
COLUMNS = ("password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
           "SCRAM-SHA-256-PLUS", "NTLM")
SECRET = "secret7"
KEYS = [people.scram_keys(*kind, SECRET) for kind in (("SCRAM-SHA-1", "sha1"),
                                                      ("SCRAM-SHA-256", "sha256"))]
def salted():
    """As LDAP servers export it: a hash of the password, and nothing to make others of."""
    salt = b"saltsalt"
    return ["{SSHA256}" + base64.b64encode(
        hashlib.sha256(SECRET.encode() + salt).digest() + salt).decode()]


FILE = {  # what stands in the accounts file
    "`{PLAIN}`": ["{PLAIN}" + SECRET],
    "`{SSHA256}`": salted(),
    "`{NT}`": ["{NT}" + ntlm_client.nt_hash(SECRET).hex()],
    "`{SCRAM-SHA-1}`, `{SCRAM-SHA-256}`": KEYS,
}


def program(path, told, attributes=None):
    """A directory of one account that tells these secrets, {"NT": ...}; returns its server."""
    class Connection(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                question = json.loads(line)
                self.wfile.write(json.dumps({"id": question["id"], **answer(question)}).encode()
                                 + b"\n")

    def answer(question):
        name = question.get("name", "").split("@")[0]
        if question["op"] == "account":
            return ({"status": "ok", "account": {"name": "alice", "attributes": attributes}}
                    if name == "alice" else {"status": "not-found"})
        if question["op"] == "verify":
            return {"status": "ok" if (name, question.get("password")) == ("alice", SECRET)
                    else "wrong"}
        if question["op"] == "secret":
            found = told.get(question["scheme"]) if name == "alice" else None
            return {"status": "ok", "secrets": [found]} if found else {"status": "not-found"}
        return {"status": "unsupported"}

    server = socketserver.ThreadingUnixStreamServer(path, Connection)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def works(server, protocol, mechanism):
    listener = dialogue.LISTENERS[protocol] + ("s" if mechanism.endswith("-PLUS") else "")
    way = mechanisms.ways[mechanism]
    with dialogue.open(protocol, server, listener, mechanism.endswith("-PLUS")) as client:
        offered = mechanism == "password" or mechanism in client.mechanisms()
        good = way(client, "alice", SECRET).good
        client.leave()
    assert offered or not good, (protocol, mechanism)
    with dialogue.open(protocol, server, listener, mechanism.endswith("-PLUS")) as client:
        assert not way(client, "alice", "wrong").good, (protocol, mechanism)
    return good, offered


def row(changes, accounts=None):
    """The cells: yes, or why not."""
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True)
    cells = []
    with postern.mail_server(changes={**wide, **changes}) as server:
        if accounts:
            people.write(server.users_file, accounts)
            server.restart()
        for mechanism in COLUMNS:
            found = {works(server, protocol, mechanism) for protocol in dialogue.PROTOCOLS
                     if (protocol, mechanism) != ("smtp", "password")}
            assert len(found) == 1, (mechanism, found)  # the same in all protocols
            good, offered = found.pop()
            cells.append("yes" if good else "no" if offered else "not offered")
    return cells


def measure():
    rows = {}
    for stored, secrets in FILE.items():
        rows["directory-file, " + stored] = row({}, {"alice": {"password": secrets}})
    if postern.built("directory-exec"):
        told = {"PLAIN": SECRET, "NT": ntlm_client.nt_hash(SECRET).hex(),
                "SCRAM-SHA-1": KEYS[0].replace("{SCRAM-SHA-1}", "SCRAM-SHA-1$"),
                "SCRAM-SHA-256": KEYS[1].replace("{SCRAM-SHA-256}", "SCRAM-SHA-256$")}
        for schemes in ("", "NT", "SCRAM-SHA-256", "PLAIN", " ".join(told)):
            path = os.path.join(tempfile.mkdtemp(prefix="postern-"), "socket")
            server = program(path, {name: told[name] for name in schemes.split()})
            try:
                keys = {"socket": path, "domains": "example.test"}
                if schemes:
                    keys["schemes"] = schemes
                rows["directory-exec, " + ("`schemes = %s`" % schemes if schemes
                                           else "no `schemes`")] = row(
                    {"plugin directory-file": None, "plugin directory-exec": keys})
            finally:
                server.shutdown()
                server.server_close()
                shutil.rmtree(os.path.dirname(path))
    return rows


def as_line(name, cells):
    return "| %s | %s |\n" % (name, " | ".join(cells))


def main():
    rows = measure()
    table = (as_line("source", COLUMNS) + "|---" * (len(COLUMNS) + 1) + "|\n"
             + "".join(as_line(*item) for item in rows.items()))
    with open(README, encoding="utf-8") as file:
        text = file.read()
    head, _, rest = text.partition(BEGIN)
    body, _, tail = rest.partition(END)
    if "--write" in sys.argv:
        with open(README, "w", encoding="utf-8") as file:
            file.write(head + BEGIN + table + END + tail)
        return
    wrong = [line for line in table.splitlines() if line not in body.splitlines()]
    assert not wrong, "README.md says otherwise; measured now:\n" + "\n".join(wrong)


if __name__ == "__main__":
    main()
