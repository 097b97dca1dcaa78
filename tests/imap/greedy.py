# SPDX-License-Identifier: Apache-2.0
"""greedy.py - commands that ask for more than anybody needs: endless lists of names, entries, sets, items,
literals. Each has an answer soon, the server stays small, and what is refused is not taken for commands.

    tests/imap/greedy.py [memory|kyoto]"""

import os
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import postern  # noqa: E402

SECONDS = 20 * postern.SLOW  # for one of them, on the busiest machine: what is quadratic takes minutes
# The server may grow by, all in all; sanitizers keep what is freed.
MEGABYTES = 64 if postern.SLOW == 1 else 512
MESSAGES = 300


def commands():
    """(name, octets without the tag, how the answer begins)"""
    names = [b"n%x" % i for i in range(4_000)]
    yield "NOTIFY", b"NOTIFY SET (mailboxes (%s) (MessageNew MessageExpunge))" % b" ".join(names), b"BAD"
    yield "ESEARCH", b"ESEARCH IN (mailboxes (%s)) ALL" % b" ".join(names), b"BAD"
    yield "GETMETADATA", b'GETMETADATA "" (%s)' % b" ".join(b"/private/" + n for n in names), b"BAD"
    yield "LIST METADATA", b'LIST "" * RETURN (METADATA (%s))' \
        % b" ".join(b"/private/" + n for n in names), b"BAD"
    yield "FETCH ANNOTATION", b"FETCH 1 (ANNOTATION ((%s) value))" % b" ".join(b"/" + n for n in names), b"BAD"
    yield "STORE ANNOTATION", b"STORE 1:* ANNOTATION (%s)" \
        % b" ".join(b'/%s (value.priv "x")' % n for n in names[:2_500]), b"BAD"
    yield "FETCH items", b"FETCH 1:* (%s)" % b" ".join([b"BODY.PEEK[HEADER]"] * 3_000), b"BAD"
    yield "FETCH much", b"FETCH 1:100 (%s)" % b" ".join([b"BODY.PEEK[]"] * 900), b"OK"
    yield "FETCH of one", b"FETCH %d (%s)" % (MESSAGES + 1, b" ".join([b"BODY.PEEK[TEXT]"] * 900)), b"OK"
    yield "CONVERT items", b'CONVERT 1 ("text/plain") (%s)' % b" ".join([b"BINARY[1]"] * 3_000), b"BAD"
    yield "COMPARATOR", b"COMPARATOR" + b" *a*a*a*a*a*a*" * 2_000, b"BAD"
    yield "SEARCH sets", b"SEARCH %s" % b" ".join([b"1:*"] * 1900), b"BAD"
    yield "SEARCH one set", b"SEARCH %s" % b",".join(b"%d" % i for i in range(1, MESSAGES, 2)), b"OK"
    yield "SEARCH keys", b"SEARCH NOT (%s)" % b" ".join([b"OR SEEN NOT SEEN"] * 450), b"OK"
    yield "SEARCH UIDs", b"SEARCH %s" % b" ".join(b"UID 1,%d" % i for i in range(2, 1900)), b"OK"
    yield "LIST patterns", b'LIST "" (%s)' % b" ".join([b"*%*%*%*%"] * 900), b"OK"
    yield "FETCH set", b"UID FETCH %s FLAGS" % b",".join(b"%d" % i for i in range(1, 20_000, 2)), b"OK"
    yield "one literal after the other", \
        b"APPEND INBOX ANNOTATION (" + b" ".join(b'/a%d (value.priv {1+}\r\nx)' % i for i in range(900)) \
        + b") {1+}\r\nx", b"BAD"
    yield "many messages", \
        b"APPEND INBOX" + b"".join(b' ANNOTATION (/a (value.priv "%s")) {3+}\r\nx\r\n' % (b"v" * 9_000)
                                  for _ in range(600)), b"NO [LIMIT]"
    yield "a line without end", b"NOOP " + b"x" * 2_000_000, b""


class Client:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port("imap")), timeout=60)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.tags = 0
        assert self.ask(b"LOGIN alice secret").startswith(b"OK")

    def ask(self, octets):
        """What is said to it, behind the tag; b"" where the line was too long for one."""
        self.tags += 1
        tag = b"g%d " % self.tags
        self.socket.sendall(tag + octets + b"\r\n")
        while line := self.file.readline():
            if line.startswith(tag):
                return line[len(tag):]
            if line.startswith(b"* BAD"):
                return b""
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                self.file.read(int(literal[1]))
        raise EOFError


def size_of(worker):
    with open("/proc/%s/status" % worker) as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def lost_literal(server):
    """The octets of a literal behind a line that is too long are no commands."""
    with socket.create_connection(("127.0.0.1", server.port("imap")), timeout=20) as client:
        client.sendall(b"a LOGIN " + b"x" * 100_000 + b" {18+}\r\nb LOGIN alice x\r\n\r\nc NOOP\r\n")
        said = b""
        while more := client.recv(65536):
            said += more
    assert b"\r\nb " not in said and b"\r\nc " not in said and b"* BYE" in said, said


def main():
    store = sys.argv[1] if len(sys.argv) > 1 else "kyoto"
    wrong = 0
    with postern.mail_server(store, {"alice": "secret"}) as server:
        client = Client(server)
        mail = b"Subject: x\r\n\r\n" + b"y" * 2000 + b"\r\n"
        for _ in range(MESSAGES):
            client.ask(b"APPEND INBOX {%d+}\r\n%s" % (len(mail), mail))
        mail = b"Subject: x\r\n\r\n" + b"z" * 60_000 + b"\r\n"
        client.ask(b"APPEND INBOX {%d+}\r\n%s" % (len(mail), mail))
        client.ask(b"SELECT INBOX")
        start = size_of(server.worker_pid)
        for name, octets, wanted in commands():
            began = time.monotonic()
            answer = client.ask(octets)
            took = time.monotonic() - began
            if not answer.startswith(wanted) or took > SECONDS:
                print("%s: %.1f s: %r" % (name, took, answer[:100]), flush=True)
                wrong += 1
            assert client.ask(b"NOOP").startswith(b"OK"), name
        grown = size_of(server.worker_pid) - start
        if grown > MEGABYTES:
            print("the server grew by %d MB" % grown)
            wrong += 1
        lost_literal(server)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
