# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench about logins: each a function that returns one figure (and what is worth
knowing beside it) of a posternd of its own.  README.md beside this file tells what the rows mean."""

import base64
import json
import math
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "auth"))

PASSWORD = "pass"
USERS = 900
MECHANISMS = ("password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM",
              "XOAUTH2", "OAUTHBEARER")
ISSUER, AUDIENCE = "https://id.example.test/", "postern"


def url64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Bench:
    """The modules of the tests, with the environment of a release build; a server to order."""

    def __init__(self, folder, load, quick):
        self.folder, self.load_program, self.quick = pathlib.Path(folder), load, quick
        os.environ.setdefault("POSTERN_BUILD", str(ROOT / "build-release"))
        os.environ["TMPDIR"] = str(self.folder)
        import dialogue  # pylint: disable=import-outside-toplevel
        import mechanisms
        import people
        import postern
        self.dialogue, self.mechanisms, self.people, self.postern = (dialogue, mechanisms, people,
                                                                     postern)

    def server(self, accounts, changes=None):
        """POP3, IMAP4 and submission over loopback, no delays, its log in a file."""
        wide = self.people.listeners(sasl_mechanisms=self.people.MECHANISMS + " XOAUTH2 OAUTHBEARER",
                                     integrated_windows_authentication=True,
                                     max_connections_per_user=20000)
        # A login over POP3 at a time and account; the next must not wait for the one before.
        for name in ("listener pop3", "listener pop3s"):
            wide[name]["login_delay"] = 0
        server = self.postern.mail_server(changes=self.postern.merge(wide, changes))
        server.configure({"server": {"log_level": "warning", "max_connections": 20000,
                                     "log_file": os.path.join(server.directory, "log")}})
        self.people.write(server.users_file, accounts)
        return server

    def load(self, server, mechanism, *words):
        done = subprocess.run([self.load_program, "pop3-sasl", "--port", str(server.port("pop3")),
                               "--mechanism", mechanism, *(str(word) for word in words)],
                              stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        for line in file:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return 0


def many(bench, secrets):
    return {"u%04d" % number: {"password": secrets} for number in range(1, USERS + 1)}


# --- NTLM beside PLAIN ------------------------------------------------------------------------


def ntlm_rate(bench):
    """Logins a second by NTLM, of those by PLAIN; in turns."""
    nt = bench.mechanisms.ntlm_client.nt_hash(PASSWORD).hex()
    accounts = many(bench, ["{NT}" + nt, "{PLAIN}" + PASSWORD])
    seconds, rounds = (1, 2) if bench.quick else (4, 5)
    rates, cpu = {"PLAIN": [], "NTLM": []}, {"PLAIN": [], "NTLM": []}
    with bench.server(accounts) as server:
        for number in range(2 * rounds + 2):
            name = ("PLAIN", "NTLM")[number % 2]
            before = cpu_seconds(server.worker_pid)
            result = bench.load(server, name, "--connections", 20, "--users", USERS, "--seconds",
                                seconds, "--password", PASSWORD, "--nt-hash", nt)
            if number > 1:  # the first pair warms up
                rates[name].append(result["rate"])
                cpu[name].append((cpu_seconds(server.worker_pid) - before) / result["done"] * 1e6)
    ratio = statistics.median(n / p for n, p in zip(rates["NTLM"], rates["PLAIN"]))
    return ratio, "NTLM %d/s, PLAIN %d/s; CPU of the server %d and %d us a login" % (
        statistics.median(rates["NTLM"]), statistics.median(rates["PLAIN"]),
        statistics.median(cpu["NTLM"]), statistics.median(cpu["PLAIN"]))


# --- a directory that hangs ---------------------------------------------------------------------


class Silent:
    """A program at a UNIX socket that takes every question and answers none."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        self.sock.listen(1000)
        self.taken = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while True:
            try:
                self.taken.append(self.sock.accept()[0])
            except OSError:
                return

    def close(self):
        self.sock.close()
        while self.taken:
            self.taken.pop().close()


