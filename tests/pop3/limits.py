# SPDX-License-Identifier: Apache-2.0
"""What a client hears when something has an end: the maildrop lock, LOGIN-DELAY, connections of a
user, login time, idle time, long lines, failed logins. None of it sounds like a bad password."""

import os
import poplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402


def login(server, listener="pop3", user="alice", password="secret"):
    pop = poplib.POP3("127.0.0.1", server.port(listener), timeout=30)
    pop.user(user)
    pop.pass_(password)
    return pop


def refusal(server, **how):
    try:
        login(server, **how)
    except poplib.error_proto as error:
        return error.args[0]
    raise AssertionError("was let in")


def lock(server):
    first = login(server)
    assert refusal(server).startswith(b"-ERR [IN-USE]")
    first.quit()
    second = login(server)  # at once: QUIT unlocks before it answers
    second.close()  # without QUIT
    for _ in range(100):
        try:
            login(server).quit()
            return
        except poplib.error_proto:
            time.sleep(0.05)
    raise AssertionError("a lost connection keeps the mailbox locked")


def delay(server):
    for tries in range(5):
        login(server, "slow", "bob").quit()
        began = time.monotonic()
        try:
            login(server, "slow", "bob").quit()
        except poplib.error_proto as error:
            assert error.args[0].startswith(b"-ERR [LOGIN-DELAY]"), error
            break
        # Let in: only because the machine took so long.
        assert time.monotonic() - began > 1 and tries < 4, "a login at once"
    time.sleep(2.1)
    login(server, "slow", "bob").quit()


def wrong_passwords(server):
    sock = server.connect("pop3")
    answers = sock.makefile("rb")
    for _ in range(3):
        sock.sendall(b"USER carol\r\nPASS wrong\r\n")
    lines = answers.read().split(b"\r\n")  # closed after the third
    assert sum(line.startswith(b"-ERR [AUTH]") for line in lines) == 3, lines


def times(server):
    began = time.monotonic()
    silent = server.connect("brief").makefile("rb")
    idle = login(server, "brief", "dave")
    lines = silent.read().split(b"\r\n")
    assert lines[0].startswith(b"+OK") and lines[1].startswith(b"-ERR"), lines
    assert 1 < time.monotonic() - began < 20 * postern.SLOW
    line = idle.file.readline()
    assert line.startswith(b"-ERR") and b"[AUTH]" not in line, line
    assert idle.file.read() == b""


def long_lines(server):
    sock = server.connect("pop3")
    answers = sock.makefile("rb")
    sock.sendall(b"CAPA" + b" " * 300 + b"\r\n" + b"x" * 1_000_000 + b"\r\nLANG x\r\n")
    lines = [answers.readline() for _ in range(4)]
    assert lines[1].startswith(b"-ERR line too long"), lines
    assert lines[2].startswith(b"-ERR line too long"), lines
    assert lines[3].startswith(b"-ERR no such language"), lines


def main():
    clear = {"protocol": "pop3", "address": "auto", "cleartext_login": True}
    changes = {"listener slow": dict(clear, login_delay="2s"),
               "listener brief": dict(clear, login_time="4s", idle_time="5s")}
    users = {name: "secret" for name in ("alice", "bob", "carol", "dave")}
    with postern.mail_server(users=users, changes=changes) as server:
        lock(server)
        delay(server)
        wrong_passwords(server)
        times(server)
        long_lines(server)


if __name__ == "__main__":
    main()
