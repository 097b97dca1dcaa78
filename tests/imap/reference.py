# SPDX-License-Identifier: Apache-2.0
"""reference.py - ENVELOPE, BODYSTRUCTURE, each BODY[section], parts of them and BINARY, of every message of
a large corpus, compared with what Python's email package makes of the same octets.

    tests/imap/reference.py [memory|kyoto] [--count N] [--seed N] [--server HOST:PORT]

Where the two are to differ, EXPLAINED says so and why; a difference that is not there fails too."""

import argparse
import email.generator
import email.parser
import email.policy
import email.utils
import io
import os
import random
import re
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import corpus  # noqa: E402
import mailmaker  # noqa: E402
import postern  # noqa: E402
from connection import Connection  # noqa: E402
from run import Peer, WAIT  # noqa: E402

# (name of a message, what is compared, as a regular expression): why Python's answer is not taken.
EXPLAINED = {
    ("no body", r"BODY.PEEK\[(HEADER|1.MIME)\].*"):
        "the mail ends with its last field; this script's head() adds the empty line all the same",
    ("not a header", r"(BODY|BINARY).*"):
        "Python ends a header at the first line that is no field, RFC 5322 section 2.1 at an empty line",
    ("nested", r"BODYSTRUCTURE.*|BODY.PEEK\[(TEXT|1|1.TEXT)\].*"):
        "written anew by Python the mail within ends with a line end that belongs to the delimiter",
}


class Raw(email.policy.Compat32):
    """Headers exactly as they stand."""

    def header_source_parse(self, sourcelines):
        name, value = sourcelines[0].split(":", 1)
        return name, (value + "".join(sourcelines[1:])).rstrip("\r\n")

    def header_fetch_parse(self, name, value):
        return value.strip(" \t")

    def fold(self, name, value):
        return "%s:%s\r\n" % (name, value)

    def fold_binary(self, name, value):
        return self.fold(name, value).encode("ascii", "surrogateescape")


POLICY = Raw(linesep="\r\n", max_line_length=0)


def octets_of(text):
    return text.encode("ascii", "surrogateescape")


def field(message, name):
    """A field's unfolded value as octets, or None."""
    value = message.get(name)
    if value is None:
        return None
    return octets_of(re.sub(r"\r?\n(?=[ \t])", "", value).strip(" \t"))


# --- what Python makes of a message ----------------------------------------------------------


def head(message):
    """Octets of the header, with the empty line."""
    return b"".join(octets_of("%s:%s\r\n" % (name, value))
                    for name, value in message.raw_items()) + b"\r\n"


def whole(message):
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, maxheaderlen=0, policy=POLICY).flatten(
        message)
    return out.getvalue()


def body(message):
    """Octets behind the header."""
    payload = message._payload  # get_payload() would decode it
    if isinstance(payload, str):
        return octets_of(payload)
    if message.get_content_type() == "message/rfc822":
        return whole(payload[0])
    return whole(message)[len(head(message)):]


def kind(message):
    return message.get_content_maintype() if isinstance(message._payload, list) else "leaf"


def sections(message):
    """{section: octets} of all that BODY[] can name."""
    found = {"": head(message) + body(message), "HEADER": head(message), "TEXT": body(message)}
    _children(message, "", found)
    return found


def _children(message, prefix, found):
    if kind(message) == "multipart":
        for number, part in enumerate(message.get_payload(), 1):
            _part(part, "%s%d" % (prefix, number), found)
    else:
        _part(message, prefix + "1", found)


def _part(part, section, found):
    found[section] = body(part)
    found[section + ".MIME"] = head(part)
    if kind(part) == "message":
        inner = part.get_payload()[0]
        found[section + ".HEADER"] = head(inner)
        found[section + ".TEXT"] = body(inner)
        _children(inner, section + ".", found)
    elif kind(part) == "multipart":
        for number, child in enumerate(part.get_payload(), 1):
            _part(child, "%s.%d" % (section, number), found)


def leaves(message, prefix=""):
    """(section, part) of those that hold no others."""
    if kind(message) == "multipart":
        for number, part in enumerate(message.get_payload(), 1):
            section = "%s%d" % (prefix, number)
            if kind(part) == "leaf":
                yield section, part
            elif kind(part) == "message":
                yield from leaves(part.get_payload()[0], section + ".")
            else:
                yield from leaves(part, section + ".")
    elif kind(message) == "message":
        yield from leaves(message.get_payload()[0], prefix + "1.")
    else:
        yield prefix + "1", message


def mailbox_of(address):
    name, addr = address
    local, _, host = addr.rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    host = re.sub(r"^literal\.(.*)$", r"[\1]", host)
    return [octets_of(name) if name else None, None, octets_of(local), octets_of(host)]


def addresses(value):
    """An ENVELOPE's list of addresses from a field's unfolded octets."""
    if value is None:
        return None
    text = value.decode("ascii", "surrogateescape")
    group = re.fullmatch(r"([A-Za-z]+): *(.*);", text)
    if group:
        inside = addresses(octets_of(group[2])) or []
        return [[None, None, octets_of(group[1]), None]] + inside + [[None] * 4]
    # Some versions of getaddresses take a domain literal for an attack and give nothing.
    text = re.sub(r"@\[([0-9.]+)\]", r"@literal.\1", text)
    return [mailbox_of(pair) for pair in email.utils.getaddresses([text])] or None