def hanging_directory(bench):
    """200 logins wait for a directory that says nothing for 30 s; others log in meanwhile."""
    seconds = 3 if bench.quick else 30
    path = str(bench.folder / "silent.sock")
    silent = Silent(path)
    changes = {"plugin directory-exec": {"socket": path, "domains": "slow.test", "timeout": "30s"}}
    waiting = []
    try:
        with bench.server(many(bench, ["{PLAIN}" + PASSWORD]), changes) as server:
            alone = bench.load(server, "PLAIN", "--connections", 4, "--users", USERS, "--seconds",
                               min(seconds, 5), "--password", PASSWORD)
            message = base64.b64encode(b"\0someone@slow.test\0" + PASSWORD.encode())
            for number in range(200):
                sock = server.connect(("pop3", "imap")[number % 2])
                sock.recv(1000)
                sock.sendall((b"AUTH PLAIN ", b"a AUTHENTICATE PLAIN ")[number % 2] + message
                             + b"\r\n")
                sock.settimeout(0)
                waiting.append(sock)
            result = bench.load(server, "PLAIN", "--connections", 4, "--users", USERS, "--seconds",
                                seconds - 1, "--password", PASSWORD)
            answered = 0
            for sock in waiting:
                try:
                    answered += bool(sock.recv(1000))
                except BlockingIOError:
                    pass
            silent.close()  # the lane is free: the server can stop
            return result["p99_us"] / 1000, (
                "%d logins/s, the longest %.1f ms; without the 200: p99 %.1f ms, longest %.1f ms; %d "
                "of the 200 still waited at the end, %d were answered as temporary" % (
                    result["rate"], result["longest_us"] / 1000, alone["p99_us"] / 1000,
                    alone["longest_us"] / 1000, 200 - answered, answered))
    finally:
        for sock in waiting:
            sock.close()
        silent.close()


# --- memory over failures -------------------------------------------------------------------------


def oauth(folder):
    """Settings of auth-oauth, and a token whose signature is wrong."""
    key = subprocess.run(["openssl", "genrsa", "2048"], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    modulus = subprocess.run(["openssl", "rsa", "-noout", "-modulus"], input=key, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    number = bytes.fromhex(modulus.decode().strip().partition("=")[2])
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
                                          "n": url64(number), "e": "AQAB"}]}))
    head = url64(json.dumps({"alg": "RS256", "kid": "1", "typ": "JWT"}).encode())
    claims = url64(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "email": "u0001@example.test",
                               "exp": int(time.time()) + 86400}).encode())
    token = ".".join((head, claims, url64(b"\x01" * 256)))
    return {"plugin auth-oauth": {"issuer": ISSUER, "audience": AUDIENCE, "keys_file": path}}, token


def secrets_for(bench, mechanism):
    """One secret, which is cheap to check: what is measured is not the hash."""
    found = bench.people.secrets(PASSWORD)
    kind = "{NT}" if mechanism == "NTLM" else (
        "{%s}" % mechanism if mechanism.startswith("SCRAM") else "{PLAIN}")
    return [secret for secret in found if secret.startswith(kind)]


