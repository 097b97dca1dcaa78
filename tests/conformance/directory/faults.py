# SPDX-License-Identifier: Apache-2.0
"""The negative controls of the directory kit: for each rule a directory that breaks it, and the kit must
say that this rule fails.  A rule without a fault must stand in WITHOUT, which can only become shorter.

    faults.py KIT FAULTY GOOD FAULT-LIST [RULE]...
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import people

# Rules that no fault breaks yet.
WITHOUT = set()
LIMIT = 40  # seconds of a rule


def run(kit, faulty, good, options, rule, fault):
    """The rows of the kit about a rule, or all of them, on the directory with that fault."""
    command = [kit, "directory", faulty, "--json", "--seconds", str(LIMIT), "--set",
               "fault=" + fault] + options + (["--only", rule] if rule else [])
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=dict(os.environ, FAULTY_DIRECTORY=good), timeout=LIMIT + 120)
    rows = [json.loads(line) for line in result.stdout.decode().splitlines()]
    rows = [row for row in rows if "rule" in row]
    return rows or [{"rule": rule, "verdict": "nothing", "text": result.stderr.decode()}]


def main():
    kit, faulty, good, fault_list = sys.argv[1:5]
    only = set(sys.argv[5:])
    listed = subprocess.run([kit, "directory", "--list", "--json"], stdout=subprocess.PIPE,
                            check=True, timeout=60).stdout.decode()
    rules = [json.loads(line)["rule"] for line in listed.splitlines()]
    faults = dict(line.split("\t", 1) for line in subprocess.run(
        [fault_list], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode().splitlines())
    wrong = []
    assert len(set(rules)) == len(rules), "two rules have one id"
    for rule in sorted(set(faults) - set(rules)):
        wrong.append(f"{rule}: a fault, and no such rule")
    for rule in sorted(set(rules) - set(faults) - WITHOUT):
        wrong.append(f"{rule}: no fault breaks it, so nobody knows whether the rule can see")
    for rule in sorted(WITHOUT & set(faults) | WITHOUT - set(rules)):
        wrong.append(f"{rule}: stands in WITHOUT, and need not any more")
    with tempfile.TemporaryDirectory() as folder:
        options = people.of_file(people.write(folder))
        if not only:  # the controls mean something only if nothing is wrong without them
            for row in run(kit, faulty, good, options, None, "none"):
                if row["verdict"] not in ("passed", "not-declared"):
                    wrong.append(f"without a fault: {row}")
        chosen = [rule for rule in rules if rule in faults and (not only or rule in only)]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(
                lambda rule: run(kit, faulty, good, options, rule, rule)[0], chosen))
    for rule, row in zip(chosen, found):
        if row["verdict"] != "failed":
            wrong.append(f"{rule}: the directory breaks it ({faults[rule]}) and the kit says {row}")
        elif "hangs" in row["text"]:
            wrong.append(f"{rule}: found only by its limit of time: {row['text']}")
        elif only:
            print(f"{rule} ({faults[rule]}): {row['text']}")
    print(f"{len(chosen)} faults, {sum(row['verdict'] == 'failed' for row in found)} found")
    for text in wrong:
        print(text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
