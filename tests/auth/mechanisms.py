# SPDX-License-Identifier: Apache-2.0
"""mechanisms.py - the client's side of SASL mechanisms, as far as Python has it not.

    ways["SCRAM-SHA-256"](client, "alice", "secret")       # client: dialogue.open(...)
    ways["PLAIN"](client, "alice", "secret", authzid="bob")

Each returns the last dialogue.Answer. Names are text, and go out in UTF-8.
"""

import base64
import hashlib
import hmac
import os

import ntlm_client


def password(client, user, secret):
    """The commands: USER and PASS, LOGIN."""
    return client.password(user.encode(), secret.encode())


def plain(client, user, secret, authzid="", initial=True):
    message = b"\0".join(part.encode() for part in (authzid, user, secret))
    if initial:
        return client.authenticate("PLAIN", message)
    answer = client.authenticate("PLAIN")
    return answer if answer.challenge is None else client.respond(message)


def login(client, user, secret):
    answer = client.authenticate("LOGIN")
    for text in (user, secret):
        if answer.challenge is None:
            return answer
        answer = client.respond(text.encode())
    return answer


def cram_md5(client, user, secret):
    answer = client.authenticate("CRAM-MD5")
    if answer.challenge is None:
        return answer
    digest = hmac.new(secret.encode(), answer.challenge, hashlib.md5).hexdigest()
    return client.respond(user.encode() + b" " + digest.encode())


def escape(name):
    return name.replace("=", "=3D").replace(",", "=2C")


def scram(algorithm, binding=None, mechanism=None):
    """RFC 5802. binding: None, or a function of the client that gives (name, octets)."""
    name = mechanism or "SCRAM-" + {"sha1": "SHA-1", "sha256": "SHA-256"}[algorithm]
    digest = getattr(hashlib, algorithm)

    def mac(key, text):
        return hmac.new(key, text.encode(), digest).digest()

    def way(client, user, secret, authzid=""):
        kind, data = binding(client) if binding else (None, b"")
        header = ("p=" + kind if kind else "n") + "," + ("a=" + escape(authzid) if authzid else "")
        bare = "n=%s,r=%s" % (escape(user), base64.b64encode(os.urandom(18)).decode())
        answer = client.authenticate(name, (header + "," + bare).encode())
        if not answer.challenge:
            return answer
        first = answer.challenge.decode()
        given = dict(part.split("=", 1) for part in first.split(","))
        assert given["r"].startswith(bare.rpartition("r=")[2]), first
        bound = base64.b64encode(header.encode() + b"," + data).decode()
        final = "c=%s,r=%s" % (bound, given["r"])
        salted = hashlib.pbkdf2_hmac(algorithm, secret.encode(), base64.b64decode(given["s"]),
                                     int(given["i"]))
        key = mac(salted, "Client Key")
        whole = ",".join((bare, first, final))
        signature = mac(digest(key).digest(), whole)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        answer = client.respond((final + ",p=" + base64.b64encode(proof).decode()).encode())
        if not answer.challenge or not answer.challenge.startswith(b"v="):
            return answer  # an "e=" too
        theirs = base64.b64decode(answer.challenge[2:])
        assert theirs == mac(mac(salted, "Server Key"), whole), "the server's signature is wrong"
        return client.respond(b"")
    return way


def end_point(client):
    """RFC 5929: the hash of the server's certificate, which tests make with SHA-256."""
    certificate = client.sock.getpeercert(binary_form=True)
    return "tls-server-end-point", hashlib.sha256(certificate).digest()


def ntlm(client, user, secret, domain="", initial=True, **choices):
    """choices: of ntlm_client.Client."""
    ours = ntlm_client.Client(user, secret, domain=domain, **choices)
    answer = client.authenticate("NTLM", ours.negotiate() if initial else None)
    if not initial and answer.challenge is not None:
        answer = client.respond(ours.first or ours.negotiate())
    return client.respond(ours.authenticate(answer.challenge)) if answer.challenge else answer


ways = {
    "password": password, "PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5,
    "SCRAM-SHA-1": scram("sha1"), "SCRAM-SHA-256": scram("sha256"),
    "SCRAM-SHA-1-PLUS": scram("sha1", end_point, "SCRAM-SHA-1-PLUS"),
    "SCRAM-SHA-256-PLUS": scram("sha256", end_point, "SCRAM-SHA-256-PLUS"), "NTLM": ntlm,
}
# These carry an authorization identity.
with_authzid = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
