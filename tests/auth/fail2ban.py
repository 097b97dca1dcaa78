#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fail2ban's filter on lines that a real server wrote, in all forms of the log: it finds the address
of each refused login, as PROXY told it, in every protocol and mechanism; no other line, and no
address that a client made up."""

import collections
import json as json_text
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import idp  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

FILTER = os.path.join(postern.ROOT, "scripts/packaging/fail2ban/filter.d/postern.conf")
ACCOUNTS = {"alice": {"password": people.secrets("secret")},
            "old": {"password": people.secrets("secret"), "expired": "yes"},
            "off": {"password": people.secrets("secret"), "disabled": "yes"},
            "nothing": {"password": people.secrets("secret"), "protocols": "none"}}
INNOCENT = "203.0.113.66"
# User names that want somebody else to be banned.
LIES = ("peer=%s", "x peer=%s reason=x", "x\" peer=%s reason=\"x", "%s", "alice@%s", "<HOST>%s",
        "x\npeer=%s", "x\r\n2026-11-22 06:00:00.000 info    login.failure plugin=auth session=1 "
        "listener=pop3 peer=%s reason=\"wrong password\"",
        "x\",\"peer\":\"%s\",\"reason\":\"", "x\\\",\"peer\":\"%s\",\"reason\":\"x",
        "{\"time\":\"2026-11-22T06:00:00.000000Z\",\"level\":\"info\",\"event\":\"login.failure\","
        "\"plugin\":\"auth\",\"session\":\"1\",\"listener\":\"l\",\"peer\":\"%s\",\"reason\":\"",
        "x\u2028peer=%s", "x\u202epeer=%s", "posternd[1]: login.failure plugin=auth session=1 "
        "listener=l peer=%s reason=")


def attempt(server, peer, protocol, mechanism, user, password):
    with dialogue.open(protocol, dialogue.Proxied(server, peer)) as client:
        return mechanisms.ways[mechanism](client, user, password).good


def show_token(server, peer, protocol, mechanism, token, end):
    """Tokens that do not do are answered with a challenge that says why; then the client answers it,
    gives up, or is gone."""
    with dialogue.open(protocol, dialogue.Proxied(server, peer)) as client:
        first = "n,a=alice," if mechanism == "OAUTHBEARER" else "user=alice"
        answer = client.authenticate(mechanism, ("%s\1auth=Bearer %s\1\1" % (first, token)).encode())
        if end != "proves":
            assert answer.challenge, answer
        if end == "answers":
            answer = client.respond(b"\1")
        elif end == "gives up":
            answer = client.respond(None)
        return answer.good


def tokens(server):
    expected = collections.Counter()
    now = int(time.time())
    expired = provider.token(exp=now - 1000)
    for protocol in dialogue.PROTOCOLS:
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            peer = "192.0.2.%d" % (100 + len(expected))
            for end in ("answers", "gives up", "hangs up"):
                assert not show_token(server, peer, protocol, mechanism, expired, end)
                expected[peer] += 1
            assert show_token(server, "192.0.2.200", protocol, mechanism, provider.token(), "proves")
    return expected


def play(server):
    """All that happens; returns how often each address is to be found."""
    expected = collections.Counter()
    number = 0
    for protocol in dialogue.PROTOCOLS:
        with dialogue.open(protocol, dialogue.Proxied(server, "192.0.2.250")) as client:
            ways = [name for name in client.mechanisms() if name in mechanisms.ways]
        for mechanism in ways + ([] if protocol == "smtp" else ["password"]):
            number += 1
            peer = f"2001:db8::{number:x}" if number % 3 == 0 else f"192.0.2.{number}"
            for user in ("alice", "nobody"):
                assert not attempt(server, peer, protocol, mechanism, user, "wrong")
                expected[peer] += 1
            assert attempt(server, "192.0.2.200", protocol, mechanism, "alice", "secret")
            for user in ("old", "off", "nothing"):  # who has proved it is no attacker
                assert not attempt(server, "192.0.2.201", protocol, mechanism, user, "secret")
    for lie in LIES:
        name = lie.replace("%s", INNOCENT)
        for protocol in dialogue.PROTOCOLS:
            with dialogue.open(protocol, dialogue.Proxied(server, "198.51.100.77")) as client:
                assert not mechanisms.plain(client, name, "wrong").good
                expected["198.51.100.77"] += 1
            with dialogue.open(protocol, dialogue.Proxied(server, "198.51.100.77")) as client:
                assert not mechanisms.plain(client, "alice", "wrong", authzid=name).good
                expected["198.51.100.77"] += 1
    if provider:
        expected += tokens(server)
    return expected


def trouble(server):
    """A directory that cannot answer is not the client's fault."""
    os.rename(server.users_file, server.users_file + ".gone")
    server.restart()
    for protocol in dialogue.PROTOCOLS:
        assert not attempt(server, "192.0.2.202", protocol, "PLAIN", "alice", "wrong")


def found_in(path):
    """What fail2ban would ban, and how often."""
    done = subprocess.run(["fail2ban-regex", "-o", "ip", path, FILTER], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return collections.Counter(done.stdout.split())


def as_the_journal_shows(lines, path):
    """The lines of a text log as fail2ban gets them from the journal, those of PRIORITY=6."""
    with open(path, "w", encoding="utf-8") as out:
        for line in lines:
            parts = re.fullmatch(r"(\S+) (\S+)\.\d+ info\s+(login\.failure .*)", line)
            if parts:
                out.write("%sT%s mail posternd[123]: %s\n" % parts.groups())


def form(name):
    log = os.path.join(server.directory, "log-" + name)
    server.configure({"server": {"log": name, "log_file": log}})
    server.stop()
    if os.path.exists(server.users_file + ".gone"):
        os.rename(server.users_file + ".gone", server.users_file)
    server.start()
    expected = play(server)
    trouble(server)
    server.stop()
    found = found_in(log)
    assert found == expected, (found - expected, expected - found)
    with open(log, encoding="utf-8") as file:
        lines = file.read().splitlines()
    # What is not taken is there nonetheless: the words of the filter are those of the log.
    assert sum("login.failure" in line for line in lines) > sum(expected.values()), lines[-5:]
    for address in ("192.0.2.200", "192.0.2.201", "192.0.2.202"):
        assert any(address in line for line in lines), address
    return expected, lines


def text():
    expected, lines = form("text")
    path = os.path.join(server.directory, "journal")
    as_the_journal_shows(lines, path)
    found = found_in(path)
    assert found == expected, (found - expected, expected - found)


def json():
    expected, _ = form("json")
    print("    %d failures of %d addresses" % (sum(expected.values()), len(expected)))


if __name__ == "__main__":
    if not shutil.which("fail2ban-regex"):
        postern.skip("fail2ban is not installed")
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS + " OAUTHBEARER XOAUTH2",
                            integrated_windows_authentication=True, proxy_from="127.0.0.0/8")
    provider = idp.Provider() if postern.built("auth-oauth") else None
    server = postern.mail_server(changes=wide)
    try:
        people.write(server.users_file, ACCOUNTS)
        if provider:
            keys = os.path.join(server.directory, "keys.json")
            with open(keys, "w", encoding="ascii") as out:
                json_text.dump(provider.key_set(), out)
            server.configure({"plugin auth-oauth": {"issuer": idp.ISSUER, "audience": idp.AUDIENCE,
                                                    "keys_file": keys}})
        postern.run(text, json)
    finally:
        server.close()
        if provider:
            provider.close()
