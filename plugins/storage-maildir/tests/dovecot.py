#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A tree of a real Dovecot, served by Postern, and back: UIDVALIDITY, UIDs, flags, keywords, dates,
sizes and octets stay; then both on one tree at the same time.  Skips where there is no Dovecot."""

import base64
import email.utils
import grp
import imaplib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..",
                                "tests", "support"))
import corpus  # noqa: E402
import drive  # noqa: E402
import postern  # noqa: E402

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
auth_username_format = %n
mail_location = maildir:{mail}/%n/Maildir
mail_home = {dir}/home/%n
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""
FOLDERS = ["INBOX", "Sent", "Lists/C&C/2026", "Entwürfe", "INBOX/child", "日本語"]
SYSTEM = {"\\Answered": 1, "\\Flagged": 2, "\\Deleted": 4, "\\Seen": 8, "\\Draft": 16}


def utf7(text):
    """Modified UTF-7, RFC 3501 section 5.1.3."""
    def run(match):
        octets = match.group().encode("utf-16-be")
        return "&" + base64.b64encode(octets).decode().rstrip("=").replace(
            "/", ",") + "-"
    return re.sub("[^ -~]+", run, text.replace("&", "&-"))


class Dovecot:
    """Runs as the user that we are."""

    def __init__(self, folder, mail):
        self.port = postern.free_port()
        os.makedirs(os.path.join(folder, "home"))
        self.config = os.path.join(folder, "dovecot.conf")
        self.log = os.path.join(folder, "dovecot.log")
        with open(self.config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(dir=folder, mail=mail, port=self.port, uid=os.geteuid(),
                                    gid=os.getegid(), user=pwd.getpwuid(os.geteuid()).pw_name,
                                    group=grp.getgrgid(os.getegid()).gr_name))

    def __enter__(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.config],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 20 * postern.SLOW
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                    if sock.recv(1):
                        return self
            except OSError:
                pass
            if self.process.poll() is not None:
                postern.skip("Dovecot does not run here: " + self.process.stderr.read()[-500:])
            if time.monotonic() > until:
                raise AssertionError("Dovecot does not answer")
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process.stderr.close()

    def login(self, user="alice"):
        imap = imaplib.IMAP4("127.0.0.1", self.port)
        imap.login(user, "x")
        return imap


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def quoted(folder):
    return '"%s"' % utf7(folder)


def dates(text):
    return int(email.utils.mktime_tz(email.utils.parsedate_tz(text)))


def look_dovecot(imap, octets=True):
    """{folder: (uidvalidity, uidnext, {uid: (flags, size, date, octets)})}"""
    result = {}
    for line in ok(imap.list()):
        raw = re.search(rb'"/" (?:"(.*)"|(\S+))$', line)
        name = (raw.group(1) or raw.group(2)).decode()
        if re.match(rb"\([^)]*\\(Noselect|NonExistent)", line, re.I):
            continue
        count = int(ok(imap.select('"%s"' % name, readonly=True))[0])
        status = ok(imap.status('"%s"' % name, "(UIDVALIDITY UIDNEXT)"))[0].decode()
        mails = {}
        if count:
            for item in ok(imap.fetch("1:*", "(UID FLAGS RFC822.SIZE INTERNALDATE%s)" % (
                    " BODY.PEEK[]" if octets else ""))):
                if isinstance(item, tuple):
                    head, body = item[0].decode(), item[1]
                else:
                    if item == b")":
                        continue
                    head, body = item.decode(), None
                flags = frozenset(re.search(r"FLAGS \(([^)]*)\)", head).group(1).split()) \
                    - {"\\Recent"}
                mails[int(re.search(r"UID (\d+)", head).group(1))] = (
                    flags, int(re.search(r"RFC822.SIZE (\d+)", head).group(1)),
                    dates(re.search(r'INTERNALDATE "([^"]*)"', head).group(1)), body)
        result[name] = (int(re.search(r"UIDVALIDITY (\d+)", status).group(1)),
                        int(re.search(r"UIDNEXT (\d+)", status).group(1)), mails)
    return result


def flag_names(bits, keywords):
    names = {name for name, bit in SYSTEM.items() if bits & bit}
    return frozenset(names | {word for i, word in enumerate(keywords) if bits >> (16 + i) & 1})


def look_postern(d):
    result = {}
    for box in d.list():
        if box.attributes & 1:
            continue
        keywords = d.view(box.path, rows=False).keywords
        mails = {row.uid: (flag_names(row.flags, keywords), row.octets, row.internal_date,
                           d.read(box.path, row.uid)) for row in d.fetch(box.path)}
        result[utf7(box.path)] = (box.uidvalidity, box.uidnext, mails)
    return result


def same(left, right):
    assert set(left) == set(right), (sorted(left), sorted(right))
    for name, (uidvalidity, uidnext, mails) in left.items():
        other = right[name]
        assert (uidvalidity, uidnext) == other[:2], (name, uidvalidity, uidnext, other[:2])
        assert list(mails) == list(other[2]), (name, list(mails), list(other[2]))
        for uid, row in mails.items():
            assert row[:3] == other[2][uid][:3], (name, uid, row[:3], other[2][uid][:3])
            assert row[3] == other[2][uid][3], (name, uid, row[3][:300], other[2][uid][3][:300])
            assert row[1] == len(row[3]), (name, uid)


def fill(imap):
    """What an old Dovecot tree may have."""
    mails = [octets for name, octets in corpus.messages(big=300_000)
             if name not in ("bare CR", "bare LF", "NUL octets")]  # Dovecot shows them otherwise
    for folder in FOLDERS[1:]:
        ok(imap.create(quoted(folder)))
        ok(imap.subscribe(quoted(folder)))
    words = ["$Junk", "$Forwarded", "Work"]
    for number, octets in enumerate(mails):
        folder = FOLDERS[number % len(FOLDERS)]
        flags = [flag for i, flag in enumerate(SYSTEM) if number >> i & 1 and flag != "\\Deleted"]
        flags += [word for i, word in enumerate(words) if number % (i + 2) == 0]
        date = imaplib.Time2Internaldate(1500000000 + number * 86400)
        ok(imap.append(quoted(folder), "(%s)" % " ".join(flags), date, octets))
        ok(imap.append("INBOX", "", date, octets))
    ok(imap.select("INBOX"))
    ok(imap.store("2,4", "+FLAGS", "(\\Deleted)"))
    ok(imap.expunge())
    ok(imap.store("3", "+FLAGS", "(Another \\Answered)"))
    ok(imap.copy("1:3", quoted("Entwürfe")))
    imap.close()
    return len(mails)


def change_with_postern(d, server):
    """Everything that a client may do; what Dovecot has to find afterwards."""
    inbox = [row.uid for row in d.fetch("INBOX")]
    bit = d.keyword("INBOX", "FromPostern")
    d.flags("INBOX", inbox[0], "add", drive.SEEN | 1 << bit)
    d.flags("INBOX", inbox[1], "set", drive.FLAGGED)
    d.expunge("INBOX", inbox[4])
    d.copy("INBOX", inbox[2:4], "Sent")
    d.move("INBOX", inbox[5], "Entwürfe")
    d.create("Neu/Unter & über")
    d.append("Neu/Unter & über", b"Subject: neu\r\n\r\nx\r\n", drive.DRAFT, 1600000000)
    d.deliver([("alice", "INBOX")], b"Subject: lmtp\r\n\r\nhello\r\n")
    d.rename("日本語", "Umbenannt/日本語")
    d.subscribe("Neu/Unter & über")
    d.remove("Lists/C&C/2026")


def there_and_back(folder):
    mail = os.path.join(folder, "mail")
    os.makedirs(mail)
    dovecot = Dovecot(os.path.join(folder, "dovecot"), mail)
    with dovecot:
        imap = dovecot.login()
        count = fill(imap)
        before = look_dovecot(imap)
        imap.logout()
    with drive.server(store="maildir", path=mail + "/%n/Maildir", domain="") as server:
        with drive.Drive(server, "alice") as d:
            same(before, look_postern(d))
            assert {box.path for box in d.list() if box.attributes & 2} == set(FOLDERS[1:])
            assert d.accounts() == ["alice"], d.accounts()
            change_with_postern(d, server)
            changed = look_postern(d)
        server.kill9()
        server.start()
        with drive.Drive(server, "alice") as d:
            same(changed, look_postern(d))
    with dovecot:
        imap = dovecot.login()
        same(changed, look_dovecot(imap))
        subscribed = {re.search(rb'"/" "?(.*?)"?$', line).group(1).decode()
                      for line in ok(imap.lsub())}
        assert utf7("Neu/Unter & über") in subscribed, subscribed
        ok(imap.append("INBOX", "(Another)", None, b"Subject: again\r\n\r\nback\r\n"))
        imap.logout()
        with open(dovecot.log, encoding="utf-8", errors="replace") as log:
            wrong = [line for line in log if re.search("Error|Panic|Warning: (?!Killed)", line)]
        assert not wrong, wrong
    print("    %d mails in %d folders" % (count, len(FOLDERS)))


def side_by_side(folder):
    """Both at work on one mailbox: no UID is given twice, nobody misses a change of the other."""
    mail = os.path.join(folder, "mail")
    os.makedirs(mail)
    dovecot = Dovecot(os.path.join(folder, "dovecot"), mail)
    with dovecot, drive.server(store="maildir", path=mail + "/%n/Maildir") as server, \
            drive.Drive(server, "bob") as d:
        imap = dovecot.login("bob")
        ok(imap.select("INBOX"))
        given = {}
        for number in range(60):
            octets = b"Subject: %d\r\n\r\nx\r\n" % number
            if number % 2:
                uid = d.append("INBOX", octets).uids[0]
            else:
                done = ok(imap.append("INBOX", "(K%d)" % (number % 6), None, octets))
                uid = int(re.search(rb"APPENDUID \d+ (\d+)", done[0]).group(1))
            assert uid not in given, (uid, number)
            given[uid] = number
        for uid in list(given)[::5]:
            ok(imap.uid("STORE", str(uid), "+FLAGS", "(\\Seen)"))
            d.flags("INBOX", uid, "add", drive.FLAGGED)
        for uid in list(given)[3::10]:
            d.expunge("INBOX", uid)
            del given[uid]
        first = list(given)[1]
        ok(imap.uid("STORE", str(first), "+FLAGS", "(\\Deleted)"))
        ok(imap.expunge())
        del given[first]
        time.sleep(2.5)  # changes within one tick of the clock are seen at the look after
        ok(imap.noop())
        seen = look_postern(d)
        same(look_dovecot(imap), seen)
        assert list(seen["INBOX"][2]) == sorted(given), (list(seen["INBOX"][2]), sorted(given))
        for uid, number in given.items():
            assert seen["INBOX"][2][uid][3].startswith(b"Subject: %d\r" % number)
        modseq = d.status("INBOX").modseq
        ok(imap.select("INBOX"))
        ok(imap.uid("STORE", str(list(given)[2]), "+FLAGS", "(\\Draft)"))
        time.sleep(2.5)
        assert d.status("INBOX").modseq > modseq  # a change of another gets a modseq
        assert [row.uid for row in d.fetch("INBOX", "all", modseq)] == [list(given)[2]]
        imap.logout()


def main():
    if not shutil.which("dovecot"):
        postern.skip("Dovecot is not installed")
    postern.reachable_build()
    if os.geteuid() == 0:  # Dovecot serves no mail as root
        user = pwd.getpwnam("mail")
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    for function in (there_and_back, side_by_side):
        folder = tempfile.mkdtemp(prefix="postern-")
        try:
            os.mkdir(os.path.join(folder, "dovecot"))
            function(folder)
            print("ok ", function.__name__, flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
