# SPDX-License-Identifier: Apache-2.0
"""drive.py - a client of store-drive (tests/tools/store-drive/README.md): the store, from Python.

    with drive.server(store="kyoto") as server:              # a posternd with store-drive alone
        d = drive.Drive(server)                               # one connection, one session
        d.open("alice")
        d.create("Work")
        uid = d.append("Work", b"Subject: x\r\n\r\nhello\r\n", flags=drive.SEEN).uids[0]
        d.flags("Work", uid, "add", drive.FLAGGED)
        d.read("Work", uid)                                   # octets
        with d.change() as c:                                 # several steps, one commit
            c.copy("Work", [uid], "INBOX")
            c.expunge("Work", [uid])
        c.outcomes[0].uids                                    # [1]

An error of the store is raised as StoreError with the status' name ("NOT_FOUND").  Mailboxes are
paths, ("owner", "path"), or ids as Mailbox.id has them ("#0123...").  UID sets are numbers, lists
of numbers, texts ("1:5,7", "1:*") or "all".

To pipeline: d.send("flags ...") as often as wanted, then d.answer() for each, in order.
"""

import collections
import os
import select
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postern

ANSWERED, FLAGGED, DELETED, SEEN, DRAFT = 1, 2, 4, 8, 16
NONE = (1 << 64) - 1  # no limit

Mailbox = collections.namedtuple(
    "Mailbox", "path id uidvalidity uidnext messages unseen deleted modseq octets attributes rights "
    "owner")
Row = collections.namedtuple(
    "Row", "uid flags modseq octets internal_date save_date unterminated")
Ids = collections.namedtuple("Ids", "email thread digest")  # digest None: there is none
Happening = collections.namedtuple("Happening", "mailbox kinds modseq")
View = collections.namedtuple("View", "modseq keywords rows microseconds count")
Outcome = collections.namedtuple("Outcome", "uidvalidity modseq sources uids conflicts")
Quota = collections.namedtuple("Quota", "storage storage_limit messages messages_limit")
Answer = collections.namedtuple("Answer", "words rows octets")


class StoreError(Exception):
    """The store said no; `status` is the name of its status, `text` what its log would say."""

    def __init__(self, status, text="", command=""):
        super().__init__("%s %s (%s)" % (status, text, command))
        self.status, self.text = status, text


class Closed(Exception):
    """The connection is gone: nobody knows about commands without an answer."""


