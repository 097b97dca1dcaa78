# SPDX-License-Identifier: Apache-2.0
"""pattern.py - the text of a script's lines: what is sent, and what is expected.

Both are text with placeholders in angle brackets and literals in braces; README.md has the list.
A response is compared as a whole, with its literals in it (see Response)."""

import os
import re

MAILS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mails")
MARK = "\x00%d\x01"   # stands in a response's text where a literal was

# What <word> means in an expected line; <word:name> keeps what it met as <name>.
KINDS = {
    "any": r"(?s:.*?)",
    "some": r"(?s:.+?)",
    "number": r"\d+",
    "uid": r"[1-9]\d*",
    "uidvalidity": r"[1-9]\d*",
    "modseq": r"[1-9]\d*",
    "size": r"\d+",
    "set": r"[1-9*][0-9:,*]*",
    "atom": r"[^\x00-\x20(){%*\"\\\]\x7f]+",
    "string": r'(?:"(?:[^"\\\r\n]|\\["\\])*"|~?\{\x00\d+\x01\})',
    "nstring": r'(?:NIL|"(?:[^"\\\r\n]|\\["\\])*"|~?\{\x00\d+\x01\})',
    "date": r'"[ \d]\d-[A-Z][a-z][a-z]-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"',
    "id": r"[A-Za-z0-9_-]{1,255}",
    "list": r"\([^()]*\)",
    "words": r"[^()\[\]\r\n]*",
}

_PIECE = re.compile(
    r'<\((?P<bag>[^()<>]*)\)>'
    r'|<"(?P<quoted>(?:[^"\\]|\\.)*)">'
    r'|<hex:(?P<hex>(?:[0-9a-fA-F]{2})+)>'
    r'|<(?P<kind>[a-z]+):(?P<keep>[a-z][a-z0-9_-]*)>'
    r'|<(?P<name>[a-z][a-z0-9_-]*)(?P<plus>[+-]\d+)?>'
    r'|(?P<binary>~?)\{(?P<sync>[+-]?)(?:"(?P<inline>(?:[^"\\]|\\.)*)"|@(?P<file>[\w.-]+)'
    r'|<(?P<within>[^<>]*)>)\}'
    r'|(?P<tilde>~?)\{(?P<mode>[+-]?)\}$')


class BadScript(Exception):
    """The script says something that cannot be meant."""


def unescape(text):
    r"""Octets of a quoted piece of a script: \r \n \t \0 \xFF \\ \" and UTF-8."""
    table = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"'}
    result, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            result += text[at].encode()
            at += 1
        elif text[at + 1:at + 2] == "x":
            result += bytes([int(text[at + 2:at + 4], 16)])
            at += 4
        else:
            if text[at + 1:at + 2] not in table:
                raise BadScript("unknown escape \\" + text[at + 1:at + 2])
            result += table[text[at + 1]]
            at += 2
    return result


def mail_file(name):
    """A file of mails/, with CRLF."""
    with open(os.path.join(MAILS, name), "rb") as file:
        octets = file.read()
    return octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")


def value_of(match, names):
    """What <name> or <name+1> stands for."""
    value = names.get(match["name"])
    if value is None:
        raise BadScript("nothing has been kept as <%s>" % match["name"])
    return b"%d" % (int(value) + int(match["plus"])) if match["plus"] else value


class Response:
    """One response as it came: text with marks, the literals by number."""

    def __init__(self):
        self.text = b""       # the line, a literal's octets replaced by a mark
        self.literals = []

    def show(self):
        """For people."""
        def literal(match):
            octets = self.literals[int(match[1])]
            return "%d}%r" % (len(octets), octets[:400])
        text = self.text.decode("utf-8", "surrogateescape")
        return re.sub("\x00(\\d+)\x01}", literal, text).encode(
            "utf-8", "backslashreplace").decode()


def outgoing(text, names, block=None):
    """What a client line sends: [(octets, synchronising)], where the second says that the octets
    end with a literal's announcement whose "+" is to be waited for."""
    pieces, now, at = [], b"", 0
    for match in _PIECE.finditer(text):
        now += text[at:match.start()].encode()
        at = match.end()
        octets = None
        if match["hex"]:
            now += bytes.fromhex(match["hex"])
        elif match["name"]:
            now += value_of(match, names)
        elif match["inline"] is not None:
            octets = _fill(unescape(match["inline"]), names)
        elif match["file"]:
            octets = mail_file(match["file"])
        elif match["mode"] is not None:
            if block is None:
                raise BadScript("{} at the end of a line wants lines with | behind it")
            octets = _fill(block, names)
        else:
            now += match[0].encode()
        if octets is not None:
            mode = match["sync"] or match["mode"] or ""
            now += (match["binary"] or match["tilde"] or "").encode()
            now += b"{%d%s}\r\n" % (len(octets), mode.encode())
            pieces.append((now, mode == ""))
            now = octets
    pieces.append((now + text[at:].encode(), False))
    return pieces


