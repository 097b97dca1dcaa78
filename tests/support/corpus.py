# SPDX-License-Identifier: Apache-2.0
"""corpus.py - mail of every shape, as octets with CRLF, for tests that compare octet for octet.

    for name, octets in corpus.messages(): ...

All of it is made here, the same in every run. A NUL, a bare CR or a bare LF is kept by the server;
what looks like a forged end of data is not among these.
"""

import base64
import random
import socket


def _lines(*lines):
    return b"".join(line + b"\r\n" for line in lines)


def _head(subject, *more):
    return _lines(b"From: Sender <sender@example.test>", b"To: Recipient <alice@example.test>",
                  b"Subject: " + subject, b"Date: Sat, 21 Nov 2026 12:00:00 +0000",
                  b"Message-ID: <" + subject.replace(b" ", b".") + b"@example.test>", *more)


def _base64_lines(octets):
    text = base64.b64encode(octets)
    return b"".join(text[at:at + 76] + b"\r\n" for at in range(0, len(text), 76))


def attachment(size):
    """A multipart mail with an attachment of `size` octets."""
    octets = random.Random(size).randbytes(size)
    return (_head(b"attachment %d" % size, b"MIME-Version: 1.0",
                  b'Content-Type: multipart/mixed; boundary="part"')
            + _lines(b"", b"--part", b"Content-Type: text/plain", b"", b"See attachment.", b"--part",
                     b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: base64",
                     b'Content-Disposition: attachment; filename="data.bin"', b"")
            + _base64_lines(octets) + _lines(b"--part--"))


def messages(big=25_000_000):
    """(name, octets) of each; `big` is the size of the largest attachment's mail, 0 for none."""
    yield "plain", _head(b"plain") + _lines(b"", b"Hello.")
    yield "dots", _head(b"dots") + _lines(b"", b".", b"..", b".hidden", b"a.b", b"...", b".")
    yield "empty body", _head(b"empty body") + b"\r\n"
    yield "no body", _head(b"no body")
    yield "no header", b"\r\nThere is no header at all.\r\n"
    yield "not a header", b"this is not a header\r\nnor is this\r\n"
    yield "one empty line", b"\r\n"
    yield "multipart", _head(b"multipart", b"MIME-Version: 1.0",
                             b"Content-Type: multipart/alternative; boundary=b1") + _lines(
        b"", b"preamble", b"--b1", b"Content-Type: text/plain; charset=utf-8", b"",
        "Grüße".encode(), b"--b1", b"Content-Type: text/html", b"", b"<p>Gr&uuml;&szlig;e</p>",
        b"--b1--", b"epilogue")
    inner = _head(b"inner", b"MIME-Version: 1.0", b"Content-Type: multipart/mixed; boundary=i") \
        + _lines(b"", b"--i", b"", b"text", b"--i--")
    yield "nested", _head(b"nested", b"MIME-Version: 1.0",
                          b"Content-Type: multipart/mixed; boundary=o") + _lines(
        b"", b"--o", b"Content-Type: message/rfc822", b"") + inner + _lines(b"--o--")
    yield "8-bit", _head(b"8-bit", b"Content-Transfer-Encoding: 8bit") + _lines(
        b"", bytes(octet for octet in range(128, 256)))
    yield "utf-8 header", _head("Grüße aus Köln 日本".encode()) + _lines(b"", b"x")
    yield "folded header", _head(b"folded", b"X-Long: " + b"word " * 10 + b"\r\n\tand\r\n more") \
        + _lines(b"", b"x")
    yield "long line", _head(b"long line") + _lines(b"", b"x" * 1_000_000, b".y", b"z" * 4095)
    yield "long header", _head(b"long header", b"X-Long: " + b"y" * 100_000) + _lines(b"", b"x")
    yield "NUL octets", _head(b"NUL octets") + _lines(b"", b"a\0b", b"\0\0\0", b".\0")
    yield "bare CR", _head(b"bare CR") + _lines(b"", b"a\rb", b"c\r\rd")
    yield "bare LF", _head(b"bare LF") + _lines(b"", b"a\nb", b"c\n\nd")
    yield "many lines", _head(b"many lines") + _lines(b"", *[b""] * 20_000)
    for edge in (1023, 1024, 4096, 16383, 16384, 65535, 65536, 65537, 1048576, 1048577):
        start = _head(b"edge %d" % edge) + b"\r\n"
        yield f"{edge} octets", start + b"f" * (edge - len(start) - 2) + b"\r\n"
    if big:
        yield "big attachment", attachment(big * 57 // 78)


def deliver(server, address, mails):
    """Delivers octets exactly as they are over LMTP; smtplib would mend line ends."""
    with socket.create_connection(("127.0.0.1", server.port("lmtp")), 60) as sock:
        answers = sock.makefile("rb")

        def ask(octets, code):
            sock.sendall(octets)
            while True:
                line = answers.readline()
                assert line.startswith(code), line
                if line[3:4] == b" ":
                    return

        ask(b"", b"220")
        ask(b"LHLO corpus\r\n", b"250")
        for octets in mails:
            ask(b"MAIL FROM:<sender@example.test>\r\n", b"250")
            ask(b"RCPT TO:<%s>\r\n" % address.encode(), b"250")
            ask(b"DATA\r\n", b"354")
            stuffed = octets.replace(b"\r\n.", b"\r\n..")
            ask((b"." if octets.startswith(b".") else b"") + stuffed + b".\r\n", b"250")


def as_sent(octets):
    """A stored mail without the trace fields that delivery put before it."""
    lines = octets.split(b"\r\n")
    at = 0
    for field in (b"Return-Path:", b"Received:"):
        assert lines[at].startswith(field), lines[at]
        at += 1
        while lines[at][:1] in (b" ", b"\t"):
            at += 1
    return b"\r\n".join(lines[at:])
