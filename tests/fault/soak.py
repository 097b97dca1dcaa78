# SPDX-License-Identifier: Apache-2.0
"""A store in use for a while: many clients deliver, append, flag, copy, move and expunge over
store-drive, each with a model of what must be there (tests/support/changer.py), while checkpoints,
new segments and compaction happen all the time, and now and then `store compact`, `store scrub`,
`store verify` and `store rebuild` are asked for.

One account is filled and emptied all the time; whatever is expunged, the store's files (without the
reserve) stay under 2.2 times the octets of the bodies that are in use.

Seconds: 12, or 300 with POSTERN_TEST_LONG=1, or POSTERN_SECONDS.
"""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import changer  # noqa: E402
import drive  # noqa: E402
import postern  # noqa: E402
import seed as seeds  # noqa: E402

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
TSAN = "tsan" in os.path.basename(postern.BUILD)
SECONDS = float(os.environ.get("POSTERN_SECONDS", 300 if LONG and not TSAN else 12))
CLIENTS = 32
LIVE = 4000  # messages of 10 kB in the account that is filled and emptied
PAUSE = 0.05  # seconds between its changes
LIMIT = 2.2
# No compression, so that octets can be compared; shards of 20 MB in segments of 1 MiB.
RESTLESS = {"shards": 2, "segment_size": "1 MiB", "checkpoint_records": 2000, "reserve": "1 MiB",
            "compression": "none", "compact_pause": "100ms", "scrub_rate": "1 GiB"}


class Churn(threading.Thread):
    """Fills and empties a mailbox; expunges at random, so that segments are mostly dead slowly."""

    def __init__(self, server, chance):
        super().__init__()
        self.drives = [drive.Drive(server, account) for account in ("bulk-a", "bulk-b", "bulk-c")]
        self.chance, self.stop, self.error, self.expunged = chance, False, None, 0

    def run(self):
        try:
            for connection in self.drives:
                connection.create("INBOX")
                connection.fill("INBOX", LIVE // 3, 10000)
            while not self.stop:
                self.turn(self.chance.choice(self.drives))
                time.sleep(PAUSE)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def turn(self, connection):
        count = connection.status("INBOX").messages
        wanted = self.chance.randrange(1, 200)
        if count + wanted <= LIVE // 3 * 1.1:
            connection.fill("INBOX", wanted, 10000, 20)
        uids = [row[0] for row in connection.view("INBOX").rows]
        gone = self.chance.sample(uids, min(wanted, len(uids)))
        connection.expunge("INBOX", gone)
        self.expunged += len(gone)
        assert connection.status("INBOX").messages == len(uids) - len(gone)


def disk_use(folder):
    """Octets of files on disk, and by kind."""
    kinds = {}
    for name in [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]:
        if os.path.basename(name) != "reserve":
            try:
                kind = os.path.basename(name).partition(".")[0]
                kinds[kind] = kinds.get(kind, 0) + os.stat(name).st_blocks * 512
            except FileNotFoundError:
                pass
    return sum(kinds.values()), kinds


def ratio(server, folder):
    rows = server.posternctl("store", "stats", json=True)
    used, kinds = disk_use(folder)
    # Those of the log; a big file is there as long as a message has it.
    live = sum(int(row["live-octets"]) for row in rows) + kinds.get("big", 0)
    return used / max(live, 1), live, kinds


def upkeep(server, chance):
    """Now and then somebody types a command; all must be well."""
    command = chance.choice(("compact", "scrub", "verify", None, None))
    if command:
        rows = server.posternctl("store", command, json=True)
        assert command == "compact" or not rows, f"store {command}: {rows[:3]}"


def soak(server, chance, seed):
    folder = os.path.join(server.directory, "store")
    churn = Churn(server, chance)
    weights = {"expunge": 6, "remove": 0.5}
    worst, samples = 0, 0
    with changer.Group(server, CLIENTS, seed, big=0.01, sizes=(300, 3000, 9000), look_every=30,
                       weights=weights, pause=0.02) as group:
        churn.start()
        end = time.monotonic() + SECONDS
        patience = end + 120 * postern.SLOW  # a busy machine needs longer to fill and empty it
        while time.monotonic() < end or samples < 3 and time.monotonic() < patience and not TSAN:
            time.sleep(0.3)
            group.check()
            assert churn.error is None, churn.error
            if churn.expunged < LIVE / 4:
                continue  # it is filled first
            now, live, kinds = ratio(server, folder)
            samples += 1
            if os.environ.get("POSTERN_VERBOSE"):
                print(f"{now:.2f} of {live}: {kinds}")
            if now > worst:
                worst, which = now, (live, kinds)
            upkeep(server, chance)
        churn.stop = True
        churn.join(60)
        assert churn.error is None, churn.error
    assert samples > 0 or TSAN, "nothing was expunged in all the time"
    if samples:
        print(f"{samples} measurements, at worst {worst:.2f} times the {which[0]} octets in use: "
              f"{which[1]}")
        assert TSAN or worst <= LIMIT, f"the store takes {worst:.2f} times what it holds"
    return group


def main():
    seed = seeds.of_run()
    with drive.server() as server:
        server.stop()
        server.configure({"server": {"log_level": "warning"}, "plugin storage-kyoto": {
            "path": os.path.join(server.directory, "store"), **RESTLESS}})
        server.start()
        group = soak(server, random.Random(seed), seed)
        rows = server.posternctl("store", "rebuild", json=True)
        assert rows and all(row["lost"] == "0" for row in rows), rows
        assert not server.posternctl("store", "verify", json=True)
        server.restart()
        assert not server.posternctl("store", "verify", json=True)
    print(f"{group.commands} commands of {CLIENTS} clients, compared {group.looks} times")


if __name__ == "__main__":
    main()
