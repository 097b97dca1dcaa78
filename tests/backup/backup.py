#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternctl backup and restore: full and incremental backups while mail comes in and goes, put
together again into a store that has what there was; what does not fit together, or is damaged, is
refused before anything is touched."""

import glob
import os
import shutil
import threading

import support
from support import postern

MAILS = 60


class Traffic(threading.Thread):
    """Delivers, and deletes, until it is stopped; remembers what was acknowledged."""

    def __init__(self, server, first):
        super().__init__()
        self.server, self.number = server, first
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.delivered = {}  # octets -> user
        self.deleted, self.doomed = set(), set()
        self.error = None

    def run(self):
        try:
            lmtp = support.Lmtp(self.server)
            while not self.stopping.is_set():
                self.number += 1
                user = f"u{self.number % len(support.USERS)}"
                octets = support.mail(self.number, (300, 4000, 20000, 1_300_000)[
                    3 if self.number % 40 == 7 else self.number % 3])
                lmtp.deliver(user, octets)
                with self.lock:
                    self.delivered[octets] = user
                if self.number % 9 == 0:
                    gone = support.delete(self.server, user, [1], self.doom)
                    with self.lock:
                        self.deleted.update(gone)
            lmtp.close()
        except Exception as error:  # told by stop()
            self.error = error

    def doom(self, mails):
        with self.lock:
            self.doomed.update(mails)

    def state(self):
        with self.lock:
            return dict(self.delivered), set(self.deleted), set(self.doomed)

    def stop(self):
        self.stopping.set()
        self.join()
        if self.error:
            raise self.error


def backup(server, folder, since=None):
    [row] = server.posternctl("backup", folder, *(["--since", since] if since else []), json=True)
    assert os.path.exists(os.path.join(folder, "MANIFEST"))
    return row


def check_between(found, before, after):
    """What was acknowledged before and not deleted since is there; nothing is there that was
    deleted before, or never sent."""
    delivered, deleted, _ = before
    later, _, doomed = after
    for user, mails in found.items():
        have = set(mails.values())
        assert len(have) == len(mails)
        for octets, whose in delivered.items():
            if whose == user and octets not in doomed:
                assert octets in have, f"{octets[:20]} is missing"
        assert not have & deleted, "a deleted mail came back"
        # One may have been stored and not yet counted.
        unknown = [octets for octets in have if octets not in later]
        assert len(unknown) <= 1, f"{len(unknown)} mails come from nowhere"


def restored(*folders):
    server = support.server()
    try:
        [row] = server.posternctl("restore", *folders, json=True)
        assert int(row["files"]) > 1, row
        server.start()
        result = server.posternctl("store", "verify")
        assert " 0 problems" in result.stderr, result.stderr
        found = support.fetch_all(server)
        # It takes new mail, with UIDs of its own.
        lmtp = support.Lmtp(server)
        lmtp.deliver("u0", support.mail(999_999, 500))
        lmtp.close()
        assert len(support.fetch(server, "u0")) == len(found["u0"]) + 1
        return found
    finally:
        server.close()


def segments(server):
    return glob.glob(os.path.join(server.directory, "state", "**", "log.*"), recursive=True) or \
        [path for path in glob.glob(os.path.join(server.directory, "**", "log.*"), recursive=True)
         if os.path.exists(os.path.join(os.path.dirname(os.path.dirname(path)), "LOCK"))]


def refused(server, text, *arguments):
    done = server.posternctl("restore", *arguments, check=False)
    assert done.returncode != 0 and text in done.stderr, (done.returncode, done.stderr)


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        octet = file.read(1)
        file.seek(at)
        file.write(bytes([octet[0] ^ 1]))


def main():
    with support.server() as server:
        at = server.directory
        folders = [os.path.join(at, name) for name in ("full", "one", "two")]
        traffic = Traffic(server, 0)
        traffic.start()
        while traffic.number < MAILS and traffic.is_alive():
            threading.Event().wait(0.05)
        states, rows = [], []
        for index, folder in enumerate(folders):
            before = traffic.state()
            rows.append(backup(server, folder, rows[-1]["sequence"] if rows else None))
            states.append((before, traffic.state()))
            goal = traffic.number + MAILS
            while index < 2 and traffic.number < goal and traffic.is_alive():
                threading.Event().wait(0.05)
        traffic.stop()
        # Most of the log dies and is compacted away: the next increment has a base, and what moved.
        for user in support.USERS:
            support.delete(server, user, [n + 1 for n in range(len(support.fetch(server, user)))
                                          if n % 4])
        before = segments(server)
        for _ in range(2):
            server.posternctl("store", "compact")
        assert len(segments(server)) < len(before), "nothing was compacted"
        lmtp = support.Lmtp(server)
        for number in range(5):
            lmtp.deliver("u1", support.mail(800_000 + number, 5000))
        lmtp.close()
        last = support.fetch_all(server)
        final = os.path.join(at, "final")
        backup(server, final, rows[-1]["sequence"])
        # Nothing new: no octets of mail.
        row = backup(server, os.path.join(at, "nothing"), backup(
            server, os.path.join(at, "nearly"))["sequence"])
        assert int(row["octets"]) < 200, row
        print("backups of", [row["octets"] for row in rows], "octets while serving")

        done = server.posternctl("backup", folders[0], check=False)
        assert done.returncode != 0 and "wants a new folder" in done.stderr, done.stderr
        done = server.posternctl("backup", os.path.join(at, "x"), "--since", "nonsense",
                                 check=False)
        assert done.returncode == 2, done
        refused(server, "stop the server", folders[0])

        check_between(restored(folders[0]), *states[0])
        check_between(restored(*folders[:2]), *states[1])
        check_between(restored(*folders), *states[2])
        assert restored(*folders, final) == last
        print("restored, alone and with increments")

        other = support.server()
        try:
            refused(other, "increment", folders[1])
            refused(other, "does not go on", folders[0], folders[2], folders[1])
            refused(other, "does not go on", folders[0], os.path.join(at, "nothing"))
            refused(other, "MANIFEST", at)
            broken = os.path.join(at, "broken")
            shutil.copytree(folders[0], broken)
            for folder, _, names in os.walk(broken):
                for name in names:
                    path = os.path.join(folder, name)
                    flip(path, os.path.getsize(path) // 2)
                    refused(other, "damaged" if name != "MANIFEST" else "MANIFEST", broken)
                    flip(path, os.path.getsize(path) // 2)
            victim = sorted(glob.glob(os.path.join(broken, "s*", "log.*")))[0]
            os.truncate(victim, os.path.getsize(victim) - 1)
            refused(other, "too short", broken)
            os.unlink(victim)
            refused(other, os.path.basename(victim), broken)
            os.unlink(os.path.join(broken, "MANIFEST"))
            refused(other, "no MANIFEST", broken)
            print("damaged and disordered backups are refused")

            # Nothing of that has touched the target; one with mail must be told.
            other.posternctl("restore", folders[0])
            refused(other, "--replace", folders[0])
            done = other.posternctl("restore", folders[0], "--replace")
            assert "before-restore." in done.stderr, done.stderr
            other.start()
            check_between(support.fetch_all(other), *states[0])
            # Increments of before the restore do not go on from what it is now.
            done = other.posternctl("backup", os.path.join(at, "y"), "--since",
                                    rows[0]["sequence"], check=False)
            assert done.returncode == 1 and "restored since" in done.stderr, done.stderr
            print("a restore over a store puts it aside")

            # A restore that was broken off: no start, but the next restore needs no leave.
            other.stop()
            store = glob.glob(os.path.join(other.directory, "**", "STORE"), recursive=True)
            [place] = [os.path.dirname(path) for path in store if "before-restore" not in path]
            with open(os.path.join(place, "RESTORING"), "w", encoding="ascii") as mark:
                mark.write("\n")
            assert other.posternctl("store", "stats", check=False).returncode != 0
            other.posternctl("restore", *folders)
            other.start()
            check_between(support.fetch_all(other), *states[2])
            print("a restore that was broken off is run again")
        finally:
            other.close()


if __name__ == "__main__":
    main()
