#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""same_dump.py SHELL MODULE: the index is nothing that the log cannot replace.

A store is changed by several clients in several processes, with compaction.  Its whole dump
(mailboxes, messages with the sha256 of their octets, keywords, annotations, quotas, rights, ids, who
has vanished) must be the same, octet for octet: at the next start; after a kill; with the index, or
one tree, or CURRENT removed; after `store compact` and with the index removed then, and once more;
after `store rebuild`; with a rotten tree.  No message that was expunged comes back.
"""
import glob
import os
import shutil
import sys
import tempfile

import prepared
import shell

ROUNDS = 40 if os.environ.get("POSTERN_TEST_LONG") else 4
SETTINGS = ["shards=2", "segment_size=32768", "checkpoint_records=100", "sync=no", "reserve=0",
            "compact=20", "compact_idle=10", "compact_pause=20ms", "base_gain=0"]
INDEX = ("idx.A.kct", "idx.B.kct", "CURRENT")


class Same:
    """A store, and the dump that it must give for ever."""

    def __init__(self, program, module, folder, seed):
        self.program, self.module, self.folder = program, module, folder
        self.store = os.path.join(folder, "store")
        self.clients = shell.clients(4, seed, big=0.01)
        for client in self.clients:
            client.weights.update(annotate=3, expunge=6)
        self.clients[0].weights.update(compact=0.5)

    def change(self, end):
        scripts = []
        for number, client in enumerate(self.clients):
            scripts.append(os.path.join(self.folder, f"script{number}"))
            with open(scripts[-1], "w", encoding="ascii") as out:
                out.writelines(f"!{line}\n" for line in client.extend(60) + self.extra(number))
        status, answers, errors = shell.run_scripts(
            self.program, self.module, [*SETTINGS, "path=" + self.store], scripts, end=end)
        assert status == 0, f"{answers[-1:]} {errors}"

    def extra(self, number):
        """What the model does not know."""
        account = f"other{number}@example.test"
        return [f"deliver 900 {number} 0 {account} INBOX", f"subscribe {account} INBOX 1",
                f"quota {account} 1000000 none", f"annotate {account} - - /own/value {number}",
                 f"annotate {account} INBOX - /box/value {number}",
                 f"deliver 100 {number} 0 gone{number}@example.test INBOX",
                 f"remove-account gone{number}@example.test"]

    def dump(self, *commands, kill=False):
        with shell.Shell(self.program, self.module, *SETTINGS, "path=" + self.store,
                         "take_over=yes") as opened:
            for command in commands:
                opened.ask(command)
            rows = opened.ask("dump")
            wrong = opened.verify()
            assert not wrong, f"store verify: {wrong[:3]}"
            if kill:
                opened.kill()
        return rows

    def remove(self, *names):
        for name in names:
            for path in glob.glob(os.path.join(self.store, "s*", name)):
                os.unlink(path)

    def rot_tree(self, chance):
        for path in glob.glob(os.path.join(self.store, "s*", "idx.*")):
            with open(path, "r+b") as stream:
                size = os.path.getsize(path)
                for _ in range(size // 500):
                    stream.seek(chance.randrange(size))
                    stream.write(b"\x55")


def prove(same, chance):
    for end in ("--kill", "--", "--kill"):
        same.change(end)
    wanted = same.dump()
    models = {}
    for client in same.clients:
        models.update(client.states[-1])
    found = shell.states_of(map(shell.json.loads, (row for row in wanted if row[0] == "{")))
    for account, model in models.items():
        assert found.get(account, {}) == model, (
            f"{account}: " + shell.difference(found.get(account, {}), model))
    cases = [
        ("at the next start", lambda: None, []), ("after a kill", lambda: None, []),
        ("without an index", lambda: same.remove(*INDEX), []),
        ("without CURRENT", lambda: same.remove("CURRENT"), []),
        ("without a tree", lambda: same.remove("idx.A.kct"), []),
        ("after store compact", lambda: None, ["control store compact"]),
        ("compacted, without an index", lambda: same.remove(*INDEX), []),
        ("after store rebuild", lambda: None, ["control store rebuild"]),
        ("compacted twice", lambda: None, ["control store compact"]),
        ("and without an index again", lambda: same.remove(*INDEX), []),
        ("with rotten trees and no CURRENT",
         lambda: (same.rot_tree(chance), same.remove("CURRENT")), [])]
    for number, (words, damage, commands) in enumerate(cases):
        damage()
        got = same.dump(*commands, kill=number % 2 == 1)
        if got != wanted:
            lines = sorted(set(got) ^ set(wanted))[:6]
            if os.environ.get("POSTERN_KEEP"):
                shutil.copytree(same.folder, os.environ["POSTERN_KEEP"], dirs_exist_ok=True)
            for line in lines:
                print("before" if line in wanted else "after ", line)
            sys.exit(f"the dump is another {words}")
    return len(wanted)


def main():
    program, module = [os.path.abspath(name) for name in sys.argv[1:3]]
    chance = prepared.chance_of("same dump")
    rows = 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="dump-", dir=prepared.temporary()) as folder:
            rows += prove(Same(program, module, folder, chance.random()), chance)
    print(f"{rows} rows of {ROUNDS} stores stay the same")


main()
