#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The directory protocol is frozen: programs written by the words of its version 1 go on to work. Two of
them stand here, one that knows the two ops that are necessary and one that knows all. They hold every
question to QUESTIONS, and answer with members that nobody knows. Nothing here may be changed but to add
what a later Postern may ask: a change that makes this test fail breaks everybody's programs."""

import base64
import json
import os
import smtplib
import socketserver
import subprocess
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

KIT = os.path.join(postern.BUILD, "tests", "conformance", "postern-conformance")


def text(value):
    return isinstance(value, str)


def name(value):
    return text(value) and value == value.lower() and 0 < len(value.encode()) <= 512


def address(value):
    return name(value) and "@" in value and '"' not in value and value.isascii()


def name_or_nobody(value):
    return value == "" or name(value)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def octets(value):
    return text(value) and bytes.fromhex(value) is not None


def base64_text(value):
    return text(value) and base64.b64decode(value, validate=True) is not None


def service(value):
    return value in ("pop", "imap", "smtp", "http")


# What a question has; after "?" what may be there. A later Postern may add members and ops.
WHO = {"name": name_or_nobody, "service": service, "peer": text}
QUESTIONS = {
    "hello": {"versions": lambda value: 1 in value, "software": text},
    "account": {"name": name, "?domain": text},
    "verify": dict(WHO, **{"?password": text, "?password_base64": base64_text}),
    "secret": dict(WHO, scheme=text),
    "address": {"address": address},
    "list": {"after": text, "limit": lambda value: number(value) and value > 0},
    "delegate": {"user": name, "account": name},
    "send-as": {"user": name, "account": name, "address": address},
    "ntlm": dict(WHO, challenge=lambda value: octets(value) and len(value) == 16, lm=octets, nt=octets,
                 ntlm_user=text, ntlm_domain=text, workstation=text),
}


def mistakes(line):
    """What is wrong with a question, by the words of PROTOCOL.md."""
    if not line.endswith(b"\n") or b"\r" in line:
        return ["not a line"]
    question = json.loads(line.decode("utf-8"))
    found = [] if number(question["id"]) else ["id"]
    for member, fits in QUESTIONS.get(question["op"], {}).items():
        may, member = member.startswith("?"), member.lstrip("?")
        if member not in question:
            found += [] if may else [member + " is missing"]
        elif not fits(question[member]):
            found.append(member)
    if question["op"] == "verify" and ("password" in question) == ("password_base64" in question):
        found.append("one password, in one form")
    return found


PASSWORDS = {"alice": "wonderland", "bob": "builder", "carol": "pass"}


def minimal(question):
    """Version 1 with what is necessary."""
    if question["op"] == "account":
        local = question["name"].split("@")[0]
        return {"status": "ok", "account": {"name": local}} if local in PASSWORDS else {
            "status": "not-found"}
    if question["op"] == "verify":
        right = question["name"] and question.get("password") == PASSWORDS.get(question["name"])
        return {"status": "ok" if right else "wrong"}
    return {"status": "unsupported"}


def ntlm_v2(question):
    """Whether the answer to an NTLM challenge is right (MS-NLMP 3.3.2)."""
    secret = ntlm_client.nt_hash(PASSWORDS[question["name"]])
    key = ntlm_client.md5_hmac(secret, (question["ntlm_user"].upper() + question["ntlm_domain"]).encode(
        "utf-16-le"))
    answer = bytes.fromhex(question["nt"])
    return answer[:16] == ntlm_client.md5_hmac(key, bytes.fromhex(question["challenge"]), answer[16:])


def whole(question):
    """Version 1 with all there is; accounts have every member."""
    op = question["op"]
    if op == "hello":
        return {"status": "ok", "version": 1}
    if op == "account":
        answer = minimal(question)
        if answer["status"] == "ok":
            answer["account"].update({
                "address": None, "attributes": {"quota.octets": "5000000"}, "groups": ["staff"],
                "delegates": ["alice"] if answer["account"]["name"] == "carol" else [], "readers": [],
                "protocols": ["pop", "imap", "smtp", "http"], "server": None, "disabled": False, "future": {"of": ["an", "account"]}})
        return answer
    if op == "secret":
        known = question["name"] in PASSWORDS and question["scheme"] == "PLAIN"
        return {"status": "ok", "secrets": [PASSWORDS[question["name"]]]} if known else {
            "status": "not-found"}
    if op == "address":
        local, domain = question["address"].rsplit("@", 1)
        if domain != "example.test":
            return {"status": "not-ours"}
        return ({"status": "ok", "accounts": [{"name": local}]} if local in PASSWORDS
                else {"status": "not-found"})
    if op == "list":
        names = sorted(word for word in PASSWORDS if word > question["after"])
        return {"status": "ok", "accounts": names[:question["limit"]]}
    if op == "delegate":
        return ({"status": "ok", "access": "read"}
                if (question["user"], question["account"]) == ("bob", "alice") else {"status": "denied"})
    if op == "send-as":
        mine = ("news@example.test", question["account"] + "@example.test")
        return {"status": "ok" if question["address"] in mine else "denied"}
    if op == "ntlm":
        right = question["name"] and ntlm_v2(question)
        return {"status": "ok", "session_base_key": "00" * 16} if right else {"status": "wrong"}
    return minimal(question)


