# SPDX-License-Identifier: Apache-2.0
"""All ways to log in over POP3, with the real auth and directory: names in their forms, AUTH with
and without initial response, APOP; and what is not base64 is not taken for it."""

import base64
import os
import poplib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402


class Raw:
    def __init__(self, server, listener="pop3"):
        self.sock = server.connect(listener)
        self.file = self.sock.makefile("rb")
        self.greeting = self.file.readline()
        assert self.greeting.startswith(b"+OK")

    def say(self, line):
        self.sock.sendall(line + b"\r\n")
        return self.file.readline()

    def close(self):
        self.sock.close()


def is_alice(raw):
    answer = raw.say(b"STAT")
    assert answer.startswith(b"+OK 1 "), answer
    assert raw.say(b"QUIT").startswith(b"+OK")
    raw.close()


def names(server):
    for name in ("alice", "ALICE", "alice@example.test", "EXAMPLE\\alice", "EXAMPLE/alice",
                 "EXAMPLE/alice/alice"):
        pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
        pop.user(name)
        pop.pass_("secret")
        assert pop.stat()[0] == 1, name
        pop.quit()


def plain(server):
    good = base64.b64encode(b"\0alice\0secret")
    raw = Raw(server)
    assert raw.say(b"AUTH PLAIN " + good).startswith(b"+OK 1 ")
    is_alice(raw)
    raw = Raw(server)
    assert raw.say(b"auth plain") == b"+ \r\n"
    assert raw.say(good).startswith(b"+OK 1 ")
    is_alice(raw)
    raw = Raw(server)
    assert raw.say(b"AUTH PLAIN").startswith(b"+")
    assert raw.say(b"*").startswith(b"-ERR")
    assert raw.say(b"AUTH PLAIN " + good).startswith(b"+OK 1 ")
    is_alice(raw)


def not_base64(server):
    for response in (b"AGFsaWNl!", b"=", b"A", b"AGFsaWNlAHNlY3JldA", b"\xff\xfe", b"A===",
                     base64.b64encode(b"alice"), base64.b64encode(b"\0\0\0\0\0")):
        raw = Raw(server)
        answer = raw.say(b"AUTH PLAIN " + response)
        assert answer.startswith(b"-ERR"), (response, answer)
        assert raw.say(b"CAPA").startswith(b"+OK")  # goes on
        raw.close()


def apop(server):
    pop = poplib.POP3("127.0.0.1", server.port("apop"), timeout=30)
    pop.apop("alice", "secret")
    assert pop.stat()[0] == 1
    pop.quit()
    pop = poplib.POP3("127.0.0.1", server.port("apop"), timeout=30)
    try:
        pop.apop("alice", "wrong")
        raise AssertionError("a wrong digest was taken")
    except poplib.error_proto as error:
        assert error.args[0].startswith(b"-ERR [AUTH]"), error
    pop.close()
    assert b"<" not in Raw(server).greeting
    stamps = {re.search(rb"<[^>]+@[^>]+>", Raw(server, "apop").greeting).group() for _ in range(5)}
    assert len(stamps) == 5


def main():
    changes = {"plugin directory-file": {"nt_domains": "EXAMPLE"},
               "listener apop": {"protocol": "pop3", "address": "auto", "apop": True,
                                 "cleartext_login": True}}
    with postern.mail_server(changes=changes) as server:
        corpus.deliver(server, "alice@example.test", [b"Subject: x\r\n\r\nx\r\n"])
        names(server)
        plain(server)
        not_base64(server)
        apop(server)


if __name__ == "__main__":
    main()
