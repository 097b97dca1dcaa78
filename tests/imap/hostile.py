# SPDX-License-Identifier: Apache-2.0
"""hostile.py - mails that nobody means well with: 100,000 header fields, 10,000 parts, 1,000 levels, headers of
10 MB, endless comments. Every item of FETCH has an answer that can be parsed, soon, searches end
soon, and the server stays small.

    tests/imap/hostile.py [memory|kyoto]"""

import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import postern  # noqa: E402
from reference import Client  # noqa: E402

ITEMS = ("ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY.PEEK[HEADER.FIELDS (From To)]",
         "BODY.PEEK[HEADER.FIELDS.NOT (From)]", "BODY.PEEK[]", "BODY.PEEK[1]", "BODY.PEEK[9999]",
         "BODY.PEEK[1.MIME]", "BINARY.PEEK[1]", "BINARY.PEEK[1]<3.1000000>", "BINARY.SIZE[1]",
         "BODY.PEEK[]<100.2000000>", "PREVIEW")
SEARCHES = ('SEARCH %d TEXT "not to be found"', 'SEARCH %d BODY "not to be found"', 'SEARCH %d SUBJECT "yyy"',
            'SEARCH %d OR FROM "zzz" HEADER Content-Type "charset=y"', "SEARCH %d SENTSINCE 1-Jan-2000",
            "SORT (SUBJECT FROM DISPLAYTO CC DATE) UTF-8 %d", "THREAD REFERENCES UTF-8 %d")
SECONDS = 20 * postern.SLOW  # for one of them, on the busiest machine: what is quadratic takes minutes
# The server may grow by, all in all; sanitizers keep what is freed.
MEGABYTES = 64 if postern.SLOW == 1 else 512


def mails():
    """(name, octets, number of the parts that BODYSTRUCTURE shows or None)"""
    yield "parts", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" \
        + b"--b\r\nContent-Type: text/plain; charset=x\r\n\r\nhello\r\n" * 20_000 + b"--b--\r\n", 9_999
    yield "levels", b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
                             for i in range(1000)) + b"\r\nx\r\n", 1
    yield "mails within mails", b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"Subject: x\r\n\r\n", None
    yield "subject", b"Subject: " + b"x" * 10_000_000 + b"\r\n\r\nbody\r\n", 1
    yield "recipients", b"To: " + b"joe@example.test,\r\n " * 500_000 + b"\r\n\r\nbody\r\n", 1
    yield "fields", b"".join(b"X-%d: value of the field\r\n" % i for i in range(100_000)) \
        + b"From: a@x\r\n\r\nbody\r\n", 1
    yield "one field", b"To: a@x\r\n" * 100_000 + b"\r\nbody\r\n", 1
    yield "comments", b"From: " + b"(" * 200_000 + b"\r\nTo: \"" + b'\\"' * 100_000 + b"\r\nCc: " \
        + b"<@," * 100_000 + b"\r\nDate: " + b"(" * 100_000 + b"\r\n\r\n", 1
    yield "groups", b"To: " + b"a:" * 50_000 + b";" * 50_000 + b"\r\nCc: " + b"a:b;" * 20_000 \
        + b"\r\n\r\n", 1
    yield "parameters", b"Content-Type: text/plain; " + b"".join(
        b"a*%d*=%%41;" % i for i in range(20_000)) + b"\r\n\r\nx", 1
    yield "delimiters", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b--\r\n" * 100_000, 1
    yield "zeros", b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" \
        + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=AAAA\r\n" * 100_000, 1


def grown(worker):
    with open("/proc/%s/status" % worker) as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def leaves(structure):
    """How many parts of a BODYSTRUCTURE hold no others."""
    found = 0
    for part in structure:
        if not isinstance(part, list):
            break
        found += leaves(part)
    return found or 1


def main():
    store = sys.argv[1] if len(sys.argv) > 1 else "kyoto"
    wrong, count = 0, 0
    with postern.mail_server(store, {"alice": "secret"}) as server:
        client = Client(server, "alice")
        chosen = list(mails())
        for _, octets, _ in chosen:
            client.ask("APPEND INBOX {%d}" % len(octets), octets)
        client.ask("SELECT INBOX")
        worker = os.popen("pgrep -P %d" % server.process.pid).read().split()[-1]
        start = grown(worker)
        for number, (name, octets, parts) in enumerate(chosen, 1):
            for item in ITEMS:
                began = time.monotonic()
                got = client.items(number, [item])
                took = time.monotonic() - began
                count += 1
                if took > SECONDS:
                    wrong += 1
                    print("%s, %s: %.1f s" % (name, item, took))
                if item == "BODY.PEEK[]" and got["BODY[]"] != octets:
                    wrong += 1
                    print("%s: other octets" % name)
                if item == "BODYSTRUCTURE" and parts and leaves(got[item]) != parts:
                    wrong += 1
                    print("%s: %d parts" % (name, leaves(got[item])))
            for search in SEARCHES:
                began = time.monotonic()
                client.ask(search % number)
                took = time.monotonic() - began
                count += 1
                if took > SECONDS:
                    wrong += 1
                    print("%s, %s: %.1f s" % (name, search, took))
        more = grown(worker) - start
        if store == "kyoto" and more > MEGABYTES * postern.SLOW:
            wrong += 1
            print("the server has grown by %d MB" % more)
    print("%d answers, %d wrong, the server grew by %d MB" % (count, wrong, more))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
