# SPDX-License-Identifier: Apache-2.0
"""Mail programs log in with tickets of an Active Directory domain (Samba): tokens of 1.4 kB, in which
the domain tells much of the user (PAC) that nobody here needs, and of 10 kB of who is in 1,000
groups; users of the realm are looked for in the directory as users of the Windows domain."""

import re

import kerberos_clients
import postern
import samba

# The others' buffers are too small: 4 kB (mpop, msmtp), 8 kB (fetchmail, cyrus-clients).
LONG = ("curl", "gsasl", "mbsync", "mutt", "neomutt")


def longest_line(text):
    """Of what curl sent, in octets."""
    return max((len(word) for word in re.findall(r"^> (?:\S+ )*(\S+)$", text, re.M)), default=0)


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
        for user in ("carol", "dave", "erin"):
            try:
                domain.tickets(user)
            except postern.Failed:
                continue
            raise AssertionError(user + " got a ticket")
    print(len(logged_in), "clients; lines of", length, "and", long_length, "octets")


if __name__ == "__main__":
    main()