def _fill(octets, names):
    """Names that were kept stand for their values in literals too; anything else is as it is."""
    def one(match):
        value = names.get(match[1].decode())
        return match[0] if value is None else value
    return re.sub(rb"<([a-z][a-z0-9_-]*)>", one, octets)


class Pattern:
    """What an expected line asks for. `block` is the text of its | lines."""

    def __init__(self, text, block=None):
        self.text = text
        self.block = block

    def _compile(self, names):
        checks, keeps, expression, at, number = [], {}, "", 0, 0
        for match in _PIECE.finditer(self.text):
            expression += _escape(self.text[at:match.start()].encode())
            at = match.end()
            group = "g%d" % number
            number += 1
            if match["bag"] is not None:
                expression += r"\((?P<%s>[^()]*)\)" % group
                words = sorted(_names_in(match["bag"], names).split())
                checks.append((group, "bag", words))
            elif match["quoted"] is not None:
                octets = unescape(match["quoted"])
                quoted = b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
                expression += r"(?:%s|~?\{(?P<%s>\x00\d+\x01)\})" % (_escape(quoted), group)
                checks.append((group, "literal", octets))
            elif match["hex"]:
                expression += _escape(bytes.fromhex(match["hex"]))
            elif match["kind"]:
                if match["kind"] not in KINDS:
                    raise BadScript("no kind of placeholder is called <%s:...>" % match["kind"])
                expression += "(?P<%s>%s)" % (group, KINDS[match["kind"]])
                keeps[group] = match["keep"]
            elif match["name"] and match["name"] in KINDS and not match["plus"]:
                expression += "(?:%s)" % KINDS[match["name"]]
            elif match["name"]:
                expression += _escape(value_of(match, names))
            else:
                binary = match["binary"] or match["tilde"] or ""
                expression += r"%s\{(?P<%s>\x00\d+\x01)\}" % (binary, group)
                within = match["within"]
                if within is not None:
                    if within.startswith("any:"):
                        checks.append((group, "keep", within[4:]))
                    elif within.isdigit():
                        checks.append((group, "size", int(within)))
                    elif within != "any":
                        checks.append((group, "literal", names.get(within, b"")))
                elif match["inline"] is not None:
                    checks.append((group, "literal", unescape(match["inline"])))
                elif match["file"]:
                    checks.append((group, "literal", mail_file(match["file"])))
                elif self.block is None:
                    raise BadScript("{} at the end of a line wants lines with | behind it")
                else:
                    checks.append((group, "literal", _fill(self.block, names)))
        expression += _escape(self.text[at:].encode())
        return re.compile(expression.encode("latin-1")), checks, keeps

    def match(self, response, names):
        """True if it is this response; keeps what it is to keep in `names`."""
        expression, checks, keeps = self._compile(names)
        found = expression.fullmatch(response.text)
        if not found:
            return False
        kept = {}
        for group, what, wanted in checks:
            got = found[group]
            if what == "bag":
                if sorted(got.decode("utf-8", "surrogateescape").split()) != wanted:
                    return False
                continue
            if got is None:
                continue
            octets = response.literals[int(got[1:-1])]
            if what == "keep":
                kept[wanted] = octets
            elif what == "size" and len(octets) != wanted:
                return False
            elif what == "literal" and octets != wanted:
                return False
        for group, name in keeps.items():
            value = found[group]
            mark = re.fullmatch(rb"~?\{\x00(\d+)\x01\}", value)
            kept[name] = response.literals[int(mark[1])] if mark else value
        names.update(kept)
        return True

    def show(self):
        """For people."""
        return self.text + ("" if self.block is None else "\n%r" % self.block)


def _names_in(text, names):
    def one(match):
        return value_of(match, names).decode("latin-1") if match["name"] else match[0]
    return _PIECE.sub(one, text)


def _escape(octets):
    return re.escape(octets.decode("latin-1"))
