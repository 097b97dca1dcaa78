# SPDX-License-Identifier: Apache-2.0
"""mbsync (isync) keeps a Maildir and the server alike: mail of every shape in both directions, flags
and deletions of either side, folders that one side makes."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import imaplib  # noqa: E402
import postern  # noqa: E402

CONFIG = """
IMAPAccount server
Host localhost
Port %(port)d
User alice
Pass secret
SSLType %(type)s
CertificateFile %(ca)s
AuthMechs %(mechanisms)s
Timeout 60

IMAPStore far
Account server

MaildirStore near
Path %(folder)s/mail/
Inbox %(folder)s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState %(folder)s/state/
CopyArrivalDate yes
"""


class Side:
    """A Maildir that is synchronised over one kind of connection."""

    def __init__(self, server, listener, mechanisms):
        self.folder = tempfile.mkdtemp(prefix="postern-mbsync-")
        for name in ("mail", "state"):
            os.mkdir(os.path.join(self.folder, name))
        kind = "IMAPS" if listener == "imaps" else "STARTTLS"
        self.config = os.path.join(self.folder, "mbsyncrc")
        with open(self.config, "w", encoding="ascii") as out:
            out.write(CONFIG % {"port": server.port(listener), "type": kind, "ca": server.ca_file,
                                "mechanisms": mechanisms, "folder": self.folder})

    def sync(self):
        done = subprocess.run(["mbsync", "-c", self.config, "-a"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout

    def files(self, mailbox="INBOX"):
        """Paths of a mailbox's messages."""
        place = os.path.join(self.folder, *(["mail"] if mailbox != "INBOX" else []), mailbox)
        return sorted(os.path.join(place, part, name) for part in ("cur", "new")
                      for name in os.listdir(os.path.join(place, part)))

    def add(self, mailbox, name, octets):
        """A message as a mail program would put it there."""
        path = os.path.join(self.folder, "mail", mailbox, "cur", name)
        with open(path, "wb") as out:
            out.write(octets.replace(b"\r\n", b"\n"))

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def plain(octets):
    """A digest of a message without what mbsync does to it: line ends, and its own field."""
    octets = re.sub(rb"^X-TUID: [^\n]*\n", b"", octets.replace(b"\r\n", b"\n"), flags=re.M)
    return hashlib.sha256(octets).hexdigest()


def near_digests(side, mailbox):
    found = []
    for path in side.files(mailbox):
        with open(path, "rb") as file:
            found.append(plain(file.read()))
    return sorted(found)


def far_digests(client, mailbox):
    assert client.select(mailbox, readonly=True)[0] == "OK"
    data = client.fetch("1:*", "(BODY.PEEK[])")[1]
    return sorted(plain(part[1]) for part in data if isinstance(part, tuple))


def same(side, client, mailbox, count):
    near, far = near_digests(side, mailbox), far_digests(client, mailbox)
    assert len(near) == count, (mailbox, len(near), count)
    assert near == far, (mailbox, set(near) ^ set(far))


def far_flags(client, mailbox):
    client.select(mailbox, readonly=True)
    return [line for line in client.fetch("1:*", "(FLAGS)")[1] if line]


def two_way(server, side, client, mails):
    side.sync()
    same(side, client, "INBOX", len(mails))
    # Flags of this side, then of the other.
    first, second, third = side.files()[:3]
    os.rename(first, re.sub(r"/new/|/cur/", "/cur/", first).split(":2,")[0] + ":2,FS")
    side.sync()
    assert sum(b"\\Flagged" in line and b"\\Seen" in line
               for line in far_flags(client, "INBOX")) == 1
    client.select("INBOX")
    client.store("2", "+FLAGS", "(\\Answered)")
    side.sync()
    assert sum("R" in path.rpartition(":2,")[2] for path in side.files()) == 1
    # Deletions of both.
    for path in side.files():
        if "F" in path.rpartition(":2,")[2]:
            os.rename(path, path + "T")
    client.store("3", "+FLAGS", "(\\Deleted)")
    client.expunge()
    side.sync()
    same(side, client, "INBOX", len(mails) - 2)
    # A mailbox that one side makes, and mail put in it, both ways.
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(side.folder, "mail", "Local", part))
    sent = [octets for name, octets in mails if name != "NUL octets"]
    for number, octets in enumerate(sent):
        side.add("Local", "%d.test:2,S" % number, octets)
    assert client.create("Remote")[0] == "OK"
    for octets in sent[:5]:
        assert client.append("Remote", None, None, octets)[0] == "OK"
    side.sync()
    same(side, client, "Remote", 5)
    same(side, client, "Local", len(sent))
    assert all(b"\\Seen" in line for line in far_flags(client, "Local"))
    side.sync()
    same(side, client, "Local", len(sent))


def main():
    if not shutil.which("mbsync"):
        postern.skip("mbsync (package isync) is not installed")
    # A Maildir has lines that end in LF: messages whose bare LF or CR would change are for
    # clients that read octets. mbsync skips a message without a header's end.
    mails = [(name, octets) for name, octets in corpus.messages(big=6_000_000)
             if name not in ("bare CR", "bare LF", "no body", "not a header")]
    for listener, mechanisms in (("imaps", "PLAIN"), ("imap", "LOGIN")):
        with postern.mail_server(users={"alice": "secret"}) as server:
            corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
            client = imaplib.IMAP4("localhost", server.port("imap"))
            client.login("alice", "secret")
            side = Side(server, listener, mechanisms)
            try:
                two_way(server, side, client, mails)
            finally:
                side.close()
                client.logout()
    print(len(mails), "mails, 2 ways")


if __name__ == "__main__":
    main()
