# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol, versions 1 and 2, against the real server: from listed networks it is
required and believed, from others it is refused; limits, logs and the trace of a mail follow the
address it tells; damaged, long, cut and slow headers are sent away."""

import os
import poplib
import smtplib
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source="192.0.2.7", command=1, family=0x11, extra=b"", length=None):
    kind, here = ((socket.AF_INET6, "2001:db8::1") if family == 0x21
                  else (socket.AF_INET, "198.51.100.1"))
    block = (socket.inet_pton(kind, source) + socket.inet_pton(kind, here)
             + struct.pack(">HH", 4711, 110) + extra)
    return SIGNATURE + bytes((0x20 | command, family)) + struct.pack(
        ">H", len(block) if length is None else length) + block


def talk(server, header, listener="proxied", pieces=None, cut=False):
    """What is heard after a header: greeting, or nothing; `cut`: we end our side behind it."""
    sock = server.connect(listener)
    sock.settimeout(15 * postern.SLOW)
    try:
        for at in range(0, len(header), pieces or len(header) or 1):
            sock.sendall(header[at:at + (pieces or len(header))])
        if cut:
            sock.shutdown(socket.SHUT_WR)
        return sock, sock.recv(1000)
    except OSError:
        return sock, b""


def believed(server):
    for header, peer in ((b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 110\r\n", "192.0.2.9"),
                         (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 110\r\n", "2001:db8::9"),
                         (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                         (b"PROXY UNKNOWN ffff::1 whatever it says\r\n", "127.0.0.1"),
                         (v2(), "192.0.2.7"), (v2(extra=b"\x03\0\x04abcd"), "192.0.2.7"),
                         (v2("2001:db8::7", family=0x21), "2001:db8::7"),
                         (SIGNATURE + b"\x20\0\0\0", "127.0.0.1")):
        for pieces in (None, 1):
            seen = len(server.log)
            sock, heard = talk(server, header, pieces=pieces)
            assert heard.startswith(b"+OK"), (header, heard)
            sock.sendall(b"USER x\r\nPASS y\r\nQUIT\r\n")
            sock.close()
            server.wait_log("session.close", since=seen, peer=peer)


def refused(server):
    for header in (b"", b"CAPA\r\n", b"PROXY \r\n", b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 "
                   b"192.0.2.9 198.51.100.1 4711 99999\r\n", b"PROXY TCP4 192.0.2.9 198.51.100.1 "
                   b"4711 110\n", b"PROXY TCP4 2001:db8::1 2001:db8::1 1 2\r\n", b"PROXY TCP4 "
                   + b"1" * 200 + b"\r\n", b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 110 \r\n",
                   v2(length=65535), v2(length=4), v2(family=0x12), v2(command=5),
                   SIGNATURE[:-1] + b"X" + b"\0" * 20, b"\x16\x03\x01\x02\x00\x01"):
        sock, heard = talk(server, header, cut=True)
        assert not heard.startswith(b"+OK") and b"+OK" not in heard, (header, heard)
        sock.close()
    server.wait_log("proxy.refused")
    # Who is not listed is not believed: to the protocol it is a bad command, and the address stays.
    seen = len(server.log)
    sock = server.connect("pop3")
    lines = sock.makefile("rb")
    assert lines.readline().startswith(b"+OK")
    sock.sendall(b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 110\r\n")
    assert lines.readline().startswith(b"-ERR")
    lines.close()
    sock.close()
    server.wait_log("session.close", since=seen, peer="127.0.0.1")
    # A header that never comes is a login that took too long.
    begin = time.monotonic()
    sock, heard = talk(server, b"PROXY TC", "brief")
    assert heard == b"" and time.monotonic() - begin < 12 * postern.SLOW, heard
    sock.close()


def limits_follow(server):
    """max_connections_per_address counts the clients, not the front end."""
    one = b"PROXY TCP4 203.0.113.1 198.51.100.1 4711 110\r\n"
    two = b"PROXY TCP4 203.0.113.2 198.51.100.1 4711 110\r\n"
    socks = []
    for _ in range(3):
        sock, heard = talk(server, one, "few")
        assert heard.startswith(b"+OK"), heard
        socks.append(sock)
    sock, heard = talk(server, one, "few")
    while not heard.endswith(b"\n") or b"-ERR" not in heard:
        more = sock.recv(1000)
        if not more:
            break
        heard += more
    assert b"too many" in heard.lower() and b"password" not in heard.lower(), heard
    socks.append(sock)
    sock, heard = talk(server, two, "few")
    assert heard.startswith(b"+OK") and b"-ERR" not in heard, heard
    for sock in socks + [sock]:
        sock.close()


def with_tls_and_mail(server):
    sock = server.connect("proxied-tls")
    sock.sendall(v2("192.0.2.77"))
    tls = server.tls_context().wrap_socket(sock, server_hostname="localhost")
    assert tls.recv(100).startswith(b"+OK")
    tls.close()
    sock = server.connect("proxied-smtp")
    sock.sendall(v2("192.0.2.78"))
    lines = sock.makefile("rb")
    for line in (b"EHLO far.example", b"MAIL FROM:<a@far.example>", b"RCPT TO:<alice@example.test>",
                 b"DATA", b"Subject: x\r\n\r\nx\r\n."):
        sock.sendall(line + b"\r\n")
    sock.sendall(b"QUIT\r\n")
    assert b"250 2.6.0" in lines.read()
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
    pop.user("alice")
    pop.pass_("secret")
    mail = b"\r\n".join(pop.retr(1)[1])
    assert b"192.0.2.78" in mail and b"127.0.0.1" not in mail, mail
    pop.quit()


def main():
    proxied = {"protocol": "pop3", "address": "auto", "cleartext_login": True,
               "proxy_from": "10.0.0.0/8 127.0.0.0/8"}
    changes = {"listener proxied": proxied, "listener few": dict(
        proxied, max_connections_per_address=3), "listener brief": dict(proxied, login_time="2s"),
               "listener proxied-tls": dict(proxied, tls="implicit"),
               "listener proxied-smtp": {"protocol": "smtp", "kind": "receive", "address": "auto",
                                         "proxy_from": "127.0.0.1/32"}}
    with postern.mail_server(changes=changes) as server:
        for part in (believed, refused, limits_follow, with_tls_and_mail):
            part(server)
            print("ok ", part.__name__)


if __name__ == "__main__":
    main()
