#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and posternctl reload: what can be changed in place is, else the worker is replaced while
clients wait; a wrong configuration changes nothing."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern


def say(sock, line):
    sock.sendall(line + b"\r\n")


def in_place():
    """Listener settings, limits, new and gone listeners: sessions live on."""
    with postern.Server(postern.merge(postern.ECHO, {
            "listener gone": {"protocol": "echo", "address": "auto"}})) as server:
        worker = server.worker_pid
        with server.connect("echo") as old:
            reader = postern.lines(old)
            assert reader.readline() == b"HELLO\r\n"
            gone = server.port("gone")
            server.configure({"listener echo": {"prefix": "new:"}, "listener gone": None,
                              "listener more": {"protocol": "echo", "address": "auto"},
                              "server": {"max_connections": 77}})
            server.reload()
            assert server.worker_pid == worker, server.tail()
            say(old, b"old session")
            assert reader.readline() == b"old session\r\n"  # its settings stay its own
        with server.connect("echo") as sock:
            reader = postern.lines(sock)
            reader.readline()
            say(sock, b"x")
            assert reader.readline() == b"new:x\r\n"
        with server.connect("more") as sock:
            assert postern.lines(sock).readline() == b"HELLO\r\n"
        server._ports["gone"] = gone
        try:
            server.connect("gone").close()
            assert False, "a listener that is gone still listens"
        except ConnectionRefusedError:
            pass


def replaces_worker():
    """The plugin has no reload: a new worker; who connects meanwhile waits and is served."""
    with postern.Server(postern.ECHO) as server:
        worker = server.worker_pid
        stop = threading.Event()
        failures, served = [], []

        def client():
            while not stop.is_set():
                begin = time.monotonic()
                try:
                    with server.connect("echo") as sock:
                        reader = postern.lines(sock)
                        greeting = reader.readline()
                        if greeting == b"STOPPING\r\n":
                            continue
                        say(sock, b"QUIT")
                        reader.readline()
                        served.append((time.monotonic() - begin, begin, greeting))
                except OSError as error:
                    failures.append(error)

        threads = [threading.Thread(target=client, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        with server.connect("echo") as idle:
            reader = postern.lines(idle)
            assert reader.readline() == b"HELLO\r\n"
            server.configure({"plugin echo": {"greeting": "WELCOME"}})
            begin = time.monotonic()
            server.posternctl("reload")
            assert reader.readline() == b"STOPPING\r\n"
            replaced = time.monotonic()
            print("    replaced in %.2f s" % (replaced - begin))
        assert server.worker_pid != worker
        ends = replaced + postern.TIMEOUT
        while not any(begin > replaced for _, begin, _ in list(served)):
            assert time.monotonic() < ends, "nobody is served any more"
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        assert not [f for f in failures if isinstance(f, ConnectionRefusedError)], failures
        assert {greeting for _, begin, greeting in served
                if begin > replaced} == {b"WELCOME\r\n"}, served[-5:]
        print("    longest wait of %d clients: %.2f s" % (len(served), max(served)[0]))


def refuses_errors():
    with postern.Server(postern.ECHO) as server:
        worker = server.worker_pid
        server.configure({"plugin echo": {"nonsense": "1"}, "server": {"drain_time": "soon"}})
        server.reload()
        assert server.worker_pid == worker
        server.wait_log("config.refused")
        text = "\n".join(line.get("error") or "" for line in server.logged("config.error"))
        assert "nonsense" in text and "drain_time" in text, text
        done = server.posternctl("reload", check=False)
        assert done.returncode == 1 and "nonsense" in done.stderr and "drain_time" in done.stderr, done
        done = server.posternctl("check-config", check=False)
        assert done.returncode == 1 and "nonsense" in done.stdout, done
        server.configure({"plugin echo": {"nonsense": None}, "server": {"drain_time": "5s"}})
        assert server.posternctl("check-config").returncode == 0
        server.posternctl("reload")
        # A port that is taken: nothing changes either.
        with postern.Server(postern.ECHO) as other:
            server.configure({"listener taken": {
                "protocol": "echo", "address": "127.0.0.1:%d" % other.port("echo")}})
            done = server.posternctl("reload", check=False)
            assert done.returncode == 1 and "in use" in done.stderr, done
        with server.connect("echo") as sock:
            assert postern.lines(sock).readline() == b"HELLO\r\n"


def conf_d():
    with postern.Server(postern.ECHO, conf_d={
            "10-greeting.conf": {"plugin echo": {"greeting": "FROM CONF.D"}}}) as server:
        with server.connect("echo") as sock:
            assert postern.lines(sock).readline() == b"FROM CONF.D\r\n"


def many_reloads():
    with postern.Server(postern.ECHO) as server:
        for number in range(5):
            server.configure({"plugin echo": {"greeting": "G%d" % number}})
            server.reload()
            with server.connect("echo") as sock:
                assert postern.lines(sock).readline() == b"G%d\r\n" % number


if __name__ == "__main__":
    postern.run(in_place, replaces_worker, refuses_errors, conf_d, many_reloads)
