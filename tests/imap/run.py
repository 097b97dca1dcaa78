#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py - plays the scripts of this folder against a server.

    tests/imap/run.py [SCRIPT ...] [--store memory|kyoto] [--only WORD] [--seed N] [--verbose]
    tests/imap/run.py --count             how many commands the scripts give, file by file
    tests/imap/run.py --server HOST:PORT  against a server that runs (any user, password "secret")

Without names it plays scripts/*.imap; without --store each on both stores.  README.md tells how a
script is written."""

import argparse
import glob
import os
import random
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402
from connection import Connection, Ended, Late  # noqa: E402
from pattern import BadScript, Pattern, mail_file, outgoing  # noqa: E402
from script import Script  # noqa: E402

WAIT = 6 * postern.SLOW      # seconds for an expected response
NOTHING = 0.12 * postern.SLOW  # seconds in which nothing is to come


class Wrong(Exception):
    """The server did something else: (step, text)."""


class Peer:
    """A server that runs already, of any kind: --server."""

    def __init__(self, address):
        self.host, _, self._port = address.rpartition(":")

    def connect(self, _listener):
        return socket.create_connection((self.host or "127.0.0.1", int(self._port)), 10)

    def port(self, _listener):
        return int(self._port)

    def tail(self):
        return ""


class Play:
    """One case of a script on a server."""

    def __init__(self, script, case, server, user):
        self.script, self.case, self.server, self.user = script, case, server, user
        self.now = case.steps[0] if case.steps else None
        self.connections = {}
        self.names = {"user": user.encode(), "port": b"%d" % server.port("imap"),
                      "ports": b"%d" % server.port("imaps"), "host": b"mail.example.test"}

    def run(self):
        """Plays it; Wrong, BadScript, Late or Ended tell that it failed."""
        steps, at = self.case.steps, 0
        try:
            while at < len(steps):
                step = steps[at]
                self.now = step
                at += 1
                if step.sign == "<%":
                    group = [step]
                    while at < len(steps) and steps[at].sign == "<%" and steps[at].who == step.who:
                        group.append(steps[at])
                        at += 1
                    self._group(group)
                elif step.sign == "do":
                    getattr(self, "_do_" + step.words[0])(step, *step.words[1:])
                elif step.sign[0] == "<":
                    self._expect(step)
                else:
                    self._say(step)
            for connection in self.connections.values():
                self._nothing(connection, 0.01)
        finally:
            for connection in self.connections.values():
                connection.close()

    def _connection(self, step, who=None):
        name = who or step.who
        if name not in self.connections:
            raise BadScript("%s:%d: %s is not connected" % (self.script.path, step.number, name))
        return self.connections[name]

    # --- what clients say ---------------------------------------------------------------------

    def _say(self, step):
        connection = self._connection(step)
        part, pieces = step, [(b"", False)]
        while part is not None:
            more = outgoing(part.text, self.names, part.block)
            pieces[-1] = (pieces[-1][0] + more[0][0], more[0][1])
            pieces += more[1:]
            part = part.more
        for octets, waits in pieces[:-1]:
            connection.send(octets)
            if waits:
                response = connection.read(WAIT)
                if not response.text.startswith(b"+"):
                    raise Wrong(step, "a literal was to be let in with '+', but got\n  "
                                + response.show())
        octets = pieces[-1][0] + (b"" if step.sign == "~>" else b"\r\n")
        if step.sign == ">&":
            connection.queued += octets
        else:
            connection.send(octets)

    # --- what the server says -----------------------------------------------------------------

    def _read(self, step, connection):
        try:
            response = connection.read(WAIT)
        except Late:
            raise Wrong(step, "got nothing within %g s" % WAIT) from None
        except Ended as error:
            raise Wrong(step, str(error)) from None
        for pattern in connection.forbidden:
            if pattern.match(response, self.names):
                raise Wrong(step, "got what is not to come\n  " + response.show())
        if response.text[:2] not in (b"* ", b"+ ", b"+"):
            connection.forbidden = []
        return response

    def _pattern(self, step):
        text, block = step.text, step.block
        if step.more is None:
            return Pattern(text, block)
        return Chain(step)

    def _expect(self, step):
        connection = self._connection(step)
        if step.sign == "<...":
            connection.skipping = True
            return
        pattern = self._pattern(step)
        if step.sign == "<!":
            connection.forbidden.append(pattern)
            return
        while True:
            response = self._read(step, connection)
            if pattern.match(response, self.names):
                connection.skipping = False
                return
            if step.sign == "<?":
                connection.put_back(response)
                return
            if not (connection.skipping and response.text[:1] in (b"*", b"+")):
                raise Wrong(step, "got\n  " + response.show())

    def _group(self, steps):
        connection = self._connection(steps[0])
        left = [(step, self._pattern(step)) for step in steps]
        while left:
            response = self._read(left[0][0], connection)
            for index, (_, pattern) in enumerate(left):
                if pattern.match(response, self.names):
                    del left[index]
                    connection.skipping = False
                    break
            else:
                if not (connection.skipping and response.text[:1] == b"*"):
                    raise Wrong(left[0][0], "(or another of its group) got\n  " + response.show())

    def _nothing(self, connection, seconds):
        try:
            response = connection.read(seconds)
        except Late:
            return
        except Ended as error:
            raise Wrong(self.now, "%s: nothing was to come, but %s" % (
                connection.name, error)) from None
        raise Wrong(self.now, "%s: nothing was to come, but got\n  %s" % (
            connection.name, response.show()))

    # --- what else is done --------------------------------------------------------------------

    def _do_connect(self, _step, who, listener="imap"):
        if who in self.connections:
            self.connections[who].close()
        tls = self.server.tls_context() if listener.endswith("s") else None
        self.connections[who] = Connection(who, self.server.connect(listener), tls)

    def _do_login(self, step, who, user=None, listener="imap"):
        self._do_connect(step, who, listener)
        connection = self.connections[who]
        greeting = connection.read(WAIT)
        if not greeting.text.startswith(b"* OK"):
            raise Wrong(step, "got as greeting\n  " + greeting.show())
        self._command(step, connection, b'login LOGIN "%s" secret' % (user or self.user).encode())

    def _command(self, step, connection, line):
        """One that succeeds; its untagged responses count for nothing."""
        connection.send(line + b"\r\n")
        self._settled(step, connection, line.split(b" ", 1)[0] + b" ")

    def _settled(self, step, connection, tag):
        while True:
            response = connection.read(WAIT)
            if response.text.startswith(b"+") or response.text.startswith(tag + b"OK"):
                return
            if response.text.startswith(tag):
                raise Wrong(step, "got\n  " + response.show())

    def _do_tls(self, step, who):
        self._connection(step, who).start_tls(self.server.tls_context())

    def _do_deflate(self, step, who):
        self._connection(step, who).start_deflate()

    def _do_close(self, step, who):
        self._connection(step, who).close()
        del self.connections[who]

    def _do_closed(self, step, who):
        try:
            response = self._connection(step, who).ended(WAIT)
        except Late:
            raise Wrong(step, "%s is still open" % who) from None
        if response is not None:
            raise Wrong(step, "%s was to be closed, but got\n  %s" % (who, response.show()))
        self._do_close(step, who)

    def _do_nothing(self, step, who, seconds=None):
        self._nothing(self._connection(step, who), float(seconds) if seconds else NOTHING)

    def _do_sleep(self, _step, seconds):
        time.sleep(float(seconds))

    def _do_set(self, _step, name, value):
        self.names[name] = value.encode()

    def _octets(self, step, words):
        """The mail of a deed: its | lines or @file. Takes the word away."""
        for word in words:
            if word.startswith("@"):
                words.remove(word)
                return mail_file(word[1:])
        if step.block is None:
            raise BadScript("%s:%d: no mail: | lines or @FILE" % (self.script.path, step.number))
        return step.block

    def _do_deliver(self, step, *words):
        words = list(words)
        octets = self._octets(step, words)
        name = words[0] if words else self.user
        corpus.deliver(self.server, name if "@" in name else name + "@example.test", [octets])

    def _append(self, step, words, mails):
        """Puts mails into a mailbox by APPEND, on a connection of its own."""
        flags = next((word for word in words if word.startswith("(")), "")
        date = next((word for word in words if re.search(r"-\d{4} \d\d:", word)), "")
        rest = [word for word in words if word and word not in (flags, date)]
        user, mailbox = rest if len(rest) == 2 else (None, rest[0])
        said = ((" " + flags if flags else "") + (' "%s"' % date if date else "")).encode()
        self._do_login(step, "-", user)
        connection = self.connections["-"]
        for octets in mails:
            connection.send(b'a APPEND "%s"%s {%d}\r\n' % (mailbox.encode(), said, len(octets)))
            response = connection.read(WAIT)
            if not response.text.startswith(b"+"):
                raise Wrong(step, "APPEND got\n  " + response.show())
            connection.send(octets + b"\r\n")
            self._settled(step, connection, b"a ")
        self._command(step, connection, b"z LOGOUT")
        self._do_close(step, "-")

    def _do_put(self, step, *words):
        words = list(words)
        octets = self._octets(step, words)
        self._append(step, words, [octets])

    def _do_fill(self, step, *words):
        """fill [USER] MAILBOX COUNT: plain mails, "mail 1" and so on."""
        words = list(words)
        mails = [b"From: Sender <s@example.test>\r\nTo: a@example.test\r\nSubject: mail %d\r\n"
                 b"Date: Sat, 21 Nov 2026 12:%02d:00 +0000\r\nMessage-ID: <%d@example.test>\r\n"
                 b"\r\nThis is mail %d.\r\n" % (n, n % 60, n, n)
                 for n in range(1, int(words.pop()) + 1)]
        self._append(step, words, mails)

    def _do_ctl(self, _step, *words):
        self.server.posternctl(*[word.replace("<user>", self.user) for word in words])

    def _do_restart(self, _step):
        self.server.restart()

    def _do_reload(self, _step):
        self.server.reload()

    def _do_logged(self, _step, event, *words):
        fields = dict(word.split("=", 1) for word in words)
        self.server.wait_log(event, **fields)


class Chain:
    """An expected response of several pieces: +< lines behind literals."""

    def __init__(self, step):
        self.parts = []
        while step is not None:
            self.parts.append((step.text, step.block))
            step = step.more

    def match(self, response, names):
        """As Pattern's: one pattern of all pieces, blocks standing as named values."""
        text, known = "", dict(names)
        for index, (piece, block) in enumerate(self.parts):
            if block is not None and piece.endswith("{}"):
                known["block%d" % index] = block
                piece = piece[:-1] + "<block%d>}" % index
            text += piece
        if not Pattern(text).match(response, known):
            return False
        names.update({key: value for key, value in known.items() if not key.startswith("block")})
        return True

    def show(self):
        return "".join(piece for piece, _ in self.parts)


def describe(script, play, error):
    """A failure, for people: script:line, expected, got, transcript."""
    step, why = (error.args if isinstance(error, Wrong) else (play.now, str(error) or
                                                              type(error).__name__))
    text = "%s:%d: in '%s'\n" % (os.path.relpath(script.path), step.number, play.case.title)
    if step.sign[0] == "<":
        part, shown = step, ""
        while part is not None:
            shown += part.text + ("" if part.block is None else "  " + repr(part.block))
            part = part.more
        text += "expected of %s\n  %s\n" % (step.who, shown)
    elif step.sign == "do":
        text += "at\n  %s\n" % " ".join(step.words)
    else:
        text += "at\n  %s\n" % step.text
    text += why + "\n"
    for name in sorted(play.connections):
        lines = play.connections[name].transcript
        text += "conversation %s%s\n" % (name, ":" if len(lines) < 25 else ", its end:")
        text += "".join("  %s\n" % line for line in lines[-25:])
    return text


def start(script, store, seed):
    """The server of one script."""
    users = {"case%d" % n: "secret" for n in range(1, len(script.cases) + 1)}
    users.update({name: "secret" for name in ("alice", "bob", "carol", "dave")})
    users.update(script.users)
    users.update({"group " + name: {"members": ", ".join(members)}
                  for name, members in script.groups.items()})
    changes = {}
    if store == "memory":
        changes["plugin storage-memory"] = {"seed": seed, "pending": script.pending}
    return postern.mail_server(store, users, postern.merge(changes, script.config))


def play_script(script, store, options):
    """Returns the texts of failures."""
    seed = options.seed or random.randrange(1, 1 << 31)
    failures = []
    server = Peer(options.server) if options.server else start(script, store, seed)
    if not options.server:
        server.start()
    try:
        for index, case in enumerate(script.cases, 1):
            if options.only and options.only.lower() not in case.title.lower():
                continue
            user = "case%d" % index
            if options.server:
                user += "-%d" % random.randrange(1 << 30)
            play = Play(script, case, server, user)
            error = None
            try:
                play.run()
            except (Wrong, BadScript, Late, Ended, postern.Failed, OSError) as caught:
                error = caught
                failures.append(describe(script, play, caught) + "store %s, --seed %d\n" % (
                    store, seed))
            if options.verbose:
                for name in sorted(play.connections):
                    print("".join("%s %s\n" % (name, line)
                                  for line in play.connections[name].transcript))
            alive = options.server or server.process.poll() is None
            if error is not None and (not alive or options.log):
                failures[-1] += server.tail()
            if not alive:
                break
    finally:
        if not options.server:
            server.close()
    return failures


def count(scripts):
    """--count"""
    for script in scripts:
        print("%5d  %s" % (script.exchanges, os.path.basename(script.path)))
    print("%5d  in %d scripts" % (sum(script.exchanges for script in scripts), len(scripts)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*")
    parser.add_argument("--store", choices=("memory", "kyoto"))
    parser.add_argument("--only", help="cases whose title has this word")
    parser.add_argument("--seed", type=int, help="of the memory store's dice")
    parser.add_argument("--server", help="HOST:PORT")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--names", action="store_true", help="of all scripts, for meson")
    parser.add_argument("--verbose", action="store_true", help="print conversations")
    parser.add_argument("--log", action="store_true", help="print the server's log of failures")
    options = parser.parse_args()
    names = options.scripts or sorted(glob.glob(os.path.join(HERE, "scripts", "*.imap")))
    names = [name if os.path.exists(name) else os.path.join(HERE, "scripts", name + ".imap")
             for name in names]
    if options.names:
        return print(*(os.path.basename(name)[:-len(".imap")] for name in names))
    try:
        scripts = [Script(name) for name in names]
    except BadScript as error:
        sys.exit(str(error))
    if options.count:
        return count(scripts)
    if not options.server and not postern.built("imap4"):
        postern.skip("imap4 is not built")
    failed = played = 0
    for script in scripts:
        for store in [options.store] if options.store else ["memory", "kyoto"]:
            if script.stores and store not in script.stores:
                if len(scripts) == 1 and options.store:
                    postern.skip("not for this store")
                continue
            begin = time.monotonic()
            failures = play_script(script, store, options)
            played += 1
            failed += bool(failures)
            print("%-4s %-24s %-6s %3d cases %6.2f s" % (
                "FAIL" if failures else "ok", os.path.basename(script.path), store,
                len(script.cases), time.monotonic() - begin), flush=True)
            print("\n".join(failures), end="")
            if options.server:
                break
    if failed:
        sys.exit("%d of %d failed" % (failed, played))
    return None


if __name__ == "__main__":
    main()
