#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mail of every shape through the whole server on storage-maildir: LMTP in, POP3 out, octet for
octet; files of other programs are met; hostile names, links and lists do no harm; what was
acknowledged is there after kill -9."""

import os
import poplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..",
                                "tests", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402


def pop3(server, user="alice"):
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    client.user(user)
    client.pass_("secret")
    return client


def fetch_all(server, user="alice"):
    """The octets of all messages, as they came; poplib takes lines apart at bare LFs too."""
    with server.connect("pop3") as sock:
        lines = postern.lines(sock)

        def command(text):
            sock.sendall(text + b"\r\n")
            answer = lines.readline()
            assert answer.startswith(b"+OK"), answer
            return answer

        lines.readline()
        command(b"USER " + user.encode())
        command(b"PASS secret")
        count = int(command(b"STAT").split()[1])
        result = []
        for number in range(1, count + 1):
            size = int(command(b"RETR %d" % number).split()[1])
            octets, start = b"", True
            while True:
                line = lines.readline()
                if line == b".\r\n" and start:
                    break
                octets += line[1:] if start and line.startswith(b".") else line
                start = line.endswith(b"\r\n")
            result.append((size, octets))
        command(b"QUIT")
        return result


def every_shape():
    mails = [octets for _, octets in corpus.messages(big=2_000_000)]
    with postern.mail_server(store="maildir", changes={
            "listener pop3": {"uidl_format": "dovecot"}}) as server:
        corpus.deliver(server, "alice@example.test", mails)
        server.kill9()
        server.start()
        got = fetch_all(server)
        assert len(got) == len(mails)
        for (size, octets), sent in zip(got, mails):
            # LMTP writes trace headers before the mail.
            assert octets.endswith(sent) or octets.rstrip(b"\r\n").endswith(sent.rstrip(b"\r\n")), \
                (sent[:100], octets[:500])
            assert size in (len(octets), len(octets) - 2), (size, len(octets))
        maildir = maildir_of(server)
        with open(os.path.join(maildir, "dovecot-uidlist"), encoding="ascii") as lines:
            head = lines.readline().split()
            uids = [int(line.split()[0]) for line in lines]
        client = pop3(server)
        assert [line.split()[1] for line in client.uidl()[1]] == [
            b"%08x%08x" % (uid, int(head[1][1:])) for uid in uids]
        for number in range(1, len(mails), 2):
            client.dele(number)
        client.quit()
        assert len(os.listdir(os.path.join(maildir, "new"))
                   + os.listdir(os.path.join(maildir, "cur"))) == len(mails) - len(mails) // 2
        assert not os.listdir(os.path.join(maildir, "tmp"))


def maildir_of(server):
    for folder, names, _ in os.walk(os.path.join(server.state, "storage-maildir")):
        if "cur" in names:
            return folder
    raise AssertionError("no Maildir")


def put(maildir, part, name, octets):
    """What another program delivers."""
    path = os.path.join(maildir, "tmp", "foreign")
    with open(path, "wb") as out:
        out.write(octets)
    os.rename(path, os.path.join(maildir, part, name))


def other_programs():
    with postern.mail_server(store="maildir") as server:
        corpus.deliver(server, "alice@example.test", [b"Subject: first\r\n\r\nx\r\n"])
        maildir = maildir_of(server)
        put(maildir, "new", "1700000000.M1P1.elsewhere", b"Subject: lf\n\none\ntwo\n")
        put(maildir, "cur", "1700000001.M1P1.elsewhere:2,S", b"Subject: crlf\r\n\r\nx\r\n")
        put(maildir, "cur", "1700000002.M1P1.elsewhere,S=20:2,", b"Subject: s\n\nno end")
        got = [octets for _, octets in fetch_all(server)]
        assert len(got) == 4, got
        assert got[1:] == [b"Subject: lf\r\n\r\none\r\ntwo\r\n", b"Subject: crlf\r\n\r\nx\r\n",
                           b"Subject: s\r\n\r\nno end\r\n"], got[1:]
        os.unlink(os.path.join(maildir, "cur", "1700000001.M1P1.elsewhere:2,S"))
        os.rename(os.path.join(maildir, "new", "1700000000.M1P1.elsewhere"),
                  os.path.join(maildir, "cur", "1700000000.M1P1.elsewhere:2,S"))
        got = [octets for _, octets in fetch_all(server)]
        assert len(got) == 3 and got[1].startswith(b"Subject: lf"), got


def hostile_trees():
    with postern.mail_server(store="maildir") as server:
        corpus.deliver(server, "alice@example.test", [b"Subject: first\r\n\r\nx\r\n"])
        maildir = maildir_of(server)
        secret = os.path.join(server.directory, "secret")
        with open(secret, "w", encoding="ascii") as out:
            out.write("not for alice\n")
        os.symlink(secret, os.path.join(maildir, "cur", "1700000000.link:2,"))
        os.symlink(server.directory, os.path.join(maildir, ".linked"))
        os.mkdir(os.path.join(maildir, "cur", "1700000001.folder:2,"))
        os.mkfifo(os.path.join(maildir, "new", "1700000002.fifo"))
        os.mkdir(os.path.join(maildir, ".bad..name"))
        for name in ("." + "x" * 200, "a\nb", "\udcff\udcfe", ":2,S", "n" * 250 + ":2,"):
            put(maildir, "cur", name, b"Subject: odd\n\nx\n")
        got = [octets for _, octets in fetch_all(server)]
        assert len(got) == 3 and not any(b"not for" in octets for octets in got), got
        put(maildir, "new", "1700000003.M1.x,S=99999,W=99999", b"Subject: a lie\n\nx\n")
        put(maildir, "new", "1700000004.M1.x,S=18,W=3", b"Subject: a lie\n\nx\n")
        client = pop3(server)
        count = client.stat()[0]
        answers = []
        for number in range(1, count + 1):
            try:
                answers.append(client.retr(number)[0][:3])
            except (poplib.error_proto, EOFError, OSError) as error:
                answers.append(str(error)[:80])
                try:
                    client.close()
                except OSError:
                    pass
                client = pop3(server)
        assert count == 5 and b"+OK" in answers, answers
        client.close()
        for rotten in (b"", b"\0" * 5000, b"garbage\n" * 1000, b"3 V1 N1\n" + b"9" * 100000):
            time.sleep(0.02)
            with open(os.path.join(maildir, "dovecot-uidlist"), "wb") as out:
                out.write(rotten)
            corpus.deliver(server, "alice@example.test", [b"Subject: after\r\n\r\nx\r\n"])
            client = pop3(server)
            assert client.stat()[0] > 1
            uids = [line.split()[1] for line in client.uidl()[1]]
            assert len(set(uids)) == len(uids), uids
            client.quit()


if __name__ == "__main__":
    postern.run(every_shape, other_programs, hostile_trees)
