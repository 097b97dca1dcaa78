#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""All forms of a login name x all protocols x all mechanisms, in one table: who is it, and whose
mailbox opens, as the line login.success tells; and who is nobody, and gets one answer."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

ACCOUNTS = {
    "alice": {"password": people.secrets(people.PASSWORD), "alias": "al, a.adams@example.org"},
    "bob": {"password": people.secrets("bob's"), "alias": "robert", "delegates": "alice, jürgen"},
    "carol@example.org": {"password": people.secrets(people.PASSWORD)},
    "jürgen": {"password": people.secrets(people.PASSWORD), "alias": "jü"},
    "administrator": {"password": people.secrets(people.PASSWORD), "delegates": "alice"},
    "off": {"password": people.secrets(people.PASSWORD), "disabled": "yes"},
    "old": {"password": people.secrets(people.PASSWORD), "expired": "2020-01-01"},
    "nothing": {"password": people.secrets(people.PASSWORD), "protocols": "none"},
}

# A name as one text: what password commands, PLAIN, LOGIN, CRAM-MD5 and SCRAM send.
FORMS = (
    # login                                   user                account
    ("alice",                                 "alice",            "alice"),
    ("ALICE",                                 "alice",            "alice"),
    ("al",                                    "alice",            "alice"),
    ("alice@example.test",                    "alice",            "alice"),
    ("al@Example.Test",                       "alice",            "alice"),
    ("a.adams@example.org",                   "alice",            "alice"),
    ("EXAMPLE\\alice",                        "alice",            "alice"),
    ("example/Alice",                         "alice",            "alice"),
    ("EXAMPLE\\al",                           "alice",            "alice"),
    ("example.test\\alice",                   "alice",            "alice"),
    ("EXAMPLE\\alice@example.test",           "alice",            "alice"),
    ("EXAMPLE\\alice\\alice",                 "alice",            "alice"),
    ("EXAMPLE\\alice\\bob",                   "alice",            "bob"),
    ("EXAMPLE/alice/bob",                     "alice",            "bob"),
    ("EXAMPLE\\alice/bob",                    "alice",            "bob"),
    ("EXAMPLE/al/robert",                     "alice",            "bob"),
    ("EXAMPLE\\alice/bob@example.test",       "alice",            "bob"),
    ("alice@example.test/bob",                "alice",            "bob"),
    ("alice@example.test/robert",             "alice",            "bob"),
    ("alice@example.test/bob@example.test",   "alice",            "bob"),
    ("alice@example.test\\robert",            "alice",            "bob"),
    ("a.adams@example.org/bob",               "alice",            "bob"),
    ("carol@example.org",                     "carol@example.org", "carol@example.org"),
    ("jürgen",                                "jürgen",           "jürgen"),
    ("JÜRGEN",                                "jürgen",           "jürgen"),
    ("ju\u0308rgen",                          "jürgen",           "jürgen"),  # not composed
    ("jü@example.test",                       "jürgen",           "jürgen"),
    ("EXAMPLE\\jürgen/bob",                   "jürgen",           "bob"),
)

# A name and an authorization identity: PLAIN and SCRAM.
BEHALF = (
    # login                  authzid               user      account
    ("alice",                "alice",              "alice",  "alice"),
    ("alice",                "al",                 "alice",  "alice"),
    ("alice",                "bob",                "alice",  "bob"),
    ("al",                   "robert",             "alice",  "bob"),
    ("EXAMPLE\\alice",       "bob@example.test",   "alice",  "bob"),
    ("alice@example.test",   "EXAMPLE\\bob",       "alice",  "bob"),
    ("EXAMPLE/alice/bob",    "bob",                "alice",  "bob"),
    ("jürgen",               "robert",             "jürgen", "bob"),
    ("alice",                "EXAMPLE\\alice\\bob", "alice",  "bob"),  # the same user's name for it
)

