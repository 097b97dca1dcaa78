# SPDX-License-Identifier: Apache-2.0
"""connection.py - one IMAP connection of a script: what it said and heard, response by response."""

import re
import socket
import time
import zlib

from pattern import MARK, Response

_LITERAL = re.compile(rb"~?\{(\d+)\+?\}\r\n$")


class Ended(Exception):
    """The server closed the connection."""


class Late(Exception):
    """Nothing came in time."""


class Connection:
    """Reads whole responses, literals and all; the transcript is a list of lines for people."""

    def __init__(self, name, sock, tls):
        self.name, self.sock, self._tls = name, sock, tls
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._inflate = self._deflate = None
        self._waiting = []       # responses that were looked at and not taken
        self.queued = b""        # to be sent together with the next line
        self.transcript = []
        self.skipping = False    # a <... stands before what is expected next
        self.forbidden = []      # patterns of <! lines, until a tagged response
        if tls is not None:
            self.start_tls(tls)

    def start_tls(self, context):
        """The handshake; what was read before is forgotten."""
        self.transcript.append("-- TLS")
        self._buffer = b""
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def start_deflate(self):
        """RFC 4978: raw deflate in both directions from here on."""
        self.transcript.append("-- DEFLATE")
        self._inflate = zlib.decompressobj(-15)
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        if self._buffer:
            self._buffer = self._inflate.decompress(self._buffer)

    def send(self, octets):
        """Sends them, behind what was queued, at once."""
        octets, self.queued = self.queued + octets, b""
        shown = octets if len(octets) < 1000 else octets[:500] + b" ... " + octets[-200:]
        self.transcript += ["> " + line for line in
                            shown.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\r\n")]
        if self._deflate:
            octets = self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        try:
            self.sock.sendall(octets)
        except OSError as error:
            raise Ended("sending failed: %s" % error) from None

    def _more(self, deadline):
        left = deadline - time.monotonic()
        self.sock.settimeout(max(left, 0.001))
        try:
            octets = self.sock.recv(262144)
        except (TimeoutError, BlockingIOError):
            if left <= 0:
                raise Late from None
            return
        except OSError as error:
            raise Ended(str(error)) from None
        if not octets:
            rest = ", within %r" % self._buffer[-200:] if self._buffer else ""
            raise Ended("the server closed the connection" + rest)
        self._buffer += self._inflate.decompress(octets) if self._inflate else octets

    def _parse(self):
        """A whole response at the beginning of the buffer, or None."""
        response, at = Response(), 0
        while True:
            end = self._buffer.find(b"\n", at)
            if end < 0:
                return None
            line = self._buffer[at:end + 1]
            found = _LITERAL.search(line)
            if not found:
                # A line that does not end in CRLF keeps its end, and so matches nothing.
                response.text += line[:-2] if line.endswith(b"\r\n") else line
                self._buffer = self._buffer[end + 1:]
                return response
            begin, size = end + 1, int(found[1])
            if len(self._buffer) < begin + size:
                return None
            mark = (MARK % len(response.literals)).encode()
            response.text += line[:found.start(1)] + mark + b"}"
            response.literals.append(self._buffer[begin:begin + size])
            at = begin + size

    def read(self, timeout):
        """The next response. Late or Ended where none comes."""
        if self._waiting:
            return self._waiting.pop(0)
        deadline = time.monotonic() + timeout
        while True:
            response = self._parse()
            if response is not None:
                self.transcript.append("< " + response.show())
                return response
            self._more(deadline)

    def put_back(self, response):
        """To be read again."""
        self._waiting.insert(0, response)

    def ended(self, timeout):
        """Waits for the end; raises Late if it does not come. Returns a response that came
        instead."""
        try:
            return self.read(timeout)
        except Ended:
            return None

    def close(self):
        """Ends it without a word."""
        self.sock.close()
