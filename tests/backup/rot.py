#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A bit of a stored (and compressed) body flips: that message alone cannot be read; store scrub,
store verify and export name it, and export brings the others.  The scrubber finds it by itself,
and a big body's rot, too."""

import glob
import mailbox
import os
import poplib
import struct

import support
from support import postern

CODEC_ZSTD = 1


def bodies(server):
    """(file, offset, octets, codec, uid) of every body in the logs, as FORMAT.md tells."""
    for path in glob.glob(os.path.join(server.directory, "**", "log.*"), recursive=True):
        with open(path, "rb") as file:
            data = file.read()
        at = 64
        while at + 64 <= len(data) and data[at:at + 4] == b"PTNR":
            meta, = struct.unpack_from("<I", data, at + 8)
            body, kind, codec = struct.unpack_from("<QBB", data, at + 16)
            uid, = struct.unpack_from("<I", data, at + 60)
            if kind == 7 and body:
                yield path, at + 64 + meta, body, codec, uid
            at += (64 + meta + body + 7) // 8 * 8


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        octet = file.read(1)
        file.seek(at)
        file.write(bytes([octet[0] ^ 32]))


def damaged_rows(server):
    done = server.posternctl("store", "scrub", json=True, check=False)
    return [row for row in done if row["account"]]


def main():
    with support.server(shards="1", scrub_interval="1s", scrub_rate="100 MiB",
                        body_cache="0") as server:
        lmtp = support.Lmtp(server)
        mails = [support.mail(number, size) for number, size in
                 enumerate((100, 3000, 10000, 60000, 900000, 1_500_000), 1)]
        for octets in mails:
            lmtp.deliver("u0", octets)
        assert list(support.fetch(server, "u0").values()) == mails
        places = sorted(bodies(server), key=lambda place: place[4])
        assert [place[3] for place in places[1:]] == [CODEC_ZSTD] * (len(places) - 1), places
        assert sum(place[2] for place in places) * 3 < sum(map(len, mails)) * 2
        assert damaged_rows(server) == []
        [row] = server.posternctl("store", "stats", json=True)
        assert (row["state"], row["messages"], row["bodies"]) == ("good", "6", "6"), row
        assert int(row["message-octets"]) > sum(map(len, mails)), row
        assert 0.1 < float(row["ratio"]) < 0.66 and int(row["big-octets"]) > 100_000, row
        print("compressed, and the same octets come back")

        path, at, size, _, uid = places[2]
        flip(path, at + size // 2)
        [big] = glob.glob(os.path.join(server.directory, "**", "big.*"), recursive=True)
        flip(big, 1000)
        rotten = {uid, 6}
        pop = support.pop3(server, "u0")
        for number, octets in enumerate(mails, 1):
            try:
                got = support.sent(b"\r\n".join(pop.retr(number)[1]) + b"\r\n")
                assert got == octets and number not in rotten, number
            except poplib.error_proto as error:
                assert number in rotten and b"damaged" in error.args[0], (number, error)
                pop.noop()
        pop.quit()
        print("rotten messages fail alone")

        rows = damaged_rows(server)
        assert {(row["account"], row["mailbox"], int(row["uid"])) for row in rows} \
            == {("u0", "INBOX", 3), ("u0", "INBOX", 6)}, rows
        done = server.posternctl("store", "scrub", check=False)
        assert done.returncode == 1 and "2 problems" in done.stderr, done
        done = server.posternctl("store", "verify", check=False)
        assert done.returncode == 1 and "2 problems" in done.stderr, done
        server.wait_log("store.rotten", account="u0", mailbox="INBOX", uid="3")
        print("scrub and verify name them")

        target = os.path.join(server.directory, "out")
        done = server.posternctl("export", "u0", target, check=False)
        assert done.returncode == 1 and "uid 3" in done.stderr and "uid 6" in done.stderr, done
        box = mailbox.Maildir(target)
        assert len(box) == len(mails) - 2, len(box)
        assert all(b"X-Number: %d\n" % number in b"".join(message.as_bytes() for message in box)
                   for number in (1, 2, 4, 5))
        rows = server.posternctl("export", "u0", os.path.join(server.directory, "mbox"),
                                 "--format", "mbox", json=True, check=False)
        assert [(row["mailbox"], row["uid"]) for row in rows if row["uid"]] \
            == [("INBOX", "3"), ("INBOX", "6")], rows
        assert [row["mails"] for row in rows if row["mails"]] == ["4"], rows
        print("export skips them and says which")

        # By itself: a bit that nobody has looked at yet.
        path, at, size, _, uid = places[1]
        flip(path, at + size - 1)
        server.wait_log("store.rotten", account="u0", uid=str(uid))
        print("the scrubber finds a bit by itself")


if __name__ == "__main__":
    main()
