#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""powerloss.py PROGRAM RECORDER: what is there after the power failed at any moment?

The program runs under the recorder.  Then, for many moments, the test builds what the disk may
hold: of each file everything that was synced and any part, by pages of 4 kB, of what was not; of
names and sizes those that some sync made durable, and some of those after, in order.  The
program opens that, and must find the state after exactly n changes, where n is the number
acknowledged, or one more.  Then the same with all syncs left out: now the test must find damage,
or it could not see any.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

PAGE = 4096
STATES = 600 if os.environ.get("POSTERN_TEST_LONG") else 60


def read_trace(path):
    """A list of (word, inode, offset, data)."""
    operations = []
    with open(path, "rb") as trace:
        while line := trace.readline():
            word, inode, offset, size = line.split()
            data = trace.read(int(size))
            trace.readline()
            operations.append((word.decode(), int(inode), int(offset), data))
    return operations


def number_files(operations):
    """Inode numbers come again after an unlink: gives each file a number of its own."""
    current, count, result = {}, 0, []
    for word, inode, offset, data in operations:
        if word == "create":
            count += 1
            current[inode] = count
        result.append((word, current.get(inode, 0) if inode else 0, offset, data))
    return result


def put(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def set_size(content, size):
    if len(content) > size:
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def build(operations, end, chance, target):
    """The disk when the power fails before operations[end]."""
    synced = {}
    last_sync = 0
    for index in range(end):
        if operations[index][0] == "sync":
            synced[operations[index][1]] = index
            last_sync = index
    metadata = chance.randint(last_sync, end)
    files, names = {}, {}
    keep_some = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    for index in range(end):
        word, number, offset, data = operations[index]
        durable = index < synced.get(number, -1)
        if word == "write":
            content = files.setdefault(number, bytearray())
            if durable:
                put(content, offset, data)
                continue
            at = 0
            while at < len(data):
                part = min(len(data) - at, PAGE - (offset + at) % PAGE)
                if chance.random() < keep_some:
                    put(content, offset + at, data[at:at + part])
                elif index < metadata and len(content) < offset + at + part:
                    set_size(content, offset + at + part)
                at += part
        elif word in ("truncate", "extend"):
            content = files.setdefault(number, bytearray())
            if durable or index < metadata:
                set_size(content, offset if word == "truncate" else max(offset, len(content)))
        elif index >= metadata:
            continue
        elif word == "create":
            names[data.decode()] = number
            files.setdefault(number, bytearray())
        elif word in ("rename", "link", "unlink", "mkdir"):
            source, _, other = data.decode().partition("\0")
            if word == "mkdir":
                os.makedirs(target + source, exist_ok=True)
            elif word == "unlink":
                names.pop(source, None)
            elif source in names:
                names[other] = names[source]
                if word == "rename":
                    del names[source]
    for name, number in names.items():
        os.makedirs(os.path.dirname(target + name), exist_ok=True)
        with open(target + name, "wb") as out:
            out.write(files[number])


def expected(changes):
    """The mail that is there after so many changes."""
    mail, uid, uids = {}, 0, {}
    for number in range(changes):
        if number % 4 == 3:
            mail.pop(uids[number - 3], None)
        else:
            uid += 1
            uids[number] = uid
            mail[uid] = f"{uid} mail {number}"
    return list(mail.values())


def record(program, recorder, folder, mode):
    store = os.path.join(folder, mode)
    trace = os.path.join(folder, mode + ".trace")
    environment = dict(os.environ, LD_PRELOAD=recorder, POWERLOSS_FOLDER=store,
                       POWERLOSS_TRACE=trace)
    subprocess.run([program, "run", store, mode], env=environment, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return store, number_files(read_trace(trace))


def try_states(program, store, operations, folder, states, seed):
    """How many moments led to a wrong state, and the first of them in words."""
    chance = random.Random(seed)
    wrong, first = 0, ""
    for _ in range(states):
        end = chance.randint(1, len(operations))
        acknowledged = sum(1 for op in operations[:end] if op[0] == "mark")
        target = os.path.join(folder, "state")
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target + store)
        build(operations, end, chance, target)
        result = subprocess.run([program, "check", target + store, "nosync"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        found = result.stdout.decode().splitlines()
        if result.returncode != 0 or found not in (expected(acknowledged),
                                                   expected(acknowledged + 1)):
            wrong += 1
            first = first or (f"operation {end} of {len(operations)}, {acknowledged} acknowledged, "
                              f"exit {result.returncode}: {found}")
    return wrong, first


def main():
    program, recorder = sys.argv[1:3]
    seed = int(os.environ.get("POSTERN_SEED", random.randrange(1 << 30)))
    with tempfile.TemporaryDirectory(prefix="powerloss-") as folder:
        store, operations = record(program, recorder, folder, "sync")
        marks = sum(1 for op in operations if op[0] == "mark")
        print(f"{len(operations)} operations, {marks} acknowledged, seed {seed}")
        if marks != 90:
            sys.exit("not everything was acknowledged")
        wrong, first = try_states(program, store, operations, folder, STATES, seed)
        print(f"with syncs: {STATES - wrong} of {STATES} states are right")
        if wrong:
            sys.exit(f"POSTERN_SEED={seed}: {first}")
        store, operations = record(program, recorder, folder, "nosync")
        wrong, _ = try_states(program, store, operations, folder, 20, seed)
        print(f"without: {wrong} of 20 are wrong")
        if wrong == 0:
            sys.exit("the test does not see what it should")


main()
