# SPDX-License-Identifier: Apache-2.0
"""shell.py - drives tests/fault/shell/store-shell, and the model of what must be in the store.

    with shell.Shell(program, module, "path=/tmp/store") as store:
        store.ask("deliver 1000 1 0 ann@example.test INBOX")     # AssertionError if it fails
        rows = store.listing()                                   # as read_store.py writes them

A Client makes commands at random for accounts that nobody else changes, and knows the state of each
account after every one of them: Client.states[n][account] after n commands.
"""

import functools
import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile

PATHS = ("INBOX", "Work", "Trash", "Old/2025")


@functools.lru_cache(maxsize=4096)
def mail_body(size, seed):
    """The octets that store-shell makes of a size and a seed."""
    head = b"Subject: %d\r\n\r\n" % seed
    if seed % 2 == 0:
        line = b"line of mail %d, which says nothing\r\n" % seed
        return (head + line * (size // len(line) + 1))[:size]
    state, words = (seed * 2685821657736338717 + 1) % 2**64, []
    for _ in range(size // 8 + 1):
        state ^= state >> 12
        state = (state ^ state << 25) % 2**64
        state ^= state >> 27
        words.append(state.to_bytes(8, "little"))
    return (head + b"".join(words))[:size]


@functools.lru_cache(maxsize=None)
def mail_sum(size, seed):
    return hashlib.sha256(mail_body(size, seed)).hexdigest()


class Refused(AssertionError):
    """The store did not open."""


def inside(environment, folder):
    """With a folder for what a process leaves behind that is killed."""
    return dict(os.environ if environment is None else environment, TMPDIR=folder)


class Shell:
    """A running store-shell with one client."""

    def __init__(self, program, module, *settings, environment=None, prefix=()):
        self.folder = tempfile.mkdtemp(prefix="store-shell-")
        self.process = subprocess.Popen([*prefix, program, module, *settings, "--", "-"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=inside(environment, self.folder))
        line = self.process.stdout.readline().decode()
        if line != "open\n":
            text = line + self.process.stdout.read().decode() + self.process.stderr.read().decode()
            self.kill()
            raise Refused(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, command):
        """The status, the words behind it, and the rows before it."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        rows = []
        while True:
            line = self.process.stdout.readline().decode()
            if not line.endswith("\n"):
                raise AssertionError(f"the process died at {command!r}: "
                                     f"{self.process.stderr.read().decode()}")
            words = line.rstrip("\n").split(" ", 3)
            if words[2] == "row":
                rows.append(words[3] if len(words) > 3 else "")
            else:
                return int(words[2]), words[3] if len(words) > 3 else "", rows

    def ask(self, command):
        status, answer, rows = self.send(command)
        assert status == 0, f"{command!r}: status {status} {answer}"
        return rows if rows else answer

    def listing(self):
        status, _, rows = self.send("list")
        assert status == 0, f"list: status {status}"
        return [json.loads(row) for row in rows]

    def verify(self):
        """What `store verify` finds wrong."""
        status, _, rows = self.send("control store verify")
        assert status in (0, -101), f"store verify: status {status}"
        return [row for row in rows if not row.startswith("note ") or status != 0]

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(120)
        self.kill()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


def run_scripts(program, module, settings, scripts, environment=None, end="--"):
    """Runs files of commands, each by a client of its own, to their end; the answers."""
    with tempfile.TemporaryDirectory(prefix="store-shell-") as folder:
        result = subprocess.run([program, module, *settings, end, *scripts],
                                env=inside(environment, folder),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return result.returncode, result.stdout.decode().splitlines(), result.stderr.decode()


def states_of(rows):
    """A listing as {account: {mailbox: state}}, to be compared with those of a Client."""
    accounts = {}
    for row in rows:
        if "wrong size" in row:
            raise AssertionError(f"a size in the listing is not that of the octets: {row}")
        mailbox = accounts.setdefault(row["account"], {}).setdefault(row["mailbox"], {})
        if "uid" in row:
            mailbox[row["uid"]] = (row["flags"], tuple(row["keywords"]), row["size"],
                                   row["sha256"])
        else:
            mailbox["uidnext"] = row["uidnext"]
    return accounts


def difference(found, wanted):
    """Where two states of an account differ, in words."""
    words = []
    for path in sorted(set(found) | set(wanted)):
        one, other = found.get(path), wanted.get(path)
        if one is None or other is None:
            words.append(f"{path} is {'missing' if one is None else 'too much'}")
            continue
        for key in sorted(set(one) | set(other), key=str):
            if one.get(key) != other.get(key):
                words.append(f"{path} {key}: found {one.get(key)}, wanted {other.get(key)}")
    return "; ".join(words[:4])


class Client:
    """Makes commands for accounts of its own."""

    def __init__(self, name, chance, sizes=(100, 700, 3000, 9000), big=0.02, accounts=2):
        self.chance, self.sizes, self.big = chance, sizes, big
        self.accounts = {f"{name}-{number}@example.test": {} for number in range(accounts)}
        self.commands, self.states = [], [self.snapshot()]
        self.seed = chance.randrange(1 << 20)
        self.weights = {"deliver": 6, "append": 2, "flags": 5, "copy": 2, "move": 2, "expunge": 4,
                        "keyword": 1, "create": 1, "remove": 0.3, "rename": 0.4, "annotate": 1}

    def make_compact(self, account, mailboxes):
        """Where it is given a weight; changes nothing."""
        return "control store compact"

    def snapshot(self):
        return {account: {path: dict(mailbox) for path, mailbox in mailboxes.items()}
                for account, mailboxes in self.accounts.items()}

    def extend(self, count):
        """So many more commands; the lines."""
        start = len(self.commands)
        while len(self.commands) < start + count:
            kinds = list(self.weights)
            kind = self.chance.choices(kinds, [self.weights[kind] for kind in kinds])[0]
            account = self.chance.choice(list(self.accounts))
            line = getattr(self, "make_" + kind)(account, self.accounts[account])
            if line:
                self.add(line)
        return self.commands[start:]

    def add(self, line):
        """A command whose effect, if it has one, is in the model already."""
        self.commands.append(line)
        self.states.append(self.snapshot())

    def new_mail(self):
        self.seed += 1
        if self.chance.random() < self.big:
            return self.chance.randrange(1 << 20, 3 << 20) + 1, self.seed
        return self.chance.choice(self.sizes) + self.chance.randrange(50), self.seed

    def put(self, mailboxes, path, row):
        mailbox = mailboxes.setdefault(path, {"uidnext": 1})
        mailbox[mailbox["uidnext"]] = row
        mailbox["uidnext"] += 1

    def some_uids(self, mailboxes):
        """A mailbox and some UIDs, of which some may be gone, or None."""
        filled = [path for path, mailbox in mailboxes.items() if len(mailbox) > 1]
        if not filled:
            return None
        path = self.chance.choice(filled)
        uids = sorted(uid for uid in mailboxes[path] if uid != "uidnext")
        first = self.chance.choice(uids)
        last = first if self.chance.random() < 0.7 else self.chance.choice(uids)
        first, last = min(first, last), max(first, last)
        return path, f"{first}:{last}", [uid for uid in uids if first <= uid <= last]

    def make_deliver(self, account, mailboxes):
        size, seed = self.new_mail()
        flags = self.chance.choice((0, 0, 1, 9))
        path = self.chance.choice(("INBOX", "INBOX", "INBOX", "Work"))
        targets = [account]
        if self.chance.random() < 0.3:
            targets = list(self.accounts)
        for target in targets:
            self.put(self.accounts[target], path, (flags, (), size, mail_sum(size, seed)))
        return f"deliver {size} {seed} {flags} " + " ".join(f"{name} {path}" for name in targets)

    def make_append(self, account, mailboxes):
        if not mailboxes:
            return None
        size, seed = self.new_mail()
        path = self.chance.choice(list(mailboxes))
        self.put(mailboxes, path, (16, (), size, mail_sum(size, seed)))
        return f"append {account} {path} {size} {seed} 16"

    def make_flags(self, account, mailboxes):
        chosen = self.some_uids(mailboxes)
        if not chosen:
            return None
        path, uids, there = chosen
        mode, bits = self.chance.choice(("add", "remove", "replace")), self.chance.randrange(32)
        for uid in there:
            flags, words, *rest = mailboxes[path][uid]
            new = {"add": flags | bits, "remove": flags & ~bits, "replace": bits}[mode]
            mailboxes[path][uid] = (new, () if mode == "replace" else words, *rest)
        return f"flags {account} {path} {uids} {mode} {bits}"

    def copy(self, word, account, mailboxes):
        chosen = self.some_uids(mailboxes)
        if not chosen:
            return None
        path, uids, there = chosen
        target = self.chance.choice(list(mailboxes))
        if word == "move" and target == path:
            return None
        for uid in there:
            self.put(mailboxes, target, mailboxes[path][uid])
            if word == "move":
                del mailboxes[path][uid]
        return f"{word} {account} {path} {uids} {target}"

    def make_copy(self, account, mailboxes):
        return self.copy("copy", account, mailboxes)

    def make_move(self, account, mailboxes):
        return self.copy("move", account, mailboxes)

    def make_expunge(self, account, mailboxes):
        chosen = self.some_uids(mailboxes)
        if not chosen:
            return None
        path, uids, there = chosen
        for uid in there:
            del mailboxes[path][uid]
        return f"expunge {account} {path} {uids}"

    def make_keyword(self, account, mailboxes):
        """The first keyword of a mailbox is bit 16; it is set in the next command."""
        chosen = self.some_uids(mailboxes)
        if not chosen or "Old/2025" in mailboxes:
            return None
        path, uids, there = chosen
        if path != "INBOX" or mailboxes[path].get("uidnext", 1) < 3:
            return None
        self.add(f"keyword {account} INBOX $Hot")
        for uid in there:
            flags, words, *rest = mailboxes[path][uid]
            mailboxes[path][uid] = (flags, ("$Hot",), *rest)
        return f"flags {account} {path} {uids} add 65536"

    def make_create(self, account, mailboxes):
        path = self.chance.choice(PATHS[1:3])
        if path in mailboxes:
            return None
        mailboxes[path] = {"uidnext": 1}
        return f"create {account} {path}"

    def make_remove(self, account, mailboxes):
        paths = [path for path in mailboxes if path not in ("INBOX", "Old")]
        if not paths:
            return None
        path = self.chance.choice(paths)
        del mailboxes[path]
        return f"remove {account} {path}"

    def make_rename(self, account, mailboxes):
        if "Trash" not in mailboxes or "Work" in mailboxes:
            return None
        mailboxes["Work"] = mailboxes.pop("Trash")
        return f"rename {account} Trash Work"

    def make_annotate(self, account, mailboxes):
        chosen = self.some_uids(mailboxes)
        if not chosen:
            return None
        return f"annotate {account} {chosen[0]} {chosen[1]} /test/word {self.chance.randrange(99)}"


def clients(count, seed, **given):
    """Clients with independent chance."""
    return [Client(f"c{number}", random.Random(f"{seed} {number}"), **given)
            for number in range(count)]
