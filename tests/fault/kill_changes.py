# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a loop, under changes of all kinds: deliveries, appends, flags, keywords, copies, moves,
expunges, mailboxes made, renamed and removed, by 32 clients over store-drive.

The clients live in other processes and go on through all the kills.  After each start every client
compares all its accounts with what was acknowledged: see tests/support/changer.py.  Checkpoints,
segments and compaction are made to happen all the time.

POSTERN_TEST_LONG=1: 500 kills instead of 12.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import changer  # noqa: E402
import drive  # noqa: E402
import seed as seeds  # noqa: E402

KILLS = 500 if os.environ.get("POSTERN_TEST_LONG") else 12
CLIENTS = 32
RESTLESS = {"shards": 3, "segment_size": "256 KiB", "checkpoint_records": 300, "reserve": "1 MiB",
            "compact": 20, "compact_pause": "50ms", "base_gain": 0}


def main():
    seed = seeds.of_run()
    chance = random.Random(seed)
    with drive.server(**RESTLESS) as server:
        with changer.Group(server, CLIENTS, seed, big=0.003, look_every=20) as group:
            for _ in range(KILLS):
                time.sleep(chance.choice((chance.uniform(0.02, 0.3), chance.uniform(0.2, 1.5))))
                server.kill9()
                server.start()
                group.check()
            time.sleep(3)  # all compare once more
            group.check()
        server.restart()
        with changer.Group(server, 1, seed, prefix="after") as _:
            time.sleep(0.5)
    assert group.looks > KILLS and group.commands > KILLS, "the clients did next to nothing"
    print(f"{KILLS} kills, {group.commands} commands acknowledged, compared {group.looks} times")


if __name__ == "__main__":
    main()
