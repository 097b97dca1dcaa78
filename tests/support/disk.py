# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold when the power fails, made of what a process did to files, as
tests/fault/shell/power-record.c wrote it down: of each file everything that was synced and any
part, by pages, of what was not; of names those that a sync made durable, and some of those after.
"""
import os

PAGE = 4096


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


def number_files(operations, initial):
    """Inode numbers come again after an unlink: gives each file a number of its own.  initial: the
    inodes of files that were there before, by number."""
    current, count, result = {inode: number for number, inode in initial.items()}, len(initial), []
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


def below(root):
    """All files below a folder."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(root)
                  for name in names)


class Disk:
    """What a run has done to a folder, and what may be left of it."""

    def __init__(self, store, trace, initial=None):
        self.store, self.initial = store, initial or {}
        inodes = {number: inode for number, (_, inode, _) in enumerate(self.initial.values(), 1)}
        self.operations = number_files(read_trace(trace), inodes)
        self.names = {operation[1]: os.path.basename(operation[3].decode())
                      for operation in self.operations if operation[0] == "create"}

    @staticmethod
    def content_of(store):
        """For `initial`: {name: (number, inode, octets)}."""
        found = {}
        for number, name in enumerate(below(store), 1):
            with open(name, "rb") as stream:
                found[name] = (number, os.stat(name).st_ino, stream.read())
        return found

    def acknowledged(self, end):
        """The commands that each client was told to be done, before this operation."""
        done = {}
        for word, _, _, data in self.operations[:end]:
            if word == "mark":
                client = int(data.split()[0])
                done[client] = done.get(client, 0) + 1
        return done

    def name_cut(self, end, chance, strict):
        """A function: is this operation on names durable?"""
        last, folders = 0, {}
        for index in range(end):
            word, _, _, data = self.operations[index]
            if word in ("sync", "sync-folder"):
                last = index
            if word == "sync-folder":
                folders[data.decode()] = index
        if not strict:
            cut = chance.randint(last, end)
            return lambda index, name: index < cut

        cuts = {}

        def durable(index, name):
            folder = os.path.dirname(name)
            if folder not in cuts:
                cuts[folder] = chance.randint(folders.get(folder, 0), end)
            return index < cuts[folder]
        return durable

    def build(self, end, chance, target, strict, keep=None):
        """Makes the disk at `target`, when the power fails before operations[end]."""
        synced = {}
        for index in range(end):
            if self.operations[index][0] == "sync":
                synced[self.operations[index][1]] = index
        names_durable = self.name_cut(end, chance, strict)
        sizes_until = chance.randint(0, end)
        if keep is None:
            keep = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        files = {number: bytearray(data) for number, _, data in self.initial.values()}
        names = {name: number for name, (number, _, _) in self.initial.items()}
        for index in range(end):
            word, number, offset, data = self.operations[index]
            durable = index < synced.get(number, -1)
            if word == "write":
                self.write(files.setdefault(number, bytearray()), offset, data, chance,
                           1.0 if durable else keep, index < sizes_until)
            elif word in ("truncate", "extend"):
                content = files.setdefault(number, bytearray())
                if durable or index < sizes_until or keep == 1.0:
                    set_size(content, offset if word == "truncate" else max(offset, len(content)))
            else:
                self.rename(word, number, data, names, files,
                            lambda name, index=index: names_durable(index, name))
        for name, number in sorted(names.items()):
            os.makedirs(os.path.dirname(target + name), exist_ok=True)
            self.make(target + name, number, files)

    @staticmethod
    def make(name, number, files):
        with open(name, "wb") as out:
            out.write(files[number])

    @staticmethod
    def write(content, offset, data, chance, keep, size_kept):
        """Keeps each page with the chance `keep`; the file may be longer than what it has."""
        at = 0
        while at < len(data):
            part = min(len(data) - at, PAGE - (offset + at) % PAGE)
            if keep == 1.0 or (keep and chance.random() < keep):
                put(content, offset + at, data[at:at + part])
            elif size_kept and len(content) < offset + at + part:
                set_size(content, offset + at + part)
            at += part

    @staticmethod
    def rename(word, number, data, names, files, durable):
        if word == "create":
            files.setdefault(number, bytearray())
            if durable(data.decode()):
                names[data.decode()] = number
        elif word in ("rename", "link", "unlink"):
            source, _, other = data.decode().partition("\0")
            if not durable(source):
                return
            if word == "unlink":
                names.pop(source, None)
            elif source in names:
                names[other] = names[source]
                if word == "rename":
                    del names[source]
