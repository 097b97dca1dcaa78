#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may look into another's mailbox and change nothing (`readers` of the accounts file), over
IMAP4, POP3 and submission, on every store; beside a delegate, who may do everything.

    readers.py [STORE]..."""

import imaplib
import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

PEOPLE = """[alice]
password = {PLAIN}alice
delegates = bob
readers = $staff
pop3.retention = %s

[bob]
password = {PLAIN}bob

[carol]
password = {PLAIN}carol

[dave]
password = {PLAIN}dave

[group staff]
members = carol
"""
MAIL = b"Subject: hello\r\n\r\nIt is a secret.\r\n"
READER, DELEGATE = "carol@example.test/alice", "bob@example.test/alice"


def imap(server, user, password):
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=postern.TIMEOUT)
    client.login(user, password)
    return client


def pop3(server, user, password):
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    client.user(user)
    client.pass_(password)
    return client


def refused(client, *command):
    """NO [NOPERM], or READ-ONLY where the mailbox is selected."""
    kind, data = client.xatom(*command)
    assert kind == "NO" and (b"NOPERM" in data[0] or b"READ-ONLY" in data[0]), (command, kind, data)


def writable(client, mailbox):
    """Selects it; imaplib says so where the answer was [READ-ONLY]."""
    try:
        assert client.select(mailbox)[0] == "OK"
        return True
    except imaplib.IMAP4.readonly:
        client.is_readonly = True  # else it refuses all that follows by itself
        return False


def fill(server):
    client = imap(server, "alice", "alice")
    for mailbox in ("INBOX", "Other"):
        if mailbox != "INBOX":
            client.create(mailbox)
        for _ in range(2):
            assert client.append(mailbox, None, None, MAIL)[0] == "OK"
    assert client.subscribe("Other")[0] == "OK"
    client.logout()


def state(server):
    """Everything of alice's that somebody could have changed."""
    client = imap(server, "alice", "alice")
    found = [client.list('""', '"*"')[1], client.lsub('""', '"*"')[1]]
    for mailbox in ("INBOX", "Other"):
        client.select(mailbox, readonly=True)
        found.append(client.fetch("1:*", "(UID FLAGS)")[1])
    client.logout()
    return found


def an_empty_mailbox_is_opened(server):
    """Nothing is made for an owner who was never there."""
    client = imap(server, READER, "carol")
    status, rows = client.list('""', '"*"')
    assert status == "OK", rows
    assert client.xatom("SELECT", "INBOX")[0] in ("OK", "NO")
    client.logout()
    client = pop3(server, READER, "carol")
    assert client.stat()[0] == 0
    client.quit()


URL = '"imap://alice@mail.example.test/INBOX/;UID=%d;URLAUTH=anonymous"'


def ask_url(client, command, uid):
    client.untagged_responses.pop(command, None)
    status, data = client.xatom(command, URL % uid, "INTERNAL")
    return status, data, client.untagged_responses.get(command)


def readers_give_nobody_access(server):
    """A URL would last longer than the reader, and be good for mail that is still to come."""
    owner = imap(server, "alice", "alice")
    if b" URLAUTH" in owner.capability()[1][0]:
        status, data, rows = ask_url(owner, "GENURLAUTH", 1)  # now there are keys
        assert status == "OK" and rows, data
        client = imap(server, READER, "carol")
        for uid in (1, 1000):
            status, data, rows = ask_url(client, "GENURLAUTH", uid)
            assert status == "NO" and b"NOPERM" in data[0] and not rows, (status, data, rows)
        client.logout()
    owner.logout()


