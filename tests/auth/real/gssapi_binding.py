# SPDX-License-Identifier: Apache-2.0
"""Extended protection: who is bound to the TLS channel (tls-server-end-point), to another one, or
to none, under each of the listener's three settings; and many logins at once."""

import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dialogue  # noqa: E402
import gss_client  # noqa: E402
import kerberos_clients  # noqa: E402
import krb5  # noqa: E402

LISTENERS = {"pop": "pop3s", "imap": "imaps", "smtp": "submissions"}
MECHANISMS = ("GSSAPI", "GSS-SPNEGO")
WRONG = b"tls-server-end-point:" + bytes(32)
EXPECTED = {  # setting: (right, none, wrong)
    "none": (True, True, True), "allow": (True, True, False), "require": (True, False, False)}


def attempt(server, protocol, mechanism, binding):
    """binding: octets, None, or the right one by name."""
    with dialogue.open(protocol, server, LISTENERS[protocol], tls=True) as connection:
        if binding == "right":
            binding = gss_client.server_end_point(connection)
        answer = gss_client.login(connection, mechanism, protocol + "@localhost", binding=binding)
        if answer.good:
            connection.leave()
        return answer


def bindings(realm):
    for setting, expected in EXPECTED.items():
        with kerberos_clients.server_for(realm.keytab, realm.config) as server:
            server.configure({"listener " + name: {"extended_protection": setting}
                              for names in (LISTENERS, dialogue.LISTENERS)
                              for name in names.values()})
            server.reload()
            for protocol in dialogue.PROTOCOLS:
                for mechanism in MECHANISMS:
                    done = tuple(attempt(server, protocol, mechanism, binding).good
                                 for binding in ("right", None, WRONG))
                    assert done == expected, (setting, protocol, mechanism, done)
            with dialogue.open("imap", server) as clear:
                assert ("GSSAPI" in clear.mechanisms()) == (setting != "require")
            for mechanism in MECHANISMS if setting != "require" else ():
                with dialogue.open("imap", server) as clear:  # bound to TLS that ended elsewhere
                    answer = gss_client.login(clear, mechanism, "imap@localhost", binding=WRONG)
                    assert answer.good == (setting == "none"), (setting, mechanism, answer)
            if setting == "require":
                server.wait_log("login.failure", mechanism="GSSAPI",
                                reason="the client did not bind itself to the TLS channel")


def certificates_without_a_hash(realm):
    """RFC 5929 has none for signatures by Ed25519: there nobody can bind himself, and so nothing is
    offered that would have to be; where it need not be, nobody can tell."""
    with kerberos_clients.server_for(realm.keytab, realm.config) as server:
        certificate, key = os.path.join(server.directory, "ed.crt"), os.path.join(server.directory,
                                                                                  "ed.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.ca_file = certificate
        for setting in ("require", "allow"):
            server.configure({"server": {"certificate": certificate, "key": key},
                              "listener imaps": {"extended_protection": setting}})
            server.reload()
            with dialogue.open("imap", server, "imaps", tls=True) as connection:
                offered = {name for name in ("NTLM", *MECHANISMS)
                           if name in connection.mechanisms()}
            assert offered == (set() if setting == "require" else {"NTLM", *MECHANISMS}), offered
        for mechanism in MECHANISMS:
            assert attempt(server, "imap", mechanism, WRONG).good, mechanism


def layers(realm):
    """Wanted by flags: refused, but not in GSSAPI, where it is talked about."""
    with kerberos_clients.server_for(realm.keytab, realm.config) as server:
        for protocol in dialogue.PROTOCOLS:
            for mechanism, good in (("GSSAPI", True), ("GSS-SPNEGO", False)):
                with dialogue.open(protocol, server) as connection:
                    answer = gss_client.login(connection, mechanism, protocol + "@localhost",
                                              initial=protocol == "imap", layers=True)
                    assert answer.good == good, (protocol, mechanism, answer)
                    assert connection.serves()


def many_at_once(realm, threads=16, each=15):
    wrong = []

    def run(server):
        for _ in range(each):
            with dialogue.open("imap", server) as connection:
                answer = gss_client.login(connection, "GSSAPI", "imap@localhost")
                if not answer.good:
                    wrong.append(answer)

    with kerberos_clients.server_for(realm.keytab, realm.config) as server:
        runners = [threading.Thread(target=run, args=(server,)) for _ in range(threads)]
        begin = time.monotonic()
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        took = time.monotonic() - begin
    assert not wrong, wrong[:3]
    print(threads * each, "logins of", threads, f"clients in {took:.2f} s")


def main():
    with krb5.Realm() as realm:
        gss_client.use(realm.tickets("alice"))
        bindings(realm)
        certificates_without_a_hash(realm)
        layers(realm)
        many_at_once(realm)


if __name__ == "__main__":
    main()
