# SPDX-License-Identifier: Apache-2.0
"""The benchmark behind scripts/bench: see README.md beside this file for what each row means.

Ours is started by scripts/instance, the peer by peer_dovecot.py; every metric is measured in turn
(ours, theirs, ours, theirs ...) and the table shows medians and the median of the pairs' ratios.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import auth  # noqa: E402
import imap  # noqa: E402
import peer_dovecot  # noqa: E402
import store  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FULL = 10000  # messages of the download mailbox, and idle connections


class Failed(Exception):
    pass


# --- processes ------------------------------------------------------------------------------


def tree(pid):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def cpu_seconds(pid):
    """CPU of the tree, with the children it has waited for."""
    ticks = 0
    for one in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_bytes(pid):
    total = 0
    for one in tree(pid):
        try:
            for line in pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


# --- the two servers --------------------------------------------------------------------------


class Ours:
    name = "postern"

    def __init__(self, folder, base_port, users, settings=()):
        self.dir, self.base, self.users, self.settings = folder, base_port, users, settings
        self.env = {}

    def start(self):
        subprocess.run([ROOT / "scripts/instance", "up", self.dir, "--users", str(self.users),
                        "--base-port", str(self.base),
                        *(word for setting in self.settings for word in ("--set", setting))],
                       check=True, stdout=subprocess.DEVNULL)
        self.read_env()
        self.ports = {name: self.env[name.upper() + "_PORT"]
                      for name in ("pop3", "pop3s", "imap", "imaps", "lmtp")}

    def read_env(self):
        for line in pathlib.Path(self.dir, "env").read_text().splitlines():
            key, _, value = line.partition("=")
            self.env[key.strip()] = value.strip().strip("'\"")

    def start_again(self):
        """After stop(), on the same state."""
        subprocess.run([ROOT / "scripts/instance", "start", self.dir], check=True,
                       stdout=subprocess.DEVNULL)
        self.read_env()

    def use_index(self):
        """Switches the plugin search-fts on; False if it is not built."""
        plugin = posternd(self.env).parents[2] / "plugins/search-fts/search-fts.so"
        if not plugin.exists():
            return False
        self.stop()
        with open(self.env["CONFIG"], "a", encoding="ascii") as config:
            config.write("\n[plugin search-fts]\n")
        self.start_again()
        return True

    def root_pid(self):
        return int(self.env["PID"])

    def stop(self):
        subprocess.run([ROOT / "scripts/instance", "down", self.dir], check=False,
                       stdout=subprocess.DEVNULL)


class Theirs:
    name = "dovecot"

    def __init__(self, folder, base_port, users, certificate, key):
        self.server = peer_dovecot.Dovecot(folder, base_port, users, certificate, key)

    def start(self):
        self.server.start()
        self.ports = {name: str(port) for name, port in self.server.ports.items()}

    def start_again(self):
        """After stop(), on the same state."""
        self.start()

    def root_pid(self):
        return self.server.root_pid()

    def stop(self):
        self.server.stop()


# --- measuring ---------------------------------------------------------------------------------


def load(program, server, mode, port, *options):
    """Runs the load generator; returns its JSON with the server's CPU seconds in it."""
    before = cpu_seconds(server.root_pid())
    run = subprocess.run([program, mode, "--port", server.ports[port],
                          *map(str, options)], stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, check=False)
    if run.returncode:
        raise Failed(f"{server.name} {mode}: {run.stderr.strip()}")
    result = json.loads(run.stdout)
    result["server_cpu"] = cpu_seconds(server.root_pid()) - before
    return result


