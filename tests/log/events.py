# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the log is documented: every event that the sources can write stands in
host/log/EVENTS.md (the host's) or in the README of its plugin."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A level, and the first word with a dot that follows it within the same call.
CALL = re.compile(r'PTN_LOG_[A-Z]+[^;"]*"([a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+)"')


def written(folder):
    """Event -> the file that writes it."""
    found = {}
    for path in glob.glob(os.path.join(ROOT, folder, "**", "*.c"), recursive=True):
        if "/tests/" in path or "/fuzz/" in path or "/bench/" in path:
            continue
        with open(path, encoding="utf-8") as source:
            for event in CALL.findall(source.read()):
                found.setdefault(event, os.path.relpath(path, ROOT))
    return found


def main():
    undocumented, count = [], 0
    folders = {"host": "host/log/EVENTS.md"}
    for plugin in sorted(glob.glob(os.path.join(ROOT, "plugins", "*", "meson.build"))):
        folder = os.path.relpath(os.path.dirname(plugin), ROOT)
        folders[folder] = os.path.join(folder, "README.md")
    for folder, document in folders.items():
        events = written(folder)
        count += len(events)
        path = os.path.join(ROOT, document)
        text = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        undocumented += [f"{event} ({where}) is not in {document}"
                         for event, where in sorted(events.items()) if f"`{event}`" not in text]
    assert count > 50, f"only {count} events found: the test saw nothing"
    if undocumented:
        sys.exit("\n".join(undocumented))
    print(count, "events, all documented")


if __name__ == "__main__":
    main()
