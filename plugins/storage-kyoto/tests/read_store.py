#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An independent reader of the store: lists every message from the log (and the base) alone.

    read_store.py FOLDER [--messages | --mailboxes] [--no-bodies]

Written from FORMAT.md, not from the C code, and it uses nothing but Python's own library; it
is what keeps that document honest.  Prints one JSON object a line, sorted: a message has
account, mailbox, uid, flags, keywords, modseq, size, internal_date, save_date and the sha256 of
its octets.  It only reads, and does not lock: for a store that is closed, or a copy of one.

A class, so that other tests can use it: `Store (folder).replay ()`, then `.accounts`.
"""
import argparse
import ctypes
import ctypes.util
import hashlib
import json
import os
import re
import struct
import sys

RECORD = struct.Struct("<4sIIIQBBBBIQQQII")
SEGMENT = struct.Struct("<8s16sIIQQ12sI")
RECORD_MAGIC = b"PTNR"
SEGMENT_MAGIC = b"PTNLOG01"
END_OF_UNIT, BIG, NO_VALUE = 1, 2, 4
(USER, USER_REMOVE, MAILBOX, MAILBOX_REMOVE, MAILBOX_RENAME, SUBSCRIBE, DELIVER, COPY, FLAGS,
 EXPUNGE, KEYWORD, ANNOTATE, QUOTA, TOKEN, BODY_MOVE, TOMBSTONE_TRIM, SPECIAL_USE, RIGHTS, RECENT,
 DIGEST, TOKEN_TRIM, BASE) = range(1, 23)
SUBSCRIBED, NOSELECT, SPECIAL_USES = 1, 2, 0x1fff00
RIGHT_LETTERS = "lrswipkxtea"
RAW, ZSTD = 0, 1
PIECE_PACKED = 1 << 31
PIECE = 262144


def make_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = make_table()


def crc32c(data, crc=0):
    """CRC32C; `crc` is that of what stood before."""
    crc ^= 0xFFFFFFFF
    table = TABLE
    for octet in data:
        crc = (crc >> 8) ^ table[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Damaged(Exception):
    """The store is not what FORMAT.md says."""


def load_zstd():
    name = ctypes.util.find_library("zstd")
    library = ctypes.CDLL(name) if name else None
    if library:
        library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
        library.ZSTD_decompress.restype = ctypes.c_size_t
    return library


LIBZSTD = load_zstd()


def unpack(codec, data):
    """The octets of a body, or of a piece of one, as the message has them."""
    if codec == RAW:
        return data
    if codec != ZSTD:
        raise Damaged("codec %d" % codec)
    if not LIBZSTD:
        raise Damaged("compressed, and there is no libzstd here")
    size = LIBZSTD.ZSTD_getFrameContentSize(data, ctypes.c_size_t(len(data)))
    if size > 1 << 32:
        raise Damaged("a frame without a size")
    room = ctypes.create_string_buffer(size + 1)
    done = LIBZSTD.ZSTD_decompress(room, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    if done != size:
        raise Damaged("a frame that does not decompress")
    return room.raw[:size]


class Octets:
    """Takes fields off the front of a meta."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Damaged("a meta ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value = shift = 0
        while True:
            octet = self.take(1)[0]
            value |= (octet & 127) << shift
            if octet < 128:
                return value & (2**64 - 1)
            shift += 7
            if shift > 63:
                raise Damaged("a varint has more than ten octets")

    def signed(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def block(self):
        return self.take(self.varint())

    def text(self):
        return self.block().decode()

    def uids(self):
        found, last = [], 0
        for _ in range(self.varint()):
            first = last + self.varint()
            last = first + self.varint()
            found.append((first, last))
        return found

    def more(self):
        return self.at < len(self.data)


class Record:
    """One record of the log, and where it is."""

    def __init__(self, header, segment, offset):
        (magic, self.crc, self.meta_size, self.body_crc, self.body_size, self.type, self.codec,
         self.bits, self.version, self.user, self.lsn, self.synced, self.modseq, self.mailbox,
         self.uid) = RECORD.unpack(header)
        self.segment, self.offset, self.header = segment, offset, header
        self.meta = b""
        self.whole = magic == RECORD_MAGIC and self.meta_size <= 64 << 20

    def size(self):
        return (64 + self.meta_size + self.body_size + 7) & ~7


class Message:
    """A row: what one uid of a mailbox is."""

    def __init__(self, meta, body, modseq, version):
        self.flags, size = meta.varint(), meta.varint()
        self.size, self.unterminated = size >> 1, size & 1
        self.internal_date, self.save_date = meta.signed(), meta.signed()
        self.body, self.modseq, self.annotations = body, modseq, {}
        self.thread = meta.varint() if version > 1 else 0  # 0: the EMAILID of the body
        self.hashes = [meta.take(8) for _ in range(meta.varint())] if version > 1 else []


class Mailbox:
    """A mailbox and its messages by uid."""

    def __init__(self, path, uidvalidity, modseq):
        self.path, self.uidvalidity, self.modseq = path, uidvalidity, modseq
        self.uidnext, self.attributes = 1, 0
        self.messages, self.keywords, self.annotations = {}, {}, {}
        self.rights, self.recent = {}, 1
        self.vanished, self.floor = {}, 0  # UIDs by the modseq with which they left; known behind

    def changed(self, modseq):
        self.modseq = max(self.modseq, modseq)

    def forget(self, modseq):
        self.floor = max(self.floor, modseq)
        self.vanished = {known: uids for known, uids in self.vanished.items() if known > modseq}

    def within(self, ranges):
        if sum(last - first + 1 for first, last in ranges) < len(self.messages):
            return [uid for first, last in ranges for uid in range(first, last + 1)
                    if uid in self.messages]
        return [uid for uid in self.messages if any(a <= uid <= b for a, b in ranges)]


class Account:
    """A user of one shard: its mailboxes by number, and names without a mailbox."""

    def __init__(self, name):
        self.name, self.mailboxes, self.annotations, self.names = name, {}, {}, {}
        self.limits = (None, None)


class Body:
    """Where a body is: in the log, or in a file of its own."""

    def __init__(self, shard, record, big):
        self.shard, self.segment, self.offset = shard, record.segment, record.offset
        self.at = record.offset + 64 + record.meta_size
        self.size, self.crc, self.codec, self.big = record.body_size, record.body_crc, \
            record.codec, big
        self.digest = b""

    @staticmethod
    def of_row(shard, value):
        body = Body.__new__(Body)
        body.shard, body.digest = shard, b""
        body.codec, bits = value.take(2)
        body.crc = struct.unpack("<I", value.take(4))[0]
        body.segment, place, body.size = value.varint(), value.varint(), value.varint()
        body.at = body.offset = place
        body.big = (place, body.size) if bits & 1 else None
        return body


class Shard:
    """One folder sNN, replayed from its first record on."""

    def __init__(self, store, number):
        self.store, self.number = store, number
        self.folder = os.path.join(store.folder, "s%02d" % number)
        self.users, self.bodies = {}, {}
        self.end = None  # (segment, offset) behind the last record
        self.lsn = 0

    def segments(self):
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(int(name[4:]) for name in names if re.fullmatch(r"log\.\d{8}", name))

    def name(self, segment):
        return os.path.join(self.folder, "log.%08d" % segment)

    def load_base(self):
        """The rows of the newest base; where the log goes on: (lsn, segment, offset), or nothing."""
        try:
            names = [name for name in os.listdir(self.folder) if re.fullmatch(r"base\.\d{8}", name)]
        except FileNotFoundError:
            return 0, 0, 0
        if not names:
            return 0, 0, 0
        with open(os.path.join(self.folder, max(names)), "rb") as stream:
            data = stream.read()
        at, number = 0, 0
        while True:
            header = data[at:at + 64]
            record = Record(header, 0, at) if len(header) == 64 else None
            if not record or not record.whole or record.type != BASE:
                raise Damaged("%s at %d" % (max(names), at))
            record.meta = data[at + 64:at + 64 + record.meta_size]
            number += 1
            if record.uid != number or crc32c(header[8:] + record.meta,
                                              self.store.salt) != record.crc:
                raise Damaged("%s at %d" % (max(names), at))
            rows = Octets(record.meta)
            while rows.more():
                self.row(rows.block(), Octets(rows.block()))
            if record.bits & END_OF_UNIT:
                self.lsn = record.lsn
                return record.lsn, record.mailbox, record.modseq
            at += record.size()

    def row(self, key, value):
        """One row of the index.  They come in the order of their keys."""
        kind, numbers = key[0], struct.unpack(">%dI" % ((len(key) - 1) // 4),
                                              key[1:1 + (len(key) - 1) // 4 * 4])
        if kind == 1:
            self.users[value.varint()] = Account(key[1:].decode())
        elif kind == 2:
            mailbox, attributes = value.varint(), value.varint()
            account, path = self.users[numbers[0]], key[5:].decode()
            if attributes & NOSELECT or not mailbox:
                account.names[path] = attributes
            else:
                account.mailboxes[mailbox] = Mailbox(path, 0, 0)
                account.mailboxes[mailbox].attributes = attributes
        elif kind == 3 and numbers[1]:
            mailbox = self.users[numbers[0]].mailboxes[numbers[1]]
            mailbox.uidnext, mailbox.uidvalidity = value.varint(), value.varint()
            mailbox.modseq = value.varint()
        elif kind == 4:
            message = Message.__new__(Message)
            message.annotations, message.hashes = {}, []
            message.flags, message.modseq, size = value.varint(), value.varint(), value.varint()
            message.size, message.unterminated = size >> 1, size & 1
            message.body, message.internal_date = value.varint(), value.signed()
            message.save_date = message.internal_date + value.signed()
            message.thread = value.varint() if value.more() else 0
            self.users[numbers[0]].mailboxes[numbers[1]].messages[numbers[2]] = message
        elif kind == 5:
            self.bodies[struct.unpack(">Q", key[1:9])[0]] = Body.of_row(self, value)
        elif kind == 10:
            mailbox, bit = self.users[numbers[0]].mailboxes[numbers[1]], 16
            while value.more():
                mailbox.keywords[bit] = value.text()
                bit += 1

    def records(self, position):
        """Every record in order from there on, until the log ends or is torn."""
        lsn, first_segment, first_offset = position
        for segment in self.segments():
            if segment < first_segment:
                continue
            with open(self.name(segment), "rb") as stream:
                header = stream.read(64)
                if len(header) < 64:
                    return
                magic, identity, shard, number, first, _, _, crc = SEGMENT.unpack(header)
                if magic != SEGMENT_MAGIC or crc32c(header[:60]) != crc:
                    return
                if identity != self.store.identity or shard != self.number or number != segment:
                    raise Damaged("%s is another's" % stream.name)
                offset = 64
                if segment == first_segment:
                    offset = first_offset
                elif lsn and first != lsn + 1:
                    return
                else:
                    lsn = first - 1
                while True:
                    stream.seek(offset)
                    header = stream.read(64)
                    if len(header) < 64:
                        break
                    record = Record(header, segment, offset)
                    if not record.whole or record.lsn != lsn + 1:
                        break
                    record.meta = stream.read(record.meta_size)
                    if crc32c(header[8:] + record.meta, self.store.salt) != record.crc:
                        break
                    lsn = record.lsn
                    offset += record.size()
                    yield record
                    self.end = (segment, offset)

    def replay(self):
        unit = []
        for record in self.records(self.load_base()):
            unit.append(record)
            if record.bits & END_OF_UNIT:
                for member in unit:
                    self.apply(member)
                    self.lsn = member.lsn
                unit = []

    def mailbox(self, record):
        return self.users[record.user].mailboxes[record.mailbox]

    def apply(self, record):
        meta = Octets(record.meta)
        if record.type == USER:
            self.users[record.user] = Account(meta.text())
        elif record.type == USER_REMOVE:
            del self.users[record.user]
        elif record.type in APPLY:
            APPLY[record.type](self, record, meta)
        elif record.type not in (TOKEN, TOKEN_TRIM):
            raise Damaged("record type %d" % record.type)

    def made(self, record, meta):
        uidvalidity = meta.varint()
        self.users[record.user].mailboxes[record.mailbox] = Mailbox(meta.text(), uidvalidity,
                                                                    record.modseq)

    def removed(self, record, meta):
        stays, path = meta.varint(), meta.text()
        account = self.users[record.user]
        mailbox = account.mailboxes.pop(record.mailbox, None)
        if stays:
            attributes = mailbox.attributes if mailbox else 0
            account.names[path] = attributes | NOSELECT
        else:
            account.names.pop(path, None)

    def renamed(self, record, meta):
        attributes, old, new = meta.varint(), meta.text(), meta.text()
        account = self.users[record.user]
        if record.mailbox:
            mailbox = account.mailboxes[record.mailbox]
            mailbox.path, mailbox.attributes = new, attributes
        else:
            account.names.pop(old, None)
            account.names[new] = attributes

    def subscribed(self, record, meta):
        on, path = meta.varint(), meta.text()
        for mailbox in self.users[record.user].mailboxes.values():
            if mailbox.path == path:
                mailbox.attributes = mailbox.attributes & ~SUBSCRIBED | on

    def add(self, record, meta, body):
        mailbox = self.mailbox(record)
        mailbox.messages[record.uid] = Message(meta, body, record.modseq, record.version)
        mailbox.uidnext = max(mailbox.uidnext, record.uid + 1)
        mailbox.changed(record.modseq)
        return meta

    def delivered(self, record, meta):
        self.add(record, meta, record.lsn)
        big = None
        if record.bits & BIG:
            big = (struct.unpack("<Q", meta.take(8))[0], meta.varint())
        self.bodies[record.lsn] = Body(self, record, big)

    def copied(self, record, meta):
        self.add(record, meta, 0)
        self.mailbox(record).messages[record.uid].body = meta.varint()

    def flagged(self, record, meta):
        mailbox = self.mailbox(record)
        for _ in range(meta.varint()):
            flags = meta.varint()
            for uid in mailbox.within(meta.uids()):
                mailbox.messages[uid].flags = flags
                mailbox.messages[uid].modseq = record.modseq
        mailbox.changed(record.modseq)

    def expunged(self, record, meta):
        mailbox = self.mailbox(record)
        for uid in mailbox.within(meta.uids()):
            del mailbox.messages[uid]
            mailbox.vanished.setdefault(record.modseq, []).append(uid)
        mailbox.changed(record.modseq)
        if record.version < 2:
            mailbox.forget(record.modseq)

    def keyword(self, record, meta):
        bit = 16 + meta.varint()
        self.mailbox(record).keywords[bit] = meta.text()

    def annotated(self, record, meta):
        ranges, name, account = meta.uids(), meta.text(), self.users[record.user]
        value = None if record.bits & NO_VALUE else meta.block()
        if not record.mailbox:
            places = [account.annotations]
        elif not ranges:
            places = [self.mailbox(record).annotations]
        else:
            mailbox = self.mailbox(record)
            places = []
            for uid in mailbox.within(ranges):
                mailbox.messages[uid].modseq = record.modseq
                places.append(mailbox.messages[uid].annotations)
            mailbox.changed(record.modseq)
        for place in places:
            if value is None:
                place.pop(name, None)
            else:
                place[name] = value

    def limited(self, record, meta):
        octets, messages = meta.varint(), meta.varint()
        self.users[record.user].limits = tuple(n - 1 if n else None for n in (octets, messages))

    def moved(self, record, meta):
        number = meta.varint()
        if number in self.bodies and not self.bodies[number].big:
            self.bodies[number] = Body(self, record, None)

    def trimmed(self, record, meta):
        self.mailbox(record).forget(meta.varint())

    def used(self, record, meta):
        uses, path = meta.varint(), meta.text()
        for mailbox in self.users[record.user].mailboxes.values():
            if mailbox.path == path:
                mailbox.attributes = mailbox.attributes & ~SPECIAL_USES | uses

    def righted(self, record, meta):
        bits, who = meta.varint(), meta.text()
        self.mailbox(record).rights.pop(who, None)
        if bits:
            self.mailbox(record).rights[who] = "".join(
                letter for bit, letter in enumerate(RIGHT_LETTERS) if bits >> bit & 1)

    def told(self, record, meta):
        self.mailbox(record).recent = meta.varint()

    def digested(self, record, meta):
        body = meta.varint()
        if body in self.bodies:
            self.bodies[body].digest = meta.block()

    def octets(self, body):
        """The octets of a body, checked against its crc; Damaged if they are not those."""
        if body.big:
            return self.big_octets(body, *body.big)
        with open(self.name(body.segment), "rb") as stream:
            stream.seek(body.at)
            data = stream.read(body.size)
        if len(data) != body.size or crc32c(data) != body.crc:
            raise Damaged("a body of segment %d at %d" % (body.segment, body.offset))
        return unpack(body.codec, data)

    def big_octets(self, body, number, size):
        with open(os.path.join(self.folder, "big.%016x" % number), "rb") as stream:
            data, table = stream.read(size), stream.read()
        if len(data) != size or crc32c(table) != body.crc:
            raise Damaged("the table of big file %016x" % number)
        if body.codec == RAW:
            pieces = [(min(PIECE, size - at), crc) for at, (crc,) in
                      zip(range(0, size, PIECE), struct.iter_unpack("<I", table))]
        else:
            pieces = list(struct.iter_unpack("<II", table[:-8]))
        at, found = 0, []
        for stored, crc in pieces:
            codec = body.codec if stored & PIECE_PACKED else RAW
            piece = data[at:at + (stored & ~PIECE_PACKED)]
            if crc32c(piece) != crc:
                raise Damaged("a piece of big file %016x" % number)
            at += len(piece)
            found.append(unpack(codec, piece))
        found = b"".join(found)
        if at != size or (body.codec != RAW and len(found) != struct.unpack("<Q", table[-8:])[0]):
            raise Damaged("the sizes of big file %016x" % number)
        return found


APPLY = {MAILBOX: Shard.made, MAILBOX_REMOVE: Shard.removed, MAILBOX_RENAME: Shard.renamed,
         SUBSCRIBE: Shard.subscribed, DELIVER: Shard.delivered, COPY: Shard.copied,
         FLAGS: Shard.flagged, EXPUNGE: Shard.expunged, KEYWORD: Shard.keyword,
         ANNOTATE: Shard.annotated, QUOTA: Shard.limited, BODY_MOVE: Shard.moved,
         TOMBSTONE_TRIM: Shard.trimmed, SPECIAL_USE: Shard.used, RIGHTS: Shard.righted,
         RECENT: Shard.told, DIGEST: Shard.digested}


class Store:
    """A store folder."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "STORE"), encoding="ascii") as stream:
            text = stream.read()
        lines = text.split("\n")
        if lines[0] not in ("postern-store 1", "postern-store 2"):
            raise Damaged("STORE begins with %r" % lines[0])
        fields = dict(line.split(" ", 1) for line in lines[1:] if line)
        if lines[0] != "postern-store 1":
            before = text[:text.index("crc ")]
            if int(fields["crc"], 16) != crc32c(before.encode()):
                raise Damaged("STORE has a wrong checksum")
        self.identity = bytes.fromhex(fields["id"])
        self.salt = crc32c(self.identity)
        self.shards = [Shard(self, number) for number in range(int(fields["shards"]))]

    def replay(self):
        for shard in self.shards:
            shard.replay()
        return self

    def shard_of(self, name):
        return self.shards[crc32c(name.encode()) % len(self.shards)]

    def listing(self, bodies=True):
        """Rows of all mailboxes and messages, as dicts, sorted."""
        mailboxes, messages = [], []
        for shard in self.shards:
            sums = {}
            for account in shard.users.values():
                for mailbox in account.mailboxes.values():
                    mailboxes.append(self.row(account, mailbox))
                    for uid, message in mailbox.messages.items():
                        messages.append(self.message_row(shard, account, mailbox, uid, message,
                                                         sums if bodies else None))
        return (sorted(mailboxes, key=lambda row: (row["account"], row["mailbox"])),
                sorted(messages, key=lambda row: (row["account"], row["mailbox"], row["uid"])))

    def row(self, account, mailbox):
        return {"account": account.name, "mailbox": mailbox.path, "modseq": mailbox.modseq,
                "uidvalidity": mailbox.uidvalidity, "uidnext": mailbox.uidnext,
                "messages": len(mailbox.messages)}

    def message_row(self, shard, account, mailbox, uid, message, sums):
        row = {"account": account.name, "mailbox": mailbox.path, "uid": uid,
               "flags": message.flags & 0xFFFF,
               "keywords": sorted(mailbox.keywords.get(bit, "?%d" % bit) for bit in range(16, 64)
                                  if message.flags >> bit & 1),
               "modseq": message.modseq, "size": message.size,
               "internal_date": message.internal_date, "save_date": message.save_date}
        if sums is not None:
            if message.body not in sums:
                try:
                    data = shard.octets(shard.bodies[message.body])
                    sums[message.body] = hashlib.sha256(data).hexdigest()
                except (Damaged, OSError) as error:
                    sums[message.body] = "damaged: %s" % error
            row["sha256"] = sums[message.body]
        return row


def main():
    parser = argparse.ArgumentParser(description="list a store from its log")
    parser.add_argument("folder")
    parser.add_argument("--mailboxes", action="store_true", help="only mailboxes")
    parser.add_argument("--messages", action="store_true", help="only messages")
    parser.add_argument("--no-bodies", action="store_true", help="do not read bodies")
    given = parser.parse_args()
    mailboxes, messages = Store(given.folder).replay().listing(not given.no_bodies)
    for row in ([] if given.messages else mailboxes) + ([] if given.mailboxes else messages):
        print(json.dumps(row, sort_keys=True, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main()
    except Damaged as error:
        sys.exit("read_store: %s" % error)
