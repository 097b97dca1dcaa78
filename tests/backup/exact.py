#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mail of every shape goes through compression octet for octet, with the size that LIST tells, for
every setting, and whatever the setting is when it is read."""

import socket

import support
import corpus

SETTINGS = ({}, {"compression_level": "9"}, {"compression": "none"})


class RawPop:
    """The octets as they come: poplib takes lines apart."""

    def __init__(self, server, user):
        self.sock = socket.create_connection(("127.0.0.1", server.port("pop3")), 60)
        self.file = self.sock.makefile("rb")
        self.file.readline()
        self.ask(f"USER {user}")
        self.ask("PASS secret")

    def ask(self, line):
        self.sock.sendall(line.encode() + b"\r\n")
        answer = self.file.readline()
        assert answer.startswith(b"+OK"), (line, answer)
        return answer

    def lines(self, line):
        self.ask(line)
        while (got := self.file.readline()) != b".\r\n":
            yield got[1:] if got.startswith(b".") else got

    def sizes(self):
        return [int(line.split()[1]) for line in self.lines("LIST")]

    def close(self):
        self.ask("QUIT")
        self.sock.close()


def deliver(server, user, mails):
    sock = socket.create_connection(("127.0.0.1", server.port("lmtp")), 60)
    file = sock.makefile("rb")

    def say(octets, code):
        if octets:
            sock.sendall(octets)
        while True:
            line = file.readline()
            assert line.startswith(code), line
            if line[3:4] == b" ":
                return

    say(b"", b"220")
    say(b"LHLO exact\r\n", b"250")
    for octets in mails:
        say(b"MAIL FROM:<a@example.test> BODY=8BITMIME\r\n", b"250")
        say(f"RCPT TO:<{user}@example.test>\r\n".encode(), b"250")
        say(b"DATA\r\n", b"354")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line
                               for line in octets.split(b"\r\n"))
        say(stuffed + (b"" if octets.endswith(b"\r\n") else b"\r\n") + b".\r\n", b"250")
    sock.close()


def check(server, user, mails):
    pop = RawPop(server, user)
    sizes = pop.sizes()
    assert len(sizes) == len(mails)
    for number, octets in enumerate(mails, 1):
        got = b"".join(pop.lines(f"RETR {number}"))
        assert got.endswith(octets), f"mail {number} is another"
        assert len(got) == sizes[number - 1], (number, len(got), sizes[number - 1])
    pop.close()


def main():
    mails = [octets for _, octets in corpus.messages(3_000_000)]
    mails = [octets if octets.endswith(b"\r\n") else octets + b"\r\n" for octets in mails]
    with support.server(segment_size="64 MiB") as server:
        for index, settings in enumerate(SETTINGS):
            if index:
                server.stop()
                server.configure({"plugin storage-kyoto": dict(settings)})
                server.start()
            user = f"u{index}"
            deliver(server, user, mails)
            for before in range(index + 1):
                check(server, f"u{before}", mails)
            print("compression", settings or "as it is", "exact")
        done = server.posternctl("store", "verify")
        assert " 0 problems" in done.stderr, done.stderr


if __name__ == "__main__":
    main()
