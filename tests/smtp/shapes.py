#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mail of every shape by SMTP and LMTP, with DATA and BDAT, in clear, after STARTTLS and over
implicit TLS, fetched by POP3: octet for octet what was sent, but for the trace fields."""

import os
import poplib
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus
import postern

poplib._MAXLINE = 40_000_000
STORE = sys.argv[1] if len(sys.argv) > 1 else "memory"
BIG = 25_000_000


class Smtp:
    """Octets exactly as they are; smtplib would mend line ends."""

    def __init__(self, server, listener, hello=b"EHLO test.example", tls=None):
        self.sock = server.connect(listener, tls=tls == "implicit", timeout=120)
        self.answers = self.sock.makefile("rb")
        self.reply(b"220")
        self.hello = hello
        self.ask(hello, b"250")
        if tls == "starttls":
            self.ask(b"STARTTLS", b"220")
            self.sock = server.tls_context().wrap_socket(self.sock, server_hostname="localhost")
            self.answers = self.sock.makefile("rb")
            self.ask(hello, b"250")

    def reply(self, code):
        while True:
            line = self.answers.readline()
            assert line.startswith(code), (code, line)
            if line[3:4] == b" ":
                return line

    def ask(self, line, code):
        self.sock.sendall(line + b"\r\n")
        return self.reply(code)

    def envelope(self, sender=b"far@far.example", recipient=b"alice@example.test"):
        self.sock.sendall(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n" % (sender, recipient))
        self.reply(b"250")
        self.reply(b"250")

    def data(self, octets):
        stuffed = (b"." if octets.startswith(b".") else b"") + octets.replace(b"\r\n.", b"\r\n..")
        self.ask(b"DATA", b"354")
        self.sock.sendall(stuffed + b".\r\n")
        self.reply(b"250")

    def bdat(self, octets, piece):
        pieces = [octets[at:at + piece] for at in range(0, len(octets), piece)] or [b""]
        for at, chunk in enumerate(pieces):
            last = b" LAST" if at == len(pieces) - 1 else b""
            self.sock.sendall(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
        for _ in pieces:
            self.reply(b"250")

    def close(self):
        self.ask(b"QUIT", b"221")
        self.sock.close()


def fetch(server, count):
    """The mails of alice, which are deleted."""
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=120)
    pop.user("alice")
    pop.pass_("secret")
    assert pop.stat()[0] == count, pop.stat()
    mails = []
    for number in range(1, count + 1):
        sock = pop.sock
        sock.sendall(b"RETR %d\r\n" % number)
        assert pop.file.readline().startswith(b"+OK")
        mails.append(read_mail(pop.file))
        pop.dele(number)
    pop.quit()
    return mails


def read_mail(lines):
    """Up to CRLF.CRLF, by lines that end with CRLF only."""
    got = []
    start = True
    while True:
        line = lines.readline()
        assert line, "the connection ended"
        if start and line == b".\r\n":
            return b"".join(got)
        got.append(line[1:] if start and line.startswith(b".") else line)
        start = line.endswith(b"\r\n")


def compare(server, sent):
    stored = fetch(server, len(sent))
    for (name, octets), mail in zip(sent, stored):
        if octets and not octets.endswith(b"\r\n"):
            octets += b"\r\n"
        assert corpus.as_sent(mail) == octets, "%s: %r ... is not %r ..." % (
            name, corpus.as_sent(mail)[:200], octets[:200])


def main():
    everything = list(corpus.messages(BIG))
    small = [item for item in everything if len(item[1]) < 200_000]
    login = b"AUTH PLAIN AGFsaWNlAHNlY3JldA=="
    with postern.mail_server(store=STORE) as server:
        for listener, tls in (("smtp", None), ("lmtp", None), ("lmtp-unix", None)):
            hello = b"LHLO t" if listener.startswith("lmtp") else b"EHLO t"
            session = Smtp(server, listener, hello)
            mails = everything if listener != "lmtp-unix" else small
            for _, octets in mails:
                session.envelope()
                session.data(octets)
            session.close()
            compare(server, mails)
            print("DATA", listener, len(mails), "mails")
        for listener, tls in (("submission", "starttls"), ("submissions", "implicit")):
            session = Smtp(server, listener, tls=tls)
            session.ask(login, b"235")
            for _, octets in everything:
                session.envelope(b"alice@example.test")
                session.data(octets)
            session.close()
            compare(server, everything)
            print("DATA", listener, tls, len(everything), "mails")
        for listener, tls in (("smtp", None), ("smtp", "starttls")):
            session = Smtp(server, listener, tls=tls)
            extra = [("no line end", b"Subject: x\r\n\r\nno line end"), ("empty", b""),
                     ("dots", b"a\r\n.\r\nb\r\n..\r\n.\r")]
            for piece in (100_000, 7):
                mails = (everything if piece > 7 else small[:12]) + extra
                for _, octets in mails:
                    session.envelope()
                    session.bdat(octets, piece)
                compare(server, mails)
                print("BDAT", listener, tls, "chunks of", piece)
            session.close()


main()
