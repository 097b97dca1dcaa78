#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""directory-ldap keeps the contract of directories: the conformance kit, against a real OpenLDAP server,
with binds as the user and with secrets that are compared here."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "support")]
import ntlm_client  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402
import slapd  # noqa: E402

KIT = os.path.join(postern.BUILD, "tests", "conformance", "postern-conformance")
MODULE = os.path.join(postern.BUILD, "plugins", "directory-ldap", "directory-ldap.so")
FREE = "pwdPolicySubentry: cn=none," + slapd.BASE  # locks nobody
NAMES = ("alice", "bob", "carol")


def keys(password):
    """The attributes of secrets."""
    return ["mailNtHash: " + ntlm_client.nt_hash(password).hex()] + [
        "mailScram: " + people.scram_keys(name, algorithm, password).replace("{", "").replace(
            "}", "$", 1) for name, algorithm in (("SCRAM-SHA-1", "sha1"),
                                                 ("SCRAM-SHA-256", "sha256"))]


def everybody():
    found = {name: (slapd.PEOPLE[name][0],
                    slapd.PEOPLE[name][1] + keys(slapd.PEOPLE[name][0]) + [FREE])
             for name in NAMES}
    found["off"] = ("Off-Pw", [FREE, "mailHost: off"])
    found["old"] = ("Old-Pw", [FREE, "mailHost: old"])
    return found


def run(directory, seed, **override):
    accounts = everybody()
    settings = directory.settings(**{
        "disabled_if": "mailHost=off", "password_expired_if": "mailHost=old", "timeout": "5s",
        "server_attribute": "none", "nt_attribute": "mailNtHash", "scram_attribute": "mailScram",
        **override})
    command = [KIT, "directory", MODULE, "--seed", seed, "--domain", "example.test", "--nt-domain",
               "EXAMPLE", "--delegate", "alice:bob", "--reader", "carol:bob", "--disabled",
               "off:Off-Pw", "--expired", "old:Old-Pw"]
    for name in NAMES:
        command += ["--account", name, "--password", accounts[name][0]]
    for pair in settings.items():
        command += ["--set", "%s=%s" % pair]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False,
                          timeout=300 * postern.SLOW)
    if done.returncode or "  cannot run" in done.stdout:
        print(done.stdout)
        raise postern.Failed("the contract is broken: seed %s, %s" % (seed, override))
    print("    seed %s %s: %s" % (seed, override, done.stdout.splitlines()[-1]))


def the_contract_is_kept():
    with slapd.Server(users=1100, more=everybody()) as directory:
        run(directory, "0")
        run(directory, "2", verify="compare")


if __name__ == "__main__":
    if not os.path.exists(KIT):
        postern.skip("the conformance kit is not built")
    postern.run(the_contract_is_kept)
