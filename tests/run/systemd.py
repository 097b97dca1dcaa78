#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What systemd sees: READY, RELOADING, STOPPING, WATCHDOG; and what it hands over: sockets."""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern


def told(server, **fields):
    return [s for s in server.status if all(s.get(k) == v for k, v in fields.items())]


def states():
    with postern.Server(postern.ECHO) as server:
        assert told(server, READY="1", MAINPID=str(server.process.pid)), server.status
        for configuration in ({"greeting": "x"}, {"nonsense": "x"}):
            before = time.monotonic_ns() // 1000
            server.configure({"plugin echo": configuration})
            server.reload()
            reloading = told(server, RELOADING="1")[-1]
            assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert server.status.index(reloading) < server.status.index(told(server, READY="1")[-1])
        assert "refused" in told(server, READY="1")[-1]["STATUS"]
        assert server.stop() == 0
        assert told(server, STOPPING="1"), server.status


def watchdog():
    server = postern.Server(postern.ECHO)
    server.environment["WATCHDOG_USEC"] = "600000"
    with server:
        # Every 300 ms: in time if the machine is idle, and not ten times as late if it is not.
        server._wait(lambda: len(told(server, WATCHDOG="1")) >= 4, 12, "WATCHDOG=1, four times")
        with open("/proc/%d/environ" % server.worker_pid, "rb") as file:
            assert b"NOTIFY_SOCKET" not in file.read()
    del server.environment["WATCHDOG_USEC"]


def activation():
    """A socket that is handed over is used, not opened anew."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(10)
        port = listening.getsockname()[1]
        server = postern.Server(postern.merge(postern.ECHO, {
            "listener echo": {"address": "127.0.0.1:%d" % port}}))
        with socket.create_connection(("127.0.0.1", port), postern.TIMEOUT) as early:
            script = 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"' % listening.fileno()
            process = subprocess.Popen(
                ["bash", "-c", script, "bash", postern.POSTERND, "--config", server.config],
                env=server.environment, pass_fds=[listening.fileno()], stderr=subprocess.DEVNULL)
            try:
                # It came before the server did.
                assert postern.lines(early).readline() == b"HELLO\r\n"
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(postern.TIMEOUT)
                server.close()


if __name__ == "__main__":
    postern.run(states, watchdog, activation)
