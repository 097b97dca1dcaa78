#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""posternctl with and without a server: rows, secrets, files, progress, errors, who may."""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

BOTH = postern.merge(postern.ECHO, {"plugin faulty": {}})


def commands(server):
    rows = server.posternctl("faulty", "rows", 3, json=True)
    assert [row["number"] for row in rows] == ["0", "1", "2"], rows
    assert rows[0]["text"] == "tab\there, \033[31mred\033[0m \"quoted\"", rows[0]
    table = server.posternctl("faulty", "rows", 12).stdout
    assert "NUMBER" in table and "\033" not in table and "\\x1b" in table, table
    many = server.posternctl("--json", "faulty", "rows", 50000).stdout
    assert many.count("\n") == 50000
    assert server.posternctl("faulty", "secret", json=True, input="four\nmore\n") == [
        {"length": "4"}]
    done = server.posternctl("faulty", "secret", check=False)
    assert done.returncode == 2 and "standard input" in done.stderr, done
    done = server.posternctl("faulty", "rows", "many", check=False)
    assert done.returncode == 2 and "COUNT must be a number" in done.stderr, done
    assert "Usage: posternctl faulty rows COUNT" in done.stderr, done
    done = server.posternctl("faulty", "nonsense", check=False)
    assert done.returncode == 2 and "no command" in done.stderr, done
    assert "Columns: number text" in server.posternctl("faulty", "rows", "--help").stdout
    for word in ("check-config", "faulty copy FROM TO", "status"):
        assert word in server.posternctl("help").stdout
    assert "nothing went wrong" in server.posternctl("faulty", "now").stderr


