#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SASL as POP3 (RFC 5034), IMAP4 (RFC 9051, RFC 4959) and submission (RFC 4954) frame it, by a login
plugin that says what it is told: initial responses, "=", empty challenges, "*", long lines, what is
not base64, data with success; and what each status is answered with."""

import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import postern  # noqa: E402

LINE_MAX = 64 * 1024  # with CRLF
# The number of the status, and what each protocol says to it.
ANSWERS = (
    # name               number  POP3                IMAP4                           submission
    ("AUTHENTICATION",     -5, "-ERR [AUTH] ",     "NO [AUTHENTICATIONFAILED] ",   "535 5.7.8 "),
    ("NOT_FOUND",          -2, "-ERR [AUTH] ",     "NO [AUTHENTICATIONFAILED] ",   "535 5.7.8 "),
    ("INVALID",            -1, "-ERR malformed",   "BAD malformed",                "501 5.5.2 "),
    ("DENIED",             -4, "-ERR [SYS/PERM] ", "NO [PRIVACYREQUIRED] ",        "538 5.7.11 "),
    ("UNSUPPORTED",       -10, "-ERR this mech",   "NO [CANNOT] ",                 "504 5.5.4 "),
    ("PASSWORD_EXPIRED",  -12, "-ERR [AUTH] ",     "NO [EXPIRED] ",                "535 5.7.8 "),
    ("DISABLED",          -13, "-ERR [SYS/PERM] ", "NO [CONTACTADMIN] ",           "535 5.7.8 "),
    ("PROTOCOL_OFF",      -14, "-ERR [SYS/PERM] ", "NO [CONTACTADMIN] ",           "535 5.7.8 "),
    ("TOO_MANY",          -15, "-ERR [SYS/TEMP] ", "NO [LIMIT] ",                  "454 4.7.0 "),
    ("TEMPORARY",        -100, "-ERR [SYS/TEMP] ", "NO [UNAVAILABLE] ",            "454 4.7.0 "),
    ("CORRUPT",          -101, "-ERR [SYS/PERM] ", "NO [CONTACTADMIN] ",           "454 4.3.5 "),
    ("NO_MEMORY",        -102, "-ERR [SYS/TEMP] ", "NO [UNAVAILABLE] ",            "454 4.7.0 "),
    ("OUTCOME_UNKNOWN",  -104, "-ERR [SYS/TEMP] ", "NO [UNAVAILABLE] ",            "454 4.7.0 "),
    ("ELSEWHERE",        -105, "-ERR [SYS/PERM] ", "NO ",                          "454 4.7.0 "),
)
WRONG = {"pop": "-ERR ", "imap": "BAD ", "smtp": "501 5.5.2 "}  # not base64
GIVEN_UP = {"pop": "-ERR authentication given up", "imap": "BAD authentication given up",
            "smtp": "501 5.7.0 "}
TOO_LONG = {"pop": "-ERR ", "imap": "BAD ", "smtp": "500 5.5.6 "}
NOT_BASE64 = (b"?", b"A", b"AA", b"AAA", b"AA=A", b"A===", b"====", b"AAAA AAAA", b" AAAA", b"AAAA ",
              b"**", b"\xff\xfe\x00", b"AAB=", b"AB==", b"AAAA=", b"AA==AAAA", b"QQ==\x00", b"A-_A")


def every(test):
    """Runs a test in each protocol; the name of it tells which failed."""
    def run():
        for protocol in dialogue.PROTOCOLS:
            try:
                test(protocol)
            except AssertionError:
                print("in", protocol, file=sys.stderr)
                raise
    run.__name__ = test.__name__
    return run


def open_client(protocol):
    return dialogue.open(protocol, server)


@every
def statuses(protocol):
    column = 2 + dialogue.PROTOCOLS.index(protocol)
    for row in ANSWERS:
        asked = b"status:%d" % row[1]
        texts = set()
        for initial in (asked, None):
            with open_client(protocol) as client:
                answer = client.authenticate("PARROT", initial)
                if initial is None:
                    assert answer.challenge == b"", answer
                    answer = client.respond(asked)
                assert answer.challenge is None and answer.text.startswith(row[column]), (row, answer)
                assert client.serves(), row
                texts.add(answer.text)
                assert client.authenticate("PARROT", b"end:").good, row
        if protocol != "smtp":
            with open_client(protocol) as client:
                answer = client.password(asked, b"secret")
                texts.add(answer.text)
                assert client.serves(), row
        assert len(texts) == 1, texts  # one answer, however it was asked


@every
def initial_responses(protocol):
    with open_client(protocol) as client:
        assert client.authenticate("PARROT").challenge == b""
        assert client.respond(b"abc").challenge == b"abc"
        assert client.respond(b"").challenge == b""       # an empty line is an empty response
        assert client.respond(b"\0\xff\r\n").challenge == b"\0\xff\r\n"
        assert client.respond(b"end:").good
    with open_client(protocol) as client:
        assert client.authenticate("parrot", b"abc").challenge == b"abc"
        assert client.respond(b"end:").good
    with open_client(protocol) as client:
        assert client.authenticate("PARROT", b"").challenge == b""  # "="
        assert client.respond(b"end:").good


@every
def data_with_success(protocol):
    with open_client(protocol) as client:
        assert client.authenticate("PARROT", b"end:well done").challenge == b"well done"
        assert client.respond(b"").good
    with open_client(protocol) as client:
        assert client.authenticate("PARROT", b"end:well done").challenge == b"well done"
        assert client.respond(None).text.startswith(GIVEN_UP[protocol])
        assert client.authenticate("PARROT", b"end:well done").challenge == b"well done"
        assert not client.respond(b"more").good
        assert client.authenticate("PARROT", b"end:").good


@every
def giving_up(protocol):
    with open_client(protocol) as client:
        for _ in range(5):
            assert client.authenticate("PARROT").challenge == b""
            answer = client.respond(None)
            assert answer.text.startswith(GIVEN_UP[protocol]), answer
        assert client.authenticate("PARROT", b"end:").good


@every
def not_base64(protocol):
    with open_client(protocol) as other:  # whose exchange goes on beside all that
        assert other.authenticate("PARROT", b"mine").challenge == b"mine"
        for line in NOT_BASE64:
            with open_client(protocol) as client:
                assert client.authenticate("PARROT").challenge == b""
                answer = client.respond_raw(line)
                assert answer.text.startswith(WRONG[protocol]), (line, answer)
                assert client.serves(), line
                assert client.authenticate("PARROT", b"end:").good, line
        assert other.respond(b"still mine").challenge == b"still mine"
        assert other.respond(b"end:").good


@every
def long_lines(protocol):
    """As a response and as an initial one: tickets of 1.9 kB, the 12288 octets of RFC 4954, tokens
    of 16 kB, and the longest."""
    command = {"pop": 12, "imap": 23, "smtp": 12}[protocol]  # "a1 AUTHENTICATE PARROT "
    for size in (1425, 9214, 16384, 32768, (LINE_MAX - 2) // 4 * 3):
        octets = bytes(i * 7 & 255 for i in range(size))
        with open_client(protocol) as client:
            assert client.authenticate("PARROT").challenge == b""
            assert client.respond(octets).challenge == octets, size
            assert client.respond(b"end:").good
    for size in (1425, 9214, 16384, 32768, (LINE_MAX - 2 - command) // 4 * 3):
        octets = bytes(i * 7 & 255 for i in range(size))
        with open_client(protocol) as client:
            assert client.authenticate("PARROT", octets).challenge == octets, size
            assert client.respond(b"end:").good


@every
def too_long_lines(protocol):
    """They are thrown away to their end, and hurt nobody else."""
    with open_client(protocol) as other:
        assert other.authenticate("PARROT", b"mine").challenge == b"mine"
        for size in (LINE_MAX, 300_000, 3_000_000):
            with open_client(protocol) as client:
                assert client.authenticate("PARROT").challenge == b""
                answer = client.respond_raw(b"A" * size)
                assert answer.text.startswith(TOO_LONG[protocol]), answer
                assert client.serves()
                client.sock.sendall(b"x AUTHENTICATE PARROT " if protocol == "imap"
                                    else b"AUTH PARROT ")
                client.send(b"A" * size)
                line = client.line()
                assert line.startswith(("-ERR", "* BAD", "500 5.5.6")), line
                assert client.serves()
                assert client.authenticate("PARROT", b"end:").good
        assert other.respond(b"end:").good


@every
def slowly(protocol):
    """Octet by octet, as some clients of old did."""
    with open_client(protocol) as client:
        assert client.authenticate("PARROT").challenge == b""
        for octet in base64.b64encode(b"abcdef") + b"\r\n":
            client.sock.sendall(bytes([octet]))
        assert client.answer().challenge == b"abcdef"
        assert client.respond(b"end:").good


@every
def gone_in_the_middle(protocol):
    for said in (b"", b"AAAA", b"AAAA\r"):
        with open_client(protocol) as client:
            assert client.authenticate("PARROT").challenge == b""
            client.sock.sendall(said)
    with open_client(protocol) as client:
        assert client.authenticate("PARROT", b"end:").good


def old_clients():
    """SPA as Outlook Express speaks it: AUTH alone lists what there is in POP3; it then takes "+"
    for an empty challenge. Of EHLO the oldest read only "AUTH="."""
    with open_client("pop") as client:
        client.send(b"AUTH")
        assert client.answer().good
        assert list(iter(client.line, ".")) == ["PARROT", "LOGIN", "NTLM"]
        client.send(b"AUTH PARROT")
        assert client.line() == "+ "
        assert client.respond(b"end:").good
    with open_client("smtp") as client:
        assert "AUTH PARROT LOGIN NTLM" in client.capabilities, client.capabilities
        assert "AUTH=LOGIN NTLM" in client.capabilities, client.capabilities


def bare_line_feeds():
    """POP3 and IMAP4 take them as ever; SMTP never does."""
    for protocol in dialogue.PROTOCOLS:
        with open_client(protocol) as client:
            assert client.authenticate("PARROT").challenge == b""
            client.sock.sendall(b"YWJj\n")
            answer = client.answer()
            if protocol == "smtp":
                assert answer.text.startswith("501 "), answer
            else:
                assert answer.challenge == b"abc", answer


def many_failures_end_it():
    for protocol, end in (("pop", "-ERR [AUTH] "), ("imap", "NO [AUTHENTICATIONFAILED]")):
        with open_client(protocol) as client:
            for _ in range(3):
                assert client.authenticate("PARROT", b"status:-5").text.startswith(end)
            if protocol == "imap":
                assert client.untagged[-1].startswith("* BYE ")
            assert client.at_end()


if __name__ == "__main__":
    if not postern.built("storage-memory"):
        postern.skip("storage-memory is not built")
    changes = {"plugin auth": None, "plugin parrot": {}}
    for listener in ("pop3", "imap", "submission"):
        changes["listener " + listener] = {"cleartext_login": None}
    with postern.mail_server(changes=changes) as server:
        postern.run(statuses, initial_responses, data_with_success, giving_up, not_base64, long_lines,
                    too_long_lines, slowly, gone_in_the_middle, old_clients, bare_line_feeds,
                    many_failures_end_it)
