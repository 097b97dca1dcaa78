#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The supervisor sleeps when nothing happens: also when every time limit of a reload has run out.

Long form only (POSTERN_TEST_LONG=1): the limit of a reload's check is two minutes."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

CHECK_TAKES_S = 120  # host/run/supervise_reload.c
WATCHED_S = 10


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    if not os.environ.get("POSTERN_TEST_LONG"):
        postern.skip("waits for more than two minutes; POSTERN_TEST_LONG=1 runs it")
    with postern.Server(postern.ECHO) as server:
        server.configure({"server": {"max_connections": 77}})
        server.posternctl("reload")
        time.sleep(CHECK_TAKES_S + 5)
        before = cpu_seconds(server.process.pid)
        time.sleep(WATCHED_S)
        used = cpu_seconds(server.process.pid) - before
        print("%.2f s of processor time in %d s" % (used, WATCHED_S))
        assert used < WATCHED_S / 20, "the supervisor does not sleep"


if __name__ == "__main__":
    main()
