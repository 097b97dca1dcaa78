# SPDX-License-Identifier: Apache-2.0
"""Bad clients beside a good one: a thousand that connect and say nothing, one that never reads, one
that sends an octet at a time, one that leaves in the middle. The good one notices nothing, the
memory of the server stays bounded, and the silent ones are sent away after login_time."""

import os
import poplib
import smtplib
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

SILENT = 1000
BIG = b"Subject: big\r\n\r\n" + (b"y" * 70 + b"\r\n") * 40000  # 2.9 MB


def resident(server):
    with open(f"/proc/{server.worker_pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def login(server):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=20)
    pop.user("bob")
    pop.pass_("secret")
    return pop


def never_reads(server):
    """Asks for 40 x 2.9 MB and takes nothing."""
    sock = server.connect("pop3")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(b"USER alice\r\nPASS secret\r\n" + b"RETR 1\r\n" * 40)
    return sock


def octet_by_octet(server):
    sock = server.connect("pop3")
    for octet in b"CAPA\r\n":
        sock.sendall(bytes((octet,)))
        time.sleep(0.05)
    answer = b""
    while not answer.endswith(b"\r\n.\r\n"):
        answer += sock.recv(4096)
    return sock


def octet_a_second(server):
    """Says something all the time and never logs in: login_time counts from the start."""
    sock = server.connect("pop3")
    ends = time.monotonic() + 6 + 10 * postern.SLOW
    try:
        while time.monotonic() < ends:
            sock.sendall(b"x")
            time.sleep(1)
    except OSError:
        return
    finally:
        sock.close()
    raise AssertionError("an octet a second keeps a connection without a login")


def leaves_in_the_middle(server):
    """Half a mail over LMTP: nothing of it may arrive."""
    sock = server.connect("lmtp")
    sock.sendall(b"LHLO x\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
    time.sleep(0.2)
    sock.sendall(b"Subject: half\r\n\r\nhalf a ma")
    sock.close()


def main():
    changes = {"server": {"log_level": "info", "max_connections_per_address": 5000},
               "listener pop3": {"login_time": "6s"}}
    with postern.mail_server(store="kyoto", users={"alice": "secret", "bob": "secret"},
                             changes=changes) as server:
        with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=60) as lmtp:
            lmtp.sendmail("a@example.test", ["alice@example.test"], BIG)
            lmtp.sendmail("a@example.test", ["bob@example.test"], b"Subject: b\r\n\r\nb\r\n")
        before = resident(server)
        silent = [server.connect("pop3") for _ in range(SILENT)]
        stuck = never_reads(server)
        slow = octet_by_octet(server)
        leaves_in_the_middle(server)
        began = time.monotonic()
        for _ in range(20):
            pop = login(server)
            assert pop.stat()[0] == 1, pop.stat()
            pop.quit()
        took = time.monotonic() - began
        assert took < 10 * postern.SLOW, f"twenty logins took {took:.1f} s beside bad clients"
        grown = resident(server) - before
        assert grown < 200e6 * postern.SLOW, f"{grown / 1e6:.0f} MB more than before"
        octet_a_second(server)
        # The silent ones hear why, and are sent away.
        for sock in silent[::100]:
            sock.settimeout(60)
            answer = b""
            while True:
                octets = sock.recv(4096)
                if not octets:
                    break
                answer += octets
            lines = answer.split(b"\r\n")
            assert lines[0].startswith(b"+OK") and lines[1].startswith(b"-ERR"), answer
        for sock in silent + [stuck, slow]:
            sock.close()
        assert login(server).stat()[0] == 1


if __name__ == "__main__":
    main()
