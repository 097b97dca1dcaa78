#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""reader.py SHELL MODULE: read_store.py, which knows only FORMAT.md, lists what the store lists.

Several clients change a store of three shards with tiny segments, checkpoints, bases and compaction;
it is closed, opened, and closed again.  Then both list it: every mailbox and message, with flags, keywords, modseqs, dates, sizes and
the sha256 of the octets.
"""
import glob
import json
import os
import sys
import tempfile

import prepared
import shell
from prepared import read_store

ROUNDS = 20 if os.environ.get("POSTERN_TEST_LONG") else 3
COMMANDS = 120
SETTINGS = ["shards=3", "segment_size=32768", "checkpoint_records=200", "sync=no", "reserve=0",
            "compact=20", "compact_idle=10", "compact_pause=20ms", "base_gain=0"]


def lines(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def compare(program, module, folder, seed):
    store = os.path.join(folder, "store")
    settings = [*SETTINGS, "path=" + store]
    clients = shell.clients(4, seed, big=0.03)
    clients[0].weights.update(compact=0.5)
    for _ in range(2):
        scripts = []
        for number, client in enumerate(clients):
            scripts.append(os.path.join(folder, f"script{number}"))
            with open(scripts[-1], "w", encoding="ascii") as out:
                out.writelines(f"!{line}\n" for line in client.extend(COMMANDS // 2))
        status, answers, errors = shell.run_scripts(program, module, settings, scripts)
        assert status == 0, f"{answers[-1]} {errors}"
    with shell.Shell(program, module, *settings) as opened:
        served = lines(opened.listing())
    mailboxes, messages = read_store.Store(store).replay().listing()
    read = lines(mailboxes + messages)
    for line in sorted(set(served) ^ set(read))[:6]:
        print("served" if line in served else "read  ", line)
    assert served == read, "the reader and the store do not agree"
    return len(messages), len(glob.glob(os.path.join(store, "s*", "base.*")))


def main():
    program, module = [os.path.abspath(name) for name in sys.argv[1:3]]
    chance = prepared.chance_of("reader")
    messages = bases = 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="reader-", dir=prepared.temporary()) as folder:
            more = compare(program, module, folder, chance.random())
            messages, bases = messages + more[0], bases + more[1]
    assert bases, "no base was read"
    print(f"{messages} messages in {ROUNDS} stores, with {bases} bases, are the same")


main()
