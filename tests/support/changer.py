# SPDX-License-Identifier: Apache-2.0
"""changer.py - clients that change a store over store-drive and know what must be there.

    with changer.Group(server, count=32, seed=7) as group:   # in processes of their own
        ... kill the server, start it again ...
        group.check()                                         # AssertionError if one is not content
    group.commands, group.looks                               # what was acknowledged, and compared

Each client owns two accounts.  It makes commands at random (shell.Client), and every now and then,
and after each loss of the connection, compares all it owns with its model: what was acknowledged is
there, exactly; the one command that had no answer has happened or not, in each account as a whole.
"""

import copy
import multiprocessing
import random
import threading
import time
import traceback

import drive
import shell


class Changer:
    """One client; run() until `stop` is set."""

    def __init__(self, server, name, seed, stop, settings):
        self.server, self.stop = server, stop
        self.chance = random.Random(f"{name} {seed}")
        self.look_every = settings.pop("look_every", 40)
        self.whole_every = settings.pop("whole_every", 5)
        self.pause = settings.pop("pause", 0)
        weights = settings.pop("weights", {})
        self.may_refuse = settings.pop("may_refuse", ())  # names of statuses
        self.client = shell.Client(name, self.chance, **settings)
        self.client.weights.update(weights)
        self.drives, self.commands, self.looks, self.refused = {}, 0, 0, 0
        self.before = None  # the state before a command that has no answer yet

    def connect(self):
        for account in self.client.accounts:
            if account not in self.drives:
                self.drives[account] = drive.Drive(self.server, account)

    def disconnect(self):
        for connection in self.drives.values():
            connection.close()
        self.drives = {}

    def run(self):
        content = False
        while not self.stop.is_set():
            try:
                self.connect()
                if not content:
                    self.look(True)
                    content = True
                self.work()
                self.look(self.looks % self.whole_every == 0)
            except (drive.Closed, OSError):
                content = False
                self.disconnect()
                time.sleep(0.01)
        self.disconnect()

    def work(self):
        for _ in range(self.chance.randrange(1, 2 * self.look_every)):
            if self.stop.is_set():
                return
            for line in self.next_lines():
                try:
                    self.do(line.split(" "))
                except drive.StoreError as error:
                    if error.status not in self.may_refuse:
                        raise
                    self.go_back(list(self.client.accounts))
                    break
                self.commands += 1
                self.before = None
            if self.pause:
                time.sleep(self.pause * self.chance.random())

    def next_lines(self):
        """The model is a step ahead while a command has no answer."""
        client = self.client
        del client.commands[:], client.states[:-1]
        client.extend(1)
        for number, line in enumerate(list(client.commands)):
            self.before = client.states[number]
            self.ahead = client.states[number + 1]
            yield line

    def go_back(self, accounts):
        """The command was refused: for these accounts it has not happened."""
        self.refused += 1
        self.client.accounts = {
            account: copy.deepcopy((self.before if account in accounts else self.ahead)[account])
            for account in self.client.accounts}
        self.client.commands, self.client.states = [], [self.client.snapshot()]
        self.before = None

    def do(self, words):
        word, rest = words[0], words[1:]
        if word == "deliver":
            targets = list(zip(rest[3::2], rest[4::2]))
            body = shell.mail_body(int(rest[0]), int(rest[1]))
            done = next(iter(self.drives.values())).deliver(targets, body, int(rest[2]))
            wrong = [status for status, _ in done if status != "OK"]
            assert all(status in self.may_refuse for status in wrong), f"{words}: {done}"
            if wrong:
                self.go_back([account for (account, _), (status, _) in zip(targets, done)
                              if status != "OK"])
            return
        account, path = rest[:2]
        connection, rest = self.drives[account], rest[2:]
        if word == "append":
            connection.append(path, shell.mail_body(int(rest[0]), int(rest[1])), int(rest[2]))
        elif word == "flags":
            mode = "set" if rest[1] == "replace" else rest[1]
            connection.flags(path, rest[0], mode, int(rest[2]))
        elif word in ("copy", "move"):
            getattr(connection, word)(path, rest[0], rest[1])
        elif word == "expunge":
            connection.expunge(path, rest[0])
        elif word == "annotate":
            connection.annotate(path, rest[0], rest[1], rest[2].encode())
        else:
            getattr(connection, word)(path, *rest)

    def state_of(self, account, whole):
        """What the store has of an account, as the model has it; a part of the octets only, if not
        `whole`."""
        connection, found = self.drives[account], {}
        for mailbox in connection.list():
            state = found[mailbox.path] = {"uidnext": mailbox.uidnext}
            words = connection.view(mailbox.path, rows=False).keywords
            for row in connection.fetch(mailbox.path):
                keywords = tuple(word for bit, word in enumerate(words) if row.flags >> 16 + bit & 1)
                state[row.uid] = (row.flags & 0xFFFF, keywords, row.octets,
                                  connection.sha(mailbox.path, row.uid)[1]
                                  if whole or self.chance.random() < 0.1 else None)
        return found

    def matches(self, found, wanted):
        if found.keys() != wanted.keys():
            return False
        for path, state in found.items():
            if state.keys() != wanted[path].keys():
                return False
            for key, row in state.items():
                other = wanted[path][key]
                if row != other and (key == "uidnext" or row[3] is not None or row[:3] != other[:3]):
                    return False
        return True

    def look(self, whole):
        """Compares everything, and takes what is there for what was."""
        settled = {}
        for account in self.client.accounts:
            found = self.state_of(account, whole)
            allowed = [self.client.states[-1]] if self.before is None else [self.before, self.ahead]
            for state in allowed:
                if self.matches(found, state[account]):
                    settled[account] = copy.deepcopy(state[account])
                    break
            else:
                raise AssertionError(f"{account}: " + shell.difference(found, allowed[0][account]))
        self.client.accounts = settled
        self.client.commands, self.client.states = [], [self.client.snapshot()]
        self.before = None
        self.looks += 1


def run_process(server, names, seed, stop, settings, results):
    changers = [Changer(server, name, seed, stop, dict(settings)) for name in names]

    def run(changer):
        try:
            changer.run()
        except Exception:  # pylint: disable=broad-except
            results.put(("wrong", traceback.format_exc(limit=-4)))
            return
        results.put(("done", changer.commands, changer.looks, changer.refused))

    threads = [threading.Thread(target=run, args=(changer,)) for changer in changers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Group:
    """Clients in two processes."""

    def __init__(self, server, count, seed, prefix="changer", **settings):
        self.stop, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.count, self.commands, self.looks, self.refused, self.ended = count, 0, 0, 0, 0
        names = [f"{prefix}{number}" for number in range(count)]
        self.processes = [multiprocessing.Process(
            target=run_process, args=(server, names[part::2], seed, self.stop, settings,
                                      self.results)) for part in range(2)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stop.set()
        try:
            while kind is None and self.ended < self.count:
                self.take(self.results.get(timeout=120))
        finally:
            for process in self.processes:
                process.join(10)
                process.kill()

    def take(self, result):
        if result[0] == "wrong":
            raise AssertionError(result[1])
        self.ended += 1
        self.commands += result[1]
        self.looks += result[2]
        self.refused += result[3]

    def check(self):
        while not self.results.empty():
            self.take(self.results.get())
