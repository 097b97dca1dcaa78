#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nonsense.py [STORE]: the commands of all scripts, spoilt at random, against one server.

Each is answered (or waits for a literal that never comes), nothing that is answered holds a NUL or a
bare line end, and the server is the same process at the end, having closed what the clients closed.
The seed is printed; POSTERN_SEED= sets it. POSTERN_TEST_LONG=1: another one each time, and twenty
times as many."""
import glob
import os
import random
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import postern
import seed as seeds

COMMANDS = 20000 if os.environ.get("POSTERN_TEST_LONG") else 1000
CONNECTIONS = 6
# They change the layer, end the connection, or take lines as no commands.
SKIPPED = re.compile(rb"IDLE|STARTTLS|COMPRESS|LOGOUT|AUTHENTICATE|LOGIN", re.I)
MAILS = [b"Subject: one\r\n\r\nbody\r\n",
         b"From: a <a@b>, (c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n1\r\n--x--\r\n",
         b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n", b"\r\n\r\n\r\n"]
PIECES = [b"(", b")", b"()", b'"', b'""', b"{3+}\r\nabc", b"{0+}\r\n", b"{0}", b"{9}\r\n",
          b"~{2+}\r\n\0\0", b"*", b"1:*", b"$",
          b"NIL", b"0", b"4294967295", b"4294967296", b"18446744073709551615", b"[", b"]", b"<0.1>",
          b" ", b"  ", b"\\", b"\\Seen", b"%", b"&", b"&-", b"\xc3\xa4", b"\xff", b"\0", b"\r", b"\t",
          b"UID ", b"RETURN (ALL)", b"NOT ", b"OR ", b"INBOX", b"/", b"a" * 300, b",", b":", b"-", b"+"]


def corpus():
    """All lines that a client says in scripts, without their tags."""
    lines = set()
    for name in glob.glob(os.path.join(HERE, "scripts", "*.imap")):
        with open(name, "rb") as script:
            for line in script:
                found = re.match(rb"[A-Z]?>&? \S+ (.*)\n", line)
                if found and not SKIPPED.search(found[1]):
                    # Literals become quoted strings, placeholders numbers.
                    text = re.sub(rb'~?\{\+?("[^"]*")\}', rb"\1", found[1])
                    lines.add(re.sub(rb"<[a-z:0-9+-]+>|\{[^}]*\}", b"1", text))
    return sorted(lines)


def spoil(chance, line, lines):
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        at, to = sorted((chance.randint(0, len(line)), chance.randint(0, len(line))))
        how = chance.randrange(7)
        if how == 0:
            line = line[:at] + line[to:]
        elif how == 1:
            line = line[:to] + line[at:]
        elif how == 2:
            line = line[:at] + chance.choice(PIECES) + line[at:]
        elif how == 3:
            line = line[:at] + chance.choice(PIECES) + line[to:]
        elif how == 4:
            line = line[:at] + bytes([chance.randrange(11, 256)]) + line[at + 1:]
        elif how == 5:
            other = chance.choice(lines)
            line = line[:at] + other[chance.randint(0, len(other)):]
        else:
            words = line.split(b" ")
            chance.shuffle(words)
            line = b" ".join(words)
    return line


class Client:
    """A connection; told() is False once the server has closed it."""

    def __init__(self, server, user):
        self.socket = socket.create_connection(("127.0.0.1", server.port("imap")), timeout=20)
        self.data = b""
        self.until(b"\r\n")
        self.say(b"l LOGIN %s secret\r\n" % user.encode(), b"l OK")
        self.say(b"s SELECT INBOX\r\n", b"s OK")

    def say(self, octets, wanted):
        self.socket.sendall(octets)
        self.until(wanted)

    def until(self, wanted, seconds=20.0):
        """What came up to that, or None if it did not come."""
        self.socket.settimeout(seconds)
        while not (found := re.search(re.escape(wanted) + rb"[^\n]*\n|" + re.escape(wanted) + rb"$",
                                      self.data)) or not self.data.endswith(b"\n"):
            try:
                more = self.socket.recv(65536)
            except socket.timeout:
                return None
            except ConnectionError:
                more = b""
            if not more:
                raise EOFError
            self.data += more
        answer, self.data = self.data[:found.end()], self.data[found.end():]
        return answer


def check(answer):
    """Without its literals it is lines of printable octets."""
    plain, at = b"", 0
    for found in re.finditer(rb"(~?)\{(\d+)\}\r\n", answer):
        if found.start() < at:
            continue
        plain += answer[at:found.start()]
        at = found.end() + int(found[2])
    plain += answer[at:]
    for line in plain.split(b"\r\n"):
        assert not re.search(rb"[\0\r\n]", line), line


def main():
    store = sys.argv[1] if len(sys.argv) > 1 else "memory"
    seed = int(seeds.of_run())
    chance, lines = random.Random(seed), corpus()
    users = ["user%d" % number for number in range(3)]
    counts = {"answered": 0, "waits": 0, "closed": 0}
    with postern.mail_server(store=store, users={user: "secret" for user in users}) as server:
        pid = server.worker_pid
        for user in users:
            client = Client(server, user)
            for number, mail in enumerate(MAILS * 3):
                client.say(b"a%d APPEND INBOX {%d+}\r\n%s\r\n" % (number, len(mail), mail),
                           b"a%d OK" % number)
            client.socket.close()
        clients = [None] * CONNECTIONS
        for number in range(COMMANDS):
            place = chance.randrange(CONNECTIONS)
            line = spoil(chance, chance.choice(lines), lines)
            begin = time.monotonic()
            try:
                client = clients[place] = clients[place] or Client(server, chance.choice(users))
                client.socket.sendall(b"t%d %s\r\nz%d NOOP\r\nDONE\r\n" % (number, line, number))
                answer = client.until(b"z%d " % number, 0.4)
                if answer is None and b"{" in line:  # it is a literal that waits for its octets
                    raise EOFError
                answer = answer or client.until(b"z%d " % number)
                assert answer is not None, "no answer to %r" % line
                check(answer)
                counts["answered"] += 1
            except (EOFError, ConnectionError):
                counts["waits" if b"{" in line else "closed"] += 1
                clients[place].socket.close()
                clients[place] = None
            assert time.monotonic() - begin < 30, "too slow: %r" % line
            assert server.worker_pid == pid, "the server died of %r" % line
        for client in clients:
            if client:
                client.socket.close()
        Client(server, users[0]).socket.close()
        assert server.worker_pid == pid
    print(counts)
    assert counts["answered"] > COMMANDS * 2 // 3, counts


if __name__ == "__main__":
    main()
