#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many accounts and a large mailbox: memory and descriptors stay bounded, openings stay quick.

POSTERN_TEST_LONG=1: 100,000 accounts and 1,000,000 messages, else a twentieth of that.  Times are
printed; they are only held to what no load of the machine explains (scripts/bench measures them).
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import drive
import postern

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
ACCOUNTS = 100000 if LONG else 5000
MESSAGES = 1000000 if LONG else 50000
SESSIONS = 32


def resident(server):
    """Octets of memory, that of files that are mapped not counted."""
    with open("/proc/%d/status" % server.worker_pid, encoding="ascii") as status:
        return 1024 * sum(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def descriptors(server):
    return len(os.listdir("/proc/%d/fd" % server.worker_pid))


def account(number):
    return "user%06d@example.test" % number


def deliver_to_all(d):
    for first in range(0, ACCOUNTS, 1000):
        targets = [(account(number), "INBOX") for number in range(first, min(first + 1000, ACCOUNTS))]
        for status, uid in d.deliver(targets, b"Subject: for all\r\n\r\nhello\r\n"):
            assert status == "OK" and uid >= 1


def look_at_some(server, messages):
    numbers = random.Random(ACCOUNTS).sample(range(ACCOUNTS), 300)
    with drive.Drive(server) as d:
        for number in numbers:
            d.open(account(number))
            assert d.status("INBOX").messages == messages
            assert d.read("INBOX", messages).endswith(b"hello\r\n")


def many_accounts():
    with drive.server("kyoto", checkpoint_records=20000) as server:
        with drive.Drive(server, timeout=300) as d:
            d.deliver([("first", "INBOX")], b"x")
            memory, files = resident(server), descriptors(server)
            deliver_to_all(d)
            grown = resident(server) - memory
            assert descriptors(server) < files + 150, descriptors(server)
            # The overlays (20,000 rows a shard until their checkpoint, and what comes while it
            # runs) and the pages that the trees keep; nothing for each account.
            assert grown < (300 << 20) * postern.SLOW, grown
            begin = time.monotonic()
            names = d.accounts()
            assert len(names) == ACCOUNTS + 1 and names == sorted(names)
            print("    %d accounts: %d MB, %d descriptors, listed in %.2f s" % (
                ACCOUNTS, grown >> 20, descriptors(server), time.monotonic() - begin))
        look_at_some(server, 1)
        begin = time.monotonic()
        server.restart()
        print("    restarted in %.2f s" % (time.monotonic() - begin))
        memory, files = resident(server), descriptors(server)
        look_at_some(server, 1)
        with drive.Drive(server, timeout=300) as d:
            deliver_to_all(d)
        look_at_some(server, 2)
        assert descriptors(server) < files + 150
        assert resident(server) < memory + (300 << 20) * postern.SLOW


def large_mailbox():
    """Thirty-two sessions with one view: its arrays are there once."""
    with drive.server("kyoto", shards=1) as server:
        with drive.Drive(server, "alice", timeout=300) as d:
            d.create("INBOX")
            d.fill("INBOX", MESSAGES, 60, 1000)
        server.restart()
        sessions = [drive.Drive(server, "alice", timeout=300) for _ in range(SESSIONS)]
        try:
            cold = sessions[0].view("INBOX", rows=False).microseconds
            before = resident(server)
            for d in sessions[1:]:
                d.send("view INBOX rows")  # not read: the view is held meanwhile
            time.sleep(1)
            shared = sessions[0].view("INBOX", rows=False)
            grown = resident(server) - before
            uid = sessions[0].append("INBOX", b"one more\r\n").uids[0]
            sessions[0].flags("INBOX", 7, "add", drive.FLAGGED)
            changed = sessions[0].view("INBOX", rows=False)
            print("    %d messages: view cold %.0f ms, shared %.2f ms, after changes %.1f ms; "
                  "%d sessions took %d MB" % (MESSAGES, cold / 1000, shared.microseconds / 1000,
                                              changed.microseconds / 1000, SESSIONS, grown >> 20))
            assert uid == MESSAGES + 1 and changed.count == MESSAGES + 1
            assert shared.microseconds < 1000000 * postern.SLOW
            # One set of arrays, with some room to grow, and what each connection has of its own.
            assert grown < (MESSAGES * 24 * 1.2 + SESSIONS * (2 << 20)) * postern.SLOW, grown
            for d in sessions[1:2 if LONG else 5]:
                answer = d.answer()  # what they were given then, whatever has changed
                assert int(answer.words[0]) == MESSAGES and len(answer.rows) == MESSAGES
                assert answer.rows[6] == ["7", "0", answer.rows[6][2]]
        finally:
            for d in sessions:
                d.close()


if __name__ == "__main__":
    postern.run(many_accounts, large_mailbox)
