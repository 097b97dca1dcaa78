#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A whole directory for Postern (PROTOCOL.md): python3 directory.py /run/mail/directory.sock"""
import hmac, json, os, socketserver, sys

PEOPLE = {"alice": {"password": "wonderland", "aliases": ["sales"], "delegates": ["bob"],
                    "attributes": {"quota.octets": "5000000"}},
          "bob": {"password": "builder", "aliases": []}}


def account(question):
    local = question["name"].split("@")[0]  # "alice", or an address in a domain of ours
    for name, person in PEOPLE.items():
        if local == name or local in person["aliases"]:
            return {"status": "ok", "account": {"name": name, **person, "password": None}}
    return {"status": "not-found"}


def verify(question):
    right = PEOPLE.get(question["name"], {}).get("password", "")
    same = hmac.compare_digest(right.encode(), question.get("password", "").encode())
    return {"status": "ok" if same and right else "wrong"}


def list_accounts(question):
    names = sorted(name for name in PEOPLE if name > question["after"])
    return {"status": "ok", "accounts": names[:question["limit"]]}


OPS = {"account": account, "verify": verify, "list": list_accounts}


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            question = json.loads(line)
            op = OPS.get(question["op"], lambda question: {"status": "unsupported"})
            self.wfile.write(json.dumps({"id": question["id"], **op(question)}).encode() + b"\n")


if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
socketserver.ThreadingUnixStreamServer(sys.argv[1], Connection).serve_forever()
