#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Directory servers that stop, hang, say nothing or nonsense: others go on, nobody is told that the
password was wrong, and everything works again when the server does."""

import os
import smtplib
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import postern  # noqa: E402
import slapd  # noqa: E402


def login(server, user, secret, protocol="imap"):
    """(answer, seconds)"""
    with dialogue.open(protocol, server) as client:
        begin = time.monotonic()
        answer = mechanisms.password(client, user, secret)
        return answer, time.monotonic() - begin


def rcpt(server, address):
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=postern.TIMEOUT) as client:
        client.ehlo()
        client.mail("sender@elsewhere.test")
        return client.rcpt(address)[0]


def mail_server(settings, **more):
    """frank is in a file, all others in the directory."""
    return postern.mail_server(users={"frank": "secret"}, changes={
        "plugin directory-file": {"domains": "file.test", "nt_domains": None},
        "plugin directory-ldap": settings, **more})


def two_directories_are_one():
    """For mail and for senders too, whichever stands first."""
    with slapd.Server(users=5) as directory:
        for first in ("directory-file", "directory-ldap"):
            with mail_server(directory.settings(timeout="3s"), server={"directory": first}) as server:
                for address, code in (("frank@file.test", 250), ("alice@example.test", 250),
                                      ("nobody@file.test", 550), ("nobody@example.test", 550),
                                      ("frank@example.test", 550), ("x@elsewhere.test", 550)):
                    assert rcpt(server, address) == code, (first, address)
                for user, secret, address, good in (
                        ("frank", "secret", "frank@file.test", True),
                        ("frank", "secret", "alice@example.test", False),
                        ("alice", "Al1ce-Pw", "alice@example.test", True),
                        ("alice", "Al1ce-Pw", "bob@example.test", True),
                        ("alice", "Al1ce-Pw", "frank@file.test", False)):
                    with dialogue.open("smtp", server) as client:
                        assert mechanisms.plain(client, user, secret).good
                        client.send(b"MAIL FROM:<%s>" % address.encode())
                        assert client.answer().good == good, (first, user, address)
                if first == "directory-file":
                    continue
                directory.pause()
                assert rcpt(server, "u00003@example.test") == 451
                assert rcpt(server, "frank@file.test") == 250
                directory.resume()


def works_in_the_end(server, user, secret):
    deadline = time.monotonic() + postern.TIMEOUT
    while not login(server, user, secret)[0].good:
        assert time.monotonic() < deadline, "still down"
        time.sleep(0.1)


def another_server_takes_over():
    with slapd.Server(users=20) as first, slapd.Server(users=20) as second:
        authorities = first.path("both.pem")
        with open(authorities, "w", encoding="utf-8") as out:
            for directory in (first, second):
                with open(directory.ca_file, encoding="utf-8") as certificate:
                    out.write(certificate.read())
        settings = first.settings(servers=first.uri + " " + second.uri, ca_file=authorities)
        with mail_server(settings) as server:
            assert login(server, "u00001", "pw-00001")[0].good
            first.stop()
            for number in range(1, 11):
                answer, seconds = login(server, "u%05d" % number, "pw-%05d" % number)
                assert answer.good and seconds < 3 * postern.SLOW, (number, answer, seconds)
            down = server.wait_log("ldap.down")
            assert down["server"] == first.uri, down
            first.start()
            number = 11
            while not server.logged("ldap.up"):
                assert login(server, "u%05d" % (number % 20 + 1),
                             "pw-%05d" % (number % 20 + 1))[0].good
                number += 1
                assert number < 1000
                time.sleep(0.05)
            second.stop()
            assert login(server, "u00015", "pw-00015")[0].good
            # And with none of them.
            first.stop()
            answer, _ = login(server, "bob", "B0b-Pw")
            assert "[UNAVAILABLE]" in answer.text, answer


def a_restart_is_not_noticed():
    """Connections that were kept are gone, which says nothing about the server."""
    with slapd.Server(users=5) as directory, mail_server(directory.settings()) as server:
        for number in range(1, 6):
            assert login(server, "u%05d" % number, "pw-%05d" % number)[0].good
            directory.stop()
            directory.start()
        assert not server.logged("ldap.trouble"), server.logged("ldap.trouble")


def a_hanging_server_delays_nobody_else():
    count = 100
    with slapd.Server(users=count) as directory, \
            mail_server(directory.settings(timeout="2s")) as server:
        assert login(server, "u00001", "pw-00001")[0].good
        directory.pause()
        answers, others = [], []

        def one(number):
            answers.append(login(server, "u%05d" % number, "pw-%05d" % number))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(2, count + 1)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            answer, seconds = login(server, "frank", "secret")
            assert answer.good, answer
            others.append(seconds)
        for thread in threads:
            thread.join()
        others.sort()
        late = others[len(others) * 99 // 100]
        print("    %d others' logins meanwhile: median %.1f ms, p99 %.1f ms" % (
            len(others), others[len(others) // 2] * 1000, late * 1000))
        # Who waited for one of them would wait 2 s; the goal is measured by scripts/bench.
        assert late < 1.8 and others[len(others) // 2] < 0.1 * postern.SLOW, others
        assert all("[UNAVAILABLE]" in answer.text for answer, _ in answers), answers
        print("    %d logins at the server that hangs: at most %.1f s" % (
            len(answers), max(seconds for _, seconds in answers)))
        assert max(seconds for _, seconds in answers) < 6 * postern.SLOW
        # Left alone now: the answer comes at once.
        assert min(login(server, "u00050", "pw-00050")[1] for _ in range(3)) < 1
        # Mail: later, and not never.
        assert rcpt(server, "u00060@example.test") == 451
        assert rcpt(server, "nobody@example.test") == 451
        assert rcpt(server, "frank@file.test") == 250
        directory.resume()
        works_in_the_end(server, "u00050", "pw-00050")
        assert rcpt(server, "u00060@example.test") == 250
        assert rcpt(server, "nobody@example.test") == 550


def what_is_remembered_serves():
    with slapd.Server(users=5) as directory, mail_server(directory.settings()) as server:
        assert login(server, "alice", "Al1ce-Pw")[0].good
        assert rcpt(server, "alice@example.test") == 250
        directory.stop()
        assert login(server, "alice", "Al1ce-Pw")[0].good
        assert rcpt(server, "alice@example.test") == 250
        assert rcpt(server, "bob@example.test") == 451
        for user, secret in (("alice", "wrong"), ("bob", "B0b-Pw"), ("nobody", "x")):
            answer, _ = login(server, user, secret)
            assert "[UNAVAILABLE]" in answer.text, (user, answer)
        server.posternctl("cache", "flush")
        assert "[UNAVAILABLE]" in login(server, "alice", "Al1ce-Pw")[0].text


def a_full_lane_says_so():
    lane = {"lane ldap": {"threads": 1, "queue": 2}}
    with slapd.Server(users=0) as directory, \
            mail_server(directory.settings(timeout="2s"), **lane) as server:
        directory.pause()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(login(server, "alice", "x")))
                   for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all("[UNAVAILABLE]" in answer.text for answer, _ in answers), answers
        assert sum(seconds < 1.5 for _, seconds in answers) >= 8, answers
        assert [line for line in server.logged("login.failure") if "full" in line["reason"]]


class Silent:
    """Accepts connections; says `octets` to whatever it hears, and goes, if `close`."""

    def __init__(self, octets=b"", close=False):
        self.octets, self.close, self.kept = octets, close, []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
        for sock in self.kept:
            sock.close()

    def serve(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.kept.append(sock)
            threading.Thread(target=self.speak, args=(sock,), daemon=True).start()

    def speak(self, sock):
        try:
            while self.octets and sock.recv(4096):
                sock.sendall(self.octets)
            if self.close:
                sock.close()
        except OSError:
            pass


def nonsense_is_an_outage():
    with slapd.Server(users=0) as directory:
        for what, octets, close, scheme in (
                ("silence", b"", False, "ldap"),
                ("silence for TLS", b"", False, "ldaps"),
                ("half a message", b"\x30\x84\x00", False, "ldap"),
                ("a message that goes on", b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01", False, "ldap"),
                ("half a TLS record", b"\x16\x03\x03\x40\x00\x02", False, "ldaps"),
                ("zeros", bytes(64), False, "ldap"),
                ("another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "ldap"),
                ("the end", b"", True, "ldap"),
                ("the end for TLS", b"", True, "ldaps")):
            with Silent(octets, close) as silent:
                settings = directory.settings(servers="%s://127.0.0.1:%d" % (scheme, silent.port),
                                              timeout="500ms")
                with mail_server(settings) as server:
                    answer, seconds = login(server, "alice", "Al1ce-Pw")
                    assert "[UNAVAILABLE]" in answer.text, (what, answer)
                    print("    %-24s %.2f s" % (what, seconds))
                    assert seconds < 2 * postern.SLOW, (what, seconds)
                    assert login(server, "frank", "secret")[0].good


if __name__ == "__main__":
    postern.run(two_directories_are_one, another_server_takes_over, a_restart_is_not_noticed,
                a_hanging_server_delays_nobody_else, what_is_remembered_serves,
                a_full_lane_says_so, nonsense_is_an_outage)
