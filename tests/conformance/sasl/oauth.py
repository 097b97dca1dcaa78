# SPDX-License-Identifier: Apache-2.0
"""The kit on auth-oauth, with a token made now: oauth.py KIT MODULE [OPTION]..."""

import base64
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "auth"))
import idp  # noqa: E402


def proof(mechanism, message):
    return ["--proves", "%s=%s" % (mechanism, base64.b64encode(message.encode()).decode())]


def main():
    kit, module = sys.argv[1:3]
    with idp.Provider() as provider, tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "keys")
        with open(file, "w", encoding="ascii") as out:
            json.dump(provider.key_set(), out)
        token = provider.token()
        command = [kit, "sasl", module, "--set", "keys_file=" + file, "--set",
                   "issuer=" + idp.ISSUER, "--set", "audience=" + idp.AUDIENCE, "--user",
                   "alice@example.test"]
        command += proof("OAUTHBEARER", "n,,\1auth=Bearer %s\1\1" % token)
        command += proof("XOAUTH2", "user=alice\1auth=Bearer %s\1\1" % token)
        if "--asking" in sys.argv:  # the same by introspection: it waits
            provider.opaque["correct-horse-battery"] = {"active": True, "aud": idp.AUDIENCE,
                                                        "email": "alice@example.test"}
            command = [kit, "sasl", module, "--set",
                       "introspection_url=" + provider.url + "/introspect", "--set",
                       "audience=" + idp.AUDIENCE, "--set", "client_id=" + idp.CLIENT[0],
                       "--set", "client_secret=" + idp.CLIENT[1],
                       "--set", "introspection_time=0", "--user", "alice@example.test"]
            command += proof("OAUTHBEARER", "n,,\1auth=Bearer correct-horse-battery\1\1")
            command += proof("XOAUTH2", "user=alice\1auth=Bearer correct-horse-battery\1\1")
        more = [word for word in sys.argv[3:] if word != "--asking"]
        sys.exit(subprocess.run(command + more, check=False).returncode)


if __name__ == "__main__":
    main()
