# SPDX-License-Identifier: Apache-2.0
"""Retention of an account: deleted mail goes, hidden mail stays in the store, kept mail stays in
sight; EXPIRE tells the truth. All of it is still so after a restart."""

import os
import poplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

POLICIES = {"ann": "delete", "bob": "hide", "carol": "keep 30d", "dave": "keep 0d"}


def login(server, user):
    for _ in range(100):
        pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
        try:
            pop.user(user)
            pop.pass_("secret")
            return pop
        except poplib.error_proto as error:
            assert b"[IN-USE]" in error.args[0], error
            time.sleep(0.02)
    raise AssertionError("the mailbox stays locked")


def session(server, user, retrieve=(), delete=(), leave=False):
    """Does this; returns the number of messages seen at its beginning."""
    pop = login(server, user)
    count = pop.stat()[0]
    for number in retrieve:
        pop.retr(number)
    for number in delete:
        pop.dele(number)
    if leave:
        pop.close()
    else:
        pop.quit()
    return count


def main():
    users = {name: "secret" for name in POLICIES}
    with postern.mail_server(store="kyoto", users=users) as server:
        with open(server.users_file, encoding="utf-8") as accounts:
            text = accounts.read()
        for name, policy in POLICIES.items():
            text = text.replace(f"[{name}]\n", f"[{name}]\npop3.retention = {policy}\n")
        assert text.count("pop3.retention") == 4
        with open(server.users_file, "w", encoding="utf-8") as accounts:
            accounts.write(text)
        server.restart()
        for name in POLICIES:
            mails = [b"Subject: %d\r\n\r\nx\r\n" % n for n in range(4)]
            corpus.deliver(server, f"{name}@example.test", mails)
        expire = {}
        for name in POLICIES:
            pop = login(server, name)
            expire[name] = pop.capa()["EXPIRE"]
            pop.quit()
        assert expire == {"ann": ["NEVER"], "bob": ["NEVER"], "carol": ["30"], "dave": ["0"]}, expire
        for name in POLICIES:
            session(server, name, delete=(1, 2), leave=True)  # no QUIT: nothing happens
            assert session(server, name, retrieve=(1, 2), delete=(2,)) == 4, name
        for _ in range(2):
            assert session(server, "ann") == 3
            assert session(server, "bob") == 3
            assert session(server, "carol") == 4
            assert session(server, "dave") == 2
            server.restart()
        session(server, "dave", retrieve=(1,), leave=True)  # noted without QUIT too
        for _ in range(100):
            if session(server, "dave") == 1:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the retrieval of a lost session was not noted")


if __name__ == "__main__":
    main()
