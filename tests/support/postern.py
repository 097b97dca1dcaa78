# SPDX-License-Identifier: Apache-2.0
"""postern.py - starts the real posternd of the build tree for tests.

    import sys, os
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
    import postern

    with postern.Server({
            "plugin echo": {},
            "listener echo": {"protocol": "echo", "address": "auto"}}) as server:
        with server.connect("echo") as sock: ...          # a plain socket
        server.wait_log("session.closed", listener="echo")   # one log line, as a dict

    with postern.mail_server(store="memory", users={"alice": "secret"}) as server:
        server.port("pop3"), server.port("imaps"), server.port("submission") ...
        server.posternctl("user", "list", json=True)

The environment: POSTERN_BUILD is the build folder (default: build in the root of the tree).
Only /usr/bin/python3's standard library is used.  Everything is on 127.0.0.1; state lives in a
temporary folder that goes away with the server (POSTERN_KEEP=1 keeps it and says where).

A value of "auto" as address gives a listener a free port; "unix:auto" a socket in the state
folder (server.path(NAME) is its path).  A section or key whose value is None is left out, so
presets can be overridden by merging dictionaries: see merge().

A test that the machine can not run ends with skip("why") (exit code 77, as meson wants it).
"""

import glob
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("POSTERN_BUILD", os.path.join(ROOT, "build")))
POSTERND = os.path.join(BUILD, "host", "run", "posternd")
POSTERNCTL = os.path.join(BUILD, "host", "ctl", "posternctl")
SLOW = 3.0 if "san" in os.path.basename(BUILD) else 1.0
# The smallest server of tests/run: a protocol that says lines back.
ECHO = {"plugin echo": {}, "listener echo": {"protocol": "echo", "address": "auto"}}
TIMEOUT = float(os.environ.get("POSTERN_TIMEOUT", 20 * SLOW))  # seconds; of every wait here


class Failed(AssertionError):
    """The server did not do what was waited for; the text ends with its log."""


def skip(why):
    """Ends the test as skipped."""
    print("skipped:", why)
    sys.exit(77)


def plugin_path():
    """All folders of the build tree that hold plugins, divided by ':'; and those that
    POSTERN_TEST_PLUGINS names: a release build has no tests in it."""
    found = set()
    for name in glob.glob(os.path.join(BUILD, "plugins", "*", "*.so")):
        found.add(os.path.dirname(name))
    for pattern in ("*", os.path.join("tools", "*")):
        for name in glob.glob(os.path.join(BUILD, "tests", pattern, "*.so")):
            found.add(os.path.dirname(name))
    found.update(filter(None, os.environ.get("POSTERN_TEST_PLUGINS", "").split(":")))
    return ":".join(sorted(found))


_given = set()  # ports that this process has handed out: nobody listens on them yet, perhaps


def free_port():
    """A port of 127.0.0.1 nobody listens on, below the range of outgoing connections, and never
    the same twice. Each process takes them from a part of its own, so that tests that run at the
    same time do not take each other's."""
    first = 10000 + os.getpid() % 44 * 500
    for attempt in range(4000):
        if attempt == 2000:
            _given.clear()  # a long run: those of servers that have ended
        port = random.randrange(first, first + 500)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise Failed("no free port")


def merge(*configurations):
    """Later ones win, section by section and key by key; None takes away."""
    result = {}
    for configuration in configurations:
        for section, keys in (configuration or {}).items():
            if keys is None:
                result.pop(section, None)
                continue
            into = result.setdefault(section, {})
            for key, value in keys.items():
                if value is None:
                    into.pop(key, None)
                else:
                    into[key] = value
    return result


def write_configuration(path, configuration):
    """Writes dictionaries as a key file."""
    with open(path, "w", encoding="utf-8") as out:
        for section, keys in configuration.items():
            out.write("[%s]\n" % section)
            for key, value in keys.items():
                if isinstance(value, bool):
                    value = "yes" if value else "no"
                out.write("%s = %s\n" % (key, value))
            out.write("\n")


