#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/instance: up, kill, start, down, --set; what DIR/env tells."""
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

NAMES = """HOST POP3_PORT POP3S_PORT IMAP_PORT IMAPS_PORT SUBMISSION_PORT SUBMISSIONS_PORT SMTP_PORT
LMTP_PORT HTTP_PORT HTTPS_PORT CA_FILE PID CONFIG STORE POSTERNCTL""".split()


def instance(*arguments, check=True):
    environment = dict(os.environ, POSTERN_BUILD=postern.BUILD)
    return subprocess.run([os.path.join(postern.ROOT, "scripts", "instance"), *arguments],
                          env=environment, check=check, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120)


def read_env(directory):
    with open(os.path.join(directory, "env"), encoding="utf-8") as file:
        return dict(word.split("=", 1) for word in shlex.split(file.read()))


def greeting(env):
    with socket.create_connection(("127.0.0.1", int(env["POP3_PORT"])), postern.TIMEOUT) as sock:
        return postern.lines(sock).readline()


def whole_life():
    directory = tempfile.mkdtemp(prefix="postern-")
    base = 1024 + 1000 * (os.getpid() % 8)
    while True:
        with socket.socket() as probe:
            base += 1000
            assert base < 60000
            if all(probe.connect_ex(("127.0.0.1", base + n)) for n in (24, 25, 110, 465, 587, 995)):
                break
    try:
        begin = time.monotonic()
        instance("up", directory, "--users", "1000", "--base-port", str(base),
                 "--set", "server.workers=3", "--set", "listener pop3.idle_time=77m")
        took = time.monotonic() - begin
        assert took < 10 * postern.SLOW, took
        env = read_env(directory)
        assert sorted(env) == sorted(NAMES), env
        assert int(env["POP3_PORT"]) == base + 110 and os.path.exists(env["CA_FILE"])
        with open(env["CONFIG"], encoding="utf-8") as file:
            text = file.read()
        assert "workers = 3\n" in text and "idle_time = 77m\n" in text
        assert greeting(env).startswith(b"+OK")
        assert postern.alive(int(env["PID"]))
        assert instance("up", directory, check=False).returncode != 0  # it runs already
        status = subprocess.run(shlex.split(env["POSTERNCTL"]) + ["status"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        assert env["PID"] in status
        instance("kill", directory)
        assert not postern.alive(int(env["PID"]))
        instance("start", directory)
        env = read_env(directory)
        assert greeting(env).startswith(b"+OK")
        instance("down", directory)
        assert not postern.alive(int(env["PID"]))
        instance("down", directory)  # it is down already
    finally:
        instance("kill", directory, check=False)
        shutil.rmtree(directory)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(postern.BUILD, "plugins", "pop3", "pop3.so")):
        postern.skip("pop3 is not built")
    postern.run(whole_life)
