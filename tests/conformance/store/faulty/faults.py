# SPDX-License-Identifier: Apache-2.0
"""The kit's own negative controls: for each rule a store that breaks it, and the kit must say that
this rule fails.  A rule without a fault must stand in WITHOUT, which can only become shorter.

    faults.py KIT FAULTY GOOD FAULT-LIST [RULE]...
    faults.py KIT FAULTY GOOD --killed

The second form takes a durable store that acknowledges what it does not keep: each of these faults
must be seen by the rule that kills it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Rules that no fault breaks yet.
WITHOUT = set()
# Acknowledged, and not kept: nobody can tell before the store is killed.
FORGETS = ["mailbox.subscribe", "quota.limits", "special-use.set", "rights.entries", "token.once",
           "vanished.expunged"]
LIMIT = 90  # seconds of a rule
TRIES = 8   # of a rule that meets its fault by chance


def lines(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    return result.stdout.decode().splitlines()


def run(kit, faulty, good, rule, fault):
    """What the kit says of a rule on the store with that fault: (verdict, text)."""
    command = [kit, "store", faulty, "--json", "--undeclared", "--only", rule, "--seconds",
               str(LIMIT), "--set", "fault=" + fault]
    environment = dict(os.environ, FAULTY_STORE=good)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment, timeout=LIMIT + 20)
    for line in result.stdout.decode().splitlines():
        row = json.loads(line)
        if row.get("rule") == rule:
            assert (row["verdict"] == "failed") == (result.returncode == 1), row
            return row["verdict"], row["text"]
    return "nothing", result.stderr.decode()


def killed(kit, faulty, good):
    """What is forgotten must be found, and nothing when nothing is.  Whether a run of the rule has
    something at stake when it kills is chance (a token counts only if it is used again just then):
    it has several tries to find it."""
    wrong = []
    for fault in ["none"] + FORGETS:
        for _ in range(1 if fault == "none" else TRIES):
            verdict, text = run(kit, faulty, good, "kill.acknowledged", fault)
            print(f"{fault}: {verdict} {text}")
            if verdict != "passed":
                break
        if verdict != ("passed" if fault == "none" else "failed") or "hangs" in text:
            wrong.append(fault)
    sys.exit(1 if wrong else 0)


def main():
    kit, faulty, good, fault_list = sys.argv[1:5]
    if fault_list == "--killed":
        killed(kit, faulty, good)
    only = set(sys.argv[5:])
    rules = [json.loads(line)["rule"] for line in lines([kit, "--list", "--json"])]
    faults = dict(line.split("\t", 1) for line in lines([fault_list]))
    wrong = []
    assert len(set(rules)) == len(rules), "two rules have one id"
    for rule in sorted(set(faults) - set(rules)):
        wrong.append(f"{rule}: a fault, and no such rule")
    for rule in sorted(set(rules) - set(faults) - WITHOUT):
        wrong.append(f"{rule}: no fault breaks it, so nobody knows whether the rule can see")
    for rule in sorted(WITHOUT & set(faults) | WITHOUT - set(rules)):
        wrong.append(f"{rule}: stands in WITHOUT, and need not any more")
    if not only:  # the controls mean something only if nothing is wrong without them
        command = [kit, "store", faulty, "--json", "--set", "fault=none"]
        result = subprocess.run(command, env=dict(os.environ, FAULTY_STORE=good),
                                stdout=subprocess.PIPE, timeout=200)
        for line in result.stdout.decode().splitlines():
            if json.loads(line).get("verdict") == "failed":
                wrong.append("without a fault: " + line)
    chosen = [rule for rule in rules if rule in faults and (not only or rule in only)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda rule: run(kit, faulty, good, rule, rule), chosen))
    for rule, (verdict, text) in zip(chosen, found):
        if verdict != "failed":
            wrong.append(f"{rule}: the store breaks it ({faults[rule]}) and the kit says "
                         f"{verdict} {text}")
        elif "hangs" in text:
            wrong.append(f"{rule}: found only by its limit of time: {text}")
        elif only:
            print(f"{rule} ({faults[rule]}): {text}")
    seen = sum(verdict == "failed" for verdict, _ in found)
    print(f"{len(chosen)} faults, {seen} found")
    for text in wrong:
        print(text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
