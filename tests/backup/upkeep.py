#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""store compact and store rebuild, with and without a server: space comes back, and all mail that
was kept is what it was; also after kill -9 and a look by store verify."""

import glob
import os

import support
from support import postern


def files_octets(rows):
    return (sum(int(row["octets-before"]) for row in rows),
            sum(int(row["octets-after"]) for row in rows))


def mistakes(server):
    for arguments, text in ((("7",), "no such shard"), (("x",), "no such shard"),
                            (("-1",), "no such shard"), (("0", "1"), "one argument")):
        for command in ("compact", "rebuild"):
            done = server.posternctl("store", command, *arguments, check=False)
            assert done.returncode != 0 and text in done.stderr, (command, arguments, done)


def lost(server, users):
    """What a rebuild has to do without shows in the exit status, too."""
    lmtp = support.Lmtp(server)
    for user in users:
        lmtp.deliver(user, support.mail(200, 3000))
    lmtp.close()
    server.stop()
    for shard in glob.glob(os.path.join(server.state, "**", "s0[01]"), recursive=True):
        with open(max(glob.glob(os.path.join(shard, "log.????????"))), "r+b") as log:
            log.seek(-200, os.SEEK_END)
            octets = bytes(octet ^ 255 for octet in log.read(8))
            log.seek(-200, os.SEEK_END)
            log.write(octets)
    done = server.posternctl("store", "rebuild", check=False)
    assert done.returncode == 1 and "were lost" in done.stderr, done
    assert len(done.stdout.splitlines()) == 3, done.stdout


def main():
    with support.server(shards="2", segment_size="64 KiB", compact_pause="0s",
                        compression="none") as server:
        lmtp = support.Lmtp(server)
        users = sorted(support.USERS)
        for number in range(80):
            lmtp.deliver(users[number % 4], support.mail(number, 6000 + number * 10))
        for user in users:
            support.delete(server, user, range(1, 16))
        kept = support.fetch_all(server)
        assert [len(kept[user]) for user in users] == [5] * 4
        rows = server.posternctl("store", "compact", json=True)
        assert [row["shard"] for row in rows] == ["00", "01"], rows
        before, after = files_octets(rows)
        assert after * 2 < before and sum(int(row["segments-removed"]) for row in rows) > 3, rows
        assert support.fetch_all(server) == kept
        [row] = server.posternctl("store", "compact", "1", json=True)
        assert row["segments-removed"] == "0" and row["octets-moved"] == "0", row
        mistakes(server)
        rows = server.posternctl("store", "rebuild", json=True)
        assert [(row["shard"], row["lost"]) for row in rows] == [("00", "0"), ("01", "0")], rows
        assert support.fetch_all(server) == kept
        server.posternctl("store", "verify")
        assert {row["state"] for row in server.posternctl("store", "stats", json=True)} == {"good"}
        lmtp.deliver(users[0], support.mail(100, 3000))
        support.delete(server, users[1], [1])
        kept = support.fetch_all(server)
        lmtp.close()
        server.kill9()
        server.restart()
        assert support.fetch_all(server) == kept
        server.stop()
        [row] = server.posternctl("store", "rebuild", "0", json=True)
        assert row["lost"] == "0", row
        assert len(server.posternctl("store", "compact", json=True)) == 2
        server.posternctl("store", "verify")
        server.start()
        assert support.fetch_all(server) == kept
        lost(server, users)


if __name__ == "__main__":
    postern.run(main)
