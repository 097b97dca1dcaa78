# SPDX-License-Identifier: Apache-2.0
"""The seed of a test that leaves something to chance, printed so that it can be repeated:
POSTERN_SEED if that is set; another one each time with POSTERN_TEST_LONG=1; else always the same,
because what a change has to pass is not to be luck."""

import os
import random


def of_run():
    """As text."""
    seed = os.environ.get("POSTERN_SEED")
    if not seed:
        seed = str(random.randrange(1 << 30)) if os.environ.get("POSTERN_TEST_LONG") else "20261122"
    print("POSTERN_SEED=" + seed, flush=True)
    return seed
