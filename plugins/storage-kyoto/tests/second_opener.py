#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""second_opener.py SHELL MODULE: a store has one opener.

A second process is refused at once, with the pid of the first: also after the first, and another
process, have opened and closed every file of the store (POSIX locks would be gone then); after
somebody has removed LOCK, or written over it; under another name of the same folder. When the first
has been killed, or has ended, the next one opens, whatever LOCK says.  Meanwhile the first goes on.
"""
import os
import sys
import tempfile

import prepared
import shell

SETTINGS = ["shards=2", "checkpoint_records=10", "sync=no", "reserve=0"]


class Case:
    """The processes on one store."""

    def __init__(self, program, module, folder):
        self.program, self.module = program, module
        self.store = os.path.join(folder, "store")
        self.count = 0

    def opened(self, path=None, *settings):
        return shell.Shell(self.program, self.module, *SETTINGS, *settings,
                           "path=" + (path or self.store))

    def refused(self, first, words, path=None, *settings):
        try:
            second = self.opened(path, *settings)
        except shell.Refused as refusal:
            text = str(refusal)
            assert "store.locked" in text and str(first.process.pid) in text, text
        else:
            second.kill()
            sys.exit(f"a second process opens the store {words}")
        self.count += 1
        first.ask(f"deliver 500 {self.count} 0 ann@example.test INBOX")

    def taken(self, words):
        with self.opened() as store:
            rows = [row for row in store.listing() if "uid" in row]
            assert len(rows) == self.count, f"{words}: {len(rows)} of {self.count} mails"
            assert not store.verify(), words

    def files(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.store)
                for name in names]


def prove(case):
    first = case.opened()
    case.refused(first, "at once")
    case.refused(first, "that it may take over", None, "take_over=yes")
    for command in ("verify", "scrub", "compact", "rebuild"):
        first.ask("control store " + command)
        case.refused(first, f"after store {command}")
    for name in case.files():
        with open(name, "rb") as stream:
            stream.read(1)
    case.refused(first, "after another process has read its files")
    link = case.store + "-link"
    os.symlink(case.store, link)
    case.refused(first, "under another name", link)
    lock = os.path.join(case.store, "LOCK")
    with open(lock, encoding="ascii") as stream:
        text = stream.read()
    os.unlink(lock)
    try:
        second = case.opened()
        second.kill()
        sys.exit("a second process opens the store when LOCK was removed")
    except shell.Refused:
        pass
    first.ask("deliver 500 99 0 ann@example.test INBOX")
    case.count += 1
    first.kill()
    case.taken("after a kill")
    for words, content in (("of a process that is gone", text), ("of nobody", ""),
                           ("without sense", "\0\xff" * 50), ("of another start", text.replace(
                               "boot=", "boot=0"))):
        with open(lock, "w", encoding="latin-1") as stream:
            stream.write(content)
        case.taken("with a LOCK " + words)


def main():
    program, module = [os.path.abspath(name) for name in sys.argv[1:3]]
    with tempfile.TemporaryDirectory(prefix="opener-", dir=prepared.temporary()) as folder:
        case = Case(program, module, folder)
        prove(case)
        print(f"refused {case.count} times, and never when nobody had it")


main()
