# SPDX-License-Identifier: Apache-2.0
"""Mail programs log in with tickets of a real KDC (MIT) by GSSAPI and GSS-SPNEGO; whose tickets are
refused; and what happens when keys are changed or the keytab is missing."""

import os
import shutil

import kerberos_clients
import krb5

USERS = {"alice": "secret", "carol": "secret", "alice/admin": "secret"}
ACCOUNTS = {"alice": "secret", "admin": "secret", "bob": {"password": "{PLAIN}x", "delegates": "alice"}}


def new_server(realm, **settings):
    return kerberos_clients.server_for(realm.keytab, realm.config, users=ACCOUNTS, **settings)


def imap_login(place, environment, authzid=""):
    """With gsasl, or with curl, who cannot name another mailbox."""
    if shutil.which("gsasl"):
        return kerberos_clients.gsasl(place, environment, "imap", "--imap", authzid)
    return kerberos_clients.curl_imap(place, environment)


def every_client(realm):
    with new_server(realm) as server:
        place = kerberos_clients.Place(server, "alice", realm.name)
        logged_in = kerberos_clients.try_all(place, realm.tickets("alice"))
    for mechanism in ("GSSAPI", "GSS-SPNEGO"):
        kerberos_clients.check_table(f"MIT: {mechanism}", logged_in, mechanism)
    return len(logged_in)


def expect(server, event, since, **fields):
    """The line of the log; a reason is a part of it."""
    reason = fields.pop("reason", "")
    line = server.wait_log(event, since=since, mechanism="GSSAPI", **fields)
    assert reason in line.get("reason", ""), line
    return line


def refused(realm):
    """Proved, and yet nobody who may log in."""
    with new_server(realm) as server:
        for user, reason in (("carol", "unknown user"), ("alice/admin", "more than one part")):
            since = len(server.log)
            imap_login(kerberos_clients.Place(server, user, realm.name), realm.tickets(user))
            expect(server, "login.failure", since, reason=reason)
        place, tickets = kerberos_clients.Place(server, "alice", realm.name), realm.tickets("alice")
        for realms, event in (("ELSEWHERE.TEST", "login.failure"), (realm.name, "login.success")):
            server.configure({"plugin auth-gssapi": {"realms": realms}})
            server.reload()
            since = len(server.log)
            imap_login(place, tickets)
            line = expect(server, event, since)
        assert server.logged("login.failure", reason="the realm is none of the setting realms",
                             login="alice@" + realm.name), line


def another_mailbox(realm):
    if not shutil.which("gsasl"):
        return
    with new_server(realm) as server:
        place = kerberos_clients.Place(server, "alice", realm.name)
        imap_login(place, realm.tickets("alice"), "bob")
        expect(server, "login.success", 0, user="alice", account="bob")
        since = len(server.log)
        imap_login(place, realm.tickets("alice"), "admin")
        expect(server, "login.failure", since, reason="delegate")


def keys_change(realm):
    """The service gets a new key: the old keytab is told as what it is, and the new one needs no
    restart.  Without a keytab the mechanism is not offered, and comes back with it."""
    keytab = os.path.join(realm.folder, "service.keytab")
    shutil.copy(realm.keytab, keytab)
    with kerberos_clients.server_for(keytab, realm.config, users=ACCOUNTS) as server:
        place = kerberos_clients.Place(server, "alice", realm.name)
        imap_login(place, realm.tickets("alice"))
        expect(server, "login.success", 0)

        fresh = os.path.join(realm.folder, "fresh.keytab")
        realm.admin(f"ktadd -k {fresh} imap/localhost")
        since = len(server.log)
        imap_login(place, realm.tickets("alice"))
        line = expect(server, "login.failure", since, reason="likely out of date")
        assert line["level"] == "warning", line
        line = server.wait_log("gssapi.trouble", since=since)
        assert "export the keytab again" in line["advice"], line
        os.rename(fresh, keytab)
        since = len(server.log)
        imap_login(place, realm.tickets("alice"))
        expect(server, "login.success", since)

        os.rename(keytab, fresh)
        since = len(server.log)
        while not server.logged("gssapi.no_keytab", since):  # it looks once a second
            with server.connect("imap") as sock:
                greeting = sock.makefile("rb").readline()
        assert b"AUTH=PLAIN" in greeting and b"GSSAPI" not in greeting, greeting
        os.rename(fresh, keytab)
        while b"AUTH=GSSAPI" not in greeting:
            with server.connect("imap") as sock:
                greeting = sock.makefile("rb").readline()
        since = len(server.log)
        imap_login(place, realm.tickets("alice"))
        expect(server, "login.success", since)


def main():
    with krb5.Realm(users=USERS) as realm:
        count = every_client(realm)
        refused(realm)
        another_mailbox(realm)
        keys_change(realm)
    print(count, "clients")


if __name__ == "__main__":
    main()