def envelope(message):
    """As a list, with None for NIL."""
    sender = addresses(field(message, "From"))
    return [field(message, "Date"), field(message, "Subject"), sender,
            addresses(field(message, "Sender")) or sender,
            addresses(field(message, "Reply-To")) or sender,
            addresses(field(message, "To")), addresses(field(message, "Cc")),
            addresses(field(message, "Bcc")), field(message, "In-Reply-To"),
            field(message, "Message-ID")]


def parameters(message, header):
    """(value, sorted pairs) of a field with parameters, RFC 2231 decoded."""
    found = message.get_params(header=header)
    if not found:
        return None, None
    pairs = []
    for name, value in found[1:]:
        value = email.utils.collapse_rfc2231_value(value) if isinstance(value, tuple) else value
        pairs.append((name.lower(), re.sub(r"\r?\n(?=[ \t])", "", value)))
    return found[0][0], sorted(pairs) or None


def languages(message):
    value = field(message, "Content-Language")
    if value is None:
        return None
    tags = [tag.strip() for tag in value.split(b",")]
    return tags[0] if len(tags) == 1 else tags


def structure(part):
    """BODYSTRUCTURE as nested lists; parameters are sorted pairs of text."""
    value, pairs = parameters(part, "content-type")
    written = part.get_content_type().split("/")
    if value is None or value.lower() != part.get_content_type():
        pairs = [("charset", "us-ascii")] if written[0] == "text" else None
    disposition, disposed = parameters(part, "content-disposition")
    tail = [[disposition.lower(), disposed] if disposition else None, languages(part),
            field(part, "Content-Location")]
    if kind(part) == "multipart":
        return ([structure(child) for child in part.get_payload()]
                + [written[1], pairs] + tail)
    octets = body(part)
    encoding = field(part, "Content-Transfer-Encoding") or b"7bit"
    result = [written[0], written[1], pairs, field(part, "Content-ID"),
              field(part, "Content-Description"), encoding.lower(), len(octets)]
    if kind(part) == "message":
        inner = part.get_payload()[0]
        result += [envelope(inner), structure(inner), octets.count(b"\n")]
    elif written[0] == "text":
        result.append(octets.count(b"\n"))
    return result + [field(part, "Content-MD5")] + tail


# --- what the server says ------------------------------------------------------------------------

_TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*"|~?\{\x00(\d+)\x01\}|[^\s()"{\[]*(?:\[[^\]]*\])?(?:<\d+>)?')


def parsed(response):
    """The parenthesised list of a FETCH response."""
    stack, text, at = [[]], response.text, response.text.index(b"(")
    while at < len(text):
        if text[at:at + 1] == b" ":
            at += 1
            continue
        match = _TOKEN.match(text, at)
        token = match[0]
        assert token, (text[at:at + 40], text[:200])
        at = match.end()
        if token == b"(":
            stack.append([])
        elif token == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif match[1]:
            stack[-1].append(response.literals[int(match[1])])
        elif token.startswith(b'"'):
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", token[1:-1], flags=re.S))
        elif token.upper() == b"NIL":
            stack[-1].append(None)
        elif token.isdigit():
            stack[-1].append(int(token))
        else:
            stack[-1].append(token.decode())
    assert len(stack) == 1, text[:200]
    return stack[0][0]


def served_parameters(pairs):
    """Sorted pairs of text from a list of names and values; "name*" is decoded."""
    if pairs is None:
        return None
    found = []
    for name, value in zip(pairs[::2], pairs[1::2]):
        name, text = name.decode("ascii", "surrogateescape").lower(), value.decode(
            "ascii", "surrogateescape")
        if name.endswith("*"):
            charset, language, rest = email.utils.decode_rfc2231(text)
            text = email.utils.collapse_rfc2231_value(
                (charset, language, urllib.parse.unquote(rest, encoding="latin-1")))
            name = name[:-1]
        found.append((name, text))
    return sorted(found)


def served_structure(node):
    """The same form as structure()."""
    if isinstance(node[0], list):
        count = next(i for i, item in enumerate(node) if not isinstance(item, list))
        sub, pairs, disposition, language, location = node[count:count + 5]
        return ([served_structure(child) for child in node[:count]]
                + [sub.decode().lower(), served_parameters(pairs)]
                + served_tail(disposition, language, location))
    main, sub = node[0].decode().lower(), node[1].decode().lower()
    result = [main, sub, served_parameters(node[2]), node[3], node[4], node[5].lower(), node[6]]
    at = 7
    if main == "message" and sub == "rfc822":
        result += [node[7], served_structure(node[8]), node[9]]
        at = 10
    elif main == "text":
        result.append(node[7])
        at = 8
    return result + [node[at]] + served_tail(*node[at + 1:at + 4])