def imap_shows_and_refuses(server, acl):
    before = state(server)
    client = imap(server, READER, "carol")
    assert not writable(client, "INBOX")
    assert b"secret" in client.fetch("1", "(BODY[])")[1][0][1]
    assert b"Seen" not in client.fetch("1", "(FLAGS)")[1][0]
    refused(client, "STORE", "1", "+FLAGS", "(\\Seen)")
    refused(client, "STORE", "1", "+FLAGS", "(\\Deleted $Word)")
    refused(client, "EXPUNGE")
    refused(client, "MOVE", "1", "Other")
    refused(client, "COPY", "1", "Other")
    refused(client, "UID", "EXPUNGE", "1")
    refused(client, "UID", "STORE", "1", "FLAGS.SILENT", "()")
    refused(client, "STORE", "1", "ANNOTATION", "(/comment (value.priv \"x\"))")
    for command in (("CREATE", "New"), ("DELETE", "Other"), ("RENAME", "Other", "Else"),
                    ("SUBSCRIBE", "Other"), ("UNSUBSCRIBE", "Other"),
                    ("SETMETADATA", "Other", "(/private/comment \"x\")"),
                    ("SETMETADATA", "Other", "(/shared/comment \"x\")"),
                    ("SETMETADATA", "\"\"", "(/private/comment \"x\")"),
                    ("SETQUOTA", "\"\"", "(STORAGE 1)"),
                    ("CREATE", "Sent", "(USE (\\Sent))"), ("RESETKEY", "INBOX")):
        refused(client, *command)
    status, data = client.append("INBOX", None, None, MAIL)
    assert status == "NO" and b"NOPERM" in data[0], (status, data)
    if acl:
        refused(client, "SETACL", "Other", "carol", "lrswi")
        refused(client, "DELETEACL", "Other", "carol")
        refused(client, "GETACL", "Other")
        kind, data = client.xatom("MYRIGHTS", "INBOX")
        rights = client.untagged_responses["MYRIGHTS"][-1].split()[-1]
        assert kind == "OK" and rights == b"lr", (kind, data, rights)
    assert not writable(client, "Other")
    client.close()
    client.logout()
    assert state(server) == before, (before, state(server))


def a_delegate_does_everything(server):
    client = imap(server, DELEGATE, "bob")
    assert writable(client, "INBOX")
    assert client.store("2", "+FLAGS", "(\\Seen)")[0] == "OK"
    assert client.create("Made")[0] == "OK"
    assert client.delete("Made")[0] == "OK"
    client.logout()


def pop3_reads_and_deletes_nothing(server):
    """Beside a session of the owner, whom a reader does not keep out."""
    before = state(server)
    owner = pop3(server, "alice", "alice")
    client = pop3(server, READER, "carol")
    assert client.stat()[0] == 2
    assert b"It is a secret." in client.retr(1)[1]
    try:
        client.dele(1)
        raise AssertionError("a reader deletes")
    except poplib.error_proto as error:
        assert b"reading only" in error.args[0], error
    client.quit()
    client = pop3(server, READER, "carol")
    assert client.stat()[0] == 2
    client.retr(2)
    client.close()
    owner.quit()
    assert state(server) == before


def nobody_else_gets_in(server):
    for user in ("dave@example.test/alice", "alice@example.test/carol"):
        try:
            imap(server, user, user.split("@")[0])
            raise AssertionError(user)
        except imaplib.IMAP4.error as error:
            assert "AUTHENTICATIONFAILED" in str(error), error


def readers_send_as_themselves(server):
    for user, password, sender, code in (
            (READER, "carol", "carol@example.test", 250), (READER, "carol", "alice@example.test", 550),
            (DELEGATE, "bob", "alice@example.test", 250), (DELEGATE, "bob", "carol@example.test", 550)):
        with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=postern.TIMEOUT) as client:
            client.login(user, password)
            assert client.mail(sender)[0] == code, (user, sender, code)


def posternctl_grants_and_takes_back(server):
    """What is said counts at the next login."""
    server.posternctl("user", "undelegate", "alice", "$staff")
    try:
        imap(server, READER, "carol")
        raise AssertionError("still let in")
    except imaplib.IMAP4.error:
        pass
    server.posternctl("user", "delegate", "alice", "carol", "--read-only")
    client = imap(server, READER, "carol")
    assert not writable(client, "INBOX")
    client.logout()
    server.posternctl("user", "delegate", "alice", "carol")
    client = imap(server, READER, "carol")
    assert writable(client, "INBOX")
    client.logout()
    rows = {row["key"]: row["value"] for row in server.posternctl("user", "show", "carol", json=True)}
    assert rows["opens"] == "alice", rows


def main():
    for store in sys.argv[1:] or ["memory", "kyoto", "maildir"]:
        if not postern.built("storage-" + store):
            continue
        for retention in ("delete", "hide", "keep 1 d"):
            server = postern.mail_server(store=store, users={},
                                         changes={"plugin auth": {"failure_delay": "0"}})
            with open(server.users_file, "w", encoding="utf-8") as users:
                users.write(PEOPLE % retention)
            with server:
                an_empty_mailbox_is_opened(server)
                fill(server)
                pop3_reads_and_deletes_nothing(server)
                if retention == "delete":
                    imap_shows_and_refuses(server, store != "maildir")
                    readers_give_nobody_access(server)
                    a_delegate_does_everything(server)
                    nobody_else_gets_in(server)
                    readers_send_as_themselves(server)
                    posternctl_grants_and_takes_back(server)
        print("ok ", store)


if __name__ == "__main__":
    main()