def memory(bench):
    """How much the worker grows over 100,000 failed logins of each mechanism, after the first 20,000;
    the greatest growth of them."""
    count = 3000 if bench.quick else 100000
    changes, token = oauth(bench.folder) if bench.postern.built("auth-oauth") else ({}, "")
    growth, notes = [], []
    for name in MECHANISMS:
        with bench.server(many(bench, secrets_for(bench, name)), changes) as server:
            with bench.dialogue.open("pop", server) as client:
                if name not in ["password"] + client.mechanisms():
                    notes.append(name + " is not built")
                    continue
            words = ["--wrong", "yes", "--seconds", 3600, "--connections", 20, "--users", USERS, "--nt-hash", "00" * 16,
                     "--password", token if "OAUTH" in name else PASSWORD]
            bench.load(server, name, "--count", count // 5, *words)
            before = resident(server.worker_pid)
            result = bench.load(server, name, "--count", count, *words)
            growth.append((resident(server.worker_pid) - before) / 1024)
            notes.append("%s %+d kB of %d MB at %d/s" % (
                name, growth[-1], before >> 20, result["rate"]))
    return max(growth), "; ".join(notes)


# --- time -------------------------------------------------------------------------------------------


def mann_whitney(ones, others):
    """(z, probability that one of `ones` is greater than one of `others`)."""
    ranked = sorted([(value, 0) for value in ones] + [(value, 1) for value in others])
    ranks, ties, at = 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        mean = (at + end + 1) / 2
        ranks += mean * sum(1 for value in ranked[at:end] if value[1] == 0)
        ties += (end - at) ** 3 - (end - at)
        at = end
    n, m = len(ones), len(others)
    u = ranks - n * (n + 1) / 2
    total = n + m
    sigma = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    return (u - n * m / 2) / sigma, u / (n * m)


def first_answer(client, way):
    """Lets `way` speak; returns how long its last line took to be answered."""
    times = []

    class Timed:
        """The client, with a clock around what is sent and heard."""

        def __getattr__(self, name):
            found = getattr(client, name)
            if name not in ("respond", "authenticate", "password"):
                return found

            def timed(*arguments):
                begun = time.perf_counter_ns()
                answer = found(*arguments)
                times.append(time.perf_counter_ns() - begun)
                return answer
            return timed
    answer = way(Timed())
    assert not answer.good, answer
    return times[-1]


def one_kind(bench, server, mechanism, tries):
    """z of the times of unknown users against those of wrong passwords."""
    way = bench.mechanisms.ways[mechanism]
    times = {True: [], False: []}
    order = [True, False] * (tries + 20)
    random.shuffle(order)
    client, used = None, 0
    for number, known in enumerate(order):
        if used == 2:
            client.__exit__()
            client = None
        if client is None:
            client, used = bench.dialogue.open("pop", server), 0
        used += 1
        # Names of one length, each used once or never known: what is remembered does not matter.
        name = "u%04d" % random.randrange(1, USERS + 1) if known else "x%04d" % random.randrange(10000)
        taken = first_answer(client, lambda timed: way(timed, name, "w%07d" % number))
        times[known].append(taken)
    client.__exit__()
    ones, others = times[False][20:], times[True][20:]
    z, chance = mann_whitney(ones, others)
    return z, chance, statistics.median(ones) / 1000, statistics.median(others) / 1000


def timing(bench):
    """The greatest |z| of the mechanisms."""
    tries = 500 if bench.quick else 10000
    notes, worst = [], 0.0
    kinds = {"plain text": (["{PLAIN}" + PASSWORD], ("password", "PLAIN", "LOGIN", "CRAM-MD5")),
             "Argon2id": (argon2(), ("PLAIN",))}
    for name in ("SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM"):
        kinds["its key " + name] = (secrets_for(bench, name), (name,))
    for stored, (secrets, names) in kinds.items():
        if not secrets:
            notes.append("Argon2id cannot be made here")
            continue
        with bench.server(many(bench, secrets)) as server:
            for name in names:
                z, chance, unknown, wrong = one_kind(bench, server, name, tries)
                worst = max(worst, abs(z))
                notes.append("%s%s z %+.2f, P %.4f, medians %.1f and %.1f us" % (
                    name, " (Argon2id)" if stored == "Argon2id" else "", z, chance, unknown, wrong))
    return worst, "; ".join(notes)


def argon2():
    """A cheap hash of Argon2id, by the program of Debian's package argon2."""
    try:
        done = subprocess.run(["argon2", "salt of the bench", "-id", "-t", "1", "-k", "1024", "-e"],
                              input=PASSWORD, text=True, stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return ["{ARGON2ID}" + done.stdout.strip()]


ROWS = (
    ("NTLM logins, of PLAIN's", "", ">= 0.7", "more", ntlm_rate),
    ("p99 of logins beside 200 in a directory that hangs", "ms", "< 50 ms", "less",
     hanging_directory),
    ("growth over 100,000 failed logins, the greatest of all mechanisms", "kB", "flat", "less", memory),
    ("unknown user or wrong password, by time: greatest |z|", "", "< 3.3", "less", timing),
)


def measure(folder, load, quick, only):
    """Rows: name, unit, goal, better, value, note."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    bench = Bench(folder, load, quick)
    for name, unit, goal, better, function in ROWS:
        if only and only not in name:
            continue
        value, note = function(bench)
        yield name, unit, goal, better, value, note
