#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""powerloss.py SHELL MODULE RECORDER [FAULTY...]: what is there after the power failed at any moment?

Clients change the store (deliver, append, flags, keywords, copy, move, expunge, mailboxes, big
bodies) in two processes, one after the other, under a recorder, with tiny segments, checkpoints all
the time and compaction.  Then, for many moments, the test builds what the disk may hold: of each
file everything that was synced and any part, by pages of 4 kB, of what was not; of names those that
a sync made durable, and some of those after, in order.  On every second of these disks any sync
makes all names and sizes before it durable, as ext4 does; on the others only a sync of the folder
does so.  The store opens that, and each account must be as it was after exactly k of its client's
commands, where k is the number acknowledged, or one more; `store verify` must find nothing; and it
must take mail.  Every few states the power fails once more, within that recovery.

Then the negative controls: the same with a sync left out (of the log, of the index, of folders, of
all) of what was recorded; FAULTY, which are builds of the module without the sync of the log and of
the index; and with segments removed before what was moved out of them is synced.  Each must lead
to damage, or the test could not see any.
"""
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..",
                                "tests", "support"))
from disk import Disk, below  # noqa: E402
import seed as seeds  # noqa: E402
import shell  # noqa: E402

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
STATES = 1000 if LONG else 90
CONTROL_STATES = 2000  # at most: few are needed, but how many is chance
COMMANDS = 60
CLIENTS = 3
SETTINGS = ["shards=1", "segment_size=16384", "checkpoint_records=40", "reserve=0", "compact=10",
            "compact_idle=10", "compact_pause=5ms", "base_gain=0"]


class Run:
    """The recorded run, and the clients that know what must be there."""

    def __init__(self, programs, folder, name, seed, environment=None, commands=COMMANDS, big=0.02,
                 recorded=None):
        self.program, self.module, self.recorder = programs
        self.recorded = recorded or self.module  # which build of the store is recorded
        self.folder, self.store = folder, os.path.join(folder, name)
        self.clients = shell.clients(CLIENTS, seed, big=big)
        self.clients[0].weights.update(compact=2)
        self.target = os.path.join(folder, "state")
        trace = self.store + ".trace"
        self.environment = dict(os.environ, LD_PRELOAD=self.recorder, POWERLOSS_FOLDER=self.store,
                                POWERLOSS_TRACE=trace, **(environment or {}))
        for end in ("--kill", "--"):
            self.phase(end, commands // 2)
        self.disk = Disk(self.store, trace)

    def phase(self, end, commands):
        scripts = []
        for number, client in enumerate(self.clients):
            scripts.append(os.path.join(self.folder, f"script{number}"))
            with open(scripts[-1], "w", encoding="ascii") as out:
                for line in client.extend(commands):
                    out.write("!" + line + "\n")
        status, answers, errors = shell.run_scripts(
            self.program, self.recorded, [*SETTINGS, "path=" + self.store], scripts,
            self.environment, end)
        if status:
            bad = [line for line in answers if line.split()[2:3] != ["0"]]
            sys.exit(f"the recorded run fails ({status}): {bad[:3]} {errors}")

    def check_complete(self):
        """With everything kept the disk must be what is really there: nothing was overlooked."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.disk.build(len(self.disk.operations), random.Random(0), self.target, False, keep=1.0)
        real = {name: self.read(name) for name in below(self.store)}
        built = {name[len(self.target):]: self.read(name) for name in below(self.target)}
        for name in sorted(set(real) | set(built)):
            if real.get(name, b"").rstrip(b"\0") != built.get(name, b"").rstrip(b"\0") or (
                    name in real) != (name in built):
                sys.exit(f"the recorder has overlooked something: {name}")

    @staticmethod
    def read(name):
        with open(name, "rb") as stream:
            return stream.read()

    def look(self, store, done, environment=None):
        """None, or what is wrong with the store."""
        try:
            with shell.Shell(self.program, self.module, *SETTINGS, "path=" + store,
                             "sync=" + ("yes" if environment else "no"), "take_over=yes",
                             environment=environment) as opened:
                found = shell.states_of(opened.listing())
                wrong = self.compare(found, done) or "; ".join(opened.verify()[:3])
                if not wrong:
                    opened.ask("deliver 500 7 0 new@example.test INBOX")
                return wrong
        except AssertionError as error:
            return str(error)

    def compare(self, found, done):
        for number, client in enumerate(self.clients):
            count = done.get(number, 0)
            allowed = client.states[count:count + 2]
            for account in client.accounts:
                state = found.get(account, {})
                if not any(state == wanted[account] for wanted in allowed):
                    return f"{account} after {count}: " + shell.difference(
                        state, allowed[-1][account])
        return ""

    def state(self, end, chance, twice=False, lost_index=False):
        """Lets the power fail before an operation, and once more in the recovery; or has the index
        lost with it."""
        done = self.disk.acknowledged(end)
        strict = chance.random() < 0.5
        shutil.rmtree(self.target, ignore_errors=True)
        os.makedirs(self.target + self.store)
        self.disk.build(end, chance, self.target, strict)
        store = self.target + self.store
        if lost_index:
            for name in below(store):
                if os.path.basename(name).split(".")[0] in ("idx", "CURRENT"):
                    os.unlink(name)
        if not twice:
            return self.look(store, done)
        initial = Disk.content_of(store)
        trace = os.path.join(self.folder, "second.trace")
        if os.path.exists(trace):
            os.unlink(trace)
        wrong = self.look(store, done, dict(self.environment, POWERLOSS_FOLDER=store,
                                            POWERLOSS_TRACE=trace))
        if wrong:
            return wrong
        second = Disk(store, trace, initial)
        again = os.path.join(self.folder, "again")
        shutil.rmtree(again, ignore_errors=True)
        os.makedirs(again + store)
        second.build(chance.randint(0, len(second.operations)), chance, again, strict)
        wrong = self.look(again + store, done)
        return wrong and "after a second failure: " + wrong

    def wrong_order(self, word):
        """Has segments removed, durably, before a sync that must come first: that of what was moved
        out of them ("log.") or of the base ("base.").  The operations from there to that sync."""
        operations, places = self.disk.operations, []
        for index in range(len(operations)):
            if operations[index][0] != "unlink" or b"/log." not in operations[index][3]:
                continue
            base = max((at for at in range(index) if self.name_made(at).startswith("base.tmp")),
                       default=None)
            if base is None:
                continue
            end = base if word == "log." else index
            sync = max(at for at in range(end) if operations[at][0] == "sync"
                       and self.disk.names[operations[at][1]].startswith(word))
            removal = operations.pop(index)
            folder = os.path.dirname(removal[3].partition(b"\0")[0])
            operations[sync:sync] = [removal, ("sync-folder", 0, 0, folder)]
            places += range(sync + 2, sync + 4)
        return places

    def name_made(self, at):
        word, _, _, data = self.disk.operations[at]
        return os.path.basename(data.decode()) if word == "create" else ""

    def what(self, end):
        """What a moment is in the middle of, by the file that was written last."""
        for word, _, _, data in reversed(self.disk.operations[:end]):
            if word in ("create", "rename", "unlink"):
                return os.path.basename(data.decode().partition("\0")[0]).split(".")[0]
        return ""


