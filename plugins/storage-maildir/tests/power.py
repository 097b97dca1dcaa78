#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""power.py SHELL MODULE RECORDER: what is there after the power failed at any moment?

Clients work under a recorder (tests/fault/shell/power-record.c); then, for many moments, the test
builds what the disk may hold (tests/support/disk.py): any pages that were not synced are lost, and
any names; on every second of these disks a sync of a folder makes only that folder's names durable.
The store opens that, and each account must be as it was after exactly k of its client's commands,
where k is the number acknowledged, or one more. Folders are names here too, and are renamed with
what is in them. Then the negative control: the same with a sync left out.
"""
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "tests", "support"))
import disk  # noqa: E402
import shell  # noqa: E402

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
STATES = 600 if LONG else 120
COMMANDS = 40
FOLDER = -1  # the number of a name that is a folder


class Disk(disk.Disk):
    """A disk that knows folders: they are names too."""

    live = None  # the names as they were, all operations done

    def name_cut(self, end, chance, strict):
        """A folder that was renamed is the same one: its sync counts for both names."""
        former, folders, last, synced = [], set(), 0, {}
        for index, (word, _, _, data) in enumerate(self.operations[:end]):
            if word in ("sync", "sync-folder"):
                last = index
            if word not in ("mkdir", "rename", "sync-folder"):
                continue
            one, _, other = data.decode().partition("\0")
            if word == "mkdir":
                folders.add(one)
            elif word == "rename" and one in folders:
                folders.add(other)
                former.append((one, other))
            elif word == "sync-folder":
                synced[one] = index
                for before, after in former:
                    if one == after or one.startswith(after + "/"):
                        synced[before + one[len(after):]] = index
        if not strict:
            cut = chance.randint(last, end)
            return lambda index, name: index < cut
        cuts = {}

        def durable(index, name):
            folder = os.path.dirname(name)
            if folder not in cuts:
                cuts[folder] = chance.randint(synced.get(folder, 0), end)
            return index < cuts[folder]
        return durable

    def build(self, end, chance, target, strict, keep=None):
        self.live = {}
        super().build(end, chance, target, strict, keep)

    def rename(self, word, number, data, names, files, durable):
        self.name(word, number, data, self.live, files, lambda name: True, self.live)
        self.name(word, number, data, names, files, durable, self.live)

    def make(self, name, number, files):
        if number == FOLDER:
            os.makedirs(name, exist_ok=True)
            return
        super().make(name, number, files)
        if name.endswith(".lock"):
            os.utime(name, (0, 0))  # it takes a while to start again

    @staticmethod
    def name(word, number, data, names, files, durable, live):
        if word == "create":
            files.setdefault(number, bytearray())
        if word == "sync" or word == "sync-folder" or word == "mark":
            return
        source, _, other = data.decode().partition("\0")
        if not durable(other if word == "link" else source):
            return
        if word == "link":  # whatever became of the other name, the file gets this one
            if other in live:
                names[other] = live[other]
            elif source in names:
                names[other] = names[source]
        elif word == "create":
            names[source] = number
        elif word == "mkdir":
            names[source] = FOLDER
        elif word == "unlink":
            names.pop(source, None)
        elif source in names:
            names[other] = names.pop(source)
            for name in [name for name in names if name.startswith(source + "/")]:
                names[other + name[len(source):]] = names.pop(name)


class Run:
    def __init__(self, programs, folder, name, seed, environment=None):
        self.program, self.module, self.recorder = programs
        self.folder, self.store = folder, os.path.join(folder, name)
        self.clients = shell.clients(3, seed, big=0.02)
        self.target = os.path.join(folder, "state")
        trace = self.store + ".trace"
        os.makedirs(self.store)
        self.environment = dict(os.environ, LD_PRELOAD=self.recorder, POWERLOSS_FOLDER=self.store,
                                POWERLOSS_TRACE=trace, **(environment or {}))
        for end in ("--kill", "--"):
            self.phase(end, COMMANDS // 2)
        self.disk = Disk(self.store, trace)

    def phase(self, end, commands):
        scripts = []
        for number, client in enumerate(self.clients):
            scripts.append(os.path.join(self.folder, f"script{number}"))
            with open(scripts[-1], "w", encoding="ascii") as out:
                for line in client.extend(commands):
                    out.write("!" + line + "\n")
        status, answers, errors = shell.run_scripts(
            self.program, self.module, ["path=" + self.store + "/%u"], scripts, self.environment, end)
        if status:
            sys.exit(f"the recorded run fails ({status}): {answers[-5:]} {errors}")

    def look(self, store, done):
        """None, or what is wrong with the store."""
        try:
            with shell.Shell(self.program, self.module, "path=" + store + "/%u",
                             "sync=no", "lock_timeout=1s") as opened:
                found = shell.states_of(opened.listing())
                wrong = self.compare(found, done)
                if not wrong:
                    opened.ask("deliver 500 7 0 new@example.test INBOX")
                return wrong
        except AssertionError as error:
            return str(error)

    def compare(self, found, done):
        def full(boxes):  # a delivery makes the mailbox first: that alone may be there
            return {path: box for path, box in boxes.items()
                    if len(box) > 1 or box.get("uidnext") != 1}
        for number, client in enumerate(self.clients):
            count = done.get(number, 0)
            allowed = client.states[count:count + 2]
            for account in client.accounts:
                state = full(found.get(account, {}))
                if not any(state == full(wanted[account]) for wanted in allowed):
                    return f"{account} after {count}: " + shell.difference(
                        state, full(allowed[-1][account]))
        return ""

    def state(self, end, chance):
        done = self.disk.acknowledged(end)
        shutil.rmtree(self.target, ignore_errors=True)
        os.makedirs(self.target + self.store)
        self.disk.build(end, chance, self.target, chance.random() < 0.5)
        return self.look(self.target + self.store, done)


def damage(run, seed, states):
    """How many states are wrong, and the first."""
    chance, wrong, first = random.Random(seed), 0, None
    for number in range(states):
        end = chance.randint(1, len(run.disk.operations))
        text = run.state(end, chance)
        if text:
            wrong += 1
            first = first or f"state {number}, before operation {end}: {text}"
            if os.environ.get("POSTERN_KEEP"):
                shutil.copytree(run.folder, os.environ["POSTERN_KEEP"], dirs_exist_ok=True)
                break
    return wrong, first


def main():
    programs = [os.path.abspath(name) for name in sys.argv[1:4]]
    seed = os.environ.get("POSTERN_SEED", "power loss")
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="powerloss-", dir=place) as folder:
        wrong, first = damage(Run(programs, folder, "store", seed), seed, STATES)
        if wrong:
            sys.exit(f"POSTERN_SEED={seed}: {wrong} of {STATES} states are wrong: {first}")
        print(f"with all syncs: {STATES} of {STATES} states are right")
        for left_out in ("postern-log", "/"):
            run = Run(programs, folder, "without" + left_out.replace("/", "-folders"), seed,
                      {"POWERLOSS_LEAVE_OUT": left_out})
            wrong, first = damage(run, seed, STATES)
            assert wrong, f"without syncs of {left_out!r} nothing is wrong: the test is blind"
            print(f"without syncs of {left_out!r}: {wrong} of {STATES} states are wrong")


if __name__ == "__main__":
    main()