def make_certificate(directory, name="server", hosts=("localhost",), address="127.0.0.1"):
    """A self-signed ECDSA P-256 pair; returns (certificate, key) paths."""
    certificate = os.path.join(directory, name + ".crt")
    key = os.path.join(directory, name + ".key")
    alternatives = ",".join(["DNS:" + host for host in hosts] + ["IP:" + address])
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", "/CN=" + hosts[0],
         "-addext", "subjectAltName=" + alternatives, "-keyout", key + ".new",
         "-out", certificate + ".new"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.rename(key + ".new", key)
    os.rename(certificate + ".new", certificate)
    return certificate, key


def environment():
    """What a posternd or posternctl of the build tree needs in its environment."""
    result = dict(os.environ)
    result["POSTERN_PLUGIN_DIRECTORY"] = plugin_path()
    result.pop("NOTIFY_SOCKET", None)
    result.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    if SLOW > 1:  # sanitizers do not see through GLib's slices
        result.setdefault("G_SLICE", "always-malloc")
    return result


class Server:
    """A posternd with its own state.  Starts in __enter__ (or start()), ends in __exit__.

    configuration  {"section": {"key": value}}; [server] is filled in where it says nothing
    users          {"alice": "secret"}: written to directory-file's file (state/users)
    tls            makes a certificate and names it in [server] (self.ca_file)
    conf_d         {"10-more.conf": configuration}
    """

    def __init__(self, configuration, users=None, tls=False, conf_d=None, user=None):
        self.directory = tempfile.mkdtemp(prefix="postern-")
        os.chmod(self.directory, 0o755)
        self.state = os.path.join(self.directory, "state")
        self.run = os.path.join(self.directory, "run")
        os.mkdir(self.state)
        os.mkdir(self.run)
        self.config = os.path.join(self.directory, "postern.conf")
        self.users_file = os.path.join(self.directory, "users")
        self.control = os.path.join(self.run, "control.sock")
        self.ca_file = None
        self.process = None
        self.log = []            # every log line so far, as dicts
        self.raw_log = []        # and as text
        self.status = []         # what NOTIFY_SOCKET told: dicts of NAME=value
        self._ports = {}
        self._served = False     # once it has served, its ports stay
        self._paths = {}
        self._seen = 0
        self._changed = threading.Condition()
        self.environment = environment()
        if user is None and os.geteuid() == 0:
            user = "root"  # the state belongs to us; a test of privileges names another
        base = {"server": {
            "name": "mail.example.test", "state_directory": self.state,
            "run_directory": self.run, "log": "json", "log_level": "debug",
            "drain_time": "5s", "user": user}}
        if tls:
            certificate, key = make_certificate(self.directory)
            self.ca_file = certificate
            base["server"].update({"certificate": certificate, "key": key})
        self.configuration = merge(base, configuration)
        for section, keys in self.configuration.items():
            if section.startswith("listener "):
                self._settle(section[len("listener "):], keys)
        if users is not None:
            self.write_users(users)
        write_configuration(self.config, self.configuration)
        if conf_d:
            os.mkdir(self.config_d)
            for name, part in conf_d.items():
                write_configuration(os.path.join(self.config_d, name), part)

    @property
    def config_d(self):
        return os.path.join(self.directory, "conf.d")

    def _settle(self, name, keys):
        address = keys.get("address", "auto")
        if address == "auto":
            self._ports[name] = self._ports.get(name) or free_port()
            keys["address"] = "127.0.0.1:%d" % self._ports[name]
        elif address == "unix:auto":
            self._paths[name] = os.path.join(self.run, name + ".sock")
            keys["address"] = "unix:" + self._paths[name]
        elif address.startswith("127.0.0.1:"):
            self._ports[name] = int(address.split()[0].rpartition(":")[2])

    def write_users(self, users):
        """Writes directory-file's users with their passwords in clear."""
        write_users(self.users_file, users)

    def configure(self, *changes):
        """Merges changes into the configuration and writes it; reload() or restart() after."""
        self.configuration = merge(self.configuration, *changes)
        for section, keys in self.configuration.items():
            if section.startswith("listener "):
                self._settle(section[len("listener "):], keys)
        write_configuration(self.config, self.configuration)

    # --- life ---------------------------------------------------------------------------

    def __enter__(self):
        if self.process is None:
            try:
                self.start()
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(self.tail())
        self.close()

    def start(self, wait=True, arguments=()):
        """Starts posternd; with `wait` returns when it serves."""
        notify = os.path.join(self.directory, "notify")
        if os.path.exists(notify):
            os.unlink(notify)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(notify)
        os.chmod(notify, 0o777)
        self.environment["NOTIFY_SOCKET"] = notify
        self.status = []
        self.process = subprocess.Popen(
            [POSTERND, "--config", self.config, *arguments], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True)
        self._readers = [threading.Thread(target=self._read_log, args=(self.process,), daemon=True),
                         threading.Thread(target=self._read_notify, args=(self._notify,),
                                          daemon=True)]
        for reader in self._readers:
            reader.start()
        if not wait:
            return
        try:
            self.wait_ready()
        except Failed as failure:
            # Between free_port and here another test may have taken a port. Nobody knows ours yet.
            if self._served or "Address already in use" not in str(failure):
                raise
            self._served = True  # once only
            self._finish()
            self._new_ports()
            self.start()
        self._served = True

    def _new_ports(self):
        for name, port in list(self._ports.items()):
            keys = self.configuration["listener " + name]
            if keys.get("address") == "127.0.0.1:%d" % port:
                self._ports[name] = free_port()
                keys["address"] = "127.0.0.1:%d" % self._ports[name]
        write_configuration(self.config, self.configuration)

    def wait_ready(self, count=1, timeout=TIMEOUT):
        """Waits until READY=1 came `count` times since the start."""
        self._wait(lambda: sum(1 for s in self.status if s.get("READY") == "1") >= count,
                   timeout, "READY=1")

    def wait_exit(self, timeout=TIMEOUT):
        """Waits for the end of posternd; returns its exit code."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed("posternd does not end\n" + self.tail()) from None
        self._finish()
        return code

    def _finish(self):
        for reader in self._readers[:1]:
            reader.join(5)
        # Its reader must be gone before the number of the socket may be that of the next one.
        self._notify.shutdown(socket.SHUT_RD)
        self._readers[1].join()
        self._notify.close()
        self.process.stderr.close()
        self.process = None

    def stop(self, timeout=TIMEOUT):
        """SIGTERM, and waits; returns the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill9(self):
        """Ends supervisor and worker with SIGKILL, at once."""
        if self.process is None:
            return
        pids = [self.process.pid] + self.children()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        # The worker has our ports and the store until it is quite gone, which takes a while.
        ends = time.monotonic() + TIMEOUT
        while any(alive(pid) for pid in pids):
            if time.monotonic() > ends:
                raise Failed("a killed process does not go")
            time.sleep(0.005)
        self._finish()

    def restart(self):
        """stop() and start() on the same state."""
        self.stop()
        self.start()

    def reload(self, timeout=TIMEOUT):
        """SIGHUP, and waits until it is done (also with a refused configuration)."""
        before = len(self.status)
        self.process.send_signal(signal.SIGHUP)

        def done():
            told = self.status[before:]
            begun = [i for i, fields in enumerate(told) if fields.get("RELOADING") == "1"]
            return begun and any(fields.get("READY") == "1" for fields in told[begun[0]:])

        self._wait(done, timeout, "RELOADING=1 and READY=1")

    def close(self):
        """Ends the server if it runs, and removes its state."""
        try:
            if self.process is not None:
                if self.process.poll() is None:
                    try:
                        self.stop()
                    except Failed:
                        self.kill9()
                        raise
                else:
                    self._finish()
        finally:
            if os.environ.get("POSTERN_KEEP"):
                print("kept:", self.directory)
            else:
                shutil.rmtree(self.directory, ignore_errors=True)

    def children(self):
        """Process ids below the supervisor: the worker, as a rule.

        By the parents that all processes name: the kernel's own list of children leaves out some
        while others end.
        """
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as stat:
                    if int(stat.read().rpartition(")")[2].split()[1]) == self.process.pid:
                        found.append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
        return sorted(found)

    @property
    def worker_pid(self):
        """The process id of the newest worker (of --worker processes, not of checks)."""
        found = []
        for pid in self.children():
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as line:
                    if b"--worker" not in line.read().split(b"\0"):
                        continue
                with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stat:
                    began = int(stat.read().rpartition(")")[2].split()[19])
                found.append((began, pid))  # numbers begin again at the greatest
            except (FileNotFoundError, ProcessLookupError):
                pass
        return max(found)[1] if found else None

    # --- talking to it --------------------------------------------------------------------

    def port(self, listener):
        """The port of a listener by its name in the configuration."""
        return self._ports[listener]

    def path(self, listener):
        """The socket's path of a "unix:auto" listener."""
        return self._paths[listener]

    def tls_context(self):
        """Trusts the server's certificate and checks "localhost"."""
        return ssl.create_default_context(cafile=self.ca_file)

    def connect(self, listener, tls=False, timeout=TIMEOUT):
        """A connected socket; with `tls` after the handshake."""
        if listener in self._paths:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(self._paths[listener])
        else:
            sock = socket.create_connection(("127.0.0.1", self._ports[listener]), timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = self.tls_context().wrap_socket(sock, server_hostname="localhost")
        return sock

    def posternctl(self, *arguments, input=None, check=True, json=False, timeout=TIMEOUT * 3):
        """Runs posternctl; returns subprocess.CompletedProcess, or with json the list of rows."""
        command = [POSTERNCTL, "--config", self.config] + (["--json"] if json else [])
        done = subprocess.run(command + [str(a) for a in arguments], env=self.environment,
                              input="" if input is None else input, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        if check and done.returncode != 0:
            raise Failed("posternctl %s: exit code %d\n%s%s" % (
                " ".join(str(a) for a in arguments), done.returncode, done.stdout, done.stderr))
        return parse_rows(done.stdout) if json else done

    # --- its log --------------------------------------------------------------------------

    def _read_log(self, process):
        for line in process.stderr:
            text = line.decode("utf-8", "replace").rstrip("\n")
            try:
                parsed = json.loads(text)
            except ValueError:
                parsed = {"event": None, "text": text}
            with self._changed:
                self.raw_log.append(text)
                self.log.append(parsed if isinstance(parsed, dict) else {"text": text})
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_notify(self, sock):
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                return
            if not data:
                return
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            with self._changed:
                self.status.append(fields)
                self._changed.notify_all()

    def _wait(self, condition, timeout, what):
        ends = time.monotonic() + timeout
        with self._changed:
            while True:
                result = condition()
                if result:
                    return result
                if self.process is not None and self.process.poll() is not None:
                    self._changed.wait(0.2)  # the last lines of its log
                    result = condition()
                    if result:
                        return result
                    raise Failed("posternd ended with %s while waiting for %s\n%s" % (
                        self.process.returncode, what, self.tail()))
                left = ends - time.monotonic()
                if left <= 0:
                    raise Failed("waited in vain for %s\n%s" % (what, self.tail()))
                self._changed.wait(min(left, 0.2))

    def logged(self, event, since=0, **fields):
        """The log lines of an event with these fields (from line `since` on)."""
        return [line for line in self.log[since:] if line.get("event") == event
                and all(str(line.get(k)) == str(v) for k, v in fields.items())]

    def wait_log(self, event, timeout=TIMEOUT, since=0, **fields):
        """The first such line; waits for it."""
        return self._wait(lambda: self.logged(event, since, **fields), timeout,
                          "%s %s in the log" % (event, fields or ""))[0]

    def tail(self, count=40):
        """The end of the log, for messages."""
        return "".join("  | %s\n" % line for line in self.raw_log[-count:])


def parse_rows(text):
    """What posternctl --json prints: one object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def check(configuration):
    """posternd --check on a configuration; returns CompletedProcess (text)."""
    directory = tempfile.mkdtemp(prefix="postern-")
    try:
        path = os.path.join(directory, "postern.conf")
        base = {"server": {"name": "mail.example.test", "state_directory": directory,
                           "run_directory": directory}}
        write_configuration(path, merge(base, configuration))
        return subprocess.run([POSTERND, "--config", path, "--check"], env=environment(),
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def write_users(path, users):
    """directory-file's accounts file (plugins/directory-file/README.md): {"alice": "secret"}, or
    {"alice": {"password": "{PLAIN}secret", "alias": "a"}} with any keys."""
    with open(path, "w", encoding="utf-8") as out:
        for name, keys in users.items():
            if isinstance(keys, str):
                keys = {"password": "{PLAIN}" + keys}
            out.write("[%s]\n" % name)
            for key, value in keys.items():
                out.write("%s = %s\n" % (key, value))
            out.write("\n")
    os.chmod(path, 0o600)


def built(plugin):
    """True if this build has the plugin."""
    return bool(glob.glob(os.path.join(BUILD, "plugins", plugin, plugin + ".so")))


def mail_configuration(store="memory", users_file=None):
    """Every shipped plugin and a listener of each kind, limits wide and no delays."""
    return {
        "server": {"store": "storage-" + store, "max_connections_per_address": 10000},
        "plugin storage-" + store: {},
        "plugin directory-file": {"file": users_file, "domains": "example.test",
                                  "nt_domains": "EXAMPLE"},
        "plugin auth": {"failure_delay": 0},
        "plugin delivery": {},
        "plugin pop3": {},
        "plugin imap4": {},
        "plugin submission": {},
        "plugin admin": {},
        "listener pop3": {"protocol": "pop3", "address": "auto", "tls": "starttls",
                          "cleartext_login": True, "max_connections_per_user": 1000},
        "listener pop3s": {"protocol": "pop3", "address": "auto", "tls": "implicit",
                           "max_connections_per_user": 1000},
        "listener imap": {"protocol": "imap4", "address": "auto", "tls": "starttls",
                          "cleartext_login": True, "max_connections_per_user": 20000},
        "listener imaps": {"protocol": "imap4", "address": "auto", "tls": "implicit",
                           "max_connections_per_user": 20000},
        "listener submission": {"protocol": "smtp", "kind": "submission", "address": "auto",
                                "tls": "starttls", "cleartext_login": True},
        "listener submissions": {"protocol": "smtp", "kind": "submission", "address": "auto",
                                 "tls": "implicit"},
        "listener smtp": {"protocol": "smtp", "kind": "receive", "address": "auto",
                          "tls": "starttls"},
        "listener lmtp": {"protocol": "smtp", "kind": "lmtp", "address": "auto"},
        "listener lmtp-unix": {"protocol": "smtp", "kind": "lmtp", "address": "unix:auto"},
    }


def mail_server(store="memory", users=None, changes=None, **more):
    """A Server with everything; accounts have addresses @example.test.  `changes` are merged
    into mail_configuration().  Skips the test if a plugin is not built."""
    for plugin in ("storage-" + store, "directory-file", "auth", "delivery", "pop3", "imap4",
                   "submission", "admin"):
        if not built(plugin):
            skip(plugin + " is not built")
    server = Server({}, tls=True, **more)
    server.write_users(users if users is not None else {"alice": "secret"})
    server.configure(mail_configuration(store, server.users_file), changes or {})
    return server


def reachable_build():
    """For tests that act as another user: makes sure that users other than ours can reach the
    programs.  Where the tree lies in a closed folder (/root, say) the test runs again, on a copy.
    Call it first."""
    folder = BUILD
    while os.stat(folder).st_mode & 0o005 == 0o005 and folder != "/":
        folder = os.path.dirname(folder)
    if folder == "/":
        return
    copy = tempfile.mkdtemp(prefix="postern-", suffix="-" + os.path.basename(BUILD))
    try:
        os.chmod(copy, 0o755)
        for name in [POSTERND, POSTERNCTL] + [os.path.join(folder, entry)
                                             for folder in plugin_path().split(":")
                                             for entry in os.listdir(folder)
                                             if entry.endswith(".so")]:
            target = os.path.join(copy, os.path.relpath(name, BUILD))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(name, target)
        done = subprocess.run([sys.executable] + sys.argv,
                              env=dict(os.environ, POSTERN_BUILD=copy), check=False)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    sys.exit(done.returncode)


def run(*functions):
    """Runs test functions one after the other, and says which; an exception ends it."""
    for function in functions:
        begin = time.monotonic()
        function()
        print("ok  %-40s %.2f s" % (function.__name__, time.monotonic() - begin), flush=True)


def lines(sock):
    """A file of a socket, to read lines from."""
    return sock.makefile("rb")


def alive(pid):
    """True while the process runs; one that has ended and waits for its parent does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