def prove(run, seed):
    chance = random.Random(seed)
    counts = {}
    for number in range(STATES):
        end = chance.randint(1, len(run.disk.operations))
        wrong = run.state(end, chance, twice=number % 6 == 5, lost_index=number % 3 == 1)
        if wrong:
            if os.environ.get("POSTERN_KEEP"):
                shutil.copytree(run.folder, os.environ["POSTERN_KEEP"], dirs_exist_ok=True)
            sys.exit(f"POSTERN_SEED={seed} state {number}, before operation {end} of "
                     f"{len(run.disk.operations)}: {wrong}")
        counts[run.what(end)] = counts.get(run.what(end), 0) + 1
    text = ", ".join(f"{count} behind {name}" for name, count in sorted(counts.items()))
    print(f"with all syncs: {STATES} of {STATES} states are right ({text})")


def control(name, run, seed, places=None, lost_index=False):
    """A store that does not keep its promise must be found out, by power failures at random or in
    these places."""
    chance = random.Random(seed)
    for number in range(1, CONTROL_STATES + 1):
        end = chance.choice(places or range(1, len(run.disk.operations) + 1))
        wrong = run.state(end, chance, lost_index=lost_index)
        if wrong:
            print(f"{name}: state {number} is wrong, as it must be: {wrong[:150]}")
            return
    sys.exit(f"POSTERN_SEED={seed}: {name}: {CONTROL_STATES} states are right: the test does not "
             "see what it should")


def main():
    programs = [os.path.abspath(name) for name in sys.argv[1:4]]
    seed = int(seeds.of_run())
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="powerloss-") as folder:
        run = Run(programs, folder, "store", seed)
        print(f"{len(run.disk.operations)} operations")
        run.check_complete()
        prove(run, seed)
        for name, left_out, given in (
                ("no sync at all", "log. idx. big. CURRENT /", {}),
                ("no sync of the log", "log.", {}),
                # A tree of which all is lost is noticed, and made anew: it must have many pages.
                ("no sync of the index", "idx.", {"commands": 600, "big": 0}),
                ("no sync of big bodies", "big.", {"big": 0.1}),
                ("no sync of bases", "base.", {}), ("no sync of folders", "/", {})):
            control(name, Run(programs, folder, name.replace(" ", "-"), seed,
                              {"POWERLOSS_LEAVE_OUT": left_out}, **given), seed,
                    lost_index=left_out == "base.")
        # The log and the index once more, by stores that were built without the call.
        for module, given in zip(sys.argv[4:6], ({}, {"commands": 600, "big": 0})):
            name = os.path.basename(module).removesuffix(".so")
            control(name, Run(programs, folder, name, seed, recorded=os.path.abspath(module),
                              **given), seed)
        for name, word in (("segments removed before what was moved is synced", "log."),
                           ("segments removed before the base is synced", "base.")):
            other = Run(programs, folder, word + "order", seed)
            places = other.wrong_order(word)
            assert places, "nothing was compacted"
            control(name, other, seed, places, lost_index=word == "base.")
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
