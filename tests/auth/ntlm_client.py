# SPDX-License-Identifier: Apache-2.0
"""ntlm_client.py - the client's side of NTLM ([MS-NLMP]), by itself, with every choice that clients
make.

    client = ntlm_client.Client("alice", "secret", domain="EXAMPLE")
    answer = connection.authenticate("NTLM", client.negotiate())
    answer = connection.respond(client.authenticate(answer.challenge))

MD4 is written out here and single DES comes from openssl as 3DES with one key: neither is in
Python's library any more.
"""

import hashlib
import hmac
import os
import struct
import subprocess

UNICODE, OEM, REQUEST_TARGET = 0x1, 0x2, 0x4
SIGN, NTLM, ANONYMOUS, ALWAYS_SIGN = 0x10, 0x200, 0x800, 0x8000
EXTENDED, TARGET_INFO, VERSION, KEY_EXCHANGE = 0x80000, 0x800000, 0x2000000, 0x40000000
AV_FLAGS, AV_TIMESTAMP, AV_TARGET_NAME, AV_BINDINGS = 6, 7, 9, 10
VERSIONS = ("v2", "session", "v1")


def md4(data):
    def turn(value, bits):
        value &= 0xffffffff
        return (value << bits | value >> (32 - bits)) & 0xffffffff

    orders = (range(16), (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
              (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15))
    shifts = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
    functions = (lambda b, c, d: b & c | ~b & d, lambda b, c, d: b & c | b & d | c & d,
                 lambda b, c, d: b ^ c ^ d)
    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    for block in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[block:block + 64])
        a, b, c, d = state
        for turn_of in range(3):
            for step in range(16):
                mixed = a + functions[turn_of](b, c, d) + words[orders[turn_of][step]]
                mixed += (0, 0x5a827999, 0x6ed9eba1)[turn_of]
                a, b, c, d = d, turn(mixed, shifts[turn_of][step % 4]), b, c
        state = [(x + y) & 0xffffffff for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def nt_hash(password):
    return md4(password.encode("utf-16-le"))


def md5_hmac(key, *parts):
    return hmac.new(key, b"".join(parts), "md5").digest()


def des(key, data):
    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> (49 - 7 * i) & 0x7f) << 1 for i in range(8))
    return subprocess.run(["openssl", "enc", "-des-ede3", "-nopad", "-K", (spread * 3).hex()],
                          input=data, stdout=subprocess.PIPE, check=True).stdout


def desl(key, data):
    key = key + b"\0" * 5
    return des(key[:7], data) + des(key[7:14], data) + des(key[14:], data)


