# SPDX-License-Identifier: Apache-2.0
"""Python's imaplib, in clear, with STARTTLS and over TLS: appends mail of every shape, with flags and
dates, fetches it octet for octet; copies, moves, searches, sorts, subscribes, expunges."""

import hashlib
import imaplib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

DATE = '" 7-Feb-2024 10:20:30 +0100"'


def good(answer):
    """The data of an answer that is OK."""
    kind, data = answer
    assert kind == "OK", answer
    return data


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def bodies(client, numbers="1:*"):
    """{number: octets} of the chosen mailbox."""
    found = {}
    for part in good(client.fetch(numbers, "(RFC822.SIZE BODY.PEEK[])")):
        if isinstance(part, tuple):
            number = int(part[0].split()[0])
            size = int(re.search(rb"RFC822\.SIZE (\d+)", part[0])[1])
            assert size == len(part[1]), (number, size, len(part[1]))
            found[number] = part[1]
    return found


def connections(server):
    """A logged-in client of each kind."""
    context = server.tls_context()
    clear = imaplib.IMAP4("localhost", server.port("imap"))
    good(clear.login("alice", "secret"))
    yield "clear", clear
    upgraded = imaplib.IMAP4("localhost", server.port("imap"))
    good(upgraded.starttls(context))
    good(upgraded.authenticate("PLAIN", lambda _: b"\0alice\0secret"))
    yield "STARTTLS", upgraded
    tls = imaplib.IMAP4_SSL("localhost", server.port("imaps"), ssl_context=context)
    good(tls.login("alice", "secret"))
    yield "TLS", tls


def delivered(server, mails):
    corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
    for way, client in connections(server):
        assert good(client.select("INBOX", readonly=True)) == [b"%d" % len(mails)]
        for number, octets in bodies(client).items():
            name, sent = mails[number - 1]
            assert digest(corpus.as_sent(octets)) == digest(sent), (way, name, octets[:300])
        good(client.close())
        client.logout()


def appended(server, mails):
    # A literal has no NUL, and imaplib makes CRLF of every line end in it.
    mails = [(name, octets) for name, octets in mails
             if name not in ("NUL octets", "bare CR", "bare LF")]
    for way, client in connections(server):
        good(client.create("Copies"))
        for number, (_, octets) in enumerate(mails):
            good(client.append("Copies", "(\\Seen)" if number % 2 else "(\\Flagged $Mine)", DATE,
                               octets))
        good(client.select("Copies"))
        found = bodies(client)
        assert len(found) == len(mails), (way, sorted(found))
        for number, (name, octets) in enumerate(mails, 1):
            assert found[number] == octets, (way, name, found[number][:300])
        told = good(client.fetch("1:2", "(FLAGS INTERNALDATE)"))
        assert b"\\Flagged" in told[0] and b"$Mine" in told[0] and b"\\Seen" in told[1], told
        assert b"7-Feb-2024" in told[0], told
        good(client.close())
        good(client.delete("Copies"))
        client.logout()


def changes(server):
    _, client = list(connections(server))[2]
    good(client.create("Work"))
    for number in range(1, 6):
        good(client.append("Work", None, None, b"From: a%d@example.test\r\nSubject: %s\r\n\r\nWord%d.\r\n"
                           % (number, b"ecadb"[number - 1:number], number)))
    good(client.select("Work"))
    assert good(client.search(None, "TEXT", "word3")) == [b"3"]
    assert good(client.search("UTF-8", "FROM", "a4")) == [b"4"]
    if "SORT" in client.capabilities:
        assert good(client.sort("(SUBJECT)", "UTF-8", "ALL")) == [b"3 5 2 4 1"]
    if "THREAD=REFERENCES" in client.capabilities:
        assert good(client.thread("REFERENCES", "UTF-8", "ALL"))[0].count(b"(") == 5
    good(client.copy("1:2", "Archive"))
    good(client._simple_command("MOVE", "3", "Archive"))
    assert good(client.uid("STORE", "1", "+FLAGS", "(\\Deleted)"))
    assert good(client.expunge())[-1] == b"1"  # after that of MOVE
    assert good(client.status("Archive", "(MESSAGES)"))[0].endswith(b"(MESSAGES 3)")
    assert good(client.status("Work", "(MESSAGES UNSEEN)"))[0].endswith(b"(MESSAGES 3 UNSEEN 3)")
    good(client.rename("Work", "Work2"))
    good(client.subscribe("Work2"))
    assert any(b"Work2" in line for line in good(client.lsub()))
    assert any(b"Work2" in line for line in good(client.list()))
    good(client.unsubscribe("Work2"))
    assert good(client.namespace())[0].startswith(b"((")
    good(client.getquotaroot("INBOX"))
    good(client.myrights("INBOX"))
    good(client.setacl("INBOX", "bob", "lr"))
    assert b"bob" in good(client.getacl("INBOX"))[0]
    good(client.close())
    good(client.enable("UTF8=ACCEPT"))
    good(client.create('"Köln"'))
    assert any("Köln".encode() in line for line in good(client.list()))
    good(client.noop())
    client.logout()


def refused(server):
    client = imaplib.IMAP4("localhost", server.port("imap"))
    try:
        client.login("alice", "wrong")
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error), error
    else:
        raise AssertionError("a wrong password let in")
    client.logout()


def main():
    mails = list(corpus.messages())
    with postern.mail_server(users={"alice": "secret", "bob": "secret"}) as server:
        refused(server)
        delivered(server, mails)
        appended(server, mails)
        changes(server)
    print(len(mails), "mails, 3 ways")


if __name__ == "__main__":
    main()
