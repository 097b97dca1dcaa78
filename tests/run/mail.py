#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, from submission to POP3: in clear, with STARTTLS, over TLS; with LMTP; after a
kill -9 where the store is durable."""
import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

USERS = {"alice": "secret", "bob": "hidden"}
MAIL = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: %s\r\n\r\nHello.\r\n..\r\n"


def submit(server, listener, subject):
    smtp = smtplib.SMTP("localhost", server.port(listener), timeout=postern.TIMEOUT) \
        if listener != "submissions" else \
        smtplib.SMTP_SSL("localhost", server.port(listener), context=server.tls_context())
    with smtp:
        if listener == "submission":
            smtp.starttls(context=server.tls_context())
        smtp.login("alice", "secret")
        smtp.sendmail("alice@example.test", ["bob@example.test"], MAIL % subject)


def fetch(server, listener, stls=False):
    """All mails of bob, as lists of lines, with their unique ids."""
    pop = poplib.POP3_SSL("localhost", server.port(listener), context=server.tls_context()) \
        if listener == "pop3s" else poplib.POP3("localhost", server.port(listener))
    try:
        if stls:
            pop.stls(context=server.tls_context())
        pop.user("bob")
        pop.pass_("hidden")
        count = pop.stat()[0]
        return {pop.uidl(n).split()[2]: pop.retr(n)[1] for n in range(1, count + 1)}
    finally:
        pop.quit()


def subjects(mails):
    return [line for mail in mails.values() for line in mail if line.startswith(b"Subject")]


def all_ways(store):
    with postern.mail_server(store=store, users=USERS) as server:
        submit(server, "submission", b"starttls")
        submit(server, "submissions", b"tls")
        with smtplib.LMTP("localhost", server.port("lmtp")) as lmtp:
            lmtp.sendmail("x@elsewhere.test", ["bob@example.test"], MAIL % b"lmtp")
        with smtplib.SMTP("localhost", server.port("smtp")) as smtp:
            smtp.sendmail("x@elsewhere.test", ["bob@example.test"], MAIL % b"smtp")
        mails = fetch(server, "pop3")
        assert subjects(mails) == [b"Subject: starttls", b"Subject: tls", b"Subject: lmtp",
                                   b"Subject: smtp"], mails
        assert all(mail[-2:] == [b"Hello.", b".."] for mail in mails.values()), mails
        assert fetch(server, "pop3", stls=True) == mails
        assert fetch(server, "pop3s") == mails
        if store == "memory":
            return
        server.kill9()
        server.start()
        assert fetch(server, "pop3s") == mails
        os.kill(server.worker_pid, 9)
        assert fetch(server, "pop3s") == mails
        server.configure({"server": {"name": "other.example.test"}})  # wants a new worker
        server.posternctl("reload")
        assert fetch(server, "pop3s") == mails


def memory():
    all_ways("memory")


def kyoto():
    all_ways("kyoto")


if __name__ == "__main__":
    postern.run(memory, kyoto)
