# SPDX-License-Identifier: Apache-2.0
"""The IMAP table of scripts/bench: see README.md beside this file for what each row means.

Each round fills a mailbox of a user of its own in both servers and measures everything about it, ours,
then theirs; the next round begins anew, so that "cold" is a mailbox that was never read."""

import os
import pathlib
import subprocess
import sys
import time

# A word of line 100 of message 5 as load_message() writes them, and of no other.
WORD = "%08x" % ((5 * 331 + 100) * 2654435761 & 0xffffffff)
METADATA = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
LOGINS, LOGINS_TLS = "IMAP logins/s", "IMAPS logins/s"
APPEND = "IMAP APPEND 10 kB, durable, 20 sessions"
META_COLD, META_WARM = "IMAP FETCH metadata, cold", "IMAP FETCH metadata, warm"
FLAGS = "IMAP FETCH FLAGS"
BODY_COLD, BODY_WARM = "IMAP FETCH BODY.PEEK[], cold", "IMAP FETCH BODY.PEEK[], warm"
STORE, EXPUNGE = "IMAP STORE +FLAGS", "IMAP EXPUNGE"
SEARCH, SEARCH_INDEX = "IMAP SEARCH TEXT, no index", "IMAP SEARCH TEXT, index"
SELECT_WARM, SELECT_COLD = "IMAP SELECT of 100,000, warm", "IMAP SELECT of 100,000, cold"
PUSH, PUSH_TAIL = "IMAP delivery to EXISTS, median", "IMAP delivery to EXISTS, p99"
MEMORY, MEMORY_TLS = "IMAP memory per IDLE connection", "IMAPS memory per IDLE connection"
WIDE = "IMAP 10,000 in IDLE on one mailbox, last told"
# name, unit, goal, better
ROWS = [
    (LOGINS, "/s", "6", "more"), (LOGINS_TLS, "/s", "4", "more"), (APPEND, "/s", "5", "more"),
    (META_COLD, "msg/s", "8", "more"), (META_WARM, "msg/s", "4", "more"),
    (FLAGS, "msg/s", "2", "more"),
    (BODY_COLD, "MB/s", "3", "more"), (BODY_WARM, "MB/s", "3", "more"),
    (STORE, "msg/s", "2", "more"), (EXPUNGE, "msg/s", "5", "more"),
    (SEARCH, "msg/s", "4", "more"), (SEARCH_INDEX, "msg/s", "100", "more"),
    (SELECT_WARM, "ms", "1", "less"), (SELECT_COLD, "ms", "2", "less"),
    (PUSH, "ms", "< 1 ms", "less"), (PUSH_TAIL, "ms", "< 5 ms", "less"),
    (MEMORY, "kB", "<= 8 kB", "more"), (MEMORY_TLS, "kB", "<= 24 kB", "more"),
    (WIDE, "ms", "< 250 ms", "less"),
]


