#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No open relay: on no kind of listener does a mail leave for a domain that is not ours, whatever
form the recipient has, who is logged in, or where the client comes from; nobody sends on the
submission port without a login; and the limits of connections are told as limits."""

import base64
import os
import poplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

# All of them lead elsewhere, or are no address; the last are the relay hacks of old.
ELSEWHERE = (
    b"<x@far.example>", b"<x@[192.0.2.1]>", b"<x@[127.0.0.1]>", b"<x@[IPv6:::1]>", b"<x@localhost>",
    b"<x@EXAMPLE.TEST.far.example>", b"<x@far.example.>", b"<x@xexample.test>", b"<x@sub.example.test>",
    b"<x%far.example@example.test>", b"<far.example!x@example.test>", b"<x@far.example@example.test>",
    b'<"x@far.example"@example.test>', b'<"x@far.example">', b"<@example.test:x@far.example>",
    b"<@far.example,@example.test:x@far.example>", b"<x@far.example%example.test>", b"x@far.example",
    b"<x@far.example> NOTIFY=NEVER", b"<nobody@example.test>", b"<x@far.example\0@example.test>",
)


class Session:
    def __init__(self, server, listener, tls=False, login=None, hello=b"EHLO"):
        self.sock = server.connect(listener, tls=tls)
        self.file = self.sock.makefile("rb")
        self.greeting = self.answer()
        if listener.startswith("lmtp"):
            hello = b"LHLO"
        self.hello = self.ask(hello + b" far.example")
        if login:
            answer = self.ask(b"AUTH PLAIN " + base64.b64encode(b"\0%s\0secret" % login))
            assert answer.startswith(b"235"), answer

    def answer(self):
        lines = b""
        while True:
            line = self.file.readline()
            lines += line
            if line[3:4] != b"-":
                return lines

    def ask(self, line):
        self.sock.sendall(line + b"\r\n")
        return self.answer()

    def close(self):
        self.file.close()
        self.sock.close()


def nothing_is_relayed(server):
    for listener, tls, login, sender in (
            ("smtp", False, None, b"x@far.example"), ("smtp", False, None, b"alice@example.test"),
            ("smtp", False, None, b""), ("lmtp", False, None, b"x@far.example"),
            ("lmtp-unix", False, None, b"alice@example.test"),
            ("submission", False, b"alice", b"alice@example.test"),
            ("submissions", True, b"alice", b"alice@example.test")):
        session = Session(server, listener, tls, login)
        answer = session.ask(b"MAIL FROM:<%s>" % sender)
        assert answer.startswith(b"250"), (listener, sender, answer)
        for number, recipient in enumerate(ELSEWHERE):
            answer = session.ask(b"RCPT TO:" + recipient)
            assert answer[:1] == b"5", (listener, recipient, answer)
            assert answer[4:5] == b"5", (listener, recipient, answer)  # enhanced code agrees
            if number % 8 == 7:  # before too many errors end it
                session.close()
                session = Session(server, listener, tls, login)
                session.ask(b"MAIL FROM:<%s>" % sender)
        for verb in (b"DATA", b"BDAT 5 LAST\r\nhello"):
            answer = session.ask(verb)
            assert answer[:1] == b"5", (listener, verb, answer)
        session.close()


def nobody_sends_without_login(server):
    for listener, tls in (("submission", False), ("submissions", True)):
        for recipient in (b"alice@example.test", b"x@far.example"):
            session = Session(server, listener, tls)
            assert b"AUTH" in session.hello
            answers = [session.ask(b"MAIL FROM:<alice@example.test>"),
                       session.ask(b"MAIL FROM:<alice@example.test> AUTH=alice@example.test"),
                       session.ask(b"RCPT TO:<%s>" % recipient), session.ask(b"DATA"),
                       session.ask(b"BDAT 5 LAST\r\nhello")]
            assert answers[0].startswith(b"530 5.7.0"), answers
            assert all(answer[:1] == b"5" for answer in answers), answers
            session.close()
    # A failed and a cancelled login are none.
    session = Session(server, "submission")
    for line in (b"AUTH PLAIN " + base64.b64encode(b"\0alice\0wrong"), b"AUTH PLAIN\r\n*",
                 b"AUTH ANONYMOUS", b"AUTH EXTERNAL ="):
        session.sock.sendall(line + b"\r\n")
        answer = session.answer()
        if answer.startswith(b"334"):
            answer = session.answer()
        assert answer[:1] == b"5", (line, answer)
        assert session.ask(b"MAIL FROM:<alice@example.test>").startswith(b"530"), line
    session.close()
    # What was said before STARTTLS is forgotten, a login too; and receiving offers none.
    for listener in ("smtp", "lmtp"):
        session = Session(server, listener)
        assert b"AUTH" not in session.hello
        answer = session.ask(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0secret"))
        assert answer[:2] == b"50", answer
        session.close()


def nothing_arrived(server):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
    pop.user("alice")
    pop.pass_("secret")
    assert pop.stat()[0] == 0, pop.stat()
    pop.quit()
    assert not server.logged("mail.accepted")


def limits_are_told(server):
    """Per user, per address, per listener: 421, and never a word of passwords."""
    def refused(answer):
        assert answer.startswith(b"421") and b"too many" in answer.lower(), answer
        assert b"password" not in answer.lower() and b"4.7.0" in answer, answer

    sessions = [Session(server, "limited", login=b"alice") for _ in range(2)]
    third = Session(server, "limited")
    refused(third.ask(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0secret")))
    assert third.file.readline() == b""
    sessions.append(Session(server, "limited", login=b"bob"))
    sessions.append(Session(server, "limited"))
    for _ in range(2):
        sock = server.connect("limited")
        refused(sock.makefile("rb").readline())
        sock.close()
    sock = server.connect("full")
    assert sock.recv(4096).startswith(b"+OK")
    other = server.connect("full").makefile("rb").read()
    assert b"-ERR [SYS/TEMP]" in other and b"too many" in other.lower(), other
    assert b"[AUTH]" not in other, other
    server.wait_log("limit.reached", limit="user", listener="limited")
    server.wait_log("limit.reached", limit="listener", listener="full")
    metrics = server.posternctl("metrics").stdout  # the log tells one a second
    for limit, count in (("user", 1), ("address", 2), ("listener", 1)):
        assert 'postern_turned_away_total{limit="%s"} %d' % (limit, count) in metrics, metrics
    for session in sessions:
        session.close()


def main():
    changes = {"listener limited": {
        "protocol": "smtp", "kind": "submission", "address": "auto", "cleartext_login": True,
        "max_connections_per_user": 2, "max_connections_per_address": 4},
               "listener full": {"protocol": "pop3", "address": "auto", "max_connections": 1}}
    with postern.mail_server(users={"alice": "secret", "bob": "secret"}, changes=changes) as server:
        for part in (nothing_is_relayed, nobody_sends_without_login, nothing_arrived,
                     limits_are_told):
            part(server)
            print("ok ", part.__name__)


if __name__ == "__main__":
    main()
