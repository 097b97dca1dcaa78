# SPDX-License-Identifier: Apache-2.0
"""What the tests of this folder share: mail in over LMTP, mail out over POP3."""

import hashlib
import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

poplib._MAXLINE = 10_000_000
USERS = {f"u{number}": "secret" for number in range(4)}


def server(**settings):
    """Not started; small segments, so that there are many."""
    options = {"shards": "3", "segment_size": "128 KiB"}
    options.update(settings)
    return postern.mail_server(store="kyoto", users=USERS,
                               changes={"plugin storage-kyoto": options})


def mail(number, size):
    head = f"Subject: mail {number}\r\nX-Number: {number}\r\n\r\n".encode()
    lines = (b"%d the quick brown fox %s\r\n" % (at, hashlib.md5(b"%d.%d" % (number, at))
                                                 .hexdigest().encode()) for at in range(size // 60))
    return head + b"".join(lines)


class Lmtp:
    def __init__(self, at):
        self.client = smtplib.LMTP("127.0.0.1", at.port("lmtp"), timeout=60)

    def deliver(self, user, octets):
        refused = self.client.sendmail("a@example.test", [f"{user}@example.test"], octets)
        assert not refused, refused

    def close(self):
        self.client.close()


def sent(octets):
    """A mail as it was sent: without what the server put before it."""
    return octets[octets.index(b"Subject: mail "):]


def pop3(at, user):
    pop = poplib.POP3("127.0.0.1", at.port("pop3"), timeout=60)
    pop.user(user)
    pop.pass_("secret")
    return pop


def fetch(at, user):
    """UIDL -> octets of all mails."""
    pop = pop3(at, user)
    mails = {}
    for entry in pop.uidl()[1]:
        number, uid = entry.split()
        mails[uid] = sent(b"\r\n".join(pop.retr(int(number))[1]) + b"\r\n")
    pop.quit()
    return mails


def fetch_all(at):
    return {user: fetch(at, user) for user in USERS}


def delete(at, user, numbers, announce=lambda mails: None):
    """By POP3 number; returns what was deleted, and announces it before."""
    pop = pop3(at, user)
    gone = [sent(b"\r\n".join(pop.retr(number)[1]) + b"\r\n") for number in numbers]
    announce(gone)
    for number in numbers:
        pop.dele(number)
    pop.quit()
    return gone