def idle(program, server, connections, first_user):
    before = pss_bytes(server.root_pid())
    holder = subprocess.Popen([program, "pop3-idle", "--tls", "--port",
                               server.ports["pop3s"], "--connections", str(connections), "--users",
                               str(connections), "--first-user", str(first_user)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = holder.stdout.readline()
        if not line:
            raise Failed(f"{server.name}: the idle connections could not be made")
        time.sleep(3)
        after = pss_bytes(server.root_pid())
    finally:
        holder.stdin.close()
        holder.wait()
    result = json.loads(line)
    result.update(value=after / connections / 1000, growth=(after - before) / connections / 1000,
                  server_cpu=0)
    return result


def start_time(ours):
    """Seconds from exec to the POP3 greeting, on an empty store."""
    env = ours.env
    subprocess.run([ROOT / "scripts/instance", "down", ours.dir], check=True,
                   stdout=subprocess.DEVNULL)
    kept = env["STORE"] + ".kept"
    os.rename(env["STORE"], kept)
    times = []
    try:
        for _ in range(5):
            began = time.monotonic()
            # "start" returns when it serves; the script's own work is measured apart.
            process = subprocess.Popen([posternd(env), "--config", env["CONFIG"]],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            peer_dovecot.wait_greeting(int(env["POP3_PORT"]), step=0.002)
            times.append(time.monotonic() - began)
            process.terminate()
            process.wait(60)
            shutil.rmtree(env["STORE"], ignore_errors=True)
    finally:
        os.rename(kept, env["STORE"])
        subprocess.run([ROOT / "scripts/instance", "start", ours.dir], check=True,
                       stdout=subprocess.DEVNULL)
        ours.read_env()
    return statistics.median(times)


def posternd(env):
    return pathlib.Path(env["POSTERNCTL"].split()[0]).parent.parent / "run/posternd"


class Row:
    def __init__(self, name, unit, goal, better="more"):
        self.name, self.unit, self.goal, self.better = name, unit, goal, better
        self.ours, self.theirs = [], []

    def text(self):
        ours = statistics.median(self.ours) if self.ours else None
        theirs = statistics.median(self.theirs) if self.theirs else None
        ratio = None
        if self.ours and all(self.ours) and all(self.theirs) and len(self.ours) == len(self.theirs):
            ratio = statistics.median(a / b for a, b in zip(self.ours, self.theirs))
        elif ours and theirs:
            ratio = ours / theirs
        if ratio and self.better == "less":
            ratio = 1 / ratio   # so that a larger one is better
        return [self.name, show(ours, self.unit), show(theirs, self.unit),
                "" if ratio is None else f"{ratio:.2f}", self.goal]


def measure_store(options, folder):
    """The rows of store.py: ours alone."""
    folder.mkdir(exist_ok=True)
    rows, notes = [], []
    for name, unit, goal, value, note in store.measure(folder, options.quick, options.only):
        row = Row(name, unit, goal)
        row.ours.append(value)
        rows.append(row)
        notes.append(f"{name}: {note}")
        print(f"  {name}: {value:.6g} {unit} ({note})", file=sys.stderr)
    return rows, notes


def measure_auth(options, program, folder):
    """The rows of auth.py: ours alone."""
    rows, notes = [], []
    for name, unit, goal, better, value, note in auth.measure(folder, program, options.quick,
                                                              options.only):
        row = Row(name, unit, goal, better)
        row.ours.append(value)
        rows.append(row)
        notes.append(f"{name}: {note}")
        print(f"  {name}: {value:.6g} {unit} ({note})", file=sys.stderr)
    return rows, notes


def show(value, unit):
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def table(rows):
    lines = [["metric", "ours", "theirs", "ratio", "to reach"]] + rows
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    out = []
    for number, line in enumerate(lines):
        out.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
        if number == 0:
            out.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(out)


def measure(options, program, ours, theirs):
    rows, cpu = [], []
    servers = [(ours, "ours")] + ([(theirs, "theirs")] if theirs else [])

    def metric(row, run, value="rate", of_store=False):
        if options.only and options.only not in row.name:
            return
        if options.table in ("imap", "auth") or options.table == "store" and not of_store:
            return
        rows.append(row)
        for number in range(options.rounds):
            for server, side in servers:
                result = run(server, number)
                getattr(row, side).append(result[value])
                cpu.append((row.name, server.name, result["server_cpu"], result["client_cpu"],
                            result["done"]))
                print(f"  {row.name}: {server.name} {result[value]:.6g} {row.unit} (p99 "
                      f"{result['p99_us']} us, server CPU {result['server_cpu']:.2f} s, client "
                      f"{result['client_cpu']:.2f} s)", file=sys.stderr)

    seconds = 1 if options.quick else 4
    full = 1000 if options.quick else FULL
    metric(Row("POP3 logins/s", "/s", "5"),
           lambda s, n: load(program, s, "pop3-login", "pop3", "--connections", 20, "--users", 900,
                             "--seconds", seconds))
    metric(Row("POP3S logins/s", "/s", "3"),
           lambda s, n: load(program, s, "pop3-login", "pop3s", "--tls", "--connections", 20,
                             "--users", 900, "--seconds", seconds))
    metric(Row("LMTP deliveries/s, 10 kB, 20 sessions, durable", "/s", "10"),
           lambda s, n: load(program, s, "lmtp", "lmtp", "--connections", 20, "--users", 900,
                             "--seconds", seconds))
    metric(Row("LMTP deliveries/s, 10 kB, 32 sessions, durable", "/s", "10"),
           lambda s, n: load(program, s, "lmtp", "lmtp", "--connections", 32, "--users", 900,
                             "--seconds", seconds), of_store=True)
    if options.table in ("store", "imap", "auth"):
        return rows, cpu
    if not options.only or options.only in f"POP3 download of {full:,} x 10 kB, one by one, pipelined":
        for server, _ in servers:
            load(program, server, "lmtp", "lmtp", "--connections", 20, "--users", 1, "--first-user",
                 950, "--count", full)
    fetch = ("--connections", 1, "--users", 1, "--first-user", 950)
    metric(Row(f"POP3 download of {full:,} x 10 kB, one by one", "MB/s", "2.5"),
           lambda s, n: load(program, s, "pop3-fetch", "pop3", *fetch), "mb_per_s")
    metric(Row(f"POP3 download of {full:,} x 10 kB, pipelined", "MB/s", "4"),
           lambda s, n: load(program, s, "pop3-fetch", "pop3", *fetch, "--window", 100), "mb_per_s")

    row = Row(f"memory per idle POP3S connection, ours at {full:,}", "kB", "<= 24 kB")
    if not options.only or "memory" in row.name and options.only in row.name:
        rows.append(row)
        result = idle(program, ours, full, 0)
        row.ours.append(result["value"])
        print(f"  {row.name}: {result['value']:.1f} kB of the whole, growth {result['growth']:.1f}",
              file=sys.stderr)
        if theirs:
            row.theirs.append(idle(program, theirs, 200, 0)["value"])
    row = Row("server start to serving, empty store", "s", "< 0.3 s")
    if not options.only or options.only in row.name:
        rows.append(row)
        row.ours.append(start_time(ours))
    return rows, cpu


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--peer", choices=["dovecot"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="rows whose name has this word")
    parser.add_argument("--quick", action="store_true", help="short runs: a look, not a figure")
    parser.add_argument("--table", choices=["protocols", "store", "imap", "auth", "all"], default="all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--base-port", type=int, help="default: where all ports are free")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
                        help="a setting of our server in the table of protocols")
    parser.add_argument("--keep", help="a folder for the servers' state, kept")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="postern-bench-"))
    folder.mkdir(exist_ok=True)
    os.chmod(folder, 0o755)
    base_port = options.base_port or free_base()
    ours = Ours(str(folder / "ours"), base_port, FULL, options.set)
    theirs = None
    try:
        load_program = make_load(folder)
        ours.start()
        if options.peer:
            certificate, key = make_key(folder)
            theirs = Theirs(folder / "theirs", base_port + 1000, FULL, certificate, key)
            theirs.start()
        rows, cpu = measure(options, load_program, ours, theirs)
        if options.table in ("imap", "all"):
            more, more_cpu = imap.Table(options, sys.modules[__name__], load_program, ours, theirs,
                                        folder).run()
            rows += more
            cpu += more_cpu
        ours.stop()
        if theirs:
            theirs.stop()
        notes = []
        if options.table in ("store", "all"):
            more, notes = measure_store(options, folder / "store")
            rows += more
        if options.table in ("auth", "all"):
            more, more_notes = measure_auth(options, load_program, folder / "auth")
            rows += more
            notes += more_notes
    except Failed as failure:
        sys.exit(f"scripts/bench: {failure}")
    finally:
        ours.stop()
        if theirs:
            theirs.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps([{"metric": r.name, "unit": r.unit, "ours": r.ours, "theirs": r.theirs,
                           "goal": r.goal} for r in rows]))
        return
    print(f"\n{datetime.date.today()}, {os.cpu_count()} cores, {cpu_name()}, Linux "
          f"{platform.release()}\n")
    print(table([row.text() for row in rows]))
    if cpu:
        print("\nCPU microseconds of the server per operation (median): " + cpu_summary(cpu))
    for note in notes:
        print("\n" + note)


