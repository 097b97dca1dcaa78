# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench about the store: each metric a function that returns one figure (and
what is worth knowing beside it) of a posternd of its own, driven by tests/tools/store-drive.

Every server is private and lives in a temporary folder.  README.md beside this file tells what the
rows mean.
"""

import glob
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

MILLION = 1000000


class Tools:
    """store-drive and the load generators, built apart: a release build has no tests in it."""

    def __init__(self, folder, quick):
        self.folder, self.quick = pathlib.Path(folder), quick
        os.environ.setdefault("POSTERN_BUILD", str(ROOT / "build-release"))
        os.environ["POSTERN_TEST_PLUGINS"] = str(self.folder)
        os.environ["POSTERN_TIMEOUT"] = "600"
        os.environ["TMPDIR"] = str(self.folder)
        self._compile("store-load", [ROOT / "tests/bench/store-load.c"])
        self._compile("group-commit", [ROOT / "tests/bench/group-commit.c"], "-pthread")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0"], check=True,
                               capture_output=True, text=True).stdout.split()
        self._compile("store-drive.so", sorted(ROOT.glob("tests/tools/store-drive/*.c")), "-shared",
                      "-fPIC", "-D_GNU_SOURCE", f"-I{ROOT / 'abi'}", *flags)
        import drive  # after the environment is set
        self.drive = drive

    def _compile(self, name, sources, *flags):
        subprocess.run(["cc", "-O2", "-o", self.folder / name, *sources, *flags], check=True)

    def server(self, **settings):
        return self.drive.server("kyoto", {"server": {"log_level": "info"}}, **settings)

    def load(self, server, *words, sessions, seconds, setup=()):
        """A running store-load; see finish()."""
        command = [self.folder / "store-load", server.path("drive"), "--sessions", str(sessions),
                   "--seconds", str(seconds)]
        for line in setup:
            command += ["--setup", line]
        for line in words:
            command += ["--run", line]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def finish(process):
        output = process.communicate()[0]
        if process.returncode:
            raise RuntimeError("store-load failed")
        result = json.loads(output)
        if result["failures"] > result["done"] / 100:
            raise RuntimeError("store-load: " + result["failure"])
        return result


def wait_checkpoints(server, count):
    """Until so many checkpoints have ended; False: not within a minute."""
    for _ in range(600):
        for line in server.posternctl("metrics").stdout.splitlines():
            if line.startswith("postern_store_checkpoints_total") and float(line.split()[-1]) >= count:
                return True
        time.sleep(0.1)
    return False


def flag_changes(tools):
    """Flag changes a second of 32 sessions, and the disk's own group commit just after."""
    seconds = 1 if tools.quick else 5
    with tools.server() as server:
        result = tools.finish(tools.load(
            server, "flags %i 1 add 8", "flags %i 1 remove 8", sessions=32, seconds=seconds,
            setup=["open u%s", "create INBOX", "append INBOX 0 0 @100", "status INBOX"]))
        disk = json.loads(subprocess.run(
            [tools.folder / "group-commit", os.path.join(server.state, "probe"), "32", "72",
             str(seconds)], check=True, capture_output=True, text=True).stdout)
    return result["rate"], "%.2f of the disk's group commit (%.0f/s); p99 %.1f ms" % (
        result["rate"] / disk["rate"], disk["rate"], result["p99_us"] / 1000)


def _stalls(tools, records, messages):
    """The slowest answers to a reader and to commits; `records` as checkpoint_records."""
    seconds = 2 if tools.quick else 5
    with tools.server(shards=1, checkpoint_records=records, checkpoint_octets="10 GB",
                      compact=0) as server:
        with tools.drive.Drive(server, "u0") as d:
            d.create("INBOX")
            d.fill("INBOX", messages + 40000, 100, 5000)
            server.restart()  # a checkpoint, and nothing since
        with tools.drive.Drive(server, "u0") as d:
            for first in range(40001, messages + 40000 - 1000, 500):
                d.flags("INBOX", "%d:%d" % (first, first + 499), "add", 1)
        setup = ["open u0", "status INBOX"]
        commits = tools.load(server, "flags %i %n add 8", sessions=1, seconds=seconds, setup=setup)
        reads = tools.load(server, "status INBOX", "fetch %i %n", sessions=1, seconds=seconds,
                           setup=setup)
        commits, reads = tools.finish(commits), tools.finish(reads)
        happened = records > messages * 10 or wait_checkpoints(server, 1)
    if not happened:
        raise RuntimeError("there was no checkpoint")
    return max(commits["slowest_us"], reads["slowest_us"]) / 1000, commits, reads


