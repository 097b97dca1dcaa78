#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same mail on two servers, one with search-fts and one without: every search finds the same.

usage: indexed.py [SEED] [SEARCHES]

Mails are of random parts, charsets, encodings and scripts; they come, are copied and expunged
between the searches.  Needles are parts of what stands in them, decoded or as it is written.
"""

import base64
import email.header
import imaplib
import os
import quopri
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 4
SEARCHES = int(sys.argv[2]) if len(sys.argv) > 2 else 150
SCRIPTS = [("abcdefgh ", ["us-ascii", "utf-8"]), ("ABCÄÖÜßéàñ ", ["iso-8859-1", "utf-8"]),
           ("αβγδΣσς ΆΏ", ["utf-8", "iso-8859-7"]), ("привет Мир", ["koi8-r", "utf-8"]),
           ("日本語テキスト", ["iso-2022-jp", "shift_jis", "utf-8"]), ("שלום ", ["utf-8"]),
           ("한국어 텍스트", ["euc-kr", "utf-8"]), ("ﬁﬂ𝔘𝔫𝔦😀 ", ["utf-8"])]
dice = random.Random(SEED)
texts = []  # where needles come from


def text(words):
    letters, charsets = dice.choice(SCRIPTS)
    made = " ".join("".join(dice.choice(letters) for _ in range(dice.randint(1, 9)))
                    for _ in range(words))
    texts.append(made)
    return made, dice.choice(charsets)


def part(depth=0):
    """One entity, with its header, as octets."""
    kind = dice.random()
    if depth < 3 and kind < 0.2:
        boundary = f"b{dice.randint(0, 10**9)}"
        parts = b"".join(b"--%s\r\n" % boundary.encode() + part(depth + 1) + b"\r\n"
                         for _ in range(dice.randint(1, 3)))
        return (f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\npreamble\r\n".encode()
                + parts + b"--%s--\r\n" % boundary.encode())
    if depth < 3 and kind < 0.3:
        return b"Content-Type: message/rfc822\r\n\r\n" + mail(depth + 1)
    written, charset = text(dice.randint(1, 30))
    octets = written.encode(charset, "replace")
    if dice.random() < 0.1:
        charset = "x-nobody-knows"
    how = dice.choice(["8bit", "base64", "quoted-printable"])
    if how == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif how == "quoted-printable":
        octets = quopri.encodestring(octets).replace(b"\n", b"\r\n")
    kind = dice.choice(["text/plain", "text/html", "application/octet-stream"])
    return (f"Content-Type: {kind}; charset={charset}\r\nContent-Transfer-Encoding: {how}\r\n\r\n"
            .encode() + octets + b"\r\n")


def mail(depth=0):
    subject, charset = text(dice.randint(0, 6))
    if dice.random() < 0.7:
        subject = email.header.Header(subject.encode(charset, "replace").decode(charset), charset,
                                      header_name="Subject").encode(linesep="\r\n")
    sender, _ = text(1)
    return (f"Subject: {subject}\r\nFrom: {sender} <a{dice.randint(0, 99)}@example.test>\r\n"
            "To: bob@example.test\r\nMIME-Version: 1.0\r\n").encode() + part(depth)


def term():
    source = dice.choice(texts) if texts and dice.random() < 0.9 else "nothing of this"
    size = dice.randint(1, 8)
    start = dice.randint(0, max(0, len(source) - size))
    needle = source[start:start + size].strip() or "abc"
    if dice.random() < 0.3:
        needle = needle.swapcase()
    key = dice.choice(["TEXT", "BODY", "SUBJECT", "FROM", "TO", "HEADER Content-Type",
                       "HEADER X-None", "HEADER Subject"])
    return key, needle


def program():
    """Pieces of a command: keys, and needles as bytes."""
    shape = dice.randint(0, 5)
    first, second = term(), term()
    one = [first[0], first[1].encode()]
    two = [second[0], second[1].encode()]
    return {0: one, 1: ["NOT"] + one, 2: ["OR"] + one + two, 3: one + two,
            4: ["NOT (OR"] + one + two + [")"], 5: ["UNSEEN"] + one}[shape]


class Client:
    def __init__(self, server):
        self.imap = imaplib.IMAP4("127.0.0.1", server.port("imap"))
        self.imap.starttls()
        self.imap.login("alice", "secret")
        self.imap.create("Other")
        self.imap.select("INBOX")
        self.tag = 0

    def search(self, pieces):
        self.tag += 1
        line = b"s%d UID SEARCH CHARSET UTF-8" % self.tag
        for piece in pieces:
            line += b" " + (piece.encode() if isinstance(piece, str)
                            else b"{%d+}\r\n" % len(piece) + piece)
        self.imap.send(line + b"\r\n")
        answer = []
        while True:
            got = self.imap.readline()
            if got.startswith(b"s%d " % self.tag):
                return sorted(answer), got
            if got.startswith((b"* SEARCH", b"* ESEARCH")):
                answer += got.split()[2:]


def main():
    with postern.mail_server(store="kyoto") as plain, \
         postern.mail_server(store="kyoto",
                             changes={"plugin search-fts": {
                                 "settle": "50ms",
                                 "patience": dice.choice(["0", "5ms", "1h"])}}) as indexed:
        clients = [Client(plain), Client(indexed)]
        found = 0
        for turn in range(SEARCHES):
            for _ in range(40 if turn == 0 else dice.randint(0, 2)):
                octets, box = mail(), dice.choice(["INBOX", "INBOX", "Other"])
                for client in clients:
                    client.imap.append(box, None, None, octets)
            if turn % 10 == 9:
                box = dice.choice(["INBOX", "Other"])
                for client in clients:
                    client.imap.select(box)
                number = dice.randint(1, 20)
                for client in clients:
                    if turn % 20 == 9:
                        client.imap.copy(str(number), "INBOX")
                    client.imap.store(str(number), "+FLAGS", "\\Deleted")
                    client.imap.expunge()
            for client in clients:
                client.imap.noop()
            pieces = program()
            without, with_index = (client.search(pieces) for client in clients)
            if without[0] != with_index[0]:
                raise SystemExit(f"seed {SEED}, search {turn}: {pieces}\n"
                                 f"without index: {without}\nwith: {with_index}")
            found += len(without[0]) > 0
        if found < SEARCHES / 5:
            raise SystemExit(f"only {found} searches found something: no good test")
        status = indexed.posternctl("search", "status")
        asked = [line for line in status.stdout.splitlines() if line.startswith("alice")]
        if not asked or asked[0].split()[2] == "0":
            raise SystemExit("the index was never asked: " + status.stdout)
        print(asked[0])


if not postern.built("search-fts"):
    postern.skip("search-fts is not built")
main()