def cpu_summary(cpu):
    figures = {}
    for name, server, seconds, _client, done in cpu:
        figures.setdefault(name, {}).setdefault(server, []).append(1e6 * seconds / max(done, 1))
    return "; ".join(f"{name}: " + ", ".join(f"{server} {statistics.median(values):.0f}"
                                             for server, values in by.items())
                     for name, by in figures.items())


def free_base():
    """A base port at which, and 1000 above for the peer, every port is free."""
    for base in range(20000, 30000, 500):
        try:
            for number in (24, 25, 80, 110, 143, 443, 465, 587, 993, 995):
                for port in (base + number, base + 1000 + number):
                    with socket.socket() as probe:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise Failed("no free ports")


def make_load(folder):
    """The load generator, built apart: a release build has no tests in it."""
    program = folder / "postern-load"
    sources = [ROOT / "tests/bench" / name for name in ("load.c", "load_tls.c", "load_pop3.c",
                                                        "load_imap.c", "load_lmtp.c",
                                                        "load_auth.c")]
    subprocess.run(["cc", "-O2", "-o", program, *sources, "-lssl", "-lcrypto"], check=True)
    return program


def make_key(folder):
    """A certificate of the same type (ECDSA P-256) for the peer."""
    certificate, key = folder / "peer.pem", folder / "peer.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-days",
                    "30", "-keyout", key, "-out", certificate], check=True,
                   stderr=subprocess.DEVNULL)
    return certificate, key


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
