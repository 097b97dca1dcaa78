#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who guesses passwords waits, on all protocols together, and nobody else does. Waits are measured from
below alone, which no busy machine can spoil; that nobody else waits is told by the server's own count of
those who did."""

import base64
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

DELAY = 1.0  # after the second failure; half of it after the first
ACCOUNTS = {name: {"password": people.secrets("secret")} for name in
            ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")}
# What is said to who would have to wait too long.
TOO_MANY = {"pop": "-ERR [SYS/TEMP] ", "imap": "NO [LIMIT] ", "smtp": "454 4.7.0 "}
REFUSED = {"pop": "-ERR [AUTH] ", "imap": "NO [AUTHENTICATIONFAILED] ", "smtp": "535 5.7.8 "}


def waits():
    """How many logins had to wait since the start."""
    for line in server.posternctl("metrics").stdout.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("postern_login_waits"):
            return int(float(value))
    raise AssertionError("no postern_login_waits among the metrics")


def attempt(peer, protocol, mechanism, user, password):
    """(did it let in, when it began); it has ended when this returns."""
    with dialogue.open(protocol, dialogue.Proxied(server, peer)) as client:
        began = time.monotonic()
        answer = mechanisms.ways[mechanism](client, user, password)
        client.leave()
        return answer.good, began


def fails(peer, protocol, mechanism, user, password="wrong"):
    good, began = attempt(peer, protocol, mechanism, user, password)
    assert not good, (peer, protocol, mechanism, user)
    return began


def logs_in(peer, protocol, mechanism, user):
    good, began = attempt(peer, protocol, mechanism, user, "secret")
    assert good, (peer, protocol, mechanism, user, server.tail())
    return began


def delays_grow_from_protocol_to_protocol():
    """The right password waits as the wrong one does.  Time that passes anyway counts, so what is
    measured is the time since the first."""
    first = fails("192.0.2.1", "pop", "password", "alice")
    for total, protocol, mechanism, user in ((DELAY / 2, "imap", "PLAIN", "ALICE@example.test"),
                                             (DELAY * 3 / 2, "smtp", "NTLM", "alice")):
        fails("192.0.2.1", protocol, mechanism, user)
        assert time.monotonic() - first > total - 0.01, (protocol, time.monotonic() - first)
    logs_in("192.0.2.2", "imap", "SCRAM-SHA-256", "alice")  # the same network
    assert time.monotonic() - first > DELAY * 7 / 2 - 0.01, time.monotonic() - first
    assert 1 <= waits() <= 3, waits()


def others_do_not_wait():
    """The same user from elsewhere, and others from there; after a success the count begins anew."""
    before = waits()
    for protocol in dialogue.PROTOCOLS:
        logs_in("198.51.100.1", protocol, "PLAIN", "alice")
        logs_in("192.0.2.1", protocol, "PLAIN", "bob")
        logs_in("192.0.2.1", protocol, "PLAIN", "alice")
    assert waits() == before, waits()


def networks_are_held_up_but_for_who_is_known():
    """From the fifth user on who failed there."""
    logs_in("203.0.113.1", "imap", "PLAIN", "heidi")
    for name in ("bob", "carol", "dave", "erin", "frank"):
        last = fails("203.0.113.77", "pop", "PLAIN", name)
    logs_in("203.0.113.2", "smtp", "PLAIN", "grace")
    assert time.monotonic() - last > DELAY / 2 - 0.01, time.monotonic() - last
    before = waits()
    logs_in("203.0.113.2", "smtp", "PLAIN", "heidi")
    logs_in("2001:db8::1", "smtp", "PLAIN", "bob")
    assert waits() == before, waits()


def the_longest_wait_has_an_end():
    """More attempts at the same time gain nothing: who would wait longer than failure_delay_max is told
    so at once."""
    fails("192.0.2.129", "imap", "PLAIN", "dave")
    said = base64.b64encode(b"\0dave\0wrong")
    clients = []
    try:
        for number in range(12):
            protocol = dialogue.PROTOCOLS[number % 3]
            clients.append((protocol, dialogue.open(protocol, dialogue.Proxied(server, "192.0.2.130"))))
        for protocol, client in clients:
            client.send(client.tagged(b"AUTHENTICATE PLAIN " + said) if protocol == "imap"
                        else b"AUTH PLAIN " + said)
        answers = [(protocol, client.answer().text) for protocol, client in clients]
    finally:
        for _, client in clients:
            client.__exit__()
    for protocol in dialogue.PROTOCOLS:
        texts = [text for name, text in answers if name == protocol]
        assert any(text.startswith(TOO_MANY[protocol]) for text in texts), answers
        assert all(text.startswith((TOO_MANY[protocol], REFUSED[protocol])) for text in texts), answers
    assert any(text.startswith(REFUSED[name]) for name, text in answers), answers  # had their turn
    server.wait_log("login.failure", reason="too many failures", login="dave")


if __name__ == "__main__":
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True,
                            proxy_from="127.0.0.0/8")
    wide["plugin auth"] = {"failure_delay": "%gms" % (1000 * DELAY), "failure_delay_max": "3s",
                           "failure_forget": "1h"}
    server = postern.mail_server(changes=wide)
    try:
        people.write(server.users_file, ACCOUNTS)
        server.start()
        postern.run(delays_grow_from_protocol_to_protocol, others_do_not_wait,
                    networks_are_held_up_but_for_who_is_known, the_longest_wait_has_an_end)
    finally:
        server.close()
