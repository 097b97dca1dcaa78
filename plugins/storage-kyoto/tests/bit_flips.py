#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""bit_flips.py SHELL MODULE: one bit is flipped, anywhere in a store.

In records of the log (header, meta, body as it is, body compressed), in the headers of segments, in
big files, both trees, CURRENT, the base, STORE, LOCK.  The store is one that was closed, or one that
was killed.  Then:
- the process lives; whatever it lists and reads is right, octet for octet, or an error;
- what is not there any more, or not as it was, is told: the log has an event that says so (never
  silently; where the last unit of a log was hit, that is store.torn, because nothing behind it
  proves that it was whole once);
- if the store does not open, it says why, and it is only for STORE and LOCK, which no checksum can
  replace;
- when the file was part of the index, which the log can replace, the store lists the same as before
  without help, at the next start at the latest; and with the index removed the same as well (a rotten
  base must have been noticed before that, by a look at it or a compaction).

POSTERN_TEST_LONG=1: 3000 flips instead of 150.
"""
import glob
import json
import os
import sys
import tempfile
import time

import prepared
import shell
from prepared import read_store

FLIPS = 3000 if os.environ.get("POSTERN_TEST_LONG") else 150
SETTINGS = ["shards=2", "segment_size=65536", "checkpoint_records=80", "sync=no", "reserve=0",
            "compact=30", "compact_pause=0", "base_gain=0"]
TELLING = ("store.corrupt", "store.recovery", "store.rebuild", "store.torn", "store.lost")


def rows_of(rows):
    """The listing by account, mailbox and UID; what is counted for a whole mailbox beside it."""
    return {(row["account"], row["mailbox"], row.get("uid", 0)): row for row in rows}


def places(store):
    """What can be hit, by name: a list of (file, first octet, octets)."""
    found = {}

    def add(name, path, start, size):
        if size > 0:
            found.setdefault(name, []).append((os.path.relpath(path, store.good), start, size))

    opened = read_store.Store(store.good)
    for shard in opened.shards:
        for record in shard.records(shard.load_base()):
            path = shard.name(record.segment)
            body = record.offset + 64 + record.meta_size
            add("record header", path, record.offset, 64)
            add("meta", path, record.offset + 64, record.meta_size)
            add("compressed body" if record.codec else "body", path, body, record.body_size)
        for segment in shard.segments():
            add("segment header", shard.name(segment), 0, 64)
        for pattern, name in (("idx.*", "tree"), ("CURRENT", "CURRENT"), ("base.*", "base"),
                              ("big.*", "big file")):
            for path in glob.glob(os.path.join(shard.folder, pattern)):
                add(name, path, 0, os.path.getsize(path))
    for name in ("STORE", "LOCK"):
        add(name, os.path.join(store.good, name), 0,
            os.path.getsize(os.path.join(store.good, name)))
    return found


def flip(path, bit):
    with open(path, "r+b") as stream:
        stream.seek(bit // 8)
        octet = stream.read(1)[0] ^ 1 << bit % 8
        stream.seek(bit // 8)
        stream.write(bytes([octet]))


class Look:
    """What one process finds in the damaged store."""

    def __init__(self, store, tries=50):
        self.refused, self.rows, self.failed = None, {}, False
        try:
            with store.open() as opened:
                for _ in range(tries):
                    status, _, rows = opened.send("list")
                    if status == 0:
                        break
                    time.sleep(0.02)  # the index may be made anew meanwhile
                self.failed = status != 0
                self.rows = rows_of(json.loads(row) for row in rows)
                self.problems = opened.verify()
                self.events = opened.ask("log") or []
                if not self.failed:
                    opened.send("deliver 300 7 0 new@example.test INBOX")
            if opened.process.returncode:
                raise AssertionError(f"exit {opened.process.returncode}")
        except shell.Refused as refusal:
            self.refused = str(refusal)
            assert "refused" in self.refused, f"the process died: {self.refused}"

    def told(self):
        return any(word in event for event in self.events for word in TELLING)


def differences(good, look, bodies_may_fail):
    """Rows that are gone or not as they were; a wrong body is never right."""
    words = []
    for key, row in look.rows.items():
        if key[0] == "new@example.test":
            continue
        if key not in good:
            words.append(f"{key} is new")
            continue
        for name, value in row.items():
            if value == good[key][name]:
                continue
            if name == "sha256":
                assert value.startswith("error"), f"wrong octets: {key}"
                if bodies_may_fail:
                    words.append(f"{key} cannot be read")
                    continue
            words.append(f"{key} {name}: {value}, was {good[key][name]}")
    words += [f"{key} is gone" for key in good if key not in look.rows]
    return words


def check(store, good, name, path):
    look = Look(store)
    if look.refused:
        assert name in ("STORE", "LOCK"), f"does not open: {look.refused}"
        return "refused"
    wrong = differences(good, look, True)
    if wrong or look.failed:
        assert look.told(), f"silent: {wrong[:3]}, {look.events} {look.problems}"
    if name in ("tree", "CURRENT", "base", "LOCK"):
        again = Look(store, 1500)
        wrong = differences(good, again, False)
        assert not again.refused and not again.failed and not wrong, (
            f"after the next start: {again.refused or wrong[:3]} {again.events}")
    if name == "base":  # which is replaced when it is noticed; with the index lost, too, it is late
        with store.open() as opened:
            opened.verify()
            opened.ask("control store compact")
    for part in glob.glob(os.path.join(store.copy, "s*", "idx.*")) + glob.glob(
            os.path.join(store.copy, "s*", "CURRENT")):
        os.unlink(part)
    rebuilt = Look(store, 1500)
    assert not rebuilt.refused and not rebuilt.failed, (
        f"with a new index: {rebuilt.refused or rebuilt.events}")
    after = differences(good, rebuilt, True)
    if after:
        assert rebuilt.told() or look.told(), (
            f"silent with a new index: {after[:3]} {rebuilt.problems}")
        if name in ("tree", "CURRENT", "base", "LOCK"):
            raise AssertionError(f"with a new index: {after[:3]}")
    return "told" if wrong or after else "right"


def make(program, module, folder, chance, closed):
    client = shell.Client("ann", chance, big=0.04, sizes=(30, 500, 3000, 9000), accounts=3)
    store = prepared.Prepared(program, module, folder, SETTINGS, client)
    client.weights.update(compact=1)
    for last in (False, True):
        store.run(client.extend(80), closed=closed or not last)
    store.renew()
    with store.open() as opened:
        good = rows_of(opened.listing())
    return store, good


def main():
    program, module = [os.path.abspath(name) for name in sys.argv[1:3]]
    chance = prepared.chance_of("bit flips")
    counts = {}
    for closed in (True, False):
        with tempfile.TemporaryDirectory(prefix="flips-", dir=prepared.temporary()) as folder:
            store, good = make(program, module, folder, chance, closed)
            found = places(store)
            for number in range(FLIPS // 2):
                name = sorted(found)[number % len(found)]
                path, start, size = chance.choice(found[name])
                bit = start * 8 + chance.randrange(size * 8)
                store.renew()
                flip(os.path.join(store.copy, path), bit)
                try:
                    result = check(store, good, name, path)
                except AssertionError as error:
                    print(f"bit {bit % 8} of octet {bit // 8} of {path}, {name}, of a store that "
                          f"was {'closed' if closed else 'killed'}: {error}")
                    counts["WRONG"] = counts.get("WRONG", 0) + 1
                    continue
                counts[name, result] = counts.get((name, result), 0) + 1
    for key in sorted(map(str, counts)):
        print(key, {str(name): count for name, count in counts.items()}[key])
    if "WRONG" in counts:
        sys.exit(1)


main()