class Program:
    """At a socket; `asked` are the ops, `wrong` is what does not fit version 1."""

    def __init__(self, path, answer):
        self.asked, self.wrong = set(), []

        class Connection(socketserver.StreamRequestHandler):
            def handle(this):  # pylint: disable=no-self-argument
                for line in this.rfile:
                    self.wrong += [(line, what) for what in mistakes(line)]
                    question = json.loads(line)
                    self.asked.add(question["op"])
                    reply = {"future": [{"member": 1}], "text": "a word for the log",
                             "id": question["id"], **answer(question)}
                    this.wfile.write(json.dumps(reply).encode() + b"\n")

        self.server = socketserver.ThreadingUnixStreamServer(path, Connection)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        assert not self.wrong, self.wrong[:5]


def mail_server(path, schemes):
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True)
    return postern.mail_server(users=None, changes=dict(wide, **{
        "plugin directory-file": None,
        "plugin directory-exec": {"socket": path, "domains": "example.test", "nt_domains": "EXAMPLE",
                                  "schemes": schemes}}))


def log_in(server, user, password, way, good=True, protocol="imap", account=None):
    since = len(server.log)
    with dialogue.open(protocol, server) as client:
        answer = mechanisms.ways[way](client, user, password)
        assert answer.good == good, (user, way, answer)
        client.leave()
    if account:
        assert server.wait_log("login.success", since=since)["account"] == account


def recipient(server, address):
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        client.mail("sender@elsewhere.test")
        return client.rcpt(address)[0]


def may_write_as(server, user, address):
    with dialogue.open("smtp", server) as client:
        assert mechanisms.plain(client, user, PASSWORDS[user]).good
        client.send(b"MAIL FROM:<%s>" % address.encode())
        return client.answer().good


def kit(path, schemes, *more):
    """Asks much more, and what no server asks yet."""
    done = subprocess.run(
        [KIT, "directory", os.path.join(postern.BUILD, "plugins/directory-exec/directory-exec.so"),
         "--set", "socket=" + path, "--set", "domains=example.test", "--set", "nt_domains=EXAMPLE"]
        + (["--set", "schemes=" + schemes] if schemes else [])
        + ["--domain", "example.test", "--nt-domain", "EXAMPLE"]
        + [word for user in PASSWORDS for word in ("--account", user, "--password", PASSWORDS[user])]
        + list(more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def in_a_folder(test):
    def run():
        with tempfile.TemporaryDirectory(prefix="postern-") as folder:
            test(os.path.join(folder, "socket"))
    run.__name__ = test.__name__
    return run


@in_a_folder
def two_ops_are_enough(path):
    program = Program(path, minimal)
    with mail_server(path, None) as server:
        for protocol in dialogue.PROTOCOLS:
            log_in(server, "EXAMPLE\\alice", PASSWORDS["alice"], "PLAIN", protocol=protocol)
            log_in(server, "alice@example.test", "wrong", "PLAIN", False, protocol)
            log_in(server, "nobody", "wrong", "LOGIN", False, protocol)
        assert recipient(server, "bob+x@example.test") == 250
        assert recipient(server, "nobody@example.test") == 550
        assert may_write_as(server, "alice", "alice@example.test")
        assert not may_write_as(server, "alice", "bob@example.test")
    kit(path, None)
    program.close()


@in_a_folder
def every_op_is_asked_as_it_was(path):
    schemes = "PLAIN NTLM"
    program = Program(path, whole)
    with mail_server(path, schemes) as server:
        for way in ("password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM"):
            log_in(server, "alice", PASSWORDS["alice"], way)
            log_in(server, "alice", "wrong", way, False)
            log_in(server, "nobody", "wrong", way, False)
        with dialogue.open("imap", server) as client:  # ISO 8859-1: password_base64
            assert not client.password(b"alice", b"p\xe4ss").good
        log_in(server, "EXAMPLE\\bob\\alice", PASSWORDS["bob"], "PLAIN", account="alice")
        log_in(server, "EXAMPLE\\carol\\alice", PASSWORDS["carol"], "PLAIN", False)
        assert recipient(server, "bob@example.test") == 250
        assert recipient(server, "nobody@example.test") == 550
        assert may_write_as(server, "alice", "news@example.test")
        assert may_write_as(server, "alice", '"News"@EXAMPLE.test')
        assert not may_write_as(server, "bob", "postmaster@elsewhere.test")
    kit(path, schemes, "--delegate", "alice:carol", "--reader", "bob:alice")
    assert program.asked >= set(QUESTIONS), set(QUESTIONS) - program.asked
    program.close()


if __name__ == "__main__":
    if not postern.built("directory-exec"):
        postern.skip("directory-exec is not built")
    postern.run(two_ops_are_enough, every_op_is_asked_as_it_was)
