#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates that change on disk are taken up; a pair that does not match is not; SNI."""
import os
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

TLS = postern.merge(postern.ECHO, {"listener echo": {"tls": "implicit"}})


def served(server, name=None):
    """The certificate the server shows, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with server.connect("echo") as sock, context.wrap_socket(sock, server_hostname=name) as tls:
        return tls.getpeercert(True)


def on_disk(path):
    with open(path, encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def until(condition, what):
    ends = time.monotonic() + postern.TIMEOUT
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


def changed_on_disk():
    with postern.Server(TLS, tls=True) as server:
        worker = server.worker_pid
        first = served(server)
        assert first == on_disk(server.ca_file)
        with server.connect("echo", tls=True) as old:
            reader = postern.lines(old)
            reader.readline()
            postern.make_certificate(server.directory)
            server.wait_log("certificate.changed")
            until(lambda: served(server) == on_disk(server.ca_file), "the new certificate")
            assert served(server) != first
            old.sendall(b"still\r\n")
            assert reader.readline() == b"still\r\n"
        assert server.worker_pid == worker


def pair_that_does_not_match():
    with postern.Server(TLS, tls=True) as server:
        first = served(server)
        other = postern.make_certificate(server.directory, name="other")
        os.replace(other[0], server.ca_file)  # the certificate without its key
        line = server.wait_log("certificate.refused")
        assert "does not belong" in line["error"], line
        assert served(server) == first
        # A worker that starts now gets what was good, too, and so does a reload.
        os.kill(server.worker_pid, 9)
        server.wait_log("worker.crashed")
        assert served(server) == first
        server.wait_ready(2)
        server.reload()
        assert served(server) == first
        os.replace(other[1], os.path.join(server.directory, "server.key"))
        server.wait_log("certificate.changed")
        until(lambda: served(server) == on_disk(server.ca_file), "the pair that matches")


def by_name():
    server = postern.Server(TLS, tls=True)
    named = postern.make_certificate(server.directory, name="named", hosts=("named.example.test",))
    server.configure({"certificate named": {"names": "named.example.test *.wild.example.test",
                                            "certificate": named[0], "key": named[1]}})
    with server:
        assert served(server, "named.example.test") == on_disk(named[0])
        assert served(server, "a.wild.example.test") == on_disk(named[0])
        assert served(server, "other.example.test") == on_disk(server.ca_file)
        assert served(server) == on_disk(server.ca_file)


def wrong_from_the_start():
    server = postern.Server(TLS, tls=True)
    other = postern.make_certificate(server.directory, name="other")
    os.replace(other[0], server.ca_file)
    server.start(wait=False)
    try:
        assert server.wait_exit() == 1
        assert "server.key" in "\n".join(server.raw_log), server.tail()
    finally:
        server.close()


if __name__ == "__main__":
    postern.run(changed_on_disk, pair_that_does_not_match, by_name, wrong_from_the_start)
