# SPDX-License-Identifier: Apache-2.0
"""mailmaker.py - mail of random MIME structure, the same for a seed: for tests that compare what a server
makes of it with what something else does.

    for name, octets in mailmaker.mails(seed=1, count=200): ...

Well-formed, in as many ways as RFC 2045-2047, 2183, 2231 and 5322 allow; malformed mail is what
tests/imap/odd.py and the tests of plugins/common/mime have."""

import base64
import quopri
import random

WORDS = ("one two three Grüße Köln 日本 naïve quick brown fox lazy dog alpha beta gamma delta "
         "postern harbour lantern").split()
CHARSETS = ("us-ascii", "utf-8", "iso-8859-1", "windows-1252", "koi8-r", "iso-2022-jp")
TYPES = ("application/octet-stream", "image/png", "application/pdf", "audio/basic",
         "application/vnd.example+json")
ADDRESSES = ("joe@example.test", "<joe@example.test>", "Joe Public <joe@example.test>",
             '"Public, Joe" <joe@example.test>', "joe@example.test (Joe Public)",
             '"a b"@example.test', "J. Q. Public <j.q@mail.example.test>",
             "=?utf-8?Q?J=C3=B6rg?= <joerg@example.test>", '"say \\"hi\\"" <q@example.test>',
             "=?utf-8?B?w4TDlg==?=\r\n <folded@example.test>", "A <a@[127.0.0.1]>")


