# SPDX-License-Identifier: Apache-2.0
"""people.py - accounts for the tests of logins, in directory-file's form, with every kind of secret
that a mechanism may verify with."""

import base64
import hashlib
import hmac

import ntlm_client

PASSWORD = "se cret/\\@ße"  # has the separators of names, a space, and letters beyond ASCII
MECHANISMS = ("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS "
              "NTLM")


def scram_keys(name, algorithm, password, salt=b"salt of the tests", rounds=4096):
    """RFC 5803, as directory-file writes it."""
    digest = getattr(hashlib, algorithm)
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, rounds)
    client = hmac.new(salted, b"Client Key", digest).digest()
    server = hmac.new(salted, b"Server Key", digest).digest()
    return "{%s}%d:%s$%s:%s" % (name, rounds, *(base64.b64encode(part).decode() for part in (
        salt, digest(client).digest(), server)))


def secrets(password):
    """Values of the key "password"."""
    return ["{PLAIN}" + password, "{NT}" + ntlm_client.nt_hash(password).hex(),
            scram_keys("SCRAM-SHA-256", "sha256", password),
            scram_keys("SCRAM-SHA-1", "sha1", password)]


def write(path, accounts):
    """accounts: {"alice": {"password": [...], "alias": "al"}}; of a list each value is a line."""
    with open(path, "w", encoding="utf-8") as out:
        for name, keys in accounts.items():
            out.write("[%s]\n" % name)
            for key, values in keys.items():
                for value in values if isinstance(values, list) else [values]:
                    out.write("%s = %s\n" % (key, value))
            out.write("\n")


def listeners(**settings):
    """Changes of postern.mail_configuration(): the same settings for all three protocols, in clear
    and under TLS."""
    return {"listener " + name: dict(settings) for name in (
        "pop3", "pop3s", "imap", "imaps", "submission", "submissions")}
