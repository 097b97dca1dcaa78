# SPDX-License-Identifier: Apache-2.0
"""A disk that is full again and again, under changes of all kinds.

The store lives on a small tmpfs, with small segments, checkpoints, bases and compaction all the time;
clients with a model of what must be there (tests/support/changer.py) deliver, also bodies over 1 MiB,
flag, copy, move and expunge. Again and again something else takes all the space that is left, to the
last octet; what the store has kept back (`reserve`) must do. Then changes may be refused as temporary, and nothing else may happen: no signal, no
acknowledged change is lost, what was refused has not happened, reading goes on, and mail can be
expunged; `store compact` gives space back. When the space is there again, mail is taken without a
restart.

Who may not mount skips the test. POSTERN_TEST_LONG=1: 40 times instead of 4.
"""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import changer  # noqa: E402
import drive  # noqa: E402
import postern  # noqa: E402
import seed as seeds  # noqa: E402

ROUNDS = 40 if os.environ.get("POSTERN_TEST_LONG") else 4
CLIENTS = 8
BULK = 500  # messages of 20 kB that are expunged on the full disk
RESTLESS = {"shards": 2, "segment_size": "512 KiB", "checkpoint_records": 150, "reserve": "4 MiB",
            "compression": "none", "compact_pause": "50ms", "base_gain": 0}


def take_all(path):
    """All space that is left."""
    with open(path, "ab", buffering=0) as ballast:
        for size in (1 << 20, 1 << 16, 4096, 4096):
            try:
                while True:
                    ballast.write(b"\0" * size)
            except OSError:
                pass


def wait_for(what, words, seconds=20):
    end = time.monotonic() + seconds * postern.SLOW
    while not what():
        assert time.monotonic() < end, words
        time.sleep(0.1)


def taken(bulk, size):
    """Is a mail of so many octets taken now?"""
    try:
        bulk.append("INBOX", size)
    except drive.StoreError as error:
        assert error.status == "TEMPORARY", error
        return False
    return True


def expunged(bulk, uids):
    try:
        bulk.expunge("INBOX", uids)
    except drive.StoreError as error:
        assert error.status == "TEMPORARY", error
        return False
    return True


def full(server, bulk, disk):
    """One time of a full disk."""
    ballast = os.path.join(disk, "ballast")
    take_all(ballast)
    time.sleep(1.5)
    big = taken(bulk, 3_000_000)
    rows = bulk.fetch("INBOX")
    for row in rows[:3] + rows[-3:]:
        assert len(bulk.read("INBOX", row.uid)) == row.octets, "it cannot be read"
    # Mail can be expunged on the full disk: half of it, in pieces.
    gone = [row.uid for row in rows[::2]]
    wait_for(lambda: expunged(bulk, gone[:50]), "nothing can be expunged on a full disk")
    for at in range(50, len(gone), 50):
        expunged(bulk, gone[at:at + 50])
    server.posternctl("store", "compact", check=False)
    os.unlink(ballast)
    wait_for(lambda: taken(bulk, 1000), "no mail is taken although there is space")
    wait_for(lambda: taken(bulk, 2_000_000), "no big mail is taken although there is space")
    return not big


def scenario(server, disk, seed):
    bulk = drive.Drive(server, "bulk")
    bulk.create("INBOX")
    worker = server.worker_pid
    refused = 0
    with changer.Group(server, CLIENTS, seed, big=0.01, look_every=25, sizes=(300, 3000, 9000),
                       may_refuse=("TEMPORARY",), weights={"expunge": 7}, pause=0.01) as group:
        for _ in range(ROUNDS):
            count = bulk.status("INBOX").messages
            bulk.fill("INBOX", max(1, BULK - count), 20000, 10)
            bulk.expunge("INBOX", [row.uid for row in bulk.fetch("INBOX") if row.octets > 1 << 20])
            refused += full(server, bulk, disk)
            group.check()
            assert server.worker_pid == worker, "the worker has died"
            time.sleep(0.5)
    assert refused, "the disk was never full"
    before = [(row.uid, row.octets) for row in bulk.fetch("INBOX")]
    assert not server.posternctl("store", "verify", json=True)
    bulk.close()
    server.kill9()
    server.start()
    bulk = drive.Drive(server, "bulk")
    assert [(row.uid, row.octets) for row in bulk.fetch("INBOX")] == before
    bulk.scan("INBOX")
    assert not server.posternctl("store", "verify", json=True)
    print(f"{ROUNDS} times full: {group.commands} commands acknowledged, {group.refused} refused, "
          f"compared {group.looks} times")


def main():
    seed = seeds.of_run()
    server = drive.server()
    disk = os.path.join(server.directory, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", disk], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        server.close()
        postern.skip("a tmpfs cannot be mounted here")
    try:
        server.configure({"server": {"log_level": "notice"}, "plugin storage-kyoto": {
            "path": os.path.join(disk, "store"), **RESTLESS}})
        with server:
            scenario(server, disk, seed)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


if __name__ == "__main__":
    main()