class Maker:
    """Makes one mail after the other from one sequence of random numbers."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def words(self, count, ascii_only=False):
        words = [word for word in WORDS if not ascii_only or word.isascii()]
        return " ".join(self.random.choice(words) for _ in range(count))

    def addresses(self):
        """A list of one to four; now and then a group."""
        count = self.random.randint(1, 4)
        text = self.random.choice((", ", ",", ",\r\n\t")).join(
            self.random.choice(ADDRESSES) for _ in range(count))
        return "Friends: %s;" % text if self.random.random() < 0.1 else text

    def head(self, number):
        """Fields of a message."""
        r = self.random
        fields = ["From: " + r.choice(ADDRESSES),
                  "Date: Sat, %d Nov 2026 12:%02d:00 +0%d00" % (r.randint(1, 28), r.randint(0, 59),
                                                             r.randint(0, 9)),
                  "Message-ID: <%d.%d@example.test>" % (number, r.randint(0, 1 << 30))]
        subject = self.words(r.randint(0, 12), ascii_only=r.random() < 0.7)
        if not subject.isascii():
            subject = "=?utf-8?B?%s?=" % base64.b64encode(subject.encode()).decode()
        if len(subject) > 40 and " " in subject[40:]:
            at = subject.index(" ", 40)
            subject = subject[:at] + "\r\n" + subject[at:]
        fields.append("Subject:" + r.choice((" ", "", "  ", "\t")) + subject)
        for field, chance in (("To", 0.9), ("Cc", 0.3), ("Bcc", 0.1), ("Reply-To", 0.2),
                              ("Sender", 0.2)):
            if r.random() < chance:
                fields.append("%s: %s" % (field, self.addresses()))
        if r.random() < 0.3:
            fields.append("In-Reply-To: <%d@example.test>" % r.randint(0, 1000))
        r.shuffle(fields)
        return fields

    def parameters(self, pairs):
        """Written in one of the ways that are allowed."""
        out = ""
        for name, value in pairs:
            space = self.random.choice(("; ", ";", ";\r\n\t", ";\r\n "))
            if not value.isascii():
                quoted = "".join("%%%02X" % octet if octet > 126 or octet in b" %*'()\";" else chr(octet)
                                 for octet in value.encode())
                if len(quoted) > 30 and self.random.random() < 0.5:
                    cut = next(at for at in (15, 14, 13) if "%" not in quoted[at - 2:at])
                    out += "%s%s*0*=utf-8''%s%s%s*1*=%s" % (space, name, quoted[:cut], space, name,
                                                          quoted[cut:])
                else:
                    out += "%s%s*=utf-8''%s" % (space, name, quoted)
            elif value.isalnum() and self.random.random() < 0.5:
                out += "%s%s=%s" % (space, name, value)
            elif len(value) > 20 and self.random.random() < 0.3:
                out += '%s%s*0="%s"%s%s*1="%s"' % (space, name, value[:9], space, name, value[9:])
            else:
                out += '%s%s="%s"' % (space, name, value.replace("\\", "\\\\").replace('"', '\\"'))
        return out

    def common(self):
        """Fields of a part that any may have."""
        r, fields = self.random, []
        if r.random() < 0.3:
            fields.append("Content-ID: <part.%d@example.test>" % r.randint(0, 1 << 30))
        if r.random() < 0.3:
            fields.append("Content-Description: " + self.words(r.randint(1, 5), ascii_only=True))
        if r.random() < 0.4:
            fields.append("Content-Disposition: " + r.choice(("attachment", "inline", "ATTACHMENT"))
                          + self.parameters([("filename", self.words(r.randint(1, 6)))]
                                            if r.random() < 0.7 else []))
        if r.random() < 0.1:
            fields.append("Content-Language: " + r.choice(("en", "en, de", "de,fr , it")))
        if r.random() < 0.1:
            fields.append("Content-Location: http://example.test/%d" % r.randint(0, 99))
        if r.random() < 0.1:
            fields.append("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==")
        return fields

    def text(self):
        """(fields, body) of a text part."""
        r = self.random
        charset = r.choice(CHARSETS)
        lines = [self.words(r.randint(0, 14)) for _ in range(r.randint(0, 12))]
        octets = "\r\n".join(lines).encode(charset, "replace")
        if r.random() < 0.7:
            octets += b"\r\n"
        encoding = r.choice(("7bit", "8bit", "quoted-printable", "base64", "BASE64", None))
        if encoding in ("7bit", None) and any(octet > 127 for octet in octets):
            encoding = "8bit"
        kind = r.choice(("plain", "plain", "html", "Plain", "x-odd"))
        pairs = [("charset", charset)]
        if r.random() < 0.2:
            pairs.append(("format", "flowed"))
        if r.random() < 0.2:
            pairs.append(("name", self.words(3)))
        fields = ["Content-Type: text/%s%s" % (kind, self.parameters(pairs))] \
            if r.random() < 0.9 else []
        return fields + self.encoding(encoding), self.encode(octets, encoding)

    def leaf(self):
        """(fields, body) of a part that is not text."""
        r = self.random
        octets = r.randbytes(r.choice((0, 1, 56, 57, 58, 1000, 5000)))
        kind = r.choice(TYPES)
        pairs = [("name", self.words(r.randint(1, 4)))] if r.random() < 0.5 else []
        fields = ["Content-Type: " + kind + self.parameters(pairs)]
        return fields + self.encoding("base64"), self.encode(octets, "base64")

    def encoding(self, name):
        return ["Content-Transfer-Encoding: " + name] if name else []

    def encode(self, octets, encoding):
        if encoding and encoding.lower() == "base64":
            text = base64.b64encode(octets)
            return b"".join(text[at:at + 76] + b"\r\n" for at in range(0, len(text), 76))
        if encoding == "quoted-printable":
            return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        return octets

    def part(self, depth):
        """(fields, body) of any part."""
        r = self.random
        dice = r.random()
        if depth < 4 and dice < 0.25:
            fields, body = self.multipart(depth)
        elif depth < 4 and dice < 0.37:
            fields, body = ["Content-Type: message/rfc822"], self.mail(depth + 1, 0)
        elif dice < 0.75:
            fields, body = self.text()
        else:
            fields, body = self.leaf()
        fields += self.common()
        r.shuffle(fields)
        return fields, body

    def multipart(self, depth):
        """(fields, body) with one to five parts."""
        r = self.random
        kind = r.choice(("mixed", "alternative", "related", "digest", "Mixed", "x-odd"))
        boundary = r.choice(("b%d", "=_b %d x", "----%d", "a'b+%d")) % r.randint(0, 1 << 30)
        pairs = [("boundary", boundary)] + ([("type", "text/html")] if kind == "related" else [])
        fields = ["Content-Type: multipart/" + kind + self.parameters(pairs)]
        body = r.choice((b"", b"A preamble.\r\n", b"\r\n"))
        for _ in range(r.randint(1, 5)):
            body += b"--" + boundary.encode() + b"\r\n"
            if kind == "digest" and r.random() < 0.5:
                body += b"\r\n" + self.mail(depth + 1, 0) + b"\r\n"
            else:
                inner, octets = self.part(depth + 1)
                if kind == "digest" and not any(line.startswith("Content-Type") for line in inner):
                    inner.append("Content-Type: text/plain")
                body += self.join(inner) + b"\r\n" + octets + b"\r\n"
        body += b"--" + boundary.encode() + b"--" + r.choice((b"\r\n", b"\r\nAn epilogue.\r\n"))
        return fields, body

    def join(self, fields):
        return b"".join(field.encode() + b"\r\n" for field in fields)

    def mail(self, depth, number):
        """A whole one."""
        fields, body = self.part(depth) if self.random.random() < 0.6 else self.multipart(depth)
        return self.join(self.head(number) + ["MIME-Version: 1.0"] + fields) + b"\r\n" + body


def mails(seed, count):
    """(name, octets) of so many."""
    for number in range(count):
        yield "made %d/%d" % (seed, number), Maker(seed * 100000 + number).mail(0, number)
