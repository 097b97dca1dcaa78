#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets kept in OpenLDAP entries: hashes compared here, NT hashes for NTLM, keys for SCRAM, and
passwords in clear for CRAM-MD5; and how long it takes to say no to somebody and to nobody."""

import base64
import hashlib
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import mechanisms  # noqa: E402
import ntlm_client  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402
import slapd  # noqa: E402


def ssha(password):
    salt = b"salt"
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest()
                                       + salt).decode()


def rfc5803(name, algorithm, password):
    """As in the attribute authPassword: "SCRAM-SHA-256$4096:..."."""
    return people.scram_keys(name, algorithm, password).replace("{", "").replace("}", "$", 1)


SECRET = "S ecret-ß"
PEOPLE = {
    "salted": (ssha(SECRET), []),
    "sha512": ("{CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLi"
               "BFdcbYEdFCoEOfaS35inz1", []),  # Ulrich Drepper's "Hello world!"
    "clear": ("clear-Pw", []),
    "tagged": ("{CLEARTEXT}tagged-Pw", []),
    "keys": (None, ["mailNtHash: " + ntlm_client.nt_hash(SECRET).hex(),
                    "mailScram: " + rfc5803("SCRAM-SHA-256", "sha256", SECRET),
                    "mailScram: " + rfc5803("SCRAM-SHA-1", "sha1", SECRET)]),
    "off": (ssha(SECRET), ["mailNtHash: " + ntlm_client.nt_hash(SECRET).hex(), "mailHost: off"]),
    "odd": ("{UNKNOWN}x", ["mailNtHash: no hash", "mailScram: SCRAM-SHA-256$nonsense"]),
}
LISTENERS = people.listeners(sasl_mechanisms="PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM",
                             integrated_windows_authentication="yes")
GOOD = (
    # user      password        mechanisms
    ("salted",  SECRET,         "password PLAIN LOGIN"),
    ("sha512",  "Hello world!", "password PLAIN LOGIN"),
    ("clear",   "clear-Pw",     "password PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM"),
    ("tagged",  "tagged-Pw",    "password PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM"),
    ("keys",    SECRET,         "SCRAM-SHA-1 SCRAM-SHA-256 NTLM"),
)
ALL = ("password", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM")


def settings(directory, **override):
    return directory.settings(**{"nt_attribute": "mailNtHash", "scram_attribute": "mailScram",
                                 "disabled_if": "mailHost=off", "server_attribute": "none",
                                 **override})


def login(server, mechanism, user, secret, protocol="imap"):
    with dialogue.open(protocol, server) as client:
        return mechanisms.ways[mechanism](client, user, secret)


def every_secret_serves():
    with slapd.Server(users=0, more=PEOPLE) as directory:
        changes = {"plugin directory-file": None,
                   "plugin directory-ldap": settings(directory, verify="compare", timeout="4s"),
                   **LISTENERS}
        with postern.mail_server(changes=changes) as server:
            for user, secret, good in GOOD:
                for mechanism in ALL:
                    answer = login(server, mechanism, user, secret)
                    assert answer.good == (mechanism in good.split()), (user, mechanism, answer)
                    assert not login(server, mechanism, user, "wrong").good, (user, mechanism)
            for user in ("off", "odd", "nobody"):
                for mechanism in ALL:
                    assert not login(server, mechanism, user, SECRET).good, (user, mechanism)
            server.wait_log("login.failure", login="off", reason="account is disabled")
            server.posternctl("cache", "flush")
            directory.pause()
            for mechanism in ("PLAIN", "NTLM", "SCRAM-SHA-256"):
                answer = login(server, mechanism, "keys", SECRET)
                assert "[UNAVAILABLE]" in answer.text, (mechanism, answer)


def secrets_serve_beside_binds():
    with slapd.Server(users=0, more=PEOPLE) as directory:
        changes = {"plugin directory-file": None, "plugin directory-ldap": settings(directory),
                   **LISTENERS}
        with postern.mail_server(changes=changes) as server:
            assert login(server, "PLAIN", "salted", SECRET).good
            assert login(server, "NTLM", "keys", SECRET).good
            assert login(server, "SCRAM-SHA-256", "keys", SECRET).good
            assert not login(server, "NTLM", "off", SECRET).good
            with dialogue.open("imap", server) as client:  # nobody keeps passwords in clear now
                assert "CRAM-MD5" not in client.mechanisms()


def another_directory_has_its_passwords_checked():
    """Accounts of a file, passwords of the directory server, for accounts of the same name."""
    more = {"robert": ("R0bert-Pw", ["mailAlternateAddress: local@example.test"])}
    with slapd.Server(users=0, more=more) as directory:
        with postern.mail_server(users={}, changes={
                "plugin directory-ldap": directory.settings(),
                "plugin auth": {"failure_delay": "0",
                                "credentials": "directory-file:directory-ldap+directory-file"}}) \
                as server:
            with open(server.users_file, "w", encoding="utf-8") as out:
                out.write("[alice]\nalias = al\n[local]\npassword = {PLAIN}here\n")
            time.sleep(1.5)
            for user, secret, good in (("al", "Al1ce-Pw", True), ("alice", "wrong", False),
                                       ("local", "here", True),
                                       ("local", "R0bert-Pw", False)):  # his alias there
                assert login(server, "PLAIN", user, secret).good == good, (user, secret)


def times_of(server, users, count):
    """In turns: the machine may be slower at one time than at another."""
    times = {user: [] for user in users}
    for number in range(count):
        for user in users:
            with dialogue.open("imap", server) as client:
                begin = time.perf_counter()
                assert not mechanisms.plain(client, user, "wrong %d" % number).good
                times[user].append(time.perf_counter() - begin)
    return [statistics.median(times[user]) for user in users]


def nobody_takes_as_long():
    """slapd hashes 20,000 rounds for those who are there, and nothing for those who are not."""
    slow = "{CRYPT}" + "$6$rounds=20000$saltsaltsalt$" + "x" * 86
    with slapd.Server(users=0, more={"slow": (slow, [])}) as directory:
        changes = {"plugin directory-file": None,
                   "plugin directory-ldap": directory.settings(timeout="10s"),
                   "plugin auth": {"failure_delay": "0"}}
        directory.modify("uid=slow", "replace: pwdPolicySubentry\npwdPolicySubentry: cn=none,"
                         + slapd.BASE)
        with postern.mail_server(changes=changes) as server:
            times_of(server, ["slow"], 20)
            assert {line["reason"] for line in server.logged("login.failure")} == {"wrong password"}
            server.posternctl("cache", "flush")
            somebody, nobody = times_of(server, ["slow", "nobody"], 60)
            print("    wrong password %.2f ms, unknown user %.2f ms" % (somebody * 1000,
                                                                        nobody * 1000))
            assert abs(somebody - nobody) < 0.35 * somebody, (somebody, nobody)


if __name__ == "__main__":
    postern.run(every_secret_serves, secrets_serve_beside_binds,
                another_directory_has_its_passwords_checked, nobody_takes_as_long)
