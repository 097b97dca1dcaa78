#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""torn_tail.py SHELL MODULE: the log's end is damaged, at each octet of its last three records.

A store is killed; then its log is cut at an octet, or holds zeros from there on, or has one octet
changed.  What is cut off or zeroed is gone and nothing else: the store is as it was after all the
units that are still whole.  With one octet changed in the last unit likewise; in one before it,
which later records prove to have been synced, the damage is told, and what other commands did is
there.  After each the store takes mail, and `store verify` finds nothing but what was told.

POSTERN_TEST_LONG=1: every octet, for many ends of a log; else some of them, for a few.
"""
import os
import sys
import tempfile

import prepared
import shell
from prepared import read_store

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
ENDS = 12 if LONG else 3      # logs
STEP = 1 if LONG else 13      # octets
SETTINGS = ["shards=1", "checkpoint_records=100000", "sync=no", "reserve=0"]


class Log:
    """The last segment of the good store, and where its records and units end."""

    def __init__(self, store):
        shard = read_store.Store(store.good).shards[0]
        records = list(shard.records(shard.load_base()))
        self.segment = records[-1].segment
        with open(shard.name(self.segment), "rb") as stream:
            self.octets = stream.read()
        records = [record for record in records if record.segment == self.segment]
        self.starts = [record.offset for record in records[-3:]]
        self.ends = [record.offset + 64 + record.meta_size + record.body_size
                     for record in records if record.bits & read_store.END_OF_UNIT]
        self.end = records[-1].offset + records[-1].size()
        self.padding = {at for record in records
                        for at in range(record.offset + 64 + record.meta_size + record.body_size,
                                        record.offset + record.size())}
        self.name = os.path.relpath(shard.name(self.segment), store.good)


    def is_padding(self, at):
        return at in self.padding


def damaged(log, how, at):
    data = bytearray(log.octets)
    if how == "cut":
        del data[at:]
    elif how == "zero":
        data[at:] = bytes(len(data) - at)
    else:
        data[at] ^= 0x41
    return data


def look(store, log, how, at):
    store.renew()
    with open(os.path.join(store.copy, log.name), "wb") as out:
        out.write(damaged(log, how, at))
    lost = sum(1 for end in log.ends if end > at)  # units that are not whole any more
    if how == "garble":
        lost = min(lost, 1) if not log.is_padding(at) else 0
    states = store.client.states
    with store.open() as opened:
        found = shell.states_of(opened.listing())
        events = opened.ask("log") or []
        # Padding that is missing takes nothing away; nor does damage in octets that say nothing.
        wanted = [states[len(states) - 1 - lost]]
        if how == "zero" and lost:
            # Octets that were zero already.
            wanted += [states[len(states) - lost]] if not any(log.octets[at:log.ends[-lost]]) else []
        account = next(iter(store.client.accounts))
        if how == "garble" and not log.is_padding(at) and at < (log.ends[-2] if len(log.ends) > 1 else 0):
            wrong = found.get(account, {}) != states[-1][account]
            if wrong and not any("store.corrupt" in event for event in events):
                raise AssertionError("acknowledged changes are gone, and nobody is told: "
                                     + shell.difference(found.get(account, {}), states[-1][account]))
        elif not any(found.get(account, {}) == state[account] for state in wanted):
            raise AssertionError(shell.difference(found.get(account, {}), wanted[0][account]))
        elif lost and how == "garble" and not any("store.torn" in event for event in events):
            raise AssertionError("the end of the log is cut, and nobody is told")
        elif how != "garble" and opened.verify():
            raise AssertionError(str(opened.verify()[:3]))
        opened.ask("deliver 500 7 0 new@example.test INBOX")
        opened.kill()
    # What was added behind the mended end is found there.
    with store.open() as opened:
        again = shell.states_of(opened.listing())
        new = again.pop("new@example.test", {})
        assert new.get("INBOX", {}).get("uidnext") == 2, "mail that was taken afterwards is lost"
        found.pop("new@example.test", None)
        assert again == found, "it is not the same at the next start"
        wrong = opened.verify() if how != "garble" else []
        assert not wrong, f"at the next start: {wrong[:3]}"


def tear(program, module, folder, chance):
    client = shell.Client("ann", chance, accounts=1, big=0, sizes=(30, 300))
    client.weights.update(keyword=0)
    store = prepared.Prepared(program, module, folder, SETTINGS, client)
    if os.path.exists(store.good):
        prepared.shutil.rmtree(store.good)
    store.run(client.extend(chance.randrange(5, 40)), closed=False)
    log = Log(store)
    if len(log.ends) != len(client.commands):
        return 0  # a command that needed no unit, or several: not to be counted by
    count = 0
    for how in ("cut", "zero", "garble"):
        for at in range(log.starts[0] + chance.randrange(STEP), log.end, STEP):
            try:
                look(store, log, how, at)
            except AssertionError as error:
                sys.exit(f"{how} at {at} of {log.end} (units end at {log.ends[-4:]}): {error}\n"
                         f"commands: {client.commands[-4:]}")
            count += 1
    return count


def main():
    program, module = [os.path.abspath(name) for name in sys.argv[1:3]]
    chance = prepared.chance_of("torn tail")
    with tempfile.TemporaryDirectory(prefix="torn-", dir=prepared.temporary()) as folder:
        done = places = 0
        while done < ENDS:
            count = tear(program, module, folder, chance)
            done += count > 0
            places += count
        print(f"{places} damages at the ends of {done} logs")


main()
