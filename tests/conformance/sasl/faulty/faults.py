# SPDX-License-Identifier: Apache-2.0
"""The negative controls of the kit for mechanisms: for each rule a mechanism that breaks it, and the
kit must say that this rule fails.

    faults.py KIT FAULTY GOOD FAULT-LIST [RULE]... -- OPTION...

The options are what the good mechanism needs."""

import json
import os
import subprocess
import sys

LIMIT = 90  # seconds of a rule


def rows(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LIMIT * 4, check=False, **more)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def main():
    at = sys.argv.index("--")
    kit, faulty, good, fault_list = sys.argv[1:5]
    only, options = sys.argv[5:at], sys.argv[at + 1:]
    environment = dict(os.environ, FAULTY_SASL=good)
    command = [kit, "sasl", faulty, "--json", "--seconds", str(LIMIT)] + options
    rules = [row["rule"] for row in rows([kit, "sasl", "--list", "--json"])]
    listed = subprocess.run([fault_list], stdout=subprocess.PIPE, check=True).stdout.decode()
    faults = dict(line.split("\t", 1) for line in listed.splitlines())
    wrong = ["%s: a fault, and no such rule" % rule for rule in sorted(set(faults) - set(rules))]
    wrong += ["%s: no fault breaks it, so nobody knows whether the rule can see" % rule
              for rule in sorted(set(rules) - set(faults))]
    if not only:  # the controls mean something only if nothing is wrong without them
        wrong += ["without a fault: %s" % row for row in
                  rows(command + ["--set", "fault=none"], env=environment)
                  if row.get("verdict") == "failed"]
    chosen = [rule for rule in rules if rule in faults and (not only or rule in only)]
    for rule in chosen:
        found = [row for row in rows(command + ["--only", rule, "--set", "fault=" + rule],
                                     env=environment) if row.get("rule") == rule]
        verdict, text = (found[0]["verdict"], found[0]["text"]) if found else ("nothing", "")
        if only:
            print("%s (%s): %s %s" % (rule, faults[rule], verdict, text))
        if verdict == "cannot-run" and "sanitizer" in text:
            print("%s: %s, so it is seen in builds without one" % (rule, text))
        elif verdict != "failed":
            wrong.append("%s: the mechanism breaks it (%s) and the kit says %s %s"
                         % (rule, faults[rule], verdict, text))
        elif "hangs" in text:
            wrong.append("%s: found only by its limit of time: %s" % (rule, text))
    print("%d faults, %d rules" % (len(chosen), len(rules)))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
