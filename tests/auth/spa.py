# SPDX-License-Identifier: Apache-2.0
"""spa.py - an NTLM client ([MS-NLMP]) for tests: NTLMv2, with and without MIC, Unicode or OEM, with
the names as the test wants them.

    one = spa.negotiate()
    three = spa.authenticate(two, "EXAMPLE", "alice", "secret")
"""

import hashlib
import hmac
import os
import struct

SIGNATURE = b"NTLMSSP\0"
UNICODE, OEM, REQUEST_TARGET, NTLM = 0x1, 0x2, 0x4, 0x200
ALWAYS_SIGN, EXTENDED_SECURITY, TARGET_INFO = 0x8000, 0x80000, 0x800000
FLAGS = UNICODE | OEM | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SECURITY | TARGET_INFO
AV_EOL, AV_FLAGS, AV_TIMESTAMP = 0, 6, 7


def md4(data):
    """RFC 1320; hashlib has it only where OpenSSL's old algorithms are switched on."""
    def left(value, bits):
        value &= 0xffffffff
        return value << bits | value >> (32 - bits)

    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    data = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    orders = (range(16), [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
              [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
    rounds = ((lambda x, y, z: x & y | ~x & z, 0, (3, 7, 11, 19)),
              (lambda x, y, z: x & y | x & z | y & z, 0x5a827999, (3, 5, 9, 13)),
              (lambda x, y, z: x ^ y ^ z, 0x6ed9eba1, (3, 9, 11, 15)))
    for at in range(0, len(data), 64):
        words = struct.unpack("<16I", data[at:at + 64])
        a, b, c, d = state
        for order, (mix, constant, shifts) in zip(orders, rounds):
            for step, word in enumerate(order):
                a = left(a + (mix(b, c, d) & 0xffffffff) + words[word] + constant, shifts[step % 4])
                a, b, c, d = d, a, b, c
        state = [(old + new) & 0xffffffff for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def nt_hash(password):
    return md4(password.encode("utf-16-le"))


def _md5(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.md5).digest()


def negotiate(flags=FLAGS):
    return SIGNATURE + struct.pack("<II", 1, flags) + b"\0" * 16


class Challenge:
    def __init__(self, message):
        assert message[:8] == SIGNATURE and message[8:12] == b"\2\0\0\0", message
        self.message = message
        self.flags, self.nonce = struct.unpack("<I8s", message[20:32])
        size, _, at = struct.unpack("<HHI", message[12:20])
        self.target = message[at:at + size]
        size, _, at = struct.unpack("<HHI", message[40:48]) if len(message) >= 48 else (0, 0, 0)
        self.info = message[at:at + size]

    def pairs(self):
        """The AV pairs up to the end mark."""
        at = 0
        while at + 4 <= len(self.info):
            name, size = struct.unpack("<HH", self.info[at:at + 4])
            if name == AV_EOL:
                return
            yield name, self.info[at + 4:at + 4 + size]
            at += 4 + size


def authenticate(two, domain, user, password, workstation="", mic=None, oem=False, negotiated=None):
    """An AUTHENTICATE_MESSAGE for the CHALLENGE_MESSAGE `two`. With `mic` = the first message a MIC
    is computed. Returns octets."""
    challenge = Challenge(two)
    pairs, stamp = [], bytes(8)
    for name, value in challenge.pairs():
        if name == AV_TIMESTAMP:
            stamp = value
        pairs.append((name, value))
    if mic is not None:
        pairs.append((AV_FLAGS, struct.pack("<I", 2)))
    info = b"".join(struct.pack("<HH", name, len(value)) + value for name, value in pairs)
    info += struct.pack("<HH", AV_EOL, 0)
    key = _md5(nt_hash(password), (user.upper() + domain).encode("utf-16-le"))
    blob = b"\1\1" + bytes(6) + stamp + os.urandom(8) + bytes(4) + info + bytes(4)
    proof = _md5(key, challenge.nonce, blob)
    coding = "cp1252" if oem else "utf-16-le"
    flags = challenge.flags if negotiated is None else negotiated
    flags = flags & ~UNICODE | OEM if oem else flags & ~OEM | UNICODE
    parts = [bytes(24), proof + blob, domain.encode(coding), user.encode(coding),
             workstation.encode(coding), b""]
    at, fields = 88 if mic is not None else 64, b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), at)
        at += len(part)
    head = SIGNATURE + struct.pack("<I", 3) + fields + struct.pack("<I", flags)
    if mic is None:
        return head + b"".join(parts)
    head += bytes(8)  # VERSION
    message = head + bytes(16) + b"".join(parts)
    code = _md5(_md5(key, proof), mic, two, message)
    return head + code + b"".join(parts)
