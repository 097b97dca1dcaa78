# SPDX-License-Identifier: Apache-2.0
"""people.py - accounts for the conformance kit: those of directory-file, and what the kit is told."""

import os

ACCOUNTS = """
[alice]
password = {PLAIN}wonderland
alias = sales
quota.octets = 5M
delegates = bob
readers = erin
[bob]
password = {PLAIN}builder
password = {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
[carol]
password = {PLAIN}sea
disabled = yes
[dave]
password = {PLAIN}old
expired = yes
[erin]
password = {CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1
password = {SCRAM-SHA-256}4096:SALT256
password = {SCRAM-SHA-1}4096:SALT1
[group staff]
members = alice, bob
"""
SETTINGS = ["domains=example.test,example.org", "nt_domains=EXAMPLE"]


def scram(digest):
    """ITERATIONS:SALT$STORED:SERVER of the password "Hello world!" (RFC 5802, RFC 5803)."""
    import base64
    import hashlib
    import hmac
    salt = b"saltsaltsaltsalt"
    salted = hashlib.pbkdf2_hmac(digest, b"Hello world!", salt, 4096)
    client = hmac.new(salted, b"Client Key", digest).digest()
    stored = hashlib.new(digest, client).digest()
    server = hmac.new(salted, b"Server Key", digest).digest()
    return "4096:%s$%s:%s" % tuple(base64.b64encode(part).decode()
                                   for part in (salt, stored, server))


def write(folder):
    """The accounts file; returns its path."""
    path = os.path.join(folder, "accounts")
    with open(path, "w", encoding="utf-8") as out:
        out.write(ACCOUNTS.replace("4096:SALT256", scram("sha256"))
                  .replace("4096:SALT1", scram("sha1")))
    os.chmod(path, 0o600)
    return path


def options(settings, accounts, **more):
    """Options of the kit: settings, pairs of account and password, and others by their names."""
    words = []
    for setting in settings:
        words += ["--set", setting]
    for name, password in accounts:
        words += ["--account", name, "--password", password]
    for option, values in more.items():
        for value in [values] if isinstance(values, str) else values:
            words += ["--" + option.replace("_", "-"), value]
    return words


def of_file(path):
    """What the accounts file holds."""
    return options(["file=" + path] + SETTINGS,
                   [("alice", "wonderland"), ("bob", "builder"), ("erin", "Hello world!")],
                   domain=["example.test", "example.org"], nt_domain="EXAMPLE",
                   delegate="bob:alice", reader="erin:alice", disabled="carol:sea",
                   expired="dave:old")
