#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flags_back.py [memory|kyoto] - flags that are shown by an answer and set back by somebody else before it
ends are told again.

A fetches a mail, which marks it \\Seen, and does not read on; B takes \\Seen away. Now the flags are those
that A was told before the command, but the answer has shown others: A must hear of it (RFC 9051 section
7.5.2), be it before the tagged response or with the next command."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

SIZE = 16 << 20  # more than the buffers between server and client hold
LINE = b"x" * 998 + b"\r\n"


class Client:
    """Keeps the flags of message 1 as it was told last."""

    def __init__(self, server, buffer=0):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(60 * postern.SLOW)
        self.socket.connect(("127.0.0.1", server.port("imap")))
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.flags, self.told = None, 0
        self.do(b"LOGIN alice secret")

    def say(self, command):
        self.socket.sendall(b"t " + command + b"\r\n")

    def hear(self):
        while True:
            line = self.file.readline()
            assert line, "the connection ended"
            if literal := re.search(rb"\{(\d+)\}\r\n$", line):
                self.file.read(int(literal[1]))
            if flags := re.match(rb"(?:\* 1 FETCH \(| )FLAGS \(([^)]*)\)", line):  # or behind the body
                self.flags = set(flags[1].split()) - {b"\\Recent"}
                self.told += 1
            if line.startswith(b"t "):
                assert line.startswith(b"t OK"), line
                return

    def do(self, command):
        self.say(command)
        self.hear()


def main():
    store = sys.argv[1] if len(sys.argv) > 1 else "memory"
    with postern.mail_server(store=store) as server:
        slow, other = Client(server, 4096), Client(server)
        mail = b"Subject: long\r\n\r\n" + LINE * (SIZE // len(LINE))
        other.do(b"APPEND INBOX {%d+}\r\n%s" % (len(mail), mail))
        slow.do(b"SELECT INBOX")
        other.do(b"SELECT INBOX")
        for enable in (b"NOOP", b"FETCH 1 (MODSEQ)"):  # the other enables CONDSTORE
            slow.do(enable)
            told = slow.told
            slow.say(b"FETCH 1 (BODY[])")
            deadline = time.monotonic() + 60 * postern.SLOW
            while b"\\Seen" not in (other.flags or set()):
                assert time.monotonic() < deadline, "the mail is not marked as seen"
                other.do(b"FETCH 1 (FLAGS)")
            other.do(b"STORE 1 -FLAGS (\\Seen)")
            slow.hear()
            assert slow.told > told, "the fetch has not told of \\Seen: the test proves nothing"
            slow.do(b"NOOP")
            assert slow.flags == other.flags == set(), \
                "told %s, but they are %s" % (slow.flags, other.flags)
    print("flags that were set back during an answer are told")


if __name__ == "__main__":
    main()
