#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""store-drive says what the store does: every command once, over the real posternd, on each of
the stores that are built."""
import hashlib
import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import drive
import postern

MAIL = b"Subject: %d\r\n\r\nhello, this is a letter\r\n"


def refuses(status, function, *arguments):
    try:
        function(*arguments)
    except drive.StoreError as error:
        assert error.status == status, error
    else:
        raise AssertionError("not refused: %s" % (arguments,))


def mailboxes(server):
    with drive.Drive(server, "alice") as d:
        refuses("NOT_FOUND", d.status, "INBOX")
        d.create("INBOX")
        d.create("Work/100% of it: #1")
        names = [m.path for m in d.list()]
        assert names == ["INBOX", "Work", "Work/100% of it: #1"], names
        d.rename("Work/100% of it: #1", "Work/x")
        before = d.status("Work/x")
        assert d.status("INBOX").messages == 0 and before.uidnext == 1 and before.id[0] == "#"
        d.subscribe("Work/x")
        assert d.list("Work/%")[0].attributes & 2
        d.remove("Work/x")
        refuses("NOT_FOUND", d.status, "Work/x")
        refuses("EXISTS", d.create, "INBOX")
        refuses("INVALID", d.run, "no-such-command")
        refuses("INVALID", d.run, "flags", "INBOX")


def messages(server):
    with drive.Drive(server, "bob") as d:
        d.create("INBOX")
        d.create("Copies")
        first = d.append("INBOX", MAIL % 1, flags=drive.SEEN, date=1600000000)
        assert first.uids == [1] and first.uidvalidity == d.status("INBOX").uidvalidity
        big = os.urandom(100000)
        assert d.append("INBOX", big).uids == [2]
        assert d.read("INBOX", 1) == MAIL % 1 and d.read("INBOX", 2) == big
        assert d.read("INBOX", 2, 5, 70000) == big[5:70005]
        assert d.crc("INBOX", 2) == (len(big), zlib.crc32(big))
        assert d.sha("INBOX", 2) == (len(big), hashlib.sha256(big).hexdigest())
        row = d.fetch("INBOX", [1])[0]
        assert (row.uid, row.flags, row.octets, row.internal_date) == (
            1, drive.SEEN, len(MAIL % 1), 1600000000), row
        bit = d.keyword("INBOX", "$Important")
        assert bit == 16 and d.keyword("INBOX", "$Important", make=False) == 16
        refuses("NOT_FOUND", d.keyword, "INBOX", "$Other", False)
        changed = d.flags("INBOX", "1:*", "add", drive.FLAGGED | 1 << bit)
        assert changed.uids == [1, 2] and changed.modseq > row.modseq
        conflict = d.flags("INBOX", "1:2", "remove", drive.SEEN, unchanged_since=row.modseq)
        assert conflict.conflicts == [1, 2] and conflict.uids == [], conflict
        view = d.view("INBOX")
        assert view.keywords == ["$Important"] and view.modseq == changed.modseq
        assert [(r[0], r[2]) for r in view.rows] == [(1, changed.modseq), (2, changed.modseq)]
        assert [r.uid for r in d.fetch("INBOX", "all", row.modseq)] == [1, 2]
        assert d.fetch("INBOX", "all", changed.modseq) == []
        copied = d.copy("INBOX", [1, 2, 9], "Copies")
        assert copied.sources == [1, 2] and copied.uids == [1, 2]
        moved = d.move("INBOX", 2, "Copies")
        assert moved.uids == [3] and d.status("INBOX").messages == 1
        assert d.read("Copies", 3) == big
        d.flags("Copies", 1, "set", drive.DELETED)
        assert d.expunge("Copies", "1:*", only_deleted=True).uids == [1]
        refuses("EXPUNGED", d.read, "Copies", 1)
        assert d.fill("Copies", 25, 2000, 10) > 0
        assert d.status("Copies").messages == 27
        count, octets, _ = d.scan("Copies")
        assert (count, octets) == (27, 25 * 2000 + 2 * len(big))
        assert d.fetch_count("Copies")[0] == 27


def changes(server):
    with drive.Drive(server, "carol") as d:
        d.create("INBOX")
        token = "0123456789abcdef" * 2
        for _ in range(2):  # applied once
            with d.change(token) as c:
                c.append("INBOX", MAIL % 1)
                c.append("INBOX", 3000)
            assert [o.uids for o in c.outcomes] == [[1], [2]], c.outcomes
        assert d.status("INBOX").messages == 2
        with d.change() as c:
            c.flags("INBOX", 1, "set", drive.DRAFT)
            c.annotate("INBOX", [1, 2], "/comment", b"a value\0with %: octets")
            c.expunge("INBOX", [2])
        assert d.annotations("INBOX", "all") == {(1, "/comment"): b"a value\0with %: octets"}
        try:
            with d.change() as c:
                c.expunge("INBOX", "1:*")
                raise KeyError
        except KeyError:
            assert d.status("INBOX").messages == 1
        d.annotate(None, "-", "/private/x", b"of the account")
        d.annotate("INBOX", "-", "/private/y", b"of the mailbox")
        assert d.annotations(None) == {(0, "/private/x"): b"of the account"}
        assert d.annotations("INBOX", "-", "/private/y") == {(0, "/private/y"): b"of the mailbox"}
        d.annotate(None, "-", "/private/x", None)
        assert d.annotations(None) == {}


def deliveries(server):
    with drive.Drive(server) as d:
        assert d.deliver([("dora", "INBOX"), ("emil", "Lists/a", drive.SEEN),
                          ("fred", "INBOX", 0, 10, None)], MAIL % 5) == [
                              ("OK", 1), ("OK", 1), ("OVERQUOTA", 0)]
        refuses("INVALID", d.deliver, [], b"x" * 70000)  # the octets are passed over
        assert {"dora", "emil"} <= set(d.accounts())
        d.open("emil")
        assert d.fetch("Lists/a")[0].flags == drive.SEEN
        d.set_quota(storage=50, messages=None)
        quota = d.quota()
        assert quota.storage_limit == 50 and quota.messages_limit == drive.NONE
        assert quota.messages == 1 and quota.storage == len(MAIL % 5)
        refuses("OVERQUOTA", d.append, "Lists/a", MAIL % 6)
        refuses("OVERQUOTA", d.fill, "Lists/a", 3, 1000, 3)
        d.close_account()
        d.remove_account("emil")
        assert "emil" not in d.accounts()


def shared(server):
    """Rights, mailboxes of others, what happens to them."""
    with drive.Drive(server, "hugo") as d, drive.Drive(server, "ines") as other:
        d.create("INBOX")
        d.create("Team", 1 << 13)
        assert d.status("Team").attributes & 1 << 13 and d.status("Team").rights
        d.set_attributes("Team", 1 << 9)
        assert d.status("Team").attributes & 1 << 9 and not d.status("Team").attributes & 1 << 13
        refuses("NOT_FOUND", other.status, ("hugo", "Team"))
        d.set_rights("Team", "ines", "lrs")
        assert d.rights("Team")["ines"] == "lrs"
        assert [m.path for m in other.others("hugo")] == ["Team"]
        refuses("DENIED", other.append, ("hugo", "Team"), b"x")
        other.watch(("hugo", "Team"), account="hugo")
        assert other.events() == []
        d.append("Team", MAIL % 1)
        told = other.events(wait=5)
        assert told and told[0].kinds & 3 and told[0].mailbox == d.status("Team").id, told
        assert other.read(("hugo", "Team"), 1) == MAIL % 1
        d.set_rights("Team", "ines", "")
        assert "ines" not in d.rights("Team")
        other.unwatch()


def remembered(server):
    with drive.Drive(server, "jana") as d:
        d.create("INBOX")
        d.append("INBOX", MAIL % 1, digest=b"what it is\0", references=["one@example.test"])
        d.append("INBOX", MAIL % 2, references=["two@example.test", "one@example.test"])
        d.append("INBOX", MAIL % 3)
        ids = d.ids("INBOX")
        assert ids[1].digest == b"what it is\0" and ids[3].digest is None
        assert ids[1].thread == ids[2].thread != ids[3].thread
        assert len({entry.email for entry in ids.values()}) == 3
        assert d.recent("INBOX") == 1 and d.recent("INBOX") == 4
        before = d.status("INBOX").modseq
        d.expunge("INBOX", [1, 3])
        assert d.vanished("INBOX", before) == [1, 3]
        assert d.vanished("INBOX", before, [2, 3]) == [3]
        d.remember("INBOX", 2, b"late")


def pipelined(server):
    with drive.Drive(server, "gina") as d:
        d.create("INBOX")
        d.send("append INBOX 0 1700000000", b"one\r\n")
        d.send("append INBOX 0 1700000000", b"x" * 200000)
        d.send("append nowhere 0 1700000000", b"x" * 200000)
        for _ in range(500):
            d.send("flags INBOX 1 add 8")
            d.send("flags INBOX 1 remove 8")
        d.send("read INBOX 2")
        assert drive.outcome(d.answer().words).uids == [1]
        assert drive.outcome(d.answer().words).uids == [2]
        refuses("NOT_FOUND", d.answer)
        for _ in range(1000):
            assert drive.outcome(d.answer().words).uids == [1]
        assert d.answer().octets == b"x" * 200000


def on(store):
    if not os.path.exists(os.path.join(postern.BUILD, "plugins", "storage-" + store,
                                       "storage-" + store + ".so")):
        return
    with drive.server(store) as server:
        for function in (mailboxes, messages, changes, deliveries, shared, remembered,
                         pipelined):
            function(server)


def memory():
    on("memory")


def kyoto():
    on("kyoto")


if __name__ == "__main__":
    postern.run(memory, kyoto)
