#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternctl's commands on mailboxes: import and export of mbox files and Maildirs made by Python's
mailbox module, with the server running and without."""

import mailbox
import os
import poplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus
import postern

STORE = sys.argv[1] if len(sys.argv) > 1 else "memory"


def texts():
    """Mails as files hold them: with LF."""
    for name, octets in corpus.messages(200_000):
        if b"\n" not in octets.replace(b"\r\n", b"") and b"\r" not in octets.replace(b"\r\n", b""):
            yield name, octets


def fetch(server, user):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=60)
    poplib._MAXLINE = 10_000_000
    pop.user(user)
    pop.pass_("secret")
    mails = [b"\r\n".join(pop.retr(number)[1]) + b"\r\n"
             for number in range(1, pop.stat()[0] + 1)]
    pop.quit()
    return mails


def make_mbox(path):
    with open(path, "wb") as out:
        for _, octets in texts():
            lines = octets.replace(b"\r\n", b"\n").split(b"\n")
            quoted = [b">" + line if line.lstrip(b">").startswith(b"From ") else line
                      for line in lines]
            out.write(b"From far@far.example Sat Nov 21 12:00:00 2026\n" + b"\n".join(quoted)
                      + b"\n")


def main():
    users = {name: "secret" for name in ("alice", "bob", "carol", "dave")}
    with postern.mail_server(store=STORE, users=users) as server:
        at = server.directory
        mbox, maildir = os.path.join(at, "in.mbox"), os.path.join(at, "in")
        make_mbox(mbox)
        count = len(list(texts()))
        [row] = server.posternctl("import", "alice", mbox, json=True)
        assert (row["mailbox"], int(row["mails"])) == ("INBOX", count), row
        assert fetch(server, "alice") == [octets for _, octets in texts()]
        print("import mbox")

        box = mailbox.Maildir(maildir)
        for _, octets in texts():
            if b"\0" not in octets:
                box.add(mailbox.MaildirMessage(octets.replace(b"\r\n", b"\n")))
        seen = mailbox.MaildirMessage(b"Subject: seen\n\nx\n")
        seen.set_subdir("cur")
        seen.set_flags("FS")
        box.add_folder("Sent.2026").add(seen)
        rows = server.posternctl("import", "bob", maildir, json=True)
        assert [row["mailbox"] for row in rows] == ["INBOX", "Sent/2026"], rows
        rows = server.posternctl("mailbox", "list", "bob", json=True)
        assert {row["mailbox"]: row["unseen"] for row in rows}["Sent/2026"] in (0, "0"), rows
        print("import maildir")

        for name, out, form in (("carol", "out", "maildir"), ("dave", "out.mbox", "mbox")):
            path = os.path.join(at, out)
            server.posternctl("export", "alice", path, "--format", form)
            server.posternctl("import", name, path)
            assert fetch(server, name) == fetch(server, "alice"), form
            print("export", form)
        again = server.posternctl("export", "alice", os.path.join(at, "out.mbox"), "--format",
                                  "mbox", check=False)
        assert again.returncode != 0
        assert [str(m["Subject"]) for m in mailbox.mbox(os.path.join(at, "out.mbox"))] \
            == [str(m["Subject"]) for m in mailbox.mbox(mbox)]

        missing = server.posternctl("import", "alice", os.path.join(at, "gone"), check=False)
        assert missing.returncode != 0 and "gone" in missing.stderr, missing.stderr
        wrong = server.posternctl("import", "nobody", mbox, check=False)
        assert wrong.returncode != 0 and "no account nobody" in wrong.stderr, wrong.stderr
        server.posternctl("mailbox", "create", "alice", "Work/2026")
        server.posternctl("mailbox", "rename", "alice", "Work", "Old")
        [row] = server.posternctl("mailbox", "status", "alice", "Old/2026", json=True)
        assert int(row["messages"]) == 0
        server.posternctl("mailbox", "remove", "alice", "Old/2026")
        server.posternctl("quota", "set", "alice", "10MiB", "500")
        [row] = server.posternctl("quota", "show", "alice", json=True)
        assert int(row["octets-limit"]) == 10 * 1024 * 1024, row
        print("mailboxes and quota")
        if STORE != "memory":
            server.stop()
            path = os.path.join(at, "offline")
            rows = server.posternctl("export", "alice", path, "--mailbox", "INBOX", json=True)
            assert int(rows[0]["mails"]) == count, rows
            server.posternctl("import", "dave", path, "--mailbox", "Copy")
            server.start()
            [row] = server.posternctl("mailbox", "status", "dave", "Copy", json=True)
            assert int(row["messages"]) == count, row
            print("without a server")
        accounts = server.posternctl("mailbox", "accounts", json=True)
        refused = server.posternctl("mailbox", "purge", "alice", check=False)
        assert refused.returncode != 0 and "in the directory" in refused.stderr, refused.stderr
        server.posternctl("user", "remove", "alice")
        server.posternctl("mailbox", "purge", "alice")
        left = server.posternctl("mailbox", "accounts", json=True)
        assert [row for row in accounts if row not in left] == [{"account": "alice"}], accounts
        print("accounts")


main()