def rc4(key, data):
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for octet in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(octet ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def binding_hash(certificate_digest, kind=b"tls-server-end-point"):
    """MsvAvChannelBindings of a TLS server whose certificate has this hash."""
    data = kind + b":" + certificate_digest
    return hashlib.md5(b"\0" * 16 + struct.pack("<I", len(data)) + data).digest()


def pairs(info):
    """AV pairs as a list of (id, value), without the end."""
    found = []
    while True:
        kind, size = struct.unpack_from("<HH", info)
        if kind == 0:
            return found
        found.append((kind, info[4:4 + size]))
        info = info[4 + size:]


class Challenge:
    def __init__(self, octets):
        self.octets = octets
        signature, kind, size, _, at, self.flags, self.nonce = struct.unpack_from("<8sIHHII8s",
                                                                                  octets)
        assert signature == b"NTLMSSP\0" and kind == 2, octets
        self.target = octets[at:at + size]
        size, _, at = struct.unpack_from("<HHI", octets, 40)
        self.info = octets[at:at + size]
        self.pairs = dict(pairs(self.info)) if size else {}


class Client:
    """version    "v2", "session" (NTLM2 session response) or "v1"
    charset    "unicode", or the code page of an OEM client ("ascii", "latin-1", "utf-8")
    header     octets of the third message before its payload: 52, 64, 72 or 88
    mic        sends a message integrity code (needs v2 and a header of 88)
    exchange   sends a session key of its own (NTLMSSP_NEGOTIATE_KEY_EXCH)
    bindings   what MsvAvChannelBindings is to hold; None: not sent
    lm         sends an LM response where it has one
    flags      of the third message; None: those that were agreed on
    hashed     (user in capitals, domain) that NTLMv2 is computed over, if other than what is sent
    """

    def __init__(self, user, password, domain="", workstation="WS1", version="v2",
                 charset="unicode", header=88, mic=False, exchange=False, bindings=None, lm=True,
                 flags=None, hashed=None):
        self.user, self.domain, self.workstation = user, domain, workstation
        self.hash, self.version, self.charset = nt_hash(password), version, charset
        self.header, self.mic, self.exchange = header, mic, exchange
        self.bindings, self.lm, self.flags = bindings, lm, flags
        self.hashed = hashed or (user.upper(), domain)
        self.first = self.challenge = None

    def negotiate(self):
        flags = NTLM | REQUEST_TARGET | ALWAYS_SIGN
        flags |= UNICODE | OEM if self.charset == "unicode" else OEM
        if self.version != "v1":
            flags |= EXTENDED
        if self.exchange:
            flags |= KEY_EXCHANGE | SIGN
        self.first = b"NTLMSSP\0" + struct.pack("<II", 1, flags) + b"\0" * 16
        return self.first

    def _text(self, text):
        return text.encode("utf-16-le" if self.charset == "unicode" else self.charset)

    def _client_challenge(self):
        """NTLMv2_CLIENT_CHALLENGE, with the server's pairs and ours."""
        info = pairs(self.challenge.info)
        time = self.challenge.pairs.get(AV_TIMESTAMP, b"\0" * 8)
        if self.mic:
            info.append((AV_FLAGS, struct.pack("<I", 2)))
        if self.bindings is not None:
            info.append((AV_BINDINGS, self.bindings))
            info.append((AV_TARGET_NAME, "imap/mail.example.test".encode("utf-16-le")))
        packed = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in info)
        return (b"\1\1" + b"\0" * 6 + time + os.urandom(8) + b"\0" * 4 + packed + b"\0" * 8)

    def _v2(self):
        key = md5_hmac(self.hash, "".join(self.hashed).encode("utf-16-le"))
        blob = self._client_challenge()
        proof = md5_hmac(key, self.challenge.nonce, blob)
        ours = os.urandom(8)
        lm = md5_hmac(key, self.challenge.nonce, ours) + ours
        return lm, proof + blob, md5_hmac(key, proof)

    def _responses(self):
        """LM, NT, and the session base key."""
        if self.version == "v2":
            return self._v2()
        if self.version == "session":
            ours = os.urandom(8)
            mixed = hashlib.md5(self.challenge.nonce + ours).digest()[:8]
            return ours + b"\0" * 16, desl(self.hash, mixed), md4(self.hash)
        response = desl(self.hash, self.challenge.nonce)
        return response, response, md4(self.hash)

    def authenticate(self, challenge):
        self.challenge = Challenge(challenge)
        lm, nt, key = self._responses()
        if not self.lm:
            lm = b""
        flags, sent_key = self.challenge.flags, b""
        if self.exchange:
            exported = os.urandom(16)
            sent_key, key = rc4(key, exported), exported
            flags |= KEY_EXCHANGE | SIGN
        if self.flags is not None:
            flags = self.flags
        message = self._pack(flags, (lm, nt, self._text(self.domain), self._text(self.user),
                                     self._text(self.workstation), sent_key))
        if self.mic:
            code = md5_hmac(key, self.first, challenge, message)
            message = message[:72] + code + message[88:]
        return message

    def _pack(self, flags, fields):
        head, payload = b"NTLMSSP\0" + struct.pack("<I", 3), b""
        for value in fields[:5 if self.header == 52 else 6]:
            head += struct.pack("<HHI", len(value), len(value), self.header + len(payload))
            payload += value
        if self.header > 52:
            head += struct.pack("<I", flags)
        return head.ljust(self.header, b"\0") + payload


def login(connection, client, initial=True):
    """The last answer of a whole login over a connection of dialogue.py."""
    if initial:
        answer = connection.authenticate("NTLM", client.negotiate())
    else:
        answer = connection.authenticate("NTLM")
        assert answer.challenge == b"", answer
        answer = connection.respond(client.negotiate())
    if answer.challenge is None:
        return answer
    return connection.respond(client.authenticate(answer.challenge))
