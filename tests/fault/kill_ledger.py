# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a loop, under deliveries: what was acknowledged is there, octet for octet.

Clients in another process deliver over LMTP and write each acknowledged mail into a ledger, synced
line by line; the server (supervisor and worker) is killed at random moments and started again.
After every kill each acknowledged mail must be in its maildrop, and no UIDL that was ever seen
may have changed or moved. At the end every octet of every mail is compared.

POSTERN_TEST_LONG=1: 500 kills instead of 12.
"""

import hashlib
import multiprocessing
import os
import poplib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

KILLS = 500 if os.environ.get("POSTERN_TEST_LONG") else 12
USERS = [f"user{number}" for number in range(4)]
CLIENTS = 32


def message(identity, seed):
    """A mail whose octets follow from its identity."""
    generator = random.Random(seed)
    size = generator.choice((200, 2000, 10240, 30000, 1200000 if seed % 97 == 0 else 500))
    line = f"{identity} {seed:08x} ".encode() * 3
    body = (line[:70] + b"\r\n.leading dot\r\n") * (size // 80 + 1)
    return b"X-Identity: %s\r\nSubject: ledger\r\n\r\n" % identity.encode() + body


class Lmtp:
    """Just enough of a client: smtplib hides which recipient was answered when."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.sock.makefile("rb")
        self.expect(b"220")
        self.command(b"LHLO ledger", b"250")

    def expect(self, code):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise OSError("connection lost")
            if not line.startswith(code):
                raise OSError(f"unexpected answer {line!r}")
            if line[3:4] == b" ":
                return

    def command(self, line, code):
        self.sock.sendall(line + b"\r\n")
        self.expect(code)

    def deliver(self, user, octets):
        self.command(b"MAIL FROM:<ledger@example.test>", b"250")
        self.command(b"RCPT TO:<%s@example.test>" % user.encode(), b"250")
        self.command(b"DATA", b"354")
        stuffed = octets.replace(b"\r\n.", b"\r\n..")
        self.sock.sendall(stuffed + b".\r\n")
        self.expect(b"250")


def client(port, number, ledger, stop):
    connection, count = None, 0
    generator = random.Random(number * 7919 + time.time_ns())
    while not stop.is_set():
        try:
            connection = connection or Lmtp(port)
            user = generator.choice(USERS)
            count += 1
            seed = generator.randrange(1 << 30)
            identity = f"{number}-{count}-{seed}"
            connection.deliver(user, message(identity, seed))
        except OSError:
            connection = None
            time.sleep(0.02)
            continue
        # One write of a short line to a file opened for appending is whole or not there.
        os.write(ledger, f"{user} {identity} {seed}\n".encode())


def clients(port, ledger_path, stop):
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    threads = [threading.Thread(target=client, args=(port, number, ledger, stop))
               for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read_ledger(path):
    with open(path, encoding="ascii") as lines:
        return [line.split() for line in lines]


class Maildrop:
    """What has been seen of one user's maildrop over all the kills."""

    def __init__(self, user):
        self.user = user
        self.uidls = []       # in order
        self.identities = {}  # UIDL -> identity
        self.digests = {}     # UIDL -> digest of the octets

    def look(self, port, everything):
        pop = poplib.POP3("127.0.0.1", port, timeout=60)
        pop.user(self.user)
        pop.pass_("secret")
        uidls = [line.split()[1] for line in pop.uidl()[1]]
        if uidls[:len(self.uidls)] != self.uidls:
            raise AssertionError(f"{self.user}: UIDLs have changed: {self.uidls[:3]} ... became "
                                 f"{uidls[:3]} ...")
        if len(set(uidls)) != len(uidls):
            raise AssertionError(f"{self.user}: a UIDL stands twice")
        for number, uidl in enumerate(uidls, 1):
            if not everything and number <= len(self.uidls):
                continue
            octets = b"".join(line + b"\r\n" for line in pop.retr(number)[1])
            digest = hashlib.sha256(octets).digest()
            if self.digests.setdefault(uidl, digest) != digest:
                raise AssertionError(f"{self.user}: message {uidl.decode()} has changed")
            self.check(uidl, octets)
        self.uidls = uidls
        pop.quit()

    def check(self, uidl, octets):
        start = octets.index(b"X-Identity: ")
        identity = octets[start + 12:octets.index(b"\r\n", start)].decode()
        self.identities[uidl] = identity
        if octets[start:] != message(identity, int(identity.split("-")[2])):
            raise AssertionError(f"{self.user}: octets of {identity} are not those that were sent")


def verify(server, maildrops, ledger_path, everything=False):
    # What the ledger holds now was acknowledged before the kill.
    acknowledged = read_ledger(ledger_path)
    for maildrop in maildrops.values():
        maildrop.look(server.port("pop3"), everything)
    present = {user: set(maildrop.identities.values()) for user, maildrop in maildrops.items()}
    lost = [entry for entry in acknowledged if entry[1] not in present[entry[0]]]
    if lost:
        raise AssertionError(f"{len(lost)} acknowledged mails are lost, the first: {lost[0]}")
    return len(acknowledged)


def main():
    generator = random.Random(os.environ.get("POSTERN_TEST_SEED", "ledger"))
    with postern.mail_server(store="kyoto", users={user: "secret" for user in USERS},
                             changes={"server": {"log_level": "info"}}) as server:
        ledger_path = os.path.join(server.directory, "ledger")
        open(ledger_path, "w", encoding="ascii").close()
        maildrops = {user: Maildrop(user) for user in USERS}
        for kill in range(KILLS):
            stop = multiprocessing.Event()
            other = multiprocessing.Process(target=clients, args=(server.port("lmtp"), ledger_path,
                                                                  stop))
            other.start()
            time.sleep(generator.uniform(0.05, 0.6))
            server.kill9()
            stop.set()
            other.join(60)
            assert not other.is_alive(), "the clients hang"
            server.start()
            count = verify(server, maildrops, ledger_path)
        assert count > KILLS, f"only {count} mails were acknowledged: the test saw nothing"
        server.restart()
        verify(server, maildrops, ledger_path, everything=True)
        print(f"{KILLS} kills, {count} acknowledged mails, none lost")


if __name__ == "__main__":
    main()
