# SPDX-License-Identifier: Apache-2.0
"""dialogue.py - one way to speak of a login in POP3, IMAP4 and SMTP, for tests that are about what
the three have in common.

    with dialogue.open("imap", server) as client:
        answer = client.authenticate("PLAIN", b"\\0alice\\0secret")   # with an initial response
        answer = client.authenticate("LOGIN")                       # without; then
        while answer.challenge is not None:
            answer = client.respond(...)
        answer.good, answer.text

Lines are as the server sent them, without CRLF; what is under test here are octets.
"""

import base64
import socket

PROTOCOLS = ("pop", "imap", "smtp")
LISTENERS = {"pop": "pop3", "imap": "imap", "smtp": "submission"}


class Answer:
    """challenge: octets, if the server asks for more; else good and text."""

    def __init__(self, text, good=False, challenge=None):
        self.text, self.good, self.challenge = text, good, challenge

    def __repr__(self):
        return "Answer(%r, good=%r, challenge=%r)" % (self.text, self.good, self.challenge)


class Client:
    def __init__(self, server, listener, tls=False):
        self.sock = server.connect(listener, tls=tls)
        self.file = self.sock.makefile("rb")
        self.greet()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Goes away without a word, and waits until the server has seen it: a maildrop is locked
        until then."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self.file.read(65536):
                pass
        except (OSError, ValueError):
            pass
        self.file.close()
        self.sock.close()

    def send(self, line):
        self.sock.sendall(line + b"\r\n")

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line[-80:]
        return line[:-2].decode("utf-8", "replace")

    def respond(self, response):
        """Octets, which are sent in base64, or None to give up."""
        self.send(b"*" if response is None else base64.b64encode(response))
        return self.answer()

    def respond_raw(self, line):
        self.send(line)
        return self.answer()

    def begin(self, command, mechanism, initial):
        line = command + b" " + mechanism.encode()
        if initial is not None:
            line += b" " + (base64.b64encode(initial) or b"=")
        self.send(line)
        return self.answer()

    def leave(self):
        """Ends the session as it should be, and waits for that."""
        self.send(self.farewell)
        self.file.read()

    def at_end(self):
        return self.file.read(1) == b""


class Pop(Client):
    name, farewell = "pop", b"QUIT"

    def greet(self):
        self.greeting = self.line()

    def answer(self):
        line = self.line()
        if line.startswith("+ "):
            return Answer(line, challenge=base64.b64decode(line[2:], validate=True))
        assert line.startswith(("+OK", "-ERR")), line
        return Answer(line, good=line.startswith("+OK"))

    def authenticate(self, mechanism, initial=None):
        return self.begin(b"AUTH", mechanism, initial)

    def password(self, user, password):
        """USER and PASS; octets."""
        self.send(b"USER " + user)
        answer = self.answer()
        if not answer.good:
            return answer
        self.send(b"PASS " + password)
        return self.answer()

    def capabilities(self):
        self.send(b"CAPA")
        assert self.answer().good
        return list(iter(self.line, "."))

    def mechanisms(self):
        for line in self.capabilities():
            if line.startswith("SASL "):
                return line.split()[1:]
        return []

    def serves(self):
        """The session goes on."""
        self.send(b"LANG")  # allowed before and after a login
        good = self.answer().good
        list(iter(self.line, "."))
        return good


class Imap(Client):
    name, farewell = "imap", b"bye LOGOUT"
    _number = 0

    def greet(self):
        self.greeting = self.line()
        self.untagged = []

    def answer(self):
        while True:
            line = self.line()
            if line.startswith("+ "):
                return Answer(line, challenge=base64.b64decode(line[2:], validate=True))
            if line.startswith("* "):
                self.untagged.append(line)
                continue
            tag, _, text = line.partition(" ")
            assert tag == "a%d" % self._number, line
            return Answer(text, good=text.startswith("OK"))

    def tagged(self, command):
        self._number += 1
        return b"a%d " % self._number + command

    def authenticate(self, mechanism, initial=None):
        return self.begin(self.tagged(b"AUTHENTICATE"), mechanism, initial)

    def password(self, user, password):
        """LOGIN with literals, which any octet may stand in."""
        self.sock.sendall(self.tagged(b"LOGIN ") + b"{%d+}\r\n%s {%d+}\r\n%s\r\n" % (
            len(user), user, len(password), password))
        return self.answer()

    def mechanisms(self):
        self.send(self.tagged(b"CAPABILITY"))
        assert self.answer().good
        return [word[5:] for word in self.untagged[-1].split() if word.startswith("AUTH=")]

    def serves(self):
        self.send(self.tagged(b"NOOP"))
        return self.answer().good


class Smtp(Client):
    name, farewell = "smtp", b"QUIT"

    def greet(self):
        self.greeting = self.line()
        self.send(b"EHLO client.example.test")
        self.capabilities = []
        while True:
            line = self.line()
            assert line.startswith("250"), line
            self.capabilities.append(line[4:])
            if line[3] == " ":
                return

    def answer(self):
        line = self.line()
        if line.startswith("334 "):
            return Answer(line, challenge=base64.b64decode(line[4:], validate=True))
        assert line[3] == " ", line
        return Answer(line, good=line.startswith("2"))

    def authenticate(self, mechanism, initial=None):
        return self.begin(b"AUTH", mechanism, initial)

    def mechanisms(self):
        for line in self.capabilities:
            if line.startswith("AUTH "):
                return line.split()[1:]
        return []

    def serves(self):
        self.send(b"NOOP")
        return self.answer().good


_classes = {"pop": Pop, "imap": Imap, "smtp": Smtp}


def open(protocol, server, listener=None, tls=False):
    return _classes[protocol](server, listener or LISTENERS[protocol], tls)


class Proxied:
    """A server as open() wants it, whose connections come from `peer`, as the PROXY protocol tells it:
    the listener needs proxy_from."""

    def __init__(self, server, peer):
        self.server, self.peer = server, peer

    def connect(self, listener, tls=False):
        sock = self.server.connect(listener)
        family = "TCP6" if ":" in self.peer else "TCP4"
        here = "2001:db8::1" if ":" in self.peer else "198.51.100.1"
        sock.sendall(f"PROXY {family} {self.peer} {here} 4711 110\r\n".encode())
        return sock
