# SPDX-License-Identifier: Apache-2.0
"""10,000 pipelined commands and a whole mailbox at once; an octet a packet; and a client that does
not read while others do."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

MAIL = b"Subject: small\r\n\r\n" + (b"line of text\r\n" * 700)  # 10 kB


def login(server, user="alice"):
    sock = server.connect("pop3")
    sock.sendall(b"USER %s\r\nPASS secret\r\n" % user.encode())
    answers = sock.makefile("rb")
    for _ in range(3):
        line = answers.readline()
        assert line.startswith(b"+OK"), line
    return sock, answers


def many_commands(server):
    sock, answers = login(server)
    commands = b"NOOP\r\nSTAT\r\nLIST 1\r\nRETR 900\r\n" * 2500 + b"QUIT\r\n"
    sender = threading.Thread(target=sock.sendall, args=(commands,))
    sender.start()
    for _ in range(2500):
        for beginning in (b"+OK\r\n", b"+OK 200 ", b"+OK 1 ", b"-ERR "):
            line = answers.readline()
            assert line.startswith(beginning), line
    assert answers.readline().startswith(b"+OK bye")
    sender.join()
    assert answers.read() == b""
    sock.close()


def whole_mailbox(server):
    sock, answers = login(server)
    sock.sendall(b"".join(b"RETR %d\r\n" % n for n in range(1, 201)) + b"QUIT\r\n")
    for _ in range(200):
        line = answers.readline()
        assert line.startswith(b"+OK "), line
        octets = answers.read(int(line.split()[1]))
        assert corpus.as_sent(octets) == MAIL
        assert answers.readline() == b".\r\n"
    assert answers.readline().startswith(b"+OK bye")
    sock.close()


def octet_by_octet(server):
    sock, answers = login(server)
    for octet in b"STAT\r\nRETR 1\r\nQUIT\r\n":
        sock.sendall(bytes((octet,)))
        time.sleep(0.005)
    lines = answers.read().split(b"\r\n")
    assert lines[0].startswith(b"+OK 200 ") and lines[-2].startswith(b"+OK bye"), lines
    sock.close()


def one_does_not_read(server):
    stuck, _ = login(server, "bob")
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.settimeout(1)
    try:
        for _ in range(2000):
            stuck.sendall(b"RETR 1\r\n" * 1000)
    except (TimeoutError, socket.timeout):
        pass  # the server has stopped reading, as it should
    else:
        raise AssertionError("commands are taken though no answer is")
    began = time.monotonic()
    whole_mailbox(server)
    assert time.monotonic() - began < 5 * postern.SLOW
    stuck.close()


def main():
    with postern.mail_server(users={"alice": "secret", "bob": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", [MAIL] * 200)
        corpus.deliver(server, "bob@example.test", [MAIL * 300])
        many_commands(server)
        whole_mailbox(server)
        octet_by_octet(server)
        one_does_not_read(server)


if __name__ == "__main__":
    main()