def checkpoint_stall(tools):
    """Milliseconds that the slowest reader or commit took while a checkpoint ran."""
    messages = 20000 if tools.quick else 100000
    quiet = _stalls(tools, 1 << 40, messages)
    value, commits, reads = _stalls(tools, messages, messages)
    return value, "commit %.1f ms, reader %.1f ms; without a checkpoint %.1f and %.1f ms" % (
        commits["slowest_us"] / 1000, reads["slowest_us"] / 1000, quiet[1]["slowest_us"] / 1000,
        quiet[2]["slowest_us"] / 1000)


class Million:
    """A server with a mailbox of a million (10,000 when quick), shared by several metrics."""

    def __init__(self, tools):
        self.tools = tools
        self.count = 10000 if tools.quick else MILLION
        self.listed = self.count // 10
        self.server = tools.server()
        self.server.start()
        with tools.drive.Drive(self.server, "big") as d:
            d.create("INBOX")
            d.create("Listed")
            d.fill("INBOX", self.count, 1000, 1000)
            d.fill("Listed", self.listed, 1000, 1000)
        with tools.drive.Drive(self.server, "small") as d:
            d.create("INBOX")
        self.server.restart()

    def close(self):
        self.server.close()

    def growth(self):
        """Deliveries a second into it, as a part of those into a mailbox that was empty."""
        seconds, ratios, rates = 1 if self.tools.quick else 3, [], []
        for turn in range(5):
            rate = {}
            for owner in ("big", "small") if turn % 2 else ("small", "big"):
                rate[owner] = self.tools.finish(self.tools.load(
                    self.server, "deliver 0 0 %s:%s @1000" % (
                        owner, "INBOX" if owner == "big" else "Empty%d" % turn),
                    sessions=32, seconds=seconds))["rate"]
            ratios.append(rate["big"] / rate["small"])
            rates.append(rate["big"])
        ratios.sort()
        return ratios[len(ratios) // 2], "%.0f/s into the large one; ratios %s" % (
            sorted(rates)[len(rates) // 2], " ".join("%.2f" % ratio for ratio in ratios))

    def listing(self):
        """Milliseconds of the first listing of 100,000 messages after a start."""
        times = []
        for _ in range(3):
            self.server.restart()
            with self.tools.drive.Drive(self.server, "big") as d:
                count, _, first = d.fetch_count("Listed")
                assert count == self.listed
                second = d.fetch_count("Listed")[2]
                times.append((first / 1000, second / 1000))
        times.sort()
        return times[1][0], "warm %.0f ms" % times[1][1]

    def opening(self):
        """Milliseconds of the first view of it after a start."""
        times = []
        for _ in range(3):
            self.server.restart()
            with self.tools.drive.Drive(self.server, "big") as d:
                times.append(d.view("INBOX", rows=False).microseconds / 1000)
        times.sort()
        return times[1], "of %d messages" % self.count

    def sharing(self):
        """Milliseconds of a view while another session has one: unchanged, and after changes."""
        with self.tools.drive.Drive(self.server, "big") as holder, \
                self.tools.drive.Drive(self.server, "big") as d:
            holder.send("view INBOX rows")  # not read: the view is held meanwhile
            time.sleep(2)
            same = max(d.view("INBOX", rows=False).microseconds for _ in range(20))
            d.append("INBOX", 100)
            appended = d.view("INBOX", rows=False).microseconds
            d.flags("INBOX", 77, "add", 8)
            changed = d.view("INBOX", rows=False).microseconds
            holder.answer()
        return same / 1000, "after an append %.2f ms, after a flag %.1f ms" % (
            appended / 1000, changed / 1000)

    def restart_after_kill(self):
        """Seconds from exec to the first answer about the mailbox, after kill -9."""
        times = []
        for turn in range(3):
            with self.tools.drive.Drive(self.server, "big") as d:
                for first in range(1, min(self.count, 40000), 100):
                    d.flags("INBOX", "%d:%d" % (first, first + 99), "set", turn + 1)
            self.server.kill9()
            begin = time.monotonic()
            self.server.start()
            with self.tools.drive.Drive(self.server, "big") as d:
                assert d.status("INBOX").messages >= self.count
            times.append(time.monotonic() - begin)
        times.sort()
        return times[1], "%d messages in the store, 40,000 rows since the checkpoint" % self.count


def text_pieces(size):
    """Texts of this size, of what text this machine has: licences, manuals, sources of Python."""
    text = bytearray()
    for pattern in ("/usr/share/common-licenses/*", "/usr/share/doc/*/*.txt", "/usr/share/perl/*/pod/*",
                    "/usr/lib/python3*/*.py"):
        for name in sorted(glob.glob(pattern)):
            if os.path.isfile(name) and len(text) < 20000000:
                text += pathlib.Path(name).read_bytes().replace(b"\n", b"\r\n")
    return [bytes(text[at:at + size]) for at in range(0, len(text) - size, size)]


def _disk_use(folder):
    return sum(os.lstat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(folder) for name in names if name != "reserve")


def disk(tools):
    """kB on disk of a text message of 10 kB, everything counted."""
    pieces = text_pieces(10000 - 60)
    count = 500 if tools.quick else 20000
    with tools.server() as server:
        with tools.drive.Drive(server, "u0") as d:
            d.append("INBOX" if d.create("INBOX") else "INBOX", 10)
            server.restart()
            before = _disk_use(server.state)
        with tools.drive.Drive(server, "u0") as d:
            for start in range(0, count, 100):
                with d.change() as change:
                    for number in range(start, start + 100):
                        head = b"Subject: %d\r\nMessage-ID: <%d@example.test>\r\n\r\n" % (number, number)
                        change.append("INBOX", head.ljust(60) + pieces[number % len(pieces)])
        server.stop()
        used = (_disk_use(server.state) - before) / count / 1000
        server.start()
    return used, "%d messages of %d different texts; logs and index" % (count, len(pieces))


def _scan(tools, compression):
    count = 500 if tools.quick else 20000
    with tools.server(compression=compression, shards=1) as server:
        with tools.drive.Drive(server, "u0") as d:
            d.create("INBOX")
            d.fill("INBOX", count, 10000, 200)
            rates = []
            for _ in range(5):
                messages, octets, microseconds = d.scan("INBOX")
                assert messages == count
                rates.append(octets / microseconds / 1000)
    return sorted(rates[1:])[2]


def scan(tools):
    """GB/s of one session that reads every octet of a mailbox."""
    return _scan(tools, "none"), "compressed by zstd %.2f GB/s" % _scan(tools, "zstd")


# name, unit, goal, function of Tools or name of a function of Million
ROWS = [
    ("flag changes/s, 32 sessions, durable", "/s", "30,000, or 0.7 of the disk", flag_changes),
    ("longest stall during a checkpoint of 100,000 changes", "ms", "< 5 ms", checkpoint_stall),
    ("delivery into a mailbox of 1,000,000 against an empty one", "", ">= 0.8", "growth"),
    ("listing of 100,000 messages, cold", "ms", "< 100 ms", "listing"),
    ("opening a mailbox of 1,000,000, cold", "ms", "< 500 ms", "opening"),
    ("opening a mailbox of 1,000,000, shared", "ms", "< 5 ms", "sharing"),
    ("restart after kill -9 with 1,000,000 messages", "s", "< 3 s", "restart_after_kill"),
    ("disk per text message of 10 kB", "kB", "< 5 kB", disk),
    ("scan of all bodies, warm, uncompressed", "GB/s", ">= 1", scan),
]


def measure(folder, quick, only):
    """Yields (name, unit, goal, value, note) of the rows whose name has `only`."""
    rows = [row for row in ROWS if not only or only in row[0]]
    if not rows:
        return
    tools = Tools(folder, quick)
    million = None
    try:
        for name, unit, goal, function in rows:
            if isinstance(function, str):
                million = million or Million(tools)
                value, note = getattr(million, function)()
            else:
                value, note = function(tools)
            yield name, unit, goal, value, note
    finally:
        if million:
            million.close()