def served_tail(disposition, language, location):
    if disposition is not None:
        disposition = [disposition[0].decode().lower(), served_parameters(disposition[1])]
    if isinstance(language, list) and len(language) == 1:   # both forms are allowed
        language = language[0]
    return [disposition, language, location]


class Client:
    """A connection that asks."""

    def __init__(self, server, user):
        self.connection = Connection("A", server.connect("imap"), None)
        self.connection.read(WAIT)
        self.ask("LOGIN %s secret" % user)

    def ask(self, text, literal=None):
        """Responses of a command that succeeds."""
        self.connection.send(b"a " + text.encode() + b"\r\n")
        responses = []
        while True:
            response = self.connection.read(WAIT * 5)
            if response.text.startswith(b"+"):
                self.connection.send(literal + b"\r\n")
                continue
            if response.text.startswith(b"a "):
                assert response.text.startswith(b"a OK"), (text[:300], response.text)
                return responses
            responses.append(response)

    def items(self, number, names):
        """{item: value} of one message."""
        answers = [response for response in self.ask("FETCH %d (%s)" % (number, " ".join(names)))
                   if b" FETCH (" in response.text]
        assert len(answers) == 1, len(answers)
        values = parsed(answers[0])
        return dict(zip(values[::2], values[1::2]))


# --- comparing ----------------------------------------------------------------------------------


class Comparison:
    """Counts, and keeps the differences."""

    def __init__(self):
        self.compared, self.different, self.met = 0, [], set()

    def check(self, name, what, got, wanted):
        self.compared += 1
        if got == wanted:
            return
        place = what + apart(got, wanted)[0]
        for key in EXPLAINED:
            if key[0] == name and re.fullmatch(key[1], place):
                self.met.add(key)
                return
        self.different.append((name, what, got, wanted))


def compare(client, number, name, octets, comparison, dice):
    message = email.parser.BytesParser(policy=POLICY).parsebytes(octets)
    told = client.items(number, ("ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE"))
    comparison.check(name, "RFC822.SIZE", told["RFC822.SIZE"], len(octets))
    for at, part in enumerate(envelope(message)):
        comparison.check(name, "ENVELOPE %d" % at, told["ENVELOPE"][at], part)
    comparison.check(name, "BODYSTRUCTURE", served_structure(told["BODYSTRUCTURE"]),
                     structure(message))
    found = sections(message)
    found[""] = octets
    asked = []
    for section, wanted in found.items():
        asked.append(("BODY.PEEK[%s]" % section, "BODY[%s]" % section, wanted))
        offset, size = dice.randint(0, len(wanted) + 2), dice.randint(1, len(wanted) + 2)
        asked.append(("BODY.PEEK[%s]<%d.%d>" % (section, offset, size),
                      "BODY[%s]<%d>" % (section, offset), wanted[offset:offset + size]))
    for section, part in leaves(message):
        decoded = part.get_payload(decode=True)
        asked.append(("BINARY.PEEK[%s]" % section, "BINARY[%s]" % section, decoded))
        asked.append(("BINARY.SIZE[%s]" % section, "BINARY.SIZE[%s]" % section, len(decoded)))
    for start in range(0, len(asked), 20):
        some = asked[start:start + 20]
        got = client.items(number, [item for item, _, _ in some])
        for item, key, wanted in some:
            assert key in got, (name, item, sorted(got))
            comparison.check(name, item, got[key], wanted)


def apart(got, wanted, path=""):
    """The first place where two nested lists differ: (path, got, wanted)."""
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        for at, (one, other) in enumerate(zip(got, wanted)):
            if one != other:
                return apart(one, other, "%s/%d" % (path, at))
    return path, got, wanted


def show(value):
    text = repr(value)
    return text if len(text) < 700 else text[:700] + " ..."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store", nargs="?", default="kyoto")
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server")
    options = parser.parse_args()
    mails = list(mailmaker.mails(options.seed, options.count))
    mails += [(name, octets) for name, octets in corpus.messages(big=2_000_000)
              if name != "NUL octets"]
    if options.server:
        return play(Peer(options.server), "reference%d" % random.randrange(1 << 30), mails)
    with postern.mail_server(options.store, {"alice": "secret"}) as server:
        return play(server, "alice", mails)


def play(server, user, mails):
    client = Client(server, user)
    for _, octets in mails:
        client.ask("APPEND INBOX {%d}" % len(octets), octets)
    client.ask("SELECT INBOX")
    comparison, dice = Comparison(), random.Random(7)
    for number, (name, octets) in enumerate(mails, 1):
        compare(client, number, name, octets, comparison, dice)
    for name, what, got, wanted in comparison.different[:20]:
        path, got, wanted = apart(got, wanted)
        print("%s, %s%s\n  got    %s\n  Python %s" % (name, what, path, show(got), show(wanted)))
    unmet = set(EXPLAINED) - comparison.met
    print("%d messages, %d values compared, %d differ, %d explained" % (
        len(mails), comparison.compared, len(comparison.different), len(comparison.met)))
    if unmet:
        print("no difference any more:", sorted(unmet))
    return 1 if comparison.different or unmet else 0


if __name__ == "__main__":
    sys.exit(main())
