# SPDX-License-Identifier: Apache-2.0
"""gss_client.py - a client of GSSAPI and GSS-SPNEGO that does what a test tells it, by libgssapi-krb5
through ctypes: it binds itself to a TLS channel, which no mail program of Debian does as Windows
would.

    gss_client.use(realm.tickets("alice"))                    # for this whole process
    with dialogue.open("imap", server) as connection:
        answer = gss_client.login(connection, "GSSAPI", "imap@localhost", binding=...)
"""

import ctypes
import ctypes.util
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

MUTUAL, CONTINUE_NEEDED, NO_LAYER = 2, 1, b"\x01\0\0\0"


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, octets):
        """The octets must be kept by the caller, in `kept`."""
        self = cls(len(octets), None)
        self.kept = ctypes.create_string_buffer(octets, max(len(octets), 1))
        self.value = ctypes.cast(self.kept, ctypes.c_void_p)
        return self


class Oid(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("elements", ctypes.c_char_p)]


class Bindings(ctypes.Structure):
    _fields_ = [("initiator_type", ctypes.c_uint32), ("initiator", Buffer),
                ("acceptor_type", ctypes.c_uint32), ("acceptor", Buffer), ("data", Buffer)]


KERBEROS = Oid(9, b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
SPNEGO = Oid(6, b"\x2b\x06\x01\x05\x05\x02")
HOST_BASED = Oid(10, b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04")


def _library():
    name = ctypes.util.find_library("gssapi_krb5")
    if not name:
        postern.skip("libgssapi-krb5 (package libgssapi-krb5-2) is not installed")
    library = ctypes.CDLL(name)
    for function in ("gss_import_name", "gss_acquire_cred", "gss_set_cred_option",
                     "gss_init_sec_context", "gss_wrap", "gss_unwrap", "gss_release_buffer",
                     "gss_delete_sec_context", "gss_release_cred", "gss_release_name"):
        getattr(library, function).restype = ctypes.c_uint32
    return library


GSS = _library()


def use(environment):
    """Tickets and configuration of this process."""
    for name in ("KRB5_CONFIG", "KRB5CCNAME"):
        os.environ[name] = environment[name]


def server_end_point(connection):
    """RFC 5929, of a certificate signed with SHA-256."""
    certificate = connection.sock.getpeercert(True)
    return b"tls-server-end-point:" + hashlib.sha256(certificate).digest()


class Context:
    """target: service@host; binding: application data; layers: ask for them by flags."""

    def __init__(self, target, spnego=False, binding=None, layers=False):
        self.minor, self.context = ctypes.c_uint32(), ctypes.c_void_p()
        self.name, self.credential = ctypes.c_void_p(), ctypes.c_void_p()
        self.oid = SPNEGO if spnego else KERBEROS
        self.binding, self.done = binding, False
        self._call("gss_import_name", ctypes.byref(Buffer.of(target.encode())),
                   ctypes.byref(HOST_BASED), ctypes.byref(self.name))
        self._call("gss_acquire_cred", None, 0, None, 1, ctypes.byref(self.credential), None, None)
        if not layers:
            option = ctypes.c_void_p.in_dll(GSS, "GSS_KRB5_CRED_NO_CI_FLAGS_X")
            self._call("gss_set_cred_option", ctypes.byref(self.credential), option,
                       ctypes.byref(Buffer()))

    def close(self):
        if self.context:
            self._call("gss_delete_sec_context", ctypes.byref(self.context), None)
        self._call("gss_release_cred", ctypes.byref(self.credential))
        self._call("gss_release_name", ctypes.byref(self.name))

    def _call(self, function, *arguments):
        major = getattr(GSS, function)(ctypes.byref(self.minor), *arguments)
        if major >> 16:
            raise postern.Failed(f"{function}: major {major:#x}, minor {self.minor.value}")
        return major

    def _take(self, buffer):
        octets = ctypes.string_at(buffer.value, buffer.length) if buffer.length else b""
        GSS.gss_release_buffer(ctypes.byref(self.minor), ctypes.byref(buffer))
        return octets

    def token(self, challenge=b""):
        """The next one; b"": none."""
        token, bindings, data = Buffer(), None, None
        if self.binding is not None:
            data = Buffer.of(self.binding)
            bindings = ctypes.byref(Bindings(0, Buffer(), 0, Buffer(), data))
        major = self._call(
            "gss_init_sec_context", self.credential, ctypes.byref(self.context), self.name,
            ctypes.byref(self.oid), MUTUAL, 0, bindings, ctypes.byref(Buffer.of(challenge)), None,
            ctypes.byref(token), None, None)
        self.done = not major & CONTINUE_NEEDED
        return self._take(token)

    def unwrap(self, octets):
        clear = Buffer()
        self._call("gss_unwrap", self.context, ctypes.byref(Buffer.of(octets)),
                   ctypes.byref(clear), None, None)
        return self._take(clear)

    def wrap(self, octets):
        wrapped = Buffer()
        self._call("gss_wrap", self.context, 0, 0, ctypes.byref(Buffer.of(octets)), None,
                   ctypes.byref(wrapped))
        return self._take(wrapped)


def login(connection, mechanism, target, authzid=b"", initial=False, **options):
    """The whole exchange; the server's last answer."""
    context = Context(target, spnego=mechanism == "GSS-SPNEGO", **options)
    try:
        if initial:
            answer = connection.authenticate(mechanism, context.token())
        else:
            answer = connection.authenticate(mechanism)
            assert answer.challenge == b"", answer
            answer = connection.respond(context.token())
        while answer.challenge is not None and not context.done:
            answer = connection.respond(context.token(answer.challenge))
        if mechanism == "GSSAPI" and answer.challenge is not None:
            assert context.unwrap(answer.challenge) == NO_LAYER
            answer = connection.respond(context.wrap(NO_LAYER + authzid))
        return answer
    finally:
        context.close()
