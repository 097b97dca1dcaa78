#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Started as root: binds and reads keys as root, serves as another user, who may do nothing else."""
import os
import pwd
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

USER = "nobody"


def status_of(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def drops():
    server = postern.Server(postern.merge(postern.ECHO, {
        "server": {"user": USER}, "listener echo": {"tls": "starttls"},
        "listener tls": {"protocol": "echo", "address": "auto", "tls": "implicit"},
        "plugin faulty": {}}), tls=True, user=USER)
    log = os.path.join(server.directory, "log")
    server.configure({"server": {"log_file": log}})
    user = pwd.getpwnam(USER)
    os.chmod(server.directory, 0o755)
    shutil.rmtree(server.state)  # it is made, and given to the user
    shutil.rmtree(server.run)
    key = os.path.join(server.directory, "server.key")
    os.chmod(key, 0o600)  # only root may read it
    with server:
        status = status_of(server.worker_pid)
        assert status["Uid"].split() == [str(user.pw_uid)] * 4, status["Uid"]
        assert status["Gid"].split() == [str(user.pw_gid)] * 4, status["Gid"]
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, status
        assert status["NoNewPrivs"] == "1"
        assert os.stat(server.state).st_uid == user.pw_uid
        assert os.stat(server.control).st_uid == user.pw_uid
        with server.connect("tls", tls=True) as sock:
            assert postern.lines(sock).readline() == b"HELLO\r\n"
        server.posternctl("status")
        # The key is in no file, argument or variable of the worker.
        with open(key, "rb") as file:
            secret = file.read().splitlines()[1]
        for name in ("environ", "cmdline"):
            with open("/proc/%d/%s" % (server.worker_pid, name), "rb") as file:
                assert secret not in file.read()
        # A certificate that changes is read by the supervisor.
        postern.make_certificate(server.directory)
        os.chmod(key, 0o600)
        with open(log, encoding="utf-8") as file:
            lines = file.read()
        assert "server.serving" in lines and "session.open" in lines, lines
        assert os.stat(log).st_uid == user.pw_uid
        server.stop()
        # Without a server, a command writes as that user too.
        server.posternctl("faulty", "now")
        made = os.path.join(server.state, "faulty")
        assert os.stat(made).st_uid == user.pw_uid


def takes_new_folders():
    """An empty state folder of root, as systemd makes it; a UNIX socket in a run folder that is
    not there yet; and a command before the first start, without any folder."""
    user = pwd.getpwnam(USER)
    server = postern.Server(postern.merge(postern.ECHO, {
        "server": {"user": USER}, "plugin faulty": {},
        "listener unix": {"protocol": "echo", "address": "unix:run/echo.sock"}}), user=USER)
    os.chmod(server.directory, 0o755)
    os.chown(server.state, 0, 0)
    os.rmdir(server.run)
    with server:
        assert os.stat(server.state).st_uid == user.pw_uid
        assert os.stat(os.path.join(server.state, "faulty")).st_uid == user.pw_uid
        assert os.path.exists(os.path.join(server.run, "echo.sock"))
        server.stop()
        shutil.rmtree(server.state)
        server.posternctl("faulty", "now")
        assert os.stat(os.path.join(server.state, "faulty")).st_uid == user.pw_uid
        os.chown(server.state, 0, 0)  # with something in it: it may be anybody's
        server.posternctl("help")
        assert os.stat(server.state).st_uid == 0


def unknown_user():
    server = postern.Server(postern.ECHO, user="no-such-user")
    try:
        server.start(wait=False)
        assert server.wait_exit() == 1
        assert "no-such-user" in "\n".join(server.raw_log)
        done = postern.check({"server": {"user": "no-such-user"}})
        assert done.returncode == 0, done
        assert "user: there is no user no-such-user" in done.stdout + done.stderr, done
    finally:
        server.close()


if __name__ == "__main__":
    if os.geteuid() != 0:
        postern.skip("only root can give up privileges")
    postern.reachable_build()
    postern.run(drops, takes_new_folders, unknown_user)
