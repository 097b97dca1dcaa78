# SPDX-License-Identifier: Apache-2.0
"""memory.py - looks for octets in the memory of a running process.

    for found in memory.find(server.worker_pid, {"head": b"..."}):
        print(found.name, found)       # which needle, in which mapping, and what stands around it

Only pages that the process can write and that are there are read: heaps, stacks, anonymous memory,
data of libraries.  Its threads run meanwhile, so what is being moved may be missed: look again.
"""

import os
import struct

PAGE = os.sysconf("SC_PAGESIZE")
CHUNK = 1 << 22
SHADOW = 1 << 40  # mappings of this size are a sanitizer's own tables


class Found:
    def __init__(self, name, address, mapping, around):
        self.name, self.address, self.mapping, self.around = name, address, mapping, around

    def __repr__(self):
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in self.around)
        return "%s at %x in %s: %s" % (self.name, self.address, self.mapping or "anonymous", text)


def _mappings(pid):
    with open("/proc/%d/maps" % pid, encoding="utf-8", errors="replace") as maps:
        for line in maps:
            words = line.split(None, 5)
            first, end = (int(word, 16) for word in words[0].split("-"))
            name = words[5].strip() if len(words) > 5 else ""
            if words[1][:2] == "rw" and end - first < SHADOW and not name.startswith("/dev/"):
                yield first, end, name


def _present(pagemap, first, end):
    """Runs of pages that are in memory or in swap."""
    begin = None
    for part in range(first, end, CHUNK * 64):
        part_end = min(part + CHUNK * 64, end)
        count = (part_end - part) // PAGE
        entries = os.pread(pagemap, count * 8, part // PAGE * 8)
        for index, entry in enumerate(struct.unpack("<%dQ" % (len(entries) // 8), entries)):
            if entry >> 62:
                if begin is None:
                    begin = part + index * PAGE
            elif begin is not None:
                yield begin, part + index * PAGE
                begin = None
    if begin is not None:
        yield begin, end


def _search(octets, base, needles, fresh, name):
    for what, needle in needles.items():
        at = octets.find(needle)
        while at >= 0:
            if at + len(needle) > fresh:  # not only in what the chunk before had too
                yield Found(what, base + at, name, octets[max(0, at - 48):at + len(needle) + 48])
            at = octets.find(needle, at + 1)


def find(pid, needles):
    """needles: {name: octets}.  A list of Found; [] also if the process is gone."""
    found = []
    longest = max(len(needle) for needle in needles.values())
    try:
        memory = os.open("/proc/%d/mem" % pid, os.O_RDONLY)
        pagemap = os.open("/proc/%d/pagemap" % pid, os.O_RDONLY)
    except FileNotFoundError:
        return found
    try:
        for first, end, name in _mappings(pid):
            for begin, stop in _present(pagemap, first, end):
                kept = b""
                for at in range(begin, stop, CHUNK):
                    try:
                        octets = os.pread(memory, min(CHUNK, stop - at), at)
                    except OSError:  # it was unmapped
                        break
                    found += _search(kept + octets, at - len(kept), needles, len(kept), name)
                    kept = octets[-longest:]
    finally:
        os.close(memory)
        os.close(pagemap)
    return found