def files(server):
    """Paths are the caller's: from its folder, with its rights."""
    folder = os.path.join(server.directory, "files")
    os.mkdir(folder)
    with open(os.path.join(folder, "from"), "wb") as file:
        file.write(b"octets" * 1000)
    subprocess.run([postern.POSTERNCTL, "--config", server.config, "faulty", "copy", "from", "to"],
                   cwd=folder, env=server.environment, check=True)
    with open(os.path.join(folder, "to"), "rb") as file:
        assert file.read() == b"octets" * 1000
    for arguments, word in ((("from", "to"), "File exists"), (("nowhere", "x"), "No such file"),
                            ((".", "x"), "Is a directory")):
        done = subprocess.run(
            [postern.POSTERNCTL, "--config", server.config, "faulty", "copy", *arguments],
            cwd=folder, env=server.environment, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode in (1, 2) and word in done.stderr, (arguments, done)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def with_server():
    with postern.Server(BOTH) as server:
        commands(server)
        files(server)
        status = {row["name"]: row["value"] for row in server.posternctl("status", json=True)}
        assert int(status["worker"]) == server.worker_pid
        assert int(status["supervisor"]) == server.process.pid
        assert [row["state"] for row in server.posternctl("plugins", json=True)] == ["running"] * 2
        metrics = server.posternctl("metrics").stdout
        assert "# TYPE postern_sessions gauge" in metrics, metrics
        assert metrics.endswith("\n") and "\n\n" not in metrics
        server.posternctl("log-level", "error")
        assert server.posternctl("log-level", json=True) == [{"level": "error"}]
        assert server.posternctl("log-level", "loud", check=False).returncode == 2
        server.posternctl("faulty", "slow", 5)


def without_server():
    server = postern.Server(BOTH)
    try:
        commands(server)
        files(server)
        for command in ("status", "reload", "faulty slow"):
            done = server.posternctl(*command.split(), check=False)
            assert done.returncode == 3 and "needs a running server" in done.stderr, done
        server.configure({"plugin faulty": {"nonsense": 1}})
        done = server.posternctl("faulty", "now", check=False)
        assert done.returncode == 1 and "nonsense" in done.stderr, done
        server.configure({"plugin faulty": {"nonsense": None, "fault": "fail", "place": "start"}})
        done = server.posternctl("faulty", "now", check=False)
        assert done.returncode == 1 and "cannot be started" in done.stderr, done
        # Another plugin's command does not need it.
        server.configure({"plugin faulty": {"fault": "crash", "place": "start"}})
        done = server.posternctl("faulty", "now", check=False)
        assert done.returncode == 1, done
        assert "crashed" in done.stderr or "Sanitizer" in done.stderr, done
        done = server.posternctl("--socket", "/nowhere/control.sock", "status", check=False)
        assert done.returncode == 3, done
    finally:
        server.close()


def stays_through_a_new_worker():
    """A command that runs when the worker is to be replaced ends first."""
    with postern.Server(BOTH) as server:
        slow = subprocess.Popen(
            [postern.POSTERNCTL, "--config", server.config, "faulty", "slow", "100"],
            env=server.environment, stderr=subprocess.PIPE, text=True)
        server.wait_log("server.serving")
        while server.posternctl("status").returncode:
            pass
        server.configure({"plugin echo": {"greeting": "x"}})
        server.reload()
        assert slow.wait() == 0, slow.stderr.read()
        slow.stderr.close()


def frame(kind, *fields):
    data = kind + b"".join(field + b"\0" for field in fields)
    return struct.pack(">I", len(data)) + data


def hostile_clients():
    with postern.Server(BOTH) as server:
        for data in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"GET / HTTP/1.0\r\n\r\n",
                     frame(b"R"), frame(b"R", b"no such"), frame(b"F", b"0", b""),
                     struct.pack(">I", 5) + b"Rabcd", frame(b"L") * 1000,
                     frame(b"R", b"faulty rows", b"100000") * 20,
                     frame(b"R", b"x", *[b"a"] * 300)):
            for cut in (len(data), len(data) // 2):
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(0.05)
                    sock.connect(server.control)
                    sock.sendall(data[:cut])
                    try:
                        sock.recv(65536)
                        sock.recv(65536)
                    except (TimeoutError, ConnectionResetError):
                        pass
        # One octet at a time.
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(server.control)
            for octet in frame(b"R", b"status"):
                sock.sendall(bytes([octet]))
            assert b"E0\0\0" in receive_until(sock, b"E0\0\0")
        # A reader that does not read: the command waits, and is cancelled by its end.
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(server.control)
            sock.sendall(frame(b"R", b"faulty rows", b"10000000"))
            server.posternctl("status")
        server.posternctl("status")
        assert server.logged("worker.crashed") == []


def receive_until(sock, end):
    data = b""
    while end not in data:
        got = sock.recv(65536)
        assert got, data
        data += got
    return data


def who_may():
    if os.geteuid() != 0:
        print("    not root: permissions are not tried")
        return
    with postern.Server(BOTH) as server:
        assert os.stat(server.control).st_mode & 0o777 == 0o600
        os.chmod(server.control, 0o666)  # even then: the server asks the kernel who it is
        done = subprocess.run(
            [postern.POSTERNCTL, "--config", server.config, "--socket", server.control, "status"],
            env=server.environment, user=65534, group=65534, extra_groups=[],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode != 0 and "control_group" in done.stderr, done
    with postern.Server(postern.merge(BOTH, {"server": {"control_group": "nogroup"}})) as server:
        assert os.stat(server.control).st_mode & 0o777 == 0o660
        for groups in ({"group": 65534, "extra_groups": []}, {"group": 1, "extra_groups": [65534]}):
            subprocess.run(
                [postern.POSTERNCTL, "--socket", server.control, "status"], user=1, **groups,
                env=server.environment, stdout=subprocess.DEVNULL, check=True)
        done = subprocess.run(
            [postern.POSTERNCTL, "--socket", server.control, "status"], user=1, group=1,
            extra_groups=[], env=server.environment, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 3 and "not allowed" in done.stderr, done


if __name__ == "__main__":
    postern.reachable_build()
    postern.run(with_server, without_server, stays_through_a_new_worker, hostile_clients, who_may)
