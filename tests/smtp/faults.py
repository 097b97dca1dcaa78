#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the middle of a mail: the connection or TLS ends, a dot is smuggled, limits
are reached.  Nothing half is stored, and the server goes on."""

import os
import poplib
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

STORE = sys.argv[1] if len(sys.argv) > 1 else "memory"


def count(server):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=60)
    pop.user("alice")
    pop.pass_("secret")
    number = pop.stat()[0]
    pop.quit()
    return number


class Session:
    def __init__(self, server, listener, tls=False):
        self.sock = server.connect(listener, tls=tls, timeout=60)
        self.answers = self.sock.makefile("rb")
        self.reply(b"220")

    def reply(self, code):
        while True:
            line = self.answers.readline()
            assert line.startswith(code), (code, line)
            if line[3:4] == b" ":
                return line

    def ask(self, line, code):
        self.sock.sendall(line + b"\r\n")
        return self.reply(code)

    def begin(self, login=False):
        self.ask(b"EHLO t", b"250")
        sender = b"far@far.example"
        if login:
            self.ask(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"235")
            sender = b"alice@example.test"
        self.ask(b"MAIL FROM:<%s>" % sender, b"250")
        self.ask(b"RCPT TO:<alice@example.test>", b"250")


def broken_off(server):
    for how in ("fin", "reset", "tls without goodbye"):
        for verb, start in ((b"DATA", b"Subject: x\r\n\r\nhalf\r\n"),
                            (b"BDAT 1000 LAST", b"Subject: x\r\n\r\nhalf\r\n"),
                            (b"BDAT 5", b"abcde"), (b"DATA", b"x" * 300_000), (b"DATA", b"x\r\n.")):
            tls = how.startswith("tls")
            session = Session(server, "submissions" if tls else "smtp", tls)
            session.begin(tls)
            session.sock.sendall(verb + b"\r\n")
            if verb == b"DATA":
                session.reply(b"354")
            session.sock.sendall(start)
            time.sleep(0.02)
            raw = session.sock
            if how == "reset":
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how == "fin":
                raw.shutdown(socket.SHUT_WR)
                rest = raw.recv(1000)
                assert b"250 2.6" not in rest, rest
            session.answers.close()
            if tls: # the descriptor goes, without close_notify
                os.close(raw.detach())
            else:
                raw.close()
    time.sleep(0.2)
    assert count(server) == 0


def smuggled(server):
    for dot in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"):
        session = Session(server, "smtp")
        session.begin()
        session.ask(b"DATA", b"354")
        session.sock.sendall(b"Subject: x\r\n\r\nx" + dot + b"MAIL FROM:<a@b.c>\r\n"
                             b"RCPT TO:<alice@example.test>\r\nDATA\r\nSubject: evil\r\n\r\n.\r\n")
        session.reply(b"550 5.6.11")
        session.ask(b"NOOP", b"250")
        session.sock.close()
    # A client that believes it is done hears of it, and the connection ends.
    session = Session(server, "smtp")
    session.begin()
    session.ask(b"DATA", b"354")
    started = time.monotonic()
    session.sock.sendall(b"Subject: x\n\nx\n.\n")
    session.reply(b"550 5.6.11")
    assert 4 < time.monotonic() - started < 30
    assert session.answers.read() == b""
    assert count(server) == 0


def limits(server):
    session = Session(server, "limited")
    session.begin()
    session.ask(b"DATA", b"354")
    session.sock.sendall(b"x" * 3_000_000 + b"\r\n.\r\n")
    session.reply(b"552 5.3.4")
    session.ask(b"MAIL FROM:<a@b.c> SIZE=1000001", b"552 5.3.4")
    session.ask(b"MAIL FROM:<a@b.c>", b"250")
    for _ in range(3):
        session.ask(b"RCPT TO:<alice@example.test>", b"250")
    session.ask(b"RCPT TO:<alice@example.test>", b"452 4.5.3")
    session.ask(b"BDAT 2000000 LAST\r\n" + b"y" * 2_000_000, b"552 5.3.4")
    session.sock.sendall(b"WHAT\r\n" * 11)
    said = session.answers.read().splitlines()
    assert 5 < len(said) <= 12 and said[-1].startswith(b"421"), said
    assert count(server) == 0


def at_once(server):
    """Ten thousand commands in one write, and whole mails behind each other."""
    session = Session(server, "smtp")
    session.sock.sendall(b"NOOP\r\n" * 10_000 + b"EHLO t\r\n")
    for _ in range(10_000):
        session.reply(b"250")
    session.reply(b"250")
    session = Session(server, "lmtp")
    session.ask(b"LHLO t", b"250")
    for _ in range(100):
        session.sock.sendall(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
                             b"Subject: x\r\n\r\nx\r\n.\r\n")
        for code in (b"250", b"250", b"354", b"250"):
            session.reply(code)
    assert count(server) == 100


def main():
    limited = {"listener limited": {"protocol": "smtp", "kind": "receive", "address": "auto",
                                    "max_message": "1M", "max_recipients": 3, "max_errors": 10}}
    with postern.mail_server(store=STORE, changes=limited) as server:
        for part in (broken_off, smuggled, limits, at_once):
            part(server)
            print(part.__name__)


main()
