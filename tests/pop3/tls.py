# SPDX-License-Identifier: Apache-2.0
"""STLS: what is sent in clear behind it is not taken for what comes over TLS, passwords wait for
it, and a connection that is cut in the middle of RETR leaves nothing behind."""

import os
import poplib
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

BIG = b"Subject: big\r\n\r\n" + b"x" * 60 + b"\r\n" + (b"y" * 70 + b"\r\n") * 200_000  # 14 MB


def injection(server):
    sock = server.connect("pop3")
    sock.sendall(b"STLS\r\nUSER mallory\r\n")
    octets = b""
    try:
        while True:
            more = sock.recv(4096)
            if not more:
                break
            octets += more
    except ConnectionResetError:
        pass
    assert b"password" not in octets and octets.count(b"\r\n") <= 2, octets


def password_in_clear(server):
    pop = poplib.POP3("127.0.0.1", server.port("strict"), timeout=30)
    before = pop.capa()
    assert "USER" not in before and "STLS" in before, before
    try:
        pop.user("alice")
        raise AssertionError("USER was taken in clear")
    except poplib.error_proto as error:
        assert error.args[0].startswith(b"-ERR [SYS/PERM]"), error
    context = server.tls_context()
    context.check_hostname = False  # poplib connected to an address
    pop.stls(context=context)
    assert "USER" in pop.capa()
    pop.user("alice")
    pop.pass_("secret")
    try:
        pop.stls(context=context)
        raise AssertionError("STLS twice")
    except poplib.error_proto:
        pass
    pop.quit()


def cut_in_the_middle(server):
    for shutdown in (False, True):
        sock = server.connect("pop3s", tls=True)
        sock.sendall(b"USER alice\r\nPASS secret\r\nDELE 2\r\nRETR 1\r\n")
        assert sock.recv(20000)
        if shutdown:
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
    for _ in range(200):
        pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
        try:
            pop.user("alice")
            pop.pass_("secret")
            break
        except poplib.error_proto as error:
            assert b"[IN-USE]" in error.args[0], error
            time.sleep(0.05)
    else:
        raise AssertionError("the mailbox stays locked")
    assert pop.stat()[0] == 2  # DELE without QUIT
    pop.quit()


def main():
    changes = {"listener strict": {"protocol": "pop3", "address": "auto", "tls": "starttls"}}
    with postern.mail_server(changes=changes) as server:
        corpus.deliver(server, "alice@example.test", [BIG, b"Subject: b\r\n\r\nb\r\n"])
        injection(server)
        password_in_clear(server)
        cut_in_the_middle(server)


if __name__ == "__main__":
    main()
