# SPDX-License-Identifier: Apache-2.0
"""Whatever clients say - names, domains, addresses with line ends, escapes, quotes and octets that
are no text - a line of the log stays a line, no event is forged, and no secret is written down."""

import base64
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

FORGED = "login.success"
NASTY = (
    b'alice\n{"time":"x","level":"info","event":"%s","account":"root"}' % FORGED.encode(),
    b"alice\r\n2026-11-21 21:04:31.123 info    login.success account=root",
    b"alice\x1b[2J\x1b[31mred", b"a\x07\x08\x7f\x85\x9b", "a\u202eb\u2028c\ufeff".encode(),
    b'a" account="root', b"a account=root event=" + FORGED.encode(), b"\xff\xfe\xc0\xaf",
    b"a" * 60000, b"a\\n\\u000a", b"%s%n%x" * 20,
)
SECRET = b"very-secret-word"


def plain(name):
    return base64.b64encode(b"\0" + name + b"\0" + SECRET)


def talk(server, listener, lines):
    sock = server.connect(listener)
    sock.settimeout(30)
    try:
        for line in lines:
            sock.sendall(line + b"\r\n")
            sock.recv(4096)
    except (OSError, socket.timeout):
        pass  # to be sent away is an answer too
    sock.close()


def say_everything(server):
    for name in NASTY:
        folded = name.replace(b"\r", b"\n").split(b"\n")
        talk(server, "pop3", [b"USER " + name[:40], b"PASS " + SECRET, b"AUTH PLAIN " + plain(name)])
        talk(server, "pop3", [b"USER " + line for line in folded])
        talk(server, "submission", [b"EHLO " + name, b"EHLO t", b"AUTH PLAIN " + plain(name),
                                    b"AUTH LOGIN", base64.b64encode(name),
                                    base64.b64encode(SECRET)])
        talk(server, "smtp", [b"EHLO " + name, b"EHLO t", b"MAIL FROM:<" + name + b">",
                              b"MAIL FROM:<\"" + name[:40] + b"\"@far.example> SMTPUTF8",
                              b"MAIL FROM:<a@b.c>", b"RCPT TO:<" + name + b"@example.test>",
                              b'RCPT TO:<"' + name[:40] + b'"@far.example>', b"QUIT"])


def lines_are_whole(server):
    """The harness reads JSON: what is not one object a line is kept as text."""
    time.sleep(0.5)
    assert len(server.log) > 50, "the test saw nothing"
    for line, raw in zip(server.log, server.raw_log):
        assert line.get("event") and line.get("time") and line.get("level"), raw
        assert line.get("account") != "root", raw
        assert len(raw) <= 8192 + 200, len(raw)
        for character in raw:
            assert character >= " " and character not in "\x7f\u2028\u2029\u202e\u0085\u009b", raw
    assert not server.logged(FORGED)
    assert server.logged("login.failure")
    text = "\n".join(server.raw_log)
    assert SECRET.decode() not in text
    assert base64.b64encode(SECRET).decode() not in text


def text_form(server):
    """The form for people: each line begins with a time, has a level, and nothing moves a cursor."""
    path = os.path.join(server.directory, "text.log")
    server.configure({"server": {"log": "text", "log_file": path}})
    server.restart()
    say_everything(server)
    time.sleep(0.5)
    with open(path, "rb") as log:
        octets = log.read()
    octets.decode("utf-8")  # or it is not text
    lines = octets.split(b"\n")[:-1]
    assert len(lines) > 50, lines
    for line in lines:
        words = line.split(None, 4)
        assert words[0][:2] == b"20" and words[0][4:5] == b"-", line
        assert words[2] in (b"debug", b"info", b"notice", b"warning", b"error"), line
        assert all(octet >= 0x20 and octet != 0x7f for octet in line), line
        assert words[3] != FORGED.encode(), line
        assert b" account=root" not in re.sub(rb'"(\\.|[^"\\])*"', b'""', line), line
    assert SECRET not in octets


def main():
    with postern.mail_server() as server:
        say_everything(server)
        lines_are_whole(server)
        text_form(server)


if __name__ == "__main__":
    main()