# Two fields: NTLM. Clients put the domain of "DOMAIN/user/mailbox" into its field, and that of a
# workstation or nothing where there was none.
FIELDS = (
    # domain         user                               user      account
    ("",             "alice",                           "alice",  "alice"),
    ("EXAMPLE",      "alice",                           "alice",  "alice"),
    ("example.test", "al",                              "alice",  "alice"),
    ("WORKSTATION7", "alice",                           "alice",  "alice"),
    ("WORKSTATION7", "ALICE",                           "alice",  "alice"),
    ("",             "alice@example.test",              "alice",  "alice"),
    ("EXAMPLE",      "alice@example.test",              "alice",  "alice"),
    ("",             "EXAMPLE\\alice",                  "alice",  "alice"),
    ("EXAMPLE",      "alice/bob",                       "alice",  "bob"),
    ("EXAMPLE",      "alice\\robert",                   "alice",  "bob"),
    ("WORKSTATION7", "EXAMPLE/alice/bob",               "alice",  "bob"),
    ("",             "EXAMPLE\\alice/bob",              "alice",  "bob"),
    ("",             "alice@example.test/bob",          "alice",  "bob"),
    ("EXAMPLE",      "alice@example.test/bob@example.test", "alice", "bob"),
    ("EXAMPLE",      "jürgen",                          "jürgen", "jürgen"),
    ("EXAMPLE",      "jürgen/bob",                      "jürgen", "bob"),
)

# Who is nobody, or not allowed: everywhere the answer to a wrong password, and no other.
NOBODY = (
    "nobody", "OTHER\\alice", "alice@elsewhere.test", "carol", "carol@example.test", "alice@",
    "@example.test", "alice@example.test@example.test", "EXAMPLE\\alice\\bob\\carol",
    "alice/bob/carol/dave", "EXAMPLE\\bob\\alice", "EXAMPLE\\alice\\nobody", "alice/bob",
    # empty parts
    "\\", "/", "\\alice", "/alice", "alice\\", "alice/", "EXAMPLE\\", "EXAMPLE\\\\alice",
    "EXAMPLE\\alice\\", "\\alice\\bob", "EXAMPLE//bob", "alice@example.test/",
    # separators within a name
    "al\\ice", "al/ice", "\"al/ice\"@example.test", "al@ice", "alice bob", " alice", "alice ",
    "EXAMPLE\\alice /bob", "alice,bob", "alice=bob",
    # well-known names
    "guest", "Guest", "anonymous", "EXAMPLE\\Guest", "guest@example.test", "EXAMPLE\\alice\\guest",
    # switched off
    "off", "EXAMPLE\\off", "nothing",
    "x" * 513, "é" * 600,
)
# Refused behalf of: no delegate, nobody, a mailbox in the wrong place, two that differ.
NOT_BEHALF = (("bob", "alice"), ("alice", "nobody"), ("alice", "carol@example.org"), ("alice", "off"),
              ("alice", "EXAMPLE\\jürgen\\bob"), ("alice", "EXAMPLE\\bob\\alice"),
              ("EXAMPLE\\alice\\bob", "al"), ("alice", "guest"),
              ("alice", "\\"), ("nobody", "alice"), ("off", "alice"))
REFUSED = {"pop": "-ERR [AUTH] ", "imap": "NO [AUTHENTICATIONFAILED] ", "smtp": "535 5.7.8 "}
MALFORMED = {"pop": "-ERR malformed", "imap": "BAD ", "smtp": "501 5.5.2 "}
SECRETS = {"bob": "bob's"}


def open_client(protocol, mechanism):
    if not mechanism.endswith("-PLUS"):
        return dialogue.open(protocol, server)
    return dialogue.open(protocol, server, dialogue.LISTENERS[protocol] + "s", tls=True)


def offered(protocol):
    """What is to be tried there: the commands too, where there are some."""
    with open_client(protocol, "") as client:
        found = client.mechanisms()
    with open_client(protocol, "-PLUS") as client:
        found += [name for name in client.mechanisms() if name not in found]
    return ([] if protocol == "smtp" else ["password"]) + [
        name for name in found if name in mechanisms.ways]


def logs_in(protocol, mechanism, row, user, account, way):
    since = len(server.log)
    with open_client(protocol, mechanism) as client:
        answer = way(client)
        client.leave()  # POP3's maildrop is free again
    assert answer.good, (protocol, mechanism, row, answer)
    line = server.wait_log("login.success", since=since)
    told = (line["user"], line["account"], line["mechanism"], line["service"], line["peer"])
    assert told == (user, account, mechanism, protocol, "127.0.0.1"), (row, line)
    if user != account:  # told with both names
        server.wait_log("login.on_behalf", since=since, user=user, account=account)
    else:
        assert not server.logged("login.on_behalf", since=since), row


def all_are_offered():
    for protocol in dialogue.PROTOCOLS:
        missing = set(people.MECHANISMS.split()) - set(offered(protocol))
        assert not missing, (protocol, missing)


def each(test):
    """Runs a test for each protocol and mechanism that is offered, and prints how many rows."""
    def run():
        for protocol in dialogue.PROTOCOLS:
            for mechanism in offered(protocol):
                count = test(protocol, mechanism)
                if count:
                    print("    %-5s %-20s %3d" % (protocol, mechanism, count))
    run.__name__ = test.__name__
    return run