def forget(folder):
    """Takes the files below a folder out of the page cache."""
    os.sync()
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                file = os.open(os.path.join(path, name), os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            except OSError:
                pass
            finally:
                os.close(file)


class Table:
    """All rows; `kit` gives Row, Failed, load(program, server, mode, port, options) and
    pss_bytes(pid)."""

    def __init__(self, options, kit, program, ours, theirs, folder):
        self.options, self.kit, self.program = options, kit, program
        self.servers = [pair for pair in ((ours, "ours"), (theirs, "theirs")) if pair[0]]
        self.folder = pathlib.Path(folder)
        self.rows = {}
        for name, unit, goal, better in ROWS:
            if not options.only or options.only in name:
                self.rows[name] = kit.Row(name, unit, goal, better)
        self.cpu = []
        self.full = 1000 if options.quick else 10000
        self.indexed = False

    def wants(self, *names):
        """True if any of these rows is asked for."""
        return any(name in self.rows for name in names)

    def note(self, server, side, name, value, result=None):
        """A figure of a row."""
        row = self.rows.get(name)
        if row is None:
            return
        getattr(row, side).append(value)
        if result:
            self.cpu.append((name, server.name, result["server_cpu"], result["client_cpu"],
                             result["done"]))
        print(f"  {name}: {server.name} {value:.6g} {row.unit}" + (
            f" (p99 {result['p99_us']} us, server CPU {result['server_cpu']:.2f} s, client "
            f"{result['client_cpu']:.2f} s)" if result else ""), file=sys.stderr)

    def load(self, server, mode, *options, port="imap"):
        return self.kit.load(self.program, server, mode, port, *options)

    def command(self, server, user, text, *options):
        """One session's command, so many times; the generator's figures."""
        return self.load(server, "imap-command", "--connections", 1, "--users", 1, "--first-user",
                         user, "--command", text, *options)

    def fill(self, server, user, count, size):
        self.load(server, "imap-append", "--connections", 4, "--users", 1, "--first-user", user,
                  "--count", count, "--size", size, "--batch", 50)

    def chill(self, server):
        """A restart, with nothing of its files in memory."""
        server.stop()
        forget(self.folder)
        server.start_again()

    # --- the groups ---------------------------------------------------------------------------

    def run(self):
        for name, port, tls in ((LOGINS, "imap", ()), (LOGINS_TLS, "imaps", ("--tls",))):
            if self.wants(name):
                for _ in range(self.options.rounds):
                    for server, side in self.servers:
                        result = self.load(server, "imap-login", "--connections", 20, "--users",
                                           900, "--seconds", self.seconds(), *tls, port=port)
                        self.note(server, side, name, result["rate"], result)
        if self.wants(APPEND):
            for _ in range(self.options.rounds):
                for server, side in self.servers:
                    result = self.load(server, "imap-append", "--connections", 20, "--users", 20,
                                       "--first-user", 900, "--seconds", self.seconds())
                    self.note(server, side, APPEND, result["rate"], result)
        for turn in range(self.options.rounds):
            for server, side in self.servers:
                self.mailbox(server, side, 1000 + turn)
        self.select()
        self.push()
        self.memory()
        if self.wants(WIDE):
            self.wide()
        self.index()
        return list(self.rows.values()), self.cpu

    def seconds(self):
        return 1 if self.options.quick else 4

    def mailbox(self, server, side, user):
        """What is done with a mailbox of 10,000 x 10 kB."""
        if not self.wants(META_COLD, META_WARM, FLAGS, BODY_COLD, BODY_WARM, STORE, EXPUNGE, SEARCH):
            return
        self.fill(server, user, self.full, 10240)

        def row(name, text, *options, value="rate"):
            if self.wants(name):
                result = self.command(server, user, text, *options)
                self.note(server, side, name, result[value], result)

        if self.wants(META_COLD, META_WARM):
            self.chill(server)
            row(META_COLD if META_COLD in self.rows else META_WARM, METADATA)
            row(META_WARM, METADATA, "--repeat", 3)
        if self.wants(BODY_COLD, BODY_WARM):
            self.chill(server)
            if BODY_COLD in self.rows:
                row(BODY_COLD, "UID FETCH 1:* (BODY.PEEK[])", value="mb_per_s")
            else:
                self.command(server, user, "UID FETCH 1:* (BODY.PEEK[])")
            row(BODY_WARM, "UID FETCH 1:* (BODY.PEEK[])", "--repeat", 3, value="mb_per_s")
        row(FLAGS, "UID FETCH 1:* (FLAGS)", "--repeat", 20)
        row(STORE, "UID STORE 1:* +FLAGS (\\Seen)", "--repeat", 10, "--undo",
            "UID STORE 1:* -FLAGS.SILENT (\\Seen)")
        row(SEARCH, "UID SEARCH TEXT " + WORD, "--per", self.full)
        row(EXPUNGE, "UID EXPUNGE 1:*", "--before", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)")

    def select(self):
        if not self.wants(SELECT_WARM, SELECT_COLD):
            return
        user, count = 2000, self.full * 10
        for server, _ in self.servers:
            self.fill(server, user, count, 300)
            self.command(server, user, "SELECT INBOX", "--mailbox", "-")
        for _ in range(self.options.rounds):
            for server, side in self.servers:
                if self.wants(SELECT_WARM):
                    result = self.command(server, user, "SELECT INBOX", "--mailbox", "-",
                                          "--repeat", 50, "--undo", "UNSELECT")
                    self.note(server, side, SELECT_WARM, result["p50_us"] / 1000, result)
                if self.wants(SELECT_COLD):
                    self.chill(server)
                    result = self.command(server, user, "SELECT INBOX", "--mailbox", "-")
                    self.note(server, side, SELECT_COLD, result["p50_us"] / 1000, result)

    def push(self):
        if not self.wants(PUSH, PUSH_TAIL):
            return
        for _ in range(self.options.rounds):
            for server, side in self.servers:
                result = self.load(server, "imap-push", "--connections", 2, "--users", 1,
                                   "--first-user", 2010, "--size", 2000, "--count",
                                   500 if side == "ours" else 10)
                self.note(server, side, PUSH, result["p50_us"] / 1000, result)
                self.note(server, side, PUSH_TAIL, result["p99_us"] / 1000)

    def memory(self):
        for name, port, tls in ((MEMORY, "imap", ()), (MEMORY_TLS, "imaps", ("--tls",))):
            if not self.wants(name):
                continue
            for server, side in self.servers:
                self.chill(server)   # what the rows before have left in its heap is not meant
                count = self.full if side == "ours" else 200
                self.note(server, side, name, self.idle(server, port, count, tls))

    def idle(self, server, port, count, tls):
        """kB of the whole server for each of so many in IDLE."""
        before = self.kit.pss_bytes(server.root_pid())
        holder = subprocess.Popen(
            [self.program, "imap-idle", *tls, "--port", server.ports[port], "--connections",
             str(count), "--users", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        try:
            if not holder.stdout.readline():
                raise self.kit.Failed(f"{server.name}: the idle connections could not be made")
            time.sleep(3)
            after = self.kit.pss_bytes(server.root_pid())
        finally:
            holder.stdin.close()
            holder.wait()
        print(f"  {port}: {server.name} growth {(after - before) / count / 1000:.1f} kB a connection",
              file=sys.stderr)
        return after / count / 1000

    def wide(self):
        server, side = self.servers[0]
        for turn in range(self.options.rounds):
            result = self.load(server, "imap-push", "--connections", self.full + 1, "--users", 1,
                               "--first-user", 2020 + turn, "--size", 2000, "--count", 5)
            self.note(server, side, WIDE, result["slowest_us"] / 1000, result)

    def index(self):
        """The search again, where ours has its index; theirs has none."""
        if not self.wants(SEARCH_INDEX):
            return
        for server, side in self.servers:
            if side == "ours" and not server.use_index():
                print("  search-fts is not built", file=sys.stderr)
                del self.rows[SEARCH_INDEX]
                return
            user = 2050
            self.fill(server, user, self.full, 10240)
            # The first search lets the index catch up.
            self.command(server, user, "UID SEARCH TEXT " + WORD, "--per", self.full)
        for _ in range(self.options.rounds):
            for server, side in self.servers:
                result = self.command(server, user, "UID SEARCH TEXT " + WORD, "--per", self.full,
                                      "--repeat", 20 if side == "ours" else 1)
                self.note(server, side, SEARCH_INDEX, result["rate"], result)
