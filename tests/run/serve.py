#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starts, serves, stops; refuses what is wrong; leaves nothing behind."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern


def echo(server, line=b"hello", listener="echo", tls=False):
    with server.connect(listener, tls=tls) as sock:
        reader = postern.lines(sock)
        greeting = reader.readline()
        sock.sendall(line + b"\r\nQUIT\r\n")
        return greeting, reader.readline(), reader.readline(), reader.readline()


def serves_and_stops():
    with postern.Server(postern.merge(postern.ECHO, {
            "listener tls": {"protocol": "echo", "address": "auto", "tls": "implicit",
                             "prefix": "tls:"},
            "listener unix": {"protocol": "echo", "address": "unix:auto"}}), tls=True) as server:
        assert echo(server) == (b"HELLO\r\n", b"hello\r\n", b"BYE\r\n", b"")
        assert echo(server, listener="tls", tls=True)[1] == b"tls:hello\r\n"
        assert echo(server, listener="unix")[1] == b"hello\r\n"
        assert server.worker_pid
        pid = server.process.pid
        with open(os.path.join(server.run, "posternd.pid"), encoding="ascii") as file:
            assert int(file.read()) == pid
        assert server.stop() == 0
        assert not os.path.exists(server.control)
        assert not os.path.exists(server.path("unix"))


def starts_fast():
    with postern.Server(postern.ECHO) as server:
        server.stop()
        bound = best = 0.9 * postern.SLOW
        for _ in range(20):  # the best of them: others use the machine too
            begin = time.monotonic()
            server.start()
            best = min(best, time.monotonic() - begin)
            server.stop()
            if best < bound:
                break
        assert best < bound, best
        print("    start to serving: %.0f ms" % (best * 1000))


def all_errors_at_once():
    done = postern.check({
        "server": {"max_conections": 5, "drain_time": "soon"},
        "plugin echo": {"greting": "x"},
        "plugin nowhere": {},
        "listener echo": {"protocol": "echo", "address": "127.0.0.1:0", "tls": "implicit"}})
    assert done.returncode == 1, done
    for word in ("max_conections", "drain_time", "greting", "nowhere", "postern.conf:"):
        assert word in done.stdout + done.stderr, (word, done.stdout, done.stderr)


def refuses_to_start(configuration, *words):
    server = postern.Server(configuration)
    try:
        server.start(wait=False)
        assert server.wait_exit() == 1
        text = "\n".join(server.raw_log)
        for word in words:
            assert word in text, (word, text)
    finally:
        server.close()


def wrong_configurations():
    refuses_to_start(postern.merge(postern.ECHO, {"server": {"nonsense": 1}}), "nonsense")
    refuses_to_start(postern.merge(postern.ECHO, {"listener echo": {"tls": "implicit"}}),
                     "certificate")
    refuses_to_start(postern.merge(postern.ECHO, {"server": {"control_group": "no-such-group"}}),
                     "no-such-group")
    with postern.Server(postern.ECHO) as first:  # its port is taken
        refuses_to_start({"plugin echo": {}, "listener echo": {
            "protocol": "echo", "address": "127.0.0.1:%d" % first.port("echo")}}, "in use")
        second = postern.Server(postern.merge(postern.ECHO, {
            "server": {"run_directory": first.run}}))
        second.start(wait=False)
        assert second.wait_exit() == 1
        assert "another server" in "\n".join(second.raw_log)
        second.close()
        assert echo(first)[1] == b"hello\r\n"  # the first was not disturbed


def stale_socket_is_replaced():
    with postern.Server(postern.merge(postern.ECHO, {
            "listener unix": {"protocol": "echo", "address": "unix:auto"}})) as server:
        server.kill9()
        assert os.path.exists(server.control) and os.path.exists(server.path("unix"))
        server.start()
        assert echo(server, listener="unix")[1] == b"hello\r\n"


def worker_follows_supervisor():
    with postern.Server(postern.ECHO) as server:
        worker = server.worker_pid
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        ends = time.monotonic() + postern.TIMEOUT
        while postern.alive(worker):
            assert time.monotonic() < ends, "the worker outlives its supervisor"
            time.sleep(0.02)
        server._finish()


def drains():
    with postern.Server(postern.ECHO) as server:
        with server.connect("echo") as slow, server.connect("echo") as idle:
            slow_lines, idle_lines = postern.lines(slow), postern.lines(idle)
            assert slow_lines.readline() == idle_lines.readline() == b"HELLO\r\n"
            server.process.send_signal(signal.SIGTERM)
            assert idle_lines.readline() == b"STOPPING\r\n"
            assert idle_lines.readline() == b""
        assert server.wait_exit() == 0


def second_signal_ends_at_once():
    with postern.Server(postern.merge(postern.ECHO, {
            "server": {"drain_time": "60s"},
            "plugin faulty": {"fault": "hang", "place": "stop"}})) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_log("server.stopping")
        ends = time.monotonic() + postern.TIMEOUT
        while server.process.poll() is None:  # the third kills what hangs in stop
            assert time.monotonic() < ends, "signals do not end it"
            server.process.send_signal(signal.SIGTERM)  # two at a time may be one
            time.sleep(0.2)
        assert server.wait_exit() == 0
        # And not the time that the second one sets.
        assert not server.logged("worker.kill"), server.logged("worker.kill")


def command_line():
    done = subprocess.run([postern.POSTERND, "--version"], stdout=subprocess.PIPE, text=True,
                          check=True)
    assert done.stdout.startswith("posternd "), done.stdout
    assert subprocess.run([postern.POSTERND, "--nonsense"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 2
    assert subprocess.run([postern.POSTERND, "--config"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 2
    done = subprocess.run([postern.POSTERND, "--describe", "echo"], stdout=subprocess.PIPE,
                          text=True, env=postern.environment(), check=True)
    assert "greeting" in done.stdout and "prefix" in done.stdout, done.stdout
    done = subprocess.run([postern.POSTERND, "--config", "/nowhere/postern.conf"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "/nowhere/postern.conf" in done.stderr, done


if __name__ == "__main__":
    postern.run(serves_and_stops, starts_fast, all_errors_at_once, wrong_configurations,
                stale_socket_is_replaced, worker_follows_supervisor, drains,
                second_signal_ends_at_once, command_line)
