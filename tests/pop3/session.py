# SPDX-License-Identifier: Apache-2.0
"""Mail of every shape, delivered over LMTP, comes out of POP3 octet for octet and as long as LIST
says: in clear, with STLS and over implicit TLS. UIDLs stay over sessions and a restart."""

import os
import poplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402


class Client:
    """Octets as they come: poplib takes line ends apart."""

    def __init__(self, server, kind):
        self.sock = server.connect("pop3s" if kind == "tls" else "pop3", tls=kind == "tls")
        self.file = self.sock.makefile("rb")
        assert self.line().startswith(b"+OK")
        if kind == "stls":
            self.ok(b"STLS")
            self.sock = server.tls_context().wrap_socket(self.sock, server_hostname="localhost")
            self.file = self.sock.makefile("rb")
        self.ok(b"USER alice")
        self.ok(b"PASS secret")

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line[:100]
        return line

    def ok(self, command):
        self.sock.sendall(command + b"\r\n")
        line = self.line()
        assert line.startswith(b"+OK"), (command, line)
        return line

    def listing(self, command):
        self.ok(command)
        rows = iter(self.line, b".\r\n")
        return {int(row.split()[0]): row.split()[1] for row in rows}

    def body(self):
        """The octets up to the final dot, unstuffed as a server stuffs them: behind each LF."""
        pieces = []
        while True:
            piece = self.file.readline()
            assert piece, "the connection ended in a message"
            if piece == b".\r\n":
                break
            pieces.append(piece[1:] if piece.startswith(b".") else piece)
        return b"".join(pieces)

    def close(self):
        self.ok(b"QUIT")
        assert self.file.read() == b""
        self.sock.close()


def check(server, kind, mails, first):
    client = Client(server, kind)
    sizes = client.listing(b"LIST")
    uidls = client.listing(b"UIDL")
    assert len(sizes) == len(uidls) == len(set(uidls.values())) == len(mails)
    stat = client.ok(b"STAT").split()
    assert int(stat[1]) == len(mails)
    assert int(stat[2]) == sum(int(size) for size in sizes.values())
    for number, (name, sent) in enumerate(mails, 1):
        answer = client.ok(b"RETR %d" % number)
        octets = client.body()
        assert len(octets) == int(sizes[number]) == int(answer.split()[1]), (kind, name)
        assert corpus.as_sent(octets) == sent, (kind, name)
        client.ok(b"TOP %d 1" % number)
        top = client.body()
        head, blank, rest = octets.partition(b"\r\n\r\n")
        if name not in ("bare CR", "bare LF", "NUL octets"):
            assert top.startswith(head), (kind, name)
            expected = head + blank + rest.partition(b"\r\n")[0] + (b"\r\n" if rest else b"")
            assert top == expected or (not rest and top.rstrip() == head.rstrip()), (kind, name)
    client.close()
    assert first is None or uidls == first, "UIDLs changed"
    return uidls


def main():
    mails = list(corpus.messages(big=3_000_000))
    with postern.mail_server(store="kyoto") as server:
        corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
        uidls = None
        for kind in ("clear", "stls", "tls"):
            uidls = check(server, kind, mails, uidls)
        server.restart()
        check(server, "clear", mails, uidls)
        clear = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
        before = clear.capa()
        assert "STLS" in before and "USER" in before and "PLAIN" in before["SASL"], before
        assert before["EXPIRE"] == ["NEVER"] and "PIPELINING" in before, before
        clear.user("alice")
        clear.pass_("secret")
        assert clear.capa()["IMPLEMENTATION"] == ["Postern"]
        clear.quit()


if __name__ == "__main__":
    main()