@each
def forms(protocol, mechanism):
    if mechanism == "NTLM":
        return 0
    for login, user, account in FORMS:
        logs_in(protocol, mechanism, login, user, account, lambda client: mechanisms.ways[mechanism](
            client, login, people.PASSWORD))
    return len(FORMS)


@each
def on_behalf(protocol, mechanism):
    if mechanism not in mechanisms.with_authzid:
        return 0
    for login, authzid, user, account in BEHALF:
        logs_in(protocol, mechanism, (login, authzid), user, account,
                lambda client: mechanisms.ways[mechanism](client, login, people.PASSWORD,
                                                          authzid=authzid))
    return len(BEHALF)


@each
def domains_in_a_field(protocol, mechanism):
    if mechanism != "NTLM":
        return 0
    for domain, name, user, account in FIELDS:
        for how in ({}, {"initial": False}, {"mic": True}, {"charset": "latin-1"}):
            logs_in(protocol, mechanism, (domain, name, how), user, account,
                    lambda client: mechanisms.ntlm(client, name, people.PASSWORD, domain=domain,
                                                   **how))
    return len(FIELDS)


def refused(protocol, mechanism, row, way, may_be_malformed=False):
    since = len(server.log)
    with open_client(protocol, mechanism) as client:
        answer = way(client)
        assert not answer.good and answer.challenge is None, (protocol, mechanism, row, answer)
    if not (may_be_malformed and answer.text.startswith(MALFORMED[protocol])):
        assert answer.text.startswith(REFUSED[protocol]), (protocol, mechanism, row, answer)
    assert not server.logged("login.success", since=since), row
    return answer.text


@each
def nobody(protocol, mechanism):
    way = mechanisms.ways[mechanism]
    answers = {refused(protocol, mechanism, "wrong", lambda client: way(client, "alice", "wrong"))}
    for login in NOBODY + (("administrator",) if protocol != "smtp" else ()):
        too_long = len(login.encode()) > 512
        if protocol == "pop" and mechanism == "password" and len(login.encode()) > 240:
            continue  # the line of a command has 255 octets
        answers.add(refused(protocol, mechanism, login,
                            lambda client: way(client, login, people.PASSWORD), too_long))
    for login, authzid in NOT_BEHALF if mechanism in mechanisms.with_authzid else ():
        answers.add(refused(protocol, mechanism, (login, authzid), lambda client: way(
            client, login, SECRETS.get(login, people.PASSWORD), authzid=authzid)))
    answers = {text for text in answers if not text.startswith(MALFORMED[protocol])}
    assert len(answers) == 1, answers
    return len(NOBODY)


@each
def expired(protocol, mechanism):
    """Told to who proved the old password, and to nobody else."""
    way = mechanisms.ways[mechanism]
    word = {"pop": "-ERR [AUTH] the password has expired", "imap": "NO [EXPIRED] ",
            "smtp": "535 5.7.8 the password has expired"}[protocol]
    with open_client(protocol, mechanism) as client:
        answer = way(client, "old", people.PASSWORD)
        assert answer.text.startswith(word), (mechanism, answer)
    refused(protocol, mechanism, "old", lambda client: way(client, "old", "wrong"))
    return 1


def octets_that_are_no_text():
    """Names that are not UTF-8 or have NULs in the wrong place hurt only themselves."""
    for protocol in dialogue.PROTOCOLS:
        for message in (b"", b"\0", b"\0\0", b"\0\0\0", b"\0\xff\xfe\0x", b"\0alice\0", b"alice",
                        b"\0alice\0a\0b", b"\0\x01\0x", b"\xed\xa0\x80\0alice\0x", b"\0" * 4000):
            with open_client(protocol, "PLAIN") as client:
                answer = client.authenticate("PLAIN", message)
                if answer.challenge is not None:
                    answer = client.respond(message)
                assert not answer.good, (protocol, message)
                assert client.serves(), (protocol, message)
    assert mechanisms.plain(open_client("imap", "PLAIN"), "alice", people.PASSWORD).good


if __name__ == "__main__":
    wide = people.listeners(sasl_mechanisms=people.MECHANISMS, integrated_windows_authentication=True)
    with postern.mail_server(changes=postern.merge({
            "plugin directory-file": {"domains": "example.test example.org"}}, wide)) as server:
        people.write(server.users_file, ACCOUNTS)
        server.restart()
        postern.run(all_are_offered, forms, on_behalf, domains_in_a_field, nobody, expired, octets_that_are_no_text)
