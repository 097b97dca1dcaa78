# SPDX-License-Identifier: Apache-2.0
"""postern-conformance on auth-gssapi, with the keytab of a real realm: what needs no proof, since a
ticket's token is good once."""

import os
import subprocess
import sys

import krb5
import postern


def module(name):
    return os.path.join(postern.BUILD, "plugins", name, name + ".so")


def main():
    kit = os.path.join(postern.BUILD, "tests", "conformance", "postern-conformance")
    if not os.path.exists(kit) or not postern.built("auth-gssapi"):
        postern.skip("postern-conformance or auth-gssapi is not built")
    with krb5.Realm() as realm:
        accounts = os.path.join(realm.folder, "accounts")
        postern.write_users(accounts, {"alice": "secret"})
        # auth declares what listeners say about channel bindings, and wants a directory.
        done = subprocess.run(
            [kit, "sasl", module("auth-gssapi"), "--set", "keytab=" + realm.keytab, "--with",
             module("directory-file") + " domains=example.test file=" + accounts, "--with",
             module("auth")], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=120, check=False)
    print(done.stdout)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
