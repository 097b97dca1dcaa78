#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mirror.py [STORE]: several sessions change one mailbox at random, and each keeps a mirror of it from
what it is told.

A mirror follows EXISTS, EXPUNGE, VANISHED and FETCH, as RFC 9051 section 5.2 and 7.5.1 and RFC 7162
demand: no EXPUNGE while FETCH, STORE or SEARCH use numbers, no number that is not there, no UID that
changes its number otherwise. When all have said NOOP, each mirror must be the mailbox. Some sessions
are plain, some have CONDSTORE or QRESYNC enabled, one sends its commands in packets of several; they take
turns, and every other round they work at the same time.
The seed is printed; POSTERN_SEED= sets it. POSTERN_TEST_LONG=1: another one each time, and twenty
times as much."""
import os
import random
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern
import seed as seeds

ROUNDS = 1200 if os.environ.get("POSTERN_TEST_LONG") else 60
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "\\Draft", "$One", "Two"]
MAIL = b"Subject: x\r\n\r\nbody\r\n"


def numbers(text):
    """The numbers of "1:3,7"."""
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


class Session:
    def __init__(self, server, name, kind):
        self.name, self.kind, self.sent = name, kind, 0
        self.socket = socket.create_connection(("127.0.0.1", server.port("imap")), timeout=30)
        self.file = self.socket.makefile("rb")
        self.uids, self.flags, self.log = [], {}, []
        self.file.readline()
        self.do("LOGIN alice secret")
        if kind in ("CONDSTORE", "QRESYNC"):
            self.do("ENABLE " + kind)
        self.do("SELECT INBOX")
        self.do("FETCH 1:* (UID FLAGS)" if self.uids else "NOOP")

    def do(self, *commands):
        """Says commands in one packet, and takes in all that is told."""
        waiting = []
        packet = b""
        for command in commands:
            self.sent += 1
            waiting.append(("%s%d" % (self.name, self.sent), command))
            packet += waiting[-1][0].encode() + b" " + (
                command if isinstance(command, bytes) else command.encode()) + b"\r\n"
            self.log.append("> %s %s" % waiting[-1])
        self.socket.sendall(packet)
        for tag, command in waiting:
            self.until(tag, command)

    def until(self, tag, command):
        while True:
            line = self.file.readline().decode().rstrip("\r\n")
            self.log.append("< " + line)
            if line.startswith("* "):
                self.take(line[2:], command)
            elif line.startswith(tag + " "):
                word = line.split(" ")[1]
                self.check(word == "OK" or word == "NO" and "EXPUNGEISSUED" in line, "failed")
                return
            else:
                self.check(False, "not an answer to " + tag)

    def check(self, good, what):
        if not good:
            raise AssertionError("%s (%s): %s\n%s\nuids %s" % (
                self.name, self.kind, what, "\n".join(self.log[-25:]), self.uids))

    def take(self, line, command):
        by_number = re.match(r"(FETCH|STORE|SEARCH) ", str(command))
        if found := re.fullmatch(r"(\d+) EXISTS", line):
            count = int(found[1])
            self.check(count >= len(self.uids) or str(command).startswith("SELECT"), "EXISTS shrinks")
            self.uids += [None] * (count - len(self.uids))
        elif found := re.fullmatch(r"(\d+) EXPUNGE", line):
            self.check(not by_number, "EXPUNGE while numbers are in use")
            self.check(self.kind != "QRESYNC", "EXPUNGE with QRESYNC")
            self.check(0 < int(found[1]) <= len(self.uids), "EXPUNGE of a number that is not there")
            self.flags.pop(self.uids.pop(int(found[1]) - 1), None)
        elif found := re.fullmatch(r"VANISHED ([\d,:]+)", line):
            self.check(not by_number and self.kind == "QRESYNC", "VANISHED")
            self.vanished(set(numbers(found[1])))
        elif found := re.fullmatch(r"(\d+) FETCH \((.*)\)", line):
            self.fetched(int(found[1]), found[2])

    def vanished(self, gone):
        for uid in sorted(gone):
            if uid in self.uids:
                self.uids.remove(uid)
                self.flags.pop(uid, None)
                continue
            # A message of which only EXISTS was heard: one of those between its neighbours.
            last = max((i for i, one in enumerate(self.uids) if one and one < uid), default=-1)
            self.check(self.uids[last + 1:last + 2] == [None], "VANISHED of a UID that was never there")
            del self.uids[last + 1]

    def fetched(self, number, items):
        self.check(0 < number <= len(self.uids), "FETCH of a number that is not there")
        uid = re.search(r"UID (\d+)", items)
        if uid:
            self.check(self.uids[number - 1] in (None, int(uid[1])), "another UID has the number")
            self.uids[number - 1] = int(uid[1])
        flags = re.search(r"FLAGS \(([^)]*)\)", items)
        if flags and self.uids[number - 1]:
            self.flags[self.uids[number - 1]] = frozenset(flags[1].split()) - {"\\Recent"}

    def learn(self):
        """The UIDs and flags of what only EXISTS told."""
        if None in self.uids:
            first = self.uids.index(None) + 1
            self.do("FETCH %d:%d (UID FLAGS)" % (first, len(self.uids)))


def command(chance, session):
    """Something to say, right for what the session knows."""
    count = len(session.uids)
    if not count or chance.random() < 0.15:
        return b"APPEND INBOX (%s) {%d+}\r\n%s" % (
            " ".join(chance.sample(FLAGS, chance.randrange(3))).encode(), len(MAIL), MAIL)
    first, last = sorted((chance.randint(1, count), chance.randint(1, count)))
    known = [uid for uid in session.uids if uid] or [1]
    uids = "%d:%d" % tuple(sorted((chance.choice(known), chance.choice(known))))
    flag = " ".join(chance.sample(FLAGS, chance.choice((1, 1, 2))))
    sign = chance.choice("+-+-+")
    return chance.choice((
        "NOOP", "FETCH %d:%d (UID FLAGS)" % (first, last), "UID FETCH %s (FLAGS)" % uids,
        "STORE %d:%d %sFLAGS (%s)" % (first, last, sign, flag),
        "STORE %d %sFLAGS (\\Deleted)" % (first, sign),
        "UID STORE %s %sFLAGS (%s)" % (uids, sign, flag),
        "SEARCH NOT DELETED", "UID SEARCH FLAGGED", "EXPUNGE", "UID EXPUNGE " + uids,
        "COPY %d INBOX" % first, "UID COPY %s INBOX" % uids.split(":", maxsplit=1)[0],
        "SEARCH %d:*" % first, "CHECK"))


def work(chance, session):
    if session.name == "E":  # several in one packet: only those that move no numbers
        session.learn()
        some = [command(chance, session) for _ in range(4)]
        session.do(*[one for one in some if re.match(r"(FETCH|STORE|SEARCH) ", str(one))] or ["NOOP"])
    else:
        session.do(command(chance, session))
    if chance.random() < 0.5:
        session.learn()


def together(chance, sessions):
    """All of them at the same time."""
    wrong = []

    def run(own, session):
        try:
            for _ in range(own.randint(1, 6)):
                work(own, session)
        except AssertionError as error:
            wrong.append(error)
    threads = [threading.Thread(target=run, args=(random.Random(chance.random()), session))
               for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


def compare(sessions):
    """Quiet now: every mirror must be the mailbox."""
    for session in sessions:
        session.do("NOOP")
        session.learn()
        session.do("NOOP")
    truth = None
    for session in sessions:
        mirror = [(uid, session.flags[uid]) for uid in session.uids]
        session.uids, session.flags = [None] * len(session.uids), {}
        if mirror:
            session.do("UID FETCH 1:* (FLAGS)")
        real = [(uid, session.flags.get(uid)) for uid in session.uids]
        session.check(mirror == real, "the mirror is %s, the mailbox %s" % (
            sorted(set(mirror) - set(real)), sorted(set(real) - set(mirror))))
        session.check(truth is None or real == truth, "sessions see different mailboxes")
        truth = real


def main():
    store = sys.argv[1] if len(sys.argv) > 1 else "memory"
    seed = int(seeds.of_run())
    chance = random.Random(seed)
    changes = {"plugin storage-memory": {"pending": 40, "seed": seed}} if store == "memory" else {}
    with postern.mail_server(store=store, changes=changes) as server:
        sessions = [Session(server, name, kind) for name, kind in
                    zip("ABCDE", ("plain", "plain", "CONDSTORE", "QRESYNC", "plain"))]
        sessions[0].do(*[b"APPEND INBOX {%d+}\r\n%s" % (len(MAIL), MAIL)] * 12)
        most = 0
        for number in range(ROUNDS):
            if number % 2:
                together(chance, sessions)
            for _ in range(0 if number % 2 else chance.randint(1, 8)):
                work(chance, chance.choice(sessions))
            compare(sessions)
            most = max(most, len(sessions[0].uids))
    print("%d rounds, %d commands, %d messages at most" % (
        ROUNDS, sum(session.sent for session in sessions), most))


if __name__ == "__main__":
    main()
