#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""NTLM on POP3, IMAP4 and submission, by a client that makes every choice: versions of the response,
integrity codes, channel bindings, code pages, headers, names; what is refused, and what the log says
of it."""

import hashlib
import os
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import ntlm_client  # noqa: E402
import postern  # noqa: E402

SECRET = "pässword"
USERS = """
[alice]
password = {PLAIN}%(secret)s
alias = al, alice.adams
auth.ntlmv1 = yes

[hashed]
password = {NT}%(hash)s

[bob]
password = {PLAIN}%(secret)s
delegates = alice

[müller]
password = {PLAIN}%(secret)s

[off]
password = {PLAIN}%(secret)s
disabled = yes

[old]
password = {PLAIN}%(secret)s
expired = yes

[slow]
password = $6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1
""" % {"secret": SECRET, "hash": ntlm_client.nt_hash(SECRET).hex()}
IWA = {"integrated_windows_authentication": "yes"}
CHANGES = {
    "plugin directory-file": {"nt_domains": "EXAMPLE"},
    "plugin auth": {"failure_delay": "0"},
    "listener pop3": IWA, "listener imap": IWA, "listener submission": IWA,
    "listener imaps": dict(IWA, extended_protection="require"),
    "listener pop3s": dict(IWA, extended_protection="allow"),
    "listener submissions": dict(IWA, extended_protection="none"),
    "listener old": dict(IWA, protocol="imap4", address="auto", ntlmv1="yes"),
    "listener joined": dict(IWA, protocol="imap4", address="auto", ntlm_domain="EXAMPLE",
                            ntlm_computer="front7"),
}
DENIED = {"pop": "-ERR [AUTH]", "imap": "NO [AUTHENTICATIONFAILED]", "smtp": "535 5.7.8"}


def attempt(user="alice", password=SECRET, protocol="imap", listener=None, tls=False, initial=True,
            **choices):
    """The answer, and the log line of the login."""
    client = ntlm_client.Client(user, password, **choices)
    since = len(server.log)
    with dialogue.open(protocol, server, listener, tls) as connection:
        answer = ntlm_client.login(connection, client, initial)
        line = server.wait_log("login.success" if answer.good else "login.failure", since=since)
        connection.leave()  # POP3 locks the mailbox as long as it is open
    return answer, line


def succeeds(user="alice", account=None, version="NTLMv2", **rest):
    answer, line = attempt(user, **rest)
    assert answer.good, (answer, line)
    assert line["mechanism"] == "NTLM" and line["detail"] == version, line
    if account:
        assert line["account"] == account, line
    return line


def fails(reason, user="alice", protocol="imap", **rest):
    answer, line = attempt(user, protocol=protocol, **rest)
    assert answer.text.startswith(DENIED[protocol]), (answer, line)
    assert reason in line["reason"], (reason, line)
    assert line["mechanism"] == "NTLM", line
    return line


def all_framings():
    for protocol in dialogue.PROTOCOLS:
        with dialogue.open(protocol, server) as client:
            assert "NTLM" in client.mechanisms(), client.mechanisms()
        for initial in (True, False):
            succeeds(protocol=protocol, initial=initial)
            fails("wrong password", protocol=protocol, initial=initial, password="wrong")
            fails("unknown user", "nobody", protocol=protocol, initial=initial)


def choices_of_clients():
    for header in (52, 64, 72, 88):
        for charset in ("unicode", "ascii"):
            succeeds(header=header, charset=charset)
            succeeds("hashed", header=header, charset=charset, lm=False)
    succeeds(flags=0)
    succeeds(workstation="")
    succeeds(exchange=True)
    succeeds(mic=True)
    succeeds(mic=True, exchange=True)


def names():
    for user, domain, account in (
            ("alice", "EXAMPLE", "alice"), ("ALICE", "example", "alice"), ("al", "", "alice"),
            ("alice", "WORKSTATION7", "alice"), ("alice@example.test", "", "alice"),
            ("alice@example.test", "EXAMPLE", "alice"), ("alice.adams", "EXAMPLE", "alice"),
            ("EXAMPLE\\alice", "", "alice"), ("EXAMPLE/alice", "", "alice"),
            ("alice/bob", "EXAMPLE", "bob"), ("alice\\bob", "EXAMPLE", "bob"),
            ("EXAMPLE/alice/bob", "", "bob"), ("EXAMPLE/alice/bob", "WORKSTATION7", "bob"),
            ("alice@example.test/bob", "", "bob"), ("müller", "EXAMPLE", "müller"),
            ("MÜLLER", "", "müller")):
        line = succeeds(user, domain=domain, account=account)
        assert line["user"] == ("müller" if account == "müller" else "alice"), line
    succeeds("alice", domain="example", hashed=("ALICE", "EXAMPLE"))
    succeeds("alice", domain="EXAMPLE", hashed=("ALICE", ""))
    succeeds("müller", charset="latin-1", account="müller")
    succeeds("müller", charset="utf-8", account="müller")
    succeeds("müller", charset="utf-8", hashed=("MÃ¼LLER", ""))  # as curl widens it
    fails("wrong password", domain="EXAMPLE", hashed=("ALICE", "OTHER"))
    fails("no delegate", "bob/alice", domain="EXAMPLE")
    fails("not a login name", "alice/bob/carol/dave", domain="EXAMPLE")
    fails("always refused", "guest", domain="EXAMPLE")
    fails("always refused", "anonymous")


def old_versions():
    for version, name in (("v1", "NTLMv1"), ("session", "NTLM2 session")):
        since = len(server.log)
        line = attempt(listener="old", version=version)[1]
        assert line["event"] == "login.success" and line["detail"] == name, line
        told = server.wait_log("login.ntlmv1", since=since)
        assert told["version"] == name and told["user"] == "alice", told
        fails("switched off on this listener", version=version)
        fails("wrong password", version=version, listener="old", password="wrong")
        fails("not allowed for this account", "hashed", version=version, listener="old")
    for header in (52, 64):
        answer, line = attempt(listener="old", version="v1", lm=False, header=header)
        assert answer.good and line["detail"] == "NTLMv1", line


def what_is_refused():
    fails("disabled", "off")
    fails("wrong password", "off", password="wrong")
    fails("secret", "slow")  # nothing that NTLM could verify with
    answer, line = attempt("old")
    assert answer.text.startswith("NO [EXPIRED]") and "expired" in line["reason"], (answer, line)
    assert attempt("old", password="wrong")[0].text.startswith(DENIED["imap"])
    fails("anonymous", "")
    fails("anonymous", flags=ntlm_client.ANONYMOUS | ntlm_client.UNICODE)

    class OnlyLm(ntlm_client.Client):
        def _responses(self):
            return b"\1" * 24, b"", b"\0" * 16

    with dialogue.open("imap", server) as connection:
        answer = ntlm_client.login(connection, OnlyLm("alice", SECRET))
        assert answer.text.startswith(DENIED["imap"]), answer


def challenges_are_used_once():
    """A recorded answer does not do a second time; nor does a second answer to one challenge."""
    client = ntlm_client.Client("alice", SECRET)
    with dialogue.open("imap", server) as connection:
        challenge = connection.authenticate("NTLM", client.negotiate()).challenge
        recorded = client.authenticate(challenge)
        assert connection.respond(recorded).good
    with dialogue.open("imap", server) as connection:
        other = connection.authenticate("NTLM", client.negotiate()).challenge
        assert ntlm_client.Challenge(other).nonce != ntlm_client.Challenge(challenge).nonce
        assert not connection.respond(recorded).good
        assert connection.authenticate("NTLM", recorded).challenge is None  # without a challenge
        assert ntlm_client.login(connection, client).good


def integrity():
    """Whoever says that there is a MIC must have one, over all three messages."""
    class Tampered(ntlm_client.Client):
        how = None

        def authenticate(self, challenge):
            message = super().authenticate(challenge)
            if self.how == "cut":
                return message[:72] + message[88:]  # fields now point too far
            if self.how == "zeros":
                return message[:72] + b"\0" * 16 + message[88:]
            flags = struct.unpack_from("<I", message, 60)[0]
            return message[:60] + struct.pack("<I", flags ^ ntlm_client.SIGN) + message[64:]

        def negotiate(self):
            first = super().negotiate()
            if self.how == "negotiate":
                return first[:13] + bytes([first[13] ^ 0x40]) + first[14:]
            return first

    for how in ("zeros", "flags"):
        client = Tampered("alice", SECRET, mic=True)
        client.how = how
        since = len(server.log)
        with dialogue.open("imap", server) as connection:
            answer = ntlm_client.login(connection, client)
        assert answer.text.startswith(DENIED["imap"]), (how, answer)
        # By its reason: the line of a failure before this one may come as late as now.
        server.wait_log("login.failure", since=since,
                        reason="messages were changed on the way (MIC)")
    class Header(ntlm_client.Client):
        def _client_challenge(self):
            self.mic = True
            blob = super()._client_challenge()
            self.mic = False
            return blob
    with dialogue.open("imap", server) as connection:  # says there is one, and has no room for it
        answer = ntlm_client.login(connection, Header("alice", SECRET, header=72))
        assert answer.text.startswith(DENIED["imap"]), answer


def channel_bindings():
    with open(server.ca_file, encoding="ascii") as file:
        certificate = ssl.PEM_cert_to_DER_cert(file.read())
    right = ntlm_client.binding_hash(hashlib.sha256(certificate).digest())
    other = ntlm_client.binding_hash(hashlib.sha256(b"other").digest())
    where = {"require": ("imap", "imaps"), "allow": ("pop", "pop3s"), "none": ("smtp", "submissions")}
    for setting, bindings, good in (
            ("require", right, True), ("require", other, False), ("require", None, False),
            ("require", b"\0" * 16, False), ("allow", right, True), ("allow", other, False),
            ("allow", None, True), ("allow", b"\0" * 16, True), ("none", other, True)):
        protocol, listener = where[setting]
        choices = {"protocol": protocol, "listener": listener, "tls": True, "bindings": bindings}
        if good:
            succeeds(mic=True, **choices)
        else:
            fails("channel", **choices)
    fails("does not end here", bindings=right)  # in clear: TLS ended somewhere else


def challenge_content():
    with dialogue.open("imap", server) as connection:
        client = ntlm_client.Client("alice", SECRET)
        challenge = ntlm_client.Challenge(connection.authenticate("NTLM", client.negotiate()).challenge)
        assert challenge.target.decode("utf-16-le") == "MAIL", challenge.target
        told = {kind: value.decode("utf-16-le") for kind, value in challenge.pairs.items() if kind < 6}
        assert told == {1: "MAIL", 2: "MAIL", 3: "mail.example.test", 4: "example.test"}, told
        assert connection.respond(None).challenge is None
    with dialogue.open("imap", server, "joined") as connection:  # what a domain controller compares
        challenge = ntlm_client.Challenge(connection.authenticate("NTLM", client.negotiate()).challenge)
        assert challenge.target.decode("utf-16-le") == "EXAMPLE", challenge.target
        told = [challenge.pairs[kind].decode("utf-16-le") for kind in (1, 2)]
        assert told == ["FRONT7", "EXAMPLE"], told


def malformed():
    for protocol in dialogue.PROTOCOLS:
        for octets in (b"NTLMSSP\0", b"NTLMSSP\0\1\0\0\0", b"\0" * 64, b"NTLMSSP\0\3" + b"\0" * 80):
            with dialogue.open(protocol, server) as connection:
                answer = connection.authenticate("NTLM", octets)
                assert answer.challenge is None and not answer.good, answer
                assert connection.serves()
                answer = ntlm_client.login(connection, ntlm_client.Client("alice", SECRET))
                assert answer.good, (protocol, octets, answer)
                connection.leave()
        client = ntlm_client.Client("alice", SECRET)
        with dialogue.open(protocol, server) as connection:
            challenge = connection.authenticate("NTLM", client.negotiate()).challenge
            assert not connection.respond(client.authenticate(challenge)[:-1]).good
            assert connection.serves()


def offered_only_where_wanted():
    with dialogue.open("imap", server, "plain") as connection:
        assert "NTLM" not in connection.mechanisms()
        assert connection.authenticate("NTLM", b"x").text.startswith("NO [CANNOT]")


def main():
    global server
    changes = postern.merge(CHANGES, {"listener plain": {"protocol": "imap4", "address": "auto"}})
    server = postern.mail_server(users={}, changes=changes)
    with open(server.users_file, "w", encoding="utf-8") as users:
        users.write(USERS)
    with server:
        for test in (all_framings, choices_of_clients, names, old_versions, what_is_refused,
                     challenges_are_used_once, integrity, channel_bindings, challenge_content,
                     malformed, offered_only_where_wanted):
            test()
            print(test.__name__)


if __name__ == "__main__":
    main()
