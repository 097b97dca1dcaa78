# SPDX-License-Identifier: Apache-2.0
"""nth_call.py SHELL MODULE INJECTOR: the n-th call to the disk fails, for every n.

A client changes a store; in each run one write, sync, rename, read ... fails: with EIO, with
ENOSPC, after a half of it, or it takes only a half and says so; and once more with all calls from
the n-th on.  A command that fails has not happened for anybody who looks; the process lives; and
after a start with a good disk the store is as the commands that succeeded made it (and if nothing
could be changed any more, because a sync had failed, the last that failed may have happened).

POSTERN_TEST_LONG=1: every n of a longer run, not a part of them.  To see one again: POSTERN_CASE
(from which way on), POSTERN_CALL (only this n, twenty times), POSTERN_KEEP (a folder for the store).
"""

import copy
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import shell  # noqa: E402

LONG = bool(os.environ.get("POSTERN_TEST_LONG"))
COMMANDS = 60 if LONG else 30
RUNS = 10**9 if LONG else 15  # of each way to fail
SETTINGS = ["shards=1", "segment_size=8192", "checkpoint_records=25", "reserve=65536",
            "compact=10", "compact_idle=10", "compact_pause=5ms", "base_gain=0"]
CASES = [  # which calls, how they fail, only the n-th or all from there on
    ("wsna", "EIO", False), ("wna", "ENOSPC", False), ("w", "short", False), ("w", "torn", False),
    ("r", "EIO", False), ("wsna", "EIO", True), ("wna", "ENOSPC", True)]


class Trial:
    """One run with one fault."""

    def __init__(self, programs, folder, seed):
        self.program, self.module, self.injector = programs
        self.store = os.path.join(folder, "store")
        self.told = os.path.join(folder, "calls")
        self.client = shell.Client("ann", random.Random(seed), big=0.05, accounts=1)
        self.client.weights.update(compact=1.5)
        self.maybe = []  # the states, if commands that failed since have happened after all
        self.told_of = []

    def environment(self, kinds, how, number, last):
        return dict(os.environ, LD_PRELOAD=self.injector, FAULT_FOLDER=self.store,
                    FAULT_KINDS=kinds, FAULT_HOW=how, FAULT_NUMBER=str(number),
                    FAULT_LAST=str(last), FAULT_TOLD=self.told)

    def opened(self, environment=None):
        return shell.Shell(self.program, self.module, *SETTINGS, "path=" + self.store,
                           environment=environment)

    def run(self, kinds, environment):
        shutil.rmtree(self.store, ignore_errors=True)
        try:
            store = self.opened(environment)
        except shell.Refused as refusal:
            assert "refused" in str(refusal), f"the process died: {refusal}"
            return
        with store:
            for _ in range(COMMANDS):
                self.command(store)
            if "r" not in kinds:
                self.compare(store.listing(), [self.now()], "before the end")
        assert store.process.returncode == 0, f"exit {store.process.returncode}"

    def now(self):
        return self.client.states[-1]

    def command(self, store):
        before = copy.deepcopy(self.client.accounts), len(self.client.commands)
        for line in self.client.extend(1):
            status, answer, _ = store.send(line)
            if status == 0:
                # Nothing may have been written: there is such a keyword, nothing to compact.
                if not line.startswith(("keyword", "control")):
                    self.maybe = []
                continue
            if line.startswith("control"):
                continue
            assert status <= -100, f"{line!r}: status {status} {answer}"
            self.maybe.append(self.client.states[-1])
            self.told_of.append(f"{line!r}: {status} {answer} {store.send('log')[2]}")
            self.client.accounts, length = before
            del self.client.commands[length:], self.client.states[length + 1:]
            break

    def compare(self, rows, allowed, when):
        found = shell.states_of(rows)
        for account in self.client.accounts:
            state = found.get(account, {})
            if not any(state == one[account] for one in allowed):
                raise AssertionError(f"{when}: {account}: "
                                     + shell.difference(state, allowed[0][account]))

    def check(self):
        """A good disk again."""
        with self.opened() as store:
            self.compare(store.listing(), [self.now()] + self.maybe, "after a restart")
            wrong = store.verify()
            assert not wrong, f"after a restart: {wrong[:3]}"
            store.ask("deliver 500 7 0 new@example.test INBOX")


def main():
    programs = [os.path.abspath(name) for name in sys.argv[1:4]]
    seed = os.environ.get("POSTERN_SEED", "nth call")
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="nth-call-", dir=place) as folder:
        case = os.environ.get("POSTERN_CASE")
        for kinds, how, rest in CASES[int(case):] if case else CASES:
            trial = Trial(programs, folder, seed)
            trial.run(kinds, trial.environment(kinds, "EIO", 0, 0))
            trial.check()
            with open(trial.told, encoding="ascii") as told:
                calls = int(told.read())
            step = max(1, calls // RUNS)
            runs = 0
            only = os.environ.get("POSTERN_CALL")
            for number in ([int(only)] * 20 if only else
                           range(1 + random.randrange(step), calls + 1, step)):
                trial = Trial(programs, folder, seed)
                try:
                    trial.run(kinds, trial.environment(kinds, how, number,
                                                10**9 if rest else number))
                    trial.check()
                except AssertionError as error:
                    if os.environ.get("POSTERN_KEEP"):
                        shutil.copytree(folder, os.environ["POSTERN_KEEP"], dirs_exist_ok=True)
                    print("\n".join(trial.told_of[:5]))
                    sys.exit(f"POSTERN_SEED={seed} kinds {kinds} {how}{' and on' if rest else ''}, "
                             f"call {number} of {calls}: {error}")
                runs += 1
            print(f"{kinds} {how}{' from there on' if rest else ''}: {runs} of {calls} calls")


if __name__ == "__main__":
    main()
