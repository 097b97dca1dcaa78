#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""upgrade.py PROGRAM MODULE: stores that format 1 wrote open with this version, and say the same.

store-1.tar.xz.b64 holds two stores of two shards, written by version 0.1.0 from the same changes:
one closed, one as a kill left it, and the listing that version made of them (upgrade-list).
"""
import base64
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile


def listing(program, module, path):
    done = subprocess.run([program, module, path, "reserve=0"], capture_output=True, text=True,
                          timeout=120, check=False)
    return done.returncode, done.stdout


def first_line(path):
    with open(os.path.join(path, "STORE"), encoding="utf-8") as file:
        return file.readline().strip()


def set_first_line(path, line):
    name = os.path.join(path, "STORE")
    with open(name, encoding="utf-8") as file:
        lines = file.read().split("\n")
    lines[0] = line
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def expect(condition, text):
    if not condition:
        sys.exit(text)


def main():
    program, module = sys.argv[1:3]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "store-1.tar.xz.b64"), "rb") as file:
        packed = base64.b64decode(file.read())
    folder = tempfile.mkdtemp(prefix="upgrade-")
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as archive:
            archive.extractall(folder)
        with open(os.path.join(folder, "listing.txt"), encoding="utf-8") as file:
            wanted = file.read()
        for name in ("closed", "killed", "half"):
            path = os.path.join(folder, name)
            if name == "half":
                # A kill in the middle of the upgrade: one index is gone, STORE still says 1.
                with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as archive:
                    archive.extractall(path)
                path = os.path.join(path, "killed")
                os.unlink(os.path.join(path, "s00", "CURRENT"))
            expect(first_line(path) == "postern-store 1", f"{name}: not of version 1")
            for start in ("first", "second"):
                status, text = listing(program, module, path)
                expect(status == 0 and text == wanted, f"{name}, {start} start: {text}")
                expect(first_line(path) == "postern-store 2", f"{name}: STORE was not rewritten")
        path = os.path.join(folder, "closed")
        for line in ("postern-store 3", "postern-store 27"):
            set_first_line(path, line)
            status, text = listing(program, module, path)
            expect(status == 1 and "newer" in text and line.split()[1] in text,
                   f"{line} was not refused with a clear text: {text}")
        set_first_line(path, "postern-store 2")
        expect(listing(program, module, path) == (0, wanted), "a refused store has changed")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