def encode(text):
    """Any text or octets as a word."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    return "".join(chr(c) if 0x20 < c < 0x7f and c not in b"%:#" else "%%%02X" % c for c in data)


def decode_bytes(word):
    """What encode() made, as octets."""
    data, result, at = word.encode("ascii"), bytearray(), 0
    while at < len(data):
        if data[at] == 0x25:
            result.append(int(data[at + 1:at + 3], 16))
            at += 3
        else:
            result.append(data[at])
            at += 1
    return bytes(result)


def decode(word):
    return decode_bytes(word).decode("utf-8", "surrogateescape")


def mailbox_word(mailbox):
    if isinstance(mailbox, tuple) and not isinstance(mailbox, Mailbox):
        return encode(mailbox[0]) + ":" + encode(mailbox[1])
    if isinstance(mailbox, Mailbox):
        return mailbox.id
    if mailbox.startswith("#"):
        return mailbox
    return encode(mailbox)


def set_word(uids):
    if isinstance(uids, str):
        return uids
    if isinstance(uids, int):
        return str(uids)
    ranges = []
    for uid in sorted(uids):
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        elif not ranges or ranges[-1][1] != uid:
            ranges.append([uid, uid])
    return ",".join(str(a) if a == b else "%d:%d" % (a, b) for a, b in ranges) or "-"


def set_list(word):
    """A set as a list of UIDs."""
    if word == "-":
        return []
    result = []
    for part in word.split(","):
        first, _, last = part.partition(":")
        result.extend(range(int(first), int(last or first) + 1))
    return result


def limit(word):
    return NONE if word == "*" else int(word)


def limit_word(value):
    return "*" if value is None or value == NONE else str(value)


def outcome(words):
    return Outcome(int(words[0]), int(words[1]), set_list(words[2]), set_list(words[3]),
                   set_list(words[4]))


def mailbox_of(words, name):
    owner, colon, path = name.partition(":")
    if not colon:
        owner, path = None, name
    return Mailbox(decode(path), words[0], *(int(word) for word in words[1:9]),
                   "" if words[9] == "-" else words[9], None if owner is None else decode(owner))


class Drive:
    """One connection: a session with an account of its own."""

    def __init__(self, server, account=None, listener="drive", timeout=None):
        self.sock = server.connect(listener, timeout=timeout or postern.TIMEOUT)
        self.sock.setblocking(False)
        self.timeout = timeout or postern.TIMEOUT
        self.input, self.at = bytearray(), 0
        self.sent = collections.deque()
        if account is not None:
            self.open(account)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    # --- lines ------------------------------------------------------------------------------

    def send(self, line, octets=None):
        """Sends a command and does not wait; octets go behind it."""
        self.sent.append(line)
        data = line.encode("ascii")
        data += b"\n" if octets is None else b" {%d}\n" % len(octets) + bytes(octets)
        data = memoryview(data)
        while data:
            try:
                data = data[self.sock.send(data):]
            except BlockingIOError:
                # The server takes no more commands while its answers lie about.
                self._wait(select.POLLIN | select.POLLOUT)
                self._receive()
            except OSError as error:
                raise Closed(str(error)) from None

    def _wait(self, events):
        poll = select.poll()
        poll.register(self.sock, events)
        if not poll.poll(self.timeout * 1000):
            raise Closed("nothing moves")

    def _receive(self):
        """What has come; False if that is nothing."""
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of input")
        self.input += data
        return True

    def _more(self):
        if not self._receive():
            self._wait(select.POLLIN)

    def _line(self):
        scanned = self.at
        while True:
            end = self.input.find(b"\n", scanned)
            if end >= 0:
                break
            scanned = len(self.input)
            self._more()
        line = bytes(self.input[self.at:end])
        self.at = end + 1
        if self.at > 1 << 20 or self.at == len(self.input):
            del self.input[:self.at]
            self.at = 0
        return line

    def _octets(self, size):
        while len(self.input) - self.at < size:
            self._more()
        octets = bytes(self.input[self.at:self.at + size])
        self.at += size
        return octets

    def answer(self):
        """The answer to the oldest command without one: (words behind OK, rows, octets)."""
        command = self.sent.popleft()
        rows, octets = [], []
        while True:
            line = self._line()
            if line.startswith(b"+ "):
                octets.append(self._octets(int(line[2:])))
                continue
            words = line.decode("utf-8", "replace").split()
            if words[0] == "*":
                rows.append(words[1:])
            elif words[0] == "OK":
                return Answer(words[1:], rows, b"".join(octets))
            else:
                raise StoreError(words[0], " ".join(words[1:]), command)

    def run(self, *words, octets=None):
        self.send(" ".join(words), octets)
        return self.answer()

    # --- accounts and mailboxes ---------------------------------------------------------------

    def open(self, account, authzid=None, groups=(), administrator=False):
        """Opens an account, with the rights of `authzid` (its own if not given)."""
        self.run("open", encode(account), encode(account if authzid is None else authzid),
                 *["$" + encode(group) for group in groups],
                 *(["administrator"] if administrator else []))

    def capabilities(self):
        """PTN_STORE_* bits."""
        return int(self.run("capabilities").words[0])

    def close_account(self):
        self.run("close")

    def list(self, pattern="*"):
        return [mailbox_of(row[1:], row[0]) for row in self.run("list", encode(pattern)).rows]

    def others(self, owner=None, pattern="*"):
        """Mailboxes of others: owner None of all, "" the public ones."""
        word = "*" if owner is None else encode(owner) or "-"
        return [mailbox_of(row[1:], row[0])
                for row in self.run("others", word, encode(pattern)).rows]

    def status(self, mailbox):
        words = self.run("status", mailbox_word(mailbox)).words
        return mailbox_of(words, mailbox_word(mailbox))

    def create(self, mailbox, attributes=0):
        self.run("create", mailbox_word(mailbox), *([str(attributes)] if attributes else []))

    def remove(self, mailbox):
        self.run("remove", mailbox_word(mailbox))

    def rename(self, mailbox, to):
        self.run("rename", mailbox_word(mailbox), mailbox_word(to))

    def subscribe(self, mailbox, on=True):
        self.run("subscribe", mailbox_word(mailbox), "1" if on else "0")

    def keyword(self, mailbox, keyword, make=True):
        """The bit (16 to 63) of a keyword."""
        return int(self.run("keyword", mailbox_word(mailbox), encode(keyword),
                            *(["make"] if make else [])).words[0])

    def set_attributes(self, mailbox, attributes):
        """Special uses: PTN_MAILBOX_ALL and so on."""
        self.run("attributes", mailbox_word(mailbox), str(attributes))

    def rights(self, mailbox):
        """{who: letters}"""
        return {decode(row[0]): row[1] if len(row) > 1 else ""
                for row in self.run("rights", mailbox_word(mailbox)).rows}

    def set_rights(self, mailbox, who, rights):
        self.run("set_rights", mailbox_word(mailbox), encode(who), rights or "-")

    def watch(self, mailbox=None, kinds=0xffffffff, account=None):
        """events() tells from now on of a mailbox, or of all of the account."""
        self.run("watch", "-" if mailbox is None else mailbox_word(mailbox), str(kinds),
                 *([] if account is None else [encode(account)]))

    def unwatch(self):
        self.run("unwatch")

    def events(self, wait=0):
        """What has happened since the last time; waits so many seconds for something."""
        rows = self.run("events", str(int(wait * 1000))).rows
        return [Happening(row[0], int(row[1]), int(row[2])) for row in rows]

    def quota(self):
        words = self.run("quota").words
        return Quota(int(words[0]), limit(words[1]), int(words[2]), limit(words[3]))

    def set_quota(self, storage=None, messages=None):
        self.run("set_quota", limit_word(storage), limit_word(messages))

    def accounts(self, after=""):
        """The names of all accounts behind `after`."""
        found = []
        while True:
            rows = self.run("accounts", *([encode(after)] if after else [])).rows
            if not rows:
                return found
            found.extend(decode(row[0]) for row in rows)
            after = found[-1]

    def remove_account(self, account):
        self.run("remove_account", encode(account))

    # --- reading --------------------------------------------------------------------------------

    def view(self, mailbox, rows=True):
        answer = self.run("view", mailbox_word(mailbox), *(["rows"] if rows else []))
        words = answer.words
        return View(int(words[1]), [decode(word) for word in words[3:]],
                    [tuple(int(word) for word in row) for row in answer.rows], int(words[2]),
                    int(words[0]))

    def fetch(self, mailbox, uids="all", changed_since=0):
        answer = self.run("fetch", mailbox_word(mailbox), set_word(uids), str(changed_since))
        return [Row(*(int(word) for word in row)) for row in answer.rows]

    def ids(self, mailbox, uids="all"):
        """{uid: Ids}"""
        found = {}
        for row in self.run("fetch", mailbox_word(mailbox), set_word(uids), "ids", "digest").rows:
            ids = [word for word in row[7:] if word[0] == "#"] or [None, None]
            digest = [decode_bytes(word[1:]) for word in row[7:] if word[0] == "="] or [None]
            found[int(row[0])] = Ids(*ids, *digest)
        return found

    def vanished(self, mailbox, since, uids=None):
        """The UIDs that went after a modseq."""
        return set_list(self.run("vanished", mailbox_word(mailbox), str(since),
                                 *([] if uids is None else [set_word(uids)])).words[0])

    def recent(self, mailbox):
        """claim_recent: the first UID that nobody was told of before."""
        return int(self.run("recent", mailbox_word(mailbox)).words[0])

    def remember(self, mailbox, uid, digest):
        self.run("remember", mailbox_word(mailbox), str(uid), "=" + encode(digest))

    def fetch_count(self, mailbox, uids="all"):
        """All rows, without sending them: (count, sum over them, microseconds)."""
        words = self.run("fetch", mailbox_word(mailbox), set_word(uids), "count").words
        return tuple(int(word) for word in words)

    def read(self, mailbox, uid, offset=0, length=NONE):
        answer = self.run("read", mailbox_word(mailbox), str(uid), str(offset), limit_word(length))
        assert len(answer.octets) == int(answer.words[0])
        return answer.octets

    def crc(self, mailbox, uid):
        """(octets, zlib.crc32 of them)."""
        words = self.run("crc", mailbox_word(mailbox), str(uid)).words
        return int(words[0]), int(words[1], 16)

    def sha(self, mailbox, uid):
        """(octets, SHA-256 of them in hexadecimal)."""
        words = self.run("sha", mailbox_word(mailbox), str(uid)).words
        return int(words[0]), words[1]

    def scan(self, mailbox):
        """Reads every octet of a mailbox: (messages, octets, microseconds)."""
        return tuple(int(word) for word in self.run("scan", mailbox_word(mailbox)).words)

    def annotations(self, mailbox, uids="-", name=None):
        """{(uid, name): octets}; mailbox None: of the account."""
        rows = self.run("annotations", "-" if mailbox is None else mailbox_word(mailbox),
                        set_word(uids), *([] if name is None else [encode(name)])).rows
        return {(int(row[0]), decode(row[1])): decode_bytes(row[2][1:]) for row in rows}

    # --- changing: each a change of its own, with its outcome ---------------------------------

    def append(self, mailbox, message, flags=0, date=1700000000, digest=None, references=()):
        """message: octets, or a number of octets that the server makes up."""
        return outcome(_append(self.run, mailbox, message, flags, date, digest, references).words)

    def copy(self, mailbox, uids, to):
        return outcome(_copy(self.run, "copy", mailbox, uids, to).words)

    def move(self, mailbox, uids, to):
        return outcome(_copy(self.run, "move", mailbox, uids, to).words)

    def flags(self, mailbox, uids, mode, flags, unchanged_since=None):
        """mode: "add", "remove" or "set"."""
        return outcome(_flags(self.run, mailbox, uids, mode, flags, unchanged_since).words)

    def expunge(self, mailbox, uids, only_deleted=False):
        return outcome(_expunge(self.run, mailbox, uids, only_deleted).words)

    def annotate(self, mailbox, uids, name, value):
        """value None removes; mailbox None: of the account."""
        return outcome(_annotate(self.run, mailbox, uids, name, value).words)

    def fill(self, mailbox, count, size, each=100, seed=1):
        """Appends `count` messages that the server makes up, `each` in a change."""
        return int(self.run("fill", mailbox_word(mailbox), str(count), str(size), str(each),
                            str(seed)).words[1])

    def change(self, token=None):
        """`with d.change() as c: c.flags(...)`: one commit at the end of the block, none if it
        raises.  token: 32 hexadecimal digits."""
        return Change(self, token)

    def deliver(self, targets, message, flags=0, date=1700000000, digest=None, references=()):
        """targets: ("account", "path") or with flags, storage and message limit behind.  Returns
        [(status, uid)]."""
        words = _description(digest, references)
        for target in targets:
            limits = [limit_word(v) for v in target[3:]]
            words.append(":".join([encode(target[0]), encode(target[1])]
                                  + ([str(target[2])] if len(target) > 2 else [])
                                  + [str(NONE) if v == "*" else v for v in limits]))
        if isinstance(message, int):
            answer = self.run("deliver", str(flags), str(date), *words, "@%d" % message)
        else:
            answer = self.run("deliver", str(flags), str(date), *words, octets=message)
        return [(word.partition(":")[0], int(word.partition(":")[2])) for word in answer.words]


class Change:
    """Steps that become durable together."""

    def __init__(self, drive, token=None):
        self.drive, self.token, self.outcomes = drive, token, None

    def __enter__(self):
        self.drive.run("begin", *([] if self.token is None else [self.token]))
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.commit()
        elif not issubclass(kind, Closed):
            self.drive.run("end")

    def commit(self):
        """Returns and keeps the outcomes of all steps."""
        self.outcomes = [outcome(row) for row in self.drive.run("commit").rows]
        return self.outcomes

    def append(self, mailbox, message, flags=0, date=1700000000, digest=None, references=()):
        _append(self.drive.run, mailbox, message, flags, date, digest, references)

    def copy(self, mailbox, uids, to):
        _copy(self.drive.run, "copy", mailbox, uids, to)

    def move(self, mailbox, uids, to):
        _copy(self.drive.run, "move", mailbox, uids, to)

    def flags(self, mailbox, uids, mode, flags, unchanged_since=None):
        _flags(self.drive.run, mailbox, uids, mode, flags, unchanged_since)

    def expunge(self, mailbox, uids, only_deleted=False):
        _expunge(self.drive.run, mailbox, uids, only_deleted)

    def annotate(self, mailbox, uids, name, value):
        _annotate(self.drive.run, mailbox, uids, name, value)


def _description(digest, references):
    return ([] if digest is None else ["digest=" + encode(digest)]) + [
        "reference=" + encode(reference) for reference in references]


def _append(run, mailbox, message, flags, date, digest, references):
    words = ["append", mailbox_word(mailbox), str(flags), str(date)]
    words += _description(digest, references)
    if isinstance(message, int):
        return run(*words, "@%d" % message)
    return run(*words, octets=message)


def _copy(run, word, mailbox, uids, to):
    return run(word, mailbox_word(mailbox), set_word(uids), mailbox_word(to))


def _flags(run, mailbox, uids, mode, flags, unchanged_since):
    return run("flags", mailbox_word(mailbox), set_word(uids), mode, str(flags),
               *([] if unchanged_since is None else [str(unchanged_since)]))


def _expunge(run, mailbox, uids, only_deleted):
    return run("expunge", mailbox_word(mailbox), set_word(uids),
               *(["deleted"] if only_deleted else []))


def _annotate(run, mailbox, uids, name, value):
    return run("annotate", "-" if mailbox is None else mailbox_word(mailbox), set_word(uids),
               encode(name), "-" if value is None else "=" + encode(value))


def configuration(store="kyoto", **settings):
    """A posternd that has a store (with these settings) and store-drive, nothing else."""
    return {
        "server": {"store": "storage-" + store, "max_connections_per_address": 10000},
        "plugin storage-" + store: settings,
        "plugin store-drive": {},
        "listener drive": {"protocol": "store-drive", "address": "unix:auto", "max_line": "1 MiB",
                           "idle_time": "1h", "login_time": "1h", "session_memory": "256 MiB"},
    }


def server(store="kyoto", changes=None, **settings):
    """A postern.Server with that configuration, `changes` merged into it."""
    for plugin in ("storage-" + store, "store-drive"):
        if not any(os.path.exists(os.path.join(folder, plugin + ".so"))
                   for folder in postern.plugin_path().split(":")):
            postern.skip(plugin + " is not built")
    return postern.Server(postern.merge(configuration(store, **settings), changes or {}))
