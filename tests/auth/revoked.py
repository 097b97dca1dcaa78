#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions in another's mailbox end when it is taken from them, on every protocol, by posternctl and in
the directory; those of the owner and of other delegates go on."""

import imaplib
import os
import poplib
import smtplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

CHANGES = {"plugin auth": {"failure_delay": "0", "delegation_check": "500ms"},
           "plugin directory-file": {"nt_domains": "EXAMPLE"}}
CHECKED = 2.0  # several times
SOON = 20.0


def imap(server, user):
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=postern.TIMEOUT)
    client.login(user, "pass")
    assert client.select("INBOX", readonly=True)[0] == "OK"
    return client


def idle(server, user):
    client = imap(server, user)
    client.send(b"i IDLE\r\n")
    assert client.readline().startswith(b"+"), user
    return client


def pop3(server, user):
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    client.user(user)
    client.pass_("pass")
    return client


def smtp(server, user):
    client = smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=postern.TIMEOUT)
    client.ehlo("client.example.test")
    client.login(user, "pass")
    return client


def rest(connection):
    """What is still said until the connection is closed, in time."""
    connection.settimeout(SOON)
    octets = b""
    while True:
        try:
            piece = connection.recv(4096)
        except ConnectionResetError:
            return octets
        if not piece:
            return octets
        octets += piece


def goes_on(client):
    assert client.noop()[0] == "OK"


def taken_by_posternctl(server):
    server.posternctl("delegate", "add", "alice", "bob")
    server.posternctl("delegate", "add", "alice", "carol", "--read-only")
    bob = "EXAMPLE/bob/alice"
    ending = [idle(server, bob).sock, imap(server, bob).sock, pop3(server, bob).sock,
              smtp(server, bob).sock]
    staying = [imap(server, "alice"), imap(server, "EXAMPLE/carol/alice"), imap(server, "bob")]
    time.sleep(CHECKED)
    for connection in ending:  # nobody is disturbed by the questions
        connection.setblocking(False)
        try:
            assert connection.recv(1) is None
        except BlockingIOError:
            pass
    server.posternctl("delegate", "remove", "alice", "bob")
    said = [rest(connection) for connection in ending]
    assert said[0].startswith(b"* BYE") and said[1].startswith(b"* BYE"), said
    assert said[3].startswith(b"421"), said
    line = server.wait_log("login.revoked", user="bob", account="alice", service="imap")
    assert line["reason"] == "no delegate of this mailbox", line
    for client in staying:
        goes_on(client)
        client.logout()


def taken_in_the_directory(server):
    server.posternctl("user", "delegate", "alice", "carol")
    carol, alice = idle(server, "EXAMPLE/carol/alice"), imap(server, "alice")
    time.sleep(CHECKED)
    server.posternctl("user", "undelegate", "alice", "carol")  # what is left is to read
    assert rest(carol.sock).startswith(b"* BYE")
    server.wait_log("login.revoked", user="carol", reason="no longer as much as before")
    again = idle(server, "EXAMPLE/carol/alice")
    server.posternctl("user", "set", "carol", "disabled=yes")
    assert rest(again.sock).startswith(b"* BYE")
    goes_on(alice)
    alice.logout()


def a_stop_waits_for_nobody(server):
    server.posternctl("delegate", "add", "alice", "bob")
    clients = [idle(server, "EXAMPLE/bob/alice") for _ in range(5)]
    server.stop()
    assert all(rest(client.sock).startswith(b"* BYE") for client in clients)


def revoked():
    users = {name: "pass" for name in ("alice", "bob", "carol")}
    with postern.mail_server(users=users, changes=CHANGES) as server:
        taken_by_posternctl(server)
        taken_in_the_directory(server)
        a_stop_waits_for_nobody(server)


if __name__ == "__main__":
    postern.run(revoked)
