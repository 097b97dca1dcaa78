# SPDX-License-Identifier: Apache-2.0
"""Mail programs log in with tickets of an Active Directory domain (Samba): tokens of 1.4 kB, in which
the domain tells much of the user (PAC) that nobody here needs, and of 10 kB of who is in 1,000
groups; users of the realm are looked for in the directory as users of the Windows domain, and in
Active Directory itself, which knows who was disabled after the ticket was given."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dialogue  # noqa: E402
import gss_client  # noqa: E402
import kerberos_clients  # noqa: E402
import postern  # noqa: E402
import samba  # noqa: E402

# The others' buffers are too small: 4 kB (mpop, msmtp), 8 kB (fetchmail, cyrus-clients).
LONG = ("curl", "gsasl", "mbsync", "mutt", "neomutt")


def longest_line(text):
    """Of what curl sent, in octets."""
    return max((len(word) for word in re.findall(r"^> (?:\S+ )*(\S+)$", text, re.M)), default=0)


def disable(domain, user):
    subprocess.run(
        ["ldapmodify", "-x", "-H", domain.ldaps_uri, "-D", "Administrator@" + domain.realm, "-w",
         domain.users["Administrator"]], env=domain.environment(), text=True, check=True,
        stdout=subprocess.DEVNULL,
        input=f"dn: CN={user},CN=Users,{domain.base}\nchangetype: modify\n"
              "replace: userAccountControl\nuserAccountControl: 514\n")


def with_the_directory(domain):
    """Tickets and accounts of the same domain, in each way to write its users."""
    if not postern.built("directory-ldap"):
        return
    server = kerberos_clients.server_for(domain.keytab, domain.krb5_config)
    server.configure({"plugin directory-file": None, "plugin directory-ldap": {
        "servers": domain.ldaps_uri, "ca_file": domain.ca_file, "preset": "active-directory",
        "base": domain.base, "domains": "contoso.example", "nt_domains": "CONTOSO",
        "bind_dn": "svc-mail@contoso.example", "bind_password": domain.users["svc-mail"],
        "cache_time": 0}})

    def login(user, authzid=b"", mechanism="GSSAPI", good=True):
        gss_client.use(domain.tickets(user))
        since = len(server.log)
        with dialogue.open("imap", server) as connection:
            answer = gss_client.login(connection, mechanism, "imap@localhost", authzid)
            assert answer.good == good, answer
        return server.wait_log("login.success" if good else "login.failure", since=since)

    with server:
        for realms in (None, domain.realm, domain.realm + "=CONTOSO",
                       domain.realm + "=@contoso.example"):
            server.configure({"plugin auth-gssapi": {"realms": realms}})
            server.reload()
            for mechanism in ("GSSAPI", "GSS-SPNEGO"):
                line = login("alice", mechanism=mechanism)
                assert (line["user"], line["account"]) == ("alice", "alice"), line
        assert login("alice", b"bob@contoso.example")["account"] == "bob"  # publicDelegates
        assert "delegate" in login("bob", b"alice", good=False)["reason"]
        tickets = domain.tickets("bob")  # with one for the service: the KDC gives no more of them
        subprocess.run(["kvno", "imap/localhost"], env=tickets, check=True,
                       stdout=subprocess.DEVNULL)
        disable(domain, "bob")
        gss_client.use(tickets)
        with dialogue.open("imap", server) as connection:
            assert not gss_client.login(connection, "GSSAPI", "imap@localhost").good
        server.wait_log("login.failure", reason="account is disabled")


def main():
    with samba.Domain() as domain:
        environment = domain.tickets("alice")
        # directory-file knows the domain as EXAMPLE.
        with kerberos_clients.server_for(domain.keytab, domain.krb5_config,
                                         realms=domain.realm + "=EXAMPLE",
                                         users={"alice": "x", "grace": "x"}) as server:
            place = kerberos_clients.Place(server, "alice", domain.realm)
            logged_in = kerberos_clients.try_all(place, environment)
            for mechanism in ("GSSAPI", "GSS-SPNEGO"):
                kerberos_clients.check_table(f"AD: {mechanism}", logged_in, mechanism)
            line = server.logged("login.success")[0]
            assert line["user"] == "alice", line
            length = longest_line(kerberos_clients.curl_pop3(place, environment).stdout)
            assert length > 1800, length
            in_groups = kerberos_clients.Place(server, "grace", domain.realm)
            tickets = domain.tickets("grace")
            kerberos_clients.check_table("AD: 1,000 groups", kerberos_clients.try_all(
                in_groups, tickets,
                [client for client in kerberos_clients.ALL if client.program in LONG]))
            long_length = longest_line(kerberos_clients.curl_pop3(in_groups, tickets).stdout)
            assert long_length > 12288, long_length
        # bob has a ticket and no account; who is disabled, or must change the password, has none.
        with kerberos_clients.server_for(domain.keytab, domain.krb5_config) as server:
            place = kerberos_clients.Place(server, "bob", domain.realm)
            kerberos_clients.curl_imap(place, domain.tickets("bob"))
            server.wait_log("login.failure", reason="unknown user", login="bob",
                            mechanism="GSSAPI")
        with_the_directory(domain)
        for user in ("carol", "dave", "erin"):
            try:
                domain.tickets(user)
            except postern.Failed:
                continue
            raise AssertionError(user + " got a ticket")
    print(len(logged_in), "clients; lines of", length, "and", long_length, "octets")


if __name__ == "__main__":
    main()
