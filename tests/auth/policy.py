#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What holds for every directory: closed mailboxes, delegations by posternctl, what a reload of
auth's settings changes, and that a wrong one lets nobody in."""

import os
import poplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

AUTH = {"plugin auth": {"failure_delay": "0"}, "plugin directory-file": {"nt_domains": "EXAMPLE"}}


def lets_in(server, user, code="AUTH"):
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=postern.TIMEOUT)
    try:
        client.user(user)
        client.pass_("pass")
        return True
    except poplib.error_proto as error:
        assert "[%s]" % code in str(error), error
        return False
    finally:
        client.quit()


def delegations(server):
    assert not lets_in(server, "EXAMPLE/bob/alice")
    server.posternctl("delegate", "add", "ALICE@example.test", "bob", "--read-only")
    assert lets_in(server, "EXAMPLE/bob/alice")
    line = server.wait_log("login.on_behalf", user="bob", account="alice")
    assert line["access"] == "read" and line["level"] == "notice", line
    rows = server.posternctl("delegate", "list", json=True)
    assert rows == [{"mailbox": "alice", "user": "bob", "access": "read"}], rows
    server.stop()
    server.start()  # it is durable
    assert lets_in(server, "EXAMPLE/bob/alice")
    server.posternctl("delegate", "remove", "alice", "bob")
    assert not lets_in(server, "EXAMPLE/bob/alice")
    done = server.posternctl("delegate", "remove", "alice", "bob", check=False)
    assert done.returncode != 0 and "delegate list" in done.stderr, done


def closed_mailboxes(server):
    assert lets_in(server, "bob")
    worker = server.worker_pid
    server.configure({"plugin auth": {"closed_mailboxes": "bob carol"}})
    server.reload()
    assert server.worker_pid == worker, server.tail()
    assert not lets_in(server, "bob")
    assert lets_in(server, "alice")
    server.wait_log("login.failure", login="bob",
                    reason="an administrator's mailbox is not opened over this protocol")
    server.configure({"plugin auth": {"closed_mailboxes": "",
                                      "credentials": "directory-file:nobody"}})
    server.reload()
    server.wait_log("login.no_source", name="nobody")
    assert lets_in(server, "bob", "SYS/TEMP") is False  # verified by nobody, not by somebody else
    server.configure({"plugin auth": {"credentials": "directory-file:directory-file"}})
    server.reload()
    assert lets_in(server, "bob")
    assert server.worker_pid == worker, server.tail()


def policy():
    users = {name: "pass" for name in ("alice", "bob", "carol")}
    with postern.mail_server(users=users, changes=AUTH) as server:
        delegations(server)
        closed_mailboxes(server)


if __name__ == "__main__":
    postern.run(policy)
