# SPDX-License-Identifier: Apache-2.0
"""neomutt opens the mailbox on a terminal of its own: saves mail of every shape into a Maildir, octet for
octet but for line ends, flags, deletes, copies, and puts messages into a mailbox of the server."""

import hashlib
import imaplib
import os
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

CONFIG = """
set imap_user = "alice"
set imap_pass = "secret"
set folder = "%(folder)s"
set tmpdir = "%(folder)s"
set spoolfile = "%(url)sINBOX"
set record = ""
set mbox_type = Maildir
set ssl_force_tls = yes
set ssl_starttls = yes
set certificate_file = "%(ca)s"
set imap_authenticators = "%(mechanisms)s"
set header_cache = ""
set message_cachedir = ""
set wait_key = no
set confirmappend = no
set confirmcreate = no
set delete = yes
set quit = yes
set move = no
set mark_old = no
set copy = no
set sleep_time = 0
set timeout = 1
set imap_qresync = yes
set imap_condstore = yes
set net_inc = 0
set read_inc = 0
set write_inc = 0
set delete_untag = yes
set resolve = no
set beep = no
"""


def run(folder, mailbox, keys, timeout=120):
    """neomutt on a terminal, with keys pushed at its start; returns what it wrote there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", HOME=folder, LC_ALL="C.UTF-8", LINES="40", COLUMNS="120")
        os.execvp("neomutt", ["neomutt", "-n", "-F", os.path.join(folder, "neomuttrc"), "-f", mailbox,
                              "-e", "push '%s'" % keys])
    wrote, ends = b"", time.monotonic() + timeout
    try:
        while True:
            if time.monotonic() > ends:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError("neomutt does not end; it shows\n%r" % wrote[-2000:])
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    octets = os.read(terminal, 65536)
                except OSError:
                    octets = b""
                if not octets:
                    return wrote
                wrote += octets
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def plain(octets):
    """A digest without line ends, and without what neomutt adds to what it saves."""
    octets = octets.replace(b"\r\n", b"\n")
    head, gap, body = octets.partition(b"\n\n")
    head = re.sub(rb"^(Status|X-Status|Content-Length|Lines): [^\n]*(\n|$)", b"", head + b"\n",
                  flags=re.M)
    return hashlib.sha256(head.rstrip(b"\n") + b"\n\n" + body.rstrip(b"\n")).hexdigest()


def saved(path):
    """Digests of a Maildir."""
    found = []
    for part in ("cur", "new"):
        for name in os.listdir(os.path.join(path, part)):
            with open(os.path.join(path, part, name), "rb") as file:
                found.append(plain(file.read()))
    return found


def fetch(client, mailbox):
    client.select(mailbox, readonly=True)
    return [part[1] for part in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(part, tuple)]


def session(server, url, mechanisms, mails):
    folder = tempfile.mkdtemp(prefix="postern-neomutt-")
    client = imaplib.IMAP4("localhost", server.port("imap"))
    try:
        with open(os.path.join(folder, "neomuttrc"), "w", encoding="ascii") as out:
            out.write(CONFIG % {"folder": folder, "url": url, "ca": server.ca_file,
                                "mechanisms": mechanisms})
        client.login("alice", "secret")
        run(folder, url + "INBOX",
            "<tag-pattern>~A<enter><tag-prefix><copy-message>%s/saved<enter><exit>" % folder)
        wanted = sorted(plain(octets) for octets in fetch(client, "INBOX"))
        got = sorted(saved(os.path.join(folder, "saved")))
        assert len(got) == len(mails), (len(got), len(mails))
        assert got == wanted, [name for (name, _), octets in zip(mails, fetch(client, "INBOX"))
                               if plain(octets) not in got]
        # Into a mailbox of the server by APPEND (a literal has no NUL), then by COPY.
        kept = sorted(plain(octets) for octets in fetch(client, "INBOX") if b"\0" not in octets)
        client.create("Back")
        run(folder, folder + "/saved",
            "<tag-pattern>!~s NUL<enter><tag-prefix><copy-message>%sBack<enter><exit>" % url)
        back = sorted(plain(octets) for octets in fetch(client, "Back"))
        assert back == kept, [name for (name, _), octets in zip(mails, fetch(client, "INBOX"))
                                if plain(octets) not in back]
        run(folder, url + "INBOX", "<tag-pattern>~s multipart<enter><tag-prefix><copy-message>"
            "%sCopies<enter><exit>" % url)
        assert len(fetch(client, "Copies")) == 1
        # Flags and deletion.
        run(folder, url + "Back", "<first-entry><flag-message><last-entry><delete-message>"
            "<sync-mailbox><exit>")
        client.select("Back", readonly=True)
        told = client.fetch("1:*", "(FLAGS)")[1]
        assert len(told) == len(kept) - 1, len(told)
        assert sum(b"\\Flagged" in line for line in told) == 1, told
        client.close()
        client.delete("Back")
        client.delete("Copies")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        client.logout()


def main():
    if not shutil.which("neomutt"):
        postern.skip("neomutt is not installed")
    # Saving, neomutt writes a header's fields anew: lines that are none are lost.
    mails = [(name, octets) for name, octets in corpus.messages(big=6_000_000)
             if name not in ("bare CR", "bare LF", "not a header")]
    with postern.mail_server(users={"alice": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
        session(server, "imaps://localhost:%d/" % server.port("imaps"), "plain", mails)
        session(server, "imap://localhost:%d/" % server.port("imap"), "login", mails)
    print(len(mails), "mails, 2 ways")


if __name__ == "__main__":
    main()
