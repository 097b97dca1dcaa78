#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Searches against what Python's email package and its Unicode data say of the same octets.

usage: searches.py STORE [SEED] [SEARCHES]

Random mails of many charsets and encodings; needles are parts of their decoded texts.  Which mails
have a needle is computed here: fields and parts decoded by Python, folded as RFC 5051 says.
"""

import base64
import email
import email.header
import imaplib
import os
import quopri
import random
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

STORE = sys.argv[1] if len(sys.argv) > 1 else "memory"
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 11
SEARCHES = int(sys.argv[3]) if len(sys.argv) > 3 else 250
SCRIPTS = [("abcdefgh ", ["us-ascii", "utf-8", "iso-8859-1"]),
           ("abcÄÖÜäöüéàñç ", ["iso-8859-1", "utf-8", "windows-1252", "iso-8859-15"]),
           ("αβγδΣσΆΏ ", ["utf-8", "iso-8859-7", "windows-1253"]),
           ("приветМирЙй ", ["koi8-r", "utf-8", "windows-1251"]),
           ("łóżćŁÓŻ ", ["iso-8859-2", "utf-8", "windows-1250"]),
           ("日本語テキスト ", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"]),
           ("中文文本 ", ["gb2312", "big5", "utf-8"]),
           ("한국어텍스트 ", ["euc-kr", "utf-8"]), ("ﬁﬂǅ😀ẀＡ ", ["utf-8"])]
dice = random.Random(SEED)


def fold(text):
    """RFC 5051: simple titlecase, then decomposition as far as it goes; no Hangul."""
    out = []

    def decompose(c):
        parts = [] if "\uac00" <= c <= "\ud7a3" else unicodedata.decomposition(c).split()
        if parts and parts[0].startswith("<"):
            parts = parts[1:]
        if not parts:
            out.append(c)
        for part in parts:
            decompose(chr(int(part, 16)))
    for c in text:
        title = c.title()
        decompose(title if len(title) == 1 else c)
    return "".join(out)


def words(count):
    letters, charsets = dice.choice(SCRIPTS)
    made = " ".join("".join(dice.choice(letters) for _ in range(dice.randint(1, 9)))
                    for _ in range(count))
    charset = dice.choice(charsets)
    return made.encode(charset, "replace").decode(charset), charset


def part(depth=0):
    if depth < 3 and dice.random() < 0.3:
        boundary = "b%d" % dice.randint(0, 10**9)
        parts = b"".join(b"--%s\r\n" % boundary.encode() + part(depth + 1) + b"\r\n"
                         for _ in range(dice.randint(1, 3)))
        return ("Content-Type: multipart/mixed; boundary=%s\r\n\r\npreamble\r\n" % boundary).encode() \
            + parts + b"--%s--\r\n" % boundary.encode()
    if depth < 3 and dice.random() < 0.15:
        return b"Content-Type: message/rfc822\r\n\r\n" + mail(depth + 1)
    text, charset = words(dice.randint(1, 60))
    text = text.replace(" ", "\r\n", 1)
    octets = text.encode(charset)
    how = dice.choice(["8bit", "base64", "quoted-printable"])
    if how == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif how == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    kind = dice.choice(["text/plain", "text/html", "text/x-other", "application/octet-stream"])
    return ("Content-Type: %s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n"
            % (kind, charset, how)).encode() + octets


def mail(depth=0):
    subject, charset = words(dice.randint(1, 12))
    header = email.header.Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    return ("Subject: %s\r\nFrom: a%d@example.test\r\nMIME-Version: 1.0\r\n"
            % (header, dice.randint(0, 99))).encode() + part(depth)


def decoded(value):
    """A field: unfolded, encoded words decoded."""
    value = value.replace("\r", "").replace("\n", "")
    return str(email.header.make_header(email.header.decode_header(value)))


class Texts:
    """What a search may find in one mail."""

    def __init__(self, octets):
        self.header, self.body, self.all = [], [], []
        self.walk(email.message_from_bytes(octets), "header")

    def walk(self, message, where):
        for name, value in message.items():
            text = (name, fold(" " + decoded(value)))
            if where == "header":
                self.header.append(text)
            if where == "enclosed":
                self.body.append(fold(name) + ":" + text[1])
            self.all.append(fold(name) + ":" + text[1])
        kind = message.get_content_maintype()
        if kind == "multipart":
            for child in message.get_payload():
                self.walk(child, "mime")
        elif message.get_content_type() == "message/rfc822":
            self.walk(message.get_payload()[0], "enclosed")
        elif kind == "text":
            text = message.get_payload(decode=True).decode(message.get_content_charset("utf-8"))
            self.body.append(fold(text))
            self.all.append(fold(text))

    def has(self, key, needle):
        needle = fold(needle)
        if key == "SUBJECT":
            return any(needle in text for name, text in self.header if name == "Subject")
        return any(needle in text for text in (self.body if key == "BODY" else self.all))


def needle_of(mails):
    """Mostly a part of some text, in another case perhaps."""
    message = email.message_from_bytes(dice.choice(mails))
    source = decoded(message["Subject"])
    parts = [p for p in message.walk() if p.get_content_maintype() == "text"]
    if parts and dice.random() < 0.6:
        p = dice.choice(parts)
        source = p.get_payload(decode=True).decode(p.get_content_charset("utf-8"))
    size = dice.randint(1, 14)
    start = dice.randint(0, max(0, len(source) - size))
    needle = source[start:start + size].strip().replace("\r", "").replace("\n", "") or "zzz"
    return dice.choice([needle, needle, needle.upper(), needle.lower()])


def main():
    with postern.mail_server(store=STORE) as server:
        imap = imaplib.IMAP4("127.0.0.1", server.port("imap"))
        imap.starttls()
        imap.login("alice", "secret")
        mails = [mail() for _ in range(60)]
        for octets in mails:
            imap.append("INBOX", None, None, octets)
        imap.select("INBOX")
        texts = [Texts(octets) for octets in mails]
        found = 0
        for turn in range(SEARCHES):
            terms = [(dice.choice(["TEXT", "BODY", "SUBJECT"]), needle_of(mails))
                     for _ in range(dice.choice([1, 1, 2]))]
            join = dice.choice(["", "OR "]) if len(terms) == 2 else dice.choice(["", "NOT "])
            line = b"s%d SEARCH CHARSET UTF-8 %s" % (turn, join.encode())
            line += b" ".join(b"%s {%d+}\r\n%s" % (key.encode(), len(n.encode()), n.encode())
                              for key, n in terms)
            imap.send(line + b"\r\n")
            answer = []
            while True:
                got = imap.readline()
                if got.startswith(b"s%d " % turn):
                    break
                if got.startswith(b"* SEARCH"):
                    answer = [int(number) for number in got.split()[2:]]
            held = [[t.has(key, n) for key, n in terms] for t in texts]
            combine = {"": all, "OR ": any, "NOT ": lambda each: not each[0]}[join]
            expected = [n for n, each in enumerate(held, 1) if combine(each)]
            if answer != expected or b" OK " not in got:
                raise SystemExit("seed %d, search %d: %s%r\ngot %s %r\nexpected %s" % (
                    SEED, turn, join, terms, answer, got, expected))
            found += bool(answer) and len(answer) < len(mails)
        if found < SEARCHES / 2:
            raise SystemExit("only %d searches tell mails apart: no good test" % found)


main()
