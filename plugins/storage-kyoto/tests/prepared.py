# SPDX-License-Identifier: GPL-3.0-or-later
"""prepared.py - a store to be damaged, for the proofs that do so: made by one client, with what was
there after each command; and copies of it."""
import os
import random
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "tests", "support"))
sys.path.insert(0, HERE)
import read_store  # noqa: E402
import seed as seeds  # noqa: E402
import shell  # noqa: E402


class Prepared:
    """A store at `folder`/good.  After the last process it was closed, or killed."""

    def __init__(self, program, module, folder, settings, client):
        self.program, self.module, self.settings, self.client = program, module, settings, client
        self.folder, self.good = folder, os.path.join(folder, "good")
        self.copy = os.path.join(folder, "copy")

    def run(self, lines, closed):
        script = os.path.join(self.folder, "script")
        with open(script, "w", encoding="ascii") as out:
            out.writelines(f"!{line}\n" for line in lines)
        status, answers, errors = shell.run_scripts(
            self.program, self.module, [*self.settings, "path=" + self.good], [script],
            end="--" if closed else "--kill")
        assert status == 0, f"the store cannot be made: {answers[-1]} {errors}"

    def renew(self):
        """A fresh copy, to be damaged."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.good, self.copy)
        return self.copy

    def open(self, *more):
        return shell.Shell(self.program, self.module, *self.settings, "path=" + self.copy,
                           "take_over=yes", *more)

    def files(self):
        """Names of all files with octets, relative."""
        names = [os.path.relpath(os.path.join(folder, name), self.good)
                 for folder, _, found in os.walk(self.good) for name in found]
        return sorted(name for name in names if os.path.getsize(os.path.join(self.good, name)))


def temporary():
    """Where such stores are made: memory, if there is some, because nothing here needs a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def chance_of(name):
    return random.Random(f"{name} {seeds.of_run()}")
