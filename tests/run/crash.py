#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins that crash, hang, abort or fail, in configure, in start, in a command's step, in a thread
of their own; required and not (DESIGN: a plugin that is not required takes nobody along)."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern


def faulty(fault, place, required, **more):
    return postern.merge(postern.ECHO, {
        # Short only for what hangs: a busy machine may need a second for any start.
        "server": {"start_time": "2s" if fault == "hang" else None},
        "plugin faulty": dict({"fault": fault, "place": place, "required": required}, **more)})


def state_of(server, plugin="faulty"):
    rows = server.posternctl("plugins", json=True)
    return next(row for row in rows if row["plugin"] == plugin)


def echoes(server):
    with server.connect("echo") as sock:
        reader = postern.lines(sock)
        assert reader.readline() == b"HELLO\r\n"
        sock.sendall(b"still here\r\n")
        return reader.readline() == b"still here\r\n"


def left_out(fault, place, *words):
    with postern.Server(faulty(fault, place, False)) as server:
        if place == "thread":  # in start, or soon after and then for the third time
            server.wait_log("plugin.left-out", name="faulty")
        assert echoes(server)
        row = state_of(server)
        assert row["state"] in ("left out", "failed"), row
        for word in words:
            assert word in row["reason"], row
        metrics = server.posternctl("metrics").stdout
        assert 'postern_plugin_up{plugin="faulty"} 0' in metrics, metrics


def not_required_in_start():
    left_out("crash", "start", "crashed", "SIGSEGV", "start")
    left_out("abort", "start", "SIGABRT")
    left_out("fail", "start", "start failed")
    left_out("exit", "start", "ended with code 7")
    left_out("hang", "start", "hung", "start")
    left_out("overflow", "start", "SIGSEGV")


def not_required_in_thread():
    left_out("crash", "thread", "SIGSEGV")


def gives_up(fault, place, code, *words):
    server = postern.Server(faulty(fault, place, True))
    try:
        server.start(wait=False)
        assert server.wait_exit() == code, server.tail()
        text = "\n".join(server.raw_log)
        for word in words + ("faulty",):
            assert word in text, (word, text)
    finally:
        server.close()


def required_in_start():
    gives_up("crash", "start", 3, "SIGSEGV", "server.gave-up")
    gives_up("abort", "start", 3, "SIGABRT", "server.gave-up")
    gives_up("hang", "start", 3, "hung", "server.gave-up")
    gives_up("fail", "start", 1, "start failed")


def in_configure():
    """--check runs it in a child of its own: the server does not start, and says whose fault it
    is; one that is not required is left out."""
    gives_up("fail", "configure", 1, "configure failed")
    gives_up("crash", "configure", 1, "faulty")


def crash_in_step(required):
    with postern.Server(faulty("crash", "command", required)) as server:
        server.wait_log("server.serving")
        for number in (1, 2):
            worker = server.worker_pid
            seen = len(server.log)
            done = server.posternctl("faulty", "now", check=False)
            assert done.returncode == 1 and "went away" in done.stderr, done
            server.wait_log("plugin.crashed", since=seen, name="faulty", consequence="restart")
            server.wait_log("server.serving", since=seen)
            assert server.worker_pid != worker, number
            assert echoes(server)
        server.posternctl("faulty", "now", check=False)
        if required:
            assert server.wait_exit() == 3
            assert server.logged("server.gave-up", name="faulty")
            return
        server.wait_log("plugin.crashed", name="faulty", consequence="left out")
        assert echoes(server)
        assert "3 times" in state_of(server)["reason"]
        # A reload is a new chance.
        server.reload()
        assert state_of(server)["state"] == "running"
        assert echoes(server)


def step_not_required():
    crash_in_step(False)


def step_required():
    crash_in_step(True)


def killed_worker_comes_back():
    with postern.Server(postern.ECHO) as server:
        for _ in range(3):
            worker = server.worker_pid
            seen = len(server.log)
            os.kill(worker, signal.SIGKILL)
            server.wait_log("worker.crashed", since=seen)
            assert echoes(server)  # waits in the backlog, is not refused
        assert not server.logged("plugin.crashed")


def back_off_grows():
    with postern.Server(postern.ECHO) as server:
        server.wait_log("server.serving")  # READY may be heard before the log of the first start
        waits = []
        for number in range(5):
            worker = server.worker_pid
            seen = len(server.log)
            begin = time.monotonic()
            os.kill(worker, signal.SIGKILL)
            server.wait_log("server.serving", since=seen)
            took = time.monotonic() - begin
            if number:  # the first restart is at once, or nearly
                waits.append(float(server.wait_log("worker.restart", since=seen)["seconds"]))
                assert took >= waits[-1], (took, waits)
        assert all(2 * one == other for one, other in zip(waits, waits[1:])), waits
        assert waits[-1] > 0.5, waits


if __name__ == "__main__":
    postern.run(not_required_in_start, not_required_in_thread, required_in_start, in_configure,
                step_not_required, step_required, killed_worker_comes_back, back_off_grows)
