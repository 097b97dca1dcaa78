# SPDX-License-Identifier: Apache-2.0
"""A full disk, of which most is dead: compaction gets it back by itself, again and again, with no
more space to begin with than the reserve; what is left is what was kept.

The store lives on a small tmpfs; who may not mount skips the test.
"""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import drive  # noqa: E402
import postern  # noqa: E402
import seed as seeds  # noqa: E402

SIZE = 8000
ROUNDS = 6 if os.environ.get("POSTERN_TEST_LONG") else 2


def fill(drives):
    """Until nobody can add any more; the number of mails there are."""
    refused = 0
    while refused < len(drives):
        refused = 0
        for connection in drives:
            try:
                connection.fill("INBOX", 20, SIZE, 10)
            except drive.StoreError as error:
                assert error.status == "TEMPORARY", error
                refused += 1
    return sum(connection.status("INBOX").messages for connection in drives)


def expunge_most(drives, chance):
    for connection in drives:
        uids = [row[0] for row in connection.view("INBOX").rows]
        connection.expunge("INBOX", sorted(chance.sample(uids, len(uids) * 7 // 10)))
    return [[row[0] for row in connection.view("INBOX").rows] for connection in drives]


def free(disk):
    space = os.statvfs(disk)
    return space.f_bavail * space.f_frsize


def wait_for_space(disk, wanted):
    end = time.monotonic() + 60 * postern.SLOW
    while free(disk) < wanted:
        assert time.monotonic() < end, f"{free(disk)} octets are free, not {wanted}"
        time.sleep(0.1)


def scenario(server, disk, chance):
    drives = [drive.Drive(server, f"account-{number}") for number in range(0, 100, 27)]
    for connection in drives:
        connection.create("INBOX")
    for turn in range(ROUNDS):
        assert fill(drives) * SIZE > 25 << 20, f"turn {turn}: the disk was full too early"
        kept = expunge_most(drives, chance)
        wait_for_space(disk, 20 << 20)
        for connection, uids in zip(drives, kept):
            assert [row[0] for row in connection.view("INBOX").rows] == uids
            for uid in chance.sample(uids, 10):
                assert len(connection.read("INBOX", uid)) == SIZE
    assert not server.posternctl("store", "verify", json=True)
    server.kill9()
    server.restart()
    for number, uids in zip(range(0, 100, 27), kept):
        connection = drive.Drive(server, f"account-{number}")
        assert [row[0] for row in connection.view("INBOX").rows] == uids
    rows = server.posternctl("store", "rebuild", json=True)
    assert all(row["lost"] == "0" for row in rows), rows
    assert not server.posternctl("store", "verify", json=True)


def main():
    seed = seeds.of_run()
    with drive.server() as server:
        disk = os.path.join(server.directory, "disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=56m", "tmpfs", disk], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            postern.skip("a tmpfs cannot be mounted here")
        try:
            server.stop()
            server.configure({"plugin storage-kyoto": {
                "path": os.path.join(disk, "store"), "shards": 2, "segment_size": "4 MiB",
                "reserve": "4 MiB", "compression": "none", "compact_pause": "500ms"}})
            server.start()
            scenario(server, disk, random.Random(seed))
            server.stop()
        finally:
            subprocess.run(["umount", "-l", disk], check=False)


if __name__ == "__main__":
    main()
